//! Which calls a description has and which query parameters they take: what Prism lets pass, the front refuses.

use std::collections::BTreeSet;

use serde_json::Value;

/// The calls of a description.
#[derive(Debug)]
pub(super) struct Contract {
    /// Path of its servers, which stands before every path.
    base: String,
    operations: Vec<Operation>,
}

/// One call.
#[derive(Debug)]
pub(super) struct Operation {
    method: String,
    /// As described: `/orgs/{org}/members`.
    pub(super) path: String,
    query: BTreeSet<String>,
}

impl Operation {
    /// Whether the query parameter is declared; of parameters that are objects (`page[limit]`), whether the key is.
    pub(super) fn takes(&self, name: &str) -> bool {
        self.query.contains(name)
    }
}

impl Contract {
    /// Reads OpenAPI 3 and Swagger 2.
    pub(super) fn of(description: &Value) -> Self {
        let server = description["servers"][0]["url"].as_str().and_then(|url| url.split_once("://"));
        let base = match server {
            Some((_, rest)) => rest.find('/').map_or("", |slash| &rest[slash..]),
            None => description["basePath"].as_str().unwrap_or_default(),
        };
        let mut operations = Vec::new();
        for (path, calls) in description["paths"].as_object().into_iter().flatten() {
            for (method, call) in calls.as_object().into_iter().flatten().filter(|(name, _)| *name != "parameters") {
                let parameters = [&calls["parameters"], &call["parameters"]];
                let parameters = parameters.into_iter().flat_map(|list| list.as_array().into_iter().flatten());
                let parameters = parameters.map(|parameter| followed(description, parameter));
                let query = parameters.filter(|parameter| parameter["in"] == "query");
                let query = query.flat_map(|parameter| names(description, parameter)).collect();
                operations.push(Operation { method: method.to_ascii_uppercase(), path: path.clone(), query });
            }
        }
        Self { base: base.trim_end_matches('/').to_owned(), operations }
    }

    /// The target without the path of the servers.
    pub(super) fn without_base<'a>(&self, target: &'a str) -> &'a str {
        target.strip_prefix(self.base.as_str()).unwrap_or(target)
    }

    /// The call that is meant; the most literal one where several fit.
    pub(super) fn operation(&self, method: &str, path: &str) -> Option<&Operation> {
        let path = path.strip_prefix(self.base.as_str())?;
        let fitting =
            self.operations.iter().filter(|operation| operation.method == method && fits(path, &operation.path));
        fitting.max_by_key(|operation| operation.path.split('/').filter(|piece| !piece.contains('{')).count())
    }
}

fn fits(path: &str, described: &str) -> bool {
    let (path, described): (Vec<&str>, Vec<&str>) = (path.split('/').collect(), described.split('/').collect());
    let mut pieces = path.iter().zip(&described);
    path.len() == described.len()
        && pieces.all(|(piece, told)| piece == told || (told.starts_with('{') && !piece.is_empty()))
}

/// The names under which a parameter can be sent.
fn names(description: &Value, parameter: &Value) -> Vec<String> {
    let name = parameter["name"].as_str().unwrap_or_default();
    if parameter["style"] != "deepObject" {
        return vec![name.to_owned()];
    }
    properties(description, &parameter["schema"], 0).into_iter().map(|key| format!("{name}[{key}]")).collect()
}

/// Keys of an object, those of what it is made of included; references that lead in a circle end.
fn properties<'a>(description: &'a Value, schema: &'a Value, depth: usize) -> Vec<&'a str> {
    let schema = followed(description, schema);
    let own = schema["properties"].as_object().into_iter().flatten().map(|(key, _)| key.as_str());
    let parts = schema["allOf"].as_array().into_iter().flatten().filter(|_| depth < 10);
    own.chain(parts.flat_map(|part| properties(description, part, depth + 1))).collect()
}

fn followed<'a>(description: &'a Value, at: &'a Value) -> &'a Value {
    let target = at["$ref"].as_str().and_then(|reference| description.pointer(reference.strip_prefix('#')?));
    target.unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn undeclared_calls_and_parameters_are_known_as_such() {
        let contract = Contract::of(&json!({"servers": [{"url": "https://x.example/api/"}], "paths": {
            "/people": {"parameters": [{"name": "q", "in": "query"}], "get": {"parameters": [
                {"name": "page", "in": "query", "style": "deepObject", "schema": {"$ref": "#/components/schemas/page"}}]}},
            "/people/{id}": {"get": {}}, "/people/me": {"get": {}}},
            "components": {"schemas": {"page": {"allOf": [{"properties": {"limit": {}}}]}}}}));
        let found = |path: &str| contract.operation("GET", path).map(|operation| operation.path.clone());
        assert_eq!(found("/api/people/me").as_deref(), Some("/people/me"));
        assert_eq!(found("/api/people/7").as_deref(), Some("/people/{id}"));
        assert_eq!([found("/people/7"), found("/api/people/"), found("/api/people/7/x")], [None, None, None]);
        let people = contract.operation("GET", "/api/people").unwrap();
        assert!(people.takes("q") && people.takes("page[limit]"));
        assert!(!people.takes("page") && !people.takes("page[size]") && !people.takes("limit"));
        assert_eq!(contract.without_base("/api/people?q=1"), "/people?q=1");
    }
}
