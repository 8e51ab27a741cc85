"""Builds an organisation of six accounts, one of them suspended, in a moto server, and prints what it made as JSON.

Usage: seed.py ENDPOINT POLICY_FOLDER     (the folder with account.json, trust.json, management.json: the documented policies)
"""

import io
import json
import sys
import zipfile
from pathlib import Path

import boto3
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.httpsession import URLLib3Session

endpoint, documented = sys.argv[1], Path(sys.argv[2])
REGION = "us-east-1"


def client(service, keys=None, region=REGION):
    keys = keys or {"aws_access_key_id": "AKIAIOSFODNN7EXAMPLE", "aws_secret_access_key": "secret"}
    return boto3.client(service, endpoint_url=endpoint, region_name=region, **keys)


def block_public_policies(keys, account):
    """Of a whole account. boto3 asks a host of the account's own, which an emulator on an address does not have."""
    settings = {"BlockPublicAcls": "false", "IgnorePublicAcls": "false", "BlockPublicPolicy": "true",
                "RestrictPublicBuckets": "true"}
    body = "".join(f"<{name}>{value}</{name}>" for name, value in settings.items())
    request = AWSRequest("PUT", f"{endpoint}/v20180820/configuration/publicAccessBlock", headers={"x-amz-account-id": account},
                         data=f"<PublicAccessBlockConfiguration>{body}</PublicAccessBlockConfiguration>")
    signed_by = Credentials(keys["aws_access_key_id"], keys["aws_secret_access_key"], keys["aws_session_token"])
    S3SigV4Auth(signed_by, "s3", REGION).add_auth(request)
    answer = URLLib3Session().send(request.prepare())
    assert answer.status_code < 300, answer.text


sts = client("sts")
management = sts.get_caller_identity()["Account"]


def keys_in(account):
    role = f"arn:aws:iam::{account}:role/OrganizationAccountAccessRole"
    c = sts.assume_role(RoleArn=role, RoleSessionName="seed")["Credentials"]
    return {"aws_access_key_id": c["AccessKeyId"], "aws_secret_access_key": c["SecretAccessKey"],
            "aws_session_token": c["SessionToken"]}


def statement(effect, action, resource="*", **more):
    return json.dumps({"Version": "2012-10-17",
                       "Statement": [{"Effect": effect, "Action": action, "Resource": resource, **more}]})


account_policy = (documented / "account.json").read_text()
management_policy = (documented / "management.json").read_text()

# The caller: a user of the management account with exactly the documented permissions.
iam = client("iam")
iam.create_user(UserName="muster", Tags=[{"Key": "owner", "Value": "security@acme.example"}])
iam.put_user_policy(UserName="muster", PolicyName="account", PolicyDocument=account_policy)
iam.put_user_policy(UserName="muster", PolicyName="management", PolicyDocument=management_policy)
caller = iam.create_access_key(UserName="muster")["AccessKey"]
iam.create_account_alias(AccountAlias="acme-management")

# The organisation.
org = client("organizations")
organization = org.create_organization(FeatureSet="ALL")["Organization"]["Id"]
root = org.list_roots()["Roots"][0]["Id"]
org.enable_policy_type(RootId=root, PolicyType="SERVICE_CONTROL_POLICY")
workloads = org.create_organizational_unit(ParentId=root, Name="Workloads")["OrganizationalUnit"]["Id"]
production = org.create_organizational_unit(ParentId=workloads, Name="Production")["OrganizationalUnit"]["Id"]
sandbox = org.create_organizational_unit(ParentId=root, Name="Sandbox")["OrganizationalUnit"]["Id"]
members = {}
for name, parent in [("payments", production), ("shop", production), ("data", workloads), ("play", sandbox),
                     ("closed", sandbox)]:
    made = org.create_account(AccountName=name, Email=f"{name}@acme.example")["CreateAccountStatus"]["AccountId"]
    org.move_account(AccountId=made, SourceParentId=root, DestinationParentId=parent)
    members[name] = made
scp = org.create_policy(Name="no-leaving", Description="", Type="SERVICE_CONTROL_POLICY",
                        Content=statement("Deny", "organizations:LeaveOrganization"))["Policy"]["PolicySummary"]
org.attach_policy(PolicyId=scp["Id"], TargetId=workloads)
org.attach_policy(PolicyId=scp["Id"], TargetId=members["play"])
rcp = org.create_policy(Name="own-organisation", Description="", Type="RESOURCE_CONTROL_POLICY",
                        Content=statement("Deny", "s3:*", Principal="*"))["Policy"]["PolicySummary"]
