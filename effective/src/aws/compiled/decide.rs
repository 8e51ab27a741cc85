//! One request against compiled documents.

use std::sync::Arc;

use fixedbitset::FixedBitSet;
use rayon::prelude::*;

use super::actions::Asked;
use super::scopes::Within;
use super::{Compiled, Row};
use crate::aws::answer::{Answer, Deciding, Layer, Verdict};
use crate::aws::assume::{About, Assumed};
use crate::aws::condition::{self, Truth};
use crate::aws::context::known;
use crate::aws::document::{Effect, Statement, Version};
use crate::aws::estate::{Parts, PolicyIx, Step};
use crate::aws::literal::is_misplaced;
use crate::aws::literal::principal::{Named, named};
use crate::aws::literal::solve::{Need, Solution, Way, solve};
use crate::aws::literal::special;
use crate::aws::public::is_public;
use crate::aws::request::{Principal, Request};

/// An action on a resource, with what can be said of it whoever asks.
#[derive(Debug)]
pub(super) struct Question<'q> {
    pub(super) asked: Asked,
    pub(super) resource: &'q str,
    /// Worked out once where every principal will be asked about.
    hits: Option<Hits>,
}

#[derive(Debug)]
struct Hits {
    sets: FixedBitSet,
    /// Only of statements that are about the action.
    scopes: Vec<Option<Within>>,
    /// Documents of which any statement may be about it.
    documents: FixedBitSet,
    /// Documents of which any statement that may allow is about it.
    granting: FixedBitSet,
}

impl<'q> Question<'q> {
    /// For one principal.
    pub(super) fn one(compiled: &Compiled<'_>, action: &str, resource: &'q str) -> Self {
        Self { asked: compiled.asked(action), resource, hits: None }
    }

    /// For every principal: each distinct list of patterns is compared once, here.
    pub(super) fn all(compiled: &Compiled<'_>, action: &str, resource: &'q str) -> Self {
        let question = Self::one(compiled, action, resource);
        let has = |at: &usize| compiled.sets[*at].has(&question.asked);
        let matched: Vec<usize> = (0..compiled.sets.len()).into_par_iter().with_min_len(4096).filter(has).collect();
        let mut sets = FixedBitSet::with_capacity(compiled.sets.len());
        sets.extend(matched);
        let mut scopes = vec![None; compiled.scopes.len()];
        let size = compiled.documents.len();
        let (mut documents, mut granting) = (FixedBitSet::with_capacity(size), FixedBitSet::with_capacity(size));
        for (at, compact) in compiled.documents.iter().enumerate() {
            let rows = compact.rows.iter().map(|row| (Some(row.effect), Some(row.actions), row.scope));
            let unread = compact.unread.iter().map(|unread| (unread.effect, unread.actions, unread.scope));
            for (effect, actions, scope) in rows.chain(unread) {
                if actions.is_some_and(|set| !sets[set as usize]) {
                    continue;
                }
                // Only scopes of statements that are about the action: most never are.
                let within = scope.map(|scope| {
                    *scopes[scope as usize].get_or_insert_with(|| compiled.scopes[scope as usize].within(resource))
                });
                if within != Some(Within::No) {
                    documents.insert(at);
                    granting.set(at, granting[at] || effect != Some(Effect::Deny));
                }
            }
        }
        Self { hits: Some(Hits { sets, scopes, documents, granting }), ..question }
    }

    /// Whether a statement with these actions and this scope may be about the question.
    fn is_about(&self, compiled: &Compiled<'_>, actions: Option<u32>, scope: Option<u32>) -> bool {
        actions.is_none_or(|at| self.has(compiled, at))
            && scope.is_none_or(|at| self.within(compiled, at) != Within::No)
    }

    fn has(&self, compiled: &Compiled<'_>, set: u32) -> bool {
        match &self.hits {
            Some(hits) => hits.sets[set as usize],
            None => compiled.sets[set as usize].has(&self.asked),
        }
    }

