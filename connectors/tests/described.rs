//! Our written exchanges against the vendors' descriptions: what a fixture says was asked and answered, has to be something that
//! the vendor describes.
//!
//! Checked is every exchange of `fixtures/ID` whose manifest has a description: the call, its query, its body, the status of the
//! answer, and the answer. Objects are closed: a field that the vendor does not describe is wrong, and so is a required one that is
//! missing. Failures are checked where the description says what they look like. Not checked are the values of path parameters
//! and of ids in the form of UUIDs: ours are short, so that people can read them.
//!
//! Where the description is wrong, [`KNOWN`] says what shows it. An entry that nothing needs any more fails.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod schemas;
/// Exchanges, and what is known of them.
mod described {
    pub(crate) mod known;
    pub(crate) mod sources;
}

use std::collections::BTreeSet;

use serde_json::{Value, json};

use described::known::KNOWN;
use described::sources;
use schemas::contract::Contract;

#[test]
fn written_exchanges_say_what_the_vendors_describe() {
    let mut found = BTreeSet::new();
    for (id, description) in sources::descriptions() {
        let contract = Contract::of(description);
        let exchanges = sources::exchanges(id);
        let described: Vec<&Value> = exchanges.iter().filter(|exchange| !sources::is_aside(id, exchange)).collect();
        assert!(!described.is_empty(), "{id} has no exchange that is described");
        for exchange in described {
            found.extend(contract.problems(exchange).into_iter().map(|wrong| format!("{id}: {wrong}")));
        }
    }
    let known = |line: &str| KNOWN.iter().position(|known| known.means(line));
    let used: BTreeSet<usize> = found.iter().filter_map(|line| known(line)).collect();
    let unknown: Vec<&String> = found.iter().filter(|line| known(line).is_none()).collect();
    let stale: Vec<_> = KNOWN.iter().enumerate().filter(|(at, _)| !used.contains(at)).map(|(_, known)| known).collect();
    assert!(unknown.is_empty(), "{} differences: {unknown:#?}", unknown.len());
    assert!(stale.is_empty(), "nothing differs so any more: {stale:#?}");
}

/// The description that the tests of the checking itself use: as tricky as vendors write them.
fn tricky() -> Contract {
    Contract::of(json!({
        "openapi": "3.0.3", "servers": [{"url": "https://x.example/v1"}],
        "paths": {"/people": {
            "get": {"parameters": [
                {"name": "limit", "in": "query", "schema": {"type": "integer", "maximum": 100}},
                {"name": "org", "in": "query", "required": true, "schema": {"type": "string", "enum": ["a", "b"]}},
                {"name": "fields", "in": "query", "explode": false, "schema": {"type": "array", "items": {"enum": ["id", "name"]}}}],
                "responses": {"200": {"content": {"application/json": {"schema": {"type": "array", "items": {"$ref": "#/components/schemas/Person"}}}}},
                              "default": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Wrong"}}}}}},
            "post": {"requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Named"}}}},
                "responses": {"204": {"description": ""}}}}},
        "components": {"schemas": {
            "Named": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string", "nullable": true}}},
            "Person": {"allOf": [{"$ref": "#/components/schemas/Named"}, {"type": "object", "properties": {
                "id": {"type": "integer"}, "boss": {"$ref": "#/components/schemas/Named"}, "since": {"type": "string", "format": "date-time"},
                "labels": {"type": "object", "additionalProperties": {"type": "string"}}}}]},
            "Wrong": {"type": "object", "required": ["message"], "properties": {"message": {"type": "string"}}}}}
    }))
}

#[test]
fn a_difference_is_found_wherever_it_is() {
    let contract = tricky();
    let good = json!([{"id": 1, "name": null, "boss": {"name": "B"}, "since": "2026-11-20T10:00:00Z", "labels": {"any": "x"}}]);
    let asked = "GET /v1/people?org=a&limit=100&fields=id,name";
    let answered = |request: &str, reply: &Value| contract.problems(&json!({"request": request, "reply": reply}));
    assert_eq!(answered(asked, &good), [] as [String; 0]);
    let wrong = [
        (answered("GET /v1/persons", &good), "describes no such call"),
        (answered("DELETE /v1/people", &good), "describes no such call"),
        (answered("GET /v1/people?org=a&size=1", &good), "takes no `size`"),
        (answered("GET /v1/people?org=a&limit=101", &good), "limit=101"),
        (answered("GET /v1/people?org=a&fields=id,age", &good), "fields=id,age"),
        (answered("GET /v1/people", &good), "needs `org`"),
        (answered(asked, &json!([{"id": 1, "name": "A", "age": 7}])), "age: it is not described"),
        (
            answered(asked, &json!([{"id": 1, "name": "A", "boss": {"name": "B", "age": 7}}])),
            "age: it is not described",
        ),
        (answered(asked, &json!([{"id": 1}])), "\"name\" is a required property"),
        (answered(asked, &json!([{"id": "1", "name": "A"}])), "is not of type"),
        (answered(asked, &json!([{"id": 1, "name": "A", "since": "yesterday"}])), "date-time"),
        (answered(asked, &json!([{"id": 1, "name": "A", "labels": {"any": 1}}])), "is not of type"),
        (
            contract.problems(&json!({"request": asked, "status": 403, "reply": {"error": "no"}})),
            "error: it is not described",
        ),
        (
            contract.problems(&json!({"request": "POST /v1/people", "body": {"nam": "A"}, "status": 204})),
            "sent /nam: it is not described",
        ),
        (contract.problems(&json!({"request": "POST /v1/people", "body": {"name": "A"}})), "describes no answer 200"),
        (
            contract.problems(
                &json!({"request": "POST /v1/people", "body": {"name": "A"}, "status": 204, "reply": {"x": 1}}),
            ),
            "describes no body",
        ),
    ];
    for (told, why) in wrong {
        assert!(told.iter().any(|line| line.contains(why)), "{why}: {told:#?}");
    }
}
