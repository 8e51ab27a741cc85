//! A world that has everything that runs as a role, more than one of each kind, so that every list has pages.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{ACCOUNT, World};

/// Kind of a workload and what it runs as, by its ARN: roles or instance profiles, as the source names them, separated by spaces.
pub type Workloads = BTreeMap<String, (String, Option<String>)>;

/// Where everything is, and both App Runner and AgentCore are offered.
pub const REGION: &str = "us-east-1";
/// Where neither is offered, and nothing is.
pub const BARE: &str = "us-west-1";
/// A region that AWS' parameters do not know.
pub const UNKNOWN: &str = "xx-north-9";

const DAY: &str = "2026-01-02T03:04:05Z";

/// The role that trusts a service (`ec2`, `ecs-tasks`), in the one account.
#[must_use]
pub fn role(service: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:role/{service}")
}

fn arn(service: &str, rest: &str) -> String {
    format!("arn:aws:{service}:{REGION}:{ACCOUNT}:{rest}")
}

/// What is being made.
#[derive(Default)]
struct Making {
    world: World,
    built: Workloads,
}

impl Making {
    fn answer(&mut self, call: &str, when: Value, answer: Value) {
        self.world = std::mem::take(&mut self.world).with(call, when, answer);
    }

    /// An answer of the region that has everything.
    fn here(&mut self, call: &str, answer: Value) {
        self.answer(call, json!({ "@region": REGION }), answer);
    }

    fn built(&mut self, kind: &str, arn: &str, runs_as: Option<&str>) {
        self.built.insert(arn.to_owned(), (kind.to_owned(), runs_as.map(str::to_owned)));
    }
}

/// The world, and what is in it.
///
/// Among them a role of another account, one that is linked to a service, one that nobody has, several at once, and none.
#[must_use]
pub fn everything() -> (World, Workloads) {
    let mut making = Making::default();
    instances(&mut making);
    platforms(&mut making);
    containers(&mut making);
    jobs(&mut making);
    delivery(&mut making);
    data(&mut making);
    sagemaker(&mut making);
    agents(&mut making);
    workflows(&mut making);
    regions(&mut making);
    (making.world, making.built)
}

/// The instance profile of the role `ec2`.
#[must_use]
pub fn profile() -> String {
    format!("arn:aws:iam::{ACCOUNT}:instance-profile/ec2")
}

fn instances(making: &mut Making) {
    let instance = |id: &str, profile: Option<&str>, state: &str, tags: Value| {
        let mut one = json!({ "InstanceId": id, "State": { "Name": state }, "Tags": tags });
        if let Some(profile) = profile {
            one["IamInstanceProfile"] = json!({ "Arn": profile, "Id": "AIPA1" });
        }
        one
    };
    let (own, lost) = (profile(), format!("arn:aws:iam::{ACCOUNT}:instance-profile/lost"));
    let web = json!([{ "Key": "Name", "Value": "web" }, { "Key": "tier", "Value": "web" }]);
    let of_fleet = json!([{ "Key": "aws:autoscaling:groupName", "Value": "fleet" }]);
    let reservations = json!([
        { "Instances": [instance("i-1", Some(&own), "running", web.clone()), instance("i-2", None, "running", json!([]))] },
        { "Instances": [instance("i-3", Some(&lost), "stopped", of_fleet), instance("i-4", Some(&own), "terminated", web)] },
    ]);
    making.here("ec2:DescribeInstances", json!({ "Reservations": reservations }));
    for (id, runs_as) in [("i-1", Some(&own)), ("i-2", None), ("i-3", Some(&lost))] {
        making.built("ec2:instance", &arn("ec2", &format!("instance/{id}")), runs_as.map(String::as_str));
    }
    making.here(
        "ec2:DescribeLaunchTemplates",
        json!({ "LaunchTemplates": [{ "LaunchTemplateId": "lt-1" }, { "LaunchTemplateId": "lt-2" }] }),
    );
    for (id, given, runs_as) in
        [("lt-1", json!({ "Arn": own }), own.as_str()), ("lt-2", json!({ "Name": "ec2" }), "ec2")]
    {
        let version = json!({ "LaunchTemplateId": id, "DefaultVersion": true, "LaunchTemplateData": { "IamInstanceProfile": given } });
        let when = json!({ "LaunchTemplateId": id, "Versions": ["$Default"] });
        making.answer("ec2:DescribeLaunchTemplateVersions", when, json!({ "LaunchTemplateVersions": [version] }));
        making.built("ec2:launch-template", &arn("ec2", &format!("launch-template/{id}")), Some(runs_as));
    }
    let group = |name: &str| {
        let arn = arn("autoscaling", &format!("autoScalingGroup:1:autoScalingGroupName/{name}"));
        let one = json!({ "AutoScalingGroupName": name, "AutoScalingGroupARN": arn, "MinSize": 0, "MaxSize": 1, "DesiredCapacity": 0,
            "DefaultCooldown": 300, "AvailabilityZones": ["us-east-1a"], "HealthCheckType": "EC2", "CreatedTime": DAY });
        (arn, one)
    };
    let groups = ["fleet", "other"].map(group);
    making.here(
        "autoscaling:DescribeAutoScalingGroups",
        json!({ "AutoScalingGroups": groups.clone().map(|(_, one)| one) }),
    );
    for (arn, _) in groups {
        making.built("autoscaling:group", &arn, None);
    }
}

