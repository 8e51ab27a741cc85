//! The `ldap` connector against slapd, Samba AD, a scripted server and LDIF files.

#![expect(clippy::unwrap_used, reason = "helpers of tests: a panic is how they report")]

mod collected;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use collected::drained;
use muster_connectors::record::{
    Account, AccountClass, Fact, Group, IdKind, Lifecycle, Membership, PrincipalKind, PrivilegeLevel, Raw, Record,
    RecordKind,
};
use muster_connectors::scope::{Gap, Probe, ScopeReport, ScopeState};
use muster_connectors::secret::Environment;
use muster_connectors::sink::{Batch, Progress, Unwatched};
use muster_connectors::{Connector, ConnectorError, Run, Settings};
use muster_testbeds::samba::{self, Samba};
use muster_testbeds::scripted_ldap::{Attributes, Reply, Request, ScriptedLdap, active_directory};
use muster_testbeds::slapd::{self, ROOT_LDIF, SCANNER, SUFFIX, Setup, Slapd};
use tokio_util::sync::CancellationToken;

/// What a collection yields, sorted.
#[derive(Debug, Default, PartialEq)]
struct Collected {
    accounts: Vec<Account>,
    groups: Vec<Group>,
    memberships: Vec<Membership>,
}

impl Collected {
    fn account(&self, login: &str) -> &Account {
        let found = self.accounts.iter().find(|account| account.login.as_deref() == Some(login));
        let known = || self.accounts.iter().map(|account| &account.login).collect::<Vec<_>>();
        found.unwrap_or_else(|| panic!("no account {login} among {:?}", known()))
    }

    fn group(&self, name: &str) -> &Group {
        let found = self.groups.iter().find(|group| group.name.as_deref() == Some(name));
        found.unwrap_or_else(|| panic!("no group {name}"))
    }

    fn members(&self, group: &str) -> Vec<&Membership> {
        let id = &self.group(group).id;
        self.memberships.iter().filter(|membership| membership.group == *id).collect()
    }

    /// Whether `member` is in `group`, and how.
    fn has(&self, group: &str, member: &str, kind: PrincipalKind, via: Option<&str>) -> bool {
        self.members(group).iter().any(|m| m.member == member && m.member_kind == kind && m.via.as_deref() == via)
    }
}

fn connector(toml: &str, folder: &Path) -> Box<dyn Connector> {
    let manual = muster_connectors::find("ldap").unwrap();
    let environment =
        [("SCANNER_PASSWORD", slapd::PASSWORD), ("DOMAIN_PASSWORD", samba::PASSWORD), ("WRONG_PASSWORD", "wrong")];
    (manual.configure)(Settings {
        system: "corp",
        table: toml::de::ValueDeserializer::parse(toml).unwrap(),
        folder: folder.to_owned(),
        environment: Arc::new(Environment::from(environment.map(|(name, value)| (name.to_owned(), value.to_owned())))),
    })
    .unwrap()
}

fn run() -> Run {
    Run { now: "2026-06-01T00:00:00Z".parse().unwrap(), cancel: CancellationToken::new(), concurrency: 4, memory: None }
}

async fn collect_with(
    connector: &dyn Connector,
    run: &Run,
) -> (Result<(), ConnectorError>, Collected, Vec<ScopeReport>) {
    collect_watched(connector, run, Arc::new(Unwatched)).await
}

async fn collect_watched(
    connector: &dyn Connector,
    run: &Run,
    progress: Arc<dyn Progress>,
) -> (Result<(), ConnectorError>, Collected, Vec<ScopeReport>) {
    let mut collected = Collected::default();
    let take = |batch: Batch| {
        for record in batch.records {
            match record {
                Record::Account(account) => collected.accounts.push(*account),
                Record::Group(group) => collected.groups.push(*group),
                Record::Membership(membership) => collected.memberships.push(membership),
                other => panic!("an LDAP directory does not yield {:?}", other.kind()),
            }
        }
    };
    let (outcome, reports) = drained(connector, run, progress, take).await;
    collected.accounts.sort_by(|a, b| a.id.cmp(&b.id));
    collected.groups.sort_by(|a, b| a.id.cmp(&b.id));
    collected.memberships.sort_by(|a, b| (&a.group, &a.member, &a.via).cmp(&(&b.group, &b.member, &b.via)));
    (outcome, collected, reports)
}

/// Collects and expects one scope.
async fn collect(toml: &str) -> (Collected, ScopeReport) {
    let (outcome, collected, mut reports) = collect_with(connector(toml, Path::new("/")).as_ref(), &run()).await;
    outcome.unwrap_or_else(|error| panic!("{error:?}"));
    assert_eq!(reports.len(), 1, "{reports:?}");
    (collected, reports.remove(0))
}

