//! A manifest written as JSON: the same document in other signs, turned into TOML byte for byte.
//!
//! ```text
//!   {"schema": 1, "stream": {"users": {"get": "/users"}}}
//!    "schema"= 1
//!    "stream"= {"users"= {"get"= "/users"}}
//! ```
//!
//! Nothing moves, so that a position in one is the position in the other, and everything that reads and checks a manifest does not
//! know which of the two it was.

use std::ops::Range;

/// Whether a text is JSON: no TOML document begins with a brace.
pub(super) fn is_json(text: &str) -> bool {
    text.trim_start().starts_with('{')
}

/// The same document as TOML, as long as `json` is.
///
/// # Errors
/// What is no JSON, or cannot be said in TOML, with its bytes.
pub(super) fn toml_of(json: &str) -> Result<String, (Range<usize>, String)> {
    serde_json::from_str::<serde::de::IgnoredAny>(json).map_err(|error| {
        let at = offset(json, error.line(), error.column());
        let what = error.to_string();
        (at..at, format!("it is no JSON: {}", what.split(" at line ").next().unwrap_or_default()))
    })?;
    let mut toml = json.as_bytes().to_vec();
    let bytes = json.as_bytes();
    let (mut depth, mut at) = (0_usize, 0);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => {
                let end = closing(bytes, at);
                text(json, at + 1..end, &mut toml);
                at = end;
            }
            b'{' | b'[' => {
                depth += 1;
                if depth == 1 {
                    toml[at] = b' ';
                }
            }
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    toml[at] = b' ';
                }
            }
            b':' => toml[at] = b'=',
            b',' if depth == 1 => toml[at] = b'\n',
            // A value may stand in the line after its key, in JSON.
            b'\n' | b'\r' => toml[at] = b' ',
            b'n' => return Err((at..at + 4, "`null` is no value of a manifest".to_owned())),
            b't' | b'f' => at += if *byte == b't' { 3 } else { 4 },
            _ => {}
        }
        at += 1;
    }
    String::from_utf8(toml).map_err(|error| (0..0, error.to_string()))
}

/// The byte of a line and column as `serde_json` counts them: from 1, in bytes.
fn offset(text: &str, line: usize, column: usize) -> usize {
    let before: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    (before + column.saturating_sub(1)).min(text.len())
}

/// Where the text ends that begins at a quote.
fn closing(bytes: &[u8], quote: usize) -> usize {
    let mut at = quote + 1;
    while bytes.get(at).is_some_and(|byte| *byte != b'"') {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    at
}

/// Rewrites the escapes that TOML does not have. What gets shorter is filled up with blanks behind the closing quote.
fn text(json: &str, inside: Range<usize>, toml: &mut [u8]) {
    let source = &json[inside.clone()];
    if !source.contains("\\/") && !source.contains("\\u") {
        return;
    }
    let mut written = Vec::with_capacity(source.len());
    let mut rest = source;
    while let Some(escape) = rest.find('\\') {
        written.extend_from_slice(&rest.as_bytes()[..escape]);
        let length = match rest.as_bytes().get(escape + 1) {
            Some(b'/') => {
                written.push(b'/');
                2
            }
            // Two halves of one character are one escape in JSON's eyes, and none in TOML's.
            Some(b'u') => {
                if let Some(letter) = halves(&rest[escape..]) {
                    written.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
                    12
                } else {
                    written.extend_from_slice(&rest.as_bytes()[escape..escape + 6]);
                    6
                }
            }
            _ => {
                written.extend_from_slice(&rest.as_bytes()[escape..escape + 2]);
                2
            }
        };
        rest = &rest[escape + length..];
    }
    written.extend_from_slice(rest.as_bytes());
    written.push(b'"');
    written.resize(source.len() + 1, b' ');
    toml[inside.start..=inside.end].copy_from_slice(&written);
}

/// The character that two `\uXXXX` make together.
fn halves(escapes: &str) -> Option<char> {
    let unit = |at: usize| u16::from_str_radix(escapes.get(at + 2..at + 6)?, 16).ok();
    let high = unit(0).filter(|unit| (0xd800..0xdc00).contains(unit))?;
    escapes.get(6..8).filter(|start| *start == "\\u")?;
    char::decode_utf16([high, unit(6)?]).next()?.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn both(json: &str) -> (serde_json::Value, serde_json::Value) {
        let toml = toml_of(json).unwrap();
        assert_eq!(toml.len(), json.len(), "{toml}");
        let read: toml::Table = toml.parse().unwrap_or_else(|error| panic!("{error}\n{toml}"));
        (serde_json::to_value(read).unwrap(), serde_json::from_str(json).unwrap())
    }

    #[test]
    fn json_and_toml_say_the_same_and_nothing_moves() {
        for json in [
            r#"{"a": 1, "b": {"c": [1, 2.5, true, false, "x,y:{z}"], "d": {}}, "e": [], "f": -1e3}"#,
            "{\n  \"a\"\n  :\n  1,\n  \"b\": [\n    {\"c\": \"d\"},\n    {\"c\": \"e\"}\n  ]\n}\n",
            r#"{"a":"\/x\/y","b":"q\"q\\","c":"\ud83d\ude00 \u00e9 \u0041\n","d":"é","tr:ue,":"nf"}"#,
            "{}",
            "{ }",
        ] {
            let (toml, json) = both(json);
            assert_eq!(toml, json);
        }
    }

    #[test]
    fn what_is_no_json_says_where() {
        let wrong = |json: &str| toml_of(json).unwrap_err();
        assert_eq!(wrong("{\"a\": nul}").0.start, 9);
        let (span, what) = wrong("{\"a\": 1,\n \"b\": null}");
        assert_eq!((span, what.contains("null")), (15..19, true));
        for torn in ["{\"a\": 1,}", "{\"a\": 1} x", "{\"a\": 1", "{\"a\" 1}", "{a: 1}"] {
            assert!(wrong(torn).1.starts_with("it is no JSON: "), "{torn}");
        }
    }
}
