//! A company of any size, the same every time: for `n` accounts `n / 5` people, `5 n` grants and memberships and `n / 10` keys.
//!
//! Numbers are drawn by SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).

use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::date;
use muster::snapshot::{Snapshot, Start, Store};
use muster_connectors::record::{
    Account, Credential, CredentialKind, CredentialState, Employment, EmploymentStatus, Entitlement, EntitlementKind,
    Fact, Grant, Group, GroupRule, IdKind, Lifecycle, Membership, Person, PrincipalKind, PrivilegeLevel, Purpose, Raw,
    Record, RecordKind, WorkerType,
};
use muster_connectors::scope::{KindReport, ScopeReport, ScopeState};
use muster_connectors::sink::Batch;

/// Records written at once.
const BATCH: usize = 10_000;

/// The sizes to measure: a million accounts only when `MUSTER_BENCH_LARGE` is set.
pub(crate) fn sizes() -> Vec<usize> {
    let large = std::env::vars_os().any(|(name, _)| name == "MUSTER_BENCH_LARGE");
    if large { vec![1_000, 100_000, 1_000_000] } else { vec![1_000, 100_000] }
}

/// The clock.
pub(crate) fn now() -> Timestamp {
    "2026-06-15T12:00:00Z".parse().unwrap()
}

struct Dice(u64);

impl Dice {
    fn throw(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % sides as u64).unwrap()
    }
}

/// A snapshot of the company, in a folder that goes when the guard does.
pub(crate) fn snapshot(accounts: usize) -> (tempfile::TempDir, Snapshot) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join(".muster")).unwrap();
    let lock = store.lock(None).unwrap();
    let start = Start { now: now(), tool: "muster".to_owned(), config: "bench".to_owned() };
    let mut transaction = store.begin(&lock, start).unwrap();
    let people = (accounts / 5).max(1);
    let mut dice = Dice(7);
    let hr = [RecordKind::Person, RecordKind::Employment];
    write(&mut transaction, "hr", "people", &hr, (0..people).flat_map(|n| staff(n, people)));
    let kinds = [
        RecordKind::Account,
        RecordKind::Group,
        RecordKind::Membership,
        RecordKind::Entitlement,
        RecordKind::Grant,
        RecordKind::Credential,
    ];
    for system in 0..5 {
        let own = (accounts / 5).max(1);
        let records = (0..own).flat_map(|n| holder(&mut dice, n, own, people)).collect::<Vec<_>>();
        let groups = (0..groups(own)).flat_map(|n| group(n, groups(own)));
        write(&mut transaction, &format!("system-{system}"), "all", &kinds, records.into_iter().chain(groups));
    }
    transaction.commit(serde_json::json!({})).unwrap();
    drop(lock);
    (folder, store.find("latest").unwrap())
}

fn groups(accounts: usize) -> usize {
    (accounts / 20).max(4)
}

fn write(
    transaction: &mut muster::snapshot::Transaction<'_>,
    system: &str,
    scope: &str,
    kinds: &[RecordKind],
    records: impl Iterator<Item = Record>,
) {
    let mut writer = transaction.system(system, "bench").unwrap();
    let mut records = records.peekable();
    while records.peek().is_some() {
        let batch = records.by_ref().take(BATCH).collect();
        writer.write(Batch { scope: Arc::from(scope), records: batch }).unwrap();
    }
    let complete = KindReport { state: ScopeState::Complete, ..KindReport::default() };
    let report = ScopeReport {
        scope: scope.to_owned(),
        kinds: kinds.iter().map(|kind| (*kind, complete.clone())).collect(),
        ..ScopeReport::default()
    };
    let staged = writer.finish(vec![report]).unwrap();
    transaction.add(staged).unwrap();
}

fn staff(number: usize, people: usize) -> [Record; 2] {
    let id = format!("E{number:07}");
    // One in twenty has left.
    let has_left = number % 20 == 19;
    let person = Person {
        given_name: Some(format!("Given{}", number % 997)),
        family_name: Some(format!("Family{}", number % 9_973)),
        emails: vec![format!("given{}.family{number}@acme.example", number % 997)],
        employee_ids: vec![id.clone()],
        id: id.clone(),
        ..Person::default()
    };
    let employment = Employment {
        id: id.clone(),
        person: id,
        employee_id: None,
        status: if has_left { EmploymentStatus::Terminated } else { EmploymentStatus::Active },
        worker_type: if number.is_multiple_of(10) { WorkerType::Contractor } else { WorkerType::Employee },
        start: Some(date(2015, 1, 1)),
        end: has_left.then(|| date(2026, 1, 31)),
        manager: Some(format!("E{:07}", number / 8 % people)),
        department: Some(format!("Department {}", number % 200)),
        title: None,
        location: None,
        cost_centre: None,
        time_zone: Some(if number.is_multiple_of(2) { "Europe/Berlin" } else { "America/New_York" }.to_owned()),
        effective: None,
        effective_day: None,
        recorded: None,
        sequence: None,
        raw: Raw::None,
    };
    [Record::Person(Box::new(person)), Record::Employment(Box::new(employment))]
}