fn platforms(making: &mut Making) {
    let mut environments = Vec::new();
    for (name, profile) in [("blue", Some("ec2")), ("green", None)] {
        let arn = arn("elasticbeanstalk", &format!("environment/shop/{name}"));
        environments.push(
            json!({ "EnvironmentArn": arn, "ApplicationName": "shop", "EnvironmentName": name, "Status": "Ready" }),
        );
        let mut options = vec![json!({ "Namespace": "aws:autoscaling:asg", "OptionName": "MinSize", "Value": "1" })];
        options.extend(profile.map(|profile| {
            json!({ "Namespace": "aws:autoscaling:launchconfiguration", "OptionName": "IamInstanceProfile", "Value": profile })
        }));
        let settings = json!({ "ConfigurationSettings": [{ "ApplicationName": "shop", "EnvironmentName": name, "OptionSettings": options }] });
        let when = json!({ "ApplicationName": "shop", "EnvironmentName": name });
        making.answer("elasticbeanstalk:DescribeConfigurationSettings", when, settings);
        making.built("elasticbeanstalk:environment", &arn, profile);
    }
    making.here("elasticbeanstalk:DescribeEnvironments", json!({ "Environments": environments }));
    let clusters = ["j-1", "j-2"].map(|id| json!({ "Id": id, "Name": id, "Status": { "State": "WAITING" } }));
    making.here("elasticmapreduce:ListClusters", json!({ "Clusters": clusters }));
    for (id, given) in [("j-1", Some("ec2")), ("j-2", None)] {
        let attributes = given.map_or(json!({}), |name| json!({ "IamInstanceProfile": name }));
        let cluster = json!({ "Cluster": { "Id": id, "Ec2InstanceAttributes": attributes } });
        making.answer("elasticmapreduce:DescribeCluster", json!({ "ClusterId": id }), cluster);
        making.built("emr:cluster", &arn("elasticmapreduce", &format!("cluster/{id}")), given);
    }
}

fn containers(making: &mut Making) {
    let clusters = ["main", "idle"].map(|name| arn("ecs", &format!("cluster/{name}")));
    let services = ["site", "api"].map(|name| arn("ecs", &format!("service/main/{name}")));
    let tasks = ["own", "of-definition", "none"].map(|name| arn("ecs", &format!("task/main/{name}")));
    let definitions = ["web:1", "bare:1"].map(|name| arn("ecs", &format!("task-definition/{name}")));
    // A role that is in another account: what AWS says is kept.
    let abroad = "arn:aws:iam::444455556666:role/abroad";
    let of_tasks = [
        json!({ "taskArn": tasks[0], "taskDefinitionArn": definitions[1], "overrides": { "taskRoleArn": abroad } }),
        json!({ "taskArn": tasks[1], "taskDefinitionArn": definitions[0], "overrides": {} }),
        json!({ "taskArn": tasks[2], "taskDefinitionArn": definitions[1] }),
    ];
    making.here("ecs:ListClusters", json!({ "clusterArns": clusters }));
    making.answer("ecs:ListServices", json!({ "cluster": clusters[0] }), json!({ "serviceArns": services }));
    making.answer("ecs:ListTasks", json!({ "cluster": clusters[0] }), json!({ "taskArns": tasks }));
    making.answer("ecs:DescribeTasks", json!({ "cluster": clusters[0], "tasks": tasks }), json!({ "tasks": of_tasks }));
    making.here("ecs:ListTaskDefinitions", json!({ "taskDefinitionArns": definitions }));
    for (definition, given) in
        [(&definitions[0], json!({ "taskRoleArn": role("ecs-tasks") })), (&definitions[1], json!({}))]
    {
        let when = json!({ "taskDefinition": definition });
        making.answer("ecs:DescribeTaskDefinition", when, json!({ "taskDefinition": given }));
        making.built("ecs:task-definition", definition, None);
    }
    for cluster in &clusters {
        making.built("ecs:cluster", cluster, None);
    }
    for service in &services {
        making.built("ecs:service", service, None);
    }
    let of_definition = role("ecs-tasks");
    for (task, runs_as) in tasks.iter().zip([Some(abroad), Some(of_definition.as_str()), None]) {
        making.built("ecs:task", task, runs_as);
    }
}

