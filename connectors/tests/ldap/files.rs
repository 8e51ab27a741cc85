//! Exports in LDIF.

use muster_connectors::record::{IdKind, PrincipalKind, RecordKind};
use muster_connectors::scope::{ScopeReport, ScopeState};

use crate::{Collected, assert_complete, assert_gap, collect};

/// Reads a file of this text.
pub(super) async fn read_text(text: &str, more: &str) -> (Collected, ScopeReport) {
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
