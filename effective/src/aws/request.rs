//! A question, and the policies that apply to it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::document::Document;
use super::estate::PrincipalKind;

/// May this principal do this to that?
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Who asks.
    pub principal: Principal,
    /// As `s3:GetObject`; compared without regard to case.
    pub action: String,
    /// ARN, or `*` for actions that know no resource.
    pub resource: String,
    /// The account that owns the resource; `None`: the one that the ARN names, else the principal's own.
    pub resource_account: Option<String>,
    /// Keys in lower case, each with its values in order. A key that is not here is missing from the request (strict) or may
    /// have any value (open).
    pub context: BTreeMap<String, Vec<String>>,
    /// How a key that the context does not have is read.
    pub mode: Mode,
}

/// How a key that the context does not have is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// It is not in the request.
    #[default]
    Strict,
    /// It may have any value, or none: what depends on it is carried as an assumption.
    Open,
}

impl Request {
    /// The same with condition keys whose values are known, keys in lower case; an empty value: the key is not in the request.
    #[must_use]
    pub fn given(mut self, given: &[(&str, &str)]) -> Self {
        for (key, value) in given {
            let values = if value.is_empty() { Vec::new() } else { vec![(*value).to_owned()] };
            self.context.insert((*key).to_owned(), values);
        }
        self
    }
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Principal {
    /// The root user of an account.
    Root {
        /// Its number.
        account: String,
    },
    /// An IAM user.
    User {
        /// `arn:aws:iam::123456789012:user/path/name`.
        arn: String,
    },
    /// A session of a role; `session` is part of `arn:aws:sts::…:assumed-role/role/session`, empty where any session is meant.
    Session {
        /// ARN of the role.
        role: String,
        /// Name of the session.
        session: String,
    },
    /// A session of `sts:GetFederationToken`.
    FederatedUser {
        /// `arn:aws:sts::123456789012:federated-user/name`.
        arn: String,
        /// ARN of the IAM user who called it, where that is known: what names the user also means the session.
        by: Option<String>,
    },
    /// Somebody of an identity provider, before a role is assumed (`AssumeRoleWithSAML`, `AssumeRoleWithWebIdentity`).
    Federated {
        /// ARN or name of the provider.
        provider: String,
    },
    /// A service of AWS.
    Service {
        /// As `ec2.amazonaws.com`.
        name: String,
    },
    /// Somebody who is not signed in.
    Anonymous,
}

/// What the name of somebody begins with whom nobody has named; names in IAM have letters, digits and `+=,.@_-` (IAM User Guide, "IAM
/// identifiers").
const SOMEBODY: &str = "<";

/// The ARN of a user or role of an account that may bear any name: what depends on it is open.
pub fn somebody(partition: &str, account: &str, kind: PrincipalKind) -> String {
    let kind = match kind {
        PrincipalKind::User => "user",
        PrincipalKind::Role => "role",
    };
    format!("arn:{partition}:iam::{account}:{kind}/{SOMEBODY}somebody>")
}

impl Principal {
    /// Whether it may bear any name; the pattern of what it can be called.
    pub fn somebody(&self) -> Option<String> {
        let (Self::User { arn } | Self::Session { role: arn, .. }) = self else { return None };
        let (start, _) = arn.split_once('/').filter(|(_, name)| name.starts_with(SOMEBODY))?;
        Some(format!("{start}/*"))
    }

    /// Reads an ARN of any of the kinds that have one.
    pub fn from_arn(arn: &str) -> Option<Self> {
        let mut parts = arn.splitn(6, ':');
        let (scheme, _partition, service) = (parts.next()?, parts.next()?, parts.next()?);
        let (_region, account, name) = (parts.next()?, parts.next()?, parts.next()?);
        if scheme != "arn" || account.is_empty() {
            return None;
        }
        match (service, name.split_once('/')) {
            ("iam" | "sts", None) if name == "root" => Some(Self::Root { account: account.to_owned() }),
            ("iam", Some(("user", _))) => Some(Self::User { arn: arn.to_owned() }),
            ("iam", Some(("role", _))) => Some(Self::Session { role: arn.to_owned(), session: String::new() }),
            ("sts", Some(("assumed-role", rest))) => {
                let (role, session) = rest.split_once('/')?;
                let partition = arn.split(':').nth(1)?;
                let role = format!("arn:{partition}:iam::{account}:role/{role}");
                Some(Self::Session { role, session: session.to_owned() })
            }
            ("sts", Some(("federated-user", _))) => Some(Self::FederatedUser { arn: arn.to_owned(), by: None }),
            _ => None,
        }
    }

    /// The number of the account that it belongs to; `None` for services, providers and who is not signed in.
    pub fn account(&self) -> Option<&str> {
        match self {
            Self::Root { account } => Some(account),
            Self::User { arn } | Self::FederatedUser { arn, .. } | Self::Session { role: arn, .. } => {
                arn.split(':').nth(4)
            }
            Self::Federated { .. } | Self::Service { .. } | Self::Anonymous => None,
        }
    }
}

/// A document and what it is called.
#[derive(Debug, Clone)]
pub struct Attached {
    /// ARN of a managed policy; for others a name that leads to it, as `inline policy deploy of role ci`.
    pub name: Arc<str>,
    /// Version of a managed policy.
    pub version: Option<Arc<str>>,
    /// What it says.
    pub document: Arc<Document>,
}

/// Policies of one step from the root of an organisation to an account: the root, a unit or the account itself.
#[derive(Debug, Clone)]
pub struct Level {
    /// `r-…`, `ou-…` or an account's number.
    pub name: Arc<str>,
    /// Attached there.
    pub policies: Vec<Attached>,
}

/// Everything that decides one request.
#[derive(Debug, Clone, Default)]
pub struct Layers {
    /// Of the user and its groups, or of the role.
    pub identity: Vec<Attached>,
    /// `None`: there is none. `Some` of nothing is a boundary that allows nothing.
    pub boundary: Option<Vec<Attached>>,
    /// `None`: a session without one.
    pub session: Option<Vec<Attached>>,
    /// From the root of the organisation down to the principal's account. Empty where no SCP applies: no organisation, the
    /// management account, a service-linked role.
    pub scps: Vec<Level>,
    /// From the root of the organisation down to the resource's account. Empty where none applies.
    pub rcps: Vec<Level>,
    /// Policy of the resource; for a role that is to be assumed, its trust policy.
    pub resource: Option<Attached>,
    /// What the access control list of a bucket grants, as a policy that only allows.
    pub acl: Option<Attached>,
    /// Policies of the VPC endpoint that the request goes through.
    pub vpc_endpoint: Option<Vec<Attached>>,
    /// Of a bucket: the block of public access has *restrict public buckets* switched on, in the bucket or in its account.
    pub restrict_public_buckets: bool,
}
