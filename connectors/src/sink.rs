//! Where a connector puts what it reads: a bounded channel of record batches, and one report a scope.
//!
//! The channel holds a few batches; a connector that reads faster than the store can write waits in [`Scope::push`]
//! (back-pressure), so memory stays flat in the size of a system. A scope that is dropped without [`Scope::finish`] is
//! reported as failed: forgetting to finish can never look complete.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use tokio::sync::mpsc;

use crate::record::{Record, RecordKind};
use crate::scope::{Changes, Gap, KindReport, MayBeEmpty, Probe, ScopeReport, ScopeState, SourceFile};

/// Records a batch holds before it is sent.
const BATCH: usize = 1024;
/// Batches under way between a connector and the store.
const IN_FLIGHT: usize = 16;
/// Gaps kept word for word per kind; further ones are counted in a last one.
const GAPS_KEPT: usize = 1000;

/// Some records of one scope, in the order they were read.
#[derive(Debug)]
pub struct Batch {
    /// The scope's name.
    pub scope: Arc<str>,
    /// The records.
    pub records: Vec<Record>,
}

/// The reading side is gone: the scan was cancelled or the store failed. A connector just returns it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("nobody takes the records any more")]
pub struct SinkClosed;

/// What happens while a system is being read, for progress bars. Calls are cheap and come from any thread.
pub trait Progress: Send + Sync + std::fmt::Debug {
    /// `records` more records were read in `scope`.
    fn records(&self, scope: &str, records: u64);
    /// Something a watcher wants to know: "waiting 12 s as the server asked".
    fn note(&self, text: &str);
}

/// Progress that nobody watches.
#[derive(Debug, Clone, Copy)]
pub struct Unwatched;

impl Progress for Unwatched {
    fn records(&self, _scope: &str, _records: u64) {}
    fn note(&self, _text: &str) {}
}

type Reports = Arc<Mutex<Vec<ScopeReport>>>;

/// The connector's end. Cloning is cheap; every clone feeds the same store.
#[derive(Debug, Clone)]
pub struct Sink {
    batches: mpsc::Sender<Batch>,
    reports: Reports,
    progress: Arc<dyn Progress>,
    clock: fn() -> Timestamp,
}

/// The store's end.
#[derive(Debug)]
pub struct Drain {
    batches: mpsc::Receiver<Batch>,
    reports: Reports,
}

/// A connected sink and drain. `clock` stamps when scopes began and ended, and nothing else.
pub fn channel(progress: Arc<dyn Progress>, clock: fn() -> Timestamp) -> (Sink, Drain) {
    let (sender, receiver) = mpsc::channel(IN_FLIGHT);
    let reports = Reports::default();
    (Sink { batches: sender, reports: Arc::clone(&reports), progress, clock }, Drain { batches: receiver, reports })
}

impl Sink {
    /// Opens a scope that promises to cover `kinds`.
    pub fn scope(&self, name: impl Into<String>, kinds: &[RecordKind]) -> Scope {
        let name = name.into();
        let report = ScopeReport {
            scope: name.clone(),
            kinds: kinds.iter().map(|kind| (*kind, KindReport::default())).collect(),
            started: Some((self.clock)()),
            ..ScopeReport::default()
        };
        Scope {
            sink: self.clone(),
            name: name.into(),
            pending: Vec::new(),
            report,
            dropped_gaps: BTreeMap::new(),
            failed: Vec::new(),
            finished: false,
        }
    }

    /// The watcher of this run.
    pub fn progress(&self) -> &dyn Progress {
        self.progress.as_ref()
    }
}

impl Drain {
    /// The next batch; `None` when every sink and scope is gone.
    pub async fn next(&mut self) -> Option<Batch> {
        self.batches.recv().await
    }

    /// [`Drain::next`] for a thread of its own.
    pub fn next_blocking(&mut self) -> Option<Batch> {
        self.batches.blocking_recv()
    }

    /// The reports of every scope that was opened, sorted by name. Call it when `next` has returned `None`.
    pub fn into_reports(self) -> Vec<ScopeReport> {
        let mut reports = std::mem::take(&mut *self.reports.lock().unwrap_or_else(PoisonError::into_inner));
        reports.sort_by(|a, b| a.scope.cmp(&b.scope));
        reports
    }
}

/// One scope while it is being read.
#[derive(Debug)]
pub struct Scope {
    sink: Sink,
    name: Arc<str>,
    pending: Vec<Record>,
    report: ScopeReport,
    dropped_gaps: BTreeMap<RecordKind, u64>,
    failed: Vec<RecordKind>,
    finished: bool,
}

