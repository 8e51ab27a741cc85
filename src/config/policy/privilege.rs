//! `privilege.toml`: where privilege must be asked for, how many administrators a system may have, who may hold what without being
//! reported, what sensitive data is for, and how groups and roles are named.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value as Json;
use toml::Spanned;

use super::policy_problem;
use crate::diagnostic::{Diagnostic, Place, SourceText, similar};

/// What the file says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Privileges {
    /// By system, in file order.
    pub systems: Vec<SystemPrivileges>,
    /// By sensitivity label, in file order.
    pub data: Vec<SensitiveData>,
    /// How things are named, in file order.
    pub names: Vec<Names>,
}

/// What holds in one system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SystemPrivileges {
    /// System name.
    pub system: String,
    /// Fewest and most administrators.
    pub admins: Option<(u32, u32)>,
    /// Whether privilege must be asked for and run out.
    pub just_in_time: bool,
    /// Accounts, groups or roles that may hold high rights all the time, by id, login or name.
    pub allow: Vec<String>,
}

/// Who needs data of one sensitivity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SensitiveData {
    /// The label, as resources bear it.
    pub sensitivity: String,
    /// Departments and titles whose work needs it.
    pub functions: Vec<String>,
}

/// How objects of one kind are named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    /// System name.
    pub system: String,
    /// What is named.
    pub kind: NamedKind,
    /// Beginnings of which a name has one.
    pub prefixes: Vec<String>,
}

/// What can be named by a convention.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum NamedKind {
    /// Groups.
    Group,
    /// Roles and other entitlements.
    Entitlement,
    /// Accounts that no person acts as.
    Service,
}

impl Privileges {
    /// What holds in a system.
    pub fn of(&self, system: &str) -> Option<&SystemPrivileges> {
        self.systems.iter().find(|entry| entry.system == system)
    }
}

/// The whole file.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "policy/privilege.toml")]
struct PrivilegeFile {
    /// What holds in one system.
    #[serde(default)]
    system: Vec<SystemTable>,
    /// Who needs data of one sensitivity.
    #[serde(default)]
    data: Vec<DataTable>,
    /// How objects of one kind are named.
    #[serde(default)]
    names: Vec<NamesTable>,
}

/// What holds in one system.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SystemTable {
    /// System name.
    #[schemars(with = "String")]
    name: Spanned<String>,
    /// How many administrators it may have.
    #[schemars(with = "Option<AdminsTable>")]
    admins: Option<Spanned<AdminsTable>>,
    /// Whether privilege must be asked for and run out.
    #[serde(default)]
    just_in_time: bool,
    /// Accounts, groups or roles that may hold high rights all the time, by id, login or name.
    #[serde(default)]
    allow: Vec<String>,
}

/// How many administrators a system may have.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct AdminsTable {
    /// Fewest.
    min: u32,
    /// Most.
    max: u32,
}

/// Who needs data of one sensitivity.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct DataTable {
    /// The label, as resources bear it.
    sensitivity: String,
    /// Departments and titles whose work needs it.
    functions: Vec<String>,
}

/// How objects of one kind are named.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NamesTable {
    /// System name.
    #[schemars(with = "String")]
    system: Spanned<String>,
    /// What is named.
    kind: NamedKind,
    /// Beginnings of which a name has one.
    prefixes: Vec<String>,
}

/// The published JSON Schema of the file.
pub(super) fn schema() -> Json {
    schemars::schema_for!(PrivilegeFile).to_value()
}

/// What a file says; `known` are the systems of the config.
pub(super) fn read(file: &Arc<SourceText>, known: &[String], problems: &mut Vec<Diagnostic>) -> Privileges {
    let tables: PrivilegeFile = match toml::from_str(&file.text) {
        Ok(tables) => tables,
        Err(error) => {
            problems.push(policy_problem(file, &error));
            return Privileges::default();
        }
    };
    let mut privileges = Privileges::default();
    for table in tables.system {
        must_be_known(file, &table.name, known, problems);
        let admins = table.admins.and_then(|admins| {
            let place = Place::new(file, admins.span());
            let AdminsTable { min, max } = admins.into_inner();
            if min > max {
                problems.push(
                    Diagnostic::error("CFG010", format!("at least {min} and at most {max} administrators cannot be"))
                        .place(place)
                        .fix("write the smaller number as `min`"),
                );
                return None;
            }
            Some((min, max))
        });
        let SystemTable { name, just_in_time, allow, .. } = table;
        privileges.systems.push(SystemPrivileges { system: name.into_inner(), admins, just_in_time, allow });
    }
    for DataTable { sensitivity, functions } in tables.data {
        privileges.data.push(SensitiveData { sensitivity, functions });
    }
    for NamesTable { system, kind, prefixes } in tables.names {
        must_be_known(file, &system, known, problems);
        privileges.names.push(Names { system: system.into_inner(), kind, prefixes });
    }
    privileges
}

fn must_be_known(file: &Arc<SourceText>, name: &Spanned<String>, known: &[String], problems: &mut Vec<Diagnostic>) {
    if known.contains(name.get_ref()) {
        return;
    }
    let near = similar(name.get_ref(), known.iter().map(String::as_str));
    let what = format!("the policy names the system `{}`, which the config does not have", name.get_ref());
    problems.push(Diagnostic::error("CFG012", what).place(Place::new(file, name.span())).fix(
        near.map_or("correct the name, or remove the entry".to_owned(), |near| format!("did you mean `{near}`?")),
    ));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> (Privileges, Vec<Diagnostic>) {
        let file = Arc::new(SourceText { path: "policy/privilege.toml".to_owned(), text: text.to_owned() });
        let mut problems = Vec::new();
        let privileges = read(&file, &["aws".to_owned()], &mut problems);
        (privileges, problems)
    }

    #[test]
    fn every_part_is_read() {
        let (privileges, problems) = read_text(
            "[[system]]\nname = \"aws\"\nadmins = { min = 1, max = 3 }\njust_in_time = true\nallow = [\"ops\"]\n[[data]]\nsensitivity = \"secret\"\nfunctions = [\"Legal\"]\n[[names]]\nsystem = \"aws\"\nkind = \"group\"\nprefixes = [\"GRP-\"]\n",
        );
        assert!(problems.is_empty(), "{problems:?}");
        let system = privileges.of("aws").expect("it is there");
        assert_eq!((system.admins, system.just_in_time), (Some((1, 3)), true));
        assert_eq!(privileges.data[0].functions, ["Legal"]);
        assert_eq!(privileges.names[0].kind, NamedKind::Group);
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_a_fix() {
        for (text, what) in [
            ("[[system]]\nname = \"awz\"\n", "which the config does not have"),
            ("[[system]]\nname = \"aws\"\nadmins = { min = 3, max = 1 }\n", "cannot be"),
            ("[[names]]\nsystem = \"aws\"\nkind = \"gruop\"\nprefixes = []\n", "unknown variant"),
            ("[[data]]\nsensitivity = \"secret\"\n", "the key `functions` is missing"),
        ] {
            let (_, problems) = read_text(text);
            assert_eq!(problems.len(), 1, "{text}");
            assert!(problems[0].what.contains(what), "{text}: {}", problems[0].what);
        }
    }
}
