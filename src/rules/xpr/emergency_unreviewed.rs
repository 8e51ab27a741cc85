use jiff::SignedDuration;
use muster_reports::view::Severity;

use super::emergency_open::UNMARKED;
use crate::controls::{EMRG, REV};
use crate::drift::Approval;
use crate::rules::{Facts, Failure, Manual, Population, Rule, Setting, Subject, Verdict};

/// What counts as a month.
const MONTH: SignedDuration = SignedDuration::from_hours(24 * 30);

pub(in crate::rules) static RULE: Rule = Rule {
    id: "XPR-012",
    slug: "emergency-access-unreviewed",
    title: "Emergency access not reviewed or overused",
    severity: Severity::Medium,
    controls: &[EMRG, REV],
    population: Population::Approvals,
    needs: &[],
    options: &[
        Setting {
            name: "review_days",
            default: 7,
            about: "days after the end of an emergency within which somebody has to look at what was done (our own default: a week)",
        },
        Setting {
            name: "per_month",
            default: 3,
            about: "emergencies of one beneficiary in thirty days beyond which they are a way of working (our own default)",
        },
    ],
    manual: Manual {
        finds: "An emergency request that nobody reviewed in time after it ended, that its own beneficiary reviewed, or that is one too many of its beneficiary within thirty days.",
        matters: "Emergency access is given without asking first; asking afterwards is what makes it a control. Whoever has an emergency every week has a second, unapproved role.",
        evidence: "The request with its end and its review, and how many there were in the thirty days before.",
        fix: "Review it and write down who did and when (`reviewed_by`, `reviewed_at` of the request); give a role of its own to what recurs.",
        limits: "Knows what the source of requests marks as an emergency. The same beneficiary is one person, or one name where nobody knows the person. Uses of registered emergency accounts count here by the request of their ticket.",
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
    let mut faults = Vec::new();
    let mut unknown = None;
    let is_own = approval.reviewed_by.is_some_and(|reviewer| is_same(facts, reviewer, approval.beneficiary));
    if is_own {
        faults.push("was reviewed by whom it was for".to_owned());
    } else if approval.reviewed_by.is_none() && approval.reviewed_at.is_none() {
        let grace = SignedDuration::from_hours(24 * facts.option(&RULE, "review_days").clamp(0, 36_500));
        match facts.emergency_ends(approval) {
            None => unknown = Some("the request says neither when it was decided nor when it ends"),
            Some(end) if facts.now > end.checked_add(grace).unwrap_or(end) => {
                faults.push(format!("ended on {} and was never reviewed", end.strftime("%Y-%m-%d")));
            }
            Some(_) => {}
        }
    }
    let recent = recent(facts, approval);
    let limit = facts.option(&RULE, "per_month");
    if i64::try_from(recent).is_ok_and(|recent| recent > limit) {
        faults.push(format!("is the {recent}th within thirty days, where {limit} are allowed"));
    }
    if faults.is_empty() {
        return unknown.map_or(Verdict::Pass, |why| Verdict::NotEvaluated(why.to_owned()));
    }
    let events = facts.events;
    let mut row = facts.approval_row(approval);
    row.facts.insert("within_thirty_days".to_owned(), recent.to_string());
    Failure::new(format!(
        "The emergency access of {} in ticket {} {}.",
        events.text(approval.beneficiary.written),
        events.text(approval.id.written),
        faults.join(" and "),
    ))
    .row(row)
    .verdict()
}

/// Emergencies of the same beneficiary in the thirty days up to this one, itself among them.
fn recent(facts: &Facts<'_>, approval: &Approval) -> usize {
    let Some(at) = approval.decided_at.or(approval.from) else { return 1 };
    let from = at.checked_sub(MONTH).unwrap_or(at);
    let all = facts.events.emergencies().filter(|other| {
        let when = other.decided_at.or(other.from);
        when.is_some_and(|when| from < when && when <= at)
    });
    all.filter(|other| is_same(facts, other.beneficiary, approval.beneficiary)).count()
}

/// Whether two names stand for one person, or are one name.
fn is_same(facts: &Facts<'_>, one: crate::drift::Name, other: crate::drift::Name) -> bool {
    if facts.events.folded(Some(one)) == facts.events.folded(Some(other)) {
        return true;
    }
    let (one, other) = (facts.persons_named(one), facts.persons_named(other));
    matches!((one.as_slice(), other.as_slice()), ([one], [other]) if one == other)
}
