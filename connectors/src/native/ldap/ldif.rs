//! LDIF content records (RFC 2849), one at a time and with flat memory, from any tool that writes them.
//!
//! Also understands what `ldapsearch` and `ldbsearch` print around the entries: search references, the result line and
//! the trailer with the number of entries. Change records are refused: they say what to do, not what is.

use std::io::{self, BufRead};

use base64::Engine as _;

use super::attributes::{Attr, Entry, Range, describe};

/// Longest physical line that is read; a longer one is not LDIF.
const LONGEST_LINE: u64 = 64 * 1024 * 1024;
/// Longest value kept, continuation lines included.
const LONGEST_VALUE: usize = 64 * 1024 * 1024;

/// Something found in the file, with the line it begins on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Item {
    /// An entry.
    Entry(Entry),
    /// An entry that shows only a part of an attribute's values.
    PartOf(Entry, Attr, Range),
    /// A search reference: a URL of another server.
    Reference(String),
    /// The result of the search, as `ldapsearch` prints it.
    Result(u32, String),
    /// The number of entries that the tool says it printed.
    Entries(u64),
    /// A line or value that cannot be read; the rest of the record can.
    Bad(String),
    /// A change record: the file is no export.
    Change,
    /// The file ends inside a record.
    Cut,
}

/// A reader of LDIF.
#[derive(Debug)]
pub(super) struct Ldif<R> {
    input: R,
    /// Lines read so far.
    line: u64,
    /// The unfolded line that is being put together, and where it begins.
    logical: Vec<u8>,
    logical_at: u64,
    /// The physical line read ahead.
    ahead: Vec<u8>,
    has_ahead: bool,
    ended: bool,
    pending: std::collections::VecDeque<(u64, Item)>,
    last_had_newline: bool,
}

/// What one unfolded line is.
enum Line {
    Blank,
    Comment,
    Text,
    End,
}

impl<R: BufRead> Ldif<R> {
    /// Reads LDIF from `input`.
    pub(super) fn new(input: R) -> Self {
        Self {
            input,
            line: 0,
            logical: Vec::new(),
            logical_at: 0,
            ahead: Vec::new(),
            has_ahead: false,
            ended: false,
            pending: std::collections::VecDeque::new(),
            last_had_newline: true,
        }
    }

    /// The input, before the first item was read.
    pub(super) fn input_mut(&mut self) -> &mut R {
        &mut self.input
    }

    /// The input, for what is left of it.
    pub(super) fn into_input(self) -> R {
        self.input
    }

    /// Lines read so far.
    pub(super) fn line(&self) -> u64 {
        self.line
    }

    /// The next item and the line it begins on; `None` at the end of the file.
    ///
    /// # Errors
    /// When the file cannot be read, or a line is longer than any export's.
    pub(super) fn next_item(&mut self) -> io::Result<Option<(u64, Item)>> {
        loop {
            if let Some(item) = self.pending.pop_front() {
                return Ok(Some(item));
            }
            match self.unfold()? {
                Line::End => return Ok(None),
                Line::Blank => {}
                Line::Comment => self.comment(),
                Line::Text => self.record()?,
            }
        }
    }

    /// `# numEntries: 12` (ldapsearch) and `# 12 entries` (ldbsearch) are the tool's own count.
    fn comment(&mut self) {
        let text = String::from_utf8_lossy(&self.logical);
        let number = text
            .strip_prefix("# numEntries:")
            .or_else(|| text.strip_prefix("# ")?.strip_suffix(" entries"))
            .and_then(|number| number.trim().parse().ok());
        if let Some(number) = number {
            self.pending.push_back((self.logical_at, Item::Entries(number)));
        }
    }

