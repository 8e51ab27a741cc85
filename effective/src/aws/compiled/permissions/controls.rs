//! What resource control policies leave of what identity policies grant.
//!
//! They limit access to the resources of an account, whoever asks, in the services that they reach. An action is therefore held against those
//! of every account whose resources its statements may be about: the account that an ARN names, the owner of a bucket that the estate knows,
//! and else the principal's own, since without a policy of the resource nothing elsewhere is granted.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use fixedbitset::FixedBitSet;
use rayon::prelude::*;
use rustc_hash::FxHashMap;

use super::super::{Compiled, Row, ix};
use crate::aws::answer::Layer;
use crate::aws::condition::{self, Truth};
use crate::aws::context::known;
use crate::aws::document::{Effect, Matcher, PrincipalPattern, Statement, Version};
use crate::aws::estate::{AccountIx, PolicyIx, PrincipalIx, UnreadKind};
use crate::aws::literal::is_misplaced;
use crate::aws::request::Request;

/// How far resource control policies limit one principal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Controlled {
    /// Known actions of which they leave nothing, on anything that its identity policies may be about.
    pub nothing: FixedBitSet,
    /// Known actions of which they leave less than its identity policies grant, under a condition or on a part of the resources; with those
    /// of which they leave nothing.
    pub less: FixedBitSet,
    /// Why it may be more or less than this.
    pub unread: Vec<Arc<str>>,
}

/// What stands around the resources of one account.
struct Fence<'c> {
    denials: Vec<Denial<'c>>,
    /// Not allowed at all at some step.
    nothing: FixedBitSet,
    /// Not allowed on everything and under no condition at some step.
    less: FixedBitSet,
    unread: Vec<Arc<str>>,
}

struct Denial<'c> {
    actions: FixedBitSet,
    statement: &'c Statement,
    version: Version,
    /// Whether it is about every resource and everybody.
    outright: bool,
}

/// What a fence does to one principal: nothing is left of these, less is left of those.
type Limits = (FixedBitSet, FixedBitSet);

