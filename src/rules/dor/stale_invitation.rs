use muster_connectors::record::Lifecycle;
use muster_reports::view::Severity;

use crate::controls::DORM;
use crate::rules::{Facts, Failure, Manual, Need, Population, Rule, Setting, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "DOR-004",
    slug: "stale-invitation",
    title: "Stale invitation",
    severity: Severity::Info,
    controls: &[DORM],
    population: Population::Accounts,
    needs: &[Need::ACCOUNT],
    options: &[Setting {
        name: "days",
        default: 30,
        about: "days for which an invitation may be open (a month; where invitations run out by themselves, GitHub's after 7 days, none gets that old)",
    }],
    manual: Manual {
        finds: "An invitation that nobody has accepted for the set number of days.",
        matters: "It waits in a mailbox, and whoever opens that mailbox some day becomes a member.",
        evidence: "The row of the invited account with when it was made.",
        fix: "Cancel it; invite again when somebody asks.",
        limits: "An invitation is no account and no member: no other rule counts it as one. Where the system does not say when it was sent, it is not evaluated.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Account(ix) = subject else { return Verdict::NotApplicable };
    let Some(account) = facts.graph.account(ix).filter(|account| account.lifecycle == Lifecycle::Pending) else {
        return Verdict::NotApplicable;
    };
    let Some(created) = account.created.at() else {
        return Verdict::NotEvaluated("the system does not say when the invitation was sent".to_owned());
    };
    let days = facts.now.duration_since(created).as_hours() / 24;
    if days < facts.option(&RULE, "days") {
        return Verdict::Pass;
    }
    Failure::new(format!(
        "The invitation of {} to {} has been open for {days} days.",
        facts.graph.name(ix),
        facts.graph.system_name(facts.graph.node(ix).system),
    ))
    .row(facts.account_row(ix, &[("created", account.created.to_string())]))
    .verdict()
}
