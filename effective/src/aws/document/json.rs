//! JSON with the place of every value, because a statement is shown where it stands.
//!
//! Linear in the text, of bounded depth, and never fails on less than broken structure: an escape that names no character is
//! a [`Fault`] of its string, so that the other statements of a document stay readable.

use std::ops::Range;

/// How deep values may lie in each other. A policy needs six; what is deeper was not made by a person.
pub(in crate::aws) const MAX_DEPTH: u32 = 32;

/// A value and where it stands, in bytes.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::aws) struct Node {
    pub(in crate::aws) span: Range<u32>,
    pub(in crate::aws) value: Value,
}

/// A JSON value; numbers stay as written.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::aws) enum Value {
    Null,
    Bool(bool),
    Number(Box<str>),
    String(Box<str>),
    Array(Vec<Node>),
    Object(Vec<Member>),
}

/// One `"name": value` of an object, in the order of the text; a name may stand there twice.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::aws) struct Member {
    pub(in crate::aws) name: Box<str>,
    /// Where the name stands.
    pub(in crate::aws) span: Range<u32>,
    pub(in crate::aws) node: Node,
}

impl Value {
    /// For a message.
    pub(in crate::aws) const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "true or false",
            Self::Number(_) => "a number",
            Self::String(_) => "a text",
            Self::Array(_) => "a list",
            Self::Object(_) => "an object",
        }
    }
}

/// What is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::aws) struct Fault {
    pub(in crate::aws) span: Range<u32>,
    pub(in crate::aws) what: String,
}

/// Reads one value that fills the text; faults are those of single strings.
///
/// # Errors
/// The first place where the text is no JSON.
pub(in crate::aws) fn read(text: &str, start: usize) -> Result<(Node, Vec<Fault>), Fault> {
    let mut reader = Reader { text, at: start, faults: Vec::new() };
    reader.blanks();
    let node = reader.value(0)?;
    reader.blanks();
    if reader.at < text.len() {
        return Err(reader.fault("after the end of the document there is more text: remove it"));
    }
    Ok((node, reader.faults))
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    faults: Vec<Fault>,
}

