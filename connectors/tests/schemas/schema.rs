//! JSON Schema out of the schemas of OpenAPI 3, of Swagger 2 and of what is converted to them.
//!
//! JSON Schema lets objects have what nobody described. [`undescribed`] finds that: a field that is in none of the parts and
//! alternatives of a schema which names fields at all.

use std::collections::BTreeMap;

use jsonschema::error::ValidationErrorKind;
use jsonschema::{Draft, ValidationError, Validator};
use serde_json::{Map, Value, json};

/// Keywords that mean the same in both.
const SAME: [&str; 15] = [
    "type",
    "enum",
    "const",
    "format",
    "pattern",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "uniqueItems",
    "minProperties",
    "maxProperties",
    "multipleOf",
];

/// A validator for values of a schema that stands somewhere in this description.
pub(crate) fn validator(description: &Value, schema: &Value) -> Validator {
    let mut converting = Converting { description, named: BTreeMap::new() };
    let mut root = converting.converted(schema);
    root["$defs"] = Value::Object(converting.named.into_iter().collect());
    let options = jsonschema::options().with_draft(Draft::Draft202012).should_validate_formats(true);
    // Ids in our exchanges are short, so that people can read them.
    let options = options.with_format("uuid", |_: &str| true);
    options.build(&root).unwrap_or_else(|error| panic!("{error}: {schema}"))
}

/// What is wrong with a value, with its place; of several alternatives the one that comes closest.
pub(crate) fn problems(validator: &Validator, value: &Value) -> Vec<String> {
    validator.iter_errors(value).map(|error| told(&error)).collect()
}

fn told(error: &ValidationError<'_>) -> String {
    if let ValidationErrorKind::AnyOf { context } = error.kind() {
        let depth = |error: &&ValidationError<'_>| error.instance_path().as_str().matches('/').count();
        // Whether a value is null is no near miss.
        let near = context.iter().flatten().filter(|error| !error.to_string().ends_with("is not of type \"null\""));
        if let Some(near) = near.max_by_key(depth) {
            return told(near);
        }
    }
    let what = error.to_string();
    let from = what.char_indices().rev().nth(160).map_or(0, |(at, _)| at);
    format!("{}: {}", rows(error.instance_path().as_str()), &what[from..])
}

/// A place, whatever the row.
fn rows(place: &str) -> String {
    let pieces = place.split('/').map(|piece| if piece.parse::<u32>().is_ok() { "*" } else { piece });
    pieces.collect::<Vec<_>>().join("/")
}

/// Fields of a value that its schema does not describe, each with its place.
pub(crate) fn undescribed(description: &Value, schema: &Value, value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    search(description, &[schema], value, "", &mut found);
    found.iter().map(|place| format!("{}: it is not described", rows(place))).collect()
}

/// What is said of one value, by all that may be said of it.
#[derive(Default)]
struct Said<'a> {
    parts: Vec<&'a Value>,
    /// Whether an alternative says nothing of the fields.
    silent: bool,
}

impl<'a> Said<'a> {
    fn add(&mut self, description: &'a Value, schema: &'a Value, alternative: bool) {
        if self.parts.iter().any(|known| std::ptr::eq(*known, schema)) {
            return;
        }
        self.parts.push(schema);
        let mut made = false;
        if let Some(found) = schema["$ref"].as_str().and_then(|reference| target(description, reference)) {
            made = true;
            self.add(description, found, alternative);
        }
        let unnamed = (schema["type"] != "array").then_some("items");
        for key in ["allOf", "oneOf", "anyOf"].into_iter().chain(unnamed) {
            for part in schema[key].as_array().into_iter().flatten() {
                made = true;
                self.add(description, part, alternative || key != "allOf");
            }
        }
        let any = schema["type"].is_null() || schema["type"] == "object";
        self.silent |= alternative && !made && any && !schema["properties"].is_object();
    }
}