    fn within(&self, compiled: &Compiled<'_>, scope: u32) -> Within {
        let worked_out = self.hits.as_ref().and_then(|hits| hits.scopes[scope as usize]);
        worked_out.unwrap_or_else(|| compiled.scopes[scope as usize].within(self.resource))
    }

    /// Whether a policy may say anything about it.
    pub(super) fn may_concern(&self, compiled: &Compiled<'_>, policy: PolicyIx) -> bool {
        match &self.hits {
            Some(hits) => hits.documents[compiled.of_policy[policy as usize] as usize],
            None => true,
        }
    }

    /// Whether a policy may allow it.
    pub(super) fn may_grant(&self, compiled: &Compiled<'_>, policy: PolicyIx) -> bool {
        if let Some(hits) = &self.hits {
            return hits.granting[compiled.of_policy[policy as usize] as usize];
        }
        let compact = compiled.compact(policy);
        let rows = compact.rows.iter().map(|row| (Some(row.effect), Some(row.actions), row.scope));
        let unread = compact.unread.iter().map(|unread| (unread.effect, unread.actions, unread.scope));
        rows.chain(unread)
            .any(|(effect, actions, scope)| effect != Some(Effect::Deny) && self.is_about(compiled, actions, scope))
    }
}

/// What the policies of one layer, or of one level of it, say.
#[derive(Default)]
struct Said {
    allow: Vec<(Named, Way)>,
    deny: Vec<Way>,
    /// Policies of which something unread may allow.
    unread_allow: Vec<Arc<str>>,
    /// Policies of which something unread may deny.
    unread_deny: Vec<Arc<str>>,
}

impl Said {
    /// A document that is not there to be read may say anything.
    fn not_read<'w>(mut self, why: impl IntoIterator<Item = &'w Arc<str>>) -> Self {
        for why in why {
            self.unread_allow.push(Arc::clone(why));
            self.unread_deny.push(Arc::clone(why));
        }
        self
    }

    fn need(&self, layer: Layer, level: Option<&Arc<str>>, blind: bool, of: impl Fn(Named) -> bool) -> Need {
        let mut ways: Vec<Way> =
            self.allow.iter().filter(|(named, _)| of(*named)).map(|(_, way)| way.clone()).collect();
        if blind && !self.unread_allow.is_empty() {
            ways.push(Way { assumed: Vec::new(), deciding: None });
        }
        Need { layer, level: level.cloned(), ways }
    }
}

/// Everything that applies to one request.
struct Heard {
    /// RCPs, then SCPs, from the top of the organisation down. Of each RCP level, whether it allows anything at all: one that does not was
    /// written down without the policy that is attached everywhere, and demands nothing.
    levels: Vec<(Layer, Arc<str>, Said, bool)>,
    resource: Said,
    identity: Said,
    boundary: Option<Said>,
}

/// One request, its action and resource worked out.
struct Listener<'c, 'e, 'q> {
    compiled: &'c Compiled<'e>,
    question: &'c Question<'q>,
    request: &'c Request,
    bounded: bool,
}

impl Compiled<'_> {
    /// The answer to a request by what applies to it.
    pub(super) fn answer(&self, request: &Request, parts: &Parts<'_>, question: &Question<'_>) -> Answer {
        match special::settled(request) {
            Some(true) => return bare(Verdict::Allowed),
            Some(false) => return missing(Layer::Identity, None),
            None => {}
        }
        let entity = has_entity(&request.principal);
        let listener = Listener { compiled: self, question, request, bounded: entity && parts.boundary.is_some() };
        listener.hear(parts).answer(request)
    }
}

/// Whether the caller has identity policies of its own at all.
fn has_entity(principal: &Principal) -> bool {
    matches!(principal, Principal::User { .. } | Principal::Session { .. } | Principal::FederatedUser { .. })
}

