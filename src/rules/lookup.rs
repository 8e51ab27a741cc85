//! What several rules look up and most estates do not have: registers, sign-on, belongings, licences. Each index is put together
//! when the first rule asks for it.

use std::sync::OnceLock;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use muster_connectors::record::{AccountClass, CredentialKind, EntitlementKind, PrivilegeLevel, Purpose, RecordKind};
use muster_reports::view::Severity;
use rustc_hash::{FxHashMap, FxHashSet};

use super::{Facts, Failure, lowered, raised};
use crate::access::Privilege;
use crate::config::policy::{BreakGlassAccount, SharedAccount, SignOn};
use crate::graph::{Edge, Graph, NodeIx, NodeKind, Reach, Relation, RowState, SystemIx};
use crate::people::{PersonIx, fold};

/// Days by which Active Directory's `lastLogonTimestamp` may lag behind the last sign-in (Microsoft, "Lastlogontimestamp
/// attribute": it is renewed when it is 9 to 14 days old).
const DIRECTORY_LAG_DAYS: i64 = 14;

/// The indices.
#[derive(Debug, Default)]
pub(super) struct Lookup {
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

/// How people sign in to a system.
#[derive(Debug)]
pub(super) enum SignIn {
    /// Nothing tells.
    Untold,
    /// With accounts of its own, on purpose; identity providers are of these.
    Own,
    /// Through an identity provider, as most of its human accounts do by their federation records.
    Federated,
    /// Through an identity provider, as the inventory says.
    Through {
        /// Its name.
        name: String,
        /// The provider, where it is collected.
        provider: Option<SystemIx>,
        /// Who holds what lets people in, where the inventory names it.
        access: Option<Reach>,
        /// What of it the provider does not have.
        missing: Option<String>,
    },
}

#[derive(Debug)]
struct SignIns {
    by_system: Vec<SignIn>,
    local_login: FxHashMap<SystemIx, bool>,
    /// Active accounts of identity providers by folded login and address.
    names: FxHashMap<(SystemIx, String), NodeIx>,
}

/// Something a person has to hand over.
#[derive(Debug, Clone, Copy)]
pub(super) enum Belonging {
    /// A resource that names the person as its owner.
    Resource(NodeIx),
    /// A grant of ownership.
    Grant(Edge),
}

impl Belonging {
    /// What is owned.
    pub(super) fn node(self, facts: &Facts<'_>) -> NodeIx {
        match self {
            Self::Resource(ix) => ix,
            Self::Grant(edge) => facts.graph.detail(&edge).resource.unwrap_or(edge.target),
        }
    }
}

impl Facts<'_> {
    /// The day in UTC.
    pub(super) fn today(&self) -> Date {
        self.now.to_zoned(TimeZone::UTC).date()
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

    /// Whether it is known that nobody can sign in and that no credential works.
    pub(super) fn has_no_way_in(&self, account: NodeIx) -> bool {
        let node = self.graph.node(account);
        self.graph.account(account).is_some_and(|facts| facts.interactive == Some(false))
            && self.yields(node.system, RecordKind::Credential)
            && self.unread_here(node.scope, RecordKind::Credential).is_none()
            && self.graph.federations_of(account).is_empty()
            && !self.credentials_of(account).any(|(_, credential)| self.works(credential))
    }

    /// Whether somebody can sign in to the account in its own system, past any identity provider; `None` where nothing tells.
    pub(super) fn signs_in_here(&self, account: NodeIx) -> Option<bool> {
        let password = |kind| kind == CredentialKind::Password;
        let has_password =
            || self.credentials_of(account).any(|(_, credential)| password(credential.kind) && self.works(credential));
        let told = self.graph.account(account).and_then(|facts| facts.interactive);
        let system = self.graph.node(account).system;
        told.or_else(|| has_password().then_some(true)).or_else(|| self.sign_ins().local_login.get(&system).copied())
    }

    /// How people sign in to a system.
    pub(super) fn sign_in(&self, system: SystemIx) -> &SignIn {
        &self.sign_ins().by_system[usize::from(system.0)]
    }

    /// Whether the identity provider of its system lets somebody in to this account; why that cannot be told otherwise.
    pub(super) fn is_assigned(&self, account: NodeIx) -> Result<bool, String> {
        let Some(facts) = self.graph.account(account) else { return Ok(false) };
        let fresh = |federation: &crate::graph::Federation| federation.state != RowState::Stale;
        if self.graph.federations_of(account).iter().any(fresh) || self.graph.federated_of(facts).next().is_some() {
            return Ok(true);
        }
        let own = self.graph.node(account).system;
        if let Some(why) = self.unread(own, RecordKind::Federation) {
            return Err(format!("its identity elsewhere may lie in what was not read: {why}"));
        }
        let SignIn::Through { name, provider, access, missing } = self.sign_in(own) else { return Ok(false) };
        let Some(provider) = *provider else {
            return Err(format!("the identity provider `{name}` is not collected"));
        };
        if let Some(missing) = missing {
            return Err(format!("`{name}` has no group or entitlement `{missing}`, which the inventory names"));
        }
        let there = match self.people.link(account) {
            Some(link) => {
                let theirs = self.accounts_of(link.person).filter(|other| self.graph.node(*other).system == provider);
                theirs.filter(|other| self.is_active(*other)).collect()
            }
            None => self.namesakes(account, provider),
        };
        let assigned = |other: &NodeIx| access.as_ref().is_none_or(|access| access.reaches(*other));
        if there.iter().any(assigned) {
            return Ok(true);
        }
        let kinds = [RecordKind::Account, RecordKind::Membership, RecordKind::Grant];
        match kinds.into_iter().find_map(|kind| self.unread(provider, kind)) {
            Some(why) => Err(format!("its account at the identity provider may lie in what was not read: {why}")),
            None => Ok(false),
        }
    }

    /// Accounts of the provider that bear the account's login or one of its addresses.
    fn namesakes(&self, account: NodeIx, provider: SystemIx) -> Vec<NodeIx> {
        let Some(facts) = self.graph.account(account) else { return Vec::new() };
        let login = facts.login.map(|login| self.graph.text(login));
        let names = self.graph.emails_of(facts).chain(login);
        names.filter_map(|name| self.sign_ins().names.get(&(provider, fold(name))).copied()).collect()
    }

    fn sign_ins(&self) -> &SignIns {
        self.lookup.sign_in.get_or_init(|| SignIns::of(self))
    }

    /// The entry of `break_glass.toml` about an account; `Err` where there is no such file.
    pub(super) fn break_glass(&self, account: NodeIx) -> Result<Option<&BreakGlassAccount>, &'static str> {
        let Some(entries) = &self.policy.break_glass else {
            return Err("no policy/break_glass.toml says which accounts are for emergencies");
        };
        let found = self.lookup.break_glass.get_or_init(|| {
            registered(self.graph, entries.iter().map(|entry| (entry.system.as_str(), entry.account.as_str())))
        });
        Ok(found.get(&account).map(|place| &entries[*place]))
    }

