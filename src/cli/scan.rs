//! `muster scan`: collect, check and report: the nightly job.

use super::outcome::{Failure, Outcome};
use super::session::Session;
use super::{check, collect};

/// Collects a snapshot, judges it, keeps the findings and writes the report.
///
/// # Errors
/// [`Failure`] when nothing was committed, or when the snapshot could not be judged.
pub fn run(arguments: &collect::Arguments, session: &Session) -> Result<Outcome, Failure> {
    let config = session.config()?;
    check::formats(&session.global.output)?;
    let (collected, lock) = collect::collect_now(arguments, session, &config)?;
    let store = session.store(&config)?;
    let snapshot = store.find(&collected.manifest.header.sequence.to_string())?;
    let judged = check::judge(session, &config, &store, &snapshot, Some(lock))?;
    let gathered = collect::outcome(&collected).allowing_partial(session.global.allow_partial);
    // Both say so when something was not read; the check's own reason names the findings as well.
    Ok(if judged.exit >= gathered.exit { judged } else { gathered })
}
