//! Privilege and every rule, over a snapshot that is loaded already.
#![allow(
    missing_docs,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "criterion's macros; a bench reports, and stops on any error"
)]

mod estate;

use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use muster::access::Access;
use muster::config::Policy;
use muster::drift::{Events, Past};
use muster::graph::Graph;
use muster::people::{People, Thresholds};
use muster::rules::{Facts, Ground, History, Inventory, Options, RULES, evaluate, read_for};

fn rules(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("rules");
    group.sample_size(10).measurement_time(Duration::from_secs(20));
    for size in estate::sizes() {
        let (_folder, snapshot) = estate::snapshot(size);
        let graph = Graph::load(&snapshot).unwrap();
        read_for(&graph, RULES).unwrap();
        let people = People::load(&snapshot, None).unwrap();
        let people = people.correlate(&graph, &[], Thresholds::default(), estate::now());
        let (options, inventory, policy) = (Options::default(), Inventory::default(), Policy::default());
        let access = Access::of(&graph);
        let (past, events) = (Past::of(&snapshot, 0).unwrap(), Events::read(&snapshot).unwrap());
        let ground = Ground {
            graph: &graph,
            people: &people,
            access: &access,
            options: &options,
            inventory: &inventory,
            policy: &policy,
            past: &past,
            events: &events,
        };
        let facts = || Facts::new(ground, estate::now());
        let check = evaluate(&facts(), &History::default());
        let judged: u64 = check.rules.iter().map(|rule| rule.population).sum();
        eprintln!("{size} accounts: {judged} verdicts, {} findings", check.findings.len());
        group.throughput(Throughput::Elements(graph.account_count() as u64));
        group.bench_function(BenchmarkId::new("access", size), |bencher| bencher.iter(|| Access::of(&graph)));
        group.throughput(Throughput::Elements(judged));
        group.bench_function(BenchmarkId::new("evaluate", size), |bencher| {
            bencher.iter(|| evaluate(&facts(), &History::default()));
        });
    }
    group.finish();
}

criterion_group!(benches, rules);
criterion_main!(benches);
