//! What changed between two snapshots: every row that came, went or differs, and nothing that only was not read.
//!
//! ```text
//!   two manifests ──► scopes × kinds, side by side ──► equal objects: nothing to compare
//!                                                 └──► rows by key ([`walk`]) ──► changes, or counted as unproven
//! ```
//!
//! A row that only one side has is a change only where the other side proves that it had none: there the kind was read
//! completely and is believed. Everything else is *unproven*: counted with its reason, never listed as added or removed. Where
//! in a file a row stood, the order within a list, and what is volatile (last use, source objects) is no change.
//!
//! Cost: parts that share their objects cost nothing; the others O(rows), each scope and kind in memory by itself, and of
//! the large ones one at a time.

mod walk;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use muster_connectors::record::{PrincipalKind, RecordKind};
use muster_connectors::scope::ScopeState;
use polars::prelude::DataFrame;
use serde_json::Value;

use self::walk::{Pairing, Side};
use crate::graph::Coverage;
use crate::query::value;
use crate::snapshot::tables::{self, Table};
use crate::snapshot::{KindState, KindView, Manifest, Snapshot, StoreError, SystemEntry};
use crate::workers::side_by_side;

/// Rows of a kind of a scope, of both sides together, from which on it is compared by itself.
const MANY_ROWS: u64 = 1 << 20;

/// Everything that is different, by system, scope and kind.
#[derive(Debug, Clone, PartialEq)]
pub struct Diff {
    /// Scopes × kinds of either snapshot, sorted; those without any difference included.
    pub parts: Vec<Part>,
}

/// One kind of one scope.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// System.
    pub system: String,
    /// Scope.
    pub scope: String,
    /// Kind of record.
    pub kind: RecordKind,
    /// How the earlier snapshot has it; `None` when it has not.
    pub before: Option<Reading>,
    /// How the later snapshot has it.
    pub after: Option<Reading>,
    /// What changed, by key.
    pub changes: Vec<Change>,
    /// Rows that one side has and of which nobody can say whether they came or went.
    pub unproven: Vec<Unproven>,
    /// Rows that differ only in the order within a list.
    pub reordered: u64,
}

/// How a snapshot has a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// How it was read.
    pub state: KindState,
    /// When its rows were true.
    pub collected: Option<Timestamp>,
    /// Rows of it, carried ones included.
    pub rows: u64,
}

/// What happened to a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum What {
    /// Only the later snapshot has it.
    Added,
    /// Only the earlier snapshot has it.
    Removed,
    /// Both have it, with other contents.
    Changed,
}

impl What {
    /// The word in outputs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Changed => "changed",
        }
    }
}

/// One row that is different.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// What happened.
    pub what: What,
    /// The row's key: column and value.
    pub key: Vec<(&'static str, Option<String>)>,
    /// The other columns: of a changed row those that differ, else those that hold something.
    pub fields: Vec<Field>,
}

/// A column's values.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// Column.
    pub column: &'static str,
    /// In the earlier snapshot.
    pub before: Value,
    /// In the later one.
    pub after: Value,
}

/// Rows that one side has, while the other cannot prove that it had none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unproven {
    /// What they would be: [`What::Added`] or [`What::Removed`].
    pub what: What,
    /// How many.
    pub rows: u64,
    /// Why it is not known.
    pub why: String,
}

impl Diff {
    /// Compares `before` with `after`, where `wanted` says so.
    ///
    /// # Errors
    /// [`StoreError`] when rows cannot be read.
    pub fn between(
        before: &Snapshot,
        after: &Snapshot,
        wanted: impl Fn(&str, RecordKind) -> bool,
    ) -> Result<Self, StoreError> {
        let (before, after) = (Of::new(before), Of::new(after));
        let all: BTreeSet<(&str, &str, RecordKind)> = before.views.keys().chain(after.views.keys()).copied().collect();
        let wanted = all.into_iter().filter(|(system, _, kind)| wanted(system, *kind));
        let is_large = |place: &(&str, &str, RecordKind)| before.rows(place) + after.rows(place) > MANY_ROWS;
        // Large ones one after another: the rows of all of them would fill the memory.
        let (large, small): (Vec<_>, Vec<_>) = wanted.partition(is_large);
        let parts = side_by_side(&small, |place| part(&before, &after, *place)).into_iter();
        let mut parts: Vec<Part> = parts.collect::<Result<_, _>>()?;
        for place in large {
            parts.push(part(&before, &after, place)?);
        }
        parts.sort_by(|a, b| (&a.system, &a.scope, a.kind).cmp(&(&b.system, &b.scope, b.kind)));
        Ok(Self { parts })
    }

