//! `declared.toml`: files that declare what a system should hold, and which kinds are theirs alone.

use std::path::Path;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value as Json;
use toml::Spanned;

use super::policy_problem;
use crate::diagnostic::{Diagnostic, Place, SourceText, similar};
use crate::drift::declared::{Kind, Source, terraform};

/// The whole file.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "policy/declared.toml")]
struct DeclaredFile {
    /// Files that declare what a system should hold.
    #[serde(default)]
    #[schemars(with = "Vec<DeclaredTable>")]
    declared: Vec<Spanned<DeclaredTable>>,
}

/// A file that declares what a system should hold.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct DeclaredTable {
    /// The file; a relative path counts from the policy folder.
    file: String,
    /// What the file is.
    format: Format,
    /// The system it speaks of.
    #[schemars(with = "String")]
    system: Spanned<String>,
    /// The scope of that system (`account/111122223333`); without it, the account that the file's own ARNs name.
    scope: Option<String>,
    /// Kinds of which everything has to be declared; without it, the kinds that the file declares.
    manages: Option<Vec<Kind>>,
    /// Keys that may be there undeclared, as `role/legacy-*` or `user/ada|group/ops`; `*` stands for anything.
    #[serde(default)]
    ignore: Vec<String>,
}

/// What a file is.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Format {
    /// Terraform or OpenTofu state, version 4, as `terraform state pull` prints it: resources of AWS IAM.
    TerraformState,
    /// Manifests of Kubernetes and charts, which nothing can be laid beside.
    #[serde(alias = "kubernetes-yaml", alias = "helm", alias = "kustomize")]
    #[schemars(skip)]
    Kubernetes,
}

/// The published JSON Schema of the file.
pub(super) fn schema() -> Json {
    schemars::schema_for!(DeclaredFile).to_value()
}

/// The sources of a file; `folder` is the policy folder, `known` are the systems of the config.
///
/// A file that cannot be read does not stop a check: what it declares is then not known, and rules say so.
pub(super) fn read(
    file: &Arc<SourceText>,
    folder: &Path,
    known: &[String],
    files: &mut Vec<Arc<SourceText>>,
    problems: &mut Vec<Diagnostic>,
) -> Vec<Source> {
    let tables: DeclaredFile = match toml::from_str(&file.text) {
        Ok(tables) => tables,
        Err(error) => {
            problems.push(policy_problem(file, &error));
            return Vec::new();
        }
    };
    let mut sources = Vec::new();
    for table in tables.declared {
        let place = Place::new(file, table.span());
        let DeclaredTable { file: path, format, system, scope, manages, ignore } = table.into_inner();
        match format {
            Format::TerraformState => {}
            Format::Kubernetes => {
                problems.push(
                    Diagnostic::error("CFG010", format!("`{path}` is of a format that nothing can be compared with"))
                        .place(place)
                        .cause("no connector reads a Kubernetes cluster: there is nothing to lay the file beside")
                        .fix("remove the table; `terraform-state` is what can be declared"),
                );
                continue;
            }
        }
        if !known.iter().any(|name| name == system.get_ref()) {
            let near = similar(system.get_ref(), known.iter().map(String::as_str));
            problems.push(
                Diagnostic::error(
                    "CFG012",
                    format!("`{path}` declares the system `{}`, which the config does not have", system.get_ref()),
                )
                .place(Place::new(file, system.span()))
                .fix(near.map_or("correct the name, or remove the table".to_owned(), |near| {
                    format!("did you mean `{near}`?")
                })),
            );
        }
        let state = match std::fs::read_to_string(folder.join(&path)) {
            Ok(text) => {
                let things = terraform::read(&text);
                files.push(Arc::new(SourceText { path: path.clone(), text }));
                things
            }
            Err(error) => Err(error.to_string()),
        };
        let declared = || {
            let mut kinds: Vec<Kind> =
                state.iter().flat_map(|things| things.by_key.keys()).map(|(kind, _)| *kind).collect();
            kinds.dedup();
            kinds
        };
        let manages = manages.unwrap_or_else(declared);
        sources.push(Source { file: path, system: system.into_inner(), scope, manages, ignore, state, place });
    }
    sources
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> (Vec<Source>, Vec<Diagnostic>) {
        let folder = tempfile::tempdir().unwrap();
        let state = r#"{"version":4,"resources":[{"mode":"managed","type":"aws_iam_user","name":"a","instances":[{"attributes":{"name":"a"}}]}]}"#;
        std::fs::write(folder.path().join("a.tfstate"), state).unwrap();
        let file = Arc::new(SourceText { path: "policy/declared.toml".into(), text: text.to_owned() });
        let mut problems = Vec::new();
        let sources = read(&file, folder.path(), &["aws".to_owned()], &mut Vec::new(), &mut problems);
        (sources, problems)
    }

    #[test]
    fn what_a_state_declares_is_what_it_manages_unless_the_policy_says_otherwise() {
        let table = "[[declared]]\nfile = \"a.tfstate\"\nformat = \"terraform-state\"\nsystem = \"aws\"\n";
        let (sources, problems) = read_text(table);
        assert!(problems.is_empty(), "{problems:?}");
        assert_eq!(sources[0].manages, [Kind::Users]);
        let (sources, _) = read_text(&format!("{table}manages = [\"users\", \"roles\"]\n"));
        assert_eq!(sources[0].manages, [Kind::Users, Kind::Roles]);
    }

    #[test]
    fn a_missing_file_is_told_by_the_rules_and_a_wrong_table_at_its_place() {
        let (sources, problems) =
            read_text("[[declared]]\nfile = \"none\"\nformat = \"terraform-state\"\nsystem = \"aws\"\n");
        assert!(problems.is_empty() && sources[0].state.is_err());
        for (text, code) in [
            ("[[declared]]\nfile = \"a.tfstate\"\nformat = \"terraform-state\"\nsystem = \"asw\"\n", "CFG012"),
            ("[[declared]]\nfile = \"a.yaml\"\nformat = \"helm\"\nsystem = \"aws\"\n", "CFG010"),
            ("[[declared]]\nfile = \"a.tfstate\"\nformat = \"pulumi\"\nsystem = \"aws\"\n", "CFG010"),
            ("[[declared]]\nfile = \"a\"\nformat = \"terraform-state\"\nsystem = \"aws\"\nmanage = []\n", "CFG010"),
        ] {
            let (_, problems) = read_text(text);
            assert_eq!(problems.iter().map(|problem| problem.code.as_str()).collect::<Vec<_>>(), [code], "{text}");
            assert!(problems[0].place.is_some());
        }
    }
}
