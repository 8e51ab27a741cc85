//! When accounts were seen to work, over the snapshots of a window.

use jiff::Timestamp;
use muster_connectors::record::{Lifecycle, RecordKind};
use rustc_hash::FxHashMap;

use crate::graph::RowState;
use crate::snapshot::{KindState, KindView, Rows, Snapshot, StoreError};

/// An account, as every snapshot knows it.
pub(super) type Key = (String, String);

/// How an account was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    /// It could act.
    Working,
    /// It could not, or a complete reading did not have it.
    Off,
}

/// What was seen of each wanted account, oldest first. What was not read completely has no sighting of what it lacks.
#[derive(Debug, Default)]
pub(super) struct Sightings {
    /// By system, then by account.
    of: FxHashMap<String, FxHashMap<String, Vec<(Timestamp, Seen)>>>,
}

/// Rows of wanted accounts, by system, scope and the objects that hold them.
type Known = FxHashMap<Vec<String>, Vec<Row>>;

impl Sightings {
    /// Looks the wanted accounts up in snapshots, given in any order. A table that two snapshots share is read once.
    pub(super) fn read(snapshots: &[Snapshot], wanted: impl IntoIterator<Item = Key>) -> Result<Self, StoreError> {
        let mut found = Self::default();
        for (system, id) in wanted {
            found.of.entry(system).or_default().insert(id, Vec::new());
        }
        let mut known = Known::default();
        for snapshot in snapshots {
            for (system, accounts) in &mut found.of {
                look(snapshot, system, accounts, &mut known)?;
            }
        }
        for seen in found.of.values_mut().flat_map(FxHashMap::values_mut) {
            seen.sort_unstable_by_key(|(at, _)| *at);
            seen.dedup();
        }
        Ok(found)
    }

    /// What was seen of an account, oldest first.
    pub(super) fn of(&self, (system, id): &Key) -> &[(Timestamp, Seen)] {
        self.of.get(system).and_then(|accounts| accounts.get(id)).map_or(&[], Vec::as_slice)
    }
}

/// Adds what one snapshot says of the accounts of one system.
fn look(
    snapshot: &Snapshot,
    system: &str,
    accounts: &mut FxHashMap<String, Vec<(Timestamp, Seen)>>,
    known: &mut Known,
) -> Result<(), StoreError> {
    let of_accounts = |view: &KindView<'_>| view.kind == RecordKind::Account && view.system == system;
    let views: Vec<KindView<'_>> = snapshot.manifest().kinds().filter(of_accounts).collect();
    // An account that no scope has is gone only where every scope was read, and believed, with this snapshot.
    let is_whole = |view: &KindView<'_>| view.state() == KindState::Complete;
    let read_at = views.iter().filter_map(|view| view.entry.collected).min();
    let gone_at = read_at.filter(|_| views.iter().all(is_whole));
    let mut there: FxHashMap<String, (Timestamp, Seen)> = FxHashMap::default();
    for view in &views {
        let parts = view.entry.parts.iter().chain(view.entry.carried.iter().flat_map(|layer| &layer.parts));
        let mut place: Vec<String> = vec![view.system.to_owned(), view.scope.to_owned()];
        place.extend(parts.map(|part| part.object.clone()));
        if !known.contains_key(&place) {
            known.insert(place.clone(), rows(snapshot, view, accounts)?);
        }
        for row in known.get(&place).into_iter().flatten() {
            // A table that did not change was true again when it was read again.
            let at = if row.carried { row.collected } else { view.entry.collected.or(row.collected) };
            if let Some(at) = at {
                there.insert(row.id.clone(), (at, row.seen_at(at)));
            }
        }
    }
    for (id, seen) in accounts {
        seen.extend(there.get(id).copied().or(gone_at.map(|at| (at, Seen::Off))));
    }
    Ok(())
}

/// The wanted accounts of one scope.
fn rows(
    snapshot: &Snapshot,
    view: &KindView<'_>,
    wanted: &FxHashMap<String, Vec<(Timestamp, Seen)>>,
) -> Result<Vec<Row>, StoreError> {
    let frame = snapshot.rows_of(view, &["id", "lifecycle", "expires", "state", "collected"])?;
    let rows = Rows::of(&frame, "accounts");
    let (ids, lifecycles, states) = (rows.texts("id")?, rows.texts("lifecycle")?, rows.texts("state")?);
    let (expires, collected) = (rows.instants("expires")?, rows.instants("collected")?);
    let read = (0..rows.len()).filter(|row| wanted.contains_key(ids.text(*row))).map(|row| Row {
        id: ids.text(row).to_owned(),
        active: lifecycles.name::<Lifecycle>(row).unwrap_or(Lifecycle::Unknown).is_active(),
        expires: expires.at(row),
        carried: matches!(states.name(row), Some(RowState::Carried | RowState::Stale)),
        collected: collected.at(row),
    });
    Ok(read.collect())
}

/// An account's row, as far as it matters here.
struct Row {
    id: String,
    active: bool,
    expires: Option<Timestamp>,
    carried: bool,
    collected: Option<Timestamp>,
}

impl Row {
    fn seen_at(&self, at: Timestamp) -> Seen {
        let works = self.active && self.expires.is_none_or(|expires| expires > at);
        if works { Seen::Working } else { Seen::Off }
    }
}
