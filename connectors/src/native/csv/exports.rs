//! Files that administrators download, described: one TOML file each in `connectors/exports/`, named by `export = "SYSTEM/NAME"`.
//!
//! ```text
//!   description ──► headings, words, dates ──┐
//!   config      ──► what differs ────────────┴──► Source
//!   description ──► what the file leaves out, fields that it does not have ──► scope report
//! ```
//!
//! A description says of each table either why the file holds everybody (`whole`) or whom it leaves out. Whoever may be left out
//! makes the kind partial: nothing is concluded from a row that is not there.

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;

use super::columns::{Heading, Mapping, Skip, ValueMap, When};
use super::settings::Headings;
use super::tables::Table;
use crate::SettingsError;
use crate::record::{IdKind, RecordKind};

/// A description that muster brings along.
#[derive(Debug, Clone, Copy)]
pub struct Shipped {
    /// Its name: the system's in the catalogue, a slash, what the file is. Also the name of its file.
    pub id: &'static str,
    text: &'static str,
}

macro_rules! shipped {
    ($($id:literal),* $(,)?) => {
        &[$(Shipped { id: $id, text: include_str!(concat!("../../../exports/", $id, ".toml")) }),*]
    };
}

/// Descriptions that muster brings along, sorted by id. One line here registers one.
pub const EXPORTS: &[Shipped] = shipped!(
    "atlassian/domain-accounts",
    "atlassian/managed-accounts",
    "entra/users",
    "github/enterprise-licenses",
    "github/enterprise-server-users",
    "gitlab/seats",
    "gitlab/user-permissions",
    "google-workspace/users",
    "okta/reports",
    "salesforce/objects",
    "slack/members",
    "snowflake/account-usage",
    "workday/workers",
);

/// What serves instead where a system of the catalogue has no description, by its id: one sentence each.
const NONE: &str = include_str!("../../../exports/none.toml");

/// Why a system of the catalogue has no description of an export, and what serves instead.
pub fn none(system: &str) -> Option<String> {
    let table: BTreeMap<String, String> = toml::from_str(NONE).ok()?;
    table.get(system).cloned()
}

/// The descriptions of a system's exports.
pub fn of_system(system: &str) -> impl Iterator<Item = &'static Shipped> {
    EXPORTS.iter().filter(move |shipped| shipped.system() == system)
}

impl Shipped {
    /// The system's name in the catalogue.
    pub fn system(&self) -> &'static str {
        self.id.split_once('/').map_or(self.id, |(system, _)| system)
    }

    /// The description.
    ///
    /// # Errors
    /// What is wrong with it; a test keeps the shipped ones free of that.
    pub fn export(&self) -> Result<Export, SettingsError> {
        let export: Export = toml::from_str(self.text).map_err(|error| {
            SettingsError::new(format!("the description of the export `{}` is damaged: {}", self.id, error.message()))
                .fix("this is a fault of muster: report it, and name the columns yourself meanwhile")
        })?;
        Ok(Export { id: self.id, ..export })
    }
}

/// The description called `id`.
///
/// # Errors
/// With the nearest name and all names when there is none.
pub(super) fn find(id: &str) -> Result<Export, SettingsError> {
    if let Some(shipped) = EXPORTS.iter().find(|shipped| shipped.id == id) {
        return shipped.export();
    }
    let known = EXPORTS.iter().map(|shipped| shipped.id).collect::<Vec<_>>().join(", ");
    // `slack` alone means its file as well, where it has one.
    let of_system = of_system(id).next().map(|shipped| shipped.id);
    let near = of_system.or_else(|| {
        let likeness = EXPORTS.iter().map(|shipped| (strsim::jaro_winkler(id, shipped.id), shipped.id));
        likeness.filter(|(likeness, _)| *likeness > 0.8).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, near)| near)
    });
    let error = SettingsError::new(format!("there is no export `{id}`"));
    Err(match near {
        Some(near) => error.fix(format!("did you mean `{near}`? Known are {known}")),
        None => error.fix(format!("known are {known}; or leave `export` out and name the columns yourself")),
    })
}

