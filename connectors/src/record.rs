//! What a system yields: one [`Record`] per account, group, grant, person and so on.
//!
//! Every record carries the system's own immutable id and the raw source object, or a reference to it, beside the
//! normalised fields, so that a better reading later needs no new collection. Which system and scope a record belongs to
//! is known to the sink it is pushed into and stands on no record.
//!
//! Names follow SCIM (RFC 7643) for accounts and groups and NIST RBAC (INCITS 359) for entitlements and grants.
//! **Unknown is a value**: a [`Fact`] says why a value is missing, and "last activity unreadable" is never "never active".

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A value that the source may not give, with the reason when it does not.
///
/// In JSON a known value stands for itself; everything else is `{"state": "never"}` and so on. A field that is left out
/// is [`Fact::Unsupported`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(from = "FactJson<T>", into = "FactJson<T>")]
#[serde(bound(serialize = "T: Clone + Serialize", deserialize = "T: Deserialize<'de>"))]
#[schemars(bound = "T: JsonSchema")]
pub enum Fact<T> {
    /// The source gave a value.
    Known(T),
    /// The source says that there is no value: no expiry, no MFA factor.
    Absent,
    /// The source says that it never happened: never signed in, never used.
    Never,
    /// The source has the field, but this collection could not read it (no permission, withheld, unparsable).
    Unreadable,
    /// The source has no such field, or the connector does not ask for it.
    #[default]
    Unsupported,
}

impl<T> Fact<T> {
    /// The value, when there is one.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Absent | Self::Never | Self::Unreadable | Self::Unsupported => None,
        }
    }

    /// How the value stands, without the value.
    pub fn state(&self) -> FactState {
        match self {
            Self::Known(_) => FactState::Known,
            Self::Absent => FactState::None,
            Self::Never => FactState::Never,
            Self::Unreadable => FactState::Unreadable,
            Self::Unsupported => FactState::Unsupported,
        }
    }
}

impl<T> From<Option<T>> for Fact<T> {
    /// `None` becomes [`Fact::Absent`]: use it only where the source was asked and answered "no value".
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Absent, Self::Known)
    }
}

/// The JSON shape of a [`Fact`].
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
enum FactJson<T> {
    State { state: FactState },
    Value(T),
}

impl<T> From<FactJson<T>> for Fact<T> {
    fn from(json: FactJson<T>) -> Self {
        match json {
            FactJson::Value(value) => Self::Known(value),
            FactJson::State { state: FactState::None } => Self::Absent,
            FactJson::State { state: FactState::Never } => Self::Never,
            FactJson::State { state: FactState::Unsupported } => Self::Unsupported,
            FactJson::State { state: FactState::Unreadable | FactState::Known } => Self::Unreadable,
        }
    }
}

impl<T> From<Fact<T>> for FactJson<T> {
    fn from(fact: Fact<T>) -> Self {
        let state = fact.state();
        match fact {
            Fact::Known(value) => Self::Value(value),
            Fact::Absent | Fact::Never | Fact::Unreadable | Fact::Unsupported => Self::State { state },
        }
    }
}

