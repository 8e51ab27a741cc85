//! The entitlement graph: facts as collected, in memory, without a string or an allocation a node.
//!
//! ```text
//!   account ──MemberOf──► group ──MemberOf──► group ──Holds──► entitlement   (the resource stands on the edge)
//!      └──────────────────Holds──────────────────────────────────►┘
//! ```
//!
//! In: the tables of one snapshot ([`Graph::load`]). Out: nodes by index, edges both ways in compressed adjacency, closures of
//! nested groups, and for any derived fact one shortest path of direct facts that proves it. The layers above
//! (people, access) refer to nodes by [`NodeIx`] and never rewrite one.
//!
//! What few questions need stays in the store until one asks: last uses of grants, texts that look like secrets, what earlier
//! snapshots say.
//!
//! What was *not* read is a fact too: [`Coverage`] says for every system, scope and kind how far it was, and every node bears
//! the state of the rows it comes from.

mod build;
mod closure;
mod coverage;
mod edges;
mod load;
mod particulars;
mod past;
mod paths;
mod petgraph_view;
pub mod secrets;
mod strings;
mod uses;

use std::sync::OnceLock;

use muster_connectors::record::{
    AccountClass, Affiliation, CredentialKind, CredentialState, EntitlementKind, FactState, GrantOrigin, GroupRule,
    IdKind, Lifecycle, PolicyKind, PrivilegeLevel, Purpose,
};

pub use self::build::Builder;
pub use self::closure::Closure;
pub use self::coverage::{Coverage, CoverageRow};
pub use self::past::SwitchedOff;
pub use self::paths::{Reach, Step};
pub use self::strings::{Strings, Text};
pub use crate::snapshot::RowState;
use crate::snapshot::Snapshot;

/// A node: accounts come first, so the index of an account is also its place in [`Graph::accounts`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeIx(pub u32);

/// A system, in name order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SystemIx(pub u16);

/// A scope of a system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ScopeIx(pub u32);

/// A credential, in [`Graph::credentials`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CredentialIx(pub u32);

impl NodeIx {
    /// As an index.
    pub fn get(self) -> usize {
        self.0 as usize
    }
}

/// What a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NodeKind {
    /// An account.
    Account,
    /// A group.
    Group,
    /// An entitlement.
    Entitlement,
    /// A resource.
    Resource,
    /// An id that a grant or membership names and no record explains.
    Unresolved,
}

impl NodeKind {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Group => "group",
            Self::Entitlement => "entitlement",
            Self::Resource => "resource",
            Self::Unresolved => "unresolved",
        }
    }
}

/// How two nodes are tied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Relation {
    /// An account or group is a member of a group.
    MemberOf,
    /// A principal holds an entitlement.
    Holds,
}

impl Relation {
    /// The words for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MemberOf => "member of",
            Self::Holds => "holds",
        }
    }
}

/// An instant, or why there is none: a [`muster_connectors::record::Fact`] in eight bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct When(i64);

impl When {
    /// The source has no such field.
    pub const UNSUPPORTED: Self = Self(i64::MIN);
    /// It could not be read.
    pub const UNREADABLE: Self = Self(i64::MIN + 1);
    /// It never happened.
    pub const NEVER: Self = Self(i64::MIN + 2);
    /// There is no value.
    pub const NONE: Self = Self(i64::MIN + 3);

    /// A known instant.
    pub fn known(at: jiff::Timestamp) -> Self {
        Self(at.as_microsecond())
    }

    /// From a stored column and its state.
    pub fn stored(micros: Option<i64>, state: Option<FactState>) -> Self {
        match (micros, state) {
            (Some(micros), _) => Self(micros),
            (None, Some(FactState::Never)) => Self::NEVER,
            (None, Some(FactState::None)) => Self::NONE,
            (None, Some(FactState::Unreadable | FactState::Known)) => Self::UNREADABLE,
            (None, Some(FactState::Unsupported) | None) => Self::UNSUPPORTED,
        }
    }

    /// The instant, when it is known.
    pub fn at(self) -> Option<jiff::Timestamp> {
        (self.0 > Self::NONE.0).then(|| jiff::Timestamp::from_microsecond(self.0).ok()).flatten()
    }

