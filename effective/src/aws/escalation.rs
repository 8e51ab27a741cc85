//! Who can become whom, and who can become an administrator: techniques as data, searched over effective permissions.
//!
//! In: an evaluator of an estate, and techniques. Out: a [`Graph`]: where every principal stands, and one edge for each way from a
//! principal to somebody stronger. Every permission of a technique is asked of the evaluator, so that boundaries, denies, control
//! policies and conditions count; what a technique fixes itself (`iam:PassedToService`…) is given as context. Statements are not kept:
//! [`Search::step`] asks again for the few steps that somebody looks at.
//!
//! Stronger is whoever stands nearer to administrator: the most certain way first, then the fewest steps. There is no edge to
//! somebody who stands no better, because nothing would be gained by it.
//!
//! What is not asked, and therefore not found: rights over an existing resource that only its own policy grants, without any identity policy;
//! policies that could be attached although the widest one could not; code that is pushed to where something else runs it.

use std::collections::BTreeMap;

use rayon::prelude::*;
use rustc_hash::FxHashMap;

use super::estate::{AccountIx, Estate, Index, PolicyIx, PrincipalEntry, PrincipalIx, ResourceIx, UnreadKind};
use super::evaluate::Evaluate;
use super::reference::Reference;

mod administrator;
mod ask;
mod bind;
mod breadth;
mod class;
mod expand;
mod explain;
mod raise;
mod supposed;
mod technique;
mod trust;
mod witness;

#[cfg(test)]
pub(in crate::aws) mod tests;

use ask::Asker;
pub(in crate::aws) use ask::everything;
use breadth::Breadth;
pub(in crate::aws) use breadth::means;
use class::Class;
pub use explain::{Block, Evidence, Step};
pub use supposed::Supposed;
pub use technique::{
    Existing, Group, On, Permission, Policy, Provider, Runs, Takes, Technique, TechniqueError, Techniques, When, Yields,
};

/// How sure something is; the order is from the best to the worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Certainty {
    /// Allowed, with nothing assumed.
    Certain,
    /// Allowed if conditions hold that the estate does not decide.
    Conditional,
    /// What would decide was not read.
    NotEvaluated,
}

/// Where a principal stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Is an administrator, or one of the goals that were searched for.
    Goal(Certainty),
    /// Can become one.
    Reaches {
        /// In so many steps.
        steps: u32,
        /// How surely.
        certainty: Certainty,
    },
    /// What it may do was not read.
    NotEvaluated,
    /// Cannot become one, by any technique.
    Apart,
}

/// Who can become whom.
#[derive(Debug, Clone)]
pub struct Graph {
    /// Of every principal, in the order of the estate.
    pub standing: Vec<Standing>,
    /// Sorted by `from`, then by what is reached (administrator first), then by technique.
    pub edges: Vec<Edge>,
    /// Kinds of existing resources that techniques need and that no account of the estate shows: ways by these are *not evaluated*.
    pub unseen: Vec<String>,
    /// Of every principal that reaches a goal: the edge of its first step.
    first: Vec<Option<u32>>,
    /// Where becoming an administrator is a step and not the end: whom an administrator of each account takes over, and how he stands then.
    landed: Option<Vec<Landing>>,
    /// The account of each principal.
    accounts: Vec<AccountIx>,
}

/// What becoming an administrator of an account is good for, where it is not the end in itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Landing {
    /// Nothing, as far as the walk has come.
    Nowhere,
    /// It is what is searched for.
    End,
    /// To take over this principal, who stands so.
    Over(PrincipalIx, Cost),
}

/// One way from a principal to somebody stronger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edge {
    /// Who goes it.
    pub from: PrincipalIx,
    /// Whom one can act as afterwards; `None`: one is an administrator of the account.
    pub to: Option<PrincipalIx>,
    /// By which technique: its place in [`Techniques::list`].
    pub technique: u16,
    /// By which policy, group or resource.
    pub object: Object,
    /// The principal that is raised and taken over, where `to` is `None`.
    pub raised: Option<PrincipalIx>,
    /// How surely.
    pub certainty: Certainty,
}