impl Scope {
    /// The scope's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Hands over a record; waits while the store is busy.
    ///
    /// # Errors
    /// [`SinkClosed`] when the scan is over: stop reading.
    pub async fn push(&mut self, record: Record) -> Result<(), SinkClosed> {
        if self.take(record) {
            let batch = self.batch();
            self.sink.batches.send(batch).await.map_err(|_closed| SinkClosed)?;
        }
        Ok(())
    }

    /// [`Scope::push`] for code that runs on a thread of its own.
    ///
    /// # Errors
    /// [`SinkClosed`] when the scan is over: stop reading.
    pub fn push_blocking(&mut self, record: Record) -> Result<(), SinkClosed> {
        if self.take(record) {
            let batch = self.batch();
            self.sink.batches.blocking_send(batch).map_err(|_closed| SinkClosed)?;
        }
        Ok(())
    }

    /// Counts the record; true when the batch is full. A record of a kind that was not promised adds the kind, so that it
    /// is never stored without a state.
    fn take(&mut self, record: Record) -> bool {
        self.report.kinds.entry(record.kind()).or_default().records += 1;
        self.pending.push(record);
        self.pending.len() >= BATCH
    }

    fn batch(&mut self) -> Batch {
        self.sink.progress.records(&self.name, self.pending.len() as u64);
        Batch { scope: Arc::clone(&self.name), records: std::mem::take(&mut self.pending) }
    }

    /// Counts a page or file.
    pub fn page(&mut self) {
        self.report.pages += 1;
    }

    /// Notes that something of `kind` was not read: the kind ends partial.
    pub fn gap(&mut self, kind: RecordKind, gap: Gap) {
        let report = self.report.kinds.entry(kind).or_default();
        if report.gaps.len() < GAPS_KEPT {
            report.gaps.push(gap);
        } else {
            *self.dropped_gaps.entry(kind).or_default() += 1;
        }
    }

    /// Notes that nothing of `kind` can be relied on: the kind ends failed.
    pub fn fail(&mut self, kind: RecordKind, gap: Gap) {
        self.gap(kind, gap);
        self.give_up(kind);
    }

    /// Says that the gaps noted so far leave nothing of `kind` to rely on: the kind ends failed.
    pub fn give_up(&mut self, kind: RecordKind) {
        if !self.failed.contains(&kind) {
            self.failed.push(kind);
        }
    }

    /// Fails every promised kind for one cause.
    pub fn fail_all(&mut self, gap: &Gap) {
        let kinds: Vec<RecordKind> = self.report.kinds.keys().copied().collect();
        for kind in kinds {
            self.fail(kind, gap.clone());
        }
    }

    /// The total the vendor declares for `kind`. When fewer records arrive, the kind ends partial.
    pub fn declare_total(&mut self, kind: RecordKind, total: u64) {
        self.report.kinds.entry(kind).or_default().declared_total = Some(total);
    }

    /// Notes that the source keeps `field` of every record of `kind` to itself.
    pub fn withhold(&mut self, kind: RecordKind, field: &str, why: impl Into<String>) {
        self.report.kinds.entry(kind).or_default().withheld.insert(field.to_owned(), why.into());
    }

    /// Counts a record of `kind` that came again with the same content and was left out.
    pub fn repeat(&mut self, kind: RecordKind) {
        self.report.kinds.entry(kind).or_default().repeated += 1;
    }

    /// Takes back a record of `kind` that was pushed: a later one with its id says otherwise, and nobody knows which is right.
    pub fn withdraw(&mut self, kind: RecordKind, id: &str) {
        self.report.kinds.entry(kind).or_default().withdrawn.insert(id.to_owned());
    }

    /// What the system's clock says now. The largest distance from ours is kept.
    pub fn server_time(&mut self, told: Timestamp) {
        let ahead = told.duration_since((self.sink.clock)()).as_secs();
        if self.report.clock_ahead.is_none_or(|known| ahead.abs() > known.abs()) {
            self.report.clock_ahead = Some(ahead);
        }
    }

    /// Records the outcome of a permission probe.
    pub fn probe(&mut self, probe: Probe) {
        self.report.probes.push(probe);
    }

    /// Who the credential is.
    pub fn identity(&mut self, identity: impl Into<String>) {
        self.report.identity = Some(identity.into());
    }

    /// The tenant's own id.
    pub fn tenant(&mut self, tenant: impl Into<String>) {
        self.report.tenant = Some(tenant.into());
    }

    /// Says how the scope was read, when its changes can be asked for.
    pub fn changes(&mut self, changes: Changes) {
        self.report.changes = Some(changes);
    }

    /// Says that a first answer without anything is ordinary.
    pub fn may_be_empty(&mut self, may_be_empty: MayBeEmpty) {
        self.report.may_be_empty = Some(may_be_empty);
    }

