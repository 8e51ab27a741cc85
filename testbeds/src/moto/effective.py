"""Builds an organisation of five accounts whose policies decide about each other, and prints what must come out as JSON.

Usage: effective.py ENDPOINT POLICY_FOLDER     (the folder with account.json and management.json: the documented policies)

Management, prod and build below no restriction, sandbox below a service control policy that denies IAM, and data, whose buckets others
read. What is built is written beside each call; the answers stand in `truth` at the end, by hand, not computed.
"""

import json
import sys
from pathlib import Path

import boto3

endpoint, documented = sys.argv[1], Path(sys.argv[2])
REGION = "us-east-1"
FOREIGN = "999988887777"


def client(service, keys=None):
    keys = keys or {"aws_access_key_id": "AKIAIOSFODNN7EXAMPLE", "aws_secret_access_key": "secret"}
    return boto3.client(service, endpoint_url=endpoint, region_name=REGION, **keys)


sts = client("sts")
management = sts.get_caller_identity()["Account"]


def keys_in(account):
    role = f"arn:aws:iam::{account}:role/OrganizationAccountAccessRole"
    c = sts.assume_role(RoleArn=role, RoleSessionName="seed")["Credentials"]
    return {"aws_access_key_id": c["AccessKeyId"], "aws_secret_access_key": c["SecretAccessKey"],
            "aws_session_token": c["SessionToken"]}


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action, resource="*", **more):
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action, resource="*", **more):
    return {"Effect": "Deny", "Action": action, "Resource": resource, **more}


def trust(principal, **more):
    return document({"Effect": "Allow", "Principal": principal, "Action": more.pop("action", "sts:AssumeRole"), **more})


ADMIN = "arn:aws:iam::aws:policy/AdministratorAccess"
account_policy = (documented / "account.json").read_text()

iam = client("iam")
iam.create_user(UserName="muster")
iam.put_user_policy(UserName="muster", PolicyName="account", PolicyDocument=account_policy)
iam.put_user_policy(UserName="muster", PolicyName="management", PolicyDocument=(documented / "management.json").read_text())
caller = iam.create_access_key(UserName="muster")["AccessKey"]
# No service control policy binds the management account.
iam.create_user(UserName="mara")
iam.attach_user_policy(UserName="mara", PolicyArn=ADMIN)
iam.create_access_key(UserName="mara")

org = client("organizations")
organization = org.create_organization(FeatureSet="ALL")["Organization"]["Id"]
root = org.list_roots()["Roots"][0]["Id"]
org.enable_policy_type(RootId=root, PolicyType="SERVICE_CONTROL_POLICY")
org.enable_policy_type(RootId=root, PolicyType="RESOURCE_CONTROL_POLICY")
units = {name: org.create_organizational_unit(ParentId=root, Name=name)["OrganizationalUnit"]["Id"]
         for name in ("workloads", "experiments")}
members = {}
for name, parent in [("prod", "workloads"), ("build", "workloads"), ("data", "workloads"), ("sandbox", "experiments")]:
    made = org.create_account(AccountName=name, Email=f"{name}@acme.example")["CreateAccountStatus"]["AccountId"]
    org.move_account(AccountId=made, SourceParentId=root, DestinationParentId=units[parent])
    members[name] = made
scp = org.create_policy(Name="no-iam", Description="", Type="SERVICE_CONTROL_POLICY",
                        Content=document(deny("iam:*")))["Policy"]["PolicySummary"]
org.attach_policy(PolicyId=scp["Id"], TargetId=units["experiments"])
prod, build, data, sandbox = (members[name] for name in ("prod", "build", "data", "sandbox"))

iams = {name: client("iam", keys_in(account)) for name, account in members.items()}
audit = json.dumps({"Version": "2012-10-17", "Statement": [{
    "Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{management}:user/muster"}, "Action": "sts:AssumeRole",
    "Condition": {"StringEquals": {"sts:ExternalId": "acme-audit-7"}}}]})
for iam in iams.values():
    iam.create_role(RoleName="MusterAudit", AssumeRolePolicyDocument=audit)
    iam.put_role_policy(RoleName="MusterAudit", PolicyName="read", PolicyDocument=account_policy)


