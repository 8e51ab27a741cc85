//! From HR rows to people, and from accounts to people.
#![allow(
    missing_docs,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "criterion's macros; a bench reports, and stops on any error"
)]

mod estate;

use std::time::Duration;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use muster::graph::Graph;
use muster::people::{People, Thresholds};

fn people(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("people");
    group.sample_size(10).measurement_time(Duration::from_secs(20));
    for size in estate::sizes() {
        let (_folder, snapshot) = estate::snapshot(size);
        let graph = Graph::load(&snapshot).unwrap();
        let load = || People::load(&snapshot, None).unwrap();
        let linked = load().correlate(&graph, &[], Thresholds::default(), estate::now());
        eprintln!("{size} accounts: linked {:?}", linked.links_by_strategy());
        group.throughput(Throughput::Elements(linked.persons().len() as u64));
        group.bench_function(BenchmarkId::new("load", size), |bencher| bencher.iter(load));
        group.throughput(Throughput::Elements(graph.account_count() as u64));
        group.bench_function(BenchmarkId::new("correlate", size), |bencher| {
            bencher.iter_batched(
                load,
                |people| people.correlate(&graph, &[], Thresholds::default(), estate::now()),
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, people);
criterion_main!(benches);
