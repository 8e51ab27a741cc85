//! What a rule may look at, and the few questions that several rules ask.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::OnceLock;

use jiff::Timestamp;
use muster_connectors::record::{CredentialState, Lifecycle, PrivilegeLevel, RecordKind};
use muster_reports::view::Evidence;
use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};

use super::drf::Assigned;
use super::duties::Duties;
use super::index::Index;
use super::lost_people::LostPeople;
use super::mentioned::Mentioned;
use super::named::Named;
use super::past::Recurring;
use super::reviews::Reviewed;
use super::roles::Roles;
use super::safeguard::{self, Safeguard};
use super::{History, Options, Rule};
use crate::access::{Access, Privilege};
use crate::config::Policy;
use crate::drift::declared::Comparison;
use crate::drift::{Events, Past};
use crate::graph::{Credential, CredentialIx, Edge, Graph, NodeIx, RowState, ScopeIx, SystemIx, When};
use crate::people::churn::Tally;
use crate::people::{Employment, People, PersonIx, Standing, fold, folded};

/// Systems that must be collected, from the policy folder, with their owners.
pub type Inventory = BTreeMap<String, Option<String>>;

/// What a check rests on: the layers of a snapshot and what people decided.
#[derive(Debug, Clone, Copy)]
pub struct Ground<'a> {
    /// Accounts, groups, grants.
    pub graph: &'a Graph,
    /// Persons and links.
    pub people: &'a People,
    /// Privilege.
    pub access: &'a Access,
    /// The config's changes.
    pub options: &'a Options,
    /// Systems that must be collected.
    pub inventory: &'a Inventory,
    /// The policy folder.
    pub policy: &'a Policy,
    /// What changed since the earlier snapshot.
    pub past: &'a Past,
    /// Approvals and audit logs.
    pub events: &'a Events,
}

/// Everything that is known.
#[derive(Debug)]
pub struct Facts<'a> {
    ground: Ground<'a>,
    /// Systems of config and inventory, sorted.
    pub systems: Vec<String>,
    /// The clock.
    pub now: Timestamp,
    names: OwnerNames,
    /// Place of each feed in [`Facts::systems`].
    feeds: FxHashMap<crate::graph::Text, usize>,
    hierarchy: Hierarchy,
    unread: FxHashMap<(SystemIx, RecordKind), String>,
    unread_here: FxHashMap<(ScopeIx, RecordKind), String>,
    unread_anywhere: BTreeMap<RecordKind, String>,
    places: FxHashMap<String, FxHashMap<String, (SystemIx, ScopeIx)>>,
    declared: OnceLock<Comparison>,
    pub(super) mentioned: OnceLock<Mentioned>,
    pub(super) assigned: OnceLock<Assigned>,
    pub(super) access_reviews: OnceLock<Reviewed>,
    pub(super) lost_people: LostPeople,
    pub(super) index: Index,
    safeguards: OnceLock<Vec<Safeguard>>,
    reviewed: OnceLock<Option<BTreeMap<String, String>>>,
    recurring: OnceLock<Vec<Recurring>>,
    links: OnceLock<BTreeMap<String, Tally>>,
    employed: OnceLock<usize>,
    pub(crate) named: Named<'a>,
    pub(crate) roles: Roles<'a>,
    pub(crate) duties: Duties<'a>,
}

/// By system: the account that each folded name of an owner stands for, `None` where no account bears it.
type OwnerNames = Vec<FxHashMap<String, Option<NodeIx>>>;

/// What a check rests on is asked of its facts directly: `facts.graph`.
impl<'a> std::ops::Deref for Facts<'a> {
    type Target = Ground<'a>;

    fn deref(&self) -> &Self::Target {
        &self.ground
    }
}

