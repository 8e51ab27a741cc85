//! Parents and children, partitions, merging, derivations: what comes out of several lists together.

use muster_connectors::record::{Fact, Record, RecordKind};
use muster_connectors::scope::ScopeState;
use muster_testbeds::scripted_http::{Response, ScriptedHttp};
use serde_json::json;

use super::bench::{connector, ids, manifest, page, play};
use crate::collected::{collect, run};

/// Accounts by role, of whom one list names those without a second factor.
const MERGED: &str = r#"
[stream.members]
get = "/members"
over = { role = ["admin", "member"] }
query = { role = "${role}" }
items = "users"
page = { kind = "none" }
[[stream.members.emit]]
as = "account"
id = "id | str"
login = "item.login"
[stream.no_2fa]
get = "/no_2fa"
items = "users"
page = { kind = "none" }
[[stream.no_2fa.emit]]
as = "account"
enriches = true
id = "id | str"
mfa = "false"
[[derive]]
on = "account"
needs = ["no_2fa"]
set = { mfa = "true if mfa is none else mfa" }
"#;

fn mfa(records: &[Record]) -> Vec<(String, Fact<Vec<String>>)> {
    let mut found: Vec<_> = records
        .iter()
        .filter_map(|record| match record {
            Record::Account(account) => Some((account.id.clone(), account.mfa.clone())),
            _ => None,
        })
        .collect();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found
}

#[tokio::test]
async fn absence_proves_a_factor_only_when_the_list_of_those_without_is_whole() {
    let script = |no_2fa: u16| {
        move |request: &muster_testbeds::scripted_http::Request| match (request.path.as_str(), request.query("role")) {
            ("/members", Some("admin")) => page(0, 1, json!({})),
            ("/members", Some("member")) => page(1, 3, json!({})),
            _ => page(2, 3, json!({})).with_status(no_2fa),
        }
    };
    let (collected, _) = play(&manifest(MERGED), script(200)).await;
    collected.assert_complete();
    let known = mfa(&collected.records);
    assert_eq!(known.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>(), ["0", "1", "2"]);
    assert!(matches!(known[0].1, Fact::Known(_)) && matches!(known[1].1, Fact::Known(_)) && known[2].1 == Fact::Absent);

    let (collected, _) = play(&manifest(MERGED), script(403)).await;
    assert_eq!(collected.state("members"), ScopeState::Complete, "the population is whole: {:#?}", collected.reports);
    let known = mfa(&collected.records);
    assert!(known.iter().all(|(_, mfa)| !matches!(mfa, Fact::Known(_) | Fact::Absent)), "{known:?}");
    let told = &collected.kind("members", RecordKind::Account).withheld;
    assert!(told.contains_key("mfa"), "{told:?}");
}

#[tokio::test]
async fn every_partition_has_a_pager_of_its_own() {
    let blocks = r#"
[stream.users]
get = "/users"
over = { state = ["active", "inactive"], sort = ["a", "b"] }
query = { state = "${state}", sort = "${sort}" }
items = "users"
page = { kind = "cursor", from = "next", into = "query.cursor" }
[[stream.users.emit]]
as = "account"
id = "state + sort + (id | str)"
"#;
    let (collected, requests) = play(&manifest(blocks), |request| match request.query("cursor") {
        None => page(0, 2, json!({"next": "2"})),
        Some(_) => page(2, 3, json!({})),
    })
    .await;
    collected.assert_complete();
    assert_eq!((collected.records.len(), requests.len()), (12, 8));
    // One partition that cannot be read leaves the others, and a gap.
    let (collected, _) = play(&manifest(blocks), |request| match (request.query("state"), request.query("sort")) {
        (Some("inactive"), Some("b")) => Response::status(500),
        _ => page(0, 2, json!({})),
    })
    .await;
    assert_eq!((collected.records.len(), collected.state("users")), (6, ScopeState::Partial));
}

