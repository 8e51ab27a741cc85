//! `muster completions SHELL`.

use std::io::Write as _;

use clap::{Args, CommandFactory as _};
use clap_complete::{Shell, generate};

use super::outcome::{Failure, Outcome};
use super::output::open;
use super::session::Session;

/// Arguments of `muster completions`.
#[derive(Debug, Clone, Args)]
pub struct Arguments {
    /// The shell to complete in
    pub shell: Shell,
}

/// Prints the completion script.
///
/// # Errors
/// [`Failure::Output`].
pub fn run(arguments: &Arguments, _session: &Session) -> Result<Outcome, Failure> {
    let mut script = Vec::new();
    generate(arguments.shell, &mut super::Arguments::command(), "muster", &mut script);
    let mut out = open(None)?;
    out.write_all(&script)?;
    out.close()?;
    Ok(Outcome::answered())
}
