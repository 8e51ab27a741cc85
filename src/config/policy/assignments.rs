//! `assignments.toml`: which group of the identity provider gives which access in which application.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value as Json;
use toml::Spanned;

use super::policy_problem;
use crate::diagnostic::{Diagnostic, Place, SourceText, similar};

/// "Members of this group hold that access, and nobody else does."
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// The identity provider.
    pub provider: String,
    /// Its group, by id or name.
    pub group: String,
    /// The application.
    pub app: String,
    /// The application's entitlement or group, by id or name.
    pub access: String,
    /// Where it is written.
    pub place: Place,
}

/// The whole file.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "policy/assignments.toml")]
struct AssignmentsFile {
    /// What membership in a group of the identity provider gives in an application.
    #[serde(default)]
    #[schemars(with = "Vec<AssignmentTable>")]
    assignment: Vec<Spanned<AssignmentTable>>,
}

/// What membership in a group of the identity provider gives in an application. Several groups may give the same access.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct AssignmentTable {
    /// The system that is the identity provider.
    #[schemars(with = "String")]
    provider: Spanned<String>,
    /// Its group, by id or name.
    group: String,
    /// The system that is the application.
    #[schemars(with = "String")]
    app: Spanned<String>,
    /// The entitlement or group of the application that every member holds, by id or name.
    access: String,
}

/// The published JSON Schema of the file.
pub(super) fn schema() -> Json {
    schemars::schema_for!(AssignmentsFile).to_value()
}

/// The assignments of a file; `known` are the systems of the config.
pub(super) fn read(file: &Arc<SourceText>, known: &[String], problems: &mut Vec<Diagnostic>) -> Vec<Assignment> {
    let tables: AssignmentsFile = match toml::from_str(&file.text) {
        Ok(tables) => tables,
        Err(error) => {
            problems.push(policy_problem(file, &error));
            return Vec::new();
        }
    };
    let mut assignments = Vec::new();
    for table in tables.assignment {
        let place = Place::new(file, table.span());
        let AssignmentTable { provider, group, app, access } = table.into_inner();
        for system in [&provider, &app] {
            if !known.iter().any(|name| name == system.get_ref()) {
                let near = similar(system.get_ref(), known.iter().map(String::as_str));
                problems.push(
                    Diagnostic::error(
                        "CFG012",
                        format!(
                            "an assignment names the system `{}`, which the config does not have",
                            system.get_ref()
                        ),
                    )
                    .place(Place::new(file, system.span()))
                    .fix(
                        near.map_or("correct the name, or remove the assignment".to_owned(), |near| {
                            format!("did you mean `{near}`?")
                        }),
                    ),
                );
            }
        }
        let (provider, app) = (provider.into_inner(), app.into_inner());
        assignments.push(Assignment { provider, group, app, access, place });
    }
    assignments
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> (Vec<Assignment>, Vec<Diagnostic>) {
        let file = Arc::new(SourceText { path: "policy/assignments.toml".into(), text: text.to_owned() });
        let mut problems = Vec::new();
        let assignments = read(&file, &["ad".to_owned(), "crm".to_owned()], &mut problems);
        (assignments, problems)
    }

    #[test]
    fn an_assignment_is_read_and_a_wrong_one_is_told_at_its_place() {
        let right = "[[assignment]]\nprovider = \"ad\"\ngroup = \"crm-users\"\napp = \"crm\"\naccess = \"user\"\n";
        let (assignments, problems) = read_text(right);
        assert!(problems.is_empty() && assignments[0].access == "user");
        let (_, problems) = read_text(&right.replace("\"crm\"\n", "\"crn\"\n"));
        assert_eq!(problems[0].code, "CFG012");
        assert!(problems[0].fix.iter().any(|fix| fix.contains("crm")));
        let (_, problems) = read_text(&right.replace("access", "acces"));
        assert_eq!(problems[0].code, "CFG010");
    }
}