    /// Reads a record, whose first line is in `logical`.
    fn record(&mut self) -> io::Result<()> {
        let begins = self.logical_at;
        let mut record = Record::default();
        loop {
            let at = self.logical_at;
            if let Err(what) = record.line(&self.logical) {
                self.pending.push_back((at, Item::Bad(what)));
            }
            loop {
                match self.unfold()? {
                    Line::Comment => self.comment(),
                    Line::Text => break,
                    Line::Blank => {
                        record.into_items(begins, &mut self.pending);
                        return Ok(());
                    }
                    Line::End => {
                        // Tools end every record with an empty line: without one nothing says that this is all of it.
                        // What ldapsearch prints after the entries may end the file, it is proof of the end itself.
                        let proven = record.result.is_some() || record.only_version();
                        if proven && self.last_had_newline {
                            record.into_items(begins, &mut self.pending);
                        } else {
                            // Half an entry lacks attributes that its owner has: none of it is better than that.
                            self.pending.push_back((self.line, Item::Cut));
                        }
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Reads the next unfolded line into `logical`.
    fn unfold(&mut self) -> io::Result<Line> {
        if !self.has_ahead && !self.read_line()? {
            return Ok(Line::End);
        }
        std::mem::swap(&mut self.logical, &mut self.ahead);
        self.has_ahead = false;
        self.logical_at = self.line;
        if self.logical.is_empty() {
            return Ok(Line::Blank);
        }
        // Values of attributes that are not kept (photos, certificates) are not put together.
        let keep = self.logical.first() == Some(&b'#') || is_kept(&self.logical);
        while self.read_line()? {
            let Some((b' ', rest)) = self.ahead.split_first() else {
                self.has_ahead = true;
                break;
            };
            if keep {
                if self.logical.len() + rest.len() > LONGEST_VALUE {
                    return Err(io::Error::new(io::ErrorKind::InvalidData, "a value is longer than 64 MiB"));
                }
                self.logical.extend_from_slice(rest);
            }
        }
        Ok(if self.logical.first() == Some(&b'#') { Line::Comment } else { Line::Text })
    }

    /// Reads a physical line into `ahead`, without its end; false at the end of the file.
    fn read_line(&mut self) -> io::Result<bool> {
        if self.ended {
            return Ok(false);
        }
        self.ahead.clear();
        let read = io::Read::take(&mut self.input, LONGEST_LINE).read_until(b'\n', &mut self.ahead)?;
        if read == 0 {
            self.ended = true;
            return Ok(false);
        }
        if self.line == 0 && self.ahead.starts_with(b"\xef\xbb\xbf") {
            self.ahead.drain(..3);
        }
        self.line += 1;
        self.last_had_newline = self.ahead.last() == Some(&b'\n');
        if self.last_had_newline {
            self.ahead.pop();
        } else if read as u64 == LONGEST_LINE {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a line is longer than 64 MiB"));
        }
        if self.ahead.last() == Some(&b'\r') {
            self.ahead.pop();
        }
        Ok(true)
    }
}

/// Whether the line's attribute is one that matters here.
fn is_kept(line: &[u8]) -> bool {
    let Some(name) = name_of(line) else { return true };
    describe(name).is_some() || Meta::of(name).is_some()
}

fn name_of(line: &[u8]) -> Option<&str> {
    let end = line.iter().position(|byte| *byte == b':')?;
    std::str::from_utf8(&line[..end]).ok()
}

/// Names at the start of a line that are no attributes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Meta {
    Version,
    Dn,
    Change,
    Search,
    Result,
    Reference,
    Other,
}

impl Meta {
    fn of(name: &str) -> Option<Self> {
        const NAMES: &[(&str, Meta)] = &[
            ("dn", Meta::Dn),
            ("version", Meta::Version),
            ("changetype", Meta::Change),
            ("search", Meta::Search),
            ("result", Meta::Result),
            ("ref", Meta::Reference),
            ("control", Meta::Other),
            ("matcheddn", Meta::Other),
            ("text", Meta::Other),
            ("pagedresults", Meta::Other),
        ];
        NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, meta)| *meta)
    }
}

/// A record while its lines come in.
#[derive(Default)]
struct Record {
    entry: Option<Entry>,
    part: Option<(Attr, Range)>,
    references: Vec<String>,
    result: Option<(u32, String)>,
    searched: bool,
    change: bool,
    version: bool,
    stray: bool,
}

impl Record {
    /// Takes an unfolded line.
    fn line(&mut self, line: &[u8]) -> Result<(), String> {
        let Some(name) = name_of(line) else {
            return Err(format!("`{}` has no colon", shorten(line)));
        };
        let rest = &line[name.len() + 1..];
        match (Meta::of(name), &mut self.entry) {
            (Some(Meta::Version), None) => self.version = true,
            (Some(Meta::Dn), None) => {
                let dn = value(name, rest)?;
                let dn = String::from_utf8(dn)
                    .map_err(|error| format!("the DN is not UTF-8: `{}`", shorten(error.as_bytes())))?;
                self.entry = Some(Entry::new(dn));
            }
            (Some(Meta::Dn), Some(_)) => {
                return Err("a second DN in one record: an empty line is missing before it".to_owned());
            }
            (Some(Meta::Change), _) => self.change = true,
            (Some(Meta::Search), None) => self.searched = true,
            (Some(Meta::Result), None) if self.searched => {
                let text = value(name, rest)?;
                let text = String::from_utf8_lossy(&text);
                let (code, words) = text.split_once(' ').unwrap_or((&text, ""));
                let code = code
                    .parse()
                    .map_err(|_not_a_number| format!("the result `{}` has no code", shorten(text.as_bytes())))?;
                self.result = Some((code, words.to_owned()));
            }
            (Some(Meta::Reference), None) => {
                self.references.push(String::from_utf8_lossy(&value(name, rest)?).into_owned());
            }
            (Some(Meta::Other), None) => {}
            (_, Some(entry)) => {
                let Some(described) = describe(name) else { return Ok(()) };
                entry.add_one(described.attr, value(name, rest)?);
                if let Some(range) = described.range {
                    self.part = Some((described.attr, range));
                }
            }
            (_, None) if self.searched => {}
            (_, None) if self.stray => {}
            (_, None) => {
                self.stray = true;
                return Err(format!("`{}` stands before any `dn:`", shorten(line)));
            }
        }
        Ok(())
    }

    /// Whether the record is nothing but `version: 1`.
    fn only_version(&self) -> bool {
        self.version && self.entry.is_none()
    }

    fn into_items(self, at: u64, items: &mut std::collections::VecDeque<(u64, Item)>) {
        if self.change {
            items.push_back((at, Item::Change));
            return;
        }
        match (self.entry, self.part) {
            // The last part alone, from 0, is the whole.
            (Some(entry), None | Some((_, Range { low: 0, high: None }))) => items.push_back((at, Item::Entry(entry))),
            (Some(entry), Some((attr, range))) => items.push_back((at, Item::PartOf(entry, attr, range))),
            (None, _) => {}
        }
        items.extend(self.references.into_iter().map(|reference| (at, Item::Reference(reference))));
        if let Some((code, text)) = self.result {
            items.push_back((at, Item::Result(code, text)));
        }
    }
}

/// The value after `name:`, which is plain, base64 (`::`) or a URL (`:<`).
fn value(name: &str, rest: &[u8]) -> Result<Vec<u8>, String> {
    match rest.split_first() {
        Some((b':', encoded)) => {
            let encoded = encoded.trim_ascii();
            base64::engine::general_purpose::STANDARD
                .decode(encoded)
                .map_err(|error| format!("the base64 of `{name}` cannot be read ({error})"))
        }
        Some((b'<', url)) => Err(format!("`{name}` is kept elsewhere, in `{}`, which is not opened", shorten(url))),
        Some(_) | None => {
            let start = rest.iter().take_while(|byte| **byte == b' ').count();
            Ok(rest[start..].to_vec())
        }
    }
}

/// The start of a text, for messages.
fn shorten(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text.trim_ascii());
    let short: String = text.chars().take(60).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if short.len() < text.len() { format!("{short}…") } else { short }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: impl AsRef<[u8]>) -> Vec<(u64, Item)> {
        let mut ldif = Ldif::new(text.as_ref());
        let mut items = Vec::new();
        while let Some(item) = ldif.next_item().unwrap() {
            items.push(item);
        }
        items
    }

