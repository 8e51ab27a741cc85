//! The shapes that `aws iam …` prints, and the same shapes made from the SDK's answers.
//!
//! Live collection and files meet here: both become an [`AccountData`], from which [`super::iam`] makes the records. Fields
//! that are not listed are dropped; what is listed is also the allow-list of the raw objects.

#![expect(clippy::struct_field_names, reason = "the fields are named as AWS names them")]

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::credential_report::Report;
use super::documents::Document;
use super::session::{ApiError, instant};
use crate::scope::Gap;

/// The call whose answer this is.
pub(super) const CALL: &str = "iam:GetAccountAuthorizationDetails";

/// One page, or all pages together.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Details {
    pub(super) user_detail_list: Vec<User>,
    pub(super) group_detail_list: Vec<Group>,
    pub(super) role_detail_list: Vec<Role>,
    pub(super) policies: Vec<ManagedPolicy>,
    pub(super) is_truncated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) marker: Option<String>,
}

impl Details {
    pub(super) fn append(&mut self, mut page: Self) {
        self.user_detail_list.append(&mut page.user_detail_list);
        self.group_detail_list.append(&mut page.group_detail_list);
        self.role_detail_list.append(&mut page.role_detail_list);
        self.policies.append(&mut page.policies);
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct User {
    pub(super) user_id: String,
    pub(super) user_name: String,
    pub(super) arn: String,
    #[serde(default)]
    pub(super) path: String,
    #[serde(default)]
    pub(super) create_date: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) user_policy_list: Vec<InlinePolicy>,
    #[serde(default)]
    pub(super) group_list: Vec<String>,
    #[serde(default)]
    pub(super) attached_managed_policies: Vec<AttachedPolicy>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) permissions_boundary: Option<Boundary>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) tags: Vec<Tag>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Group {
    pub(super) group_id: String,
    pub(super) group_name: String,
    pub(super) arn: String,
    #[serde(default)]
    pub(super) path: String,
    #[serde(default)]
    pub(super) create_date: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) group_policy_list: Vec<InlinePolicy>,
    #[serde(default)]
    pub(super) attached_managed_policies: Vec<AttachedPolicy>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Role {
    pub(super) role_id: String,
    pub(super) role_name: String,
    pub(super) arn: String,
    #[serde(default)]
    pub(super) path: String,
    #[serde(default)]
    pub(super) create_date: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) assume_role_policy_document: Option<Document>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) role_policy_list: Vec<InlinePolicy>,
    #[serde(default)]
    pub(super) attached_managed_policies: Vec<AttachedPolicy>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) permissions_boundary: Option<Boundary>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) tags: Vec<Tag>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) role_last_used: Option<LastUsed>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) instance_profile_list: Vec<InstanceProfile>,
}

/// What hands a role to an EC2 instance.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct InstanceProfile {
    pub(super) instance_profile_name: String,
    pub(super) arn: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ManagedPolicy {
    pub(super) arn: String,
    #[serde(default)]
    pub(super) policy_name: String,
    #[serde(default)]
    pub(super) policy_id: String,
    #[serde(default)]
    pub(super) path: String,
    #[serde(default)]
    pub(super) default_version_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) description: Option<String>,
    #[serde(default)]
    pub(super) create_date: Option<Timestamp>,
    #[serde(default)]
    pub(super) update_date: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) policy_version_list: Vec<PolicyVersion>,
}

