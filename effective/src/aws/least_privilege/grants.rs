//! Which statements grant what was used.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Use, Window};
use crate::aws::compiled::{Compiled, Granting};
use crate::aws::document::{Condition, Effect, Matcher, Version};
use crate::aws::estate::PrincipalIx;
use crate::aws::reference::ActionIx;

/// A known action that stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Known {
    /// It is granted today, and needed.
    pub(super) kept: bool,
    /// It has a record of its own.
    pub(super) recorded: bool,
    /// Resource control policies leave nothing of it, but on what may be another account's.
    pub(super) elsewhere: bool,
}

/// What was used, as far as it is granted.
#[derive(Debug, Clone, Default)]
pub(super) struct Used {
    /// Actions that the reference knows.
    pub(super) known: BTreeMap<ActionIx, Known>,
    /// Actions that it does not, as the record writes them.
    pub(super) unknown: BTreeSet<Box<str>>,
    pub(super) not_granted: Vec<Box<str>>,
    /// Actions that were used, or are of a service that was, and of which resource control policies leave nothing.
    pub(super) taken: BTreeSet<ActionIx>,
    /// What of its policies was not read.
    pub(super) unread: Vec<Arc<str>>,
}

impl Used {
    pub(super) fn of(
        compiled: &Compiled<'_>,
        who: PrincipalIx,
        statements: &[Granting<'_>],
        uses: &[Use],
        window: Window,
    ) -> Self {
        let reference = compiled.reference();
        let permissions = compiled.actions_of(who);
        let granted = |action: ActionIx| {
            permissions.allowed.contains(action as usize) || permissions.allowed_if.contains(action as usize)
        };
        let taken = |action: ActionIx| permissions.taken.contains(action as usize);
        let elsewhere = |action: ActionIx| {
            let mut allowing = statements.iter().filter(|one| one.statement.effect == Effect::Allow);
            taken(action) && allowing.any(|one| one.has(action) && !one.is_taken(action))
        };
        let mut used = Self::default();
        let mut not_granted = BTreeSet::new();
        for one in uses {
            let Some(name) = &one.action else { continue };
            let name = format!("{}:{name}", one.service);
            let in_window = window.has(one.last);
            match reference.find(&name) {
                Some(action) => {
                    let known = used.known.entry(action).or_default();
                    known.recorded = true;
                    if !in_window {
                        continue;
                    }
                    known.elsewhere = elsewhere(action);
                    known.kept |= granted(action) || known.elsewhere;
                    if !known.kept && taken(action) {
                        used.taken.insert(action);
                    } else if !known.kept {
                        not_granted.insert(Box::from(&*reference.action(action).name));
                    }
                }
                None if in_window && compiled.grants_by_identity(who, &name) => {
                    used.unknown.insert(name.into());
                }
                None if in_window => {
                    not_granted.insert(name.into());
                }
                None => {}
            }
        }
        for one in uses.iter().filter(|one| one.action.is_none() && window.has(one.last)) {
            let of_service: Vec<ActionIx> =
                reference.matching(&format!("{}:*", one.service)).into_iter().flatten().collect();
            let kept = |action: &ActionIx| used.known.get(action).is_some_and(|known| known.kept);
            let left = of_service.iter().any(|action| granted(*action) || kept(action));
            if !left && !of_service.iter().any(|&action| taken(action)) {
                not_granted.insert(format!("{}:*", one.service.to_ascii_lowercase()).into());
            }
            for action in of_service {
                // Where nothing is left that could have been the use, it was of another account's resources.
                let elsewhere = !left && elsewhere(action);
                if granted(action) || elsewhere {
                    let known = used.known.entry(action).or_default();
                    known.elsewhere |= elsewhere && !known.recorded;
                    known.kept |= !known.recorded;
                } else if taken(action) && !used.known.contains_key(&action) {
                    used.taken.insert(action);
                }
            }
        }
        used.not_granted = not_granted.into_iter().collect();
        used.unread = permissions.unread;
        used
    }

    pub(super) fn names(&self, compiled: &Compiled<'_>, keep: impl Fn(&Known) -> bool) -> Vec<Box<str>> {
        let known = self.known.iter().filter(|(_, known)| keep(known));
        known.map(|(&action, _)| compiled.reference().action(action).name.clone()).collect()
    }
}

/// A statement as it will be written.
#[derive(Debug, Clone)]
pub(super) struct Grant {
    pub(super) effect: Effect,
    /// Names and patterns, sorted.
    pub(super) actions: BTreeSet<Box<str>>,
    pub(super) resources: Matcher,
    pub(super) conditions: Vec<Condition>,
    /// The language that its texts need.
    pub(super) version: Version,
}

/// The statements that grant what was used, and those that deny some of it.
pub(super) fn grants(compiled: &Compiled<'_>, granting: &[Granting<'_>], used: &Used) -> Vec<Grant> {
    let kept: BTreeSet<ActionIx> = used.known.iter().filter(|(_, known)| known.kept).map(|(&at, _)| at).collect();
    let mut grants: Vec<Grant> = Vec::new();
    let allowing: Vec<&Granting<'_>> = granting.iter().filter(|one| one.statement.effect == Effect::Allow).collect();
    let granted = |one: &Granting<'_>| kept.iter().copied().filter(|&at| one.has(at) && !one.is_taken(at)).collect();
    let mut of: Vec<BTreeSet<ActionIx>> = allowing.iter().map(|one| granted(one)).collect();
    drop_needless(&allowing, &mut of);
    for (one, actions) in allowing.iter().zip(&of) {
        let unknown = used.unknown.iter().filter(|name| one.has_unknown(name)).cloned();
        add(&mut grants, one, named(compiled, one, actions).into_iter().chain(unknown).collect());
    }
    for one in granting.iter().filter(|one| one.statement.effect == Effect::Deny) {
        let actions: Vec<Box<str>> =
            kept.iter().filter(|&&at| one.has(at)).map(|&at| compiled.reference().action(at).name.clone()).collect();
        let unknown = used.unknown.iter().filter(|name| one.has_unknown(name)).cloned();
        add(&mut grants, one, actions.into_iter().chain(unknown).collect());
    }
    grants
}