    fn entry(dn: &str, values: &[(Attr, &str)]) -> Item {
        let mut entry = Entry::new(dn.to_owned());
        for (attr, value) in values {
            entry.add_one(*attr, value.as_bytes().to_vec());
        }
        Item::Entry(entry)
    }

    #[test]
    fn folded_encoded_and_commented_lines_are_read() {
        let text = "version: 1\r\n\r\n# a comment\r\n  that goes on\r\ndn: cn=Ann,\r\n dc=acme\r\ncn: Ann\r\nuid:: YW5u\r\n\
                    jpegPhoto:: not base64\r\n at all\r\ndescription:\r\n\r\n";
        assert_eq!(
            read(text),
            [(5, entry("cn=Ann,dc=acme", &[(Attr::Cn, "Ann"), (Attr::Uid, "ann"), (Attr::Description, "")]))]
        );
    }

    #[test]
    fn a_file_that_ends_inside_a_record_is_cut() {
        let whole = "dn: cn=a\ncn: a\n\ndn: cn=b\ncn: b\n\n";
        assert_eq!(read(whole).len(), 2);
        for end in [whole.len() - 1, whole.len() - 2, whole.len() - 4, whole.len() - 9] {
            assert!(matches!(read(&whole[..end]).last(), Some((_, Item::Cut))), "{end}");
        }
    }

