//! Retiring old snapshots: which go is planned first and can be shown; then rows go, headers stay.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::Store;
use super::error::{At as _, StoreError};
use super::lock::Lock;
use super::manifest::{self, Manifest};
use super::objects::{self, Staging};

/// How many snapshots stay. A snapshot stays when any line wants it; the newest always does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Keep {
    /// The newest ones.
    pub last: usize,
    /// Days, weeks (Monday to Sunday), months and years in UTC, counted back from the newest that have a snapshot; the
    /// last snapshot of each stays.
    pub daily: usize,
    /// See `daily`.
    pub weekly: usize,
    /// See `daily`.
    pub monthly: usize,
    /// See `daily`.
    pub yearly: usize,
}

/// What pruning will do.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PrunePlan {
    /// Numbers of snapshots whose rows go.
    pub go: Vec<u64>,
    /// Numbers of snapshots that stay.
    pub stay: Vec<u64>,
    /// Objects that nothing needs any more, what killed writers left behind included.
    pub objects: Vec<PathBuf>,
    /// Bytes that become free.
    pub bytes: u64,
}

impl Store {
    /// Says what [`Store::prune`] would do, and does nothing.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when a manifest cannot be relied on: nothing is deleted on a guess.
    pub fn plan_prune(&self, keep: Keep) -> Result<PrunePlan, StoreError> {
        let manifests: Vec<Manifest> = self.manifests()?.into_iter().filter(|manifest| !manifest.pruned).collect();
        let kept = kept(&manifests, keep);
        let (stay, go): (Vec<&Manifest>, Vec<&Manifest>) =
            manifests.iter().partition(|manifest| kept.contains(&manifest.header.sequence));
        let links = self.link_objects(stay.iter().map(|manifest| manifest.header.sequence))?;
        let needed: BTreeSet<PathBuf> = stay
            .iter()
            .flat_map(|manifest| manifest.parts())
            .map(|part| part.object.as_str())
            .chain(links.values().map(String::as_str))
            .map(|hash| objects::path(self.root(), hash))
            .collect();
        let numbers = |manifests: Vec<&Manifest>| manifests.iter().map(|manifest| manifest.header.sequence).collect();
        let mut plan = PrunePlan { go: numbers(go), stay: numbers(stay), ..PrunePlan::default() };
        for (path, bytes) in self.object_files()? {
            if !needed.contains(&path) {
                plan.bytes += bytes;
                plan.objects.push(path);
            }
        }
        Ok(plan)
    }

    /// Deletes the rows of snapshots that `keep` does not want, and the links that their checks made. Their headers stay, so
    /// that the chain still verifies; findings of their checks stay too.
    ///
    /// # Errors
    /// [`StoreError`] when something could not be deleted. Manifests become stubs before objects go, so a prune that was
    /// stopped leaves no snapshot without its rows; running it again finishes it.
    pub fn prune(&self, lock: &Lock, keep: Keep) -> Result<PrunePlan, StoreError> {
        if !lock.covers(self.root()) {
            return Err(StoreError::Misuse(format!("the lock is not that of `{}`", self.root().display())));
        }
        let plan = self.plan_prune(keep)?;
        let staging = Staging::open(self.root());
        for path in manifest::files(self.root())? {
            if manifest::parse_name(&path).is_some_and(|(number, _)| plan.go.contains(&number)) {
                objects::replace(&staging, &path, &manifest::stub(&path)?)?;
            }
        }
        for path in &plan.objects {
            fs::remove_file(path).at("delete", path)?;
        }
        Ok(plan)
    }

    /// Every object file with its size, sorted.
    fn object_files(&self) -> Result<Vec<(PathBuf, u64)>, StoreError> {
        let folder = self.root().join("objects");
        let mut files = Vec::new();
        for shard in fs::read_dir(&folder).at("list", &folder)? {
            let shard = shard.at("list", &folder)?.path();
            if !shard.is_dir() {
                continue;
            }
            for file in fs::read_dir(&shard).at("list", &shard)? {
                let file = file.at("list", &shard)?;
                let path = file.path();
                let bytes = file.metadata().at("read", &path)?.len();
                files.push((path, bytes));
            }
        }
        files.sort();
        Ok(files)
    }
}

/// The first day of the span that a day lies in.
type StartOf = fn(Date) -> Date;

/// Numbers of the snapshots that stay. `manifests` are in order.
fn kept(manifests: &[Manifest], keep: Keep) -> BTreeSet<u64> {
    let mut kept: BTreeSet<u64> = BTreeSet::new();
    let newest_first = || manifests.iter().rev().map(|manifest| (manifest.header.sequence, manifest.header.taken));
    kept.extend(newest_first().take(keep.last.max(1)).map(|(number, _)| number));
    let spans: [(usize, StartOf); 4] = [
        (keep.daily, |day| day),
        (keep.weekly, |day| day.saturating_sub(jiff::Span::new().days(day.weekday().to_monday_zero_offset()))),
        (keep.monthly, Date::first_of_month),
        (keep.yearly, Date::first_of_year),
    ];
    for (count, start_of) in spans {
        let mut seen = BTreeSet::new();
        for (number, taken) in newest_first() {
            if seen.len() == count {
                break;
            }
            if seen.insert(start_of(day(taken))) {
                kept.insert(number);
            }
        }
    }
    kept
}

fn day(instant: Timestamp) -> Date {
    instant.to_zoned(TimeZone::UTC).date()
}
