use muster_reports::view::Severity;

use crate::controls::INV;
use crate::people::{Correlation, Situation};
use crate::rules::{Facts, Failure, Manual, Need, Population, Rule, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "ORP-003",
    slug: "claimed-twice",
    title: "Account claimed twice",
    severity: Severity::Medium,
    controls: &[INV],
    population: Population::Accounts,
    needs: &[Need { absence: false, ..Need::ALL_PERSONS }, Need::ACCOUNT],
    options: &[],
    manual: Manual {
        finds: "An account that decisions tie to two persons at once.",
        matters: "Decisions beat all evidence, so two that contradict each other leave the account with nobody: whoever leaves, nobody switches it off.",
        evidence: "The account's row, and each person with the decision and its author.",
        fix: "Ask the authors, then remove the decision that is wrong; for an account that two persons really use, register it as shared.",
        limits: "Accounts that several persons fit by evidence alone are ORP-002.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Account(ix) = subject else { return Verdict::NotApplicable };
    let candidates = match facts.people.correlation(ix) {
        Correlation::Nobody => return Verdict::NotApplicable,
        Correlation::Linked(_) | Correlation::Proposed(_) => return Verdict::Pass,
        Correlation::Disputed(candidates) => candidates,
    };
    if facts.people.situation(ix, facts.now) != Situation::FoundAlreadyLinked {
        return Verdict::Pass;
    }
    let names: Vec<String> = candidates
        .iter()
        .map(|candidate| format!("{} ({})", facts.people.name(candidate.person), facts.person_key(candidate.person)))
        .collect();
    let mut row = facts.account_row(ix, &[]);
    for (number, candidate) in candidates.iter().enumerate() {
        let claim = format!("{}: {}", facts.people.name(candidate.person), candidate.evidence);
        row.facts.insert(format!("claim {}", number + 1), claim);
    }
    Failure::new(format!(
        "Decisions tie the account {} in {} to {} persons at once: {}.",
        facts.graph.name(ix),
        facts.graph.system_name(facts.graph.node(ix).system),
        candidates.len(),
        names.join(", "),
    ))
    .row(row)
    .verdict()
}
