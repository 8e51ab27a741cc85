use jiff::SignedDuration;
use muster_connectors::record::RecordKind;
use muster_reports::view::Severity;

use crate::controls::MONITOR;
use crate::rules::{Facts, Failure, Manual, Population, Rule, Setting, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "DRF-010",
    slug: "flapping",
    title: "Flapping",
    severity: Severity::Low,
    controls: &[MONITOR],
    population: Population::Changes,
    needs: &[],
    options: &[
        Setting {
            name: "days",
            default: 14,
            about: "days in which the turns are counted, 31 at most (our own default: two weeks of nightly snapshots)",
        },
        Setting { name: "turns", default: 3, about: "turns from which on a fact flaps (RULES: three)" },
    ],
    manual: Manual {
        finds: "A person, account, grant or membership that came and went, or an account that was switched on and off, several times in a few days, the last time since the snapshot compared with.",
        matters: "Two programs fight over it, or a feed drops rows: whatever acts on each turn does harm every other night.",
        evidence: "The row, and when it turned, as far as snapshots tell.",
        fix: "Find the two writers or the unstable source; until then let nothing act on it before it has been still for a while.",
        limits: "Sees one state a snapshot, so faster turns are missed. Only snapshots that read the place completely count. A fact is found on the night it turns.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let kinds = [RecordKind::Person, RecordKind::Account, RecordKind::Grant, RecordKind::Membership];
    let change = match facts.change(subject, &kinds) {
        Ok(change) if !change.toggles.is_empty() => change,
        Ok(_) => return Verdict::NotApplicable,
        Err(verdict) => return verdict,
    };
    let days = facts.option(&RULE, "days").clamp(0, 31);
    let oldest = facts.now.checked_sub(SignedDuration::from_hours(24 * days)).unwrap_or(facts.now);
    let turns: Vec<String> = change.toggles.iter().filter(|at| **at >= oldest).map(ToString::to_string).collect();
    if i64::try_from(turns.len()).unwrap_or(i64::MAX) < facts.option(&RULE, "turns") {
        return Verdict::Pass;
    }
    let mut row = facts.change_row(change);
    row.facts.insert("turned".to_owned(), turns.join(", "));
    Failure::new(format!(
        "The {} {} in {} turned {} times within {days} days.",
        change.noun(),
        facts.change_name(change),
        change.system,
        turns.len()
    ))
    .row(row)
    .verdict()
}
