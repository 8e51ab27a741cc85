//! The literal evaluator: the documentation's steps in the documentation's order, and nothing else.
//!
//! Sources: IAM User Guide, "Policy evaluation logic" and its pages "How AWS enforcement code logic evaluates requests to allow
//! or deny access" (reference_policies_evaluation-logic_policy-eval-denyallow.html), "Policy evaluation for requests within a single
//! account" (…_policy-eval-basics.html), "Cross-account policy evaluation logic" (…-cross-account.html); Organizations User
//! Guide, "SCP evaluation" and "RCP evaluation"; VPC guide, "Control access using endpoint policies". What a service decides
//! otherwise is in [`special`], with its page.
//!
//! It is slow on purpose: whatever is compiled for speed is compared with it.

pub(super) mod principal;
pub(super) mod solve;
pub(super) mod special;
pub(super) mod statement;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use self::principal::Named;
use self::solve::{Need, Solution, Way, solve};
use self::statement::{Applies, applies, may_apply};
use super::answer::{Answer, Deciding, Layer, Verdict};
use super::assume::Together;
use super::document::{Effect, Statement, UnreadStatement};
use super::public::is_public;
use super::request::{Attached, Layers, Principal, Request};

/// Decides one request by the policies that apply to it.
pub fn evaluate(request: &Request, layers: &Layers) -> Answer {
    decide(request, layers).0
}

/// The answer, and the assumptions of it as what they are rather than as sentences.
fn decide(request: &Request, layers: &Layers) -> (Answer, Together) {
    if let Some(allowed) = special::settled(request) {
        let missing = (!allowed).then_some((Layer::Identity, None));
        return (
            answer(if allowed { Verdict::Allowed } else { Verdict::ImplicitlyDenied }, missing),
            Together::default(),
        );
    }
    let read = Read::of(request, layers);
    // Step 1, deny evaluation: one denial that certainly applies is enough.
    let (certain, perhaps): (Vec<&Way>, Vec<&Way>) = read.denials().partition(|denial| denial.assumed.is_empty());
    if !certain.is_empty() {
        let deciding = statements(certain);
        return (Answer { deciding, ..answer(Verdict::ExplicitlyDenied, None) }, Together::default());
    }
    let perhaps: Vec<Way> = perhaps.into_iter().cloned().collect();
    let mut together = Together::default();
    let told = match best(read.plans(request, false), &perhaps) {
        Solution::Met { assumed, deciding } => {
            together = assumed;
            Answer { assumed: together.told(), deciding, ..answer(Verdict::Allowed, None) }
        }
        Solution::Denied => {
            Answer { deciding: statements(perhaps.iter().collect()), ..answer(Verdict::ExplicitlyDenied, None) }
        }
        Solution::Missing(layer, level) => answer(Verdict::ImplicitlyDenied, Some((layer, level))),
    };
    // What could not be read: a denial that nobody saw, or the allowance that is missing.
    let (denials, either) = read.unread();
    let unread = match told.verdict {
        Verdict::Allowed => denials,
        Verdict::ImplicitlyDenied if !either.is_empty() => match best(read.plans(request, true), &perhaps) {
            Solution::Met { .. } => either,
            Solution::Missing(..) | Solution::Denied => Vec::new(),
        },
        Verdict::ImplicitlyDenied | Verdict::ExplicitlyDenied | Verdict::NotEvaluated => Vec::new(),
    };
    if unread.is_empty() {
        (told, together)
    } else {
        (Answer { unread, ..answer(Verdict::NotEvaluated, None) }, Together::default())
    }
}

/// The statements of denials, each once.
fn statements(denials: Vec<&Way>) -> Vec<Deciding> {
    let mut statements: Vec<Deciding> = denials.into_iter().filter_map(|denial| denial.deciding.clone()).collect();
    statements.dedup();
    statements
}

