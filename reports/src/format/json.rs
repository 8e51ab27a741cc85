//! The view as it is: the machine format that the others can be made from.
//!
//! Pretty, keys in the order of the types, a line feed at the end, the same bytes for the same view. `$schema` names the
//! published schema (`schemas/report.schema.json`); `version` rises when a key changes its meaning or goes.

use std::io::{self, Write};

use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde_json::{Value, json};

use crate::Look;
use crate::escape;
use crate::view::{Population, View};

/// Id of the published schema; a name, not an address to fetch.
pub const SCHEMA_ID: &str = "urn:muster:schema:report:1";

/// The JSON Schema of the format, as published in `schemas/report.schema.json`.
///
/// It says what we write, so keys that are always there are required; readers should accept keys that they do not know.
pub fn schema() -> Value {
    let schema = SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<View>();
    let mut schema = Value::from(schema);
    schema["$id"] = json!(SCHEMA_ID);
    schema["title"] = json!("Muster report");
    schema["properties"]["$schema"] = json!({ "description": "Id of this schema.", "const": SCHEMA_ID });
    schema
}

#[derive(Serialize)]
struct Document<'a> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    #[serde(flatten)]
    view: &'a View,
}

pub(crate) fn render(view: &View, _: &dyn Population, _: Look, out: &mut dyn Write) -> io::Result<()> {
    escape::write_json(out, &Document { schema: SCHEMA_ID, view })
}
