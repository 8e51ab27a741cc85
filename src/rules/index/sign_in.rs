//! How people sign in to each system, and whom an identity provider lets in.

use std::hash::{Hash as _, Hasher as _};

use muster_connectors::record::{CredentialKind, RecordKind};
use rustc_hash::{FxHashMap, FxHashSet, FxHasher};

use crate::access::applications::{Applications, Assigned};
use crate::access::crossing;
use crate::config::policy::SignOn;
use crate::graph::{Federation, Graph, NodeIx, Reach, RowState, SystemIx};
use crate::people::fold;
use crate::rules::Facts;

/// How people sign in to a system.
#[derive(Debug)]
pub(in crate::rules) enum SignIn {
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
        /// Whom it lets in, or why that is not decided.
        access: Result<LetsIn, String>,
    },
}

/// Whom an identity provider lets in to a system.
#[derive(Debug)]
pub(in crate::rules) enum LetsIn {
    /// Whoever has an active account there.
    Everybody,
    /// Who holds one of the groups and entitlements that the inventory names.
    Holders(Reach),
    /// Who is assigned the application that is the system.
    Assigned(Assigned),
}

impl LetsIn {
    /// Whether an account of the provider is let in; `None` where only an earlier snapshot says so.
    fn lets_in(&self, account: NodeIx) -> Option<bool> {
        match self {
            Self::Everybody => Some(true),
            Self::Holders(reach) => Some(reach.reaches(account)),
            Self::Assigned(assigned) => assigned.reaches(account),
        }
    }
}

#[derive(Debug)]
pub(super) struct SignIns {
    by_system: Vec<SignIn>,
    local_login: FxHashMap<SystemIx, bool>,
    /// Accounts of identity providers by a hash of what they can be called elsewhere, sorted.
    names: FxHashMap<SystemIx, Vec<(u64, NodeIx)>>,
    /// Systems that keep ids which accounts of their provider bear: one that nobody bears there is of an account that is gone.
    comparable: FxHashSet<SystemIx>,
}