/// Declares an enum of named states with one spelling for JSON, tables, flags and headings.
macro_rules! named {
    ($(#[$outer:meta])* $name:ident { $($(#[$inner:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$outer])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
        pub enum $name { $($(#[$inner])* #[serde(rename = $text)] $variant,)+ }

        impl $name {
            /// Every value, in declaration order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The one spelling used in tables, JSON and messages.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = UnknownName;

            fn from_str(text: &str) -> Result<Self, UnknownName> {
                match text {
                    $($text => Ok(Self::$variant),)+
                    _ => Err(UnknownName { what: stringify!($name), text: text.to_owned(), known: &[$($text),+] }),
                }
            }
        }
    };
}

/// A word that is none of an enum's spellings.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no {what}; known are {}", known.join(", "))]
pub struct UnknownName {
    /// The enum's name.
    pub what: &'static str,
    /// What was found.
    pub text: String,
    /// Every spelling that would have done.
    pub known: &'static [&'static str],
}

named! {
    /// Why a [`Fact`] has or lacks a value; the content of every `<column>_state` column.
    FactState {
        /// A value is present.
        Known = "known",
        /// There is no value, and the source says so.
        None = "none",
        /// It never happened, and the source says so.
        Never = "never",
        /// It could not be read.
        Unreadable = "unreadable",
        /// The source has no such field.
        Unsupported = "unsupported",
    }
}

named! {
    /// The kinds of record; also the names of the tables they are stored in.
    RecordKind {
        /// [`Person`].
        Person = "persons",
        /// [`Employment`].
        Employment = "employments",
        /// [`Account`].
        Account = "accounts",
        /// [`Group`].
        Group = "groups",
        /// [`Membership`].
        Membership = "memberships",
        /// [`Resource`].
        Resource = "resources",
        /// [`Entitlement`].
        Entitlement = "entitlements",
        /// [`Grant`].
        Grant = "grants",
        /// [`Credential`].
        Credential = "credentials",
        /// [`Policy`].
        Policy = "policies",
        /// [`Federation`].
        Federation = "federations",
        /// [`AuditEvent`].
        AuditEvent = "audit_events",
        /// [`Approval`].
        Approval = "approvals",
    }
}

named! {
    /// How an operation in a log ended.
    EventOutcome {
        /// It was done.
        Success = "success",
        /// It was not done.
        Failure = "failure",
        /// It was not done because there had been too many.
        Throttled = "throttled",
    }
}

named! {
    /// How far an id can be trusted to mean the same object tomorrow.
    IdKind {
        /// Never reused by the system: objectGUID, entryUUID, AWS unique id.
        Immutable = "immutable",
        /// A name or address that another object may take over later.
        Reusable = "reusable",
        /// A row number or DN: only this collection knows it.
        Positional = "positional",
    }
}

named! {
    /// What an account is for. `human` and `admin` are the human classes.
    AccountClass {
        /// A person's everyday account.
        Human = "human",
        /// A person's separate administration account.
        Admin = "admin",
        /// Runs software: service account, bot, workload, assumable role.
        Service = "service",
        /// Made and owned by the platform itself.
        System = "system",
        /// Used by several people: shared mailbox, room, kiosk.
        Shared = "shared",
        /// For tests or training.
        Test = "test",
        /// For emergencies; belongs to nobody by design.
        BreakGlass = "break-glass",
        /// An AI agent.
        Agent = "agent",
        /// A machine's own account.
        Device = "device",
    }
}

named! {
    /// How the holder belongs to the organisation, as the system says.
    Affiliation {
        /// On the payroll.
        Employee = "employee",
        /// External, paid by contract.
        Contractor = "contractor",
        /// Invited from another tenant.
        Guest = "guest",
        /// A partner organisation's staff.
        Partner = "partner",
        /// A supplier's staff.
        Vendor = "vendor",
    }
}

named! {
    /// The one lattice of account states. *Active* for the rules = not disabled, deprovisioned, archived or deleted.
    Lifecycle {
        /// In use.
        Active = "active",
        /// Created, not yet enabled.
        Staged = "staged",
        /// Invited, not yet accepted.
        Pending = "pending",
        /// Switched off for a time.
        Suspended = "suspended",
        /// Switched off.
        Disabled = "disabled",
        /// Locked by failed sign-ins; lifts itself or on request.
        Locked = "locked",
        /// The account or its password ran out.
        Expired = "expired",
        /// Kept for the record.
        Archived = "archived",
        /// Taken out of service by a provisioning system.
        Deprovisioned = "deprovisioned",
        /// Gone, but still listed.
        Deleted = "deleted",
        /// The source does not say.
        Unknown = "unknown",
    }
}

impl Lifecycle {
    /// Whether the rules treat the account as usable. Locks lift themselves and passwords are renewed, so locked, expired
    /// and unknown accounts are active; a suspended one cannot sign in, and an invitation is not an account yet.
    pub const fn is_active(self) -> bool {
        match self {
            Self::Active | Self::Staged | Self::Locked | Self::Expired | Self::Unknown => true,
            Self::Pending | Self::Suspended | Self::Disabled | Self::Archived | Self::Deprovisioned | Self::Deleted => {
                false
            }
        }
    }
}

named! {
    /// How HR counts a worker.
    WorkerType {
        /// Permanent or fixed-term staff.
        Employee = "employee",
        /// External, by contract.
        Contractor = "contractor",
        /// Apprentice, student, trainee.
        Intern = "intern",
        /// Agency or seasonal.
        Temporary = "temporary",
        /// A partner organisation's staff.
        Partner = "partner",
        /// A supplier's staff.
        Vendor = "vendor",
        /// HR does not say.
        Unknown = "unknown",
    }
}

impl WorkerType {
    /// Whether the worker is somebody else's: neither employee nor intern, as far as HR says.
    pub const fn is_external(self) -> bool {
        match self {
            Self::Contractor | Self::Temporary | Self::Partner | Self::Vendor => true,
            Self::Employee | Self::Intern | Self::Unknown => false,
        }
    }
}

named! {
    /// HR's own word for an employment, normalised.
    EmploymentStatus {
        /// Working.
        Active = "active",
        /// On leave; employed.
        Leave = "leave",
        /// Hired, not yet started.
        Future = "future",
        /// Ended, by a present record.
        Terminated = "terminated",
        /// Withdrawn before it counted: a rescinded hire, or a change that was taken back.
        Cancelled = "cancelled",
        /// HR does not say.
        Unknown = "unknown",
    }
}

named! {
    /// How membership of a group is decided.
    GroupRule {
        /// Somebody adds members.
        Assigned = "assigned",
        /// A rule over attributes decides.
        Dynamic = "dynamic",
        /// Copied from another directory.
        Synchronised = "synchronised",
        /// Told by whoever signs people in, each time; no member is listed here.
        External = "external",
        /// The source does not say.
        Unknown = "unknown",
    }
}

named! {
    /// What kind of thing a principal or member id names.
    PrincipalKind {
        /// An account.
        Account = "account",
        /// A group.
        Group = "group",
        /// The source does not say, or the id resolves to nothing (unknown SID, foreign principal).
        Unknown = "unknown",
    }
}

named! {
    /// What an entitlement is.
    EntitlementKind {
        /// A named bundle of permissions.
        Role = "role",
        /// One permission.
        Permission = "permission",
        /// A policy document.
        Policy = "policy",
        /// A paid seat.
        Licence = "licence",
        /// An OAuth scope.
        Scope = "scope",
    }
}

named! {
    /// Why an entitlement exists (Baton's terms).
    Purpose {
        /// Belonging to something.
        Assignment = "assignment",
        /// Being allowed something.
        Permission = "permission",
        /// Owning something.
        Ownership = "ownership",
    }
}

named! {
    /// How much a grant lets its holder do, lowest first. Never shown as "tier n": in the AD tier model that means the opposite.
    PrivilegeLevel {
        /// What everybody has.
        Baseline = "baseline",
        /// More than everybody, nothing sensitive.
        Limited = "limited",
        /// Can change or read what matters.
        Privileged = "privileged",
        /// Can do anything, or grant itself anything.
        Admin = "admin",
    }
}

named! {
    /// Whether a grant was given to the principal itself.
    GrantOrigin {
        /// Given to this principal.
        Direct = "direct",
        /// The source lists it as derived from another grant.
        Inherited = "inherited",
    }
}

named! {
    /// What a credential is. Its secret is never part of a record.
    CredentialKind {
        /// A password.
        Password = "password",
        /// An access key pair (AWS).
        AccessKey = "access_key",
        /// A bearer or personal access token.
        Token = "token",
        /// An X.509 certificate.
        Certificate = "certificate",
        /// An SSH key.
        SshKey = "ssh_key",
        /// A user's consent to an OAuth application.
        OauthConsent = "oauth_consent",
        /// A client secret.
        ClientSecret = "client_secret",
    }
}

named! {
    /// Whether a credential works.
    CredentialState {
        /// Usable.
        Active = "active",
        /// Switched off.
        Inactive = "inactive",
        /// Ran out.
        Expired = "expired",
        /// Withdrawn.
        Revoked = "revoked",
        /// The source does not say.
        Unknown = "unknown",
    }
}

named! {
    /// What a policy document does.
    PolicyKind {
        /// Grants to the principals it is attached to.
        Identity = "identity",
        /// Bounds what identity policies can grant.
        Boundary = "boundary",
        /// AWS service control policy.
        Scp = "scp",
        /// AWS resource control policy.
        Rcp = "rcp",
        /// Attached to a resource.
        Resource = "resource",
        /// Says who may assume a role.
        Trust = "trust",
        /// A custom role's definition.
        RoleDefinition = "role_definition",
    }
}

/// The source object a record was read from.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Raw {
    /// The object itself as JSON text, reduced by the connector's allow-list (no password hashes, salaries, secrets).
    Object(String),
    /// Where it stands in a file that the scope report names: line, row or byte, as the connector documents.
    At(u64),
    /// The id of another record of this system whose raw object contains it (a membership inside its group).
    Within(String),
    /// No raw object.
    #[default]
    None,
}

/// One thing a system yields. In JSON Lines the kind stands in the key `record`, spelled as the variant in snake case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "record", rename_all = "snake_case")]
pub enum Record {
    /// HR only.
    Person(Box<Person>),
    /// HR only.
    Employment(Box<Employment>),
    /// A principal that can act.
    Account(Box<Account>),
    /// A collection of accounts and groups.
    Group(Box<Group>),
    /// A member of a group.
    Membership(Membership),
    /// A thing that access is about.
    Resource(Box<Resource>),
    /// Something that can be held.
    Entitlement(Box<Entitlement>),
    /// A principal holding an entitlement.
    Grant(Box<Grant>),
    /// Something to sign in with.
    Credential(Box<Credential>),
    /// A policy document.
    Policy(Box<Policy>),
    /// An identity elsewhere that signs in as an account here.
    Federation(Box<Federation>),
    /// An audit-log entry.
    AuditEvent(Box<AuditEvent>),
    /// A request, decided or open.
    Approval(Box<Approval>),
}

impl Record {
    /// The kind, which is also the table it is stored in.
    pub const fn kind(&self) -> RecordKind {
        match self {
            Self::Person(_) => RecordKind::Person,
            Self::Employment(_) => RecordKind::Employment,
            Self::Account(_) => RecordKind::Account,
            Self::Group(_) => RecordKind::Group,
            Self::Membership(_) => RecordKind::Membership,
            Self::Resource(_) => RecordKind::Resource,
            Self::Entitlement(_) => RecordKind::Entitlement,
            Self::Grant(_) => RecordKind::Grant,
            Self::Credential(_) => RecordKind::Credential,
            Self::Policy(_) => RecordKind::Policy,
            Self::Federation(_) => RecordKind::Federation,
            Self::AuditEvent(_) => RecordKind::AuditEvent,
            Self::Approval(_) => RecordKind::Approval,
        }
    }
}

/// One human in a source of truth.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Person {
    /// The feed's own key for the person.
    pub id: String,
    /// Full legal name.
    #[serde(default)]
    pub legal_name: Option<String>,
    /// The name the person goes by.
    #[serde(default)]
    pub preferred_name: Option<String>,
    /// Given name.
    #[serde(default)]
    pub given_name: Option<String>,
    /// Family name.
    #[serde(default)]
    pub family_name: Option<String>,
    /// Names borne before.
    #[serde(default)]
    pub previous_names: Vec<String>,
    /// Work e-mail addresses, the current one first.
    #[serde(default)]
    pub emails: Vec<String>,
    /// Employee ids, the current one first.
    #[serde(default)]
    pub employee_ids: Vec<String>,
    /// Further attributes that may serve as evidence (mobile phone, office), by the source's own name. Only those that the
    /// config asks for: HR knows more of a person than a report may show.
    #[serde(default)]
    pub attributes: BTreeMap<String, String>,
    /// The source object.
    #[serde(default)]
    pub raw: Raw,
}

/// A span in which a person has a worker type, a manager and a department.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Employment {
    /// The feed's own key for the employment; the person's id where HR keeps one row a person.
    pub id: String,
    /// [`Person::id`].
    pub person: String,
    /// The employee id of this employment.
    #[serde(default)]
    pub employee_id: Option<String>,
    /// HR's status.
    #[serde(default = "EmploymentStatus::unknown")]
    pub status: EmploymentStatus,
    /// HR's worker type.
    #[serde(default = "WorkerType::unknown")]
    pub worker_type: WorkerType,
    /// First day.
    #[serde(default)]
    pub start: Option<Date>,
    /// Last day, inclusive, in the person's own time zone.
    #[serde(default)]
    pub end: Option<Date>,
    /// Manager's [`Person::id`] or employee id.
    #[serde(default)]
    pub manager: Option<String>,
    /// Department.
    #[serde(default)]
    pub department: Option<String>,
    /// Job title.
    #[serde(default)]
    pub title: Option<String>,
    /// Location.
    #[serde(default)]
    pub location: Option<String>,
    /// Cost centre.
    #[serde(default)]
    pub cost_centre: Option<String>,
    /// IANA time zone of the person.
    #[serde(default)]
    pub time_zone: Option<String>,
    /// The instant from which the last change counts: an immediate termination says the minute.
    #[serde(default)]
    pub effective: Option<Timestamp>,
    /// The same where HR gives a bare day: the change counts from its beginning in the person's own zone, a termination from
    /// its end.
    #[serde(default)]
    pub effective_day: Option<Date>,
    /// The instant at which HR wrote it down.
    #[serde(default)]
    pub recorded: Option<Timestamp>,
    /// Number of the change, where HR gives a record for each change of an employment: of two changes that count from the same
    /// instant, the one with the higher number was made later ([`compare_sequences`]).
    #[serde(default)]
    pub sequence: Option<String>,
    /// The source object.
    #[serde(default)]
    pub raw: Raw,
}

