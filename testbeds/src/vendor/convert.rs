//! OpenAPI out of descriptions that Prism does not read: Google's discovery documents and lists of OData types.

use serde_json::{Map, Value, json};

/// What a property of a type is answered with, where its description is too wide for an answer that means something.
pub type Example = (&'static str, &'static str, Value);

/// OpenAPI out of a Google discovery document: a call for each method, a schema for each schema.
pub fn from_discovery(document: &Value, examples: &[Example]) -> Value {
    let mut paths = Map::new();
    for (_, method) in document["methods"].as_object().into_iter().flatten() {
        let path = method["flatPath"].as_str().or_else(|| method["path"].as_str()).unwrap_or_default();
        let parameters: Vec<Value> =
            method["parameters"].as_object().into_iter().flatten().map(|(name, told)| discovered(name, told)).collect();
        let mut call = json!({"parameters": parameters, "responses": {"200": {"description": ""}}});
        if let Some(name) = method["response"]["$ref"].as_str() {
            call["responses"]["200"]["content"] = content(&reference(name));
        }
        if let Some(name) = method["request"]["$ref"].as_str() {
            call["requestBody"] = json!({"required": true, "content": content(&reference(name))});
        }
        let verb = method["httpMethod"].as_str().unwrap_or("GET").to_ascii_lowercase();
        insert(&mut paths, &format!("/{path}"), &verb, call);
    }
    let schemas = document["schemas"].as_object().into_iter().flatten();
    let schemas = schemas.map(|(name, schema)| (name.clone(), rooted(schema))).collect();
    whole("", paths, with_examples(schemas, examples))
}

/// OpenAPI out of a list of OData types and the calls that return them; `$select` takes the type's properties, `$expand` its
/// navigations.
pub fn from_types(list: &Value, base: &str, examples: &[Example]) -> Value {
    let mut paths = Map::new();
    for (call, told) in list["calls"].as_object().into_iter().flatten() {
        let (verb, path) = call.split_once(' ').unwrap_or(("GET", call));
        let (of, many) = collection(told["returns"].as_str().unwrap_or_default());
        let mut parameters: Vec<Value> = path
            .split('/')
            .filter_map(|piece| piece.strip_prefix('{')?.strip_suffix('}'))
            .map(|name| json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}}))
            .collect();
        let query = told["query"].as_array().into_iter().flatten().filter_map(Value::as_str);
        parameters.extend(query.map(|name| option(list, of, name)));
        let mut described = json!({"parameters": parameters, "responses": {"200": {"description": ""}}});
        if !of.is_empty() {
            let rows = if many {
                json!({"type": "object", "required": ["value"], "properties": {
                    "value": {"type": "array", "items": reference(of)}}})
            } else {
                reference(of)
            };
            described["responses"]["200"]["content"] = content(&rows);
        }
        if let Some(taken) = told["takes"].as_str() {
            described["requestBody"] = json!({"required": true, "content": content(&reference(taken))});
        }
        insert(&mut paths, path, &verb.to_ascii_lowercase(), described);
    }
    let types = list["types"].as_object().into_iter().flatten();
    let schemas = types.map(|(name, _)| (name.clone(), typed(list, name))).collect();
    whole(base, paths, with_examples(schemas, examples))
}

/// The same OpenAPI or Swagger description, whose types answer so.
#[must_use]
pub fn exemplified(mut description: Value, examples: &[Example]) -> Value {
    let place = if description["swagger"].is_string() { "/definitions" } else { "/components/schemas" };
    if let Some(schemas) = description.pointer_mut(place).and_then(Value::as_object_mut) {
        *schemas = with_examples(std::mem::take(schemas), examples);
    }
    description
}