fn answer(verdict: Verdict, missing: Option<(Layer, Option<Arc<str>>)>) -> Answer {
    Answer { verdict, assumed: Vec::new(), deciding: Vec::new(), missing, unread: Vec::new() }
}

/// The plan with the fewest assumptions; where none works, what the last of them lacks.
fn best(plans: Vec<Vec<Need>>, denials: &[Way]) -> Solution {
    let mut best: Option<Solution> = None;
    for plan in plans {
        let solution = solve(&plan, denials);
        let better = match (&solution, &best) {
            (Solution::Met { assumed, .. }, Some(Solution::Met { assumed: before, .. })) => {
                assumed.len() < before.len()
            }
            (Solution::Met { .. }, _) => true,
            (_, Some(Solution::Met { .. } | Solution::Denied)) => false,
            (Solution::Denied | Solution::Missing(..), _) => true,
        };
        if better {
            best = Some(solution);
        }
    }
    best.unwrap_or(Solution::Missing(Layer::Resource, None))
}

/// What the policies of one layer, or of one level of it, say about the request.
#[derive(Default)]
struct Says {
    allowances: Vec<(Named, Way)>,
    denials: Vec<Way>,
    /// Whether any statement allows anything at all.
    allows_something: bool,
    /// Names of policies of which an unread statement may allow.
    unread_allowances: Vec<String>,
    /// Names of policies of which an unread statement may deny.
    unread_denials: Vec<String>,
}

impl Says {
    fn of(layer: Layer, policies: &[Attached], request: &Request, bounded: bool) -> Self {
        let mut says = Self::default();
        for policy in policies {
            says.read(layer, policy, request, bounded);
        }
        says
    }

    fn read(&mut self, layer: Layer, policy: &Attached, request: &Request, bounded: bool) {
        let document = &policy.document;
        let misplaced = document.statements.iter().filter(|one| is_misplaced(layer, one)).map(as_unread);
        let unread: Vec<UnreadStatement> = document.unread.iter().cloned().chain(misplaced).collect();
        let may = |effect| unread.iter().any(|one| may_apply(one, effect, document.version, request));
        if may(Effect::Allow) {
            self.unread_allowances.push(policy.name.to_string());
        }
        if may(Effect::Deny) {
            self.unread_denials.push(policy.name.to_string());
        }
        for statement in document.statements.iter().filter(|one| !is_misplaced(layer, one)) {
            self.allows_something |= statement.effect == Effect::Allow;
            for Applies { named, assumed } in applies(statement, document.version, request, bounded) {
                let way = Way { assumed, deciding: Some(deciding(layer, policy, statement)) };
                match statement.effect {
                    Effect::Allow => self.allowances.push((named, way)),
                    Effect::Deny => self.denials.push(way),
                }
            }
        }
    }

    /// The allowances that name the caller in a certain way; with one that could not be read, perhaps a further one.
    fn allowing(&self, of: impl Fn(Named) -> bool, blind: bool) -> Vec<Way> {
        let mut ways: Vec<Way> =
            self.allowances.iter().filter(|(named, _)| of(*named)).map(|(_, way)| way.clone()).collect();
        if blind && !self.unread_allowances.is_empty() {
            ways.push(Way { assumed: Vec::new(), deciding: None });
        }
        ways
    }

    fn need(&self, layer: Layer, level: Option<Arc<str>>, blind: bool) -> Need {
        Need { layer, level, ways: self.allowing(|_| true, blind) }
    }
}

/// A statement where AWS would not take it: a principal in a policy that is attached to one, none in a policy of a resource, no
/// resource where nothing else says which. What it would mean is not known.
pub(super) fn is_misplaced(layer: Layer, statement: &Statement) -> bool {
    match layer {
        Layer::Identity | Layer::Boundary | Layer::Session | Layer::Scp => {
            statement.principals.is_some() || statement.resources.is_none()
        }
        Layer::Rcp => statement.resources.is_none(),
        Layer::Resource | Layer::VpcEndpoint => statement.principals.is_none(),
    }
}

