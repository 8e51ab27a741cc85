//! What a check found, kept beside its snapshot: `checks/000007.json`, and the findings in `checks/000007-<hash>.parquet`. The
//! one names the other by its hash and is replaced last, so a killed check leaves the earlier one whole.
//!
//! The links that the check made are an object like any table, named by its hash in the summary: an idle night shares them with
//! the night before.

use std::collections::BTreeMap;
use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use polars::prelude::{DataFrame, SerReader as _};
use polars_io::parquet::read::ParquetReader;

use super::error::{At as _, StoreError};
use super::lock::Lock;
use super::objects::{self, Staging};
use super::{Store, manifest};

/// What a check found, as tables: frames that follow each other, one at least, so that a large table is never in memory whole.
#[derive(Debug, Clone)]
pub struct CheckRows<F, L> {
    /// One row a finding.
    pub findings: F,
    /// One row an account that was linked or could have been.
    pub links: L,
    /// Settings that keep a check honest, as they were last reviewed.
    pub safeguards: BTreeMap<String, String>,
}

/// What stands in `checks/000007.json`.
#[derive(serde::Serialize, serde::Deserialize)]
struct Check {
    /// BLAKE3 of the file of findings, which bears it in its name.
    findings: String,
    /// The object that holds the links; earlier versions kept none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    links: Option<String>,
    /// Settings that keep a check honest, as they were last reviewed; earlier versions kept none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    safeguards: Option<BTreeMap<String, String>>,
    summary: serde_json::Value,
}

/// The same, but only the hash of the findings.
#[derive(serde::Deserialize)]
struct FindingsOf {
    findings: String,
}

/// The same, without the summary.
#[derive(serde::Deserialize)]
struct LinksOf {
    links: Option<String>,
}

/// The same, but only the settings.
#[derive(serde::Deserialize)]
struct SafeguardsOf {
    safeguards: Option<BTreeMap<String, String>>,
}

impl Store {
    /// Keeps what a check found beside its snapshot, in place of what an earlier check found.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be written; what was there is then intact.
    pub fn write_check(
        &self,
        lock: &Lock,
        sequence: u64,
        rows: CheckRows<impl Iterator<Item = DataFrame>, impl Iterator<Item = DataFrame>>,
        summary: &serde_json::Value,
    ) -> Result<(), StoreError> {
        if !lock.covers(&self.root) {
            return Err(StoreError::Misuse(format!("the lock is not that of `{}`", self.root.display())));
        }
        let staging = Staging::open(&self.root);
        let one = "a frame makes an object";
        let links = staging.parquet("links", rows.links.map(Ok))?.expect(one);
        let links_hash = links.hash.clone();
        if !links.is_known(&self.root) {
            links.sync()?;
            objects::sync_folder(&links.place(&self.root)?)?;
        }
        let staged = staging.parquet("findings", rows.findings.map(Ok))?.expect(one);
        let check = Check {
            findings: staged.hash.clone(),
            links: Some(links_hash),
            safeguards: Some(rows.safeguards),
            summary: summary.clone(),
        };
        let text = serde_json::to_string_pretty(&check).expect("JSON values are always JSON");
        staged.sync()?;
        let frame = self.findings_file(sequence, &check.findings);
        staged.place_at(&frame)?;
        objects::replace(&staging, &self.check_file(sequence), format!("{text}\n").as_bytes())?;
        self.forget_findings(sequence, &frame)?;
        staging.clear()
    }

    /// The findings of the last check of a snapshot and its summary, if it was ever checked.
    ///
    /// # Errors
    /// [`StoreError`] when they are there but cannot be read.
    pub fn read_check(&self, sequence: u64) -> Result<Option<(DataFrame, serde_json::Value)>, StoreError> {
        let Some(check) = read::<Check>(&self.check_file(sequence))? else { return Ok(None) };
        let findings = self.read_findings(sequence, &check.findings, |_| true)?;
        Ok(Some((findings, check.summary)))
    }

    /// Those columns of the findings of the last check of a snapshot that `wanted` names, if it was ever checked.
    ///
    /// # Errors
    /// As [`Store::read_check`].
    pub fn findings_of(&self, sequence: u64, wanted: impl Fn(&str) -> bool) -> Result<Option<DataFrame>, StoreError> {
        let Some(check) = read::<FindingsOf>(&self.check_file(sequence))? else { return Ok(None) };
        self.read_findings(sequence, &check.findings, wanted).map(Some)
    }

