//! How long it takes to say who can become an administrator: `cargo run --release -p muster-effective --features generate --example escalation`.
//!
//! With a number behind `--`: in an organisation of so many generated accounts; without, in one account of the size of the speed targets.

#![expect(clippy::print_stdout, reason = "an example prints")]

use std::time::Instant;

use muster_effective::aws::compiled::Compiled;
use muster_effective::aws::escalation::{Search, Standing, Techniques};
use muster_effective::aws::exposure::exposures;
use muster_effective::aws::generated::{Generator, Sizes};
use muster_effective::aws::reference::Reference;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let accounts: Option<u32> = std::env::args().nth(1).map(|accounts| accounts.parse()).transpose()?;
    let reference = Reference::builtin();
    let generator = Generator::new(7, reference);
    let estate = match accounts {
        None => generator.estate(Sizes::ACCOUNT),
        Some(accounts) => generator.organization(accounts, Sizes::MEMBER),
    };
    println!("{} principals, {} policies", estate.principals.len(), estate.policies.len());
    let start = Instant::now();
    let compiled = Compiled::new(&estate, reference);
    println!("compiled   {:>9.3} s", start.elapsed().as_secs_f64());
    let techniques = Techniques::builtin()?;
    let start = Instant::now();
    let search = Search::new(&compiled, reference, &techniques);
    println!("prepared   {:>9.3} s", start.elapsed().as_secs_f64());
    let start = Instant::now();
    let administrators = search.administrators();
    println!("admins     {:>9.3} s", start.elapsed().as_secs_f64());
    let start = Instant::now();
    let graph = search.towards(&administrators);
    println!("searched   {:>9.3} s", start.elapsed().as_secs_f64());
    let mut counts = std::collections::BTreeMap::new();
    for standing in &graph.standing {
        let name = match standing {
            Standing::Goal(certainty) => format!("administrator {certainty:?}"),
            Standing::Reaches { steps, certainty } => format!("reaches {certainty:?} in {steps}"),
            Standing::NotEvaluated => "not evaluated".to_owned(),
            Standing::Apart => "apart".to_owned(),
        };
        *counts.entry(name).or_insert(0_usize) += 1;
    }
    println!("{} edges, {counts:?}", graph.edges.len());
    let start = Instant::now();
    let open = exposures(&estate, reference).len();
    println!("exposures  {:>9.3} s, {open} found", start.elapsed().as_secs_f64());
    Ok(())
}
