//! Writing a snapshot: systems are written side by side, each from its own thread, and committed together.
//!
//! ```text
//!   Store::begin ─► Transaction ─► system() ─► SystemWriter: write(batch)… finish(reports) ─► StagedSystem
//!                        ▲                                                                         │
//!                        └───────────────── add, suspect ◄─────────────────────────────────────────┘
//!                   commit: sync objects ─► move them into place ─► rename the manifest into place
//! ```
//!
//! Until the last rename nothing refers to what was written. What was not read this time is carried over by itself:
//! forgetting something can never make it look removed.

use std::collections::{BTreeMap, BTreeSet};
use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use muster_connectors::record::{Fact, Raw, RecordKind, change_key};
use muster_connectors::scope::{Gap, KindReport, ScopeReport, ScopeState};
use muster_connectors::sink::Batch;
use rayon::prelude::*;
use serde_json::json;

use super::columns::{self, Order, Rows, Ties};
use super::error::StoreError;
use super::lock::Lock;
use super::manifest::{self, FORMAT, Header, KindEntry, KindView, Layer, Manifest, Part, ScopeEntry, SystemEntry};
use super::objects::{self, ROW_GROUP, Staged, Staging};
use super::profile::{Profile, Profiler};
use super::resume;
use super::spill::{self, Heaps, Overflow};
use super::tables::{self, Table};
use crate::workers::side_by_side;

/// Carried layers kept of a kind that is read in part night after night: the newest, and the oldest, which is complete.
const LAYERS: usize = 8;

/// What a snapshot is taken with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Start {
    /// The clock of the run.
    pub now: Timestamp,
    /// Name and version of the program.
    pub tool: String,
    /// Hash of the config.
    pub config: String,
}

/// A snapshot under way. Dropped without [`Transaction::commit`], it leaves no trace.
#[derive(Debug)]
pub struct Transaction<'a> {
    pub(super) root: PathBuf,
    staging: Arc<Staging>,
    pub(super) start: Start,
    previous: Option<Manifest>,
    systems: BTreeMap<String, SystemEntry>,
    forgotten: BTreeSet<String>,
    pub(super) objects: Vec<Staged>,
    timings: serde_json::Map<String, serde_json::Value>,
    /// The right to write lasts as long as this.
    lock: PhantomData<&'a Lock>,
}

/// Takes the records of one system. Owned by one thread; several may work at once.
#[derive(Debug)]
pub struct SystemWriter {
    staging: Arc<Staging>,
    system: String,
    connector: String,
    scopes: BTreeMap<Arc<str>, Vec<Collected>>,
    /// Bytes of source objects in memory.
    held: usize,
    overflow: Option<Overflow>,
}

/// A system that was read, but is not yet part of any snapshot: its objects are staged, or kept by an interrupted run.
#[derive(Debug)]
pub struct StagedSystem {
    pub(super) system: String,
    pub(super) connector: String,
    /// Clock of the run that read it, when that was an earlier one.
    pub(super) read: Option<Timestamp>,
    pub(super) scopes: BTreeMap<String, ScopeEntry>,
    pub(super) objects: Vec<Staged>,
    pub(super) timings: serde_json::Value,
}

impl<'a> Transaction<'a> {
    pub(super) fn begin(
        root: &Path,
        lock: &'a Lock,
        start: Start,
        previous: Option<Manifest>,
    ) -> Result<Self, StoreError> {
        if !lock.covers(root) {
            return Err(StoreError::Misuse(format!("the lock is not that of `{}`", root.display())));
        }
        let staging = Staging::open(root);
        // What a killed writer left behind.
        staging.clear()?;
        Ok(Self {
            root: root.to_owned(),
            staging: Arc::new(staging),
            start,
            previous,
            systems: BTreeMap::new(),
            forgotten: BTreeSet::new(),
            objects: Vec::new(),
            timings: serde_json::Map::new(),
            lock: PhantomData,
        })
    }

    /// The snapshot that this one follows.
    pub fn previous(&self) -> Option<&Manifest> {
        self.previous.as_ref()
    }

