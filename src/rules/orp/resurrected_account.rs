use muster_connectors::record::{Lifecycle, RecordKind};
use muster_reports::view::Severity;

use crate::controls::{JOIN, LEAVE};
use crate::diff::What;
use crate::rules::authority::Around;
use crate::rules::{Facts, Failure, Manual, Population, Rule, Setting, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "ORP-009",
    slug: "resurrected-account",
    title: "Resurrected account",
    severity: Severity::High,
    controls: &[JOIN, LEAVE],
    population: Population::Changes,
    needs: &[],
    options: &[
        Setting {
            name: "days_before",
            default: 30,
            about: "days by which an approval may be older than the account's return (our own default: a month from decision to delivery)",
        },
        Setting {
            name: "days_after",
            default: 7,
            about: "days by which an approval may follow (our own default: approving after the fact puts it right)",
        },
        Setting {
            name: "hr_days",
            default: 14,
            about: "days around the return in which an event in HR (a rehire) counts as its reason (our own default: two weeks)",
        },
    ],
    manual: Manual {
        finds: "An active account whose id or login was there in an earlier snapshot, was gone from a complete one, and is there again; or one that was deleted, archived or deprovisioned and is active again; with nothing that authorises it.",
        matters: "An old account that comes back brings its old grants and its old password, and nobody expects it.",
        evidence: "The row, when the account was last there and under which id, and every place that was searched for a reason.",
        fix: "Ask who brought it back; disable it until that is known.",
        limits: "Knows what snapshots of the last 400 days knew: every night of a month, before that one a week.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let change = match facts.change(subject, &[RecordKind::Account]) {
        Ok(change) => change,
        Err(verdict) => return verdict,
    };
    let was_dead =
        |state: Lifecycle| matches!(state, Lifecycle::Deleted | Lifecycle::Archived | Lifecycle::Deprovisioned);
    let is_active = facts.principal(change).is_some_and(|account| facts.is_active(account));
    let back = match change.what {
        What::Added => change.last_there.as_ref().map(|(at, id)| {
            let other = if id == change.id() { String::new() } else { format!(" as {id}") };
            format!("was last there on {}{other} and gone after that", at.strftime("%Y-%m-%d"))
        }),
        What::Changed => match change.lifecycles() {
            Some((before, _)) if was_dead(before) => Some(format!("was {before}")),
            Some(_) => None,
            None => return Verdict::NotApplicable,
        },
        What::Removed => return Verdict::NotApplicable,
    };
    let Some(back) = back.filter(|_| is_active && change.noise.is_none()) else { return Verdict::Pass };
    let search = facts.authority(change, Around::of(facts, &RULE));
    if search.found.is_some() {
        return Verdict::Pass;
    }
    if let Some(doubt) = search.doubt {
        return Verdict::NotEvaluated(doubt);
    }
    let mut row = facts.change_row(change);
    row.facts.insert("before".to_owned(), back.clone());
    let name = facts.change_name(change);
    Failure::new(format!("The account {name} in {} is active again: it {back}.", change.system))
        .row(row)
        .row(search.row)
        .verdict()
}
