//! A manifest as a [`Connector`]: the operator's settings, and one run after the other.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value as Json;
use toml::Spanned;

use super::changes::Terms;
use super::check::check;
use super::clock::{Clock, SystemClock};
use super::collect::{Collection, Whoami, scopes};
use super::recorded::{self, Recorded};
use super::session::{Answered, Opening, Question, Session};
use super::trouble::Trouble;
use super::wire::{Purpose, Taken, Wire};
use crate::manifest::Manifest;
use crate::manifest::model::ConfigType;
use crate::manifest::scope::Scope;
use crate::manifest::value::{Fields, Value};
use crate::record::RecordKind;
use crate::scope::{Gap, Probe, SourceFile};
use crate::secret::{CredentialSource, Environment, Secret};
use crate::sink::Sink;
use crate::{Connector, ConnectorError, Run, Settings, SettingsError};

/// Keys of a system's settings that every manifest has beside its own.
const OWN: [&str; 3] = ["auth", "ca_file", "exchanges"];

/// A system that is read as a manifest says.
#[derive(Debug)]
pub struct ManifestConnector {
    manifest: Arc<Manifest>,
    given: Given,
    clock: Arc<dyn Clock>,
    /// Takes the place of the network.
    wire: Option<Arc<dyn Wire>>,
    /// Where everything that passes is kept.
    taken: Option<Taken>,
}

/// What the operator gave.
#[derive(Debug, Clone, Default)]
pub(crate) struct Given {
    pub(crate) config: BTreeMap<String, Json>,
    pub(crate) secrets: BTreeMap<String, CredentialSource>,
    /// The way to sign in; the manifest's first when none.
    pub(crate) way: Option<String>,
    pub(crate) ca_file: Option<PathBuf>,
    /// A folder of recorded exchanges, which are read in place of the system.
    pub(crate) exchanges: Option<PathBuf>,
    pub(crate) folder: PathBuf,
    pub(crate) environment: Arc<Environment>,
}

impl ManifestConnector {
    /// The connector for a system's settings: keys of the manifest's `[config]`, credentials of its `[secrets]`, and `auth`, the
    /// way to sign in, and `ca_file`. With `exchanges`, a folder of recorded exchanges, nothing else has to be there.
    ///
    /// # Errors
    /// [`SettingsError`] with the span of the key or value that cannot be used.
    pub fn configure(manifest: Arc<Manifest>, settings: Settings<'_>) -> Result<Self, SettingsError> {
        Self::configure_clocked(manifest, settings, Arc::new(SystemClock))
    }

    /// [`ManifestConnector::configure`] with a clock of the caller's: tests do not wait.
    ///
    /// # Errors
    /// As of [`ManifestConnector::configure`].
    pub fn configure_clocked(
        manifest: Arc<Manifest>,
        settings: Settings<'_>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, SettingsError> {
        let (folder, environment) = (settings.folder.clone(), Arc::clone(&settings.environment));
        let table: BTreeMap<Spanned<String>, Spanned<toml::Value>> = settings.parse()?;
        let mut given = Given { folder, environment, ..Given::default() };
        for (key, value) in table {
            take(&manifest, &mut given, &key, value)?;
        }
        if given.exchanges.is_some() {
            return Ok(Self { manifest, given, clock, wire: None, taken: None });
        }
        let document = manifest.document();
        for (name, field) in document.config.iter() {
            let filled = given.config.contains_key(name) || field.default.is_some() || field.optional;
            if !filled {
                return Err(SettingsError::new(format!("`{name}` is missing: {}", field.help))
                    .fix(format!("add `{name} = …` ({})", field.kind.as_str())));
            }
        }
        for (name, field) in document.secrets.iter() {
            if !field.optional && !given.secrets.contains_key(name) {
                return Err(SettingsError::new(format!("the secret `{name}` is missing: {}", field.help))
                    .fix(format!("add `{name} = {{ env = \"NAME\" }}`, or `file` or `command`")));
            }
        }
        Ok(Self { manifest, given, clock, wire: None, taken: None })
    }

