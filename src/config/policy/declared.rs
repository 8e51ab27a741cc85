//! `declared.toml`: files that declare what a system should hold, and which kinds are theirs alone.

use std::path::Path;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value as Json;
use toml::Spanned;

use super::policy_problem;
use crate::diagnostic::{Diagnostic, Place, SourceText, similar};
use crate::drift::declared::{self, Kind, Source, Things, terraform};

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
    /// The file; a relative path counts from the policy folder. Of Kubernetes also a folder: its `.yaml`, `.yml` and `.json` files.
    file: String,
    /// What the file is.
    format: Format,
    /// The system it speaks of.
    #[schemars(with = "String")]
    system: Spanned<String>,
    /// The scope of that system (`account/111122223333`); without it, the account that the file's own ARNs name. Of a cluster
    /// `namespace/NAME`; without it, the whole cluster.
    scope: Option<String>,
    /// Kinds of which everything has to be declared; without it, the kinds that the file declares.
    #[schemars(with = "Option<Vec<Kind>>")]
    manages: Option<Vec<Spanned<Kind>>>,
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
    /// Service accounts, roles and bindings of Kubernetes as YAML or JSON.
    #[serde(alias = "kubernetes")]
    KubernetesYaml,
    /// What becomes such objects once it is rendered.
    #[serde(alias = "kustomize")]
    #[schemars(skip)]
    Helm,
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
        let format = match format {
            Format::TerraformState => declared::Format::TerraformState,
            Format::KubernetesYaml => declared::Format::KubernetesYaml,
            Format::Helm => {
                problems.push(
                    Diagnostic::error("CFG010", format!("`{path}` has to be rendered before it declares anything"))
                        .place(place)
                        .cause("what a chart or an overlay makes depends on values that are not in it")
                        .fix("write what `helm template` or `kubectl kustomize` prints to a file, and name that one with `format = \"kubernetes-yaml\"`"),
                );
                continue;
            }
        };
        let namespace = scope.as_deref().and_then(|scope| scope.strip_prefix("namespace/"));
        if format == declared::Format::KubernetesYaml && scope.is_some() && namespace.is_none() {
            problems.push(
                Diagnostic::error("CFG010", format!("`{}` is no part of a cluster", scope.unwrap_or_default()))
                    .place(place)
                    .fix("write `scope = \"namespace/NAME\"`, or leave it out for the whole cluster"),
            );
            continue;
        }
        let strange = manages.iter().flatten().find(|kind| !format.kinds().contains(kind.get_ref()));
        if let Some(kind) = strange {
            problems.push(
                Diagnostic::error("CFG010", format!("`{path}` cannot declare every {}", kind.get_ref().noun()))
                    .place(Place::new(file, kind.span()))
                    .cause(format!("files of this format declare each {}", nouns(format)))
                    .fix("take the kind out of `manages`"),
            );
            continue;
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
        let (state, notes) = match format {
            declared::Format::TerraformState => (terraform_state(folder, &path, files), Vec::new()),
            declared::Format::KubernetesYaml => match kubernetes(folder, &path, namespace, files) {
                Ok((things, notes)) => (Ok(things), notes),
                Err(why) => (Err(why), Vec::new()),
            },
        };
        let declared = || {
            let mut kinds: Vec<Kind> =
                state.iter().flat_map(|things| things.by_key.keys()).map(|(kind, _)| *kind).collect();
            kinds.dedup();
            kinds
        };
        let manages = manages.map_or_else(declared, |kinds| kinds.into_iter().map(Spanned::into_inner).collect());
        let system = system.into_inner();
        sources.push(Source { file: path, format, system, scope, manages, ignore, state, notes, place });
    }
    sources
}

fn nouns(format: declared::Format) -> String {
    let nouns: Vec<&str> = format.kinds().iter().map(|kind| kind.noun()).collect();
    nouns.join(", ")
}

fn terraform_state(folder: &Path, path: &str, files: &mut Vec<Arc<SourceText>>) -> Result<Things, String> {
    let text = std::fs::read_to_string(folder.join(path)).map_err(|error| error.to_string())?;
    let things = terraform::read(&text);
    files.push(Arc::new(SourceText { path: path.to_owned(), text }));
    things
}

