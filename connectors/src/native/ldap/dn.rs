//! Distinguished names (RFC 4514): one spelling for names that mean the same entry.

/// One spelling of a DN: lower-case, no spaces around separators, special characters as `\xx`, multi-valued RDNs
/// sorted.
///
/// Two DNs that differ only in case, spacing or escaping normalise alike. It is not the server's matching rule of each
/// attribute, which only the server knows; directories quote DNs as they store them, so the difference does not show.
pub(super) fn normalise(dn: &str) -> String {
    if is_plain(dn) {
        return dn.to_ascii_lowercase();
    }
    let parts: Vec<String> = split(dn, b',').map(normalise_rdn).collect();
    parts.join(",")
}

/// Whether lower-casing is all that is needed: the ordinary case, worth a pass without allocation.
fn is_plain(dn: &str) -> bool {
    let bytes = dn.as_bytes();
    let separator = |byte: Option<&u8>| matches!(byte, None | Some(b',' | b'='));
    bytes.iter().enumerate().all(|(position, byte)| match byte {
        b'\\' | b'+' | b';' | b'"' | b'#' | b'<' | b'>' => false,
        b' ' => {
            !separator(position.checked_sub(1).and_then(|before| bytes.get(before)))
                && !separator(bytes.get(position + 1))
        }
        byte => matches!(byte, 0x20..=0x7e),
    })
}

/// Pieces of `text` between separators that are not escaped.
fn split(text: &str, separator: u8) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let bytes = text.as_bytes();
        let mut position = 0;
        while position < bytes.len() {
            if bytes[position] == b'\\' {
                position += 2;
                continue;
            }
            if bytes[position] == separator || (separator == b',' && bytes[position] == b';') {
                rest = Some(&text[position + 1..]);
                return Some(&text[..position]);
            }
            position += 1;
        }
        rest = None;
        Some(text)
    })
}

fn normalise_rdn(rdn: &str) -> String {
    let mut parts: Vec<String> = split(rdn, b'+').map(normalise_pair).collect();
    parts.sort_unstable();
    parts.join("+")
}

fn normalise_pair(pair: &str) -> String {
    let Some((attribute, value)) = pair.split_once('=') else { return escaped(pair, true) };
    format!("{}={}", attribute.trim().to_ascii_lowercase(), escaped(value, false))
}

/// A value in lower case, special characters as `\xx`. Where no attribute stands before it, `=` is special as well: it would be
/// read as the end of one.
fn escaped(value: &str, alone: bool) -> String {
    let value = String::from_utf8_lossy(&unescape(value)).to_lowercase();
    let mut text = String::with_capacity(value.len());
    let last = value.char_indices().next_back().map_or(0, |(position, _)| position);
    for (position, character) in value.char_indices() {
        let edge = position == 0 || position == last;
        if matches!(character, ',' | ';' | '+' | '"' | '\\' | '<' | '>' | '#' | '\0'..='\x1f' | '\x7f')
            || (edge && character == ' ')
            || (alone && character == '=')
        {
            let code = u32::from(character);
            text.push('\\');
            text.extend(char::from_digit(code >> 4, 16));
            text.extend(char::from_digit(code & 15, 16));
        } else {
            text.push(character);
        }
    }
    text
}

/// The value's bytes: escapes resolved, and spaces that are not escaped dropped at both ends.
fn unescape(value: &str) -> Vec<u8> {
    let value = value.trim_start_matches(' ').as_bytes();
    let hex = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16));
    let mut bytes = Vec::with_capacity(value.len());
    let mut kept = 0; // length up to the last byte that is not a bare space
    let mut position = 0;
    while let Some(byte) = value.get(position) {
        if *byte == b'\\' {
            if let (Some(high), Some(low)) = (hex(value.get(position + 1)), hex(value.get(position + 2))) {
                bytes.extend(u8::try_from(high << 4 | low));
                position += 3;
            } else {
                bytes.extend(value.get(position + 1));
                position += 2;
            }
            kept = bytes.len();
        } else {
            bytes.push(*byte);
            position += 1;
            if *byte != b' ' {
                kept = bytes.len();
            }
        }
    }
    bytes.truncate(kept);
    bytes
}

/// Whether the normalised `dn` is `base` or lies below it. Everything lies below the empty base.
pub(super) fn is_within(dn: &str, base: &str) -> bool {
    base.is_empty()
        || dn.strip_suffix(base).is_some_and(|before| {
            before.is_empty()
                || before.strip_suffix(',').is_some_and(|name| {
                    // An escaped comma is spelled \2c once normalised, so this one separates.
                    !name.is_empty()
                })
        })
}

/// The longest name that both normalised DNs end with, cut at a separator.
pub(super) fn common_base<'a>(one: &'a str, other: &str) -> &'a str {
    let mut base = one;
    while !is_within(other, base) {
        base = base.split_once(',').map_or("", |(_, rest)| rest);
    }
    base
}

/// The attribute and value of the first RDN, as written; `None` when it is not a simple one.
pub(super) fn first_rdn(dn: &str) -> Option<(&str, &str)> {
    let (attribute, value) = split(dn, b',').next()?.split_once('=')?;
    Some((attribute.trim(), value.trim()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_that_mean_the_same_are_spelled_alike() {
        for (one, other) in [
            ("CN=Ann,DC=Acme", "cn=ann,dc=acme"),
            ("cn=Ann , dc = acme", "cn=ann,dc=acme"),
            (r"cn=Doe\, Ann,dc=acme", r"cn=doe\2c ann,dc=acme"),
            (r"cn=J\C3\BCrgen,dc=acme", "CN=JÜRGEN,dc=acme"),
            ("cn=a+uid=b,dc=acme", "uid=b+cn=a,dc=acme"),
            (r"cn=tail\ ,dc=acme", r"cn=tail\20,dc=acme"),
            ("cn=a;dc=acme", "cn=a,dc=acme"),
        ] {
            assert_eq!(normalise(one), normalise(other), "{one} | {other}");
        }
        assert_ne!(normalise(r"cn=a\,b"), normalise("cn=a,b"));
        assert_ne!(normalise(r"cn=tail\ ,dc=acme"), normalise("cn=tail,dc=acme"));
    }

    #[test]
    fn a_base_is_a_whole_name() {
        assert!(is_within("cn=a,dc=acme", "dc=acme"));
        assert!(is_within("dc=acme", "dc=acme"));
        assert!(!is_within("cn=a,xdc=acme", "dc=acme"));
        assert!(is_within("dc=x", ""));
        assert_eq!(common_base("cn=a,ou=x,dc=acme", "cn=b,ou=y,dc=acme"), "dc=acme");
        assert_eq!(common_base("dc=acme", "dc=other"), "");
        assert_eq!(first_rdn(r"CN=Doe\, Ann,DC=acme"), Some(("CN", r"Doe\, Ann")));
    }

    proptest! {
        #[test]
        fn normalising_never_panics_and_is_idempotent(dn in "[a-cA-C=,+;\\\\ #ü0-9\u{0}]{0,40}") {
            let once = normalise(&dn);
            prop_assert_eq!(normalise(&once), once);
        }
    }
}
