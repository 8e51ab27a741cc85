use muster_connectors::record::{AccountClass, PrivilegeLevel};
use muster_reports::view::Severity;

use crate::access::Privilege;
use crate::controls::LP;
use crate::rules::{Facts, Failure, Manual, Need, Population, Rule, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "XPR-005",
    slug: "escalation-path",
    title: "Escalation path",
    severity: Severity::High,
    controls: &[LP],
    population: Population::Accounts,
    needs: &[Need::ACCOUNT],
    options: &[],
    manual: Manual {
        finds: "An active account that is no administrator and can make itself one, in one step or several: it owns a group that makes administrators, or, on AWS, it may do what one of the published escalation techniques needs, on a target that is an administrator or leads to one.",
        matters: "It is an administrator in all but name, and nobody reviews it as one.",
        evidence: "Each step: whom it leads to, the technique, and the statement that allows each action it needs; for a group, the path to what it grants.",
        fix: "Cut the cheapest edge: take the one action away, narrow its resources, or give the group an owner who is an administrator.",
        limits: "On AWS every layer is regarded: boundaries, service control policies, denies, conditions and trust. A way that depends on a condition, or on something that was not read, is not evaluated; `muster explain ACCOUNT` says which layer blocks a way that the account's own policies would allow. In other systems single steps are judged. A group that anybody may join is reported once, at the group (XPR-016). In Active Directory `managedBy` alone gives no right over a group, so it is no way.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Account(ix) = subject else { return Verdict::NotApplicable };
    let built_in = facts.graph.account(ix).is_none_or(|account| account.is_root)
        || facts.people.class(ix).class == AccountClass::System;
    let privilege = facts.privilege(ix);
    if built_in || !facts.is_active(ix) || privilege == Privilege::Certain(PrivilegeLevel::Admin) {
        return Verdict::NotApplicable;
    }
    let system = facts.graph.node(ix).system;
    let mut row: Vec<(String, String)> = Vec::new();
    let (how, path) = if let Some(group) = facts.owned_group(ix) {
        (format!("owns the group {}, which makes administrators", facts.graph.name(group)), facts.access.proof(group))
    } else {
        match facts.access.way(facts.graph, ix) {
            Err(why) => return Verdict::NotEvaluated(why),
            Ok(steps) if steps.is_empty() => {
                return match privilege {
                    Privilege::Certain(_) => Verdict::Pass,
                    Privilege::Undecided { why, .. } => Verdict::NotEvaluated(why),
                };
            }
            Ok(steps) => {
                row.extend(
                    (1..).zip(&steps).map(|(number, step): (usize, _)| (format!("step_{number}"), step.clone())),
                );
                let how = match steps.as_slice() {
                    [one] => format!("can become one: {one}"),
                    [first, ..] => format!("can become one in {} steps: first, {first}", steps.len()),
                    [] => String::new(),
                };
                (how, Vec::new())
            }
        }
    };
    row.push(("way".to_owned(), how.clone()));
    let row: Vec<(&str, String)> = row.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
    Failure::new(format!(
        "The {} account {} is no administrator of {} and {how}.",
        facts.people.class(ix).class,
        facts.graph.name(ix),
        facts.graph.system_name(system),
    ))
    .row(facts.account_row(ix, &row))
    .path(path)
    .verdict()
}
