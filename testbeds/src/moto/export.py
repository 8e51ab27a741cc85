"""Writes what the AWS CLI would print of the caller's account into a folder.

Usage: export.py ENDPOINT FOLDER ROLE_ARN EXTERNAL_ID     (with AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY)
"""

import json
import sys
from pathlib import Path

import boto3

endpoint, folder, role, external_id = sys.argv[1], Path(sys.argv[2]), sys.argv[3], sys.argv[4]
sts = boto3.client("sts", endpoint_url=endpoint, region_name="us-east-1")
c = sts.assume_role(RoleArn=role, RoleSessionName="export", ExternalId=external_id)["Credentials"]
iam = boto3.client("iam", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id=c["AccessKeyId"],
                   aws_secret_access_key=c["SecretAccessKey"], aws_session_token=c["SessionToken"])


def write(name, value):
    """JSON as the AWS CLI prints it: ISO 8601 instants, documents as objects, no response metadata."""
    value.pop("ResponseMetadata", None)
    text = json.dumps(value, indent=4, default=lambda instant: instant.isoformat())
    (folder / name).write_text(text + "\n")


write("authorization-details.json", iam.get_account_authorization_details())
while iam.generate_credential_report()["State"] != "COMPLETE":
    pass
(folder / "credential-report.csv").write_bytes(iam.get_credential_report()["Content"])
keys, devices = [], []
for user in iam.list_users()["Users"]:
    for key in iam.list_access_keys(UserName=user["UserName"])["AccessKeyMetadata"]:
        used = iam.get_access_key_last_used(AccessKeyId=key["AccessKeyId"])["AccessKeyLastUsed"]
        keys.append({**key, "AccessKeyLastUsed": used})
    devices += iam.list_mfa_devices(UserName=user["UserName"])["MFADevices"]
write("access-keys.json", {"AccessKeyMetadata": keys})
write("mfa-devices.json", {"MFADevices": devices})
write("account-aliases.json", iam.list_account_aliases())
