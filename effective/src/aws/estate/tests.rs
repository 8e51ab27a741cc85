use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::*;
use crate::aws::answer::{Answer, Layer, Verdict};
use crate::aws::document::Document;
use crate::aws::literal;
use crate::aws::reference::Reference;
use crate::aws::request::{Layers, Mode, Principal, Request};

const FULL: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
const FULL_RCP: &str =
    r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}}"#;
const NO_S3: &str =
    r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":["s3:*","ec2:*"],"Resource":"*"}}"#;
const NO_S3_RCP: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Principal":"*","Action":["s3:*","ec2:*"],"Resource":"*"}}"#;

/// Accounts 1 (management), 2 and 3 of an organisation, each with a user `u` and a role `r` that may do everything.
fn organization() -> Estate {
    let mut estate = Estate { organization: Some("o-1".into()), ..Estate::default() };
    let full = add(&mut estate, FULL);
    let full_rcp = add(&mut estate, FULL_RCP);
    for at in 0..3 {
        let number: Arc<str> = number(at).into();
        let trust = format!(
            r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Principal":{{"AWS":"{number}"}},"Action":"sts:AssumeRole"}}}}"#
        );
        let trust = add(&mut estate, &trust);
        let step = |policy| vec![Step { name: "r-1".into(), policies: vec![policy] }];
        estate.accounts.push(Account {
            number: number.clone(),
            name: None,
            in_organization: true,
            is_management: at == 0,
            scps: step(full),
            rcps: step(full_rcp),
            unread: Vec::new(),
        });
        for (name, kind) in [("user/u", PrincipalKind::User), ("role/r", PrincipalKind::Role)] {
            estate.principals.push(PrincipalEntry {
                arn: format!("arn:aws:iam::{number}:{name}").into(),
                unique_id: None,
                account: at,
                kind,
                identity: vec![full],
                through: Vec::new(),
                groups: Vec::new(),
                boundary: None,
                trust: (kind == PrincipalKind::Role).then_some(trust),
                tags: Vec::new(),
                unread: Vec::new(),
                can_act: None,
                service_linked: false,
            });
        }
    }
    estate
}

fn number(at: u32) -> String {
    format!("{}", 111_111_111_111_u64 * u64::from(at + 1))
}

fn add(estate: &mut Estate, text: &str) -> PolicyIx {
    let document = Arc::new(Document::parse(text));
    assert!(document.problems.is_empty(), "{:?}", document.problems);
    let at = PolicyIx::try_from(estate.policies.len()).expect("a few");
    estate.policies.push(Attached { name: format!("policy {at}").into(), version: None, document });
    at
}

fn add_resource(estate: &mut Estate, arn: &str, account: Option<u32>, policy: Option<PolicyIx>) {
    estate.resources.push(Resource {
        arn: arn.into(),
        kind: "aws:any".into(),
        account,
        policy,
        facts: FxHashMap::default(),
    });
}

fn layers(estate: &Estate, who: usize, action: &str, resource: &str) -> (Request, Layers) {
    let index = Index::new(estate);
    let request = estate.request(&index, PrincipalIx::try_from(who).expect("a few"), action, resource);
    let layers = estate.layers_by(&index, &request, Reference::builtin());
    (request, layers)
}

fn asked(estate: &Estate, who: usize, action: &str, resource: &str) -> Answer {
    let (request, layers) = layers(estate, who, action, resource);
    literal::evaluate(&request, &layers)
}

/// The user of account 2.
const USER: usize = 2;

