//! How people sign in to each system, and whom an identity provider lets in.

use muster_connectors::record::{CredentialKind, RecordKind};
use rustc_hash::{FxHashMap, FxHashSet};

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
        /// Who holds what lets people in, where the inventory names it.
        access: Option<Reach>,
        /// What of it the provider does not have.
        missing: Option<String>,
    },
}

#[derive(Debug)]
pub(super) struct SignIns {
    by_system: Vec<SignIn>,
    local_login: FxHashMap<SystemIx, bool>,
    /// Active accounts of identity providers by folded login and address.
    names: FxHashMap<(SystemIx, String), NodeIx>,
}

impl Facts<'_> {
    /// How people sign in to a system.
    pub(in crate::rules) fn sign_in(&self, system: SystemIx) -> &SignIn {
        &self.sign_ins().by_system[usize::from(system.0)]
    }

    /// Whether the identity provider of its system lets somebody in to this account; why that cannot be told otherwise.
    pub(in crate::rules) fn is_assigned(&self, account: NodeIx) -> Result<bool, String> {
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

    /// Accounts of the provider that bear the account's login or one of its addresses.
    fn namesakes(&self, account: NodeIx, provider: SystemIx) -> Vec<NodeIx> {
        let Some(facts) = self.graph.account(account) else { return Vec::new() };
        let login = facts.login.map(|login| self.graph.text(login));
        let names = self.graph.emails_of(facts).chain(login);
        names.filter_map(|name| self.sign_ins().names.get(&(provider, fold(name))).copied()).collect()
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
