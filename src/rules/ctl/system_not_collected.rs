use muster_reports::view::Severity;

use crate::controls::{INV, MONITOR};
use crate::rules::{Facts, Failure, Manual, Population, Rule, Subject, Verdict};
use crate::snapshot::KindState;

pub(in crate::rules) static RULE: Rule = Rule {
    id: "CTL-001",
    slug: "system-not-collected",
    title: "System in scope not collected",
    severity: Severity::High,
    controls: &[INV, MONITOR],
    population: Population::Systems,
    needs: &[],
    options: &[],
    manual: Manual {
        finds: "A system of the inventory that is not configured, or of which not a single scope could be read.",
        matters: "Nothing is known about it, and a report that does not mention it would look clean.",
        evidence: "The inventory's entry, and what the collection of the system ended with.",
        fix: "Add a [[system]] for it to muster.toml, or repair its collection (`muster doctor`); take it out of the inventory when it is gone.",
        limits: "Knows only the systems that policy/inventory.toml and muster.toml list.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::System(place) = subject else { return Verdict::NotApplicable };
    let name = facts.systems[place].as_str();
    let mut rows = facts.graph.coverage().of_system(name).peekable();
    if rows.peek().is_some() && rows.any(|row| row.state != KindState::Failed) {
        return Verdict::Pass;
    }
    let owner = match facts.inventory.get(name).and_then(Option::as_deref) {
        Some(owner) => format!("; {owner} answers for it"),
        None => String::new(),
    };
    let what = match facts.graph.coverage().of_system(name).next() {
        None => "is in the inventory, and nothing collects it".to_owned(),
        Some(row) => match row.gaps.first() {
            Some(gap) => format!("could not be read: {}", gap.what),
            None => "could not be read".to_owned(),
        },
    };
    Failure::new(format!("The system {name} {what}{owner}.")).verdict()
}
