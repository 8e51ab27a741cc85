//! Reading a snapshot: tables as frames, with where, when and how well each row was read.
//!
//! A table is the parts of all systems and scopes, one after another. Where a kind was read in part, the rows carried from
//! former snapshots stand beside today's, unless today's have their key.

use std::io::Cursor;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use muster_connectors::record::RecordKind;
use polars::prelude as pl;
use polars::prelude::{DataFrame, IntoColumn as _, SerReader as _};
use polars_io::parquet::read::{ParallelStrategy, ParquetReader};
use rustc_hash::{FxHashMap, FxHashSet};

use super::error::StoreError;
use super::manifest::{self, KindView, Manifest, Part, RowState};
use super::objects::{self, PARALLEL_FROM_ROWS};
use super::tables::{self, Column, ORIGIN, PLACE, TABLES, Table, Volatile};
use crate::workers::side_by_side;

/// Rows of small scopes that are read together: few enough that one part is looked at while the next is read, and that its memory is used again.
const FRAME_ROWS: u64 = 1 << 14;

/// One committed snapshot, open for reading. Cloning is cheap.
#[derive(Debug, Clone)]
pub struct Snapshot {
    root: PathBuf,
    manifest: Arc<Manifest>,
    /// The kinds of records that are read, by system and scope; `None`: all.
    only: Option<Arc<FxHashSet<(String, String, RecordKind)>>>,
}

/// Rows that were read together: those of today, or one carried layer.
struct Reading<'a> {
    view: KindView<'a>,
    parts: &'a [Part],
    state: RowState,
    collected: Option<Timestamp>,
    from: Option<u64>,
}

impl Snapshot {
    /// # Errors
    /// [`StoreError::Pruned`] when only the header is left.
    pub(super) fn open(root: &Path, manifest: Manifest) -> Result<Self, StoreError> {
        if manifest.pruned {
            return Err(StoreError::Pruned { sequence: manifest.header.sequence });
        }
        Ok(Self { root: root.to_owned(), manifest: Arc::new(manifest), only: None })
    }

    /// What the snapshot consists of, and how far it can be trusted.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The same with only some of its rows: of the kinds and scopes that `wanted` says. What is told of completeness stays whole.
    #[must_use]
    pub fn only(&self, wanted: impl Fn(&KindView<'_>) -> bool) -> Self {
        let kept = self.kinds().filter(wanted);
        let kept = kept.map(|view| (view.system.to_owned(), view.scope.to_owned(), view.kind)).collect();
        Self { only: Some(Arc::new(kept)), ..self.clone() }
    }

    /// What is read of it: kinds of records by system and scope.
    pub fn kinds(&self) -> impl Iterator<Item = KindView<'_>> {
        let key = |view: &KindView<'_>| (view.system.to_owned(), view.scope.to_owned(), view.kind);
        self.manifest.kinds().filter(move |view| self.only.as_ref().is_none_or(|only| only.contains(&key(view))))
    }

    /// The snapshots before this one, newest first, without those that are pruned. One whose manifest is damaged is left out, too:
    /// what is asked of history must not cost today's answer, and `muster snapshots verify` names the damage.
    ///
    /// # Errors
    /// [`StoreError::File`] when the store cannot be listed.
    pub fn earlier(&self) -> Result<impl Iterator<Item = Self> + use<>, StoreError> {
        let own = self.manifest.header.sequence;
        let mut files = manifest::files(&self.root)?;
        files.retain(|path| manifest::parse_name(path).is_some_and(|(sequence, _)| sequence < own));
        let root = self.root.clone();
        let open = move |path: PathBuf| Self::open(&root, manifest::load(&path).ok()?).ok();
        Ok(files.into_iter().rev().filter_map(open))
    }

    /// How many rows of a kind the parts of the snapshot hold, those included that better ones hide.
    pub fn rows(&self, kind: RecordKind) -> usize {
        let parts = self
            .kinds()
            .flat_map(|view| view.entry.parts.iter().chain(view.entry.carried.iter().flat_map(|layer| &layer.parts)));
        let parts = parts.filter(|part| part.table == kind.as_str());
        usize::try_from(parts.map(|part| part.rows).sum::<u64>()).unwrap_or(usize::MAX)
    }

