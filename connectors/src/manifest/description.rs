//! Vendors' own descriptions of their interfaces, read into one shape: which calls exist, what they take, what they answer.
//!
//! Read are OpenAPI 3, Swagger 2, Google discovery documents, and lists of types (`{"source": …, "types": …}`, as reduced from
//! OData metadata, which name no calls; `calls` beside them says what is asked where). All as JSON.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::Value as Json;

/// Steps through `$ref`, `allOf` and the like before a schema counts as unknown.
const DEPTH: usize = 40;

/// A vendor's description.
#[derive(Debug)]
pub struct Description {
    /// Where it was read from, for messages.
    pub name: String,
    json: Json,
    operations: Vec<Operation>,
    /// Whether it is a list of OData types.
    types: bool,
}

/// One call.
#[derive(Debug, Clone)]
pub(super) struct Operation {
    pub(super) method: String,
    /// Path as described.
    pub(super) path: String,
    segments: Vec<String>,
    /// Query keys; `page` stands for `page[size]` as well.
    pub(super) query: BTreeSet<String>,
    /// Keys of a form.
    pub(super) form: BTreeSet<String>,
    body: Option<Json>,
    reply: Option<Json>,
}

impl Operation {
    /// What it answers.
    pub(super) fn reply(&self) -> Schema<'_> {
        self.reply.as_ref().map_or(Schema::Open, Schema::Known)
    }

    /// What it takes.
    pub(super) fn body(&self) -> Schema<'_> {
        self.body.as_ref().map_or(Schema::Open, Schema::Known)
    }
}

/// Why a description cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DescriptionError {
    /// It cannot be read.
    #[error("cannot read `{}`: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is YAML.
    #[error("`{}` is YAML; descriptions are read as JSON: convert it first, with `yq -o=json` for instance", path.display())]
    Yaml {
        /// The file.
        path: PathBuf,
    },
    /// It is not JSON.
    #[error("`{}` is no JSON: {source}", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// It is JSON of an unknown kind.
    #[error(
        "`{name}` is neither OpenAPI 3, Swagger 2, a Google discovery document nor a list of types: it has none of `openapi`, `swagger`, `discoveryVersion`, `methods`, `types`"
    )]
    Unknown {
        /// Where it was read from.
        name: String,
    },
}

/// What is known of a value's shape.
#[derive(Debug, Clone)]
pub(super) enum Schema<'a> {
    /// A piece of the description.
    Known(&'a Json),
    /// The description says nothing, so that nothing can be wrong.
    Open,
}

impl Description {
    /// Reads a description from a file.
    ///
    /// # Errors
    /// [`DescriptionError`].
    pub fn load(path: &Path) -> Result<Self, DescriptionError> {
        let text =
            std::fs::read_to_string(path).map_err(|source| DescriptionError::Io { path: path.to_owned(), source })?;
        if !text.trim_start().starts_with(['{', '[']) {
            return Err(DescriptionError::Yaml { path: path.to_owned() });
        }
        let json =
            serde_json::from_str(&text).map_err(|source| DescriptionError::Json { path: path.to_owned(), source })?;
        Self::parse(path.display().to_string(), json)
    }

    /// Reads a description.
    ///
    /// # Errors
    /// [`DescriptionError::Unknown`].
    pub fn parse(name: String, json: Json) -> Result<Self, DescriptionError> {
        let (operations, types) = if json["openapi"].is_string() {
            (openapi(&json, &base_of(json["servers"][0]["url"].as_str())), false)
        } else if json["swagger"].is_string() {
            (openapi(&json, json["basePath"].as_str().unwrap_or_default().trim_end_matches('/')), false)
        } else if json["methods"].is_object() || json["resources"].is_object() {
            (discovery(&json), false)
        } else if json["types"].is_object() {
            (calls(&json), true)
        } else {
            return Err(DescriptionError::Unknown { name });
        };
        Ok(Self { name, json, operations, types })
    }

    /// Whether it is a list of OData types.
    pub(super) const fn is_types(&self) -> bool {
        self.types
    }

