//! What people compute with: Glue, SageMaker, and the tools and agents of Bedrock AgentCore.

use http::Method;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;

use super::super::resource_policies::{json_list, parsed, text};
use super::super::session::ApiError;
use super::super::signed::Request;
use super::{Found, Reading, Region};

/// The host of AgentCore's resources, and the name that its signature and its permissions carry (service model of 2023-06-05).
pub(super) const AGENTCORE: (&str, &str) = ("bedrock-agentcore-control", "bedrock-agentcore");

impl Region<'_> {
    pub(super) async fn dev_endpoints(&self) -> Result<Reading, ApiError> {
        const LIST: &str = "glue:GetDevEndpoints";
        let service = self.service("glue", LIST).await?;
        let mut reading = Reading::default();
        let (target, fields) = (("1.1", "AWSGlue.GetDevEndpoints"), ("NextToken", "DevEndpoints"));
        let list = self.json_pages(&service, LIST, target, json!({}), fields, &mut reading.pages).await?;
        let found = list.iter().filter_map(|one| {
            let arn = self.arn("glue", &format!("devEndpoint/{}", text(one, "/EndpointName")?));
            Some(Found::new(arn, "glue:dev-endpoint").role(text(one, "/RoleArn")))
        });
        reading.found = found.collect();
        Ok(reading)
    }

    pub(super) async fn glue_jobs(&self) -> Result<Reading, ApiError> {
        const LIST: &str = "glue:GetJobs";
        let service = self.service("glue", LIST).await?;
        let mut reading = Reading::default();
        let (target, fields) = (("1.1", "AWSGlue.GetJobs"), ("NextToken", "Jobs"));
        let list = self.json_pages(&service, LIST, target, json!({}), fields, &mut reading.pages).await?;
        let found = list.iter().filter_map(|one| {
            let arn = self.arn("glue", &format!("job/{}", text(one, "/Name")?));
            Some(Found::new(arn, "glue:job").role(text(one, "/Role")))
        });
        reading.found = found.collect();
        Ok(reading)
    }

    pub(super) async fn notebooks(&self) -> Result<Reading, ApiError> {
        const LIST: &str = "sagemaker:ListNotebookInstances";
        const GET: &str = "sagemaker:DescribeNotebookInstance";
        let service = self.service("sagemaker", LIST).await?;
        let mut reading = Reading::default();
        let (target, fields) = (("1.1", "SageMaker.ListNotebookInstances"), ("NextToken", "NotebookInstances"));
        let notebooks = self.json_pages(&service, LIST, target, json!({}), fields, &mut reading.pages).await?;
        let service = &service;
        let found = self.each(notebooks, |notebook| async move {
            let Some(arn) = text(&notebook, "/NotebookInstanceArn") else { return Ok(None) };
            let body = json!({ "NotebookInstanceName": text(&notebook, "/NotebookInstanceName") });
            let target = ("1.1", "SageMaker.DescribeNotebookInstance");
            let answer = self.json_one(service, GET, target, &body).await?;
            Ok(Some(Found::new(arn, "sagemaker:notebook-instance").role(text(&answer, "/RoleArn"))))
        });
        reading.found = found.await?;
        Ok(reading)
    }

    /// A user profile without a role of its own runs as its domain's.
    pub(super) async fn user_profiles(&self) -> Result<Reading, ApiError> {
        const DOMAINS: &str = "sagemaker:ListDomains";
        const DOMAIN: &str = "sagemaker:DescribeDomain";
        const PROFILES: &str = "sagemaker:ListUserProfiles";
        const PROFILE: &str = "sagemaker:DescribeUserProfile";
        let service = self.service("sagemaker", DOMAINS).await?;
        let mut reading = Reading::default();
        let pages = &mut reading.pages;
        let (target, fields) = (("1.1", "SageMaker.ListDomains"), ("NextToken", "Domains"));
        let domains = self.json_pages(&service, DOMAINS, target, json!({}), fields, pages).await?;
        for domain in domains.iter().filter_map(|domain| text(domain, "/DomainId")) {
            let (target, fields) = (("1.1", "SageMaker.ListUserProfiles"), ("NextToken", "UserProfiles"));
            let body = json!({ "DomainIdEquals": domain });
            let pages = &mut reading.pages;
            let profiles = self.json_pages(&service, PROFILES, target, body, fields, pages).await?;
            if profiles.is_empty() {
                continue;
            }
            let target = ("1.1", "SageMaker.DescribeDomain");
            let answer = self.json_one(&service, DOMAIN, target, &json!({ "DomainId": domain })).await?;
            let of_domain = &text(&answer, "/DefaultUserSettings/ExecutionRole");
            let (service, domain) = (&service, domain.as_str());
            let found = self.each(profiles, |profile| async move {
                let Some(name) = text(&profile, "/UserProfileName") else { return Ok(None) };
                let target = ("1.1", "SageMaker.DescribeUserProfile");
                let body = json!({ "DomainId": domain, "UserProfileName": name });
                let answer = self.json_one(service, PROFILE, target, &body).await?;
                let role = text(&answer, "/UserSettings/ExecutionRole").or_else(|| of_domain.clone());
                let arn = self.arn("sagemaker", &format!("user-profile/{domain}/{name}"));
                Ok(Some(Found::new(arn, "sagemaker:user-profile").role(role)))
            });
            reading.found.extend(found.await?);
        }
        Ok(reading)
    }

    pub(super) async fn code_interpreters(&self) -> Result<Reading, ApiError> {
        let calls = ("bedrock-agentcore:ListCodeInterpreters", "bedrock-agentcore:GetCodeInterpreter");
        let fields = ("codeInterpreterSummaries", "codeInterpreterArn", "codeInterpreterId", "executionRoleArn");
        self.of_agents("bedrock-agentcore:code-interpreter", calls, ("/code-interpreters", "type=CUSTOM"), fields).await
    }

    pub(super) async fn browsers(&self) -> Result<Reading, ApiError> {
        let calls = ("bedrock-agentcore:ListBrowsers", "bedrock-agentcore:GetBrowser");
        let fields = ("browserSummaries", "browserArn", "browserId", "executionRoleArn");
        self.of_agents("bedrock-agentcore:browser", calls, ("/browsers", "type=CUSTOM"), fields).await
    }

    pub(super) async fn runtimes(&self) -> Result<Reading, ApiError> {
        let calls = ("bedrock-agentcore:ListAgentRuntimes", "bedrock-agentcore:GetAgentRuntime");
        let fields = ("agentRuntimes", "agentRuntimeArn", "agentRuntimeId", "roleArn");
        self.of_agents("bedrock-agentcore:runtime", calls, ("/runtimes/", ""), fields).await
    }

    /// One list of AgentCore, whose parameters stand in the query of a POST, and each of its elements.
    async fn of_agents(
        &self,
        kind: &'static str,
        (list, get): (&'static str, &'static str),
        (path, query): (&str, &str),
        (elements, arn, id, role): (&str, &str, &str, &str),
    ) -> Result<Reading, ApiError> {
        let service = self.service_at(AGENTCORE, list).await?;
        let mut reading = Reading::default();
        let request = |token: Option<&str>| {
            let token = token.map(|token| format!("nextToken={}", utf8_percent_encode(token, NON_ALPHANUMERIC)));
            let query: Vec<&str> =
                [query].into_iter().chain(token.as_deref()).filter(|part| !part.is_empty()).collect();
            let path = if query.is_empty() { path.to_owned() } else { format!("{path}?{}", query.join("&")) };
            Request { call: list, method: Method::POST, path, ..Request::default() }
        };
        let all = json_list(&service, list, &mut reading.pages, request, ("nextToken", elements)).await?;
        let (service, role) = (&service, &format!("/{role}"));
        let found = self.each(all, |one| async move {
            let (Some(arn), Some(id)) = (text(&one, &format!("/{arn}")), text(&one, &format!("/{id}"))) else {
                return Ok(None);
            };
            let end = if path.ends_with('/') { "/" } else { "" };
            let path = format!("{}/{}{end}", path.trim_end_matches('/'), utf8_percent_encode(&id, NON_ALPHANUMERIC));
            let answer = parsed(get, &service.send(&Request::get(get, path)).await?)?;
            Ok(Some(Found::new(arn, kind).role(text(&answer, role))))
        });
        reading.found = found.await?;
        Ok(reading)
    }
}