/// Reads a file of objects, or every such file of a folder and the folders in it, in order.
fn kubernetes(
    folder: &Path,
    path: &str,
    namespace: Option<&str>,
    files: &mut Vec<Arc<SourceText>>,
) -> Result<(Things, Vec<String>), String> {
    let mut found = Vec::new();
    let whole = folder.join(path);
    if whole.is_dir() {
        gather(&whole, path, 0, &mut found).map_err(|error| error.to_string())?;
        if found.is_empty() {
            return Err("the folder has no .yaml, .yml or .json file".to_owned());
        }
    } else {
        let text = std::fs::read_to_string(&whole).map_err(|error| error.to_string())?;
        found.push((path.to_owned(), text));
    }
    let read = declared::kubernetes(&found, namespace);
    files.extend(found.into_iter().map(|(path, text)| Arc::new(SourceText { path, text })));
    read
}

/// Levels of folders that are gone into.
const DEEPEST: usize = 16;

fn gather(folder: &Path, shown: &str, depth: usize, found: &mut Vec<(String, String)>) -> std::io::Result<()> {
    let mut entries = std::fs::read_dir(folder)?.collect::<std::io::Result<Vec<_>>>()?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let name = entry.file_name().to_string_lossy().into_owned();
        let (path, shown) = (entry.path(), format!("{}/{name}", shown.trim_end_matches('/')));
        if entry.file_type()?.is_dir() {
            if depth < DEEPEST && !name.starts_with('.') {
                gather(&path, &shown, depth + 1, found)?;
            }
        } else if path.extension().is_some_and(|ending| ending == "yaml" || ending == "yml" || ending == "json") {
            let text = std::fs::read_to_string(&path)
                .map_err(|error| std::io::Error::new(error.kind(), format!("{shown}: {error}")))?;
            found.push((shown, text));
        }
    }
    Ok(())
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
    fn objects_come_from_a_file_or_every_file_of_a_folder_and_a_broken_one_says_where() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("k8s/shop")).unwrap();
        let account =
            |name: &str| format!("apiVersion: v1\nkind: ServiceAccount\nmetadata: {{name: {name}, namespace: shop}}\n");
        std::fs::write(folder.path().join("k8s/a.yaml"), account("a")).unwrap();
        std::fs::write(folder.path().join("k8s/shop/b.yml"), account("b")).unwrap();
        std::fs::write(folder.path().join("k8s/README.md"), "no object").unwrap();
        let (things, _) = kubernetes(folder.path(), "k8s", None, &mut Vec::new()).unwrap();
        let addresses: Vec<&str> = things.by_key.values().map(String::as_str).collect();
        assert_eq!(addresses, ["k8s/a.yaml:1 ServiceAccount `a`", "k8s/shop/b.yml:1 ServiceAccount `b`"]);
        std::fs::write(folder.path().join("k8s/c.yaml"), "a: &x 1\nb: *x\n").unwrap();
        let error = kubernetes(folder.path(), "k8s", None, &mut Vec::new()).unwrap_err();
        assert!(error.starts_with("k8s/c.yaml, line 2, column 4: aliases"), "{error}");
        assert!(kubernetes(folder.path(), "none", None, &mut Vec::new()).is_err());
    }

    #[test]
    fn a_missing_file_is_told_by_the_rules_and_a_wrong_table_at_its_place() {
        let (sources, problems) =
            read_text("[[declared]]\nfile = \"none\"\nformat = \"terraform-state\"\nsystem = \"aws\"\n");
        assert!(problems.is_empty() && sources[0].state.is_err());
        for (text, code) in [
            ("[[declared]]\nfile = \"a.tfstate\"\nformat = \"terraform-state\"\nsystem = \"asw\"\n", "CFG012"),
            ("[[declared]]\nfile = \"a.yaml\"\nformat = \"helm\"\nsystem = \"aws\"\n", "CFG010"),
            ("[[declared]]\nfile = \"a\"\nformat = \"kubernetes-yaml\"\nsystem = \"aws\"\nscope = \"dev\"\n", "CFG010"),
            (
                "[[declared]]\nfile = \"a\"\nformat = \"kubernetes-yaml\"\nsystem = \"aws\"\nmanages = [\"users\"]\n",
                "CFG010",
            ),
            ("[[declared]]\nfile = \"a.tfstate\"\nformat = \"pulumi\"\nsystem = \"aws\"\n", "CFG010"),
            ("[[declared]]\nfile = \"a\"\nformat = \"terraform-state\"\nsystem = \"aws\"\nmanage = []\n", "CFG010"),
        ] {
            let (_, problems) = read_text(text);
            assert_eq!(problems.iter().map(|problem| problem.code.as_str()).collect::<Vec<_>>(), [code], "{text}");
            assert!(problems[0].place.is_some());
        }
    }
}