fn whole(base: &str, paths: Map<String, Value>, schemas: Map<String, Value>) -> Value {
    json!({
        "openapi": "3.0.3",
        "info": {"title": "converted", "version": "1"},
        "servers": [{"url": format!("https://vendor.example{base}")}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {"schemas": schemas, "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
    })
}

fn insert(paths: &mut Map<String, Value>, path: &str, verb: &str, call: Value) {
    let at = paths.entry(path).or_insert_with(|| json!({}));
    at[verb] = call;
}

fn content(schema: &Value) -> Value {
    json!({"application/json": {"schema": schema}})
}

fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

fn with_examples(mut schemas: Map<String, Value>, examples: &[Example]) -> Map<String, Value> {
    for (schema, property, value) in examples {
        if let Some(schema) = schemas.get_mut(*schema) {
            schema["properties"][property]["example"] = value.clone();
        }
    }
    schemas
}

fn discovered(name: &str, told: &Value) -> Value {
    let mut schema = Map::new();
    for key in ["type", "enum", "pattern", "format"] {
        schema.extend(told.get(key).map(|value| (key.to_owned(), value.clone())));
    }
    for key in ["minimum", "maximum"] {
        let limit = told[key].as_str().and_then(|text| text.parse::<i64>().ok());
        schema.extend(limit.map(|limit| (key.to_owned(), limit.into())));
    }
    let schema = if told["repeated"] == true { json!({"type": "array", "items": schema}) } else { schema.into() };
    let place = told["location"].as_str().unwrap_or("query");
    json!({"name": name, "in": place, "required": place == "path" || told["required"] == true, "schema": schema})
}

/// A schema of a discovery document, its references rooted; `any` is anything.
fn rooted(schema: &Value) -> Value {
    let Some(keys) = schema.as_object() else { return schema.clone() };
    if let Some(name) = schema["$ref"].as_str() {
        return reference(name);
    }
    let mut out = Map::new();
    for (key, value) in keys {
        match key.as_str() {
            "type" if value == "any" => {}
            "type" | "format" | "enum" => drop(out.insert(key.clone(), value.clone())),
            "items" | "additionalProperties" => drop(out.insert(key.clone(), rooted(value))),
            "properties" => {
                let properties = value.as_object().into_iter().flatten();
                let properties: Map<String, Value> =
                    properties.map(|(name, schema)| (name.clone(), rooted(schema))).collect();
                out.insert(key.clone(), properties.into());
            }
            _ => {}
        }
    }
    out.into()
}

/// The name of a type, and whether many are meant: `Collection(microsoft.graph.user)`.
fn collection(name: &str) -> (&str, bool) {
    match name.strip_prefix("Collection(").and_then(|inner| inner.strip_suffix(')')) {
        Some(inner) => (inner, true),
        None => (name, false),
    }
}

/// A system query option of OData on a type.
fn option(list: &Value, of: &str, name: &str) -> Value {
    let several = |allowed: Vec<String>| json!({"type": "array", "items": {"type": "string", "enum": allowed}});
    let schema = match name {
        "$select" => several(keys(list, of, "properties").into_iter().map(|(name, _)| name).collect()),
        "$expand" => several(keys(list, of, "navigation").into_iter().map(|(name, _)| name).collect()),
        "$top" => json!({"type": "integer", "minimum": 1, "maximum": 999}),
        "$count" => json!({"type": "boolean"}),
        _ => json!({"type": "string"}),
    };
    json!({"name": name, "in": "query", "style": "form", "explode": false, "schema": schema})
}

/// Properties or navigations of a type and of what it derives from.
fn keys(list: &Value, of: &str, what: &str) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    let mut at = &list["types"][of];
    while at.is_object() {
        let own = at[what].as_object().into_iter().flatten();
        found.extend(own.map(|(name, kind)| (name.clone(), kind.clone())));
        at = match at["base"].as_str() {
            Some(base) => &list["types"][base],
            None => &Value::Null,
        };
    }
    found
}

fn typed(list: &Value, name: &str) -> Value {
    let mut properties = Map::new();
    for (name, kind) in keys(list, name, "properties") {
        properties.insert(name, value_of(list, kind.as_str().unwrap_or_default()));
    }
    properties.insert("@odata.type".to_owned(), json!({"type": "string", "example": format!("#{name}")}));
    json!({"type": "object", "properties": properties})
}

fn value_of(list: &Value, kind: &str) -> Value {
    let (kind, many) = collection(kind);
    let one = match kind {
        "Edm.Boolean" => json!({"type": "boolean"}),
        "Edm.Int16" | "Edm.Int32" | "Edm.Int64" => json!({"type": "integer"}),
        "Edm.DateTimeOffset" => json!({"type": "string", "format": "date-time"}),
        "Edm.Guid" => json!({"type": "string", "format": "uuid"}),
        named if list["types"][named].is_object() => reference(named),
        named if named.starts_with("Edm.") => json!({"type": "string"}),
        _ => json!({}),
    };
    if many { json!({"type": "array", "items": one}) } else { one }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_discovery_document_becomes_calls_with_their_limits() {
        let document = json!({"methods": {"users.list": {"flatPath": "v1/users", "httpMethod": "GET",
            "parameters": {"maxResults": {"location": "query", "type": "integer", "minimum": "1", "maximum": "500"}},
            "response": {"$ref": "Users"}}},
            "schemas": {"Users": {"type": "object", "properties": {"users": {"type": "array", "items": {"$ref": "User"}}}},
                        "User": {"type": "object", "properties": {"kind": {"type": "string"}, "x": {"type": "any"}}}}});
        let api = from_discovery(&document, &[("User", "kind", json!("USER"))]);
        let call = &api["paths"]["/v1/users"]["get"];
        assert_eq!(call["parameters"][0]["schema"], json!({"type": "integer", "minimum": 1, "maximum": 500}));
        let schemas = &api["components"]["schemas"];
        assert_eq!(schemas["Users"]["properties"]["users"]["items"]["$ref"], "#/components/schemas/User");
        assert_eq!(schemas["User"]["properties"], json!({"kind": {"type": "string", "example": "USER"}, "x": {}}));
    }

    #[test]
    fn a_list_of_types_becomes_calls_that_select_what_the_type_has() {
        let list = json!({"types": {"entity": {"properties": {"id": "Edm.String"}},
                                    "user": {"base": "entity", "properties": {"enabled": "Edm.Boolean", "keys": "Collection(entity)"},
                                             "navigation": {"manager": "user"}}},
            "calls": {"GET /users": {"returns": "Collection(user)", "query": ["$select", "$expand"]}}});
        let api = from_types(&list, "/v1.0", &[]);
        let parameters = &api["paths"]["/users"]["get"]["parameters"];
        assert_eq!(parameters[0]["schema"]["items"]["enum"], json!(["enabled", "keys", "id"]));
        assert_eq!(parameters[1]["schema"]["items"]["enum"], json!(["manager"]));
        let user = &api["components"]["schemas"]["user"]["properties"];
        assert_eq!(user["keys"]["items"]["$ref"], "#/components/schemas/entity");
        assert_eq!(user["enabled"]["type"], "boolean");
    }
}
