//! Fellegi and Sunter's model: what each level of each field says, learned from the estate without labels.
//!
//! - *other*, how often two humans compare so, comes from how often HR's own persons share a spelling, and from random pairs
//!   (seeded) of which those that look like one human are left out.
//! - *same*, how often one human's records compare so, comes from expectation maximisation over the candidates of a sample
//!   of accounts. An account has one owner or none, so its candidates share one unit of belief; that is sharper than
//!   judging each pair by itself.
//! - A spelling that agrees counts by how rare it is (term frequency).
//!
//! Every estimate is drawn towards the prior of `levels.rs` by a few imagined pairs, so that a small estate is judged by
//! common sense and a large one by itself. Sums run in a fixed order: the answer does not depend on threads.
//!
//! Fellegi, Sunter: A theory for record linkage, JASA 1969. Winkler: Using the EM algorithm for weight computation in the
//! Fellegi-Sunter model of record linkage, ASA 1988. Linacre et al.: Splink, IJPDS 2022, for term frequencies.

use rayon::prelude::*;

use super::compare::{ADDRESS, FAMILY, GIVEN, MOST, NAMED_ADDRESS, NONE, Pairs, Pattern, VALUES};
use super::levels::{self, EXACT, Kind, Level, MISSING, MOST_LEVELS};
use super::prepare::Side;

/// Random pairs for *other*.
const RANDOM_PAIRS: usize = 100_000;
/// Imagined pairs of one human that stand for the prior.
const IMAGINED_SAME: f64 = 12.0;
/// Imagined matches and non-matches for the share of accounts with an owner.
const IMAGINED_OWNERS: (f64, f64) = (8.0, 2.0);
/// Share of all records that is imagined when the rarity of a spelling is told from its count.
const IMAGINED_SPELLINGS: f64 = 0.1;
/// Rounds of expectation maximisation; it is nearly still after ten.
const ROUNDS: usize = 20;
/// No spelling is rarer than this: somebody else's slip may always hit it.
const RAREST: f64 = 1e-12;

/// Levels, their weights, and how common an owner is.
#[derive(Debug, Clone)]
pub(crate) struct Model {
    /// Levels of each field in use.
    pub(crate) levels: Vec<&'static [Level]>,
    /// Share among pairs of one human.
    pub(crate) same: Vec<[f64; MOST_LEVELS]>,
    /// Share among pairs of two.
    pub(crate) other: Vec<[f64; MOST_LEVELS]>,
    /// Share of accounts whose owner is among the persons.
    pub(crate) owned: f64,
    /// How much likelier two names go together than their frequencies say: names come in cultures.
    pub(crate) together: f64,
    bits: Vec<[f64; MOST_LEVELS]>,
}

/// A pair of the training sample.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Trained {
    pub(crate) levels: [u8; MOST],
    /// What rarity adds to the levels' weights, in bits.
    pub(crate) rarity: f64,
}

