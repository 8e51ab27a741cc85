use muster_connectors::record::{AccountClass, PrivilegeLevel};
use muster_reports::view::Severity;

use crate::access::Privilege;
use crate::controls::LP;
use crate::graph::Step;
use crate::rules::{Facts, Failure, Manual, Need, Population, Rule, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "XPR-004",
    slug: "full-admin",
    title: "Wildcard or full admin",
    severity: Severity::High,
    controls: &[LP],
    population: Population::Accounts,
    needs: &[Need::ACCOUNT],
    options: &[],
    manual: Manual {
        finds: "An active account that can do everything in its system: every action on every resource, or membership, however nested, of a group that owns it.",
        matters: "One such account in the wrong hands is the whole system. There are always more of them than anybody thinks.",
        evidence: "The shortest path from the account to what makes it an administrator.",
        fix: "Replace the grant by one that names the actions and resources that the work needs; for rare work, by one that is asked for and runs out.",
        limits: "On AWS every layer is regarded: an administrator is who controls IAM of the account (grants anything, takes over others, passes roles) on names that nobody has yet. Where that depends on a condition, or on something that was not read, it is not evaluated. The built-in administrator of a system is not judged here.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Account(ix) = subject else { return Verdict::NotApplicable };
    let built_in = facts.graph.account(ix).is_none_or(|account| account.is_root)
        || facts.people.class(ix).class == AccountClass::System;
    if built_in || !facts.is_active(ix) {
        return Verdict::NotApplicable;
    }
    match facts.privilege(ix) {
        Privilege::Certain(PrivilegeLevel::Admin) => {}
        Privilege::Certain(PrivilegeLevel::Baseline | PrivilegeLevel::Limited | PrivilegeLevel::Privileged) => {
            return Verdict::Pass;
        }
        Privilege::Undecided { why, .. } => return Verdict::NotEvaluated(why),
    }
    let path = facts.access.proof(ix);
    // A domain controller is in Domain Controllers by its primary group: that is what it is, not what it was given.
    let by_nature = |step: &Step| facts.graph.text_or_empty(facts.graph.detail(step).note) == "primaryGroupID";
    if facts.people.class(ix).class == AccountClass::Device && matches!(path.as_slice(), [step] if by_nature(step)) {
        return Verdict::NotApplicable;
    }
    let end = path.last().map_or_else(String::new, |step| facts.graph.name(step.target).to_owned());
    let through = match path.len() {
        0 | 1 => String::new(),
        hops => format!(" through {hops} steps"),
    };
    Failure::new(format!(
        "The {} account {} can do everything in {}{through}: {end}.",
        facts.people.class(ix).class,
        facts.graph.name(ix),
        facts.graph.system_name(facts.graph.node(ix).system),
    ))
    .row(facts.account_row(ix, &[("class", facts.people.class(ix).class.to_string())]))
    .path(path)
    .verdict()
}
