//! What people rely on of the snapshot store: nothing is lost, nothing is invented, and the same input gives the same bytes.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use muster::snapshot::tables::{self, TABLES, Type};
use muster::snapshot::{Keep, KindState, Manifest, Snapshot, Start, Store, StoreError, Transaction};
use muster_connectors::record::*;
use muster_connectors::scope::{Gap, KindReport, ScopeReport, ScopeState, SourceFile};
use muster_connectors::sink::Batch;
use polars::prelude::{AnyValue, DataFrame};
use serde_json::json;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn start(day: i64) -> Start {
    let now = at("2026-03-01T02:00:00Z") + Duration::from_secs(u64::try_from(day).unwrap() * 86_400);
    Start { now, tool: "muster 0.1.0".to_owned(), config: "c0ffee".to_owned() }
}

fn account(id: &str) -> Account {
    Account { login: Some(format!("login-{id}")), lifecycle: Lifecycle::Active, ..Account::new(id, IdKind::Immutable) }
}

fn boxed(account: Account) -> Record {
    Record::Account(Box::new(account))
}

fn report(scope: &str, kinds: &[(RecordKind, ScopeState)]) -> ScopeReport {
    let kind = |state: ScopeState| KindReport {
        state,
        gaps: if state == ScopeState::Complete { vec![] } else { vec![Gap::new("COL031", "HTTP 403 on page 2")] },
        ..KindReport::default()
    };
    ScopeReport {
        scope: scope.to_owned(),
        kinds: kinds.iter().map(|(is, state)| (*is, kind(*state))).collect(),
        ..ScopeReport::default()
    }
}

fn complete(scope: &str, kinds: &[RecordKind]) -> ScopeReport {
    let kinds: Vec<_> = kinds.iter().map(|kind| (*kind, ScopeState::Complete)).collect();
    report(scope, &kinds)
}

/// Adds a system whose scopes hold these records and ended like this.
fn add(tx: &mut Transaction<'_>, system: &str, scopes: Vec<(ScopeReport, Vec<Record>)>) {
    let mut writer = tx.system(system, "test").unwrap();
    let mut reports = Vec::new();
    for (report, records) in scopes {
        writer.write(Batch { scope: Arc::from(report.scope.as_str()), records }).unwrap();
        reports.push(report);
    }
    let staged = writer.finish(reports).unwrap();
    tx.add(staged).unwrap();
}

fn accounts(state: ScopeState, ids: &[&str]) -> Vec<(ScopeReport, Vec<Record>)> {
    vec![(report("all", &[(RecordKind::Account, state)]), ids.iter().map(|id| boxed(account(id))).collect())]
}

/// Takes a snapshot of one system `app`, or of nothing.
fn snap(store: &Store, day: i64, scopes: Option<Vec<(ScopeReport, Vec<Record>)>>) -> Manifest {
    let lock = store.lock(None).unwrap();
    let mut tx = store.begin(&lock, start(day)).unwrap();
    if let Some(scopes) = scopes {
        add(&mut tx, "app", scopes);
    }
    tx.commit(json!({})).unwrap()
}

fn new_store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join(".muster")).unwrap();
    (folder, store)
}

fn text(value: &AnyValue<'_>) -> String {
    match value {
        AnyValue::Null => "-".to_owned(),
        AnyValue::String(text) => (*text).to_owned(),
        AnyValue::StringOwned(text) => text.to_string(),
        AnyValue::Datetime(micros, ..) => Timestamp::from_microsecond(*micros).unwrap().to_string(),
        AnyValue::Date(days) => (jiff::civil::date(1970, 1, 1) + jiff::Span::new().days(*days)).to_string(),
        AnyValue::List(list) => {
            format!("[{}]", list.iter().map(|item| text(&item)).collect::<Vec<_>>().join(","))
        }
        other => other.to_string(),
    }
}

fn rows(frame: &DataFrame) -> Vec<String> {
    (0..frame.height())
        .map(|row| {
            let cells = frame.columns().iter().map(|column| text(&column.get(row).unwrap()));
            cells.collect::<Vec<_>>().join("|")
        })
        .collect()
}

#[test]
fn smoke() {
    let (_folder, store) = new_store();
    snap(&store, 0, Some(accounts(ScopeState::Complete, &["b", "a"])));
    let snapshot = store.find("latest").unwrap();
    let frame = snapshot
        .frame(
            "accounts",
            &["id", "login", "created_state", "state", "collected", "carried_from", "last_activity_state"],
        )
        .unwrap();
    assert_eq!(
        rows(&frame),
        vec![
            "app|all|a|login-a|unsupported|complete|2026-03-01T02:00:00Z|-|unsupported",
            "app|all|b|login-b|unsupported|complete|2026-03-01T02:00:00Z|-|unsupported"
        ]
    );
    assert!(store.verify().unwrap().is_sound());
}
