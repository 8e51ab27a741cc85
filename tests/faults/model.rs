//! A small company as tables of text, and what befalls its feeds.
//!
//! Forty employees, twelve contractors, an account for nearly everybody: half of the accounts are joined by employee id, half by
//! e-mail. One leaver kept the account and one account is nobody's, so that a sound scan finds exactly these.

use std::fmt;

/// The two nights, and what the clock of the first says.
pub(crate) const NIGHTS: [&str; 3] = ["2026-11-02T06:00:00Z", "2026-11-03T06:00:00Z", "2026-11-04T06:00:00Z"];

/// Rows of text below a header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Table {
    pub(crate) header: Vec<String>,
    pub(crate) rows: Vec<Vec<String>>,
}

impl Table {
    fn new(header: &[&str], rows: Vec<Vec<String>>) -> Self {
        Self { header: header.iter().map(ToString::to_string).collect(), rows }
    }

    /// The column called `name`.
    pub(crate) fn at(&self, name: &str) -> usize {
        self.header.iter().position(|heading| heading == name).unwrap_or_else(|| panic!("no column {name}"))
    }

    pub(crate) fn get<'a>(&self, row: &'a [String], name: &str) -> &'a str {
        &row[self.at(name)]
    }

    pub(crate) fn each(&mut self, name: &str, change: impl Fn(&mut String)) {
        let at = self.at(name);
        self.rows.iter_mut().for_each(|row| change(&mut row[at]));
    }
}

const FAMILY: [&str; 10] =
    ["Müller", "Ångström", "Rossi", "Núñez", "Lefèvre", "Kowalska", "Bjørn", "Özdemir", "Smith", "Façon"];

fn name(number: usize) -> String {
    // No two of them alike, so that no name is evidence for two people.
    format!("Person{number:02} {}{number:02}", FAMILY[number % FAMILY.len()])
}

/// A minute of the last two years, another one for every number.
fn minute(number: usize) -> String {
    let at: jiff::Timestamp = "2025-01-07T09:05:00Z".parse().unwrap();
    (at + jiff::SignedDuration::from_mins(number as i64 * 7919)).to_string()
}

pub(crate) const LEAVER: usize = 40;

/// Employees, or contractors.
pub(crate) fn people(prefix: &str, count: usize) -> Table {
    let header = ["employee_id", "legal_name", "email", "status", "start", "end", "recorded", "department"];
    let row = |number: usize| {
        let (status, end) = if prefix == "E" && number == LEAVER {
            ("terminated", "2026-08-31")
        } else if prefix == "E" && number > LEAVER - 3 {
            ("terminated", "2025-12-31")
        } else {
            ("active", if prefix == "C" { "2027-12-31" } else { "" })
        };
        let person = if prefix == "C" { 100 + number } else { number };
        vec![
            format!("{prefix}{number:03}"),
            name(person),
            format!("{}{number}@x.example", prefix.to_lowercase()),
            status.to_owned(),
            "2020-01-01".to_owned(),
            end.to_owned(),
            minute(person),
            format!("Department {}", number / 8),
        ]
    };
    Table::new(&header, (1..=count).map(row).collect())
}

/// Accounts of employees and contractors, and one of nobody.
pub(crate) fn accounts() -> Table {
    let header = ["id", "login", "name", "email", "employee_id", "created"];
    let owners = (1..=LEAVER)
        .filter(|number| *number == LEAVER || *number <= LEAVER - 3)
        .map(|number| ("E", number))
        .chain((1..=12).map(|number| ("C", number)));
    let mut rows: Vec<Vec<String>> = owners
        .map(|(prefix, number)| {
            let person = if prefix == "C" { 100 + number } else { number };
            let employee_id = if number % 5 < 3 { format!("{prefix}{number:03}") } else { String::new() };
            let login = format!("{}{number}", prefix.to_lowercase());
            vec![id(person), login.clone(), name(person), format!("{login}@x.example"), employee_id, minute(person)]
        })
        .collect();
    let ghost = ["ghost", "Nobody Here", "ghost@elsewhere.example", ""].map(str::to_owned);
    let [login, name, email, employee_id] = ghost;
    rows.push(vec![id(999), login, name, email, employee_id, minute(60)]);
    Table::new(&header, rows)
}

