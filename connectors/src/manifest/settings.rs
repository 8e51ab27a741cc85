//! What the operator writes into `[[system]]` for a manifest, as JSON Schema and in words.

use serde_json::{Map, Value as Json, json};

use super::Manifest;
use super::model::ConfigType;

impl Manifest {
    /// JSON Schema of the settings: the keys of `[config]` and `[secrets]`, `auth`, `ca_file` and `exchanges`.
    pub fn settings_schema(&self) -> Json {
        let document = self.document();
        let mut properties = Map::new();
        let mut required = Vec::new();
        for (name, field) in document.config.iter() {
            let mut property = match field.kind {
                ConfigType::String if !field.choices.is_empty() => json!({ "type": "string", "enum": field.choices }),
                ConfigType::String => json!({ "type": "string" }),
                ConfigType::Url => json!({ "type": "string", "format": "uri" }),
                ConfigType::Integer => json!({ "type": "integer" }),
                ConfigType::Boolean => json!({ "type": "boolean" }),
                ConfigType::List => json!({ "type": "array", "items": { "type": "string" } }),
            };
            if let Some(default) = &field.default {
                property["default"] = serde_json::to_value(default.get_ref()).unwrap_or_default();
            } else if !field.optional {
                required.push(name);
            }
            described(&mut property, &field.help);
            properties.insert(name.to_owned(), property);
        }
        for (name, secret) in document.secrets.iter() {
            let mut property = json!({ "$ref": "#/$defs/CredentialSource" });
            described(&mut property, &secret.help);
            properties.insert(name.to_owned(), property);
            if !secret.optional {
                required.push(name);
            }
        }
        let ways: Vec<&str> = document.auth.names().collect();
        if ways.len() > 1 {
            let mut property = json!({ "type": "string", "enum": ways });
            described(&mut property, "Which way to sign in; the first when left out.");
            properties.insert("auth".to_owned(), property);
        }
        properties.insert(
            "ca_file".to_owned(),
            json!({ "type": "string", "description": "Certificates of a private authority in PEM, relative to the config." }),
        );
        properties.insert(
            "exchanges".to_owned(),
            json!({ "type": "string", "description": "Folder with recorded exchanges (`exchanges.json`) that are read in place of the system: no address and no credential is needed then." }),
        );
        let source = schemars::schema_for!(crate::secret::CredentialSource).to_value();
        let mut schema = json!({
            "title": format!("Settings of `{}`", self.id()),
            "type": "object",
            "properties": properties,
            "$defs": { "CredentialSource": source },
        });
        if !required.is_empty() {
            schema["anyOf"] = json!([{ "required": required }, { "required": ["exchanges"] }]);
        }
        schema
    }
}

fn described(property: &mut Json, help: &str) {
    if !help.is_empty() {
        property["description"] = help.into();
    }
}
