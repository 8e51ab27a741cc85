//! Every attribute from the feed that has precedence for it, and what the other feeds say.

use std::collections::BTreeMap;

use muster_connectors::record;
use rustc_hash::FxHashMap;

use super::{Merging, Reason, Row, best_state};
use crate::graph::Text;
use crate::people::{Employment, People, Person};

/// An attribute that several feeds may give.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Attribute {
    /// The name the person goes by.
    Name,
    /// Given name.
    GivenName,
    /// Family name.
    FamilyName,
    /// First work e-mail.
    Email,
    /// HR's status.
    Status,
    /// HR's worker type.
    WorkerType,
    /// Last day.
    End,
    /// Manager.
    Manager,
    /// Department.
    Department,
}

impl Attribute {
    /// Every attribute.
    pub const ALL: [Self; 9] = [
        Self::Name,
        Self::GivenName,
        Self::FamilyName,
        Self::Email,
        Self::Status,
        Self::WorkerType,
        Self::End,
        Self::Manager,
        Self::Department,
    ];

    /// The spelling in the config and in tables.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::GivenName => "given_name",
            Self::FamilyName => "family_name",
            Self::Email => "email",
            Self::Status => "status",
            Self::WorkerType => "worker_type",
            Self::End => "end",
            Self::Manager => "manager",
            Self::Department => "department",
        }
    }
}

/// What one feed says of an attribute of a person who stands in several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Said {
    /// The attribute.
    pub attribute: Attribute,
    /// The feed.
    pub system: Text,
    /// Its value.
    pub value: Text,
    /// Whether this is the value that counts.
    pub used: bool,
}

/// Which feed is believed first, by attribute.
pub(super) struct Ranks {
    general: FxHashMap<Text, usize>,
    own: BTreeMap<Attribute, FxHashMap<Text, usize>>,
}

impl Ranks {
    pub(super) fn new(people: &mut People, merging: &Merging) -> Self {
        let mut ranks = |names: &[String]| {
            names.iter().enumerate().map(|(rank, name)| (people.strings.add(name), rank)).collect::<FxHashMap<_, _>>()
        };
        Self {
            general: ranks(&merging.precedence),
            own: merging.attributes.iter().map(|(attribute, names)| (*attribute, ranks(names))).collect(),
        }
    }

    /// Lower is believed first; feeds that nobody named come last, in their order.
    pub(super) fn of(&self, system: Text) -> usize {
        self.general.get(&system).copied().unwrap_or(usize::MAX)
    }

    fn of_attribute(&self, attribute: Attribute, system: Text) -> (usize, usize) {
        let own = self.own.get(&attribute).and_then(|ranks| ranks.get(&system));
        (own.copied().unwrap_or(usize::MAX), self.of(system))
    }

    /// The rows that give an attribute, the one that is believed first in front.
    fn order<T>(&self, attribute: Attribute, mut values: Vec<(Text, T)>) -> Vec<(Text, T)> {
        values.sort_by_key(|(system, _)| self.of_attribute(attribute, *system));
        values
    }
}

/// The person of some rows, of which the first is believed first.
pub(super) fn person(people: &mut People, rows: Vec<Row>, joined: Vec<Reason>, ranks: &Ranks) -> Person {
    let first = &rows[0];
    let key = people.strings.add(first.record.employee_ids.first().unwrap_or(&first.record.id));
    let mut person = Person {
        system: first.system,
        id: first.id,
        key,
        feed_ids: Vec::new(),
        feeds: Vec::new(),
        name: None,
        given_name: None,
        family_name: None,
        legal_name: None,
        previous_names: Vec::new(),
        emails: Vec::new(),
        employee_ids: Vec::new(),
        attributes: Vec::new(),
        employments: Vec::new(),
        state: best_state(&rows),
        said: Vec::new(),
        joined,
        vanished: None,
        returned: None,
    };
    let several = rows.iter().any(|row| row.system != first.system);
    let mut names: [Vec<(Text, Text)>; 4] = Default::default();
    for row in &rows {
        let record = &row.record;
        let (given, family) = names_of(record);
        let own = [name_of(record), given, family];
        for (values, value) in names.iter_mut().zip(own) {
            values.extend(value.map(|value| (row.system, people.strings.add(&value))));
        }
        names[3].extend(row.emails.first().map(|email| (row.system, *email)));
        let legal = record.legal_name.as_ref().map(|name| people.strings.add(name));
        person.legal_name = person.legal_name.or(legal);
        for (name, value) in &record.attributes {
            let (name, value) = (people.strings.add(name), people.strings.add(value));
            if !person.attributes.iter().any(|(known, _)| *known == name) {
                person.attributes.push((name, value));
            }
        }
        let former = record.previous_names.iter().map(|name| people.strings.add(name)).collect();
        extend_unique(&mut person.previous_names, former);
        extend_unique(&mut person.feed_ids, vec![row.spelled]);
        if !person.feeds.contains(&(row.system, row.id)) {
            person.feeds.push((row.system, row.id));
        }
    }
    let attributes = [Attribute::Name, Attribute::GivenName, Attribute::FamilyName, Attribute::Email];
    let chosen: Vec<Option<Text>> = attributes
        .into_iter()
        .zip(names)
        .map(|(attribute, values)| {
            let values = ranks.order(attribute, values);
            if several {
                say(&mut person.said, attribute, &values);
            }
            values.first().map(|(_, value)| *value)
        })
        .collect();
    (person.name, person.given_name, person.family_name) = (chosen[0], chosen[1], chosen[2]);
    // The address that counts comes first; every other one still finds the person.
    person.emails.extend(chosen[3]);
    for row in &rows {
        extend_unique(&mut person.emails, row.emails.clone());
        extend_unique(&mut person.employee_ids, row.employee_ids.clone());
    }
    let employments: Vec<Employment> = rows.into_iter().flat_map(|row| row.employments).collect();
    person.employments =
        if several { without_copies(people, employments, &mut person.said, ranks) } else { employments };
    let own: Vec<Text> = person.employments.iter().filter_map(|employment| employment.employee_id).collect();
    extend_unique(&mut person.employee_ids, own);
    person
}

