//! `baton`: files as Baton writes them, records out, and nothing that a part of a sync could make look gone.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod c1z;
mod collected;

use c1z::{Store, entitlement, grant, id, message, resource, user};
use collected::{Collected, collect, configured};
use muster_connectors::native::baton::MANUAL;
use muster_connectors::record::{
    AccountClass, CredentialState, Fact, GrantOrigin, Lifecycle, PrincipalKind, Purpose, Record, RecordKind,
};
use muster_connectors::scope::ScopeState;

async fn read(bytes: &[u8], settings: &str) -> Collected {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("sync.c1z"), bytes).unwrap();
    let toml = format!("file = \"sync.c1z\"{settings}");
    let read = collect(&*configured(MANUAL.configure, folder.path(), &toml).unwrap()).await;
    read.assert_honest();
    read
}

fn kind(read: &Collected, kind: RecordKind) -> &muster_connectors::scope::KindReport {
    &read.scope("sync.c1z").kinds[&kind]
}

/// Ann is in `admins`, which holds `admin` on the app; Bob got it through the group as well, Carl directly.
fn estate(store: &Store, sync: &str) {
    let group = || resource("group", "g1", "Admins", None);
    let app = || resource("app", "crm", "CRM", None);
    let member = || entitlement(group(), "group:g1:member", "member", 1);
    let admin = || entitlement(app(), "app:crm:admin", "admin", 2);
    let login = message()
        .message(1, message().text(1, "ann.old@acme.example"))
        .message(1, message().text(1, "ann@acme.example").number(2, 1))
        .message(2, message().number(1, 1).text(2, "in good order"))
        .profile(3, &[("employee_id", "00017"), ("title", "Analyst"), ("password_hash", "x"), ("salary", "1")])
        .number(5, 1)
        .text(6, "ann")
        .text(7, "a.smith")
        .instant(8, 1_600_000_000)
        .instant(9, 1_700_000_000)
        .message(10, message());
    store.row("v1_resources", sync, resource("user", "u1", "Ann", Some(("UserTrait", login))));
    store.row("v1_resources", sync, user("u2", "Bob", "bob", 2));
    store.row("v1_resources", sync, user("u3", "Carl", "carl", 3));
    store.row("v1_resources", sync, group());
    store.row("v1_resources", sync, app());
    store.row("v1_resources", sync, resource("role", "r1", "Auditor", None).message(2, id("app", "crm")));
    let secret = message().instant(2, 1_600_000_000).instant(4, 1_700_000_000).message(6, id("user", "u1"));
    let token = resource("token", "t1", "deploy", Some(("SecretTrait", secret))).message(11, message().number(1, 1));
    store.row("v1_resources", sync, token);
    store.row("v1_entitlements", sync, member());
    store.row("v1_entitlements", sync, admin());
    store.row(
        "v1_entitlements",
        sync,
        entitlement(resource("role", "r1", "Auditor", None), "role:r1:assigned", "assigned", 1),
    );
    store.row("v1_grants", sync, grant(member(), resource("user", "u1", "Ann", None), &[]));
    store.row("v1_grants", sync, grant(admin(), group(), &[]));
    store.row("v1_grants", sync, grant(admin(), resource("user", "u2", "Bob", None), &["group:g1:member"]));
    let both = ["app:crm:admin", "group:g1:member"];
    store.row("v1_grants", sync, grant(admin(), resource("user", "u3", "Carl", None), &both));
}

