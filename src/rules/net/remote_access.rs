use muster_connectors::record::{AccountClass, FactState};
use muster_reports::view::Severity;

use crate::config::policy::SystemKind;
use crate::controls::{EXT, LEAVE, MFA};
use crate::people::Standing;
use crate::rules::{Facts, Failure, Manual, Need, Population, Rule, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "NET-001",
    slug: "remote-access-not-entitled",
    title: "Remote access not entitled",
    severity: Severity::Critical,
    controls: &[LEAVE, EXT, MFA],
    population: Population::Accounts,
    needs: &[Need::ACCOUNT, Need::ALL_EMPLOYMENTS],
    options: &[],
    manual: Manual {
        finds: "An active account of a VPN or zero-trust gateway (a system that policy/inventory.toml marks `kind = \"vpn\"`) of somebody whose employment or contract is over, or without a second factor.",
        matters: "It is the door from the internet into the network. CIS 6.4 asks for a second factor on it, NIST AC-17 for an entitlement behind it.",
        evidence: "The account with its factors, and the holder's employments.",
        fix: "Disable the account, end its sessions, and enforce a second factor for all others.",
        limits: "An account that corresponds to nobody is judged by its second factor alone; that it has no owner is ORP-001. Devices are judged by their owner.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Account(ix) = subject else { return Verdict::NotApplicable };
    let system = facts.graph.node(ix).system;
    let Some(account) = facts.graph.account(ix) else { return Verdict::NotApplicable };
    if !facts.is_kind(system, SystemKind::Vpn) || account.is_root || !facts.is_active(ix) {
        return Verdict::NotApplicable;
    }
    let owner = || facts.owner(system, facts.graph.text(account.owner?));
    let holder = facts.people.link(ix).map(|link| link.person).or_else(owner);
    let (name, place) = (facts.graph.name(ix), facts.graph.system_name(system));
    let row = facts.account_row(ix, &[("mfa", account.mfa.to_string())]);
    if let Some(person) = holder
        && let Standing::Ended { at, .. } = facts.people.standing(person, facts.now)
    {
        let since = at.map_or_else(String::new, |at| format!(" on {}", at.strftime("%Y-%m-%d")));
        let who = facts.people.name(person);
        let mut failure =
            Failure::new(format!("{who} left{since} and can still reach the network as {name} of {place}."));
        failure = failure.row(row);
        for row in facts.employment_rows(person) {
            failure = failure.row(row);
        }
        return failure.verdict();
    }
    let is_machine = matches!(
        facts.people.class(ix).class,
        AccountClass::Device | AccountClass::Service | AccountClass::System | AccountClass::Agent
    );
    match account.mfa {
        FactState::Known => Verdict::Pass,
        _ if is_machine => Verdict::Pass,
        FactState::None | FactState::Never => {
            Failure::new(format!("{name} reaches the network over {place} without a second factor."))
                .row(row)
                .severity(Severity::High, "the holder may be entitled; what is missing is the factor")
                .verdict()
        }
        FactState::Unreadable | FactState::Unsupported => {
            Verdict::NotEvaluated("the system does not say whether there is a second factor".to_owned())
        }
    }
}
