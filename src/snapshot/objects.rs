//! The content-addressed files: written to `staging/`, named by the BLAKE3 hash of their bytes, checked whenever read.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use polars::prelude::DataFrame;
use polars_io::parquet::write::{ParquetCompression, ParquetWriter, StatisticsOptions};

use super::error::{At as _, StoreError};

/// Rows of a row group. A constant: the same rows must give the same bytes everywhere.
pub(super) const ROW_GROUP: usize = 1 << 17;

/// Rows from which columns are encoded and decoded side by side; fewer are not worth being handed to other threads, each with
/// memory of its own.
pub(super) const PARALLEL_FROM_ROWS: usize = 1 << 14;

/// Objects forced to the disk at once. These threads only wait, so there are more of them than cores: a journal takes down
/// in one go what waits for it together.
const SYNCS: usize = 16;

/// Options for files that only their owner may read.
pub(super) fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Creates a folder, and those above it, for the owner alone.
pub(super) fn private_folder(path: &Path) -> Result<(), StoreError> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).at("create", path)
}

/// Makes renames in `folder` survive a power cut.
pub(super) fn sync_folder(folder: &Path) -> Result<(), StoreError> {
    // Windows cannot open a folder as a file, and journals renames itself.
    if cfg!(unix) { File::open(folder).and_then(|folder| folder.sync_all()).at("sync", folder) } else { Ok(()) }
}

/// Where the object with this hash lies.
pub(super) fn path(root: &Path, hash: &str) -> PathBuf {
    let shard = hash.get(..2).unwrap_or(hash);
    root.join("objects").join(shard).join(format!("{hash}.parquet"))
}

/// The objects of one transaction before it commits.
#[derive(Debug)]
pub(super) struct Staging {
    root: PathBuf,
}

/// Files that this process staged so far: no two of them share a name.
static STAGED: AtomicU64 = AtomicU64::new(0);

/// An object that is written but not yet part of the store.
#[derive(Debug)]
pub(super) struct Staged {
    pub(super) hash: String,
    pub(super) bytes: u64,
    file: PathBuf,
}

impl Staging {
    /// The staging folder of the store at `root`, whose lock the caller holds.
    pub(super) fn open(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    pub(super) fn folder(&self) -> PathBuf {
        self.root.join("staging")
    }

    /// Deletes all that is staged.
    pub(super) fn clear(&self) -> Result<(), StoreError> {
        let folder = self.folder();
        for entry in fs::read_dir(&folder).at("list", &folder)? {
            let path = entry.at("list", &folder)?.path();
            fs::remove_file(&path).at("delete", &path)?;
        }
        Ok(())
    }

    /// A new file in the staging folder.
    pub(super) fn file(&self) -> Result<(PathBuf, File), StoreError> {
        let number = STAGED.fetch_add(1, Ordering::Relaxed);
        let path = self.folder().join(format!("{}-{number:08}", std::process::id()));
        // A file of that name can only be what a dead process with our id left behind: the lock is ours.
        let file = private().read(true).write(true).create(true).truncate(true).open(&path).at("create", &path)?;
        Ok((path, file))
    }

    /// Writes frames of one table, each a row group, as one Parquet object.
    ///
    /// The bytes depend on the rows alone: row groups and statistics are fixed, and neither time nor host is in them.
    pub(super) fn parquet(
        &self,
        table: &str,
        mut frames: impl Iterator<Item = Result<DataFrame, StoreError>>,
    ) -> Result<Option<Staged>, StoreError> {
        let Some(first) = frames.next().transpose()? else { return Ok(None) };
        let (path, file) = self.file()?;
        let inner = BufWriter::with_capacity(1 << 20, file);
        let mut out = Hashing { inner, hasher: blake3::Hasher::new(), bytes: 0, failure: None };
        if let Err(error) = row_groups(&mut out, table, first, frames) {
            // polars tells a failed write as text; the kind of failure decides what the user is told to do.
            return Err(match out.failure {
                Some(source) => StoreError::File { doing: "write", path, source },
                None => error,
            });
        }
        out.inner.flush().at("write", &path)?;
        let hash = out.hasher.finalize().to_hex().to_string();
        Ok(Some(Staged { hash, bytes: out.bytes, file: path }))
    }
}

impl Staged {
    /// Whether the store already has these very bytes. A damaged object does not count, and is replaced.
    pub(super) fn is_known(&self, root: &Path) -> bool {
        let path = path(root, &self.hash);
        fs::metadata(&path).is_ok_and(|meta| meta.len() == self.bytes)
            && fs::read(&path).is_ok_and(|bytes| blake3::hash(&bytes).to_hex().as_str() == self.hash)
    }