fn jobs(making: &mut Making) {
    let own = role("ecs-tasks");
    let other = role("ecs-tasks-2");
    let both = format!("{own} {other}");
    let definition = |name: &str, properties: Value| {
        let mut one = json!({ "jobDefinitionName": name, "jobDefinitionArn": arn("batch", &format!("job-definition/{name}:1")),
            "revision": 1, "type": "container", "status": "ACTIVE" });
        if let (Some(one), Some(more)) = (one.as_object_mut(), properties.as_object()) {
            one.extend(more.clone());
        }
        one
    };
    let node = |role: &str| json!({ "targetNodes": "0:", "container": { "jobRoleArn": role } });
    let definitions = [
        definition("plain", json!({ "containerProperties": { "jobRoleArn": own } })),
        definition(
            "nodes",
            json!({ "nodeProperties": { "numNodes": 2, "mainNode": 0, "nodeRangeProperties": [node(&own), node(&other)] } }),
        ),
        definition(
            "tasks",
            json!({ "ecsProperties": { "taskProperties": [{ "containers": [{ "image": "x" }], "taskRoleArn": other }] } }),
        ),
        definition("none", json!({})),
    ];
    making.answer(
        "batch:DescribeJobDefinitions",
        json!({ "@region": REGION, "status": "ACTIVE" }),
        json!({ "jobDefinitions": definitions }),
    );
    for (name, runs_as) in [("plain", Some(&own)), ("nodes", Some(&both)), ("tasks", Some(&other)), ("none", None)] {
        let arn = arn("batch", &format!("job-definition/{name}:1"));
        making.built("batch:job-definition", &arn, runs_as.map(String::as_str));
    }
    let queues = ["slow", "fast"].map(|name| arn("batch", &format!("job-queue/{name}")));
    let queue = |arn: &String| json!({ "jobQueueName": "x", "jobQueueArn": arn, "state": "ENABLED", "priority": 1, "computeEnvironmentOrder": [] });
    making.here("batch:DescribeJobQueues", json!({ "jobQueues": queues.each_ref().map(queue) }));
    for arn in &queues {
        making.built("batch:job-queue", arn, None);
    }
    let id = "0123456789abcdef0123456789abcdef";
    let services = ["site", "shop"].map(|name| arn("apprunner", &format!("service/{name}/{id}")));
    let summaries = services.each_ref().map(|arn| json!({ "ServiceName": arn.split('/').nth(1), "ServiceArn": arn }));
    making.here("apprunner:ListServices", json!({ "ServiceSummaryList": summaries }));
    let web = role("tasks.apprunner");
    for (arn, given) in services.iter().zip([Some(web.as_str()), None]) {
        let mut service = json!({ "ServiceName": "site", "ServiceId": id, "ServiceArn": arn, "ServiceUrl": "x", "CreatedAt": DAY,
            "UpdatedAt": DAY, "Status": "RUNNING", "SourceConfiguration": {}, "NetworkConfiguration": {}, "InstanceConfiguration": {},
            "AutoScalingConfigurationSummary": {} });
        if let Some(role) = given {
            service["InstanceConfiguration"]["InstanceRoleArn"] = json!(role);
        }
        making.answer("apprunner:DescribeService", json!({ "ServiceArn": arn }), json!({ "Service": service }));
        making.built("apprunner:service", arn, given);
    }
}

