//! `scim` on a real server (scim2-server), on saved pages, and on scripted servers that do what real ones do wrong.

#![expect(clippy::unwrap_used, reason = "a test program stops at the first surprise")]

mod collected;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use collected::{Collected, Hurried, TOKEN, collect, configured, run};
use muster_connectors::native::scim;
use muster_connectors::record::{
    Account, AccountClass, Affiliation, EntitlementKind, Fact, Lifecycle, PrincipalKind, Raw, Record, RecordKind,
};
use muster_connectors::scope::ScopeState;
use muster_connectors::{Connector, ConnectorError, SettingsError};
use muster_testbeds::scim_server::{Paging, ScimServer};
use muster_testbeds::scripted_http::{Request, Response, ScriptedHttp};
use proptest::prelude::*;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

fn from(folder: impl AsRef<Path>, toml: &str) -> Result<Box<dyn Connector>, SettingsError> {
    let pace = Arc::new(Hurried::default());
    configured(|settings| scim::configure_paced(settings, pace.clone()), folder.as_ref(), toml)
}

fn live(url: &str, more: &str) -> Box<dyn Connector> {
    from(".", &format!(r#"url = "{url}", credential = {{ env = "TOKEN" }}{more}"#)).unwrap()
}

async fn read(connector: &dyn Connector) -> Collected {
    let collected = collect(connector).await;
    collected.assert_honest();
    collected.assert_distinct();
    collected
}

fn accounts(collected: &Collected) -> BTreeMap<String, Account> {
    let of = |record: &Record| match record {
        Record::Account(account) => Some((account.login.clone().unwrap_or_default(), (**account).clone())),
        _ => None,
    };
    collected.records.iter().filter_map(of).collect()
}

/// `group <- member (kind)`, sorted.
fn memberships(collected: &Collected) -> Vec<String> {
    let of = |record: &Record| match record {
        Record::Membership(membership) => {
            Some(format!("{} <- {} ({})", membership.group, membership.member, membership.member_kind))
        }
        _ => None,
    };
    let mut found: Vec<String> = collected.records.iter().filter_map(of).collect();
    found.sort();
    found
}

/// `principal -> entitlement`, sorted.
fn grants(collected: &Collected) -> Vec<String> {
    let of = |record: &Record| match record {
        Record::Grant(grant) => Some(format!("{} -> {}", grant.principal, grant.entitlement)),
        _ => None,
    };
    let mut found: Vec<String> = collected.records.iter().filter_map(of).collect();
    found.sort();
    found
}

// ---------------------------------------------------------------------------------------------------------------------
// A real server

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";

/// 25 users, `team` with u0 and u1, `everyone` with `team` inside, `empty`. Returns the ids of users and groups.
fn populate(server: &ScimServer) -> (Vec<String>, Vec<String>) {
    let mut users: Vec<String> = Vec::new();
    for n in 0..25 {
        let mut user = json!({
            "schemas": [USER, ENTERPRISE],
            "userName": format!("u{n}"), "displayName": format!("User {n}"), "password": "t0p s3cret Word!",
            "externalId": format!("ext-{n}"), "userType": if n == 4 { "Contractor" } else { "Employee" },
            "emails": [{"value": format!("u{n}@acme.example"), "type": "work", "primary": true}],
            ENTERPRISE: {"employeeNumber": format!("{}", 1000 + n), "department": "Ops"},
        });
        if n != 7 {
            user["active"] = json!(n != 3);
        }
        if n < 3 {
            user["roles"] = json!([{"value": "admin", "display": "Administrator", "primary": true}]);
            user["entitlements"] = json!([{"value": "seat", "type": "licence"}]);
        }
        if let Some(first) = users.first() {
            user[ENTERPRISE]["manager"] = json!({"value": first});
        }
        users.push(server.create("/Users", &user).unwrap());
    }
    let member = |id: &String, kind: &str| json!({"value": id, "type": kind});
    let team = json!({
        "schemas": [GROUP], "displayName": "team", "members": [member(&users[0], "User"), member(&users[1], "User")],
    });
    let team = server.create("/Groups", &team).unwrap();
    let everyone = json!({"schemas": [GROUP], "displayName": "everyone", "members": [member(&team, "Group")]});
    let everyone = server.create("/Groups", &everyone).unwrap();
    let empty = server.create("/Groups", &json!({"schemas": [GROUP], "displayName": "empty"})).unwrap();
    (users, vec![team, everyone, empty])
}

fn assert_populated(collected: &Collected, users: &[String], groups: &[String]) {
    assert!(collected.result.is_ok(), "{:?}", collected.result);
    for scope in ["users", "groups"] {
        assert_eq!(collected.state(scope), ScopeState::Complete, "{:#?}", collected.reports);
    }
    let accounts = accounts(collected);
    assert_eq!(accounts.len(), 25);
    let ids: BTreeSet<&String> = accounts.values().map(|account| &account.id).collect();
    assert_eq!(ids, users.iter().collect());
    let u1 = &accounts["u1"];
    assert_eq!(u1.employee_id.as_deref(), Some("1001"));
    assert_eq!(u1.department.as_deref(), Some("Ops"));
    assert_eq!(u1.manager.as_ref(), Some(&users[0]));
    assert_eq!(u1.emails, ["u1@acme.example"]);
    assert_eq!((u1.federated[0].issuer.as_str(), u1.federated[0].subject.as_str()), ("externalId", "ext-1"));
    assert!(matches!(u1.created, Fact::Known(_)), "{:?}", u1.created);
    assert!(u1.attributes["meta.version"].starts_with("W/"), "{:?}", u1.attributes);
    assert_eq!(accounts["u3"].lifecycle, Lifecycle::Disabled);
    assert_eq!(accounts["u4"].affiliation, Some(Affiliation::Contractor));
    assert_eq!(u1.lifecycle, Lifecycle::Active);
    assert_eq!(accounts["u7"].lifecycle, Lifecycle::Unknown);
    assert_eq!(grants(collected).len(), 6);
    let mut expected = vec![
        format!("{} <- {} (account)", groups[0], users[0]),
        format!("{} <- {} (account)", groups[0], users[1]),
        format!("{} <- {} (group)", groups[1], groups[0]),
    ];
    expected.sort();
    assert_eq!(memberships(collected), expected);
    assert_eq!(collected.kind("groups", RecordKind::Group).records, 3);
    assert!(!collected.lines().join("").contains("t0p s3cret"), "a password was kept");
}

#[tokio::test]
async fn a_real_server_is_read_by_index_and_its_saved_pages_say_the_same() {
    let server = ScimServer::start(TOKEN, Paging::Index, 10).unwrap();
    let (users, groups) = populate(&server);
    let by_index = read(&*live(&server.url(), "")).await;
    assert_populated(&by_index, &users, &groups);
    assert!(by_index.scope("users").pages >= 3, "{:#?}", by_index.reports);
    assert_eq!(by_index.kind("users", RecordKind::Account).declared_total, Some(25));

    // A page size of our own below the server's cap.
    let small = read(&*live(&server.url(), ", page_size = 4")).await;
    small.assert_same_records(&by_index, "smaller pages");

    let folder = tempfile::tempdir().unwrap();
    let save = |name: &str, target: &str| {
        std::fs::write(folder.path().join(name), server.save(target).unwrap()).unwrap();
    };
    save("config.json", "/ServiceProviderConfig");
    for (name, start) in [("a.json", 1), ("b.json", 11), ("c.json", 21)] {
        save(name, &format!("/Users?startIndex={start}&count=10"));
    }
    save("d.json", "/Groups");
    let saved = read(&*from(folder.path(), r#"folder = ".", collected = "2026-11-01T06:00:00Z""#).unwrap()).await;
    assert_populated(&saved, &users, &groups);
    saved.assert_same_records(&by_index, "saved pages");
    assert_eq!(saved.scope("users").files.len(), 4);
    assert!(saved.scope("groups").files[0].collected.is_some());

    // The same with the middle page lost.
    std::fs::remove_file(folder.path().join("b.json")).unwrap();
    let short = read(&*from(folder.path(), r#"folder = ".""#).unwrap()).await;
    for kind in [RecordKind::Account, RecordKind::Entitlement, RecordKind::Grant] {
        assert_eq!(short.kind("users", kind).state, ScopeState::Partial, "{kind}");
    }
    assert_eq!(short.state("groups"), ScopeState::Complete);
}

#[tokio::test]
async fn a_real_server_is_read_by_cursor() {
    let server = ScimServer::start(TOKEN, Paging::Cursor, 10).unwrap();
    let (users, groups) = populate(&server);
    let by_cursor = read(&*live(&server.url(), "")).await;
    assert_populated(&by_cursor, &users, &groups);
    // Asked to page by index, it answers 501; that is a failed scope, not an empty one.
    let by_index = read(&*live(&server.url(), ", paging = \"index\"")).await;
    assert_eq!(by_index.state("users"), ScopeState::Failed);
    assert!(by_index.gaps("users")[0].what.contains("501"), "{:#?}", by_index.reports);
}

#[tokio::test]
async fn a_real_server_refuses_a_wrong_token() {
    let server = ScimServer::start("another-token", Paging::Index, 10).unwrap();
    server.create("/Users", &json!({"schemas": [USER], "userName": "u0"})).unwrap();
    let refused = read(&*live(&server.url(), "")).await;
    for scope in ["users", "groups"] {
        assert_eq!(refused.state(scope), ScopeState::Failed);
        let gap = refused.gaps(scope)[0];
        assert_eq!(gap.code, "COL030");
        assert!(gap.cause.as_ref().unwrap().contains("Authorization failure"), "{gap:#?}");
    }
    assert!(refused.records.is_empty());
}

#[tokio::test]
async fn a_real_server_that_is_empty_is_complete_with_nothing_in_it() {
    let server = ScimServer::start(TOKEN, Paging::Index, 10).unwrap();
    let empty = read(&*live(&server.url(), "")).await;
    assert_eq!(empty.state("users"), ScopeState::Complete);
    assert_eq!(empty.kind("users", RecordKind::Account).declared_total, Some(0));
}

#[tokio::test]
async fn doctor_says_what_the_credential_may_read() {
    let server = ScimServer::start(TOKEN, Paging::Index, 10).unwrap();
    server.create("/Users", &json!({"schemas": [USER], "userName": "u0"})).unwrap();
    let probes = live(&server.url(), "").probe(&run(&CancellationToken::new())).await.unwrap();
    let told: Vec<(&str, bool)> =
        probes.iter().map(|probe| (probe.permission.as_str(), probe.granted.unwrap())).collect();
    assert_eq!(told, [("GET /ServiceProviderConfig", true), ("GET /Users", true), ("GET /Groups", true)]);
    assert_eq!(probes[1].detail.as_deref(), Some("1 in all"));

    let nobody = live("http://127.0.0.1:9/v2", "").probe(&run(&CancellationToken::new())).await;
    assert!(matches!(nobody, Err(ConnectorError::Failed(gap)) if gap.code == "COL035"));
}

// ---------------------------------------------------------------------------------------------------------------------
// Saved pages

#[tokio::test]
async fn the_fixtures_become_the_records_they_describe() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/scim");
    let collected = read(&*from(folder, r#"folder = ".""#).unwrap()).await;
    for scope in ["users", "groups"] {
        assert_eq!(collected.state(scope), ScopeState::Complete, "{:#?}", collected.reports);
    }
    let accounts = accounts(&collected);
    let babs = &accounts["bjensen@acme.example"];
    assert_eq!(babs.emails, ["bjensen@acme.example", "babs@home.example"]);
    assert_eq!(babs.manager.as_deref(), Some("26118915-6090-4610-87e4-49d8ca9f808d"));
    assert_eq!(babs.attributes["costCenter"], "4130");
    let Raw::Object(raw) = &babs.raw else { panic!("a user keeps its raw object") };
    for secret in ["never-stored", "MIID", "555-555", "Hollywood"] {
        assert!(!raw.contains(secret), "{raw}");
    }
    let john = &accounts["jsmith@acme.example"];
    assert_eq!((john.name.as_deref(), john.lifecycle), (Some("John Smith"), Lifecycle::Disabled));
    assert_eq!(john.created, Fact::Unreadable);
    let backup = &accounts["svc-backup"];
    assert_eq!((backup.id.as_str(), backup.class), ("4711", Some(AccountClass::Service)));
    assert_eq!(backup.class_evidence.as_deref(), Some("userType=Service Account"));
    assert_eq!(accounts["odd"].lifecycle, Lifecycle::Unknown);
    assert_eq!(
        memberships(&collected),
        [
            "e9e30dba-f08f-4109-8486-d5c6a331660a <- 2819c223-7f76-453a-919d-413861904646 (account)",
            "e9e30dba-f08f-4109-8486-d5c6a331660a <- c75ad752-64ae-4823-840d-ffa80929976c (account)",
            "e9e30dba-f08f-4109-8486-d5c6a331660a <- gone-user (unknown)",
            "fc348aa8-3835-40eb-a20b-c726e15c55b5 <- e9e30dba-f08f-4109-8486-d5c6a331660a (group)",
        ]
    );
    assert_eq!(
        grants(&collected),
        [
            "26118915-6090-4610-87e4-49d8ca9f808d -> roles/reader",
            "2819c223-7f76-453a-919d-413861904646 -> entitlements/licence/seat-pro",
            "2819c223-7f76-453a-919d-413861904646 -> roles/admin",
            "c75ad752-64ae-4823-840d-ffa80929976c -> entitlements/licence/seat-pro",
            "fc348aa8-3835-40eb-a20b-c726e15c55b5 -> roles/reader",
        ]
    );
    let seats: Vec<_> = collected
        .records
        .iter()
        .filter_map(|record| match record {
            Record::Entitlement(entitlement) if entitlement.kind == EntitlementKind::Licence => Some(entitlement),
            _ => None,
        })
        .collect();
    assert_eq!(seats.len(), 1);
    assert_eq!(seats[0].name.as_deref(), Some("Pro seat"));
}

fn folder_with(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        std::fs::write(folder.path().join(name), bytes).unwrap();
    }
    folder
}

async fn read_folder(files: &[(&str, &[u8])]) -> Collected {
    let folder = folder_with(files);
    read(&*from(folder.path(), r#"folder = ".""#).unwrap()).await
}

const ONE_USER: &[u8] = br#"{"totalResults":1,"Resources":[{"id":"1","userName":"a"}]}"#;
const NO_ROWS: &[u8] = br#"{"totalResults":0}"#;

#[tokio::test]
async fn pages_behind_one_another_and_in_utf16_are_read() {
    let utf16: Vec<u8> = [0xff, 0xfe]
        .into_iter()
        .chain(std::str::from_utf8(ONE_USER).unwrap().encode_utf16().flat_map(u16::to_le_bytes))
        .collect();
    let one_file =
        [ONE_USER, b"\n", br#"{"totalResults":1,"Resources":[{"id":"g","displayName":"G","members":[]}]}"#].concat();
    for (users, groups) in [(utf16.as_slice(), NO_ROWS), (one_file.as_slice(), NO_ROWS)] {
        let collected = read_folder(&[("x.json", users), ("y.txt", groups)]).await;
        assert_eq!(collected.state("users"), ScopeState::Complete, "{:#?}", collected.reports);
        assert_eq!(accounts(&collected).len(), 1);
    }
}

#[tokio::test]
async fn an_empty_page_belongs_to_the_side_that_has_no_other() {
    let told = read_folder(&[("a.json", ONE_USER), ("b.json", NO_ROWS)]).await;
    assert_eq!((told.state("users"), told.state("groups")), (ScopeState::Complete, ScopeState::Complete));
    // Alone it could be either: nothing is claimed.
    let untold = read_folder(&[("b.json", NO_ROWS)]).await;
    assert_eq!((untold.state("users"), untold.state("groups")), (ScopeState::Failed, ScopeState::Failed));
    let nothing = read_folder(&[]).await;
    assert_eq!((nothing.state("users"), nothing.state("groups")), (ScopeState::Failed, ScopeState::Failed));
}

#[tokio::test]
async fn pages_of_different_days_or_kinds_are_not_whole() {
    let other_day = br#"{"totalResults":2,"Resources":[{"id":"2","userName":"b"}]}"#;
    let days = read_folder(&[("a.json", ONE_USER), ("b.json", other_day), ("groups.json", NO_ROWS)]).await;
    assert_eq!(days.state("users"), ScopeState::Partial, "{:#?}", days.reports);
    let mixed = br#"{"totalResults":2,"Resources":[{"id":"1","userName":"a"},{"id":"g","members":[]}]}"#;
    let mixed = read_folder(&[("a.json", mixed)]).await;
    assert_eq!((mixed.state("users"), mixed.state("groups")), (ScopeState::Failed, ScopeState::Failed));
    let bare = read_folder(&[("users.json", br#"[{"id":"1","userName":"a"}]"#), ("groups.json", NO_ROWS)]).await;
    assert_eq!(bare.state("users"), ScopeState::Partial, "a bare list proves nothing: {:#?}", bare.reports);
    let gone = read(&*from("/nowhere", r#"folder = "here""#).unwrap()).await;
    assert_eq!((gone.state("users"), gone.state("groups")), (ScopeState::Failed, ScopeState::Failed));
    let gone = read(&*from("/nowhere", r#"files = ["users.json", "groups.json"]"#).unwrap()).await;
    assert_eq!((gone.state("users"), gone.state("groups")), (ScopeState::Failed, ScopeState::Failed));
    assert!(gone.gaps("users")[0].what.contains("users.json"));
}

// ---------------------------------------------------------------------------------------------------------------------
// What real servers do wrong, on a script

fn list(total: usize, resources: &[Value]) -> Response {
    Response::json(json!({"totalResults": total, "Resources": resources}).to_string())
}

fn user(n: usize) -> Value {
    json!({"id": format!("u{n}"), "userName": format!("user{n}")})
}

/// A server with users by `users`, and groups and everything else by `rest`.
fn scripted(
    users: impl Fn(&Request, usize) -> Response + Send + Sync + 'static,
    rest: impl Fn(&Request) -> Response + Send + Sync + 'static,
) -> ScriptedHttp {
    ScriptedHttp::start(move |request| match request.path.as_str() {
        "/Users" => {
            let from = request.query("startIndex").and_then(|index| index.parse().ok()).unwrap_or(1);
            users(request, from)
        }
        _ => rest(request),
    })
}

fn no_groups(request: &Request) -> Response {
    if request.path == "/Groups" { list(0, &[]) } else { Response::status(404) }
}

#[tokio::test]
async fn a_server_that_sends_less_than_asked_is_read_whole() {
    let all: Vec<Value> = (0..7).map(user).collect();
    let server = scripted(move |_, from| list(7, &all[(from - 1).min(7)..(from + 2).min(7)]), no_groups);
    let collected = read(&*live(&server.url(), "")).await;
    assert_eq!(collected.state("users"), ScopeState::Complete, "{:#?}", collected.reports);
    assert_eq!(accounts(&collected).len(), 7);
    // Without ServiceProviderConfig: a note, not a gap.
    assert_eq!(collected.scope("users").probes[0].granted, Some(false));
}

#[tokio::test]
async fn a_total_that_moves_once_is_settled_by_reading_again() {
    let asked = AtomicUsize::new(0);
    let server = scripted(
        move |_, from| {
            // After the first page u0 is deleted: everybody moves up, and u2 is skipped.
            let gone = usize::from(asked.fetch_add(1, Ordering::SeqCst) > 0);
            let all: Vec<Value> = (gone..6).map(user).collect();
            list(all.len(), &all[(from - 1).min(all.len())..(from + 1).min(all.len())])
        },
        no_groups,
    );
    let collected = read(&*live(&server.url(), ", page_size = 2")).await;
    assert_eq!(collected.state("users"), ScopeState::Complete, "{:#?}", collected.reports);
    let logins: Vec<String> = accounts(&collected).into_keys().collect();
    assert_eq!(logins, ["user0", "user1", "user2", "user3", "user4", "user5"]);
}

#[tokio::test]
async fn a_total_that_never_rests_is_partial() {
    let asked = AtomicUsize::new(0);
    let server = scripted(
        move |_, from| {
            let total = 6 + asked.fetch_add(1, Ordering::SeqCst) % 2;
            let all: Vec<Value> = (0..total).map(user).collect();
            list(total, &all[(from - 1).min(total)..(from + 1).min(total)])
        },
        no_groups,
    );
    let collected = read(&*live(&server.url(), ", page_size = 2")).await;
    assert_eq!(collected.state("users"), ScopeState::Partial, "{:#?}", collected.reports);
    assert!(collected.gaps("users").iter().any(|gap| gap.code == "COL062"), "{:#?}", collected.reports);
    assert!(server.requests().len() < 30);
}

#[tokio::test]
async fn a_total_that_is_the_page_size_is_not_believed() {
    let all: Vec<Value> = (0..25).map(user).collect();
    let server = scripted(
        move |_, from| {
            let rows = &all[(from - 1).min(25)..(from + 9).min(25)];
            list(rows.len(), rows)
        },
        no_groups,
    );
    let collected = read(&*live(&server.url(), "")).await;
    assert_ne!(collected.state("users"), ScopeState::Complete, "{:#?}", collected.reports);
    assert_eq!(accounts(&collected).len(), 25, "and everything was read all the same");
}

#[tokio::test]
async fn a_list_that_ends_exactly_at_a_full_page_is_whole_even_if_more_is_refused() {
    let all: Vec<Value> = (0..4).map(user).collect();
    let server = scripted(
        move |_, from| if from > 4 { Response::status(400) } else { list(4, &all[from - 1..=from]) },
        no_groups,
    );
    let collected = read(&*live(&server.url(), ", page_size = 2")).await;
    assert_eq!(collected.state("users"), ScopeState::Complete, "{:#?}", collected.reports);
}

#[tokio::test]
async fn a_list_without_a_total_or_without_ids_is_partial() {
    let untold = scripted(
        |_, from| Response::json(json!({"Resources": if from == 1 { vec![user(1)] } else { vec![] }}).to_string()),
        no_groups,
    );
    let collected = read(&*live(&untold.url(), "")).await;
    assert_eq!(collected.state("users"), ScopeState::Partial, "{:#?}", collected.reports);
    let nameless = scripted(|_, _| list(2, &[user(1), json!({"userName": "x"})]), no_groups);
    let collected = read(&*live(&nameless.url(), "")).await;
    assert_eq!(collected.state("users"), ScopeState::Partial, "{:#?}", collected.reports);
    assert!(collected.gaps("users").iter().any(|gap| gap.code == "COL065"), "{:#?}", collected.reports);
}

#[tokio::test]
async fn a_cursor_that_expires_starts_the_list_again() {
    let expired = AtomicUsize::new(0);
    let server = ScriptedHttp::start(move |request| {
        let cursor = request.query("cursor").unwrap_or_default();
        match (request.path.as_str(), cursor) {
            ("/Users", "") => Response::json(json!({"Resources": [user(1)], "nextCursor": "a"}).to_string()),
            ("/Users", _) if expired.fetch_add(1, Ordering::SeqCst) == 0 => {
                Response::json(r#"{"scimType":"expiredCursor"}"#).with_status(400)
            }
            ("/Users", "a") => Response::json(json!({"Resources": [], "nextCursor": "b"}).to_string()),
            ("/Users", _) => Response::json(json!({"Resources": [user(2)]}).to_string()),
            ("/Groups", _) => list(0, &[]),
            _ => Response::status(404),
        }
    });
    let collected = read(&*live(&server.url(), ", paging = \"cursor\"")).await;
    assert_eq!(collected.state("users"), ScopeState::Complete, "{:#?}", collected.reports);
    assert_eq!(accounts(&collected).len(), 2);
}

/// How a server gives away the members of `/Groups/{id}`.
#[derive(Clone, Copy)]
enum Shows {
    InTheGroup,
    OnRequest,
    Never,
    Forbidden,
}

async fn groups_that_show(shows: Shows) -> (Collected, Vec<Request>) {
    let server = scripted(
        |_, _| list(1, &[user(1)]),
        move |request| {
            let group = |id: &str| json!({"id": id, "displayName": id});
            let members = if request.path == "/Groups/full" { json!([{"value": "u1"}]) } else { Value::Null };
            match (request.path.as_str(), shows, request.query("attributes")) {
                ("/Groups", ..) => list(2, &[group("full"), group("empty")]),
                ("/Groups/full" | "/Groups/empty", Shows::Forbidden, _) => Response::status(403),
                (path @ ("/Groups/full" | "/Groups/empty"), _, attributes) => {
                    let mut group = group(&path["/Groups/".len()..]);
                    let shown = match shows {
                        Shows::InTheGroup => true,
                        Shows::OnRequest => attributes == Some("members"),
                        Shows::Never | Shows::Forbidden => false,
                    };
                    if shown && !members.is_null() {
                        group["members"] = members;
                    }
                    Response::json(group.to_string())
                }
                _ => Response::status(404),
            }
        },
    );
    (read(&*live(&server.url(), "")).await, server.requests())
}

#[tokio::test]
async fn members_left_out_of_the_list_are_asked_for_group_by_group() {
    for shows in [Shows::InTheGroup, Shows::OnRequest] {
        let (collected, _requests) = groups_that_show(shows).await;
        assert_eq!(collected.state("groups"), ScopeState::Complete, "{:#?}", collected.reports);
        assert_eq!(memberships(&collected), ["full <- u1 (account)"]);
    }
}

#[tokio::test]
async fn members_that_are_withheld_are_not_taken_for_empty_groups() {
    for shows in [Shows::Never, Shows::Forbidden] {
        let (collected, requests) = groups_that_show(shows).await;
        assert_eq!(collected.kind("groups", RecordKind::Group).state, ScopeState::Complete);
        let memberships = collected.kind("groups", RecordKind::Membership);
        assert_eq!(memberships.state, ScopeState::Partial, "{memberships:#?}");
        assert_eq!(memberships.gaps.len(), 1, "{memberships:#?}");
        assert!(requests.len() < 12);
    }
}

#[tokio::test]
async fn a_service_that_says_it_has_no_groups_is_believed_and_one_that_does_not_is_not() {
    for (types, state) in [(json!([{"name": "User"}]), ScopeState::Complete), (json!([]), ScopeState::Failed)] {
        let server = scripted(
            |_, _| list(1, &[user(1)]),
            move |request| match request.path.as_str() {
                "/ResourceTypes" => list(1, types.as_array().unwrap()),
                _ => Response::status(404),
            },
        );
        let collected = read(&*live(&server.url(), "")).await;
        assert_eq!(collected.state("groups"), state, "{:#?}", collected.reports);
        assert_eq!(collected.state("users"), ScopeState::Complete);
    }
}

#[tokio::test]
async fn basic_authentication_and_headers_are_sent_and_nothing_else_than_get() {
    let server = scripted(|_, _| list(0, &[]), no_groups);
    let toml = format!(
        r#"url = "{}/", user = "scanner", credential = {{ env = "TOKEN" }}, headers = {{ X-Tenant = "acme" }}"#,
        server.url()
    );
    read(&*from(".", &toml).unwrap()).await;
    let requests = server.requests();
    assert!(requests.len() >= 3);
    for request in requests {
        assert_eq!(request.method, "GET");
        assert!(request.header("authorization").unwrap().starts_with("Basic "));
        assert_eq!(request.header("x-tenant"), Some("acme"));
        assert!(!request.path.contains("//"), "{request:?}");
    }
}

#[tokio::test]
async fn a_missing_credential_fails_the_system_and_its_scopes() {
    let connector = from(".", r#"url = "http://127.0.0.1:9", credential = { env = "TOKE" }"#).unwrap();
    let collected = read(&*connector).await;
    assert!(matches!(collected.result, Err(ConnectorError::Secret(_))), "{:?}", collected.result);
    assert_eq!((collected.state("users"), collected.state("groups")), (ScopeState::Failed, ScopeState::Failed));
}

// ---------------------------------------------------------------------------------------------------------------------
// Settings

#[test]
fn settings_that_cannot_work_are_refused_with_a_fix() {
    for (toml, told) in [
        ("", "nothing to read"),
        (r#"url = "https://x.example", folder = ".""#, "more than one"),
        (r#"url = "http://x.example/scim""#, "unencrypted"),
        (r#"url = "https://bob:pw@x.example/scim""#, "user or password"),
        (r#"url = "https://x.example/scim?t=1""#, "query"),
        (r#"url = "x.example""#, "is not a URL"),
        (r#"url = "file:///etc""#, "no web address"),
        (r#"url = "https://x.example", user = "bob""#, "without `credential`"),
        (r#"url = "https://x.example", page_size = 0"#, "`page_size` is 0"),
        (r#"url = "https://x.example", collected = "2026-01-01T00:00:00Z""#, "`collected`"),
        (r#"folder = ".", page_size = 5"#, "`page_size` is for a live system"),
    ] {
        let error = from(".", toml).unwrap_err();
        assert!(error.message.contains(told), "{toml}: {error}");
        assert!(!error.message.contains("bob:pw"), "{error}");
        assert!(error.fix.is_some(), "{toml}: {error:?}");
    }
    let unknown = from(".", r#"url = "https://x.example", pagesize = 5"#).unwrap_err();
    assert!(unknown.message.contains("pagesize") && unknown.span.is_some(), "{unknown:?}");
}

#[test]
fn the_schema_knows_every_setting() {
    let schema = serde_json::to_value((scim::MANUAL.schema)()).unwrap();
    for key in
        ["url", "credential", "user", "headers", "page_size", "ca_file", "paging", "folder", "files", "collected"]
    {
        assert!(schema["properties"][key].is_object(), "{key}: {schema}");
    }
    assert_eq!(schema["additionalProperties"], false);
}

#[test]
fn principal_kinds_are_promised() {
    let kinds = from(".", r#"folder = ".""#).unwrap().kinds();
    assert_eq!(kinds.len(), 5);
    assert!(kinds.contains(&RecordKind::Membership) && PrincipalKind::ALL.len() == 3);
}

// ---------------------------------------------------------------------------------------------------------------------
// Anything at all

fn any_json() -> impl Strategy<Value = Value> {
    let word = prop_oneof![
        Just("Resources"),
        Just("resources"),
        Just("totalResults"),
        Just("id"),
        Just("members"),
        Just("value"),
        Just("roles"),
        Just("active"),
        Just("userName"),
        Just("schemas"),
        Just("meta"),
        Just("emails"),
        Just("nextCursor"),
        Just("$ref"),
        Just("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 60, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((word.clone(), inner), 0..6).prop_map(|pairs| Value::Object(
                pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
            )),
        ]
    })
}

fn survives(users: &[u8]) -> Collected {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(read_folder(&[("users.json", users), ("groups.json", users)]))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_as_a_page_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        survives(&bytes);
    }

    #[test]
    fn any_json_as_a_page_does_no_harm(json in any_json()) {
        survives(json.to_string().as_bytes());
    }

    #[test]
    fn a_page_cut_anywhere_is_never_complete(kept in 0..ONE_USER.len()) {
        let collected = survives(&ONE_USER[..kept]);
        prop_assert_ne!(collected.state("users"), ScopeState::Complete);
    }
}

#[tokio::test]
async fn any_json_as_a_live_page_ends() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::{Config, TestRunner};

    let mut runner = TestRunner::new_with_rng(
        Config::default(),
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    );
    for _ in 0..60 {
        let page = any_json().new_tree(&mut runner).unwrap().current().to_string();
        let server = ScriptedHttp::start(move |_| Response::json(page.clone()));
        let connector = live(&server.url(), "");
        let ended = tokio::time::timeout(std::time::Duration::from_secs(20), read(&*connector)).await;
        assert!(ended.is_ok(), "{:?}", server.requests().last());
    }
}
