//! Which groups a principal belongs to in the end: the closure of nested membership, cycles and all.

use petgraph::algo::kosaraju_scc;
use roaring::RoaringBitmap;

use super::{Graph, NodeIx, Relation};

/// The transitive closure of `MemberOf` over groups.
///
/// Groups that contain each other are one strongly connected component and share one answer. Components are visited in
/// reverse topological order, so each is computed once from those above it.
#[derive(Debug)]
pub struct Closure {
    component: Vec<u32>,
    above: Vec<RoaringBitmap>,
}

impl Closure {
    /// Computes the closure. Cost: O(V + E) for the components, plus one union of compressed sets an edge between them.
    ///
    /// kosaraju rather than tarjan: petgraph's tarjan recurses, and nesting as deep as a stranger likes must not end the
    /// process.
    pub fn of(graph: &Graph) -> Self {
        let components = kosaraju_scc(graph);
        let mut component = vec![0_u32; graph.node_count()];
        for (number, members) in components.iter().enumerate() {
            for node in members {
                component[node.get()] = u32::try_from(number).unwrap_or(u32::MAX);
            }
        }
        // Kosaraju yields components in reverse topological order: what a component leads to comes before it.
        let mut above: Vec<RoaringBitmap> = Vec::with_capacity(components.len());
        for (number, members) in components.iter().enumerate() {
            let mut reached = RoaringBitmap::new();
            for node in members {
                if graph.group(*node).is_none() {
                    continue;
                }
                for edge in graph.edges_from(*node) {
                    if edge.relation == Relation::MemberOf {
                        reached.insert(edge.target.0);
                        let other = component[edge.target.get()] as usize;
                        if other < number {
                            reached |= &above[other];
                        }
                    }
                }
            }
            above.push(reached);
        }
        Self { component, above }
    }

    /// Groups that contain `group`, directly or through others; includes itself when it lies on a cycle.
    pub fn above(&self, group: NodeIx) -> impl Iterator<Item = NodeIx> + '_ {
        self.above[self.component[group.get()] as usize].iter().map(NodeIx)
    }

    /// Every group that `principal` is a member of, directly or through others, in order of node.
    pub fn groups_of(&self, graph: &Graph, principal: NodeIx) -> RoaringBitmap {
        let mut groups = RoaringBitmap::new();
        for edge in graph.edges_from(principal) {
            if edge.relation == Relation::MemberOf {
                groups.insert(edge.target.0);
                groups |= &self.above[self.component[edge.target.get()] as usize];
            }
        }
        groups
    }
}
