//! Active Directory: Samba as a domain controller, and the fixture.

use std::path::Path;

use muster_connectors::record::{AccountClass, Fact, IdKind, Lifecycle, PrincipalKind, PrivilegeLevel};
use muster_connectors::scope::ScopeReport;
use muster_testbeds::samba::{self, Samba};

use super::files::read_text;
use crate::{Collected, assert_complete, collect, collect_with, connector, fails, run};

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
