//! `sod.toml`: which duties one person must not have together, which must go together, and who may not administer their own
//! logs; with what makes a conflict tolerable.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::civil::Date;
use muster_reports::view::Severity;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value as Json;
use toml::Spanned;

use super::items::{Item, ItemTable, Known, Wildcards, items};
use super::policy_problem;
use super::roles::unique;
use super::when::{When, WhenTable, conditions};
use crate::diagnostic::{Diagnostic, Place, SourceText, similar};

/// The matrix of duties.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SodMatrix {
    /// Business functions, in file order.
    pub functions: Vec<Function>,
    /// What one person must not do together, in file order.
    pub conflicts: Vec<Conflict>,
    /// What must go together, in file order.
    pub companions: Vec<Companion>,
    /// Who administers the logs of a system, in file order.
    pub logs: Vec<LogDuty>,
}

/// A business function: whoever holds one of its entitlements performs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    /// Its id.
    pub id: String,
    /// Title for people; the id where none is written.
    pub title: String,
    /// Holding one of these performs it.
    pub any: Vec<Item>,
    /// Holding one of these takes it away.
    pub not: Vec<Item>,
    /// Where it is written.
    pub place: Place,
}

/// Functions of which one person must not perform two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// Its id.
    pub id: String,
    /// Places of its functions in [`SodMatrix::functions`]: any two of them conflict.
    pub functions: Vec<usize>,
    /// What could happen.
    pub risk: String,
    /// How grave.
    pub severity: Severity,
    /// What makes it tolerable.
    pub mitigations: Vec<Mitigation>,
    /// Where it is written.
    pub place: Place,
}

/// A control that makes a conflict tolerable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mitigation {
    /// What is done.
    pub control: String,
    /// Who answers for it.
    pub owner: String,
    /// Where its working is proved.
    pub evidence: Option<String>,
    /// The last day on which it counts.
    pub expires: Date,
    /// Keys of the persons whom it covers, or names of accounts as `system:id`; everybody when empty.
    pub of: Vec<String>,
    /// Where it is written.
    pub place: Place,
}

/// A function that must not be performed without something else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Companion {
    /// Its id.
    pub id: String,
    /// Place of the function in [`SodMatrix::functions`].
    pub function: usize,
    /// Place of the function that has to go with it.
    pub requires: Option<usize>,
    /// What has to hold of the person.
    pub requires_when: Vec<When>,
    /// Why.
    pub reason: String,
    /// Where it is written.
    pub place: Place,
}

/// Whoever administers a system must not administer its logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogDuty {
    /// The system.
    pub system: String,
    /// Place of the function of its administrators; `None` for whoever is administrator there by what was read.
    pub administrators: Option<usize>,
    /// Place of the function of those who administer its logs.
    pub logs: usize,
    /// Where it is written.
    pub place: Place,
}

/// The whole file.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "policy/sod.toml")]
struct SodFile {
    /// Business functions.
    #[serde(default)]
    #[schemars(with = "Vec<FunctionTable>")]
    function: Vec<Spanned<FunctionTable>>,
    /// Functions that one person must not perform together.
    #[serde(default)]
    #[schemars(with = "Vec<ConflictTable>")]
    conflict: Vec<Spanned<ConflictTable>>,
    /// Functions that must not be performed without something else.
    #[serde(default)]
    #[schemars(with = "Vec<CompanionTable>")]
    companion: Vec<Spanned<CompanionTable>>,
    /// Systems whose administrators must not administer their logs.
    #[serde(default)]
    #[schemars(with = "Vec<LogTable>")]
    log: Vec<Spanned<LogTable>>,
}

/// A business function.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct FunctionTable {
    /// A short stable name.
    #[schemars(with = "String")]
    id: Spanned<String>,
    /// Title for people.
    title: Option<String>,
    /// Whoever holds one of these performs the function. Names may have `*` and `?`.
    #[serde(rename = "in")]
    #[schemars(with = "Vec<ItemTable>", length(min = 1))]
    any: Vec<Spanned<ItemTable>>,
    /// Whoever holds one of these does not perform it for all that.
    #[serde(default, rename = "not_in")]
    #[schemars(with = "Vec<ItemTable>")]
    not: Vec<Spanned<ItemTable>>,
}

/// Functions of which one person must not perform two.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ConflictTable {
    /// A short stable name.
    #[schemars(with = "String")]
    id: Spanned<String>,
    /// Ids of two functions or more.
    #[schemars(with = "Vec<String>", length(min = 2))]
    functions: Spanned<Vec<Spanned<String>>>,
    /// What could happen.
    risk: String,
    /// How grave; `high` when left out.
    severity: Option<Severity>,
    /// What makes it tolerable.
    #[serde(default)]
    #[schemars(with = "Vec<MitigationTable>")]
    mitigation: Vec<Spanned<MitigationTable>>,
}