    /// Whether it names calls; a list of types may not.
    pub(super) const fn has_calls(&self) -> bool {
        !self.operations.is_empty()
    }

    /// The call that a method and the pieces of a path mean; the most literal one where several do.
    pub(super) fn operation(&self, method: &str, path: &[Segment]) -> Option<&Operation> {
        let fitting =
            self.operations.iter().filter(|operation| operation.method == method && fits(path, &operation.segments));
        fitting.max_by_key(|operation| operation.segments.iter().filter(|segment| !is_parameter(segment)).count())
    }

    /// Paths that are spelled like this one.
    pub(super) fn paths(&self) -> impl Iterator<Item = &str> + Clone {
        self.operations.iter().map(|operation| operation.path.as_str())
    }

    /// The type whose collection the last plain piece of a path names (`users` of `/users`): for lists of types.
    pub(super) fn type_of(&self, path: &[Segment]) -> Schema<'_> {
        let last = path.iter().rev().find_map(|segment| match segment {
            Segment::Text(text) => Some(text.as_str()),
            Segment::Any | Segment::Many => None,
        });
        let Some(last) = last else { return Schema::Open };
        let singular = last.strip_suffix('s').unwrap_or(last);
        let types = self.json["types"].as_object();
        let found = types.into_iter().flatten().find(|(name, _)| {
            let short = name.rsplit('.').next().unwrap_or(name);
            short.eq_ignore_ascii_case(last) || short.eq_ignore_ascii_case(singular)
        });
        found.map_or(Schema::Open, |(_, schema)| Schema::Known(schema))
    }

    /// What stands under `name`; `Err` has the names that are there instead.
    pub(super) fn field<'a>(&'a self, schema: &Schema<'a>, name: &str) -> Result<Schema<'a>, Vec<String>> {
        let Schema::Known(json) = schema else { return Ok(Schema::Open) };
        // OData writes what is not a property (`@odata.type`) so, and describes none of it.
        if name.starts_with('@') {
            return Ok(Schema::Open);
        }
        let mut names = BTreeSet::new();
        let mut open = false;
        match self.lookup(json, name, &mut names, &mut open, 0) {
            Some(found) => Ok(found),
            None if open || names.is_empty() => Ok(Schema::Open),
            None => Err(names.into_iter().collect()),
        }
    }

    fn lookup<'a>(
        &'a self,
        json: &'a Json,
        name: &str,
        names: &mut BTreeSet<String>,
        open: &mut bool,
        depth: usize,
    ) -> Option<Schema<'a>> {
        if depth > DEPTH {
            *open = true;
            return None;
        }
        if let Some(text) = json.as_str() {
            return self.lookup(self.typed(text)?, name, names, open, depth + 1);
        }
        if let Some(target) = self.target(json) {
            return self.lookup(target, name, names, open, depth + 1);
        }
        if let Some(properties) = json["properties"].as_object() {
            if let Some(found) = properties.get(name) {
                return Some(Schema::Known(found));
            }
            names.extend(properties.keys().cloned());
        }
        // What OData puts into a reply when `$expand` asks for it.
        if let Some(found) = json["navigation"].get(name) {
            return Some(Schema::Known(found));
        }
        if json["additionalProperties"].is_object() {
            return Some(Schema::Known(&json["additionalProperties"]));
        }
        let mut found = None;
        let mut any = json["properties"].is_object();
        for part in alternatives(json).chain(json["base"].as_str().and_then(|base| self.typed(base))) {
            any = true;
            if found.is_none() {
                found = self.lookup(part, name, names, open, depth + 1);
            }
        }
        if !any && may_be_object(&json["type"]) {
            *open = true;
        }
        found
    }

    /// What the elements of a list are; the schema itself when it is no list.
    pub(super) fn element<'a>(&'a self, schema: &Schema<'a>) -> Schema<'a> {
        let mut at = match schema {
            Schema::Known(json) => *json,
            Schema::Open => return Schema::Open,
        };
        for _ in 0..DEPTH {
            if let Some(text) = at.as_str() {
                return match self.typed(text) {
                    Some(found) => Schema::Known(found),
                    None => Schema::Open,
                };
            }
            match (self.target(at), &at["items"]) {
                (Some(target), _) => at = target,
                (None, items) if items.is_object() || items.is_string() => return Schema::Known(items),
                (None, _) if at["type"] == "array" => return Schema::Open,
                (None, _) => match alternatives(at).find(|part| self.is_list(part, 0)) {
                    Some(part) => at = part,
                    None => return Schema::Known(at),
                },
            }
        }
        Schema::Open
    }

    /// Whether it is a list with one kind of element, or may be one.
    fn is_list(&self, json: &Json, depth: usize) -> bool {
        if depth > DEPTH {
            return false;
        }
        match self.target(json) {
            Some(target) => self.is_list(target, depth + 1),
            None => json["items"].is_object() || alternatives(json).any(|part| self.is_list(part, depth + 1)),
        }
    }

    fn target(&self, json: &Json) -> Option<&Json> {
        let reference = json["$ref"].as_str()?;
        match reference.strip_prefix('#') {
            Some(pointer) => self.json.pointer(pointer),
            None => self.json["schemas"].get(reference),
        }
    }

    /// The type of an OData name: `Collection(microsoft.graph.user)`.
    fn typed(&self, text: &str) -> Option<&Json> {
        let name = text.strip_prefix("Collection(").and_then(|inner| inner.strip_suffix(')')).unwrap_or(text);
        self.json["types"].get(name)
    }
}

