use muster_connectors::record::{AccountClass, RecordKind};
use muster_reports::view::Severity;

use crate::config::policy::SystemKind;
use crate::controls::{INV, NHI};
use crate::people::Standing;
use crate::rules::{Facts, Failure, Manual, Need, Population, Rule, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "NHI-010",
    slug: "device-orphan",
    title: "Device identity orphan",
    severity: Severity::Medium,
    controls: &[NHI, INV],
    population: Population::Accounts,
    needs: &[Need::ACCOUNT, Need::ALL_EMPLOYMENTS],
    options: &[],
    manual: Manual {
        finds: "An active device account that the device manager does not know, or whose user has left the company.",
        matters: "A machine that nobody manages still signs in with its own name: it gets tickets, certificates and network access.",
        evidence: "The device account with its owner, and the owner's employments.",
        fix: "Retire the device account, or enrol the device again.",
        limits: "The device manager is a system that policy/inventory.toml marks `kind = \"mdm\"`; devices are found in it by id, login or name.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Account(ix) = subject else { return Verdict::NotApplicable };
    let system = facts.graph.node(ix).system;
    let is_device = facts.people.class(ix).class == AccountClass::Device && !facts.is_kind(system, SystemKind::Mdm);
    if !is_device || !facts.is_active(ix) {
        return Verdict::NotApplicable;
    }
    let owner = facts.graph.account(ix).and_then(|account| account.owner).map(|owner| facts.graph.text(owner));
    let person = owner.and_then(|owner| facts.owner(system, owner));
    let gone = person.filter(|person| matches!(facts.people.standing(*person, facts.now), Standing::Ended { .. }));
    let why = if let Some(person) = gone {
        format!("its user {} has left", facts.people.name(person))
    } else if !facts.has_kind(SystemKind::Mdm) {
        let why = "policy/inventory.toml marks no system as the device manager (`kind = \"mdm\"`)";
        return Verdict::NotEvaluated(why.to_owned());
    } else if facts.is_managed(&facts.device_names(ix)) {
        return Verdict::Pass;
    } else {
        let managers =
            facts.graph.places().map(|(system, _)| system).filter(|one| facts.is_kind(*one, SystemKind::Mdm));
        if let Some(why) = managers.into_iter().find_map(|manager| facts.unread(manager, RecordKind::Account)) {
            return Verdict::NotEvaluated(why.to_owned());
        }
        "no device manager knows it".to_owned()
    };
    let mut failure = Failure::new(format!(
        "The device {} in {} is active, and {why}.",
        facts.graph.name(ix),
        facts.graph.system_name(system),
    ))
    .row(facts.account_row(ix, &[("owner", owner.unwrap_or("none").to_owned())]));
    for row in gone.map(|person| facts.employment_rows(person)).unwrap_or_default() {
        failure = failure.row(row);
    }
    failure.verdict()
}