#[tokio::test]
async fn everything_of_the_last_whole_sync_is_read_with_what_it_says() {
    let store = Store::new();
    store.sync("before", Some("2026-02-01 04:00:00"), "full");
    store.row("v1_resources", "before", user("gone", "Gone", "gone", 1));
    store.sync("whole", Some("2026-03-01 04:00:00.123456789"), "full");
    estate(&store, "whole");
    store.sync("part", Some("2026-03-02 04:00:00"), "partial");
    store.row("v1_resources", "part", user("only", "Only", "only", 1));
    store.sync("unfinished", None, "full");
    let read = read(&store.pack(), "").await;
    let report = read.scope("sync.c1z");
    assert_eq!(report.state(), ScopeState::Complete, "{report:#?}");
    assert_eq!(report.files[0].collected.unwrap().to_string(), "2026-03-01T04:00:00.123456789Z");

    let mut accounts = Vec::new();
    let (mut grants, mut memberships, mut resources) = (Vec::new(), Vec::new(), Vec::new());
    for record in &read.records {
        match record {
            Record::Account(account) => accounts.push(account),
            Record::Grant(grant) => {
                grants.push((&*grant.principal, grant.principal_kind, &*grant.entitlement, grant.origin));
            }
            Record::Membership(one) => memberships.push((&*one.member, &*one.group)),
            Record::Resource(one) => resources.push((&*one.id, one.parent.as_deref())),
            Record::Credential(one) => {
                assert_eq!((&*one.id, &*one.account, one.state), ("token:t1", "user:u1", CredentialState::Active));
                assert!(matches!(one.last_used, Fact::Known(_)) && one.expires == Fact::Unsupported);
            }
            Record::Entitlement(one) if one.id == "role:r1:assigned" => assert_eq!(one.purpose, Purpose::Assignment),
            _ => {}
        }
    }
    let ann = accounts[0];
    assert_eq!((&*ann.id, ann.login.as_deref()), ("user:u1", Some("ann")));
    assert_eq!(ann.emails, ["ann@acme.example", "ann.old@acme.example"]);
    assert_eq!((ann.class, ann.lifecycle), (Some(AccountClass::Human), Lifecycle::Active));
    assert_eq!((ann.employee_id.as_deref(), &ann.mfa), (Some("00017"), &Fact::Absent));
    assert_eq!(ann.last_activity.known().unwrap().to_string(), "2023-11-14T22:13:20Z");
    assert_eq!(ann.attributes["title"], "Analyst");
    assert!(!ann.attributes.contains_key("password_hash") && !ann.attributes.contains_key("salary"));
    let states: Vec<Lifecycle> = accounts.iter().map(|account| account.lifecycle).collect();
    assert_eq!(states, [Lifecycle::Active, Lifecycle::Disabled, Lifecycle::Deleted]);
    assert_eq!(memberships, [("user:u1", "group:g1")]);
    assert_eq!(
        grants,
        [
            ("group:g1", PrincipalKind::Group, "app:crm:admin", GrantOrigin::Direct),
            ("user:u2", PrincipalKind::Account, "app:crm:admin", GrantOrigin::Inherited),
            ("user:u3", PrincipalKind::Account, "app:crm:admin", GrantOrigin::Direct),
        ]
    );
    assert_eq!(resources, [("app:crm", None), ("role:r1", Some("app:crm"))]);
}

#[tokio::test]
async fn a_sync_of_resources_alone_says_nothing_of_grants() {
    let store = Store::new();
    store.sync("resources", Some("2026-03-01 04:00:00"), "resources_only");
    estate(&store, "resources");
    let read = read(&store.pack(), "").await;
    assert_eq!(kind(&read, RecordKind::Account).state, ScopeState::Complete);
    for of in [RecordKind::Grant, RecordKind::Membership, RecordKind::Entitlement] {
        assert_eq!((kind(&read, of).state, kind(&read, of).records), (ScopeState::Failed, 0), "{of}");
        assert_eq!(kind(&read, of).gaps[0].code, "COL172");
    }
}

#[tokio::test]
async fn a_part_or_an_unfinished_sync_is_no_state() {
    for (ended, covers) in
        [(None, "full"), (Some("2026-03-01 04:00:00"), "partial"), (Some("2026-03-01 04:00:00"), "partial_upserts")]
    {
        let store = Store::new();
        store.sync("one", ended, covers);
        estate(&store, "one");
        let read = read(&store.pack(), "").await;
        assert!(read.records.is_empty());
        let account = kind(&read, RecordKind::Account);
        assert_eq!((account.state, &*account.gaps[0].code), (ScopeState::Failed, "COL172"), "{covers}");
    }
}

