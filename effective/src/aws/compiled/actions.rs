//! Which actions a statement is about, as ranges over the known actions.
//!
//! A bit set over all actions takes 2.8 kB, and an organisation has hundreds of thousands of distinct lists of patterns. In the order of
//! names nearly every pattern is one range and nearly every list a few, so ranges are what is kept; they are spread into bits where sets are
//! united, principal by principal.

use std::ops::Range;

use fixedbitset::FixedBitSet;
use rustc_hash::FxHashMap;

use crate::aws::document::Matcher;
use crate::aws::pattern::Glob;
use crate::aws::reference::{ActionIx, Reference};

/// An action that is asked about.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    /// In lower case.
    pub(super) lower: String,
    action: Action,
}

#[derive(Debug, Clone)]
enum Action {
    Known(ActionIx),
    /// The reference does not know it: these patterns match it.
    Unknown(FixedBitSet),
}

impl Asked {
    pub(super) fn new(action: &str, reference: &Reference, patterns: &[Glob]) -> Self {
        let lower = action.to_ascii_lowercase();
        let action = reference.find(action).map_or_else(
            || {
                let mut matched = FixedBitSet::with_capacity(patterns.len());
                matched.extend((0..patterns.len()).filter(|&at| patterns[at].matches(&lower)));
                Action::Unknown(matched)
            },
            Action::Known,
        );
        Self { lower, action }
    }
}

/// The actions of one list of patterns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ActionSet {
    /// Known actions of the set, ascending and disjoint; the complement of `NotAction` is taken already.
    pub(super) ranges: Box<[Range<ActionIx>]>,
    /// `NotAction`.
    not: bool,
    /// A pattern of it matches no known action.
    unknown: bool,
    /// Positions of its patterns: they decide about actions that the reference does not know.
    patterns: Box<[u32]>,
}

impl ActionSet {
    /// Whether the action belongs to the set.
    pub(super) fn has(&self, asked: &Asked) -> bool {
        match &asked.action {
            Action::Known(action) => self.has_known(*action),
            Action::Unknown(matched) => self.patterns.iter().any(|&pattern| matched[pattern as usize]) != self.not,
        }
    }

    /// Whether a known action does.
    pub(super) fn has_known(&self, action: ActionIx) -> bool {
        let after = self.ranges.partition_point(|range| range.start <= action);
        after > 0 && action < self.ranges[after - 1].end
    }

    /// Whether some pattern of it matches no known action.
    pub(super) fn has_unknown(&self) -> bool {
        self.unknown
    }

    /// Adds the known actions of the set.
    pub(super) fn add_to(&self, bits: &mut FixedBitSet) {
        for range in &self.ranges {
            bits.insert_range(range.start as usize..range.end as usize);
        }
    }
}

/// Makes sets, each pattern and each list of them once.
#[derive(Debug)]
pub(super) struct Sets<'d> {
    reference: &'d Reference,
    pattern_at: FxHashMap<&'d str, u32>,
    /// Known actions of each pattern.
    ranges: Vec<Vec<Range<ActionIx>>>,
    at: FxHashMap<(bool, &'d [Box<str>]), u32>,
    /// Every pattern, in lower case.
    pub(super) patterns: Vec<Glob>,
    pub(super) made: Vec<ActionSet>,
}

impl<'d> Sets<'d> {
    pub(super) fn new(reference: &'d Reference) -> Self {
        Self {
            reference,
            pattern_at: FxHashMap::default(),
            ranges: Vec::new(),
            at: FxHashMap::default(),
            patterns: Vec::new(),
            made: Vec::new(),
        }
    }

    /// The position of a matcher's set.
    pub(super) fn of(&mut self, matcher: &'d Matcher) -> u32 {
        let key = (matcher.not, &*matcher.patterns);
        if let Some(&at) = self.at.get(&key) {
            return at;
        }
        let patterns: Box<[u32]> = matcher.patterns.iter().map(|pattern| self.pattern(pattern)).collect();
        let of = |pattern: &u32| &self.ranges[*pattern as usize];
        let ranges = united(patterns.iter().flat_map(of).cloned().collect());
        let unknown = patterns.iter().any(|pattern| of(pattern).is_empty());
        let ranges = if matcher.not { complement(&ranges, super::ix(self.reference.len())) } else { ranges };
        let at = super::ix(self.made.len());
        self.made.push(ActionSet { ranges: ranges.into(), not: matcher.not, unknown, patterns });
        self.at.insert(key, at);
        at
    }

    fn pattern(&mut self, pattern: &'d str) -> u32 {
        if let Some(&at) = self.pattern_at.get(pattern) {
            return at;
        }
        let at = super::ix(self.patterns.len());
        self.patterns.push(Glob::lowercase(pattern));
        self.ranges.push(self.reference.matching(pattern));
        self.pattern_at.insert(pattern, at);
        at
    }
}

/// Sorted, and no two ranges touch.
fn united(mut ranges: Vec<Range<ActionIx>>) -> Vec<Range<ActionIx>> {
    ranges.sort_unstable_by_key(|range| (range.start, range.end));
    let mut united: Vec<Range<ActionIx>> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match united.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => united.push(range),
        }
    }
    united
}

/// Everything below `end` that is in none of the ranges.
fn complement(ranges: &[Range<ActionIx>], end: ActionIx) -> Vec<Range<ActionIx>> {
    let mut from = 0;
    let mut rest = Vec::with_capacity(ranges.len() + 1);
    for range in ranges {
        if from < range.start {
            rest.push(from..range.start);
        }
        from = range.end;
    }
    if from < end {
        rest.push(from..end);
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matcher(not: bool, patterns: &[&str]) -> Matcher {
        Matcher { not, patterns: patterns.iter().map(|&pattern| pattern.into()).collect() }
    }

    #[test]
    fn a_set_has_what_its_patterns_match_known_or_not() {
        let reference = Reference::builtin();
        for not in [false, true] {
            let matcher = matcher(not, &["s3:Get*", "s3:GetObject", "iam:Pass?ole", "ec2:*Instances", "new:*"]);
            let mut sets = Sets::new(reference);
            let at = sets.of(&matcher);
            assert_eq!(sets.of(&matcher), at, "one list is one set");
            let Sets { made, patterns, .. } = sets;
            let set = &made[at as usize];
            let asked = |name: &str| Asked::new(name, reference, &patterns);
            let names = [
                "s3:GetObject",
                "S3:getobjectacl",
                "s3:PutObject",
                "iam:PassRole",
                "ec2:RunInstances",
                "new:Thing",
                "old:Thing",
                "s3:GetNew",
            ];
            let expected = [true, true, false, true, true, true, false, true];
            for (name, expected) in names.into_iter().zip(expected) {
                assert_eq!(set.has(&asked(name)), expected != not, "{name}");
            }
            let mut bits = FixedBitSet::with_capacity(reference.len());
            set.add_to(&mut bits);
            for (at, action) in reference.actions().iter().enumerate() {
                assert_eq!(bits[at], set.has(&asked(&action.name)), "{}", action.name);
            }
        }
    }

    #[test]
    fn the_complement_of_nothing_is_everything() {
        let rest = |ranges: &[Range<ActionIx>], end| complement(ranges, end).into_iter().flatten().collect::<Vec<_>>();
        assert_eq!(rest(&[], 3), [0, 1, 2]);
        assert_eq!(complement(&united(vec![3..5, 0..2, 1..4]), 5), []);
        assert_eq!(rest(&[1..2, 4..5], 6), [0, 2, 3, 5]);
    }
}
