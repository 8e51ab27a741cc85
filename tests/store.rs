//! What people rely on of the snapshot store: nothing is lost, nothing is invented, and the same input gives the same bytes.

#![expect(clippy::unwrap_used, reason = "a test whose stage cannot be set must fail")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use muster::query::{self, Answer, Extra, LIBRARY, QueryError};
use muster::snapshot::tables::{self, TABLES, Type};
use muster::snapshot::{CheckRows, Keep, KindState, Manifest, Snapshot, Start, Store, StoreError, Transaction};
use muster_connectors::record::*;
use muster_connectors::scope::{Gap, KindReport, ScopeReport, ScopeState, SourceFile};
use muster_connectors::sink::Batch;
use polars::prelude::{AnyValue, DataFrame};
use serde_json::json;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn start(day: i64) -> Start {
    let now = at("2026-03-01T02:00:00Z") + Duration::from_secs(u64::try_from(day).unwrap() * 86_400);
    Start { now, tool: "muster 0.1.0".to_owned(), config: "c0ffee".to_owned() }
}

fn account(id: &str) -> Account {
    Account { login: Some(format!("login-{id}")), lifecycle: Lifecycle::Active, ..Account::new(id, IdKind::Immutable) }
}

fn boxed(account: Account) -> Record {
    Record::Account(Box::new(account))
}

fn report(scope: &str, kinds: &[(RecordKind, ScopeState)]) -> ScopeReport {
    let kind = |state: ScopeState| KindReport {
        state,
        gaps: if state == ScopeState::Complete { vec![] } else { vec![Gap::new("COL031", "HTTP 403 on page 2")] },
        ..KindReport::default()
    };
    ScopeReport {
        scope: scope.to_owned(),
        kinds: kinds.iter().map(|(is, state)| (*is, kind(*state))).collect(),
        ..ScopeReport::default()
    }
}

fn complete(scope: &str, kinds: &[RecordKind]) -> ScopeReport {
    let kinds: Vec<_> = kinds.iter().map(|kind| (*kind, ScopeState::Complete)).collect();
    report(scope, &kinds)
}

/// Adds a system whose scopes hold these records and ended like this.
fn add(tx: &mut Transaction<'_>, system: &str, scopes: Vec<(ScopeReport, Vec<Record>)>) {
    let mut writer = tx.system(system, "test").unwrap();
    let mut reports = Vec::new();
    for (report, records) in scopes {
        writer.write(Batch { scope: Arc::from(report.scope.as_str()), records }).unwrap();
        reports.push(report);
    }
    let staged = writer.finish(reports).unwrap();
    tx.add(staged).unwrap();
}

fn accounts(state: ScopeState, ids: &[&str]) -> Vec<(ScopeReport, Vec<Record>)> {
    vec![(report("all", &[(RecordKind::Account, state)]), ids.iter().map(|id| boxed(account(id))).collect())]
}

/// Takes a snapshot of one system `app`, or of nothing.
fn snap(store: &Store, day: i64, scopes: Option<Vec<(ScopeReport, Vec<Record>)>>) -> Manifest {
    let lock = store.lock(None).unwrap();
    let mut tx = store.begin(&lock, start(day)).unwrap();
    if let Some(scopes) = scopes {
        add(&mut tx, "app", scopes);
    }
    tx.commit(json!({})).unwrap()
}

fn new_store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join(".muster")).unwrap();
    (folder, store)
}

fn text(value: &AnyValue<'_>) -> String {
    match value {
        AnyValue::Null => "-".to_owned(),
        AnyValue::String(text) => (*text).to_owned(),
        AnyValue::StringOwned(text) => text.to_string(),
        AnyValue::Datetime(micros, ..) | AnyValue::DatetimeOwned(micros, ..) => {
            Timestamp::from_microsecond(*micros).unwrap().to_string()
        }
        AnyValue::Date(days) => (jiff::civil::date(1970, 1, 1) + jiff::Span::new().days(*days)).to_string(),
        AnyValue::List(list) => {
            format!("[{}]", list.iter().map(|item| text(&item)).collect::<Vec<_>>().join(","))
        }
        other => other.to_string(),
    }
}

fn rows(frame: &DataFrame) -> Vec<String> {
    (0..frame.height())
        .map(|row| {
            let cells = frame.columns().iter().map(|column| text(&column.get(row).unwrap()));
            cells.collect::<Vec<_>>().join("|")
        })
        .collect()
}

// ---- what is written is read --------------------------------------------------------------------------------------

/// Column by column what one row of a table holds, for all columns of the list.
fn whole(snapshot: &Snapshot, table: &str) -> Vec<String> {
    let columns: Vec<&str> = tables::find(table).unwrap().columns.iter().map(|column| column.name).collect();
    rows(&snapshot.frame(table, &columns).unwrap())
}

