use std::collections::BTreeSet;

use muster_connectors::record::PrivilegeLevel;
use muster_reports::view::{Evidence, Severity};

use crate::access::Privilege;
use crate::controls::LP;
use crate::rules::{Facts, Failure, Manual, Population, Rule, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "CTL-008",
    slug: "scanner-over-privileged",
    title: "Scanner over-privileged",
    severity: Severity::High,
    controls: &[LP],
    population: Population::Systems,
    needs: &[],
    options: &[],
    manual: Manual {
        finds: "A system that is collected with a credential that is privileged in it, with its root account, or with a token whose scopes go beyond what its connector needs.",
        matters: "Reading needs no rights to change. The scanner's credential lies on a machine and works every night: it must not be worth stealing.",
        evidence: "Who the credential is in each scope, its account, and the path to the privilege; the scopes that are too many.",
        fix: "Give the scanner the permissions that `muster connectors show CONNECTOR` names, and nothing else.",
        limits: "Judges what the scanner's own account holds in the system that it reads, and, where a connector's manifest says which scopes are too many, what the system tells of the token's. Scopes that a system does not tell cannot be judged. Systems that are read from files need no credential and are not judged.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::System(place) = subject else { return Verdict::NotApplicable };
    let name = facts.systems[place].as_str();
    let Some(system) = facts.graph.system(name) else { return Verdict::NotApplicable };
    let rows: Vec<_> = facts.graph.coverage().of_system(name).collect();
    let identities: BTreeSet<&str> = rows.iter().filter_map(|row| row.identity.as_deref()).collect();
    if rows.iter().all(|row| !row.files.is_empty() || row.connector == "csv") {
        return Verdict::NotApplicable;
    }
    if let Some((row, excess)) = rows.iter().find_map(|row| Some((row, row.excess.as_deref()?))) {
        return Failure::new(format!("{name} is collected with a credential that can do more than read: {excess}."))
            .row(Evidence {
                system: name.to_owned(),
                table: "scopes".to_owned(),
                id: row.identity.clone().unwrap_or_default(),
                facts: [("excess".to_owned(), excess.to_owned())].into(),
                collected: None,
            })
            .verdict();
    }
    if identities.is_empty() {
        return Verdict::NotEvaluated("the system does not say who the scanner is".to_owned());
    }
    let mut open = None;
    for identity in identities {
        let row = |facts: &[(&str, String)]| Evidence {
            system: name.to_owned(),
            table: "scopes".to_owned(),
            id: identity.to_owned(),
            facts: facts.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect(),
            collected: None,
        };
        let account = facts.scanner(system, identity);
        let is_root = identity.ends_with(":root")
            || account.and_then(|account| facts.graph.account(account)).is_some_and(|account| account.is_root);
        if is_root {
            return Failure::new(format!("{name} is collected with its root account."))
                .row(row(&[("identity", identity.to_owned())]))
                .severity(Severity::Critical, "the root account cannot be bounded")
                .verdict();
        }
        let Some(account) = account else {
            open.get_or_insert_with(|| {
                format!("the scanner signs in as `{identity}`, which is none of the accounts read")
            });
            continue;
        };
        match facts.privilege(account) {
            Privilege::Certain(PrivilegeLevel::Baseline | PrivilegeLevel::Limited) => {}
            Privilege::Undecided { at_least, why, .. } if at_least < PrivilegeLevel::Privileged => {
                open.get_or_insert(why);
            }
            Privilege::Certain(level) | Privilege::Undecided { at_least: level, .. } => {
                return Failure::new(format!(
                    "{name} is collected as {}, which is {level} there.",
                    facts.graph.name(account)
                ))
                .row(row(&[("identity", identity.to_owned())]))
                .row(facts.account_row(account, &[("privilege", level.to_string())]))
                .path(facts.access.proof(account))
                .verdict();
            }
        }
    }
    open.map_or(Verdict::Pass, Verdict::NotEvaluated)
}
