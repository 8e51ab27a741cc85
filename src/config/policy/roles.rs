//! `roles.toml`: the role catalogue. What people get from attributes alone (birthright), what they may ask for (add-ons), what
//! each role contains, and what is reserved for whom.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::civil::Date;
use muster_connectors::record::{AccountClass, WorkerType};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value as Json;
use toml::Spanned;

use super::items::{Item, ItemTable, Known, Wildcards, item, items};
use super::policy_problem;
use super::when::{Pattern, When, WhenTable, conditions};
use crate::diagnostic::{Diagnostic, Place, SourceText};
use crate::people::fold;

/// The role catalogue.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RoleCatalogue {
    /// The roles, in file order.
    pub roles: Vec<Role>,
    /// What is reserved for workers of some types, beside what roles reserve, in file order.
    pub reserved: Vec<Reservation>,
    /// Roles that are meant to be the same in several environments, in file order.
    pub parity: Vec<Parity>,
}

/// A role of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// Its id.
    pub id: String,
    /// Title for people; the id where none is written.
    pub title: String,
    /// Who answers for it.
    pub owner: Option<String>,
    /// Version of its content.
    pub version: Option<String>,
    /// When somebody last looked whether it is right.
    pub reviewed: Option<Date>,
    /// Who has it from attributes alone: one of these.
    pub birthright: Vec<When>,
    /// Who has it not for all that: one of these.
    pub unless: Vec<When>,
    /// Who may ask for it: one of these.
    pub requestable_by: Vec<When>,
    /// How else it is given, in words.
    pub exception: Option<String>,
    /// What it contains.
    pub contains: Vec<Item>,
    /// The group or entitlement that gives it in a system.
    pub carrier: Option<Item>,
    /// Worker types that it is reserved for; all when empty.
    pub reserved_for: Vec<WorkerType>,
    /// Largest share of the people at work who may hold it.
    pub max_holders_percent: Option<u8>,
    /// Where it is written.
    pub place: Place,
}

impl Role {
    /// Whether anybody gets it from attributes alone.
    pub fn is_birthright(&self) -> bool {
        !self.birthright.is_empty()
    }
}

/// One logical role in several environments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parity {
    /// Its id.
    pub id: String,
    /// What carries it in each environment; the first is what the others are compared with.
    pub carriers: Vec<Carrier>,
    /// Names that may differ, folded.
    pub ignore: Vec<Pattern>,
    /// Where it is written.
    pub place: Place,
}

/// What carries a role in one environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Carrier {
    /// The environment.
    pub environment: String,
    /// The group or entitlement.
    pub item: Item,
    /// Parts of names that only tell the environment, folded.
    pub strip: Vec<String>,
}

/// Something that only workers of some types may hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reservation {
    /// Worker types.
    pub types: Vec<WorkerType>,
    /// Groups and entitlements.
    pub items: Vec<Item>,
    /// Classes of account.
    pub classes: Vec<AccountClass>,
    /// Why.
    pub reason: String,
    /// Where it is written.
    pub place: Place,
}

/// The whole file.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "policy/roles.toml")]
struct RolesFile {
    /// The roles.
    #[serde(default)]
    #[schemars(with = "Vec<RoleTable>")]
    role: Vec<Spanned<RoleTable>>,
    /// What only workers of some types may hold.
    #[serde(default)]
    #[schemars(with = "Vec<ReservedTable>")]
    reserved: Vec<Spanned<ReservedTable>>,
    /// Roles that are meant to be the same in several environments.
    #[serde(default)]
    #[schemars(with = "Vec<ParityTable>")]
    parity: Vec<Spanned<ParityTable>>,
}

/// One role in several environments: what it gives has to be the same in each.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ParityTable {
    /// A short stable name.
    #[schemars(with = "String")]
    id: Spanned<String>,
    /// What carries it in each environment; the first is what the others are compared with.
    #[schemars(length(min = 2))]
    environments: Vec<CarrierTable>,
    /// Names of groups and entitlements that may differ; `*` is any text.
    #[serde(default)]
    ignore: Vec<String>,
}

