//! `muster diff BEFORE AFTER`: what came, went and changed between two snapshots, what it means for access, and what cannot be told.

pub(in crate::cli) mod effective;

use std::io::{self, Write};

use clap::{Args, builder::PossibleValuesParser};
use muster_connectors::record::RecordKind;
use muster_reports::escape;
use rustc_hash::{FxHashMap, FxHashSet};
use serde_json::{Value as Json, json};

use self::effective::Effective;
use super::outcome::{Exit, Failure, Outcome};
use super::output::{Choice, open, targets};
use super::session::Session;
use super::tables::{lines, plain_table};
use super::{Which, gains};
use crate::access::aws::ways::built_in;
use crate::collect::known_systems;
use crate::diagnostic::visible;
use crate::diff::{Change, Diff, Field, Part, Reading, What};
use crate::snapshot::{Rows, Snapshot, StoreError};

/// Arguments of `muster diff`.
#[derive(Debug, Clone, Args)]
pub struct Arguments {
    /// The earlier snapshot: its number, its hash or a start of it
    #[arg(default_value = "previous")]
    pub before: String,
    /// The later snapshot
    #[arg(default_value = "latest")]
    pub after: String,
    /// Only this system. May be repeated
    #[arg(long, value_name = "NAME")]
    pub system: Vec<String>,
    /// Only this kind of record. May be repeated
    #[arg(long, value_name = "KIND", value_parser = PossibleValuesParser::new(RecordKind::ALL.iter().map(|kind| kind.as_str())))]
    pub kind: Vec<String>,
    /// Changes that the table shows of each kind of a scope; 0 for all. Files and the other formats always have all
    #[arg(long, value_name = "NUMBER", default_value_t = 20)]
    pub limit: usize,
    /// Leave out who gained and who lost what on AWS by the changes
    #[arg(long)]
    pub no_effective: bool,
}

const CHOICES: [Choice; 3] = [
    Choice { name: "table", ending: "txt" },
    Choice { name: "json", ending: "json" },
    Choice { name: "csv", ending: "csv" },
];

/// Compares, and ends with 3 when something cannot be told.
///
/// # Errors
/// [`Failure`] when a snapshot cannot be used.
pub fn run(arguments: &Arguments, session: &Session) -> Result<Outcome, Failure> {
    let config = session.config()?;
    // A system that has left the config may still be asked about, one that never was is a slip of the pen.
    let store = session.existing_store(&config)?;
    let open_one = |name: &String| session.snapshot(&store, &Which { snapshot: Some(name.clone()), as_of: None });
    let (before, after) = (open_one(&arguments.before)?, open_one(&arguments.after)?);
    let in_neither = |name: &&String| {
        [&before, &after].iter().all(|snapshot| !snapshot.manifest().systems.contains_key(name.as_str()))
    };
    let strangers: Vec<String> = arguments.system.iter().filter(in_neither).cloned().collect();
    known_systems(&config, &strangers).map_err(super::collect::failure)?;
    let diff = Diff::between(&before, &after, |system, kind| {
        (arguments.system.is_empty() || arguments.system.iter().any(|name| name == system))
            && (arguments.kind.is_empty() || arguments.kind.iter().any(|name| name == kind.as_str()))
    })?;
    // Of some kinds of record alone nobody can tell what they mean.
    let effective = if arguments.no_effective || !arguments.kind.is_empty() {
        Vec::new()
    } else {
        effective::between(&diff, &before, &after, &config.policy.techniques.clone().unwrap_or_else(built_in))?
    };
    let names = Names::of(&diff, &before, &after)?;
    let answer = Answer { names, before: &before, after: &after, diff: &diff, effective: &effective };
    for (choice, file) in targets(&session.global.output, &CHOICES)? {
        let mut out = open(file.as_deref())?;
        match choice.name {
            "json" => answer.json(&mut out)?,
            "csv" => answer.csv(&mut out)?,
            _ => answer.table(if file.is_some() { 0 } else { arguments.limit }, &mut out)?,
        }
        out.close()?;
    }
    Ok(answer.outcome().allowing_partial(session.global.allow_partial))
}

/// A comparison, ready to be told.
struct Answer<'a> {
    before: &'a Snapshot,
    after: &'a Snapshot,
    diff: &'a Diff,
    effective: &'a [Effective],
    names: Names,
}

