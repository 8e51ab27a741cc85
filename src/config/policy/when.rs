//! Conditions over what HR says of a person at work: `{ department = ["Sales"], worker_type = ["employee"] }`.
//!
//! A condition holds when every key of it does, and a key when one of its values matches. Values compare without letter case;
//! `*` stands for any letters, `?` for one. What HR does not say makes the answer unknown, never no.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use muster_connectors::record::WorkerType;
use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;

use crate::diagnostic::{Diagnostic, Place, SourceText};
use crate::people::fold;

/// What a condition asks about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// Department.
    Department,
    /// Job title.
    Title,
    /// Location.
    Location,
    /// Cost centre.
    CostCentre,
    /// Worker type.
    WorkerType,
    /// An attribute that the config asks HR's files for.
    Further(String),
}

impl Field {
    /// Those that every feed may have, in the order in which a proposal prefers them.
    pub const COMMON: [Self; 5] = [Self::Department, Self::Title, Self::WorkerType, Self::Location, Self::CostCentre];

    /// The key in a policy file.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Department => "department",
            Self::Title => "title",
            Self::Location => "location",
            Self::CostCentre => "cost_centre",
            Self::WorkerType => "worker_type",
            Self::Further(name) => name,
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A text to compare with, in which `*` and `?` stand for other letters.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Pattern {
    folded: String,
    glob: bool,
}

impl Pattern {
    /// From text as it is written.
    pub fn new(text: &str) -> Self {
        let folded = fold(text);
        let glob = folded.contains(['*', '?']);
        Self { folded, glob }
    }

    /// Whether it may match more than one text.
    pub fn is_glob(&self) -> bool {
        self.glob
    }

    /// The text, folded.
    pub fn as_str(&self) -> &str {
        &self.folded
    }

    /// Whether it matches a text that is folded already.
    pub fn matches(&self, folded: &str) -> bool {
        if self.glob { glob(self.folded.as_bytes(), folded.as_bytes()) } else { self.folded == folded }
    }
}

/// Whether `pattern` matches all of `text`. Goes back only to the last star, so the cost is O(pattern × text).
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    let letter = |at: usize| 1 + text[at + 1..].iter().take_while(|byte| **byte & 0xc0 == 0x80).count();
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(b'?') => {
                p += 1;
                t += letter(t);
            }
            Some(byte) if *byte == text[t] => {
                p += 1;
                t += 1;
            }
            Some(_) | None => match star {
                Some((at, from)) => {
                    p = at + 1;
                    t = from + 1;
                    star = Some((at, t));
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

/// What a condition says of somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It holds.
    Yes,
    /// It does not.
    No,
    /// HR does not say what it asks about.
    Unknown(Field),
}

impl Answer {
    /// Both must hold.
    #[must_use]
    pub fn and(self, other: impl FnOnce() -> Self) -> Self {
        match self {
            Self::No => Self::No,
            Self::Yes => other(),
            Self::Unknown(field) => match other() {
                Self::No => Self::No,
                Self::Yes | Self::Unknown(_) => Self::Unknown(field),
            },
        }
    }

    /// One must hold.
    #[must_use]
    pub fn or(self, other: impl FnOnce() -> Self) -> Self {
        match self {
            Self::Yes => Self::Yes,
            Self::No => other(),
            Self::Unknown(field) => match other() {
                Self::Yes => Self::Yes,
                Self::No | Self::Unknown(_) => Self::Unknown(field),
            },
        }
    }
}

impl std::ops::Not for Answer {
    type Output = Self;

    fn not(self) -> Self {
        match self {
            Self::Yes => Self::No,
            Self::No => Self::Yes,
            Self::Unknown(field) => Self::Unknown(field),
        }
    }
}

/// Somebody of whom conditions ask.
pub trait Says {
    /// The folded value of a field; `None` when HR does not say.
    fn says(&self, field: &Field) -> Option<String>;
}

impl<F: Fn(&Field) -> Option<String>> Says for F {
    fn says(&self, field: &Field) -> Option<String> {
        self(field)
    }
}

/// One condition.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct When(pub Vec<(Field, Vec<Pattern>)>);

impl When {
    /// Whether it holds of somebody.
    pub fn answer(&self, of: &impl Says) -> Answer {
        self.0.iter().fold(Answer::Yes, |so_far, (field, patterns)| {
            so_far.and(|| match of.says(field) {
                None => Answer::Unknown(field.clone()),
                Some(value) if patterns.iter().any(|pattern| pattern.matches(&value)) => Answer::Yes,
                Some(_) => Answer::No,
            })
        })
    }

    /// Whether one of several holds; none of none does.
    pub fn any(alternatives: &[Self], of: &impl Says) -> Answer {
        alternatives.iter().fold(Answer::No, |so_far, when| so_far.or(|| when.answer(of)))
    }

    /// The fields that it asks about.
    pub fn fields(&self) -> impl Iterator<Item = &Field> {
        self.0.iter().map(|(field, _)| field)
    }
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("everybody");
        }
        for (place, (field, patterns)) in self.0.iter().enumerate() {
            let values: Vec<&str> = patterns.iter().map(Pattern::as_str).collect();
            write!(f, "{}{field} {}", if place == 0 { "" } else { ", " }, values.join(" or "))?;
        }
        Ok(())
    }
}

