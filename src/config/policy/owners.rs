//! `owners.toml`: who has to act on findings, by rule, system and subject.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value as Json;
use toml::Spanned;

use super::policy_problem;
use super::written::{Reader, is_like};
use crate::diagnostic::{Diagnostic, SourceText};

/// Who owns the findings that fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnerEntry {
    /// Who has to act.
    pub owner: String,
    /// Only about this system.
    pub system: Option<String>,
    /// Only of rules whose id fits this pattern.
    pub rule: Option<String>,
    /// Only about subjects whose id or name fits this pattern.
    pub subject: Option<String>,
}

impl OwnerEntry {
    /// Whether a finding of `rule` about a subject is theirs.
    pub fn fits(&self, rule: &str, system: Option<&str>, id: &str, name: &str) -> bool {
        self.system.as_deref().is_none_or(|wanted| system == Some(wanted))
            && self.rule.as_deref().is_none_or(|pattern| is_like(pattern, rule))
            && self.subject.as_deref().is_none_or(|pattern| is_like(pattern, id) || is_like(pattern, name))
    }
}

/// The whole file.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "policy/owners.toml")]
struct OwnersFile {
    /// Who owns which findings; of several that fit the first one counts.
    #[serde(default)]
    #[schemars(with = "Vec<OwnerTable>")]
    owner: Vec<Spanned<OwnerTable>>,
}

/// Who owns the findings that fit all that is written.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct OwnerTable {
    /// Who has to act: a person, a team or an address.
    #[schemars(with = "String")]
    name: Spanned<String>,
    /// Only about this system.
    #[schemars(with = "Option<String>")]
    system: Option<Spanned<String>>,
    /// Only of rules whose id fits: `LCM-*`.
    rule: Option<String>,
    /// Only about subjects whose id or name fits: `arn:aws:s3:::*`.
    subject: Option<String>,
}

/// The published JSON Schema of the file.
pub(super) fn schema() -> Json {
    schemars::schema_for!(OwnersFile).to_value()
}

/// Reads `owners.toml`; `known` are the systems of the config.
pub(super) fn read(file: &Arc<SourceText>, known: &[String], problems: &mut Vec<Diagnostic>) -> Vec<OwnerEntry> {
    let tables: OwnersFile = match toml::from_str(&file.text) {
        Ok(tables) => tables,
        Err(error) => {
            problems.push(policy_problem(file, &error));
            return Vec::new();
        }
    };
    let mut reader = Reader { file, problems };
    let mut entries = Vec::new();
    for table in tables.owner {
        let span = table.span();
        let OwnerTable { name, system, rule, subject } = table.into_inner();
        reader.said(&name, "name");
        if let Some(system) = &system {
            reader.system(system, known, "an owner");
        }
        if system.is_none() && rule.is_none() && subject.is_none() {
            let what = format!("`{}` would own every finding", name.get_ref());
            reader.refuse(span, what, "say of which `system`, `rule` or `subject`; `rule = \"*\"` when all are meant");
        }
        let system = system.map(Spanned::into_inner);
        entries.push(OwnerEntry { owner: name.into_inner(), system, rule, subject });
    }
    entries
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_fits_where_all_that_it_says_is_so() {
        let text = "[[owner]]\nname = \"iam\"\nsystem = \"ad\"\nrule = \"LCM-*\"\n\n[[owner]]\nname = \"sea\"\nsubject = \"*bucket*\"\n\n[[owner]]\nname = \"x\"\n";
        let file = Arc::new(SourceText { path: "policy/owners.toml".into(), text: text.into() });
        let mut problems = Vec::new();
        let entries = read(&file, &["ad".to_owned()], &mut problems);
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(entries[0].fits("LCM-001", Some("ad"), "u1", "ada"));
        assert!(!entries[0].fits("LCM-001", Some("crm"), "u1", "ada"));
        assert!(!entries[0].fits("ORP-001", Some("ad"), "u1", "ada"));
        assert!(entries[1].fits("XPR-004", None, "arn:bucket/1", "logs"));
    }
}
