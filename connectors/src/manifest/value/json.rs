//! JSON in and out of [`Value`]s, in one pass each.
//!
//! The rows of a list have the same keys in the same order, row after row. A document therefore remembers the orders of keys it
//! has met ([`Shapes`]): the second row costs no name and no sorting, and shares the names of the first.

use std::cell::RefCell;
use std::fmt;
use std::io::Write as _;
use std::sync::Arc;

use minijinja::value::ValueKind;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value as Json;

use super::{Fields, Value, instant};

/// A JSON document read straight into a [`Value`].
///
/// # Errors
/// Whatever is wrong with the JSON; nesting beyond 127 levels is.
pub fn from_slice(bytes: &[u8]) -> Result<Value, serde_json::Error> {
    let shapes = RefCell::new(Shapes::default());
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = Seed(&shapes).deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(value)
}

/// The value of parsed JSON.
pub fn from_json(json: &Json) -> Value {
    Seed(&RefCell::new(Shapes::default())).deserialize(json).unwrap_or(Value::UNDEFINED)
}

/// A value as the text of its JSON: what [`to_json`](super::to_json) gives, written without it.
pub fn written(value: &Value) -> String {
    let mut text = Vec::new();
    write(value, &mut text);
    String::from_utf8(text).expect("JSON of texts is text")
}

/// [`written`], of the fields of an object that `keep` wants.
pub(in crate::manifest) fn written_of(fields: &Fields, keep: impl Fn(&str) -> bool) -> String {
    let mut text = Vec::with_capacity(256);
    object(fields.iter().filter(|(name, _)| keep(name)), &mut text);
    String::from_utf8(text).expect("JSON of texts is text")
}

fn write(value: &Value, out: &mut Vec<u8>) {
    // Writing to memory does not fail.
    match value.kind() {
        ValueKind::Bool => out.extend_from_slice(if value.is_true() { b"true" } else { b"false" }),
        ValueKind::Number => {
            let _ = match value.as_i64() {
                Some(number) => write!(out, "{number}"),
                None => match u64::try_from(value.clone()) {
                    Ok(number) => write!(out, "{number}"),
                    Err(_) => return plain(&f64::try_from(value.clone()).ok(), out),
                },
            };
        }
        ValueKind::String => plain(&value.as_str().unwrap_or_default(), out),
        ValueKind::Seq | ValueKind::Iterable => {
            out.push(b'[');
            for (place, element) in value.try_iter().into_iter().flatten().enumerate() {
                if place > 0 {
                    out.push(b',');
                }
                write(&element, out);
            }
            out.push(b']');
        }
        ValueKind::Map => match value.downcast_object_ref::<Fields>() {
            Some(fields) => object(fields.iter(), out),
            None => plain(&super::to_json(value), out),
        },
        ValueKind::Plain if instant(value).is_some() => plain(&value.to_string(), out),
        _ => out.extend_from_slice(b"null"),
    }
}

fn object<'a>(fields: impl Iterator<Item = (&'a str, &'a Value)>, out: &mut Vec<u8>) {
    out.push(b'{');
    for (place, (name, value)) in fields.enumerate() {
        if place > 0 {
            out.push(b',');
        }
        plain(&name, out);
        out.push(b':');
        write(value, out);
    }
    out.push(b'}');
}

fn plain(value: &impl serde::Serialize, out: &mut Vec<u8>) {
    let _ = serde_json::to_writer(out, value);
}

/// Orders of keys that a document's objects came in, as a tree of steps from one key to the next.
#[derive(Debug)]
struct Shapes {
    steps: Vec<Step>,
    /// Values of the objects that are being read, the innermost last.
    values: Vec<Value>,
}

/// A key, after those that led to it.
#[derive(Debug, Default)]
struct Step {
    name: Box<str>,
    before: usize,
    /// Steps that follow and are remembered.
    next: Vec<usize>,
    /// The objects that end here.
    shape: Option<Shape>,
}

/// What objects with the same keys in the same order share.
#[derive(Debug, Clone)]
struct Shape {
    /// Sorted.
    names: Arc<[Box<str>]>,
    /// Where among them each key stands, in the order they were read; `None` when that is the same.
    places: Option<Arc<[usize]>>,
}

/// Steps that are remembered after one: objects whose keys are data (ids, addresses) are read, and not looked for.
const REMEMBERED: usize = 16;

impl Default for Shapes {
    fn default() -> Self {
        Self { steps: vec![Step::default()], values: Vec::new() }
    }
}