fn as_unread(statement: &Statement) -> UnreadStatement {
    UnreadStatement {
        effect: Some(statement.effect),
        actions: Some(statement.actions.clone()),
        resources: statement.resources.clone(),
    }
}

fn deciding(layer: Layer, policy: &Attached, statement: &Statement) -> Deciding {
    Deciding {
        layer,
        policy: Arc::clone(&policy.name),
        version: policy.version.clone(),
        sid: statement.sid.clone(),
        index: statement.index,
        span: statement.span.clone(),
    }
}

/// Every layer that applies to the request, read.
struct Read {
    rcps: Vec<(Arc<str>, Says)>,
    scps: Vec<(Arc<str>, Says)>,
    resource: Says,
    identity: Says,
    /// `None`: there is none.
    boundary: Option<Says>,
    session: Option<Says>,
    vpc_endpoint: Option<Says>,
}

impl Read {
    fn of(request: &Request, layers: &Layers) -> Self {
        // Only who has an entity in IAM has its policies; a root has none but those of its organisation.
        let has_identity = matches!(
            request.principal,
            Principal::User { .. } | Principal::Session { .. } | Principal::FederatedUser { .. }
        );
        let is_root = matches!(request.principal, Principal::Root { .. });
        let service_linked = special::is_service_linked(&request.principal);
        let bounded = has_identity && layers.boundary.is_some();
        let says = |layer, policies: &[Attached]| Says::of(layer, policies, request, bounded);
        let levels = |layer, levels: &[super::request::Level], apply: bool| {
            let levels = levels.iter().filter(|_| apply);
            levels.map(|level| (Arc::clone(&level.name), says(layer, &level.policies))).collect()
        };
        let of_resource: Vec<Attached> = layers.resource.iter().chain(&layers.acl).cloned().collect();
        let mut resource = says(Layer::Resource, &of_resource);
        let public = || layers.resource.as_ref().is_some_and(|policy| is_public(&policy.document));
        if layers.restrict_public_buckets && special::is_kept_out_of_public_buckets(request) {
            if public() {
                resource.allowances.clear();
                resource.unread_allowances.clear();
            } else if let Some(policy) = layers.resource.as_ref().filter(|policy| policy.document.is_blind()) {
                // What could not be read may make the policy public.
                resource.unread_denials.push(policy.name.to_string());
            }
        }
        if special::is_root_on_own_bucket_policy(request) {
            resource.denials.clear();
            resource.unread_denials.clear();
        }
        Self {
            rcps: levels(Layer::Rcp, &layers.rcps, !service_linked),
            scps: levels(Layer::Scp, &layers.scps, (has_identity || is_root) && !service_linked),
            resource,
            identity: if has_identity { says(Layer::Identity, &layers.identity) } else { Says::default() },
            boundary: layers
                .boundary
                .as_deref()
                .filter(|_| has_identity)
                .map(|policies| says(Layer::Boundary, policies)),
            session: layers.session.as_deref().filter(|_| has_identity).map(|policies| says(Layer::Session, policies)),
            vpc_endpoint: layers.vpc_endpoint.as_deref().map(|policies| says(Layer::VpcEndpoint, policies)),
        }
    }

    /// Every layer, in the order of the page.
    fn all(&self) -> impl Iterator<Item = &Says> {
        let levels = self.rcps.iter().chain(&self.scps).map(|(_, says)| says);
        let single = [Some(&self.resource), Some(&self.identity)].into_iter();
        let further = [self.boundary.as_ref(), self.session.as_ref(), self.vpc_endpoint.as_ref()];
        levels.chain(single.chain(further).flatten())
    }

    fn denials(&self) -> impl Iterator<Item = &Way> {
        self.all().flat_map(|says| &says.denials)
    }

