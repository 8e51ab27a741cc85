//! A problem as a person reads it: code, what happened, where, the cause, its effect and what to do.
//!
//! ```text
//! error[CFG014]: system `okta-prod` has no credential
//!   --> muster.toml:18:22
//!    |
//! 18 | credential = { env = "OKTA_TOKE" }
//!    |                      ^^^^^^^^^^^ the environment has no `OKTA_TOKE`
//!    = cause: a live system needs a token; nothing was collected from it
//! help: did you mean `OKTA_TOKEN`?
//! ```
//!
//! Every code has a page in [`codes`], which `muster explain CODE` prints. Texts may quote strangers (names, server answers):
//! rendering makes terminal escapes visible instead of obeying them.

pub mod codes;

use std::borrow::Cow;
use std::fmt::Write as _;
use std::ops::Range;
use std::sync::Arc;

use muster_connectors::scope::Gap;

pub use codes::{CODES, Code, manual};

/// How much a diagnostic weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Good to know.
    Note,
    /// Something was not done, the rest was.
    Warning,
    /// The work could not be done.
    Error,
}

/// A text file that diagnostics point into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceText {
    /// Path as the user gave it.
    pub path: String,
    /// Content.
    pub text: String,
}

/// Some bytes of a file, with a word about them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub file: Arc<SourceText>,
    /// Bytes of its text.
    pub span: Range<usize>,
    /// What is to be said right there.
    pub label: Option<String>,
}

impl Place {
    /// Bytes `span` of `file`.
    pub fn new(file: &Arc<SourceText>, span: Range<usize>) -> Self {
        Self { file: Arc::clone(file), span, label: None }
    }

    /// Adds a word about the bytes.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// Line and column of the first byte, both from 1; columns count characters.
    pub fn line_column(&self) -> (usize, usize) {
        let (line, start) = self.line_start();
        (line, self.file.text.get(start..self.start()).unwrap_or_default().chars().count() + 1)
    }

    fn start(&self) -> usize {
        floor(&self.file.text, self.span.start)
    }

    /// Number of the first byte's line and the byte it begins at.
    fn line_start(&self) -> (usize, usize) {
        let before = self.file.text.get(..self.start()).unwrap_or_default();
        (before.matches('\n').count() + 1, before.rfind('\n').map_or(0, |newline| newline + 1))
    }

    fn line_text(&self) -> &str {
        let (_, start) = self.line_start();
        self.file.text.get(start..).unwrap_or_default().lines().next().unwrap_or_default()
    }

    /// Characters of the first line that are underlined: at least one.
    fn width(&self) -> usize {
        let (_, line) = self.line_start();
        let end = floor(&self.file.text, self.span.end).min(line + self.line_text().len());
        self.file.text.get(self.start()..end).map_or(0, |marked| marked.chars().count()).max(1)
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (line, column) = self.line_column();
        write!(f, "{}:{line}:{column}", self.file.path)
    }
}

/// The last character boundary of `text` at or before `at`.
fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// A problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Stable code, explained by `muster explain CODE`.
    pub code: String,
    /// How much it weighs.
    pub level: Level,
    /// What was tried, on what, and what was found.
    pub what: String,
    /// Where in a file whose text is at hand.
    pub place: Option<Place>,
    /// Where otherwise: `people.csv:17:4`.
    pub at: Option<String>,
    /// Why.
    pub cause: Option<String>,
    /// What follows from it.
    pub effect: Option<String>,
    /// What to do.
    pub fix: Option<String>,
}

impl Diagnostic {
    /// A problem that stopped the work.
    pub fn error(code: &str, what: impl Into<String>) -> Self {
        Self::new(Level::Error, code, what)
    }

    /// A problem that the rest of the work survived.
    pub fn warning(code: &str, what: impl Into<String>) -> Self {
        Self::new(Level::Warning, code, what)
    }

    /// Something good to know.
    pub fn note(code: &str, what: impl Into<String>) -> Self {
        Self::new(Level::Note, code, what)
    }

    fn new(level: Level, code: &str, what: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            level,
            what: what.into(),
            place: None,
            at: None,
            cause: None,
            effect: None,
            fix: None,
        }
    }

    /// Something that a connector could not read in `place` (`okta:acme`), as a warning.
    pub fn from_gap(place: &str, gap: &Gap) -> Self {
        Self {
            at: gap.at.as_deref().map(str::to_owned),
            cause: gap.cause.clone(),
            fix: gap.fix.clone(),
            ..Self::warning(&gap.code, format!("{place} — {}", gap.what))
        }
    }

    /// Adds where it is.
    #[must_use]
    pub fn place(mut self, place: Place) -> Self {
        self.place = Some(place);
        self
    }

    /// Adds the cause.
    #[must_use]
    pub fn cause(mut self, cause: impl Into<String>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// Adds what follows from it.
    #[must_use]
    pub fn effect(mut self, effect: impl Into<String>) -> Self {
        self.effect = Some(effect.into());
        self
    }

    /// Adds what to do.
    #[must_use]
    pub fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }

    /// Adds what to do, where there is something.
    #[must_use]
    pub fn maybe_fix(mut self, fix: Option<String>) -> Self {
        self.fix = fix.or(self.fix);
        self
    }

    /// The lines a person reads, ending in a newline. Colour only repeats what the words say.
    pub fn render(&self, colour: bool) -> String {
        let paint = Paint { colour };
        let mut out = String::new();
        let (word, style) = match self.level {
            Level::Error => ("error", "1;31"),
            Level::Warning => ("warning", "1;33"),
            Level::Note => ("note", "1;36"),
        };
        let head = format!("{word}[{}]", self.code);
        let _ = writeln!(out, "{}: {}", paint.with(style, &head), paint.with("1", &visible(&self.what)));
        self.render_place(&mut out, paint);
        for (name, text) in [("cause", &self.cause), ("effect", &self.effect)] {
            if let Some(text) = text {
                let _ = writeln!(out, "   {} {name}: {}", paint.with("1;34", "="), visible(text));
            }
        }
        if let Some(fix) = &self.fix {
            let _ = writeln!(out, "{}: {}", paint.with("1;32", "help"), visible(fix));
        }
        out
    }

    fn render_place(&self, out: &mut String, paint: Paint) {
        let Some(place) = &self.place else {
            if let Some(at) = &self.at {
                let _ = writeln!(out, "  {} {}", paint.with("1;34", "-->"), visible(at));
            }
            return;
        };
        let (line, column) = place.line_column();
        let number = format!("{line:>2}");
        let gutter = " ".repeat(number.len());
        let bar = paint.with("1;34", "|");
        let text: String = place.line_text().chars().map(visible_char).collect::<Vec<_>>().concat();
        let indent: usize = place.line_text().chars().take(column - 1).map(|c| visible_char(c).chars().count()).sum();
        let carets = "^".repeat(place.width());
        let carets = paint.with("1;31", &carets);
        let label = place.label.as_deref().map(visible).unwrap_or_default();
        let _ = writeln!(out, "{gutter}{} {}", paint.with("1;34", "-->"), visible(&place.to_string()));
        let _ = writeln!(out, "{gutter} {bar}");
        let _ = writeln!(out, "{} {bar} {text}", paint.with("1;34", &number));
        let _ = writeln!(out, "{}", format!("{gutter} {bar} {}{carets} {label}", " ".repeat(indent)).trim_end());
    }
}