    /// `system`, `scope` and the named columns of a table, ordered by system, scope and key.
    ///
    /// Columns may be stored ones, `state`, `collected` and `carried_from`, and the volatile facts of the table
    /// (`last_activity`, `last_activity_state`).
    ///
    /// # Errors
    /// [`StoreError::NoColumn`] for an unknown table or column; [`StoreError::Damaged`] when an object is not what it was.
    pub fn frame(&self, table: &str, columns: &[&str]) -> Result<DataFrame, StoreError> {
        let table = find(table)?;
        let mut wanted: Vec<&str> = PLACE.to_vec();
        wanted.extend(columns.iter().filter(|column| !PLACE.contains(column)));
        self.select(table, &wanted)
    }

    /// Visits the rows of [`Snapshot::frame`] in its order, some scopes at a time: a table of millions is never in memory whole. The
    /// next frame is read while `visit` looks at one.
    ///
    /// # Errors
    /// As [`Snapshot::frame`], and what `visit` answers.
    pub fn each_frame(
        &self,
        table: &str,
        columns: &[&str],
        visit: impl FnMut(&DataFrame) -> Result<(), StoreError> + Send,
    ) -> Result<(), StoreError> {
        self.each_frame_beside(table, columns, &[], visit)
    }

    /// The same with further columns that stand beside the others and are not read: they are null in every row.
    ///
    /// # Errors
    /// As [`Snapshot::each_frame`].
    pub(crate) fn each_frame_beside(
        &self,
        table: &str,
        columns: &[&str],
        unread: &[&str],
        mut visit: impl FnMut(&DataFrame) -> Result<(), StoreError> + Send,
    ) -> Result<(), StoreError> {
        let table = find(table)?;
        let mut wanted: Vec<&str> = PLACE.to_vec();
        wanted.extend(columns.iter().filter(|column| !PLACE.contains(column)));
        wanted.iter().chain(unread).try_for_each(|column| check_column(table, column))?;
        let types = schema(table);
        let groups = self.readings(table);
        let batches = batches(table, &groups);
        let read = |batch: Option<&Range<usize>>| batch.map(|batch| self.join(table, &wanted, &groups[batch.clone()]));
        let mut rest = batches.iter();
        let mut next = read(rest.next());
        while let Some(frame) = next {
            let mut frame = frame?;
            for (name, dtype) in unread.iter().filter_map(|name| Some((*name, types.get(name)?))) {
                let nothing = pl::Column::full_null(name.into(), frame.height(), dtype);
                frame.with_column(nothing).map_err(StoreError::frame("read", table.name))?;
            }
            let batch = rest.next();
            let (fresh, visited) = rayon::join(|| read(batch), || visit(&frame));
            visited?;
            next = fresh;
        }
        Ok(())
    }

    /// The named columns of all rows that one kind of one scope has, by key.
    ///
    /// # Errors
    /// As [`Snapshot::frame`].
    pub fn rows_of(&self, view: &KindView<'_>, columns: &[&str]) -> Result<DataFrame, StoreError> {
        let table = tables::of(view.kind);
        columns.iter().try_for_each(|column| check_column(table, column))?;
        let readings = readings_of(*view, table);
        if readings.is_empty() {
            return Ok(empty(table, columns));
        }
        let mut frame = self.read_scope(table, columns, &readings)?;
        frame.rechunk_mut_par();
        Ok(frame)
    }

    /// The volatile facts of one kind of one scope, by id.
    ///
    /// # Errors
    /// As [`Snapshot::frame`].
    pub fn activity_of(&self, view: &KindView<'_>) -> Result<DataFrame, StoreError> {
        let table = find("activity")?;
        let columns = ["id", "fact", "at", "at_state"];
        let readings = readings_of(*view, table);
        if readings.is_empty() {
            return Ok(empty(table, &columns));
        }
        let mut frame = self.read_scope(table, &columns, &readings)?;
        frame.rechunk_mut_par();
        Ok(frame)
    }

