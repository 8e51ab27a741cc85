//! Ways to administrator that need nobody who is one: raising oneself, raising somebody whom one takes over, making somebody.

use rayon::prelude::*;

use super::administrator::{Supposed, would_be};
use super::ask::Binding;
use super::bind::{denies, is_managed, is_protected, written_policies};
use super::technique::{Group, On, Policy, Takes, Technique, Yields};
use super::{Certainty, Class, Edge, Memo, Object, Search, better};
use crate::aws::estate::{PolicyIx, PrincipalIx, PrincipalKind};

impl Search<'_> {
    /// Every such way, of everybody who is no goal.
    pub(super) fn raises(&self, goals: &[Option<Certainty>]) -> Vec<Edge> {
        let needed: Vec<_> =
            self.techniques.list().iter().map(|technique| self.asker.breadth.set(technique.own_actions())).collect();
        let of_class = |(at, class): (usize, &Class)| {
            let mut edges = Vec::new();
            for ((place, technique), needed) in (0..).zip(self.techniques.list()).zip(&needed) {
                if technique.actor.is_some_and(|actor| actor != class.kind) || !needed.is_subset(&class.allowed) {
                    continue;
                }
                match technique.takes {
                    Takes::Itself | Takes::Group => {
                        for &who in class.members.iter().filter(|&&who| goals[who as usize].is_none()) {
                            self.raise_self(place, technique, who, &mut edges);
                        }
                    }
                    Takes::User | Takes::Role | Takes::New if technique.yields == Yields::Administrator => {
                        let at = u32::try_from(at).unwrap_or(u32::MAX);
                        self.raise_other(place, technique, at, class, goals, &mut edges);
                    }
                    Takes::User | Takes::Role | Takes::New => {}
                }
            }
            edges
        };
        let edges: Vec<Vec<Edge>> = self.classes.par_iter().enumerate().skip(self.actors).map(of_class).collect();
        edges.into_iter().flatten().collect()
    }

    fn raise_self(&self, at: u16, technique: &Technique, who: PrincipalIx, edges: &mut Vec<Edge>) {
        let entry = self.asker.principal(who);
        if technique.when.boundary && entry.boundary.is_none() {
            return;
        }
        let mut best: Option<(Certainty, Object)> = None;
        for object in self.own_objects(technique, who) {
            let binding = Binding { technique, target: None, object };
            let held = technique.requires.iter().try_fold(Certainty::Certain, |all, permission| {
                self.asker.holds(who, permission, binding).map(|held| all.max(held))
            });
            let Some(held) = held else { continue };
            if technique.yields == Yields::Membership {
                self.join(at, who, object, held, edges);
            }
            let gained = self.gained(technique, who, object).map(|gained| (gained.max(held), object));
            best = better(best, gained);
            // Each group is a way of its own; any policy is as good as the other.
            if technique.yields != Yields::Membership && matches!(best, Some((Certainty::Certain, _))) {
                break;
            }
        }
        edges.extend(best.map(|(certainty, object)| Edge {
            from: who,
            to: None,
            technique: at,
            object,
            raised: None,
            certainty,
        }));
    }

    /// What a technique on oneself can be about.
    pub(super) fn own_objects(&self, technique: &Technique, who: PrincipalIx) -> Vec<Object> {
        let entry = self.asker.principal(who);
        let estate = self.asker.estate;
        if technique.writes_role(&On::Itself) && is_protected(&entry.arn) {
            return Vec::new();
        }
        if technique.takes == Takes::Group {
            let groups = self.found.groups(entry.account).iter().copied();
            let outside = |group: &u32| !entry.groups.contains(&estate.groups[*group as usize].arn);
            return groups.filter(outside).map(Object::Group).collect();
        }
        match (technique.when.policy, technique.when.group) {
            (Some(Policy::OfSelf), _) => written_policies(estate, &entry.identity).map(Object::Policy).collect(),
            (Some(Policy::DenyingSelf), _) => {
                let own = |policy: &PolicyIx| !entry.through.iter().any(|(through, _)| through == policy);
                let denying = |policy: &PolicyIx| is_managed(estate, *policy) && denies(estate, *policy) && own(policy);
                entry.identity.iter().copied().filter(denying).map(Object::Policy).collect()
            }
            (_, Some(group)) => {
                let fits = |name: &str| {
                    let mut through = entry.through.iter().filter(|(_, group)| **group == *name);
                    group == Group::OfSelf || through.any(|(policy, _)| denies(estate, *policy))
                };
                (0..).zip(&entry.groups).filter(|(_, name)| fits(name)).map(|(at, _)| Object::OwnGroup(at)).collect()
            }
            (Some(Policy::OfTarget) | None, None) => vec![Object::None],
        }
    }

    /// How surely somebody is an administrator after a technique on himself.
    pub(super) fn gained(&self, technique: &Technique, who: PrincipalIx, object: Object) -> Option<Certainty> {
        let entry = self.asker.principal(who);
        let with = |policies: Vec<PolicyIx>| would_be(&self.asker, who, &Supposed::Identity(&policies));
        let without =
            |gone: &dyn Fn(PolicyIx) -> bool| entry.identity.iter().copied().filter(|&policy| !gone(policy)).collect();
        match (technique.yields, object) {
            (Yields::Administrator, _) => self.raised(who),
            (Yields::Unbound, _) => would_be(&self.asker, who, &Supposed::Unbound),
            (Yields::Version, Object::Policy(policy)) => {
                let others = self.found.versions(policy).iter();
                others.fold(None, |best: Option<Certainty>, &other| {
                    let mut policies: Vec<PolicyIx> = without(&|own| own == policy);
                    policies.push(other);
                    match (best, with(policies)) {
                        (Some(best), Some(gained)) => Some(best.min(gained)),
                        (best, gained) => best.or(gained),
                    }
                })
            }
            (Yields::Undenied, Object::Policy(policy)) => with(without(&|own| own == policy)),
            (Yields::Undenied, Object::OwnGroup(group)) => {
                let name = &entry.groups[group as usize];
                with(without(&|own| entry.through.iter().any(|(policy, group)| *policy == own && group == name)))
            }
            (Yields::Membership, Object::Group(group)) => {
                let mut policies = entry.identity.clone();
                policies.extend(&self.asker.estate.groups[group as usize].policies);
                with(policies)
            }
            _ => None,
        }
    }

    /// How surely somebody is an administrator who may have any policy at all.
    fn raised(&self, who: PrincipalIx) -> Option<Certainty> {
        let entry = self.asker.principal(who);
        if entry.boundary.is_none() && self.is_unlimited(who) {
            return Some(Certainty::Certain);
        }
        would_be(&self.asker, who, &Supposed::Anything)
    }

    /// Whether no organisation limits an account, as far as it is known.
    fn is_unlimited(&self, who: PrincipalIx) -> bool {
        let account = &self.asker.estate.accounts[self.asker.principal(who).account as usize];
        account.scps.is_empty() && account.rcps.is_empty() && account.unread.is_empty()
    }

    /// Who joins a group can do what a member can who has nothing beyond it.
    fn join(&self, at: u16, who: PrincipalIx, object: Object, held: Certainty, edges: &mut Vec<Edge>) {
        let Object::Group(group) = object else { return };
        let group = &self.asker.estate.groups[group as usize];
        let entry = self.asker.principal(who);
        let covers = |member: PrincipalIx| {
            let member = self.asker.principal(member);
            member.groups.contains(&group.arn)
                && member.boundary == entry.boundary
                && member
                    .identity
                    .iter()
                    .all(|policy| entry.identity.contains(policy) || group.policies.contains(policy))
        };
        for &class in &self.classes_of[entry.account as usize] {
            let class = &self.classes[class as usize];
            if class.kind != PrincipalKind::User {
                continue;
            }
            // One member of a class stands for all: they may do the same.
            if let Some(&member) = class.members.iter().find(|&&member| member != who && covers(member)) {
                edges.push(Edge { from: who, to: Some(member), technique: at, object, raised: None, certainty: held });
            }
        }
    }

    fn raise_other(
        &self,
        at: u16,
        technique: &Technique,
        place: u32,
        class: &Class,
        goals: &[Option<Certainty>],
        edges: &mut Vec<Edge>,
    ) {
        let Some(holders) = self.holders.get(&(at, class.account)) else { return };
        let Ok(holder) = holders.binary_search_by_key(&place, |holder| holder.class) else { return };
        let holder = holders[holder];
        let way = |who: PrincipalIx| {
            if technique.takes == Takes::New {
                let gained = would_be(&self.asker, who, &Supposed::AnythingUnbound);
                return gained.map(|gained| (gained, (None, holder.object)));
            }
            self.raisable(at, technique, place, who)
        };
        let members = class.members.iter().copied().filter(|&who| goals[who as usize].is_none());
        let alike = !technique.assumes_target();
        // Of two, at most one is the only target there is.
        let first = members.clone().take(if alike { 2 } else { 0 }).find_map(way);
        for who in members {
            // What one member can, all can, unless a trust policy tells them apart; and nobody is his own target.
            let again = !alike || first.is_some_and(|(_, (raised, _))| raised == Some(who));
            let Some((certainty, (raised, object))) = (if again { way(who) } else { first }) else { continue };
            edges.push(Edge {
                from: who,
                to: None,
                technique: at,
                object,
                raised,
                certainty: certainty.max(holder.certainty),
            });
        }
    }

    /// Somebody of the account whom one can raise and take over: the first of the surest.
    fn raisable(
        &self,
        at: u16,
        technique: &Technique,
        place: u32,
        who: PrincipalIx,
    ) -> Option<(Certainty, (Option<PrincipalIx>, Object))> {
        let wanted = if technique.takes == Takes::User { PrincipalKind::User } else { PrincipalKind::Role };
        let account = self.asker.principal(who).account;
        let mut best = None;
        for &class in &self.classes_of[account as usize] {
            let class = &self.classes[class as usize];
            if class.kind != wanted {
                continue;
            }
            for &target in class.members.iter().filter(|&&target| target != who) {
                if self.asker.principal(target).service_linked {
                    continue;
                }
                let objects = self.found.objects(&self.asker, technique, target);
                let Some((held, object)) = self.way(place, who, at, target, &objects, &mut Memo::default()) else {
                    continue;
                };
                let gained = self.raised(target).map(|gained| (gained.max(held), (Some(target), object)));
                best = better(best, gained);
                if matches!(best, Some((Certainty::Certain, _))) {
                    return best;
                }
            }
        }
        best
    }
}
