use jiff::SignedDuration;
use muster_connectors::record::{FactState, PrivilegeLevel};
use muster_reports::view::Severity;

use crate::controls::{EMRG, LP};
use crate::rules::{Facts, Failure, Manual, Population, Rule, Setting, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "XPR-008",
    slug: "temporary-access",
    title: "Temporary access overdue or endless",
    severity: Severity::High,
    controls: &[EMRG, LP],
    population: Population::Edges,
    needs: &[],
    options: &[Setting {
        name: "grace_hours",
        default: 24,
        about: "hours by which access may outlive its end before it is overdue (our own default: a day, for nightly clean-up)",
    }],
    manual: Manual {
        finds: "A grant or membership that is still there after its own end; one whose approval had an end that is past; and one that was approved for a time and has no end although the system can set one.",
        matters: "Temporary access that stays is permanent access that nobody approved.",
        evidence: "The row with its end, and the approval with its own.",
        fix: "Revoke it, or have it approved again; set the end where it is granted.",
        limits: "A grant without an end of its own and without a request that names one is not known to be temporary. A later approval for the same access without an end, or with a later one, settles it. Where a system enforces ends by itself, a row that outlives its end may already be without effect: its message says what the source says.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Edge(edge) = subject else { return Verdict::NotApplicable };
    let detail = facts.graph.detail(&edge);
    let approvals: Vec<_> = facts.approvals_ending(&edge).collect();
    let asked = approvals.iter().copied().max_by_key(|approval| approval.until);
    if detail.until.at().is_none() && detail.until.state() != FactState::Unreadable && asked.is_none() {
        return Verdict::NotApplicable;
    }
    let grace = SignedDuration::from_hours(facts.option(&RULE, "grace_hours").clamp(0, 1_000_000));
    let is_past = |end: jiff::Timestamp| end.checked_add(grace).unwrap_or(end) < facts.now;
    let asked_end = asked.and_then(|approval| approval.until);
    let renewed = || {
        let Some(asked) = asked else { return false };
        let mut others = facts.events.approvals_for(facts.events.folded(Some(asked.beneficiary)));
        others.any(|other| {
            other.is_approved()
                && other.until.is_none()
                && facts.events.folded(other.entitlement) == facts.events.folded(asked.entitlement)
        })
    };
    let told = match (detail.until.at(), asked_end) {
        (Some(end), _) if is_past(end) => format!("ended on {} and is still there", end.strftime("%Y-%m-%d")),
        (_, Some(end)) if is_past(end) && !renewed() => {
            format!("was approved until {} and is still there", end.strftime("%Y-%m-%d"))
        }
        (None, Some(end)) if is_endless(detail.until.state()) && !renewed() => {
            format!("was approved until {} and has no end", end.strftime("%Y-%m-%d"))
        }
        (None, None) => return Verdict::NotEvaluated("when it ends could not be read".to_owned()),
        (_, _) => return Verdict::Pass,
    };
    let mut row = facts.edge_row(&edge);
    row.facts.insert("until".to_owned(), detail.until.to_string());
    let mut failure = Failure::new(format!(
        "{} → {} in {} {told}.",
        facts.graph.name(edge.source),
        facts.graph.name(edge.target),
        facts.graph.system_name(facts.graph.node(edge.target).system)
    ))
    .row(row);
    if let Some(asked) = asked {
        failure = failure.row(facts.approval_row(asked));
    }
    let level = facts.access.conveys(facts.graph, edge.target, Some(edge.source));
    if level.is_at_least(PrivilegeLevel::Admin) {
        failure = failure.severity(Severity::Critical, "it makes an administrator");
    }
    failure.verdict()
}

/// Whether the source could have set an end and did not.
fn is_endless(until: FactState) -> bool {
    matches!(until, FactState::None | FactState::Never)
}
