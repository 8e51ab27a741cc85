//! Patterns with `*` and `?`, matched without backtracking.

use memchr::memmem;

/// A pattern, cut at its stars once.
///
/// Cost of a match: the first and the last piece stand at a known place, every other one is looked for once from where the piece before
/// it ended; the leftmost place is always good enough, so nothing is ever tried twice. Linear in the text for pieces without `?`, text
/// times piece for those with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    /// What stands between the stars; one piece: no star.
    pieces: Box<[Piece]>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Piece {
    text: Box<str>,
    /// Has a `?`: one character, whichever.
    holes: bool,
}

impl Pattern {
    /// Reads a pattern; every text is one.
    pub fn new(pattern: &str) -> Self {
        let mut pieces: Vec<Piece> =
            pattern.split('*').map(|text| Piece { text: text.into(), holes: text.contains('?') }).collect();
        // Several stars in a row are one: empty pieces inside say nothing.
        let last = pieces.len() - 1;
        let mut position = 0;
        pieces.retain(|piece| {
            let keep = position == 0 || position == last || !piece.text.is_empty();
            position += 1;
            keep
        });
        Self { pieces: pieces.into() }
    }

    /// Whether the whole text is of the pattern, with regard to case.
    pub fn matches(&self, text: &str) -> bool {
        let (Some(first), rest) = (self.pieces.first(), &self.pieces[1..]) else { return false };
        let Some(mut from) = first.at(text, 0) else { return false };
        let Some((last, middle)) = rest.split_last() else { return from == text.len() };
        for piece in middle {
            match piece.find(text, from) {
                Some(end) => from = end,
                None => return false,
            }
        }
        last.ends(text, from)
    }

    /// What every text of the pattern begins with.
    pub fn prefix(&self) -> &str {
        let first = &*self.pieces[0].text;
        first.split('?').next().unwrap_or_default()
    }

    /// Whether the pattern is its prefix and nothing else: no wildcard at all.
    pub fn is_exact(&self) -> bool {
        self.pieces.len() == 1 && !self.pieces[0].holes
    }

    /// Whether it is its prefix and then anything.
    pub fn is_prefix(&self) -> bool {
        self.pieces.len() == 2 && !self.pieces[0].holes && self.pieces[1].text.is_empty()
    }
}

impl Piece {
    /// Where the piece ends if it stands at `from`.
    fn at(&self, text: &str, from: usize) -> Option<usize> {
        if !self.holes {
            return text.as_bytes()[from..].starts_with(self.text.as_bytes()).then(|| from + self.text.len());
        }
        let mut rest = text[from..].chars();
        for expected in self.text.chars() {
            let found = rest.next()?;
            if expected != '?' && expected != found {
                return None;
            }
        }
        Some(text.len() - rest.as_str().len())
    }

    /// Where it ends at its leftmost place from `from` on.
    fn find(&self, text: &str, from: usize) -> Option<usize> {
        if !self.holes {
            let at = memmem::find(&text.as_bytes()[from..], self.text.as_bytes())?;
            return Some(from + at + self.text.len());
        }
        text[from..].char_indices().find_map(|(at, _)| self.at(text, from + at))
    }

    /// Whether the text ends with it, at or after `from`.
    fn ends(&self, text: &str, from: usize) -> bool {
        if !self.holes {
            return text.len() - from >= self.text.len() && text.as_bytes().ends_with(self.text.as_bytes());
        }
        let characters = self.text.chars().count();
        text[from..]
            .char_indices()
            .rev()
            .nth(characters - 1)
            .is_some_and(|(at, _)| self.at(text, from + at) == Some(text.len()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The definition: a star is nothing, or one character and a star.
    fn literally(pattern: &[char], text: &[char]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some(('*', rest)) => (0..=text.len()).any(|skip| literally(rest, &text[skip..])),
            Some(('?', rest)) => !text.is_empty() && literally(rest, &text[1..]),
            Some((expected, rest)) => text.first() == Some(expected) && literally(rest, &text[1..]),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_pattern_matches_what_its_definition_says(pattern in "[abé*?]{0,8}", text in "[abé]{0,8}") {
            let (characters, letters): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
            prop_assert_eq!(Pattern::new(&pattern).matches(&text), literally(&characters, &letters));
        }
    }

    #[test]
    fn a_pattern_made_to_blow_up_does_not() {
        let pattern = Pattern::new(&"*a".repeat(2_000));
        assert!(!pattern.matches(&format!("{}b", "a".repeat(100_000))));
        assert!(pattern.matches(&"a".repeat(100_000)));
    }

    #[test]
    fn a_pattern_knows_what_its_texts_begin_with() {
        assert_eq!(Pattern::new("s3:Get*Acl").prefix(), "s3:Get");
        assert_eq!(Pattern::new("s3:?et*").prefix(), "s3:");
        assert!(Pattern::new("s3:*").is_prefix() && Pattern::new("s3:Get").is_exact());
        assert!(!Pattern::new("s3:*Get").is_prefix() && !Pattern::new("s3:?*").is_prefix());
    }
}