#[test]
fn every_kind_of_record_and_every_state_of_a_fact_comes_back() {
    let when = at("2025-12-24T18:00:00.123456Z");
    let some = |text: &str| Some(text.to_owned());
    let texts = |items: &[&str]| items.iter().map(|item| (*item).to_owned()).collect::<Vec<_>>();
    let day = jiff::civil::date(1969, 12, 30);
    let records = vec![
        Record::Person(Box::new(Person {
            id: "p1".into(),
            legal_name: some("Zoë Ångström"),
            preferred_name: some("Zoë"),
            given_name: some("Zoë"),
            family_name: some(""),
            previous_names: texts(&["Zoë Müller", "x"]),
            emails: texts(&["zoe@acme.example"]),
            employee_ids: vec![],
            attributes: BTreeMap::from([("Mobile".into(), "+49 171 1".into())]),
            raw: Raw::At(17),
        })),
        Record::Employment(Box::new(Employment {
            id: "e1".into(),
            person: "p1".into(),
            employee_id: some("0042"),
            status: EmploymentStatus::Leave,
            worker_type: WorkerType::Contractor,
            start: Some(day),
            end: Some(jiff::civil::date(2026, 2, 28)),
            manager: some("p2"),
            department: some("R&D"),
            title: some("Engineer"),
            location: some("Berlin"),
            cost_centre: some("77"),
            time_zone: some("Europe/Berlin"),
            effective: Some(when),
            effective_day: Some(day),
            recorded: None,
            sequence: some("7"),
            raw: Raw::None,
        })),
        boxed(Account {
            emails: texts(&["a@acme.example", "b@acme.example"]),
            emails_verified: true,
            class: Some(AccountClass::BreakGlass),
            class_evidence: some("name"),
            affiliation: Some(Affiliation::Guest),
            is_root: true,
            created: Fact::Known(when),
            expires: Fact::Absent,
            last_activity: Fact::Never,
            password_changed: Fact::Unreadable,
            interactive: Fact::Known(false),
            mfa: Fact::Known(texts(&["totp"])),
            federated: vec![FederatedId { issuer: "https://idp".into(), subject: "s 1".into() }],
            attributes: BTreeMap::from([("office".into(), "B\"1".into())]),
            raw: Raw::Object("{\"dn\":\"cn=a\"}".into()),
            ..account("a1")
        }),
        boxed(Account { mfa: Fact::Absent, last_activity: Fact::Known(when), ..account("a2") }),
        boxed(Account { last_activity: Fact::Unreadable, ..account("a3") }),
        boxed(Account { last_activity: Fact::Absent, ..account("a4") }),
        boxed(account("a5")),
        Record::Group(Box::new(Group {
            id: "g1".into(),
            id_kind: IdKind::Positional,
            name: some("Admins"),
            native_name: some("cn=Admins"),
            description: some("all"),
            owner: some("a1"),
            rule: GroupRule::Dynamic,
            self_join: Fact::Known(true),
            privilege: Some(PrivilegeLevel::Admin),
            raw: Raw::None,
        })),
        Record::Membership(Membership {
            member: "a1".into(),
            member_kind: PrincipalKind::Account,
            group: "g1".into(),
            since: Some(when),
            until: None,
            via: some("primaryGroupID"),
            raw: Raw::Within("g1".into()),
        }),
        Record::Resource(Box::new(Resource {
            id: "r1".into(),
            kind: some("s3:bucket"),
            name: some("payroll"),
            parent: some("r0"),
            environment: some("prod"),
            sensitivity: some("high"),
            owner: some("a1"),
            attributes: BTreeMap::from([("role".to_owned(), "arn:r".to_owned())]),
            raw: Raw::None,
        })),
        Record::Entitlement(Box::new(Entitlement {
            id: "n1".into(),
            kind: EntitlementKind::Licence,
            name: some("E5"),
            description: None,
            purpose: Purpose::Ownership,
            privilege: None,
            owner: None,
            raw: Raw::None,
        })),
        Record::Grant(Box::new(Grant {
            resource: some("r1"),
            origin: GrantOrigin::Inherited,
            since: Fact::Known(when),
            until: Fact::Absent,
            last_used: Fact::Known(when),
            condition: some("{\"Bool\":1}"),
            justification: some("INC-1"),
            raw: Raw::Object("{}".into()),
            ..Grant::new("a1", PrincipalKind::Group, "n1")
        })),
        Record::Credential(Box::new(Credential {
            id: "AKIA1".into(),
            account: "a1".into(),
            kind: CredentialKind::AccessKey,
            name: None,
            created: Fact::Known(when),
            expires: Fact::Absent,
            last_used: Fact::Never,
            rotated: Fact::Unsupported,
            state: CredentialState::Active,
            raw: Raw::None,
        })),
        Record::Policy(Box::new(Policy {
            id: "arn:1".into(),
            kind: PolicyKind::Scp,
            name: some("deny"),
            version: some("v2"),
            targets: texts(&["ou-1"]),
            document: "{\"Statement\":[]}".into(),
            raw: Raw::None,
        })),
        Record::Federation(Box::new(Federation {
            id: "f1".into(),
            account: "a1".into(),
            issuer: "https://idp".into(),
            subject: None,
            condition: some("aud"),
            raw: Raw::None,
        })),
        Record::AuditEvent(Box::new(AuditEvent {
            id: "v1".into(),
            at: when,
            actor: some("a1"),
            action: "Login".into(),
            object: None,
            ticket: some("INC-2"),
            outcome: Some(EventOutcome::Throttled),
            operation_id: None,
            sequence: some("41"),
            raw: Raw::None,
        })),
        Record::Approval(Box::new(Approval {
            id: "t1".into(),
            requester: None,
            beneficiary: "p1".into(),
            entitlement: some("n1"),
            resource: None,
            from: Some(when),
            until: None,
            requested_at: None,
            decided_by: some("p2"),
            decided_at: Some(when),
            approved: Some(false),
            emergency: Some(true),
            reviewed_by: None,
            reviewed_at: Some(when),
            raw: Raw::None,
        })),
    ];
    let (_folder, store) = new_store();
    snap(&store, 0, Some(vec![(complete("all", RecordKind::ALL), records)]));
    let snapshot = store.find("latest").unwrap();
    let w = "2025-12-24T18:00:00.123456Z";
    let u = "unsupported";
    let expected: &[(&str, &[String])] = &[
        (
            "persons",
            &["app|all|p1|Zoë Ångström|Zoë|Zoë||[Zoë Müller,x]|[zoe@acme.example]|[]|{\"Mobile\":\"+49 171 1\"}|17"
                .into()],
        ),
        (
            "employments",
            &[format!(
                "app|all|e1|7|p1|0042|leave|contractor|1969-12-30|2026-02-28|p2|R&D|Engineer|Berlin|77|Europe/Berlin|{w}|1969-12-30|-|-"
            )],
        ),
        (
            "accounts",
            &[
                format!(
                    "app|all|a1|immutable|login-a1|-|-|[a@acme.example,b@acme.example]|true|-|break-glass|name|guest|active|true|{w}|known|-|none|-|unreadable|false|known|[totp]|known|-|-|-|-|[https://idp s 1]|{{\"office\":\"B\\\"1\"}}|-"
                ),
                format!(
                    "app|all|a2|immutable|login-a2|-|-|[]|false|-|-|-|-|active|false|-|{u}|-|{u}|-|{u}|-|{u}|[]|none|-|-|-|-|[]|-|-"
                ),
                format!(
                    "app|all|a3|immutable|login-a3|-|-|[]|false|-|-|-|-|active|false|-|{u}|-|{u}|-|{u}|-|{u}|[]|{u}|-|-|-|-|[]|-|-"
                ),
                format!(
                    "app|all|a4|immutable|login-a4|-|-|[]|false|-|-|-|-|active|false|-|{u}|-|{u}|-|{u}|-|{u}|[]|{u}|-|-|-|-|[]|-|-"
                ),
                format!(
                    "app|all|a5|immutable|login-a5|-|-|[]|false|-|-|-|-|active|false|-|{u}|-|{u}|-|{u}|-|{u}|[]|{u}|-|-|-|-|[]|-|-"
                ),
            ],
        ),
        ("groups", &["app|all|g1|positional|Admins|cn=Admins|all|a1|dynamic|true|known|admin|-".into()]),
        ("memberships", &[format!("app|all|g1|a1|account|{w}|-|primaryGroupID|-")]),
        ("resources", &["app|all|r1|s3:bucket|payroll|r0|prod|high|a1|{\"role\":\"arn:r\"}|-".into()]),
        ("entitlements", &["app|all|n1|licence|E5|-|ownership|-|-|-".into()]),
        ("grants", &[format!("app|all|a1|n1|r1|{{\"Bool\":1}}|group|inherited|{w}|known|-|none|INC-1|-")]),
        ("credentials", &[format!("app|all|AKIA1|a1|access_key|-|{w}|known|-|none|-|{u}|active|-")]),
        ("policies", &["app|all|arn:1|scp|deny|v2|[ou-1]|{\"Statement\":[]}|-".into()]),
        ("federations", &["app|all|f1|a1|https://idp|-|aud|-".into()]),
        ("audit_events", &[format!("app|all|v1|{w}|a1|Login|-|INC-2|throttled|-|41|-")]),
        ("approvals", &[format!("app|all|t1|-|p1|n1|-|{w}|-|-|p2|{w}|false|true|-|{w}|-")]),
        (
            "activity",
            &[
                "app|all|accounts|a1|last_activity|-|never".into(),
                format!("app|all|accounts|a2|last_activity|{w}|known"),
                "app|all|accounts|a3|last_activity|-|unreadable".into(),
                "app|all|accounts|a4|last_activity|-|none".into(),
                format!("app|all|grants|a1\u{1f}n1\u{1f}r1\u{1f}{{\"Bool\":1}}|last_used|{w}|known"),
                "app|all|credentials|AKIA1|last_used|-|never".into(),
            ],
        ),
        (
            "raw",
            &[
                "app|all|accounts|a1|{\"dn\":\"cn=a\"}".into(),
                "app|all|grants|a1\u{1f}n1\u{1f}r1\u{1f}{\"Bool\":1}|{}".into(),
            ],
        ),
    ];
    assert_eq!(expected.len(), TABLES.len());
    for (table, expected) in expected {
        assert_eq!(whole(&snapshot, table), *expected, "{table}");
    }
    let joined = snapshot.frame("accounts", &["last_activity_state", "last_activity", "id"]).unwrap();
    let expected = [
        "never|-|a1".to_owned(),
        format!("known|{w}|a2"),
        "unreadable|-|a3".into(),
        "none|-|a4".into(),
        format!("{u}|-|a5"),
    ];
    assert_eq!(rows(&joined), expected.map(|row| format!("app|all|{row}")));
    let everything = snapshot.lazy("accounts").unwrap().collect().unwrap();
    assert_eq!((everything.height(), everything.width()), (5, 2 + 30 + 2 + 3));
    assert!(store.verify().unwrap().is_sound());
}

