//! What HR's files say of people beside names, addresses and ids: birth dates, phones, and whatever else the config asks for.
//!
//! One name and one birth date are hardly two humans, and two birth dates are never one. A phone or any other value counts
//! where nobody of another name has it: a switchboard or a cost centre says nothing.

use jiff::civil::Date;
use rayon::prelude::*;
use rustc_hash::FxHashMap;

use super::same::{Union, full_name};
use super::{Row, Suspected};
use crate::people::{People, fold};

/// Among more people of one name, two are born on the same day by chance: 40 make 780 pairs, and there are 18,000 days in fifty
/// years.
const NAMESAKES: usize = 40;
/// Digits of a phone that count, whatever stands before them.
const DIGITS: usize = 7;
/// Parts of headings that mean a birth date, in letters only; whole headings for the short ones.
const BIRTH: [&str; 7] = ["birth", "geburt", "naissance", "nacimiento", "nascita", "nascimento", "geboorte"];
const BIRTH_ALONE: [&str; 3] = ["dob", "born", "gebdat"];
/// Parts of headings that mean a phone.
const PHONE: [&str; 4] = ["phone", "mobile", "telefon", "handy"];

/// What an attribute is, as far as its heading says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    Birth,
    Phone,
    Other,
}

fn meaning(heading: &str) -> Meaning {
    let letters: String = fold(heading).chars().filter(|c| c.is_alphabetic()).collect();
    // A place or a name of birth is no date.
    let is_place =
        ["place", "ort", "lieu", "city", "country", "name", "lugar"].iter().any(|part| letters.contains(part));
    if !is_place && (BIRTH.iter().any(|part| letters.contains(part)) || BIRTH_ALONE.contains(&letters.as_str())) {
        return Meaning::Birth;
    }
    if PHONE.iter().any(|part| letters.contains(part)) { Meaning::Phone } else { Meaning::Other }
}

/// A value as it is compared; `None` when it says nothing.
fn compared(meaning: Meaning, value: &str) -> Option<String> {
    match meaning {
        Meaning::Birth | Meaning::Other => Some(fold(value)).filter(|value| !value.is_empty()),
        Meaning::Phone => {
            let digits: String = value.chars().filter(char::is_ascii_digit).collect();
            digits.len().checked_sub(DIGITS).map(|start| digits[start..].to_owned())
        }
    }
}

/// The day on which a row says that somebody was born; `None` where it does not, or not in ISO 8601: no date is guessed.
fn born(row: &Row) -> Option<Date> {
    let mut births = row.record.attributes.iter().filter(|(heading, _)| meaning(heading) == Meaning::Birth);
    births.find_map(|(_, value)| value.trim().get(..10)?.parse().ok())
}

/// Whether two rows give two birth dates.
pub(super) fn are_born_apart(a: &Row, b: &Row) -> bool {
    born(a).zip(born(b)).is_some_and(|(a, b)| a != b)
}

/// A value that two rows of one name share: first and second row, heading, value as compared.
struct Shared {
    rows: (usize, usize),
    heading: String,
    meaning: Meaning,
    value: String,
}

/// Suspects pairs of rows that have the full name and an attribute in common and no birth dates that differ.
///
/// Cost: O(n log n) in rows; nothing where no file has attributes.
pub(super) fn by_attribute(
    people: &mut People,
    rows: &[Row],
    union: &Union,
    suspected: &mut Vec<(usize, usize, Suspected)>,
) {
    let mut named: Vec<(String, usize)> = rows
        .par_iter()
        .enumerate()
        .filter(|(_, row)| !row.record.attributes.is_empty())
        .map(|(place, row)| (full_name(row), place))
        .filter(|(name, _)| !name.is_empty())
        .collect();
    named.par_sort_unstable();
    let pairs: Vec<Shared> = named
        .par_chunk_by(|a, b| a.0 == b.0)
        .filter(|namesakes| (2..=NAMESAKES).contains(&namesakes.len()))
        .flat_map_iter(|namesakes| {
            let places: Vec<usize> = namesakes.iter().map(|(_, place)| *place).collect();
            let each = |later: usize| (0..later).map(move |earlier| (earlier, later));
            let pairs: Vec<(usize, usize)> = (1..places.len()).flat_map(each).collect();
            let pairs = pairs.into_iter().map(|(a, b)| (places[a], places[b]));
            pairs
                .flat_map(|(a, b)| if union.is_one(a, b) { Vec::new() } else { shared(rows, a, b) })
                .collect::<Vec<_>>()
        })
        .collect();
    if pairs.is_empty() {
        return;
    }
    let elsewhere = borne_elsewhere(rows, &pairs);
    for (place, pair) in pairs.iter().enumerate() {
        if pair.meaning == Meaning::Birth || !elsewhere[place] {
            let by = Suspected::SameAttribute(people.strings.add(&pair.heading));
            suspected.push((pair.rows.0, pair.rows.1, by));
        }
    }
}

