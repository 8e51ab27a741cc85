//! JSON as expressions see it: converted once, then shared without copying.
//!
//! A key that is `null` gives MiniJinja's `none`; a key that is not there gives its *undefined*. Both are null to whoever asks
//! (`is none`, `default`), but only the first is the source saying "there is none": [`super::filters`] turn it into
//! [`Fact::Never`](crate::record::Fact::Never), and never the second.

mod json;

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use minijinja::value::{DynObject, Enumerator, Object, ObjectRepr, ValueKind};
use serde_json::Value as Json;

pub(super) use self::json::written_of;
pub use self::json::{from_json, from_slice, written};
use crate::record::FactState;

/// A value of an expression.
pub type Value = minijinja::Value;

/// A value as JSON; what is undefined becomes `null`, an instant its RFC 3339 text.
pub fn to_json(value: &Value) -> Json {
    match value.kind() {
        ValueKind::Bool => Json::Bool(value.is_true()),
        ValueKind::Number => value
            .as_i64()
            .map(Json::from)
            .or_else(|| u64::try_from(value.clone()).ok().map(Json::from))
            .or_else(|| f64::try_from(value.clone()).ok().map(Json::from))
            .unwrap_or(Json::Null),
        ValueKind::String => Json::String(value.as_str().unwrap_or_default().to_owned()),
        ValueKind::Seq | ValueKind::Iterable => {
            Json::Array(value.try_iter().into_iter().flatten().map(|element| to_json(&element)).collect())
        }
        ValueKind::Map => {
            let keys = value.try_iter().into_iter().flatten();
            let pairs =
                keys.map(|key| (key.to_string(), value.get_item(&key).map_or(Json::Null, |value| to_json(&value))));
            Json::Object(pairs.collect())
        }
        ValueKind::Plain if instant(value).is_some() => Json::String(value.to_string()),
        _ => Json::Null,
    }
}

/// Whether there is nothing: null in the source, or not there at all.
pub fn is_null(value: &Value) -> bool {
    value.is_undefined() || value.is_none()
}

/// Text of a text, number, truth or instant; `None` of anything else.
pub fn text(value: &Value) -> Option<String> {
    match value.kind() {
        ValueKind::String => value.as_str().map(str::to_owned),
        ValueKind::Number | ValueKind::Bool => Some(value.to_string()),
        ValueKind::Plain if instant(value).is_some() => Some(value.to_string()),
        _ => None,
    }
}

/// An object of the source: names with values, sorted by name. Objects with the same names share them.
#[derive(Debug)]
pub struct Fields {
    names: Arc<[Box<str>]>,
    /// As many as there are names.
    values: Box<[Value]>,
}

impl Fields {
    /// An object of these fields; of two with one name the later counts, as in JSON.
    pub fn new(mut fields: Vec<(Box<str>, Value)>) -> Self {
        fields.sort_by(|a, b| a.0.cmp(&b.0));
        fields.dedup_by(|later, earlier| {
            let same = later.0 == earlier.0;
            if same {
                std::mem::swap(later, earlier);
            }
            same
        });
        let (names, values): (Vec<Box<str>>, Vec<Value>) = fields.into_iter().unzip();
        Self { names: names.into(), values: values.into() }
    }

    /// The field called `name`.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.names.binary_search_by(|known| (**known).cmp(name)).ok().map(|found| &self.values[found])
    }

    /// Names and values, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.names.iter().map(|name| &**name).zip(&self.values)
    }
}

impl Object for Fields {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Map
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get(key.as_str()?).cloned()
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        self.get(key).cloned()
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.names.iter().map(|name| Value::from(&**name)).collect())
    }

    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        Some(self.names.len())
    }
}

/// An instant. Ordered by time; written as RFC 3339.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Instant(pub Timestamp);

impl Object for Instant {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn is_true(self: &Arc<Self>) -> bool {
        true
    }

    fn custom_cmp(self: &Arc<Self>, other: &DynObject) -> Option<std::cmp::Ordering> {
        other.downcast_ref::<Self>().map(|other| self.0.cmp(&other.0))
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// The instant that a value is.
pub fn instant(value: &Value) -> Option<Timestamp> {
    value.downcast_object_ref::<Instant>().map(|instant| instant.0)
}

/// A value that says why there is none: `never`, `none`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stated(pub FactState);

impl Object for Stated {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn is_true(self: &Arc<Self>) -> bool {
        false
    }

    fn custom_cmp(self: &Arc<Self>, other: &DynObject) -> Option<std::cmp::Ordering> {
        other.downcast_ref::<Self>().map(|other| self.0.cmp(&other.0))
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str())
    }
}

/// The state that a value is.
pub fn stated(value: &Value) -> Option<FactState> {
    value.downcast_object_ref::<Stated>().map(|stated| stated.0)
}

/// A word that a `[map.*]` without `_` does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unmapped {
    /// The table.
    pub table: Box<str>,
    /// The word, as the source has it.
    pub word: Box<str>,
}

impl Object for Unmapped {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn is_true(self: &Arc<Self>) -> bool {
        false
    }

    fn custom_cmp(self: &Arc<Self>, other: &DynObject) -> Option<std::cmp::Ordering> {
        other.downcast_ref::<Self>().map(|other| self.word.cmp(&other.word))
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("unknown")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_survives_the_way_there_and_back() {
        let text = r#"{"a":null,"b":[1,-2,18446744073709551615,1.5,true,"x"],"c":{"@odata.id":"y"},"z":"é"}"#;
        let value = from_slice(text.as_bytes()).unwrap();
        assert_eq!(to_json(&value).to_string(), text);
        assert_eq!(to_json(&from_json(&serde_json::from_str(text).unwrap())).to_string(), text);
        assert_eq!(written(&value), text);
    }

    #[test]
    fn null_and_missing_are_told_apart_and_the_later_of_two_keys_counts() {
        let value = from_slice(br#"{"a":null,"b":1,"b":2}"#).unwrap();
        assert!(value.get_attr("a").unwrap().is_none());
        assert!(value.get_attr("nothing").unwrap().is_undefined());
        assert_eq!(value.get_attr("b").unwrap().as_i64(), Some(2));
    }

    #[test]
    fn deep_nesting_and_trailing_bytes_are_refused() {
        assert!(from_slice("[".repeat(100_000).as_bytes()).is_err());
        assert!(from_slice(b"{} x").is_err());
    }
}
