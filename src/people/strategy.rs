//! What a rung of the ladder is: what it may look at, and what it may say.

use jiff::Timestamp;
use jiff::civil::Date;
use muster_connectors::record::{EmploymentStatus, RecordKind};
use rustc_hash::FxHashMap;

use super::login::NameKeys;
use super::{Employment, LinkDecisions, People, Person, PersonIx};
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
    /// Field by field, where the strategy weighs fields; empty where one fact decides.
    pub comparisons: Vec<Comparison>,
}

/// How one field of an account compares with that of a person. Texts are in [`People::text`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Comparison {
    /// What is compared: `name`, `e-mail`, `attributes.Mobile`.
    pub field: Text,
    /// How alike: `exact`, `typo`, `different`, `missing`.
    pub level: &'static str,
    /// As the account has it.
    pub account: Option<Text>,
    /// As HR has it.
    pub person: Option<Text>,
    /// Weight in bits: log₂ of how much more often such a pair is one human than two. Negative speaks against, 0 says nothing.
    pub bits: f32,
}

/// An account tied to a person by decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin {
    /// System name.
    pub system: String,
    /// Account id, login or native name.
    pub account: String,
    /// Person: feed id, employee id or work e-mail.
    pub person: String,
    /// Who decided.
    pub author: String,
    /// Why.
    pub reason: String,
    /// No longer counts from here on.
    pub expires: Option<Timestamp>,
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
    pub decided: &'a LinkDecisions,
    /// Persons linked by stronger rungs, by system and folded login.
    pub logins: &'a FxHashMap<(SystemIx, String), PersonIx>,
    /// Persons by a key made of their names; see [`super::login`].
    pub names: &'a NameKeys,
    /// Persons found by weighing everything together; see [`super::likeness`].
    pub likeness: &'a FxHashMap<NodeIx, Vec<Candidate>>,
    /// Whether HR's work e-mails are all of one domain, so that a bare name can mean only one of them.
    pub one_domain: bool,
    /// The clock.
    pub now: Timestamp,
}

impl Evidence<'_> {
    /// Whether an account of `system` that was not read may be missing.
    pub fn may_miss_accounts(&self, system: SystemIx) -> bool {
        let coverage = self.graph.coverage();
        let mut rows = coverage.of_system(self.graph.system_name(system));
        rows.any(|row| row.kind == RecordKind::Account && !row.proves_absence)
    }

    /// Whether e-mail or name alone may tie `account` to `person`: never across an employment gap.
    ///
    /// An address is handed on when its bearer leaves. So the account must have been made while the person's *latest*
    /// employment was coming or running; where its making is not known, the person must not have been away in between.
    pub fn survives_gap(&self, account: NodeIx, person: PersonIx) -> bool {
        survives_gap(self.graph, self.people, account, person)
    }
}

/// [`Evidence::survives_gap`] for whoever has no evidence at hand.
pub(super) fn survives_gap(graph: &Graph, people: &People, account: NodeIx, person: PersonIx) -> bool {
    let person = people.person(person);
    let created = graph.account(account).and_then(|account| account.created.at());
    match created {
        Some(created) => made_within_latest_span(person, created),
        None => !was_away(person),
    }
}

/// Days before a first day in which an account may already be made.
const PREBOARDING_DAYS: i64 = 90;
/// Days between two employments that count as one.
const SEAMLESS_DAYS: i64 = 31;

fn made_within_latest_span(person: &Person, created: Timestamp) -> bool {
    let day = created.to_zoned(jiff::tz::TimeZone::UTC).date();
    let Some(first) = latest_span_start(person) else { return true };
    let preboarding = jiff::SignedDuration::from_hours(24 * PREBOARDING_DAYS);
    let earliest = first.checked_sub(preboarding).unwrap_or(Date::MIN);
    let after_end = real(&person.employments).all(|e| last_day(e).is_some_and(|end| day > end));
    day >= earliest && !after_end
}

/// Employments that came to be.
fn real(employments: &[Employment]) -> impl Iterator<Item = &Employment> {
    employments.iter().filter(|employment| employment.status != EmploymentStatus::Cancelled)
}

/// First and last day of a stay; the last one is `None` while it lasts. `None` where no employment came to be, or one has no
/// first day.
pub(super) fn stay<'a>(employments: impl Iterator<Item = &'a Employment>) -> Option<(Date, Option<Date>)> {
    let mut whole: Option<(Date, Option<Date>)> = None;
    for employment in employments.filter(|employment| employment.status != EmploymentStatus::Cancelled) {
        let (start, end) = (employment.start?, last_day(employment));
        whole = Some(match whole {
            None => (start, end),
            Some((first, last)) => (first.min(start), last.and_then(|last| Some(last.max(end?)))),
        });
    }
    whole
}

/// First day of the last run of employments without a gap; the beginning of time where HR does not say.
fn latest_span_start(person: &Person) -> Option<Date> {
    let mut run: Option<(Date, Option<Date>)> = None;
    for employment in real(&person.employments) {
        let start = employment.start.unwrap_or(Date::MIN);
        let end = last_day(employment);
        run = Some(match run {
            Some((first, None)) => (first, None),
            Some((first, Some(reached))) if days_between(reached, start) <= SEAMLESS_DAYS => {
                (first, end.map(|end| end.max(reached)))
            }
            Some(_) | None => (start, end),
        });
    }
    run.map(|(first, _)| first)
}

/// The last day of an employment, `None` while it runs on. One that HR calls terminated without saying when ended as soon as it
/// began: what cannot be dated must not bridge a gap.
fn last_day(employment: &Employment) -> Option<Date> {
    if employment.status != EmploymentStatus::Terminated {
        return employment.end;
    }
    let written = employment.effective.or(employment.recorded);
    let day = |at: Timestamp| at.to_zoned(jiff::tz::TimeZone::UTC).date();
    Some(
        employment
            .end
            .or(employment.effective_day)
            .or_else(|| written.map(day))
            .or(employment.start)
            .unwrap_or(Date::MIN),
    )
}

fn was_away(person: &Person) -> bool {
    let first = real(&person.employments).next().map(|employment| employment.start.unwrap_or(Date::MIN));
    latest_span_start(person) != first
}

fn days_between(from: Date, to: Date) -> i64 {
    from.duration_until(to).as_hours() / 24
}

/// Persons whose key equals `key`, folded.
pub(super) fn persons_by_key(people: &People, key: &str, has: impl Fn(&Person, Text) -> bool) -> Vec<PersonIx> {
    let Some(text) = people.strings.find(key) else { return Vec::new() };
    people.known_by(text).iter().copied().filter(|person| has(people.person(*person), text)).collect()
}
