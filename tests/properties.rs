//! Laws that hold for any estate.
#![allow(clippy::unwrap_used, reason = "a test stops on any error")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::civil::{Date, date};
use jiff::{Timestamp, ToSpan as _};
use muster::access::Access;
use muster::config::Policy;
use muster::drift::{Events, Past};
use muster::graph::{
    Account, Builder, Closure, Coverage, Detail, Graph, Group, Node, NodeIx, NodeKind, Relation, RowState, Span, When,
};
use muster::people::{People, Source, Thresholds};
use muster::rules::{Check, Facts, Ground, History, Inventory, Options, RULES, evaluate, read_for};
use muster::snapshot::{Start, Store};
use muster_connectors::record::{
    self, CredentialKind, CredentialState, EmploymentStatus, EntitlementKind, Fact, FactState, GrantOrigin, GroupRule,
    IdKind, Lifecycle, PrincipalKind, PrivilegeLevel, Purpose, Raw, Record, RecordKind, WorkerType,
};
use muster_connectors::scope::{Gap, KindReport, ScopeReport, ScopeState};
use muster_connectors::sink::Batch;
use petgraph::visit::Dfs;
use proptest::prelude::*;

/// System and scope.
type Place = (&'static str, &'static str);

const NOW: &str = "2026-06-15T12:00:00Z";
const HR: [Place; 2] = [("hr", "externals"), ("hr", "people")];
const SYSTEMS: [Place; 4] = [("ad", "dc1"), ("ad", "dc2"), ("app", "all"), ("aws", "account/1")];
const NAMES: [&str; 4] = ["ada", "bob", "cid", "dee"];
const LOGINS: [&str; 8] = ["ada", "bob", "adm-ada", "bob-admin", "svc-cid", "ada@acme.example", "x", "cid"];

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// An estate in an order of its own.
#[derive(Debug, Clone)]
struct Estate {
    rows: Vec<(Place, Record)>,
}

fn day() -> impl Strategy<Value = Date> {
    (0_i64..11 * 365).prop_map(|days| date(2016, 1, 1) + days.days())
}

fn instant(day: Date) -> Timestamp {
    day.to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp()
}

fn employment() -> impl Strategy<Value = record::Employment> {
    let status = prop::sample::select(EmploymentStatus::ALL);
    let worker_type = prop::sample::select(WorkerType::ALL);
    (status, worker_type, prop::option::weighted(0.9, day()), prop::option::of(0_i64..2500)).prop_map(
        |(status, worker_type, start, length)| record::Employment {
            id: String::new(),
            person: String::new(),
            employee_id: None,
            status,
            worker_type,
            start,
            end: length.map(|days| start.unwrap_or(date(2020, 1, 1)) + days.days()),
            manager: None,
            department: None,
            title: None,
            location: None,
            cost_centre: None,
            time_zone: None,
            effective: None,
            effective_day: None,
            recorded: None,
            sequence: None,
            raw: Raw::None,
        },
    )
}

fn persons() -> impl Strategy<Value = Vec<(Place, Record)>> {
    let person = (
        prop::sample::select(&HR[..]),
        prop::option::of(prop::sample::select(&NAMES[..])),
        prop::collection::vec(employment(), 0..3),
    );
    prop::collection::vec(person, 0..6).prop_map(|persons| {
        let mut rows = Vec::new();
        for (number, (place, name, employments)) in persons.into_iter().enumerate() {
            let id = format!("E{number}");
            for (count, employment) in employments.into_iter().enumerate() {
                let employment = record::Employment { id: format!("{id}/{count}"), person: id.clone(), ..employment };
                rows.push((place, Record::Employment(Box::new(employment))));
            }
            let person = record::Person {
                given_name: name.map(str::to_owned),
                family_name: Some(format!("Fam{}", number % 2)),
                emails: name.map(|name| format!("{name}@acme.example")).into_iter().collect(),
                employee_ids: vec![id.clone()],
                id,
                ..record::Person::default()
            };
            rows.push((place, Record::Person(Box::new(person))));
        }
        rows
    })
}

