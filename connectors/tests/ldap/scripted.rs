//! Faults that a scripted server has.

use std::path::Path;
use std::time::{Duration, Instant};

use muster_connectors::ConnectorError;
use muster_connectors::record::{Fact, Lifecycle, PrincipalKind, Raw, RecordKind};
use muster_connectors::scope::ScopeState;
use muster_testbeds::scripted_ldap::{Attributes, Reply, Request, ScriptedLdap, active_directory};

use crate::{Collected, assert_complete, assert_gap, collect, collect_with, connector, run};

fn entry(dn: &str, attributes: &[(&str, &[&str])]) -> (String, Attributes) {
    let attributes = attributes
        .iter()
        .map(|(name, values)| ((*name).to_owned(), values.iter().map(|value| value.as_bytes().to_vec()).collect()));
    (dn.to_owned(), attributes.collect())
}

/// A domain whose users are all members of one group, as Active Directory shows it.
fn domain(users: usize) -> Vec<(String, Attributes)> {
    let mut entries = vec![entry("DC=corp,DC=test", &[("objectClass", &["domainDNS"])])];
    let dns: Vec<String> = (0..users).map(|n| format!("CN=user{n},CN=Users,DC=corp,DC=test")).collect();
    for (n, dn) in dns.iter().enumerate() {
        let (dn, mut attributes) = entry(
            dn,
            &[
                ("objectClass", &["top", "person", "organizationalPerson", "user"]),
                ("sAMAccountName", &[&format!("user{n}")]),
                ("userAccountControl", &["512"]),
                ("primaryGroupID", &["513"]),
                ("accountExpires", &["0"]),
                ("pwdLastSet", &["133000000000000000"]),
                ("lastLogonTimestamp", &["133000000000000000"]),
                ("whenCreated", &["20240101000000.0Z"]),
            ],
        );
        attributes.push(("objectGUID".to_owned(), vec![u128::try_from(n + 1).unwrap().to_be_bytes().to_vec()]));
        entries.push((dn, attributes));
    }
    let members: Vec<&str> = dns.iter().map(String::as_str).collect();
    entries.push(entry(
        "CN=all,CN=Users,DC=corp,DC=test",
        &[("objectClass", &["top", "group"]), ("sAMAccountName", &["all"]), ("member", &members)],
    ));
    entries
}

fn scripted(server: &ScriptedLdap, more: &str) -> String {
    format!("{{ url = '{}', base = 'DC=corp,DC=test' {more} }}", server.url())
}

fn done(code: u8) -> Reply {
    Reply::Done(code, String::new(), None)
}

#[tokio::test]
async fn ranged_members_are_fetched_to_the_last_one_under_a_page_limit() {
    let server = ScriptedLdap::start(active_directory(domain(3200), 1000, 1500)).unwrap();
    let (read, report) = collect(&scripted(&server, ", page_size = 5000")).await;
    assert_complete(&report);
    assert_eq!(report.pages, 4);
    assert_eq!(read.accounts.len(), 3200);
    assert_eq!(read.members("all").len(), 3200);
    assert!(read.members("all").iter().all(|m| m.member_kind == PrincipalKind::Account && m.via.is_none()));
    let Raw::Object(raw) = &read.group("all").raw else { panic!() };
    assert!(raw.contains("\"member#\":3200") && read.members("all")[0].raw == Raw::None, "{raw}");
}

#[tokio::test]
async fn a_range_that_does_not_go_on_is_a_gap() {
    let serve = active_directory(domain(20), 1000, 5);
    let server = ScriptedLdap::start(move |request| match request {
        Request::Search(search) if search.attributes.iter().any(|name| name == "member;range=10-*") => {
            // The part before it, again and again.
            let values = (0..5).map(|n| format!("CN=user{n},CN=Users,DC=corp,DC=test").into_bytes()).collect();
            vec![Reply::Entry(search.base.clone(), vec![("member;range=5-9".to_owned(), values)]), done(0)]
        }
        request => serve(request),
    })
    .unwrap();
    let (read, report) = collect(&scripted(&server, "")).await;
    assert_eq!(read.members("all").len(), 10);
    let memberships = &report.kinds[&RecordKind::Membership];
    assert_eq!((memberships.state, memberships.gaps[0].code.as_str()), (ScopeState::Partial, "COL147"));
    assert_eq!(report.kinds[&RecordKind::Account].state, ScopeState::Complete);
}

