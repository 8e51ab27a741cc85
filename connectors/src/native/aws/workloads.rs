//! What runs as which role in one region: instances, jobs, projects, stacks… Whoever may change one of them acts as its role.
//!
//! Only what decides that is read: ARN, name and role (attribute `role`, an ARN or a name) or instance profile (attribute
//! `instance-profile`, an ARN or a name). Functions are read with their policies, instance profiles with IAM.

use std::collections::BTreeMap;
use std::future::Future;

use futures::future::BoxFuture;
use futures::{StreamExt, TryStreamExt};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::outcome::{Outcome, Stopped};
use super::resource_policies::{json_list, parsed, text, with_token};
use super::session::{ApiError, Pages, Session};
use super::signed::{Request, Service, rows};
use crate::record::{Record, RecordKind, Resource};

/// What these scopes promise.
pub(super) const KINDS: [RecordKind; 1] = [RecordKind::Resource];

/// Names that one call describes.
const DESCRIBED: usize = 100;

/// Where to ask, and how far the reading has come.
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
}

impl Found {
    fn new(arn: String, kind: &'static str) -> Self {
        let name = arn.rsplit(['/', ':']).next().unwrap_or_default().to_owned();
        Self { arn, kind, name, attributes: BTreeMap::new() }
    }

    fn with(mut self, attribute: &str, value: Option<String>) -> Self {
        self.attributes.extend(value.filter(|value| !value.is_empty()).map(|value| (attribute.to_owned(), value)));
        self
    }

    fn role(self, role: Option<String>) -> Self {
        self.with("role", role)
    }
}

/// What reading one list will bring.
type Read<'a> = BoxFuture<'a, Result<Reading, ApiError>>;

/// Everything of a region, each service side by side; one that cannot be read is a gap that names its permission.
pub(super) fn regional<'a>(
    session: &'a Session,
    client: &'a reqwest::Client,
    region: &'a str,
) -> BoxFuture<'a, Result<Outcome, Stopped>> {
    Box::pin(everything(Region { session, client, name: region }))
}

