//! Which pairs are worth a look: persons by keys that most pairs of one human share.
//!
//! A key that more than [`CAP`] persons share is refined by what else the record tells (another name, a day, a place…), and
//! a whole name by two of these, rather than looked through or dropped. What is shared by too many even then is *crowded*: nothing
//! in the record tells its bearers apart, and the account is told so.
//!
//! The index is sorted numbers, a person each in the low bits and the hash of a key in the high ones. Hashes that meet by
//! chance cost a comparison, never a pair.

use std::hash::Hasher;

use rayon::prelude::*;
use rustc_hash::FxHasher;

use super::levels::Kind;
use super::prepare::{Side, Spellings, value_text};

/// Persons of one key that are looked through.
const CAP: usize = 32;
/// The same for keys that say little by themselves.
const WEAK_CAP: usize = 6;
/// Bits of a person's place.
const PERSON_BITS: u32 = 26;
/// Most persons of one run: 2²⁶, 67 million.
pub(crate) const MOST_PERSONS: usize = 1 << PERSON_BITS;
/// Bits that find the bucket of a hash.
const BUCKET_BITS: u32 = 16;

/// Marks a key that says all a name says; the low bits of a key are not kept in the index.
const WHOLE_NAME: u64 = 1;
/// Marks a key that says little by itself.
const WEAK: u64 = 2;

/// Which side a record's keys are made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// The order of names is not known: each token may be either.
    Account,
    Person,
}

/// Persons by key.
#[derive(Debug)]
pub(crate) struct Index {
    plain: Sorted,
    by_one: Sorted,
    by_two: Sorted,
}

/// Candidates of one account; kept between accounts for its room.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Persons, in ascending order, each once.
    pub(crate) persons: Vec<u32>,
    /// Bearers of the account's name who are too many to be looked through; 0 when all were.
    pub(crate) crowded: usize,
    keys: Vec<u64>,
    extras: Vec<u64>,
}

impl Index {
    /// Indexes persons.
    ///
    /// Cost: O(n log n) for n keys, some 12 a person and 8 bytes each; those of crowded keys some 8 times more.
    pub(crate) fn of(persons: &Side, spellings: &Spellings, kinds: &[Kind]) -> Self {
        let keys_of =
            |person: usize, keys: &mut Vec<u64>| record_keys(persons, person, spellings, kinds, Role::Person, keys);
        let extras_of = |person: usize, extras: &mut Vec<u64>| record_extras(persons, person, spellings, kinds, extras);
        let plain = Sorted::of(persons.len(), |person, put| {
            let mut keys = Vec::new();
            keys_of(person, &mut keys);
            for key in &keys {
                put(*key);
            }
        });
        let by_one = Sorted::of(persons.len(), |person, put| {
            let (mut keys, mut extras) = (Vec::new(), Vec::new());
            keys_of(person, &mut keys);
            keys.retain(|key| plain.find(*key).len() > cap(*key));
            if keys.is_empty() {
                return;
            }
            extras_of(person, &mut extras);
            for key in keys {
                for extra in &extras {
                    put(mix(key, *extra));
                }
            }
        });
        let by_two = Sorted::of(persons.len(), |person, put| {
            let (mut keys, mut extras) = (Vec::new(), Vec::new());
            keys_of(person, &mut keys);
            keys.retain(|key| key & WHOLE_NAME != 0 && plain.find(*key).len() > CAP);
            if keys.is_empty() {
                return;
            }
            extras_of(person, &mut extras);
            for key in keys {
                let crowded: Vec<u64> =
                    extras.iter().copied().filter(|extra| by_one.find(mix(key, *extra)).len() > cap(key)).collect();
                for (place, one) in crowded.iter().enumerate() {
                    crowded[place + 1..].iter().for_each(|two| put(mix(mix(key, *one), *two)));
                }
            }
        });
        Self { plain, by_one, by_two }
    }

