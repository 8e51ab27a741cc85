//! Strangers' policies: never a panic, and time that grows with the text. The bodies are those of the fuzz targets.

mod fuzz_bodies;

use muster_effective::aws::document::{Document, MAX_BYTES};
use muster_effective::aws::literal::evaluate;
use muster_effective::aws::pattern::{ArnGlob, Glob};
use muster_effective::aws::request::{Attached, Layers, Mode, Principal, Request};
use muster_effective::aws::variable;
use proptest::prelude::*;

/// Pieces of policies and of cases, put together as they come.
const PIECES: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    " ",
    "\"Version\"",
    "\"2012-10-17\"",
    "\"Statement\"",
    "\"Effect\"",
    "\"Allow\"",
    "\"Deny\"",
    "\"Action\"",
    "\"NotAction\"",
    "\"s3:Get*\"",
    "\"*\"",
    "\"Resource\"",
    "\"arn:aws:s3:::docs/${aws:username}\"",
    "\"Condition\"",
    "\"StringLikeIfExists\"",
    "\"ForAllValues:StringEquals\"",
    "\"aws:SourceIp\"",
    "\"Principal\"",
    "\"AWS\"",
    "\"AIDAEXAMPLEEXAMPLE123\"",
    "\"\\ud800\"",
    "5",
    "-1e5",
    "true",
    "null",
    "é",
    "\"",
    "\\",
    "\"request\"",
    "\"expected\"",
    "\"id\"",
];