fn holder(dice: &mut Dice, number: usize, accounts: usize, people: usize) -> Vec<Record> {
    let id = format!("{number:08}-0000-4000-8000-{:012}", dice.throw(1_000_000));
    let person = number % people;
    let (employee_id, emails, login) = match dice.throw(10) {
        0..=4 => (Some(format!("E{person:07}")), Vec::new(), format!("user{number}")),
        5..=7 => (None, vec![format!("given{}.family{person}@acme.example", person % 997)], format!("user{number}")),
        8 => (None, Vec::new(), format!("given{}.family{person}", person % 997)),
        _ => (None, Vec::new(), format!("svc-{number}")),
    };
    let days = i64::try_from(dice.throw(100)).unwrap();
    let mut records = vec![Record::Account(Box::new(Account {
        login: Some(login),
        name: Some(format!("Account {number}")),
        emails,
        emails_verified: true,
        employee_id,
        lifecycle: if dice.throw(10) == 0 { Lifecycle::Disabled } else { Lifecycle::Active },
        created: Fact::Known("2016-01-01T00:00:00Z".parse().unwrap()),
        last_activity: Fact::Known(now() - jiff::SignedDuration::from_hours(24 * days)),
        mfa: if dice.throw(3) == 0 { Fact::Absent } else { Fact::Known(vec!["app".to_owned()]) },
        owner: (dice.throw(10) == 0).then(|| format!("user{}", dice.throw(accounts))),
        ..Account::new(&id, IdKind::Immutable)
    }))];
    for _ in 0..2 {
        let group = format!("g{}", dice.throw(groups(accounts)));
        let (member_kind, raw) = (PrincipalKind::Account, Raw::None);
        let row = Membership { member: id.clone(), member_kind, group, since: None, until: None, via: None, raw };
        records.push(Record::Membership(row));
    }
    for _ in 0..3 {
        let mut grant = Grant::new(&id, PrincipalKind::Account, format!("e{}", dice.throw(groups(accounts))));
        grant.condition = (dice.throw(50) == 0).then(|| "from the office".to_owned());
        records.push(Record::Grant(Box::new(grant)));
    }
    if dice.throw(10) == 0 {
        records.push(Record::Credential(Box::new(Credential {
            id: format!("k{number}"),
            account: id,
            kind: CredentialKind::AccessKey,
            name: None,
            created: Fact::Known("2026-01-01T00:00:00Z".parse().unwrap()),
            expires: Fact::Unsupported,
            last_used: Fact::Known(now() - jiff::SignedDuration::from_hours(24 * days)),
            rotated: Fact::Unsupported,
            state: CredentialState::Active,
            raw: Raw::None,
        })));
    }
    records
}

/// A group in a tree of groups, and a role beside it; the last, which contains no other group, is all-powerful.
fn group(number: usize, groups: usize) -> Vec<Record> {
    let privilege = if number + 1 == groups { PrivilegeLevel::Admin } else { PrivilegeLevel::Limited };
    let id = format!("g{number}");
    let mut records = vec![
        Record::Group(Box::new(Group {
            id: id.clone(),
            id_kind: IdKind::Immutable,
            name: Some(format!("Group {number} of {groups}")),
            native_name: None,
            description: None,
            owner: None,
            rule: GroupRule::Assigned,
            self_join: Fact::Unsupported,
            privilege: Some(privilege),
            raw: Raw::None,
        })),
        Record::Entitlement(Box::new(Entitlement {
            id: format!("e{number}"),
            kind: EntitlementKind::Role,
            name: Some(format!("Role {number}")),
            description: None,
            purpose: Purpose::Permission,
            privilege: Some(privilege),
            owner: Some(format!("user{number}")),
            raw: Raw::None,
        })),
    ];
    if number > 0 {
        let (member_kind, group) = (PrincipalKind::Group, format!("g{}", number / 4));
        let raw = Raw::None;
        records.push(Record::Membership(Membership {
            member: id,
            member_kind,
            group,
            since: None,
            until: None,
            via: None,
            raw,
        }));
    }
    records
}
