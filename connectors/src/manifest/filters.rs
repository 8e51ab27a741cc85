//! The filters, tests and functions of expressions. None of them fails on null: null goes in, null comes out, unless its purpose is
//! null. What MiniJinja brings along is not there: a filter is added when a manifest needs it.

use std::collections::HashMap;
use std::sync::{LazyLock, PoisonError, RwLock};

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use minijinja::value::ValueKind;
use minijinja::{Environment, Error, ErrorKind, State};
use regex::Regex;

use super::value::{Fields, Instant, Stated, Unmapped, Value, instant, is_null, stated, text, to_json};
use crate::record::FactState;

/// Every filter, sorted.
pub(super) const FILTERS: &[&str] = &[
    "after",
    "before",
    "bool",
    "contains",
    "date",
    "default",
    "else_never",
    "else_none",
    "ends",
    "entries",
    "epoch",
    "first",
    "int",
    "join",
    "json",
    "last",
    "len",
    "lower",
    "map",
    "minus",
    "none_if_zero",
    "never_if_zero",
    "pluck",
    "prefix",
    "raw",
    "regex_group",
    "replace",
    "split",
    "starts",
    "str",
    "strftime",
    "trim",
    "unique",
    "upper",
    "values",
    "where",
    "with",
    "without",
];

/// Every test, sorted.
pub(super) const TESTS: &[&str] = &["defined", "false", "list", "none", "null", "number", "string", "true"];

/// Every function, sorted.
pub(super) const FUNCTIONS: &[&str] = &["header"];

/// Adds the language to an environment.
pub(super) fn register(environment: &mut Environment<'static>) {
    texts(environment);
    lists(environment);
    instants(environment);
    states(environment);
    environment.add_filter("map", map);
    environment.add_function("header", |state: &State<'_, '_>, name: &str| {
        let headers = state.lookup("headers").unwrap_or(Value::UNDEFINED);
        headers.get_attr(&name.to_ascii_lowercase()).unwrap_or(Value::UNDEFINED)
    });
    environment.add_test("none", |value: &Value| is_null(value));
    environment.add_test("null", |value: &Value| is_null(value));
    environment.add_test("defined", |value: &Value| !value.is_undefined());
    environment.add_test("true", |value: &Value| value.kind() == ValueKind::Bool && value.is_true());
    environment.add_test("false", |value: &Value| value.kind() == ValueKind::Bool && !value.is_true());
    environment.add_test("string", |value: &Value| value.kind() == ValueKind::String);
    environment.add_test("number", |value: &Value| value.kind() == ValueKind::Number);
    environment.add_test("list", |value: &Value| matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable));
}

fn wrong(filter: &str, needs: &str, found: &Value) -> Error {
    Error::new(ErrorKind::InvalidOperation, format!("`{filter}` needs {needs} and got {}", found.kind()))
}

/// Applies `f` to a text; null stays what it is.
fn on_text(filter: &str, value: &Value, f: impl FnOnce(&str) -> Value) -> Result<Value, Error> {
    match value.as_str() {
        Some(text) => Ok(f(text)),
        None if is_null(value) => Ok(value.clone()),
        None => Err(wrong(filter, "a text", value)),
    }
}

/// Applies `f` to the elements of a list; null stays what it is.
fn on_list(filter: &str, value: &Value, f: impl FnOnce(Vec<Value>) -> Result<Value, Error>) -> Result<Value, Error> {
    match value.kind() {
        ValueKind::Seq | ValueKind::Iterable => f(value.try_iter()?.collect()),
        _ if is_null(value) => Ok(value.clone()),
        _ => Err(wrong(filter, "a list", value)),
    }
}

/// A filter that needs nothing but its value, and a text at most: what most fields go through. Applied without MiniJinja's machine,
/// with the same outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    Str,
    Lower,
    Date(Option<Box<str>>),
    ElseNever,
    ElseNone,
    Map(Box<str>),
}

