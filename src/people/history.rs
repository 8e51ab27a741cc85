//! Persons over snapshots: who vanished, who came back.
//!
//! A record that is gone from a complete and believed feed is no termination. The person stays known for a while, *vanished*,
//! and keeps the accounts; after that the person is *gone*, and the feed has to answer for it (CTL-003). Leavers whom a feed
//! drops once their employment is over are neither: nothing is concluded from a row that was to go.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use muster_connectors::record::{self, RecordKind};
use rustc_hash::{FxHashMap, FxHashSet};

use super::merge::{self, Merging, full_name};
use super::{People, Person, PersonIx, Source, Standing, fold, load};
use crate::graph::{RowState, Text};
use crate::snapshot::{KindState, Rows, Snapshot, StoreError};

/// For how long somebody who is gone is remembered after the wait.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(28 * 24);
/// Beyond the wait, one snapshot of so many days is looked at.
const STEP: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Somebody who is gone from a feed for longer than anybody waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gone {
    /// The feed.
    pub system: String,
    /// The feed's own key.
    pub id: String,
    /// The name.
    pub name: String,
    /// When the record was last seen.
    pub last_seen: Timestamp,
}

/// Compares today's persons with those of earlier snapshots, newest first.
///
/// Cost: none on a first snapshot; on an idle night the manifests of a month. A table of persons that differs from the ones
/// already seen costs one pass over its ids; names and employments are read only where somebody is missing.
pub(super) fn compare(
    people: &mut People,
    snapshot: &Snapshot,
    merging: &Merging,
    now: Timestamp,
) -> Result<(), StoreError> {
    let believed = believed(snapshot);
    if believed.is_empty() {
        return Ok(());
    }
    let waited = now.checked_sub(merging.vanish_after).unwrap_or(Timestamp::MIN);
    let oldest = waited.checked_sub(REMEMBERED).unwrap_or(Timestamp::MIN);
    let today = objects(snapshot);
    let mut look = Look {
        believed,
        seen: today.clone(),
        today,
        latest: None,
        records: None,
        missing: FxHashSet::default(),
        missed: Vec::new(),
    };
    let (mut next, mut skipped) = (now, None);
    for earlier in snapshot.earlier()? {
        let taken = earlier.manifest().header.taken;
        if taken < oldest {
            break;
        }
        // Within the wait every night is looked at, beyond it one a step and the oldest.
        if taken < waited && taken > next {
            skipped = Some(earlier);
            continue;
        }
        skipped = None;
        if look.at(people, &earlier, merging)? && taken < waited {
            next = taken.checked_sub(STEP).unwrap_or(Timestamp::MIN);
        }
    }
    if let Some(oldest) = skipped {
        look.at(people, &oldest, merging)?;
    }
    settle(people, look.missed, waited);
    Ok(())
}

/// What was learned from the snapshots looked at so far.
struct Look {
    believed: FxHashSet<String>,
    /// Today's tables of persons.
    today: FxHashSet<String>,
    /// Those that need not be read again.
    seen: FxHashSet<String>,
    /// Today's persons who were there the last time, and the feeds that were read then.
    latest: Option<(Vec<bool>, FxHashSet<String>)>,
    /// Today's records, once a table had to be read.
    records: Option<FxHashMap<(Text, Text), PersonIx>>,
    missing: FxHashSet<(Text, Text)>,
    missed: Vec<Missed>,
}

impl Look {
    /// Looks at one earlier snapshot; whether it had anything new to tell.
    fn at(&mut self, people: &mut People, earlier: &Snapshot, merging: &Merging) -> Result<bool, StoreError> {
        let tables = objects(earlier);
        let taken = earlier.manifest().header.taken;
        if tables == self.today {
            let everybody = vec![true; people.persons.len()];
            self.present(people, everybody, earlier);
            return Ok(false);
        }
        if tables.iter().all(|object| self.seen.contains(object)) {
            return Ok(false);
        }
        self.seen.extend(tables);
        let records = self.records.get_or_insert_with(|| {
            let each =
                |(ix, person): (PersonIx, &Person)| person.feeds.iter().map(move |key| (*key, ix)).collect::<Vec<_>>();
            people.persons().flat_map(each).collect()
        });
        let Sighted { present, absent } = sighted(people, records, earlier, &self.believed)?;
        self.present(people, present, earlier);
        let fresh: FxHashSet<(Text, Text)> = absent.into_iter().filter(|key| self.missing.insert(*key)).collect();
        if !fresh.is_empty() {
            self.missed.extend(missed(people, earlier, &fresh, merging, taken)?);
        }
        Ok(true)
    }