/// What carries a role in one environment.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct CarrierTable {
    /// The environment, as production or staging.
    name: String,
    /// The group or entitlement that carries the role there.
    #[schemars(with = "ItemTable")]
    carrier: Spanned<ItemTable>,
    /// Parts of names that only tell the environment, as `prod-` or `-stage`: they are left out when names are compared.
    #[serde(default)]
    strip: Vec<String>,
}

/// A role.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RoleTable {
    /// A short stable name.
    #[schemars(with = "String")]
    id: Spanned<String>,
    /// Title for people.
    title: Option<String>,
    /// Who answers for it.
    owner: Option<String>,
    /// Version of its content.
    version: Option<String>,
    /// The day on which somebody last looked whether it is right.
    #[schemars(with = "Option<String>")]
    reviewed: Option<Spanned<toml::value::Datetime>>,
    /// Who has it from attributes alone: whoever one of these conditions holds of.
    #[serde(default)]
    #[schemars(with = "Vec<WhenTable>")]
    birthright: Vec<Spanned<WhenTable>>,
    /// Who has it not although `birthright` holds.
    #[serde(default)]
    #[schemars(with = "Vec<WhenTable>")]
    unless: Vec<Spanned<WhenTable>>,
    /// Who may ask for it: an add-on.
    #[serde(default)]
    #[schemars(with = "Vec<WhenTable>")]
    requestable_by: Vec<Spanned<WhenTable>>,
    /// How else it is given, in words: who decides, for how long.
    exception: Option<String>,
    /// The groups and entitlements that it consists of.
    #[schemars(with = "Vec<ItemTable>", length(min = 1))]
    contains: Vec<Spanned<ItemTable>>,
    /// The group or entitlement of a system that gives the role there: what it gives has to be what `contains` lists.
    #[schemars(with = "Option<ItemTable>")]
    carrier: Option<Spanned<ItemTable>>,
    /// Worker types that it is reserved for; all when left out.
    #[serde(default)]
    reserved_for: Vec<WorkerType>,
    /// Largest share of the people at work who may hold it, in percent.
    #[schemars(with = "Option<u8>", range(min = 1, max = 100))]
    max_holders_percent: Option<Spanned<u8>>,
}

/// Something that only workers of some types may hold.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ReservedTable {
    /// The worker types.
    #[serde(rename = "for")]
    #[schemars(length(min = 1))]
    types: Vec<WorkerType>,
    /// Groups and entitlements.
    #[serde(default)]
    #[schemars(with = "Vec<ItemTable>")]
    items: Vec<Spanned<ItemTable>>,
    /// Classes of account.
    #[serde(default)]
    classes: Vec<AccountClass>,
    /// Why.
    reason: String,
}

/// The published JSON Schema of the file.
pub(super) fn schema() -> Json {
    schemars::schema_for!(RolesFile).to_value()
}

