//! Edges: taken in as columns, then put in order of their ends, with compressed adjacency both ways.

use rayon::prelude::*;
use rustc_hash::FxHashMap;

use muster_connectors::record::GrantOrigin;

use super::build::small;
use super::strings::number;
use super::{Detail, Edge, NodeIx, Relation, RowState, ScopeIx, Text, When};

/// Nodes whose edges one thread puts in order at a time.
const NODES_A_RUN: usize = 1 << 14;

/// Edges in the order they came.
#[derive(Debug, Default)]
pub(super) struct Pending {
    sources: Vec<NodeIx>,
    targets: Vec<NodeIx>,
    relations: Vec<Relation>,
    details: Details,
}

/// Edges in order of source, target, relation, resource and condition: an edge's place is its number.
#[derive(Debug, Default)]
pub(super) struct Edges {
    relations: Vec<Relation>,
    forward: Adjacency,
    backward: Adjacency,
    details: Details,
}

/// What stands on edges, in columns.
#[derive(Debug, Default)]
struct Details {
    resources: Seldom<Option<NodeIx>>,
    since: Seldom<When>,
    until: Seldom<When>,
    notes: Seldom<Option<Text>>,
    /// Place of the rest in `rests`, of which there are few.
    rest: Vec<u32>,
    rests: Vec<Rest>,
    places: FxHashMap<Rest, u32>,
}

/// How a grant came to be, and the state and scope of its rows.
type Rest = (GrantOrigin, RowState, ScopeIx);

/// A column that takes no memory while nothing stands in it.
#[derive(Debug, Default)]
struct Seldom<T> {
    rows: Vec<T>,
}

impl<T: Copy + Default + PartialEq + Send + Sync> Seldom<T> {
    /// Adds the value of row number `row`, the next one of `room`.
    fn push(&mut self, (row, room): (usize, usize), value: T) {
        if self.rows.is_empty() {
            if value == T::default() {
                return;
            }
            self.rows.reserve(room);
            self.rows.resize(row, T::default());
        }
        self.rows.push(value);
    }

    fn get(&self, row: usize) -> T {
        self.rows.get(row).copied().unwrap_or(T::default())
    }

    /// The rows that `order` names.
    fn picked(self, order: &[u32]) -> Self {
        if self.rows.is_empty() { self } else { Self { rows: picked(&self.rows, order) } }
    }
}

fn picked<T: Copy + Send + Sync>(rows: &[T], order: &[u32]) -> Vec<T> {
    order.par_iter().map(|row| rows[*row as usize]).collect()
}

impl Details {
    fn push(&mut self, detail: &Detail) {
        let row = (self.rest.len(), self.rest.capacity());
        self.resources.push(row, detail.resource);
        self.since.push(row, detail.since);
        self.until.push(row, detail.until);
        self.notes.push(row, detail.note);
        let rest = (detail.origin, detail.state, detail.scope);
        let last = self.rest.last().filter(|place| self.rests[**place as usize] == rest).copied();
        let place = last.unwrap_or_else(|| {
            *self.places.entry(rest).or_insert_with(|| {
                self.rests.push(rest);
                small(self.rests.len() - 1)
            })
        });
        self.rest.push(place);
    }

    fn rest(&self, row: usize) -> Rest {
        self.rests[self.rest[row] as usize]
    }

    fn get(&self, row: usize) -> Detail {
        let (origin, state, scope) = self.rest(row);
        Detail {
            resource: self.resources.get(row),
            since: self.since.get(row),
            until: self.until.get(row),
            note: self.notes.get(row),
            origin,
            state,
            scope,
        }
    }

    fn picked(self, order: &[u32]) -> Self {
        Self {
            resources: self.resources.picked(order),
            since: self.since.picked(order),
            until: self.until.picked(order),
            notes: self.notes.picked(order),
            rest: picked(&self.rest, order),
            rests: self.rests,
            places: FxHashMap::default(),
        }
    }
}

impl Pending {
    /// Makes room for so many edges.
    pub(super) fn reserve(&mut self, edges: usize) {
        self.sources.reserve(edges);
        self.targets.reserve(edges);
        self.relations.reserve(edges);
        self.details.rest.reserve(edges);
    }

