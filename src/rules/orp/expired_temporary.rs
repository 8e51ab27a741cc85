use muster_connectors::record::AccountClass;
use muster_reports::view::Severity;

use crate::controls::DORM;
use crate::rules::{Facts, Failure, Manual, Need, Population, Rule, Setting, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "ORP-010",
    slug: "expired-temporary-account",
    title: "Expired temporary account",
    severity: Severity::Low,
    controls: &[DORM],
    population: Population::Accounts,
    needs: &[Need::ACCOUNT],
    options: &[Setting {
        name: "days",
        default: 90,
        about: "days for which a test, training or sandbox account may live (a quarter: NIST AC-2(2) leaves the time to the organisation)",
    }],
    manual: Manual {
        finds: "An active account for tests, training or a sandbox that is older than such accounts may get.",
        matters: "It was made for a week, with a password that everybody in the course knows, and it still opens the door.",
        evidence: "The account's row with its class, why it is of that class, and when it was made.",
        fix: "Tear the accounts of a course down together; give the next ones an end of their own when they are made.",
        limits: "An account that ends by itself is in order until then. Where the system does not say when an account was made, it is not evaluated.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Account(ix) = subject else { return Verdict::NotApplicable };
    let Some(account) = facts.graph.account(ix) else { return Verdict::NotApplicable };
    if facts.people.class(ix).class != AccountClass::Test || !facts.is_active(ix) {
        return Verdict::NotApplicable;
    }
    if account.expires.at().is_some() {
        return Verdict::Pass;
    }
    let Some(created) = account.created.at() else {
        return Verdict::NotEvaluated("the system does not say when the account was made".to_owned());
    };
    let days = facts.now.duration_since(created).as_hours() / 24;
    let limit = facts.option(&RULE, "days");
    if days < limit {
        return Verdict::Pass;
    }
    let class = facts.people.class(ix);
    let failure = Failure::new(format!(
        "The {} account {} in {} is {days} days old; {limit} are allowed.",
        class.class,
        facts.graph.name(ix),
        facts.graph.system_name(facts.graph.node(ix).system),
    ))
    .row(facts.account_row(
        ix,
        &[
            ("class", class.class.to_string()),
            ("class_evidence", class.evidence.to_string()),
            ("created", account.created.to_string()),
        ],
    ));
    facts.graded(failure, RULE.severity, ix).verdict()
}
