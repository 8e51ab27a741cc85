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

/// What became of a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    Good,
    Missing,
    /// The question was not answered.
    Unknown,
}

impl Found {
    const fn word(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Missing => "missing",
            Self::Unknown => "not known",
        }
    }
}

/// One thing that was looked at.
struct Check {
    of: String,
    aspect: String,
    found: Found,
    detail: String,
    fix: Option<String>,
}

impl Check {
    fn new(of: &str, aspect: &str, good: bool, detail: impl Into<String>) -> Self {
        let found = if good { Found::Good } else { Found::Missing };
        Self { of: of.to_owned(), aspect: aspect.to_owned(), found, detail: detail.into(), fix: None }
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
    Ok(outcome(&checks))
}

fn outcome(checks: &[Check]) -> Outcome {
    let count = |found| checks.iter().filter(|check| check.found == found).count();
    let (bad, unknown, all) = (count(Found::Missing), count(Found::Unknown), checks.len());
    match (bad, unknown) {
        (0, 0) => Outcome::new(Exit::Clean, format!("{all} checks, all good")),
        (_, 0) => Outcome::new(Exit::Incomplete, format!("{bad} of {all} checks failed")),
        _ => Outcome::new(Exit::Incomplete, format!("{bad} of {all} checks failed, {unknown} had no answer")),
    }
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
    probes.into_iter().map(|probe| probed(&system.name, &system.connector_name, probe)).collect()
}

/// A permission of a system that is read by a connector.
fn probed(system: &str, connector: &str, probe: Probe) -> Check {
    let (found, word, fix) = match probe.granted {
        Some(true) => (Found::Good, "granted", None),
        Some(false) => {
            let fix = format!("grant it to the credential: `muster connectors show {connector}`");
            (Found::Missing, "missing", Some(fix))
        }
        None => {
            let fix = "run `muster doctor` again; where it stays so, the detail says what was answered instead";
            (Found::Unknown, "no answer", Some(fix.to_owned()))
        }
    };
    let detail = probe.detail.unwrap_or_else(|| word.to_owned());
    Check { of: system.to_owned(), aspect: probe.permission, found, detail, fix }
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
                .map(|check| {
                    json!({
                        "of": check.of,
                        "check": check.aspect,
                        "good": check.found == Found::Good,
                        "result": check.found.word(),
                        "detail": check.detail,
                        "fix": check.fix,
                    })
                })
                .collect();
            writeln!(out, "{:#}", Json::from(checks))?;
        } else {
            let mut table = plain_table(&["of", "check", "result", "detail", "fix"]);
            for check in checks {
                let result = match check.found {
                    Found::Good => Found::Good.word().to_owned(),
                    Found::Missing | Found::Unknown => check.found.word().to_uppercase(),
                };
                let cells = [
                    &check.of,
                    &check.aspect,
                    result.as_str(),
                    &check.detail,
                    check.fix.as_deref().unwrap_or_default(),
                ];
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

#[cfg(test)]
mod tests {
    use super::*;

    fn told(granted: Option<bool>, detail: Option<&str>) -> Check {
        let probe = Probe { permission: "ecs:ListTasks".into(), granted, detail: detail.map(str::to_owned) };
        probed("aws", "aws", probe)
    }

    #[test]
    fn a_question_without_an_answer_is_neither_good_nor_missing() {
        let unknown = told(None, Some("Throttling: Rate exceeded"));
        assert_eq!((unknown.found, unknown.detail.as_str()), (Found::Unknown, "Throttling: Rate exceeded"));
        let fix = unknown.fix.as_deref().unwrap();
        assert!(fix.contains("again") && !fix.contains("grant"), "nobody knows that it is missing: {fix}");
        assert!(told(Some(false), None).fix.unwrap().contains("muster connectors show aws"));
        assert_eq!(told(Some(true), None).fix, None);
        assert_eq!(told(None, None).detail, "no answer");
    }

    #[test]
    fn only_when_everything_is_good_it_ends_with_0() {
        let [good, missing, unknown] = [Some(true), Some(false), None].map(|granted| move || told(granted, None));
        let end = |checks: Vec<Check>| {
            let outcome = outcome(&checks);
            (outcome.exit, outcome.reason.unwrap())
        };
        assert_eq!(end(vec![good()]), (Exit::Clean, "1 checks, all good".to_owned()));
        assert_eq!(end(vec![good(), missing()]), (Exit::Incomplete, "1 of 2 checks failed".to_owned()));
        assert_eq!(
            end(vec![good(), missing(), unknown()]),
            (Exit::Incomplete, "1 of 3 checks failed, 1 had no answer".to_owned())
        );
        assert_eq!(
            end(vec![good(), unknown()]),
            (Exit::Incomplete, "0 of 2 checks failed, 1 had no answer".to_owned())
        );
    }
}