    /// Policies of which an unread statement may deny, and those of which one may do either.
    fn unread(&self) -> (Vec<String>, Vec<String>) {
        let sorted = |mut names: Vec<String>| {
            names.sort();
            names.dedup();
            names
        };
        let denials: Vec<String> = self.all().flat_map(|says| says.unread_denials.iter().cloned()).collect();
        let allowances = self.all().flat_map(|says| says.unread_allowances.iter().cloned());
        let either = sorted(allowances.chain(denials.iter().cloned()).collect());
        (sorted(denials), either)
    }

    /// The ways through the page: each a list of what has to allow. With `blind`, what could not be read allows.
    fn plans(&self, request: &Request, blind: bool) -> Vec<Vec<Need>> {
        let ceiling = self.ceiling(blind);
        let granted = |of: &dyn Fn(Named) -> bool| Need {
            layer: Layer::Resource,
            level: None,
            ways: self.resource.allowing(of, blind),
        };
        let identity = self.identity.need(Layer::Identity, None, blind);
        let limits = self.limits(request, blind);
        let with = |needs: Vec<Need>| ceiling.iter().cloned().chain(needs).collect::<Vec<_>>();
        let with_limits = |needs: Vec<Need>| with(needs.into_iter().chain(limits.clone()).collect());
        let own = request.principal.account().is_some() && request.principal.account() == request.owner();
        let needs_own_policy = special::needs_own_policy(request);
        match &request.principal {
            // Without an entity in IAM, only the resource can grant.
            Principal::Service { .. } | Principal::Federated { .. } | Principal::Anonymous => {
                vec![with(vec![granted(&|_| true)])]
            }
            // A root may do everything in its account, yet keys ask their own policy; another account's resource has to let it in.
            Principal::Root { .. } if own && !needs_own_policy => vec![ceiling],
            Principal::Root { .. } => vec![with(vec![granted(&|_| true)])],
            Principal::User { .. } | Principal::Session { .. } | Principal::FederatedUser { .. } if own => {
                let by_identity = if needs_own_policy { vec![granted(&|_| true), identity] } else { vec![identity] };
                vec![
                    // Granted to the caller itself: no other layer's silence counts.
                    with(vec![granted(&|named| named == Named::Itself)]),
                    // Granted to the role, or to the user behind a federated session: its limits count.
                    with_limits(vec![granted(&|named| named == Named::Role)]),
                    with_limits(by_identity),
                ]
            }
            // Across accounts both sides have to allow.
            Principal::User { .. } | Principal::Session { .. } | Principal::FederatedUser { .. } => {
                vec![with_limits(vec![granted(&|_| true), identity])]
            }
        }
    }

    /// What limits whatever else grants: RCPs and SCPs at every level, and the VPC endpoint.
    fn ceiling(&self, blind: bool) -> Vec<Need> {
        // `RCPFullAWSAccess` is attached everywhere and cannot be detached, and no other RCP allows anything: a level that allows
        // nothing at all was written down without it.
        let rcps = self.rcps.iter().filter(|(_, says)| says.allows_something);
        let rcps = rcps.map(|(name, says)| says.need(Layer::Rcp, Some(Arc::clone(name)), blind));
        let scps = self.scps.iter().map(|(name, says)| says.need(Layer::Scp, Some(Arc::clone(name)), blind));
        let endpoint = self.vpc_endpoint.iter().map(|says| says.need(Layer::VpcEndpoint, None, blind));
        rcps.chain(scps).chain(endpoint).collect()
    }

    /// What limits the entity: permissions boundary and session policy. A federated user without a session policy may
    /// nothing that is not granted to it directly.
    fn limits(&self, request: &Request, blind: bool) -> Vec<Need> {
        let boundary = self.boundary.iter().map(|says| says.need(Layer::Boundary, None, blind));
        let session = match (&self.session, &request.principal) {
            (Some(says), _) => Some(says.need(Layer::Session, None, blind)),
            (None, Principal::FederatedUser { .. }) => {
                Some(Need { layer: Layer::Session, level: None, ways: Vec::new() })
            }
            (None, _) => None,
        };
        boundary.chain(session).collect()
    }
}
