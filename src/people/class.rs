//! What an account is for, by evidence that can be shown. A human is never silently turned into a service account: where
//! the system does not tell the class and no mark is found, the account counts as a human's.

use muster_connectors::record::AccountClass;

use super::login::without_admin_affix;
use super::{Classified, folded};
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
    let login = folded(graph.text_or_empty(facts.login));
    if let Some((class, mark)) = marked(&login, &folded(graph.text_or_empty(facts.native_name))) {
        let Some(id) = facts.employee_id else { return Classified { class, evidence: mark.into() } };
        // Somebody gave the account to an employee: a mark in a name is weaker than that.
        let class = if without_admin_affix(&login).is_some() { AccountClass::Admin } else { AccountClass::Human };
        let evidence = format!("it carries the employee id `{}`, although {mark}", graph.text(id));
        return Classified { class, evidence: evidence.into() };
    }
    if without_admin_affix(&login).is_some() {
        return Classified {
            class: AccountClass::Admin,
            evidence: format!("login `{login}` bears an administrator's affix").into(),
        };
    }
    Classified { class: AccountClass::Human, evidence: "no mark of another class".into() }
}

/// The class that a folded login, or the place a directory keeps the account in, bears the mark of, and the mark.
fn marked(login: &str, place: &str) -> Option<(AccountClass, String)> {
    if let Some((mark, class)) = LOGIN_MARKS.iter().find(|(mark, _)| login.starts_with(mark)) {
        return Some((*class, format!("login starts with `{mark}`")));
    }
    if is_leased(login) {
        return Some((AccountClass::Service, "the login is one that Vault makes for a lease".to_owned()));
    }
    let (mark, class) = PLACE_MARKS.iter().find(|(mark, _)| place.contains(mark))?;
    Some((*class, format!("kept in `{mark}`")))
}

/// Whether a folded login is named as HashiCorp Vault names database users it makes for a lease: `v-`, display name and role,
/// twenty letters or digits, and the second at which it was made (Vault documentation, "Username templating").
pub(crate) fn is_leased(login: &str) -> bool {
    let Some(rest) = login.strip_prefix("v-") else { return false };
    let mut parts = rest.rsplit('-');
    let second = parts.next().is_some_and(|part| part.len() == 10 && part.bytes().all(|byte| byte.is_ascii_digit()));
    let random =
        parts.next().is_some_and(|part| part.len() == 20 && part.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    second && random && parts.next().is_some()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leased_database_user_is_known_by_its_name_and_nobody_else_is() {
        assert!(is_leased("v-token-readonly-8xk2v0q1z9w7b3n5m4l6-1781524800"));
        for login in ["v-lopez", "v-anna-maria-1781524800", "v-8xk2v0q1z9w7b3n5m4l6-1781524800", "vera"] {
            assert!(!is_leased(login), "{login}");
        }
    }
}
