//! Which policies of an estate decide a request.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::super::document::{Document, Problem, UnreadStatement};
use super::super::reference::Reference;
use super::super::request::{Attached, Layers, Level, Mode, Principal, Request};
use super::{Account, AccountIx, Estate, PolicyIx, PrincipalEntry, PrincipalIx, ResourceIx, Step, UnreadKind};

/// Where everything stands in an estate, by name. Stays right as long as the estate is not changed.
#[derive(Debug, Clone, Default)]
pub struct Index {
    principals: FxHashMap<Arc<str>, PrincipalIx>,
    accounts: FxHashMap<Arc<str>, AccountIx>,
    resources: FxHashMap<Arc<str>, ResourceIx>,
}

impl Index {
    /// Cost: one pass.
    pub fn new(estate: &Estate) -> Self {
        Self {
            principals: (0..).zip(&estate.principals).map(|(at, entry)| (entry.arn.clone(), at)).collect(),
            accounts: (0..).zip(&estate.accounts).map(|(at, account)| (account.number.clone(), at)).collect(),
            resources: (0..).zip(&estate.resources).map(|(at, resource)| (resource.arn.clone(), at)).collect(),
        }
    }

    /// A user or role by its ARN.
    pub fn principal(&self, arn: &str) -> Option<PrincipalIx> {
        self.principals.get(arn).copied()
    }

    /// An account by its number.
    pub fn account(&self, number: &str) -> Option<AccountIx> {
        self.accounts.get(number).copied()
    }

    /// The resource whose policy decides about an ARN: itself, the bucket of an object, the function of a version or an alias.
    pub fn resource(&self, arn: &str) -> Option<ResourceIx> {
        self.resources.get(arn).or_else(|| self.resources.get(holder(arn)?)).copied()
    }
}

/// What holds a resource that has no policy of its own.
fn holder(arn: &str) -> Option<&str> {
    let mut colons = arn.match_indices(':').map(|(at, _)| at);
    let service_end = colons.nth(2)?;
    let service = arn[..service_end].rsplit(':').next()?;
    match service {
        "s3" => arn.find('/').map(|slash| &arn[..slash]),
        // arn:aws:lambda:region:account:function:name:alias
        "lambda" => colons.nth(3).map(|end| &arn[..end]),
        _ => None,
    }
}

/// What applies to one request, as positions in the estate.
///
/// What was not read stands beside what was: whoever evaluates must not call decided what an unread document could decide otherwise.
#[derive(Debug, Clone, Default)]
pub struct Parts<'a> {
    /// Identity policies.
    pub identity: &'a [PolicyIx],
    /// What of them was not read.
    pub identity_unread: Vec<Arc<str>>,
    /// Permissions boundary.
    pub boundary: Option<PolicyIx>,
    /// Service control policies, from the root of the organisation down to the principal's account.
    pub scps: &'a [Step],
    /// Why there may be more of them.
    pub scps_unread: Option<Arc<str>>,
    /// Resource control policies, from the root of the organisation down to the resource's account.
    pub rcps: &'a [Step],
    /// Why there may be more of them.
    pub rcps_unread: Option<Arc<str>>,
    /// The resource's policy, or the trust policy of a role that is to be assumed.
    pub resource: Option<PolicyIx>,
    /// Why it is not known.
    pub resource_unread: Option<Arc<str>>,
    /// What the resource's access control list grants.
    pub acl: Option<PolicyIx>,
    /// Of a bucket: whether its block of public access restricts public buckets.
    pub restrict_public_buckets: bool,
}

/// The actions that a role's trust policy decides; to every other action on it, a role has no policy.
const ASSUMING: [&str; 6] = [
    "sts:assumerole",
    "sts:assumerolewithsaml",
    "sts:assumerolewithwebidentity",
    "sts:setcontext",
    "sts:setsourceidentity",
    "sts:tagsession",
];

/// Services none of whose resources has a policy of its own (IAM User Guide, "AWS services that work with IAM", column of resource-based
/// policies): what was not read of resources' policies cannot be theirs. Roles are IAM's, but their trust policy decides `sts` actions.
const WITHOUT_POLICIES: [&str; 10] = [
    "autoscaling",
    "cloudformation",
    "ec2",
    "ecs",
    "eks",
    "elasticloadbalancing",
    "iam",
    "organizations",
    "rds",
    "route53",
];

impl Estate {
    /// Everything that decides a request.
    ///
    /// What was not read is a document without statements whose one problem says so, so that an evaluator that respects problems
    /// cannot take it for nothing. Cost: [`Index::new`]; whoever asks often keeps an index and asks [`Estate::layers_by`].
    pub fn layers(&self, request: &Request, reference: &Reference) -> Layers {
        self.layers_by(&Index::new(self), request, reference)
    }

    /// The same with an index that is at hand.
    pub fn layers_by(&self, index: &Index, request: &Request, reference: &Reference) -> Layers {
        self.layers_of(self.parts(index, request, reference))
    }

