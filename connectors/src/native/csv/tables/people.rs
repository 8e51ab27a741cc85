//! People and their employments: one row an employment or, with `sequence`, one row a change of an employment.
//!
//! Every change is kept as a record of its own: what holds at an instant is for the engine, which has a clock, to say. Of a
//! person's names and addresses the latest change counts; those it replaced stay as previous ones. A row that is refused later
//! on, because another one contradicts it, has told nothing.

use std::cmp::Ordering;
use std::collections::HashMap;

use jiff::Timestamp;

use jiff::tz::TimeZone;

use super::super::cells::Cells;
use super::super::columns::{Column, Field, Shape};
use super::super::fault::Fault;
use super::super::words;
use super::{Mapper, RowKey, table};
use crate::record::{Employment, EmploymentStatus, Person, Raw, Record, WorkerType, change_key, compare_sequences};

table! {
    /// Columns of an HR export.
    PeopleColumns {
        employee_id: Shape::List, "employeenumber", "employeeno", "workerid", "workernumber", "personnelnumber", "staffid", "empid";
        id: Shape::Text, "personid", "personnelid";
        employment_id: Shape::Text, "contractid";
        email: Shape::List, "emails", "emailaddress", "workemail", "workemailaddress", "businessemail", "primaryemail", "companyemail";
        legal_name: Shape::Text, "fulllegalname", "fullname", "name", "employeename";
        preferred_name: Shape::Text, "displayname", "knownas";
        given_name: Shape::Text, "firstname", "forename";
        family_name: Shape::Text, "lastname", "surname";
        previous_names: Shape::List, "previousname", "formername", "maidenname", "birthname";
        status: Shape::Word(&words::STATUS), "employmentstatus", "employeestatus", "workerstatus", "activestatus";
        worker_type: Shape::Word(&words::WORKER_TYPE), "employeetype", "employmenttype", "contracttype";
        start: Shape::Day, "startdate", "hiredate", "dateofhire", "firstday", "joindate";
        end: Shape::Day, "enddate", "terminationdate", "dateoftermination", "lastday", "lastdayofwork", "leavedate";
        manager: Shape::Text, "managerid", "manageremployeeid", "reportsto", "supervisor", "supervisorid";
        department: Shape::Text, "departmentname", "dept", "organisation", "organization", "supervisoryorganization";
        title: Shape::Text, "jobtitle", "position", "role", "businesstitle";
        location: Shape::Text, "office", "site", "worklocation";
        cost_centre: Shape::Text, "costcenter";
        time_zone: Shape::Text, "timezone", "tz";
        effective: Shape::Instant, "effectiveat", "effectivedate", "terminationeffective";
        recorded: Shape::Instant, "recordedat", "enteredat", "entrymoment";
        sequence: Shape::Text, "changesequence", "eventsequence", "effectivesequence", "effseq", "changenumber";
    }
}

/// People of one file.
#[derive(Debug)]
pub(in super::super) struct People {
    columns: PeopleColumns,
    /// With `employment_id` or `sequence` a person has several rows: what each said, in the order of the file.
    told: HashMap<String, Vec<Told>>,
    /// What the row just mapped says, until it is known whether it is used.
    pending: Option<Told>,
    zones: HashMap<String, bool>,
    /// Columns that the config asks to keep as evidence, with their headings.
    attributes: Vec<(usize, String)>,
}

/// What one row says of a person.
#[derive(Debug)]
struct Told {
    line: u64,
    /// The row's key.
    key: String,
    /// From when a change counts, and its number; `None` without `sequence`.
    order: Option<(Option<Timestamp>, String)>,
    person: Person,
}

impl Told {
    /// Whether it counts before another one; of equals the earlier row does.
    fn order(&self, other: &Self) -> Ordering {
        match (&self.order, &other.order) {
            (Some(a), Some(b)) => a.0.cmp(&b.0).then_with(|| compare_sequences(&a.1, &b.1)),
            (None, _) | (_, None) => Ordering::Equal,
        }
    }
}

