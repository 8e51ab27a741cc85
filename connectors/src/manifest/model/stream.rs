//! Lists to read, and the records their items become.

use std::time::Duration;

use jiff::SignedDuration;
use serde::{Deserialize, Deserializer};
use toml::Spanned;

use super::call::{Call, Ends, Target};
use super::paging::{Expired, Page};
use super::{Table, Templates};
use crate::manifest::expression::Expr;
use crate::manifest::template::{Node, Template};

/// `[stream.NAME]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(from = "StreamKeys")]
pub struct Stream {
    /// The call of the first page; `None` is refused at load.
    pub call: Option<Call>,
    /// Which way to sign in, when not the default.
    pub auth: Option<Spanned<String>>,
    /// The rows, in the reply: a list, or one object that is the only row. `.` is the whole reply.
    pub items: Option<Expr>,
    /// How it is paged; `None` is refused at load.
    pub page: Option<Page>,
    /// The stream whose items this one is read for.
    pub parent: Option<Spanned<String>>,
    /// What the parent's item is called here.
    pub alias: Option<Spanned<String>>,
    /// Which of the parent's items: over the parent's item, by its `as`.
    pub filter: Option<Expr>,
    /// Static partitions: every combination of values is read.
    pub over: Table<Vec<toml::Value>>,
    /// Several parents a call.
    pub batch: Option<Batch>,
    /// Whether its calls are carried by [`super::Bundle`], together with others.
    pub bundled: bool,
    /// Calls under way at once for this stream; the connection's limit holds as well.
    pub concurrency: Option<u32>,
    /// Units a call costs.
    pub cost: Option<u32>,
    /// How to read only what changed.
    pub delta: Option<Delta>,
    /// What reading it needs beyond `[access] read`: quoted in its gaps.
    pub needs: Vec<String>,
    /// Not every edition or token can read it, and `false` of this says so beforehand: over `config`.
    pub when: Option<Expr>,
    /// Why it is ordinary that the list is empty, where it is: told to people, and believed of a first reading.
    pub may_be_empty: Option<Spanned<String>>,
    /// Further keys of an item that are kept with its record. Those that expressions name are kept anyhow, and no other.
    pub raw: Vec<String>,
    /// What its items become.
    pub emit: Vec<Emit>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StreamKeys {
    get: Option<Template>,
    post: Option<Template>,
    list: Option<Template>,
    #[serde(default)]
    query: Templates,
    #[serde(default)]
    headers: Templates,
    body: Option<Node>,
    #[serde(default)]
    form: Templates,
    auth: Option<Spanned<String>>,
    items: Option<Expr>,
    page: Option<Page>,
    #[serde(rename = "for")]
    parent: Option<Spanned<String>>,
    #[serde(rename = "as")]
    alias: Option<Spanned<String>>,
    #[serde(rename = "where")]
    filter: Option<Expr>,
    #[serde(default)]
    over: Table<Vec<toml::Value>>,
    batch: Option<Batch>,
    #[serde(default)]
    bundled: bool,
    concurrency: Option<u32>,
    cost: Option<u32>,
    delta: Option<Delta>,
    #[serde(default)]
    needs: Vec<String>,
    when: Option<Expr>,
    may_be_empty: Option<Spanned<String>>,
    #[serde(default)]
    raw: Vec<String>,
    #[serde(default)]
    emit: Vec<Emit>,
}

impl From<StreamKeys> for Stream {
    fn from(keys: StreamKeys) -> Self {
        let StreamKeys { get, post, list, query, headers, body, form, .. } = keys;
        Self {
            call: Ends { get, post, list, query, headers, body, form }.call(),
            auth: keys.auth,
            items: keys.items,
            page: keys.page,
            parent: keys.parent,
            alias: keys.alias,
            filter: keys.filter,
            over: keys.over,
            batch: keys.batch,
            bundled: keys.bundled,
            concurrency: keys.concurrency,
            cost: keys.cost,
            delta: keys.delta,
            needs: keys.needs,
            when: keys.when,
            may_be_empty: keys.may_be_empty,
            raw: keys.raw,
            emit: keys.emit,
        }
    }
}

/// `batch = { size = 20, key = "team.id", join = "team_id" }`: `${batch}` in the call is the list of keys of up to `size` parents.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Batch {
    /// Parents a call at most.
    pub size: u32,
    /// What of the parent is asked for.
    pub key: Expr,
    /// What of an item names its parent by that key.
    pub join: Expr,
}

