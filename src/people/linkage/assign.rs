//! Who gets which account: every account of a group at most one person, every person at most one of its accounts.
//!
//! Two answers over the same graph of candidates, group by group:
//!
//! - *beliefs*: how probable each edge is, all assignments considered, by sum-product message passing (Huang, Jebara:
//!   Approximating the permanent with belief propagation, 2009). Exact where the graph has no cycle; a fixed number of rounds.
//! - the *best assignment*: the one of the highest total weight, exactly, by successive shortest paths with potentials
//!   (Jonker, Volgenant: A shortest augmenting path algorithm, Computing 1987), on the sparse graph. An account may stay
//!   without a person at weight 0, so a search never walks further than a better exchange could pay: connected components
//!   are never built, and what is far away costs nothing. Bound: O(n · m log n) for n accounts and m edges of one component.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use rayon::prelude::*;
use rustc_hash::FxHashMap;

/// Rounds of messages.
const ROUNDS: usize = 12;
/// Weights are whole numbers of 1/1024 bit, so that sums do not depend on their order.
const STEP: f64 = 1024.0;

/// An account may be a person's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Edge {
    pub(crate) person: u32,
    /// Log₂ of the odds against nobody being the owner.
    pub(crate) odds: f32,
}

/// Candidates: those of account `a` are `edges[starts[a]..starts[a + 1]]`.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    pub(crate) starts: Vec<u32>,
    pub(crate) edges: Vec<Edge>,
    /// Group of each account.
    pub(crate) groups: Vec<u32>,
    /// Odds, linear, that somebody who was not looked at owns the account; added to nobody's 1.
    pub(crate) unseen: Vec<f32>,
}

/// What was found for a graph, edge by edge and account by account.
#[derive(Debug, Default)]
pub(crate) struct Assignment {
    /// Probability of each edge.
    pub(crate) beliefs: Vec<f32>,
    /// The edge of each account in the best assignment.
    pub(crate) chosen: Vec<Option<u32>>,
}

impl Graph {
    pub(crate) fn range(&self, account: usize) -> std::ops::Range<usize> {
        self.starts[account] as usize..self.starts[account + 1] as usize
    }

    /// Assigns. `taken` tells whether a person already has an account in a group.
    pub(crate) fn assign(&self, taken: impl Fn(u32, u32) -> bool + Sync) -> Assignment {
        let places = Places::of(self, &taken);
        Assignment { beliefs: self.believe(&places), chosen: self.choose(&places) }
    }

    fn believe(&self, places: &Places) -> Vec<f32> {
        let accounts = self.groups.len();
        let odds: Vec<f64> = self.edges.iter().map(|edge| f64::from(edge.odds).min(500.0).exp2()).collect();
        // To each edge: from the account, and from the person.
        let mut up = vec![0.0_f64; odds.len()];
        let mut down: Vec<f64> = (0..odds.len()).map(|edge| places.free(edge)).collect();
        let bounds: Vec<usize> = (0..=accounts.div_ceil(2048)).map(|chunk| (chunk * 2048).min(accounts)).collect();
        for _ in 0..ROUNDS {
            let fresh: Vec<Vec<f64>> = bounds
                .par_windows(2)
                .map(|chunk| {
                    let mut fresh = Vec::new();
                    for account in chunk[0]..chunk[1] {
                        let range = self.range(account);
                        let all: f64 = range.clone().map(|edge| odds[edge] * down[edge]).sum();
                        let nobody = 1.0 + f64::from(self.unseen[account]);
                        fresh
                            .extend(range.map(|edge| odds[edge] / (nobody + (all - odds[edge] * down[edge]).max(0.0))));
                    }
                    fresh
                })
                .collect();
            up = fresh.concat();
            let mut sums = vec![0.0_f64; places.taken.len()];
            for (edge, place) in places.of_edge.iter().enumerate() {
                sums[*place as usize] += up[edge];
            }
            down.par_iter_mut().enumerate().for_each(|(edge, down)| {
                let rivals = (sums[places.of_edge[edge] as usize] - up[edge]).max(0.0);
                *down = places.free(edge) / (1.0 + rivals);
            });
        }
        let mut beliefs = vec![0.0_f32; odds.len()];
        for account in 0..accounts {
            let range = self.range(account);
            let all: f64 = range.clone().map(|edge| odds[edge] * down[edge]).sum();
            for edge in range {
                #[expect(clippy::cast_possible_truncation, reason = "a probability")]
                let belief = (odds[edge] * down[edge] / (1.0 + f64::from(self.unseen[account]) + all)) as f32;
                beliefs[edge] = belief;
            }
        }
        beliefs
    }

    /// The assignment of the highest total weight; of equal ones that of lower edges.
    fn choose(&self, places: &Places) -> Vec<Option<u32>> {
        let mut search = Search {
            graph: self,
            places,
            chosen: vec![None; self.groups.len()],
            owner: vec![None; places.taken.len()],
            price: vec![0; places.taken.len()],
            reached: FxHashMap::default(),
            queue: BinaryHeap::new(),
        };
        for account in 0..self.groups.len() {
            search.place(account);
        }
        search.chosen
    }

