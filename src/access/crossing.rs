//! From an account at an identity provider to accounts of other systems, over the applications that it is assigned.
//!
//! ```text
//!   account ──MemberOf──► group ──Holds──► assignment, on an application ═══ is ═══► system: account there ──► what it holds
//! ```
//!
//! The double step is none of the graph's: the two systems know nothing of each other. What ties them is said with every step:
//! which text or name makes the application the system, and what makes the account there the same somebody's.

use std::collections::BTreeMap;

use muster_connectors::record::{GrantOrigin, RecordKind};
use rustc_hash::FxHashSet;

use super::applications::{Applications, Told, conveys, is_application, shortfall};
use super::{holdings, is_stale};
use crate::config::policy::Policy;
use crate::graph::{Graph, NodeIx, NodeKind, Relation, Step, SystemIx};
use crate::people::{People, fold};

/// An application that an account is assigned, and where it leads.
#[derive(Debug)]
pub struct Crossing {
    /// The account at the provider.
    pub from: NodeIx,
    /// The application.
    pub application: NodeIx,
    /// From the account to the assignment; over groups where the provider says which.
    pub path: Vec<Step>,
    /// Whether only an earlier snapshot says so.
    pub is_stale: bool,
    /// What is behind it.
    pub leads: Leads,
}

/// What is behind an application.
#[derive(Debug)]
pub enum Leads {
    /// A system.
    To {
        /// It.
        system: SystemIx,
        /// What tells that the application is it.
        told: Told,
        /// The account's like there; empty where it has none.
        landings: Vec<Landing>,
        /// Why there may be one all the same.
        unread: Option<String>,
    },
    /// It may be this system, and that is not decided.
    Undecided(SystemIx, String),
    /// No system that is collected, as far as anything tells.
    Nowhere,
}

/// An account behind an application.
#[derive(Debug)]
pub struct Landing {
    /// It.
    pub account: NodeIx,
    /// What makes it the same somebody's, strongest first.
    pub evidence: Vec<String>,
}

/// Where accounts of identity providers lead. Accounts at systems without applications lead nowhere.
///
/// Cost: O(V + E) over what each account reaches, and one walk over all accounts for each application.
pub fn crossings(graph: &Graph, people: &People, applications: &Applications, from: &[NodeIx]) -> Vec<Crossing> {
    let mut found = Vec::new();
    for account in from {
        for (application, path) in assigned(graph, *account) {
            let is_stale = path.iter().any(|step| is_stale(graph, step));
            let mut crossing =
                |leads| found.push(Crossing { from: *account, application, path: path.clone(), is_stale, leads });
            let mut behind = applications.behind(application).peekable();
            if behind.peek().is_none() {
                let doubt = applications.doubt(application);
                crossing(doubt.map_or(Leads::Nowhere, |(system, why)| Leads::Undecided(system, why.to_owned())));
            }
            for door in behind {
                let landings = landings(graph, people, *account, door.system);
                let unread = shortfall(graph, door.system, &[RecordKind::Account]);
                crossing(Leads::To { system: door.system, told: door.told.clone(), landings, unread });
            }
        }
    }
    found
}

