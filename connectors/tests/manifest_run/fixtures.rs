//! `test` and `record`: written exchanges, changes, and a recording in which nothing secret remains.

use std::path::Path;
use std::sync::Arc;

use muster_connectors::manifest::Manifest;
use muster_connectors::manifest::run::fixture::{self, Tested};
use muster_connectors::manifest::run::recording;
use muster_connectors::secret::Environment;
use muster_connectors::{Run, Settings};
use muster_testbeds::scripted_http::{Request, Response, ScriptedHttp};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::bench::{NOW, plain_manifest};

const SYSTEM: &str = r#"
[http]
base = "${config.base_url}"
[auth.app]
kind = "oauth2"
grant = "jwt_bearer"
token_url = "${config.base_url | raw}/token"
jwt = { alg = "ES256", key = "${secret.key}", claims = { iss = "app", iat = "${now}", exp = "${now + 60}" } }
[check]
get = "/me"
identity = "login"
[stream.users]
get = "/users"
items = "users"
page = { kind = "link", size = 2, size_into = "query.limit" }
[[stream.users.emit]]
as = "account"
id = "id | str"
login = "item.login"
emails = "[email | lower]"
created = "created_at | date"
lifecycle = "'active' if state == 'active' else 'disabled'"
[stream.members]
for = "users"
as = "user"
get = "/users/${user.login}/groups"
items = "groups"
page = { kind = "none" }
[[stream.members.emit]]
as = "membership"
member = "user.id | str"
group = "item.name"
[action.leave_group]
on = "membership"
risk = "reversible"
guard = ["not account.is_root"]
read = { get = "/groups/${group.id}", as = "present" }
call = { method = "PUT", path = "/groups/${group.id}", body = { members = "${present.members | without(account.id)}" } }
already_if = "not (account.id in present.members)"
refuse_if = "(present.members | len) == 1"
ok = [200]
verify = { get = "/groups/${group.id}", expect = "not (account.id in members)" }
undo = { method = "PUT", path = "/groups/${group.id}", body = { members = "${present.members}" } }
[action.delete_account]
on = "account"
risk = "irreversible"
call = { method = "DELETE", path = "/users/${account.id}" }
ok = [204]
already = [404]
verify = { get = "/users/${account.id}", gone = [404] }
"#;

fn token() -> Value {
    json!({"request": "POST /token", "form": {"grant_type": "*", "assertion": "*"}, "reply": {"access_token": "t1", "expires_in": 3600}, "repeat": true})
}

fn exchanges() -> Value {
    json!({"now": NOW, "config": {"base_url": "https://api.example"}, "exchanges": [
        token(),
        {"request": "GET /me", "headers": {"authorization": "Bearer t1"}, "reply": {"login": "scanner"}},
        {"request": "GET /users?limit=2", "reply_headers": {"link": "</users?limit=2&after=x>; rel=\"next\""}, "reply": {"users": [
            {"id": 1, "login": "ann", "email": "Ann@acme.com", "created_at": "2026-01-02T03:04:05Z", "state": "active"},
            {"id": 2, "login": "bob", "email": null, "state": "blocked"}]}},
        {"request": "GET /users/ann/groups", "reply": {"groups": [{"name": "staff"}]}},
        {"request": "GET /users/bob/groups", "status": 403, "reply": {"message": "no"}},
        {"request": "GET /users?after=x&limit=2", "reply": {"users": [{"id": 3, "login": "cy", "state": "active"}]}},
        {"request": "GET /users/cy/groups", "reply": {"groups": []}},
    ]})
}

fn expected() -> Value {
    json!({"identity": "scanner",
        "scopes": {
            "users": {"accounts": {"state": "complete", "records": 3}},
            "members": {"memberships": {"state": "partial", "records": 1, "gaps": ["COL031"]}}},
        "records": [
            {"record": "account", "id": "1", "id_kind": "immutable", "login": "ann", "emails": ["ann@acme.com"], "emails_verified": false,
             "lifecycle": "active", "is_root": false, "created": "2026-01-02T03:04:05Z"},
            {"record": "account", "id": "2", "id_kind": "immutable", "login": "bob", "emails_verified": false,
             "lifecycle": "disabled", "is_root": false, "created": {"state": "unreadable"}},
            {"record": "account", "id": "3", "id_kind": "immutable", "login": "cy", "emails_verified": false,
             "lifecycle": "active", "is_root": false, "created": {"state": "unreadable"}},
            {"record": "membership", "member": "1", "member_kind": "account", "group": "staff"}]})
}

