//! The order of a live collection: who we are, which accounts there are, then all of them side by side.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::{StreamExt, TryStreamExt};

use super::account::{self, Reading};
use super::organization::{self, Export};
use super::outcome::Outcome;
use super::session::{ApiError, Closed, ErrorKind, Limits, Session};
use super::{Accounts, AccountsWord, Live, identity_center, resource_policies, workloads};
use crate::record::{Record, Resource};
use crate::scope::Gap;
use crate::secret::Secret;
use crate::sink::{Scope, Sink};
use crate::{ConnectorError, Run};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const REQUEST_TIMEOUT: Duration = Duration::from_mins(1);

/// What one account tells about others.
struct Note {
    account: String,
    alias: Option<String>,
    identity_center_roles: Vec<String>,
}

pub(super) async fn collect(live: &Live, run: &Run, sink: &Sink) -> Result<(), ConnectorError> {
    let secret = secret(live).await?;
    let session = Session::connect(live, secret.as_ref(), Limits::new(run, live.attempts)).await?;
    let client = http_client(CONNECT_TIMEOUT)?;
    let mut export = Export::default();
    let mut organisation = None;
    let accounts = match &live.accounts {
        Accounts::Unset | Accounts::Word(AccountsWord::Own) => vec![session.caller.account.clone()],
        Accounts::List(ids) => ids.clone(),
        Accounts::Word(AccountsWord::Organization) => {
            let mut scope = sink.scope("organization", &organization::KINDS);
            scope.identity(&session.caller.arn);
            let broken;
            (export, broken) = organization::accounts(&session).await;
            if let Some(organization) = &export.organization {
                scope.tenant(&organization.id);
            }
            let mut ids: Vec<String> = export
                .accounts
                .iter()
                .filter(|account| account.is_readable())
                .map(|account| account.id.clone())
                .collect();
            if let Some(error) = broken {
                unlisted(&mut scope, &error, &ids)?;
                if !ids.contains(&session.caller.account) {
                    ids.push(session.caller.account.clone());
                }
            }
            organisation = Some(scope);
            ids
        }
    };
    let mut structure = Outcome::default();
    let reading_accounts: Vec<_> =
        accounts.iter().map(|account| collect_account(live, &session, &client, sink, account)).collect();
    let reading_accounts =
        futures::stream::iter(reading_accounts).buffer_unordered(session.limits.concurrency).try_collect::<Vec<Note>>();
    let reading_structure = async {
        if organisation.is_some() && export.organization.is_some() {
            organization::structure(&session, &mut export, &mut structure).await?;
        }
        Ok::<(), ConnectorError>(())
    };
    let reading_centre = collect_identity_center(live, &session, sink, &accounts);
    let (notes, (), instances) = futures::try_join!(reading_accounts, reading_structure, reading_centre)?;

    if let Some(mut scope) = organisation {
        let aliases: BTreeMap<String, String> =
            notes.iter().filter_map(|note| Some((note.account.clone(), note.alias.clone()?))).collect();
        organization::records(&export, &aliases, &mut structure);
        structure.deliver(&mut scope).await?;
        scope.finish().await?;
        if live.identity_center && instances == 0 {
            unseen_identity_center(live, sink, &notes).await?;
        }
    }
    Ok(())
}

/// The list of accounts broke off: nothing is known of the accounts behind it, and that concerns every kind.
fn unlisted(scope: &mut Scope, error: &ApiError, known: &[String]) -> Result<(), ConnectorError> {
    if error.kind == ErrorKind::Stopped {
        return Err(ConnectorError::Stopped);
    }
    let gap = error.gap(format!("the organisation's accounts were not listed to the end; {} are known", known.len()));
    for kind in account::KINDS.into_iter().chain(organization::KINDS) {
        scope.fail(kind, gap.clone());
    }
    Ok(())
}

pub(super) async fn secret(live: &Live) -> Result<Option<Secret>, ConnectorError> {
    Ok(match &live.credential {
        Some(source) => Some(source.fetch(&live.environment, &live.folder).await?),
        None => None,
    })
}

