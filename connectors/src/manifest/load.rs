//! From text to a [`Manifest`] that can be run: everything that can be known to be wrong is said here, with its position.
//!
//! `compile` gives every expression and template the names that exist where it stands; `blocks`, `streams` and `actions` check what
//! serde cannot: references between blocks, keys that belong together, records that lack what every record has.

mod actions;
mod blocks;
mod bundles;
mod compile;
mod empties;
mod json;
mod streams;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value as Json;

use super::emit::{Derivation, Plans};
use super::fields::KINDS;
use super::model::{Document, Page, Pager, SCHEMA, Stream};
use super::problem::{Problem, Review, Severity, did_you_mean};
use super::scope::{Scope, TABLES};
use super::value::{Fields, Value, from_json};
use crate::record::RecordKind;

/// A manifest that was checked and compiled.
#[derive(Debug, Clone)]
pub struct Manifest {
    pub(super) document: Document,
    pub(super) file: Option<PathBuf>,
    pub(super) plans: Vec<Plans>,
    pub(super) builtins: Plans,
    pub(super) derives: Vec<Derivation>,
    order: Vec<usize>,
    parents: Vec<Option<usize>>,
    warnings: Vec<Problem>,
    maps: Value,
    pub(super) text: Arc<str>,
}

impl Manifest {
    /// Reads a manifest from a file.
    ///
    /// # Errors
    /// Every problem that was found, in the order of the file; warnings among them.
    pub fn load(path: &Path) -> Result<Self, Vec<Problem>> {
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(&text, Some(path)),
            Err(error) => {
                let mut review = Review::new("", Some(path));
                review
                    .error(&(0..0), "the file cannot be read")
                    .because(error.to_string())
                    .fix("check its path and that it is UTF-8");
                Err(review.finish())
            }
        }
    }

    /// Reads a manifest from its text, TOML or JSON; `file` is for messages and for what stands beside it.
    ///
    /// # Errors
    /// As of [`Manifest::load`].
    pub fn parse(text: &str, file: Option<&Path>) -> Result<Self, Vec<Problem>> {
        let mut review = Review::new(text, file);
        let Some(mut document) = read(text, &mut review) else { return Err(review.finish()) };
        head(&document, &mut review);
        let parents = streams::parents(&document, &mut review);
        compile::compile(&mut document, &parents, &mut review);
        blocks::check(&document, &mut review);
        let (plans, builtins, derives) = streams::check(&document, &parents, &mut review);
        bundles::check(&document, &mut review);
        empties::check(&document, &mut review);
        actions::check(&document, &mut review);
        let problems = review.finish();
        if problems.iter().any(|problem| problem.severity == Severity::Error) {
            return Err(problems);
        }
        let order = order(&parents);
        let maps = maps(&document);
        let file = file.map(Path::to_owned);
        Ok(Self {
            document,
            file,
            plans,
            builtins,
            derives,
            order,
            parents,
            warnings: problems,
            maps,
            text: text.into(),
        })
    }

    /// What is written.
    pub const fn document(&self) -> &Document {
        &self.document
    }

    /// The text it was read from.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The name in `connector = "…"`.
    pub fn id(&self) -> &str {
        self.document.id.get_ref()
    }

    /// The file it was read from.
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// What is odd about it and does not keep it from being used.
    pub fn warnings(&self) -> &[Problem] {
        &self.warnings
    }

    /// Streams by index, parents before their children, otherwise as written.
    pub fn order(&self) -> &[usize] {
        &self.order
    }

    /// A stream's name and block.
    ///
    /// # Panics
    /// When there is no stream of that index.
    pub fn stream(&self, index: usize) -> (&str, &Stream) {
        let entry = &self.document.stream.entries()[index];
        (entry.name.get_ref(), &entry.value)
    }

    /// The stream whose items a stream is read for.
    pub fn parent(&self, stream: usize) -> Option<usize> {
        self.parents.get(stream).copied().flatten()
    }

    /// Streams that are read for the items of this one.
    pub fn children(&self, stream: usize) -> impl Iterator<Item = usize> + '_ {
        self.parents.iter().enumerate().filter(move |(_, parent)| **parent == Some(stream)).map(|(child, _)| child)
    }

    /// How a stream is paged.
    pub fn pager<'a>(&'a self, stream: &'a Stream) -> Option<&'a Pager> {
        match stream.page.as_ref()? {
            Page::Named(name) => self.document.pager.get(name.get_ref()),
            Page::Inline(pager) => Some(pager),
        }
    }

    /// Kinds of record that a stream's own items become; what it only enriches is not among them.
    pub fn yields(&self, stream: usize) -> BTreeSet<RecordKind> {
        let emits = self.plans.get(stream).into_iter().flat_map(|plans| &plans.emits);
        emits.filter(|plan| !plan.enriches).map(|plan| KINDS[plan.kind].kind()).collect()
    }

    /// Whether a stream yields those whom the system is about: accounts or persons, and never none of them.
    pub fn is_main(&self, stream: usize) -> bool {
        let (_, block) = self.stream(stream);
        let yields = self.yields(stream);
        block.may_be_empty.is_none()
            && [RecordKind::Account, RecordKind::Person].iter().any(|kind| yields.contains(kind))
    }

    /// Fields that a stream adds to records of other streams: withheld when it is not read whole.
    pub fn enriches(&self, stream: usize) -> BTreeMap<RecordKind, BTreeSet<&'static str>> {
        let mut fields: BTreeMap<RecordKind, BTreeSet<&'static str>> = BTreeMap::new();
        for plan in self.plans.get(stream).into_iter().flat_map(|plans| &plans.emits).filter(|plan| plan.enriches) {
            let names = KINDS[plan.kind].names();
            let added = plan.fields.iter().map(|(field, _)| names[usize::from(*field)]).filter(|name| *name != "id");
            fields.entry(KINDS[plan.kind].kind()).or_default().extend(added);
        }
        fields
    }

    /// Every kind of record that can come of it, built-in ones among them.
    pub fn kinds(&self) -> Vec<RecordKind> {
        let plans = self.plans.iter().chain([&self.builtins]).flat_map(|plans| &plans.emits);
        let kinds: BTreeSet<RecordKind> = plans.map(|plan| KINDS[plan.kind].kind()).collect();
        kinds.into_iter().collect()
    }

    /// The outermost scope of a run: `config`, the tables of words, and `now` in seconds since 1970. Optional keys that were not given are null.
    pub fn scope(&self, config: &BTreeMap<String, Json>, now: jiff::Timestamp) -> Scope {
        let value = |name: &str| match (config.get(name), self.document.config.get(name)) {
            (Some(given), _) => from_json(given),
            (None, Some(field)) => {
                field.default.as_ref().map_or(Value::from(()), |default| from_toml(default.get_ref()))
            }
            (None, None) => Value::UNDEFINED,
        };
        let config = self.document.config.names().map(|name| (name.into(), value(name))).collect();
        Scope::new().with_all(vec![
            (Arc::from("config"), Value::from_object(Fields::new(config))),
            (Arc::from(TABLES), self.maps.clone()),
            (Arc::from("now"), Value::from(now.as_second())),
        ])
    }
}