/// What two rows of one name share; nothing where their birth dates differ. A birth date comes first.
fn shared(rows: &[Row], a: usize, b: usize) -> Vec<Shared> {
    if are_born_apart(&rows[a], &rows[b]) {
        return Vec::new();
    }
    let values = |row: &Row| -> Vec<(Meaning, String, String)> {
        let attributes = row.record.attributes.iter();
        let values = attributes.filter_map(|(heading, value)| {
            let meaning = meaning(heading);
            Some((meaning, compared(meaning, value)?, heading.clone()))
        });
        values.collect()
    };
    let theirs = values(&rows[b]);
    // Two feeds have headings of their own: birth dates and phones are compared whatever they are called.
    let fits = |(meaning, value, heading): &(Meaning, String, String)| {
        theirs.iter().any(|(other, theirs, called)| {
            other == meaning && theirs == value && (*meaning != Meaning::Other || fold(called) == fold(heading))
        })
    };
    let shared = values(&rows[a]).into_iter().filter(fits);
    let mut shared: Vec<Shared> =
        shared.map(|(meaning, value, heading)| Shared { rows: (a, b), heading, meaning, value }).collect();
    shared.sort_by_key(|shared| match shared.meaning {
        Meaning::Birth => 0,
        Meaning::Phone => 1,
        Meaning::Other => 2,
    });
    shared
}

/// Whether somebody of another name has the value of a pair as well.
fn borne_elsewhere(rows: &[Row], pairs: &[Shared]) -> Vec<bool> {
    let key = |meaning: Meaning, heading: &str, value: &str| match meaning {
        Meaning::Birth | Meaning::Phone => value.to_owned(),
        Meaning::Other => format!("{}\u{1f}{value}", fold(heading)),
    };
    let mut asked: FxHashMap<String, Vec<usize>> = FxHashMap::default();
    for (place, pair) in pairs.iter().enumerate() {
        asked.entry(key(pair.meaning, &pair.heading, &pair.value)).or_default().push(place);
    }
    let mut elsewhere = vec![false; pairs.len()];
    for row in rows {
        for (heading, value) in &row.record.attributes {
            let meaning = meaning(heading);
            let Some(value) = compared(meaning, value) else { continue };
            for place in asked.get(&key(meaning, heading, &value)).into_iter().flatten() {
                elsewhere[*place] |= full_name(row) != full_name(&rows[pairs[*place].rows.0]);
            }
        }
    }
    elsewhere
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_and_values_are_read_as_people_write_them() {
        for heading in ["Birth Date", "date_of_birth", "DOB", "Geburtsdatum", "born"] {
            assert_eq!(meaning(heading), Meaning::Birth, "{heading}");
        }
        for heading in ["Birthplace", "Geburtsort", "Birth name", "Reborn", "Badge"] {
            assert_eq!(meaning(heading), Meaning::Other, "{heading}");
        }
        assert_eq!(meaning("Work Phone"), Meaning::Phone);
        let phone = |value| compared(Meaning::Phone, value);
        assert_eq!(phone("+49 171 234-5678"), phone("0171 2345678"));
        assert_eq!(phone("12-34"), None, "an extension is anybody's");
    }
}
