//! What several policy files have alike: days, texts that must say something, patterns, blocks that were taken back.

use std::sync::Arc;

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;

use crate::diagnostic::{Diagnostic, Place, SourceText, similar};

/// A block that was taken back; it stays as text.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Withdrawn {
    /// When it was taken back.
    #[schemars(with = "String")]
    #[expect(dead_code, reason = "for people")]
    on: toml::value::Datetime,
    /// Who took it back.
    #[expect(dead_code, reason = "for people")]
    by: String,
    /// Why.
    #[expect(dead_code, reason = "for people")]
    reason: String,
}

/// One file that is read, and what is wrong with it.
pub(super) struct Reader<'a> {
    pub(super) file: &'a Arc<SourceText>,
    pub(super) problems: &'a mut Vec<Diagnostic>,
}

impl Reader<'_> {
    /// Notes what is wrong at a place.
    pub(super) fn refuse(&mut self, span: std::ops::Range<usize>, what: String, fix: &str) {
        self.problems.push(Diagnostic::error("CFG010", what).place(Place::new(self.file, span)).fix(fix));
    }

    /// A day.
    pub(super) fn day(&mut self, written: Option<&Spanned<toml::value::Datetime>>, key: &str) -> Option<Date> {
        let written = written?;
        let day = written.get_ref().to_string().parse().ok();
        if day.is_none() {
            self.refuse(written.span(), format!("`{key}` is no day"), "write a day, as 2027-03-31");
        }
        day
    }

    /// A text that must say something.
    pub(super) fn said(&mut self, text: &Spanned<String>, key: &str) {
        if text.get_ref().trim().is_empty() {
            self.refuse(text.span(), format!("`{key}` is empty"), "a decision says who decided what, and why");
        }
    }

    /// A whole fingerprint.
    pub(super) fn fingerprint(&mut self, text: &Spanned<String>) {
        let is_one =
            |text: &str| text.len() == 32 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        if !is_one(text.get_ref()) {
            let what = format!("`{}` is no fingerprint", text.get_ref());
            self.refuse(text.span(), what, "write all 32 digits; `muster findings show` prints them");
        }
    }

    /// A system of the config.
    pub(super) fn system(&mut self, name: &Spanned<String>, known: &[String], what: &str) {
        if known.contains(name.get_ref()) {
            return;
        }
        let near = similar(name.get_ref(), known.iter().map(String::as_str));
        self.problems.push(
            Diagnostic::error(
                "CFG012",
                format!("{what} names the system `{}`, which the config does not have", name.get_ref()),
            )
            .place(Place::new(self.file, name.span()))
            .fix(
                near.map_or("correct the name, or remove the block".to_owned(), |near| {
                    format!("did you mean `{near}`?")
                }),
            ),
        );
    }
}

/// Whether a text is what a pattern means: `*` is any text, `?` any character, capitals and small letters are the same.
///
/// Cost: O(pattern × text) at worst.
pub fn is_like(pattern: &str, text: &str) -> bool {
    let fold = |text: &str| text.chars().flat_map(char::to_lowercase).collect::<Vec<char>>();
    let (pattern, text) = (fold(pattern), fold(text));
    let (mut p, mut t) = (0, 0);
    // Where the last star stands, and how much of the text it has taken.
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(&c) if c == '?' || c == text[t] => (p, t) = (p + 1, t + 1),
            Some(_) | None => {
                let Some((at, taken)) = star else { return false };
                star = Some((at, taken + 1));
                (p, t) = (at + 1, taken + 1);
            }
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_mean_what_a_shell_means() {
        for (pattern, text) in
            [("svc-*", "SVC-build"), ("*", ""), ("a?c", "abc"), ("*b*c", "abbcxc"), ("abc", "ABC"), ("**", "x")]
        {
            assert!(is_like(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [("svc-*", "xsvc-1"), ("a?c", "ac"), ("", "x"), ("*b", "ba"), ("abc", "abcd")] {
            assert!(!is_like(pattern, text), "{pattern} {text}");
        }
    }
}
