//! Which application of an identity provider is which system, and whom it lets in there.
//!
//! An identity provider such as Okta has applications that people and groups are assigned; each is a system of its own, with
//! accounts that the provider knows nothing of. What ties the two is told by `[[application]]` in policy/inventory.toml, else by their names
//! where these leave no choice: an application that is called like the system or its connector, when it is the only one of the
//! provider. What is not told and not plain stays *undecided*: a wrong guess would show access that nobody has, and hide some that is there.

use muster_connectors::record::{EntitlementKind, Purpose, RecordKind};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::config::policy::{Policy, SignOn, StandsFor};
use crate::graph::{Edge, Graph, NodeIx, NodeKind, Reach, Relation, SystemIx};
use crate::people::fold;

/// What tells that an application is a system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// A line of policy/inventory.toml: file, line and column.
    Inventory(String),
    /// Its name: the only application of the provider that is called like the system.
    Name,
}

/// A way in to a system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Door {
    /// The identity provider.
    pub provider: SystemIx,
    /// Its application: a resource.
    pub application: NodeIx,
    /// The system that the application is.
    pub system: SystemIx,
    /// What tells so.
    pub told: Told,
}

/// Ways in to every system, and what could not be decided about them.
#[derive(Debug, Default)]
pub struct Applications {
    doors: Vec<Door>,
    /// Systems that have applications.
    providers: FxHashSet<SystemIx>,
    undecided: FxHashMap<SystemIx, String>,
    /// Applications that may be a system, with why it is not decided.
    doubtful: FxHashMap<NodeIx, (SystemIx, String)>,
    /// Lines of the inventory that name nothing the provider has.
    missing: Vec<(StandsFor, Option<String>)>,
}

impl Applications {
    /// Brings the inventory and the applications of the graph together.
    ///
    /// Cost: O(resources + lines of the inventory).
    pub fn of(graph: &Graph, policy: &Policy) -> Self {
        let mut found = Self::default();
        let all = by_provider(graph);
        found.providers.extend(all.keys());
        let mut settled: FxHashSet<SystemIx> = FxHashSet::default();
        for line in &policy.applications {
            let (Some(provider), Some(system)) = (graph.system(&line.provider), graph.system(&line.system)) else {
                continue;
            };
            settled.insert(system);
            let named = named(graph, provider, &line.application);
            let told =
                |application| Door { provider, application, system, told: Told::Inventory(line.place.to_string()) };
            let why = match named.as_slice() {
                [] => {
                    let unread = shortfall(graph, provider, &[RecordKind::Resource]);
                    found.missing.push((line.clone(), unread.clone()));
                    let why = unread.map(|why| format!(", as far as it was read: {why}")).unwrap_or_default();
                    format!(
                        "`{}` has no application `{}`, which policy/inventory.toml names{why}",
                        line.provider, line.application
                    )
                }
                [one] => {
                    found.doors.push(told(*one));
                    continue;
                }
                several => format!(
                    "`{}` has {} applications called `{}`: name one by its id in policy/inventory.toml",
                    line.provider,
                    several.len(),
                    line.application
                ),
            };
            for application in &named {
                found.doubtful.insert(*application, (system, why.clone()));
            }
            found.undecided.insert(system, why);
        }
        let providers: FxHashMap<SystemIx, &SignOn> = policy
            .inventory
            .iter()
            .filter_map(|entry| Some((graph.system(&entry.name)?, entry.sign_on.as_ref()?)))
            .collect();
        let taken: FxHashSet<NodeIx> = found.doors.iter().map(|door| door.application).collect();
        for system in (0..graph.systems().len()).filter_map(|place| u16::try_from(place).ok()).map(SystemIx) {
            if settled.contains(&system) || all.contains_key(&system) {
                continue;
            }
            match providers.get(&system) {
                Some(SignOn::Own) => {}
                Some(SignOn::Through { provider, access }) => {
                    let Some(provider) = graph.system(provider) else { continue };
                    if !access.is_empty() {
                        continue; // the inventory says by groups who may come in
                    }
                    let Some(applications) = all.get(&provider) else { continue };
                    found.by_name(graph, system, applications, &taken, true);
                }
                None => {
                    let mut applications: Vec<NodeIx> = all.values().flatten().copied().collect();
                    applications.sort_unstable();
                    found.by_name(graph, system, &applications, &taken, false);
                }
            }
        }
        found.doors.sort_by_key(|door| (door.system, door.provider, door.application));
        found
    }

    /// Looks for the one application that is called like a system. Where a provider is told, none is as undecided as several.
    fn by_name(&mut self, graph: &Graph, system: SystemIx, all: &[NodeIx], taken: &FxHashSet<NodeIx>, is_told: bool) {
        let name = graph.system_name(system);
        let connector = graph.coverage().of_system(name).next().map_or("", |row| row.connector.as_str());
        let wanted = [fold(name), fold(connector)];
        let alike: Vec<NodeIx> = all
            .iter()
            .copied()
            .filter(|application| {
                !taken.contains(application) && called(graph, *application).any(|word| wanted.contains(&word))
            })
            .collect();
        let shown = |application: &NodeIx| {
            let node = graph.node(*application);
            format!("{} ({} {})", graph.name(*application), graph.system_name(node.system), graph.text(node.id))
        };
        let line = "say in `[[application]]` of policy/inventory.toml which one it is";
        let why = match alike.as_slice() {
            [] if !is_told => return,
            [] => {
                let provider = all.first().map_or("", |application| graph.system_name(graph.node(*application).system));
                format!("no application of `{provider}` is called like `{name}`: {line}")
            }
            [one] => {
                let provider = graph.node(*one).system;
                match shortfall(graph, provider, &[RecordKind::Resource]) {
                    None => {
                        self.doors.push(Door { provider, application: *one, system, told: Told::Name });
                        return;
                    }
                    Some(why) => format!("another application may be called like `{name}` in what was not read: {why}"),
                }
            }
            several => {
                let list: Vec<String> = several.iter().map(shown).collect();
                format!("{} applications are called like `{name}`: {}: {line}", several.len(), list.join(", "))
            }
        };
        for application in alike {
            self.doubtful.insert(application, (system, why.clone()));
        }
        self.undecided.insert(system, why);
    }