/// Notes what each feed says, once a feed; the first one counts.
fn say(said: &mut Vec<Said>, attribute: Attribute, values: &[(Text, Text)]) {
    let mut feeds: Vec<Text> = Vec::new();
    for (system, value) in values {
        if !feeds.contains(system) {
            said.push(Said { attribute, system: *system, value: *value, used: feeds.is_empty() });
            feeds.push(*system);
        }
    }
}

/// Employments that two feeds tell of (the same employee id and first day) are one: the feed that is believed first tells it.
fn without_copies(
    people: &mut People,
    employments: Vec<Employment>,
    said: &mut Vec<Said>,
    ranks: &Ranks,
) -> Vec<Employment> {
    let mut kept: Vec<Employment> = Vec::with_capacity(employments.len());
    let mut copies: BTreeMap<usize, Vec<Employment>> = BTreeMap::new();
    for employment in employments {
        let is_copy = |known: &Employment| {
            known.system != employment.system
                && known.employee_id.is_some()
                && known.employee_id == employment.employee_id
                && known.start.is_some()
                && known.start == employment.start
        };
        match kept.iter().position(is_copy) {
            Some(place) => copies.entry(place).or_default().push(employment),
            None => kept.push(employment),
        }
    }
    for (place, copies) in copies {
        let all: Vec<Employment> = std::iter::once(kept[place].clone()).chain(copies).collect();
        for attribute in
            [Attribute::Status, Attribute::WorkerType, Attribute::End, Attribute::Manager, Attribute::Department]
        {
            let values = all.iter().enumerate().filter_map(|(number, employment)| {
                let value = match attribute {
                    Attribute::Status => Some(people.strings.add(employment.status.as_str())),
                    Attribute::WorkerType => Some(people.strings.add(employment.worker_type.as_str())),
                    Attribute::End => employment.end.map(|end| people.strings.add(&end.to_string())),
                    Attribute::Manager => employment.manager,
                    Attribute::Department => employment.department,
                    Attribute::Name | Attribute::GivenName | Attribute::FamilyName | Attribute::Email => None,
                };
                Some((employment.system, (number, value?)))
            });
            let values = ranks.order(attribute, values.collect());
            let told: Vec<(Text, Text)> = values.iter().map(|(system, (_, value))| (*system, *value)).collect();
            say(said, attribute, &told);
            if let Some((_, (number, _))) = values.first() {
                take(&mut kept[place], &all[*number], attribute);
            }
        }
    }
    kept
}

/// Takes over one attribute of another feed's reading of an employment.
fn take(employment: &mut Employment, from: &Employment, attribute: Attribute) {
    match attribute {
        Attribute::Status => employment.status = from.status,
        Attribute::WorkerType => employment.worker_type = from.worker_type,
        Attribute::End => employment.end = from.end,
        Attribute::Manager => employment.manager = from.manager,
        Attribute::Department => employment.department = from.department,
        Attribute::Name | Attribute::GivenName | Attribute::FamilyName | Attribute::Email => {}
    }
}

/// The name a person goes by.
fn name_of(row: &record::Person) -> Option<String> {
    let composed = match (&row.given_name, &row.family_name) {
        (Some(given), Some(family)) => Some(format!("{given} {family}")),
        (Some(_), None) | (None, Some(_) | None) => None,
    };
    row.preferred_name.clone().or_else(|| row.legal_name.clone()).or(composed)
}

/// Given and family name: as the feed has them, else the first and last word of the preferred or legal name.
fn names_of(row: &record::Person) -> (Option<String>, Option<String>) {
    use super::same::Named as _;
    let (given, family) = row.parts();
    (given.map(str::to_owned), family.map(str::to_owned))
}

/// First and last word of a full name, or what stands on the two sides of a comma.
pub(super) fn split(full: &str) -> (Option<&str>, Option<&str>) {
    if let Some((family, given)) = full.split_once(',') {
        return (Some(given.trim()), Some(family.trim()));
    }
    let mut words = full.split_whitespace();
    let given = words.next();
    (given, words.next_back())
}

fn extend_unique(list: &mut Vec<Text>, more: Vec<Text>) {
    for text in more {
        if !list.contains(&text) {
            list.push(text);
        }
    }
}
