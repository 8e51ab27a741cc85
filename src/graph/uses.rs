//! When grants were last used: a fact that moves every night and is kept apart from the grants.

use muster_connectors::record::RecordKind;

use super::{Edge, Graph, NodeIx, NodeKind, Relation, SystemIx, When};
use crate::snapshot::{KEY_SEPARATOR, Rows, Snapshot, StoreError};

impl Graph {
    /// Reads when grants were last used, once, for [`Graph::last_used`]. Not from within parallel work, as with
    /// [`Graph::look_back`].
    ///
    /// Cost: O(facts · log of the principal's grants); nothing is read where no fact is stored.
    ///
    /// # Errors
    /// [`StoreError`] when the facts cannot be read.
    pub fn read_uses(&self) -> Result<(), StoreError> {
        if self.uses.get().is_none() {
            let uses = self.snapshot.as_ref().map_or(Ok(Vec::new()), |snapshot| self.stored_uses(snapshot))?;
            self.uses.get_or_init(|| uses);
        }
        Ok(())
    }

    /// The last use of every edge, by its place; empty when no source says it of any.
    fn stored_uses(&self, snapshot: &Snapshot) -> Result<Vec<When>, StoreError> {
        let mut uses = Vec::new();
        for view in snapshot.kinds().filter(|view| view.kind == RecordKind::Grant) {
            let Some(system) = self.system(view.system) else { continue };
            let frame = snapshot.activity_of(&view)?;
            let rows = Rows::of(&frame, "activity");
            let (id, at, state) = (rows.texts("id")?, rows.instants("at")?, rows.texts("at_state")?);
            for row in 0..rows.len() {
                let Some(edge) = self.grant(system, id.text(row)) else { continue };
                if uses.is_empty() {
                    uses = vec![When::UNSUPPORTED; self.edge_count()];
                }
                // The same grant from two scopes: the later use counts, and any use more than none.
                let slot: &mut When = &mut uses[edge.ix as usize];
                *slot = (*slot).max(When::stored(at.micros(row), state.name(row)));
            }
        }
        Ok(uses)
    }

    /// The grant that the parts of a stored key name.
    fn grant(&self, system: SystemIx, key: &str) -> Option<Edge> {
        let mut parts = key.split(KEY_SEPARATOR);
        let (principal, entitlement) = (parts.next()?, parts.next()?);
        let (resource, condition) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let any = |kinds: &[NodeKind], id: &str| kinds.iter().find_map(|kind| self.find(system, *kind, id));
        let target = any(&[NodeKind::Entitlement, NodeKind::Unresolved], entitlement)?;
        [NodeKind::Account, NodeKind::Group, NodeKind::Unresolved].into_iter().find_map(|kind| {
            let source = self.find(system, kind, principal)?;
            self.edges_between(source, target).find(|edge| {
                let detail = self.detail(edge);
                edge.relation == Relation::Holds
                    && detail.resource.map_or("", |ix| self.text(self.node(ix).id)) == resource
                    && self.text_or_empty(detail.note) == condition
            })
        })
    }

    /// The edges from one node to another.
    ///
    /// Cost: O(log d) for a source of degree d.
    pub fn edges_between(&self, source: NodeIx, target: NodeIx) -> impl Iterator<Item = Edge> + '_ {
        self.edges.between(source, target)
    }
}
