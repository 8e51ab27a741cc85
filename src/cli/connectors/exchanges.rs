//! `muster connectors test|record`: a manifest against written exchanges, and real exchanges written down in disguise.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use muster_connectors::manifest::run::fixture::{self, FixtureError, Scene};
use muster_connectors::manifest::run::recording::{self, RecordError};
use muster_connectors::manifest::{Manifest, catalogued};
use muster_connectors::{ConnectorError, Run, Settings};
use tokio_util::sync::CancellationToken;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use crate::cli::outcome::{Exit, Failure, Outcome};
use crate::cli::output::open;
use crate::cli::session::Session;
use crate::config::manifests::diagnostics;
use crate::diagnostic::Diagnostic;

/// Calls under way at once while a system is recorded: a recording is for reading, not for speed.
const ABREAST: usize = 2;

/// Runs the manifest against its folder of exchanges; ends with 1 when anything differs.
///
/// # Errors
/// [`Failure`] when the manifest or the folder cannot be used.
pub(super) fn test(path: &Path, fixtures: Option<&Path>, accept: bool) -> Result<Outcome, Failure> {
    let manifest = load(path)?;
    let folder = match (fixtures, named(&manifest)) {
        (Some(folder), _) => folder.to_owned(),
        (None, Some(folder)) => folder,
        (None, None) => {
            return Err(Diagnostic::error("MAN006", "the manifest names no folder of exchanges")
                .fix("write `[test] fixtures = \"…\"`, or give one with --fixtures")
                .into());
        }
    };
    let unusable = |error: FixtureError| -> Failure {
        Diagnostic::error("MAN006", format!("`{}` cannot be used", error.file.display()))
            .cause(error.what)
            .fix("docs/manifests.md shows every file of the folder")
            .into()
    };
    let tested = runtime()?.block_on(fixture::test(Arc::clone(&manifest), &folder)).map_err(unusable)?;
    let mut out = open(None)?;
    writeln!(
        out,
        "{}: {} exchanges, {} records, {} actions",
        manifest.id(),
        tested.exchanges,
        tested.records,
        tested.actions
    )?;
    if accept {
        recording::put(&folder, "expected.json", &tested.found).map_err(|error| unrecorded(&error))?;
        writeln!(out, "wrote {}; read it before you rely on it", folder.join("expected.json").display())?;
        out.close()?;
        return Ok(Outcome::answered());
    }
    for difference in &tested.differences {
        writeln!(out, "- {difference}")?;
    }
    out.close()?;
    match tested.differences.len() {
        0 => Ok(Outcome::answered()),
        1 => Ok(Outcome::new(Exit::Findings, "1 difference from what the folder expects")),
        more => Ok(Outcome::new(Exit::Findings, format!("{more} differences from what the folder expects"))),
    }
}

/// Reads a system once and writes the exchanges, in disguise, with what must come out of them.
///
/// # Errors
/// [`Failure`] when the system cannot be read or the folder cannot be written.
pub(super) fn record(path: &Path, settings: &Path, to: &Path, session: &Session) -> Result<Outcome, Failure> {
    let manifest = load(path)?;
    let unreadable = |what: String| -> Failure {
        Diagnostic::error("MAN007", format!("cannot use the settings in `{}`", settings.display()))
            .cause(what)
            .fix("write the keys of a `[[system]]` into it, each on a line: `org = \"acme\"`, `token = { env = \"TOKEN\" }`")
            .into()
    };
    let text = std::fs::read_to_string(settings).map_err(|error| unreadable(error.to_string()))?;
    let table = DeTable::parse(&text).map_err(|error| unreadable(error.message().to_owned()))?;
    let span = table.span();
    let given = Settings {
        system: manifest.id(),
        table: ValueDeserializer::from(Spanned::new(span, DeValue::Table(table.into_inner()))),
        folder: settings.parent().map(Path::to_owned).unwrap_or_default(),
        environment: Arc::clone(&session.environment),
    };
    crate::install_tls();
    let runtime = runtime()?;
    let run = Run { now: session.instant(), cancel: CancellationToken::new(), concurrency: ABREAST, memory: None };
    let scene: Scene =
        runtime.block_on(recording::record(Arc::clone(&manifest), given, &run)).map_err(|error| unrecorded(&error))?;
    recording::write(&scene, to).map_err(|error| unrecorded(&error))?;
    let replayed = runtime.block_on(fixture::test(manifest, to));
    let tested = replayed.map_err(|error| -> Failure {
        Diagnostic::error("MAN007", "the recording cannot be played")
            .cause(error.to_string())
            .fix("please report this")
            .into()
    })?;
    recording::put(to, "expected.json", &tested.found).map_err(|error| unrecorded(&error))?;
    let mut out = open(None)?;
    writeln!(out, "{}: {} exchanges, {} records", to.display(), tested.exchanges, tested.records)?;
    writeln!(out, "every word that is not the manifest's own was replaced; read the files before you give them away")?;
    out.close()?;
    Ok(Outcome::answered())
}

fn unrecorded(error: &RecordError) -> Failure {
    let diagnostic = Diagnostic::error("MAN007", error.to_string());
    match error {
        RecordError::Settings(settings) => diagnostic.maybe_fix(settings.fix.clone()).into(),
        RecordError::Connector(ConnectorError::Failed(gap)) => {
            let cause = gap.cause.as_ref().map_or_else(|| gap.what.clone(), |cause| format!("{}: {cause}", gap.what));
            diagnostic.cause(cause).maybe_fix(gap.fix.clone()).into()
        }
        RecordError::Connector(ConnectorError::Secret(secret)) => {
            diagnostic.cause(secret.to_string()).fix("put the secret where the settings say").into()
        }
        RecordError::Connector(ConnectorError::Stopped) => {
            diagnostic.cause("the run was stopped").fix("record again").into()
        }
        RecordError::Random => diagnostic.fix("try again on another machine").into(),
        RecordError::Write { source, .. } => {
            diagnostic.cause(source.to_string()).fix("check the folder and its disk").into()
        }
    }
}

/// The folder of exchanges that a manifest names, beside it.
fn named(manifest: &Manifest) -> Option<PathBuf> {
    let folder = manifest.document().test.as_ref()?.fixtures.as_ref()?;
    Some(manifest.file()?.parent().unwrap_or(Path::new(".")).join(folder.get_ref()))
}

fn load(path: &Path) -> Result<Arc<Manifest>, Failure> {
    let told = |problems: Vec<_>| Failure::Told(diagnostics(&problems));
    if let Some(entry) = path.to_str().and_then(catalogued)
        && !path.exists()
    {
        return entry.manifest().map(Arc::new).map_err(told);
    }
    Manifest::load(path).map(Arc::new).map_err(told)
}

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()
}
