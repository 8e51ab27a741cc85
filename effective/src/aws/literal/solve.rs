//! From what is needed to a verdict: among the ways to be allowed, the one that assumes least.

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
const MOST_STEPS: u32 = 20_000;

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

fn least(all: &[Vec<Way>]) -> Option<(Together, Vec<Deciding>)> {
    let alternatives: Vec<Vec<&Way>> = all.iter().map(|ways| simplest(ways)).collect();
    let mut search = Search { all: &alternatives, best: None, steps: 0 };
    search.descend(&Together::default(), &mut Vec::new());
    if search.best.is_none() && search.steps > MOST_STEPS {
        let first = || alternatives.iter().filter_map(|ways| ways.first());
        let assumed = Together::unchecked(first().flat_map(|way| way.assumed.iter().cloned()));
        return Some((assumed, first().filter_map(|way| way.deciding.clone()).collect()));
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

struct Search<'a> {
    all: &'a [Vec<&'a Way>],
    best: Option<(Together, Vec<Deciding>)>,
    steps: u32,
}

impl Search<'_> {
    fn descend(&mut self, assumed: &Together, deciding: &mut Vec<Option<Deciding>>) {
        self.steps += 1;
        let bound = self.best.as_ref().map(|(best, _)| best.len());
        if bound.is_some_and(|bound| assumed.len() >= bound) || self.steps > MOST_STEPS {
            return;
        }
        let Some(ways) = self.all.get(deciding.len()) else {
            self.best = Some((assumed.clone(), deciding.iter().flatten().cloned().collect()));
            return;
        };
        for way in ways {
            let mut more = assumed.clone();
            if way.assumed.iter().all(|one| more.add(one)) {
                deciding.push(way.deciding.clone());
                self.descend(&more, deciding);
                deciding.pop();
            }
        }
    }
}