/// A server of a hundred users whose second page is `second`.
fn second_page(second: impl Fn() -> Vec<Reply> + Send + Sync + 'static) -> ScriptedLdap {
    let serve = active_directory(domain(100), 10, 1500);
    ScriptedLdap::start(move |request| match request {
        Request::Search(search) if search.scope == 2 && !search.cookie.is_empty() => second(),
        request => serve(request),
    })
    .unwrap()
}

#[tokio::test]
async fn a_connection_cut_in_the_middle_of_a_page_is_a_gap() {
    let server = second_page(|| {
        let (dn, attributes) = domain(20).remove(15);
        // An entry, and the beginning of the next one.
        vec![Reply::Entry(dn, attributes), Reply::Raw(vec![0x30, 0x50, 2, 1]), Reply::Cut]
    });
    let (read, report) = collect(&scripted(&server, "")).await;
    assert_gap(&report, ScopeState::Partial, "COL145");
    assert_eq!(read.accounts.len(), 10);
}

#[tokio::test]
async fn pages_that_repeat_are_detected_and_fail() {
    let more = || Reply::Done(0, String::new(), Some(b"same".to_vec()));
    let server = second_page(move || {
        let entries = domain(10).into_iter().map(|(dn, attributes)| Reply::Entry(dn, attributes));
        entries.chain([more()]).collect()
    });
    assert_gap(&collect(&scripted(&server, "")).await.1, ScopeState::Failed, "COL146");
    let server = second_page(move || vec![more()]);
    assert_gap(&collect(&scripted(&server, "")).await.1, ScopeState::Failed, "COL146");
}

#[tokio::test]
async fn a_server_that_stays_busy_or_is_unwilling_leaves_a_gap() {
    for (code, expected) in [(51, "COL144"), (53, "COL144"), (3, "COL143"), (4, "COL143"), (11, "COL143")] {
        let server = second_page(move || vec![done(code)]);
        let (read, report) = collect(&scripted(&server, "")).await;
        assert_gap(&report, ScopeState::Partial, expected);
        assert_eq!(read.accounts.len(), 9);
    }
}

#[tokio::test]
async fn a_server_that_is_busy_for_a_moment_is_asked_again() {
    use std::sync::atomic::{AtomicU32, Ordering};
    let serve = active_directory(domain(30), 10, 1500);
    let refused = AtomicU32::new(0);
    let server = ScriptedLdap::start(move |request| match request {
        Request::Search(search) if !search.cookie.is_empty() && refused.fetch_add(1, Ordering::SeqCst) < 2 => {
            vec![done(51)]
        }
        request => serve(request),
    })
    .unwrap();
    let (read, report) = collect(&scripted(&server, "")).await;
    assert_complete(&report);
    assert_eq!(read.accounts.len(), 30);
}

#[tokio::test]
async fn a_referral_inside_the_base_is_a_gap_unless_it_is_read_elsewhere() {
    let serve = active_directory(domain(3), 10, 1500);
    let server = ScriptedLdap::start(move |request| {
        let mut replies = serve(request);
        if matches!(request, Request::Search(search) if search.scope == 2) {
            for url in ["ldap://child.corp.test/DC=child,DC=corp,DC=test", "ldap://x/CN=Configuration,DC=corp,DC=test"]
            {
                replies.insert(1, Reply::Reference(vec![url.to_owned()]));
            }
        }
        replies
    })
    .unwrap();
    let (_, report) = collect(&scripted(&server, "")).await;
    assert_gap(&report, ScopeState::Partial, "COL148");
    assert_eq!(report.kinds[&RecordKind::Account].gaps.len(), 1);
    let (_, report) = collect(&scripted(&server, ", elsewhere = 'DC=child,DC=corp,DC=test'")).await;
    assert_complete(&report);
}

#[tokio::test]
async fn an_empty_answer_is_complete_with_nothing_and_left_to_the_engine() {
    let server = ScriptedLdap::start(|_| vec![done(0)]).unwrap();
    let (read, report) = collect(&scripted(&server, "")).await;
    assert_complete(&report);
    assert_eq!(read, Collected::default());
}