#[tokio::test]
async fn older_files_say_otherwise_what_a_sync_covers() {
    for (column, expected) in [
        ("is_partial boolean not null default false", ScopeState::Complete),
        ("is_partial boolean not null default true", ScopeState::Failed),
    ] {
        let store = Store::new();
        store
            .connection
            .execute_batch(&format!(
                "ALTER TABLE v1_sync_runs DROP COLUMN sync_type; ALTER TABLE v1_sync_runs ADD COLUMN {column}"
            ))
            .unwrap();
        store
            .connection
            .execute("INSERT INTO v1_sync_runs (sync_id, started_at, ended_at, sync_token) VALUES ('one', '', '2026-03-01 04:00:00', '')", [])
            .unwrap();
        assert_eq!(read(&store.pack(), "").await.state("sync.c1z"), expected, "{column}");
    }
}

#[tokio::test]
async fn a_row_that_cannot_be_read_costs_itself() {
    let store = Store::new();
    store.sync("one", Some("2026-03-01 04:00:00"), "full");
    estate(&store, "one");
    store.raw("v1_resources", "one", &[0x0a, 0x7f, 0x01]);
    store.row("v1_resources", "one", message().text(3, "nameless"));
    store.row("v1_resources", "one", resource("token", "t2", "of nobody", None));
    let read = read(&store.pack(), "").await;
    let account = kind(&read, RecordKind::Account);
    assert_eq!((account.state, account.records, account.gaps.len()), (ScopeState::Partial, 3, 3));
    assert!(account.gaps.iter().all(|gap| gap.code == "COL174" && gap.what.contains("v1_resources")));
    assert_eq!(kind(&read, RecordKind::Grant).state, ScopeState::Complete);
}

#[tokio::test]
async fn damaged_foreign_and_hostile_files_fail_with_their_cause() {
    let store = Store::new();
    store.sync("one", Some("2026-03-01 04:00:00"), "full");
    estate(&store, "one");
    let good = store.pack();
    let mut newer = good.clone();
    newer[3] = b'3';
    let mut flipped = good.clone();
    let middle = flipped.len() / 2;
    flipped[middle..middle + 64].fill(0xff);
    let text = |text: &str| {
        let mut packed = b"C1ZF\0".to_vec();
        packed.extend(zstd::encode_all(text.as_bytes(), 3).unwrap());
        packed
    };
    let viewed = Store::new();
    viewed.sync("one", Some("2026-03-01 04:00:00"), "full");
    viewed
        .connection
        .execute_batch(
            "DROP TABLE v1_grants; CREATE VIEW v1_grants AS WITH RECURSIVE n(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n)
                SELECT id, x'00' AS data, 'one' AS sync_id FROM n",
        )
        .unwrap();
    let none = Store::new();
    none.connection.execute_batch("DROP TABLE v1_sync_runs").unwrap();
    for (bytes, code, told) in [
        (b"C1Z".to_vec(), "COL171", "no .c1z"),
        (b"PK\x03\x04 and so on".to_vec(), "COL171", "no .c1z"),
        (newer, "COL171", "newer format"),
        (good[..good.len() * 2 / 3].to_vec(), "COL173", "damaged"),
        (flipped, "COL173", "sync.c1z"),
        (text("no database at all, just words"), "COL173", "database"),
        (text(""), "COL173", "database"),
        (none.pack(), "COL173", "database"),
        (viewed.pack(), "COL173", "database"),
    ] {
        let read = read(&bytes, "").await;
        let grants = kind(&read, RecordKind::Grant);
        assert_eq!((grants.state, &*grants.gaps[0].code), (ScopeState::Failed, code), "{:#?}", grants.gaps);
        assert!(grants.gaps[0].what.contains(told) && grants.gaps[0].fix.is_some(), "{:?}", grants.gaps[0]);
    }
}

#[tokio::test]
async fn fewer_accounts_than_promised_are_partial() {
    let store = Store::new();
    store.sync("one", Some("2026-03-01 04:00:00"), "full");
    estate(&store, "one");
    let read = read(&store.pack(), ", expect_accounts = 4").await;
    assert_eq!(kind(&read, RecordKind::Account).gaps[0].code, "COL020");
}
