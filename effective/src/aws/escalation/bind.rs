//! What an estate has of what techniques need to be there: resources that run as a role, instance profiles, policies, providers.

use rustc_hash::{FxHashMap, FxHashSet};

use super::Object;
use super::ask::Asker;
use super::technique::{Existing, On, Policy, Runs, Technique, When};
use crate::aws::document::Effect;
use crate::aws::estate::{AccountIx, Estate, PolicyIx, PrincipalIx, PrincipalKind, ResourceIx, UnreadKind};

/// The resources and roles of an estate, by what is looked for.
#[derive(Debug, Default)]
pub(super) struct Found {
    by_role: FxHashMap<(String, String), Vec<ResourceIx>>,
    by_account: FxHashMap<(String, AccountIx), Vec<ResourceIx>>,
    kinds: FxHashSet<String>,
    /// Kinds of which a team says that it has none.
    without: FxHashSet<String>,
    /// What is known of a user as a resource.
    users: FxHashMap<String, ResourceIx>,
    /// Users and roles by account number, kind and name: names are unique in an account, whatever the path.
    names: FxHashMap<(String, PrincipalKind, String), PrincipalIx>,
    /// Other versions, by the policy in force.
    versions: FxHashMap<PolicyIx, Vec<PolicyIx>>,
    groups: FxHashMap<AccountIx, Vec<u32>>,
}

impl Found {
    pub(super) fn new(estate: &Estate, without: &[String]) -> Self {
        let mut found = Self { without: without.iter().cloned().collect(), ..Self::default() };
        found.kinds.extend(estate.kinds_read.iter().map(ToString::to_string));
        for (at, resource) in (0..).zip(&estate.resources) {
            let kind = resource.kind.to_string();
            if &*kind == "aws:iam-user" {
                found.users.insert(resource.arn.to_string(), at);
            }
            // Several are separated by spaces.
            for role in resource.facts.get("role").iter().flat_map(|roles| roles.split(' ')) {
                found.by_role.entry((kind.clone(), role.to_owned())).or_default().push(at);
            }
            if let Some(account) = resource.account {
                found.by_account.entry((kind.clone(), account)).or_default().push(at);
            }
            found.kinds.insert(kind);
        }
        for (at, entry) in (0..).zip(&estate.principals) {
            found.names.extend(key(&entry.arn).map(|key| (key, at)));
        }
        for &(in_force, other) in &estate.versions {
            found.versions.entry(in_force).or_default().push(other);
        }
        for (at, group) in (0..).zip(&estate.groups) {
            found.groups.entry(group.account).or_default().push(at);
        }
        found
    }

    /// Whether the kind was looked for: it was said so, or any account shows a resource of it; else nobody can say that there is none.
    pub(super) fn has_kind(&self, kind: &str) -> bool {
        self.kinds.contains(kind) || self.without.contains(kind)
    }

    pub(super) fn versions(&self, policy: PolicyIx) -> &[PolicyIx] {
        self.versions.get(&policy).map(Vec::as_slice).unwrap_or_default()
    }

    pub(super) fn groups(&self, account: AccountIx) -> &[u32] {
        self.groups.get(&account).map(Vec::as_slice).unwrap_or_default()
    }

    /// A user or role by its ARN, whatever its path, or a role by the ARN of one of its sessions.
    pub(super) fn principal(&self, arn: &str) -> Option<PrincipalIx> {
        self.names.get(&key(arn)?).copied()
    }

    /// What a technique can be about with this target; empty: something that it needs is not there. What does not depend on the target
    /// is not looked for here.
    pub(super) fn objects(&self, asker: &Asker, technique: &Technique, target: PrincipalIx) -> Vec<Object> {
        let When { instance_profile, resource, policy, provider, .. } = &technique.when;
        let entry = asker.principal(target);
        if technique.writes_role(&On::Target) && is_protected(&entry.arn) {
            return Vec::new();
        }
        if *instance_profile
            && !self.by_role.contains_key(&("aws:iam-instance-profile".to_owned(), entry.arn.to_string()))
        {
            let unread = is_missing(asker.estate, entry.account, UnreadKind::Runners);
            return if unread { vec![Object::Unread] } else { Vec::new() };
        }
        if !self.user_fits(asker.estate, &entry.arn, &technique.when)
            || (provider.is_some() && asker.providers(target).is_empty())
        {
            return Vec::new();
        }
        if *policy == Some(Policy::OfTarget) {
            return written_policies(asker.estate, &entry.identity).map(Object::Policy).collect();
        }
        match resource {
            Some(Existing { kind, runs: Runs::Target, .. }) => {
                match self.by_role.get(&(kind.clone(), entry.arn.to_string())) {
                    Some(resources) => resources.iter().copied().map(Object::Resource).collect(),
                    None if self.is_unread(asker.estate, kind, entry.account) => vec![Object::Unread],
                    None => Vec::new(),
                }
            }
            Some(Existing { runs: Runs::Anything, .. }) | None => vec![Object::None],
        }
    }

