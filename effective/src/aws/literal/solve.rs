//! From what is needed to a verdict: among the ways to be allowed, the one that assumes least.

use std::collections::HashMap;
use std::sync::Arc;

use crate::aws::answer::{Deciding, Layer};
use crate::aws::assume::{Assumed, Together};

/// One way to meet a need, or one statement that denies.
#[derive(Debug, Clone)]
pub(in crate::aws) struct Way {
    /// What it assumes.
    pub(in crate::aws) assumed: Vec<Assumed>,
    /// The statement; `None` where none is needed.
    pub(in crate::aws) deciding: Option<Deciding>,
}

/// Something that has to be allowed.
#[derive(Debug, Clone)]
pub(in crate::aws) struct Need {
    /// By which layer.
    pub(in crate::aws) layer: Layer,
    /// Of which level.
    pub(in crate::aws) level: Option<Arc<str>>,
    /// Ways; any is enough.
    pub(in crate::aws) ways: Vec<Way>,
}

/// How far the search goes before it takes the best that it has, or, without one, the first way of each need: allowed if all of
/// that holds, which may be never. Policies of people stay far below.
const MOST_STEPS: u32 = 5_000;

/// What came of the needs.
#[derive(Debug, Clone)]
pub(in crate::aws) enum Solution {
    /// All are met together.
    Met { assumed: Together, deciding: Vec<Deciding> },
    /// This one is not, or not together with those before it.
    Missing(Layer, Option<Arc<str>>),
    /// All are met, but not while none of the denials applies.
    Denied,
}

/// The way with the fewest assumptions to meet every need while no denial applies; of several, the first in the order of the
/// statements.
pub(in crate::aws) fn solve(needs: &[Need], denials: &[Way]) -> Solution {
    if let Some(need) = needs.iter().find(|need| need.ways.is_empty()) {
        return Solution::Missing(need.layer, need.level.clone());
    }
    let allowed: Vec<Vec<Way>> = needs.iter().map(|need| need.ways.clone()).collect();
    // That a denial does not apply: one of what it assumes does not hold.
    let averted = denials.iter().map(|denial| {
        let opposite = |assumed: &Assumed| Way { assumed: vec![assumed.opposite()], deciding: None };
        denial.assumed.iter().map(opposite).collect::<Vec<_>>()
    });
    let all: Vec<Vec<Way>> = allowed.iter().cloned().chain(averted).collect();
    if let Some((assumed, deciding)) = least(&all) {
        return Solution::Met { assumed, deciding };
    }
    if least(&allowed).is_some() {
        return Solution::Denied;
    }
    let first = (1..=allowed.len()).find(|count| least(&allowed[..*count]).is_none()).unwrap_or(1);
    let need = &needs[first - 1];
    Solution::Missing(need.layer, need.level.clone())
}

/// Needs whose assumptions are about different keys cannot contradict each other: each group that shares keys is searched by itself.
fn least(all: &[Vec<Way>]) -> Option<(Together, Vec<Deciding>)> {
    let alternatives: Vec<Vec<&Way>> = all.iter().map(|ways| simplest(ways)).collect();
    let mut deciding: Vec<Option<Deciding>> = vec![None; alternatives.len()];
    let mut assumed = Together::default();
    for group in groups(&alternatives) {
        let ways: Vec<&Vec<&Way>> = group.iter().map(|at| &alternatives[*at]).collect();
        let (more, chosen) = search(&ways)?;
        assumed.join(more);
        for (at, way) in group.into_iter().zip(chosen) {
            deciding[at].clone_from(&way.deciding);
        }
    }
    Some((assumed, deciding.into_iter().flatten().collect()))
}

/// Positions of the needs that share keys, each group in order.
fn groups(alternatives: &[Vec<&Way>]) -> Vec<Vec<usize>> {
    let mut group_of: Vec<usize> = (0..alternatives.len()).collect();
    let mut of_key: HashMap<String, usize> = HashMap::new();
    for (at, ways) in alternatives.iter().enumerate() {
        for assumed in ways.iter().flat_map(|way| &way.assumed) {
            let other = *of_key.entry(assumed.key().to_ascii_lowercase()).or_insert(at);
            let (one, other) = (root(&mut group_of, at), root(&mut group_of, other));
            group_of[one.max(other)] = one.min(other);
        }
    }
    let mut groups: Vec<Vec<usize>> = vec![Vec::new(); alternatives.len()];
    for at in 0..alternatives.len() {
        let root = root(&mut group_of, at);
        groups[root].push(at);
    }
    groups.retain(|group| !group.is_empty());
    groups
}

/// The first of its group, as far as groups are known.
fn root(group_of: &mut [usize], mut at: usize) -> usize {
    while group_of[at] != at {
        group_of[at] = group_of[group_of[at]];
        at = group_of[at];
    }
    at
}

fn search<'a>(all: &[&Vec<&'a Way>]) -> Option<(Together, Vec<&'a Way>)> {
    let mut search = Search { all, best: None, steps: 0 };
    search.descend(&Together::default(), &mut Vec::new());
    if search.best.is_none() && search.steps > MOST_STEPS {
        let first: Vec<&Way> = all.iter().filter_map(|ways| ways.first().copied()).collect();
        let assumed = Together::unchecked(first.iter().flat_map(|way| way.assumed.iter().cloned()));
        return Some((assumed, first));
    }
    search.best
}

/// One that assumes nothing makes all others superfluous; else those that assume less come first.
fn simplest(ways: &[Way]) -> Vec<&Way> {
    if let Some(free) = ways.iter().find(|way| way.assumed.is_empty()) {
        return vec![free];
    }
    let mut sorted: Vec<&Way> = ways.iter().collect();
    sorted.sort_by_key(|way| way.assumed.len());
    sorted
}

struct Search<'s, 'a> {
    all: &'s [&'s Vec<&'a Way>],
    best: Option<(Together, Vec<&'a Way>)>,
    steps: u32,
}

impl<'a> Search<'_, 'a> {
    fn descend(&mut self, assumed: &Together, chosen: &mut Vec<&'a Way>) {
        self.steps += 1;
        let bound = self.best.as_ref().map(|(best, _)| best.len());
        if bound.is_some_and(|bound| assumed.len() >= bound) || self.steps > MOST_STEPS {
            return;
        }
        let Some(ways) = self.all.get(chosen.len()) else {
            self.best = Some((assumed.clone(), chosen.clone()));
            return;
        };
        for way in *ways {
            if self.steps > MOST_STEPS {
                return;
            }
            let mut more = assumed.clone();
            if way.assumed.iter().all(|one| more.add(one)) {
                chosen.push(way);
                self.descend(&more, chosen);
                chosen.pop();
            }
        }
    }
}
