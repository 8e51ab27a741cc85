//! Sources of people: a real SCIM server, and what of a person is never kept.

use std::path::Path;
use std::sync::Arc;

use muster_connectors::manifest::Manifest;
use muster_connectors::record::{EmploymentStatus, Raw, Record, RecordKind};
use muster_connectors::scope::ScopeState;
use muster_testbeds::scim_server::{Paging, ScimServer};
use muster_testbeds::scripted_http::{Request, Response};
use serde_json::json;

use super::bench::{connector_with, play};
use crate::collected::{TOKEN, collect};

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

fn catalogue(id: &str) -> Arc<Manifest> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("catalog/{id}.toml"));
    Arc::new(Manifest::load(&file).unwrap_or_else(|problems| panic!("{problems:#?}")))
}

#[tokio::test]
async fn people_come_from_a_real_scim_server_page_by_page_leavers_too() {
    let server = ScimServer::start(TOKEN, Paging::Index, 10).unwrap();
    let schemas = json!(["urn:ietf:params:scim:schemas:core:2.0:User", ENTERPRISE]);
    for n in 0..25 {
        let user = json!({"schemas": schemas, "userName": format!("u{n}"), "active": n != 3, "name": {"givenName": "F", "familyName": format!("L{n}")},
            "emails": [{"value": format!("u{n}@acme.example"), "primary": true}], "userType": "Contractor",
            ENTERPRISE: {"employeeNumber": format!("E{n}"), "department": "Deck"}});
        server.create("/Users", &user).unwrap();
    }
    let (connector, _clock) = connector_with(
        &catalogue("scim-hr"),
        &format!(r#"base_url = "{}", token = {{ env = "TOKEN" }}"#, server.url()),
    );
    let collected = collect(&*connector).await;
    collected.assert_honest();
    collected.assert_complete();
    assert!(collected.scope("users").pages >= 3, "{:#?}", collected.reports);
    assert_eq!(collected.kind("users", RecordKind::Employment).state, ScopeState::Complete);
    assert_eq!((collected.of(RecordKind::Person).len(), collected.of(RecordKind::Employment).len()), (25, 25));
    let left: Vec<&str> = collected
        .records
        .iter()
        .filter_map(|record| match record {
            Record::Employment(job) if job.status == EmploymentStatus::Terminated => job.employee_id.as_deref(),
            _ => None,
        })
        .collect();
    assert_eq!(left, ["E3"]);
}

/// What an emit with `enriches` names and no other is read, and not kept.
#[tokio::test]
async fn what_only_adds_to_a_record_is_no_part_of_its_raw_object() {
    let manifest = super::bench::manifest(
        r#"
[stream.people]
get = "/people"
items = "people"
page = { kind = "none" }
[[stream.people.emit]]
as = "person"
id = "id"
family_name = "surname"
[[stream.people.emit]]
as = "person"
enriches = true
id = "id"
employee_ids = "[(attributes | where('id', 'number') | first).value]"
"#,
    );
    let reply = |_: &Request| {
        Response::json(json!({"people": [{"id": "p1", "surname": "Stone", "attributes": [{"id": "number", "value": "7"}, {"id": "iban", "value": "DE02"}]}]}).to_string())
    };
    let (collected, _) = play(&manifest, reply).await;
    let [Record::Person(person)] = &collected.records[..] else { panic!("{collected:#?}") };
    assert_eq!(person.employee_ids, ["7"]);
    assert_eq!(person.raw, Raw::Object(r#"{"id":"p1","surname":"Stone"}"#.to_owned()));
}
