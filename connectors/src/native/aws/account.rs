//! Reads one account's IAM live.
//!
//! One list of everything (GetAccountAuthorizationDetails), one credential report, and for each user its access keys and MFA
//! devices; login profiles only of users that the report does not know. A permission that is missing costs what it
//! protects and nothing else.

use std::future::Future;
use std::time::Duration;

use aws_sdk_iam::Client;
use aws_sdk_iam::types::ReportStateType;
use futures::StreamExt;

use super::credential_report::{self, Report};
use super::details::{AccessKey, AccountData, CALL, Details, LastUsed, LoginProfile, MfaDevice, Part, User};
use super::outcome::{Outcome, Stopped};
use super::session::{ApiError, ErrorKind, Pages, Session, instant};
use super::{iam, last_accessed};
use crate::record::RecordKind;

/// What an account's scope promises.
pub(super) const KINDS: [RecordKind; 9] = [
    RecordKind::Account,
    RecordKind::Group,
    RecordKind::Membership,
    RecordKind::Entitlement,
    RecordKind::Grant,
    RecordKind::Credential,
    RecordKind::Policy,
    RecordKind::Federation,
    RecordKind::Resource,
];

/// Objects a page of details may hold; the API's limit is 1000.
const PAGE: i32 = 1000;
const REPORT_WAIT: Duration = Duration::from_millis(500);
/// Looks at an unfinished report before giving up: two minutes.
const REPORT_LOOKS: u32 = 240;

/// What reading one account brought, and what others want to know of it.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) outcome: Outcome,
    /// The account's alias.
    pub(super) alias: Option<String>,
    /// Paths of roles that Identity Center made here: there is an instance somewhere.
    pub(super) identity_center_roles: Vec<String>,
}

/// Reads the account that `session` is in; with what its principals used where that is wanted.
pub(super) async fn read(session: &Session, with_use: bool) -> Result<Reading, Stopped> {
    let client = Client::new(&session.config);
    let account = &session.caller.account;
    let mut pages = 0;
    let (details, broken) = details(session, &client, &mut pages).await;
    let mut outcome = Outcome { pages, ..Outcome::default() };
    match &broken {
        Some(error) if error.kind == ErrorKind::Stopped => return Err(Stopped),
        Some(error) if pages == 0 || error.kind == ErrorKind::BadAnswer => {
            outcome
                .fail(&KINDS, &error.gap(format!("IAM of account {account} was not read: page {} failed", pages + 1)));
            if pages == 0 {
                return Ok(Reading { outcome, alias: None, identity_center_roles: Vec::new() });
            }
        }
        Some(error) => {
            outcome.gap(
                &KINDS,
                &error.gap(format!("IAM of account {account} was read in part: page {} failed", pages + 1)),
            );
        }
        None => {}
    }
    let users = &details.user_detail_list;
    let (report, keys, mfa, aliases) = futures::join!(
        report(session, &client),
        each_user(session, users, "access keys", |user| keys(session, &client, user)),
        each_user(session, users, "MFA devices", |user| mfa(session, &client, user)),
        aliases(session, &client),
    );
    let report = part(report, || format!("the credential report of account {account} was not read"))?;
    let unreported: Vec<User> = users
        .iter()
        .filter(|user| report.read().is_none_or(|report| report.row(&user.arn).is_none()))
        .cloned()
        .collect();
    let logins = each_user(session, &unreported, "login profiles", |user| login(session, &client, user)).await?;
    let (used, unread_use) =
        if with_use { last_accessed::read(session, &client, &details).await? } else { (Vec::new(), None) };
    let alias = match aliases {
        Ok(alias) => alias,
        Err(error) if error.kind == ErrorKind::Stopped => return Err(Stopped),
        Err(_) => None,
    };
    let identity_center_roles = details
        .role_detail_list
        .iter()
        .filter(|role| role.path.starts_with(iam::IDENTITY_CENTER))
        .map(|role| role.path.clone())
        .collect();
    let data = AccountData {
        account: account.clone(),
        partition: session.caller.partition.clone(),
        exported: false,
        report,
        keys: keys?,
        mfa: mfa?,
        logins,
        used,
        unread_use,
        details,
    };
    let mapped = iam::outcome(&data);
    outcome.records = mapped.records;
    outcome.gaps.extend(mapped.gaps);
    outcome.withheld = mapped.withheld;
    (outcome.repeated, outcome.withdrawn) = (mapped.repeated, mapped.withdrawn);
    Ok(Reading { outcome, alias, identity_center_roles })
}

/// All pages, or those before the one that failed.
async fn details(session: &Session, client: &Client, read: &mut u64) -> (Details, Option<ApiError>) {
    let mut all = Details::default();
    let mut pages = Pages::of(CALL);
    let mut marker = None;
    loop {
        let request = client.get_account_authorization_details().max_items(PAGE).set_marker(marker.take());
        let page = match session.call(CALL, request.send()).await.and_then(Details::try_from) {
            Ok(page) => page,
            Err(error) => return (all, Some(error)),
        };
        *read += 1;
        let next = pages.next(page.is_truncated, page.marker.clone());
        all.append(page);
        match next {
            Ok(Some(next)) => marker = Some(next),
            Ok(None) => return (all, None),
            Err(error) => return (all, Some(error)),
        }
    }
}

fn part<T>(answer: Result<T, ApiError>, what: impl Fn() -> String) -> Result<Part<T>, Stopped> {
    match answer {
        Ok(value) => Ok(Part::Read(value)),
        Err(error) if error.kind == ErrorKind::Stopped => Err(Stopped),
        Err(error) => Ok(Part::Failed(error.gap(what()))),
    }
}