org.attach_policy(PolicyId=rcp["Id"], TargetId=root)

# Each member account: the audit role, people, machines, groups, policies.
trust = json.dumps({"Version": "2012-10-17", "Statement": [{
    "Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{management}:user/muster"}, "Action": "sts:AssumeRole",
    "Condition": {"StringEquals": {"sts:ExternalId": "acme-audit-7"}}}]})
for name, account in members.items():
    iam = client("iam", keys_in(account))
    iam.create_role(RoleName="MusterAudit", AssumeRolePolicyDocument=trust)
    iam.put_role_policy(RoleName="MusterAudit", PolicyName="read", PolicyDocument=account_policy)
    iam.create_account_alias(AccountAlias=f"acme-{name}")
    iam.create_user(UserName=f"{name}-operator")

payments = keys_in(members["payments"])
iam = client("iam", payments)
boundary = iam.create_policy(PolicyName="only-payments", Path="/bounds/",
                             PolicyDocument=statement("Allow", "dynamodb:*"))["Policy"]["Arn"]
deploy = iam.create_policy(PolicyName="deploy", PolicyDocument=statement("Allow", "cloudformation:*"))["Policy"]["Arn"]
iam.create_policy_version(PolicyArn=deploy, SetAsDefault=True,
                          PolicyDocument=statement("Allow", ["cloudformation:*", "iam:PassRole"]))
iam.create_policy(PolicyName="unused", PolicyDocument=statement("Allow", "ec2:Describe*"))
iam.create_user(UserName="ada", Path="/people/", Tags=[
    {"Key": "email", "Value": "ada.lovelace@acme.example"}, {"Key": "Employee-Id", "Value": "E1815"},
    {"Key": "cost", "Value": "47"}])
iam.create_login_profile(UserName="ada", Password="not-a-real-one-1")
ada_keys = [iam.create_access_key(UserName="ada")["AccessKey"]["AccessKeyId"] for _ in range(2)]
iam.update_access_key(UserName="ada", AccessKeyId=ada_keys[1], Status="Inactive")
device = iam.create_virtual_mfa_device(VirtualMFADeviceName="ada")["VirtualMFADevice"]["SerialNumber"]
iam.enable_mfa_device(UserName="ada", SerialNumber=device, AuthenticationCode1="123456", AuthenticationCode2="654321")
iam.put_user_policy(UserName="ada", PolicyName="notes äöü", PolicyDocument=statement("Allow", "s3:GetObject", "arn:aws:s3:::notes/*"))
iam.create_user(UserName="ci-runner", Tags=[{"Key": "owner", "Value": "platform@acme.example"}])
used_key = iam.create_access_key(UserName="ci-runner")["AccessKey"]
client("sts", {"aws_access_key_id": used_key["AccessKeyId"], "aws_secret_access_key": used_key["SecretAccessKey"]}
       ).get_caller_identity()
iam.attach_user_policy(UserName="ci-runner", PolicyArn=deploy)
iam.create_group(GroupName="admins", Path="/people/")
iam.attach_group_policy(GroupName="admins", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
iam.put_group_policy(GroupName="admins", PolicyName="billing", PolicyDocument=statement("Allow", "billing:*"))
iam.add_user_to_group(GroupName="admins", UserName="ada")
iam.create_role(RoleName="github-deploy", PermissionsBoundary=boundary, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [{
    "Effect": "Allow", "Action": "sts:AssumeRoleWithWebIdentity",
    "Principal": {"Federated": f"arn:aws:iam::{members['payments']}:oidc-provider/token.actions.githubusercontent.com"},
    "Condition": {"StringLike": {"token.actions.githubusercontent.com:sub": "repo:acme/payments:*"}}}]}))
iam.attach_role_policy(RoleName="github-deploy", PolicyArn=deploy)
iam.create_instance_profile(InstanceProfileName="deployer")
iam.add_role_to_instance_profile(InstanceProfileName="deployer", RoleName="github-deploy")
iam.create_service_linked_role(AWSServiceName="autoscaling.amazonaws.com")

# Policies on resources.
s3 = client("s3", payments)
s3.create_bucket(Bucket="acme-ledger")
s3.put_bucket_policy(Bucket="acme-ledger", Policy=statement(
    "Allow", "s3:GetObject", "arn:aws:s3:::acme-ledger/*", Principal={"AWS": f"arn:aws:iam::{members['data']}:root"}))
