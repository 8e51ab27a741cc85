//! `ldap`: live on a scripted Active Directory, and from its LDIF export.
//!
//! A directory declares no total, and its paging proves only that the server went to its end. A last page that does not
//! come is noticed live because Active Directory keeps links and objects in step, so that a member that nothing shows is
//! hidden; OpenLDAP lets links dangle, and there nothing shows it. An export counts its entries in a comment.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use muster_connectors::Connector;
use muster_connectors::native::ldap::MANUAL;
use muster_connectors::scope::ScopeState;
use muster_testbeds::scripted_ldap::{Attributes, Reply, Request, ScriptedLdap, Search};
use serde_json::{Value, json};

use super::files::{FileSubject, SavedFile};
use crate::collected::configured;
use crate::{Estate, Exception, Fault, List, PAGE, Stage, Subject};

const BASE: &str = "dc=corp,dc=test";
const OTHER: &str = "dc=other,dc=test";

/// A group, and five users of which it names every one.
fn entries(base: &str) -> Vec<Value> {
    let place = &base[3..8]; // An id has sixteen bytes.
    let users = (1..=5).map(|n| format!("cn=user{n},{base}"));
    let group = json!({
        "dn": format!("cn=staff,{base}"), "objectClass": ["top", "group"], "sAMAccountName": ["staff"],
        "objectGUID": [format!("guid-{place}-staff")], "member": users.clone().collect::<Vec<_>>(),
    });
    let user = |(n, dn): (usize, String)| {
        json!({
            "dn": dn, "objectClass": ["top", "person", "organizationalPerson", "user"],
            "sAMAccountName": [format!("user{n}")], "objectGUID": [format!("guid-{place}-user{n}")],
            "userAccountControl": ["512"], "primaryGroupID": ["513"], "accountExpires": ["0"],
            "pwdLastSet": ["133000000000000000"], "lastLogonTimestamp": ["133000000000000000"],
            "whenCreated": ["20240101000000.0Z"],
        })
    };
    std::iter::once(group).chain(users.enumerate().map(user)).collect()
}

/// DN and attributes of a row.
fn parts(row: &Value) -> (String, Vec<(String, Vec<String>)>) {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let attributes = row.as_object().unwrap().iter().filter(|(name, _)| *name != "dn");
    let values = |value: &Value| value.as_array().unwrap().iter().map(text).collect();
    (text(&row["dn"]), attributes.map(|(name, value)| (name.clone(), values(value))).collect())
}

/// What an entry that comes twice costs.
const TWICE: Exception = Exception::Ends(
    ScopeState::Partial,
    "a server that repeats entries may have left others out, and files that overlap may disagree",
);

/// Two naming contexts of one server.
pub(crate) struct Live;

impl Subject for Live {
    fn name(&self) -> String {
        "ldap live".into()
    }

    fn estate(&self) -> Estate {
        Estate(vec![List::of(BASE, entries(BASE)), List::of(OTHER, entries(OTHER))])
    }

    fn stage(&self, estate: &Estate, fault: Fault) -> Stage {
        let (asked, estate, late) = (Arc::new(AtomicUsize::new(0)), estate.clone(), AtomicUsize::new(0));
        let counter = Arc::clone(&asked);
        let server = ScriptedLdap::start(move |request| {
            counter.fetch_add(1, Ordering::SeqCst);
            match request {
                Request::Search(search) => answer(&estate, fault, search, &late),
                Request::Bind(_) => vec![done(0)],
            }
        })
        .unwrap();
        let toml = format!(
            "url = '{}', base = ['{BASE}', '{OTHER}'], bind_dn = 'cn=reader', credential = {{ env = 'TOKEN' }}, page_size = {PAGE}",
            server.url()
        );
        let connector = configured(MANUAL.configure, ".", &toml).unwrap();
        let requests = move || {
            let _alive = &server;
            asked.load(Ordering::SeqCst)
        };
        Stage { connector, requests: Box::new(requests) }
    }

    fn exception(&self, fault: Fault) -> Option<Exception> {
        match fault {
            Fault::CutOnce => Some(Exception::Ends(
                ScopeState::Partial,
                "a paging cookie belongs to its connection (RFC 2696): a search cannot go on over another one",
            )),
            Fault::Duplicate => Some(TWICE),
            Fault::None
            | Fault::PageRepeated
            | Fault::ThrottledOnce
            | Fault::Throttled
            | Fault::Forbidden
            | Fault::Cut
            | Fault::Silent
            | Fault::LastPageMissing
            | Fault::Empty
            | Fault::Reordered => None,
        }
    }

