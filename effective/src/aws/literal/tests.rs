//! Laws of open mode, against strict mode in every context there is.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::super::assume::About;
use super::super::condition::{self, Truth};
use super::super::context::known;
use super::super::document::Document;
use super::super::request::{Level, Mode};
use super::*;

#[test]
fn an_answer_names_what_decided() {
    let text = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ec2:*","Resource":"*"},{"Sid":"Read","Effect":"Allow","Action":"s3:*","Resource":"*"}]}"#;
    let policy = Attached {
        name: "arn:aws:iam::111122223333:policy/read".into(),
        version: Some("v3".into()),
        document: Arc::new(Document::parse(text)),
    };
    let all =
        attached("FullAWSAccess", Document::parse(r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#));
    let level = |name: &str, policies| Level { name: name.into(), policies };
    let layers = Layers {
        identity: vec![policy],
        scps: vec![level("r-1", vec![all.clone()]), level("ou-1", vec![all])],
        ..Layers::default()
    };
    let answer = evaluate(&request(Mode::Strict, BTreeMap::new()), &layers);
    let layers_named: Vec<Layer> = answer.deciding.iter().map(|deciding| deciding.layer).collect();
    assert_eq!((answer.verdict, layers_named), (Verdict::Allowed, vec![Layer::Scp, Layer::Scp, Layer::Identity]));
    let read = &answer.deciding[2];
    assert_eq!((read.version.as_deref(), read.sid.as_deref(), read.index), (Some("v3"), Some("Read"), 1));
    let shown = &text[read.span.start as usize..read.span.end as usize];
    assert!(shown.starts_with(r#"{"Sid":"Read""#) && shown.ends_with('}'));

    let silent = Layers { scps: vec![layers.scps[0].clone(), level("ou-1", Vec::new())], ..layers.clone() };
    let answer = evaluate(&request(Mode::Strict, BTreeMap::new()), &silent);
    assert_eq!(answer.missing, Some((Layer::Scp, Some("ou-1".into()))));
    let bounded = Layers { boundary: Some(Vec::new()), ..layers };
    let answer = evaluate(&request(Mode::Strict, BTreeMap::new()), &bounded);
    assert_eq!((answer.verdict, answer.missing), (Verdict::ImplicitlyDenied, Some((Layer::Boundary, None))));
}

/// Values of the two keys with one value, and of the one with several; `None`: the request does not have it.
const SINGLE: [Option<&str>; 4] = [None, Some("x"), Some("xx"), Some("y")];
const TRUTH: [Option<&str>; 3] = [None, Some("true"), Some("false")];
const SEVERAL: [Option<&[&str]>; 4] = [None, Some(&["x"]), Some(&["x", "y"]), Some(&["y"])];

fn condition() -> impl Strategy<Value = String> {
    let single = prop::sample::select(vec![
        r#""StringEquals":{"KEY":"x"}"#,
        r#""StringEquals":{"KEY":["x","y"]}"#,
        r#""StringNotEquals":{"KEY":"x"}"#,
        r#""StringLike":{"KEY":"x*"}"#,
        r#""StringNotLike":{"KEY":"x*"}"#,
        r#""StringEqualsIfExists":{"KEY":"y"}"#,
        r#""Null":{"KEY":"true"}"#,
        r#""Null":{"KEY":"false"}"#,
    ]);
    // What is compared as a truth is one: true, false or missing.
    let truth = prop::sample::select(vec![r#""Bool":{"a:b":"true"}"#, r#""BoolIfExists":{"a:b":"false"}"#]);
    let several = prop::sample::select(vec![
        r#""ForAllValues:StringEquals":{"a:m":"x"}"#,
        r#""ForAnyValue:StringEquals":{"a:m":"y"}"#,
        r#""ForAnyValue:StringLike":{"a:m":"*"}"#,
    ]);
    prop_oneof![
        4 => (single, prop::sample::select(vec!["a:k", "A:L"])).prop_map(|(text, key)| text.replace("KEY", key)),
        1 => several.prop_map(str::to_owned),
        1 => truth.prop_map(str::to_owned),
        1 => Just(r#""StringEquals":{"a:k":"${a:l}"}"#.to_owned()),
    ]
}

/// Half of the statements allow; conditions of one statement have different operators.
fn policy(most: usize) -> impl Strategy<Value = Document> {
    let statement = (any::<bool>(), prop::collection::vec(condition(), 0..3), 0..6_u8);
    prop::collection::vec(statement, 1..=most).prop_map(|statements| {
        let texts: Vec<String> = statements
            .into_iter()
            .map(|(allows, mut conditions, variable)| {
                let operator = |text: &String| text.split(':').next().unwrap_or_default().to_owned();
                conditions.sort_by_key(operator);
                conditions.dedup_by_key(|text| operator(text));
                let effect = if allows { "Allow" } else { "Deny" };
                let resource = match variable {
                    0 => r#""Resource":"arn:aws:s3:::docs/${a:k}""#,
                    1 => r#""NotResource":["arn:aws:s3:::docs/${a:k}","arn:aws:s3:::docs/${a:l}"]"#,
                    _ => r#""Resource":"*""#,
                };
                let block = conditions.join(",");
                format!(r#"{{"Effect":"{effect}","Action":"*",{resource},"Condition":{{{block}}}}}"#)
            })
            .collect();
        let text = format!(r#"{{"Version":"2012-10-17","Statement":[{}]}}"#, texts.join(","));
        let document = Document::parse(&text);
        assert!(!document.is_blind(), "{:?}", document.problems);
        document
    })
}

fn attached(name: &str, document: Document) -> Attached {
    Attached { name: name.into(), version: None, document: Arc::new(document) }
}

fn request(mode: Mode, context: BTreeMap<String, Vec<String>>) -> Request {
    Request {
        principal: Principal::User { arn: "arn:aws:iam::111122223333:user/bob".to_owned() },
        action: "s3:GetObject".to_owned(),
        resource: "arn:aws:s3:::docs/x".to_owned(),
        resource_account: None,
        context,
        mode,
    }
}

fn contexts() -> Vec<Context> {
    let mut all = vec![BTreeMap::new()];
    for (key, values) in [("a:k", &SINGLE[..]), ("a:l", &SINGLE[..]), ("a:b", &TRUTH[..])] {
        all = with(&all, key, values.iter().map(|value| value.map(|value| vec![value.to_owned()])));
    }
    with(
        &all,
        "a:m",
        SEVERAL.iter().map(|values| values.map(|values| values.iter().map(ToString::to_string).collect())),
    )
}

type Context = BTreeMap<String, Vec<String>>;

/// Each context with each of the values of a key.
fn with(contexts: &[Context], key: &str, values: impl Iterator<Item = Option<Vec<String>>> + Clone) -> Vec<Context> {
    let mut all = Vec::new();
    for context in contexts {
        for values in values.clone() {
            let mut context = context.clone();
            context.extend(values.map(|values| (key.to_owned(), values)));
            all.push(context);
        }
    }
    all
}

proptest! {
    /// Denied: in no context allowed. Allowed without assumption: in every context. With assumptions: wherever they hold.
    #[test]
    fn open_mode_says_what_strict_mode_says_in_every_context(
        identity in policy(4), boundary in prop::option::of(policy(2)), scp in prop::option::of(policy(2)),
    ) {
        let layers = Layers {
            identity: vec![attached("identity", identity)],
            boundary: boundary.map(|document| vec![attached("boundary", document)]),
            scps: scp.into_iter().map(|document| Level { name: "r".into(), policies: vec![attached("scp", document)] }).collect(),
            ..Layers::default()
        };
        let (open, together) = decide(&request(Mode::Open, BTreeMap::new()), &layers);
        for context in contexts() {
            let request = request(Mode::Strict, context);
            let strict = evaluate(&request, &layers).verdict;
            let hold = together.iter().all(|assumed| holds(&assumed.about, &request) == Some(assumed.holds));
            match open.verdict {
                Verdict::Allowed if hold => prop_assert_eq!(strict, Verdict::Allowed, "{:?} {:?}", open, request.context),
                Verdict::Allowed => {}
                _ => prop_assert_ne!(strict, Verdict::Allowed, "{:?} {:?}", open, request.context),
            }
        }
    }
}

/// `None`: it is about the value of a variable that has none here.
fn holds(about: &About, request: &Request) -> Option<bool> {
    let know = |key: &str| known(request, key);
    match about {
        About::Condition(condition, version) => Some(condition::evaluate(condition, *version, &know) == Truth::Yes),
        About::Resource { key, .. } => request.context.get(&**key).map(|values| *values == ["x"]),
        About::SessionName(_) | About::CanonicalUser(_) => None,
    }
}