impl ManagedPolicy {
    /// The policy's name, which its ARN ends with as well: moto gives it there alone.
    pub(super) fn name(&self) -> &str {
        if self.policy_name.is_empty() { self.arn.rsplit('/').next().unwrap_or_default() } else { &self.policy_name }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PolicyVersion {
    #[serde(default)]
    pub(super) version_id: String,
    #[serde(default)]
    pub(super) is_default_version: bool,
    #[serde(default)]
    pub(super) document: Option<Document>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct InlinePolicy {
    pub(super) policy_name: String,
    #[serde(default)]
    pub(super) policy_document: Option<Document>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct AttachedPolicy {
    pub(super) policy_arn: String,
    #[serde(default)]
    pub(super) policy_name: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Boundary {
    pub(super) permissions_boundary_arn: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Tag {
    pub(super) key: String,
    pub(super) value: String,
}

/// When and where something was last used. An object without a date says: not within the time that IAM tracks.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct LastUsed {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) last_used_date: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) service_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) region: Option<String>,
}

/// An access key of `aws iam list-access-keys`, with the block of `get-access-key-last-used` beside it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct AccessKey {
    pub(super) user_name: String,
    pub(super) access_key_id: String,
    #[serde(default)]
    pub(super) status: String,
    #[serde(default)]
    pub(super) create_date: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) access_key_last_used: Option<LastUsed>,
}

/// A device of `aws iam list-mfa-devices`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct MfaDevice {
    pub(super) user_name: String,
    pub(super) serial_number: String,
}

/// A login profile: the user has a console password.
#[derive(Debug, Clone)]
pub(super) struct LoginProfile {
    pub(super) user_name: String,
    pub(super) created: Option<Timestamp>,
}

/// Something that was asked for, or why it is not there.
#[derive(Debug, Clone)]
pub(super) enum Part<T> {
    /// Read.
    Read(T),
    /// This configuration has no source for it.
    NotGiven,
    /// Tried, and not read.
    Failed(Gap),
}

impl<T> Part<T> {
    pub(super) fn read(&self) -> Option<&T> {
        match self {
            Self::Read(value) => Some(value),
            Self::NotGiven | Self::Failed(_) => None,
        }
    }
}

/// Everything that was read of one account.
#[derive(Debug, Clone)]
pub(super) struct AccountData {
    pub(super) account: String,
    pub(super) partition: String,
    /// Read from files, which may be cut off without a word.
    pub(super) exported: bool,
    pub(super) details: Details,
    pub(super) report: Part<Report>,
    pub(super) keys: Part<Vec<AccessKey>>,
    pub(super) mfa: Part<Vec<MfaDevice>>,
    /// Console passwords of users that the report does not know yet, or of all users when there is no report.
    pub(super) logins: Part<Vec<LoginProfile>>,
    pub(super) used: Vec<Accessed>,
    /// Why of some principals it is not known what they used; `None` also where nobody asked.
    pub(super) unread_use: Option<String>,
}

/// What one principal may use, and when it last did: `get-service-last-accessed-details`, put beside the principal's ARN.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Accessed {
    pub(super) arn: String,
    #[serde(default)]
    pub(super) services_last_accessed: Vec<ServiceUse>,
}

/// The last use of one service. AWS counts attempts, also denied ones, of the trailing 400 days.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ServiceUse {
    pub(super) service_namespace: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) last_authenticated: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) tracked_actions_last_accessed: Vec<ActionUse>,
}

/// The last use of one action, of the services whose actions AWS tracks.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ActionUse {
    pub(super) action_name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) last_accessed_time: Option<Timestamp>,
}

mod sdk {
    use aws_sdk_iam::operation::get_account_authorization_details::GetAccountAuthorizationDetailsOutput;
    use aws_sdk_iam::types;

    use super::{
        ApiError, AttachedPolicy, Boundary, CALL, Details, Document, Group, InlinePolicy, InstanceProfile, LastUsed,
        ManagedPolicy, PolicyVersion, Role, Tag, User, instant,
    };

    /// An id or name without which an object cannot be told from others.
    fn required(value: Option<String>, what: &str) -> Result<String, ApiError> {
        value
            .filter(|value| !value.is_empty())
            .ok_or_else(|| ApiError::bad_answer(CALL, format!("an object has no {what}")))
    }

    fn each<A, B>(list: Option<Vec<A>>, convert: impl Fn(A) -> Result<B, ApiError>) -> Result<Vec<B>, ApiError> {
        list.unwrap_or_default().into_iter().map(convert).collect()
    }

    fn attached(policy: types::AttachedPolicy) -> Result<AttachedPolicy, ApiError> {
        Ok(AttachedPolicy {
            policy_arn: required(policy.policy_arn, "PolicyArn")?,
            policy_name: policy.policy_name.unwrap_or_default(),
        })
    }

    fn inline(policy: types::PolicyDetail) -> Result<InlinePolicy, ApiError> {
        Ok(InlinePolicy {
            policy_name: required(policy.policy_name, "PolicyName")?,
            policy_document: policy.policy_document.map(Document::Text),
        })
    }

    fn boundary(boundary: Option<types::AttachedPermissionsBoundary>) -> Option<Boundary> {
        boundary?.permissions_boundary_arn.map(|permissions_boundary_arn| Boundary { permissions_boundary_arn })
    }

