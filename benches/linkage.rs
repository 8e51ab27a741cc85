//! Accounts to people by likeness alone: no id and no address in common.
#![allow(missing_docs, reason = "criterion's macros")]

use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use muster::people::linkage::{Entry, Kind, Linkage, Name};
use muster_testbeds::lookalikes::{Lookalikes, Row};

const KINDS: [Kind; 3] = [Kind::Date, Kind::Phone, Kind::Text];

fn values(row: &Row) -> Vec<(usize, &str)> {
    vec![(0, &row.born), (1, &row.phone), (2, &row.region)]
}

fn account(row: &Row) -> Entry<'_> {
    Entry { names: vec![Name::Whole(&row.name)], addresses: vec![&row.email], values: values(row) }
}

fn person(row: &Row) -> Entry<'_> {
    let names = vec![Name::Parts { given: &row.given, family: &row.family, former: false }];
    Entry { names, addresses: vec![&row.email], values: values(row) }
}

fn linkage(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("linkage");
    group.sample_size(10).measurement_time(Duration::from_secs(20));
    let large = std::env::var_os("MUSTER_BENCH_LARGE").is_some().then_some(1_000_000);
    for people in [1_000, 100_000].into_iter().chain(large) {
        let all = Lookalikes::new(people, people * 107 / 100, 2);
        group.throughput(Throughput::Elements(all.accounts.len() as u64));
        group.bench_function(BenchmarkId::new("link", people), |bencher| {
            bencher.iter(|| {
                let groups = vec![0; all.accounts.len()];
                let sides = (all.accounts.iter().map(account), all.people.iter().map(person));
                Linkage::new(&KINDS, sides.0, groups, sides.1).link(|_, _| false)
            });
        });
    }
    group.finish();
}

criterion_group!(benches, linkage);
criterion_main!(benches);
