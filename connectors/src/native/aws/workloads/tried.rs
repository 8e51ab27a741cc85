//! Tries what reading workloads needs: of each list one page, as small as its service lets, and what describes its first element, where
//! there is one. An object that is not there tells nothing: not every service looks at the permission first.

use std::collections::BTreeMap;

use futures::future::{BoxFuture, join_all};
use http::Method;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::super::resource_policies::{parsed, text};
use super::super::session::{ApiError, Session};
use super::super::signed::{Request, root, rows};
use super::Region;
use super::compute::{BEANSTALK, EC2};
use super::data::AGENTCORE;
use super::delivery::CLOUDFORMATION;
use super::offered::{self, Offered};

/// A permission that was tried.
#[derive(Debug)]
pub(in super::super) struct Tried {
    pub(in super::super) call: &'static str,
    pub(in super::super) region: String,
    pub(in super::super) answer: Result<(), ApiError>,
    /// What is not read without it, in the plural.
    pub(in super::super) of: &'static str,
}

/// A call, and those that need what it answers.
struct Step {
    of: &'static str,
    /// The request, from the answers of the steps above, first to last; none where they name nothing to ask about. A step that failed
    /// has the answer null.
    ask: fn(&[Value]) -> Option<Request>,
    then: &'static [Step],
}

/// `x-amz-json` version and the start of `x-amz-target`.
type Protocol = (&'static str, &'static str);

const CODEBUILD: Protocol = ("1.1", "CodeBuild_20161006");
const CODEDEPLOY: Protocol = ("1.1", "CodeDeploy_20141006");
const ECS: Protocol = ("1.1", "AmazonEC2ContainerServiceV20141113");
const GLUE: Protocol = ("1.1", "AWSGlue");
const SAGEMAKER: Protocol = ("1.1", "SageMaker");
const STATES: Protocol = ("1.0", "AWSStepFunctions");
const COGNITO: Protocol = ("1.1", "AWSCognitoIdentityService");
const EMR: Protocol = ("1.1", "ElasticMapReduce");
const APP_RUNNER: Protocol = ("1.0", "AppRunner");

/// What of an XML answer names something to ask about.
const NAMED: (&[&str], &[&str]) =
    (&["launchTemplates", "Environments"], &["launchTemplateId", "ApplicationName", "EnvironmentName"]);

/// What needs [`offered`].
const NOT_EVERYWHERE: &str = "App Runner services and the runtimes, browsers and interpreters of Bedrock AgentCore";