/// Collects and expects the whole system to fail.
async fn fails(toml: &str) -> Gap {
    let (outcome, collected, reports) = collect_with(connector(toml, Path::new("/")).as_ref(), &run()).await;
    assert_eq!(collected, Collected::default());
    assert!(reports.iter().all(|report| report.state() == ScopeState::Failed), "{reports:?}");
    match outcome {
        Err(ConnectorError::Failed(gap)) => {
            assert!(gap.fix.is_some(), "{gap:?}");
            gap
        }
        other => panic!("{other:?}"),
    }
}

fn assert_complete(report: &ScopeReport) {
    assert_eq!(report.state(), ScopeState::Complete, "{report:#?}");
}

/// Every kind is in this state because of this gap, which names a fix.
fn assert_gap(report: &ScopeReport, state: ScopeState, code: &str) {
    for (kind, of_kind) in &report.kinds {
        assert_eq!(of_kind.state, state, "{kind}: {of_kind:#?}");
        assert!(of_kind.gaps.iter().any(|gap| gap.code == code && gap.fix.is_some()), "{kind}: {of_kind:#?}");
    }
}

fn scanner(url: &str, more: &str) -> String {
    format!(
        "{{ url = '{url}', base = '{SUFFIX}', bind_dn = '{SCANNER}', credential = {{ env = 'SCANNER_PASSWORD' }} {more} }}"
    )
}

const PEOPLE: &str = "dn: ou=people,dc=acme,dc=test\nobjectClass: organizationalUnit\nou: people\n\n";

fn person(uid: &str, more: &str) -> String {
    format!(
        "dn: uid={uid},ou=people,{SUFFIX}\nobjectClass: inetOrgPerson\nuid: {uid}\ncn: {uid} Example\nsn: Example\n\
         mail: {uid}@acme.test\nemployeeNumber: E-{uid}\nuserPassword: secret\n{more}\n"
    )
}

/// People and groups with every shape of membership.
fn acme() -> String {
    [
        ROOT_LDIF,
        PEOPLE,
        &person("ann", "title: Engineer\nmanager: uid=bob,ou=people,dc=acme,dc=test\nemployeeType: Contractor\n"),
        &person("bob", ""),
        &person("gone", "pwdAccountLockedTime: 000001010000Z\n"),
        "dn: uid=kim,ou=people,dc=acme,dc=test
objectClass: inetOrgPerson
objectClass: posixAccount
objectClass: shadowAccount
uid: kim
cn: Kim
sn: Kim
uidNumber: 7
gidNumber: 70
homeDirectory: /
shadowExpire: 20000

dn: cn=Doe\\, J\u{fc}rgen,ou=people,dc=acme,dc=test
objectClass: inetOrgPerson
cn: Doe, J\u{fc}rgen
sn: Doe
uid: doe

dn: ou=groups,dc=acme,dc=test
objectClass: organizationalUnit
ou: groups

dn: cn=staff,ou=groups,dc=acme,dc=test
objectClass: groupOfNames
cn: staff
description: Everybody
member: uid=ann,ou=people,dc=acme,dc=test
member: CN=Doe\\2C J\u{fc}rgen , ou=people,dc=acme,dc=test
member: UID=Bob, OU=People,dc=acme,dc=test

dn: cn=admins,ou=groups,dc=acme,dc=test
objectClass: groupOfNames
cn: admins
member: cn=staff,ou=groups,dc=acme,dc=test
member: uid=missing,ou=people,dc=acme,dc=test
member: cn=other,dc=else

dn: cn=loop,ou=groups,dc=acme,dc=test
objectClass: groupOfNames
cn: loop
member: cn=loop,ou=groups,dc=acme,dc=test
member: ou=people,dc=acme,dc=test

dn: cn=unix,ou=groups,dc=acme,dc=test
objectClass: posixGroup
cn: unix
gidNumber: 70
memberUid: kim
memberUid: nobody

dn: cn=unique,ou=groups,dc=acme,dc=test
objectClass: groupOfUniqueNames
cn: unique
uniqueMember: uid=ann,ou=people,dc=acme,dc=test#'01'B

",
    ]
    .concat()
}

fn many(people: usize) -> String {
    let mut ldif = [ROOT_LDIF, PEOPLE].concat();
    (0..people).for_each(|n| ldif.push_str(&person(&format!("user{n}"), "")));
    ldif
}