impl Listener<'_, '_, '_> {
    fn hear(&self, parts: &Parts<'_>) -> Heard {
        let principal = &self.request.principal;
        let entity = has_entity(principal);
        let linked = special::is_service_linked(principal);
        let mut levels = Vec::new();
        if !linked {
            self.levels(Layer::Rcp, parts.rcps, parts.rcps_unread.as_ref(), &mut levels);
            if entity || matches!(principal, Principal::Root { .. }) {
                self.levels(Layer::Scp, parts.scps, parts.scps_unread.as_ref(), &mut levels);
            }
        }
        let of_resource: Vec<PolicyIx> = parts.resource.into_iter().chain(parts.acl).collect();
        let mut resource = self.said(Layer::Resource, &of_resource);
        if parts.resource.is_none() {
            resource = resource.not_read(&parts.resource_unread);
        }
        if parts.restrict_public_buckets && special::is_kept_out_of_public_buckets(self.request) {
            let document = parts.resource.map(|policy| &self.compiled.compact(policy).document);
            if document.is_some_and(|document| is_public(document)) {
                resource.allow.clear();
                resource.unread_allow.clear();
            } else if let Some(policy) = parts.resource.filter(|_| document.is_some_and(|document| document.is_blind()))
            {
                // A statement that nobody could read may make the policy a public one.
                resource.unread_deny.push(Arc::clone(&self.compiled.estate.policies[policy as usize].name));
            }
        }
        if special::is_root_on_own_bucket_policy(self.request) {
            resource.deny.clear();
            resource.unread_deny.clear();
        }
        let (mut identity, mut boundary) = (Said::default(), None);
        if entity {
            identity = self.said(Layer::Identity, parts.identity).not_read(&parts.identity_unread);
            boundary = parts.boundary.map(|policy| self.said(Layer::Boundary, &[policy]));
        }
        Heard { levels, resource, identity, boundary }
    }

    fn levels(
        &self,
        layer: Layer,
        steps: &[Step],
        unread: Option<&Arc<str>>,
        into: &mut Vec<(Layer, Arc<str>, Said, bool)>,
    ) {
        for step in steps {
            let demands =
                layer == Layer::Scp || step.policies.iter().any(|&policy| self.allows_something(layer, policy));
            into.push((layer, Arc::clone(&step.name), self.said(layer, &step.policies), demands));
        }
        if unread.is_some() {
            into.push((layer, "unread".into(), Said::default().not_read(unread), layer == Layer::Scp));
        }
    }

    fn allows_something(&self, layer: Layer, policy: PolicyIx) -> bool {
        let statements = &self.compiled.compact(policy).document.statements;
        statements.iter().any(|statement| statement.effect == Effect::Allow && !is_misplaced(layer, statement))
    }

    fn said(&self, layer: Layer, policies: &[PolicyIx]) -> Said {
        let mut said = Said::default();
        for &policy in policies {
            if self.question.may_concern(self.compiled, policy) {
                self.read(layer, policy, &mut said);
            }
        }
        said
    }

    fn read(&self, layer: Layer, policy: PolicyIx, said: &mut Said) {
        let compact = self.compiled.compact(policy);
        let (mut unread_allow, mut unread_deny) = (false, false);
        let mut may = |effect: Option<Effect>| {
            unread_allow |= effect != Some(Effect::Deny);
            unread_deny |= effect != Some(Effect::Allow);
        };
        for unread in &compact.unread {
            if self.is_about(unread.actions, unread.scope) {
                may(unread.effect);
            }
        }
        for (row, statement) in compact.rows.iter().zip(&compact.document.statements) {
            if is_misplaced(layer, statement) {
                if self.is_about(Some(row.actions), row.scope) {
                    may(Some(row.effect));
                }
                continue;
            }
            for (named, assumed) in self.ways(row, statement, compact.document.version) {
                let way = Way { assumed, deciding: Some(self.deciding(layer, policy, statement)) };
                match statement.effect {
                    Effect::Allow => said.allow.push((named, way)),
                    Effect::Deny => said.deny.push(way),
                }
            }
        }
        let name = &self.compiled.estate.policies[policy as usize].name;
        said.unread_allow.extend(unread_allow.then(|| Arc::clone(name)));
        said.unread_deny.extend(unread_deny.then(|| Arc::clone(name)));
    }

    /// Whether a statement of which only this is known may be about the request.
    fn is_about(&self, actions: Option<u32>, scope: Option<u32>) -> bool {
        self.question.is_about(self.compiled, actions, scope)
            && scope.is_none_or(|scope| {
                self.question.within(self.compiled, scope) == Within::Yes
                    || self.compiled.scopes[scope as usize].depending(self.request).is_some()
            })
    }

    /// The ways in which a statement applies, each with what it assumes.
    fn ways(&self, row: &Row, statement: &Statement, version: Version) -> Vec<(Named, Vec<Assumed>)> {
        if !self.question.has(self.compiled, row.actions) {
            return Vec::new();
        }
        let within = row.scope.map_or(Within::Yes, |scope| self.question.within(self.compiled, scope));
        let resources = match (within, row.scope) {
            (Within::No, _) => return Vec::new(),
            (Within::Depends, Some(scope)) => match self.compiled.scopes[scope as usize].depending(self.request) {
                Some(alternatives) => alternatives,
                None => return Vec::new(),
            },
            (Within::Yes, _) | (Within::Depends, None) => vec![Vec::new()],
        };
        let callers = match &statement.principals {
            Some(principals) => named(principals, statement.effect, self.request, self.bounded),
            None => vec![(Named::Itself, Vec::new())],
        };
        if callers.is_empty() {
            return Vec::new();
        }
        let mut conditions = Vec::new();
        for condition in &statement.conditions {
            match condition::evaluate(condition, version, &|key| known(self.request, key)) {
                Truth::Yes => {}
                Truth::No | Truth::Void => return Vec::new(),
                Truth::Open => conditions.push(Assumed::holds(About::Condition(condition.clone(), version))),
            }
        }
        let together = |caller: &[Assumed], resource: &[Assumed]| -> Vec<Assumed> {
            caller.iter().chain(resource).chain(&conditions).cloned().collect()
        };
        callers
            .iter()
            .flat_map(|(named, caller)| resources.iter().map(|resource| (*named, together(caller, resource))))
            .collect()
    }

    fn deciding(&self, layer: Layer, policy: PolicyIx, statement: &Statement) -> Deciding {
        let attached = &self.compiled.estate.policies[policy as usize];
        Deciding {
            layer,
            policy: Arc::clone(&attached.name),
            version: attached.version.clone(),
            sid: statement.sid.clone(),
            index: statement.index,
            span: statement.span.clone(),
        }
    }
}

