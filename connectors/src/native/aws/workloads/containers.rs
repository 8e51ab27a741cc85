//! What runs in containers: ECS, Batch, App Runner.

use std::collections::{BTreeMap, BTreeSet};

use http::Method;
use serde_json::{Value, json};

use super::super::resource_policies::{json_list, text, with_token};
use super::super::session::ApiError;
use super::super::signed::{Request, Service};
use super::{DESCRIBED, Found, Reading, Region};

const CLUSTERS: &str = "ecs:ListClusters";

impl Region<'_> {
    pub(super) async fn clusters(&self) -> Result<Reading, ApiError> {
        let service = self.service("ecs", CLUSTERS).await?;
        let mut reading = Reading::default();
        let arns = self.cluster_arns(&service, &mut reading.pages).await?;
        reading.found = arns.into_iter().map(|arn| Found::new(arn, "ecs:cluster")).collect();
        Ok(reading)
    }

    async fn cluster_arns(&self, service: &Service<'_>, pages: &mut u64) -> Result<Vec<String>, ApiError> {
        self.ecs_list(service, CLUSTERS, json!({}), "clusterArns", pages).await
    }

    /// All pages of one of ECS' lists, which are lists of ARNs.
    async fn ecs_list(
        &self,
        service: &Service<'_>,
        call: &'static str,
        body: Value,
        list: &str,
        pages: &mut u64,
    ) -> Result<Vec<String>, ApiError> {
        let target = ecs(call);
        let all = self.json_pages(service, call, ("1.1", &target), body, ("nextToken", list), pages).await?;
        Ok(all.iter().filter_map(Value::as_str).map(str::to_owned).collect())
    }

    pub(super) async fn container_services(&self) -> Result<Reading, ApiError> {
        const LIST: &str = "ecs:ListServices";
        let service = self.service("ecs", LIST).await?;
        let mut reading = Reading::default();
        for cluster in self.cluster_arns(&service, &mut reading.pages).await? {
            let body = json!({ "cluster": cluster });
            let arns = self.ecs_list(&service, LIST, body, "serviceArns", &mut reading.pages).await?;
            reading.found.extend(arns.into_iter().map(|arn| Found::new(arn, "ecs:service")));
        }
        Ok(reading)
    }

    /// A task runs as the role that it was started with, or else as that of its definition.
    pub(super) async fn tasks(&self) -> Result<Reading, ApiError> {
        const LIST: &str = "ecs:ListTasks";
        const GET: &str = "ecs:DescribeTasks";
        let service = self.service("ecs", LIST).await?;
        let mut reading = Reading::default();
        let mut running: Vec<(String, String, Option<String>)> = Vec::new();
        for cluster in self.cluster_arns(&service, &mut reading.pages).await? {
            let body = json!({ "cluster": cluster });
            let tasks = self.ecs_list(&service, LIST, body, "taskArns", &mut reading.pages).await?;
            for tasks in tasks.chunks(DESCRIBED) {
                let body = json!({ "cluster": cluster, "tasks": tasks });
                let answer = self.json_one(&service, GET, ("1.1", &ecs(GET)), &body).await?;
                let all = answer.pointer("/tasks").and_then(Value::as_array).into_iter().flatten();
                running.extend(all.filter_map(|task| {
                    let own = text(task, "/overrides/taskRoleArn").filter(|role| !role.is_empty());
                    Some((text(task, "/taskArn")?, text(task, "/taskDefinitionArn")?, own))
                }));
            }
        }
        let undecided = running.iter().filter(|(_, _, own)| own.is_none()).map(|(_, definition, _)| definition);
        let definitions: BTreeSet<String> = undecided.cloned().collect();
        let roles = self.task_roles(&service, definitions).await?;
        reading.found.extend(running.into_iter().map(|(arn, definition, own)| {
            let role = own.or_else(|| roles.get(&definition).cloned().flatten());
            Found::new(arn, "ecs:task").role(role)
        }));
        Ok(reading)
    }

    async fn task_roles(
        &self,
        service: &Service<'_>,
        definitions: BTreeSet<String>,
    ) -> Result<BTreeMap<String, Option<String>>, ApiError> {
        const GET: &str = "ecs:DescribeTaskDefinition";
        let found = self.each(definitions.into_iter().collect(), |definition| async move {
            let body = json!({ "taskDefinition": definition });
            let answer = self.json_one(service, GET, ("1.1", &ecs(GET)), &body).await?;
            Ok(Some((definition, text(&answer, "/taskDefinition/taskRoleArn"))))
        });
        Ok(found.await?.into_iter().collect())
    }

    pub(super) async fn task_definitions(&self) -> Result<Reading, ApiError> {
        const LIST: &str = "ecs:ListTaskDefinitions";
        let service = self.service("ecs", LIST).await?;
        let mut reading = Reading::default();
        let body = json!({ "status": "ACTIVE" });
        let arns = self.ecs_list(&service, LIST, body, "taskDefinitionArns", &mut reading.pages).await?;
        reading.found = arns.into_iter().map(|arn| Found::new(arn, "ecs:task-definition")).collect();
        Ok(reading)
    }

    /// All pages of a list of Batch: its operations are paths.
    async fn batch_list(
        &self,
        call: &'static str,
        (path, list): (&str, &str),
        body: &Value,
        pages: &mut u64,
    ) -> Result<Vec<Value>, ApiError> {
        let service = self.service("batch", call).await?;
        let request = |token: Option<&str>| {
            let headers = vec![("content-type", "application/json".to_owned())];
            let body = with_token(body.clone(), "nextToken", token).to_string();
            Request { call, method: Method::POST, path: path.to_owned(), headers, body }
        };
        json_list(&service, call, pages, request, ("nextToken", list)).await
    }

    /// A job's containers may run as several roles: those of a job of many nodes, and those of its ECS tasks.
    pub(super) async fn job_definitions(&self) -> Result<Reading, ApiError> {
        const LIST: &str = "batch:DescribeJobDefinitions";
        let mut reading = Reading::default();
        let (list, body) = (("/v1/describejobdefinitions", "jobDefinitions"), json!({ "status": "ACTIVE" }));
        let all = self.batch_list(LIST, list, &body, &mut reading.pages).await?;
        let found = all.iter().filter_map(|one| {
            let found = Found::new(text(one, "/jobDefinitionArn")?, "batch:job-definition");
            let nodes = elements(one, "/nodeProperties/nodeRangeProperties");
            let of_containers = [text(one, "/containerProperties/jobRoleArn")]
                .into_iter()
                .chain(nodes.map(|node| text(node, "/container/jobRoleArn")));
            let nodes = elements(one, "/nodeProperties/nodeRangeProperties");
            let tasks = [one].into_iter().chain(nodes).flat_map(|of| elements(of, "/ecsProperties/taskProperties"));
            let roles = of_containers.chain(tasks.map(|task| text(task, "/taskRoleArn")));
            Some(found.runs_as("role", roles.flatten()))
        });
        reading.found = found.collect();
        Ok(reading)
    }

    pub(super) async fn job_queues(&self) -> Result<Reading, ApiError> {
        const LIST: &str = "batch:DescribeJobQueues";
        let mut reading = Reading::default();
        let list = ("/v1/describejobqueues", "jobQueues");
        let all = self.batch_list(LIST, list, &json!({}), &mut reading.pages).await?;
        let arns = all.iter().filter_map(|one| text(one, "/jobQueueArn"));
        reading.found = arns.map(|arn| Found::new(arn, "batch:job-queue")).collect();
        Ok(reading)
    }

    pub(super) async fn web_services(&self) -> Result<Reading, ApiError> {
        const LIST: &str = "apprunner:ListServices";
        const GET: &str = "apprunner:DescribeService";
        let service = self.service("apprunner", LIST).await?;
        let mut reading = Reading::default();
        let (target, fields) = (("1.0", "AppRunner.ListServices"), ("NextToken", "ServiceSummaryList"));
        let list = self.json_pages(&service, LIST, target, json!({}), fields, &mut reading.pages).await?;
        let service = &service;
        let found = self.each(list, |one| async move {
            let Some(arn) = text(&one, "/ServiceArn") else { return Ok(None) };
            let target = ("1.0", "AppRunner.DescribeService");
            let answer = self.json_one(service, GET, target, &json!({ "ServiceArn": arn })).await?;
            let role = text(&answer, "/Service/InstanceConfiguration/InstanceRoleArn");
            let mut found = Found::new(arn, "apprunner:service").role(role);
            // The last part of the ARN is an id.
            found.name = text(&one, "/ServiceName").unwrap_or(found.name);
            Ok(Some(found))
        });
        reading.found = found.await?;
        Ok(reading)
    }
}

/// `x-amz-target` of an operation of ECS, by its permission.
fn ecs(call: &str) -> String {
    format!("AmazonEC2ContainerServiceV20141113.{}", call.trim_start_matches("ecs:"))
}

fn elements<'a>(value: &'a Value, path: &str) -> impl Iterator<Item = &'a Value> {
    value.pointer(path).and_then(Value::as_array).into_iter().flatten()
}
