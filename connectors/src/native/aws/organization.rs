//! The organisation: its tree of organizational units and accounts, and the policies that bound it.
//!
//! Live answers and `organization.json` share one shape, [`Export`].

#![expect(clippy::struct_field_names, reason = "the fields are named as AWS names them")]

use std::collections::BTreeMap;

use aws_sdk_organizations::Client;
use aws_sdk_organizations::types::PolicyType;
use futures::StreamExt;
use serde::{Deserialize, Serialize};

use super::documents::Document;
use super::outcome::{NewPolicy, Outcome, Stopped, raw};
use super::session::{ApiError, Pages, Session};
use crate::record::{PolicyKind, Raw, Record, RecordKind, Resource};

/// What the scope `organization` promises.
pub(super) const KINDS: [RecordKind; 2] = [RecordKind::Resource, RecordKind::Policy];

/// An organisation as `organization.json` holds it: the answers of the AWS CLI, put together.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Export {
    /// `describe-organization`.
    pub(super) organization: Option<Organization>,
    /// `list-accounts`.
    pub(super) accounts: Vec<Account>,
    /// `list-roots`.
    pub(super) roots: Vec<Root>,
    /// `list-organizational-units-for-parent`, all levels, each with its parent.
    pub(super) organizational_units: Vec<Unit>,
    /// Account id to the id of its root or unit (`list-parents`).
    pub(super) account_parents: BTreeMap<String, String>,
    /// `describe-policy` with `list-targets-for-policy`.
    pub(super) policies: Vec<Policy>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Organization {
    pub(super) id: String,
    #[serde(default)]
    pub(super) arn: String,
    #[serde(default)]
    pub(super) feature_set: String,
    #[serde(default)]
    pub(super) master_account_id: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Account {
    pub(super) id: String,
    #[serde(default)]
    pub(super) arn: String,
    #[serde(default)]
    pub(super) name: String,
    /// `ACTIVE`, `SUSPENDED`, `PENDING_CLOSURE`, `CLOSED` …
    #[serde(default)]
    pub(super) state: String,
    /// The former name of `state`, for answers that have no other.
    #[serde(default, skip_serializing)]
    pub(super) status: String,
}

impl Account {
    /// Nobody can sign in to a suspended or closed account: it is listed and not read.
    pub(super) fn is_readable(&self) -> bool {
        !matches!(self.state(), "SUSPENDED" | "CLOSED")
    }

    fn state(&self) -> &str {
        if self.state.is_empty() { &self.status } else { &self.state }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Root {
    pub(super) id: String,
    #[serde(default)]
    pub(super) arn: String,
    #[serde(default)]
    pub(super) name: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Unit {
    pub(super) id: String,
    #[serde(default)]
    pub(super) name: String,
    #[serde(default)]
    pub(super) parent_id: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Policy {
    pub(super) policy_summary: PolicySummary,
    #[serde(default)]
    pub(super) content: Option<Document>,
    #[serde(default)]
    pub(super) targets: Vec<Target>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PolicySummary {
    pub(super) id: String,
    #[serde(default)]
    pub(super) arn: Option<String>,
    #[serde(default)]
    pub(super) name: Option<String>,
    pub(super) r#type: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Target {
    pub(super) target_id: String,
}

/// The records of an organisation. `aliases` are those of the accounts that were read.
pub(super) fn records(export: &Export, aliases: &BTreeMap<String, String>, outcome: &mut Outcome) {
    let top = export.organization.as_ref().map(|organization| organization.id.clone());
    let management = export.organization.as_ref().map_or("", |organization| organization.master_account_id.as_str());
    let mut resource = |id: &str, kind: &str, name: Option<String>, parent: Option<String>, raw: Raw, attributes| {
        outcome.records.push(Record::Resource(Box::new(Resource {
            id: id.to_owned(),
            kind: Some(kind.to_owned()),
            name: name.filter(|name| !name.is_empty()),
            parent,
            attributes,
            raw,
            ..Resource::default()
        })));
    };
    if let Some(organization) = &export.organization {
        resource(&organization.id, "aws:organization", None, None, raw(organization), BTreeMap::new());
    }
    for root in &export.roots {
        resource(&root.id, "aws:root", Some(root.name.clone()), top.clone(), raw(root), BTreeMap::new());
    }
    for unit in &export.organizational_units {
        let name = Some(unit.name.clone());
        resource(&unit.id, "aws:organizational-unit", name, unit.parent_id.clone(), raw(unit), BTreeMap::new());
    }
    for account in &export.accounts {
        let name = aliases.get(&account.id).unwrap_or(&account.name).clone();
        let parent = export.account_parents.get(&account.id).cloned();
        let mut attributes = BTreeMap::new();
        if account.id == management {
            attributes.insert("management".to_owned(), "true".to_owned());
        }
        if !account.state().is_empty() {
            attributes.insert("state".to_owned(), account.state().to_owned());
        }
        resource(&account.id, "aws:account", Some(name), parent, raw(account), attributes);
    }
    for policy in &export.policies {
        let kind = match policy.policy_summary.r#type.as_str() {
            "SERVICE_CONTROL_POLICY" => PolicyKind::Scp,
            "RESOURCE_CONTROL_POLICY" => PolicyKind::Rcp,
            _ => continue, // tag, backup and other policies say nothing about access
        };
        let mut targets: Vec<String> = policy.targets.iter().map(|target| target.target_id.clone()).collect();
        targets.sort();
        outcome.policy(NewPolicy {
            id: policy.policy_summary.arn.clone().unwrap_or_else(|| policy.policy_summary.id.clone()),
            kind,
            name: policy.policy_summary.name.clone(),
            version: None,
            targets,
            document: policy.content.as_ref(),
            raw: raw(&policy.policy_summary),
        });
    }
}

/// The organisation and its accounts: what must be known before anything else can be read.
///
/// Accounts of the pages before a failed one are returned beside the failure.
pub(super) async fn accounts(session: &Session) -> (Export, Option<ApiError>) {
    const DESCRIBE: &str = "organizations:DescribeOrganization";
    const LIST: &str = "organizations:ListAccounts";
    let client = Client::new(&session.config);
    let mut export = Export::default();
    match session.call(DESCRIBE, client.describe_organization().send()).await {
        Ok(answer) => {
            export.organization = answer.organization.and_then(|organization| {
                Some(Organization {
                    id: organization.id?,
                    arn: organization.arn.unwrap_or_default(),
                    feature_set: organization.feature_set.map(|set| set.as_str().to_owned()).unwrap_or_default(),
                    master_account_id: organization.master_account_id.unwrap_or_default(),
                })
            });
        }
        Err(error) => return (export, Some(error)),
    }
    let mut pages = Pages::of(LIST);
    let mut token = None;
    loop {
        let page = match session.call(LIST, client.list_accounts().set_next_token(token.take()).send()).await {
            Ok(page) => page,
            Err(error) => return (export, Some(error)),
        };
        for account in page.accounts.unwrap_or_default() {
            let status = account.status.as_ref().map(|status| status.as_str().to_owned());
            let state = account.state.as_ref().map(|state| state.as_str().to_owned()).or(status);
            let Some(id) = account.id else {
                return (export, Some(ApiError::bad_answer(LIST, "an account has no Id")));
            };
            export.accounts.push(Account {
                id,
                arn: account.arn.unwrap_or_default(),
                name: account.name.unwrap_or_default(),
                state: state.unwrap_or_default(),
                status: String::new(),
            });
        }
        match pages.token(page.next_token) {
            Ok(Some(next)) => token = Some(next),
            Ok(None) => return (export, None),
            Err(error) => return (export, Some(error)),
        }
    }
}

/// Adds roots, units, the accounts' places and the policies to `export`.
pub(super) async fn structure(session: &Session, export: &mut Export, outcome: &mut Outcome) -> Result<(), Stopped> {
    let client = Client::new(&session.config);
    if let Err(error) = tree(session, &client, export).await {
        outcome.missed(&[RecordKind::Resource], &error, "the organisation's tree was read in part")?;
    }
    for kind in [PolicyType::ServiceControlPolicy, PolicyType::ResourceControlPolicy] {
        if let Err(error) = policies(session, &client, &kind, export).await {
            let what = format!("policies of type {} were read in part", kind.as_str());
            outcome.missed(&[RecordKind::Policy], &error, what)?;
        }
    }
    Ok(())
}

async fn tree(session: &Session, client: &Client, export: &mut Export) -> Result<(), ApiError> {
    const ROOTS: &str = "organizations:ListRoots";
    let mut pages = Pages::of(ROOTS);
    let mut token = None;
    loop {
        let page = session.call(ROOTS, client.list_roots().set_next_token(token.take()).send()).await?;
        for root in page.roots.unwrap_or_default() {
            let id = root.id.ok_or_else(|| ApiError::bad_answer(ROOTS, "a root has no Id"))?;
            export.roots.push(Root { id, arn: root.arn.unwrap_or_default(), name: root.name.unwrap_or_default() });
        }
        match pages.token(page.next_token)? {
            Some(next) => token = Some(next),
            None => break,
        }
    }
    let mut level: Vec<String> = export.roots.iter().map(|root| root.id.clone()).collect();
    while !level.is_empty() {
        let parents: Vec<_> = level.drain(..).map(|parent| children(session, client, parent)).collect();
        let mut answers = futures::stream::iter(parents).buffered(session.limits.concurrency);
        while let Some(answer) = answers.next().await {
            let (parent, units, accounts) = answer?;
            export.account_parents.extend(accounts.into_iter().map(|account| (account, parent.clone())));
            for unit in units {
                level.push(unit.id.clone());
                export.organizational_units.push(unit);
            }
        }
    }
    Ok(())
}

/// Units and ids of accounts right below `parent`.
async fn children(
    session: &Session,
    client: &Client,
    parent: String,
) -> Result<(String, Vec<Unit>, Vec<String>), ApiError> {
    const UNITS: &str = "organizations:ListOrganizationalUnitsForParent";
    const ACCOUNTS: &str = "organizations:ListAccountsForParent";
    let (mut units, mut accounts) = (Vec::new(), Vec::new());
    let mut pages = Pages::of(UNITS);
    let mut token = None;
    loop {
        let request = client.list_organizational_units_for_parent().parent_id(&parent).set_next_token(token.take());
        let page = session.call(UNITS, request.send()).await?;
        for unit in page.organizational_units.unwrap_or_default() {
            let id = unit.id.ok_or_else(|| ApiError::bad_answer(UNITS, "a unit has no Id"))?;
            units.push(Unit { id, name: unit.name.unwrap_or_default(), parent_id: Some(parent.clone()) });
        }
        match pages.token(page.next_token)? {
            Some(next) => token = Some(next),
            None => break,
        }
    }
    let mut pages = Pages::of(ACCOUNTS);
    loop {
        let request = client.list_accounts_for_parent().parent_id(&parent).set_next_token(token.take());
        let page = session.call(ACCOUNTS, request.send()).await?;
        accounts.extend(page.accounts.unwrap_or_default().into_iter().filter_map(|account| account.id));
        match pages.token(page.next_token)? {
            Some(next) => token = Some(next),
            None => return Ok((parent, units, accounts)),
        }
    }
}

async fn policies(session: &Session, client: &Client, kind: &PolicyType, export: &mut Export) -> Result<(), ApiError> {
    const LIST: &str = "organizations:ListPolicies";
    let mut pages = Pages::of(LIST);
    let mut token = None;
    let mut ids = Vec::new();
    loop {
        let request = client.list_policies().filter(kind.clone()).set_next_token(token.take());
        let page = session.call(LIST, request.send()).await?;
        ids.extend(page.policies.unwrap_or_default().into_iter().filter_map(|policy| policy.id));
        match pages.token(page.next_token)? {
            Some(next) => token = Some(next),
            None => break,
        }
    }
    let described: Vec<_> = ids.into_iter().map(|id| policy(session, client, kind, id)).collect();
    let mut answers = futures::stream::iter(described).buffered(session.limits.concurrency);
    while let Some(answer) = answers.next().await {
        export.policies.push(answer?);
    }
    Ok(())
}

async fn policy(session: &Session, client: &Client, kind: &PolicyType, id: String) -> Result<Policy, ApiError> {
    const DESCRIBE: &str = "organizations:DescribePolicy";
    const TARGETS: &str = "organizations:ListTargetsForPolicy";
    let described = session.call(DESCRIBE, client.describe_policy().policy_id(&id).send()).await?;
    let described = described.policy.ok_or_else(|| ApiError::bad_answer(DESCRIBE, "the answer has no policy"))?;
    let mut targets = Vec::new();
    let mut pages = Pages::of(TARGETS);
    let mut token = None;
    loop {
        let request = client.list_targets_for_policy().policy_id(&id).set_next_token(token.take());
        let page = session.call(TARGETS, request.send()).await?;
        targets.extend(
            page.targets
                .unwrap_or_default()
                .into_iter()
                .filter_map(|target| target.target_id)
                .map(|target_id| Target { target_id }),
        );
        match pages.token(page.next_token)? {
            Some(next) => token = Some(next),
            None => break,
        }
    }
    let summary = described.policy_summary;
    Ok(Policy {
        policy_summary: PolicySummary {
            arn: summary.as_ref().and_then(|summary| summary.arn.clone()),
            name: summary.and_then(|summary| summary.name),
            r#type: kind.as_str().to_owned(),
            id,
        },
        content: described.content.map(Document::Text),
        targets,
    })
}
