//! Probabilistic record linkage: which account is probably whose, where no id and no address says it.
//!
//! ```text
//!   records of both sides ─► fold ─► prepare (columns of ids) ─► block (pairs worth a look) ─► compare (levels) ─┐
//!                                                                                                                ▼
//!   explain ◄─ Outcome ◄─ assign (one to one, whole graph) ◄─ weights ◄─ model (expectation maximisation, rarity) ┘
//! ```
//!
//! A pure function of two sides: it knows nothing of systems, employments or snapshots, draws random numbers from a fixed
//! seed and gives the same answer with any number of threads. What may be linked on which evidence is the caller's decision.

mod assign;
mod block;
mod compare;
mod fold;
mod levels;
mod model;
mod prepare;

use rayon::prelude::*;

use self::assign::{Edge, Graph};
use self::block::{Found, Index};
use self::compare::{ADDRESS, FAMILY, GIVEN, MOST, NAMED_ADDRESS, Pairs, VALUES};
use self::levels::MISSING;
use self::model::{Model, Trained};
use self::prepare::{Side, Spellings};

pub use self::levels::Kind;
pub use self::prepare::{Entry, Name};

/// Most fields of values; more are refused by [`Linkage::new`].
pub const MOST_VALUES: usize = MOST - VALUES;
/// Accounts that the model is learned from.
const SAMPLE: usize = 2_500;
/// Candidates of an account that are kept.
const KEPT: usize = 8;
/// Candidates this many bits worse than the best are not kept.
const WORSE: f64 = 24.0;
/// Log₂ of odds below which a candidate is not worth keeping.
const HOPELESS: f64 = -8.0;
/// Seed of the random pairs; any number does.
const SEED: u64 = 0x6d75_7374_6572;

/// What is linked: accounts of groups against persons.
#[derive(Debug)]
pub struct Linkage {
    kinds: Vec<Kind>,
    spellings: Spellings,
    accounts: Side,
    persons: Side,
    groups: Vec<u32>,
}

/// Both sides while they are filled, record by record: no text is kept but once.
#[derive(Debug)]
pub struct Filling(Linkage);

impl Filling {
    /// Nobody yet. At most [`MOST_VALUES`] kinds of values are compared; later ones are left out.
    pub fn new(kinds: &[Kind]) -> Self {
        Self(Linkage {
            kinds: kinds.iter().copied().take(MOST_VALUES).collect(),
            spellings: prepare::spellings(),
            accounts: Side::default(),
            persons: Side::default(),
            groups: Vec::new(),
        })
    }

    /// Adds a person.
    pub fn person(&mut self, entry: &Entry<'_>) {
        let Linkage { kinds, spellings, persons, .. } = &mut self.0;
        if persons.len() < block::MOST_PERSONS {
            prepare::add(spellings, kinds, persons, entry);
        }
    }

    /// Adds an account of a group: within a group a person has one account.
    pub fn account(&mut self, entry: &Entry<'_>, group: u32) {
        let Linkage { kinds, spellings, accounts, groups, .. } = &mut self.0;
        prepare::add(spellings, kinds, accounts, entry);
        groups.push(group);
    }

    /// Everybody is there.
    pub fn full(self) -> Linkage {
        self.0
    }
}

/// A person an account may belong to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Match {
    /// Place among the persons.
    pub person: u32,
    /// Probability that the person owns the account, all other candidates of all other accounts considered.
    pub belief: f32,
    /// Weight of the evidence, in bits.
    pub bits: f32,
}

/// What was found for every account.
#[derive(Debug)]
pub struct Outcome {
    model: Model,
    starts: Vec<u32>,
    matches: Vec<Match>,
    chosen: Vec<Option<u32>>,
    looked: Looked,
}

/// How much was looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Looked {
    /// Pairs of an account and a person that a key brought together.
    pub pairs: u64,
    /// Accounts whose namesakes were too many to be looked at one by one, and nothing else told them apart.
    pub crowded: u64,
}

impl std::ops::AddAssign for Looked {
    fn add_assign(&mut self, more: Self) {
        self.pairs += more.pairs;
        self.crowded += more.crowded;
    }
}

/// What was found for some accounts that follow each other.
#[derive(Debug, Default)]
struct Chunk {
    edges: Vec<Edge>,
    /// Candidates of each account.
    counts: Vec<u32>,
    unseen: Vec<f32>,
    looked: Looked,
}

/// How a field of a pair compares.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FieldScore {
    /// Which one.
    pub field: FieldOf,
    /// How alike.
    pub level: &'static str,
    /// Weight in bits, rarity included.
    pub bits: f64,
}

/// What a [`FieldScore`] is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldOf {
    /// Given name.
    GivenName,
    /// Family name.
    FamilyName,
    /// E-mail addresses and logins.
    Address,
    /// A value, by its place among the kinds.
    Value(usize),
}