impl Facts<'_> {
    /// How people sign in to a system.
    pub(in crate::rules) fn sign_in(&self, system: SystemIx) -> &SignIn {
        &self.sign_ins().by_system[usize::from(system.0)]
    }

    /// Whether the identity provider of its system lets somebody in to this account; why that cannot be told otherwise.
    ///
    /// An id that the account keeps of its like elsewhere is enough where the provider is not told, or is none that knows such ids.
    /// Where it does know them its own word counts: the id stays when the account there is switched off or loses the application.
    pub(in crate::rules) fn is_assigned(&self, account: NodeIx) -> Result<bool, String> {
        if self.graph.account(account).is_none() {
            return Ok(false);
        }
        let own = self.graph.node(account).system;
        let has_identity = self.has_identity_elsewhere(account);
        if !has_identity && let Some(why) = self.unread(own, RecordKind::Federation) {
            return Err(format!("its identity elsewhere may lie in what was not read: {why}"));
        }
        let SignIn::Through { name, provider, access } = self.sign_in(own) else { return Ok(has_identity) };
        let Some(provider) = *provider else {
            let why = || format!("the identity provider `{name}` is not collected");
            return if has_identity { Ok(true) } else { Err(why()) };
        };
        let access = access.as_ref().map_err(Clone::clone)?;
        let there = self.known_at_provider(account);
        if there.is_empty() && has_identity && !self.sign_ins().comparable.contains(&own) {
            return Ok(true);
        }
        let mut stale = false;
        for other in there.iter().filter(|other| self.is_active(**other)) {
            match access.lets_in(*other) {
                Some(true) => return Ok(true),
                Some(false) => {}
                None => stale = true,
            }
        }
        if stale {
            return Err(format!("that `{name}` lets it in was read in an earlier snapshot only"));
        }
        let kinds = [RecordKind::Account, RecordKind::Membership, RecordKind::Grant];
        match kinds.into_iter().find_map(|kind| self.unread(provider, kind)) {
            Some(why) => Err(format!("its account at the identity provider may lie in what was not read: {why}")),
            None => Ok(false),
        }
    }

    /// Whether an account keeps the id of its like elsewhere, as read with the snapshot.
    fn has_identity_elsewhere(&self, account: NodeIx) -> bool {
        let keeps = |facts| self.graph.federated_of(facts).next().is_some();
        self.federations_of(account).next().is_some() || self.graph.account(account).is_some_and(keeps)
    }

    /// Accounts at the identity provider of its system that are the same somebody's, active or not: those whose id the account keeps
    /// and those of its person; without either those that bear its login or one of its addresses.
    pub(in crate::rules) fn known_at_provider(&self, account: NodeIx) -> Vec<NodeIx> {
        let system = self.graph.node(account).system;
        let (SignIn::Through { provider: Some(provider), .. }, Some(facts)) =
            (self.sign_in(system), self.graph.account(account))
        else {
            return Vec::new();
        };
        let mut known: Vec<NodeIx> = Vec::new();
        for subject in crossing::subjects(self.graph, account, facts) {
            known.extend(self.bearers(*provider, &subject));
        }
        if let Some(link) = self.people.link(account) {
            known.extend(self.accounts_of(link.person).filter(|other| self.graph.node(*other).system == *provider));
        } else if known.is_empty() {
            let login = facts.login.map(|login| self.graph.text(login));
            for name in self.graph.emails_of(facts).chain(login) {
                known.extend(self.bearers(*provider, &fold(name)));
            }
        }
        known.sort_unstable();
        known.dedup();
        known
    }

    /// Accounts of a provider that can be called `name`, which is folded.
    fn bearers(&self, provider: SystemIx, name: &str) -> impl Iterator<Item = NodeIx> {
        self.sign_ins().bearers(self.graph, provider, name)
    }

    /// Whether somebody can sign in to the account in its own system, past any identity provider; `None` where nothing tells.
    pub(in crate::rules) fn signs_in_here(&self, account: NodeIx) -> Option<bool> {
        let password = |kind| kind == CredentialKind::Password;
        let has_password =
            || self.credentials_of(account).any(|(_, credential)| password(credential.kind) && self.works(credential));
        let told = self.graph.account(account).and_then(|facts| facts.interactive);
        let system = self.graph.node(account).system;
        told.or_else(|| has_password().then_some(true)).or_else(|| self.sign_ins().local_login.get(&system).copied())
    }

    /// Whether it is known that nobody can sign in and that no credential works.
    pub(in crate::rules) fn has_no_way_in(&self, account: NodeIx) -> bool {
        let node = self.graph.node(account);
        self.graph.account(account).is_some_and(|facts| facts.interactive == Some(false))
            && self.yields(node.system, RecordKind::Credential)
            && self.unread_here(node.scope, RecordKind::Credential).is_none()
            && self.graph.federations_of(account).is_empty()
            && !self.credentials_of(account).any(|(_, credential)| self.works(credential))
    }

    /// Whether a system says of any account that it signs in through another one.
    pub(in crate::rules) fn federates(&self, system: SystemIx) -> bool {
        let all = self.index.federating.get_or_init(|| {
            let signed = self.graph.accounts().filter(|(_, account)| self.graph.federated_of(account).next().is_some());
            signed.map(|(ix, _)| self.graph.node(ix).system).collect()
        });
        all.contains(&system)
    }

    /// Identities elsewhere that sign in as an account, as read with the snapshot.
    pub(in crate::rules) fn federations_of(&self, account: NodeIx) -> impl Iterator<Item = &Federation> + '_ {
        self.graph.federations_of(account).iter().filter(|federation| federation.state != RowState::Stale)
    }

    fn sign_ins(&self) -> &SignIns {
        self.index.sign_in.get_or_init(|| SignIns::of(self))
    }
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
        let applications = Applications::of(graph, facts.policy);
        for entry in inventory {
            let (Some(system), Some(sign_on)) = (graph.system(&entry.name), &entry.sign_on) else { continue };
            by_system[usize::from(system.0)] = match sign_on {
                SignOn::Own => SignIn::Own,
                SignOn::Through { provider, access } => SignIn::Through {
                    name: provider.clone(),
                    provider: graph.system(provider),
                    access: lets_in(graph, &applications, system, provider, access),
                },
            };
        }
        let mut names: FxHashMap<SystemIx, Vec<(u64, NodeIx)>> = FxHashMap::default();
        if !providers.is_empty() {
            for (ix, _) in graph.accounts() {
                let system = graph.node(ix).system;
                if providers.contains(&system) {
                    let own = crossing::names(graph, ix).into_iter().map(|name| (hash(&name), ix));
                    names.entry(system).or_default().extend(own);
                }
            }
            for names in names.values_mut() {
                names.sort_unstable();
            }
        }
        let mut sign_ins = Self { by_system, local_login, names, comparable: FxHashSet::default() };
        sign_ins.comparable = sign_ins.compared(graph);
        sign_ins
    }

    /// Systems of which an account keeps an id that an account of their provider bears.
    fn compared(&self, graph: &Graph) -> FxHashSet<SystemIx> {
        let mut compared = FxHashSet::default();
        for (ix, account) in graph.accounts() {
            let system = graph.node(ix).system;
            let SignIn::Through { provider: Some(provider), .. } = &self.by_system[usize::from(system.0)] else {
                continue;
            };
            if !compared.contains(&system) {
                let mut subjects = crossing::subjects(graph, ix, account).into_iter();
                if subjects.any(|subject| self.bearers(graph, *provider, &subject).next().is_some()) {
                    compared.insert(system);
                }
            }
        }
        compared
    }

    fn bearers(&self, graph: &Graph, provider: SystemIx, name: &str) -> impl Iterator<Item = NodeIx> {
        let names = self.names.get(&provider).map_or(&[][..], Vec::as_slice);
        let wanted = hash(name);
        let start = names.partition_point(|(known, _)| *known < wanted);
        let same = names[start..].iter().take_while(move |(known, _)| *known == wanted);
        same.map(|(_, ix)| *ix).filter(move |ix| crossing::names(graph, *ix).iter().any(|known| known == name))
    }
}

