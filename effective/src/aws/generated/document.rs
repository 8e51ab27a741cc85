//! Policy documents that resemble real ones.

use serde_json::{Value, json};

use super::Random;
use crate::aws::reference::{Level, Reference};

/// What AWS attaches everywhere when service control policies are switched on.
pub(super) const FULL_ACCESS: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
/// The same of resource control policies.
pub(super) const FULL_RESOURCE_ACCESS: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}"#;
pub(super) const ROOT_SCP: &str = r#"{"Version":"2012-10-17","Statement":[
    {"Sid":"Stay","Effect":"Deny","Action":["organizations:LeaveOrganization","account:CloseAccount"],"Resource":"*"},
    {"Sid":"KeepTheTrail","Effect":"Deny","Action":["cloudtrail:StopLogging","cloudtrail:DeleteTrail"],"Resource":"*",
     "Condition":{"ArnNotLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/audit/*"}}}]}"#;
pub(super) const REGION_SCP: &str = r#"{"Version":"2012-10-17","Statement":[{"Sid":"Regions","Effect":"Deny",
    "NotAction":["iam:*","organizations:*","route53:*","cloudfront:*","sts:*","s3:*","support:*"],"Resource":"*",
    "Condition":{"StringNotEquals":{"aws:RequestedRegion":["eu-central-1","eu-west-1"]}}}]}"#;
pub(super) const PERIMETER_RCP: &str = r#"{"Version":"2012-10-17","Statement":[{"Sid":"OursOnly","Effect":"Deny","Principal":"*",
    "Action":["s3:*","sqs:*","kms:*","secretsmanager:*"],"Resource":"*",
    "Condition":{"StringNotEqualsIfExists":{"aws:PrincipalOrgID":"o-generated"},"BoolIfExists":{"aws:PrincipalIsAWSService":"false"}}}]}"#;

const REGIONS: [&str; 3] = ["eu-central-1", "eu-west-1", "us-east-1"];
pub(super) const TEAMS: [&str; 8] = ["core", "web", "data", "ml", "pay", "ops", "sec", "it"];
const STAGES: [&str; 4] = ["prod", "staging", "dev", "sandbox"];
/// What statements of teams are about, most often.
const SERVICES: [&str; 24] = [
    "s3",
    "ec2",
    "lambda",
    "dynamodb",
    "sqs",
    "sns",
    "kms",
    "logs",
    "cloudwatch",
    "ecr",
    "ecs",
    "eks",
    "rds",
    "secretsmanager",
    "ssm",
    "cloudformation",
    "apigateway",
    "glue",
    "athena",
    "kinesis",
    "events",
    "states",
    "cloudfront",
    "codebuild",
];

/// Where statements are drawn from.
#[derive(Debug)]
pub(super) struct Source<'a> {
    reference: &'a Reference,
    /// Statements of AWS's managed policies that allow something.
    statements: Vec<Value>,
    /// Actions of each of [`SERVICES`], as written.
    actions: Vec<Vec<(&'a str, Level)>>,
    /// Managed policies by ARN with their documents.
    pub(super) managed: Vec<(String, Value)>,
}

impl<'a> Source<'a> {
    pub(super) fn new(reference: &'a Reference) -> Self {
        let managed: Vec<(String, Value)> = reference
            .managed_policies()
            .into_iter()
            .filter_map(|arn| {
                let policy = reference.managed_policy(arn)?;
                Some((arn.to_owned(), serde_json::from_str(&policy.text).ok()?))
            })
            .collect();
        let statements = managed
            .iter()
            .flat_map(|(_, document)| list(&document["Statement"]))
            .filter(|statement| statement["Effect"] == "Allow" && statement.get("Action").is_some())
            .cloned()
            .collect();
        let of = |service: &&str| {
            let ranges = reference.matching(&format!("{service}:*")).into_iter().flatten();
            ranges.map(|at| reference.action(at)).map(|action| (&*action.name, action.level)).collect()
        };
        Self { reference, statements, actions: SERVICES.iter().map(of).collect(), managed }
    }

    /// An identity policy of some team in an account.
    pub(super) fn identity(&self, random: &mut Random, account: &str) -> Value {
        let count = *random.pick(&[1, 1, 2, 2, 3, 4, 6]);
        let mut statements: Vec<Value> = (0..count).map(|_| self.statement(random, account)).collect();
        if random.chance(8) {
            statements.push(deny(random, account));
        }
        for (at, statement) in statements.iter_mut().enumerate() {
            if random.chance(60) {
                statement["Sid"] = json!(format!("Part{at}"));
            }
        }
        json!({"Version": "2012-10-17", "Statement": statements})
    }

