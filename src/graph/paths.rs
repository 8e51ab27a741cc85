//! Shortest paths of direct facts: the proof of a derived one.

use std::collections::VecDeque;

use super::{Edge, Graph, NodeIx, Relation};

/// One step of a path.
pub type Step = Edge;

/// Who reaches a set of targets, and over which edge the shortest way starts.
///
/// One backward breadth-first search answers for every node at once: following [`Reach::path`] from a node walks one
/// shortest path to a target.
#[derive(Debug)]
pub struct Reach {
    /// Per node: target and number of the first edge of a shortest path; [`NONE`] for a target itself and for a node that reaches
    /// none.
    first: Vec<(NodeIx, u32)>,
    /// Nodes whose first edge is a membership.
    by_membership: fixedbitset::FixedBitSet,
    targets: fixedbitset::FixedBitSet,
}

/// No edge: there are fewer than so many.
const NONE: (NodeIx, u32) = (NodeIx(u32::MAX), u32::MAX);

impl Reach {
    /// Whether `node` is a target or reaches one.
    pub fn reaches(&self, node: NodeIx) -> bool {
        self.targets.contains(node.get()) || self.first.get(node.get()).is_some_and(|first| *first != NONE)
    }

    /// The first edge of a shortest path.
    fn next(&self, node: NodeIx) -> Option<Edge> {
        let (target, ix) = self.first.get(node.get()).copied().filter(|first| *first != NONE)?;
        let by_membership = self.by_membership.contains(node.get());
        let relation = if by_membership { Relation::MemberOf } else { Relation::Holds };
        Some(Edge { source: node, target, relation, ix })
    }

    /// The steps from `node` to a target, fewest first; empty when it is one or reaches none.
    pub fn path(&self, node: NodeIx) -> Vec<Step> {
        let mut steps = Vec::new();
        let mut at = node;
        while let Some(edge) = self.next(at) {
            steps.push(edge);
            at = edge.target;
        }
        steps
    }
}

impl Graph {
    /// Who reaches any of `targets` over edges that `admit` lets pass, each with one shortest path.
    ///
    /// Among equally short paths the one over the smallest node is taken, so the answer does not depend on the run.
    ///
    /// Cost: O(V + E) over the ancestors of `targets`.
    pub fn reaching(&self, targets: &[NodeIx], admit: impl Fn(&Edge) -> bool) -> Reach {
        let mut first = vec![NONE; self.node_count()];
        let mut by_membership = fixedbitset::FixedBitSet::with_capacity(self.node_count());
        let mut seen = fixedbitset::FixedBitSet::with_capacity(self.node_count());
        let mut is_target = fixedbitset::FixedBitSet::with_capacity(self.node_count());
        let mut queue = VecDeque::new();
        let mut sorted = targets.to_vec();
        sorted.sort_unstable();
        for target in sorted {
            if !seen.put(target.get()) {
                is_target.insert(target.get());
                queue.push_back(target);
            }
        }
        while let Some(node) = queue.pop_front() {
            for edge in self.edges_to(node) {
                if !seen.contains(edge.source.get()) && admit(&edge) {
                    seen.insert(edge.source.get());
                    first[edge.source.get()] = (edge.target, edge.ix);
                    by_membership.set(edge.source.get(), edge.relation == Relation::MemberOf);
                    queue.push_back(edge.source);
                }
            }
        }
        Reach { first, by_membership, targets: is_target }
    }

    /// One shortest path from `from` to `to`, or `None`. A path from a node to itself has no steps.
    ///
    /// Cost: O(V + E) over what `from` reaches.
    pub fn shortest_path(&self, from: NodeIx, to: NodeIx) -> Option<Vec<Step>> {
        let mut parent: Vec<Option<Edge>> = vec![None; self.node_count()];
        let mut seen = fixedbitset::FixedBitSet::with_capacity(self.node_count());
        let mut queue = VecDeque::from([from]);
        seen.insert(from.get());
        while let Some(node) = queue.pop_front() {
            if node == to {
                let mut steps = Vec::new();
                let mut at = to;
                while let Some(edge) = parent[at.get()] {
                    steps.push(edge);
                    at = edge.source;
                }
                steps.reverse();
                return Some(steps);
            }
            for edge in self.edges_from(node) {
                if !seen.put(edge.target.get()) {
                    parent[edge.target.get()] = Some(edge);
                    queue.push_back(edge.target);
                }
            }
        }
        None
    }
}
