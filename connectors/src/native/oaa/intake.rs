//! Records on their way out: each id once, each flaw named with its list and place.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;

use super::code;
use crate::ConnectorError;
use crate::native::csv::may_be_kept;
use crate::record::{Fact, IdKind, Raw, Record, RecordKind};
use crate::scope::Gap;
use crate::sink::Scope;

/// One scope while a payload is read into it.
#[derive(Debug)]
pub(super) struct Intake {
    scope: Scope,
    pub(super) id_kind: IdKind,
    path: String,
    cancel: CancellationToken,
    /// Ids that were pushed, with a hash of the entry they came from; `None` when they were taken back.
    seen: HashMap<(RecordKind, String), Option<blake::Digest>>,
}

/// Entries are compared by their text.
mod blake {
    use aws_lc_rs::digest::{SHA256, digest};

    pub(super) type Digest = [u8; 32];

    pub(super) fn of(text: &str) -> Digest {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest(&SHA256, text.as_bytes()).as_ref());
        bytes
    }
}

impl Intake {
    pub(super) fn new(scope: Scope, id_kind: IdKind, path: String, cancel: CancellationToken) -> Self {
        Self { scope, id_kind, path, cancel, seen: HashMap::new() }
    }

    /// The entries of a list that can be read, each with its place. Those that cannot cost `kinds` a row each.
    pub(super) fn entries<T: DeserializeOwned>(
        &mut self,
        list: &str,
        entries: Vec<Value>,
        kinds: &[RecordKind],
    ) -> Result<Vec<Entry<T>>, ConnectorError> {
        let mut read = Vec::with_capacity(entries.len());
        for (index, value) in entries.into_iter().enumerate() {
            if index % 1024 == 0 && self.cancel.is_cancelled() {
                return Err(ConnectorError::Stopped);
            }
            let place = format!("{list}[{index}]");
            let hash = blake::of(&value.to_string());
            let called = ["id", "identity", "name"]
                .iter()
                .filter_map(|key| value.get(key).and_then(Value::as_str).map(str::to_owned))
                .collect::<Vec<_>>();
            match serde_json::from_value(value) {
                Ok(told) => read.push(Entry { told, place, at: index as u64, hash }),
                Err(error) => {
                    let gap = Gap::new(code::ENTRY, format!("`{place}` cannot be read"))
                        .cause(error.to_string())
                        .fix("correct the integration that writes it")
                        .at(format!("{}:{place}", self.path));
                    let gap = if called.is_empty() { gap } else { gap.only(called) };
                    for kind in kinds {
                        self.scope.gap(*kind, gap.clone());
                    }
                }
            }
        }
        Ok(read)
    }

    /// An entry without a name or id.
    pub(super) fn nameless(&mut self, place: &str, kinds: &[RecordKind]) {
        let gap = Gap::new(code::ENTRY, format!("`{place}` has neither id nor name"))
            .cause("nothing else in the payload could mean it")
            .fix("correct the integration that writes it")
            .at(format!("{}:{place}", self.path));
        for kind in kinds {
            self.scope.gap(*kind, gap.clone());
        }
    }

    /// Pushes the record of an entry, unless its id was there before: the same entry again is left out, another one with
    /// that id takes both back.
    pub(super) fn push_once<T>(
        &mut self,
        kind: RecordKind,
        id: &str,
        of: &Entry<T>,
        record: Record,
    ) -> Result<bool, ConnectorError> {
        match self.seen.get(&(kind, id.to_owned())) {
            None => {
                self.seen.insert((kind, id.to_owned()), Some(of.hash));
                self.push(record)?;
                return Ok(true);
            }
            Some(Some(hash)) if *hash == of.hash => self.scope.repeat(kind),
            Some(before) => {
                if before.is_some() {
                    self.scope.withdraw(kind, id);
                    self.seen.insert((kind, id.to_owned()), None);
                }
                let gap = Gap::new(
                    code::TWICE,
                    format!("`{}` has the id of an earlier entry, `{id}`, and says otherwise", of.place),
                )
                .cause("ids are not unique, or the payload was put together from two readings")
                .fix("give every entry an `id`, or write the payload again")
                .at(format!("{}:{}", self.path, of.place))
                .only(vec![id.to_owned()]);
                self.scope.gap(kind, gap);
            }
        }
        Ok(false)
    }

    pub(super) fn push(&mut self, record: Record) -> Result<(), ConnectorError> {
        Ok(self.scope.push_blocking(record)?)
    }

    /// A name that nothing in the payload bears.
    pub(super) fn unknown(&mut self, kind: RecordKind, place: &str, what: &str, name: &str, of: &str) {
        let gap =
            Gap::new(code::NAME, format!("`{place}` names the {what} `{name}`, which the payload does not describe"))
                .cause("the payload is not whole, or the name is written otherwise there")
                .fix("correct the integration that writes it")
                .at(format!("{}:{place}", self.path))
                .only(vec![of.to_owned()]);
        self.scope.gap(kind, gap);
    }

    /// Anything else that costs one record.
    pub(super) fn gap(&mut self, kind: RecordKind, place: &str, what: String, cause: &str, fix: &str, of: &str) {
        let gap = Gap::new(code::NAME, what).cause(cause).fix(fix).at(format!("{}:{place}", self.path));
        self.scope.gap(kind, gap.only(vec![of.to_owned()]));
    }

    /// An instant that an entry tells.
    pub(super) fn instant(
        &mut self,
        kind: RecordKind,
        place: &str,
        field: &str,
        told: Option<&str>,
        of: &str,
    ) -> Fact<Timestamp> {
        match told.map(str::trim).filter(|told| !told.is_empty()).map(str::parse) {
            None => Fact::Unsupported,
            Some(Ok(instant)) => Fact::Known(instant),
            Some(Err(error)) => {
                let error: jiff::Error = error;
                let gap =
                    Gap::new(code::ENTRY, format!("`{place}.{field}` is no instant: `{}`", told.unwrap_or_default()))
                        .cause(error.to_string())
                        .fix("write instants as 2026-03-01T04:00:00Z")
                        .at(format!("{}:{place}", self.path))
                        .only(vec![of.to_owned()]);
                self.scope.gap(kind, gap);
                Fact::Unreadable
            }
        }
    }

    /// The tenant's own name for itself.
    pub(super) fn tenant(&mut self, name: &str) {
        self.scope.tenant(name);
    }

    pub(super) fn finish(self) -> Result<(), ConnectorError> {
        Ok(self.scope.finish_blocking()?)
    }
}

/// An entry of a list.
#[derive(Debug)]
pub(super) struct Entry<T> {
    pub(super) told: T,
    /// `local_users[3]`
    pub(super) place: String,
    at: u64,
    hash: blake::Digest,
}

impl<T> Entry<T> {
    /// Its place among its list, from 1.
    pub(super) fn raw(&self) -> Raw {
        Raw::At(self.at + 1)
    }
}

/// Custom properties that may be kept as evidence.
pub(super) fn attributes(properties: Option<Map<String, Value>>) -> BTreeMap<String, String> {
    let plain = |value: Value| match value {
        Value::String(text) => (!text.is_empty()).then_some(text),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    };
    let kept = properties.unwrap_or_default().into_iter().filter(|(name, _)| may_be_kept(name));
    kept.filter_map(|(name, value)| Some((name, plain(value)?))).collect()
}
