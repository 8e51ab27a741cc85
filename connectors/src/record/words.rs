//! States and kinds with one spelling each, for JSON, tables, flags and headings.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::record::UnknownName;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($text => Ok(Self::$variant),)+
                    _ => Err($crate::record::UnknownName { what: stringify!($name), text: text.to_owned(), known: &[$($text),+] }),
                }
            }
        }
    };
}

pub(super) use named;

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

impl EmploymentStatus {
    pub(super) const fn unknown() -> Self {
        Self::Unknown
    }
}

impl WorkerType {
    pub(super) const fn unknown() -> Self {
        Self::Unknown
    }
}

impl IdKind {
    pub(super) const fn reusable() -> Self {
        Self::Reusable
    }
}

impl Lifecycle {
    pub(super) const fn unknown() -> Self {
        Self::Unknown
    }
}

impl GroupRule {
    pub(super) const fn unknown() -> Self {
        Self::Unknown
    }
}

impl PrincipalKind {
    pub(super) const fn account() -> Self {
        Self::Account
    }
}

impl EntitlementKind {
    pub(super) const fn role() -> Self {
        Self::Role
    }
}

impl Purpose {
    pub(super) const fn permission() -> Self {
        Self::Permission
    }
}

impl GrantOrigin {
    pub(super) const fn direct() -> Self {
        Self::Direct
    }
}

impl CredentialState {
    pub(super) const fn unknown() -> Self {
        Self::Unknown
    }
}
