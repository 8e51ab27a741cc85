//! Sources of people.

use muster_connectors::record::RecordKind;
use muster_testbeds::scripted_http::{Request, Response};
use serde_json::json;

use super::Row;

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
        hides: "the last day of who has given notice",
        settings: r#"company = "acme", key = { env = "TOKEN" }"#,
        vendor: bamboohr,
        shows: |read| read.record(RecordKind::Employment, "2")["end"] == "2026-12-31",
        without: (r#"onlyCurrent = "false" "#, r#"onlyCurrent = "true" "#),
    },
];

fn bamboohr(request: &Request) -> Response {
    let employee = |id: &str, status: &str, hired: &str| json!({"employeeId": id, "firstName": "F", "lastName": id, "status": status, "hireDate": hired, "workEmail": format!("e{id}@acme.example")});
    let active = [employee("1", "Active", "2020-03-01"), employee("2", "Active", "2020-03-01")];
    let page = |rows: &[serde_json::Value]| {
        Response::json(json!({"data": rows, "meta": {"total": rows.len(), "page": {"nextCursor": null}}}).to_string())
    };
    match (request.path.as_str(), request.query("filter[status]")) {
        ("/api/v1/employees", Some("inactive")) => page(&[employee("4", "Inactive", "2019-01-01")]),
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
