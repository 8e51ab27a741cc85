//! Runs a connector to its end and keeps what it yields.

#![allow(dead_code, reason = "each test file uses its part")]

use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use muster_connectors::record::{Record, RecordKind};
use muster_connectors::scope::{Gap, ScopeReport, ScopeState};
use muster_connectors::secret::Environment;
use muster_connectors::sink::{Progress, channel};
use muster_connectors::{Connector, ConnectorError, Manual, Run, Settings, SettingsError};
use tokio_util::sync::CancellationToken;

/// What one collection yielded.
#[derive(Debug)]
pub(crate) struct Collected {
    pub(crate) records: Vec<Record>,
    pub(crate) reports: Vec<ScopeReport>,
    pub(crate) outcome: Result<(), ConnectorError>,
    pub(crate) notes: Vec<String>,
}

#[derive(Debug, Default)]
struct Notes(std::sync::Mutex<Vec<String>>);

impl Progress for Notes {
    fn records(&self, _scope: &str, _records: u64) {}
    fn note(&self, text: &str) {
        self.0.lock().unwrap().push(text.to_owned());
    }
}

/// The connector with the settings `toml`, an inline table without its braces.
pub(crate) fn configure(
    manual: &Manual,
    toml: &str,
    folder: &Path,
    environment: Environment,
) -> Result<Box<dyn Connector>, SettingsError> {
    let text = format!("{{ {toml} }}");
    let table = toml::de::ValueDeserializer::parse(&text).expect("the test's settings are TOML");
    let environment = Arc::new(environment);
    (manual.configure)(Settings { system: "test", table, folder: folder.to_owned(), environment })
}

/// Collects everything.
pub(crate) async fn collect(manual: &Manual, toml: &str, folder: &Path) -> Collected {
    let connector = configure(manual, toml, folder, Environment::new()).unwrap();
    run(connector.as_ref(), &CancellationToken::new()).await
}

/// Runs a configured connector.
pub(crate) async fn run(connector: &dyn Connector, cancel: &CancellationToken) -> Collected {
    let notes = Arc::new(Notes::default());
    let (sink, mut drain) = channel(Arc::clone(&notes) as Arc<dyn Progress>, || Timestamp::UNIX_EPOCH);
    let run = Run { now: Timestamp::UNIX_EPOCH, cancel: cancel.clone(), concurrency: 2 };
    let mut records = Vec::new();
    let reading = async {
        let outcome = connector.collect(&run, &sink).await;
        drop(sink);
        outcome
    };
    let draining = async {
        while let Some(batch) = drain.next().await {
            records.extend(batch.records);
        }
    };
    let (outcome, ()) = tokio::join!(reading, draining);
    let notes = notes.0.lock().unwrap().clone();
    Collected { records, reports: drain.into_reports(), outcome, notes }
}

impl Collected {
    /// State and gaps of one kind, wherever it was promised first.
    pub(crate) fn kind(&self, kind: RecordKind) -> (ScopeState, &[Gap]) {
        let report = self.reports.iter().find_map(|report| report.kinds.get(&kind)).expect("the kind was promised");
        (report.state, &report.gaps)
    }

    /// The records of one kind.
    pub(crate) fn of(&self, kind: RecordKind) -> Vec<&Record> {
        self.records.iter().filter(|record| record.kind() == kind).collect()
    }

    /// The records as JSON with `raw` taken out, sorted.
    pub(crate) fn without_raw(&self) -> Vec<String> {
        let mut texts: Vec<String> = self
            .records
            .iter()
            .map(|record| {
                let mut json = serde_json::to_value(record).unwrap();
                json.as_object_mut().unwrap().remove("raw");
                json.to_string()
            })
            .collect();
        texts.sort();
        texts
    }

    /// Asserts that every kind is complete.
    pub(crate) fn assert_complete(&self) {
        assert!(self.outcome.is_ok(), "{:?}", self.outcome);
        for report in &self.reports {
            assert_eq!(report.state(), ScopeState::Complete, "{report:#?}");
        }
    }
}
