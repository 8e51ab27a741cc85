//! The compiled evaluator: the same answers as [`super::literal`], for every principal of an estate at once.
//!
//! What is compiled, each distinct thing once, however many policies and principals share it: lists of action patterns (ranges over the known
//! actions; an action that the reference does not know is compared with the patterns themselves), lists of resource patterns, documents.
//! A question that concerns every principal is first put to these, so that a principal costs only the few statements that are about it.
//!
//! Comparing one value of a condition, whom a `Principal` means and the search for the fewest assumptions are the literal evaluator's own; which
//! statements apply and what each layer has to say are computed here, and that both agree is a property test.

mod actions;
mod ask;
mod decide;
mod permissions;
mod reach;
mod scopes;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use self::actions::{ActionSet, Asked, Sets};
use self::reach::Reach;
use self::scopes::{Scope, Scopes};
use super::document::{Document, Effect, Matcher, UnreadStatement};
use super::estate::{AccountIx, Estate, Index, PolicyIx, UnreadKind};
use super::pattern::Glob;
use super::reference::Reference;
pub use ask::AllowedOn;
pub(in crate::aws) use permissions::Granting;
pub use permissions::{Permission, Permissions};

/// An estate, ready to be asked.
#[derive(Debug)]
pub struct Compiled<'a> {
    estate: Cow<'a, Estate>,
    reference: &'a Reference,
    index: Index,
    sets: Vec<ActionSet>,
    /// Every action pattern, in lower case.
    patterns: Vec<Glob>,
    scopes: Vec<Scope>,
    documents: Vec<Compact>,
    /// Which document each policy of the estate is.
    of_policy: Vec<u32>,
    /// Of each account the policies that may grant without an identity policy.
    grants: Vec<Grants>,
    /// Policies of resources whose account is not in the estate: their owner may count as whoever asks.
    ownerless: Vec<PolicyIx>,
}

/// What may grant something in an account without an identity policy.
#[derive(Debug, Clone, Default)]
struct Grants {
    /// Policies of resources and trust policies of roles.
    policies: Vec<PolicyIx>,
    /// There may be more.
    unread: bool,
    /// A role's trust policy is not known.
    unread_trust: bool,
}

/// A document whose lists of patterns are numbers.
#[derive(Debug)]
struct Compact {
    document: Arc<Document>,
    /// One for each statement of the document.
    rows: Box<[Row]>,
    /// Which actions the resources of each statement can be about.
    reach: Box<[Reach]>,
    /// One for each statement that was not read.
    unread: Box<[Unread]>,
}

/// A statement.
#[derive(Debug, Clone, Copy)]
struct Row {
    effect: Effect,
    actions: u32,
    scope: Option<u32>,
}

/// What is known of a statement that could not be used.
#[derive(Debug, Clone, Copy)]
struct Unread {
    effect: Option<Effect>,
    actions: Option<u32>,
    scope: Option<u32>,
}

impl<'a> Compiled<'a> {
    /// Compiles an estate that stays with its owner. Cost: linear in the documents, and in the actions for each distinct pattern.
    pub fn new(estate: &'a Estate, reference: &'a Reference) -> Self {
        Self::of(Cow::Borrowed(estate), reference)
    }

    /// The same for an estate that is handed over.
    pub fn owning(estate: Estate, reference: &'a Reference) -> Self {
        Self::of(Cow::Owned(estate), reference)
    }

    fn of(estate: Cow<'a, Estate>, reference: &'a Reference) -> Self {
        let mut distinct: Vec<Arc<Document>> = Vec::new();
        let mut at: FxHashMap<*const Document, u32> = FxHashMap::default();
        let mut of_policy = Vec::with_capacity(estate.policies.len());
        for policy in &estate.policies {
            of_policy.push(*at.entry(Arc::as_ptr(&policy.document)).or_insert_with(|| {
                distinct.push(Arc::clone(&policy.document));
                ix(distinct.len() - 1)
            }));
        }
        let mut compiler = Compiler { sets: Sets::new(reference), scopes: Scopes::default() };
        let rows: Vec<_> = distinct.iter().map(|document| compiler.document(document)).collect();
        let Compiler { sets, scopes } = compiler;
        let (Sets { made: sets, patterns, .. }, scopes) = (sets, scopes.scopes);
        let documents = rows
            .into_iter()
            .zip(&distinct)
            .map(|((rows, unread), document)| Compact {
                document: Arc::clone(document),
                reach: rows.iter().map(|_| Reach::default()).collect(),
                rows,
                unread,
            })
            .collect();
        let index = Index::new(&estate);
        let (grants, ownerless) = grants(&estate);
        Self { estate, reference, index, sets, patterns, scopes, documents, of_policy, grants, ownerless }
    }

    /// Where everything stands in the estate, by name.
    pub fn index(&self) -> &Index {
        &self.index
    }

    /// The reference data that actions are looked up in.
    pub fn reference(&self) -> &'a Reference {
        self.reference
    }

    fn asked(&self, action: &str) -> Asked {
        Asked::new(action, self.reference, &self.patterns)
    }

    fn compact(&self, policy: PolicyIx) -> &Compact {
        &self.documents[self.of_policy[policy as usize] as usize]
    }
}

/// What may grant without an identity policy: account by account, and of owners that are not in the estate.
fn grants(estate: &Estate) -> (Vec<Grants>, Vec<PolicyIx>) {
    let mut grants = vec![Grants::default(); estate.accounts.len()];
    let mut ownerless = Vec::new();
    for (account, of) in estate.accounts.iter().zip(&mut grants) {
        of.unread = account.unread.iter().any(|unread| unread.what == UnreadKind::Resources);
    }
    let mut add = |account: Option<AccountIx>, policy| match account {
        Some(account) => grants[account as usize].policies.push(policy),
        None => ownerless.push(policy),
    };
    for (at, resource) in (0..).zip(&estate.resources) {
        for policy in resource.policy.into_iter().chain(estate.acls.get(&at).copied()) {
            add(resource.account, policy);
        }
    }
    for entry in &estate.principals {
        if let Some(policy) = entry.trust {
            add(Some(entry.account), policy);
        }
    }
    for entry in estate.principals.iter().filter(|entry| entry.trust.is_none()) {
        grants[entry.account as usize].unread_trust |= entry.kind == super::estate::PrincipalKind::Role;
    }
    (grants, ownerless)
}

struct Compiler<'d> {
    sets: Sets<'d>,
    scopes: Scopes<'d>,
}

impl<'d> Compiler<'d> {
    fn document(&mut self, document: &'d Document) -> (Box<[Row]>, Box<[Unread]>) {
        let rows = document.statements.iter().map(|statement| Row {
            effect: statement.effect,
            actions: self.sets.of(&statement.actions),
            scope: statement.resources.as_ref().map(|matcher| self.scopes.of(matcher, document.version)),
        });
        let rows = rows.collect();
        let unread = document.unread.iter().map(|statement: &UnreadStatement| Unread {
            effect: statement.effect,
            actions: statement.actions.as_ref().map(|matcher: &Matcher| self.sets.of(matcher)),
            scope: statement.resources.as_ref().map(|matcher| self.scopes.of(matcher, document.version)),
        });
        (rows, unread.collect())
    }
}

/// A position as it is stored: an estate that fits memory has fewer than 2^32 of anything.
fn ix(at: usize) -> u32 {
    u32::try_from(at).expect("an estate that fits memory has fewer than 2^32 of anything")
}
