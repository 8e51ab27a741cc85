use std::sync::Arc;

use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::aws::answer::Verdict;
use crate::aws::document::Document;
use crate::aws::estate::{Account, Estate, PrincipalEntry, PrincipalKind};
use crate::aws::reference::Reference;
use crate::aws::request::Attached;

const USER: &str = "arn:aws:iam::111111111111:user/ann";

fn at(text: &str) -> Timestamp {
    text.parse().expect("an instant")
}

fn window() -> Window {
    Window { from: at("2026-08-01T00:00:00Z"), until: at("2026-11-01T00:00:00Z") }
}

/// One user with these policies.
pub(in crate::aws) fn estate(documents: &[&str]) -> Estate {
    let policies = documents.iter().enumerate().map(|(at, text)| Attached {
        name: format!("policy {at}").into(),
        version: None,
        document: Arc::new(Document::parse(text)),
    });
    let policies: Vec<Attached> = policies.collect();
    assert!(policies.iter().all(|policy| policy.document.problems.is_empty()), "{policies:?}");
    let account = Account {
        number: "111111111111".into(),
        name: None,
        in_organization: false,
        is_management: false,
        scps: Vec::new(),
        rcps: Vec::new(),
        unread: Vec::new(),
    };
    let user = PrincipalEntry {
        arn: USER.into(),
        unique_id: None,
        account: 0,
        kind: PrincipalKind::User,
        identity: (0..).take(policies.len()).collect(),
        through: Vec::new(),
        groups: Vec::new(),
        boundary: None,
        trust: None,
        tags: Vec::new(),
        unread: Vec::new(),
        can_act: None,
        service_linked: false,
    };
    Estate { policies, accounts: vec![account], principals: vec![user], ..Estate::default() }
}

fn used(name: &str) -> Use {
    use_at(name, Some("2026-10-01T00:00:00Z"))
}

fn use_at(name: &str, last: Option<&str>) -> Use {
    let (service, action) = name.split_once(':').expect("service and action");
    let action = (action != "*").then(|| action.into());
    Use { service: service.into(), action, last: last.map(at), tracked_since: None }
}

fn suggested(documents: &[&str], uses: &[Use]) -> Suggestion {
    let estate = estate(documents);
    let compiled = Compiled::new(&estate, Reference::builtin());
    least_privilege(&compiled, 0, uses, window())
}

fn one(suggestion: &Suggestion) -> serde_json::Value {
    assert_eq!((suggestion.documents.len(), &*suggestion.doubts), (1, &[][..]), "{suggestion:#?}");
    serde_json::from_str(&suggestion.documents[0]).expect("a document is JSON")
}

const ADMIN: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;

#[test]
fn only_what_was_used_in_the_window_stays() {
    let uses = [
        used("s3:GetObject"),
        used("ec2:DescribeInstances"),
        use_at("s3:PutObject", Some("2025-01-01T00:00:00Z")),
        use_at("iam:PassRole", None),
    ];
    let suggestion = suggested(&[ADMIN], &uses);
    let expected = serde_json::json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": ["ec2:DescribeInstances", "s3:GetObject"], "Resource": "*"}]});
    assert_eq!(one(&suggestion), expected);
    assert_eq!(
        suggestion.kept.iter().map(AsRef::as_ref).collect::<Vec<&str>>(),
        ["ec2:DescribeInstances", "s3:GetObject"]
    );
    assert!(suggestion.not_granted.is_empty() && suggestion.unrecorded.is_empty());
}