/// `delta = { … }`: reading only what changed since the last run, and laying it over what was there.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delta {
    /// What a row is known by from one reading to the next.
    pub key: Expr,
    /// Where the instant goes.
    pub into: Option<Target>,
    /// What goes there; `${since}` is the beginning of the last reading, by the server's clock, less the overlap.
    pub value: Option<Template>,
    /// Seconds that are read again.
    #[serde(default)]
    pub overlap_s: u32,
    /// Whether a row that changed comes with only the keys that did.
    #[serde(default)]
    pub partial: bool,
    /// Whether the changes tell whatever was deleted. Without it they never make a list complete.
    #[serde(default)]
    pub sees_deletes: bool,
    /// How often everything is read all the same: `24h`.
    pub full_every: Option<Spanned<String>>,
    /// Where the last reply gives the address of the next changes.
    pub link: Option<Expr>,
    /// Whether a row says that the object is gone.
    pub removed: Option<Expr>,
    /// Statuses that say that the address is too old: everything is read.
    #[serde(default, deserialize_with = "statuses")]
    pub expired: Expired,
}

impl Delta {
    /// How often everything is read all the same; `None` when it is not said, or not understood, which is refused at load.
    pub fn whole_every(&self) -> Option<Duration> {
        let every: SignedDuration = self.full_every.as_ref()?.get_ref().parse().ok()?;
        Duration::try_from(every).ok().filter(|every| !every.is_zero())
    }
}

fn statuses<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Expired, D::Error> {
    Ok(Expired { status: Vec::deserialize(deserializer)?, when: None })
}

/// `[[stream.NAME.emit]]`: `as` says the kind of record, the other keys are its fields, as expressions over the item.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "Table<Spanned<toml::Value>>")]
pub struct Emit {
    /// The kind of record, with its position: a variant of [`crate::record::Record`] in snake case.
    pub kind: Spanned<String>,
    /// Only of items of which this is true.
    pub when: Option<Expr>,
    /// One record for each element of this list, which is called `x`.
    pub each: Option<Expr>,
    /// Only adds values to records that other emits yield. When its stream is not read whole, these fields count as withheld
    /// and the population as complete.
    pub enriches: bool,
    /// Fields by name.
    pub fields: Table<Expr>,
}

impl TryFrom<Table<Spanned<toml::Value>>> for Emit {
    type Error = String;

    fn try_from(table: Table<Spanned<toml::Value>>) -> Result<Self, String> {
        let mut emit = Self {
            kind: Spanned::new(0..0, String::new()),
            when: None,
            each: None,
            enriches: false,
            fields: Table::default(),
        };
        let mut fields = Vec::new();
        for entry in table.into_entries() {
            let (name, span) = (entry.name.get_ref().clone(), entry.value.span());
            match (name.as_str(), entry.value.into_inner()) {
                ("enriches", toml::Value::Boolean(yes)) => emit.enriches = yes,
                ("enriches", _) => return Err("`enriches` is `true` or `false`".to_owned()),
                ("as", toml::Value::String(kind)) => emit.kind = Spanned::new(span, kind),
                ("when", toml::Value::String(source)) => emit.when = Some(Expr::unchecked(source, span)),
                ("each", toml::Value::String(source)) => emit.each = Some(Expr::unchecked(source, span)),
                (_, toml::Value::String(source)) => {
                    fields.push(super::Named { name: entry.name, value: Expr::unchecked(source, span) });
                }
                (_, other) => {
                    return Err(format!("`{name}` is an expression and so a text in quotes, as \"{other}\""));
                }
            }
        }
        if emit.kind.get_ref().is_empty() {
            return Err("what is emitted is not said; write `as = \"account\"`".to_owned());
        }
        emit.fields = Table::from_entries(fields);
        Ok(emit)
    }
}

/// `[[builtin]]`: a record that exists by definition, as an [`Emit`] over `config`, `tenant` and `identity` alone.
pub type Builtin = Emit;

/// `[[derive]]`: values that follow from all streams together.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Derive {
    /// The kind of record, as in `emit.as`.
    pub on: Spanned<String>,
    /// Streams that must be complete; else the values stay as they are and count as withheld.
    pub needs: Vec<Spanned<String>>,
    /// Only of records of which this is true: their fields can be named bare.
    #[serde(rename = "where")]
    pub filter: Option<Expr>,
    /// The values, over the record.
    pub set: Table<Expr>,
}

/// What an action is done to; also the name of the record in its expressions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Subject {
    /// `account`.
    Account,
    /// `account`, `group`, and `edge` with the membership itself.
    Membership,
    /// `account` or `group` that holds it, `entitlement`, `resource`, and `edge` with the grant itself.
    Grant,
    /// `credential`, its `account`, and `resource` where it is for one.
    Credential,
}

impl Subject {
    /// The subject as it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Membership => "membership",
            Self::Grant => "grant",
            Self::Credential => "credential",
        }
    }

    /// What bare names are fields of in an action's `where`.
    pub const fn bare(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Membership | Self::Grant => "edge",
            Self::Credential => "credential",
        }
    }
}