impl Step {
    /// The step that `filter` is with this argument.
    pub(super) fn of(filter: &str, argument: Option<&str>) -> Option<Self> {
        match (filter, argument) {
            ("str", None) => Some(Self::Str),
            ("lower", None) => Some(Self::Lower),
            ("date", form) => Some(Self::Date(form.map(Box::from))),
            ("else_never", None) => Some(Self::ElseNever),
            ("else_none", None) => Some(Self::ElseNone),
            ("map", Some(table)) => Some(Self::Map(table.into())),
            (_, _) => None,
        }
    }

    /// What becomes of `value`; `tables` are the manifest's.
    pub(super) fn apply(&self, value: &Value, tables: impl FnOnce() -> Value) -> Result<Value, Error> {
        match self {
            Self::Str => string(value),
            Self::Lower => lower(value),
            Self::Date(form) => date(value, form.as_deref()),
            Self::ElseNever => Ok(said(value, FactState::Never)),
            Self::ElseNone => Ok(said(value, FactState::None)),
            Self::Map(table) => translated(&tables(), value, table),
        }
    }
}

fn string(value: &Value) -> Result<Value, Error> {
    if value.kind() == ValueKind::String && !value.is_safe() {
        return Ok(value.clone());
    }
    match text(value) {
        Some(text) => Ok(Value::from(text)),
        None if is_null(value) => Ok(value.clone()),
        None => Err(wrong("str", "a text, number or truth", value)),
    }
}

fn lower(value: &Value) -> Result<Value, Error> {
    on_text("lower", value, |text| Value::from(text.to_lowercase()))
}

fn texts(environment: &mut Environment<'static>) {
    environment.add_filter("str", string);
    environment.add_filter("lower", lower);
    environment.add_filter("upper", |value: &Value| on_text("upper", value, |text| Value::from(text.to_uppercase())));
    environment.add_filter("trim", |value: &Value| on_text("trim", value, |text| Value::from(text.trim())));
    environment.add_filter("starts", |value: &Value, start: &str| {
        on_text("starts", value, |text| Value::from(text.starts_with(start)))
    });
    environment
        .add_filter("ends", |value: &Value, end: &str| on_text("ends", value, |text| Value::from(text.ends_with(end))));
    environment.add_filter("before", |value: &Value, mark: &str| {
        on_text("before", value, |text| Value::from(text.split_once(mark).map_or(text, |(before, _)| before)))
    });
    environment.add_filter("after", |value: &Value, mark: &str| {
        on_text("after", value, |text| text.split_once(mark).map_or(Value::from(()), |(_, after)| Value::from(after)))
    });
    environment.add_filter("replace", |value: &Value, from: &str, to: &str| {
        on_text(
            "replace",
            value,
            |text| if from.is_empty() { Value::from(text) } else { Value::from(text.replace(from, to)) },
        )
    });
    environment.add_filter("split", |value: &Value, mark: &str| {
        on_text("split", value, |text| text.split(mark).filter(|part| !part.is_empty()).map(Value::from).collect())
    });
    environment.add_filter("prefix", |value: &Value, before: &str| match text(value) {
        Some(text) => Ok(Value::from(format!("{before}{text}"))),
        None if is_null(value) => Ok(value.clone()),
        None => Err(wrong("prefix", "a text", value)),
    });
    environment
        .add_filter("raw", |value: &Value| on_text("raw", value, |text| Value::from_safe_string(text.to_owned())));
    environment.add_filter("regex_group", |value: &Value, source: &str, group: Option<usize>| {
        let pattern = pattern(source).map_err(|why| Error::new(ErrorKind::InvalidOperation, why))?;
        on_text("regex_group", value, |text| {
            let found = pattern.captures(text).and_then(|groups| groups.get(group.unwrap_or(1)));
            found.map_or(Value::from(()), |found| Value::from(found.as_str()))
        })
    });
    environment.add_filter("int", |value: &Value| match (value.as_i64(), value.as_str()) {
        (Some(number), _) => Ok(Value::from(number)),
        (None, Some(text)) => {
            text.trim().parse::<i64>().map(Value::from).map_err(|_not_a_number| wrong("int", "digits", value))
        }
        (None, None) if is_null(value) => Ok(value.clone()),
        (None, None) => Err(wrong("int", "a whole number", value)),
    });
    environment.add_filter("bool", |value: &Value| match (value.kind(), value.as_str(), value.as_i64()) {
        (ValueKind::Bool, _, _) => Ok(value.clone()),
        (_, Some("true" | "True" | "TRUE" | "yes" | "Yes" | "Y" | "1"), _) | (_, _, Some(1)) => Ok(Value::from(true)),
        (_, Some("false" | "False" | "FALSE" | "no" | "No" | "N" | "0"), _) | (_, _, Some(0)) => Ok(Value::from(false)),
        (_, _, _) if is_null(value) => Ok(value.clone()),
        (_, _, _) => Err(wrong("bool", "a truth, yes, no, 1 or 0", value)),
    });
    environment.add_filter("json", |value: &Value| {
        if is_null(value) { value.clone() } else { Value::from(to_json(value).to_string()) }
    });
}

