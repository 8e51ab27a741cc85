//! `muster doctor`: can everything be read, and if not, what is missing?

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use futures::{StreamExt as _, stream};
use muster_connectors::scope::{Gap, Probe};
use muster_connectors::{ConnectorError, Run};
use serde_json::{Value as Json, json};
use tokio_util::sync::CancellationToken;

use super::outcome::{Exit, Failure, Outcome};
use super::output::{Choice, open, targets};
use super::session::Session;
use super::tables::plain_table;
use crate::collect::secret_fix;
use crate::config::{Config, System};
use crate::diagnostic::visible;
use crate::snapshot::StoreError;

/// How long a system may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// Free bytes below which the store's disk is worth a word.
const LITTLE_SPACE: u64 = 1 << 30;

/// Arguments of `muster doctor`.
#[derive(Debug, Clone, Args)]
pub struct Arguments {
    /// Look at this system only. May be repeated
    #[arg(long, value_name = "NAME")]
    pub system: Vec<String>,
}

/// One thing that was looked at.
struct Check {
    of: String,
    aspect: String,
    good: bool,
    detail: String,
    fix: Option<String>,
}

impl Check {
    fn new(of: &str, aspect: &str, good: bool, detail: impl Into<String>) -> Self {
        Self { of: of.to_owned(), aspect: aspect.to_owned(), good, detail: detail.into(), fix: None }
    }

    fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }
}

const CHOICES: [Choice; 2] = [Choice { name: "table", ending: "txt" }, Choice { name: "json", ending: "json" }];

/// Looks at everything and ends with 3 when something is missing.
///
/// # Errors
/// [`Failure`] when the config cannot be used.
pub fn run(arguments: &Arguments, session: &Session) -> Result<Outcome, Failure> {
    let config = session.config()?;
    let mut checks = vec![Check::new("config", "read", true, config.file.path.clone()), systems_check(&config)];
    checks.extend(store_checks(&config));
    checks.extend(disk_check(&config.store.value));
    crate::collect::known_systems(&config, &arguments.system).map_err(super::collect::failure)?;
    crate::install_tls();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    checks.extend(runtime.block_on(probe_all(&config, arguments, session)));
    runtime.shutdown_background();
    write(session, &checks)?;
    let bad = checks.iter().filter(|check| !check.good).count();
    if bad == 0 {
        return Ok(Outcome::new(Exit::Clean, format!("{} checks, all good", checks.len())));
    }
    Ok(Outcome::new(Exit::Incomplete, format!("{bad} of {} checks failed", checks.len())))
}

fn systems_check(config: &Config) -> Check {
    let people = config.systems.iter().filter(|system| system.is_hr()).count();
    let check =
        Check::new("config", "systems", people > 0, format!("{} systems, {people} of them HR", config.systems.len()));
    if people > 0 {
        check
    } else {
        check.fix("add a `[[system]]` that yields people: without HR no account can be judged")
    }
}

fn store_checks(config: &Config) -> Vec<Check> {
    let shown = config.store.value.display().to_string();
    if !config.store.value.exists() {
        return vec![Check::new("store", "open", true, format!("{shown} will be created by the first collection"))];
    }
    let store = match crate::snapshot::Store::open(&config.store.value) {
        Ok(store) => store,
        Err(error) => return vec![Check::new("store", "open", false, error.to_string()).fix(error.fix())],
    };
    let opened = match store.manifests() {
        Ok(manifests) => Check::new("store", "open", true, format!("{shown}: {} snapshots", manifests.len())),
        Err(error) => Check::new("store", "open", false, error.to_string()).fix(error.fix()),
    };
    let lock = match store.lock(None) {
        Ok(_lock) => Check::new("store", "lock", true, "free"),
        // A scan under way is nothing to worry about.
        Err(error @ StoreError::Locked { .. }) => Check::new("store", "lock", true, error.to_string()),
        Err(error) => Check::new("store", "lock", false, error.to_string()).fix(error.fix()),
    };
    vec![opened, lock]
}

