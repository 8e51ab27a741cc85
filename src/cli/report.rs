//! `muster report`: the last check of a snapshot again, in any format.

use clap::Args;

use super::Which;
use super::check::{formats, outcome, write};
use super::outcome::{Failure, Outcome};
use super::session::Session;
use crate::check::{Estate, links};
use crate::diagnostic::Diagnostic;
use crate::findings::kept;
use crate::report::Walk;

/// Arguments of `muster report`.
#[derive(Debug, Clone, Default, Args)]
pub struct Arguments {
    /// Which snapshot.
    #[command(flatten)]
    pub which: Which,
}

/// Writes the report of the last check; nothing is judged again.
///
/// # Errors
/// [`Failure`] when the snapshot was never checked.
pub fn run(arguments: &Arguments, session: &Session) -> Result<Outcome, Failure> {
    let outputs = formats(&session.global.output)?;
    let config = session.config()?;
    let store = session.existing_store(&config)?;
    let snapshot = session.snapshot(&store, &arguments.which)?;
    let sequence = snapshot.manifest().header.sequence;
    let Some(view) = kept::view(&store, sequence)? else {
        return Err(Diagnostic::error("CHK001", format!("snapshot {sequence} has not been checked by this version"))
            .fix(format!("run `muster check --snapshot {sequence}`"))
            .into());
    };
    let now = view.origin.now;
    let estate = Estate::load(&snapshot, &config, now)?;
    let churn = links::churn(&store, sequence, &estate, now)?;
    write(session, &view, &Walk { estate: &estate, churn: churn.as_ref().map(|(_, churn)| churn), now }, &outputs)?;
    Ok(outcome(&view))
}
