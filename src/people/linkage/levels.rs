//! What can be said of a pair, field by field: ordered levels of likeness with their priors.
//!
//! `same` is the share of pairs of one human at a level, `other` that of two. The figures are what is assumed before the
//! estate itself has been looked at; they were set by hand from the usual rates of error in published studies of
//! administrative data (Christen, Data Matching, 2012) and are corrected by what the estate shows.

/// A level and what is assumed of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Level {
    /// Name in reports.
    pub(crate) name: &'static str,
    /// Share among pairs of one human.
    pub(crate) same: f64,
    /// Share among pairs of two humans.
    pub(crate) other: f64,
}

const fn level(name: &'static str, same: f64, other: f64) -> Level {
    Level { name, same, other }
}

/// What is compared in one way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Digits; the last of them count where prefixes differ.
    Phone,
    /// A day.
    Date,
    /// Letters and digits that are wrong or right: postcodes, badges, ids.
    Code,
    /// Words: departments, titles, places, addresses.
    Text,
}

/// Most levels of a field, the missing one included.
pub(crate) const MOST_LEVELS: usize = 9;

/// The value is missing on one side: says nothing.
pub(crate) const MISSING: u8 = 0;
/// Equal.
pub(crate) const EXACT: u8 = 1;

/// Levels of given names.
pub(crate) mod given {
    /// `Jörg` and `Joerg`.
    pub(crate) const SPELLING: u8 = 2;
    pub(crate) const SHORT: u8 = 3;
    pub(crate) const TYPO: u8 = 4;
    pub(crate) const INITIAL: u8 = 5;
    pub(crate) const SOUND: u8 = 6;
    pub(crate) const MIDDLE: u8 = 7;
    pub(crate) const DIFFERENT: u8 = 8;
}

/// Levels of family names.
pub(crate) mod family {
    /// `Müller` and `Mueller`.
    pub(crate) const SPELLING: u8 = 2;
    pub(crate) const FORMER: u8 = 3;
    pub(crate) const PART: u8 = 4;
    pub(crate) const TYPO: u8 = 5;
    pub(crate) const SOUND: u8 = 6;
    pub(crate) const INITIAL: u8 = 7;
    pub(crate) const DIFFERENT: u8 = 8;
}

/// Levels of addresses and logins.
pub(crate) mod address {
    pub(crate) const LOCAL: u8 = 2;
    pub(crate) const TYPO: u8 = 3;
    pub(crate) const NAME: u8 = 4;
    pub(crate) const SHORT: u8 = 5;
    /// Between the two: the given or the family name alone. No level: it is told by the names.
    pub(crate) const ONE_NAME: u8 = u8::MAX - 1;
    /// Another address of the same domain: who has one there seldom has two.
    pub(crate) const OTHER: u8 = 6;
    pub(crate) const DIFFERENT: u8 = 7;
}

/// Levels of all other values.
pub(crate) mod value {
    /// Same tail of a phone, day and month swapped, half of a code, words in common.
    pub(crate) const NEAR: u8 = 2;
    pub(crate) const TYPO: u8 = 3;
    /// Two of three parts of a date.
    pub(crate) const PART: u8 = 4;
    pub(crate) const DIFFERENT: u8 = 5;
}

pub(crate) const GIVEN: &[Level] = &[
    level("missing", 1.0, 1.0),
    level("exact", 0.76, 0.012),
    level("other spelling", 0.02, 0.0015),
    level("short form", 0.07, 0.006),
    level("typo", 0.05, 0.004),
    level("initial", 0.02, 0.01),
    level("sounds alike", 0.01, 0.006),
    level("middle name", 0.02, 0.004),
    level("different", 0.05, 0.958),
];

pub(crate) const FAMILY: &[Level] = &[
    level("missing", 1.0, 1.0),
    level("exact", 0.81, 0.004),
    level("other spelling", 0.02, 0.0005),
    level("former name", 0.02, 0.0005),
    level("part", 0.02, 0.001),
    level("typo", 0.06, 0.001),
    level("sounds alike", 0.01, 0.002),
    level("initial", 0.005, 0.01),
    level("different", 0.055, 0.9815),
];

/// Where the names of the pair do not agree, or one side has none.
pub(crate) const ADDRESS: &[Level] = &[
    level("missing", 1.0, 1.0),
    level("exact", 0.6, 2e-6),
    level("same name part", 0.1, 1e-5),
    level("typo", 0.05, 2e-5),
    level("made of the name", 0.08, 5e-5),
    level("short form of the name", 0.07, 1e-3),
    level("another one of the same domain", 0.02, 0.5),
    level("different", 0.08, 0.498_9),
];

/// Where the names agree: an address made of the name says little more than the name has said.
pub(crate) const NAMED_ADDRESS: &[Level] = &[
    level("missing", 1.0, 1.0),
    level("exact", 0.6, 2e-4),
    level("same name part", 0.1, 0.06),
    level("typo", 0.05, 0.01),
    level("made of the name", 0.1, 0.15),
    level("short form of the name", 0.07, 0.1),
    level("another one of the same domain", 0.02, 0.4),
    level("different", 0.06, 0.279_8),
];

pub(crate) const PHONE: &[Level] = &[
    level("missing", 1.0, 1.0),
    level("exact", 0.75, 1e-5),
    level("same last digits", 0.08, 1e-5),
    level("typo", 0.05, 2e-5),
    level("part", 0.001, 1e-4),
    level("different", 0.119, 0.9999),
];

pub(crate) const DATE: &[Level] = &[
    level("missing", 1.0, 1.0),
    level("exact", 0.88, 1e-4),
    level("day and month swapped", 0.02, 1e-4),
    level("typo", 0.05, 2e-3),
    level("two parts of three", 0.02, 6e-3),
    level("different", 0.03, 0.9918),
];

pub(crate) const CODE: &[Level] = &[
    level("missing", 1.0, 1.0),
    level("exact", 0.85, 1e-3),
    level("first half", 0.03, 5e-3),
    level("typo", 0.05, 2e-3),
    level("part", 0.001, 1e-3),
    level("different", 0.069, 0.991),
];

pub(crate) const TEXT: &[Level] = &[
    level("missing", 1.0, 1.0),
    level("exact", 0.75, 0.05),
    level("words in common", 0.08, 0.05),
    level("typo", 0.04, 0.005),
    level("part", 0.001, 0.001),
    level("different", 0.129, 0.894),
];

impl Kind {
    /// The levels of values of this kind.
    pub(crate) const fn levels(self) -> &'static [Level] {
        match self {
            Self::Phone => PHONE,
            Self::Date => DATE,
            Self::Code => CODE,
            Self::Text => TEXT,
        }
    }
}
