//! Texts with `*` (any number of characters, none too) and `?` (one character), compared in linear time.
//!
//! A [`Glob`] is compared as a whole: actions, `StringLike`. An [`ArnGlob`] knows the parts of an ARN, and the two places that
//! compare ARNs read them differently:
//!
//! - `Resource` and `NotResource` ([`ArnGlob::resource`]): wildcards stand for characters within a part between colons; a `*` that is
//!   the last character of a part also goes beyond the colon (IAM User Guide, "IAM JSON policy elements: Resource", section on
//!   wildcards, reference_policies_elements_resource.html). So `arn:aws:s3:*` is everything of S3, and `arn:aws:iam::*:role/x` is
//!   the role `x` of any account. Once such a `*` has left its part, what follows is compared as one text. What stands behind
//!   the fifth colon is one part, because names of resources may have colons of their own.
//! - `ArnEquals`, `ArnLike` and their opposites ([`ArnGlob::condition`]): each of the six parts is compared by itself, and no wildcard
//!   leaves its part (IAM User Guide, "IAM JSON policy elements: Condition operators", section on ARN operators,
//!   reference_policies_elements_condition_operators.html).
//!
//! Cost of a comparison: linear in the subject for every piece between stars, found by `memmem`; a piece with `?` costs
//! its own length times the subject at the worst. No backtracking: the leftmost find of each piece is always enough.

use memchr::memmem;

/// A text with wildcards, ready to be compared.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Glob {
    /// Never two texts nor two stars side by side, no text empty.
    atoms: Vec<Atom>,
}

/// What a [`Glob`] consists of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Atom {
    /// Exactly this.
    Text(String),
    /// `?`: one character.
    One,
    /// `*`: any number of characters.
    Many,
}

impl Glob {
    /// A pattern as policies write it: `*` and `?` are wildcards.
    pub fn new(pattern: &str) -> Self {
        let mut glob = Self::default();
        glob.push_pattern(pattern);
        glob
    }

    /// A pattern that is compared without regard to the case of letters: subjects must be given in lower case.
    pub fn lowercase(pattern: &str) -> Self {
        Self::new(&pattern.to_ascii_lowercase())
    }

    /// Adds what has wildcards.
    pub fn push_pattern(&mut self, pattern: &str) {
        let mut rest = pattern;
        while let Some(at) = rest.find(['*', '?']) {
            self.push_text(&rest[..at]);
            match rest.as_bytes()[at] {
                b'?' => self.atoms.push(Atom::One),
                _ => self.push_many(),
            }
            rest = &rest[at + 1..];
        }
        self.push_text(rest);
    }

    /// Adds what stands for itself, `*` and `?` too.
    pub fn push_text(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        if let Some(Atom::Text(last)) = self.atoms.last_mut() {
            last.push_str(text);
        } else {
            self.atoms.push(Atom::Text(text.to_owned()));
        }
    }

    /// Adds what may be anything.
    pub fn push_many(&mut self) {
        if self.atoms.last() != Some(&Atom::Many) {
            self.atoms.push(Atom::Many);
        }
    }

    /// What it consists of.
    pub fn atoms(&self) -> &[Atom] {
        &self.atoms
    }

