//! What is wrong with a manifest, and where.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Does not keep the manifest from being used.
    Warning,
    /// Does.
    Error,
}

/// Something that is wrong with a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// How bad it is.
    pub severity: Severity,
    /// The file, where there is one.
    pub file: Option<PathBuf>,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// The bytes of the file it is about.
    pub span: Range<usize>,
    /// What was found.
    pub what: String,
    /// Why that is wrong.
    pub cause: Option<String>,
    /// What to write instead.
    pub fix: Option<String>,
}

impl fmt::Display for Problem {
    /// `github.toml:12:8: what (cause); fix`, on one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.file {
            Some(file) => write!(f, "{}:{}:{}: {}", file.display(), self.line, self.column, self.what)?,
            None => write!(f, "{}:{}: {}", self.line, self.column, self.what)?,
        }
        if let Some(cause) = &self.cause {
            write!(f, " ({cause})")?;
        }
        self.fix.iter().try_for_each(|fix| write!(f, "; {fix}"))
    }
}

impl std::error::Error for Problem {}

/// The text of a manifest with the problems that were found in it.
#[derive(Debug)]
pub(super) struct Review<'a> {
    text: &'a str,
    file: Option<&'a Path>,
    problems: Vec<Problem>,
}

impl<'a> Review<'a> {
    pub(super) fn new(text: &'a str, file: Option<&'a Path>) -> Self {
        Self { text, file, problems: Vec::new() }
    }

    /// Notes an error at these bytes.
    pub(super) fn error(&mut self, span: &Range<usize>, what: impl Into<String>) -> &mut Problem {
        self.note(Severity::Error, span, what.into())
    }

    /// Notes a warning at these bytes.
    pub(super) fn warning(&mut self, span: &Range<usize>, what: impl Into<String>) -> &mut Problem {
        self.note(Severity::Warning, span, what.into())
    }

    fn note(&mut self, severity: Severity, span: &Range<usize>, what: String) -> &mut Problem {
        let (line, column) = position(self.text, span.start);
        let file = self.file.map(Path::to_owned);
        let span = span.clone();
        self.problems.push(Problem { severity, file, line, column, span, what, cause: None, fix: None });
        self.problems.last_mut().expect("one was pushed")
    }

    /// Line and column of a byte.
    pub(super) fn position(&self, offset: usize) -> (usize, usize) {
        position(self.text, offset)
    }

    /// The byte of the file where `offset` of a text value stands, when its `span` holds it as it is: quoted, with no escape before.
    pub(super) fn within(&self, span: &Range<usize>, value: &str, offset: usize) -> usize {
        let written = self.text.get(span.clone()).unwrap_or_default();
        let quote =
            ["'''\n", "'''", "\"\"\"\n", "\"\"\"", "'", "\""].into_iter().find(|quote| written.starts_with(quote));
        let inside = quote.map(|quote| &written[quote.len()..]);
        let untouched =
            inside.is_some_and(|inside| value.get(..offset).is_some_and(|before| inside.starts_with(before)));
        span.start + if untouched { quote.map_or(0, str::len) + offset } else { 0 }
    }

    /// What was found, in the order of the file.
    pub(super) fn finish(mut self) -> Vec<Problem> {
        self.problems.sort_by(|a, b| (a.line, a.column, &a.what).cmp(&(b.line, b.column, &b.what)));
        self.problems.dedup();
        self.problems
    }
}

impl Problem {
    /// Adds why it is wrong.
    pub(super) fn because(&mut self, cause: impl Into<String>) -> &mut Self {
        self.cause = Some(cause.into());
        self
    }

    /// Adds what to write instead.
    pub(super) fn fix(&mut self, fix: impl Into<String>) -> &mut Self {
        self.fix = Some(fix.into());
        self
    }
}

fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (line, column)
}

/// The one of `known` that is spelled like `word`.
pub(super) fn similar<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= 2 && *distance < candidate.chars().count())
        .min()
        .map(|(_, candidate)| candidate)
}

/// What to say of an unknown `word`: the known one it resembles, or all of them.
pub(super) fn did_you_mean<'a>(word: &str, known: impl IntoIterator<Item = &'a str> + Clone) -> String {
    match similar(word, known.clone()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("known are {}", known.into_iter().collect::<Vec<_>>().join(", ")),
    }
}
