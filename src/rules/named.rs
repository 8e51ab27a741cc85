//! Who holds what the policy names: each group and entitlement of roles and duties, found in the graph once, with everybody who
//! holds it however nested.

use muster_connectors::record::RecordKind;
use rayon::prelude::*;
use roaring::RoaringBitmap;
use rustc_hash::{FxHashMap, FxHashSet};

use super::Facts;
use crate::access;
use crate::config::policy::{Held, Item};
use crate::graph::{Edge, Graph, NodeIx, Relation, Step, SystemIx};
use crate::people::{Correlation, PersonIx, fold};

/// Kinds without which a holder may be missing.
const WAYS: [RecordKind; 4] = [RecordKind::Membership, RecordKind::Grant, RecordKind::Group, RecordKind::Entitlement];

/// Something that the policy names.
#[derive(Debug)]
pub(crate) struct Thing<'a> {
    /// How the policy writes it, where it does so first.
    pub(crate) item: &'a Item,
    /// Its system; `None` when the snapshot has none of this name.
    pub(crate) system: Option<SystemIx>,
    /// What it means in the graph, in order.
    pub(crate) targets: Vec<NodeIx>,
    /// Who holds it whatever else is true: accounts and groups, by node.
    pub(crate) sure: RoaringBitmap,
    /// Who holds it, by conditional grants and rows of earlier snapshots too.
    pub(crate) any: RoaringBitmap,
    /// Why a holder may be missing.
    pub(crate) unread: Option<String>,
    /// Why an account of the system may be missing.
    pub(crate) accounts_unread: Option<String>,
}

/// Everything that the policy names.
#[derive(Debug, Default)]
pub(crate) struct Named<'a> {
    things: Vec<Thing<'a>>,
    places: FxHashMap<&'a Item, u32>,
    /// Things by group or entitlement that gives them.
    given: FxHashMap<NodeIx, Vec<u32>>,
    /// Persons who may have an account in a system that is not linked to them.
    in_question: FxHashSet<(PersonIx, SystemIx)>,
}

impl<'a> Named<'a> {
    /// Finds everything that the policy of `facts` names, and its holders.
    ///
    /// Cost: one pass over groups and entitlements, and O(V + E) over the holders of each thing, in parallel.
    pub(crate) fn of(facts: &Facts<'a>) -> Self {
        let mut named = Self::default();
        let mut items: Vec<&'a Item> = Vec::new();
        for item in written(facts) {
            named.places.entry(item).or_insert_with(|| {
                items.push(item);
                u32::try_from(items.len() - 1).unwrap_or(u32::MAX)
            });
        }
        if items.is_empty() {
            return named;
        }
        named.in_question = in_question(facts);
        let targets = find(facts.graph, &items);
        named.things = items.into_par_iter().zip(targets).map(|(item, targets)| thing(facts, item, targets)).collect();
        let accounts = facts.graph.account_count();
        for (place, thing) in (0..).zip(&named.things) {
            let groups = thing.any.iter().map(NodeIx).filter(|node| node.get() >= accounts);
            for node in thing.targets.iter().copied().chain(groups) {
                let given = named.given.entry(node).or_default();
                if given.last() != Some(&place) {
                    given.push(place);
                }
            }
        }
        named
    }

    /// Every thing.
    pub(crate) fn things(&self) -> &[Thing<'a>] {
        &self.things
    }

    /// Where a thing stands that the policy names.
    pub(crate) fn place(&self, item: &Item) -> u32 {
        // INVARIANT: every item of the policy was put in by `of`.
        self.places.get(item).copied().unwrap_or_default()
    }

    /// Whether an account of this system that is linked to nobody may be the person's.
    pub(crate) fn is_in_question(&self, person: PersonIx, system: SystemIx) -> bool {
        self.in_question.contains(&(person, system))
    }

