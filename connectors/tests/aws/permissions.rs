//! What `muster doctor` asks of an AWS account whose workloads are to be read, and what it makes of each answer.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use muster_connectors::scope::Probe;
use muster_testbeds::modelled_aws::everything::{BARE, REGION, UNKNOWN, everything};
use muster_testbeds::modelled_aws::{ACCOUNT, Asked, ModelledAws, World};
use muster_testbeds::moto::Moto;
use serde_json::json;

use super::workloads::{documented, served};
use crate::{configured, run};

/// What moto refuses or cannot answer though the policy allows it: it has no user profiles, names the permissions of Batch after paths, and does
/// not see that the public parameters are among those that the policy names.
pub(crate) const SLIPS_OF_MOTO: [&str; 4] =
    ["batch:DescribeJobDefinitions", "batch:DescribeJobQueues", NO_USER_PROFILES, "ssm:GetParameters"];
const NO_USER_PROFILES: &str = "sagemaker:ListUserProfiles";

/// The probes of the holder of an access key, without those of IAM.
async fn probed(server: &ModelledAws, key: &str, regions: &[&str], more: &str) -> Vec<Probe> {
    let settings = format!(
        "{{ endpoint = \"{}\", access_key_id = \"{key}\", credential = {{ env = \"AWS_TEST_SECRET\" }}, attempts = 1, \
         identity_center = false, resource_policies = false, regions = {regions:?}{more} }}",
        server.endpoint
    );
    let probes = configured(&settings, Path::new(".")).unwrap().probe(&run()).await.unwrap();
    probes.into_iter().filter(|probe| !probe.permission.starts_with("iam:")).collect()
}

async fn with_workloads(server: &ModelledAws, key: &str, regions: &[&str]) -> Vec<Probe> {
    probed(server, key, regions, ", workloads = true").await
}

fn in_region(permission: &str, region: &str) -> String {
    format!("{permission} in {ACCOUNT}/{region}")
}

/// Names of the permissions of which a probe says this.
fn of(probes: &[Probe], granted: Option<bool>) -> BTreeSet<String> {
    probes.iter().filter(|probe| probe.granted == granted).map(|probe| probe.permission.clone()).collect()
}

