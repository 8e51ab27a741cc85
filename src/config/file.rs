//! The shape of `muster.toml` as it is written: what the published schema describes and serde reads.
//!
//! Every value keeps its bytes ([`toml::Spanned`]), so that a later complaint can point at it.

use std::collections::BTreeMap;
use std::ops::Range;
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
    /// Folder of what people decide: pins.toml, persons.toml, inventory.toml and further policies. Default: `policy`.
    #[schemars(with = "Option<PathBuf>")]
    pub(super) policy: Option<Spanned<PathBuf>>,
    /// Folder of manifests of your own, for systems that muster does not bring along. Default: none.
    #[schemars(with = "Option<PathBuf>")]
    pub(super) manifests: Option<Spanned<PathBuf>>,
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
    /// More findings of one rule with one cause than this are shown as one in reports for people. Default: 10.
    #[schemars(with = "Option<u32>", range(min = 1))]
    pub(super) fold_over: Option<Spanned<u32>>,
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

/// `[drift]`: what a snapshot is compared with.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DriftTable {
    /// Compare with the newest snapshot that is at least so many days older, or the oldest there is; 0 for the snapshot before.
    /// Default: 0.
    #[schemars(with = "Option<u32>", range(max = 365))]
    pub(super) compare_days: Option<Spanned<u32>>,
}

/// `[gate]`, or the `gate` of one system: when a complete answer is not believed.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct GateTable {
    /// A scope that lost more than this percentage of its rows is suspect. Default: 20.
    #[schemars(with = "Option<u32>", range(min = 1, max = 100))]
    pub(super) shrink_percent: Option<Spanned<u32>>,
    /// A scope that gained more than this percentage of rows is suspect. Default: 75.
    #[schemars(with = "Option<u32>", range(min = 1))]
    pub(super) grow_percent: Option<Spanned<u32>>,
    /// Changes of fewer rows than this are never judged by percentage. Default: 5.
    #[schemars(with = "Option<u32>")]
    pub(super) min_change: Option<Spanned<u32>>,
    /// An HR file that was taken longer ago than this is suspect. Default: 48.
    #[schemars(with = "Option<u32>", range(min = 1))]
    pub(super) max_age_hours: Option<Spanned<u32>>,
    /// More persons than this (and than `mass_leave_percent`) that HR ends in the same second, on the same day or from one
    /// collection to the next are suspect. Default: 10.
    #[schemars(with = "Option<u32>", range(min = 1))]
    pub(super) mass_leave: Option<Spanned<u32>>,
    /// The same as a percentage of all persons. Default: 5.
    #[schemars(with = "Option<u32>", range(min = 1, max = 100))]
    pub(super) mass_leave_percent: Option<Spanned<u32>>,
    /// A scope of which more than this percentage of the rows came more than once is suspect. Default: 10.
    #[schemars(with = "Option<u32>", range(min = 1, max = 100))]
    pub(super) repeat_percent: Option<Spanned<u32>>,
    /// A scope is suspect when a column that most rows had a value in lost more than this percentage of its values. Default: 50.
    #[schemars(with = "Option<u32>", range(min = 1, max = 100))]
    pub(super) emptied_percent: Option<Spanned<u32>>,
    /// An HR file that does not say when it was taken and has not changed for longer than this is suspect. Default: 168, a week.
    #[schemars(with = "Option<u32>", range(min = 1))]
    pub(super) max_unchanged_hours: Option<Spanned<u32>>,
    /// A system whose clock is further from ours than this is suspect. Default: 10.
    #[schemars(with = "Option<u32>", range(min = 1))]
    pub(super) max_skew_minutes: Option<Spanned<u32>>,
    /// After so many believed collections a scope that loses four times as many rows as it ever did at once, and at least 5 %,
    /// is suspect although `shrink_percent` would let it pass; 0 is never. Default: 7.
    #[schemars(with = "Option<u32>")]
    pub(super) learn_after: Option<Spanned<u32>>,
    /// Who approved limits that are looser than they were; without it CTL-010 reports them.
    pub(super) approved_by: Option<String>,
}

