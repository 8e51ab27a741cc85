//! Estates and requests out of a tape of numbers: few words, so that they meet.
//!
//! Every choice takes one number, and the first option is the simplest; so proptest, which makes tapes shorter and numbers smaller, makes
//! estates simpler.

use std::collections::BTreeMap;
use std::sync::Arc;

use muster_effective::aws::document::Document;
use muster_effective::aws::estate::{
    Account, Estate, PrincipalEntry, PrincipalKind, Resource, Step, Unread, UnreadKind,
};
use muster_effective::aws::reference::Reference;
use muster_effective::aws::request::{Attached, Mode, Principal, Request};

pub(crate) const ACTIONS: [&str; 14] = [
    "s3:GetObject",
    "s3:PutObject",
    "S3:listbucket",
    "iam:PassRole",
    "sts:AssumeRole",
    "kms:Decrypt",
    "s3:GetBucketPolicy",
    "ec2:RunInstances",
    "sqs:SendMessage",
    "lambda:InvokeFunction",
    "new:DoThing",
    "s3:GetTomorrow",
    "sts:GetCallerIdentity",
    "sts:AssumeRoleWithWebIdentity",
];
const ACTION_PATTERNS: [&str; 18] = [
    "*",
    "s3:*",
    "s3:Get*",
    "s3:GetObject",
    "S3:LISTBUCKET",
    "s3:?etObject",
    "*:*Object",
    "iam:*",
    "iam:Pass?ole",
    "sts:AssumeRole",
    "sts:*",
    "kms:*",
    "kms:Decrypt",
    "ec2:Run*",
    "sqs:*",
    "lambda:Invoke*",
    "new:*",
    "s3:Put*",
];
pub(crate) const RESOURCES: [&str; 15] = [
    "arn:aws:s3:::alpha",
    "arn:aws:s3:::alpha/home/ann/x",
    "arn:aws:s3:::beta/core/x",
    "*",
    "arn:aws:iam::111111111111:role/admin",
    "arn:aws:iam::222222222222:role/team/reader",
    "arn:aws:kms:eu-central-1:111111111111:key/k1",
    "arn:aws:kms:eu-central-1:222222222222:key/k2",
    "arn:aws:sqs:eu-central-1:222222222222:queue",
    "arn:aws:lambda:eu-central-1:111111111111:function:f:live",
    "arn:aws:s3:::gamma/y",
    "arn:aws:ec2:eu-central-1:111111111111:instance/i-1",
    "arn:aws:s3:::delta/x",
    "arn:aws:sqs:eu-central-1:444444444444:far",
    "arn:aws:iam::333333333333:role/outside",
];
const RESOURCE_PATTERNS: [&str; 17] = [
    "*",
    "arn:aws:s3:::alpha/*",
    "arn:aws:s3:::*",
    "arn:aws:s3:::alpha",
    "arn:aws:s3:::alpha/home/${aws:username}/*",
    "arn:aws:s3:::*/${aws:PrincipalTag/team}/x",
    "arn:aws:s3:::${aws:PrincipalTag/bucket, 'beta'}/*",
    "arn:aws:s3:::beta/${s3:prefix}*",
    "arn:aws:iam::*:role/*",
    "arn:aws:iam::111111111111:role/admin",
    "arn:aws:kms:*:*:key/*",
    "arn:aws:sqs:*",
    "arn:aws:s3:::?amma/*",
    "arn:aws:lambda:*:*:function:f*",
    "arn:aws:s3:::${*}",
    "arn:aws:*:::beta*",
    "arn:aws:iam::222222222222:role/team/*",
];
const VALUES: [(&str, &[&str], &[&str]); 14] = [
    ("aws:username", &["ann", "a*", "${aws:PrincipalTag/team}", "bob"], &["ann", "bob", "core"]),
    ("aws:PrincipalTag/team", &["core", "c?re", "web"], &["core", "web"]),
    ("AWS:RequestedRegion", &["eu-central-1", "eu-*", "us-east-1"], &["eu-central-1", "us-east-1"]),
    ("aws:MultiFactorAuthPresent", &["true", "false"], &["true", "false"]),
    (
        "aws:SourceIp",
        &["10.0.0.0/8", "192.0.2.7", "2001:db8::/32"],
        &["10.1.2.3", "192.0.2.7", "2001:db8::1", "nonsense"],
    ),
    (
        "aws:CurrentTime",
        &["2026-01-01T00:00:00Z", "1767225600", "2027"],
        &["2026-06-01T00:00:00Z", "2025-01-01T00:00:00Z"],
    ),
    ("s3:max-keys", &["10", "10.5", "-1"], &["10", "9", "11.0"]),
    ("s3:prefix", &["home/${aws:username}/*", "home/*", ""], &["home/ann/", "home/bob/", ""]),
    ("aws:TagKeys", &["team", "stage", "t*"], &["team", "stage", ""]),
    (
        "aws:PrincipalArn",
        &["arn:aws:iam::*:role/*", "arn:aws:iam::111111111111:user/ann"],
        &["arn:aws:iam::111111111111:user/ann", "arn:aws:iam::222222222222:role/team/reader"],
    ),
    ("aws:PrincipalOrgID", &["o-main", "o-other"], &["o-main", "o-other"]),
    ("aws:ResourceTag/team", &["${aws:PrincipalTag/team}", "core"], &["core", "web"]),
    ("aws:SourceArn", &["arn:aws:sns:*:111111111111:*"], &["arn:aws:sns:eu-central-1:111111111111:topic"]),
    ("sts:ExternalId", &["secret"], &["secret", "other"]),
];
const OPERATORS: [&[&str]; 14] = [
    &[
        "StringEquals",
        "StringLike",
        "StringNotEquals",
        "StringNotLike",
        "StringEqualsIgnoreCase",
        "StringNotEqualsIgnoreCase",
        "Null",
    ],
    &["StringEquals", "StringLike", "StringNotLike", "StringNotEquals", "Null"],
    &["StringEquals", "StringNotEquals", "StringLike", "StringNotLike"],
    &["Bool", "StringEquals", "Null"],
    &["IpAddress", "NotIpAddress"],
    &["DateLessThan", "DateGreaterThanEquals", "DateEquals", "DateNotEquals", "DateLessThanEquals", "DateGreaterThan"],
    &[
        "NumericEquals",
        "NumericLessThan",
        "NumericGreaterThanEquals",
        "NumericNotEquals",
        "NumericLessThanEquals",
        "NumericGreaterThan",
    ],
    &["StringLike", "StringEquals", "StringNotLike"],
    &["StringEquals", "StringLike", "StringNotEquals", "Null"],
    &["ArnLike", "ArnEquals", "ArnNotLike", "ArnNotEquals", "StringLike"],
    &["StringEquals", "StringNotEquals", "StringEqualsIgnoreCase"],
    &["StringEquals", "StringNotEquals"],
    &["ArnLike", "ArnNotEquals"],
    &["StringEquals", "BinaryEquals", "Null"],
];
const PRINCIPALS: [&str; 14] = [
    r#""*""#,
    r#"{"AWS":"*"}"#,
    r#"{"AWS":"111111111111"}"#,
    r#"{"AWS":"arn:aws:iam::222222222222:root"}"#,
    r#"{"AWS":"arn:aws:iam::111111111111:user/ann"}"#,
    r#"{"AWS":"arn:aws:iam::222222222222:role/team/reader"}"#,
    r#"{"AWS":["arn:aws:iam::111111111111:role/admin","111111111111"]}"#,
    r#"{"AWS":"arn:aws:sts::111111111111:assumed-role/admin/night"}"#,
    r#"{"Service":"ec2.amazonaws.com"}"#,
    r#"{"Federated":"arn:aws:iam::111111111111:oidc-provider/ci"}"#,
    r#"{"CanonicalUser":"0123456789abcdef"}"#,
    r#"{"AWS":"AIDAEXAMPLEEXAMPLE1234"}"#,
    r#"{"AWS":["arn:aws:iam::333333333333:role/outside","arn:aws:sts::222222222222:federated-user/fed"]}"#,
    r#"{"AWS":["222222222222","arn:aws:iam::222222222222:user/bob"],"Service":"lambda.amazonaws.com"}"#,
];
/// Statements that cannot be used as they stand.
const BROKEN: [&str; 4] = [
    r#"{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"StringMatches":{"a":"b"}}}"#,
    r#"{"Effect":"Deny","Action":"s3:Get*","Resource":"arn:aws:s3:::alpha/*","Condition":{"IpAddress":{"aws:SourceIp":"here"}}}"#,
    r#"{"Effect":"Perhaps","Action":"*","Resource":"*"}"#,
    r#"{"Effect":"Allow","Resource":"*"}"#,
];

