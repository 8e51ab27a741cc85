//! `scim`: users and groups of any SCIM 2.0 service (RFC 7643, 7644, 9865), live or from saved pages.
//!
//! ```text
//!   live:  ServiceProviderConfig ─► Listing of /Users ─► scope "users"  ─┐
//!                                ─► Listing of /Groups ─► scope "groups" ─┴─► records by `resource`
//!   files: every JSON document in the files, sorted ──────────────────────┘
//! ```
//!
//! Only what the system asks and answers is here; how long to wait and when to give up is [`crate::http`]'s.

mod files;
mod listing;
mod resource;

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::{self, StreamExt as _};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use self::files::Files;
use self::listing::{End, Listing, Paging};
use self::resource::{Catalogue, Held, Member, Members, Object};
use crate::http::{Auth, Client, HttpError, Limits, Options, Pace, Read, RealPace, base_url};
use crate::record::{Membership, PrincipalKind, Raw, Record, RecordKind};
use crate::scope::{Gap, Probe};
use crate::secret::{CredentialSource, Environment};
use crate::sink::{Scope, Sink, SinkClosed};
use crate::{Connector, ConnectorError, Manual, Run, Settings, SettingsError};

/// The manual of `scim`.
pub const MANUAL: Manual = Manual {
    name: "scim",
    summary: "Users, groups, roles and entitlements of any SCIM 2.0 service.",
    reads: READS,
    collected: "HTTPS; or saved pages",
    not_read: &[
        "when somebody last signed in, and credentials: SCIM tells neither",
        "resource types other than users and groups",
    ],
    needs: "a token that may read users and groups",
    permissions: PERMISSIONS,
    proven_on: "scim2-server 0.8.3 (index and cursor paging, live and from saved pages); a scripted server for faults.",
    configure,
    schema: || schemars::schema_for!(ScimSettings),
};

const READS: &str = "\
| endpoint | scope | becomes |
| --- | --- | --- |
| `GET /ServiceProviderConfig` | | which paging the service has; optional |
| `GET /Users` | `users` | accounts; `roles` and `entitlements` as entitlements and grants |
| `GET /Groups`, `GET /Groups/{id}` | `groups` | groups, memberships; nested groups by `type` or `$ref` |

A group is asked for on its own when the list leaves its `members` out. When no group shows members at all, memberships
count as withheld, not as empty.

The enterprise extension gives employee number, manager and department; `externalId` becomes a federated id; `active`
that is missing or illegible leaves the state unknown. Passwords, certificates, phone numbers, addresses and extensions
other than the enterprise one are never kept.

From files: `folder` (every `*.json` in it) or `files`, each with one or more list replies of `/Users` and `/Groups` as they
came, in any order:

    curl -H \"Authorization: Bearer $TOKEN\" 'https://host/scim/v2/Users?startIndex=1&count=100' > users-1.json

`totalResults` in the pages tells whether one is missing.";

const PERMISSIONS: &str = "\
A token that may read `/Users`, `/Groups` and `/ServiceProviderConfig`. Nothing is written: only GET is sent. Many services
issue SCIM tokens that can also write; where a read-only scope exists, use it.";

const USER_KINDS: &[RecordKind] = &[RecordKind::Account, RecordKind::Entitlement, RecordKind::Grant];
const GROUP_KINDS: &[RecordKind] = &[RecordKind::Group, RecordKind::Membership];

/// Settings of `scim`: `url` with a credential, or `folder` or `files`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ScimSettings {
    /// Base address of the service, before `/Users`: `https://host/scim/v2`.
    url: Option<String>,
    /// Bearer token; the password when `user` is given.
    credential: Option<CredentialSource>,
    /// User name for basic authentication.
    user: Option<String>,
    /// Further headers, sent with every request. Not for secrets.
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// Rows asked for at once.
    page_size: Option<u32>,
    /// Certificates of a private authority in PEM, relative to the config.
    ca_file: Option<PathBuf>,
    /// How to page.
    #[serde(default)]
    paging: PagingSetting,
    /// Folder with saved pages, relative to the config.
    folder: Option<PathBuf>,
    /// Files with saved pages, relative to the config.
    files: Option<Vec<PathBuf>>,
    /// When the files were saved, as in `2026-11-01T06:00:00Z`.
    collected: Option<Timestamp>,
}