    /// The named columns of a kind, without a row.
    ///
    /// # Errors
    /// [`StoreError::NoColumn`] for an unknown column.
    pub fn no_rows(&self, kind: RecordKind, columns: &[&str]) -> Result<DataFrame, StoreError> {
        let table = tables::of(kind);
        columns.iter().try_for_each(|column| check_column(table, column))?;
        Ok(empty(table, columns))
    }

    /// The table as SQL sees it: every column, each read from disk only when a query uses it.
    ///
    /// # Errors
    /// [`StoreError::NoColumn`] for an unknown table.
    pub fn lazy(&self, table: &str) -> Result<pl::LazyFrame, StoreError> {
        let table = find(table)?;
        let scan = Scan { snapshot: self.clone(), table };
        let args =
            pl::ScanArgsAnonymous { schema: Some(Arc::new(schema(table))), name: "SNAPSHOT", ..Default::default() };
        pl::LazyFrame::anonymous_scan(Arc::new(scan), args).map_err(StoreError::frame("open", table.name))
    }

    /// Exactly the named columns, in that order.
    fn select(&self, table: &'static Table, wanted: &[&str]) -> Result<DataFrame, StoreError> {
        for column in wanted {
            check_column(table, column)?;
        }
        self.join(table, wanted, &self.readings(table))
    }

