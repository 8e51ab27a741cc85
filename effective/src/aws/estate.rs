//! Everything of an account or an organisation that decides who may do what.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::request::Attached;

mod layers;
#[cfg(test)]
mod tests;

pub use layers::{Index, Parts};

/// Position of a policy in [`Estate::policies`].
pub type PolicyIx = u32;
/// Position of a principal in [`Estate::principals`].
pub type PrincipalIx = u32;
/// Position of an account in [`Estate::accounts`].
pub type AccountIx = u32;
/// Position of a resource in [`Estate::resources`].
pub type ResourceIx = u32;

/// Accounts, principals, resources and policies, each once.
#[derive(Debug, Clone, Default)]
pub struct Estate {
    /// Every document once; what several principals share is one entry.
    pub policies: Vec<Attached>,
    /// Accounts that were read, and those that only appear in ARNs as far as they belong to the organisation.
    pub accounts: Vec<Account>,
    /// Users and roles.
    pub principals: Vec<PrincipalEntry>,
    /// Resources that have a policy, and those that matter to escalation (functions, instance profiles…).
    pub resources: Vec<Resource>,
    /// The organisation's id (`o-…`), where one was read.
    pub organization: Option<Arc<str>>,
    /// Groups, also those without members: whoever may add himself gains what they grant.
    pub groups: Vec<GroupEntry>,
    /// Versions of managed policies that are not the default: the policy as it is in force, and the other version of it. Whoever
    /// may choose the default gains what the other version grants.
    pub versions: Vec<(PolicyIx, PolicyIx)>,
    /// VPC endpoints with their policies: they limit the requests that go through them, and grant nothing.
    pub endpoints: Vec<Resource>,
    /// What access control lists of buckets grant, as policies that only allow.
    pub acls: FxHashMap<ResourceIx, PolicyIx>,
    /// Kinds of resources that were looked for in every account but those of which [`UnreadKind::Workloads`] says otherwise.
    pub kinds_read: Vec<Arc<str>>,
}

/// A group of users.
#[derive(Debug, Clone)]
pub struct GroupEntry {
    /// `arn:aws:iam::…:group/…`.
    pub arn: Arc<str>,
    /// Whose it is.
    pub account: AccountIx,
    /// Its own inline and attached policies.
    pub policies: Vec<PolicyIx>,
}

/// One AWS account.
#[derive(Debug, Clone)]
pub struct Account {
    /// Twelve digits.
    pub number: Arc<str>,
    /// Its name in the organisation.
    pub name: Option<Arc<str>>,
    /// Whether it belongs to the organisation of the estate.
    pub in_organization: bool,
    /// The management account is bound by no SCP and no RCP.
    pub is_management: bool,
    /// From the organisation's root down to the account: what is attached at each step. Empty outside an organisation.
    pub scps: Vec<Step>,
    /// The same, of resource control policies.
    pub rcps: Vec<Step>,
    /// What of it was not read, as sentences; empty when all was. What depends on it is *not evaluated*.
    pub unread: Vec<Unread>,
}

/// What is attached at one step from the root of an organisation to an account.
#[derive(Debug, Clone)]
pub struct Step {
    /// `r-…`, `ou-…` or the account's number.
    pub name: Arc<str>,
    /// The policies.
    pub policies: Vec<PolicyIx>,
}

/// Something of an account that was not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    /// What it is.
    pub what: UnreadKind,
    /// Why, with its code.
    pub why: Arc<str>,
}

/// What was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UnreadKind {
    /// Users, groups, roles and their policies: there may be more principals and more grants.
    Principals,
    /// The organisation's policies or its tree: something may still be denied.
    Organization,
    /// Policies of resources: there may be more that is allowed or denied.
    Resources,
    /// Instance profiles: there may be more ways to become a role.
    Runners,
    /// Instances, jobs, projects, stacks… that run as a role: there may be more ways to become one.
    Workloads,
}

/// A user or a role.
#[derive(Debug, Clone)]
pub struct PrincipalEntry {
    /// `arn:aws:iam::…:user/…` or `…:role/…`.
    pub arn: Arc<str>,
    /// `AIDA…` or `AROA…`, where it is known.
    pub unique_id: Option<Arc<str>>,
    /// Whose it is.
    pub account: AccountIx,
    /// User or role.
    pub kind: PrincipalKind,
    /// Its own inline and attached policies and those of its groups.
    pub identity: Vec<PolicyIx>,
    /// Where an identity policy comes from a group: policy and the group's ARN.
    pub through: Vec<(PolicyIx, Arc<str>)>,
    /// ARNs of the groups that a user is in.
    pub groups: Vec<Arc<str>>,
    /// Its permissions boundary.
    pub boundary: Option<PolicyIx>,
    /// A role's trust policy.
    pub trust: Option<PolicyIx>,
    /// Tags of the principal, keys as written.
    pub tags: Vec<(Arc<str>, Arc<str>)>,
    /// Documents that are attached and could not be had, as sentences.
    pub unread: Vec<Arc<str>>,
    /// A user without password and active key, or a principal that is switched off, cannot act; `None`: not known.
    pub can_act: Option<bool>,
    /// A role that a service owns (path `/aws-service-role/`): no SCP binds it, nobody but the service assumes it.
    pub service_linked: bool,
}

/// User or role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PrincipalKind {
    /// An IAM user.
    User,
    /// An IAM role.
    Role,
}

/// A resource with what decides about it.
#[derive(Debug, Clone)]
pub struct Resource {
    /// Its ARN.
    pub arn: Arc<str>,
    /// As `aws:s3-bucket`, `aws:lambda-function`.
    pub kind: Arc<str>,
    /// Whose it is; `None`: an account that is not in the estate.
    pub account: Option<AccountIx>,
    /// Its policy.
    pub policy: Option<PolicyIx>,
    /// Facts about it that decide, by name: `public-access-block` = `true`, `role` = the ARN it runs as, `console` = whether a user
    /// has a password, `keys` = how many access keys a user has.
    pub facts: FxHashMap<Arc<str>, Arc<str>>,
}
