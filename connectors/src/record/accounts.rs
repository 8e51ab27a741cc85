//! Who can act, and with what: accounts, groups and their members, credentials, federated identities.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    AccountClass, Affiliation, CredentialKind, CredentialState, Fact, GroupRule, IdKind, Lifecycle, PrincipalKind,
    PrivilegeLevel, Raw,
};

/// A principal in one system that can act or be assumed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// The system's own id.
    pub id: String,
    /// How far the id can be trusted.
    #[serde(default = "IdKind::reusable")]
    pub id_kind: IdKind,
    /// Sign-in name; the ARN of an AWS principal is its `native_name`.
    #[serde(default)]
    pub login: Option<String>,
    /// The name other records of this system may use for it: DN, ARN, UPN.
    #[serde(default)]
    pub native_name: Option<String>,
    /// Display name.
    #[serde(default)]
    pub name: Option<String>,
    /// E-mail addresses and aliases, the primary one first.
    #[serde(default)]
    pub emails: Vec<String>,
    /// Whether the system verified the addresses (a directory that HR feeds counts as verified).
    #[serde(default)]
    pub emails_verified: bool,
    /// Employee id as the system has it.
    #[serde(default)]
    pub employee_id: Option<String>,
    /// Class where the system itself tells it; `None` leaves it to the engine.
    #[serde(default)]
    pub class: Option<AccountClass>,
    /// What the class rests on, in words an auditor can check (`objectClass=computer`).
    #[serde(default)]
    pub class_evidence: Option<String>,
    /// Affiliation where the system tells it.
    #[serde(default)]
    pub affiliation: Option<Affiliation>,
    /// State.
    #[serde(default = "Lifecycle::unknown")]
    pub lifecycle: Lifecycle,
    /// The tenant's built-in all-powerful account (AWS root, AD RID 500).
    #[serde(default)]
    pub is_root: bool,
    /// Created.
    #[serde(default)]
    pub created: Fact<Timestamp>,
    /// The account itself stops working at.
    #[serde(default)]
    pub expires: Fact<Timestamp>,
    /// Last sign-in or use by any path that the source knows.
    #[serde(default)]
    pub last_activity: Fact<Timestamp>,
    /// Password last changed.
    #[serde(default)]
    pub password_changed: Fact<Timestamp>,
    /// Whether somebody can sign in with a password or its like (AWS login profile, enabled directory password).
    #[serde(default)]
    pub interactive: Fact<bool>,
    /// Registered second factors in the system's words; [`Fact::Absent`] when it says there are none.
    #[serde(default)]
    pub mfa: Fact<Vec<String>>,
    /// Owner: an account id, login, e-mail or employee id, as the system has it.
    #[serde(default)]
    pub owner: Option<String>,
    /// Manager, as the system has it.
    #[serde(default)]
    pub manager: Option<String>,
    /// Department, as the system has it.
    #[serde(default)]
    pub department: Option<String>,
    /// Title, as the system has it.
    #[serde(default)]
    pub title: Option<String>,
    /// Ids of this account at other issuers.
    #[serde(default)]
    pub federated: Vec<FederatedId>,
    /// What it may use, with the last use, where the system tells: a service (`s3`) or an action (`s3:GetObject`). [`Fact::Never`]
    /// is what it may use and did not in the time that the system tracks; what is not there is unknown.
    #[serde(default)]
    pub used: BTreeMap<String, Fact<Timestamp>>,
    /// Further attributes that may serve as evidence (description, phone, office), by the source's own name.
    #[serde(default)]
    pub attributes: BTreeMap<String, String>,
    /// The source object.
    #[serde(default)]
    pub raw: Raw,
}