/// How often each permission was asked for, but for those of IAM and STS.
fn counted(asked: &[Asked]) -> BTreeMap<&str, usize> {
    let mut all = BTreeMap::new();
    for one in asked.iter().filter(|one| !one.call.starts_with("iam:") && !one.call.starts_with("sts:")) {
        *all.entry(one.call.as_str()).or_default() += 1;
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn every_permission_of_workloads_is_tried_once_by_its_smallest_call() {
    let (mut world, _) = everything();
    world.allowed = Some([documented(), vec!["iam:GetAccountAuthorizationDetails".into()]].concat());
    let server = served(world).await;
    let probes = with_workloads(&server, "AKIATEST", &[REGION, BARE]).await;
    let all: BTreeSet<String> = documented().iter().map(|permission| in_region(permission, REGION)).collect();
    let tried = of(&probes, Some(true));
    assert_eq!(all.difference(&tried).collect::<Vec<_>>(), Vec::<&String>::new());
    assert_eq!(probes.len(), all.len() + 1, "those, and who the caller is: {probes:?}");

    let asked = server.asked().unwrap();
    let counts = counted(&asked);
    assert_eq!(counts.len(), all.len());
    assert!(counts.values().all(|count| *count == 1), "{counts:?}");
    let sizes = asked.iter().filter(|one| documented().contains(&one.call)).filter_map(|one| {
        let size = ["MaxResults", "maxResults", "MaxRecords"].into_iter().find_map(|name| one.sent.get(name)?.as_u64());
        Some((one.call.as_str(), size?))
    });
    let sizes: BTreeMap<&str, u64> = sizes.collect();
    assert_eq!(sizes.len(), 23, "what has no size of pages has one page: {sizes:?}");
    for (call, size) in sizes {
        assert_eq!(size, if call == "ec2:DescribeInstances" { 5 } else { 1 }, "{call}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_permission_that_is_refused_is_named_with_what_cannot_be_decided() {
    let (world, _) = everything();
    let server = served(world).await;
    for permission in documented() {
        let key = format!("not.{}", permission.replace(':', "."));
        let probes = with_workloads(&server, &key, &[REGION]).await;
        assert_eq!(of(&probes, Some(false)), [in_region(&permission, REGION)].into(), "{permission}");
        assert_eq!(of(&probes, None), BTreeSet::new(), "{permission}");
        let detail = probes.iter().find_map(|probe| probe.detail.as_ref().filter(|_| probe.granted == Some(false)));
        let detail = detail.unwrap();
        assert!(detail.contains(&format!("not authorized to perform: {permission}")), "{detail}");
        assert!(detail.contains("; without it ") && detail.ends_with("is not evaluated"), "{detail}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_answer_is_not_known() {
    let (world, _) = everything();
    let server = served(world).await;
    // One of each protocol and host, one that is asked below another, and one that others hang on.
    let permissions = [
        "ec2:DescribeInstances",
        "cloudformation:DescribeStacks",
        "ecs:ListTasks",
        "ecs:DescribeTasks",
        "batch:DescribeJobQueues",
        "scheduler:ListSchedules",
        "bedrock-agentcore:ListBrowsers",
        "codedeploy:ListApplications",
        "ssm:GetParameters",
    ];
    for fault in ["slow", "page", "cut"] {
        for permission in permissions {
            let key = format!("{fault}.{}", permission.replace(':', "."));
            let probes = with_workloads(&server, &key, &[REGION]).await;
            assert_eq!(of(&probes, None), [in_region(permission, REGION)].into(), "{fault}: {probes:?}");
            assert_eq!(of(&probes, Some(false)), BTreeSet::new(), "{fault} {permission}");
            let unknown = probes.iter().find(|probe| probe.granted.is_none()).unwrap();
            let detail = unknown.detail.as_deref().unwrap();
            assert!(!detail.is_empty() && !detail.contains("not evaluated"), "{detail}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_workloads_is_asked_without_them() {
    let (world, _) = everything();
    let server = served(world).await;
    for more in ["", ", workloads = false"] {
        let probes = probed(&server, "AKIATEST", &[REGION, BARE], more).await;
        assert_eq!(probes.len(), 1, "who the caller is: {probes:?}");
    }
    assert_eq!(counted(&server.asked().unwrap()), BTreeMap::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_region_does_not_have_is_tried_where_it_is_and_nowhere_is_no_failure() {
    let (world, _) = everything();
    let server = served(world).await;
    let not_everywhere =
        |permission: &str| ["apprunner:", "bedrock-agentcore:"].iter().any(|of| permission.starts_with(of));

    let bare = with_workloads(&server, "AKIATEST", &[BARE]).await;
    assert_eq!(of(&bare, Some(true)).len(), bare.len(), "{bare:?}");
    assert!(bare.iter().all(|probe| !not_everywhere(&probe.permission)), "{bare:?}");
    assert!(of(&bare, Some(true)).contains(&in_region("ssm:GetParameters", BARE)));
    // Nothing is there to describe: only lists were tried.
    assert!(of(&bare, Some(true)).contains(&in_region("codebuild:ListProjects", BARE)));
    assert!(!bare.iter().any(|probe| probe.permission.starts_with("codebuild:BatchGetProjects")), "{bare:?}");

    let both = with_workloads(&server, "AKIATEST", &[BARE, REGION]).await;
    let (elsewhere, first): (Vec<&Probe>, Vec<&Probe>) =
        both.iter().filter(|probe| probe.permission.contains('/')).partition(|probe| not_everywhere(&probe.permission));
    assert_eq!(elsewhere.len(), 8, "{elsewhere:?}");
    assert!(elsewhere.iter().all(|probe| probe.permission.ends_with(&format!("/{REGION}"))), "{elsewhere:?}");
    assert!(first.iter().all(|probe| probe.permission.ends_with(&format!("/{BARE}"))), "{first:?}");
    assert_eq!(of(&both, Some(true)).len(), both.len(), "{both:?}");

    // A region that AWS does not publish is not one that has neither.
    let unknown = with_workloads(&server, "AKIATEST", &[REGION, BARE, UNKNOWN]).await;
    assert_eq!(of(&unknown, None), [in_region("ssm:GetParameters", UNKNOWN)].into());
    assert_eq!(of(&unknown, Some(true)).iter().filter(|permission| not_everywhere(permission)).count(), 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn outside_the_public_partition_only_what_is_looked_for_is_tried() {
    let (world, _) = everything();
    let caller =
        json!({ "UserId": "AIDAME", "Account": ACCOUNT, "Arn": format!("arn:aws-us-gov:iam::{ACCOUNT}:user/muster") });
    let server = served(world.with("sts:GetCallerIdentity", json!({}), caller)).await;
    let probes = with_workloads(&server, "AKIATEST", &[REGION]).await;
    assert_eq!(of(&probes, Some(true)).len(), probes.len(), "{probes:?}");
    let counts = server.asked().unwrap();
    let counts = counted(&counts);
    assert!(counts.contains_key("ecs:ListTasks"));
    assert!(!counts.keys().any(|call| call.starts_with("ssm:") || call.starts_with("apprunner:")), "{counts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_is_not_there_is_told_to_those_who_may_ask() {
    let server = served(World::default()).await;
    for permission in ["ecs:ListServices", "ecs:ListTasks"] {
        let probes = with_workloads(&server, &format!("gone.{}", permission.replace(':', ".")), &[BARE]).await;
        assert!(of(&probes, Some(true)).contains(&in_region(permission, BARE)), "{probes:?}");
        // The world says nothing of the public parameters, either.
        assert_eq!(of(&probes, Some(false)), BTreeSet::new());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn moto_grants_what_it_has_to_its_owner() {
    let (moto, built) =
        tokio::task::spawn_blocking(Moto::workloads).await.unwrap().unwrap_or_else(|error| panic!("{error}"));
    assert!(!built.is_empty());
    let settings = format!(
        "{{ endpoint = \"{}\", access_key_id = \"AKIAIOSFODNN7EXAMPLE\", credential = {{ env = \"AWS_TEST_SECRET\" }}, attempts = 1, \
         identity_center = false, resource_policies = false, workloads = true }}",
        moto.endpoint
    );
    let probes = configured(&settings, Path::new(".")).unwrap().probe(&run()).await.unwrap();
    let other: Vec<&Probe> = probes.iter().filter(|probe| probe.granted != Some(true)).collect();
    assert!(other.len() == 1 && other[0].permission.starts_with(NO_USER_PROFILES), "{other:#?}");
    assert!(probes.len() > 35, "{}", probes.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_is_refused_is_missing_and_one_that_nobody_answers_about_is_not_known() {
    let (world, _) = everything();
    let server = served(world).await;
    let more = ", accounts = [\"444455556666\"], role = \"MusterAudit\", workloads = true";
    for (key, granted) in [("not.sts.AssumeRole", Some(false)), ("slow.sts.AssumeRole", None)] {
        let probes = probed(&server, key, &[REGION], more).await;
        assert_eq!(of(&probes, granted), ["sts:AssumeRole in 444455556666".to_owned()].into(), "{probes:?}");
        assert_eq!(probes.len(), 2, "that, and who the caller is: {probes:?}");
    }
}
