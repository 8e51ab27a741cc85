//! Shortest paths of direct facts: the proof of a derived one.

use std::collections::VecDeque;

use super::{Edge, Graph, NodeIx};

/// One step of a path.
pub type Step = Edge;

/// Who reaches a set of targets, and over which edge the shortest way starts.
///
/// One backward breadth-first search answers for every node at once: following [`Reach::next`] from a node walks one
/// shortest path to a target.
#[derive(Debug)]
pub struct Reach {
    /// Per node: the first edge of a shortest path. `None` for a target itself and for a node that reaches none.
    first: Vec<Option<Edge>>,
    targets: fixedbitset::FixedBitSet,
}

impl Reach {
    /// Whether `node` is a target or reaches one.
    pub fn reaches(&self, node: NodeIx) -> bool {
        self.targets.contains(node.get()) || self.first.get(node.get()).is_some_and(Option::is_some)
    }

    /// The steps from `node` to a target, fewest first; empty when it is one or reaches none.
    pub fn path(&self, node: NodeIx) -> Vec<Step> {
        let mut steps = Vec::new();
        let mut at = node;
        while let Some(edge) = self.first.get(at.get()).copied().flatten() {
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
        let mut first: Vec<Option<Edge>> = vec![None; self.node_count()];
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
                if admit(&edge) && !seen.put(edge.source.get()) {
                    first[edge.source.get()] = Some(edge);
                    queue.push_back(edge.source);
                }
            }
        }
        Reach { first, targets: is_target }
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
