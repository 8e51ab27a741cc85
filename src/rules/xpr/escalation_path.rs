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
        finds: "An active account that is no administrator and can make itself one: it owns a group that makes administrators, may give itself a policy, make a key or password for an administrator, pass an administrator's role to a service, or assume a role that trusts it by name.",
        matters: "It is an administrator in all but name, and nobody reviews it as one.",
        evidence: "The account, the way, and the path to the grant that opens it.",
        fix: "Cut the cheapest edge: take the one action away, narrow its resources, or give the group an owner who is an administrator.",
        limits: "Judges single steps. On AWS only what no boundary, service control policy, condition or Deny could take back counts; the rest is not evaluated. A group that anybody may join is reported once, at the group (XPR-016). In Active Directory `managedBy` alone gives no right over a group, so it is no way.",
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
    let (how, path) = if let Some(group) = facts.owned_group(ix) {
        (format!("owns the group {}, which makes administrators", facts.graph.name(group)), facts.access.proof(group))
    } else {
        let ways = facts.escalations();
        match ways.covers(system).then(|| ways.of_account(facts.graph, facts.access, ix)) {
            Some(Err(why)) => return Verdict::NotEvaluated(why),
            Some(Ok(Some(found))) => (found.how, found.path),
            Some(Ok(None)) | None => {
                return match privilege {
                    Privilege::Certain(_) => Verdict::Pass,
                    Privilege::Undecided { why, .. } => Verdict::NotEvaluated(why),
                };
            }
        }
    };
    Failure::new(format!(
        "The {} account {} is no administrator of {} and {how}.",
        facts.people.class(ix).class,
        facts.graph.name(ix),
        facts.graph.system_name(system),
    ))
    .row(facts.account_row(ix, &[("way", how)]))
    .path(path)
    .verdict()
}
