//! The policy folder: what people decided, as reviewed text. `pins.toml` and `inventory.toml` are read here, `persons.toml` in
//! [`persons`].

mod persons;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::civil::Date;
use serde::Deserialize;
use toml::Spanned;

pub use self::persons::{PersonDecision, schema as persons_schema};
use super::serde_problem;
use crate::diagnostic::{Diagnostic, Place, SourceText, similar};

/// What people decided.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    /// The folder; `None` when there is none.
    pub folder: Option<PathBuf>,
    /// Accounts that belong to persons because somebody said so, in file order.
    pub pins: Vec<Pin>,
    /// Systems that the company has, in file order.
    pub inventory: Vec<InventoryEntry>,
    /// Records that are one human, or are not, because somebody said so, in file order.
    pub persons: Vec<PersonDecision>,
    /// The files that were read, for the config hash.
    pub(super) files: Vec<Arc<SourceText>>,
}

/// "This account belongs to that person": stronger than any evidence, until it expires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin {
    /// System name.
    pub system: String,
    /// The account's id, sign-in name or native name.
    pub account: String,
    /// The person's id or an employee id.
    pub person: String,
    /// Who decided.
    pub author: String,
    /// Why.
    pub reason: String,
    /// The last day on which it counts.
    pub expires: Option<Date>,
    /// Where it is written.
    pub place: Place,
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
struct PinsFile {
    #[serde(default)]
    pin: Vec<Spanned<PinTable>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PinTable {
    system: Spanned<String>,
    account: String,
    person: String,
    author: String,
    reason: String,
    expires: Option<Spanned<toml::value::Datetime>>,
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
                "pins.toml" => policy.read(folder, shown, &name, problems, |policy, text, problems| {
                    policy.read_pins(text, known, problems);
                }),
                "inventory.toml" => policy.read(folder, shown, &name, problems, |policy, text, problems| {
                    policy.read_inventory(text, problems);
                }),
                "persons.toml" => policy.read(folder, shown, &name, problems, |policy, text, problems| {
                    policy.persons = persons::read(text, known, problems);
                }),
                other => {
                    let near = similar(other, ["pins.toml", "inventory.toml", "persons.toml"]);
                    notes.push(
                        Diagnostic::note("CFG011", format!("`{}` is not read", shown.join(other).display()))
                            .maybe_fix(near.map(|near| format!("if it was meant to be, call it `{near}`"))),
                    );
                }
            }
        }
        policy
    }

    fn read(
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

    fn read_pins(&mut self, file: &Arc<SourceText>, known: &[String], problems: &mut Vec<Diagnostic>) {
        let pins: PinsFile = match toml::from_str(&file.text) {
            Ok(pins) => pins,
            Err(error) => return problems.push(policy_problem(file, &error)),
        };
        for pin in pins.pin {
            let place = Place::new(file, pin.span());
            let pin = pin.into_inner();
            let name = pin.system.get_ref();
            if !known.contains(name) {
                let near = similar(name, known.iter().map(String::as_str));
                problems.push(
                    Diagnostic::error(
                        "CFG012",
                        format!("a pin names the system `{name}`, which the config does not have"),
                    )
                    .place(Place::new(file, pin.system.span()))
                    .fix(near.map_or("correct the name, or remove the pin".to_owned(), |near| {
                        format!("did you mean `{near}`?")
                    })),
                );
            }
            let expires = last_day(file, pin.expires.as_ref(), problems);
            self.pins.push(Pin {
                system: pin.system.into_inner(),
                account: pin.account,
                person: pin.person,
                author: pin.author,
                reason: pin.reason,
                expires,
                place,
            });
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