def user(account, name, *statements, key=True):
    iams[account].create_user(UserName=name)
    if statements:
        iams[account].put_user_policy(UserName=name, PolicyName="own", PolicyDocument=document(*statements))
    if key:
        iams[account].create_access_key(UserName=name)


def role(account, name, trusted, *statements, **more):
    iams[account].create_role(RoleName=name, AssumeRolePolicyDocument=trusted, **more)
    if statements:
        iams[account].put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=document(*statements))


# prod: an administrator through a group; who makes keys for her; who may not, because a deny stands in the way.
user("prod", "ada")
iams["prod"].create_group(GroupName="admins")
iams["prod"].attach_group_policy(GroupName="admins", PolicyArn=ADMIN)
iams["prod"].add_user_to_group(GroupName="admins", UserName="ada")
user("prod", "eve", allow("iam:CreateAccessKey"))
user("prod", "dora", allow("iam:*"), deny("iam:*", [f"arn:aws:iam::{prod}:{kind}/*" for kind in (
    "user", "role", "group", "policy", "instance-profile", "saml-provider", "oidc-provider", "server-certificate", "mfa")]))
# What runs as an administrator, who passes it on, and who is held back by a boundary.
role("prod", "lambda-admin", trust({"Service": "lambda.amazonaws.com"}))
iams["prod"].attach_role_policy(RoleName="lambda-admin", PolicyArn=ADMIN)
passing = allow(["iam:Pass?ole", "lambda:CreateFunction", "lambda:InvokeFunction"])
bound = iams["prod"].create_policy(PolicyName="no-iam-at-all", PolicyDocument=document(allow("lambda:*")))["Policy"]["Arn"]
ec2 = trust({"Service": "ec2.amazonaws.com"})
role("prod", "deployer", ec2, passing)
role("prod", "deployer-bounded", ec2, passing, PermissionsBoundary=bound)
# From build: developer -> release (build) -> release-target (prod), an administrator.
user("build", "dev", allow("sts:AssumeRole", f"arn:aws:iam::{build}:role/release"))
role("build", "release", trust({"AWS": f"arn:aws:iam::{build}:root"}), allow("sts:AssumeRole", f"arn:aws:iam::{prod}:role/release-target"))
role("prod", "release-target", trust({"AWS": f"arn:aws:iam::{build}:role/release"}))
iams["prod"].attach_role_policy(RoleName="release-target", PolicyArn=ADMIN)
# build: what outsiders may assume.
github = f"arn:aws:iam::{build}:oidc-provider/token.actions.githubusercontent.com"
web = "sts:AssumeRoleWithWebIdentity"
audience = {"token.actions.githubusercontent.com:aud": "sts.amazonaws.com"}
role("build", "any-repository", trust({"Federated": github}, action=web, Condition={"StringEquals": audience}), allow("s3:List*"))
role("build", "own-repository", trust({"Federated": github}, action=web, Condition={"StringEquals": {
    **audience, "token.actions.githubusercontent.com:sub": "repo:acme/app:ref:refs/heads/main"}}), allow("s3:List*"))
role("build", "partner", trust({"AWS": f"arn:aws:iam::{FOREIGN}:root"}), allow("s3:List*"))
role("build", "partner-with-id", trust({"AWS": f"arn:aws:iam::{FOREIGN}:root"},
     Condition={"StringEquals": {"sts:ExternalId": "acme-4711"}}), allow("s3:List*"))
# data: a bucket that build reads, one that the world would read, one that it does read.
role("build", "reader", ec2, allow("s3:GetObject", "arn:aws:s3:::acme-lake/*"))
user("data", "dana", allow("s3:GetObject", "arn:aws:s3:::acme-lake/reports/*"))
user("data", "otto", allow("s3:*"), deny("s3:GetObject", "arn:aws:s3:::acme-lake/reports/*"))
s3 = client("s3", keys_in(data))
for bucket in ("acme-lake", "acme-open", "acme-blocked"):
    s3.create_bucket(Bucket=bucket)
s3.put_bucket_policy(Bucket="acme-lake", Policy=document(
    allow("s3:GetObject", "arn:aws:s3:::acme-lake/*", Principal={"AWS": f"arn:aws:iam::{build}:role/reader"})))
for bucket in ("acme-open", "acme-blocked"):
    s3.put_bucket_policy(Bucket=bucket, Policy=document(allow("s3:GetObject", f"arn:aws:s3:::{bucket}/*", Principal="*")))
