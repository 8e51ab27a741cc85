//! What runs as which role in one region: instances, jobs, projects, stacks… Whoever may change one of them acts as its role.
//!
//! Only what decides that is read: ARN, name and role (attribute `role`, an ARN or a name) or instance profile (attribute
//! `instance-profile`, an ARN or a name); of several the attribute holds all, separated by spaces. Functions are read with their policies,
//! instance profiles with IAM.
//!
//! The region itself is a resource as well (kind `aws:region`, id `<account>/<region>`): its attributes say of each service that not every
//! region has whether it is `offered` and was looked for, or `not-offered`. Without such an attribute nobody looked.

mod compute;
mod containers;
mod data;
mod delivery;
mod offered;
mod tried;
mod workflows;

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;

use futures::future::BoxFuture;
use futures::{StreamExt, TryStreamExt};
use serde_json::Value;

use self::delivery::Targets;
use self::offered::Offered;
pub(super) use self::tried::{Tried, tried};
use super::outcome::{Outcome, Stopped};
use super::resource_policies::{json_list, parsed, with_token};
use super::session::{ApiError, Pages, Session};
use super::signed::{Request, Service, rows};
use crate::record::{Record, RecordKind, Resource};

/// What these scopes promise.
pub(super) const KINDS: [RecordKind; 1] = [RecordKind::Resource];

/// Names that one call describes.
const DESCRIBED: usize = 100;

/// Where to ask.
#[derive(Clone, Copy)]
struct Region<'a> {
    session: &'a Session,
    client: &'a reqwest::Client,
    name: &'a str,
}

/// What one list brought.
#[derive(Debug, Default)]
struct Reading {
    found: Vec<Found>,
    pages: u64,
}

#[derive(Debug)]
struct Found {
    arn: String,
    kind: &'static str,
    name: String,
    attributes: BTreeMap<String, String>,
    /// Tags of an instance.
    tags: Vec<(String, String)>,
    /// The instances that a deployment group deploys to, and as whose roles its code runs.
    deploys_to: Option<Targets>,
}

impl Found {
    fn new(arn: String, kind: &'static str) -> Self {
        let name = arn.rsplit(['/', ':']).next().unwrap_or_default().to_owned();
        Self { arn, kind, name, attributes: BTreeMap::new(), tags: Vec::new(), deploys_to: None }
    }

    fn with(mut self, attribute: &str, value: Option<String>) -> Self {
        self.attributes.extend(value.filter(|value| !value.is_empty()).map(|value| (attribute.to_owned(), value)));
        self
    }

    fn role(self, role: Option<String>) -> Self {
        self.with("role", role)
    }

    /// Several roles or instance profiles, each once.
    fn runs_as(self, attribute: &str, all: impl Iterator<Item = String>) -> Self {
        let all: BTreeSet<String> = all.filter(|one| !one.is_empty()).collect();
        self.with(attribute, Some(all.into_iter().collect::<Vec<_>>().join(" ")))
    }
}

/// What reading one list will bring.
type Read<'a> = BoxFuture<'a, Result<Reading, ApiError>>;

/// Which services are offered in which of `regions`, asked once for an account.
pub(super) struct Offers(Result<Offered, ApiError>);

impl Offers {
    /// What cannot be read is a gap of every region, when [`regional`] comes to it.
    pub(super) async fn of(session: &Session, client: &reqwest::Client, regions: &[String]) -> Self {
        Self(offered::read(session, client, regions).await)
    }
}

/// Everything of a region, each list beside the others; one that cannot be read is a gap that names its permission.
pub(super) fn regional<'a>(
    session: &'a Session,
    client: &'a reqwest::Client,
    region: &'a str,
    offers: &'a Offers,
) -> BoxFuture<'a, Result<Outcome, Stopped>> {
    Box::pin(everything(Region { session, client, name: region }, offers))
}

