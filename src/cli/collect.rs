//! `muster collect`: read the systems into a new snapshot.

use std::io::Write as _;
use std::sync::Arc;

use clap::Args;

use super::bars::Bars;
use super::interrupt::Interrupt;
use super::outcome::{Exit, Failure, Outcome, store_diagnostic};
use super::output::open;
use super::session::Session;
use super::snapshots;
use crate::collect::progress::{Unwatched, Watcher};
use crate::collect::{CollectError, Collected, Options, collect, is_doubtful};
use crate::config::Config;
use crate::diagnostic::Diagnostic;
use crate::snapshot::Lock;

/// Arguments of `muster collect`.
#[derive(Debug, Clone, Default, Args)]
pub struct Arguments {
    /// Read only this system; the others keep their rows, marked with their age. May be repeated
    #[arg(long, value_name = "NAME")]
    pub system: Vec<String>,
    /// Believe a system (or one scope of it: SYSTEM/SCOPE) this once although it shrank, grew, changed its shape or lost a scope. May be repeated
    #[arg(long, value_name = "NAME")]
    pub accept: Vec<String>,
    /// Read everything again, also what an interrupted run had read completely
    #[arg(long)]
    pub fresh: bool,
    /// Read every list whole, also where only what changed since the last run would be asked for
    #[arg(long)]
    pub full: bool,
}

/// Collects, says what was read (with `-o` scope by scope, as `muster snapshots show` does), and ends with 3 when something
/// was not.
///
/// # Errors
/// [`Failure`] when nothing was committed.
pub fn run(arguments: &Arguments, session: &Session) -> Result<Outcome, Failure> {
    let config = session.config()?;
    // A misspelt format must not cost a collection.
    snapshots::check_outputs(session)?;
    let (collected, _lock) = collect_now(arguments, session, &config)?;
    if session.global.output.is_empty() {
        let mut out = open(None)?;
        let header = &collected.manifest.header;
        writeln!(out, "snapshot {} {} {}", header.sequence, header.taken, collected.manifest.id)?;
        out.close()?;
    } else {
        snapshots::write_scopes(session, &collected.manifest)?;
    }
    Ok(outcome(&collected).allowing_partial(session.global.allow_partial))
}

/// Collects with signals, progress and the lock of this process, and tells what was not read. The lock is handed on, so that
/// nobody comes between a snapshot and its check.
///
/// # Errors
/// [`Failure`] when nothing was committed.
pub fn collect_now(arguments: &Arguments, session: &Session, config: &Config) -> Result<(Collected, Lock), Failure> {
    let store = session.store(config)?;
    let lock = session.lock(&store)?;
    crate::install_tls();
    let interrupt = Interrupt::listen()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let collected: Result<Collected, Failure> = runtime.block_on(async {
        let watcher: Arc<dyn Watcher> =
            if session.draws_progress() { Arc::new(Bars::default()) } else { Arc::new(Unwatched) };
        let options = Options {
            now: session.now(config),
            only: arguments.system.clone(),
            accept: arguments.accept.clone(),
            jobs: config.concurrency.value,
            fresh: arguments.fresh,
            full: arguments.full,
            cancel: interrupt.stop(),
            watcher,
        };
        collect(config, &store, &lock, &options).await.map_err(failure)
    });
    // A connector that does not stop must not keep the process.
    runtime.shutdown_background();
    let collected = collected?;
    interrupt.ends_with(format!(
        "interrupted; snapshot {} is committed, but not reported on: `muster check` does that",
        collected.manifest.header.sequence
    ));
    collected.diagnostics.iter().for_each(|diagnostic| session.tell(diagnostic));
    Ok((collected, lock))
}

/// Why nothing was collected, as a person reads it.
pub(super) fn failure(error: CollectError) -> Failure {
    match error {
        CollectError::Interrupted { kept } => {
            let kept = match kept.as_slice() {
                [] => String::new(),
                kept => format!("; read completely and not read again by the next run: {}", kept.join(", ")),
            };
            Failure::Interrupted(format!(
                "interrupted; nothing was committed, the previous snapshot is as it was{kept}"
            ))
        }
        CollectError::NoSystem => Diagnostic::error("CFG016", "the config has no system to collect")
            .fix("add a `[[system]]`; `muster connectors list` shows what can be read")
            .into(),
        CollectError::UnknownSystem { name, similar } => {
            let fix = similar
                .map_or("`muster config show` lists the systems".to_owned(), |near| format!("did you mean `{near}`?"));
            Diagnostic::error("CFG015", format!("the config has no system `{name}`")).fix(fix).into()
        }
        CollectError::Store(error) => {
            store_diagnostic(&error).effect("nothing was committed, the previous snapshot is as it was").into()
        }
    }
}

/// Clean, or incomplete with the systems that are the reason.
pub fn outcome(collected: &Collected) -> Outcome {
    let header = &collected.manifest.header;
    let rows = collected.manifest.records();
    let systems = collected.manifest.systems.len();
    if collected.complete {
        return Outcome::new(
            Exit::Clean,
            format!(
                "snapshot {} is complete: {rows} records of {systems} {}",
                header.sequence,
                plural(systems, "system")
            ),
        );
    }
    let mut names: Vec<&str> =
        collected.manifest.kinds().filter(|view| is_doubtful(view.state())).map(|view| view.system).collect();
    names.dedup();
    Outcome::new(
        Exit::Incomplete,
        format!(
            "snapshot {} is incomplete: {} of {systems} {} not fully read or not believed ({})",
            header.sequence,
            names.len(),
            plural(systems, "system"),
            names.join(", ")
        ),
    )
}

fn plural(number: usize, word: &str) -> String {
    if number == 1 { word.to_owned() } else { format!("{word}s") }
}
