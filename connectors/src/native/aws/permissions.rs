//! Tries the permissions that the manual asks for, for `muster doctor`: cheap calls that read next to nothing.
//!
//! Only a refusal says that a permission is missing. Where AWS throttles, does not answer or answers something else, it is *not known*.

use std::time::Duration;

use futures::StreamExt;

use super::live::{http_client, secret};
use super::session::{ApiError, Closed, ErrorKind, Limits, Session};
use super::workloads::Tried;
use super::{Accounts, AccountsWord, Live, identity_center, organization, resource_policies, workloads};
use crate::scope::Probe;
use crate::{ConnectorError, Run};

/// How long all of it may take: somebody waits for it, and half a minute is what `muster doctor` gives a system.
const PATIENCE: Duration = Duration::from_secs(25);
/// A host that is not there must not use up the time of the others.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Tries of one call, at most.
const ATTEMPTS: u32 = 2;

/// Name of nobody, to try permissions with: AWS checks the permission before it looks for the user.
const NOBODY: &str = "muster-permission-probe";

/// Cheap calls of every permission that can be tried without writing: in every account, and what is regional in the first of `regions`.
pub(super) async fn probe(live: &Live, run: &Run) -> Result<Vec<Probe>, ConnectorError> {
    let secret = secret(live).await?;
    let limits = Limits::new(run, live.attempts.min(ATTEMPTS)).within(PATIENCE);
    let session = Session::connect(live, secret.as_ref(), limits).await?;
    let client = http_client(CONNECT_TIMEOUT)?;
    let mut probes = vec![Probe {
        permission: "sts:GetCallerIdentity".to_owned(),
        granted: Some(true),
        detail: Some(session.caller.arn.clone()),
    }];
    let accounts = match &live.accounts {
        Accounts::Unset | Accounts::Word(AccountsWord::Own) => vec![session.caller.account.clone()],
        Accounts::List(ids) => ids.clone(),
        Accounts::Word(AccountsWord::Organization) => {
            let (export, broken) = organization::accounts(&session).await;
            probes.push(probed("organizations:ListAccounts", broken.map_or(Ok(()), Err), None));
            let organizations = aws_sdk_organizations::Client::new(&session.config);
            let roots = session.call("organizations:ListRoots", organizations.list_roots().send()).await;
            probes.push(probed("organizations:ListRoots", roots.map(drop), None));
            let request =
                organizations.list_policies().filter(aws_sdk_organizations::types::PolicyType::ServiceControlPolicy);
            let policies = session.call("organizations:ListPolicies", request.send()).await;
            probes.push(probed("organizations:ListPolicies", policies.map(drop), None));
            export.accounts.into_iter().filter(organization::Account::is_readable).map(|account| account.id).collect()
        }
    };
    if live.identity_center {
        for region in &live.regions {
            let found = identity_center::instances(&session, region).await;
            probes.push(probed("sso:ListInstances", found.map(drop), Some(region)));
        }
    }
    let each: Vec<_> = accounts.iter().map(|account| probe_account(live, &session, &client, account)).collect();
    let of_accounts: Vec<Vec<Probe>> = futures::stream::iter(each).buffered(session.limits.concurrency).collect().await;
    probes.extend(of_accounts.into_iter().flatten());
    if run.cancel.is_cancelled() { Err(ConnectorError::Stopped) } else { Ok(probes) }
}

async fn probe_account(live: &Live, caller: &Session, client: &reqwest::Client, account: &str) -> Vec<Probe> {
    let session = match caller.for_account(live, account).await {
        Ok(session) => session,
        Err(Closed { gap, is_refused }) => {
            let detail = Some(gap.cause.map_or(gap.what.clone(), |cause| format!("{}: {cause}", gap.what)));
            let granted = is_refused.then_some(false);
            return vec![Probe { permission: format!("sts:AssumeRole in {account}"), granted, detail }];
        }
    };
    let iam = aws_sdk_iam::Client::new(&session.config);
    let at = Some(account);
    let of_iam = async {
        futures::join!(
            session.call(
                "iam:GetAccountAuthorizationDetails",
                iam.get_account_authorization_details().max_items(1).send()
            ),
            session.call("iam:GetCredentialReport", iam.get_credential_report().send()),
            session.call("iam:ListAccessKeys", iam.list_access_keys().user_name(NOBODY).send()),
            session.call("iam:GetLoginProfile", iam.get_login_profile().user_name(NOBODY).send()),
            session.call("iam:ListMFADevices", iam.list_mfa_devices().user_name(NOBODY).send()),
            session.call("iam:ListAccountAliases", iam.list_account_aliases().send()),
        )
    };
    let of_policies = async {
        if live.resource_policies {
            resource_policies::probe(&session, client, &live.regions[0]).await
        } else {
            Vec::new()
        }
    };
    let of_workloads =
        async { if live.workloads { workloads::tried(&session, client, &live.regions).await } else { Vec::new() } };
    let ((details, report, keys, login, mfa, alias), policies, workloads) =
        futures::join!(of_iam, of_policies, of_workloads);
    let mut probes = vec![
        probed("iam:GetAccountAuthorizationDetails", details.map(drop), at),
        probed("iam:GetCredentialReport", report.map(drop), at),
        probed("iam:ListAccessKeys", keys.map(drop), at),
        probed("iam:GetLoginProfile", login.map(drop), at),
        probed("iam:ListMFADevices", mfa.map(drop), at),
        probed("iam:ListAccountAliases", alias.map(drop), at),
    ];
    probes.extend(policies.into_iter().map(|(call, answer)| probed(call, answer, at)));
    probes.extend(workloads.into_iter().map(|tried| of_workload(account, tried)));
    probes
}

/// A permission of workloads, and what cannot be decided without it.
fn of_workload(account: &str, tried: Tried) -> Probe {
    let Tried { call, region, answer, of } = tried;
    let mut probe = probed(call, answer, Some(&format!("{account}/{region}")));
    if let (Some(false), Some(detail)) = (probe.granted, &mut probe.detail) {
        detail.push_str(&format!(
            "; without it {of} are not read, and whether somebody who may change one becomes its role is not evaluated"
        ));
    }
    probe
}

/// An error that says the thing is not there was answered to somebody who may ask.
fn probed(permission: &str, answer: Result<(), ApiError>, at: Option<&str>) -> Probe {
    let permission = at.map_or_else(|| permission.to_owned(), |at| format!("{permission} in {at}"));
    let Err(error) = answer else { return Probe { permission, granted: Some(true), detail: None } };
    match error.kind {
        ErrorKind::NotFound => Probe { permission, granted: Some(true), detail: None },
        ErrorKind::Denied => Probe { permission, granted: Some(false), detail: Some(error.message) },
        ErrorKind::Stopped
        | ErrorKind::Credential
        | ErrorKind::Throttled
        | ErrorKind::Refused
        | ErrorKind::BadAnswer
        | ErrorKind::Unreachable => Probe { permission, granted: None, detail: Some(error.message) },
    }
}
