use muster_reports::view::Severity;

use super::pair::title;
use crate::config::policy::Conflict;
use crate::controls::{LP, SOD};
use crate::graph::NodeIx;
use crate::people::PersonIx;
use crate::rules::duties::{Control, Duties, NO_DUTIES, Performs, Unaided};
use crate::rules::{Facts, Failure, Manual, Need, Population, Rule, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "SOD-003",
    slug: "latent-conflict",
    title: "Latent conflict",
    severity: Severity::Medium,
    controls: &[SOD, LP],
    population: Population::Persons,
    needs: &[Need { absence: false, ..Need::ALL_PERSONS }],
    options: &[],
    manual: Manual {
        finds: "A person who performs one of two functions that policy/sod.toml says nobody may perform together, and who can come to the other one without anybody's help: by joining a group that is open to all, or as owner of a group or entitlement that gives it.",
        matters: "The conflict is one click away, and after the click it can be undone again before the next review.",
        evidence: "The way to the function that the person has, and what gives the other one.",
        fix: "Close the group, or give it an owner who does not hold the other function.",
        limits: "Administrators, who can give themselves anything, are XPR-004. Where a system does not say whether a group can be joined, people who hold the other function are not evaluated.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Person(person) = subject else { return Verdict::NotApplicable };
    let Some(matrix) = facts.duties.matrix() else {
        let has_accounts = facts.accounts_of(person).any(|account| facts.is_active(account) && facts.is_human(account));
        return if has_accounts { Verdict::NotEvaluated(NO_DUTIES.to_owned()) } else { Verdict::NotApplicable };
    };
    let accounts = facts.duties.accounts(facts, person);
    if accounts.is_empty() {
        return Verdict::NotApplicable;
    }
    let (mut undecided, mut asked) = (None, false);
    for (place, conflict) in matrix.conflicts.iter().enumerate() {
        for (held, other) in Duties::pairs(conflict).flat_map(|(a, b)| [(a, b), (b, a)]) {
            match facts.duties.by_person(facts, held, person) {
                Performs::No => continue,
                Performs::Unknown(why) => {
                    undecided = Some(why);
                    continue;
                }
                Performs::Yes => asked = true,
            }
            let covered = matches!(facts.duties.control(place, Some(person), &accounts), Control::Mitigated(_));
            // Who performs both has more than a latent conflict.
            if covered || facts.duties.by_person(facts, other, person) == Performs::Yes {
                continue;
            }
            match facts.duties.unaided(facts, other, person) {
                Unaided::Joins(node) => return tell(facts, person, conflict, (held, other), node, "can join"),
                Unaided::Owns(node) => return tell(facts, person, conflict, (held, other), node, "owns"),
                Unaided::Unknown(why) => undecided = Some(why),
                Unaided::No => {}
            }
        }
    }
    match undecided {
        Some(why) => Verdict::NotEvaluated(why),
        None if asked => Verdict::Pass,
        None => Verdict::NotApplicable,
    }
}

fn tell(
    facts: &Facts<'_>,
    person: PersonIx,
    conflict: &Conflict,
    (held, other): (usize, usize),
    node: NodeIx,
    how: &str,
) -> Verdict {
    let accounts = facts.duties.accounts(facts, person);
    let way = facts.duties.way(facts, held, &accounts);
    let table = if facts.graph.group(node).is_some() { "groups" } else { "entitlements" };
    let mut failure = Failure::new(format!(
        "{} can do {} and {how} {}, which gives {} ({}: {}).",
        facts.people.name(person),
        title(facts, held),
        facts.graph.name(node),
        title(facts, other),
        conflict.id,
        conflict.risk,
    ))
    .row(facts.object_row(node, table, &[("name", facts.graph.name(node).to_owned())]));
    if let Some(account) = way.first().map(|step| step.source) {
        failure = failure.row(facts.account_row(account, &[("linked", facts.link_reason(account))]));
    }
    failure.path(way).verdict()
}