    /// Weight of an edge; what is no better than nobody is never chosen.
    fn weight(&self, edge: usize) -> i64 {
        #[expect(clippy::cast_possible_truncation, reason = "odds of some hundred bits at most")]
        let weight = (f64::from(self.edges[edge].odds) * STEP).round() as i64;
        weight
    }
}

/// A person within a group, once, wherever edges meet it.
#[derive(Debug)]
struct Places {
    of_edge: Vec<u32>,
    taken: Vec<bool>,
}

impl Places {
    fn of(graph: &Graph, taken: &(impl Fn(u32, u32) -> bool + Sync)) -> Self {
        let mut keys: Vec<u64> = Vec::with_capacity(graph.edges.len());
        for (account, group) in graph.groups.iter().enumerate() {
            let edges = &graph.edges[graph.range(account)];
            keys.extend(edges.iter().map(|edge| u64::from(*group) << 32 | u64::from(edge.person)));
        }
        let mut sorted = keys.clone();
        sorted.par_sort_unstable();
        sorted.dedup();
        let place = |key: &u64| u32::try_from(sorted.partition_point(|known| known < key)).unwrap_or(u32::MAX);
        let of_edge = keys.par_iter().map(place).collect();
        let low = |key: u64| u32::try_from(key & 0xffff_ffff).unwrap_or(u32::MAX);
        let taken = sorted.par_iter().map(|key| taken(low(*key >> 32), low(*key))).collect();
        Self { of_edge, taken }
    }

    fn free(&self, edge: usize) -> f64 {
        // Somebody who has an account is unlikely to have a second one, which is worth showing all the same.
        if self.taken[self.of_edge[edge] as usize] { 0.05 } else { 1.0 }
    }
}

/// One search for each account, over prices that former searches left.
struct Search<'a> {
    graph: &'a Graph,
    places: &'a Places,
    chosen: Vec<Option<u32>>,
    /// Account of each place.
    owner: Vec<Option<u32>>,
    /// What a place has come to be worth: never more than the gain of the best edge to it.
    price: Vec<i64>,
    /// Places reached in this search: cost, and the edge they were reached by.
    reached: FxHashMap<u32, (i64, u32, bool)>,
    queue: BinaryHeap<(Reverse<i64>, Reverse<u32>)>,
}

impl Search<'_> {
    /// Gives `account` a person, moving others where the total grows by it.
    fn place(&mut self, account: usize) {
        self.reached.clear();
        self.queue.clear();
        // The cost of leaving an account of the path without a person; the first one's own is 0.
        let mut best: (i64, Option<u32>) = (0, None);
        self.relax(account, 0, best.0);
        let mut settled: Vec<(u32, i64)> = Vec::new();
        while let Some((Reverse(cost), Reverse(place))) = self.queue.pop() {
            let Some(entry) = self.reached.get_mut(&place) else { continue };
            if entry.2 || entry.0 < cost {
                continue;
            }
            if cost >= best.0 {
                break;
            }
            entry.2 = true;
            settled.push((place, cost));
            let Some(rival) = self.owner[place as usize] else {
                // `cost` is reduced; a free place has price 0, so it is the true cost.
                best = (cost, Some(place));
                break;
            };
            let rival = rival as usize;
            // The rival may go without: that costs what the edge is worth to the rival beyond its price.
            let held =
                self.chosen[rival].map_or(0, |edge| self.graph.weight(edge as usize)) - self.price[place as usize];
            let leave = cost + held;
            if leave < best.0 {
                best = (leave, Some(place));
            }
            self.relax(rival, leave, best.0);
        }
        self.raise(&settled, best.0);
        if let Some(end) = best.1 {
            self.augment(account, end);
        }
    }

    /// Offers an account's edges at the cost that its path has so far.
    fn relax(&mut self, account: usize, so_far: i64, limit: i64) {
        for edge in self.graph.range(account) {
            let weight = self.graph.weight(edge);
            let place = self.places.of_edge[edge];
            if weight <= 0 || self.places.taken[place as usize] || self.chosen[account] == Some(id(edge)) {
                continue;
            }
            let cost = so_far - weight + self.price[place as usize];
            if cost < limit && self.reached.get(&place).is_none_or(|known| !known.2 && cost < known.0) {
                self.reached.insert(place, (cost, id(edge), false));
                self.queue.push((Reverse(cost), Reverse(place)));
            }
        }
    }

    /// Raises the prices of what was settled more cheaply than the end.
    fn raise(&mut self, settled: &[(u32, i64)], end: i64) {
        for (place, cost) in settled {
            self.price[*place as usize] += (end - cost).max(0);
        }
    }

    /// Hands every place on the path to the account before it.
    fn augment(&mut self, account: usize, end: u32) {
        let mut place = end;
        // The owner of the last place goes without.
        if let Some(rival) = self.owner[place as usize] {
            self.chosen[rival as usize] = None;
        }
        loop {
            let edge = self.reached[&place].1;
            let taker = self.account_of(edge);
            let before = self.chosen[taker].map(|edge| self.places.of_edge[edge as usize]);
            self.chosen[taker] = Some(edge);
            self.owner[place as usize] = Some(id(taker));
            if taker == account {
                return;
            }
            place = before.expect("an account on the path held the place it was reached by");
        }
    }

    fn account_of(&self, edge: u32) -> usize {
        self.graph.starts.partition_point(|start| *start <= edge) - 1
    }
}

fn id(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}
