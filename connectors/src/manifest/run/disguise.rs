//! Replaces what is personal or secret in recorded exchanges, the same every time, so that joins still work.
//!
//! Everything is replaced that is not known to be harmless, not the other way round: every word of every text becomes another
//! word, made from it with a key that is thrown away. What stays: words that stand in the manifest itself (states, roles,
//! paths), instants, short numbers, `true`, `false` and `null`. A word is replaced the same wherever it stands, so `alice` in
//! a path, in a login and in `alice@acme.example` stays one and the same, and a cursor still leads to its page.

use std::collections::HashSet;

use aws_lc_rs::hmac;
use serde_json::{Map, Number, Value};
use url::Url;

use crate::http::is_loopback;

/// Digits of a number that may stay: counts, sizes, levels.
const SHORT: usize = 4;

/// A disguise for one recording.
pub(crate) struct Disguise {
    key: hmac::Key,
    /// Words that may stay, in lower case.
    known: HashSet<String>,
}

impl std::fmt::Debug for Disguise {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Disguise").field("known", &self.known.len()).finish_non_exhaustive()
    }
}

impl Disguise {
    /// A disguise with a secret key, that lets the words of `harmless` texts stay, and none of `secrets` whatever they are.
    pub(crate) fn new<'a>(
        key: [u8; 32],
        harmless: impl IntoIterator<Item = &'a str>,
        secrets: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let mut known: HashSet<String> = harmless.into_iter().flat_map(words).map(str::to_lowercase).collect();
        for word in secrets.into_iter().flat_map(words) {
            known.remove(&word.to_lowercase());
        }
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, &key), known }
    }

    /// A reply in disguise. Of its keys only those stay that the manifest names; a key that is data itself (an id, an address)
    /// stays in disguise.
    pub(crate) fn value(&self, value: &Value) -> Value {
        self.reduced(value, true, "")
    }

    /// A request's body in disguise: every key stays, the manifest wrote it.
    pub(crate) fn whole(&self, value: &Value) -> Value {
        self.reduced(value, false, "")
    }

    /// `name` is the key that the value stands at.
    fn reduced(&self, value: &Value, drop: bool, name: &str) -> Value {
        match value {
            Value::Null | Value::Bool(_) => value.clone(),
            Value::Number(number) => self.number(number, name),
            Value::String(text) => Value::String(self.text(text)),
            Value::Array(values) => values.iter().map(|value| self.reduced(value, drop, name)).collect(),
            Value::Object(object) => {
                let entries = object.iter().filter_map(|(name, value)| {
                    let key = if self.is_known_name(name) { name.clone() } else { self.foreign_key(name, drop)? };
                    Some((key, self.reduced(value, drop, name)))
                });
                Value::Object(entries.collect::<Map<_, _>>())
            }
        }
    }

    /// A key that the manifest does not name: left out when it is a vendor's word for something that nobody reads.
    fn foreign_key(&self, key: &str, drop: bool) -> Option<String> {
        let is_data = key.contains('@') || key.bytes().filter(u8::is_ascii_digit).count() > 2 || key.len() > 40;
        if is_data {
            return Some(self.text(key));
        }
        (!drop).then(|| key.to_owned())
    }

    fn is_known_name(&self, key: &str) -> bool {
        words(key).all(|word| self.known.contains(&word.to_lowercase()))
    }

    /// A number that could be an instant stays only where its key says that it is one: ids have as many digits.
    fn number(&self, number: &Number, name: &str) -> Value {
        let text = number.to_string();
        let digits = text.bytes().filter(u8::is_ascii_digit).count();
        let short = digits <= SHORT || self.known.contains(&text) || (is_epoch(&text) && names_an_instant(name));
        if short {
            return Value::Number(number.clone());
        }
        // The same digits as in a text, so that an id joins whether it is written as number or as text.
        let disguised = self.text(&text);
        disguised.parse().map_or(Value::String(disguised), Value::Number)
    }

    /// A text in disguise.
    pub(crate) fn text(&self, text: &str) -> String {
        if is_instant(text) {
            return text.to_owned();
        }
        if let Some(url) = Url::parse(text).ok().filter(|url| url.has_host() && text.contains("://")) {
            let disguised = self.url(&url).to_string();
            let bare = disguised.ends_with('/') && !text.ends_with('/');
            return if bare { disguised.trim_end_matches('/').to_owned() } else { disguised };
        }
        if let Some((local, domain)) = text.split_once('@').filter(|(_, domain)| domain.contains('.')) {
            return format!("{}@{}", self.words(local), self.domain(domain));
        }
        self.words(text)
    }

    /// An address in disguise: the host's name, words of the path and values of the query. Escapes are undone first, so that
    /// an escaped word is the same as a plain one.
    pub(crate) fn url(&self, url: &Url) -> Url {
        let mut disguised = url.clone();
        if let Some(host) = url.host_str().filter(|host| !self.is_known_name(host) && !is_loopback(url)) {
            let _a_domain_is_a_host = disguised.set_host(Some(&self.domain(host)));
        }
        let _none_for_web_addresses = disguised.set_username("");
        let _the_same = disguised.set_password(None);
        disguised.set_fragment(None);
        let segments: Vec<String> = url
            .path_segments()
            .map(|segments| segments.map(|segment| self.text(&decoded(segment))).collect())
            .unwrap_or_default();
        if let Ok(mut path) = disguised.path_segments_mut() {
            path.clear().extend(segments);
        }
        let pairs: Vec<(String, String)> =
            url.query_pairs().map(|(name, value)| (name.into_owned(), self.text(&value))).collect();
        if !pairs.is_empty() {
            disguised.query_pairs_mut().clear().extend_pairs(pairs);
        }
        disguised
    }

    /// A domain of the kind that nobody can own (RFC 2606).
    fn domain(&self, domain: &str) -> String {
        if self.is_known_name(domain) {
            return domain.to_lowercase();
        }
        format!("{}.example", self.word(&domain.to_lowercase(), 8))
    }

    /// Each word of a text replaced, what stands between them as it is.
    fn words(&self, text: &str) -> String {
        let mut disguised = String::with_capacity(text.len());
        let mut rest = text;
        while !rest.is_empty() {
            let length = rest.find(|c: char| !c.is_alphanumeric()).unwrap_or(rest.len());
            let (word, after) = rest.split_at(length);
            if !word.is_empty() {
                disguised.push_str(&self.one(word));
            }
            let length = after.find(char::is_alphanumeric).unwrap_or(after.len());
            let (between, after) = after.split_at(length);
            disguised.push_str(between);
            rest = after;
        }
        disguised
    }

    fn one(&self, word: &str) -> String {
        let lower = word.to_lowercase();
        let short_number = word.len() <= SHORT && word.bytes().all(|byte| byte.is_ascii_digit());
        if short_number || self.known.contains(&lower) {
            return word.to_owned();
        }
        if word.bytes().all(|byte| byte.is_ascii_digit()) {
            return self.digits(word);
        }
        self.word(&lower, word.chars().count().clamp(4, 24))
    }

    fn bytes(&self, text: &str, length: usize) -> Vec<u8> {
        hmac::sign(&self.key, text.as_bytes()).as_ref().iter().copied().cycle().take(length).collect()
    }

    /// A word that can be said, of about this length.
    fn word(&self, text: &str, length: usize) -> String {
        const CONSONANTS: &[u8] = b"bdfgklmnprstvz";
        const VOWELS: &[u8] = b"aeiou";
        let bytes = self.bytes(text, length.max(8));
        let letter = |(position, byte): (usize, &u8)| {
            let of = if position % 2 == 0 { CONSONANTS } else { VOWELS };
            char::from(of[usize::from(*byte) % of.len()])
        };
        bytes.iter().enumerate().map(letter).collect()
    }

    /// As many digits, the first not zero.
    fn digits(&self, text: &str) -> String {
        let bytes = self.bytes(text, text.len());
        let digit = |(position, byte): (usize, &u8)| match position {
            0 => char::from(b'1' + byte % 8),
            _ => char::from(b'0' + byte % 10),
        };
        bytes.iter().enumerate().map(digit).collect()
    }
}

