//! AWS from files: what the AWS CLI printed, one subfolder an account.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use aws_lc_rs::digest;
use base64::Engine;
use futures::{StreamExt, TryStreamExt};
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::account::KINDS;
use super::credential_report::{self, Report};
use super::details::{AccessKey, Accessed, AccountData, Details, MfaDevice, Part};
use super::outcome::Outcome;
use super::{iam, identity_center, organization};
use crate::record::{Record, RecordKind, Resource};
use crate::scope::{Gap, Probe, SourceFile};
use crate::sink::Sink;
use crate::{ConnectorError, Run};

/// A system that is read from files.
#[derive(Debug)]
pub(super) struct Files {
    pub(super) place: Place,
    /// What relative paths count from.
    pub(super) base: PathBuf,
    pub(super) collected: Option<Timestamp>,
}

/// What was configured.
#[derive(Debug)]
pub(super) enum Place {
    /// One subfolder an account.
    Folder(PathBuf),
    /// One account's authorization details.
    File(PathBuf),
}

/// A read file: its text as UTF-8 bytes, and how reports quote it.
#[derive(Debug)]
struct Read {
    bytes: Vec<u8>,
    source: SourceFile,
}

/// The files of one account, parsed and mapped.
#[derive(Debug)]
struct AccountFiles {
    /// Account id; the folder's name when no file tells it.
    id: String,
    kinds: Vec<RecordKind>,
    alias: Option<String>,
    outcome: Outcome,
    sources: Vec<SourceFile>,
}

pub(super) async fn collect(files: &Files, run: &Run, sink: &Sink) -> Result<(), ConnectorError> {
    let reader = Reader { base: files.base.clone(), collected: files.collected };
    match &files.place {
        Place::File(file) => {
            let file = file.clone();
            let account = blocking(move || reader.single(&file)).await?;
            deliver(account, sink, false).await?;
            Ok(())
        }
        Place::Folder(folder) => collect_folder(&reader, folder, run, sink).await,
    }
}

async fn collect_folder(reader: &Reader, folder: &Path, run: &Run, sink: &Sink) -> Result<(), ConnectorError> {
    let listing = reader.list(folder).map_err(ConnectorError::Failed)?;
    let export = organisation(reader, &listing, sink).await?;
    let is_organisation = export.is_some();
    let reading = futures::stream::iter(listing.accounts.clone())
        .map(|folder| {
            let reader = reader.clone();
            blocking(move || reader.account(&folder))
        })
        .buffered(run.concurrency.max(1));
    let mut reading = std::pin::pin!(reading);
    let mut aliases = BTreeMap::new();
    let mut read = Vec::new();
    while let Some(account) = reading.try_next().await? {
        if run.cancel.is_cancelled() {
            return Err(ConnectorError::Stopped);
        }
        if read.contains(&account.id) {
            return Err(ConnectorError::Failed(
                Gap::new("AWS012", format!("two folders under `{}` hold account {}", folder.display(), account.id))
                    .cause("one of them is older or was copied; which one is right cannot be told")
                    .fix("keep one folder for each account"),
            ));
        }
        read.push(account.id.clone());
        if let Some(alias) = account.alias.clone() {
            aliases.insert(account.id.clone(), alias);
        }
        deliver(account, sink, !is_organisation).await?;
    }
    if let Some((export, mut scope)) = export {
        for account in export.accounts.iter().filter(|account| account.is_readable() && !read.contains(&account.id)) {
            let gap = Gap::new("AWS014", format!("account {} (`{}`) has no folder", account.id, account.name))
                .cause(format!("`organization.json` lists it, and nothing under `{}` is of it", folder.display()))
                .fix(format!("export it into `{}`", folder.join(&account.id).display()));
            let mut missing = sink.scope(format!("account/{}", account.id), &KINDS);
            missing.tenant(&account.id);
            missing.fail_all(&gap);
            missing.finish().await?;
        }
        let mut outcome = Outcome::default();
        organization::records(&export, &aliases, &mut outcome);
        outcome.deliver(&mut scope).await?;
        scope.finish().await?;
    }
    collect_identity_center(reader, &listing, sink).await
}

