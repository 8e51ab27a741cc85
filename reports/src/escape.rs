//! Makes strangers' text harmless for the target it is written to.
//!
//! Names, messages of servers and policy texts reach every format as they were collected. What each target would
//! *act on* instead of show is taken away here: terminals obey control characters, spreadsheets obey formulas, Markdown
//! obeys punctuation. HTML is escaped by minijinja; it uses [`visible`] for what markup escaping does not cover.
//!
//! JSON is the exact form. The other formats are for reading: what is hidden in a text is shown, not kept.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io;

use serde::Serialize;

/// The text with every character that is obeyed or hidden rather than shown written as `\n`, `\t`, `\r` or `\u{…}`.
///
/// Covers C0 and C1 controls and DEL (ECMA-48), line and paragraph separators, bidirectional overrides and isolates
/// (Unicode UAX #9; CVE-2021-42574 "Trojan Source"), zero-width and other invisible format characters, and the tag
/// characters. One line stays one line. Joiners that some scripts need are shown as well: in a report about identity two
/// names that look the same must not be different.
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        if is_hidden(character) { shown.extend(character.escape_default()) } else { shown.push(character) }
    }
    Cow::Owned(shown)
}

/// The text as a cell that no spreadsheet takes for a formula: `'` stands before a text that starts like one.
///
/// A formula starts with `=`, `+`, `-` or `@` (also full-width, which some spreadsheets take for the same); tab, carriage
/// return and line feed at the start are skipped by some importers and then reveal one (OWASP, "CSV Injection"). Leading
/// blanks are looked through for the same reason.
pub fn formula_safe(text: &str) -> Cow<'_, str> {
    let hides = text.starts_with(['\t', '\r', '\n']);
    let starts = text.trim_start().starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']);
    if hides || starts { Cow::Owned(format!("'{text}")) } else { Cow::Borrowed(text) }
}

/// The text as prose for Markdown (CommonMark with GitHub's tables): no markup, no HTML, no link, no mention, one line.
pub fn markdown(text: &str) -> String {
    let text = visible(text);
    let mut prose = String::with_capacity(text.len() + 16);
    let starts_list = text.trim_start_matches(|c: char| c.is_ascii_digit()).starts_with(['.', ')']);
    let mut previous = ' ';
    for (at, character) in text.char_indices() {
        match character {
            '&' => prose.push_str("&amp;"),
            '<' => prose.push_str("&lt;"),
            '>' => prose.push_str("&gt;"),
            // A code span: a backslash does not stop GitHub and GitLab from notifying the person who is named.
            '@' if !previous.is_alphanumeric() => prose.push_str("`@`"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '#' | '$' | '!' => {
                prose.push('\\');
                prose.push(character);
            }
            '-' | '+' | '=' if at == 0 => {
                prose.push('\\');
                prose.push(character);
            }
            '.' | ')' if starts_list && prose.chars().all(|c| c.is_ascii_digit()) => {
                prose.push('\\');
                prose.push(character);
            }
            // Bare addresses become links otherwise: `https://…` and `www.…`.
            ':' if text[at..].starts_with("://") => prose.push_str("\\:"),
            '.' if previous.eq_ignore_ascii_case(&'w') => prose.push_str("\\."),
            _ => prose.push(character),
        }
        previous = character;
    }
    prose
}

/// The text as a Markdown code span that works inside and outside of tables: for ids and names that are to be copied.
///
/// A vertical bar cannot be written in a code span that is right in both places, so such a text becomes escaped prose.
pub(crate) fn markdown_code(text: &str) -> String {
    let text = visible(text);
    if text.contains('|') || text.trim().is_empty() {
        return markdown(&text);
    }
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let gap = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{fence}{gap}{text}{gap}{fence}")
}

/// JSON text with hidden characters written as `\uXXXX`: the same value for a parser, harmless on a terminal.
///
/// Outside of strings JSON is plain ASCII, so only strings change. Line feeds stay: the layout is made of them.
pub fn json(document: &str) -> Cow<'_, str> {
    let is_raw = |c: char| c != '\n' && is_hidden(c);
    if !document.chars().any(is_raw) {
        return Cow::Borrowed(document);
    }
    let mut escaped = String::with_capacity(document.len() + 64);
    for character in document.chars() {
        if is_raw(character) {
            for unit in character.encode_utf16(&mut [0; 2]) {
                // Writing to a `String` cannot fail.
                let _ = write!(escaped, "\\u{unit:04x}");
            }
        } else {
            escaped.push(character);
        }
    }
    Cow::Owned(escaped)
}

