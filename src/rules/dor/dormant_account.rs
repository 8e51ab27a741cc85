use muster_connectors::record::FactState;
use muster_reports::view::Severity;

use crate::controls::DORM;
use crate::rules::{Facts, Failure, Manual, Need, Population, Rule, Setting, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "DOR-001",
    slug: "dormant-account",
    title: "Dormant account",
    severity: Severity::Medium,
    controls: &[DORM],
    population: Population::Accounts,
    needs: &[Need { field: Some("last_activity"), ..Need::ACCOUNT }],
    options: &[Setting {
        name: "days",
        default: 90,
        about: "days without use (PCI DSS 8.2.6: 90; CIS 5.3 asks for 45)",
    }],
    manual: Manual {
        finds: "An active account whose last use is known and lies the set number of days or more in the past.",
        matters: "Nobody misses an account that nobody uses: its theft goes unnoticed.",
        evidence: "The account's row with the instant of its last use.",
        fix: "Disable it, and delete it when nobody asks for it back.",
        limits: "Unknown use is not \"unused\": those accounts are not evaluated. Accounts that were never used are DOR-002's. Active Directory's lastLogonTimestamp may lag by up to 14 days, which is far below the limit.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Account(ix) = subject else { return Verdict::NotApplicable };
    let Some(account) = facts.graph.account(ix) else { return Verdict::NotApplicable };
    if !facts.is_for_use(ix) || !facts.is_active(ix) {
        return Verdict::NotApplicable;
    }
    match account.last_activity.state() {
        FactState::Known => {}
        FactState::Never | FactState::None => return Verdict::Pass,
        FactState::Unreadable | FactState::Unsupported => {
            return Verdict::NotEvaluated("the system does not say when the account was last used".to_owned());
        }
    }
    let limit = facts.option(&RULE, "days");
    let Some(days) = account.last_activity.days_before(facts.now).filter(|days| i64::from(*days) >= limit) else {
        return Verdict::Pass;
    };
    Failure::new(format!(
        "The account {} in {} has not been used for {days} days.",
        facts.graph.name(ix),
        facts.graph.system_name(facts.graph.node(ix).system),
    ))
    .row(facts.account_row(ix, &[("last_activity", account.last_activity.to_string())]))
    .verdict()
}
