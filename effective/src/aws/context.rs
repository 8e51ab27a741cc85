//! What a request says about a condition key.

use std::borrow::Cow;

use super::request::{Mode, Principal, Request};

/// What is known of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known<'a> {
    /// It has these values, at least one.
    Values(Cow<'a, [String]>),
    /// The request does not have it.
    Absent,
    /// It has one value, any that this pattern matches.
    Like(String),
    /// It may have any value, or none.
    Open,
}

impl Known<'_> {
    /// Whether its value is not known.
    pub fn is_open(&self) -> bool {
        match self {
            Self::Open | Self::Like(_) => true,
            Self::Values(_) | Self::Absent => false,
        }
    }
}

/// The same of a request about the user himself who makes it, where he may bear any name: whichever it is, the resource bears it too.
/// `None`: the request is not of the kind.
pub fn itself<'a>(request: &'a Request, key: &str) -> Option<Known<'a>> {
    let Principal::User { arn } = &request.principal else { return None };
    request.principal.somebody().filter(|_| *arn == request.resource)?;
    let key = key.to_ascii_lowercase();
    let own = || Known::Values(Cow::Owned(vec![arn.rsplit('/').next().unwrap_or_default().to_owned()]));
    Some(if key == "aws:username" && !request.context.contains_key(&key) { own() } else { known(request, &key) })
}

/// What a request says of a key, which is compared without regard to case.
///
/// Strict: what the context gives and nothing else. Open: first the context, then what follows from principal and resource alone
/// (IAM User Guide, "AWS global condition context keys", reference_policies_condition-keys.html); the rest is open.
pub fn known<'a>(request: &'a Request, key: &str) -> Known<'a> {
    let key = key.to_ascii_lowercase();
    if let Some(values) = request.context.get(&key) {
        return if values.is_empty() { Known::Absent } else { Known::Values(Cow::Borrowed(values)) };
    }
    match request.mode {
        Mode::Strict => Known::Absent,
        Mode::Open => derived(request, &key),
    }
}

fn derived(request: &Request, key: &str) -> Known<'static> {
    let one = |value: &str| Known::Values(Cow::Owned(vec![value.to_owned()]));
    let principal = &request.principal;
    match key {
        "aws:principalarn" => match principal {
            Principal::Root { account } => {
                // A root's ARN is not given; it is of the partition that the resource is in.
                let mut resource = request.resource.split(':');
                let partition = resource.nth(1).filter(|partition| partition.starts_with("aws")).unwrap_or("aws");
                one(&format!("arn:{partition}:iam::{account}:root"))
            }
            Principal::User { arn } | Principal::Session { role: arn, .. } => {
                principal.somebody().map_or_else(|| one(arn), Known::Like)
            }
            Principal::FederatedUser { arn, .. } => one(arn),
            Principal::Service { .. } | Principal::Federated { .. } | Principal::Anonymous => Known::Absent,
        },
        "aws:principalaccount" => principal.account().map_or(Known::Absent, one),
        "aws:principaltype" => one(match principal {
            Principal::Root { .. } => "Account",
            Principal::User { .. } => "User",
            Principal::Session { .. } => "AssumedRole",
            Principal::FederatedUser { .. } => "FederatedUser",
            Principal::Service { .. } => "Service",
            Principal::Federated { .. } => return Known::Open,
            Principal::Anonymous => "Anonymous",
        }),
        "aws:username" => match principal {
            Principal::User { .. } if principal.somebody().is_some() => Known::Like("*".to_owned()),
            Principal::User { arn } => arn.rsplit('/').next().map_or(Known::Absent, one),
            _ => Known::Absent,
        },
        "aws:principalisawsservice" => {
            one(if matches!(principal, Principal::Service { .. }) { "true" } else { "false" })
        }
        "aws:principalservicename" => match principal {
            Principal::Service { name } => one(name),
            _ => Known::Absent,
        },
        "aws:resourceaccount" => request.owner().map_or(Known::Open, one),
        _ => Known::Open,
    }
}

impl Request {
    /// The account that the resource belongs to, as far as the request says it.
    pub fn owner(&self) -> Option<&str> {
        let named = || self.resource.split(':').nth(4).filter(|account| !account.is_empty() && *account != "*");
        self.resource_account.as_deref().or_else(named).or_else(|| self.principal.account())
    }
}
