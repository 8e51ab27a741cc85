//! Whom a `Principal` element means.
//!
//! Sources: IAM User Guide, "AWS JSON policy elements: Principal" and "…: NotPrincipal"
//! (reference_policies_elements_principal.html, reference_policies_elements_notprincipal.html).

use crate::aws::assume::{About, Assumed};
use crate::aws::document::{Effect, PrincipalPattern, Principals};
use crate::aws::request::{Mode, Principal, Request};

/// How directly a statement names the caller; later is more direct.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::aws) enum Named {
    /// Its account: the account may hand it on by identity policies.
    Account,
    /// The role of the session, or the user who federated it: boundary and session policy limit what is granted.
    Role,
    /// The caller itself, or everyone.
    Itself,
}

/// How a statement with these principals names the caller, and what that assumes; most direct first.
pub(in crate::aws) fn named(
    principals: &Principals,
    effect: Effect,
    request: &Request,
    bounded: bool,
) -> Vec<(Named, Vec<Assumed>)> {
    if principals.not {
        return not_named(principals, effect, request, bounded);
    }
    let mut found: Vec<(Named, Vec<Assumed>)> =
        principals.of.iter().filter_map(|pattern| meant(pattern, request)).collect();
    // The most direct way without an assumption makes every less direct one superfluous.
    found.sort_by_key(|(named, assumed)| (assumed.len(), std::cmp::Reverse(*named)));
    if let Some(at) = found.iter().position(|(_, assumed)| assumed.is_empty()) {
        let certain = found[at].0;
        found.retain(|(named, assumed)| assumed.is_empty() && *named == certain || *named > certain);
        found.dedup();
    }
    found
}

/// `NotPrincipal`: everyone but these.
///
/// With `Deny` it always applies to a user or role with a permissions boundary; else to whoever is not named together with the
/// account (and, for a session, the role): each of them is looked up. With `Allow`, which AWS does not take any more, nobody who is
/// named in any way.
fn not_named(principals: &Principals, effect: Effect, request: &Request, bounded: bool) -> Vec<(Named, Vec<Assumed>)> {
    let everyone = || vec![(Named::Itself, Vec::new())];
    let mut ways: Vec<(Named, Vec<Assumed>)> =
        principals.of.iter().filter_map(|pattern| meant(pattern, request)).collect();
    let perhaps: Vec<Assumed> = ways.iter().flat_map(|(_, assumed)| assumed.iter().map(Assumed::opposite)).collect();
    ways.retain(|(_, assumed)| assumed.is_empty());
    let has = |named: Named| ways.iter().any(|(way, _)| *way == named);
    let exempt = match (effect, &request.principal) {
        (Effect::Deny, Principal::User { .. } | Principal::Session { .. }) if bounded => false,
        (Effect::Deny, Principal::User { .. } | Principal::FederatedUser { .. }) => {
            everyone_named(principals) || has(Named::Account) && has(Named::Itself)
        }
        (Effect::Deny, Principal::Session { .. }) => {
            everyone_named(principals) || has(Named::Account) && has(Named::Role)
        }
        (Effect::Allow, _)
        | (
            Effect::Deny,
            Principal::Root { .. } | Principal::Service { .. } | Principal::Federated { .. } | Principal::Anonymous,
        ) => !ways.is_empty(),
    };
    if exempt {
        return Vec::new();
    }
    let depends = effect == Effect::Allow && !perhaps.is_empty();
    if depends { vec![(Named::Itself, perhaps)] } else { everyone() }
}

fn everyone_named(principals: &Principals) -> bool {
    principals.of.contains(&PrincipalPattern::Everyone)
}

/// Whether one value means the caller.
fn meant(pattern: &PrincipalPattern, request: &Request) -> Option<(Named, Vec<Assumed>)> {
    let principal = &request.principal;
    let certain = |named| Some((named, Vec::new()));
    match pattern {
        PrincipalPattern::Everyone => certain(Named::Itself),
        PrincipalPattern::Account(number) => match principal {
            Principal::Root { account } if **number == **account => certain(Named::Itself),
            Principal::User { .. } | Principal::Session { .. } | Principal::FederatedUser { .. }
                if principal.account() == Some(number) =>
            {
                certain(Named::Account)
            }
            _ => None,
        },
        PrincipalPattern::Arn(arn) => by_arn(arn, request),
        PrincipalPattern::Service(name) => {
            matches!(principal, Principal::Service { name: own } if own.eq_ignore_ascii_case(name))
                .then_some((Named::Itself, Vec::new()))
        }
        PrincipalPattern::Federated(provider) => {
            matches!(principal, Principal::Federated { provider: own } if **own == **provider)
                .then_some((Named::Itself, Vec::new()))
        }
        PrincipalPattern::CanonicalUser(id) => match principal {
            Principal::Root { .. }
            | Principal::User { .. }
            | Principal::Session { .. }
            | Principal::FederatedUser { .. }
                if request.mode == Mode::Open =>
            {
                Some((Named::Account, vec![Assumed::holds(About::CanonicalUser(id.clone()))]))
            }
            _ => None,
        },
        PrincipalPattern::Deleted(_) => None,
    }
}

fn by_arn(arn: &str, request: &Request) -> Option<(Named, Vec<Assumed>)> {
    let certain = |named| Some((named, Vec::new()));
    match &request.principal {
        Principal::User { arn: own } if same_entity(arn, own, "user/") => certain(Named::Itself),
        Principal::Session { role, session } => {
            if same_entity(arn, role, "role/") {
                return certain(Named::Role);
            }
            let named = session_of(arn, role)?;
            if named == session {
                return certain(Named::Itself);
            }
            (session.is_empty() && request.mode == Mode::Open)
                .then(|| (Named::Itself, vec![Assumed::holds(About::SessionName(named.into()))]))
        }
        Principal::FederatedUser { arn: own, .. } if arn == own => certain(Named::Itself),
        Principal::FederatedUser { by: Some(by), .. } if same_entity(arn, by, "user/") => certain(Named::Role),
        _ => None,
    }
}

/// The same user or role: names are unique in an account whatever the path, and the ARN of a session does not tell its role's
/// path (IAM User Guide, "IAM identifiers").
fn same_entity(one: &str, other: &str, kind: &str) -> bool {
    let parts = |arn: &'_ str| -> Option<(String, String)> {
        let mut parts = arn.splitn(6, ':').skip(2);
        let (service, _, account, name) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let name = name.strip_prefix(kind)?.rsplit('/').next()?;
        (service == "iam").then(|| (account.to_owned(), name.to_owned()))
    };
    one == other || parts(one).is_some_and(|found| parts(other) == Some(found))
}

/// The session's name in `arn:aws:sts::…:assumed-role/role/session`, where it is the given role's.
fn session_of<'a>(arn: &'a str, role: &str) -> Option<&'a str> {
    let mut parts = arn.splitn(6, ':').skip(2);
    let (service, _, account, name) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let (role_name, session) = name.strip_prefix("assumed-role/")?.split_once('/')?;
    let own = role.splitn(6, ':').nth(5)?.rsplit('/').next()?;
    (service == "sts" && role.split(':').nth(4) == Some(account) && own == role_name).then_some(session)
}
