//! A pair of records, field by field: which level of likeness each field has, and how rare what agrees is.

use super::fold;
use super::levels::{EXACT, Kind, MISSING, address, family, given, value};
use super::prepare::{Address, NameRun, Run, Side, Spellings, Value, value_text};

/// Fields of a pattern: two for names, two for addresses, the rest for values.
pub(crate) const GIVEN: usize = 0;
pub(crate) const FAMILY: usize = 1;
/// Addresses where the names of the pair do not agree.
pub(crate) const ADDRESS: usize = 2;
/// Addresses where they do.
pub(crate) const NAMED_ADDRESS: usize = 3;
pub(crate) const VALUES: usize = 4;
/// Most fields of a pattern.
pub(crate) const MOST: usize = 16;

/// No spelling.
pub(crate) const NONE: u32 = u32::MAX;

/// How a pair compares.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Pattern {
    /// Level of each field.
    pub(crate) levels: [u8; MOST],
    /// The spelling that agrees, where a field is equal.
    pub(crate) agreed: [u32; MOST],
}

/// Both sides with what they are compared by.
#[derive(Debug)]
pub(crate) struct Pairs<'a> {
    pub(crate) accounts: &'a Side,
    pub(crate) persons: &'a Side,
    pub(crate) spellings: &'a Spellings,
    pub(crate) kinds: &'a [Kind],
}

