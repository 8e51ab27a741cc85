//! Side tables that a few rules look into: each is put together once, when the first rule asks.

use std::sync::OnceLock;

use muster_connectors::record::{AccountClass, CredentialKind, EntitlementKind, PrivilegeLevel};
use rayon::slice::ParallelSliceMut as _;
use rustc_hash::{FxHashMap, FxHashSet};

use super::Facts;
use crate::access::Privilege;
use crate::access::aws::uses::Uses;
use crate::config::Policy;
use crate::config::policy::{Registered, SystemKind};
use crate::graph::{CredentialIx, Edge, Federation, Graph, NodeIx, Relation, RowState, ScopeIx, SystemIx, When};
use crate::people::{Employment, PersonIx, fold};

/// The tables.
#[derive(Debug)]
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
    federating: OnceLock<FxHashSet<SystemIx>>,
    owned: OnceLock<FxHashMap<NodeIx, NodeIx>>,
    twins: OnceLock<FxHashMap<NodeIx, (NodeIx, u32, u32)>>,
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

/// Who does the same work, and what they hold.
#[derive(Debug, Default)]
pub(super) struct Peers {
    /// Per person: the group of those with the same department and title.
    of: Vec<Option<u32>>,
    /// Persons of each group who have an active account in a scope.
    sizes: FxHashMap<(u32, ScopeIx), u32>,
    /// How many persons of a group hold something, sorted by group and what is held.
    held: Vec<(u32, NodeIx, u32)>,
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
        let places = graph.systems().iter().map(|name| systems.binary_search(name).unwrap_or_default());
        let kind = |name: &String| policy.inventory.iter().find(|entry| entry.name == *name)?.kind;
        Self {
            places: places.collect(),
            kinds: graph.systems().iter().map(kind).collect(),
            applications: OnceLock::new(),
            registered: OnceLock::new(),
            peers: OnceLock::new(),
            admins: OnceLock::new(),
            scanners: OnceLock::new(),
            devices: OnceLock::new(),
            uses: OnceLock::new(),
            federating: OnceLock::new(),
            owned: OnceLock::new(),
            twins: OnceLock::new(),
        }
    }
}