/// A document is checked against a limit far below this before it is read.
pub(in crate::aws) fn offset(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn fault(&self, what: &str) -> Fault {
        let wide = self.text.get(self.at..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
        Fault { span: offset(self.at)..offset(self.at + wide), what: what.to_owned() }
    }

    /// What stands here where something else should, or the end of the text.
    fn unexpected(&self, expected: &str) -> Fault {
        match self.text.get(self.at..).and_then(|rest| rest.chars().next()) {
            Some(found) => self.fault(&format!("`{}` stands where {expected} is expected", found.escape_default())),
            None => self
                .fault(&format!("the text ends where {expected} is expected: it was cut off, or a bracket is missing")),
        }
    }

    fn value(&mut self, depth: u32) -> Result<Node, Fault> {
        let start = self.at;
        let value = match self.peek() {
            Some(b'{') => self.object(depth)?,
            Some(b'[') => self.array(depth)?,
            Some(b'"') => Value::String(self.string()?),
            Some(b't') => self.word("true", Value::Bool(true))?,
            Some(b'f') => self.word("false", Value::Bool(false))?,
            Some(b'n') => self.word("null", Value::Null)?,
            Some(b'-' | b'0'..=b'9') => self.number()?,
            _ => return Err(self.unexpected("a value")),
        };
        Ok(Node { span: offset(start)..offset(self.at), value })
    }

    fn deeper(&self, depth: u32) -> Result<u32, Fault> {
        if depth < MAX_DEPTH {
            return Ok(depth + 1);
        }
        Err(self.fault(&format!("values lie more than {MAX_DEPTH} deep in each other; a policy needs six levels")))
    }

    fn object(&mut self, depth: u32) -> Result<Value, Fault> {
        let depth = self.deeper(depth)?;
        self.at += 1;
        let mut members = Vec::new();
        self.blanks();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Value::Object(members));
        }
        loop {
            self.blanks();
            let start = self.at;
            if self.peek() != Some(b'"') {
                return Err(self.unexpected("a name in quotes"));
            }
            let name = self.string()?;
            let span = offset(start)..offset(self.at);
            self.blanks();
            if self.peek() != Some(b':') {
                return Err(self.unexpected("`:`"));
            }
            self.at += 1;
            self.blanks();
            members.push(Member { name, span, node: self.value(depth)? });
            self.blanks();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => break,
                _ => return Err(self.unexpected("`,` or `}`")),
            }
        }
        self.at += 1;
        Ok(Value::Object(members))
    }

    fn array(&mut self, depth: u32) -> Result<Value, Fault> {
        let depth = self.deeper(depth)?;
        self.at += 1;
        let mut items = Vec::new();
        self.blanks();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Value::Array(items));
        }
        loop {
            self.blanks();
            items.push(self.value(depth)?);
            self.blanks();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => break,
                _ => return Err(self.unexpected("`,` or `]`")),
            }
        }
        self.at += 1;
        Ok(Value::Array(items))
    }

    fn word(&mut self, word: &str, value: Value) -> Result<Value, Fault> {
        if self.text.as_bytes().get(self.at..).is_some_and(|rest| rest.starts_with(word.as_bytes())) {
            self.at += word.len();
            return Ok(value);
        }
        Err(self.unexpected("a value"))
    }

    fn digits(&mut self) -> Result<(), Fault> {
        if !matches!(self.peek(), Some(b'0'..=b'9')) {
            return Err(self.unexpected("a digit"));
        }
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        Ok(())
    }

    fn number(&mut self) -> Result<Value, Fault> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        self.digits()?;
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(Value::Number(self.text[start..self.at].into()))
    }

    /// A string; raw control characters are kept, as AWS keeps line breaks in a `Sid`.
    fn string(&mut self) -> Result<Box<str>, Fault> {
        let opened = self.at;
        self.at += 1;
        let mut string = String::new();
        loop {
            let rest = &self.text.as_bytes()[self.at..];
            let Some(run) = memchr::memchr2(b'"', b'\\', rest) else {
                let span = offset(opened)..offset(self.text.len());
                return Err(Fault { span, what: "a text has no closing quote: add it".to_owned() });
            };
            string.push_str(&self.text[self.at..self.at + run]);
            self.at += run;
            if self.peek() == Some(b'"') {
                self.at += 1;
                return Ok(string.into_boxed_str());
            }
            self.escape(&mut string);
        }
    }

    /// An escape that names no character becomes U+FFFD and a fault.
    fn escape(&mut self, string: &mut String) {
        let start = self.at;
        self.at += 1;
        let Some(letter) = self.text[self.at..].chars().next() else { return };
        self.at += letter.len_utf8();
        let plain = match letter {
            '"' | '\\' | '/' => Some(letter),
            'b' => Some('\u{8}'),
            'f' => Some('\u{c}'),
            'n' => Some('\n'),
            'r' => Some('\r'),
            't' => Some('\t'),
            'u' => self.unicode(),
            _ => None,
        };
        string.push(plain.unwrap_or(char::REPLACEMENT_CHARACTER));
        if plain.is_none() {
            self.faults.push(Fault {
                span: offset(start)..offset(self.at),
                what: format!("the escape `{}` names no character", self.text[start..self.at].escape_debug()),
            });
        }
    }

    /// After `\u`: four digits, or a pair of surrogates.
    fn unicode(&mut self) -> Option<char> {
        let high = self.four()?;
        if !(0xD800..0xE000).contains(&high) {
            return char::from_u32(high);
        }
        let back = self.at;
        if high < 0xDC00 && self.text[self.at..].starts_with("\\u") {
            self.at += 2;
            if let Some(low) = self.four().filter(|low| (0xDC00..0xE000).contains(low)) {
                return char::from_u32(0x1_0000 + ((high - 0xD800) << 10) + (low - 0xDC00));
            }
            self.at = back;
        }
        None
    }

    fn four(&mut self) -> Option<u32> {
        let digits =
            self.text.get(self.at..self.at + 4).filter(|four| four.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
        self.at += 4;
        u32::from_str_radix(digits, 16).ok()
    }
}
