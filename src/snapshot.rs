//! The store: immutable snapshots of what every system holds, each built on the one before.
//!
//! ```text
//!   .muster/
//!     LOCK                          held by the one writer
//!     objects/ab/abcdef….parquet    tables, content-addressed, shared between snapshots
//!     snapshots/000007-<id>.json    one manifest a snapshot; the chain
//!     runs/000007.json              timings of that run
//!     checks/000007.json, .parquet  findings of the last check of that snapshot; its links are an object
//!     staging/                      what the writer has not committed
//!     memory/okta/                  what a connector keeps to ask for changes alone; no part of any snapshot
//!     resume.json                   what an interrupted run had read completely, for the next one
//! ```
//!
//! Comes in: batches of records and scope reports. Goes out: frames of the tables that [`tables`] lists and
//! `docs/tables.md` explains. Knows no rule and no graph. Readers need no lock: nothing they read is ever changed, and
//! only pruning deletes.

mod checks;
mod columns;
mod error;
mod lock;
mod manifest;
mod objects;
mod profile;
mod prune;
mod reader;
mod resume;
mod rows;
mod spill;
pub mod tables;
mod verify;
mod writer;

use std::path::{Path, PathBuf};
use std::time::Duration;

pub use checks::CheckRows;
pub use columns::{KEY_SEPARATOR, USED};
pub use error::StoreError;
pub use lock::Lock;
pub use manifest::{
    FORMAT, Header, KindEntry, KindState, KindView, Layer, Manifest, Part, RowState, ScopeEntry, SystemEntry,
};
pub use profile::{Profile, SAMPLE, Sampled};
pub use prune::{Keep, PrunePlan};
pub use reader::Snapshot;
pub(crate) use rows::{Instants, Numbers, Rows, Texts};
pub use verify::{Damage, Verification};
pub use writer::{StagedSystem, Start, SystemWriter, Transaction};

/// The folders of a store.
const FOLDERS: [&str; 6] = ["objects", "snapshots", "runs", "checks", "staging", "memory"];

/// A folder of snapshots.
#[derive(Debug, Clone)]
pub struct Store {
    root: PathBuf,
}

impl Store {
    /// Opens the store in `root`, which is created when it does not exist.
    ///
    /// # Errors
    /// [`StoreError::File`] when the folder cannot be used, [`StoreError::Newer`] when a newer program wrote to it.
    pub fn open(root: &Path) -> Result<Self, StoreError> {
        for folder in FOLDERS {
            let path = root.join(folder);
            if !path.is_dir() {
                objects::private_folder(&path)?;
            }
        }
        let store = Self { root: root.to_owned() };
        if let Some(newest) = manifest::files(root)?.last() {
            match manifest::load(newest) {
                // Damage is the business of whoever reads that snapshot: verifying must still be possible.
                Ok(_) | Err(StoreError::Damaged { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(store)
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where the connector of a system keeps what it needs to ask for changes alone. It is no part of any snapshot, and can be
    /// deleted at any time: the system is then read whole once.
    pub fn memory(&self, system: &str) -> PathBuf {
        let mut name = String::with_capacity(system.len());
        for byte in system.bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => name.push(char::from(byte)),
                _ => name.push_str(&format!("%{byte:02x}")),
            }
        }
        self.root.join("memory").join(name)
    }

    /// Becomes the one writer, waiting up to `wait` for another one to end.
    ///
    /// # Errors
    /// [`StoreError::Locked`] names the process that writes.
    pub fn lock(&self, wait: Option<Duration>) -> Result<Lock, StoreError> {
        Lock::take(&self.root, wait)
    }

    /// Begins a snapshot that follows the newest one.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when the newest manifest cannot be relied on.
    pub fn begin<'a>(&self, lock: &'a Lock, start: Start) -> Result<Transaction<'a>, StoreError> {
        let newest = manifest::files(&self.root)?.pop();
        let previous = newest.map(|path| manifest::load(&path)).transpose()?;
        Transaction::begin(&self.root, lock, start, previous)
    }

    /// Every snapshot, oldest first; pruned ones have only their header.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] for the first manifest that is not what its name says.
    pub fn manifests(&self) -> Result<Vec<Manifest>, StoreError> {
        manifest::files(&self.root)?.iter().map(|path| manifest::load(path)).collect()
    }

    /// The snapshot called `latest`, `previous`, by its number (`7`) or by its id or a unique start of it.
    ///
    /// # Errors
    /// [`StoreError::NoSnapshot`] when there is none or several, [`StoreError::Pruned`] when its rows are gone.
    pub fn find(&self, name: &str) -> Result<Snapshot, StoreError> {
        let files = manifest::files(&self.root)?;
        let by_number = |path: &&PathBuf| {
            name.parse().is_ok_and(|number: u64| manifest::parse_name(path).is_some_and(|(is, _)| is == number))
        };
        let by_id = |path: &&PathBuf| {
            name.len() >= 4 && manifest::parse_name(path).is_some_and(|(_, id)| id.starts_with(&name.to_lowercase()))
        };
        let found: Vec<&PathBuf> = match name {
            "latest" => files.last().into_iter().collect(),
            "previous" => files.iter().rev().nth(1).into_iter().collect(),
            _ => match files.iter().find(by_number) {
                Some(path) => vec![path],
                None => files.iter().filter(by_id).collect(),
            },
        };
        match found.as_slice() {
            [path] => Snapshot::open(&self.root, manifest::load(path)?),
            several => Err(StoreError::NoSnapshot { asked: name.to_owned(), known: known(&files, several.len()) }),
        }
    }
}

fn known(files: &[PathBuf], found: usize) -> String {
    if found > 1 {
        return format!("{found} snapshots begin so");
    }
    let number = |path: Option<&PathBuf>| path.and_then(|path| manifest::parse_name(path)).map(|(number, _)| number);
    match (number(files.first()), number(files.last())) {
        (Some(first), Some(last)) => format!("there are numbers {first} to {last}"),
        _ => "the store is empty: `muster collect` takes the first".to_owned(),
    }
}
