//! `exceptions.toml`: risks that somebody accepted, until when, and on which evidence.
//!
//! What is misspelt is refused here. What is well written and no longer holds (expired, endless, without an owner or an approver)
//! is read, so that it can be reported.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value as Json;
use toml::Spanned;

use super::policy_problem;
use super::written::{Reader, Withdrawn};
use crate::diagnostic::{Diagnostic, Place, SourceText};

/// A risk that somebody accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exception {
    /// What people call it by.
    pub id: String,
    /// Rules whose findings it covers; empty where `findings` names them.
    pub rules: Vec<String>,
    /// Fingerprints of the findings it covers; empty where it covers all that fit.
    pub findings: Vec<String>,
    /// Only findings about this system.
    pub system: Option<String>,
    /// Only findings about subjects whose id or name fits one of these patterns.
    pub subjects: Vec<String>,
    /// Only findings about this person: employee id, else the feed's own key.
    pub person: Option<String>,
    /// Who answers for the risk.
    pub owner: Option<String>,
    /// Who approved it.
    pub approver: Option<String>,
    /// Why.
    pub reason: String,
    /// The day from which it counts.
    pub created: Date,
    /// The last day on which it counts.
    pub expires: Option<Date>,
    /// Hashes of the evidence that was accepted; empty where any evidence is.
    pub evidence: Vec<String>,
    /// What lessens the risk meanwhile.
    pub mitigation: Option<String>,
    /// Whether it was taken back.
    pub withdrawn: bool,
    /// Where it is written.
    pub place: Place,
}

impl Exception {
    /// What it covers, for a sentence.
    pub fn about(&self) -> String {
        let mut parts = Vec::new();
        match self.findings.len() {
            0 => {}
            1 => parts.push("1 finding".to_owned()),
            more => parts.push(format!("{more} findings")),
        }
        if !self.rules.is_empty() {
            parts.push(self.rules.join(", "));
        }
        let of = [("in ", self.system.as_ref()), ("of ", self.person.as_ref())];
        parts.extend(of.into_iter().filter_map(|(word, text)| Some(format!("{word}{}", text?))));
        if !self.subjects.is_empty() {
            parts.push(format!("on {}", self.subjects.join(", ")));
        }
        format!("{} ({})", self.id, parts.join(" "))
    }
}

/// The whole file.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "policy/exceptions.toml")]
struct ExceptionsFile {
    /// Accepted risks.
    #[serde(default)]
    #[schemars(with = "Vec<ExceptionTable>")]
    exception: Vec<Spanned<ExceptionTable>>,
}

/// A risk that somebody accepted. It needs `findings`, `rules` or both.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ExceptionTable {
    /// What people call it by; no two may be the same.
    #[schemars(with = "String")]
    id: Spanned<String>,
    /// Ids of the rules whose findings it covers.
    #[serde(default)]
    rules: Vec<String>,
    /// Fingerprints of the findings it covers, 32 digits each.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    findings: Vec<Spanned<String>>,
    /// Only findings about this system.
    #[schemars(with = "Option<String>")]
    system: Option<Spanned<String>>,
    /// Only findings about subjects whose id or name fits one of these: `*` is any text, `?` any character.
    #[serde(default)]
    subjects: Vec<String>,
    /// Only findings about this person: an employee id, or the id in the feed.
    person: Option<String>,
    /// Who answers for the risk; CTL-009 reports it when HR says that they left.
    owner: Option<String>,
    /// Who approved it; without one, or when it is the owner, it does not count.
    approver: Option<String>,
    /// Why.
    #[schemars(with = "String")]
    reason: Spanned<String>,
    /// The day from which it counts.
    #[schemars(with = "String")]
    created: Spanned<toml::value::Datetime>,
    /// The last day on which it counts; without one the longest time that CTL-009 allows.
    #[schemars(with = "Option<String>")]
    expires: Option<Spanned<toml::value::Datetime>>,
    /// Evidence hashes that were accepted (`muster findings show` prints them); when a finding's is another one, it is open again.
    #[serde(default)]
    evidence: Vec<String>,
    /// What lessens the risk meanwhile.
    mitigation: Option<String>,
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
    schemars::schema_for!(ExceptionsFile).to_value()
}

