//! Who is asked about: somebody who is nobody's here, and what he would send.

use crate::aws::document::{Condition, Matcher, Statement};
use crate::aws::escalation::means;
use crate::aws::reference::Reference;
use crate::aws::request::Principal;

/// A name that nobody has.
pub(super) const NAME: &str = "muster-stranger";
const ACCOUNT: &str = "000000000000";
const ORGANIZATION: &str = "o-muster0stranger";
/// An address that is nobody's: TEST-NET-3 (RFC 5737).
const ADDRESS: &str = "203.0.113.77";

/// What a request carries: keys in lower case; without values: the key is not in it.
pub(super) type Context = Vec<(String, Vec<String>)>;

/// Keys by which a condition really narrows: what they hold is given by AWS or is secret, not chosen by whoever asks.
const NARROWING: [&str; 9] = [
    "aws:sourceip",
    "aws:sourcevpc",
    "aws:sourcevpce",
    "aws:vpcsourceip",
    "aws:userid",
    "elasticfilesystem:accessedviamounttarget",
    "s3:dataaccesspointaccount",
    "s3:dataaccesspointarn",
    "sts:externalid",
];

/// Keys that only a service sets when it acts for somebody.
const OF_SERVICES: [&str; 5] =
    ["aws:sourcearn", "aws:sourceaccount", "aws:sourceowner", "aws:sourceorgid", "aws:sourceorgpaths"];

/// Whether a condition on the key keeps strangers out.
pub(super) fn narrows(key: &str) -> bool {
    NARROWING.contains(&key)
}

/// Somebody with an account of AWS.
pub(super) fn user() -> Principal {
    Principal::User { arn: format!("arn:aws:iam::{ACCOUNT}:user/{NAME}") }
}

fn set(context: &mut Context, key: &str, values: &[&str]) {
    context.retain(|(other, _)| other != key);
    context.push((key.to_owned(), values.iter().map(|value| (*value).to_owned()).collect()));
}

fn open(context: &mut Context, keys: &[&str]) {
    context.retain(|(key, _)| !keys.contains(&key.as_str()));
}

/// A request of a stranger, from an address that is nobody's.
pub(super) fn context() -> Context {
    let mut context = of_account(ACCOUNT, None);
    for key in NARROWING {
        set(&mut context, key, &[]);
    }
    set(&mut context, "aws:sourceip", &[ADDRESS]);
    set(&mut context, "aws:userid", &["AIDA00000000000000000"]);
    context
}

/// The same from anywhere, with anything that is secret.
pub(super) fn somewhere() -> Context {
    let mut context = context();
    open(&mut context, &NARROWING);
    context
}

/// Somebody of another account of the own organisation, from anywhere.
pub(super) fn colleague(organization: &str) -> Context {
    let mut context = of_account(ACCOUNT, Some(organization));
    open(&mut context, &NARROWING);
    context
}

/// Somebody of an account, without an external id.
pub(super) fn of_account(number: &str, organization: Option<&str>) -> Context {
    let mut context = Context::new();
    set(&mut context, "kms:calleraccount", &[number]);
    set(&mut context, "aws:principalorgid", &[organization.unwrap_or(ORGANIZATION)]);
    if organization.is_none() {
        set(&mut context, "aws:principalorgpaths", &[&format!("{ORGANIZATION}/r-muster/")]);
    }
    set(&mut context, "sts:externalid", &[]);
    for key in OF_SERVICES {
        set(&mut context, key, &[]);
    }
    context
}

/// The same with any external id, or through any service.
pub(super) fn with_open_id(mut context: Context) -> Context {
    open(&mut context, &["sts:externalid"]);
    open(&mut context, &OF_SERVICES);
    context
}

/// A service that acts for a stranger.
pub(super) fn behind_service(service: &str) -> Context {
    let mut context = Context::new();
    let name = service.split('.').next().unwrap_or(service);
    let arn = if name == "s3" {
        format!("arn:aws:s3:::{NAME}")
    } else {
        format!("arn:aws:{name}:us-east-1:{ACCOUNT}:{NAME}")
    };
    set(&mut context, "aws:sourcearn", &[&arn]);
    set(&mut context, "aws:sourceaccount", &[ACCOUNT]);
    set(&mut context, "aws:sourceowner", &[ACCOUNT]);
    set(&mut context, "aws:sourceorgid", &[ORGANIZATION]);
    set(&mut context, "aws:sourceorgpaths", &[&format!("{ORGANIZATION}/r-muster/")]);
    context
}

/// Services that use a resource for whichever customer tells them to, and say for whom. Source: each service's page "Cross-service confused
/// deputy prevention"; EC2, Lambda as the caller, Elastic Load Balancing's old accounts and others that set none of the keys are not here.
const ON_RESOURCES: [&str; 34] = [
    "apigateway",
    "appflow",
    "backup",
    "bedrock",
    "budgets",
    "cloudfront",
    "cloudtrail",
    "cloudwatch",
    "codepipeline",
    "codestar-notifications",
    "config",
    "delivery.logs",
    "dms",
    "events",
    "firehose",
    "fis",
    "guardduty",
    "inspector2",
    "iot",
    "logging.s3",
    "logs",
    "macie",
    "mediaconvert",
    "pipes",
    "s3",
    "scheduler",
    "securityhub",
    "ses",
    "sms-voice",
    "sns",
    "ssm",
    "states",
    "transcribe",
    "transfer",
];