    fn tags(tags: Option<Vec<types::Tag>>) -> Vec<Tag> {
        tags.unwrap_or_default().into_iter().map(|tag| Tag { key: tag.key, value: tag.value }).collect()
    }

    impl TryFrom<GetAccountAuthorizationDetailsOutput> for Details {
        type Error = ApiError;

        fn try_from(page: GetAccountAuthorizationDetailsOutput) -> Result<Self, ApiError> {
            Ok(Self {
                user_detail_list: each(page.user_detail_list, User::try_from)?,
                group_detail_list: each(page.group_detail_list, Group::try_from)?,
                role_detail_list: each(page.role_detail_list, Role::try_from)?,
                policies: each(page.policies, ManagedPolicy::try_from)?,
                is_truncated: page.is_truncated,
                marker: page.marker,
            })
        }
    }

    impl TryFrom<types::UserDetail> for User {
        type Error = ApiError;

        fn try_from(user: types::UserDetail) -> Result<Self, ApiError> {
            Ok(Self {
                user_id: required(user.user_id, "UserId")?,
                user_name: required(user.user_name, "UserName")?,
                arn: required(user.arn, "Arn")?,
                path: user.path.unwrap_or_default(),
                create_date: user.create_date.as_ref().and_then(instant),
                user_policy_list: each(user.user_policy_list, inline)?,
                group_list: user.group_list.unwrap_or_default(),
                attached_managed_policies: each(user.attached_managed_policies, attached)?,
                permissions_boundary: boundary(user.permissions_boundary),
                tags: tags(user.tags),
            })
        }
    }

    impl TryFrom<types::GroupDetail> for Group {
        type Error = ApiError;

        fn try_from(group: types::GroupDetail) -> Result<Self, ApiError> {
            Ok(Self {
                group_id: required(group.group_id, "GroupId")?,
                group_name: required(group.group_name, "GroupName")?,
                arn: required(group.arn, "Arn")?,
                path: group.path.unwrap_or_default(),
                create_date: group.create_date.as_ref().and_then(instant),
                group_policy_list: each(group.group_policy_list, inline)?,
                attached_managed_policies: each(group.attached_managed_policies, attached)?,
            })
        }
    }

    impl TryFrom<types::RoleDetail> for Role {
        type Error = ApiError;

        fn try_from(role: types::RoleDetail) -> Result<Self, ApiError> {
            Ok(Self {
                role_id: required(role.role_id, "RoleId")?,
                role_name: required(role.role_name, "RoleName")?,
                arn: required(role.arn, "Arn")?,
                path: role.path.unwrap_or_default(),
                create_date: role.create_date.as_ref().and_then(instant),
                assume_role_policy_document: role.assume_role_policy_document.map(Document::Text),
                role_policy_list: each(role.role_policy_list, inline)?,
                attached_managed_policies: each(role.attached_managed_policies, attached)?,
                permissions_boundary: boundary(role.permissions_boundary),
                tags: tags(role.tags),
                role_last_used: role.role_last_used.map(|used| LastUsed {
                    last_used_date: used.last_used_date.as_ref().and_then(instant),
                    service_name: None,
                    region: used.region,
                }),
                instance_profile_list: role
                    .instance_profile_list
                    .unwrap_or_default()
                    .into_iter()
                    .map(|profile| InstanceProfile {
                        instance_profile_name: profile.instance_profile_name,
                        arn: profile.arn,
                    })
                    .collect(),
            })
        }
    }

    impl TryFrom<types::ManagedPolicyDetail> for ManagedPolicy {
        type Error = ApiError;

        fn try_from(policy: types::ManagedPolicyDetail) -> Result<Self, ApiError> {
            Ok(Self {
                arn: required(policy.arn, "Arn")?,
                policy_name: policy.policy_name.unwrap_or_default(),
                policy_id: policy.policy_id.unwrap_or_default(),
                path: policy.path.unwrap_or_default(),
                default_version_id: policy.default_version_id,
                description: policy.description,
                create_date: policy.create_date.as_ref().and_then(instant),
                update_date: policy.update_date.as_ref().and_then(instant),
                policy_version_list: policy
                    .policy_version_list
                    .unwrap_or_default()
                    .into_iter()
                    .map(|version| PolicyVersion {
                        version_id: version.version_id.unwrap_or_default(),
                        is_default_version: version.is_default_version,
                        document: version.document.map(Document::Text),
                    })
                    .collect(),
            })
        }
    }
}
