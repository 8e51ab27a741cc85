use muster_connectors::record::{FactState, PrivilegeLevel};
use muster_reports::view::Severity;

use crate::access::Privilege;
use crate::controls::{DORM, LP};
use crate::rules::{Facts, Failure, Manual, Need, Population, Rule, Setting, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "DOR-003",
    slug: "dormant-privileged",
    title: "Dormant privileged",
    severity: Severity::High,
    controls: &[DORM, LP],
    population: Population::Accounts,
    needs: &[Need { field: Some("last_activity"), ..Need::ACCOUNT }],
    options: &[Setting {
        name: "days",
        default: 30,
        about: "days without use (a month: who administers does so more often, or can ask for it when the day comes)",
    }],
    manual: Manual {
        finds: "An active, privileged account that was last used the set number of days or more ago, or that was made that long ago and never used.",
        matters: "Whoever steals it can do anything, and nobody signs in who would notice.",
        evidence: "The account's row with its last use, and the path that makes it privileged.",
        fix: "Take the privilege away, and give it back on request and for a time; disable an account that has no other use.",
        limits: "Accounts for emergencies and the root of a tenant are to lie still: AUT-004 looks after them. Active Directory's lastLogonTimestamp may lag by up to 14 days, so that there these are added to the limit.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Account(ix) = subject else { return Verdict::NotApplicable };
    let Some(account) = facts.graph.account(ix) else { return Verdict::NotApplicable };
    if !facts.is_for_use(ix) || !facts.is_active(ix) {
        return Verdict::NotApplicable;
    }
    let undecided = match facts.privilege(ix) {
        Privilege::Certain(PrivilegeLevel::Baseline | PrivilegeLevel::Limited) => return Verdict::NotApplicable,
        Privilege::Certain(PrivilegeLevel::Privileged | PrivilegeLevel::Admin)
        | Privilege::Undecided { at_least: PrivilegeLevel::Privileged | PrivilegeLevel::Admin, .. } => None,
        Privilege::Undecided { at_least: PrivilegeLevel::Baseline | PrivilegeLevel::Limited, why, .. } => Some(why),
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
    let system = facts.graph.node(ix).system;
    if days < facts.option(&RULE, "days") + facts.use_lag_days(system) {
        return Verdict::Pass;
    }
    if let Some(why) = undecided {
        return Verdict::NotEvaluated(why);
    }
    Failure::new(format!(
        "The privileged account {} in {} {how} {days} days.",
        facts.graph.name(ix),
        facts.graph.system_name(system),
    ))
    .row(facts.account_row(
        ix,
        &[("created", account.created.to_string()), ("last_activity", account.last_activity.to_string())],
    ))
    .path(facts.access.proof(ix))
    .verdict()
}