impl Answer<'_> {
    fn counts(&self) -> String {
        let counts = self.diff.counts();
        let words = [What::Added, What::Removed, What::Changed]
            .map(|what| format!("{} {}", counts.get(&what).copied().unwrap_or_default(), what.as_str()));
        words.join(", ")
    }

    fn outcome(&self) -> Outcome {
        let open = self.diff.unproven().count();
        let (from, to) = (self.before.manifest().header.sequence, self.after.manifest().header.sequence);
        let told = format!("snapshots {from} to {to}: {}", self.counts());
        if open == 0 {
            return Outcome::new(Exit::Clean, told);
        }
        Outcome::new(
            Exit::Incomplete,
            format!("{told}; of {open} parts it cannot be told, because they were not read completely"),
        )
    }

    fn table(&self, limit: usize, out: &mut impl Write) -> io::Result<()> {
        for (word, snapshot) in [("from", self.before), ("to", self.after)] {
            let header = &snapshot.manifest().header;
            writeln!(out, "{word:<5} snapshot {}, taken {}", header.sequence, header.taken)?;
        }
        for part in self.diff.parts.iter().filter(|part| !part.changes.is_empty()) {
            writeln!(out, "\n{}", visible(&place(part)))?;
            let shown = if limit == 0 { part.changes.len() } else { limit };
            let mut table = plain_table(&[]);
            table.set_header(Vec::<String>::new());
            for change in part.changes.iter().take(shown) {
                let (mark, fields) = match change.what {
                    What::Added => ("+", String::new()),
                    What::Removed => ("-", String::new()),
                    What::Changed => ("~", change.fields.iter().map(in_words).collect::<Vec<_>>().join("; ")),
                };
                let label = self.names.label(part, change);
                table.add_row([format!("  {mark}"), visible(&label).into_owned(), visible(&fields).into_owned()]);
            }
            lines(&table, out)?;
            if part.changes.len() > shown {
                writeln!(out, "  … {} more; `--limit 0` or `-o csv` show all", part.changes.len() - shown)?;
            }
        }
        for Effective { system, changes } in self.effective {
            writeln!(out, "\nEFFECTIVE ACCESS in {}", visible(system))?;
            if changes.is_empty() {
                writeln!(out, "  nobody gained or lost an action, and nobody's way to administration changed")?;
            } else {
                gains::table(changes, if limit == 0 { usize::MAX } else { limit }, out)?;
            }
        }
        let open: Vec<&Part> = self.diff.unproven().collect();
        if !open.is_empty() {
            writeln!(out, "\nNOT KNOWN")?;
            for part in open {
                let mut whys: Vec<String> = part
                    .unproven
                    .iter()
                    .map(|open| format!("whether {} rows were {}: {}", open.rows, open.what.as_str(), open.why))
                    .collect();
                if whys.is_empty() {
                    let state = part.after.map_or("missing", |reading| reading.state.as_str());
                    whys.push(format!("what else changed: {} are {state} in the later snapshot", part.kind));
                }
                writeln!(out, "  {}: {}", visible(&place(part)), visible(&whys.join("; ")))?;
            }
        }
        let reordered: u64 = self.diff.parts.iter().map(|part| part.reordered).sum();
        if reordered > 0 {
            writeln!(out, "\n{reordered} rows differ only in the order within a list, which is no change")?;
        }
        Ok(())
    }

    fn json(&self, out: &mut impl Write) -> io::Result<()> {
        let header = |snapshot: &Snapshot| {
            let manifest = snapshot.manifest();
            json!({ "number": manifest.header.sequence, "id": manifest.id, "taken": manifest.header.taken })
        };
        let reading = |reading: Option<Reading>| {
            reading.map(|reading| json!({ "state": reading.state.as_str(), "collected": reading.collected, "rows": reading.rows }))
        };
        let change = |part: &Part, change: &Change| {
            let key: serde_json::Map<String, Json> =
                change.key.iter().map(|(column, value)| ((*column).to_owned(), json!(value))).collect();
            let fields: Vec<Json> = change
                .fields
                .iter()
                .map(|field| json!({ "column": field.column, "before": field.before, "after": field.after }))
                .collect();
            json!({ "what": change.what.as_str(), "key": key, "name": self.names.label(part, change), "fields": fields })
        };
        let parts: Vec<Json> = self
            .diff
            .parts
            .iter()
            .map(|part| {
                let unproven = part.unproven.iter();
                let unproven =
                    unproven.map(|open| json!({ "what": open.what.as_str(), "rows": open.rows, "why": open.why }));
                json!({
                    "system": part.system,
                    "scope": part.scope,
                    "kind": part.kind,
                    "before": reading(part.before),
                    "after": reading(part.after),
                    "changes": part.changes.iter().map(|one| change(part, one)).collect::<Vec<_>>(),
                    "unproven": unproven.collect::<Vec<_>>(),
                    "reordered": part.reordered,
                    "known": !part.is_open(),
                })
            })
            .collect();
        let document = json!({
            "before": header(self.before),
            "after": header(self.after),
            "parts": parts,
            "effective": self.effective,
        });
        escape::write_json(out, &document)
    }

    /// One line a changed field; of rows that came or went, one line.
    fn csv(&self, out: &mut impl Write) -> io::Result<()> {
        let mut writer = csv::Writer::from_writer(out);
        writer.write_record(["what", "system", "scope", "kind", "key", "name", "column", "before", "after"])?;
        for part in &self.diff.parts {
            for change in &part.changes {
                let key = change.key.iter().map(|(_, value)| value.as_deref().unwrap_or_default());
                let key = key.collect::<Vec<_>>().join(" · ");
                let name = self.names.label(part, change);
                let mut line = |column: &str, before: &Json, after: &Json| {
                    let (before, after) = (text(before), text(after));
                    let cells = [
                        change.what.as_str(),
                        &part.system,
                        &part.scope,
                        part.kind.as_str(),
                        &key,
                        &name,
                        column,
                        &before,
                        &after,
                    ];
                    writer.write_record(cells.map(|cell| escape::visible(&escape::formula_safe(cell)).into_owned()))
                };
                if change.what == What::Changed {
                    for field in &change.fields {
                        line(field.column, &field.before, &field.after)?;
                    }
                } else {
                    line("", &Json::Null, &Json::Null)?;
                }
            }
        }
        writer.flush()
    }
}

