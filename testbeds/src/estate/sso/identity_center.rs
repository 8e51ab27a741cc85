//! AWS Identity Center as the AWS command line shows it: users and groups that Okta pushes, and the permission set they have.

use super::super::Files;
use super::super::aws::{MANAGEMENT, SANDBOX};
use super::super::json::{Json, object};
use super::super::rng::uuid_of;
use super::{Member, SINCE};

const INSTANCE: &str = "arn:aws:sso:::instance/ssoins-72230acme0examp1";
const STORE: &str = "d-9967acme01";
const SET: &str = "DeveloperAccess";

pub(super) fn user_id(local: &str) -> String {
    uuid_of(&format!("identity-center:user:{local}"))
}

pub(super) fn write(members: &[Member<'_>], files: &mut Files) {
    let developers: Vec<&Member<'_>> =
        members.iter().filter(|member| member.is_assigned("AWS IAM Identity Center")).collect();
    let set = "arn:aws:sso:::permissionSet/ssoins-72230acme0examp1/ps-1acme0developer".to_owned();
    let group = uuid_of("identity-center:group:aws-developers");
    let users = developers.iter().map(|member| {
        let person = member.person;
        object! {
            "UserId" => user_id(&person.local),
            "UserName" => person.email(),
            "DisplayName" => person.name(),
            "Emails" => vec![object! { "Value" => person.email(), "Type" => "work", "Primary" => true }],
            "ExternalIds" => vec![object! { "Issuer" => "https://scim.aws.com/acme", "Id" => member.id() }],
            "UserStatus" => "ENABLED",
            "CreatedAt" => SINCE,
        }
    });
    let memberships = developers.iter().map(|member| {
        object! {
            "GroupId" => &group, "MemberId" => object! { "UserId" => user_id(&member.person.local) },
        }
    });
    let export = object! {
        "Instance" => object! { "InstanceArn" => INSTANCE, "IdentityStoreId" => STORE, "OwnerAccountId" => MANAGEMENT },
        "PermissionSets" => vec![object! {
            "PermissionSetArn" => &set, "Name" => SET, "Description" => "Experiments in the sandbox",
            "SessionDuration" => "PT8H",
            "ManagedPolicies" => vec![object! { "Name" => "AmazonS3ReadOnlyAccess", "Arn" => "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess" }],
        }],
        "AccountAssignments" => vec![object! {
            "AccountId" => SANDBOX, "PermissionSetArn" => &set, "PrincipalType" => "GROUP", "PrincipalId" => &group,
        }],
        "Users" => users.collect::<Vec<Json>>(),
        "Groups" => vec![object! {
            "GroupId" => &group, "DisplayName" => "aws-developers",
            "ExternalIds" => vec![object! { "Issuer" => "https://scim.aws.com/acme", "Id" => "aws-developers" }],
        }],
        "GroupMemberships" => memberships.collect::<Vec<Json>>(),
    };
    files.text("aws/identity-center.json", export.pretty(4) + "\n");
}
