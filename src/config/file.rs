//! The shape of `muster.toml` as it is written: what the published schema describes and serde reads.
//!
//! Every value keeps its bytes ([`toml::Spanned`]), so that a later complaint can point at it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use muster_connectors::record::RecordKind;
use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;

/// `[muster]`: the run as a whole.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MusterTable {
    /// IANA time zone of end-of-day dates that bring none of their own. Default: UTC.
    #[schemars(with = "Option<String>")]
    pub(super) timezone: Option<Spanned<String>>,
    /// Folder of what people decide: pins.toml, inventory.toml and further policies. Default: `policy`.
    #[schemars(with = "Option<PathBuf>")]
    pub(super) policy: Option<Spanned<PathBuf>>,
    /// A fixed clock, for examples and tests: an instant with its zone.
    #[schemars(with = "Option<String>")]
    pub(super) now: Option<Spanned<InstantText>>,
    /// Folder of the snapshots. Default: `.muster`.
    #[schemars(with = "Option<PathBuf>")]
    pub(super) store: Option<Spanned<PathBuf>>,
    /// Findings that turn the exit code to 1: a severity, `new:` before it for new findings only, or `never`. Default: `high`.
    #[schemars(with = "Option<String>")]
    pub(super) fail_on: Option<Spanned<String>>,
    /// Longest time of a whole collection (`2h`). Default: none.
    #[schemars(with = "Option<String>")]
    pub(super) deadline: Option<Spanned<String>>,
    /// How old a reading may be that an interrupted scan had finished and the next one takes over (`6h`, `0s` for none).
    /// Default: `6h`.
    #[schemars(with = "Option<String>")]
    pub(super) resume_within: Option<Spanned<String>>,
    /// Systems that are collected at once. Default: 4.
    #[schemars(with = "Option<u16>")]
    pub(super) concurrency: Option<Spanned<u16>>,
}

/// A TOML instant, or one as text.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "write an instant with its zone, as 2026-11-01T08:00:00Z")]
pub(super) enum InstantText {
    Toml(toml::value::Datetime),
    Text(String),
}

impl std::fmt::Display for InstantText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Toml(instant) => write!(f, "{instant}"),
            Self::Text(text) => f.write_str(text),
        }
    }
}

/// `[gate]`: when a complete answer is not believed.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct GateTable {
    /// A scope that lost more than this percentage of its rows is suspect. Default: 20.
    #[schemars(with = "Option<u32>", range(min = 1, max = 100))]
    pub(super) shrink_percent: Option<Spanned<u32>>,
    /// A scope that gained more than this percentage of rows is suspect. Default: 100.
    #[schemars(with = "Option<u32>", range(min = 1))]
    pub(super) grow_percent: Option<Spanned<u32>>,
    /// Changes of fewer rows than this are never judged by percentage. Default: 5.
    #[schemars(with = "Option<u32>")]
    pub(super) min_change: Option<Spanned<u32>>,
    /// An HR file that was taken longer ago than this is suspect. Default: 48.
    #[schemars(with = "Option<u32>", range(min = 1))]
    pub(super) max_age_hours: Option<Spanned<u32>>,
    /// More persons than this (and than `mass_leave_percent`) that HR ends in the same second are suspect. Default: 10.
    #[schemars(with = "Option<u32>", range(min = 1))]
    pub(super) mass_leave: Option<Spanned<u32>>,
    /// The same as a percentage of all persons. Default: 5.
    #[schemars(with = "Option<u32>", range(min = 1, max = 100))]
    pub(super) mass_leave_percent: Option<Spanned<u32>>,
}

/// `[people]`: how accounts are tied to people where no id and no address decides.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PeopleTable {
    /// Most links by likeness that may be false, as a share: more than 0, at most 0.1. Default: 0.001.
    #[schemars(with = "Option<f64>", range(min = 0.0, max = 0.1))]
    pub(super) false_link_rate: Option<Spanned<f64>>,
    /// Fields that say the same on both sides, besides names, addresses, department, title and manager.
    #[serde(default)]
    pub(super) compare: Vec<CompareTable>,
}