/// The organisation and its open scope. A damaged file fails the scope, for all kinds that hang on the list of accounts.
async fn organisation(
    reader: &Reader,
    listing: &Listing,
    sink: &Sink,
) -> Result<Option<(organization::Export, crate::sink::Scope)>, ConnectorError> {
    let Some(path) = &listing.organization else { return Ok(None) };
    let mut scope = sink.scope("organization", &organization::KINDS);
    let mut sources = Vec::new();
    match reader.json::<organization::Export>(path, &mut sources) {
        Ok(export) => {
            for source in sources {
                scope.file(source);
            }
            scope.page();
            if let Some(organization) = &export.organization {
                scope.tenant(&organization.id);
            }
            Ok(Some((export, scope)))
        }
        Err(gap) => {
            for kind in KINDS.into_iter().chain(organization::KINDS) {
                scope.fail(kind, gap.clone());
            }
            scope.finish().await?;
            Ok(None)
        }
    }
}

async fn collect_identity_center(reader: &Reader, listing: &Listing, sink: &Sink) -> Result<(), ConnectorError> {
    let Some(path) = &listing.identity_center else { return Ok(()) };
    let mut sources = Vec::new();
    match reader.json::<identity_center::Export>(path, &mut sources) {
        Ok(export) => {
            let mut scope = sink.scope(format!("identity-center/{}", export.instance.id()), &identity_center::KINDS);
            scope.tenant(export.instance.identity_store_id.clone());
            for source in sources {
                scope.file(source);
            }
            scope.page();
            let mut outcome = Outcome::default();
            identity_center::records(&export, &mut outcome);
            outcome.deliver(&mut scope).await?;
            scope.finish().await?;
        }
        Err(gap) => {
            let mut scope = sink.scope("identity-center", &identity_center::KINDS);
            scope.fail_all(&gap);
            scope.finish().await?;
        }
    }
    Ok(())
}

/// Says which files there are; they need no permission but to be readable.
pub(super) async fn probe(files: &Files) -> Result<Vec<Probe>, ConnectorError> {
    let reader = Reader { base: files.base.clone(), collected: files.collected };
    let paths = match &files.place {
        Place::File(file) => vec![file.clone()],
        Place::Folder(folder) => {
            let listing = reader.list(folder).map_err(ConnectorError::Failed)?;
            listing.accounts.into_iter().chain(listing.organization).chain(listing.identity_center).collect()
        }
    };
    let mut probes = Vec::new();
    for path in paths {
        let answer = tokio::fs::metadata(reader.base.join(&path)).await;
        probes.push(Probe {
            permission: format!("read `{}`", path.display()),
            granted: Some(answer.is_ok()),
            detail: answer.err().map(|error| error.to_string()),
        });
    }
    Ok(probes)
}

async fn deliver(account: AccountFiles, sink: &Sink, with_resource: bool) -> Result<(), ConnectorError> {
    let mut scope = sink.scope(format!("account/{}", account.id), &account.kinds);
    scope.tenant(&account.id);
    for source in account.sources {
        scope.file(source);
        scope.page();
    }
    let failed = !account.outcome.failed.is_empty();
    account.outcome.deliver(&mut scope).await?;
    if with_resource && !failed {
        let resource = Resource {
            id: account.id.clone(),
            kind: Some("aws:account".to_owned()),
            name: account.alias,
            ..Resource::default()
        };
        scope.push(Record::Resource(Box::new(resource))).await?;
    }
    scope.finish().await?;
    Ok(())
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, ConnectorError> {
    tokio::task::spawn_blocking(work).await.map_err(|_cancelled| ConnectorError::Stopped)
}

/// What lies in the folder, sorted; paths as configured.
#[derive(Debug, Default)]
struct Listing {
    accounts: Vec<PathBuf>,
    organization: Option<PathBuf>,
    identity_center: Option<PathBuf>,
}

#[derive(Debug, Clone)]
struct Reader {
    base: PathBuf,
    collected: Option<Timestamp>,
}

/// `access-keys.json`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct KeyList {
    access_key_metadata: Vec<AccessKey>,
}