    /// A thing.
    pub(crate) fn thing(&self, place: u32) -> &Thing<'a> {
        &self.things[place as usize]
    }

    /// The things that a membership or grant gives its holder, in order.
    pub(crate) fn given_by<'s>(&'s self, graph: &'s Graph, edge: &'s Edge) -> impl Iterator<Item = u32> + 's {
        let things = self.given.get(&edge.target).into_iter().flatten().copied();
        things.filter(move |place| {
            let thing = self.thing(*place);
            thing.targets.binary_search(&edge.target).is_err() || on_resource(graph, thing.item, edge)
        })
    }

    /// The things that a group or entitlement gives on some resource.
    pub(crate) fn given_at(&self, node: NodeIx) -> &[u32] {
        self.given.get(&node).map_or(&[], Vec::as_slice)
    }
}

impl Thing<'_> {
    /// The shortest way from a principal to it; empty when the principal does not hold it. `certain` leaves conditional grants
    /// and rows of earlier snapshots out.
    pub(crate) fn way(&self, graph: &Graph, from: NodeIx, certain: bool) -> Vec<Step> {
        let holders = if certain { &self.sure } else { &self.any };
        let mut over: FxHashMap<NodeIx, Step> = FxHashMap::default();
        let mut reached = vec![from];
        let mut place = 0;
        while let Some(node) = reached.get(place).copied() {
            place += 1;
            for edge in graph.edges_from(node).filter(|edge| passes(graph, edge, certain)) {
                let is_end = self.targets.binary_search(&edge.target).is_ok() && on_resource(graph, self.item, &edge);
                if is_end {
                    let mut steps = vec![edge];
                    let mut at = node;
                    while let Some(step) = over.get(&at).filter(|_| at != from) {
                        steps.push(*step);
                        at = step.source;
                    }
                    steps.reverse();
                    return steps;
                }
                let leads = edge.target != from && holders.contains(edge.target.0);
                if leads && !over.contains_key(&edge.target) {
                    over.insert(edge.target, edge);
                    reached.push(edge.target);
                }
            }
        }
        Vec::new()
    }
}

/// Every item of the policy.
fn written<'a>(facts: &Facts<'a>) -> Vec<&'a Item> {
    let roles = facts.policy.roles.iter().flat_map(|catalogue| {
        let roles = catalogue.roles.iter().flat_map(|role| role.contains.iter().chain(&role.carrier));
        let parity = catalogue.parity.iter().flat_map(|parity| &parity.carriers).map(|carrier| &carrier.item);
        roles.chain(catalogue.reserved.iter().flat_map(|reserved| &reserved.items)).chain(parity)
    });
    let duties = facts.policy.sod.iter().flat_map(|matrix| &matrix.functions);
    roles.chain(duties.flat_map(|function| function.any.iter().chain(&function.not))).collect()
}

/// What each item means: by id, else by name or native name.
pub(crate) fn find(graph: &Graph, items: &[&Item]) -> Vec<Vec<NodeIx>> {
    let mut exact: FxHashMap<(SystemIx, Held, &str), Vec<usize>> = FxHashMap::default();
    let mut globs: FxHashMap<(SystemIx, Held), Vec<usize>> = FxHashMap::default();
    let mut asked: FxHashSet<(SystemIx, Held)> = FxHashSet::default();
    for (place, item) in items.iter().enumerate() {
        let Some(system) = graph.system(&item.system) else { continue };
        asked.insert((system, item.held));
        if item.name.is_glob() {
            globs.entry((system, item.held)).or_default().push(place);
        } else {
            exact.entry((system, item.held, item.name.as_str())).or_default().push(place);
        }
    }
    let mut by_id: Vec<Vec<NodeIx>> = vec![Vec::new(); items.len()];
    let mut by_name: Vec<Vec<NodeIx>> = vec![Vec::new(); items.len()];
    let groups = graph.groups().map(|(ix, group)| (ix, Held::Group, group.native_name));
    let entitlements = graph.entitlements().map(|(ix, _)| (ix, Held::Entitlement, None));
    for (ix, held, native) in groups.chain(entitlements) {
        let node = graph.node(ix);
        if !asked.contains(&(node.system, held)) {
            continue;
        }
        let in_scope = |item: &Item| item.scope.as_ref().is_none_or(|scope| scope == graph.scope_name(node.scope));
        let id = fold(graph.text(node.id));
        let names: Vec<String> = [node.name, native].into_iter().flatten().map(|text| fold(graph.text(text))).collect();
        let of = |name: &str| -> Vec<usize> { exact.get(&(node.system, held, name)).cloned().unwrap_or_default() };
        for place in of(&id).into_iter().filter(|place| in_scope(items[*place])) {
            by_id[place].push(ix);
        }
        for place in names.iter().flat_map(|name| of(name)).filter(|place| in_scope(items[*place])) {
            by_name[place].push(ix);
        }
        for place in globs.get(&(node.system, held)).into_iter().flatten().filter(|place| in_scope(items[**place])) {
            // An exception by any of its names excepts it.
            let known = || std::iter::once(&id).chain(&names);
            let excepted = known().any(|name| items[*place].except.iter().any(|except| except.matches(name)));
            if !excepted && known().any(|name| items[*place].name.matches(name)) {
                by_name[*place].push(ix);
            }
        }
    }
    let settle = |(mut ids, mut names): (Vec<NodeIx>, Vec<NodeIx>)| {
        ids.dedup();
        names.dedup();
        if ids.is_empty() { names } else { ids }
    };
    by_id.into_iter().zip(by_name).map(settle).collect()
}

