//! Sources of people.

use muster_connectors::record::RecordKind;
use muster_testbeds::scripted_http::{Request, Response};
use serde_json::{Value, json};

use super::Row;
use crate::listed;

pub(super) const ROWS: &[Row] = &[
    Row {
        system: "bamboohr",
        hides: "former employees",
        settings: r#"company = "acme", future_ends = false, key = { env = "TOKEN" }"#,
        vendor: bamboohr,
        shows: |read| read.record(RecordKind::Employment, "4")["status"] == "terminated",
        without: (r#"over  = { state = ["active", "inactive"] }"#, r#"over  = { state = ["active"] }"#),
    },
    Row {
        system: "bamboohr",
        hides: "employees who have not started yet",
        settings: r#"company = "acme", future_ends = false, key = { env = "TOKEN" }"#,
        vendor: bamboohr,
        shows: |read| read.record(RecordKind::Employment, "3")["status"] == "future",
        without: (r#""filter[status]" = "${state}", "#, ""),
    },
    Row {
        system: "bamboohr",
        hides: "the last day of who has given notice",
        settings: r#"company = "acme", key = { env = "TOKEN" }"#,
        vendor: bamboohr,
        shows: |read| read.record(RecordKind::Employment, "2")["end"] == "2026-12-31",
        without: (r#"onlyCurrent = "false" "#, r#"onlyCurrent = "true" "#),
    },
    Row {
        system: "hibob",
        hides: "inactive people",
        settings: r#"service_user = "svc", token = { env = "TOKEN" }"#,
        vendor: |request| hibob(request, true),
        shows: |read| read.record(RecordKind::Employment, "left")["status"] == "terminated",
        without: ("showInactive = true", "showInactive = false"),
    },
    Row {
        system: "hibob",
        hides: "inactive people, whatever is asked, of a service user whose permission group does not cover them",
        settings: r#"service_user = "svc", token = { env = "TOKEN" }"#,
        vendor: |request| hibob_of(request, json!([bob("here", "Active", json!(null))])),
        shows: |read| read.tells(RecordKind::Person, "holds no inactive person"),
        without: ("config.has_former and", "false and"),
    },
    Row {
        system: "hibob",
        hides: "fields that the service user may not see",
        settings: r#"service_user = "svc", has_former = false, token = { env = "TOKEN" }"#,
        vendor: |request| hibob(request, false),
        shows: |read| read.tells(RecordKind::Person, "may not view the section Lifecycle"),
        without: ("(employees | pluck('internal.status') | len) == 0", "false"),
    },
    Row {
        system: "personio",
        hides: "persons who left",
        settings: r#"client_id = "app", client_secret = { env = "TOKEN" }"#,
        vendor: |request| personio(request, true, true),
        shows: |read| read.record(RecordKind::Employment, "e-left")["status"] == "terminated",
        without: (r#"over  = { pass = ["ACTIVE", "INACTIVE"] }"#, r#"over  = { pass = ["ACTIVE"] }"#),
    },
    Row {
        system: "personio",
        hides: "attributes of persons that are not whitelisted, down to the id",
        settings: r#"client_id = "app", client_secret = { env = "TOKEN" }"#,
        vendor: |request| personio(request, false, true),
        shows: |read| read.tells(RecordKind::Person, "the persons show no names"),
        without: ("(body._data | pluck('last_name') | len) == 0", "false"),
    },
    Row {
        system: "personio",
        hides: "attributes of employments that are not whitelisted",
        settings: r#"client_id = "app", client_secret = { env = "TOKEN" }"#,
        vendor: |request| personio(request, true, false),
        shows: |read| read.tells(RecordKind::Employment, "show no first or no last day"),
        without: ("'person' in (body._data | first) and (", "false and ("),
    },
    Row {
        system: "scim-hr",
        hides: "inactive users, of a service that shows them only to a filter",
        settings: r#"inactive_pass = true, token = { env = "TOKEN" }"#,
        vendor: scim,
        shows: |read| read.record(RecordKind::Employment, "left")["status"] == "terminated",
        without: (r#"when  = "config.inactive_pass""#, r#"when  = "not config.inactive_pass""#),
    },
    Row {
        system: "workday",
        hides: "who left, when the report is based on All Active Workers",
        settings: r#"tenant = "acme", report_owner = "isu", report = "Workers", user = "isu", password = { env = "TOKEN" }"#,
        vendor: |_request| {
            listed(
                "Report_Entry",
                json!([{"Employee_ID": "1", "Last_Name": "Stone", "Active_Status": "1", "Hire_Date": "2020-03-01"}]),
            )
        },
        shows: |read| read.tells(RecordKind::Person, "nobody in the report has left"),
        without: (r#"when  = "config.has_former and"#, r#"when  = "false and"#),
    },
];

fn bob(id: &str, status: &str, last: Value) -> Value {
    let mut internal = json!({"status": status});
    if !last.is_null() {
        internal["terminationDate"] = last;
    }
    json!({"id": id, "firstName": "F", "surname": id, "email": format!("{id}@acme.example"), "work": {"startDate": "2020-03-01"}, "internal": internal})
}

/// Bob: inactive people come when asked for; a section that the service user may not view is in nobody's row.
fn hibob(request: &Request, lifecycle: bool) -> Response {
    let asked: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let mut people = vec![bob("here", "Active", json!(null))];
    if asked["showInactive"] == true {
        people.push(bob("left", "Inactive", json!("2026-10-31")));
    }
    if !lifecycle {
        for person in &mut people {
            person.as_object_mut().unwrap().remove("internal");
        }
    }
    hibob_of(request, json!(people))
}

fn hibob_of(request: &Request, people: Value) -> Response {
    match request.path.as_str() {
        "/v1/people/search" => listed("employees", people),
        _ => Response::json(json!([{"id": "internal.status"}, {"id": "internal.terminationDate"}]).to_string()),
    }
}

/// Personio: what is not whitelisted is not there.
fn personio(request: &Request, persons: bool, employments: bool) -> Response {
    let id =
        if request.query("status") == Some("INACTIVE") || request.path.contains("/left/") { "left" } else { "here" };
    match request.path.as_str() {
        "/v2/auth/token" => Response::json(json!({"access_token": "t", "expires_in": 3600}).to_string()),
        "/v2/persons" if persons => {
            listed("_data", json!([{"id": id, "first_name": "F", "last_name": id, "email": "f@acme.example"}]))
        }
        "/v2/persons" => listed("_data", json!([{"id": id}])),
        _ => {
            let status = if id == "left" { "INACTIVE" } else { "ACTIVE" };
            let mut row = json!({"id": format!("e-{id}"), "person": {"id": id}, "status": status});
            if employments {
                row["employment_start_date"] = json!("2020-03-01");
                row["employment_end_date"] = if id == "left" { json!("2026-10-31") } else { json!(null) };
            }
            listed("_data", json!([row]))
        }
    }
}

fn scim(request: &Request) -> Response {
    let (id, active) =
        if request.query("filter") == Some("active eq false") { ("left", false) } else { ("here", true) };
    let user = json!({"id": id, "userName": id, "active": active});
    Response::json(json!({"totalResults": 1, "startIndex": 1, "itemsPerPage": 1, "Resources": [user]}).to_string())
}

fn bamboohr(request: &Request) -> Response {
    let employee = |id: &str, status: &str, hired: &str| json!({"employeeId": id, "firstName": "F", "lastName": id, "status": status, "hireDate": hired, "workEmail": format!("e{id}@acme.example")});
    let active = [employee("1", "Active", "2020-03-01"), employee("2", "Active", "2020-03-01")];
    let page = |rows: &[Value]| {
        Response::json(json!({"data": rows, "meta": {"total": rows.len(), "page": {"nextCursor": null}}}).to_string())
    };
    match (request.path.as_str(), request.query("filter[status]")) {
        ("/api/v1/employees", Some("inactive")) => page(&[employee("4", "Inactive", "2019-01-01")]),
        ("/api/v1/employees", Some("active")) => {
            page(&[&active[..], &[employee("3", "Active", "2027-01-01")]].concat())
        }
        ("/api/v1/employees", _) => page(&active),
        ("/api/v1/meta/users", _) => Response::json("{}"),
        (path, _) => {
            // What takes effect later shows only when it is asked for.
            let id = path.rsplit('/').next().unwrap_or_default();
            let later = request.query("onlyCurrent") == Some("false");
            let last = if id == "2" && later { "2026-12-31" } else { "0000-00-00" };
            Response::json(json!({"id": id, "terminationDate": last}).to_string())
        }
    }
}