    /// Changes of each sort.
    pub fn counts(&self) -> BTreeMap<What, u64> {
        let mut counts = BTreeMap::new();
        for change in self.parts.iter().flat_map(|part| &part.changes) {
            *counts.entry(change.what).or_default() += 1;
        }
        counts
    }

    /// Parts of which nobody can say whether they changed.
    pub fn unproven(&self) -> impl Iterator<Item = &Part> {
        self.parts.iter().filter(|part| part.is_open())
    }
}

impl Part {
    fn leave_open(&mut self, what: What, rows: usize, why: String) {
        if rows > 0 {
            self.unproven.push(Unproven { what, rows: rows as u64, why });
        }
    }

    /// Whether something may have come or gone that is not listed.
    pub fn is_open(&self) -> bool {
        !self.unproven.is_empty() || self.after.is_some_and(|reading| !reading.state.is_known())
    }
}

impl KindState {
    /// Whether what the snapshot holds is all there was.
    const fn is_known(self) -> bool {
        match self {
            Self::Complete | Self::Carried => true,
            Self::Suspect | Self::Partial | Self::Failed => false,
        }
    }
}

/// A snapshot, by place.
struct Of<'a> {
    snapshot: &'a Snapshot,
    views: BTreeMap<(&'a str, &'a str, RecordKind), KindView<'a>>,
    proving: BTreeSet<(String, String, RecordKind)>,
}

impl<'a> Of<'a> {
    fn new(snapshot: &'a Snapshot) -> Self {
        let manifest = snapshot.manifest();
        let views = manifest.kinds().map(|view| ((view.system, view.scope, view.kind), view)).collect();
        let coverage = Coverage::of(manifest);
        let proving = coverage.rows().iter().filter(|row| row.proves_absence);
        let proving = proving.map(|row| (row.system.clone(), row.scope.clone(), row.kind)).collect();
        Self { snapshot, views, proving }
    }

    fn manifest(&self) -> &Manifest {
        self.snapshot.manifest()
    }

    fn system(&self, name: &str) -> Option<&SystemEntry> {
        self.manifest().systems.get(name)
    }

    /// Rows of a kind of a scope.
    fn rows(&self, place: &(&str, &str, RecordKind)) -> u64 {
        self.views.get(place).map_or(0, |view| Self::reading(view).rows)
    }

    fn number(&self) -> u64 {
        self.manifest().header.sequence
    }

    /// Why a row that is not here may have been there all the same; `None` when it was not.
    fn doubt(&self, (system, scope, kind): (&str, &str, RecordKind)) -> Option<String> {
        let number = self.number();
        if let Some(view) = self.views.get(&(system, scope, kind)) {
            let proves = self.proving.contains(&(system.to_owned(), scope.to_owned(), kind));
            return (!proves).then(|| format!("{kind} are {} in snapshot {number}", view.state()));
        }
        let Some(entry) = self.system(system) else {
            return Some(format!("snapshot {number} does not have the system `{system}`"));
        };
        if entry.scopes.contains_key(scope) {
            return Some(format!("snapshot {number} was not asked for {kind} of this scope"));
        }
        // A system that was read to its end and did not name the scope did not have it.
        let whole = |scope: &crate::snapshot::ScopeEntry| {
            scope.report.state() == ScopeState::Complete && scope.kinds.values().all(|kind| kind.suspect.is_none())
        };
        let is_whole = !entry.scopes.is_empty() && entry.scopes.values().all(whole);
        (!is_whole).then(|| format!("`{system}` was not read completely in snapshot {number}"))
    }

    fn reading(view: &KindView<'_>) -> Reading {
        let layers = view.entry.carried.iter();
        let collected = view.entry.collected.or_else(|| layers.clone().next().and_then(|layer| layer.collected));
        let parts = view.entry.parts.iter().chain(layers.flat_map(|layer| &layer.parts));
        let rows = parts.filter(|part| part.table == view.kind.as_str()).map(|part| part.rows).sum();
        Reading { state: view.state(), collected, rows }
    }
}

fn part(before: &Of<'_>, after: &Of<'_>, place: (&str, &str, RecordKind)) -> Result<Part, StoreError> {
    let (system, scope, kind) = place;
    let (old, new) = (before.views.get(&place), after.views.get(&place));
    let mut part = Part {
        system: system.to_owned(),
        scope: scope.to_owned(),
        kind,
        before: old.map(|view| Of::reading(view)),
        after: new.map(|view| Of::reading(view)),
        changes: Vec::new(),
        unproven: Vec::new(),
        reordered: 0,
    };
    if let (Some(old), Some(new)) = (old, new)
        && objects(old, kind) == objects(new, kind)
    {
        return Ok(part);
    }
    let table = tables::of(kind);
    let columns: Vec<&str> =
        table.columns.iter().map(|column| column.name).filter(|name| *name != "source_row").collect();
    let rows = |of: &Of<'_>, view: Option<&KindView<'_>>| match view {
        Some(view) => of.snapshot.rows_of(view, &columns),
        None => of.snapshot.no_rows(kind, &columns),
    };
    let (old, new) = rayon::join(|| rows(before, old), || rows(after, new));
    let (old, new) = (old?, new?);
    let failed = StoreError::frame("compare", table.name);
    if let Err(error) = compare(table, &old, &new, (before.doubt(place), after.doubt(place)), &mut part) {
        return Err(failed(error));
    }
    Ok(part)
}

