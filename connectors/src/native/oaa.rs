//! What an integration written for Veza's Open Authorization API would push: the payload, from a file.
//!
//! ```text
//!   file ──► payload (serde) ──► application ──────► names (who is meant) ──► intake ──► records, one scope
//!                            └─► identity provider ─┘                          └──► gaps: list and place
//! ```
//!
//! A payload is the whole state of its data source, by its own contract; one that says it is an update of an earlier state
//! is refused. What is wrong with an entry costs the entry and is named.

mod application;
mod intake;
mod payload;
mod provider;
mod references;

use std::path::PathBuf;

use async_trait::async_trait;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;

use self::intake::Intake;
use self::payload::{Document, Payload};
use crate::record::{IdKind, RecordKind};
use crate::scope::{Gap, Probe};
use crate::sink::Sink;
use crate::{Connector, ConnectorError, Manual, Run, Settings, SettingsError, source_file};

/// The manual.
pub static MANUAL: Manual = Manual {
    name: "oaa",
    summary: "Applications and identity providers from payloads of Veza's Open Authorization API",
    reads: READS,
    collected: "a payload of the Open Authorization API",
    not_read: &["updates (`incremental_update`)", "members of groups of other providers", "packed pushes"],
    needs: "read access to the file",
    permissions: "Read access to the file. Nothing is written, and Veza is not asked.",
    proven_on: "payloads written after the published templates of the API",
    configure,
    schema: || schemars::schema_for!(OaaSettings),
};

const READS: &str = "\
One file: the JSON that an integration pushes, or the body of the push itself (`json_data`). One system is one application; where
a payload describes several, `application` names the one.

| of the payload | becomes |
| --- | --- |
| `local_users`, IdP `users` | accounts, with last sign-in and password change where they are told |
| `local_groups`, IdP `groups` and their `groups` | groups and memberships |
| `local_roles` | entitlements `role:…`; a role inside a role is held as well, as inherited |
| `permissions` | entitlements `permission:…`; their level by what they are mapped to |
| `resources`, `sub_resources` | resources, below the application |
| `identity_to_permissions` | grants |
| `local_access_creds` | credentials; one without a user, or with permissions of its own, is a service account as well |
| `assumed_role_arns` | grants of the AWS role |

Levels: a permission to write, create or delete metadata is privileged, to do so with data limited, to read baseline; `NonData` alone
says nothing. An identity of another provider (`idp`) becomes an account when it is an address, else a group whose members this file
does not tell. Custom properties are kept as attributes, except those whose names speak of secrets, pay or private matters.

Gaps: COL160 not readable, COL161 no such payload, COL162 an update instead of a state, COL163 an entry that cannot be read, COL164 a name
that nothing bears, COL165 two entries with one id.";

/// Diagnostic codes of this connector.
mod code {
    pub(super) const FILE: &str = "COL160";
    pub(super) const PAYLOAD: &str = "COL161";
    pub(super) const UPDATE: &str = "COL162";
    pub(super) const ENTRY: &str = "COL163";
    pub(super) const NAME: &str = "COL164";
    pub(super) const TWICE: &str = "COL165";
}

/// What a payload may hold.
const KINDS: &[RecordKind] = &[
    RecordKind::Account,
    RecordKind::Group,
    RecordKind::Membership,
    RecordKind::Resource,
    RecordKind::Entitlement,
    RecordKind::Grant,
    RecordKind::Credential,
];

/// Settings of an `oaa` system.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Settings of an oaa system")]
struct OaaSettings {
    /// The payload.
    file: PathBuf,
    /// Name of the application, where the payload describes several.
    application: Option<String>,
    /// When the content left the system, RFC 3339. A sidecar `<file>.collected` may say it instead.
    collected: Option<Timestamp>,
    /// Accounts that the file holds at least.
    expect_accounts: Option<u64>,
    /// How far the ids can be trusted to mean the same object tomorrow; `reusable` when it is left out.
    id_kind: Option<IdKind>,
}

fn configure(settings: Settings<'_>) -> Result<Box<dyn Connector>, SettingsError> {
    let folder = settings.folder.clone();
    Ok(Box::new(Oaa { folder, settings: settings.parse()? }))
}

/// An application or identity provider that is read from a payload.
#[derive(Debug, Clone)]
struct Oaa {
    folder: PathBuf,
    settings: OaaSettings,
}

#[async_trait]
impl Connector for Oaa {
    fn kinds(&self) -> Vec<RecordKind> {
        KINDS.to_vec()
    }

    async fn collect(&self, run: &Run, sink: &Sink) -> Result<(), ConnectorError> {
        let (this, run, sink) = (self.clone(), run.clone(), sink.clone());
        let reading = tokio::task::spawn_blocking(move || this.read(&run, &sink));
        reading.await.unwrap_or_else(|error| {
            let path = self.settings.file.display();
            Err(ConnectorError::Failed(
                Gap::new(code::FILE, format!("`{path}` could not be read")).cause(error.to_string()),
            ))
        })
    }

    async fn probe(&self, _run: &Run) -> Result<Vec<Probe>, ConnectorError> {
        let path = self.settings.file.display();
        let opened = tokio::fs::File::open(self.folder.join(&self.settings.file)).await;
        let detail = opened.err().map(|error| error.to_string());
        Ok(vec![Probe { permission: format!("read `{path}`"), granted: Some(detail.is_none()), detail }])
    }
}

impl Oaa {
    /// Reads the file; runs on a thread of its own.
    fn read(&self, run: &Run, sink: &Sink) -> Result<(), ConnectorError> {
        let path = &self.settings.file;
        let mut scope = sink.scope(path.display().to_string(), KINDS);
        let document = source_file::open(&self.folder, path)
            .map_err(|gap| Gap { code: code::FILE.to_owned(), ..gap })
            .and_then(|(file, mut source)| {
                source.collected = self.settings.collected.or(source.collected);
                scope.file(source);
                scope.page();
                Payload::read(file, &path.display().to_string())
            })
            .and_then(|payload| payload.choose(self.settings.application.as_deref()));
        let document = match document {
            Ok(document) => document,
            Err(gap) => {
                scope.fail_all(&gap);
                return Ok(scope.finish_blocking()?);
            }
        };
        if let Some(expected) = self.settings.expect_accounts {
            scope.declare_total(RecordKind::Account, expected);
        }
        let id_kind = self.settings.id_kind.unwrap_or(IdKind::Reusable);
        let mut intake = Intake::new(scope, id_kind, path.display().to_string(), run.cancel.clone());
        match document {
            Document::Application(application) => application::take(*application, &mut intake)?,
            Document::Provider(provider) => provider::take(*provider, &mut intake)?,
        }
        intake.finish()
    }
}
