//! The columns that are counted over: who is in which group of attributes, and who holds what.

use jiff::Timestamp;
use muster_connectors::record::GrantOrigin;
use rayon::prelude::*;
use rustc_hash::FxHashMap;

use super::{FIELDS, Settings, Thing, is_harmless};
use crate::check::Estate;
use crate::config::policy::Field;
use crate::graph::{NodeIx, NodeKind, RowState};
use crate::people::{PersonIx, Slice, fold};

/// No group: HR does not say an attribute, or too few people share it.
pub(super) const NONE: u32 = u32::MAX;

/// A combination of attributes: for each person the number of the group of those who share the values.
#[derive(Debug)]
pub(super) struct Combination {
    /// Places in [`FIELDS`], ascending.
    pub(super) fields: Vec<usize>,
    /// By person.
    pub(super) group: Vec<u32>,
    /// By group: its people, ascending.
    starts: Vec<u32>,
    people: Vec<u32>,
}

impl Combination {
    /// How many groups there are.
    pub(super) fn groups(&self) -> usize {
        self.starts.len() - 1
    }

    /// The people of a group.
    pub(super) fn people(&self, group: u32) -> &[u32] {
        let group = group as usize;
        &self.people[self.starts[group] as usize..self.starts[group + 1] as usize]
    }
}

/// Everything that is counted over.
#[derive(Debug)]
pub(super) struct Columns {
    /// By field: the value of each person, as a place in `values`.
    cells: Vec<Vec<u32>>,
    values: Vec<Vec<String>>,
    combinations: Vec<Combination>,
    things: Vec<Thing>,
    /// By thing: where its holders begin.
    starts: Vec<u32>,
    holders: Vec<u32>,
    left_out: usize,
}

