//! What every policy of an estate allows of the actions that matter here, on anything at all: one bit an action.
//!
//! It only tells where asking is worth while: who has not got the bit cannot be allowed by his own policies.

use fixedbitset::FixedBitSet;
use rayon::prelude::*;
use rustc_hash::FxHashMap;

use crate::aws::document::{Document, Effect, Matcher, Statement};
use crate::aws::estate::{Estate, PolicyIx, PrincipalEntry};
use crate::aws::pattern::Glob;

/// The actions that matter, and what each policy allows of them.
#[derive(Debug)]
pub(super) struct Breadth {
    /// In lower case, sorted.
    actions: Vec<Box<str>>,
    by_name: FxHashMap<Box<str>, usize>,
    allowed: Vec<FixedBitSet>,
    /// Whether what the policy says depends on who asks, beyond his account.
    personal: Vec<bool>,
}

impl Breadth {
    /// Reads every policy once.
    pub(super) fn new<'a>(estate: &Estate, actions: impl Iterator<Item = &'a str>) -> Self {
        let mut actions: Vec<Box<str>> = actions.map(|action| action.to_ascii_lowercase().into()).collect();
        actions.sort_unstable();
        actions.dedup();
        let by_name = actions.iter().enumerate().map(|(at, action)| (action.clone(), at)).collect();
        let mut breadth = Self { actions, by_name, allowed: Vec::new(), personal: Vec::new() };
        breadth.allowed = estate.policies.par_iter().map(|policy| breadth.of(&policy.document)).collect();
        breadth.personal = estate.policies.par_iter().map(|policy| is_personal(&policy.document)).collect();
        breadth
    }

    fn of(&self, document: &Document) -> FixedBitSet {
        let mut allowed = FixedBitSet::with_capacity(self.actions.len());
        for statement in document.statements.iter().filter(|statement| statement.effect == Effect::Allow) {
            let Matcher { not, patterns } = &statement.actions;
            if !not {
                for pattern in patterns {
                    self.add(pattern, &mut allowed);
                }
                continue;
            }
            let mut except = FixedBitSet::with_capacity(self.actions.len());
            for pattern in patterns {
                self.add(pattern, &mut except);
            }
            except.toggle_range(..);
            allowed.union_with(&except);
        }
        allowed
    }

    fn add(&self, pattern: &str, to: &mut FixedBitSet) {
        let pattern = pattern.to_ascii_lowercase();
        let Some(wild) = pattern.find(['*', '?']) else {
            if let Some(&at) = self.by_name.get(pattern.as_str()) {
                to.insert(at);
            }
            return;
        };
        let prefix = &pattern[..wild];
        let from = self.actions.partition_point(|action| &**action < prefix);
        let candidates = self.actions[from..].iter().take_while(|action| action.starts_with(prefix)).enumerate();
        if &pattern[wild..] == "*" {
            candidates.for_each(|(at, _)| to.insert(from + at));
            return;
        }
        let glob = Glob::new(&pattern);
        candidates.filter(|(_, action)| glob.matches(action)).for_each(|(at, _)| to.insert(from + at));
    }

    /// The set of some actions; those that nobody asked for are left out.
    pub(super) fn set<'a>(&self, actions: impl Iterator<Item = &'a str>) -> FixedBitSet {
        let mut set = FixedBitSet::with_capacity(self.actions.len());
        for action in actions {
            if let Some(&at) = self.by_name.get(action.to_ascii_lowercase().as_str()) {
                set.insert(at);
            }
        }
        set
    }

    /// What the identity policies of a principal allow together.
    pub(super) fn of_principal(&self, principal: &PrincipalEntry) -> FixedBitSet {
        let mut all = FixedBitSet::with_capacity(self.actions.len());
        for &policy in &principal.identity {
            if let Some(allowed) = self.allowed.get(policy as usize) {
                all.union_with(allowed);
            }
        }
        all
    }

    /// Whether what a policy says depends on who asks, beyond his account.
    pub(super) fn is_personal(&self, policy: PolicyIx) -> bool {
        self.personal.get(policy as usize).copied().unwrap_or_default()
    }
}

/// Whether a statement's `Action` or `NotAction` means the action.
pub(in crate::aws) fn means(statement: &Statement, action: &str) -> bool {
    let Matcher { not, patterns } = &statement.actions;
    let any = patterns.iter().any(|pattern| {
        let Some(wild) = pattern.find(['*', '?']) else { return pattern.eq_ignore_ascii_case(action) };
        let begins = action.get(..wild).is_some_and(|begin| begin.eq_ignore_ascii_case(&pattern[..wild]));
        begins && (&pattern[wild..] == "*" || Glob::lowercase(pattern).matches(&action.to_ascii_lowercase()))
    });
    any != *not
}

/// Condition keys that differ between principals of one account and one set of policies.
fn is_personal_key(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    matches!(&*key, "aws:principalarn" | "aws:userid" | "aws:username") || key.starts_with("aws:principaltag/")
}

fn is_personal(document: &Document) -> bool {
    let variable = |patterns: &[Box<str>]| patterns.iter().any(|pattern| pattern.contains("${"));
    document.statements.iter().any(|statement| {
        statement.resources.as_ref().is_some_and(|resources| variable(&resources.patterns))
            || statement
                .conditions
                .iter()
                .any(|condition| is_personal_key(&condition.key) || variable(&condition.values))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_and_exceptions_become_the_same_bits_as_names() {
        let actions = ["iam:PassRole", "iam:CreateUser", "ec2:RunInstances", "sts:AssumeRole"];
        let mut breadth = Breadth::new(&Estate::default(), actions.into_iter());
        breadth.allowed.clear();
        let names = |element: &str| {
            let text =
                format!(r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow",{element},"Resource":"*"}}]}}"#);
            let allowed = breadth.of(&Document::parse(&text));
            allowed.ones().map(|at| breadth.actions[at].to_string()).collect::<Vec<_>>()
        };
        assert_eq!(names(r#""Action":"IAM:Pass?ole""#), ["iam:passrole"]);
        assert_eq!(names(r#""Action":"iam:*""#), ["iam:createuser", "iam:passrole"]);
        assert_eq!(names(r#""Action":"i*:*role""#), ["iam:passrole"]);
        assert_eq!(names(r#""NotAction":["iam:*","sts:AssumeRole"]"#), ["ec2:runinstances"]);
        assert_eq!(names(r#""Action":"*""#).len(), 4);
    }
}
