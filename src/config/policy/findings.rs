//! `findings.toml`: what people decided about single findings: known, put off, owned by somebody else.

use std::sync::Arc;

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use toml::Spanned;

use super::policy_problem;
use super::written::{Reader, Withdrawn};
use crate::diagnostic::{Diagnostic, Place, SourceText};

/// What was decided about a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Handling {
    /// Somebody knows of it; it counts as before.
    Acknowledge,
    /// It is put off until a day and does not count before.
    Snooze,
    /// Somebody has to act on it, whatever the register says.
    Owner,
}

impl Handling {
    /// The one spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Acknowledge => "acknowledge",
            Self::Snooze => "snooze",
            Self::Owner => "owner",
        }
    }
}

/// One decision as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FindingDecision {
    /// What was decided.
    pub verdict: Handling,
    /// The finding's fingerprint.
    pub finding: String,
    /// Who decided.
    pub author: String,
    /// Why.
    pub reason: String,
    /// When.
    pub decided: Date,
    /// The last day of a snooze.
    pub until: Option<Date>,
    /// Who has to act.
    pub owner: Option<String>,
    /// Whether it was taken back.
    pub withdrawn: bool,
    /// Where it is written.
    pub place: Place,
}

/// The whole file.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "policy/findings.toml")]
struct FindingsFile {
    /// What was decided about single findings; of two that count the later one in the file does.
    #[serde(default)]
    #[schemars(with = "Vec<DecisionTable>")]
    decision: Vec<Spanned<DecisionTable>>,
}

/// What was decided about a finding.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct DecisionTable {
    /// What was decided.
    verdict: Handling,
    /// The finding's fingerprint, 32 digits.
    #[schemars(with = "String")]
    finding: Spanned<String>,
    /// Who has to act; for `owner`.
    #[schemars(with = "Option<String>")]
    owner: Option<Spanned<String>>,
    /// The last day of a snooze; for `snooze`.
    #[schemars(with = "Option<String>")]
    until: Option<Spanned<toml::value::Datetime>>,
    /// Who decided.
    #[schemars(with = "String")]
    author: Spanned<String>,
    /// Why.
    #[schemars(with = "String")]
    reason: Spanned<String>,
    /// When.
    #[schemars(with = "String")]
    decided: Spanned<toml::value::Datetime>,
    /// That it was taken back.
    withdrawn: Option<Withdrawn>,
    /// A ticket beside the decision, for people.
    #[expect(dead_code, reason = "for people")]
    ticket: Option<String>,
    /// Anything else worth knowing, for people.
    #[expect(dead_code, reason = "for people")]
    note: Option<String>,
}

/// The published JSON Schema of the file.
pub(super) fn schema() -> Json {
    schemars::schema_for!(FindingsFile).to_value()
}

/// Reads `findings.toml`.
pub(super) fn read(file: &Arc<SourceText>, problems: &mut Vec<Diagnostic>) -> Vec<FindingDecision> {
    let tables: FindingsFile = match toml::from_str(&file.text) {
        Ok(tables) => tables,
        Err(error) => {
            problems.push(policy_problem(file, &error));
            return Vec::new();
        }
    };
    let mut reader = Reader { file, problems };
    let mut decisions = Vec::new();
    for table in tables.decision {
        let span = table.span();
        let table = table.into_inner();
        reader.fingerprint(&table.finding);
        reader.said(&table.author, "author");
        reader.said(&table.reason, "reason");
        match (table.verdict, &table.until, &table.owner) {
            (Handling::Snooze, None, _) => {
                reader.refuse(span.clone(), "a snooze has no last day".to_owned(), "add `until = 2027-03-31`");
            }
            (Handling::Owner, _, None) => {
                reader.refuse(span.clone(), "nobody is named as owner".to_owned(), "add `owner = \"…\"`");
            }
            (Handling::Acknowledge | Handling::Owner, Some(until), _) => {
                let what = format!("`{}` has no last day", table.verdict.as_str());
                reader.refuse(until.span(), what, "remove `until`, or write `verdict = \"snooze\"`");
            }
            (Handling::Acknowledge | Handling::Snooze, _, Some(owner)) => {
                let what = format!("`{}` names an owner", table.verdict.as_str());
                reader.refuse(owner.span(), what, "write a block of its own with `verdict = \"owner\"`");
            }
            (Handling::Acknowledge, None, None) | (Handling::Snooze, Some(_), None) => {}
            (Handling::Owner, None, Some(owner)) => reader.said(owner, "owner"),
        }
        let until = reader.day(table.until.as_ref(), "until");
        let Some(decided) = reader.day(Some(&table.decided), "decided") else { continue };
        decisions.push(FindingDecision {
            verdict: table.verdict,
            finding: table.finding.into_inner(),
            author: table.author.into_inner(),
            reason: table.reason.into_inner(),
            decided,
            until,
            owner: table.owner.map(Spanned::into_inner),
            withdrawn: table.withdrawn.is_some(),
            place: Place::new(file, span),
        });
    }
    decisions
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_verdict_has_what_it_needs_and_nothing_else() {
        let read_text = |verdict: &str, more: &str| {
            let text = format!(
                "[[decision]]\nverdict = \"{verdict}\"\nfinding = \"{}\"\n{more}\nauthor = \"bea\"\nreason = \"r\"\ndecided = 2026-11-01\n",
                "0f".repeat(16)
            );
            let file = Arc::new(SourceText { path: "policy/findings.toml".into(), text });
            let mut problems = Vec::new();
            let decisions = read(&file, &mut problems);
            let told: Vec<String> = problems.iter().map(|problem| problem.what.clone()).collect();
            (decisions, told)
        };
        for (verdict, more) in [("acknowledge", ""), ("snooze", "until = 2026-12-01"), ("owner", "owner = \"iam\"")] {
            let (decisions, told) = read_text(verdict, more);
            assert_eq!((decisions.len(), told.len()), (1, 0), "{verdict}: {told:?}");
        }
        for (verdict, more, told) in [
            ("snooze", "", "a snooze has no last day"),
            ("owner", "", "nobody is named as owner"),
            ("owner", "owner = \"\"", "`owner` is empty"),
            ("acknowledge", "until = 2026-12-01", "`acknowledge` has no last day"),
            ("acknowledge", "owner = \"x\"", "`acknowledge` names an owner"),
            ("snooze", "until = 12:00:00", "`until` is no day"),
        ] {
            assert_eq!(read_text(verdict, more).1, [told], "{verdict} {more}");
        }
    }
}