    /// A writer for the system called `name`, read by `connector`.
    ///
    /// # Errors
    /// [`StoreError::Misuse`] when the system is already part of this snapshot.
    pub fn system(&self, name: &str, connector: &str) -> Result<SystemWriter, StoreError> {
        if self.systems.contains_key(name) {
            return Err(StoreError::Misuse(format!("system `{name}` was already added to this snapshot")));
        }
        Ok(SystemWriter {
            staging: Arc::clone(&self.staging),
            system: name.to_owned(),
            connector: connector.to_owned(),
            scopes: BTreeMap::new(),
            held: 0,
            overflow: None,
        })
    }

    /// Makes a system part of this snapshot.
    ///
    /// # Errors
    /// [`StoreError::Misuse`] when it already is.
    pub fn add(&mut self, staged: StagedSystem) -> Result<(), StoreError> {
        let StagedSystem { system, connector, read, mut scopes, objects, timings } = staged;
        let now = read.unwrap_or(self.start.now);
        if self.systems.contains_key(&system) {
            return Err(StoreError::Misuse(format!("system `{system}` was already added to this snapshot")));
        }
        for scope in scopes.values_mut() {
            let said = scope.report.files.iter().filter_map(|file| file.collected).min();
            for (kind, entry) in &mut scope.kinds {
                let failed = scope.report.kinds.get(kind).is_none_or(|report| report.state == ScopeState::Failed);
                entry.collected = (!failed).then(|| said.unwrap_or(now));
            }
        }
        self.objects.extend(objects);
        self.timings.insert(system.clone(), timings);
        self.systems.insert(system, SystemEntry { connector, asked: true, scopes, gone: BTreeMap::new() });
        Ok(())
    }

    /// Records the judgement that a kind, though complete as its connector says, is not to be believed. Several reasons stand
    /// below one another.
    ///
    /// # Errors
    /// [`StoreError::Misuse`] when no such kind was added.
    /// `former_first` when it is the content of the rows that is doubted, not their number: rows of former snapshots then
    /// count before today's.
    pub fn suspect(
        &mut self,
        system: &str,
        scope: &str,
        kind: RecordKind,
        reason: &str,
        former_first: bool,
    ) -> Result<(), StoreError> {
        let entry = self.systems.get_mut(system).and_then(|entry| entry.scopes.get_mut(scope));
        let Some(entry) = entry.and_then(|scope| scope.kinds.get_mut(&kind)) else {
            return Err(StoreError::Misuse(format!("{system}:{scope} has no {kind} in this snapshot")));
        };
        entry.former_first |= former_first;
        match &mut entry.suspect {
            Some(reasons) => {
                reasons.push('\n');
                reasons.push_str(reason);
            }
            none => *none = Some(reason.to_owned()),
        }
        Ok(())
    }

    /// Leaves out a system of the former snapshot, because it is configured no more. Every other system that is not
    /// added is carried over.
    pub fn forget(&mut self, system: &str) {
        self.forgotten.insert(system.to_owned());
    }

    /// Makes the snapshot part of the store, in one step that either happens or does not. `run` holds timings and host
    /// facts; it is kept beside the snapshot and not hashed.
    ///
    /// # Errors
    /// [`StoreError::File`] when anything could not be written; the store is then as it was before.
    pub fn commit(mut self, run: serde_json::Value) -> Result<Manifest, StoreError> {
        self.carry();
        self.place_objects()?;
        let sequence = self.previous.as_ref().map_or(1, |previous| previous.header.sequence + 1);
        let header = Header {
            format: FORMAT,
            sequence,
            previous: self.previous.as_ref().map(|previous| previous.id.clone()),
            taken: self.start.now,
            tool: std::mem::take(&mut self.start.tool),
            config: std::mem::take(&mut self.start.config),
            body: String::new(),
        };
        let (manifest, bytes) = manifest::encode(header, std::mem::take(&mut self.systems));
        let run = json!({ "sequence": sequence, "run": run, "scopes": std::mem::take(&mut self.timings) });
        self.publish(&self.root.join("runs").join(format!("{sequence:06}.json")), format!("{run:#}\n").as_bytes())?;
        self.publish(&manifest::path(&self.root, &manifest), &bytes)?;
        resume::clear(&self.root)?;
        Ok(manifest)
    }

