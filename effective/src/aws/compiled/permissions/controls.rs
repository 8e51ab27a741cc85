//! What resource control policies leave of what identity policies grant.
//!
//! They limit access to the resources of an account, whoever asks, in the services that they reach. An action is therefore held against those
//! of every account whose resources its statements may be about: the account that an ARN names, the owner of a bucket that the estate knows,
//! and else the principal's own, since without a policy of the resource nothing elsewhere is granted.

#[cfg(test)]
mod tests;

use std::sync::{Arc, OnceLock};

use fixedbitset::FixedBitSet;
use rustc_hash::FxHashMap;

use super::super::{Compiled, Row};
use crate::aws::answer::Layer;
use crate::aws::condition::{self, Truth};
use crate::aws::context::known;
use crate::aws::document::{Effect, Matcher, PrincipalPattern, Statement, Version};
use crate::aws::estate::{AccountIx, PolicyIx, PrincipalIx, UnreadKind};
use crate::aws::literal::is_misplaced;
use crate::aws::request::Request;

/// What stands around the resources of each account; worked out when somebody's statement is first about them.
pub(in crate::aws::compiled) struct Fences<'c> {
    /// Actions of the services that resource control policies reach.
    reached: OnceLock<FixedBitSet>,
    of: Box<[OnceLock<Fence<'c>>]>,
}

/// What resource control policies leave of what the identity policies of one principal grant.
pub(super) struct Controls {
    /// Known actions of which they leave nothing, on anything that its identity policies may be about.
    pub(super) nothing: FixedBitSet,
    /// Known actions of which they leave less than its identity policies grant, under a condition or on a part of the resources; with those
    /// of which they leave nothing.
    pub(super) less: FixedBitSet,
    /// Why it may be more or less than this.
    pub(super) unread: Vec<Arc<str>>,
    /// Of each account that a statement may be about.
    limits: FxHashMap<AccountIx, Limits>,
    own: AccountIx,
}

/// Whose resources a pattern is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Owner {
    /// The ARN or the estate says it.
    Known(AccountIx),
    /// An account that is not in the estate: nobody knows what stands around it.
    Stranger,
    /// Nothing says it: the principal's own account counts, as without a policy of the resource nothing elsewhere is granted.
    Assumed,
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

/// What a fence does to one principal.
#[derive(Debug)]
struct Limits {
    /// Nothing is left of these.
    nothing: FixedBitSet,
    /// Less is left of these; with those of which nothing is.
    less: FixedBitSet,
}

impl Controls {
    /// Actions of which nothing is left on a resource of this owner; `None`: of all something.
    fn taken(&self, owner: Owner) -> Option<&FixedBitSet> {
        let owner = match owner {
            Owner::Known(account) => account,
            Owner::Assumed => self.own,
            Owner::Stranger => return None,
        };
        self.limits.get(&owner).map(|limits| &limits.nothing).filter(|nothing| !nothing.is_clear())
    }
}

