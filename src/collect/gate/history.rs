//! What earlier snapshots know of a system.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use muster_connectors::record::RecordKind;

use crate::snapshot::{Manifest, Profile};

/// Believed collections that limits are learned from: a month of nights.
const LEARNED_FROM: usize = 31;

/// What the last believable collections of a scope had.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Before {
    /// Rows by kind, the newest believed collection first, for at most a month of nights.
    pub records: BTreeMap<RecordKind, Vec<u64>>,
    /// What the newest believed collection looked like, by kind.
    pub profiles: BTreeMap<RecordKind, Profile>,
    /// Persons that HR had ended, with the clock of the snapshot, the newest believed collection first.
    pub ended: Vec<(Timestamp, u64)>,
    /// Kinds of which the newest snapshot holds rows.
    pub held: BTreeSet<RecordKind>,
    /// Its files by path, as the newest believed collection had them.
    pub files: BTreeMap<String, FileBefore>,
}

/// A file as an earlier collection had it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileBefore {
    /// Fingerprint of header and encoding.
    pub header: Option<String>,
    /// When its content was taken from the system.
    pub collected: Option<Timestamp>,
    /// SHA-256 of its content.
    pub sha256: String,
    /// The clock of the first of the snapshots in a row that had this content.
    pub since: Timestamp,
}

/// Earlier collections of one system.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History {
    /// By scope.
    pub scopes: BTreeMap<String, Before>,
    /// The clock of the newest earlier snapshot.
    pub since: Option<Timestamp>,
}

impl Before {
    /// Rows of the newest believed collection.
    pub fn rows(&self, kind: RecordKind) -> Option<u64> {
        self.records.get(&kind)?.first().copied()
    }
}

impl History {
    /// What `manifests`, oldest first, say of `system`.
    pub fn of(manifests: &[Manifest], system: &str) -> Self {
        let mut history = Self { since: manifests.last().map(|manifest| manifest.header.taken), ..Self::default() };
        let newest = manifests.iter().rev().find(|manifest| !manifest.pruned);
        // A kind of a scope is expected while the newest snapshot holds rows of it, whenever they were read.
        for view in newest.into_iter().flat_map(Manifest::kinds).filter(|view| view.system == system) {
            if !view.entry.parts.is_empty() || !view.entry.carried.is_empty() {
                history.scopes.entry(view.scope.to_owned()).or_default().held.insert(view.kind);
            }
        }
        for manifest in manifests.iter().rev() {
            history.add(manifest, system);
        }
        history
    }

    fn add(&mut self, manifest: &Manifest, system: &str) {
        let taken = manifest.header.taken;
        for view in manifest.kinds().filter(|view| view.system == system && view.system_entry.asked) {
            let Some(report) = view.report().filter(|_| view.is_believed()) else { continue };
            let before = self.scopes.entry(view.scope.to_owned()).or_default();
            let counts = before.records.entry(view.kind).or_default();
            if counts.len() < LEARNED_FROM {
                counts.push(report.records);
            }
            if let Some(profile) = &view.entry.profile {
                if view.kind == RecordKind::Employment && before.ended.len() < LEARNED_FROM {
                    before.ended.push((taken, profile.ended));
                }
                before.profiles.entry(view.kind).or_insert_with(|| profile.clone());
            }
            for file in &view.scope_entry.report.files {
                let known = before.files.entry(file.path.clone()).or_insert_with(|| FileBefore {
                    header: file.header.clone(),
                    collected: file.collected,
                    sha256: file.sha256.clone(),
                    since: taken,
                });
                if known.sha256 == file.sha256 && known.since > taken {
                    known.since = taken;
                }
                known.header = known.header.take().or_else(|| file.header.clone());
            }
        }
    }
}