    /// Forces the bytes to the disk.
    pub(super) fn sync(&self) -> Result<(), StoreError> {
        File::options().write(true).open(&self.file).and_then(|file| file.sync_all()).at("sync", &self.file)
    }

    /// Moves the object to its place and returns the folder that must be synced.
    pub(super) fn place(self, root: &Path) -> Result<PathBuf, StoreError> {
        let target = path(root, &self.hash);
        let folder = target.parent().expect("objects lie in folders").to_owned();
        private_folder(&folder)?;
        self.place_at(&target)?;
        Ok(folder)
    }

    /// Moves the object to a place of the caller's choice.
    pub(super) fn place_at(self, target: &Path) -> Result<(), StoreError> {
        fs::rename(&self.file, target).at("move an object to", target)
    }
}

/// Forces objects to the disk.
pub(super) fn sync(objects: &[Staged]) -> Result<(), StoreError> {
    let share = objects.len().div_ceil(SYNCS).max(1);
    std::thread::scope(|scope| {
        let sync = |share| scope.spawn(move || <[Staged]>::iter(share).try_for_each(Staged::sync));
        let threads: Vec<_> = objects.chunks(share).map(sync).collect();
        threads.into_iter().try_for_each(|thread| thread.join().expect("syncing does not panic"))
    })
}

/// Writes a file whole or not at all, and makes it last.
pub(super) fn replace(staging: &Staging, target: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let (path, mut file) = staging.file()?;
    file.write_all(bytes).and_then(|()| file.sync_all()).at("write", &path)?;
    fs::rename(&path, target).at("move a file to", target)?;
    sync_folder(target.parent().expect("the store's files lie in folders"))
}

/// Reads an object and checks its hash.
///
/// # Errors
/// [`StoreError::File`] when it is missing, [`StoreError::Damaged`] when it has other bytes; `of` says what it is part of.
pub(super) fn read(root: &Path, hash: &str, of: impl Fn() -> String) -> Result<Vec<u8>, StoreError> {
    let path = path(root, hash);
    let bytes = fs::read(&path).at("read", &path)?;
    let found = blake3::hash(&bytes).to_hex();
    if found.as_str() == hash {
        Ok(bytes)
    } else {
        let what = format!("its {} bytes hash to {found}; it holds {}", bytes.len(), of());
        Err(StoreError::Damaged { path, what })
    }
}

/// Writes each frame as one row group.
fn row_groups(
    out: &mut impl Write,
    table: &str,
    first: DataFrame,
    frames: impl Iterator<Item = Result<DataFrame, StoreError>>,
) -> Result<(), StoreError> {
    let failed = |error| StoreError::frame("write", table)(error);
    let mut writer = ParquetWriter::new(out)
        .with_compression(ParquetCompression::Zstd(None))
        .with_statistics(StatisticsOptions::default())
        .set_parallel(first.height() >= PARALLEL_FROM_ROWS)
        .batched(first.schema())
        .map_err(failed)?;
    writer.write_batch(&first).map_err(failed)?;
    drop(first);
    for frame in frames {
        writer.write_batch(&frame?).map_err(failed)?;
    }
    writer.finish().map(drop).map_err(failed)
}

/// Hashes and counts what is written through it, and remembers why writing failed.
struct Hashing<W> {
    inner: W,
    hasher: blake3::Hasher,
    bytes: u64,
    failure: Option<io::Error>,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes).map_err(|error| self.remember(error))?;
        self.hasher.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush().map_err(|error| self.remember(error))
    }
}

impl<W> Hashing<W> {
    fn remember(&mut self, error: io::Error) -> io::Error {
        let kept = error.raw_os_error().map_or_else(|| error.kind().into(), io::Error::from_raw_os_error);
        self.failure = Some(kept);
        error
    }
}