    /// How it stands.
    pub fn state(self) -> FactState {
        match self {
            Self::UNSUPPORTED => FactState::Unsupported,
            Self::UNREADABLE => FactState::Unreadable,
            Self::NEVER => FactState::Never,
            Self::NONE => FactState::None,
            Self(_) => FactState::Known,
        }
    }

    /// Whole days from the instant to `now`; `None` when it is not known or lies ahead.
    pub fn days_before(self, now: jiff::Timestamp) -> Option<u32> {
        let seconds = now.as_second() - self.at()?.as_second();
        u32::try_from(seconds / 86_400).ok().filter(|_| seconds >= 0)
    }
}

impl Default for When {
    /// Nothing is known where nothing is said.
    fn default() -> Self {
        Self::UNSUPPORTED
    }
}

impl std::fmt::Debug for When {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

impl std::fmt::Display for When {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.at() {
            Some(at) => write!(f, "{at}"),
            None => f.write_str(self.state().as_str()),
        }
    }
}

/// A stretch of one of the graph's shared arrays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    start: u32,
    len: u32,
}

impl Span {
    fn of(self) -> std::ops::Range<usize> {
        self.start as usize..(self.start + self.len) as usize
    }
}

/// What every node has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Node {
    /// What it is.
    pub kind: NodeKind,
    /// Its system.
    pub system: SystemIx,
    /// The scope it was read in.
    pub scope: ScopeIx,
    /// State of the rows it comes from.
    pub state: RowState,
    /// The system's own id.
    pub id: Text,
    /// The name people know it by.
    pub name: Option<Text>,
}

/// What an account has. `Copy` and without pointers: a million of them are one block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Account {
    /// How far the id can be trusted.
    pub id_kind: IdKind,
    /// Sign-in name.
    pub login: Option<Text>,
    /// DN, ARN, UPN.
    pub native_name: Option<Text>,
    /// E-mail addresses, in [`Graph::emails_of`].
    pub emails: Span,
    /// Whether the system verified them.
    pub emails_verified: bool,
    /// Employee id as the system has it.
    pub employee_id: Option<Text>,
    /// Class as the system tells it.
    pub class: Option<AccountClass>,
    /// Why.
    pub class_evidence: Option<Text>,
    /// Affiliation.
    pub affiliation: Option<Affiliation>,
    /// State.
    pub lifecycle: Lifecycle,
    /// The tenant's built-in all-powerful account.
    pub is_root: bool,
    /// Created.
    pub created: When,
    /// Stops working at.
    pub expires: When,
    /// Last activity.
    pub last_activity: When,
    /// Password changed.
    pub password_changed: When,
    /// Whether somebody can sign in with a password.
    pub interactive: Option<bool>,
    /// Second factors: how the fact stands.
    pub mfa: FactState,
    /// Second factors in the system's words, in [`Graph::factors_of`].
    pub factors: Span,
    /// Owner, as the system has it.
    pub owner: Option<Text>,
    /// Department, as the system has it.
    pub department: Option<Text>,
    /// Title, as the system has it.
    pub title: Option<Text>,
    /// Manager, as the system has it.
    pub manager: Option<Text>,
    /// Ids at other issuers (`issuer subject`), in [`Graph::federated_of`].
    pub federated: Span,
}

/// What a group has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Group {
    /// How membership is decided.
    pub rule: GroupRule,
    /// Owner, as the system has it.
    pub owner: Option<Text>,
    /// DN, ARN.
    pub native_name: Option<Text>,
    /// Privilege of being a member where the source says so.
    pub privilege: Option<PrivilegeLevel>,
    /// Whether members can add themselves.
    pub self_join: Option<bool>,
}

/// What an entitlement has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entitlement {
    /// What it is.
    pub kind: EntitlementKind,
    /// Why it exists.
    pub purpose: Purpose,
    /// Owner, as the system has it.
    pub owner: Option<Text>,
    /// Privilege where the source says so.
    pub privilege: Option<PrivilegeLevel>,
}

