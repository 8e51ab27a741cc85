//! OpenLDAP: bind, TLS, limits and access rules; and that an export says the same.

use std::path::Path;
use std::sync::Arc;

use muster_connectors::ConnectorError;
use muster_connectors::record::{AccountClass, Fact, IdKind, Lifecycle, PrincipalKind, Raw, RecordKind};
use muster_connectors::scope::{Probe, ScopeState};
use muster_connectors::sink::Progress;
use muster_testbeds::slapd::{ROOT_LDIF, SCANNER, SUFFIX, Setup, Slapd};

use crate::{
    Collected, assert_complete, assert_gap, collect, collect_watched, collect_with, connector, fails, run, scanner,
};

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
