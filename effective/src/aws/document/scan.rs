//! Whether a document can have a say about some actions, told from its text without building anything of it.
//!
//! An organisation has hundreds of thousands of documents, and a question about one action is decided by a few thousand. This reads a text
//! several times faster than [`Document::parse`] does, and answers *no* only for what it understands to the last byte: whatever is unusual
//! (an escape, an element twice or in another case, `NotAction`, a text that is no action) may be about anything.
//!
//! [`Document::parse`]: super::Document::parse

use super::json::MAX_DEPTH;
use super::parse::MAX_BYTES;

/// Actions that are asked about.
#[derive(Debug, Clone)]
pub struct Actions {
    /// In lower case.
    names: Vec<Box<[u8]>>,
    /// What stands before their colons.
    services: Vec<Box<[u8]>>,
}

impl Actions {
    /// Of whole names, as `s3:GetObject`, in any case.
    pub fn new<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let names: Vec<Box<[u8]>> =
            names.into_iter().map(|name| name.to_ascii_lowercase().into_bytes().into()).collect();
        let mut services: Vec<Box<[u8]>> = names.iter().map(|name| service(name).into()).collect();
        services.sort_unstable();
        services.dedup();
        Self { names, services }
    }

    /// Whether a document may say something about one of them: `false` is certain, and then no statement of it, readable or not, is about any.
    ///
    /// Cost: linear in the text, nothing is allocated; a pattern that may be of the same service costs its length for each of the names.
    pub fn may_be_in(&self, document: &str) -> bool {
        if document.len() > MAX_BYTES {
            return true;
        }
        let mut scan = Scan { bytes: document.as_bytes(), at: 0, actions: self };
        scan.document().is_none()
    }

    /// Whether a pattern of a policy matches one of them.
    fn matched_by(&self, pattern: &[u8]) -> bool {
        let of = service(pattern);
        let wild = of.iter().any(|byte| [b'*', b'?'].contains(byte));
        // Most patterns are of another service: one comparison for all names.
        (wild || self.services.iter().any(|service| service.eq_ignore_ascii_case(of)))
            && self.names.iter().any(|name| matches(pattern, name))
    }
}

/// What stands before the colon of an action; all of it where there is none.
fn service(action: &[u8]) -> &[u8] {
    memchr::memchr(b':', action).map_or(action, |colon| &action[..colon])
}

/// Every step answers `None` as soon as the document may be about the actions.
struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
    actions: &'a Actions,
}

impl<'a> Scan<'a> {
    fn document(&mut self) -> Option<()> {
        let mut seen = 0;
        self.object(|scan, name| match name {
            b"Version" => {
                once(&mut seen, 0)?;
                [&b"2012-10-17"[..], b"2008-10-17"].contains(&scan.string()?).then_some(())
            }
            b"Id" => {
                once(&mut seen, 1)?;
                scan.value(0)
            }
            b"Statement" => {
                once(&mut seen, 2)?;
                scan.one_or_more(Self::statement)
            }
            _ => None,
        })?;
        self.blanks();
        (self.at == self.bytes.len() && seen & 0b100 != 0).then_some(())
    }

    fn statement(&mut self) -> Option<()> {
        const SKIPPED: [&[u8]; 7] =
            [b"Sid", b"Effect", b"Principal", b"NotPrincipal", b"Resource", b"NotResource", b"Condition"];
        let mut seen = 0;
        self.object(|scan, name| {
            if name == b"Action" {
                once(&mut seen, SKIPPED.len())?;
                return scan.one_or_more(Self::action);
            }
            once(&mut seen, SKIPPED.iter().position(|known| *known == name)?)?;
            scan.value(0)
        })?;
        (seen & (1 << SKIPPED.len()) != 0).then_some(())
    }

    fn action(&mut self) -> Option<()> {
        let pattern = self.string()?;
        let service = memchr::memchr(b':', pattern);
        let well = match service {
            Some(colon) => colon > 0 && colon + 1 < pattern.len(),
            None => pattern.contains(&b'*') && !pattern.iter().any(|byte| char::from(*byte).is_whitespace()),
        };
        (well && pattern.is_ascii() && !self.actions.matched_by(pattern)).then_some(())
    }

