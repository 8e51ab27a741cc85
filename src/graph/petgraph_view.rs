//! petgraph's traits over our storage, so that its algorithms run on it without a copy.

use petgraph::Direction;
use petgraph::visit::{
    GraphBase, GraphProp, IntoNeighbors, IntoNeighborsDirected, IntoNodeIdentifiers, NodeCount, NodeIndexable,
    VisitMap, Visitable,
};

use super::{Graph, NodeIx, build};

/// Nodes that an algorithm has seen.
#[derive(Debug, Clone)]
pub struct Visited(fixedbitset::FixedBitSet);

impl VisitMap<NodeIx> for Visited {
    fn visit(&mut self, node: NodeIx) -> bool {
        !self.0.put(node.get())
    }

    fn is_visited(&self, node: &NodeIx) -> bool {
        self.0.contains(node.get())
    }

    fn unvisit(&mut self, node: NodeIx) -> bool {
        let was = self.0.contains(node.get());
        self.0.set(node.get(), false);
        was
    }
}

impl GraphBase for Graph {
    type NodeId = NodeIx;
    type EdgeId = u32;
}

impl GraphProp for Graph {
    type EdgeType = petgraph::Directed;
}

impl NodeCount for Graph {
    fn node_count(&self) -> usize {
        Self::node_count(self)
    }
}

impl NodeIndexable for Graph {
    fn node_bound(&self) -> usize {
        Self::node_count(self)
    }

    fn to_index(&self, node: NodeIx) -> usize {
        node.get()
    }

    fn from_index(&self, ix: usize) -> NodeIx {
        build::node_ix(ix)
    }
}

impl Visitable for Graph {
    type Map = Visited;

    fn visit_map(&self) -> Visited {
        Visited(fixedbitset::FixedBitSet::with_capacity(Self::node_count(self)))
    }

    fn reset_map(&self, map: &mut Visited) {
        map.0.clear();
        map.0.grow(Self::node_count(self));
    }
}

impl IntoNodeIdentifiers for &Graph {
    type NodeIdentifiers = std::iter::Map<std::ops::Range<usize>, fn(usize) -> NodeIx>;

    fn node_identifiers(self) -> Self::NodeIdentifiers {
        (0..Graph::node_count(self)).map(build::node_ix)
    }
}

impl<'a> IntoNeighbors for &'a Graph {
    type Neighbors = std::iter::Copied<std::slice::Iter<'a, NodeIx>>;

    fn neighbors(self, node: NodeIx) -> Self::Neighbors {
        self.edges.successors(node).iter().copied()
    }
}

impl<'a> IntoNeighborsDirected for &'a Graph {
    type NeighborsDirected = std::iter::Copied<std::slice::Iter<'a, NodeIx>>;

    fn neighbors_directed(self, node: NodeIx, direction: Direction) -> Self::NeighborsDirected {
        match direction {
            Direction::Outgoing => self.edges.successors(node).iter().copied(),
            Direction::Incoming => self.edges.predecessors(node).iter().copied(),
        }
    }
}
