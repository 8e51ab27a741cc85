use muster_connectors::record::RecordKind;
use muster_reports::view::Severity;

use crate::controls::{CHG, JOIN};
use crate::diff::What;
use crate::rules::authority::{Around, DAYS_AFTER, DAYS_BEFORE};
use crate::rules::{Facts, Failure, Manual, Population, Rule, Setting, Subject, Verdict, raised};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "DRF-001",
    slug: "unauthorised-grant",
    title: "Unauthorised grant added",
    severity: Severity::Medium,
    controls: &[JOIN, CHG],
    population: Population::Changes,
    needs: &[],
    options: &[
        DAYS_BEFORE,
        DAYS_AFTER,
        Setting {
            name: "hr_days",
            default: 14,
            about: "days around the change in which an event in HR counts as its reason (our own default: two weeks, for preparations)",
        },
    ],
    manual: Manual {
        finds: "A grant or membership that this snapshot has and the one it is compared with had not, where no approved request, no ticket in the audit log, no event in HR and no declared state gives a reason.",
        matters: "Access that appears without anybody having asked for it is how mistakes and intruders widen their reach.",
        evidence: "The row with the window in which it came, and every place that was searched with what was there.",
        fix: "Have its owner approve it after the fact, or revoke it; then find the way around the process that it took.",
        limits: "Speaks of what came since the snapshot compared with, on the night it is compared. Where no source supplies approvals, or one was not read completely, only what HR, the audit log or declared state explains can be judged. An event in HR explains everyday access, not who decided it: privileged changes without approval are CTL-007.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let change = match facts.change(subject, &[RecordKind::Grant, RecordKind::Membership]) {
        Ok(change) if change.what == What::Added => change,
        Ok(_) => return Verdict::NotApplicable,
        Err(verdict) => return verdict,
    };
    if change.noise.is_some() {
        return Verdict::Pass;
    }
    let search = facts.authority(change, Around::of(facts, &RULE));
    if search.found.is_some() {
        return Verdict::Pass;
    }
    if let Some(doubt) = search.doubt {
        return Verdict::NotEvaluated(doubt);
    }
    let name = facts.change_name(change);
    let failure =
        Failure::new(format!("The {} {name} appeared in {}, and nothing authorises it.", change.noun(), change.system))
            .row(facts.change_row(change))
            .row(search.row);
    if facts.gives_privilege(change) {
        return failure.severity(raised(RULE.severity), "what was given is privileged").verdict();
    }
    failure.verdict()
}
