//! Everything one principal may do, by service and access level.
//!
//! What its identity policies grant within its boundary and its organisation's service and resource control policies. What a resource grants by
//! naming the principal is an answer of [`Compiled::who_can`](super::Compiled::who_can) on that resource: a list of every action of every resource
//! that names somebody would be as long as the resources are many.

mod controls;

use std::sync::Arc;

use fixedbitset::FixedBitSet;
use rayon::prelude::*;

use super::actions::ActionSet;
use super::reach::Reach;
use super::{Compiled, Row};
use crate::aws::document::{Effect, Matcher, Statement, Version};
use crate::aws::estate::{PolicyIx, PrincipalIx, UnreadKind};
use crate::aws::pattern::Glob;
use crate::aws::reference::{ActionIx, Level, Reference};
use controls::{Controls, Fences};

/// What one principal may do by its identity policies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permissions {
    /// Known actions that it may do on some resource under no condition.
    pub allowed: FixedBitSet,
    /// Known actions that it may do at most: under a condition, on what is not denied to it, only as far as boundary or control
    /// policies allow the same resource, on all but some resources, or on resources of a type that the reference does not name with the action.
    pub allowed_if: FixedBitSet,
    /// Known actions that would be one of both, and of which resource control policies leave nothing.
    pub taken: FixedBitSet,
    /// By service and level, in that order; only those with an action.
    pub by_service: Vec<Permission>,
    /// Action patterns of its policies that match nothing the reference knows: newer than the reference, or misspelt. They still count in
    /// every answer about a single action.
    pub unknown: Vec<Box<str>>,
    /// Why there may be more or less than this.
    pub unread: Vec<Arc<str>>,
}

/// Actions of one service and one level.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permission {
    /// Prefix of the service.
    pub service: Box<str>,
    /// Access level.
    pub level: Level,
    /// How many actions are allowed.
    pub allowed: u32,
    /// How many are allowed if.
    pub allowed_if: u32,
    /// The widest pattern of resources that grants any of them, as written; `NotResource` is shown as `*`. One of which resource control
    /// policies leave nothing grants nothing.
    pub widest: Box<str>,
}

/// An identity statement, ready to be asked about actions.
#[derive(Debug, Clone)]
pub(in crate::aws) struct Granting<'c> {
    pub(in crate::aws) statement: &'c Statement,
    /// The language of its document.
    pub(in crate::aws) version: Version,
    /// Whether it is about every resource.
    pub(in crate::aws) everything: bool,
    actions: &'c ActionSet,
    /// Known actions of which resource control policies leave nothing on anything that it may be about; none where some of that may be of
    /// an account that nobody knows.
    taken: FixedBitSet,
}

impl Granting<'_> {
    /// Whether resource control policies leave nothing of what it says of a known action, whosever resources they are.
    pub(in crate::aws) fn is_taken(&self, action: ActionIx) -> bool {
        self.taken.contains(action as usize)
    }

    /// Whether it is about a known action.
    pub(in crate::aws) fn has(&self, action: ActionIx) -> bool {
        self.actions.has_known(action)
    }

    /// Whether it is about an action that the reference does not know.
    pub(in crate::aws) fn has_unknown(&self, action: &str) -> bool {
        let lower = action.to_ascii_lowercase();
        let Matcher { not, patterns } = &self.statement.actions;
        patterns.iter().any(|pattern| Glob::lowercase(pattern).matches(&lower)) != *not
    }
}

/// What the policies of one layer come to.
struct Layer {
    /// Allowed by any statement.
    any: FixedBitSet,
    /// Allowed under no condition, on a resource that the action can be about.
    plain: FixedBitSet,
    /// Allowed under no condition on everything.
    wide: FixedBitSet,
}

