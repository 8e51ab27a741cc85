//! What one collection promised to cover, and what became of the promise.
//!
//! A connector opens a [`crate::sink::Scope`] for each part of a system (an AWS account, a directory's naming context, a file), names
//! the record kinds it will cover, pushes records and notes every gap. When it finishes, each kind is complete, partial
//! or failed, and says why. Whether a complete answer is *suspect* is not judged here: the engine knows the history.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::record::RecordKind;

/// How a kind of record in a scope ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ScopeState {
    /// Everything that was promised was read, with proof.
    Complete,
    /// Some of it was read.
    Partial,
    /// None of it can be relied on. Also the state of a scope that was never finished.
    #[default]
    Failed,
}

/// Something that was not read, with its cause and its fix.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Gap {
    /// Stable diagnostic code (`COL031`), explained by `muster explain CODE`.
    pub code: String,
    /// What was tried, on what, and what was found.
    pub what: String,
    /// Why, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
    /// Where in a file: `people.csv:17:4`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Box<str>>,
    /// The one record that the gap costs, or a value of it; `None` where nobody knows how much is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only: Option<Box<Lost>>,
}

/// A record that was lost, or lost a value, by what it is called. What it does not name is not touched by its loss.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Lost {
    /// Ids that could be read of it: of the record, of the person it is about. Empty when none could.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ids: Vec<String>,
}

impl Gap {
    /// A gap with its code and what happened.
    pub fn new(code: &str, what: impl Into<String>) -> Self {
        Self { code: code.to_owned(), what: what.into(), cause: None, fix: None, at: None, only: None }
    }

    /// Says that the gap costs one record and no more, and what is known of its ids.
    #[must_use]
    pub fn only(mut self, ids: Vec<String>) -> Self {
        self.only = Some(Box::new(Lost { ids }));
        self
    }

    /// Adds the cause.
    #[must_use]
    pub fn cause(mut self, cause: impl Into<String>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// Adds the fix.
    #[must_use]
    pub fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }

    /// Adds the position.
    #[must_use]
    pub fn at(mut self, at: impl Into<String>) -> Self {
        self.at = Some(at.into().into_boxed_str());
        self
    }
}

/// One record kind of one scope.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct KindReport {
    /// How it ended.
    pub state: ScopeState,
    /// Records pushed.
    pub records: u64,
    /// The total the vendor declares, where one exists (SCIM `totalResults`, a trailer row).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declared_total: Option<u64>,
    /// Records that came again with the same content, where the connector left them out.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub repeated: u64,
    /// Ids of records that were pushed and turned out to contradict later ones: neither is to be kept. A gap names each. A
    /// change of an employment goes by [`change_key`](crate::record::change_key).
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub withdrawn: BTreeSet<String>,
    /// What was not read. Empty exactly when `state` is complete.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gaps: Vec<Gap>,
    /// Fields that the source withheld from every record, by record field name (`last_activity`), with why.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub withheld: BTreeMap<String, String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl KindReport {
    /// Whether it is partial, and it is known which records that cost: all others can be relied on.
    pub fn loses_only_rows(&self) -> bool {
        self.state == ScopeState::Partial && self.gaps.iter().all(|gap| gap.only.is_some())
    }
}

/// What a probe is called that says whether a credential can do no more than read; refused when it can.
pub const NOTHING_BEYOND_READING: &str = "nothing beyond reading";

/// A permission that was probed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Probe {
    /// The system's name for the permission or call (`iam:GetAccountAuthorizationDetails`).
    pub permission: String,
    /// Whether the credential has it; `None` when nobody knows, since the question was not answered.
    pub granted: Option<bool>,
    /// What the system answered when it does not, or why it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// A file that records were read from, quoted by its SHA-256 in reports.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct SourceFile {
    /// Path as configured.
    pub path: String,
    /// SHA-256 of the bytes, lower-case hex.
    pub sha256: String,
    /// Bytes.
    pub bytes: u64,
    /// When its content was taken from the system, from the config or a sidecar; never the file's modification time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collected: Option<Timestamp>,
    /// Fingerprint of header and encoding: equal for files of the same shape.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<String>,
}

/// How a scope was read whose changes can be asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Changes {
    /// Clock of the run that read everything; what changed since was laid over it.
    pub whole: Timestamp,
    /// Objects that came as new or changed.
    pub changed: u64,
    /// Objects that came as deleted.
    pub gone: u64,
    /// Why everything was read although changes were to be asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instead: Option<String>,
}

/// That a first answer without anything is ordinary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MayBeEmpty {
    /// Why.
    pub why: String,
    /// Scopes that must be whole, and have rows unless they may be empty themselves, for that to be believed: a credential that may
    /// see nothing sees nothing there, either.
    pub beside: Vec<String>,
}

/// What became of one scope. Instants here are facts about the run and stay out of hashed content.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct ScopeReport {
    /// Name within the system, stable from run to run (`account/111122223333`, `dc=corp,dc=example`).
    pub scope: String,
    /// The kinds that were promised, and how each ended.
    pub kinds: BTreeMap<RecordKind, KindReport>,
    /// Pages or files read.
    pub pages: u64,
    /// Permissions probed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub probes: Vec<Probe>,
    /// Who the credential is, as the system sees it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// The tenant's own id (AWS account or organisation id, domain SID): what fingerprints use, so a rename reopens nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// Files read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<SourceFile>,
    /// How it was read, when its changes can be asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changes: Option<Changes>,
    /// That it may be empty, where its connector knows so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub may_be_empty: Option<MayBeEmpty>,
    /// Seconds by which the system's clock is ahead of ours, as its answers say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock_ahead: Option<i64>,
    /// When it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started: Option<Timestamp>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished: Option<Timestamp>,
}

impl ScopeReport {
    /// The worst state of any kind; failed when nothing was promised.
    pub fn state(&self) -> ScopeState {
        self.kinds.values().map(|kind| kind.state).max().unwrap_or_default()
    }
}