/// Where the headings are from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The vendor's documentation or source names them.
    Documented,
    /// Programs of others that read such files name them; the vendor only says that the file exists.
    Observed,
    /// The report is made for muster, with these headings.
    Prescribed,
}

impl Origin {
    /// In a sentence.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Documented => "The vendor documents the headings.",
            Self::Observed => {
                "The vendor documents the file and not its headings; they are as other programs read them."
            }
            Self::Prescribed => "The report is your own: give its columns these headings.",
        }
    }
}

/// One vendor's export: where it is made, what its files hold and what not.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Export {
    /// Its name.
    #[serde(skip)]
    pub id: &'static str,
    /// One line: what it is.
    pub summary: String,
    /// Where and how it is made, in Markdown.
    pub made: String,
    /// Where the headings are from.
    pub headings: Origin,
    /// Pages that say so.
    pub source: Vec<String>,
    /// The day on which they were compared with this.
    pub checked: String,
    /// What it was proven on.
    pub proven_on: String,
    /// What of the system it does not tell, each in one line.
    pub not_read: Vec<String>,
    /// What to know besides, each in one line.
    #[serde(default)]
    pub notes: Vec<String>,
    table: BTreeMap<Table, Described>,
}

/// One file of an export.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Described {
    /// What it may be called.
    file: String,
    /// Why it holds everybody.
    whole: Option<String>,
    /// Whom it leaves out, or may leave out.
    #[serde(default)]
    leaves_out: Vec<LeftOut>,
    /// Fields that it does not have, with why.
    #[serde(default)]
    withheld: BTreeMap<String, String>,
    columns: BTreeMap<String, Headings>,
    /// Headings that not every such file has.
    #[serde(default)]
    optional: Vec<String>,
    /// Heading to the names it has had or has elsewhere.
    #[serde(default)]
    also: BTreeMap<String, Vec<String>>,
    /// Heading to what it says of rows that stand for what is no more.
    #[serde(default)]
    skip: BTreeMap<String, Skipped>,
    /// As in the config.
    #[serde(default)]
    values: BTreeMap<String, BTreeMap<String, String>>,
    #[serde(default)]
    pub(super) dates: Vec<String>,
    pub(super) time_zone: Option<String>,
    pub(super) list_separator: Option<String>,
    pub(super) id_kind: Option<IdKind>,
}

/// Who is not in a file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LeftOut {
    /// Who.
    pub(super) what: String,
    /// Where they are told.
    pub(super) fix: String,
    /// A heading: they are left out only where no row has anything in its column.
    pub(super) unless_filled: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Skipped {
    when: When,
    why: String,
}

/// A file of an export, for people.
#[derive(Debug)]
pub struct FileOf<'a> {
    /// What its rows are, as in `files`.
    pub table: &'static str,
    /// What it may be called.
    pub file: &'a str,
    /// Why it holds everybody.
    pub whole: Option<&'a str>,
    /// Whom it leaves out, and the heading without whose values it does so.
    pub leaves_out: Vec<(&'a str, Option<&'a str>)>,
    /// Field, and why the file does not have it.
    pub withheld: Vec<(&'a str, &'a str)>,
    /// Field, and the columns that it is read from.
    pub columns: Vec<(&'a str, Vec<ColumnOf>)>,
    /// Heading, and why rows are left out by it.
    pub skipped: Vec<(&'a str, &'a str)>,
}

/// A column of a file, for people.
#[derive(Debug)]
pub struct ColumnOf {
    /// Its heading, and then those that it has had or has elsewhere.
    pub names: Vec<String>,
    /// Whether the file may do without it.
    pub optional: bool,
}

impl Export {
    /// What it says of a table.
    pub(super) fn table(&self, table: Table) -> Option<&Described> {
        self.table.get(&table)
    }