fn hash(name: &str) -> u64 {
    let mut hasher = FxHasher::default();
    name.hash(&mut hasher);
    hasher.finish()
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

/// Whom a provider lets in to a system: holders of what the inventory names, else who is assigned the application that is the system,
/// else, at a provider without applications, everybody.
fn lets_in(
    graph: &Graph,
    applications: &Applications,
    system: SystemIx,
    name: &str,
    access: &[String],
) -> Result<LetsIn, String> {
    let Some(provider) = graph.system(name) else { return Ok(LetsIn::Everybody) };
    if access.is_empty() {
        if let Some(why) = applications.undecided(system) {
            return Err(why.to_owned());
        }
        let doors = applications.doors(system).filter(|door| door.provider == provider);
        let own: Vec<NodeIx> = doors.map(|door| door.application).collect();
        let assigned = || LetsIn::Assigned(Assigned::of(graph, provider, &own));
        return Ok(if own.is_empty() { LetsIn::Everybody } else { assigned() });
    }
    let wanted: FxHashSet<String> = access.iter().map(|name| fold(name)).collect();
    let mut found = FxHashSet::default();
    let mut targets = Vec::new();
    let groups = graph.groups().map(|(ix, _)| ix);
    let held = graph.entitlements().map(|(ix, _)| ix);
    for ix in groups.chain(held).filter(|ix| graph.node(*ix).system == provider) {
        for name in [fold(graph.text(graph.node(ix).id)), fold(graph.name(ix))] {
            if wanted.contains(&name) {
                found.insert(name);
                targets.push(ix);
            }
        }
    }
    match access.iter().find(|name| !found.contains(&fold(name))) {
        Some(missing) => Err(format!("`{name}` has no group or entitlement `{missing}`, which the inventory names")),
        None => Ok(LetsIn::Holders(graph.reaching(&targets, |_| true))),
    }
}