/// What a value may be, or is all at once.
///
/// Slack's description of 2021 writes "one of these" as a list under `items`, without saying that the value is a list.
fn alternatives(json: &Json) -> impl Iterator<Item = &Json> {
    let unnamed = (json["type"] != "array").then_some("items");
    ["allOf", "oneOf", "anyOf"].into_iter().chain(unnamed).flat_map(|key| json[key].as_array().into_iter().flatten())
}

/// Whether a value of this `type` (a word, or a list of words) may have keys; all may when there is none.
fn may_be_object(kind: &Json) -> bool {
    match kind {
        Json::String(kind) => kind == "object",
        Json::Array(kinds) => kinds.iter().any(|kind| kind == "object"),
        _ => true,
    }
}

/// A piece of a call's path between slashes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Segment {
    /// As it stands.
    Text(String),
    /// One value.
    Any,
    /// One value that went through `raw` and may hold slashes.
    Many,
}

fn is_parameter(segment: &str) -> bool {
    segment.contains('{')
}

fn fits(path: &[Segment], described: &[String]) -> bool {
    match (path.split_first(), described.split_first()) {
        (None, None) => true,
        (Some((Segment::Text(text), rest)), Some((segment, more))) => {
            (text == segment || is_parameter(segment)) && fits(rest, more)
        }
        (Some((Segment::Any, rest)), Some((segment, more))) => is_parameter(segment) && fits(rest, more),
        (Some((Segment::Many, rest)), Some((segment, more))) => {
            is_parameter(segment) && (fits(rest, more) || fits(path, more))
        }
        (_, _) => false,
    }
}

fn segments(path: &str) -> Vec<String> {
    path.split('/').filter(|segment| !segment.is_empty()).map(str::to_owned).collect()
}

fn base_of(server: Option<&str>) -> String {
    let after = server.and_then(|url| url.split_once("://")).map_or("", |(_, rest)| rest);
    after.find('/').map_or(String::new(), |slash| after[slash..].trim_end_matches('/').to_owned())
}