impl GateTable {
    /// Every key with its value.
    pub(super) fn keys(&self) -> [(&'static str, Option<&Spanned<u32>>); 11] {
        [
            ("shrink_percent", self.shrink_percent.as_ref()),
            ("grow_percent", self.grow_percent.as_ref()),
            ("min_change", self.min_change.as_ref()),
            ("max_age_hours", self.max_age_hours.as_ref()),
            ("mass_leave", self.mass_leave.as_ref()),
            ("mass_leave_percent", self.mass_leave_percent.as_ref()),
            ("repeat_percent", self.repeat_percent.as_ref()),
            ("emptied_percent", self.emptied_percent.as_ref()),
            ("max_unchanged_hours", self.max_unchanged_hours.as_ref()),
            ("max_skew_minutes", self.max_skew_minutes.as_ref()),
            ("learn_after", self.learn_after.as_ref()),
        ]
    }
}

/// `[people]`: how HR feeds become persons, and how accounts are tied to them where no id and no address decides.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PeopleTable {
    /// HR systems, the one that is believed first in front; those not named follow in order of name.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub(super) precedence: Vec<Spanned<String>>,
    /// The same for single attributes: name, given_name, family_name, email, status, worker_type, end, manager, department.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, Vec<String>>")]
    pub(super) attributes: BTreeMap<Spanned<String>, Vec<Spanned<String>>>,
    /// Ids that mean the same human in every feed. Default: only `employee_id`.
    #[schemars(with = "Option<Vec<SharedId>>")]
    pub(super) join: Option<Spanned<Vec<SharedId>>>,
    /// Days for which a person who is gone from a complete feed without a termination is waited for. Default: 7.
    #[schemars(with = "Option<u32>", range(min = 1, max = 365))]
    pub(super) vanish_days: Option<Spanned<u32>>,
    /// Most links by likeness that may be false, as a share: more than 0, at most 0.1. Default: 0.001.
    #[schemars(with = "Option<f64>", range(min = 0.0, max = 0.1))]
    pub(super) false_link_rate: Option<Spanned<f64>>,
    /// Fields that say the same of persons and accounts, besides names, addresses, department, title and manager.
    #[serde(default)]
    pub(super) compare: Vec<CompareTable>,
}

impl PeopleTable {
    /// Every key that is written, with where its value begins; lists of tables and tables go by each of theirs.
    pub(super) fn written(&self) -> Vec<(String, Range<usize>)> {
        let key = |key: &str, span: Option<Range<usize>>| Some((key.to_owned(), span?));
        let single = [
            key("precedence", self.precedence.first().map(Spanned::span)),
            key("join", self.join.as_ref().map(Spanned::span)),
            key("vanish_days", self.vanish_days.as_ref().map(Spanned::span)),
            key("false_link_rate", self.false_link_rate.as_ref().map(Spanned::span)),
        ];
        let attributes = self.attributes.keys().map(|name| (format!("attributes.{}", name.get_ref()), name.span()));
        let compare = self.compare.iter().enumerate();
        let compare = compare.map(|(place, pair)| (format!("compare.{}", place + 1), pair.person.span()));
        single.into_iter().flatten().chain(attributes).chain(compare).collect()
    }
}

/// An id that feeds may share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum SharedId {
    /// The employee ids.
    EmployeeId,
    /// The feeds' own keys for persons (`id`), where one issuer gives them all.
    PersonId,
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
    /// Who approved that it is switched off or has other numbers; without it CTL-010 reports the change.
    pub(super) approved_by: Option<String>,
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
    /// Keys of `[gate]` that are others for this system.
    #[serde(default)]
    pub(super) gate: GateTable,
}

/// Names of the fields of [`SystemHead`].
pub(super) const SYSTEM_KEYS: [&str; 9] =
    ["canaries", "concurrency", "connector", "deadline", "empty_is_normal", "gate", "max_age", "name", "owner"];

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
    /// How HR feeds become persons.
    people: Option<PeopleTable>,
    /// What a snapshot is compared with.
    drift: Option<DriftTable>,
    /// Options of rules by rule id: `muster explain ID` lists them.
    rules: Option<BTreeMap<String, RuleHead>>,
    /// The systems to read.
    system: Option<Vec<SystemHead>>,
}
