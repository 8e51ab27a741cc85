//! What only an evaluator of policies looks at: attributes of principals and resources, and when what was used.
//!
//! Kept for the systems that have policy documents, so that an estate of other systems pays nothing for it.

use muster_connectors::record::RecordKind;
use rustc_hash::{FxHashMap, FxHashSet};

use super::{Graph, NodeIx, NodeKind, SystemIx, When};
use crate::snapshot::{KindView, Rows, Snapshot, StoreError, USED};
use crate::workers::side_by_side;

/// The particulars of one graph.
#[derive(Debug, Default)]
pub(super) struct Particulars {
    /// JSON objects of texts, as stored.
    attributes: FxHashMap<NodeIx, Box<str>>,
    /// What an account may use, by name, with the last use.
    used: FxHashMap<NodeIx, Vec<(Box<str>, When)>>,
}

impl Graph {
    /// Reads the particulars of the systems that have policy documents.
    ///
    /// Cost: one pass over accounts, resources and facts of those systems.
    ///
    /// # Errors
    /// [`StoreError`] when they cannot be read.
    pub(super) fn read_particulars(&self, snapshot: &Snapshot) -> Result<Particulars, StoreError> {
        let systems: FxHashSet<SystemIx> = self.policies.iter().map(|policy| policy.system).collect();
        let kinds = [(RecordKind::Account, NodeKind::Account), (RecordKind::Resource, NodeKind::Resource)];
        let views = snapshot.kinds().filter_map(|view| {
            let system = self.system(view.system).filter(|system| systems.contains(system))?;
            let (_, node) = kinds.into_iter().find(|(kind, _)| *kind == view.kind)?;
            Some((system, node, view))
        });
        let views: Vec<(SystemIx, NodeKind, KindView<'_>)> = views.collect();
        let read = side_by_side(&views, |(_, _, view)| {
            let attributes = snapshot.rows_of(view, &["id", "attributes"])?;
            let used = (view.kind == RecordKind::Account).then(|| snapshot.activity_of(view)).transpose()?;
            Ok((attributes, used))
        });
        let mut all = Particulars::default();
        for ((system, node, view), frames) in views.into_iter().zip(read) {
            let (frame, used) = frames?;
            let rows = Rows::of(&frame, view.kind.as_str());
            let (id, attributes) = (rows.texts("id")?, rows.texts("attributes")?);
            for row in 0..rows.len() {
                if let (Some(attributes), Some(ix)) = (attributes.get(row), self.find(system, node, id.text(row))) {
                    all.attributes.entry(ix).or_insert_with(|| attributes.into());
                }
            }
            let Some(frame) = used else { continue };
            let rows = Rows::of(&frame, "activity");
            let (id, fact) = (rows.texts("id")?, rows.texts("fact")?);
            let (at, state) = (rows.instants("at")?, rows.texts("at_state")?);
            for row in 0..rows.len() {
                let Some(what) = fact.text(row).strip_prefix(USED) else { continue };
                let Some(ix) = self.find(system, node, id.text(row)) else { continue };
                all.used.entry(ix).or_default().push((what.into(), When::stored(at.micros(row), state.name(row))));
            }
        }
        for used in all.used.values_mut() {
            // From several readings the latest use counts, and any use more than none.
            used.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(b.1.cmp(&a.1)));
            used.dedup_by(|later, first| later.0 == first.0);
        }
        Ok(all)
    }

    /// Attributes of an account or a resource as a JSON object of texts; only of systems with policy documents.
    pub fn attributes(&self, node: NodeIx) -> Option<&str> {
        self.particulars.attributes.get(&node).map(|text| &**text)
    }

    /// Whether any source says what accounts used.
    pub fn tells_use(&self) -> bool {
        !self.particulars.used.is_empty()
    }

    /// What an account may use, by name (`s3`, `s3:GetObject`), with the last use; empty where the source does not say.
    pub fn used_by(&self, account: NodeIx) -> &[(Box<str>, When)] {
        self.particulars.used.get(&account).map_or(&[], Vec::as_slice)
    }
}