#[test]
fn the_page_of_tables_says_what_the_code_does() {
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/tables.md")).unwrap();
    let mut lacking = Vec::new();
    for table in TABLES {
        let mut cells: [Vec<String>; 2] = Default::default();
        let mut columns = table.columns.iter().peekable();
        while let Some(column) = columns.next() {
            let kind = match column.is {
                Type::Text | Type::Word | Type::Name => "",
                Type::Flag => " bool",
                Type::Instant => " timestamp",
                Type::Day => " date",
                Type::List => " list",
                Type::Row => " number",
            };
            let state =
                columns.next_if(|next| next.name == format!("{}_state", column.name) && table.name != "activity");
            let null = if column.nullable { "?" } else { "" };
            let text = format!("`{}`{null}{kind}{}", column.name, if state.is_some() { " + state" } else { "" });
            cells[usize::from(!column.key)].push(text);
            assert!(!tables::ORIGIN.contains(column) && !tables::PLACE.contains(&column.name));
        }
        let line = format!("| `{}` | {} | {} |", table.name, cells[0].join(", "), cells[1].join(", "));
        lacking.extend((!page.contains(&line)).then_some(line));
    }
    assert!(lacking.is_empty(), "docs/tables.md lacks these lines:\n{}", lacking.join("\n"));
    let listed = page.lines().filter(|line| line.starts_with("| `") && !line.starts_with("| `<")).count();
    assert_eq!(listed, TABLES.len(), "docs/tables.md lists tables that the code does not have");
}

#[test]
fn rows_are_sorted_and_equal_ones_are_one() {
    let (_folder, store) = new_store();
    let long = "cn=a very long common start of all the ids,";
    let ids = ["z", "", "b", "a", "aa", "b"].map(|id| format!("{long}{id}"));
    let twice = |row: u64| boxed(Account { raw: Raw::At(row), ..account("same") });
    let mut records: Vec<Record> = ids.iter().map(|id| boxed(account(id))).collect();
    records.extend([twice(900), twice(5)]);
    snap(&store, 0, Some(vec![(complete("all", &[RecordKind::Account]), records)]));
    let snapshot = store.find("1").unwrap();
    let found = rows(&snapshot.frame("accounts", &["id", "source_row"]).unwrap());
    let expected: Vec<String> = ["", "a", "aa", "b", "z"].iter().map(|id| format!("app|all|{long}{id}|-")).collect();
    assert_eq!(found[..5], expected);
    assert_eq!(found[5..], ["app|all|same|5"], "where it stood in the file is no contradiction");
    assert_eq!(snapshot.manifest().kinds().next().unwrap().state(), KindState::Complete);
}

#[test]
fn contradicting_records_make_their_kind_partial_and_are_named() {
    let mut seen = Vec::new();
    for flip in [false, true] {
        let (_folder, store) = new_store();
        let mut records: Vec<Record> = (0..12)
            .flat_map(|id| {
                ["x", "y"].map(|name| boxed(Account { name: Some(name.into()), ..account(&format!("a{id:02}")) }))
            })
            .collect();
        if flip {
            records.reverse();
        }
        let manifest = snap(&store, 0, Some(vec![(complete("all", &[RecordKind::Account]), records)]));
        let view = manifest.kinds().next().unwrap();
        assert_eq!(view.state(), KindState::Partial);
        let gap = &view.report().unwrap().gaps[0];
        assert_eq!(gap.code, "COL023");
        assert!(
            gap.what.contains("12 of the accounts") && gap.what.contains("`a00`") && gap.what.contains("2 more"),
            "{}",
            gap.what
        );
        let kept = rows(&store.find("latest").unwrap().frame("accounts", &["id", "name", "state"]).unwrap());
        assert_eq!(kept[0], "app|all|a00|x|partial");
        seen.push((manifest.id, kept));
    }
    assert_eq!(seen[0], seen[1], "which one stays does not depend on the order they came in");
}

#[test]
fn of_two_readings_of_activity_the_latest_counts() {
    let (_folder, store) = new_store();
    let seen = |fact| boxed(Account { last_activity: fact, ..account("a") });
    let records = vec![
        seen(Fact::Known(at("2026-01-02T00:00:00Z"))),
        seen(Fact::Known(at("2026-01-03T00:00:00Z"))),
        seen(Fact::Never),
    ];
    let manifest = snap(&store, 0, Some(vec![(complete("all", &[RecordKind::Account]), records)]));
    assert_eq!(manifest.kinds().next().unwrap().state(), KindState::Complete);
    let frame = store.find("latest").unwrap().frame("accounts", &["last_activity"]).unwrap();
    assert_eq!(rows(&frame), ["app|all|2026-01-03T00:00:00Z"]);
}

// ---- the same input gives the same bytes --------------------------------------------------------------------------

/// Enough of everything to cut `raw` and `activity` into chunks.
fn estate(count: u32) -> Vec<Record> {
    let mut records = Vec::new();
    for number in 0..count {
        let id = format!("u-{:08x}", number.wrapping_mul(2_654_435_761));
        records.push(boxed(Account {
            last_activity: Fact::Known(at("2026-02-01T00:00:00Z") + Duration::from_secs(number.into())),
            raw: Raw::Object(format!("{{\"id\":\"{id}\"}}")),
            ..account(&id)
        }));
        for role in 0..1 {
            records.push(Record::Grant(Box::new(Grant::new(
                &id,
                PrincipalKind::Account,
                format!("role-{}", (number + role) % 97),
            ))));
        }
    }
    records
}

fn shuffle<T>(items: &mut [T], mut seed: u64) {
    for at in (1..items.len()).rev() {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        items.swap(at, usize::try_from(seed >> 33).unwrap() % (at + 1));
    }
}

