use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::aws::answer::Verdict;
use crate::aws::estate::{Step, Unread};
use crate::aws::evaluate::Evaluate;
use crate::aws::least_privilege::tests::estate;
use crate::aws::reference::Level;
use crate::aws::request::Attached;

const ADMIN: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;

fn permissions(estate: &Estate) -> Permissions {
    Compiled::new(estate, Reference::builtin()).actions_of(0)
}

/// `allowed`, `allowed if` or nothing.
fn state(permissions: &Permissions, action: &str) -> &'static str {
    let action = Reference::builtin().find(action).expect("a known action") as usize;
    match (permissions.allowed.contains(action), permissions.allowed_if.contains(action)) {
        (true, false) => "allowed",
        (false, true) => "allowed if",
        (false, false) => "no",
        (true, true) => "both",
    }
}

fn add(estate: &mut Estate, text: &str) -> PolicyIx {
    let document = Arc::new(Document::parse(text));
    assert!(document.problems.is_empty(), "{:?}", document.problems);
    estate.policies.push(Attached {
        name: format!("policy {}", estate.policies.len()).into(),
        version: None,
        document,
    });
    ix(estate.policies.len() - 1)
}

#[test]
fn an_action_is_allowed_only_on_a_resource_that_it_can_be_about() {
    let of = permissions(&estate(&[r#"{"Version":"2012-10-17","Statement":[
        {"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::b"},
        {"Effect":"Allow","Action":["sqs:*","iam:PassRole"],"Resource":"arn:aws:sqs:*:*:${aws:username}"}]}"#]));
    assert_eq!(state(&of, "s3:ListBucket"), "allowed");
    assert_eq!(state(&of, "s3:GetObject"), "allowed if");
    assert_eq!(state(&of, "s3:ListAllMyBuckets"), "allowed if");
    assert_eq!((state(&of, "sqs:SendMessage"), state(&of, "iam:PassRole")), ("allowed", "allowed if"));
    assert_eq!(state(&of, "ec2:RunInstances"), "no");
}

#[test]
fn conditions_and_denials_of_a_part_leave_allowed_if_and_outright_denials_nothing() {
    let of = permissions(&estate(&[
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:*","sqs:*"],"Resource":"*"},
            {"Effect":"Allow","Action":"sns:*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"true"}}}]}"#,
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"s3:Delete*","Resource":"*"},
            {"Effect":"Deny","Action":"s3:PutObject","Resource":"arn:aws:s3:::b/*"},
            {"Effect":"Deny","Action":"sqs:PurgeQueue","Resource":"*","Condition":{"Bool":{"aws:MultiFactorAuthPresent":"false"}}}]}"#,
    ]));
    let states = ["s3:GetObject", "s3:DeleteObject", "s3:PutObject", "sqs:PurgeQueue", "sns:Publish"]
        .map(|action| state(&of, action));
    assert_eq!(states, ["allowed", "no", "allowed if", "allowed if", "allowed if"]);
}

#[test]
fn boundary_and_service_control_policies_limit_and_the_management_account_has_none() {
    let mut estate = estate(&[ADMIN]);
    let boundary = add(
        &mut estate,
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"},
        {"Effect":"Allow","Action":"sqs:*","Resource":"arn:aws:sqs:*:*:q"},{"Effect":"Allow","Action":"sns:*","Resource":"*"}]}"#,
    );
    let no_sns = add(
        &mut estate,
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","NotAction":"sns:*","Resource":"*"}]}"#,
    );
    estate.principals[0].boundary = Some(boundary);
    estate.accounts[0].scps = vec![Step { name: "r-1".into(), policies: vec![no_sns] }];
    let states = |estate: &Estate| {
        ["s3:GetObject", "sqs:SendMessage", "sns:Publish", "ec2:RunInstances"]
            .map(|action| state(&permissions(estate), action))
    };
    assert_eq!(states(&estate), ["allowed", "allowed if", "no", "no"]);
    estate.accounts[0].is_management = true;
    assert_eq!(states(&estate), ["allowed", "allowed if", "allowed", "no"]);
}

