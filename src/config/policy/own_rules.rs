//! `rules/*.toml`: a team's own rules, a file each: SQL with the headings of a manual.

use std::sync::Arc;

use muster_connectors::record::RecordKind;
use muster_reports::view::Severity;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value as Json;
use toml::Spanned;

use super::policy_problem;
use crate::diagnostic::{Diagnostic, Place, SourceText, similar};

/// A rule that a team wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnRule {
    /// Its id: `ACME-001`.
    pub id: String,
    /// Readable slug.
    pub slug: String,
    /// Title.
    pub title: String,
    /// Severity.
    pub severity: Severity,
    /// Controls it counts against, in any framework's words.
    pub controls: Vec<String>,
    /// What a row of its answer is about.
    pub subject: OwnSubject,
    /// Kinds of record that must have been read completely: HR's everywhere, all others where the subject was read.
    pub needs: Vec<RecordKind>,
    /// One row a subject, with the verdict.
    pub sql: String,
    /// The manual page.
    pub manual: OwnManual,
    /// Where it is written.
    pub place: Place,
}

/// What a row of an own rule is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OwnSubject {
    /// An account: columns `system` and `id`.
    Account,
    /// A group: columns `system` and `id`.
    Group,
    /// An entitlement: columns `system` and `id`.
    Entitlement,
    /// A resource: columns `system` and `id`.
    Resource,
    /// A credential: columns `system` and `id`.
    Credential,
    /// A person: column `id` (employee id, or the feed's own key).
    Person,
}

/// The manual of an own rule.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Manual")]
pub struct OwnManual {
    /// What it finds.
    pub finds: String,
    /// Why it matters.
    pub matters: String,
    /// What it shows as evidence.
    pub evidence: String,
    /// How to fix it.
    pub fix: String,
    /// Known limits.
    pub limits: String,
}

/// The whole file.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "policy/rules/*.toml")]
struct RuleFile {
    /// Two parts with a dash, in capitals: `ACME-001`. No id of the catalogue.
    #[schemars(with = "String", regex(pattern = r"^[A-Z][A-Z0-9]{1,11}-[0-9]{3}$"))]
    id: Spanned<String>,
    /// A name in small letters with dashes.
    #[schemars(with = "String")]
    slug: Spanned<String>,
    /// Title.
    title: String,
    /// Severity of its findings.
    severity: Severity,
    /// Controls it counts against: `SOX LA-5`.
    #[serde(default)]
    controls: Vec<String>,
    /// What a row of the answer is about.
    subject: OwnSubject,
    /// Kinds of record that must have been read completely; whatever the SQL reads belongs here.
    #[schemars(with = "Vec<String>", length(min = 1))]
    needs: Spanned<Vec<Spanned<String>>>,
    /// A SELECT with a row for each subject: `system` and `id`, `verdict` (`pass`, `fail`, `not evaluated`), `message` (the sentence of a
    /// finding, or why it could not be judged), and further columns as evidence.
    sql: String,
    /// The manual page.
    manual: OwnManual,
}

/// The published JSON Schema of the file.
pub(super) fn schema() -> Json {
    schemars::schema_for!(RuleFile).to_value()
}