/// What every region has.
static EVERYWHERE: [Step; 21] = [
    Step {
        of: "EC2 instances, and the roles of CodeDeploy deployment groups,",
        ask: |_| Some(form("ec2:DescribeInstances", EC2, &[("MaxResults", "5")])),
        then: &[],
    },
    Step {
        of: "EC2 launch templates",
        ask: |_| Some(form("ec2:DescribeLaunchTemplates", EC2, &[("MaxResults", "1")])),
        then: &[Step {
            of: "EC2 launch templates",
            ask: |above| {
                let id = named(above, "/launchTemplateId")?;
                let parameters = [("LaunchTemplateId", id.as_str()), ("LaunchTemplateVersion.1", "$Default")];
                Some(form("ec2:DescribeLaunchTemplateVersions", EC2, &parameters))
            },
            then: &[],
        }],
    },
    Step {
        of: "Auto Scaling groups",
        ask: |_| {
            let parameters = [("MaxRecords", "1")];
            Some(form("autoscaling:DescribeAutoScalingGroups", ("Version", "2011-01-01"), &parameters))
        },
        then: &[],
    },
    Step {
        of: "CloudFormation stacks",
        ask: |_| Some(form("cloudformation:DescribeStacks", CLOUDFORMATION, &[])),
        then: &[],
    },
    Step {
        of: "CloudFormation stack sets",
        ask: |_| {
            let parameters = [("Status", "ACTIVE"), ("MaxResults", "1")];
            Some(form("cloudformation:ListStackSets", CLOUDFORMATION, &parameters))
        },
        then: &[],
    },
    Step {
        of: "Elastic Beanstalk environments",
        ask: |_| {
            let parameters = [("IncludeDeleted", "false"), ("MaxRecords", "1")];
            Some(form("elasticbeanstalk:DescribeEnvironments", BEANSTALK, &parameters))
        },
        then: &[Step {
            of: "Elastic Beanstalk environments",
            ask: |above| {
                let (application, name) = (named(above, "/ApplicationName")?, named(above, "/EnvironmentName")?);
                let parameters = [("ApplicationName", application.as_str()), ("EnvironmentName", name.as_str())];
                Some(form("elasticbeanstalk:DescribeConfigurationSettings", BEANSTALK, &parameters))
            },
            then: &[],
        }],
    },
    Step {
        of: "CodeBuild projects",
        ask: |_| Some(json_of("codebuild:ListProjects", CODEBUILD, &json!({}))),
        then: &[Step {
            of: "CodeBuild projects",
            ask: |above| {
                let names = json!({ "names": [named(above, "/projects/0")?] });
                Some(json_of("codebuild:BatchGetProjects", CODEBUILD, &names))
            },
            then: &[],
        }],
    },
    Step {
        of: "CodeDeploy deployment groups",
        ask: |_| Some(json_of("codedeploy:ListApplications", CODEDEPLOY, &json!({}))),
        then: &[Step {
            of: "CodeDeploy deployment groups",
            ask: |above| {
                let application = json!({ "applicationName": named(above, "/applications/0")? });
                Some(json_of("codedeploy:ListDeploymentGroups", CODEDEPLOY, &application))
            },
            then: &[Step {
                of: "CodeDeploy deployment groups",
                ask: |above| {
                    let (applications, groups) = (above.first()?, above.last()?);
                    let group = json!({
                        "applicationName": text(applications, "/applications/0")?,
                        "deploymentGroupName": text(groups, "/deploymentGroups/0")?,
                    });
                    Some(json_of("codedeploy:GetDeploymentGroup", CODEDEPLOY, &group))
                },
                then: &[],
            }],
        }],
    },
    Step {
        of: "ECS clusters, services and tasks",
        ask: |_| Some(json_of("ecs:ListClusters", ECS, &json!({ "maxResults": 1 }))),
        then: &[
            Step { of: "ECS services", ask: |above| Some(of_cluster("ecs:ListServices", above)), then: &[] },
            Step {
                of: "ECS tasks",
                ask: |above| Some(of_cluster("ecs:ListTasks", above)),
                then: &[Step {
                    of: "ECS tasks",
                    ask: |above| {
                        let (clusters, tasks) = (above.first()?, above.last()?);
                        let task = json!({
                            "cluster": text(clusters, "/clusterArns/0")?,
                            "tasks": [text(tasks, "/taskArns/0")?],
                        });
                        Some(json_of("ecs:DescribeTasks", ECS, &task))
                    },
                    then: &[],
                }],
            },
        ],
    },
    Step {
        of: "ECS task definitions",
        ask: |_| {
            let body = json!({ "status": "ACTIVE", "maxResults": 1 });
            Some(json_of("ecs:ListTaskDefinitions", ECS, &body))
        },
        then: &[Step {
            of: "ECS tasks",
            ask: |above| {
                let definition = json!({ "taskDefinition": named(above, "/taskDefinitionArns/0")? });
                Some(json_of("ecs:DescribeTaskDefinition", ECS, &definition))
            },
            then: &[],
        }],
    },
    Step {
        of: "Batch job definitions",
        ask: |_| {
            let body = json!({ "status": "ACTIVE", "maxResults": 1 });
            Some(batch("batch:DescribeJobDefinitions", "/v1/describejobdefinitions", &body))
        },
        then: &[],
    },
    Step {
        of: "Batch job queues",
        ask: |_| Some(batch("batch:DescribeJobQueues", "/v1/describejobqueues", &json!({ "maxResults": 1 }))),
        then: &[],
    },
    Step {
        of: "Glue development endpoints",
        ask: |_| Some(json_of("glue:GetDevEndpoints", GLUE, &json!({ "MaxResults": 1 }))),
        then: &[],
    },
    Step { of: "Glue jobs", ask: |_| Some(json_of("glue:GetJobs", GLUE, &json!({ "MaxResults": 1 }))), then: &[] },
    Step {
        of: "SageMaker notebooks",
        ask: |_| Some(json_of("sagemaker:ListNotebookInstances", SAGEMAKER, &json!({ "MaxResults": 1 }))),
        then: &[Step {
            of: "SageMaker notebooks",
            ask: |above| {
                let name = named(above, "/NotebookInstances/0/NotebookInstanceName")?;
                let notebook = json!({ "NotebookInstanceName": name });
                Some(json_of("sagemaker:DescribeNotebookInstance", SAGEMAKER, &notebook))
            },
            then: &[],
        }],
    },
    Step {
        of: "SageMaker user profiles",
        ask: |_| Some(json_of("sagemaker:ListDomains", SAGEMAKER, &json!({ "MaxResults": 1 }))),
        then: &[Step {
            of: "SageMaker user profiles",
            ask: |above| {
                let domain = json!({ "DomainId": named(above, "/Domains/0/DomainId")? });
                Some(json_of("sagemaker:DescribeDomain", SAGEMAKER, &domain))
            },
            then: &[],
        }],
    },
    Step {
        of: "SageMaker user profiles",
        ask: |_| Some(json_of("sagemaker:ListUserProfiles", SAGEMAKER, &json!({ "MaxResults": 1 }))),
        then: &[Step {
            of: "SageMaker user profiles",
            ask: |above| {
                let profile = json!({
                    "DomainId": named(above, "/UserProfiles/0/DomainId")?,
                    "UserProfileName": named(above, "/UserProfiles/0/UserProfileName")?,
                });
                Some(json_of("sagemaker:DescribeUserProfile", SAGEMAKER, &profile))
            },
            then: &[],
        }],
    },
    Step {
        of: "Step Functions state machines",
        ask: |_| Some(json_of("states:ListStateMachines", STATES, &json!({ "maxResults": 1 }))),
        then: &[Step {
            of: "Step Functions state machines",
            ask: |above| {
                let machine = json!({ "stateMachineArn": named(above, "/stateMachines/0/stateMachineArn")? });
                Some(json_of("states:DescribeStateMachine", STATES, &machine))
            },
            then: &[],
        }],
    },
    Step {
        of: "EventBridge schedules",
        ask: |_| Some(Request::get("scheduler:ListSchedules", "/schedules?MaxResults=1")),
        then: &[],
    },
    Step {
        of: "Cognito identity pools",
        ask: |_| Some(json_of("cognito-identity:ListIdentityPools", COGNITO, &json!({ "MaxResults": 1 }))),
        then: &[],
    },
    Step {
        of: "EMR clusters",
        ask: |_| {
            let body = json!({ "ClusterStates": ["STARTING", "BOOTSTRAPPING", "RUNNING", "WAITING"] });
            Some(json_of("elasticmapreduce:ListClusters", EMR, &body))
        },
        then: &[Step {
            of: "EMR clusters",
            ask: |above| {
                let cluster = json!({ "ClusterId": named(above, "/Clusters/0/Id")? });
                Some(json_of("elasticmapreduce:DescribeCluster", EMR, &cluster))
            },
            then: &[],
        }],
    },
];

