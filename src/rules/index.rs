//! Side tables that a few rules look into and most estates have little for: registers, sign-on, belongings, peers. Each is put
//! together once, when the first rule asks.

mod alike;
mod leases;
mod ownership;
mod registers;
mod sign_in;

use std::sync::OnceLock;

use jiff::Timestamp;
use muster_connectors::record::{AccountClass, CredentialKind, EntitlementKind, PrivilegeLevel, RecordKind};
use muster_reports::view::Severity;
use rustc_hash::{FxHashMap, FxHashSet};

use self::alike::Peers;
use self::leases::Leases;
pub(super) use self::leases::leased_at;
pub(super) use self::ownership::Belonging;
pub(super) use self::sign_in::SignIn;
use self::sign_in::SignIns;
use super::{Facts, Failure, lowered, raised};
use crate::access::Privilege;
use crate::access::aws::uses::Uses;
use crate::access::kubernetes::Role;
use crate::config::Policy;
use crate::config::policy::SystemKind;
use crate::graph::{CredentialIx, Edge, Graph, NodeIx, NodeKind, Reach, Relation, RowState, ScopeIx, SystemIx, When};
use crate::people::{Employment, PersonIx, fold};

/// Days by which Active Directory's `lastLogonTimestamp` may lag behind the last sign-in (Microsoft, "Lastlogontimestamp
/// attribute": it is renewed when it is 9 to 14 days old).
const DIRECTORY_LAG_DAYS: i64 = 14;

/// The tables.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// Place in [`Facts::systems`] of each system of the graph.
    places: Vec<usize>,
    /// What the inventory says a system is.
    kinds: Vec<Option<SystemKind>>,
    applications: OnceLock<Vec<Application>>,
    registered: OnceLock<FxHashMap<NodeIx, usize>>,
    peers: OnceLock<Peers>,
    admins: OnceLock<Vec<Administrators>>,
    scanners: OnceLock<FxHashMap<(SystemIx, String), NodeIx>>,
    devices: OnceLock<FxHashSet<String>>,
    uses: OnceLock<Uses>,
    leases: OnceLock<Leases>,
    federating: OnceLock<FxHashSet<SystemIx>>,
    owned: OnceLock<FxHashMap<NodeIx, NodeIx>>,
    twins: OnceLock<FxHashMap<NodeIx, (NodeIx, u32, u32)>>,
    sign_in: OnceLock<SignIns>,
    break_glass: OnceLock<FxHashMap<NodeIx, usize>>,
    shared: OnceLock<FxHashMap<NodeIx, usize>>,
    belongings: OnceLock<FxHashMap<PersonIx, Vec<Belonging>>>,
    anybody_owns: OnceLock<bool>,
    held_on: OnceLock<FxHashMap<NodeIx, PrivilegeLevel>>,
    licensed: OnceLock<Option<Reach>>,
    quarantined: OnceLock<FxHashSet<NodeIx>>,
    owners_told: OnceLock<FxHashSet<(SystemIx, NodeKind)>>,
}

/// An application that people let act for them, in one system.
#[derive(Debug)]
pub(super) struct Application {
    /// System.
    pub system: SystemIx,
    /// The scope it was first seen in.
    pub scope: ScopeIx,
    /// Its name, folded.
    pub key: String,
    /// Its name.
    pub name: String,
    /// Consents that work.
    pub consents: Vec<CredentialIx>,
    /// Scopes that accounts hold on it.
    pub scopes: Vec<Edge>,
}

/// The administrators of one scope.
#[derive(Debug, Clone, Default)]
pub(super) struct Administrators {
    /// Certain ones.
    pub(super) certain: Vec<NodeIx>,
    /// Those that may be, with why for the first.
    pub(super) undecided: usize,
    /// Why the first of them is undecided.
    pub(super) why: Option<String>,
    /// Active built-in administrators: a way in, and nobody's choice.
    pub(super) built_in: usize,
}

impl Index {
    /// Nothing is put together yet but what costs nothing.
    pub(super) fn new(graph: &Graph, policy: &Policy, systems: &[String]) -> Self {
        let places = graph.systems().iter().map(|name| systems.binary_search(name).unwrap_or(systems.len()));
        let kind = |name: &String| policy.inventory.iter().find(|entry| entry.name == *name)?.kind;
        Self { places: places.collect(), kinds: graph.systems().iter().map(kind).collect(), ..Self::default() }
    }
}