impl People {
    /// The fields of the table.
    pub(in super::super) const FIELDS: &'static [Field] = PeopleColumns::FIELDS;

    /// The mapper of a file with these columns.
    pub(in super::super) fn new(columns: Vec<Column>, attributes: Vec<(usize, String)>) -> Self {
        Self {
            columns: PeopleColumns::of(columns),
            told: HashMap::new(),
            pending: None,
            zones: HashMap::new(),
            attributes,
        }
    }

    /// The time zone, when it is one: an unknown name would move a last day.
    fn zone(&mut self, cells: &mut Cells<'_>) -> Option<String> {
        let name = cells.text(&self.columns.time_zone)?;
        let known = *self.zones.entry(name.clone()).or_insert_with(|| TimeZone::get(&name).is_ok());
        if known {
            return Some(name);
        }
        cells.faults.push(
            Fault::value(format!("`{name}` is no IANA time zone"))
                .fix("write it like `Europe/Berlin`")
                .column(self.columns.time_zone.at[0])
                .field("time_zone"),
        );
        None
    }

    /// A fault where an earlier row describes the person otherwise.
    fn compare_with_first(&self, person: &Person, cells: &mut Cells<'_>) {
        let Some(Told { line, person: first, .. }) = self.told.get(&person.id).and_then(|told| told.first()) else {
            return;
        };
        // An employment's own number stands on the employment; it may differ from row to row.
        let described = |person: &Person| Person { employee_ids: Vec::new(), raw: Raw::None, ..person.clone() };
        if described(first) != described(person) {
            let id = &person.id;
            let fault = Fault::conflict(format!("line {line} has other names or addresses for person `{id}`"))
                .cause("two rows describe one person; the first is kept")
                .fix("correct one at the source");
            let c = &self.columns;
            let compared = [
                (&c.legal_name, first.legal_name != person.legal_name),
                (&c.preferred_name, first.preferred_name != person.preferred_name),
                (&c.given_name, first.given_name != person.given_name),
                (&c.family_name, first.family_name != person.family_name),
                (&c.previous_names, first.previous_names != person.previous_names),
                (&c.email, first.emails != person.emails),
            ];
            let column =
                compared.iter().find(|(_, differs)| *differs).and_then(|(column, _)| column.at.first().copied());
            cells.faults.push(Fault { column, ..fault.field("legal_name") });
        }
    }
}

/// What is left of what the rows of a person say: the first of them, or the latest change with what it replaced.
fn settled(mut told: Vec<Told>) -> Option<Person> {
    told.sort_by(Told::order);
    let has_changes = told.iter().all(|told| told.order.is_some());
    let persons = told.into_iter().map(|told| told.person);
    persons.reduce(|older, newer| if has_changes { replaced(newer, older) } else { older })
}

/// `newer`, with the names and addresses of `older` that it replaced.
fn replaced(newer: Person, older: Person) -> Person {
    let mut person = newer;
    for address in older.emails {
        if !person.emails.contains(&address) {
            person.emails.push(address);
        }
    }
    let full = match (&older.given_name, &older.family_name) {
        (Some(given), Some(family)) => Some(format!("{given} {family}")),
        (Some(_), None) | (None, _) => None,
    };
    let names = [older.legal_name, older.preferred_name, full].into_iter().flatten().chain(older.previous_names);
    let current = |person: &Person, name: &String| {
        let parts = person.given_name.as_deref().zip(person.family_name.as_deref());
        [&person.legal_name, &person.preferred_name].into_iter().flatten().any(|known| known == name)
            || parts.is_some_and(|(given, family)| name.split_once(' ') == Some((given, family)))
    };
    for name in names {
        if !current(&person, &name) && !person.previous_names.contains(&name) {
            person.previous_names.push(name);
        }
    }
    for id in older.employee_ids {
        if !person.employee_ids.contains(&id) {
            person.employee_ids.push(id);
        }
    }
    person
}