async fn everything(here: Region<'_>) -> Result<Outcome, Stopped> {
    let Region { session, name: region, .. } = here;
    let here = &here;
    let readings: Vec<(&str, Read<'_>)> = vec![
        ("EC2 instances", Box::pin(here.instances())),
        ("EC2 launch templates", Box::pin(here.launch_templates())),
        ("Auto Scaling groups", Box::pin(here.scaling_groups())),
        ("CloudFormation stacks", Box::pin(here.stacks())),
        ("CloudFormation stack sets", Box::pin(here.stack_sets())),
        ("Elastic Beanstalk environments", Box::pin(here.environments())),
        ("CodeBuild projects", Box::pin(here.projects())),
        ("CodeDeploy deployment groups", Box::pin(here.deployment_groups())),
        ("ECS clusters, services and tasks", Box::pin(here.clusters())),
        ("ECS task definitions", Box::pin(here.task_definitions())),
        ("Batch job definitions", Box::pin(here.batch())),
        ("Glue development endpoints and jobs", Box::pin(here.glue())),
        ("SageMaker notebooks and user profiles", Box::pin(here.sagemaker())),
        ("Step Functions state machines", Box::pin(here.state_machines())),
        ("EventBridge schedules", Box::pin(here.schedules())),
        ("Cognito identity pools", Box::pin(here.identity_pools())),
        ("EMR clusters", Box::pin(here.emr())),
    ];
    let (whats, reads): (Vec<&str>, Vec<Read<'_>>) = readings.into_iter().unzip();
    let answers: Vec<Result<Reading, ApiError>> =
        futures::stream::iter(reads).buffered(session.limits.concurrency).collect().await;
    let mut outcome = Outcome::default();
    for (what, reading) in whats.into_iter().zip(answers) {
        match reading {
            Ok(reading) => {
                outcome.pages += reading.pages;
                outcome.records.extend(reading.found.into_iter().map(|found| record(session, found)));
            }
            Err(error) => {
                let account = &session.caller.account;
                let what = format!("{what} of account {account} in {region} were not read ({})", error.call);
                outcome.missed(&KINDS, &error, what)?;
            }
        }
    }
    Ok(outcome)
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

    fn arn(&self, service: &str, rest: &str) -> String {
        let caller = &self.session.caller;
        format!("arn:{}:{service}:{}:{}:{rest}", caller.partition, self.name, caller.account)
    }

    /// Some things described one by one, side by side, in order.
    async fn each<T, F>(&self, list: Vec<T>, read: impl Fn(T) -> F) -> Result<Vec<Found>, ApiError>
    where
        F: Future<Output = Result<Option<Found>, ApiError>>,
    {
        let reads: Vec<F> = list.into_iter().map(read).collect();
        let all: Vec<Option<Found>> =
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

    async fn instances(&self) -> Result<Reading, ApiError> {
        const LIST: &str = "ec2:DescribeInstances";
        let service = self.service("ec2", LIST).await?;
        let mut reading = Reading::default();
        let parameters = [("Action", "DescribeInstances"), EC2, ("MaxResults", "1000")];
        let leaves = ["instanceId", "iamInstanceProfile/arn", "instanceState/name"];
        let all =
            self.query_list(&service, LIST, &parameters, (&["instancesSet"], &leaves), &mut reading.pages).await?;
        for mut row in all {
            // A terminated instance is listed for an hour and runs nothing.
            let is_gone = row.get("instanceState/name").is_some_and(|state| state == "terminated");
            if let Some(id) = row.remove("instanceId").filter(|_| !is_gone) {
                let found = Found::new(self.arn("ec2", &format!("instance/{id}")), "ec2:instance");
                reading.found.push(found.with("instance-profile", row.remove("iamInstanceProfile/arn")));
            }
        }
        Ok(reading)
    }

    async fn launch_templates(&self) -> Result<Reading, ApiError> {
        const LIST: &str = "ec2:DescribeLaunchTemplates";
        const VERSIONS: &str = "ec2:DescribeLaunchTemplateVersions";
        let service = self.service("ec2", LIST).await?;
        let mut reading = Reading::default();
        let parameters = [("Action", "DescribeLaunchTemplates"), EC2];
        let list = (&["launchTemplates"][..], &["launchTemplateId"][..]);
        let ids = self.query_list(&service, LIST, &parameters, list, &mut reading.pages).await?;
        let ids: Vec<String> = ids.into_iter().filter_map(|mut row| row.remove("launchTemplateId")).collect();
        let service = &service;
        reading.found = self
            .each(ids, |id| async move {
                let parameters = [
                    ("Action", "DescribeLaunchTemplateVersions"),
                    EC2,
                    ("LaunchTemplateId", id.as_str()),
                    ("LaunchTemplateVersion.1", "$Default"),
                ];
                let leaves = ["iamInstanceProfile/arn", "iamInstanceProfile/name"];
                let list = (&["launchTemplateVersionSet"][..], &leaves[..]);
                let mut versions = self.query_list(service, VERSIONS, &parameters, list, &mut 0).await?;
                let profile = versions.first_mut().and_then(|row| {
                    row.remove("iamInstanceProfile/arn").or_else(|| row.remove("iamInstanceProfile/name"))
                });
                let found = Found::new(self.arn("ec2", &format!("launch-template/{id}")), "ec2:launch-template");
                Ok(Some(found.with("instance-profile", profile)))
            })
            .await?;
        Ok(reading)
    }

    async fn scaling_groups(&self) -> Result<Reading, ApiError> {
        const LIST: &str = "autoscaling:DescribeAutoScalingGroups";
        let service = self.service("autoscaling", LIST).await?;
        let mut reading = Reading::default();
        let parameters = [("Action", "DescribeAutoScalingGroups"), ("Version", "2011-01-01")];
        let list = (&["AutoScalingGroups"][..], &["AutoScalingGroupARN"][..]);
        let all = self.query_list(&service, LIST, &parameters, list, &mut reading.pages).await?;
        let arns = all.into_iter().filter_map(|mut row| row.remove("AutoScalingGroupARN"));
        reading.found = arns.map(|arn| Found::new(arn, "autoscaling:group")).collect();
        Ok(reading)
    }

    async fn stacks(&self) -> Result<Reading, ApiError> {
        const LIST: &str = "cloudformation:DescribeStacks";
        let service = self.service("cloudformation", LIST).await?;
        let mut reading = Reading::default();
        let parameters = [("Action", "DescribeStacks"), CLOUDFORMATION];
        let list = (&["Stacks"][..], &["StackId", "StackName", "RoleARN"][..]);
        let all = self.query_list(&service, LIST, &parameters, list, &mut reading.pages).await?;
        for mut row in all {
            let Some(arn) = row.remove("StackId") else { continue };
            let mut found = Found::new(arn, "cloudformation:stack").role(row.remove("RoleARN"));
            found.name = row.remove("StackName").unwrap_or(found.name);
            reading.found.push(found);
        }
        Ok(reading)
    }

    async fn stack_sets(&self) -> Result<Reading, ApiError> {
        const LIST: &str = "cloudformation:ListStackSets";
        let service = self.service("cloudformation", LIST).await?;
        let mut reading = Reading::default();
        let parameters = [("Action", "ListStackSets"), CLOUDFORMATION, ("Status", "ACTIVE")];
        let all =
            self.query_list(&service, LIST, &parameters, (&["Summaries"], &["StackSetId"]), &mut reading.pages).await?;
        let ids = all.into_iter().filter_map(|mut row| row.remove("StackSetId"));
        let arn = |id: String| self.arn("cloudformation", &format!("stackset/{id}"));
        reading.found = ids.map(|id| Found::new(arn(id), "cloudformation:stack-set")).collect();
        Ok(reading)
    }

    async fn environments(&self) -> Result<Reading, ApiError> {
        const LIST: &str = "elasticbeanstalk:DescribeEnvironments";
        const SETTINGS: &str = "elasticbeanstalk:DescribeConfigurationSettings";
        let service = self.service("elasticbeanstalk", LIST).await?;
        let mut reading = Reading::default();
        let parameters = [("Action", "DescribeEnvironments"), BEANSTALK, ("IncludeDeleted", "false")];
        let leaves = ["EnvironmentArn", "ApplicationName", "EnvironmentName"];
        let all =
            self.query_list(&service, LIST, &parameters, (&["Environments"], &leaves), &mut reading.pages).await?;
        let service = &service;
        reading.found = self
            .each(all, |mut row| async move {
                let (Some(application), Some(name)) = (row.remove("ApplicationName"), row.remove("EnvironmentName"))
                else {
                    return Ok(None);
                };
                let arn = row.remove("EnvironmentArn");
                let arn =
                    arn.unwrap_or_else(|| self.arn("elasticbeanstalk", &format!("environment/{application}/{name}")));
                let parameters = [
                    ("Action", "DescribeConfigurationSettings"),
                    BEANSTALK,
                    ("ApplicationName", application.as_str()),
                    ("EnvironmentName", name.as_str()),
                ];
                let list = (&["OptionSettings"][..], &["OptionName", "Value"][..]);
                let options = self.query_list(service, SETTINGS, &parameters, list, &mut 0).await?;
                let is_profile = |option: &BTreeMap<String, String>| {
                    option.get("OptionName").is_some_and(|name| name == "IamInstanceProfile")
                };
                let profile = options.into_iter().find(is_profile).and_then(|mut option| option.remove("Value"));
                Ok(Some(Found::new(arn, "elasticbeanstalk:environment").with("instance-profile", profile)))
            })
            .await?;
        Ok(reading)
    }

    async fn projects(&self) -> Result<Reading, ApiError> {
        const LIST: &str = "codebuild:ListProjects";
        const GET: &str = "codebuild:BatchGetProjects";
        let service = self.service("codebuild", LIST).await?;
        let mut reading = Reading::default();
        let target = ("1.1", "CodeBuild_20161006.ListProjects");
        let names =
            self.json_pages(&service, LIST, target, json!({}), ("nextToken", "projects"), &mut reading.pages).await?;
        for names in names.chunks(DESCRIBED) {
            let target = ("1.1", "CodeBuild_20161006.BatchGetProjects");
            let answer = self.json_one(&service, GET, target, &json!({ "names": names })).await?;
            let projects = answer.pointer("/projects").and_then(Value::as_array).into_iter().flatten();
            reading.found.extend(projects.filter_map(|project| {
                let found = Found::new(text(project, "/arn")?, "codebuild:project");
                Some(found.role(text(project, "/serviceRole")))
            }));
        }
        Ok(reading)
    }

    async fn deployment_groups(&self) -> Result<Reading, ApiError> {
        const LIST: &str = "codedeploy:ListApplications";
        const GROUPS: &str = "codedeploy:ListDeploymentGroups";
        const GET: &str = "codedeploy:GetDeploymentGroup";
        let service = self.service("codedeploy", LIST).await?;
        let mut reading = Reading::default();
        let target = ("1.1", "CodeDeploy_20141006.ListApplications");
        let applications = self
            .json_pages(&service, LIST, target, json!({}), ("nextToken", "applications"), &mut reading.pages)
            .await?;
        for application in applications {
            let target = ("1.1", "CodeDeploy_20141006.ListDeploymentGroups");
            let body = json!({ "applicationName": application });
            let fields = ("nextToken", "deploymentGroups");
            let groups = self.json_pages(&service, GROUPS, target, body, fields, &mut reading.pages).await?;
            let (service, application) = (&service, application.as_str().unwrap_or_default());
            let found = self.each(groups, |group| async move {
                let group = group.as_str().unwrap_or_default();
                let target = ("1.1", "CodeDeploy_20141006.GetDeploymentGroup");
                let body = json!({ "applicationName": application, "deploymentGroupName": group });
                let answer = self.json_one(service, GET, target, &body).await?;
                let arn = self.arn("codedeploy", &format!("deploymentgroup:{application}/{group}"));
                let role = text(&answer, "/deploymentGroupInfo/serviceRoleArn");
                Ok(Some(Found::new(arn, "codedeploy:deployment-group").role(role)))
            });
            reading.found.extend(found.await?);
        }
        Ok(reading)
    }

    async fn clusters(&self) -> Result<Reading, ApiError> {
        const LIST: &str = "ecs:ListClusters";
        const SERVICES: &str = "ecs:ListServices";
        const TASKS: &str = "ecs:ListTasks";
        const DESCRIBE: &str = "ecs:DescribeTasks";
        const DEFINITION: &str = "ecs:DescribeTaskDefinition";
        let service = self.service("ecs", LIST).await?;
        let mut reading = Reading::default();
        let pages = &mut reading.pages;
        let clusters = self.json_pages(
            &service,
            LIST,
            ("1.1", "AmazonEC2ContainerServiceV20141113.ListClusters"),
            json!({}),
            ("nextToken", "clusterArns"),
            pages,
        );
        let mut roles: BTreeMap<String, Option<String>> = BTreeMap::new();
        for cluster in clusters.await? {
            let Some(arn) = cluster.as_str() else { continue };
            reading.found.push(Found::new(arn.to_owned(), "ecs:cluster"));
            let body = json!({ "cluster": arn });
            let fields = ("nextToken", "serviceArns");
            let pages = &mut reading.pages;
            let services = self
                .json_pages(
                    &service,
                    SERVICES,
                    ("1.1", "AmazonEC2ContainerServiceV20141113.ListServices"),
                    body.clone(),
                    fields,
                    pages,
                )
                .await?;
            let arns = services.iter().filter_map(Value::as_str);
            reading.found.extend(arns.map(|arn| Found::new(arn.to_owned(), "ecs:service")));
            let fields = ("nextToken", "taskArns");
            let tasks = self
                .json_pages(
                    &service,
                    TASKS,
                    ("1.1", "AmazonEC2ContainerServiceV20141113.ListTasks"),
                    body,
                    fields,
                    pages,
                )
                .await?;
            for tasks in tasks.chunks(DESCRIBED) {
                let body = json!({ "cluster": arn, "tasks": tasks });
                let answer = self
                    .json_one(&service, DESCRIBE, ("1.1", "AmazonEC2ContainerServiceV20141113.DescribeTasks"), &body)
                    .await?;
                for task in answer.pointer("/tasks").and_then(Value::as_array).into_iter().flatten() {
                    let (Some(arn), Some(definition)) = (text(task, "/taskArn"), text(task, "/taskDefinitionArn"))
                    else {
                        continue;
                    };
                    let role = match (text(task, "/overrides/taskRoleArn"), roles.get(&definition)) {
                        (Some(role), _) => Some(role),
                        (None, Some(known)) => known.clone(),
                        (None, None) => {
                            let body = json!({ "taskDefinition": definition });
                            let target = ("1.1", "AmazonEC2ContainerServiceV20141113.DescribeTaskDefinition");
                            let answer = self.json_one(&service, DEFINITION, target, &body).await?;
                            let role = text(&answer, "/taskDefinition/taskRoleArn");
                            roles.insert(definition, role.clone());
                            role
                        }
                    };
                    reading.found.push(Found::new(arn, "ecs:task").role(role));
                }
            }
        }
        Ok(reading)
    }

    async fn task_definitions(&self) -> Result<Reading, ApiError> {
        const LIST: &str = "ecs:ListTaskDefinitions";
        let service = self.service("ecs", LIST).await?;
        let mut reading = Reading::default();
        let (body, fields) = (json!({ "status": "ACTIVE" }), ("nextToken", "taskDefinitionArns"));
        let target = ("1.1", "AmazonEC2ContainerServiceV20141113.ListTaskDefinitions");
        let arns = self.json_pages(&service, LIST, target, body, fields, &mut reading.pages).await?;
        let arns = arns.iter().filter_map(Value::as_str);
        reading.found = arns.map(|arn| Found::new(arn.to_owned(), "ecs:task-definition")).collect();
        Ok(reading)
    }

    /// All pages of a list of Batch: its operations are paths.
    async fn batch_list(
        &self,
        service: &Service<'_>,
        call: &'static str,
        (path, list): (&str, &str),
        body: &Value,
        pages: &mut u64,
    ) -> Result<Vec<Value>, ApiError> {
        let request = |token: Option<&str>| {
            let headers = vec![("content-type", "application/json".to_owned())];
            let body = with_token(body.clone(), "nextToken", token).to_string();
            Request { call, method: http::Method::POST, path: path.to_owned(), headers, body }
        };
        json_list(service, call, pages, request, ("nextToken", list)).await
    }

    async fn batch(&self) -> Result<Reading, ApiError> {
        const DEFINITIONS: &str = "batch:DescribeJobDefinitions";
        const QUEUES: &str = "batch:DescribeJobQueues";
        let service = self.service("batch", DEFINITIONS).await?;
        let mut reading = Reading::default();
        let path = ("/v1/describejobdefinitions", "jobDefinitions");
        let body = json!({ "status": "ACTIVE" });
        for one in self.batch_list(&service, DEFINITIONS, path, &body, &mut reading.pages).await? {
            if let Some(arn) = text(&one, "/jobDefinitionArn") {
                let role = text(&one, "/containerProperties/jobRoleArn");
                reading.found.push(Found::new(arn, "batch:job-definition").role(role));
            }
        }
        let path = ("/v1/describejobqueues", "jobQueues");
        let queues = self.batch_list(&service, QUEUES, path, &json!({}), &mut reading.pages).await?;
        let arns = queues.iter().filter_map(|one| text(one, "/jobQueueArn"));
        reading.found.extend(arns.map(|arn| Found::new(arn, "batch:job-queue")));
        Ok(reading)
    }

    async fn glue(&self) -> Result<Reading, ApiError> {
        const ENDPOINTS: &str = "glue:GetDevEndpoints";
        const JOBS: &str = "glue:GetJobs";
        let service = self.service("glue", ENDPOINTS).await?;
        let mut reading = Reading::default();
        let pages = &mut reading.pages;
        let target = ("1.1", "AWSGlue.GetDevEndpoints");
        let fields = ("NextToken", "DevEndpoints");
        let endpoints = self.json_pages(&service, ENDPOINTS, target, json!({}), fields, pages).await?;
        let jobs = self.json_pages(&service, JOBS, ("1.1", "AWSGlue.GetJobs"), json!({}), ("NextToken", "Jobs"), pages);
        let jobs = jobs.await?;
        let endpoints = endpoints.iter().filter_map(|one| {
            let arn = self.arn("glue", &format!("devEndpoint/{}", text(one, "/EndpointName")?));
            Some(Found::new(arn, "glue:dev-endpoint").role(text(one, "/RoleArn")))
        });
        let jobs = jobs.iter().filter_map(|one| {
            let arn = self.arn("glue", &format!("job/{}", text(one, "/Name")?));
            Some(Found::new(arn, "glue:job").role(text(one, "/Role")))
        });
        reading.found = endpoints.chain(jobs).collect();
        Ok(reading)
    }

    async fn sagemaker(&self) -> Result<Reading, ApiError> {
        const NOTEBOOKS: &str = "sagemaker:ListNotebookInstances";
        const NOTEBOOK: &str = "sagemaker:DescribeNotebookInstance";
        const DOMAINS: &str = "sagemaker:ListDomains";
        const PROFILES: &str = "sagemaker:ListUserProfiles";
        const PROFILE: &str = "sagemaker:DescribeUserProfile";
        const DOMAIN: &str = "sagemaker:DescribeDomain";
        let service = self.service("sagemaker", NOTEBOOKS).await?;
        let mut reading = Reading::default();
        let pages = &mut reading.pages;
        let target = ("1.1", "SageMaker.ListNotebookInstances");
        let fields = ("NextToken", "NotebookInstances");
        let notebooks = self.json_pages(&service, NOTEBOOKS, target, json!({}), fields, pages).await?;
        let target = ("1.1", "SageMaker.ListDomains");
        let domains = self.json_pages(&service, DOMAINS, target, json!({}), ("NextToken", "Domains"), pages).await?;
        let mut profiles = Vec::new();
        for domain in &domains {
            let target = ("1.1", "SageMaker.ListUserProfiles");
            let body = json!({ "DomainIdEquals": text(domain, "/DomainId") });
            let fields = ("NextToken", "UserProfiles");
            profiles.extend(self.json_pages(&service, PROFILES, target, body, fields, pages).await?);
        }
        let service = &service;
        let found = self.each(notebooks, |notebook| async move {
            let Some(arn) = text(&notebook, "/NotebookInstanceArn") else { return Ok(None) };
            let body = json!({ "NotebookInstanceName": text(&notebook, "/NotebookInstanceName") });
            let target = ("1.1", "SageMaker.DescribeNotebookInstance");
            let answer = self.json_one(service, NOTEBOOK, target, &body).await?;
            Ok(Some(Found::new(arn, "sagemaker:notebook-instance").role(text(&answer, "/RoleArn"))))
        });
        reading.found = found.await?;
        let found = self.each(profiles, |profile| async move {
            let domain = text(&profile, "/DomainId").unwrap_or_default();
            let name = text(&profile, "/UserProfileName").unwrap_or_default();
            let body = json!({ "DomainId": domain, "UserProfileName": name });
            let target = ("1.1", "SageMaker.DescribeUserProfile");
            let answer = self.json_one(service, PROFILE, target, &body).await?;
            let mut role = text(&answer, "/UserSettings/ExecutionRole");
            if role.is_none() {
                let target = ("1.1", "SageMaker.DescribeDomain");
                let answer = self.json_one(service, DOMAIN, target, &json!({ "DomainId": domain })).await?;
                role = text(&answer, "/DefaultUserSettings/ExecutionRole");
            }
            let arn = self.arn("sagemaker", &format!("user-profile/{domain}/{name}"));
            Ok(Some(Found::new(arn, "sagemaker:user-profile").role(role)))
        });
        reading.found.extend(found.await?);
        Ok(reading)
    }

    async fn state_machines(&self) -> Result<Reading, ApiError> {
        const LIST: &str = "states:ListStateMachines";
        const GET: &str = "states:DescribeStateMachine";
        let service = self.service("states", LIST).await?;
        let mut reading = Reading::default();
        let target = ("1.0", "AWSStepFunctions.ListStateMachines");
        let fields = ("nextToken", "stateMachines");
        let list = self.json_pages(&service, LIST, target, json!({}), fields, &mut reading.pages).await?;
        let service = &service;
        let found = self.each(list, |machine| async move {
            let Some(arn) = text(&machine, "/stateMachineArn") else { return Ok(None) };
            let target = ("1.0", "AWSStepFunctions.DescribeStateMachine");
            let answer = self.json_one(service, GET, target, &json!({ "stateMachineArn": arn })).await?;
            Ok(Some(Found::new(arn, "states:state-machine").role(text(&answer, "/roleArn"))))
        });
        reading.found = found.await?;
        Ok(reading)
    }

    async fn schedules(&self) -> Result<Reading, ApiError> {
        const LIST: &str = "scheduler:ListSchedules";
        let service = self.service("scheduler", LIST).await?;
        let mut reading = Reading::default();
        let request = |token: Option<&str>| {
            let token = token.map(|token| format!("?NextToken={}", utf8_percent_encode(token, NON_ALPHANUMERIC)));
            Request::get(LIST, format!("/schedules{}", token.unwrap_or_default()))
        };
        let list = json_list(&service, LIST, &mut reading.pages, request, ("NextToken", "Schedules")).await?;
        let arns = list.iter().filter_map(|one| text(one, "/Arn"));
        reading.found = arns.map(|arn| Found::new(arn, "scheduler:schedule")).collect();
        Ok(reading)
    }

    async fn identity_pools(&self) -> Result<Reading, ApiError> {
        const LIST: &str = "cognito-identity:ListIdentityPools";
        let service = self.service("cognito-identity", LIST).await?;
        let mut reading = Reading::default();
        let target = ("1.1", "AWSCognitoIdentityService.ListIdentityPools");
        let (body, fields) = (json!({ "MaxResults": 60 }), ("NextToken", "IdentityPools"));
        let list = self.json_pages(&service, LIST, target, body, fields, &mut reading.pages).await?;
        let ids = list.iter().filter_map(|one| text(one, "/IdentityPoolId"));
        let arn = |id: String| self.arn("cognito-identity", &format!("identitypool/{id}"));
        reading.found = ids.map(|id| Found::new(arn(id), "cognito-identity:pool")).collect();
        Ok(reading)
    }

    async fn emr(&self) -> Result<Reading, ApiError> {
        const LIST: &str = "elasticmapreduce:ListClusters";
        const GET: &str = "elasticmapreduce:DescribeCluster";
        let service = self.service("elasticmapreduce", LIST).await?;
        let mut reading = Reading::default();
        let target = ("1.1", "ElasticMapReduce.ListClusters");
        let body = json!({ "ClusterStates": ["STARTING", "BOOTSTRAPPING", "RUNNING", "WAITING"] });
        let list = self.json_pages(&service, LIST, target, body, ("Marker", "Clusters"), &mut reading.pages).await?;
        let service = &service;
        let found = self.each(list, |cluster| async move {
            let Some(id) = text(&cluster, "/Id") else { return Ok(None) };
            let target = ("1.1", "ElasticMapReduce.DescribeCluster");
            let answer = self.json_one(service, GET, target, &json!({ "ClusterId": id })).await?;
            let profile = text(&answer, "/Cluster/Ec2InstanceAttributes/IamInstanceProfile");
            let arn = self.arn("elasticmapreduce", &format!("cluster/{id}"));
            Ok(Some(Found::new(arn, "emr:cluster").with("instance-profile", profile)))
        });
        reading.found = found.await?;
        Ok(reading)
    }
}

const EC2: (&str, &str) = ("Version", "2016-11-15");
const CLOUDFORMATION: (&str, &str) = ("Version", "2010-05-15");
const BEANSTALK: (&str, &str) = ("Version", "2010-12-01");
