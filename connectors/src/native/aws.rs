//! Amazon Web Services: IAM of one account or of every account of an organisation, the organisation's own policies, Identity
//! Center, and policies attached to resources; live, or from what `aws iam …` printed.
//!
//! ```text
//!   live:   caller ─► organisation ─► each account by AssumeRole ─► details, report, keys ─┐
//!   files:  folder ─► organization.json, one subfolder an account ─────────────────────────┴─► one mapping ─► records
//! ```
//!
//! | scope | yields |
//! | --- | --- |
//! | `account/<id>` | users, root, roles, groups, policies, credentials, trust |
//! | `organization` | units and accounts as resources, SCPs and RCPs |
//! | `identity-center/<instance>` | its users, groups, permission sets, assignments |
//! | `resource-policies/<account>/<region>`, `…/global` | resources and the policies attached to them |
//! | `workloads/<account>/<region>` | what runs as which role |

mod account;
mod credential_report;
mod details;
mod documents;
mod files;
mod iam;
mod identity_center;
mod last_accessed;
mod live;
mod organization;
mod outcome;
mod permissions;
mod resource_policies;
mod session;
mod signed;
mod workloads;

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::record::RecordKind;
use crate::scope::Probe;
use crate::secret::{CredentialSource, Environment};
use crate::sink::Sink;
use crate::{Connector, ConnectorError, Manual, Run, Settings, SettingsError};

/// The manual, and the way in.
pub const MANUAL: Manual = Manual {
    name: "aws",
    summary: "AWS accounts and organisations: IAM, SCPs and RCPs, Identity Center, resource policies; live or from files",
    reads: READS,
    collected: "AWS API, or the output of the AWS command line",
    not_read: &[
        "use of permissions from CloudTrail: last use comes from service and action last-accessed data",
        "services other than those the manual lists, and resource policies of other services",
    ],
    needs: "a role with the documented read-only policy in every account",
    permissions: PERMISSIONS,
    proven_on: "the moto emulator (organisation of six accounts, authorisation enforced); a scripted server for paging, \
                throttling, refusals and broken answers, which moto lacks; synthetic exports of the AWS CLI",
    configure,
    schema: || schemars::schema_for!(AwsSettings),
};

const READS: &str = r#"**Live**, with the standard AWS credential chain (environment, profile, SSO, `credential_process`, instance role):

    [[system]]
    name      = "aws"
    connector = "aws"
    accounts  = "organization"        # or "self" (default), or ["111122223333", "444455556666"]
    role      = "MusterAudit"         # assumed in every other account
    external_id = "a-value-you-choose"
    regions   = ["eu-central-1", "us-east-1"]

- For each account: GetAccountAuthorizationDetails (users, groups, roles, policies, boundaries, trust), the credential report
  (root, passwords, certificates), access keys with last use, MFA devices, the account alias. **Making the credential report is
  the one read that writes**: AWS keeps the report for four hours; nothing else changes.
- With `accounts = "organization"`: units, accounts, SCPs and RCPs with their targets. Suspended and closed accounts are listed
  and not read. With "self" or a list, SCPs and RCPs are not read.
- `identity_center` (default true): looked for in each of `regions`.
- `resource_policies` (default true): KMS, SQS, SNS, Lambda, Secrets Manager and VPC endpoints in each of `regions`, S3 buckets with
  their access control lists wherever they are. **`regions` defaults to `["us-east-1"]` alone**: name every region you use.
- `workloads` (default false): what runs as which role in each of `regions`: EC2 instances and launch templates, Auto Scaling groups,
  CloudFormation stacks and stack sets, Elastic Beanstalk environments, CodeBuild projects, CodeDeploy deployment groups, ECS clusters,
  services, tasks and task definitions, Batch job definitions and queues, Glue development endpoints and jobs, SageMaker notebooks and
  user profiles, Step Functions state machines, EventBridge schedules, Cognito identity pools, EMR clusters; App Runner services and the
  runtimes, browsers and interpreters of Bedrock AgentCore in regions that have them, which AWS' public parameters tell. A deployment
  group runs as the roles of the instances that it deploys to. Without them, whether somebody who may change one becomes its role is
  *not evaluated*.
