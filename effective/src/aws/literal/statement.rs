//! Whether one statement applies to a request, and what that assumes.

use super::principal::{Named, named};
use crate::aws::assume::{About, Assumed};
use crate::aws::condition::{self, Truth, fill};
use crate::aws::context::{Known, itself, known};
use crate::aws::document::{Effect, Matcher, Statement, UnreadStatement, Version};
use crate::aws::pattern::{ArnGlob, Glob};
use crate::aws::request::Request;
use crate::aws::variable::{self, Part};

/// One way in which a statement applies.
#[derive(Debug, Clone)]
pub(super) struct Applies {
    /// How the caller is named; in policies without principals: itself.
    pub(super) named: Named,
    /// What has to hold.
    pub(super) assumed: Vec<Assumed>,
}

/// The ways in which a statement applies to the request; none: it does not.
pub(super) fn applies(statement: &Statement, version: Version, request: &Request, bounded: bool) -> Vec<Applies> {
    if !action(&statement.actions, request) {
        return Vec::new();
    }
    let callers = match &statement.principals {
        None => vec![(Named::Itself, Vec::new())],
        Some(principals) => named(principals, statement.effect, request, bounded),
    };
    if callers.is_empty() {
        return Vec::new();
    }
    let Some(resources) =
        statement.resources.as_ref().map_or(Some(vec![Vec::new()]), |matcher| resource(matcher, version, request))
    else {
        return Vec::new();
    };
    let Some(conditions) = conditions(statement, version, request) else { return Vec::new() };
    let mut ways = Vec::new();
    for (named, caller) in &callers {
        for resource in &resources {
            let assumed = caller.iter().chain(resource).chain(&conditions).cloned().collect();
            ways.push(Applies { named: *named, assumed });
        }
    }
    ways
}

/// Whether a statement that could not be read may apply, by what is known of it.
pub(super) fn may_apply(statement: &UnreadStatement, effect: Effect, version: Version, request: &Request) -> bool {
    statement.effect.is_none_or(|own| own == effect)
        && statement.actions.as_ref().is_none_or(|matcher| action(matcher, request))
        && statement.resources.as_ref().is_none_or(|matcher| resource(matcher, version, request).is_some())
}

/// Service and name are compared without regard to case (reference_policies_elements_action.html).
fn action(matcher: &Matcher, request: &Request) -> bool {
    let action = request.action.to_ascii_lowercase();
    matcher.patterns.iter().any(|pattern| Glob::lowercase(pattern).matches(&action)) != matcher.not
}

/// `None`: not matched. Else the alternatives, each with what it assumes.
///
/// Of a pattern whose variable has no value, trying to match it fails; where everything hangs on it, the statement is void.
fn resource(matcher: &Matcher, version: Version, request: &Request) -> Option<Vec<Vec<Assumed>>> {
    let know = |key: &str| known(request, key);
    let mut open = Vec::new();
    let mut void = false;
    for pattern in &matcher.patterns {
        let (glob, truth) = fill(pattern, true, version, &know);
        match truth {
            Truth::Void | Truth::No => void = true,
            Truth::Yes if ArnGlob::resource(&glob).matches(&request.resource) => {
                return if matcher.not { None } else { Some(vec![Vec::new()]) };
            }
            Truth::Open if is_itself(pattern, version, request) => {
                return if matcher.not { None } else { Some(vec![Vec::new()]) };
            }
            // What a variable holds may have colons of its own: compared as one text.
            Truth::Open if glob.matches(&request.resource) => {
                let key = first_open(pattern, request).unwrap_or_default();
                open.push(Assumed::holds(About::Resource { pattern: pattern.clone(), key }));
            }
            Truth::Yes | Truth::Open => {}
        }
    }
    match (matcher.not, open.is_empty()) {
        (false, true) => None,
        (false, false) => Some(open.into_iter().map(|one| vec![one]).collect()),
        (true, _) if void => None,
        (true, _) => Some(vec![open.iter().map(Assumed::opposite).collect()]),
    }
}

/// Whether a pattern with variables means the user who asks, about himself, whatever he is called.
pub(in crate::aws) fn is_itself(pattern: &str, version: Version, request: &Request) -> bool {
    if itself(request, "").is_none() {
        return false;
    }
    let (glob, truth) = fill(pattern, true, version, &|key| itself(request, key).unwrap_or(Known::Open));
    truth == Truth::Yes && ArnGlob::resource(&glob).matches(&request.resource)
}

fn first_open(pattern: &str, request: &Request) -> Option<Box<str>> {
    variable::parts(pattern).ok()?.into_iter().find_map(|part| match part {
        Part::Key { name, .. } if known(request, name).is_open() => Some(name.into()),
        Part::Key { .. } | Part::Text(_) | Part::Character(_) => None,
    })
}

/// `None`: one of them does not hold. Else what has to hold besides.
fn conditions(statement: &Statement, version: Version, request: &Request) -> Option<Vec<Assumed>> {
    let know = |key: &str| known(request, key);
    let mut assumed = Vec::new();
    for condition in &statement.conditions {
        match condition::evaluate(condition, version, &know) {
            Truth::Yes => {}
            Truth::No | Truth::Void => return None,
            Truth::Open => assumed.push(Assumed::holds(About::Condition(condition.clone(), version))),
        }
    }
    Some(assumed)
}
