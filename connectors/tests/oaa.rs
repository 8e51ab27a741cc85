//! `oaa`: payloads of the Open Authorization API, records out, and nothing that an update could make look gone.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod collected;

use collected::{Collected, collect, configured};
use muster_connectors::native::oaa::MANUAL;
use muster_connectors::record::{
    Account, AccountClass, Affiliation, CredentialState, Fact, GrantOrigin, GroupRule, Lifecycle, PrincipalKind,
    PrivilegeLevel, Record, RecordKind,
};
use muster_connectors::scope::{KindReport, ScopeState};
use serde_json::{Value, json};

async fn read_text(text: &str, settings: &str) -> Collected {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("app.json"), text).unwrap();
    let toml = format!("file = \"app.json\"{settings}");
    let read = collect(&*configured(MANUAL.configure, folder.path(), &toml).unwrap()).await;
    read.assert_honest();
    read
}

async fn read(payload: &Value, settings: &str) -> Collected {
    read_text(&payload.to_string(), settings).await
}

fn kind(read: &Collected, kind: RecordKind) -> &KindReport {
    &read.scope("app.json").kinds[&kind]
}

fn account<'a>(read: &'a Collected, id: &str) -> &'a Account {
    let found = read.records.iter().find_map(|record| match record {
        Record::Account(account) if account.id == id => Some(account),
        _ => None,
    });
    found.unwrap_or_else(|| panic!("there is no account `{id}`"))
}

/// `(principal, kind, entitlement, resource, origin)`
fn grants(read: &Collected) -> Vec<(String, PrincipalKind, String, String, GrantOrigin)> {
    let mut all: Vec<_> = read
        .records
        .iter()
        .filter_map(|record| match record {
            Record::Grant(grant) => Some((
                grant.principal.clone(),
                grant.principal_kind,
                grant.entitlement.clone(),
                grant.resource.clone().unwrap_or_default(),
                grant.origin,
            )),
            _ => None,
        })
        .collect();
    all.sort();
    all
}

fn memberships(read: &Collected) -> Vec<(String, String)> {
    let mut all: Vec<_> = read
        .records
        .iter()
        .filter_map(|record| match record {
            Record::Membership(one) => Some((one.member.clone(), one.group.clone())),
            _ => None,
        })
        .collect();
    all.sort();
    all
}

/// An application with everything in it, by ids.
fn application() -> Value {
    json!({
        "applications": [{
            "name": "CRM", "application_type": "crm",
            "local_users": [
                { "id": "1", "name": "ann", "full_name": "Ann Smith", "email": "ann@acme.example", "identities": ["ann@acme.example", "00u1"],
                  "groups": ["g1"], "access_creds": ["c1", "c2"], "is_active": true, "created_at": "2020-01-02T00:00:00.000Z",
                  "last_login_at": "2026-02-01T00:00:00Z", "password_last_changed_at": "2025-01-01T00:00:00Z",
                  "custom_properties": { "region": "EU", "seats": 2, "password_hint": "dog" } },
                { "id": 2, "name": "bob", "is_active": false, "user_type": "service_account" },
                { "id": "3", "name": "carl", "deactivated_at": "2025-01-01T00:00:00Z" },
            ],
            "local_groups": [
                { "id": "g1", "name": "Sales" },
                { "id": "g2", "name": "Everybody", "groups": null },
                { "id": "g3", "name": "Nested", "groups": ["g2"] },
            ],
            "local_roles": [
                { "id": "r1", "name": "Boss", "permissions": ["view"], "roles": ["r2"] },
                { "id": "r2", "name": "Clerk", "permissions": ["Manage"], "roles": ["r1"] },
            ],
            "local_access_creds": [
                { "id": "c1", "name": "deploy", "is_active": true, "can_expire": false, "created_at": "2024-01-01T00:00:00Z", "last_used_at": "2026-01-01T00:00:00Z" },
                { "id": "c2", "name": "own rights", "is_active": false, "expires_at": "2027-01-01T00:00:00Z" },
                { "id": "c3", "name": "of nobody" },
            ],
            "resources": [
                { "id": "p1", "name": "pipeline", "resource_type": "pipeline", "sub_resources": [
                    { "id": "s1", "name": "stage", "resource_type": "stage" } ] },
            ],
        }],
        "permissions": [
            { "name": "View", "permission_type": ["DataRead", "MetadataRead"] },
            { "name": "Manage", "permission_type": ["DataRead", "MetadataWrite", "NonData"] },
            { "name": "Ping", "permission_type": ["NonData"] },
        ],
        "identity_to_permissions": [
            { "identity": "1", "identity_type": "local_user", "role_assignments": [
                { "application": "CRM", "role": "r1", "apply_to_application": true, "resources": [] } ] },
            { "identity": "g1", "identity_type": "local_group", "application_permissions": [
                { "application": "CRM", "permission": "view", "resources": ["s1", "pipeline.stage"] } ] },
            { "identity": 2, "identity_type": "local_user", "application_permissions": [{ "application": "CRM", "permission": "Ping" }] },
            { "identity": "c2", "identity_type": "local_access_creds", "application_permissions": [
                { "application": "CRM", "permission": "Manage", "resource": "p1" } ] },
            { "identity": "dora@acme.example", "identity_type": "idp", "application_permissions": [{ "application": "CRM", "permission": "View" }] },
            { "identity": "3", "identity_type": "local_user" },
        ],
    })
}