- `last_accessed` (default false): for each user and role, which services and actions it may use and when it last did
  (GenerateServiceLastAccessedDetails; AWS makes one report a principal, so this is three calls or more for each).
- Also: `profile`, `endpoint` (an emulator or a private endpoint), `access_key_id` with `credential` (instead of the chain),
  `attempts` (tries of one call, default 8).

**From files**, for audits without a connection:

    folder    = "aws-export"          # one subfolder an account
    collected = "2026-11-20T06:00:00Z"

| file | made by |
| --- | --- |
| `<account>/authorization-details*.json` | `aws iam get-account-authorization-details`; several pages may lie side by side |
| `<account>/credential-report.csv` | `aws iam get-credential-report`: its JSON, or the CSV decoded from it |
| `<account>/access-keys.json` (optional) | `{"AccessKeyMetadata": […]}` of `list-access-keys`, each with the `AccessKeyLastUsed` of `get-access-key-last-used`; without it keys are named by their place in the report |
| `<account>/mfa-devices.json` (optional) | `{"MFADevices": […]}` of `list-mfa-devices` |
| `<account>/last-accessed.json` (optional) | `{"LastAccessed": [{"Arn", "ServicesLastAccessed"}]}`: the answers of `aws iam get-service-last-accessed-details`, each with the ARN it was asked for |
| `<account>/account-aliases.json` (optional) | `aws iam list-account-aliases` |
| `organization.json` (optional) | `{"Organization", "Accounts", "Roots", "OrganizationalUnits": [{"Id","Name","ParentId"}], "AccountParents": {"<account>": "<ou>"}, "Policies": [{"PolicySummary","Content","Targets"}]}` |
| `identity-center.json` (optional) | `{"Instance", "PermissionSets", "AccountAssignments", "Users", "Groups", "GroupMemberships"}` |

`file = "…json"` instead of `folder` reads one account's authorization details alone.

**Meaning.** *Last activity* is the latest use of password and keys; one that cannot be read makes it unreadable. *Never* means
never within what AWS tracks: passwords since 2014-10-20, keys since 2015-04-22, roles and services for the trailing 400 days. For buckets, *Block Public Access* of bucket and account is read, and who owns objects. Tags named
`email`, `employee-id`, `owner`, `manager`, `department` fill those fields, every tag stays as attribute `tag:<name>`.

**Not read**: SSH keys and service-specific credentials, KMS grants, policies of Lambda versions and aliases, access control lists of
single objects, policies of services not named above, which ECS services and Lambda functions a CodeDeploy deployment group deploys to. In
China and GovCloud, where AWS publishes no list of what a region has, App Runner and Bedrock AgentCore are not looked for."#;

const PERMISSIONS: &str = concat!(
    "A role of the same name (`MusterAudit`) in every account, with this policy. `muster doctor` tries in every account what lists, ",
    "regional services in the first of `regions`; with `workloads` also what describes the first element of each list, and App Runner ",
    "and Bedrock AgentCore in the first region that has them. What AWS throttles or does not answer is *not known*. The ",
    "`iam:GenerateCredentialReport` is the one permission that causes a write: without it, passwords, root and certificates are ",
    "unknown and the report says so.\n\n```json\n",
    include_str!("aws/permissions/account.json"),
    "```\n\nThe role's trust policy, naming the caller:\n\n```json\n",
    include_str!("aws/permissions/trust.json"),
    "```\n\nThe caller lives in the management account (or in one that organisation and Identity Center are delegated to) and has ",
    "the policy above for its own account, and this one:\n\n```json\n",
    include_str!("aws/permissions/management.json"),
    "```\n\nIn China and GovCloud the ARNs begin with `arn:aws-cn` and `arn:aws-us-gov`.\n"
);

