//! IAM Identity Center: permission sets, who has them in which account, and the identity store's users and groups.
//!
//! A permission set is an entitlement; an assignment is a grant of it on an account. Live answers and
//! `identity-center.json` share one shape, [`Export`].

#![expect(clippy::struct_field_names, reason = "the fields are named as AWS names them")]

use std::collections::BTreeSet;

use aws_sdk_identitystore::types::{MemberId, UserStatus};
use futures::{StreamExt, TryStreamExt};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::documents::Document;
use super::iam::is_administrator_access;
use super::outcome::{NewPolicy, Outcome, Stopped, raw};
use super::session::{ApiError, ErrorKind, Pages, Session, instant};
use crate::record::{
    Account, Entitlement, EntitlementKind, Fact, FederatedId, Grant, Group, GroupRule, IdKind, Lifecycle, Membership,
    PolicyKind, PrincipalKind, PrivilegeLevel, Purpose, Raw, Record, RecordKind,
};

/// What an instance's scope promises.
pub(super) const KINDS: [RecordKind; 6] = [
    RecordKind::Account,
    RecordKind::Group,
    RecordKind::Membership,
    RecordKind::Entitlement,
    RecordKind::Grant,
    RecordKind::Policy,
];

/// An instance as `identity-center.json` holds it: the answers of `aws sso-admin` and `aws identitystore`, put together.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Export {
    /// One entry of `list-instances`.
    pub(super) instance: Instance,
    /// `describe-permission-set` with its policies.
    pub(super) permission_sets: Vec<PermissionSet>,
    /// `list-account-assignments`.
    pub(super) account_assignments: Vec<Assignment>,
    /// `aws identitystore list-users`.
    pub(super) users: Vec<User>,
    /// `aws identitystore list-groups`.
    pub(super) groups: Vec<StoreGroup>,
    /// `aws identitystore list-group-memberships`, of all groups.
    pub(super) group_memberships: Vec<GroupMembership>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Instance {
    pub(super) instance_arn: String,
    pub(super) identity_store_id: String,
}