impl Mapper for People {
    fn map(&mut self, cells: &mut Cells<'_>, records: &mut Vec<Record>) -> Result<RowKey, Fault> {
        let c = &self.columns;
        let employee_ids = cells.list(&c.employee_id);
        let id = if c.id.is_mapped() {
            cells.need(&c.id)?
        } else {
            match employee_ids.first() {
                Some(id) if !id.contains(['\n', '\r']) => id.clone(),
                Some(_) | None => cells.need(&c.employee_id)?,
            }
        };
        let (start, end) = (cells.day(&c.start)?, cells.day(&c.end)?);
        if let (Some(first), Some(last)) = (start, end)
            && last < first
        {
            return Err(Fault::contradiction(format!("the end {last} lies before the start {first}"))
                .cause("nobody leaves before coming, and which of the two days is wrong cannot be told: the row is left out")
                .fix("correct it at the source, or check `dates`")
                .column(c.end.at[0])
                .field("end"));
        }
        let employment =
            if c.employment_id.is_mapped() { format!("{id}/{}", cells.need(&c.employment_id)?) } else { id.clone() };
        let sequence = if c.sequence.is_mapped() { Some(cells.need(&c.sequence)?) } else { None };
        let (effective, effective_day) = cells.instant_or_day(&c.effective);
        let raw = Raw::At(cells.line);
        let person = Person {
            id: id.clone(),
            legal_name: cells.text(&c.legal_name),
            preferred_name: cells.text(&c.preferred_name),
            given_name: cells.text(&c.given_name),
            family_name: cells.text(&c.family_name),
            previous_names: cells.list(&c.previous_names),
            emails: cells.list(&c.email),
            employee_ids: employee_ids.clone(),
            attributes: cells.attributes(&self.attributes),
            raw: raw.clone(),
        };
        let record = Employment {
            id: employment.clone(),
            person: id,
            employee_id: employee_ids.into_iter().next(),
            status: cells.word(&c.status).unwrap_or(EmploymentStatus::Unknown),
            worker_type: cells.word(&c.worker_type).unwrap_or(WorkerType::Unknown),
            start,
            end,
            manager: cells.text(&c.manager),
            department: cells.text(&c.department),
            title: cells.text(&c.title),
            location: cells.text(&c.location),
            cost_centre: cells.text(&c.cost_centre),
            time_zone: None,
            effective,
            effective_day,
            recorded: cells.instant(&c.recorded),
            sequence,
            raw,
        };
        let time_zone = self.zone(cells);
        let mut key = employment;
        if let Some(number) = &record.sequence {
            let day = || record.effective_day.and_then(|day| day.to_zoned(TimeZone::UTC).ok());
            let from = record.effective.or_else(|| day().map(|day| day.timestamp()));
            key = change_key(&key, number);
            let order = Some((from, number.clone()));
            self.pending = Some(Told { line: cells.line, key: key.clone(), order, person });
        } else if self.columns.employment_id.is_mapped() {
            self.compare_with_first(&person, cells);
            self.pending = Some(Told { line: cells.line, key: key.clone(), order: None, person });
        } else {
            records.push(Record::Person(Box::new(person)));
        }
        records.push(Record::Employment(Box::new(Employment { time_zone, ..record })));
        Ok(RowKey::Unique(key))
    }

    fn used(&mut self) {
        if let Some(told) = self.pending.take() {
            self.told.entry(told.person.id.clone()).or_default().push(told);
        }
    }

    fn refused(&mut self, key: &str) {
        if let Some(told) = self.pending.take().and_then(|refused| self.told.get_mut(&refused.person.id)) {
            told.retain(|told| told.key != key);
        }
    }

    fn finish(&mut self, records: &mut Vec<Record>) {
        let mut persons: Vec<Person> = self.told.drain().filter_map(|(_, told)| settled(told)).collect();
        persons.sort_by(|a, b| a.id.cmp(&b.id));
        records.extend(persons.into_iter().map(|person| Record::Person(Box::new(person))));
    }

    fn id_columns(&self) -> Vec<&Column> {
        vec![&self.columns.id, &self.columns.employee_id]
    }
}