    /// What a technique can be about in an account, whoever the target is.
    pub(super) fn anything(&self, estate: &Estate, technique: &Technique, account: AccountIx) -> Vec<Object> {
        if technique.when.management && !estate.accounts[account as usize].is_management {
            return Vec::new();
        }
        let Some(Existing { kind, runs: Runs::Anything, .. }) = &technique.when.resource else {
            return vec![Object::None];
        };
        match self.by_account.get(&(kind.clone(), account)) {
            Some(resources) => resources.iter().copied().map(Object::Resource).collect(),
            None if self.is_unread(estate, kind, account) => vec![Object::Unread],
            None => Vec::new(),
        }
    }

    fn is_unread(&self, estate: &Estate, kind: &str, account: AccountIx) -> bool {
        const MATTER: [UnreadKind; 3] = [UnreadKind::Resources, UnreadKind::Runners, UnreadKind::Workloads];
        let missing = || MATTER.into_iter().any(|what| is_missing(estate, account, what));
        !self.has_kind(kind) || (!self.without.contains(kind) && missing())
    }

    /// Whether keys and password of a user are as a technique wants them; what is not known is.
    fn user_fits(&self, estate: &Estate, arn: &str, when: &When) -> bool {
        let facts = self.users.get(arn).map(|&at| &estate.resources[at as usize].facts);
        let fact = |name: &str| facts.and_then(|facts| facts.get(name));
        let keys = fact("keys").and_then(|keys| keys.parse::<u32>().ok());
        let console = fact("console").and_then(|console| console.parse::<bool>().ok());
        when.keys_below.is_none_or(|below| keys.is_none_or(|keys| keys < below))
            && when.keys_from.is_none_or(|from| keys.is_some_and(|keys| keys >= from))
            && when.console.is_none_or(|wanted| console.is_none_or(|console| console == wanted))
    }
}

fn is_missing(estate: &Estate, account: AccountIx, what: UnreadKind) -> bool {
    estate.accounts[account as usize].unread.iter().any(|unread| unread.what == what)
}

/// Whether only AWS changes a role, whatever policies say: those of Identity Center and those of services (IAM User Guide, "Create a
/// service-linked role"; IAM Identity Center User Guide, "Referencing permission sets in resource policies").
pub(super) fn is_protected(arn: &str) -> bool {
    arn.contains(":role/aws-reserved/") || arn.contains(":role/aws-service-role/")
}

/// Account number, kind and name of a user, a role or a session of a role.
fn key(arn: &str) -> Option<(String, PrincipalKind, String)> {
    let mut parts = arn.splitn(6, ':').skip(4);
    let (number, resource) = (parts.next()?, parts.next()?);
    let (kind, path) = resource.split_once('/')?;
    let (kind, name) = match kind {
        "user" => (PrincipalKind::User, path.rsplit('/').next()?),
        "role" => (PrincipalKind::Role, path.rsplit('/').next()?),
        "assumed-role" => (PrincipalKind::Role, path.split('/').next()?),
        _ => return None,
    };
    Some((number.to_owned(), kind, name.to_owned()))
}

/// Managed policies of the account itself: those of AWS cannot be written, and inline policies have no versions.
pub(super) fn written_policies<'a>(
    estate: &'a Estate,
    policies: &'a [PolicyIx],
) -> impl Iterator<Item = PolicyIx> + 'a {
    policies.iter().copied().filter(|&policy| {
        let name = estate.policies.get(policy as usize).map(|policy| &*policy.name).unwrap_or_default();
        name.split(':').nth(4).is_some_and(|account| name.starts_with("arn:") && account != "aws")
    })
}

/// Managed policies, those of AWS as well.
pub(super) fn is_managed(estate: &Estate, policy: PolicyIx) -> bool {
    estate.policies.get(policy as usize).is_some_and(|policy| policy.name.starts_with("arn:"))
}

/// Whether a policy denies anything.
pub(super) fn denies(estate: &Estate, policy: PolicyIx) -> bool {
    let statements = estate.policies.get(policy as usize).map(|policy| &policy.document.statements);
    statements.is_some_and(|statements| statements.iter().any(|statement| statement.effect == Effect::Deny))
}