/// Patterns of the manifests that were loaded, compiled.
static PATTERNS: LazyLock<RwLock<HashMap<String, Regex>>> = LazyLock::new(RwLock::default);

/// The pattern of a `regex_group`, which [`remember`] has compiled.
fn pattern(source: &str) -> Result<Regex, String> {
    let known = PATTERNS.read().unwrap_or_else(PoisonError::into_inner).get(source).cloned();
    known.ok_or_else(|| format!("the pattern `{source}` is not written out in the manifest"))
}

/// Compiles a pattern that a manifest has written out; the number of its groups.
pub(super) fn remember(source: &str) -> Result<usize, String> {
    let pattern = Regex::new(source).map_err(|error| error.to_string())?;
    let groups = pattern.captures_len() - 1;
    PATTERNS.write().unwrap_or_else(PoisonError::into_inner).insert(source.to_owned(), pattern);
    Ok(groups)
}

fn lists(environment: &mut Environment<'static>) {
    environment.add_filter("len", |value: &Value| match value.as_str() {
        Some(text) => Ok(Value::from(text.chars().count())),
        None if is_null(value) => Ok(value.clone()),
        None => value.len().map(Value::from).ok_or_else(|| wrong("len", "a list, an object or a text", value)),
    });
    environment.add_filter("first", |value: &Value| {
        on_list("first", value, |list| Ok(list.into_iter().next().unwrap_or(Value::UNDEFINED)))
    });
    environment.add_filter("last", |value: &Value| {
        on_list("last", value, |list| Ok(list.into_iter().next_back().unwrap_or(Value::UNDEFINED)))
    });
    environment.add_filter("join", |value: &Value, mark: &str| {
        on_list("join", value, |list| {
            let parts: Option<Vec<String>> = list.iter().filter(|part| !is_null(part)).map(text).collect();
            parts.map(|parts| Value::from(parts.join(mark))).ok_or_else(|| wrong("join", "a list of texts", value))
        })
    });
    environment.add_filter("contains", |value: &Value, wanted: &Value| match (value.as_str(), wanted.as_str()) {
        (Some(text), Some(part)) => Ok(Value::from(text.contains(part))),
        (_, _) => on_list("contains", value, |list| Ok(Value::from(list.contains(wanted)))),
    });
    environment.add_filter("without", |value: &Value, unwanted: &Value| {
        on_list("without", value, |list| Ok(list.into_iter().filter(|element| element != unwanted).collect()))
    });
    environment.add_filter("with", |value: &Value, wanted: &Value| {
        let list = if is_null(value) { Value::from(Vec::<Value>::new()) } else { value.clone() };
        on_list("with", &list, |mut list| {
            if !list.contains(wanted) {
                list.push(wanted.clone());
            }
            Ok(Value::from(list))
        })
    });
    environment.add_filter("minus", |value: &Value, unwanted: &Value| {
        on_list("minus", value, |list| {
            let unwanted: Vec<Value> = if is_null(unwanted) { Vec::new() } else { unwanted.try_iter()?.collect() };
            Ok(list.into_iter().filter(|element| !unwanted.contains(element)).collect())
        })
    });
    environment.add_filter("unique", |value: &Value| {
        on_list("unique", value, |list| {
            let mut seen = std::collections::HashSet::new();
            Ok(list.into_iter().filter(|element| seen.insert(element.clone())).collect())
        })
    });
    environment.add_filter("pluck", |value: &Value, path: &str| {
        on_list("pluck", value, |list| {
            Ok(list.iter().map(|element| at(element, path)).filter(|found| !is_null(found)).collect())
        })
    });
    environment.add_filter("where", |value: &Value, path: &str, wanted: Option<Value>| {
        on_list("where", value, |list| {
            let keep = |element: &Value| match &wanted {
                Some(wanted) => at(element, path) == *wanted,
                None => at(element, path).is_true(),
            };
            Ok(list.into_iter().filter(keep).collect())
        })
    });
    environment.add_filter("values", |value: &Value| match value.downcast_object_ref::<Fields>() {
        Some(fields) => Ok(fields.iter().map(|(_, value)| value.clone()).collect()),
        None if is_null(value) => Ok(value.clone()),
        None => Err(wrong("values", "an object", value)),
    });
    environment.add_filter("entries", |value: &Value| match value.downcast_object_ref::<Fields>() {
        Some(fields) => {
            let entry = |(key, value): (&str, &Value)| {
                Value::from_object(Fields::new(vec![("key".into(), Value::from(key)), ("value".into(), value.clone())]))
            };
            Ok(fields.iter().map(entry).collect())
        }
        None if is_null(value) => Ok(value.clone()),
        None => Err(wrong("entries", "an object", value)),
    });
}

