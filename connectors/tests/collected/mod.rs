//! Runs a connector as the engine does and keeps everything that came out.

#![allow(dead_code, reason = "each test program uses its part")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use muster_connectors::http::Pace;
use muster_connectors::record::{Record, RecordKind};
use muster_connectors::scope::{Gap, KindReport, ScopeReport, ScopeState};
use muster_connectors::secret::Environment;
use muster_connectors::sink::{Batch, Progress, channel};
use muster_connectors::{Connector, ConnectorError, Run, Settings, SettingsError};
use tokio_util::sync::CancellationToken;

/// The credential of every test; it must never show.
pub(crate) const TOKEN: &str = "s3cr3t-t0ken-of-the-test";

/// Everything that one collection yielded.
#[derive(Debug)]
pub(crate) struct Collected {
    pub(crate) result: Result<(), ConnectorError>,
    pub(crate) records: Vec<Record>,
    pub(crate) reports: Vec<ScopeReport>,
    pub(crate) notes: Vec<String>,
}

/// A record as one line of JSON, without its place in a file: that moves with the rows around it.
pub(crate) fn line(record: &Record) -> String {
    let mut json = serde_json::to_value(record).expect("a record is JSON");
    if json["raw"].get("at").is_some() {
        json["raw"] = "at".into();
    }
    json.to_string()
}

impl Collected {
    /// The records as sorted JSON lines: order is nobody's promise.
    pub(crate) fn lines(&self) -> Vec<String> {
        let mut lines: Vec<String> = self.records.iter().map(line).collect();
        lines.sort();
        lines
    }

    /// Compares records, and shows only what differs.
    pub(crate) fn assert_same_records(&self, other: &Self, told: &str) {
        let (mine, others): (BTreeSet<String>, BTreeSet<String>) =
            (self.lines().into_iter().collect(), other.lines().into_iter().collect());
        let (only_here, only_there) = (mine.difference(&others), others.difference(&mine));
        let (only_here, only_there): (Vec<_>, Vec<_>) = (only_here.take(3).collect(), only_there.take(3).collect());
        assert!(only_here.is_empty() && only_there.is_empty(), "{told}: {only_here:#?} against {only_there:#?}");
    }

    /// The report of a scope.
    pub(crate) fn scope(&self, name: &str) -> &ScopeReport {
        self.reports
            .iter()
            .find(|report| report.scope == name)
            .unwrap_or_else(|| panic!("no scope `{name}`: {self:#?}"))
    }

    /// The report of one kind in a scope.
    pub(crate) fn kind(&self, scope: &str, kind: RecordKind) -> &KindReport {
        &self.scope(scope).kinds[&kind]
    }

    /// The worst state in a scope.
    pub(crate) fn state(&self, scope: &str) -> ScopeState {
        self.scope(scope).state()
    }

    /// Every gap of a scope.
    pub(crate) fn gaps(&self, scope: &str) -> Vec<&Gap> {
        self.scope(scope).kinds.values().flat_map(|kind| &kind.gaps).collect()
    }

    /// What holds for any collection of any connector.
    pub(crate) fn assert_honest(&self) {
        let text = serde_json::to_string(&self.reports).expect("a report is JSON");
        let told = format!("{text}{:?}{:?}{}", self.notes, self.result, self.lines().join(""));
        assert!(!told.contains(TOKEN), "the credential shows: {told}");
        for report in &self.reports {
            for (kind, of_kind) in &report.kinds {
                let complete = of_kind.state == ScopeState::Complete;
                assert_eq!(complete, of_kind.gaps.is_empty(), "{}/{kind}: {of_kind:#?}", report.scope);
                for gap in &of_kind.gaps {
                    assert!(gap.code.len() == 6 && !gap.what.is_empty(), "{gap:#?}");
                    assert!(gap.cause.is_some() && gap.fix.is_some(), "a gap names cause and fix: {gap:#?}");
                }
            }
        }
        let mut counted: BTreeMap<RecordKind, u64> = BTreeMap::new();
        for record in &self.records {
            *counted.entry(record.kind()).or_default() += 1;
        }
        for (kind, records) in counted {
            let reported: u64 =
                self.reports.iter().filter_map(|report| report.kinds.get(&kind)).map(|report| report.records).sum();
            assert!(records <= reported, "{records} {kind} came out, {reported} were reported");
        }
    }

    /// No record came out twice.
    pub(crate) fn assert_distinct(&self) {
        let lines = self.lines();
        let distinct: BTreeSet<&String> = lines.iter().collect();
        assert_eq!(distinct.len(), lines.len(), "a record came out twice");
    }