impl Model {
    /// What is assumed before anything was looked at.
    pub(crate) fn assumed(kinds: &[Kind]) -> Self {
        let mut levels: Vec<&'static [Level]> =
            vec![levels::GIVEN, levels::FAMILY, levels::ADDRESS, levels::NAMED_ADDRESS];
        levels.extend(kinds.iter().map(|kind| kind.levels()));
        let column = |of: fn(&Level) -> f64| -> Vec<[f64; MOST_LEVELS]> {
            let fill = |levels: &&'static [Level]| {
                let mut shares = [0.0; MOST_LEVELS];
                shares.iter_mut().zip(levels.iter()).for_each(|(share, level)| *share = of(level));
                shares
            };
            levels.iter().map(fill).collect()
        };
        let (same, other) = (column(|level| level.same), column(|level| level.other));
        let mut model = Self { levels, same, other, owned: 0.8, together: 3.0, bits: Vec::new() };
        model.weigh();
        model
    }

    fn weigh(&mut self) {
        let weigh = |(same, other): (&[f64; MOST_LEVELS], &[f64; MOST_LEVELS])| {
            let mut bits = [0.0; MOST_LEVELS];
            for level in 1..MOST_LEVELS {
                if same[level] > 0.0 && other[level] > 0.0 {
                    bits[level] = (same[level] / other[level]).log2();
                }
            }
            bits
        };
        self.bits = self.same.iter().zip(&self.other).map(weigh).collect();
        for (bits, levels) in self.bits.iter_mut().zip(&self.levels) {
            // Some likeness never speaks more against a pair than none at all.
            let least = bits[levels.len() - 1];
            bits[1..levels.len()].iter_mut().for_each(|bits| *bits = bits.max(least));
        }
    }

    /// Learns *other* from the persons and from random pairs.
    pub(crate) fn learn_others(&mut self, pairs: &Pairs<'_>, seed: u64) {
        self.learn_shared(pairs);
        let (accounts, persons) = (pairs.accounts.len() as u64, pairs.persons.len() as u64);
        if accounts == 0 || persons == 0 {
            return;
        }
        let count = RANDOM_PAIRS.min(usize::try_from(accounts.saturating_mul(persons)).unwrap_or(RANDOM_PAIRS));
        let likely = (persons as f64).log2() - 3.0;
        let counts: Vec<Vec<[u32; MOST_LEVELS]>> = (0..count.div_ceil(1024))
            .into_par_iter()
            .map(|chunk| {
                let mut counts = vec![[0_u32; MOST_LEVELS]; self.levels.len()];
                for pair in chunk * 1024..count.min((chunk + 1) * 1024) {
                    let draw = random(seed, pair as u64);
                    let account = usize::try_from((draw >> 32) % accounts).unwrap_or(0);
                    let person = usize::try_from((draw & 0xffff_ffff) % persons).unwrap_or(0);
                    let pattern = pairs.compare(account, person);
                    if self.bits(&pattern.levels) < likely {
                        let fields = counts.iter_mut().zip(pattern.levels);
                        fields.for_each(|(counts, level)| counts[usize::from(level)] += 1);
                    }
                }
                counts
            })
            .collect();
        for field in 0..self.levels.len() {
            let mut total = [0_u32; MOST_LEVELS];
            for part in &counts {
                total.iter_mut().zip(part[field]).for_each(|(sum, count)| *sum += count);
            }
            let seen: u32 = total[1..].iter().sum();
            for (level, count) in total.iter().enumerate().take(self.levels[field].len()).skip(1) {
                // Shared spellings were counted exactly.
                if level != usize::from(EXACT) || field == NAMED_ADDRESS {
                    let assumed = self.levels[field][level].other;
                    self.other[field][level] = (f64::from(*count) + 1.0) / (f64::from(seen) + 1.0 / assumed);
                }
            }
        }
        self.weigh();
    }

    /// How often two persons share a spelling, counted over all pairs of them.
    fn learn_shared(&mut self, pairs: &Pairs<'_>) {
        let side = pairs.persons;
        let all = side.len() as f64 * (side.len() as f64 - 1.0);
        let share = |counted: f64, assumed: f64| (counted + 1.0) / (all.max(0.0) + 1.0 / assumed);
        let shared = |uses: &[u32]| -> f64 {
            uses.iter().filter(|uses| **uses > 1).map(|uses| f64::from(*uses) * (f64::from(*uses) - 1.0)).sum()
        };
        let exact = usize::from(EXACT);
        self.other[GIVEN][exact] = share(shared(&side.given_uses), levels::GIVEN[exact].other);
        self.other[FAMILY][exact] = share(shared(&side.family_uses), levels::FAMILY[exact].other);
        let mut by_field = vec![0.0; self.levels.len()];
        let mut counted = vec![false; side.uses.len()];
        for record in 0..side.len() {
            let values = side.values(record).iter().map(|value| (VALUES + usize::from(value.field), value.id));
            let addresses = side.addresses(record).iter().map(|address| (ADDRESS, address.whole));
            for (field, id) in values.chain(addresses) {
                if !std::mem::replace(&mut counted[id as usize], true) {
                    let uses = f64::from(side.uses[id as usize]);
                    by_field[field] += uses * (uses - 1.0);
                }
            }
        }
        for field in (ADDRESS..self.levels.len()).filter(|field| *field != NAMED_ADDRESS) {
            self.other[field][exact] = share(by_field[field], self.levels[field][exact].other);
        }
        self.weigh();
    }

    /// How much likelier two names go together than by chance, from how many persons share both.
    pub(crate) fn learn_together(&mut self, persons: &Side) {
        let n = persons.len() as f64;
        let chance = self.other[GIVEN][usize::from(EXACT)] * self.other[FAMILY][usize::from(EXACT)] * n * (n - 1.0);
        let mut whole: Vec<(u32, u32)> = (0..persons.len())
            .filter_map(|person| {
                let name = persons.names(person).first()?;
                Some((*name.given.of(&persons.tokens).first()?, *name.family.of(&persons.tokens).last()?))
            })
            .collect();
        whole.par_sort_unstable();
        let shared: f64 = whole.chunk_by(|a, b| a == b).map(|run| run.len() as f64 * (run.len() as f64 - 1.0)).sum();
        // The prior counts as twenty pairs.
        self.together = ((shared + 3.0 * 20.0) / (chance + 20.0)).clamp(1.0, 30.0);
    }

    /// Weight of the levels alone, in bits.
    pub(crate) fn bits(&self, levels: &[u8; MOST]) -> f64 {
        self.bits.iter().zip(levels).map(|(bits, level)| bits[usize::from(*level)]).sum()
    }

    /// Weight of one level, in bits, without rarity.
    pub(crate) fn bits_of(&self, field: usize, level: u8) -> f64 {
        self.bits[field][usize::from(level)]
    }

    /// What the rarity of the agreeing spelling adds in one field, in bits.
    pub(crate) fn rarity(&self, field: usize, pattern: &Pattern, pairs: &Pairs<'_>, groups: usize) -> f64 {
        let (spelling, level) = (pattern.agreed[field], pattern.levels[field]);
        if spelling == NONE {
            return 0.0;
        }
        let (theirs, ours): (&[u32], &[u32]) = match field {
            GIVEN => (&pairs.persons.given_uses, &pairs.accounts.given_uses),
            FAMILY => (&pairs.persons.family_uses, &pairs.accounts.given_uses),
            _ => (&pairs.persons.uses, &pairs.accounts.uses),
        };
        let uses = |uses: &[u32]| f64::from(uses.get(spelling as usize).copied().unwrap_or(0));
        // A person has an account in each group: only what one group has more than once is shared.
        let (p, a) = (pairs.persons.len() as f64, pairs.accounts.len() as f64 / groups as f64);
        let others = (uses(theirs) - 1.0).max((uses(ours) / groups as f64 - 1.0) * p / a.max(1.0)).max(0.0);
        if field == NAMED_ADDRESS {
            return -(others + 1.0).log2();
        }
        let usual = self.other[field][usize::from(if field < ADDRESS { EXACT } else { level })];
        let imagined = (p * IMAGINED_SPELLINGS).max(1.0);
        let share = ((others + imagined * usual) / (p - 1.0 + imagined)).max(RAREST);
        (usual / share).log2()
    }

    /// Weight of a pair with the rarity of everything that agrees, in bits.
    pub(crate) fn rarity_of_all(&self, pattern: &Pattern, pairs: &Pairs<'_>, groups: usize) -> f64 {
        let fields = (0..self.levels.len()).filter(|field| pattern.agreed[*field] != NONE);
        let sum: f64 = fields.map(|field| self.rarity(field, pattern, pairs, groups)).sum();
        let both = pattern.levels[GIVEN] == EXACT && pattern.levels[FAMILY] == EXACT;
        if both { sum - self.together.log2() } else { sum }
    }

    /// Odds that a candidate is the owner, before any evidence, against nobody being it.
    pub(crate) fn prior(&self, persons: usize) -> f64 {
        self.owned / (1.0 - self.owned) / persons.max(1) as f64
    }

    /// Learns *same* from the candidates of a sample of accounts, a list each.
    pub(crate) fn learn_same(&mut self, sample: &[Vec<Trained>], persons: usize) {
        for _ in 0..ROUNDS {
            let before = self.owned;
            let parts: Vec<(Vec<[f64; MOST_LEVELS]>, f64)> =
                sample.par_chunks(256).map(|chunk| self.believe(chunk, persons)).collect();
            let mut belief = vec![[0.0; MOST_LEVELS]; self.levels.len()];
            let mut owned = 0.0;
            for (part, sum) in parts {
                owned += sum;
                for (total, part) in belief.iter_mut().zip(part) {
                    total.iter_mut().zip(part).for_each(|(total, part)| *total += part);
                }
            }
            for (field, belief) in belief.iter().enumerate() {
                let seen: f64 = belief[1..].iter().sum();
                let assumed: f64 = self.levels[field][1..].iter().map(|level| level.same).sum();
                for (level, assumed_level) in self.levels[field].iter().enumerate().skip(1) {
                    let imagined = IMAGINED_SAME * assumed_level.same / assumed;
                    self.same[field][level] = (belief[level] + imagined) / (seen + IMAGINED_SAME);
                }
            }
            let (with, without) = IMAGINED_OWNERS;
            self.owned = ((owned + with) / (sample.len() as f64 + with + without)).clamp(0.02, 0.995);
            self.weigh();
            if (self.owned - before).abs() < 1e-5 {
                break;
            }
        }
    }

    /// Expected counts of levels among owners, and the expected number of owners, for some accounts.
    fn believe(&self, accounts: &[Vec<Trained>], persons: usize) -> (Vec<[f64; MOST_LEVELS]>, f64) {
        let prior = self.prior(persons);
        let mut belief = vec![[0.0; MOST_LEVELS]; self.levels.len()];
        let mut owned = 0.0;
        let mut odds = Vec::new();
        for candidates in accounts {
            odds.clear();
            odds.extend(candidates.iter().map(|pair| prior * (self.bits(&pair.levels) + pair.rarity).exp2()));
            let all: f64 = 1.0 + odds.iter().sum::<f64>();
            for (pair, odds) in candidates.iter().zip(&odds) {
                let share = odds / all;
                owned += share;
                if share > 1e-6 {
                    let fields = belief.iter_mut().zip(pair.levels);
                    fields
                        .filter(|(_, level)| *level != MISSING)
                        .for_each(|(field, level)| field[usize::from(level)] += share);
                }
            }
        }
        (belief, owned)
    }
}

/// SplitMix64 at a place: a pair does not depend on the pairs before it.
fn random(seed: u64, place: u64) -> u64 {
    let mut z = seed.wrapping_add(place.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
