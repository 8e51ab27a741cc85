//! What a connector keeps from one run to the next, so that it can ask for changes alone.
//!
//! ```text
//!   a run:     begin ─► row, row, … ─► finish ─► settle ─┐
//!   the next:  recall ─► the rows as they were ◄─────────┘
//! ```
//!
//! A list that is kept is whole by itself: its rows, and from where its changes go on. What became of the snapshots meanwhile does
//! not matter. Nothing here is the only copy of anything: whatever is missing, damaged or not believed costs a reading of the
//! whole list, and nothing else. What the head of a list says is its connector's business.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use zstd::stream::read::Decoder;
use zstd::stream::write::Encoder;

/// How lists are called on disk.
const ENDING: &str = "jsonl.zst";
/// Lists under way, which nobody reads.
const DRAFT: &str = "draft";

/// The memory of one system: a folder of its own.
#[derive(Debug, Clone)]
pub struct Memory {
    folder: PathBuf,
    /// Nothing is recalled: everything is read, and kept for the next time.
    full: bool,
    /// Lists that an earlier run kept, as the snapshots say.
    expected: BTreeSet<String>,
}

/// What becomes of the lists that a run has kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// They take the place of the earlier ones.
    Keep,
    /// They are dropped, and the earlier ones stay.
    Drop,
    /// All are forgotten: what was read is not believed, and must not be built on.
    Forget,
}

impl Memory {
    /// The memory in `folder`, which need not exist.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), full: false, expected: BTreeSet::new() }
    }

    /// Recalls nothing this time.
    #[must_use]
    pub fn full(mut self, full: bool) -> Self {
        self.full = full;
        self
    }

    /// Says which lists an earlier run kept, so that their loss does not pass unnoticed.
    #[must_use]
    pub fn expecting(mut self, lists: BTreeSet<String>) -> Self {
        self.expected = lists;
        self
    }

    /// What was kept of a list; `None` when nothing was, or nothing is to be recalled. Reads it once to its end, so that what is
    /// found later is what was written.
    ///
    /// # Errors
    /// In words, why what there is cannot be used.
    pub fn recall<H: DeserializeOwned>(&self, list: &str) -> Result<Option<Kept<H>>, String> {
        if self.full {
            return Ok(None);
        }
        let path = self.path(list, ENDING);
        let damaged = |error: io::Error| format!("what was kept of it is damaged ({error})");
        let mut lines = match Lines::open(&path) {
            Ok(lines) => lines,
            Err(error) if error.kind() == io::ErrorKind::NotFound && !self.expected.contains(list) => return Ok(None),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err("what was kept of it is not there any more".to_owned());
            }
            Err(error) => return Err(damaged(error)),
        };
        let (mut last, mut count) = (String::new(), 0_u64);
        while let Some(line) = lines.next().map_err(damaged)? {
            line.clone_into(&mut last);
            count += 1;
        }
        let end: End<H> =
            serde_json::from_str(&last).map_err(|_not_the_end| "what was kept of it was cut off".to_owned())?;
        if end.rows + 1 != count {
            return Err(format!("what was kept of it holds {} rows and says {}", count.saturating_sub(1), end.rows));
        }
        Ok(Some(Kept { path, rows: end.rows, head: end.head }))
    }

    /// Begins to keep a list. Nothing is kept before [`Draft::finish`] and [`Memory::settle`].
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn begin(&self, list: &str) -> io::Result<Draft> {
        fs::create_dir_all(&self.folder)?;
        let path = self.path(list, DRAFT);
        let mut encoder = Encoder::new(BufWriter::new(File::create(&path)?), 0)?;
        encoder.include_checksum(true)?;
        Ok(Draft { path, encoder: Some(encoder), rows: 0 })
    }

    /// Says what becomes of the lists that were finished since. Called once, when the run has been judged.
    ///
    /// # Errors
    /// When a file cannot be moved or deleted; then the earlier ones may still be there.
    pub fn settle(&self, verdict: Verdict) -> io::Result<()> {
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            entries => entries?,
        };
        for entry in entries {
            let path = entry?.path();
            let is_draft = path.extension().is_some_and(|ending| ending == DRAFT);
            match verdict {
                Verdict::Keep if is_draft => fs::rename(&path, path.with_extension(ENDING))?,
                Verdict::Drop if is_draft => fs::remove_file(&path)?,
                Verdict::Forget => fs::remove_file(&path)?,
                Verdict::Keep | Verdict::Drop => {}
            }
        }
        Ok(())
    }

    fn path(&self, list: &str, ending: &str) -> PathBuf {
        self.folder.join(format!("{list}.{ending}"))
    }
}

/// The last line of a list.
#[derive(Serialize, Deserialize)]
struct End<H> {
    rows: u64,
    head: H,
}

/// A list as an earlier run kept it.
#[derive(Debug)]
pub struct Kept<H> {
    path: PathBuf,
    rows: u64,
    /// What its connector wrote about it.
    pub head: H,
}

impl<H> Kept<H> {
    /// Its rows, from the first.
    ///
    /// # Errors
    /// When the file cannot be read any more.
    pub fn rows(&self) -> io::Result<Rows> {
        Ok(Rows { lines: Lines::open(&self.path)?, left: self.rows })
    }
}

/// The rows of a kept list, one after the other.
#[derive(Debug)]
pub struct Rows {
    lines: Lines,
    left: u64,
}

impl Rows {
    /// The next row; `None` at the end.
    ///
    /// # Errors
    /// When the file is not what it was.
    pub fn next_row(&mut self) -> io::Result<Option<&str>> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        self.lines.next()?.map(Some).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }
}