#[test]
fn arrival_order_and_thread_count_do_not_change_a_byte() {
    let kinds = [RecordKind::Account, RecordKind::Grant];
    let take = |seed: u64, threads: usize| {
        let (folder, store) = new_store();
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let manifest = pool.install(|| {
            let mut records = estate(51_000);
            shuffle(&mut records, seed);
            let lock = store.lock(None).unwrap();
            let mut tx = store.begin(&lock, start(0)).unwrap();
            let names = if seed.is_multiple_of(2) { ["app", "web"] } else { ["web", "app"] };
            let writers: Vec<_> = names.iter().map(|name| tx.system(name, "test").unwrap()).collect();
            let small = estate(100);
            let staged = std::thread::scope(|threads| {
                let work = writers.into_iter().map(|mut writer| {
                    let records = if writer.system() == "app" { records.clone() } else { small.clone() };
                    threads.spawn(move || {
                        for records in records.chunks(777) {
                            writer.write(Batch { scope: "all".into(), records: records.to_vec() }).unwrap();
                        }
                        writer.finish(vec![complete("all", &kinds)]).unwrap()
                    })
                });
                work.collect::<Vec<_>>().into_iter().map(|work| work.join().unwrap()).collect::<Vec<_>>()
            });
            for staged in staged {
                tx.add(staged).unwrap();
            }
            tx.commit(json!({ "host": seed })).unwrap()
        });
        (manifest, folder, store)
    };
    let (first, _folder, store) = take(1, 1);
    let (second, _folder_too, _) = take(2, 8);
    assert_eq!(first, second);
    let raw = first.parts().filter(|part| part.table == "raw").count();
    assert_eq!(raw, 64 + 1, "a large table is chunked, a small one is not");
    let snapshot = store.find("latest").unwrap();
    assert_eq!(snapshot.frame("raw", &[]).unwrap().height(), 51_100);
    assert_eq!(
        snapshot.frame("accounts", &["last_activity"]).unwrap().column("last_activity").unwrap().null_count(),
        0
    );
}

#[test]
fn an_idle_night_adds_no_object_and_one_sign_in_adds_one_chunk() {
    let (folder, store) = new_store();
    let objects = || walk(&folder.path().join(".muster/objects")).len();
    let mut records = estate(51_000);
    let scopes =
        |records: &[Record]| Some(vec![(complete("all", &[RecordKind::Account, RecordKind::Grant]), records.to_vec())]);
    snap(&store, 0, scopes(&records));
    let before = objects();
    snap(&store, 1, scopes(&records));
    assert_eq!(objects(), before);
    if let Record::Account(account) = &mut records[0] {
        account.last_activity = Fact::Known(at("2026-02-28T00:00:00Z"));
    }
    snap(&store, 2, scopes(&records));
    assert_eq!(objects(), before + 1);
}

fn walk(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(walk(&path)) } else { files.push(path) }
    }
    files.sort();
    files
}

// ---- what was not read is carried ---------------------------------------------------------------------------------

fn ids(snapshot: &Snapshot) -> Vec<String> {
    rows(&snapshot.frame("accounts", &["id", "state", "carried_from"]).unwrap())
}

#[test]
fn a_system_that_was_not_asked_for_is_carried_with_its_age() {
    let (_folder, store) = new_store();
    snap(&store, 0, Some(accounts(ScopeState::Complete, &["a"])));
    snap(&store, 1, None);
    let third = snap(&store, 2, None);
    let snapshot = store.find("latest").unwrap();
    assert_eq!(ids(&snapshot), ["app|all|a|carried|1"]);
    let collected = rows(&snapshot.frame("accounts", &["collected"]).unwrap());
    assert_eq!(collected, ["app|all|2026-03-01T02:00:00Z"]);
    assert_eq!(third.kinds().next().unwrap().state(), KindState::Carried);
    assert!(!third.systems["app"].asked);
}

#[test]
fn a_failed_scope_keeps_its_former_rows_as_stale() {
    let (_folder, store) = new_store();
    snap(&store, 0, Some(accounts(ScopeState::Complete, &["a", "b"])));
    let second = snap(&store, 1, Some(accounts(ScopeState::Failed, &["c"])));
    assert_eq!(second.kinds().next().unwrap().state(), KindState::Failed);
    assert_eq!(ids(&store.find("latest").unwrap()), ["app|all|a|stale|1", "app|all|b|stale|1"]);
    snap(&store, 2, None);
    assert_eq!(
        ids(&store.find("latest").unwrap()),
        ["app|all|a|carried|1", "app|all|b|carried|1"].map(|row| row.replace("carried", "stale"))
    );
    snap(&store, 3, Some(accounts(ScopeState::Complete, &["b"])));
    assert_eq!(ids(&store.find("latest").unwrap()), ["app|all|b|complete|-"]);
}

#[test]
fn a_partial_scope_shows_todays_rows_beside_the_former_ones() {
    let (_folder, store) = new_store();
    snap(&store, 0, Some(accounts(ScopeState::Complete, &["a", "b", "d"])));
    snap(&store, 1, Some(accounts(ScopeState::Partial, &["b", "c"])));
    let second = store.find("latest").unwrap();
    assert_eq!(ids(&second), ["app|all|a|stale|1", "app|all|b|partial|-", "app|all|c|partial|-", "app|all|d|stale|1"]);
    snap(&store, 2, Some(accounts(ScopeState::Partial, &["a"])));
    let third = store.find("latest").unwrap();
    assert_eq!(ids(&third), ["app|all|a|partial|-", "app|all|b|stale|2", "app|all|c|stale|2", "app|all|d|stale|1"]);
    let only_place = third.frame("accounts", &["scope"]).unwrap();
    assert_eq!((only_place.height(), only_place.width()), (4, 2));
    for day in 3..20 {
        snap(&store, day, Some(accounts(ScopeState::Partial, &[&format!("n{day:02}")])));
    }
    let manifest = store.find("latest").unwrap().manifest().clone();
    let carried = &manifest.kinds().next().unwrap().entry.carried;
    assert_eq!((carried.len(), carried[7].from), (8, 1), "the last complete reading is never lost");
}

#[test]
fn keys_with_nulls_are_told_apart_when_layers_are_merged() {
    let (_folder, store) = new_store();
    let grant = |resource: Option<&str>| {
        Record::Grant(Box::new(Grant {
            resource: resource.map(str::to_owned),
            ..Grant::new("a", PrincipalKind::Account, "role")
        }))
    };
    let scopes = |state, records| Some(vec![(report("all", &[(RecordKind::Grant, state)]), records)]);
    snap(&store, 0, scopes(ScopeState::Complete, vec![grant(None), grant(Some("")), grant(Some("x"))]));
    snap(&store, 1, scopes(ScopeState::Partial, vec![grant(None)]));
    let frame = store.find("latest").unwrap().frame("grants", &["resource", "state"]).unwrap();
    assert_eq!(rows(&frame), ["app|all|-|partial", "app|all||stale", "app|all|x|stale"]);
}

#[test]
fn a_suspect_kind_is_stored_and_marked() {
    let (_folder, store) = new_store();
    let lock = store.lock(None).unwrap();
    let mut tx = store.begin(&lock, start(0)).unwrap();
    add(&mut tx, "hr", accounts(ScopeState::Complete, &["a"]));
    tx.suspect("hr", "all", RecordKind::Account, "30 % fewer rows than yesterday", false).unwrap();
    assert!(matches!(tx.suspect("hr", "none", RecordKind::Account, "", false), Err(StoreError::Misuse(_))));
    let manifest = tx.commit(json!({})).unwrap();
    assert_eq!(manifest.kinds().next().unwrap().state(), KindState::Suspect);
    assert_eq!(ids(&store.find("latest").unwrap()), ["hr|all|a|suspect|-"]);
}