fn openapi(json: &Json, base: &str) -> Vec<Operation> {
    let mut operations = Vec::new();
    for (path, methods) in json["paths"].as_object().into_iter().flatten() {
        for (method, call) in methods.as_object().into_iter().flatten() {
            if !["get", "post", "put", "patch", "delete", "head"].contains(&method.as_str()) {
                continue;
            }
            let parameters = [&methods["parameters"], &call["parameters"]];
            let parameters: Vec<&Json> = parameters
                .iter()
                .flat_map(|list| list.as_array().into_iter().flatten())
                .map(|parameter| follow(json, parameter))
                .collect();
            let named = |place: &str| {
                let here = parameters.iter().filter(|parameter| parameter["in"] == place);
                here.filter_map(|parameter| parameter["name"].as_str()).map(str::to_owned).collect::<BTreeSet<String>>()
            };
            let content = &follow(json, &call["requestBody"])["content"];
            let body = content
                .as_object()
                .into_iter()
                .flatten()
                .find(|(kind, _)| kind.contains("json"))
                .map(|(_, media)| media["schema"].clone());
            let in_body = parameters
                .iter()
                .find(|parameter| parameter["in"] == "body")
                .map(|parameter| parameter["schema"].clone());
            operations.push(Operation {
                method: method.to_ascii_uppercase(),
                path: format!("{base}{path}"),
                segments: segments(&format!("{base}{path}")),
                query: named("query"),
                form: named("formData"),
                body: body.or(in_body),
                reply: reply(json, &call["responses"]),
            });
        }
    }
    operations
}

fn reply(json: &Json, responses: &Json) -> Option<Json> {
    let good = responses.as_object()?.iter().find(|(status, _)| status.starts_with('2'))?.1;
    let good = follow(json, good);
    let media = good["content"].as_object().and_then(|content| content.iter().find(|(kind, _)| kind.contains("json")));
    let schema = media.map_or(&good["schema"], |(_, media)| &media["schema"]);
    (!schema.is_null()).then(|| schema.clone())
}

fn follow<'a>(json: &'a Json, at: &'a Json) -> &'a Json {
    at["$ref"].as_str().and_then(|reference| json.pointer(reference.strip_prefix('#')?)).unwrap_or(at)
}

/// The calls beside a list of types: `"GET /users": {"returns": "Collection(type)", "query": […], "takes": "type"}`.
fn calls(json: &Json) -> Vec<Operation> {
    let base = json["base"].as_str().unwrap_or_default();
    let calls = json["calls"].as_object().into_iter().flatten();
    let calls = calls.filter_map(|(call, told)| {
        let (method, path) = call.split_once(' ')?;
        let path = format!("{base}{path}");
        let reply = told["returns"].as_str().map(|of| match of.strip_prefix("Collection(") {
            Some(_) => {
                Json::from_iter([("properties", Json::from_iter([("value", Json::from_iter([("items", of)]))]))])
            }
            None => of.into(),
        });
        let query = told["query"].as_array().into_iter().flatten();
        Some(Operation {
            method: method.to_owned(),
            segments: segments(&path),
            path,
            query: query.filter_map(Json::as_str).map(str::to_owned).collect(),
            form: BTreeSet::new(),
            body: told["takes"].as_str().map(Json::from),
            reply,
        })
    });
    calls.collect()
}