    fn statement(&self, random: &mut Random, account: &str) -> Value {
        let (action, resource) = match random.below(100) {
            0..=49 => self.drawn(random, account),
            50..=96 => self.of_service(random, account),
            97 => (
                json!(["iam:PassRole", "iam:Get*", "iam:List*"]),
                json!(format!("arn:aws:iam::{account}:role/{}-*", random.pick(&TEAMS))),
            ),
            98 => (json!(format!("{}:*", random.pick(&SERVICES))), json!("*")),
            _ => {
                let statement =
                    json!({"Effect": "Allow", "NotAction": ["iam:*", "organizations:*", "account:*"], "Resource": "*"});
                return statement;
            }
        };
        let mut statement = json!({"Effect": "Allow", "Action": action, "Resource": resource});
        if random.chance(15) {
            statement["Condition"] = condition(random);
        }
        statement
    }

    /// A statement of a managed policy, cut down and scoped as teams do it.
    fn drawn(&self, random: &mut Random, account: &str) -> (Value, Value) {
        let statement = random.pick(&self.statements);
        let actions: Vec<&Value> = list(&statement["Action"]).collect();
        let keep = random.between(1, 45).min(actions.len());
        let start = random.below(actions.len() - keep + 1);
        let actions = &actions[start..start + keep];
        let resource = if random.chance(50) {
            self.scoped(random, account, actions[0].as_str().unwrap_or_default())
        } else {
            statement.get("Resource").cloned().unwrap_or(json!("*"))
        };
        (json!(actions), resource)
    }

    /// Actions of one service of one or two levels.
    fn of_service(&self, random: &mut Random, account: &str) -> (Value, Value) {
        let service = random.below(SERVICES.len());
        let actions = &self.actions[service];
        let writes = random.chance(50);
        let mut chosen: Vec<String> = Vec::new();
        if random.chance(55) {
            let verbs = if writes {
                ["Create*", "Update*", "Put*", "Delete*"]
            } else {
                ["Get*", "List*", "Describe*", "BatchGet*"]
            };
            let count = random.between(1, 4);
            chosen.extend(verbs.iter().take(count).map(|verb| format!("{}:{verb}", SERVICES[service])));
        }
        for _ in 0..random.between(4, 70) {
            let (name, level) = *random.pick(actions);
            if (level >= Level::Write) == writes {
                chosen.push(name.to_owned());
            }
        }
        if chosen.is_empty() {
            chosen.push(actions[0].0.to_owned());
        }
        let first = chosen[chosen.len() - 1].clone();
        chosen.sort_unstable();
        chosen.dedup();
        let resource = if random.chance(60) { self.scoped(random, account, &first) } else { json!("*") };
        (json!(chosen), resource)
    }

    /// ARNs of the account's own things that the action is about.
    fn scoped(&self, random: &mut Random, account: &str, action: &str) -> Value {
        let Some(action) = self.reference.find(action) else { return json!("*") };
        let types: Vec<&str> =
            self.reference.resource_types(self.reference.action(action)).filter_map(|of| of.arn.as_deref()).collect();
        if types.is_empty() {
            return json!("*");
        }
        let mut arns: Vec<String> = (0..random.between(1, 3))
            .map(|_| {
                let of = types[random.below(types.len())];
                filled(random, account, of)
            })
            .collect();
        arns.sort_unstable();
        arns.dedup();
        if arns.len() == 1 { json!(arns[0]) } else { json!(arns) }
    }
}

/// An ARN of a type, its variables filled with names of a team.
fn filled(random: &mut Random, account: &str, arn: &str) -> String {
    let mut text = String::with_capacity(arn.len());
    let mut rest = arn;
    while let Some((before, after)) = rest.split_once("${") {
        text.push_str(before);
        let Some((variable, after)) = after.split_once('}') else { break };
        match variable {
            "Partition" => text.push_str("aws"),
            "Region" => text.push_str(REGIONS[random.below(REGIONS.len())]),
            "Account" => text.push_str(account),
            "BucketName" => text.push_str(&bucket(random, account)),
            "ObjectName" => text.push_str(if random.chance(70) { "*" } else { "${aws:username}/*" }),
            _ if random.chance(15) => text.push('*'),
            _ => {
                let (team, stage) = (random.pick(&TEAMS), random.pick(&STAGES));
                text.push_str(&format!("{team}-{stage}-"));
                if random.chance(60) { text.push('*') } else { text.push_str(&random.below(50).to_string()) }
            }
        }
        rest = after;
    }
    text + rest
}