fn actions() -> Value {
    let group = |members: &[&str]| json!({"request": "GET /groups/g1", "reply": {"members": members}});
    let put = |members: &[&str]| json!({"request": "PUT /groups/g1", "body": {"members": members}});
    let given = json!({"account": {"id": "1", "is_root": false}, "group": {"id": "g1"}, "edge": {"member": "1"}});
    json!([
        {"action": "leave_group", "given": given, "exchanges": [token(), group(&["1", "2"]), put(&["2"]), group(&["2"])],
         "expected": {"outcome": "done", "calls": ["POST /token", "GET /groups/g1", "PUT /groups/g1", "GET /groups/g1"],
            "undo": {"request": "PUT /groups/g1", "body": {"members": ["1", "2"]}}}},
        {"action": "leave_group", "given": given, "exchanges": [token(), group(&["1", "2"]), put(&["2"]), group(&["1", "2"])],
         "expected": {"outcome": "unverified"}},
        {"action": "leave_group", "given": given, "exchanges": [token(), group(&["2"])], "expected": {"outcome": "already"}},
        {"action": "leave_group", "given": given, "exchanges": [token(), group(&["1"])], "expected": {"outcome": "refused"}},
        {"action": "leave_group", "given": {"account": {"id": "1", "is_root": true}, "group": {"id": "g1"}},
         "exchanges": [token(), group(&["1", "2"])], "expected": {"outcome": "guarded"}},
        {"action": "delete_account", "given": given,
         "exchanges": [token(), {"request": "DELETE /users/1", "status": 204}, {"request": "GET /users/1", "status": 404}],
         "expected": {"outcome": "done"}},
        {"action": "delete_account", "given": given, "exchanges": [token(), {"request": "DELETE /users/1", "status": 404}],
         "expected": {"outcome": "already"}},
        {"action": "delete_account", "given": given,
         "exchanges": [token(), {"request": "DELETE /users/1", "status": 500, "reply": {"message": "later"}}],
         "expected": {"outcome": "failed", "calls": ["POST /token", "DELETE /users/1"]}},
    ])
}

async fn test(manifest: &Arc<Manifest>, exchanges: &Value, expected: &Value, actions: &Value) -> Tested {
    let folder = tempfile::tempdir().unwrap();
    for (name, json) in [("exchanges.json", exchanges), ("expected.json", expected), ("actions.json", actions)] {
        std::fs::write(folder.path().join(name), json.to_string()).unwrap();
    }
    fixture::test(Arc::clone(manifest), folder.path()).await.unwrap()
}

#[tokio::test]
async fn a_manifest_that_does_as_written_has_no_differences() {
    let manifest = plain_manifest(SYSTEM);
    let tested = test(&manifest, &exchanges(), &expected(), &actions()).await;
    assert_eq!(tested.differences, Vec::<String>::new(), "{:#}", tested.found);
    assert_eq!((tested.exchanges, tested.records, tested.actions), (7, 4, 8));
}

#[tokio::test]
async fn whatever_differs_is_named() {
    let manifest = plain_manifest(SYSTEM);
    let mut asked = exchanges();
    asked["exchanges"][6]["request"] = json!("GET /users/cy/teams");
    asked["exchanges"][2]["reply"]["users"][0]["login"] = json!("ann2");
    let mut steps = actions();
    steps[0]["expected"]["outcome"] = json!("already");
    steps[0]["expected"]["undo"]["body"]["members"] = json!(["9"]);
    let told = test(&manifest, &asked, &expected(), &steps).await.differences.join("\n");
    for line in [
        "unexpected request GET /users/cy/groups",
        "unexpected request GET /users/ann2/groups",
        "never asked for: GET /users/cy/teams",
        r#"account 1: `login` is "ann2", expected "ann""#,
        "membership of 1 in staff did not come out",
        "action leave_group: outcome is Done, expected Already",
        "action leave_group: the way back is",
    ] {
        assert!(told.contains(line), "{line}\n---\n{told}");
    }
}

#[tokio::test]
async fn a_folder_that_cannot_be_used_is_named() {
    let manifest = plain_manifest(SYSTEM);
    let folder = tempfile::tempdir().unwrap();
    let error = fixture::test(Arc::clone(&manifest), folder.path()).await.unwrap_err();
    assert!(error.to_string().contains("exchanges.json"), "{error}");
    std::fs::write(
        folder.path().join("exchanges.json"),
        r#"{"now":"2026-11-20T10:00:00Z","exchanges":[{"request":"GET"}]}"#,
    )
    .unwrap();
    let error = fixture::test(manifest, folder.path()).await.unwrap_err();
    assert!(error.to_string().contains("exchange 1") || error.to_string().contains("base"), "{error}");
}

