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

/// The spellings of an enum as [`Display`](std::fmt::Display) and [`FromStr`](std::str::FromStr), and the error for other words.
macro_rules! spelled {
    ($name:ident, $unknown:ident, $noun:literal) => {
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $unknown;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::ALL.into_iter().find(|one| one.as_str() == text).ok_or_else(|| $unknown(text.to_owned()))
            }
        }

        #[doc = concat!("A word that is no ", $noun, ".")]
        #[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
        #[error("`{0}` is no {noun}; known are {known}", noun = $noun, known = $name::ALL.map($name::as_str).join(", "))]
        pub struct $unknown(pub String);
    };
}

/// Version of the machine formats' shape; it rises when a key changes its meaning or goes.
pub const VIEW_VERSION: u32 = 1;

/// Everything one run has to tell.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
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
    /// Found before and not judged now, because something was not read or a rule is switched off: still open, not confirmed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unconfirmed: Vec<Finding>,
    /// Found by the check before and in order now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resolved: Vec<Finding>,
    /// What each owner has to act on, most first; what nobody owns comes last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub owners: Vec<OwnerCount>,
    /// Accepted risks, in the order of their file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exceptions: Vec<ExceptionNote>,
    /// What is left of the findings that were there when Muster was adopted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<Baseline>,
}

impl View {
    /// Findings that somebody has to act on: neither accepted, snoozed nor part of the baseline.
    pub fn live(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.is_live())
    }
}

/// Where a view comes from.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
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
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Outcome {
    /// The process's exit code.
    pub code: u8,
    /// Why it is that.
    pub reason: String,
    /// Whether every scope that was asked for was read completely.
    pub complete: bool,
}

/// How grave a finding is, lowest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Good to know.
    #[default]
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

spelled!(Severity, UnknownSeverity, "severity");

/// Where a finding stands: what the chain of checks shows, and what people decided about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Nobody has decided anything.
    #[default]
    Open,
    /// It was resolved, and is true again.
    Regressed,
    /// Somebody knows of it and works on it.
    Acknowledged,
    /// Put off until a day.
    Snoozed,
    /// A risk that somebody took until a day.
    Accepted,
    /// It was found, and is in order.
    Resolved,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 6] =
        [Self::Open, Self::Regressed, Self::Acknowledged, Self::Snoozed, Self::Accepted, Self::Resolved];

    /// The one spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Regressed => "regressed",
            Self::Acknowledged => "acknowledged",
            Self::Snoozed => "snoozed",
            Self::Accepted => "accepted",
            Self::Resolved => "resolved",
        }
    }

    /// Whether somebody decided that nothing is to be done for now.
    pub const fn is_aside(self) -> bool {
        match self {
            Self::Snoozed | Self::Accepted => true,
            Self::Open | Self::Regressed | Self::Acknowledged | Self::Resolved => false,
        }
    }
}

spelled!(State, UnknownState, "state");

/// Who has to act on a finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Owner {
    /// Name or address, as it was written where it was found.
    pub name: String,
    /// What says so.
    pub from: OwnerFrom,
}

/// What says who owns a finding; the first one counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OwnerFrom {
    /// Somebody decided it for this finding.
    Decision,
    /// The register of owners.
    Register,
    /// The owner of the system.
    System,
    /// The owner of the account, group, entitlement or resource.
    Object,
    /// The manager of the person.
    Manager,
}

impl OwnerFrom {
    /// Every one.
    pub const ALL: [Self; 5] = [Self::Decision, Self::Register, Self::System, Self::Object, Self::Manager];

    /// The one spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Decision => "decision",
            Self::Register => "register",
            Self::System => "system",
            Self::Object => "object",
            Self::Manager => "manager",
        }
    }
}

spelled!(OwnerFrom, UnknownOwnerFrom, "source of an owner");

/// What many findings of one rule have in common.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Fold {
    /// Names the whole fold, as a fingerprint names one finding.
    pub key: String,
    /// The common cause, for a sentence: `through the group Ops`.
    pub root: String,
    /// Findings that have it.
    pub members: u64,
}

/// Findings of one owner.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct OwnerCount {
    /// The owner; absent for findings that nobody owns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Findings to act on.
    pub findings: u64,
    /// These by severity, by name.
    pub severities: BTreeMap<String, u64>,
}

/// An accepted risk and what it does.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct ExceptionNote {
    /// Its id.
    pub id: String,
    /// `in force`, `expired`, `not approved`, `unused`, `evidence changed` or `withdrawn`.
    pub state: String,
    /// Why it is that, in a sentence.
    pub what: String,
    /// Findings that it covers now.
    pub covers: u64,
    /// Who answers for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Who approved it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approver: Option<String>,
    /// Its last day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    /// Why the risk was accepted.
    pub reason: String,
    /// What lessens the risk meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mitigation: Option<String>,
    /// File, line and column.
    pub at: String,
}

/// What is left of the findings that were there when Muster was adopted.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Baseline {
    /// The day of it.
    pub adopted: String,
    /// Who adopted it.
    pub author: String,
    /// Findings that it holds.
    pub findings: u64,
    /// Of these still true, or not confirmed, and no worse than they were.
    pub left: u64,
    /// Of these true and worse: regressed, or graver.
    pub worse: u64,
    /// Of these in order.
    pub resolved: u64,
}

/// One rule's statement about one subject.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
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
    /// Where it stands.
    #[serde(default)]
    pub state: State,
    /// Why it stands there: who decided what until when, and what ended a decision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state_reason: Option<String>,
    /// Id of the accepted risk that covers it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exception: Option<String>,
    /// Who has to act on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Owner>,
    /// BLAKE3 of what proves it, without the facts that change by themselves, 16 hex digits. Accepted risks are bound to it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub evidence_hash: String,
    /// What it has in common with many others of its rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fold: Option<Fold>,
    /// Whether it was there when Muster was adopted and has not got worse.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub baseline: bool,
    /// When it was last found in order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolved: Option<Timestamp>,
    /// Since when it is true again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub regressed: Option<Timestamp>,
    /// Why it could not be judged again; absent where it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unconfirmed: Option<String>,
}

impl Finding {
    /// Whether somebody has to act on it.
    pub fn is_live(&self) -> bool {
        !self.state.is_aside() && !self.baseline
    }

    /// Whether the check at `now` is the first to find it, or to find it again.
    pub fn is_new(&self, now: Timestamp) -> bool {
        self.first_seen == now || self.regressed == Some(now)
    }

    /// Why it has its severity.
    pub fn why_severity(&self) -> &str {
        self.severity_reason.as_deref().unwrap_or("the rule's own")
    }
}

/// What a finding is about.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
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
    /// That person's employee id, else the feed's own key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person_id: Option<String>,
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
