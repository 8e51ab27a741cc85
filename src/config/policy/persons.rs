//! `persons.toml`: which records of HR are one human, and which are not.

use std::sync::Arc;

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value as Json;
use toml::Spanned;

use super::policy_problem;
use crate::diagnostic::{Diagnostic, Place, SourceText, similar};
use crate::people::Decided;

/// "These records are one human", or "these are not".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonDecision {
    /// What was decided.
    pub verdict: Decided,
    /// The records, as (system, the feed's own key).
    pub records: Vec<(String, String)>,
    /// Who decided.
    pub author: String,
    /// Why.
    pub reason: String,
    /// The last day on which it counts.
    pub expires: Option<Date>,
    /// Where it is written.
    pub place: Place,
}

/// The whole file.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "policy/persons.toml")]
struct PersonsFile {
    /// Records that are one human.
    #[serde(default)]
    #[schemars(with = "Vec<MergeTable>")]
    merge: Vec<Spanned<MergeTable>>,
    /// Records that look like one human and are two, or one record that stands for two.
    #[serde(default)]
    #[schemars(with = "Vec<SplitTable>")]
    split: Vec<Spanned<SplitTable>>,
}

/// Records that are one human.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct MergeTable {
    /// Two records or more, each as `system:key` with the feed's own key: `hr:E1001`.
    #[schemars(with = "Vec<String>", length(min = 2))]
    persons: Spanned<Vec<Spanned<String>>>,
    /// Who decided.
    author: String,
    /// Why.
    reason: String,
    /// The last day on which it counts.
    #[schemars(with = "Option<String>")]
    expires: Option<Spanned<toml::value::Datetime>>,
}

/// Records that are different humans, or one record that stands for two.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SplitTable {
    /// Records of which no two are one human, each as `system:key`; or the one record that stands for two.
    #[schemars(with = "Vec<String>", length(min = 1))]
    persons: Spanned<Vec<Spanned<String>>>,
    /// With one record: its employments that are the other human's, by the feed's own key.
    #[serde(default)]
    employments: Vec<String>,
    /// Who decided.
    author: String,
    /// Why.
    reason: String,
    /// The last day on which it counts.
    #[schemars(with = "Option<String>")]
    expires: Option<Spanned<toml::value::Datetime>>,
}

/// The published JSON Schema of the file.
pub(super) fn schema() -> Json {
    schemars::schema_for!(PersonsFile).to_value()
}

/// The decisions of a file; `known` are the systems of the config.
pub(super) fn read(file: &Arc<SourceText>, known: &[String], problems: &mut Vec<Diagnostic>) -> Vec<PersonDecision> {
    let tables: PersonsFile = match toml::from_str(&file.text) {
        Ok(tables) => tables,
        Err(error) => {
            problems.push(policy_problem(file, &error));
            return Vec::new();
        }
    };
    let mut decisions = Vec::new();
    for table in tables.merge {
        let place = Place::new(file, table.span());
        let MergeTable { persons, author, reason, expires } = table.into_inner();
        if persons.get_ref().len() < 2 {
            problems.push(refused(file, &persons, "a merge names two records or more"));
        }
        let expires = last_day(file, expires.as_ref(), problems);
        let records = records(file, persons, known, problems);
        decisions.push(PersonDecision { verdict: Decided::Same, records, author, reason, expires, place });
    }
    for table in tables.split {
        let place = Place::new(file, table.span());
        let SplitTable { persons, employments, author, reason, expires } = table.into_inner();
        let verdict = if employments.is_empty() { Decided::Different } else { Decided::Employments(employments) };
        match (&verdict, persons.get_ref().len()) {
            (Decided::Different, 0 | 1) => {
                problems.push(refused(
                    file,
                    &persons,
                    "a split names two records, or one with some of its `employments`",
                ));
            }
            (Decided::Employments(_), count) if count != 1 => {
                problems.push(refused(file, &persons, "a split by `employments` names the one record that has them"));
            }
            (Decided::Different | Decided::Employments(_) | Decided::Same, _) => {}
        }
        let expires = last_day(file, expires.as_ref(), problems);
        let records = records(file, persons, known, problems);
        decisions.push(PersonDecision { verdict, records, author, reason, expires, place });
    }
    decisions
}

fn refused(file: &Arc<SourceText>, persons: &Spanned<Vec<Spanned<String>>>, what: &str) -> Diagnostic {
    Diagnostic::error("CFG010", what)
        .place(Place::new(file, persons.span()))
        .fix("write each record as `system:key`, as [\"hr:E1001\", \"contractors:C-77\"]")
}

/// Records as system and key; a system that the config does not have is a problem.
fn records(
    file: &Arc<SourceText>,
    written: Spanned<Vec<Spanned<String>>>,
    known: &[String],
    problems: &mut Vec<Diagnostic>,
) -> Vec<(String, String)> {
    let mut records = Vec::new();
    for record in written.into_inner() {
        let Some((system, key)) = record.get_ref().split_once(':').filter(|(_, key)| !key.trim().is_empty()) else {
            problems.push(
                Diagnostic::error("CFG010", format!("`{}` names no record", record.get_ref()))
                    .place(Place::new(file, record.span()))
                    .fix("write it as `system:key`, with the feed's own key for the person"),
            );
            continue;
        };
        if !known.iter().any(|name| name == system) {
            let near = similar(system, known.iter().map(String::as_str));
            problems.push(
                Diagnostic::error(
                    "CFG012",
                    format!("a decision names the system `{system}`, which the config does not have"),
                )
                .place(Place::new(file, record.span()))
                .fix(near.map_or("correct the name, or remove the decision".to_owned(), |near| {
                    format!("did you mean `{near}`?")
                })),
            );
        }
        records.push((system.to_owned(), key.trim().to_owned()));
    }
    records
}

/// The last day on which a decision counts.
fn last_day(
    file: &Arc<SourceText>,
    written: Option<&Spanned<toml::value::Datetime>>,
    problems: &mut Vec<Diagnostic>,
) -> Option<Date> {
    let written = written?;
    let date = written.get_ref().to_string().parse().ok();
    if date.is_none() {
        problems.push(
            Diagnostic::error("CFG010", "`expires` is no date")
                .place(Place::new(file, written.span()))
                .fix("write the last day on which it counts, as 2027-03-31"),
        );
    }
    date
}
