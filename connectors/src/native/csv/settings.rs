//! What the config says about the files, checked before anything is read.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use encoding_rs::Encoding;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::cells::Reading;
use super::columns::{Heading, Mapping, Plan, Shape, ValueMap, key};
use super::dates::Dates;
use super::exports::{self, Described, Export, LeftOut};
use super::rows::{Format, Layout};
use super::tables::{Implied, Table};
use crate::SettingsError;
use crate::record::{IdKind, RecordKind};

/// Settings of a `csv` system.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Settings of a csv system")]
pub(super) struct CsvSettings {
    /// The file, when there is one. Needs `yields`, unless `export` says it.
    file: Option<PathBuf>,
    /// What the rows of `file` are.
    yields: Option<Table>,
    /// The vendor's export that the file is, such as `slack/members`: what its columns mean, and what it does not hold.
    /// `muster connectors list` names them all. What `columns`, `values`, `dates` and the other settings say goes before it.
    #[schemars(with = "Option<String>")]
    export: Option<Spanned<String>>,
    /// Whom the `export` leaves out does not exist here: who is not in the file is gone.
    #[serde(default)]
    whole: bool,
    /// The files, by what their rows are, when there are several.
    #[serde(default)]
    files: BTreeMap<Table, PathBuf>,
    /// Field to heading, or to several headings; with `files`, one such table for each. Without it the usual headings
    /// are taken.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, Columns>")]
    columns: BTreeMap<Spanned<String>, Columns>,
    /// `csv`, `tsv`, `xlsx` or `jsonl`; by the file's extension when it is left out.
    format: Option<Format>,
    /// One character; found out among `,` `;` tab and `|` when it is left out.
    delimiter: Option<String>,
    /// A WHATWG encoding label, such as `windows-1252` or `utf-16le`. A byte-order mark wins; without both it is UTF-8.
    encoding: Option<String>,
    /// Sheet of a workbook; the first when it is left out.
    sheet: Option<Each<String>>,
    /// strptime formats of dates and times, such as `%d/%m/%Y`. ISO 8601 is always understood.
    #[serde(default)]
    dates: Vec<String>,
    /// IANA time zone of times that name none; UTC when it is left out.
    time_zone: Option<String>,
    /// Field to the source's words and what they mean here: `{ status = { "A" = "active" } }`. An empty meaning is "no
    /// value".
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, BTreeMap<String, String>>")]
    values: BTreeMap<Spanned<String>, BTreeMap<String, String>>,
    /// What stands between several values in one cell; `;` when it is left out.
    list_separator: Option<String>,
    /// Headings of the file of people that are kept as attributes and may serve as evidence (`["Mobile", "Office"]`). What
    /// is not named is not kept: an HR export holds private things. Of accounts, unmapped columns are kept by themselves.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    attributes: Vec<Spanned<String>>,
    /// When the content left the system, RFC 3339. A sidecar `<file>.collected` may say it instead.
    collected: Option<Each<String>>,
    /// Rows the file must have.
    expect_rows: Option<Each<u64>>,
    /// SHA-256 the file must have, hexadecimal.
    expect_sha256: Option<Each<String>>,
    /// What the trailer row begins with; the first number after it is the number of rows.
    trailer: Option<Each<String>>,
    /// The header the file must have, heading by heading.
    header: Option<Each<Vec<String>>>,
    /// How far the ids can be trusted to mean the same object tomorrow; `reusable` when it is left out.
    id_kind: Option<IdKind>,
}

/// What a field, or with several files a table, is mapped to.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "a heading, a list of headings, or with `files` a table of fields")]
enum Columns {
    Heading(String),
    Headings(Vec<String>),
    Table(BTreeMap<String, Headings>),
}

/// One heading or several.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "a heading or a list of headings")]
pub(super) enum Headings {
    One(String),
    Several(Vec<String>),
}

impl Headings {
    /// The headings.
    pub(super) fn names(&self) -> Vec<&str> {
        match self {
            Self::One(name) => vec![name],
            Self::Several(names) => names.iter().map(String::as_str).collect(),
        }
    }
}

/// One value for every file, or one for each.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "a value, or with `files` a table of values by table")]
enum Each<T> {
    All(T),
    By(BTreeMap<Table, T>),
}

impl<T: Clone> Each<T> {
    fn of(setting: Option<&Self>, table: Table) -> Option<T> {
        match setting? {
            Self::All(value) => Some(value.clone()),
            Self::By(values) => values.get(&table).cloned(),
        }
    }
}

