//! What runs as which role: against moto where it has the service, and against AWS' own service models for everything.

use std::collections::BTreeMap;
use std::path::Path;

use muster_connectors::record::{Record, RecordKind};
use muster_connectors::scope::ScopeState;
use muster_testbeds::modelled_aws::everything::{BARE, REGION, UNKNOWN, Workloads, everything, role};
use muster_testbeds::modelled_aws::{ACCOUNT, ModelledAws, World};
use muster_testbeds::moto::Moto;
use serde_json::json;

use crate::{Collected, collect};

/// The statements of the documented policy, without the part of IAM.
pub(crate) fn documented() -> Vec<String> {
    let policy: serde_json::Value =
        serde_json::from_str(include_str!("../../src/native/aws/permissions/account.json")).unwrap();
    let of_workloads = |statement: &&serde_json::Value| {
        ["MusterReadsWorkloads", "MusterReadsWhichServicesARegionHas"].contains(&statement["Sid"].as_str().unwrap())
    };
    let statements = policy["Statement"].as_array().unwrap().iter().filter(of_workloads);
    let actions = statements.flat_map(|statement| match &statement["Action"] {
        serde_json::Value::Array(all) => all.iter().map(|one| one.as_str().unwrap().to_owned()).collect(),
        one => vec![one.as_str().unwrap().to_owned()],
    });
    actions.collect()
}

pub(crate) async fn served(world: World) -> ModelledAws {
    let started = tokio::task::spawn_blocking(move || ModelledAws::start(&world)).await.unwrap();
    started.unwrap_or_else(|error| panic!("{error}"))
}

/// Collected by the holder of an access key from some regions.
async fn collected(server: &ModelledAws, key: &str, regions: &[&str]) -> Collected {
    let settings = format!(
        "{{ endpoint = \"{}\", access_key_id = \"{key}\", credential = {{ env = \"AWS_TEST_SECRET\" }}, attempts = 1, \
         identity_center = false, resource_policies = false, workloads = true, regions = {regions:?} }}",
        server.endpoint
    );
    collect(&settings, Path::new(".")).await
}

fn scope(region: &str) -> String {
    format!("workloads/{ACCOUNT}/{region}")
}

/// What a scope tells, but for the region itself.
fn told(collected: &Collected, scope: &str) -> Workloads {
    let resources = collected.of(scope).iter().map(|record| match record {
        Record::Resource(resource) => resource,
        other => panic!("{other:?}"),
    });
    let resources = resources.filter(|resource| resource.kind.as_deref() != Some("aws:region"));
    let mut all = BTreeMap::new();
    for resource in resources {
        let roles = ["role", "instance-profile"].into_iter().filter_map(|name| resource.attributes.get(name).cloned());
        let roles: Vec<String> = roles.collect();
        assert!(roles.len() < 2, "{resource:?}");
        let what = (resource.kind.clone().unwrap(), roles.into_iter().next());
        assert!(all.insert(resource.id.clone(), what).is_none(), "twice: {}", resource.id);
    }
    all
}

/// What a region says of the services that not every region has.
fn services(collected: &Collected, region: &str) -> BTreeMap<String, String> {
    let all = collected.of(&scope(region)).iter();
    let mut regions = all.filter_map(|record| match record {
        Record::Resource(resource) if resource.kind.as_deref() == Some("aws:region") => {
            Some(resource.attributes.clone())
        }
        _ => None,
    });
    let one = regions.next().unwrap_or_else(|| panic!("{region} tells nothing of itself"));
    assert!(regions.next().is_none());
    one
}

