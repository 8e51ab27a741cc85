//! Reading a list of techniques: what the schema cannot say is checked here.

use rustc_hash::{FxHashMap, FxHashSet};
use serde::Deserialize;

use super::{Group, On, Permission, Policy, Runs, Takes, Technique, When, Yields};
use crate::aws::estate::PrincipalKind;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) version: Option<String>,
    #[serde(default)]
    pub(super) sources: FxHashMap<String, String>,
    #[serde(default)]
    pub(super) without: Vec<toml::Spanned<String>>,
    #[serde(default)]
    pub(super) technique: Vec<toml::Spanned<Written>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    id: String,
    name: String,
    actor: Option<Actor>,
    takes: Takes,
    requires: Vec<Permission>,
    #[serde(default)]
    when: When,
    yields: Yields,
    references: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Actor {
    User,
    Role,
}

pub(super) type Wrong = (String, &'static str, String);

/// A technique that agrees with itself, its references written out.
pub(super) fn check(written: Written, sources: &FxHashMap<String, String>) -> Result<Technique, Wrong> {
    let Written { id, name, actor, takes, requires, when, yields, references } = written;
    let wrong = |field: &'static str, what: String| Err((id.clone(), field, what));
    if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-') {
        return wrong("id", "an id has lower-case letters, digits and hyphens only".to_owned());
    }
    if name.trim().is_empty() {
        return wrong("name", "says nothing: write what one does, as a sentence".to_owned());
    }
    if requires.is_empty() {
        return wrong("requires", "needs nothing: name at least one permission".to_owned());
    }
    let mut seen = FxHashSet::default();
    for permission in &requires {
        if let Some(what) = wrong_permission(permission, takes, &when) {
            return wrong("requires", what);
        }
        if !seen.insert((permission.action.to_ascii_lowercase(), permission.on.clone())) {
            return wrong("requires", format!("`{}` on `{}` stands there twice", permission.action, permission.on));
        }
    }
    if let Some((field, what)) = wrong_when(&when, takes, yields) {
        return wrong(field, what);
    }
    let fits = match yields {
        Yields::Target => matches!(takes, Takes::User | Takes::Role),
        Yields::Administrator => takes != Takes::Group,
        Yields::Membership => takes == Takes::Group,
        Yields::Version | Yields::Unbound | Yields::Undenied => takes == Takes::Itself,
    };
    if !fits {
        return wrong("yields", "does not fit what `takes` says".to_owned());
    }
    let mut addresses = Vec::with_capacity(references.len());
    for reference in &references {
        match address(reference, sources) {
            Some(address) => addresses.push(address),
            None => {
                return wrong(
                    "references",
                    format!("`{reference}` is no https address and begins with no name of [sources]"),
                );
            }
        }
    }
    if addresses.is_empty() {
        return wrong("references", "names no page: say where it is described".to_owned());
    }
    let actor = actor.map(|actor| match actor {
        Actor::User => PrincipalKind::User,
        Actor::Role => PrincipalKind::Role,
    });
    Ok(Technique { id, name, actor, takes, requires, when, yields, references: addresses })
}

fn wrong_permission(permission: &Permission, takes: Takes, when: &When) -> Option<String> {
    let Permission { action, on, passed_to, associated, .. } = permission;
    let named = action
        .split_once(':')
        .is_some_and(|(service, name)| !service.is_empty() && !name.is_empty() && !action.contains(['*', '?', ' ']));
    if !named {
        return Some(format!("`{action}` is no action: write one in full, as `iam:PassRole`"));
    }
    let passes = action.eq_ignore_ascii_case("iam:PassRole");
    if passes != passed_to.is_some() {
        return Some(format!("`{action}`: `passed-to` belongs to `iam:PassRole`, and is needed there"));
    }
    if associated.is_some() && !passes {
        return Some(format!("`{action}`: `associated` belongs to `iam:PassRole`"));
    }
    let missing = match on {
        On::Target => (!matches!(takes, Takes::User | Takes::Role)).then_some("`takes` is neither user nor role"),
        On::Policy => when.policy.is_none().then_some("`when` says no `policy`"),
        On::Group => (when.group.is_none() && takes != Takes::Group).then_some("`when` says no `group`"),
        On::Provider => when.provider.is_none().then_some("`when` says no `provider`"),
        On::Resource => when.resource.is_none().then_some("`when` says no `resource`"),
        On::Itself => (!matches!(takes, Takes::Itself | Takes::Group)).then_some("`takes` is neither self nor group"),
        On::Anything | On::New(_) => None,
    };
    missing.map(|why| format!("`{action}` is on `{on}`, but {why}"))
}

fn wrong_when(when: &When, takes: Takes, yields: Yields) -> Option<(&'static str, String)> {
    let role = takes == Takes::Role;
    if (!when.trusts.is_empty() || when.instance_profile || when.provider.is_some()) && !role {
        return Some((
            "when",
            "`trusts`, `instance-profile` and `provider` are about a role: `takes` must be role".to_owned(),
        ));
    }
    if (when.keys_below.is_some() || when.keys_from.is_some() || when.console.is_some()) && takes != Takes::User {
        return Some((
            "when",
            "`keys-below`, `keys-from` and `console` are about a user: `takes` must be user".to_owned(),
        ));
    }
    if usize::from(when.policy.is_some()) + usize::from(when.group.is_some()) + usize::from(when.resource.is_some()) > 1
    {
        return Some(("when", "`policy`, `group` and `resource` exclude each other".to_owned()));
    }
    if when.group.is_some() && takes != Takes::Itself {
        return Some(("when", "a `group` of the actor needs `takes` to be self".to_owned()));
    }
    if when.policy == Some(Policy::OfTarget) && !matches!(takes, Takes::User | Takes::Role) {
        return Some(("when", "`policy` of-target needs a target: `takes` must be user or role".to_owned()));
    }
    if yields == Yields::Version && when.policy != Some(Policy::OfSelf) {
        return Some(("when", "what another version grants needs `policy` of-self".to_owned()));
    }
    if yields == Yields::Unbound && !when.boundary {
        return Some(("when", "what a boundary held back needs `boundary` true".to_owned()));
    }
    if yields == Yields::Undenied && when.policy != Some(Policy::DenyingSelf) && when.group != Some(Group::DenyingSelf)
    {
        return Some(("when", "what was denied needs `policy` or `group` denying-self".to_owned()));
    }
    let resource = when.resource.as_ref()?;
    if resource.runs == Runs::Target && !role {
        return Some((
            "when",
            "a `resource` that runs as the target needs `takes` to be role, or runs = \"anything\"".to_owned(),
        ));
    }
    if !resource.arn.starts_with("arn:{partition}:") {
        return Some(("when", format!("`{}` is no pattern that begins with `arn:{{partition}}:`", resource.arn)));
    }
    None
}

fn address(reference: &str, sources: &FxHashMap<String, String>) -> Option<String> {
    if reference.starts_with("https://") {
        return Some(reference.to_owned());
    }
    let (name, rest) = reference.split_once(':').unwrap_or((reference, ""));
    Some(format!("{}{rest}", sources.get(name)?))
}
