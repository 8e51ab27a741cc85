//! The policy folder: what people decided, as reviewed text. `links.toml`, `pins.toml`, `persons.toml` and `inventory.toml` are
//! read here.

mod assignments;
mod declared;
pub mod edit;
mod links;
mod persons;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;
use toml::Spanned;

pub use self::assignments::{Assignment, schema as assignments_schema};
pub use self::declared::schema as declared_schema;
pub use self::links::{Ruling, WrittenDecision};
pub use self::persons::{PersonDecision, schema as persons_schema};
use super::serde_problem;
use crate::diagnostic::{Diagnostic, Place, SourceText, similar};

/// What people decided.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    /// The folder; `None` when there is none.
    pub folder: Option<PathBuf>,
    /// Accounts that belong to persons because somebody said so (`pins.toml`), in file order.
    pub pins: Vec<WrittenDecision>,
    /// What was decided about links (`links.toml`), in file order.
    pub links: Vec<WrittenDecision>,
    /// Systems that the company has, in file order.
    pub inventory: Vec<InventoryEntry>,
    /// Records that are one human, or are not, because somebody said so, in file order.
    pub persons: Vec<PersonDecision>,
    /// Which group of an identity provider gives which access in an application, in file order.
    pub assignments: Vec<Assignment>,
    /// Files that declare what a system should hold, in file order.
    pub declared: Vec<crate::drift::declared::Source>,
    /// The files that were read, for the config hash.
    pub(super) files: Vec<Arc<SourceText>>,
}

/// A system that the company knows it has, collected or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InventoryEntry {
    /// System name.
    pub name: String,
    /// Who answers for it.
    pub owner: Option<String>,
    /// Anything else worth knowing.
    pub note: Option<String>,
    /// Where it is written.
    pub place: Place,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct InventoryFile {
    #[serde(default)]
    system: Vec<Spanned<InventoryTable>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct InventoryTable {
    name: Spanned<String>,
    owner: Option<String>,
    note: Option<String>,
}

impl Policy {
    /// Every decision about a link that was not taken back: pins first, each file in its own order.
    pub fn decisions(&self) -> impl Iterator<Item = &WrittenDecision> {
        self.pins.iter().chain(&self.links).filter(|decision| !decision.withdrawn)
    }

    /// Reads a policy folder on its own, without a config. `known` are the systems that it may name.
    ///
    /// # Errors
    /// Everything in it that cannot be used.
    pub fn read(folder: &Path, known: &[String]) -> Result<Self, Vec<Diagnostic>> {
        let mut problems = Vec::new();
        let policy = Self::load(folder, folder, known, &mut Vec::new(), &mut problems);
        if problems.is_empty() { Ok(policy) } else { Err(problems) }
    }

    /// Reads the policy folder. `shown` is the folder as users know it, `known` the systems of the config.
    ///
    /// Notes about files that nobody reads go to `notes`, what cannot be used to `problems`.
    pub(super) fn load(
        folder: &Path,
        shown: &Path,
        known: &[String],
        notes: &mut Vec<Diagnostic>,
        problems: &mut Vec<Diagnostic>,
    ) -> Self {
        let mut policy = Self { folder: Some(folder.to_owned()), ..Self::default() };
        let names = match file_names(folder) {
            Ok(names) => names,
            Err(error) => {
                problems.push(
                    Diagnostic::error("CFG010", format!("cannot list the policy folder `{}`", shown.display()))
                        .cause(error.to_string())
                        .fix("make the folder readable, or correct `policy` in `[muster]`"),
                );
                return policy;
            }
        };
        for name in names {
            match name.as_str() {
                "pins.toml" => policy.read_file(folder, shown, &name, problems, |policy, text, problems| {
                    policy.pins = links::read_pins(text, known, problems);
                }),
                "links.toml" => policy.read_file(folder, shown, &name, problems, |policy, text, problems| {
                    policy.links = links::read_links(text, known, problems);
                }),
                "inventory.toml" => policy.read_file(folder, shown, &name, problems, |policy, text, problems| {
                    policy.read_inventory(text, problems);
                }),
                "persons.toml" => policy.read_file(folder, shown, &name, problems, |policy, text, problems| {
                    policy.persons = persons::read(text, known, problems);
                }),
                "assignments.toml" => policy.read_file(folder, shown, &name, problems, |policy, text, problems| {
                    policy.assignments = assignments::read(text, known, problems);
                }),
                "declared.toml" => policy.read_file(folder, shown, &name, problems, |policy, text, problems| {
                    policy.declared = declared::read(text, folder, known, &mut policy.files, problems);
                }),
                other => {
                    let near = similar(
                        other,
                        [
                            "assignments.toml",
                            "declared.toml",
                            "inventory.toml",
                            "links.toml",
                            "persons.toml",
                            "pins.toml",
                        ],
                    );
                    notes.push(
                        Diagnostic::note("CFG011", format!("`{}` is not read", shown.join(other).display()))
                            .maybe_fix(near.map(|near| format!("if it was meant to be, call it `{near}`"))),
                    );
                }
            }
        }
        policy
    }

    fn read_file(
        &mut self,
        folder: &Path,
        shown: &Path,
        name: &str,
        problems: &mut Vec<Diagnostic>,
        parse: impl FnOnce(&mut Self, &Arc<SourceText>, &mut Vec<Diagnostic>),
    ) {
        let path = shown.join(name).display().to_string();
        match std::fs::read_to_string(folder.join(name)) {
            Ok(text) => {
                let text = Arc::new(SourceText { path, text });
                self.files.push(Arc::clone(&text));
                parse(self, &text, problems);
            }
            Err(error) => problems.push(
                Diagnostic::error("CFG010", format!("cannot read `{path}`"))
                    .cause(error.to_string())
                    .fix("make it a readable UTF-8 text, or move it out of the policy folder"),
            ),
        }
    }

    fn read_inventory(&mut self, file: &Arc<SourceText>, problems: &mut Vec<Diagnostic>) {
        let inventory: InventoryFile = match toml::from_str(&file.text) {
            Ok(inventory) => inventory,
            Err(error) => return problems.push(policy_problem(file, &error)),
        };
        for entry in inventory.system {
            let entry = entry.into_inner();
            let place = Place::new(file, entry.name.span());
            self.inventory.push(InventoryEntry {
                name: entry.name.into_inner(),
                owner: entry.owner,
                note: entry.note,
                place,
            });
        }
    }
}

fn file_names(folder: &Path) -> std::io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.file_type()?.is_file() && !name.starts_with('.') {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

fn policy_problem(file: &Arc<SourceText>, error: &toml::de::Error) -> Diagnostic {
    Diagnostic { code: "CFG010".to_owned(), ..serde_problem(file, error.message(), error.span(), &[]) }
}
