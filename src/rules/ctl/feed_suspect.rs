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
        finds: "An HR feed that failed or is not believable: it shrank or grew, went stale or stood still, changed its header or encoding, lost a canary, a column or a block of rows, told its rows twice, shifted its instants, or ended many people at the same second or day. Also a feed from which persons are gone for longer than they are waited for (`[people] vanish_days`), without a termination.",
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
        return gone(facts, name);
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

/// A feed that was read and is believed answers for those who are gone from it without a termination.
fn gone(facts: &Facts<'_>, name: &str) -> Verdict {
    let gone: Vec<_> = facts.people.gone().iter().filter(|gone| gone.system == name).collect();
    let Some(first) = gone.first() else { return Verdict::Pass };
    let who = match gone.len() {
        1 => format!("{} ({}) is gone", first.name, first.id),
        more => format!("{more} persons are gone, {} ({}) among them,", first.name, first.id),
    };
    let mut failure = Failure::new(format!(
        "{who} from the HR feed {name} without a termination: a record was deleted instead of ended."
    ));
    for gone in gone {
        failure = failure.row(Evidence {
            system: gone.system.clone(),
            table: "persons".to_owned(),
            id: gone.id.clone(),
            facts: [("name".to_owned(), gone.name.clone()), ("last_seen".to_owned(), gone.last_seen.to_string())]
                .into(),
            collected: Some(gone.last_seen),
        });
    }
    failure.severity(Severity::High, "the feed itself was read and is believed").verdict()
}
