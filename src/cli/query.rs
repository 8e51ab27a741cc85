//! `muster query`: SQL over the tables of a snapshot.

use std::io::{self, IsTerminal as _, Read as _, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use comfy_table::ContentArrangement;
use muster_reports::escape;
use serde_json::{Map, Value as Json};

use super::Which;
use super::outcome::{Failure, Outcome, store_diagnostic};
use super::output::{Choice, open, targets};
use super::session::Session;
use super::tables::{lines, plain_table, right_align};
use crate::check::tables::DERIVED;
use crate::check::{Estate, links};
use crate::config::Config;
use crate::diagnostic::{Diagnostic, similar, visible};
use crate::findings::kept;
use crate::query::{Answer, Extra, LIBRARY, QueryError, Saved, run as ask};
use crate::snapshot::tables::TABLES;
use crate::snapshot::{Snapshot, Store, StoreError};

/// Arguments of `muster query`.
#[derive(Debug, Clone, Args)]
pub struct Arguments {
    /// SQL, or the name of a saved query; without it and --file, SQL is read from standard input
    pub query: Option<String>,
    /// Read the SQL from this file
    #[arg(long, value_name = "FILE", conflicts_with = "query")]
    pub file: Option<PathBuf>,
    /// List the tables and their columns
    #[arg(long, conflicts_with_all = ["query", "file", "saved"])]
    pub tables: bool,
    /// List the saved queries
    #[arg(long, conflicts_with_all = ["query", "file"])]
    pub saved: bool,
    /// Which snapshot.
    #[command(flatten)]
    pub which: Which,
}

pub(super) const CHOICES: [Choice; 4] = [
    Choice { name: "table", ending: "txt" },
    Choice { name: "json", ending: "json" },
    Choice { name: "csv", ending: "csv" },
    Choice { name: "markdown", ending: "md" },
];

/// Answers one query.
///
/// # Errors
/// [`Failure`] when there is no query, no snapshot, or the SQL is wrong.
pub fn run(arguments: &Arguments, session: &Session) -> Result<Outcome, Failure> {
    if arguments.saved {
        return write(session, &saved());
    }
    if arguments.tables && !session.config_path().exists() {
        return write(session, &stored_tables());
    }
    let statement = if arguments.tables { None } else { Some(statement(arguments)?) };
    let config = session.config()?;
    if statement.is_none() && !config.store.value.exists() {
        return write(session, &stored_tables());
    }
    let store = session.existing_store(&config)?;
    let snapshot = session.snapshot(&store, &arguments.which)?;
    let tables = Tables { session, config: &config, store: &store, snapshot: &snapshot };
    write(session, &statement.map_or_else(|| all_tables(&tables), |statement| answer(&tables, &statement))?)
}

/// The tables of a snapshot, and what those are computed from that are not stored with it.
struct Tables<'a> {
    session: &'a Session,
    config: &'a Config,
    store: &'a Store,
    snapshot: &'a Snapshot,
}

/// The SQL that is asked for.
fn statement(arguments: &Arguments) -> Result<String, Failure> {
    if let Some(path) = &arguments.file {
        return std::fs::read_to_string(path).map_err(|error| {
            Diagnostic::error("QRY002", format!("cannot read `{}`", path.display()))
                .cause(error.to_string())
                .fix("name a readable text file")
                .into()
        });
    }
    match &arguments.query {
        Some(text) => by_name(text),
        None if io::stdin().is_terminal() => Err(no_query()),
        None => {
            let mut text = String::new();
            io::stdin().lock().read_to_string(&mut text)?;
            if text.trim().is_empty() { Err(no_query()) } else { Ok(text) }
        }
    }
}

fn no_query() -> Failure {
    Diagnostic::error("QRY002", "there is no query")
        .fix("give SQL as an argument, with --file or on standard input, or one of `muster query --saved`")
        .into()
}

/// A saved query's SQL, or the text itself when it is more than a word.
fn by_name(text: &str) -> Result<String, Failure> {
    if let Some(saved) = Saved::find(text) {
        return Ok(saved.sql.to_owned());
    }
    if text.contains(char::is_whitespace) {
        return Ok(text.to_owned());
    }
    let near = similar(text, LIBRARY.iter().map(|saved| saved.name));
    Err(Diagnostic::error("QRY002", format!("there is no saved query `{text}`"))
        .fix(near.map_or("`muster query --saved` lists them".to_owned(), |near| format!("did you mean `{near}`?")))
        .into())
}