    fn read_findings(&self, sequence: u64, hash: &str, wanted: impl Fn(&str) -> bool) -> Result<DataFrame, StoreError> {
        let path = self.findings_file(sequence, hash);
        let bytes = fs::read(&path).at("read", &path)?;
        let found = blake3::hash(&bytes).to_hex();
        if found.as_str() != hash {
            let what = format!("it hashes to {found}, its summary says {hash}");
            return Err(StoreError::Damaged { path, what });
        }
        let failed = StoreError::frame("read", "findings");
        let mut reader = ParquetReader::new(Cursor::new(bytes));
        let columns = match reader.schema() {
            Ok(schema) => schema.iter_names().filter(|name| wanted(name)).map(ToString::to_string).collect(),
            Err(error) => return Err(failed(error)),
        };
        let mut frame = reader.with_columns(Some(columns)).finish().map_err(failed)?;
        frame.rechunk_mut();
        Ok(frame)
    }

    /// The settings that the check of a snapshot kept.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when its summary cannot be read.
    pub fn safeguards_of(&self, sequence: u64) -> Result<Option<BTreeMap<String, String>>, StoreError> {
        let check: Option<SafeguardsOf> = read(&self.check_file(sequence))?;
        Ok(check.and_then(|check| check.safeguards))
    }

    /// The links of the newest check of a snapshot before `sequence` that kept them, with the snapshot's number. Pruned
    /// snapshots have none any more.
    ///
    /// # Errors
    /// [`StoreError`] when they are there but cannot be read.
    pub fn links_before(&self, sequence: u64) -> Result<Option<(u64, DataFrame)>, StoreError> {
        for path in manifest::files(&self.root)?.iter().rev() {
            let Some((number, _)) = manifest::parse_name(path).filter(|(number, _)| *number < sequence) else {
                continue;
            };
            let Some(links) = self.links_of(number)? else { continue };
            if manifest::load(path)?.pruned {
                continue;
            }
            let bytes = objects::read(&self.root, &links, || format!("the links of the check of snapshot {number}"))?;
            let frame = ParquetReader::new(Cursor::new(bytes)).finish();
            let mut frame = frame.map_err(StoreError::frame("read", "links"))?;
            frame.rechunk_mut();
            return Ok(Some((number, frame)));
        }
        Ok(None)
    }

    /// The object with the links of the check of each snapshot that is asked about.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when a summary cannot be read.
    pub(super) fn link_objects(
        &self,
        snapshots: impl Iterator<Item = u64>,
    ) -> Result<BTreeMap<u64, String>, StoreError> {
        let mut found = BTreeMap::new();
        for number in snapshots {
            if let Some(links) = self.links_of(number)? {
                found.insert(number, links);
            }
        }
        Ok(found)
    }

    fn links_of(&self, sequence: u64) -> Result<Option<String>, StoreError> {
        let check: Option<LinksOf> = read(&self.check_file(sequence))?;
        Ok(check.and_then(|check| check.links))
    }

    fn check_file(&self, sequence: u64) -> PathBuf {
        self.root.join("checks").join(format!("{sequence:06}.json"))
    }

    fn findings_file(&self, sequence: u64, hash: &str) -> PathBuf {
        self.root.join("checks").join(format!("{sequence:06}-{hash}.parquet"))
    }

    /// Deletes the findings of earlier checks of a snapshot, and what killed checks left behind.
    fn forget_findings(&self, sequence: u64, kept: &Path) -> Result<(), StoreError> {
        let folder = self.root.join("checks");
        let prefix = format!("{sequence:06}-");
        for entry in fs::read_dir(&folder).at("list", &folder)? {
            let path = entry.at("list", &folder)?.path();
            let is_of_this =
                path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with(&prefix));
            if is_of_this && path != kept {
                fs::remove_file(&path).at("delete", &path)?;
            }
        }
        Ok(())
    }
}

fn read<T: serde::de::DeserializeOwned>(json: &Path) -> Result<Option<T>, StoreError> {
    if !json.exists() {
        return Ok(None);
    }
    let text = fs::read_to_string(json).at("read", json)?;
    let damaged = |error: serde_json::Error| StoreError::Damaged { path: json.to_owned(), what: error.to_string() };
    serde_json::from_str(&text).map(Some).map_err(damaged)
}