#[test]
fn a_scope_is_gone_only_when_everything_else_was_read() {
    let scope = |name: &str, state| (report(name, &[(RecordKind::Account, state)]), vec![boxed(account(name))]);
    let (_folder, store) = new_store();
    let both = || vec![scope("one", ScopeState::Complete), scope("two", ScopeState::Complete)];
    snap(&store, 0, Some(both()));
    let second = snap(&store, 1, Some(vec![scope("one", ScopeState::Partial)]));
    assert_eq!(ids(&store.find("latest").unwrap()), ["app|one|one|partial|-", "app|two|two|stale|1"]);
    let missing = second.kinds().nth(1).unwrap();
    assert_eq!((missing.state(), missing.report().unwrap().gaps[0].code.as_str()), (KindState::Failed, "COL024"));
    let third = snap(&store, 2, Some(vec![]));
    assert_eq!(ids(&store.find("latest").unwrap()), ["app|one|one|stale|2", "app|two|two|stale|1"]);
    assert!(third.systems["app"].gone.is_empty());
    let fourth = snap(&store, 3, Some(vec![scope("one", ScopeState::Complete)]));
    assert_eq!(ids(&store.find("latest").unwrap()), ["app|one|one|complete|-"]);
    assert_eq!(fourth.systems["app"].gone, BTreeMap::from([("two".to_owned(), 3)]));
}

#[test]
fn only_a_forgotten_system_leaves() {
    let (_folder, store) = new_store();
    snap(&store, 0, Some(accounts(ScopeState::Complete, &["a"])));
    let lock = store.lock(None).unwrap();
    let mut tx = store.begin(&lock, start(1)).unwrap();
    tx.forget("app");
    assert!(tx.commit(json!({})).unwrap().systems.is_empty());
}

#[test]
fn records_without_a_report_are_not_believed() {
    let (_folder, store) = new_store();
    let lock = store.lock(None).unwrap();
    let mut tx = store.begin(&lock, start(0)).unwrap();
    let mut writer = tx.system("app", "test").unwrap();
    writer.write(Batch { scope: "all".into(), records: vec![boxed(account("a"))] }).unwrap();
    let staged = writer.finish(vec![]).unwrap();
    assert_eq!(staged.reports().next().unwrap().state(), ScopeState::Failed);
    tx.add(staged).unwrap();
    tx.commit(json!({})).unwrap();
    assert!(ids(&store.find("latest").unwrap()).is_empty());
}

#[test]
fn a_file_says_itself_when_it_was_true_and_timings_stay_out_of_the_hash() {
    let take = |hour: i8| {
        let (folder, store) = new_store();
        let mut scopes = accounts(ScopeState::Complete, &["a"]);
        let report = &mut scopes[0].0;
        report.files = vec![SourceFile { collected: Some(at("2026-02-20T00:00:00Z")), ..SourceFile::default() }];
        report.started = Some(at("2026-03-01T00:00:00Z") + Duration::from_secs(u64::try_from(hour).unwrap() * 3600));
        let manifest = snap(&store, 0, Some(scopes));
        let run = std::fs::read_to_string(folder.path().join(".muster/runs/000001.json")).unwrap();
        let collected = rows(&store.find("1").unwrap().frame("accounts", &["collected"]).unwrap());
        (manifest.id, run, collected)
    };
    let (first, second) = (take(1), take(2));
    assert_eq!(first.0, second.0);
    assert!(first.1.contains("2026-03-01T01:00:00Z") && second.1.contains("2026-03-01T02:00:00Z"), "{}", first.1);
    assert_eq!(first.2, ["app|all|2026-02-20T00:00:00Z"]);
}

// ---- nothing is lost ----------------------------------------------------------------------------------------------

#[test]
fn a_second_writer_is_told_who_writes() {
    let (_folder, store) = new_store();
    let lock = store.lock(None).unwrap();
    let error = store.lock(Some(Duration::from_millis(120))).unwrap_err();
    assert!(error.to_string().contains(&format!("process {}, since 20", std::process::id())), "{error}");
    assert!(error.fix().contains("--wait"));
    let waiting = std::thread::scope(|threads| {
        let waiting = threads.spawn(|| store.lock(Some(Duration::from_secs(20))).map(drop));
        std::thread::sleep(Duration::from_millis(100));
        drop(lock);
        waiting.join().unwrap()
    });
    assert!(waiting.is_ok());
}

#[test]
fn the_lock_of_another_store_does_not_count() {
    let (_folder, store) = new_store();
    let (_other_folder, other) = new_store();
    let lock = other.lock(None).unwrap();
    assert!(matches!(store.begin(&lock, start(0)), Err(StoreError::Misuse(_))));
}

#[test]
fn a_transaction_that_is_dropped_leaves_no_trace() {
    let (folder, store) = new_store();
    snap(&store, 0, Some(accounts(ScopeState::Complete, &["a"])));
    let before = walk(folder.path());
    {
        let lock = store.lock(None).unwrap();
        let mut tx = store.begin(&lock, start(1)).unwrap();
        add(&mut tx, "app", accounts(ScopeState::Complete, &["a", "b"]));
    }
    assert_eq!(walk(folder.path()), before);
}

#[cfg(unix)]
#[test]
fn only_the_owner_can_read_the_store() {
    use std::os::unix::fs::PermissionsExt as _;
    let (folder, store) = new_store();
    snap(&store, 0, Some(accounts(ScopeState::Complete, &["a"])));
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    for file in walk(&folder.path().join(".muster")) {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
        assert_eq!(mode(file.parent().unwrap()), 0o700, "{}", file.display());
    }
}

/// Not a test of its own: what the tests below run in a child process, told by the environment.
#[test]
fn child_writer() {
    let Some(root) = std::env::var_os("MUSTER_TEST_STORE") else { return };
    let store = Store::open(Path::new(&root)).unwrap();
    let only_one = std::env::var_os("MUSTER_TEST_ONCE").is_some();
    for round in 0.. {
        let lock = store.lock(Some(Duration::from_secs(20))).unwrap();
        let mut tx = store.begin(&lock, start(round % 300)).unwrap();
        let result: Result<(), StoreError> = (|| {
            let mut writer = tx.system("app", "test")?;
            let offset = u32::try_from(round).unwrap() * 10;
            let records: Vec<Record> = estate(if only_one { 20_000 } else { 400 + offset });
            for records in records.chunks(100) {
                writer.write(Batch { scope: "all".into(), records: records.to_vec() })?;
            }
            let staged = writer.finish(vec![complete("all", &[RecordKind::Account, RecordKind::Grant])])?;
            tx.add(staged)?;
            tx.commit(json!({})).map(drop)
        })();
        if only_one {
            let error = result.expect_err("the disk is full");
            println!("CHILD SAYS: {error} | {}", error.fix());
            return;
        }
        result.unwrap();
    }
}

fn child(store: &Store) -> std::process::Command {
    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "child_writer", "--nocapture"]).env("MUSTER_TEST_STORE", store.root());
    child.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
    child
}

