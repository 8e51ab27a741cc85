//! Which pairs are worth a look: persons by keys that most pairs of one human share.
//!
//! A key that too many persons share is refined by what else the record tells (another name, a day, a place…) rather than
//! looked through or dropped: first the single names, whose refinements hold all that the keys made of both names would find;
//! where these are too many still, the keys of both names; and a whole name by two things. What is shared by too many
//! even then is *crowded*: nothing in the record tells its bearers apart, and the account is told so.
//!
//! So an account is compared with some dozens of persons however many there are: every run that is looked through is short,
//! and there are as many runs as the record has keys and further facts.
//!
//! The index is sorted numbers, a person each in the low bits and the hash of a key in the high ones. Hashes that meet by
//! chance cost a comparison, never a pair.

use std::hash::Hasher;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHasher};

use super::levels::Kind;
use super::prepare::{Side, Spellings, value_text};

/// Persons of one whole name that are looked through.
const CAP: usize = 32;
/// The same for keys of parts of names and of facts: whoever is meant shares other keys, too, that fewer have.
const PART_CAP: usize = 12;
/// The same for keys that say little by themselves.
const WEAK_CAP: usize = 6;
/// The same for whole names that were refined.
const REFINED_CAP: usize = 12;
/// Bits of a person's place.
const PERSON_BITS: u32 = 26;
/// Most persons of one run: 2²⁶, 67 million.
pub(crate) const MOST_PERSONS: usize = 1 << PERSON_BITS;
/// Entries of a bucket, roughly.
const BUCKET: usize = 8;
/// Records that one thread takes at once.
const CHUNK: usize = 4096;
/// Lookups of a record, roughly.
const KEYS_OF_ONE: usize = 16;
/// Most bits of a set of hashes: 2²⁹, 64 MiB.
const MOST_MARK_BITS: u32 = 29;

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
    /// By one key.
    plain: Sorted,
    /// By a single name and one further fact, where too many bear the name.
    narrow: Sorted,
    /// By another key and one further fact, where the names with that fact do not tell enough.
    by_one: Sorted,
    /// By a whole name and two further facts.
    by_two: Sorted,
}

/// A key of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    hash: u64,
    of: KeyOf,
}

/// What a key is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum KeyOf {
    /// Two names, each with the hash of its single key; 0 of an initial, which has none. `whole` says all that a name says.
    Names { first: u64, second: u64, whole: bool },
    /// Something else, which no further fact of this field refines.
    Fact(u8),
}

/// What else a record tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Extra {
    hash: u64,
    field: u8,
}

/// Fields of [`Extra`]s: a name, a family of short forms, an address; then the values.
const NAME: u8 = 0;
const SHORT_FORM: u8 = 1;
const ADDRESS: u8 = 2;
const VALUE: u8 = 3;

/// What a record is looked up by; kept between records for its room.
#[derive(Debug, Default)]
struct Lookups {
    singles: Vec<u64>,
    keys: Vec<Key>,
    extras: Vec<Extra>,
    /// Whether a single name with an extra is told by a short run: a row a single, a column an extra.
    told: Vec<bool>,
    crowded: Vec<u64>,
}

/// Candidates of one account; kept between accounts for its room.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Persons, in ascending order, each once.
    pub(crate) persons: Vec<u32>,
    /// Bearers of the account's name who are too many to be looked through; 0 when all were.
    pub(crate) crowded: usize,
    keys: Lookups,
}

