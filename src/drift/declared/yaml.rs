//! YAML as Kubernetes' tools write it: several documents of plain data.
//!
//! Refused, each with its place: aliases and merge keys (a few of them unfold to more than any memory), tags, a key twice in one
//! mapping, keys that are no text, and nesting beyond [`DEEPEST`]. JSON is read as the YAML it is.

use saphyr_parser::{Event, Marker, Parser, ScalarStyle};
use serde_json::{Map, Value};

/// Levels of nesting; Kubernetes' own objects have less than thirty.
const DEEPEST: usize = 100;

/// A document that is not empty.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Document {
    /// What it says.
    pub(super) value: Value,
    /// Line on which it begins.
    pub(super) line: usize,
}

/// What is open.
enum Frame {
    List(Vec<Value>),
    /// With the key that waits for its value.
    Mapping(Map<String, Value>, Option<String>),
}

/// Reads every document.
///
/// # Errors
/// What cannot be read, with line and column.
pub(super) fn documents(text: &str) -> Result<Vec<Document>, String> {
    // Charts are no YAML before they are rendered.
    let is_template = text.contains("{{");
    read(text).map_err(|why| {
        if is_template {
            return format!("{why}; it looks like a template: render it first (`helm template`)");
        }
        why
    })
}

fn read(text: &str) -> Result<Vec<Document>, String> {
    let (mut found, mut open, mut line) = (Vec::new(), Vec::new(), 1);
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| at(*error.marker(), error.info()))?;
        let refuse = |why: &str| Err(at(span.start, why));
        let value = match event {
            Event::Alias(_) => return refuse("aliases (`*name`) are not read: write out what it stands for"),
            Event::Scalar(_, _, _, Some(_)) | Event::SequenceStart(_, Some(_)) | Event::MappingStart(_, Some(_)) => {
                return refuse("tags (`!name`) are not read: write plain data");
            }
            Event::SequenceStart(_, None) | Event::MappingStart(_, None) => {
                if open.len() == DEEPEST {
                    return refuse("it is nested too deeply");
                }
                if let Some(Frame::Mapping(_, None)) = open.last() {
                    return refuse("a key has to be a text");
                }
                if open.is_empty() {
                    line = span.start.line();
                }
                let is_list = matches!(event, Event::SequenceStart(..));
                open.push(if is_list { Frame::List(Vec::new()) } else { Frame::Mapping(Map::new(), None) });
                continue;
            }
            Event::Scalar(text, style, _, None) => {
                if let Some(Frame::Mapping(mapping, key @ None)) = open.last_mut() {
                    if text == "<<" {
                        return refuse("merge keys (`<<`) are not read: write out what is merged");
                    }
                    if mapping.contains_key(text.as_ref()) {
                        return refuse(&format!("the key `{text}` is there twice"));
                    }
                    *key = Some(text.into_owned());
                    continue;
                }
                if open.is_empty() {
                    line = span.start.line();
                }
                if style == ScalarStyle::Plain { plain(&text) } else { Value::String(text.into_owned()) }
            }
            Event::SequenceEnd | Event::MappingEnd => match open.pop() {
                Some(Frame::List(list)) => Value::Array(list),
                Some(Frame::Mapping(mapping, _)) => Value::Object(mapping),
                None => continue,
            },
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) | Event::DocumentEnd => {
                continue;
            }
        };
        match open.last_mut() {
            Some(Frame::List(list)) => list.push(value),
            Some(Frame::Mapping(mapping, key)) => {
                mapping.insert(key.take().unwrap_or_default(), value);
            }
            None if value.is_null() => {}
            None => found.push(Document { value, line }),
        }
    }
    Ok(found)
}

fn at(mark: Marker, why: &str) -> String {
    format!("line {}, column {}: {why}", mark.line(), mark.col() + 1)
}

/// A scalar without quotes, by the core schema of YAML 1.2.
fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        other => match other.parse::<i64>() {
            Ok(number) => Value::from(number),
            Err(_no_whole_number) => Value::String(other.to_owned()),
        },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn documents_lists_and_scalars_are_read() {
        let text =
            "# one\na: 1\nb: [x, \"1\", ~, true]\n---\n---\n{\"c\": {\"d\": \"e\"}}\n...\n---\n- |\n  two\n  lines\n";
        let read = documents(text).unwrap();
        let values: Vec<&Value> = read.iter().map(|document| &document.value).collect();
        assert_eq!(
            values,
            [&json!({"a": 1, "b": ["x", "1", null, true]}), &json!({"c": {"d": "e"}}), &json!(["two\nlines\n"])]
        );
        assert_eq!(read.iter().map(|document| document.line).collect::<Vec<_>>(), [2, 6, 9]);
        assert_eq!(documents("").unwrap(), []);
    }

    #[test]
    fn what_is_dangerous_or_broken_is_refused_at_its_place() {
        let deep = "[".repeat(200);
        for (text, why) in [
            ("a: &x [1]\nb: *x\n", "line 2, column 4: aliases"),
            ("a: {b: 1}\n<<: {c: 1}\n", "line 2, column 1: merge keys"),
            ("a: !!binary aGk=\n", "tags"),
            ("a: !Ref x\n", "tags"),
            ("a: 1\nb: 2\na: 3\n", "line 3, column 1: the key `a` is there twice"),
            ("? [a]\n: 1\n", "a key has to be a text"),
            (deep.as_str(), "nested too deeply"),
            ("a: [1\n", "line "),
            ("name: {{ .Values.name }}\n", "render it first"),
            ("a: {{- if x }}\n  b: 'c\n", "render it first"),
        ] {
            let error = documents(text).unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}
