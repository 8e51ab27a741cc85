//! What there is of a cluster, by the keys of declared objects.

use std::collections::BTreeMap;

use muster_connectors::record::RecordKind;

use super::compare::{Place, Real};
use super::objects::{rule_key, user_key};
use super::{Kind, Source, Things};
use crate::access::kubernetes::Clusters;
use crate::graph::{Edge, Graph, NodeIx, NodeKind, Relation, SystemIx};

/// A cluster, or one namespace of it.
pub(super) struct Cluster<'a> {
    graph: &'a Graph,
    system: SystemIx,
    clusters: Clusters,
    namespace: Option<&'a str>,
    things: &'a Things,
}

impl<'a> Cluster<'a> {
    /// The part of a cluster that a source speaks of.
    pub(super) fn new(graph: &'a Graph, system: SystemIx, source: &'a Source, things: &'a Things) -> Self {
        let namespace = source.scope.as_deref().map(|scope| scope.strip_prefix("namespace/").unwrap_or(scope));
        Self { graph, system, clusters: Clusters::of(graph), namespace, things }
    }

    /// Whether what lies in this namespace, or in none, is spoken of.
    fn speaks_of(&self, namespace: Option<&str>) -> bool {
        self.namespace.is_none() || self.namespace == namespace
    }

    fn id(&self, ix: NodeIx) -> &str {
        self.graph.text(self.graph.node(ix).id)
    }

    fn bindings(&self, role: NodeIx, things: &mut BTreeMap<(Kind, String), Place>) {
        let graph = self.graph;
        for edge in graph.edges_to(role).filter(|edge| edge.relation == Relation::Holds) {
            let at = graph.detail(&edge).resource.map_or("cluster", |place| self.id(place));
            if !self.speaks_of(at.strip_prefix("namespace/")) {
                continue;
            }
            let holder = if graph.node(edge.source).kind == NodeKind::Group {
                format!("group/{}", self.id(edge.source))
            } else {
                user_key(self.id(edge.source))
            };
            things.insert((Kind::Bindings, format!("{holder}|{}@{at}", self.id(role))), Place::Edge(edge));
        }
    }

    /// Whether the API server makes a binding: its own roles for the control plane, and what everybody may ask about himself.
    fn is_provided_binding(&self, edge: &Edge) -> bool {
        let (holder, Ok(role)) = (self.id(edge.source), self.clusters.role(edge.target)) else { return false };
        if !role.is_provided() {
            return false;
        }
        match holder {
            "system:masters" => role.name == "cluster-admin",
            "system:authenticated" | "system:unauthenticated" | "system:serviceaccounts" => {
                EVERYBODY.contains(&role.name.as_str())
            }
            holder => {
                let is_own = match holder.strip_prefix("system:serviceaccount:") {
                    Some(name) => name.starts_with("kube-system:"),
                    None => holder.starts_with("system:") && !holder.starts_with("system:serviceaccounts"),
                };
                is_own && role.name.starts_with("system:")
            }
        }
    }
}

/// Roles of the API server that it binds to everybody (Kubernetes, "Using RBAC Authorization": API discovery roles).
const EVERYBODY: [&str; 4] =
    ["system:basic-user", "system:discovery", "system:public-info-viewer", "system:service-account-issuer-discovery"];

impl Real for Cluster<'_> {
    fn things(&self) -> BTreeMap<(Kind, String), Place> {
        let graph = self.graph;
        let mut things = BTreeMap::new();
        for (ix, _) in graph.accounts().filter(|(ix, _)| graph.node(*ix).system == self.system) {
            let key = user_key(self.id(ix));
            let namespace = key.strip_prefix("serviceaccount/").and_then(|rest| rest.split_once('/'));
            if namespace.is_some_and(|(namespace, _)| self.speaks_of(Some(namespace))) {
                things.insert((Kind::ServiceAccounts, key), Place::Node(ix));
            }
        }
        for (ix, _) in graph.entitlements().filter(|(ix, _)| graph.node(*ix).system == self.system) {
            let id = self.id(ix);
            let namespace =
                id.strip_prefix("role/").and_then(|rest| rest.split_once('/')).map(|(namespace, _)| namespace);
            self.bindings(ix, &mut things);
            if !self.speaks_of(namespace) {
                continue;
            }
            things.insert((Kind::Roles, id.to_owned()), Place::Node(ix));
            if let Ok(role) = self.clusters.role(ix)
                && self.things.ruled.contains(id)
            {
                for rule in &role.rules {
                    things.insert((Kind::Rules, rule_key(id, rule)), Place::Node(ix));
                }
            }
        }
        // Roles that a binding names and no record has are held all the same.
        for ix in graph.unresolved().filter(|ix| graph.node(*ix).system == self.system) {
            self.bindings(ix, &mut things);
        }
        things
    }

    fn is_provided(&self, kind: Kind, place: &Place) -> bool {
        match place {
            Place::Edge(edge) => self.is_provided_binding(edge),
            Place::Node(ix) if kind == Kind::ServiceAccounts => {
                let id = self.id(*ix);
                let controller = id.strip_prefix("system:serviceaccount:kube-system:");
                let of_controller = |edge: &Edge| {
                    let role = self.id(edge.target).strip_prefix("clusterrole/system:controller:");
                    role == controller && self.is_provided_binding(edge)
                };
                id.ends_with(":default") || self.graph.edges_from(*ix).any(|edge| of_controller(&edge))
            }
            Place::Node(ix) => self.clusters.role(*ix).is_ok_and(crate::access::kubernetes::Role::is_provided),
        }
    }

    fn unread(&self, kind: Kind, key: &str) -> Option<String> {
        let needed: &[RecordKind] = match kind {
            Kind::ServiceAccounts => &[RecordKind::Account],
            Kind::Roles => &[RecordKind::Entitlement],
            Kind::Rules => &[RecordKind::Policy],
            // Whether a holder is a user or a group, its record says.
            _ => &[RecordKind::Grant, RecordKind::Account, RecordKind::Group],
        };
        let system = self.graph.system_name(self.system);
        let short = needed.iter().find_map(|of| {
            let mut rows = self.graph.coverage().of_system(system).filter(|row| row.kind == *of).peekable();
            if rows.peek().is_none() {
                return Some(format!("`{system}` yields no {of} here"));
            }
            rows.find(|row| !row.proves_absence).map(crate::graph::CoverageRow::shortfall)
        });
        if short.is_some() || kind != Kind::Rules {
            return short;
        }
        let role =
            key.split_once(": ").and_then(|(role, _)| self.graph.find(self.system, NodeKind::Entitlement, role))?;
        self.clusters.role(role).err().map(str::to_owned)
    }
}
