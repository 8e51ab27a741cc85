use muster_connectors::record::{EmploymentStatus, WorkerType};
use muster_reports::view::Severity;

use crate::controls::INV;
use crate::people::{Employment, PersonIx};
use crate::rules::{Facts, Failure, Manual, Need, Population, Rule, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "DQ-002",
    slug: "missing-hr-facts",
    title: "Missing or impossible HR facts",
    severity: Severity::Low,
    controls: &[INV],
    population: Population::Persons,
    needs: &[Need { absence: false, ..Need::ALL_EMPLOYMENTS }],
    options: &[],
    manual: Manual {
        finds: "An employment that HR calls terminated without saying when, that ends before it begins, or that runs without a worker type or a manager.",
        matters: "Every deadline counts from a date, every rule for externals from the worker type, every review goes to the manager. Without them the person falls through.",
        evidence: "The employment as HR has it.",
        fix: "Complete the record in HR. A last day is never guessed here: until it is there, rules that need it are not evaluated.",
        limits: "A manager is missed only in feeds that name managers, and not of persons whom others report to: somebody has to be at the top. Rows that contradict themselves are refused by most connectors and listed as gaps instead.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Person(person) = subject else { return Verdict::NotApplicable };
    let employments = &facts.people.person(person).employments;
    if employments.is_empty() {
        return Verdict::NotEvaluated("HR has no employment of the person".to_owned());
    }
    let faults: Vec<(&Employment, &str)> =
        employments.iter().flat_map(|employment| faults(facts, person, employment)).collect();
    let Some((_, first)) = faults.first() else { return Verdict::Pass };
    let more = match faults.len() {
        1 => String::new(),
        more => format!(" ({} further faults)", more - 1),
    };
    let mut failure = Failure::new(format!("The record of {} in HR {first}{more}.", facts.people.name(person)));
    for (employment, fault) in faults {
        let mut row = facts.employment_row(employment);
        row.facts.insert("fault".to_owned(), fault.to_owned());
        failure = failure.row(row);
    }
    failure.verdict()
}

fn faults<'a>(facts: &Facts<'_>, person: PersonIx, employment: &'a Employment) -> Vec<(&'a Employment, &'static str)> {
    let runs = facts.people.employment_standing(employment, facts.now).is_employed();
    let terminated = employment.status == EmploymentStatus::Terminated;
    let undated =
        terminated && employment.end.is_none() && employment.effective.is_none() && employment.effective_day.is_none();
    let turned = employment.start.zip(employment.end).is_some_and(|(start, end)| end < start);
    let unmanaged = employment.manager.is_none() && facts.should_have_manager(person, employment);
    [
        (undated, "says that the employment is terminated, but not when"),
        (turned, "has an employment that ends before it begins"),
        (runs && employment.worker_type == WorkerType::Unknown, "does not say what kind of worker it is"),
        (runs && unmanaged, "names no manager"),
    ]
    .into_iter()
    .filter(|(is_so, _)| *is_so)
    .map(|(_, fault)| (employment, fault))
    .collect()
}