/// The words of a text: what stands between punctuation.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty())
}

fn decoded(segment: &str) -> String {
    percent_encoding::percent_decode_str(segment).decode_utf8_lossy().into_owned()
}

/// A date or an instant in one of the usual forms: `2026-11-20`, `2026-11-20T10:00:00Z`, `Fri, 20 Nov 2026 10:00:00 GMT`.
fn is_instant(text: &str) -> bool {
    let begins = text.len() >= 10 && text.is_char_boundary(10) && text[..10].parse::<jiff::civil::Date>().is_ok();
    (begins && text[10..].chars().all(|c| c.is_ascii_digit() || "TtZz:.+- ".contains(c)))
        || jiff::fmt::rfc2822::parse(text).is_ok()
}

/// Whether a key is one of those that vendors give to instants.
fn names_an_instant(name: &str) -> bool {
    const SIGNS: &[&str] =
        &["date", "time", "created", "updated", "changed", "expire", "last", "since", "until", "_at"];
    let name = name.to_lowercase();
    SIGNS.iter().any(|sign| name.contains(sign))
}

/// Seconds or milliseconds since 1970, between 2000 and 2060.
fn is_epoch(text: &str) -> bool {
    const FROM: u64 = 946_684_800;
    const TO: u64 = 2_840_140_800;
    text.parse::<u64>().is_ok_and(|number| (FROM..TO).contains(&number) || (FROM * 1000..TO * 1000).contains(&number))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn disguise() -> Disguise {
        Disguise::new(
            [7; 32],
            ["/orgs/${config.org}/members", "role == 'admin' ? 'active'", "id login email created_at"],
            ["hunter2 admin2"],
        )
    }

    #[test]
    fn the_same_word_is_the_same_wherever_it_stands() {
        let d = disguise();
        let alice = d.text("alice");
        assert_ne!(alice, "alice");
        assert!(d.text("alice@acme.com").starts_with(&format!("{alice}@")));
        assert!(d.text("Alice.Smith").starts_with(&alice));
        assert_eq!(d.text("ALICE"), alice);
        assert_eq!(
            d.url(&"https://h.acme.com/orgs/alice/members?after=alice%3D%3D".parse().unwrap()).path(),
            format!("/orgs/{alice}/members")
        );
        assert_eq!(d.value(&json!(1_234_567)), d.text("1234567").parse::<Value>().unwrap());
        assert_ne!(Disguise::new([8; 32], [], []).text("alice"), alice);
        let mailbox = d.text("bob@acme.com");
        assert!(
            mailbox.ends_with(".example") && mailbox.split('@').nth(1) == d.text("carol@ACME.com").split('@').nth(1)
        );
    }

    #[test]
    fn what_the_manifest_says_and_what_says_nothing_stays() {
        let d = disguise();
        let harmless = json!({
            "role": "admin", "active": true, "login": null, "id": 17, "email": "2026-11-20T10:00:00Z",
            "created_at": [1_793_952_030, 1_793_952_030_000_u64], "members": ["2026-11-20", "Fri, 06 Nov 2026 08:00:30 GMT", "100"],
        });
        assert_eq!(d.value(&harmless), harmless);
        assert_ne!(d.value(&json!({"id": 1_793_952_030})), json!({"id": 1_793_952_030}), "an id of as many digits");
    }

    #[test]
    fn nothing_else_stays() {
        let d = disguise();
        let private = json!({
            "login": "bobsmith", "email": "bob.smith+x@corp.acme.io", "bob@acme.io": {"a1b2c3d4e5": "admin2"},
            "id": 987_654_321, "role": "tok_hunter2-999999", "members": ["+49 170 1234567", "Zoë Müller", "2001:db8::dead:beef"],
            "active": "https://user:pass@intern.acme.io/people/bobsmith?sig=abcdef#frag",
        });
        let shown = d.value(&private).to_string().to_lowercase();
        for word in [
            "bob",
            "smith",
            "acme",
            "hunter2",
            "admin2",
            "999999",
            "987654321",
            "1234567",
            "zoë",
            "müller",
            "dead",
            "beef",
            "pass",
            "intern",
            "abcdef",
            "frag",
            "a1b2c3d4e5",
            "people",
        ] {
            assert!(!shown.contains(word), "{word} in {shown}");
        }
    }
}
