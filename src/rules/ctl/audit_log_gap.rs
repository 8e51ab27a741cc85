use muster_connectors::record::RecordKind;
use muster_reports::view::{Evidence, Severity};

use crate::controls::LOG;
use crate::diff::What;
use crate::rules::{Facts, Failure, Manual, Population, Rule, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "CTL-004",
    slug: "audit-log-gap",
    title: "Audit log gap",
    severity: Severity::High,
    controls: &[LOG],
    population: Population::ChangesAndLogs,
    needs: &[],
    options: &[],
    manual: Manual {
        finds: "An account, grant, membership or credential that came, went or changed its state since the snapshot compared with, of which the system's audit log, read completely, has no entry in that time; and a log that numbers its entries one by one and lacks numbers in between.",
        matters: "A log that misses changes proves nothing of those it has; whoever can change access without a trace can do it again.",
        evidence: "The row with the window of the change, and since when the log reaches; the missing numbers, and when the entries around them were written.",
        fix: "Find out why the log does not have it (another channel, a filter, a switched-off trail) and restore it.",
        limits: "An entry counts when its object is the principal or what was given, by any of their names, an hour around the window. Only a system's own log proves that something is missing, and only from its first entry on. A log says that it is numbered by its field `sequence`; numbers before its first entry and behind its last are not missed, and each scope is numbered by itself.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    if let Subject::Scope(place) = subject {
        return log(facts, place);
    }
    let kinds = [RecordKind::Account, RecordKind::Grant, RecordKind::Membership, RecordKind::Credential];
    let change = match facts.change(subject, &kinds) {
        Ok(change) if change.what != What::Changed || change.lifecycles().is_some() => change,
        Ok(_) => return Verdict::NotApplicable,
        Err(verdict) => return verdict,
    };
    if change.noise.is_some() {
        return Verdict::Pass;
    }
    let who = facts.who(change);
    if !facts.log_entries(change, &who).is_empty() {
        return Verdict::Pass;
    }
    let coverage = facts.graph.coverage();
    let Some(row) = coverage.of_system(&change.system).find(|row| row.kind == RecordKind::AuditEvent) else {
        return Verdict::NotEvaluated(format!("no source supplies an audit log of `{}`", change.system));
    };
    if !row.proves_absence {
        return Verdict::NotEvaluated(row.shortfall());
    }
    let begins = facts.events.log_begins(&change.system);
    let Some(begins) = begins.filter(|begins| *begins <= change.window.after) else {
        let from = begins.map_or("has no entry".to_owned(), |begins| format!("begins at {begins}"));
        return Verdict::NotEvaluated(format!(
            "the audit log of `{}` {from}, later than the change may be",
            change.system
        ));
    };
    let mut evidence = facts.change_row(change);
    evidence.facts.insert("log_begins".to_owned(), begins.to_string());
    Failure::new(format!(
        "The {} {} in {} was {}, and the audit log does not know of it.",
        change.noun(),
        facts.change_name(change),
        change.system,
        change.what.as_str()
    ))
    .row(evidence)
    .verdict()
}

/// Missing numbers that are told one by one.
const TOLD: usize = 5;

/// Whether a numbered log has holes.
fn log(facts: &Facts<'_>, place: usize) -> Verdict {
    let row = &facts.graph.coverage().rows()[place];
    if row.kind != RecordKind::AuditEvent || !facts.events.is_numbered(&row.system, &row.scope) {
        return Verdict::NotApplicable;
    }
    if !row.proves_absence {
        return Verdict::NotEvaluated(row.shortfall());
    }
    let holes = facts.events.holes(&row.system, &row.scope);
    if holes.is_empty() {
        return Verdict::Pass;
    }
    let missing: u64 = holes.iter().map(|hole| hole.last - hole.first + 1).sum();
    let entries = if missing == 1 { "entry is" } else { "entries are" };
    let mut failure = Failure::new(format!(
        "The audit log of {} numbers its entries one by one, and {missing} {entries} missing.",
        row.system
    ));
    for hole in holes.iter().take(TOLD) {
        failure = failure.row(Evidence {
            system: row.system.clone(),
            table: "audit_events".to_owned(),
            id: if hole.first == hole.last {
                hole.first.to_string()
            } else {
                format!("{} to {}", hole.first, hole.last)
            },
            facts: [("after", hole.after), ("before", hole.before)]
                .map(|(name, at)| (name.to_owned(), at.to_string()))
                .into(),
            collected: row.collected,
        });
    }
    failure.verdict()
}