    /// An object whose members `member` reads, each from its value on.
    fn object(&mut self, mut member: impl FnMut(&mut Self, &'a [u8]) -> Option<()>) -> Option<()> {
        self.blanks();
        self.take(b'{')?;
        self.blanks();
        if self.take(b'}').is_some() {
            return Some(());
        }
        loop {
            self.blanks();
            let name = self.string()?;
            self.blanks();
            self.take(b':')?;
            self.blanks();
            member(self, name)?;
            self.blanks();
            if self.take(b',').is_none() {
                return self.take(b'}');
            }
        }
    }

    /// One of something, or a list that is not empty.
    fn one_or_more(&mut self, mut one: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        if self.take(b'[').is_none() {
            return one(self);
        }
        loop {
            self.blanks();
            one(self)?;
            self.blanks();
            if self.take(b',').is_none() {
                return self.take(b']');
            }
        }
    }

    /// Any value, of strings without escapes and plain whole numbers.
    fn value(&mut self, depth: u32) -> Option<()> {
        if depth > MAX_DEPTH / 2 {
            return None;
        }
        match *self.bytes.get(self.at)? {
            b'"' => self.string().map(|_| ()),
            b'{' => self.object(|scan, _| scan.value(depth + 1)),
            b'[' => self.one_or_more(|scan| scan.value(depth + 1)),
            b't' => self.word(b"true"),
            b'f' => self.word(b"false"),
            b'0'..=b'9' => {
                let digits = self.bytes[self.at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
                self.at += digits;
                Some(())
            }
            _ => None,
        }
    }

    fn word(&mut self, word: &[u8]) -> Option<()> {
        self.bytes[self.at..].starts_with(word).then(|| self.at += word.len())
    }

    fn string(&mut self) -> Option<&'a [u8]> {
        self.take(b'"')?;
        let rest = &self.bytes[self.at..];
        let end = memchr::memchr2(b'"', b'\\', rest)?;
        self.at += end;
        self.take(b'"')?;
        Some(&rest[..end])
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        (self.bytes.get(self.at) == Some(&byte)).then(|| self.at += 1)
    }

    fn blanks(&mut self) {
        while matches!(self.bytes.get(self.at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }
}

/// An element that stands twice may be either.
fn once(seen: &mut u32, at: usize) -> Option<()> {
    let bit = 1 << at;
    let fresh = *seen & bit == 0;
    *seen |= bit;
    fresh.then_some(())
}

/// Whether a pattern matches a name in lower case, without regard to its own case.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let (mut at, mut of) = (0, 0);
    // Where to go on after the last star: the pattern behind it, and what of the name it has taken.
    let mut star: Option<(usize, usize)> = None;
    while of < name.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at + 1, of));
                at += 1;
            }
            Some(byte) if *byte == b'?' || byte.to_ascii_lowercase() == name[of] => {
                at += 1;
                of += 1;
            }
            Some(_) | None => {
                let Some((after, taken)) = star else { return false };
                (at, of) = (after, taken + 1);
                star = Some((after, of));
            }
        }
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::aws::document::{Document, Matcher};
    use crate::aws::pattern::Glob;

    const ASKED: &str = "ec2:StartInstances";

    fn may_be(text: &str) -> bool {
        Actions::new([ASKED]).may_be_in(text)
    }

    /// What the whole reading says: a statement is about it, or one that could not be used may be.
    fn is(text: &str) -> bool {
        let asked = ASKED.to_ascii_lowercase();
        let has = |of: &Matcher| of.patterns.iter().any(|one| Glob::lowercase(one).matches(&asked)) != of.not;
        let document = Document::parse(text);
        document.statements.iter().any(|statement| has(&statement.actions))
            || document.unread.iter().any(|statement| statement.actions.as_ref().is_none_or(has))
    }

    fn with(action: &str) -> String {
        format!(
            r#"{{"Version":"2012-10-17","Id":"x","Statement":[{{"Sid":"a","Effect":"Allow",{action},"Resource":["*"]}}]}}"#
        )
    }

    #[test]
    fn what_is_not_named_is_ruled_out() {
        for not in [
            r#""Action":"s3:*""#,
            r#""Action":["ec2:Stop*","EC2:Start","ec2:StartInstance?s","e?:Start*","*:Stop*"]"#,
            r#""Action":["s3:Get*"],"Condition":{"Bool":{"a:b":[true,5,"x"]},"NoOperator":{}}"#,
            r#""Principal":{"AWS":["1"]},"Action":"s3:*""#,
        ] {
            assert!(!may_be(&with(not)), "{not}");
            assert!(!is(&with(not)), "{not}");
        }
        assert!(Actions::new(["s3:GetObject", ASKED]).may_be_in(&with(r#""Action":"s3:get*""#)), "any of them");
    }

    #[test]
    fn what_is_named_or_unusual_is_not() {
        for named in [
            r#""Action":"EC2:startinstances""#,
            r#""Action":["s3:*","*"]"#,
            r#""Action":"e*2:*t?nstances""#,
            r#""NotAction":"s3:*""#,
            r#""Action":"s3:*","Action":"ec2:*""#,
            r#""action":"ec2:*""#,
            r#""Action":"\u0065c2:*""#,
            r#""Action":"s3""#,
            r#""Action":[]"#,
            r#""Action":{"a":"b"}"#,
            r#""Resource":"*""#,
            r#""Action":"s3:*","Other":1"#,
        ] {
            assert!(may_be(&with(named)), "{named}");
        }
        let good = with(r#""Action":"s3:*""#);
        for broken in [&good[1..], &good[..good.len() - 1], "", "{}", &format!("{good}x"), &format!("\u{feff}{good}")] {
            assert!(may_be(broken), "{broken}");
        }
        assert!(may_be(&good.replace("2012", "2013")));
        assert!(may_be(&format!("{}{good}", " ".repeat(MAX_BYTES))));
    }

    /// Pieces that make policies, and what spoils them.
    const PIECES: &[&str] = &[
        r#""Action""#,
        r#""NotAction""#,
        r#""action""#,
        r#""Effect":"Allow""#,
        r#""Effect":"deny""#,
        r#""Resource":"*""#,
        r#""Resource":"a${b""#,
        r#""Condition":{"Bool":{"x":"true"}}"#,
        r#""Condition":{"Bool":7}"#,
        r#""Principal":"*""#,
        r#""Sid":5"#,
        r#""s3:Get*""#,
        r#""ec2:Stop*""#,
        r#""ec2:*""#,
        r#""*Instances""#,
        r#""e c*""#,
        r#""ec2""#,
        r#""\u0065c2:*""#,
        "[",
        "]",
        "{",
        "}",
        ":",
        ":",
        ",",
        ",",
        " ",
        "1e5",
        "null",
    ];

    fn statement() -> impl Strategy<Value = String> {
        let action = proptest::sample::select(&[
            r#""Action":"s3:Get*""#,
            r#""Action":["s3:Get*","ec2:Stop?nstances"]"#,
            r#""Action":["s3:Get*","ec2:Start*"]"#,
            r#""NotAction":["ec2:*"]"#,
            r#""Action":["s3:Get*","e c*"]"#,
        ]);
        let extra = proptest::collection::vec(proptest::sample::select(PIECES), 0..3);
        (action, extra).prop_map(|(action, extra)| {
            let extra: String = extra.into_iter().map(|piece| format!(",{piece}")).collect();
            format!(r#"{{"Effect":"Allow","Resource":"*",{action}{extra}}}"#)
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn a_no_is_never_wrong(
            statements in proptest::collection::vec(statement(), 1..4),
            at in 0_usize..400,
            instead in proptest::option::of(proptest::sample::select(PIECES)),
        ) {
            let mut text = format!(r#"{{"Version":"2012-10-17","Statement":[{}]}}"#, statements.join(","));
            if let Some(piece) = instead {
                let at = at % text.len();
                text.replace_range(at..=at, piece);
            }
            prop_assert!(may_be(&text) || !is(&text), "{text}");
        }

        #[test]
        fn patterns_are_compared_as_everywhere(pattern in "[abAB*?:]{0,12}", name in "[ab:]{0,8}") {
            prop_assert_eq!(matches(pattern.as_bytes(), name.as_bytes()), Glob::lowercase(&pattern).matches(&name));
        }
    }
}