impl Compiled<'_> {
    /// How far resource control policies limit each principal, in order, in parallel.
    ///
    /// Cost: the policies of each account once; for each principal the ranges of its statements, and the conditions of the denials.
    pub fn controlled_of_all(&self) -> Vec<Controlled> {
        let reached = self.reached();
        let fences: Vec<Fence<'_>> = (0..self.estate.accounts.len()).map(|at| self.fence(at, &reached)).collect();
        (0..ix(self.estate.principals.len())).into_par_iter().map(|who| self.controlled(who, &fences)).collect()
    }

    /// Actions of the services that resource control policies reach.
    fn reached(&self) -> FixedBitSet {
        let mut all = FixedBitSet::with_capacity(self.reference.len());
        let actions = self.reference.actions().iter().enumerate();
        all.extend(
            actions
                .filter(|(_, action)| self.reference.service(action.service()).is_some_and(|service| service.rcp))
                .map(|(at, _)| at),
        );
        all
    }

    fn fence(&self, account: usize, reached: &FixedBitSet) -> Fence<'_> {
        let empty = || FixedBitSet::with_capacity(self.reference.len());
        let mut fence = Fence { denials: Vec::new(), nothing: empty(), less: empty(), unread: Vec::new() };
        let account = &self.estate.accounts[account];
        if account.is_management {
            return fence;
        }
        for step in &account.rcps {
            let (mut any, mut wide, mut demands) = (empty(), empty(), false);
            for &policy in &step.policies {
                let compact = self.compact(policy);
                let misplaced = compact.document.statements.iter().any(|statement| is_misplaced(Layer::Rcp, statement));
                if misplaced || !compact.unread.is_empty() {
                    fence.unread.push(Arc::clone(&self.estate.policies[policy as usize].name));
                }
                for (row, statement) in self.control_rows(policy) {
                    let mut actions = empty();
                    self.sets[row.actions as usize].add_to(&mut actions);
                    actions.intersect_with(reached);
                    let outright = self.is_everything(row) && is_everybody(statement);
                    match statement.effect {
                        Effect::Allow => {
                            demands = true;
                            if outright && statement.conditions.is_empty() {
                                wide.union_with(&actions);
                            }
                            any.union_with(&actions);
                        }
                        Effect::Deny => {
                            let version = compact.document.version;
                            fence.denials.push(Denial { actions, statement, version, outright });
                        }
                    }
                }
            }
            // Without the policy that is attached everywhere a step was written down without it, and demands nothing.
            if demands {
                for (into, allowed) in [(&mut fence.nothing, any), (&mut fence.less, wide)] {
                    let mut lacks = reached.clone();
                    lacks.difference_with(&allowed);
                    into.union_with(&lacks);
                }
            }
        }
        fence.less.union_with(&fence.nothing);
        let organization = account.unread.iter().filter(|unread| unread.what == UnreadKind::Organization);
        fence.unread.extend(organization.map(|unread| Arc::clone(&unread.why)));
        fence
    }

    /// Statements of a resource control policy, as far as they are about anything.
    fn control_rows(&self, policy: PolicyIx) -> impl Iterator<Item = (&Row, &Statement)> {
        let compact = self.compact(policy);
        compact.rows.iter().zip(&compact.document.statements).filter(|(row, statement)| {
            !is_misplaced(Layer::Rcp, statement)
                && row.scope.is_some_and(|scope| !self.scopes[scope as usize].is_nothing())
        })
    }

    fn controlled(&self, who: PrincipalIx, fences: &[Fence<'_>]) -> Controlled {
        let empty = || FixedBitSet::with_capacity(self.reference.len());
        let entry = &self.estate.principals[who as usize];
        let mut controlled = Controlled { nothing: empty(), less: empty(), unread: Vec::new() };
        if entry.service_linked {
            return controlled;
        }
        let mut limits: FxHashMap<AccountIx, Limits> = FxHashMap::default();
        // What some statement leaves a part of.
        let mut left = empty();
        for (row, statement, _) in entry.identity.iter().flat_map(|&policy| self.rows(policy, Effect::Allow)) {
            let mut granted = empty();
            self.sets[row.actions as usize].add_to(&mut granted);
            let mut nothing = granted.clone();
            for owner in self.owners(entry.account, statement.resources.as_ref()) {
                let Some(owner) = owner else {
                    // Nobody knows what stands around an account that is not in the estate.
                    nothing.clear();
                    continue;
                };
                let (of_all, of_some) = limits.entry(owner).or_insert_with(|| {
                    controlled.unread.extend(fences[owner as usize].unread.iter().cloned());
                    self.limits(who, owner, &fences[owner as usize])
                });
                let mut less = granted.clone();
                less.intersect_with(of_some);
                controlled.less.union_with(&less);
                nothing.intersect_with(of_all);
            }
            granted.difference_with(&nothing);
            left.union_with(&granted);
            controlled.nothing.union_with(&nothing);
        }
        controlled.nothing.difference_with(&left);
        controlled.less.union_with(&controlled.nothing);
        controlled.unread.sort_unstable();
        controlled.unread.dedup();
        controlled
    }

    /// Accounts whose resources a statement may be about; `None`: one that is not in the estate.
    fn owners(&self, own: AccountIx, resources: Option<&Matcher>) -> Vec<Option<AccountIx>> {
        let Some(resources) = resources.filter(|resources| !resources.not) else { return vec![Some(own)] };
        let owner = |pattern: &str| {
            // An object belongs to the owner of its bucket.
            let container = pattern.split('/').next().unwrap_or(pattern);
            match self.estate.owner_of(&self.index, container) {
                Some(number) => self.index.account(&number),
                None => Some(own),
            }
        };
        let mut owners: Vec<Option<AccountIx>> = resources.patterns.iter().map(|pattern| owner(pattern)).collect();
        owners.sort_unstable();
        owners.dedup();
        owners
    }

    fn limits(&self, who: PrincipalIx, owner: AccountIx, fence: &Fence<'_>) -> Limits {
        let (mut nothing, mut less) = (fence.nothing.clone(), fence.less.clone());
        if fence.denials.is_empty() {
            return (nothing, less);
        }
        // Whatever it asks for in that account: which action and which resource is not known.
        let number = &self.estate.accounts[owner as usize].number;
        let request = self.estate.request(&self.index, who, "*", &format!("arn:*:*:*:{number}:*"));
        for denial in &fence.denials {
            match truth(denial, &request) {
                Truth::No | Truth::Void => {}
                Truth::Yes if denial.outright => nothing.union_with(&denial.actions),
                Truth::Yes | Truth::Open => less.union_with(&denial.actions),
            }
        }
        less.union_with(&nothing);
        (nothing, less)
    }
}

/// Whether the conditions of a denial hold, as far as is known.
fn truth(denial: &Denial<'_>, request: &Request) -> Truth {
    let mut all = Truth::Yes;
    for condition in &denial.statement.conditions {
        match condition::evaluate(condition, denial.version, &|key| known(request, key)) {
            Truth::Yes => {}
            Truth::Open => all = Truth::Open,
            no @ (Truth::No | Truth::Void) => return no,
        }
    }
    all
}

/// Whether a statement is about everybody; a resource control policy can be about nobody else (Organizations User Guide, "RCP syntax").
fn is_everybody(statement: &Statement) -> bool {
    statement
        .principals
        .as_ref()
        .is_none_or(|principals| !principals.not && principals.of.contains(&PrincipalPattern::Everyone))
}