impl Pairs<'_> {
    /// Compares an account with a person.
    pub(crate) fn compare(&self, account: usize, person: usize) -> Pattern {
        self.fill(account, person, self.names(account, person))
    }

    /// The same where the pair has a chance: part of a name in common, an address, or two other values.
    ///
    /// A postcode or a birthday alone is shared by many, and most pairs that a key brings together have no more.
    pub(crate) fn compare_promising(&self, account: usize, person: usize) -> Option<Pattern> {
        let names = self.names(account, person);
        let promising =
            names.any_agree() || self.share_address(account, person) || self.share_values(account, person) >= 2;
        promising.then(|| self.fill(account, person, names))
    }

    fn share_address(&self, account: usize, person: usize) -> bool {
        let theirs = self.persons.addresses(person);
        self.accounts.addresses(account).iter().any(|ours| theirs.iter().any(|other| ours.local == other.local))
    }

    fn share_values(&self, account: usize, person: usize) -> usize {
        let theirs = self.persons.values(person);
        self.accounts.values(account).iter().filter(|ours| theirs.iter().any(|other| ours.id == other.id)).count()
    }

    fn fill(&self, account: usize, person: usize, names: Names) -> Pattern {
        let mut pattern = Pattern { levels: [MISSING; MOST], agreed: [NONE; MOST] };
        (pattern.levels[GIVEN], pattern.agreed[GIVEN]) = names.given;
        (pattern.levels[FAMILY], pattern.agreed[FAMILY]) = names.family;
        let field = if names.agree() { NAMED_ADDRESS } else { ADDRESS };
        (pattern.levels[field], pattern.agreed[field]) = self.addresses(account, person, names.any());
        self.values(account, person, &mut pattern);
        pattern
    }

    /// The best of all readings of all names.
    fn names(&self, account: usize, person: usize) -> Names {
        let mut best = Names { given: (MISSING, NONE), family: (MISSING, NONE) };
        let mut rank = i32::MIN;
        for name in self.accounts.names(account) {
            for other in self.persons.names(person) {
                let found = self.align(name, other);
                if found.rank() > rank {
                    rank = found.rank();
                    best = found;
                }
            }
        }
        best
    }

    /// Reads an account's tokens as a person's name: family names first, the given name from what is left.
    fn align(&self, name: &NameRun, person: &NameRun) -> Names {
        let mut tokens = [NONE; 12];
        let mut count = 0;
        let all = name.given.of(&self.accounts.tokens).iter().chain(name.family.of(&self.accounts.tokens));
        for (slot, token) in tokens.iter_mut().zip(all) {
            *slot = *token;
            count += 1;
        }
        let tokens = &tokens[..count];
        let mut taken: u16 = 0;
        let family = self.family(tokens, person, &mut taken);
        let given = self.given(tokens, person.given, &mut taken);
        let left = (taken.count_ones() as usize) < count;
        let family = match family {
            // Nothing is left that could be the family name: the account does not tell it.
            (family::DIFFERENT, _) if !left => (MISSING, NONE),
            other => other,
        };
        let given = if given.0 == given::DIFFERENT && !left { (MISSING, NONE) } else { given };
        Names { given, family }
    }

    fn family(&self, tokens: &[u32], person: &NameRun, taken: &mut u16) -> (u8, u32) {
        let family = person.family.of(&self.persons.tokens);
        if family.is_empty() || tokens.is_empty() {
            return (MISSING, NONE);
        }
        let exact = if person.former { family::FORMER } else { EXACT };
        let mut agreed = NONE;
        let mut found = 0;
        for wanted in family {
            // The last of equal tokens: `James James` has his family name at the end.
            if let Some(place) = (0..tokens.len()).rev().find(|p| tokens[*p] == *wanted && *taken & (1 << p) == 0) {
                *taken |= 1 << place;
                found += 1;
                agreed = rarer(self.persons, agreed, *wanted);
            }
        }
        if found == family.len() {
            return (exact, agreed);
        }
        if found > 0 {
            return (family::PART, agreed);
        }
        let mut best = (family::DIFFERENT, NONE);
        let mut best_place = None;
        for wanted in family {
            for place in (0..tokens.len()).rev() {
                if self.spellings.plain(tokens[place]) == self.spellings.plain(*wanted) {
                    let level = if person.former { family::FORMER } else { family::SPELLING };
                    if level < best.0 {
                        best = (level, *wanted);
                        best_place = Some(place);
                    }
                    continue;
                }
                let level = match self.alike(tokens[place], *wanted) {
                    Alike::Typo => family::TYPO,
                    Alike::Sound => family::SOUND,
                    Alike::Initial => family::INITIAL,
                    Alike::Start | Alike::No => continue,
                };
                if level < best.0 {
                    best = (level, NONE);
                    best_place = Some(place);
                }
            }
        }
        if let Some(place) = best_place {
            *taken |= 1 << place;
        }
        best
    }

    fn given(&self, tokens: &[u32], wanted: Run, taken: &mut u16) -> (u8, u32) {
        let wanted = wanted.of(&self.persons.tokens);
        if wanted.is_empty() || tokens.is_empty() || taken.count_ones() as usize == tokens.len() {
            return (MISSING, NONE);
        }
        let mut best = (given::DIFFERENT, NONE);
        let mut best_place = None;
        for (rank, name) in wanted.iter().enumerate() {
            for (place, token) in tokens.iter().enumerate().filter(|(place, _)| *taken & (1 << place) == 0) {
                let level = if token == name {
                    if rank == 0 { EXACT } else { given::MIDDLE }
                } else if rank > 0 {
                    continue;
                } else if self.spellings.plain(*token) == self.spellings.plain(*name) {
                    given::SPELLING
                } else if self.is_short_form(*token, *name) {
                    given::SHORT
                } else {
                    match self.alike(*token, *name) {
                        Alike::Typo => given::TYPO,
                        Alike::Start => given::SHORT,
                        Alike::Initial => given::INITIAL,
                        Alike::Sound => given::SOUND,
                        Alike::No => continue,
                    }
                };
                if level < best.0 {
                    let agrees = matches!(level, EXACT | given::SPELLING | given::MIDDLE);
                    best = (level, if agrees { *name } else { NONE });
                    best_place = Some(place);
                }
            }
        }
        if let Some(place) = best_place {
            *taken |= 1 << place;
        }
        best
    }

    fn is_short_form(&self, a: u32, b: u32) -> bool {
        let (a, b) = (self.spellings.short_forms(a), self.spellings.short_forms(b));
        a.iter().any(|family| b.contains(family))
    }

    /// How alike two different tokens are.
    fn alike(&self, a: u32, b: u32) -> Alike {
        let (x, y) = (self.spellings.text(a), self.spellings.text(b));
        let (short, long) = if x.len() <= y.len() { (x, y) } else { (y, x) };
        if short.len() == 1 {
            return if long.starts_with(short) { Alike::Initial } else { Alike::No };
        }
        let most = match short.len() {
            0..=2 => 0,
            3..=6 => 1,
            _ => 2,
        };
        if most > 0 && fold::edits(x, y, most).is_some_and(|edits| edits < 2 || x.as_bytes()[0] == y.as_bytes()[0]) {
            return Alike::Typo;
        }
        if short.len() >= 3 && long.starts_with(short) {
            return Alike::Start;
        }
        if short.len() >= 4 && self.spellings.sound(a) == self.spellings.sound(b) && strsim::jaro_winkler(x, y) >= 0.75
        {
            return Alike::Sound;
        }
        // Two slips in a short name, or three in a long one.
        let near = long.len() - short.len() <= 2 && short.len() >= 5 && x.as_bytes()[0] == y.as_bytes()[0];
        if near && strsim::jaro_winkler(x, y) >= 0.9 { Alike::Typo } else { Alike::No }
    }

    /// `named`: whether the names of the pair could be compared.
    fn addresses(&self, account: usize, person: usize, named: bool) -> (u8, u32) {
        let ours = self.accounts.addresses(account);
        if ours.is_empty() {
            return (MISSING, NONE);
        }
        let theirs = self.persons.addresses(person);
        let mut best = (address::DIFFERENT, NONE);
        let mut silent = false;
        for address in ours {
            for other in theirs {
                let found = if address.whole == other.whole {
                    (EXACT, address.whole)
                } else if address.local == other.local {
                    (address::LOCAL, address.local)
                } else if best.0 > address::TYPO && self.is_typo(address.local, other.local) {
                    (address::TYPO, NONE)
                } else if address.domain != 0 && address.domain == other.domain {
                    (address::OTHER, NONE)
                } else {
                    (address::DIFFERENT, NONE)
                };
                best = best.min(found);
            }
            let is_known_there = |other: &Address| other.domain != 0 && other.domain == address.domain;
            if best.0 > address::NAME && !theirs.iter().any(is_known_there) {
                match self.made_of_name(self.spellings.text(address.letters), person) {
                    // One name alone says what the display name has said already.
                    address::ONE_NAME if named => silent = true,
                    address::ONE_NAME => best = best.min((address::SHORT, NONE)),
                    level => best = best.min((level, NONE)),
                }
            }
        }
        if silent && best.0 == address::DIFFERENT {
            return (MISSING, NONE);
        }
        // Without an address or a name of the person there is nothing to compare with.
        let nothing = theirs.is_empty() && self.persons.names(person).is_empty();
        if nothing { (MISSING, NONE) } else { best }
    }

    fn is_typo(&self, a: u32, b: u32) -> bool {
        let (a, b) = (self.spellings.text(a), self.spellings.text(b));
        a.len().min(b.len()) >= 6 && fold::edits(a, b, 1).is_some() && !only_digits_differ(a, b)
    }

    /// Whether letters are put together from one of a person's names, as logins are.
    fn made_of_name(&self, letters: &str, person: usize) -> u8 {
        let mut best = address::DIFFERENT;
        for name in self.persons.names(person) {
            for given in name.given.of(&self.persons.tokens) {
                for family in name.family.of(&self.persons.tokens) {
                    match put_together(letters, self.spellings.text(*given), self.spellings.text(*family)) {
                        address::ONE_NAME if best == address::DIFFERENT => best = address::ONE_NAME,
                        address::ONE_NAME | address::DIFFERENT => {}
                        level => best = best.min(level),
                    }
                }
            }
        }
        best
    }

    fn values(&self, account: usize, person: usize, pattern: &mut Pattern) {
        let theirs = self.persons.values(person);
        for ours in self.accounts.values(account) {
            let field = VALUES + usize::from(ours.field);
            for other in theirs.iter().filter(|other| other.field == ours.field) {
                let level = if ours.id == other.id { EXACT } else { self.value(ours, other) };
                if pattern.levels[field] == MISSING || level < pattern.levels[field] {
                    pattern.levels[field] = level;
                    pattern.agreed[field] = if level == EXACT { ours.id } else { NONE };
                }
            }
        }
    }

    fn value(&self, ours: &Value, theirs: &Value) -> u8 {
        match self.kinds[usize::from(ours.field)] {
            Kind::Phone => phones(ours.number, theirs.number),
            Kind::Date => dates(ours.number, theirs.number),
            Kind::Code => codes(self.value_text(ours), self.value_text(theirs)),
            Kind::Text => texts(self.value_text(ours), self.value_text(theirs)),
        }
    }

    fn value_text(&self, value: &Value) -> &str {
        value_text(self.spellings.text(value.id))
    }
}

