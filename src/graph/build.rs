//! Puts a graph together: nodes first, then edges, then compressed adjacency both ways.

use std::collections::hash_map::Entry;
use std::sync::OnceLock;

use muster_connectors::record::RecordKind;
use rustc_hash::FxHashMap;

use super::edges::Pending;
use super::strings::number;
use super::{
    Account, Coverage, Credential, CredentialIx, Detail, Entitlement, Federation, Graph, Group, Node, NodeIx, NodeKind,
    Policy, Relation, Resource, ScopeIx, Span, Strings, SystemIx, Text,
};
use crate::snapshot::Snapshot;

/// A node index from a place. A graph of more than 2³² nodes cannot be built: [`Builder`] refuses it.
pub(super) fn node_ix(place: usize) -> NodeIx {
    NodeIx(u32::try_from(place).expect("the builder admits at most u32::MAX nodes"))
}

/// A credential index from a place.
pub(super) fn credential_ix(place: usize) -> CredentialIx {
    CredentialIx(u32::try_from(place).expect("the builder admits at most u32::MAX credentials"))
}

pub(super) fn small(count: usize) -> u32 {
    u32::try_from(count).expect("the builder admits at most u32::MAX rows a table")
}

/// The most rows of a kind that room is made for before one was read: what a manifest says is not yet what is there.
const MOST_RESERVED: usize = 1 << 26;

/// Rows grouped by owner.
#[derive(Debug, Default)]
pub(super) struct Offsets {
    starts: Vec<u32>,
    rows: Vec<u32>,
}

impl Offsets {
    /// Groups `(owner, row)` pairs of `owners` owners by counting.
    fn group(owners: usize, pairs: impl Iterator<Item = (u32, u32)> + Clone) -> Self {
        let mut starts = vec![0_u32; owners + 1];
        for (owner, _) in pairs.clone() {
            starts[owner as usize + 1] += 1;
        }
        for owner in 0..owners {
            starts[owner + 1] += starts[owner];
        }
        let mut next = starts.clone();
        let mut rows = vec![0_u32; starts[owners] as usize];
        for (owner, row) in pairs {
            let place = &mut next[owner as usize];
            rows[*place as usize] = row;
            *place += 1;
        }
        Self { starts, rows }
    }

    /// The rows of an owner.
    pub(super) fn of(&self, owner: usize) -> impl Iterator<Item = u32> + Clone + '_ {
        let range = match (self.starts.get(owner), self.starts.get(owner + 1)) {
            (Some(start), Some(end)) => *start as usize..*end as usize,
            (_, None) | (None, _) => 0..0,
        };
        self.rows[range].iter().copied()
    }
}

/// Nodes by system, kind and id: those with one id in a chain, which is as long as there are systems and kinds that have it.
#[derive(Debug, Default)]
pub(super) struct Lookup {
    /// The last node of each id, by the id's number; [`NO_NODE`] of a text that is no id.
    last: Vec<u32>,
    /// The node before, of the same id.
    before: Vec<u32>,
}

const NO_NODE: u32 = u32::MAX;

impl Lookup {
    /// The node, when there is one.
    pub(super) fn find(&self, nodes: &[Node], system: SystemIx, kind: NodeKind, id: Text) -> Option<NodeIx> {
        let mut place = self.last.get(number(id) as usize).copied().unwrap_or(NO_NODE);
        while place != NO_NODE {
            let node = &nodes[place as usize];
            if node.system == system && node.kind == kind {
                return Some(NodeIx(place));
            }
            place = self.before[place as usize];
        }
        None
    }

    /// Takes in a new node.
    fn add(&mut self, ix: NodeIx, id: Text) {
        let id = number(id) as usize;
        if id >= self.last.len() {
            self.last.resize(id + 1, NO_NODE);
        }
        self.before.push(std::mem::replace(&mut self.last[id], ix.0));
    }
}

/// Where a node's row goes.
enum Place {
    /// At the end.
    New,
    /// In place of a worse one.
    Better(usize),
    /// Nowhere: a better one is known.
    Known,
}

impl Place {
    fn put<T>(self, rows: &mut Vec<T>, row: T) {
        match self {
            Self::New => rows.push(row),
            Self::Better(place) => rows[place] = row,
            Self::Known => {}
        }
    }
}

/// Collects nodes and edges. Nodes are added kind by kind in the order of [`NodeKind`]; edges come last.
#[derive(Debug, Default)]
pub struct Builder {
    /// The strings.
    pub strings: Strings,
    systems: Vec<String>,
    scopes: Vec<(SystemIx, String)>,
    scope_places: FxHashMap<(SystemIx, String), ScopeIx>,
    nodes: Vec<Node>,
    accounts: Vec<Account>,
    groups: Vec<Group>,
    entitlements: Vec<Entitlement>,
    resources: Vec<Resource>,
    texts: Vec<Text>,
    credentials: Vec<Credential>,
    credential_places: FxHashMap<(SystemIx, Text), usize>,
    policies: Vec<Policy>,
    federations: Vec<Federation>,
    snapshot: Option<Snapshot>,
    lookup: Lookup,
    edges: Pending,
    coverage: Coverage,
}