/// The rule of a file; `others` are those of the files before it.
pub(super) fn read(file: &Arc<SourceText>, others: &[OwnRule], problems: &mut Vec<Diagnostic>) -> Option<OwnRule> {
    let rule: RuleFile = match toml::from_str(&file.text) {
        Ok(rule) => rule,
        Err(error) => {
            problems.push(policy_problem(file, &error));
            return None;
        }
    };
    let before = problems.len();
    let place = Place::new(file, rule.id.span());
    let mut refuse = |what: String, place: Place, fix: String| {
        problems.push(Diagnostic::error("CFG037", what).place(place).fix(fix));
    };
    if !is_id(rule.id.get_ref()) {
        let fix = "write letters, a dash and three digits, as `ACME-001`".to_owned();
        refuse(format!("`{}` is no id of a rule", rule.id.get_ref()), place.clone(), fix);
    }
    for name in [&rule.id, &rule.slug] {
        let namesake = others.iter().find(|other| [&other.id, &other.slug].contains(&name.get_ref()));
        if let Some(other) = namesake {
            let fix = "choose another one: findings and exceptions are told apart by it".to_owned();
            let what = format!("`{}` is a rule already, in {}", name.get_ref(), other.place);
            refuse(what, Place::new(file, name.span()), fix);
        }
    }
    if rule.needs.get_ref().is_empty() {
        let fix =
            "name every kind that the SQL reads, as `needs = [\"accounts\"]`: it is not judged where one was not read";
        refuse("a rule without `needs`".to_owned(), Place::new(file, rule.needs.span()), fix.to_owned());
    }
    let mut needs = Vec::new();
    for kind in rule.needs.into_inner() {
        let found = RecordKind::ALL.iter().find(|known| known.as_str() == kind.get_ref());
        if let Some(found) = found {
            needs.push(*found);
            continue;
        }
        let names = RecordKind::ALL.iter().map(|known| known.as_str());
        let fix = match similar(kind.get_ref(), names.clone()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("one of {}", names.collect::<Vec<_>>().join(", ")),
        };
        refuse(format!("`{}` is no kind of record", kind.get_ref()), Place::new(file, kind.span()), fix);
    }
    (problems.len() == before).then(|| OwnRule {
        id: rule.id.into_inner(),
        slug: rule.slug.into_inner(),
        title: rule.title,
        severity: rule.severity,
        controls: rule.controls,
        subject: rule.subject,
        needs,
        sql: rule.sql,
        manual: rule.manual,
        place,
    })
}

fn is_id(text: &str) -> bool {
    let Some((family, number)) = text.split_once('-') else { return false };
    let capitals = family.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    (2..=12).contains(&family.len())
        && capitals
        && family.starts_with(|first: char| first.is_ascii_uppercase())
        && number.len() == 3
        && number.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: &str = r#"
id       = "ACME-001"
slug     = "contractor-in-crm"
title    = "Contractor in the CRM"
severity = "medium"
subject  = "account"
needs    = ["accounts", "employments"]
sql      = "select 1"

[manual]
finds    = "a"
matters  = "b"
evidence = "c"
fix      = "d"
limits   = "e"
"#;

    fn told(text: &str) -> (Option<OwnRule>, Vec<String>) {
        let file = Arc::new(SourceText { path: "policy/rules/a.toml".to_owned(), text: text.to_owned() });
        let mut problems = Vec::new();
        let other = Arc::new(SourceText { path: "policy/rules/0.toml".to_owned(), text: RULE.replace("001", "002") });
        let others: Vec<OwnRule> = read(&other, &[], &mut problems).into_iter().collect();
        let others: Vec<OwnRule> =
            others.into_iter().map(|other| OwnRule { slug: "another".to_owned(), ..other }).collect();
        let rule = read(&file, &others, &mut problems);
        (rule, problems.iter().map(|problem| problem.render(false)).collect())
    }

    #[test]
    fn a_rule_is_read_and_what_is_wrong_has_its_place_and_a_fix() {
        let (rule, problems) = told(RULE);
        assert_eq!(problems, Vec::<String>::new());
        assert_eq!(rule.unwrap().needs, [RecordKind::Account, RecordKind::Employment]);
        for (from, to, says) in [
            ("ACME-001", "acme", "a.toml:2"),
            ("ACME-001", "ACME-002", "is a rule already"),
            ("\"accounts\"", "\"acounts\"", "did you mean `accounts`?"),
            ("[\"accounts\", \"employments\"]", "[]", "without `needs`"),
            ("limits ", "limit ", "limit"),
            ("\"account\"", "\"acount\"", "a.toml:6"),
        ] {
            let (rule, problems) = told(&RULE.replacen(from, to, 1));
            assert!(rule.is_none(), "{to}");
            assert!(problems.len() == 1 && problems[0].contains(says), "{to}: {problems:?}");
        }
    }
}
