//! From somebody who stands well to everybody who can become him.

use rayon::prelude::*;
use rustc_hash::FxHashMap;

use super::ask::{Asker, Binding};
use super::bind::Found;
use super::breadth::means;
use super::technique::{Permission, Takes, Technique, Techniques, Yields};
use super::{Certainty, Class, Edge, Memo, Object, Search, better, trust};
use crate::aws::document::{Effect, PrincipalPattern};
use crate::aws::estate::{AccountIx, PrincipalIx, PrincipalKind};

/// For each technique and account: who holds what does not depend on the target.
pub(super) type Holders = FxHashMap<(u16, AccountIx), Vec<Holder>>;

/// A class that holds it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Holder {
    pub(super) class: u32,
    pub(super) certainty: Certainty,
    /// The existing resource, where it does not depend on the target.
    pub(super) object: Object,
}

/// Asks every class from `first` on for the permissions that do not depend on a target.
pub(super) fn holders(
    asker: &Asker,
    techniques: &Techniques,
    classes: &[Class],
    first: usize,
    found: &Found,
) -> Holders {
    let list = techniques.list();
    let needed: Vec<_> = list.iter().map(|technique| asker.breadth.set(technique.own_actions())).collect();
    let of_class = |class: &Class| {
        let mut memo: FxHashMap<(&Permission, Object), Option<Certainty>> = FxHashMap::default();
        let mut could: FxHashMap<&str, bool> = FxHashMap::default();
        let mut held: Vec<(u16, Certainty, Object)> = Vec::new();
        for ((at, technique), needed) in (0..).zip(list).zip(&needed) {
            let targeted = matches!(technique.takes, Takes::User | Takes::Role | Takes::New);
            let actor = technique.actor.is_none_or(|actor| actor == class.kind);
            if !targeted || technique.only_assumes() || !actor || !needed.is_subset(&class.allowed) {
                continue;
            }
            let mut could = |action| *could.entry(action).or_insert_with(|| asker.could(class.first(), action));
            if !technique.own_actions().all(&mut could) {
                continue;
            }
            let mut best = None;
            for object in found.anything(asker.estate, technique, class.account) {
                let binding = Binding { technique, target: None, object };
                let held =
                    technique.requires.iter().filter(|permission| !technique.depends_on_target(permission)).try_fold(
                        if object == Object::Unread { Certainty::NotEvaluated } else { Certainty::Certain },
                        |all, permission| {
                            let ask = || asker.holds(class.first(), permission, binding);
                            // What was not read is asked about by the technique's own pattern.
                            let held = match object {
                                Object::Unread => ask(),
                                _ => *memo.entry((permission, object)).or_insert_with(ask),
                            };
                            held.map(|held| all.max(held))
                        },
                    );
                best = better(best, held.map(|held| (held, object)));
                if matches!(best, Some((Certainty::Certain, _))) {
                    break;
                }
            }
            held.extend(best.map(|(certainty, object)| (at, certainty, object)));
        }
        held
    };
    let found: Vec<_> = classes[first..].par_iter().map(of_class).collect();
    let mut holders = Holders::default();
    for ((at, class), held) in (0..).zip(classes).skip(first).zip(found) {
        for (technique, certainty, object) in held {
            holders.entry((technique, class.account)).or_default().push(Holder { class: at, certainty, object });
        }
    }
    holders
}

