//! `muster scan`: collect, check and report: the nightly job.

use clap::Args;

use super::outcome::{Failure, Outcome};
use super::session::Session;
use super::{check, collect};

/// Arguments of `muster scan`.
#[derive(Debug, Clone, Args)]
#[group(skip)]
pub struct Arguments {
    /// What is collected.
    #[command(flatten)]
    pub collect: collect::Arguments,
    /// Whether today is the first day.
    #[command(flatten)]
    pub adopt: check::Adopt,
}

/// Collects a snapshot, judges it, keeps the findings and writes the report.
///
/// # Errors
/// [`Failure`] when nothing was committed, or when the snapshot could not be judged.
pub fn run(arguments: &Arguments, session: &Session) -> Result<Outcome, Failure> {
    let config = session.config()?;
    check::formats(&session.global.output)?;
    arguments.adopt.settle(session, &config)?;
    let (collected, lock) = collect::collect_now(&arguments.collect, session, &config)?;
    let store = session.store(&config)?;
    let snapshot = store.find(&collected.manifest.header.sequence.to_string())?;
    let judged = check::judge(session, &config, &store, &snapshot, Some(lock), &arguments.adopt)?;
    let gathered = collect::outcome(&collected).allowing_partial(session.global.allow_partial);
    // Both say so when something was not read; the check's own reason names the findings as well.
    Ok(if judged.exit >= gathered.exit { judged } else { gathered })
}