fn accounts() -> impl Strategy<Value = Vec<(Place, Record)>> {
    let account = (
        prop::sample::select(&SYSTEMS[..]),
        prop::option::weighted(0.9, prop::sample::select(&LOGINS[..])),
        prop::option::of(prop::sample::select(&NAMES[..])),
        prop::option::of(0_usize..6),
        prop::sample::select(Lifecycle::ALL),
        prop::option::of(day()),
        prop::option::of(day()),
        prop::option::weighted(0.3, prop::sample::select(&["ada", "E1", "a0"][..])),
    );
    prop::collection::vec(account, 0..10).prop_map(|accounts| {
        let accounts = accounts.into_iter().enumerate();
        let account = |(number, (place, login, email, employee, lifecycle, created, used, owner))| {
            let email: Option<&str> = email;
            let account = record::Account {
                login: Option::<&str>::map(login, str::to_owned),
                emails: email.map(|name| format!("{name}@acme.example")).into_iter().collect(),
                employee_id: Option::<usize>::map(employee, |number| format!("E{number}")),
                lifecycle,
                created: Option::<Date>::map_or(created, Fact::Unsupported, |day| Fact::Known(instant(day))),
                last_activity: Option::<Date>::map_or(used, Fact::Unreadable, |day| Fact::Known(instant(day))),
                owner: Option::<&str>::map(owner, str::to_owned),
                mfa: Fact::Absent,
                ..record::Account::new(format!("a{number}"), IdKind::Immutable)
            };
            (place, Record::Account(Box::new(account)))
        };
        accounts.map(account).collect()
    })
}

fn group(place: Place, number: usize, privilege: Option<PrivilegeLevel>) -> (Place, Record) {
    let group = record::Group {
        id: format!("g{number}"),
        id_kind: IdKind::Immutable,
        name: None,
        native_name: None,
        description: None,
        owner: None,
        rule: GroupRule::Assigned,
        self_join: Fact::Unsupported,
        privilege,
        raw: Raw::None,
    };
    (place, Record::Group(Box::new(group)))
}

fn membership(place: Place, member: String, kind: PrincipalKind, group: usize) -> (Place, Record) {
    let group = format!("g{group}");
    let row =
        record::Membership { member, member_kind: kind, group, since: None, until: None, via: None, raw: Raw::None };
    (place, Record::Membership(row))
}

fn grant(place: Place, principal: String, entitlement: usize, conditional: bool) -> (Place, Record) {
    let mut grant = record::Grant::new(principal, PrincipalKind::Unknown, format!("e{entitlement}"));
    grant.condition = conditional.then(|| "if it rains".to_owned());
    (place, Record::Grant(Box::new(grant)))
}

fn level() -> impl Strategy<Value = Option<PrivilegeLevel>> {
    prop::option::weighted(0.4, prop::sample::select(PrivilegeLevel::ALL))
}

/// A principal's id: an account's, a group's, or nobody's.
fn principal() -> impl Strategy<Value = String> {
    prop_oneof![
        (0_usize..10).prop_map(|n| format!("a{n}")),
        (0_usize..5).prop_map(|n| format!("g{n}")),
        Just("ghost".to_owned())
    ]
}

