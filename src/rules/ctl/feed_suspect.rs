use muster_connectors::record::RecordKind;
use muster_reports::view::{Evidence, Severity};

use crate::controls::INV;
use crate::graph::CoverageRow;
use crate::rules::{Facts, Failure, Manual, Population, Rule, Subject, Verdict};
use crate::snapshot::KindState;

pub(in crate::rules) static RULE: Rule = Rule {
    id: "CTL-003",
    slug: "hr-feed-suspect",
    title: "HR feed suspect",
    severity: Severity::Critical,
    controls: &[INV],
    population: Population::Systems,
    needs: &[],
    options: &[],
    manual: Manual {
        finds: "An HR feed that failed or is not believable: it shrank or grew, went stale or stood still, changed its header or encoding, lost a canary, a column or a block of rows, told its rows twice, shifted its instants, or ended many people at the same second or day.",
        matters: "Half a feed makes half the company look like leavers and orphans. Every rule that concludes from a missing person is held back until this is cleared.",
        evidence: "The feed's scope with what was noticed and the numbers behind it.",
        fix: "Ask HR for a complete export. Where the change is real, collect once with `--accept SYSTEM/SCOPE`; where it is ordinary for this feed, raise its limit (`gate = { … }` of the system).",
        limits: "The first collection has no history to compare with: only canaries, age, clocks, repeated rows, columns without any value and mass terminations of the last week are checked then.",
    },
    judge,
};

/// Things that were noticed that the message tells; the evidence has more.
const NOTICED: usize = 3;

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::System(place) = subject else { return Verdict::NotApplicable };
    let name = facts.systems[place].as_str();
    let rows: Vec<&CoverageRow> = facts
        .graph
        .coverage()
        .of_system(name)
        .filter(|row| matches!(row.kind, RecordKind::Person | RecordKind::Employment))
        .collect();
    if rows.is_empty() {
        return Verdict::NotApplicable;
    }
    let is_bad = |row: &&&CoverageRow| matches!(row.state, KindState::Suspect | KindState::Failed) || row.is_doubted;
    let Some(bad) = rows.iter().find(is_bad) else {
        return Verdict::Pass;
    };
    // Each thing that was noticed once, whichever kinds of record show it.
    let mut noticed: Vec<&str> = Vec::new();
    for gap in rows.iter().filter(is_bad).flat_map(|row| &row.gaps) {
        if !noticed.contains(&gap.what.as_str()) && noticed.len() < NOTICED {
            noticed.push(&gap.what);
        }
    }
    let why = if noticed.is_empty() { String::new() } else { format!(": {}", noticed.join("; ")) };
    let mut failure = Failure::new(format!(
        "The HR feed {name} is {}{why}; nothing is concluded from a person who is not in it.",
        if bad.state == KindState::Failed { "unreadable" } else { "suspect" },
    ));
    for row in rows {
        failure = failure.row(Evidence {
            system: row.system.clone(),
            table: "scopes".to_owned(),
            id: format!("{}/{}", row.scope, row.kind),
            facts: row
                .gaps
                .iter()
                .take(20)
                .enumerate()
                .map(|(number, gap)| (format!("gap {:02} {}", number + 1, gap.code), gap.what.clone()))
                .chain([
                    ("state".to_owned(), row.state.as_str().to_owned()),
                    ("records".to_owned(), row.records.to_string()),
                ])
                .collect(),
            collected: row.collected,
        });
    }
    failure.verdict()
}