    /// A file that was read.
    pub fn file(&mut self, file: SourceFile) {
        self.report.files.push(file);
    }

    /// Records pushed so far of `kind`.
    pub fn count(&self, kind: RecordKind) -> u64 {
        self.report.kinds.get(&kind).map_or(0, |report| report.records)
    }

    /// Ends the scope: what has no gap is complete.
    ///
    /// # Errors
    /// [`SinkClosed`] when the scan is over; the scope is then reported as failed.
    pub async fn finish(mut self) -> Result<(), SinkClosed> {
        if !self.pending.is_empty() {
            let batch = self.batch();
            self.sink.batches.send(batch).await.map_err(|_closed| SinkClosed)?;
        }
        self.settle();
        Ok(())
    }

    /// [`Scope::finish`] for code that runs on a thread of its own.
    ///
    /// # Errors
    /// [`SinkClosed`] when the scan is over; the scope is then reported as failed.
    pub fn finish_blocking(mut self) -> Result<(), SinkClosed> {
        if !self.pending.is_empty() {
            let batch = self.batch();
            self.sink.batches.blocking_send(batch).map_err(|_closed| SinkClosed)?;
        }
        self.settle();
        Ok(())
    }

    fn settle(&mut self) {
        self.finished = true;
        for (kind, report) in &mut self.report.kinds {
            if let Some(total) = report.declared_total.filter(|total| *total > report.records) {
                let read = report.records;
                report.gaps.push(
                    Gap::new("COL020", format!("the system declares {total} {kind}, {read} were read"))
                        .cause("records were withheld, or changed while they were listed")
                        .fix("run the collection again; if the number stays short, check the credential's permissions"),
                );
            }
            report.state = if self.failed.contains(kind) {
                ScopeState::Failed
            } else if report.gaps.is_empty() {
                ScopeState::Complete
            } else {
                ScopeState::Partial
            };
        }
        self.deliver();
    }

    fn deliver(&mut self) {
        for (kind, dropped) in std::mem::take(&mut self.dropped_gaps) {
            if let Some(report) = self.report.kinds.get_mut(&kind) {
                report.gaps.push(
                    Gap::new("COL021", format!("{dropped} further gaps of the same kind are not listed"))
                        .cause(format!("{GAPS_KEPT} gaps are kept word for word; so many usually have one cause"))
                        .fix("mend what the listed ones name, then collect again"),
                );
            }
        }
        self.report.finished = Some((self.sink.clock)());
        let report = std::mem::take(&mut self.report);
        self.sink.reports.lock().unwrap_or_else(PoisonError::into_inner).push(report);
    }
}

impl Drop for Scope {
    fn drop(&mut self) {
        if self.finished {
            return;
        }
        let interrupted = Gap::new("COL022", format!("scope `{}` was not read to its end", self.name))
            .cause("the connector stopped before it finished")
            .fix("see the error of this system, then collect it again");
        self.fail_all(&interrupted);
        for report in self.report.kinds.values_mut() {
            report.state = ScopeState::Failed;
        }
        self.deliver();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Account, IdKind};

    fn epoch() -> Timestamp {
        Timestamp::UNIX_EPOCH
    }

    fn account(id: &str) -> Record {
        Record::Account(Box::new(Account::new(id, IdKind::Immutable)))
    }

    #[tokio::test]
    async fn a_scope_that_is_forgotten_is_failed_and_its_records_are_not_claimed() {
        let (sink, mut drain) = channel(Arc::new(Unwatched), epoch);
        let mut scope = sink.scope("a", &[RecordKind::Account]);
        scope.push(account("1")).await.unwrap();
        drop(scope);
        drop(sink);
        while drain.next().await.is_some() {}
        let reports = drain.into_reports();
        assert_eq!(reports[0].state(), ScopeState::Failed);
        assert_eq!(reports[0].kinds[&RecordKind::Account].gaps[0].code, "COL022");
    }

    #[tokio::test]
    async fn fewer_records_than_declared_is_partial() {
        let (sink, mut drain) = channel(Arc::new(Unwatched), epoch);
        let mut scope = sink.scope("a", &[RecordKind::Account, RecordKind::Group]);
        scope.declare_total(RecordKind::Account, 2);
        scope.push(account("1")).await.unwrap();
        scope.finish().await.unwrap();
        drop(sink);
        let mut records = 0;
        while let Some(batch) = drain.next().await {
            records += batch.records.len();
        }
        assert_eq!(records, 1);
        let reports = drain.into_reports();
        assert_eq!(reports[0].kinds[&RecordKind::Account].state, ScopeState::Partial);
        assert_eq!(reports[0].kinds[&RecordKind::Group].state, ScopeState::Complete);
    }
}
