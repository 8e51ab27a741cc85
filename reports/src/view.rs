//! The contract: what a report knows.
//!
//! The engine fills one [`View`] a run; every format renders that same view and recomputes nothing. Texts in it come from
//! strangers (names, policy documents): each format escapes them for its target. Lists arrive sorted and are written in
//! the order given, so the same view gives the same bytes. A full population never sits in memory: it is walked through
//! [`Population`].

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Version of the machine formats' shape; it rises when a key changes its meaning or goes.
pub const VIEW_VERSION: u32 = 1;

/// Everything one run has to tell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct View {
    /// [`VIEW_VERSION`].
    pub version: u32,
    /// Where it comes from.
    pub origin: Origin,
    /// The verdict of the run as a whole.
    pub outcome: Outcome,
    /// Findings, gravest first.
    pub findings: Vec<Finding>,
    /// What each rule did with its population, by rule id.
    pub rules: Vec<RuleSummary>,
    /// What was and was not read, by system name.
    pub systems: Vec<System>,
    /// People and links.
    pub people: PeopleSummary,
}

/// Where a view comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Origin {
    /// Tool and version.
    pub tool: String,
    /// The clock of the run, UTC.
    pub now: Timestamp,
    /// Id of the snapshot that was judged.
    pub snapshot: String,
    /// Id of the snapshot before it, where there is one.
    pub previous: Option<String>,
    /// BLAKE3 of the config and policy texts, hex.
    pub config: String,
}

/// How the run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Outcome {
    /// The process's exit code.
    pub code: u8,
    /// Why it is that.
    pub reason: String,
    /// Whether every scope that was asked for was read completely.
    pub complete: bool,
}

/// How grave a finding is, lowest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Good to know.
    Info,
    /// Tidy up.
    Low,
    /// Plan to fix.
    Medium,
    /// Fix soon.
    High,
    /// Fix now.
    Critical,
}

impl Severity {
    /// Every severity, lowest first.
    pub const ALL: [Self; 5] = [Self::Info, Self::Low, Self::Medium, Self::High, Self::Critical];

    /// The one spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

impl std::fmt::Display for Severity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

impl std::str::FromStr for Severity {
    type Err = UnknownSeverity;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|severity| severity.as_str() == text).ok_or_else(|| UnknownSeverity(text.to_owned()))
    }
}

/// A word that is no severity.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no severity; known are info, low, medium, high, critical")]
pub struct UnknownSeverity(pub String);

/// One rule's statement about one subject.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// Stable over runs: made of rule id and subject ids alone, hex.
    pub fingerprint: String,
    /// Rule id (`LCM-001`).
    pub rule: String,
    /// Rule slug (`leaver-still-active`).
    pub slug: String,
    /// Rule title.
    pub title: String,
    /// How grave.
    pub severity: Severity,
    /// Why it is graver or lighter than the rule's own severity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity_reason: Option<String>,
    /// What it is about.
    pub subject: Subject,
    /// One sentence a manager understands.
    pub message: String,
    /// The rows that prove it.
    pub evidence: Vec<Evidence>,
    /// The shortest path of grants and memberships that proves it, first step first; empty where none is needed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub path: Vec<Step>,
    /// Control ids it counts against (`NIST AC-2(3)`).
    pub controls: Vec<String>,
    /// What to do.
    pub fix: String,
    /// When a snapshot first showed it.
    pub first_seen: Timestamp,
    /// When a snapshot last showed it.
    pub last_seen: Timestamp,
}

/// What a finding is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Subject {
    /// `account`, `person`, `group`, `credential`, `grant`, `system`, `scope`.
    pub kind: String,
    /// System name; absent for persons.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system: Option<String>,
    /// The system's own id.
    pub id: String,
    /// The name people know it by.
    pub name: String,
    /// The person it is linked to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
}

/// A row that proves something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Evidence {
    /// System name.
    pub system: String,
    /// Table (`accounts`).
    pub table: String,
    /// The row's id.
    pub id: String,
    /// The facts of the row that matter, by column.
    pub facts: BTreeMap<String, String>,
    /// When the row was collected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collected: Option<Timestamp>,
}

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Step {
    /// From, by name.
    pub from: String,
    /// How (`member of`, `holds`, `can assume`).
    pub relation: String,
    /// To, by name.
    pub to: String,
    /// System name.
    pub system: String,
    /// A condition that the path depends on, verbatim.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
}