    pub(super) fn push(&mut self, source: NodeIx, relation: Relation, target: NodeIx, detail: &Detail) {
        self.sources.push(source);
        self.targets.push(target);
        self.relations.push(relation);
        self.details.push(detail);
    }

    /// What tells an edge from every other one of its source: a condition makes another grant, how a membership is held makes no
    /// other one.
    fn key(&self, edge: u32) -> (NodeIx, Relation, Option<NodeIx>, Option<u32>) {
        let row = edge as usize;
        let relation = self.relations[row];
        let condition = self.details.notes.get(row).filter(|_| relation == Relation::Holds).map(number);
        (self.targets[row], relation, self.details.resources.get(row), condition)
    }

    /// Puts the edges between so many nodes in order. What several scopes list is one edge: its best row wins, and of equally good
    /// ones the first.
    ///
    /// Cost: O(V + E log d) for the widest node's degree d.
    pub(super) fn finish(self, nodes: usize) -> Edges {
        let order = self.order(nodes);
        let Self { sources, targets, relations, details } = self;
        let (relations, details) = rayon::join(|| picked(&relations, &order), || details.picked(&order));
        let (sources, targets) = rayon::join(|| picked(&sources, &order), || picked(&targets, &order));
        drop(order);
        let backward = Adjacency::by(nodes, &targets, &sources);
        let forward = Adjacency { starts: starts(nodes, &sources), others: targets, edges: None };
        Edges { relations, forward, backward, details }
    }

    fn order(&self, nodes: usize) -> Vec<u32> {
        let starts = starts(nodes, &self.sources);
        let mut order = sorted_by(&starts, &self.sources);
        let mut runs: Vec<(usize, &mut [u32])> = Vec::new();
        let mut rest = order.as_mut_slice();
        for first in (0..nodes).step_by(NODES_A_RUN) {
            let end = nodes.min(first + NODES_A_RUN);
            let (run, more) = rest.split_at_mut((starts[end] - starts[first]) as usize);
            runs.push((first, run));
            rest = more;
        }
        runs.into_par_iter().for_each(|(first, run)| {
            for node in first..nodes.min(first + NODES_A_RUN) {
                let own = [node, node + 1].map(|node| (starts[node] - starts[first]) as usize);
                run[own[0]..own[1]].sort_by_key(|edge| (self.key(*edge), self.details.rest(*edge as usize).1));
            }
        });
        order.dedup_by_key(|edge| (self.sources[*edge as usize], self.key(*edge)));
        order
    }
}

impl Edges {
    /// Number of edges.
    pub(super) fn len(&self) -> usize {
        self.relations.len()
    }

    /// Edges that leave a node, in order.
    pub(super) fn from(&self, source: NodeIx) -> impl Iterator<Item = Edge> + '_ {
        let edge = move |(target, ix)| Edge { source, target, relation: self.relations[ix as usize], ix };
        self.forward.of(source).map(edge)
    }

    /// Edges that reach a node, in order of source.
    pub(super) fn to(&self, target: NodeIx) -> impl Iterator<Item = Edge> + '_ {
        let edge = move |(source, ix)| Edge { source, target, relation: self.relations[ix as usize], ix };
        self.backward.of(target).map(edge)
    }

    /// Edges from one node to another.
    ///
    /// Cost: O(log d) for a source of degree d.
    pub(super) fn between(&self, source: NodeIx, target: NodeIx) -> impl Iterator<Item = Edge> + '_ {
        let range = self.forward.range(source);
        let first = range.start + self.forward.others[range.clone()].partition_point(|far| *far < target);
        let places = (first..range.end).take_while(move |place| self.forward.others[*place] == target);
        places.map(move |place| Edge { source, target, relation: self.relations[place], ix: small(place) })
    }

    /// The nodes that a node's edges lead to.
    pub(super) fn successors(&self, node: NodeIx) -> &[NodeIx] {
        &self.forward.others[self.forward.range(node)]
    }

    /// The nodes whose edges lead to a node.
    pub(super) fn predecessors(&self, node: NodeIx) -> &[NodeIx] {
        &self.backward.others[self.backward.range(node)]
    }

    /// What stands on an edge.
    pub(super) fn detail(&self, edge: &Edge) -> Detail {
        self.details.get(edge.ix as usize)
    }

    /// Bytes taken, without what stands on the edges.
    pub(super) fn bytes(&self) -> usize {
        self.relations.len() + self.forward.bytes() + self.backward.bytes()
    }
}