fn answer(tables: &Tables<'_>, statement: &str) -> Result<Answer, Failure> {
    let now = tables.session.now(tables.config);
    // A query may name several of the tables that are computed from the whole estate.
    let loaded = std::cell::OnceCell::new();
    let estate = &|| -> Result<&Estate, StoreError> {
        if let Some(estate) = loaded.get() {
            return Ok(estate);
        }
        let estate = Estate::load(tables.snapshot, tables.config, now)?;
        Ok(loaded.get_or_init(|| estate))
    };
    let derived: Vec<_> = DERIVED.iter().map(|table| move || Ok((table.frame)(estate()?, now))).collect();
    let sequence = tables.snapshot.manifest().header.sequence;
    let changes = || {
        let churn = links::churn(tables.store, sequence, estate()?, now)?;
        Ok(links::changes_frame(&churn.unwrap_or_default().1))
    };
    let findings = || match tables.store.findings_of(sequence, |column| column != kept::WHOLE)? {
        Some(frame) => Ok(frame),
        None => Err("the snapshot has not been checked; run `muster check`".into()),
    };
    let mut extra = vec![Extra { name: "findings", load: &findings }, Extra { name: "link_changes", load: &changes }];
    extra.extend(DERIVED.iter().zip(&derived).map(|(table, load)| Extra { name: table.name, load }));
    ask(tables.snapshot, &extra, statement).map(|frame| Answer::from(&frame)).map_err(|error| match error {
        QueryError::Store(error) => store_diagnostic(&error).into(),
        error => Diagnostic::error("QRY001", error.to_string()).fix(error.fix()).into(),
    })
}

fn saved() -> Answer {
    let rows = LIBRARY.iter().map(|saved| vec![saved.name.into(), saved.title().into(), saved.columns().into()]);
    Answer { columns: ["name", "answers", "columns"].map(str::to_owned).to_vec(), rows: rows.collect() }
}

/// The tables of every snapshot, without those that queries compute.
fn stored_tables() -> Answer {
    let rows = TABLES.iter().map(|table| {
        let columns: Vec<&str> = table.columns.iter().map(|column| column.name).collect();
        vec![table.name.into(), columns.join(", ").into()]
    });
    Answer { columns: ["table", "columns"].map(str::to_owned).to_vec(), rows: rows.collect() }
}

/// Every table that a query of this snapshot can name.
fn all_tables(tables: &Tables<'_>) -> Result<Answer, Failure> {
    let names = answer(tables, "SHOW TABLES")?;
    let mut rows = Vec::new();
    for name in names.rows.iter().filter_map(|row| row.first()?.as_str()) {
        let columns = answer(tables, &format!("SELECT * FROM \"{name}\" LIMIT 0"))?.columns;
        rows.push(vec![name.into(), columns.join(", ").into()]);
    }
    Ok(Answer { columns: ["table", "columns"].map(str::to_owned).to_vec(), rows })
}

fn write(session: &Session, answer: &Answer) -> Result<Outcome, Failure> {
    for (choice, file) in targets(&session.global.output, &CHOICES)? {
        write_as(choice, file.as_deref(), answer)?;
    }
    Ok(Outcome::answered())
}

/// Writes an answer in one format.
///
/// # Errors
/// The output cannot be written.
pub(super) fn write_as(choice: Choice, file: Option<&Path>, answer: &Answer) -> Result<(), Failure> {
    let mut out = open(file)?;
    match choice.name {
        "json" => json(answer, &mut out)?,
        "csv" => csv(answer, &mut out)?,
        "markdown" => markdown(answer, &mut out)?,
        _ => table(answer, file, &mut out)?,
    }
    out.close()
}

/// A value as text: lists are joined, nothing is an empty text.
fn text(value: &Json) -> String {
    match value {
        Json::Null => String::new(),
        Json::String(text) => text.clone(),
        Json::Array(values) => values.iter().map(text).collect::<Vec<_>>().join(", "),
        Json::Bool(_) | Json::Number(_) | Json::Object(_) => value.to_string(),
    }
}