    /// The named columns of some scopes, one after another.
    fn join(
        &self,
        table: &'static Table,
        wanted: &[&str],
        groups: &[Vec<Reading<'_>>],
    ) -> Result<DataFrame, StoreError> {
        let frames = side_by_side(groups.iter(), |readings| self.read_scope(table, wanted, readings));
        let mut all = empty(table, wanted);
        for frame in frames {
            all.vstack_mut_owned(frame?).map_err(StoreError::frame("join the parts of", table.name))?;
        }
        all.rechunk_mut_par();
        Ok(all)
    }

    /// What to read for a table: per scope and kind, today's rows and the layers below them.
    fn readings(&self, table: &'static Table) -> Vec<Vec<Reading<'_>>> {
        let holds = |kind| table.kind.is_none_or(|of| of == kind);
        let views = self.kinds().filter(|view| holds(view.kind));
        views.map(|view| readings_of(view, table)).filter(|readings| !readings.is_empty()).collect()
    }

    fn read_scope(
        &self,
        table: &'static Table,
        wanted: &[&str],
        readings: &[Reading<'_>],
    ) -> Result<DataFrame, StoreError> {
        let merge = readings.len() > 1;
        let keys: Vec<&str> = table.key().map(|column| column.name).collect();
        let mut columns = wanted.to_vec();
        if merge {
            columns.extend(keys.iter().filter(|key| !wanted.contains(key)));
        }
        let failed = |error| StoreError::frame("merge", table.name)(error);
        let mut seen = FxHashSet::default();
        let mut all: Option<DataFrame> = None;
        for reading in readings {
            let mut frame = self.read(table, &columns, reading)?;
            if merge {
                let names = key_texts(&frame, &keys).map_err(failed)?;
                let fresh: pl::BooleanChunked = names.iter().map(|name| Some(!seen.contains(name))).collect();
                frame = frame.filter(&fresh).map_err(failed)?;
                seen.extend(names);
            }
            match &mut all {
                None => all = Some(frame),
                Some(all) => {
                    all.vstack_mut_owned(frame).map_err(failed)?;
                }
            }
        }
        let all = all.unwrap_or_else(|| empty(table, &columns));
        if !merge {
            return Ok(all);
        }
        let by: Vec<pl::PlSmallStr> = keys.iter().map(|key| (*key).into()).collect();
        let options = pl::SortMultipleOptions::default().with_maintain_order(true);
        let sorted = all.sort(by, options).map_err(failed)?;
        sorted.select(wanted.iter().copied()).map_err(failed)
    }

    /// One reading, with its place, its origin and its volatile facts.
    fn read(&self, table: &'static Table, wanted: &[&str], reading: &Reading<'_>) -> Result<DataFrame, StoreError> {
        let failed = |error| StoreError::frame("read", table.name)(error);
        let volatile =
            table.volatile().filter(|volatile| wanted.contains(&volatile.fact) || wanted.contains(&volatile.state));
        let mut stored: Vec<&str> =
            table.columns.iter().map(|column| column.name).filter(|name| wanted.contains(name)).collect();
        if volatile.is_some() && !stored.contains(&"id") {
            stored.push("id");
        }
        let mut frame = self.parts(table, &stored, reading)?;
        if let Some(volatile) = volatile {
            frame = self.join_volatile(frame, volatile, reading)?;
        }
        let text = |text: &str| pl::Scalar::new(pl::DataType::String, pl::AnyValue::StringOwned(text.into()));
        let height = frame.height();
        let columns = wanted.iter().map(|name| {
            let value = match *name {
                "system" => text(reading.view.system),
                "scope" => text(reading.view.scope),
                // A stored column of that name would win; there is none (a test of the list says so).
                "state" => text(reading.state.as_str()),
                "carried_from" => {
                    reading.from.map_or_else(|| pl::Scalar::null(pl::DataType::String), |from| text(&from.to_string()))
                }
                "collected" => {
                    let value =
                        reading.collected.map_or(pl::AnyValue::Null, |at| pl::AnyValue::Int64(at.as_microsecond()));
                    let column = pl::Column::new_scalar(
                        (*name).into(),
                        pl::Scalar::new(pl::DataType::Int64, value.into_static()),
                        height,
                    );
                    return column.cast(&ORIGIN[1].is.dtype());
                }
                name => return frame.column(name).cloned(),
            };
            Ok(pl::Column::new_scalar((*name).into(), value, height))
        });
        let columns = columns.collect::<pl::PolarsResult<Vec<_>>>().map_err(failed)?;
        DataFrame::new(height, columns).map_err(failed)
    }

    /// Stored columns of one reading's parts of a table.
    fn parts(&self, table: &'static Table, stored: &[&str], reading: &Reading<'_>) -> Result<DataFrame, StoreError> {
        let failed = |error| StoreError::frame("read", table.name)(error);
        let mut all: Option<DataFrame> = None;
        for part in reading.parts.iter().filter(|part| part.table == table.name) {
            let frame = if stored.is_empty() {
                DataFrame::empty_with_height(usize::try_from(part.rows).expect("rows fit the address space"))
            } else {
                let bytes = objects::read(&self.root, &part.object, || self.describe(part, reading))?;
                read_columns(bytes, table, stored).map_err(failed)?
            };
            match &mut all {
                None => all = Some(frame),
                Some(all) if stored.is_empty() => *all = DataFrame::empty_with_height(all.height() + frame.height()),
                Some(all) => {
                    all.vstack_mut_owned(frame).map_err(failed)?;
                }
            }
        }
        Ok(all.unwrap_or_else(|| empty(table, stored)))
    }

    /// Lays the one fact that a table shows as a column beside its rows; the others of `activity` are asked for by themselves.
    fn join_volatile(
        &self,
        frame: DataFrame,
        volatile: Volatile,
        reading: &Reading<'_>,
    ) -> Result<DataFrame, StoreError> {
        let failed = |error| StoreError::frame("join activity to", volatile.kind.as_str())(error);
        let activity = tables::find("activity").expect("the list has it");
        let facts = self.parts(activity, &["id", "fact", "at", "at_state"], reading)?;
        let texts = |name: &str| facts.column(name).and_then(|column| column.str()).map_err(failed);
        let all = texts("id")?.iter().zip(texts("fact")?.iter()).zip(0..);
        let rows: FxHashMap<&str, pl::IdxSize> = all
            .filter(|((_, fact), _)| *fact == Some(volatile.fact))
            .filter_map(|((id, _), row)| Some((id?, row)))
            .collect();
        let ids = frame.column("id").and_then(|ids| ids.str()).map_err(failed)?;
        let rows: pl::IdxCa = ids.iter().map(|id| rows.get(id?).copied()).collect();
        let mut joined = frame.clone();
        for (from, to) in [("at", volatile.fact), ("at_state", volatile.state)] {
            let column = facts.column(from).and_then(|column| column.take(&rows)).map_err(failed)?;
            joined.with_column(column.with_name(to.into())).map_err(failed)?;
        }
        // A fact without a row is one that the source does not have.
        let states = joined.column(volatile.state).and_then(|column| column.str()).map_err(failed)?;
        let states: pl::StringChunked = states.iter().map(|state| Some(state.unwrap_or("unsupported"))).collect();
        joined.with_column(states.with_name(volatile.state.into()).into_column()).map_err(failed)?;
        Ok(joined)
    }

    fn describe(&self, part: &Part, reading: &Reading<'_>) -> String {
        format!(
            "{} rows of {} of {}:{} in snapshot {}",
            part.rows, part.table, reading.view.system, reading.view.scope, self.manifest.header.sequence
        )
    }
}

/// Scopes that are read at once for [`Snapshot::each_frame`]: as many as have [`FRAME_ROWS`] rows, one at least.
fn batches(table: &'static Table, groups: &[Vec<Reading<'_>>]) -> Vec<Range<usize>> {
    let parts = |readings: &[Reading<'_>]| -> u64 {
        let parts = readings.iter().flat_map(|reading| reading.parts).filter(|part| part.table == table.name);
        parts.map(|part| part.rows).sum()
    };
    let mut batches: Vec<Range<usize>> = Vec::new();
    let mut rows = u64::MAX;
    for (place, readings) in groups.iter().enumerate() {
        let more = parts(readings);
        match batches.last_mut() {
            Some(last) if rows.saturating_add(more) <= FRAME_ROWS => {
                last.end = place + 1;
                rows += more;
            }
            Some(_) | None => {
                batches.push(place..place + 1);
                rows = more;
            }
        }
    }
    batches
}

/// What to read of one kind of one scope: today's rows and the layers below them.
fn readings_of<'a>(view: KindView<'a>, table: &'static Table) -> Vec<Reading<'a>> {
    let today = Reading {
        view,
        parts: &view.entry.parts,
        state: view.row_state(),
        collected: view.entry.collected,
        from: None,
    };
    let carried = view.entry.carried.iter().map(|layer| Reading {
        view,
        parts: &layer.parts,
        state: layer.row_state(),
        collected: layer.collected,
        from: Some(layer.from),
    });
    let has_rows = |reading: &Reading<'_>| reading.parts.iter().any(|part| part.table == table.name);
    let mut readings: Vec<Reading<'a>> = std::iter::once(today).chain(carried).filter(has_rows).collect();
    if view.entry.former_first && readings.first().is_some_and(|first| first.from.is_none()) {
        readings.rotate_left(1);
    }
    readings
}

/// The named columns of an object. One that came into the table after the object was written is null in all its rows.
fn read_columns(bytes: Vec<u8>, table: &'static Table, stored: &[&str]) -> pl::PolarsResult<DataFrame> {
    let mut reader = ParquetReader::new(Cursor::new(bytes));
    // Others wait for a core, or there is nothing to share.
    if reader.num_rows()? < PARALLEL_FROM_ROWS {
        reader = reader.read_parallel(ParallelStrategy::None);
    }
    let schema = reader.schema()?;
    let is_later = |name: &str| {
        !schema.contains(name) && table.columns.iter().any(|column| column.name == name && column.nullable)
    };
    let there = stored.iter().filter(|name| !is_later(name)).map(|name| (*name).to_owned()).collect();
    let frame = reader.with_columns(Some(there)).finish()?;
    let columns =
        stored.iter().map(|name| match table.columns.iter().find(|column| is_later(name) && column.name == *name) {
            Some(later) => Ok(pl::Column::full_null((*name).into(), frame.height(), &later.is.dtype())),
            None => frame.column(name).cloned(),
        });
    DataFrame::new(frame.height(), columns.collect::<pl::PolarsResult<Vec<_>>>()?)
}

/// Reads a table for polars when a query runs, and only the columns it uses.
struct Scan {
    snapshot: Snapshot,
    table: &'static Table,
}

impl pl::AnonymousScan for Scan {
    fn as_any(&self) -> &dyn std::any::Any {
        self
    }

    fn scan(&self, args: pl::AnonymousScanArgs) -> pl::PolarsResult<DataFrame> {
        let all: Vec<&str> = match &args.with_columns {
            Some(columns) => columns.iter().map(pl::PlSmallStr::as_str).collect(),
            None => names(self.table),
        };
        let failed = |error| pl::PolarsError::IO { error: Arc::new(std::io::Error::other(error)), msg: None };
        let frame = self.snapshot.select(self.table, &all).map_err(failed)?;
        Ok(args.n_rows.map_or_else(|| frame.clone(), |rows| frame.head(Some(rows))))
    }

    fn allows_projection_pushdown(&self) -> bool {
        true
    }
}

fn find(name: &str) -> Result<&'static Table, StoreError> {
    tables::find(name).ok_or_else(|| StoreError::NoColumn {
        what: "table".to_owned(),
        asked: name.to_owned(),
        known: format!("there are {}", TABLES.iter().map(|table| table.name).collect::<Vec<_>>().join(", ")),
    })
}

fn check_column(table: &'static Table, name: &str) -> Result<(), StoreError> {
    let names = names(table);
    if names.contains(&name) {
        return Ok(());
    }
    Err(StoreError::NoColumn {
        what: format!("column of {}", table.name),
        asked: name.to_owned(),
        known: format!("there are {}", names.join(", ")),
    })
}

/// Every column that queries see of a table, in order.
fn names(table: &'static Table) -> Vec<&'static str> {
    query_columns(table).into_iter().map(|(name, _)| name).collect()
}

fn schema(table: &'static Table) -> pl::Schema {
    query_columns(table).into_iter().map(|(name, dtype)| pl::Field::new(name.into(), dtype)).collect()
}

fn query_columns(table: &'static Table) -> Vec<(&'static str, pl::DataType)> {
    let of = |column: &Column| (column.name, column.is.dtype());
    let place = PLACE.iter().map(|name| (*name, pl::DataType::String));
    let volatile = table
        .volatile()
        .into_iter()
        .flat_map(|volatile| [(volatile.fact, tables::Type::Instant.dtype()), (volatile.state, pl::DataType::String)]);
    place.chain(table.columns.iter().map(of)).chain(volatile).chain(ORIGIN.iter().map(of)).collect()
}

/// No rows of the named columns.
fn empty(table: &'static Table, wanted: &[&str]) -> DataFrame {
    let schema = schema(table);
    let columns = wanted.iter().filter_map(|name| {
        let dtype = schema.get(name)?;
        Some(pl::Column::new_empty((*name).into(), dtype))
    });
    DataFrame::new(0, columns.collect()).expect("names of a table's columns are unique")
}

/// The key of each row as one text.
fn key_texts(frame: &DataFrame, keys: &[&str]) -> pl::PolarsResult<Vec<String>> {
    let mut texts = vec![String::new(); frame.height()];
    for key in keys {
        for (text, part) in texts.iter_mut().zip(frame.column(key)?.str()?.iter()) {
            // Null and empty are different keys.
            text.push(if part.is_some() { super::columns::KEY_SEPARATOR } else { '\0' });
            text.push_str(part.unwrap_or_default());
        }
    }
    Ok(texts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_that_came_later_is_null_in_objects_of_before() {
        let id = pl::Column::new("id".into(), ["7", "8"]);
        let mut bytes = Vec::new();
        let mut frame = DataFrame::new(2, vec![id.clone()]).unwrap();
        polars_io::parquet::write::ParquetWriter::new(&mut bytes).finish(&mut frame).unwrap();
        let read = read_columns(bytes.clone(), find("persons").unwrap(), &["attributes", "id"]).unwrap();
        assert_eq!(read.column("attributes").unwrap().null_count(), 2);
        assert_eq!(read.column("id").unwrap(), &id);
        assert!(read_columns(bytes, find("persons").unwrap(), &["emails"]).is_err(), "a list is never null");
    }
}
