//! Where descriptions and written exchanges come from.

use std::path::Path;

use muster_connectors::manifest::{CATALOG, Manifest};
use muster_testbeds::vendor::{from_discovery, from_types};
use serde_json::{Value, json};

/// Calls to somebody else than the described interface.
const ASIDE: &[(&str, &str)] = &[
    ("box", "/oauth2/token"),
    ("docusign", "/oauth/token"),
    ("entra", "/oauth2/v2.0/token"),
    ("github", "/graphql"),
    ("github", "/access_tokens"),
    ("google-workspace", "/token"),
    ("keycloak", "/protocol/openid-connect/token"),
    ("slack", "/scim/v2/"),
    ("zoom", "/oauth/token"),
];

/// Whether an exchange is with somebody else: a token server, SCIM, GraphQL.
pub(crate) fn is_aside(id: &str, exchange: &Value) -> bool {
    let request = exchange["request"].as_str().unwrap();
    let posts = request.starts_with("POST ");
    ASIDE.iter().any(|(system, part)| *system == id && request.contains(part) && (posts || part.ends_with('/')))
}

/// Every manifest with a description, in OpenAPI or Swagger.
pub(crate) fn descriptions() -> Vec<(&'static str, Value)> {
    let mut found = Vec::new();
    for entry in CATALOG {
        let manifest = Manifest::load(&here().join(format!("catalog/{}.toml", entry.id))).unwrap();
        let specs = manifest.document().test.as_ref().map_or(&[][..], |test| &test.spec);
        if let [spec] = specs {
            let text = std::fs::read(here().join("catalog").join(spec.get_ref())).unwrap();
            found.push((entry.id, described(serde_json::from_slice(&text).unwrap())));
        } else {
            assert!(specs.is_empty(), "{} has several descriptions", entry.id);
        }
    }
    assert!(found.len() >= 14, "{}", found.len());
    found
}

/// Every exchange of a folder: those of the collection and those of the changes.
pub(crate) fn exchanges(id: &str) -> Vec<Value> {
    let folder = here().join("fixtures").join(id);
    let read = |name: &str| std::fs::read(folder.join(name)).ok();
    let scene: Value = serde_json::from_slice(&read("exchanges.json").unwrap()).unwrap();
    let changes: Value = read("actions.json").map_or(json!([]), |text| serde_json::from_slice(&text).unwrap());
    let of = |scene: &Value| scene["exchanges"].as_array().cloned().unwrap_or_default();
    changes.as_array().unwrap().iter().flat_map(of).chain(of(&scene)).collect()
}

fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn described(description: Value) -> Value {
    if description["types"].is_object() {
        odata(&description)
    } else if description["methods"].is_object() {
        from_discovery(&description, &[])
    } else {
        description
    }
}

/// A list of OData types. What the list does not say of them: any property may be null, a type may have what types derived from it
/// have and what `$expand` adds, and annotations (`@odata.nextLink`) stand anywhere.
fn odata(list: &Value) -> Value {
    let mut api = from_types(list, "/v1.0", &[]);
    let types = list["types"].as_object().unwrap();
    let bases = |name: &str| {
        std::iter::successors(Some(name.to_owned()), |name| Some(types.get(name)?["base"].as_str()?.to_owned()))
    };
    let schemas = api["components"]["schemas"].clone();
    for (name, schema) in schemas.as_object().unwrap() {
        let navigations = bases(name).filter_map(|base| types.get(&base).map(|told| told["navigation"].clone()));
        let navigations: Vec<Value> = navigations.collect();
        for base in bases(name) {
            let at = &mut api["components"]["schemas"][&base];
            for (key, property) in schema["properties"].as_object().unwrap() {
                let mut property = property.clone();
                property["nullable"] = json!(true);
                at["properties"][key] = property;
            }
            for (key, _) in navigations.iter().filter_map(Value::as_object).flatten() {
                at["properties"][key] = json!({});
            }
            at["patternProperties"] = json!({"@": {}});
        }
    }
    for calls in api["paths"].as_object_mut().unwrap().values_mut() {
        for call in calls.as_object_mut().unwrap().values_mut() {
            let answer = call.pointer_mut("/responses/200/content/application~1json/schema");
            if let Some(rows) = answer.filter(|schema| schema["properties"].is_object()) {
                rows["patternProperties"] = json!({"@": {}});
            }
        }
    }
    api
}