/// Settings of an AWS system. Either live, or `folder`, or `file`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct AwsSettings {
    /// Name of the role to assume in every account other than the caller's own.
    role: Option<String>,
    /// External id that the role's trust policy asks for.
    external_id: Option<String>,
    /// `"organization"`, `"self"` (default) or a list of account ids.
    #[serde(default)]
    accounts: Accounts,
    /// Regions whose resource policies are read and where Identity Center is looked for; the first is also where AWS is called.
    regions: Option<Vec<String>>,
    /// URL to send every call to, for emulators and private endpoints.
    endpoint: Option<String>,
    /// Profile of the AWS configuration.
    profile: Option<String>,
    /// Access key id, with its secret in `credential`, instead of the standard credential chain.
    access_key_id: Option<String>,
    /// Where the secret of `access_key_id` is kept.
    credential: Option<CredentialSource>,
    /// Read Identity Center (default true).
    identity_center: Option<bool>,
    /// Read policies attached to resources (default true).
    resource_policies: Option<bool>,
    /// Read what runs as which role: instances, jobs, projects, stacks… (default false: some thirty calls for each region).
    workloads: Option<bool>,
    /// Ask for every user and role what it used and when (default false: several calls for each).
    last_accessed: Option<bool>,
    /// How often one call is tried (default 8).
    #[schemars(range(min = 1, max = 50))]
    attempts: Option<u32>,
    /// Folder with one subfolder an account.
    folder: Option<PathBuf>,
    /// One account's authorization details.
    file: Option<PathBuf>,
    /// When the files were taken from AWS (RFC 3339).
    #[schemars(with = "Option<String>")]
    collected: Option<Timestamp>,
}

/// Which accounts to read.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "expected \"organization\", \"self\" or a list of account ids")]
enum Accounts {
    /// In a word.
    Word(AccountsWord),
    /// By their ids.
    List(Vec<String>),
    /// The caller's own.
    #[default]
    #[serde(skip)]
    Unset,
}

/// Which accounts to read, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum AccountsWord {
    /// The caller's own.
    #[serde(rename = "self")]
    Own,
    /// Every account of the organisation.
    Organization,
}

/// A live system, checked.
#[derive(Debug)]
struct Live {
    role: Option<String>,
    external_id: Option<String>,
    accounts: Accounts,
    /// Never empty.
    regions: Vec<String>,
    endpoint: Option<String>,
    profile: Option<String>,
    access_key_id: Option<String>,
    credential: Option<CredentialSource>,
    identity_center: bool,
    resource_policies: bool,
    workloads: bool,
    last_accessed: bool,
    attempts: u32,
    folder: PathBuf,
    environment: Arc<Environment>,
}

impl Live {
    fn is_organisation(&self) -> bool {
        self.accounts == Accounts::Word(AccountsWord::Organization)
    }
}

#[derive(Debug)]
enum Aws {
    Live(Box<Live>),
    Files(files::Files),
}

