"""Deletes a role of a member account.

Usage: remove_role.py ENDPOINT ACCOUNT ROLE
"""

import sys

import boto3

endpoint, account, role = sys.argv[1:4]
sts = boto3.client("sts", endpoint_url=endpoint, region_name="us-east-1")
c = sts.assume_role(RoleArn=f"arn:aws:iam::{account}:role/OrganizationAccountAccessRole", RoleSessionName="admin")["Credentials"]
iam = boto3.client("iam", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id=c["AccessKeyId"],
                   aws_secret_access_key=c["SecretAccessKey"], aws_session_token=c["SessionToken"])
for policy in iam.list_role_policies(RoleName=role)["PolicyNames"]:
    iam.delete_role_policy(RoleName=role, PolicyName=policy)
iam.delete_role(RoleName=role)
