"""Makes something of each kind that runs as a role and that moto has, by its own client, and prints {ARN: [kind, what it runs as]}.

Usage: workloads.py ENDPOINT POLICY_FOLDER     (the folder is not used)

What AWS would not list is made as well: a terminated instance. moto has no user profiles of SageMaker and no settings of Elastic Beanstalk
environments; modelled.py answers for those.
"""

import json
import sys

import boto3

endpoint = sys.argv[1]
REGION = "us-east-1"


def client(service):
    return boto3.client(service, endpoint_url=endpoint, region_name=REGION, aws_access_key_id="AKIAIOSFODNN7EXAMPLE",
                        aws_secret_access_key="secret")


account = client("sts").get_caller_identity()["Account"]
iam = client("iam")
built = {}


def role(name, service, path="/"):
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}]}
    return iam.create_role(RoleName=name, Path=path, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]


def profile(name, of):
    arn = iam.create_instance_profile(InstanceProfileName=name)["InstanceProfile"]["Arn"]
    iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=of)
    return arn


def arn(service, rest):
    return f"arn:aws:{service}:{REGION}:{account}:{rest}"


role("web", "ec2.amazonaws.com", "/service/")
web = profile("web-profile", "web")
ec2 = client("ec2")
image = ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]


def instances(**more):
    made = ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1, InstanceType="t3.micro", **more)["Instances"]
    return [one["InstanceId"] for one in made]


tags = [{"ResourceType": "instance", "Tags": [{"Key": "tier", "Value": "web"}]}]
for one in instances(IamInstanceProfile={"Arn": web}, TagSpecifications=tags):
    built[arn("ec2", f"instance/{one}")] = ["ec2:instance", web]
for one in instances():
    built[arn("ec2", f"instance/{one}")] = ["ec2:instance", None]
ec2.terminate_instances(InstanceIds=instances(IamInstanceProfile={"Arn": web}))

for name, given in [("by-name", {"Name": "web-profile"}), ("by-arn", {"Arn": web}), ("bare", None)]:
    data = {"ImageId": image, "InstanceType": "t3.micro", **({"IamInstanceProfile": given} if given else {})}
    made = ec2.create_launch_template(LaunchTemplateName=name, LaunchTemplateData=data)["LaunchTemplate"]["LaunchTemplateId"]
    built[arn("ec2", f"launch-template/{made}")] = ["ec2:launch-template", next(iter(given.values())) if given else None]
# A second version that is not the default runs nothing.
ec2.create_launch_template_version(LaunchTemplateName="bare", LaunchTemplateData={
    "ImageId": image, "InstanceType": "t3.micro", "IamInstanceProfile": {"Arn": web}})

scaling = client("autoscaling")
scaling.create_auto_scaling_group(AutoScalingGroupName="fleet", MinSize=0, MaxSize=1, VPCZoneIdentifier=subnet,
                                  LaunchTemplate={"LaunchTemplateName": "by-arn"})
for group in scaling.describe_auto_scaling_groups()["AutoScalingGroups"]:
    built[group["AutoScalingGroupARN"]] = ["autoscaling:group", None]

