//! `muster man`: the manual page, or one page per command.

use std::path::PathBuf;

use clap::{Args, CommandFactory as _};

use super::outcome::{Failure, Outcome};
use super::output::open;
use super::session::Session;
use crate::diagnostic::Diagnostic;

/// Arguments of `muster man`.
#[derive(Debug, Clone, Args)]
pub struct Arguments {
    /// Write muster.1, muster-collect.1 and so on into this folder instead of printing the first one
    #[arg(long, value_name = "FOLDER")]
    pub folder: Option<PathBuf>,
}

/// Prints or writes manual pages.
///
/// # Errors
/// [`Failure`] when a page cannot be written.
pub fn run(arguments: &Arguments, _session: &Session) -> Result<Outcome, Failure> {
    let command = super::Arguments::command();
    if let Some(folder) = &arguments.folder {
        clap_mangen::generate_to(command, folder).map_err(|error| {
            Diagnostic::error("CLI002", format!("cannot write manual pages into `{}`", folder.display()))
                .cause(error.to_string())
                .fix("create the folder, or choose another one")
        })?;
        return Ok(Outcome::answered());
    }
    let mut out = open(None)?;
    clap_mangen::Man::new(command).render(&mut out)?;
    out.close()?;
    Ok(Outcome::answered())
}
