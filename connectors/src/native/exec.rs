//! A program that prints records: the way in for every system that nobody wrote a connector for.
//!
//! ```text
//!   command ──► standard output: one JSON object a line ──► records, scopes ──► Sink
//!          └──► standard error: log lines, the last ones quoted when it fails
//! ```
//!
//! The protocol is described in `docs/formats/exec.md` and published as `schemas/record.schema.json`. A program proves that it
//! came to its end with `{"end": true}` and exit status 0; without either, what it left open is not complete. It runs without a
//! shell, in a clean environment and a process group of its own, which is ended with the run.

mod child;
mod protocol;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::SignedDuration;
use schemars::JsonSchema;
use serde::Deserialize;

use self::child::Child;
pub use self::protocol::Line;
use self::protocol::{Conversation, Redactor};
use crate::record::RecordKind;
use crate::scope::{Gap, Probe};
use crate::secret::{CredentialSource, Environment, Secret};
use crate::sink::Sink;
use crate::{Connector, ConnectorError, Manual, Run, Settings, SettingsError};

/// The manual.
pub static MANUAL: Manual = Manual {
    name: "exec",
    summary: "Any program that prints records as JSON Lines",
    reads: READS,
    collected: "JSON Lines that a program of yours prints",
    not_read: &["anything the program does not print, or prints after a failure"],
    needs: "whatever the program needs",
    permissions: "Whatever the program needs. It runs as the user who runs muster; its credential is passed in one environment variable, never \
                  as an argument.",
    proven_on: "Shell programs that end well, fail, hang, print garbage and leak their secret.",
    configure,
    schema: || schemars::schema_for!(ExecSettings),
};

const READS: &str = "\
What the program prints on standard output, one JSON object a line: records, `{\"scope\": …}` lines that say what is covered, and a last
`{\"end\": true}`. The format is described in `docs/formats/exec.md`; `schemas/record.schema.json` is its JSON Schema.

`yields` lists the kinds of record that the program promises, so that an answer without any is a statement and not an accident.

Gaps: COL130 program cannot be started, COL131 line refused, COL132 exit status, COL133 no end line, COL134 timeout, COL135 kind that was not
promised, COL136 secret in the output, COL137 what the program itself reports.";

/// How long a program may take when the config does not say.
const TIMEOUT: Duration = Duration::from_mins(30);
/// Variables that every program gets, where they are set.
const ALWAYS: [&str; 3] = ["PATH", "HOME", "LANG"];

/// Settings of an `exec` system.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Settings of an exec system")]
struct ExecSettings {
    /// Program and arguments; no shell. A program with a `/` counts from the config's folder, one without is looked for on
    /// `PATH`. It runs in the config's folder.
    #[schemars(length(min = 1))]
    command: Vec<String>,
    /// Kinds of record the program promises: `accounts`, `grants`, `persons`, …
    #[schemars(length(min = 1))]
    yields: Vec<RecordKind>,
    /// How long it may take, such as `10m`; 30 minutes when it is left out.
    timeout: Option<String>,
    /// Environment variables that are passed through besides `PATH`, `HOME` and `LANG`.
    #[serde(default)]
    environment: Vec<String>,
    /// Where its secret is kept.
    credential: Option<CredentialSource>,
    /// The environment variable it takes the secret from.
    credential_env: Option<String>,
}

fn configure(settings: Settings<'_>) -> Result<Box<dyn Connector>, SettingsError> {
    let (folder, environment) = (settings.folder.clone(), Arc::clone(&settings.environment));
    let settings: ExecSettings = settings.parse()?;
    let Some((program, arguments)) = settings.command.split_first().filter(|(program, _)| !program.is_empty()) else {
        return Err(SettingsError::new("`command` names no program").fix("write `command = [\"./collect.sh\"]`"));
    };
    if settings.yields.is_empty() {
        return Err(
            SettingsError::new("`yields` promises nothing").fix("list the kinds of record: `yields = [\"accounts\"]`")
        );
    }
    let timeout = match &settings.timeout {
        None => TIMEOUT,
        Some(text) => timeout(text)?,
    };
    let credential = match (settings.credential, settings.credential_env) {
        (Some(source), Some(variable)) => Some((source, variable)),
        (None, None) => None,
        (Some(_), None) => {
            return Err(SettingsError::new("`credential` needs `credential_env`")
                .fix("name the environment variable that the program takes its secret from"));
        }
        (None, Some(_)) => {
            return Err(SettingsError::new("`credential_env` needs `credential`")
                .fix("say where the secret is kept: `credential = { env = \"…\" }`"));
        }
    };
    Ok(Box::new(Exec {
        program: program.clone(),
        arguments: arguments.to_vec(),
        yields: settings.yields,
        timeout,
        variables: settings.environment,
        credential,
        folder,
        environment,
    }))
}

fn timeout(text: &str) -> Result<Duration, SettingsError> {
    let parsed = text.parse::<SignedDuration>().ok().and_then(|duration| Duration::try_from(duration).ok());
    parsed.filter(|duration| !duration.is_zero()).ok_or_else(|| {
        SettingsError::new(format!("`timeout` is `{text}`, which is no duration"))
            .fix("write it like `90s`, `10m` or `1h 30m`")
    })
}

/// A system that is read by a program.
#[derive(Debug)]
struct Exec {
    program: String,
    arguments: Vec<String>,
    yields: Vec<RecordKind>,
    timeout: Duration,
    variables: Vec<String>,
    credential: Option<(CredentialSource, String)>,
    folder: PathBuf,
    environment: Arc<Environment>,
}