    /// A connector over a wire of the caller's.
    pub(crate) fn over(manifest: Arc<Manifest>, given: Given, clock: Arc<dyn Clock>, wire: Arc<dyn Wire>) -> Self {
        Self { manifest, given, clock, wire: Some(wire), taken: None }
    }

    /// The same connector, that keeps everything that passes in `taken`.
    pub(crate) fn recording(mut self, taken: Taken) -> Self {
        self.taken = Some(taken);
        self
    }

    /// What the operator gave: config, and the texts of every secret.
    pub(crate) async fn given(&self) -> Result<(BTreeMap<String, Json>, Vec<String>), ConnectorError> {
        let mut secrets = Vec::new();
        for source in self.given.secrets.values() {
            let secret = source.fetch(&self.given.environment, &self.given.folder).await?;
            secrets.push(secret.expose().to_owned());
        }
        Ok((self.given.config.clone(), secrets))
    }

    /// The manifest.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// What expressions of streams may name: no secret is among it.
    pub(crate) fn names(&self, run: &Run) -> Scope {
        self.manifest.scope(&self.given.config, run.now)
    }

    /// Fetches the secrets and opens a connection for one run.
    pub(crate) async fn open(&self, run: &Run, changes: bool) -> Result<Session, ConnectorError> {
        let mut secrets = BTreeMap::new();
        for (name, source) in &self.given.secrets {
            secrets.insert(name.clone(), source.fetch(&self.given.environment, &self.given.folder).await?);
        }
        let ca_pem = match &self.given.ca_file {
            None => None,
            Some(file) => {
                let file = self.given.folder.join(file);
                Some(tokio::fs::read(&file).await.map_err(|error| {
                    let gap = Gap::new("COL039", format!("cannot read the CA file `{}`", file.display()));
                    ConnectorError::Failed(gap.cause(error.to_string()).fix("check `ca_file` in the config"))
                })?)
            }
        };
        let value =
            |name: &str| secrets.get(name).map_or(Value::from(()), |secret: &Secret| Value::from(secret.expose()));
        let fields = self.manifest.document().secrets.names().map(|name| (name.into(), value(name))).collect();
        let scope = self.names(run).with("secret", Value::from_object(Fields::new(fields)));
        let opening = Opening {
            document: self.manifest.document(),
            scope,
            way: self.given.way.as_deref(),
            secrets: secrets.into_values().collect(),
            ca_pem,
            changes,
            taken: self.taken.clone(),
            concurrency: run.concurrency,
            clock: Arc::clone(&self.clock),
            cancel: run.cancel.clone(),
        };
        let session = match &self.wire {
            Some(wire) => Session::over(opening, Arc::clone(wire)),
            None => Session::open(opening),
        };
        session.map_err(|trouble| self.failed(&trouble))
    }

    /// Whether the check told everything that it is there to tell.
    fn is_told_apart(&self, whoami: &Whoami) -> bool {
        let Some(check) = &self.manifest.document().check else { return true };
        whoami.tenant.is_some() == check.tenant.is_some() && whoami.identity.is_some() == check.identity.is_some()
    }

    /// What must be the same for changes to be laid over what an earlier run read.
    fn terms(&self, whoami: &Whoami) -> Terms {
        let hash = |text: &str| {
            let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
            digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
        };
        let settings = serde_json::json!([self.given.config, self.given.way]);
        Terms {
            manifest: hash(self.manifest.text()),
            settings: hash(&settings.to_string()),
            tenant: whoami.tenant.clone(),
            identity: whoami.identity.clone(),
        }
    }