    /// Notes who of today was there: who was not there the last time, but before, came back.
    fn present(&mut self, people: &mut People, present: Vec<bool>, earlier: &Snapshot) {
        let Some((before, read)) = &self.latest else {
            self.latest = Some((present, believed(earlier)));
            return;
        };
        for place in (0..present.len()).filter(|place| present[*place] && !before[*place]) {
            // A feed that was not read the last time cannot have been without anybody.
            if people.persons[place].feeds.iter().all(|(system, _)| read.contains(people.strings.get(*system))) {
                let returned = &mut people.persons[place].returned;
                *returned = returned.or(Some(earlier.manifest().header.taken));
            }
        }
    }
}

/// Feeds whose persons were read completely, and are believed: only from these can anybody be missing.
pub(super) fn believed(snapshot: &Snapshot) -> FxHashSet<String> {
    let of_persons = || snapshot.manifest().kinds().filter(|view| view.kind == RecordKind::Person);
    let doubtful: FxHashSet<&str> =
        of_persons().filter(|view| view.state() != KindState::Complete).map(|view| view.system).collect();
    of_persons().map(|view| view.system).filter(|system| !doubtful.contains(system)).map(str::to_owned).collect()
}

/// Hashes of the tables of persons that were read completely with this snapshot.
pub(super) fn objects(snapshot: &Snapshot) -> FxHashSet<String> {
    let kinds = snapshot.manifest().kinds();
    let complete = kinds.filter(|view| view.kind == RecordKind::Person && view.state() == KindState::Complete);
    complete
        .flat_map(|view| view.entry.parts.iter().filter(|part| part.table == RecordKind::Person.as_str()))
        .map(|part| part.object.clone())
        .collect()
}

struct Sighted {
    /// Which of today's persons were there.
    present: Vec<bool>,
    /// Records, as system and folded id, of which today knows nothing.
    absent: Vec<(Text, Text)>,
}

/// Who of today was in an earlier snapshot, and who was there that is not today.
fn sighted(
    people: &mut People,
    records: &FxHashMap<(Text, Text), PersonIx>,
    earlier: &Snapshot,
    believed: &FxHashSet<String>,
) -> Result<Sighted, StoreError> {
    let frame = earlier.frame("persons", &["id", "employee_ids", "state"])?;
    let rows = Rows::of(&frame, "persons");
    let (systems, ids, states) = (rows.texts("system")?, rows.texts("id")?, rows.texts("state")?);
    let mut sighted = Sighted { present: vec![false; people.persons.len()], absent: Vec::new() };
    let mut unknown: FxHashMap<usize, Option<PersonIx>> = FxHashMap::default();
    for row in 0..rows.len() {
        if states.name(row) != Some(RowState::Complete) || !believed.contains(systems.text(row)) {
            continue;
        }
        let key = people.strings.find(systems.text(row)).zip(people.strings.find(&fold(ids.text(row))));
        match key.and_then(|key| records.get(&key)) {
            Some(ix) => sighted.present[ix.0 as usize] = true,
            None => {
                unknown.insert(row, None);
            }
        }
    }
    if unknown.is_empty() {
        return Ok(sighted);
    }
    rows.lists("employee_ids", |row, text| {
        if let Some(found @ None) = unknown.get_mut(&row)
            && let Some(key) = people.strings.find(&fold(text))
        {
            let bears = |ix: &PersonIx| people.person(*ix).employee_ids.contains(&key);
            *found = people.find(people.text(key)).into_iter().find(bears);
        }
    })?;
    let mut unknown: Vec<(usize, Option<PersonIx>)> = unknown.into_iter().collect();
    unknown.sort_unstable();
    for (row, found) in unknown {
        if let Some(ix) = found {
            sighted.present[ix.0 as usize] = true;
        } else {
            let system = people.strings.add(systems.text(row));
            sighted.absent.push((system, people.strings.add(&fold(ids.text(row)))));
        }
    }
    Ok(sighted)
}