fn delivery(making: &mut Making) {
    let (stack, gone) = (role("cloudformation"), role("deleted-long-ago"));
    let linked = format!(
        "arn:aws:iam::{ACCOUNT}:role/aws-service-role/stacksets.cloudformation.amazonaws.com/AWSServiceRoleForStackSets"
    );
    let mut stacks = Vec::new();
    for (name, given) in [("app", Some(&stack)), ("old", Some(&gone)), ("set", Some(&linked)), ("plain", None)] {
        let arn = arn("cloudformation", &format!("stack/{name}/0123"));
        let mut one =
            json!({ "StackId": arn, "StackName": name, "CreationTime": DAY, "StackStatus": "CREATE_COMPLETE" });
        if let Some(role) = given {
            one["RoleARN"] = json!(role);
        }
        stacks.push(one);
        making.built("cloudformation:stack", &arn, given.map(String::as_str));
    }
    making.here("cloudformation:DescribeStacks", json!({ "Stacks": stacks }));
    let sets = ["one:1", "two:2"].map(|id| json!({ "StackSetId": id, "StackSetName": id, "Status": "ACTIVE" }));
    making.answer(
        "cloudformation:ListStackSets",
        json!({ "@region": REGION, "Status": "ACTIVE" }),
        json!({ "Summaries": sets }),
    );
    for id in ["one:1", "two:2"] {
        making.built("cloudformation:stack-set", &arn("cloudformation", &format!("stackset/{id}")), None);
    }

    // More than one call describes.
    let names: Vec<String> = (0..101).map(|at| format!("site-{at:03}")).collect();
    making.here("codebuild:ListProjects", json!({ "projects": names }));
    for described in names.chunks(100) {
        let project = |name: &String| json!({ "name": name, "arn": arn("codebuild", &format!("project/{name}")), "serviceRole": role("codebuild") });
        let projects: Vec<Value> = described.iter().map(project).collect();
        making.answer("codebuild:BatchGetProjects", json!({ "names": described }), json!({ "projects": projects }));
    }
    for name in &names {
        making.built("codebuild:project", &arn("codebuild", &format!("project/{name}")), Some(&role("codebuild")));
    }

    let (own, lost) = (profile(), format!("arn:aws:iam::{ACCOUNT}:instance-profile/lost"));
    let both = format!("{own} {lost}");
    let tag = |key: Option<&str>, value: Option<&str>, kind: &str| json!({ "Key": key, "Value": value, "Type": kind });
    let clean = |mut one: Value| {
        if let Some(one) = one.as_object_mut() {
            one.retain(|_, value| !value.is_null());
        }
        one
    };
    let web = clean(tag(Some("tier"), Some("web"), "KEY_AND_VALUE"));
    let batch = clean(tag(Some("tier"), Some("batch"), "KEY_AND_VALUE"));
    let named = clean(tag(Some("Name"), None, "KEY_ONLY"));
    let valued = clean(tag(None, Some("fleet"), "VALUE_ONLY"));
    let groups = [
        ("tagged", json!({ "ec2TagFilters": [web, batch] }), Some(&own)),
        ("keyed", json!({ "ec2TagFilters": [named] }), Some(&own)),
        ("valued", json!({ "ec2TagFilters": [valued] }), Some(&lost)),
        ("sets", json!({ "ec2TagSet": { "ec2TagSetList": [[web], [named, batch]] } }), Some(&own)),
        ("apart", json!({ "ec2TagSet": { "ec2TagSetList": [[web], [batch]] } }), None),
        ("scaled", json!({ "autoScalingGroups": [{ "name": "fleet" }], "ec2TagFilters": [web] }), Some(&both)),
        ("functions", json!({ "computePlatform": "Lambda" }), None),
    ];
    making.here("codedeploy:ListApplications", json!({ "applications": ["app", "empty"] }));
    let names = groups.each_ref().map(|(name, _, _)| *name);
    making.answer(
        "codedeploy:ListDeploymentGroups",
        json!({ "applicationName": "app" }),
        json!({ "deploymentGroups": names }),
    );
    for (name, mut info, runs_as) in groups {
        info["serviceRoleArn"] = json!(role("codedeploy"));
        let when = json!({ "applicationName": "app", "deploymentGroupName": name });
        making.answer("codedeploy:GetDeploymentGroup", when, json!({ "deploymentGroupInfo": info }));
        let arn = arn("codedeploy", &format!("deploymentgroup:app/{name}"));
        making.built("codedeploy:deployment-group", &arn, runs_as.map(String::as_str));
    }
}