#[tokio::test]
async fn openldap_accounts_groups_and_nesting_are_read_over_ldaps_in_pages() {
    let ldif = acme();
    let server = Slapd::start(&Setup { ldif: &ldif, ..Setup::default() }).unwrap();
    server
        .modify(
            "dn: uid=bob,ou=people,dc=acme,dc=test\nchangetype: modify\nreplace: userPassword\nuserPassword: bobs\n",
        )
        .unwrap();
    assert!(server.binds("uid=ann,ou=people,dc=acme,dc=test", "secret").unwrap());
    for _ in 0..3 {
        assert!(!server.binds("uid=bob,ou=people,dc=acme,dc=test", "wrong").unwrap());
    }
    let toml = scanner(&server.ldaps_url(), &format!(", ca_file = '{}', page_size = 5", server.ca_file().display()));
    let (read, report) = collect(&toml).await;
    assert_complete(&report);
    assert_eq!(report.scope, SUFFIX);
    assert!(report.pages >= 3, "{report:?}");
    assert_eq!(report.identity.as_deref(), Some(SCANNER));

    let ann = read.account("ann");
    assert_eq!((ann.id_kind, ann.lifecycle, ann.id.len()), (IdKind::Immutable, Lifecycle::Active, 36));
    assert_eq!(ann.native_name.as_deref(), Some("uid=ann,ou=people,dc=acme,dc=test"));
    assert_eq!((ann.emails.join(" "), ann.emails_verified), ("ann@acme.test".to_owned(), true));
    assert_eq!(ann.employee_id.as_deref(), Some("E-ann"));
    assert_eq!(ann.title.as_deref(), Some("Engineer"));
    assert_eq!(ann.manager.as_deref(), Some("uid=bob,ou=people,dc=acme,dc=test"));
    assert!(ann.affiliation.is_some() && ann.created.known().is_some());
    assert!(ann.last_activity.known().is_some(), "she signed in: {ann:?}");
    let Raw::Object(raw) = &ann.raw else { panic!("{:?}", ann.raw) };
    assert!(raw.contains("\"employeeNumber\":[\"E-ann\"]") && !raw.contains("userPassword"), "{raw}");

    assert_eq!(read.account("bob").lifecycle, Lifecycle::Locked);
    assert!(read.account("bob").password_changed.known().is_some());
    assert_eq!(read.account("bob").last_activity, Fact::Unsupported);
    assert_eq!(read.account("gone").lifecycle, Lifecycle::Disabled);
    assert_eq!(read.account("kim").lifecycle, Lifecycle::Expired);
    assert_eq!(read.account("scanner").class, Some(AccountClass::Service));

    let id = |login: &str| read.account(login).id.clone();
    for login in ["ann", "bob", "doe"] {
        assert!(read.has("staff", &id(login), PrincipalKind::Account, None), "{login}");
    }
    assert!(read.has("admins", &read.group("staff").id, PrincipalKind::Group, None));
    assert!(read.has("admins", "uid=missing,ou=people,dc=acme,dc=test", PrincipalKind::Unknown, None), "dangling");
    assert!(read.has("admins", "cn=other,dc=else", PrincipalKind::Unknown, Some("outside base")));
    assert!(read.has("loop", &read.group("loop").id, PrincipalKind::Group, None));
    assert!(read.members("loop").iter().any(|m| m.via.as_deref() == Some("objectClass=organizationalUnit")));
    assert!(read.has("unix", &id("kim"), PrincipalKind::Account, Some("memberUid")));
    assert!(read.has("unix", &id("kim"), PrincipalKind::Account, Some("gidNumber")));
    assert!(read.has("unix", "nobody", PrincipalKind::Unknown, Some("memberUid")));
    assert!(read.has("unique", &id("ann"), PrincipalKind::Account, None));
}

#[tokio::test]
async fn an_export_gives_the_records_that_the_server_gives() {
    let ldif = acme();
    let server = Slapd::start(&Setup { ldif: &ldif, ..Setup::default() }).unwrap();
    let (live, live_report) = collect(&scanner(&server.url(), "")).await;
    assert_complete(&live_report);
    let folder = tempfile::tempdir().unwrap();
    // The scanner's own bind is the one thing that changes between two readings.
    let paged = server.ldapsearch(&["-E", "pr=5/noprompt", "*", "+"]).unwrap();
    let quiet = server.ldapsearch(&["-LLL", "-E", "pr=1000/noprompt", "*", "+"]).unwrap();
    let slapcat = server.slapcat().unwrap();
    assert!(slapcat.contains("userPassword:"), "the export holds secrets, which must not be kept");
    let without_scanner = |mut read: Collected| {
        read.accounts.retain(|account| account.login.as_deref() != Some("scanner"));
        read
    };
    let live = without_scanner(live);
    let crlf = quiet.replace('\n', "\r\n");
    for (name, text) in [("slapcat", &slapcat), ("paged", &paged), ("quiet", &quiet), ("crlf", &crlf)] {
        let file = folder.path().join(name);
        std::fs::write(&file, text).unwrap();
        let toml = format!("{{ file = '{}', collected = '2026-06-01T00:00:00Z' }}", file.display());
        let (read, report) = collect(&toml).await;
        assert_complete(&report);
        assert_eq!(report.scope, SUFFIX, "{name}");
        assert_eq!(report.tenant, live_report.tenant, "{name}");
        assert_eq!((report.files.len(), report.files[0].sha256.len()), (1, 64));
        assert_eq!(report.files[0].bytes, text.len() as u64);
        assert!(!format!("{read:?}").contains("secret"));
        assert_eq!(without_scanner(read), live, "{name}");
    }
}

