//! What a document says, and what becomes of one that cannot be understood.

use proptest::prelude::*;

use super::*;

fn statement(text: &str) -> Statement {
    let document = Document::parse(&format!(r#"{{"Version":"2012-10-17","Statement":{text}}}"#));
    assert_eq!(document.problems, [], "{text}");
    document.statements.into_iter().next().expect("one statement")
}

/// The problems of a document with this one statement and a good one after it, which must stay.
fn problems(text: &str) -> Vec<Problem> {
    let good = r#"{"Sid":"good","Effect":"Allow","Action":"*","Resource":"*"}"#;
    let document = Document::parse(&format!(r#"{{"Version":"2012-10-17","Statement":[{text},{good}]}}"#));
    let last = document.statements.last().expect("the good statement stays");
    assert_eq!((last.sid.as_deref(), last.index), (Some("good"), 1));
    document.problems
}

#[test]
fn one_value_or_a_list_one_statement_or_a_list() {
    let one = statement(r#"{"Effect":"Allow","Action":"s3:Get*","Resource":"*"}"#);
    let list = statement(r#"[{"Effect":"Allow","Action":["s3:Get*"],"Resource":["*"]}]"#);
    assert_eq!((one.actions, one.resources), (list.actions, list.resources));
}

#[test]
fn a_statement_knows_its_place() {
    let text = "{\"Statement\":[\n  {\"Effect\":\"Deny\",\"Action\":\"*\",\"Resource\":\"*\"} ]}";
    let document = Document::parse(text);
    let span = document.statements[0].span.clone();
    assert_eq!(&text[span.start as usize..span.end as usize], r#"{"Effect":"Deny","Action":"*","Resource":"*"}"#);
    assert_eq!(document.version, Version::Of2008);
}

#[test]
fn conditions_with_numbers_truths_and_prefixes() {
    let read = statement(
        r#"{"Effect":"Allow","Action":"*","Resource":"*","Condition":{
            "forallvalues:stringLIKEifexists":{"aws:TagKeys":["a*","b"]},"Bool":{"aws:SecureTransport":true},"NumericLessThan":{"s3:max-keys":10}}}"#,
    );
    let [tags, transport, keys] = &read.conditions[..] else { panic!("{:?}", read.conditions) };
    assert_eq!(
        (tags.operator, tags.set, tags.if_exists),
        (Operator::StringLike, Some(SetOperator::ForAllValues), true)
    );
    assert_eq!(transport.values, ["true".into()]);
    assert_eq!(keys.values, ["10".into()]);
}

#[test]
fn principals_of_every_kind() {
    let document = Document::parse(&format!(
        r#"{{"Version":"2012-10-17","Statement":{}}}"#,
        r#"{"Effect":"Allow","Action":"*","NotPrincipal":{"AWS":["*","123456789012","arn:aws:iam::123456789012:root",
            "arn:aws:iam::123456789012:role/x","AROAEXAMPLEEXAMPLE123"],"service":"ec2.amazonaws.com",
            "Federated":"accounts.google.com","CanonicalUser":"79a59df9"}}"#,
    ));
    assert!(!document.is_blind() && document.problems[0].what.contains("was deleted"), "{:?}", document.problems);
    let read = document.statements.into_iter().next().unwrap();
    let principals = read.principals.unwrap();
    assert!(principals.not && read.resources.is_none());
    assert_eq!(
        principals.of,
        [
            PrincipalPattern::Everyone,
            PrincipalPattern::Account("123456789012".into()),
            PrincipalPattern::Account("123456789012".into()),
            PrincipalPattern::Arn("arn:aws:iam::123456789012:role/x".into()),
            PrincipalPattern::Deleted("AROAEXAMPLEEXAMPLE123".into()),
            PrincipalPattern::Service("ec2.amazonaws.com".into()),
            PrincipalPattern::Federated("accounts.google.com".into()),
            PrincipalPattern::CanonicalUser("79a59df9".into()),
        ]
    );
}

#[test]
fn what_cannot_be_understood_costs_its_own_statement() {
    let body = r#""Action":"s3:GetObject","Resource":"*""#;
    for (bad, told) in [
        ("5".to_owned(), "a statement is an object"),
        (format!("{{{body}}}"), "no `Effect`"),
        (format!(r#"{{"Effect":"allow",{body}}}"#), "with regard to case"),
        (format!(r#"{{"Effect":"Allow",{body},"Efect":"Deny"}}"#), "no element `Efect`"),
        (format!(r#"{{"Effect":"Allow",{body},"effect":"Deny"}}"#), "stands twice"),
        (format!(r#"{{"Effect":"Allow",{body},"NotAction":"*"}}"#), "both `Action` and `NotAction`"),
        (format!(r#"{{"Effect":"Allow",{body},"NotResource":"*"}}"#), "both `Resource` and `NotResource`"),
        (r#"{"Effect":"Allow","Resource":"*"}"#.to_owned(), "neither `Action` nor `NotAction`"),
        (r#"{"Effect":"Allow","Action":"GetObject","Resource":"*"}"#.to_owned(), "is no action"),
        (r#"{"Effect":"Allow","Action":["s3:*",5],"Resource":"*"}"#.to_owned(), "a number"),
        (r#"{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::${aws:username"}"#.to_owned(), "never closes"),
        (r#"{"Effect":"Deny","NotAction":[],"Resource":"*"}"#.to_owned(), "empty list"),
        (format!(r#"{{"Effect":"Allow",{body},"Principal":"arn:aws:iam::123456789012:root"}}"#), "can only be"),
        (
            format!(r#"{{"Effect":"Allow",{body},"Principal":{{"AWS":"arn:aws:iam::123456789012:role/*"}}}}"#),
            "wildcard",
        ),
        (format!(r#"{{"Effect":"Allow",{body},"Principal":{{"AWS":"bob"}}}}"#), "no principal of AWS"),
        (format!(r#"{{"Effect":"Allow",{body},"Principal":{{"Group":"bob"}}}}"#), "no kind of principal"),
        (format!(r#"{{"Effect":"Allow",{body},"Condition":{{"StringIs":{{"a:b":"c"}}}}}}"#), "no condition operator"),
        (format!(r#"{{"Effect":"Allow",{body},"Condition":{{"ForSome:Bool":{{"a:b":"c"}}}}}}"#), "no set operator"),
        (
            format!(r#"{{"Effect":"Allow",{body},"Condition":{{"NullIfExists":{{"a:b":"true"}}}}}}"#),
            "Null takes neither",
        ),
        (
            format!(r#"{{"Effect":"Allow",{body},"Condition":{{"IpAddress":{{"a:b":"10.0.0.0/40"}}}}}}"#),
            "203.0.113.0/24",
        ),
        (format!(r#"{{"Effect":"Allow",{body},"Condition":{{"DateLessThan":{{"a:b":"soon"}}}}}}"#), "an instant"),
        (format!(r#"{{"Effect":"Allow",{body},"Condition":{{"Bool":{{"a:b":"c","A:B":"true"}}}}}}"#), "stands twice"),
        (format!(r#"{{"Effect":"Allow",{body},"Condition":{{"StringEquals":{{"a:b":[]}}}}}}"#), "no values"),
        (format!(r#"{{"Effect":"Allow",{body},"Condition":{{"StringEquals":{{"a:b":null}}}}}}"#), "is null"),
        (r#"{"Effect":"Allow","Action":"s3:Get\ud800","Resource":"*"}"#.to_owned(), "names no character"),
    ] {
        let problems = problems(&bad);
        let hit = problems.iter().find(|problem| problem.what.contains(told));
        let hit = hit.unwrap_or_else(|| panic!("{bad}: {problems:?}"));
        assert!(hit.blinds && hit.statement == Some(0), "{bad}: {hit:?}");
    }
}

#[test]
fn what_only_looks_wrong_blinds_nobody() {
    for (odd, told) in [
        (r#"{"effect":"Allow","Action":"*","Resource":"*"}"#, "written `Effect`"),
        (r#"{"Effect":"Allow","Action":[],"Resource":"*"}"#, "empty list"),
        (r#"{"Effect":"Allow","Action":"*","Resource":"bucket"}"#, "no ARN"),
        (r#"{"Sid":5,"Effect":"Allow","Action":"*","Resource":"*"}"#, "`Sid` is a number"),
    ] {
        let problems = problems(odd);
        assert!(problems.iter().all(|problem| !problem.blinds), "{problems:?}");
        assert!(problems.iter().any(|problem| problem.what.contains(told)), "{problems:?}");
    }
}

#[test]
fn what_is_known_of_an_unread_statement_is_kept() {
    let document = Document::parse(
        r#"{"Statement":[{"Effect":"Deny","Action":"s3:*","Resource":"*","Condition":{"X":{}}},{"Effect":"Deny","effect":"Allow","Action":"*"}]}"#,
    );
    let [first, second] = &document.unread[..] else { panic!("{:?}", document.unread) };
    assert_eq!(first.effect, Some(Effect::Deny));
    assert_eq!(first.actions.as_ref().map(|actions| &*actions.patterns[0]), Some("s3:*"));
    assert_eq!(second.effect, None);
}

#[test]
fn what_is_no_policy_at_all_is_said_with_its_place() {
    for (bad, told) in [
        ("", "is empty"),
        ("{\n \"Statement\": [}", "not JSON"),
        ("[]", "the document is a list"),
        ("{\"Version\":\"2012-10-17\"}", "no `Statement`"),
        ("{\"Statement\":5}", "`Statement` is a number"),
        ("{\"Statement\":[]} x", "after the end"),
        ("{\"Statement\":[],\"Statement\":[]}", "stands twice"),
        ("{\"Statement\":[],\"Statements\":[]}", "no element `Statements`"),
        ("%7B%22Version%22", "URL-encoded"),
        (
            "{\"Version\":\"2012-10-18\",\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"${aws:username}\"}}",
            "`Version`",
        ),
    ] {
        let document = Document::parse(bad);
        assert!(document.is_blind(), "{bad}");
        assert!(document.problems.iter().any(|problem| problem.blinds && problem.what.contains(told)), "{document:?}");
    }
    let text = "{\n  \"Statement\": [}";
    assert_eq!(Document::parse(text).problems[0].place(text), (2, 17));
}

#[test]
fn a_byte_order_mark_and_a_strange_version_without_variables_are_only_told() {
    let document = Document::parse(
        "\u{feff}{\"Version\":2012,\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\"}]}",
    );
    assert_eq!((document.statements.len(), document.problems.len(), document.is_blind()), (1, 2, false));
}

#[test]
fn too_deep_and_too_long_are_refused() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(Document::parse(&deep).problems[0].what.contains("deep"));
    let long = format!("{{\"Statement\":[]{}}}", " ".repeat(MAX_BYTES));
    assert!(Document::parse(&long).problems[0].what.contains("bytes"));
}

#[test]
fn escapes_are_read() {
    let read = statement(r#"{"Sid":"\u00e9\ud83d\ude00\n\/","Effect":"Allow","Action":"*","Resource":"*"}"#);
    assert_eq!(read.sid.as_deref(), Some("é😀\n/"));
}

proptest! {
    #[test]
    fn nothing_panics_and_every_place_lies_in_the_text(text in ".{0,200}") {
        whole(&text);
    }

    #[test]
    fn nor_what_resembles_a_policy(text in proptest::collection::vec(proptest::sample::select(PIECES), 0..60)) {
        whole(&text.concat());
    }
}

const PIECES: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "\"Statement\"",
    "\"Effect\"",
    "\"Allow\"",
    "\"Action\"",
    "\"*\"",
    "\"Condition\"",
    "\"StringLike\"",
    "\"a:b\"",
    "\"\\ud800\"",
    "5",
    "true",
    "null",
    "\"Principal\"",
    "\"AWS\"",
    "\"Resource\"",
    "\"${a}\"",
    "é",
    "\"",
];

fn whole(text: &str) {
    let document = Document::parse(text);
    for problem in &document.problems {
        assert!(text.get(problem.span.start as usize..problem.span.end as usize).is_some(), "{problem:?}");
        assert!(!problem.what.is_empty());
    }
    for statement in &document.statements {
        assert!(text.get(statement.span.start as usize..statement.span.end as usize).is_some());
    }
}