impl<'a> Facts<'a> {
    /// Puts the layers side by side.
    pub fn new(ground: Ground<'a>, now: Timestamp) -> Self {
        let Ground { graph, people, access, inventory, policy, .. } = ground;
        // Rules ask side by side: what they would all wait for is computed before.
        access.prepare(graph);
        let mut systems: Vec<String> = graph.systems().iter().chain(inventory.keys()).cloned().collect();
        systems.sort();
        systems.dedup();
        let mut unread = FxHashMap::default();
        let mut unread_anywhere = BTreeMap::new();
        for row in graph.coverage().rows().iter().filter(|row| !row.proves_absence) {
            if let Some(system) = graph.system(&row.system) {
                unread.entry((system, row.kind)).or_insert_with(|| row.shortfall());
            }
            unread_anywhere.entry(row.kind).or_insert_with(|| row.shortfall());
        }
        let mut unread_here = FxHashMap::default();
        let mut places: FxHashMap<String, FxHashMap<String, (SystemIx, ScopeIx)>> = FxHashMap::default();
        for (system, scope) in graph.places() {
            let names = (graph.system_name(system).to_owned(), graph.scope_name(scope).to_owned());
            places.entry(names.0).or_default().insert(names.1, (system, scope));
            let rows = graph.coverage().of_scope(graph.system_name(system), graph.scope_name(scope));
            for row in rows.filter(|row| !row.proves_absence) {
                unread_here.insert((scope, row.kind), row.shortfall());
            }
        }
        let hierarchy = Hierarchy::of(people);
        let mut feeds = FxHashMap::default();
        for (_, person) in people.persons() {
            let place = || systems.binary_search_by(|known| known.as_str().cmp(people.text(person.system)));
            feeds.entry(person.system).or_insert_with(|| place().unwrap_or(systems.len()));
        }
        graph.look_back();
        let index = Index::new(graph, policy, &systems);
        let mut facts = Self {
            ground,
            systems,
            now,
            names: owner_names(graph),
            feeds,
            hierarchy,
            unread,
            unread_here,
            unread_anywhere,
            places,
            declared: OnceLock::new(),
            mentioned: OnceLock::new(),
            assigned: OnceLock::new(),
            access_reviews: OnceLock::new(),
            lost_people: LostPeople::of(graph.coverage()),
            index,
            safeguards: OnceLock::new(),
            reviewed: OnceLock::new(),
            recurring: OnceLock::new(),
            links: OnceLock::new(),
            employed: OnceLock::new(),
            named: Named::default(),
            roles: Roles::default(),
            duties: Duties::default(),
        };
        let named = Named::of(&facts);
        facts.roles = Roles::of(&facts, &named);
        facts.duties = Duties::of(&facts, &named);
        facts.named = named;
        facts
    }

    /// Place in [`Facts::systems`] of the feed that knows a person.
    pub(super) fn feed_place(&self, person: PersonIx) -> usize {
        self.feeds.get(&self.people.person(person).system).copied().unwrap_or(self.systems.len())
    }

    /// How many persons are employed.
    pub(crate) fn employed(&self) -> usize {
        let employed = |ix| self.people.standing(ix, self.now).is_employed();
        *self.employed.get_or_init(|| self.people.persons().filter(|(ix, _)| employed(*ix)).count())
    }

    /// Takes what earlier checks kept about settings and links; the first call counts.
    pub(super) fn remember(&self, history: &History) {
        if history.checked {
            self.reviewed.get_or_init(|| history.safeguards.clone());
        }
        self.links.get_or_init(|| history.links.clone());
    }

    /// What became of a system's links since the check before; `None` where nobody knows.
    pub(super) fn links_since(&self, system: &str) -> Option<Tally> {
        self.links.get()?.get(system).copied()
    }

    /// Takes what became of findings that were resolved once; the first call counts.
    pub(super) fn recur(&self, recurring: Vec<Recurring>) {
        self.recurring.get_or_init(|| recurring);
    }

    /// Settings that keep a check honest, by key.
    pub fn safeguards(&self) -> &[Safeguard] {
        self.safeguards.get_or_init(|| safeguard::all(self.options))
    }

    /// These as they were last reviewed: nothing where no snapshot before was checked, `Some(None)` where that check kept none.
    pub fn reviewed(&self) -> Option<Option<&BTreeMap<String, String>>> {
        self.reviewed.get().map(Option::as_ref)
    }

