//! The calls of a description, and what an exchange has in common with them.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use jsonschema::Validator;
use serde_json::{Value, json};

use super::schema::{problems, target, undescribed, validator};

/// A description in OpenAPI 3 or Swagger 2.
pub(crate) struct Contract {
    description: Value,
    base: String,
    /// By the schema's own text: many calls share theirs.
    validators: RefCell<BTreeMap<String, Rc<Validator>>>,
}

/// A call of the description.
struct Call<'a> {
    path: &'a str,
    told: &'a Value,
    parameters: Vec<&'a Value>,
}

impl Contract {
    pub(crate) fn of(description: Value) -> Self {
        let server = description["servers"][0]["url"].as_str().and_then(|url| url.split_once("://"));
        let base = match server {
            Some((_, rest)) => rest.find('/').map_or("", |slash| &rest[slash..]),
            None => description["basePath"].as_str().unwrap_or_default(),
        };
        let base = base.trim_end_matches('/').to_owned();
        Self { description, base, validators: RefCell::default() }
    }

    /// What an exchange says that the description does not.
    pub(crate) fn problems(&self, exchange: &Value) -> Vec<String> {
        let (method, target) = exchange["request"].as_str().unwrap().split_once(' ').unwrap();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let path = path.split_once("://").map_or(path, |(_, rest)| rest.find('/').map_or("/", |slash| &rest[slash..]));
        let Some(call) = self.call(method, path) else {
            return vec![format!("{method} {path}: the vendor describes no such call")];
        };
        let mut wrong = self.query(&call, query);
        wrong.extend(self.sent(&call, exchange));
        wrong.extend(self.answered(&call, exchange));
        wrong.into_iter().map(|what| format!("{method} {}: {what}", call.path)).collect()
    }

