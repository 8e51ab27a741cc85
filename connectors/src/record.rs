//! What a system yields: one [`Record`] per account, group, grant, person and so on.
//!
//! Every record carries the system's own immutable id and the raw source object, or a reference to it, beside the
//! normalised fields, so that a better reading later needs no new collection. Which system and scope a record belongs to
//! is known to the sink it is pushed into and stands on no record.
//!
//! Names follow SCIM (RFC 7643) for accounts and groups and NIST RBAC (INCITS 359) for entitlements and grants.
//! **Unknown is a value**: a [`Fact`] says why a value is missing, and "last activity unreadable" is never "never active".

mod access;
mod accounts;
mod events;
mod fact;
mod people;
mod words;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::access::{Entitlement, Grant, Policy, Resource};
pub use self::accounts::{Account, Credential, FederatedId, Federation, Group, Membership};
pub use self::events::{Approval, AuditEvent};
pub use self::fact::{Fact, FactState};
pub use self::people::{Employment, Person, change_key, compare_sequences};
use self::words::named;
pub use self::words::{
    AccountClass, Affiliation, CredentialKind, CredentialState, EmploymentStatus, EntitlementKind, EventOutcome,
    GrantOrigin, GroupRule, IdKind, Lifecycle, PolicyKind, PrincipalKind, PrivilegeLevel, Purpose, UnknownName,
    WorkerType,
};

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