    #[test]
    fn what_ldapsearch_prints_around_the_entries_is_understood() {
        let text = "# extended LDIF\n#\n# LDAPv3\n\n# acme\ndn: dc=acme\ndc: acme\n\n# search reference\nref: ldap://x/dc=y\n\n\
                    # search result\nsearch: 2\nresult: 4 Size limit exceeded\n\n# numResponses: 3\n# numEntries: 1\n";
        assert_eq!(
            read(text),
            [
                (6, entry("dc=acme", &[])),
                (10, Item::Reference("ldap://x/dc=y".to_owned())),
                (13, Item::Result(4, "Size limit exceeded".to_owned())),
                (17, Item::Entries(1)),
            ]
        );
    }

    #[test]
    fn bad_lines_cost_only_themselves_and_changes_are_refused() {
        let items =
            read("dn: cn=a\nno colon\ncn:: %%%\nsn:< file:///etc/passwd\nuid: a\n\ndn: cn=b\nchangetype: delete\n\n");
        let bad = items.iter().filter(|(_, item)| matches!(item, Item::Bad(_)));
        assert_eq!(bad.map(|(line, _)| *line).collect::<Vec<_>>(), [2, 3, 4]);
        assert_eq!(items[3], (1, entry("cn=a", &[(Attr::Uid, "a")])));
        assert_eq!(items[4], (7, Item::Change));
    }

    #[test]
    fn a_range_says_that_values_are_missing() {
        let items = read("dn: cn=a\nmember;range=0-1: x\nmember;range=0-1: y\n\n");
        assert!(matches!(&items[..], [(1, Item::PartOf(entry, Attr::Member, Range { low: 0, high: Some(1) }))]
            if entry.values(Attr::Member).len() == 2));
    }

    fn fold(line: &str, width: usize) -> String {
        let mut folded = String::new();
        for (position, character) in line.chars().enumerate() {
            if position > 0 && position % width == 0 {
                folded.push_str("\n ");
            }
            folded.push(character);
        }
        folded.push('\n');
        folded
    }

    proptest! {
        #[test]
        fn reading_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let mut ldif = Ldif::new(bytes.as_slice());
            while let Ok(Some(_)) = ldif.next_item() {}
        }

        #[test]
        fn reading_text_like_ldif_never_panics(text in "(dn|cn|ref|result|search|member;range=0-9)?[:<# \n]{0,3}[a-z:=\n ]{0,200}") {
            let mut ldif = Ldif::new(text.as_bytes());
            while let Ok(Some(_)) = ldif.next_item() {}
        }

        #[test]
        fn what_is_written_is_read_again(
            dns in proptest::collection::vec("[a-zü=, ]{1,20}", 1..5),
            values in proptest::collection::vec((0..Attr::ALL.len(), proptest::collection::vec(any::<u8>(), 0..60)), 0..12),
            width in 3_usize..90,
        ) {
            let mut text = String::from("version: 1\n\n");
            let mut written = Vec::new();
            for dn in &dns {
                let encode = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes);
                text.push_str(&fold(&format!("dn:: {}", encode(dn.as_bytes())), width.max(5)));
                let mut entry = Entry::new(dn.clone());
                for (attr, value) in &values {
                    let attr = Attr::ALL[*attr];
                    text.push_str(&fold(&format!("{}:: {}", attr.name(), encode(value)), width.max(40)));
                    entry.add_one(attr, value.clone());
                }
                text.push('\n');
                written.push(Item::Entry(entry));
            }
            let read: Vec<Item> = read(&text).into_iter().map(|(_, item)| item).collect();
            prop_assert_eq!(read, written);
        }
    }
}