impl Index {
    /// Indexes persons by what some account is looked up by.
    ///
    /// Cost: O(n log n) for n keys that persons and accounts share, at most some 12 a person and 8 bytes each; those of crowded keys
    /// some 4 times more.
    pub(crate) fn of(persons: &Side, accounts: &Side, spellings: &Spellings, kinds: &[Kind]) -> Self {
        let of_person = |person: usize, keys: &mut Lookups| keys.fill(persons, person, spellings, kinds, Role::Person);
        let of_account =
            |account: usize, keys: &mut Lookups| keys.fill(accounts, account, spellings, kinds, Role::Account);
        let wanted = Marks::of(accounts.len(), KEYS_OF_ONE, |account, keys, put| {
            of_account(account, keys);
            keys.singles.iter().for_each(|single| put(*single));
            keys.keys.iter().for_each(|key| put(key.hash));
        });
        let plain = Sorted::of(persons.len(), &wanted, |person, keys, put| {
            of_person(person, keys);
            keys.singles.iter().for_each(|single| put(*single));
            keys.keys.iter().for_each(|key| put(key.hash));
        });
        let none = || Sorted::of(0, &Marks::default(), |_, _, _| ());
        let mut index = Self { plain, narrow: none(), by_one: none(), by_two: none() };
        let narrow = |keys: &Lookups, put: &mut dyn FnMut(u64)| {
            for single in keys.singles.iter().filter(|single| index.plain.crowd(**single) > WEAK_CAP) {
                keys.extras
                    .iter()
                    .filter(|extra| extra.hash != *single)
                    .for_each(|extra| put(mix(*single, extra.hash)));
            }
        };
        let wanted = Marks::of(accounts.len(), KEYS_OF_ONE, |account, keys, put| {
            keys.fill_singles(accounts, account, spellings, kinds);
            narrow(keys, put);
        });
        index.narrow = Sorted::of(persons.len(), &wanted, |person, keys, put| {
            keys.fill_singles(persons, person, spellings, kinds);
            narrow(keys, put);
        });
        let by_one = |keys: &mut Lookups, put: &mut dyn FnMut(u64)| {
            index.tell(keys);
            for key in keys.keys.iter().filter(|key| index.plain.crowd(key.hash) > key.cap()) {
                keys.refining(key).for_each(|extra| put(mix(key.hash, extra)));
            }
        };
        let wanted = Marks::of(accounts.len(), KEYS_OF_ONE, |account, keys, put| {
            of_account(account, keys);
            by_one(keys, put);
        });
        index.by_one = Sorted::of(persons.len(), &wanted, |person, keys, put| {
            of_person(person, keys);
            by_one(keys, put);
        });
        let by_two = |keys: &mut Lookups, put: &mut dyn FnMut(u64)| {
            index.tell(keys);
            let mut crowded = std::mem::take(&mut keys.crowded);
            for key in keys.keys.iter().filter(|key| key.is_whole() && index.plain.crowd(key.hash) > key.cap()) {
                crowded.clear();
                crowded.extend(keys.refining(key).map(|extra| mix(key.hash, extra)));
                crowded.retain(|one| index.by_one.crowd(*one) > REFINED_CAP);
                pairs_of(&crowded).for_each(|(one, two)| put(mix(one, two)));
            }
            keys.crowded = crowded;
        };
        let wanted = Marks::of(accounts.len(), KEYS_OF_ONE, |account, keys, put| {
            of_account(account, keys);
            by_two(keys, put);
        });
        index.by_two = Sorted::of(persons.len(), &wanted, |person, keys, put| {
            of_person(person, keys);
            by_two(keys, put);
        });
        index
    }

    /// Notes which single names are told by which extras.
    fn tell(&self, keys: &mut Lookups) {
        let Lookups { singles, extras, told, .. } = keys;
        told.clear();
        for single in singles.iter() {
            let few = self.plain.crowd(*single) <= WEAK_CAP;
            told.extend(extras.iter().map(|extra| {
                few || (extra.hash != *single && self.narrow.crowd(mix(*single, extra.hash)) <= WEAK_CAP)
            }));
        }
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
        let Found { persons, crowded, keys } = found;
        persons.clear();
        *crowded = 0;
        keys.fill(accounts, account, spellings, kinds, Role::Account);
        // Takes those who have a key, unless they are too many: then says how many.
        let mut look = |index: &Sorted, key: u64, cap: usize| {
            let many = index.crowd(key);
            if many <= cap {
                persons.extend(index.find(key).iter().map(|entry| person_of(*entry)));
            }
            if many <= cap { 0 } else { many }
        };
        keys.told.clear();
        for single in &keys.singles {
            let few = look(&self.plain, *single, WEAK_CAP) == 0;
            keys.told.extend(keys.extras.iter().map(|extra| {
                few || (extra.hash != *single && look(&self.narrow, mix(*single, extra.hash), WEAK_CAP) == 0)
            }));
        }
        let mut open = std::mem::take(&mut keys.crowded);
        for key in &keys.keys {
            if look(&self.plain, key.hash, key.cap()) == 0 {
                continue;
            }
            open.clear();
            for extra in keys.refining(key) {
                let refined = mix(key.hash, extra);
                let many = look(&self.by_one, refined, key.refined_cap());
                if many > 0 && key.is_whole() {
                    *crowded = (*crowded).max(many);
                    open.push(refined);
                }
            }
            pairs_of(&open).for_each(|(one, two)| {
                look(&self.by_two, mix(one, two), REFINED_CAP);
            });
        }
        keys.crowded = open;
        persons.sort_unstable();
        persons.dedup();
    }
}