/// What a technique is about, beside its target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Object {
    /// Nothing.
    None,
    /// A managed policy.
    Policy(PolicyIx),
    /// One of the groups that the actor is in, by its place in `PrincipalEntry::groups`.
    OwnGroup(u32),
    /// A group, by its place in `Estate::groups`.
    Group(u32),
    /// An existing resource.
    Resource(ResourceIx),
    /// An existing resource of a kind that was not read.
    Unread,
}

impl Graph {
    /// The edges that start at a principal.
    pub fn edges_from(&self, who: PrincipalIx) -> &[Edge] {
        let from = self.edges.partition_point(|edge| edge.from < who);
        let to = self.edges.partition_point(|edge| edge.from <= who);
        &self.edges[from..to]
    }

    /// The shortest of the most certain ways from a principal to a goal; empty for a goal itself and for who reaches none.
    pub fn path(&self, who: PrincipalIx) -> Vec<&Edge> {
        let mut path = Vec::new();
        let mut at = Some(who);
        while let Some(edge) = at.and_then(|at| self.first[at as usize]).map(|edge| &self.edges[edge as usize]) {
            path.push(edge);
            at = edge.to.or_else(|| self.taken_over(edge));
        }
        path
    }

    /// Whom an administrator takes over next, where an edge ends in one and somebody else is searched for.
    pub fn taken_over(&self, edge: &Edge) -> Option<PrincipalIx> {
        let owner = edge.raised.unwrap_or(edge.from);
        let account = self.accounts[owner as usize];
        match self.landed.as_ref().filter(|_| edge.to.is_none())?[account as usize] {
            Landing::Over(who, _) => Some(who),
            Landing::End | Landing::Nowhere => None,
        }
    }
}

/// An estate made ready for searches.
pub struct Search<'a> {
    asker: Asker<'a>,
    techniques: &'a Techniques,
    /// Those of the estate, then the supposed ones.
    classes: Vec<Class>,
    /// The first of the classes that go anywhere; those before it are only gone to.
    actors: usize,
    /// What `Estate::resources` and `Estate::groups` say, by what is looked for.
    found: bind::Found,
    /// For each technique and account, the classes that hold whatever it needs beside its target, and how surely.
    holders: expand::Holders,
    /// The classes of each account, of principals of the estate.
    classes_of: Vec<Vec<u32>>,
    /// The classes of each account that go anywhere.
    actors_of: Vec<Vec<u32>>,
    /// Of each class, whether it could assume any role at all.
    could_assume: Vec<bool>,
    /// Equal permissions have equal numbers, by technique and place in it.
    permission_ids: Vec<Vec<u32>>,
}

impl std::fmt::Debug for Search<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Search").field("classes", &self.classes.len()).finish_non_exhaustive()
    }
}

/// Who can become an administrator.
///
/// Cost: linear in principals and edges; every class of principals with the same policies is asked about once.
pub fn search(evaluator: &dyn Evaluate, reference: &Reference, techniques: &Techniques) -> Graph {
    let search = Search::new(evaluator, reference, techniques);
    search.towards(&search.administrators())
}

/// Who is an administrator already, and how surely, by principal: as [`Search::administrators`], for whoever asks nothing else. Who is none by
/// what was read, and was not read whole, is not evaluated.
pub fn administrators(evaluator: &dyn Evaluate, reference: &Reference) -> Vec<Option<Certainty>> {
    let estate = evaluator.estate();
    let breadth = Breadth::new(estate, administrator::actions());
    let classes = class::classes(estate, &estate.principals, 0, &breadth);
    let asker = Asker { evaluator, estate, supposed: &[], reference, index: Index::new(estate), breadth };
    let found = administrator::administrators(&asker, &classes);
    let judged =
        estate.principals.iter().zip(found).map(|(entry, certainty)| {
            certainty.or_else(|| is_unread(estate, entry).then_some(Certainty::NotEvaluated))
        });
    judged.collect()
}

/// Whether what a principal may do was not read, wholly or in part.
fn is_unread(estate: &Estate, entry: &PrincipalEntry) -> bool {
    let mut policies = entry.identity.iter().filter_map(|&policy| estate.policies.get(policy as usize));
    !entry.unread.is_empty()
        || policies.any(|policy| policy.document.is_blind())
        || estate.accounts[entry.account as usize].unread.iter().any(|unread| unread.what == UnreadKind::Principals)
}

