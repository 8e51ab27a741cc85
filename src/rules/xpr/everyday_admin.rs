use muster_connectors::record::{AccountClass, PrivilegeLevel};
use muster_reports::view::Severity;

use crate::access::Privilege;
use crate::controls::LP;
use crate::rules::{Facts, Failure, Manual, Need, Population, Rule, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "XPR-015",
    slug: "everyday-admin",
    title: "Everyday account is admin",
    severity: Severity::Medium,
    controls: &[LP],
    population: Population::Accounts,
    needs: &[Need::ACCOUNT],
    options: &[],
    manual: Manual {
        finds: "A person's everyday account, the one with the mailbox, that is privileged in the system it lives in.",
        matters: "One opened attachment then runs with everything. CIS 5.4 and NIST AC-6(2) ask for an account of its own for administration.",
        evidence: "The account with its address and class, and the path to the privilege.",
        fix: "Give the person a separate administration account and take the privilege from the everyday one.",
        limits: "Everyday is an account of class human that has a mail address of its own in that system; an account without one may be everyday too and is not judged. The built-in administrator is not judged here.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Account(ix) = subject else { return Verdict::NotApplicable };
    let Some(account) = facts.graph.account(ix) else { return Verdict::NotApplicable };
    let address = facts.graph.emails_of(account).next();
    let is_everyday = facts.people.class(ix).class == AccountClass::Human && !account.is_root;
    let Some(address) = address.filter(|_| is_everyday && facts.is_active(ix)) else { return Verdict::NotApplicable };
    match facts.privilege(ix) {
        Privilege::Certain(PrivilegeLevel::Baseline | PrivilegeLevel::Limited) => return Verdict::Pass,
        Privilege::Undecided { at_least, why, .. } if at_least < PrivilegeLevel::Privileged => {
            return Verdict::NotEvaluated(why);
        }
        Privilege::Certain(_) | Privilege::Undecided { .. } => {}
    }
    let path = facts.access.proof(ix);
    let end = path.last().map_or_else(String::new, |step| format!(" ({})", facts.graph.name(step.target)));
    Failure::new(format!(
        "{} reads mail and administers {} with one account{end}.",
        facts.graph.name(ix),
        facts.graph.system_name(facts.graph.node(ix).system),
    ))
    .row(facts.account_row(ix, &[("address", address.to_owned())]))
    .path(path)
    .verdict()
}