impl Heard {
    /// Every layer, in the order in which answers name them.
    fn all(&self) -> impl Iterator<Item = &Said> {
        self.levels.iter().map(|(_, _, said, _)| said).chain([&self.resource, &self.identity]).chain(&self.boundary)
    }

    fn answer(&self, request: &Request) -> Answer {
        let denials = || self.all().flat_map(|said| &said.deny);
        let deciding = |ways: Vec<&Way>| ways.into_iter().filter_map(|way| way.deciding.clone()).collect();
        let certain: Vec<&Way> = denials().filter(|way| way.assumed.is_empty()).collect();
        if !certain.is_empty() {
            return Answer { deciding: deciding(certain), ..bare(Verdict::ExplicitlyDenied) };
        }
        let perhaps: Vec<Way> = denials().cloned().collect();
        let answer = match self.best(request, &perhaps, false) {
            Solution::Met { assumed, deciding } => {
                Answer { assumed: assumed.told(), deciding, ..bare(Verdict::Allowed) }
            }
            Solution::Denied => {
                Answer { deciding: deciding(perhaps.iter().collect()), ..bare(Verdict::ExplicitlyDenied) }
            }
            Solution::Missing(layer, level) => missing(layer, level),
        };
        let names = |of: fn(&Said) -> &Vec<Arc<str>>| self.all().flat_map(of).map(ToString::to_string);
        let denials = names(|said| &said.unread_deny);
        let mut unread: Vec<String> = match answer.verdict {
            Verdict::Allowed => denials.collect(),
            Verdict::ImplicitlyDenied
                if self.all().any(|said| !said.unread_allow.is_empty())
                    && matches!(self.best(request, &perhaps, true), Solution::Met { .. }) =>
            {
                denials.chain(names(|said| &said.unread_allow)).collect()
            }
            Verdict::ImplicitlyDenied | Verdict::ExplicitlyDenied | Verdict::NotEvaluated => Vec::new(),
        };
        if unread.is_empty() {
            return answer;
        }
        unread.sort_unstable();
        unread.dedup();
        Answer { unread, ..bare(Verdict::NotEvaluated) }
    }

