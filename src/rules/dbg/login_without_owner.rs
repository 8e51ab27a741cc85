use muster_connectors::record::AccountClass;
use muster_reports::view::Severity;

use crate::config::policy::SystemKind;
use crate::controls::{INV, NHI};
use crate::people::Correlation;
use crate::rules::{Facts, Failure, Manual, Need, Population, Rule, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "DBG-001",
    slug: "database-login-without-owner",
    title: "Database login without owner",
    severity: Severity::High,
    controls: &[INV, NHI],
    population: Population::Accounts,
    needs: &[Need::ACCOUNT, Need::ALL_PERSONS],
    options: &[],
    manual: Manual {
        finds: "An active login of a database (a system that policy/inventory.toml marks `kind = \"database\"`) that corresponds to no person, is not in policy/nhi.toml and has no owner who is known.",
        matters: "Database logins bypass the directory: nobody disables them when somebody leaves, and nobody renews their passwords.",
        evidence: "The login with its class and its owner, as far as it has one.",
        fix: "Find out what uses it: register it in policy/nhi.toml, link it to its person, or drop it.",
        limits: "Logins that the database makes itself are not judged. A grade up where the login is privileged, down where nothing is left to sign in with.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Account(ix) = subject else { return Verdict::NotApplicable };
    let system = facts.graph.node(ix).system;
    let Some(account) = facts.graph.account(ix) else { return Verdict::NotApplicable };
    let built_in = account.is_root || facts.people.class(ix).class == AccountClass::System;
    if !facts.is_kind(system, SystemKind::Database) || built_in || !facts.is_active(ix) {
        return Verdict::NotApplicable;
    }
    let owner = account.owner.map(|owner| facts.graph.text(owner));
    match facts.people.correlation(ix) {
        Correlation::Linked(_) => return Verdict::Pass,
        Correlation::Proposed(_) | Correlation::Disputed(_) => {
            return Verdict::NotEvaluated("somebody may own the login: decide its link".to_owned());
        }
        Correlation::Nobody if facts.registered(ix).is_some() => return Verdict::Pass,
        Correlation::Nobody if owner.is_some_and(|owner| facts.owner(system, owner).is_some()) => return Verdict::Pass,
        Correlation::Nobody => {}
    }
    let class = facts.people.class(ix).class;
    let failure = Failure::new(format!(
        "The database login {} in {} belongs to nobody who is known and is not registered.",
        facts.graph.name(ix),
        facts.graph.system_name(system),
    ))
    .row(facts.account_row(ix, &[("class", class.to_string()), ("owner", owner.unwrap_or("none").to_owned())]));
    facts.graded(failure, RULE.severity, ix).verdict()
}
