//! Test cases of a policy: attributes and holdings of an invented person in, roles and conflicts expected; or a request to AWS
//! with the policies that apply to it, and the verdict expected.
//!
//! A case says by its keys what it is about: one with `request` is about AWS, every other about roles and duties. Nothing is
//! read but the policy; what a case does not say is unknown, as in HR.

mod aws;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use muster_connectors::record::WorkerType;
use serde::Deserialize;
use serde_json::Value as Json;

use crate::config::Policy;
use crate::config::policy::{Answer, Field, Held, Item, SodMatrix, When};
use crate::diagnostic::{Diagnostic, Place, SourceText};
use crate::people::fold;
use crate::rules::roles::birthright;

/// One case.
#[derive(Debug, Deserialize)]
pub struct Case {
    /// Its id.
    id: String,
    /// Attributes as HR would say them.
    #[serde(default)]
    person: BTreeMap<String, Json>,
    /// What the person holds, through all accounts.
    #[serde(default)]
    holds: Vec<Holding>,
    /// What has to come of it.
    expected: Expected,
    /// Keys that are not understood.
    #[serde(flatten)]
    rest: BTreeMap<String, Json>,
}

/// Something that the person holds: `"crm:sales-user"`, or with more detail.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Holding {
    Short(String),
    Long {
        system: String,
        group: Option<String>,
        entitlement: Option<String>,
        resource: Option<String>,
        scope: Option<String>,
    },
}

/// What has to come of a case; a key that is left out is not compared.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    /// Ids of the roles that attributes give.
    birthrights: Option<BTreeSet<String>>,
    /// Ids of the roles of which HR does not say enough.
    undecided: Option<BTreeSet<String>>,
    /// Ids of the roles that the person may ask for.
    requestable: Option<BTreeSet<String>>,
    /// What birthrights give and the person does not hold, as `system:name`.
    missing: Option<BTreeSet<String>>,
    /// Ids of the conflicts that nothing makes tolerable.
    conflicts: Option<BTreeSet<String>>,
    /// Ids of the conflicts that a mitigation makes tolerable.
    mitigated: Option<BTreeSet<String>>,
    /// Ids of the companions that are missing.
    companions: Option<BTreeSet<String>>,
}

/// What came of a case.
#[derive(Debug, Default, PartialEq, Eq)]
struct Outcome {
    birthrights: BTreeSet<String>,
    undecided: BTreeSet<String>,
    requestable: BTreeSet<String>,
    missing: BTreeSet<String>,
    conflicts: BTreeSet<String>,
    mitigated: BTreeSet<String>,
    companions: BTreeSet<String>,
}

/// A case with where it stands.
#[derive(Debug)]
pub struct Placed {
    case: Kind,
    place: Place,
}