#[tokio::test]
async fn an_application_is_read_with_all_that_it_says() {
    use GrantOrigin::{Direct, Inherited};
    use PrincipalKind::{Account as A, Group as G};
    let read = read(&application(), "").await;
    let report = read.scope("app.json");
    assert_eq!(report.state(), ScopeState::Complete, "{report:#?}");
    assert_eq!(report.tenant.as_deref(), Some("CRM"));

    let ann = account(&read, "1");
    assert_eq!(
        (ann.login.as_deref(), ann.name.as_deref(), ann.lifecycle),
        (Some("ann"), Some("Ann Smith"), Lifecycle::Active)
    );
    assert_eq!((&ann.emails[..], &*ann.federated[0].subject), (&["ann@acme.example".to_owned()][..], "00u1"));
    assert!(matches!(ann.last_activity, Fact::Known(_)) && matches!(ann.password_changed, Fact::Known(_)));
    assert_eq!((&*ann.attributes["region"], &*ann.attributes["seats"], ann.attributes.len()), ("EU", "2", 2));
    let bob = account(&read, "2");
    assert_eq!(
        (bob.lifecycle, bob.class, &bob.last_activity),
        (Lifecycle::Disabled, Some(AccountClass::Service), &Fact::Unsupported)
    );
    assert_eq!(account(&read, "3").lifecycle, Lifecycle::Disabled);
    assert_eq!(memberships(&read), [("1".into(), "g1".into()), ("g3".into(), "g2".into())]);

    let expected = [
        ("1", A, "role:r1", "application:CRM", Direct),
        ("1", A, "role:r2", "application:CRM", Inherited),
        ("2", A, "permission:Ping", "application:CRM", Direct),
        ("access_cred:c2", A, "permission:Manage", "p1", Direct),
        ("g1", G, "permission:View", "s1", Direct),
        ("idp:dora@acme.example", A, "permission:View", "application:CRM", Direct),
    ];
    let expected: Vec<_> = expected.map(|(a, b, c, d, e)| (a.to_owned(), b, c.to_owned(), d.to_owned(), e)).into();
    assert_eq!(grants(&read), expected);

    let mut levels = Vec::new();
    let mut credentials = Vec::new();
    for record in &read.records {
        match record {
            Record::Entitlement(one) => levels.push((&*one.id, one.privilege)),
            Record::Credential(one) => credentials.push((&*one.id, &*one.account, one.state, one.expires.clone())),
            _ => {}
        }
    }
    let privileged = Some(PrivilegeLevel::Privileged);
    assert_eq!(
        levels,
        [
            ("permission:View", Some(PrivilegeLevel::Baseline)),
            ("permission:Manage", privileged),
            ("permission:Ping", None),
            ("role:r1", privileged),
            ("role:r2", privileged),
        ]
    );
    let expiry = Fact::Known("2027-01-01T00:00:00Z".parse().unwrap());
    assert_eq!(
        credentials,
        [
            ("c1", "1", CredentialState::Active, Fact::Absent),
            ("c2", "access_cred:c2", CredentialState::Inactive, expiry),
            ("c3", "access_cred:c3", CredentialState::Unknown, Fact::Unsupported),
        ]
    );
    let standing = account(&read, "access_cred:c2");
    assert_eq!((standing.class, standing.owner.as_deref()), (Some(AccountClass::Service), Some("1")));
}