impl<'a> Search<'a> {
    /// Reads every policy once, and asks for what does not depend on a target.
    pub fn new(evaluator: &'a dyn Evaluate, reference: &'a Reference, techniques: &'a Techniques) -> Self {
        Self::with(evaluator, reference, techniques, None)
    }

    /// `supposed`: principals that are not in the estate, and the only ones that go anywhere.
    fn with(
        evaluator: &'a dyn Evaluate,
        reference: &'a Reference,
        techniques: &'a Techniques,
        supposed: Option<&'a [PrincipalEntry]>,
    ) -> Self {
        let estate = evaluator.estate();
        let needed = techniques.list().iter().flat_map(|technique| &technique.requires);
        let actions = needed.map(|permission| permission.action.as_str()).chain(administrator::actions());
        let breadth = Breadth::new(estate, actions);
        let mut classes = class::classes(estate, &estate.principals, 0, &breadth);
        let real = classes.len();
        let actors = if supposed.is_some() { real } else { 0 };
        let supposed = supposed.unwrap_or_default();
        classes.extend(class::classes(estate, supposed, estate.principals.len(), &breadth));
        let asker = Asker { evaluator, estate, supposed, reference, index: Index::new(estate), breadth };
        let found = bind::Found::new(estate, techniques.without());
        let holders = expand::holders(&asker, techniques, &classes, actors, &found);
        let by_account = |from: usize, to: usize| {
            let mut by_account = vec![Vec::new(); estate.accounts.len()];
            for (at, class) in (0..).zip(&classes[..to]).skip(from) {
                by_account[class.account as usize].push(at);
            }
            by_account
        };
        let (classes_of, actors_of) = (by_account(0, real), by_account(actors, classes.len()));
        let could = |(at, class): (usize, &Class)| at >= actors && asker.could(class.first(), "sts:AssumeRole");
        let could_assume = classes.par_iter().enumerate().map(could).collect();
        let permission_ids = permission_ids(techniques);
        Self { asker, techniques, classes, actors, found, holders, classes_of, actors_of, could_assume, permission_ids }
    }

    /// A principal of the estate, or one that is supposed.
    pub fn principal(&self, who: PrincipalIx) -> &PrincipalEntry {
        self.asker.principal(who)
    }

    /// Who is an administrator already, and how surely, by principal.
    pub fn administrators(&self) -> Vec<Option<Certainty>> {
        administrator::administrators(&self.asker, &self.classes[self.actors..])
    }

    /// Who can become one of the goals, by principal; becoming an administrator counts as well, because he can give himself anything.
    pub fn towards(&self, goals: &[Option<Certainty>]) -> Graph {
        self.walk(goals, None)
    }

    /// Who can become one of the goals and nobody else, or an administrator of `account`: one of another account becomes whoever is in that,
    /// and from there goes on as that principal could.
    pub fn towards_only(&self, goals: &[Option<Certainty>], account: Option<AccountIx>) -> Graph {
        let mut landed = vec![Landing::Nowhere; self.asker.estate.accounts.len()];
        if let Some(account) = account {
            landed[account as usize] = Landing::End;
        }
        self.walk(goals, Some(landed))
    }

