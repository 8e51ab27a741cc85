//! What an interrupted run had read completely, kept for the run that follows.
//!
//! ```text
//!   interrupted: Transaction::keep   ─► objects in their place, `resume.json` names them
//!   next run:    Transaction::resume ─► StagedSystems that are not read again ─► add ─► commit deletes `resume.json`
//! ```
//!
//! It is no snapshot: nothing reads it but the next run, and only while everything that run would judge it by is the same.
//! Pruning counts its objects as left behind; a system whose objects are gone or damaged is read again.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use muster_connectors::scope::ScopeState;
use serde::{Deserialize, Serialize};

use super::error::{At as _, StoreError};
use super::manifest::{FORMAT, ScopeEntry};
use super::objects;
use super::writer::{StagedSystem, Transaction};

/// The file's content.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    format: u32,
    /// Id of the snapshot that the interrupted run followed.
    previous: Option<String>,
    tool: String,
    config: String,
    systems: BTreeMap<String, KeptSystem>,
}

/// A system that was read completely.
#[derive(Debug, Serialize, Deserialize)]
struct KeptSystem {
    connector: String,
    /// Clock of the run that read it.
    read: Timestamp,
    scopes: BTreeMap<String, ScopeEntry>,
}

impl Transaction<'_> {
    /// What the run before this one had read completely when it was interrupted, by system: at most `within` old, for the
    /// same config and program, after the same snapshot, and with every object as it was written.
    ///
    /// A file that cannot be used is no error: its systems are read again.
    pub fn resume(&self, within: Duration) -> BTreeMap<String, StagedSystem> {
        let Some(kept) = fs::read(path(&self.root)).ok().and_then(|bytes| serde_json::from_slice::<Kept>(&bytes).ok())
        else {
            return BTreeMap::new();
        };
        let now = self.start.now;
        let of_this = kept.format == FORMAT
            && kept.previous.as_deref() == self.previous().map(|manifest| manifest.id.as_str())
            && kept.tool == self.start.tool
            && kept.config == self.start.config;
        // A clock that went backwards gives a negative age, which is no `Duration`.
        let is_recent =
            |system: &KeptSystem| Duration::try_from(now.duration_since(system.read)).is_ok_and(|age| age <= within);
        let systems = kept.systems.into_iter().filter(|(_, system)| of_this && is_recent(system));
        systems
            .filter(|(_, system)| self.has_objects(system))
            .map(|(name, system)| {
                let staged = StagedSystem {
                    system: name.clone(),
                    connector: system.connector,
                    read: Some(system.read),
                    scopes: system.scopes,
                    objects: Vec::new(),
                    timings: serde_json::Value::Null,
                };
                (name, staged)
            })
            .collect()
    }

    /// Ends the transaction without a snapshot and keeps those of `systems` that were read completely for the next run.
    /// Returns their names.
    ///
    /// # Errors
    /// [`StoreError::File`] when something could not be written; nothing is kept then.
    pub fn keep(mut self, systems: Vec<StagedSystem>) -> Result<Vec<String>, StoreError> {
        let whole = |staged: &StagedSystem| {
            !staged.scopes.is_empty()
                && staged.scopes.values().all(|scope| scope.report.state() == ScopeState::Complete)
        };
        let mut kept = BTreeMap::new();
        for staged in systems.into_iter().filter(whole) {
            self.objects.extend(staged.objects);
            let read = staged.read.unwrap_or(self.start.now);
            kept.insert(staged.system, KeptSystem { connector: staged.connector, read, scopes: staged.scopes });
        }
        let names: Vec<String> = kept.keys().cloned().collect();
        if names.is_empty() {
            return Ok(names);
        }
        self.place_objects()?;
        let kept = Kept {
            format: FORMAT,
            previous: self.previous().map(|manifest| manifest.id.clone()),
            tool: self.start.tool.clone(),
            config: self.start.config.clone(),
            systems: kept,
        };
        let text = serde_json::to_string(&kept).expect("maps with text keys are always JSON");
        self.publish(&path(&self.root), format!("{text}\n").as_bytes())?;
        Ok(names)
    }

    fn has_objects(&self, system: &KeptSystem) -> bool {
        let kinds = system.scopes.values().flat_map(|scope| scope.kinds.values());
        kinds.flat_map(|kind| &kind.parts).all(|part| objects::read(&self.root, &part.object, String::new).is_ok())
    }
}

/// Forgets what was kept: a snapshot that follows makes it worthless.
pub(super) fn clear(root: &Path) -> Result<(), StoreError> {
    let path = path(root);
    match fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error).at("delete", &path),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn path(root: &Path) -> PathBuf {
    root.join("resume.json")
}
