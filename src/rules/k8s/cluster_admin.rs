use muster_connectors::record::RecordKind;
use muster_reports::view::Severity;

use super::{holder, is_allowed, place};
use crate::controls::LP;
use crate::graph::Relation;
use crate::rules::{Facts, Failure, From, Manual, Need, Population, Rule, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "K8S-001",
    slug: "cluster-admin",
    title: "cluster-admin or system:masters",
    severity: Severity::Critical,
    controls: &[LP],
    population: Population::Edges,
    needs: &[Need { from: From::Own, kind: RecordKind::Grant, field: None, absence: false }],
    options: &[],
    manual: Manual {
        finds: "A binding of `cluster-admin`, or of a role whose rules allow everything, to anybody who is not on the list `allow` of the cluster in policy/privilege.toml; a member of the group `system:masters`.",
        matters: "It allows everything on every object, secrets and nodes included. For `system:masters` RBAC is not even asked, and no binding can be removed to stop it.",
        evidence: "The binding's row with the role and where it counts.",
        fix: "Remove the subject from the binding that the row names; bind a role of the namespace that the work needs.",
        limits: "Cuts the severity to high where the role is bound in one namespace only. The built-in binding of `system:masters` itself passes. Who has a certificate of that group, or comes to it by a mapping of the cloud provider, the API does not tell.",
    },
    judge,
};

/// The group that RBAC lets do everything.
const MASTERS: &str = "system:masters";

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Edge(edge) = subject else { return Verdict::NotApplicable };
    let graph = facts.graph;
    let clusters = facts.access.clusters();
    let target = graph.node(edge.target);
    if !clusters.covers(target.system) || (graph.account(edge.source).is_some() && !facts.is_active(edge.source)) {
        return Verdict::NotApplicable;
    }
    let what = match edge.relation {
        Relation::MemberOf if graph.text(target.id) == MASTERS => format!("is a member of {MASTERS}"),
        Relation::MemberOf => return Verdict::NotApplicable,
        Relation::Holds => {
            // The name says it where the rules are not known.
            if graph.text(target.id) != "clusterrole/cluster-admin" {
                match clusters.role(edge.target) {
                    Ok(role) if role.allows_everything() => {}
                    Ok(_) => return Verdict::Pass,
                    Err(why) => return Verdict::NotEvaluated(why.to_owned()),
                }
            }
            format!("holds {}, which allows everything,", graph.name(edge.target))
        }
    };
    let is_masters = graph.text(graph.node(edge.source).id) == MASTERS;
    if is_masters || is_allowed(facts, target.system, edge.source) || is_allowed(facts, target.system, edge.target) {
        return Verdict::Pass;
    }
    let failure = Failure::new(format!("The {} {what} {}.", holder(facts, edge.source), place(facts, &edge)))
        .row(facts.edge_row(&edge));
    if clusters.narrows(graph, &edge) {
        return failure.severity(Severity::High, "it is bound in one namespace only").verdict();
    }
    failure.verdict()
}
