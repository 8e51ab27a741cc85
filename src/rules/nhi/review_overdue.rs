use muster_reports::view::Severity;

use crate::controls::NHI;
use crate::rules::{Facts, Failure, Manual, Need, Population, Rule, Setting, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "NHI-007",
    slug: "nhi-review-overdue",
    title: "Review overdue",
    severity: Severity::Medium,
    controls: &[NHI],
    population: Population::Accounts,
    needs: &[Need::ACCOUNT],
    options: &[Setting {
        name: "days",
        default: 90,
        about: "days between two reviews (90: CIS 5.5 asks for a quarterly review of service accounts)",
    }],
    manual: Manual {
        finds: "An active service account or agent whose last review, as policy/nhi.toml has it, is too long ago.",
        matters: "A service identity gains rights with every change of its workload and loses none by itself. Only a review takes them away.",
        evidence: "The account and the day of its last review.",
        fix: "Review what it holds and whether it is still needed, then write the day into the register.",
        limits: "Knows only the reviews that the register tells. An identity that was never reviewed is NHI-001.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Account(ix) = subject else { return Verdict::NotApplicable };
    if !facts.is_nhi(ix) {
        return Verdict::NotApplicable;
    }
    if facts.policy.nhi.is_none() {
        return Verdict::NotEvaluated("no policy/nhi.toml says when an identity was reviewed".to_owned());
    }
    let Some(reviewed) = facts.registered(ix).and_then(|entry| entry.reviewed) else { return Verdict::NotApplicable };
    let today = facts.now.to_zoned(jiff::tz::TimeZone::UTC).date();
    let days = today.since(reviewed).map_or(0, |span| i64::from(span.get_days()));
    if days <= facts.option(&RULE, "days") {
        return Verdict::Pass;
    }
    Failure::new(format!(
        "The {} account {} in {} was last reviewed {days} days ago, on {reviewed}.",
        facts.people.class(ix).class,
        facts.graph.name(ix),
        facts.graph.system_name(facts.graph.node(ix).system),
    ))
    .row(facts.account_row(ix, &[("reviewed", reviewed.to_string())]))
    .verdict()
}
