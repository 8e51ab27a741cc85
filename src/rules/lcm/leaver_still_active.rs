use muster_reports::view::Severity;

use crate::controls::LEAVE;
use crate::people::{EndEvidence, Standing};
use crate::rules::{Facts, Failure, Manual, Need, Population, Rule, Setting, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "LCM-001",
    slug: "leaver-still-active",
    title: "Leaver still active",
    severity: Severity::Critical,
    controls: &[LEAVE],
    population: Population::Accounts,
    needs: &[Need::ALL_EMPLOYMENTS, Need::ACCOUNT],
    options: &[Setting {
        name: "grace_hours",
        default: 24,
        about: "hours after the effective instant in which the account must be off: a day, so that a leaver of yesterday is not an incident",
    }],
    manual: Manual {
        finds: "An active account of a person none of whose employments runs any more, by a termination record that is present in HR.",
        matters: "The person can still sign in. Former staff's accounts are the way in that needs no attack.",
        evidence: "The account's row, why it is the person's, and the person's employments with their ends.",
        fix: "End the sessions, disable sign-in, then remove grants and credentials; find out why the leaver process missed this system.",
        limits: "A person who merely vanished from the feed is not a leaver. External workers whose end date passed without a termination record are LCM-008.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Account(ix) = subject else { return Verdict::NotApplicable };
    let Some((person, standing)) = facts.holder(ix) else { return Verdict::NotApplicable };
    let (at, evidence, external) = match standing {
        Standing::Ended { at, evidence, external } => (at, evidence, external),
        Standing::Employed | Standing::OnLeave | Standing::Future { .. } => return Verdict::Pass,
        Standing::Unknown => return Verdict::NotEvaluated("HR does not say whether the person is employed".to_owned()),
    };
    if !facts.is_active(ix) || (external && evidence == EndEvidence::EndDate) {
        return Verdict::Pass;
    }
    let hours = at.map(|at| facts.now.duration_since(at).as_hours());
    if hours.is_some_and(|hours| hours < facts.option(&RULE, "grace_hours")) {
        return Verdict::Pass;
    }
    let since = match hours {
        Some(hours) => format!("left {} days ago", hours / 24),
        None => "has left".to_owned(),
    };
    let mut failure = Failure::new(format!(
        "{} {since}, and the account {} in {} still works.",
        facts.people.name(person),
        facts.graph.name(ix),
        facts.graph.system_name(facts.graph.node(ix).system),
    ))
    .row(facts.account_row(ix, &[("linked", facts.link_reason(ix))]));
    for row in facts.employment_rows(person) {
        failure = failure.row(row);
    }
    if facts.is_privileged(ix) {
        failure = failure.path(facts.access.proof(ix));
    }
    // A team that is let go together is one mistake of offboarding.
    if let Some(day) = at.map(|at| at.to_zoned(jiff::tz::TimeZone::UTC).date()) {
        failure = failure.root(day.to_string(), format!("of people who left on {day}"));
    }
    failure.verdict()
}
