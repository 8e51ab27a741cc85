//! Policies attached to resources: S3 buckets with their access control lists, KMS keys, SQS queues, SNS topics, Lambda functions, Secrets
//! Manager secrets; and VPC endpoints, whose policies limit what goes through them.
//!
//! Buckets live in one namespace, so all of an account's are read in the scope `resource-policies/<account>/global`; the other
//! services stand in `resource-policies/<account>/<region>`. A resource without a policy is a resource and no gap.

use std::collections::BTreeMap;
use std::future::Future;

use futures::StreamExt;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::documents::Document;
use super::outcome::{NewPolicy, Outcome, Stopped};
use super::session::{ApiError, ErrorKind, Pages, Session};
use super::signed::{Request, Service, leaves, rows};
use crate::record::{PolicyKind, Raw, Record, RecordKind, Resource};

/// What these scopes promise.
pub(super) const KINDS: [RecordKind; 2] = [RecordKind::Resource, RecordKind::Policy];

/// RFC 3986's unreserved characters stay as they are in a path segment.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A resource and the policy attached to it.
#[derive(Debug)]
struct Found {
    arn: String,
    kind: &'static str,
    name: String,
    policy: Option<String>,
    /// Further facts that decide about access to it.
    attributes: BTreeMap<String, String>,
    /// Why some of those facts are not known.
    unread: Option<ApiError>,
}

/// What one service of one region brought.
#[derive(Debug, Default)]
struct Reading {
    found: Vec<Found>,
    /// Failures: what was not read, and why.
    failures: Vec<(String, ApiError)>,
    pages: u64,
}

/// Buckets of the session's account, wherever they are.
pub(super) async fn global(session: &Session, client: &reqwest::Client) -> Result<Outcome, Stopped> {
    let reading = buckets(session, client).await;
    outcome(session, [("S3 buckets", reading)])
}

/// The other services in `region`.
pub(super) async fn regional(session: &Session, client: &reqwest::Client, region: &str) -> Result<Outcome, Stopped> {
    let (kms, sqs, sns, lambda, secrets, endpoints) = futures::join!(
        keys(session, client, region),
        queues(session, client, region),
        topics(session, client, region),
        functions(session, client, region),
        secrets(session, client, region),
        endpoints(session, client, region),
    );
    outcome(
        session,
        [
            ("KMS keys", kms),
            ("SQS queues", sqs),
            ("SNS topics", sns),
            ("Lambda functions", lambda),
            ("Secrets Manager secrets", secrets),
            ("VPC endpoints", endpoints),
        ],
    )
}

fn outcome<const N: usize>(
    session: &Session,
    readings: [(&str, Result<Reading, ApiError>); N],
) -> Result<Outcome, Stopped> {
    let mut outcome = Outcome::default();
    for (what, reading) in readings {
        match reading {
            Ok(reading) => {
                outcome.pages += reading.pages;
                for mut found in reading.found {
                    match found.unread.take() {
                        Some(error) if error.kind == ErrorKind::Stopped => return Err(Stopped),
                        Some(error) => outcome.withheld.push((RecordKind::Resource, "attributes", error.to_string())),
                        None => {}
                    }
                    add(session, found, &mut outcome);
                }
                for (resource, error) in reading.failures {
                    outcome.missed(&[RecordKind::Policy], &error, format!("{resource} was not read"))?;
                }
            }
            Err(error) => {
                outcome.missed(
                    &KINDS,
                    &error,
                    format!("{what} of account {} were not read", session.caller.account),
                )?;
            }
        }
    }
    Ok(outcome)
}