/// What is tried where [`offered::SERVICES`] are, in their order.
static WHERE_OFFERED: [&[Step]; 2] = [
    &[Step {
        of: "App Runner services",
        ask: |_| Some(json_of("apprunner:ListServices", APP_RUNNER, &json!({ "MaxResults": 1 }))),
        then: &[Step {
            of: "App Runner services",
            ask: |above| {
                let service = json!({ "ServiceArn": named(above, "/ServiceSummaryList/0/ServiceArn")? });
                Some(json_of("apprunner:DescribeService", APP_RUNNER, &service))
            },
            then: &[],
        }],
    }],
    &[
        Step {
            of: "Bedrock AgentCore code interpreters",
            ask: |_| {
                Some(agents("bedrock-agentcore:ListCodeInterpreters", "/code-interpreters?type=CUSTOM&maxResults=1"))
            },
            then: &[Step {
                of: "Bedrock AgentCore code interpreters",
                ask: |above| {
                    let id = segment(above, "/codeInterpreterSummaries/0/codeInterpreterId")?;
                    Some(Request::get("bedrock-agentcore:GetCodeInterpreter", format!("/code-interpreters/{id}")))
                },
                then: &[],
            }],
        },
        Step {
            of: "Bedrock AgentCore browsers",
            ask: |_| Some(agents("bedrock-agentcore:ListBrowsers", "/browsers?type=CUSTOM&maxResults=1")),
            then: &[Step {
                of: "Bedrock AgentCore browsers",
                ask: |above| {
                    let id = segment(above, "/browserSummaries/0/browserId")?;
                    Some(Request::get("bedrock-agentcore:GetBrowser", format!("/browsers/{id}")))
                },
                then: &[],
            }],
        },
        Step {
            of: "Bedrock AgentCore runtimes",
            ask: |_| Some(agents("bedrock-agentcore:ListAgentRuntimes", "/runtimes/?maxResults=1")),
            then: &[Step {
                of: "Bedrock AgentCore runtimes",
                ask: |above| {
                    let id = segment(above, "/agentRuntimes/0/agentRuntimeId")?;
                    Some(Request::get("bedrock-agentcore:GetAgentRuntime", format!("/runtimes/{id}/")))
                },
                then: &[],
            }],
        },
    ],
];

