//! What is open to the outside: trust policies and policies of resources that let in everyone, other accounts, services that act for
//! strangers, and identities of other providers.
//!
//! Every statement that allows is asked about by itself, together with all denials of its policy and with the resource control policies of
//! the account: would a stranger get in? A stranger has an account, an organisation, an address, a repository that are nobody's here; a
//! condition that keeps him out narrows, one that only asks for encryption or a tag does not. So it does not matter how a condition is
//! written (`IfExists`, wildcards, negations): what it does is what counts.
//!
//! Sources: IAM User Guide, "The confused deputy problem" (confused-deputy.html), "How to use an external ID"
//! (id_roles_common-scenarios_third-party.html), "Identity-provider controls for shared OIDC providers"
//! (id_roles_providers_oidc_secure-by-default.html), "Create a role for OpenID Connect federation"
//! (id_roles_create_for-idp_oidc.html), "AWS global condition context keys" (reference_policies_condition-keys.html); S3 User Guide,
//! "Blocking public access to your Amazon S3 storage", section "The meaning of public" (access-control-block-public-access.html).

use std::sync::Arc;

use rayon::prelude::*;

use super::answer::{Answer, Assumption, Deciding, Layer, Verdict};
use super::document::{Document, Effect, PrincipalPattern, Statement};
use super::estate::{AccountIx, Estate, Index, PolicyIx, PrincipalIx, PrincipalKind, ResourceIx};
use super::literal;
use super::public::is_public;
use super::reference::Reference;
use super::request::{Attached, Layers, Mode, Principal, Request};

mod federated;
mod stranger;

#[cfg(test)]
mod tests;

/// Something that is open to the outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exposure {
    /// What is open.
    pub what: Exposed,
    /// To whom.
    pub who: Who,
    /// In which way.
    pub kind: Kind,
    /// The statement that opens it.
    pub statement: Deciding,
    /// An action that is open, as it was asked about.
    pub action: String,
    /// What narrows it; empty where nothing does.
    pub narrowed: Vec<Assumption>,
    /// How grave it is.
    pub severity: Severity,
    /// What closes it after all: a denial, Block Public Access; then it is no exposure, and here so that it can be explained.
    pub closed: Option<Closed>,
}

/// What can be open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Exposed {
    /// A role, by its trust policy.
    Role(PrincipalIx),
    /// A resource, by its policy.
    Resource(ResourceIx),
}

/// Who may come from outside.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Who {
    /// Everyone, also who is not signed in.
    Anonymous,
    /// Everyone who has an account of AWS.
    AnyAccount,
    /// Everyone of the own organisation.
    Organization,
    /// An account, by number.
    Account(Arc<str>),
    /// A user or role of another account, by ARN.
    Principal(Arc<str>),
    /// A service.
    Service(Arc<str>),
    /// Whoever an identity provider vouches for.
    Provider(Arc<str>),
    /// An account of S3, by its canonical id: whose it is cannot be told.
    Canonical(Arc<str>),
}

/// The way in which something is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// To everyone.
    Public,
    /// To every account of the own organisation.
    Organization,
    /// To another account of the own organisation.
    OwnAccount,
    /// To an account outside the organisation.
    ForeignAccount,
    /// A role to an account outside the organisation that need not send an external id: whoever that account serves could have it act on
    /// this role for him.
    WithoutExternalId,
    /// To a service that may be acting for somebody else's account: nothing says for which resource or account it acts.
    ConfusedDeputy,
    /// To an identity provider, for subjects or audiences that the policy names.
    Federated,
    /// To any tenant of an identity provider that many share: any repository, any organisation.
    AnyTenant,
    /// To every workload of a cluster, or every subject of an own provider.
    AnySubject,
    /// To tokens that were made for somebody else: the audience is not compared.
    AnyAudience,
    /// To guests of an identity pool, who need not sign in.
    Guests,
}