/// What a case is about.
#[derive(Debug)]
enum Kind {
    /// Roles and duties.
    Roles(Box<Case>),
    /// A request to AWS.
    Aws(Box<muster_effective::aws::cases::Case>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TomlFile {
    #[serde(default)]
    case: Vec<toml::Spanned<toml::Table>>,
}

/// The cases of a file: TOML by its ending, else one JSON object a line; and notes about keys that are not understood.
///
/// # Errors
/// Everything that is no case.
pub fn read(path: &Path, text: String) -> Result<(Vec<Placed>, Vec<Diagnostic>), Vec<Diagnostic>> {
    let file = Arc::new(SourceText { path: path.display().to_string(), text });
    let is_toml = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("toml"));
    let (mut cases, mut notes, mut problems) = (Vec::new(), Vec::new(), Vec::new());
    let values = if is_toml { toml_values(&file) } else { json_values(&file) };
    for (place, value) in values {
        let value = match value {
            Ok(value) => value,
            Err(why) => {
                // An escape that names no character may be what a case about a policy document is about.
                match aws::read(&place, None) {
                    Ok((case, odd)) => {
                        notes.extend(odd);
                        cases.push(Placed { case: Kind::Aws(Box::new(case)), place });
                    }
                    Err(_) => {
                        problems.push(
                            unusable(place, "this is no case").cause(why).fix("see docs/formats/policy-cases.md"),
                        );
                    }
                }
                continue;
            }
        };
        if value.get("request").is_some() {
            match aws::read(&place, Some(&value)) {
                Ok((case, odd)) => {
                    notes.extend(odd);
                    cases.push(Placed { case: Kind::Aws(Box::new(case)), place });
                }
                Err(faults) => problems.extend(faults),
            }
            continue;
        }
        match serde_json::from_value::<Case>(value) {
            Ok(case) => {
                notes.extend(unknown_keys(&case, &place));
                cases.push(Placed { case: Kind::Roles(Box::new(case)), place });
            }
            Err(error) => problems.push(
                unusable(place, "this is no case").cause(error.to_string()).fix("see docs/formats/policy-cases.md"),
            ),
        }
    }
    if cases.is_empty() && problems.is_empty() {
        problems.push(
            Diagnostic { at: Some(file.path.clone()), ..Diagnostic::error("POL006", "the file has no case") }
                .fix("write one JSON object a line, or a `[[case]]` table each"),
        );
    }
    if problems.is_empty() { Ok((cases, notes)) } else { Err(problems) }
}

fn unknown_keys(case: &Case, place: &Place) -> Option<Diagnostic> {
    let keys: Vec<&str> = case.rest.keys().map(String::as_str).collect();
    let what = format!("the case `{}` has keys that nobody reads: {}", case.id, keys.join(", "));
    let note = || Diagnostic::note("POL006", what).place(place.clone()).fix("remove them, or correct their spelling");
    (!keys.is_empty()).then(note)
}

fn unusable(place: Place, what: &str) -> Diagnostic {
    Diagnostic::error("POL006", what).place(place)
}

type Values = Vec<(Place, Result<Json, String>)>;

fn json_values(file: &Arc<SourceText>) -> Values {
    let mut start = 0;
    let mut values = Vec::new();
    for line in file.text.split_inclusive('\n') {
        let text = line.trim();
        if !text.is_empty() {
            let place = Place::new(file, start..start + line.trim_end().len());
            values.push((place, serde_json::from_str(text).map_err(|error| error.to_string())));
        }
        start += line.len();
    }
    values
}

fn toml_values(file: &Arc<SourceText>) -> Values {
    match toml::from_str::<TomlFile>(&file.text) {
        Ok(tables) => tables
            .case
            .into_iter()
            .map(|table| {
                let place = Place::new(file, table.span());
                (place, serde_json::to_value(table.into_inner()).map_err(|error| error.to_string()))
            })
            .collect(),
        Err(error) => {
            vec![(Place::new(file, error.span().unwrap_or(0..0)), Err(error.message().to_owned()))]
        }
    }
}

impl Placed {
    /// Where it stands.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Its id.
    pub fn id(&self) -> &str {
        match &self.case {
            Kind::Roles(case) => &case.id,
            Kind::Aws(case) => &case.id,
        }
    }

    /// Whether it asks the config's policy, and the clock.
    pub fn needs_policy(&self) -> bool {
        matches!(self.case, Kind::Roles(_))
    }

    /// In what a policy disagrees with the case, a line each; empty where it does not. Without a policy only those that need none
    /// are judged.
    ///
    /// # Errors
    /// What of the case cannot be used.
    pub fn disagreement(&self, policy: Option<(&Policy, Timestamp)>) -> Result<String, Box<Diagnostic>> {
        match (&self.case, policy) {
            (Kind::Aws(case), _) => Ok(case.disagreement(&case.evaluate())),
            (Kind::Roles(case), Some((policy, now))) => self.of_roles(case, policy, now),
            (Kind::Roles(_), None) => Err(Box::new(
                unusable(self.place.clone(), "the case needs the policy of a config").fix("write a muster.toml"),
            )),
        }
    }

    fn of_roles(&self, case: &Case, policy: &Policy, now: Timestamp) -> Result<String, Box<Diagnostic>> {
        let person = Person::of(case, &self.place)?;
        let outcome = judge(policy, &person, now);
        let Expected { birthrights, undecided, requestable, missing, conflicts, mitigated, companions } =
            &case.expected;
        let compared = [
            ("birthrights", birthrights, &outcome.birthrights),
            ("undecided", undecided, &outcome.undecided),
            ("requestable", requestable, &outcome.requestable),
            ("missing", missing, &outcome.missing),
            ("conflicts", conflicts, &outcome.conflicts),
            ("mitigated", mitigated, &outcome.mitigated),
            ("companions", companions, &outcome.companions),
        ];
        let told = |set: &BTreeSet<String>| {
            if set.is_empty() { "none".to_owned() } else { set.iter().cloned().collect::<Vec<_>>().join(", ") }
        };
        let mut text = String::new();
        for (key, expected, is) in compared {
            if let Some(expected) = expected.as_ref().filter(|expected| *expected != is) {
                let _ = writeln!(text, "{key}: expected {}, the policy says {}", told(expected), told(is));
            }
        }
        Ok(text)
    }
}

/// The person of a case.
struct Person<'a> {
    fields: BTreeMap<Field, String>,
    keys: Vec<String>,
    holds: &'a [Holding],
}