async fn everything(here: Region<'_>, offers: &Offers) -> Result<Outcome, Stopped> {
    let Region { session, name: region, .. } = here;
    let account = &session.caller.account;
    let here = &here;
    let mut readings: Vec<(&str, Read<'_>)> = vec![
        ("EC2 instances", Box::pin(here.instances())),
        ("EC2 launch templates", Box::pin(here.launch_templates())),
        ("Auto Scaling groups", Box::pin(here.scaling_groups())),
        ("CloudFormation stacks", Box::pin(here.stacks())),
        ("CloudFormation stack sets", Box::pin(here.stack_sets())),
        ("Elastic Beanstalk environments", Box::pin(here.environments())),
        ("CodeBuild projects", Box::pin(here.projects())),
        ("CodeDeploy deployment groups", Box::pin(here.deployment_groups())),
        ("ECS clusters", Box::pin(here.clusters())),
        ("ECS services", Box::pin(here.container_services())),
        ("ECS tasks", Box::pin(here.tasks())),
        ("ECS task definitions", Box::pin(here.task_definitions())),
        ("Batch job definitions", Box::pin(here.job_definitions())),
        ("Batch job queues", Box::pin(here.job_queues())),
        ("Glue development endpoints", Box::pin(here.dev_endpoints())),
        ("Glue jobs", Box::pin(here.glue_jobs())),
        ("SageMaker notebooks", Box::pin(here.notebooks())),
        ("SageMaker user profiles", Box::pin(here.user_profiles())),
        ("Step Functions state machines", Box::pin(here.state_machines())),
        ("EventBridge schedules", Box::pin(here.schedules())),
        ("Cognito identity pools", Box::pin(here.identity_pools())),
        ("EMR clusters", Box::pin(here.emr())),
    ];
    let mut outcome = Outcome::default();
    let services = match &offers.0 {
        Ok(Offered::In(regions)) if regions.contains_key(region) => regions.get(region).copied(),
        Ok(Offered::In(_)) => {
            let error = offered::unknown(region);
            outcome.missed(&KINDS, &error, unoffered(account, region, &error))?;
            None
        }
        Ok(Offered::Unpublished) => None,
        Err(error) => {
            outcome.missed(&KINDS, error, unoffered(account, region, error))?;
            None
        }
    };
    if let Some([has_web_services, has_agents]) = services {
        if has_web_services {
            readings.push(("App Runner services", Box::pin(here.web_services())));
        }
        if has_agents {
            readings.push(("Bedrock AgentCore code interpreters", Box::pin(here.code_interpreters())));
            readings.push(("Bedrock AgentCore browsers", Box::pin(here.browsers())));
            readings.push(("Bedrock AgentCore runtimes", Box::pin(here.runtimes())));
        }
    }
    let (whats, reads): (Vec<&str>, Vec<Read<'_>>) = readings.into_iter().unzip();
    let answers: Vec<Result<Reading, ApiError>> =
        futures::stream::iter(reads).buffered(session.limits.concurrency).collect().await;
    let mut found = Vec::new();
    for (what, reading) in whats.into_iter().zip(answers) {
        match reading {
            Ok(reading) => {
                outcome.pages += reading.pages;
                found.extend(reading.found);
            }
            Err(error) => {
                let what = format!("{what} of account {account} in {region} were not read ({})", error.call);
                outcome.missed(&KINDS, &error, what)?;
            }
        }
    }
    outcome.records.extend(deployed(found).into_iter().map(|found| record(session, found)));
    outcome.records.push(of_region(account, region, services));
    Ok(outcome)
}

fn unoffered(account: &str, region: &str, error: &ApiError) -> String {
    format!(
        "App Runner and Bedrock AgentCore of account {account} in {region} were not looked for: whether they are offered there was not \
         read ({})",
        error.call
    )
}

/// Deployment groups with the instance profiles of the instances that they deploy to.
fn deployed(found: Vec<Found>) -> Vec<Found> {
    let profiles: Vec<(Vec<(String, String)>, String)> = found
        .iter()
        .filter_map(|instance| Some((instance.tags.clone(), instance.attributes.get("instance-profile")?.clone())))
        .collect();
    let with_roles = |mut group: Found| match group.deploys_to.take() {
        Some(targets) => {
            let to = profiles.iter().filter(|(tags, _)| targets.contain(tags)).map(|(_, profile)| profile.clone());
            group.runs_as("instance-profile", to)
        }
        None => group,
    };
    found.into_iter().map(with_roles).collect()
}

fn of_region(account: &str, region: &str, services: Option<[bool; 2]>) -> Record {
    let word = |is_offered: bool| if is_offered { "offered" } else { "not-offered" };
    let services = services.into_iter().flat_map(|services| offered::SERVICES.into_iter().zip(services));
    Record::Resource(Box::new(Resource {
        id: format!("{account}/{region}"),
        kind: Some("aws:region".to_owned()),
        name: Some(region.to_owned()),
        parent: Some(account.to_owned()),
        attributes: services.map(|(service, is_offered)| (service.to_owned(), word(is_offered).to_owned())).collect(),
        ..Resource::default()
    }))
}

fn record(session: &Session, found: Found) -> Record {
    Record::Resource(Box::new(Resource {
        id: found.arn,
        kind: Some(found.kind.to_owned()),
        name: Some(found.name),
        parent: Some(session.caller.account.clone()),
        attributes: found.attributes,
        ..Resource::default()
    }))
}

impl Region<'_> {
    async fn service(&self, name: &'static str, call: &'static str) -> Result<Service<'_>, ApiError> {
        Service::new(self.session, self.client, name, self.name, call).await
    }

    /// A service whose host is not named like its signature.
    async fn service_at(
        &self,
        (host, name): (&'static str, &'static str),
        call: &'static str,
    ) -> Result<Service<'_>, ApiError> {
        Ok(self.service(name, call).await?.at(host))
    }

    fn arn(&self, service: &str, rest: &str) -> String {
        let caller = &self.session.caller;
        format!("arn:{}:{service}:{}:{}:{rest}", caller.partition, self.name, caller.account)
    }

    /// Some things described one by one, side by side, in order.
    async fn each<T, R, F>(&self, list: Vec<T>, read: impl Fn(T) -> F) -> Result<Vec<R>, ApiError>
    where
        F: Future<Output = Result<Option<R>, ApiError>>,
    {
        let reads: Vec<F> = list.into_iter().map(read).collect();
        let all: Vec<Option<R>> =
            futures::stream::iter(reads).buffered(self.session.limits.concurrency).try_collect().await?;
        Ok(all.into_iter().flatten().collect())
    }

    /// All pages of a list in the query protocol: of each element below one of `lists`, the texts of `leaves`.
    async fn query_list(
        &self,
        service: &Service<'_>,
        call: &'static str,
        parameters: &[(&str, &str)],
        (lists, leaves): (&[&str], &[&str]),
        pages_read: &mut u64,
    ) -> Result<Vec<BTreeMap<String, String>>, ApiError> {
        let mut all = Vec::new();
        let mut pages = Pages::of(call);
        let mut token: Option<String> = None;
        loop {
            let next = token.as_deref().map(|token| ("NextToken", token));
            let form: Vec<(&str, &str)> = parameters.iter().copied().chain(next).collect();
            let body = service.send(&Request::form(call, &form)).await?;
            *pages_read += 1;
            let (found, next) = rows(&String::from_utf8_lossy(&body), lists, leaves)
                .map_err(|problem| ApiError::bad_answer(call, problem))?;
            all.extend(found);
            match pages.token(next)? {
                Some(next) => token = Some(next),
                None => return Ok(all),
            }
        }
    }

    /// All pages of a list in the AWS JSON protocol.
    async fn json_pages(
        &self,
        service: &Service<'_>,
        call: &'static str,
        (version, target): (&str, &str),
        body: Value,
        fields: (&str, &str),
        pages: &mut u64,
    ) -> Result<Vec<Value>, ApiError> {
        let request =
            |token: Option<&str>| Request::json(call, version, target, &with_token(body.clone(), fields.0, token));
        json_list(service, call, pages, request, fields).await
    }

    async fn json_one(
        &self,
        service: &Service<'_>,
        call: &'static str,
        (version, target): (&str, &str),
        body: &Value,
    ) -> Result<Value, ApiError> {
        parsed(call, &service.send(&Request::json(call, version, target, body)).await?)
    }
}
