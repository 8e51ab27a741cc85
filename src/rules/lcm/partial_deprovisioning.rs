use muster_connectors::record::RecordKind;
use muster_reports::view::Severity;

use crate::controls::LEAVE;
use crate::people::Standing;
use crate::rules::{Facts, Failure, Manual, Need, Population, Rule, Setting, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "LCM-003",
    slug: "partial-deprovisioning",
    title: "Partial deprovisioning",
    severity: Severity::High,
    controls: &[LEAVE],
    population: Population::Persons,
    needs: &[Need::ALL_EMPLOYMENTS],
    options: &[Setting {
        name: "grace_hours",
        default: 24,
        about: "hours after the effective instant in which everything must be off",
    }],
    manual: Manual {
        finds: "A leaver at least one of whose accounts was switched off, while another account or a credential still works.",
        matters: "Somebody believes that the person is out. Local logins, keys and tokens outlive a disabled sign-in.",
        evidence: "The accounts that are off, and each account and credential that is not.",
        fix: "Work through the list to its end; add the systems that were missed to the leaver process.",
        limits: "Sees only systems that are collected, and credentials where the system lists them.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Person(person) = subject else { return Verdict::NotApplicable };
    let Standing::Ended { at, .. } = facts.people.standing(person, facts.now) else { return Verdict::NotApplicable };
    if facts.people.accounts_of(person).is_empty() {
        return Verdict::NotApplicable;
    }
    if at.is_some_and(|at| facts.now.duration_since(at).as_hours() < facts.option(&RULE, "grace_hours")) {
        return Verdict::Pass;
    }
    let (alive, off): (Vec<_>, Vec<_>) = facts.accounts_of(person).partition(|account| facts.is_active(*account));
    let keys: Vec<_> = off
        .iter()
        .flat_map(|account| facts.credentials_of(*account))
        .filter(|(_, credential)| facts.works(credential))
        .collect();
    if off.is_empty() || (alive.is_empty() && keys.is_empty()) {
        let unread =
            [RecordKind::Account, RecordKind::Credential].into_iter().find_map(|kind| facts.unread_anywhere(kind));
        return match unread {
            Some(why) => Verdict::NotEvaluated(format!("an account or key may lie in what was not read: {why}")),
            None => Verdict::Pass,
        };
    }
    let left: Vec<String> = alive
        .iter()
        .map(|account| {
            let system = facts.graph.system_name(facts.graph.node(*account).system);
            format!("account {} in {system}", facts.graph.name(*account))
        })
        .chain(keys.iter().map(|(_, key)| {
            format!("{} {} in {}", key.kind, facts.graph.text(key.id), facts.graph.system_name(key.system))
        }))
        .collect();
    let mut failure = Failure::new(format!(
        "{} has left and was switched off in {} of {} accounts, but this still works: {}.",
        facts.people.name(person),
        off.len(),
        off.len() + alive.len(),
        left.join(", "),
    ));
    for account in off.iter().chain(&alive) {
        failure = failure.row(facts.account_row(*account, &[("linked", facts.link_reason(*account))]));
    }
    for (ix, _) in &keys {
        failure = failure.row(facts.credential_row(*ix));
    }
    for row in facts.employment_rows(person) {
        failure = failure.row(row);
    }
    failure.verdict()
}
