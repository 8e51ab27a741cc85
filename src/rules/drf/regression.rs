use muster_reports::view::{Evidence, Severity};

use crate::controls::REV;
use crate::rules::{Facts, Failure, Manual, Population, Recurrence, Rule, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "DRF-011",
    slug: "regression",
    title: "Regression",
    severity: Severity::High,
    controls: &[REV],
    population: Population::Resolved,
    needs: &[],
    options: &[],
    manual: Manual {
        finds: "A finding that a check had found in order and that is true again.",
        matters: "Something or somebody gives back what was taken away: a provisioning job, a second system of record, an administrator. Taking it away once more will not hold.",
        evidence: "The finding, when it was last found in order, and what is true now.",
        fix: "Find who or what grants it again (the system's audit log, provisioning rules, group nesting), and repair that before the access.",
        limits: "Knows what checks of this store resolved within 400 days. Findings about the checks themselves (CTL) and about HR's own records (DQ) are marked regressed only, for nobody gives an access back there; so are those of your own rules.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Resolved(place) = subject else { return Verdict::NotApplicable };
    let recurring = &facts.recurring()[place];
    let earlier = &recurring.finding;
    let message = match &recurring.now {
        Recurrence::InOrder => return Verdict::Pass,
        Recurrence::Unjudged(cause) => return Verdict::NotEvaluated(cause.clone()),
        Recurrence::Back(message) => message,
    };
    let since = earlier.resolved.map_or_else(|| "before".to_owned(), |at| format!("on {}", day(at)));
    let mut shown = vec![
        ("rule".to_owned(), earlier.rule.clone()),
        ("first_seen".to_owned(), earlier.first_seen.to_string()),
        ("now".to_owned(), message.clone()),
    ];
    shown.extend(earlier.resolved.map(|at| ("resolved".to_owned(), at.to_string())));
    Failure::new(format!("{} was in order {since} and is true again: {message}", earlier.rule))
        .row(Evidence {
            system: earlier.subject.system.clone().unwrap_or_default(),
            table: "findings".to_owned(),
            id: earlier.fingerprint.clone(),
            facts: shown.into_iter().collect(),
            collected: None,
        })
        .verdict()
}

fn day(at: jiff::Timestamp) -> jiff::civil::Date {
    at.to_zoned(jiff::tz::TimeZone::UTC).date()
}
