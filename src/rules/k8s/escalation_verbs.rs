use muster_connectors::record::RecordKind;
use muster_reports::view::Severity;

use super::{holder, is_allowed, place};
use crate::access::kubernetes::{Risk, Role};
use crate::controls::LP;
use crate::graph::{NodeIx, Relation};
use crate::rules::{Facts, Failure, From, Manual, Need, Population, Rule, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "K8S-003",
    slug: "escalation-verbs",
    title: "Escalation verbs",
    severity: Severity::High,
    controls: &[LP],
    population: Population::Edges,
    needs: &[Need { from: From::Own, kind: RecordKind::Grant, field: None, absence: false }],
    options: &[],
    manual: Manual {
        finds: "A binding whose role lets its holder take more than it says: escalate, bind, impersonate, tokens of service accounts, approval of certificates that sign in, nodes/proxy, webhook configurations, secrets of the whole cluster.",
        matters: "Each of these is an administrator in waiting: from it to everything it is one request, and reviews of roles see an ordinary one.",
        evidence: "The binding's row, and each way to more.",
        fix: "Take the rule out of the role, or limit it by `resourceNames`; bind the role in a namespace where that is enough.",
        limits: "A role that allows everything is K8S-001's. Rules that are limited to names count only where a name is as good as all. Not judged are the API server's own roles where the control plane holds them, and its roles `admin` and `edit` in one namespace, which are made for that. Whoever may create pods acts as any service account of the namespace: that is part of the privilege level, not of this rule. Holders on the list `allow` in policy/privilege.toml pass.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Edge(edge) = subject else { return Verdict::NotApplicable };
    let graph = facts.graph;
    let clusters = facts.access.clusters();
    let system = graph.node(edge.target).system;
    if edge.relation != Relation::Holds || !clusters.covers(system) {
        return Verdict::NotApplicable;
    }
    let role = match clusters.role(edge.target) {
        Ok(role) if role.allows_everything() => return Verdict::NotApplicable,
        Ok(role) => role,
        Err(why) => return Verdict::NotEvaluated(why.to_owned()),
    };
    let narrow = clusters.narrows(graph, &edge);
    let risks = role.risks(!narrow);
    let by_design = role.is_provided() && (is_control_plane(facts, edge.source) || (narrow && is_for_namespaces(role)));
    if risks.is_empty() || by_design || is_allowed(facts, system, edge.source) || is_allowed(facts, system, edge.target)
    {
        return Verdict::Pass;
    }
    let ways: Vec<&str> = risks.into_iter().map(Risk::sentence).collect();
    let mut row = facts.edge_row(&edge);
    row.facts.insert("ways".to_owned(), ways.join("; "));
    Failure::new(format!(
        "The {} holds {} {}, and with it {}.",
        holder(facts, edge.source),
        graph.name(edge.target),
        place(facts, &edge),
        ways.join("; "),
    ))
    .row(row)
    .root(
        format!("{}|{}", graph.system_name(system), graph.text(graph.node(edge.target).id)),
        format!("hold {}, with which its holder {}", graph.name(edge.target), ways.join("; ")),
    )
    .verdict()
}

/// Whether a holder is of the control plane: a user or group with a reserved name, or a service account of kube-system.
fn is_control_plane(facts: &Facts<'_>, holder: NodeIx) -> bool {
    let id = facts.graph.text(facts.graph.node(holder).id);
    match id.strip_prefix("system:") {
        Some(name) if name.starts_with("serviceaccount:") => name.starts_with("serviceaccount:kube-system:"),
        Some(name) => {
            !(name == "authenticated"
                || name == "unauthenticated"
                || name == "anonymous"
                || name.starts_with("serviceaccounts"))
        }
        None => false,
    }
}

/// Whether a role of the API server is made to be bound in namespaces.
fn is_for_namespaces(role: &Role) -> bool {
    role.name == "admin" || role.name == "edit"
}
