//! From a stored snapshot to the graph, and the closure of its groups.
#![allow(
    missing_docs,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "criterion's macros; a bench reports, and stops on any error"
)]

mod estate;

use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use muster::graph::{Closure, Graph};

fn graph(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("graph");
    group.sample_size(10).measurement_time(Duration::from_secs(20));
    for size in estate::sizes() {
        let (_folder, snapshot) = estate::snapshot(size);
        group.throughput(Throughput::Elements(snapshot.manifest().records()));
        group.bench_with_input(BenchmarkId::new("load", size), &snapshot, |bencher, snapshot| {
            bencher.iter(|| Graph::load(snapshot).unwrap());
        });
        let graph = Graph::load(&snapshot).unwrap();
        eprintln!(
            "{size} accounts: {} edges, {:.1} bytes an edge, closure of {} bytes",
            graph.edge_count(),
            graph.adjacency_bytes() as f64 / graph.edge_count() as f64,
            Closure::of(&graph).bytes(),
        );
        group.throughput(Throughput::Elements(graph.groups().len() as u64));
        group.bench_with_input(BenchmarkId::new("closure", size), &graph, |bencher, graph| {
            bencher.iter(|| Closure::of(graph));
        });
    }
    group.finish();
}

criterion_group!(benches, graph);
criterion_main!(benches);
