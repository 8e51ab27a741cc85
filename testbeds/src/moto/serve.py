"""Runs moto's server with eight corrections, so that it refuses and answers as AWS does where our tests depend on it.

1. sts:AssumeRole refuses a role that does not exist in the target account, and a missing or wrong external id.
   (moto 5.2.5 assumes any ARN.)
2. sso:ListPermissionSetsProvisionedToAccount lists what is assigned to the account. (moto's stays empty.)
3. The credential report begins with the root user's row. (moto's has none.)
4. Four AWS managed policies exist; moto has none, or with MOTO_IAM_LOAD_MANAGED_POLICIES all 1,582 in every account,
   which takes a gigabyte.
5. sso:GetPermissionsBoundaryForPermissionSet answers that there is none. (moto answers HTTP 500.)
6. The signature of a GET is checked over its empty body. (With authorisation enforced moto refuses those of Lambda, also
   when boto3 sends them: it takes the query for a body.)

7. S3's Block Public Access is read with the permissions that AWS names: s3:GetBucketPublicAccessBlock and
   s3:GetAccountPublicAccessBlock. (moto asks for s3:ListBucket and s3:GetPublicAccessBlock.) So are ownership controls:
   s3:GetBucketOwnershipControls.
8. The public parameters say that neither App Runner nor Bedrock AgentCore is offered in us-east-1. (moto gives AWS' own, and emulates
   neither of both whole.)

Usage: serve.py PORT
"""

import json
import os
import sys

os.environ["MOTO_IAM_LOAD_MANAGED_POLICIES"] = "true"

import moto.iam.aws_managed_policies as managed

WANTED = ("AdministratorAccess", "ReadOnlyAccess", "PowerUserAccess", "SecurityAudit")
everything = json.loads(managed.aws_managed_policies_data)
managed.aws_managed_policies_data = json.dumps({name: everything[name] for name in WANTED})
del everything

import moto.iam.access_control as access_control
import moto.iam.models as iam
import moto.s3.responses as s3
import moto.ssm.models as ssm
import moto.ssoadmin.responses as sso
import moto.sts.models as sts
from moto.core.exceptions import ServiceException
from moto.server import main


class RoleRefused(ServiceException):
    code = "AccessDenied"

    def __init__(self, role):
        super().__init__(f"User is not authorized to perform: sts:AssumeRole on resource: {role}")


assume_any = sts.STSBackend.assume_role


def external_ids(document):
    """The external ids that a trust policy asks for; empty when it asks for none."""
    statements = json.loads(document).get("Statement", [])
    for statement in statements if isinstance(statements, list) else [statements]:
        wanted = statement.get("Condition", {}).get("StringEquals", {}).get("sts:ExternalId")
        if wanted:
            yield wanted


def assume_existing(self, *args, **kwargs):
    arn = kwargs.get("role_arn")
    account, name = arn.split(":")[4], arn.split("/")[-1]
    roles = iam.iam_backends[account][self.partition].roles.values()
    role = next((role for role in roles if role.name == name), None)
    if role is None:
        raise RoleRefused(arn)
    wanted = list(external_ids(role.assume_role_policy_document))
    if wanted and kwargs.get("external_id") not in wanted:
        raise RoleRefused(arn)
    return assume_any(self, *args, **kwargs)


sts.STSBackend.assume_role = assume_existing


def provisioned(self):
    instance, account = self._get_param("InstanceArn"), self._get_param("AccountId")
    sets = {a.permission_set_arn for a in self.ssoadmin_backend.account_assignments
            if a.instance_arn == instance and a.target_id == account}
    return json.dumps({"PermissionSets": sorted(sets)})


sso.SSOAdminResponse.list_permission_sets_provisioned_to_account = provisioned


class NoBoundary(ServiceException):
    code = "ResourceNotFoundException"


def no_boundary(self):
    raise NoBoundary("no permissions boundary")


sso.SSOAdminResponse.get_permissions_boundary_for_permission_set = no_boundary


request_to_sign = access_control.IAMRequestBase._create_aws_request


def request_without_body(self):
    if self._method == "GET":
        self._data = {}
    return request_to_sign(self)


access_control.IAMRequestBase._create_aws_request = request_without_body


s3.ACTION_MAP["BUCKET"]["GET"]["publicAccessBlock"] = "GetBucketPublicAccessBlock"
s3.ACTION_MAP["BUCKET"]["GET"]["ownershipControls"] = "GetBucketOwnershipControls"
asked_by = access_control.IAMRequestBase.__init__


def asked_as_aws_does(self, *args, **kwargs):
    asked_by(self, *args, **kwargs)
    if self._action == "s3:GetPublicAccessBlock":
        self._action = "s3:GetAccountPublicAccessBlock"


access_control.IAMRequestBase.__init__ = asked_as_aws_does


ssm_parameters = ssm.SimpleSystemManagerBackend.get_parameters


def parameters_of_what_moto_has(self, names):
    without = tuple(f"/aws/service/global-infrastructure/regions/us-east-1/services/{name}" for name in ("apprunner", "bedrock-agentcore"))
    return ssm_parameters(self, [name for name in names if name not in without])


ssm.SimpleSystemManagerBackend.get_parameters = parameters_of_what_moto_has


report_without_root = iam.IAMBackend.get_credential_report


def report_with_root(self):
    header, _, rows = report_without_root(self).partition("\n")
    root = ("<root_account>,arn:aws:iam::%s:root,2020-01-01T00:00:00+00:00,not_supported,2021-05-06T07:08:09+00:00,"
            "not_supported,not_supported,true,false,N/A,N/A,N/A,N/A,false,N/A,N/A,N/A,N/A,false,N/A,false,N/A")
    return f"{header}\n{root % self.account_id}\n{rows}"


iam.IAMBackend.get_credential_report = report_with_root

main(["-H", "127.0.0.1", "-p", sys.argv[1]])
