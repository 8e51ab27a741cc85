use muster_connectors::record::{PrivilegeLevel, RecordKind};
use muster_reports::view::Severity;

use crate::access::Privilege;
use crate::controls::{JOIN, LOG};
use crate::diff::What;
use crate::rules::authority::{Around, DAYS_BEFORE};
use crate::rules::{Facts, Failure, Manual, Population, Rule, Setting, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "CTL-007",
    slug: "privileged-change-without-approval",
    title: "Privileged change without approval evidence",
    severity: Severity::High,
    controls: &[JOIN, LOG],
    population: Population::Changes,
    needs: &[],
    options: &[
        DAYS_BEFORE,
        Setting {
            name: "days_after",
            default: 0,
            about: "days by which an approval may follow the change (our own default: none, privilege is approved first)",
        },
    ],
    manual: Manual {
        finds: "A grant or membership that came since the snapshot compared with, makes privileged, and for which no approved request is there.",
        matters: "Auditors ask of every privileged change who approved it; an event in HR or a line in a log is no approval.",
        evidence: "The row with the window of the change, the way to the privilege, and the approvals of its principal that do not fit.",
        fix: "Obtain the approval, or revoke.",
        limits: "Judged only where approvals are collected and were read completely. Where the system does not say what its roles allow, it is left open.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let change = match facts.change(subject, &[RecordKind::Grant, RecordKind::Membership]) {
        Ok(change) if change.what == What::Added && change.noise.is_none() => change,
        Ok(_) => return Verdict::NotApplicable,
        Err(verdict) => return verdict,
    };
    let doubt = match facts.conveys(change) {
        None => Some("what was given is not in the snapshot".to_owned()),
        Some(privilege) if privilege.is_at_least(PrivilegeLevel::Privileged) => None,
        Some(Privilege::Certain(_)) => return Verdict::NotApplicable,
        Some(Privilege::Undecided { why, .. }) => Some(why),
    };
    let option = |name: &str| facts.option(&RULE, name);
    let around = Around { days_before: option("days_before"), days_after: option("days_after"), hr_days: 0 };
    let approvals = facts.approvals_of(change, &facts.who(change), around);
    if approvals.found.is_some() {
        return Verdict::Pass;
    }
    if let Some(doubt) = doubt.or(approvals.doubt) {
        return Verdict::NotEvaluated(doubt);
    }
    let mut row = facts.change_row(change);
    row.facts.insert("approvals".to_owned(), approvals.told);
    Failure::new(format!(
        "The {} {} in {} makes privileged, and nobody approved it.",
        change.noun(),
        facts.change_name(change),
        change.system
    ))
    .row(row)
    .path(facts.principal(change).map(|node| facts.access.proof(node)).unwrap_or_default())
    .verdict()
}