impl std::fmt::Display for Diagnostic {
    /// The plain rendering.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.render(false))
    }
}

#[derive(Clone, Copy)]
struct Paint {
    colour: bool,
}

impl Paint {
    fn with<'t>(self, style: &str, text: &'t str) -> Cow<'t, str> {
        if self.colour { Cow::Owned(format!("\u{1b}[{style}m{text}\u{1b}[0m")) } else { Cow::Borrowed(text) }
    }
}

/// `text` with everything that a terminal would obey or reorder made visible: control characters and the bidirectional
/// overrides of Unicode ("Trojan Source", CVE-2021-42574) become `\u{1b}` and the like.
pub fn visible(text: &str) -> Cow<'_, str> {
    if text.chars().any(is_hidden) {
        Cow::Owned(text.chars().map(|c| if is_hidden(c) { escaped(c) } else { c.to_string() }).collect())
    } else {
        Cow::Borrowed(text)
    }
}

fn visible_char(c: char) -> String {
    match c {
        '\t' => " ".to_owned(),
        c if is_hidden(c) => escaped(c),
        c => c.to_string(),
    }
}

fn escaped(c: char) -> String {
    match c {
        '\n' => "\\n".to_owned(),
        '\r' => "\\r".to_owned(),
        '\t' => "\\t".to_owned(),
        c => format!("\\u{{{:x}}}", u32::from(c)),
    }
}

fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// The word of `known` that is spelled most like `word`, if any is near enough to suggest.
pub fn similar<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    known
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(word, candidate), candidate))
        .filter(|(likeness, _)| *likeness > 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0).then_with(|| b.1.cmp(a.1)))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> Arc<SourceText> {
        Arc::new(SourceText { path: "muster.toml".into(), text: "a = 1\n\tünï = \"OKTA_TOKE\"\n".into() })
    }

    #[test]
    fn it_points_at_the_characters_and_says_cause_and_fix() {
        let file = file();
        let start = file.text.find('"').unwrap();
        let text = Diagnostic::error("CFG014", "system `okta` has no credential")
            .place(Place::new(&file, start..start + 11).label("the environment has no `OKTA_TOKE`"))
            .cause("a live system needs a token")
            .fix("did you mean `OKTA_TOKEN`?")
            .to_string();
        assert_eq!(
            text,
            concat!(
                "error[CFG014]: system `okta` has no credential\n",
                "  --> muster.toml:2:8\n",
                "   |\n",
                " 2 |  ünï = \"OKTA_TOKE\"\n",
                "   |        ^^^^^^^^^^^ the environment has no `OKTA_TOKE`\n",
                "   = cause: a live system needs a token\n",
                "help: did you mean `OKTA_TOKEN`?\n",
            )
        );
    }

    #[test]
    fn a_span_out_of_bounds_or_inside_a_character_does_not_panic() {
        let file = file();
        for span in [0..0, 8..9, 9..10, 100..200, Range { start: 30, end: 10 }] {
            assert!(Diagnostic::note("CFG001", "x").place(Place::new(&file, span)).to_string().contains("muster.toml"));
        }
    }

    #[test]
    fn terminal_escapes_of_strangers_are_shown_and_not_obeyed() {
        let gap = Gap::new("COL031", "login \u{1b}[2J\u{202e}evil\nhelp: pay");
        let text = Diagnostic::from_gap("crm:all", &gap).render(true);
        assert!(text.contains(r"login \u{1b}[2J\u{202e}evil\nhelp: pay"), "{text}");
    }

    #[test]
    fn colour_only_repeats_the_words() {
        let diagnostic = Diagnostic::warning("COL001", "x").cause("y").fix("z");
        let coloured = diagnostic.render(true);
        let mut plain = String::new();
        let mut rest = coloured.as_str();
        while let Some((before, after)) = rest.split_once('\u{1b}') {
            plain.push_str(before);
            rest = after.split_once('m').unwrap().1;
        }
        plain.push_str(rest);
        assert_eq!(plain, diagnostic.render(false));
    }
}
