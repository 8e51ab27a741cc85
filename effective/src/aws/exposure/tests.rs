//! What is open, what only looks so, and what a condition does about it.

use serde_json::{Value, json};

use super::{Closed, Exposed, Exposure, Kind, Severity, Who, exposures, unjudged};
use crate::aws::document::Document;
use crate::aws::escalation::tests::world::{HOME, World, deny, document};
use crate::aws::estate::Step;
use crate::aws::reference::Reference;
use crate::aws::request::Attached;

const GITHUB: &str = "arn:aws:iam::111111111111:oidc-provider/token.actions.githubusercontent.com";
const EKS: &str = "arn:aws:iam::111111111111:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/ABC";

/// The home account and one beside it in an organisation, and one outside.
fn world() -> World {
    let mut world = World::new();
    world.account("222222222222");
    world.account("333333333333");
    world.estate.organization = Some("o-acme".into());
    world.estate.accounts[0].in_organization = true;
    world.estate.accounts[1].in_organization = true;
    world
}

fn found(world: &World) -> Vec<Exposure> {
    exposures(&world.estate, Reference::builtin())
}

/// What a role with one trust statement is exposed to.
fn role(principal: Value, action: &str, condition: Value) -> Vec<Exposure> {
    let mut world = world();
    let statement = json!({"Effect": "Allow", "Principal": principal, "Action": action, "Condition": condition});
    world.role("open", &[statement], &[]);
    found(&world)
}

/// What a bucket with these statements is exposed to.
fn bucket(world: &mut World, statements: &[Value], facts: &[(&str, &str)]) -> Vec<Exposure> {
    let policy = world.policy("policy of bucket data", &document(statements));
    let at = world.resource("aws:s3-bucket", "arn:aws:s3:::data", facts);
    world.estate.resources[at as usize].policy = Some(policy);
    found(world)
}

fn reading(principal: Value, condition: Value) -> Value {
    json!({"Effect": "Allow", "Principal": principal, "Action": "s3:GetObject", "Resource": "arn:aws:s3:::data/*", "Condition": condition})
}

fn kinds(found: &[Exposure]) -> Vec<(Kind, Severity)> {
    found
        .iter()
        .filter(|exposure| exposure.closed.is_none())
        .map(|exposure| (exposure.kind, exposure.severity))
        .collect()
}

#[test]
fn a_trust_is_as_open_as_its_conditions_leave_it() {
    let root = |number: &str| json!({"AWS": format!("arn:aws:iam::{number}:root")});
    let everyone = json!({"AWS": "*"});
    let id = json!({"StringEquals": {"sts:ExternalId": "secret"}});
    let org = json!({"StringEquals": {"aws:PrincipalOrgID": "o-acme"}});
    for (principal, condition, expected) in [
        (root(HOME), json!({}), vec![]),
        (root("222222222222"), json!({}), vec![(Kind::OwnAccount, Severity::Low)]),
        (root("333333333333"), json!({}), vec![(Kind::WithoutExternalId, Severity::Medium)]),
        (root("333333333333"), id.clone(), vec![(Kind::ForeignAccount, Severity::Medium)]),
        // `IfExists` asks for nothing of who sends none.
        (
            root("333333333333"),
            json!({"StringEqualsIfExists": {"sts:ExternalId": "secret"}}),
            vec![(Kind::WithoutExternalId, Severity::Medium)],
        ),
        (root("444444444444"), json!({}), vec![(Kind::WithoutExternalId, Severity::Medium)]),
        // An account outside the organisation cannot be in it.
        (root("333333333333"), org.clone(), vec![]),
        (
            json!({"AWS": "arn:aws:iam::333333333333:role/vendor"}),
            id.clone(),
            vec![(Kind::ForeignAccount, Severity::Medium)],
        ),
        (everyone.clone(), json!({}), vec![(Kind::Public, Severity::High)]),
        (everyone.clone(), org, vec![(Kind::Organization, Severity::Low)]),
        (everyone.clone(), id, vec![(Kind::Public, Severity::Low)]),
        (
            everyone.clone(),
            json!({"Bool": {"aws:MultiFactorAuthPresent": "true"}}),
            vec![(Kind::Public, Severity::High)],
        ),
        (
            everyone.clone(),
            json!({"StringEquals": {"aws:PrincipalAccount": "333333333333"}}),
            vec![(Kind::WithoutExternalId, Severity::Medium)],
        ),
        (everyone, json!({"StringEquals": {"aws:PrincipalAccount": HOME}}), vec![]),
        (json!({"AWS": "AROAEXAMPLEDELETED000"}), json!({}), vec![]),
        (json!({"Service": "ec2.amazonaws.com"}), json!({}), vec![]),
    ] {
        let found = role(principal.clone(), "sts:AssumeRole", condition.clone());
        assert_eq!(kinds(&found), expected, "{principal} {condition} {found:?}");
    }
}

