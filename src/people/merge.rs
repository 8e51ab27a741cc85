//! Rows of several HR feeds to persons with employments.
//!
//! ```text
//!   rows of all feeds ──► same: which rows are one human (decisions, shared ids, rehires) ──► groups of rows
//!   groups ──► attributes: every attribute from the feed that has precedence for it ──► persons
//! ```
//!
//! Rows that share an employee id (or, where the config says so, the person id) are one human, unless what they say of names
//! and addresses cannot be said of one: then they stay apart and the id is reported (DQ-001). Rows that share an address and
//! the full name are one human where their employments follow each other (a rehire, a conversion); where these overlap, they
//! are reported as a duplicate, as are those that share the full name and a birth date, or another attribute that nobody else
//! has. Two birth dates are a reason against. What people decided (`policy/persons.toml`) beats all of it.

mod attributes;
mod same;
mod traits;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::SignedDuration;
use jiff::tz::TimeZone;
use muster_connectors::record;
use rustc_hash::FxHashMap;

use super::employment::{Change, Terms};
use super::{Employment, People, Person, PersonIx, Source, fold};
use crate::graph::{RowState, Strings, Text};

pub use self::attributes::{Attribute, Said};
pub(super) use self::same::full_name;

/// How feeds are merged: what the config and the policy folder say.
#[derive(Debug, Clone)]
pub struct Merging {
    /// Zone of days that bring none of their own.
    pub zone: Option<TimeZone>,
    /// Feeds, the one that is believed first; those that are not named follow in order of name.
    pub precedence: Vec<String>,
    /// The same for single attributes.
    pub attributes: BTreeMap<Attribute, Vec<String>>,
    /// Ids that mean the same human in every feed, strongest first.
    pub join: Vec<SharedId>,
    /// What people decided and what counts today.
    pub decisions: Vec<Decision>,
    /// For how long a person who is gone from a feed without a termination is waited for.
    pub vanish_after: SignedDuration,
}

impl Default for Merging {
    fn default() -> Self {
        Self {
            zone: None,
            precedence: Vec::new(),
            attributes: BTreeMap::new(),
            join: vec![SharedId::Employee],
            decisions: Vec::new(),
            vanish_after: SignedDuration::from_hours(7 * 24),
        }
    }
}

/// An id that several feeds share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SharedId {
    /// The employee ids.
    Employee,
    /// The feeds' own keys for persons, where one issuer gives them all.
    Person,
}

/// "These records are one human", or "these are not": stronger than any evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// What was decided.
    pub verdict: Decided,
    /// The records, as (system, the feed's own key).
    pub records: Vec<(String, String)>,
    /// Who decided.
    pub author: String,
    /// Why.
    pub reason: String,
}

/// What a [`Decision`] says of its records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decided {
    /// They are one human.
    Same,
    /// No two of them are.
    Different,
    /// The one record stands for two humans: these employments are the other one's.
    Employments(Vec<String>),
}

/// Why a record was joined to another one of the same person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// Somebody decided.
    Decided {
        /// Who.
        author: String,
        /// Why.
        reason: String,
    },
    /// They share this employee id.
    EmployeeId(Text),
    /// They share this person id.
    PersonId(Text),
    /// They share this address and the full name, and the employments follow each other.
    Returned(Text),
}

/// Two records that should be one person's, or one id that should not be two's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Duplicate {
    /// The earlier one.
    pub first: PersonIx,
    /// The later one.
    pub second: PersonIx,
    /// What speaks for it.
    pub by: Suspected,
}

/// Why two persons are suspected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Suspected {
    /// They share this address and the full name, but no id: one human entered twice.
    OneHuman(Text),
    /// They share the full name and the value of this attribute, but no id: one human entered twice.
    SameAttribute(Text),
    /// They share this id, but what is said of them cannot be said of one: two humans.
    TwoHumans(Text),
}

/// A row of a feed on its way into a person.
#[derive(Debug)]
struct Row {
    system: Text,
    /// The feed's own key, folded.
    id: Text,
    /// The same as the feed spells it.
    spelled: Text,
    source: Source,
    record: record::Person,
    employee_ids: Vec<Text>,
    emails: Vec<Text>,
    employments: Vec<Employment>,
}

