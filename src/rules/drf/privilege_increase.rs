use muster_connectors::record::{PrivilegeLevel, RecordKind};
use muster_reports::view::Severity;

use crate::access::{self, Privilege};
use crate::controls::{LOG, LP};
use crate::diff::What;
use crate::drift::Changed;
use crate::rules::authority::Around;
use crate::rules::{Facts, Failure, Manual, Population, Rule, Setting, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "DRF-003",
    slug: "privilege-increase",
    title: "Privilege increase",
    severity: Severity::High,
    controls: &[LP, LOG],
    population: Population::Changes,
    needs: &[],
    options: &[Setting {
        name: "days_before",
        default: 30,
        about: "days by which an approval that names the privilege may be older than the change (our own default: a month from decision to delivery)",
    }],
    manual: Manual {
        finds: "A grant or membership that came and makes its holder privileged; a role, group or policy that became privileged for all who hold it.",
        matters: "Rising privilege is what every attack needs, and what no everyday event in HR explains.",
        evidence: "The row with the window in which it came, the way to what makes it privileged, and the approvals that were searched.",
        fix: "Verify the approval with whoever owns the privilege, or revoke.",
        limits: "An approved request that names the access settles it; without one it is found whether approvals were collected or not. Holders of a group that gains a privileged role are told with that one change. Of documents, AWS policies that come to allow everything are known.",
    },
    judge,
};

const KINDS: [RecordKind; 5] =
    [RecordKind::Grant, RecordKind::Membership, RecordKind::Group, RecordKind::Entitlement, RecordKind::Policy];

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let change = match facts.change(subject, &KINDS) {
        Ok(change) => change,
        Err(verdict) => return verdict,
    };
    match change.kind {
        RecordKind::Grant | RecordKind::Membership if change.what == What::Added => of_tie(facts, change),
        RecordKind::Group | RecordKind::Entitlement if change.turned("privilege").is_some() => {
            let level = |value: &serde_json::Value| value.as_str().and_then(|text| text.parse::<PrivilegeLevel>().ok());
            let (before, after) = change.turned("privilege").map_or((None, None), |(a, b)| (level(a), level(b)));
            let rises = after.is_some_and(|after| after >= PrivilegeLevel::Privileged) && after > before;
            of_definition(facts, change, rises)
        }
        RecordKind::Policy if change.turned("document").is_some() => {
            let all = |value: &serde_json::Value| value.as_str().is_some_and(access::allows_everything);
            let rises = change.turned("document").is_some_and(|(before, after)| !all(before) && all(after));
            of_definition(facts, change, rises)
        }
        _ => Verdict::NotApplicable,
    }
}

fn of_tie(facts: &Facts<'_>, change: &Changed) -> Verdict {
    if change.noise.is_some() {
        return Verdict::Pass;
    }
    match facts.conveys(change) {
        None => return Verdict::NotEvaluated("what was given is not in the snapshot".to_owned()),
        Some(privilege) if privilege.is_at_least(PrivilegeLevel::Privileged) => {}
        Some(Privilege::Certain(_)) => return Verdict::Pass,
        Some(Privilege::Undecided { why, .. }) => return Verdict::NotEvaluated(why),
    }
    let around = Around { days_before: facts.option(&RULE, "days_before"), days_after: 0, hr_days: 0 };
    if facts.approvals_of(change, &facts.who(change), around).found.is_some() {
        return Verdict::Pass;
    }
    let row = facts.authority(change, around).row;
    let path = facts.principal(change).map(|node| facts.access.proof(node)).unwrap_or_default();
    Failure::new(format!(
        "{} became privileged in {} by the {} {}.",
        facts.principal(change).map_or(change.id(), |node| facts.graph.name(node)),
        change.system,
        change.noun(),
        facts.change_name(change)
    ))
    .row(facts.change_row(change))
    .row(row)
    .path(path)
    .verdict()
}

fn of_definition(facts: &Facts<'_>, change: &Changed, rises: bool) -> Verdict {
    if !rises || change.noise.is_some() {
        return Verdict::Pass;
    }
    let name = facts.change_name(change);
    Failure::new(format!("The {} {name} of {} became privileged for all who hold it.", change.noun(), change.system))
        .row(facts.change_row(change))
        .verdict()
}
