//! The HR tables of a snapshot, and the keys that persons are found by.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use muster_connectors::record;
use string_interner::Symbol as _;

use super::merge::{self, Merging};
use super::runs::Runs;
use super::{People, PersonIx, history, recycled};
use crate::graph::{RowState, Text};
use crate::snapshot::{Instants, Rows, Snapshot, StoreError, Texts};

/// Where an HR row comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// System.
    pub system: Arc<str>,
    /// Scope.
    pub scope: Arc<str>,
    /// State of its part.
    pub state: RowState,
    /// When it was true.
    pub collected: Option<Timestamp>,
}

impl People {
    /// Reads the persons and employments of a snapshot and merges them, without looking at earlier snapshots.
    ///
    /// # Errors
    /// [`StoreError`] when a table cannot be read.
    pub fn load(snapshot: &Snapshot, zone: Option<TimeZone>) -> Result<Self, StoreError> {
        Ok(Self::merge(persons(snapshot)?, employments(snapshot)?, zone))
    }

    /// Reads the persons and employments of a snapshot, merges them as told, and compares them with those of earlier snapshots.
    ///
    /// # Errors
    /// [`StoreError`] when a table cannot be read.
    pub fn read(snapshot: &Snapshot, merging: &Merging, now: Timestamp) -> Result<Self, StoreError> {
        let mut people = merge::merge(persons(snapshot)?, employments(snapshot)?, merging);
        people.index();
        history::compare(&mut people, snapshot, merging, now)?;
        recycled::compare(&mut people, snapshot, now)?;
        Ok(people)
    }

    /// Merges the feeds with nothing decided or configured; see [`Merging`].
    ///
    /// Cost: O(n log n).
    pub fn merge(
        persons: Vec<(Source, record::Person)>,
        employments: Vec<(Source, record::Employment)>,
        zone: Option<TimeZone>,
    ) -> Self {
        Self::merge_as(persons, employments, &Merging { zone, ..Merging::default() })
    }

    /// Merges the feeds.
    ///
    /// Cost: O(n log n).
    pub fn merge_as(
        persons: Vec<(Source, record::Person)>,
        employments: Vec<(Source, record::Employment)>,
        merging: &Merging,
    ) -> Self {
        let mut people = merge::merge(persons, employments, merging);
        people.index();
        people
    }

    /// Orders employments and builds the keys that strategies look persons up by.
    pub(super) fn index(&mut self) {
        let mut by_key: Vec<(u32, PersonIx)> = Vec::with_capacity(self.persons.len() * 3);
        let number = |text: &Text| u32::try_from(text.to_usize()).unwrap_or(u32::MAX);
        for (place, person) in self.persons.iter_mut().enumerate() {
            person.employments.sort_by_key(|employment| (employment.start, employment.end, employment.id));
            let ix = PersonIx(u32::try_from(place).unwrap_or(u32::MAX));
            by_key.extend(person.feeds.iter().map(|(_, id)| (number(id), ix)));
            by_key.extend(person.emails.iter().chain(&person.employee_ids).map(|key| (number(key), ix)));
        }
        self.by_key = Runs::of(self.strings.len(), by_key);
    }
}

struct Sources<'a> {
    systems: Texts<'a>,
    scopes: Texts<'a>,
    states: Texts<'a>,
    collected: Instants<'a>,
    last: Option<(Arc<str>, Arc<str>)>,
}

impl<'a> Sources<'a> {
    fn of(rows: &Rows<'a>) -> Result<Self, StoreError> {
        Ok(Self {
            systems: rows.texts("system")?,
            scopes: rows.texts("scope")?,
            states: rows.texts("state")?,
            collected: rows.instants("collected")?,
            last: None,
        })
    }

    /// Where a row comes from. Rows of one scope follow each other and share its name.
    fn row(&mut self, row: usize) -> Source {
        let (system, scope) = (self.systems.text(row), self.scopes.text(row));
        let (system, scope) = match &self.last {
            Some((last, known)) if **last == *system && **known == *scope => (last.clone(), known.clone()),
            Some(_) | None => (Arc::from(system), Arc::from(scope)),
        };
        self.last = Some((system.clone(), scope.clone()));
        Source {
            system,
            scope,
            state: self.states.name(row).unwrap_or(RowState::Stale),
            collected: self.collected.at(row),
        }
    }
}

pub(super) fn persons(snapshot: &Snapshot) -> Result<Vec<(Source, record::Person)>, StoreError> {
    let columns = [
        "id",
        "legal_name",
        "preferred_name",
        "given_name",
        "family_name",
        "previous_names",
        "emails",
        "employee_ids",
        "attributes",
        "state",
        "collected",
    ];
    let frame = snapshot.frame("persons", &columns)?;
    let rows = Rows::of(&frame, "persons");
    let mut sources = Sources::of(&rows)?;
    let (id, legal, preferred) = (rows.texts("id")?, rows.texts("legal_name")?, rows.texts("preferred_name")?);
    let (given, family) = (rows.texts("given_name")?, rows.texts("family_name")?);
    let attributes = rows.texts("attributes")?;
    let own = |text: Option<&str>| text.map(str::to_owned);
    let mut persons: Vec<(Source, record::Person)> = (0..rows.len())
        .map(|row| {
            let person = record::Person {
                id: id.text(row).to_owned(),
                legal_name: own(legal.get(row)),
                preferred_name: own(preferred.get(row)),
                given_name: own(given.get(row)),
                family_name: own(family.get(row)),
                attributes: attributes.get(row).map(attributes_of).unwrap_or_default(),
                ..record::Person::default()
            };
            (sources.row(row), person)
        })
        .collect();
    rows.lists("previous_names", |row, text| persons[row].1.previous_names.push(text.to_owned()))?;
    rows.lists("emails", |row, text| persons[row].1.emails.push(text.to_owned()))?;
    rows.lists("employee_ids", |row, text| persons[row].1.employee_ids.push(text.to_owned()))?;
    Ok(persons)
}

