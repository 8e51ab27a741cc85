//! Naming what can be held: `{ system = "crm", entitlement = "sales-user", resource = "emea" }`.

use std::fmt;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;

use super::when::Pattern;
use crate::diagnostic::{Diagnostic, Place, SourceText, similar};

/// A group or an entitlement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Held {
    /// Membership of a group.
    Group,
    /// An entitlement.
    Entitlement,
}

impl Held {
    /// The key in a policy file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Group => "group",
            Self::Entitlement => "entitlement",
        }
    }
}

/// Something that can be held, by name. Two that name the same are equal wherever they are written.
#[derive(Debug, Clone, Eq)]
pub struct Item {
    /// System name.
    pub system: String,
    /// What it is.
    pub held: Held,
    /// Id, name or native name.
    pub name: Pattern,
    /// The name as it is written.
    pub written: String,
    /// Only on this resource.
    pub resource: Option<String>,
    /// Only in this scope.
    pub scope: Option<String>,
    /// Names that a pattern does not mean.
    pub except: Vec<Pattern>,
    /// Where it is written.
    pub place: Place,
}

impl PartialEq for Item {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl std::hash::Hash for Item {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}

impl Item {
    fn key(&self) -> (&str, Held, &Pattern, Option<&str>, Option<&str>, &[Pattern]) {
        (&self.system, self.held, &self.name, self.resource.as_deref(), self.scope.as_deref(), &self.except)
    }

    /// Whether it means a name, folded.
    pub fn means(&self, folded: &str) -> bool {
        self.name.matches(folded) && !self.except.iter().any(|except| except.matches(folded))
    }
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.system, self.written)?;
        if let Some(resource) = &self.resource {
            write!(f, " on {resource}")?;
        }
        Ok(())
    }
}

/// Something that can be held, as it is written: `group` or `entitlement`, by id, name or native name.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Item")]
pub(super) struct ItemTable {
    /// The system.
    #[schemars(with = "String")]
    system: Spanned<String>,
    /// A group, by id, name or native name.
    #[schemars(with = "Option<String>")]
    group: Option<Spanned<String>>,
    /// An entitlement (role, permission, policy, licence), by id or name.
    #[schemars(with = "Option<String>")]
    entitlement: Option<Spanned<String>>,
    /// Only where it is held on this resource, by id or name; any resource when left out.
    resource: Option<String>,
    /// Only in this scope of the system (an account of an AWS organisation).
    scope: Option<String>,
    /// Where the name has wildcards: names that are not meant.
    #[serde(default)]
    except: Vec<String>,
}

/// Whether a name may stand for several things.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wildcards {
    /// `*` and `?` are wildcards.
    Allowed,
    /// The name names one thing.
    Refused,
}

/// The systems that a policy may name.
pub(super) struct Known<'a>(pub(super) &'a [String]);

impl Known<'_> {
    /// Refuses a system that the config and the inventory do not have.
    pub(super) fn check(&self, file: &Arc<SourceText>, system: &Spanned<String>, problems: &mut Vec<Diagnostic>) {
        let name = system.get_ref();
        if !self.0.iter().any(|known| known == name) {
            let near = similar(name, self.0.iter().map(String::as_str));
            let what = format!("the policy names the system `{name}`, which neither the config nor the inventory has");
            problems.push(Diagnostic::error("CFG012", what).place(Place::new(file, system.span())).fix(
                near.map_or_else(
                    || "correct the name, or list the system in policy/inventory.toml".to_owned(),
                    |near| format!("did you mean `{near}`?"),
                ),
            ));
        }
    }
}

/// Items as they are written, read; what cannot be used is told and left out.
pub(super) fn items(
    file: &Arc<SourceText>,
    tables: Vec<Spanned<ItemTable>>,
    wildcards: Wildcards,
    known: &Known<'_>,
    problems: &mut Vec<Diagnostic>,
) -> Vec<Item> {
    tables.into_iter().filter_map(|table| item(file, table, wildcards, known, problems)).collect()
}

/// One item.
pub(super) fn item(
    file: &Arc<SourceText>,
    table: Spanned<ItemTable>,
    wildcards: Wildcards,
    known: &Known<'_>,
    problems: &mut Vec<Diagnostic>,
) -> Option<Item> {
    let place = Place::new(file, table.span());
    let ItemTable { system, group, entitlement, resource, scope, except } = table.into_inner();
    known.check(file, &system, problems);
    let (held, name) = match (group, entitlement) {
        (Some(group), None) => (Held::Group, group),
        (None, Some(entitlement)) => (Held::Entitlement, entitlement),
        (Some(_), Some(_)) | (None, None) => {
            problems.push(
                Diagnostic::error("CFG010", "this names no thing that can be held, or two")
                    .place(place)
                    .fix("write either `group = \"…\"` or `entitlement = \"…\"` beside `system`"),
            );
            return None;
        }
    };
    let pattern = Pattern::new(name.get_ref());
    let trouble = if pattern.as_str().is_empty() {
        Some(("the name is empty", "write the id or the name that the system gives it"))
    } else if pattern.is_glob() && wildcards == Wildcards::Refused {
        Some(("wildcards do not go here", "name each group or entitlement: what a role contains must be countable"))
    } else if !except.is_empty() && !pattern.is_glob() {
        Some(("`except` takes nothing away from a single name", "remove `except`, or write a name with `*`"))
    } else if held == Held::Group && resource.is_some() {
        Some(("a membership is on no resource", "remove `resource`, or name an `entitlement`"))
    } else {
        None
    };
    if let Some((what, fix)) = trouble {
        problems.push(Diagnostic::error("CFG010", what).place(Place::new(file, name.span())).fix(fix));
        return None;
    }
    Some(Item {
        system: system.into_inner(),
        held,
        name: pattern,
        written: name.into_inner(),
        resource,
        scope,
        except: except.iter().map(|text| Pattern::new(text)).collect(),
        place,
    })
}