/// Merges the rows; see the module's page. The persons are sorted by system and id, but not indexed yet.
///
/// Cost: O(n log n) in rows; names are compared only where an id or an address is shared.
pub(super) fn merge(
    persons: Vec<(Source, record::Person)>,
    employments: Vec<(Source, record::Employment)>,
    merging: &Merging,
) -> People {
    // An id, a name and an address of each, and as the feed spells them.
    let strings = Strings::with_capacity(persons.len().saturating_mul(4));
    let mut people = People { strings, zone: merging.zone.clone(), ..People::default() };
    let mut rows = rows(&mut people, persons);
    add_employments(&mut people, &mut rows, employments);
    let mut known = FxHashMap::default();
    for (place, row) in rows.iter().enumerate() {
        known.entry((row.system, row.id)).or_insert(place);
    }
    let apart = set_apart(&mut people, &mut rows, &known, merging);
    let same::Groups { members, reasons, suspected } = same::groups(&mut people, &rows, &known, apart, merging);
    build(&mut people, rows, members, &reasons, &suspected, merging);
    people
}

fn rows(people: &mut People, mut persons: Vec<(Source, record::Person)>) -> Vec<Row> {
    persons.sort_by(|a, b| (&a.0.system, &a.1.id).cmp(&(&b.0.system, &b.1.id)));
    let strings = &mut people.strings;
    let row = |(source, record): (Source, record::Person)| Row {
        system: strings.add(&source.system),
        id: strings.add(&fold(&record.id)),
        spelled: strings.add(&record.id),
        employee_ids: record.employee_ids.iter().map(|id| strings.add(&fold(id))).collect(),
        emails: record.emails.iter().map(|email| strings.add(&fold(email))).collect(),
        employments: Vec::new(),
        source,
        record,
    };
    persons.into_iter().map(row).collect()
}

/// Gives every row its employments, with the changes of each in order.
fn add_employments(people: &mut People, rows: &mut [Row], employments: Vec<(Source, record::Employment)>) {
    let places: FxHashMap<(Text, Text), usize> =
        rows.iter().enumerate().rev().map(|(place, row)| ((row.system, row.id), place)).collect();
    for (source, record) in employments {
        let (system, person) = (people.strings.add(&source.system), people.strings.add(&fold(&record.person)));
        let Some(place) = places.get(&(system, person)) else { continue };
        let employment = employment(people, system, &source, &record);
        let list = &mut rows[*place].employments;
        let change = |sequence: &String, people: &mut People| Change {
            sequence: people.strings.add(sequence),
            terms: employment.terms(),
        };
        let Some(sequence) = &record.sequence else {
            list.push(employment);
            continue;
        };
        let change = change(sequence, people);
        match list.iter_mut().find(|known| known.id == employment.id) {
            Some(known) => known.changes.push(change),
            None => list.push(Employment { changes: vec![change], ..employment }),
        }
    }
    for employment in rows.iter_mut().flat_map(|row| &mut row.employments) {
        employment.settle(&people.strings, people.zone.as_ref());
    }
}

fn employment(people: &mut People, system: Text, source: &Source, row: &record::Employment) -> Employment {
    let strings = &mut people.strings;
    let mut text = |value: &Option<String>| value.as_ref().map(|value| strings.add(value));
    let terms = Terms {
        status: row.status,
        worker_type: row.worker_type,
        start: row.start,
        end: row.end,
        department: text(&row.department),
        manager: text(&row.manager),
        title: text(&row.title),
        location: text(&row.location),
        cost_centre: text(&row.cost_centre),
        time_zone: text(&row.time_zone),
        effective: row.effective,
        effective_day: row.effective_day,
        recorded: row.recorded,
    };
    let mut employment = Employment {
        system,
        employee_id: row.employee_id.as_ref().map(|key| strings.add(&fold(key))),
        scope: strings.add(&source.scope),
        id: strings.add(&row.id),
        status: row.status,
        worker_type: row.worker_type,
        start: None,
        end: None,
        manager: None,
        department: None,
        title: None,
        location: None,
        cost_centre: None,
        time_zone: None,
        effective: None,
        effective_day: None,
        recorded: None,
        state: source.state,
        collected: source.collected,
        changes: Vec::new(),
    };
    employment.hold(terms);
    employment
}