s3.create_bucket(Bucket="acme-scratch")
s3.put_public_access_block(Bucket="acme-scratch", PublicAccessBlockConfiguration={
    "BlockPublicAcls": True, "IgnorePublicAcls": True, "BlockPublicPolicy": True, "RestrictPublicBuckets": True})
data = keys_in(members["data"])
client("s3", data).create_bucket(Bucket="acme-lake")
block_public_policies(data, members["data"])
client("s3", payments, "eu-west-1").create_bucket(
    Bucket="acme-abroad", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
kms = client("kms", payments)
key = kms.create_key(Policy=statement("Allow", "kms:*", Principal={"AWS": f"arn:aws:iam::{members['payments']}:root"}))
sqs = client("sqs", payments)
queue = sqs.create_queue(QueueName="orders", Attributes={"Policy": statement("Allow", "sqs:SendMessage", Principal="*")})
sns = client("sns", payments)
topic = sns.create_topic(Name="alerts")["TopicArn"]
sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy",
                         AttributeValue=statement("Allow", "sns:Publish", topic, Principal="*"))
code = io.BytesIO()
with zipfile.ZipFile(code, "w") as archive:
    archive.writestr("f.py", "def f(*_): pass")
function = client("lambda", payments)
function.create_function(FunctionName="pay", Runtime="python3.11", Handler="f.f", Code={"ZipFile": code.getvalue()},
                         Role=f"arn:aws:iam::{members['payments']}:role/github-deploy")
function.add_permission(FunctionName="pay", StatementId="s3", Action="lambda:InvokeFunction", Principal="s3.amazonaws.com")
secrets = client("secretsmanager", payments)
secret = secrets.create_secret(Name="db/password", SecretString="x")["ARN"]
secrets.put_resource_policy(SecretId=secret, ResourcePolicy=statement("Allow", "secretsmanager:GetSecretValue", Principal={
    "AWS": f"arn:aws:iam::{members['shop']}:root"}))

# Identity Center.
sso = client("sso-admin")
instance = sso.list_instances()["Instances"][0]
store = client("identitystore")
sid = instance["IdentityStoreId"]
grace = store.create_user(IdentityStoreId=sid, UserName="grace", DisplayName="Grace Hopper",
                          Name={"GivenName": "Grace", "FamilyName": "Hopper"},
                          Emails=[{"Value": "grace@home.example", "Primary": False},
                                  {"Value": "grace.hopper@acme.example", "Primary": True}])["UserId"]
linus = store.create_user(IdentityStoreId=sid, UserName="linus", DisplayName="Linus",
                          Name={"GivenName": "Linus", "FamilyName": "T"})["UserId"]
engineers = store.create_group(IdentityStoreId=sid, DisplayName="engineers")["GroupId"]
store.create_group_membership(IdentityStoreId=sid, GroupId=engineers, MemberId={"UserId": grace})
arn = instance["InstanceArn"]
admin_set = sso.create_permission_set(Name="Admin", InstanceArn=arn, SessionDuration="PT1H")["PermissionSet"]["PermissionSetArn"]
sso.attach_managed_policy_to_permission_set(InstanceArn=arn, PermissionSetArn=admin_set,
                                            ManagedPolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
read_set = sso.create_permission_set(Name="Read", InstanceArn=arn, SessionDuration="PT1H")["PermissionSet"]["PermissionSetArn"]
sso.put_inline_policy_to_permission_set(InstanceArn=arn, PermissionSetArn=read_set,
                                        InlinePolicy=statement("Allow", "s3:Get*"))
for who, kind, what, where in [(grace, "USER", admin_set, "payments"), (engineers, "GROUP", read_set, "payments"),
                               (engineers, "GROUP", read_set, "shop")]:
    sso.create_account_assignment(InstanceArn=arn, TargetId=members[where], TargetType="AWS_ACCOUNT",
                                  PermissionSetArn=what, PrincipalType=kind, PrincipalId=who)

org.close_account(AccountId=members["closed"])

print(json.dumps({
    "access_key_id": caller["AccessKeyId"], "secret_access_key": caller["SecretAccessKey"], "organization": organization,
    "management": management, "members": members, "external_id": "acme-audit-7", "role": "MusterAudit",
    "root": root, "units": {"workloads": workloads, "production": production, "sandbox": sandbox},
    "scp": scp["Arn"], "rcp": rcp["Arn"], "boundary": boundary, "deploy": deploy, "ada_keys": ada_keys,
    "used_key": used_key["AccessKeyId"], "instance": arn.split("/")[-1],
    "center": {"grace": grace, "linus": linus, "engineers": engineers, "admin": admin_set, "read": read_set}}))