/// How to page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum PagingSetting {
    /// By cursor where the service announces it, else by index.
    #[default]
    Auto,
    /// `startIndex` (RFC 7644).
    Index,
    /// `cursor` (RFC 9865).
    Cursor,
}

/// Rows asked for at once when the settings do not say.
const PAGE_SIZE: u32 = 100;

fn configure(settings: Settings<'_>) -> Result<Box<dyn Connector>, SettingsError> {
    configure_paced(settings, Arc::new(RealPace))
}

/// Builds the connector with a pace of the caller's: tests do not wait.
///
/// # Errors
/// [`SettingsError`] as from the manual's `configure`.
pub fn configure_paced(settings: Settings<'_>, pace: Arc<dyn Pace>) -> Result<Box<dyn Connector>, SettingsError> {
    let (folder, environment) = (settings.folder.clone(), Arc::clone(&settings.environment));
    let given: ScimSettings = settings.parse()?;
    match (&given.url, &given.folder, &given.files) {
        (Some(url), None, None) => {
            if given.collected.is_some() {
                return Err(SettingsError::new("`collected` is for files, and `url` reads the live system")
                    .fix("take `collected` out"));
            }
            if given.user.is_some() && given.credential.is_none() {
                return Err(SettingsError::new("`user` is given without `credential`")
                    .fix("add `credential = { env = \"NAME\" }` with the password"));
            }
            let base = base_url(url).map_err(|error| unusable("url", &error))?;
            let page_size = given.page_size.unwrap_or(PAGE_SIZE);
            if page_size == 0 {
                return Err(SettingsError::new("`page_size` is 0").fix("leave it out, or write 100"));
            }
            Ok(Box::new(Scim::Live(Live {
                base,
                credential: given.credential,
                user: given.user,
                headers: given.headers,
                page_size,
                ca_file: given.ca_file.map(|file| folder.join(file)),
                paging: given.paging,
                folder,
                environment,
                pace,
            })))
        }
        (None, Some(_), None) | (None, None, Some(_)) => {
            let live_only = [
                ("credential", given.credential.is_some()),
                ("user", given.user.is_some()),
                ("headers", !given.headers.is_empty()),
                ("page_size", given.page_size.is_some()),
                ("ca_file", given.ca_file.is_some()),
                ("paging", given.paging != PagingSetting::Auto),
            ];
            if let Some((key, _)) = live_only.iter().find(|(_, given)| *given) {
                return Err(SettingsError::new(format!("`{key}` is for a live system, and files are read"))
                    .fix(format!("take `{key}` out")));
            }
            let collected = given.collected;
            Ok(Box::new(Scim::Files(Files::new(folder, given.folder, given.files.unwrap_or_default(), collected))))
        }
        (None, None, None) => Err(SettingsError::new("nothing to read: no `url`, `folder` or `files`")
            .fix("write `url = \"https://host/scim/v2\"`, or `folder` with saved pages")),
        _ => Err(SettingsError::new("more than one of `url`, `folder` and `files` is given")
            .fix("keep one; a system that is read both ways is two systems")),
    }
}

fn unusable(key: &str, error: &HttpError) -> SettingsError {
    let text = SettingsError::new(format!("`{key}`: {error}"));
    match error.gap().fix {
        Some(fix) => text.fix(fix),
        None => text,
    }
}

/// A configured SCIM system.
#[derive(Debug)]
enum Scim {
    Live(Live),
    Files(Files),
}