    /// Findings that were resolved once, by rule, system and id; known when all other rules have judged.
    pub fn recurring(&self) -> &[Recurring] {
        self.recurring.get().map(Vec::as_slice).unwrap_or_default()
    }

    /// The day of the clock, in the config's zone.
    pub fn today(&self) -> jiff::civil::Date {
        self.now.to_zoned(self.options.zone.clone().unwrap_or(jiff::tz::TimeZone::UTC)).date()
    }

    /// A scope by the names of its system and itself.
    pub(super) fn place(&self, system: &str, scope: &str) -> Option<(SystemIx, ScopeIx)> {
        self.places.get(system)?.get(scope).copied()
    }

    /// Declared state beside what is there.
    pub fn declared(&self) -> &Comparison {
        self.declared.get_or_init(|| Comparison::of(self.graph, &self.policy.declared))
    }

    /// Whether HR should name a manager for an employment: its feed names managers, and nobody reports to the person.
    pub fn should_have_manager(&self, person: PersonIx, employment: &Employment) -> bool {
        self.hierarchy.feeds.contains(&employment.system) && !self.hierarchy.managers.contains(&person)
    }

    /// Why a record of this kind may be missing from what was read of a system; `None` when all of them were read, or none
    /// was promised.
    pub fn unread(&self, system: SystemIx, kind: RecordKind) -> Option<&str> {
        self.unread.get(&(system, kind)).map(String::as_str)
    }

    /// The same for one scope.
    pub fn unread_here(&self, scope: ScopeIx, kind: RecordKind) -> Option<&str> {
        self.unread_here.get(&(scope, kind)).map(String::as_str)
    }

    /// The same for all systems.
    pub fn unread_anywhere(&self, kind: RecordKind) -> Option<&str> {
        self.unread_anywhere.get(&kind).map(String::as_str)
    }

    /// Whether a credential can be used, as far as is known: switched off, withdrawn and expired ones cannot; where the system
    /// does not say, it can.
    pub fn works(&self, credential: &Credential) -> bool {
        let usable = match credential.status {
            CredentialState::Active | CredentialState::Unknown => true,
            CredentialState::Inactive | CredentialState::Expired | CredentialState::Revoked => false,
        };
        usable && credential.expires.at().is_none_or(|expires| expires > self.now)
    }

