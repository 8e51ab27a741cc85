//! Who can do an action where no resource is asked about.

use std::borrow::Cow;
use std::cmp::Ordering;

use muster_effective::aws::answer::{Answer, Verdict};
use muster_effective::aws::compiled::AllowedOn;
use muster_effective::aws::estate::{AccountIx, PrincipalIx, PrincipalKind};
use muster_effective::aws::evaluate::Evaluate as _;
use rayon::prelude::*;
use rustc_hash::FxHashMap;

use super::super::{Place, ways};
use super::{Can, Found, can};

/// Patterns of resources that are tried for a principal who is allowed on one of them; who is on none has every pattern tried.
const MAX_PATTERNS: usize = 256;

/// Everybody who can on anything at all, each with the widest pattern that was found.
pub(super) fn anywhere(place: &Place, action: &str) -> Vec<Found> {
    let estate = place.compiled.estate();
    let allowed = place.compiled.allowed_on(action);
    let named = resource_patterns(place, &allowed, action);
    let count = u32::try_from(estate.principals.len()).unwrap_or(u32::MAX);
    (0..count)
        .into_par_iter()
        .filter(|who| place.compiled.could(*who, action))
        .filter_map(|who| {
            let everywhere = everywhere(place, who, action);
            if let Some(answer) = everywhere.as_ref().filter(|answer| can(answer) == Can::Allowed) {
                return Some(Found { who, resource: "*".to_owned(), more: 0, answer: answer.clone() });
            }
            let mut patterns = own_patterns(place, who, &allowed);
            let near = named.of_account.get(&estate.principals[who as usize].account).into_iter().chain([&named.open]);
            patterns.extend(near.flatten().cloned());
            // What holds everywhere was asked above, type by type.
            patterns.retain(|pattern| pattern != "*");
            patterns.sort_by(|a, b| wider_first(a, b));
            patterns.dedup();
            let mut open: Vec<(Answer, String)> =
                everywhere.map(|answer| (answer, "*".to_owned())).into_iter().collect();
            for (tried, resource) in patterns.into_iter().enumerate() {
                if tried >= MAX_PATTERNS && open.iter().any(|(answer, _)| can(answer) == Can::Allowed) {
                    break;
                }
                let answer = place.compiled.may(who, action, &resource);
                if !ways::is_denied(&answer) {
                    open.push((answer, resource));
                }
            }
            open.sort_by_key(|(answer, _)| can(answer));
            let best = open.first().map(|(answer, _)| can(answer))?;
            let more = open.iter().filter(|(answer, _)| can(answer) == best).count() - 1;
            open.into_iter().next().map(|(answer, resource)| Found { who, resource, more, answer })
        })
        .collect()
}

/// Short patterns are the wide ones, as a rule.
fn wider_first(a: &str, b: &str) -> Ordering {
    a.len().cmp(&b.len()).then(a.cmp(b))
}

/// The answer that holds on every resource of the principal's own account: of each type that the action needs, any at all. `None`:
/// some of them are denied.
fn everywhere(place: &Place, who: PrincipalIx, action: &str) -> Option<Answer> {
    let estate = place.compiled.estate();
    let reference = place.compiled.reference();
    let entry = &estate.principals[who as usize];
    let number = &estate.accounts[entry.account as usize].number;
    let partition = entry.arn.split(':').nth(1).unwrap_or("aws");
    let mut patterns: Vec<String> = Vec::new();
    if let Some(known) = reference.find(action).map(|action| reference.action(action)) {
        let needed = reference.resource_types(known).take(known.required as usize).filter_map(|of| of.arn.as_deref());
        patterns.extend(needed.map(|arn| any_of(arn, partition, number)));
    }
    if patterns.is_empty() {
        patterns.push("*".to_owned());
    }
    let answers = patterns.iter().map(|resource| place.compiled.may(who, action, resource));
    let allowed =
        answers.map(|answer| (!ways::is_denied(&answer)).then_some(answer)).collect::<Option<Vec<Answer>>>()?;
    let worst = allowed.into_iter().max_by_key(can)?;
    if can(&worst) != Can::NotEvaluated {
        return Some(worst);
    }
    // A policy of some resource, which was not read, decides about that one and not about every other.
    let of_none = place.compiled.may(who, action, "*");
    Some(if of_none.verdict == Verdict::Allowed { of_none } else { worst })
}

/// Any resource of a type: what its ARN leaves open is `*`.
fn any_of(arn: &str, partition: &str, account: &str) -> String {
    let (mut rest, mut pattern) = (arn, String::with_capacity(arn.len()));
    while let Some((before, after)) = rest.split_once("${") {
        pattern.push_str(before);
        let (name, after) = after.split_once('}').unwrap_or((after, ""));
        pattern.push_str(match name {
            "Partition" => partition,
            "Account" => account,
            _ => "*",
        });
        rest = after;
    }
    pattern + rest
}

/// The resources that a principal's own policies allow an action on, as they are written.
fn own_patterns(place: &Place, who: PrincipalIx, allowed: &AllowedOn<'_>) -> Vec<String> {
    let entry = &place.compiled.estate().principals[who as usize];
    let user = entry.arn.rsplit('/').next().unwrap_or_default();
    let patterns = entry.identity.iter().flat_map(|policy| allowed.by(*policy));
    patterns.map(|pattern| pattern.replace("${aws:username}", user)).collect()
}

/// Resources whose own policies may grant an action on them, wide patterns first.
#[derive(Default)]
struct Named {
    /// To principals of their own account only, by that.
    of_account: FxHashMap<AccountIx, Vec<String>>,
    /// To others as well, or their account is not known.
    open: Vec<String>,
}

/// The resources that policies of resources allow an action on.
fn resource_patterns(place: &Place, allowed: &AllowedOn<'_>, action: &str) -> Named {
    let estate = place.compiled.estate();
    let mut patterns: Vec<(Cow<'_, str>, Option<AccountIx>)> = Vec::new();
    for (at, resource) in (0..).zip(&estate.resources) {
        for policy in resource.policy.into_iter().chain(estate.acls.get(&at).copied()) {
            patterns.extend(allowed.by(policy).map(|pattern| (pattern.into(), resource.account)));
            // What a resource's own policy does not name is the resource, and of a bucket what is in it.
            if allowed.unnamed(policy) {
                patterns.push((resource.arn.as_ref().into(), resource.account));
                if resource.arn.contains(":s3:::") {
                    patterns.push((format!("{}/*", resource.arn).into(), resource.account));
                }
            }
        }
    }
    let of_sts = action.to_ascii_lowercase().starts_with("sts:");
    let roles = estate.principals.iter().filter(|entry| entry.kind == PrincipalKind::Role);
    let trusting = roles.filter(|role| role.trust.map_or(of_sts, |trust| allowed.unnamed(trust)));
    patterns.extend(trusting.map(|role| (role.arn.as_ref().into(), Some(role.account))));
    patterns.retain(|(pattern, _)| pattern != "*");
    patterns.sort_unstable_by(|a, b| wider_first(&a.0, &b.0).then(a.1.cmp(&b.1)));
    patterns.dedup();
    let own = |(pattern, account): &(Cow<'_, str>, Option<AccountIx>)| {
        account.filter(|_| !place.compiled.lets_others_in(action, pattern))
    };
    let own: Vec<Option<AccountIx>> = patterns.par_iter().map(own).collect();
    let mut named = Named::default();
    for ((pattern, _), own) in patterns.into_iter().zip(own) {
        match own {
            Some(account) => named.of_account.entry(account).or_default().push(pattern.into_owned()),
            None => named.open.push(pattern.into_owned()),
        }
    }
    named
}