#[test]
fn control_policies_bind_members_and_not_the_management_account() {
    let mut estate = organization();
    let (scp, rcp) = (add(&mut estate, NO_S3), add(&mut estate, NO_S3_RCP));
    for account in &mut estate.accounts {
        account.scps[0].policies.push(scp);
    }
    assert_eq!(asked(&estate, 0, "s3:ListAllMyBuckets", "*").verdict, Verdict::Allowed);
    assert_eq!(asked(&estate, USER, "s3:ListAllMyBuckets", "*").verdict, Verdict::ExplicitlyDenied);
    for account in &mut estate.accounts {
        account.scps[0].policies.pop();
        account.rcps[0].policies.push(rcp);
    }
    assert_eq!(asked(&estate, 0, "s3:ListAllMyBuckets", "*").verdict, Verdict::Allowed);
    assert_eq!(asked(&estate, USER, "s3:ListAllMyBuckets", "*").deciding[0].layer, Layer::Rcp);
    // Resource control policies reach the services that support them, and no others.
    assert_eq!(asked(&estate, USER, "ec2:DescribeInstances", "*").verdict, Verdict::Allowed);
}

#[test]
fn control_policies_do_not_bind_what_a_service_does_by_its_own_role() {
    let mut estate = organization();
    let scp = add(&mut estate, NO_S3);
    estate.accounts[1].scps[0].policies.push(scp);
    estate.principals[3].service_linked = true;
    let (_, found) = layers(&estate, 3, "s3:ListAllMyBuckets", "*");
    assert!(found.scps.is_empty() && found.rcps.is_empty());
    assert_eq!(asked(&estate, 3, "s3:ListAllMyBuckets", "*").verdict, Verdict::Allowed);
}

#[test]
fn resource_control_policies_are_those_of_the_resources_account() {
    let mut estate = organization();
    let (rcp, open) = (add(&mut estate, NO_S3_RCP), add(&mut estate, FULL_RCP));
    estate.accounts[2].rcps[0].policies.push(rcp);
    add_resource(&mut estate, "arn:aws:s3:::theirs", Some(2), Some(open));
    add_resource(&mut estate, "arn:aws:s3:::ours", Some(1), Some(open));
    assert_eq!(asked(&estate, USER, "s3:GetObject", "arn:aws:s3:::ours/x").verdict, Verdict::Allowed);
    assert_eq!(asked(&estate, USER, "s3:GetObject", "arn:aws:s3:::theirs/x").verdict, Verdict::ExplicitlyDenied);
}

#[test]
fn an_object_is_decided_by_its_bucket_and_an_alias_by_its_function() {
    let mut estate = organization();
    let policy = add(&mut estate, FULL_RCP);
    add_resource(&mut estate, "arn:aws:s3:::b", Some(2), Some(policy));
    add_resource(&mut estate, "arn:aws:lambda:eu-central-1:333333333333:function:f", Some(2), Some(policy));
    for resource in ["arn:aws:s3:::b/a/c", "arn:aws:lambda:eu-central-1:333333333333:function:f:live"] {
        let (request, found) = layers(&estate, USER, "s3:GetObject", resource);
        assert_eq!(found.resource.map(|policy| policy.name), Some("policy 5".into()), "{resource}");
        assert_eq!(request.resource_account.as_deref(), Some("333333333333"), "{resource}");
    }
    let (request, found) = layers(&estate, USER, "s3:GetObject", "arn:aws:s3:::other/a");
    assert_eq!((found.resource.is_none(), request.resource_account.as_deref()), (true, Some("222222222222")));
}

#[test]
fn a_trust_policy_decides_who_assumes_a_role_and_nothing_else() {
    let estate = organization();
    let role = "arn:aws:iam::222222222222:role/r";
    assert!(layers(&estate, USER, "sts:AssumeRole", role).1.resource.is_some());
    assert!(layers(&estate, USER, "iam:PassRole", role).1.resource.is_none());
    assert_eq!(asked(&estate, USER, "sts:AssumeRole", role).verdict, Verdict::Allowed);
    assert_eq!(asked(&estate, 0, "sts:AssumeRole", role).verdict, Verdict::ImplicitlyDenied);
}

