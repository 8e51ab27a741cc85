//! Identity providers.

use muster_connectors::record::RecordKind;
use muster_testbeds::graph_batch;
use muster_testbeds::scripted_http::{Request, Response};
use serde_json::{Value, json};

use super::Row;
use crate::listed;

pub(super) const ROWS: &[Row] = &[
    Row {
        system: "okta",
        hides: "users with status DEPROVISIONED",
        settings: r#"factors = false, token = { env = "TOKEN" }"#,
        vendor: okta,
        shows: |read| read.record(RecordKind::Account, "gone")["lifecycle"] == "deprovisioned",
        without: (r#"over  = { pass = ["current", "deprovisioned"] }"#, r#"over  = { pass = ["current"] }"#),
    },
    Row {
        system: "google-workspace",
        hides: "deleted users",
        settings: GOOGLE,
        vendor: google,
        shows: |read| read.record(RecordKind::Account, "gone")["lifecycle"] == "deleted",
        without: (r#"over  = { pass = ["current", "deleted"] }"#, r#"over  = { pass = ["current"] }"#),
    },
    Row {
        system: "google-workspace",
        hides: "members that come through a group",
        settings: GOOGLE,
        vendor: google,
        shows: |read| read.has_member("team", "all") && read.has_member("ann", "team"),
        without: ("type in ['USER', 'GROUP']", "type == 'USER'"),
    },
    Row {
        system: "entra",
        hides: "every user, when signInActivity is selected without a licence for it",
        settings: r#"tenant_id = "acme", client_id = "app", login_url = "{url}", client_secret = { env = "TOKEN" }"#,
        vendor: entra,
        shows: |read| {
            let reports = read.reports.iter().filter_map(|report| report.kinds.get(&RecordKind::Account));
            let withheld = reports.filter(|report| report.withheld.contains_key("last_activity")).count() > 0;
            read.record(RecordKind::Account, "ann")["last_activity"]["state"] != "never"
                && withheld
                && read.has_member("ann", "all")
                && !read.record(RecordKind::Account, "ann").is_null()
        },
        without: ("department,jobTitle,companyName", "department,jobTitle,companyName,signInActivity"),
    },
    Row {
        system: "keycloak",
        hides: "users beyond the first 100",
        settings: KEYCLOAK,
        vendor: keycloak,
        shows: |read| read.of(RecordKind::Account).len() == 1 + 1001 && read.whole(RecordKind::Account),
        without: (
            r#"page  = { kind = "offset", into = "query.first", size = 500, size_into = "query.max" }"#,
            r#"page  = { kind = "none" }"#,
        ),
    },
    Row {
        system: "keycloak",
        hides: "service accounts",
        settings: KEYCLOAK,
        vendor: keycloak,
        shows: |read| read.record(RecordKind::Account, "robot")["class"] == "service",
        without: ("client.serviceAccountsEnabled is true", "client.serviceAccountsEnabled is false"),
    },
    Row {
        system: "keycloak",
        hides: "groups inside groups",
        settings: KEYCLOAK,
        vendor: keycloak,
        shows: |read| read.has_member("inner", "outer") && read.has_member("u7", "inner"),
        without: (
            "where = \"group.subGroupCount is none or group.subGroupCount > 0\"",
            "where = \"group.subGroupCount is none\"",
        ),
    },
    Row {
        system: "duo",
        hides: "users beyond the first page",
        settings: DUO,
        vendor: duo,
        shows: |read| !read.record(RecordKind::Account, "DU300").is_null(),
        without: (
            r#"from = "metadata.next_offset", into = "query.offset", size = 300"#,
            r#"from = "metadata.none", into = "query.offset", size = 300"#,
        ),
    },
    Row {
        system: "duo",
        hides: "that a group's members are asked for no second factor",
        settings: DUO,
        vendor: duo,
        shows: |read| {
            read.record(RecordKind::Account, "DU0")["mfa"]["state"] == "none"
                && read.record(RecordKind::Account, "DU1")["mfa"] == json!(["duo"])
        },
        without: ("group.status == 'Bypass'", "false"),
    },
];

const KEYCLOAK: &str = r#"realm = "acme", client_id = "muster", factors = false, client_secret = { env = "TOKEN" }"#;
const DUO: &str = r#"key = "DI1", admins = false, secret = { env = "TOKEN" }"#;

/// Keycloak: 100 rows unless `max` says otherwise; no service accounts among users; top groups only.
fn keycloak(request: &Request) -> Response {
    let number = |name: &str, default: usize| request.query(name).and_then(|text| text.parse().ok()).unwrap_or(default);
    let (first, max) = (number("first", 0), number("max", 100));
    let paged = |rows: Vec<Value>| {
        let page: Vec<Value> = rows.into_iter().skip(first).take(max).collect();
        Response::json(json!(page).to_string())
    };
    let group = |id: &str, inside: u32| json!({"id": id, "name": id, "path": format!("/{id}"), "subGroupCount": inside, "subGroups": []});
    match request.path.as_str() {
        "/realms/acme/protocol/openid-connect/token" => {
            Response::json(json!({"access_token": "t", "expires_in": 300}).to_string())
        }
        "/admin/realms/acme/users" => paged(
            (0..1001)
                .map(|n| json!({"id": format!("u{n}"), "username": format!("user{n}"), "enabled": true}))
                .collect(),
        ),
        "/admin/realms/acme/clients" => {
            paged(vec![json!({"id": "c1", "clientId": "deploy", "enabled": true, "serviceAccountsEnabled": true})])
        }
        "/admin/realms/acme/clients/c1/service-account-user" => {
            Response::json(json!({"id": "robot", "username": "service-account-deploy", "enabled": true}).to_string())
        }
        "/admin/realms/acme/groups" => paged(vec![group("outer", 1)]),
        "/admin/realms/acme/groups/outer/children" => paged(vec![group("inner", 0)]),
        "/admin/realms/acme/groups/inner/members" => paged(vec![json!({"id": "u7"})]),
        _ => paged(Vec::new()),
    }
}

/// Duo: pages of at most 300; a user whose group is in bypass looks like any other.
fn duo(request: &Request) -> Response {
    let number = |name: &str, default: usize| request.query(name).and_then(|text| text.parse().ok()).unwrap_or(default);
    let (offset, limit) = (number("offset", 0), number("limit", 100).min(300));
    let all: Vec<Value> = match request.path.as_str() {
        "/admin/v1/users" => (0..301)
            .map(|n| json!({"user_id": format!("DU{n}"), "username": format!("user{n}"), "status": "active", "is_enrolled": true, "last_login": null, "created": 1}))
            .collect(),
        "/admin/v1/groups" => vec![json!({"group_id": "DG1", "name": "vendors", "status": "Bypass"})],
        "/admin/v2/groups/DG1/users" => vec![json!({"user_id": "DU0", "username": "user0"})],
        _ => Vec::new(),
    };
    let page: Vec<&Value> = all.iter().skip(offset).take(limit).collect();
    let mut metadata = json!({});
    if offset + limit < all.len() {
        metadata["next_offset"] = json!(offset + limit);
    }
    Response::json(json!({"stat": "OK", "response": page, "metadata": metadata}).to_string())
}

const GOOGLE: &str = r#"client_email = "svc@acme.example", admin = "admin@acme.example", token_url = "{url}/token", private_key = { env = "KEY" }"#;

fn okta(request: &Request) -> Response {
    let user = |id: &str, status: &str| json!({"id": id, "status": status, "created": "2024-01-01T00:00:00.000Z", "lastLogin": null, "profile": {"login": id}});
    let rows = match (request.path.as_str(), request.query("filter")) {
        ("/api/v1/users", Some(filter)) if filter.contains("DEPROVISIONED") => json!([user("gone", "DEPROVISIONED")]),
        ("/api/v1/users", None) => json!([user("ada", "ACTIVE")]),
        ("/api/v1/iam/roles", _) => return listed("roles", json!([])),
        ("/api/v1/iam/assignees/users", _) => return listed("value", json!([])),
        _ => json!([]),
    };
    Response::json(rows.to_string())
}

fn google(request: &Request) -> Response {
    let user = |id: &str| json!({"id": id, "primaryEmail": format!("{id}@acme.example"), "name": {"fullName": id}, "customerId": "C1", "suspended": false, "creationTime": "2024-01-01T00:00:00.000Z", "lastLoginTime": "1970-01-01T00:00:00.000Z"});
    let group = |id: &str| json!({"id": id, "name": id, "email": format!("{id}@acme.example")});
    let member = |id: &str, kind: &str| json!({"id": id, "type": kind, "role": "MEMBER"});
    let derived = request.query("includeDerivedMembership") == Some("true");
    match request.path.as_str() {
        "/token" => Response::json(json!({"access_token": "t", "expires_in": 3600}).to_string()),
        "/admin/directory/v1/users" if request.query("showDeleted") == Some("true") => {
            listed("users", json!([user("gone")]))
        }
        "/admin/directory/v1/users" => listed("users", json!([user("ann")])),
        "/admin/directory/v1/groups" => listed("groups", json!([group("all"), group("team")])),
        "/admin/directory/v1/groups/all/members" if derived => {
            listed("members", json!([member("team", "GROUP"), member("ann", "USER")]))
        }
        "/admin/directory/v1/groups/all/members" => listed("members", json!([member("team", "GROUP")])),
        "/admin/directory/v1/groups/team/members" => listed("members", json!([member("ann", "USER")])),
        _ => listed("items", json!([])),
    }
}

fn entra(request: &Request) -> Response {
    let select = request.query("$select").unwrap_or_default();
    let rows: Value = match request.path.as_str() {
        "/acme/oauth2/v2.0/token" => {
            return Response::json(json!({"access_token": "t", "expires_in": 3600}).to_string());
        }
        "/v1.0/organization" => json!([{"id": "acme", "displayName": "Acme"}]),
        // One field that the tenant has no licence for costs the whole list.
        "/v1.0/users" if select.contains("signInActivity") => {
            let code = "Authentication_RequestFromNonPremiumTenantOrB2CTenant";
            return Response::json(json!({"error": {"code": code, "message": "Neither tenant is B2C or tenant doesn't have premium license"}}).to_string()).with_status(403);
        }
        "/v1.0/users" => {
            json!([{"id": "ann", "userPrincipalName": "ann@acme.example", "displayName": "Ann", "accountEnabled": true, "userType": "Member"}])
        }
        "/v1.0/$batch" => return graph_batch::answered(request, entra),
        "/v1.0/groups/delta" => json!([{"id": "all", "displayName": "All", "groupTypes": []}]),
        "/v1.0/groups/all/members" => json!([{"@odata.type": "#microsoft.graph.user", "id": "ann"}]),
        _ => json!([]),
    };
    listed("value", rows)
}
