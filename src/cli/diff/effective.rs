//! What a difference means: who may do what that he could not, and the other way round.

use std::collections::BTreeSet;
use std::sync::Arc;

use muster_connectors::record::RecordKind;
use muster_effective::aws::escalation::Techniques;
use rustc_hash::FxHashSet;
use schemars::JsonSchema;
use serde::Serialize;

use crate::access::aws::compare::{Change, changes};
use crate::check::asked::Asked;
use crate::diff::Diff;
use crate::snapshot::{Snapshot, StoreError};

/// What changed of one system in effective terms.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(in crate::cli) struct Effective {
    /// The system.
    pub(in crate::cli) system: String,
    /// Every principal for whom something changed.
    pub(in crate::cli) changes: Vec<Change>,
}

/// What decides about effective access.
const DECIDING: [RecordKind; 8] = [
    RecordKind::Account,
    RecordKind::Group,
    RecordKind::Membership,
    RecordKind::Resource,
    RecordKind::Entitlement,
    RecordKind::Grant,
    RecordKind::Credential,
    RecordKind::Policy,
];

/// Of each system with policies that both snapshots have, and in which anything changed that decides, what that means.
///
/// Cost: nothing where nothing changed; else both snapshots of those systems are read and searched for ways.
///
/// # Errors
/// [`StoreError`] when a snapshot cannot be read.
pub(super) fn between(
    diff: &Diff,
    before: &Snapshot,
    after: &Snapshot,
    techniques: &Arc<Techniques>,
) -> Result<Vec<Effective>, StoreError> {
    let differs = |part: &&crate::diff::Part| !part.changes.is_empty() || !part.unproven.is_empty();
    let decides = |part: &&crate::diff::Part| DECIDING.contains(&part.kind);
    let touched: BTreeSet<&str> =
        diff.parts.iter().filter(differs).filter(decides).map(|part| part.system.as_str()).collect();
    let has_policies = |snapshot: &Snapshot, system: &str| {
        snapshot.kinds().any(|view| view.system == system && view.kind == RecordKind::Policy)
    };
    let wanted: FxHashSet<&str> =
        touched.into_iter().filter(|system| has_policies(before, system) && has_policies(after, system)).collect();
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let (old, new) = (Asked::all(before, techniques, &wanted)?, Asked::all(after, techniques, &wanted)?);
    let mut all = Vec::new();
    for place in &new.places {
        let system = new.graph.system_name(place.system);
        let was = old.places.iter().find(|place| old.graph.system_name(place.system) == system);
        let Some(was) = was else { continue };
        let changes = changes(&was.compiled, &place.compiled, techniques);
        all.push(Effective { system: system.to_owned(), changes });
    }
    all.sort_by(|a, b| a.system.cmp(&b.system));
    Ok(all)
}
