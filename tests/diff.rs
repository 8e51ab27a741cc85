//! `muster diff`: exactly what changed between two snapshots, and nothing that only was not read.
#![allow(clippy::unwrap_used, reason = "a test stops on any error")]

mod muster_cmd;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use muster::diff::{Diff, What};
use muster::snapshot::{Snapshot, Start, Store};
use muster_cmd::Folder;
use muster_connectors::record::{
    Account, Fact, Grant, IdKind, Lifecycle, Membership, PrincipalKind, Raw, Record, RecordKind,
};
use muster_connectors::scope::{Gap, KindReport, ScopeReport, ScopeState};
use muster_connectors::sink::Batch;
use muster_testbeds::estate::rng::Rng;
use serde_json::{Value, json};

const CHANGES: usize = 100_000;

/// What is in a system, by key.
#[derive(Clone, Default)]
struct Content {
    accounts: BTreeMap<u64, Account>,
    memberships: BTreeMap<(u64, u64), Membership>,
    grants: BTreeMap<(u64, u64), Grant>,
}

fn account(id: u64) -> Account {
    Account {
        login: Some(format!("user{id}")),
        emails: vec![format!("user{id}@acme.example"), format!("alias{id}@acme.example")],
        lifecycle: Lifecycle::Active,
        ..Account::new(&format!("a{id:07}"), IdKind::Immutable)
    }
}

fn membership(group: u64, member: u64) -> Membership {
    Membership {
        member: format!("a{member:07}"),
        member_kind: PrincipalKind::Account,
        group: format!("g{group:05}"),
        since: None,
        until: None,
        via: None,
        raw: Raw::None,
    }
}

fn grant(principal: u64, entitlement: u64) -> Grant {
    // Every third one has no resource: nothing and an empty text are different keys.
    let mut grant = Grant::new(&format!("a{principal:07}"), PrincipalKind::Account, &format!("e{entitlement}"));
    grant.resource = (!(principal + entitlement).is_multiple_of(3)).then(|| format!("r{}", entitlement % 7));
    grant
}

fn at(hours: i64) -> Timestamp {
    "2026-11-01T00:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_hours(hours)
}

/// Commits a snapshot of these scopes of the system `app`, and opens it.
fn take(store: &Store, hours: i64, scopes: Vec<(ScopeReport, Vec<Record>)>) -> Snapshot {
    let lock = store.lock(None).unwrap();
    let start = Start { now: at(hours), tool: "test".into(), config: "test".into() };
    let mut transaction = store.begin(&lock, start).unwrap();
    let mut writer = transaction.system("app", "test").unwrap();
    let mut reports = Vec::new();
    for (report, records) in scopes {
        writer.write(Batch { scope: Arc::from(report.scope.as_str()), records }).unwrap();
        reports.push(report);
    }
    transaction.add(writer.finish(reports).unwrap()).unwrap();
    let sequence = transaction.commit(json!({})).unwrap().header.sequence;
    drop(lock);
    store.find(&sequence.to_string()).unwrap()
}

fn report(scope: &str, kinds: &[(RecordKind, ScopeState)]) -> ScopeReport {
    let kind = |state: ScopeState| KindReport {
        state,
        gaps: if state == ScopeState::Complete { Vec::new() } else { vec![Gap::new("COL031", "page 2 was denied")] },
        ..KindReport::default()
    };
    ScopeReport {
        scope: scope.to_owned(),
        kinds: kinds.iter().map(|(is, state)| (*is, kind(*state))).collect(),
        ..ScopeReport::default()
    }
}

fn all(content: &Content) -> Vec<(ScopeReport, Vec<Record>)> {
    let kinds = [RecordKind::Account, RecordKind::Membership, RecordKind::Grant];
    let accounts = content.accounts.values().map(|account| Record::Account(Box::new(account.clone())));
    let memberships = content.memberships.values().cloned().map(Record::Membership);
    let grants = content.grants.values().map(|grant| Record::Grant(Box::new(grant.clone())));
    let records = accounts.chain(memberships).chain(grants).collect();
    vec![(report("all", &kinds.map(|kind| (kind, ScopeState::Complete))), records)]
}

