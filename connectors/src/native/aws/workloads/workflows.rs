//! What calls services on its own: Step Functions, EventBridge schedules, Cognito identity pools.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;

use super::super::resource_policies::{json_list, text};
use super::super::session::ApiError;
use super::super::signed::Request;
use super::{Found, Reading, Region};

impl Region<'_> {
    pub(super) async fn state_machines(&self) -> Result<Reading, ApiError> {
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

    pub(super) async fn schedules(&self) -> Result<Reading, ApiError> {
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

    pub(super) async fn identity_pools(&self) -> Result<Reading, ApiError> {
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
}
