//! How long it takes to say who can become an administrator: `cargo run --release -p muster-effective --features generate --example escalation`.
//!
//! With a number behind `--`: in an organisation of so many generated accounts; without, in one account of the size of the speed targets.

#![expect(clippy::print_stdout, reason = "an example prints")]

use std::time::Instant;

use muster_effective::aws::compiled::Compiled;
use muster_effective::aws::escalation::{Search, Standing, Techniques};
use muster_effective::aws::estate::{Estate, PrincipalEntry, PrincipalKind};
use muster_effective::aws::exposure::exposures;
use muster_effective::aws::generated::{Generator, Sizes};
use muster_effective::aws::reference::Reference;
use muster_effective::aws::request::somebody;

/// A member of every group, and a holder of every policy in every account where somebody has it.
fn supposed(estate: &Estate) -> Vec<PrincipalEntry> {
    let groups = estate.groups.iter().map(|group| (group.account, group.policies.clone()));
    let mut held: Vec<(u32, Vec<u32>)> = groups.collect();
    for entry in &estate.principals {
        held.extend(entry.identity.iter().map(|policy| (entry.account, vec![*policy])));
    }
    held.sort_unstable();
    held.dedup();
    let entry = |(account, identity): (u32, Vec<u32>)| PrincipalEntry {
        arn: somebody("aws", &estate.accounts[account as usize].number, PrincipalKind::User).into(),
        unique_id: None,
        account,
        kind: PrincipalKind::User,
        identity,
        through: Vec::new(),
        groups: Vec::new(),
        boundary: None,
        trust: None,
        tags: Vec::new(),
        unread: Vec::new(),
        can_act: Some(true),
        service_linked: false,
    };
    held.into_iter().map(entry).collect()
}

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
    let supposed = supposed(&estate);
    let start = Instant::now();
    let found = Search::supposing(&compiled, reference, &techniques, &supposed).supposed(&graph);
    let strong = found.iter().filter(|one| !matches!(one.standing, Standing::Apart)).count();
    println!(
        "supposed   {:>9.3} s, {strong} of {} by a group or a policy alone",
        start.elapsed().as_secs_f64(),
        found.len()
    );
    let start = Instant::now();
    let open = exposures(&estate, reference).len();
    println!("exposures  {:>9.3} s, {open} found", start.elapsed().as_secs_f64());
    Ok(())
}
