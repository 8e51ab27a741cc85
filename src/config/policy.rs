//! The policy folder: what people decided, as reviewed text. The files of [`SCHEMAS`] are read here, and a team's own rules in
//! `rules/`.

mod assignments;
mod baseline;
mod break_glass;
mod declared;
pub mod edit;
mod exceptions;
mod findings;
mod inventory;
mod items;
mod links;
mod nhi;
mod own_rules;
mod owners;
mod persons;
mod privilege;
mod reviews;
mod roles;
mod shared;
mod sod;
mod techniques;
mod vault;
mod when;
mod written;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::civil::Date;
use muster_effective::aws::escalation::Techniques;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use toml::Spanned;

pub use self::assignments::Assignment;
pub use self::baseline::Baseline;
pub use self::break_glass::BreakGlassAccount;
pub use self::exceptions::Exception;
pub use self::findings::{FindingDecision, Handling};
pub use self::inventory::{InventoryEntry, SignOn, StandsFor, SystemKind};
pub use self::items::{Held, Item};
pub use self::links::{Ruling, WrittenDecision};
pub use self::nhi::{Application, Register, Registered};
pub use self::own_rules::{OwnManual, OwnRule, OwnSubject};
pub use self::owners::OwnerEntry;
pub use self::persons::PersonDecision;
pub use self::privilege::{NamedKind, Names, Privileges, SensitiveData, SystemPrivileges};
pub use self::reviews::{Campaign, Decided, ReviewItem, ReviewScope, Reviews};
pub use self::roles::{Carrier, Parity, Reservation, Role, RoleCatalogue};
pub use self::shared::SharedAccount;
pub use self::sod::{Companion, Conflict, Function, LogDuty, Mitigation, SodMatrix};
pub use self::vault::{Vaulted, Vaults};
pub use self::when::{Answer, Field, Pattern, Says, When};
pub use self::written::is_like;
use super::serde_problem;
use crate::diagnostic::{Diagnostic, Place, SourceText, similar};

/// Makes a JSON Schema.
pub type Schema = fn() -> Json;