fn ways() -> impl Strategy<Value = Vec<(Place, Record)>> {
    let place = || prop::sample::select(&SYSTEMS[..]);
    let groups = prop::collection::vec((place(), level()), 0..5);
    let entitlements = prop::collection::vec((place(), level()), 0..4);
    let memberships = prop::collection::vec((place(), principal(), 0_usize..5), 0..14);
    let grants = prop::collection::vec((place(), principal(), 0_usize..4, any::<bool>()), 0..10);
    let keys = prop::collection::vec((place(), 0_usize..10, prop::option::of(day())), 0..5);
    (groups, entitlements, memberships, grants, keys).prop_map(|(groups, entitlements, memberships, grants, keys)| {
        let mut rows = Vec::new();
        rows.extend(groups.into_iter().enumerate().map(|(number, (place, level))| group(place, number, level)));
        rows.extend(entitlements.into_iter().enumerate().map(|(number, (place, privilege))| {
            let entitlement = record::Entitlement {
                id: format!("e{number}"),
                kind: EntitlementKind::Role,
                name: None,
                description: None,
                purpose: Purpose::Permission,
                privilege,
                owner: Some("ada".to_owned()),
                raw: Raw::None,
            };
            (place, Record::Entitlement(Box::new(entitlement)))
        }));
        rows.extend(memberships.into_iter().map(|(place, member, group)| {
            let kind = if member.starts_with('g') { PrincipalKind::Unknown } else { PrincipalKind::Account };
            membership(place, member, kind, group)
        }));
        rows.extend(grants.into_iter().map(|(place, principal, to, when)| grant(place, principal, to, when)));
        rows.extend(keys.into_iter().enumerate().map(|(number, (place, account, used))| {
            let key = record::Credential {
                id: format!("k{number}"),
                account: format!("a{account}"),
                kind: CredentialKind::AccessKey,
                name: None,
                created: Fact::Known(at("2025-01-01T00:00:00Z")),
                expires: Fact::Unsupported,
                last_used: used.map_or(Fact::Never, |day| Fact::Known(instant(day))),
                rotated: Fact::Unsupported,
                state: CredentialState::Active,
                raw: Raw::None,
            };
            (place, Record::Credential(Box::new(key)))
        }));
        rows
    })
}

fn estate() -> impl Strategy<Value = Estate> {
    (persons(), accounts(), ways()).prop_map(|(persons, accounts, ways)| Estate {
        rows: persons.into_iter().chain(accounts).chain(ways).collect(),
    })
}

const KINDS: [RecordKind; 7] = [
    RecordKind::Account,
    RecordKind::Group,
    RecordKind::Membership,
    RecordKind::Entitlement,
    RecordKind::Grant,
    RecordKind::Credential,
    RecordKind::Resource,
];

/// Takes a snapshot; the scopes of `failed` could not be read.
fn take(store: &Store, now: Timestamp, estate: &Estate, failed: &[Place]) {
    let lock = store.lock(None).unwrap();
    let start = Start { now, tool: "muster".to_owned(), config: "c".to_owned() };
    let mut transaction = store.begin(&lock, start).unwrap();
    let places: BTreeSet<Place> = HR.into_iter().chain(SYSTEMS).collect();
    let systems: BTreeSet<&str> = places.iter().map(|(system, _)| *system).collect();
    for system in systems {
        let mut writer = transaction.system(system, "test").unwrap();
        let mut reports = Vec::new();
        for place in places.iter().filter(|(of, _)| *of == system) {
            let records: Vec<Record> =
                estate.rows.iter().filter(|(of, _)| of == place).map(|(_, record)| record.clone()).collect();
            let is_failed = failed.contains(place);
            let kinds: &[RecordKind] =
                if system == "hr" { &[RecordKind::Person, RecordKind::Employment] } else { &KINDS };
            let kind = |kind: &RecordKind| {
                let (state, gaps) = if is_failed {
                    (ScopeState::Failed, vec![Gap::new("COL031", "HTTP 403")])
                } else {
                    (ScopeState::Complete, Vec::new())
                };
                (*kind, KindReport { state, gaps, ..KindReport::default() })
            };
            reports.push(ScopeReport {
                scope: place.1.to_owned(),
                kinds: kinds.iter().map(kind).collect(),
                ..ScopeReport::default()
            });
            writer.write(Batch { scope: Arc::from(place.1), records }).unwrap();
        }
        let staged = writer.finish(reports).unwrap();
        transaction.add(staged).unwrap();
    }
    // Whoever asks for access would be here: nothing that comes or goes is explained.
    let tickets = transaction.system("tickets", "test").unwrap();
    let kinds = [(RecordKind::Approval, KindReport { state: ScopeState::Complete, ..KindReport::default() })];
    let report = ScopeReport { scope: "all".to_owned(), kinds: kinds.into(), ..ScopeReport::default() };
    transaction.add(tickets.finish(vec![report]).unwrap()).unwrap();
    transaction.commit(serde_json::json!({})).unwrap();
}

