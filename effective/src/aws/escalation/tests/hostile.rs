//! Policies that nobody meant well: search and exposure come to an end, and nothing of it is taken for allowed that is not.

use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::world::{HOME, World, allow, document};
use crate::aws::document::Document;
use crate::aws::escalation::Standing;
use crate::aws::exposure::exposures;
use crate::aws::reference::Reference;
use crate::aws::request::Attached;

/// A policy as it came, however wrong.
fn attach(world: &mut World, text: &str) -> u32 {
    let document = Arc::new(Document::parse(text));
    world.estate.policies.push(Attached {
        name: format!("arn:aws:iam::{HOME}:policy/hostile").into(),
        version: None,
        document,
    });
    u32::try_from(world.estate.policies.len() - 1).unwrap()
}

/// Everything there is to ask about an estate in which a user, a role and a bucket have the text.
fn ask(text: &str) -> (World, Vec<Standing>) {
    let mut world = World::new();
    let administrator = world.administrator();
    let policy = attach(&mut world, text);
    world.user("user", &[policy]);
    let role = world.role("role", &[], &[administrator]);
    world.at(role).trust = Some(policy);
    world.at(role).boundary = Some(policy);
    let weak = world.role("weak", &[], &[policy]);
    world.at(weak).trust = Some(policy);
    let bucket = world.resource("aws:s3-bucket", "arn:aws:s3:::bucket", &[("role", "no arn"), ("keys", "-1")]);
    world.estate.resources[bucket as usize].policy = Some(policy);
    let standing = world.graph().standing;
    for who in 0..3 {
        world.blocks(who);
    }
    exposures(&world.estate, Reference::builtin());
    (world, standing)
}

#[test]
fn broken_documents_are_not_evaluated_and_deleted_principals_let_nobody_in() {
    for text in ["", "{", "null", "[]", &"[".repeat(10_000), r#"{"Statement": 7}"#] {
        let (_, standing) = ask(text);
        assert_eq!(standing[0], Standing::NotEvaluated, "{text:.20}");
    }
    let deleted = json!({"Effect": "Allow", "Principal": {"AWS": ["AROAEXAMPLEDELETED000", "AIDAEXAMPLEDELETED000"]}, "Action": "sts:AssumeRole"});
    let mut world = World::new();
    let administrator = world.administrator();
    world.role("role", &[deleted], &[administrator]);
    let user = world.user_who("user", &[allow("sts:AssumeRole", "*")]);
    assert_eq!(world.graph().standing[user as usize], Standing::Apart);
    assert_eq!(exposures(&world.estate, Reference::builtin()), []);
}

#[test]
fn patterns_made_to_blow_up_are_compared_in_no_time() {
    let evil = format!("arn:aws:iam::{HOME}:role/{}", "*a".repeat(1_500));
    let statements: Vec<Value> =
        ["iam:PassRole", "lambda:*", "iam:Create*", "*"].iter().map(|action| allow(action, &evil)).collect();
    let (_, standing) = ask(&document(&statements));
    assert!(!matches!(standing[0], Standing::Goal(_)));
}

fn texts() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "*",
        "?",
        "",
        ":",
        "iam:PassRole",
        "iam:*",
        "sts:AssumeRole",
        "*:*",
        "arn:aws:iam::*:role/*",
        "arn:",
        "arn:aws",
        "arn:aws:iam::111111111111:user/user",
        "${aws:username}",
        "${",
        "arn:aws:s3:::bucket/*",
        "111111111111",
        "AROAX",
        "lambda.amazonaws.com",
        "🦀",
        "arn:aws:lambda:::::",
    ]);
    let words = prop::collection::vec(word.clone(), 0..4);
    let key = prop::sample::select(vec![
        "aws:PrincipalArn",
        "iam:PassedToService",
        "aws:SourceIp",
        "sts:ExternalId",
        "",
        "aws:PrincipalOrgID",
    ]);
    let operator = prop::sample::select(vec![
        "StringLike",
        "StringNotEquals",
        "ArnLikeIfExists",
        "IpAddress",
        "Null",
        "ForAllValues:StringEquals",
        "Nonsense",
    ]);
    let statement = (any::<[bool; 4]>(), words.clone(), words.clone(), words, operator, key, word).prop_map(
        |([allows, actions, resources, conditional], action, resource, principal, operator, key, value)| {
            let mut statement = json!({"Effect": if allows { "Allow" } else { "Deny" }});
            statement[if actions { "Action" } else { "NotAction" }] = json!(action);
            statement[if resources { "Resource" } else { "NotResource" }] = json!(resource);
            statement["Principal"] = json!({"AWS": principal, "Service": value});
            if conditional {
                statement["Condition"] = json!({operator: {key: value}});
            }
            statement
        },
    );
    prop::collection::vec(statement, 0..4).prop_map(|statements| document(&statements))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 30, ..ProptestConfig::default() })]

    #[test]
    fn whatever_a_policy_says_every_question_is_answered(text in texts()) {
        let (world, standing) = ask(&text);
        prop_assert_eq!(standing.len(), world.estate.principals.len());
    }
}