impl Compiled<'_> {
    /// Everything a principal may do by its identity policies. Cost: the ranges of its statements, a few passes over the known actions, and
    /// the resource control policies around the accounts that its statements are about.
    pub fn actions_of(&self, who: PrincipalIx) -> Permissions {
        self.permissions(who, &self.fences())
    }

    /// The same of every principal, in order, in parallel: what `each` makes of it.
    pub fn actions_of_all<T: Send>(&self, each: impl Fn(PrincipalIx, Permissions) -> T + Sync) -> Vec<T> {
        let fences = self.fences();
        let all = (0..super::ix(self.estate.principals.len())).into_par_iter();
        all.map(|who| each(who, self.permissions(who, &fences))).collect()
    }

    fn permissions<'c>(&'c self, who: PrincipalIx, fences: &Fences<'c>) -> Permissions {
        let entry = &self.estate.principals[who as usize];
        let account = &self.estate.accounts[entry.account as usize];
        let steps = if account.is_management || entry.service_linked { &[][..] } else { &account.scps };
        let size = self.reference.len();
        let Layer { any: mut possible, plain: mut sure, .. } = self.layer(&entry.identity);
        for limit in entry.boundary.iter().map(std::slice::from_ref).chain(steps.iter().map(|step| &*step.policies)) {
            let layer = self.layer(limit);
            possible.intersect_with(&layer.any);
            sure.intersect_with(&layer.wide);
        }
        let (mut all, mut some) = (FixedBitSet::with_capacity(size), FixedBitSet::with_capacity(size));
        let attached =
            || entry.identity.iter().chain(&entry.boundary).chain(steps.iter().flat_map(|step| &step.policies));
        for (row, statement, _) in attached().flat_map(|&policy| self.rows(policy, Effect::Deny)) {
            let outright = statement.conditions.is_empty() && self.is_everything(row);
            self.sets[row.actions as usize].add_to(if outright { &mut all } else { &mut some });
        }
        possible.difference_with(&all);
        sure.difference_with(&all);
        sure.difference_with(&some);
        sure.intersect_with(&possible);
        let controls = self.controls(who, fences);
        let mut taken = possible.clone();
        taken.intersect_with(&controls.nothing);
        possible.difference_with(&taken);
        sure.difference_with(&controls.less);
        possible.difference_with(&sure);
        let by_service = self.by_service(&entry.identity, &controls, &sure, &possible);
        let mut unread = entry.unread.clone();
        unread.extend(controls.unread);
        for &policy in attached().filter(|&&policy| !self.compact(policy).unread.is_empty()) {
            unread.push(Arc::clone(&self.estate.policies[policy as usize].name));
        }
        let matters = |kind| match kind {
            UnreadKind::Principals => true,
            UnreadKind::Organization => !(account.is_management || entry.service_linked),
            UnreadKind::Resources | UnreadKind::Runners | UnreadKind::Workloads => false,
        };
        let missing = account.unread.iter().filter(|unread| matters(unread.what));
        unread.extend(missing.map(|unread| Arc::clone(&unread.why)));
        unread.sort_unstable();
        unread.dedup();
        let unknown = self.unknown(&entry.identity);
        Permissions { allowed: sure, allowed_if: possible, taken, by_service, unknown, unread }
    }

    /// Every identity statement of a principal, in order.
    pub(in crate::aws) fn identity_statements(&self, who: PrincipalIx) -> Vec<Granting<'_>> {
        let identity = &self.estate.principals[who as usize].identity;
        let controls = self.controls(who, &self.fences());
        let of = |policy: PolicyIx| {
            let version = self.compact(policy).document.version;
            let rows = self.rows(policy, Effect::Allow).chain(self.rows(policy, Effect::Deny));
            let controls = &controls;
            rows.map(move |(row, statement, _)| {
                let taken = match row.effect {
                    Effect::Allow => self.taken_of(row, statement, controls),
                    Effect::Deny => FixedBitSet::new(),
                };
                let (everything, actions) = (self.is_everything(row), &self.sets[row.actions as usize]);
                Granting { statement, version, everything, actions, taken }
            })
        };
        identity.iter().flat_map(|&policy| of(policy)).collect()
    }

    /// Whether an identity policy of the principal allows an action on anything, whatever else says no.
    pub(in crate::aws) fn grants_by_identity(&self, who: PrincipalIx, action: &str) -> bool {
        let asked = self.asked(action);
        let identity = &self.estate.principals[who as usize].identity;
        let mut allowing = identity.iter().flat_map(|&policy| self.rows(policy, Effect::Allow));
        allowing.any(|(row, _, _)| self.sets[row.actions as usize].has(&asked))
    }

    /// Statements of a policy that is attached to a principal; what AWS would not take there is left out.
    fn rows(&self, policy: PolicyIx, effect: Effect) -> impl Iterator<Item = (&Row, &Statement, &Reach)> {
        let compact = self.compact(policy);
        let rows = compact.rows.iter().zip(&compact.document.statements).zip(&compact.reach);
        rows.map(|((row, statement), reach)| (row, statement, reach)).filter(move |(row, statement, _)| {
            row.effect == effect
                && statement.principals.is_none()
                && row.scope.is_some_and(|scope| !self.scopes[scope as usize].is_nothing())
        })
    }

    fn is_everything(&self, row: &Row) -> bool {
        row.scope.is_some_and(|scope| self.scopes[scope as usize].is_everything())
    }

    fn layer(&self, policies: &[PolicyIx]) -> Layer {
        let empty = || FixedBitSet::with_capacity(self.reference.len());
        let mut layer = Layer { any: empty(), plain: empty(), wide: empty() };
        for (row, statement, reach) in policies.iter().flat_map(|&policy| self.rows(policy, Effect::Allow)) {
            let set = &self.sets[row.actions as usize];
            set.add_to(&mut layer.any);
            if !statement.conditions.is_empty() {
                continue;
            }
            if self.is_everything(row) {
                set.add_to(&mut layer.wide);
                set.add_to(&mut layer.plain);
                continue;
            }
            // Whether anything that the action can be about is left outside `NotResource` is not worked out.
            if let Some(resources) = statement.resources.as_ref().filter(|resources| !resources.not) {
                for range in reach.of(set, resources, self.reference) {
                    layer.plain.insert_range(range.start as usize..range.end as usize);
                }
            }
        }
        layer
    }

    fn by_service(
        &self,
        identity: &[PolicyIx],
        controls: &Controls,
        sure: &FixedBitSet,
        possible: &FixedBitSet,
    ) -> Vec<Permission> {
        let cells = self.reference.cells();
        let mut counts = vec![(0_u32, 0_u32); cells.len()];
        for action in sure.ones() {
            counts[cells.of(action)].0 += 1;
        }
        for action in possible.ones() {
            counts[cells.of(action)].1 += 1;
        }
        let mut widest: Vec<Option<&str>> = vec![None; cells.len()];
        let mut open = counts.iter().filter(|count| **count != (0, 0)).count();
        let mut statements: Vec<(&Row, &Matcher, &str)> = identity
            .iter()
            .flat_map(|&policy| self.rows(policy, Effect::Allow))
            .flat_map(|(row, statement, _)| {
                let patterns = statement.resources.iter().flat_map(|matcher| {
                    let patterns: Vec<&str> = if matcher.not {
                        vec!["*"]
                    } else {
                        matcher.patterns.iter().map(|pattern| &**pattern).collect()
                    };
                    patterns.into_iter().map(move |pattern| (matcher, pattern))
                });
                patterns.map(move |(matcher, pattern)| (row, matcher, pattern))
            })
            .collect();
        // The widest first, so that the first statement of a cell settles it.
        statements.sort_by_key(|(_, _, pattern)| width(pattern));
        for (row, matcher, pattern) in statements {
            if open == 0 {
                break;
            }
            let taken = self.taken_on(matcher, pattern, controls);
            for range in &self.sets[row.actions as usize].ranges {
                let granted = |action: &ActionIx| {
                    (sure[*action as usize] || possible[*action as usize])
                        && taken.is_none_or(|taken| !taken.contains(*action as usize))
                };
                let mut action = range.start;
                while action < range.end {
                    let cell = cells.of(action as usize);
                    if granted(&action) && widest[cell].is_none() {
                        widest[cell] = Some(pattern);
                        open -= 1;
                    }
                    action += 1;
                }
            }
        }
        let found = counts.iter().zip(widest).enumerate().filter(|(_, (count, _))| **count != (0, 0));
        found
            .map(|(cell, (&(allowed, allowed_if), widest))| {
                let (service, level) = cells.name(cell);
                Permission { service: service.into(), level, allowed, allowed_if, widest: widest.unwrap_or("*").into() }
            })
            .collect()
    }

    /// Patterns that name no known action at all.
    fn unknown(&self, identity: &[PolicyIx]) -> Vec<Box<str>> {
        let matchers = identity.iter().flat_map(|&policy| self.rows(policy, Effect::Allow));
        let mut unknown: Vec<Box<str>> = matchers
            .filter(|(row, statement, _)| self.sets[row.actions as usize].has_unknown() && !statement.actions.not)
            .flat_map(|(_, statement, _)| &statement.actions.patterns)
            .filter(|pattern| self.reference.matching(pattern).is_empty())
            .cloned()
            .collect();
        unknown.sort_unstable();
        unknown.dedup();
        unknown
    }
}

/// How narrow a pattern is: everything first, then by how much of it is fixed.
fn width(pattern: &str) -> (usize, &str) {
    let fixed = pattern.split(['*', '?']).map(str::len).sum();
    (fixed, pattern)
}

impl Permissions {
    /// Names of the actions that are allowed or allowed if, in order.
    pub fn names<'r>(&self, reference: &'r Reference) -> Vec<&'r str> {
        let mut all = self.allowed.clone();
        all.union_with(&self.allowed_if);
        all.ones().map(|action| &*reference.actions()[action].name).collect()
    }
}