    /// The most literal call that fits.
    fn call(&self, method: &str, path: &str) -> Option<Call<'_>> {
        let path = path.strip_prefix(self.base.as_str())?;
        let verb = method.to_ascii_lowercase();
        let calls = self.description["paths"].as_object().into_iter().flatten();
        let fitting = calls.filter(|(told, calls)| calls[&verb].is_object() && fits(path, told));
        let literal = |told: &str| told.split('/').filter(|piece| !piece.contains('{')).count();
        let (path, calls) = fitting.max_by_key(|(told, _)| literal(told))?;
        let lists = [&calls["parameters"], &calls[&verb]["parameters"]];
        let parameters = lists.into_iter().flat_map(|list| list.as_array().into_iter().flatten());
        let parameters = parameters.map(|parameter| self.followed(parameter)).collect();
        Some(Call { path, told: &calls[&verb], parameters })
    }

    fn query(&self, call: &Call<'_>, query: &str) -> Vec<String> {
        let mut asked: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()).into_owned() {
            asked.entry(name).or_default().push(value);
        }
        let declared = call.parameters.iter().filter(|parameter| parameter["in"] == "query");
        let declared: Vec<(String, &Value)> = declared.flat_map(|parameter| self.names(parameter)).collect();
        let mut wrong = self.texts(&asked, &declared);
        for parameter in call.parameters.iter().filter(|it| it["in"] == "query" && it["required"] == true) {
            let name = parameter["name"].as_str().unwrap();
            if !asked.contains_key(name) {
                wrong.push(format!("it needs `{name}`"));
            }
        }
        wrong
    }

    fn sent(&self, call: &Call<'_>, exchange: &Value) -> Vec<String> {
        let mut wrong = Vec::new();
        if let Some(form) = exchange["form"].as_object() {
            let given = form.iter().map(|(name, value)| (name.clone(), vec![value.as_str().unwrap().to_owned()]));
            let declared = call.parameters.iter().filter(|parameter| parameter["in"] == "formData");
            let declared: Vec<(String, &Value)> = declared.flat_map(|parameter| self.names(parameter)).collect();
            wrong.extend(self.texts(&given.collect(), &declared));
        }
        if exchange["body"].is_null() {
            return wrong;
        }
        let body = self.followed(&call.told["requestBody"]);
        let in_body = call.parameters.iter().find(|parameter| parameter["in"] == "body");
        match media(body).or_else(|| in_body.map(|parameter| &parameter["schema"])) {
            // Of some bodies nothing is said but that they are JSON.
            None if body["content"].is_object() => {}
            None => wrong.push("it takes no body".to_owned()),
            Some(schema) => {
                let found = self.compared(schema, &exchange["body"]);
                wrong.extend(found.into_iter().map(|what| format!("sent {what}")));
            }
        }
        wrong
    }

    fn answered(&self, call: &Call<'_>, exchange: &Value) -> Vec<String> {
        let status = exchange["status"].as_u64().unwrap_or(200);
        let answers = &call.told["responses"];
        let of = [status.to_string(), format!("{}XX", status / 100), "default".to_owned()];
        let failed = status >= 400;
        let told = of.iter().take(if failed { 3 } else { 2 }).find_map(|key| answers.get(key));
        let Some(told) = told.map(|told| self.followed(told)) else {
            return if failed { Vec::new() } else { vec![format!("the vendor describes no answer {status}")] };
        };
        let schema = media(told).or_else(|| told.get("schema"));
        let reply = &exchange["reply"];
        match schema {
            None if failed || reply.is_null() => Vec::new(),
            None => vec![format!("{status}: the vendor describes no body")],
            // A text is an answer that is none.
            Some(_) if failed && reply.is_string() => Vec::new(),
            Some(schema) => {
                let found = self.compared(schema, reply);
                found.into_iter().map(|what| format!("{status} {what}")).collect()
            }
        }
    }

    /// Values of a query or a form.
    fn texts(&self, given: &BTreeMap<String, Vec<String>>, declared: &[(String, &Value)]) -> Vec<String> {
        let mut wrong = Vec::new();
        for (name, values) in given {
            let Some((_, parameter)) = declared.iter().find(|(declared, _)| declared == name) else {
                wrong.push(format!("it takes no `{name}`"));
                continue;
            };
            let of = parameter["schema"].as_object().map_or(*parameter, |_| &parameter["schema"]);
            let validator = self.validator(of);
            let lists = self.followed(of)["type"] == "array";
            // BambooHR's words and example have values between commas; the schema forgets to say so.
            let between_commas = parameter["example"].as_str().is_some_and(|example| example.contains(','));
            let joined = parameter["explode"] == false || parameter["collectionFormat"] == "csv" || between_commas;
            let values: Vec<&str> = if joined {
                values.iter().flat_map(|value| value.split(',')).collect()
            } else {
                values.iter().map(String::as_str).collect()
            };
            let fits = if lists {
                validator.is_valid(&values.iter().map(|value| json!(value)).collect())
            } else {
                values.iter().all(|value| meanings(value).iter().any(|value| validator.is_valid(value)))
            };
            if !fits && values != ["*"] {
                wrong.push(format!("{name}={} is not of {of}", values.join(",")));
            }
        }
        wrong
    }

    /// The names under which a parameter can be sent, with what is sent there.
    fn names<'a>(&'a self, parameter: &'a Value) -> Vec<(String, &'a Value)> {
        let name = parameter["name"].as_str().unwrap_or_default();
        if parameter["style"] != "deepObject" {
            return vec![(name.to_owned(), parameter)];
        }
        let mut names = Vec::new();
        let mut parts = vec![&parameter["schema"]];
        while let Some(part) = parts.pop() {
            let part = self.followed(part);
            let own = part["properties"].as_object().into_iter().flatten();
            names.extend(own.map(|(key, schema)| (format!("{name}[{key}]"), schema)));
            parts.extend(part["allOf"].as_array().into_iter().flatten());
        }
        names
    }

    fn compared(&self, schema: &Value, value: &Value) -> Vec<String> {
        let mut found = problems(&self.validator(schema), value);
        found.extend(undescribed(&self.description, schema, value));
        found
    }

    fn validator(&self, schema: &Value) -> Rc<Validator> {
        let mut validators = self.validators.borrow_mut();
        let made = validators.entry(schema.to_string());
        Rc::clone(made.or_insert_with(|| Rc::new(validator(&self.description, schema))))
    }

    fn followed<'a>(&'a self, at: &'a Value) -> &'a Value {
        at["$ref"].as_str().and_then(|reference| target(&self.description, reference)).unwrap_or(at)
    }
}

/// The schema of what is JSON.
fn media(told: &Value) -> Option<&Value> {
    let kinds = told["content"].as_object()?;
    let json = kinds.iter().find(|(kind, _)| kind.contains("json"));
    json.and_then(|(_, media)| media.get("schema"))
}

/// What a text in a query can mean.
fn meanings(text: &str) -> Vec<Value> {
    let number = text.parse::<i64>().ok().map(Value::from);
    let flag = text.parse::<bool>().ok().map(Value::from);
    std::iter::once(json!(text)).chain(number).chain(flag).collect()
}

fn fits(path: &str, described: &str) -> bool {
    let (path, described): (Vec<&str>, Vec<&str>) = (path.split('/').collect(), described.split('/').collect());
    let mut pieces = path.iter().zip(&described);
    path.len() == described.len()
        && pieces.all(|(piece, told)| piece == told || (told.starts_with('{') && !piece.is_empty()))
}