/// Projects with repositories with keys: three levels.
const NESTED: &str = r#"
[stream.projects]
get = "/projects"
items = "items"
page = { kind = "none" }
[[stream.projects.emit]]
as = "resource"
id = "id"
[stream.repos]
for = "projects"
as = "project"
where = "not project.archived"
get = "/projects/${project.id}/repos"
items = "items"
page = { kind = "cursor", from = "next", into = "query.cursor" }
[[stream.repos.emit]]
as = "resource"
id = "project.id + '/' + id"
parent = "project.id"
[stream.owners]
for = "repos"
as = "repo"
get = "/projects/${project.id}/repos/${repo.id}/owners"
items = "items"
page = { kind = "none" }
[[stream.owners.emit]]
as = "grant"
principal = "id"
entitlement = "'owner'"
resource = "project.id + '/' + repo.id"
"#;

#[tokio::test]
async fn grandchildren_know_their_whole_line() {
    let list = |names: &[&str]| {
        let items: Vec<_> = names.iter().map(|name| json!({"id": name, "archived": name.starts_with("old")})).collect();
        Response::json(json!({"items": items}).to_string())
    };
    let (collected, requests) = play(&manifest(NESTED), move |request| match request.path.as_str() {
        "/projects" => list(&["p 1", "old", "p2"]),
        "/projects/p%201/repos" if request.query("cursor").is_none() => {
            Response::json(r#"{"items":[{"id":"a/b"}],"next":"2"}"#)
        }
        "/projects/p%201/repos" => list(&["c"]),
        "/projects/p2/repos" => list(&["d"]),
        path if path.ends_with("/owners") => list(&["ann"]),
        path => panic!("{path}"),
    })
    .await;
    collected.assert_complete();
    let mut resources: Vec<String> = collected
        .records
        .iter()
        .filter_map(|record| match record {
            Record::Grant(grant) => grant.resource.clone(),
            _ => None,
        })
        .collect();
    resources.sort();
    assert_eq!(resources, ["p 1/a/b", "p 1/c", "p2/d"]);
    assert!(requests.iter().any(|request| request.path == "/projects/p%201/repos/a%2Fb/owners"), "values are encoded");
    assert!(!requests.iter().any(|request| request.path.contains("old")), "`where` leaves it out");
}

#[tokio::test]
async fn a_batch_asks_for_several_parents_at_once() {
    let blocks = r#"
[stream.groups]
get = "/groups"
items = "users"
page = { kind = "none" }
[[stream.groups.emit]]
as = "group"
id = "id | str"
[stream.members]
for = "groups"
as = "group"
post = "/members"
body = { groups = "${batch}" }
batch = { size = 3, key = "group.id", join = "group_id" }
items = "members"
page = { kind = "none" }
[[stream.members.emit]]
as = "membership"
member = "item.id"
group = "group.id | str"
"#;
    let (collected, requests) = play(&manifest(blocks), |request| {
        if request.path == "/groups" {
            page(0, 7, json!({}))
        } else {
            let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
            let members: Vec<_> = body["groups"]
                .as_array()
                .unwrap()
                .iter()
                .map(|group| json!({"id": "ann", "group_id": group}))
                .collect();
            Response::json(json!({"members": members}).to_string())
        }
    })
    .await;
    collected.assert_complete();
    assert_eq!(requests.len(), 4, "7 groups, 3 at once: {requests:#?}");
    let mut groups: Vec<String> = collected
        .records
        .iter()
        .filter_map(|record| match record {
            Record::Membership(membership) => Some(membership.group.clone()),
            _ => None,
        })
        .collect();
    groups.sort();
    assert_eq!(groups, ["0", "1", "2", "3", "4", "5", "6"]);
}

#[tokio::test]
async fn a_stream_that_is_switched_off_promises_nothing() {
    let blocks = r#"
[stream.users]
get = "/users"
items = "users"
page = { kind = "none" }
[[stream.users.emit]]
as = "account"
id = "id | str"
[stream.logs]
when = "config.base_url == 'never'"
get = "/logs"
items = "users"
page = { kind = "none" }
[[stream.logs.emit]]
as = "group"
id = "id | str"
"#;
    let (collected, requests) = play(&manifest(blocks), |_| page(0, 2, json!({}))).await;
    assert_eq!((collected.reports.len(), requests.len()), (1, 1));
}

#[tokio::test]
async fn a_record_that_cannot_be_made_costs_itself() {
    let blocks = r#"
[stream.users]
get = "/users"
items = "users"
page = { kind = "none" }
[[stream.users.emit]]
as = "account"
id = "id | str"
created = "created | date"
"#;
    let (collected, _) = play(&manifest(blocks), |_| {
        Response::json(r#"{"users":[{"id":1,"created":"2026-01-01T00:00:00Z"},{"id":2,"created":"soon"},{"id":3}]}"#)
    })
    .await;
    assert_eq!(ids(&collected), [1, 3]);
    let told = collected.kind("users", RecordKind::Account);
    assert!(told.loses_only_rows(), "{told:#?}");
    assert_eq!(told.gaps[0].only.as_ref().unwrap().ids, ["2"]);
}

#[tokio::test]
async fn the_same_system_gives_the_same_records_in_any_order_of_answers() {
    let play_once = |slow: &'static str| async move {
        let (collected, _) = play(&manifest(MERGED), move |request| {
            let answer = match (request.path.as_str(), request.query("role")) {
                ("/members", Some("admin")) => page(0, 2, json!({})),
                ("/members", Some("member")) => page(1, 3, json!({})),
                _ => page(2, 3, json!({})),
            };
            if request.path == slow { answer.after(std::time::Duration::from_millis(80)) } else { answer }
        })
        .await;
        collected.lines()
    };
    assert_eq!(play_once("/members").await, play_once("/no_2fa").await);
}

#[tokio::test]
async fn the_doctor_names_who_we_are_what_lacks_and_what_is_too_much() {
    let blocks = r#"
[access]
read = ["users:read", "team:read"]
scopes_header = "x-oauth-scopes"
excess = ["admin"]
[check]
get = "/me"
identity = "login"
tenant = "team"
assert = { "the plan has groups" = "groups is true" }
[stream.users]
get = "/users"
items = "users"
page = { kind = "none" }
[[stream.users.emit]]
as = "account"
id = "id | str"
[stream.groups]
get = "/groups"
items = "users"
page = { kind = "none" }
needs = ["groups:read"]
[[stream.groups.emit]]
as = "group"
id = "id | str"
"#;
    let server = ScriptedHttp::start(|request| match request.path.as_str() {
        "/me" => Response::json(r#"{"login":"scanner","team":"T1","groups":false}"#)
            .header("x-oauth-scopes", "users:read,admin"),
        "/users" => page(0, 1, json!({})),
        _ => Response::status(403),
    });
    let (connector, _clock) = connector(&manifest(blocks), &server.url());
    let probes = connector.probe(&run(&tokio_util::sync::CancellationToken::new())).await.unwrap();
    let told: Vec<(&str, bool)> =
        probes.iter().map(|probe| (probe.permission.as_str(), probe.granted.unwrap())).collect();
    assert_eq!(
        told,
        [
            ("GET /me", true),
            ("the plan has groups", false),
            ("users:read", true),
            ("team:read", false),
            ("nothing beyond reading", false),
            ("users: GET /users", true),
            ("groups: GET /groups", false),
        ]
    );
    assert_eq!(probes[0].detail.as_deref(), Some("scanner"));
    assert!(probes[6].detail.as_ref().unwrap().contains("groups:read"));
    let collected = collect(&*connector).await;
    assert_eq!(collected.scope("users").identity.as_deref(), Some("scanner"));
    assert_eq!(collected.scope("users").tenant.as_deref(), Some("T1"));
}