    /// The text, where there is no wildcard in it.
    pub fn exact(&self) -> Option<&str> {
        match self.atoms.as_slice() {
            [] => Some(""),
            [Atom::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// Whether it matches everything.
    pub fn is_everything(&self) -> bool {
        self.atoms == [Atom::Many]
    }

    /// Whether the whole subject is matched.
    pub fn matches(&self, subject: &str) -> bool {
        matches(&self.atoms, subject)
    }

    /// Whether some text is matched by both. Cost: the product of their lengths.
    pub fn meets(&self, other: &Self) -> bool {
        self.meets_without(other, None)
    }

    /// The same where what the wildcards of the other stand for does not have a certain character.
    pub fn meets_without(&self, other: &Self, without: Option<char>) -> bool {
        let (one, other) = (self.units(), other.units());
        let many = |unit: &Unit| *unit == Unit::Many;
        // `below[j]`: whether what is left of `one` meets what is left of `other` from `j` on.
        let mut below = vec![false; other.len() + 1];
        below[other.len()] = true;
        for j in (0..other.len()).rev() {
            below[j] = many(&other[j]) && below[j + 1];
        }
        for a in one.iter().rev() {
            let mut row = vec![false; other.len() + 1];
            row[other.len()] = many(a) && below[other.len()];
            for (j, b) in other.iter().enumerate().rev() {
                // The one that goes on: past a star that ends, or past what the other's star takes in.
                let taken = many(a) || without.is_none_or(|without| *a != Unit::Is(without));
                row[j] = match (many(a), many(b)) {
                    (false, false) => (a == b || *a == Unit::One || (*b == Unit::One && taken)) && below[j + 1],
                    (true, false) => below[j] || row[j + 1],
                    (_, true) => row[j + 1] || (below[j] && taken),
                };
            }
            below = row;
        }
        below[0]
    }

    fn units(&self) -> Vec<Unit> {
        let units = |atom: &Atom| match atom {
            Atom::Text(text) => text.chars().map(Unit::Is).collect(),
            Atom::One => vec![Unit::One],
            Atom::Many => vec![Unit::Many],
        };
        self.atoms.iter().flat_map(units).collect()
    }

    /// At the first `most - 1` colons of its texts, the rest as the last.
    fn split(&self, most: usize) -> Vec<Self> {
        let mut parts = vec![Self::default()];
        for atom in &self.atoms {
            let mut rest = match atom {
                Atom::Text(text) => text.as_str(),
                Atom::One | Atom::Many => {
                    if let Some(part) = parts.last_mut() {
                        part.atoms.push(atom.clone());
                    }
                    continue;
                }
            };
            while parts.len() < most
                && let Some((before, after)) = rest.split_once(':')
            {
                if let Some(part) = parts.last_mut() {
                    part.push_text(before);
                }
                parts.push(Self::default());
                rest = after;
            }
            if let Some(part) = parts.last_mut() {
                part.push_text(rest);
            }
        }
        parts
    }

    fn append(&mut self, other: Self) {
        for atom in other.atoms {
            match atom {
                Atom::Text(text) => self.push_text(&text),
                Atom::One => self.atoms.push(Atom::One),
                Atom::Many => self.push_many(),
            }
        }
    }
}

/// A character of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Is(char),
    One,
    Many,
}

/// An ARN with wildcards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArnGlob {
    /// Parts that are compared one by one.
    parts: Vec<Glob>,
    /// Compared with all that follows, colons and all.
    rest: Option<Glob>,
}

/// Parts of an ARN: scheme, partition, service, region, account, resource.
const PARTS: usize = 6;

impl ArnGlob {
    /// As `Resource` and `NotResource` compare.
    pub fn resource(pattern: &Glob) -> Self {
        let mut parts = pattern.split(PARTS);
        let leaves = |part: &Glob| part.atoms.last() == Some(&Atom::Many);
        let Some(leaving) = parts.iter().take(PARTS - 1).position(leaves) else {
            return Self { parts, rest: None };
        };
        let mut rest = Glob::default();
        for (at, part) in parts.drain(leaving..).enumerate() {
            if at > 0 {
                rest.push_text(":");
            }
            rest.append(part);
        }
        Self { parts, rest: Some(rest) }
    }

    /// As `ArnLike` compares.
    pub fn condition(pattern: &Glob) -> Self {
        Self { parts: pattern.split(PARTS), rest: None }
    }

