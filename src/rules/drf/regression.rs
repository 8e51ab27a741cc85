use jiff::Timestamp;
use muster_reports::view::{Evidence, Severity};

use crate::controls::REV;
use crate::diff::What;
use crate::graph::Edge;
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
        finds: "A finding that a check had found in order and that is true again; an access that a review decided to revoke, that was gone, and that was given back.",
        matters: "Something or somebody gives back what was taken away: a provisioning job, a second system of record, an administrator. Taking it away once more will not hold.",
        evidence: "The finding, when it was last found in order, and what is true now; or the decision, and the access with when it came back.",
        fix: "Find who or what grants it again (the system's audit log, provisioning rules, group nesting), and repair that before the access.",
        limits: "Knows what checks of this store resolved within 400 days, and decisions that policy/reviews.toml names. That a revoked access came back is known by the date that the system gives it, or by a snapshot without it; one that was never gone is DRF-012, one that a later request allows is none. Findings about the checks themselves (CTL) and about HR's own records (DQ) are marked regressed only, for nobody gives an access back there; so are those of your own rules.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let place = match subject {
        Subject::Resolved(place) => place,
        Subject::Review(place) => return given_back(facts, place),
        _ => return Verdict::NotApplicable,
    };
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

/// A revoked access that was gone and is there again.
fn given_back(facts: &Facts<'_>, place: usize) -> Verdict {
    let Some((reviews, item)) = facts.review_item(place) else { return Verdict::NotApplicable };
    let Some(decided) = item.decision.filter(|decided| !decided.keeps && facts.is_last_decision(place)) else {
        return Verdict::NotApplicable;
    };
    let Some(system) = facts.graph.system(&item.system) else {
        return Verdict::NotEvaluated(format!("`{}` was not collected", item.system));
    };
    let edges = facts.reviewed_edges(system, item);
    if edges.is_empty()
        && let Some(why) = facts.access_unread(system)
    {
        return Verdict::NotEvaluated(why.to_owned());
    }
    let back = edges.iter().find_map(|edge| Some((edge, came_back(facts, edge, decided.at)?)));
    let Some((edge, at)) = back.filter(|(edge, _)| facts.approved_since(edge, decided.at).is_none()) else {
        return Verdict::Pass;
    };
    let mut row = facts.edge_row(edge);
    row.facts.insert("since".to_owned(), at.to_string());
    Failure::new(format!(
        "{} of {} was revoked in {} on {} and came back by {}.",
        facts.graph.name(edge.target),
        facts.graph.name(edge.source),
        reviews.campaign_of(item).id,
        day(decided.at),
        day(at),
    ))
    .row(facts.review_row(item))
    .row(row)
    .verdict()
}

/// When an access came that cannot be the one of the decision.
fn came_back(facts: &Facts<'_>, edge: &Edge, decided: Timestamp) -> Option<Timestamp> {
    if let Some(since) = facts.graph.detail(edge).since.at() {
        return Some(since).filter(|since| *since > decided);
    }
    let node = facts.graph.node(edge.target);
    let mut changes = facts.past.of_target(facts.graph.system_name(node.system), facts.graph.text(node.id));
    let came = changes.find(|change| change.what == What::Added && facts.principal(change) == Some(edge.source))?;
    Some(came.window.until).filter(|_| came.window.after >= decided)
}

fn day(at: Timestamp) -> jiff::civil::Date {
    at.to_zoned(jiff::tz::TimeZone::UTC).date()
}