    fn has_one_connection(&self) -> bool {
        true
    }

    fn takes_a_second_page_for_a_circle(&self) -> bool {
        true // Some servers send the same cookie for every page, so the page itself is the only sign.
    }
}

fn done(code: u8) -> Reply {
    Reply::Done(code, String::new(), None)
}

/// `late` counts the requests for later pages of the first base.
fn answer(estate: &Estate, fault: Fault, search: &Search, late: &AtomicUsize) -> Vec<Reply> {
    if search.base.is_empty() {
        let capability = ("supportedCapabilities".to_owned(), vec![b"1.2.840.113556.1.4.800".to_vec()]);
        return vec![Reply::Entry(String::new(), vec![capability]), done(0)];
    }
    let list = estate.0.iter().position(|list| list.scope.eq_ignore_ascii_case(&search.base));
    let Some(list) = list.filter(|_| search.scope == 2) else { return vec![done(32)] };
    let from = String::from_utf8_lossy(&search.cookie).parse().unwrap_or(0);
    let beyond = list == 0 && from > 0;
    let is_first_time = beyond && late.fetch_add(1, Ordering::SeqCst) == 0;
    match fault {
        Fault::PageRepeated if list == 0 => page(&estate.0[0], PAGE),
        Fault::ThrottledOnce if is_first_time => vec![done(51)], // busy
        Fault::Throttled if beyond => vec![done(51)],
        Fault::Forbidden if list == 0 => vec![done(50)], // insufficientAccessRights
        Fault::CutOnce if is_first_time => cut(&estate.0[0], from),
        Fault::Cut if beyond => cut(&estate.0[0], from),
        Fault::Silent if beyond => vec![Reply::Wait(Duration::from_mins(1))],
        _ => page(&estate.0[list], from),
    }
}

fn page(list: &List, from: usize) -> Vec<Reply> {
    let (rows, next) = list.page(from);
    let entry = |row: &Value| {
        let (dn, attributes) = parts(row);
        let bytes = |values: Vec<String>| values.into_iter().map(String::into_bytes).collect();
        let attributes: Attributes = attributes.into_iter().map(|(name, values)| (name, bytes(values))).collect();
        Reply::Entry(dn, attributes)
    };
    let cookie = next.map_or_else(String::new, |next| next.to_string()).into_bytes();
    rows.iter().map(entry).chain([Reply::Done(0, String::new(), Some(cookie))]).collect()
}

/// The first entry of the page, the beginning of another, and the end of the connection.
fn cut(list: &List, from: usize) -> Vec<Reply> {
    let mut replies = page(list, from);
    replies.truncate(1);
    replies.extend([Reply::Raw(vec![0x30, 0x50, 2, 1]), Reply::Cut]);
    replies
}

/// One file with the base entry and its comment of how many entries there are. A file tells of every base that it may hold, so
/// its damage is that of all: there is one list.
pub(crate) struct Export;

impl FileSubject for Export {
    fn name(&self) -> String {
        "ldap from LDIF".into()
    }

    fn estate(&self) -> Estate {
        Estate(vec![List::of(BASE, entries(BASE))])
    }

    fn files(&self, estate: &Estate) -> Vec<SavedFile> {
        let list = &estate.0[0];
        let mut text = format!("dn: {BASE}\nobjectClass: domainDNS\n\n");
        for row in &list.rows {
            let (dn, attributes) = parts(row);
            text += &format!("dn: {dn}\n");
            for (name, values) in attributes {
                for value in values {
                    text += &format!("{name}: {value}\n");
                }
            }
            text += "\n";
        }
        text += &format!("# search result\nsearch: 2\nresult: 0 Success\n\n# numEntries: {}\n", list.total + 1);
        vec![SavedFile { name: "corp.ldif".into(), list: 0, bytes: text.into_bytes() }]
    }

    fn connector(&self, folder: &Path) -> Box<dyn Connector> {
        configured(MANUAL.configure, folder, &format!("file = 'corp.ldif', base = '{BASE}'")).unwrap()
    }

    fn exception(&self, fault: Fault) -> Option<Exception> {
        (fault == Fault::Duplicate).then_some(TWICE)
    }
}
