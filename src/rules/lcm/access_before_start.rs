use muster_connectors::record::Lifecycle;
use muster_reports::view::Severity;

use crate::controls::JOIN;
use crate::people::Standing;
use crate::rules::{Facts, Failure, Manual, Need, Population, Rule, Setting, Subject, Verdict, raised};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "LCM-005",
    slug: "access-before-start",
    title: "Access before start",
    severity: Severity::Medium,
    controls: &[JOIN],
    population: Population::Accounts,
    needs: &[Need::ALL_EMPLOYMENTS, Need::ACCOUNT],
    options: &[Setting {
        name: "preboarding_days",
        default: 14,
        about: "days before the first day in which an account may already work (two weeks: what getting ready usually takes)",
    }],
    manual: Manual {
        finds: "An active account of somebody whose employment has not begun and will not begin within the pre-boarding window.",
        matters: "Nobody works here yet who would notice its misuse, and a hire that is called off leaves the account behind.",
        evidence: "The account's row, why it is the person's, and the coming employment with its first day.",
        fix: "Suspend the account until the first day comes near; let the joiner process create accounts staged.",
        limits: "A staged account, made but not enabled, is no access. Without a first day in HR nothing is judged.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Account(ix) = subject else { return Verdict::NotApplicable };
    let Some((person, Standing::Future { start })) = facts.holder(ix) else { return Verdict::NotApplicable };
    if !facts.is_active(ix) || facts.lifecycle(ix) == Lifecycle::Staged {
        return Verdict::Pass;
    }
    let Some(start) = start else {
        return Verdict::NotEvaluated("HR does not say when the person starts".to_owned());
    };
    let today = facts.now.to_zoned(jiff::tz::TimeZone::UTC).date();
    let days = today.duration_until(start).as_hours() / 24;
    if days <= facts.option(&RULE, "preboarding_days") {
        return Verdict::Pass;
    }
    let mut failure = Failure::new(format!(
        "{} starts on {start}, in {days} days, and the account {} in {} works already.",
        facts.people.name(person),
        facts.graph.name(ix),
        facts.graph.system_name(facts.graph.node(ix).system),
    ))
    .row(facts.account_row(ix, &[("linked", facts.link_reason(ix))]));
    for row in facts.employment_rows(person) {
        failure = failure.row(row);
    }
    if facts.is_privileged(ix) {
        let path = facts.access.proof(ix);
        return failure.path(path).severity(raised(RULE.severity), "the account is privileged").verdict();
    }
    failure.verdict()
}
