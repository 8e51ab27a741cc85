//! What people hold together beyond what attributes give.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use rayon::prelude::*;
use rustc_hash::FxHashMap;

use super::birthrights::Found;
use super::columns::Columns;
use super::text::Names;
use super::{AddOn, Settings, slug};
use crate::check::Estate;

/// Share of the holders who have to work in one department for it to be named.
const AT_HOME: f64 = 0.9;
/// A set that this share of its holders hold as part of a larger one says nothing of its own.
const NESTED: f64 = 0.8;

/// Sets of two things or more that enough people hold in exactly this combination.
pub(super) fn find(
    estate: &Estate,
    columns: &Columns,
    names: &Names,
    found: &Found,
    settings: &Settings,
) -> Vec<AddOn> {
    let mut rest: Vec<(u32, u32)> = (0..columns.things().len())
        .into_par_iter()
        .flat_map_iter(|thing| {
            let people = columns.holders(thing).iter().filter(move |person| !found.gives(columns, thing, **person));
            people.map(move |person| (*person, u32::try_from(thing).unwrap_or(u32::MAX)))
        })
        .collect();
    rest.par_sort_unstable();
    let mut exact: FxHashMap<Vec<u32>, usize> = FxHashMap::default();
    for of_person in rest.chunk_by(|a, b| a.0 == b.0).filter(|of_person| of_person.len() > 1) {
        *exact.entry(of_person.iter().map(|(_, thing)| *thing).collect()).or_default() += 1;
    }
    let mut sets: Vec<(Vec<u32>, usize)> =
        exact.into_iter().filter(|(_, people)| *people >= settings.min_people).collect();
    sets.sort_by(|a, b| (Reverse(a.1), &a.0).cmp(&(Reverse(b.1), &b.0)));
    sets.truncate(settings.max_add_ons);
    let mut sets: Vec<(Vec<u32>, Vec<u32>)> = sets
        .into_iter()
        .map(|(things, _)| (all_of(columns, &things), things))
        .map(|(people, things)| (things, people))
        .collect();
    // Larger sets first, so that what is nested in one can be told.
    sets.sort_by(|a, b| {
        (Reverse(a.0.len()), Reverse(a.1.len()), &a.0).cmp(&(Reverse(b.0.len()), Reverse(b.1.len()), &b.0))
    });
    let mut kept: Vec<(Vec<u32>, Vec<u32>)> = Vec::new();
    for (things, people) in sets {
        if !kept.iter().any(|(larger, theirs)| is_nested(&things, people.len(), larger, theirs.len())) {
            kept.push((things, people));
        }
    }
    kept.sort_by(|a, b| (Reverse(a.1.len()), &a.0).cmp(&(Reverse(b.1.len()), &b.0)));
    let number =
        |(place, (things, people)): (usize, &(Vec<u32>, Vec<u32>))| tell(estate, columns, names, place, things, people);
    kept.iter().enumerate().map(number).collect()
}

#[expect(clippy::cast_precision_loss, reason = "counts of people are far below 2^52")]
fn is_nested(things: &[u32], people: usize, larger: &[u32], theirs: usize) -> bool {
    things.len() < larger.len()
        && things.iter().all(|thing| larger.binary_search(thing).is_ok())
        && theirs as f64 >= NESTED * people as f64
}

/// Who holds all of some things, ascending.
fn all_of(columns: &Columns, things: &[u32]) -> Vec<u32> {
    let mut things = things.iter().map(|thing| columns.holders(*thing as usize));
    let mut people = things.next().map(<[u32]>::to_vec).unwrap_or_default();
    for holders in things {
        let mut at = 0;
        people.retain(|person| {
            at += holders[at..].partition_point(|holder| holder < person);
            holders.get(at) == Some(person)
        });
    }
    people
}

#[expect(clippy::cast_precision_loss, reason = "counts of people are far below 2^52")]
fn tell(estate: &Estate, columns: &Columns, names: &Names, place: usize, things: &[u32], people: &[u32]) -> AddOn {
    let mut any: Vec<u32> = things.iter().flat_map(|thing| columns.holders(*thing as usize)).copied().collect();
    any.sort_unstable();
    any.dedup();
    let mut departments: BTreeMap<&str, usize> = BTreeMap::new();
    for person in people {
        *departments.entry(columns.department(*person).unwrap_or_default()).or_default() += 1;
    }
    let home = departments.into_iter().max_by_key(|(name, count)| (*count, Reverse(*name)));
    let home = home.filter(|(name, count)| !name.is_empty() && *count as f64 >= AT_HOME * people.len() as f64);
    let department = home.map(|(name, _)| name.to_owned());
    let mut contains: Vec<_> =
        things.iter().map(|thing| names.of_thing(estate, &columns.things()[*thing as usize])).collect();
    contains.sort_by(|a, b| a.key().cmp(&b.key()));
    let number = (place + 1).to_string();
    AddOn {
        id: slug(&["add-on", department.as_deref().unwrap_or("anybody"), &number]),
        department,
        contains,
        support: people.len(),
        cohesion: people.len() as f64 / any.len() as f64,
    }
}