impl Facts<'_> {
    /// Place of a system of the graph in [`Facts::systems`].
    pub(super) fn place_of(&self, system: SystemIx) -> usize {
        self.index.places.get(usize::from(system.0)).copied().unwrap_or(self.systems.len())
    }

    /// What the inventory says a system is.
    pub(super) fn is_kind(&self, system: SystemIx, kind: SystemKind) -> bool {
        self.index.kinds.get(usize::from(system.0)).copied().flatten() == Some(kind)
    }

    /// Whether the inventory marks any system so.
    pub(super) fn has_kind(&self, kind: SystemKind) -> bool {
        self.index.kinds.contains(&Some(kind))
    }

    /// Applications that people let act for them, by system and name.
    pub(super) fn applications(&self) -> &[Application] {
        self.index.applications.get_or_init(|| applications(self))
    }

    /// The administrators of each scope, by its place in the graph.
    pub(super) fn administrators(&self) -> &[Administrators] {
        self.index.admins.get_or_init(|| administrators(self))
    }

    /// Whether a system marked as a device manager knows a device by one of these names, folded.
    pub(super) fn is_managed(&self, names: &[String]) -> bool {
        let all = self.index.devices.get_or_init(|| {
            let managed = self
                .graph
                .accounts()
                .filter(|(ix, _)| self.is_kind(self.graph.node(*ix).system, SystemKind::Mdm) && self.is_active(*ix));
            managed.flat_map(|(ix, _)| self.device_names(ix)).collect()
        });
        names.iter().any(|name| all.contains(name))
    }

    /// The names of a device: id, login without `$`, name; folded.
    pub(super) fn device_names(&self, device: NodeIx) -> Vec<String> {
        let node = self.graph.node(device);
        let login = self.graph.account(device).and_then(|account| account.login);
        let texts = [Some(node.id), login, node.name].into_iter().flatten();
        texts.map(|text| fold(self.graph.text(text).trim_end_matches('$'))).collect()
    }

    /// When a grant was last used: as its source says, or as its holder used what it is about.
    pub(super) fn last_use(&self, edge: &Edge) -> When {
        let used = self.graph.last_used(edge);
        if used != When::UNSUPPORTED {
            return used;
        }
        self.index.uses.get_or_init(|| Uses::of(self.graph)).last_use(edge).unwrap_or(used)
    }

    /// The accounts of a system, as a stretch of all accounts.
    pub(super) fn accounts_in(&self, system: SystemIx) -> std::ops::Range<usize> {
        let count = self.graph.account_count();
        let from = |wanted: u32| {
            let (mut low, mut high) = (0, count);
            while low < high {
                let middle = usize::midpoint(low, high);
                let ix = NodeIx(u32::try_from(middle).unwrap_or(u32::MAX));
                if u32::from(self.graph.node(ix).system.0) < wanted { low = middle + 1 } else { high = middle }
            }
            low
        };
        from(u32::from(system.0))..from(u32::from(system.0) + 1)
    }

    /// Whether a system has any account.
    pub(super) fn has_accounts(&self, system: SystemIx) -> bool {
        !self.accounts_in(system).is_empty()
    }

    /// Whether an account, or a group or role that it holds directly, is named in a list.
    pub(super) fn is_allowed(&self, allowed: &[String], account: NodeIx) -> bool {
        let names = |ix: NodeIx| {
            let node = self.graph.node(ix);
            let login = self.graph.account(ix).and_then(|account| account.login);
            [Some(node.id), node.name, login].into_iter().flatten().map(|text| fold(self.graph.text(text)))
        };
        let is_listed = |ix: NodeIx| names(ix).any(|name| allowed.iter().any(|allowed| fold(allowed) == name));
        !allowed.is_empty() && (is_listed(account) || self.graph.edges_from(account).any(|edge| is_listed(edge.target)))
    }

    /// The active accounts in a group, those of nested groups too; sorted.
    ///
    /// Cost: O(V + E) over what is below the group.
    pub(super) fn members(&self, group: NodeIx) -> Vec<NodeIx> {
        let mut seen: FxHashSet<NodeIx> = std::iter::once(group).collect();
        let (mut next, mut members) = (vec![group], Vec::new());
        while let Some(at) = next.pop() {
            for edge in self.graph.edges_to(at).filter(|edge| edge.relation == Relation::MemberOf) {
                if seen.insert(edge.source) {
                    if self.graph.account(edge.source).is_some() {
                        members.push(edge.source);
                    } else {
                        next.push(edge.source);
                    }
                }
            }
        }
        members.retain(|account| self.is_active(*account));
        members.sort_unstable();
        members
    }

    /// Whether an account is a non-human identity that works: a service or an agent, neither built in nor switched off.
    pub(super) fn is_nhi(&self, account: NodeIx) -> bool {
        matches!(self.people.class(account).class, AccountClass::Service | AccountClass::Agent)
            && self.is_active(account)
            && self.graph.account(account).is_some_and(|facts| !facts.is_root)
    }

    /// The employment of a person that runs; the last one written where several do.
    pub(super) fn work(&self, person: PersonIx) -> Option<&Employment> {
        let employments = &self.people.person(person).employments;
        employments.iter().rev().find(|one| self.people.employment_standing(one, self.now).is_employed())
    }

    /// Whether a system was asked for records of this kind.
    pub(super) fn yields(&self, system: SystemIx, kind: RecordKind) -> bool {
        self.graph.coverage().of_system(self.graph.system_name(system)).any(|row| row.kind == kind)
    }

    /// The connector that reads a system.
    pub(super) fn connector(&self, system: SystemIx) -> &str {
        let mut rows = self.graph.coverage().of_system(self.graph.system_name(system));
        rows.next().map_or("", |row| row.connector.as_str())
    }

    /// When the accounts of this one's scope were read.
    pub(super) fn account_read(&self, account: NodeIx) -> Option<Timestamp> {
        let node = self.graph.node(account);
        let (system, scope) = (self.graph.system_name(node.system), self.graph.scope_name(node.scope));
        let mut rows = self.graph.coverage().of_scope(system, scope);
        rows.find(|row| row.kind == RecordKind::Account).and_then(|row| row.collected)
    }

    /// Whether an account is one that is there to be used every now and then: neither the platform's own, a room's or machine's, nor
    /// for emergencies.
    pub(super) fn is_for_use(&self, account: NodeIx) -> bool {
        let for_use = match self.people.class(account).class {
            AccountClass::Human
            | AccountClass::Admin
            | AccountClass::Service
            | AccountClass::Agent
            | AccountClass::Test => true,
            AccountClass::System | AccountClass::Shared | AccountClass::BreakGlass | AccountClass::Device => false,
        };
        for_use && self.graph.account(account).is_some_and(|facts| !facts.is_root)
    }

    /// Days by which the last use that a system tells may lag behind the real one.
    pub(super) fn use_lag_days(&self, system: SystemIx) -> i64 {
        if self.connector(system) == "ldap" { DIRECTORY_LAG_DAYS } else { 0 }
    }

    /// A severity by what the account can do: a grade up where it is privileged, a grade down where it has no way in.
    pub(super) fn graded(&self, failure: Failure, severity: Severity, account: NodeIx) -> Failure {
        if self.is_privileged(account) {
            let path = self.access.proof(account);
            return failure.path(path).severity(raised(severity), "the account is privileged");
        }
        if self.has_no_way_in(account) {
            return failure
                .severity(lowered(severity), "nobody can sign in with it, and it has no credential that works");
        }
        failure
    }

    /// The highest privilege that anybody certainly holds on a resource.
    pub(super) fn held_on(&self, resource: NodeIx) -> PrivilegeLevel {
        let held_on = self.index.held_on.get_or_init(|| {
            let mut held_on: FxHashMap<NodeIx, PrivilegeLevel> = FxHashMap::default();
            for (ix, _) in self.graph.entitlements() {
                let level = match self.level(ix) {
                    Privilege::Certain(level) | Privilege::Undecided { at_least: level, .. } => level,
                };
                if level >= PrivilegeLevel::Privileged {
                    for resource in self.graph.edges_to(ix).filter_map(|edge| self.graph.detail(&edge).resource) {
                        let highest = held_on.entry(resource).or_insert(level);
                        *highest = level.max(*highest);
                    }
                }
            }
            held_on
        });
        held_on.get(&resource).copied().unwrap_or(PrivilegeLevel::Baseline)
    }

    /// Who holds a licence; `None` where no system lists one.
    pub(super) fn licensed(&self) -> Option<&Reach> {
        let reach = self.index.licensed.get_or_init(|| {
            let licences = self.graph.entitlements().filter(|(_, held)| held.kind == EntitlementKind::Licence);
            let licences: Vec<NodeIx> = licences.map(|(ix, _)| ix).collect();
            let leads_on = |edge: &Edge| {
                self.graph.detail(edge).state != RowState::Stale
                    && (edge.relation == Relation::MemberOf
                        || self.graph.node(edge.target).kind == NodeKind::Entitlement)
            };
            (!licences.is_empty()).then(|| self.graph.reaching(&licences, leads_on))
        });
        reach.as_ref()
    }

    /// Whether AWS found a key of the account in public and bound the account with its quarantine policy (AWS, Managed
    /// Policy Reference Guide: `AWSCompromisedKeyQuarantine`, V2 and V3).
    pub(super) fn is_quarantined(&self, account: NodeIx) -> bool {
        let quarantined = self.index.quarantined.get_or_init(|| {
            let is_quarantine = |ix: &NodeIx| {
                self.graph.text(self.graph.node(*ix).id).contains(":iam::aws:policy/AWSCompromisedKeyQuarantine")
            };
            let policies = self.graph.entitlements().map(|(ix, _)| ix).filter(is_quarantine);
            policies.flat_map(|policy| self.graph.edges_to(policy).map(|edge| edge.source)).collect()
        });
        quarantined.contains(&account)
    }

    /// Whether the platform itself made a group or entitlement: AWS's own policies, Active Directory's built-in groups, the roles and
    /// groups of Kubernetes' control plane.
    pub(super) fn is_provider_made(&self, ix: NodeIx) -> bool {
        let node = self.graph.node(ix);
        match node.kind {
            NodeKind::Entitlement => {
                let id = self.graph.text(node.id);
                let is_aws = id.starts_with("arn:aws") && id.contains(":iam::aws:");
                is_aws || self.access.clusters().role(ix).is_ok_and(Role::is_provided)
            }
            NodeKind::Group => {
                let told = self.graph.group(ix).is_some_and(|group| group.privilege.is_some());
                let is_reserved = || self.graph.text(node.id).starts_with("system:");
                (told && self.connector(node.system) == "ldap")
                    || (self.access.clusters().covers(node.system) && is_reserved())
            }
            NodeKind::Account | NodeKind::Resource | NodeKind::Unresolved => false,
        }
    }

    /// How privileged a group or entitlement makes its holder.
    pub(super) fn level(&self, ix: NodeIx) -> Privilege {
        let own = match self.graph.node(ix).kind {
            NodeKind::Group => self.graph.group(ix).and_then(|group| group.privilege),
            NodeKind::Entitlement => self.graph.entitlement(ix).and_then(|held| held.privilege),
            NodeKind::Account | NodeKind::Resource | NodeKind::Unresolved => None,
        };
        let own = own.unwrap_or(PrivilegeLevel::Baseline);
        match self.privilege(ix) {
            Privilege::Certain(level) => Privilege::Certain(level.max(own)),
            Privilege::Undecided { at_least, at_most, why } => {
                Privilege::Undecided { at_least: at_least.max(own), at_most, why }
            }
        }
    }
}