/// One file, ready to be read.
#[derive(Debug)]
pub(super) struct Source {
    /// What its rows are.
    pub(super) table: Table,
    /// Where it is, as configured.
    pub(super) path: PathBuf,
    pub(super) layout: Layout,
    pub(super) plan: Plan,
    pub(super) reading: Reading,
    pub(super) implied: Implied,
    /// Whether `time_zone` was left out.
    pub(super) zone_is_assumed: bool,
    pub(super) collected: Option<Timestamp>,
    pub(super) expect_rows: Option<u64>,
    pub(super) expect_sha256: Option<String>,
    pub(super) header: Option<Vec<String>>,
    /// Fields of records that the export does not have, with why.
    pub(super) withheld: Vec<(RecordKind, String, String)>,
    /// Whom the export leaves out; with a column, only where no row has anything in it.
    pub(super) leaves_out: Vec<(LeftOut, Option<Heading>)>,
}

impl Source {
    /// The kinds of record that the file tells.
    pub(super) fn kinds(&self) -> Vec<RecordKind> {
        let mut kinds = self.table.kinds().to_vec();
        let maps = |field: &str| {
            self.plan
                .mapping
                .as_ref()
                .is_some_and(|mapping| mapping.get(field).is_some_and(|headings| !headings.is_empty()))
        };
        if self.table == Table::Accounts && maps("roles") {
            kinds.push(RecordKind::Grant);
        }
        if self.implied.entitlements && kinds.contains(&RecordKind::Grant) {
            kinds.push(RecordKind::Entitlement);
        }
        if self.table == Table::Accounts && maps("groups") {
            kinds.push(RecordKind::Membership);
            if self.implied.groups {
                kinds.push(RecordKind::Group);
            }
        }
        kinds
    }
}

impl CsvSettings {
    /// The files to read, in the order of their tables.
    pub(super) fn sources(self) -> Result<Vec<Source>, SettingsError> {
        let export = self.export()?;
        let files = self.files(export.as_ref())?;
        let mappings = self.mappings(&files)?;
        let values = self.value_maps(&files)?;
        let attributes = self.attributes(&files)?;
        files
            .iter()
            .map(|(table, path)| {
                let (table, one) = (*table, files.len() == 1);
                let described = export.as_ref().and_then(|export| export.table(table));
                let mapping = merged(described, mappings.get(&table));
                // How far an id can be trusted is said of the description's own column.
                let own_id = mappings.get(&table).is_some_and(|mapping| mapping.contains_key("id"));
                let id_kind = described.filter(|_| !own_id).and_then(|described| described.id_kind);
                check_required(table, mapping.as_ref())?;
                Ok(Source {
                    table,
                    path: path.clone(),
                    layout: self.layout(table, path)?,
                    withheld: described
                        .zip(mapping.as_ref())
                        .map(|(described, mapping)| described.withheld(table, mapping))
                        .unwrap_or_default(),
                    leaves_out: described.filter(|_| !self.whole).map(Described::left_out).unwrap_or_default(),
                    plan: Plan {
                        fields: table.fields(),
                        mapping,
                        required: table.required(),
                        values: described.map_or_else(|| values.clone(), |described| described.values(&values)),
                        attributes: if table == Table::People { attributes.clone() } else { Vec::new() },
                        skip: described.map(Described::skips).unwrap_or_default(),
                        export: described.and(export.as_ref()).map(|export| export.id.to_owned()),
                    },
                    reading: Reading { dates: self.dates(described)?, list_separator: self.list_separator(described)? },
                    implied: Implied {
                        entitlements: !files.contains_key(&Table::Entitlements),
                        groups: !files.contains_key(&Table::Groups),
                        id_kind: self.id_kind.or(id_kind).unwrap_or(IdKind::Reusable),
                    },
                    zone_is_assumed: self.time_zone.is_none()
                        && described.is_none_or(|described| described.time_zone.is_none()),
                    collected: instant(Each::of(self.collected.as_ref(), table))?,
                    expect_rows: for_one(self.expect_rows.as_ref(), table, one, "expect_rows")?,
                    expect_sha256: sha256(for_one(self.expect_sha256.as_ref(), table, one, "expect_sha256")?)?,
                    header: for_one(self.header.as_ref(), table, one, "header")?,
                })
            })
            .collect()
    }