/// What a resource has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resource {
    /// Its type.
    pub kind: Option<Text>,
    /// Owner, as the system has it.
    pub owner: Option<Text>,
    /// Id of the resource that contains it.
    pub parent: Option<Text>,
    /// `prod`, `test`, as the source says.
    pub environment: Option<Text>,
    /// Sensitivity label, as the source says.
    pub sensitivity: Option<Text>,
}

/// A credential of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Credential {
    /// The system's own id.
    pub id: Text,
    /// Name or label.
    pub name: Option<Text>,
    /// The account; `None` when its id resolves to none.
    pub account: Option<NodeIx>,
    /// The account's id as the record has it.
    pub account_id: Text,
    /// System.
    pub system: SystemIx,
    /// Scope.
    pub scope: ScopeIx,
    /// State of the rows it comes from.
    pub state: RowState,
    /// What it is.
    pub kind: CredentialKind,
    /// Whether it works.
    pub status: CredentialState,
    /// Created.
    pub created: When,
    /// Expires.
    pub expires: When,
    /// Rotated.
    pub rotated: When,
    /// Last used.
    pub last_used: When,
}

impl Credential {
    /// When it last became what it is: rotated, else created. Some sources tell only one of the two.
    pub fn renewed(&self) -> When {
        if self.rotated.at().is_some() { self.rotated } else { self.created }
    }
}

/// A policy document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// The system's own id.
    pub id: Text,
    /// Name.
    pub name: Option<Text>,
    /// Version of the document, where versions exist.
    pub version: Option<Text>,
    /// System.
    pub system: SystemIx,
    /// Scope.
    pub scope: ScopeIx,
    /// State of the rows it comes from.
    pub state: RowState,
    /// What it does.
    pub kind: PolicyKind,
    /// Ids of what it applies to, in [`Graph::targets_of`].
    pub targets: Span,
    /// The document, verbatim.
    pub document: Text,
}

/// An identity elsewhere that signs in as an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Federation {
    /// The account.
    pub account: NodeIx,
    /// The system's own id.
    pub id: Text,
    /// Issuer of the identity.
    pub issuer: Text,
    /// State of the rows it comes from.
    pub state: RowState,
    /// Subject at the issuer, where one is fixed.
    pub subject: Option<Text>,
    /// Condition, verbatim.
    pub condition: Option<Text>,
}

/// A tie between two nodes and what stands on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edge {
    /// From.
    pub source: NodeIx,
    /// To.
    pub target: NodeIx,
    /// How.
    pub relation: Relation,
    /// Place in the edge arrays; [`Graph::detail`] has the rest.
    pub ix: u32,
}

/// What stands on an edge beside its ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Detail {
    /// Resource it is held on.
    pub resource: Option<NodeIx>,
    /// Since.
    pub since: When,
    /// Until.
    pub until: When,
    /// Condition, verbatim; for a membership, how the source holds it (`primaryGroupID`).
    pub note: Option<Text>,
    /// Direct or derived.
    pub origin: GrantOrigin,
    /// State of the rows it comes from.
    pub state: RowState,
    /// Scope it was read in.
    pub scope: ScopeIx,
}

/// The graph of one snapshot.
#[derive(Debug)]
pub struct Graph {
    strings: Strings,
    systems: Vec<String>,
    scopes: Vec<(SystemIx, String)>,
    nodes: Vec<Node>,
    accounts: Vec<Account>,
    groups: Vec<Group>,
    entitlements: Vec<Entitlement>,
    resources: Vec<Resource>,
    texts: Vec<Text>,
    credentials: Vec<Credential>,
    credentials_of: build::Offsets,
    policies: Vec<Policy>,
    federations: Vec<Federation>,
    /// Where all of it comes from; `None` for a graph that was put together by hand.
    snapshot: Option<Snapshot>,
    switched: past::Switched,
    secrets: OnceLock<Vec<secrets::Hit>>,
    uses: OnceLock<Vec<When>>,
    particulars: particulars::Particulars,
    lookup: build::Lookup,
    edges: edges::Edges,
    coverage: Coverage,
}

impl Graph {
    /// The strings.
    pub fn strings(&self) -> &Strings {
        &self.strings
    }