fn add(session: &Session, found: Found, outcome: &mut Outcome) {
    outcome.records.push(Record::Resource(Box::new(Resource {
        id: found.arn.clone(),
        kind: Some(found.kind.to_owned()),
        name: Some(found.name.clone()),
        parent: Some(session.caller.account.clone()),
        attributes: found.attributes,
        ..Resource::default()
    })));
    if let Some(policy) = found.policy.filter(|policy| !policy.is_empty()) {
        outcome.policy(NewPolicy {
            id: format!("{}/policy", found.arn),
            kind: PolicyKind::Resource,
            name: Some(found.name),
            version: None,
            targets: vec![found.arn.clone()],
            document: Some(&Document::Text(policy)),
            raw: Raw::Within(found.arn),
        });
    }
}

/// Asks for the policy of each resource, some at a time; one that cannot be read is a failure of its own.
async fn each<T, F>(session: &Session, reading: &mut Reading, list: Vec<T>, read: impl Fn(T) -> F)
where
    F: Future<Output = (Found, Option<ApiError>)>,
{
    let reads: Vec<_> = list.into_iter().map(read).collect();
    let mut answers = futures::stream::iter(reads).buffered(session.limits.concurrency);
    while let Some((found, error)) = answers.next().await {
        if let Some(error) = error {
            reading.failures.push((format!("policy of `{}`", found.arn), error));
        }
        reading.found.push(found);
    }
}

/// A found resource with the policy that was read, or with why it was not.
fn found(
    arn: String,
    kind: &'static str,
    name: String,
    policy: Result<Option<String>, ApiError>,
) -> (Found, Option<ApiError>) {
    let found = |policy| Found { arn, kind, name, policy, attributes: BTreeMap::new(), unread: None };
    match policy {
        Ok(policy) => (found(policy), None),
        Err(error) => (found(None), Some(error)),
    }
}

/// No such policy is no policy.
fn absent_is_none(answer: Result<Option<String>, ApiError>) -> Result<Option<String>, ApiError> {
    match answer {
        Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
        answer => answer,
    }
}

pub(super) fn parsed(call: &'static str, body: &[u8]) -> Result<Value, ApiError> {
    serde_json::from_slice(body).map_err(|error| ApiError::bad_answer(call, format!("the body is no JSON: {error}")))
}

pub(super) fn text(value: &Value, path: &str) -> Option<String> {
    value.pointer(path).and_then(Value::as_str).map(str::to_owned)
}

/// All pages of a list in the AWS JSON protocol. `token` turns the last token into the request; `next` names the token's
/// field and `list` that of the list.
pub(super) async fn json_list(
    service: &Service<'_>,
    call: &'static str,
    pages_read: &mut u64,
    request: impl Fn(Option<&str>) -> Request,
    (next, list): (&str, &str),
) -> Result<Vec<Value>, ApiError> {
    let mut all = Vec::new();
    let mut pages = Pages::of(call);
    let mut token: Option<String> = None;
    loop {
        let mut page = parsed(call, &service.send(&request(token.as_deref())).await?)?;
        *pages_read += 1;
        if let Some(Value::Array(found)) = page.get_mut(list) {
            all.append(found);
        }
        match pages.token(text(&page, &format!("/{next}")))? {
            Some(next) => token = Some(next),
            None => return Ok(all),
        }
    }
}

/// `body` with the token of the page before, under `name`.
pub(super) fn with_token(mut body: Value, name: &str, token: Option<&str>) -> Value {
    if let Some(token) = token {
        body[name] = json!(token);
    }
    body
}