/// Takes an action from a statement where another one grants it at least as widely.
fn drop_needless(allowing: &[&Granting<'_>], of: &mut [BTreeSet<ActionIx>]) {
    for wide in 0..allowing.len() {
        if !allowing[wide].statement.conditions.is_empty() {
            continue;
        }
        for narrow in 0..allowing.len() {
            let same = allowing[wide].statement.resources == allowing[narrow].statement.resources
                && allowing[wide].version == allowing[narrow].version;
            let twin = same && allowing[narrow].statement.conditions.is_empty();
            let covers = allowing[wide].everything || same;
            // Of two that cover each other, the first stays.
            let mutual = twin || (allowing[narrow].everything && allowing[narrow].statement.conditions.is_empty());
            if wide == narrow || !covers || (mutual && narrow < wide) {
                continue;
            }
            let covered: Vec<ActionIx> = of[narrow].intersection(&of[wide]).copied().collect();
            for action in covered {
                of[narrow].remove(&action);
            }
        }
    }
}

/// Names of actions, a pattern of the statement in place of those that it matches where all of them stay.
fn named(compiled: &Compiled<'_>, one: &Granting<'_>, actions: &BTreeSet<ActionIx>) -> Vec<Box<str>> {
    let reference = compiled.reference();
    let mut left = actions.clone();
    let mut named: Vec<Box<str>> = Vec::new();
    let patterns = if one.statement.actions.not { &[][..] } else { &one.statement.actions.patterns };
    let services: BTreeSet<&str> = actions.iter().map(|&at| reference.action(at).service()).collect();
    let mut candidates: Vec<(Vec<ActionIx>, Box<str>)> = Vec::new();
    for pattern in patterns.iter().filter(|pattern| pattern.contains(['*', '?'])) {
        // `*` as a whole is every service: of each one that is needed, all of it.
        let of_services = services.iter().map(|service| format!("{service}:*").into());
        let narrowed: Vec<Box<str>> = if &**pattern == "*" { of_services.collect() } else { vec![pattern.clone()] };
        for pattern in narrowed {
            let matched: Vec<ActionIx> = reference.matching(&pattern).into_iter().flatten().collect();
            if matched.len() > 1 && matched.iter().all(|at| actions.contains(at)) {
                candidates.push((matched, pattern));
            }
        }
    }
    candidates.sort_by(|a, b| b.0.len().cmp(&a.0.len()).then_with(|| a.1.cmp(&b.1)));
    for (matched, pattern) in candidates {
        if matched.iter().any(|at| left.contains(at)) {
            for at in matched {
                left.remove(&at);
            }
            named.push(pattern);
        }
    }
    named.extend(left.into_iter().map(|at| reference.action(at).name.clone()));
    named
}

/// Adds a statement to the one that differs in its actions only.
fn add(grants: &mut Vec<Grant>, one: &Granting<'_>, actions: BTreeSet<Box<str>>) {
    let Some(resources) = one.statement.resources.clone() else { return };
    if actions.is_empty() {
        return;
    }
    let texts =
        resources.patterns.iter().chain(one.statement.conditions.iter().flat_map(|condition| &condition.values));
    // Where no text has a variable, both languages say the same.
    let version = if texts.into_iter().any(|text| text.contains("${")) { one.version } else { Version::Of2012 };
    let (effect, conditions) = (one.statement.effect, &one.statement.conditions);
    let same = grants.iter_mut().find(|grant| {
        grant.effect == effect
            && grant.version == version
            && grant.resources == resources
            && grant.conditions == *conditions
    });
    match same {
        Some(grant) => grant.actions.extend(actions),
        None => grants.push(Grant { effect, actions, resources, conditions: conditions.clone(), version }),
    }
}
