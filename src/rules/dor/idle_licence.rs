use muster_connectors::record::FactState;
use muster_reports::view::Severity;

use crate::controls::DORM;
use crate::rules::{Facts, Failure, Manual, Need, Population, Rule, Setting, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "DOR-006",
    slug: "idle-licence",
    title: "Idle licence",
    severity: Severity::Info,
    controls: &[DORM],
    population: Population::Accounts,
    needs: &[Need { field: Some("last_activity"), ..Need::ACCOUNT }],
    options: &[Setting {
        name: "days",
        default: 90,
        about: "days without use (a quarter, in which seats are usually counted)",
    }],
    manual: Manual {
        finds: "An account that holds a paid seat and was last used the set number of days or more ago, or was made that long ago and never used. Disabled accounts count: their seats are paid for, too.",
        matters: "It costs money every month, and a seat that nobody misses is an account that nobody watches.",
        evidence: "The account's row with its last use, and the path to the licence.",
        fix: "Take the licence back; disable the account when it has no other use.",
        limits: "Knows the licences that systems list as entitlements of that kind, not the contracts. Rests on the use of the account: whether the licensed product itself is used is not told.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Account(ix) = subject else { return Verdict::NotApplicable };
    let Some(account) = facts.graph.account(ix) else { return Verdict::NotApplicable };
    let Some(licensed) = facts.licensed().filter(|licensed| licensed.reaches(ix)) else {
        return Verdict::NotApplicable;
    };
    let (since, how) = match account.last_activity.state() {
        FactState::Known => (account.last_activity, "has not been used for"),
        FactState::Never => (account.created, "was never used in"),
        FactState::None | FactState::Unreadable | FactState::Unsupported => {
            return Verdict::NotEvaluated("the system does not say when the account was last used".to_owned());
        }
    };
    let Some(at) = since.at() else {
        return Verdict::NotEvaluated("the system does not say when the account was made".to_owned());
    };
    let days = facts.now.duration_since(at).as_hours() / 24;
    if days < facts.option(&RULE, "days") {
        return Verdict::Pass;
    }
    let path = licensed.path(ix);
    let licence = path.last().map_or("a licence", |step| facts.graph.name(step.target));
    Failure::new(format!(
        "The account {} in {} holds {licence} and {how} {days} days.",
        facts.graph.name(ix),
        facts.graph.system_name(facts.graph.node(ix).system),
    ))
    .row(facts.account_row(ix, &[("last_activity", account.last_activity.to_string())]))
    .path(path)
    .verdict()
}
