//! Which rows are one human.

use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};
use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

use super::traits::{are_born_apart, by_attribute};
use super::{Decided, Merging, Reason, Row, SharedId, Suspected};
use crate::graph::Text;
use crate::people::strategy::stay;
use crate::people::{Employment, People, fold};

/// Rows by human.
pub(super) struct Groups {
    /// The rows of each human, in order; by first row.
    pub(super) members: Vec<Vec<usize>>,
    /// Why a row was joined to an earlier one.
    pub(super) reasons: FxHashMap<usize, Reason>,
    /// Pairs of rows that look wrong as they are.
    pub(super) suspected: Vec<(usize, usize, Suspected)>,
}

/// More rows than this under one address are no human's: a mailbox of a department that HR entered for everybody.
const SHARED_ADDRESS: usize = 8;
/// With so many humans under one id it is no id (`0`, `n/a`): further rows are compared with the first of them only.
const HUMANS_COMPARED: usize = 8;
/// From which likeness on two parts of names count as one word misspelt (Jaro-Winkler).
const ALIKE: f64 = 0.9;

/// The row that a decision names.
pub(super) fn find(
    people: &People,
    known: &FxHashMap<(Text, Text), usize>,
    record: &(String, String),
) -> Option<usize> {
    let system = people.strings.find(&record.0)?;
    let id = people.strings.find(&fold(&record.1))?;
    known.get(&(system, id)).copied()
}

/// Groups the rows: decisions first, then shared ids, then addresses with names; attributes with names only suspect.
pub(super) fn groups(
    people: &mut People,
    rows: &[Row],
    known: &FxHashMap<(Text, Text), usize>,
    apart: Vec<(usize, usize)>,
    merging: &Merging,
) -> Groups {
    let mut union = Union::new(rows.len(), apart);
    for decision in merging.decisions.iter().filter(|decision| decision.verdict == Decided::Same) {
        let places: Vec<usize> = decision.records.iter().filter_map(|record| find(people, known, record)).collect();
        for pair in places.windows(2) {
            let (author, reason) = (decision.author.clone(), decision.reason.clone());
            union.join(pair[0], pair[1], Reason::Decided { author, reason });
        }
    }
    let mut suspected = Vec::new();
    // One feed's key in two scopes is one person.
    by_key(rows.iter().enumerate().map(|(place, row)| (place, (row.system, row.id))), |places| {
        for place in &places[1..] {
            let reason = Reason::PersonId(rows[places[0]].id);
            union.join(places[0], *place, reason);
        }
    });
    for shared in &merging.join {
        let keys = rows.iter().enumerate();
        match shared {
            SharedId::Employee => {
                by_key(keys.flat_map(|(place, row)| row.employee_ids.iter().map(move |id| (place, *id))), |places| {
                    share(rows, &mut union, &mut suspected, places, Reason::EmployeeId);
                });
            }
            SharedId::Person => by_key(keys.map(|(place, row)| (place, row.id)), |places| {
                share(rows, &mut union, &mut suspected, places, Reason::PersonId);
            }),
        }
    }
    by_address(rows, &mut union, &mut suspected);
    by_attribute(people, rows, &union, &mut suspected);
    suspected.retain(|(a, b, _)| !union.is_apart(*a, *b));
    let mut members: Vec<Vec<usize>> = Vec::new();
    let mut group_of: FxHashMap<usize, usize> = FxHashMap::default();
    for place in 0..rows.len() {
        let root = union.root(place);
        let group = *group_of.entry(root).or_insert_with(|| {
            members.push(Vec::new());
            members.len() - 1
        });
        members[group].push(place);
    }
    Groups { members, reasons: union.reasons, suspected }
}

/// Calls `visit` with the places that have a key in common, in order of the key's first place; with that key last.
fn by_key<K: Ord + Copy>(keys: impl Iterator<Item = (usize, K)>, mut visit: impl FnMut(&Keyed<'_, K>)) {
    let mut keys: Vec<(K, usize)> = keys.map(|(place, key)| (key, place)).collect();
    keys.sort_unstable();
    keys.dedup();
    for equal in keys.chunk_by(|a, b| a.0 == b.0).filter(|equal| equal.len() > 1) {
        let places: Vec<usize> = equal.iter().map(|(_, place)| *place).collect();
        visit(&Keyed { key: equal[0].0, places: &places });
    }
}

/// Places under one key.
struct Keyed<'a, K> {
    key: K,
    places: &'a [usize],
}