/// What stands at `a.b.c` of an element.
fn at(element: &Value, path: &str) -> Value {
    path.split('.').fold(element.clone(), |value, step| value.get_attr(step).unwrap_or(Value::UNDEFINED))
}

fn instants(environment: &mut Environment<'static>) {
    environment.add_filter("date", date);
    environment.add_filter("epoch", |value: &Value| match instant(value) {
        Some(instant) => Ok(Value::from(instant.as_second())),
        None if is_null(value) || stated(value).is_some() => Ok(value.clone()),
        None => Err(wrong("epoch", "an instant, as `date` makes one", value)),
    });
    environment.add_filter("strftime", |value: &Value, form: &str| match instant(value) {
        Some(instant) => jiff::fmt::strtime::format(form, &instant.to_zoned(TimeZone::UTC))
            .map(Value::from)
            .map_err(|error| Error::new(ErrorKind::InvalidOperation, error.to_string())),
        None if is_null(value) => Ok(value.clone()),
        None => Err(wrong("strftime", "an instant, as `date` makes one", value)),
    });
}

/// `date`, `date('epoch_s')`, `date('epoch_ms')`, `date('%m/%d/%Y')`: an instant; a form without time means midnight, one without
/// offset UTC.
fn date(value: &Value, form: Option<&str>) -> Result<Value, Error> {
    if is_null(value) || stated(value).is_some() || instant(value).is_some() {
        return Ok(value.clone());
    }
    let number = || value.as_i64().or_else(|| value.as_str().and_then(|text| text.trim().parse().ok()));
    let read = match (form, value.as_str()) {
        (Some("epoch_s"), _) => number().and_then(|seconds| Timestamp::from_second(seconds).ok()).or_else(|| {
            let seconds =
                f64::try_from(value.clone()).ok().filter(|seconds| seconds.is_finite() && seconds.abs() < 1e12)?;
            Timestamp::UNIX_EPOCH.checked_add(SignedDuration::from_secs_f64(seconds)).ok()
        }),
        (Some("epoch_ms"), _) => number().and_then(|millis| Timestamp::from_millisecond(millis).ok()),
        (None, Some("")) => return Ok(Value::from(())),
        (None, Some(text)) => parsed(text),
        (Some(form), Some(text)) => in_form(form, text),
        (_, None) => None,
    };
    read.map(|instant| Value::from_object(Instant(instant))).ok_or_else(|| {
        let fix = match form {
            Some(form) => format!("`{form}`"),
            None => {
                "RFC 3339 or a day as 2026-11-20; say the form otherwise: date('epoch_s'), date('%m/%d/%Y')".to_owned()
            }
        };
        Error::new(
            ErrorKind::InvalidOperation,
            format!("`date` found no instant in a {}, which should be {fix}", value.kind()),
        )
    })
}

