//! Which groups a principal belongs to in the end: the closure of nested membership, cycles and all.

use petgraph::algo::kosaraju_scc;
use petgraph::visit::NodeFiltered;
use roaring::RoaringBitmap;

use super::{Graph, NodeIx, NodeKind, Relation, build};

/// The transitive closure of `MemberOf` over groups.
///
/// Groups that contain each other are one strongly connected component and share one answer. Components are visited in
/// reverse topological order, so each is computed once from those above it. Sets hold component numbers, not nodes: a chain of
/// groups is numbered without a gap, so that what lies above each of its links is one run, however deep it is nested.
#[derive(Debug)]
pub struct Closure {
    first: usize,
    component: Vec<u32>,
    members: Vec<Vec<NodeIx>>,
    above: Vec<RoaringBitmap>,
}

impl Closure {
    /// Computes the closure. Cost: O(V + E) for the components, plus one union of compressed sets an edge between them.
    ///
    /// kosaraju rather than tarjan: petgraph's tarjan recurses, and nesting as deep as a stranger likes must not end the
    /// process.
    pub fn of(graph: &Graph) -> Self {
        let nests = |node: NodeIx| matches!(graph.node(node).kind, NodeKind::Group | NodeKind::Unresolved);
        // Kosaraju yields components in reverse topological order: what a component leads to comes before it.
        let members = kosaraju_scc(&NodeFiltered::from_fn(graph, nests));
        let first = graph.account_count();
        let mut component = vec![u32::MAX; graph.node_count() - first];
        for (number, nodes) in members.iter().enumerate() {
            for node in nodes {
                component[node.get() - first] = build::small(number);
            }
        }
        let mut above: Vec<RoaringBitmap> = Vec::with_capacity(members.len());
        for (number, nodes) in members.iter().enumerate() {
            let mut reached = RoaringBitmap::new();
            for edge in nodes.iter().flat_map(|node| graph.edges_from(*node)) {
                if edge.relation == Relation::MemberOf {
                    let other = component[edge.target.get() - first];
                    if reached.insert(other) && (other as usize) < number {
                        reached |= &above[other as usize];
                    }
                }
            }
            reached.optimize();
            above.push(reached);
        }
        Self { first, component, members, above }
    }

    /// Groups that contain `group`, directly or through others; includes itself when it lies on a cycle.
    pub fn above(&self, group: NodeIx) -> impl Iterator<Item = NodeIx> + '_ {
        let own = group.get().checked_sub(self.first).and_then(|place| self.component.get(place));
        let above = own.and_then(|number| self.above.get(*number as usize));
        above.into_iter().flatten().flat_map(|number| self.members[number as usize].iter().copied())
    }

    /// Every group that `principal` is a member of, directly or through others, by node.
    pub fn groups_of(&self, graph: &Graph, principal: NodeIx) -> RoaringBitmap {
        let mut components = RoaringBitmap::new();
        for edge in graph.edges_from(principal) {
            if edge.relation == Relation::MemberOf {
                let number = self.component[edge.target.get() - self.first];
                components.insert(number);
                components |= &self.above[number as usize];
            }
        }
        components.iter().flat_map(|number| &self.members[number as usize]).map(|node| node.0).collect()
    }

    /// Bytes the sets take.
    pub fn bytes(&self) -> usize {
        self.above.iter().map(RoaringBitmap::serialized_size).sum()
    }
}