impl<K> std::ops::Deref for Keyed<'_, K> {
    type Target = [usize];

    fn deref(&self) -> &[usize] {
        self.places
    }
}

/// Joins rows that share an id, each to the first one it does not contradict.
fn share(
    rows: &[Row],
    union: &mut Union,
    suspected: &mut Vec<(usize, usize, Suspected)>,
    places: &Keyed<'_, Text>,
    reason: fn(Text) -> Reason,
) {
    let mut humans: Vec<usize> = Vec::new();
    for place in places.iter().copied() {
        if humans.iter().any(|human| union.root(*human) == union.root(place)) {
            continue;
        }
        let fits = |human: &&usize| !union.is_apart(**human, place) && may_be_one(&rows[**human], &rows[place]);
        if let Some(human) = humans.iter().take(HUMANS_COMPARED).find(fits).copied() {
            union.join(human, place, reason(places.key));
        } else {
            suspected.extend(humans.first().map(|human| (*human, place, Suspected::TwoHumans(places.key))));
            humans.push(place);
        }
    }
}

/// Joins rows that share an address and the full name and whose employments follow each other; suspects those that overlap.
fn by_address(rows: &[Row], union: &mut Union, suspected: &mut Vec<(usize, usize, Suspected)>) {
    let mut shared: Vec<(Text, Vec<usize>)> = Vec::new();
    by_key(
        rows.iter().enumerate().flat_map(|(place, row)| row.emails.iter().map(move |email| (place, *email))),
        |places| {
            let first = union.root(places[0]);
            if places.len() <= SHARED_ADDRESS && places.iter().any(|place| union.root(*place) != first) {
                shared.push((places.key, places.to_vec()));
            }
        },
    );
    if shared.is_empty() {
        return;
    }
    let names: FxHashMap<usize, String> =
        shared.iter().flat_map(|(_, places)| places).map(|place| (*place, full_name(&rows[*place]))).collect();
    let wanted: FxHashSet<&String> = names.values().filter(|name| !name.is_empty()).collect();
    let bearers: Vec<(String, usize)> = rows
        .par_iter()
        .enumerate()
        .map(|(place, row)| (full_name(row), place))
        .filter(|(name, _)| wanted.contains(name))
        .collect();
    let mut bearers_of: FxHashMap<&str, Vec<usize>> = FxHashMap::default();
    for (name, place) in &bearers {
        bearers_of.entry(name).or_default().push(*place);
    }
    for (address, places) in &shared {
        for (count, later) in places.iter().enumerate() {
            for earlier in &places[..count] {
                let name = &names[later];
                let born_apart = are_born_apart(&rows[*earlier], &rows[*later]);
                if name.is_empty() || *name != names[earlier] || born_apart || union.is_apart(*earlier, *later) {
                    continue;
                }
                let (a, b) = (union.root(*earlier), union.root(*later));
                if a == b {
                    continue;
                }
                let namesakes = bearers_of.get(name.as_str()).map_or(&[][..], Vec::as_slice);
                let alone = namesakes.iter().all(|place| [a, b].contains(&union.root(*place)));
                if alone && follow_each_other(rows, union, a, b) {
                    union.join(*earlier, *later, Reason::Returned(*address));
                } else {
                    suspected.push((*earlier, *later, Suspected::OneHuman(*address)));
                }
            }
        }
    }
}

/// Whether one group's employments are all over before the other's begin.
fn follow_each_other(rows: &[Row], union: &Union, a: usize, b: usize) -> bool {
    let span = |root: usize| {
        let own: Vec<&Employment> = union.members(root).flat_map(|place| &rows[place].employments).collect();
        stay(own.into_iter())
    };
    let (Some((first_a, last_a)), Some((first_b, last_b))) = (span(a), span(b)) else { return false };
    last_a.is_some_and(|last| last < first_b) || last_b.is_some_and(|last| last < first_a)
}

/// Given and family name for comparison; empty where either is missing.
pub(in crate::people) fn full_name(row: &impl Named) -> String {
    let (Some(given), Some(family)) = row.parts() else { return String::new() };
    format!("{} {}", plain(given), plain(family))
}

