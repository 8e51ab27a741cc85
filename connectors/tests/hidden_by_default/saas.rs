//! Software that is rented.

use muster_connectors::record::{Record, RecordKind};
use muster_testbeds::scripted_http::{Request, Response};
use serde_json::{Value, json};

use super::Row;
use crate::{Collected, listed};

pub(super) const ROWS: &[Row] = &[
    Row {
        system: "zoom",
        hides: "deactivated users",
        settings: ZOOM,
        vendor: zoom,
        shows: |read| read.record(RecordKind::Account, "gone")["lifecycle"] == "disabled",
        without: (ZOOM_PASSES, r#"over  = { pass = ["active", "pending"] }"#),
    },
    Row {
        system: "zoom",
        hides: "users who have not accepted yet, who have no id",
        settings: ZOOM,
        vendor: zoom,
        shows: |read| read.record(RecordKind::Account, "pending:new@acme.example")["lifecycle"] == "pending",
        without: (ZOOM_PASSES, r#"over  = { pass = ["active", "inactive"] }"#),
    },
    Row {
        system: "slack",
        hides: "deactivated users, in the list that only administrators can ask for",
        settings: r#"token = { env = "TOKEN" }"#,
        vendor: slack,
        shows: |read| read.record(RecordKind::Account, "UGONE")["lifecycle"] == "disabled",
        without: ("get   = \"/users.list\"\nitems = \"members\"", "get   = \"/admin.users.list\"\nitems = \"users\""),
    },
    Row {
        system: "slack",
        hides: "disabled user groups",
        settings: r#"token = { env = "TOKEN" }"#,
        vendor: slack,
        shows: |read| !read.record(RecordKind::Group, "SOLD").is_null() && !read.has_member("UADA", "SOLD"),
        without: (r#", include_disabled = "true""#, ""),
    },
    Row {
        system: "github",
        hides: "outside collaborators",
        settings: GITHUB,
        vendor: github,
        shows: |read| read.record(RecordKind::Account, "20")["affiliation"] == "guest",
        without: (
            "get   = \"/orgs/${config.org}/outside_collaborators\"",
            "get   = \"/orgs/${config.org}/public_members\"",
        ),
    },
    Row {
        system: "github",
        hides: "invitations that nobody accepted yet",
        settings: GITHUB,
        vendor: github,
        shows: |read| read.record(RecordKind::Account, "invitation:30")["lifecycle"] == "pending",
        without: ("get   = \"/orgs/${config.org}/invitations\"", "get   = \"/orgs/${config.org}/failed_invitations\""),
    },
    Row {
        system: "github",
        hides: "members who conceal that they are, from whoever is not one",
        settings: GITHUB,
        vendor: github,
        shows: |read| read.record(RecordKind::Account, "11")["login"] == "concealed",
        without: (INSTALLED, ANYBODY),
    },
    Row {
        system: "github",
        hides: "secret teams, from whoever does not own the organization",
        settings: GITHUB,
        vendor: github,
        shows: |read| read.record(RecordKind::Group, "41")["native_name"] == "secret",
        without: (INSTALLED, ANYBODY),
    },
    Row {
        system: "gitlab",
        hides: "members of a group that are inherited from above it",
        settings: GITLAB,
        vendor: gitlab,
        shows: |read| read.record(RecordKind::Account, "5")["login"] == "inherited" && read.has_member("5", "10"),
        without: (
            "('/all' if group.full_path | lower == config.group | lower or group.id | str == config.group else '')",
            "''",
        ),
    },
    Row {
        system: "gitlab",
        hides: "people who come in with a group from outside",
        settings: GITLAB,
        vendor: gitlab,
        shows: |read| read.has_member("70", "77") && holds(read, "77", "role:developer", "group:10"),
        without: (r#"items = "shared_with_groups | default([])""#, r#"items = "[]""#),
    },
    Row {
        system: "gitlab",
        hides: "whoever became a billable member since noon",
        settings: GITLAB,
        vendor: gitlab,
        shows: |read| {
            read.record(RecordKind::Account, "2")["lifecycle"] == "active"
                && read.record(RecordKind::Account, "1")["last_activity"] == "2026-11-19T00:00:00Z"
        },
        without: (
            "get   = \"/groups/${group.id}/members${('/all' if group.full_path | lower == config.group | lower or group.id | str == config.group else '') | raw}\"",
            "get   = \"/groups/${group.id}/billable_members\"",
        ),
    },
    Row {
        system: "atlassian-site",
        hides: "inactive members of a group",
        settings: SITE,
        vendor: site,
        shows: |read| read.has_member("gone", "g-1") && read.has_member("ada", "g-1"),
        without: (r#"includeInactiveUsers = "true""#, r#"includeInactiveUsers = "false""#),
    },
    Row {
        system: "atlassian-site",
        hides: "archived projects",
        settings: SITE,
        vendor: site,
        shows: |read| !read.record(RecordKind::Resource, "project:11").is_null(),
        without: ("${['live', 'archived']}", "${['live']}"),
    },
    Row {
        system: "atlassian-site",
        hides: "users behind a page that was filtered after it was cut",
        settings: SITE,
        vendor: site,
        shows: |read| read.record(RecordKind::Account, "later")["lifecycle"] == "active",
        without: (r#"size_into = "query.maxResults", short_pages = true }"#, r#"size_into = "query.maxResults" }"#),
    },
    Row {
        system: "atlassian",
        hides: "external people, whom nobody in the organization manages",
        settings: r#"org_id = "o1", api_key = { env = "TOKEN" }"#,
        vendor: atlassian,
        shows: |read| read.record(RecordKind::Account, "pat")["affiliation"] == "guest",
        without: (
            r#"body  = { expand = ["productAccess", "groups"] }"#,
            r#"body  = { claimStatus = "managed", expand = ["productAccess", "groups"] }"#,
        ),
    },
    Row {
        system: "atlassian",
        hides: "managed accounts that are in no directory",
        settings: r#"org_id = "o1", api_key = { env = "TOKEN" }"#,
        vendor: atlassian,
        shows: |read| read.record(RecordKind::Account, "dee")["lifecycle"] == "active",
        without: (r#"membershipStatus = ["no_membership"]"#, r#"membershipStatus = ["active"]"#),
    },
    Row {
        system: "docusign",
        hides: "everybody, unless an account is named",
        settings: DOCUSIGN,
        vendor: docusign,
        shows: |read| read.record(RecordKind::Account, "u1")["lifecycle"] == "active",
        without: (r#"account_id = "${place.id}", include_license"#, "include_license"),
    },
    Row {
        system: "box",
        hides: "the role of a user, unless its field is asked for",
        settings: BOX,
        vendor: box_com,
        shows: |read| holds(read, "11", "role:admin", "enterprise:991"),
        without: ("id,name,login,status,role,created_at", "id,name,login,status,created_at"),
    },
    Row {
        system: "box",
        hides: "people from outside, whom the list of all users does not have",
        settings: BOX,
        vendor: box_com,
        shows: |read| {
            read.record(RecordKind::Account, "88")["affiliation"] == "guest"
                && holds(read, "88", "collaborator:editor", "folder:500")
        },
        without: ("when      = \"accessible_by.type == 'user' and status != 'rejected'\"", "when      = \"false\""),
    },
];

/// Whether `principal` holds `entitlement` on `resource`.
fn holds(read: &Collected, principal: &str, entitlement: &str, resource: &str) -> bool {
    let is = |record: &Record| {
        matches!(record, Record::Grant(grant) if grant.principal == principal && grant.entitlement == entitlement
            && grant.resource.as_deref() == Some(resource))
    };
    read.records.iter().any(is)
}

fn plain(json: Value) -> Response {
    Response::json(json.to_string())
}

fn token() -> Response {
    plain(json!({"access_token": "issued", "expires_in": 3600}))
}

const ZOOM: &str =
    r#"account_id = "acc", client_id = "app", token_url = "{url}/oauth/token", client_secret = { env = "TOKEN" }"#;
const ZOOM_PASSES: &str = r#"over  = { pass = ["active", "inactive", "pending"] }"#;

fn zoom(request: &Request) -> Response {
    let users = match request.query("status") {
        Some("inactive") => json!([{"id": "gone", "email": "gone@acme.example", "type": 1, "status": "inactive"}]),
        Some("pending") => json!([{"email": "New@acme.example", "type": 1, "status": "pending"}]),
        _ => json!([{"id": "ada", "email": "ada@acme.example", "type": 2, "status": "active"}]),
    };
    match request.path.as_str() {
        "/oauth/token" => token(),
        "/v2/users" => listed("users", users),
        "/v2/roles" => listed("roles", json!([])),
        _ => listed("groups", json!([])),
    }
}

fn slack(request: &Request) -> Response {
    let user = |id: &str, deleted: bool| json!({"id": id, "team_id": "T1", "name": id, "deleted": deleted, "profile": {"real_name": id}, "is_bot": false});
    let group = |id: &str, deleted: u32| json!({"id": id, "handle": id, "date_delete": deleted, "users": ["UADA"], "auto_type": null});
    let reply = match request.path.as_str() {
        "/api/team.info" => json!({"ok": true, "team": {"id": "T1", "name": "Acme"}}),
        "/api/users.list" => json!({"ok": true, "members": [user("UADA", false), user("UGONE", true)]}),
        "/api/admin.users.list" if request.query("is_active") == Some("false") => {
            json!({"ok": true, "users": [user("UGONE", true)]})
        }
        "/api/admin.users.list" => json!({"ok": true, "users": [user("UADA", false)]}),
        _ if request.query("include_disabled") == Some("true") => {
            json!({"ok": true, "usergroups": [group("SOPS", 0), group("SOLD", 1_700_000_000)]})
        }
        _ => json!({"ok": true, "usergroups": [group("SOPS", 0)]}),
    };
    plain(reply)
}

const GITHUB: &str =
    r#"org = "acme", app_id = "1", installation_id = "2", app_key = { env = "KEY" }, token = { env = "TOKEN" }"#;
/// The manifest signs in as the App that the organization installed; a token of anybody else sees what is public.
const INSTALLED: &str = "send    = { Authorization = \"Bearer ${token}\" }";
const ANYBODY: &str = "send    = { Authorization = \"Bearer ${token}\", X-Whose = \"anybody\" }";

fn github(request: &Request) -> Response {
    let user = |id: u32, login: &str| json!({"id": id, "login": login, "type": "User"});
    let team = |id: u32, slug: &str| json!({"id": id, "slug": slug, "name": slug, "description": null, "parent": null});
    let installed = request.header("authorization") == Some("Bearer issued") && request.header("x-whose").is_none();
    let admins = request.query("role") == Some("admin") || request.query("filter").is_some();
    let rows = match request.path.as_str() {
        "/app/installations/2/access_tokens" => {
            return plain(json!({"token": "issued", "expires_at": "2030-01-01T00:00:00Z"}));
        }
        "/graphql" => {
            return plain(json!({"data": {"organization": {"samlIdentityProvider": null}}}));
        }
        "/orgs/acme/organization-roles" => return plain(json!({"total_count": 0, "roles": []})),
        "/orgs/acme/installations" => return plain(json!({"total_count": 0, "installations": []})),
        "/orgs/acme/members" if admins => json!([]),
        "/orgs/acme/members" if installed => json!([user(10, "public"), user(11, "concealed")]),
        "/orgs/acme/members" | "/orgs/acme/public_members" => json!([user(10, "public")]),
        "/orgs/acme/outside_collaborators" => json!([user(20, "outside")]),
        "/orgs/acme/invitations" => {
            json!([{"id": 30, "login": null, "email": "new@acme.example", "role": "direct_member", "created_at": "2026-11-01T00:00:00Z", "inviter": {"login": "public"}}])
        }
        "/orgs/acme/teams" if installed => json!([team(40, "visible"), team(41, "secret")]),
        "/orgs/acme/teams" => json!([team(40, "visible")]),
        _ => json!([]),
    };
    plain(rows)
}

const GITLAB: &str = r#"group = "acme/platform", token = { env = "TOKEN" }"#;

fn gitlab(request: &Request) -> Response {
    let person = |id: u32, username: &str| json!({"id": id, "username": username, "name": username, "state": "active", "access_level": 30, "created_at": "2026-11-01T00:00:00Z", "expires_at": null, "last_activity_on": "2026-11-19", "email": null});
    let group =
        json!({"id": 10, "name": "platform", "full_path": "acme/platform", "parent_id": 9, "visibility": "private"});
    let rows = match request.path.as_str() {
        "/api/v4/personal_access_tokens/self" => {
            return plain(json!({"id": 1, "user_id": 9, "scopes": ["read_api"], "active": true}));
        }
        "/api/v4/groups/acme%2Fplatform" => return plain(group),
        "/api/v4/groups/10" => {
            let share = json!({"group_id": 77, "group_name": "dev", "group_full_path": "partner/dev", "group_access_level": 30, "expires_at": null});
            return plain(json!({"id": 10, "shared_with_groups": [share]}));
        }
        "/api/v4/groups/10/members" => json!([person(1, "ada"), person(2, "new")]),
        "/api/v4/groups/10/members/all" => json!([person(1, "ada"), person(2, "new"), person(5, "inherited")]),
        "/api/v4/groups/77/members/all" => json!([person(70, "pat")]),
        // As it was at noon.
        "/api/v4/groups/10/billable_members" | "/api/v4/groups/acme%2Fplatform/billable_members" => {
            json!([person(1, "ada")])
        }
        _ => json!([]),
    };
    plain(rows)
}

const SITE: &str = r#"user = "scan@acme.example", token = { env = "TOKEN" }"#;

fn site(request: &Request) -> Response {
    let user = |id: &str, active: bool| json!({"accountId": id, "accountType": "atlassian", "displayName": id, "active": active});
    let start = request.query("startAt").unwrap_or("0");
    let page = |rows: Value| plain(json!({"total": rows.as_array().map_or(0, Vec::len), "values": rows}));
    match request.path.as_str() {
        // 200 were cut, and one of them may be seen.
        "/rest/api/3/users/search" if start == "0" => plain(json!([user("ada", true)])),
        "/rest/api/3/users/search" if start == "1" => plain(json!([user("later", true)])),
        "/rest/api/3/group/bulk" => page(json!([{"name": "staff", "groupId": "g-1"}])),
        "/rest/api/3/group/member" if request.query("includeInactiveUsers") == Some("true") => {
            page(json!([user("ada", true), user("gone", false)]))
        }
        "/rest/api/3/group/member" => page(json!([user("ada", true)])),
        "/rest/api/3/project/search" => {
            let mut rows = vec![json!({"id": "10", "key": "OPS", "name": "Operations", "lead": null})];
            if request.query.contains(&("status".to_owned(), "archived".to_owned())) {
                rows.push(json!({"id": "11", "key": "OLD", "name": "Old", "lead": null}));
            }
            page(json!(rows))
        }
        "/wiki/api/v2/spaces" => plain(json!({"results": [], "_links": {}})),
        _ => plain(json!([])),
    }
}

fn atlassian(request: &Request) -> Response {
    let user = |id: &str, claim: &str, status: &str| json!({"accountId": id, "accountType": "atlassian", "status": status, "accountStatus": "active", "name": id, "email": format!("{id}@x.example"), "claimStatus": claim, "mfaEnabled": true, "groups": [], "productAccess": []});
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let rows = match request.path.as_str() {
        "/admin/v2/orgs/o1/directories" => json!([{"directoryId": "d1", "name": "Acme"}]),
        "/admin/v2/orgs/o1/directories/d1/users/search" if body["claimStatus"] == "managed" => {
            json!([user("ada", "managed", "active")])
        }
        "/admin/v2/orgs/o1/directories/d1/users/search" => {
            json!([user("ada", "managed", "active"), user("pat", "unmanaged", "active")])
        }
        "/admin/v2/orgs/o1/directories/-/users/search" if body["membershipStatus"] == json!(["no_membership"]) => {
            json!([user("dee", "managed", "not_invited")])
        }
        _ => json!([]),
    };
    plain(json!({"data": rows, "links": {"next": null}}))
}

const DOCUSIGN: &str = r#"organization_id = "o1", integration_key = "app", user_id = "admin", auth_url = "{url}", profiles = false, private_key = { env = "KEY" }"#;

fn docusign(request: &Request) -> Response {
    let paging = |rows: Value, key: &str| {
        plain(json!({key: rows, "paging": {"total_set_size": rows.as_array().map_or(0, Vec::len)}}))
    };
    match request.path.as_str() {
        "/oauth/token" => token(),
        "/Management/v2/organizations" => {
            listed("organizations", json!([{"id": "o1", "name": "Acme", "accounts": [{"id": "a1", "name": "Main"}]}]))
        }
        "/Management/v2/organizations/o1/users" if request.query("account_id") == Some("a1") => paging(
            json!([{"id": "u1", "user_name": "Ada", "email": "ada@acme.example", "user_status": "active", "membership_status": "active"}]),
            "users",
        ),
        "/Management/v2/organizations/o1/users" => {
            plain(json!({"error": "invalid_request", "error_description": "one of email, account_id or organization_reserved_domain_id is needed"}))
                .with_status(400)
        }
        "/Management/v2/organizations/o1/accounts/a1/permissions" => listed("permissions", json!([])),
        _ => paging(json!([]), "groups"),
    }
}

const BOX: &str = r#"enterprise_id = "991", client_id = "app", folders = true, client_secret = { env = "TOKEN" }"#;

fn box_com(request: &Request) -> Response {
    let fields = request.query("fields").unwrap_or_default();
    let ada = json!({"type": "user", "id": "11", "name": "Ada", "login": "ada@acme.example"});
    match request.path.as_str() {
        "/oauth2/token" => token(),
        "/2.0/users" => {
            let mut user = json!({"type": "user", "id": "11"});
            let known = [("name", "Ada"), ("login", "ada@acme.example"), ("status", "active"), ("role", "admin")];
            for (field, value) in known.into_iter().filter(|(field, _)| fields.split(',').any(|asked| asked == *field))
            {
                user[field] = json!(value);
            }
            plain(json!({"entries": [user], "next_marker": null}))
        }
        "/2.0/groups" => plain(json!({"total_count": 0, "entries": []})),
        "/2.0/folders/0/items" => {
            let folder = json!({"type": "folder", "id": "500", "name": "Contracts", "owned_by": ada, "has_collaborations": true});
            plain(json!({"entries": [folder], "next_marker": null}))
        }
        "/2.0/folders/500/collaborations" => {
            let outside = json!({"type": "user", "id": "88", "name": "Pat", "login": "pat@partner.example"});
            let entry = json!({"id": "1", "accessible_by": outside, "role": "editor", "status": "accepted", "created_at": "2026-01-01T00:00:00Z", "expires_at": null, "invite_email": null});
            plain(json!({"entries": [entry], "next_marker": null}))
        }
        _ => plain(json!({"entries": [], "next_marker": null, "chunk_size": 0})),
    }
}