/// Asks `read` for every user, some at a time, in the users' order. The first failure ends it: without the permission for one
/// user there is none for the next.
async fn each_user<'a, T, F>(
    session: &Session,
    users: &'a [User],
    what: &str,
    read: impl Fn(&'a User) -> F,
) -> Result<Part<Vec<T>>, Stopped>
where
    F: Future<Output = Result<Vec<T>, ApiError>>,
{
    let reading: Vec<_> = users.iter().map(read).collect();
    let mut answers = futures::stream::iter(reading).buffered(session.limits.concurrency);
    let mut all = Vec::new();
    while let Some(answer) = answers.next().await {
        match answer {
            Ok(found) => all.extend(found),
            Err(error) => {
                return part(Err(error), || {
                    format!("{what} of users of account {} were not read", session.caller.account)
                });
            }
        }
    }
    Ok(Part::Read(all))
}

/// Makes and fetches the credential report. Making it is the one thing this connector causes to be written.
async fn report(session: &Session, client: &Client) -> Result<Report, ApiError> {
    const GENERATE: &str = "iam:GenerateCredentialReport";
    const GET: &str = "iam:GetCredentialReport";
    let mut looks = 0;
    while session.call(GENERATE, client.generate_credential_report().send()).await?.state
        != Some(ReportStateType::Complete)
    {
        looks += 1;
        if looks == REPORT_LOOKS {
            return Err(ApiError::bad_answer(GENERATE, "the report was not ready within two minutes"));
        }
        session.limits.pause(GENERATE, REPORT_WAIT).await?;
    }
    let answer = session.call(GET, client.get_credential_report().send()).await?;
    let content = answer.content.ok_or_else(|| ApiError::bad_answer(GET, "the answer has no content"))?;
    credential_report::parse(content.as_ref()).map_err(|problem| ApiError::bad_answer(GET, problem))
}

async fn keys(session: &Session, client: &Client, user: &User) -> Result<Vec<AccessKey>, ApiError> {
    const LIST: &str = "iam:ListAccessKeys";
    let mut found = Vec::new();
    let mut pages = Pages::of(LIST);
    let mut marker = None;
    loop {
        let request = client.list_access_keys().user_name(&user.user_name).set_marker(marker.take());
        let page = match session.call(LIST, request.send()).await {
            Ok(page) => page,
            Err(error) if error.kind == ErrorKind::NotFound => return Ok(Vec::new()), // deleted since it was listed
            Err(error) => return Err(error),
        };
        for key in page.access_key_metadata {
            let id = key.access_key_id.ok_or_else(|| ApiError::bad_answer(LIST, "an access key has no AccessKeyId"))?;
            found.push(AccessKey {
                user_name: user.user_name.clone(),
                status: key.status.map(|status| status.as_str().to_owned()).unwrap_or_default(),
                create_date: key.create_date.as_ref().and_then(instant),
                access_key_last_used: key_last_used(session, client, &id).await?,
                access_key_id: id,
            });
        }
        match pages.next(page.is_truncated, page.marker)? {
            Some(next) => marker = Some(next),
            None => return Ok(found),
        }
    }
}

/// `None` when the key was deleted meanwhile.
async fn key_last_used(session: &Session, client: &Client, key: &str) -> Result<Option<LastUsed>, ApiError> {
    const LAST_USED: &str = "iam:GetAccessKeyLastUsed";
    let answer = match session.call(LAST_USED, client.get_access_key_last_used().access_key_id(key).send()).await {
        Ok(answer) => answer,
        Err(error) if error.kind == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    Ok(answer.access_key_last_used.map(|used| LastUsed {
        last_used_date: used.last_used_date.as_ref().and_then(instant),
        service_name: Some(used.service_name),
        region: Some(used.region),
    }))
}

async fn mfa(session: &Session, client: &Client, user: &User) -> Result<Vec<MfaDevice>, ApiError> {
    const LIST: &str = "iam:ListMFADevices";
    let mut found = Vec::new();
    let mut pages = Pages::of(LIST);
    let mut marker = None;
    loop {
        let request = client.list_mfa_devices().user_name(&user.user_name).set_marker(marker.take());
        let page = match session.call(LIST, request.send()).await {
            Ok(page) => page,
            Err(error) if error.kind == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        found.extend(
            page.mfa_devices
                .into_iter()
                .map(|device| MfaDevice { user_name: user.user_name.clone(), serial_number: device.serial_number }),
        );
        match pages.next(page.is_truncated, page.marker)? {
            Some(next) => marker = Some(next),
            None => return Ok(found),
        }
    }
}

async fn login(session: &Session, client: &Client, user: &User) -> Result<Vec<LoginProfile>, ApiError> {
    const GET: &str = "iam:GetLoginProfile";
    match session.call(GET, client.get_login_profile().user_name(&user.user_name).send()).await {
        Ok(answer) => Ok(answer
            .login_profile
            .map(|profile| LoginProfile { user_name: profile.user_name, created: instant(&profile.create_date) })
            .into_iter()
            .collect()),
        Err(error) if error.kind == ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// The account's alias: an account has one at most.
async fn aliases(session: &Session, client: &Client) -> Result<Option<String>, ApiError> {
    let answer = session.call("iam:ListAccountAliases", client.list_account_aliases().send()).await?;
    Ok(answer.account_aliases.into_iter().next())
}
