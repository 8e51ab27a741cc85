//! What a Baton connector collected: its `.c1z` file, so that every system that one of them reads is readable here.
//!
//! ```text
//!   .c1z ──► header, zstd ──► SQLite in a temporary file ──► the last whole sync ──► protobuf rows ──► records, one scope
//! ```
//!
//! A file may hold several syncs. Only one that was finished and covers everything says who is *not* there; others are not
//! read, or, where nothing better is in the file, cost what they do not cover.

mod file;
mod messages;
mod syncs;
mod take;

use std::path::PathBuf;

use async_trait::async_trait;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::record::{IdKind, RecordKind};
use crate::scope::{Gap, Probe};
use crate::sink::Sink;
use crate::{Connector, ConnectorError, Manual, Run, Settings, SettingsError, source_file};

/// The manual.
pub static MANUAL: Manual = Manual {
    name: "baton",
    summary: "Whatever a Baton connector has collected, from its .c1z file",
    reads: READS,
    collected: "a `.c1z` file",
    not_read: &[
        "the newer file format (C1Z3)",
        "levels of privilege: the file tells none",
        "syncs that are partial or did not end",
    ],
    needs: "read access to the file",
    permissions: "Read access to the file, and room for its content in the folder of temporary files. Nothing is written.",
    proven_on: "files written by a test after the published tables and messages; not one that Baton itself has written",
    configure,
    schema: || schemars::schema_for!(BatonSettings),
};

const READS: &str = "\
The last finished full sync of one `.c1z` file (header `C1ZF`, a compressed SQLite database). Ids are `type:id`, as in the file.

| in the file | becomes |
| --- | --- |
| a resource whose type has the trait user or agent | an account: state, logins, addresses, last sign-in, second factor |
| … the trait group | a group |
| … the trait secret | a credential of the identity it belongs to |
| any other resource | a resource, below its parent |
| an entitlement | an entitlement; of a role, of kind role |
| a grant of a group's entitlement `member` | a membership |
| any other grant | a grant; one that the sync worked out of another is inherited |

The file tells no levels of privilege: say them in `policy/privilege.toml`. Profile fields are kept as attributes, except those whose
names speak of secrets, pay or private matters.

When the sync ended is taken as UTC, which older versions of Baton did not write; `collected` corrects it. The newer format (`C1Z3`) is
not read.

Gaps: COL170 not readable, COL171 no such file, COL172 no whole sync, COL173 damaged, COL174 a row that cannot be read.";

/// Diagnostic codes of this connector.
mod code {
    pub(super) const FILE: &str = "COL170";
    pub(super) const FORMAT: &str = "COL171";
    pub(super) const SYNC: &str = "COL172";
    pub(super) const DAMAGED: &str = "COL173";
    pub(super) const ROW: &str = "COL174";
}

/// What a file may hold.
const KINDS: &[RecordKind] = &[
    RecordKind::Account,
    RecordKind::Group,
    RecordKind::Membership,
    RecordKind::Resource,
    RecordKind::Entitlement,
    RecordKind::Grant,
    RecordKind::Credential,
];

/// Settings of a `baton` system.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Settings of a baton system")]
struct BatonSettings {
    /// The `.c1z` file.
    file: PathBuf,
    /// When the content left the system, RFC 3339; when the sync ended, where it is left out. A sidecar `<file>.collected` may say
    /// it instead.
    collected: Option<Timestamp>,
    /// Accounts that the file holds at least.
    expect_accounts: Option<u64>,
    /// How far the ids can be trusted to mean the same object tomorrow; `reusable` when it is left out.
    id_kind: Option<IdKind>,
}

fn configure(settings: Settings<'_>) -> Result<Box<dyn Connector>, SettingsError> {
    let folder = settings.folder.clone();
    Ok(Box::new(Baton { folder, settings: settings.parse()? }))
}

/// A system that is read from a `.c1z` file.
#[derive(Debug, Clone)]
struct Baton {
    folder: PathBuf,
    settings: BatonSettings,
}

#[async_trait]
impl Connector for Baton {
    fn kinds(&self) -> Vec<RecordKind> {
        KINDS.to_vec()
    }

    async fn collect(&self, run: &Run, sink: &Sink) -> Result<(), ConnectorError> {
        let (this, run, sink) = (self.clone(), run.clone(), sink.clone());
        let reading = tokio::task::spawn_blocking(move || this.read(&run, &sink));
        reading.await.unwrap_or_else(|error| {
            let what = format!("`{}` could not be read", self.settings.file.display());
            Err(ConnectorError::Failed(Gap::new(code::FILE, what).cause(error.to_string())))
        })
    }

    async fn probe(&self, _run: &Run) -> Result<Vec<Probe>, ConnectorError> {
        let path = self.settings.file.display();
        let opened = tokio::fs::File::open(self.folder.join(&self.settings.file)).await;
        let detail = opened.err().map(|error| error.to_string());
        Ok(vec![Probe { permission: format!("read `{path}`"), granted: Some(detail.is_none()), detail }])
    }
}

impl Baton {
    /// Reads the file; runs on a thread of its own.
    fn read(&self, run: &Run, sink: &Sink) -> Result<(), ConnectorError> {
        let shown = self.settings.file.display().to_string();
        let mut scope = sink.scope(shown.clone(), KINDS);
        let opened = source_file::open(&self.folder, &self.settings.file)
            .map_err(|gap| Gap { code: code::FILE.to_owned(), ..gap })
            .map(|(packed, source)| {
                let database = file::unpack(packed, &shown, &run.cancel);
                (source, database)
            });
        let (mut source, database) = match opened {
            Ok(opened) => opened,
            Err(gap) => {
                scope.fail_all(&gap);
                return Ok(scope.finish_blocking()?);
            }
        };
        let chosen = database.and_then(|database| {
            let sync = syncs::choose(&database, &shown)?;
            Ok((database, sync))
        });
        source.collected =
            self.settings.collected.or(source.collected).or(chosen.as_ref().ok().and_then(|(_, sync)| sync.ended));
        scope.file(source);
        scope.page();
        if let Some(expected) = self.settings.expect_accounts {
            scope.declare_total(RecordKind::Account, expected);
        }
        match chosen {
            Err(_) if run.cancel.is_cancelled() => Err(ConnectorError::Stopped),
            Err(gap) => {
                scope.fail_all(&gap);
                Ok(scope.finish_blocking()?)
            }
            Ok((database, sync)) => {
                let id_kind = self.settings.id_kind.unwrap_or(IdKind::Reusable);
                take::Taking::new(&database, scope, &shown, id_kind, run.cancel.clone()).whole(&sync)
            }
        }
    }
}