/// Writes a value as indented JSON and a line feed, harmless as [`json`] makes it.
///
/// Nothing is held but what is being written: answers may be as large as an estate.
///
/// # Errors
/// When `out` cannot be written to, or a value is none that JSON has.
pub fn write_json(out: &mut (impl io::Write + ?Sized), value: &impl Serialize) -> io::Result<()> {
    let mut escaping = Escaping(out);
    serde_json::to_writer_pretty(&mut escaping, value)?;
    escaping.0.write_all(b"\n")
}

/// Takes JSON in pieces of whole characters, as serde writes it.
struct Escaping<'w, W: ?Sized>(&'w mut W);

impl<W: io::Write + ?Sized> io::Write for Escaping<'_, W> {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        if piece.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\n')) {
            self.0.write_all(piece)?;
        } else {
            let text = std::str::from_utf8(piece).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
            self.0.write_all(json(text).as_bytes())?;
        }
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Whether a target would obey or hide the character instead of showing it.
fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' // zero-width space and joiners, direction marks
            | '\u{2028}'..='\u{202e}' // separators, embeddings and overrides
            | '\u{2060}'..='\u{206f}' // word joiner, invisible operators, isolates
            | '\u{2800}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}') // tags and their neighbours, all ignorable
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn harmless_text_is_left_alone() {
        for text in ["José Ängström", "李小龍", "CORP\\jdoe", "a b", "שלום", "👍", ""] {
            assert!(matches!(visible(text), Cow::Borrowed(same) if same == text), "{text}");
        }
    }

    #[test]
    fn obeyed_and_hidden_characters_are_shown() {
        assert_eq!(visible("\x1b]0;x\x07"), "\\u{1b}]0;x\\u{7}");
        assert_eq!(visible("a\u{9b}31m"), "a\\u{9b}31m");
        assert_eq!(visible("one\r\ntwo\tthree"), "one\\r\\ntwo\\tthree");
        assert_eq!(visible("ad\u{202e}nimda\u{2066}\u{200b}\u{feff}"), "ad\\u{202e}nimda\\u{2066}\\u{200b}\\u{feff}");
        assert_eq!(visible("x\u{e0041}"), "x\\u{e0041}");
    }

    #[test]
    fn cells_that_start_like_formulas_get_an_apostrophe() {
        for text in ["=1+1", "+49 30", "-x", "@SUM(A1)", "\tx", "\rx", "\nx", " =1", "＝1", "\u{a0}=1"] {
            assert_eq!(formula_safe(text), format!("'{text}"));
        }
        for text in ["", "a=b", "x-1", "ann@example.org", "1-2"] {
            assert_eq!(formula_safe(text), text);
        }
    }

    #[test]
    fn markdown_prose_carries_no_markup() {
        assert_eq!(markdown("a|b `c` *d* <script>"), "a\\|b \\`c\\` \\*d\\* &lt;script&gt;");
        assert_eq!(
            markdown("[x](http://evil.example) www.evil.example"),
            "\\[x\\](http\\://evil.example) www\\.evil.example"
        );
        assert_eq!(markdown("tell @everyone, not ann@example.org"), "tell `@`everyone, not ann@example.org");
        assert_eq!(markdown("- item\n# head"), "\\- item\\\\n\\# head");
        assert_eq!(markdown("12. item"), "12\\. item");
        assert_eq!(markdown("LCM-001 in 3.5 days."), "LCM-001 in 3.5 days.");
    }

    #[test]
    fn markdown_code_outlasts_backticks_and_bars() {
        assert_eq!(markdown_code("arn:aws:iam::1"), "`arn:aws:iam::1`");
        assert_eq!(markdown_code("a``b"), "```a``b```");
        assert_eq!(markdown_code("`x`"), "`` `x` ``");
        assert_eq!(markdown_code("a|b"), "a\\|b");
    }

    #[test]
    fn json_keeps_its_value() {
        let text = "a\u{9b}\u{7f}\u{202e}\u{e0041}ü";
        let document = serde_json::to_string(text).unwrap();
        let escaped = json(&document);
        assert_eq!(escaped, "\"a\\u009b\\u007f\\u202e\\udb40\\udc41ü\"");
        assert_eq!(serde_json::from_str::<String>(&escaped).unwrap(), text);
    }

    #[test]
    fn json_is_written_as_it_would_be_whole() {
        let hidden = serde_json::json!({
            "plain": ["data-18", 7, null, true],
            "José \u{202e}": "two\nlines, \u{7f} and \u{e0041} \"quoted\" 李小龍\u{200b}\u{1b}[2J",
            "": {},
        });
        let mut written = Vec::new();
        write_json(&mut written, &hidden).unwrap();
        let whole = serde_json::to_string_pretty(&hidden).unwrap();
        let written = String::from_utf8(written).unwrap();
        assert_eq!(written, format!("{}\n", json(&whole)));
        assert!(!written.chars().any(|c| c != '\n' && is_hidden(c)), "{written}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&written).unwrap(), hidden);
    }
}
