//! Declared things beside the graph's, both ways.

use std::collections::BTreeMap;

use muster_connectors::record::RecordKind;
use rustc_hash::FxHashMap;

use super::cluster::Cluster;
use super::terraform::{account_of, folded};
use super::{Format, Kind, Source, Things};
use crate::drift::noise::{Noise, provider_default};
use crate::graph::{Coverage, Edge, Graph, NodeIx, NodeKind, Relation, SystemIx};

/// On which side a thing stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Side {
    /// Declared and there.
    Both,
    /// There, not declared.
    Target,
    /// Declared, not there.
    Declared,
    /// Nobody can say, and why.
    Unknown(String),
}

/// What a thing is in the graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// An account, group or policy.
    Node(NodeIx),
    /// A membership or grant.
    Edge(Edge),
}

/// One thing of a managed scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The file that speaks of it, in [`crate::config::Policy::declared`]; `None` where no file speaks of the system.
    pub source: Option<usize>,
    /// System.
    pub system: String,
    /// Scope, where it is known.
    pub scope: Option<String>,
    /// Kind; `None` for a whole system or file.
    pub kind: Option<Kind>,
    /// `user/ada|group/ops`.
    pub key: String,
    /// Where it stands.
    pub side: Side,
    /// What it is in the graph.
    pub place: Option<Place>,
    /// Its address in the file.
    pub address: Option<String>,
    /// Why it may be there undeclared.
    pub noise: Option<Noise>,
}

/// What there is of a system, by the keys of what declares it.
pub(super) trait Real {
    /// Everything that the source speaks of.
    fn things(&self) -> BTreeMap<(Kind, String), Place>;

    /// Whether the provider itself made a thing, so that nobody declares it.
    fn is_provided(&self, kind: Kind, place: &Place) -> bool;

    /// Why a thing of a kind may be there unread.
    fn unread(&self, kind: Kind, key: &str) -> Option<String>;
}

/// Connectors of systems whose state can be declared.
const DECLARABLE: [&str; 2] = ["aws", "kubernetes"];

/// Everything that is declared or should be.
#[derive(Debug, Default)]
pub struct Comparison {
    items: Vec<Item>,
    /// Addresses by system, and the ids of the two ends of a tie.
    ties: FxHashMap<(String, String, String), String>,
    /// The source that manages an account, group or policy.
    sources: FxHashMap<NodeIx, usize>,
}

impl Comparison {
    /// Lays the sources beside the graph. Systems of which no source speaks though one could are one item each.
    pub fn of(graph: &Graph, sources: &[Source]) -> Self {
        let mut comparison = Self::default();
        for (number, source) in sources.iter().enumerate() {
            comparison.compare(graph, number, source);
        }
        let could = graph.coverage().rows().iter().filter(|row| DECLARABLE.contains(&row.connector.as_str()));
        let mut silent: Vec<&String> = could
            .map(|row| &row.system)
            .filter(|system| sources.iter().all(|source| source.system != **system))
            .collect();
        silent.dedup();
        comparison.items.extend(silent.into_iter().map(|system| Item {
            side: Side::Unknown(format!(
                "no policy/declared.toml names a file that declares what `{system}` should hold"
            )),
            ..whole(system, None)
        }));
        comparison
    }

    /// Every thing, by source, kind and key.
    pub fn items(&self) -> &[Item] {
        &self.items
    }

    /// Where a tie is declared, by the ids of its ends.
    pub fn declares(&self, system: &str, principal: &str, target: &str) -> Option<&str> {
        let key = (system.to_owned(), principal.to_owned(), target.to_owned());
        self.ties.get(&key).map(String::as_str)
    }

    /// The source that manages an account, group or policy, by its place in the policy.
    pub fn source_of(&self, node: NodeIx) -> Option<usize> {
        self.sources.get(&node).copied()
    }