/// A TOML scalar or list as a value.
pub(super) fn from_toml(value: &toml::Value) -> Value {
    serde_json::to_value(value).map_or(Value::UNDEFINED, |json| from_json(&json))
}

fn read(text: &str, review: &mut Review<'_>) -> Option<Document> {
    let toml = match json::is_json(text).then(|| json::toml_of(text)) {
        None => std::borrow::Cow::Borrowed(text),
        Some(Ok(toml)) => toml.into(),
        Some(Err((span, what))) => {
            review.error(&span, what).fix("write it as JSON (RFC 8259), and leave out keys that have no value");
            return None;
        }
    };
    let error = match toml::from_str::<Document>(&toml) {
        Ok(document) => return Some(document),
        Err(error) => error,
    };
    let message = error.message();
    let span = error.span().unwrap_or(0..0);
    let words: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    let problem = review.error(&span, message.lines().next().unwrap_or_default());
    match words.split_first() {
        Some((unknown, known)) if message.starts_with("unknown ") => {
            problem
                .because("only keys of the format are allowed, so that a slip is no silence")
                .fix(did_you_mean(unknown, known.iter().copied()));
        }
        Some((missing, _)) if message.starts_with("missing field") => {
            problem.fix(format!("add `{missing} = …`"));
        }
        Some(_) | None => {
            problem.fix("docs/manifests.md has every block with its keys");
        }
    }
    None
}

fn head(document: &Document, review: &mut Review<'_>) {
    if *document.schema.get_ref() != SCHEMA {
        let what = format!("version {} of the format is not known", document.schema.get_ref());
        review.error(&document.schema.span(), what).fix(format!("write `schema = {SCHEMA}`, or use a newer muster"));
    }
    let id = document.id.get_ref();
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if id.is_empty() || !id.bytes().all(fits) || !id.starts_with(|first: char| first.is_ascii_lowercase()) {
        review
            .error(&document.id.span(), format!("`{id}` cannot be a connector's name"))
            .fix("use lower-case letters, digits and `-`, a letter first");
    }
    if crate::find(id).is_some() {
        review
            .error(&document.id.span(), format!("`{id}` is a connector that muster brings along"))
            .because("`connector = \"…\"` must mean one thing")
            .fix("choose another id");
    }
}

fn order(parents: &[Option<usize>]) -> Vec<usize> {
    let mut order: Vec<usize> = Vec::with_capacity(parents.len());
    while order.len() < parents.len() {
        let before = order.len();
        for (stream, parent) in parents.iter().enumerate() {
            let ready = parent.is_none_or(|parent| order.contains(&parent));
            if ready && !order.contains(&stream) {
                order.push(stream);
            }
        }
        if order.len() == before {
            break;
        }
    }
    order
}

fn maps(document: &Document) -> Value {
    let table = |words: &super::model::Table<toml::Spanned<String>>| {
        Value::from_object(Fields::new(
            words.iter().map(|(word, to)| (word.into(), Value::from(to.get_ref().as_str()))).collect(),
        ))
    };
    Value::from_object(Fields::new(document.map.iter().map(|(name, words)| (name.into(), table(words))).collect()))
}
