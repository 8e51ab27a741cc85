use muster_reports::view::{Evidence, Severity};

use crate::controls::{CRED, LOG};
use crate::graph::secrets;
use crate::rules::{Facts, Failure, Manual, Population, Rule, Subject, Verdict};
use crate::snapshot::KindState;

pub(in crate::rules) static RULE: Rule = Rule {
    id: "PRV-003",
    slug: "secret-in-record",
    title: "Secret in log or record",
    severity: Severity::Critical,
    controls: &[CRED, LOG],
    population: Population::Scopes,
    needs: &[],
    options: &[],
    manual: Manual {
        finds: "Records whose free texts (descriptions, conditions, justifications, policy documents, log entries, tickets) hold something of the shape of a secret: vendors' tokens, private keys, passwords in addresses.",
        matters: "Everybody who may read the record holds the secret, and so does every copy and backup of it.",
        evidence: "The row and column of each, up to twenty, and what it looks like. The secret itself is never shown.",
        fix: "Revoke or change the secret first, then take it out of the record and keep it in a vault.",
        limits: "Knows the shapes that vendors publish and no others: a password in a sentence is not found. Names and source objects are not searched.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Scope(place) = subject else { return Verdict::NotApplicable };
    let row = &facts.graph.coverage().rows()[place];
    let columns = secrets::columns(row.kind);
    if columns.is_empty() {
        return Verdict::NotApplicable;
    }
    let Some(all) = facts.graph.secrets() else {
        return Verdict::NotEvaluated("the stored texts were not looked through".to_owned());
    };
    let key = (row.system.as_str(), row.scope.as_str(), row.kind);
    let first = all.partition_point(|hit| (hit.system.as_str(), hit.scope.as_str(), hit.kind) < key);
    let here = all[first..].iter().take_while(|hit| (hit.system.as_str(), hit.scope.as_str(), hit.kind) == key);
    let count = here.clone().count();
    if count == 0 {
        return match row.state {
            KindState::Complete | KindState::Carried => Verdict::Pass,
            KindState::Partial | KindState::Failed | KindState::Suspect => Verdict::NotEvaluated(row.shortfall()),
        };
    }
    let texts = if count == 1 { "1 text".to_owned() } else { format!("{count} texts") };
    let shape = here.clone().next().map_or("", |hit| hit.shape);
    let mut failure = Failure::new(format!(
        "The {} of {}:{} hold {texts} of the shape of a secret ({shape}).",
        row.kind, row.system, row.scope
    ));
    for hit in here.take(20) {
        failure = failure.row(Evidence {
            system: hit.system.clone(),
            table: hit.kind.to_string(),
            id: hit.id.clone(),
            facts: [("column".to_owned(), hit.column.to_owned()), ("looks_like".to_owned(), hit.shape.to_owned())]
                .into(),
            collected: row.collected,
        });
    }
    failure.verdict()
}
