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
        finds: "An HR feed that failed or is not believable: it shrank, went stale, changed its header, lost a canary, or ended many people at the same second.",
        matters: "Half a feed makes half the company look like leavers and orphans. Every rule that concludes from a missing person is held back until this is cleared.",
        evidence: "The feed's scope with what was noticed and the numbers behind it.",
        fix: "Ask HR for a complete export; where the change is real, confirm it in the config (`[gate]`) and collect again.",
        limits: "The first collection has no history to compare with: only canaries, age and duplicates are checked then.",
    },
    judge,
};

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
    let Some(bad) = rows.iter().find(|row| matches!(row.state, KindState::Suspect | KindState::Failed)) else {
        return Verdict::Pass;
    };
    let why = bad.gaps.first().map(|gap| format!(": {}", gap.what)).unwrap_or_default();
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
