//! The ladder: each rung looks at the accounts that no stronger rung has settled.

use jiff::Timestamp;
use rayon::prelude::*;
use rustc_hash::FxHashMap;

use super::{Classified, Correlation, People, Person, PersonIx, Pin, STRATEGIES, class, fold, pins};
use crate::graph::{Graph, NodeIx, SystemIx, Text};

/// From which confidence on a match counts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Thresholds {
    /// At or above, and alone: linked.
    pub definite: f32,
    /// At or above: proposed.
    pub candidate: f32,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self { definite: 0.9, candidate: 0.6 }
    }
}

/// A person an account may belong to.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// Who.
    pub person: PersonIx,
    /// How surely, in (0, 1].
    pub confidence: f32,
    /// The strategy's name.
    pub strategy: &'static str,
    /// What it rests on, in words.
    pub evidence: String,
}

/// A rung.
#[derive(Debug)]
pub struct Strategy {
    /// Stable name.
    pub name: &'static str,
    /// One line: what it compares.
    pub summary: &'static str,
    /// The persons that fit an account, several when they fit equally; nothing when it has no opinion.
    pub propose: fn(&Evidence<'_>, NodeIx) -> Vec<Candidate>,
    /// Whether it may speak for accounts that are not a human's by class.
    pub any_class: bool,
}

/// What a strategy looks at.
#[derive(Debug)]
pub struct Evidence<'a> {
    /// Accounts.
    pub graph: &'a Graph,
    /// Persons.
    pub people: &'a People,
    /// Decisions by people, resolved.
    pub pins: &'a FxHashMap<NodeIx, Vec<(PersonIx, &'a Pin)>>,
    /// Persons linked by stronger rungs, by system and folded login.
    pub logins: &'a FxHashMap<(SystemIx, String), PersonIx>,
    /// Persons by a key made of their names; see [`super::login`].
    pub names: &'a FxHashMap<String, Vec<PersonIx>>,
    /// The clock.
    pub now: Timestamp,
}

impl Evidence<'_> {
    /// Whether e-mail or name alone may tie `account` to `person`: never across an employment gap.
    ///
    /// An address is handed on when its bearer leaves. So the account must have been made while the person's *latest*
    /// employment was coming or running; where its making is not known, the person must not have been away in between.
    pub fn survives_gap(&self, account: NodeIx, person: PersonIx) -> bool {
        let person = self.people.person(person);
        let created = self.graph.account(account).and_then(|account| account.created.at());
        match created {
            Some(created) => made_within_latest_span(person, created),
            None => !was_away(person),
        }
    }
}

/// Days before a first day in which an account may already be made.
const PREBOARDING_DAYS: i64 = 90;
/// Days between two employments that count as one.
const SEAMLESS_DAYS: i64 = 31;

fn made_within_latest_span(person: &Person, created: Timestamp) -> bool {
    let day = created.to_zoned(jiff::tz::TimeZone::UTC).date();
    let Some(first) = latest_span_start(person) else { return true };
    let Ok(earliest) = first.checked_sub(jiff::SignedDuration::from_hours(24 * PREBOARDING_DAYS)) else { return true };
    let after_end = person.employments.iter().all(|e| e.end.is_some_and(|end| day > end));
    day >= earliest && !after_end
}

/// First day of the last run of employments without a gap.
fn latest_span_start(person: &Person) -> Option<jiff::civil::Date> {
    let mut start = None;
    let mut reached: Option<jiff::civil::Date> = None;
    for employment in &person.employments {
        let this = employment.start?;
        let seamless = reached.is_some_and(|end| days_between(end, this) <= SEAMLESS_DAYS);
        if start.is_none() || !seamless {
            start = Some(this);
        }
        reached = match (reached, employment.end) {
            (_, None) => return start,
            (Some(end), Some(this_end)) => Some(end.max(this_end)),
            (None, Some(this_end)) => Some(this_end),
        };
    }
    start
}

fn was_away(person: &Person) -> bool {
    let first = person.employments.iter().filter_map(|employment| employment.start).min();
    first.is_some() && latest_span_start(person) != first
}

fn days_between(from: jiff::civil::Date, to: jiff::civil::Date) -> i64 {
    from.duration_until(to).as_hours() / 24
}

/// Judges every account, rung by rung.
pub(super) fn climb(
    people: &mut People,
    graph: &Graph,
    pins: &[Pin],
    thresholds: Thresholds,
    now: Timestamp,
) -> (Vec<Correlation>, Vec<Classified>) {
    let classes: Vec<Classified> =
        (0..graph.account_count()).into_par_iter().map(|place| class::classify(graph, node(place))).collect();
    let resolved = pins::resolve(pins, graph, people, now);
    let names = super::login::name_keys(people);
    let mut correlations = vec![Correlation::Nobody; graph.account_count()];
    let mut logins = FxHashMap::default();
    for strategy in STRATEGIES {
        let evidence = Evidence { graph, people, pins: &resolved, logins: &logins, names: &names, now };
        let found: Vec<(usize, Correlation)> = (0..graph.account_count())
            .into_par_iter()
            .filter(|place| correlations[*place] == Correlation::Nobody)
            .filter(|place| strategy.any_class || class::may_be_human(classes[*place].class))
            .filter_map(|place| {
                let verdict = decide((strategy.propose)(&evidence, node(place)), thresholds);
                (verdict != Correlation::Nobody).then_some((place, verdict))
            })
            .collect();
        for (place, correlation) in found {
            if let (Correlation::Linked(link), Some(account)) = (&correlation, graph.account(node(place)))
                && let Some(login) = account.login
            {
                logins.insert((graph.node(node(place)).system, fold(graph.text(login))), link.person);
            }
            correlations[place] = correlation;
        }
    }
    (correlations, classes)
}

fn decide(mut candidates: Vec<Candidate>, thresholds: Thresholds) -> Correlation {
    candidates.retain(|candidate| candidate.confidence >= thresholds.candidate);
    candidates.sort_by(|a, b| b.confidence.total_cmp(&a.confidence).then(a.person.cmp(&b.person)));
    candidates.dedup_by_key(|candidate| candidate.person);
    let definite = candidates.iter().filter(|candidate| candidate.confidence >= thresholds.definite).count();
    match (definite, candidates.len()) {
        (_, 0) => Correlation::Nobody,
        (1, _) => Correlation::Linked(candidates.swap_remove(0)),
        (0, 1) => Correlation::Proposed(candidates.swap_remove(0)),
        (_, _) => Correlation::Disputed(candidates),
    }
}

fn node(place: usize) -> NodeIx {
    NodeIx(u32::try_from(place).unwrap_or(u32::MAX))
}

/// Persons whose key equals `key`, folded.
pub(super) fn persons_by_key(people: &People, key: &str, has: impl Fn(&Person, Text) -> bool) -> Vec<PersonIx> {
    let Some(text) = people.strings.find(key) else { return Vec::new() };
    let mut persons = people.find(key);
    persons.retain(|person| has(people.person(*person), text));
    persons
}