#[test]
fn resources_conditions_and_denials_of_a_used_action_stay() {
    let documents = [
        r#"{"Version":"2012-10-17","Statement":[
            {"Effect":"Allow","Action":["s3:Get*","s3:Put*"],"Resource":"arn:aws:s3:::team/${aws:username}/*"},
            {"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::shared/*","Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}}]}"#,
        r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","NotAction":"iam:*","Resource":"arn:aws:s3:::team/secret/*"}}"#,
    ];
    let document = one(&suggested(&documents, &[used("s3:GetObject")]));
    let statements = document["Statement"].as_array().expect("a list");
    assert_eq!(statements.len(), 3, "{document}");
    assert_eq!(statements[0]["Resource"], "arn:aws:s3:::team/${aws:username}/*");
    assert_eq!(statements[1]["Condition"]["IpAddress"]["aws:SourceIp"], "10.0.0.0/8");
    assert_eq!((&statements[2]["Effect"], &statements[2]["Action"]), (&"Deny".into(), &"s3:GetObject".into()));
}

#[test]
fn a_grant_on_everything_makes_narrower_ones_needless() {
    let documents = [
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::a/*"},
            {"Effect":"Allow","Action":"s3:*","Resource":"*"},{"Effect":"Allow","Action":"s3:Get*","Resource":"*"}]}"#,
    ];
    let document = one(&suggested(&documents, &[used("s3:GetObject")]));
    assert_eq!(
        document["Statement"],
        serde_json::json!([{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}])
    );
}

#[test]
fn a_service_whose_actions_nobody_records_stays_as_it_is_granted() {
    let document =
        r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["sqs:*","sns:Get*"],"Resource":"*"}}"#;
    let suggestion = suggested(&[document], &[used("sqs:*"), used("sns:*"), use_at("sqs:DeleteQueue", None)]);
    let written = one(&suggestion);
    let actions: Vec<&str> =
        written["Statement"][0]["Action"].as_array().expect("several").iter().filter_map(|one| one.as_str()).collect();
    assert!(actions.contains(&"sns:Get*") && actions.contains(&"sqs:SendMessage"), "{actions:?}");
    assert!(
        !actions.contains(&"sqs:DeleteQueue") && !actions.contains(&"sqs:*"),
        "a record says that it was not used: {actions:?}"
    );
    assert!(suggestion.unrecorded.iter().any(|name| &**name == "sqs:SendMessage"));
}

#[test]
fn a_use_that_no_policy_allows_is_told() {
    let document = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sqs:*","Resource":"*"}}"#;
    let suggestion =
        suggested(&[document], &[used("s3:GetObject"), used("new:Thing"), used("rds:*"), used("sqs:SendMessage")]);
    assert_eq!(
        suggestion.not_granted.iter().map(AsRef::as_ref).collect::<Vec<&str>>(),
        ["new:Thing", "rds:*", "s3:GetObject"]
    );
    assert_eq!(one(&suggestion)["Statement"][0]["Action"], "sqs:SendMessage");
}

#[test]
fn an_action_that_the_reference_does_not_know_stays_when_it_was_used() {
    let document = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}"#;
    let suggestion = suggested(&[document], &[used("s3:GetThingOfTomorrow")]);
    assert_eq!(one(&suggestion)["Statement"][0]["Action"], "s3:GetThingOfTomorrow");
}

#[test]
fn a_text_of_the_old_language_keeps_its_meaning() {
    let document = r#"{"Version":"2008-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::${aws:username}/*"}}"#;
    assert_eq!(one(&suggested(&[document], &[used("s3:GetObject")]))["Version"], "2008-10-17");
}

#[test]
fn nothing_used_is_no_policy() {
    let suggestion = suggested(&[ADMIN], &[]);
    assert!(suggestion.documents.is_empty() && suggestion.doubts.is_empty());
}

#[test]
fn what_does_not_fit_one_policy_becomes_several() {
    let reference = Reference::builtin();
    let uses: Vec<Use> = reference.actions().iter().step_by(40).map(|action| used(&action.name)).collect();
    let suggestion = suggested(&[ADMIN], &uses);
    assert!(suggestion.documents.len() > 1, "{}", suggestion.documents.len());
    assert_eq!((suggestion.kept.len(), &*suggestion.doubts), (uses.len(), &[][..]));
    for document in &suggestion.documents {
        let compact: serde_json::Value = serde_json::from_str(document).expect("JSON");
        assert!(compact.to_string().len() <= MAX_CHARACTERS);
    }
}

#[test]
fn unused_services_and_actions_are_those_with_a_record_that_says_so() {
    let document = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["sqs:SendMessage","sqs:DeleteQueue","sns:*","kms:Decrypt"],"Resource":"*"}}"#;
    let estate = estate(&[document]);
    let compiled = Compiled::new(&estate, Reference::builtin());
    let uses = [
        used("sqs:*"),
        used("sqs:SendMessage"),
        use_at("sqs:DeleteQueue", None),
        use_at("sns:*", Some("2026-01-01T00:00:00Z")),
    ];
    let found = unused(&compiled, 0, &uses, window());
    assert_eq!(found.actions.iter().map(AsRef::as_ref).collect::<Vec<&str>>(), ["sqs:DeleteQueue"]);
    assert_eq!(found.not_recorded.iter().map(AsRef::as_ref).collect::<Vec<&str>>(), ["kms"]);
    assert_eq!((&*found.services[0].service, found.services[0].last), ("sns", Some(at("2026-01-01T00:00:00Z"))));
    assert!(found.services[0].granted > 10);
}

fn statement() -> impl Strategy<Value = String> {
    let action = prop::sample::select(vec!["s3:*", "s3:Get*", "*", "s3:GetObject", "sqs:*", "s3:PutObject", "new:*"]);
    let resource =
        prop::sample::select(vec!["*", "arn:aws:s3:::a/*", "arn:aws:s3:::b", "arn:aws:s3:::${aws:username}/*"]);
    let condition = prop::sample::select(vec![
        "",
        "",
        r#","Condition":{"Bool":{"aws:MultiFactorAuthPresent":"true"}}"#,
        r#","Condition":{"StringEquals":{"aws:RequestedRegion":"eu-central-1"}}"#,
    ]);
    let effect = prop::sample::select(vec!["Allow", "Allow", "Allow", "Deny"]);
    let (element, target) = (
        prop::sample::select(vec!["Action", "Action", "NotAction"]),
        prop::sample::select(vec!["Resource", "Resource", "NotResource"]),
    );
    (effect, element, action, target, resource, condition).prop_map(
        |(effect, element, action, target, resource, condition)| {
            format!(r#"{{"Effect":"{effect}","{element}":"{action}","{target}":"{resource}"{condition}}}"#)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_suggestion_answers_for_each_use_as_the_policies_did_and_allows_nothing_else(
        statements in prop::collection::vec(statement(), 1..5),
        uses in prop::collection::vec(prop::sample::select(vec!["s3:GetObject", "s3:PutObject", "sqs:SendMessage", "s3:*", "new:Thing", "s3:DeleteObject"]), 1..4),
        old in any::<bool>(),
    ) {
        let version = if old { "2008-10-17" } else { "2012-10-17" };
        let text = format!(r#"{{"Version":"{version}","Statement":[{}]}}"#, statements.join(","));
        let before = estate(&[&text]);
        let compiled = Compiled::new(&before, Reference::builtin());
        let uses: Vec<Use> = uses.into_iter().map(used).collect();
        let suggestion = least_privilege(&compiled, 0, &uses, window());
        prop_assert_eq!(&suggestion.doubts, &Vec::<String>::new());
        let documents: Vec<&str> = suggestion.documents.iter().map(String::as_str).collect();
        let after = estate(&documents);
        let proposed = Compiled::new(&after, Reference::builtin());
        for action in ["s3:GetObject", "s3:PutObject", "sqs:SendMessage", "new:Thing", "s3:DeleteObject", "s3:GetBucketAcl", "iam:PassRole"] {
            let known: Vec<&str> = suggestion.kept.iter().map(AsRef::as_ref).collect();
            let kept = known.contains(&action) || uses.iter().any(|one| action == format!("{}:{}", one.service, one.action.as_deref().unwrap_or("*")));
            for resource in ["*", "arn:aws:s3:::a/x", "arn:aws:s3:::b", "arn:aws:s3:::ann/x", "arn:aws:s3:::c"] {
                let (now, then) = (compiled.may(0, action, resource), proposed.may(0, action, resource));
                let allowed = |verdict| verdict == Verdict::Allowed;
                if kept {
                    prop_assert_eq!((allowed(now.verdict), now.assumed), (allowed(then.verdict), then.assumed), "{} on {}", action, resource);
                } else {
                    prop_assert!(!allowed(then.verdict), "{action} on {resource} was not used");
                }
            }
        }
    }
}
