//! `baseline.toml`: the findings that were there when Muster was adopted. `muster check --baseline` writes it.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::civil::Date;
use muster_reports::view::Severity;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value as Json;
use toml::Spanned;

use super::policy_problem;
use super::written::Reader;
use crate::diagnostic::{Diagnostic, SourceText};

/// The findings that were there when Muster was adopted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Baseline {
    /// The day of it.
    pub adopted: Date,
    /// Who adopted it.
    pub author: String,
    /// Why.
    pub reason: String,
    /// How grave each was, by fingerprint.
    pub findings: BTreeMap<String, Severity>,
}

/// The whole file.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "policy/baseline.toml")]
struct BaselineFile {
    /// The day on which Muster was adopted.
    #[schemars(with = "String")]
    adopted: Spanned<toml::value::Datetime>,
    /// Who adopted it.
    #[schemars(with = "String")]
    author: Spanned<String>,
    /// Why.
    #[schemars(with = "String")]
    reason: Spanned<String>,
    /// How grave each finding was, by fingerprint. A line that is removed makes its finding count again.
    #[schemars(with = "BTreeMap<String, Severity>")]
    findings: BTreeMap<Spanned<String>, Severity>,
}

/// The published JSON Schema of the file.
pub(super) fn schema() -> Json {
    schemars::schema_for!(BaselineFile).to_value()
}

/// Reads `baseline.toml`.
pub(super) fn read(file: &Arc<SourceText>, problems: &mut Vec<Diagnostic>) -> Option<Baseline> {
    let table: BaselineFile = match toml::from_str(&file.text) {
        Ok(table) => table,
        Err(error) => {
            problems.push(policy_problem(file, &error));
            return None;
        }
    };
    let mut reader = Reader { file, problems };
    reader.said(&table.author, "author");
    reader.said(&table.reason, "reason");
    table.findings.keys().for_each(|finding| reader.fingerprint(finding));
    Some(Baseline {
        adopted: reader.day(Some(&table.adopted), "adopted")?,
        author: table.author.into_inner(),
        reason: table.reason.into_inner(),
        findings: table.findings.into_iter().map(|(finding, severity)| (finding.into_inner(), severity)).collect(),
    })
}