fn table(answer: &Answer, file: Option<&Path>, out: &mut impl Write) -> io::Result<()> {
    let header: Vec<&str> = answer.columns.iter().map(String::as_str).collect();
    let mut table = plain_table(&header);
    if file.is_none() && io::stdout().is_terminal() {
        table.set_content_arrangement(ContentArrangement::Dynamic);
    }
    for row in &answer.rows {
        table.add_row(row.iter().map(|value| visible(&text(value)).into_owned()));
    }
    let numbers = |column: &usize| {
        let mut values =
            answer.rows.iter().filter_map(|row| row.get(*column)).filter(|value| !value.is_null()).peekable();
        values.peek().is_some() && values.all(Json::is_number)
    };
    right_align(&mut table, &(0..answer.columns.len()).filter(numbers).collect::<Vec<_>>());
    lines(&table, out)
}

/// One object a row, in a list.
fn json(answer: &Answer, out: &mut impl Write) -> io::Result<()> {
    write!(out, "[")?;
    for (index, row) in answer.rows.iter().enumerate() {
        let object: Map<String, Json> = answer.columns.iter().cloned().zip(row.iter().cloned()).collect();
        let object = Json::Object(object).to_string();
        write!(out, "{}\n  {}", if index == 0 { "" } else { "," }, escape::json(&object))?;
    }
    writeln!(out, "{}]", if answer.rows.is_empty() { "" } else { "\n" })
}

fn csv(answer: &Answer, out: &mut impl Write) -> io::Result<()> {
    let mut writer = csv::Writer::from_writer(out);
    writer.write_record(&answer.columns)?;
    for row in &answer.rows {
        writer.write_record(
            row.iter().map(|value| if value.is_number() { text(value) } else { harmless(&text(value)) }),
        )?;
    }
    writer.flush()
}

/// As the report's CSV: nothing that a spreadsheet calculates (OWASP, "CSV Injection"), nothing that a terminal obeys.
fn harmless(text: &str) -> String {
    escape::visible(&escape::formula_safe(text)).into_owned()
}

fn markdown(answer: &Answer, out: &mut impl Write) -> io::Result<()> {
    let line = |cells: Vec<String>| format!("| {} |", cells.join(" | "));
    writeln!(out, "{}", line(answer.columns.iter().map(|name| escape::markdown(name)).collect()))?;
    writeln!(out, "{}", line(answer.columns.iter().map(|_| "---".to_owned()).collect()))?;
    for row in &answer.rows {
        writeln!(out, "{}", line(row.iter().map(|value| escape::markdown(&text(value))).collect()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hostile() -> Answer {
        let login = "=cmd|'/c calc'!A1 <script> \u{1b}[2J";
        Answer {
            columns: vec!["login".into(), "n".into()],
            rows: vec![vec![login.into(), (-7).into()], vec![Json::Null, 1.into()]],
        }
    }

    fn written(write: impl Fn(&Answer, &mut Vec<u8>) -> io::Result<()>) -> String {
        let mut out = Vec::new();
        write(&hostile(), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_hostile_login_does_no_harm_in_any_format() {
        let csv = written(csv);
        assert!(csv.contains("'=cmd") && csv.contains(",-7\n"), "{csv}");
        let markdown = written(markdown);
        assert!(markdown.contains("\\|'/c") && markdown.contains("&lt;script&gt;"), "{markdown}");
        let table = written(|answer, out| table(answer, Some(Path::new("x")), out));
        for text in [&markdown, &table, &written(json)] {
            assert!(!text.contains('\u{1b}'), "{text}");
        }
    }

    #[test]
    fn json_is_a_list_of_objects_also_when_it_is_empty() {
        let rows: Json = serde_json::from_str(&written(json)).unwrap();
        assert_eq!(rows[0]["n"], -7);
        let mut out = Vec::new();
        json(&Answer { columns: vec!["a".into()], rows: Vec::new() }, &mut out).unwrap();
        assert_eq!(out, b"[]\n");
    }
}