#[test]
fn services_and_levels_are_counted_with_the_widest_resource() {
    let of = permissions(&estate(&[r#"{"Version":"2012-10-17","Statement":[
        {"Effect":"Allow","Action":["sqs:SendMessage","sqs:DeleteQueue"],"Resource":["arn:aws:sqs:*:*:queue","arn:aws:sqs:*"]},
        {"Effect":"Allow","Action":"sqs:GetQueueUrl","Resource":"arn:aws:sqs:eu-central-1:111111111111:queue"}]}"#]));
    let rows: Vec<(&str, Level, u32, u32, &str)> =
        of.by_service.iter().map(|row| (&*row.service, row.level, row.allowed, row.allowed_if, &*row.widest)).collect();
    let expected = [
        ("sqs", Level::Read, 1, 0, "arn:aws:sqs:eu-central-1:111111111111:queue"),
        ("sqs", Level::Write, 2, 0, "arn:aws:sqs:*"),
    ];
    assert_eq!(rows, expected);
    let names = of.names(Reference::builtin());
    assert_eq!(names, ["sqs:DeleteQueue", "sqs:GetQueueUrl", "sqs:SendMessage"]);
}

#[test]
fn actions_that_nobody_knows_and_policies_that_nobody_read_are_told() {
    let mut estate = estate(&[
        r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["s3:GetObjekt","new:*","s3:Get*"],"Resource":"*"}}"#,
    ]);
    estate.principals[0].unread.push("policy p was not there".into());
    estate.accounts[0].unread.push(Unread { what: UnreadKind::Organization, why: "no organisation".into() });
    estate.accounts[0].unread.push(Unread { what: UnreadKind::Resources, why: "no buckets".into() });
    let of = permissions(&estate);
    assert_eq!(of.unknown.iter().map(AsRef::as_ref).collect::<Vec<&str>>(), ["new:*", "s3:GetObjekt"]);
    assert_eq!(
        of.unread.iter().map(AsRef::as_ref).collect::<Vec<&str>>(),
        ["no organisation", "policy p was not there"]
    );
    let compiled = Compiled::new(&estate, Reference::builtin());
    assert!(compiled.could(0, "new:Thing") && compiled.could(0, "S3:getobjekt"));
}

#[test]
fn equal_documents_and_lists_are_compiled_once() {
    let mut estate = estate(&[ADMIN, ADMIN]);
    estate.policies[1].document = Arc::clone(&estate.policies[0].document);
    let compiled = Compiled::new(&estate, Reference::builtin());
    assert_eq!((compiled.documents.len(), compiled.sets.len(), compiled.scopes.len()), (1, 1, 1));
}

const ACTIONS: [&str; 7] = [
    "s3:GetObject",
    "s3:ListBucket",
    "s3:PutObject",
    "s3:ListAllMyBuckets",
    "sqs:SendMessage",
    "sqs:ListQueues",
    "ec2:RunInstances",
];
const RESOURCES: [&str; 6] = [
    "*",
    "arn:aws:s3:::a/x",
    "arn:aws:s3:::b",
    "arn:aws:s3:::b/y",
    "arn:aws:sqs:eu-central-1:111111111111:q",
    "arn:aws:ec2:eu-central-1:111111111111:instance/i-1",
];

fn statement() -> impl Strategy<Value = String> {
    let pick = |from: &[&'static str]| prop::sample::select(from.to_vec());
    let action = pick(&["s3:*", "s3:Get*", "*", "s3:ListBucket", "sqs:*", "s3:List*", "new:*"]);
    let resource = pick(&["*", "arn:aws:s3:::a/*", "arn:aws:s3:::b", "arn:aws:s3:::b*", "arn:aws:sqs:*"]);
    let condition = pick(&["", "", r#","Condition":{"Bool":{"aws:MultiFactorAuthPresent":"true"}}"#]);
    let (effect, element, target) = (
        pick(&["Allow", "Allow", "Deny"]),
        pick(&["Action", "Action", "NotAction"]),
        pick(&["Resource", "Resource", "NotResource"]),
    );
    (effect, element, action, target, resource, condition).prop_map(
        |(effect, element, action, target, resource, condition)| {
            format!(r#"{{"Effect":"{effect}","{element}":"{action}","{target}":"{resource}"{condition}}}"#)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_in_no_list_is_never_allowed_and_what_is_allowed_is_allowed_on_something(
        statements in prop::collection::vec(statement(), 1..4),
        limits in prop::option::of(prop::collection::vec(statement(), 1..3)),
    ) {
        let document = |statements: &[String]| format!(r#"{{"Version":"2012-10-17","Statement":[{}]}}"#, statements.join(","));
        let mut estate = estate(&[&document(&statements)]);
        if let Some(limits) = limits {
            let boundary = add(&mut estate, &document(&limits));
            estate.principals[0].boundary = Some(boundary);
        }
        let compiled = Compiled::new(&estate, Reference::builtin());
        let of = compiled.actions_of(0);
        for action in ACTIONS {
            let answers: Vec<_> = RESOURCES.iter().map(|resource| compiled.may(0, action, resource)).collect();
            match state(&of, action) {
                "no" => prop_assert!(answers.iter().all(|answer| answer.verdict != Verdict::Allowed), "{}", action),
                "allowed" => prop_assert!(
                    answers.iter().any(|answer| answer.verdict == Verdict::Allowed && answer.assumed.is_empty()),
                    "{}", action
                ),
                other => prop_assert_eq!(other, "allowed if"),
            }
        }
    }
}
