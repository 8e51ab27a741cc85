//! Records into a committed snapshot, and back: rows per second at 10³ and 10⁵ accounts, with five grants each.
//!
//! `MUSTER_BENCH_LARGE=1` adds 10⁶ accounts. The peak memory of the whole run is printed last; run one size alone
//! (`cargo bench --workspace --bench snapshot -- write/1000`) to know that size's.

use std::hint::black_box;
use std::path::Path;

use criterion::{BenchmarkId, Criterion, SamplingMode, Throughput};
use jiff::Timestamp;
use muster::query;
use muster::snapshot::{Start, Store};
use muster_connectors::record::{Account, Fact, Grant, IdKind, Lifecycle, PrincipalKind, Raw, Record, RecordKind};
use muster_connectors::scope::{KindReport, ScopeReport, ScopeState};
use muster_connectors::sink::Batch;
use serde_json::json;

/// Grants of one account.
const GRANTS: u64 = 5;
/// Records a batch holds, as the sink sends them.
const BATCH: u64 = 1024;

/// Batches of accounts and their grants, made one at a time, in an order that is not that of the ids.
fn batches(accounts: u64) -> impl Iterator<Item = Batch> {
    (0..accounts.div_ceil(BATCH)).map(move |batch| {
        let numbers = batch * BATCH..accounts.min((batch + 1) * BATCH);
        Batch { scope: "all".into(), records: numbers.flat_map(records).collect() }
    })
}

fn records(number: u64) -> impl Iterator<Item = Record> {
    let spread = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let id = format!("cn=user{spread:016x},ou=people,dc=acme,dc=example");
    let account = Record::Account(Box::new(Account {
        login: Some(format!("user{spread:x}")),
        name: Some(format!("User Number {number}")),
        emails: vec![format!("user{number}@acme.example")],
        employee_id: Some(format!("{number:08}")),
        lifecycle: Lifecycle::Active,
        created: Fact::Known(instant(number % 100_000)),
        last_activity: Fact::Known(instant(spread % 100_000_000)),
        department: Some(format!("Department {}", number % 300)),
        raw: Raw::At(number),
        ..Account::new(&id, IdKind::Immutable)
    }));
    let grants = (0..GRANTS).map(move |place| {
        let entitlement = format!("role-{:04}", (spread >> (place * 8)) % 2000);
        let grant =
            Grant { raw: Raw::At(number * GRANTS + place), ..Grant::new(&id, PrincipalKind::Account, entitlement) };
        Record::Grant(Box::new(grant))
    });
    std::iter::once(account).chain(grants)
}

fn instant(seconds: u64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + i64::try_from(seconds).expect("small")).expect("in range")
}

/// Takes a snapshot of an estate of this size.
fn write(store: &Store, accounts: u64) {
    let lock = store.lock(None).expect("nobody else");
    let start = Start { now: instant(0), tool: "bench".to_owned(), config: String::new() };
    let mut tx = store.begin(&lock, start).expect("a store");
    let mut writer = tx.system("corp", "bench").expect("a new system");
    for batch in batches(accounts) {
        writer.write(batch).expect("disk space");
    }
    let done = KindReport { state: ScopeState::Complete, ..KindReport::default() };
    let kinds = [RecordKind::Account, RecordKind::Grant].map(|kind| (kind, done.clone())).into();
    let report = ScopeReport { scope: "all".to_owned(), kinds, ..ScopeReport::default() };
    let staged = writer.finish(vec![report]).expect("disk space");
    tx.add(staged).expect("added once");
    tx.commit(json!({})).expect("disk space");
}

fn store(folder: &Path, name: &str) -> Store {
    Store::open(&folder.join(name)).expect("a folder of our own")
}

/// The most memory that this process ever held, in MiB; `None` where the system does not say.
fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? / 1024)
}

#[expect(clippy::print_stderr, reason = "a bench reports to its terminal")]
fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let large = std::env::var_os("MUSTER_BENCH_LARGE").is_some();
    let sizes: &[u64] = if large { &[1_000, 100_000, 1_000_000] } else { &[1_000, 100_000] };
    for (name, what) in [("make", 0), ("write", 1), ("read", 2), ("query", 3)] {
        let mut group = criterion.benchmark_group(name);
        group.sample_size(10).sampling_mode(SamplingMode::Flat);
        for size in sizes {
            group.throughput(Throughput::Elements(size * (GRANTS + 1)));
            group.bench_with_input(BenchmarkId::from_parameter(size), size, |bencher, size| match what {
                // What the other numbers contain: making the records.
                0 => bencher.iter(|| black_box(batches(*size).map(|batch| batch.records.len()).sum::<usize>())),
                1 => bencher.iter(|| write(&store(folder.path(), &format!("write-{size}")), *size)),
                _ => {
                    let store = store(folder.path(), &format!("read-{size}"));
                    write(&store, *size);
                    let snapshot = store.find("latest").expect("just written");
                    if what == 2 {
                        bencher.iter(|| {
                            black_box(snapshot.frame("grants", &["principal", "entitlement"]).expect("grants"));
                            black_box(snapshot.frame("accounts", &["id", "login", "last_activity"]).expect("accounts"));
                        });
                    } else {
                        let sql = "SELECT g.entitlement, COUNT(*) AS holders FROM grants g \
                                   JOIN accounts a ON a.system = g.system AND a.id = g.principal \
                                   WHERE a.lifecycle = 'active' GROUP BY g.entitlement";
                        bencher.iter(|| black_box(query::run(&snapshot, &[], sql).expect("an answer")));
                    }
                }
            });
        }
        group.finish();
    }
    criterion.final_summary();
    if let Some(peak) = peak() {
        eprintln!("peak memory of the whole run: {peak} MiB");
    }
}