fn store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join(".muster")).unwrap();
    (folder, store)
}

fn everything(before: &Snapshot, after: &Snapshot) -> Diff {
    Diff::between(before, after, |_, _| true).unwrap()
}

/// A change as (kind, what, key, columns that differ).
type Told = (RecordKind, What, Vec<Option<String>>, Vec<&'static str>);

fn told(diff: &Diff) -> Vec<Told> {
    let mut told: Vec<Told> = Vec::new();
    for part in &diff.parts {
        for change in &part.changes {
            let key = change.key.iter().map(|(_, value)| value.clone()).collect();
            let differing = change.fields.iter().map(|field| field.column);
            let columns = if change.what == What::Changed { differing.collect() } else { Vec::new() };
            told.push((part.kind, change.what, key, columns));
        }
    }
    told.sort();
    told
}

#[test]
fn of_a_hundred_thousand_random_changes_exactly_those_are_told() {
    let mut rng = Rng::of("a hundred thousand changes");
    let mut before = Content::default();
    for id in 0..60_000 {
        before.accounts.insert(id, account(id));
        before.memberships.insert((rng.below(900), id), membership(0, id));
        before.grants.insert((id, rng.below(40)), grant(id, 0));
    }
    before.memberships =
        before.memberships.keys().map(|(group, id)| ((*group, *id), membership(*group, *id))).collect();
    before.grants = before.grants.keys().map(|(id, what)| ((*id, *what), grant(*id, *what))).collect();

    let mut after = before.clone();
    let mut touched = std::collections::BTreeSet::new();
    let mut wanted: Vec<Told> = Vec::new();
    let key = |texts: &[&str]| texts.iter().map(|text| Some((*text).to_owned())).collect::<Vec<_>>();
    while wanted.len() < CHANGES {
        let id = rng.below(60_000);
        let other = rng.below(1_000_000);
        match rng.below(8) {
            0 if touched.insert((0, id, 0)) => {
                after.accounts.remove(&id);
                wanted.push((RecordKind::Account, What::Removed, key(&[&format!("a{id:07}")]), vec![]));
            }
            1 => {
                let id = 60_000 + other;
                if after.accounts.insert(id, account(id)).is_none() {
                    wanted.push((RecordKind::Account, What::Added, key(&[&format!("a{id:07}")]), vec![]));
                }
            }
            2 if touched.insert((0, id, 0)) => {
                let changed = after.accounts.get_mut(&id).unwrap();
                changed.lifecycle = Lifecycle::Suspended;
                changed.created = Fact::Known(at(-1));
                changed.emails[1] = format!("new{id}@acme.example");
                // What is no change beside what is one.
                changed.raw = Raw::Object(format!("{{\"n\":{id}}}"));
                let columns = vec!["emails", "lifecycle", "created", "created_state"];
                wanted.push((RecordKind::Account, What::Changed, key(&[&format!("a{id:07}")]), columns));
            }
            3 if touched.insert((0, id, 0)) => after.accounts.get_mut(&id).unwrap().emails.reverse(),
            4 => {
                let (group, member) = (other % 900, id);
                if !before.memberships.contains_key(&(group, member)) && touched.insert((1, group, member)) {
                    after.memberships.insert((group, member), membership(group, member));
                    let key = key(&[&format!("g{group:05}"), &format!("a{member:07}")]);
                    wanted.push((RecordKind::Membership, What::Added, key, vec![]));
                }
            }
            5 => {
                let Some((group, member)) = before.memberships.range((other % 900, 0)..).next().map(|(key, _)| *key)
                else {
                    continue;
                };
                let Some((group, member)) =
                    before.memberships.range((group, member + id % 500)..).next().map(|(key, _)| *key)
                else {
                    continue;
                };
                if touched.insert((1, group, member)) {
                    after.memberships.remove(&(group, member));
                    let key = key(&[&format!("g{group:05}"), &format!("a{member:07}")]);
                    wanted.push((RecordKind::Membership, What::Removed, key, vec![]));
                }
            }
            6 => {
                let place = (id, other % 40);
                if !before.grants.contains_key(&place) && !after.grants.contains_key(&place) {
                    let made = grant(place.0, place.1);
                    touched.insert((2, place.0, place.1));
                    wanted.push((RecordKind::Grant, What::Added, grant_key(&made), vec![]));
                    after.grants.insert(place, made);
                }
            }
            7 => {
                let Some((place, held)) = before.grants.range((id, 0)..).next() else { continue };
                if touched.insert((2, place.0, place.1)) {
                    let changed = after.grants.get_mut(place).unwrap();
                    changed.justification = Some("asked for".into());
                    wanted.push((RecordKind::Grant, What::Changed, grant_key(held), vec!["justification"]));
                }
            }
            _ => {}
        }
    }
    let (_folder, store) = store();
    let first = take(&store, 0, all(&before));
    let second = take(&store, 1, all(&after));
    let diff = everything(&first, &second);
    let mut found = told(&diff);
    wanted.sort();
    found.sort();
    assert_eq!(found.len(), wanted.len());
    assert!(found == wanted, "not the changes that were made");
    assert_eq!(diff.unproven().count(), 0);
    let reordered: u64 = diff.parts.iter().map(|part| part.reordered).sum();
    assert!(reordered > 1_000, "turned lists are counted: {reordered}");
    // The other way round it is the mirror image.
    let back = everything(&second, &first).counts();
    let counts = diff.counts();
    assert_eq!((back[&What::Added], back[&What::Removed]), (counts[&What::Removed], counts[&What::Added]));
    assert_eq!(everything(&second, &second).counts(), BTreeMap::new());
}

fn grant_key(grant: &Grant) -> Vec<Option<String>> {
    vec![
        Some(grant.principal.clone()),
        Some(grant.entitlement.clone()),
        grant.resource.clone(),
        grant.condition.clone(),
    ]
}

fn accounts(scope: &str, state: ScopeState, ids: &[u64]) -> (ScopeReport, Vec<Record>) {
    let records = ids.iter().map(|id| Record::Account(Box::new(account(*id)))).collect();
    (report(scope, &[(RecordKind::Account, state)]), records)
}

#[test]
fn what_was_not_read_neither_came_nor_went() {
    use ScopeState::{Complete, Failed, Partial};
    // Each row: how the first and the second night ended, with which accounts; then added, removed, unproven.
    let cases: [(ScopeState, &[u64], ScopeState, &[u64], u64, u64, u64); 6] = [
        (Complete, &[1, 2, 3], Complete, &[2, 3, 4], 1, 1, 0),
        (Complete, &[1, 2, 3], Partial, &[3, 4], 1, 0, 0),
        (Complete, &[1, 2, 3], Failed, &[], 0, 0, 0),
        (Partial, &[1, 2], Complete, &[2, 3], 0, 1, 1),
        (Failed, &[], Complete, &[1, 2], 0, 0, 2),
        (Failed, &[], Failed, &[], 0, 0, 0),
    ];
    for (number, (one, had, two, has, added, removed, unproven)) in cases.into_iter().enumerate() {
        let (_folder, store) = store();
        let first = take(&store, 0, vec![accounts("all", one, had)]);
        let second = take(&store, 1, vec![accounts("all", two, has)]);
        let diff = everything(&first, &second);
        let counts = diff.counts();
        let count = |what: What| counts.get(&what).copied().unwrap_or_default();
        let open: u64 = diff.parts.iter().flat_map(|part| &part.unproven).map(|open| open.rows).sum();
        assert_eq!((count(What::Added), count(What::Removed), open), (added, removed, unproven), "case {number}");
        let is_open = two != Complete || unproven > 0;
        assert_eq!(diff.unproven().count() == 1, is_open, "case {number}");
    }
}

#[test]
fn a_scope_that_appears_is_new_only_if_its_system_had_been_read_to_the_end() {
    use ScopeState::{Complete, Failed};
    for (state, is_known) in [(Complete, true), (Failed, false)] {
        let (_folder, store) = store();
        let first = take(&store, 0, vec![accounts("one", state, if is_known { &[1] } else { &[] })]);
        let second = take(
            &store,
            1,
            vec![accounts("one", state, if is_known { &[1] } else { &[] }), accounts("two", Complete, &[7])],
        );
        let diff = everything(&first, &second);
        assert_eq!(diff.counts().get(&What::Added).copied().unwrap_or_default(), u64::from(is_known));
        let two = diff.parts.iter().find(|part| part.scope == "two").unwrap();
        assert_eq!(two.unproven.is_empty(), is_known, "{two:?}");
    }
    // And one that is not named any more is gone, if all the rest was read.
    let (_folder, store) = store();
    let first = take(&store, 0, vec![accounts("one", Complete, &[1]), accounts("two", Complete, &[7])]);
    let second = take(&store, 1, vec![accounts("one", Complete, &[1])]);
    let diff = everything(&first, &second);
    assert_eq!(told(&diff), vec![(RecordKind::Account, What::Removed, vec![Some("a0000007".into())], vec![])]);
}

#[test]
fn the_command_names_what_changed_and_what_cannot_be_told() {
    let folder = Folder::empty();
    folder.write(
        "muster.toml",
        r#"
[[system]]
name = "crm"
connector = "csv"
files = { accounts = "accounts.csv", grants = "grants.csv" }
collected = "2026-11-20T00:00:00Z"
"#,
    );
    folder.write("accounts.csv", "id,login,lifecycle\n1,ada,active\n2,bob,active\n3,=cmd,active\n");
    folder.write("grants.csv", "principal,entitlement\n1,admin\n2,reader\n");
    folder.run(&["collect", "--now", "2026-11-20T08:00:00Z"]).assert_code(0);
    folder.write("accounts.csv", "id,login,lifecycle\n1,ada,suspended\n2,bob,active\n4,eve,active\n3,=cmd,active\n");
    folder.write("grants.csv", "principal,entitlement\n1,admin\n2,admin\n");
    folder.run(&["collect", "--now", "2026-11-20T09:00:00Z"]).assert_code(0);

    let shown = folder.run(&["diff"]);
    shown.assert_code(0);
    shown.assert_says(&["exit 0: snapshots 1 to 2: 2 added, 2 removed, 1 changed"]);
    for line in [
        "crm / accounts / accounts",
        "~  ada  lifecycle: active → suspended",
        "+  eve",
        "+  bob · admin",
        "-  bob · reader",
    ] {
        assert!(shown.stdout.lines().any(|seen| seen.trim() == line), "`{line}` is missing in:\n{}", shown.stdout);
    }
    let json: Value =
        serde_json::from_str(&folder.expect(0, &["diff", "1", "2", "-o", "json", "--kind", "accounts"])).unwrap();
    let changed = &json["parts"][0]["changes"][0];
    assert_eq!(
        (&changed["key"]["id"], &changed["name"], &changed["what"]),
        (&"1".into(), &"ada".into(), &"changed".into())
    );
    assert_eq!(changed["fields"][0], json!({ "column": "lifecycle", "before": "active", "after": "suspended" }));
    let csv = folder.expect(0, &["diff", "2", "1", "-o", "csv"]);
    assert!(csv.contains("removed,crm,accounts,accounts,4,eve,,,\n"), "{csv}");
    assert_eq!(folder.expect(0, &["diff", "2", "2", "-o", "csv"]).lines().count(), 1);

    // The accounts cannot be read: nobody left, and it is said.
    std::fs::remove_file(folder.path().join("accounts.csv")).unwrap();
    folder.run(&["collect", "--now", "2026-11-20T10:00:00Z"]).assert_code(3);
    let shown = folder.run(&["diff"]);
    shown.assert_code(3);
    shown.assert_says(&["0 added, 0 removed, 0 changed; of 1 parts it cannot be told"]);
    assert!(shown.stdout.contains("NOT KNOWN") && shown.stdout.contains("accounts are failed"), "{}", shown.stdout);
    folder.run(&["diff", "--system", "crmm"]).assert_says(&["CFG015", "did you mean `crm`?"]);
    folder.run(&["diff", "1", "9"]).assert_says(&["SNP004"]);
}