/// Where a document is attached.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    Principal,
    Organization,
    Resource,
    Trust,
}

/// Choices, one number each; past its end every choice is the first.
pub(crate) struct Tape {
    values: std::vec::IntoIter<u16>,
}

impl Tape {
    pub(crate) fn new(values: Vec<u16>) -> Self {
        Self { values: values.into_iter() }
    }

    fn below(&mut self, end: usize) -> usize {
        usize::from(self.values.next().unwrap_or_default()) % end
    }

    fn one_in(&mut self, of: usize) -> bool {
        self.below(of) == of - 1
    }

    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    fn several(&mut self, from: &[&str], most: usize) -> String {
        let count = 1 + self.below(most);
        let chosen: Vec<String> = (0..count).map(|_| format!("{:?}", self.pick(from))).collect();
        if count == 1 { chosen[0].clone() } else { format!("[{}]", chosen.join(",")) }
    }

    fn condition(&mut self) -> String {
        let at = self.below(VALUES.len());
        let (key, values, _) = VALUES[at];
        let operator = self.pick(OPERATORS[at]);
        let set = self.pick(&["", "", "", "ForAnyValue:", "ForAllValues:"]);
        let (set, exists, values) = match operator {
            "Null" => ("", "", self.several(&["true", "false"], 1)),
            "BinaryEquals" => (set, "", "\"c2VjcmV0\"".to_owned()),
            _ => (set, self.pick(&["", "", "IfExists"]), self.several(values, 2)),
        };
        format!(r#""{set}{operator}{exists}":{{"{key}":{values}}}"#)
    }

    fn statement(&mut self, place: Place) -> String {
        if self.one_in(40) {
            return self.pick(&BROKEN).to_owned();
        }
        let mut parts = Vec::new();
        if self.one_in(3) {
            parts.push(format!(r#""Sid":"S{}""#, self.below(3)));
        }
        parts.push(format!(r#""Effect":"{}""#, self.pick(&["Allow", "Allow", "Allow", "Deny"])));
        let actions = match place {
            Place::Trust => self.several(&["sts:AssumeRole", "sts:*", "sts:AssumeRoleWithWebIdentity", "*"], 2),
            _ => self.several(&ACTION_PATTERNS, 3),
        };
        parts.push(format!(r#""{}":{actions}"#, self.pick(&["Action", "Action", "Action", "Action", "NotAction"])));
        if place != Place::Trust {
            let resource = self.pick(&["Resource", "Resource", "Resource", "Resource", "NotResource"]);
            // Most policies are wide: otherwise few requests would pass every layer.
            let patterns = if self.one_in(2) { self.several(&RESOURCE_PATTERNS, 2) } else { "\"*\"".to_owned() };
            let resource = if patterns == "\"*\"" { "Resource" } else { resource };
            parts.push(format!(r#""{resource}":{patterns}"#));
        }
        let belongs = place == Place::Resource || place == Place::Trust;
        let misplaced = self.one_in(60);
        if belongs != misplaced {
            let principal = self.pick(&["Principal", "Principal", "Principal", "Principal", "NotPrincipal"]);
            parts.push(format!(r#""{principal}":{}"#, self.pick(&PRINCIPALS)));
        }
        let conditions = self.pick(&[0, 0, 0, 1, 1, 2]);
        if conditions > 0 {
            let mut blocks: Vec<String> = (0..conditions).map(|_| self.condition()).collect();
            // A block names each operator once.
            blocks.dedup_by(|a, b| a.split(':').next() == b.split(':').next());
            parts.push(format!(r#""Condition":{{{}}}"#, blocks.join(",")));
        }
        format!("{{{}}}", parts.join(","))
    }

    fn document(&mut self, place: Place) -> String {
        if self.one_in(60) {
            return "{ not a policy".to_owned();
        }
        let version =
            self.pick(&[r#""Version":"2012-10-17","#, r#""Version":"2012-10-17","#, r#""Version":"2008-10-17","#, ""]);
        let count = 1 + self.below(3);
        let statements: Vec<String> = (0..count).map(|_| self.statement(place)).collect();
        format!(r#"{{{version}"Statement":[{}]}}"#, statements.join(","))
    }

    fn policy(&mut self, estate: &mut Estate, name: &str, place: Place) -> u32 {
        let document = Arc::new(Document::parse(&self.document(place)));
        let at = estate.policies.len();
        estate.policies.push(Attached { name: format!("{name} {at}").into(), version: Some("v1".into()), document });
        u32::try_from(at).expect("a few")
    }

    fn steps(&mut self, estate: &mut Estate, full: u32, name: &str) -> Vec<Step> {
        let count = self.pick(&[0, 1, 2, 3]);
        (0..count)
            .map(|at| {
                let mut policies = if self.one_in(6) { Vec::new() } else { vec![full] };
                if self.one_in(3) {
                    policies.push(self.policy(estate, name, Place::Organization));
                }
                Step { name: ["r-root", "ou-unit", "account"][at].into(), policies }
            })
            .collect()
    }

    pub(crate) fn estate(&mut self) -> Estate {
        let mut estate = Estate { organization: Some("o-main".into()), ..Estate::default() };
        let full = everything(
            &mut estate,
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#,
        );
        let full_rcp = everything(
            &mut estate,
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}"#,
        );
        for (at, number) in ["111111111111", "222222222222", "333333333333"].into_iter().enumerate() {
            let unread = (0..3)
                .filter_map(|kind| {
                    let what = [UnreadKind::Principals, UnreadKind::Organization, UnreadKind::Resources][kind];
                    self.one_in(25).then(|| Unread { what, why: format!("not read: {what:?} of {number}").into() })
                })
                .collect();
            let account = Account {
                number: number.into(),
                name: None,
                in_organization: at < 2,
                is_management: self.one_in(6),
                scps: if at < 2 { self.steps(&mut estate, full, "scp") } else { Vec::new() },
                rcps: if at < 2 { self.rcps(&mut estate, full_rcp) } else { Vec::new() },
                unread,
            };
            estate.accounts.push(account);
        }
        let shared = self.policy(&mut estate, "shared", Place::Principal);
        for (arn, account, kind) in [
            ("arn:aws:iam::111111111111:user/ann", 0, PrincipalKind::User),
            ("arn:aws:iam::222222222222:user/bob", 1, PrincipalKind::User),
            ("arn:aws:iam::111111111111:role/admin", 0, PrincipalKind::Role),
            ("arn:aws:iam::222222222222:role/team/reader", 1, PrincipalKind::Role),
            ("arn:aws:iam::333333333333:role/outside", 2, PrincipalKind::Role),
            ("arn:aws:iam::222222222222:role/aws-service-role/x.amazonaws.com/Linked", 1, PrincipalKind::Role),
        ] {
            let mut identity: Vec<u32> =
                (0..self.pick(&[1, 1, 2, 0])).map(|_| self.policy(&mut estate, "identity", Place::Principal)).collect();
            if self.one_in(3) {
                identity.push(shared);
            }
            let boundary = self
                .one_in(4)
                .then(|| if self.one_in(2) { full } else { self.policy(&mut estate, "boundary", Place::Principal) });
            let trust = kind == PrincipalKind::Role && !self.one_in(12);
            let entry = PrincipalEntry {
                arn: arn.into(),
                unique_id: None,
                account,
                kind,
                identity,
                through: Vec::new(),
                groups: Vec::new(),
                boundary,
                trust: trust.then(|| self.policy(&mut estate, "trust", Place::Trust)),
                tags: if self.one_in(2) {
                    vec![("team".into(), self.pick(&["core", "web"]).into())]
                } else {
                    Vec::new()
                },
                unread: if self.one_in(30) { vec!["a policy that was not there".into()] } else { Vec::new() },
                can_act: None,
                service_linked: arn.contains("aws-service-role"),
            };
            estate.principals.push(entry);
        }
        for (arn, account) in [
            ("arn:aws:s3:::alpha", Some(0)),
            ("arn:aws:s3:::beta", Some(1)),
            ("arn:aws:s3:::gamma", None),
            ("arn:aws:kms:eu-central-1:111111111111:key/k1", Some(0)),
            ("arn:aws:kms:eu-central-1:222222222222:key/k2", Some(1)),
            ("arn:aws:sqs:eu-central-1:222222222222:queue", Some(1)),
            ("arn:aws:lambda:eu-central-1:111111111111:function:f", Some(0)),
        ] {
            let policy = self.one_in(2).then(|| self.policy(&mut estate, "resource", Place::Resource));
            let mut resource = Resource {
                arn: arn.into(),
                kind: "aws:any".into(),
                account,
                policy,
                facts: rustc_hash::FxHashMap::default(),
            };
            if self.one_in(8) {
                resource.facts.insert("public-access-block".into(), "true".into());
            }
            estate.resources.push(resource);
        }
        estate
    }

    fn rcps(&mut self, estate: &mut Estate, full: u32) -> Vec<Step> {
        let count = self.pick(&[0, 0, 1, 2]);
        (0..count)
            .map(|at| {
                let mut policies = if self.one_in(6) { Vec::new() } else { vec![full] };
                if self.one_in(2) {
                    policies.push(self.policy(estate, "rcp", Place::Resource));
                }
                Step { name: ["r-root", "account"][at].into(), policies }
            })
            .collect()
    }

    pub(crate) fn request(&mut self, estate: &Estate) -> Request {
        let entry = &estate.principals[self.below(estate.principals.len())];
        let principal = match self.below(16) {
            0..=9 => match entry.kind {
                PrincipalKind::User => Principal::User { arn: entry.arn.to_string() },
                PrincipalKind::Role => Principal::Session {
                    role: entry.arn.to_string(),
                    session: self.pick(&["", "night", "day"]).to_owned(),
                },
            },
            10 => Principal::Root { account: self.pick(&["111111111111", "222222222222", "444444444444"]).to_owned() },
            11 => Principal::Service { name: self.pick(&["ec2.amazonaws.com", "lambda.amazonaws.com"]).to_owned() },
            12 => Principal::Federated { provider: "arn:aws:iam::111111111111:oidc-provider/ci".to_owned() },
            13 => Principal::Anonymous,
            14 => Principal::FederatedUser {
                arn: "arn:aws:sts::222222222222:federated-user/fed".to_owned(),
                by: self.one_in(2).then(|| "arn:aws:iam::222222222222:user/bob".to_owned()),
            },
            _ => Principal::User { arn: "arn:aws:iam::444444444444:user/far".to_owned() },
        };
        let mut context = BTreeMap::new();
        for (key, _, values) in VALUES {
            if self.one_in(3) {
                let count = self.pick(&[1, 1, 1, 2, 0]);
                context.insert(key.to_ascii_lowercase(), (0..count).map(|_| self.pick(values).to_owned()).collect());
            }
        }
        Request {
            principal,
            action: self.pick(&ACTIONS).to_owned(),
            resource: self.pick(&RESOURCES).to_owned(),
            resource_account: self
                .one_in(6)
                .then(|| self.pick(&["111111111111", "222222222222", "444444444444"]).to_owned()),
            context,
            mode: self.pick(&[Mode::Strict, Mode::Open]),
        }
    }
}

/// A policy that allows everything.
fn everything(estate: &mut Estate, text: &str) -> u32 {
    estate.policies.push(Attached { name: "full".into(), version: None, document: Arc::new(Document::parse(text)) });
    u32::try_from(estate.policies.len() - 1).expect("a few")
}

/// What decides a request, for the message of a failure.
pub(crate) fn shown(estate: &Estate, request: &Request) -> String {
    format!("{:#?}", estate.layers(request, Reference::builtin()))
}