/// Files of the policy folder with the JSON Schema of each, for editors and `muster config schema`.
pub const SCHEMAS: &[(&str, Schema)] = &[
    ("assignments.toml", assignments::schema),
    ("baseline.toml", baseline::schema),
    ("break_glass.toml", break_glass::schema),
    ("declared.toml", declared::schema),
    ("exceptions.toml", exceptions::schema),
    ("findings.toml", findings::schema),
    ("inventory.toml", inventory::schema),
    ("links.toml", links::links_schema),
    ("nhi.toml", nhi::schema),
    ("owners.toml", owners::schema),
    ("persons.toml", persons::schema),
    ("pins.toml", links::pins_schema),
    ("privilege.toml", privilege::schema),
    ("reviews.toml", reviews::schema),
    ("roles.toml", roles::schema),
    ("rule.toml", own_rules::schema),
    ("shared.toml", shared::schema),
    ("sod.toml", sod::schema),
    ("techniques.toml", techniques::schema),
    ("vault.toml", vault::schema),
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
    /// Applications of identity providers that are one of these systems, in file order.
    pub applications: Vec<StandsFor>,
    /// Records that are one human, or are not, because somebody said so, in file order.
    pub persons: Vec<PersonDecision>,
    /// Which group of an identity provider gives which access in an application, in file order.
    pub assignments: Vec<Assignment>,
    /// Files that declare what a system should hold, in file order.
    pub declared: Vec<crate::drift::declared::Source>,
    /// The register of non-human identities (`nhi.toml`); `None` when there is none.
    pub nhi: Option<Register>,
    /// What holds for privilege (`privilege.toml`); `None` when there is no such file.
    pub privilege: Option<Privileges>,
    /// Risks that somebody accepted (`exceptions.toml`), in file order.
    pub exceptions: Vec<Exception>,
    /// What was decided about single findings (`findings.toml`), in file order.
    pub findings: Vec<FindingDecision>,
    /// Who has to act on findings (`owners.toml`), in file order.
    pub owners: Vec<OwnerEntry>,
    /// The findings that were there when Muster was adopted (`baseline.toml`).
    pub baseline: Option<Baseline>,
    /// Who gets what by attributes, and what may be asked for; `None` without `roles.toml`.
    pub roles: Option<RoleCatalogue>,
    /// What has to be reviewed, and what was; `None` without `reviews.toml`.
    pub reviews: Option<Reviews>,
    /// What one person must not do together; `None` without `sod.toml`.
    pub sod: Option<SodMatrix>,
    /// Rules that the team wrote, in order of their files' names.
    pub rules: Vec<OwnRule>,
    /// Accounts for emergencies, in file order; `None` where there is no `break_glass.toml`.
    pub break_glass: Option<Vec<BreakGlassAccount>>,
    /// Accounts that several people may use, in file order; `None` where there is no `shared.toml`.
    pub shared: Option<Vec<SharedAccount>>,
    /// Ways to privilege on AWS, the built-in ones among them; `None` without `techniques.toml`.
    pub techniques: Option<Arc<Techniques>>,
    /// What vaults keep; `None` without `vault.toml`.
    pub vaults: Option<Vaults>,
    /// The files that were read, for the config hash.
    pub(super) files: Vec<Arc<SourceText>>,
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
                "nhi.toml" => policy.read_file(folder, shown, &name, problems, |policy, text, problems| {
                    policy.nhi = Some(nhi::read(text, known, problems));
                }),
                "privilege.toml" => policy.read_file(folder, shown, &name, problems, |policy, text, problems| {
                    policy.privilege = Some(privilege::read(text, known, problems));
                }),
                "links.toml" => policy.read_file(folder, shown, &name, problems, |policy, text, problems| {
                    policy.links = links::read_links(text, known, problems);
                }),
                "inventory.toml" => policy.read_file(folder, shown, &name, problems, |policy, text, problems| {
                    (policy.inventory, policy.applications) = inventory::read(text, known, problems);
                }),
                "break_glass.toml" => policy.read_file(folder, shown, &name, problems, |policy, text, problems| {
                    policy.break_glass = Some(break_glass::read(text, known, problems));
                }),
                "shared.toml" => policy.read_file(folder, shown, &name, problems, |policy, text, problems| {
                    policy.shared = Some(shared::read(text, known, problems));
                }),
                "persons.toml" => policy.read_file(folder, shown, &name, problems, |policy, text, problems| {
                    policy.persons = persons::read(text, known, problems);
                }),
                "exceptions.toml" => policy.read_file(folder, shown, &name, problems, |policy, text, problems| {
                    policy.exceptions = exceptions::read(text, known, problems);
                }),
                "findings.toml" => policy.read_file(folder, shown, &name, problems, |policy, text, problems| {
                    policy.findings = findings::read(text, problems);
                }),
                "owners.toml" => policy.read_file(folder, shown, &name, problems, |policy, text, problems| {
                    policy.owners = owners::read(text, known, problems);
                }),
                "baseline.toml" => policy.read_file(folder, shown, &name, problems, |policy, text, problems| {
                    policy.baseline = baseline::read(text, problems);
                }),
                "roles.toml" => policy.read_file(folder, shown, &name, problems, |policy, text, problems| {
                    policy.roles = Some(roles::read(text, &policy.nameable(known), problems));
                }),
                "reviews.toml" => policy.read_file(folder, shown, &name, problems, |policy, text, problems| {
                    policy.reviews = Some(reviews::read(text, folder, known, &mut policy.files, problems));
                }),
                "sod.toml" => policy.read_file(folder, shown, &name, problems, |policy, text, problems| {
                    policy.sod = Some(sod::read(text, &policy.nameable(known), problems));
                }),
                "techniques.toml" => policy.read_file(folder, shown, &name, problems, |policy, text, problems| {
                    policy.techniques = techniques::read(text, problems);
                }),
                "vault.toml" => policy.read_file(folder, shown, &name, problems, |policy, text, problems| {
                    policy.vaults = Some(vault::read(text, known, problems));
                }),
                "assignments.toml" => policy.read_file(folder, shown, &name, problems, |policy, text, problems| {
                    policy.assignments = assignments::read(text, known, problems);
                }),
                "declared.toml" => policy.read_file(folder, shown, &name, problems, |policy, text, problems| {
                    policy.declared = declared::read(text, folder, known, &mut policy.files, problems);
                }),
                other => {
                    let near =
                        similar(other, SCHEMAS.iter().map(|(name, _)| *name).filter(|name| *name != "rule.toml"));
                    notes.push(
                        Diagnostic::note("CFG011", format!("`{}` is not read", shown.join(other).display()))
                            .maybe_fix(near.map(|near| format!("if it was meant to be, call it `{near}`"))),
                    );
                }
            }
        }
        for source in &policy.declared {
            let said = |note: &String| {
                Diagnostic::note("CFG020", format!("of `{}` something is not compared", source.file))
                    .place(source.place.clone())
                    .cause(note.clone())
            };
            notes.extend(source.notes.iter().map(said));
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

/// The tables of a file; what is wrong with them goes to `problems`.
fn tables<T: DeserializeOwned>(file: &Arc<SourceText>, problems: &mut Vec<Diagnostic>) -> Option<T> {
    toml::from_str(&file.text).map_err(|error| problems.push(policy_problem(file, &error))).ok()
}

fn policy_problem(file: &Arc<SourceText>, error: &toml::de::Error) -> Diagnostic {
    Diagnostic { code: "CFG010".to_owned(), ..serde_problem(file, error.message(), error.span(), &[]) }
}

/// The day that is written under `key`.
fn day(
    file: &Arc<SourceText>,
    key: &str,
    written: &Spanned<toml::value::Datetime>,
    problems: &mut Vec<Diagnostic>,
) -> Option<Date> {
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

/// What is wrong with naming this system; nothing where it is one of `known`.
fn known_system(file: &Arc<SourceText>, system: &Spanned<String>, known: &[String]) -> Option<Diagnostic> {
    let name = system.get_ref();
    if known.contains(name) {
        return None;
    }
    let near = similar(name, known.iter().map(String::as_str));
    let problem = Diagnostic::error("CFG012", format!("the system `{name}` is named, which the config does not have"))
        .place(Place::new(file, system.span()))
        .fix(near.map_or("correct the name, or remove the entry".to_owned(), |near| format!("did you mean `{near}`?")));
    Some(problem)
}