impl Kind {
    /// As it is stored and filtered by.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Organization => "organization",
            Self::OwnAccount => "own-account",
            Self::ForeignAccount => "foreign-account",
            Self::WithoutExternalId => "without-external-id",
            Self::ConfusedDeputy => "confused-deputy",
            Self::Federated => "federated",
            Self::AnyTenant => "any-tenant",
            Self::AnySubject => "any-subject",
            Self::AnyAudience => "any-audience",
            Self::Guests => "guests",
        }
    }

    /// The page that says why it matters.
    pub const fn page(self) -> &'static str {
        match self {
            Self::Public => {
                "https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html"
            }
            Self::Organization | Self::OwnAccount | Self::ForeignAccount => {
                "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic-cross-account.html"
            }
            Self::WithoutExternalId => {
                "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_common-scenarios_third-party.html"
            }
            Self::ConfusedDeputy => "https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html",
            Self::Federated | Self::AnySubject | Self::AnyAudience => {
                "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create_for-idp_oidc.html"
            }
            Self::AnyTenant => {
                "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_oidc_secure-by-default.html"
            }
            Self::Guests => "https://docs.aws.amazon.com/cognito/latest/developerguide/iam-roles.html",
        }
    }
}

/// How grave an exposure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing.
    Low,
    /// Worth a reason.
    Medium,
    /// Strangers get in.
    High,
}

/// What closes an exposure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Closed {
    /// Statements that deny it.
    Denied(Vec<Deciding>),
    /// S3 ignores public policies of the bucket.
    BlockPublicAccess,
}

/// Everything of an estate that is open to the outside, and what would be but for a denial; by what is open, then by statement.
///
/// Roles that belong to services are left out: nobody but the service assumes them. Cost: some questions for each statement of a trust or
/// resource policy, asked of the literal evaluator in parallel.
pub fn exposures(estate: &Estate, reference: &Reference) -> Vec<Exposure> {
    let scene = Scene { estate, reference, index: Index::new(estate) };
    let roles = (0..).zip(&estate.principals).filter(|(_, entry)| !entry.service_linked);
    let roles =
        roles.filter_map(|(at, entry)| Some((Exposed::Role(at), &entry.arn, Some(entry.account), entry.trust?)));
    let resources = (0..).zip(&estate.resources);
    let resources = resources
        .filter_map(|(at, resource)| Some((Exposed::Resource(at), &resource.arn, resource.account, resource.policy?)));
    let mut lists: Vec<(ResourceIx, PolicyIx)> = estate.acls.iter().map(|(at, acl)| (*at, *acl)).collect();
    lists.sort_unstable();
    let lists = lists.into_iter().map(|(at, acl)| {
        let resource = &estate.resources[at as usize];
        (Exposed::Resource(at), &resource.arn, resource.account, acl)
    });
    let all: Vec<_> = roles.chain(resources).chain(lists).collect();
    let found: Vec<Vec<Exposure>> = all
        .into_par_iter()
        .map(|(what, arn, account, policy)| scene.of(&Subject { what, arn, account, policy }))
        .collect();
    found.into_iter().flatten().collect()
}

/// What could be open and could not be judged, wholly or in part, and why; in the order of [`exposures`].
///
/// A trust policy that is missing was not read: every role has one. That resources are missing altogether is told by
/// [`super::estate::Account::unread`].
pub fn unjudged(estate: &Estate) -> Vec<(Exposed, String)> {
    let blind = |policy: PolicyIx| {
        let policy = estate.policies.get(policy as usize)?;
        let problem = policy.document.problems.iter().find(|problem| problem.blinds)?;
        Some(format!("`{}` was understood in part only: {}", policy.name, problem.what))
    };
    let roles =
        (0..).zip(&estate.principals).filter(|(_, entry)| entry.kind == PrincipalKind::Role && !entry.service_linked);
    let roles = roles.filter_map(|(at, entry)| {
        let why = entry.trust.map_or_else(|| Some(format!("the trust policy of `{}` was not read", entry.arn)), blind);
        Some((Exposed::Role(at), why?))
    });
    let resources = (0..).zip(&estate.resources);
    let resources = resources.filter_map(|(at, resource)| Some((Exposed::Resource(at), blind(resource.policy?)?)));
    roles.chain(resources).collect()
}

