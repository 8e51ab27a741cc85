//! Reads one file into one scope.

mod seen;
mod whole;

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use aws_lc_rs::digest::{SHA256, digest};

use self::seen::{Meeting, Seen};
use super::cells::{Cells, ELEMENT};
use super::columns::{self, Column, Skip};
use super::fault::{Fault, Reach};
use super::rows::{Format, Row, Rows, Step, with_rows};
use super::settings::Source;
use super::tables::{Mapper, RowKey, Table};
use crate::record::{Record, RecordKind};
use crate::scope::{Probe, SourceFile};
use crate::sink::{Scope, Sink};
use crate::{ConnectorError, Run, source_file};

/// Rows between two looks at whether the run was cancelled.
const CANCEL_EVERY: u64 = 1024;

/// Reads `source` to its end. Blocks; runs on a thread of its own.
///
/// # Errors
/// [`ConnectorError::Stopped`] when the run is over. What is wrong with the file stands in its scope report.
pub(super) fn read(source: &Source, folder: &Path, run: &Run, sink: &Sink) -> Result<(), ConnectorError> {
    let mut scope = sink.scope(source.table.as_str(), &source.kinds());
    scope.page();
    let (file, described) = match source_file::open(folder, &source.path) {
        Ok(opened) => opened,
        Err(gap) => {
            scope.fail_all(&gap);
            scope.finish_blocking()?;
            return Ok(());
        }
    };
    let path = described.path.clone();
    let mut reader = FileReader { source, run, scope, path, described, tally: Tally::default() };
    if let Err(fault) = reader.read(file)? {
        reader.fail(&fault, None);
    }
    let FileReader { mut scope, described, tally, .. } = reader;
    scope.file(described);
    for (why, rows) in &tally.skipped {
        let all = tally.rows;
        sink.progress().note(&format!("`{}`: {rows} of {all} rows left out: {why}", source.path.display()));
    }
    if tally.local_times && source.zone_is_assumed {
        sink.progress().note(&format!(
            "`{}`: times without a zone are read as UTC; set `time_zone` if they are not",
            source.path.display()
        ));
    }
    scope.finish_blocking()?;
    Ok(())
}

/// Opens `source` and finds its columns, and reads no row.
pub(super) fn probe(source: &Source, folder: &Path) -> Probe {
    let permission = format!("read `{}`", source.path.display());
    let outcome = source_file::open(folder, &source.path).map_err(|gap| (gap.what, gap.cause)).and_then(|(file, _)| {
        with_rows(file, &source.layout, &source.plan, |rows| find_columns(source, rows).map(drop))
            .and_then(|found| found)
            .map_err(|fault| (fault.what.into(), fault.cause.map(String::from)))
    });
    let detail = outcome.err().map(|(what, cause)| match cause {
        Some(cause) => format!("{what}: {cause}"),
        None => what,
    });
    Probe { permission, granted: Some(detail.is_none()), detail }
}

/// The columns of the file, `None` when it is empty.
fn find_columns(source: &Source, rows: &dyn Rows) -> Result<Option<Vec<Column>>, Fault> {
    let header = rows.header();
    if header.is_empty() {
        return Ok(None);
    }
    if let Some(wanted) = &source.header {
        let same =
            wanted.len() == header.len() && wanted.iter().zip(header).all(|(a, b)| columns::key(a) == columns::key(b));
        if !same {
            return Err(Fault::header("the header is not the expected one")
                .cause(format!("expected: {}; found: {}", wanted.join(", "), header.join(", ")))
                .fix("if the change is right, correct `header` and check `columns`"));
        }
    }
    source.plan.named_attributes(header)?;
    source.plan.skips(header)?;
    left_out_unless(source, header)?;
    source.plan.resolve(header).map(Some)
}

/// For everybody whom the export leaves out, the column that shows that they are there after all.
fn left_out_unless(source: &Source, header: &[String]) -> Result<Vec<Option<usize>>, Fault> {
    let columns = source.leaves_out.iter().map(|(_, shown_by)| shown_by.as_ref());
    columns.map(|heading| heading.map_or(Ok(None), |heading| source.plan.place(header, heading))).collect()
}