#[async_trait]
impl Connector for Scim {
    fn kinds(&self) -> Vec<RecordKind> {
        [USER_KINDS, GROUP_KINDS].concat()
    }

    async fn collect(&self, run: &Run, sink: &Sink) -> Result<(), ConnectorError> {
        // Opened before anything can fail: a scope that is dropped is reported as failed.
        let users = UserScope { scope: sink.scope("users", USER_KINDS), catalogue: Catalogue::default() };
        let groups = GroupScope::new(sink.scope("groups", GROUP_KINDS));
        match self {
            Self::Live(live) => live.collect(run, sink, users, groups).await,
            Self::Files(files) => files.collect(run, users, groups).await,
        }
    }

    async fn probe(&self, run: &Run) -> Result<Vec<Probe>, ConnectorError> {
        match self {
            Self::Live(live) => live.probe(run).await,
            Self::Files(files) => files.probe().await,
        }
    }
}

/// The scope "users" while it is filled.
#[derive(Debug)]
struct UserScope {
    scope: Scope,
    catalogue: Catalogue,
}

impl UserScope {
    /// Pushes the records of a user that has an id.
    async fn take(&mut self, resource: &Value) -> Result<(), SinkClosed> {
        let Some(account) = resource::account(resource) else { return Ok(()) };
        let held = resource::held(resource, &account.id, PrincipalKind::Account);
        self.scope.push(Record::Account(Box::new(account))).await?;
        for Held { entitlement, grant } in held {
            self.catalogue.add(entitlement);
            self.scope.push(Record::Grant(Box::new(grant))).await?;
        }
        Ok(())
    }

    /// Pushes what was gathered and ends the scope; returns the entitlements that were pushed.
    async fn finish(mut self) -> Result<Catalogue, SinkClosed> {
        for entitlement in self.catalogue.entitlements() {
            self.scope.push(Record::Entitlement(Box::new(entitlement.clone()))).await?;
        }
        self.scope.finish().await?;
        Ok(self.catalogue)
    }
}

/// The scope "groups" while it is filled.
#[derive(Debug)]
struct GroupScope {
    scope: Scope,
    catalogue: Catalogue,
    ids: HashSet<Arc<str>>,
    /// Members whose kind the server does not tell, with their group.
    untold: Vec<(String, String)>,
    /// Groups whose `members` never came.
    without: u64,
    /// Some group showed members, so a group without is empty.
    shown: bool,
}

impl GroupScope {
    fn new(scope: Scope) -> Self {
        let (ids, catalogue) = (HashSet::new(), Catalogue::default());
        Self { scope, catalogue, ids, untold: Vec::new(), without: 0, shown: false }
    }

    /// Pushes a group that has an id, with its roles and the members that can be told.
    async fn take(&mut self, resource: &Value) -> Result<(), SinkClosed> {
        let Some(group) = resource::group(resource) else { return Ok(()) };
        let id = group.id.clone();
        self.ids.insert(id.as_str().into());
        let held = resource::held(resource, &id, PrincipalKind::Group);
        self.scope.push(Record::Group(Box::new(group))).await?;
        for Held { entitlement, grant } in held {
            self.catalogue.add(entitlement);
            self.scope.push(Record::Grant(Box::new(grant))).await?;
        }
        match resource::members(resource) {
            Members::Absent => self.without += 1,
            Members::Listed { members, nameless } => {
                self.shown |= !members.is_empty();
                if nameless > 0 {
                    let gap = Gap::new("COL065", format!("{nameless} members of group `{id}` have no id"))
                        .cause("neither `value` nor `$ref` is given")
                        .fix("ask the vendor to follow RFC 7643 section 4.2");
                    self.scope.gap(RecordKind::Membership, gap);
                }
                for Member { id: member, kind } in members {
                    match kind {
                        Some(kind) => self.scope.push(membership(member, kind, &id)).await?,
                        None => self.untold.push((member, id.clone())),
                    }
                }
            }
        }
        Ok(())
    }