impl Search<'_> {
    /// Every way to one of the targets, from everybody who is not closed.
    pub(super) fn expand(&self, targets: &[PrincipalIx], closed: &[bool]) -> Vec<Edge> {
        let edges: Vec<Vec<Edge>> = targets.par_iter().map(|&target| self.ways_to(target, closed)).collect();
        edges.into_iter().flatten().collect()
    }

    fn ways_to(&self, target: PrincipalIx, closed: &[bool]) -> Vec<Edge> {
        let entry = self.asker.principal(target);
        let mut edges = Vec::new();
        if entry.service_linked {
            // Nobody but the service assumes it, and nobody but the service may change or pass it.
            return edges;
        }
        let mut memo = Memo::default();
        for (at, technique) in (0..).zip(self.techniques.list()) {
            let fits = match technique.takes {
                Takes::User => entry.kind == PrincipalKind::User,
                Takes::Role => entry.kind == PrincipalKind::Role,
                Takes::Itself | Takes::Group | Takes::New => false,
            };
            if !fits || technique.yields != Yields::Target {
                continue;
            }
            if technique.only_assumes() {
                self.assuming(at, technique, target, closed, &mut edges);
                continue;
            }
            let Some(holders) = self.holders.get(&(at, entry.account)) else { continue };
            let open = |holder: &&Holder| {
                self.classes[holder.class as usize].members.iter().any(|&member| !closed[member as usize])
            };
            let mut holders = holders.iter().filter(open).peekable();
            if holders.peek().is_none() {
                continue;
            }
            let Some((trusted, _)) = trust::trusted(&self.asker, target, technique) else { continue };
            let objects = self.found.objects(&self.asker, technique, target);
            for holder in holders {
                let class = &self.classes[holder.class as usize];
                let base = trusted.max(holder.certainty);
                let members =
                    class.members.iter().copied().filter(|&member| member != target && !closed[member as usize]);
                let mut push = |from: PrincipalIx, (certainty, object): (Certainty, Object)| {
                    let object = if object == Object::None { holder.object } else { object };
                    let certainty = certainty.max(base);
                    edges.push(Edge { from, to: Some(target), technique: at, object, raised: None, certainty });
                };
                if technique.assumes_target() {
                    for from in members {
                        if let Some(way) = self.way(holder.class, from, at, target, &objects, &mut Memo::default()) {
                            push(from, way);
                        }
                    }
                } else if let Some(way) = self.way(holder.class, class.first(), at, target, &objects, &mut memo) {
                    members.for_each(|from| push(from, way));
                }
            }
        }
        edges
    }

    /// How surely somebody has what depends on the target, by the best of the objects.
    pub(super) fn way(
        &self,
        class: u32,
        who: PrincipalIx,
        technique: u16,
        target: PrincipalIx,
        objects: &[Object],
        memo: &mut Memo,
    ) -> Option<(Certainty, Object)> {
        let described = &self.techniques.list()[usize::from(technique)];
        let ids = &self.permission_ids[usize::from(technique)];
        let mut best = None;
        for &object in objects {
            let binding = Binding { technique: described, target: Some(target), object };
            let start = if object == Object::Unread { Certainty::NotEvaluated } else { Certainty::Certain };
            let held = described
                .requires
                .iter()
                .zip(ids)
                .filter(|(permission, _)| described.depends_on_target(permission))
                .try_fold(start, |all, (permission, &id)| {
                    let ask = || self.asker.holds(who, permission, binding);
                    let held =
                        if object == Object::None { *memo.entry((class, id)).or_insert_with(ask) } else { ask() };
                    held.map(|held| all.max(held))
                });
            best = better(best, held.map(|held| (held, object)));
            if matches!(best, Some((Certainty::Certain, _))) {
                break;
            }
        }
        best
    }

    /// Who can assume a role, of whichever account.
    fn assuming(&self, at: u16, technique: &Technique, role: PrincipalIx, closed: &[bool], edges: &mut Vec<Edge>) {
        let Some(permission) = technique.requires.first() else { return };
        let binding = Binding { technique, target: Some(role), object: Object::None };
        let candidates = self.assumers(role);
        let mut push = |from: PrincipalIx, certainty: Certainty| {
            edges.push(Edge { from, to: Some(role), technique: at, object: Object::None, raised: None, certainty });
        };
        let open = |who: PrincipalIx| who != role && !closed[who as usize];
        for who in candidates.named {
            if open(who)
                && let Some(certainty) = self.asker.holds(who, permission, binding)
            {
                push(who, certainty);
            }
        }
        let personal = self.is_personal_to(role);
        for class in candidates.classes {
            let class = &self.classes[class as usize];
            let members = class.members.iter().copied().filter(|&who| open(who));
            if personal {
                for who in members {
                    if let Some(certainty) = self.asker.holds(who, permission, binding) {
                        push(who, certainty);
                    }
                }
                continue;
            }
            let mut members = members.peekable();
            if let Some(&who) = members.peek()
                && let Some(certainty) = self.asker.holds(who, permission, binding)
            {
                members.for_each(|who| push(who, certainty));
            }
        }
    }

    /// Whether the answer about a role depends on who of a class asks: its trust or its organisation's resource control policies say so.
    fn is_personal_to(&self, role: PrincipalIx) -> bool {
        let entry = self.asker.principal(role);
        let rcps = self.asker.estate.accounts[entry.account as usize].rcps.iter().flat_map(|step| &step.policies);
        rcps.chain(&entry.trust).any(|&policy| self.asker.breadth.is_personal(policy)) || self.names_somebody(role)
    }

    /// Whether a trust policy names single principals, so that members of one class differ.
    fn names_somebody(&self, role: PrincipalIx) -> bool {
        let statements = self.asker.trust(role).map(|trust| trust.document.statements.as_slice()).unwrap_or_default();
        let mut patterns = statements
            .iter()
            .filter_map(|statement| statement.principals.as_ref())
            .flat_map(|principals| &principals.of);
        patterns.any(|pattern| matches!(pattern, PrincipalPattern::Arn(_)))
    }

    /// Who a trust policy may let in: those that it names, and the classes of the accounts that it names.
    fn assumers(&self, role: PrincipalIx) -> Assumers {
        let mut assumers = Assumers::default();
        let own = self.asker.principal(role).account;
        let trust = self.asker.trust(role);
        if trust.is_none_or(|trust| trust.document.is_blind()) {
            // It was not read: whoever of the account may assume roles at all is not evaluated.
            self.add_account(own, true, &mut assumers);
        }
        let Some(trust) = trust else { return assumers };
        let allows = |statement: &&_| is_allowing(statement);
        for principals in
            trust.document.statements.iter().filter(allows).filter_map(|statement| statement.principals.as_ref())
        {
            if principals.not {
                self.add_everyone(own, &mut assumers);
                continue;
            }
            for pattern in &principals.of {
                match pattern {
                    PrincipalPattern::Arn(arn) => {
                        assumers.named.extend(self.found.principal(arn));
                    }
                    PrincipalPattern::Account(account) => {
                        let number = account.split(':').nth(4).unwrap_or(account);
                        if let Some(account) = self.asker.index.account(number) {
                            self.add_account(account, true, &mut assumers);
                        }
                    }
                    PrincipalPattern::Everyone => self.add_everyone(own, &mut assumers),
                    PrincipalPattern::Deleted(_)
                    | PrincipalPattern::Service(_)
                    | PrincipalPattern::Federated(_)
                    | PrincipalPattern::CanonicalUser(_) => {}
                }
            }
        }
        assumers.finish(&self.classes);
        assumers
    }

    fn add_everyone(&self, own: AccountIx, assumers: &mut Assumers) {
        for account in (0..).take(self.asker.estate.accounts.len()) {
            // In the role's own account a trust that names everyone needs no identity policy beside it.
            self.add_account(account, account != own, assumers);
        }
    }

    fn add_account(&self, account: AccountIx, by_identity: bool, assumers: &mut Assumers) {
        let assume = self.asker.breadth.set(std::iter::once("sts:AssumeRole"));
        for &at in &self.actors_of[account as usize] {
            let class = &self.classes[at as usize];
            let held = !by_identity || assume.is_subset(&class.allowed);
            if held && self.could_assume[at as usize] {
                assumers.classes.push(at);
            }
        }
    }
}

fn is_allowing(statement: &crate::aws::document::Statement) -> bool {
    statement.effect == Effect::Allow && means(statement, "sts:AssumeRole")
}

/// Candidates for assuming a role.
#[derive(Debug, Default)]
struct Assumers {
    named: Vec<PrincipalIx>,
    classes: Vec<u32>,
}

impl Assumers {
    /// Everyone once, by class where the class is there.
    fn finish(&mut self, classes: &[Class]) {
        self.classes.sort_unstable();
        self.classes.dedup();
        self.named.sort_unstable();
        self.named.dedup();
        let in_class = |who: &PrincipalIx| {
            self.classes.iter().any(|&class| classes[class as usize].members.binary_search(who).is_ok())
        };
        self.named.retain(|who| !in_class(who));
    }
}