    /// Syncs new objects and moves them into place. Bytes that the store already has are left alone, so that an idle
    /// night costs no syncs.
    pub(super) fn place_objects(&mut self) -> Result<(), StoreError> {
        let new: Vec<Staged> =
            std::mem::take(&mut self.objects).into_par_iter().filter(|staged| !staged.is_known(&self.root)).collect();
        objects::sync(&new)?;
        let mut folders = BTreeSet::from([self.root.join("objects")]);
        for staged in new {
            folders.insert(staged.place(&self.root)?);
        }
        folders.iter().try_for_each(|folder| objects::sync_folder(folder))
    }

    /// Writes a file so that it is either whole or absent.
    pub(super) fn publish(&self, target: &Path, bytes: &[u8]) -> Result<(), StoreError> {
        objects::replace(&self.staging, target, bytes)
    }

    /// Brings over what the former snapshot held and this run did not read.
    fn carry(&mut self) {
        let Some(previous) = &self.previous else { return };
        let sequence = previous.header.sequence;
        for view in previous.kinds() {
            if self.forgotten.contains(view.system) {
                continue;
            }
            let system = self.systems.entry(view.system.to_owned()).or_insert_with(|| SystemEntry {
                connector: view.system_entry.connector.clone(),
                ..SystemEntry::default()
            });
            let kept = layers(&view, sequence);
            if !system.asked {
                let scope = system
                    .scopes
                    .entry(view.scope.to_owned())
                    .or_insert_with(|| ScopeEntry { report: view.scope_entry.report.clone(), kinds: BTreeMap::new() });
                let entry = KindEntry {
                    suspect: view.entry.suspect.clone(),
                    profile: view.entry.profile.clone(),
                    carried: kept,
                    ..KindEntry::default()
                };
                scope.kinds.insert(view.kind, entry);
                continue;
            }
            let stale = || kept.iter().cloned().map(|layer| Layer { stale: true, ..layer }).collect();
            if let Some(scope) = system.scopes.get_mut(view.scope) {
                let unread = scope.report.kinds.get(&view.kind).is_some_and(|kind| kind.state != ScopeState::Complete);
                // A complete answer that is not believed may have lost rows as well.
                if let Some(entry) = scope.kinds.get_mut(&view.kind).filter(|entry| unread || entry.suspect.is_some()) {
                    entry.carried = stale();
                }
            } else if is_whole(system) {
                system.gone.insert(view.scope.to_owned(), sequence);
            }
        }
        self.carry_missing_scopes();
    }

    /// Scopes that a system had and did not name this time, while something else of it was not read: nobody knows whether
    /// they still exist, so they are failed and their rows stay.
    fn carry_missing_scopes(&mut self) {
        let Some(previous) = &self.previous else { return };
        for (name, before) in &previous.systems {
            let Some(system) = self.systems.get_mut(name).filter(|system| system.asked && !is_whole(system)) else {
                continue;
            };
            for (scope, entry) in &before.scopes {
                if system.scopes.contains_key(scope) {
                    continue;
                }
                let view = |kind: RecordKind, held| KindView {
                    system: name,
                    system_entry: before,
                    scope,
                    scope_entry: entry,
                    kind,
                    entry: held,
                };
                let kinds = entry.kinds.iter().map(|(kind, held)| {
                    let carried = layers(&view(*kind, held), previous.header.sequence)
                        .into_iter()
                        .map(|layer| Layer { stale: true, ..layer })
                        .collect();
                    (*kind, KindEntry { carried, ..KindEntry::default() })
                });
                let report = ScopeReport {
                    scope: scope.clone(),
                    kinds: entry.kinds.keys().map(|kind| (*kind, not_named(name, scope))).collect(),
                    tenant: entry.report.tenant.clone(),
                    ..ScopeReport::default()
                };
                system.scopes.insert(scope.clone(), ScopeEntry { report, kinds: kinds.collect() });
            }
        }
    }
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        // The next writer empties the folder as well: a failure here costs only space until then.
        let _ = self.staging.clear();
    }
}

/// Whether everything of the system that was reported was read completely, and something was.
fn is_whole(system: &SystemEntry) -> bool {
    let is_read = |scope: &ScopeEntry| scope.report.state() == ScopeState::Complete && !has_doubt(scope);
    !system.scopes.is_empty() && system.scopes.values().all(is_read)
}

