use jiff::{SignedDuration, Timestamp};
use muster_reports::view::Severity;

use crate::controls::EMRG;
use crate::drift::Approval;
use crate::graph::Edge;
use crate::rules::{Facts, Failure, Manual, Population, Rule, Setting, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "XPR-011",
    slug: "emergency-access-open",
    title: "Emergency access not closed",
    severity: Severity::Critical,
    controls: &[EMRG],
    population: Population::Approvals,
    needs: &[],
    options: &[Setting {
        name: "hours",
        default: 24,
        about: "hours after the decision for which an emergency request without an end of its own counts (our own default: a day)",
    }],
    manual: Manual {
        finds: "Access that was given for an emergency and is still there when the emergency is over: past the end of its request, or past the limit where the request has none.",
        matters: "Emergency access goes around every other control. Left open it is a standing back door that everybody has got used to.",
        evidence: "The request, its end, and the grant or membership that is still there.",
        fix: "Revoke it now; have what was done with it reviewed (XPR-012). If it is needed for longer, ask for it in the ordinary way.",
        limits: "Knows what the source of requests marks as an emergency (`emergency`). Access that its holder had before the request, or that another request allows, is not the emergency's; a grant that its system does not date is, for nobody asks in an emergency for what they have. Uses of registered emergency accounts are AUT-004.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Approval(place) = subject else { return Verdict::NotApplicable };
    let approval = &facts.events.approvals()[place];
    if !approval.is_approved() || approval.emergency == Some(false) {
        return Verdict::NotApplicable;
    }
    if approval.emergency.is_none() {
        return Verdict::NotEvaluated(UNMARKED.to_owned());
    }
    if approval.entitlement.is_none() {
        return Verdict::NotEvaluated("the request does not say what was given".to_owned());
    }
    let Some(end) = facts.emergency_ends(approval) else {
        return Verdict::NotEvaluated("the request says neither when it was decided nor when it ends".to_owned());
    };
    if facts.now <= end {
        return Verdict::Pass;
    }
    if facts.beneficiaries(approval).is_empty() {
        let name = facts.events.text(approval.beneficiary.written);
        return Verdict::NotEvaluated(format!("no account or person is known as `{name}`"));
    }
    let edges = facts.approved_edges(approval);
    let Some(edge) = edges.iter().find(|edge| is_the_emergencys(facts, approval, edge)) else {
        let holders = facts.beneficiaries(approval);
        let unread = holders.iter().find_map(|node| facts.access_unread(facts.graph.node(*node).system));
        return unread.map_or(Verdict::Pass, |why| Verdict::NotEvaluated(why.to_owned()));
    };
    let hours = facts.now.duration_since(end).as_hours();
    Failure::new(format!(
        "{} of {} was given for the emergency in ticket {}, which ended on {}, and is still there {hours} hours later.",
        facts.graph.name(edge.target),
        facts.graph.name(edge.source),
        facts.events.text(approval.id.written),
        end.strftime("%Y-%m-%d %H:%M"),
    ))
    .row(facts.approval_row(approval))
    .row(facts.edge_row(edge))
    .verdict()
}

/// Why nothing is known about emergencies.
pub(super) const UNMARKED: &str = "the source of requests does not tell emergencies from others";

/// Whether a grant is there because of the emergency: neither from before it, nor by another request.
fn is_the_emergencys(facts: &Facts<'_>, approval: &Approval, edge: &Edge) -> bool {
    let events = facts.events;
    let is_older = facts.graph.detail(edge).since.at().zip(approval.decided_at.or(approval.from));
    let others = events.approvals_for(events.folded(Some(approval.beneficiary))).filter(|other| {
        other.is_approved()
            && other.emergency != Some(true)
            && other.until.is_none_or(|until| until >= facts.now)
            && facts.approved_edges(other).iter().any(|allowed| allowed.ix == edge.ix)
    });
    // Clocks of both systems may differ, and access is sometimes given while the ticket is still being written.
    let before = |at: Timestamp| at.checked_sub(SignedDuration::from_hours(24)).unwrap_or(at);
    !is_older.is_some_and(|(since, decided)| since < before(decided)) && others.count() == 0
}

impl Facts<'_> {
    /// When an emergency request is over; `None` where it says nothing of the time.
    pub(in crate::rules) fn emergency_ends(&self, approval: &Approval) -> Option<Timestamp> {
        let limit = SignedDuration::from_hours(self.option(&RULE, "hours").clamp(0, 24 * 366));
        approval.until.or_else(|| approval.decided_at.or(approval.from)?.checked_add(limit).ok())
    }
}
