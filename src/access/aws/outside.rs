//! What is open to the outside: in words, and for one role.

use muster_effective::aws::estate::{Estate, PrincipalIx};
use muster_effective::aws::evaluate::Evaluate as _;
use muster_effective::aws::exposure::{Closed, Exposed, Exposure, Kind, Severity, Who};

use super::{Place, ways};

/// Whether somebody of another company gets in.
pub(crate) fn is_foreign(one: &Exposure) -> bool {
    matches!(one.kind, Kind::ForeignAccount | Kind::WithoutExternalId | Kind::Public)
}

/// Whether an identity provider lets in whom nobody here vouches for.
pub(crate) fn is_loose(one: &Exposure) -> bool {
    matches!(one.kind, Kind::AnyTenant | Kind::AnySubject | Kind::AnyAudience)
}

/// The exposures of a role that nothing closes: who gets in, and by which statement.
pub(crate) fn of_role(place: &Place, role: PrincipalIx, wanted: fn(&Exposure) -> bool) -> Vec<(String, String)> {
    let open =
        place.exposures().iter().filter(|one| one.what == Exposed::Role(role) && one.closed.is_none() && wanted(one));
    let mut all: Vec<(String, String)> = open
        .map(|one| (who(&one.who), format!("{}: {}", one.kind.as_str(), ways::statement(&one.statement))))
        .collect();
    all.sort();
    all.dedup();
    all
}

/// For a sentence.
pub(crate) fn who(who: &Who) -> String {
    match who {
        Who::Anonymous => "everyone".to_owned(),
        Who::AnyAccount => "everyone with an AWS account".to_owned(),
        Who::Organization => "everyone of the organisation".to_owned(),
        Who::Account(number) => format!("account {number}"),
        Who::Principal(name) | Who::Service(name) | Who::Provider(name) => name.to_string(),
        Who::Canonical(id) => format!("the owner of canonical id {id}"),
    }
}

/// The ARN of what is open.
pub(crate) fn subject(estate: &Estate, what: Exposed) -> &str {
    match what {
        Exposed::Role(role) => &estate.principals[role as usize].arn,
        Exposed::Resource(resource) => &estate.resources[resource as usize].arn,
    }
}

/// A word for each severity.
pub(crate) const fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Low => "low",
        Severity::Medium => "medium",
        Severity::High => "high",
    }
}

/// What closes it after all.
pub(crate) fn closed(one: &Exposure) -> Option<String> {
    Some(match one.closed.as_ref()? {
        Closed::Denied(statements) => statements.iter().map(ways::statement).collect::<Vec<_>>().join(", "),
        Closed::BlockPublicAccess => "Block Public Access".to_owned(),
    })
}

/// Every exposure of a place with its subject's ARN.
pub(crate) fn all(place: &Place) -> impl Iterator<Item = (&str, &Exposure)> {
    let estate = place.compiled.estate();
    place.exposures().iter().map(move |one| (subject(estate, one.what), one))
}