/// A control that makes a conflict tolerable until it expires.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct MitigationTable {
    /// What is done.
    control: String,
    /// Who answers for it.
    owner: String,
    /// Where its working is proved: a link, a ticket.
    evidence: Option<String>,
    /// The last day on which it counts.
    #[schemars(with = "String")]
    expires: Spanned<toml::value::Datetime>,
    /// Persons by employee id or feed id, and accounts as `system:id`, whom it covers; everybody when left out.
    #[serde(default)]
    of: Vec<String>,
}

/// A function that must not be performed without something else.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct CompanionTable {
    /// A short stable name.
    #[schemars(with = "String")]
    id: Spanned<String>,
    /// Id of the function.
    #[schemars(with = "String")]
    function: Spanned<String>,
    /// Id of the function that has to go with it: a training, an approval group.
    #[schemars(with = "Option<String>")]
    requires: Option<Spanned<String>>,
    /// What has to hold of the person: one of these.
    #[serde(default)]
    #[schemars(with = "Vec<WhenTable>")]
    requires_when: Vec<Spanned<WhenTable>>,
    /// Why.
    reason: String,
}

/// A system whose administrators must not administer its logs.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct LogTable {
    /// The system.
    #[schemars(with = "String")]
    system: Spanned<String>,
    /// Id of the function of its administrators; whoever is administrator by what was read, when left out.
    #[schemars(with = "Option<String>")]
    administrators: Option<Spanned<String>>,
    /// Id of the function of those who administer its logs.
    #[schemars(with = "String")]
    logs: Spanned<String>,
}

/// The published JSON Schema of the file.
pub(super) fn schema() -> Json {
    schemars::schema_for!(SodFile).to_value()
}

/// The matrix of a file; `known` are the systems that it may name.
pub(super) fn read(file: &Arc<SourceText>, known: &[String], problems: &mut Vec<Diagnostic>) -> SodMatrix {
    let tables: SodFile = match toml::from_str(&file.text) {
        Ok(tables) => tables,
        Err(error) => {
            problems.push(policy_problem(file, &error));
            return SodMatrix::default();
        }
    };
    let known = Known(known);
    let mut matrix = SodMatrix::default();
    let mut seen = BTreeMap::new();
    for table in tables.function {
        let place = Place::new(file, table.span());
        let FunctionTable { id, title, any, not } = table.into_inner();
        unique(file, &id, "function", &mut seen, problems);
        if any.is_empty() {
            problems.push(
                Diagnostic::error("CFG010", format!("nothing performs the function `{}`", id.get_ref()))
                    .place(place.clone())
                    .fix("list the groups and entitlements that do in `in`"),
            );
        }
        let any = items(file, any, Wildcards::Allowed, &known, problems);
        let not = items(file, not, Wildcards::Allowed, &known, problems);
        let id = id.into_inner();
        matrix.functions.push(Function { title: title.unwrap_or_else(|| id.clone()), id, any, not, place });
    }
    let reader = Reader { file, matrix: &matrix };
    let mut seen = BTreeMap::new();
    let conflicts = tables.conflict.into_iter().map(|table| {
        let place = Place::new(file, table.span());
        let table = table.into_inner();
        unique(file, &table.id, "conflict", &mut seen, problems);
        reader.conflict(table, place, problems)
    });
    let conflicts = conflicts.collect();
    let mut seen = BTreeMap::new();
    let companions = tables.companion.into_iter().filter_map(|table| {
        let place = Place::new(file, table.span());
        let table = table.into_inner();
        unique(file, &table.id, "companion", &mut seen, problems);
        reader.companion(table, place, problems)
    });
    let companions = companions.collect();
    let logs = tables.log.into_iter().filter_map(|table| {
        let place = Place::new(file, table.span());
        let LogTable { system, administrators, logs } = table.into_inner();
        known.check(file, &system, problems);
        let administrators = match administrators {
            Some(name) => Some(reader.function(&name, problems)?),
            None => None,
        };
        let logs = reader.function(&logs, problems)?;
        Some(LogDuty { system: system.into_inner(), administrators, logs, place })
    });
    let logs = logs.collect();
    (matrix.conflicts, matrix.companions, matrix.logs) = (conflicts, companions, logs);
    matrix
}

struct Reader<'a> {
    file: &'a Arc<SourceText>,
    matrix: &'a SodMatrix,
}