/// Tries everything in the first of `regions`, which are never empty, and what not every region has in the first that has it.
pub(in super::super) async fn tried(session: &Session, client: &reqwest::Client, regions: &[String]) -> Vec<Tried> {
    let everywhere = walked(Region { session, client, name: &regions[0] }, &EVERYWHERE, Vec::new());
    let elsewhere = async {
        let (mut tried, offered) = offers(session, client, regions).await;
        let homes = offered.iter().zip(WHERE_OFFERED).filter_map(|(region, steps)| Some((region.as_deref()?, steps)));
        let all =
            join_all(homes.map(|(name, steps)| walked(Region { session, client, name }, steps, Vec::new()))).await;
        tried.extend(all.into_iter().flatten());
        tried
    };
    let (mut all, elsewhere) = futures::join!(everywhere, elsewhere);
    all.extend(elsewhere);
    all
}

/// How the public parameters answered, and of each of [`offered::SERVICES`] the first region that has it. Nothing is tried outside the
/// partition whose parameters are public, where nothing is looked for either.
async fn offers(session: &Session, client: &reqwest::Client, regions: &[String]) -> (Vec<Tried>, [Option<String>; 2]) {
    let told =
        |region: &String, answer| Tried { call: offered::READ, region: region.clone(), answer, of: NOT_EVERYWHERE };
    let known: BTreeMap<String, [bool; 2]> = match offered::read(session, client, regions).await {
        Ok(Offered::In(known)) => known,
        Ok(Offered::Unpublished) => return (Vec::new(), [None, None]),
        Err(error) => return (vec![told(&regions[0], Err(error))], [None, None]),
    };
    let home = |service: usize| {
        regions.iter().find(|region| known.get(*region).is_some_and(|services| services[service])).cloned()
    };
    let unknown: Vec<Tried> = regions
        .iter()
        .filter(|region| !known.contains_key(*region))
        .map(|region| told(region, Err(offered::unknown(region))))
        .collect();
    let tried = if unknown.is_empty() { vec![told(&regions[0], Ok(()))] } else { unknown };
    (tried, [home(0), home(1)])
}