impl Compiled<'_> {
    /// Nothing worked out yet.
    pub(in crate::aws::compiled) fn fences(&self) -> Fences<'_> {
        Fences { reached: OnceLock::new(), of: self.estate.accounts.iter().map(|_| OnceLock::new()).collect() }
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

    fn fence<'c>(&'c self, account: AccountIx, fences: &Fences<'c>) -> Fence<'c> {
        let empty = || FixedBitSet::with_capacity(self.reference.len());
        let mut fence = Fence { denials: Vec::new(), nothing: empty(), less: empty(), unread: Vec::new() };
        let account = &self.estate.accounts[account as usize];
        if account.is_management {
            return fence;
        }
        let reached = fences.reached.get_or_init(|| self.reached());
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

    /// What resource control policies leave one principal.
    ///
    /// Cost: the ranges of its statements, and the conditions of the denials around each account that they are about.
    pub(super) fn controls<'c>(&'c self, who: PrincipalIx, fences: &Fences<'c>) -> Controls {
        let empty = || FixedBitSet::with_capacity(self.reference.len());
        let entry = &self.estate.principals[who as usize];
        let mut controls = Controls {
            nothing: empty(),
            less: empty(),
            unread: Vec::new(),
            limits: FxHashMap::default(),
            own: entry.account,
        };
        if entry.service_linked {
            return controls;
        }
        // What some statement leaves a part of.
        let mut left = empty();
        for (row, statement, _) in entry.identity.iter().flat_map(|&policy| self.rows(policy, Effect::Allow)) {
            let owners = self.owners(statement.resources.as_ref());
            let mut less: Option<FixedBitSet> = None;
            for owner in &owners {
                let account = match owner {
                    Owner::Known(account) => *account,
                    Owner::Assumed => entry.account,
                    Owner::Stranger => continue,
                };
                let limits = controls.limits.entry(account).or_insert_with(|| {
                    let fence = fences.of[account as usize].get_or_init(|| self.fence(account, fences));
                    controls.unread.extend(fence.unread.iter().cloned());
                    self.limits(who, account, fence)
                });
                if !limits.less.is_clear() {
                    less.get_or_insert_with(empty).union_with(&limits.less);
                }
            }
            let set = &self.sets[row.actions as usize];
            let Some(mut less) = less else {
                set.add_to(&mut left);
                continue;
            };
            let mut granted = empty();
            set.add_to(&mut granted);
            less.intersect_with(&granted);
            controls.less.union_with(&less);
            let nothing = taken(&granted, &owners, &controls);
            granted.difference_with(&nothing);
            left.union_with(&granted);
            controls.nothing.union_with(&nothing);
        }
        controls.nothing.difference_with(&left);
        controls.less.union_with(&controls.nothing);
        controls.unread.sort_unstable();
        controls.unread.dedup();
        controls
    }

    /// Known actions of a statement of which nothing is left on anything that it may be about; none where some of it may be another account's.
    pub(super) fn taken_of(&self, row: &Row, statement: &Statement, controls: &Controls) -> FixedBitSet {
        let owners = self.owners(statement.resources.as_ref());
        if controls.less.is_clear() || owners.contains(&Owner::Assumed) {
            return FixedBitSet::new();
        }
        let mut granted = FixedBitSet::with_capacity(self.reference.len());
        self.sets[row.actions as usize].add_to(&mut granted);
        taken(&granted, &owners, controls)
    }

    /// Known actions of which nothing is left on a resource of one pattern of a statement; `None`: of all something.
    pub(super) fn taken_on<'f>(
        &self,
        matcher: &Matcher,
        pattern: &str,
        controls: &'f Controls,
    ) -> Option<&'f FixedBitSet> {
        if controls.less.is_clear() {
            return None;
        }
        controls.taken(if matcher.not { Owner::Assumed } else { self.owner(pattern) })
    }

    /// Whose resources a statement may be about, each once.
    fn owners(&self, resources: Option<&Matcher>) -> Vec<Owner> {
        let Some(resources) = resources.filter(|resources| !resources.not) else { return vec![Owner::Assumed] };
        let mut owners: Vec<Owner> = resources.patterns.iter().map(|pattern| self.owner(pattern)).collect();
        owners.sort_unstable();
        owners.dedup();
        owners
    }

    fn owner(&self, pattern: &str) -> Owner {
        // An object belongs to the owner of its bucket.
        let container = pattern.split('/').next().unwrap_or(pattern);
        match self.estate.owner_of(&self.index, container) {
            Some(number) => self.index.account(&number).map_or(Owner::Stranger, Owner::Known),
            None => Owner::Assumed,
        }
    }

    fn limits(&self, who: PrincipalIx, owner: AccountIx, fence: &Fence<'_>) -> Limits {
        let (mut nothing, mut less) = (fence.nothing.clone(), fence.less.clone());
        if fence.denials.is_empty() {
            return Limits { nothing, less };
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
        Limits { nothing, less }
    }
}

/// Actions of which nothing is left, whoever of these owns the resource.
fn taken(granted: &FixedBitSet, owners: &[Owner], controls: &Controls) -> FixedBitSet {
    let mut nothing = granted.clone();
    for owner in owners {
        match controls.taken(*owner) {
            Some(taken) => nothing.intersect_with(taken),
            None => nothing.clear(),
        }
    }
    nothing
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