fn thing<'a>(facts: &Facts<'a>, item: &'a Item, targets: Vec<NodeIx>) -> Thing<'a> {
    let graph = facts.graph;
    let system = graph.system(&item.system);
    let absent = || Some(format!("`{}` was not collected", item.system));
    let (unread, accounts_unread) = match system {
        None => (absent(), absent()),
        Some(system) => (
            WAYS.into_iter().find_map(|kind| facts.unread(system, kind)).map(str::to_owned),
            facts.unread(system, RecordKind::Account).map(str::to_owned),
        ),
    };
    let sure = holders(graph, item, &targets, true);
    let any = holders(graph, item, &targets, false);
    Thing { item, system, targets, sure, any, unread, accounts_unread }
}

/// Every principal that holds a thing, however nested.
fn holders(graph: &Graph, item: &Item, targets: &[NodeIx], certain: bool) -> RoaringBitmap {
    let mut seen = RoaringBitmap::new();
    let mut wait: Vec<NodeIx> = Vec::new();
    for target in targets {
        for edge in
            graph.edges_to(*target).filter(|edge| passes(graph, edge, certain) && on_resource(graph, item, edge))
        {
            if seen.insert(edge.source.0) {
                wait.push(edge.source);
            }
        }
    }
    while let Some(node) = wait.pop() {
        for edge in graph.edges_to(node).filter(|edge| passes(graph, edge, certain)) {
            if seen.insert(edge.source.0) {
                wait.push(edge.source);
            }
        }
    }
    seen
}

fn passes(graph: &Graph, edge: &Edge, certain: bool) -> bool {
    access::leads_on(graph, edge) && (!certain || access::is_unconditional(graph, edge))
}

/// Whether a grant is on the resource that the item asks for; a membership is on none.
pub(crate) fn on_resource(graph: &Graph, item: &Item, edge: &Edge) -> bool {
    let Some(asked) = item.resource.as_ref().filter(|_| edge.relation == Relation::Holds) else { return true };
    graph.detail(edge).resource.is_some_and(|resource| {
        let names = [Some(graph.node(resource).id), graph.node(resource).name];
        names.into_iter().flatten().any(|name| fold(graph.text(name)) == fold(asked))
    })
}

/// Persons who are candidates for an account that is linked to nobody, with its system.
fn in_question(facts: &Facts<'_>) -> FxHashSet<(PersonIx, SystemIx)> {
    let mut pairs = FxHashSet::default();
    for (account, _) in facts.graph.accounts() {
        let system = facts.graph.node(account).system;
        match facts.people.correlation(account) {
            Correlation::Proposed(candidate) => {
                pairs.insert((candidate.person, system));
            }
            Correlation::Disputed(candidates) => {
                pairs.extend(candidates.iter().map(|candidate| (candidate.person, system)));
            }
            Correlation::Linked(_) | Correlation::Nobody => {}
        }
    }
    pairs
}
