//! Changes that can be made, with their checks and their way back.

use serde::Deserialize;
use toml::Spanned;

use super::Templates;
use super::call::{Call, Ends, Method};
use super::paging::Status;
use super::stream::Subject;
use crate::manifest::expression::Expr;
use crate::manifest::template::{Node, Template};

/// `[action.NAME]`: declared and testable; carried out only by `apply`, which the transport lets through for nobody else.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Action {
    /// What it is done to.
    pub on: Subject,
    /// Only to those of which this is true.
    #[serde(rename = "where")]
    pub filter: Option<Expr>,
    /// What it costs to be wrong.
    pub risk: Spanned<Risk>,
    /// What is lost although it is undone; required when `lossy`.
    pub loss: Option<String>,
    /// Scopes that it needs beyond reading.
    #[serde(default)]
    pub needs: Vec<String>,
    /// What must be true of the fresh state.
    #[serde(default)]
    pub guard: Vec<Expr>,
    /// What is read first; its reply is called as `as` says.
    pub read: Option<Reading>,
    /// The change.
    pub call: Call,
    /// Statuses that say it was done; any 2xx when left out.
    #[serde(default)]
    pub ok: Vec<Status>,
    /// Statuses that say there was nothing to do.
    #[serde(default)]
    pub already: Vec<Status>,
    /// Nothing to do when this is true of the fresh state.
    pub already_if: Option<Expr>,
    /// Refused when this is true of the fresh state.
    pub refuse_if: Option<Expr>,
    /// How it is seen that it was done.
    pub verify: Option<Verify>,
    /// The way back.
    pub undo: Option<Undo>,
    /// Which way to sign in, when not the default.
    pub auth: Option<Spanned<String>>,
}

/// What it costs to be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Risk {
    /// The way back leads to the same state.
    Reversible,
    /// The way back leads near it.
    Lossy,
    /// There is none. Needs a flag of its own.
    Irreversible,
}

/// `read = { get = "…", as = "now" }`.
#[derive(Debug, Clone, Deserialize)]
#[serde(from = "ReadingKeys")]
pub struct Reading {
    /// The call; `None` is refused at load.
    pub call: Option<Call>,
    /// What the reply is called.
    pub alias: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReadingKeys {
    get: Option<Template>,
    post: Option<Template>,
    #[serde(default)]
    query: Templates,
    #[serde(default)]
    headers: Templates,
    body: Option<Node>,
    #[serde(default)]
    form: Templates,
    #[serde(rename = "as")]
    alias: Spanned<String>,
}

impl From<ReadingKeys> for Reading {
    fn from(keys: ReadingKeys) -> Self {
        let ReadingKeys { get, post, query, headers, body, form, alias } = keys;
        Self { call: Ends { get, post, list: None, query, headers, body, form }.call(), alias }
    }
}

/// `verify = { get = "…", gone = [404] }` or `{ get = "…", expect = "…" }`.
#[derive(Debug, Clone, Deserialize)]
#[serde(from = "VerifyKeys")]
pub struct Verify {
    /// The call; `None` is refused at load.
    pub call: Option<Call>,
    /// Statuses that prove it.
    pub gone: Vec<Status>,
    /// What of the reply proves it.
    pub expect: Option<Expr>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct VerifyKeys {
    get: Option<Template>,
    post: Option<Template>,
    #[serde(default)]
    query: Templates,
    #[serde(default)]
    headers: Templates,
    body: Option<Node>,
    #[serde(default)]
    form: Templates,
    #[serde(default)]
    gone: Vec<Status>,
    expect: Option<Expr>,
}

impl From<VerifyKeys> for Verify {
    fn from(keys: VerifyKeys) -> Self {
        let VerifyKeys { get, post, query, headers, body, form, gone, expect } = keys;
        Self { call: Ends { get, post, list: None, query, headers, body, form }.call(), gone, expect }
    }
}

/// `undo = { method = "PUT", path = "…", body = { … }, note = "…" }`.
#[derive(Debug, Clone, Deserialize)]
#[serde(from = "UndoKeys")]
pub struct Undo {
    /// The call.
    pub call: Call,
    /// What a person must know of it.
    pub note: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UndoKeys {
    method: Method,
    path: Option<Template>,
    url: Option<Template>,
    #[serde(default)]
    query: Templates,
    #[serde(default)]
    headers: Templates,
    body: Option<Node>,
    #[serde(default)]
    form: Templates,
    note: Option<String>,
}

impl From<UndoKeys> for Undo {
    fn from(keys: UndoKeys) -> Self {
        let UndoKeys { method, path, url, query, headers, body, form, note } = keys;
        Self { call: Call { method, path, url, query, headers, body, form }, note }
    }
}
