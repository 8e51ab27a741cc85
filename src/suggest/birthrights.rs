//! What nearly everybody of some attributes holds.

use std::collections::BTreeMap;

use rayon::prelude::*;
use rustc_hash::FxHashMap;

use super::columns::{Columns, Combination, NONE};
use super::text::Names;
use super::{Birthright, Given, Settings, slug};
use crate::check::Estate;

/// Something that a group of people holds.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Rule {
    combination: usize,
    group: u32,
    support: usize,
    confidence: f64,
    lift: f64,
}

/// By thing: the groups that have a right to it.
#[derive(Debug)]
pub(super) struct Found(Vec<Vec<Rule>>);

impl Found {
    /// Whether attributes give a thing to a person.
    pub(super) fn gives(&self, columns: &Columns, thing: usize, person: u32) -> bool {
        let of = |rule: &Rule| columns.combinations()[rule.combination].group[person as usize] == rule.group;
        self.0[thing].iter().any(of)
    }
}

/// Counts every thing over every combination, and keeps the most general of what is left.
pub(super) fn find(columns: &Columns, settings: &Settings) -> Found {
    let things = 0..columns.things().len();
    let most = columns.combinations().iter().map(Combination::groups).max().unwrap_or_default();
    let tally = || Tally { counts: vec![0; most], touched: Vec::new() };
    let found = things.into_par_iter().map_init(tally, |tally, thing| {
        prune(columns, thing, rules(columns, thing, settings, tally), settings.min_people)
    });
    Found(found.collect())
}

/// Scratch space: a count by group, and which counts are not zero.
struct Tally {
    counts: Vec<u32>,
    touched: Vec<u32>,
}

/// The rules for one thing that reach the limits. Cost: its holders times the combinations.
#[expect(clippy::cast_precision_loss, reason = "counts of people are far below 2^52")]
fn rules(columns: &Columns, thing: usize, settings: &Settings, tally: &mut Tally) -> Vec<Rule> {
    let holders = columns.holders(thing);
    if holders.len() < settings.min_people {
        return Vec::new();
    }
    let overall = holders.len() as f64 / columns.people() as f64;
    let mut rules = Vec::new();
    for (place, combination) in columns.combinations().iter().enumerate() {
        for group in holders.iter().map(|person| combination.group[*person as usize]).filter(|group| *group != NONE) {
            let count = &mut tally.counts[group as usize];
            if *count == 0 {
                tally.touched.push(group);
            }
            *count += 1;
        }
        tally.touched.sort_unstable();
        for group in tally.touched.drain(..) {
            let support = std::mem::take(&mut tally.counts[group as usize]) as usize;
            let confidence = support as f64 / combination.people(group).len() as f64;
            let lift = confidence / overall;
            let stands_out = combination.fields.is_empty() || lift >= settings.min_lift;
            if support >= settings.min_people && confidence >= settings.min_confidence && stands_out {
                rules.push(Rule { combination: place, group, support, confidence, lift });
            }
        }
    }
    rules
}

/// Keeps the rules of the most people first, and drops what explains too few further holders: that says nothing new.
fn prune(columns: &Columns, thing: usize, mut rules: Vec<Rule>, least: usize) -> Vec<Rule> {
    let people = |rule: &Rule| columns.combinations()[rule.combination].people(rule.group).len();
    rules.sort_by_key(|rule| (std::cmp::Reverse(people(rule)), rule.combination, rule.group));
    let is_of =
        |rule: &Rule, person: u32| columns.combinations()[rule.combination].group[person as usize] == rule.group;
    let mut unexplained: Vec<u32> = columns.holders(thing).to_vec();
    let mut kept = Vec::new();
    for rule in rules {
        if unexplained.iter().filter(|person| is_of(&rule, **person)).count() >= least {
            unexplained.retain(|person| !is_of(&rule, *person));
            kept.push(rule);
        }
    }
    kept
}

/// The rules as roles: what the same people have a right to is one role.
pub(super) fn told(estate: &Estate, columns: &Columns, names: &Names, found: &Found) -> Vec<Birthright> {
    let mut roles: BTreeMap<(usize, u32), Vec<Given>> = BTreeMap::new();
    for (thing, rules) in columns.things().iter().zip(&found.0) {
        for rule in rules {
            let given = Given {
                name: names.of_thing(estate, thing),
                support: rule.support,
                confidence: rule.confidence,
                lift: rule.lift,
            };
            roles.entry((rule.combination, rule.group)).or_default().push(given);
        }
    }
    let mut told: Vec<Birthright> = roles
        .into_iter()
        .map(|((combination, group), mut contains)| {
            contains.sort_by(|a, b| a.name.key().cmp(&b.name.key()));
            let when = columns.condition(combination, group);
            let words: Vec<&str> = when.iter().map(|(_, value)| value.as_str()).collect();
            let id = if words.is_empty() { "everybody".to_owned() } else { slug(&words) };
            let people = columns.combinations()[combination].people(group).len();
            Birthright { id, when, people, contains }
        })
        .collect();
    told.sort_by(|a, b| {
        (a.when.len(), std::cmp::Reverse(a.people), &a.when).cmp(&(b.when.len(), std::cmp::Reverse(b.people), &b.when))
    });
    let mut taken: FxHashMap<String, usize> = FxHashMap::default();
    for role in &mut told {
        let times = taken.entry(role.id.clone()).or_default();
        *times += 1;
        if *times > 1 {
            role.id = format!("{}-{times}", role.id);
        }
    }
    told
}