fn search(description: &Value, schemas: &[&Value], value: &Value, at: &str, found: &mut Vec<String>) {
    let mut said = Said::default();
    for schema in schemas {
        said.add(description, schema, false);
    }
    let parts = &said.parts;
    match value {
        Value::Array(rows) => {
            let several = |part: &&&Value| part["type"] == "array" && part["items"].is_array();
            let alternatives = parts.iter().filter(several).flat_map(|part| part["items"].as_array().unwrap());
            let items = parts.iter().map(|part| &part["items"]).filter(|items| items.is_object());
            let items: Vec<&Value> = items.chain(alternatives).collect();
            for (number, row) in rows.iter().enumerate().filter(|_| !items.is_empty()) {
                search(description, &items, row, &format!("{at}/{number}"), found);
            }
        }
        Value::Object(fields) => {
            let names_fields = parts.iter().any(|part| part["properties"].as_object().is_some_and(|it| !it.is_empty()));
            let more = parts.iter().map(|part| &part["additionalProperties"]);
            let more: Vec<&Value> = more.filter(|more| more.is_object() || **more == true).collect();
            for (name, value) in fields {
                let place = format!("{at}/{name}");
                let own: Vec<&Value> = parts.iter().filter_map(|part| part["properties"].get(name)).collect();
                let patterns = parts.iter().filter_map(|part| part["patternProperties"].as_object()).flatten();
                if !own.is_empty() {
                    search(description, &own, value, &place, found);
                } else if !more.is_empty() {
                    search(description, &more, value, &place, found);
                } else if names_fields && !said.silent && !patterns.into_iter().any(|(part, _)| name.contains(part)) {
                    found.push(place);
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

struct Converting<'a> {
    description: &'a Value,
    named: BTreeMap<String, Value>,
}

impl Converting<'_> {
    fn converted(&mut self, schema: &Value) -> Value {
        let Some(keys) = schema.as_object() else { return json!(true) };
        let mut out = Map::new();
        if let Some(reference) = schema["$ref"].as_str() {
            out.insert("$ref".to_owned(), json!(format!("#/$defs/{}", self.name(reference))));
        }
        for key in SAME {
            out.extend(keys.get(key).map(|value| (key.to_owned(), value.clone())));
        }
        for (limit, of) in [("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")] {
            match &keys.get(limit) {
                Some(Value::Bool(true)) => {
                    out.remove(of).map(|value| out.insert(limit.to_owned(), value));
                }
                Some(number @ Value::Number(_)) => drop(out.insert(limit.to_owned(), (*number).clone())),
                _ => {}
            }
        }
        if schema["required"].is_array() {
            out.insert("required".to_owned(), schema["required"].clone());
        }
        if let Some(properties) = schema["properties"].as_object() {
            let properties: Map<String, Value> =
                properties.iter().map(|(name, schema)| (name.clone(), self.converted(schema))).collect();
            out.insert("properties".to_owned(), properties.into());
        }
        // "Nothing more" is often said of the parts of a whole, one by one.
        match &schema["additionalProperties"] {
            more @ Value::Object(_) => drop(out.insert("additionalProperties".to_owned(), self.converted(more))),
            Value::Bool(true) => drop(out.insert("additionalProperties".to_owned(), json!(true))),
            _ => {}
        }
        match &schema["items"] {
            items @ Value::Object(_) => drop(out.insert("items".to_owned(), self.converted(items))),
            // Slack's description of 2021: one of these, be they elements or the value itself.
            Value::Array(several) if schema["type"] == "array" => {
                let several: Vec<Value> = several.iter().map(|one| self.converted(one)).collect();
                out.insert("items".to_owned(), json!({"anyOf": several}));
            }
            Value::Array(several) => {
                let several: Vec<Value> = several.iter().map(|one| self.converted(one)).collect();
                out.insert("anyOf".to_owned(), several.into());
            }
            _ => {}
        }
        let mut all: Vec<Value> = Vec::new();
        all.extend(schema["allOf"].as_array().into_iter().flatten().map(|part| self.converted(part)));
        // "Just one of" is often written where several fit.
        for key in ["oneOf", "anyOf"] {
            if let Some(several) = schema[key].as_array() {
                let several: Vec<Value> = several.iter().map(|part| self.converted(part)).collect();
                all.push(json!({"anyOf": several}));
            }
        }
        if !all.is_empty() {
            out.insert("allOf".to_owned(), all.into());
        }
        if schema["nullable"] == true || schema["x-nullable"] == true {
            return json!({"anyOf": [out, {"type": "null"}]});
        }
        out.into()
    }

    /// The name under which a schema elsewhere in the description is kept.
    fn name(&mut self, reference: &str) -> String {
        let name: String =
            reference.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' }).collect();
        if !self.named.contains_key(&name) {
            self.named.insert(name.clone(), json!(true));
            let found = target(self.description, reference).unwrap_or_else(|| panic!("no {reference}")).clone();
            let converted = self.converted(&found);
            self.named.insert(name.clone(), converted);
        }
        name
    }
}

/// What a reference within the description leads to.
pub(crate) fn target<'a>(description: &'a Value, reference: &str) -> Option<&'a Value> {
    description.pointer(reference.strip_prefix('#')?)
}