fn data(making: &mut Making) {
    let own = role("glue");
    making.here(
        "glue:GetDevEndpoints",
        json!({ "DevEndpoints": [{ "EndpointName": "shell", "RoleArn": own }, { "EndpointName": "bare" }] }),
    );
    making.built("glue:dev-endpoint", &arn("glue", "devEndpoint/shell"), Some(&own));
    making.built("glue:dev-endpoint", &arn("glue", "devEndpoint/bare"), None);
    // A name, as the console gives it: with its path.
    making.here(
        "glue:GetJobs",
        json!({ "Jobs": [{ "Name": "nightly", "Role": own }, { "Name": "named", "Role": "service-role/glue" }] }),
    );
    making.built("glue:job", &arn("glue", "job/nightly"), Some(&own));
    making.built("glue:job", &arn("glue", "job/named"), Some("service-role/glue"));
}

fn sagemaker(making: &mut Making) {
    let own = role("sagemaker");
    let notebooks = ["lab", "bare"].map(|name| (name, arn("sagemaker", &format!("notebook-instance/{name}"))));
    let listed =
        notebooks.each_ref().map(|(name, arn)| json!({ "NotebookInstanceName": name, "NotebookInstanceArn": arn }));
    making.here("sagemaker:ListNotebookInstances", json!({ "NotebookInstances": listed }));
    for ((name, arn), given) in notebooks.iter().zip([Some(&own), None]) {
        let told = given.map_or(json!({}), |role| json!({ "RoleArn": role }));
        making.answer("sagemaker:DescribeNotebookInstance", json!({ "NotebookInstanceName": name }), told);
        making.built("sagemaker:notebook-instance", arn, given.map(String::as_str));
    }
    making.here(
        "sagemaker:ListDomains",
        json!({ "Domains": [{ "DomainId": "d-1" }, { "DomainId": "d-2" }, { "DomainId": "d-3" }] }),
    );
    for (domain, default) in [("d-1", json!({ "DefaultUserSettings": { "ExecutionRole": own } })), ("d-2", json!({}))] {
        let profiles = ["ada", "bob"].map(|name| json!({ "DomainId": domain, "UserProfileName": name }));
        making.answer(
            "sagemaker:ListUserProfiles",
            json!({ "DomainIdEquals": domain }),
            json!({ "UserProfiles": profiles }),
        );
        making.answer("sagemaker:DescribeDomain", json!({ "DomainId": domain }), default);
    }
    making.answer("sagemaker:ListUserProfiles", json!({ "DomainIdEquals": "d-3" }), json!({ "UserProfiles": [] }));
    // Of no domain in particular: those of all.
    let of = |domain| ["ada", "bob"].map(|name| json!({ "DomainId": domain, "UserProfileName": name }));
    let all = [of("d-1"), of("d-2")].concat();
    making.here("sagemaker:ListUserProfiles", json!({ "UserProfiles": all }));
    let other = role("sagemaker-2");
    for (domain, name, given, runs_as) in [
        ("d-1", "ada", Some(&other), Some(&other)),
        ("d-1", "bob", None, Some(&own)),
        ("d-2", "ada", Some(&other), Some(&other)),
        ("d-2", "bob", None, None),
    ] {
        let told = given.map_or(json!({}), |role| json!({ "UserSettings": { "ExecutionRole": role } }));
        let when = json!({ "DomainId": domain, "UserProfileName": name });
        making.answer("sagemaker:DescribeUserProfile", when, told);
        let arn = arn("sagemaker", &format!("user-profile/{domain}/{name}"));
        making.built("sagemaker:user-profile", &arn, runs_as.map(String::as_str));
    }
}