pub(super) fn http_client(connect_timeout: Duration) -> Result<reqwest::Client, ConnectorError> {
    reqwest::Client::builder()
        .user_agent(concat!("muster/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(connect_timeout)
        .timeout(REQUEST_TIMEOUT)
        .build()
        .map_err(|error| {
            ConnectorError::Failed(
                Gap::new("AWS006", "no HTTP client could be made")
                    .cause(error.to_string())
                    .fix("check the system's certificate store and the proxy settings in the environment"),
            )
        })
}

async fn collect_account(
    live: &Live,
    caller: &Session,
    client: &reqwest::Client,
    sink: &Sink,
    account: &str,
) -> Result<Note, ConnectorError> {
    let mut scope = sink.scope(format!("account/{account}"), &account::KINDS);
    scope.tenant(account);
    let session = match caller.for_account(live, account).await {
        Ok(session) => session,
        Err(_) if caller.limits.cancel.is_cancelled() => return Err(ConnectorError::Stopped),
        Err(Closed { gap, .. }) => {
            scope.identity(&caller.caller.arn);
            scope.fail_all(&gap);
            scope.finish().await?;
            for part in resource_scopes(live) {
                let mut scope = sink.scope(format!("resource-policies/{account}/{part}"), &resource_policies::KINDS);
                scope.tenant(account);
                scope.fail_all(&gap);
                scope.finish().await?;
            }
            for part in workload_scopes(live) {
                let mut scope = sink.scope(format!("workloads/{account}/{part}"), &workloads::KINDS);
                scope.tenant(account);
                scope.fail_all(&gap);
                scope.finish().await?;
            }
            return Ok(Note { account: account.to_owned(), alias: None, identity_center_roles: Vec::new() });
        }
    };
    scope.identity(&session.caller.arn);
    let reading = async {
        let Reading { mut outcome, alias, identity_center_roles } = account::read(&session, live.last_accessed).await?;
        if !live.is_organisation() {
            outcome.records.push(Record::Resource(Box::new(Resource {
                id: account.to_owned(),
                kind: Some("aws:account".to_owned()),
                name: alias.clone(),
                ..Resource::default()
            })));
        }
        outcome.deliver(&mut scope).await?;
        scope.finish().await?;
        Ok::<Note, ConnectorError>(Note { account: account.to_owned(), alias, identity_center_roles })
    };
    let policies = collect_resource_policies(live, &session, client, sink);
    let workloads = collect_workloads(live, &session, client, sink);
    let (note, (), ()) = futures::try_join!(reading, policies, workloads)?;
    Ok(note)
}

/// Last parts of the names of an account's resource scopes.
fn resource_scopes(live: &Live) -> Vec<&str> {
    if !live.resource_policies {
        return Vec::new();
    }
    live.regions.iter().map(String::as_str).chain(["global"]).collect()
}

/// Last parts of the names of an account's scopes of workloads.
fn workload_scopes(live: &Live) -> Vec<&str> {
    if live.workloads { live.regions.iter().map(String::as_str).collect() } else { Vec::new() }
}

async fn collect_resource_policies(
    live: &Live,
    session: &Session,
    client: &reqwest::Client,
    sink: &Sink,
) -> Result<(), ConnectorError> {
    let account = &session.caller.account;
    let scopes = resource_scopes(live).into_iter().map(|part| async move {
        let mut scope = sink.scope(format!("resource-policies/{account}/{part}"), &resource_policies::KINDS);
        scope.tenant(account);
        scope.identity(&session.caller.arn);
        let outcome = match part {
            "global" => resource_policies::global(session, client).await?,
            region => resource_policies::regional(session, client, region).await?,
        };
        outcome.deliver(&mut scope).await?;
        scope.finish().await?;
        Ok::<(), ConnectorError>(())
    });
    futures::future::try_join_all(scopes).await?;
    Ok(())
}

async fn collect_workloads(
    live: &Live,
    session: &Session,
    client: &reqwest::Client,
    sink: &Sink,
) -> Result<(), ConnectorError> {
    if !live.workloads {
        return Ok(());
    }
    let account = &session.caller.account;
    let offers = &workloads::Offers::of(session, client, &live.regions).await;
    let scopes = workload_scopes(live).into_iter().map(|region| async move {
        let mut scope = sink.scope(format!("workloads/{account}/{region}"), &workloads::KINDS);
        scope.tenant(account);
        scope.identity(&session.caller.arn);
        workloads::regional(session, client, region, offers).await?.deliver(&mut scope).await?;
        scope.finish().await?;
        Ok::<(), ConnectorError>(())
    });
    futures::future::try_join_all(scopes).await?;
    Ok(())
}

/// Reads every instance in the configured regions, and says how many there were. Where looking failed, the scope
/// `identity-center` fails, since nobody can tell what it would have found.
async fn collect_identity_center(
    live: &Live,
    session: &Session,
    sink: &Sink,
    accounts: &[String],
) -> Result<usize, ConnectorError> {
    if !live.identity_center {
        return Ok(0);
    }
    let mut instances = BTreeMap::new();
    let mut failures = Vec::new();
    for region in &live.regions {
        match identity_center::instances(session, region).await {
            Ok(found) => {
                for instance in found {
                    instances.entry(instance.instance_arn.clone()).or_insert((region, instance));
                }
            }
            Err(error) if error.kind == ErrorKind::Stopped => return Err(ConnectorError::Stopped),
            Err(error) => {
                let gap = error.gap(format!("Identity Center was not looked for in {region}"));
                let fix = format!("{}; or set `identity_center = false` if this account has none", error.fix());
                failures.push(gap.fix(fix));
            }
        }
    }
    let count = instances.len() + failures.len();
    if !failures.is_empty() {
        let mut scope = sink.scope("identity-center", &identity_center::KINDS);
        scope.identity(&session.caller.arn);
        for gap in &failures {
            scope.fail_all(gap);
        }
        scope.finish().await?;
    }
    for (region, instance) in instances.into_values() {
        let mut scope = sink.scope(format!("identity-center/{}", instance.id()), &identity_center::KINDS);
        scope.identity(&session.caller.arn);
        scope.tenant(instance.identity_store_id.clone());
        identity_center::read(session, region, instance, accounts).await?.deliver(&mut scope).await?;
        scope.finish().await?;
    }
    Ok(count)
}

/// Accounts have roles that Identity Center made, and no instance was found: it lives in a region that is not listed.
async fn unseen_identity_center(live: &Live, sink: &Sink, notes: &[Note]) -> Result<(), ConnectorError> {
    let Some((account, path)) =
        notes.iter().find_map(|note| Some((&note.account, note.identity_center_roles.first()?)))
    else {
        return Ok(());
    };
    let gap = Gap::new("AWS015", format!("Identity Center made roles in account {account} (`{path}`), and no instance was found"))
        .cause(format!("it was looked for in {} only", live.regions.join(", ")))
        .fix("add the region that Identity Center lives in to `regions`; the role's path ends with it unless it is us-east-1");
    let mut scope = sink.scope("identity-center", &identity_center::KINDS);
    scope.fail_all(&gap);
    scope.finish().await?;
    Ok(())
}