    /// A string.
    pub fn text(&self, text: Text) -> &str {
        self.strings.get(text)
    }

    /// A string that may be missing; empty when it is.
    pub fn text_or_empty(&self, text: Option<Text>) -> &str {
        text.map_or("", |text| self.strings.get(text))
    }

    /// What was read and how far.
    pub fn coverage(&self) -> &Coverage {
        &self.coverage
    }

    /// System names, sorted.
    pub fn systems(&self) -> &[String] {
        &self.systems
    }

    /// Name of a system.
    pub fn system_name(&self, system: SystemIx) -> &str {
        &self.systems[usize::from(system.0)]
    }

    /// Name of a scope.
    pub fn scope_name(&self, scope: ScopeIx) -> &str {
        &self.scopes[scope.0 as usize].1
    }

    /// Every scope that a row was read in, with its system.
    pub fn places(&self) -> impl Iterator<Item = (SystemIx, ScopeIx)> + '_ {
        self.scopes.iter().enumerate().map(|(ix, (system, _))| (*system, ScopeIx(build::small(ix))))
    }

    /// Number of nodes.
    pub fn node_count(&self) -> usize {
        self.nodes.len()
    }

    /// Number of edges.
    pub fn edge_count(&self) -> usize {
        self.edges.len()
    }

    /// A node.
    pub fn node(&self, ix: NodeIx) -> &Node {
        &self.nodes[ix.get()]
    }

    /// The name people know a node by: its name, else its login, else its id.
    pub fn name(&self, ix: NodeIx) -> &str {
        let node = self.node(ix);
        let login = self.account(ix).and_then(|account| account.login);
        self.text(node.name.or(login).unwrap_or(node.id))
    }

    /// Every account, in order of system and id.
    pub fn accounts(&self) -> impl ExactSizeIterator<Item = (NodeIx, &Account)> + '_ {
        self.accounts.iter().enumerate().map(|(ix, account)| (build::node_ix(ix), account))
    }

    /// Number of accounts.
    pub fn account_count(&self) -> usize {
        self.accounts.len()
    }

    /// The account at `ix`, when it is one.
    pub fn account(&self, ix: NodeIx) -> Option<&Account> {
        self.accounts.get(ix.get())
    }

    /// Every group.
    pub fn groups(&self) -> impl ExactSizeIterator<Item = (NodeIx, &Group)> + '_ {
        let first = self.accounts.len();
        self.groups.iter().enumerate().map(move |(ix, group)| (build::node_ix(first + ix), group))
    }

    /// The group at `ix`, when it is one.
    pub fn group(&self, ix: NodeIx) -> Option<&Group> {
        self.groups.get(ix.get().checked_sub(self.accounts.len())?)
    }

    /// Every entitlement.
    pub fn entitlements(&self) -> impl ExactSizeIterator<Item = (NodeIx, &Entitlement)> + '_ {
        let first = self.accounts.len() + self.groups.len();
        self.entitlements.iter().enumerate().map(move |(ix, entitlement)| (build::node_ix(first + ix), entitlement))
    }

    /// The entitlement at `ix`, when it is one.
    pub fn entitlement(&self, ix: NodeIx) -> Option<&Entitlement> {
        self.entitlements.get(ix.get().checked_sub(self.accounts.len() + self.groups.len())?)
    }

    /// Every resource.
    pub fn resources(&self) -> impl ExactSizeIterator<Item = (NodeIx, &Resource)> + '_ {
        let first = self.accounts.len() + self.groups.len() + self.entitlements.len();
        self.resources.iter().enumerate().map(move |(ix, resource)| (build::node_ix(first + ix), resource))
    }

    /// The resource at `ix`, when it is one.
    pub fn resource(&self, ix: NodeIx) -> Option<&Resource> {
        let first = self.accounts.len() + self.groups.len() + self.entitlements.len();
        self.resources.get(ix.get().checked_sub(first)?)
    }

    /// Ids that grants and memberships name and no record explains.
    pub fn unresolved(&self) -> impl Iterator<Item = NodeIx> + '_ {
        let first = self.accounts.len() + self.groups.len() + self.entitlements.len() + self.resources.len();
        (first..self.nodes.len()).map(build::node_ix)
    }

    /// E-mail addresses of an account, the primary one first.
    pub fn emails_of(&self, account: &Account) -> impl Iterator<Item = &str> + '_ {
        self.texts[account.emails.of()].iter().map(|text| self.text(*text))
    }

    /// Ids of an account at other issuers, as `issuer subject`.
    pub fn federated_of(&self, account: &Account) -> impl Iterator<Item = &str> + '_ {
        self.texts[account.federated.of()].iter().map(|text| self.text(*text))
    }

    /// Second factors of an account, in the system's words.
    pub fn factors_of(&self, account: &Account) -> impl Iterator<Item = &str> + '_ {
        self.texts[account.factors.of()].iter().map(|text| self.text(*text))
    }

    /// Ids of what a policy applies to.
    pub fn targets_of(&self, policy: &Policy) -> impl Iterator<Item = &str> + '_ {
        self.texts[policy.targets.of()].iter().map(|text| self.text(*text))
    }

    /// Every credential, in order of system and id.
    pub fn credentials(&self) -> impl ExactSizeIterator<Item = (CredentialIx, &Credential)> + '_ {
        self.credentials.iter().enumerate().map(|(ix, credential)| (build::credential_ix(ix), credential))
    }

    /// A credential.
    pub fn credential(&self, ix: CredentialIx) -> &Credential {
        &self.credentials[ix.0 as usize]
    }

    /// The credentials of an account.
    pub fn credentials_of(&self, account: NodeIx) -> impl Iterator<Item = (CredentialIx, &Credential)> + Clone + '_ {
        self.credentials_of.of(account.get()).map(|ix| (CredentialIx(ix), &self.credentials[ix as usize]))
    }

    /// Every policy document.
    pub fn policies(&self) -> &[Policy] {
        &self.policies
    }

    /// Every identity elsewhere that signs in as an account that was read, in order of account.
    pub fn federations(&self) -> &[Federation] {
        &self.federations
    }

    /// The identities elsewhere that sign in as an account.
    pub fn federations_of(&self, account: NodeIx) -> &[Federation] {
        let start = self.federations.partition_point(|federation| federation.account < account);
        let end = self.federations.partition_point(|federation| federation.account <= account);
        &self.federations[start..end]
    }

    /// Texts of the stored rows that have the shape of a secret, by system, scope, table and row; `None` where nobody looked
    /// ([`Graph::read_secrets`]).
    pub fn secrets(&self) -> Option<&[secrets::Hit]> {
        self.secrets.get().map(Vec::as_slice)
    }

    /// When a grant was last used, as far as its source says; unreadable where nobody asked the store ([`Graph::read_uses`]).
    pub fn last_used(&self, edge: &Edge) -> When {
        self.uses
            .get()
            .map_or(When::UNREADABLE, |uses| uses.get(edge.ix as usize).copied().unwrap_or(When::UNSUPPORTED))
    }

    /// The node of `kind` that `system` knows by `id`.
    pub fn find(&self, system: SystemIx, kind: NodeKind, id: &str) -> Option<NodeIx> {
        self.lookup.find(&self.nodes, system, kind, self.strings.find(id)?)
    }

    /// A system by name.
    pub fn system(&self, name: &str) -> Option<SystemIx> {
        let place = self.systems.binary_search_by(|known| known.as_str().cmp(name)).ok()?;
        u16::try_from(place).ok().map(SystemIx)
    }

    /// Edges that leave `node`, in order of target.
    pub fn edges_from(&self, node: NodeIx) -> impl Iterator<Item = Edge> + '_ {
        self.edges.from(node)
    }

    /// Edges that reach `node`, in order of source.
    pub fn edges_to(&self, node: NodeIx) -> impl Iterator<Item = Edge> + '_ {
        self.edges.to(node)
    }

    /// What stands on an edge.
    pub fn detail(&self, edge: &Edge) -> Detail {
        self.edges.detail(edge)
    }

    /// Bytes the adjacency takes, both ways, without what stands on the edges.
    pub fn adjacency_bytes(&self) -> usize {
        self.edges.bytes()
    }
}
