//! Who does the same work and what they hold, and which roles have the same holders.

use muster_connectors::manifest::run::BUILTIN;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::graph::{NodeIx, ScopeIx, SystemIx};
use crate::people::{PersonIx, fold};
use crate::rules::Facts;

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

impl Facts<'_> {
    /// How many who do the same work as `person` have an account in the scope, and how many of them hold `held`; `None` where
    /// HR does not tell the work.
    pub(in crate::rules) fn peers(&self, person: PersonIx, scope: ScopeIx, held: NodeIx) -> Option<(u32, u32)> {
        let peers = self.index.peers.get_or_init(|| Peers::of(self));
        let group = peers.of.get(person.0 as usize).copied().flatten()?;
        let place = peers.held.binary_search_by_key(&(group, held), |(group, held, _)| (*group, *held));
        let size = peers.sizes.get(&(group, scope)).copied().unwrap_or_default();
        Some((size, place.map_or(0, |place| peers.held[place].2)))
    }

    /// The other group or entitlement of the same system with the most alike holders: it, holders of both, holders of either.
    pub(in crate::rules) fn twin(&self, role: NodeIx) -> Option<(NodeIx, u32, u32)> {
        self.index.twins.get_or_init(|| twins(self)).get(&role).copied()
    }

    /// Who is directly in a group or holds an entitlement, sorted.
    pub(in crate::rules) fn holders(&self, held: NodeIx) -> Vec<NodeIx> {
        let mut holders: Vec<NodeIx> = self.graph.edges_to(held).map(|edge| edge.source).collect();
        holders.dedup();
        holders
    }
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
        // Not in parallel: a rule asks in the middle of parallel work, and a thread that waits could pick up work that waits for this.
        held.sort_unstable();
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

/// Signatures by which twins are found: of two roles that share nine tenths of their holders, one in 10¹⁶ pairs has none in common.
const SIGNATURES: u64 = 16;

/// For each group and entitlement the most alike other one of its system: that one, holders in common, holders of either.
///
/// Cost: O(edges × signatures); a role is compared with the last one of each of its signatures, never with all.
fn twins(facts: &Facts<'_>) -> FxHashMap<NodeIx, (NodeIx, u32, u32)> {
    let graph = facts.graph;
    let roles = graph.groups().map(|(ix, _)| ix).chain(graph.entitlements().map(|(ix, _)| ix));
    let roles = roles.filter(|ix| graph.scope_name(graph.node(*ix).scope) != BUILTIN);
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
