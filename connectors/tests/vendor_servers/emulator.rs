//! GitHub on an emulator that holds state: lists go over real pages, and a change there is a change here. It knows members,
//! teams and their members; of the rest it says 404, and none of that may look like an empty list.

use std::collections::BTreeSet;

use muster_connectors::record::{Record, RecordKind};
use muster_connectors::scope::ScopeState;
use muster_testbeds::emulate::GithubEmulator;
use reqwest::Method;
use serde_json::{Value, json};

use super::bench::System;
use crate::collected::{Collected, TOKEN};

const PEOPLE: usize = 230;

/// An organization of many people, one of whom owns it.
fn seed() -> Value {
    let logins: Vec<String> = (0..PEOPLE).map(|n| format!("person{n}")).chain(["boss".to_owned()]).collect();
    let users: Vec<Value> = logins.iter().map(|login| json!({"login": login, "name": login})).collect();
    let role = |login: &str| if login == "boss" { "admin" } else { "member" };
    let members: Vec<Value> = logins.iter().map(|login| json!({"login": login, "role": role(login)})).collect();
    json!({"tokens": {TOKEN: {"login": "boss", "scopes": ["admin:org", "repo"]}},
        "github": {"users": users, "orgs": [{"login": "acme", "name": "Acme", "members": members}]}})
}

/// Changes something in the emulator.
async fn change(server: &GithubEmulator, method: Method, path: &str, body: Value) {
    let call = reqwest::Client::new().request(method, format!("{}{path}", server.url())).bearer_auth(TOKEN).json(&body);
    let answer = call.send().await.unwrap();
    assert!(answer.status().is_success(), "{path}: {} {}", answer.status(), answer.text().await.unwrap());
}

/// Logins of the accounts, and who is in the team, by login.
fn read(collected: &Collected) -> (BTreeSet<String>, BTreeSet<String>) {
    let logins = collected.records.iter().filter_map(|record| match record {
        Record::Account(account) => Some((account.id.clone(), account.login.clone().unwrap_or_default())),
        _ => None,
    });
    let logins: std::collections::BTreeMap<String, String> = logins.collect();
    let team = collected.records.iter().find_map(|record| match record {
        Record::Group(group) if group.name.as_deref() == Some("Platform") => Some(group.id.clone()),
        _ => None,
    });
    let inside = collected.records.iter().filter_map(|record| match record {
        Record::Membership(membership) if Some(&membership.group) == team.as_ref() => logins.get(&membership.member),
        _ => None,
    });
    (logins.values().cloned().collect(), inside.cloned().collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn github_is_read_over_real_pages_and_changes_are_seen() {
    let server = GithubEmulator::start(&seed()).unwrap();
    let github = System::new("github", r#"org = "acme", auth = "token", token = { env = "TOKEN" }"#);
    let manifest = github.manifest();
    change(&server, Method::POST, "/orgs/acme/teams", json!({"name": "Platform"})).await;
    for n in 0..120 {
        let path = format!("/orgs/acme/teams/platform/memberships/person{n}");
        change(&server, Method::PUT, &path, json!({"role": "member"})).await;
    }

    let first = github.collect_as(manifest.text(), &server.url()).await;
    for whole in ["members", "teams", "team_members"] {
        assert_eq!(first.state(whole), ScopeState::Complete, "{:#?}", first.scope(whole));
    }
    let (logins, team) = read(&first);
    assert_eq!((logins.len(), team.len()), (PEOPLE + 1, 120));
    for absent in ["outside", "invitations", "repos", "org_roles", "apps", "tokens"] {
        assert_ne!(first.state(absent), ScopeState::Complete, "the emulator does not have `{absent}`");
    }
    let owners = first
        .of(RecordKind::Grant)
        .into_iter()
        .filter(|grant| matches!(grant, Record::Grant(grant) if grant.entitlement == "org:owner"));
    assert_eq!(owners.count(), 1);

    change(&server, Method::DELETE, "/orgs/acme/members/person7", Value::Null).await;
    change(&server, Method::DELETE, "/orgs/acme/teams/platform/memberships/person8", Value::Null).await;
    let second = read(&github.collect_as(manifest.text(), &server.url()).await);
    let gone = |before: &BTreeSet<String>, after: &BTreeSet<String>| {
        assert!(after.is_subset(before));
        before.difference(after).cloned().collect::<Vec<_>>()
    };
    assert_eq!(gone(&logins, &second.0), ["person7"]);
    assert_eq!(gone(&team, &second.1), ["person7", "person8"]);
}