/// Compressed adjacency in one direction.
#[derive(Debug, Default)]
struct Adjacency {
    starts: Vec<u32>,
    others: Vec<NodeIx>,
    /// The number of each edge; `None` where it is its place.
    edges: Option<Vec<u32>>,
}

impl Adjacency {
    /// Edges by the end `near`, each with its other end.
    fn by(nodes: usize, near: &[NodeIx], far: &[NodeIx]) -> Self {
        let starts = starts(nodes, near);
        let edges = sorted_by(&starts, near);
        Self { others: picked(far, &edges), starts, edges: Some(edges) }
    }

    fn of(&self, node: NodeIx) -> impl Iterator<Item = (NodeIx, u32)> + '_ {
        self.range(node).map(|place| {
            let edge = self.edges.as_ref().map_or_else(|| small(place), |edges| edges[place]);
            (self.others[place], edge)
        })
    }

    fn range(&self, node: NodeIx) -> std::ops::Range<usize> {
        self.starts[node.get()] as usize..self.starts[node.get() + 1] as usize
    }

    fn bytes(&self) -> usize {
        (self.starts.len() + self.others.len() + self.edges.as_ref().map_or(0, Vec::len)) * 4
    }
}

/// Where the edges of each node begin, when they stand by node.
fn starts(nodes: usize, ends: &[NodeIx]) -> Vec<u32> {
    let mut starts = vec![0_u32; nodes + 1];
    for end in ends {
        starts[end.get() + 1] += 1;
    }
    for node in 0..nodes {
        starts[node + 1] += starts[node];
    }
    starts
}

/// The edges by node; those of one node stay in order.
fn sorted_by(starts: &[u32], ends: &[NodeIx]) -> Vec<u32> {
    let mut next = starts.to_vec();
    let mut order = vec![0_u32; ends.len()];
    for (edge, end) in ends.iter().enumerate() {
        let place = &mut next[end.get()];
        order[*place as usize] = small(edge);
        *place += 1;
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detail(resource: Option<u32>, since: When, state: RowState) -> Detail {
        Detail {
            resource: resource.map(NodeIx),
            since,
            until: When::UNSUPPORTED,
            note: None,
            origin: GrantOrigin::Direct,
            state,
            scope: ScopeIx(0),
        }
    }

    #[test]
    fn edges_stand_by_source_and_target_and_keep_what_stands_on_them() {
        let since = When::known(jiff::Timestamp::from_second(7).unwrap());
        // The column of instants begins with rows that say nothing, and the better of two rows comes second.
        let given = [
            (2, 1, detail(None, When::UNSUPPORTED, RowState::Complete)),
            (0, 2, detail(Some(3), When::UNSUPPORTED, RowState::Stale)),
            (0, 2, detail(Some(3), since, RowState::Complete)),
            (0, 1, detail(None, since, RowState::Partial)),
        ];
        let mut pending = Pending::default();
        pending.reserve(given.len());
        for (source, target, detail) in &given {
            pending.push(NodeIx(*source), Relation::Holds, NodeIx(*target), detail);
        }
        let edges = pending.finish(4);
        let ends = |edges: Vec<Edge>| edges.iter().map(|edge| (edge.source.0, edge.target.0)).collect::<Vec<_>>();
        assert_eq!(edges.len(), 3);
        assert_eq!(ends(edges.from(NodeIx(0)).collect()), [(0, 1), (0, 2)]);
        assert_eq!(ends(edges.to(NodeIx(1)).collect()), [(0, 1), (2, 1)]);
        assert_eq!(ends(edges.between(NodeIx(0), NodeIx(2)).collect()), [(0, 2)]);
        for (edge, place) in edges.from(NodeIx(0)).chain(edges.from(NodeIx(2))).zip([3, 2, 0]) {
            assert_eq!(edges.detail(&edge), given[place].2);
            assert!(edges.to(edge.target).any(|same| same == edge));
        }
        assert_eq!(edges.from(NodeIx(3)).count(), 0);
    }
}
