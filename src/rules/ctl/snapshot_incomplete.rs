use muster_reports::view::{Evidence, Severity};

use crate::controls::INV;
use crate::rules::{Facts, Failure, Manual, Population, Rule, Subject, Verdict};
use crate::snapshot::KindState;

pub(in crate::rules) static RULE: Rule = Rule {
    id: "CTL-002",
    slug: "snapshot-incomplete",
    title: "Snapshot incomplete",
    severity: Severity::Medium,
    controls: &[INV],
    population: Population::Scopes,
    needs: &[],
    options: &[],
    manual: Manual {
        finds: "A kind of record in a scope that was asked for and not read completely, or read in a way that is not believable.",
        matters: "Whatever rests on it was not evaluated. Until it is repaired the control has a hole, and this names it.",
        evidence: "What was read, and each gap with its cause and position.",
        fix: "Follow the fix that the gap names, then collect the system again.",
        limits: "Systems that this scan was not asked to read are carried over and are no gap.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Scope(place) = subject else { return Verdict::NotApplicable };
    let row = &facts.graph.coverage().rows()[place];
    match row.state {
        KindState::Complete | KindState::Carried => return Verdict::Pass,
        KindState::Suspect | KindState::Partial | KindState::Failed => {}
    }
    let why = row.gaps.first().map(|gap| format!(": {}", gap.what)).unwrap_or_default();
    let facts = row.gaps.iter().enumerate().take(20).map(|(number, gap)| {
        let at = gap.at.as_ref().map(|at| format!(" at {at}")).unwrap_or_default();
        let cause = gap.cause.as_ref().map(|cause| format!(" — {cause}")).unwrap_or_default();
        (format!("gap {:02} {}", number + 1, gap.code), format!("{}{at}{cause}", gap.what))
    });
    Failure::new(format!("{} of {}:{} are {}{why}.", row.kind, row.system, row.scope, row.state.as_str()))
        .row(Evidence {
            system: row.system.clone(),
            table: "scopes".to_owned(),
            id: format!("{}/{}", row.scope, row.kind),
            facts: facts
                .chain([
                    ("state".to_owned(), row.state.as_str().to_owned()),
                    ("records".to_owned(), row.records.to_string()),
                    ("gaps".to_owned(), row.gaps.len().to_string()),
                ])
                .collect(),
            collected: row.collected,
        })
        .root(row.system.clone(), format!("of {}", row.system))
        .verdict()
}