    /// Reads over the connector's own wire; `file` is quoted where that is a file.
    async fn read(&self, run: &Run, sink: &Sink, file: Option<&SourceFile>) -> Result<(), ConnectorError> {
        let names = self.names(run);
        // Opened before anything can fail: a scope that is dropped is reported as failed.
        let mut scopes = scopes(&self.manifest, &names, sink).map_err(|trouble| self.failed(&trouble))?;
        if let Some(file) = file {
            scopes.quote(file);
        }
        let watcher = sink.clone();
        let session = self.open(run, false).await?.watched(move |text| watcher.progress().note(text));
        let whoami = match check(&self.manifest, &session, &names).await {
            Ok(checked) => checked.whoami,
            Err(Trouble::Stopped) => return Err(ConnectorError::Stopped),
            // The lists will tell by themselves, each for its scope.
            Err(_) => Whoami::default(),
        };
        let concurrency = self.manifest.document().limits.concurrency.map_or(run.concurrency, |most| most as usize);
        // What is read from a file is whole by itself.
        let memory = match (run.memory.as_ref().filter(|_| file.is_none()), self.is_told_apart(&whoami)) {
            (Some(memory), true) => Some((memory.clone(), self.terms(&whoami))),
            (Some(_), false) => {
                sink.progress()
                    .note("everything is read: without the check's answer nobody knows whose changes would come");
                None
            }
            (None, _) => None,
        };
        let collection = Collection {
            manifest: &self.manifest,
            session: &session,
            names,
            sink,
            concurrency: concurrency.max(1),
            now: run.now,
            memory,
        };
        collection.run(scopes, &whoami).await.map_err(|trouble| self.failed(&trouble))
    }

    fn failed(&self, trouble: &Trouble) -> ConnectorError {
        match trouble {
            Trouble::Stopped => ConnectorError::Stopped,
            other => ConnectorError::Failed(other.gap(&self.manifest.document().name)),
        }
    }

    /// Whether the first page of each list can be read.
    async fn probe_streams(&self, session: &Session, names: &Scope) -> Result<Vec<Probe>, Trouble> {
        let mut probes = Vec::new();
        let roots = (0..self.manifest.document().stream.len()).filter(|index| self.manifest.parent(*index).is_none());
        for index in roots {
            let (name, block) = self.manifest.stream(index);
            if !block.when.as_ref().map_or(Ok(true), |when| when.holds(names))? {
                continue;
            }
            let Some(call) = &block.call else { continue };
            // Of `over` the first combination speaks for all.
            let first = |(variable, values): (&str, &Vec<toml::Value>)| {
                (Arc::from(variable), values.first().map_or(Value::from(()), crate::manifest::load::from_toml))
            };
            let names = names.with_all(block.over.iter().map(first).collect());
            let request = session.foundation().request(call, &names, Purpose::Read, &[])?;
            let permission = format!("{name}: {} {}", request.method, request.url.path());
            let way = block.auth.as_ref().map(|way| way.get_ref().as_str());
            let question = Question {
                request,
                way,
                scope: &names,
                cost: 1,
                child: false,
                bundled: false,
                tolls: None,
                expired: None,
                needs: &block.needs,
            };
            let answer = match session.ask(&question).await {
                Ok(Answered::Reply(_) | Answered::Empty) => Ok(()),
                Ok(Answered::Gap(gap) | Answered::Gone(gap) | Answered::Restart(gap)) => Err(gap),
                Err(Trouble::Stopped) => return Err(Trouble::Stopped),
                Err(trouble) => Err(trouble.gap(name)),
            };
            probes.push(match answer {
                Ok(()) => Probe { permission, granted: Some(true), detail: None },
                Err(gap) => {
                    let parts = [Some(gap.what), gap.cause, gap.fix];
                    let detail = Some(parts.into_iter().flatten().collect::<Vec<_>>().join("; "));
                    Probe { permission, granted: Some(false), detail }
                }
            });
        }
        Ok(probes)
    }
}