impl Exec {
    async fn secret(&self) -> Result<Option<(String, Secret)>, ConnectorError> {
        let Some((source, variable)) = &self.credential else { return Ok(None) };
        Ok(Some((variable.clone(), source.fetch(&self.environment, &self.folder).await?)))
    }

    /// The program's environment, without its secret.
    fn variables(&self) -> Result<Vec<(&str, &str)>, ConnectorError> {
        let always = ALWAYS
            .iter()
            .filter_map(|name| self.environment.get_key_value(*name))
            .map(|(name, value)| (name.as_str(), value.as_str()));
        let mut variables: Vec<(&str, &str)> = always.collect();
        for name in &self.variables {
            let Some(value) = self.environment.get(name) else {
                return Err(ConnectorError::Failed(
                    Gap::new("COL130", format!("the environment has no `{name}`"))
                        .cause(format!("`{}` is to get it through `environment`", self.program))
                        .fix("set the variable, or take it out of `environment`"),
                ));
            };
            variables.push((name, value));
        }
        Ok(variables)
    }

    /// The program to start: one with a separator counts from the config's folder.
    fn path(&self) -> PathBuf {
        if Path::new(&self.program).components().count() > 1 {
            self.folder.join(&self.program)
        } else {
            PathBuf::from(&self.program)
        }
    }

    fn not_started(&self, cause: impl Into<String>) -> Gap {
        Gap::new("COL130", format!("cannot run `{}`", self.path().display()))
            .cause(cause)
            .fix("check the path, and that the file is executable; a program without `/` is looked for on PATH")
    }

    /// Whether the program is there and may be run.
    fn find(&self) -> Result<PathBuf, Gap> {
        let path = self.path();
        let search = self.environment.get("PATH").map(String::as_str).unwrap_or_default();
        let places: Vec<PathBuf> = if path.components().count() > 1 {
            vec![path]
        } else {
            std::env::split_paths(search).map(|folder| folder.join(&path)).collect()
        };
        places
            .into_iter()
            .find(|place| is_executable(place))
            .ok_or_else(|| self.not_started("there is no such executable file"))
    }
}

#[cfg(unix)]
fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_executable(path: &Path) -> bool {
    path.is_file()
}

#[async_trait]
impl Connector for Exec {
    fn kinds(&self) -> Vec<RecordKind> {
        self.yields.clone()
    }

    async fn collect(&self, run: &Run, sink: &Sink) -> Result<(), ConnectorError> {
        let secret = self.secret().await?;
        let redactor = Redactor::new(secret.as_ref().map(|(_, secret)| secret));
        let mut command = tokio::process::Command::new(self.path());
        command.args(&self.arguments).current_dir(&self.folder).env_clear().envs(self.variables()?);
        if let Some((variable, secret)) = &secret {
            command.env(variable, secret.expose());
        }
        let mut child =
            Child::start(command).map_err(|error| ConnectorError::Failed(self.not_started(error.to_string())))?;
        let lines = child.take_lines(&self.program, redactor.clone());
        let mut conversation = Conversation::new(sink, &self.yields, redactor);
        let talk = async {
            conversation.listen(lines.output).await?;
            Ok::<_, ConnectorError>(child.wait().await)
        };
        let outcome = tokio::select! {
            outcome = tokio::time::timeout(self.timeout, talk) => outcome,
            () = run.cancel.cancelled() => {
                child.end().await;
                return Err(ConnectorError::Stopped);
            }
        };
        let ending = match outcome {
            Ok(Ok(Ok(status))) if status.success() => None,
            Ok(Ok(Ok(status))) => Some(
                Gap::new("COL132", format!("`{}` ended with {status}", self.program))
                    .cause("it calls itself failed")
                    .fix("run the program by hand and correct its error"),
            ),
            Ok(Ok(Err(error))) => Some(
                Gap::new("COL132", format!("`{}` could not be waited for", self.program))
                    .cause(error.to_string())
                    .fix("collect again"),
            ),
            Ok(Err(stopped)) => {
                child.end().await;
                return Err(stopped);
            }
            Err(_elapsed) => {
                child.end().await;
                let limit = SignedDuration::try_from(self.timeout).unwrap_or(SignedDuration::MAX);
                Some(
                    Gap::new("COL134", format!("`{}` did not end within {limit:#}", self.program))
                        .cause("it hangs, goes in circles, or has more to read than fits")
                        .fix("make the program faster, split it, or raise `timeout`"),
                )
            }
        };
        let said = lines.last_words.take().await;
        conversation.close(ending.map(|gap| quoting(gap, &said))).await
    }

    async fn probe(&self, _run: &Run) -> Result<Vec<Probe>, ConnectorError> {
        self.secret().await?;
        self.variables()?;
        let detail = self.find().err().map(|gap| format!("{}: {}", gap.what, gap.cause.unwrap_or_default()));
        Ok(vec![Probe { permission: format!("run `{}`", self.program), granted: Some(detail.is_none()), detail }])
    }
}

/// Adds the program's last words to the cause.
fn quoting(mut gap: Gap, said: &[String]) -> Gap {
    if !said.is_empty() {
        let words = format!("its standard error ends with: {}", said.join(" / "));
        gap.cause = Some(gap.cause.map_or_else(|| words.clone(), |cause| format!("{cause}; {words}")));
    }
    gap
}