    /// Settles what can be settled only at the end, and ends the scope. `users` are the ids of all users, `pushed` the
    /// entitlements that came with them.
    async fn finish(mut self, users: &HashSet<Arc<str>>, pushed: &Catalogue) -> Result<(), SinkClosed> {
        for (member, group) in std::mem::take(&mut self.untold) {
            let kind = match (users.contains(member.as_str()), self.ids.contains(member.as_str())) {
                (true, false) => PrincipalKind::Account,
                (false, true) => PrincipalKind::Group,
                _ => PrincipalKind::Unknown,
            };
            self.scope.push(membership(member, kind, &group)).await?;
        }
        for entitlement in self.catalogue.entitlements().filter(|entitlement| !pushed.has(&entitlement.id)) {
            self.scope.push(Record::Entitlement(Box::new(entitlement.clone()))).await?;
        }
        if self.without > 0 && !self.shown {
            let gap = Gap::new("COL064", format!("none of the {} groups shows its members", self.ids.len()))
                .cause("`members` is missing everywhere: either every group is empty, or the server withholds them")
                .fix("give the credential the right to read group members; if all groups are empty, add one member to one");
            self.scope.gap(RecordKind::Membership, gap);
        }
        self.scope.finish().await
    }
}

fn membership(member: String, member_kind: PrincipalKind, group: &str) -> Record {
    Record::Membership(Membership {
        member,
        member_kind,
        group: group.to_owned(),
        since: None,
        until: None,
        via: None,
        raw: Raw::Within(group.to_owned()),
    })
}

/// The gap left by resources without an id.
fn nameless_gap(endpoint: &str, nameless: u64) -> Gap {
    Gap::new("COL065", format!("{nameless} resources of /{endpoint} have no id"))
        .cause("an `id` is required by RFC 7643 section 3.1; without it nothing can be said about them")
        .fix("ask the vendor which resources these are")
}

fn gap_all(scope: &mut Scope, kinds: &[RecordKind], gap: &Gap) {
    for kind in kinds {
        scope.gap(*kind, gap.clone());
    }
}

/// A live system.
#[derive(Debug)]
struct Live {
    base: Url,
    credential: Option<CredentialSource>,
    user: Option<String>,
    headers: BTreeMap<String, String>,
    page_size: u32,
    ca_file: Option<PathBuf>,
    paging: PagingSetting,
    folder: PathBuf,
    environment: Arc<Environment>,
    pace: Arc<dyn Pace>,
}

impl Live {
    async fn client(&self, run: &Run) -> Result<Client, ConnectorError> {
        let secret = match &self.credential {
            Some(source) => Some(source.fetch(&self.environment, &self.folder).await?),
            None => None,
        };
        let auth = match (secret, &self.user) {
            (Some(password), Some(user)) => Auth::Basic { user: user.clone(), password },
            (Some(token), None) => Auth::Bearer(token),
            (None, _) => Auth::None,
        };
        let ca_pem = match &self.ca_file {
            None => None,
            Some(file) => Some(tokio::fs::read(file).await.map_err(|error| {
                let gap = Gap::new("COL039", format!("cannot read the CA file `{}`", file.display()));
                ConnectorError::Failed(gap.cause(error.to_string()).fix("check `ca_file` in the config"))
            })?),
        };
        let options = Options {
            base: self.base.clone(),
            auth,
            headers: self.headers.clone(),
            accept: "application/scim+json, application/json",
            ca_pem,
            limits: Limits::default(),
        };
        Client::new(options, run, Arc::clone(&self.pace)).map_err(|error| ConnectorError::Failed(error.gap()))
    }

