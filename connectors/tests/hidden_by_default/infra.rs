//! Infrastructure: monitoring, networks, clouds' edges, machines that build machines.

use muster_connectors::record::{Record, RecordKind};
use muster_connectors::scope::ScopeState;
use muster_testbeds::scripted_http::{Request, Response};
use serde_json::{Value, json};

use super::Row;
use crate::collected::Collected;
use crate::listed;

pub(super) const ROWS: &[Row] = &[
    Row {
        system: "hcp-terraform",
        hides: "secret teams, from a token that is no owner's: that they are missing has to be told",
        settings: r#"organization = "acme", token = { env = "TOKEN" }"#,
        vendor: |request| terraform(request, false),
        shows: |read| {
            read.record(RecordKind::Group, "team-secret").is_null()
                && [RecordKind::Group, RecordKind::Membership, RecordKind::Grant]
                    .iter()
                    .all(|kind| is_partial(read, *kind))
        },
        without: (r#"ok      = "config.secret_teams or not"#, r#"ok      = "true or not"#),
    },
    Row {
        system: "hcp-terraform",
        hides: "members after the first 20",
        settings: r#"organization = "acme", token = { env = "TOKEN" }"#,
        vendor: |request| terraform(request, true),
        shows: |read| {
            !read.record(RecordKind::Account, "user-25").is_null()
                && read.record(RecordKind::Group, "team-secret")["description"] == "secret"
                && read.state("owners") == ScopeState::Complete
        },
        without: (
            "[pager.numbered]\nkind      = \"page\"\ninto      = \"query.page[number]\"\nsize      = 100\nsize_into = \"query.page[size]\"\ntotal     = \"body.meta.pagination['total-count']\"\n",
            "[pager.numbered]\nkind = \"none\"\n",
        ),
    },
    Row {
        system: "datadog",
        hides: "users after the first 10",
        settings: r#"api_key = { env = "TOKEN" }, app_key = { env = "TOKEN" }"#,
        vendor: datadog,
        shows: |read| !read.record(RecordKind::Account, "u25").is_null() && read.state("users") == ScopeState::Complete,
        without: (
            "kind      = \"page\"\ninto      = \"query.page[number]\"\nstart     = 0\nsize      = 100\nsize_into = \"query.page[size]\"\ntotal     = \"meta.page.total_filtered_count\"\n",
            "kind      = \"none\"\n",
        ),
    },
    Row {
        system: "tailscale",
        hides: "users of other tailnets with whom a device is shared",
        settings: TAILSCALE,
        vendor: tailscale,
        shows: |read| read.record(RecordKind::Account, "guest")["affiliation"] == "guest",
        without: (r#"query = { type = "all", role = "all" }"#, r#"query = { role = "all" }"#),
    },
    Row {
        system: "tailscale",
        hides: "routes that a device serves",
        settings: TAILSCALE,
        vendor: tailscale,
        shows: |read| holds(read, "n1", "route:exit-node"),
        without: (r#"query = { fields = "all" }"#, "query = {}"),
    },
    Row {
        system: "tailscale",
        hides: "keys of others than the credential",
        settings: TAILSCALE,
        vendor: tailscale,
        shows: |read| read.record(RecordKind::Credential, "kADA")["account"] == "ada",
        without: (r#"query = { all = "true" }"#, "query = {}"),
    },
    Row {
        system: "cloudflare",
        hides: "members after the first 20",
        settings: CLOUDFLARE,
        vendor: cloudflare,
        shows: |read| !read.record(RecordKind::Account, "m25").is_null(),
        without: (
            "[pager.numbered]\nkind      = \"page\"\ninto      = \"query.page\"\nsize      = 50\nsize_into = \"query.per_page\"\ntotal     = \"result_info.total_count\"\n",
            "[pager.numbered]\nkind = \"none\"\n",
        ),
    },
    Row {
        system: "cloudflare",
        hides: "expired tokens of the account",
        settings: CLOUDFLARE,
        vendor: cloudflare,
        shows: |read| read.record(RecordKind::Credential, "token:old")["state"] == "expired",
        without: (r#"query = { include_expired = "true" }"#, "query = {}"),
    },
    Row {
        system: "grafana",
        hides: "folders below the top level",
        settings: GRAFANA,
        vendor: grafana,
        shows: |read| read.record(RecordKind::Resource, "nested")["parent"] == "top",
        without: ("get   = \"/search\"\nquery = { type = \"dash-folder\" }", "get   = \"/folders\""),
    },
    Row {
        system: "grafana",
        hides: "roles that are marked hidden",
        settings: GRAFANA,
        vendor: grafana,
        shows: |read| read.record(RecordKind::Entitlement, "r-hidden")["name"] == "Hidden",
        without: (
            "get   = \"/access-control/roles\"\nquery = { includeHidden = \"true\" }",
            "get   = \"/access-control/roles\"",
        ),
    },
    Row {
        system: "grafana",
        hides: "a user whom the server's own setting hides: counted in the total, so that the list is partial",
        settings: GRAFANA,
        vendor: grafana,
        shows: |read| read.state("org_users") == ScopeState::Partial,
        without: (r#"total     = "totalCount""#, "short_pages = false"),
    },
];

const TAILSCALE: &str = r#"auth = "token", token = { env = "TOKEN" }"#;
const CLOUDFLARE: &str = r#"account_id = "acme", zero_trust = false, token = { env = "TOKEN" }"#;
const GRAFANA: &str = r#"rbac = true, token = { env = "TOKEN" }"#;

/// Whether some scope says that records of this kind are missing.
fn is_partial(read: &Collected, kind: RecordKind) -> bool {
    let mut told = read.reports.iter().filter_map(|report| report.kinds.get(&kind));
    told.any(|told| told.state != ScopeState::Complete)
}

/// Whether the principal holds the entitlement.
fn holds(read: &Collected, principal: &str, entitlement: &str) -> bool {
    let is = |record: &Record| matches!(record, Record::Grant(grant) if grant.principal == principal && grant.entitlement == entitlement);
    read.records.iter().any(is)
}

/// The rows of a page, counted from `first`, of a list whose pages have `usual` rows unless asked.
fn paged(rows: &[Value], number: Option<&str>, size: Option<&str>, first: usize, usual: usize) -> Vec<Value> {
    let number = number.map_or(first, |number| number.parse().unwrap()) - first;
    let size = size.map_or(usual, |size| size.parse().unwrap());
    rows.iter().skip(number * size).take(size).cloned().collect()
}

fn terraform(request: &Request, owner: bool) -> Response {
    let members: Vec<Value> = (1..=25)
        .map(|n| {
            json!({"id": format!("ou-{n}"), "attributes": {"status": "active", "email": format!("u{n}@acme.example"), "created-at": "2025-01-01T00:00:00Z"},
                "relationships": {"user": {"data": {"id": format!("user-{n}")}}, "teams": {"data": []}}})
        })
        .collect();
    let team = |id: &str, name: &str, visibility: &str| json!({"id": id, "attributes": {"name": name, "visibility": visibility, "organization-access": {}, "permissions": {"can-update-membership": owner}}});
    let mut teams = vec![team("team-owners", "owners", "organization"), team("team-dev", "developers", "organization")];
    if owner {
        teams.push(team("team-secret", "breach response", "secret"));
    }
    if let Some(names) = request.query("filter[names]") {
        teams.retain(|team| team["attributes"]["name"] == names);
    }
    let rows = match request.path.as_str() {
        "/api/v2/organizations/acme" => {
            return Response::json(json!({"data": {"id": "acme", "attributes": {"external-id": "org-1", "permissions": {"can-traverse": true}}}}).to_string());
        }
        "/api/v2/organizations/acme/organization-memberships" => members,
        "/api/v2/organizations/acme/teams" => teams,
        _ => Vec::new(),
    };
    let page = paged(&rows, request.query("page[number]"), request.query("page[size]"), 1, 20);
    Response::json(
        json!({"data": page, "included": [], "meta": {"pagination": {"total-count": rows.len(), "next-page": null}}})
            .to_string(),
    )
}

fn datadog(request: &Request) -> Response {
    let users: Vec<Value> = (1..=25)
        .map(|n| {
            json!({"type": "users", "id": format!("u{n}"), "attributes": {"handle": format!("u{n}@acme.example"), "status": "Active", "disabled": false, "service_account": false, "created_at": "2025-01-01T00:00:00+00:00"},
                "relationships": {"roles": {"data": []}, "org": {"data": {"id": "org", "type": "orgs"}}}})
        })
        .collect();
    let rows = if request.path == "/api/v2/users" { users } else { Vec::new() };
    let page = paged(&rows, request.query("page[number]"), request.query("page[size]"), 0, 10);
    let total = rows.len();
    Response::json(json!({"data": page, "meta": {"page": {"total_filtered_count": total, "total_count": total}, "pagination": {"total": total}}}).to_string())
}

fn tailscale(request: &Request) -> Response {
    let user = |id: &str, kind: &str| json!({"id": id, "loginName": format!("{id}@acme.example"), "tailnetId": "T1", "type": kind, "role": "member", "status": "active", "created": "2025-01-01T00:00:00Z"});
    match request.path.as_str() {
        "/api/v2/tailnet/-/users" if request.query("type") == Some("all") => {
            listed("users", json!([user("ada", "member"), user("guest", "shared")]))
        }
        "/api/v2/tailnet/-/users" => listed("users", json!([user("ada", "member")])),
        "/api/v2/tailnet/-/devices" => {
            let mut device = json!({"nodeId": "n1", "name": "n1", "hostname": "n1", "user": "ada@acme.example", "authorized": true, "isExternal": false, "keyExpiryDisabled": true, "created": "2025-01-01T00:00:00Z", "tags": []});
            if request.query("fields") == Some("all") {
                device["enabledRoutes"] = json!(["0.0.0.0/0"]);
            }
            listed("devices", json!([device]))
        }
        _ => {
            let key = |id: &str, user: &str| json!({"id": id, "keyType": "api", "created": "2025-01-01T00:00:00Z", "expires": "2025-03-01T00:00:00Z", "userId": user});
            let mut keys = vec![key("kMUSTER", "muster")];
            if request.query("all") == Some("true") {
                keys.push(key("kADA", "ada"));
            }
            listed("keys", json!(keys))
        }
    }
}

fn cloudflare(request: &Request) -> Response {
    let rows: Vec<Value> = match request.path.as_str() {
        "/client/v4/accounts/acme" => {
            return Response::json(json!({"success": true, "result": {"id": "acme"}}).to_string());
        }
        "/client/v4/accounts/acme/members" => (1..=25)
            .map(|n| json!({"id": format!("m{n}"), "status": "accepted", "user": {"id": format!("u{n}"), "email": format!("u{n}@acme.example"), "two_factor_authentication_enabled": true}, "roles": [], "policies": []}))
            .collect(),
        "/client/v4/accounts/acme/tokens" => {
            let token = |id: &str, status: &str| json!({"id": id, "name": id, "status": status, "issued_on": "2025-01-01T00:00:00Z", "expires_on": "2025-06-01T00:00:00Z", "last_used_on": null, "policies": []});
            let mut tokens = vec![token("new", "active")];
            if request.query("include_expired") == Some("true") {
                tokens.push(token("old", "expired"));
            }
            tokens
        }
        _ => Vec::new(),
    };
    let page = paged(&rows, request.query("page"), request.query("per_page"), 1, 20);
    Response::json(
        json!({"success": true, "errors": [], "result": page, "result_info": {"total_count": rows.len()}}).to_string(),
    )
}

fn grafana(request: &Request) -> Response {
    let folder = |uid: &str, parent: Option<&str>| json!({"uid": uid, "title": uid, "folderUid": parent});
    let role = |uid: &str, name: &str| json!({"uid": uid, "name": format!("fixed:{uid}"), "displayName": name});
    let rows = match request.path.as_str() {
        "/api/user" => {
            return Response::json(json!({"login": "sa-muster", "orgId": 1, "isGrafanaAdmin": false}).to_string());
        }
        // Two users, of whom hidden_users names one.
        "/api/org/users/search" => {
            let ada = json!({"userId": 1, "login": "ada", "email": "ada@acme.example", "role": "Viewer", "lastSeenAt": "2026-11-01T00:00:00Z", "created": "2025-01-01T00:00:00Z", "isDisabled": false, "authLabels": []});
            let page = if request.query("page") == Some("1") { vec![ada] } else { vec![] };
            return Response::json(json!({"totalCount": 2, "orgUsers": page}).to_string());
        }
        "/api/teams/search" => return Response::json(json!({"totalCount": 0, "teams": []}).to_string()),
        "/api/serviceaccounts/search" => {
            return Response::json(json!({"totalCount": 0, "serviceAccounts": []}).to_string());
        }
        "/api/folders" => json!([folder("top", None)]),
        "/api/search" => json!([folder("top", None), folder("nested", Some("top"))]),
        "/api/access-control/roles" if request.query("includeHidden") == Some("true") => {
            json!([role("r-open", "Open"), role("r-hidden", "Hidden")])
        }
        "/api/access-control/roles" => json!([role("r-open", "Open")]),
        _ => json!([]),
    };
    Response::json(rows.to_string())
}