    /// Of the routes to be allowed, the one that assumes least; where none leads there, what the last one lacks.
    fn best(&self, request: &Request, denials: &[Way], blind: bool) -> Solution {
        let mut best = None;
        for route in self.routes(request, blind) {
            let solution = solve(&route, denials);
            let replaces = match (&best, &solution) {
                (Some(Solution::Met { assumed: before, .. }), Solution::Met { assumed, .. }) => {
                    assumed.len() < before.len()
                }
                (Some(Solution::Met { .. }), _)
                | (Some(Solution::Denied), Solution::Denied | Solution::Missing(..)) => false,
                (None | Some(Solution::Missing(..)), _) | (Some(Solution::Denied), Solution::Met { .. }) => true,
            };
            if replaces {
                best = Some(solution);
            }
        }
        best.unwrap_or(Solution::Missing(Layer::Resource, None))
    }

    /// The routes to be allowed: of each, everything that has to allow.
    fn routes(&self, request: &Request, blind: bool) -> Vec<Vec<Need>> {
        let mut ceiling: Vec<Need> = Vec::new();
        for (layer, name, said, demands) in &self.levels {
            if *demands {
                ceiling.push(said.need(*layer, Some(name), blind, |_| true));
            }
        }
        let resource = |of: &dyn Fn(Named) -> bool| self.resource.need(Layer::Resource, None, blind, of);
        let anyhow: &dyn Fn(Named) -> bool = &|_| true;
        let route = |needs: Vec<Need>| ceiling.iter().cloned().chain(needs).collect::<Vec<Need>>();
        let own = request.principal.account().is_some_and(|account| request.owner() == Some(account));
        let own_policy_too = special::needs_own_policy(request);
        if !has_entity(&request.principal) {
            let free = own && !own_policy_too && matches!(request.principal, Principal::Root { .. });
            return vec![if free { ceiling } else { route(vec![resource(anyhow)]) }];
        }
        let mut limits: Vec<Need> =
            self.boundary.iter().map(|said| said.need(Layer::Boundary, None, blind, anyhow)).collect();
        if matches!(request.principal, Principal::FederatedUser { .. }) {
            // Without a session policy such a session may do only what a resource grants to itself.
            limits.push(Need { layer: Layer::Session, level: None, ways: Vec::new() });
        }
        let limited = |needs: Vec<Need>| route(needs.into_iter().chain(limits.iter().cloned()).collect());
        let identity = self.identity.need(Layer::Identity, None, blind, anyhow);
        if !own {
            return vec![limited(vec![resource(anyhow), identity])];
        }
        let by_identity = if own_policy_too { vec![resource(anyhow), identity] } else { vec![identity] };
        vec![
            route(vec![resource(&|named| named == Named::Itself)]),
            limited(vec![resource(&|named| named == Named::Role)]),
            limited(by_identity),
        ]
    }
}

fn bare(verdict: Verdict) -> Answer {
    Answer { verdict, assumed: Vec::new(), deciding: Vec::new(), missing: None, unread: Vec::new() }
}

fn missing(layer: Layer, level: Option<Arc<str>>) -> Answer {
    Answer { missing: Some((layer, level)), ..bare(Verdict::ImplicitlyDenied) }
}