    /// Whether the ARN is matched.
    pub fn matches(&self, arn: &str) -> bool {
        let Some(rest) = &self.rest else {
            return arn.splitn(PARTS, ':').count() == self.parts.len()
                && self.parts.iter().zip(arn.splitn(PARTS, ':')).all(|(part, text)| part.matches(text));
        };
        let mut left = arn;
        for part in &self.parts {
            let Some((text, after)) = left.split_once(':') else { return false };
            if !part.matches(text) {
                return false;
            }
            left = after;
        }
        rest.matches(left)
    }
}

fn matches(atoms: &[Atom], subject: &str) -> bool {
    let mut pieces = atoms.split(|atom| *atom == Atom::Many);
    let first = pieces.next().unwrap_or_default();
    let Some(mut at) = forwards(first, subject, 0) else { return false };
    let Some(last) = pieces.next_back() else { return at == subject.len() };
    for piece in pieces {
        match find(piece, subject, at) {
            Some(end) => at = end,
            None => return false,
        }
    }
    backwards(last, subject).is_some_and(|start| start >= at)
}

/// Where a piece ends that begins at `at`.
fn forwards(piece: &[Atom], subject: &str, mut at: usize) -> Option<usize> {
    for atom in piece {
        let left = &subject[at..];
        at += match atom {
            Atom::Text(text) => left.starts_with(text.as_str()).then_some(text.len())?,
            Atom::One => left.chars().next()?.len_utf8(),
            Atom::Many => 0,
        };
    }
    Some(at)
}

/// Where a piece begins that ends with the subject.
fn backwards(piece: &[Atom], subject: &str) -> Option<usize> {
    let mut at = subject.len();
    for atom in piece.iter().rev() {
        let left = &subject[..at];
        at -= match atom {
            Atom::Text(text) => left.ends_with(text.as_str()).then_some(text.len())?,
            Atom::One => left.chars().next_back()?.len_utf8(),
            Atom::Many => 0,
        };
    }
    Some(at)
}

/// Where the leftmost find of a piece ends.
fn find(piece: &[Atom], subject: &str, from: usize) -> Option<usize> {
    match piece {
        [] => Some(from),
        [Atom::Text(text)] => {
            memmem::find(&subject.as_bytes()[from..], text.as_bytes()).map(|at| from + at + text.len())
        }
        [Atom::Text(text), ..] => {
            let finder = memmem::Finder::new(text);
            let mut from = from;
            loop {
                let start = from + finder.find(&subject.as_bytes()[from..])?;
                if let Some(end) = forwards(piece, subject, start) {
                    return Some(end);
                }
                from = start + 1; // finds may overlap
            }
        }
        [Atom::One | Atom::Many, ..] => {
            let mut starts = subject[from..].char_indices().map(|(at, _)| from + at);
            starts.find_map(|start| forwards(piece, subject, start))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn matches(pattern: &str, subject: &str) -> bool {
        Glob::new(pattern).matches(subject)
    }

    #[test]
    fn stars_and_question_marks() {
        for (pattern, subject) in [
            ("*", ""),
            ("", ""),
            ("s3:Get*", "s3:GetObject"),
            ("s3:*Object", "s3:GetObject"),
            ("a*b*c", "aXbXbc"),
            ("*aa?b*", "aaaXb"),
            ("a?c", "aäc"),
            ("iam:Pass?ole", "iam:PassRole"),
            ("*?", "x"),
            ("**a**", "a"),
        ] {
            assert!(matches(pattern, subject), "{pattern} matches {subject}");
        }
        for (pattern, subject) in
            [("?", ""), ("a", "ab"), ("a*b*c", "acb"), ("ab*ba", "aba"), ("*?a", "a"), ("S3:*", "s3:GetObject")]
        {
            assert!(!matches(pattern, subject), "{pattern} does not match {subject}");
        }
    }

    #[test]
    fn a_star_at_the_end_of_a_part_leaves_it_in_a_resource_but_not_in_a_condition() {
        let resource = |pattern, arn| ArnGlob::resource(&Glob::new(pattern)).matches(arn);
        let condition = |pattern, arn| ArnGlob::condition(&Glob::new(pattern)).matches(arn);
        let object = "arn:aws:s3:::bucket/a:b.txt";
        assert!(resource("arn:aws:s3:*", object) && !condition("arn:aws:s3:*", object));
        assert!(resource("arn:aws:s3:::bucket/*.txt", object) && condition("arn:aws:s3:::bucket/*.txt", object));
        assert!(resource("*", object) && resource("arn:*", object));
        assert!(!resource("arn:aws:s3", object) && !resource("arn:aws:s3:::bucket", object));
        let guide = "arn:aws:someservice:us-east-2:999999999999:store/abc:111122223333:finance/document.txt";
        assert!(!condition("arn:aws:someservice:*:111122223333:finance/*", guide));
        assert!(resource("arn:aws:someservice:*:111122223333:finance/*", guide));
        assert!(!resource("arn:aws:someservice:us-*-2:111122223333:finance/*", guide));
    }

    #[test]
    fn what_stands_for_itself_is_no_wildcard() {
        let mut glob = Glob::new("home/");
        glob.push_text("*");
        glob.push_pattern("/?");
        assert!(glob.matches("home/*/x") && !glob.matches("home/bob/x"));
    }

    #[test]
    fn patterns_meet_where_a_text_is_of_both() {
        let meet = |one: &str, other: &str| Glob::new(one).meets(&Glob::new(other));
        for (one, other) in
            [("a*", "*b"), ("a?c", "aäc"), ("*", ""), ("arn:aws:s3:::b/*", "arn:*:s3:::*/*"), ("a*c", "a*b*c")]
        {
            assert!(meet(one, other) && meet(other, one), "{one} {other}");
        }
        for (one, other) in [("a", "b"), ("a*", "b*"), ("arn:aws:s3:::b", "arn:*:s3:::*/*"), ("?", ""), ("a?", "a")] {
            assert!(!meet(one, other) && !meet(other, one), "{one} {other}");
        }
        let named = |pattern: &str| Glob::new(pattern).meets_without(&Glob::new("a:1:user/*"), Some(':'));
        assert!(named("a:*:user/x") && named("*") && named("a:1:user/??"));
        assert!(!named("a:*:role/x") && Glob::new("a:*:role/x").meets(&Glob::new("a:1:user/*")));
    }

    /// Obviously right, and exponential at the worst.
    fn naive(pattern: &[char], subject: &[char]) -> bool {
        match (pattern, subject) {
            ([], []) => true,
            (['*', rest @ ..], _) => naive(rest, subject) || (!subject.is_empty() && naive(pattern, &subject[1..])),
            (['?', rest @ ..], [_, after @ ..]) => naive(rest, after),
            ([one, rest @ ..], [other, after @ ..]) if one == other => naive(rest, after),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn as_the_obvious_way(pattern in "[ab*?é]{0,9}", subject in "[abé]{0,12}") {
            let (p, s): (Vec<char>, Vec<char>) = (pattern.chars().collect(), subject.chars().collect());
            prop_assert_eq!(matches(&pattern, &subject), naive(&p, &s));
        }

        #[test]
        fn a_text_of_both_patterns_makes_them_meet(one in "[ab*?]{0,6}", other in "[ab*?]{0,6}", text in "[ab]{0,6}") {
            let both = Glob::new(&one).matches(&text) && Glob::new(&other).matches(&text);
            prop_assert!(!both || Glob::new(&one).meets(&Glob::new(&other)), "{} {} {}", one, other, text);
        }
    }
}