#[tokio::test]
async fn start_tls_and_sockets_work_and_a_wrong_ca_or_password_or_port_is_named() {
    let server = Slapd::start(&Setup::default()).unwrap();
    let ca = |path: &Path| format!(", ca_file = '{}'", path.display());
    let start_tls = format!(", start_tls = true {}", ca(&server.ca_file()));
    assert_complete(&collect(&scanner(&server.url(), &start_tls)).await.1);

    for (url, more) in [(server.ldaps_url(), ""), (server.url(), ", start_tls = true")] {
        let gap = fails(&scanner(&url, &format!("{more} {}", ca(&server.other_ca_file())))).await;
        assert_eq!(gap.code, "COL140");
        assert!(gap.cause.as_deref().unwrap().contains("certificate"), "{gap:?}");
        assert!(gap.fix.as_deref().unwrap().contains("ca_file"), "{gap:?}");
    }
    let external = format!("{{ url = '{}', sasl = 'external', base = '{SUFFIX}' }}", server.socket_url());
    let (read, report) = collect(&external).await;
    assert_complete(&report);
    assert_eq!((report.identity.as_deref(), read.accounts.len()), (Some("(external)"), 1));
    // Without `base`, what the server says it holds is read; nobody may read anything here without a bind.
    let anonymous = format!("{{ url = '{}' }}", server.url());
    let (read, report) = collect(&anonymous).await;
    assert_eq!((report.scope.as_str(), report.identity.as_deref()), (SUFFIX, Some("(anonymous)")));
    assert!(read.accounts.is_empty());
    assert_gap(&report, ScopeState::Failed, "COL144");

    let gap = fails(&scanner(&server.url(), "").replace("SCANNER_PASSWORD", "WRONG_PASSWORD")).await;
    assert_eq!(gap.code, "COL141");
    assert!(gap.what.contains("invalid credentials (49)"), "{gap:?}");
    assert_eq!(fails(&scanner("ldap://127.0.0.1:1", "")).await.code, "COL140");

    let missing = scanner(&server.url(), "").replace(&format!("base = '{SUFFIX}'"), "base = 'ou=none,dc=acme,dc=test'");
    assert_gap(&collect(&missing).await.1, ScopeState::Failed, "COL142");
}

#[tokio::test]
async fn a_missing_password_fails_every_scope_and_names_the_variable() {
    let toml = scanner("ldap://127.0.0.1:1", "").replace("SCANNER_PASSWORD", "SCANER_PASSWORD");
    let (outcome, _, reports) = collect_with(connector(&toml, Path::new("/")).as_ref(), &run()).await;
    assert!(matches!(outcome, Err(ConnectorError::Secret(_))), "{outcome:?}");
    assert_gap(&reports[0], ScopeState::Failed, "COL141");
}

#[tokio::test]
async fn a_size_limit_is_a_gap_and_never_complete() {
    let ldif = many(700);
    for limits in [None, Some("size.pr=100 size.prtotal=300")] {
        let server = Slapd::start(&Setup { ldif: &ldif, limits, ..Setup::default() }).unwrap();
        let (read, report) = collect(&scanner(&server.url(), ", page_size = 100")).await;
        assert_gap(&report, ScopeState::Partial, "COL143");
        assert!((200..=500).contains(&read.accounts.len()), "{limits:?}: {}", read.accounts.len());
        let gap = &report.kinds[&RecordKind::Account].gaps[0];
        assert!(gap.fix.as_deref().unwrap().contains("size.prtotal"), "{gap:?}");
    }
}

#[tokio::test]
async fn members_withheld_by_access_rules_are_a_gap() {
    let ldif = acme();
    let access = "access to attrs=member,uniqueMember by * none";
    let server = Slapd::start(&Setup { ldif: &ldif, access, ..Setup::default() }).unwrap();
    let (read, report) = collect(&scanner(&server.url(), "")).await;
    assert!(read.members("staff").is_empty());
    let memberships = &report.kinds[&RecordKind::Membership];
    assert_eq!((memberships.state, memberships.gaps[0].code.as_str()), (ScopeState::Partial, "COL149"));
    assert_eq!(report.kinds[&RecordKind::Account].state, ScopeState::Complete);
}