impl Builder {
    /// A builder for these systems.
    pub fn new(coverage: Coverage) -> Self {
        let systems = coverage.system_names();
        Self { systems, coverage, ..Self::default() }
    }

    /// Makes room for so many rows of each kind: what grows into place is copied, and takes twice its size while it is.
    pub(super) fn reserve(&mut self, rows: impl Fn(RecordKind) -> usize) {
        let rows = |kind| rows(kind).min(MOST_RESERVED);
        let accounts = rows(RecordKind::Account);
        let [groups, entitlements, resources] =
            [RecordKind::Group, RecordKind::Entitlement, RecordKind::Resource].map(&rows);
        let nodes = accounts + groups + entitlements + resources;
        self.nodes.reserve(nodes);
        self.lookup.before.reserve(nodes);
        self.accounts.reserve(accounts);
        self.texts.reserve(accounts);
        // An id, a login and an address or name that nobody shares.
        self.strings = Strings::with_capacity(accounts * 3 + (nodes - accounts) * 2);
        self.edges.reserve(rows(RecordKind::Grant) + rows(RecordKind::Membership));
    }

    /// A system by name; rows of a system that coverage does not know are added to it.
    pub fn system(&mut self, name: &str) -> SystemIx {
        let place = match self.systems.binary_search_by(|known| known.as_str().cmp(name)) {
            Ok(place) => place,
            Err(place) => {
                debug_assert!(self.nodes.is_empty(), "systems are known before nodes are added");
                self.systems.insert(place, name.to_owned());
                place
            }
        };
        SystemIx(u16::try_from(place).unwrap_or(u16::MAX))
    }

    /// A scope by name.
    pub fn scope(&mut self, system: SystemIx, name: &str) -> ScopeIx {
        if let Some(scope) = self.scope_places.get(&(system, name.to_owned())) {
            return *scope;
        }
        let scope = ScopeIx(small(self.scopes.len()));
        self.scopes.push((system, name.to_owned()));
        self.scope_places.insert((system, name.to_owned()), scope);
        scope
    }

    /// Stores a list of texts.
    pub fn texts(&mut self, texts: impl Iterator<Item = Text>) -> Span {
        let start = small(self.texts.len());
        self.texts.extend(texts);
        Span { start, len: small(self.texts.len()) - start }
    }

    /// Adds a node and gives the place that its row takes among those of its kind.
    ///
    /// An id that several scopes list is one node: its best row wins, and of equally good ones the first.
    fn node(&mut self, node: Node, first_of_kind: usize) -> Place {
        let ix = node_ix(self.nodes.len());
        let Some(known) = self.lookup.find(&self.nodes, node.system, node.kind, node.id) else {
            self.lookup.add(ix, node.id);
            self.nodes.push(node);
            return Place::New;
        };
        if self.nodes[known.get()].state <= node.state {
            return Place::Known;
        }
        self.nodes[known.get()] = node;
        Place::Better(known.get() - first_of_kind)
    }

    /// Adds an account.
    pub fn account(&mut self, node: Node, account: Account) {
        debug_assert_eq!(self.nodes.len(), self.accounts.len(), "accounts come first");
        self.node(node, 0).put(&mut self.accounts, account);
    }

    /// Adds a group.
    pub fn group(&mut self, node: Node, group: Group) {
        let first = self.accounts.len();
        self.node(node, first).put(&mut self.groups, group);
    }

    /// Adds an entitlement.
    pub fn entitlement(&mut self, node: Node, entitlement: Entitlement) {
        let first = self.accounts.len() + self.groups.len();
        self.node(node, first).put(&mut self.entitlements, entitlement);
    }

    /// Adds a resource.
    pub fn resource(&mut self, node: Node, resource: Resource) {
        let first = self.accounts.len() + self.groups.len() + self.entitlements.len();
        self.node(node, first).put(&mut self.resources, resource);
    }

    /// Adds a credential; of those with the same id the best row stays.
    pub fn credential(&mut self, mut credential: Credential) {
        credential.account = self.lookup.find(&self.nodes, credential.system, NodeKind::Account, credential.account_id);
        match self.credential_places.entry((credential.system, credential.id)) {
            Entry::Occupied(known) => {
                let known = &mut self.credentials[*known.get()];
                if credential.state < known.state {
                    *known = credential;
                }
            }
            Entry::Vacant(vacant) => {
                vacant.insert(self.credentials.len());
                self.credentials.push(credential);
            }
        }
    }