/// `mfa-devices.json`.
#[derive(Debug, Deserialize)]
struct DeviceList {
    #[serde(rename = "MFADevices")]
    devices: Vec<MfaDevice>,
}

/// `last-accessed.json`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UseList {
    last_accessed: Vec<Accessed>,
}

/// `account-aliases.json`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AliasList {
    account_aliases: Vec<String>,
}

/// `aws iam get-credential-report` as it prints it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ReportAnswer {
    content: String,
}

impl Reader {
    fn list(&self, folder: &Path) -> Result<Listing, Gap> {
        let unreadable = |error: std::io::Error| {
            Gap::new("AWS012", format!("folder `{}` cannot be read", folder.display()))
                .cause(error.to_string())
                .fix("check `folder` and its permissions; relative paths count from the config's folder")
        };
        let mut listing = Listing::default();
        for entry in std::fs::read_dir(self.base.join(folder)).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let path = folder.join(entry.file_name());
            let is_folder = std::fs::metadata(entry.path()).map_err(unreadable)?.is_dir();
            match entry.file_name().to_str() {
                Some("organization.json") => listing.organization = Some(path),
                Some("identity-center.json") => listing.identity_center = Some(path),
                Some(name) if is_folder && !name.starts_with('.') => listing.accounts.push(path),
                Some(_) | None => {}
            }
        }
        listing.accounts.sort();
        if listing.accounts.is_empty() {
            return Err(Gap::new("AWS012", format!("folder `{}` has no subfolder", folder.display()))
                .cause("each account's export lies in a subfolder of its own")
                .fix("put `authorization-details.json` and `credential-report.csv` into `<folder>/<account id>/`"));
        }
        Ok(listing)
    }

    fn read(&self, path: &Path) -> Result<Read, Gap> {
        let bytes = std::fs::read(self.base.join(path)).map_err(|error| {
            Gap::new("AWS012", format!("`{}` cannot be read", path.display()))
                .cause(error.to_string())
                .fix("check that the file exists and may be read")
        })?;
        let sum = digest::digest(&digest::SHA256, &bytes);
        let source = SourceFile {
            path: path.display().to_string(),
            sha256: hex(sum.as_ref()),
            bytes: bytes.len() as u64,
            collected: self.collected,
            header: None,
        };
        Ok(Read { bytes: utf8(&bytes).into_owned(), source })
    }

    fn json<T: DeserializeOwned>(&self, path: &Path, sources: &mut Vec<SourceFile>) -> Result<T, Gap> {
        let Read { bytes, source } = self.read(path)?;
        sources.push(source);
        serde_json::from_slice(&bytes).map_err(|error| {
            let position = format!("{}:{}:{}", path.display(), error.line(), error.column());
            Gap::new("AWS012", format!("`{}` is not what the AWS CLI prints", path.display()))
                .cause(error.to_string())
                .fix("export it again; a file that ends in the middle was cut off")
                .at(position)
        })
    }

    /// A file that may be missing.
    fn optional<T: DeserializeOwned>(&self, path: &Path, sources: &mut Vec<SourceFile>) -> Part<T> {
        if !self.base.join(path).exists() {
            return Part::NotGiven;
        }
        match self.json(path, sources) {
            Ok(value) => Part::Read(value),
            Err(gap) => Part::Failed(gap),
        }
    }

    /// One account from its authorization details alone.
    fn single(&self, file: &Path) -> AccountFiles {
        let name = file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let kinds: Vec<RecordKind> = KINDS.into_iter().filter(|kind| *kind != RecordKind::Credential).collect();
        let mut sources = Vec::new();
        let data = self.details(&[file.to_owned()], &name, &kinds, &mut sources);
        account_files(name, kinds, data, sources, None)
    }

    fn account(&self, folder: &Path) -> AccountFiles {
        let name = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let mut sources = Vec::new();
        let data = self.pages(folder).and_then(|pages| self.details(&pages, &name, &KINDS, &mut sources));
        let data = data.map(|(mut data, outcome)| {
            data.report = self.report(&folder.join("credential-report.csv"), &mut sources);
            data.keys = map(self.optional(&folder.join("access-keys.json"), &mut sources), |list: KeyList| {
                list.access_key_metadata
            });
            data.mfa =
                map(self.optional(&folder.join("mfa-devices.json"), &mut sources), |list: DeviceList| list.devices);
            let used: Part<UseList> = self.optional(&folder.join("last-accessed.json"), &mut sources);
            match used {
                Part::Read(list) => data.used = list.last_accessed,
                Part::NotGiven => {}
                Part::Failed(gap) => data.unread_use = Some(gap.cause.unwrap_or(gap.what)),
            }
            (data, outcome)
        });
        let aliases: Part<AliasList> = self.optional(&folder.join("account-aliases.json"), &mut sources);
        let alias = aliases.read().and_then(|list| list.account_aliases.first().cloned());
        account_files(name, KINDS.to_vec(), data, sources, alias)
    }

    /// The pages of an account's details, sorted.
    fn pages(&self, folder: &Path) -> Result<Vec<PathBuf>, Gap> {
        let missing = |cause: String| {
            Gap::new("AWS012", format!("`{}` holds no authorization details", folder.display()))
                .cause(cause)
                .fix("run `aws iam get-account-authorization-details > authorization-details.json` in it")
        };
        let entries = std::fs::read_dir(self.base.join(folder)).map_err(|error| missing(error.to_string()))?;
        let mut pages = Vec::new();
        for entry in entries {
            let name = entry.map_err(|error| missing(error.to_string()))?.file_name();
            let is_page = name.to_str().is_some_and(|name| {
                name.starts_with("authorization-details")
                    && Path::new(name).extension().is_some_and(|kind| kind == "json")
            });
            if is_page {
                pages.push(folder.join(name));
            }
        }
        pages.sort();
        if pages.is_empty() {
            return Err(missing("there is no `authorization-details*.json`".to_owned()));
        }
        Ok(pages)
    }

    fn details(
        &self,
        pages: &[PathBuf],
        name: &str,
        kinds: &[RecordKind],
        sources: &mut Vec<SourceFile>,
    ) -> Result<(AccountData, Outcome), Gap> {
        let mut details = Details::default();
        let mut outcome = Outcome::default();
        let mut truncated = 0;
        let mut unreadable = Vec::new();
        for path in pages {
            match self.json::<Details>(path, sources) {
                Ok(page) => {
                    truncated += usize::from(page.is_truncated);
                    details.append(page);
                }
                Err(gap) => unreadable.push(gap),
            }
        }
        let mut unread = unreadable.into_iter();
        if let Some(first) = unread.next() {
            if pages.len() == 1 {
                return Err(first);
            }
            for gap in std::iter::once(first).chain(unread) {
                outcome.gap(kinds, &gap);
            }
        } else if truncated == pages.len() {
            let gap = Gap::new("AWS013", format!("the last page of the details in `{name}` is missing"))
                .cause("every page says `\"IsTruncated\": true`")
                .fix("export all pages; without `--max-items` the AWS CLI puts them together itself");
            outcome.gap(kinds, &gap);
        }
        let (account, partition) = owner(&details).ok_or_else(|| {
            Gap::new("AWS012", format!("the details in `{name}` name no account"))
                .cause("there is no user, group, role or customer policy in them, and every account has roles")
                .fix("export again; an empty answer usually means that the export was filtered")
        })?;
        let is_id = name.len() == 12 && name.bytes().all(|byte| byte.is_ascii_digit());
        if is_id && name != account {
            return Err(Gap::new("AWS012", format!("folder `{name}` holds the details of account {account}"))
                .cause("an export was put into the wrong folder")
                .fix("move the files to the folder of their account"));
        }
        let data = AccountData {
            account,
            partition,
            exported: true,
            details,
            report: Part::NotGiven,
            keys: Part::NotGiven,
            mfa: Part::NotGiven,
            logins: Part::NotGiven,
            used: Vec::new(),
            unread_use: None,
        };
        Ok((data, outcome))
    }

    fn report(&self, path: &Path, sources: &mut Vec<SourceFile>) -> Part<Report> {
        let bad = |cause: String| {
            Gap::new("AWS012", format!("`{}` is no credential report", path.display()))
                .cause(cause)
                .fix("write the decoded answer of `aws iam get-credential-report` into it")
                .at(path.display().to_string())
        };
        let read = match self.read(path) {
            Ok(read) => read,
            Err(gap) => return Part::Failed(gap.fix("write the answer of `aws iam get-credential-report` into it")),
        };
        sources.push(read.source);
        let bytes = if read.bytes.trim_ascii_start().starts_with(b"{") {
            let answer: Result<ReportAnswer, _> = serde_json::from_slice(&read.bytes);
            let decoded = answer.map_err(|error| error.to_string()).and_then(|answer| {
                base64::engine::general_purpose::STANDARD
                    .decode(answer.content.trim())
                    .map_err(|error| error.to_string())
            });
            match decoded {
                Ok(bytes) => bytes,
                Err(cause) => return Part::Failed(bad(cause)),
            }
        } else {
            read.bytes
        };
        match credential_report::parse(&bytes) {
            Ok(report) => Part::Read(report),
            Err(cause) => Part::Failed(bad(cause)),
        }
    }
}