    fn walk(&self, goals: &[Option<Certainty>], landed: Option<Vec<Landing>>) -> Graph {
        let accounts = self.asker.estate.principals.iter().map(|entry| entry.account).collect();
        let mut walk = Walk::new(goals, landed, accounts);
        let (raises, joins): (Vec<Edge>, Vec<Edge>) =
            self.raises(goals).into_iter().partition(|edge| edge.to.is_none());
        let mut raising: FxHashMap<AccountIx, Vec<Edge>> = FxHashMap::default();
        let (ends, waits): (Vec<Edge>, Vec<Edge>) = raises.into_iter().partition(|edge| walk.ends_with(edge));
        walk.add(ends);
        for edge in waits {
            raising.entry(walk.account_of(&edge)).or_default().push(edge);
        }
        let mut joining: FxHashMap<PrincipalIx, Vec<Edge>> = FxHashMap::default();
        for edge in joins {
            joining.entry(edge.to.unwrap_or_default()).or_default().push(edge);
        }
        while let Some(targets) = walk.next() {
            for target in &targets {
                let entry = self.asker.principal(*target);
                // Nobody but its service becomes a service-linked role.
                if !entry.service_linked && walk.land(entry.account, *target) {
                    let mut edges = raising.remove(&entry.account).unwrap_or_default();
                    edges.retain(|edge| !walk.closed[edge.from as usize]);
                    walk.add(edges);
                }
            }
            let edges = self.expand(&targets, &walk.closed);
            let joins = targets.iter().flat_map(|target| joining.remove(target).unwrap_or_default());
            let joins: Vec<Edge> = joins.filter(|edge| !walk.closed[edge.from as usize]).collect();
            walk.add(edges.into_iter().chain(joins));
        }
        self.finish(goals, walk)
    }

    fn finish(&self, goals: &[Option<Certainty>], mut walk: Walk) -> Graph {
        let standing = self.standings(goals, &walk.cost);
        let (edges, first) = walk.finish();
        let Walk { landed, accounts, .. } = walk;
        Graph { standing, edges, unseen: self.unseen(), first, landed, accounts }
    }

    /// Where each principal stands after a walk.
    fn standings(&self, goals: &[Option<Certainty>], cost: &[Option<Cost>]) -> Vec<Standing> {
        let standing = (0..).zip(goals.iter().zip(cost)).map(|(who, of)| match of {
            (Some(certainty), _) => Standing::Goal(*certainty),
            (None, Some((certainty, steps))) => Standing::Reaches { steps: *steps, certainty: *certainty },
            (None, None) if is_unread(self.asker.estate, self.principal(who)) => Standing::NotEvaluated,
            (None, None) => Standing::Apart,
        });
        standing.collect()
    }

    fn unseen(&self) -> Vec<String> {
        let needed = self.techniques.list().iter().filter_map(|technique| technique.when.resource.as_ref());
        let mut unseen: Vec<String> =
            needed.map(|resource| &resource.kind).filter(|kind| !self.found.has_kind(kind)).cloned().collect();
        unseen.sort_unstable();
        unseen.dedup();
        unseen
    }
}

fn permission_ids(techniques: &Techniques) -> Vec<Vec<u32>> {
    let mut ids: FxHashMap<&Permission, u32> = FxHashMap::default();
    let mut numbered = Vec::with_capacity(techniques.list().len());
    for technique in techniques.list() {
        let mut own = Vec::with_capacity(technique.requires.len());
        for permission in &technique.requires {
            let next = u32::try_from(ids.len()).unwrap_or(u32::MAX);
            own.push(*ids.entry(permission).or_insert(next));
        }
        numbered.push(own);
    }
    numbered
}

/// The worst certainty on the way, then the steps.
type Cost = (Certainty, u32);
const WORST: Cost = (Certainty::NotEvaluated, u32::MAX - 1);

/// A walk backwards from the goals, the cheapest first. Costs only grow along a way, so who is settled is settled for good.
struct Walk {
    cost: Vec<Option<Cost>>,
    /// Who stands too well already to gain by another edge: the goals, and whoever was given by [`Walk::next`].
    closed: Vec<bool>,
    done: Vec<bool>,
    queue: BTreeMap<Cost, Vec<PrincipalIx>>,
    edges: Vec<Edge>,
    /// Where becoming an administrator is no end of the walk: of each account the first principal that was settled.
    landed: Option<Vec<Landing>>,
    /// The account of each principal.
    accounts: Vec<AccountIx>,
}

/// How well an administrator stands: at the goal, or one step from whom he takes over.
fn administered(landed: Option<&[Landing]>, accounts: &[AccountIx], edge: &Edge) -> Cost {
    let account = accounts[edge.raised.unwrap_or(edge.from) as usize];
    match landed.map(|landed| landed[account as usize]) {
        None | Some(Landing::End) => (Certainty::Certain, 0),
        Some(Landing::Over(_, (certainty, steps))) => (certainty, steps + 1),
        Some(Landing::Nowhere) => WORST,
    }
}