/// What a kind consists of, in order.
fn objects<'a>(view: &KindView<'a>, kind: RecordKind) -> Vec<&'a str> {
    let layers = view.entry.carried.iter().flat_map(|layer| &layer.parts);
    let parts = view.entry.parts.iter().chain(layers).filter(|part| part.table == kind.as_str());
    parts.map(|part| part.object.as_str()).collect()
}

fn compare(
    table: &'static Table,
    old: &DataFrame,
    new: &DataFrame,
    (old_doubt, new_doubt): (Option<String>, Option<String>),
    part: &mut Part,
) -> polars::prelude::PolarsResult<()> {
    let keys: Vec<&'static str> = table.key().map(|column| column.name).collect();
    let rest: Vec<&'static str> = table
        .columns
        .iter()
        .map(|column| column.name)
        .filter(|name| !keys.contains(name) && *name != "source_row")
        .collect();
    let (old_side, new_side) = rayon::join(|| Side::of(old, &keys), || Side::of(new, &keys));
    let (old_side, new_side) = (old_side?, new_side?);
    let Pairing { only_old, only_new, both } = Pairing::of(&old_side, &new_side);
    let differing = walk::differing(old, new, &rest, &both)?;
    part.reordered = differing.reordered;

    let one_sided = |frame: &DataFrame, side: &Side<'_>, row: usize, what: What| -> Change {
        let cell = |column: &str| frame.column(column).and_then(|cells| cells.get(row).map(|cell| value(&cell)));
        let fields = rest.iter().filter_map(|column| {
            let value = cell(column).ok().filter(|value| !value.is_null() && *value != Value::Array(Vec::new()))?;
            let (before, after) = if what == What::Added { (Value::Null, value) } else { (value, Value::Null) };
            Some(Field { column, before, after })
        });
        Change { what, key: keyed(&keys, side, row), fields: fields.collect() }
    };
    let (was, is) = (part.before, part.after);
    for (what, rows, frame, side, doubt, reading) in [
        (What::Removed, only_old, old, &old_side, new_doubt, was),
        (What::Added, only_new, new, &new_side, old_doubt, is),
    ] {
        if let Some(why) = doubt {
            part.leave_open(what, rows.len(), why);
            continue;
        }
        // Who was not read is named by what others call him, which is not his id.
        let is_whole = reading.is_none_or(|reading| reading.state.is_known());
        let (told, vague): (Vec<u32>, Vec<u32>) =
            rows.into_iter().partition(|row| is_whole || !names_a_stranger(table, frame, *row as usize));
        part.changes.extend(told.iter().map(|row| one_sided(frame, side, *row as usize, what)));
        part.leave_open(what, vague.len(), "they name somebody who was not read".to_owned());
    }
    for (pair, columns) in differing.rows {
        let (a, b) = both.rows(pair);
        let cell = |frame: &DataFrame, column: &str, row: usize| {
            frame.column(column).and_then(|cells| cells.get(row).map(|cell| value(&cell)))
        };
        let fields = columns
            .into_iter()
            .map(|column| Ok(Field { column, before: cell(old, column, a)?, after: cell(new, column, b)? }));
        let fields = fields.collect::<polars::prelude::PolarsResult<Vec<Field>>>()?;
        part.changes.push(Change { what: What::Changed, key: keyed(&keys, &new_side, b), fields });
    }
    part.changes.sort_by(|a, b| (&a.key, a.what).cmp(&(&b.key, b.what)));
    Ok(())
}

/// Whether the row is about a principal of which only a name is known.
fn names_a_stranger(table: &Table, frame: &DataFrame, row: usize) -> bool {
    let unknown = PrincipalKind::Unknown.as_str();
    let kinds = table.columns.iter().filter(|column| ["member_kind", "principal_kind"].contains(&column.name));
    kinds.filter_map(|column| frame.column(column.name).ok()?.str().ok()?.get(row)).any(|kind| kind == unknown)
}

fn keyed(keys: &[&'static str], side: &Side<'_>, row: usize) -> Vec<(&'static str, Option<String>)> {
    keys.iter().copied().zip(side.key(row).map(|text| text.map(str::to_owned))).collect()
}