/// A condition as it is written. Every key must hold; a key holds when one of its values matches. Without any key it holds of
/// everybody.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "When")]
pub(super) struct WhenTable {
    /// Department, with `*` and `?` as wildcards.
    #[schemars(with = "Option<Vec<String>>")]
    department: Option<Vec<Spanned<String>>>,
    /// Job title.
    #[schemars(with = "Option<Vec<String>>")]
    title: Option<Vec<Spanned<String>>>,
    /// Location.
    #[schemars(with = "Option<Vec<String>>")]
    location: Option<Vec<Spanned<String>>>,
    /// Cost centre.
    #[schemars(with = "Option<Vec<String>>")]
    cost_centre: Option<Vec<Spanned<String>>>,
    /// Worker type.
    worker_type: Option<Vec<WorkerType>>,
    /// Attributes that the config asks HR's files for, by name.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, Vec<String>>")]
    attributes: BTreeMap<String, Vec<Spanned<String>>>,
}

/// Conditions as they are written, read.
pub(super) fn conditions(
    file: &Arc<SourceText>,
    tables: Vec<Spanned<WhenTable>>,
    problems: &mut Vec<Diagnostic>,
) -> Vec<When> {
    tables.into_iter().map(|table| condition(file, table, problems)).collect()
}

fn condition(file: &Arc<SourceText>, table: Spanned<WhenTable>, problems: &mut Vec<Diagnostic>) -> When {
    let span = table.span();
    let WhenTable { department, title, location, cost_centre, worker_type, attributes } = table.into_inner();
    let texts = [
        (Field::Department, department),
        (Field::Title, title),
        (Field::Location, location),
        (Field::CostCentre, cost_centre),
    ];
    let further = attributes.into_iter().map(|(name, values)| (Field::Further(name), Some(values)));
    let mut keys = Vec::new();
    for (field, values) in texts.into_iter().chain(further) {
        let Some(values) = values else { continue };
        if let Some(blank) = values.iter().find(|value| value.get_ref().trim().is_empty()) {
            problems.push(
                Diagnostic::error("CFG010", format!("a value of `{field}` is empty"))
                    .place(Place::new(file, blank.span()))
                    .fix("write what HR calls it, or `*` for any value"),
            );
        }
        keys.push((field, values.iter().map(|value| Pattern::new(value.get_ref())).collect::<Vec<_>>()));
    }
    if let Some(types) = worker_type {
        keys.push((Field::WorkerType, types.iter().map(|worker| Pattern::new(worker.as_str())).collect()));
    }
    for (field, _) in keys.iter().filter(|(_, values)| values.is_empty()) {
        problems.push(
            Diagnostic::error("CFG010", format!("`{field}` has no value: the condition holds of nobody"))
                .place(Place::new(file, span.clone()))
                .fix(format!("write the values, as {field} = [\"…\"], or leave the key out")),
        );
    }
    When(keys)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_and_question_marks_stand_for_letters() {
        for (pattern, text, matches) in [
            ("Head of *", "head of sales", true),
            ("Head of *", "ahead of sales", false),
            ("*engineer*", "senior software engineer ii", true),
            ("L?", "l3", true),
            ("L?", "lä", true),
            ("L?", "l", false),
            ("*a*b*c", "xxaxxbxxbc", true),
            ("*a*b*c", "xxaxxbxxbd", false),
            ("*", "", true),
            ("Größe", "größe", true),
        ] {
            assert_eq!(Pattern::new(pattern).matches(text), matches, "{pattern} on {text}");
        }
    }

    #[test]
    fn what_hr_does_not_say_is_unknown_unless_something_else_decides() {
        let when = |keys: &[(Field, &str)]| {
            When(keys.iter().map(|(field, value)| (field.clone(), vec![Pattern::new(value)])).collect())
        };
        let ada = |field: &Field| (*field == Field::Department).then(|| "sales".to_owned());
        let unknown = Answer::Unknown(Field::Title);
        let (sales, legal) = ((Field::Department, "Sales"), (Field::Department, "Legal"));
        let chief = (Field::Title, "Chief");
        assert_eq!(when(std::slice::from_ref(&sales)).answer(&ada), Answer::Yes);
        assert_eq!(when(&[sales.clone(), chief.clone()]).answer(&ada), unknown);
        assert_eq!(when(&[chief.clone(), legal.clone()]).answer(&ada), Answer::No);
        assert_eq!(When::any(&[when(std::slice::from_ref(&chief)), when(&[sales])], &ada), Answer::Yes);
        assert_eq!(When::any(&[when(&[chief]), when(&[legal])], &ada), unknown);
        assert_eq!(When::default().answer(&ada), Answer::Yes);
        assert_eq!(When::any(&[], &ada), Answer::No);
    }
}
