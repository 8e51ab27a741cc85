//! What every command needs: the flags, the environment, the streams and the clock, each read once.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use muster_connectors::secret::Environment;

use super::outcome::{Exit, Failure, Outcome};
use super::{Color, Global, LogShape, Which};
use crate::config::{Config, Overrides};
use crate::diagnostic::{Diagnostic, Level, visible};
use crate::snapshot::{Lock, Snapshot, Store, StoreError};

/// `--wait` waits for as long as anybody could mean.
const PATIENCE: Duration = Duration::from_hours(7 * 24);

/// One run of one command.
#[derive(Debug)]
pub struct Session {
    /// Flags of every command.
    pub global: Global,
    /// The process environment.
    pub environment: Arc<Environment>,
    /// The real clock at the start.
    wall_clock: Timestamp,
    colour_on_stderr: bool,
}

impl Session {
    /// A session of this process.
    pub fn new(global: Global, environment: Arc<Environment>, wall_clock: Timestamp) -> Self {
        let colour_on_stderr = wants_colour(global.color, &environment, io::stderr().is_terminal());
        Self { global, environment, wall_clock, colour_on_stderr }
    }

    /// Starts the log on standard error. `MUSTER_LOG` (`info`, `muster=debug`) beats `-v`.
    pub fn start_log(&self) {
        let level = match self.global.verbose {
            0 => "error",
            1 => "muster=info,muster_connectors=info,warn",
            2 => "muster=debug,muster_connectors=debug,info",
            _ => "trace",
        };
        let filter = self.environment.get("MUSTER_LOG").map_or(level, String::as_str);
        let filter = tracing_subscriber::EnvFilter::builder().parse_lossy(filter);
        let log = tracing_subscriber::fmt().with_writer(io::stderr).with_env_filter(filter);
        // Only a second start in one process fails, and then the first one's log goes on.
        let _ = match self.global.log {
            LogShape::Text => log.with_ansi(self.colour_on_stderr).try_init(),
            LogShape::Json => log.json().try_init(),
        };
    }

    /// Whether standard output may have colours.
    pub fn colour_on_stdout(&self) -> bool {
        wants_colour(self.global.color, &self.environment, io::stdout().is_terminal())
    }

    /// Columns of the terminal behind standard output; `None` when it is none.
    pub fn width(&self) -> Option<u16> {
        let mut table = comfy_table::Table::new();
        table.set_content_arrangement(comfy_table::ContentArrangement::Dynamic);
        if io::stdout().is_terminal() { table.width() } else { None }
    }

    /// Whether bars may be drawn on standard error.
    pub fn draws_progress(&self) -> bool {
        !self.global.quiet && self.global.verbose == 0 && io::stderr().is_terminal()
    }

    /// Tells a diagnostic on standard error. `--quiet` keeps notes to itself.
    pub fn tell(&self, diagnostic: &Diagnostic) {
        if !(self.global.quiet && diagnostic.level == Level::Note) {
            // There is nowhere else to complain about a closed standard error.
            let _ = io::stderr().lock().write_all(diagnostic.render(self.colour_on_stderr).as_bytes());
        }
    }

    /// Tells why a command could not do its work, and says how the run ended.
    pub fn fail(&self, failure: Failure) -> Outcome {
        match failure {
            Failure::Told(diagnostics) => {
                for diagnostic in &diagnostics {
                    self.tell(diagnostic);
                }
                let reason = match diagnostics.as_slice() {
                    [one] => one.what.clone(),
                    several => format!("{} problems, see above", several.len()),
                };
                Outcome::new(Exit::Failed, reason)
            }
            Failure::Interrupted(reason) => Outcome::new(Exit::Interrupted, reason),
            Failure::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => Outcome::answered(),
            Failure::Output(error) => {
                self.tell(
                    &Diagnostic::error("CLI002", "the output cannot be written")
                        .cause(error.to_string())
                        .fix("free space, or write to another place"),
                );
                Outcome::new(Exit::Failed, "the output cannot be written")
            }
        }
    }

    /// The last line: why the exit code is what it is.
    pub fn last_line(&self, outcome: &Outcome) {
        if let Some(reason) = &outcome.reason
            && !(self.global.quiet && outcome.exit == Exit::Clean)
        {
            let _ = writeln!(io::stderr().lock(), "muster: exit {}: {}", outcome.exit.code(), visible(reason));
        }
    }

    /// The path of the config.
    pub fn config_path(&self) -> PathBuf {
        Config::find(self.global.config.as_deref(), &self.environment)
    }

    /// The config, with its notes told.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn config(&self) -> Result<Config, Failure> {
        let overrides = Overrides {
            store: self.global.store.clone(),
            now: self.global.now,
            fail_on: self.global.fail_on,
            jobs: self.global.jobs.map(usize::from),
        };
        let environment = Arc::clone(&self.environment);
        let config = Config::load(&self.config_path(), &overrides, environment, muster_connectors::NATIVE)?;
        for note in &config.notes {
            self.tell(note);
        }
        Ok(config)
    }

    /// The clock of the run.
    pub fn now(&self, config: &Config) -> Timestamp {
        config.now.value.unwrap_or(self.wall_clock)
    }

    /// The clock of a run that needs no config.
    pub fn instant(&self) -> Timestamp {
        self.global.now.unwrap_or(self.wall_clock)
    }

    /// The store of the config.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn store(&self, config: &Config) -> Result<Store, Failure> {
        Ok(Store::open(&config.store.value)?)
    }

    /// The store of the config, for reading: it is not created.
    ///
    /// # Errors
    /// There is none, or it cannot be opened.
    pub fn existing_store(&self, config: &Config) -> Result<Store, Failure> {
        if config.store.value.exists() {
            return self.store(config);
        }
        let what = format!("there is no snapshot yet: `{}` does not exist", config.store.value.display());
        Err(Diagnostic::error("SNP004", what)
            .fix("take one with `muster collect`, or name its folder with --store")
            .into())
    }

    /// Becomes the one writer of the store. With `--wait` it says whom it waits for, and waits.
    ///
    /// # Errors
    /// Another process writes, or the store cannot be written.
    pub fn lock(&self, store: &Store) -> Result<Lock, Failure> {
        match store.lock(None) {
            Err(error @ StoreError::Locked { .. }) if self.global.wait => {
                self.tell(&Diagnostic::note("SNP001", error.to_string()).effect("waiting for it to end"));
                Ok(store.lock(Some(PATIENCE))?)
            }
            locked => Ok(locked?),
        }
    }

    /// The snapshot that a question is about.
    ///
    /// # Errors
    /// There is none, or the store cannot be read.
    pub fn snapshot(&self, store: &Store, which: &Which) -> Result<Snapshot, Failure> {
        match (&which.snapshot, which.as_of) {
            (Some(asked), _) => Ok(store.find(asked)?),
            (None, None) => Ok(store.find("latest")?),
            (None, Some(instant)) => {
                let taken = store.manifests()?.into_iter().rev().find(|manifest| manifest.header.taken <= instant);
                let found = taken.ok_or_else(|| StoreError::NoSnapshot {
                    asked: format!("--as-of {instant}"),
                    known: "every snapshot is younger".to_owned(),
                })?;
                Ok(store.find(&found.header.sequence.to_string())?)
            }
        }
    }
}

fn wants_colour(color: Color, environment: &Environment, terminal: bool) -> bool {
    match color {
        Color::Always => true,
        Color::Never => false,
        // https://no-color.org: any value that is not empty.
        Color::Auto => terminal && environment.get("NO_COLOR").is_none_or(String::is_empty),
    }
}
