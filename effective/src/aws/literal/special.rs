//! What services decide otherwise than the page on evaluation logic says, each with its own page.

use crate::aws::request::{Principal, Request};

/// The action of STS, in lower case.
fn sts(request: &Request) -> Option<String> {
    let action = request.action.to_ascii_lowercase();
    action.strip_prefix("sts:").map(str::to_owned)
}

/// Requests that no policy decides: `Some(true)`: always allowed, `Some(false)`: never.
///
/// - `GetCallerIdentity` needs no permission, and a denial does not count (STS API Reference, GetCallerIdentity).
/// - `GetSessionToken` needs none, and policies cannot forbid it; users and roots call it with their long-term credentials only
///   (STS API Reference, GetSessionToken; IAM User Guide, "Compare AWS STS credentials").
/// - `GetFederationToken` is called by users and roots only (the same table).
/// - `AssumeRole` is not called by a root (STS API Reference, AssumeRole).
pub(in crate::aws) fn settled(request: &Request) -> Option<bool> {
    let signed_in = !matches!(request.principal, Principal::Anonymous | Principal::Federated { .. });
    let long_term = matches!(request.principal, Principal::User { .. } | Principal::Root { .. });
    match sts(request)?.as_str() {
        "getcalleridentity" => Some(signed_in),
        "getsessiontoken" => Some(long_term),
        "getfederationtoken" if !long_term => Some(false),
        "assumerole" if matches!(request.principal, Principal::Root { .. }) => Some(false),
        _ => None,
    }
}

/// Whether the resource's own policy has to allow the request in its own account, too: keys of KMS (KMS Developer Guide, "Key
/// policies") and trust policies of roles (IAM User Guide, "Policy evaluation logic", resource-based policies).
pub(in crate::aws) fn needs_own_policy(request: &Request) -> bool {
    let mut parts = request.resource.splitn(6, ':').skip(2);
    let (service, name) = (parts.next().unwrap_or_default(), parts.nth(2).unwrap_or_default());
    (service == "kms" && name.starts_with("key/")) || is_assumption(request)
}

/// Whether somebody asks for a session of a role.
pub(in crate::aws) fn is_assumption(request: &Request) -> bool {
    let mut parts = request.resource.splitn(6, ':').skip(2);
    let (service, name) = (parts.next().unwrap_or_default(), parts.nth(2).unwrap_or_default());
    service == "iam" && name.starts_with("role/") && sts(request).is_some()
}

/// Calls of service-linked roles are not limited by SCPs and RCPs (Organizations User Guide, "SCPs" and "RCPs": what they do not
/// affect).
pub(in crate::aws) fn is_service_linked(principal: &Principal) -> bool {
    matches!(principal, Principal::Session { role, .. }
        if role.splitn(6, ':').nth(5).is_some_and(|name| name.starts_with("role/aws-service-role/")))
}

/// The root of a bucket's account may read, write and delete the bucket's policy whatever that policy denies (S3 API
/// Reference, PutBucketPolicy).
pub(in crate::aws) fn is_root_on_own_bucket_policy(request: &Request) -> bool {
    let Principal::Root { account } = &request.principal else { return false };
    let action = request.action.to_ascii_lowercase();
    let policy = ["s3:getbucketpolicy", "s3:putbucketpolicy", "s3:deletebucketpolicy"].contains(&action.as_str());
    policy && request.owner() == Some(account)
}

/// Whether a block of public access, switched to restrict public buckets, keeps this caller out: everyone but services and who
/// belongs to the bucket's account (S3 User Guide, "Blocking public access", RestrictPublicBuckets).
pub(in crate::aws) fn is_kept_out_of_public_buckets(request: &Request) -> bool {
    let s3 = request.resource.split(':').nth(2) == Some("s3");
    let own = request.principal.account().is_some() && request.principal.account() == request.owner();
    s3 && !own && !matches!(request.principal, Principal::Service { .. })
}