impl Key {
    const fn is_whole(&self) -> bool {
        matches!(self.of, KeyOf::Names { whole: true, .. })
    }

    /// Persons of the key who are looked through.
    const fn cap(&self) -> usize {
        if self.is_whole() { CAP } else { PART_CAP }
    }

    /// Persons of the key and a further fact who are looked through.
    const fn refined_cap(&self) -> usize {
        if self.is_whole() { REFINED_CAP } else { WEAK_CAP }
    }
}

impl Lookups {
    fn fill(&mut self, side: &Side, record: usize, spellings: &Spellings, kinds: &[Kind], role: Role) {
        self.fill_singles(side, record, spellings, kinds);
        self.keys.clear();
        record_keys(side, record, spellings, kinds, role, &mut self.keys);
    }

    /// Single names and extras alone.
    fn fill_singles(&mut self, side: &Side, record: usize, spellings: &Spellings, kinds: &[Kind]) {
        self.singles.clear();
        for name in side.names(record) {
            let tokens = name.given.of(&side.tokens).iter().chain(name.family.of(&side.tokens));
            self.singles.extend(tokens.filter_map(|token| single_key(spellings, *token)));
        }
        self.singles.sort_unstable();
        self.singles.dedup();
        self.extras.clear();
        record_extras(side, record, spellings, kinds, &mut self.extras);
    }

    /// The extras that a key of too many is refined by: those with which one of its names alone is still too many's.
    fn refining(&self, key: &Key) -> impl Iterator<Item = u64> + '_ {
        let row = |single: u64| self.singles.binary_search(&single).ok().map(|row| row * self.extras.len());
        let (first, second, field) = match key.of {
            KeyOf::Names { first, second, .. } => (row(first), row(second), None),
            KeyOf::Fact(field) => (None, None, Some(field)),
        };
        self.extras.iter().enumerate().filter_map(move |(place, extra)| {
            let is_told = |row: Option<usize>| row.is_some_and(|row| self.told[row + place]);
            let wanted = match field {
                // A name with a fact is looked up from the name's side.
                Some(field) => extra.field != NAME && extra.field != field,
                None => !(is_told(first) && is_told(second)),
            };
            wanted.then_some(extra.hash)
        })
    }
}

/// Every two of some.
fn pairs_of(some: &[u64]) -> impl Iterator<Item = (u64, u64)> + '_ {
    some.iter().enumerate().flat_map(|(place, one)| some[place + 1..].iter().map(move |two| (*one, *two)))
}

/// A set of hashes that errs on one side only: it may have one that was never put. A bit a hash, found by its high bits.
#[derive(Debug, Default)]
struct Marks {
    bits: Vec<AtomicU64>,
    shift: u32,
}

impl Marks {
    /// What `keys` puts for each record, some `each` of them a record.
    fn of(records: usize, each: usize, keys: impl Fn(usize, &mut Lookups, &mut dyn FnMut(u64)) + Sync) -> Self {
        let marks = Self::with_room(records * each);
        (0..records.div_ceil(CHUNK)).into_par_iter().for_each(|chunk| {
            let mut room = Lookups::default();
            for record in chunk * CHUNK..records.min((chunk + 1) * CHUNK) {
                keys(record, &mut room, &mut |key| marks.put(key));
            }
        });
        marks
    }

    /// Room for `hashes` with one chance in eight, or less, that another one counts as put.
    fn with_room(hashes: usize) -> Self {
        let bits = (hashes * 8).max(64).next_power_of_two().ilog2().min(MOST_MARK_BITS);
        Self { bits: (0..1_usize << (bits - 6)).map(|_| AtomicU64::new(0)).collect(), shift: 64 - bits }
    }

    fn put(&self, hash: u64) {
        let place = hash >> self.shift;
        if let Some(word) = usize::try_from(place >> 6).ok().and_then(|word| self.bits.get(word)) {
            word.fetch_or(1 << (place & 63), Relaxed);
        }
    }

    fn has(&self, hash: u64) -> bool {
        let place = hash >> self.shift;
        let word = usize::try_from(place >> 6).ok().and_then(|word| self.bits.get(word));
        word.is_some_and(|word| word.load(Relaxed) >> (place & 63) & 1 == 1)
    }