impl Columns {
    /// Reads people at work and what their active accounts were given directly.
    pub(super) fn of(estate: &Estate, now: Timestamp, settings: &Settings) -> Self {
        let persons: Vec<(PersonIx, Slice<'_>)> = estate
            .people
            .persons()
            .filter_map(|(ix, _)| {
                let slices = estate.people.slices(ix, now);
                slices.into_iter().find(|slice| slice.runs).map(|slice| (ix, slice))
            })
            .collect();
        let (cells, values): (Vec<_>, Vec<_>) =
            FIELDS.iter().map(|field| encode(persons.iter().map(|(_, slice)| value(estate, slice, field)))).unzip();
        let (things, starts, holders, left_out) = holdings(estate, now, &persons);
        let combinations = subsets(settings.max_attributes)
            .into_par_iter()
            .map(|fields| combine(fields, &cells, persons.len(), settings.min_people))
            .collect();
        Self { cells, values, combinations, things, starts, holders, left_out }
    }

    /// How many people are at work.
    pub(super) fn people(&self) -> usize {
        self.cells.first().map_or(0, Vec::len)
    }

    /// Things that were left out because they are, or may be, privileged.
    pub(super) fn left_out(&self) -> usize {
        self.left_out
    }

    /// The combinations of attributes, the most general first.
    pub(super) fn combinations(&self) -> &[Combination] {
        &self.combinations
    }

    /// What is held.
    pub(super) fn things(&self) -> &[Thing] {
        &self.things
    }

    /// Who holds a thing, ascending.
    pub(super) fn holders(&self, thing: usize) -> &[u32] {
        &self.holders[self.starts[thing] as usize..self.starts[thing + 1] as usize]
    }

    /// Field and value of a group, as HR writes them.
    pub(super) fn condition(&self, combination: usize, group: u32) -> Vec<(String, String)> {
        let combination = &self.combinations[combination];
        let Some(person) = combination.people(group).first() else { return Vec::new() };
        combination
            .fields
            .iter()
            .map(|field| (FIELDS[*field].to_string(), self.cell(*field, *person).to_owned()))
            .collect()
    }

    /// The department of a person, as HR writes it.
    pub(super) fn department(&self, person: u32) -> Option<&str> {
        let field = FIELDS.iter().position(|field| *field == Field::Department)?;
        Some(self.cell(field, person)).filter(|value| !value.is_empty())
    }

    fn cell(&self, field: usize, person: u32) -> &str {
        self.values[field].get(self.cells[field][person as usize] as usize).map_or("", String::as_str)
    }
}

/// A value of a slice as HR writes it; `None` where it does not.
fn value(estate: &Estate, slice: &Slice<'_>, field: &Field) -> Option<String> {
    use muster_connectors::record::WorkerType;
    let terms = &slice.terms;
    let text = match field {
        Field::WorkerType => {
            return (terms.worker_type != WorkerType::Unknown).then(|| terms.worker_type.as_str().to_owned());
        }
        Field::Department => terms.department,
        Field::Title => terms.title,
        Field::Location => terms.location,
        Field::CostCentre => terms.cost_centre,
        Field::Further(_) => None,
    };
    // A value with a wildcard in it would be another condition.
    text.map(|text| estate.people.text(text).trim().to_owned())
        .filter(|text| !text.is_empty() && !text.contains(['*', '?']))
}

/// Values as numbers, in order; letter case aside. The spelling that comes first in order is shown.
fn encode(values: impl Iterator<Item = Option<String>>) -> (Vec<u32>, Vec<String>) {
    let values: Vec<Option<(String, String)>> = values.map(|value| value.map(|value| (fold(&value), value))).collect();
    let mut known: Vec<&(String, String)> = values.iter().flatten().collect();
    known.sort_unstable();
    known.dedup_by(|a, b| a.0 == b.0);
    let places: FxHashMap<&str, u32> = (0..).zip(&known).map(|(place, (folded, _))| (folded.as_str(), place)).collect();
    let place = |value: &Option<(String, String)>| value.as_ref().map_or(NONE, |(folded, _)| places[folded.as_str()]);
    let cells = values.iter().map(place).collect();
    (cells, known.iter().map(|(_, value)| value.clone()).collect())
}

/// Every set of at most `most` fields, smallest first.
fn subsets(most: usize) -> Vec<Vec<usize>> {
    let mut subsets: Vec<Vec<usize>> = (0_usize..1 << FIELDS.len())
        .map(|bits| (0..FIELDS.len()).filter(|field| bits & (1 << field) != 0).collect())
        .filter(|fields: &Vec<usize>| fields.len() <= most)
        .collect();
    subsets.sort_by(|a, b| (a.len(), a).cmp(&(b.len(), b)));
    subsets
}

/// Groups of people who share the values of some fields; groups that are too small are none.
fn combine(fields: Vec<usize>, cells: &[Vec<u32>], people: usize, least: usize) -> Combination {
    let mut numbers: FxHashMap<Vec<u32>, u32> = FxHashMap::default();
    let mut sizes: Vec<usize> = Vec::new();
    let mut group: Vec<u32> = Vec::with_capacity(people);
    group.extend((0..people).map(|person| {
        let key: Vec<u32> = fields.iter().map(|field| cells[*field][person]).collect();
        if key.contains(&NONE) {
            return NONE;
        }
        let number = *numbers.entry(key).or_insert_with(|| {
            sizes.push(0);
            number(sizes.len() - 1)
        });
        sizes[number as usize] += 1;
        number
    }));
    let mut next = 0;
    let renumbered: Vec<u32> = sizes
        .iter()
        .map(|size| {
            let keeps = *size >= least;
            next += u32::from(keeps);
            if keeps { next - 1 } else { NONE }
        })
        .collect();
    for slot in group.iter_mut().filter(|slot| **slot != NONE) {
        *slot = renumbered[*slot as usize];
    }
    let mut starts = vec![0_u32; next as usize + 1];
    for place in group.iter().filter(|place| **place != NONE) {
        starts[*place as usize + 1] += 1;
    }
    for place in 1..starts.len() {
        starts[place] += starts[place - 1];
    }
    let mut ends = starts.clone();
    let mut members = vec![0; starts.last().map_or(0, |end| *end as usize)];
    for (person, place) in (0_u32..).zip(&group) {
        if *place != NONE {
            let end = &mut ends[*place as usize];
            members[*end as usize] = person;
            *end += 1;
        }
    }
    Combination { fields, group, starts, people: members }
}

/// What is held and by whom, as sorted columns; and how many things were left out.
fn holdings(
    estate: &Estate,
    now: Timestamp,
    persons: &[(PersonIx, Slice<'_>)],
) -> (Vec<Thing>, Vec<u32>, Vec<u32>, usize) {
    let graph = &estate.graph;
    let is_active = |account: NodeIx| {
        let expired = |when: crate::graph::When| when.at().is_some_and(|at| at <= now);
        graph.node(account).state != RowState::Stale
            && graph.account(account).is_some_and(|facts| facts.lifecycle.is_active() && !expired(facts.expires))
    };
    let mut pairs: Vec<(Thing, u32)> = persons
        .par_iter()
        .enumerate()
        .flat_map_iter(|(place, (person, _))| {
            let accounts = estate.people.accounts_of(*person).iter().copied();
            let accounts = accounts.filter(move |account| is_active(*account) && estate.people.is_human(*account));
            let edges = accounts.flat_map(|account| graph.edges_from(account)).filter(|edge| {
                let detail = graph.detail(edge);
                detail.origin == GrantOrigin::Direct
                    && detail.state != RowState::Stale
                    && matches!(graph.node(edge.target).kind, NodeKind::Group | NodeKind::Entitlement)
            });
            edges.map(move |edge| (Thing { node: edge.target, resource: graph.detail(&edge).resource }, number(place)))
        })
        .collect();
    pairs.par_sort_unstable();
    pairs.dedup();
    let (mut things, mut starts, mut holders, mut left_out) = (Vec::new(), vec![0], Vec::new(), 0);
    for of_thing in pairs.chunk_by(|a, b| a.0 == b.0) {
        let thing = of_thing[0].0;
        if is_harmless(estate, thing.node) {
            things.push(thing);
            holders.extend(of_thing.iter().map(|(_, person)| *person));
            starts.push(number(holders.len()));
        } else {
            left_out += 1;
        }
    }
    (things, starts, holders, left_out)
}

/// A place as a number. Columns of more than four billion rows do not fit into memory anyway.
fn number(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}
