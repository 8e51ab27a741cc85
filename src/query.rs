//! SQL over a snapshot: read-only, over the tables of `docs/tables.md`, opened only when a query names them.
//!
//! [`run`] takes a snapshot, tables that the caller adds (`links`, `findings`) and one statement, and answers with a frame;
//! [`Answer`] is the same as plain values for printing. [`LIBRARY`] lists the saved queries. Files, the network and the
//! clock are out of reach: the table `snapshot` says when the snapshot was taken.

mod sql;
mod tables;

use polars::prelude as pl;
use polars::prelude::{DataFrame, IntoLazy as _};
use polars::sql::SQLContext;
use serde_json::Value;

use crate::snapshot::tables::TABLES;
use crate::snapshot::{Snapshot, StoreError};

/// Saved queries, sorted by name. One line here registers one.
pub const LIBRARY: &[Saved] = &[
    Saved { name: "admins", sql: include_str!("query/library/admins.sql") },
    Saved { name: "coverage", sql: include_str!("query/library/coverage.sql") },
    Saved { name: "groups-without-owner", sql: include_str!("query/library/groups-without-owner.sql") },
    Saved { name: "leavers-with-accounts", sql: include_str!("query/library/leavers-with-accounts.sql") },
    Saved { name: "link-queue", sql: include_str!("query/library/link-queue.sql") },
    Saved { name: "never-used-keys", sql: include_str!("query/library/never-used-keys.sql") },
    Saved { name: "orphans", sql: include_str!("query/library/orphans.sql") },
];

/// A query that ships with the program.
#[derive(Debug, Clone, Copy)]
pub struct Saved {
    /// Name on the command line.
    pub name: &'static str,
    /// The statement, with a header of comments: `-- title: …`, `-- columns: …`.
    pub sql: &'static str,
}

impl Saved {
    /// The one called `name`.
    pub fn find(name: &str) -> Option<&'static Self> {
        LIBRARY.iter().find(|saved| saved.name == name)
    }

    /// One line: what it answers.
    pub fn title(&self) -> &'static str {
        self.header("-- title: ")
    }

    /// What the columns mean.
    pub fn columns(&self) -> &'static str {
        self.header("-- columns: ")
    }

    fn header(&self, key: &str) -> &'static str {
        self.sql.lines().find_map(|line| line.strip_prefix(key)).unwrap_or_default()
    }
}

/// Loads a table that is not stored. Called only when a query names it.
pub type Load<'a> = &'a dyn Fn() -> Result<DataFrame, Box<dyn std::error::Error + Send + Sync>>;

/// A table that the caller adds.
#[derive(Clone, Copy)]
pub struct Extra<'a> {
    /// Name in SQL.
    pub name: &'a str,
    /// Its rows.
    pub load: Load<'a>,
}