#[test]
fn a_writer_killed_at_any_instant_loses_nothing() {
    let (_folder, store) = new_store();
    snap(&store, 0, Some(accounts(ScopeState::Complete, &["a"])));
    let mut newest = 1;
    let mut delay = 40_u64;
    for round in 0..25 {
        let mut writer = child(&store).spawn().unwrap();
        delay = (delay * 7 + 13 * (round + 1)) % 400;
        std::thread::sleep(Duration::from_millis(30 + delay));
        writer.kill().unwrap();
        writer.wait().unwrap();
        let found = store.verify().unwrap();
        assert!(found.is_sound(), "{:?}", found.damage);
        let latest = store.find("latest").unwrap();
        assert!(latest.manifest().header.sequence >= newest);
        newest = latest.manifest().header.sequence;
        let rows = latest.frame("accounts", &["id", "last_activity"]).unwrap().height();
        assert!(rows == 1 || rows >= 400, "{rows}");
    }
    assert!(newest > 1, "some of the writers must have committed before they were killed");
    let lock = store.lock(None).unwrap();
    drop(store.begin(&lock, start(0)).unwrap());
    assert!(walk(&store.root().join("staging")).is_empty());
}

#[cfg(unix)]
#[test]
fn on_a_full_disk_the_former_snapshot_still_opens() {
    let (_folder, store) = new_store();
    snap(&store, 0, Some(accounts(ScopeState::Complete, &["a"])));
    // A limit on file size fails writes as a full disk does (EFBIG instead of ENOSPC), without needing a disk of our own.
    let exe = std::env::current_exe().unwrap();
    let shell = format!("trap '' XFSZ; ulimit -f 64; exec '{}' --exact child_writer --nocapture", exe.display());
    let output = std::process::Command::new("sh")
        .args(["-c", &shell])
        .env("MUSTER_TEST_STORE", store.root())
        .env("MUSTER_TEST_ONCE", "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = said.lines().find(|line| line.contains("CHILD SAYS")).unwrap_or_else(|| panic!("{said}"));
    assert!(line.contains("could not write `") && line.contains("staging") && line.contains("free space"), "{line}");
    assert!(store.verify().unwrap().is_sound());
    assert_eq!(ids(&store.find("latest").unwrap()), ["app|all|a|complete|-"]);
    assert_eq!(store.manifests().unwrap().len(), 1);
}

#[test]
fn a_flipped_byte_is_found_by_verify_and_by_reading_and_healed_by_collecting_again() {
    let (folder, store) = new_store();
    snap(&store, 0, Some(accounts(ScopeState::Complete, &["a"])));
    let object = walk(&folder.path().join(".muster/objects")).remove(0);
    let mut bytes = std::fs::read(&object).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&object, &bytes).unwrap();
    let found = store.verify().unwrap();
    assert_eq!(found.damage.len(), 1);
    assert_eq!(found.damage[0].path, object);
    assert_eq!(found.damage[0].concerns, ["snapshot 1: accounts of app:all"]);
    let error = store.find("1").unwrap().frame("accounts", &["id"]).unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }));
    assert!(error.to_string().contains("1 rows of accounts of app:all in snapshot 1"), "{error}");
    assert!(error.fix().contains("backup"));
    snap(&store, 1, Some(accounts(ScopeState::Complete, &["a"])));
    assert!(store.verify().unwrap().is_sound());
}

#[test]
fn a_changed_manifest_and_a_missing_one_are_found() {
    let (_folder, store) = new_store();
    for day in 0..3 {
        snap(&store, day, Some(accounts(ScopeState::Complete, &["a"])));
    }
    let files = walk(&store.root().join("snapshots"));
    let text = std::fs::read_to_string(&files[1]).unwrap();
    std::fs::write(&files[1], text.replace("\"asked\":true", "\"asked\":false")).unwrap();
    let found = store.verify().unwrap();
    assert!(
        found.damage.iter().any(|damage| damage.path == files[1] && damage.what.contains("its body hashes to")),
        "{found:?}"
    );
    assert!(matches!(store.find("2"), Err(StoreError::Damaged { .. })));
    assert!(store.find("1").is_ok() && store.find("3").is_ok());
    std::fs::remove_file(&files[1]).unwrap();
    let found = store.verify().unwrap();
    assert_eq!(found.damage.len(), 1);
    assert!(found.damage[0].what.contains("the chain is broken"));
}

#[test]
fn a_newer_format_is_refused_and_left_alone() {
    let (_folder, store) = new_store();
    let header = "{\"format\":2,\"novel\":true}";
    let name = format!("000001-{}.json", blake3::hash(header.as_bytes()).to_hex());
    std::fs::write(store.root().join("snapshots").join(name), header).unwrap();
    let error = Store::open(store.root()).unwrap_err();
    assert!(matches!(error, StoreError::Newer { found: 2, known: 1, .. }), "{error}");
}

#[test]
fn snapshots_are_found_by_name_number_and_hash() {
    let (_folder, store) = new_store();
    assert!(store.find("latest").unwrap_err().to_string().contains("the store is empty"));
    let manifests: Vec<Manifest> =
        (0..3).map(|day| snap(&store, day, Some(accounts(ScopeState::Complete, &["a"])))).collect();
    let number = |name: &str| store.find(name).unwrap().manifest().header.sequence;
    assert_eq!((number("latest"), number("previous"), number("2")), (3, 2, 2));
    assert_eq!(number(&manifests[0].id), 1);
    assert_eq!(number(&manifests[0].id[..12].to_uppercase()), 1);
    let error = store.find("9").unwrap_err();
    assert_eq!(error.to_string(), "there is no snapshot `9`; there are numbers 1 to 3");
    assert_eq!(store.manifests().unwrap(), manifests);
    assert_eq!(manifests[2].header.previous.as_ref(), Some(&manifests[1].id));
}

#[test]
fn unknown_columns_are_refused_with_those_there_are() {
    let (_folder, store) = new_store();
    snap(&store, 0, Some(accounts(ScopeState::Complete, &["a"])));
    let snapshot = store.find("latest").unwrap();
    assert!(snapshot.frame("acounts", &[]).unwrap_err().to_string().contains("accounts, activity"));
    assert!(snapshot.frame("accounts", &["logn"]).unwrap_err().to_string().contains("login"));
    assert_eq!(snapshot.frame("policies", &["targets", "state", "collected"]).unwrap().shape(), (0, 5));
}

// ---- pruning ------------------------------------------------------------------------------------------------------

#[test]
fn pruning_keeps_what_is_asked_and_the_chain_still_verifies() {
    let (_folder, store) = new_store();
    for day in [0, 1, 2, 9, 40, 41] {
        snap(&store, day, Some(accounts(ScopeState::Complete, &["same", &format!("only-{day}")])));
    }
    let lock = store.lock(None).unwrap();
    let keep = Keep { last: 1, monthly: 2, ..Keep::default() };
    let plan = store.plan_prune(keep).unwrap();
    assert_eq!((plan.go.as_slice(), plan.stay.as_slice()), ([1, 2, 3, 5].as_slice(), [4, 6].as_slice()));
    assert_eq!(
        store.manifests().unwrap().iter().filter(|manifest| manifest.pruned).count(),
        0,
        "a plan changes nothing"
    );
    assert_eq!(store.prune(&lock, keep).unwrap(), plan);
    let found = store.verify().unwrap();
    assert!(found.is_sound(), "{:?}", found.damage);
    assert_eq!((found.snapshots, found.pruned, found.objects), (6, 4, 2));
    assert!(matches!(store.find("1"), Err(StoreError::Pruned { sequence: 1 })));
    assert_eq!(ids(&store.find("4").unwrap()).len(), 2);
    drop(lock);
    assert_eq!(snap(&store, 50, None).header.sequence, 7);
    let lock = store.lock(None).unwrap();
    store.prune(&lock, Keep::default()).unwrap();
    assert_eq!(
        ids(&store.find("latest").unwrap()),
        ["app|all|only-41|carried|6", "app|all|same|carried|6"],
        "carried rows stay"
    );
    assert_eq!(store.verify().unwrap().objects, 1);
}

