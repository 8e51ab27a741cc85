//! A file that records are read from: opened once, hashed, and quoted by its SHA-256 in reports.
//!
//! The handle that was hashed is the handle that is read, so a file that is replaced in between cannot be quoted by another
//! file's hash. When its content left the system stands in the config or in a sidecar `<file>.collected`, never in the
//! file's modification time, which a copy changes.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{Context, SHA256};
use jiff::Timestamp;

use crate::scope::{Gap, SourceFile};

/// Opens `path` (relative ones count from `folder`), hashes it and rewinds it. Blocks; costs one pass over the file.
///
/// [`SourceFile::collected`] is filled from the sidecar where there is one; a config that names the instant overrides it.
///
/// # Errors
/// A [`Gap`] that names the path when there is no such file, it is no ordinary file, or its sidecar holds no instant.
pub fn open(folder: &Path, path: &Path) -> Result<(File, SourceFile), Gap> {
    let full = folder.join(path);
    let unreadable = |error: &io::Error| {
        let fix = match error.kind() {
            io::ErrorKind::NotFound => "check the path; relative paths count from the folder of the config",
            io::ErrorKind::PermissionDenied => "let the user who runs muster read the file",
            _ => "check the file and its disk",
        };
        Gap::new("COL100", format!("cannot read `{}`", full.display())).cause(error.to_string()).fix(fix)
    };
    let mut file = File::open(&full).map_err(|error| unreadable(&error))?;
    if !file.metadata().map_err(|error| unreadable(&error))?.is_file() {
        return Err(Gap::new("COL100", format!("cannot read `{}`", full.display()))
            .cause("it is a folder, pipe or device, not an ordinary file")
            .fix("name an ordinary file"));
    }
    let mut source = describe(path, &mut file).map_err(|error| unreadable(&error))?;
    file.rewind().map_err(|error| unreadable(&error))?;
    source.collected = collected_beside(&full)?;
    Ok((file, source))
}

/// Hashes what `content` yields, to its end. `path` is quoted as configured.
///
/// # Errors
/// What reading fails with.
pub fn describe(path: &Path, content: &mut impl Read) -> io::Result<SourceFile> {
    let mut digest = Context::new(&SHA256);
    let mut buffer = vec![0; 1 << 16];
    let mut bytes = 0;
    loop {
        let read = match content.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        digest.update(&buffer[..read]);
        bytes += read as u64;
    }
    let sha256 = hex(digest.finish().as_ref());
    Ok(SourceFile { path: path.display().to_string(), sha256, bytes, ..SourceFile::default() })
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _infallible = write!(text, "{byte:02x}");
        text
    })
}

/// The instant in `<file>.collected`, where that file exists.
fn collected_beside(file: &Path) -> Result<Option<Timestamp>, Gap> {
    let mut name = OsString::from(file);
    name.push(".collected");
    let sidecar = PathBuf::from(name);
    let bad = |cause: String| {
        Gap::new("COL100", format!("`{}` does not say when the file was collected", sidecar.display()))
            .cause(cause)
            .fix("write one instant into it, such as 2026-03-01T04:00:00Z, or remove it")
    };
    match std::fs::read_to_string(&sidecar) {
        Ok(text) => text.trim().parse().map(Some).map_err(|error: jiff::Error| bad(error.to_string())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(bad(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_hashed_rewound_and_dated_by_its_sidecar() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.csv"), "abc").unwrap();
        std::fs::write(folder.path().join("a.csv.collected"), "2026-03-01T04:00:00Z\n").unwrap();
        let (mut file, source) = open(folder.path(), Path::new("a.csv")).unwrap();
        assert_eq!(source.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!((source.path.as_str(), source.bytes), ("a.csv", 3));
        assert_eq!(source.collected.unwrap().to_string(), "2026-03-01T04:00:00Z");
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        assert_eq!(text, "abc");
    }

    #[test]
    fn what_is_missing_a_folder_or_badly_dated_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let missing = open(folder.path(), Path::new("a.csv")).unwrap_err();
        assert!(missing.what.contains("a.csv") && missing.fix.is_some());
        assert!(open(folder.path(), Path::new(".")).unwrap_err().cause.is_some());
        std::fs::write(folder.path().join("b.csv"), "").unwrap();
        std::fs::write(folder.path().join("b.csv.collected"), "yesterday").unwrap();
        assert!(open(folder.path(), Path::new("b.csv")).unwrap_err().what.contains("b.csv.collected"));
    }
}