    /// The entry of `shared.toml` about an account; `Err` where there is no such file.
    pub(super) fn shared(&self, account: NodeIx) -> Result<Option<&SharedAccount>, &'static str> {
        let Some(entries) = &self.policy.shared else {
            return Err("no policy/shared.toml says which accounts may be shared");
        };
        let found = self.lookup.shared.get_or_init(|| {
            registered(self.graph, entries.iter().map(|entry| (entry.system.as_str(), entry.account.as_str())))
        });
        Ok(found.get(&account).map(|place| &entries[*place]))
    }

    /// What a person owns in the systems that say who owns what.
    pub(super) fn belongings(&self, person: PersonIx) -> &[Belonging] {
        let belongings = self.lookup.belongings.get_or_init(|| {
            let mut belongings: FxHashMap<PersonIx, Vec<Belonging>> = FxHashMap::default();
            for (ix, resource) in self.graph.resources().filter(|(ix, _)| self.graph.node(*ix).state != RowState::Stale)
            {
                let owner =
                    resource.owner.and_then(|owner| self.owner(self.graph.node(ix).system, self.graph.text(owner)));
                if let Some(owner) = owner {
                    belongings.entry(owner).or_default().push(Belonging::Resource(ix));
                }
            }
            for (ix, _) in self.graph.entitlements().filter(|(_, held)| held.purpose == Purpose::Ownership) {
                for edge in self.graph.edges_to(ix).filter(|edge| self.graph.detail(edge).state != RowState::Stale) {
                    if let Some(link) =
                        self.people.link(edge.source).filter(|_| self.graph.account(edge.source).is_some())
                    {
                        belongings.entry(link.person).or_default().push(Belonging::Grant(edge));
                    }
                }
            }
            belongings
        });
        belongings.get(&person).map_or(&[], Vec::as_slice)
    }

    /// Whether any system says of anything whose it is.
    pub(super) fn anybody_owns(&self) -> bool {
        *self.lookup.anybody_owns.get_or_init(|| {
            self.graph.resources().any(|(_, resource)| resource.owner.is_some())
                || self.graph.entitlements().any(|(_, held)| held.purpose == Purpose::Ownership)
        })
    }

    /// The highest privilege that anybody certainly holds on a resource.
    pub(super) fn held_on(&self, resource: NodeIx) -> PrivilegeLevel {
        let held_on = self.lookup.held_on.get_or_init(|| {
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
        let reach = self.lookup.licensed.get_or_init(|| {
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
        let quarantined = self.lookup.quarantined.get_or_init(|| {
            let is_quarantine = |ix: &NodeIx| {
                self.graph.text(self.graph.node(*ix).id).contains(":iam::aws:policy/AWSCompromisedKeyQuarantine")
            };
            let policies = self.graph.entitlements().map(|(ix, _)| ix).filter(is_quarantine);
            policies.flat_map(|policy| self.graph.edges_to(policy).map(|edge| edge.source)).collect()
        });
        quarantined.contains(&account)
    }

    /// Whether a system names an owner of any object of this kind, so that one without is known to have none.
    pub(super) fn names_owners(&self, system: SystemIx, kind: NodeKind) -> bool {
        let told = self.lookup.owners_told.get_or_init(|| {
            let groups = self.graph.groups().filter(|(_, group)| group.owner.is_some()).map(|(ix, _)| ix);
            let held = self.graph.entitlements().filter(|(_, held)| held.owner.is_some()).map(|(ix, _)| ix);
            let resources = self.graph.resources().filter(|(_, resource)| resource.owner.is_some()).map(|(ix, _)| ix);
            let owned = groups.chain(held).chain(resources).map(|ix| self.graph.node(ix));
            owned.map(|node| (node.system, node.kind)).collect()
        });
        told.contains(&(system, kind))
    }

    /// Whether the platform itself made a group or entitlement: AWS's own policies, Active Directory's built-in groups.
    pub(super) fn is_provider_made(&self, ix: NodeIx) -> bool {
        let node = self.graph.node(ix);
        match node.kind {
            NodeKind::Entitlement => {
                let id = self.graph.text(node.id);
                id.starts_with("arn:aws") && id.contains(":iam::aws:")
            }
            NodeKind::Group => {
                let told = self.graph.group(ix).is_some_and(|group| group.privilege.is_some());
                told && self.connector(node.system) == "ldap"
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

/// Accounts that a register names, by its own id or, where no id is meant, by the one that bears it as login or native name.
///
/// Cost: one pass over the accounts when any entry names no id.
fn registered<'a>(graph: &Graph, entries: impl Iterator<Item = (&'a str, &'a str)>) -> FxHashMap<NodeIx, usize> {
    let mut found = FxHashMap::default();
    let mut named: FxHashMap<(SystemIx, String), (usize, Vec<NodeIx>)> = FxHashMap::default();
    for (place, (system, account)) in entries.enumerate() {
        let Some(system) = graph.system(system) else { continue };
        match graph.find(system, NodeKind::Account, account) {
            Some(ix) => {
                found.insert(ix, place);
            }
            None => {
                named.insert((system, fold(account)), (place, Vec::new()));
            }
        }
    }
    if named.is_empty() {
        return found;
    }
    for (ix, account) in graph.accounts() {
        let system = graph.node(ix).system;
        let mut names: Vec<String> =
            [account.login, account.native_name].into_iter().flatten().map(|name| fold(graph.text(name))).collect();
        names.dedup();
        for name in names {
            if let Some((_, bearers)) = named.get_mut(&(system, name)) {
                bearers.push(ix);
            }
        }
    }
    for (place, bearers) in named.into_values() {
        if let [one] = bearers.as_slice() {
            found.insert(*one, place);
        }
    }
    found
}

impl SignIns {
    fn of(facts: &Facts<'_>) -> Self {
        let graph = facts.graph;
        let mut by_system: Vec<SignIn> = federated(facts)
            .into_iter()
            .map(|federated| if federated { SignIn::Federated } else { SignIn::Untold })
            .collect();
        let (mut local_login, mut providers) = (FxHashMap::default(), FxHashSet::default());
        let inventory = &facts.policy.inventory;
        for entry in inventory {
            let Some(system) = graph.system(&entry.name) else { continue };
            if let Some(local) = entry.local_login {
                local_login.insert(system, local);
            }
            if let Some(SignOn::Through { provider, .. }) = &entry.sign_on {
                providers.extend(graph.system(provider));
            }
        }
        // A provider is where people sign in, unless it says that it has a provider of its own.
        for provider in &providers {
            by_system[usize::from(provider.0)] = SignIn::Own;
        }
        for entry in inventory {
            let (Some(system), Some(sign_on)) = (graph.system(&entry.name), &entry.sign_on) else { continue };
            by_system[usize::from(system.0)] = match sign_on {
                SignOn::Own => SignIn::Own,
                SignOn::Through { provider, access } => through(graph, provider, access),
            };
        }
        let mut names = FxHashMap::default();
        if !providers.is_empty() {
            for (ix, account) in graph.accounts() {
                let system = graph.node(ix).system;
                if providers.contains(&system) && facts.is_active(ix) {
                    let login = account.login.map(|login| graph.text(login));
                    for name in graph.emails_of(account).chain(login) {
                        names.entry((system, fold(name))).or_insert(ix);
                    }
                }
            }
        }
        Self { by_system, local_login, names }
    }
}

/// By system: whether most of its active human accounts are signed in to from elsewhere.
fn federated(facts: &Facts<'_>) -> Vec<bool> {
    let mut counts = vec![(0_usize, 0_usize); facts.graph.systems().len()];
    if !facts.graph.federations().is_empty() {
        for (ix, _) in facts.graph.accounts().filter(|(ix, _)| facts.is_human(*ix) && facts.is_active(*ix)) {
            let (all, federated) = &mut counts[usize::from(facts.graph.node(ix).system.0)];
            *all += 1;
            *federated += usize::from(!facts.graph.federations_of(ix).is_empty());
        }
    }
    counts.into_iter().map(|(all, federated)| federated * 2 > all).collect()
}

fn through(graph: &Graph, provider: &str, access: &[String]) -> SignIn {
    let system = graph.system(provider);
    let wanted: FxHashSet<String> = access.iter().map(|name| fold(name)).collect();
    let mut found = FxHashSet::default();
    let mut targets = Vec::new();
    let groups = graph.groups().map(|(ix, _)| ix);
    let held = graph.entitlements().map(|(ix, _)| ix);
    for ix in groups.chain(held).filter(|ix| !wanted.is_empty() && Some(graph.node(*ix).system) == system) {
        for name in [fold(graph.text(graph.node(ix).id)), fold(graph.name(ix))] {
            if wanted.contains(&name) {
                found.insert(name);
                targets.push(ix);
            }
        }
    }
    SignIn::Through {
        name: provider.to_owned(),
        provider: system,
        access: (!wanted.is_empty()).then(|| graph.reaching(&targets, |_| true)),
        missing: access.iter().find(|name| system.is_some() && !found.contains(&fold(name))).cloned(),
    }
}