#[derive(Debug, Clone, Copy)]
struct Names {
    given: (u8, u32),
    family: (u8, u32),
}

impl Names {
    /// Whether a name stands on both sides.
    fn any(&self) -> bool {
        self.given.0 != MISSING || self.family.0 != MISSING
    }

    /// Whether one of the names speaks for one human, or there is none to speak.
    fn any_agree(&self) -> bool {
        let given = (EXACT..given::INITIAL).contains(&self.given.0);
        given || (EXACT..family::INITIAL).contains(&self.family.0) || !self.any()
    }

    /// Whether both names speak for one human.
    fn agree(&self) -> bool {
        (EXACT..given::DIFFERENT).contains(&self.given.0) && (EXACT..family::INITIAL).contains(&self.family.0)
    }

    /// Which of two readings is the better one; in tenths of a bit, roughly.
    fn rank(&self) -> i32 {
        const GIVEN: [i32; 9] = [0, 60, 45, 35, 34, 10, 7, 20, -42];
        const FAMILY: [i32; 9] = [0, 77, 65, 53, 43, 59, 23, -10, -42];
        GIVEN[usize::from(self.given.0)] + FAMILY[usize::from(self.family.0)]
    }
}

enum Alike {
    Typo,
    Start,
    Initial,
    Sound,
    No,
}