impl FieldOf {
    /// Whether it is a name, or an address, which is handed on and made of names.
    pub const fn is_name_or_address(self) -> bool {
        match self {
            Self::GivenName | Self::FamilyName | Self::Address => true,
            Self::Value(_) => false,
        }
    }
}

impl Linkage {
    /// Takes both sides. `groups` has a number for each account: within a group a person has one account.
    ///
    /// At most [`MOST_VALUES`] kinds of values are compared; later ones are left out.
    pub fn new<'a>(
        kinds: &[Kind],
        accounts: impl Iterator<Item = Entry<'a>>,
        groups: Vec<u32>,
        persons: impl Iterator<Item = Entry<'a>>,
    ) -> Self {
        let mut filling = Filling::new(kinds);
        persons.for_each(|person| filling.person(&person));
        accounts.zip(groups).for_each(|(account, group)| filling.account(&account, group));
        filling.full()
    }

    /// Links. `taken(group, person)` tells whether a person has an account of the group already.
    ///
    /// Cost: O((n + m) log n) for n persons and m accounts; each account is compared with some dozens of persons.
    pub fn link(&self, taken: impl Fn(u32, u32) -> bool + Sync) -> Outcome {
        let pairs = self.pairs();
        let index = Index::of(&self.persons, &self.accounts, &self.spellings, &self.kinds);
        let model = self.learn(&pairs, &index);
        let (mut graph, looked) = self.candidates(&pairs, &index, &model);
        drop(index);
        graph.groups.clone_from(&self.groups);
        let assignment = graph.assign(taken);
        let prior = model.prior(self.persons.len()).log2();
        let mut starts = Vec::with_capacity(self.accounts.len() + 1);
        let mut matches = Vec::with_capacity(graph.edges.len());
        let mut chosen = Vec::with_capacity(self.accounts.len());
        starts.push(0);
        for account in 0..self.accounts.len() {
            let range = graph.range(account);
            let first = matches.len();
            matches.extend(range.map(|edge| {
                let Edge { person, odds } = graph.edges[edge];
                #[expect(clippy::cast_possible_truncation, reason = "bits for reports")]
                let bits = (f64::from(odds) - prior) as f32;
                Match { person, belief: assignment.beliefs[edge], bits }
            }));
            chosen.push(assignment.chosen[account].map(|edge| graph.edges[edge as usize].person));
            matches[first..].sort_by(|a, b| b.belief.total_cmp(&a.belief).then(a.person.cmp(&b.person)));
            starts.push(u32::try_from(matches.len()).unwrap_or(u32::MAX));
        }
        Outcome { model, starts, matches, chosen, looked }
    }

    /// How a pair compares, field by field; fields that are missing on a side are left out.
    pub fn explain(&self, outcome: &Outcome, account: usize, person: usize) -> Vec<FieldScore> {
        let pairs = self.pairs();
        let pattern = pairs.compare(account, person);
        let groups = self.group_count();
        let mut scores = Vec::new();
        for (index, level) in pattern.levels.iter().enumerate().filter(|(_, level)| **level != MISSING) {
            let field = match index {
                GIVEN => FieldOf::GivenName,
                FAMILY => FieldOf::FamilyName,
                ADDRESS | NAMED_ADDRESS => FieldOf::Address,
                value => FieldOf::Value(value - VALUES),
            };
            let bits = outcome.model.bits_of(index, *level) + outcome.model.rarity(index, &pattern, &pairs, groups);
            let level = outcome.model.levels[index][usize::from(*level)].name;
            scores.push(FieldScore { field, level, bits });
        }
        scores
    }

    fn pairs(&self) -> Pairs<'_> {
        Pairs { accounts: &self.accounts, persons: &self.persons, spellings: &self.spellings, kinds: &self.kinds }
    }

    fn group_count(&self) -> usize {
        let mut groups = self.groups.clone();
        groups.sort_unstable();
        groups.dedup();
        groups.len().max(1)
    }

    fn learn(&self, pairs: &Pairs<'_>, index: &Index) -> Model {
        let mut model = Model::assumed(&self.kinds);
        model.learn_others(pairs, SEED);
        model.learn_together(&self.persons);
        let groups = self.group_count();
        let accounts = self.accounts.len();
        let sampled = SAMPLE.min(accounts);
        let sample: Vec<Vec<Trained>> = (0..sampled.div_ceil(64))
            .into_par_iter()
            .flat_map_iter(|chunk| {
                let mut found = Found::default();
                let (model, from) = (&model, chunk * 64..sampled.min((chunk + 1) * 64));
                let lists: Vec<Vec<Trained>> = from
                    .map(|place| {
                        let scored = self.scored(pairs, index, model, groups, place * accounts / sampled, &mut found);
                        scored.into_iter().map(|(_, _, trained)| trained).collect()
                    })
                    .collect();
                lists
            })
            .collect();
        model.learn_same(&sample, self.persons.len());
        model
    }

    /// The better candidates of an account: person, weight in bits, what the model is trained on; best first.
    fn scored(
        &self,
        pairs: &Pairs<'_>,
        index: &Index,
        model: &Model,
        groups: usize,
        account: usize,
        found: &mut Found,
    ) -> Vec<(u32, f64, Trained)> {
        index.find(&self.accounts, account, &self.spellings, &self.kinds, found);
        let mut scored: Vec<(u32, f64, Trained)> = Vec::new();
        for person in &found.persons {
            let Some(pattern) = pairs.compare_promising(account, *person as usize) else { continue };
            let levels = model.bits(&pattern.levels);
            // Rarity adds little where hardly anything agrees.
            if levels < -12.0 {
                continue;
            }
            let rarity = model.rarity_of_all(&pattern, pairs, groups);
            scored.push((*person, levels + rarity, Trained { levels: pattern.levels, rarity }));
        }
        scored.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        let best = scored.first().map_or(0.0, |first| first.1);
        scored.truncate(KEPT * 2);
        scored.retain(|candidate| candidate.1 > best - WORSE);
        scored
    }

    fn candidates(&self, pairs: &Pairs<'_>, index: &Index, model: &Model) -> (Graph, Looked) {
        let groups = self.group_count();
        let prior = model.prior(self.persons.len()).log2();
        let accounts = self.accounts.len();
        let chunks: Vec<Chunk> = (0..accounts.div_ceil(512))
            .into_par_iter()
            .map(|chunk| {
                let mut found = Found::default();
                let Chunk { mut edges, mut counts, mut unseen, mut looked } = Chunk::default();
                for account in chunk * 512..accounts.min((chunk + 1) * 512) {
                    let mut scored = self.scored(pairs, index, model, groups, account, &mut found);
                    looked += Looked { pairs: found.persons.len() as u64, crowded: u64::from(found.crowded > 0) };
                    scored.truncate(KEPT);
                    scored.retain(|candidate| candidate.1 + prior > HOPELESS);
                    counts.push(u32::try_from(scored.len()).unwrap_or(u32::MAX));
                    // Namesakes beyond number have a unit of belief between them.
                    unseen.push(if found.crowded > 0 { 1.0 } else { 0.0 });
                    #[expect(clippy::cast_possible_truncation, reason = "thousandths of a bit do not matter")]
                    edges.extend(
                        scored.iter().map(|(person, bits, _)| Edge { person: *person, odds: (bits + prior) as f32 }),
                    );
                }
                Chunk { edges, counts, unseen, looked }
            })
            .collect();
        let mut graph = Graph { starts: vec![0], ..Graph::default() };
        let mut looked = Looked::default();
        for Chunk { edges, counts, unseen, looked: more } in chunks {
            looked += more;
            for count in counts {
                graph.starts.push(graph.starts[graph.starts.len() - 1] + count);
            }
            graph.edges.extend(edges);
            graph.unseen.extend(unseen);
        }
        (graph, looked)
    }
}