/// Services whose roles should say for which resource or account they are used. The same source; passing a role to a service needs
/// `iam:PassRole` in the role's own account, so that this is a second line of defence.
const ON_ROLES: [&str; 28] = [
    "apigateway",
    "appflow",
    "backup",
    "bedrock",
    "bedrock-agentcore",
    "chatbot",
    "cloudtrail",
    "comprehend",
    "config",
    "datasync",
    "dms",
    "firehose",
    "fis",
    "forecast",
    "grafana",
    "imagebuilder",
    "kendra",
    "lexv2",
    "logs",
    "macie",
    "mediaconvert",
    "omics",
    "personalize",
    "pipes",
    "scheduler",
    "ses",
    "transcribe",
    "transfer",
];

/// Whether a service acts for others on resources, or by roles, and says for whom.
pub(super) fn acts_for_others(service: &str, by_role: bool) -> bool {
    let service = service.to_ascii_lowercase();
    let name = service.split(".amazonaws.com").next().unwrap_or(&service);
    let list: &[&str] = if by_role { &ON_ROLES } else { &ON_RESOURCES };
    list.binary_search(&name).is_ok()
}

/// What is worth asking about first, by service.
const NOTABLE: [&str; 22] = [
    "s3:GetObject",
    "s3:PutObject",
    "s3:ListBucket",
    "kms:Decrypt",
    "kms:GenerateDataKey",
    "secretsmanager:GetSecretValue",
    "lambda:InvokeFunction",
    "lambda:InvokeFunctionUrl",
    "sqs:ReceiveMessage",
    "sqs:SendMessage",
    "sns:Publish",
    "sns:Subscribe",
    "ecr:BatchGetImage",
    "dynamodb:GetItem",
    "kinesis:GetRecords",
    "es:ESHttpGet",
    "elasticfilesystem:ClientMount",
    "execute-api:Invoke",
    "events:PutEvents",
    "codeartifact:ReadFromRepository",
    "glue:GetTable",
    "backup:CopyIntoBackupVault",
];

/// More actions of one statement are not asked about.
const MAX_ACTIONS: usize = 12;

/// Actions that a statement is about: those that are worth asking about first, then those that it names; none where it is about none that
/// anybody could ask for.
pub(super) fn actions(reference: &Reference, statement: &Statement, role: bool) -> Vec<String> {
    let ways: &[&str] =
        if role { &["sts:AssumeRole", "sts:AssumeRoleWithWebIdentity", "sts:AssumeRoleWithSAML"] } else { &NOTABLE };
    let mut actions: Vec<String> =
        ways.iter().filter(|action| means(statement, action)).map(|action| (*action).to_owned()).collect();
    if role {
        return actions;
    }
    let Matcher { not, patterns } = &statement.actions;
    if *not && actions.is_empty() {
        let first = reference.actions().iter().find(|action| means(statement, &action.name));
        actions.extend(first.map(|action| action.name.to_string()));
    }
    for pattern in patterns.iter().filter(|_| !not) {
        if !pattern.contains(['*', '?']) {
            actions.push(pattern.to_string());
        } else if let Some(first) = reference.matching(pattern).into_iter().flatten().next() {
            actions.push(reference.action(first).name.to_string());
        }
    }
    let mut seen: Vec<String> = Vec::new();
    actions.retain(|action| {
        let new = !seen.contains(&action.to_ascii_lowercase());
        seen.push(action.to_ascii_lowercase());
        new
    });
    actions.truncate(MAX_ACTIONS);
    actions
}

/// A resource that a statement is about, as the action wants it.
pub(super) fn resource(statement: &Statement, arn: &str, action: &str) -> String {
    let object = action.starts_with("s3:") && action.contains("Object");
    let whole = if object { format!("{arn}/{NAME}") } else { arn.to_owned() };
    let Some(Matcher { not: false, patterns }) = &statement.resources else { return whole };
    let fits = |pattern: &str| pattern.strip_prefix(arn).is_some_and(|rest| rest.starts_with('/') == object);
    match patterns.iter().find(|pattern| fits(pattern)) {
        Some(pattern) => pattern.replace('*', NAME).replace('?', "m"),
        None => whole,
    }
}

/// Accounts that conditions name, sorted.
pub(super) fn accounts_named(statement: &Statement) -> Vec<String> {
    let positive = |condition: &&Condition| !condition.operator.is_negated();
    let mut accounts: Vec<String> = Vec::new();
    for condition in statement.conditions.iter().filter(positive) {
        let key = condition.key.to_ascii_lowercase();
        for value in &condition.values {
            let number = match key.as_str() {
                "aws:principalaccount" | "aws:sourceaccount" | "aws:sourceowner" | "kms:calleraccount" => {
                    Some(&**value)
                }
                "aws:principalarn" | "aws:sourcearn" => value.split(':').nth(4),
                _ => None,
            };
            let number =
                number.filter(|number| number.len() == 12 && number.bytes().all(|digit| digit.is_ascii_digit()));
            accounts.extend(number.map(str::to_owned));
        }
    }
    accounts.sort_unstable();
    accounts.dedup();
    accounts
}

#[cfg(test)]
mod tests {
    use super::{ON_RESOURCES, ON_ROLES};

    #[test]
    fn lists_that_are_searched_are_sorted() {
        assert!(ON_RESOURCES.is_sorted());
        assert!(ON_ROLES.is_sorted());
    }
}