/// Pairs of rows that must not become one person. A record that stands for two humans is cut in two first.
fn set_apart(
    people: &mut People,
    rows: &mut Vec<Row>,
    known: &FxHashMap<(Text, Text), usize>,
    merging: &Merging,
) -> Vec<(usize, usize)> {
    let mut apart = Vec::new();
    for (number, decision) in merging.decisions.iter().enumerate() {
        let places: Vec<usize> =
            decision.records.iter().filter_map(|record| same::find(people, known, record)).collect();
        if places.len() < decision.records.len() {
            people.unresolved.push(number);
        }
        match &decision.verdict {
            Decided::Same => {}
            Decided::Different => {
                for (count, place) in places.iter().enumerate() {
                    apart.extend(places[..count].iter().map(|other| (*other, *place)));
                }
            }
            Decided::Employments(ids) => {
                let Some(place) = places.first().copied() else { continue };
                match cut(people, &mut rows[place], ids) {
                    Some(other) => {
                        apart.push((place, rows.len()));
                        rows.push(other);
                    }
                    None => people.unresolved.push(number),
                }
            }
        }
    }
    people.unresolved.dedup();
    apart
}

/// The second human of a record: the named employments, under the first one's key, with nothing known but the ids.
fn cut(people: &People, row: &mut Row, ids: &[String]) -> Option<Row> {
    let named = |employment: &Employment| ids.iter().any(|id| id == people.strings.get(employment.id));
    let theirs: Vec<Employment> = row.employments.extract_if(.., |employment| named(employment)).collect();
    let first = theirs.first()?.id;
    let own: Vec<Text> = theirs.iter().filter_map(|employment| employment.employee_id).collect();
    Some(Row {
        system: row.system,
        id: first,
        spelled: first,
        source: row.source.clone(),
        record: record::Person { id: people.strings.get(first).to_owned(), ..record::Person::default() },
        employee_ids: if own.is_empty() { row.employee_ids.clone() } else { own },
        emails: Vec::new(),
        employments: theirs,
    })
}

/// Puts persons together from the groups, in order of system and id of the row that is believed first.
fn build(
    people: &mut People,
    rows: Vec<Row>,
    members: Vec<Vec<usize>>,
    reasons: &FxHashMap<usize, Reason>,
    suspected: &[(usize, usize, Suspected)],
    merging: &Merging,
) {
    let ranks = attributes::Ranks::new(people, merging);
    let mut rows: Vec<Option<Row>> = rows.into_iter().map(Some).collect();
    let mut person_of = vec![0; rows.len()];
    let mut built: Vec<(Person, Vec<usize>)> = members
        .into_iter()
        .map(|members| {
            let mut own: Vec<(usize, Row)> =
                members.iter().filter_map(|place| Some((*place, rows[*place].take()?))).collect();
            own.sort_by_key(|(place, row)| (ranks.of(row.system), std::cmp::Reverse(latest_start(row)), *place));
            let joined = own.iter().filter_map(|(place, _)| reasons.get(place).cloned()).collect();
            let own: Vec<Row> = own.into_iter().map(|(_, row)| row).collect();
            (attributes::person(people, own, joined, &ranks), members)
        })
        .collect();
    let strings = &people.strings;
    built.sort_by(|(a, _), (b, _)| {
        let key = |person: &Person| (strings.get(person.system), strings.get(person.id));
        key(a).cmp(&key(b))
    });
    for (number, (_, members)) in built.iter().enumerate() {
        for place in members {
            person_of[*place] = number;
        }
    }
    people.persons = built.into_iter().map(|(person, _)| person).collect();
    let ix = |place: usize| PersonIx(u32::try_from(person_of[place]).unwrap_or(u32::MAX));
    let mut duplicates: Vec<Duplicate> = suspected
        .iter()
        .map(|(a, b, by)| (ix(*a).min(ix(*b)), ix(*a).max(ix(*b)), *by))
        .filter(|(first, second, _)| first != second)
        .map(|(first, second, by)| Duplicate { first, second, by })
        .collect();
    duplicates.sort_by_key(|duplicate| (duplicate.second, duplicate.first));
    duplicates.dedup_by_key(|duplicate| (duplicate.second, duplicate.first));
    people.duplicates = duplicates;
}

