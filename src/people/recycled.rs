//! Addresses of today that were somebody else's in an earlier snapshot.
//!
//! A feed often drops a leaver's address, or the leaver, before the address is given to somebody else; then today's rows alone
//! do not show it. A name change or a rehire is no other human: the record is the same, or the name is, or whoever bears the
//! address now was employed before already.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use muster_connectors::record;
use rustc_hash::{FxHashMap, FxHashSet};

use super::history::{believed, objects};
use super::merge::full_name;
use super::{People, Person, PersonIx, fold, load};
use crate::graph::{RowState, Text};
use crate::snapshot::{Rows, Snapshot, StoreError};

/// How far back is looked: a year and a month.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(24 * 396);
/// For so long every snapshot is looked at.
const EACH: SignedDuration = SignedDuration::from_hours(24 * 7);
/// Beyond, one of so many days is.
const STEP: SignedDuration = SignedDuration::from_hours(24 * 28);

/// Who bore an address that is somebody else's now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Former {
    /// The address, folded.
    pub address: String,
    /// The feed.
    pub system: String,
    /// The feed's own key.
    pub id: String,
    /// The name.
    pub name: String,
    /// When the address was last seen as theirs, as far as was looked.
    pub last_seen: Timestamp,
}

/// Compares today's addresses with those of the snapshots of a week, and of one a month for a year.
///
/// Cost: none on a first snapshot and on idle nights; one pass over the addresses of every table of persons that is looked at.
/// Names are read only where an address was another record's.
pub(super) fn compare(people: &mut People, snapshot: &Snapshot, now: Timestamp) -> Result<(), StoreError> {
    let oldest = now.checked_sub(REMEMBERED).unwrap_or(Timestamp::MIN);
    let mut seen = objects(snapshot);
    let mut records: Option<FxHashMap<(Text, Text), PersonIx>> = None;
    let mut next = now;
    let mut known: BTreeMap<String, Former> = BTreeMap::new();
    for earlier in snapshot.earlier()? {
        let taken = earlier.manifest().header.taken;
        if taken < oldest {
            break;
        }
        if taken > next {
            continue;
        }
        let tables = objects(&earlier);
        if tables.iter().all(|object| seen.contains(object)) {
            continue;
        }
        seen.extend(tables);
        if now.duration_since(taken) > EACH {
            next = taken.checked_sub(STEP).unwrap_or(Timestamp::MIN);
        }
        let records = records.get_or_insert_with(|| {
            let each =
                |(ix, person): (PersonIx, &Person)| person.feeds.iter().map(move |key| (*key, ix)).collect::<Vec<_>>();
            people.persons().flat_map(each).collect()
        });
        let (kept, found) = formers(people, records, &earlier, taken)?;
        // Whoever had the address before that has it again: what was in between was a slip of HR's.
        known.retain(|address, _| !people.strings.find(address).is_some_and(|address| kept.contains(&address)));
        for former in found {
            known.entry(former.address.clone()).or_insert(former);
        }
    }
    people.formers = known.into_values().collect();
    Ok(())
}

/// The addresses that were in one earlier snapshot whose they are now, and who bore those that are another human's.
fn formers(
    people: &People,
    records: &FxHashMap<(Text, Text), PersonIx>,
    earlier: &Snapshot,
    taken: Timestamp,
) -> Result<(FxHashSet<Text>, Vec<Former>), StoreError> {
    let believed = believed(earlier);
    let frame = earlier.frame("persons", &["id", "emails", "state"])?;
    let rows = Rows::of(&frame, "persons");
    let (systems, ids, states) = (rows.texts("system")?, rows.texts("id")?, rows.texts("state")?);
    let is_sound = |row: usize| states.name(row) == Some(RowState::Complete) && believed.contains(systems.text(row));
    // Addresses that nobody of those who bear them now bore then, and the rows that had them.
    let (mut kept, mut others) = (FxHashSet::default(), Vec::new());
    rows.lists("emails", |row, email| {
        let Some(address) = people.strings.find(&fold(email)).filter(|_| is_sound(row)) else { return };
        let bearers = bearers(people, address);
        if bearers.is_empty() {
            return;
        }
        let key = people.strings.find(systems.text(row)).zip(people.strings.find(&fold(ids.text(row))));
        match key.and_then(|key| records.get(&key)) {
            Some(human) if bearers.contains(human) => {
                kept.insert(address);
            }
            known => others.push((row, address, known.copied())),
        }
    })?;
    others.retain(|(_, address, _)| !kept.contains(address));
    if others.is_empty() {
        return Ok((kept, Vec::new()));
    }
    let wanted: FxHashMap<(String, String), (Text, Option<PersonIx>)> = others
        .into_iter()
        .map(|(row, address, known)| ((systems.text(row).to_owned(), ids.text(row).to_owned()), (address, known)))
        .collect();
    let mut formers = Vec::new();
    for (source, person) in load::persons(earlier)? {
        let Some((address, known)) = wanted.get(&(source.system.to_string(), person.id.clone())) else { continue };
        let last_seen = source.collected.unwrap_or(taken);
        let is_other = |holder: &PersonIx| is_another(people, *holder, &person, known.is_some(), last_seen);
        if bearers(people, *address).iter().all(is_other) {
            let name = full_spelling(&person);
            let address = people.strings.get(*address).to_owned();
            formers.push(Former { address, system: source.system.to_string(), id: person.id, name, last_seen });
        }
    }
    formers.sort_by(|a, b| (&a.address, &a.system, &a.id).cmp(&(&b.address, &b.system, &b.id)));
    Ok((kept, formers))
}

/// Whoever bears an address and is in a feed of today.
fn bearers(people: &People, address: Text) -> Vec<PersonIx> {
    let mut bearers = people.find(people.strings.get(address));
    bearers.retain(|ix| {
        let person = people.person(*ix);
        person.vanished.is_none() && person.emails.contains(&address)
    });
    bearers
}

/// Whether whoever bears an address now is certainly another human than a record of before.
///
/// Where the record is still there (`is_known`), only one name makes two records one human. Where it is gone, HR may have given
/// a new key: then whoever was employed at that time already may be the same.
fn is_another(
    people: &People,
    holder: PersonIx,
    before: &record::Person,
    is_known: bool,
    last_seen: Timestamp,
) -> bool {
    let holder = people.person(holder);
    let text = |text: Option<Text>| text.map(|text| people.text(text).to_owned());
    let now = record::Person {
        given_name: text(holder.given_name),
        family_name: text(holder.family_name),
        ..record::Person::default()
    };
    let (then, name) = (full_name(before), full_name(&now));
    if then.is_empty() || name.is_empty() || then == name {
        return false;
    }
    let former_names = holder.previous_names.iter().map(|name| {
        full_name(&record::Person { legal_name: Some(people.text(*name).to_owned()), ..record::Person::default() })
    });
    if former_names.into_iter().any(|former| former == then) {
        return false;
    }
    let day = last_seen.to_zoned(TimeZone::UTC).date();
    let starts = holder.employments.iter().filter_map(|employment| employment.start);
    is_known || starts.min().is_some_and(|first| first > day)
}

fn full_spelling(person: &record::Person) -> String {
    let composed = || {
        let parts = [person.given_name.as_deref(), person.family_name.as_deref()];
        parts.map(Option::unwrap_or_default).join(" ").trim().to_owned()
    };
    person.preferred_name.clone().or_else(|| person.legal_name.clone()).unwrap_or_else(composed)
}
