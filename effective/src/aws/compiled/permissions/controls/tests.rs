use std::sync::Arc;

use proptest::prelude::*;

use crate::aws::answer::{Answer, Verdict};
use crate::aws::compiled::{Compiled, Permissions};
use crate::aws::document::Document;
use crate::aws::estate::{Estate, Resource, Unread, UnreadKind};
use crate::aws::evaluate::{Evaluate, Literal};
use crate::aws::least_privilege::tests::{OTHER, control, organised};
use crate::aws::reference::Reference;

fn allow(action: &str, resource: &str) -> String {
    format!(r#"{{"Effect":"Allow","Action":"{action}","Resource":"{resource}"}}"#)
}

fn deny(action: &str, resource: &str, more: &str) -> String {
    format!(r#"{{"Effect":"Deny","Principal":"*","Action":"{action}","Resource":"{resource}"{more}}}"#)
}

fn permissions(estate: &Estate) -> Permissions {
    Compiled::new(estate, Reference::builtin()).actions_of(0)
}

/// What is left of an action.
fn left(estate: &Estate, action: &str) -> &'static str {
    left_of(&permissions(estate), action)
}

fn left_of(permissions: &Permissions, action: &str) -> &'static str {
    let at = Reference::builtin().find(action).expect("a known action") as usize;
    let Permissions { allowed, allowed_if, taken, .. } = permissions;
    match (allowed.contains(at), allowed_if.contains(at), taken.contains(at)) {
        (false, false, _) => "no",
        (true, false, false) => "allowed",
        (false, true, false) => "allowed if",
        more => panic!("{action} is in more than one list: {more:?}"),
    }
}