pub(super) fn employments(snapshot: &Snapshot) -> Result<Vec<(Source, record::Employment)>, StoreError> {
    let columns = [
        "id",
        "sequence",
        "person",
        "employee_id",
        "status",
        "worker_type",
        "start",
        "end",
        "manager",
        "department",
        "title",
        "location",
        "time_zone",
        "effective",
        "effective_day",
        "recorded",
        "state",
        "collected",
    ];
    let frame = snapshot.frame("employments", &columns)?;
    let rows = Rows::of(&frame, "employments");
    let mut sources = Sources::of(&rows)?;
    let (id, person, employee_id) = (rows.texts("id")?, rows.texts("person")?, rows.texts("employee_id")?);
    let (status, worker_type, zone) = (rows.texts("status")?, rows.texts("worker_type")?, rows.texts("time_zone")?);
    let (manager, department) = (rows.texts("manager")?, rows.texts("department")?);
    let (title, location) = (rows.texts("title")?, rows.texts("location")?);
    let (start, end) = (rows.days("start")?, rows.days("end")?);
    let (effective, recorded) = (rows.instants("effective")?, rows.instants("recorded")?);
    let (effective_day, sequence) = (rows.days("effective_day")?, rows.texts("sequence")?);
    let own = |text: Option<&str>| text.map(str::to_owned);
    let employment = |row: usize| record::Employment {
        id: id.text(row).to_owned(),
        person: person.text(row).to_owned(),
        employee_id: own(employee_id.get(row)),
        status: status.name(row).unwrap_or(record::EmploymentStatus::Unknown),
        worker_type: worker_type.name(row).unwrap_or(record::WorkerType::Unknown),
        start: start.day(row),
        end: end.day(row),
        manager: own(manager.get(row)),
        department: own(department.get(row)),
        title: own(title.get(row)),
        location: own(location.get(row)),
        cost_centre: None,
        time_zone: own(zone.get(row)),
        effective: effective.at(row),
        effective_day: effective_day.day(row),
        recorded: recorded.at(row),
        sequence: own(sequence.get(row)),
        raw: record::Raw::None,
    };
    Ok((0..rows.len()).map(|row| (sources.row(row), employment(row))).collect())
}

/// A JSON object of texts, as the store has it; nothing where it is anything else.
fn attributes_of(json: &str) -> BTreeMap<String, String> {
    serde_json::from_str(json).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(system: &str) -> Source {
        Source { system: system.into(), scope: "people".into(), state: RowState::Complete, collected: None }
    }

    fn person(id: &str, employee_ids: &[&str], email: &str) -> record::Person {
        record::Person {
            id: id.into(),
            legal_name: Some("Ada Lovelace".into()),
            emails: vec![email.into()],
            employee_ids: employee_ids.iter().map(ToString::to_string).collect(),
            ..record::Person::default()
        }
    }

    #[test]
    fn further_attributes_come_from_the_first_feed_that_has_them() {
        let with = |system: &str, phone: &str, title: &str| {
            let mut row = person("7", &["E7"], "ada@acme.example");
            row.attributes = [("Mobile".to_owned(), phone.to_owned()), (title.to_owned(), "x".to_owned())].into();
            row.previous_names = vec![format!("Ada {title}")];
            (source(system), row)
        };
        let people = People::merge(vec![with("b", "2", "Room"), with("a", "1", "Floor")], Vec::new(), None);
        let (_, ada) = people.persons().next().unwrap();
        let text = |text: &Text| people.text(*text);
        let attributes: Vec<_> = ada.attributes.iter().map(|(name, value)| (text(name), text(value))).collect();
        assert_eq!(attributes, [("Floor", "x"), ("Mobile", "1"), ("Room", "x")]);
        assert_eq!(ada.previous_names.iter().map(text).collect::<Vec<_>>(), ["Ada Floor", "Ada Room"]);
    }

    #[test]
    fn rows_that_share_an_employee_id_are_one_person_with_all_addresses() {
        let people = People::merge(
            vec![
                (source("contractors"), person("C1", &["C1", "E7"], "ada@ext.example")),
                (source("hr"), person("E7", &["E7"], "Ada@acme.example")),
                (source("hr"), person("E8", &["E8"], "bob@acme.example")),
            ],
            Vec::new(),
            None,
        );
        assert_eq!(people.persons().len(), 2);
        assert_eq!(people.find("ada@ACME.example"), people.find("c1"));
        assert_eq!(people.find("nobody@acme.example"), Vec::new());
    }
}