fn agents(making: &mut Making) {
    let own = role("bedrock-agentcore");
    let network = json!({ "networkMode": "PUBLIC" });
    for (kind, part, list, get, id, given) in [
        (
            "code-interpreter",
            "code-interpreter-custom",
            "ListCodeInterpreters",
            "GetCodeInterpreter",
            "codeInterpreter",
            "executionRoleArn",
        ),
        ("browser", "browser-custom", "ListBrowsers", "GetBrowser", "browser", "executionRoleArn"),
        ("runtime", "runtime", "ListAgentRuntimes", "GetAgentRuntime", "agentRuntime", "roleArn"),
    ] {
        let mut listed = Vec::new();
        // A runtime always has a role.
        for (name, is_bare) in [("first-0123456789", false), ("second-0123456789", kind != "runtime")] {
            let arn = arn("bedrock-agentcore", &format!("{part}/{name}"));
            let mut one = json!({ format!("{id}Id"): name, format!("{id}Arn"): arn, "status": "READY" });
            if kind == "runtime" {
                one["agentRuntimeName"] = json!("x");
                one["agentRuntimeVersion"] = json!("1");
                one["lastUpdatedAt"] = json!(DAY);
                let mut summary = one.clone();
                summary["description"] = json!("x");
                listed.push(summary);
                one["lifecycleConfiguration"] = json!({});
            } else {
                one["createdAt"] = json!(DAY);
                listed.push(one.clone());
                one["name"] = json!("x");
                one["lastUpdatedAt"] = json!(DAY);
            }
            one["createdAt"] = json!(DAY);
            one["networkConfiguration"] = network.clone();
            if !is_bare {
                one[given] = json!(own);
            }
            making.answer(&format!("bedrock-agentcore:{get}"), json!({ format!("{id}Id"): name }), one);
            making.built(&format!("bedrock-agentcore:{kind}"), &arn, (!is_bare).then_some(own.as_str()));
        }
        let summaries = if kind == "runtime" { "agentRuntimes".to_owned() } else { format!("{id}Summaries") };
        let mut when = json!({ "@region": REGION });
        if kind != "runtime" {
            when["type"] = json!("CUSTOM");
        }
        making.answer(&format!("bedrock-agentcore:{list}"), when, json!({ summaries: listed }));
    }
}

fn workflows(making: &mut Making) {
    let own = role("states");
    let machines = ["flow", "quick"].map(|name| arn("states", &format!("stateMachine:{name}")));
    let machine =
        |arn: &String| json!({ "stateMachineArn": arn, "name": "x", "type": "STANDARD", "creationDate": DAY });
    making.here("states:ListStateMachines", json!({ "stateMachines": machines.each_ref().map(machine) }));
    for arn in &machines {
        let mut told = machine(arn);
        told["roleArn"] = json!(own);
        told["definition"] = json!("{}");
        making.answer("states:DescribeStateMachine", json!({ "stateMachineArn": arn }), told);
        making.built("states:state-machine", arn, Some(&own));
    }
    let schedules = ["nightly", "daily"].map(|name| arn("scheduler", &format!("schedule/default/{name}")));
    making
        .here("scheduler:ListSchedules", json!({ "Schedules": schedules.each_ref().map(|arn| json!({ "Arn": arn })) }));
    for arn in &schedules {
        making.built("scheduler:schedule", arn, None);
    }
    let pools = ["us-east-1:1", "us-east-1:2"];
    let listed = pools.map(|id| json!({ "IdentityPoolId": id, "IdentityPoolName": "x" }));
    making.here("cognito-identity:ListIdentityPools", json!({ "IdentityPools": listed }));
    for id in pools {
        making.built("cognito-identity:pool", &arn("cognito-identity", &format!("identitypool/{id}")), None);
    }
}

fn regions(making: &mut Making) {
    let tree = "/aws/service/global-infrastructure/regions";
    let names = |region: &str| {
        ["", "/services/apprunner", "/services/bedrock-agentcore"].map(|rest| format!("{tree}/{region}{rest}"))
    };
    let all = |regions: &[&str]| -> Vec<String> { regions.iter().flat_map(|region| names(region)).collect() };
    let told = |known: &[String], sent: &[String]| {
        let value = |name: &String| json!({ "Name": name, "Type": "String", "Value": name.rsplit('/').next() });
        let (known, unknown): (Vec<&String>, Vec<&String>) = sent.iter().partition(|name| known.contains(name));
        let mut told = json!({ "Parameters": known.into_iter().map(value).collect::<Vec<_>>() });
        if !unknown.is_empty() {
            told["InvalidParameters"] = json!(unknown);
        }
        told
    };
    let mut known = all(&[REGION]);
    known.push(format!("{tree}/{BARE}"));
    let sets = [&[REGION][..], &[BARE], &[UNKNOWN], &[REGION, BARE], &[BARE, REGION], &[REGION, BARE, UNKNOWN]];
    for asked in sets {
        let sent = all(asked);
        making.answer("ssm:GetParameters", json!({ "Names": sent }), told(&known, &sent));
    }
}