former = role("stacks", "cloudformation.amazonaws.com")
formation = client("cloudformation")
empty = json.dumps({"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}})
for name, given in [("with-role", {"RoleARN": former}), ("without", {})]:
    made = formation.create_stack(StackName=name, TemplateBody=empty, **given)["StackId"]
    built[made] = ["cloudformation:stack", given.get("RoleARN")]
made = formation.create_stack_set(StackSetName="everywhere", TemplateBody=empty)["StackSetId"]
built[arn("cloudformation", f"stackset/{made}")] = ["cloudformation:stack-set", None]

builder = role("builder", "codebuild.amazonaws.com")
made = client("codebuild").create_project(
    name="site", source={"type": "S3", "location": "bucket/path"}, artifacts={"type": "NO_ARTIFACTS"}, serviceRole=builder,
    environment={"type": "LINUX_CONTAINER", "image": "x", "computeType": "BUILD_GENERAL1_SMALL"})
built[made["project"]["arn"]] = ["codebuild:project", builder]

# The instances that a group deploys to run as their own role, not as the group's.
deployer = role("deployer", "codedeploy.amazonaws.com")
deploy = client("codedeploy")
deploy.create_application(applicationName="app", computePlatform="Server")
for name, value in [("tagged", "web"), ("elsewhere", "batch")]:
    deploy.create_deployment_group(applicationName="app", deploymentGroupName=name, serviceRoleArn=deployer,
                                   ec2TagFilters=[{"Key": "tier", "Value": value, "Type": "KEY_AND_VALUE"}])
    built[arn("codedeploy", f"deploymentgroup:app/{name}")] = ["codedeploy:deployment-group", web if value == "web" else None]

task_role, other_role = role("task", "ecs-tasks.amazonaws.com"), role("override", "ecs-tasks.amazonaws.com")
ecs = client("ecs")
made = ecs.create_cluster(clusterName="main")["cluster"]["clusterArn"]
built[made] = ["ecs:cluster", None]
definition = ecs.register_task_definition(family="web", taskRoleArn=task_role, networkMode="awsvpc", containerDefinitions=[
    {"name": "web", "image": "x", "memory": 128}])["taskDefinition"]["taskDefinitionArn"]
built[definition] = ["ecs:task-definition", None]
made = ecs.create_service(cluster="main", serviceName="site", taskDefinition=definition, desiredCount=0)["service"]["serviceArn"]
built[made] = ["ecs:service", None]
groups = [ec2.describe_security_groups()["SecurityGroups"][0]["GroupId"]]
network = {"awsvpcConfiguration": {"subnets": [subnet], "securityGroups": groups}}
for more, runs_as in [({}, task_role), ({"overrides": {"taskRoleArn": other_role}}, other_role)]:
    for task in ecs.run_task(cluster="main", taskDefinition=definition, launchType="FARGATE", networkConfiguration=network, **more)["tasks"]:
        built[task["taskArn"]] = ["ecs:task", runs_as]

batch = client("batch")
made = batch.register_job_definition(jobDefinitionName="job", type="container", containerProperties={
    "image": "x", "vcpus": 1, "memory": 128, "jobRoleArn": task_role})["jobDefinitionArn"]
built[made] = ["batch:job-definition", task_role]
batch_role = role("batch", "batch.amazonaws.com", "/service-role/")
environment = batch.create_compute_environment(computeEnvironmentName="spare", type="UNMANAGED", state="ENABLED", serviceRole=batch_role)
made = batch.create_job_queue(jobQueueName="queue", state="ENABLED", priority=1, computeEnvironmentOrder=[
    {"order": 1, "computeEnvironment": environment["computeEnvironmentArn"]}])["jobQueueArn"]
built[made] = ["batch:job-queue", None]

glue_role = role("AWSGlueServiceRole-data", "glue.amazonaws.com", "/service-role/")
glue = client("glue")
# The console gives a job the name of its role with the path before it.
for name, given in [("by-arn", glue_role), ("by-name", "service-role/AWSGlueServiceRole-data")]:
    glue.create_job(Name=name, Role=given, Command={"Name": "glueetl"})
    built[arn("glue", f"job/{name}")] = ["glue:job", given]
glue.create_dev_endpoint(EndpointName="shell", RoleArn=glue_role)
built[arn("glue", "devEndpoint/shell")] = ["glue:dev-endpoint", glue_role]

maker = role("maker", "sagemaker.amazonaws.com")
made = client("sagemaker").create_notebook_instance(NotebookInstanceName="lab", InstanceType="ml.t3.medium", RoleArn=maker)
built[made["NotebookInstanceArn"]] = ["sagemaker:notebook-instance", maker]

flow = role("flow", "states.amazonaws.com")
made = client("stepfunctions").create_state_machine(
    name="flow", roleArn=flow, definition=json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}}))
built[made["stateMachineArn"]] = ["states:state-machine", flow]

made = client("scheduler").create_schedule(
    Name="nightly", ScheduleExpression="rate(1 day)", FlexibleTimeWindow={"Mode": "OFF"},
    Target={"Arn": arn("sqs", "queue"), "RoleArn": role("clock", "scheduler.amazonaws.com")})
built[made["ScheduleArn"]] = ["scheduler:schedule", None]

made = client("cognito-identity").create_identity_pool(IdentityPoolName="apps", AllowUnauthenticatedIdentities=False)
built[arn("cognito-identity", f"identitypool/{made['IdentityPoolId']}")] = ["cognito-identity:pool", None]

emr = client("emr")
for name, is_over in [("spark", False), ("done", True)]:
    made = emr.run_job_flow(Name=name, JobFlowRole="web-profile", ServiceRole="EMR_DefaultRole", Instances={
        "MasterInstanceType": "m5.xlarge", "InstanceCount": 1, "KeepJobFlowAliveWhenNoSteps": True})["JobFlowId"]
    if is_over:
        emr.terminate_job_flows(JobFlowIds=[made])
    else:
        built[arn("elasticmapreduce", f"cluster/{made}")] = ["emr:cluster", "web-profile"]

# Batch makes clusters of its own.
for one in ecs.list_clusters()["clusterArns"]:
    built[one] = ["ecs:cluster", None]
print(json.dumps(built))