/// Names of the objects that changes speak of, by system and by id.
struct Names(FxHashMap<String, FxHashMap<String, String>>);

/// Kinds that name things, and their columns, the better one first.
const NAMED: [(RecordKind, &[&str]); 5] = [
    (RecordKind::Account, &["login", "name"]),
    (RecordKind::Group, &["name"]),
    (RecordKind::Entitlement, &["name"]),
    (RecordKind::Resource, &["name"]),
    (RecordKind::Person, &["preferred_name", "legal_name"]),
];

/// Key columns that hold the id of something that has a name.
const IDS: [&str; 6] = ["id", "group", "member", "principal", "entitlement", "resource"];

impl Names {
    /// Looks up only what is spoken of. The later snapshot's names win.
    fn of(diff: &Diff, before: &Snapshot, after: &Snapshot) -> Result<Self, StoreError> {
        let mut wanted: FxHashMap<&str, FxHashSet<&str>> = FxHashMap::default();
        for part in diff.parts.iter().filter(|part| !part.changes.is_empty()) {
            let ids = part.changes.iter().flat_map(|change| &change.key).filter(|(column, _)| IDS.contains(column));
            wanted.entry(&part.system).or_default().extend(ids.filter_map(|(_, id)| id.as_deref()));
        }
        let mut names: FxHashMap<String, FxHashMap<String, String>> = FxHashMap::default();
        for snapshot in [before, after] {
            for (kind, columns) in NAMED {
                for view in snapshot.manifest().kinds().filter(|view| view.kind == kind) {
                    let Some(wanted) = wanted.get(view.system) else { continue };
                    let frame = snapshot.rows_of(&view, &[&["id"], columns].concat())?;
                    let rows = Rows::of(&frame, kind.as_str());
                    let ids = rows.texts("id")?;
                    let texts = columns.iter().map(|name| rows.texts(name)).collect::<Result<Vec<_>, _>>()?;
                    let names = names.entry(view.system.to_owned()).or_default();
                    for row in (0..rows.len()).filter(|row| wanted.contains(ids.text(*row))) {
                        let name = texts.iter().find_map(|text| text.get(row)).filter(|name| *name != ids.text(row));
                        if let Some(name) = name {
                            names.insert(ids.text(row).to_owned(), name.to_owned());
                        }
                    }
                }
            }
        }
        Ok(Self(names))
    }

    /// A row in words: its key, with names where there are any.
    fn label(&self, part: &Part, change: &Change) -> String {
        let names = self.0.get(&part.system);
        let word = |(column, id): &(&'static str, Option<String>)| {
            let id = id.as_ref()?;
            let name = names.filter(|_| IDS.contains(column)).and_then(|names| names.get(id));
            Some(name.cloned().unwrap_or_else(|| id.clone()))
        };
        change.key.iter().filter_map(word).collect::<Vec<_>>().join(" · ")
    }
}

fn place(part: &Part) -> String {
    format!("{} / {} / {}", part.system, part.scope, part.kind)
}

fn in_words(field: &Field) -> String {
    let shown = |value: &Json| if value.is_null() { "nothing".to_owned() } else { text(value) };
    format!("{}: {} → {}", field.column, shown(&field.before), shown(&field.after))
}

/// A value as text: lists are joined.
fn text(value: &Json) -> String {
    match value {
        Json::Null => String::new(),
        Json::String(text) => text.clone(),
        Json::Array(values) => values.iter().map(text).collect::<Vec<_>>().join(", "),
        Json::Bool(_) | Json::Number(_) | Json::Object(_) => value.to_string(),
    }
}