/// The rarer of two family names; [`NONE`] is no name.
fn rarer(side: &Side, a: u32, b: u32) -> u32 {
    let uses = |token: u32| side.family_uses.get(token as usize).copied().unwrap_or(0);
    if a == NONE || uses(b) < uses(a) { b } else { a }
}

/// `meier1` and `meier2` are two accounts, not one with a slip.
fn only_digits_differ(a: &str, b: &str) -> bool {
    let letters = |text: &str| text.bytes().filter(|byte| !byte.is_ascii_digit()).collect::<Vec<u8>>();
    letters(a) == letters(b)
}

fn put_together(letters: &str, given: &str, family: &str) -> u8 {
    let is = |first: &str, second: &str| letters.strip_prefix(first) == Some(second);
    if is(given, family) || is(family, given) {
        return address::NAME;
    }
    let (Some(i), Some(l)) = (given.get(..1), family.get(..1)) else { return address::DIFFERENT };
    // A middle initial may stand between: `jqpublic`.
    let with_middle = letters.len() == family.len() + 2 && letters.starts_with(i) && letters.ends_with(family);
    let halves = |a: &str, b: &str| a.len() >= 2 && b.len() >= 2 && given.starts_with(a) && family.starts_with(b);
    let cut = letters.len() >= 5
        && (2..letters.len().saturating_sub(1)).any(|at| {
            letters.is_char_boundary(at) && {
                let (a, b) = letters.split_at(at);
                halves(a, b) || halves(b, a)
            }
        });
    if is(i, family) || is(family, i) || is(given, l) || is(l, given) || with_middle || cut {
        return address::SHORT;
    }
    if (letters == family && family.len() >= 3) || (letters == given && given.len() >= 3) {
        return address::ONE_NAME;
    }
    address::DIFFERENT
}

fn phones(a: u64, b: u64) -> u8 {
    // Without the country's prefix on one side: the last seven digits and all that both have before them.
    if a % 10_000_000 == b % 10_000_000 {
        return value::NEAR;
    }
    let (x, y) = (digits(a), digits(b));
    let start = x.iter().zip(&y).position(|(x, y)| x.max(y) > &0).unwrap_or(0);
    if fold::edits_of_bytes(&x[start..], &y[start..], 1).is_some() { value::TYPO } else { value::DIFFERENT }
}

/// The last sixteen digits of a number.
fn digits(number: u64) -> [u8; 16] {
    let mut rest = number;
    let mut digits = [0; 16];
    for digit in digits.iter_mut().rev() {
        *digit = u8::try_from(rest % 10).unwrap_or(0);
        rest /= 10;
    }
    digits
}

fn dates(a: u64, b: u64) -> u8 {
    let parts = |day: u64| (day / 10_000, day / 100 % 100, day % 100);
    let ((ay, am, ad), (by, bm, bd)) = (parts(a), parts(b));
    if ay == by && am == bd && ad == bm {
        return value::NEAR;
    }
    let same = u8::from(ay == by) + u8::from(am == bm) + u8::from(ad == bd);
    if same == 0 {
        return value::DIFFERENT;
    }
    if fold::edits_of_bytes(&digits(a), &digits(b), 1).is_some() {
        return value::TYPO;
    }
    if same == 2 { value::PART } else { value::DIFFERENT }
}

fn codes(a: &str, b: &str) -> u8 {
    if a.len().min(b.len()) >= 4 && fold::edits(a, b, 1).is_some() {
        return value::TYPO;
    }
    let half = a.len().min(b.len()).div_ceil(2).max(2);
    let same = a.get(..half).is_some_and(|start| b.get(..half) == Some(start));
    if same { value::NEAR } else { value::DIFFERENT }
}

fn texts(a: &str, b: &str) -> u8 {
    if a.len().min(b.len()) >= 4 && fold::edits(a, b, 2).is_some() {
        return value::TYPO;
    }
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let (mut common, mut words) = (0, 0);
    for word in a.split(|byte| *byte == b' ') {
        words += 1;
        common += usize::from(b.split(|byte| *byte == b' ').any(|other| other == word));
    }
    let other = b.split(|byte| *byte == b' ').count();
    if common * 2 > words.min(other) || (common > 0 && common * 2 >= words.max(other)) {
        return value::NEAR;
    }
    value::DIFFERENT
}