#[test]
fn days_weeks_and_years_are_counted_back_from_the_newest() {
    let (_folder, store) = new_store();
    // 2026-03-01 is a Sunday.
    for day in [0, 1, 2, 7, 8, 310] {
        snap(&store, day, Some(accounts(ScopeState::Complete, &["a"])));
    }
    let stay = |keep: Keep| store.plan_prune(keep).unwrap().stay;
    assert_eq!(stay(Keep { daily: 3, ..Keep::default() }), [4, 5, 6]);
    assert_eq!(stay(Keep { weekly: 3, ..Keep::default() }), [4, 5, 6]);
    assert_eq!(stay(Keep { weekly: 9, ..Keep::default() }), [1, 4, 5, 6]);
    assert_eq!(stay(Keep { yearly: 2, ..Keep::default() }), [5, 6]);
    assert_eq!(stay(Keep { last: 2, ..Keep::default() }), [5, 6]);
}

// ---- checks -------------------------------------------------------------------------------------------------------

#[test]
fn findings_are_kept_beside_their_snapshot() {
    let (_folder, store) = new_store();
    snap(&store, 0, Some(accounts(ScopeState::Complete, &["a"])));
    assert!(store.read_check(1).unwrap().is_none());
    let lock = store.lock(None).unwrap();
    let findings = store.find("1").unwrap().frame("accounts", &["id"]).unwrap();
    let folder = store.root().join("checks");
    // What a check leaves behind that is killed before it is whole: the one before still counts.
    let left_behind = folder.join("000001-c0ffee.parquet");
    for count in [1, 2] {
        let frames = || std::iter::once(findings.clone());
        let rows = CheckRows { findings: frames(), links: frames(), safeguards: BTreeMap::new() };
        store.write_check(&lock, 1, rows, &json!({ "rules": count })).unwrap();
        assert!(!left_behind.exists());
        std::fs::write(&left_behind, "half").unwrap();
        assert!(store.verify().unwrap().is_sound());
    }
    let (read, summary) = store.read_check(1).unwrap().unwrap();
    assert!(read.equals(&findings));
    assert_eq!(summary, json!({ "rules": 2 }));
    std::fs::remove_file(left_behind).unwrap();
    let files = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let files: Vec<_> = files.filter(|path| path.extension().is_some_and(|is| is == "parquet")).collect();
    let [file] = files.as_slice() else { panic!("one file of findings: {files:?}") };
    let mut bytes = std::fs::read(file).unwrap();
    bytes[9] ^= 1;
    std::fs::write(file, bytes).unwrap();
    assert!(matches!(store.read_check(1), Err(StoreError::Damaged { .. })));
}

// ---- SQL ----------------------------------------------------------------------------------------------------------

fn ask(store: &Store, sql: &str) -> Vec<String> {
    let snapshot = store.find("latest").unwrap();
    rows(&query::run(&snapshot, &[], sql).unwrap_or_else(|error| panic!("{sql}: {error}")))
}

/// A small company: an administrator, a leaver, an orphan, an unused key, groups with and without owner.
fn company() -> (tempfile::TempDir, Store) {
    let (folder, store) = new_store();
    let lock = store.lock(None).unwrap();
    let mut tx = store.begin(&lock, start(0)).unwrap();
    let person = |id: &str| Record::Person(Box::new(Person { id: id.into(), ..Person::default() }));
    let employment = |person: &str, status| {
        let text =
            format!("{{\"id\":\"{person}\",\"person\":\"{person}\",\"status\":\"{status}\",\"end\":\"2026-02-01\"}}");
        Record::Employment(Box::new(serde_json::from_str(&text).unwrap()))
    };
    let hr = vec![person("p1"), person("p2"), employment("p1", "active"), employment("p2", "terminated")];
    add(&mut tx, "hr", vec![(complete("people", &[RecordKind::Person, RecordKind::Employment]), hr)]);
    let group = |id: &str, owner: Option<&str>, privilege| {
        Record::Group(Box::new(Group {
            id: id.into(),
            id_kind: IdKind::Immutable,
            name: Some(format!("Group {id}")),
            native_name: None,
            description: None,
            owner: owner.map(str::to_owned),
            rule: GroupRule::Assigned,
            self_join: Fact::Unsupported,
            privilege,
            raw: Raw::None,
        }))
    };
    let member = |group: &str, member: &str| {
        Record::Membership(serde_json::from_value(json!({ "group": group, "member": member })).unwrap())
    };
    let key = |id: &str, used: serde_json::Value| {
        let json = json!({ "id": id, "account": "a1", "kind": "access_key", "state": "active", "created": "2025-01-01T00:00:00Z", "last_used": used });
        Record::Credential(Box::new(serde_json::from_value(json).unwrap()))
    };
    let records = vec![
        boxed(account("a1")),
        boxed(Account { last_activity: Fact::Known(at("2026-02-27T00:00:00Z")), ..account("a2") }),
        boxed(account("a3")),
        boxed(Account { class: Some(AccountClass::Service), ..account("svc") }),
        group("g1", Some("a1"), Some(PrivilegeLevel::Admin)),
        group("g2", None, None),
        group("g3", None, None),
        member("g1", "a1"),
        member("g3", "a2"),
        member("g3", "a1"),
        key("k1", json!({ "state": "never" })),
        key("k2", json!("2026-02-01T00:00:00Z")),
    ];
    let kinds = [RecordKind::Account, RecordKind::Group, RecordKind::Membership, RecordKind::Credential];
    add(&mut tx, "app", vec![(complete("all", &kinds), records)]);
    add(&mut tx, "web", vec![(report("all", &[(RecordKind::Account, ScopeState::Partial)]), vec![])]);
    tx.commit(json!({})).unwrap();
    (folder, store)
}

#[test]
fn saved_queries_answer_what_their_titles_promise() {
    let (_folder, store) = company();
    let snapshot = store.find("latest").unwrap();
    let links = || {
        let rows = query::run(
            &snapshot,
            &[],
            "SELECT system, id AS account, CASE id WHEN 'a1' THEN 'p1' ELSE 'p2' END AS person,
             CASE id WHEN 'a1' THEN 'linked' ELSE 'proposed' END AS link,
             'CONFIRMED' AS situation, 1 AS rank, 'Pia' AS person_name, 0.95 AS confidence, 'email' AS strategy, '' AS evidence
             FROM accounts WHERE id IN ('a1', 'a2')",
        )?;
        Ok(rows)
    };
    let extra = [Extra { name: "links", load: &links }];
    let expected: &[(&str, &[&str])] = &[
        ("admins", &["app|all|a1|login-a1|Group g1|admin|-"]),
        (
            "coverage",
            &[
                "app|all|accounts|complete|0|-|0|-",
                "app|all|credentials|complete|0|-|0|-",
                "app|all|groups|complete|0|-|0|-",
                "app|all|memberships|complete|0|-|0|-",
                "hr|people|employments|complete|0|-|0|-",
                "hr|people|persons|complete|0|-|0|-",
                "web|all|accounts|partial|0|-|1|-",
            ],
        ),
        ("groups-without-owner", &["app|all|g3|Group g3|2", "app|all|g2|Group g2|0"]),
        ("leavers-with-accounts", &["p2|2026-02-01|app|a2|login-a2|2026-02-27T00:00:00Z|known"]),
        ("link-queue", &["app|a2|login-a2|-|CONFIRMED|1|p2|Pia|0.95|email|"]),
        ("never-used-keys", &["app|all|a1|k1|access_key|2025-01-01T00:00:00Z"]),
        ("orphans", &["app|all|a3|login-a3|-|-|active|-"]),
    ];
    assert_eq!(expected.len(), LIBRARY.len());
    assert!(LIBRARY.windows(2).all(|pair| pair[0].name < pair[1].name));
    for (saved, (name, expected)) in LIBRARY.iter().zip(expected) {
        assert_eq!(saved.name, *name);
        assert!(!saved.title().is_empty() && !saved.columns().is_empty(), "{name}");
        let found = query::run(&snapshot, &extra, saved.sql).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(rows(&found), *expected, "{name}");
    }
}