fn disk_check(store: &Path) -> Option<Check> {
    let absolute: PathBuf = std::path::absolute(store).ok()?;
    let existing = absolute.ancestors().find(|folder| folder.exists())?;
    let disk = rustix::fs::statvfs(existing).ok()?;
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    let check = Check::new("store", "disk", free >= LITTLE_SPACE, format!("{} MiB free", free >> 20));
    Some(if free < LITTLE_SPACE { check.fix("free space, or `muster snapshots prune`") } else { check })
}

async fn probe_all(config: &Config, arguments: &Arguments, session: &Session) -> Vec<Check> {
    let wanted = |system: &&System| arguments.system.is_empty() || arguments.system.contains(&system.name);
    let now = session.now(config);
    stream::iter(config.systems.iter().filter(wanted).map(|system| async move {
        let run = Run { now, cancel: CancellationToken::new(), concurrency: system.concurrency, memory: None };
        let connector = Arc::clone(&system.connector);
        let probing = tokio::spawn(async move { connector.probe(&run).await });
        match tokio::time::timeout(PATIENCE, probing).await {
            Ok(Ok(Ok(probes))) => good_probes(system, probes),
            Ok(Ok(Err(error))) => vec![bad_probe(system, &error)],
            Ok(Err(panic)) => vec![
                Check::new(&system.name, "connect", false, format!("internal error: {panic}"))
                    .fix("please report this"),
            ],
            Err(_) => {
                let what = format!("no answer within {} s", PATIENCE.as_secs());
                vec![Check::new(&system.name, "connect", false, what).fix("check address, port and firewall")]
            }
        }
    }))
    .buffered(config.concurrency.value.max(1))
    .concat()
    .await
}

fn good_probes(system: &System, probes: Vec<Probe>) -> Vec<Check> {
    if probes.is_empty() {
        return vec![Check::new(&system.name, "connect", true, format!("connector {}", system.connector_name))];
    }
    let check = |probe: Probe| {
        let detail = probe.detail.unwrap_or_else(|| if probe.granted { "granted" } else { "missing" }.to_owned());
        let check = Check::new(&system.name, &probe.permission, probe.granted, detail);
        if probe.granted {
            return check;
        }
        check.fix(format!("grant it to the credential: `muster connectors show {}`", system.connector_name))
    };
    probes.into_iter().map(check).collect()
}

fn bad_probe(system: &System, error: &ConnectorError) -> Check {
    match error {
        ConnectorError::Stopped => Check::new(&system.name, "connect", false, "stopped before it had answered"),
        ConnectorError::Secret(error) => {
            let at = system.credential.as_ref().map(|place| format!(" ({place})")).unwrap_or_default();
            Check::new(&system.name, "credential", false, format!("{error}{at}")).fix(secret_fix(error))
        }
        ConnectorError::Failed(Gap { what, cause, fix, code, .. }) => {
            let detail = cause.as_ref().map_or_else(|| what.clone(), |cause| format!("{what}: {cause}"));
            let check = Check::new(&system.name, "connect", false, format!("{code} {detail}"));
            check.fix(fix.clone().unwrap_or_else(|| format!("`muster explain {code}`")))
        }
    }
}

fn write(session: &Session, checks: &[Check]) -> Result<(), Failure> {
    for (choice, file) in targets(&session.global.output, &CHOICES)? {
        let mut out = open(file.as_deref())?;
        if choice.name == "json" {
            let checks: Vec<Json> = checks
                .iter()
                .map(|c| json!({ "of": c.of, "check": c.aspect, "good": c.good, "detail": c.detail, "fix": c.fix }))
                .collect();
            writeln!(out, "{:#}", Json::from(checks))?;
        } else {
            let mut table = plain_table(&["of", "check", "result", "detail", "fix"]);
            for check in checks {
                let result = if check.good { "good" } else { "MISSING" };
                let cells = [&check.of, &check.aspect, result, &check.detail, check.fix.as_deref().unwrap_or_default()];
                table.add_row(cells.map(|text| visible(text).into_owned()));
            }
            for line in table.lines() {
                writeln!(out, "{}", line.trim_end())?;
            }
        }
        out.close()?;
    }
    Ok(())
}