fn has_doubt(scope: &ScopeEntry) -> bool {
    scope.kinds.values().any(|kind| kind.suspect.is_some())
}

fn not_named(system: &str, scope: &str) -> KindReport {
    let gap = Gap::new("COL024", format!("scope `{scope}` was read before and was not named by `{system}` this time"))
        .cause("the system could not be read completely, so it is not known whether the scope still exists")
        .fix("see the other gaps of this system, then collect it again");
    KindReport { state: ScopeState::Failed, gaps: vec![gap], ..KindReport::default() }
}

/// What a later snapshot carries of a kind: the rows read then, above those carried then.
fn layers(view: &KindView<'_>, sequence: u64) -> Vec<Layer> {
    let own = (!view.entry.parts.is_empty()).then(|| Layer {
        from: sequence,
        collected: view.entry.collected,
        read: view.row_state(),
        stale: false,
        parts: view.entry.parts.clone(),
    });
    let mut layers: Vec<Layer> = own.into_iter().chain(view.entry.carried.iter().cloned()).collect();
    if view.entry.former_first && !view.entry.parts.is_empty() {
        layers.rotate_left(1);
    }
    if layers.len() > LAYERS {
        layers.drain(LAYERS - 1..layers.len() - 1);
    }
    layers
}

/// What was collected of one kind in one scope.
#[derive(Debug)]
struct Collected {
    kind: RecordKind,
    rows: Rows,
    profile: Profiler,
    activity: Option<Rows>,
    raw: Heaps,
}

impl SystemWriter {
    /// The system's name.
    pub fn system(&self) -> &str {
        &self.system
    }

    /// Takes some records of one scope.
    ///
    /// # Errors
    /// [`StoreError::File`] when the disk takes no more.
    pub fn write(&mut self, batch: Batch) -> Result<(), StoreError> {
        let scope = self.scopes.entry(batch.scope).or_default();
        for record in batch.records {
            let kind = record.kind();
            let place = scope.iter().position(|collected| collected.kind == kind).unwrap_or_else(|| {
                scope.push(Collected::new(kind));
                scope.len() - 1
            });
            let collected = &mut scope[place];
            collected.rows.push(&record);
            collected.profile.see(&record);
            if let Some((fact, at)) = columns::volatile(&record).filter(|(_, at)| **at != Fact::Unsupported) {
                let activity = collected.activity.get_or_insert_with(|| Rows::new(activity_table()));
                activity.push_activity(kind, &columns::id(&record), fact, at);
            }
            for (fact, at) in columns::used(&record) {
                let activity = collected.activity.get_or_insert_with(|| Rows::new(activity_table()));
                activity.push_activity(kind, &columns::id(&record), &fact, at);
            }
            if let Raw::Object(object) = columns::raw(&record) {
                let id = columns::id(&record);
                self.held += collected.raw.push(&id, object).ok_or_else(|| too_long(&self.staging, &id))?;
            }
        }
        if self.held > spill::HELD { self.release() } else { Ok(()) }
    }

    /// Moves source objects from memory to disk.
    fn release(&mut self) -> Result<(), StoreError> {
        let overflow = match &mut self.overflow {
            Some(overflow) => overflow,
            none => none.insert(Overflow::new(&self.staging)?),
        };
        self.held = 0;
        self.scopes.values_mut().flatten().try_for_each(|collected| collected.raw.release(overflow))
    }