    /// The description that the config names.
    fn export(&self) -> Result<Option<Export>, SettingsError> {
        match &self.export {
            Some(name) => match exports::find(name.get_ref()) {
                Ok(export) => Ok(Some(export)),
                Err(error) => Err(SettingsError { span: Some(name.span()), ..error }),
            },
            None if self.whole => {
                Err(SettingsError::new("`whole` says something about an `export`, and none is named")
                    .fix("leave it out: a file without `export` is taken to be whole"))
            }
            None => Ok(None),
        }
    }

    fn dates(&self, described: Option<&Described>) -> Result<Dates, SettingsError> {
        let named = self.time_zone.as_deref().or_else(|| described?.time_zone.as_deref());
        let zone = match named {
            None => TimeZone::UTC,
            Some(name) => TimeZone::get(name).map_err(|_unknown| {
                SettingsError::new(format!("`time_zone` is `{name}`, which is no IANA time zone"))
                    .fix("write it like `Europe/Berlin`")
            })?,
        };
        let formats = match described {
            Some(described) if self.dates.is_empty() => described.dates.clone(),
            Some(_) | None => self.dates.clone(),
        };
        Dates::new(formats, zone).map_err(|(format, error)| {
            SettingsError::new(format!("`dates` has `{format}`, which strptime does not know: {error}"))
                .fix("use strptime directives, such as `%d/%m/%Y %H:%M`")
        })
    }

    fn files(&self, export: Option<&Export>) -> Result<BTreeMap<Table, PathBuf>, SettingsError> {
        let told = export.map(|export| export.tables().collect::<Vec<_>>()).unwrap_or_default();
        let only = match told.as_slice() {
            [table] if self.file.is_some() => Some(*table),
            _ => None,
        };
        let of_it = |files: BTreeMap<Table, PathBuf>| match export {
            Some(export) if !told.iter().any(|table| files.contains_key(table)) => {
                let told = told.iter().map(|table| table.as_str()).collect::<Vec<_>>().join(" and ");
                Err(SettingsError::new(format!("no file is what the export `{}` describes", export.id)).fix(format!(
                    "it describes {told}: write `files = {{ {} = \"…\" }}`",
                    told.replace(" and ", " = \"…\", ")
                )))
            }
            Some(_) | None => Ok(files),
        };
        match (&self.file, self.yields.or(only)) {
            (Some(_), _) if !self.files.is_empty() => {
                Err(SettingsError::new("both `file` and `files` are set").fix("keep one of them"))
            }
            (Some(file), Some(table)) => of_it(BTreeMap::from([(table, file.clone())])),
            (Some(_), None) => {
                let tables = if told.is_empty() { Table::ALL } else { told.as_slice() };
                let tables = tables.iter().map(|table| table.as_str()).collect::<Vec<_>>().join(", ");
                Err(SettingsError::new("`file` needs `yields`")
                    .fix(format!("say what its rows are: `yields = \"people\"`, or one of {tables}")))
            }
            (None, Some(_)) => Err(SettingsError::new("`yields` needs `file`").fix("name the file, or use `files`")),
            (None, None) if self.files.is_empty() => Err(SettingsError::new("no file is named")
                .fix("write `file = \"people.csv\"` with `yields = \"people\"`, or `files = { accounts = \"…\", grants = \"…\" }`")),
            (None, None) => of_it(self.files.clone()),
        }
    }

    /// The mapping of each table that has one.
    fn mappings(&self, files: &BTreeMap<Table, PathBuf>) -> Result<HashMap<Table, Mapping>, SettingsError> {
        let mut mappings: HashMap<Table, Mapping> = HashMap::new();
        for (name, columns) in &self.columns {
            let key = name.get_ref().as_str();
            match (columns, files.keys().next()) {
                (Columns::Table(fields), _) => {
                    let Some(table) = files.keys().copied().find(|table| table.as_str() == key) else {
                        let known: Vec<&str> = files.keys().map(|table| table.as_str()).collect();
                        return Err(unknown("columns", name, &known));
                    };
                    let mapping = mappings.entry(table).or_default();
                    for (field, headings) in fields {
                        known_field(table, field, name)?;
                        mapping.insert(field.clone(), headings.names().into_iter().map(Heading::named).collect());
                    }
                }
                (Columns::Heading(_) | Columns::Headings(_), _) if files.len() > 1 => {
                    return Err(SettingsError {
                        message: format!("with several `files`, `columns.{key}` must name a file"),
                        span: Some(name.span()),
                        fix: Some("write `columns = { accounts = { … }, grants = { … } }`".to_owned()),
                    });
                }
                (Columns::Heading(heading), Some(table)) => {
                    known_field(*table, key, name)?;
                    mappings.entry(*table).or_default().insert(key.to_owned(), vec![Heading::named(heading)]);
                }
                (Columns::Headings(headings), Some(table)) => {
                    known_field(*table, key, name)?;
                    let headings = headings.iter().map(|heading| Heading::named(heading)).collect();
                    mappings.entry(*table).or_default().insert(key.to_owned(), headings);
                }
                (Columns::Heading(_) | Columns::Headings(_), None) => {}
            }
        }
        Ok(mappings)
    }