fn check(store: &Store) -> Check {
    let now = at(NOW);
    let snapshot = store.find("latest").unwrap();
    let graph = Graph::load(&snapshot).unwrap();
    read_for(&graph, RULES).unwrap();
    let people = People::load(&snapshot, None).unwrap().correlate(&graph, &[], Thresholds::default(), now);
    let access = Access::of(&graph);
    let (options, inventory, policy) = (Options::default(), Inventory::default(), Policy::default());
    let (past, events) = (Past::of(&snapshot, 0).unwrap(), Events::read(&snapshot).unwrap());
    let ground = Ground {
        graph: &graph,
        people: &people,
        access: &access,
        options: &options,
        inventory: &inventory,
        policy: &policy,
        past: &past,
        events: &events,
    };
    evaluate(&Facts::new(ground, now), &History::default())
}

/// Judges the last of several nights.
fn judge(nights: &[(&Estate, &[Place])]) -> Check {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join(".muster")).unwrap();
    for (number, (estate, failed)) in nights.iter().enumerate() {
        let days = i64::try_from(nights.len() - number - 1).unwrap();
        take(&store, at(NOW) - jiff::SignedDuration::from_hours(24 * days), estate, failed);
    }
    check(&store)
}

fn found(check: &Check, rules: &[&str]) -> BTreeSet<String> {
    let of = check.findings.iter().filter(|finding| rules.iter().any(|rule| finding.rule.starts_with(rule)));
    of.map(|finding| format!("{} {:?}:{}", finding.rule, finding.subject.system, finding.subject.id)).collect()
}