/// What a change of an employment goes by, where HR gives a record for each: the employment's id and the change's number.
pub fn change_key(employment: &str, sequence: &str) -> String {
    format!("{employment} change {sequence}")
}

/// Order of two change numbers: by number where both are whole numbers, else as text.
pub fn compare_sequences(a: &str, b: &str) -> std::cmp::Ordering {
    let number = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.trim_start_matches('0').to_owned())
    };
    match (number(a), number(b)) {
        (Some(x), Some(y)) => (x.len(), x).cmp(&(y.len(), y)),
        (_, _) => a.cmp(b),
    }
}

impl EmploymentStatus {
    const fn unknown() -> Self {
        Self::Unknown
    }
}

impl WorkerType {
    const fn unknown() -> Self {
        Self::Unknown
    }
}

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

impl IdKind {
    const fn reusable() -> Self {
        Self::Reusable
    }
}

impl Lifecycle {
    const fn unknown() -> Self {
        Self::Unknown
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

impl GroupRule {
    const fn unknown() -> Self {
        Self::Unknown
    }
}

impl PrincipalKind {
    const fn account() -> Self {
        Self::Account
    }
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

impl EntitlementKind {
    const fn role() -> Self {
        Self::Role
    }
}

impl Purpose {
    const fn permission() -> Self {
        Self::Permission
    }
}

impl GrantOrigin {
    const fn direct() -> Self {
        Self::Direct
    }
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

impl CredentialState {
    const fn unknown() -> Self {
        Self::Unknown
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

/// An entry of a system's audit log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AuditEvent {
    /// The system's own id.
    pub id: String,
    /// When.
    pub at: Timestamp,
    /// Who: account id, login or ARN.
    #[serde(default)]
    pub actor: Option<String>,
    /// What, in the system's words.
    pub action: String,
    /// On what.
    #[serde(default)]
    pub object: Option<String>,
    /// Ticket reference found in it.
    #[serde(default)]
    pub ticket: Option<String>,
    /// How it ended; null where the log tells only what was done.
    #[serde(default)]
    pub outcome: Option<EventOutcome>,
    /// The operation that it is an attempt at: attempts at one share it.
    #[serde(default)]
    pub operation_id: Option<String>,
    /// Number of the entry, where the log numbers its entries one by one.
    #[serde(default)]
    pub sequence: Option<String>,
    /// The source object.
    #[serde(default)]
    pub raw: Raw,
}

/// A ticket or request, decided or waiting for a decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Approval {
    /// Ticket id.
    pub id: String,
    /// Who asked.
    #[serde(default)]
    pub requester: Option<String>,
    /// For whom: person id, e-mail or account.
    pub beneficiary: String,
    /// What.
    #[serde(default)]
    pub entitlement: Option<String>,
    /// On what.
    #[serde(default)]
    pub resource: Option<String>,
    /// From.
    #[serde(default)]
    pub from: Option<Timestamp>,
    /// Until.
    #[serde(default)]
    pub until: Option<Timestamp>,
    /// When it was asked for.
    #[serde(default)]
    pub requested_at: Option<Timestamp>,
    /// Who decided; of an open request, who has to.
    #[serde(default)]
    pub decided_by: Option<String>,
    /// When.
    #[serde(default)]
    pub decided_at: Option<Timestamp>,
    /// Whether it was approved; null while it is open.
    pub approved: Option<bool>,
    /// Whether it is for an emergency; null where the source does not tell such requests from others.
    #[serde(default)]
    pub emergency: Option<bool>,
    /// Who looked at it afterwards.
    #[serde(default)]
    pub reviewed_by: Option<String>,
    /// When.
    #[serde(default)]
    pub reviewed_at: Option<Timestamp>,
    /// The source object.
    #[serde(default)]
    pub raw: Raw,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_fact_is_unsupported_and_a_said_one_round_trips() {
        let account: Account =
            serde_json::from_str(r#"{"id":"7","created":"2025-01-02T03:04:05Z","last_activity":{"state":"never"}}"#)
                .unwrap();
        assert_eq!(account.created.state(), FactState::Known);
        assert_eq!(account.last_activity, Fact::Never);
        assert_eq!(account.mfa, Fact::Unsupported);
        let json = serde_json::to_string(&account).unwrap();
        assert_eq!(serde_json::from_str::<Account>(&json).unwrap(), account);
    }

    #[test]
    fn names_and_spellings_agree() {
        for kind in RecordKind::ALL {
            assert_eq!(kind.as_str().parse::<RecordKind>().unwrap(), *kind);
        }
        assert!("Break-Glass".parse::<AccountClass>().is_err());
    }
}