    async fn collect(
        &self,
        run: &Run,
        sink: &Sink,
        mut users: UserScope,
        mut groups: GroupScope,
    ) -> Result<(), ConnectorError> {
        let watcher = sink.clone();
        let client = self.client(run).await?.watched(move |text| watcher.progress().note(text));
        let announced = Announced::ask(&client).await?;
        users.scope.probe(announced.probe.clone());
        let paging = match self.paging {
            PagingSetting::Index => Paging::Index,
            PagingSetting::Cursor => Paging::Cursor,
            PagingSetting::Auto => announced.paging,
        };
        let count = announced.max_page.map_or(self.page_size, |most| most.min(self.page_size)).max(1);

        let mut list = Listing::new(client.clone(), "Users", count, paging);
        let ids = loop {
            match list.next().await {
                Ok(Some(resources)) => {
                    users.scope.page();
                    client.server_time().into_iter().for_each(|told| users.scope.server_time(told));
                    for resource in &resources {
                        users.take(resource).await?;
                    }
                }
                Ok(None) => break settle(list, &mut users.scope, USER_KINDS, sink),
                Err(error) => break break_off(list, &error, &mut users.scope, USER_KINDS, sink)?,
            }
        };
        let pushed = users.finish().await?;

        let mut list = Listing::new(client.clone(), "Groups", count, paging);
        let mut asker =
            MemberAsker { client: &client, abreast: run.concurrency.max(1), why: None, hopeless: false, unread: 0 };
        loop {
            match list.next().await {
                Ok(Some(resources)) => {
                    groups.scope.page();
                    client.server_time().into_iter().for_each(|told| groups.scope.server_time(told));
                    for resource in asker.complete(resources, groups.shown).await? {
                        groups.take(&resource).await?;
                    }
                }
                Ok(None) => {
                    settle(list, &mut groups.scope, GROUP_KINDS, sink);
                    break;
                }
                Err(HttpError::NotFound(_) | HttpError::Refused(_))
                    if !list.began() && has_no_groups(&client).await =>
                {
                    let detail = "the service lists no resource type `Group`; it has no groups";
                    let permission = "GET /Groups".to_owned();
                    groups.scope.probe(Probe { permission, granted: Some(false), detail: Some(detail.into()) });
                    break;
                }
                Err(error) => {
                    break_off(list, &error, &mut groups.scope, GROUP_KINDS, sink)?;
                    break;
                }
            }
        }
        if let Some(gap) = asker.gap() {
            groups.scope.gap(RecordKind::Membership, gap);
            groups.shown = true; // told already
        }
        groups.finish(&ids, &pushed).await?;
        Ok(())
    }

    async fn probe(&self, run: &Run) -> Result<Vec<Probe>, ConnectorError> {
        let client = self.client(run).await?;
        let mut probes = vec![Announced::ask(&client).await?.probe];
        for endpoint in ["Users", "Groups"] {
            let mut url = client.url(&[endpoint]);
            url.query_pairs_mut().append_pair("count", "1");
            let outcome = client.read(&Read::get(url)).await.and_then(|reply| {
                let page = listing::page(reply.json()?);
                page.ok_or(HttpError::Unusable { request: reply.request, what: "it is no SCIM list".into() })
            });
            let permission = format!("GET /{endpoint}");
            probes.push(match outcome {
                Ok(page) => {
                    let detail = page.total.map(|total| format!("{total} in all"));
                    Probe { permission, granted: Some(true), detail }
                }
                Err(HttpError::Stopped) => return Err(ConnectorError::Stopped),
                // Nothing answers: the system cannot be reached at all.
                Err(error @ (HttpError::NoReply { .. } | HttpError::Untrusted { .. })) => {
                    return Err(ConnectorError::Failed(error.gap()));
                }
                Err(error) => Probe { permission, granted: Some(false), detail: Some(told(&error)) },
            });
        }
        probes.extend(who_am_i(&client).await?);
        Ok(probes)
    }
}

/// The error with its cause, in one line.
fn told(error: &HttpError) -> String {
    let gap = error.gap();
    match gap.cause {
        Some(cause) => format!("{}: {cause}", gap.what),
        None => gap.what,
    }
}

