//! The evaluator's word on a suggestion.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::grants::Grant;
use crate::aws::answer::{Answer, Verdict};
use crate::aws::compiled::Compiled;
use crate::aws::document::Document;
use crate::aws::estate::{Estate, PolicyIx, PrincipalIx};
use crate::aws::evaluate::Evaluate;
use crate::aws::request::Attached;

/// Actions that are tried of each statement: its first ones, which share its resources and conditions with all others.
const ACTIONS_EACH: usize = 12;
/// Resources that are tried of each statement.
const RESOURCES_EACH: usize = 6;

/// What the evaluator answers otherwise with the documents in place of the principal's identity policies. Tried are used actions on a resource of
/// each pattern of their statements, those that deny among them; both must be allowed or none,
/// under as many conditions.
pub(super) fn doubts(compiled: &Compiled<'_>, who: PrincipalIx, grants: &[Grant], documents: &[String]) -> Vec<String> {
    let proposed = Compiled::owning(with(compiled.estate(), who, documents), compiled.reference());
    let mut doubts = BTreeSet::new();
    for text in documents {
        let document = Document::parse(text);
        doubts.extend(
            document.problems.iter().map(|problem| format!("a suggested policy is not understood: {}", problem.what)),
        );
    }
    for grant in grants {
        for action in grant.actions.iter().take(ACTIONS_EACH) {
            let action = known(compiled, action);
            for pattern in grant.resources.patterns.iter().take(RESOURCES_EACH) {
                let resource =
                    if grant.resources.not { "arn:aws:muster:::witness".to_owned() } else { instance(pattern) };
                let (now, then) = (compiled.may(who, &action, &resource), proposed.may(who, &action, &resource));
                // Of several ways that assume as little, the first is told, and the order of statements is another one.
                if granted(&now) != granted(&then) || now.assumed.len() != then.assumed.len() {
                    doubts.insert(format!(
                        "`{action}` on `{resource}` is {} now and would be {}",
                        told(&now),
                        told(&then)
                    ));
                }
            }
        }
    }
    doubts.into_iter().collect()
}

/// An action that a pattern matches; a name is itself.
fn known(compiled: &Compiled<'_>, pattern: &str) -> String {
    let reference = compiled.reference();
    let matched = reference.matching(pattern).into_iter().flatten().next();
    matched.map_or_else(|| pattern.to_owned(), |at| reference.action(at).name.to_string())
}

fn granted(answer: &Answer) -> bool {
    answer.verdict == Verdict::Allowed
}

fn told(answer: &Answer) -> String {
    let conditions: Vec<&str> = answer.assumed.iter().map(|assumed| &*assumed.text).collect();
    let given = if conditions.is_empty() { String::new() } else { format!(" if {}", conditions.join(" and ")) };
    format!("{}{given}", answer.verdict.as_str())
}

/// A text that the pattern matches. Variables become what their default says, or a letter.
fn instance(pattern: &str) -> String {
    let mut text = String::with_capacity(pattern.len());
    let mut rest = pattern;
    while let Some((before, after)) = rest.split_once("${") {
        text.push_str(before);
        let (variable, after) = after.split_once('}').unwrap_or((after, ""));
        let default = variable.split_once(',').map(|(_, default)| default.trim().trim_matches('\''));
        text.push_str(default.unwrap_or("x"));
        rest = after;
    }
    (text + rest).replace(['*', '?'], "x")
}

/// The estate with the documents in place of one principal's identity policies. What cannot concern it is left out of the copy.
fn with(estate: &Estate, who: PrincipalIx, documents: &[String]) -> Estate {
    let entry = &estate.principals[who as usize];
    let own = &estate.accounts[entry.account as usize];
    let mut needed: BTreeSet<PolicyIx> = entry.boundary.iter().copied().collect();
    needed.extend(own.scps.iter().flat_map(|step| &step.policies));
    needed.extend(estate.accounts.iter().flat_map(|account| &account.rcps).flat_map(|step| &step.policies));
    needed.extend(estate.resources.iter().filter_map(|resource| resource.policy));
    needed.extend(estate.acls.values().copied());
    needed.extend(estate.principals.iter().filter_map(|entry| entry.trust));
    let mut copy = estate.clone();
    let empty = Arc::new(Document::default());
    for (at, policy) in (0..).zip(&mut copy.policies) {
        if !needed.contains(&at) {
            policy.document = Arc::clone(&empty);
        }
    }
    let first = copy.policies.len();
    copy.policies.extend(documents.iter().enumerate().map(|(at, text)| Attached {
        name: format!("suggested policy {}", at + 1).into(),
        version: None,
        document: Arc::new(Document::parse(text)),
    }));
    let added = first..copy.policies.len();
    copy.principals[who as usize].identity =
        added.map(|at| PolicyIx::try_from(at).expect("an estate has fewer than 2^32 policies")).collect();
    copy
}