impl Outcome {
    /// Candidates of an account, the likeliest first.
    pub fn matches(&self, account: usize) -> &[Match] {
        &self.matches[self.starts[account] as usize..self.starts[account + 1] as usize]
    }

    /// The person an account gets when all accounts are assigned together; what it rests on may still be too weak.
    pub fn chosen(&self, account: usize) -> Option<&Match> {
        let person = self.chosen[account]?;
        self.matches(account).iter().find(|candidate| candidate.person == person)
    }

    /// How much was looked at.
    pub fn looked(&self) -> Looked {
        self.looked
    }

    /// Share of accounts whose owner is among the persons, as the model has learned it.
    pub fn owned(&self) -> f64 {
        self.model.owned
    }

    /// The model in words, for whoever wants to see what was learned: a line a level.
    pub fn describe(&self) -> String {
        let mut text = format!("owned {:.4}, names together {:.2}\n", self.model.owned, self.model.together);
        for (field, levels) in self.model.levels.iter().enumerate() {
            for (level, described) in levels.iter().enumerate().skip(1) {
                let (same, other) = (self.model.same[field][level], self.model.other[field][level]);
                text += &format!(
                    "field {field} {:<24} same {same:.5} other {other:.3e} bits {:+.1}\n",
                    described.name,
                    (same / other).log2()
                );
            }
        }
        text
    }

    /// The lowest belief from which on the links, taken together, are expected to be false at most at `rate`; never below a half.
    pub fn threshold(&self, rate: f64) -> f32 {
        let mut beliefs: Vec<f32> =
            (0..self.chosen.len()).filter_map(|account| Some(self.chosen(account)?.belief)).collect();
        beliefs.sort_by(|a, b| b.total_cmp(a));
        let mut expected = 0.0;
        let mut threshold = 1.0;
        for (place, belief) in beliefs.iter().enumerate() {
            expected += 1.0 - f64::from(*belief);
            if expected > rate * (place + 1) as f64 {
                break;
            }
            threshold = *belief;
        }
        threshold.max(0.5)
    }
}

#[cfg(test)]
mod tests;