    /// Persons that share a key with an account.
    pub(crate) fn find(
        &self,
        accounts: &Side,
        account: usize,
        spellings: &Spellings,
        kinds: &[Kind],
        found: &mut Found,
    ) {
        let Found { persons, crowded, keys, extras } = found;
        persons.clear();
        *crowded = 0;
        keys.clear();
        extras.clear();
        record_keys(accounts, account, spellings, kinds, Role::Account, keys);
        for key in keys.iter() {
            let run = self.plain.find(*key);
            if run.len() <= cap(*key) {
                persons.extend(run.iter().map(|entry| person_of(*entry)));
                continue;
            }
            if extras.is_empty() {
                record_extras(accounts, account, spellings, kinds, extras);
            }
            for (place, one) in extras.iter().enumerate() {
                let narrow = self.by_one.find(mix(*key, *one));
                if narrow.len() <= cap(*key) {
                    persons.extend(narrow.iter().map(|entry| person_of(*entry)));
                    continue;
                }
                if key & WHOLE_NAME == 0 {
                    continue;
                }
                *crowded = (*crowded).max(narrow.len());
                for two in &extras[place + 1..] {
                    let narrow = self.by_two.find(mix(mix(*key, *one), *two));
                    if narrow.len() <= cap(*key) {
                        persons.extend(narrow.iter().map(|entry| person_of(*entry)));
                    }
                }
            }
        }
        persons.sort_unstable();
        persons.dedup();
    }
}

const fn cap(key: u64) -> usize {
    if key & WEAK == 0 { CAP } else { WEAK_CAP }
}

/// Keys in ascending order, with where each bucket begins.
#[derive(Debug)]
struct Sorted {
    entries: Vec<u64>,
    buckets: Vec<u32>,
}

impl Sorted {
    fn of(persons: usize, keys: impl Fn(usize, &mut dyn FnMut(u64)) + Sync) -> Self {
        let mut entries: Vec<u64> = (0..persons.div_ceil(4096))
            .into_par_iter()
            .flat_map_iter(|chunk| {
                let mut entries = Vec::new();
                for person in chunk * 4096..persons.min((chunk + 1) * 4096) {
                    keys(person, &mut |key| entries.push((key >> PERSON_BITS << PERSON_BITS) | person as u64));
                }
                entries
            })
            .collect();
        entries.par_sort_unstable();
        entries.dedup();
        entries.shrink_to_fit();
        let mut buckets = vec![0_u32; (1 << BUCKET_BITS) + 1];
        let mut place = 0;
        for (bucket, start) in buckets.iter_mut().enumerate() {
            while entries.get(place).is_some_and(|entry| (entry >> (64 - BUCKET_BITS)) < bucket as u64) {
                place += 1;
            }
            *start = u32::try_from(place).unwrap_or(u32::MAX);
        }
        Self { entries, buckets }
    }

    /// The entries of a key.
    fn find(&self, key: u64) -> &[u64] {
        let key = key >> PERSON_BITS;
        let bucket = usize::try_from(key >> (64 - PERSON_BITS - BUCKET_BITS)).unwrap_or(0);
        let room = &self.entries[self.buckets[bucket] as usize..self.buckets[bucket + 1] as usize];
        let start = room.partition_point(|entry| entry >> PERSON_BITS < key);
        let end = start + room[start..].partition_point(|entry| entry >> PERSON_BITS == key);
        &room[start..end]
    }
}

fn person_of(entry: u64) -> u32 {
    u32::try_from(entry & ((1 << PERSON_BITS) - 1)).unwrap_or(u32::MAX)
}

fn hash(purpose: u8, a: u64, b: u64) -> u64 {
    let mut hasher = FxHasher::default();
    hasher.write_u8(purpose);
    hasher.write_u64(a);
    hasher.write_u64(b);
    scatter(hasher.finish()) & !(WHOLE_NAME | WEAK)
}

fn mix(a: u64, b: u64) -> u64 {
    hash(0, a, b)
}