    /// The credentials of an account that were read with the snapshot; what a failed reading left over is not among them.
    pub fn credentials_of(&self, account: NodeIx) -> impl Iterator<Item = (CredentialIx, &Credential)> + Clone + '_ {
        self.graph.credentials_of(account).filter(|(_, credential)| credential.state != RowState::Stale)
    }

    /// The accounts of a person that were read with the snapshot.
    pub fn accounts_of(&self, person: PersonIx) -> impl Iterator<Item = NodeIx> + Clone + '_ {
        let accounts = self.people.accounts_of(person).iter().copied();
        accounts.filter(|account| self.graph.node(*account).state != RowState::Stale)
    }

    /// A number of a rule, as the config has it.
    pub fn option(&self, rule: &Rule, name: &str) -> i64 {
        self.options.value(rule, name)
    }

    /// Whether the account can act: neither disabled, deprovisioned, archived, deleted nor expired.
    pub fn is_active(&self, account: NodeIx) -> bool {
        let expired = |when: When| when.at().is_some_and(|at| at <= self.now);
        self.graph.account(account).is_some_and(|facts| facts.lifecycle.is_active() && !expired(facts.expires))
    }

    /// Whether the account is a human's by its class.
    pub fn is_human(&self, account: NodeIx) -> bool {
        self.people.is_human(account) && self.graph.account(account).is_some_and(|facts| !facts.is_root)
    }

    /// How privileged an account is.
    pub fn privilege(&self, account: NodeIx) -> Privilege {
        self.access.privilege(self.graph, account)
    }

    /// Whether it is certainly privileged or more.
    pub fn is_privileged(&self, account: NodeIx) -> bool {
        self.privilege(account).is_at_least(PrivilegeLevel::Privileged)
    }

    /// The person an account is linked to, and where that person stands.
    pub fn holder(&self, account: NodeIx) -> Option<(PersonIx, Standing)> {
        let link = self.people.link(account)?;
        Some((link.person, self.people.standing(link.person, self.now)))
    }

    /// The account or person that an owner's name stands for: an account of the same system by id, login, native name or
    /// e-mail, and the person it is linked to; else a person by employee id or e-mail.
    pub fn owner(&self, system: SystemIx, owner: &str) -> Option<PersonIx> {
        if let Some(account) = self.owner_account(system, owner) {
            return self.people.link(account).map(|link| link.person);
        }
        match self.people.find(owner).as_slice() {
            [person] => Some(*person),
            [] | [_, ..] => None,
        }
    }

    /// The account of the same system that an owner's name stands for.
    pub fn owner_account(&self, system: SystemIx, owner: &str) -> Option<NodeIx> {
        self.names[usize::from(system.0)].get(folded(owner).as_ref()).copied().flatten()
    }

    /// The row of an account, with the facts that matter.
    pub fn account_row(&self, account: NodeIx, facts: &[(&str, String)]) -> Evidence {
        let node = self.graph.node(account);
        let mut row =
            self.row(self.graph.system_name(node.system), self.graph.scope_name(node.scope), "accounts", facts);
        self.graph.text(node.id).clone_into(&mut row.id);
        if let Some(details) = self.graph.account(account) {
            row.facts.entry("lifecycle".to_owned()).or_insert_with(|| details.lifecycle.to_string());
            if let Some(login) = details.login {
                row.facts.entry("login".to_owned()).or_insert_with(|| self.graph.text(login).to_owned());
            }
        }
        row
    }

    /// The row of a node of any kind.
    pub fn object_row(&self, ix: NodeIx, table: &str, facts: &[(&str, String)]) -> Evidence {
        let node = self.graph.node(ix);
        let mut row = self.row(self.graph.system_name(node.system), self.graph.scope_name(node.scope), table, facts);
        self.graph.text(node.id).clone_into(&mut row.id);
        row
    }

    /// The row of a credential.
    pub fn credential_row(&self, ix: CredentialIx) -> Evidence {
        let credential = self.graph.credential(ix);
        let facts = [
            ("account", self.graph.text(credential.account_id).to_owned()),
            ("kind", credential.kind.to_string()),
            ("status", credential.status.to_string()),
            ("created", credential.created.to_string()),
            ("last_used", credential.last_used.to_string()),
        ];
        let system = self.graph.system_name(credential.system);
        let mut row = self.row(system, self.graph.scope_name(credential.scope), "credentials", &facts);
        self.graph.text(credential.id).clone_into(&mut row.id);
        row
    }

    /// The row of a grant or membership.
    pub fn edge_row(&self, edge: &Edge) -> Evidence {
        let detail = self.graph.detail(edge);
        let system = self.graph.node(edge.target).system;
        let (table, source, target) = match edge.relation {
            crate::graph::Relation::MemberOf => ("memberships", "member", "group"),
            crate::graph::Relation::Holds => ("grants", "principal", "entitlement"),
        };
        let facts = [
            (source, self.graph.text(self.graph.node(edge.source).id).to_owned()),
            (target, self.graph.text(self.graph.node(edge.target).id).to_owned()),
        ];
        let mut row = self.row(self.graph.system_name(system), self.graph.scope_name(detail.scope), table, &facts);
        row.id = self.edge_key(edge);
        row
    }

    /// The row of an employment.
    pub fn employment_row(&self, employment: &Employment) -> Evidence {
        let text = |text| self.people.text(text).to_owned();
        let date = |date: Option<jiff::civil::Date>| date.map_or_else(|| "none".to_owned(), |date| date.to_string());
        let mut facts = vec![
            ("status", employment.status.to_string()),
            ("worker_type", employment.worker_type.to_string()),
            ("start", date(employment.start)),
            ("end", date(employment.end)),
        ];
        if let Some(effective) = employment.effective {
            facts.push(("effective", effective.to_string()));
        } else if let Some(day) = employment.effective_day {
            facts.push(("effective", day.to_string()));
        }
        if let Some(recorded) = employment.recorded {
            facts.push(("recorded", recorded.to_string()));
        }
        let mut row =
            self.row(self.people.text(employment.system), self.people.text(employment.scope), "employments", &facts);
        row.id = text(employment.id);
        row.collected = employment.collected;
        row
    }

    /// The rows of all employments of a person, the link to whom proves an account theirs.
    pub fn employment_rows(&self, person: PersonIx) -> Vec<Evidence> {
        self.people.person(person).employments.iter().map(|employment| self.employment_row(employment)).collect()
    }

    fn row(&self, system: &str, scope: &str, table: &str, facts: &[(&str, String)]) -> Evidence {
        let coverage = self.graph.coverage();
        let collected = coverage.of_scope(system, scope).find_map(|row| row.collected);
        Evidence {
            system: system.to_owned(),
            table: table.to_owned(),
            id: String::new(),
            facts: facts.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect(),
            collected,
        }
    }

    /// "linked by e-mail …": what an account's link rests on, for a sentence.
    pub fn link_reason(&self, account: NodeIx) -> String {
        self.people.link(account).map(|link| link.evidence.clone()).unwrap_or_default()
    }

    /// The state of an account, for a sentence.
    pub fn lifecycle(&self, account: NodeIx) -> Lifecycle {
        self.graph.account(account).map_or(Lifecycle::Unknown, |facts| facts.lifecycle)
    }
}