#[test]
fn sql_sees_every_table_and_refuses_to_write() {
    let (_folder, store) = company();
    assert_eq!(ask(&store, "SELECT COUNT(*) FROM accounts"), ["4"]);
    assert_eq!(ask(&store, "SELECT id FROM accounts WHERE last_activity_state = 'known'"), ["a2"]);
    assert_eq!(ask(&store, "SELECT m.member FROM memberships m WHERE m.\"group\" = 'g3'"), ["a1", "a2"]);
    assert_eq!(ask(&store, "SELECT system, code, what FROM gaps"), ["web|COL031|HTTP 403 on page 2"]);
    assert_eq!(ask(&store, "SELECT number, taken FROM snapshot"), ["1|2026-03-01T02:00:00Z"]);
    assert_eq!(
        ask(&store, "SELECT state, carried_from, collected FROM groups LIMIT 1"),
        ["complete|-|2026-03-01T02:00:00Z"]
    );
    for table in TABLES {
        ask(&store, &format!("SELECT * FROM {}", table.name));
    }
    let tables = ask(&store, "SHOW TABLES");
    assert!(["accounts", "gaps", "raw", "scopes", "snapshot"].iter().all(|name| tables.contains(&(*name).to_owned())));
    assert!(!ask(&store, "EXPLAIN SELECT id FROM accounts").is_empty());
    let snapshot = store.find("latest").unwrap();
    for sql in [
        "DELETE FROM accounts",
        "drop table accounts",
        "CREATE TABLE x AS SELECT 1",
        "TRUNCATE accounts",
        "INSERT INTO accounts VALUES (1)",
    ] {
        let error = query::run(&snapshot, &[], sql).unwrap_err();
        assert!(matches!(error, QueryError::ReadOnly { .. }), "{sql}: {error}");
    }
    for sql in
        ["SELECT * FROM read_csv('/etc/passwd')", "SELECT * FROM read_parquet('/x')", "SELEC 1", "SELECT FROM WHERE"]
    {
        assert!(query::run(&snapshot, &[], sql).is_err(), "{sql}");
    }
}

#[test]
fn unknown_names_come_with_similar_ones() {
    let (_folder, store) = company();
    let snapshot = store.find("latest").unwrap();
    let error = query::run(&snapshot, &[], "SELECT * FROM acounts").unwrap_err();
    assert_eq!(error.to_string(), "there is no table `acounts`; similar are accounts");
    assert!(error.fix().starts_with("did you mean `accounts`?"), "{}", error.fix());
    let error = query::run(&snapshot, &[], "SELECT lifecyle FROM accounts").unwrap_err();
    assert!(matches!(&error, QueryError::UnknownColumn { asked, .. } if asked == "lifecyle"), "{error:?}");
    assert!(error.fix().starts_with("did you mean `lifecycle`?"), "{}", error.fix());
    let error = query::run(&snapshot, &[], "SELECT a.xyzzy FROM accounts AS a JOIN groups AS g ON a.system = g.system")
        .unwrap_err();
    assert!(matches!(error, QueryError::UnknownColumn { .. }), "{error:?}");
}

#[test]
fn a_table_that_is_computed_is_computed_only_when_named() {
    let (_folder, store) = company();
    let snapshot = store.find("latest").unwrap();
    let load = || Err("no links yet".into());
    let extra = [Extra { name: "links", load: &load }];
    assert!(query::run(&snapshot, &extra, "SELECT 'links' AS word FROM accounts LIMIT 1").is_ok());
    let error = query::run(&snapshot, &extra, "SELECT * FROM links").unwrap_err();
    assert_eq!(error.to_string(), "could not compute table `links`: no links yet");
}

#[test]
fn a_query_without_order_has_one_answer_and_its_limit_counts_after_sorting() {
    let (_folder, store) = new_store();
    snap(&store, 0, Some(vec![(complete("all", &[RecordKind::Account, RecordKind::Grant]), estate(5_000))]));
    let sql = "SELECT entitlement, COUNT(*) AS holders FROM grants GROUP BY entitlement LIMIT 3 OFFSET 1";
    assert_eq!(ask(&store, sql), ["role-1|52", "role-10|52", "role-11|52"]);
    let joined = ask(&store, "SELECT g.principal, a.login FROM grants g JOIN accounts a ON a.id = g.principal");
    assert!(joined.is_sorted() && joined.len() == 5_000);
    let lists = ask(&store, "SELECT DISTINCT emails, mfa, is_root, created FROM accounts");
    assert_eq!(lists, ["[]|[]|false|-"]);
    let comma = ask(&store, "SELECT a.id, b.id AS other FROM accounts a, accounts b WHERE a.id = b.id LIMIT 2");
    assert!(comma.is_sorted() && comma.len() == 2);
}

#[test]
fn damage_is_told_by_queries_too() {
    let (_folder, store) = company();
    for object in walk(&store.root().join("objects")) {
        std::fs::write(object, "x").unwrap();
    }
    let error = query::run(&store.find("latest").unwrap(), &[], "SELECT id FROM accounts").unwrap_err();
    let text = error.to_string();
    assert!(error.fix().contains("backup"), "{}", error.fix());
    assert!(text.contains("is damaged") && text.contains("accounts of app:all in snapshot 1"), "{text}");
    assert_eq!(ask(&store, "SELECT COUNT(*) FROM scopes"), ["7"], "what is not read cannot hurt");
}

#[test]
fn an_answer_is_plain_values() {
    let (_folder, store) = company();
    let snapshot = store.find("latest").unwrap();
    let sql = "SELECT id, emails, is_root, created, last_activity, 1 + 1 AS two, 0.5 AS half, CAST(NULL AS BIGINT) AS nothing FROM accounts WHERE id = 'a2'";
    let answer = Answer::from(&query::run(&snapshot, &[], sql).unwrap());
    assert_eq!(answer.columns[..2], ["id", "emails"]);
    let row = json!(["a2", [], false, null, "2026-02-27T00:00:00Z", 2, 0.5, null]);
    assert_eq!(serde_json::to_value(&answer.rows[0]).unwrap(), row);
    let days = Answer::from(&query::run(&snapshot, &[], "SELECT \"end\", source_row FROM employments").unwrap());
    assert_eq!(days.rows[0], [json!("2026-02-01"), json!(null)]);
}
