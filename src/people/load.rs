//! HR rows to persons with employments.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use muster_connectors::record;

use super::{Employment, People, Person, PersonIx, fold};
use crate::graph::{RowState, Strings, Text};
use crate::snapshot::{Instants, Rows, Snapshot, StoreError, Texts};

/// Where an HR row comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// System.
    pub system: String,
    /// Scope.
    pub scope: String,
    /// State of its part.
    pub state: RowState,
    /// When it was true.
    pub collected: Option<Timestamp>,
}

impl People {
    /// Reads the persons and employments of a snapshot and merges them.
    ///
    /// # Errors
    /// [`StoreError`] when a table cannot be read.
    pub fn load(snapshot: &Snapshot, zone: Option<TimeZone>) -> Result<Self, StoreError> {
        Ok(Self::merge(persons(snapshot)?, employments(snapshot)?, zone))
    }

    /// Merges the feeds: rows that share an employee id are one person, whatever feed they stand in.
    ///
    /// Attributes come from the first feed that has them, in order of system name; rows of one feed keep their order.
    ///
    /// Cost: O(n log n).
    pub fn merge(
        mut persons: Vec<(Source, record::Person)>,
        employments: Vec<(Source, record::Employment)>,
        zone: Option<TimeZone>,
    ) -> Self {
        persons.sort_by(|a, b| (&a.0.system, &a.1.id).cmp(&(&b.0.system, &b.1.id)));
        let mut people = Self { zone, ..Self::default() };
        let mut places: rustc_hash::FxHashMap<Text, PersonIx> = rustc_hash::FxHashMap::default();
        let mut feeds: rustc_hash::FxHashMap<(Text, Text), PersonIx> = rustc_hash::FxHashMap::default();
        for (source, row) in persons {
            let system = people.strings.add(&source.system);
            let id = people.strings.add(&fold(&row.id));
            let employee_ids: Vec<Text> = row.employee_ids.iter().map(|key| people.strings.add(&fold(key))).collect();
            let known =
                employee_ids.iter().find_map(|key| places.get(key)).or_else(|| feeds.get(&(system, id))).copied();
            let ix = known.unwrap_or_else(|| {
                let key = people.strings.add(row.employee_ids.first().unwrap_or(&row.id));
                people.add_person(system, id, key, source.state)
            });
            feeds.insert((system, id), ix);
            let feed_id = people.strings.add(&row.id);
            extend_unique(&mut people.persons[ix.0 as usize].feed_ids, vec![feed_id]);
            for key in &employee_ids {
                places.entry(*key).or_insert(ix);
            }
            people.add_attributes(ix, &row, employee_ids, source.state);
        }
        for (source, row) in employments {
            let system = people.strings.add(&source.system);
            let person = people.strings.add(&fold(&row.person));
            if let Some(ix) = feeds.get(&(system, person)) {
                people.add_employment(*ix, system, &source, &row);
            }
        }
        people.index();
        people
    }

    fn add_person(&mut self, system: Text, id: Text, key: Text, state: RowState) -> PersonIx {
        self.persons.push(Person {
            system,
            id,
            key,
            feed_ids: Vec::new(),
            name: None,
            given_name: None,
            family_name: None,
            legal_name: None,
            previous_names: Vec::new(),
            emails: Vec::new(),
            employee_ids: Vec::new(),
            attributes: Vec::new(),
            employments: Vec::new(),
            state,
        });
        PersonIx(u32::try_from(self.persons.len() - 1).unwrap_or(u32::MAX))
    }

    fn add_attributes(&mut self, ix: PersonIx, row: &record::Person, employee_ids: Vec<Text>, state: RowState) {
        let composed = match (&row.given_name, &row.family_name) {
            (Some(given), Some(family)) => Some(format!("{given} {family}")),
            (Some(_), None) | (None, Some(_) | None) => None,
        };
        let name = row.preferred_name.as_ref().or(row.legal_name.as_ref()).or(composed.as_ref());
        let name = name.map(|name| self.strings.add(name));
        let (given, family) = names_of(row);
        let given = given.map(|name| self.strings.add(&name));
        let family = family.map(|name| self.strings.add(&name));
        let emails: Vec<Text> = row.emails.iter().map(|email| self.strings.add(&fold(email))).collect();
        let legal = row.legal_name.as_ref().map(|name| self.strings.add(name));
        let previous: Vec<Text> = row.previous_names.iter().map(|name| self.strings.add(name)).collect();
        let attributes: Vec<(Text, Text)> =
            row.attributes.iter().map(|(name, value)| (self.strings.add(name), self.strings.add(value))).collect();
        let person = &mut self.persons[ix.0 as usize];
        person.legal_name = person.legal_name.or(legal);
        extend_unique(&mut person.previous_names, previous);
        for (name, value) in attributes {
            if !person.attributes.iter().any(|(known, _)| *known == name) {
                person.attributes.push((name, value));
            }
        }
        person.name = person.name.or(name);
        person.given_name = person.given_name.or(given);
        person.family_name = person.family_name.or(family);
        person.state = person.state.min(state);
        extend_unique(&mut person.emails, emails);
        extend_unique(&mut person.employee_ids, employee_ids);
    }