#[test]
fn an_identity_provider_is_as_open_as_what_is_compared_of_its_tokens() {
    let web = "sts:AssumeRoleWithWebIdentity";
    let aud = ("token.actions.githubusercontent.com:aud", "sts.amazonaws.com");
    let sub = "token.actions.githubusercontent.com:sub";
    let any = vec![(Kind::AnyTenant, Severity::High)];
    let bound = vec![(Kind::Federated, Severity::Low)];
    for (provider, condition, expected) in [
        (GITHUB, json!({"StringEquals": {aud.0: aud.1}}), any.clone()),
        (GITHUB, json!({"StringEquals": {aud.0: aud.1}, "StringLike": {sub: "repo:acme/app:*"}}), bound.clone()),
        (GITHUB, json!({"StringEquals": {aud.0: aud.1}, "StringLike": {sub: "repo:*"}}), any.clone()),
        (GITHUB, json!({"StringEquals": {aud.0: aud.1}, "StringLike": {sub: "repo:acme*"}}), any.clone()),
        (GITHUB, json!({"StringEquals": {aud.0: aud.1}, "StringLike": {sub: "*:ref:refs/heads/main"}}), any.clone()),
        (
            GITHUB,
            json!({"StringEquals": {aud.0: aud.1}, "StringLike": {sub: ["repo:acme/app:*", "repo:*/app:*"]}}),
            any.clone(),
        ),
        // With `StringEquals` a star is a star: nobody is let in, and nobody is by this one either.
        (GITHUB, json!({"StringEquals": {aud.0: aud.1, sub: "repo:acme/app:environment:prod"}}), bound.clone()),
        (
            GITHUB,
            json!({"StringLikeIfExists": {sub: "repo:acme/app:*"}, "StringEquals": {aud.0: aud.1}}),
            bound.clone(),
        ),
        (
            GITHUB,
            json!({"StringEquals": {aud.0: aud.1, "token.actions.githubusercontent.com:repository_owner": "acme"}}),
            bound.clone(),
        ),
        (GITHUB, json!({"StringLike": {sub: "repo:acme/app:*"}}), vec![(Kind::AnyAudience, Severity::Low)]),
        (
            "arn:aws:iam::111111111111:oidc-provider/gitlab.com",
            json!({"StringLike": {"gitlab.com:sub": "project_path:*"}}),
            any.clone(),
        ),
        (
            "arn:aws:iam::111111111111:oidc-provider/app.terraform.io",
            json!({"StringEquals": {"app.terraform.io:aud": "aws.workload.identity"}}),
            any.clone(),
        ),
        (
            "arn:aws:iam::111111111111:oidc-provider/app.terraform.io",
            json!({"StringEquals": {"app.terraform.io:aud": "aws.workload.identity"}, "StringLike": {"app.terraform.io:sub": "organization:acme:project:*"}}),
            bound.clone(),
        ),
        ("arn:aws:iam::111111111111:oidc-provider/agent.buildkite.com", json!({}), any.clone()),
        (EKS, json!({}), vec![(Kind::AnySubject, Severity::Medium)]),
        (
            EKS,
            json!({"StringEquals": {
                "oidc.eks.eu-west-1.amazonaws.com/id/ABC:aud": "sts.amazonaws.com",
                "oidc.eks.eu-west-1.amazonaws.com/id/ABC:sub": "system:serviceaccount:app:app",
            }}),
            bound.clone(),
        ),
        ("cognito-identity.amazonaws.com", json!({}), any),
        (
            "cognito-identity.amazonaws.com",
            json!({"StringEquals": {"cognito-identity.amazonaws.com:aud": "eu-west-1:pool"}}),
            vec![(Kind::Guests, Severity::Medium)],
        ),
    ] {
        let found = role(json!({"Federated": provider}), web, condition.clone());
        assert_eq!(kinds(&found), expected, "{provider} {condition} {found:?}");
    }
    let saml = json!({"Federated": "arn:aws:iam::111111111111:saml-provider/idp"});
    let found = role(saml.clone(), "sts:AssumeRoleWithSAML", json!({}));
    assert_eq!(kinds(&found), [(Kind::AnyAudience, Severity::Medium)]);
    let found = role(
        saml,
        "sts:AssumeRoleWithSAML",
        json!({"StringEquals": {"SAML:aud": "https://signin.aws.amazon.com/saml"}}),
    );
    assert_eq!(kinds(&found), [(Kind::Federated, Severity::Low)]);
}