/// A field of persons and one of accounts that say the same.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CompareTable {
    /// `attributes.NAME`, `department`, `title`, `location` or `manager`.
    #[schemars(with = "String")]
    pub(super) person: Spanned<String>,
    /// `attributes.NAME`, `department`, `title` or `manager`.
    #[schemars(with = "String")]
    pub(super) account: Spanned<String>,
    /// How they are compared. Default: text.
    #[serde(default, rename = "as")]
    pub(super) kind: CompareAs,
}

/// How two values are compared.
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum CompareAs {
    /// Words.
    #[default]
    Text,
    /// Digits; the last seven count where prefixes differ.
    Phone,
    /// A day, ISO 8601.
    Date,
    /// Letters and digits: a postcode, a badge, an id.
    Code,
}

/// `[rules.ID]`: one rule's options.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct RuleHead {
    /// Whether it runs. Default: true.
    #[schemars(with = "Option<bool>")]
    pub(super) enabled: Option<Spanned<bool>>,
    /// Why it is switched off. Required when it is.
    #[schemars(with = "Option<String>")]
    pub(super) reason: Option<Spanned<String>>,
}

/// `[[system]]`: the keys that are the same for every connector.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SystemHead {
    /// Name and id of the system; snapshots, drift and exceptions refer to it.
    #[schemars(with = "String")]
    pub(super) name: Spanned<String>,
    /// How it is read: `muster connectors list`.
    #[schemars(with = "String")]
    pub(super) connector: Spanned<String>,
    /// Objects that must be seen for the system to count as read: ids, sign-in names, DNs, ARNs, names, e-mail addresses.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub(super) canaries: Vec<Spanned<String>>,
    /// Whether an empty answer is normal: true, or the tables for which it is.
    #[serde(default)]
    pub(super) empty_is_normal: EmptyIsNormal,
    /// Longest time of its collection (`10m`).
    #[schemars(with = "Option<String>")]
    pub(super) deadline: Option<Spanned<String>>,
    /// Requests under way at once. Default: 8.
    #[schemars(with = "Option<u16>")]
    pub(super) concurrency: Option<Spanned<u16>>,
    /// Who answers for the system.
    pub(super) owner: Option<String>,
    /// Files taken longer ago than this (`36h`) are suspect. Default for HR: `[gate] max_age_hours`; otherwise none.
    #[schemars(with = "Option<String>")]
    pub(super) max_age: Option<Spanned<String>>,
}

/// Names of the fields of [`SystemHead`].
pub(super) const SYSTEM_KEYS: [&str; 8] =
    ["canaries", "concurrency", "connector", "deadline", "empty_is_normal", "max_age", "name", "owner"];

/// For which tables of a system an empty answer is normal.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "write true, false or a list of tables, as [\"groups\"]")]
pub enum EmptyIsNormal {
    /// All of them, or none.
    All(bool),
    /// These.
    Kinds(Vec<RecordKind>),
}

impl Default for EmptyIsNormal {
    fn default() -> Self {
        Self::All(false)
    }
}

impl EmptyIsNormal {
    /// Whether no row of `kind` is nothing to worry about.
    pub fn covers(&self, kind: RecordKind) -> bool {
        match self {
            Self::All(all) => *all,
            Self::Kinds(kinds) => kinds.contains(&kind),
        }
    }
}

/// The whole file, for the schema only.
#[derive(JsonSchema)]
#[schemars(title = "muster.toml", deny_unknown_fields)]
#[expect(dead_code, reason = "describes the file to schemars; the loader reads table by table to keep positions")]
pub(super) struct ConfigFile {
    /// The run as a whole.
    muster: Option<MusterTable>,
    /// When a complete answer is not believed.
    gate: Option<GateTable>,
    /// How accounts are tied to people where no id and no address decides.
    people: Option<PeopleTable>,
    /// Options of rules by rule id: `muster explain ID` lists them.
    rules: Option<BTreeMap<String, RuleHead>>,
    /// The systems to read.
    system: Option<Vec<SystemHead>>,
}