/// All steps side by side, each before those below it.
fn walked<'a>(here: Region<'a>, steps: &'static [Step], above: Vec<Value>) -> BoxFuture<'a, Vec<Tried>> {
    let each = steps.iter().filter_map(|step| Some((step, (step.ask)(&above)?)));
    let each: Vec<_> = each.map(|(step, request)| walk(here, step, request, above.clone())).collect();
    Box::pin(async move { join_all(each).await.into_iter().flatten().collect() })
}

async fn walk(here: Region<'_>, step: &'static Step, request: Request, mut above: Vec<Value>) -> Vec<Tried> {
    let (answer, value) = match here.answer(&request).await {
        Ok(value) => (Ok(()), value),
        Err(error) => (Err(error), Value::Null),
    };
    above.push(value);
    let mut tried = vec![Tried { call: request.call, region: here.name.to_owned(), answer, of: step.of }];
    tried.extend(walked(here, step.then, above).await);
    tried
}

impl Region<'_> {
    /// What is answered, where it is an answer of that service; of XML only what is [`NAMED`].
    async fn answer(&self, request: &Request) -> Result<Value, ApiError> {
        let (service, operation) = request.call.split_once(':').unwrap_or((request.call, ""));
        let service = if service == AGENTCORE.1 {
            self.service_at(AGENTCORE, request.call).await?
        } else {
            self.service(service, request.call).await?
        };
        let body = service.send(request).await?;
        if !request.is_form() {
            return parsed(request.call, &body);
        }
        let xml = String::from_utf8_lossy(&body);
        let wrong = |problem| ApiError::bad_answer(request.call, problem);
        let (expected, found) = (format!("{operation}Response"), root(&xml).map_err(wrong)?);
        if found != expected {
            return Err(wrong(format!("the answer is a `{found}` and no `{expected}`")));
        }
        let (rows, _) = rows(&xml, NAMED.0, NAMED.1).map_err(wrong)?;
        Ok(rows.into_iter().next().map_or(Value::Null, |row| json!(row)))
    }
}

/// A text of the answer of the step above.
fn named(above: &[Value], path: &str) -> Option<String> {
    text(above.last()?, path)
}

/// The same as a segment of a path.
fn segment(above: &[Value], path: &str) -> Option<String> {
    Some(utf8_percent_encode(&named(above, path)?, NON_ALPHANUMERIC).to_string())
}

/// A list of a cluster: without one, of that which is called `default`. That it is not there is said only to those who may ask: the
/// permission is about no cluster.
fn of_cluster(call: &'static str, above: &[Value]) -> Request {
    let body = match named(above, "/clusterArns/0") {
        Some(cluster) => json!({ "cluster": cluster, "maxResults": 1 }),
        None => json!({ "maxResults": 1 }),
    };
    json_of(call, ECS, &body)
}

fn json_of(call: &'static str, (version, target): Protocol, body: &Value) -> Request {
    Request::json(call, version, &format!("{target}.{}", operation(call)), body)
}

fn form(call: &'static str, version: (&str, &str), parameters: &[(&str, &str)]) -> Request {
    let all: Vec<(&str, &str)> =
        [("Action", operation(call)), version].into_iter().chain(parameters.iter().copied()).collect();
    Request::form(call, &all)
}

fn batch(call: &'static str, path: &str, body: &Value) -> Request {
    let headers = vec![("content-type", "application/json".to_owned())];
    Request { call, method: Method::POST, path: path.to_owned(), headers, body: body.to_string() }
}

fn agents(call: &'static str, path: &str) -> Request {
    Request { call, method: Method::POST, path: path.to_owned(), ..Request::default() }
}

/// The operation that a permission is called after.
fn operation(call: &str) -> &str {
    call.rsplit(':').next().unwrap_or_default()
}