/// The name of a bucket that the account may have.
pub(super) fn bucket(random: &mut Random, account: &str) -> String {
    bucket_name(account, random.below(50))
}

/// The name of an account's bucket by its place.
pub(super) fn bucket_name(account: &str, place: usize) -> String {
    format!("{}-{}-{account}-{place}", TEAMS[place % TEAMS.len()], STAGES[place % STAGES.len()])
}

fn condition(random: &mut Random) -> Value {
    match random.below(8) {
        0 => json!({"IpAddress": {"aws:SourceIp": ["10.0.0.0/8", "192.0.2.0/24"]}}),
        1 => json!({"StringEquals": {"aws:RequestedRegion": random.pick(&REGIONS)}}),
        2 => json!({"Bool": {"aws:MultiFactorAuthPresent": "true"}}),
        3 => json!({"StringEquals": {"aws:PrincipalTag/team": random.pick(&TEAMS)}}),
        4 => json!({"StringEquals": {"aws:ResourceTag/team": "${aws:PrincipalTag/team}"}}),
        5 => json!({"StringLike": {"s3:prefix": ["home/${aws:username}/*", "shared/*"]}}),
        6 => json!({"StringEquals": {"iam:PassedToService": ["lambda.amazonaws.com", "ecs-tasks.amazonaws.com"]}}),
        _ => json!({"ForAllValues:StringEquals": {"aws:TagKeys": ["team", "stage"]}}),
    }
}

fn deny(random: &mut Random, account: &str) -> Value {
    match random.below(4) {
        0 => json!({"Effect": "Deny", "NotAction": ["iam:ChangePassword", "sts:GetSessionToken"], "Resource": "*",
                    "Condition": {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}}),
        1 => {
            json!({"Effect": "Deny", "Action": ["s3:DeleteBucket*", "s3:PutBucketPolicy"], "Resource": format!("arn:aws:s3:::{}", bucket(random, account))})
        }
        2 => json!({"Effect": "Deny", "Action": "kms:ScheduleKeyDeletion", "Resource": "*"}),
        _ => json!({"Effect": "Deny", "Action": ["iam:Create*", "iam:Attach*", "iam:Put*"], "Resource": "*"}),
    }
}

/// A trust policy.
pub(super) fn trust(random: &mut Random, account: &str) -> Value {
    let statement = match random.below(10) {
        0..=5 => {
            json!({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": random.pick(&["lambda.amazonaws.com",
            "ec2.amazonaws.com", "ecs-tasks.amazonaws.com", "codebuild.amazonaws.com", "glue.amazonaws.com"])}})
        }
        6 | 7 => {
            json!({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": format!("arn:aws:iam::{account}:root")}})
        }
        8 => {
            json!({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": format!("arn:aws:iam::{account}:role/{}-{}",
            random.pick(&TEAMS), random.below(20))}})
        }
        _ => json!({"Effect": "Allow", "Action": "sts:AssumeRoleWithWebIdentity",
            "Principal": {"Federated": format!("arn:aws:iam::{account}:oidc-provider/token.actions.githubusercontent.com")},
            "Condition": {"StringEquals": {"token.actions.githubusercontent.com:aud": "sts.amazonaws.com"},
                "StringLike": {"token.actions.githubusercontent.com:sub": format!("repo:acme/{}:*", random.pick(&TEAMS))}}}),
    };
    json!({"Version": "2012-10-17", "Statement": [statement]})
}

/// A bucket's policy.
pub(super) fn bucket_policy(random: &mut Random, account: &str, arn: &str) -> Value {
    let mut statements = vec![
        json!({"Sid": "Tls", "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": [arn, format!("{arn}/*")],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}}}),
    ];
    if random.chance(40) {
        statements.push(json!({"Effect": "Allow", "Principal": {"AWS": format!("arn:aws:iam::{account}:role/{}-{}", random.pick(&TEAMS), random.below(20))},
            "Action": ["s3:GetObject*", "s3:ListBucket"], "Resource": [arn, format!("{arn}/*")]}));
    }
    if random.chance(20) {
        statements.push(json!({"Effect": "Allow", "Principal": {"AWS": account}, "Action": "s3:PutObject", "Resource": format!("{arn}/*"),
            "Condition": {"StringEquals": {"s3:x-amz-server-side-encryption": "aws:kms"}}}));
    }
    json!({"Version": "2012-10-17", "Statement": statements})
}

/// One value or a list of them, as policies write both.
pub(super) fn list(value: &Value) -> impl Iterator<Item = &Value> {
    match value {
        Value::Array(values) => values.iter(),
        other => std::slice::from_ref(other).iter(),
    }
}