async fn buckets(session: &Session, client: &reqwest::Client) -> Result<Reading, ApiError> {
    const LIST: &str = "s3:ListAllMyBuckets";
    let home = session.config.region().map_or("us-east-1", |region| region.as_ref()).to_owned();
    let service = Service::new(session, client, "s3", &home, LIST).await?;
    let mut reading = Reading::default();
    let mut list: Vec<(String, Option<String>)> = Vec::new();
    let mut pages = Pages::of(LIST);
    let mut token: Option<String> = None;
    loop {
        let from = token.map(|token| format!("continuation-token={}&", utf8_percent_encode(&token, SEGMENT)));
        let path = format!("/?{}max-buckets=1000", from.unwrap_or_default());
        let body = service.send(&Request::get(LIST, path)).await?;
        reading.pages += 1;
        let mut next = None;
        leaves(&String::from_utf8_lossy(&body), |path, text| match path {
            [.., "Bucket", "Name"] => list.push((text.to_owned(), None)),
            [.., "Bucket", "BucketRegion"] => {
                if let Some(last) = list.last_mut() {
                    last.1 = Some(text.to_owned());
                }
            }
            [.., "ContinuationToken"] => next = Some(text.to_owned()),
            _ => {}
        })
        .map_err(|problem| ApiError::bad_answer(LIST, problem))?;
        match pages.token(next)? {
            Some(next) => token = Some(next),
            None => break,
        }
    }
    if list.is_empty() {
        return Ok(reading);
    }
    let partition = &session.caller.partition;
    let of_account = account_block(session, client, &home).await;
    each(session, &mut reading, list, |(name, region)| {
        let (service, of_account) = (&service, &of_account);
        async move {
            let (policy, block, list) = match bucket_region(service, &name, region).await {
                Ok(region) => futures::join!(
                    bucket_policy(session, client, &name, &region),
                    bucket_block(session, client, &name, &region),
                    bucket_list(session, client, &name, &region)
                ),
                Err(error) => (Err(error.clone()), Err(error.clone()), Err(error)),
            };
            let (mut bucket, failure) = found(format!("arn:{partition}:s3:::{name}"), "s3:bucket", name, policy);
            match (of_account, block) {
                (Ok(of_account), Ok(block)) => bucket.attributes = of_account.or(block).attributes(),
                (Err(error), _) if failure.is_none() => bucket.unread = Some(error.clone()),
                (Ok(_), Err(error)) if failure.is_none() => bucket.unread = Some(error),
                (Err(_), _) | (_, Err(_)) => {}
            }
            // What a list may grant is as good as a policy: where it was not read, nobody can say that there is none.
            match list {
                Ok(list) => bucket.attributes.extend(list),
                Err(error) if failure.is_none() => return (bucket, Some(error)),
                Err(_) => {}
            }
            (bucket, failure)
        }
    })
    .await;
    Ok(reading)
}

/// What *Block Public Access* takes back, of a bucket or of a whole account; what either says, holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct PublicAccessBlock {
    /// `RestrictPublicBuckets`: a policy that is open to the world gives nothing outside the bucket's own account.
    restrict: bool,
    /// `IgnorePublicAcls`: ACLs that are open to the world give nothing.
    ignore_acls: bool,
}

impl PublicAccessBlock {
    fn or(self, other: Self) -> Self {
        Self { restrict: self.restrict || other.restrict, ignore_acls: self.ignore_acls || other.ignore_acls }
    }

    fn attributes(self) -> BTreeMap<String, String> {
        [("restrict-public-buckets", self.restrict), ("ignore-public-acls", self.ignore_acls)]
            .map(|(name, value)| (name.to_owned(), value.to_string()))
            .into()
    }

    /// From the answer; there is none where nothing was ever set, and then nothing is blocked.
    fn of(call: &'static str, answer: Result<bytes::Bytes, ApiError>) -> Result<Self, ApiError> {
        let body = match answer {
            Ok(body) => body,
            Err(error) if error.kind == ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(error),
        };
        let mut block = Self::default();
        leaves(&String::from_utf8_lossy(&body), |path, text| match path.last() {
            Some(&"RestrictPublicBuckets") => block.restrict = text.eq_ignore_ascii_case("true"),
            Some(&"IgnorePublicAcls") => block.ignore_acls = text.eq_ignore_ascii_case("true"),
            _ => {}
        })
        .map_err(|problem| ApiError::bad_answer(call, problem))?;
        Ok(block)
    }
}