    /// Adds a policy.
    pub fn policy(&mut self, policy: Policy) {
        self.policies.push(policy);
    }

    /// Adds an identity elsewhere that signs in as an account.
    pub fn federation(&mut self, federation: Federation) {
        self.federations.push(federation);
    }

    /// Says where all of it comes from, for what is read later.
    pub(super) fn snapshot(&mut self, snapshot: &Snapshot) {
        self.snapshot = Some(snapshot.clone());
    }

    /// The account that `system` knows by `id`.
    pub(super) fn account_ix(&self, system: SystemIx, id: &str) -> Option<NodeIx> {
        self.lookup.find(&self.nodes, system, NodeKind::Account, self.strings.find(id)?)
    }

    /// The node that a row of `system` names by `id`, trying `kinds` in turn; an [`NodeKind::Unresolved`] node when none has it.
    pub fn resolve(&mut self, like: &Node, kinds: &[NodeKind]) -> NodeIx {
        for kind in kinds {
            if let Some(ix) = self.lookup.find(&self.nodes, like.system, *kind, like.id) {
                return ix;
            }
        }
        if let Some(ix) = self.lookup.find(&self.nodes, like.system, NodeKind::Unresolved, like.id) {
            return ix;
        }
        let ix = node_ix(self.nodes.len());
        self.node(Node { kind: NodeKind::Unresolved, ..*like }, 0);
        ix
    }

    /// Adds an edge.
    pub fn edge(&mut self, source: NodeIx, relation: Relation, target: NodeIx, detail: Detail) {
        self.edges.push(source, relation, target, &detail);
    }

    /// The graph.
    ///
    /// Cost: O(V + E log d) for the widest node's degree d.
    pub fn finish(mut self) -> Graph {
        self.federations.sort_by_key(|federation| federation.account);
        let owned = self
            .credentials
            .iter()
            .enumerate()
            .filter_map(|(ix, credential)| Some((credential.account?.0, small(ix))))
            .collect::<Vec<_>>();
        let nodes = self.nodes.len();
        Graph {
            credentials_of: Offsets::group(self.accounts.len(), owned.iter().copied()),
            strings: self.strings,
            systems: self.systems,
            scopes: self.scopes,
            nodes: self.nodes,
            accounts: self.accounts,
            groups: self.groups,
            entitlements: self.entitlements,
            resources: self.resources,
            texts: self.texts,
            credentials: self.credentials,
            policies: self.policies,
            federations: self.federations,
            snapshot: self.snapshot,
            switched: OnceLock::new(),
            secrets: OnceLock::new(),
            uses: OnceLock::new(),
            particulars: super::particulars::Particulars::default(),
            lookup: self.lookup,
            edges: self.edges.finish(nodes),
            coverage: self.coverage,
        }
    }
}

#[cfg(test)]
mod tests {
    use muster_connectors::record::{GrantOrigin, GroupRule};

    use super::*;
    use crate::graph::When;
    use crate::snapshot::RowState;

    #[test]
    fn what_two_scopes_list_is_one_node_and_one_edge_with_the_better_row() {
        let mut builder = Builder::new(Coverage::default());
        let system = builder.system("aws");
        let scopes = [builder.scope(system, "account/1"), builder.scope(system, "account/2")];
        let id = builder.strings.add("g");
        for (scope, state, privilege) in [
            (scopes[0], RowState::Stale, None),
            (scopes[1], RowState::Complete, Some(muster_connectors::record::PrivilegeLevel::Admin)),
            (scopes[0], RowState::Partial, None),
        ] {
            let node = Node { kind: NodeKind::Group, system, scope, state, id, name: None };
            let (rule, owner, native_name, self_join) = (GroupRule::Assigned, None, None, None);
            builder.group(node, crate::graph::Group { rule, owner, native_name, privilege, self_join });
        }
        for state in [RowState::Stale, RowState::Complete] {
            let (since, until) = (When::UNSUPPORTED, When::UNSUPPORTED);
            let (resource, note, origin, scope) = (None, None, GrantOrigin::Direct, scopes[0]);
            let detail = Detail { resource, since, until, note, origin, state, scope };
            builder.edge(NodeIx(0), Relation::MemberOf, NodeIx(0), detail);
        }
        let graph = builder.finish();
        assert_eq!(graph.node_count(), 1);
        assert_eq!((graph.node(NodeIx(0)).state, graph.node(NodeIx(0)).scope), (RowState::Complete, scopes[1]));
        assert!(graph.group(NodeIx(0)).is_some_and(|group| group.privilege.is_some()));
        let edges: Vec<_> = graph.edges_from(NodeIx(0)).collect();
        assert_eq!(edges.len(), 1);
        assert_eq!(graph.detail(&edges[0]).state, RowState::Complete);
    }
}