    /// Sorts, writes and closes. Rows of a kind that failed are thrown away: none of them can be relied on.
    ///
    /// Records with the same key and content become one row. Of records with the same key and other content the first
    /// in sorted order stays, and the kind becomes partial with gap COL023. Of persons, employments and accounts none stays
    /// whose contents belong to different people: a link on the wrong one would be worse than none.
    ///
    /// # Errors
    /// [`StoreError`] when an object could not be written.
    pub fn finish(mut self, reports: Vec<ScopeReport>) -> Result<StagedSystem, StoreError> {
        let mut reports: BTreeMap<String, ScopeReport> =
            reports.into_iter().map(|report| (report.scope.clone(), report)).collect();
        for (scope, collected) in &self.scopes {
            let report = reports
                .entry(scope.to_string())
                .or_insert_with(|| ScopeReport { scope: scope.to_string(), ..ScopeReport::default() });
            for collected in collected {
                report.kinds.entry(collected.kind).or_insert_with(|| unreported(scope));
            }
        }
        let mut staged = StagedSystem {
            system: self.system.clone(),
            connector: self.connector.clone(),
            read: None,
            scopes: BTreeMap::new(),
            objects: Vec::new(),
            timings: serde_json::Value::Null,
        };
        let mut timings = serde_json::Map::new();
        let mut scopes = std::mem::take(&mut self.scopes);
        for (name, mut report) in reports {
            // A fact about this run, as its timings are.
            let clock_ahead = report.clock_ahead.take();
            timings
                .insert(name.clone(), json!({ "started": report.started.take(), "finished": report.finished.take(), "clock_ahead": clock_ahead }));
            let mut kinds: BTreeMap<RecordKind, KindEntry> =
                report.kinds.keys().map(|kind| (*kind, KindEntry::default())).collect();
            for collected in scopes.remove(name.as_str()).unwrap_or_default() {
                let said = report.kinds.entry(collected.kind).or_default();
                if said.state == ScopeState::Failed {
                    continue;
                }
                let kind = collected.kind;
                let (parts, profile) = self.store(&name, collected, said, &mut staged.objects)?;
                let entry = kinds.entry(kind).or_default();
                (entry.parts, entry.profile) = (parts, Some(profile));
            }
            staged.scopes.insert(name, ScopeEntry { report, kinds });
        }
        staged.timings = serde_json::Value::Object(timings);
        Ok(staged)
    }

    /// Writes what was collected of one kind. Its tables, and the chunks of each, are encoded side by side.
    fn store(
        &self,
        scope: &str,
        collected: Collected,
        report: &mut KindReport,
        objects: &mut Vec<Staged>,
    ) -> Result<(Vec<Part>, Profile), StoreError> {
        let Collected { kind, rows, profile, activity, raw } = collected;
        let withdrawn = std::mem::take(&mut report.withdrawn);
        let ((own, volatile), raw) = rayon::join(
            || rayon::join(|| self.own(scope, kind, rows, &withdrawn), || self.activity(scope, activity)),
            || self.raw(scope, kind, raw),
        );
        let (own, order) = own?;
        if order.conflict_count > 0 {
            report.state = report.state.max(ScopeState::Partial);
            report.gaps.push(contradiction(kind, order.conflict_count, &order.conflicts));
        }
        let mut parts = Vec::new();
        for (part, object) in own.into_iter().chain(volatile?).chain(raw?) {
            parts.push(part);
            objects.push(object);
        }
        Ok((parts, profile.profile()))
    }

    fn own(
        &self,
        scope: &str,
        kind: RecordKind,
        rows: Rows,
        withdrawn: &BTreeSet<String>,
    ) -> Result<(Option<(Part, Staged)>, Order), StoreError> {
        let mut order = rows.order(Ties::First);
        if !withdrawn.is_empty() {
            order.rows.retain(|row| {
                let (id, change) = (rows.text("id", *row), rows.text("sequence", *row));
                !withdrawn.contains(id) && (change.is_empty() || !withdrawn.contains(&change_key(id, change)))
            });
        }
        Ok((self.object(scope, tables::of(kind), &rows, &order.rows)?, order))
    }

    fn activity(&self, scope: &str, rows: Option<Rows>) -> Result<Vec<(Part, Staged)>, StoreError> {
        let Some(rows) = rows else { return Ok(Vec::new()) };
        let chunks = chunked(&rows, rows.order(Ties::Latest).rows);
        let objects = side_by_side(chunks.into_iter(), |chunk| self.object(scope, activity_table(), &rows, &chunk));
        present(objects.into_iter().collect())
    }

    fn raw(&self, scope: &str, kind: RecordKind, raw: Heaps) -> Result<Vec<(Part, Staged)>, StoreError> {
        let objects = side_by_side(raw.into_chunks().into_iter(), |heaps| {
            let mut rows = Rows::new(raw_table());
            for heap in heaps {
                heap.read(self.overflow.as_ref(), |id, object| rows.push_raw(kind, id, object))?;
            }
            self.object(scope, raw_table(), &rows, &rows.order(Ties::First).rows)
        });
        present(objects.into_iter().collect())
    }