fn applications(facts: &Facts<'_>) -> Vec<Application> {
    let graph = facts.graph;
    let mut places: FxHashMap<(SystemIx, String), usize> = FxHashMap::default();
    let mut found: Vec<Application> = Vec::new();
    let mut entry = |system: SystemIx, scope: ScopeIx, name: &str| {
        let key = fold(name);
        *places.entry((system, key.clone())).or_insert_with(|| {
            let name = name.to_owned();
            found.push(Application { system, scope, key, name, consents: Vec::new(), scopes: Vec::new() });
            found.len() - 1
        })
    };
    let mut consents = Vec::new();
    for (ix, consent) in graph.credentials() {
        let is_live = consent.state != RowState::Stale && facts.works(consent);
        if consent.kind == CredentialKind::OauthConsent && is_live {
            let name = graph.text(consent.name.unwrap_or(consent.id));
            consents.push((entry(consent.system, consent.scope, name), ix));
        }
    }
    let mut scopes = Vec::new();
    let held = graph.entitlements().filter(|(_, entitlement)| entitlement.kind == EntitlementKind::Scope);
    for edge in held.flat_map(|(ix, _)| graph.edges_to(ix)) {
        let detail = graph.detail(&edge);
        if let Some(resource) = detail.resource.filter(|_| detail.state != RowState::Stale) {
            scopes.push((entry(graph.node(resource).system, detail.scope, graph.name(resource)), edge));
        }
    }
    for (place, consent) in consents {
        found[place].consents.push(consent);
    }
    for (place, edge) in scopes {
        found[place].scopes.push(edge);
    }
    found.sort_by(|a, b| (a.system, &a.key).cmp(&(b.system, &b.key)));
    found
}

fn administrators(facts: &Facts<'_>) -> Vec<Administrators> {
    let mut scopes = vec![Administrators::default(); facts.graph.places().count()];
    for (ix, account) in facts.graph.accounts() {
        let node = facts.graph.node(ix);
        let class = facts.people.class(ix).class;
        let counts = !matches!(class, AccountClass::System | AccountClass::Device) || account.is_root;
        if !counts || node.state == RowState::Stale || !facts.is_active(ix) {
            continue;
        }
        let scope = &mut scopes[node.scope.0 as usize];
        if account.is_root {
            scope.built_in += 1;
            continue;
        }
        match facts.privilege(ix) {
            Privilege::Certain(PrivilegeLevel::Admin) => scope.certain.push(ix),
            Privilege::Certain(PrivilegeLevel::Baseline | PrivilegeLevel::Limited | PrivilegeLevel::Privileged) => {}
            Privilege::Undecided { why, .. } => {
                scope.undecided += 1;
                scope.why.get_or_insert(why);
            }
        }
    }
    scopes
}
