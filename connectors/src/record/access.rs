//! What can be held and by whom: resources, entitlements, grants, policies.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{EntitlementKind, Fact, GrantOrigin, PolicyKind, PrincipalKind, PrivilegeLevel, Purpose, Raw};

/// A thing that access is about.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Resource {
    /// The system's own id.
    pub id: String,
    /// Its type in the system's words (`s3:bucket`, `repository`).
    #[serde(default)]
    pub kind: Option<String>,
    /// Name.
    #[serde(default)]
    pub name: Option<String>,
    /// Id of the resource that contains it.
    #[serde(default)]
    pub parent: Option<String>,
    /// `prod`, `test`, as the source says.
    #[serde(default)]
    pub environment: Option<String>,
    /// Sensitivity label.
    #[serde(default)]
    pub sensitivity: Option<String>,
    /// Owner, as the system has it.
    #[serde(default)]
    pub owner: Option<String>,
    /// Further facts that decide about access to it (`role` that it runs as, `restrict-public-buckets`).
    #[serde(default)]
    pub attributes: BTreeMap<String, String>,
    /// The source object.
    #[serde(default)]
    pub raw: Raw,
}

/// Something that can be held. The resource it is held on stands on the grant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Entitlement {
    /// The system's own id (policy ARN, role name).
    pub id: String,
    /// What it is.
    #[serde(default = "EntitlementKind::role")]
    pub kind: EntitlementKind,
    /// Native name.
    #[serde(default)]
    pub name: Option<String>,
    /// Description.
    #[serde(default)]
    pub description: Option<String>,
    /// Why it exists.
    #[serde(default = "Purpose::permission")]
    pub purpose: Purpose,
    /// Privilege where the source or a built-in list of the system says so; the engine computes the rest.
    #[serde(default)]
    pub privilege: Option<PrivilegeLevel>,
    /// Owner, as the system has it.
    #[serde(default)]
    pub owner: Option<String>,
    /// The source object.
    #[serde(default)]
    pub raw: Raw,
}

/// A principal holding an entitlement. Identified by principal, entitlement, resource and condition together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// Id of the account or group.
    pub principal: String,
    /// What `principal` names.
    #[serde(default = "PrincipalKind::account")]
    pub principal_kind: PrincipalKind,
    /// [`Entitlement::id`].
    pub entitlement: String,
    /// [`Resource::id`], where it is held on one.
    #[serde(default)]
    pub resource: Option<String>,
    /// Direct or derived.
    #[serde(default = "GrantOrigin::direct")]
    pub origin: GrantOrigin,
    /// Held since.
    #[serde(default)]
    pub since: Fact<Timestamp>,
    /// Held until.
    #[serde(default)]
    pub until: Fact<Timestamp>,
    /// Last used.
    #[serde(default)]
    pub last_used: Fact<Timestamp>,
    /// Condition, verbatim.
    #[serde(default)]
    pub condition: Option<String>,
    /// Why it was given, as the source has it.
    #[serde(default)]
    pub justification: Option<String>,
    /// The source object.
    #[serde(default)]
    pub raw: Raw,
}

impl Grant {
    /// A direct grant of which nothing more is known.
    pub fn new(principal: impl Into<String>, principal_kind: PrincipalKind, entitlement: impl Into<String>) -> Self {
        Self {
            principal: principal.into(),
            principal_kind,
            entitlement: entitlement.into(),
            resource: None,
            origin: GrantOrigin::Direct,
            since: Fact::Unsupported,
            until: Fact::Unsupported,
            last_used: Fact::Unsupported,
            condition: None,
            justification: None,
            raw: Raw::None,
        }
    }
}

/// A policy document as the platform evaluates it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// The system's own id; inline policies are `<principal id>/inline/<name>`.
    pub id: String,
    /// What it does.
    pub kind: PolicyKind,
    /// Name.
    #[serde(default)]
    pub name: Option<String>,
    /// Version id of the document, where versions exist.
    #[serde(default)]
    pub version: Option<String>,
    /// Ids of what it applies to when that is not told by grants: resource, role, account, OU.
    #[serde(default)]
    pub targets: Vec<String>,
    /// The document, verbatim.
    pub document: String,
    /// The source object.
    #[serde(default)]
    pub raw: Raw,
}