    /// Whether nothing was put.
    fn is_empty(&self) -> bool {
        self.bits.iter().all(|word| word.load(Relaxed) == 0)
    }
}

/// Lookups in ascending order, with where each bucket begins.
#[derive(Debug)]
struct Sorted {
    entries: Vec<u64>,
    buckets: Vec<u32>,
    /// What is left of a hash when it is shifted so far is its bucket.
    shift: u32,
    /// How many persons have a key, for those that more than [`WEAK_CAP`] have.
    many: FxHashMap<u64, u32>,
}

impl Sorted {
    /// What `keys` puts for each person, as far as it is wanted.
    fn of(persons: usize, wanted: &Marks, keys: impl Fn(usize, &mut Lookups, &mut dyn FnMut(u64)) + Sync) -> Self {
        let persons = if wanted.is_empty() { 0 } else { persons };
        let mut entries: Vec<u64> = (0..persons.div_ceil(CHUNK))
            .into_par_iter()
            .flat_map_iter(|chunk| {
                let (mut entries, mut room) = (Vec::new(), Lookups::default());
                for person in chunk * CHUNK..persons.min((chunk + 1) * CHUNK) {
                    keys(person, &mut room, &mut |key| {
                        if wanted.has(key) {
                            entries.push((key >> PERSON_BITS << PERSON_BITS) | person as u64);
                        }
                    });
                }
                entries
            })
            .collect();
        entries.par_sort_unstable();
        entries.dedup();
        entries.shrink_to_fit();
        let bits = (entries.len() / BUCKET).max(2).ilog2().min(64 - PERSON_BITS);
        let shift = 64 - bits;
        let mut buckets = vec![0_u32; (1 << bits) + 1];
        let mut place = 0;
        for (bucket, start) in buckets.iter_mut().enumerate() {
            while entries.get(place).is_some_and(|entry| (entry >> shift) < bucket as u64) {
                place += 1;
            }
            *start = u32::try_from(place).unwrap_or(u32::MAX);
        }
        let runs = entries.chunk_by(|a, b| a >> PERSON_BITS == b >> PERSON_BITS).filter(|run| run.len() > WEAK_CAP);
        let many = runs.map(|run| (run[0] >> PERSON_BITS, u32::try_from(run.len()).unwrap_or(u32::MAX))).collect();
        Self { entries, buckets, shift, many }
    }

    /// How many have a key, where they are more than [`WEAK_CAP`]; else 0.
    fn crowd(&self, key: u64) -> usize {
        self.many.get(&(key >> PERSON_BITS)).map_or(0, |many| *many as usize)
    }