/// Who manages, and which feeds say so.
#[derive(Debug, Default)]
struct Hierarchy {
    feeds: FxHashSet<crate::graph::Text>,
    managers: FxHashSet<PersonIx>,
}

impl Hierarchy {
    fn of(people: &People) -> Self {
        let mut hierarchy = Self::default();
        let mut named = FxHashSet::default();
        for employment in people.persons().flat_map(|(_, person)| &person.employments) {
            if let Some(manager) = employment.manager {
                hierarchy.feeds.insert(employment.system);
                named.insert(manager);
            }
        }
        hierarchy.managers = named.into_iter().flat_map(|name| people.find(&fold(people.text(name)))).collect();
        hierarchy
    }
}

/// Accounts by every name an owner column may use, for the names that are in use as owners.
///
/// Cost: one pass over the accounts, in parallel, where any owner is named.
fn owner_names(graph: &Graph) -> OwnerNames {
    let mut names: OwnerNames = vec![FxHashMap::default(); graph.systems().len()];
    let mut want = |ix: NodeIx, owner: Option<crate::graph::Text>| {
        if let Some(owner) = owner {
            names[usize::from(graph.node(ix).system.0)].insert(fold(graph.text(owner)), None);
        }
    };
    for (ix, account) in graph.accounts() {
        want(ix, account.owner);
        want(ix, account.manager);
    }
    for (ix, group) in graph.groups() {
        want(ix, group.owner);
    }
    for (ix, entitlement) in graph.entitlements() {
        want(ix, entitlement.owner);
    }
    for (ix, resource) in graph.resources() {
        want(ix, resource.owner);
    }
    if names.iter().all(FxHashMap::is_empty) {
        return names;
    }
    let bears = |place: usize| {
        let ix = NodeIx(u32::try_from(place).unwrap_or(u32::MAX));
        let (node, account) = (graph.node(ix), graph.account(ix)?);
        let wanted = &names[usize::from(node.system.0)];
        let own =
            [Some(node.id), account.login, account.native_name].into_iter().flatten().map(|text| graph.text(text));
        let own = own.chain(graph.emails_of(account)).map(folded).filter(|name| wanted.contains_key(name.as_ref()));
        let own: Vec<String> = own.map(Cow::into_owned).collect();
        (!own.is_empty()).then_some((ix, own))
    };
    let found: Vec<(NodeIx, Vec<String>)> = (0..graph.account_count()).into_par_iter().filter_map(bears).collect();
    for (ix, own) in found {
        for name in own {
            if let Some(first @ None) = names[usize::from(graph.node(ix).system.0)].get_mut(&name) {
                *first = Some(ix);
            }
        }
    }
    names
}