fn account_files(
    name: String,
    kinds: Vec<RecordKind>,
    data: Result<(AccountData, Outcome), Gap>,
    sources: Vec<SourceFile>,
    alias: Option<String>,
) -> AccountFiles {
    match data {
        Ok((data, mut outcome)) => {
            let mapped = iam::outcome(&data);
            outcome.records = mapped.records;
            outcome.gaps.extend(mapped.gaps.into_iter().filter(|(kind, _)| kinds.contains(kind)));
            outcome.withheld = mapped.withheld;
            (outcome.repeated, outcome.withdrawn) = (mapped.repeated, mapped.withdrawn);
            AccountFiles { id: data.account, kinds, alias, outcome, sources }
        }
        Err(gap) => {
            let mut outcome = Outcome::default();
            outcome.fail(&kinds, &gap);
            AccountFiles { id: name, kinds, alias: None, outcome, sources }
        }
    }
}

fn map<A, B>(part: Part<A>, convert: impl Fn(A) -> B) -> Part<B> {
    match part {
        Part::Read(value) => Part::Read(convert(value)),
        Part::NotGiven => Part::NotGiven,
        Part::Failed(gap) => Part::Failed(gap),
    }
}

/// Account id and partition, as the objects' own ARNs say: `arn:<partition>:iam::<account>:…`.
fn owner(details: &Details) -> Option<(String, String)> {
    let users = details.user_detail_list.iter().map(|user| &user.arn);
    let groups = details.group_detail_list.iter().map(|group| &group.arn);
    let roles = details.role_detail_list.iter().map(|role| &role.arn);
    let policies = details.policies.iter().map(|policy| &policy.arn);
    users.chain(groups).chain(roles).chain(policies).find_map(|arn| {
        let parts: Vec<&str> = arn.split(':').collect();
        match parts.as_slice() {
            ["arn", partition, "iam", _, account, ..] if account.len() == 12 => {
                Some(((*account).to_owned(), (*partition).to_owned()))
            }
            _ => None,
        }
    })
}

/// Lower-case hexadecimal.
fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or('?');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// The bytes as UTF-8 without a byte-order mark: Windows PowerShell's `>` writes UTF-16.
fn utf8(bytes: &[u8]) -> Cow<'_, [u8]> {
    match encoding_rs::Encoding::for_bom(bytes) {
        Some((encoding, _)) => match encoding.decode(bytes).0 {
            Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
            Cow::Owned(text) => Cow::Owned(text.into_bytes()),
        },
        None => Cow::Borrowed(bytes),
    }
}