#[test]
fn what_was_not_read_is_never_taken_for_nothing() {
    let read = organization();
    let role = "arn:aws:iam::222222222222:role/r";
    let not_evaluated = |estate: &Estate, action: &str, resource: &str, why: &str| {
        let answer = asked(estate, USER, action, resource);
        assert_eq!(answer.verdict, Verdict::NotEvaluated, "{why}");
        assert!(answer.unread.iter().any(|unread| unread.contains(why)), "{why}: {:?}", answer.unread);
    };
    for (what, why) in [(UnreadKind::Principals, "no principals"), (UnreadKind::Organization, "no organisation")] {
        let mut estate = read.clone();
        estate.accounts[1].unread.push(Unread { what, why: why.into() });
        not_evaluated(&estate, "ec2:DescribeInstances", "*", why);
    }
    let mut estate = read.clone();
    estate.accounts[1].unread.push(Unread { what: UnreadKind::Resources, why: "no buckets".into() });
    not_evaluated(&estate, "s3:GetObject", "arn:aws:s3:::b/x", "no buckets");
    // Instances have no policies that could be missing.
    let instance = "arn:aws:ec2:eu-central-1:222222222222:instance/i-1";
    assert_eq!(asked(&estate, USER, "ec2:StopInstances", instance).verdict, Verdict::Allowed);
    let mut estate = read.clone();
    estate.principals[USER].unread.push("policy p was not there".into());
    not_evaluated(&estate, "ec2:DescribeInstances", "*", "policy p");
    estate.principals[USER].unread.clear();
    estate.principals[3].trust = None;
    not_evaluated(&estate, "sts:AssumeRole", role, "trust policy");
    not_evaluated(&read, "sqs:SendMessage", "arn:aws:sqs:eu-central-1:999999999999:far", "account 999999999999");
}

#[test]
fn who_is_not_in_the_snapshot_is_not_known_and_who_is_not_in_a_read_account_has_nothing() {
    let estate = organization();
    let ask = |arn: &str, resource: &str| {
        let request = Request {
            principal: Principal::from_arn(arn).expect("an ARN"),
            action: "sqs:SendMessage".to_owned(),
            resource: resource.to_owned(),
            resource_account: None,
            context: std::collections::BTreeMap::new(),
            mode: Mode::Strict,
        };
        literal::evaluate(&request, &estate.layers(&request, Reference::builtin())).verdict
    };
    assert_eq!(
        ask("arn:aws:iam::999999999999:user/far", "arn:aws:sqs:eu-central-1:999999999999:q"),
        Verdict::NotEvaluated
    );
    assert_eq!(
        ask("arn:aws:iam::222222222222:user/gone", "arn:aws:sqs:eu-central-1:222222222222:q"),
        Verdict::ImplicitlyDenied
    );
}

#[test]
fn a_request_carries_what_the_estate_knows() {
    let mut estate = organization();
    estate.principals[USER].tags.push(("Team".into(), "core".into()));
    estate.principals[USER].unique_id = Some("AIDAEXAMPLE".into());
    let (request, _) = layers(&estate, USER, "s3:GetObject", "arn:aws:sqs:eu-central-1:333333333333:q");
    let expected = [
        ("aws:principalorgid", "o-1"),
        ("aws:principaltag/team", "core"),
        ("aws:resourceaccount", "333333333333"),
        ("aws:resourceorgid", "o-1"),
        ("aws:userid", "AIDAEXAMPLE"),
    ];
    let context: Vec<(&str, &str)> =
        request.context.iter().map(|(key, values)| (key.as_str(), values[0].as_str())).collect();
    assert_eq!((context, request.mode), (expected.to_vec(), Mode::Open));
}

#[test]
fn a_block_of_public_access_reaches_the_layers() {
    let mut estate = organization();
    let policy = add(&mut estate, FULL_RCP);
    add_resource(&mut estate, "arn:aws:s3:::b", Some(2), Some(policy));
    assert_eq!(asked(&estate, USER, "s3:GetObject", "arn:aws:s3:::b/x").verdict, Verdict::Allowed);
    estate.resources[0].facts.insert("public-access-block".into(), "true".into());
    assert_eq!(asked(&estate, USER, "s3:GetObject", "arn:aws:s3:::b/x").verdict, Verdict::ImplicitlyDenied);
}