/// Counts of one file.
#[derive(Debug, Default)]
struct Tally {
    /// Rows that are not empty, good or bad.
    rows: u64,
    bad: u64,
    same: u64,
    /// Rows of what is no more, by why they are left out.
    skipped: BTreeMap<String, u64>,
    /// Of everybody whom the export leaves out, the column that would show them, until a row fills it.
    unshown: Vec<Option<usize>>,
    /// Rows with the wrong number of fields.
    misfits: u64,
    /// Faults that cost values and faults that cost rows, by column.
    by_column: BTreeMap<usize, (u64, u64)>,
    trailer: Option<String>,
    after_trailer: u64,
    stopped: bool,
    local_times: bool,
    /// Columns of e-mail addresses, with the filled cells in them and those that hold no address.
    addresses: Vec<(usize, u64, u64)>,
    /// Columns that people are joined or judged by and that no row has filled so far.
    empty: Vec<(RecordKind, &'static str, Vec<usize>)>,
}

struct FileReader<'a> {
    source: &'a Source,
    run: &'a Run,
    scope: Scope,
    path: String,
    described: SourceFile,
    tally: Tally,
}

impl FileReader<'_> {
    /// Reads the file; the inner error costs all of it.
    fn read(&mut self, file: File) -> Result<Result<(), Fault>, ConnectorError> {
        if let Some(collected) = self.source.collected {
            self.described.collected = Some(collected);
        }
        if let Some(wanted) = self.source.expect_sha256.as_ref().filter(|wanted| **wanted != self.described.sha256) {
            return Ok(Err(Fault::other_file(format!("the file's SHA-256 is {}", self.described.sha256))
                .cause(format!("`expect_sha256` is {wanted}: the file is another one, or was damaged on its way"))
                .fix("copy the file again; if the new content is right, correct `expect_sha256`")));
        }
        let handle = match file.try_clone() {
            Ok(handle) => handle,
            Err(error) => return Ok(Err(Fault::interrupted(&error))),
        };
        let source = self.source;
        let read = with_rows(file, &source.layout, &source.plan, |rows| self.rows(rows));
        let changed = handle.metadata().map(|now| now.len()).ok().filter(|now| *now != self.described.bytes);
        if let Some(now) = changed {
            return Ok(Err(Fault::other_file("the file changed while it was read")
                .cause(format!("it had {} bytes, then {now}", self.described.bytes))
                .fix("let the export finish before the collection, or write it elsewhere and rename it")));
        }
        match read {
            Ok(outcome) => outcome,
            Err(fault) => Ok(Err(fault)),
        }
    }

    fn rows(&mut self, rows: &mut dyn Rows) -> Result<Result<(), Fault>, ConnectorError> {
        let columns = match find_columns(self.source, rows) {
            Ok(Some(columns)) => columns,
            // Without an object there is no key: no line at all is how an empty list is written in JSON Lines.
            Ok(None) if self.source.layout.format == Format::Jsonl => {
                self.limits(&[], &[]);
                self.expectations();
                return Ok(Ok(()));
            }
            Ok(None) => {
                return Ok(Err(Fault::header("the file is empty: it has no header")
                    .cause("an export without rows still has its header; this one was cut off or never written")
                    .fix("export the file again")));
            }
            Err(fault) => return Ok(Err(fault)),
        };
        self.described.header = rows.shape().map(|shape| fingerprint(rows.header(), &shape));
        let mut used: Vec<usize> = columns.iter().flat_map(|column| column.at.iter().copied()).collect();
        let attributes = match self.attributes(rows.header(), &used) {
            Ok(attributes) => attributes,
            Err(fault) => return Ok(Err(fault)),
        };
        used.extend(attributes.iter().map(|(index, _)| *index));
        let skips = match self.source.plan.skips(rows.header()) {
            Ok(skips) => skips,
            Err(fault) => return Ok(Err(fault)),
        };
        match left_out_unless(self.source, rows.header()) {
            Ok(unshown) => self.tally.unshown = unshown,
            Err(fault) => return Ok(Err(fault)),
        }
        let shown_by = self.tally.unshown.clone();
        let without = self.source.plan.without(&columns);
        let addresses = columns.iter().filter(|column| column.field.name == "email").flat_map(|column| &column.at);
        self.tally.addresses = addresses.map(|at| (*at, 0, 0)).collect();
        self.tally.empty = columns
            .iter()
            .filter(|column| self.source.table == Table::People && column.is_mapped())
            .filter_map(|column| match column.field.name {
                "email" => Some((RecordKind::Person, "emails", column.at.clone())),
                "status" => Some((RecordKind::Employment, "status", column.at.clone())),
                _ => None,
            })
            .collect();
        let mapper = self.source.table.mapper(columns, self.source.implied, attributes);
        if let Err(fault) = self.each_row(rows, mapper, &used, &skips)? {
            return Ok(Err(fault));
        }
        if let Some(fault) = rows.end().filter(|_| !self.tally.stopped) {
            self.gap(&fault, None);
        }
        if let Some(fault) = self.shifted(rows.header()).or_else(|| self.all_gone()) {
            return Ok(Err(fault));
        }
        for (kind, field, _) in std::mem::take(&mut self.tally.empty) {
            self.scope.withhold(kind, field, "its column is empty in every row");
        }
        self.limits(&without, &shown_by);
        self.expectations();
        Ok(Ok(()))
    }

    /// What the export does not have, and whom it leaves out: the kinds are partial, and nobody is gone who is not in the file.
    ///
    /// `shown_by` has the column, for each of those whom the export leaves out, that shows them where it does not.
    fn limits(&mut self, without: &[(&'static str, String)], shown_by: &[Option<usize>]) {
        let source = self.source;
        for (kind, field, why) in &source.withheld {
            self.scope.withhold(*kind, field, why.as_str());
        }
        for (field, heading) in without {
            let (kind, field) = (source.table.kind_of(field), source.table.record_field(field));
            self.scope.withhold(kind, field, format!("`{}` has no column `{heading}`", self.path));
        }
        for (index, (left, _)) in source.leaves_out.iter().enumerate() {
            let is_shown = shown_by.get(index).is_some_and(Option::is_some) && self.tally.unshown[index].is_none();
            if is_shown {
                continue;
            }
            let export = source.plan.export.as_deref().unwrap_or_default();
            let fault = Fault::left_out(format!("`{}` leaves out {}", self.path, left.what))
                .cause(format!("the export `{export}` does not hold them, and does not say who they are"))
                .fix(format!("{}; if there is nobody like that here, say `whole = true`", left.fix));
            self.gap(&fault, None);
        }
    }

    /// The columns that are kept as evidence: of accounts what is not mapped, of people only what the config names.
    fn attributes(&self, header: &[String], used: &[usize]) -> Result<Vec<(usize, String)>, Fault> {
        if self.source.table != Table::Accounts {
            return self.source.plan.named_attributes(header);
        }
        let kept = |index: &usize| !used.contains(index) && columns::may_be_kept(&header[*index]);
        Ok((0..header.len()).filter(kept).map(|index| (index, header[index].clone())).collect())
    }

    fn each_row(
        &mut self,
        rows: &mut dyn Rows,
        mut mapper: Box<dyn Mapper>,
        used: &[usize],
        skips: &[(usize, &Skip)],
    ) -> Result<Result<(), Fault>, ConnectorError> {
        let mut row = Row::default();
        let mut records: Vec<Record> = Vec::new();
        let mut faults: Vec<Fault> = Vec::new();
        let mut folded = String::new();
        let mut seen = Seen::default();
        loop {
            match rows.next(&mut row) {
                Step::Row => {}
                Step::Bad(fault) => {
                    self.count_row();
                    let ids = self.ids(mapper.as_ref(), &row);
                    self.bad_row(&fault, row.line, ids);
                    continue;
                }
                Step::Trailer(text) => {
                    self.tally.trailer = Some(text);
                    continue;
                }
                Step::Stop(fault) => {
                    self.tally.stopped = true;
                    self.gap(&fault, Some(row.line));
                    break;
                }
                Step::End => break,
            }
            self.count_row();
            if self.tally.rows.is_multiple_of(CANCEL_EVERY) && self.run.cancel.is_cancelled() {
                return Err(ConnectorError::Stopped);
            }
            let gone = skips.iter().find(|(at, skip)| skip.when.holds(row.cells.get(*at).unwrap_or_default()));
            if let Some((_, skip)) = gone {
                *self.tally.skipped.entry(skip.why.clone()).or_default() += 1;
                continue;
            }
            for shown_by in &mut self.tally.unshown {
                if shown_by.is_some_and(|at| row.cells.get(at).is_some_and(|cell| !cell.trim().is_empty())) {
                    *shown_by = None;
                }
            }
            let mut cells = Cells {
                record: &row.cells,
                line: row.line,
                reading: &self.source.reading,
                faults: &mut faults,
                folded: &mut folded,
                local_times: &mut self.tally.local_times,
            };
            let mapped = mapper.map(&mut cells, &mut records);
            if let Some(fault) = faults.iter().find(|fault| fault.reach == Reach::File) {
                return Ok(Err(self.placed(fault.clone(), row.line)));
            }
            match mapped {
                Err(fault) if fault.reach == Reach::File => return Ok(Err(self.placed(fault, row.line))),
                Err(fault) => {
                    faults.clear();
                    records.clear();
                    let ids = self.ids(mapper.as_ref(), &row);
                    self.bad_row(&fault, row.line, ids);
                    continue;
                }
                Ok(RowKey::Unique(id)) => match seen.meet(&id, &row, used) {
                    Meeting::First => mapper.used(),
                    Meeting::Same => {
                        self.tally.same += 1;
                        self.source.table.kinds().iter().for_each(|kind| self.scope.repeat(*kind));
                        faults.clear();
                        records.clear();
                        continue;
                    }
                    Meeting::Conflict(first) => {
                        let fault =
                            Fault::conflict(format!("line {} says otherwise than line {first} about `{id}`", row.line))
                                .cause("two rows have one id, and nobody knows which is right: neither is kept")
                                .fix("correct the source; if a person has several contracts, map `employment_id`");
                        let id_column = mapper.id_columns().iter().find_map(|column| column.at.first().copied());
                        let fault = Fault { column: id_column, ..fault };
                        faults.clear();
                        records.clear();
                        mapper.refused(&id);
                        self.source.table.kinds().iter().for_each(|kind| self.scope.withdraw(*kind, &id));
                        let mut ids = self.ids(mapper.as_ref(), &row);
                        ids.push(id);
                        ids.sort();
                        ids.dedup();
                        self.bad_row(&fault, row.line, ids);
                        continue;
                    }
                },
                Ok(RowKey::None) => {}
            }
            for (at, filled, strange) in &mut self.tally.addresses {
                let cell = row.cells.get(*at).unwrap_or_default().trim();
                *filled += u64::from(!cell.is_empty());
                *strange += u64::from(!cell.is_empty() && !cell.contains('@'));
            }
            self.tally
                .empty
                .retain(|(.., at)| at.iter().all(|at| row.cells.get(*at).is_none_or(|cell| cell.trim().is_empty())));
            for fault in faults.drain(..) {
                self.count(&fault);
                let kind = self.source.table.kind_of(fault.field.unwrap_or_default());
                let ids = self.ids(mapper.as_ref(), &row);
                self.scope.gap(kind, fault.row_gap(&self.path, row.line, ids));
            }
            for record in records.drain(..) {
                self.scope.push_blocking(record)?;
            }
        }
        mapper.finish(&mut records);
        for record in records {
            self.scope.push_blocking(record)?;
        }
        Ok(Ok(()))
    }

    /// A fault that costs the file, saying where it was met.
    fn placed(&self, fault: Fault, line: u64) -> Fault {
        let at = fault.gap(&self.path, Some(line)).at.unwrap_or_default();
        Fault { what: format!("{} at {at}", fault.what).into(), ..fault }
    }

    fn count_row(&mut self) {
        self.tally.rows += 1;
        self.tally.after_trailer += u64::from(self.tally.trailer.is_some());
    }

    fn count(&mut self, fault: &Fault) {
        // That two rows contradict each other says nothing about the layout.
        if let Some(column) = fault.column.filter(|_| !fault.is_conflict()) {
            let (values, rows) = self.tally.by_column.entry(column).or_default();
            *(if fault.reach == Reach::Value { values } else { rows }) += 1;
        }
    }

    /// What can be read of the ids in a row that cannot be used.
    fn ids(&self, mapper: &dyn Mapper, row: &Row) -> Vec<String> {
        let places = mapper.id_columns().into_iter().flat_map(|column| column.at.iter().copied());
        let cells = places.filter_map(|index| row.cells.get(index));
        let separator = self.source.reading.list_separator.as_str();
        let texts = cells.flat_map(|cell| cell.split(ELEMENT).flat_map(|cell| cell.split(separator)));
        let sound = |text: &&str| !text.is_empty() && !text.contains(['\n', '\r', char::REPLACEMENT_CHARACTER]);
        let mut ids: Vec<String> = texts.map(str::trim).filter(sound).map(str::to_owned).collect();
        ids.sort();
        ids.dedup();
        ids
    }

    fn bad_row(&mut self, fault: &Fault, line: u64, ids: Vec<String>) {
        self.tally.bad += 1;
        self.tally.misfits += u64::from(fault.is_misfit());
        self.count(fault);
        let gap = fault.row_gap(&self.path, line, ids);
        for kind in self.source.kinds() {
            self.scope.gap(kind, gap.clone());
        }
    }

    /// Notes a fault for every kind that the file tells.
    fn gap(&mut self, fault: &Fault, line: Option<u64>) {
        for kind in self.source.kinds() {
            self.scope.gap(kind, fault.gap(&self.path, line));
        }
    }

    fn fail(&mut self, fault: &Fault, line: Option<u64>) {
        self.scope.fail_all(&fault.gap(&self.path, line));
    }
}

/// Equal for files of the same header, delimiter and encoding.
fn fingerprint(header: &[String], shape: &str) -> String {
    let mut text: String = header.iter().map(|heading| columns::key(heading) + "\u{1f}").collect();
    text.push_str(shape);
    source_file::hex(&digest(&SHA256, text.as_bytes()).as_ref()[..16])
}