    /// Ways in to a system, by provider and application.
    pub fn doors(&self, system: SystemIx) -> impl Iterator<Item = &Door> {
        self.doors.iter().filter(move |door| door.system == system)
    }

    /// The systems that an application is.
    pub fn behind(&self, application: NodeIx) -> impl Iterator<Item = &Door> {
        self.doors.iter().filter(move |door| door.application == application)
    }

    /// Why it is not decided which application a system is.
    pub fn undecided(&self, system: SystemIx) -> Option<&str> {
        self.undecided.get(&system).map(String::as_str)
    }

    /// The system that an application may be, and why that is not decided.
    pub fn doubt(&self, application: NodeIx) -> Option<(SystemIx, &str)> {
        self.doubtful.get(&application).map(|(system, why)| (*system, why.as_str()))
    }

    /// Whether a system has applications that could be assigned.
    pub fn has_any(&self, provider: SystemIx) -> bool {
        self.providers.contains(&provider)
    }

    /// Lines of the inventory that name an application which was not found, with what was not read of the provider.
    pub fn missing(&self) -> &[(StandsFor, Option<String>)] {
        &self.missing
    }
}

/// Who is assigned some applications of a provider.
#[derive(Debug)]
pub struct Assigned {
    read: Reach,
    /// With what an earlier snapshot said.
    ever: Reach,
}

impl Assigned {
    /// Walks backwards from `applications`, all of one provider.
    ///
    /// Cost: O(V + E) over whoever is assigned one, twice.
    pub fn of(graph: &Graph, provider: SystemIx, applications: &[NodeIx]) -> Self {
        let entitlements = graph.entitlements().map(|(ix, _)| ix);
        let own = entitlements.filter(|ix| graph.node(*ix).system == provider && conveys(graph, *ix));
        let targets: Vec<NodeIx> = own.collect();
        let leads = |edge: &Edge| match edge.relation {
            Relation::MemberOf => true,
            Relation::Holds => graph.detail(edge).resource.is_some_and(|resource| applications.contains(&resource)),
        };
        Self {
            read: graph.reaching(&targets, |edge| leads(edge) && !super::is_stale(graph, edge)),
            ever: graph.reaching(&targets, leads),
        }
    }

    /// Whether an account or group is assigned one of them; `None` where only an earlier snapshot says so.
    pub fn reaches(&self, node: NodeIx) -> Option<bool> {
        match (self.read.reaches(node), self.ever.reaches(node)) {
            (true, _) => Some(true),
            (false, true) => None,
            (false, false) => Some(false),
        }
    }
}

/// Whether holding an entitlement on an application lets its holder use it: an assignment, or a role of the application as Entra ID
/// assigns it. Who owns an application need not use it, and a scope is what it may do itself.
pub(super) fn conveys(graph: &Graph, entitlement: NodeIx) -> bool {
    graph
        .entitlement(entitlement)
        .is_some_and(|held| held.purpose != Purpose::Ownership && held.kind != EntitlementKind::Scope)
}

/// Resources that are applications, by their system.
fn by_provider(graph: &Graph) -> FxHashMap<SystemIx, Vec<NodeIx>> {
    let mut all: FxHashMap<SystemIx, Vec<NodeIx>> = FxHashMap::default();
    for (ix, _) in graph.resources().filter(|(ix, _)| is_application(graph, *ix)) {
        all.entry(graph.node(ix).system).or_default().push(ix);
    }
    all
}

/// Whether a resource is an application that is assigned: its type is `application`, or `application:` with the vendor's name.
pub fn is_application(graph: &Graph, resource: NodeIx) -> bool {
    let kind = graph.resource(resource).and_then(|resource| resource.kind).map(|kind| graph.text(kind));
    kind.is_some_and(|kind| kind == "application" || kind.starts_with("application:"))
}

/// What an application is called: the name people see, and the vendor's.
fn called(graph: &Graph, application: NodeIx) -> impl Iterator<Item = String> {
    let vendor = graph.resource(application).and_then(|resource| resource.kind).map(|kind| graph.text(kind));
    let vendor = vendor.and_then(|kind| kind.split_once(':')).map(|(_, vendor)| fold(vendor));
    std::iter::once(fold(graph.name(application))).chain(vendor)
}

/// Resources of a provider by id, else by name.
fn named(graph: &Graph, provider: SystemIx, name: &str) -> Vec<NodeIx> {
    if let Some(one) = graph.find(provider, NodeKind::Resource, name) {
        return vec![one];
    }
    let wanted = fold(name);
    let resources = graph.resources().map(|(ix, _)| ix);
    resources.filter(|ix| graph.node(*ix).system == provider && fold(graph.name(*ix)) == wanted).collect()
}

/// Why something of these kinds may be missing from a system.
pub fn shortfall(graph: &Graph, system: SystemIx, kinds: &[RecordKind]) -> Option<String> {
    let mut rows = graph.coverage().of_system(graph.system_name(system));
    rows.find(|row| kinds.contains(&row.kind) && !row.proves_absence).map(crate::graph::CoverageRow::shortfall)
}