#[tokio::test]
async fn bytes_that_are_not_ldap_fail_the_scope() {
    let entry_without_attributes = vec![0x30, 0x0c, 2, 1, 2, 0x64, 7, 4, 0, 0x30, 3, 4, 1, 0];
    for bytes in [vec![0x30, 0x03, 2, 1, 2], vec![0xff; 200], entry_without_attributes] {
        let server = ScriptedLdap::start(move |request| match request {
            Request::Search(search) if search.scope == 2 => vec![Reply::Raw(bytes.clone()), Reply::Cut],
            _ => vec![done(0)],
        })
        .unwrap();
        let (read, report) = collect(&scripted(&server, "")).await;
        assert_eq!(report.state(), ScopeState::Failed, "{report:#?}");
        assert_eq!(read, Collected::default());
    }
}

#[tokio::test]
async fn values_that_cannot_be_read_cost_only_themselves() {
    let mut entries = domain(2);
    for (name, values) in &mut entries[1].1 {
        match name.as_str() {
            "pwdLastSet" => *values = vec![b"yesterday".to_vec()],
            "whenCreated" => *values = vec![b"2024-01-01".to_vec()],
            _ => {}
        }
    }
    entries[1].1.push(("displayName".to_owned(), vec![vec![b'J', 0xfc, b'r']]));
    // Asked for as flavour `active-directory` asks.
    let server = ScriptedLdap::start(active_directory(entries, 10, 1500)).unwrap();
    let (read, report) = collect(&scripted(&server, "")).await;
    assert_complete(&report);
    let account = read.account("user0");
    assert_eq!((&account.password_changed, &account.created), (&Fact::Unreadable, &Fact::Unreadable));
    assert_eq!(account.lifecycle, Lifecycle::Active);
    assert_eq!(account.name.as_deref(), Some("J\u{fffd}r"));
    assert!(matches!(&account.raw, Raw::Object(raw) if raw.contains("{\"base64\":\"Svxy\"}")), "{:?}", account.raw);
    let withheld = &report.kinds[&RecordKind::Account].withheld;
    for field in ["password_changed", "created", "name"] {
        assert!(withheld[field].contains("CN=user0,CN=Users,DC=corp,DC=test"), "{withheld:?}");
    }
    assert!(read.account("user1").password_changed.known().is_some());
}

#[tokio::test]
async fn a_member_that_active_directory_hides_is_a_gap_and_one_created_meanwhile_is_read() {
    let late = entry("CN=late,CN=Users,DC=corp,DC=test", &[("objectClass", &["user"]), ("sAMAccountName", &["late"])]);
    let mut entries = domain(2);
    for (name, values) in &mut entries[3].1 {
        if name == "member" {
            values.push(late.0.clone().into_bytes());
            values.push(b"CN=hidden,CN=Users,DC=corp,DC=test".to_vec());
        }
    }
    let serve = active_directory(entries, 10, 1500);
    let server = ScriptedLdap::start(move |request| match request {
        Request::Search(search) if search.scope == 0 && search.base.starts_with("CN=late") => {
            vec![Reply::Entry(late.0.clone(), late.1.clone()), done(0)]
        }
        request => serve(request),
    })
    .unwrap();
    let (read, report) = collect(&scripted(&server, "")).await;
    assert!(read.has("all", &read.account("late").id, PrincipalKind::Account, None));
    let hidden = "CN=hidden,CN=Users,DC=corp,DC=test";
    assert!(read.has("all", hidden, PrincipalKind::Unknown, Some("not visible")));
    assert_gap(&report, ScopeState::Partial, "COL150");
}

#[tokio::test(flavor = "multi_thread")]
async fn cancelling_stops_within_a_second() {
    let server = second_page(|| vec![Reply::Wait(Duration::from_secs(5))]);
    let run = run();
    let cancel = run.cancel.clone();
    let connector = connector(&scripted(&server, ""), Path::new("/"));
    let collecting = tokio::spawn(async move { collect_with(connector.as_ref(), &run).await });
    tokio::time::sleep(Duration::from_millis(300)).await;
    let start = Instant::now();
    cancel.cancel();
    let (outcome, _, reports) = collecting.await.unwrap();
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    assert!(matches!(outcome, Err(ConnectorError::Stopped)), "{outcome:?}");
    assert_eq!(reports[0].state(), ScopeState::Failed);
}
