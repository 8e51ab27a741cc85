//! What a snapshot is: which object holds which table of which system and scope, and how far it can be trusted.
//!
//! ```text
//!   snapshots/000007-<id>.json    line 1: header, with the hash of line 2 and the id of snapshot 6
//!                                 line 2: systems ─► scopes ─► report, kinds ─► parts, carried layers
//! ```
//!
//! The id is the BLAKE3 hash of line 1, so that a pruned snapshot, of which only line 1 is kept, still proves the chain.
//! No timing is in it: equal content at an equal clock gives an equal id.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use muster_connectors::record::RecordKind;
use muster_connectors::scope::{KindReport, ScopeReport, ScopeState};
use serde::{Deserialize, Serialize};

use super::error::{At as _, StoreError};
use super::profile::Profile;

/// The version of the store's format that this program writes, and the newest that it reads.
pub const FORMAT: u32 = 1;

/// One snapshot's content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// BLAKE3 of the header line, lower-case hex.
    pub id: String,
    /// The hashed header.
    pub header: Header,
    /// Systems by name; empty when the snapshot was pruned.
    pub systems: BTreeMap<String, SystemEntry>,
    /// Whether only the header is left.
    pub pruned: bool,
}

/// Line 1 of a manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// [`FORMAT`] of the program that wrote it.
    pub format: u32,
    /// Number of the snapshot; orders the chain, starts at 1.
    pub sequence: u64,
    /// Id of the snapshot before it.
    pub previous: Option<String>,
    /// The clock of the run.
    pub taken: Timestamp,
    /// Name and version of the program.
    pub tool: String,
    /// Hash of the config it ran with.
    pub config: String,
    /// BLAKE3 of line 2.
    pub body: String,
}

/// One system in a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SystemEntry {
    /// The connector that read it.
    pub connector: String,
    /// Whether it was asked for this time; otherwise all of it is carried.
    pub asked: bool,
    /// Scopes by name.
    pub scopes: BTreeMap<String, ScopeEntry>,
    /// Scopes that the snapshot before had and that are gone, with its number: everything else of the system was read
    /// completely, and the connector did not name them any more.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub gone: BTreeMap<String, u64>,
}

/// One scope of a system.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ScopeEntry {
    /// The connector's report of the last time the scope was asked for, without its timings.
    pub report: ScopeReport,
    /// What is held of each kind.
    pub kinds: BTreeMap<RecordKind, KindEntry>,
}

/// One kind of record in a scope.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct KindEntry {
    /// When the rows of `parts` were true: the clock of the run, or what a file says of itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collected: Option<Timestamp>,
    /// Why a complete reading is not believed: `CODE what was noticed`, one line a reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspect: Option<String>,
    /// Whether it is the content of today's rows that is not believed: a row of a former layer then counts before today's.
    #[serde(default, skip_serializing_if = "is_false")]
    pub former_first: bool,
    /// What the rows read this time looked like; of a carried kind, those that were read last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<Profile>,
    /// Rows read this time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Part>,
    /// Rows of former snapshots, the newest first. A row of a later layer counts only where no earlier one has its key.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub carried: Vec<Layer>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
const fn is_false(flag: &bool) -> bool {
    !*flag
}

/// Rows that a former snapshot read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layer {
    /// Number of that snapshot.
    pub from: u64,
    /// When the rows were true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collected: Option<Timestamp>,
    /// How that reading ended.
    pub read: RowState,
    /// Whether a reading failed since; otherwise the system was just not asked for.
    pub stale: bool,
    /// The rows.
    pub parts: Vec<Part>,
}

/// One object's place in the snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// The table.
    pub table: String,
    /// BLAKE3 of the object's bytes, lower-case hex.
    pub object: String,
    /// Rows in it.
    pub rows: u64,
    /// Bytes of it.
    pub bytes: u64,
}

/// The `state` of a row in queries, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RowState {
    /// Read today, of a kind that was read completely.
    Complete,
    /// Read today, of a kind that was read in part.
    Partial,
    /// Read today, of a kind that is not believed to be complete.
    Suspect,
    /// Read earlier; the system was not asked for today.
    Carried,
    /// Read earlier; today's reading failed or missed it.
    Stale,
}