/// What one rule did with its population. `pass + fail + not_evaluated = population`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RuleSummary {
    /// Rule id.
    pub rule: String,
    /// Slug.
    pub slug: String,
    /// Title.
    pub title: String,
    /// The rule's own severity.
    pub severity: Severity,
    /// Controls.
    pub controls: Vec<String>,
    /// Subjects it applies to.
    pub population: u64,
    /// Found in order.
    pub pass: u64,
    /// Findings.
    pub fail: u64,
    /// Could not be judged.
    pub not_evaluated: u64,
    /// Why, with how many subjects each cause cost, most first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<Reason>,
    /// The same by system, by its name; persons count for the feed that knows them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub systems: Vec<RuleSystem>,
}

/// What one rule did with the subjects of one system. `pass + fail + not_evaluated = population`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RuleSystem {
    /// System name.
    pub system: String,
    /// Subjects it applies to.
    pub population: u64,
    /// Found in order.
    pub pass: u64,
    /// Findings.
    pub fail: u64,
    /// Could not be judged.
    pub not_evaluated: u64,
    /// Why, with how many subjects each cause cost, most first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<Reason>,
}

/// Why subjects were not evaluated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reason {
    /// The cause.
    pub cause: String,
    /// Subjects.
    pub subjects: u64,
}

/// One system and how it was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct System {
    /// Name in the config.
    pub name: String,
    /// Connector.
    pub connector: String,
    /// Its scopes, by name.
    pub scopes: Vec<Scope>,
}

/// One scope and how it was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Scope {
    /// Name.
    pub name: String,
    /// Its record kinds.
    pub kinds: Vec<Kind>,
    /// Who the credential is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// The tenant's own id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// When its rows were true: collected from the system, not read by us.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collected: Option<Timestamp>,
    /// Files it was read from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<File>,
}

/// A file that rows were read from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct File {
    /// Path as configured.
    pub path: String,
    /// SHA-256, lower-case hex.
    pub sha256: String,
}

/// One record kind of a scope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Kind {
    /// Table name (`accounts`).
    pub name: String,
    /// `complete`, `partial`, `failed`, `suspect` or `carried`.
    pub state: String,
    /// Rows.
    pub records: u64,
    /// What was not read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gaps: Vec<Gap>,
    /// Fields that the source withheld.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub withheld: Vec<String>,
}

/// Something that was not read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Gap {
    /// Diagnostic code.
    pub code: String,
    /// What happened.
    pub what: String,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// What to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
    /// File, line and column.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
}

/// People and links in numbers.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct PeopleSummary {
    /// Persons in HR.
    pub persons: u64,
    /// Persons with an employment that is running.
    pub employed: u64,
    /// Accounts.
    pub accounts: u64,
    /// Accounts linked to a person, by the strategy that linked them.
    pub linked: BTreeMap<String, u64>,
    /// Situations (CONFIRMED, UNASSIGNED …), by name.
    pub situations: BTreeMap<String, u64>,
    /// Account classes, by name.
    pub classes: BTreeMap<String, u64>,
    /// Affiliations of accounts (employee, contractor …), by name; `unknown` where nothing tells it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub affiliations: BTreeMap<String, u64>,
    /// How far the accounts of a human class of each system are accounted for, by system name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub coverage: Vec<LinkCoverage>,
    /// Accounts by confidence of their link or likeliest candidate, lowest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub confidence: Vec<Bucket>,
    /// What became of the links since the check before; absent where there is none to compare with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub churn: Option<LinkChurn>,
    /// Decisions about links that do nothing, or contradict each other.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub decisions: Vec<DecisionNote>,
}

/// How far the accounts of a human class of one system are accounted for.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct LinkCoverage {
    /// System name.
    pub system: String,
    /// Accounts of a human class.
    pub accounts: u64,
    /// These by situation.
    pub situations: BTreeMap<String, u64>,
    /// Those that are linked, by the strategy that linked them.
    pub linked: BTreeMap<String, u64>,
}