/// What has a given and a family name.
pub(in crate::people) trait Named {
    /// Given and family name, as the feed has them.
    fn parts(&self) -> (Option<&str>, Option<&str>);
}

impl Named for Row {
    fn parts(&self) -> (Option<&str>, Option<&str>) {
        self.record.parts()
    }
}

impl Named for muster_connectors::record::Person {
    fn parts(&self) -> (Option<&str>, Option<&str>) {
        if self.given_name.is_some() || self.family_name.is_some() {
            return (self.given_name.as_deref(), self.family_name.as_deref());
        }
        super::attributes::split(self.preferred_name.as_deref().or(self.legal_name.as_deref()).unwrap_or_default())
    }
}

/// Whether what two rows say can be said of one human: an address or a part of a name in common, or nothing to compare. Names
/// in two scripts cannot be compared. With two birth dates it takes the full name: then one of the dates is misspelt.
fn may_be_one(a: &Row, b: &Row) -> bool {
    if a.emails.iter().any(|email| b.emails.contains(email)) {
        return true;
    }
    if are_born_apart(a, b) && full_name(a) != full_name(b) {
        return false;
    }
    let (mine, theirs) = (words(a), words(b));
    let latin = |words: &[String]| words.iter().any(|word| word.chars().any(|c| c.is_ascii_alphabetic()));
    if mine.is_empty() || theirs.is_empty() || latin(&mine) != latin(&theirs) {
        return true;
    }
    mine.iter().any(|word| theirs.iter().any(|other| strsim::jaro_winkler(word, other) >= ALIKE))
}

/// Every part of every name of a row; initials say nothing.
fn words(row: &Row) -> Vec<String> {
    let record = &row.record;
    let names = [&record.legal_name, &record.preferred_name, &record.given_name, &record.family_name];
    let names = names.into_iter().flatten().chain(&record.previous_names);
    let mut words: Vec<String> = names
        .flat_map(|name| plain(name).split(' ').map(str::to_owned).collect::<Vec<_>>())
        .filter(|word| word.chars().count() > 1)
        .collect();
    words.sort_unstable();
    words.dedup();
    words
}

/// A name without marks, in lower case, its words parted by one blank.
fn plain(name: &str) -> String {
    let letters: String = name
        .nfkd()
        .filter(|letter| !is_combining_mark(*letter))
        .flat_map(char::to_lowercase)
        .map(|letter| if letter.is_alphanumeric() { letter } else { ' ' })
        .collect();
    letters.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Disjoint sets of rows, with the pairs that must stay in two.
pub(super) struct Union {
    parent: Vec<usize>,
    /// The next row of the same human, in a ring.
    next: Vec<usize>,
    apart: Vec<(usize, usize)>,
    reasons: FxHashMap<usize, Reason>,
}

impl Union {
    fn new(rows: usize, apart: Vec<(usize, usize)>) -> Self {
        Self { parent: (0..rows).collect(), next: (0..rows).collect(), apart, reasons: FxHashMap::default() }
    }

    fn root(&self, mut place: usize) -> usize {
        while self.parent[place] != place {
            place = self.parent[place];
        }
        place
    }

    /// The rows of a human.
    fn members(&self, root: usize) -> impl Iterator<Item = usize> + '_ {
        let rest = std::iter::successors(Some(self.next[root]), |place| Some(self.next[*place]));
        std::iter::once(root).chain(rest.take_while(move |place| *place != root))
    }

    /// Whether two rows are one human's.
    pub(super) fn is_one(&self, a: usize, b: usize) -> bool {
        self.root(a) == self.root(b)
    }

    /// Whether a decision keeps the humans of two rows apart.
    fn is_apart(&self, a: usize, b: usize) -> bool {
        let (a, b) = (self.root(a), self.root(b));
        self.apart.iter().any(|(x, y)| {
            let (x, y) = (self.root(*x), self.root(*y));
            (x, y) == (a, b) || (y, x) == (a, b)
        })
    }

    /// Makes two rows one human's; the earlier row stands for the group.
    fn join(&mut self, a: usize, b: usize, reason: Reason) {
        let (first, second) = (self.root(a).min(self.root(b)), self.root(a).max(self.root(b)));
        if first != second && !self.is_apart(a, b) {
            self.parent[second] = first;
            self.next.swap(first, second);
            self.reasons.insert(second, reason);
        }
    }
}
