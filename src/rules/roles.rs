//! The role catalogue beside the people of a snapshot: who gets which role from attributes, today and before.

use jiff::Timestamp;
use muster_connectors::record::WorkerType;
use rustc_hash::FxHashMap;

use super::Facts;
use super::named::Named;
use crate::config::policy::{Answer, Field, Role, RoleCatalogue, When};
use crate::graph::{Edge, Text};
use crate::people::{People, PersonIx, Slice, Terms, fold};

/// Why a rule that needs the catalogue cannot judge without one.
pub(crate) const NO_ROLES: &str = "no policy/roles.toml says which role gives what to whom";

/// A slice of somebody's employment, as roles see it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stretch {
    /// Place in [`Roles::profiles`].
    profile: u32,
    /// Whether it runs.
    pub(crate) runs: bool,
    /// Since when.
    pub(crate) since: Option<Timestamp>,
    /// When it ended.
    pub(crate) ended: Option<Timestamp>,
}

/// The catalogue, resolved.
#[derive(Debug, Default)]
pub(crate) struct Roles<'a> {
    catalogue: Option<&'a RoleCatalogue>,
    /// By role: the things that it contains.
    contains: Vec<Vec<u32>>,
    /// By role: the thing that gives it.
    carriers: Vec<Option<u32>>,
    /// By thing: the roles that it belongs to, as content or carrier.
    of_thing: Vec<Vec<u32>>,
    /// By combination of attributes: the roles that it gives, or may give.
    profiles: Vec<Vec<(u32, Answer)>>,
    /// Where the stretches of each person begin.
    starts: Vec<u32>,
    stretches: Vec<Stretch>,
}

/// Whether something follows from attributes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Justified {
    /// A role that they give contains it.
    Yes,
    /// No role that they give does.
    No,
    /// HR does not say the field.
    Unknown(Field),
}

impl<'a> Roles<'a> {
    /// Asks the conditions of every role once for each combination of attributes that occurs.
    ///
    /// Cost: O(slices) + O(combinations × roles).
    pub(crate) fn of(facts: &Facts<'a>, named: &Named<'a>) -> Self {
        let Some(catalogue) = facts.policy.roles.as_ref() else { return Self::default() };
        let place = |item| named.place(item);
        let contains: Vec<Vec<u32>> =
            catalogue.roles.iter().map(|role| role.contains.iter().map(place).collect()).collect();
        let carriers: Vec<Option<u32>> = catalogue.roles.iter().map(|role| role.carrier.as_ref().map(place)).collect();
        let mut of_thing = vec![Vec::new(); named.things().len()];
        for (role, (things, carrier)) in (0..).zip(contains.iter().zip(&carriers)) {
            for thing in things.iter().chain(carrier) {
                of_thing[*thing as usize].push(role);
            }
        }
        let mut roles = Self { catalogue: Some(catalogue), contains, carriers, of_thing, ..Self::default() };
        let mut known: FxHashMap<Attributes, u32> = FxHashMap::default();
        let asked = asked(catalogue);
        for (person, _) in facts.people.persons() {
            roles.starts.push(u32::try_from(roles.stretches.len()).unwrap_or(u32::MAX));
            for slice in facts.people.slices(person, facts.now) {
                let attributes = Attributes::of(facts.people, person, &slice, &asked);
                let profile = *known.entry(attributes.clone()).or_insert_with(|| {
                    let says = |field: &Field| attributes.says(facts.people, &asked, field);
                    roles.profiles.push(profile(catalogue, &says));
                    u32::try_from(roles.profiles.len() - 1).unwrap_or(u32::MAX)
                });
                let Slice { runs, since, ended, .. } = slice;
                roles.stretches.push(Stretch { profile, runs, since, ended });
            }
        }
        roles.starts.push(u32::try_from(roles.stretches.len()).unwrap_or(u32::MAX));
        roles
    }

