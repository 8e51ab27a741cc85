//! What builds and delivers: CloudFormation, CodeBuild, CodeDeploy.

use serde_json::{Value, json};

use super::super::resource_policies::text;
use super::super::session::ApiError;
use super::{DESCRIBED, Found, Reading, Region};

pub(super) const CLOUDFORMATION: (&str, &str) = ("Version", "2010-05-15");

/// The tag of an instance that names its Auto Scaling group, which gives it (Amazon EC2 Auto Scaling User Guide, "Tag Auto Scaling groups
/// and instances").
const GROUP_TAG: &str = "aws:autoscaling:groupName";

impl Region<'_> {
    pub(super) async fn stacks(&self) -> Result<Reading, ApiError> {
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

    pub(super) async fn stack_sets(&self) -> Result<Reading, ApiError> {
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

    pub(super) async fn projects(&self) -> Result<Reading, ApiError> {
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

    pub(super) async fn deployment_groups(&self) -> Result<Reading, ApiError> {
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
                let mut found = Found::new(arn, "codedeploy:deployment-group");
                found.deploys_to = answer.pointer("/deploymentGroupInfo").map(Targets::of);
                Ok(Some(found))
            });
            reading.found.extend(found.await?);
        }
        Ok(reading)
    }
}

/// Which instances a deployment group deploys to.
#[derive(Debug)]
pub(super) struct Targets {
    /// Each set has an element that fits.
    sets: Vec<Vec<Tag>>,
    /// Names of Auto Scaling groups.
    groups: Vec<String>,
}

/// A key, a value, or both.
type Tag = (Option<String>, Option<String>);

impl Targets {
    /// Of what GetDeploymentGroup tells: tag filters, sets of them, and Auto Scaling groups.
    fn of(group: &Value) -> Self {
        let list = |value: &Value| -> Vec<Tag> {
            let tag = |filter: &Value| {
                let (key, value) = (text(filter, "/Key"), text(filter, "/Value"));
                match text(filter, "/Type").as_deref() {
                    Some("KEY_ONLY") => (key, None),
                    Some("VALUE_ONLY") => (None, value),
                    _ => (key, value),
                }
            };
            value.as_array().into_iter().flatten().map(tag).collect()
        };
        let sets = group.pointer("/ec2TagSet/ec2TagSetList").and_then(Value::as_array).into_iter().flatten();
        let sets = group.get("ec2TagFilters").into_iter().chain(sets).map(list).filter(|set| !set.is_empty());
        let groups = group.get("autoScalingGroups").and_then(Value::as_array).into_iter().flatten();
        Self { sets: sets.collect(), groups: groups.filter_map(|group| text(group, "/name")).collect() }
    }

    /// Whether an instance with these tags is deployed to.
    pub(super) fn contain(&self, tags: &[(String, String)]) -> bool {
        let fits = |(key, value): &Tag, tag: &(String, String)| {
            key.as_ref().is_none_or(|key| *key == tag.0) && value.as_ref().is_none_or(|value| *value == tag.1)
        };
        let is_in = |set: &Vec<Tag>| set.iter().any(|filter| tags.iter().any(|tag| fits(filter, tag)));
        let is_of_group = tags.iter().any(|(key, value)| key == GROUP_TAG && self.groups.contains(value));
        is_of_group || (!self.sets.is_empty() && self.sets.iter().all(is_in))
    }
}
