use muster_connectors::record::RecordKind;
use muster_reports::view::Severity;

use crate::controls::CHG;
use crate::diff::What;
use crate::rules::authority::{Around, DAYS_AFTER, DAYS_BEFORE};
use crate::rules::{Facts, Failure, Manual, Population, Rule, Setting, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "DRF-002",
    slug: "removed-out-of-band",
    title: "Grant or account removed out of band",
    severity: Severity::Low,
    controls: &[CHG],
    population: Population::Changes,
    needs: &[],
    options: &[
        DAYS_BEFORE,
        DAYS_AFTER,
        Setting {
            name: "hr_days",
            default: 30,
            about: "days around the change in which an event in HR counts as its reason (our own default: a month, for what is cleaned up after somebody left)",
        },
    ],
    manual: Manual {
        finds: "An account, group, grant or membership that the snapshot compared with had and this one, read completely, has not, where no request, ticket, event in HR or declaration gives a reason.",
        matters: "What disappears by itself stops somebody's work, covers traces, or shows that a system is administered past everybody.",
        evidence: "The row as it was, the window in which it went, and every place that was searched.",
        fix: "Ask the system's owner who removed it: restore it, or accept it.",
        limits: "Where the later reading is not complete nothing is said to be gone. Grants and memberships that went with their account or group are counted with it, once.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let kinds = [RecordKind::Account, RecordKind::Group, RecordKind::Grant, RecordKind::Membership];
    let change = match facts.change(subject, &kinds) {
        Ok(change) if change.what == What::Removed => change,
        Ok(_) => return Verdict::NotApplicable,
        Err(verdict) => return verdict,
    };
    if change.noise.is_some() || facts.is_there(change) {
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
    Failure::new(format!("The {} {name} is gone from {}, and nothing authorises it.", change.noun(), change.system))
        .row(facts.change_row(change))
        .row(search.row)
        .verdict()
}
