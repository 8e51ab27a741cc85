//! Every rule that Muster means to judge: those that are built, and those for which no source supplies what they need.
//!
//! ```text
//!   catalogue.toml ──► Entry (all 129) ──► built: RULES has it │ else: waits_for says what is missing
//! ```

use std::sync::LazyLock;

use muster_reports::view::Severity;
use serde::{Deserialize, Serialize};

use super::{RULES, Rule};

static ENTRIES: LazyLock<Vec<Entry>> = LazyLock::new(|| {
    let file: File = toml::from_str(include_str!("catalogue.toml")).expect("the catalogue is part of the program");
    file.rule
});

/// A rule of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Stable id (`LCM-001`).
    pub id: String,
    /// 1 (first release) to 3.
    pub priority: u8,
    /// Title.
    pub title: String,
    /// Severity before a subject's own circumstances.
    pub severity: Severity,
    /// What it rests on.
    pub inputs: Vec<Input>,
    /// What no source supplies, for a rule that is not built: "no source supplies …".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits_for: Option<String>,
}

/// Where a rule's facts come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Input {
    /// HR.
    Hr,
    /// Identity provider or directory.
    Directory,
    /// The judged system.
    Target,
    /// Use and audit logs.
    Activity,
    /// Approvals and tickets.
    Approvals,
    /// Policy as code, Terraform state and the like.
    Declared,
    /// A vault or privileged access manager.
    Vault,
    /// A device manager.
    Mdm,
    /// Access reviews.
    Campaign,
    /// Our own changes.
    Journal,
    /// The policy folder.
    Policy,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    rule: Vec<Entry>,
}

impl Input {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hr => "HR",
            Self::Directory => "directory",
            Self::Target => "target",
            Self::Activity => "activity",
            Self::Approvals => "approvals",
            Self::Declared => "declared state",
            Self::Vault => "vault",
            Self::Mdm => "device manager",
            Self::Campaign => "reviews",
            Self::Journal => "journal",
            Self::Policy => "policy",
        }
    }
}

impl Entry {
    /// The letters of its id (`LCM`).
    pub fn family(&self) -> &str {
        self.id.split('-').next().unwrap_or(&self.id)
    }

    /// The rule that judges it; `None` while it waits.
    pub fn rule(&self) -> Option<&'static Rule> {
        RULES.iter().copied().find(|rule| rule.id == self.id)
    }
}

/// The whole catalogue, in order of id.
pub fn entries() -> &'static [Entry] {
    &ENTRIES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_is_whole_and_waits_exactly_for_what_is_not_built() {
        let entries = entries();
        assert_eq!(entries.len(), 129);
        assert!(entries.is_sorted_by(|a, b| a.id < b.id));
        for entry in entries {
            assert_eq!(entry.rule().is_some(), entry.waits_for.is_none(), "{}", entry.id);
            assert!(!entry.inputs.is_empty(), "{}", entry.id);
        }
        for rule in RULES {
            let entry = entries.iter().find(|entry| entry.id == rule.id).expect("a built rule is in the catalogue");
            assert_eq!((entry.title.as_str(), entry.severity), (rule.title, rule.severity), "{}", rule.id);
        }
    }
}