/// What must not remain in a recording.
const PLANTED: &[&str] = &[
    "s3cr3t-t0ken",
    "issued-t0ken",
    "alice",
    "smith",
    "acme",
    "4711471147",
    "+4917012345",
    "hunter2",
    "sess10n",
    "10.1.2.3",
    "salary",
    "90210",
    "cookie-va1ue",
];

fn private_system(request: &Request) -> Response {
    match request.path.as_str() {
        "/token" => Response::json(r#"{"access_token":"issued-t0ken-99887766","expires_in":3600,"note":"for acme"}"#),
        "/me" => Response::json(r#"{"login":"alice.smith","session":"sess10n"}"#).header("set-cookie", "sid=cookie-va1ue"),
        "/users" if request.query("after").is_none() => Response::json(
            json!({"users": [
                {"id": 4_711_471_147_u64, "login": "alice.smith", "email": "Alice.Smith@corp.acme.com", "created_at": "2026-01-02T03:04:05Z",
                 "state": "active", "salary": 90210, "phone": "+4917012345", "api_key": "hunter2"},
                {"id": 12, "login": "acme/bot", "email": null, "state": "blocked", "last_ip": "10.1.2.3"}]})
            .to_string(),
        )
        .header("link", &format!("<http://{}/users?limit=2&after=sess10n%3D%3D>; rel=\"next\"", request.header("host").unwrap())),
        "/users" => {
            assert_eq!(request.query("after"), Some("sess10n=="));
            Response::json(r#"{"users":[]}"#)
        }
        "/users/alice.smith/groups" => Response::json(r#"{"groups":[{"name":"Acme staff"}]}"#),
        "/users/acme%2Fbot/groups" => Response::json(r#"{"message":"alice may not"}"#).with_status(403),
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_recording_plays_and_nothing_secret_or_personal_remains_in_it() {
    let server = ScriptedHttp::start(private_system);
    let manifest = plain_manifest(SYSTEM);
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap().serialize_pem();
    let settings =
        format!(r#"{{ base_url = "{}", token = {{ env = "TOKEN" }}, key = {{ env = "KEY" }} }}"#, server.url());
    let given = Settings {
        system: "probe",
        table: toml::de::ValueDeserializer::parse(&settings).unwrap(),
        folder: Path::new(".").to_owned(),
        environment: Arc::new(Environment::from([
            ("TOKEN".to_owned(), "s3cr3t-t0ken-1234".to_owned()),
            ("KEY".to_owned(), key.clone()),
        ])),
    };
    let run = Run { now: NOW.parse().unwrap(), cancel: CancellationToken::new(), concurrency: 1, memory: None };
    let scene = recording::record(Arc::clone(&manifest), given, &run).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    recording::write(&scene, folder.path()).unwrap();
    let tested = fixture::test(Arc::clone(&manifest), folder.path()).await.unwrap();
    recording::put(folder.path(), "expected.json", &tested.found).unwrap();
    // Only what was not expected, because nothing was: every request found its exchange.
    assert!(
        !tested.differences.iter().any(|line| line.contains("request") || line.contains("never asked")),
        "{:#?}",
        tested.differences
    );
    assert_eq!(tested.records, 3, "{:#}", tested.found);
    let again = fixture::test(manifest, folder.path()).await.unwrap();
    assert_eq!(again.differences, Vec::<String>::new());

    let written = ["exchanges.json", "expected.json"]
        .map(|name| std::fs::read_to_string(folder.path().join(name)).unwrap())
        .join("\n")
        .to_lowercase();
    for word in PLANTED {
        assert!(!written.contains(&word.to_lowercase()), "`{word}` remains:\n{written}");
    }
    for line in key.lines().filter(|line| line.len() > 20) {
        assert!(!written.contains(&line.to_lowercase()), "the key remains");
    }
    // Joins still work: the membership is of the account, and the state is the vendor's word.
    let records = tested.found["records"].as_array().unwrap();
    let accounts: Vec<&str> = records
        .iter()
        .filter(|record| record["record"] == "account")
        .filter_map(|record| record["id"].as_str())
        .collect();
    let member = records.iter().find(|record| record["record"] == "membership").unwrap()["member"].as_str().unwrap();
    assert!(accounts.contains(&member), "{records:#?}");
    assert!(
        records.iter().any(|record| record["lifecycle"] == "active")
            && records.iter().any(|record| record["lifecycle"] == "disabled")
    );
}