impl std::fmt::Debug for Extra<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Extra").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Why a query has no answer.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// Not a question.
    #[error("`{statement}` is refused: a snapshot is only read, with SELECT, WITH, SHOW TABLES or EXPLAIN")]
    ReadOnly {
        /// The statement's first word.
        statement: String,
    },
    /// More than one statement, or none.
    #[error("one statement at a time: found {found}")]
    NotOne {
        /// What was found.
        found: &'static str,
    },
    /// No such table.
    #[error("there is no table `{asked}`; {}", list(similar, known))]
    UnknownTable {
        /// What was asked for.
        asked: String,
        /// Tables with a similar name.
        similar: Vec<String>,
        /// Every table.
        known: Vec<String>,
    },
    /// No such column.
    #[error("there is no column `{asked}`; {}", list(similar, known))]
    UnknownColumn {
        /// What was asked for.
        asked: String,
        /// Columns with a similar name.
        similar: Vec<String>,
        /// Every column of the tables that the query names.
        known: Vec<String>,
    },
    /// The statement cannot be understood, or not carried out.
    #[error("{0}")]
    Sql(String),
    /// The snapshot cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The same, met while the query ran.
    #[error("{what}")]
    Unreadable {
        /// The store's error.
        what: String,
        /// What to do about it.
        fix: String,
    },
    /// A table that is computed on demand could not be computed.
    #[error("could not compute table `{table}`: {source}")]
    Extra {
        /// The table.
        table: String,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl QueryError {
    /// What to do about it.
    pub fn fix(&self) -> String {
        match self {
            Self::ReadOnly { .. } => "ask with SELECT; other systems are changed only by `muster apply`".to_owned(),
            Self::NotOne { .. } => "pass one SELECT statement".to_owned(),
            Self::UnknownTable { similar, .. } | Self::UnknownColumn { similar, .. } => match similar.first() {
                Some(similar) => format!("did you mean `{similar}`? docs/tables.md lists tables and columns"),
                None => "docs/tables.md lists tables and columns".to_owned(),
            },
            Self::Sql(_) => {
                "columns named like SQL words need quotes (\"group\", \"from\", \"end\"); docs/tables.md lists tables and columns".to_owned()
            }
            Self::Store(error) => error.fix(),
            Self::Unreadable { fix, .. } => fix.clone(),
            Self::Extra { .. } => "leave the table out, or see the cause above".to_owned(),
        }
    }
}

fn list(similar: &[String], known: &[String]) -> String {
    if similar.is_empty() {
        format!("there are {}", known.join(", "))
    } else {
        format!("similar are {}", similar.join(", "))
    }
}

/// Answers one statement.
///
/// Rows come in the order that ORDER BY asks for. Without it, plain selections keep the order of their table, and what is
/// grouped, joined or made distinct is sorted by all columns, so that the same question always has the same answer.
///
/// # Errors
/// [`QueryError`]; unknown names come with similar ones.
pub fn run(snapshot: &Snapshot, extra: &[Extra<'_>], statement: &str) -> Result<DataFrame, QueryError> {
    let statement = sql::Statement::parse(statement)?;
    let mut context = SQLContext::new();
    for table in TABLES {
        context.register(table.name, snapshot.lazy(table.name)?);
    }
    for (name, frame) in tables::of_manifest(snapshot.manifest()) {
        context.register(name, frame.lazy());
    }
    for table in extra {
        let frame = if statement.names(table.name) {
            (table.load)().map_err(|source| QueryError::Extra { table: table.name.to_owned(), source })?
        } else {
            DataFrame::empty()
        };
        context.register(table.name, frame.lazy());
    }
    let answered = answer(&mut context, &statement);
    answered.map_err(|error| explain(&error, &context, &statement))
}

fn answer(context: &mut SQLContext, statement: &sql::Statement<'_>) -> pl::PolarsResult<DataFrame> {
    let Some(cut) = statement.unordered() else {
        return context.execute(statement.text)?.collect();
    };
    let mut frame = context.execute(cut.text)?;
    let all: Vec<pl::Expr> = frame.collect_schema()?.iter_names().map(|name| pl::col(name.clone())).collect();
    let sorted = frame.sort_by_exprs(all, pl::SortMultipleOptions::default().with_maintain_order(true));
    match cut.limit {
        Some(limit) => sorted.slice(cut.offset, limit).collect(),
        None => sorted.collect(),
    }
}

/// Turns polars' complaint into one of ours where a name is unknown.
fn explain(error: &pl::PolarsError, context: &SQLContext, statement: &sql::Statement<'_>) -> QueryError {
    let error = root(error);
    if let Some(store) = store_error(error) {
        return QueryError::Unreadable { what: store.to_string(), fix: store.fix() };
    }
    let text = error.to_string();
    let quoted = |quote: char| text.split(quote).nth(1).map(str::to_owned);
    if text.contains("relation '") {
        let known = context.get_tables();
        let asked = quoted('\'').unwrap_or_default();
        return QueryError::UnknownTable { similar: similar(&asked, &known), asked, known };
    }
    let of_alias = text.contains("column named '");
    if of_alias || matches!(error, pl::PolarsError::ColumnNotFound(_)) {
        let asked = quoted(if of_alias { '\'' } else { '"' }).unwrap_or_else(|| text.clone());
        let mut known: Vec<String> = context
            .get_tables()
            .into_iter()
            .filter(|table| statement.names(table))
            .filter_map(|table| {
                context.clone().execute(&format!("SELECT * FROM \"{table}\"")).ok()?.collect_schema().ok()
            })
            .flat_map(|schema| schema.iter_names().map(ToString::to_string).collect::<Vec<_>>())
            .collect();
        known.sort();
        known.dedup();
        return QueryError::UnknownColumn { similar: similar(&asked, &known), asked, known };
    }
    QueryError::Sql(text)
}

/// The store's own error, which travels through polars as an I/O error.
fn store_error(error: &pl::PolarsError) -> Option<&StoreError> {
    if let pl::PolarsError::IO { error, .. } = error { error.get_ref()?.downcast_ref() } else { None }
}

/// The error itself, without where in the plan it was met.
fn root(error: &pl::PolarsError) -> &pl::PolarsError {
    match error {
        pl::PolarsError::Context { error, .. } | pl::PolarsError::ExprContext { error, .. } => root(error),
        other => other,
    }
}

/// Names that may have been meant, the likeliest first.
fn similar(asked: &str, known: &[String]) -> Vec<String> {
    let asked = asked.to_lowercase();
    let mut scored: Vec<(f64, &String)> = known
        .iter()
        .map(|name| (strsim::jaro_winkler(&asked, &name.to_lowercase()), name))
        .filter(|(score, _)| *score > 0.75)
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(b.1)));
    scored.into_iter().take(3).map(|(_, name)| name.clone()).collect()
}