    /// The headings to keep of the file of people.
    fn attributes(&self, files: &BTreeMap<Table, PathBuf>) -> Result<Vec<String>, SettingsError> {
        let Some(first) = self.attributes.first() else { return Ok(Vec::new()) };
        if !files.contains_key(&Table::People) {
            return Err(SettingsError {
                message: "`attributes` names columns of people, and no file yields people".to_owned(),
                span: Some(first.span()),
                fix: Some("leave it out: unmapped columns of accounts are kept by themselves".to_owned()),
            });
        }
        let mut seen = BTreeSet::new();
        if let Some(twice) = self.attributes.iter().find(|heading| !seen.insert(key(heading.get_ref()))) {
            return Err(SettingsError {
                message: format!("`attributes` names `{}` twice", twice.get_ref()),
                span: Some(twice.span()),
                fix: Some("name each heading once".to_owned()),
            });
        }
        Ok(self.attributes.iter().map(|heading| heading.get_ref().clone()).collect())
    }

    fn value_maps(&self, files: &BTreeMap<Table, PathBuf>) -> Result<HashMap<String, ValueMap>, SettingsError> {
        let mut maps = HashMap::new();
        for (name, words) in &self.values {
            let field = name.get_ref().as_str();
            let known: Vec<&str> = files.keys().flat_map(|table| table.fields()).map(|field| field.name).collect();
            let Some(found) = files.keys().flat_map(|table| table.fields()).find(|known| known.name == field) else {
                return Err(unknown("values", name, &known));
            };
            let vocabulary = found.shape.vocabulary();
            if vocabulary.is_none() && !matches!(found.shape, Shape::Held) {
                return Err(SettingsError {
                    message: format!("`values.{field}` maps words, but `{field}` is no field of words"),
                    span: Some(name.span()),
                    fix: None,
                });
            }
            // Roles and groups are called what the company likes: any meaning will do.
            if let Some(vocabulary) = vocabulary {
                let meanings = (vocabulary.known)();
                let unknown = |meaning: &&String| !meaning.is_empty() && !meanings.contains(&meaning.as_str());
                if let Some(meaning) = words.values().find(unknown) {
                    return Err(SettingsError {
                        message: format!("`values.{field}` means `{meaning}`, which is no {}", vocabulary.what),
                        span: Some(name.span()),
                        fix: Some(format!("use one of {}", meanings.join(", "))),
                    });
                }
            }
            let map = words.iter().map(|(word, meaning)| (word.trim().to_lowercase(), meaning.clone())).collect();
            maps.insert(field.to_owned(), map);
        }
        Ok(maps)
    }

    fn layout(&self, table: Table, path: &Path) -> Result<Layout, SettingsError> {
        let delimiter = match self.delimiter.as_deref() {
            None => None,
            Some(text) => match text.as_bytes() {
                [byte] if byte.is_ascii() && !matches!(byte, b'"' | b'\n' | b'\r') => Some(*byte),
                _ => {
                    return Err(SettingsError::new(format!(
                        "`delimiter` is {text:?}, which is not one ASCII character"
                    ))
                    .fix("write `;`, or `\\t` for a tab"));
                }
            },
        };
        let encoding = match self.encoding.as_deref() {
            None => None,
            Some(label) => Some(Encoding::for_label(label.as_bytes()).ok_or_else(|| {
                SettingsError::new(format!("`encoding` is `{label}`, which is no known encoding"))
                    .fix("use a WHATWG label such as `utf-8`, `windows-1252`, `utf-16le` or `shift_jis`")
            })?),
        };
        let trailer: Option<String> = Each::of(self.trailer.as_ref(), table);
        if trailer.as_deref().is_some_and(|prefix| prefix.trim().is_empty()) {
            return Err(SettingsError::new("`trailer` is empty").fix("write what the trailer row begins with"));
        }
        let sheet = Each::of(self.sheet.as_ref(), table);
        Ok(Layout { format: self.format_of(path)?, delimiter, encoding, sheet, trailer })
    }