/// The finaliser of SplitMix64: every bit of the input moves every bit of the output.
fn scatter(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn text_hash(text: &str) -> u64 {
    let mut hasher = FxHasher::default();
    hasher.write(text.as_bytes());
    hasher.finish()
}

fn record_keys(side: &Side, record: usize, spellings: &Spellings, kinds: &[Kind], role: Role, keys: &mut Vec<u64>) {
    for name in side.names(record) {
        let (given, family) = (name.given.of(&side.tokens), name.family.of(&side.tokens));
        if role == Role::Account && family.is_empty() {
            for (place, one) in given.iter().enumerate() {
                single_key(spellings, *one, keys);
                let others = given.iter().enumerate().filter(|(other, _)| *other != place);
                others.for_each(|(_, two)| name_keys(spellings, *two, *one, role, keys));
            }
            let joined: String = given.iter().map(|token| spellings.text(*token)).collect();
            keys.push(hash(11, text_hash(&joined), 0));
        } else {
            for last in family {
                single_key(spellings, *last, keys);
                given.iter().take(3).for_each(|first| name_keys(spellings, *first, *last, role, keys));
            }
            for first in given {
                single_key(spellings, *first, keys);
            }
        }
    }
    for address in side.addresses(record) {
        keys.push(hash(9, u64::from(address.whole), 0));
        keys.push(hash(10, u64::from(address.local), 0));
        keys.push(hash(11, text_hash(spellings.text(address.letters)), 0));
    }
    for value in side.values(record) {
        let field = u64::from(value.field);
        match kinds[usize::from(value.field)] {
            Kind::Phone => keys.push(hash(12, field, value.number % 10_000_000)),
            Kind::Date => {
                keys.push(hash(13, field, value.number));
                let (year, month, day) = (value.number / 10_000, value.number / 100 % 100, value.number % 100);
                if role == Role::Account && day <= 12 && day != month {
                    keys.push(hash(13, field, year * 10_000 + day * 100 + month));
                }
            }
            Kind::Code => keys.push(hash(14, u64::from(value.id), 0)),
            // Too common for a key of its own, unless it is long.
            Kind::Text if spellings.text(value.id).len() >= 12 => keys.push(hash(14, u64::from(value.id), 0)),
            Kind::Text => {}
        }
    }
    keys.sort_unstable();
    keys.dedup();
}

/// A token alone, whichever name it is.
fn single_key(spellings: &Spellings, token: u32, keys: &mut Vec<u64>) {
    let token = spellings.plain(token);
    if spellings.text(token).len() >= 2 {
        keys.push(hash(1, u64::from(token), 0) | WEAK);
    }
}

fn name_keys(spellings: &Spellings, given: u32, family: u32, role: Role, keys: &mut Vec<u64>) {
    let (given, family) = (spellings.plain(given), spellings.plain(family));
    let (first, last) = (spellings.text(given), spellings.text(family));
    let initials = match role {
        Role::Person => spellings.initials(given),
        Role::Account => first.bytes().next().into_iter().collect(),
    };
    for initial in initials {
        let initial = u64::from(initial);
        keys.push(hash(2, u64::from(family), initial) | WHOLE_NAME);
        keys.push(hash(3, u64::from(spellings.sound(family)), initial));
    }
    // Slips in the family name: one half of it is right.
    let half = last.len().div_ceil(2).min(4);
    if last.len() >= 3 && first.len() > 1 {
        for root in roots(spellings, given) {
            keys.push(hash(4, root, text_hash(last.get(..half).unwrap_or(last))));
            keys.push(hash(5, root, text_hash(last.get(last.len() - half..).unwrap_or(last))));
        }
    }
    // Slips in the given name: the family name is right, and the other half of the given name.
    if first.len() >= 3 {
        keys.push(hash(6, u64::from(family), text_hash(&first[first.len() - 2..])));
    }
    // Logins: both names, or one and a letter.
    if role == Role::Person
        && let (Some(i), Some(l)) = (first.get(..1), last.get(..1))
    {
        for (a, b) in [(first, last), (last, first), (i, last), (last, i), (first, l)] {
            keys.push(hash(11, text_hash(&format!("{a}{b}")), 0));
        }
    }
}

/// What a given name is grouped by: its families of short forms, or itself.
fn roots(spellings: &Spellings, given: u32) -> Vec<u64> {
    let families = spellings.short_forms(given);
    if families.is_empty() {
        vec![u64::from(given)]
    } else {
        families.iter().map(|family| u64::from(*family) | 1 << 40).collect()
    }
}

/// What else tells bearers of one key apart.
fn record_extras(side: &Side, record: usize, spellings: &Spellings, kinds: &[Kind], extras: &mut Vec<u64>) {
    for name in side.names(record) {
        for token in name.given.of(&side.tokens).iter().chain(name.family.of(&side.tokens)) {
            extras.push(hash(21, u64::from(spellings.plain(*token)), 0));
            let families = spellings.short_forms(*token).iter();
            extras.extend(families.take(2).map(|family| hash(22, u64::from(*family), 0)));
        }
    }
    for address in side.addresses(record).iter().take(2) {
        extras.push(hash(23, u64::from(address.local), 0));
    }
    for value in side.values(record) {
        let field = u64::from(value.field);
        match kinds[usize::from(value.field)] {
            Kind::Phone => extras.push(hash(24, field, value.number % 10_000_000)),
            Kind::Date => extras.push(hash(25, field, value.number)),
            Kind::Code => {
                let text = value_text(spellings.text(value.id));
                let half = text.get(..text.len().div_ceil(2)).unwrap_or(text);
                extras.extend([hash(26, field, text_hash(half)), hash(27, u64::from(value.id), 0)]);
            }
            Kind::Text => extras.push(hash(27, u64::from(value.id), 0)),
        }
    }
    extras.sort_unstable();
    extras.dedup();
}