    /// The tables, in the order of `files`.
    pub(super) fn tables(&self) -> impl Iterator<Item = Table> {
        self.table.keys().copied()
    }

    /// Its files.
    pub fn files(&self) -> Vec<FileOf<'_>> {
        self.table.iter().map(|(table, described)| described.shown(*table)).collect()
    }
}

impl Described {
    /// The columns of each field.
    pub(super) fn mapping(&self) -> Mapping {
        let columns = self.columns.iter();
        columns
            .map(|(field, headings)| {
                (field.clone(), headings.names().into_iter().map(|name| self.heading(name)).collect())
            })
            .collect()
    }

    fn heading(&self, name: &str) -> Heading {
        let also = self.also.get(name).into_iter().flatten().cloned();
        Heading {
            names: std::iter::once(name.to_owned()).chain(also).collect(),
            optional: self.optional.iter().any(|optional| optional == name),
            shipped: true,
        }
    }

    /// Whom it leaves out, each with the column that shows that they are there after all.
    pub(super) fn left_out(&self) -> Vec<(LeftOut, Option<Heading>)> {
        let with_column = |left: &LeftOut| (left.clone(), left.unless_filled.as_deref().map(|name| self.heading(name)));
        self.leaves_out.iter().map(with_column).collect()
    }

    /// Rows that are left out.
    pub(super) fn skips(&self) -> Vec<Skip> {
        let skips = self.skip.iter();
        skips
            .map(|(name, skipped)| Skip {
                heading: self.heading(name),
                when: skipped.when.clone(),
                why: skipped.why.clone(),
            })
            .collect()
    }

    /// Its words, and over them those of the config.
    pub(super) fn values(&self, config: &HashMap<String, ValueMap>) -> HashMap<String, ValueMap> {
        let mut values: HashMap<String, ValueMap> = self
            .values
            .iter()
            .map(|(field, words)| {
                (field.clone(), words.iter().map(|(word, meaning)| (word.to_lowercase(), meaning.clone())).collect())
            })
            .collect();
        for (field, words) in config {
            values.entry(field.clone()).or_default().extend(words.clone());
        }
        values
    }

    /// Fields of records that the file does not have, unless the config maps them.
    pub(super) fn withheld(&self, table: Table, mapping: &Mapping) -> Vec<(RecordKind, String, String)> {
        let missing = self.withheld.iter().filter(|(field, _)| !mapping.contains_key(field.as_str()));
        missing.map(|(field, why)| (table.kind_of(field), table.record_field(field).to_owned(), why.clone())).collect()
    }

