//! Why the store could not do something: always with the path, the cause and what to do about it.

use std::io;
use std::path::{Path, PathBuf};

use polars::prelude::PolarsError;

/// A failure of the snapshot store. Snapshots that were committed before are untouched by all of them.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A file could not be read or written.
    #[error("could not {doing} `{}`: {source}", path.display())]
    File {
        /// What was tried, as a verb.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// The folder was written by a newer program.
    #[error("`{}` has format {found}; this program reads formats up to {known}", path.display())]
    Newer {
        /// The manifest.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The newest known format.
        known: u32,
    },
    /// Another process writes.
    #[error("another muster holds the lock `{}`: process {pid}, since {since}", path.display())]
    Locked {
        /// The lock file.
        path: PathBuf,
        /// The holder's process id, as it wrote it.
        pid: String,
        /// When it took the lock.
        since: String,
    },
    /// A file is not what its name or its manifest says.
    #[error("`{}` is damaged: {what}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was expected and found, and what it is part of.
        what: String,
    },
    /// No such snapshot.
    #[error("there is no snapshot `{asked}`; {known}")]
    NoSnapshot {
        /// What was asked for.
        asked: String,
        /// Which there are.
        known: String,
    },
    /// The snapshot's rows were pruned.
    #[error("snapshot {sequence} was pruned: only its header is left")]
    Pruned {
        /// Its number.
        sequence: u64,
    },
    /// No such table or column.
    #[error("there is no {what} `{asked}`; {known}")]
    NoColumn {
        /// `table`, or `column of accounts`.
        what: String,
        /// What was asked for.
        asked: String,
        /// Which there are.
        known: String,
    },
    /// The caller broke the store's rules.
    #[error("{0}")]
    Misuse(String),
    /// polars could not build, write or read a frame.
    #[error("could not {doing} table `{table}`: {source}")]
    Frame {
        /// What was tried, as a verb.
        doing: &'static str,
        /// The table.
        table: String,
        /// polars' answer.
        source: PolarsError,
    },
}

impl StoreError {
    /// What to do about it.
    pub fn fix(&self) -> String {
        match self {
            Self::File { source, path, .. } => match source.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => format!(
                    "free space where `{}` lies (`muster snapshots prune` removes old snapshots), then run it again; former snapshots are intact",
                    path.display()
                ),
                io::ErrorKind::PermissionDenied => {
                    "run as the user who owns the `.muster` folder, or give that user read and write access to it".to_owned()
                }
                io::ErrorKind::ReadOnlyFilesystem => {
                    "the file system is mounted read-only: remount it, or choose another folder with `--store`".to_owned()
                }
                io::ErrorKind::NotFound => {
                    "restore the file from a backup of the `.muster` folder; `muster snapshots verify` lists what else is missing".to_owned()
                }
                _ => "check the disk and its free space, then run it again; former snapshots are intact".to_owned(),
            },
            Self::Newer { .. } => "use the newer muster that wrote it".to_owned(),
            Self::Locked { .. } => "wait for it to end, or run with `--wait`; a crashed holder needs no clean-up".to_owned(),
            Self::Damaged { path, .. } if path.parent().is_some_and(|folder| folder.ends_with("snapshots")) => {
                "restore the file from a backup of the `.muster` folder, or move it away: the snapshot before it then counts as the newest".to_owned()
            }
            Self::Damaged { path, .. } if path.parent().is_some_and(|folder| folder.ends_with("checks")) => {
                "run `muster check` again: it writes the file anew".to_owned()
            }
            Self::Damaged { .. } => {
                "restore the file from a backup of the `.muster` folder, or collect again: what is read anew replaces it; `muster snapshots verify` lists all damage".to_owned()
            }
            Self::NoSnapshot { .. } => "`muster snapshots list` shows them".to_owned(),
            Self::Pruned { .. } => "choose a snapshot that was kept: `muster snapshots list`".to_owned(),
            Self::NoColumn { .. } => "docs/tables.md lists tables and columns".to_owned(),
            Self::Misuse(_) => "this is a bug in muster: please report it".to_owned(),
            Self::Frame { .. } => {
                "run `muster snapshots verify`; when it finds no damage, this is a bug in muster: please report it".to_owned()
            }
        }
    }

    pub(crate) fn frame(doing: &'static str, table: &str) -> impl FnOnce(PolarsError) -> Self {
        let table = table.to_owned();
        move |source| Self::Frame { doing, table, source }
    }
}

/// Adds what was tried, and on what, to an I/O error.
pub(super) trait At<T> {
    fn at(self, doing: &'static str, path: &Path) -> Result<T, StoreError>;
}

impl<T> At<T> for io::Result<T> {
    fn at(self, doing: &'static str, path: &Path) -> Result<T, StoreError> {
        self.map_err(|source| StoreError::File { doing, path: path.to_owned(), source })
    }
}