/// The catalogue of a file; `known` are the systems that it may name.
pub(super) fn read(file: &Arc<SourceText>, known: &[String], problems: &mut Vec<Diagnostic>) -> RoleCatalogue {
    let tables: RolesFile = match toml::from_str(&file.text) {
        Ok(tables) => tables,
        Err(error) => {
            problems.push(policy_problem(file, &error));
            return RoleCatalogue::default();
        }
    };
    let known = Known(known);
    let mut seen = BTreeMap::new();
    let mut catalogue = RoleCatalogue::default();
    for table in tables.role {
        let place = Place::new(file, table.span());
        let table = table.into_inner();
        unique(file, &table.id, "role", &mut seen, problems);
        catalogue.roles.push(role(file, table, place, &known, problems));
    }
    for table in tables.reserved {
        let place = Place::new(file, table.span());
        let ReservedTable { types, items: listed, classes, reason } = table.into_inner();
        let items = items(file, listed, Wildcards::Allowed, &known, problems);
        if types.is_empty() || (items.is_empty() && classes.is_empty()) {
            problems.push(
                Diagnostic::error("CFG010", "this reserves nothing, or for nobody")
                    .place(place.clone())
                    .fix("write `for = [\"employee\"]` and `items` or `classes`"),
            );
        }
        catalogue.reserved.push(Reservation { types, items, classes, reason, place });
    }
    let mut seen = BTreeMap::new();
    for table in tables.parity {
        let place = Place::new(file, table.span());
        let ParityTable { id, environments, ignore } = table.into_inner();
        unique(file, &id, "parity", &mut seen, problems);
        let carriers: Vec<Carrier> = environments
            .into_iter()
            .filter_map(|CarrierTable { name, carrier, strip }| {
                let item = item(file, carrier, Wildcards::Refused, &known, problems)?;
                Some(Carrier { environment: name, item, strip: strip.iter().map(|part| fold(part)).collect() })
            })
            .collect();
        if carriers.len() < 2 {
            problems.push(
                Diagnostic::error("CFG010", format!("`{}` is in fewer than two environments", id.get_ref()))
                    .place(place.clone())
                    .fix("list what carries the role in each environment"),
            );
        }
        let ignore = ignore.iter().map(|text| Pattern::new(text)).collect();
        catalogue.parity.push(Parity { id: id.into_inner(), carriers, ignore, place });
    }
    catalogue
}

fn role(
    file: &Arc<SourceText>,
    table: RoleTable,
    place: Place,
    known: &Known<'_>,
    problems: &mut Vec<Diagnostic>,
) -> Role {
    let id = table.id.into_inner();
    let has_way = !table.birthright.is_empty() || !table.requestable_by.is_empty() || table.exception.is_some();
    let trouble = if !has_way {
        Some((format!("nobody can come to the role `{id}`"), "add `birthright`, `requestable_by` or `exception`"))
    } else if table.contains.is_empty() {
        Some((format!("the role `{id}` contains nothing"), "list its groups and entitlements in `contains`"))
    } else if !table.unless.is_empty() && table.birthright.is_empty() {
        Some((format!("`unless` of the role `{id}` takes away from nothing"), "remove it, or add `birthright`"))
    } else {
        None
    };
    if let Some((what, fix)) = trouble {
        problems.push(Diagnostic::error("CFG010", what).place(place.clone()).fix(fix));
    }
    if let Some(percent) = table.max_holders_percent.as_ref().filter(|percent| !(1..=100).contains(percent.get_ref())) {
        problems.push(
            Diagnostic::error("CFG010", "`max_holders_percent` is out of range: 1 to 100")
                .place(Place::new(file, percent.span()))
                .fix("write the share of the people at work who may hold the role"),
        );
    }
    Role {
        title: table.title.unwrap_or_else(|| id.clone()),
        id,
        owner: table.owner,
        version: table.version,
        reviewed: table.reviewed.as_ref().and_then(|written| super::day(file, "reviewed", written, problems)),
        birthright: conditions(file, table.birthright, problems),
        unless: conditions(file, table.unless, problems),
        requestable_by: conditions(file, table.requestable_by, problems),
        exception: table.exception,
        contains: items(file, table.contains, Wildcards::Refused, known, problems),
        carrier: table.carrier.and_then(|carrier| item(file, carrier, Wildcards::Refused, known, problems)),
        reserved_for: table.reserved_for,
        max_holders_percent: table.max_holders_percent.map(Spanned::into_inner),
        place,
    }
}

