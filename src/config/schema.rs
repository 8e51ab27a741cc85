//! The published JSON Schema of `muster.toml` (draft 2020-12), generated from the types that read it.

use muster_connectors::Manual;
use muster_connectors::manifest::CATALOG;
use serde_json::{Map, Value as Json, json};

use super::file::ConfigFile;

/// The schema of a config that may name `connectors`.
///
/// A `[[system]]` has the engine's keys and those of its connector; which these are follows from `connector`.
pub fn schema(connectors: &[&Manual]) -> Json {
    let mut root = schemars::schema_for!(ConfigFile).to_value();
    let mut definitions = take_object(&mut root, "$defs");
    let manifests = CATALOG.iter().filter_map(|entry| Some((entry.id, entry.manifest().ok()?.settings_schema())));
    let known: Vec<(&str, Json)> =
        connectors.iter().map(|manual| (manual.name, (manual.schema)().to_value())).chain(manifests).collect();
    let names: Vec<Json> = known.iter().map(|(name, _)| (*name).into()).collect();
    let mut choices = Vec::new();
    for (connector, mut own) in known {
        prefix_references(&mut own, connector);
        for (name, definition) in take_object(&mut own, "$defs") {
            definitions.insert(format!("{connector}.{name}"), definition);
        }
        if let Json::Object(own) = &mut own {
            // The engine's keys stand in the same table; `unevaluatedProperties` below refuses the unknown ones.
            own.remove("additionalProperties");
            own.remove("$schema");
        }
        definitions.insert(format!("connector.{connector}"), own);
        choices.push(json!({
            "if": { "properties": { "connector": { "const": connector } }, "required": ["connector"] },
            "then": { "$ref": format!("#/$defs/connector.{connector}") },
        }));
    }
    // A manifest of the user's own has keys that nobody knows here; `muster config check` does.
    choices.push(json!({
        "if": { "properties": { "connector": { "not": { "enum": names } } }, "required": ["connector"] },
        "then": { "additionalProperties": true },
    }));
    if let Some(Json::Object(system)) = definitions.get_mut("SystemHead") {
        system.remove("additionalProperties");
        system.insert("unevaluatedProperties".into(), false.into());
        system.insert("allOf".into(), choices.into());
        if let Some(Json::Object(connector)) = system.get_mut("properties").and_then(|p| p.get_mut("connector")) {
            connector.insert("examples".into(), names.into());
        }
    }
    if let Json::Object(root) = &mut root {
        root.insert("$defs".into(), Json::Object(definitions));
    }
    root
}

fn take_object(value: &mut Json, key: &str) -> Map<String, Json> {
    match value.as_object_mut().and_then(|object| object.remove(key)) {
        Some(Json::Object(object)) => object,
        Some(_) | None => Map::new(),
    }
}

/// Points every `#/$defs/X` of a connector's schema at `#/$defs/NAME.X`, where its definitions are moved to.
fn prefix_references(value: &mut Json, name: &str) {
    match value {
        Json::Object(object) => {
            for (key, value) in object {
                match value {
                    Json::String(target) if key == "$ref" => {
                        if let Some(definition) = target.strip_prefix("#/$defs/") {
                            *target = format!("#/$defs/{name}.{definition}");
                        }
                    }
                    other => prefix_references(other, name),
                }
            }
        }
        Json::Array(values) => values.iter_mut().for_each(|value| prefix_references(value, name)),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {}
    }
}