fn parsed(text: &str) -> Option<Timestamp> {
    let utc = |local: DateTime| local.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp());
    text.parse::<Timestamp>()
        .ok()
        .or_else(|| jiff::fmt::strtime::parse("%Y-%m-%dT%H:%M:%S%.f%z", text).ok()?.to_timestamp().ok())
        .or_else(|| text.parse::<DateTime>().ok().and_then(utc))
        .or_else(|| text.parse::<Date>().ok().and_then(|day| utc(day.to_datetime(jiff::civil::Time::midnight()))))
}

fn in_form(form: &str, text: &str) -> Option<Timestamp> {
    let parts = jiff::fmt::strtime::parse(form, text).ok()?;
    parts.to_timestamp().ok().or_else(|| {
        let local =
            parts.to_datetime().or_else(|_| parts.to_date().map(|day| day.to_datetime(jiff::civil::Time::midnight())));
        local.ok()?.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
    })
}

fn states(environment: &mut Environment<'static>) {
    environment.add_filter("default", |value: &Value, other: &Value| {
        let nothing = is_null(value) || value.as_str() == Some("") || value.downcast_object_ref::<Unmapped>().is_some();
        if nothing { other.clone() } else { value.clone() }
    });
    environment.add_filter("else_never", |value: &Value| said(value, FactState::Never));
    environment.add_filter("else_none", |value: &Value| said(value, FactState::None));
    environment.add_filter("never_if_zero", |value: &Value| zero(value, FactState::Never));
    environment.add_filter("none_if_zero", |value: &Value| zero(value, FactState::None));
}

/// A null that the source wrote, or an empty text, means `state`. A key that is not there stays unknown.
fn said(value: &Value, state: FactState) -> Value {
    if value.is_none() || value.as_str() == Some("") { Value::from_object(Stated(state)) } else { value.clone() }
}

/// Zero, and the first second of 1970 and the first of year 1, mean `state` to some systems.
fn zero(value: &Value, state: FactState) -> Value {
    let zero = match instant(value) {
        Some(instant) => instant.as_second() <= 0,
        None => value.as_i64() == Some(0) || value.as_str() == Some("0"),
    };
    if zero { Value::from_object(Stated(state)) } else { said(value, state) }
}

/// `x | map('NAME')`: what the table says of the text; `_` where it says nothing; [`super::emit`] takes note of words that are
/// in no table. Of null, what `_null` says.
fn map(state: &State<'_, '_>, value: &Value, name: &str) -> Result<Value, Error> {
    translated(&state.lookup(super::scope::TABLES).unwrap_or(Value::UNDEFINED), value, name)
}

fn translated(tables: &Value, value: &Value, name: &str) -> Result<Value, Error> {
    let table = tables.downcast_object_ref::<Fields>().and_then(|tables| tables.get(name));
    let table = table
        .and_then(|table| table.downcast_object_ref::<Fields>())
        .ok_or_else(|| Error::new(ErrorKind::InvalidOperation, format!("there is no `[map.{name}]`")))?;
    if is_null(value) {
        return Ok(table.get("_null").cloned().unwrap_or_else(|| value.clone()));
    }
    let found = |word: &str| match table.get(word).or_else(|| table.get("_")) {
        Some(found) => found.clone(),
        None => Value::from_object(Unmapped { table: name.into(), word: word.into() }),
    };
    match value.as_str() {
        Some(word) => Ok(found(word)),
        None => text(value).map(|word| found(&word)).ok_or_else(|| wrong("map", "a text, number or truth", value)),
    }
}
