//! Whom and what approvals and audit logs speak of: accounts, groups, entitlements and persons by the names used there.
//!
//! Only names that are used are looked for: one pass over the graph, and none where no source supplies either.

use muster_connectors::record::RecordKind;
use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};

use super::Facts;
use crate::drift::{Approval, Name};
use crate::graph::{Edge, NodeIx, NodeKind};
use crate::people::{PersonIx, fold};

/// Nodes by the names in use.
#[derive(Debug, Default)]
pub(crate) struct Mentioned {
    nodes: FxHashMap<String, Vec<NodeIx>>,
    /// Approvals that say when access ends, by the edge they allow.
    ending: FxHashMap<u32, Vec<u32>>,
}

impl Facts<'_> {
    fn mentioned(&self) -> &Mentioned {
        self.mentioned.get_or_init(|| {
            let mut mentioned = Mentioned { nodes: nodes(self), ending: FxHashMap::default() };
            for (place, approval) in self.events.approvals().iter().enumerate() {
                if !approval.is_approved() || approval.until.is_none() {
                    continue;
                }
                let edges: Vec<Edge> = edges(self, &mentioned, approval).collect();
                for edge in edges {
                    mentioned.ending.entry(edge.ix).or_default().push(u32::try_from(place).unwrap_or(u32::MAX));
                }
            }
            mentioned
        })
    }

    /// Accounts, groups and entitlements known by a name that an approval or audit log uses.
    pub(super) fn nodes_named(&self, name: Name) -> &[NodeIx] {
        let folded = self.events.folded(Some(name));
        self.mentioned().nodes.get(folded).map_or(&[], Vec::as_slice)
    }

    /// Persons known by a name: their own ids and addresses, else those of their accounts.
    pub(super) fn persons_named(&self, name: Name) -> Vec<PersonIx> {
        let mut persons = self.people.find(self.events.folded(Some(name)));
        if persons.is_empty() {
            let linked = self.nodes_named(name).iter().filter_map(|node| self.people.link(*node));
            persons.extend(linked.map(|link| link.person));
            persons.sort_unstable();
            persons.dedup();
        }
        persons
    }

    /// The accounts an approval is for: those of its name, and those of the person of that name.
    pub(super) fn beneficiaries(&self, approval: &Approval) -> Vec<NodeIx> {
        beneficiaries(self, self.mentioned(), approval)
    }

    /// Grants and memberships of the beneficiary that are what the approval names.
    pub(super) fn approved_edges(&self, approval: &Approval) -> Vec<Edge> {
        edges(self, self.mentioned(), approval).collect()
    }

    /// Approvals that say when the access of this edge ends.
    pub(super) fn approvals_ending(&self, edge: &Edge) -> impl Iterator<Item = &Approval> + '_ {
        let places = self.mentioned().ending.get(&edge.ix);
        places.into_iter().flatten().map(|place| &self.events.approvals()[*place as usize])
    }

    /// Why an approval may be there unread; `None` when all of them were read.
    pub(super) fn approvals_doubt(&self) -> Option<String> {
        let coverage = self.graph.coverage();
        if !coverage.rows().iter().any(|row| row.kind == RecordKind::Approval) {
            return Some("no source supplies approvals or tickets".to_owned());
        }
        self.unread_anywhere(RecordKind::Approval).map(str::to_owned)
    }

    /// Whether an approval's words name a system.
    pub(super) fn is_system(&self, name: Name) -> bool {
        let folded = self.events.folded(Some(name));
        self.systems.iter().any(|system| fold(system) == folded)
    }

    /// Whether what an approval says of the resource fits: nothing, the system, or the resource itself.
    pub(super) fn fits_resource(&self, approval: &Approval, system: &str, resource: Option<NodeIx>) -> bool {
        let Some(asked) = approval.resource else { return true };
        let folded = self.events.folded(Some(asked));
        folded == fold(system)
            || resource.is_some_and(|resource| self.names_of(resource).iter().any(|name| name == folded))
    }
}

fn beneficiaries(facts: &Facts<'_>, named: &Mentioned, approval: &Approval) -> Vec<NodeIx> {
    let folded = facts.events.folded(Some(approval.beneficiary));
    let own = named.nodes.get(folded).map_or(&[][..], Vec::as_slice).iter().copied();
    let own = own.filter(|node| facts.graph.node(*node).kind != NodeKind::Entitlement);
    let of_persons = facts.people.find(folded).into_iter().flat_map(|person| facts.people.accounts_of(person));
    let mut accounts: Vec<NodeIx> = own.chain(of_persons.copied()).collect();
    accounts.sort_unstable();
    accounts.dedup();
    accounts
}

/// Edges of the beneficiary to what the approval names, on whatever resource.
fn edges<'f>(facts: &'f Facts<'_>, named: &Mentioned, approval: &'f Approval) -> impl Iterator<Item = Edge> + use<'f> {
    let asked = approval.entitlement.map(|name| facts.events.folded(Some(name)).to_owned()).unwrap_or_default();
    let targets: FxHashSet<NodeIx> = named.nodes.get(&asked).into_iter().flatten().copied().collect();
    let accounts = if targets.is_empty() { Vec::new() } else { beneficiaries(facts, named, approval) };
    let system = approval.resource.filter(|name| facts.is_system(*name));
    let system = system.map(|name| facts.events.folded(Some(name)).to_owned());
    let fits = move |edge: &Edge| {
        let own = facts.graph.system_name(facts.graph.node(edge.target).system);
        targets.contains(&edge.target) && system.as_ref().is_none_or(|asked| fold(own) == *asked)
    };
    accounts.into_iter().flat_map(|account| facts.edges_of(account)).filter(move |edge| fits(edge))
}

/// One pass over the nodes, for the names that are in use.
fn nodes(facts: &Facts<'_>) -> FxHashMap<String, Vec<NodeIx>> {
    let events = facts.events;
    let mut wanted: FxHashSet<&str> = FxHashSet::default();
    for approval in events.approvals() {
        let used = [Some(approval.beneficiary), approval.entitlement, approval.decided_by];
        wanted.extend(used.into_iter().flatten().map(|name| events.folded(Some(name))));
    }
    wanted.extend(events.audit().iter().filter_map(|event| event.actor).map(|name| events.folded(Some(name))));
    if wanted.is_empty() {
        return FxHashMap::default();
    }
    let found: Vec<(String, NodeIx)> = (0..facts.graph.node_count())
        .into_par_iter()
        .map(|place| NodeIx(u32::try_from(place).unwrap_or(u32::MAX)))
        .filter(|ix| matches!(facts.graph.node(*ix).kind, NodeKind::Account | NodeKind::Group | NodeKind::Entitlement))
        .flat_map_iter(|ix| facts.names_of(ix).into_iter().map(move |name| (name, ix)))
        .filter(|(name, _)| wanted.contains(name.as_str()))
        .collect();
    let mut nodes: FxHashMap<String, Vec<NodeIx>> = FxHashMap::default();
    for (name, ix) in found {
        let bearers = nodes.entry(name).or_default();
        if bearers.last() != Some(&ix) {
            bearers.push(ix);
        }
    }
    nodes
}
