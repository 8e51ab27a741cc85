use muster_reports::view::Severity;

use crate::controls::{INV, UNIQ};
use crate::people::{Correlation, Situation};
use crate::rules::{Facts, Failure, Manual, Need, Population, Rule, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "ORP-002",
    slug: "ambiguous-owner",
    title: "Ambiguous owner",
    severity: Severity::Medium,
    controls: &[INV, UNIQ],
    population: Population::Accounts,
    needs: &[Need::ALL_PERSONS, Need::ACCOUNT],
    options: &[],
    manual: Manual {
        finds: "An active human account that two or more persons fit equally well, none of them surely and alone.",
        matters: "When one of them leaves, nobody can say whether the account has to go.",
        evidence: "The account's row and each candidate with what speaks for it.",
        fix: "Ask the candidates, then decide with `muster links accept ACCOUNT PERSON`.",
        limits: "Accounts that two pins tie to two persons are ORP-003.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Account(ix) = subject else { return Verdict::NotApplicable };
    if !facts.is_human(ix) || !facts.is_active(ix) {
        return Verdict::NotApplicable;
    }
    let Correlation::Disputed(candidates) = facts.people.correlation(ix) else { return Verdict::Pass };
    if facts.people.situation(ix, facts.now) == Situation::FoundAlreadyLinked {
        return Verdict::NotApplicable;
    }
    let names: Vec<String> = candidates
        .iter()
        .map(|candidate| format!("{} ({})", facts.people.name(candidate.person), facts.person_key(candidate.person)))
        .collect();
    let mut failure = Failure::new(format!(
        "{} persons fit the account {} in {} equally well: {}.",
        candidates.len(),
        facts.graph.name(ix),
        facts.graph.system_name(facts.graph.node(ix).system),
        names.join(", "),
    ))
    .row(facts.account_row(ix, &[]));
    for candidate in candidates {
        for mut row in facts.employment_rows(candidate.person) {
            row.facts.insert("speaks_for_it".to_owned(), candidate.evidence.clone());
            failure = failure.row(row);
        }
    }
    failure.verdict()
}