    fn shown(&self, table: Table) -> FileOf<'_> {
        let told = |name: &str| {
            let Heading { names, optional, .. } = self.heading(name);
            ColumnOf { names, optional }
        };
        let columns = self.columns.iter();
        FileOf {
            table: table.as_str(),
            file: &self.file,
            whole: self.whole.as_deref(),
            leaves_out: self
                .leaves_out
                .iter()
                .map(|left| (left.what.as_str(), left.unless_filled.as_deref()))
                .collect(),
            withheld: self.withheld.iter().map(|(field, why)| (field.as_str(), why.as_str())).collect(),
            columns: columns
                .map(|(field, names)| (field.as_str(), names.names().into_iter().map(told).collect()))
                .collect(),
            skipped: self.skip.iter().map(|(heading, skipped)| (heading.as_str(), skipped.why.as_str())).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::columns::{Shape, key};
    use super::*;
    use crate::manifest::CATALOG;

    fn each() -> impl Iterator<Item = (Export, Table, Described)> {
        EXPORTS.iter().flat_map(|shipped| {
            let export = shipped.export().unwrap_or_else(|error| panic!("{error}"));
            let tables: Vec<_> = export.table.clone().into_iter().collect();
            tables.into_iter().map(move |(table, described)| (export.clone(), table, described))
        })
    }

    #[test]
    fn every_description_names_its_source_its_limits_and_what_it_was_proven_on() {
        for shipped in EXPORTS {
            let export = shipped.export().unwrap_or_else(|error| panic!("{error}"));
            let id = shipped.id;
            assert!(!export.source.is_empty() && export.source.iter().all(|url| url.starts_with("https://")), "{id}");
            assert!(export.checked.parse::<jiff::civil::Date>().is_ok(), "{id}");
            assert!(!export.not_read.is_empty() && !export.made.is_empty() && !export.proven_on.is_empty(), "{id}");
            assert!(!export.table.is_empty(), "{id}");
        }
    }

    #[test]
    fn every_file_says_why_it_is_whole_or_whom_it_leaves_out() {
        for (export, table, described) in each() {
            let always = described.leaves_out.iter().any(|left| left.unless_filled.is_none());
            assert_ne!(described.whole.is_some(), always, "{} {table}", export.id);
        }
    }

    #[test]
    fn what_a_description_names_exists() {
        for (export, table, described) in each() {
            let told = format!("{} {table}", export.id);
            let field_of = |name: &str| {
                table.fields().iter().find(|field| field.name == name).unwrap_or_else(|| panic!("{told}: {name}"))
            };
            let shown = described.leaves_out.iter().filter_map(|left| left.unless_filled.clone());
            let mut headings: Vec<String> = described.skip.keys().cloned().chain(shown).collect();
            for (field, names) in &described.columns {
                let optional = names.names().iter().any(|name| described.heading(name).optional);
                // What is yielded is promised before the file is opened.
                assert!(!optional || !matches!(field_of(field).shape, Shape::Held), "{told}: {field} is promised");
                headings.extend(names.names().into_iter().map(str::to_owned));
            }
            for name in described.optional.iter().chain(described.also.keys()) {
                assert!(headings.contains(name), "{told}: `{name}` is no heading of a column");
            }
            for group in table.required() {
                let sure = |field: &&str| {
                    let names = described.columns.get(*field).map(Headings::names).unwrap_or_default();
                    names.iter().any(|name| !described.heading(name).optional)
                };
                assert!(group.iter().any(sure), "{told}: {group:?}");
            }
            for (field, words) in &described.values {
                assert!(described.columns.contains_key(field), "{told}: `{field}` has words and no column");
                let Some(vocabulary) = field_of(field).shape.vocabulary() else { continue };
                let known = (vocabulary.known)();
                for meaning in words.values().filter(|meaning| !meaning.is_empty()) {
                    assert!(known.contains(&meaning.as_str()), "{told}: {field} {meaning}");
                }
            }
            for field in described.withheld.keys() {
                assert!(!described.columns.contains_key(field), "{told}: `{field}` is there and withheld");
                field_of(field);
            }
            // Two columns whose names run into each other would never be told apart.
            let mut keys: Vec<String> =
                headings.iter().flat_map(|name| described.heading(name).names).map(|name| key(&name)).collect();
            keys.sort();
            keys.dedup();
            let mut names: Vec<Vec<String>> = headings.iter().map(|name| described.heading(name).names).collect();
            names.sort();
            names.dedup();
            assert_eq!(keys.len(), names.iter().map(Vec::len).sum::<usize>(), "{told}");
        }
    }

    #[test]
    fn the_list_is_sorted_and_every_system_of_the_catalogue_has_an_export_or_a_reason() {
        assert!(EXPORTS.is_sorted_by_key(|shipped| shipped.id));
        let known: Vec<&str> = CATALOG.iter().map(|entry| entry.id).collect();
        for entry in CATALOG {
            assert_ne!(of_system(entry.id).next().is_some(), none(entry.id).is_some(), "{}", entry.id);
        }
        for shipped in EXPORTS {
            assert!(known.contains(&shipped.system()), "{}", shipped.id);
        }
        let reasons: BTreeMap<String, String> = toml::from_str(NONE).unwrap();
        assert!(reasons.keys().all(|system| known.contains(&system.as_str())));
    }
}