    /// The catalogue; `None` when there is none.
    pub(crate) fn catalogue(&self) -> Option<&'a RoleCatalogue> {
        self.catalogue
    }

    /// A role of the catalogue.
    pub(crate) fn role(&self, role: u32) -> Option<&'a Role> {
        self.catalogue.and_then(|catalogue| catalogue.roles.get(role as usize))
    }

    /// The things that a role contains.
    pub(crate) fn contains(&self, role: u32) -> &[u32] {
        &self.contains[role as usize]
    }

    /// The thing that gives a role in a system.
    pub(crate) fn carrier(&self, role: u32) -> Option<u32> {
        self.carriers.get(role as usize).copied().flatten()
    }

    /// The roles that contain a thing or are given by it.
    pub(crate) fn of_thing(&self, thing: u32) -> &[u32] {
        self.of_thing.get(thing as usize).map_or(&[], Vec::as_slice)
    }

    /// The stretches of a person.
    pub(crate) fn stretches(&self, person: PersonIx) -> &[Stretch] {
        let place = person.0 as usize;
        match (self.starts.get(place), self.starts.get(place + 1)) {
            (Some(start), Some(end)) => &self.stretches[*start as usize..*end as usize],
            (_, _) => &[],
        }
    }

    /// The roles that the attributes of a stretch give, or may give.
    pub(crate) fn birthrights(&self, stretch: &Stretch) -> &[(u32, Answer)] {
        &self.profiles[stretch.profile as usize]
    }

    /// Whether the attributes of some stretches give a role of which `thing` is a part.
    pub(crate) fn justifies<'s>(&self, thing: u32, stretches: impl Iterator<Item = &'s Stretch>) -> Justified {
        let of = self.of_thing(thing);
        let mut verdict = Justified::No;
        for (role, answer) in stretches.flat_map(|stretch| self.birthrights(stretch)) {
            match answer {
                Answer::Yes if of.contains(role) => return Justified::Yes,
                Answer::Unknown(field) if of.contains(role) => verdict = Justified::Unknown(field.clone()),
                Answer::Yes | Answer::No | Answer::Unknown(_) => {}
            }
        }
        verdict
    }

    /// Whether a membership or grant follows from the attributes of some stretches: yes when one thing that it gives does.
    pub(crate) fn covers<'s>(
        &self,
        facts: &Facts<'_>,
        edge: &Edge,
        stretches: impl Iterator<Item = &'s Stretch> + Clone,
    ) -> Justified {
        let mut verdict = Justified::No;
        for thing in facts.named.given_by(facts.graph, edge) {
            match self.justifies(thing, stretches.clone()) {
                Justified::Yes => return Justified::Yes,
                Justified::Unknown(field) => verdict = Justified::Unknown(field),
                Justified::No => {}
            }
        }
        verdict
    }
}

/// The roles that attributes give, or may give.
fn profile(catalogue: &RoleCatalogue, says: &impl Fn(&Field) -> Option<String>) -> Vec<(u32, Answer)> {
    let roles = (0..).zip(&catalogue.roles).map(|(place, role)| (place, birthright(role, says)));
    roles.filter(|(_, answer)| *answer != Answer::No).collect()
}

/// Whether somebody has a role from attributes alone.
pub(crate) fn birthright(role: &Role, says: &impl Fn(&Field) -> Option<String>) -> Answer {
    When::any(&role.birthright, says).and(|| !When::any(&role.unless, says))
}

/// Whether one of several conditions holds of a person today.
pub(crate) fn holds_of(facts: &Facts<'_>, person: PersonIx, conditions: &[When]) -> Answer {
    let asked = further(conditions.iter());
    facts.people.slices(person, facts.now).iter().filter(|slice| slice.runs).fold(Answer::No, |so_far, slice| {
        let attributes = Attributes::of(facts.people, person, slice, &asked);
        so_far.or(|| When::any(conditions, &|field: &Field| attributes.says(facts.people, &asked, field)))
    })
}

/// The further attributes that the conditions of a catalogue ask for.
fn asked(catalogue: &RoleCatalogue) -> Vec<String> {
    further(catalogue.roles.iter().flat_map(|role| role.birthright.iter().chain(&role.unless)))
}

fn further<'w>(conditions: impl Iterator<Item = &'w When>) -> Vec<String> {
    let mut asked: Vec<String> = conditions
        .flat_map(When::fields)
        .filter_map(|field| match field {
            Field::Further(name) => Some(name.clone()),
            Field::Department | Field::Title | Field::Location | Field::CostCentre | Field::WorkerType => None,
        })
        .collect();
    asked.sort();
    asked.dedup();
    asked
}

/// What conditions can ask of a slice: `Copy` texts, so that a million people share a few thousand combinations.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Attributes {
    department: Option<Text>,
    title: Option<Text>,
    location: Option<Text>,
    cost_centre: Option<Text>,
    worker_type: WorkerType,
    further: Vec<Option<Text>>,
}

impl Attributes {
    /// Those of a slice. `asked` are the names of further attributes.
    pub(crate) fn of(people: &People, person: PersonIx, slice: &Slice<'_>, asked: &[String]) -> Self {
        let Terms { department, title, location, cost_centre, worker_type, .. } = slice.terms;
        let own = &people.person(person).attributes;
        let further =
            |name: &String| own.iter().find(|(known, _)| people.text(*known) == name).map(|(_, value)| *value);
        let further = asked.iter().map(further).collect();
        Self { department, title, location, cost_centre, worker_type, further }
    }

    /// The folded value of a field.
    pub(crate) fn says(&self, people: &People, asked: &[String], field: &Field) -> Option<String> {
        let text = match field {
            Field::WorkerType if self.worker_type == WorkerType::Unknown => return None,
            Field::WorkerType => return Some(self.worker_type.as_str().to_owned()),
            Field::Department => self.department,
            Field::Title => self.title,
            Field::Location => self.location,
            Field::CostCentre => self.cost_centre,
            Field::Further(name) => asked
                .iter()
                .position(|known| known == name)
                .and_then(|place| self.further.get(place).copied().flatten()),
        };
        text.map(|text| fold(people.text(text))).filter(|value| !value.is_empty())
    }
}
