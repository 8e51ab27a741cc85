//! The policy folder: what people decided, as reviewed text. `links.toml`, `pins.toml`, `persons.toml`, `inventory.toml`,
//! `roles.toml` and `sod.toml` are read here, and a team's own rules in `rules/`.

pub mod edit;
mod items;
mod links;
mod own_rules;
mod persons;
mod roles;
mod sod;
mod when;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value as Json;
use toml::Spanned;

pub use self::items::{Held, Item};
pub use self::links::{Ruling, WrittenDecision};
pub use self::own_rules::{OwnManual, OwnRule, OwnSubject};
pub use self::persons::PersonDecision;
pub use self::roles::{Reservation, Role, RoleCatalogue};
pub use self::sod::{Companion, Conflict, Function, LogDuty, Mitigation, SodMatrix};
pub use self::when::{Answer, Field, Pattern, Says, When};
use super::serde_problem;
use crate::diagnostic::{Diagnostic, Place, SourceText, similar};

/// The files that are read.
const FILES: [&str; 6] = ["inventory.toml", "links.toml", "persons.toml", "pins.toml", "roles.toml", "sod.toml"];

/// Files of the policy folder with the JSON Schema of each, for editors and `muster config schema`.
pub const SCHEMAS: &[(&str, fn() -> Json)] = &[
    ("inventory.toml", inventory_schema),
    ("links.toml", links::links_schema),
    ("persons.toml", persons::schema),
    ("pins.toml", links::pins_schema),
    ("roles.toml", roles::schema),
    ("rule.toml", own_rules::schema),
    ("sod.toml", sod::schema),
];

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
    /// Who gets what by attributes, and what may be asked for; `None` without `roles.toml`.
    pub roles: Option<RoleCatalogue>,
    /// What one person must not do together; `None` without `sod.toml`.
    pub sod: Option<SodMatrix>,
    /// Rules that the team wrote, in order of their files' names.
    pub rules: Vec<OwnRule>,
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

/// Systems that the company has, collected or not.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "policy/inventory.toml")]
struct InventoryFile {
    /// The systems.
    #[serde(default)]
    #[schemars(with = "Vec<InventoryTable>")]
    system: Vec<Spanned<InventoryTable>>,
}

/// A system that the company has.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct InventoryTable {
    /// Its name; that of a `[[system]]` of muster.toml once it is collected.
    #[schemars(with = "String")]
    name: Spanned<String>,
    /// Who answers for it.
    owner: Option<String>,
    /// Anything else worth knowing.
    note: Option<String>,
}

/// The published JSON Schema of `inventory.toml`.
fn inventory_schema() -> Json {
    schemars::schema_for!(InventoryFile).to_value()
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
                "roles.toml" => policy.read_file(folder, shown, &name, problems, |policy, text, problems| {
                    policy.roles = Some(roles::read(text, &policy.nameable(known), problems));
                }),
                "sod.toml" => policy.read_file(folder, shown, &name, problems, |policy, text, problems| {
                    policy.sod = Some(sod::read(text, &policy.nameable(known), problems));
                }),
                other => {
                    let near = similar(other, FILES);
                    notes.push(
                        Diagnostic::note("CFG011", format!("`{}` is not read", shown.join(other).display()))
                            .maybe_fix(near.map(|near| format!("if it was meant to be, call it `{near}`"))),
                    );
                }
            }
        }
        policy.read_rules(folder, shown, notes, problems);
        policy
    }

    /// The folder `rules/`: a file each.
    fn read_rules(&mut self, folder: &Path, shown: &Path, notes: &mut Vec<Diagnostic>, problems: &mut Vec<Diagnostic>) {
        let names = match file_names(&folder.join("rules")) {
            Ok(names) => names,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return,
            Err(error) => {
                let what = format!("cannot list `{}`", shown.join("rules").display());
                let problem = Diagnostic::error("CFG010", what).cause(error.to_string());
                return problems.push(problem.fix("make it a readable folder with a file for each rule, or remove it"));
            }
        };
        for name in names {
            let name = format!("rules/{name}");
            if Path::new(&name).extension().is_some_and(|ending| ending == "toml") {
                self.read_file(folder, shown, &name, problems, |policy, text, problems| {
                    let rule = own_rules::read(text, &policy.rules, problems);
                    policy.rules.extend(rule);
                });
            } else {
                let what = format!("`{}` is not read", shown.join(name).display());
                notes.push(Diagnostic::note("CFG011", what).fix("a rule's file ends in .toml"));
            }
        }
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

    /// Systems that roles and duties may name: those of the config, and those of the inventory that are not collected yet.
    /// Files are read in order of their names, so the inventory is known by then.
    fn nameable(&self, known: &[String]) -> Vec<String> {
        known.iter().cloned().chain(self.inventory.iter().map(|entry| entry.name.clone())).collect()
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

/// A day as it is written.
fn day(
    file: &Arc<SourceText>,
    written: Option<&Spanned<toml::value::Datetime>>,
    key: &str,
    problems: &mut Vec<Diagnostic>,
) -> Option<jiff::civil::Date> {
    let written = written?;
    let date = written.get_ref().to_string().parse().ok();
    if date.is_none() {
        problems.push(
            Diagnostic::error("CFG010", format!("`{key}` is no date"))
                .place(Place::new(file, written.span()))
                .fix("write a day, as 2027-03-31"),
        );
    }
    date
}

fn policy_problem(file: &Arc<SourceText>, error: &toml::de::Error) -> Diagnostic {
    Diagnostic { code: "CFG010".to_owned(), ..serde_problem(file, error.message(), error.span(), &[]) }
}