fn configure(settings: Settings<'_>) -> Result<Box<dyn Connector>, SettingsError> {
    let folder = settings.folder.clone();
    let environment = Arc::clone(&settings.environment);
    let settings: AwsSettings = settings.parse()?;
    if settings.folder.is_some() || settings.file.is_some() {
        return Ok(Box::new(Aws::Files(files_of(&settings, &folder)?)));
    }
    if settings.collected.is_some() {
        return Err(SettingsError::new("`collected` says when files were taken, and there are none")
            .fix("add `folder` or `file`, or remove `collected`"));
    }
    if let Accounts::List(ids) = &settings.accounts {
        if let Some(id) = ids.iter().find(|id| id.len() != 12 || !id.bytes().all(|byte| byte.is_ascii_digit())) {
            return Err(SettingsError::new(format!("`{id}` in `accounts` is no AWS account id"))
                .fix("an account id has twelve digits: \"111122223333\""));
        }
        if ids.is_empty() {
            return Err(SettingsError::new("`accounts` is an empty list").fix("list account ids, or write \"self\""));
        }
    }
    if settings.access_key_id.is_some() != settings.credential.is_some() {
        return Err(SettingsError::new("`access_key_id` and `credential` belong together")
            .fix("give both, or none of them for the standard AWS credential chain"));
    }
    if settings.external_id.is_some() && settings.role.is_none() {
        return Err(SettingsError::new("`external_id` is for assuming a role, and there is no `role`")
            .fix("add `role`, or remove `external_id`"));
    }
    if settings.role.as_deref().is_some_and(|role| role.is_empty() || role.contains(':')) {
        return Err(SettingsError::new("`role` is a name, the same in every account, not an ARN")
            .fix("write the part after `role/`: \"MusterAudit\""));
    }
    if let Some(endpoint) = settings.endpoint.as_deref() {
        url::Url::parse(endpoint).map_err(|error| {
            SettingsError::new(format!("`endpoint` is no URL: {error}")).fix("write \"https://host:port\"")
        })?;
    }
    let regions = settings.regions.unwrap_or_else(|| vec!["us-east-1".to_owned()]);
    if regions.is_empty() || regions.iter().any(String::is_empty) {
        return Err(SettingsError::new("`regions` names no region").fix("write at least one: [\"us-east-1\"]"));
    }
    if settings.attempts == Some(0) {
        return Err(SettingsError::new("`attempts` is 0: nothing would be tried").fix("write 1 or more"));
    }
    Ok(Box::new(Aws::Live(Box::new(Live {
        role: settings.role,
        external_id: settings.external_id,
        accounts: settings.accounts,
        regions,
        endpoint: settings.endpoint,
        profile: settings.profile,
        access_key_id: settings.access_key_id,
        credential: settings.credential,
        identity_center: settings.identity_center.unwrap_or(true),
        resource_policies: settings.resource_policies.unwrap_or(true),
        workloads: settings.workloads.unwrap_or(false),
        last_accessed: settings.last_accessed.unwrap_or(false),
        attempts: settings.attempts.unwrap_or(8),
        folder,
        environment,
    }))))
}

fn files_of(settings: &AwsSettings, base: &std::path::Path) -> Result<files::Files, SettingsError> {
    let live = [
        ("role", settings.role.is_some()),
        ("external_id", settings.external_id.is_some()),
        ("accounts", settings.accounts != Accounts::Unset),
        ("regions", settings.regions.is_some()),
        ("endpoint", settings.endpoint.is_some()),
        ("profile", settings.profile.is_some()),
        ("access_key_id", settings.access_key_id.is_some()),
        ("credential", settings.credential.is_some()),
        ("identity_center", settings.identity_center.is_some()),
        ("resource_policies", settings.resource_policies.is_some()),
        ("workloads", settings.workloads.is_some()),
        ("last_accessed", settings.last_accessed.is_some()),
        ("attempts", settings.attempts.is_some()),
    ];
    if let Some((key, _)) = live.iter().find(|(_, given)| *given) {
        return Err(SettingsError::new(format!("`{key}` is for live collection, and this system is read from files"))
            .fix(format!("remove `{key}`, or `folder` and `file`")));
    }
    let place = match (&settings.folder, &settings.file) {
        (Some(_), Some(_)) => {
            return Err(SettingsError::new("`folder` and `file` are both given").fix("keep the one that is meant"));
        }
        (Some(folder), None) => files::Place::Folder(folder.clone()),
        (None, Some(file)) => files::Place::File(file.clone()),
        (None, None) => return Err(SettingsError::new("neither `folder` nor `file` is given")),
    };
    Ok(files::Files { place, base: base.to_owned(), collected: settings.collected })
}

#[async_trait]
impl Connector for Aws {
    fn kinds(&self) -> Vec<RecordKind> {
        let mut kinds = account::KINDS.to_vec();
        if matches!(self, Self::Files(files::Files { place: files::Place::File(_), .. })) {
            kinds.retain(|kind| *kind != RecordKind::Credential);
        }
        kinds
    }

    async fn collect(&self, run: &Run, sink: &Sink) -> Result<(), ConnectorError> {
        match self {
            Self::Live(live) => live::collect(live, run, sink).await,
            Self::Files(files) => files::collect(files, run, sink).await,
        }
    }

    async fn probe(&self, run: &Run) -> Result<Vec<Probe>, ConnectorError> {
        match self {
            Self::Live(live) => permissions::probe(live, run).await,
            Self::Files(files) => files::probe(files).await,
        }
    }
}
