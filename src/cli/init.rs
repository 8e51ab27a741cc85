//! `muster init`: a commented muster.toml and a policy folder to start from.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;

use super::outcome::{Exit, Failure, Outcome};
use super::session::Session;
use crate::diagnostic::Diagnostic;

/// Arguments of `muster init`.
#[derive(Debug, Clone, Args)]
pub struct Arguments {
    /// Where to write; created when it does not exist
    #[arg(default_value = ".")]
    pub folder: PathBuf,
}

const FILES: [(&str, &str); 3] = [
    ("muster.toml", include_str!("init/muster.toml")),
    ("policy/pins.toml", include_str!("init/pins.toml")),
    ("policy/inventory.toml", include_str!("init/inventory.toml")),
];

/// Writes the files, or none of them when one exists already.
///
/// # Errors
/// [`Failure`] when a file exists or cannot be written.
pub fn run(arguments: &Arguments, _session: &Session) -> Result<Outcome, Failure> {
    let folder = if arguments.folder == Path::new(".") { Path::new("") } else { &arguments.folder };
    let targets = FILES.map(|(name, text)| (folder.join(name), text));
    if let Some((existing, _)) = targets.iter().find(|(path, _)| path.exists()) {
        let what = format!("`{}` exists already; nothing was written", existing.display());
        return Err(Diagnostic::error("CFG017", what)
            .fix("move it away, or choose another folder: `muster init FOLDER`")
            .into());
    }
    for (path, text) in &targets {
        write(path, text).map_err(|error| {
            Diagnostic::error("CLI002", format!("cannot write `{}`", path.display()))
                .cause(error.to_string())
                .fix("choose a folder that you may write to")
        })?;
    }
    let config = folder.join("muster.toml");
    Ok(Outcome::new(
        Exit::Clean,
        format!("wrote `{0}`; name your systems in it, then run `muster doctor`", config.display()),
    ))
}

fn write(path: &Path, text: &str) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    OpenOptions::new().write(true).create_new(true).open(path)?.write_all(text.as_bytes())
}