impl People {
    /// Adds persons of earlier snapshots, with when each record was last seen; the others keep what is known of them.
    pub(super) fn add_vanished(
        &mut self,
        persons: Vec<(Source, record::Person)>,
        employments: Vec<(Source, record::Employment)>,
        seen: &FxHashMap<(Arc<str>, String), jiff::Timestamp>,
    ) {
        let merging = Merging { zone: self.zone.clone(), ..Merging::default() };
        let mut rows = rows(self, persons);
        add_employments(self, &mut rows, employments);
        let ranks = attributes::Ranks::new(self, &merging);
        for row in rows {
            let key = (row.source.system.clone(), self.strings.get(row.id).to_owned());
            let mut person = attributes::person(self, vec![row], Vec::new(), &ranks);
            person.vanished = seen.get(&key).copied();
            self.persons.push(person);
        }
        let before = std::mem::take(&mut self.persons);
        let mut order: Vec<(usize, Person)> = before.into_iter().enumerate().collect();
        let strings = &self.strings;
        order.sort_by(|(_, a), (_, b)| {
            let key = |person: &Person| (strings.get(person.system), strings.get(person.id));
            key(a).cmp(&key(b))
        });
        let mut moved = vec![PersonIx(0); order.len()];
        for (place, (was, _)) in order.iter().enumerate() {
            moved[*was] = PersonIx(u32::try_from(place).unwrap_or(u32::MAX));
        }
        self.persons = order.into_iter().map(|(_, person)| person).collect();
        for duplicate in &mut self.duplicates {
            duplicate.first = moved[duplicate.first.0 as usize];
            duplicate.second = moved[duplicate.second.0 as usize];
        }
        self.index();
    }
}

fn latest_start(row: &Row) -> Option<jiff::civil::Date> {
    row.employments.iter().filter_map(|employment| employment.start).max()
}