impl Walk {
    fn new(goals: &[Option<Certainty>], landed: Option<Vec<Landing>>, accounts: Vec<AccountIx>) -> Self {
        let cost: Vec<Option<Cost>> = goals.iter().map(|goal| goal.map(|certainty| (certainty, 0))).collect();
        let mut queue: BTreeMap<Cost, Vec<PrincipalIx>> = BTreeMap::new();
        for (who, cost) in (0..).zip(&cost) {
            if let Some(cost) = cost {
                queue.entry(*cost).or_default().push(who);
            }
        }
        let closed = goals.iter().map(Option::is_some).collect();
        Self { closed, done: vec![false; cost.len()], cost, queue, edges: Vec::new(), landed, accounts }
    }

    /// The account that an administrator administers whom an edge makes.
    fn account_of(&self, edge: &Edge) -> AccountIx {
        self.accounts[edge.raised.unwrap_or(edge.from) as usize]
    }

    /// Whether becoming an administrator is the end of an edge's way.
    fn ends_with(&self, edge: &Edge) -> bool {
        self.landed.as_ref().is_none_or(|landed| landed[self.account_of(edge) as usize] == Landing::End)
    }

    /// Notes whom an administrator of an account takes over; `true` for the first of the account, which stands best.
    fn land(&mut self, account: AccountIx, who: PrincipalIx) -> bool {
        let cost = self.cost[who as usize].unwrap_or(WORST);
        match self.landed.as_mut().map(|landed| &mut landed[account as usize]) {
            Some(slot @ Landing::Nowhere) => {
                *slot = Landing::Over(who, cost);
                true
            }
            Some(Landing::End | Landing::Over(..)) | None => false,
        }
    }

    /// The principals that stand next best, none of whom was given before.
    fn next(&mut self) -> Option<Vec<PrincipalIx>> {
        while let Some((cost, mut at)) = self.queue.pop_first() {
            at.retain(|&who| self.cost[who as usize] == Some(cost) && !self.done[who as usize]);
            at.sort_unstable();
            at.dedup();
            for &who in &at {
                self.done[who as usize] = true;
                self.closed[who as usize] = true;
            }
            if !at.is_empty() {
                return Some(at);
            }
        }
        None
    }

    /// How well stands whoever goes an edge.
    fn through(&self, edge: &Edge) -> Cost {
        let (certainty, steps) = match edge.to {
            Some(to) => self.cost[to as usize].unwrap_or(WORST),
            None => administered(self.landed.as_deref(), &self.accounts, edge),
        };
        (certainty.max(edge.certainty), steps + 1)
    }

    /// Every edge in order, and of each principal the position of its first step.
    fn finish(&mut self) -> (Vec<Edge>, Vec<Option<u32>>) {
        let mut edges = std::mem::take(&mut self.edges);
        edges.sort_unstable_by_key(|edge| (edge.from, edge.to.map_or(0, |to| to + 1), edge.technique, edge.object));
        let mut first: Vec<Option<u32>> = vec![None; self.cost.len()];
        for (at, edge) in (0..).zip(&edges) {
            let slot = &mut first[edge.from as usize];
            if slot.is_none_or(|other: u32| self.through(edge) < self.through(&edges[other as usize])) {
                *slot = Some(at);
            }
        }
        (edges, first)
    }

    fn add(&mut self, edges: impl IntoIterator<Item = Edge>) {
        for edge in edges {
            let through = self.through(&edge);
            let known = &mut self.cost[edge.from as usize];
            if known.is_none_or(|known| through < known) {
                *known = Some(through);
                self.queue.entry(through).or_default().push(edge.from);
            }
            self.edges.push(edge);
        }
    }
}

/// The better of two ways to the same, the first where they are equal.
fn better<T>(best: Option<(Certainty, T)>, other: Option<(Certainty, T)>) -> Option<(Certainty, T)> {
    match (best, other) {
        (Some(best), Some(other)) => Some(if other.0 < best.0 { other } else { best }),
        (best, other) => best.or(other),
    }
}

/// What was asked already, by class and permission.
type Memo = FxHashMap<(u32, u32), Option<Certainty>>;
