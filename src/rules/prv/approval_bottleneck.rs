use jiff::SignedDuration;
use muster_reports::view::Severity;

use crate::controls::JOIN;
use crate::drift::Outcome;
use crate::rules::{Facts, Failure, Manual, Population, Rule, Setting, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "PRV-002",
    slug: "approval-bottleneck",
    title: "Approval bottleneck",
    severity: Severity::Low,
    controls: &[JOIN],
    population: Population::Approvals,
    needs: &[],
    options: &[
        Setting {
            name: "hours",
            default: 72,
            about: "hours for which a request may wait for a decision (our own default: three days)",
        },
        Setting {
            name: "pending",
            default: 10,
            about: "requests that may wait for one approver at a time (what metric M7 aims at)",
        },
    ],
    manual: Manual {
        finds: "A request that waits for a decision for too long, or in too long a queue of one approver.",
        matters: "Whoever waits finds another way in, and whoever has fifty requests before them approves all fifty.",
        evidence: "The request, since when it waits, and how many wait for the same approver.",
        fix: "Remind or replace the approver; let what is of low risk be approved by rule.",
        limits: "Needs a source that tells open requests with the instant at which they were made (`requested_at`). The approver is who the source says has to decide (`decided_by`).",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Approval(place) = subject else { return Verdict::NotApplicable };
    let approval = &facts.events.approvals()[place];
    if approval.outcome != Outcome::Open {
        return Verdict::NotApplicable;
    }
    let events = facts.events;
    let approver = events.folded(approval.decided_by);
    let queue = approval.decided_by.map_or(0, |approver| events.waiting_for(approver));
    let age = approval.requested_at.map(|at| facts.now.duration_since(at));
    let mut faults = Vec::new();
    if let Some(age) =
        age.filter(|age| *age > SignedDuration::from_hours(facts.option(&RULE, "hours").clamp(0, 1_000_000)))
    {
        faults.push(format!("has waited for {} hours", age.as_hours()));
    }
    if i64::try_from(queue).is_ok_and(|queue| queue > facts.option(&RULE, "pending")) {
        faults.push(format!("is one of {queue} that wait for {}", events.written(approval.decided_by)));
    }
    if faults.is_empty() {
        return match age {
            Some(_) => Verdict::Pass,
            None => Verdict::NotEvaluated("the request does not say when it was made".to_owned()),
        };
    }
    let mut row = facts.approval_row(approval);
    row.facts.extend(age.map(|age| ("waiting_hours".to_owned(), age.as_hours().to_string())));
    row.facts.insert("queue_count".to_owned(), queue.to_string());
    let mut failure = Failure::new(format!(
        "The request {} for {} {}.",
        events.text(approval.id.written),
        events.text(approval.beneficiary.written),
        faults.join(" and "),
    ))
    .row(row);
    if !approver.is_empty() {
        failure = failure.root(approver, format!("waiting for {}", events.written(approval.decided_by)));
    }
    failure.verdict()
}