    fn compare(&mut self, graph: &Graph, number: usize, source: &Source) {
        let whole = whole(&source.system, Some(number));
        let things = match &source.state {
            Ok(things) => things,
            Err(why) => {
                let side = Side::Unknown(format!("`{}` cannot be read: {why}", source.file));
                return self.items.push(Item { side, ..whole });
            }
        };
        let Some(system) = graph.system(&source.system) else {
            let side = Side::Unknown(format!("`{}` was not collected", source.system));
            return self.items.push(Item { side, ..whole });
        };
        if source.format == Format::KubernetesYaml {
            return self.lay(graph, number, source, things, &Cluster::new(graph, system, source, things));
        }
        let target = Target { graph, system, source, account: things.account.as_deref() };
        if source.scope.is_none() && things.account.is_none() {
            let side = Side::Unknown(format!(
                "`{}` names no account or several: say the `scope` that it speaks of",
                source.file
            ));
            return self.items.push(Item { side, ..whole });
        }
        self.lay(graph, number, source, things, &target);
    }

    /// Lays what is declared beside what is there.
    fn lay(&mut self, graph: &Graph, number: usize, source: &Source, things: &Things, real: &impl Real) {
        let whole = whole(&source.system, Some(number));
        let found = real.things();
        let ends = |edge: &Edge| {
            let id = |ix: NodeIx| graph.text(graph.node(ix).id).to_owned();
            (source.system.clone(), id(edge.source), id(edge.target))
        };
        let mut undeclared = Vec::new();
        for ((kind, key), place) in &found {
            let address = things.by_key.get(&(*kind, key.clone()));
            if let Place::Edge(edge) = place {
                match address {
                    Some(address) => drop(self.ties.insert(ends(edge), address.clone())),
                    None => undeclared.push(ends(edge)),
                }
            }
            // A rule belongs to its role, and only declared roles have rules that can be undeclared.
            let is_managed = source.manages.contains(kind) && !source.ignores(key);
            if address.is_none() && !is_managed {
                continue;
            }
            if let Place::Node(ix) = place {
                self.sources.insert(*ix, number);
            }
            self.items.push(Item {
                kind: Some(*kind),
                key: key.clone(),
                scope: Some(scope_of(graph, place)),
                side: if address.is_some() { Side::Both } else { Side::Target },
                place: Some(*place),
                address: address.cloned(),
                noise: real.is_provided(*kind, place).then_some(Noise::ProviderDefault),
                ..whole.clone()
            });
        }
        // The same role held elsewhere as well is not declared by the place that declares it here.
        for ends in undeclared {
            self.ties.remove(&ends);
        }
        for ((kind, key), address) in things.by_key.iter().filter(|(key, _)| !found.contains_key(key)) {
            let role = key.split_once(": ").filter(|_| *kind == Kind::Rules).map(|(role, _)| role.to_owned());
            if role.is_some_and(|role| !found.contains_key(&(Kind::Roles, role))) {
                continue;
            }
            let side = match real.unread(*kind, key) {
                None => Side::Declared,
                Some(why) => Side::Unknown(why),
            };
            let (key, address) = (key.clone(), Some(address.clone()));
            let scope = source.scope.clone();
            self.items.push(Item { kind: Some(*kind), key, scope, side, address, ..whole.clone() });
        }
    }
}

fn scope_of(graph: &Graph, place: &Place) -> String {
    let scope = match place {
        Place::Node(ix) => graph.node(*ix).scope,
        Place::Edge(edge) => graph.detail(edge).scope,
    };
    graph.scope_name(scope).to_owned()
}

fn whole(system: &str, source: Option<usize>) -> Item {
    Item {
        source,
        system: system.to_owned(),
        scope: None,
        kind: None,
        key: system.to_owned(),
        side: Side::Both,
        place: None,
        address: None,
        noise: None,
    }
}

/// The part of a graph that a source speaks of.
struct Target<'a> {
    graph: &'a Graph,
    system: SystemIx,
    source: &'a Source,
    account: Option<&'a str>,
}

