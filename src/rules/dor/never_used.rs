use jiff::SignedDuration;
use muster_connectors::record::{FactState, Lifecycle};
use muster_reports::view::Severity;

use crate::controls::DORM;
use crate::graph::NodeIx;
use crate::people::Standing;
use crate::rules::{Facts, Failure, Manual, Need, Population, Rule, Setting, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "DOR-002",
    slug: "never-used",
    title: "Never used",
    severity: Severity::Low,
    controls: &[DORM],
    population: Population::Accounts,
    needs: &[Need { field: Some("last_activity"), ..Need::ACCOUNT }],
    options: &[Setting {
        name: "days",
        default: 90,
        about: "days since it was made (as for dormant accounts: PCI DSS 8.2.6 has 90, CIS 5.3 asks for 45)",
    }],
    manual: Manual {
        finds: "An active account that was made the set number of days or more ago and that its system has never seen in use.",
        matters: "Nobody needed it. Its first password is often still the one that was mailed around.",
        evidence: "The account's row with when it was made and what the system says of its use.",
        fix: "Ask who ordered it; disable it when nobody did.",
        limits: "Only \"never\" counts: a system that does not say, and an empty cell, are not evaluated. AWS remembers the use of a role for 400 days, so an older role is not evaluated. Accounts that wait for somebody's first day, and those that are staged, are in order.",
    },
    judge,
};

/// For how long AWS remembers the last use of a role (AWS IAM API reference, `RoleLastUsed`).
const ROLE_TRACKING: SignedDuration = SignedDuration::from_hours(400 * 24);

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Account(ix) = subject else { return Verdict::NotApplicable };
    let Some(account) = facts.graph.account(ix) else { return Verdict::NotApplicable };
    if !facts.is_for_use(ix) || !facts.is_active(ix) {
        return Verdict::NotApplicable;
    }
    match account.last_activity.state() {
        FactState::Known => return Verdict::Pass,
        FactState::Never => {}
        FactState::None => {
            return Verdict::NotEvaluated(
                "the system gives no last use, and does not say that there was none".to_owned(),
            );
        }
        FactState::Unreadable | FactState::Unsupported => {
            return Verdict::NotEvaluated("the system does not say when the account was last used".to_owned());
        }
    }
    let waits = matches!(facts.holder(ix), Some((_, Standing::Future { .. })));
    if waits || account.lifecycle == Lifecycle::Staged {
        return Verdict::Pass;
    }
    let Some(created) = account.created.at() else {
        return Verdict::NotEvaluated("the system does not say when the account was made".to_owned());
    };
    let age = facts.now.duration_since(created);
    if age.as_hours() / 24 < facts.option(&RULE, "days") {
        return Verdict::Pass;
    }
    if is_aws_role(facts, ix) && age > ROLE_TRACKING {
        return Verdict::NotEvaluated("AWS remembers the use of a role for 400 days, and it is older".to_owned());
    }
    let failure = Failure::new(format!(
        "The account {} in {} was made {} days ago and has never been used.",
        facts.graph.name(ix),
        facts.graph.system_name(facts.graph.node(ix).system),
        age.as_hours() / 24,
    ))
    .row(facts.account_row(
        ix,
        &[("created", account.created.to_string()), ("last_activity", account.last_activity.to_string())],
    ));
    facts.graded(failure, RULE.severity, ix).verdict()
}

fn is_aws_role(facts: &Facts<'_>, account: NodeIx) -> bool {
    let arn = facts.graph.account(account).and_then(|account| account.native_name);
    facts.connector(facts.graph.node(account).system) == "aws" && facts.graph.text_or_empty(arn).contains(":role/")
}
