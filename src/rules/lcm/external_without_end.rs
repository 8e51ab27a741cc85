use muster_reports::view::Severity;

use crate::controls::{EXT, INV};
use crate::rules::{Facts, Failure, Manual, Need, Population, Rule, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "LCM-007",
    slug: "external-without-end",
    title: "Non-employee without end date",
    severity: Severity::Medium,
    controls: &[EXT, INV],
    population: Population::Persons,
    needs: &[Need { field: Some("end"), absence: false, ..Need::ALL_EMPLOYMENTS }],
    options: &[],
    manual: Manual {
        finds: "A contractor, partner, vendor or temporary worker whose running employment has no end date.",
        matters: "Externals leave without HR noticing. An end date is what makes their access end on its own.",
        evidence: "The employment as HR has it.",
        fix: "Ask the manager for the contract's end and enter it in HR; extend it before it passes.",
        limits: "Rests on HR's worker type: an external that HR calls an employee is not seen.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Person(person) = subject else { return Verdict::NotApplicable };
    let running: Vec<_> = facts
        .people
        .person(person)
        .employments
        .iter()
        .filter(|employment| employment.worker_type.is_external())
        .filter(|employment| facts.people.employment_standing(employment, facts.now).is_employed())
        .collect();
    if running.is_empty() {
        return Verdict::NotApplicable;
    }
    let Some(endless) = running.into_iter().find(|employment| employment.end.is_none()) else { return Verdict::Pass };
    Failure::new(format!("{} works as {} without an end date.", facts.people.name(person), endless.worker_type))
        .row(facts.employment_row(endless))
        .verdict()
}