impl Shapes {
    /// The step from `at` by `key`.
    fn step(&mut self, at: usize, key: &str) -> usize {
        let next = &self.steps[at].next;
        if let Some(known) = next.iter().find(|step| *self.steps[**step].name == *key) {
            return *known;
        }
        let step = self.steps.len();
        if next.len() < REMEMBERED {
            self.steps[at].next.push(step);
        }
        self.steps.push(Step { name: key.into(), before: at, ..Step::default() });
        step
    }

    /// The object whose keys end at `at`, and whose values are those from the `first` on.
    fn object(&mut self, at: usize, first: usize) -> Fields {
        let Shape { names, places } = if let Some(shape) = &self.steps[at].shape {
            shape.clone()
        } else {
            let shape = self.shape(at);
            self.steps[at].shape = Some(shape.clone());
            shape
        };
        let read = self.values.drain(first..);
        let values = match places {
            None => read.collect(),
            Some(places) => {
                // Of two with one name the later counts.
                let mut sorted = vec![Value::UNDEFINED; names.len()].into_boxed_slice();
                for (place, value) in places.iter().zip(read) {
                    sorted[*place] = value;
                }
                sorted
            }
        };
        Fields { names, values }
    }

    fn shape(&self, mut at: usize) -> Shape {
        let mut read: Vec<&str> = Vec::new();
        while at != 0 {
            read.push(&self.steps[at].name);
            at = self.steps[at].before;
        }
        read.reverse();
        let mut names: Vec<Box<str>> = read.iter().map(|name| Box::from(*name)).collect();
        names.sort_unstable();
        names.dedup();
        let place = |name: &&str| names.binary_search_by(|known| (**known).cmp(name)).unwrap_or_default();
        let places: Vec<usize> = read.iter().map(place).collect();
        let same = places.iter().enumerate().all(|(read, place)| read == *place);
        Shape { names: names.into(), places: (!same).then(|| places.into()) }
    }
}

#[derive(Clone, Copy)]
struct Seed<'a>(&'a RefCell<Shapes>);

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(i64::try_from(value).map_or_else(|_| Value::from(value), Value::from))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::from(()))
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::from(()))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut values: Vec<Value> = Vec::new();
        while let Some(value) = seq.next_element_seed(self)? {
            values.push(value);
        }
        Ok(Value::from(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let (mut at, first) = (0, self.0.borrow().values.len());
        while let Some(step) = map.next_key_seed(Key(self.0, at))? {
            at = step;
            let value = map.next_value_seed(self)?;
            self.0.borrow_mut().values.push(value);
        }
        Ok(Value::from_object(self.0.borrow_mut().object(at, first)))
    }
}

/// A key after those that led to the step.
struct Key<'a>(&'a RefCell<Shapes>, usize);

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = usize;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<usize, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = usize;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<usize, E> {
        Ok(self.0.borrow_mut().step(self.1, key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_one_shape_share_their_names_whatever_stands_between_them() {
        let value =
            from_slice(br#"[{"b":1,"a":{"y":1,"x":2}},{},{"a":3},{"b":4,"a":{"y":5,"x":6}},{"a":7,"b":8}]"#).unwrap();
        let rows: Vec<Value> = value.try_iter().unwrap().collect();
        let names = |row: &Value| Arc::clone(&row.downcast_object_ref::<Fields>().unwrap().names);
        assert!(Arc::ptr_eq(&names(&rows[0]), &names(&rows[3])));
        assert_eq!(names(&rows[0]), names(&rows[4]));
        let told = r#"[{"a":{"x":2,"y":1},"b":1},{},{"a":3},{"a":{"x":6,"y":5},"b":4},{"a":7,"b":8}]"#;
        assert_eq!(written(&value), told);
    }

    #[test]
    fn objects_whose_keys_are_data_are_read_as_well() {
        let rows: Vec<String> = (0..100).map(|n| format!(r#"{{"k{n}":{n},"v":1}}"#)).collect();
        let text = format!("[{}]", rows.join(","));
        assert_eq!(written(&from_slice(text.as_bytes()).unwrap()), text);
    }

    #[test]
    fn what_is_written_is_the_json_of_the_value() {
        for text in [
            r#"{"a":"q\"\\\n\u0001é","b":[],"c":[[],{}],"d":-1,"e":18446744073709551615,"f":1.5,"g":1e300,"h":null,"i":false}"#,
            r#""x""#,
            "[1,2.25,null]",
        ] {
            let value = from_slice(text.as_bytes()).unwrap();
            assert_eq!(written(&value), super::super::to_json(&value).to_string());
        }
        assert_eq!(written(&Value::UNDEFINED), "null");
    }
}
