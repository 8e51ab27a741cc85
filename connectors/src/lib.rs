//! Reads other systems: accounts, groups, roles, credentials, grants and people, as [`record`]s with their completeness.
//!
//! ```text
//!   settings ──► configure ──► Connector ──► collect ──► Sink ──► Batch of Records ──► (the engine's store)
//!                                               └──────► one ScopeReport a scope: what was covered, what was not, why
//! ```
//!
//! This crate knows no rule, no graph and no report. A connector yields what it finds, drops nothing as uninteresting,
//! writes to no system, and tells what it could not read. [`NATIVE`] lists the connectors that need code.

pub mod http;
pub mod manifest;
pub mod memory;
pub mod native;
pub mod record;
pub mod scope;
pub mod secret;
pub mod sink;
pub mod source_file;

use std::fmt;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use crate::memory::Memory;
use crate::record::RecordKind;
use crate::scope::Probe;
use crate::secret::{Environment, SecretError};
use crate::sink::{Sink, SinkClosed};

/// Connectors that need code, sorted by name. One line here registers one.
pub const NATIVE: &[&Manual] = &[
    &native::aws::MANUAL,
    &native::baton::MANUAL,
    &native::csv::MANUAL,
    &native::exec::MANUAL,
    &native::ldap::MANUAL,
    &native::oaa::MANUAL,
    &native::scim::MANUAL,
];

/// A connector's manual and its way in.
#[derive(Clone, Copy)]
pub struct Manual {
    /// Name in `connector = "…"`.
    pub name: &'static str,
    /// One line: what it reads.
    pub summary: &'static str,
    /// What it reads, from where, in Markdown: tables, files, fields.
    pub reads: &'static str,
    /// Least-privilege permissions it needs, in Markdown.
    pub permissions: &'static str,
    /// How the system is reached, in one line: live, from which files.
    pub collected: &'static str,
    /// What of the system it does not read, each in one line.
    pub not_read: &'static [&'static str],
    /// The least that it needs, in one line.
    pub needs: &'static str,
    /// What it has been proven on: real system, emulator, vendor description, script.
    pub proven_on: &'static str,
    /// Builds one from the system's settings.
    pub configure: fn(Settings<'_>) -> Result<Box<dyn Connector>, SettingsError>,
    /// JSON Schema of the settings.
    pub schema: fn() -> schemars::Schema,
}

impl fmt::Debug for Manual {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Manual").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The manual of the connector called `name`.
pub fn find(name: &str) -> Option<&'static Manual> {
    NATIVE.iter().copied().find(|manual| manual.name == name)
}

/// A system's own settings: the keys of its `[[system]]` table that the engine does not use itself.
pub struct Settings<'a> {
    /// The system's name.
    pub system: &'a str,
    /// The keys, with their spans.
    pub table: toml::de::ValueDeserializer<'a>,
    /// The folder that relative paths count from: the config's.
    pub folder: PathBuf,
    /// The environment, for secrets; not looked at before collection.
    pub environment: Arc<Environment>,
}

impl fmt::Debug for Settings<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings").field("system", &self.system).finish_non_exhaustive()
    }
}

impl<'a> Settings<'a> {
    /// The settings as the connector's own type, which should refuse unknown keys.
    ///
    /// # Errors
    /// [`SettingsError`] with the span of the offending key or value.
    pub fn parse<T: serde::Deserialize<'a>>(self) -> Result<T, SettingsError> {
        T::deserialize(self.table).map_err(|error| SettingsError {
            message: error.message().to_owned(),
            span: error.span(),
            fix: None,
        })
    }
}

/// A setting that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SettingsError {
    /// What is wrong.
    pub message: String,
    /// Bytes of the config it is about, where they are known.
    pub span: Option<Range<usize>>,
    /// What to write instead.
    pub fix: Option<String>,
}

impl SettingsError {
    /// An error about the settings as a whole.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), span: None, fix: None }
    }

    /// Adds what to write instead.
    #[must_use]
    pub fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }
}

/// One run of one connector: limits, clock and the way to stop it.
#[derive(Debug, Clone)]
pub struct Run {
    /// The clock of the run: "now" for everything that needs one.
    pub now: Timestamp,
    /// Cancelled when the run must end within seconds.
    pub cancel: CancellationToken,
    /// Requests or partitions under way at once.
    pub concurrency: usize,
    /// What the system's connector keeps from run to run; `None` where everything is read every time.
    pub memory: Option<Memory>,
}

/// Why a whole system could not be read. Scopes that were not finished are failed as well.
#[derive(Debug, thiserror::Error)]
pub enum ConnectorError {
    /// The sink was closed, or the run was cancelled.
    #[error("the run was stopped")]
    Stopped,
    /// There is no secret.
    #[error("no credential")]
    Secret(#[from] SecretError),
    /// Anything else, told as a gap.
    #[error("{}", .0.what)]
    Failed(scope::Gap),
}

impl From<SinkClosed> for ConnectorError {
    fn from(_: SinkClosed) -> Self {
        Self::Stopped
    }
}

/// A configured system that can be read.
#[async_trait]
pub trait Connector: Send + Sync + fmt::Debug {
    /// The kinds of record this configuration yields. A system that yields people is an HR system.
    fn kinds(&self) -> Vec<RecordKind>;

    /// Reads everything, scope by scope.
    ///
    /// A scope that fails is reported in its scope report and does not end the collection of the others.
    ///
    /// # Errors
    /// [`ConnectorError`] when the system as a whole could not be read.
    async fn collect(&self, run: &Run, sink: &Sink) -> Result<(), ConnectorError>;

    /// Connects, says who the credential is and which permissions it has, and reads nothing else (`muster doctor`).
    ///
    /// # Errors
    /// [`ConnectorError`] when the system cannot be reached.
    async fn probe(&self, run: &Run) -> Result<Vec<Probe>, ConnectorError>;
}