/// A UUID, so that every kind of directory takes it.
pub(crate) fn id(number: usize) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

/// Every third account has a role; two have the one that may do everything.
pub(crate) fn grants() -> Table {
    let accounts = accounts();
    let rows = accounts.rows.iter().enumerate().filter(|(place, _)| place % 3 < 2).map(|(place, row)| {
        let (role, level) = if place < 2 { ("owner", "admin") } else { ("reader", "baseline") };
        vec![row[0].clone(), role.to_owned(), format!("büro-{}", place % 4), level.to_owned(), minute(place)]
    });
    Table::new(&["principal", "entitlement", "resource", "privilege", "since"], rows.collect())
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    EmptySuccess,
    DroppedPage,
    RepeatedPage,
    Forbidden,
    Truncated,
    ShiftedHeader,
    RenamedHeader,
    EmptiedColumn,
    Stale,
    DuplicateKeys,
    WrongEncoding,
    TimeZoneShift,
    ClockSkew,
    MassTermination,
    VanishedBlock,
    Doubled,
}

impl Fault {
    pub(crate) const ALL: [Self; 16] = [
        Self::EmptySuccess,
        Self::DroppedPage,
        Self::RepeatedPage,
        Self::Forbidden,
        Self::Truncated,
        Self::ShiftedHeader,
        Self::RenamedHeader,
        Self::EmptiedColumn,
        Self::Stale,
        Self::DuplicateKeys,
        Self::WrongEncoding,
        Self::TimeZoneShift,
        Self::ClockSkew,
        Self::MassTermination,
        Self::VanishedBlock,
        Self::Doubled,
    ];

    /// What the fault does to the rows themselves; those that befall pages, bytes and clocks do nothing here.
    pub(crate) fn befall(self, table: &mut Table) {
        match self {
            Self::EmptySuccess => table.rows.clear(),
            Self::EmptiedColumn => {
                let column = if table.header.iter().any(|heading| heading == "email") { "email" } else { "resource" };
                table.each(column, String::clear);
            }
            // The fifth row took the key of the ninth, and stands before it.
            Self::DuplicateKeys => table.rows[4][0] = table.rows[8][0].clone(),
            Self::TimeZoneShift => {
                let column =
                    if table.header.iter().any(|heading| heading == "recorded") { "recorded" } else { "created" };
                table.each(column, |text| {
                    let at: jiff::Timestamp = text.parse().unwrap();
                    *text = (at - jiff::SignedDuration::from_hours(2)).to_string();
                });
            }
            Self::MassTermination => {
                let columns = ["status", "end", "recorded"].map(|name| table.at(name));
                for row in table.rows.iter_mut().take(15) {
                    for (at, text) in columns.into_iter().zip(["terminated", "2026-10-31", "2026-10-31T22:00:00Z"]) {
                        row[at] = text.to_owned();
                    }
                }
            }
            Self::VanishedBlock => {
                let block = if table.header.iter().any(|heading| heading == "status") { 6 } else { 10 };
                let first = table.rows.len() / 4;
                table.rows.drain(first..first + block);
            }
            Self::Doubled => table.rows.extend(table.rows.clone()),
            Self::DroppedPage
            | Self::RepeatedPage
            | Self::Forbidden
            | Self::Truncated
            | Self::ShiftedHeader
            | Self::RenamedHeader
            | Self::Stale
            | Self::WrongEncoding
            | Self::ClockSkew => {}
        }
    }

    /// What it does to the bytes of a file.
    pub(crate) fn damage(self, bytes: Vec<u8>) -> Vec<u8> {
        match self {
            // Inside a line where there are lines: a file that ends with a whole row looks like a shorter list.
            Self::Truncated => {
                let cut = bytes.len() * 3 / 5;
                let line = bytes[cut..].iter().position(|byte| *byte == b'\n').map_or(0, |line| line + 7);
                bytes[..(cut + line).min(bytes.len() - 1)].to_vec()
            }
            // UTF-8 that was taken for Latin-1 on its way; UTF-16 without a mark would not even have a header.
            Self::WrongEncoding => {
                String::from_utf8_lossy(&bytes).chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(0xE9)).collect()
            }
            _ => bytes,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}