impl std::str::FromStr for RowState {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [Self::Complete, Self::Partial, Self::Suspect, Self::Carried, Self::Stale]
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or_else(|| format!("`{text}` is no state of a row"))
    }
}

impl RowState {
    /// The spelling in the `state` column.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Partial => "partial",
            Self::Suspect => "suspect",
            Self::Carried => "carried",
            Self::Stale => "stale",
        }
    }
}

/// How the engine judges a kind of a scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KindState {
    /// All of it was read.
    Complete,
    /// The system was not asked for this time.
    Carried,
    /// Read completely, as the connector says, but not believable.
    Suspect,
    /// Some of it was read.
    Partial,
    /// None of it was read.
    Failed,
}

impl KindState {
    /// The spelling in tables and messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Carried => "carried",
            Self::Suspect => "suspect",
            Self::Partial => "partial",
            Self::Failed => "failed",
        }
    }
}

impl std::fmt::Display for KindState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

impl Manifest {
    /// Every kind of every scope, in order.
    pub fn kinds(&self) -> impl Iterator<Item = KindView<'_>> {
        self.systems.iter().flat_map(|(system, entry)| {
            entry.scopes.iter().flat_map(move |(name, scope)| {
                scope.kinds.iter().map(move |(kind, held)| KindView {
                    system,
                    system_entry: entry,
                    scope: name,
                    scope_entry: scope,
                    kind: *kind,
                    entry: held,
                })
            })
        })
    }

    /// The parts that queries read, in order.
    pub fn parts(&self) -> impl Iterator<Item = &Part> {
        self.kinds()
            .flat_map(|view| view.entry.parts.iter().chain(view.entry.carried.iter().flat_map(|layer| &layer.parts)))
    }

    /// Rows read this time and carried, of every table but `activity` and `raw`.
    pub fn records(&self) -> u64 {
        self.parts().filter(|part| part.table != "activity" && part.table != "raw").map(|part| part.rows).sum()
    }
}

/// One kind of one scope, with where it stands.
#[derive(Debug, Clone, Copy)]
pub struct KindView<'a> {
    /// The system's name.
    pub system: &'a str,
    /// The system.
    pub system_entry: &'a SystemEntry,
    /// The scope's name.
    pub scope: &'a str,
    /// The scope.
    pub scope_entry: &'a ScopeEntry,
    /// The kind.
    pub kind: RecordKind,
    /// What is held of it.
    pub entry: &'a KindEntry,
}

impl<'a> KindView<'a> {
    /// The connector's report of the kind; `None` when the scope never promised it.
    pub fn report(&self) -> Option<&'a KindReport> {
        self.scope_entry.report.kinds.get(&self.kind)
    }

    /// Whether what was read can be relied on: all of it was, or it is known which records were not; and the gate has no doubt.
    pub fn is_believed(&self) -> bool {
        let relied_on = |report: &KindReport| report.state == ScopeState::Complete || report.loses_only_rows();
        self.entry.suspect.is_none() && self.report().is_some_and(relied_on)
    }

    /// The engine's judgement.
    pub fn state(&self) -> KindState {
        if !self.system_entry.asked {
            return KindState::Carried;
        }
        match self.report().map_or(ScopeState::Failed, |report| report.state) {
            ScopeState::Failed => KindState::Failed,
            ScopeState::Partial => KindState::Partial,
            ScopeState::Complete if self.entry.suspect.is_some() => KindState::Suspect,
            ScopeState::Complete => KindState::Complete,
        }
    }

    /// The `state` of the rows that were read this time.
    pub fn row_state(&self) -> RowState {
        match self.report().map_or(ScopeState::Failed, |report| report.state) {
            ScopeState::Complete if self.entry.suspect.is_some() => RowState::Suspect,
            ScopeState::Complete => RowState::Complete,
            ScopeState::Partial | ScopeState::Failed => RowState::Partial,
        }
    }
}