/// Takes one key of the settings.
fn take(
    manifest: &Manifest,
    given: &mut Given,
    key: &Spanned<String>,
    value: Spanned<toml::Value>,
) -> Result<(), SettingsError> {
    let (name, span) = (key.get_ref().as_str(), value.span());
    let document = manifest.document();
    let wrong =
        |message: String, fix: &str| SettingsError { message, span: Some(span.clone()), fix: Some(fix.to_owned()) };
    if let Some(field) = document.config.get(name) {
        let value = value.into_inner();
        let fits = match (field.kind, &value) {
            (ConfigType::String, toml::Value::String(text)) => {
                if !field.choices.is_empty() && !field.choices.contains(text) {
                    return Err(wrong(
                        format!("`{name}` cannot be `{text}`"),
                        &format!("known are {}", field.choices.join(", ")),
                    ));
                }
                true
            }
            (ConfigType::Url, toml::Value::String(text)) => {
                crate::http::base_url(text)
                    .map_err(|error| wrong(format!("`{name}`: {error}"), "write it as `https://host/path`"))?;
                true
            }
            (ConfigType::Integer, toml::Value::Integer(_)) | (ConfigType::Boolean, toml::Value::Boolean(_)) => true,
            (ConfigType::List, toml::Value::Array(values)) => values.iter().all(toml::Value::is_str),
            (_, _) => false,
        };
        if !fits {
            return Err(wrong(
                format!("`{name}` is a {}, and {} was found", field.kind.as_str(), value.type_str()),
                &field.help,
            ));
        }
        let value = match (field.kind, value) {
            (ConfigType::Url, toml::Value::String(text)) => Json::String(text.trim_end_matches('/').to_owned()),
            (_, value) => {
                serde_json::to_value(value).map_err(|error| wrong(error.to_string(), "write a plain value"))?
            }
        };
        given.config.insert(name.to_owned(), value);
        return Ok(());
    }
    if document.secrets.get(name).is_some() {
        let source = value.into_inner().try_into::<CredentialSource>().map_err(|_not_a_source| {
            wrong(
                format!("`{name}` is a secret and is not written into the config"),
                "write where it is kept: `{ env = \"NAME\" }`, `{ file = \"path\" }` or `{ command = [\"op\", \"read\", \"…\"] }`",
            )
        })?;
        given.secrets.insert(name.to_owned(), source);
        return Ok(());
    }
    match (name, value.into_inner()) {
        ("auth", toml::Value::String(way)) => {
            if document.auth.get(&way).is_none() {
                let known = document.auth.names().collect::<Vec<_>>().join(", ");
                return Err(wrong(format!("there is no way to sign in called `{way}`"), &format!("known are {known}")));
            }
            given.way = Some(way);
            Ok(())
        }
        ("ca_file", toml::Value::String(path)) => {
            given.ca_file = Some(PathBuf::from(path));
            Ok(())
        }
        ("exchanges", toml::Value::String(path)) => {
            given.exchanges = Some(PathBuf::from(path));
            Ok(())
        }
        ("auth" | "ca_file" | "exchanges", other) => {
            Err(wrong(format!("`{name}` is a text, and {} was found", other.type_str()), "write it in quotes"))
        }
        (_, _) => {
            let known: BTreeSet<&str> = document.config.names().chain(document.secrets.names()).chain(OWN).collect();
            let near = crate::manifest::problem::did_you_mean(name, known.iter().copied());
            Err(SettingsError { message: format!("unknown field `{name}`"), span: Some(key.span()), fix: Some(near) })
        }
    }
}

#[async_trait]
impl Connector for ManifestConnector {
    fn kinds(&self) -> Vec<RecordKind> {
        self.manifest.kinds()
    }

    async fn collect(&self, run: &Run, sink: &Sink) -> Result<(), ConnectorError> {
        let Some(folder) = &self.given.exchanges else { return self.read(run, sink, None).await };
        match recorded::staged(&self.manifest, &self.given, folder) {
            Ok(Recorded { connector, now, file }) => {
                let run = Run { now, ..run.clone() };
                connector.read(&run, sink, Some(&file)).await
            }
            Err(gap) => {
                // A scope that is dropped is reported as failed.
                drop(scopes(&self.manifest, &self.names(run), sink));
                Err(ConnectorError::Failed(*gap))
            }
        }
    }

    async fn probe(&self, run: &Run) -> Result<Vec<Probe>, ConnectorError> {
        if let Some(folder) = &self.given.exchanges {
            let file =
                recorded::staged(&self.manifest, &self.given, folder).map_err(|gap| ConnectorError::Failed(*gap))?.file;
            return Ok(vec![Probe { permission: format!("read `{}`", file.path), granted: Some(true), detail: None }]);
        }
        let names = self.names(run);
        let session = self.open(run, false).await?;
        let failed = |trouble: &Trouble| self.failed(trouble);
        let mut probes = check(&self.manifest, &session, &names).await.map_err(|trouble| failed(&trouble))?.probes;
        probes.extend(self.probe_streams(&session, &names).await.map_err(|trouble| failed(&trouble))?);
        Ok(probes)
    }
}