#[tokio::test]
async fn probing_says_what_the_bind_dn_may_read() {
    let ldif = acme();
    let access = "access to attrs=mail by * none";
    let server = Slapd::start(&Setup { ldif: &ldif, access, ..Setup::default() }).unwrap();
    let probes = connector(&scanner(&server.url(), ""), Path::new("/")).probe(&run()).await.unwrap();
    let granted = |name: &str| {
        probes.iter().find(|probe: &&Probe| probe.permission.contains(name)).and_then(|probe| probe.granted)
    };
    assert_eq!(granted("bind as"), Some(true));
    assert_eq!(granted("paged results"), Some(true));
    assert_eq!(granted("read member"), Some(true));
    assert_eq!(granted("read mail"), Some(false));
}

/// Tells when the first records came.
#[derive(Debug, Default)]
struct Begun(tokio::sync::Notify);

impl Progress for Begun {
    fn records(&self, _scope: &str, _records: u64) {
        self.0.notify_one();
    }

    fn note(&self, _text: &str) {}
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stops_in_the_middle_leaves_a_gap() {
    let ldif = many(20_000);
    let mut server = Slapd::start(&Setup { ldif: &ldif, ..Setup::default() }).unwrap();
    let connector = connector(&scanner(&server.url(), ", page_size = 50"), Path::new("/"));
    let begun = Arc::new(Begun::default());
    let watcher = Arc::clone(&begun);
    let collecting = tokio::spawn(async move { collect_watched(connector.as_ref(), &run(), watcher).await });
    begun.0.notified().await;
    server.kill();
    let (outcome, read, reports) = collecting.await.unwrap();
    outcome.unwrap();
    assert!(!read.accounts.is_empty() && read.accounts.len() < 20_000, "{}", read.accounts.len());
    assert_gap(&reports[0], ScopeState::Partial, "COL145");
}

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

/// Reads a file of this text.
async fn read_text(text: &str, more: &str) -> (Collected, ScopeReport) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.ldif");
    std::fs::write(&file, text).unwrap();
    collect(&format!("{{ file = '{}' {more} }}", file.display())).await
}

const SMALL: &str = "dn: dc=acme\nobjectClass: domain\n\ndn: uid=ann,dc=acme\nobjectClass: inetOrgPerson\nuid: ann\n\n";

#[tokio::test]
async fn a_truncated_export_is_a_gap_with_its_line() {
    let (read, report) = read_text(&SMALL[..SMALL.len() - 3], "").await;
    assert_gap(&report, ScopeState::Partial, "COL155");
    let at = report.kinds[&RecordKind::Account].gaps[0].at.clone();
    assert!(at.as_deref().unwrap().ends_with("x.ldif:6"), "{at:?}");
    assert_eq!(read.accounts.len(), 0, "half of an entry is no entry: what it lacks would look removed");
    let (_, report) = read_text(&format!("{SMALL}# numResponses: 9\n# numEntries: 8\n"), "").await;
    assert_gap(&report, ScopeState::Partial, "COL158");
    let (_, report) = read_text(SMALL, ", expect_entries = 3").await;
    assert_gap(&report, ScopeState::Partial, "COL158");
    let (_, report) = read_text(SMALL, ", expect_entries = 2").await;
    assert_complete(&report);
    let limited = format!("{SMALL}# search result\nsearch: 2\nresult: 4 Size limit exceeded\n");
    assert_gap(&read_text(&limited, "").await.1, ScopeState::Partial, "COL143");
}

#[tokio::test]
async fn files_that_are_no_export_are_refused_and_named() {
    let (_, report) = read_text(&format!("{SMALL}dn: uid=b,dc=acme\nchangetype: delete\n\n"), "").await;
    assert_gap(&report, ScopeState::Failed, "COL157");
    let (_, report) = read_text(&format!("{SMALL}dn: uid=b,dc=acme\nuid:< file:///etc/passwd\n\n"), "").await;
    assert_gap(&report, ScopeState::Partial, "COL156");
    let (_, report) = read_text(SMALL, ", base = 'dc=other'").await;
    assert_gap(&report, ScopeState::Partial, "COL159");
    let (_, report) = read_text(&format!("{SMALL}{SMALL}"), "").await;
    assert_gap(&report, ScopeState::Partial, "COL153");
    let (_, report) = collect("{ file = '/nonexistent.ldif', base = 'dc=acme' }").await;
    assert_gap(&report, ScopeState::Failed, "COL154");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("utf16.ldif");
    let utf16: Vec<u8> = SMALL.encode_utf16().flat_map(u16::to_le_bytes).collect();
    std::fs::write(&file, [&[0xff, 0xfe], utf16.as_slice()].concat()).unwrap();
    let (_, report) = collect(&format!("{{ file = '{}', base = 'dc=acme' }}", file.display())).await;
    assert_gap(&report, ScopeState::Failed, "COL154");
}