/// State of several rows: the best of them.
fn best_state(rows: &[Row]) -> RowState {
    rows.iter().map(|row| row.source.state).min().unwrap_or(RowState::Stale)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(system: &str) -> Source {
        Source { system: system.into(), scope: "people".into(), state: RowState::Complete, collected: None }
    }

    fn row(system: &str, id: &str, name: (&str, &str), email: &str) -> (Source, record::Person) {
        let person = record::Person {
            id: id.into(),
            given_name: Some(name.0.into()),
            family_name: Some(name.1.into()),
            emails: vec![email.into()],
            employee_ids: vec![id.into()],
            ..record::Person::default()
        };
        (source(system), person)
    }

    fn job(system: &str, id: &str, person: &str, status: record::EmploymentStatus) -> (Source, record::Employment) {
        let job = record::Employment {
            id: id.into(),
            person: person.into(),
            employee_id: Some(person.into()),
            status,
            worker_type: record::WorkerType::Employee,
            start: Some(jiff::civil::date(2020, 1, 1)),
            end: None,
            manager: None,
            department: Some(format!("{system}'s")),
            title: None,
            location: None,
            cost_centre: None,
            time_zone: None,
            effective: None,
            effective_day: None,
            recorded: None,
            sequence: None,
            raw: record::Raw::None,
        };
        (source(system), job)
    }

    fn decision(verdict: Decided, records: &[(&str, &str)]) -> Decision {
        let records = records.iter().map(|(system, id)| ((*system).to_owned(), (*id).to_owned())).collect();
        Decision { verdict, records, author: "Petra".into(), reason: "seen both".into() }
    }

    const ADA: (&str, &str) = ("Ada", "Lovelace");

    #[test]
    fn each_attribute_comes_from_the_feed_that_has_precedence_and_the_others_stay_visible() {
        use record::EmploymentStatus::{Active, Terminated};
        let rows = || {
            vec![row("agency", "7", ("Ada", "King"), "king@agency.example"), row("hr", "7", ADA, "ada@acme.example")]
        };
        let jobs = || vec![job("agency", "7", "7", Active), job("hr", "7", "7", Terminated)];
        let merging = Merging {
            precedence: vec!["hr".into()],
            attributes: BTreeMap::from([(Attribute::Email, vec!["agency".into()])]),
            ..Merging::default()
        };
        let people = People::merge_as(rows(), jobs(), &merging);
        let (ix, ada) = people.persons().next().unwrap();
        assert_eq!(people.name(ix), "Ada Lovelace");
        assert_eq!(people.text(ada.emails[0]), "king@agency.example");
        assert_eq!(ada.emails.len(), 2, "every address finds the person");
        // The same employment, told twice: HR's word counts.
        assert_eq!(ada.employments.len(), 1);
        assert_eq!(ada.employments[0].status, Terminated);
        let said: Vec<_> = people
            .conflicts(ix)
            .map(|said| (said.attribute.as_str(), people.text(said.system), people.text(said.value), said.used))
            .collect();
        assert!(said.contains(&("status", "hr", "terminated", true)), "{said:?}");
        assert!(said.contains(&("status", "agency", "active", false)), "{said:?}");
        assert!(said.contains(&("email", "agency", "king@agency.example", true)), "{said:?}");
        assert!(said.contains(&("name", "agency", "Ada King", false)), "{said:?}");
        assert!(!said.iter().any(|said| said.0 == "given_name"), "both say Ada");
        // Whatever the order of the rows.
        let mut turned = rows();
        turned.reverse();
        let again = People::merge_as(turned, jobs(), &merging);
        assert_eq!(again.name(ix), "Ada Lovelace");
    }

    #[test]
    fn decisions_beat_ids_and_one_record_of_two_humans_is_cut_in_two() {
        let rows = || vec![row("a", "1", ADA, "x@a.example"), row("b", "1", ADA, "y@b.example")];
        assert_eq!(People::merge_as(rows(), Vec::new(), &Merging::default()).persons().len(), 1);
        let apart =
            Merging { decisions: vec![decision(Decided::Different, &[("a", "1"), ("b", "1")])], ..Merging::default() };
        let people = People::merge_as(rows(), Vec::new(), &apart);
        assert_eq!((people.persons().len(), people.duplicates().len()), (2, 0), "it is settled, so nobody asks again");

        let active = record::EmploymentStatus::Active;
        let jobs = vec![job("a", "1/x", "1", active), job("a", "1/y", "1", active)];
        let cut = Merging {
            decisions: vec![
                decision(Decided::Employments(vec!["1/y".into()]), &[("a", "1")]),
                decision(Decided::Same, &[("a", "1"), ("b", "9")]),
            ],
            ..Merging::default()
        };
        let people = People::merge_as(rows()[..1].to_vec(), jobs, &cut);
        let held: Vec<usize> = people.persons().map(|(_, person)| person.employments.len()).collect();
        assert_eq!(held, [1, 1]);
        assert_eq!(people.find("1").len(), 2, "the id names both, so it ties nothing by itself");
        assert_eq!(people.find("1/y").len(), 1, "a pin can still name the second one");
        assert_eq!(people.unresolved_decisions(), [1]);
    }

    #[test]
    fn an_id_of_nobody_joins_nobody() {
        let names = ["Ann", "Bob", "Cid", "Dee", "Eve", "Fay", "Gus", "Hal", "Ivy", "Jon", "Kim", "Leo"];
        let rows = names.iter().map(|name| row(name, "0", (name, &name.repeat(2)), &format!("{name}@acme.example")));
        let people = People::merge_as(rows.collect(), Vec::new(), &Merging::default());
        assert_eq!(people.persons().len(), names.len());
        assert_eq!(people.duplicates().len(), names.len() - 1);
    }
}