s3.put_public_access_block(Bucket="acme-blocked", PublicAccessBlockConfiguration={
    "BlockPublicAcls": True, "IgnorePublicAcls": True, "BlockPublicPolicy": True, "RestrictPublicBuckets": True})
# A bucket whose list lets the world see its names, and one of the same kind where nobody's list counts.
for bucket, ownership in (("acme-listed", "ObjectWriter"), ("acme-enforced", "BucketOwnerEnforced")):
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_acl(Bucket=bucket, ACL="public-read")
    s3.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls={"Rules": [{"ObjectOwnership": ownership}]})
# A queue whose policy names a user and no queue.
client("sqs", keys_in(data)).create_queue(QueueName="orders", Attributes={"Policy": document(
    allow("sqs:SendMessage", "*", Principal={"AWS": f"arn:aws:iam::{data}:user/dana"}))})
# What goes through this endpoint gets to one bucket only.
ec2_data = client("ec2", keys_in(data))
vpc = ec2_data.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
endpoint_id = ec2_data.create_vpc_endpoint(VpcId=vpc, ServiceName=f"com.amazonaws.{REGION}.s3", PolicyDocument=document(
    allow("s3:GetObject", "arn:aws:s3:::acme-lake/*", Principal="*")))["VpcEndpoint"]["VpcEndpointId"]
# A power user where a role for builds is there and no project runs as it, and a builder where one does.
for account in ("data", "prod"):
    role(account, "builder", trust({"Service": "codebuild.amazonaws.com"}))
    iams[account].attach_role_policy(RoleName="builder", PolicyArn=ADMIN)
user("data", "pia", {"Effect": "Allow", "NotAction": ["iam:*", "organizations:*", "account:*"], "Resource": "*"})
user("prod", "carl", allow(["codebuild:StartBuild", "codebuild:UpdateProject"]))
client("codebuild", keys_in(prod)).create_project(
    name="site", source={"type": "S3", "location": "acme-lake/site.zip"}, artifacts={"type": "NO_ARTIFACTS"},
    environment={"type": "LINUX_CONTAINER", "image": "aws/codebuild/standard:7.0", "computeType": "BUILD_GENERAL1_SMALL"},
    serviceRole=f"arn:aws:iam::{prod}:role/builder")
# sandbox: everything but IAM.
user("sandbox", "sam")
iams["sandbox"].attach_user_policy(UserName="sam", PolicyArn=ADMIN)

print(json.dumps({
    "access_key_id": caller["AccessKeyId"], "secret_access_key": caller["SecretAccessKey"], "organization": organization,
    "management": management, "members": members, "external_id": "acme-audit-7", "role": "MusterAudit", "foreign": FOREIGN,
    "endpoint": endpoint_id,
    "truth": {
        # Who may make users, by itself.
        "create_user": [f"arn:aws:iam::{management}:user/mara", f"arn:aws:iam::{prod}:user/ada",
                        f"arn:aws:iam::{prod}:role/lambda-admin", f"arn:aws:iam::{prod}:role/release-target",
                        f"arn:aws:iam::{prod}:role/builder", f"arn:aws:iam::{data}:role/builder"],
        # … and by becoming somebody else first.
        "create_user_transitive": [f"arn:aws:iam::{prod}:user/eve", f"arn:aws:iam::{prod}:role/deployer",
                                   f"arn:aws:iam::{build}:user/dev", f"arn:aws:iam::{build}:role/release",
                                   f"arn:aws:iam::{prod}:user/carl"],
        "read_report": [f"arn:aws:iam::{build}:role/reader", f"arn:aws:iam::{data}:user/dana", f"arn:aws:iam::{data}:user/pia"],
        "escalates": [f"arn:aws:iam::{prod}:user/eve", f"arn:aws:iam::{prod}:role/deployer", f"arn:aws:iam::{build}:user/dev",
                      f"arn:aws:iam::{build}:role/release", f"arn:aws:iam::{prod}:user/carl"],
        "held_back": {f"arn:aws:iam::{sandbox}:user/sam": "service control policies",
                      f"arn:aws:iam::{prod}:role/deployer-bounded": "permissions boundary"},
        "loose": [f"arn:aws:iam::{build}:role/any-repository"],
    }}))