impl<'a> Person<'a> {
    fn of(case: &'a Case, place: &Place) -> Result<Self, Box<Diagnostic>> {
        let refuse = |what: String, fix: &str| Box::new(unusable(place.clone(), &what).fix(fix));
        let (mut fields, mut keys) = (BTreeMap::new(), Vec::new());
        for (key, value) in &case.person {
            if key == "attributes" {
                for (name, value) in value.as_object().into_iter().flatten() {
                    fields.insert(Field::Further(name.clone()), fold(value.as_str().unwrap_or_default()));
                }
                continue;
            }
            let Some(text) = value.as_str() else {
                return Err(refuse(format!("`{key}` of the person is no text"), "write the value in quotes"));
            };
            let field = Field::COMMON.into_iter().find(|field| field.as_str() == key);
            match field {
                Some(Field::WorkerType) if text.parse::<WorkerType>().is_err() => {
                    let known: Vec<&str> = WorkerType::ALL.iter().map(|one| one.as_str()).collect();
                    return Err(refuse(
                        format!("`{text}` is no worker type"),
                        &format!("write one of {}", known.join(", ")),
                    ));
                }
                Some(field) => {
                    fields.insert(field, fold(text));
                }
                None if key == "key" => keys.push(fold(text)),
                None => {
                    let known = "department, title, location, cost_centre, worker_type, attributes and key";
                    return Err(refuse(format!("a person has no `{key}`"), &format!("a person has {known}")));
                }
            }
        }
        for holding in &case.holds {
            let named = match holding {
                Holding::Short(text) => text.split_once(':').is_some_and(|(_, name)| !name.is_empty()),
                Holding::Long { group, entitlement, .. } => group.is_some() != entitlement.is_some(),
            };
            if !named {
                let fix = "write \"system:name\", or system with `group` or `entitlement`";
                return Err(refuse("`holds` names no thing that can be held, or two".to_owned(), fix));
            }
        }
        Ok(Self { fields, keys, holds: &case.holds })
    }

    fn says(&self, field: &Field) -> Option<String> {
        self.fields.get(field).cloned()
    }

    fn holds(&self, item: &Item) -> bool {
        self.holds.iter().any(|holding| match holding {
            Holding::Short(text) => {
                text.split_once(':').is_some_and(|(system, name)| system == item.system && item.means(&fold(name)))
            }
            Holding::Long { system, group, entitlement, resource, scope } => {
                let name = match item.held {
                    Held::Group => group,
                    Held::Entitlement => entitlement,
                };
                let same = |asked: &Option<String>, is: &Option<String>| {
                    asked.as_ref().is_none_or(|asked| is.as_ref().is_some_and(|is| fold(is) == fold(asked)))
                };
                *system == item.system
                    && name.as_ref().is_some_and(|name| item.means(&fold(name)))
                    && same(&item.resource, resource)
                    && same(&item.scope, scope)
            }
        })
    }

    fn performs(&self, matrix: &SodMatrix, function: usize) -> bool {
        let Some(function) = matrix.functions.get(function) else { return false };
        function.any.iter().any(|item| self.holds(item)) && !function.not.iter().any(|item| self.holds(item))
    }
}

fn judge(policy: &Policy, person: &Person<'_>, now: Timestamp) -> Outcome {
    let mut outcome = Outcome::default();
    let says = |field: &Field| person.says(field);
    for role in policy.roles.iter().flat_map(|catalogue| &catalogue.roles) {
        match birthright(role, &says) {
            Answer::Yes => {
                outcome.birthrights.insert(role.id.clone());
                let missing = role.contains.iter().filter(|item| !person.holds(item));
                outcome.missing.extend(missing.map(ToString::to_string));
            }
            Answer::Unknown(_) => {
                outcome.undecided.insert(role.id.clone());
            }
            Answer::No => {}
        }
        if When::any(&role.requestable_by, &says) == Answer::Yes {
            outcome.requestable.insert(role.id.clone());
        }
    }
    let Some(matrix) = &policy.sod else { return outcome };
    let today = now.to_zoned(jiff::tz::TimeZone::UTC).date();
    for conflict in &matrix.conflicts {
        let performed = conflict.functions.iter().filter(|function| person.performs(matrix, **function)).count();
        if performed < 2 {
            continue;
        }
        let covers = |key: &String| {
            let id = key.split_once(':').map_or(key.as_str(), |(_, id)| id);
            person.keys.iter().any(|own| *own == fold(key) || *own == fold(id))
        };
        let mut valid = conflict.mitigations.iter().filter(|one| one.expires >= today);
        let mitigated = valid.any(|one| one.of.is_empty() || one.of.iter().any(covers));
        let set = if mitigated { &mut outcome.mitigated } else { &mut outcome.conflicts };
        set.insert(conflict.id.clone());
    }
    for companion in matrix.companions.iter().filter(|companion| person.performs(matrix, companion.function)) {
        let has = companion.requires.is_some_and(|function| person.performs(matrix, function))
            || When::any(&companion.requires_when, &says) == Answer::Yes;
        if !has {
            outcome.companions.insert(companion.id.clone());
        }
    }
    outcome
}