#[tokio::test]
async fn names_are_references_where_there_are_no_ids() {
    let payload = json!({
        "applications": [{ "name": "Portal", "local_users": [{ "name": "Bob", "groups": ["ADMINS"] }], "local_groups": [{ "name": "admins" }] }],
        "permissions": [{ "name": "login", "permission_type": ["DataRead"] }],
        "identity_to_permissions": [
            { "identity": "bob", "identity_type": "local_user", "application_permissions": [{ "application": "portal", "permission": "Login" }] },
        ],
    });
    let pushed = json!({ "id": "x", "data_source_id": "y", "json_data": payload.to_string() });
    for payload in [payload, pushed] {
        let read = read(&payload, "").await;
        assert_eq!(read.state("app.json"), ScopeState::Complete, "{:#?}", read.reports);
        assert_eq!(memberships(&read), [("Bob".into(), "admins".into())]);
        assert_eq!(grants(&read)[0].0, "Bob");
        assert_eq!(account(&read, "Bob").lifecycle, Lifecycle::Unknown);
    }
}

#[tokio::test]
async fn an_identity_provider_is_read_as_one() {
    let payload = json!({
        "name": "Directory", "idp_type": "custom", "domains": [{ "name": "acme.example" }],
        "users": [
            { "name": "ann", "email": "ann@acme.example", "identity": "00017", "full_name": "Ann Smith", "department": "Sales", "is_active": true,
              "is_guest": true, "manager_id": "00002", "groups": [{ "identity": "dev" }],
              "assumed_role_arns": [{ "identity": "arn:aws:iam::123456789012:role/admin" }],
              "source_identity": { "identity": "ann", "provider_type": "okta" } },
        ],
        "groups": [{ "name": "dev", "identity": "dev", "groups": [{ "identity": "all" }] }, { "name": "all" }],
    });
    let read = read(&payload, "").await;
    assert_eq!(read.state("app.json"), ScopeState::Complete, "{:#?}", read.reports);
    let ann = account(&read, "00017");
    assert_eq!(
        (ann.affiliation, ann.manager.as_deref(), ann.department.as_deref()),
        (Some(Affiliation::Guest), Some("00002"), Some("Sales"))
    );
    assert_eq!((&*ann.federated[0].issuer, &*ann.federated[0].subject), ("okta", "ann"));
    assert_eq!(memberships(&read), [("00017".into(), "dev".into()), ("dev".into(), "all".into())]);
    assert_eq!(grants(&read)[0].2, "assume:arn:aws:iam::123456789012:role/admin");
}

#[tokio::test]
async fn an_update_is_not_a_state() {
    let mut payload = application();
    payload["incremental_update"] = true.into();
    let read = read(&payload, "").await;
    let account = kind(&read, RecordKind::Account);
    assert_eq!((account.state, &*account.gaps[0].code, read.records.len()), (ScopeState::Failed, "COL162", 0));
}

#[tokio::test]
async fn one_application_is_one_system() {
    let mut payload = application();
    let other = json!({ "name": "Other", "local_users": [{ "name": "x" }] });
    payload["applications"].as_array_mut().unwrap().push(other);
    let undecided = read(&payload, "").await;
    let gap = &kind(&undecided, RecordKind::Account).gaps[0];
    assert_eq!(gap.code, "COL161");
    assert!(gap.cause.as_deref().unwrap().contains("`CRM`, `Other`"));
    let read = read(&payload, ", application = \"Other\"").await;
    assert_eq!((read.state("app.json"), grants(&read).len()), (ScopeState::Complete, 0));
    assert_eq!(account(&read, "x").login.as_deref(), Some("x"));
    payload["identity_to_permissions"][2]["application_permissions"][0].as_object_mut().unwrap().remove("application");
    let unsaid = self::read(&payload, ", application = \"Other\"").await;
    let grants = kind(&unsaid, RecordKind::Grant);
    assert_eq!((grants.state, &*grants.gaps[0].code), (ScopeState::Partial, "COL164"));
}