#[test]
fn a_public_bucket_is_public_unless_what_narrows_it_is_not_chosen_by_who_asks() {
    let everyone = json!("*");
    for (condition, expected) in [
        (json!({}), vec![(Kind::Public, Severity::High)]),
        (json!({"Bool": {"aws:SecureTransport": "true"}}), vec![(Kind::Public, Severity::High)]),
        (json!({"StringLike": {"aws:Referer": "https://acme.example/*"}}), vec![(Kind::Public, Severity::High)]),
        (json!({"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}}), vec![(Kind::Public, Severity::High)]),
        (json!({"IpAddress": {"aws:SourceIp": "198.51.100.0/24"}}), vec![(Kind::Public, Severity::Low)]),
        (json!({"StringEquals": {"aws:SourceVpce": "vpce-1"}}), vec![(Kind::Public, Severity::Low)]),
        (json!({"StringEquals": {"aws:PrincipalOrgID": "o-acme"}}), vec![(Kind::Organization, Severity::Low)]),
        (
            json!({"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": "o-acme/*"}}),
            vec![(Kind::Organization, Severity::Low)],
        ),
        (json!({"StringNotEquals": {"aws:PrincipalOrgID": "o-other"}}), vec![(Kind::Public, Severity::High)]),
        (
            json!({"StringEquals": {"aws:PrincipalAccount": ["333333333333", HOME]}}),
            vec![(Kind::ForeignAccount, Severity::Medium)],
        ),
    ] {
        let found = bucket(&mut world(), &[reading(everyone.clone(), condition.clone())], &[]);
        assert_eq!(kinds(&found), expected, "{condition} {found:?}");
    }
    let narrowed =
        bucket(&mut world(), &[reading(everyone, json!({"IpAddress": {"aws:SourceIp": "198.51.100.0/24"}}))], &[]);
    assert_eq!((&narrowed[0].who, &*narrowed[0].narrowed[0].key), (&Who::Anonymous, "aws:sourceip"));
}

#[test]
fn what_closes_an_exposure_is_named() {
    let open = reading(json!("*"), json!({}));
    let blocked = bucket(&mut world(), std::slice::from_ref(&open), &[("public-access-block", "true")]);
    assert_eq!(blocked[0].closed, Some(Closed::BlockPublicAccess));
    let mut except = deny("s3:*", "*");
    except["Principal"] = json!("*");
    except["Condition"] = json!({"StringNotEquals": {"aws:PrincipalOrgID": "o-acme"}});
    let mut denied = world();
    // The denial leaves the organisation in.
    assert_eq!(
        kinds(&bucket(&mut denied, &[open.clone(), except.clone()], &[])),
        [(Kind::Organization, Severity::Low)]
    );
    except["Condition"] = json!({"StringNotEquals": {"aws:PrincipalAccount": HOME}});
    let found = bucket(&mut world(), &[open.clone(), except.clone()], &[]);
    assert!(matches!(&found[0].closed, Some(Closed::Denied(by)) if by[0].index == 1), "{found:?}");
    // A denial of one action leaves the others open.
    let mut all = open.clone();
    all["Action"] = json!("s3:*");
    let mut reads = except.clone();
    reads["Action"] = json!("s3:Get*");
    let found = bucket(&mut world(), &[all, reads], &[]);
    assert_eq!((kinds(&found), &*found[0].action), (vec![(Kind::Public, Severity::High)], "s3:PutObject"));
    // The same by the organisation, for every bucket.
    let mut world = world();
    let rcp = world.policy("p-perimeter", &document(&[except]));
    let full = world.policy(
        "p-RCPFullAWSAccess",
        &document(&[json!({"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"})]),
    );
    world.estate.accounts[0].rcps = vec![
        Step { name: "r-root".into(), policies: vec![full, rcp] },
        Step { name: HOME.into(), policies: vec![full] },
    ];
    let found = bucket(&mut world, &[open], &[]);
    assert!(matches!(&found[0].closed, Some(Closed::Denied(by)) if &*by[0].policy == "p-perimeter"), "{found:?}");
}

#[test]
fn a_service_that_acts_for_anybody_is_told_from_one_that_says_for_whom() {
    for (service, condition, expected) in [
        ("s3.amazonaws.com", json!({}), 1),
        ("s3.amazonaws.com", json!({"StringEquals": {"aws:SourceAccount": HOME}}), 0),
        ("s3.amazonaws.com", json!({"ArnLike": {"aws:SourceArn": "arn:aws:s3:::data"}}), 0),
        ("s3.amazonaws.com", json!({"ArnLike": {"aws:SourceArn": "arn:aws:s3:*:*:*"}}), 1),
        ("events.amazonaws.com", json!({"StringEquals": {"aws:SourceOrgID": "o-acme"}}), 0),
        ("ec2.amazonaws.com", json!({}), 0),
    ] {
        let mut world = world();
        let statement = json!({"Effect": "Allow", "Principal": {"Service": service}, "Action": "sqs:SendMessage", "Resource": "*", "Condition": condition});
        let policy = world.policy("policy of queue", &document(&[statement]));
        let at = world.resource("aws:sqs-queue", &format!("arn:aws:sqs:eu-west-1:{HOME}:queue"), &[]);
        world.estate.resources[at as usize].policy = Some(policy);
        let found = found(&world);
        let deputies = found.iter().filter(|exposure| exposure.kind == Kind::ConfusedDeputy).count();
        assert_eq!(deputies, expected, "{service} {condition} {found:?}");
    }
}

#[test]
fn what_cannot_be_judged_is_told_and_not_taken_for_closed() {
    let mut world = world();
    let role = world.role("role", &[], &[]);
    world.at(role).trust = None;
    let broken = json!({"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "*", "Condition": {"StringSameAs": {"a": "b"}}});
    let text = document(&[broken]);
    let policy =
        Attached { name: "policy of bucket data".into(), version: None, document: Document::parse(&text).into() };
    world.estate.policies.push(policy);
    let at = world.resource("aws:s3-bucket", "arn:aws:s3:::data", &[]);
    world.estate.resources[at as usize].policy = Some(u32::try_from(world.estate.policies.len() - 1).unwrap());
    let unjudged = unjudged(&world.estate);
    assert_eq!(
        unjudged.iter().map(|(what, _)| *what).collect::<Vec<_>>(),
        [Exposed::Role(role), Exposed::Resource(at)]
    );
    assert!(unjudged[1].1.contains("policy of bucket data"), "{}", unjudged[1].1);
    assert_eq!(found(&world), []);
}