impl Real for Target<'_> {
    fn things(&self) -> BTreeMap<(Kind, String), Place> {
        let graph = self.graph;
        let mut things = BTreeMap::new();
        let mut keys: FxHashMap<NodeIx, (Kind, String)> = FxHashMap::default();
        for place in 0..graph.node_count() {
            let ix = NodeIx(u32::try_from(place).unwrap_or(u32::MAX));
            if let Some(key) = self.node(ix) {
                things.insert(key.clone(), Place::Node(ix));
                keys.insert(ix, key);
            }
        }
        for (ix, (kind, key)) in keys.iter().filter(|(_, (kind, _))| *kind != Kind::Policies) {
            for edge in graph.edges_from(*ix) {
                let tie = match edge.relation {
                    Relation::MemberOf if *kind == Kind::Users => {
                        keys.get(&edge.target).map(|(_, group)| (Kind::Memberships, format!("{key}|{group}")))
                    }
                    Relation::MemberOf => None,
                    Relation::Holds => Some((
                        Kind::Attachments,
                        format!("{key}|{}", policy_key(graph.text(graph.node(edge.target).id))),
                    )),
                };
                if let Some(tie) = tie {
                    things.insert(tie, Place::Edge(edge));
                }
            }
        }
        things
    }

    fn is_provided(&self, _kind: Kind, place: &Place) -> bool {
        let ix = match place {
            Place::Node(ix) => *ix,
            Place::Edge(edge) => edge.source,
        };
        let graph = self.graph;
        let native = graph.account(ix).map_or("", |account| graph.text_or_empty(account.native_name));
        provider_default::is(graph.text(graph.node(ix).id), graph.name(ix), native)
    }

    fn unread(&self, kind: Kind, _key: &str) -> Option<String> {
        let of = match kind {
            Kind::Users | Kind::Roles => RecordKind::Account,
            Kind::Groups => RecordKind::Group,
            Kind::Policies => RecordKind::Entitlement,
            Kind::Memberships => RecordKind::Membership,
            Kind::Attachments | Kind::ServiceAccounts | Kind::Bindings | Kind::Rules => RecordKind::Grant,
        };
        let system = self.graph.system_name(self.system);
        let coverage: &Coverage = self.graph.coverage();
        let is_own = |scope: &str| match (&self.source.scope, self.account) {
            (Some(own), _) => scope == own.as_str(),
            (None, Some(account)) => scope.ends_with(account),
            (None, None) => true,
        };
        let mut rows = coverage.of_system(system).filter(|row| row.kind == of && is_own(&row.scope)).peekable();
        if rows.peek().is_none() {
            return Some(format!("`{system}` yields no {of} here"));
        }
        rows.find(|row| !row.proves_absence).map(crate::graph::CoverageRow::shortfall)
    }
}

impl Target<'_> {
    /// Kind and key of an account, group or policy of the account's own that the source speaks of.
    fn node(&self, ix: NodeIx) -> Option<(Kind, String)> {
        let graph = self.graph;
        let node = graph.node(ix);
        if node.system != self.system {
            return None;
        }
        let arn = match node.kind {
            NodeKind::Account => graph.text_or_empty(graph.account(ix)?.native_name),
            NodeKind::Group => graph.text_or_empty(graph.group(ix)?.native_name),
            NodeKind::Entitlement => graph.text(node.id),
            NodeKind::Resource | NodeKind::Unresolved => return None,
        };
        let account = account_of(arn)?;
        let speaks = match (&self.source.scope, self.account) {
            (Some(scope), _) => graph.scope_name(node.scope) == scope.as_str(),
            (None, Some(own)) => account == own,
            (None, None) => false,
        };
        if !speaks {
            return None;
        }
        if node.kind == NodeKind::Entitlement {
            return arn.contains(":policy/").then(|| (Kind::Policies, format!("policy/{}", folded(arn))));
        }
        let (sort, path) = arn.splitn(6, ':').nth(5)?.split_once('/')?;
        let name = folded(path.rsplit('/').next()?);
        let kind = match sort {
            "user" => Kind::Users,
            "role" => Kind::Roles,
            "group" => Kind::Groups,
            _ => return None,
        };
        Some((kind, format!("{sort}/{name}")))
    }
}

/// The second half of an attachment's key: a managed policy by its ARN, an inline one by its name.
fn policy_key(id: &str) -> String {
    match id.split_once("/inline/") {
        Some((_, name)) => format!("inline/{}", folded(name)),
        None => format!("policy/{}", folded(id)),
    }
}