#[tokio::test]
async fn an_export_with_a_filter_does_not_make_its_members_dangle() {
    let groups = "dn: cn=a,ou=groups,dc=acme\nobjectClass: groupOfNames\ncn: a\nmember: cn=b,ou=groups,dc=acme\n\
                  member: uid=c,ou=people,dc=acme\n\ndn: cn=z,ou=groups,dc=acme\nobjectClass: groupOfNames\ncn: z\n\
                  member: cn=a,ou=groups,dc=acme\n\n";
    let (read, report) = read_text(groups, "").await;
    assert_eq!(report.scope, "ou=groups,dc=acme");
    assert!(read.has("a", "cn=b,ou=groups,dc=acme", PrincipalKind::Unknown, Some("base incomplete")));
    assert!(read.has("a", "uid=c,ou=people,dc=acme", PrincipalKind::Unknown, Some("outside base")));
    assert!(read.has("z", &read.group("a").id, PrincipalKind::Group, None));
}

#[tokio::test]
async fn member_of_stands_in_for_members_that_are_withheld() {
    let text = "dn: dc=acme\nobjectClass: domain\n\ndn: uid=ann,dc=acme\nobjectClass: inetOrgPerson\nuid: ann\n\
                memberOf: cn=staff,dc=acme\n\ndn: cn=staff,dc=acme\nobjectClass: groupOfNames\ncn: staff\n\n";
    let (read, report) = read_text(text, "").await;
    assert!(read.has("staff", "uid=ann,dc=acme", PrincipalKind::Account, Some("memberOf")));
    assert_eq!(read.account("ann").id_kind, IdKind::Positional);
    assert_eq!(report.kinds[&RecordKind::Membership].state, ScopeState::Partial);
}

const DOMAIN: &str = "\
dn: OU=Staff,DC=acme,DC=test
objectClass: organizationalUnit

dn: CN=Ann,OU=Staff,DC=acme,DC=test
objectClass: user
sAMAccountName: ann
userPrincipalName: ann@acme.test
displayName: Ann Example
mail: ann@acme.test
employeeID: 4711
department: Finance
title: Accountant
userAccountControl: 544

dn: CN=Bob,OU=Staff,DC=acme,DC=test
objectClass: user
sAMAccountName: bob
manager: CN=Ann,OU=Staff,DC=acme,DC=test
accountExpires: 132000000000000000
userAccountControl: 544

dn: CN=Gone,OU=Staff,DC=acme,DC=test
objectClass: user
sAMAccountName: gone
userAccountControl: 546

dn: CN=Peter,OU=Staff,DC=acme,DC=test
objectClass: contact
mail: peter@partner.test

dn: CN=pc1,CN=Computers,DC=acme,DC=test
objectClass: computer
sAMAccountName: pc1$
userAccountControl: 4128
servicePrincipalName: HOST/pc1

dn: CN=Inner,OU=Staff,DC=acme,DC=test
objectClass: group
sAMAccountName: Inner
managedBy: CN=Ann,OU=Staff,DC=acme,DC=test
member: CN=Ann,OU=Staff,DC=acme,DC=test
member: CN=Gone,OU=Staff,DC=acme,DC=test
member: CN=Peter,OU=Staff,DC=acme,DC=test

dn: CN=Outer,OU=Staff,DC=acme,DC=test
objectClass: group
sAMAccountName: Outer
member: CN=Inner,OU=Staff,DC=acme,DC=test

dn: CN=Local,OU=Staff,DC=acme,DC=test
objectClass: group
groupType: -2147483644
sAMAccountName: Local
member: CN=Outer,OU=Staff,DC=acme,DC=test
member: <SID=S-1-5-21-1-2-3-1104>
";