/// What is looked at.
struct Subject<'a> {
    what: Exposed,
    arn: &'a Arc<str>,
    account: Option<AccountIx>,
    policy: PolicyIx,
}

struct Scene<'a> {
    estate: &'a Estate,
    reference: &'a Reference,
    index: Index,
}

/// One statement that allows, with the denials around it.
struct Opening<'a> {
    subject: &'a Subject<'a>,
    statement: &'a Statement,
    deciding: Deciding,
    policy: Attached,
    /// Of an access control list the denials of the bucket's policy.
    beside: Option<Attached>,
    action: String,
    resource: String,
    number: Option<&'a str>,
}

impl Scene<'_> {
    fn of(&self, subject: &Subject) -> Vec<Exposure> {
        let Some(policy) = self.estate.policies.get(subject.policy as usize) else { return Vec::new() };
        let mut found = Vec::new();
        for statement in policy.document.statements.iter().filter(|statement| statement.effect == Effect::Allow) {
            let Some(principals) = &statement.principals else { continue };
            let openings = self.openings(subject, policy, statement);
            if principals.not {
                found.extend(first_open(&openings, |opening, found| self.everyone(opening, found)));
                continue;
            }
            for pattern in &principals.of {
                found.extend(first_open(&openings, |opening, found| self.pattern(opening, pattern, found)));
            }
        }
        let mut seen = Vec::new();
        found.retain(|exposure| {
            let key = (exposure.who.clone(), exposure.kind, exposure.statement.index);
            let new = !seen.contains(&key);
            seen.push(key);
            new
        });
        found
    }

    /// A statement by each of some actions that it is about: a denial may be about one and not about another.
    fn openings<'a>(
        &'a self,
        subject: &'a Subject<'a>,
        policy: &Attached,
        statement: &'a Statement,
    ) -> Vec<Opening<'a>> {
        let number = match subject.account {
            Some(account) => Some(&*self.estate.accounts[account as usize].number),
            None => subject.arn.split(':').nth(4).filter(|number| !number.is_empty()),
        };
        let alone = policy
            .document
            .statements
            .iter()
            .filter(|other| other.effect == Effect::Deny || other.index == statement.index);
        let document = Document { statements: alone.cloned().collect(), ..Document::clone(&policy.document) };
        let deciding = Deciding {
            layer: Layer::Resource,
            policy: policy.name.clone(),
            version: policy.version.clone(),
            sid: statement.sid.clone(),
            index: statement.index,
            span: statement.span.clone(),
        };
        let policy = Attached { document: document.into(), ..policy.clone() };
        let beside = self.beside(subject);
        let actions = stranger::actions(self.reference, statement, matches!(subject.what, Exposed::Role(_)));
        let of_action = |action: String| Opening {
            subject,
            statement,
            deciding: deciding.clone(),
            policy: policy.clone(),
            beside: beside.clone(),
            resource: stranger::resource(statement, subject.arn, &action),
            action,
            number,
        };
        actions.into_iter().map(of_action).collect()
    }

    /// The denials of a bucket's policy, which stand in the way of its access control list as well.
    fn beside(&self, subject: &Subject) -> Option<Attached> {
        let Exposed::Resource(at) = subject.what else { return None };
        self.estate.acls.get(&at).filter(|acl| **acl == subject.policy)?;
        let policy = self.estate.policies.get(self.estate.resources[at as usize].policy? as usize)?;
        let denials = policy.document.statements.iter().filter(|statement| statement.effect == Effect::Deny);
        let document = Document { statements: denials.cloned().collect(), ..Document::clone(&policy.document) };
        Some(Attached { document: document.into(), ..policy.clone() })
    }

    fn pattern(&self, opening: &Opening, pattern: &PrincipalPattern, found: &mut Vec<Exposure>) {
        match pattern {
            PrincipalPattern::Everyone => self.everyone(opening, found),
            PrincipalPattern::Account(account) => {
                let number = account.split(':').nth(4).unwrap_or(account);
                self.account(
                    opening,
                    number,
                    &format!("arn:aws:iam::{number}:user/{}", stranger::NAME),
                    Who::Account(number.into()),
                    found,
                );
            }
            PrincipalPattern::Arn(arn) => {
                let number = arn.split(':').nth(4).unwrap_or_default();
                self.account(opening, number, arn, Who::Principal((**arn).into()), found);
            }
            PrincipalPattern::Service(service) => self.service(opening, service, found),
            PrincipalPattern::Federated(provider) => self.federated(opening, provider, found),
            PrincipalPattern::CanonicalUser(id) => {
                found.push(exposure(
                    opening,
                    Who::Canonical((**id).into()),
                    Kind::ForeignAccount,
                    Severity::Medium,
                    Vec::new(),
                ));
            }
            // Matches nobody.
            PrincipalPattern::Deleted(_) => {}
        }
    }

    /// Whether S3 ignores what a public policy of this bucket allows to others.
    fn is_blocked(&self, opening: &Opening) -> bool {
        let Exposed::Resource(at) = opening.subject.what else { return false };
        let resource = &self.estate.resources[at as usize];
        let whole = self.estate.policies.get(opening.subject.policy as usize);
        let on = resource.facts.get("public-access-block").is_some_and(|value| &**value == "true");
        on && whole.is_some_and(|policy| is_public(&policy.document))
    }

    fn everyone(&self, opening: &Opening, found: &mut Vec<Exposure>) {
        let mut closed = None;
        for (principal, who) in [(Principal::Anonymous, Who::Anonymous), (stranger::user(), Who::AnyAccount)] {
            if who == Who::Anonymous && opening.is_role() {
                // STS is asked with a signature.
                continue;
            }
            let strange = stranger::context();
            let answer = self.ask(opening, principal.clone(), &strange);
            let (answer, narrowed) = if answer.verdict == Verdict::Allowed {
                (answer, Vec::new())
            } else {
                // Perhaps he only comes from the wrong place.
                let answer = self.ask(opening, principal, &stranger::somewhere());
                let narrowed: Vec<Assumption> =
                    answer.assumed.iter().filter(|assumed| stranger::narrows(&assumed.key)).cloned().collect();
                (answer, narrowed)
            };
            match answer.verdict {
                Verdict::Allowed => {
                    let severity = if narrowed.is_empty() { Severity::High } else { Severity::Low };
                    let mut exposure = exposure(opening, who, Kind::Public, severity, narrowed);
                    exposure.closed = self.is_blocked(opening).then_some(Closed::BlockPublicAccess);
                    found.push(exposure);
                    return;
                }
                Verdict::ExplicitlyDenied => closed = Some(answer.deciding),
                Verdict::ImplicitlyDenied | Verdict::NotEvaluated => {}
            }
        }
        if let Some(organization) = &self.estate.organization {
            let answer = self.ask(opening, stranger::user(), &stranger::colleague(organization));
            if answer.verdict == Verdict::Allowed {
                found.push(exposure(opening, Who::Organization, Kind::Organization, Severity::Low, answer.assumed));
                return;
            }
        }
        if let Some(denying) = closed {
            let mut exposure = exposure(opening, Who::AnyAccount, Kind::Public, Severity::High, Vec::new());
            exposure.closed = Some(Closed::Denied(denying));
            found.push(exposure);
            return;
        }
        // Neither strangers nor colleagues: single accounts or principals that conditions name.
        for number in stranger::accounts_named(opening.statement) {
            let arn = format!("arn:aws:iam::{number}:user/{}", stranger::NAME);
            self.account(opening, &number, &arn, Who::Account(number.as_str().into()), found);
        }
    }

    fn account(&self, opening: &Opening, number: &str, arn: &str, who: Who, found: &mut Vec<Exposure>) {
        if opening.number == Some(number) {
            return;
        }
        let known = self.index.account(number).map(|at| &self.estate.accounts[at as usize]);
        let inside = known.is_some_and(|account| account.in_organization) && self.estate.organization.is_some();
        let principal = Principal::from_arn(arn).filter(|principal| !matches!(principal, Principal::Root { .. }));
        let principal = principal
            .unwrap_or_else(|| Principal::User { arn: format!("arn:aws:iam::{number}:user/{}", stranger::NAME) });
        let organization = if inside { self.estate.organization.as_deref() } else { None };
        let context = stranger::of_account(number, organization);
        let mut answer = self.ask(opening, principal.clone(), &context);
        let without_id = answer.verdict == Verdict::Allowed && opening.is_role() && !inside;
        if answer.verdict != Verdict::Allowed {
            answer = self.ask(opening, principal, &stranger::with_open_id(context));
        }
        let (kind, severity) = match (inside, without_id) {
            (true, _) => (Kind::OwnAccount, Severity::Low),
            (false, true) => (Kind::WithoutExternalId, Severity::Medium),
            (false, false) => (Kind::ForeignAccount, Severity::Medium),
        };
        let mut exposure = exposure(opening, who, kind, severity, answer.assumed);
        match answer.verdict {
            Verdict::Allowed => {}
            Verdict::ExplicitlyDenied => exposure.closed = Some(Closed::Denied(answer.deciding)),
            Verdict::ImplicitlyDenied | Verdict::NotEvaluated => return,
        }
        if self.is_blocked(opening) {
            exposure.closed = Some(Closed::BlockPublicAccess);
        }
        found.push(exposure);
    }

    fn service(&self, opening: &Opening, service: &str, found: &mut Vec<Exposure>) {
        if !stranger::acts_for_others(service, opening.is_role()) {
            return;
        }
        let answer =
            self.ask(opening, Principal::Service { name: service.to_owned() }, &stranger::behind_service(service));
        let severity = if opening.is_role() { Severity::Low } else { Severity::Medium };
        let mut exposure =
            exposure(opening, Who::Service(service.into()), Kind::ConfusedDeputy, severity, answer.assumed);
        match answer.verdict {
            Verdict::Allowed => found.push(exposure),
            Verdict::ExplicitlyDenied => {
                exposure.closed = Some(Closed::Denied(answer.deciding));
                found.push(exposure);
            }
            Verdict::ImplicitlyDenied | Verdict::NotEvaluated => {}
        }
    }

    /// The answer to somebody whose own account lets him do anything.
    fn ask(&self, opening: &Opening, principal: Principal, context: &[(String, Vec<String>)]) -> Answer {
        let request = Request {
            principal,
            action: opening.action.clone(),
            resource: opening.resource.clone(),
            resource_account: opening.number.map(str::to_owned),
            context: context.iter().cloned().collect(),
            mode: Mode::Open,
        };
        let of_estate = self.estate.layers_by(&self.index, &request, self.reference);
        let layers = Layers {
            identity: vec![super::escalation::everything()],
            rcps: of_estate.rcps,
            resource: Some(opening.policy.clone()),
            acl: opening.beside.clone(),
            ..Layers::default()
        };
        literal::evaluate(&request, &layers)
    }
}

fn exposure(opening: &Opening, who: Who, kind: Kind, severity: Severity, narrowed: Vec<Assumption>) -> Exposure {
    Exposure {
        what: opening.subject.what,
        who,
        kind,
        statement: opening.deciding.clone(),
        action: opening.action.clone(),
        narrowed,
        severity,
        closed: None,
    }
}

/// What the first action shows that is open to somebody, or else the first that would be but for what closes it.
fn first_open<'a>(openings: &[Opening<'a>], ask: impl Fn(&Opening<'a>, &mut Vec<Exposure>)) -> Vec<Exposure> {
    let mut closed = Vec::new();
    for opening in openings {
        let mut found = Vec::new();
        ask(opening, &mut found);
        if found.iter().any(|exposure| exposure.closed.is_none()) {
            return found;
        }
        if closed.is_empty() {
            closed = found;
        }
    }
    closed
}

impl Opening<'_> {
    fn is_role(&self) -> bool {
        matches!(self.subject.what, Exposed::Role(_))
    }
}