/// The lines of a compressed file.
struct Lines {
    reader: BufReader<Decoder<'static, BufReader<File>>>,
    line: String,
}

impl std::fmt::Debug for Lines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Lines")
    }
}

impl Lines {
    fn open(path: &Path) -> io::Result<Self> {
        Ok(Self { reader: BufReader::new(Decoder::new(File::open(path)?)?), line: String::new() })
    }

    fn next(&mut self) -> io::Result<Option<&str>> {
        self.line.clear();
        if self.reader.read_line(&mut self.line)? == 0 {
            return Ok(None);
        }
        Ok(Some(self.line.trim_end_matches('\n')))
    }
}

/// A list that is being kept. Dropped before [`Draft::finish`], it leaves nothing.
pub struct Draft {
    path: PathBuf,
    /// `None` when it is finished.
    encoder: Option<Encoder<'static, BufWriter<File>>>,
    rows: u64,
}

impl std::fmt::Debug for Draft {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Draft").field("path", &self.path).field("rows", &self.rows).finish_non_exhaustive()
    }
}

impl Draft {
    /// Keeps a row: JSON without a line break.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn row(&mut self, json: &str) -> io::Result<()> {
        self.rows += 1;
        let Some(encoder) = &mut self.encoder else { return Ok(()) };
        encoder.write_all(json.as_bytes())?;
        encoder.write_all(b"\n")
    }

    /// Ends the list: it was read whole.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish<H: Serialize>(mut self, head: H) -> io::Result<()> {
        let end = serde_json::to_string(&End { rows: self.rows, head })?;
        let Some(mut encoder) = self.encoder.take() else { return Ok(()) };
        let written = encoder
            .write_all(end.as_bytes())
            .and_then(|()| encoder.write_all(b"\n"))
            .and_then(|()| encoder.finish())
            .and_then(|mut file| file.flush());
        written.inspect_err(|_failed| {
            let _ = fs::remove_file(&self.path);
        })
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if self.encoder.is_some() {
            // What is left over is dropped when the run is settled.
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keep(memory: &Memory, list: &str, rows: &[&str], head: u32) {
        let mut draft = memory.begin(list).unwrap();
        for row in rows {
            draft.row(row).unwrap();
        }
        draft.finish(head).unwrap();
    }

    fn recalled(memory: &Memory, list: &str) -> Option<(Vec<String>, u32)> {
        let kept = memory.recall::<u32>(list).unwrap()?;
        let mut rows = kept.rows().unwrap();
        let mut read = Vec::new();
        while let Some(row) = rows.next_row().unwrap() {
            read.push(row.to_owned());
        }
        Some((read, kept.head))
    }

    #[test]
    fn what_was_kept_is_recalled_once_it_is_settled() {
        let folder = tempfile::tempdir().unwrap();
        let memory = Memory::new(folder.path().join("okta"));
        memory.settle(Verdict::Keep).unwrap();
        assert_eq!(recalled(&memory, "users"), None);
        keep(&memory, "users", &[r#"{"id":1}"#, r#"{"id":2}"#], 7);
        assert_eq!(recalled(&memory, "users"), None);
        memory.settle(Verdict::Keep).unwrap();
        let first = Some((vec![r#"{"id":1}"#.to_owned(), r#"{"id":2}"#.to_owned()], 7));
        assert_eq!(recalled(&memory, "users"), first);
        assert_eq!(recalled(&memory.clone().full(true), "users"), None);

        keep(&memory, "users", &[], 8);
        memory.settle(Verdict::Drop).unwrap();
        assert_eq!(recalled(&memory, "users"), first);
        drop(memory.begin("users").unwrap());
        memory.settle(Verdict::Keep).unwrap();
        assert_eq!(recalled(&memory, "users"), first);
        keep(&memory, "users", &[], 9);
        memory.settle(Verdict::Keep).unwrap();
        assert_eq!(recalled(&memory, "users"), Some((Vec::new(), 9)));
        memory.settle(Verdict::Forget).unwrap();
        assert_eq!(recalled(&memory, "users"), None);
        let told = memory.expecting(BTreeSet::from(["users".to_owned()])).recall::<u32>("users").unwrap_err();
        assert!(told.contains("not there any more"), "{told}");
    }

    #[test]
    fn what_is_damaged_is_told_and_never_used() {
        let folder = tempfile::tempdir().unwrap();
        let memory = Memory::new(folder.path());
        let rows: Vec<String> =
            (0..2000).map(|n| format!(r#"{{"id":{n},"name":"user number {}"}}"#, n * 7919)).collect();
        keep(&memory, "users", &rows.iter().map(String::as_str).collect::<Vec<_>>(), 1);
        memory.settle(Verdict::Keep).unwrap();
        let file = folder.path().join("users.jsonl.zst");
        let whole = fs::read(&file).unwrap();
        for length in [0, 1, whole.len() / 2, whole.len() - 1] {
            fs::write(&file, &whole[..length]).unwrap();
            assert!(memory.recall::<u32>("users").is_err(), "{length} of {} bytes", whole.len());
        }
        let mut flipped = whole.clone();
        flipped[whole.len() / 2] ^= 1;
        fs::write(&file, &flipped).unwrap();
        assert!(memory.recall::<u32>("users").is_err());
        fs::write(&file, &whole).unwrap();
        assert!(memory.recall::<u32>("users").is_ok());
        // A head of another shape is one of another program.
        assert!(memory.recall::<String>("users").is_err());
    }
}