#[tokio::test]
async fn active_directory_is_read_from_samba() {
    let server = Samba::start(DOMAIN, &[("ann", "Hunter-two-22")]).unwrap();
    let login = |url: &str, more: &str| {
        format!(
            "{{ url = '{url}', base = '{}', bind_dn = '{}', credential = {{ env = 'DOMAIN_PASSWORD' }}, ca_file = '{}' {more} }}",
            samba::SUFFIX,
            samba::ADMINISTRATOR,
            server.ca_file().display()
        )
    };
    // Ann signs in once.
    let ann = login(&server.ldaps_url(), "")
        .replace(samba::ADMINISTRATOR, "ann@acme.test")
        .replace("{ env = 'DOMAIN_PASSWORD' }", "{ command = ['echo', 'Hunter-two-22'] }");
    let probes = connector(&ann, Path::new("/")).probe(&run()).await.unwrap();
    assert!(
        probes.iter().any(|probe| probe.permission.contains("userAccountControl") && probe.granted == Some(true)),
        "{probes:?}"
    );

    let (read, report) = collect(&login(&server.ldaps_url(), ", page_size = 40")).await;
    assert_complete(&report);
    assert_eq!(report.scope, "dc=acme,dc=test");
    assert!(report.pages > 2, "{report:?}");
    let tenant = report.tenant.clone().unwrap();
    assert!(tenant.starts_with("S-1-5-21-"), "{tenant}");

    let ann = read.account("ann");
    assert_eq!((ann.id.len(), ann.id_kind), (36, IdKind::Immutable));
    assert!(ann.attributes["objectSid"].starts_with(&tenant));
    assert_eq!(ann.emails, ["ann@acme.test"]);
    assert_eq!(ann.employee_id.as_deref(), Some("4711"));
    assert_eq!((ann.department.as_deref(), ann.title.as_deref()), (Some("Finance"), Some("Accountant")));
    assert_eq!(ann.attributes["userPrincipalName"], "ann@acme.test");
    assert_eq!((ann.class, ann.lifecycle), (None, Lifecycle::Active));
    assert!(ann.last_activity.known().is_some(), "{ann:?}");
    assert!(ann.password_changed.known().is_some() && ann.created.known().is_some());
    assert_eq!(ann.expires, Fact::Absent);
    // A GUID names its object to the server itself, so its spelling is the standard one.
    let named = server.ldapsearch(&["-LLL", "-b", &format!("<GUID={}>", ann.id), "-s", "base", "sAMAccountName"]);
    assert!(named.unwrap().contains("sAMAccountName: ann"));

    assert_eq!(read.account("bob").lifecycle, Lifecycle::Expired);
    assert_eq!(read.account("bob").last_activity, Fact::Never);
    assert_eq!(read.account("bob").manager.as_deref(), Some("CN=Ann,OU=Staff,DC=acme,DC=test"));
    assert_eq!(read.account("gone").lifecycle, Lifecycle::Disabled);
    assert_eq!(read.account("pc1$").class, Some(AccountClass::Device));
    assert_eq!(read.account("pc1$").attributes["servicePrincipalName"], "HOST/pc1");
    assert!(read.account("Administrator").is_root && !ann.is_root);
    assert_eq!(read.account("krbtgt").class, Some(AccountClass::System));

    assert_eq!(read.group("Domain Admins").privilege, Some(PrivilegeLevel::Admin));
    assert_eq!(read.group("Administrators").privilege, Some(PrivilegeLevel::Admin));
    assert_eq!(read.group("Inner").privilege, None);
    assert_eq!(read.group("Inner").owner.as_deref(), Some("CN=Ann,OU=Staff,DC=acme,DC=test"));
    let id = |login: &str| read.account(login).id.clone();
    assert!(read.has("Domain Users", &id("ann"), PrincipalKind::Account, Some("primaryGroupID")));
    assert!(read.has("Domain Admins", &id("Administrator"), PrincipalKind::Account, None));
    assert!(read.has("Inner", &id("ann"), PrincipalKind::Account, None));
    assert!(read.members("Inner").iter().any(|m| m.via.as_deref() == Some("objectClass=contact")));
    assert!(read.has("Outer", &read.group("Inner").id, PrincipalKind::Group, None));
    let foreign = Some("foreignSecurityPrincipal");
    assert!(read.has("Local", "S-1-5-21-1-2-3-1104", PrincipalKind::Unknown, foreign));

    // The same over StartTLS, and from an export.
    let same = |one: &Collected| {
        assert_eq!(one.groups, read.groups);
        assert_eq!(one.memberships, read.memberships);
        assert_eq!(one.accounts.len(), read.accounts.len());
        // The collection itself signs the administrator in.
        for (one, other) in one.accounts.iter().zip(&read.accounts).filter(|(one, _)| !one.is_root) {
            assert_eq!(one, other);
        }
    };
    same(&collect(&login(&server.url(), ", start_tls = true")).await.0);
    let computed = "msDS-User-Account-Control-Computed";
    let export = server.ldapsearch(&["-E", "pr=500/noprompt", "*", computed]).unwrap();
    let (exported, report) = read_text(&export, ", collected = '2026-06-01T00:00:00Z'").await;
    assert_complete(&report);
    assert_eq!(report.tenant.as_deref(), Some(tenant.as_str()));
    same(&exported);

    let wrong = login(&server.ldaps_url(), "").replace("DOMAIN_PASSWORD", "WRONG_PASSWORD");
    assert_eq!(fails(&wrong).await.code, "COL141");
}