    /// The same of a request of this principal, whether it is one of the estate's or not.
    pub fn layers_as(&self, entry: &PrincipalEntry, index: &Index, request: &Request, reference: &Reference) -> Layers {
        self.layers_of(self.parts_as(entry, index, request, reference))
    }

    fn layers_of(&self, parts: Parts<'_>) -> Layers {
        let levels = |steps: &[Step], unread: Option<Arc<str>>| {
            let read =
                steps.iter().map(|step| Level { name: step.name.clone(), policies: self.attached(&step.policies) });
            let unread = unread.map(|why| Level { name: "unread".into(), policies: vec![blind(&why)] });
            read.chain(unread).collect()
        };
        let mut identity = self.attached(parts.identity);
        identity.extend(parts.identity_unread.iter().map(blind));
        Layers {
            identity,
            boundary: parts.boundary.map(|policy| self.attached(&[policy])),
            session: None,
            scps: levels(parts.scps, parts.scps_unread),
            rcps: levels(parts.rcps, parts.rcps_unread),
            resource: match (parts.resource, parts.resource_unread) {
                (Some(policy), _) => self.policies.get(policy as usize).cloned(),
                (None, Some(why)) => Some(blind(&why)),
                (None, None) => None,
            },
            acl: parts.acl.and_then(|policy| self.policies.get(policy as usize)).cloned(),
            vpc_endpoint: None,
            restrict_public_buckets: parts.restrict_public_buckets,
        }
    }

    fn attached(&self, policies: &[PolicyIx]) -> Vec<Attached> {
        policies.iter().filter_map(|&policy| self.policies.get(policy as usize)).cloned().collect()
    }

