//! What was done and what was asked for: audit-log entries and approvals.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{EventOutcome, Raw};

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
