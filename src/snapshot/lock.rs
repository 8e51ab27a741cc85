//! One writer at a time: an advisory lock on the file `LOCK`, which the system releases when its holder dies.

use std::fs::{File, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::error::{At as _, StoreError};
use super::objects;

/// How often a waiting process asks again.
const POLL: Duration = Duration::from_millis(50);

/// The right to write to one store. Dropping it gives it back.
#[derive(Debug)]
pub struct Lock {
    /// Held open: closing it releases the lock.
    _file: File,
    root: PathBuf,
}

impl Lock {
    /// Takes the lock of the store at `root`, waiting up to `wait` for another holder.
    pub(super) fn take(root: &Path, wait: Option<Duration>) -> Result<Self, StoreError> {
        let path = root.join("LOCK");
        let mut file =
            objects::private().read(true).write(true).create(true).truncate(false).open(&path).at("open", &path)?;
        let deadline = wait.map(|wait| Instant::now() + wait);
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if deadline.is_some_and(|end| Instant::now() < end) => {
                    std::thread::sleep(POLL);
                }
                Err(TryLockError::WouldBlock) => return Err(holder(&path)),
                Err(TryLockError::Error(source)) => {
                    return Err(StoreError::File { doing: "lock", path, source });
                }
            }
        }
        // For the error message of others only; the file's own time says since when.
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "{}", std::process::id()))
            .at("write", &path)?;
        Ok(Self { _file: file, root: root.to_owned() })
    }

    /// Whether this is the lock of the store at `root`.
    pub(super) fn covers(&self, root: &Path) -> bool {
        self.root == root
    }
}

fn holder(path: &Path) -> StoreError {
    let mut pid = String::new();
    let since = File::open(path).and_then(|mut file| {
        file.read_to_string(&mut pid)?;
        file.metadata()?.modified()
    });
    let since = since.ok().and_then(|time| Timestamp::try_from(time).ok());
    let unknown = || "unknown".to_owned();
    StoreError::Locked {
        path: path.to_owned(),
        pid: Some(pid.trim().to_owned()).filter(|pid| !pid.is_empty()).unwrap_or_else(unknown),
        since: since.map_or_else(unknown, |since| since.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()),
    }
}