    /// What applies to a request, without copying it.
    pub fn parts<'a>(&'a self, index: &Index, request: &Request, reference: &Reference) -> Parts<'a> {
        let mut parts = Parts::default();
        self.of_principal(index, &request.principal, &mut parts);
        let linked = self.is_service_linked(index, &request.principal);
        self.complete(linked, index, request, reference, parts)
    }

    /// The same of a request of this principal, whether it is one of the estate's or not.
    pub fn parts_as<'a>(
        &'a self,
        entry: &'a PrincipalEntry,
        index: &Index,
        request: &Request,
        reference: &Reference,
    ) -> Parts<'a> {
        let mut parts = Parts::default();
        self.of_entry(entry, &mut parts);
        self.complete(entry.service_linked, index, request, reference, parts)
    }

    /// Adds what applies by the resource; `linked`: a service asks for itself.
    fn complete<'a>(
        &'a self,
        linked: bool,
        index: &Index,
        request: &Request,
        reference: &Reference,
        mut parts: Parts<'a>,
    ) -> Parts<'a> {
        let action = request.action.to_ascii_lowercase();
        let named = match &request.resource_account {
            Some(_) => None,
            None => self.owner_of(index, &request.resource),
        };
        let owner = request.resource_account.as_deref().or(named.as_deref()).or_else(|| request.principal.account());
        self.of_resource(index, &action, &request.resource, owner, reference, &mut parts);
        if linked {
            // Neither kind of control policy binds what a service does for itself.
            (parts.scps, parts.scps_unread, parts.rcps, parts.rcps_unread) = (&[], None, &[], None);
        }
        parts
    }

    fn is_service_linked(&self, index: &Index, principal: &Principal) -> bool {
        let Principal::Session { role, .. } = principal else { return false };
        index.principal(role).is_some_and(|at| self.principals[at as usize].service_linked)
    }

    fn of_principal<'a>(&'a self, index: &Index, principal: &Principal, parts: &mut Parts<'a>) {
        let (Principal::User { arn }
        | Principal::Session { role: arn, .. }
        | Principal::FederatedUser { by: Some(arn), .. }) = principal
        else {
            if let Some(account) = principal.account().and_then(|number| index.account(number)) {
                (parts.scps, parts.scps_unread) = scps(&self.accounts[account as usize]);
            }
            return;
        };
        if let Some(at) = index.principal(arn) {
            return self.of_entry(&self.principals[at as usize], parts);
        }
        let account = principal.account().and_then(|number| index.account(number));
        let Some(account) = account.map(|at| &self.accounts[at as usize]) else {
            let number = principal.account().unwrap_or("?");
            parts.identity_unread.push(
                format!("account {number} is not in the snapshot: what `{arn}` is granted there was not read").into(),
            );
            return;
        };
        of_account(account, parts);
    }

    fn of_entry<'a>(&'a self, entry: &'a PrincipalEntry, parts: &mut Parts<'a>) {
        parts.identity = &entry.identity;
        parts.identity_unread.clone_from(&entry.unread);
        parts.boundary = entry.boundary;
        of_account(&self.accounts[entry.account as usize], parts);
    }

    fn of_resource<'a>(
        &'a self,
        index: &Index,
        action: &str,
        resource: &str,
        owner: Option<&str>,
        reference: &Reference,
        parts: &mut Parts<'a>,
    ) {
        let account = owner.and_then(|number| index.account(number)).map(|at| &self.accounts[at as usize]);
        let service = action.split(':').next().unwrap_or_default();
        if let Some(account) = account
            && !account.is_management
            && reference.service(service).is_some_and(|service| service.rcp)
        {
            parts.rcps = &account.rcps;
            parts.rcps_unread = unread(account, UnreadKind::Organization);
        }
        if ASSUMING.contains(&action)
            && let Some(role) = index.principal(resource)
        {
            let role = &self.principals[role as usize];
            parts.resource = role.trust;
            if role.trust.is_none() {
                parts.resource_unread = Some(format!("the trust policy of `{}` was not read", role.arn).into());
            }
            return;
        }
        if let Some(at) = index.resource(resource) {
            let entry = &self.resources[at as usize];
            parts.acl = self.acls.get(&at).copied();
            parts.resource = entry.policy;
            parts.restrict_public_buckets =
                entry.facts.get("public-access-block").is_some_and(|value| &**value == "true");
        }
        if parts.resource.is_none() && resource.starts_with("arn:") && !WITHOUT_POLICIES.contains(&service) {
            parts.resource_unread = match (account, owner) {
                (Some(account), _) => unread(account, UnreadKind::Resources),
                (None, Some(number)) => Some(
                    format!("account {number} is not in the snapshot: the policy of `{resource}` was not read").into(),
                ),
                (None, None) => None,
            };
        }
    }

    /// The number of the account that a resource belongs to: as its ARN says, or as [`Estate::resources`] does.
    pub fn owner_of(&self, index: &Index, resource: &str) -> Option<Arc<str>> {
        let number = resource.split(':').nth(4).unwrap_or_default();
        if number.len() == 12 && number.bytes().all(|byte| byte.is_ascii_digit()) {
            return Some(number.into());
        }
        let account = self.resources[index.resource(resource)? as usize].account?;
        Some(self.accounts[account as usize].number.clone())
    }

    /// The request that a principal of the estate makes, in open mode, with everything in its context that the estate knows.
    pub fn request(&self, index: &Index, who: PrincipalIx, action: &str, resource: &str) -> Request {
        self.request_as(&self.principals[who as usize], index, action, resource)
    }

    /// The same of this principal, whether it is one of the estate's or not.
    pub fn request_as(&self, entry: &PrincipalEntry, index: &Index, action: &str, resource: &str) -> Request {
        let principal = match entry.kind {
            super::PrincipalKind::User => Principal::User { arn: entry.arn.to_string() },
            super::PrincipalKind::Role => Principal::Session { role: entry.arn.to_string(), session: String::new() },
        };
        let own = &self.accounts[entry.account as usize];
        let owner = self.owner_of(index, resource).unwrap_or_else(|| own.number.clone());
        let mut context: std::collections::BTreeMap<String, Vec<String>> = std::collections::BTreeMap::new();
        let mut set = |key: &str, value: &str| context.insert(key.to_ascii_lowercase(), vec![value.to_owned()]);
        for (key, value) in &entry.tags {
            set(&format!("aws:PrincipalTag/{key}"), value);
        }
        if let Some(organization) = self.organization.as_deref() {
            if own.in_organization {
                set("aws:PrincipalOrgID", organization);
            }
            if index.account(&owner).is_some_and(|at| self.accounts[at as usize].in_organization) {
                set("aws:ResourceOrgID", organization);
            }
        }
        set("aws:ResourceAccount", &owner);
        if let (super::PrincipalKind::User, Some(id)) = (entry.kind, &entry.unique_id) {
            set("aws:userid", id);
        }
        Request {
            principal,
            action: action.to_owned(),
            resource: resource.to_owned(),
            resource_account: Some(owner.to_string()),
            context,
            mode: Mode::Open,
        }
    }
}

fn of_account<'a>(account: &'a Account, parts: &mut Parts<'a>) {
    (parts.scps, parts.scps_unread) = scps(account);
    parts.identity_unread.extend(unread(account, UnreadKind::Principals));
}

fn scps(account: &Account) -> (&[Step], Option<Arc<str>>) {
    if account.is_management { (&[], None) } else { (&account.scps, unread(account, UnreadKind::Organization)) }
}

fn unread(account: &Account, kind: UnreadKind) -> Option<Arc<str>> {
    let missing = account.unread.iter().find(|unread| unread.what == kind)?;
    Some(missing.why.clone())
}

/// A document of which nothing is known but why.
fn blind(why: &Arc<str>) -> Attached {
    let problem = Problem { span: 0..0, what: why.to_string(), statement: None, blinds: true };
    let document =
        Document { problems: vec![problem], unread: vec![UnreadStatement::default()], ..Document::default() };
    Attached { name: why.clone(), version: None, document: Arc::new(document) }
}