fn bytes(check: &Check) -> String {
    serde_json::to_string(&(&check.findings, &check.rules)).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_order_of_records_never_matters(
        (estate, shuffled) in estate().prop_flat_map(|estate| {
            let shuffled = Just(estate.rows.clone()).prop_shuffle().prop_map(|rows| Estate { rows });
            (Just(estate), shuffled)
        })
    ) {
        prop_assert_eq!(bytes(&judge(&[(&estate, &[])])), bytes(&judge(&[(&shuffled, &[])])));
    }

    #[test]
    fn the_number_of_threads_never_matters(estate in estate()) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join(".muster")).unwrap();
        take(&store, at(NOW), &estate, &[]);
        let with = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| bytes(&check(&store)))
        };
        prop_assert_eq!(with(1), with(8));
    }

    #[test]
    fn one_more_grant_never_means_one_finding_of_excess_less(
        estate in estate(),
        place in prop::sample::select(&SYSTEMS[..]),
        principal in principal(),
        to in 0_usize..5,
        is_grant in any::<bool>(),
    ) {
        let before = judge(&[(&estate, &[])]);
        let mut more = estate.clone();
        more.rows.push(if is_grant {
            grant(place, principal, to, false)
        } else {
            membership(place, principal, PrincipalKind::Unknown, to)
        });
        let after = judge(&[(&more, &[])]);
        prop_assert!(found(&before, &["XPR-004"]).is_subset(&found(&after, &["XPR-004"])));
    }

    #[test]
    fn a_scope_that_was_not_read_never_adds_a_finding(
        estate in estate(),
        failed in prop::sample::subsequence([HR.as_slice(), &SYSTEMS].concat(), 1..3),
        had_a_night_before in any::<bool>(),
    ) {
        let rules = ["ORP", "LCM", "DOR", "XPR", "CRD", "AUT"];
        // Who has no second factor is told by one rule or the other: which, depends on whether it is known that he is privileged.
        let found = |nights: &[(&Estate, &[Place])]| -> BTreeSet<String> {
            found(&judge(nights), &rules).iter().map(|one| one.replace("AUT-001", "AUT-002")).collect()
        };
        let whole = found(&[(&estate, &[])]);
        let nights: &[(&Estate, &[Place])] =
            if had_a_night_before { &[(&estate, &[]), (&estate, &failed)] } else { &[(&estate, &failed)] };
        let part = found(nights);
        let added: Vec<&String> = part.difference(&whole).collect();
        prop_assert!(added.is_empty(), "{failed:?} added {added:?}");
    }

    #[test]
    fn a_scope_that_was_not_read_neither_came_nor_went(
        estate in estate(),
        failed in prop::sample::subsequence([HR.as_slice(), &SYSTEMS].concat(), 1..3),
        gone in 0_usize..8,
    ) {
        let rules = ["DRF", "ORP-009", "CTL-004", "CTL-007"];
        let came_back = judge(&[(&estate, &[]), (&estate, &failed), (&estate, &[])]);
        let drifted = found(&came_back, &rules);
        prop_assert!(drifted.is_empty(), "{failed:?}: {drifted:?}");
        // What is really gone is told where it was read, and only there.
        let mut fewer = estate.clone();
        fewer.rows.truncate(estate.rows.len().saturating_sub(gone));
        let whole = self::found(&judge(&[(&estate, &[]), (&fewer, &[])]), &["DRF-002"]);
        let part = self::found(&judge(&[(&estate, &[]), (&fewer, &failed)]), &["DRF-002"]);
        prop_assert!(part.is_subset(&whole), "{failed:?}: {part:?} {whole:?}");
    }

    #[test]
    fn control_totals_add_up(estate in estate(), failed in prop::sample::subsequence(SYSTEMS.to_vec(), 0..3)) {
        let check = judge(&[(&estate, &failed)]);
        let mut findings: BTreeMap<&str, u64> = BTreeMap::new();
        for finding in &check.findings {
            *findings.entry(&finding.rule).or_default() += 1;
        }
        for rule in &check.rules {
            prop_assert_eq!(rule.population, rule.pass + rule.fail + rule.not_evaluated, "{}", rule.rule);
            prop_assert_eq!(rule.fail, findings.get(rule.rule.as_str()).copied().unwrap_or_default(), "{}", rule.rule);
            prop_assert_eq!(rule.not_evaluated, rule.reasons.iter().map(|reason| reason.subjects).sum::<u64>());
        }
        let fingerprints: BTreeSet<&str> = check.findings.iter().map(|finding| finding.fingerprint.as_str()).collect();
        prop_assert_eq!(fingerprints.len(), check.findings.len(), "no two findings have the same fingerprint");
    }
}

/// A graph of accounts and groups without a snapshot: `edges` go from any node to a group.
fn ring_and_chain(accounts: usize, groups: usize, edges: &[(usize, usize)]) -> Graph {
    let mut builder = Builder::new(Coverage::default());
    let system = builder.system("ad");
    let scope = builder.scope(system, "dc");
    for number in 0..accounts + groups {
        let is_account = number < accounts;
        let kind = if is_account { NodeKind::Account } else { NodeKind::Group };
        let id = builder.strings.add(&number.to_string());
        let node = Node { kind, system, scope, state: RowState::Complete, id, name: None };
        if is_account {
            builder.account(node, account(Span::default(), None, When::UNSUPPORTED));
        } else {
            let group =
                Group { rule: GroupRule::Assigned, owner: None, native_name: None, privilege: None, self_join: None };
            builder.group(node, group);
        }
    }
    for (from, to) in edges {
        let detail = Detail {
            resource: None,
            since: When::UNSUPPORTED,
            until: When::UNSUPPORTED,
            note: None,
            origin: GrantOrigin::Direct,
            state: RowState::Complete,
            scope,
        };
        builder.edge(ix(*from), Relation::MemberOf, ix(accounts + to), detail);
    }
    builder.finish()
}