impl Instance {
    /// `ssoins-…`.
    pub(super) fn id(&self) -> &str {
        self.instance_arn.rsplit('/').next().unwrap_or(&self.instance_arn)
    }
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct PermissionSet {
    pub(super) permission_set_arn: String,
    pub(super) name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) session_duration: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) inline_policy: Option<Document>,
    pub(super) managed_policies: Vec<Managed>,
    pub(super) customer_managed_policy_references: Vec<Reference>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) permissions_boundary: Option<SetBoundary>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Managed {
    pub(super) arn: String,
    pub(super) name: String,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Reference {
    pub(super) name: String,
    pub(super) path: String,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct SetBoundary {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) managed_policy_arn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) customer_managed_policy_reference: Option<Reference>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Assignment {
    pub(super) account_id: String,
    pub(super) permission_set_arn: String,
    /// `USER` or `GROUP`.
    pub(super) principal_type: String,
    pub(super) principal_id: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct User {
    pub(super) user_id: String,
    #[serde(default)]
    pub(super) user_name: Option<String>,
    #[serde(default)]
    pub(super) display_name: Option<String>,
    #[serde(default)]
    pub(super) emails: Vec<Email>,
    #[serde(default)]
    pub(super) external_ids: Vec<ExternalId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) title: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) user_type: Option<String>,
    /// `ENABLED` or `DISABLED`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) user_status: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) created_at: Option<Timestamp>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Email {
    pub(super) value: String,
    pub(super) primary: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ExternalId {
    pub(super) issuer: String,
    pub(super) id: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct StoreGroup {
    pub(super) group_id: String,
    #[serde(default)]
    pub(super) display_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) description: Option<String>,
    #[serde(default)]
    pub(super) external_ids: Vec<ExternalId>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GroupMembership {
    pub(super) group_id: String,
    pub(super) member_id: Member,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Member {
    pub(super) user_id: String,
}

/// The records of an instance.
pub(super) fn records(export: &Export, outcome: &mut Outcome) {
    for user in &export.users {
        outcome.records.push(Record::Account(Box::new(account(user))));
    }
    for group in &export.groups {
        let rule = if group.external_ids.is_empty() { GroupRule::Assigned } else { GroupRule::Synchronised };
        outcome.records.push(Record::Group(Box::new(Group {
            id: group.group_id.clone(),
            id_kind: IdKind::Immutable,
            name: group.display_name.clone(),
            native_name: None,
            description: group.description.clone(),
            owner: None,
            rule,
            self_join: Fact::Unsupported,
            privilege: None,
            raw: raw(group),
        })));
    }
    for membership in &export.group_memberships {
        outcome.records.push(Record::Membership(Membership {
            member: membership.member_id.user_id.clone(),
            member_kind: PrincipalKind::Account,
            group: membership.group_id.clone(),
            since: None,
            until: None,
            via: None,
            raw: Raw::Within(membership.group_id.clone()),
        }));
    }
    for set in &export.permission_sets {
        permission_set(set, outcome);
    }
    for assignment in &export.account_assignments {
        let kind = match assignment.principal_type.as_str() {
            "USER" => PrincipalKind::Account,
            "GROUP" => PrincipalKind::Group,
            _ => PrincipalKind::Unknown,
        };
        let mut grant = Grant::new(&assignment.principal_id, kind, &assignment.permission_set_arn);
        grant.resource = Some(assignment.account_id.clone());
        grant.raw = raw(assignment);
        outcome.records.push(Record::Grant(Box::new(grant)));
    }
}

fn account(user: &User) -> Account {
    let mut account = Account::new(&user.user_id, IdKind::Immutable);
    account.login.clone_from(&user.user_name);
    account.name.clone_from(&user.display_name);
    let mut emails: Vec<&Email> = user.emails.iter().filter(|email| !email.value.is_empty()).collect();
    emails.sort_by_key(|email| !email.primary);
    account.emails = emails.into_iter().map(|email| email.value.clone()).collect();
    account.lifecycle = match user.user_status.as_deref() {
        Some("ENABLED") => Lifecycle::Active,
        Some("DISABLED") => Lifecycle::Disabled,
        Some(_) | None => Lifecycle::Unknown,
    };
    account.created = user.created_at.map_or(Fact::Unsupported, Fact::Known);
    account.title.clone_from(&user.title);
    account.federated =
        user.external_ids.iter().map(|id| FederatedId { issuer: id.issuer.clone(), subject: id.id.clone() }).collect();
    if let Some(kind) = &user.user_type {
        account.attributes.insert("userType".to_owned(), kind.clone());
    }
    account.raw = raw(user);
    account
}

fn permission_set(set: &PermissionSet, outcome: &mut Outcome) {
    let arn = &set.permission_set_arn;
    let is_admin = set.managed_policies.iter().any(|policy| is_administrator_access(&policy.arn));
    outcome.records.push(Record::Entitlement(Box::new(Entitlement {
        id: arn.clone(),
        kind: EntitlementKind::Role,
        name: set.name.clone(),
        description: set.description.clone(),
        purpose: Purpose::Permission,
        privilege: is_admin.then_some(PrivilegeLevel::Admin),
        owner: None,
        raw: raw(&PermissionSet { inline_policy: None, ..set.clone() }),
    })));
    if let Some(document) = &set.inline_policy {
        outcome.policy(NewPolicy {
            id: format!("{arn}/inline"),
            kind: PolicyKind::Identity,
            name: set.name.clone(),
            version: None,
            targets: vec![arn.clone()],
            document: Some(document),
            raw: Raw::Within(arn.clone()),
        });
    }
}

/// The instances that the session's account sees in `region`.
pub(super) async fn instances(session: &Session, region: &str) -> Result<Vec<Instance>, ApiError> {
    const LIST: &str = "sso:ListInstances";
    let client = aws_sdk_ssoadmin::Client::new(&session.config_for(region));
    let mut found = Vec::new();
    let mut pages = Pages::of(LIST);
    let mut token = None;
    loop {
        let page = session.call(LIST, client.list_instances().set_next_token(token.take()).send()).await?;
        for instance in page.instances.unwrap_or_default() {
            let (Some(instance_arn), Some(identity_store_id)) = (instance.instance_arn, instance.identity_store_id)
            else {
                return Err(ApiError::bad_answer(LIST, "an instance lacks its ARN or identity store"));
            };
            found.push(Instance { instance_arn, identity_store_id });
        }
        match pages.token(page.next_token)? {
            Some(next) => token = Some(next),
            None => return Ok(found),
        }
    }
}

/// Reads one instance. `accounts` are those whose assignments are asked for.
pub(super) async fn read(
    session: &Session,
    region: &str,
    instance: Instance,
    accounts: &[String],
) -> Result<Outcome, Stopped> {
    let config = session.config_for(region);
    let reader = Reader {
        session,
        sso: aws_sdk_ssoadmin::Client::new(&config),
        store: aws_sdk_identitystore::Client::new(&config),
        instance: &instance,
    };
    let mut outcome = Outcome::default();
    let mut export = Export::default();
    let name = instance.id();
    let (sets, assignments, users, groups) =
        futures::join!(reader.permission_sets(), reader.assignments(accounts), reader.users(), reader.groups());
    match sets {
        Ok(sets) => export.permission_sets = sets,
        Err(error) => outcome.missed(
            &[RecordKind::Entitlement, RecordKind::Policy],
            &error,
            format!("permission sets of `{name}` were not read"),
        )?,
    }
    match assignments {
        Ok(assignments) => export.account_assignments = assignments,
        Err(error) => outcome.missed(&[RecordKind::Grant], &error, format!("assignments of `{name}` were not read"))?,
    }
    match users {
        Ok(users) => export.users = users,
        Err(error) => outcome.missed(&[RecordKind::Account], &error, format!("users of `{name}` were not read"))?,
    }
    match groups {
        Ok(groups) => {
            match reader.memberships(&groups).await {
                Ok(memberships) => export.group_memberships = memberships,
                Err(error) => {
                    outcome.missed(
                        &[RecordKind::Membership],
                        &error,
                        format!("group members of `{name}` were not read"),
                    )?;
                }
            }
            export.groups = groups;
        }
        Err(error) => outcome.missed(
            &[RecordKind::Group, RecordKind::Membership],
            &error,
            format!("groups of `{name}` were not read"),
        )?,
    }
    export.instance = instance.clone();
    records(&export, &mut outcome);
    Ok(outcome)
}

struct Reader<'a> {
    session: &'a Session,
    sso: aws_sdk_ssoadmin::Client,
    store: aws_sdk_identitystore::Client,
    instance: &'a Instance,
}

impl Reader<'_> {
    async fn permission_sets(&self) -> Result<Vec<PermissionSet>, ApiError> {
        const LIST: &str = "sso:ListPermissionSets";
        let mut arns = Vec::new();
        let mut pages = Pages::of(LIST);
        let mut token = None;
        loop {
            let request =
                self.sso.list_permission_sets().instance_arn(&self.instance.instance_arn).set_next_token(token.take());
            let page = self.session.call(LIST, request.send()).await?;
            arns.extend(page.permission_sets.unwrap_or_default());
            match pages.token(page.next_token)? {
                Some(next) => token = Some(next),
                None => break,
            }
        }
        let sets: Vec<_> = arns.into_iter().map(|arn| self.permission_set(arn)).collect();
        futures::stream::iter(sets).buffered(self.session.limits.concurrency).try_collect().await
    }

    async fn permission_set(&self, arn: String) -> Result<PermissionSet, ApiError> {
        const DESCRIBE: &str = "sso:DescribePermissionSet";
        const INLINE: &str = "sso:GetInlinePolicyForPermissionSet";
        let instance = &self.instance.instance_arn;
        let request = self.sso.describe_permission_set().instance_arn(instance).permission_set_arn(&arn);
        let described = self.session.call(DESCRIBE, request.send()).await?.permission_set;
        let request = self.sso.get_inline_policy_for_permission_set().instance_arn(instance).permission_set_arn(&arn);
        let inline = self.session.call(INLINE, request.send()).await?.inline_policy;
        let managed_policies = self.managed_policies(&arn).await?;
        let customer_managed_policy_references = self.customer_policies(&arn).await?;
        let permissions_boundary = self.boundary(&arn).await?;
        let described = described.unwrap_or_else(|| aws_sdk_ssoadmin::types::PermissionSet::builder().build());
        Ok(PermissionSet {
            permission_set_arn: arn,
            name: described.name,
            description: described.description,
            session_duration: described.session_duration,
            inline_policy: inline.filter(|text| !text.is_empty()).map(Document::Text),
            managed_policies,
            customer_managed_policy_references,
            permissions_boundary,
        })
    }

    async fn managed_policies(&self, arn: &str) -> Result<Vec<Managed>, ApiError> {
        const LIST: &str = "sso:ListManagedPoliciesInPermissionSet";
        let mut found = Vec::new();
        let mut pages = Pages::of(LIST);
        let mut token = None;
        loop {
            let request = self.sso.list_managed_policies_in_permission_set();
            let request = request.instance_arn(&self.instance.instance_arn).permission_set_arn(arn);
            let page = self.session.call(LIST, request.set_next_token(token.take()).send()).await?;
            found.extend(
                page.attached_managed_policies.unwrap_or_default().into_iter().map(|policy| Managed {
                    arn: policy.arn.unwrap_or_default(),
                    name: policy.name.unwrap_or_default(),
                }),
            );
            match pages.token(page.next_token)? {
                Some(next) => token = Some(next),
                None => return Ok(found),
            }
        }
    }

    async fn customer_policies(&self, arn: &str) -> Result<Vec<Reference>, ApiError> {
        const LIST: &str = "sso:ListCustomerManagedPolicyReferencesInPermissionSet";
        let mut found = Vec::new();
        let mut pages = Pages::of(LIST);
        let mut token = None;
        loop {
            let request = self.sso.list_customer_managed_policy_references_in_permission_set();
            let request = request.instance_arn(&self.instance.instance_arn).permission_set_arn(arn);
            let page = self.session.call(LIST, request.set_next_token(token.take()).send()).await?;
            found.extend(page.customer_managed_policy_references.unwrap_or_default().into_iter().map(reference));
            match pages.token(page.next_token)? {
                Some(next) => token = Some(next),
                None => return Ok(found),
            }
        }
    }

    async fn boundary(&self, arn: &str) -> Result<Option<SetBoundary>, ApiError> {
        const GET: &str = "sso:GetPermissionsBoundaryForPermissionSet";
        let request = self.sso.get_permissions_boundary_for_permission_set();
        let request = request.instance_arn(&self.instance.instance_arn).permission_set_arn(arn);
        match self.session.call(GET, request.send()).await {
            Ok(answer) => Ok(answer.permissions_boundary.map(|boundary| SetBoundary {
                managed_policy_arn: boundary.managed_policy_arn,
                customer_managed_policy_reference: boundary.customer_managed_policy_reference.map(reference),
            })),
            Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Assignments account by account, of the permission sets provisioned there.
    async fn assignments(&self, accounts: &[String]) -> Result<Vec<Assignment>, ApiError> {
        let answers: Vec<_> = accounts.iter().map(|account| self.account_assignments(account)).collect();
        let all: Vec<Vec<Assignment>> =
            futures::stream::iter(answers).buffered(self.session.limits.concurrency).try_collect().await?;
        Ok(all.into_iter().flatten().collect())
    }

    async fn account_assignments(&self, account: &str) -> Result<Vec<Assignment>, ApiError> {
        const PROVISIONED: &str = "sso:ListPermissionSetsProvisionedToAccount";
        const LIST: &str = "sso:ListAccountAssignments";
        let instance = &self.instance.instance_arn;
        let mut sets = BTreeSet::new();
        let mut pages = Pages::of(PROVISIONED);
        let mut token = None;
        loop {
            let request = self.sso.list_permission_sets_provisioned_to_account();
            let request = request.instance_arn(instance).account_id(account).set_next_token(token.take());
            let page = self.session.call(PROVISIONED, request.send()).await?;
            sets.extend(page.permission_sets.unwrap_or_default());
            match pages.token(page.next_token)? {
                Some(next) => token = Some(next),
                None => break,
            }
        }
        let mut found = Vec::new();
        for set in sets {
            let mut pages = Pages::of(LIST);
            let mut token = None;
            loop {
                let request = self.sso.list_account_assignments();
                let request = request.instance_arn(instance).account_id(account).permission_set_arn(&set);
                let page = self.session.call(LIST, request.set_next_token(token.take()).send()).await?;
                for assignment in page.account_assignments.unwrap_or_default() {
                    let principal_id = assignment
                        .principal_id
                        .ok_or_else(|| ApiError::bad_answer(LIST, "an assignment has no PrincipalId"))?;
                    found.push(Assignment {
                        account_id: account.to_owned(),
                        permission_set_arn: set.clone(),
                        principal_type: assignment
                            .principal_type
                            .map(|kind| kind.as_str().to_owned())
                            .unwrap_or_default(),
                        principal_id,
                    });
                }
                match pages.token(page.next_token)? {
                    Some(next) => token = Some(next),
                    None => break,
                }
            }
        }
        Ok(found)
    }

    async fn users(&self) -> Result<Vec<User>, ApiError> {
        const LIST: &str = "identitystore:ListUsers";
        let mut found = Vec::new();
        let mut pages = Pages::of(LIST);
        let mut token = None;
        loop {
            let request = self.store.list_users().identity_store_id(&self.instance.identity_store_id);
            let page = self.session.call(LIST, request.set_next_token(token.take()).send()).await?;
            found.extend(page.users.into_iter().map(user));
            match pages.token(page.next_token)? {
                Some(next) => token = Some(next),
                None => return Ok(found),
            }
        }
    }

    async fn groups(&self) -> Result<Vec<StoreGroup>, ApiError> {
        const LIST: &str = "identitystore:ListGroups";
        let mut found = Vec::new();
        let mut pages = Pages::of(LIST);
        let mut token = None;
        loop {
            let request = self.store.list_groups().identity_store_id(&self.instance.identity_store_id);
            let page = self.session.call(LIST, request.set_next_token(token.take()).send()).await?;
            found.extend(page.groups.into_iter().map(|group| StoreGroup {
                group_id: group.group_id,
                display_name: group.display_name,
                description: group.description,
                external_ids: external_ids(group.external_ids),
            }));
            match pages.token(page.next_token)? {
                Some(next) => token = Some(next),
                None => return Ok(found),
            }
        }
    }

    async fn memberships(&self, groups: &[StoreGroup]) -> Result<Vec<GroupMembership>, ApiError> {
        let answers: Vec<_> = groups.iter().map(|group| self.members(&group.group_id)).collect();
        let all: Vec<Vec<GroupMembership>> =
            futures::stream::iter(answers).buffered(self.session.limits.concurrency).try_collect().await?;
        Ok(all.into_iter().flatten().collect())
    }

    async fn members(&self, group: &str) -> Result<Vec<GroupMembership>, ApiError> {
        const LIST: &str = "identitystore:ListGroupMemberships";
        let mut found = Vec::new();
        let mut pages = Pages::of(LIST);
        let mut token = None;
        loop {
            let request = self.store.list_group_memberships().identity_store_id(&self.instance.identity_store_id);
            let page = self.session.call(LIST, request.group_id(group).set_next_token(token.take()).send()).await?;
            for membership in page.group_memberships {
                let Some(MemberId::UserId(user_id)) = membership.member_id else {
                    return Err(ApiError::bad_answer(LIST, format!("a member of group {group} is no user")));
                };
                found.push(GroupMembership { group_id: group.to_owned(), member_id: Member { user_id } });
            }
            match pages.token(page.next_token)? {
                Some(next) => token = Some(next),
                None => return Ok(found),
            }
        }
    }
}

fn reference(reference: aws_sdk_ssoadmin::types::CustomerManagedPolicyReference) -> Reference {
    Reference { name: reference.name, path: reference.path.unwrap_or_default() }
}

fn external_ids(ids: Option<Vec<aws_sdk_identitystore::types::ExternalId>>) -> Vec<ExternalId> {
    ids.unwrap_or_default().into_iter().map(|id| ExternalId { issuer: id.issuer, id: id.id }).collect()
}

fn user(user: aws_sdk_identitystore::types::User) -> User {
    User {
        user_id: user.user_id,
        user_name: user.user_name,
        display_name: user.display_name,
        emails: user
            .emails
            .unwrap_or_default()
            .into_iter()
            .filter_map(|email| Some(Email { value: email.value?, primary: email.primary }))
            .collect(),
        external_ids: external_ids(user.external_ids),
        title: user.title,
        user_type: user.user_type,
        user_status: user.user_status.as_ref().map(UserStatus::as_str).map(str::to_owned),
        created_at: user.created_at.as_ref().and_then(instant),
    }
}