    fn format_of(&self, path: &Path) -> Result<Format, SettingsError> {
        if let Some(format) = self.format {
            return Ok(format);
        }
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default().to_lowercase();
        match extension.as_str() {
            "csv" | "txt" => Ok(Format::Csv),
            "tsv" | "tab" => Ok(Format::Tsv),
            "xlsx" | "xlsm" => Ok(Format::Xlsx),
            "jsonl" | "ndjson" => Ok(Format::Jsonl),
            _ => Err(SettingsError::new(format!("the extension of `{}` does not tell its format", path.display()))
                .fix("set `format` to csv, tsv, xlsx or jsonl")),
        }
    }

    fn list_separator(&self, described: Option<&Described>) -> Result<String, SettingsError> {
        match self.list_separator.as_deref().or_else(|| described?.list_separator.as_deref()) {
            None => Ok(";".to_owned()),
            Some("") => Err(SettingsError::new("`list_separator` is empty").fix("leave it out for `;`")),
            Some(separator) => Ok(separator.to_owned()),
        }
    }
}

/// The columns that a description names, and over them those of the config; an empty list takes a field away.
fn merged(described: Option<&Described>, config: Option<&Mapping>) -> Option<Mapping> {
    let Some(described) = described else { return config.cloned() };
    let mut mapping = described.mapping();
    for (field, headings) in config.into_iter().flatten() {
        mapping.insert(field.clone(), headings.clone());
    }
    mapping.retain(|_, headings| !headings.is_empty());
    Some(mapping)
}

/// A value that describes one file: with several it must say which.
fn for_one<T: Clone>(
    setting: Option<&Each<T>>,
    table: Table,
    one: bool,
    name: &str,
) -> Result<Option<T>, SettingsError> {
    match setting {
        Some(Each::All(_)) if !one => {
            Err(SettingsError::new(format!("with several `files`, `{name}` must name a file"))
                .fix(format!("write `{name} = {{ {table} = … }}`")))
        }
        setting => Ok(Each::of(setting, table)),
    }
}

fn instant(text: Option<String>) -> Result<Option<Timestamp>, SettingsError> {
    text.map(|text| {
        text.parse().map_err(|error| {
            SettingsError::new(format!("`collected` is `{text}`, which is no instant: {error}"))
                .fix("write it like `2026-03-01T04:00:00Z`")
        })
    })
    .transpose()
}

fn sha256(text: Option<String>) -> Result<Option<String>, SettingsError> {
    match text {
        Some(text) if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
            Err(SettingsError::new("`expect_sha256` is no SHA-256").fix("write 64 hexadecimal digits"))
        }
        text => Ok(text.map(|text| text.to_lowercase())),
    }
}

fn check_required(table: Table, mapping: Option<&Mapping>) -> Result<(), SettingsError> {
    let Some(mapping) = mapping else { return Ok(()) };
    for group in table.required() {
        if !group.iter().any(|field| mapping.get(*field).is_some_and(|headings| !headings.is_empty())) {
            let fields = group.iter().map(|field| format!("`{field}`")).collect::<Vec<_>>().join(" or ");
            return Err(SettingsError::new(format!("`columns` of {table} maps no {fields}"))
                .fix("add it, or leave `columns` out if the file has the usual headings"));
        }
    }
    Ok(())
}

fn known_field(table: Table, field: &str, at: &Spanned<String>) -> Result<(), SettingsError> {
    let known: Vec<&str> = table.fields().iter().map(|field| field.name).collect();
    if known.contains(&field) {
        return Ok(());
    }
    let mut error = unknown("columns", &Spanned::new(at.span(), field.to_owned()), &known);
    error.message = format!("{table} have no field `{field}`");
    Err(error)
}

fn unknown(setting: &str, name: &Spanned<String>, known: &[&str]) -> SettingsError {
    let text = name.get_ref();
    let near = known
        .iter()
        .map(|known| (strsim::jaro_winkler(text, known), known))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    SettingsError {
        message: format!("`{setting}` has an unknown `{text}`"),
        span: Some(name.span()),
        fix: Some(match near {
            Some((_, near)) => format!("did you mean `{near}`?"),
            None => format!("known are {}", known.join(", ")),
        }),
    }
}