fn differences(built: &Workloads, told: &Workloads) -> Vec<String> {
    let wrong = built.iter().filter(|(arn, what)| told.get(*arn) != Some(*what));
    let wrong = wrong.map(|(arn, what)| format!("{arn}: {what:?}, told as {:?}", told.get(arn)));
    let more = told.keys().filter(|arn| !built.contains_key(*arn)).map(|arn| format!("{arn} was not built"));
    wrong.chain(more).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_moto_runs_as_a_role_is_found_with_it() {
    let (moto, built) =
        tokio::task::spawn_blocking(Moto::workloads).await.unwrap().unwrap_or_else(|error| panic!("{error}"));
    let settings = format!(
        "{{ endpoint = \"{}\", access_key_id = \"AKIAIOSFODNN7EXAMPLE\", credential = {{ env = \"AWS_TEST_SECRET\" }}, attempts = 1, \
         identity_center = false, resource_policies = false, workloads = true }}",
        moto.endpoint
    );
    let collected = collect(&settings, Path::new(".")).await;
    let scope = collected.reports.keys().find(|scope| scope.starts_with("workloads/")).unwrap();
    assert_eq!(collected.report(scope).state(), ScopeState::Complete, "{:?}", collected.gaps());
    assert_eq!(differences(&built, &told(&collected, scope)), Vec::<String>::new());
    let kinds: std::collections::BTreeSet<&str> = built.values().map(|(kind, _)| kind.as_str()).collect();
    assert_eq!(kinds.len(), 20, "all but user profiles and environments: {kinds:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_is_read_to_its_last_page_with_exactly_the_documented_permissions() {
    let (mut world, built) = everything();
    world.allowed = Some(documented());
    let server = served(world).await;
    let collected = collected(&server, "AKIATEST", &[REGION, BARE]).await;
    assert_eq!(collected.report(&scope(REGION)).state(), ScopeState::Complete, "{:?}", collected.gaps());
    assert_eq!(differences(&built, &told(&collected, &scope(REGION))), Vec::<String>::new());
    let kinds: std::collections::BTreeSet<&str> = built.values().map(|(kind, _)| kind.as_str()).collect();
    assert_eq!(kinds.len(), 26, "{kinds:?}");
    assert!(collected.report(&scope(REGION)).pages > 2 * 26, "more than one page of each list");
    assert_eq!(collected.report(&scope(BARE)).state(), ScopeState::Complete, "{:?}", collected.gaps());
    assert_eq!(told(&collected, &scope(BARE)), Workloads::new(), "the other region's are not this one's");
    let named = collected.of(&scope(REGION)).iter().any(|record| {
        matches!(record, Record::Resource(resource)
        if resource.kind.as_deref() == Some("apprunner:service") && resource.name.as_deref() == Some("site"))
    });
    assert!(named, "a service's name is no id");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_permission_that_is_missing_is_named_and_costs_only_what_needs_it() {
    let (world, built) = everything();
    let server = served(world).await;
    for permission in documented() {
        let key = format!("not.{}", permission.replace(':', "."));
        let collected = collected(&server, &key, &[REGION]).await;
        let report = collected.kind(&scope(REGION), RecordKind::Resource);
        assert_eq!(report.state, ScopeState::Partial, "{permission}");
        // Clusters are listed for themselves, for their services and for their tasks.
        let expected = if permission == "ecs:ListClusters" { 3 } else { 1 };
        assert_eq!(report.gaps.len(), expected, "{permission}: {:?}", report.gaps);
        for gap in &report.gaps {
            assert_eq!(gap.code, "AWS001", "{gap:?}");
            assert!(gap.what.contains(&format!("({permission})")) && gap.what.contains(REGION), "{gap:?}");
            assert!(gap.fix.as_deref().unwrap().contains(&format!("`{permission}`")), "{gap:?}");
        }
        let told = told(&collected, &scope(REGION));
        assert!(told.len() < built.len(), "{permission} is needed for nothing");
        let lost: std::collections::BTreeSet<&str> = built
            .iter()
            .filter(|(arn, what)| told.get(*arn) != Some(*what))
            .map(|(_, (kind, _))| kind.as_str())
            .collect();
        let all = match permission.as_str() {
            "ecs:ListClusters" => 3,
            "ssm:GetParameters" => 4,
            // Which instances a deployment group deploys to.
            "ec2:DescribeInstances" => 2,
            _ => 1,
        };
        assert_eq!(lost.len(), all, "{permission}: {lost:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_is_looked_for_where_aws_says_that_it_is() {
    let (world, _) = everything();
    let server = served(world).await;
    let both = collected(&server, "AKIATEST", &[REGION, BARE, UNKNOWN]).await;
    let said = |collected: &Collected, region: &str| -> Vec<(String, String)> {
        services(collected, region).into_iter().collect()
    };
    let of =
        |word: &str| ["apprunner", "bedrock-agentcore"].map(|service| (service.to_owned(), word.to_owned())).to_vec();
    assert_eq!(said(&both, REGION), of("offered"));
    assert_eq!(said(&both, BARE), of("not-offered"));
    assert_eq!(both.report(&scope(BARE)).state(), ScopeState::Complete, "{:?}", both.gaps());
    // A region that AWS' parameters do not know is not one that has neither.
    assert_eq!(said(&both, UNKNOWN), []);
    let gap = &both.kind(&scope(UNKNOWN), RecordKind::Resource).gaps[0];
    assert!(gap.what.contains(UNKNOWN) && gap.what.contains("App Runner"), "{gap:?}");

    let refused = collected(&server, "not.ssm.GetParameters", &[REGION, BARE]).await;
    for region in [REGION, BARE] {
        assert_eq!(said(&refused, region), [], "nobody looked");
        assert_eq!(refused.report(&scope(region)).state(), ScopeState::Partial);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn outside_the_public_partition_nothing_is_asked_that_aws_does_not_publish() {
    let (world, _) = everything();
    let caller =
        json!({ "UserId": "AIDAME", "Account": ACCOUNT, "Arn": format!("arn:aws-us-gov:iam::{ACCOUNT}:user/muster") });
    let mut world = world.with("sts:GetCallerIdentity", json!({}), caller);
    world.allowed = Some(documented().into_iter().filter(|permission| permission != "ssm:GetParameters").collect());
    let server = served(world).await;
    let collected = collected(&server, "AKIATEST", &["us-gov-west-1"]).await;
    let report = collected.report(&scope("us-gov-west-1"));
    assert_eq!(report.state(), ScopeState::Complete, "{:?}", collected.gaps());
    assert_eq!(services(&collected, "us-gov-west-1"), BTreeMap::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_not_of_its_services_shape_starts_no_server() {
    let wrong = World::default().with("ecs:ListTasks", json!({}), json!({ "taskArn": [role("ecs-tasks")] }));
    let started = tokio::task::spawn_blocking(move || ModelledAws::start(&wrong)).await.unwrap();
    assert!(started.unwrap_err().to_string().contains("ecs:ListTasks"));
}
