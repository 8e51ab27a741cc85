//! What runs on instances: EC2 with its launch templates, Auto Scaling, Elastic Beanstalk, EMR. They name instance profiles.

use std::collections::BTreeMap;

use serde_json::json;

use super::super::resource_policies::text;
use super::super::session::ApiError;
use super::{Found, Reading, Region};

impl Region<'_> {
    pub(super) async fn instances(&self) -> Result<Reading, ApiError> {
        const LIST: &str = "ec2:DescribeInstances";
        let service = self.service("ec2", LIST).await?;
        let mut reading = Reading::default();
        let parameters = [("Action", "DescribeInstances"), EC2, ("MaxResults", "1000")];
        let leaves = ["instanceId", "iamInstanceProfile/arn", "instanceState/name", "key", "value"];
        let list = (&["instancesSet", "tagSet"][..], &leaves[..]);
        let rows = self.query_list(&service, LIST, &parameters, list, &mut reading.pages).await?;
        // A terminated instance is listed for an hour and runs nothing; its tags are those of the row before them.
        let mut is_gone = false;
        for mut row in rows {
            let Some(id) = row.remove("instanceId") else {
                if let (Some(of), Some(key), false) = (reading.found.last_mut(), row.remove("key"), is_gone) {
                    of.tags.push((key, row.remove("value").unwrap_or_default()));
                }
                continue;
            };
            is_gone = row.get("instanceState/name").is_some_and(|state| state == "terminated");
            if !is_gone {
                let found = Found::new(self.arn("ec2", &format!("instance/{id}")), "ec2:instance");
                reading.found.push(found.with("instance-profile", row.remove("iamInstanceProfile/arn")));
            }
        }
        Ok(reading)
    }

    pub(super) async fn launch_templates(&self) -> Result<Reading, ApiError> {
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

    pub(super) async fn scaling_groups(&self) -> Result<Reading, ApiError> {
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

    pub(super) async fn environments(&self) -> Result<Reading, ApiError> {
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

    pub(super) async fn emr(&self) -> Result<Reading, ApiError> {
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

pub(super) const EC2: (&str, &str) = ("Version", "2016-11-15");
pub(super) const BEANSTALK: (&str, &str) = ("Version", "2010-12-01");