    /// The entries of a key.
    fn find(&self, key: u64) -> &[u64] {
        let bucket = usize::try_from(key >> self.shift).unwrap_or(0);
        let room = &self.entries[self.buckets[bucket] as usize..self.buckets[bucket + 1] as usize];
        let key = key >> PERSON_BITS;
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
    scatter(hasher.finish())
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

fn record_keys(side: &Side, record: usize, spellings: &Spellings, kinds: &[Kind], role: Role, keys: &mut Vec<Key>) {
    for name in side.names(record) {
        let (given, family) = (name.given.of(&side.tokens), name.family.of(&side.tokens));
        if role == Role::Account && family.is_empty() {
            for (place, one) in given.iter().enumerate() {
                let others = given.iter().enumerate().filter(|(other, _)| *other != place);
                others.for_each(|(_, two)| name_keys(spellings, *two, *one, role, keys));
            }
            let joined: String = given.iter().map(|token| spellings.text(*token)).collect();
            keys.push(fact(ADDRESS, hash(11, text_hash(&joined), 0)));
        } else {
            for last in family {
                given.iter().take(3).for_each(|first| name_keys(spellings, *first, *last, role, keys));
            }
        }
    }
    for address in side.addresses(record) {
        keys.push(fact(ADDRESS, hash(9, u64::from(address.whole), 0)));
        keys.push(fact(ADDRESS, hash(10, u64::from(address.local), 0)));
        keys.push(fact(ADDRESS, hash(11, text_hash(spellings.text(address.letters)), 0)));
    }
    for value in side.values(record) {
        let field = u64::from(value.field);
        let mut put = |hash: u64| keys.push(fact(VALUE + value.field, hash));
        match kinds[usize::from(value.field)] {
            Kind::Phone => put(hash(12, field, value.number % 10_000_000)),
            Kind::Date => {
                put(hash(13, field, value.number));
                let (year, month, day) = (value.number / 10_000, value.number / 100 % 100, value.number % 100);
                if role == Role::Account && day <= 12 && day != month {
                    put(hash(13, field, year * 10_000 + day * 100 + month));
                }
            }
            Kind::Code => put(hash(14, u64::from(value.id), 0)),
            // Too common for a key of its own, unless it is long.
            Kind::Text if spellings.text(value.id).len() >= 12 => put(hash(14, u64::from(value.id), 0)),
            Kind::Text => {}
        }
    }
    keys.sort_unstable();
    keys.dedup_by_key(|key| key.hash);
}

const fn fact(field: u8, hash: u64) -> Key {
    Key { hash, of: KeyOf::Fact(field) }
}

/// The key of a token alone, whichever name it is; none of an initial. It is the same as that of the token as a further fact.
fn single_key(spellings: &Spellings, token: u32) -> Option<u64> {
    let token = spellings.plain(token);
    (spellings.text(token).len() >= 2).then(|| hash(1, u64::from(token), 0))
}

fn name_keys(spellings: &Spellings, given: u32, family: u32, role: Role, keys: &mut Vec<Key>) {
    let single = |token| single_key(spellings, token).unwrap_or(0);
    let (one, two) = (single(given), single(family));
    let (given, family) = (spellings.plain(given), spellings.plain(family));
    let (first, last) = (spellings.text(given), spellings.text(family));
    let mut put = |hash: u64, whole: bool| {
        keys.push(Key { hash, of: KeyOf::Names { first: one, second: two, whole } });
    };
    let initials = match role {
        Role::Person => spellings.initials(given),
        Role::Account => first.bytes().next().into_iter().collect(),
    };
    for initial in initials {
        let initial = u64::from(initial);
        put(hash(2, u64::from(family), initial), true);
        put(hash(3, u64::from(spellings.sound(family)), initial), false);
    }
    // Slips in the family name: one half of it is right.
    let half = last.len().div_ceil(2).min(4);
    if last.len() >= 3 && first.len() > 1 {
        for root in roots(spellings, given) {
            put(hash(4, root, text_hash(last.get(..half).unwrap_or(last))), false);
            put(hash(5, root, text_hash(last.get(last.len() - half..).unwrap_or(last))), false);
        }
    }
    // Slips in the given name: the family name is right, and the other half of the given name.
    if first.len() >= 3 {
        put(hash(6, u64::from(family), text_hash(&first[first.len() - 2..])), false);
    }
    // Logins: both names, or one and a letter.
    if role == Role::Person
        && let (Some(i), Some(l)) = (first.get(..1), last.get(..1))
    {
        let mut login = String::with_capacity(first.len() + last.len());
        for (a, b) in [(first, last), (last, first), (i, last), (last, i), (first, l)] {
            login.clear();
            login.push_str(a);
            login.push_str(b);
            keys.push(fact(ADDRESS, hash(11, text_hash(&login), 0)));
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
fn record_extras(side: &Side, record: usize, spellings: &Spellings, kinds: &[Kind], extras: &mut Vec<Extra>) {
    for name in side.names(record) {
        for token in name.given.of(&side.tokens).iter().chain(name.family.of(&side.tokens)) {
            let initial = || hash(21, u64::from(spellings.plain(*token)), 0);
            extras.push(Extra { hash: single_key(spellings, *token).unwrap_or_else(initial), field: NAME });
            let families = spellings.short_forms(*token).iter().take(2);
            extras.extend(families.map(|family| Extra { hash: hash(22, u64::from(*family), 0), field: SHORT_FORM }));
        }
    }
    for address in side.addresses(record).iter().take(2) {
        extras.push(Extra { hash: hash(23, u64::from(address.local), 0), field: ADDRESS });
    }
    for value in side.values(record) {
        let field = u64::from(value.field);
        let mut put = |hash: u64| extras.push(Extra { hash, field: VALUE + value.field });
        match kinds[usize::from(value.field)] {
            Kind::Phone => put(hash(24, field, value.number % 10_000_000)),
            Kind::Date => put(hash(25, field, value.number)),
            Kind::Code => {
                let text = value_text(spellings.text(value.id));
                let half = text.get(..text.len().div_ceil(2)).unwrap_or(text);
                put(hash(26, field, text_hash(half)));
                put(hash(27, u64::from(value.id), 0));
            }
            Kind::Text => put(hash(27, u64::from(value.id), 0)),
        }
    }
    extras.sort_unstable();
    extras.dedup();
}