/// Accounts whose link or likeliest candidate has a confidence within bounds.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Bucket {
    /// Lowest confidence, in percent.
    pub from: u8,
    /// Highest confidence, in whole percent.
    pub to: u8,
    /// Accounts that are linked.
    pub linked: u64,
    /// Accounts with candidates only.
    pub candidates: u64,
}

/// What became of the links since an earlier check.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct LinkChurn {
    /// Number of the snapshot whose check it is compared with.
    pub since: u64,
    /// Links to the same person as before.
    pub unchanged: u64,
    /// Links to another person.
    pub moved: u64,
    /// Links that are gone while the account still stands.
    pub lost: u64,
    /// Links that are gone with their account.
    pub gone: u64,
    /// Links that were not there.
    pub new: u64,
    /// Each of them: moved, lost, gone, new. Every moved and lost one is here; of the others at most a thousand each.
    pub changes: Vec<LinkChange>,
    /// Changes that are counted and not listed; `-o csv-link-changes` and the query table `link_changes` have them all.
    pub left_out: u64,
}

/// One link that is not what it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LinkChange {
    /// `moved`, `lost`, `gone` or `new`.
    pub change: String,
    /// System name.
    pub system: String,
    /// The account's id.
    pub account: String,
    /// The name people know it by.
    pub name: String,
    /// Whom it was linked to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<LinkEnd>,
    /// Whom it is linked to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<LinkEnd>,
    /// Why, in a sentence.
    pub cause: String,
}

/// The person at the end of a link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LinkEnd {
    /// Employee id, else the feed's own key.
    pub person: String,
    /// Name.
    pub name: String,
    /// The strategy that linked.
    pub strategy: String,
    /// How surely, in percent.
    pub confidence: u8,
}

/// A decision about a link that does nothing, or contradicts another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DecisionNote {
    /// Diagnostic code.
    pub code: String,
    /// What is wrong with it.
    pub what: String,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// What to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
    /// File, line and column.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
}

/// An account as reports list it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AccountRow {
    /// System name.
    pub system: String,
    /// The system's own id.
    pub id: String,
    /// Sign-in name.
    pub login: String,
    /// Display name.
    pub name: String,
    /// Class.
    pub class: String,
    /// Lifecycle state.
    pub lifecycle: String,
    /// Person id it is linked to; empty when none.
    pub person: String,
    /// Situation (CONFIRMED, UNASSIGNED …).
    pub situation: String,
    /// Privilege level.
    pub privilege: String,
    /// Last activity: an instant, `never`, `unreadable` or `unsupported`.
    pub last_activity: String,
    /// State of the scope it was read in.
    pub scope_state: String,
}

/// A grant as reports list it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GrantRow {
    /// System name.
    pub system: String,
    /// Principal's id.
    pub principal: String,
    /// Principal's name.
    pub principal_name: String,
    /// `account`, `group` or `unknown`.
    pub principal_kind: String,
    /// Entitlement's id.
    pub entitlement: String,
    /// Entitlement's name.
    pub entitlement_name: String,
    /// Resource; empty when none.
    pub resource: String,
    /// Privilege level.
    pub privilege: String,
}

/// The full population, walked row by row in a stable order.
pub trait Population {
    /// Every account.
    ///
    /// # Errors
    /// The first error that `visit` returns.
    fn accounts(&self, visit: &mut dyn FnMut(AccountRow) -> std::io::Result<()>) -> std::io::Result<()>;

    /// Every grant.
    ///
    /// # Errors
    /// The first error that `visit` returns.
    fn grants(&self, visit: &mut dyn FnMut(GrantRow) -> std::io::Result<()>) -> std::io::Result<()>;

    /// Every link that is not what it was at the check before; none where there is no such check, which the view tells.
    ///
    /// # Errors
    /// The first error that `visit` returns.
    fn link_changes(&self, visit: &mut dyn FnMut(LinkChange) -> std::io::Result<()>) -> std::io::Result<()>;
}