fn discovery(json: &Json) -> Vec<Operation> {
    let mut operations = Vec::new();
    let service = json["servicePath"].as_str().unwrap_or_default();
    let common: Vec<String> =
        json["parameters"].as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect();
    let mut groups: Vec<&Json> = vec![json];
    while let Some(group) = groups.pop() {
        groups.extend(group["resources"].as_object().into_iter().flatten().map(|(_, resource)| resource));
        for (_, method) in group["methods"].as_object().into_iter().flatten() {
            let path = method["flatPath"].as_str().or_else(|| method["path"].as_str()).unwrap_or_default();
            let path = format!("/{service}{path}");
            let parameters: BTreeMap<&str, &Json> = method["parameters"]
                .as_object()
                .into_iter()
                .flatten()
                .map(|(name, parameter)| (name.as_str(), parameter))
                .collect();
            let query = parameters
                .iter()
                .filter(|(_, parameter)| parameter["location"] == "query")
                .map(|(name, _)| (*name).to_owned());
            let schema = |key: &str| (!method[key].is_null()).then(|| method[key].clone());
            operations.push(Operation {
                method: method["httpMethod"].as_str().unwrap_or("GET").to_owned(),
                segments: segments(&path),
                path,
                query: query.chain(common.iter().cloned()).collect(),
                form: BTreeSet::new(),
                body: schema("request"),
                reply: schema("response"),
            });
        }
    }
    operations
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn text(path: &str) -> Vec<Segment> {
        path.split('/')
            .filter(|segment| !segment.is_empty())
            .map(|segment| match segment {
                "*" => Segment::Any,
                "**" => Segment::Many,
                text => Segment::Text(text.to_owned()),
            })
            .collect()
    }

    #[test]
    fn the_most_literal_call_is_meant() {
        let json = json!({"openapi": "3.0.0", "servers": [{"url": "https://x/api"}], "paths": {
            "/groups/{id}": {"get": {}}, "/groups/rules": {"get": {}}, "/repos/{owner}/{repo}/keys": {"get": {}}}});
        let description = Description::parse("x".into(), json).unwrap();
        let found = |path: &str| description.operation("GET", &text(path)).map(|operation| operation.path.clone());
        assert_eq!(found("/api/groups/rules").as_deref(), Some("/api/groups/rules"));
        assert_eq!(found("/api/groups/*").as_deref(), Some("/api/groups/{id}"));
        assert_eq!(found("/api/repos/**/keys").as_deref(), Some("/api/repos/{owner}/{repo}/keys"));
        assert_eq!(found("/groups/rules"), None);
        assert!(description.operation("POST", &text("/api/groups/rules")).is_none());
    }

    #[test]
    fn a_list_under_items_that_is_no_list_names_alternatives() {
        let json = json!({"swagger": "2.0", "paths": {}, "definitions": {
            "user": {"items": [{"properties": {"id": {}, "tz": {"items": [{"type": "null"}, {"type": "string"}]}}},
                               {"properties": {"enterprise_user": {"type": ["object", "null"], "properties": {"id": {}}}}}]},
            "pair": {"type": "array", "items": [{"type": "string"}, {"type": "integer"}]},
            "teams": {"items": [{"type": "null"}, {"type": "array", "items": {"$ref": "#/definitions/user"}}]}}});
        let description = Description::parse("x".into(), json).unwrap();
        let named = |name: &str| Json::from_iter([("$ref", format!("#/definitions/{name}"))]);
        let (user, pair, teams) = (named("user"), named("pair"), named("teams"));
        for known in ["id", "tz", "enterprise_user"] {
            assert!(matches!(description.field(&Schema::Known(&user), known), Ok(Schema::Known(_))), "{known}");
        }
        assert_eq!(description.field(&Schema::Known(&user), "name").unwrap_err(), ["enterprise_user", "id", "tz"]);
        let element = description.element(&Schema::Known(&teams));
        assert!(matches!(description.field(&element, "id"), Ok(Schema::Known(_))));
        assert!(description.field(&element, "name").is_err());
        assert!(matches!(description.element(&Schema::Known(&user)), Schema::Known(_)), "no list: the value itself");
        assert!(matches!(description.element(&Schema::Known(&pair)), Schema::Open), "elements of several kinds");
        let inner = description.field(&Schema::Known(&user), "enterprise_user").unwrap();
        assert!(description.field(&inner, "name").is_err());
    }

    #[test]
    fn fields_are_found_through_references_and_alternatives_and_circles_end() {
        let json = json!({"openapi": "3.0.0", "paths": {}, "components": {"schemas": {
            "a": {"allOf": [{"$ref": "#/components/schemas/b"}, {"properties": {"own": {"type": "string"}}}]},
            "b": {"oneOf": [{"properties": {"deep": {"type": "array", "items": {"$ref": "#/components/schemas/a"}}}}]},
            "circle": {"$ref": "#/components/schemas/circle"}}}});
        let description = Description::parse("x".into(), json).unwrap();
        let a = Json::from_iter([("$ref", "#/components/schemas/a")]);
        let schema = Schema::Known(&a);
        let deep = description.field(&schema, "deep").unwrap();
        assert!(description.field(&description.element(&deep), "own").is_ok());
        assert_eq!(description.field(&schema, "wrong").unwrap_err(), ["deep", "own"]);
        let circle = Json::from_iter([("$ref", "#/components/schemas/circle")]);
        assert!(matches!(description.field(&Schema::Known(&circle), "x"), Ok(Schema::Open)));
    }
}