fn account(emails: Span, login: Option<muster::graph::Text>, created: When) -> Account {
    Account {
        id_kind: IdKind::Immutable,
        login,
        native_name: None,
        emails,
        emails_verified: true,
        employee_id: None,
        class: None,
        class_evidence: None,
        affiliation: None,
        lifecycle: Lifecycle::Active,
        is_root: false,
        created,
        expires: When::UNSUPPORTED,
        last_activity: When::UNSUPPORTED,
        password_changed: When::UNSUPPORTED,
        interactive: None,
        mfa: FactState::Unsupported,
        factors: Span::default(),
        owner: None,
        department: None,
        title: None,
        manager: None,
        federated: Span::default(),
    }
}

fn ix(place: usize) -> NodeIx {
    NodeIx(u32::try_from(place).unwrap())
}

/// What a depth-first search reaches from a node, over one edge at least.
fn reached(graph: &Graph, from: NodeIx) -> BTreeSet<NodeIx> {
    let mut all = BTreeSet::new();
    for edge in graph.edges_from(from) {
        let mut search = Dfs::new(graph, edge.target);
        while let Some(node) = search.next(graph) {
            all.insert(node);
        }
    }
    all
}

proptest! {
    #[test]
    fn a_closure_is_what_a_search_reaches(edges in prop::collection::vec((0_usize..14, 0_usize..10), 0..40)) {
        let graph = ring_and_chain(4, 10, &edges);
        let closure = Closure::of(&graph);
        for node in (0..14).map(ix) {
            let naive = reached(&graph, node);
            prop_assert_eq!(closure.groups_of(&graph, node).iter().map(NodeIx).collect::<BTreeSet<_>>(), naive.clone());
            if graph.group(node).is_some() {
                prop_assert_eq!(closure.above(node).collect::<BTreeSet<_>>(), naive);
            }
        }
    }

    #[test]
    fn a_path_is_a_shortest_chain_of_facts(
        edges in prop::collection::vec((0_usize..14, 0_usize..10), 0..40),
        targets in prop::collection::vec(4_usize..14, 1..3),
    ) {
        let graph = ring_and_chain(4, 10, &edges);
        let mut other = petgraph::Graph::<(), ()>::new();
        let nodes: Vec<_> = (0..15).map(|_| other.add_node(())).collect();
        // Against the edges, from one node in front of every target.
        for (from, to) in &edges {
            other.add_edge(nodes[4 + to], nodes[*from], ());
        }
        for target in &targets {
            other.add_edge(nodes[14], nodes[*target], ());
        }
        let distances = petgraph::algo::dijkstra(&other, nodes[14], None, |_| 1_usize);
        let targets: Vec<NodeIx> = targets.into_iter().map(ix).collect();
        let reach = graph.reaching(&targets, |_| true);
        for (number, node) in nodes[..14].iter().enumerate() {
            let path = reach.path(ix(number));
            prop_assert_eq!(reach.reaches(ix(number)), distances.contains_key(node));
            prop_assert_eq!(distances.get(node).map_or(0, |distance| distance - 1), path.len());
            let mut at = ix(number);
            for step in &path {
                prop_assert_eq!(step.source, at);
                prop_assert!(graph.edges_from(at).any(|edge| edge == *step), "a step is a fact");
                at = step.target;
            }
            if let Some(last) = path.last() {
                prop_assert!(targets.contains(&last.target));
                prop_assert_eq!(graph.shortest_path(ix(number), last.target).map(|path| path.len()), Some(path.len()));
            }
        }
    }

    #[test]
    fn nobody_is_linked_by_address_or_name_across_a_gap(
        employments in prop::collection::vec(employment(), 1..4),
        created in prop::option::weighted(0.8, day()),
        by_login in any::<bool>(),
    ) {
        let mut builder = Builder::new(Coverage::default());
        let system = builder.system("ad");
        let scope = builder.scope(system, "dc");
        let id = builder.strings.add("a");
        let address = builder.strings.add(if by_login { "ada" } else { "ada@acme.example" });
        let emails = builder.texts((!by_login).then_some(address).into_iter());
        let made = created.map_or(When::UNSUPPORTED, |day| When::known(instant(day)));
        let node = Node { kind: NodeKind::Account, system, scope, state: RowState::Complete, id, name: None };
        builder.account(node, account(emails, by_login.then_some(address), made));
        let graph = builder.finish();
        let source =
            || Source { system: "hr".into(), scope: "people".into(), state: RowState::Complete, collected: None };
        let person = record::Person { id: "E1".into(), emails: vec!["ada@acme.example".into()], ..record::Person::default() };
        let employed: Vec<_> =
            employments.iter().enumerate().map(|(n, e)| (source(), record::Employment { id: n.to_string(), person: "E1".into(), ..e.clone() })).collect();
        let people = People::merge(vec![(source(), person)], employed, None);
        let people = people.correlate(&graph, &[], Thresholds::default(), at(NOW));
        // What was cancelled never was: it neither fills a gap nor makes one.
        let employments: Vec<_> =
            employments.into_iter().filter(|employment| employment.status != EmploymentStatus::Cancelled).collect();
        if people.link(ix(0)).is_some() && !employments.is_empty() {
            let (first, last) = last_stay(&employments);
            if let Some(created) = created {
                prop_assert!(created >= first.saturating_sub(91.days()), "made {created}, stays since {first}");
                prop_assert!(created <= last, "made {created}, left {last}");
            } else {
                prop_assert_eq!(first, first_day(&employments));
            }
        }
    }
}