/// Who the credential is, where the service says (`/Me`, RFC 7644 section 3.11); most do not.
async fn who_am_i(client: &Client) -> Result<Option<Probe>, ConnectorError> {
    match client.read(&Read::get(client.url(&["Me"]))).await {
        Ok(reply) => Ok(reply.json::<Value>().ok().and_then(|me| {
            let me = Object::of(&me)?;
            let detail = me.text("userName").or_else(|| me.text("id"))?;
            Some(Probe { permission: "GET /Me".into(), granted: Some(true), detail: Some(detail) })
        })),
        Err(HttpError::Stopped) => Err(ConnectorError::Stopped),
        Err(_) => Ok(None),
    }
}

/// Ends a list that was read to its end; returns the ids in it.
fn settle(list: Listing, scope: &mut Scope, kinds: &[RecordKind], sink: &Sink) -> HashSet<Arc<str>> {
    if let (Some(total), Some(first)) = (list.total(), kinds.first()) {
        scope.declare_total(*first, total);
    }
    list.settle_ids(scope);
    if list.nameless() > 0 {
        gap_all(scope, kinds, &nameless_gap(scope.name(), list.nameless()));
    }
    if list.duplicates() > 0 {
        sink.progress().note(&format!("{}: {} rows came twice and were dropped", scope.name(), list.duplicates()));
    }
    let (end, ids) = list.finish();
    match end {
        End::Whole => {}
        End::Partial(gap) => gap_all(scope, kinds, &gap),
        End::Failed(gap) => scope.fail_all(&gap),
    }
    ids
}

/// Ends a list that broke off: failed when nothing was read, else partial. A stopped run stops the connector.
fn break_off(
    list: Listing,
    error: &HttpError,
    scope: &mut Scope,
    kinds: &[RecordKind],
    sink: &Sink,
) -> Result<HashSet<Arc<str>>, ConnectorError> {
    if matches!(error, HttpError::Stopped) {
        return Err(ConnectorError::Stopped);
    }
    if !list.began() {
        scope.fail_all(&error.gap());
        return Ok(HashSet::new());
    }
    Ok(settle(list, scope, kinds, sink)) // carries the error's gap
}

/// Whether the service itself says that it has no groups (RFC 7644, section 4, `/ResourceTypes`).
async fn has_no_groups(client: &Client) -> bool {
    let Ok(reply) = client.read(&Read::get(client.url(&["ResourceTypes"]))).await else { return false };
    let Some(page) = reply.json().ok().and_then(listing::page) else { return false };
    let names = |name: &str| {
        page.resources.iter().filter_map(Object::of).any(|kind| {
            let matches = |attribute| kind.text(attribute).is_some_and(|text| text.eq_ignore_ascii_case(name));
            matches("name") || matches("id")
        })
    };
    names("User") && !names("Group")
}

/// What the service says about itself.
#[derive(Debug, Clone)]
struct Announced {
    paging: Paging,
    max_page: Option<u32>,
    probe: Probe,
}

impl Announced {
    /// Reads `/ServiceProviderConfig`. A service without it pages by index; that is a note, not an error.
    async fn ask(client: &Client) -> Result<Self, ConnectorError> {
        let permission = "GET /ServiceProviderConfig".to_owned();
        let outcome = client.read(&Read::get(client.url(&["ServiceProviderConfig"]))).await;
        match outcome.and_then(|reply| reply.json::<Value>()) {
            Ok(config) => {
                let pagination = Object::of(&config).and_then(|config| config.object("pagination"));
                let cursor = pagination.is_some_and(|pagination| pagination.flag("cursor") == Ok(Some(true)));
                let max_page = pagination.and_then(|pagination| pagination.number("maxPageSize"));
                Ok(Self {
                    paging: if cursor { Paging::Cursor } else { Paging::Index },
                    max_page: max_page.and_then(|most| u32::try_from(most).ok()),
                    probe: Probe { permission, granted: Some(true), detail: None },
                })
            }
            Err(HttpError::Stopped) => Err(ConnectorError::Stopped),
            Err(error) => Ok(Self {
                paging: Paging::Index,
                max_page: None,
                probe: Probe { permission, granted: Some(false), detail: Some(told(&error)) },
            }),
        }
    }
}

