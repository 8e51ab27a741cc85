use muster_connectors::record::PrivilegeLevel;
use muster_reports::view::Severity;

use super::pair::title;
use crate::access::Privilege;
use crate::config::policy::LogDuty;
use crate::controls::{LOG, SOD};
use crate::graph::NodeIx;
use crate::rules::duties::{NO_DUTIES, Performs};
use crate::rules::{Facts, Failure, Manual, Need, Population, Rule, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "SOD-006",
    slug: "own-audit-trail",
    title: "Controls own audit trail",
    severity: Severity::High,
    controls: &[SOD, LOG],
    population: Population::Accounts,
    needs: &[Need::ACCOUNT],
    options: &[],
    manual: Manual {
        finds: "An active human account that administers a system of which policy/sod.toml names the logs (`[[log]]`), where the same account or person administers these logs too.",
        matters: "Who can change what was done and what is recorded of it leaves no trace. Logs are evidence as long as somebody else keeps them.",
        evidence: "The way to administration, and the way to the logs.",
        fix: "Give the logs to somebody who does not administer the system, or store them where its administrators cannot write.",
        limits: "Administrators are those of the function that the matrix names, else whoever is administrator by what was read of the system.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Account(account) = subject else { return Verdict::NotApplicable };
    let Some(matrix) = facts.duties.matrix() else {
        let applies = facts.is_active(account) && facts.is_human(account);
        return if applies { Verdict::NotEvaluated(NO_DUTIES.to_owned()) } else { Verdict::NotApplicable };
    };
    if !facts.duties.takes_part(account) {
        return Verdict::NotApplicable;
    }
    let system = facts.graph.system_name(facts.graph.node(account).system);
    let duties = matrix.logs.iter().filter(|duty| duty.system == system);
    let (mut undecided, mut asked) = (None, false);
    for duty in duties {
        asked = true;
        let logs = match facts.people.link(account) {
            Some(link) => facts.duties.by_person(facts, duty.logs, link.person),
            None => facts.duties.by_account(facts, duty.logs, account),
        };
        match (administers(facts, duty, account), logs) {
            (Performs::Yes, Performs::Yes) => return tell(facts, duty, account),
            (Performs::No, _) | (_, Performs::No) => {}
            (Performs::Unknown(why), _) | (_, Performs::Unknown(why)) => undecided = Some(why),
        }
    }
    match undecided {
        Some(why) => Verdict::NotEvaluated(why),
        None if asked => Verdict::Pass,
        None => Verdict::NotApplicable,
    }
}

fn administers(facts: &Facts<'_>, duty: &LogDuty, account: NodeIx) -> Performs {
    if let Some(function) = duty.administrators {
        return facts.duties.by_account(facts, function, account);
    }
    match facts.privilege(account) {
        Privilege::Certain(PrivilegeLevel::Admin) => Performs::Yes,
        Privilege::Certain(PrivilegeLevel::Baseline | PrivilegeLevel::Limited | PrivilegeLevel::Privileged) => {
            Performs::No
        }
        Privilege::Undecided { why, .. } => Performs::Unknown(why),
    }
}

fn tell(facts: &Facts<'_>, duty: &LogDuty, account: NodeIx) -> Verdict {
    let accounts = match facts.people.link(account) {
        Some(link) => facts.duties.accounts(facts, link.person),
        None => vec![account],
    };
    let mut path = match duty.administrators {
        Some(function) => facts.duties.way(facts, function, &[account]),
        None => facts.access.proof(account),
    };
    path.extend(facts.duties.way(facts, duty.logs, &accounts));
    Failure::new(format!(
        "{} administers {} and can do {} of the same system.",
        facts.graph.name(account),
        duty.system,
        title(facts, duty.logs),
    ))
    .row(facts.account_row(account, &[("linked", facts.link_reason(account))]))
    .path(path)
    .verdict()
}
