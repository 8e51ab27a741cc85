use jiff::{SignedDuration, Timestamp};
use muster_reports::view::{Evidence, Severity};

use crate::controls::JOIN;
use crate::diff::What;
use crate::drift::Approval;
use crate::graph::Edge;
use crate::rules::{Facts, Failure, Manual, Population, Rule, Setting, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "LCM-017",
    slug: "late-to-provision",
    title: "Time-to-provision breach",
    severity: Severity::Info,
    controls: &[JOIN],
    population: Population::Approvals,
    needs: &[],
    options: &[
        Setting {
            name: "minutes",
            default: 30,
            about: "minutes from the decision, or from the first day that was asked for, to the access (the 95th percentile that metric M2 aims at)",
        },
        Setting { name: "days", default: 30, about: "days for which a decided request is looked at" },
    ],
    manual: Manual {
        finds: "Access that was approved and came later than it should have, or has not come yet.",
        matters: "Whoever waits for access borrows somebody else's. Slow provisioning is where shared passwords and emergency requests come from.",
        evidence: "The request, and when the access came: the system's own date, else the two snapshots between which it did.",
        fix: "Look where the time goes: approval to ticket, ticket to administrator, or a job that runs once a night.",
        limits: "Judges by the least time it can have taken. Where a system does not date its grants, only snapshots say when one came, and what was there before the first of them is not evaluated. Access on a first day is metric M2, and ORP-011 where it never comes.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Approval(place) = subject else { return Verdict::NotApplicable };
    let approval = &facts.events.approvals()[place];
    let (Some(_), Some(decided), true) = (approval.entitlement, approval.decided_at, approval.is_approved()) else {
        return Verdict::NotApplicable;
    };
    let start = approval.from.map_or(decided, |from| from.max(decided));
    let days = SignedDuration::from_hours(24 * facts.option(&RULE, "days").clamp(0, 36_500));
    // Emergencies end by themselves, and XPR-011 looks after them.
    if approval.emergency == Some(true) {
        return Verdict::NotApplicable;
    }
    let is_over = approval.until.is_some_and(|until| until < facts.now);
    if is_over || start > facts.now || facts.now.duration_since(decided) > days {
        return Verdict::NotApplicable;
    }
    if facts.beneficiaries(approval).is_empty() {
        let name = facts.events.text(approval.beneficiary.written);
        return Verdict::NotEvaluated(format!("no account or person is known as `{name}`"));
    }
    let limit = SignedDuration::from_mins(facts.option(&RULE, "minutes").clamp(0, 1_000_000));
    let edges = facts.approved_edges(approval);
    if edges.is_empty() {
        return missing(facts, approval, start, limit);
    }
    // Whichever came first is the access that was waited for.
    let came: Vec<(Timestamp, &Edge)> =
        edges.iter().filter_map(|edge| Some((came_after(facts, edge, start)?, edge))).collect();
    let Some((after, edge)) = came.into_iter().min_by_key(|(after, _)| *after) else {
        return Verdict::NotEvaluated("nothing tells when the access came".to_owned());
    };
    let took = after.duration_since(start);
    if took <= limit {
        return Verdict::Pass;
    }
    failure(facts, approval, &format!("came {} later", told(took)), Some(facts.edge_row(edge)))
}

/// The latest instant at which an access had certainly not come yet, or the one at which it came.
fn came_after(facts: &Facts<'_>, edge: &Edge, start: Timestamp) -> Option<Timestamp> {
    if let Some(since) = facts.graph.detail(edge).since.at() {
        return Some(since);
    }
    let node = facts.graph.node(edge.target);
    let mut changes = facts.past.of_target(facts.graph.system_name(node.system), facts.graph.text(node.id));
    let came = changes.find(|change| change.what == What::Added && facts.principal(change) == Some(edge.source));
    came.map(|change| change.window.after.max(start))
}

/// Access that is not there.
fn missing(facts: &Facts<'_>, approval: &Approval, start: Timestamp, limit: SignedDuration) -> Verdict {
    let Some(asked) = approval.entitlement else { return Verdict::NotApplicable };
    let targets = facts.nodes_named(asked);
    let Some(target) = targets.first() else {
        return Verdict::NotEvaluated(format!("no access is known as `{}`", facts.events.written(Some(asked))));
    };
    let system = facts.graph.node(*target).system;
    if let Some(why) = facts.access_unread(system) {
        return Verdict::NotEvaluated(why.to_owned());
    }
    // The snapshot says nothing of what came after it was taken.
    let read = facts.graph.coverage().of_system(facts.graph.system_name(system)).filter_map(|row| row.collected).min();
    let waited = read.unwrap_or(facts.now).min(facts.now).duration_since(start);
    if waited <= limit {
        return Verdict::Pass;
    }
    failure(facts, approval, &format!("has not come after {}", told(waited)), None)
}

fn failure(facts: &Facts<'_>, approval: &Approval, how: &str, row: Option<Evidence>) -> Verdict {
    let events = facts.events;
    let failure = Failure::new(format!(
        "{} for {} was approved in ticket {} and {how}.",
        events.written(approval.entitlement),
        events.text(approval.beneficiary.written),
        events.text(approval.id.written),
    ))
    .row(facts.approval_row(approval));
    row.into_iter().fold(failure, Failure::row).verdict()
}

fn told(time: SignedDuration) -> String {
    match time.as_hours() {
        0 => format!("{} minutes", time.as_mins()),
        hours @ 1..48 => format!("{hours} hours"),
        hours => format!("{} days", hours / 24),
    }
}
