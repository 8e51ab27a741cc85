use jiff::SignedDuration;
use muster_connectors::record::PrivilegeLevel;
use muster_reports::view::Severity;

use crate::controls::REV;
use crate::rules::reviews::{NO_REVIEWS, review_row};
use crate::rules::{Facts, Failure, Manual, Population, Rule, Setting, Subject, Verdict, raised};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "DRF-012",
    slug: "decision-not-executed",
    title: "Review decision not executed",
    severity: Severity::High,
    controls: &[REV],
    population: Population::Reviews,
    needs: &[],
    options: &[Setting {
        name: "days",
        default: 14,
        about: "days after a decision to revoke within which the access has to be gone (our own default: two weeks)",
    }],
    manual: Manual {
        finds: "An access that a review decided to revoke and that is still there when the days to do so are over.",
        matters: "A review whose decisions nobody carries out is worse than none: it is the proof that the company knew.",
        evidence: "The decision with reviewer and instant, and the grant or membership as it is now.",
        fix: "Revoke it in the system. If the reviewer has changed their mind, have that decided in a later campaign, or approved by a request.",
        limits: "Reads the decisions that policy/reviews.toml names. Looks for direct grants and memberships; what comes through a nested group is the group's row. A later decision about the same access replaces an earlier one, and a request that was approved after the decision settles it. Where the system was not read completely, or does not know the access by that name, an access that is not found is not evaluated.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Review(place) = subject else { return Verdict::NotApplicable };
    let Some((reviews, item)) = facts.review_item(place) else {
        return Verdict::NotEvaluated(NO_REVIEWS.to_owned());
    };
    let Some(decided) = item.decision.filter(|decided| !decided.keeps && facts.is_last_decision(place)) else {
        return Verdict::NotApplicable;
    };
    let Some(system) = facts.graph.system(&item.system) else {
        return Verdict::NotEvaluated(format!("`{}` was not collected", item.system));
    };
    let edges = facts.reviewed_edges(system, item);
    let Some(edge) = edges.first() else {
        if let Some(why) = facts.access_unread(system) {
            return Verdict::NotEvaluated(why.to_owned());
        }
        if facts.reviewed_targets(system, item).is_empty() {
            let access = &item.access;
            return Verdict::NotEvaluated(format!(
                "`{}` has no group or entitlement that is called `{access}`",
                item.system
            ));
        }
        return Verdict::Pass;
    };
    let days = facts.option(&RULE, "days").clamp(0, 36_500);
    let due = decided.at.checked_add(SignedDuration::from_hours(24 * days)).unwrap_or(decided.at);
    if facts.now <= due || facts.approved_since(edge, decided.at).is_some() {
        return Verdict::Pass;
    }
    let failure = Failure::new(format!(
        "{} decided on {} in {} that {} has to lose {} in {}, and it is still there.",
        item.reviewer,
        decided.at.strftime("%Y-%m-%d"),
        reviews.campaign_of(item).id,
        facts.graph.name(edge.source),
        facts.graph.name(edge.target),
        item.system,
    ))
    .row(review_row(item))
    .row(facts.edge_row(edge));
    if facts.access.conveys(facts.graph, edge.target, Some(edge.source)).is_at_least(PrivilegeLevel::Privileged) {
        return failure.severity(raised(RULE.severity), "what has to go is privileged").verdict();
    }
    failure.verdict()
}
