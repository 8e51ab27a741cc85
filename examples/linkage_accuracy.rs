//! How right linkage is, on people whose accounts are known: precision, recall, F1, false links, time and memory for four views
//! of the same accounts.
//!
//! ```text
//! cargo run --release --example linkage_accuracy -- [--people 4000] [--accounts 4286] [--seed 2] [--view NAME] [--write FOLDER]
//! cargo run --release --example linkage_accuracy -- --read FOLDER [--view NAME]
//! ```
//!
//! The people are generated, or read from `FOLDER/people.csv` and `FOLDER/accounts.csv` as `--write` (or `benches/febrl.py`) writes
//! them.
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a program that prints a table and stops on any error")]

use std::time::Instant;

use muster::people::linkage::{Entry, Kind, Linkage, Name};
use muster_testbeds::lookalikes::{Lookalikes, Row};

/// A value of a row, and how it is compared.
type Compared = (Kind, fn(&Row) -> &str);
/// A view: name, whether e-mail is seen, and the values that are.
type View = (&'static str, bool, &'static [Compared]);

const EVERYTHING: &[Compared] = &[
    (Kind::Code, |row| &row.employee_id),
    (Kind::Date, |row| &row.born),
    (Kind::Phone, |row| &row.phone),
    (Kind::Text, |row| &row.street),
    (Kind::Code, |row| &row.postcode),
    (Kind::Text, |row| &row.region),
];

const VIEWS: [View; 4] = [
    ("all", true, EVERYTHING),
    ("noid", true, EVERYTHING.split_at(1).1),
    ("region", false, EVERYTHING.split_at(5).1),
    ("thin", true, &[]),
];

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let value = |flag: &str| {
        let place = arguments.iter().position(|argument| argument == flag)?;
        arguments.get(place + 1).cloned()
    };
    let number = |flag: &str, default: u64| value(flag).map_or(default, |text| text.parse().unwrap());
    let size = |flag: &str, default: u64| usize::try_from(number(flag, default)).unwrap();
    let all = match value("--read") {
        Some(folder) => {
            let open = |name: &str| std::fs::File::open(format!("{folder}/{name}")).unwrap();
            Lookalikes::read(open("people.csv"), open("accounts.csv")).unwrap()
        }
        None => Lookalikes::new(size("--people", 4_000), size("--accounts", 4_286), number("--seed", 2)),
    };
    if let Some(folder) = value("--write") {
        for (accounts, name) in [(false, "people.csv"), (true, "accounts.csv")] {
            all.write(accounts, std::fs::File::create(format!("{folder}/{name}")).unwrap()).unwrap();
        }
    }
    println!("peak memory before linking: {} MiB", peak_mib());
    for view in VIEWS.iter().filter(|view| value("--view").is_none_or(|name| name == view.0)) {
        measure(&all, view);
    }
}

fn measure(all: &Lookalikes, (name, has_email, fields): &View) {
    let rest = |row| Entry {
        addresses: if *has_email { vec![email(row)] } else { Vec::new() },
        values: fields.iter().enumerate().map(|(place, (_, of))| (place, of(row))).collect(),
        ..Entry::default()
    };
    let start = Instant::now();
    let kinds: Vec<Kind> = fields.iter().map(|(kind, _)| *kind).collect();
    let linkage = Linkage::new(
        &kinds,
        all.accounts.iter().map(|row| Entry { names: account_names(row), ..rest(row) }),
        vec![0; all.accounts.len()],
        all.people.iter().map(|row| Entry { names: names(row), ..rest(row) }),
    );
    let outcome = linkage.link(|_, _| false);
    let seconds = start.elapsed().as_secs_f64();
    let definite = outcome.threshold(0.001);
    let owned = all.owners.iter().flatten().count();
    let looked = outcome.looked();
    println!(
        "{name}: {seconds:.2} s, peak {} MiB, definite from {definite:.4}; {:.1} pairs an account, {} accounts with too many namesakes",
        peak_mib(),
        looked.pairs as f64 / all.accounts.len() as f64,
        looked.crowded
    );
    for threshold in [definite, definite.max(0.9), 0.5] {
        let (mut right, mut wrong) = (0_u32, 0_u32);
        for (place, owner) in all.owners.iter().enumerate() {
            match outcome.chosen(place).filter(|chosen| chosen.belief >= threshold) {
                Some(chosen) if *owner == Some(chosen.person as usize) => right += 1,
                Some(_) => wrong += 1,
                None => {}
            }
        }
        let precision = f64::from(right) / f64::from((right + wrong).max(1));
        let recall = f64::from(right) / owned as f64;
        let f1 = 2.0 * precision * recall / (precision + recall);
        println!(
            "  from {threshold:.4}: F1 {f1:.4}, precision {precision:.4}, recall {recall:.4}, false links {wrong}"
        );
    }
}

fn email(row: &Row) -> &str {
    &row.email
}

/// The display name, or its parts where the account has them.
fn account_names(row: &Row) -> Vec<Name<'_>> {
    if row.given.is_empty() && row.family.is_empty() { vec![Name::Whole(&row.name)] } else { names(row) }
}

fn names(row: &Row) -> Vec<Name<'_>> {
    let mut names = vec![Name::Parts { given: &row.given, family: &row.family, former: false }];
    if !row.previous.is_empty() {
        names.push(Name::Parts { given: &row.given, family: &row.previous, former: true });
    }
    names
}

/// The most memory this process has held, where the system tells it.
fn peak_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) / 1024
}
