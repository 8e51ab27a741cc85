use muster_connectors::record::{AccountClass, PrivilegeLevel};
use muster_reports::view::Severity;

use crate::access::Privilege;
use crate::config::policy::SystemKind;
use crate::controls::INV;
use crate::rules::{Facts, Failure, Manual, Need, Population, Rule, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "NET-002",
    slug: "local-edge-administrator",
    title: "Local edge administrator",
    severity: Severity::High,
    controls: &[INV],
    population: Population::Accounts,
    needs: &[Need::ACCOUNT],
    options: &[],
    manual: Manual {
        finds: "An active privileged account of a firewall, switch or other appliance (a system that policy/inventory.toml marks `kind = \"network\"`) that signs in locally instead of through the directory.",
        matters: "It lives on when its holder leaves and when the directory is locked down. CIS 5.6 asks for central accounts.",
        evidence: "The account and the path to its privilege.",
        fix: "Sign in through the directory; keep one registered break-glass account a device.",
        limits: "An account is central when the system names its identity elsewhere (`federated`). A system that does so for no account is not evaluated. Break-glass and built-in accounts are exempt.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Account(ix) = subject else { return Verdict::NotApplicable };
    let system = facts.graph.node(ix).system;
    let Some(account) = facts.graph.account(ix) else { return Verdict::NotApplicable };
    let exempt = account.is_root
        || matches!(
            facts.people.class(ix).class,
            AccountClass::BreakGlass | AccountClass::System | AccountClass::Device
        );
    if !facts.is_kind(system, SystemKind::Network) || exempt || !facts.is_active(ix) {
        return Verdict::NotApplicable;
    }
    if facts.graph.federated_of(account).next().is_some() || facts.federations_of(ix).next().is_some() {
        return Verdict::Pass;
    }
    match facts.privilege(ix) {
        Privilege::Certain(PrivilegeLevel::Baseline | PrivilegeLevel::Limited) => return Verdict::Pass,
        Privilege::Undecided { at_least, why, .. } if at_least < PrivilegeLevel::Privileged => {
            return Verdict::NotEvaluated(why);
        }
        Privilege::Certain(_) | Privilege::Undecided { .. } => {}
    }
    if !facts.federates(system) {
        return Verdict::NotEvaluated(
            "the system says of no account that it signs in through the directory".to_owned(),
        );
    }
    Failure::new(format!(
        "{} administers {} with a local account that the directory does not know.",
        facts.graph.name(ix),
        facts.graph.system_name(system),
    ))
    .row(facts.account_row(ix, &[]))
    .path(facts.access.proof(ix))
    .verdict()
}