/// Reads `exceptions.toml`; `known` are the systems of the config.
pub(super) fn read(file: &Arc<SourceText>, known: &[String], problems: &mut Vec<Diagnostic>) -> Vec<Exception> {
    let tables: ExceptionsFile = match toml::from_str(&file.text) {
        Ok(tables) => tables,
        Err(error) => {
            problems.push(policy_problem(file, &error));
            return Vec::new();
        }
    };
    let mut reader = Reader { file, problems };
    let mut places: BTreeMap<String, Place> = BTreeMap::new();
    let mut exceptions = Vec::new();
    for table in tables.exception {
        let span = table.span();
        let place = Place::new(file, span.clone());
        let table = table.into_inner();
        reader.said(&table.id, "id");
        reader.said(&table.reason, "reason");
        if let Some(other) = places.insert(table.id.get_ref().clone(), place.clone()) {
            let what = format!("two exceptions are called `{}`, the other one at {other}", table.id.get_ref());
            reader.refuse(table.id.span(), what, "give one of them another id");
        }
        if table.rules.is_empty() && table.findings.is_empty() {
            let what = format!("the exception `{}` names neither rules nor findings", table.id.get_ref());
            reader.refuse(
                span,
                what,
                "add `rules = [\"LCM-001\"]` or `findings = [\"…\"]`; an exception never covers everything",
            );
        }
        table.findings.iter().for_each(|finding| reader.fingerprint(finding));
        if let Some(system) = &table.system {
            reader.system(system, known, "an exception");
        }
        let created = reader.day(Some(&table.created), "created");
        let expires = reader.day(table.expires.as_ref(), "expires");
        if let (Some(created), Some(expires), Some(written)) = (created, expires, &table.expires)
            && expires < created
        {
            let what = format!("the exception `{}` expires before it begins", table.id.get_ref());
            reader.refuse(written.span(), what, "`created` is its first day, `expires` its last");
        }
        let Some(created) = created else { continue };
        let text = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
        exceptions.push(Exception {
            id: table.id.into_inner(),
            rules: table.rules,
            findings: table.findings.into_iter().map(Spanned::into_inner).collect(),
            system: table.system.map(Spanned::into_inner),
            subjects: table.subjects,
            person: text(table.person),
            owner: text(table.owner),
            approver: text(table.approver),
            reason: table.reason.into_inner(),
            created,
            expires,
            evidence: table.evidence,
            mitigation: text(table.mitigation),
            withdrawn: table.withdrawn.is_some(),
            place,
        });
    }
    exceptions
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> (Vec<Exception>, Vec<String>) {
        let file = Arc::new(SourceText { path: "policy/exceptions.toml".into(), text: text.into() });
        let mut problems = Vec::new();
        let exceptions = read(&file, &["crm".to_owned()], &mut problems);
        let told = problems.iter().map(|problem| {
            let (line, column) = problem.place.as_ref().expect("every problem has a place").line_column();
            assert!(problem.fix.is_some(), "{problem:?}");
            format!("{line}:{column} {}", problem.what)
        });
        (exceptions, told.collect())
    }

    #[test]
    fn a_whole_exception_is_read_and_says_what_it_is_about() {
        let (read, problems) = read_text(
            "[[exception]]\nid = \"EX-1\"\nrules = [\"ORP-001\"]\nsystem = \"crm\"\nsubjects = [\"svc-*\"]\nowner = \"bea\"\napprover = \"cfo\"\n\
             reason = \"migration\"\ncreated = 2026-11-01\nexpires = 2027-01-31\nevidence = [\"0011223344556677\"]\nmitigation = \"watched\"\n",
        );
        assert_eq!(problems, [""; 0]);
        assert_eq!(read[0].about(), "EX-1 (ORP-001 in crm on svc-*)");
        assert_eq!((read[0].expires, read[0].withdrawn), (Some(jiff::civil::date(2027, 1, 31)), false));
    }

    #[test]
    fn what_cannot_be_meant_is_refused_at_its_place() {
        let whole = "reason = \"r\"\ncreated = 2026-11-01\n";
        let cases = [
            (format!("[[exception]]\nid = \"E\"\n{whole}"), "1:1 the exception `E` names neither rules nor findings"),
            (format!("[[exception]]\nid = \"E\"\nfindings = [\"12\"]\n{whole}"), "3:13 `12` is no fingerprint"),
            (
                format!("[[exception]]\nid = \"E\"\nrules = [\"A\"]\nsystem = \"crn\"\n{whole}"),
                "4:10 an exception names the system `crn`, which the config does not have",
            ),
            (
                format!("[[exception]]\nid = \"E\"\nrules = [\"A\"]\n{whole}expires = 2026-10-31\n"),
                "6:11 the exception `E` expires before it begins",
            ),
            (format!("[[exception]]\nid = \" \"\nrules = [\"A\"]\n{whole}"), "2:6 `id` is empty"),
        ];
        for (text, told) in cases {
            assert_eq!(read_text(&text).1, [told], "{text}");
        }
        let twice = format!("[[exception]]\nid = \"E\"\nrules = [\"A\"]\n{whole}").repeat(2);
        assert!(read_text(&twice).1[0].contains("two exceptions are called `E`"));
        assert_eq!(read_text("[[exception]]\nid = \"E\"\nexpire = 1\n").1.len(), 1, "a mistyped key is never dropped");
    }
}
