use std::sync::Arc;

use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::aws::answer::Verdict;
use crate::aws::document::Document;
use crate::aws::estate::{Account, Estate, PrincipalEntry, PrincipalKind, Resource, Step};
use crate::aws::reference::Reference;
use crate::aws::request::{Attached, Mode, Principal, Request};

const USER: &str = "arn:aws:iam::111111111111:user/ann";
pub(in crate::aws) const OTHER: &str = "222222222222";
const FULL: &str = r#"{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}"#;

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

/// A user with these statements in an account of an organisation that has another one, below a root.
pub(in crate::aws) fn organised(statements: &str) -> Estate {
    let mut estate = estate(&[&format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#)]);
    estate.organization = Some("o-1234567890".into());
    estate.accounts[0].in_organization = true;
    let other = Account { number: OTHER.into(), ..estate.accounts[0].clone() };
    estate.accounts.push(other);
    estate
}

/// Attaches statements to an account as one more resource control policy, beside the one that is attached everywhere.
pub(in crate::aws) fn control(estate: &mut Estate, account: usize, statements: &str) {
    let text = format!(r#"{{"Version":"2012-10-17","Statement":[{FULL},{statements}]}}"#);
    let document = Arc::new(Document::parse(&text));
    let policies = vec![u32::try_from(estate.policies.len()).unwrap()];
    estate.policies.push(Attached { name: format!("control of {account}").into(), version: None, document });
    estate.accounts[account].rcps.push(Step { name: format!("step of {account}").into(), policies });
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
    let found = unused(compiled.reference(), &compiled.actions_of(0), &uses, window());
    assert_eq!(found.actions.iter().map(AsRef::as_ref).collect::<Vec<&str>>(), ["sqs:DeleteQueue"]);
    assert_eq!(found.not_recorded.iter().map(AsRef::as_ref).collect::<Vec<&str>>(), ["kms"]);
    assert_eq!((&*found.services[0].service, found.services[0].last), ("sns", Some(at("2026-01-01T00:00:00Z"))));
    assert!(found.services[0].granted > 10);
}

fn texts(list: &[Box<str>]) -> Vec<&str> {
    list.iter().map(AsRef::as_ref).collect()
}

/// A statement that allows, or one of a resource control policy that denies.
fn allows(action: &str, resource: &str) -> String {
    format!(r#"{{"Effect":"Allow","Action":"{action}","Resource":"{resource}"}}"#)
}

fn forbids(action: &str) -> String {
    format!(r#"{{"Effect":"Deny","Principal":"*","Action":"{action}","Resource":"*"}}"#)
}

fn suggested_of(estate: &Estate, uses: &[Use]) -> Suggestion {
    least_privilege(&Compiled::new(estate, Reference::builtin()), 0, uses, window())
}

#[test]
fn of_what_resource_control_policies_leave_nothing_nothing_is_suggested() {
    let mut estate = organised(&allows("s3:*", "*"));
    control(&mut estate, 0, &forbids("s3:Delete*"));
    let suggestion =
        suggested_of(&estate, &[used("s3:*"), used("s3:GetObject"), use_at("s3:DeleteObjectTagging", None)]);
    let kept = texts(&suggestion.kept);
    assert!(kept.contains(&"s3:GetObject") && kept.contains(&"s3:PutObject"), "{kept:?}");
    assert!(!kept.iter().any(|name| name.starts_with("s3:Delete")), "{kept:?}");
    let taken = texts(&suggestion.taken);
    assert!(taken.contains(&"s3:DeleteBucket") && taken.iter().all(|name| name.starts_with("s3:Delete")), "{taken:?}");
    assert!(!taken.contains(&"s3:DeleteObjectTagging"), "that was not used anyway: {taken:?}");
    assert!(!suggestion.documents.concat().contains("s3:Delete") && !suggestion.documents.concat().contains("s3:*"));
    assert_eq!((suggestion.doubts.len(), suggestion.elsewhere.len()), (0, 0));
}

#[test]
fn a_use_stays_where_it_may_have_been_of_another_account_and_goes_where_the_account_is_named() {
    let mut estate = organised(&allows("sts:AssumeRole", "*"));
    control(&mut estate, 0, &forbids("sts:*"));
    let suggestion = suggested_of(&estate, &[used("sts:AssumeRole")]);
    assert_eq!(one(&suggestion)["Statement"][0]["Action"], "sts:AssumeRole");
    assert_eq!((texts(&suggestion.elsewhere), suggestion.taken.len()), (vec!["sts:AssumeRole"], 0));

    let mut estate = organised(&allows("sts:AssumeRole", &format!("arn:aws:iam::{OTHER}:role/x")));
    control(&mut estate, 1, &forbids("sts:*"));
    let suggestion = suggested_of(&estate, &[used("sts:AssumeRole")]);
    assert!(suggestion.documents.is_empty() && suggestion.not_granted.is_empty(), "{suggestion:#?}");
    assert_eq!((texts(&suggestion.taken), suggestion.elsewhere.len()), (vec!["sts:AssumeRole"], 0));
}

#[test]
fn a_statement_of_which_nothing_is_left_goes_and_one_that_still_grants_the_use_stays() {
    let role = |account: &str| format!("arn:aws:iam::{account}:role/x");
    let both = format!("{},{}", allows("sts:AssumeRole", &role("111111111111")), allows("sts:*", &role(OTHER)));
    let mut estate = organised(&both);
    control(&mut estate, 0, &forbids("sts:AssumeRole"));
    let document = one(&suggested_of(&estate, &[used("sts:AssumeRole")]));
    let statement = serde_json::json!([{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": role(OTHER)}]);
    assert_eq!(document["Statement"], statement);
}

#[test]
fn a_service_that_was_used_and_of_which_nothing_is_left_was_used_elsewhere_or_is_taken() {
    for (resource, stays) in [("*", true), ("arn:aws:sqs:eu-central-1:111111111111:q", false)] {
        let mut estate = organised(&allows("sqs:*", resource));
        control(&mut estate, 0, &forbids("sqs:*"));
        let suggestion = suggested_of(&estate, &[used("sqs:*")]);
        let (elsewhere, taken) = (texts(&suggestion.elsewhere), texts(&suggestion.taken));
        assert_eq!(suggestion.documents.len(), usize::from(stays), "{suggestion:#?}");
        assert_eq!((elsewhere.contains(&"sqs:SendMessage"), taken.contains(&"sqs:SendMessage")), (stays, !stays));
        assert_eq!((suggestion.not_granted.len(), suggestion.doubts.len()), (0, 0), "{suggestion:#?}");
        // An action that is recorded says which it was.
        let suggestion = suggested_of(&estate, &[used("sqs:*"), used("sqs:SendMessage")]);
        assert_eq!(texts(&suggestion.elsewhere), if stays { &["sqs:SendMessage"][..] } else { &[] });
    }
}

#[test]
fn what_of_the_policies_around_was_not_read_is_told() {
    let mut estate = organised(&allows("s3:*", "*"));
    control(&mut estate, 0, r#"{"Effect":"Deny","Principal":"*","Action":{"x":1},"Resource":"*"}"#);
    let suggestion = suggested_of(&estate, &[used("s3:GetObject")]);
    assert_eq!(suggestion.unread.iter().map(AsRef::as_ref).collect::<Vec<&str>>(), ["control of 0"]);
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
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

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
                for (mfa, region) in [("true", "eu-central-1"), ("false", "eu-central-1"), ("true", "us-east-1"), ("false", "us-east-1")] {
                    let context = [("aws:username", "ann"), ("aws:multifactorauthpresent", mfa), ("aws:requestedregion", region)];
                    let request = Request {
                        principal: Principal::User { arn: USER.to_owned() },
                        action: action.to_owned(),
                        resource: resource.to_owned(),
                        resource_account: None,
                        context: context.into_iter().map(|(key, value)| (key.to_owned(), vec![value.to_owned()])).collect(),
                        mode: Mode::Strict,
                    };
                    let allowed = |of: &Compiled<'_>| of.decide(&request).verdict == Verdict::Allowed;
                    if kept {
                        prop_assert_eq!(allowed(&compiled), allowed(&proposed), "{} on {}, {:?}", action, resource, context);
                    } else {
                        prop_assert!(!allowed(&proposed), "{action} on {resource} was not used");
                    }
                }
            }
        }
    }

    /// A bucket of its own, one of another account that lets it in, and one that nobody knows: whatever resource control policies take, each
    /// recorded use is answered as before.
    #[test]
    fn a_recorded_use_is_answered_as_before_whatever_resource_control_policies_take(
        statements in prop::collection::vec(statement(), 1..5),
        uses in prop::collection::vec(prop::sample::select(vec!["s3:GetObject", "s3:PutObject", "s3:ListBucket", "sqs:SendMessage"]), 1..4),
        services in any::<bool>(),
        own in prop::option::of(prop::sample::select(vec!["s3:*", "s3:Get*", "sqs:*", "s3:PutObject"])),
        others in prop::option::of(prop::sample::select(vec!["s3:*", "s3:Get*", "sqs:*", "s3:PutObject"])),
    ) {
        let mut before = organised(&statements.join(","));
        let letting = Arc::new(Document::parse(&format!(
            r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Principal":{{"AWS":"{USER}"}},"Action":"s3:*","Resource":["arn:aws:s3:::b","arn:aws:s3:::b/*"]}}}}"#
        )));
        let policy = u32::try_from(before.policies.len()).unwrap();
        before.policies.push(Attached { name: "policy of b".into(), version: None, document: letting });
        before.resources.push(Resource {
            arn: "arn:aws:s3:::b".into(),
            kind: "aws:s3-bucket".into(),
            account: Some(1),
            policy: Some(policy),
            facts: rustc_hash::FxHashMap::default(),
        });
        for (account, action) in [own, others].into_iter().enumerate() {
            if let Some(action) = action {
                control(&mut before, account, &forbids(action));
            }
        }
        let compiled = Compiled::new(&before, Reference::builtin());
        let mut records: Vec<Use> = uses.iter().map(|name| used(name)).collect();
        if services {
            records.extend([used("s3:*"), used("sqs:*")]);
        }
        let suggestion = least_privilege(&compiled, 0, &records, window());
        prop_assert_eq!(&suggestion.doubts, &Vec::<String>::new());
        let mut after = before.clone();
        let first = u32::try_from(after.policies.len()).unwrap();
        after.policies.extend(suggestion.documents.iter().map(|text| Attached {
            name: "suggested".into(),
            version: None,
            document: Arc::new(Document::parse(text)),
        }));
        after.principals[0].identity = (first..u32::try_from(after.policies.len()).unwrap()).collect();
        let proposed = Compiled::new(&after, Reference::builtin());
        for action in &uses {
            for (resource, owner) in [
                ("arn:aws:s3:::a/x", "111111111111"),
                ("arn:aws:s3:::b", OTHER),
                ("arn:aws:s3:::b/y", OTHER),
                ("arn:aws:sqs:eu-central-1:111111111111:q", "111111111111"),
            ] {
                for mfa in ["true", "false"] {
                    let context = [("aws:username", "ann"), ("aws:multifactorauthpresent", mfa), ("aws:requestedregion", "eu-central-1")];
                    let request = Request {
                        principal: Principal::User { arn: USER.to_owned() },
                        action: (*action).to_owned(),
                        resource: resource.to_owned(),
                        resource_account: Some(owner.to_owned()),
                        context: context.into_iter().map(|(key, value)| (key.to_owned(), vec![value.to_owned()])).collect(),
                        mode: Mode::Strict,
                    };
                    let (now, then) = (compiled.decide(&request).verdict, proposed.decide(&request).verdict);
                    prop_assert_eq!(now == Verdict::Allowed, then == Verdict::Allowed, "{} on {}: {:?} {:?}", action, resource, now, then);
                }
            }
        }
        // What is offered is kept, and what is kept is left, but for what may have been used elsewhere.
        let of = |set: &fixedbitset::FixedBitSet| -> Vec<String> {
            set.ones().map(|at| Reference::builtin().actions()[at].name.to_string()).collect()
        };
        let (left, offered) = (compiled.actions_of(0), proposed.actions_of(0));
        let (left, elsewhere) = ([of(&left.allowed), of(&left.allowed_if)].concat(), texts(&suggestion.elsewhere));
        let kept = texts(&suggestion.kept);
        for name in [of(&offered.allowed), of(&offered.allowed_if), of(&offered.taken)].concat() {
            prop_assert!(kept.contains(&name.as_str()), "{} is offered and not kept", name);
        }
        for name in kept {
            prop_assert!(left.iter().any(|one| one == name) || elsewhere.contains(&name), "{} is kept and not left", name);
        }
    }
}