/// A feed, and its folded key for a person.
type RecordKey = (Arc<str>, String);

/// Somebody missing, as last seen.
struct Missed {
    last_seen: Timestamp,
    source: Source,
    person: record::Person,
    employments: Vec<(Source, record::Employment)>,
}

/// The missing with all that was known of them, without those who had left by then and those who are here under another key.
fn missed(
    people: &People,
    earlier: &Snapshot,
    absent: &FxHashSet<(Text, Text)>,
    merging: &Merging,
    taken: Timestamp,
) -> Result<Vec<Missed>, StoreError> {
    let key = |source: &Source, id: &str| Some((people.strings.find(&source.system)?, people.strings.find(&fold(id))?));
    let is_absent = |source: &Source, id: &str| key(source, id).is_some_and(|key| absent.contains(&key));
    let persons: Vec<(Source, record::Person)> =
        load::persons(earlier)?.into_iter().filter(|(source, person)| is_absent(source, &person.id)).collect();
    let mut employments: FxHashMap<RecordKey, Vec<(Source, record::Employment)>> = FxHashMap::default();
    for (source, employment) in load::employments(earlier)? {
        if is_absent(&source, &employment.person) {
            let key = (source.system.clone(), fold(&employment.person));
            employments.entry(key).or_default().push((source, employment));
        }
    }
    let missed = persons.into_iter().filter_map(|(source, person)| {
        let own = employments.remove(&(source.system.clone(), fold(&person.id))).unwrap_or_default();
        let alone = merge::merge(vec![(source.clone(), person.clone())], own.clone(), merging);
        let had_left = alone.persons.iter().all(|one| {
            let standing = alone.standing_of(one, taken);
            matches!(standing, Standing::Ended { .. })
        });
        let last_seen = source.collected.unwrap_or(taken);
        (!had_left && !is_here(people, &person)).then_some(Missed { last_seen, source, person, employments: own })
    });
    Ok(missed.collect())
}

/// Whether somebody of today bears the same full name and one of the addresses: the feed gave the human another key.
fn is_here(people: &People, person: &record::Person) -> bool {
    let name = full_name(person);
    let bears = |ix: PersonIx| {
        let own = people.person(ix);
        let known = record::Person {
            given_name: own.given_name.map(|name| people.text(name).to_owned()),
            family_name: own.family_name.map(|name| people.text(name).to_owned()),
            ..record::Person::default()
        };
        !name.is_empty() && full_name(&known) == name
    };
    person.emails.iter().any(|email| people.find(&fold(email)).into_iter().any(bears))
}

/// Keeps those who are still waited for as persons, the others as gone.
fn settle(people: &mut People, missed: Vec<Missed>, waited: Timestamp) {
    if missed.is_empty() {
        return;
    }
    let (mut persons, mut employments, mut seen) = (Vec::new(), Vec::new(), FxHashMap::default());
    for Missed { last_seen, mut source, person, employments: own } in missed {
        if last_seen < waited {
            let name = person.preferred_name.clone().or(person.legal_name.clone());
            let composed =
                || [person.given_name.as_deref(), person.family_name.as_deref()].map(Option::unwrap_or_default);
            let name = name.unwrap_or_else(|| composed().join(" ").trim().to_owned());
            people.gone.push(Gone { system: source.system.to_string(), id: person.id, name, last_seen });
            continue;
        }
        source.state = RowState::Stale;
        seen.insert((source.system.clone(), fold(&person.id)), last_seen);
        persons.push((source, person));
        employments.extend(own);
    }
    people.gone.sort_by(|a, b| (&a.system, &a.id).cmp(&(&b.system, &b.id)));
    people.add_vanished(persons, employments, &seen);
}
