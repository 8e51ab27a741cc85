use muster_connectors::record::Lifecycle;
use muster_reports::view::Severity;

use crate::controls::{LEAVE, RETENTION};
use crate::people::Standing;
use crate::rules::{Facts, Failure, Manual, Need, Population, Rule, Setting, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "LCM-018",
    slug: "retention-breach",
    title: "Retention breach",
    severity: Severity::Low,
    controls: &[LEAVE, RETENTION],
    population: Population::Accounts,
    needs: &[Need::ALL_EMPLOYMENTS, Need::ACCOUNT],
    options: &[Setting {
        name: "days",
        default: 365,
        about: "days after the end of the employment for which the account may be kept (as long as the logs that name it: PCI DSS 10.5.1 asks for 12 months)",
    }],
    manual: Manual {
        finds: "A leaver's account that is off and was still not deleted the set number of days after the end of the last employment.",
        matters: "It is personal data without a purpose, it can be switched on again by mistake, and it makes every review longer.",
        evidence: "The account's row, why it is the person's, and the employment with its end.",
        fix: "Hand over what the account owns, then delete it; where law asks to keep it, set the option to that time.",
        limits: "Counts from the end of the employment. An account that was deleted too early is gone and cannot be judged here. Accounts that still work are LCM-001's.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Account(ix) = subject else { return Verdict::NotApplicable };
    let gone = matches!(facts.lifecycle(ix), Lifecycle::Deleted | Lifecycle::Pending);
    if gone || facts.is_active(ix) {
        return Verdict::NotApplicable;
    }
    let Some((person, Standing::Ended { at, .. })) = facts.holder(ix) else { return Verdict::NotApplicable };
    let Some(at) = at else {
        return Verdict::NotEvaluated("HR does not say when the employment ended".to_owned());
    };
    let days = facts.now.duration_since(at).as_hours() / 24;
    let limit = facts.option(&RULE, "days");
    if days <= limit {
        return Verdict::Pass;
    }
    let mut failure = Failure::new(format!(
        "{} left {days} days ago, and the account {} in {} is kept, {}; {limit} days are allowed.",
        facts.people.name(person),
        facts.graph.name(ix),
        facts.graph.system_name(facts.graph.node(ix).system),
        facts.lifecycle(ix),
    ))
    .row(facts.account_row(ix, &[("linked", facts.link_reason(ix))]));
    for row in facts.employment_rows(person) {
        failure = failure.row(row);
    }
    failure.verdict()
}
