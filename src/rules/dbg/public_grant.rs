use muster_connectors::record::{AccountClass, RecordKind};
use muster_reports::view::Severity;

use crate::config::policy::SystemKind;
use crate::controls::LP;
use crate::graph::Relation;
use crate::people::fold;
use crate::rules::{Facts, Failure, From, Manual, Need, Population, Rule, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "DBG-004",
    slug: "public-or-direct-grant",
    title: "PUBLIC or direct table grant",
    severity: Severity::Medium,
    controls: &[LP],
    population: Population::Edges,
    needs: &[Need { from: From::Own, kind: RecordKind::Grant, field: None, absence: false }],
    options: &[],
    manual: Manual {
        finds: "A grant in a database to PUBLIC on something that bears a sensitivity label which policy/privilege.toml restricts, and a person's login that holds a right on a table without a role between.",
        matters: "PUBLIC is everybody who can sign in, today and next year. Direct grants on tables are what nobody finds when a person changes jobs.",
        evidence: "The grant with its resource and label.",
        fix: "Revoke the grant from PUBLIC; put direct grants into a role and grant that.",
        limits: "A grant to PUBLIC on something without a label is not evaluated. Tables are resources whose kind says table or view; databases are the systems that policy/inventory.toml marks.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Edge(edge) = subject else { return Verdict::NotApplicable };
    let graph = facts.graph;
    let system = graph.node(edge.target).system;
    let Some(place) = graph.detail(&edge).resource.filter(|_| edge.relation == Relation::Holds) else {
        return Verdict::NotApplicable;
    };
    if !facts.is_kind(system, SystemKind::Database) {
        return Verdict::NotApplicable;
    }
    let resource = graph.resource(place);
    let to = graph.name(edge.source);
    let why = if fold(to) == "public" {
        let Some(label) = resource.and_then(|resource| resource.sensitivity).map(|label| graph.text(label)) else {
            return Verdict::NotEvaluated("what PUBLIC may reach bears no sensitivity label".to_owned());
        };
        let Some(policy) = &facts.policy.privilege else {
            return Verdict::NotEvaluated("no policy/privilege.toml says which data is restricted".to_owned());
        };
        if !policy.data.iter().any(|data| fold(&data.sensitivity) == fold(label)) {
            return Verdict::Pass;
        }
        format!(
            "everybody who can sign in holds {} on {}, which is {label}",
            graph.name(edge.target),
            graph.name(place)
        )
    } else {
        let kind = fold(graph.text_or_empty(resource.and_then(|resource| resource.kind)));
        let is_login = graph.account(edge.source).is_some_and(|account| !account.is_root)
            && facts.people.class(edge.source).class != AccountClass::System
            && facts.is_active(edge.source);
        if !is_login || !(kind.contains("table") || kind.contains("view")) {
            return Verdict::NotApplicable;
        }
        if !facts.is_human(edge.source) {
            return Verdict::Pass;
        }
        format!("{to} holds {} on {} without a role between", graph.name(edge.target), graph.name(place))
    };
    Failure::new(format!("In the database {} {why}.", graph.system_name(system)))
        .row(facts.edge_row(&edge))
        .row(facts.object_row(place, "resources", &[]))
        .verdict()
}