async fn account_block(
    session: &Session,
    client: &reqwest::Client,
    region: &str,
) -> Result<PublicAccessBlock, ApiError> {
    const GET: &str = "s3:GetAccountPublicAccessBlock";
    let service = Service::control(session, client, region, GET).await?;
    let mut request = Request::get(GET, "/v20180820/configuration/publicAccessBlock");
    request.headers.push(("x-amz-account-id", session.caller.account.clone()));
    PublicAccessBlock::of(GET, service.send(&request).await)
}

async fn bucket_block(
    session: &Session,
    client: &reqwest::Client,
    name: &str,
    region: &str,
) -> Result<PublicAccessBlock, ApiError> {
    const GET: &str = "s3:GetBucketPublicAccessBlock";
    let bucket = utf8_percent_encode(name, SEGMENT);
    let there = Service::new(session, client, "s3", region, GET).await?;
    PublicAccessBlock::of(GET, there.send(&Request::get(GET, format!("/{bucket}?publicAccessBlock="))).await)
}

/// What the access control list of a bucket grants, as attributes: nothing where the owner enforces that lists do not count.
async fn bucket_list(
    session: &Session,
    client: &reqwest::Client,
    name: &str,
    region: &str,
) -> Result<BTreeMap<String, String>, ApiError> {
    const OWNERSHIP: &str = "s3:GetBucketOwnershipControls";
    const GET: &str = "s3:GetBucketAcl";
    let bucket = utf8_percent_encode(name, SEGMENT);
    let there = Service::new(session, client, "s3", region, OWNERSHIP).await?;
    let mut attributes = BTreeMap::new();
    let xml = |call, body: &[u8], lists: &[&str], leaves: &[&str]| {
        let found = rows(&String::from_utf8_lossy(body), lists, leaves);
        found.map(|(rows, _)| rows).map_err(|problem| ApiError::bad_answer(call, problem))
    };
    match there.send(&Request::get(OWNERSHIP, format!("/{bucket}?ownershipControls="))).await {
        Ok(body) => {
            let rules = xml(OWNERSHIP, &body, &["OwnershipControls"], &["ObjectOwnership"])?;
            let rule = rules.into_iter().find_map(|mut rule| rule.remove("ObjectOwnership"));
            let enforced = rule.as_deref() == Some("BucketOwnerEnforced");
            attributes.extend(rule.map(|rule| ("object-ownership".to_owned(), rule)));
            if enforced {
                return Ok(attributes);
            }
        }
        // Buckets that are older than the setting have none, and their lists count.
        Err(error) if error.kind == ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let body = there.send(&Request::get(GET, format!("/{bucket}?acl="))).await?;
    let lists = ["AccessControlPolicy", "AccessControlList"];
    let mut grants: Vec<Value> = Vec::new();
    for mut row in xml(GET, &body, &lists, &["Owner/ID", "Grantee/ID", "Grantee/URI", "Permission"])? {
        if let Some(owner) = row.remove("Owner/ID") {
            attributes.insert("acl-owner".to_owned(), owner);
        }
        if let Some(permission) = row.remove("Permission") {
            let to = row.remove("Grantee/ID").or_else(|| row.remove("Grantee/URI"));
            grants.push(json!({ "to": to, "permission": permission }));
        }
    }
    attributes.insert("acl".to_owned(), Value::Array(grants).to_string());
    Ok(attributes)
}

/// The region that a bucket is in: the list tells it, or the bucket does.
async fn bucket_region(home: &Service<'_>, name: &str, listed: Option<String>) -> Result<String, ApiError> {
    match listed {
        Some(region) => Ok(region),
        None => location(home, &utf8_percent_encode(name, SEGMENT).to_string()).await,
    }
}

async fn bucket_policy(
    session: &Session,
    client: &reqwest::Client,
    name: &str,
    region: &str,
) -> Result<Option<String>, ApiError> {
    const POLICY: &str = "s3:GetBucketPolicy";
    let bucket = utf8_percent_encode(name, SEGMENT);
    let there = Service::new(session, client, "s3", region, POLICY).await?;
    let answer = there.send(&Request::get(POLICY, format!("/{bucket}?policy="))).await;
    absent_is_none(answer.map(|body| Some(String::from_utf8_lossy(&body).into_owned())))
}

/// The region of a bucket, for endpoints whose list does not tell it.
async fn location(home: &Service<'_>, bucket: &str) -> Result<String, ApiError> {
    const LOCATION: &str = "s3:GetBucketLocation";
    let body = home.send(&Request::get(LOCATION, format!("/{bucket}?location="))).await?;
    let mut location = String::new();
    leaves(&String::from_utf8_lossy(&body), |_, text| text.clone_into(&mut location))
        .map_err(|problem| ApiError::bad_answer(LOCATION, problem))?;
    Ok(match location.as_str() {
        "" => "us-east-1".to_owned(),
        "EU" => "eu-west-1".to_owned(),
        _ => location,
    })
}

async fn keys(session: &Session, client: &reqwest::Client, region: &str) -> Result<Reading, ApiError> {
    const LIST: &str = "kms:ListKeys";
    const POLICY: &str = "kms:GetKeyPolicy";
    let service = Service::new(session, client, "kms", region, LIST).await?;
    let mut reading = Reading::default();
    let request = |token: Option<&str>| {
        Request::json(LIST, "1.1", "TrentService.ListKeys", &with_token(json!({"Limit": 1000}), "Marker", token))
    };
    let list = json_list(&service, LIST, &mut reading.pages, request, ("NextMarker", "Keys")).await?;
    each(session, &mut reading, list, |key| {
        let service = &service;
        async move {
            let id = text(&key, "/KeyId").unwrap_or_default();
            let arn = text(&key, "/KeyArn").unwrap_or_else(|| id.clone());
            let body = json!({"KeyId": id, "PolicyName": "default"});
            let answer = service.send(&Request::json(POLICY, "1.1", "TrentService.GetKeyPolicy", &body)).await;
            let policy = answer.and_then(|body| Ok(text(&parsed(POLICY, &body)?, "/Policy")));
            found(arn, "kms:key", id, absent_is_none(policy))
        }
    })
    .await;
    Ok(reading)
}

async fn queues(session: &Session, client: &reqwest::Client, region: &str) -> Result<Reading, ApiError> {
    const LIST: &str = "sqs:ListQueues";
    const ATTRIBUTES: &str = "sqs:GetQueueAttributes";
    let service = Service::new(session, client, "sqs", region, LIST).await?;
    let mut reading = Reading::default();
    let request = |token: Option<&str>| {
        Request::json(LIST, "1.0", "AmazonSQS.ListQueues", &with_token(json!({"MaxResults": 1000}), "NextToken", token))
    };
    let list = json_list(&service, LIST, &mut reading.pages, request, ("NextToken", "QueueUrls")).await?;
    let Session { caller, .. } = session;
    each(session, &mut reading, list, |url| {
        let service = &service;
        async move {
            let url = url.as_str().unwrap_or_default().to_owned();
            let name = url.rsplit('/').next().unwrap_or_default().to_owned();
            let body = json!({"QueueUrl": url, "AttributeNames": ["Policy"]});
            let answer = service.send(&Request::json(ATTRIBUTES, "1.0", "AmazonSQS.GetQueueAttributes", &body)).await;
            let policy = answer.and_then(|body| Ok(text(&parsed(ATTRIBUTES, &body)?, "/Attributes/Policy")));
            let arn = format!("arn:{}:sqs:{region}:{}:{name}", caller.partition, caller.account);
            found(arn, "sqs:queue", name, absent_is_none(policy))
        }
    })
    .await;
    Ok(reading)
}

async fn topics(session: &Session, client: &reqwest::Client, region: &str) -> Result<Reading, ApiError> {
    const LIST: &str = "sns:ListTopics";
    const ATTRIBUTES: &str = "sns:GetTopicAttributes";
    const VERSION: (&str, &str) = ("Version", "2010-03-31");
    let service = Service::new(session, client, "sns", region, LIST).await?;
    let mut reading = Reading::default();
    let mut list: Vec<String> = Vec::new();
    let mut pages = Pages::of(LIST);
    let mut token: Option<String> = None;
    loop {
        let mut parameters = vec![("Action", "ListTopics"), VERSION];
        parameters.extend(token.as_deref().map(|token| ("NextToken", token)));
        let body = service.send(&Request::form(LIST, &parameters)).await?;
        reading.pages += 1;
        let mut next = None;
        leaves(&String::from_utf8_lossy(&body), |path, text| match path.last() {
            Some(&"TopicArn") => list.push(text.to_owned()),
            Some(&"NextToken") => next = Some(text.to_owned()),
            _ => {}
        })
        .map_err(|problem| ApiError::bad_answer(LIST, problem))?;
        match pages.token(next)? {
            Some(next) => token = Some(next),
            None => break,
        }
    }
    each(session, &mut reading, list, |arn| {
        let service = &service;
        async move {
            let request = Request::form(ATTRIBUTES, &[("Action", "GetTopicAttributes"), VERSION, ("TopicArn", &arn)]);
            let policy = service.send(&request).await.and_then(|body| {
                let (mut key, mut policy) = (String::new(), None);
                leaves(&String::from_utf8_lossy(&body), |path, text| match path.last() {
                    Some(&"key") => text.clone_into(&mut key),
                    Some(&"value") if key == "Policy" => policy = Some(text.to_owned()),
                    _ => {}
                })
                .map_err(|problem| ApiError::bad_answer(ATTRIBUTES, problem))?;
                Ok(policy)
            });
            let name = arn.rsplit(':').next().unwrap_or_default().to_owned();
            found(arn, "sns:topic", name, absent_is_none(policy))
        }
    })
    .await;
    Ok(reading)
}

async fn functions(session: &Session, client: &reqwest::Client, region: &str) -> Result<Reading, ApiError> {
    const LIST: &str = "lambda:ListFunctions";
    const POLICY: &str = "lambda:GetPolicy";
    let service = Service::new(session, client, "lambda", region, LIST).await?;
    let mut reading = Reading::default();
    let request = |token: Option<&str>| {
        let marker = token.map(|token| format!("?Marker={}", utf8_percent_encode(token, SEGMENT))).unwrap_or_default();
        Request::get(LIST, format!("/2015-03-31/functions{marker}"))
    };
    let list = json_list(&service, LIST, &mut reading.pages, request, ("NextMarker", "Functions")).await?;
    each(session, &mut reading, list, |function| {
        let service = &service;
        async move {
            let name = text(&function, "/FunctionName").unwrap_or_default();
            let arn = text(&function, "/FunctionArn").unwrap_or_else(|| name.clone());
            let path = format!("/2015-03-31/functions/{}/policy", utf8_percent_encode(&name, SEGMENT));
            let answer = service.send(&Request::get(POLICY, path)).await;
            let policy = answer.and_then(|body| Ok(text(&parsed(POLICY, &body)?, "/Policy")));
            let (mut lambda, failure) = found(arn, "lambda:function", name, absent_is_none(policy));
            lambda.attributes = text(&function, "/Role").map(|role| ("role".to_owned(), role)).into_iter().collect();
            (lambda, failure)
        }
    })
    .await;
    Ok(reading)
}

async fn secrets(session: &Session, client: &reqwest::Client, region: &str) -> Result<Reading, ApiError> {
    const LIST: &str = "secretsmanager:ListSecrets";
    const POLICY: &str = "secretsmanager:GetResourcePolicy";
    let service = Service::new(session, client, "secretsmanager", region, LIST).await?;
    let mut reading = Reading::default();
    let request = |token: Option<&str>| {
        let body = with_token(json!({"MaxResults": 100}), "NextToken", token);
        Request::json(LIST, "1.1", "secretsmanager.ListSecrets", &body)
    };
    let list = json_list(&service, LIST, &mut reading.pages, request, ("NextToken", "SecretList")).await?;
    each(session, &mut reading, list, |secret| {
        let service = &service;
        async move {
            let name = text(&secret, "/Name").unwrap_or_default();
            let arn = text(&secret, "/ARN").unwrap_or_else(|| name.clone());
            let body = json!({"SecretId": arn});
            let answer = service.send(&Request::json(POLICY, "1.1", "secretsmanager.GetResourcePolicy", &body)).await;
            let policy = answer.and_then(|body| Ok(text(&parsed(POLICY, &body)?, "/ResourcePolicy")));
            found(arn, "secretsmanager:secret", name, absent_is_none(policy))
        }
    })
    .await;
    Ok(reading)
}

async fn endpoints(session: &Session, client: &reqwest::Client, region: &str) -> Result<Reading, ApiError> {
    const LIST: &str = "ec2:DescribeVpcEndpoints";
    let service = Service::new(session, client, "ec2", region, LIST).await?;
    let mut reading = Reading::default();
    let mut pages = Pages::of(LIST);
    let mut token: Option<String> = None;
    let Session { caller, .. } = session;
    loop {
        let mut parameters = vec![("Action", "DescribeVpcEndpoints"), ("Version", "2016-11-15")];
        parameters.extend(token.as_deref().map(|token| ("NextToken", token)));
        let body = service.send(&Request::form(LIST, &parameters)).await?;
        reading.pages += 1;
        let leaves = ["vpcEndpointId", "vpcId", "serviceName", "policyDocument"];
        let (found, next) = rows(&String::from_utf8_lossy(&body), &["vpcEndpointSet"], &leaves)
            .map_err(|problem| ApiError::bad_answer(LIST, problem))?;
        for mut row in found {
            let Some(id) = row.remove("vpcEndpointId") else { continue };
            let facts = [("vpc", row.remove("vpcId")), ("service", row.remove("serviceName"))];
            let facts = facts.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
            reading.found.push(Found {
                arn: format!("arn:{}:ec2:{region}:{}:vpc-endpoint/{id}", caller.partition, caller.account),
                kind: "ec2:vpc-endpoint",
                name: id,
                policy: row.remove("policyDocument"),
                attributes: facts.collect(),
                unread: None,
            });
        }
        match pages.token(next)? {
            Some(next) => token = Some(next),
            None => return Ok(reading),
        }
    }
}

/// One list call of every service, for `muster doctor`.
pub(super) async fn probe(
    session: &Session,
    client: &reqwest::Client,
    region: &str,
) -> Vec<(&'static str, Result<(), ApiError>)> {
    let requests: [(&'static str, Request); 7] = [
        ("s3", Request::get("s3:ListAllMyBuckets", "/?max-buckets=1")),
        ("kms", Request::json("kms:ListKeys", "1.1", "TrentService.ListKeys", &json!({"Limit": 1}))),
        ("sqs", Request::json("sqs:ListQueues", "1.0", "AmazonSQS.ListQueues", &json!({"MaxResults": 1}))),
        ("sns", Request::form("sns:ListTopics", &[("Action", "ListTopics"), ("Version", "2010-03-31")])),
        ("lambda", Request::get("lambda:ListFunctions", "/2015-03-31/functions?MaxItems=1")),
        (
            "ec2",
            Request::form("ec2:DescribeVpcEndpoints", &[("Action", "DescribeVpcEndpoints"), ("Version", "2016-11-15")]),
        ),
        (
            "secretsmanager",
            Request::json("secretsmanager:ListSecrets", "1.1", "secretsmanager.ListSecrets", &json!({"MaxResults": 1})),
        ),
    ];
    let tried = requests.into_iter().map(|(name, request)| async move {
        let answer = match Service::new(session, client, name, region, request.call).await {
            Ok(service) => service.send(&request).await.map(drop),
            Err(error) => Err(error),
        };
        (request.call, answer)
    });
    futures::future::join_all(tried).await
}