/// A query's rows as plain values, for printing and for JSON.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Answer {
    /// Names of the columns.
    pub columns: Vec<String>,
    /// Rows: texts, numbers, booleans, lists and nulls; instants and dates as RFC 3339 text.
    pub rows: Vec<Vec<Value>>,
}

impl From<&DataFrame> for Answer {
    fn from(frame: &DataFrame) -> Self {
        let columns = frame.get_column_names().iter().map(ToString::to_string).collect();
        let cell = |column: &pl::Column, row| column.get(row).map_or(Value::Null, |cell| value(&cell));
        let rows = (0..frame.height()).map(|row| frame.columns().iter().map(|column| cell(column, row)).collect());
        Self { columns, rows: rows.collect() }
    }
}

/// A cell as plain JSON: instants and dates as RFC 3339 text.
pub(crate) fn value(cell: &pl::AnyValue<'_>) -> Value {
    let micros = |value: i64, unit: &pl::TimeUnit| match unit {
        pl::TimeUnit::Nanoseconds => value.div_euclid(1000),
        pl::TimeUnit::Microseconds => value,
        pl::TimeUnit::Milliseconds => value.saturating_mul(1000),
    };
    let instant = |value: i64, unit: &pl::TimeUnit| {
        jiff::Timestamp::from_microsecond(micros(value, unit)).map_or(Value::Null, |at| at.to_string().into())
    };
    match cell {
        pl::AnyValue::Null => Value::Null,
        pl::AnyValue::Boolean(value) => (*value).into(),
        pl::AnyValue::String(text) => (*text).into(),
        pl::AnyValue::StringOwned(text) => text.as_str().into(),
        pl::AnyValue::Datetime(at, unit, _) | pl::AnyValue::DatetimeOwned(at, unit, _) => instant(*at, unit),
        pl::AnyValue::Date(days) => {
            let day = jiff::civil::date(1970, 1, 1).checked_add(jiff::Span::new().days(*days));
            day.map_or(Value::Null, |day| day.to_string().into())
        }
        pl::AnyValue::Duration(length, unit) => (micros(*length, unit) / 1_000_000).into(),
        pl::AnyValue::List(items) => items.iter().map(|item| value(&item)).collect(),
        pl::AnyValue::Float32(number) => f64::from(*number).into(),
        pl::AnyValue::Float64(number) => (*number).into(),
        other => match (other.extract::<i64>(), other.extract::<u64>()) {
            (Some(number), _) => number.into(),
            (None, Some(number)) => number.into(),
            (None, None) => other.to_string().into(),
        },
    }
}