    /// State and gaps of one kind, wherever it was promised first.
    pub(crate) fn ended(&self, kind: RecordKind) -> (ScopeState, &[Gap]) {
        let report = self.reports.iter().find_map(|report| report.kinds.get(&kind)).expect("the kind was promised");
        (report.state, &report.gaps)
    }

    /// The records of one kind.
    pub(crate) fn of(&self, kind: RecordKind) -> Vec<&Record> {
        self.records.iter().filter(|record| record.kind() == kind).collect()
    }

    /// The records as sorted JSON lines with `raw` taken out.
    pub(crate) fn without_raw(&self) -> Vec<String> {
        let mut lines: Vec<String> = self
            .records
            .iter()
            .map(|record| {
                let mut json = serde_json::to_value(record).expect("a record is JSON");
                json.as_object_mut().expect("a record is an object").remove("raw");
                json.to_string()
            })
            .collect();
        lines.sort();
        lines
    }

    /// Every kind of every scope is complete.
    pub(crate) fn assert_complete(&self) {
        assert!(self.result.is_ok(), "{:?}", self.result);
        for report in &self.reports {
            assert_eq!(report.state(), ScopeState::Complete, "{report:#?}");
        }
    }
}

/// A pace that does not wait and remembers how long it would have.
#[derive(Debug, Default)]
pub(crate) struct Hurried(pub(crate) Mutex<Vec<Duration>>);

#[async_trait]
impl Pace for Hurried {
    async fn wait(&self, pause: Duration) {
        self.0.lock().unwrap().push(pause);
        tokio::task::yield_now().await;
    }

    fn jitter(&self) -> f64 {
        0.5
    }
}

#[derive(Debug, Default)]
struct Notes(Mutex<Vec<String>>);

impl Progress for Notes {
    fn records(&self, _scope: &str, _records: u64) {}

    fn note(&self, text: &str) {
        self.0.lock().unwrap().push(text.to_owned());
    }
}

/// A run with four slots.
pub(crate) fn run(cancel: &CancellationToken) -> Run {
    Run { now: "2026-11-01T00:00:00Z".parse().unwrap(), cancel: cancel.clone(), concurrency: 4, memory: None }
}

/// Collects to the end.
pub(crate) async fn collect(connector: &dyn Connector) -> Collected {
    collect_until(connector, &CancellationToken::new()).await
}

/// Collects to the end or until it is cancelled.
pub(crate) async fn collect_until(connector: &dyn Connector, cancel: &CancellationToken) -> Collected {
    collect_in(connector, &run(cancel)).await
}

/// Collects to the end of a run.
pub(crate) async fn collect_in(connector: &dyn Connector, run: &Run) -> Collected {
    let notes = Arc::new(Notes::default());
    let mut records = Vec::new();
    let take = |batch: Batch| records.extend(batch.records);
    let (result, reports) = drained(connector, run, notes.clone(), take).await;
    let notes = notes.0.lock().unwrap().clone();
    Collected { result, records, reports, notes }
}

/// Collects to the end and hands over every batch as it comes.
pub(crate) async fn drained(
    connector: &dyn Connector,
    run: &Run,
    progress: Arc<dyn Progress>,
    mut take: impl FnMut(Batch),
) -> (Result<(), ConnectorError>, Vec<ScopeReport>) {
    let (sink, mut drain) = channel(progress, || Timestamp::UNIX_EPOCH);
    let collecting = async move { connector.collect(run, &sink).await };
    let draining = async {
        while let Some(batch) = drain.next().await {
            take(batch);
        }
    };
    let (result, ()) = tokio::join!(collecting, draining);
    (result, drain.into_reports())
}

/// Settings from the inside of an inline table, with [`TOKEN`] in the environment as `TOKEN`.
pub(crate) fn configured(
    configure: impl Fn(Settings<'_>) -> Result<Box<dyn Connector>, SettingsError>,
    folder: impl Into<PathBuf>,
    toml: &str,
) -> Result<Box<dyn Connector>, SettingsError> {
    configured_in(configure, folder, toml, Environment::from([("TOKEN".to_owned(), TOKEN.to_owned())]))
}

/// [`configured`] in an environment of the test's own.
pub(crate) fn configured_in(
    configure: impl Fn(Settings<'_>) -> Result<Box<dyn Connector>, SettingsError>,
    folder: impl Into<PathBuf>,
    toml: &str,
    environment: Environment,
) -> Result<Box<dyn Connector>, SettingsError> {
    let toml = format!("{{ {toml} }}");
    configure(Settings {
        system: "test",
        table: toml::de::ValueDeserializer::parse(&toml).expect("the test writes TOML"),
        folder: folder.into(),
        environment: Arc::new(environment),
    })
}