    fn object(
        &self,
        scope: &str,
        table: &'static Table,
        rows: &Rows,
        order: &[u32],
    ) -> Result<Option<(Part, Staged)>, StoreError> {
        let frames = order
            .chunks(ROW_GROUP)
            .map(|group| rows.frame(&self.system, scope, group).map_err(StoreError::frame("build", table.name)));
        let object = self.staging.parquet(table.name, frames)?;
        Ok(object.map(|object| {
            let part = Part {
                table: table.name.to_owned(),
                object: object.hash.clone(),
                rows: order.len() as u64,
                bytes: object.bytes,
            };
            (part, object)
        }))
    }
}

/// The objects that have rows, in their order.
fn present<T>(objects: Result<Vec<Option<T>>, StoreError>) -> Result<Vec<T>, StoreError> {
    objects.map(|objects| objects.into_iter().flatten().collect())
}

impl StagedSystem {
    /// Clock of the run that read it, when that was an earlier one.
    pub fn read(&self) -> Option<Timestamp> {
        self.read
    }

    /// The system's name.
    pub fn system(&self) -> &str {
        &self.system
    }

    /// What became of each scope, contradictions included: what a gate judges.
    pub fn reports(&self) -> impl Iterator<Item = &ScopeReport> {
        self.scopes.values().map(|scope| &scope.report)
    }

    /// What the rows of a kind in a scope look like; `None` when none came.
    pub fn profile(&self, scope: &str, kind: RecordKind) -> Option<&Profile> {
        self.scopes.get(scope)?.kinds.get(&kind)?.profile.as_ref()
    }

    /// Rows held of a kind in a scope, after equal ones became one.
    pub fn rows(&self, scope: &str, kind: RecordKind) -> u64 {
        let parts = self.scopes.get(scope).and_then(|scope| scope.kinds.get(&kind)).map(|entry| entry.parts.as_slice());
        let own = parts.unwrap_or_default().iter().filter(|part| part.table == kind.as_str());
        own.map(|part| part.rows).sum()
    }
}

impl Collected {
    fn new(kind: RecordKind) -> Self {
        Self {
            kind,
            rows: Rows::new(tables::of(kind)),
            profile: Profiler::default(),
            activity: None,
            raw: Heaps::default(),
        }
    }
}

fn too_long(staging: &Staging, id: &str) -> StoreError {
    let start: String = id.chars().take(80).collect();
    StoreError::File {
        doing: "write",
        path: staging.folder(),
        source: std::io::Error::other(format!("the source object of `{start}` is larger than 4 GiB")),
    }
}

/// Rows of `activity`, cut into chunks when there are many.
fn chunked(rows: &Rows, order: Vec<u32>) -> Vec<Vec<u32>> {
    if order.len() < spill::CHUNK_FROM_ROWS {
        return vec![order];
    }
    let mut chunks = vec![Vec::new(); spill::CHUNKS.into()];
    for row in order {
        chunks[usize::from(spill::chunk_of(rows.text("id", row)))].push(row);
    }
    chunks
}

fn activity_table() -> &'static Table {
    tables::find("activity").expect("the list has it")
}

fn raw_table() -> &'static Table {
    tables::find("raw").expect("the list has it")
}

fn unreported(scope: &str) -> KindReport {
    let gap = Gap::new("COL022", format!("scope `{scope}` was not read to its end"))
        .cause("the connector stopped before it reported on it")
        .fix("see the error of this system, then collect it again");
    KindReport { gaps: vec![gap], ..KindReport::default() }
}

fn contradiction(kind: RecordKind, count: usize, keys: &[String]) -> Gap {
    let named = keys.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ");
    let more = count - keys.len();
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    let gap = Gap::new("COL023", format!("{count} of the {kind} came more than once with different contents: {named}{rest}"))
        .cause("the source lists them several times, or they changed while they were read; one of each was kept, and none of people and accounts that are told apart by it")
        .fix("make the key unique in the source, or collect again");
    // With the ids of all of them it is known what the contradiction costs.
    if more == 0 { gap.only(keys.to_vec()) } else { gap }
}
