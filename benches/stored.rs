//! A question about a stored estate, stage by stage: what its tables take to load, and what linking takes alone.
//!
//! ```text
//! cargo run --release --example make_estate -- bulk DIR --accounts 5000000 --people 1000000 --grants 5000
//! cd DIR && muster collect
//! cargo bench --bench stored -- DIR
//! ```
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a bench prints, and stops on any error")]

use std::path::Path;
use std::time::Instant;

use muster::access::Access;
use muster::graph::Graph;
use muster::people::{Merging, People, Thresholds};
use muster::snapshot::Store;

/// As the program has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    // Cargo adds a flag of its own.
    let Some(folder) = std::env::args().skip(1).find(|argument| !argument.starts_with('-')) else {
        println!("stored: give the folder of a collected estate: cargo bench --bench stored -- DIR");
        return;
    };
    let store = Store::open(&Path::new(&folder).join(".muster")).unwrap();
    let snapshot = store.find("latest").unwrap();
    let now = snapshot.manifest().header.taken;
    let whole = Instant::now();
    let stage = |name: &str, start: Instant, cpu: f64| {
        let (wall, cpu) = (start.elapsed().as_secs_f64(), cpu_seconds() - cpu);
        let [now, peak] = memory_mib();
        println!("{name:<28} {wall:6.2} s wall, {cpu:6.2} s CPU; then {now} MiB, at most {peak} MiB so far");
    };
    let (start, cpu) = (Instant::now(), cpu_seconds());
    let graph = Graph::load(&snapshot).unwrap();
    stage("graph loaded", start, cpu);
    let (start, cpu) = (Instant::now(), cpu_seconds());
    let people = People::read(&snapshot, &Merging::default(), now).unwrap();
    stage("people read and merged", start, cpu);
    let (start, cpu) = (Instant::now(), cpu_seconds());
    let people = people.correlate(&graph, &[], Thresholds::default(), now);
    stage("accounts linked", start, cpu);
    let (start, cpu) = (Instant::now(), cpu_seconds());
    drop(Access::of(&graph));
    stage("levels of privilege", start, cpu);
    let counts = format!("{} persons, {} accounts", people.persons().len(), graph.account_count());
    println!("{counts}, links {:?}, {} persons gone", people.links_by_strategy(), people.gone().len());
    println!("one stage after another: {:.2} s", whole.elapsed().as_secs_f64());
}

/// Seconds that all threads of this process have computed, in user and kernel mode; 0 where the system does not tell.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks = after_name.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<u32>().ok());
    f64::from(ticks.sum::<u32>()) / 100.0
}

/// Memory held now, and the most that was held; 0 where the system does not tell.
fn memory_mib() -> [u64; 2] {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    ["VmRSS", "VmHWM"].map(|field| {
        let line = status.lines().find(|line| line.starts_with(field)).unwrap_or_default();
        line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) / 1024
    })
}