/// A statement with some of everything.
fn statement() -> impl Strategy<Value = String> {
    let effect = prop_oneof![Just("Allow"), Just("Deny")];
    let action = prop_oneof![Just("s3:*"), Just("*"), Just("s3:Put*"), Just("s3:Get?bject")];
    let resource = prop_oneof![Just("*"), Just("arn:aws:s3:::docs/*"), Just("arn:aws:s3:::docs/${aws:PrincipalTag/a}")];
    let condition = prop_oneof![
        Just(""),
        Just(r#","Condition":{"IpAddress":{"aws:SourceIp":"203.0.113.0/24"}}"#),
        Just(r#","Condition":{"StringEquals":{"a:k":["x","y"]}}"#),
        Just(r#","Condition":{"StringNotEquals":{"a:k":"x"},"Null":{"a:l":"true"}}"#),
        Just(r#","Condition":{"Bool":{"a:k":"true"}}"#),
        Just(r#","Condition":{"StringIs":{"a:k":"true"}}"#),
    ];
    let principal = prop_oneof![Just(""), Just(r#","Principal":"*""#), Just(r#","Principal":{"AWS":"111122223333"}"#)];
    (effect, action, resource, condition, principal).prop_map(|(effect, action, resource, condition, principal)| {
        format!(r#"{{"Effect":"{effect}","Action":"{action}","Resource":"{resource}"{condition}{principal}}}"#)
    })
}

fn policy() -> impl Strategy<Value = String> {
    prop::collection::vec(statement(), 0..5)
        .prop_map(|all| format!(r#"{{"Version":"2012-10-17","Statement":[{}]}}"#, all.join(",")))
}

proptest! {
    #[test]
    fn any_text_is_a_document_or_is_told(text in any::<String>()) {
        fuzz_bodies::document(&text);
        fuzz_bodies::case(&text);
    }

    #[test]
    fn what_resembles_a_policy_too(pieces in prop::collection::vec(prop::sample::select(PIECES), 0..80)) {
        fuzz_bodies::document(&pieces.concat());
        fuzz_bodies::case(&pieces.concat());
    }

    #[test]
    fn a_policy_that_was_cut_or_spoilt(policy in policy(), at in any::<prop::sample::Index>(), letter in any::<char>()) {
        let at = at.index(policy.len());
        let Some((head, tail)) = policy.split_at_checked(at) else { return Ok(()) };
        fuzz_bodies::document(head);
        fuzz_bodies::document(&format!("{head}{letter}{tail}"));
    }

    #[test]
    fn patterns_match_as_the_table_says(pattern in "[ab:*?$é]{0,24}", subject in "[ab:é]{0,40}") {
        fuzz_bodies::pattern(&pattern, &subject);
    }

    #[test]
    fn every_answer_is_an_answer(identity in policy(), resource in policy(), open in any::<bool>()) {
        fuzz_bodies::evaluation(&identity, &resource, if open { Mode::Open } else { Mode::Strict });
    }
}

/// Whoever is quadratic in the stars does not come back from this.
#[test]
fn many_stars_are_no_trouble() {
    let subject = "a".repeat(200_000);
    for pattern in [
        "*a".repeat(50_000) + "*b",
        "a*".repeat(50_000) + "b",
        "*a?".repeat(20_000) + "*b",
        "?*".repeat(100_000) + "b*",
    ] {
        assert!(!Glob::new(&pattern).matches(&subject));
        let arn = format!("arn:aws:s3:::{subject}");
        assert!(!ArnGlob::resource(&Glob::new(&format!("arn:aws:s3:::{pattern}"))).matches(&arn));
        assert!(!ArnGlob::resource(&Glob::new(&format!("*:aws:*{pattern}"))).matches(&arn));
        assert!(!ArnGlob::condition(&Glob::new(&format!("*:*:*:*:*:{pattern}"))).matches(&arn));
    }
    assert!(Glob::new(&"*a".repeat(50_000)).matches(&subject));
}

#[test]
fn long_documents_are_no_trouble() {
    let pad = |text: String| format!("{{\"Statement\":[{text}]}}");
    let fill = MAX_BYTES - 100;
    let hostile = [
        pad("{\"a\":1},".repeat(fill / 8) + "{}"),
        pad(format!("{{{}\"b\":1}}", "\"a\":1,".repeat(fill / 8))),
        pad(format!("{{\"Effect\":\"Allow\",\"Action\":[{}\"s3:*\"]}}", "\"*\",".repeat(fill / 5))),
        pad(format!("{{\"Effect\":\"Allow\",\"Action\":\"s3:*\",\"Resource\":\"{}\"}}", "${a".repeat(fill / 4))),
        pad(format!("{{\"Effect\":\"Allow\",\"Action\":\"s3:*\",\"Resource\":\"{}\"}}", "*a".repeat(fill / 3))),
        "\\ud800".repeat(fill / 6),
        format!("\"{}", "\\ud800".repeat(fill / 7)),
        "[".repeat(fill),
        "{\"a\":".repeat(fill / 5),
    ];
    for text in hostile {
        let document = Document::parse(&text);
        assert!(!document.problems.is_empty() || !document.statements.is_empty());
    }
    assert!(variable::parts(&"${a}".repeat(100_000)).is_ok_and(|parts| parts.len() == 100_000));
}

/// Two layers with a thousand alternatives each: the search ends.
#[test]
fn many_alternatives_are_no_trouble() {
    let statement = |number: usize, key: &str| {
        format!(
            r#"{{"Effect":"Allow","Action":"*","Resource":"*","Condition":{{"StringLike":{{"a:{key}":"{number}*"}}}}}}"#
        )
    };
    let policy = |key: &str| {
        let all: Vec<String> = (0..1000).map(|number| statement(number, key)).collect();
        let text = format!(r#"{{"Version":"2012-10-17","Statement":[{}]}}"#, all.join(","));
        Attached { name: "p".into(), version: None, document: Document::parse(&text).into() }
    };
    let request = Request {
        principal: Principal::User { arn: "arn:aws:iam::111122223333:user/bob".to_owned() },
        action: "s3:GetObject".to_owned(),
        resource: "arn:aws:s3:::docs/a".to_owned(),
        resource_account: None,
        context: std::collections::BTreeMap::new(),
        mode: Mode::Open,
    };
    for (keys, assumed) in [(["k", "k"], 1), (["k", "l"], 2)] {
        let layers =
            Layers { identity: vec![policy(keys[0])], boundary: Some(vec![policy(keys[1])]), ..Layers::default() };
        assert_eq!(evaluate(&request, &layers).assumed.len(), assumed);
    }
}

/// Two hundred denials of ten conditions each have more ways around them than can be tried: the search ends.
#[test]
fn many_conditional_denials_are_no_trouble() {
    let denial = |number: usize, keys: usize| {
        let keys: Vec<String> = (0..10).map(|at| format!(r#""a:k{}":"{number}""#, (number * 7 + at) % keys)).collect();
        format!(
            r#"{{"Effect":"Deny","Action":"*","Resource":"*","Condition":{{"StringEquals":{{{}}}}}}}"#,
            keys.join(",")
        )
    };
    for keys in [10_000, 40] {
        let all: Vec<String> = (0..200).map(|number| denial(number, keys)).collect();
        let text = format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"*","Resource":"*"}},{}]}}"#,
            all.join(",")
        );
        let document = Document::parse(&text);
        assert_eq!(document.problems, []);
        let request = Request {
            principal: Principal::User { arn: "arn:aws:iam::111122223333:user/bob".to_owned() },
            action: "s3:GetObject".to_owned(),
            resource: "arn:aws:s3:::docs/a".to_owned(),
            resource_account: None,
            context: std::collections::BTreeMap::new(),
            mode: Mode::Open,
        };
        let attached = Attached { name: "p".into(), version: None, document: document.into() };
        let layers = Layers { identity: vec![attached], ..Layers::default() };
        let answer = evaluate(&request, &layers);
        assert_eq!(answer.verdict.as_str(), "Allowed");
        assert_eq!(answer.assumed.len(), 200);
    }
}