impl Account {
    /// An account of which nothing is known but its id.
    pub fn new(id: impl Into<String>, id_kind: IdKind) -> Self {
        Self {
            id: id.into(),
            id_kind,
            login: None,
            native_name: None,
            name: None,
            emails: Vec::new(),
            emails_verified: false,
            employee_id: None,
            class: None,
            class_evidence: None,
            affiliation: None,
            lifecycle: Lifecycle::Unknown,
            is_root: false,
            created: Fact::Unsupported,
            expires: Fact::Unsupported,
            last_activity: Fact::Unsupported,
            password_changed: Fact::Unsupported,
            interactive: Fact::Unsupported,
            mfa: Fact::Unsupported,
            owner: None,
            manager: None,
            department: None,
            title: None,
            federated: Vec::new(),
            used: BTreeMap::new(),
            attributes: BTreeMap::new(),
            raw: Raw::None,
        }
    }
}

/// The same identity at another issuer (SCIM `externalId`, SAML NameID, OIDC subject).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FederatedId {
    /// The issuer: a URL, a tenant id, or `externalId` when the source does not name one.
    pub issuer: String,
    /// The id there.
    pub subject: String,
}

/// A collection of members.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// The system's own id.
    pub id: String,
    /// How far the id can be trusted.
    #[serde(default = "IdKind::reusable")]
    pub id_kind: IdKind,
    /// Name.
    #[serde(default)]
    pub name: Option<String>,
    /// The name other records of this system may use for it: DN, ARN.
    #[serde(default)]
    pub native_name: Option<String>,
    /// Description.
    #[serde(default)]
    pub description: Option<String>,
    /// Owner, as the system has it.
    #[serde(default)]
    pub owner: Option<String>,
    /// How membership is decided.
    #[serde(default = "GroupRule::unknown")]
    pub rule: GroupRule,
    /// Whether members can add themselves.
    #[serde(default)]
    pub self_join: Fact<bool>,
    /// Privilege of being a member where the source or a built-in list of the system says so (Domain Admins).
    #[serde(default)]
    pub privilege: Option<PrivilegeLevel>,
    /// The source object.
    #[serde(default)]
    pub raw: Raw,
}

/// An account or group as a member of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Membership {
    /// Id of the account or group.
    pub member: String,
    /// What `member` names.
    #[serde(default = "PrincipalKind::account")]
    pub member_kind: PrincipalKind,
    /// [`Group::id`].
    pub group: String,
    /// Member since.
    #[serde(default)]
    pub since: Option<Timestamp>,
    /// Member until.
    #[serde(default)]
    pub until: Option<Timestamp>,
    /// How the source holds it when not as a plain member value (`primaryGroupID`).
    #[serde(default)]
    pub via: Option<String>,
    /// The source object.
    #[serde(default)]
    pub raw: Raw,
}

/// Something to sign in with. Never the secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Credential {
    /// The system's own id (access key id, thumbprint).
    pub id: String,
    /// [`Account::id`].
    pub account: String,
    /// What it is.
    pub kind: CredentialKind,
    /// Name or label.
    #[serde(default)]
    pub name: Option<String>,
    /// Created.
    #[serde(default)]
    pub created: Fact<Timestamp>,
    /// Expires.
    #[serde(default)]
    pub expires: Fact<Timestamp>,
    /// Last used.
    #[serde(default)]
    pub last_used: Fact<Timestamp>,
    /// Last rotated, where that differs from created.
    #[serde(default)]
    pub rotated: Fact<Timestamp>,
    /// Whether it works.
    #[serde(default = "CredentialState::unknown")]
    pub state: CredentialState,
    /// The source object.
    #[serde(default)]
    pub raw: Raw,
}

/// An identity in one system that signs in as an account of another.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Federation {
    /// Unique within the system.
    pub id: String,
    /// [`Account::id`] it signs in as.
    pub account: String,
    /// Issuer (SAML provider ARN, OIDC URL, other system's tenant).
    pub issuer: String,
    /// Subject there (NameID, `sub`, pattern), where one is fixed.
    #[serde(default)]
    pub subject: Option<String>,
    /// Condition, verbatim.
    #[serde(default)]
    pub condition: Option<String>,
    /// The source object.
    #[serde(default)]
    pub raw: Raw,
}