/// The invented export, with settings.
async fn fixture(more: &str) -> (Collected, ScopeReport) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/ldap/active-directory.ldif");
    collect(&format!("{{ file = '{}', collected = '2026-06-01T00:00:00Z' {more} }}", file.display())).await
}

#[tokio::test]
async fn every_shape_of_active_directory_object_has_its_class_and_state() {
    let (read, report) = fixture(", elsewhere = 'DC=eu,DC=corp,DC=example'").await;
    assert_complete(&report);
    assert_eq!(report.tenant.as_deref(), Some("S-1-5-21-1004336348-1177238915-682003330"));
    for (login, class, lifecycle) in [
        ("Administrator", None, Lifecycle::Active),
        ("krbtgt", Some(AccountClass::System), Lifecycle::Disabled),
        ("jgross", None, Lifecycle::Active),
        ("locked", None, Lifecycle::Locked),
        ("old", None, Lifecycle::Expired),
        ("web01$", Some(AccountClass::Device), Lifecycle::Active),
        ("gmsa-sql$", Some(AccountClass::Service), Lifecycle::Active),
        ("PARTNER$", Some(AccountClass::System), Lifecycle::Active),
    ] {
        let account = read.account(login);
        assert_eq!((account.class, account.lifecycle), (class, lifecycle), "{login}");
        assert_eq!(account.class.is_some(), account.class_evidence.is_some(), "{login}");
        assert_eq!(account.id_kind, IdKind::Immutable);
    }
    let gross = read.account("jgross");
    assert_eq!(gross.id, "6d757374-6572-0000-0000-000000000006");
    assert_eq!(gross.emails, ["juergen.gross@corp.example", "jgross@corp.example"]);
    assert_eq!(gross.native_name.as_deref(), Some("CN=Jürgen Groß,OU=Staff,DC=corp,DC=example"));
    assert_eq!(gross.last_activity.known().map(ToString::to_string).as_deref(), Some("2024-05-12T15:06:40Z"));
    assert_eq!(read.account("locked").last_activity, Fact::Never);
    assert_eq!(read.account("chief").mfa, Fact::Known(vec!["SMARTCARD_REQUIRED".to_owned()]));
    assert_eq!(read.account("old").attributes["sIDHistory"], "S-1-5-21-9-9-9-512");
    assert_eq!(read.account("krbtgt").attributes["userAccountControl"], "ACCOUNTDISABLE NORMAL_ACCOUNT");

    assert!(read.has("Tier0", &gross.id, PrincipalKind::Account, None));
    let gone = "CN=Deleted Long Ago,OU=Staff,DC=corp,DC=example";
    assert!(read.has("Tier0", gone, PrincipalKind::Unknown, None), "dangling");
    let visitor = "CN=Visitor,OU=Staff,DC=eu,DC=corp,DC=example";
    assert!(read.has("Tier0", visitor, PrincipalKind::Unknown, Some("outside base")));
    assert!(read.has("Domain Users", &gross.id, PrincipalKind::Account, Some("primaryGroupID")));
    assert_eq!(read.group("Tier0").owner.as_deref(), Some("CN=Chief,OU=Staff,DC=corp,DC=example"));
}

#[tokio::test]
async fn a_foreign_principal_is_found_in_another_base() {
    let folder = tempfile::tempdir().unwrap();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/ldap/active-directory.ldif");
    let other = folder.path().join("other.ldif");
    let text = "dn: DC=other\nobjectClass: domainDNS\nobjectSid: S-1-5-21-3-3-3\n\ndn: CN=Eve,DC=other\nobjectClass: user\n\
                sAMAccountName: eve\nobjectSid: S-1-5-21-3-3-3-1200\nuserAccountControl: 512\nprimaryGroupID: 513\n\n";
    std::fs::write(&other, text).unwrap();
    let toml = format!(
        "{{ file = ['{}', '{}'], base = ['DC=corp,DC=example', 'dc=other'] }}",
        file.display(),
        other.display()
    );
    let (outcome, read, reports) = collect_with(connector(&toml, Path::new("/")).as_ref(), &run()).await;
    outcome.unwrap();
    assert_eq!(
        reports.iter().map(|report| report.scope.as_str()).collect::<Vec<_>>(),
        ["dc=corp,dc=example", "dc=other"]
    );
    assert_eq!(reports[1].tenant.as_deref(), Some("S-1-5-21-3-3-3"));
    let eve = &read.account("eve").id;
    assert!(read.has("Administrators", eve, PrincipalKind::Account, Some("foreignSecurityPrincipal")));
}