/// Asks for the members that a list leaves out.
#[derive(Debug)]
struct MemberAsker<'a> {
    client: &'a Client,
    /// Groups asked for at once; the client's slots bound the requests.
    abreast: usize,
    /// Why the first of the unread groups could not be read.
    why: Option<Gap>,
    /// Asking for further groups would fail alike.
    hopeless: bool,
    unread: u64,
}

impl MemberAsker<'_> {
    /// The groups of a page, each with its members where they can be had, in the same order.
    async fn complete(&mut self, groups: Vec<Value>, shown: bool) -> Result<Vec<Value>, ConnectorError> {
        let ask = !self.hopeless;
        let shown = shown || groups.iter().any(|group| resource::members(group) != Members::Absent);
        let client = self.client;
        let answers: Vec<(Value, Option<Result<Value, HttpError>>)> = stream::iter(groups)
            .map(|group| async move {
                let lacking = resource::members(&group) == Members::Absent;
                let answer = match resource::id(&group).filter(|_| lacking && ask) {
                    Some(id) => Some(ask_for_members(client, &id, shown).await),
                    None => None,
                };
                (group, answer)
            })
            .buffered(self.abreast)
            .collect()
            .await;
        let mut complete = Vec::with_capacity(answers.len());
        for (group, answer) in answers {
            match answer {
                Some(Ok(whole)) => {
                    complete.push(whole);
                    continue;
                }
                Some(Err(HttpError::Stopped)) => return Err(ConnectorError::Stopped),
                Some(Err(error)) => {
                    self.unread += 1;
                    self.why.get_or_insert_with(|| error.gap());
                    self.hopeless |= !matches!(error, HttpError::NotFound(_) | HttpError::Unusable { .. });
                }
                None if !ask && resource::members(&group) == Members::Absent => self.unread += 1,
                None => {}
            }
            complete.push(group);
        }
        Ok(complete)
    }

    /// What is missing, in one gap.
    fn gap(self) -> Option<Gap> {
        let why = self.why?;
        let gap = Gap::new(&why.code, format!("the members of {} groups were not read: {}", self.unread, why.what));
        Some(Gap { cause: why.cause, fix: why.fix, ..gap })
    }
}

/// The group by itself; with `attributes` as well when no group has shown members yet, because a server may return
/// `members` on request only (RFC 7643, section 7, "returned").
async fn ask_for_members(client: &Client, id: &str, shown: bool) -> Result<Value, HttpError> {
    let url = client.url(&["Groups", id]);
    let usable = |whole: &Value| resource::id(whole).as_deref() == Some(id);
    let strange = |request: String| HttpError::Unusable { request, what: "it is another resource".into() };
    let reply = client.read(&Read::get(url.clone())).await?;
    let whole: Value = reply.json()?;
    if !usable(&whole) {
        return Err(strange(reply.request));
    }
    if shown || resource::members(&whole) != Members::Absent {
        return Ok(whole);
    }
    let mut url = url;
    url.query_pairs_mut().append_pair("attributes", "members");
    let reply = client.read(&Read::get(url)).await?;
    let requested: Value = reply.json()?;
    if !usable(&requested) {
        return Err(strange(reply.request));
    }
    Ok(with_members(whole, &requested))
}

fn with_members(mut whole: Value, requested: &Value) -> Value {
    let members = Object::of(requested).and_then(|requested| requested.get("members"));
    if let (Some(members), Some(object)) = (members, whole.as_object_mut()) {
        object.insert("members".into(), members.clone());
    }
    whole
}