#[tokio::test]
async fn what_is_wrong_with_an_entry_costs_the_entry_and_is_named() {
    let mut payload = application();
    let app = &mut payload["applications"][0];
    let users = app["local_users"].as_array_mut().unwrap();
    users.push(json!({ "id": "4", "name": "dan", "groups": "g1" }));
    users.push(json!({ "name": "" }));
    users.push(json!({ "id": "5", "name": "eve", "groups": ["nowhere"], "last_login_at": "yesterday" }));
    users.push(json!({ "id": "3", "name": "another carl" }));
    let again = users[0].clone();
    users.push(again);
    app["local_groups"].as_array_mut().unwrap().push(json!({ "id": "g9", "name": "Tied", "identities": ["okta-g9"] }));
    let given = payload["identity_to_permissions"].as_array_mut().unwrap();
    given.push(json!({ "identity": "99", "identity_type": "local_user", "application_permissions": [{ "application": "CRM", "permission": "View" }] }));
    given.push(json!({ "identity": "1", "identity_type": "local_user", "application_permissions": [
        { "application": "CRM", "permission": "Fly" }, { "application": "CRM", "permission": "View", "resources": ["nothing"] } ] }));
    given.push(json!({ "identity": "Engineers", "identity_type": "idp", "application_permissions": [{ "application": "CRM", "permission": "View" }] }));
    let read = read(&payload, "").await;
    let accounts = kind(&read, RecordKind::Account);
    assert_eq!(accounts.state, ScopeState::Partial);
    let codes: Vec<&str> = accounts.gaps.iter().map(|gap| &*gap.code).collect();
    assert_eq!(codes, ["COL163", "COL163", "COL163", "COL165"], "{:#?}", accounts.gaps);
    assert!(accounts.withdrawn.contains("3") && accounts.repeated == 1);
    assert_eq!(accounts.gaps[0].at.as_deref(), Some("app.json:local_users[3]"));
    assert_eq!(account(&read, "5").last_activity, Fact::Unreadable);
    let lost: Vec<&str> = kind(&read, RecordKind::Grant).gaps.iter().map(|gap| &*gap.what).collect();
    assert!(
        lost.iter().any(|what| what.contains("`99`")) && lost.iter().any(|what| what.contains("`Fly`")),
        "{lost:?}"
    );
    assert!(lost.iter().any(|what| what.contains("`nothing`")));
    let members = &kind(&read, RecordKind::Membership).gaps;
    assert!(
        members.iter().any(|gap| gap.what.contains("`nowhere`"))
            && members.iter().any(|gap| gap.what.contains("okta-g9"))
    );
    assert!(members.iter().any(|gap| gap.what.contains("Engineers")));
    let tied = read.records.iter().find_map(|record| match record {
        Record::Group(group) if group.id == "g9" => Some(group.rule),
        _ => None,
    });
    assert_eq!(tied, Some(GroupRule::Synchronised));
}

#[tokio::test]
async fn what_is_no_payload_fails_with_cause_and_place() {
    let whole = application().to_string();
    let deep =
        format!("{{\"applications\":[{{\"name\":\"x\",\"resources\":{}{}}}]}}", "[".repeat(400), "]".repeat(400));
    for (text, told) in [
        (&whole[..whole.len() / 2], "whole"),
        ("", "whole"),
        ("[]", "whole"),
        ("{\"users\": []}", "template"),
        ("{\"applications\": []}", "0 applications"),
        ("{\"json_data\": \"{\"}", "json_data"),
        ("{\"json_data\": \"H4sI\", \"compression_type\": \"GZIP\"}", "compressed"),
        (&deep, "whole"),
    ] {
        let read = read_text(text, "").await;
        let accounts = kind(&read, RecordKind::Account);
        assert_eq!((accounts.state, &*accounts.gaps[0].code), (ScopeState::Failed, "COL161"), "{text:.60}");
        assert!(accounts.gaps[0].what.contains(told) && accounts.gaps[0].fix.is_some(), "{:?}", accounts.gaps[0]);
    }
}
