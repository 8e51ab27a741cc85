//! What an account is for, by evidence that can be shown. A human is never silently turned into a service account: where
//! the system does not tell the class and no mark is found, the account counts as a human's.

use muster_connectors::record::AccountClass;

use super::login::without_admin_affix;
use super::{Classified, fold};
use crate::graph::{Graph, NodeIx};

/// Marks in a login, most telling first.
const LOGIN_MARKS: [(&str, AccountClass); 14] = [
    ("svc-", AccountClass::Service),
    ("svc_", AccountClass::Service),
    ("svc.", AccountClass::Service),
    ("sa-", AccountClass::Service),
    ("app-", AccountClass::Service),
    ("bot-", AccountClass::Service),
    ("shared-", AccountClass::Shared),
    ("room-", AccountClass::Shared),
    ("mbx-", AccountClass::Shared),
    ("kiosk-", AccountClass::Shared),
    ("test-", AccountClass::Test),
    ("test.", AccountClass::Test),
    ("breakglass", AccountClass::BreakGlass),
    ("break-glass", AccountClass::BreakGlass),
];

/// Marks in the place a directory keeps the account.
const PLACE_MARKS: [(&str, AccountClass); 6] = [
    ("ou=service accounts", AccountClass::Service),
    ("ou=serviceaccounts", AccountClass::Service),
    ("ou=shared mailboxes", AccountClass::Shared),
    ("ou=shared", AccountClass::Shared),
    ("ou=rooms", AccountClass::Shared),
    ("ou=test", AccountClass::Test),
];

/// The class of an account and what it rests on.
pub(super) fn classify(graph: &Graph, account: NodeIx) -> Classified {
    let Some(facts) = graph.account(account) else {
        return Classified { class: AccountClass::Human, evidence: "not an account".into() };
    };
    if let Some(class) = facts.class {
        let evidence = match facts.class_evidence {
            Some(evidence) => graph.text(evidence).to_owned().into(),
            None => "the system says so".into(),
        };
        return Classified { class, evidence };
    }
    if facts.is_root {
        return Classified { class: AccountClass::System, evidence: "the tenant's built-in account".into() };
    }
    let login = fold(graph.text_or_empty(facts.login));
    if let Some((mark, class)) = LOGIN_MARKS.iter().find(|(mark, _)| login.starts_with(mark)) {
        return Classified { class: *class, evidence: format!("login starts with `{mark}`").into() };
    }
    let place = fold(graph.text_or_empty(facts.native_name));
    if let Some((mark, class)) = PLACE_MARKS.iter().find(|(mark, _)| place.contains(mark)) {
        return Classified { class: *class, evidence: format!("kept in `{mark}`").into() };
    }
    if without_admin_affix(&login).is_some() {
        return Classified {
            class: AccountClass::Admin,
            evidence: format!("login `{login}` bears an administrator's affix").into(),
        };
    }
    Classified { class: AccountClass::Human, evidence: "no mark of another class".into() }
}

/// Whether the class leaves room for a person.
pub(super) const fn may_be_human(class: AccountClass) -> bool {
    match class {
        AccountClass::Human | AccountClass::Admin => true,
        AccountClass::Service
        | AccountClass::System
        | AccountClass::Shared
        | AccountClass::Test
        | AccountClass::BreakGlass
        | AccountClass::Agent
        | AccountClass::Device => false,
    }
}