/// `accounts`, and the accounts at identity providers that may be the same somebody's: those of their persons, and those that bear an id,
/// login or address of theirs.
///
/// Cost: one walk over all accounts.
pub fn with_providers(graph: &Graph, people: &People, applications: &Applications, accounts: &[NodeIx]) -> Vec<NodeIx> {
    let person = |ix: NodeIx| people.link(ix).map(|link| link.person);
    let persons: FxHashSet<_> = accounts.iter().filter_map(|ix| person(*ix)).collect();
    let mut wanted: FxHashSet<String> = FxHashSet::default();
    for ix in accounts {
        wanted.extend(names(graph, *ix));
        if let Some(account) = graph.account(*ix) {
            wanted.extend(subjects(graph, *ix, account));
        }
    }
    let providers = graph.accounts().map(|(ix, _)| ix).filter(|ix| applications.has_any(graph.node(*ix).system));
    let theirs = providers.filter(|ix| {
        person(*ix).is_some_and(|person| persons.contains(&person))
            || names(graph, *ix).iter().any(|name| wanted.contains(name))
    });
    let mut all: Vec<NodeIx> = theirs.chain(accounts.iter().copied()).collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// How a proof compares with others of the same, lowest first, and its steps.
type Proof = ((bool, bool, usize), Vec<Step>);

/// Applications that an account is assigned, in order, each with the best proof: read with the snapshot rather than before it, as
/// somebody assigned it rather than as the provider derives it, and of few steps.
fn assigned(graph: &Graph, account: NodeIx) -> BTreeMap<NodeIx, Vec<Step>> {
    let held = holdings(graph, account);
    let groups = held.held().iter().copied().filter(|node| graph.node(*node).kind == NodeKind::Group);
    let mut best: BTreeMap<NodeIx, Proof> = BTreeMap::new();
    for holder in std::iter::once(account).chain(groups) {
        for edge in graph.edges_from(holder).filter(|edge| edge.relation == Relation::Holds) {
            let detail = graph.detail(&edge);
            let Some(application) = detail.resource.filter(|resource| is_application(graph, *resource)) else {
                continue;
            };
            if !conveys(graph, edge.target) {
                continue;
            }
            let mut path = held.path(holder);
            path.push(edge);
            let stale = path.iter().any(|step| is_stale(graph, step));
            let rank = (stale, detail.origin != GrantOrigin::Direct, path.len());
            if best.get(&application).is_none_or(|(known, _)| rank < *known) {
                best.insert(application, (rank, path));
            }
        }
    }
    best.into_iter().map(|(application, (_, path))| (application, path)).collect()
}

/// The accounts of `system` that are the same somebody's as `from`.
///
/// Where the system keeps ids of accounts elsewhere, an account without one is signed in to in another way and not led to: an IAM user
/// beside Identity Center.
fn landings(graph: &Graph, people: &People, from: NodeIx, system: SystemIx) -> Vec<Landing> {
    let names = names(graph, from);
    let person = people.link(from).map(|link| link.person);
    let own: Vec<(NodeIx, FxHashSet<String>)> = graph
        .accounts()
        .filter(|(ix, _)| graph.node(*ix).system == system)
        .map(|(ix, account)| (ix, subjects(graph, ix, account)))
        .collect();
    let federates = own.iter().any(|(_, subjects)| !subjects.is_empty());
    let provider = graph.system_name(graph.node(from).system);
    own.into_iter()
        .filter_map(|(account, subjects)| {
            let mut evidence = Vec::new();
            if let Some(name) = names.iter().find(|name| subjects.contains(*name)) {
                evidence.push(format!(
                    "it keeps `{name}` as its identity elsewhere, which the account in {provider} bears"
                ));
            }
            let link = people.link(account).filter(|link| person == Some(link.person));
            if let Some(link) = link.filter(|_| !federates || !subjects.is_empty()) {
                evidence.push(format!("both are {}'s: {}", people.name(link.person), link.evidence));
            }
            if person.is_none() && people.link(account).is_none() && !federates {
                let shared =
                    self::names(graph, account).into_iter().find(|name| name.contains('@') && names.contains(name));
                evidence.extend(shared.map(|name| format!("both bear the address `{name}`")));
            }
            (!evidence.is_empty()).then_some(Landing { account, evidence })
        })
        .collect()
}

/// What an account can be called elsewhere, folded: id, sign-in and native name, employee id, addresses.
pub fn names(graph: &Graph, ix: NodeIx) -> Vec<String> {
    let mut names = vec![fold(graph.text(graph.node(ix).id))];
    if let Some(account) = graph.account(ix) {
        let own = [account.login, account.native_name, account.employee_id];
        names.extend(own.into_iter().flatten().map(|text| fold(graph.text(text))));
        names.extend(graph.emails_of(account).map(fold));
    }
    names
}

/// Ids that an account keeps of its like elsewhere, folded.
pub fn subjects(graph: &Graph, ix: NodeIx, account: &crate::graph::Account) -> FxHashSet<String> {
    let kept = graph.federated_of(account).filter_map(|id| id.split_once(' ')).map(|(_, subject)| fold(subject));
    let records = graph.federations_of(ix).iter().filter_map(|federation| federation.subject);
    kept.chain(records.map(|subject| fold(graph.text(subject)))).collect()
}

/// What policy/assignments.toml says of an access that an account holds behind an application: the groups of the provider that give it,
/// each with whether `from` is in it. `None` where the file does not name the access.
pub fn given_by(graph: &Graph, policy: &Policy, from: NodeIx, held: NodeIx) -> Option<Vec<(String, bool)>> {
    let (provider, app) = (graph.node(from).system, graph.node(held).system);
    let bears = |node: NodeIx, name: &str| {
        let native = graph.group(node).and_then(|group| group.native_name).map(|native| graph.text(native));
        graph.text(graph.node(node).id) == name
            || [Some(graph.name(node)), native].into_iter().flatten().any(|known| fold(known) == fold(name))
    };
    let lines: Vec<&str> = policy
        .assignments
        .iter()
        .filter(|line| {
            line.provider == graph.system_name(provider)
                && line.app == graph.system_name(app)
                && bears(held, &line.access)
        })
        .map(|line| line.group.as_str())
        .collect();
    if lines.is_empty() {
        return None;
    }
    let own = holdings(graph, from);
    Some(lines.iter().map(|group| ((*group).to_owned(), own.held().iter().any(|node| bears(*node, group)))).collect())
}