#[test]
fn an_outright_denial_leaves_nothing_and_one_of_a_part_or_under_a_condition_leaves_less() {
    let mut estate = organised(&allow("*", "*"));
    control(&mut estate, 0, &deny("s3:Delete*", "*", ""));
    control(&mut estate, 0, &deny("s3:GetObject", "arn:aws:s3:::secret/*", ""));
    control(&mut estate, 0, &deny("sqs:*", "*", r#","Condition":{"Bool":{"aws:SecureTransport":"false"}}"#));
    control(&mut estate, 0, &deny("ec2:*", "*", ""));
    let left = ["s3:DeleteObject", "s3:GetObject", "s3:PutObject", "sqs:SendMessage", "ec2:RunInstances"]
        .map(|action| left(&estate, action));
    assert_eq!(left, ["no", "allowed if", "allowed", "allowed if", "allowed"], "EC2 is not reached by them");
}

#[test]
fn a_fence_around_the_organisation_takes_nothing_from_who_is_in_it() {
    let fence = |of: &str| {
        let mut estate = organised(&allow("s3:*", "*"));
        let condition = format!(r#","Condition":{{"StringNotEqualsIfExists":{{"aws:PrincipalOrgID":"{of}"}}}}"#);
        control(&mut estate, 0, &deny("s3:*", "*", &condition));
        left(&estate, "s3:GetObject")
    };
    assert_eq!((fence("o-1234567890"), fence("o-another000")), ("allowed", "no"));
}

#[test]
fn what_counts_is_the_account_whose_resource_it_is() {
    let role = |account: &str| format!("arn:aws:iam::{account}:role/x");
    for (resource, fenced, expected) in [
        (role(OTHER), 0, "allowed"),
        (role(OTHER), 1, "no"),
        (role("999999999999"), 0, "allowed"),
        (role("111111111111"), 0, "no"),
        ("*".to_owned(), 0, "no"),
        ("*".to_owned(), 1, "allowed"),
    ] {
        let mut estate = organised(&allow("sts:AssumeRole", &resource));
        control(&mut estate, fenced, &deny("sts:AssumeRole", "*", ""));
        assert_eq!(left(&estate, "sts:AssumeRole"), expected, "{resource} {fenced}");
    }
    // A bucket belongs to whom the estate says, and so do its objects.
    let mut estate = organised(&allow("s3:GetObject", "arn:aws:s3:::lake/*"));
    estate.resources.push(Resource {
        arn: "arn:aws:s3:::lake".into(),
        kind: "aws:s3-bucket".into(),
        account: Some(1),
        policy: None,
        facts: rustc_hash::FxHashMap::default(),
    });
    control(&mut estate, 0, &deny("s3:*", "*", ""));
    assert_eq!(left(&estate, "s3:GetObject"), "allowed");
    control(&mut estate, 1, &deny("s3:*", "*", ""));
    assert_eq!(left(&estate, "s3:GetObject"), "no");
    // Two statements: what one still grants is left, and it is less than before.
    let both = format!("{},{}", allow("sts:AssumeRole", &role(OTHER)), allow("sts:AssumeRole", &role("111111111111")));
    let mut estate = organised(&both);
    control(&mut estate, 0, &deny("sts:AssumeRole", "*", ""));
    assert_eq!(left(&estate, "sts:AssumeRole"), "allowed if");
}

#[test]
fn the_management_account_and_roles_of_services_are_not_bound() {
    let mut estate = organised(&allow("s3:*", "*"));
    control(&mut estate, 0, &deny("s3:*", "*", ""));
    assert_eq!(left(&estate, "s3:GetObject"), "no");
    estate.principals[0].service_linked = true;
    assert_eq!(left(&estate, "s3:GetObject"), "allowed");
    estate.principals[0].service_linked = false;
    estate.accounts[0].is_management = true;
    assert_eq!(left(&estate, "s3:GetObject"), "allowed");
}

#[test]
fn what_of_them_was_not_read_is_told() {
    let mut estate = organised(&allow("sts:AssumeRole", &format!("arn:aws:iam::{OTHER}:role/x")));
    control(&mut estate, 1, r#"{"Effect":"Deny","Principal":"*","Action":{"x":1},"Resource":"*"}"#);
    estate.accounts[1].unread.push(Unread { what: UnreadKind::Organization, why: "no tree".into() });
    let unread = |estate: &Estate| permissions(estate).unread;
    assert_eq!(unread(&estate).iter().map(AsRef::as_ref).collect::<Vec<&str>>(), ["control of 1", "no tree"]);
    estate.policies[0].document = Arc::new(Document::parse(&format!(
        r#"{{"Version":"2012-10-17","Statement":{}}}"#,
        allow("sts:AssumeRole", "arn:aws:iam::111111111111:role/x")
    )));
    assert!(unread(&estate).is_empty(), "another account's are nothing to it");
}

#[test]
fn a_pattern_of_which_nothing_is_left_is_not_the_widest_and_counts_are_what_is_left() {
    let statements = format!(
        "{},{}",
        allow("sts:AssumeRole", "arn:aws:iam::111111111111:role/*"),
        allow("sts:AssumeRole", &format!("arn:aws:iam::{OTHER}:role/release-target"))
    );
    let told = |estate: &Estate| {
        permissions(estate)
            .by_service
            .iter()
            .map(|one| (one.allowed, one.allowed_if, one.widest.to_string()))
            .collect::<Vec<_>>()
    };
    let mut estate = organised(&statements);
    assert_eq!(told(&estate), [(1, 0, "arn:aws:iam::111111111111:role/*".to_owned())]);
    control(&mut estate, 0, &deny("sts:AssumeRole", "*", ""));
    assert_eq!(told(&estate), [(0, 1, format!("arn:aws:iam::{OTHER}:role/release-target"))]);
    control(&mut estate, 1, &deny("sts:AssumeRole", "*", ""));
    assert_eq!(told(&estate), []);
    let taken = permissions(&estate).taken;
    assert_eq!(
        taken.ones().map(|at| &*Reference::builtin().actions()[at].name).collect::<Vec<_>>(),
        ["sts:AssumeRole"]
    );
}

const ACTIONS: [&str; 6] =
    ["s3:GetObject", "s3:ListBucket", "s3:PutObject", "sqs:SendMessage", "sts:AssumeRole", "ec2:RunInstances"];
const RESOURCES: [&str; 8] = [
    "*",
    "arn:aws:s3:::a/x",
    "arn:aws:s3:::b",
    "arn:aws:s3:::b/y",
    "arn:aws:sqs:eu-central-1:111111111111:q",
    "arn:aws:sqs:eu-central-1:222222222222:q",
    "arn:aws:iam::111111111111:role/x",
    "arn:aws:ec2:eu-central-1:111111111111:instance/i-1",
];

const OWN: [&str; 4] = ["*", "arn:aws:s3:::a/*", "arn:aws:s3:::b", "arn:aws:sqs:*"];
const ANYBODYS: [&str; 4] = ["*", "*", "arn:aws:s3:::b", "arn:aws:sqs:*:222222222222:*"];

fn pick(from: &[&'static str]) -> impl Strategy<Value = &'static str> + use<> {
    prop::sample::select(from.to_vec())
}

fn statement(principal: &'static str) -> impl Strategy<Value = String> {
    let effect =
        if principal.is_empty() { pick(&["Allow", "Allow", "Deny"]) } else { pick(&["Deny", "Deny", "Allow"]) };
    (
        effect,
        pick(&["Action", "Action", "NotAction"]),
        pick(&["s3:*", "s3:Get*", "*", "s3:ListBucket", "sqs:*", "sts:AssumeRole"]),
        pick(&["Resource", "Resource", "NotResource"]),
        // What is allowed by name in another account is allowed by nothing here: a policy of the resource has to let it in as well.
        if principal.is_empty() { pick(&OWN) } else { pick(&ANYBODYS) },
        pick(&[
            "",
            "",
            r#","Condition":{"Bool":{"aws:MultiFactorAuthPresent":"true"}}"#,
            r#","Condition":{"StringNotEquals":{"aws:PrincipalOrgID":"o-1234567890"}}"#,
            r#","Condition":{"StringEquals":{"aws:ResourceAccount":"111111111111"}}"#,
        ]),
    )
        .prop_map(move |(effect, element, action, target, resource, condition)| {
            format!(r#"{{"Effect":"{effect}",{principal}"{element}":"{action}","{target}":"{resource}"{condition}}}"#)
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    /// The literal evaluator is asked about every resource of the principal's own account, and of the other where no policy of a resource
    /// could let it in: there it never answers *Allowed*.
    #[test]
    fn of_what_nothing_is_left_nothing_is_allowed_and_what_is_left_whole_is_allowed_on_something(
        statements in prop::collection::vec(statement(""), 1..4),
        own in prop::option::of(prop::collection::vec(statement(r#""Principal":"*","#), 1..3)),
        others in prop::option::of(prop::collection::vec(statement(r#""Principal":"*","#), 1..3)),
    ) {
        let mut estate = organised(&statements.join(","));
        for (account, controls) in [own, others].into_iter().enumerate() {
            if let Some(controls) = controls {
                control(&mut estate, account, &controls.join(","));
            }
        }
        let literal = Literal::new(&estate, Reference::builtin());
        let compiled = Compiled::new(&estate, Reference::builtin());
        let permissions = compiled.actions_of(0);
        prop_assert_eq!(&compiled.actions_of_all(|_, of| of)[..], std::slice::from_ref(&permissions), "asked alone and with everybody");
        for action in ACTIONS {
            let answers: Vec<Answer> = RESOURCES.iter().map(|resource| literal.may(0, action, resource)).collect();
            match left_of(&permissions, action) {
                "no" => prop_assert!(answers.iter().all(|answer| answer.verdict != Verdict::Allowed), "{} {:?}", action, answers),
                "allowed" => prop_assert!(
                    answers.iter().any(|answer| answer.verdict == Verdict::Allowed && answer.assumed.is_empty()),
                    "{} {:?}", action, answers
                ),
                other => prop_assert_eq!(other, "allowed if"),
            }
        }
    }
}