const FIRST: Date = date(2010, 1, 1);
const LAST: Date = date(2040, 1, 1);

/// From and to which day an employment is known to have run; what HR calls terminated without a day is not known to have.
fn days(employment: &record::Employment) -> (Date, Date) {
    let start = employment.start.unwrap_or(FIRST);
    let open = if employment.status == EmploymentStatus::Terminated { start } else { LAST };
    (start, employment.end.unwrap_or(open).max(start))
}

fn first_day(employments: &[record::Employment]) -> Date {
    employments.iter().map(|employment| days(employment).0).min().unwrap()
}

/// The last stay without a gap of more than a month, day by day.
fn last_stay(employments: &[record::Employment]) -> (Date, Date) {
    let spans: Vec<(Date, Date)> = employments.iter().map(days).collect();
    let is_employed = |day: Date| spans.iter().any(|(from, to)| *from <= day && day <= *to);
    let last = spans.iter().map(|(_, to)| *to).max().unwrap();
    let (mut first, mut away, mut day) = (last, 0, last);
    while day > FIRST && away <= 31 {
        day = day.yesterday().unwrap();
        if is_employed(day) {
            (first, away) = (day, 0);
        } else {
            away += 1;
        }
    }
    (first, last)
}

#[test]
fn a_hundred_thousand_nested_groups_and_a_ring_of_ten_thousand_are_no_trouble() {
    let links = 100_000;
    let mut edges: Vec<(usize, usize)> = (0..links - 1).map(|n| (n + 1, n + 1)).collect();
    edges.push((0, 0));
    let chain = ring_and_chain(1, links, &edges);
    let closure = Closure::of(&chain);
    assert_eq!(closure.groups_of(&chain, ix(0)).len(), links as u64);
    assert!(closure.bytes() < 100 * links, "{} bytes", closure.bytes());
    let reach = chain.reaching(&[ix(links)], |_| true);
    assert_eq!(reach.path(ix(0)).len(), links);
    let holdings = muster::access::holdings(&chain, ix(0));
    assert_eq!(holdings.held().len(), links);
    assert_eq!(holdings.path(ix(links)).len(), links);

    let links = 10_000;
    let mut edges: Vec<(usize, usize)> = (0..links).map(|n| (n + 1, (n + 1) % links)).collect();
    edges.push((0, 0));
    let ring = ring_and_chain(1, links, &edges);
    let closure = Closure::of(&ring);
    assert_eq!(closure.groups_of(&ring, ix(0)).len(), links as u64);
    assert_eq!(closure.above(ix(1)).count(), links, "a group on a ring contains itself");
    assert!(closure.bytes() < links);
    assert!(ring.shortest_path(ix(0), ix(links)).is_some());
}
