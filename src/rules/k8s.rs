//! K8S: RBAC of Kubernetes clusters.

pub(super) mod binding_to_nobody;
pub(super) mod cluster_admin;
pub(super) mod escalation_verbs;
pub(super) mod wildcard_role;

use super::Facts;
use crate::graph::{Edge, NodeIx, NodeKind, SystemIx};
use crate::people::fold;

/// Whether policy/privilege.toml names a holder or role of a cluster on its list `allow`, by id or name.
fn is_allowed(facts: &Facts<'_>, system: SystemIx, node: NodeIx) -> bool {
    let policy = facts.policy.privilege.as_ref().and_then(|policy| policy.of(facts.graph.system_name(system)));
    let names = [facts.graph.text(facts.graph.node(node).id), facts.graph.name(node)].map(fold);
    policy.is_some_and(|policy| policy.allow.iter().any(|allowed| names.contains(&fold(allowed))))
}

/// Who holds something, as a sentence names it.
fn holder(facts: &Facts<'_>, ix: NodeIx) -> String {
    let graph = facts.graph;
    let id = graph.text(graph.node(ix).id);
    let kind = match (graph.node(ix).kind, id.starts_with("system:serviceaccount:")) {
        (NodeKind::Group, _) => "group",
        (_, true) => "service account",
        (NodeKind::Account, false) => "user",
        (NodeKind::Unresolved | NodeKind::Entitlement | NodeKind::Resource, false) => "subject",
    };
    format!("{kind} {}", graph.name(ix))
}

/// Where a grant counts, as a sentence ends.
fn place(facts: &Facts<'_>, edge: &Edge) -> String {
    let graph = facts.graph;
    let cluster = graph.system_name(graph.node(edge.target).system);
    match graph.detail(edge).resource.filter(|_| facts.access.clusters().narrows(graph, edge)) {
        Some(namespace) => format!("in the namespace {} of {cluster}", graph.name(namespace)),
        None => format!("in the whole cluster {cluster}"),
    }
}