impl Layer {
    /// The `state` of its rows.
    pub fn row_state(&self) -> RowState {
        if self.stale { RowState::Stale } else { RowState::Carried }
    }
}

/// Where the manifest lies.
pub(super) fn path(root: &Path, manifest: &Manifest) -> PathBuf {
    root.join("snapshots").join(format!("{:06}-{}.json", manifest.header.sequence, manifest.id))
}

/// Fills in the hashes and gives the file's bytes.
pub(super) fn encode(mut header: Header, systems: BTreeMap<String, SystemEntry>) -> (Manifest, Vec<u8>) {
    let body = serde_json::to_string(&systems).expect("maps with text keys are always JSON");
    header.body = blake3::hash(body.as_bytes()).to_hex().to_string();
    let first = serde_json::to_string(&header).expect("a plain struct is always JSON");
    let id = blake3::hash(first.as_bytes()).to_hex().to_string();
    (Manifest { id, header, systems, pruned: false }, format!("{first}\n{body}\n").into_bytes())
}

/// The header line alone: all that stays of a pruned snapshot.
pub(super) fn stub(path: &Path) -> Result<Vec<u8>, StoreError> {
    let text = fs::read_to_string(path).at("read", path)?;
    let first = text.lines().next().unwrap_or_default();
    Ok(format!("{first}\n").into_bytes())
}

/// Reads a manifest and checks its hashes.
///
/// # Errors
/// [`StoreError::Damaged`] when a hash does not match, [`StoreError::Newer`] when the format is unknown.
pub(super) fn load(path: &Path) -> Result<Manifest, StoreError> {
    let damaged = |what: String| StoreError::Damaged { path: path.to_owned(), what };
    let bytes = fs::read(path).at("read", path)?;
    let text = std::str::from_utf8(&bytes).map_err(|error| damaged(error.to_string()))?;
    let mut lines = text.lines();
    let first = lines.next().unwrap_or_default();
    let id = blake3::hash(first.as_bytes()).to_hex().to_string();
    let Some((sequence, named)) = parse_name(path) else {
        return Err(damaged("its name is not `<number>-<hash>.json`".to_owned()));
    };
    if id != named {
        return Err(damaged(format!("its header hashes to {id}, its name says {named}")));
    }
    let format: Format = serde_json::from_str(first).map_err(|error| damaged(format!("its header: {error}")))?;
    if format.format > FORMAT {
        return Err(StoreError::Newer { path: path.to_owned(), found: format.format, known: FORMAT });
    }
    let header: Header = serde_json::from_str(first).map_err(|error| damaged(format!("its header: {error}")))?;
    if header.sequence != sequence {
        return Err(damaged(format!("its header says number {}, its name {sequence}", header.sequence)));
    }
    let Some(body) = lines.next() else {
        return Ok(Manifest { id, header, systems: BTreeMap::new(), pruned: true });
    };
    let found = blake3::hash(body.as_bytes()).to_hex();
    if found.as_str() != header.body {
        return Err(damaged(format!("its body hashes to {found}, its header says {}", header.body)));
    }
    let systems = serde_json::from_str(body).map_err(|error| damaged(format!("its body: {error}")))?;
    Ok(Manifest { id, header, systems, pruned: false })
}

/// The format alone: a newer header may have other fields.
#[derive(Deserialize)]
struct Format {
    format: u32,
}

/// Number and hash in a manifest's file name.
pub(super) fn parse_name(path: &Path) -> Option<(u64, &str)> {
    let (number, hash) = path.file_name()?.to_str()?.strip_suffix(".json")?.split_once('-')?;
    Some((number.parse().ok()?, hash))
}

/// Manifest files, by number.
pub(super) fn files(root: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let folder = root.join("snapshots");
    let mut files = Vec::new();
    for entry in fs::read_dir(&folder).at("list", &folder)? {
        let path = entry.at("list", &folder)?.path();
        files.extend(parse_name(&path).map(|(number, _)| number).map(|number| (number, path.clone())));
    }
    files.sort();
    Ok(files.into_iter().map(|(_, path)| path).collect())
}