/// Refuses an id that is empty or taken.
pub(super) fn unique(
    file: &Arc<SourceText>,
    id: &Spanned<String>,
    what: &str,
    seen: &mut BTreeMap<String, usize>,
    problems: &mut Vec<Diagnostic>,
) {
    let place = Place::new(file, id.span());
    if id.get_ref().trim().is_empty() {
        problems.push(Diagnostic::error("CFG010", format!("the {what} has an empty id")).place(place).fix("name it"));
    } else if let Some(line) = seen.get(id.get_ref()) {
        let what = format!("there are two {what}s `{}`", id.get_ref());
        problems.push(
            Diagnostic::error("CFG010", what)
                .place(place)
                .cause(format!("the other one stands on line {line}"))
                .fix("give each its own id, or merge them"),
        );
    } else {
        seen.insert(id.get_ref().clone(), place.line_column().0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(text: &str) -> (RoleCatalogue, Vec<String>) {
        let file = Arc::new(SourceText { path: "roles.toml".into(), text: text.into() });
        let mut problems = Vec::new();
        let known = ["ad".to_owned(), "crm".to_owned()];
        let catalogue = read(&file, &known, &mut problems);
        let told = problems.iter().map(|problem| {
            let place = problem.place.as_ref().map_or_else(String::new, ToString::to_string);
            assert!(problem.fix.is_some(), "{problem:?}");
            format!("{place} {} {}", problem.code, problem.what)
        });
        (catalogue, told.collect())
    }

    #[test]
    fn a_role_says_who_has_it_and_what_it_contains() {
        let (catalogue, told) = problems(
            "[[role]]\nid = \"sales\"\nreviewed = 2026-06-01\nbirthright = [{ department = [\"Sales\"], worker_type = [\"employee\"] }, {}]\n\
             unless = [{ title = [\"Head of *\"] }]\ncontains = [{ system = \"ad\", group = \"DEP-Sales\" }]\nreserved_for = [\"employee\"]\n\
             [[reserved]]\nfor = [\"employee\"]\nclasses = [\"admin\"]\nreason = \"law\"\n",
        );
        assert_eq!(told, Vec::<String>::new());
        let role = &catalogue.roles[0];
        assert_eq!((role.title.as_str(), role.birthright.len(), role.contains.len()), ("sales", 2, 1));
        assert_eq!(role.contains[0].to_string(), "ad:DEP-Sales");
        assert_eq!(role.birthright[0].to_string(), "department sales, worker_type employee");
        assert_eq!(catalogue.reserved[0].classes, [AccountClass::Admin]);
    }

    #[test]
    fn every_problem_has_its_place_and_a_fix() {
        let (_, told) = problems(
            "[[role]]\nid = \"a\"\ncontains = [{ system = \"add\", group = \"X\" }]\n\
             [[role]]\nid = \"a\"\nexception = \"by hand\"\nmax_holders_percent = 0\nbirthright = [{ department = [] }, { title = [\" \"] }]\n\
             contains = [{ system = \"ad\" }, { system = \"crm\", entitlement = \"a*\" }, { system = \"ad\", group = \"g\", resource = \"r\" }]\n\
             [[reserved]]\nfor = []\nreason = \"x\"\n",
        );
        assert_eq!(
            told,
            [
                "roles.toml:1:1 CFG010 nobody can come to the role `a`",
                "roles.toml:3:24 CFG012 the policy names the system `add`, which neither the config nor the inventory has",
                "roles.toml:5:6 CFG010 there are two roles `a`",
                "roles.toml:7:23 CFG010 `max_holders_percent` is out of range: 1 to 100",
                "roles.toml:8:15 CFG010 `department` has no value: the condition holds of nobody",
                "roles.toml:8:47 CFG010 a value of `title` is empty",
                "roles.toml:9:13 CFG010 this names no thing that can be held, or two",
                "roles.toml:9:64 CFG010 wildcards do not go here",
                "roles.toml:9:97 CFG010 a membership is on no resource",
                "roles.toml:10:1 CFG010 this reserves nothing, or for nobody",
            ]
        );
        let (_, told) = problems("[[role]]\nid = \"a\"\nbirthrights = []\ncontains = []\n");
        assert_eq!(told, ["roles.toml:3:1 CFG010 there is no key `birthrights` here"]);
    }
}