impl Reader<'_> {
    fn function(&self, name: &Spanned<String>, problems: &mut Vec<Diagnostic>) -> Option<usize> {
        let functions = &self.matrix.functions;
        let found = functions.iter().position(|function| function.id == *name.get_ref());
        if found.is_none() {
            let near = similar(name.get_ref(), functions.iter().map(|function| function.id.as_str()));
            problems.push(
                Diagnostic::error("CFG010", format!("there is no function `{}`", name.get_ref()))
                    .place(Place::new(self.file, name.span()))
                    .fix(near.map_or_else(
                        || "add a [[function]] with this id".to_owned(),
                        |near| format!("did you mean `{near}`?"),
                    )),
            );
        }
        found
    }

    fn conflict(&self, table: ConflictTable, place: Place, problems: &mut Vec<Diagnostic>) -> Conflict {
        let named: Vec<usize> =
            table.functions.get_ref().iter().filter_map(|name| self.function(name, problems)).collect();
        let mut functions = named.clone();
        functions.sort_unstable();
        functions.dedup();
        let written = table.functions.get_ref().len();
        if written < 2 || (named.len() == written && functions.len() < written) {
            problems.push(
                Diagnostic::error("CFG010", "a conflict is between two different functions or more")
                    .place(Place::new(self.file, table.functions.span()))
                    .fix("name each function once, as functions = [\"order\", \"pay\"]"),
            );
        }
        let mitigations = table.mitigation.into_iter().filter_map(|table| {
            let place = Place::new(self.file, table.span());
            let MitigationTable { control, owner, evidence, expires, of } = table.into_inner();
            let expires = super::day(self.file, "expires", &expires, problems)?;
            Some(Mitigation { control, owner, evidence, expires, of, place })
        });
        Conflict {
            id: table.id.into_inner(),
            functions: named,
            risk: table.risk,
            severity: table.severity.unwrap_or(Severity::High),
            mitigations: mitigations.collect(),
            place,
        }
    }

    fn companion(&self, table: CompanionTable, place: Place, problems: &mut Vec<Diagnostic>) -> Option<Companion> {
        if table.requires.is_none() && table.requires_when.is_empty() {
            problems.push(
                Diagnostic::error("CFG010", format!("the companion `{}` requires nothing", table.id.get_ref()))
                    .place(place.clone())
                    .fix("add `requires = \"a function\"` or `requires_when = [{ … }]`"),
            );
        }
        let function = self.function(&table.function, problems)?;
        let requires = match &table.requires {
            Some(name) => Some(self.function(name, problems)?),
            None => None,
        };
        Some(Companion {
            id: table.id.into_inner(),
            function,
            requires,
            requires_when: conditions(self.file, table.requires_when, problems),
            reason: table.reason,
            place,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> (SodMatrix, Vec<String>) {
        let file = Arc::new(SourceText { path: "sod.toml".into(), text: text.into() });
        let mut problems = Vec::new();
        let matrix = read(&file, &["erp".to_owned()], &mut problems);
        let told = problems.iter().map(|problem| {
            assert!(problem.fix.is_some(), "{problem:?}");
            let place = problem.place.as_ref().map_or_else(String::new, ToString::to_string);
            format!("{place} {} {}", problem.code, problem.what)
        });
        (matrix, told.collect())
    }

    const FUNCTIONS: &str = "[[function]]\nid = \"order\"\nin = [{ system = \"erp\", entitlement = \"PO-*\", except = [\"PO-VIEW\"] }]\n\
                             [[function]]\nid = \"pay\"\nin = [{ system = \"erp\", group = \"AP\" }]\nnot_in = [{ system = \"erp\", group = \"AP read only\" }]\n";

    #[test]
    fn a_conflict_names_functions_and_what_makes_it_tolerable() {
        let (matrix, told) = told(&format!(
            "{FUNCTIONS}[[conflict]]\nid = \"order-pay\"\nfunctions = [\"order\", \"pay\"]\nrisk = \"pays itself\"\nseverity = \"critical\"\n\
             [[conflict.mitigation]]\ncontrol = \"second signature\"\nowner = \"cfo\"\nexpires = 2026-12-31\nof = [\"E1\"]\n\
             [[companion]]\nid = \"trained\"\nfunction = \"pay\"\nrequires = \"order\"\nreason = \"x\"\n\
             [[log]]\nsystem = \"erp\"\nlogs = \"pay\"\n"
        ));
        assert_eq!(told, Vec::<String>::new());
        assert!(matrix.functions[0].any[0].means("po-create") && !matrix.functions[0].any[0].means("po-view"));
        let conflict = &matrix.conflicts[0];
        assert_eq!((conflict.functions.as_slice(), conflict.severity), ([0, 1].as_slice(), Severity::Critical));
        assert_eq!(conflict.mitigations[0].expires, jiff::civil::date(2026, 12, 31));
        assert_eq!((matrix.companions[0].requires, matrix.logs[0].logs), (Some(0), 1));
    }

    #[test]
    fn what_does_not_fit_is_told_with_its_place() {
        let (_, told) = told(&format!(
            "{FUNCTIONS}[[conflict]]\nid = \"a\"\nfunctions = [\"order\", \"payy\"]\nrisk = \"x\"\n\
             [[conflict]]\nid = \"a\"\nfunctions = [\"order\", \"order\"]\nrisk = \"x\"\n\
             [[companion]]\nid = \"c\"\nfunction = \"pay\"\nreason = \"x\"\n[[log]]\nsystem = \"erb\"\nlogs = \"pay\"\n"
        ));
        assert_eq!(
            told,
            [
                "sod.toml:10:23 CFG010 there is no function `payy`",
                "sod.toml:13:6 CFG010 there are two conflicts `a`",
                "sod.toml:14:13 CFG010 a conflict is between two different functions or more",
                "sod.toml:16:1 CFG010 the companion `c` requires nothing",
                "sod.toml:21:10 CFG012 the policy names the system `erb`, which neither the config nor the inventory has",
            ]
        );
    }
}