    fn add_employment(&mut self, ix: PersonIx, system: Text, source: &Source, row: &record::Employment) {
        let strings: &mut Strings = &mut self.strings;
        let mut text = |value: &Option<String>| value.as_ref().map(|value| strings.add(value));
        let employment = Employment {
            system,
            department: text(&row.department),
            manager: text(&row.manager),
            title: text(&row.title),
            location: text(&row.location),
            time_zone: text(&row.time_zone),
            employee_id: row.employee_id.as_ref().map(|key| strings.add(&fold(key))),
            scope: strings.add(&source.scope),
            id: strings.add(&row.id),
            status: row.status,
            worker_type: row.worker_type,
            start: row.start,
            end: row.end,
            effective: row.effective,
            recorded: row.recorded,
            state: source.state,
            collected: source.collected,
        };
        let person = &mut self.persons[ix.0 as usize];
        extend_unique(&mut person.employee_ids, employment.employee_id.into_iter().collect());
        person.employments.push(employment);
    }

    /// Orders employments and builds the keys that strategies look persons up by.
    fn index(&mut self) {
        let mut by_key = Vec::with_capacity(self.persons.len() * 3);
        for (place, person) in self.persons.iter_mut().enumerate() {
            person.employments.sort_by_key(|employment| (employment.start, employment.end, employment.id));
            let ix = PersonIx(u32::try_from(place).unwrap_or(u32::MAX));
            by_key.push((person.id, ix));
            by_key.extend(person.emails.iter().chain(&person.employee_ids).map(|key| (*key, ix)));
        }
        by_key.sort_unstable();
        by_key.dedup();
        self.by_key = by_key;
    }
}

struct Sources<'a> {
    systems: Texts<'a>,
    scopes: Texts<'a>,
    states: Texts<'a>,
    collected: Instants<'a>,
}

impl<'a> Sources<'a> {
    fn of(rows: &Rows<'a>) -> Result<Self, StoreError> {
        Ok(Self {
            systems: rows.texts("system")?,
            scopes: rows.texts("scope")?,
            states: rows.texts("state")?,
            collected: rows.instants("collected")?,
        })
    }

    fn row(&self, row: usize) -> Source {
        Source {
            system: self.systems.text(row).to_owned(),
            scope: self.scopes.text(row).to_owned(),
            state: self.states.name(row).unwrap_or(RowState::Stale),
            collected: self.collected.at(row),
        }
    }
}

fn persons(snapshot: &Snapshot) -> Result<Vec<(Source, record::Person)>, StoreError> {
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
    let sources = Sources::of(&rows)?;
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

fn employments(snapshot: &Snapshot) -> Result<Vec<(Source, record::Employment)>, StoreError> {
    let columns = [
        "id",
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
        "recorded",
        "state",
        "collected",
    ];
    let frame = snapshot.frame("employments", &columns)?;
    let rows = Rows::of(&frame, "employments");
    let sources = Sources::of(&rows)?;
    let (id, person, employee_id) = (rows.texts("id")?, rows.texts("person")?, rows.texts("employee_id")?);
    let (status, worker_type, zone) = (rows.texts("status")?, rows.texts("worker_type")?, rows.texts("time_zone")?);
    let (manager, department) = (rows.texts("manager")?, rows.texts("department")?);
    let (title, location) = (rows.texts("title")?, rows.texts("location")?);
    let (start, end) = (rows.days("start")?, rows.days("end")?);
    let (effective, recorded) = (rows.instants("effective")?, rows.instants("recorded")?);
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
        recorded: recorded.at(row),
        raw: record::Raw::None,
    };
    Ok((0..rows.len()).map(|row| (sources.row(row), employment(row))).collect())
}

/// A JSON object of texts, as the store has it; nothing where it is anything else.
fn attributes_of(json: &str) -> BTreeMap<String, String> {
    serde_json::from_str(json).unwrap_or_default()
}

/// Given and family name: as the feed has them, else the first and last word of the preferred or legal name.
fn names_of(row: &record::Person) -> (Option<String>, Option<String>) {
    if row.given_name.is_some() || row.family_name.is_some() {
        return (row.given_name.clone(), row.family_name.clone());
    }
    let Some(full) = row.preferred_name.as_ref().or(row.legal_name.as_ref()) else { return (None, None) };
    if let Some((family, given)) = full.split_once(',') {
        return (Some(given.trim().to_owned()), Some(family.trim().to_owned()));
    }
    let mut words = full.split_whitespace();
    let given = words.next().map(str::to_owned);
    (given, words.next_back().map(str::to_owned))
}

fn extend_unique(list: &mut Vec<Text>, more: Vec<Text>) {
    for text in more {
        if !list.contains(&text) {
            list.push(text);
        }
    }
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