impl Facts<'_> {
    /// Place of a system of the graph in [`Facts::systems`].
    pub(super) fn place_of(&self, system: SystemIx) -> usize {
        self.index.places.get(usize::from(system.0)).copied().unwrap_or_default()
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

    /// What the register of non-human identities says of an account.
    pub(super) fn registered(&self, account: NodeIx) -> Option<&Registered> {
        let place = self.index.registered.get_or_init(|| registered(self)).get(&account)?;
        self.policy.nhi.as_ref()?.identities.get(*place)
    }

    /// How many who do the same work as `person` have an account in the scope, and how many of them hold `held`; `None` where
    /// HR does not tell the work.
    pub(super) fn peers(&self, person: PersonIx, scope: ScopeIx, held: NodeIx) -> Option<(u32, u32)> {
        let peers = self.index.peers.get_or_init(|| Peers::of(self));
        let group = peers.of.get(person.0 as usize).copied().flatten()?;
        let place = peers.held.binary_search_by_key(&(group, held), |(group, held, _)| (*group, *held));
        let size = peers.sizes.get(&(group, scope)).copied().unwrap_or_default();
        Some((size, place.map_or(0, |place| peers.held[place].2)))
    }

    /// The administrators of each scope, by its place in the graph.
    pub(super) fn administrators(&self) -> &[Administrators] {
        self.index.admins.get_or_init(|| administrators(self))
    }

    /// Identities elsewhere that sign in as an account, as read with the snapshot.
    pub(super) fn federations_of(&self, account: NodeIx) -> impl Iterator<Item = &Federation> + '_ {
        self.graph.federations_of(account).iter().filter(|federation| federation.state != RowState::Stale)
    }

    /// The account that a scanner's identity in a system names.
    pub(super) fn scanner(&self, system: SystemIx, identity: &str) -> Option<NodeIx> {
        let all = self.index.scanners.get_or_init(|| {
            let rows = self.graph.coverage().rows().iter();
            let wanted =
                rows.filter_map(|row| Some((self.graph.system(&row.system)?, account_name(row.identity.as_deref()?))));
            accounts_named(self.graph, wanted)
        });
        all.get(&(system, account_name(identity))).copied()
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

    /// Whether a system says of any account that it signs in through another one.
    pub(super) fn federates(&self, system: SystemIx) -> bool {
        let all = self.index.federating.get_or_init(|| {
            let signed = self.graph.accounts().filter(|(_, account)| self.graph.federated_of(account).next().is_some());
            signed.map(|(ix, _)| self.graph.node(ix).system).collect()
        });
        all.contains(&system)
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

    /// Whether the owner of a group may decide who is in it: everywhere but in directories where `managedBy` is only a note.
    pub(super) fn owners_rule(&self, group: NodeIx) -> bool {
        let name = self.graph.system_name(self.graph.node(group).system);
        self.graph.coverage().of_system(name).next().is_none_or(|row| row.connector != "ldap")
    }

    /// A group that makes administrators and belongs to an account, which may put itself in.
    pub(super) fn owned_group(&self, account: NodeIx) -> Option<NodeIx> {
        let all = self.index.owned.get_or_init(|| {
            let groups = self.graph.groups().filter(|(ix, _)| {
                self.graph.node(*ix).state != RowState::Stale
                    && self.access.level(self.graph, *ix) == Some(PrivilegeLevel::Admin)
                    && self.owners_rule(*ix)
            });
            let owner = |owner| self.graph.text(owner);
            let owned = groups.filter_map(|(ix, group)| {
                Some((self.owner_account(self.graph.node(ix).system, owner(group.owner?))?, ix))
            });
            owned.collect()
        });
        all.get(&account).copied()
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

    /// Who is directly in a group or holds an entitlement, sorted.
    pub(super) fn holders(&self, held: NodeIx) -> Vec<NodeIx> {
        let mut holders: Vec<NodeIx> = self.graph.edges_to(held).map(|edge| edge.source).collect();
        holders.dedup();
        holders
    }

    /// The other group or entitlement of the same system with the most alike holders: it, holders of both, holders of either.
    pub(super) fn twin(&self, role: NodeIx) -> Option<(NodeIx, u32, u32)> {
        self.index.twins.get_or_init(|| twins(self)).get(&role).copied()
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
}

/// `arn:aws:sts::1:assumed-role/NAME/SESSION` is the role `NAME`; everything else is named as it is.
fn account_name(identity: &str) -> String {
    let role = identity.split_once(":assumed-role/").and_then(|(_, rest)| rest.split('/').next());
    let bare = identity.strip_prefix("dn:").or(identity.strip_prefix("u:")).unwrap_or(identity);
    fold(role.unwrap_or(bare))
}

/// Accounts by the names that are asked for: id, login, native name or e-mail.
///
/// Cost: one pass over the accounts, where any name is asked for.
fn accounts_named(
    graph: &Graph,
    wanted: impl Iterator<Item = (SystemIx, String)>,
) -> FxHashMap<(SystemIx, String), NodeIx> {
    let mut found: FxHashMap<(SystemIx, String), Option<NodeIx>> = wanted.map(|key| (key, None)).collect();
    if !found.is_empty() {
        let systems: FxHashSet<SystemIx> = found.keys().map(|(system, _)| *system).collect();
        for (ix, account) in graph.accounts().filter(|(ix, _)| systems.contains(&graph.node(*ix).system)) {
            let node = graph.node(ix);
            let names = [Some(node.id), account.login, account.native_name].into_iter().flatten();
            for name in names.map(|text| graph.text(text)).chain(graph.emails_of(account)) {
                if let Some(place @ None) = found.get_mut(&(node.system, fold(name))) {
                    *place = Some(ix);
                }
            }
        }
    }
    found.into_iter().filter_map(|(key, account)| Some((key, account?))).collect()
}

/// The place of each account's entry in the register; of two entries for one account the first counts.
fn registered(facts: &Facts<'_>) -> FxHashMap<NodeIx, usize> {
    let Some(register) = &facts.policy.nhi else { return FxHashMap::default() };
    let key = |entry: &Registered| Some((facts.graph.system(&entry.system)?, fold(&entry.account)));
    let accounts = accounts_named(facts.graph, register.identities.iter().filter_map(key));
    let mut by_account = FxHashMap::default();
    for (place, entry) in register.identities.iter().enumerate() {
        if let Some(account) = key(entry).and_then(|key| accounts.get(&key)) {
            by_account.entry(*account).or_insert(place);
        }
    }
    by_account
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

impl Peers {
    /// Groups the employed by department and title, and counts what they hold directly.
    ///
    /// Cost: one pass over the persons and their accounts' grants, and a sort.
    fn of(facts: &Facts<'_>) -> Self {
        let mut groups: FxHashMap<(String, String), u32> = FxHashMap::default();
        let mut peers = Self { of: vec![None; facts.people.persons().len()], ..Self::default() };
        let mut held: Vec<(u32, NodeIx, PersonIx)> = Vec::new();
        for (person, _) in facts.people.persons() {
            let Some(work) = facts.work(person) else { continue };
            let (Some(department), Some(title)) = (work.department, work.title) else { continue };
            let key = (fold(facts.people.text(department)), fold(facts.people.text(title)));
            let next = u32::try_from(groups.len()).unwrap_or(u32::MAX);
            let group = *groups.entry(key).or_insert(next);
            peers.of[person.0 as usize] = Some(group);
            let accounts = || facts.accounts_of(person).filter(|account| facts.is_active(*account));
            let mut scopes: Vec<ScopeIx> = accounts().map(|account| facts.graph.node(account).scope).collect();
            scopes.sort_unstable();
            scopes.dedup();
            for scope in scopes {
                *peers.sizes.entry((group, scope)).or_default() += 1;
            }
            let edges = accounts().flat_map(|account| facts.graph.edges_from(account));
            held.extend(edges.map(|edge| (group, edge.target, person)));
        }
        held.par_sort_unstable();
        held.dedup();
        for (group, target, _) in held {
            match peers.held.last_mut() {
                Some((last, held, count)) if (*last, *held) == (group, target) => *count += 1,
                Some(_) | None => peers.held.push((group, target, 1)),
            }
        }
        peers
    }
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

/// Signatures by which twins are found: of two roles that share nine tenths of their holders, one in 10¹⁶ pairs has none in common.
const SIGNATURES: u64 = 16;

/// For each group and entitlement the most alike other one of its system: that one, holders in common, holders of either.
///
/// Cost: O(edges × signatures); a role is compared with the last one of each of its signatures, never with all.
fn twins(facts: &Facts<'_>) -> FxHashMap<NodeIx, (NodeIx, u32, u32)> {
    let graph = facts.graph;
    let roles = graph.groups().map(|(ix, _)| ix).chain(graph.entitlements().map(|(ix, _)| ix));
    let roles: Vec<(NodeIx, Vec<NodeIx>)> =
        roles.map(|ix| (ix, facts.holders(ix))).filter(|(_, holders)| holders.len() > 1).collect();
    let mut last: FxHashMap<(SystemIx, u64, u64), usize> = FxHashMap::default();
    let mut twins: FxHashMap<NodeIx, (NodeIx, u32, u32)> = FxHashMap::default();
    for (place, (ix, holders)) in roles.iter().enumerate() {
        let mut compared = FxHashSet::default();
        for seed in 0..SIGNATURES {
            let least = holders.iter().map(|holder| mixed(seed, *holder)).min().unwrap_or_default();
            let before = last.insert((graph.node(*ix).system, seed, least), place);
            let Some(other) = before.filter(|other| compared.insert(*other)) else { continue };
            let (common, all) = shared(holders, &roles[other].1);
            for (one, two) in [(*ix, roles[other].0), (roles[other].0, *ix)] {
                let best = twins.entry(one).or_insert((two, common, all));
                if u64::from(common) * u64::from(best.2) > u64::from(best.1) * u64::from(all) {
                    *best = (two, common, all);
                }
            }
        }
    }
    twins
}

/// A number for a holder that differs by seed (SplitMix64: Steele, Lea, Flood, "Fast splittable pseudorandom number generators").
fn mixed(seed: u64, holder: NodeIx) -> u64 {
    let mut x = u64::from(holder.0).wrapping_add(seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// How many two sorted lists have in common, and how many either has.
fn shared(one: &[NodeIx], two: &[NodeIx]) -> (u32, u32) {
    let (mut a, mut b, mut common, mut all) = (0, 0, 0, 0);
    while a < one.len() || b < two.len() {
        let order = match (one.get(a), two.get(b)) {
            (Some(left), Some(right)) => left.cmp(right),
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, _) => std::cmp::Ordering::Greater,
        };
        common += u32::from(order.is_eq());
        a += usize::from(order.is_le());
        b += usize::from(order.is_ge());
        all += 1;
    }
    (common, all)
}
