//! Source objects until they are sorted and written: they are larger than all else, and nobody looks at them meanwhile.
//!
//! They wait by chunk, in memory while a system has few of them and on disk from then on, in blocks that are written and
//! read whole.
//!
//! ```text
//!   push ─► Heaps ─► 64 × Heap: blocks ──(more than HELD)──► Overflow: one file a system
//! ```

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use super::error::{At as _, StoreError};
use super::objects::Staging;

/// Rows from which a table is cut into chunks, so that one changed row rewrites one chunk.
pub(super) const CHUNK_FROM_ROWS: usize = 50_000;
/// The same for the text of `raw`; keeps what is sorted at once small.
const CHUNK_FROM_BYTES: usize = 64 << 20;
/// Chunks of a large table.
pub(super) const CHUNKS: u8 = 64;
/// Bytes of a system's objects that wait in memory.
pub(super) const HELD: usize = 128 << 20;
/// Bytes of a block: few enough that 64 of them are little, enough that a disk reads them at full speed.
const BLOCK: usize = 64 << 10;

/// The chunk an id falls into: a matter of the id alone, so that it stays in it from night to night.
pub(super) fn chunk_of(id: &str) -> u8 {
    blake3::hash(id.as_bytes()).as_bytes()[0] % CHUNKS
}

/// The objects of one kind in one scope.
#[derive(Debug, Default)]
pub(super) struct Heaps {
    chunks: Vec<Heap>,
    rows: usize,
    bytes: usize,
}

/// The objects of one chunk. Each stands behind its id, and both behind their lengths.
#[derive(Debug, Default)]
pub(super) struct Heap {
    blocks: Vec<Block>,
}

#[derive(Debug)]
enum Block {
    Held(Vec<u8>),
    Written { offset: u64, length: usize },
}

/// The file of what does not fit into memory.
#[derive(Debug)]
pub(super) struct Overflow {
    path: PathBuf,
    file: Mutex<File>,
    written: u64,
}

impl Heaps {
    /// Takes an object and returns the bytes it holds in memory; `None` when it is larger than 4 GiB.
    pub(super) fn push(&mut self, id: &str, object: &str) -> Option<usize> {
        let lengths = [u32::try_from(id.len()).ok()?, u32::try_from(object.len()).ok()?];
        if self.chunks.is_empty() {
            self.chunks.resize_with(CHUNKS.into(), Heap::default);
        }
        self.rows += 1;
        self.bytes += object.len();
        let length = 8 + id.len() + object.len();
        let block = self.chunks[usize::from(chunk_of(id))].open(length);
        for length in lengths {
            block.extend_from_slice(&length.to_le_bytes());
        }
        block.extend_from_slice(id.as_bytes());
        block.extend_from_slice(object.as_bytes());
        Some(length)
    }

    /// Moves to disk what is held.
    pub(super) fn release(&mut self, overflow: &mut Overflow) -> Result<(), StoreError> {
        self.chunks.iter_mut().flat_map(|heap| &mut heap.blocks).try_for_each(|block| overflow.take(block))
    }

    /// The heaps of each chunk that is written: one of all when they are few.
    pub(super) fn into_chunks(self) -> Vec<Vec<Heap>> {
        if self.rows < CHUNK_FROM_ROWS && self.bytes < CHUNK_FROM_BYTES {
            vec![self.chunks]
        } else {
            self.chunks.into_iter().map(|heap| vec![heap]).collect()
        }
    }
}

impl Heap {
    /// The block that takes the next `length` bytes.
    fn open(&mut self, length: usize) -> &mut Vec<u8> {
        if !matches!(self.blocks.last(), Some(Block::Held(bytes)) if bytes.len() + length <= BLOCK) {
            // The first one grows as it must: most heaps never fill one.
            let room = if self.blocks.is_empty() { length } else { BLOCK.max(length) };
            self.blocks.push(Block::Held(Vec::with_capacity(room)));
        }
        match self.blocks.last_mut() {
            Some(Block::Held(bytes)) => bytes,
            Some(Block::Written { .. }) | None => unreachable!("a held block was just made sure of"),
        }
    }

    /// Calls `take` with every id and its object.
    ///
    /// # Errors
    /// When the file cannot be read, or is not what was written.
    pub(super) fn read(self, overflow: Option<&Overflow>, mut take: impl FnMut(&str, &str)) -> Result<(), StoreError> {
        for block in self.blocks {
            let bytes = match (block, overflow) {
                (Block::Held(bytes), _) => bytes,
                (Block::Written { offset, length }, Some(overflow)) => overflow.read(offset, length)?,
                (Block::Written { .. }, None) => unreachable!("what was written has a file"),
            };
            let mut rest = bytes.as_slice();
            while !rest.is_empty() {
                let (id, object, after) = split(rest).ok_or_else(|| StoreError::Damaged {
                    path: overflow.map(|overflow| overflow.path.clone()).unwrap_or_default(),
                    what: "it changed while it was used".to_owned(),
                })?;
                take(id, object);
                rest = after;
            }
        }
        Ok(())
    }
}

/// An id, its object, and what follows.
fn split(bytes: &[u8]) -> Option<(&str, &str, &[u8])> {
    let (id, rest) = bytes.split_first_chunk::<4>()?;
    let (object, rest) = rest.split_first_chunk::<4>()?;
    let (id, rest) = rest.split_at_checked(u32::from_le_bytes(*id) as usize)?;
    let (object, rest) = rest.split_at_checked(u32::from_le_bytes(*object) as usize)?;
    Some((std::str::from_utf8(id).ok()?, std::str::from_utf8(object).ok()?, rest))
}

impl Overflow {
    /// A new file in the staging folder, which is cleared when the transaction ends.
    pub(super) fn new(staging: &Staging) -> Result<Self, StoreError> {
        let (path, file) = staging.file()?;
        Ok(Self { path, file: Mutex::new(file), written: 0 })
    }

    fn take(&mut self, block: &mut Block) -> Result<(), StoreError> {
        let Block::Held(bytes) = block else { return Ok(()) };
        let file = self.file.get_mut().unwrap_or_else(PoisonError::into_inner);
        file.write_all(bytes).at("write", &self.path)?;
        let length = bytes.len();
        *block = Block::Written { offset: self.written, length };
        self.written += length as u64;
        Ok(())
    }

    fn read(&self, offset: u64, length: usize) -> Result<Vec<u8>, StoreError> {
        let mut bytes = vec![0; length];
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(offset)).and_then(|_| file.read_exact(&mut bytes)).at("read", &self.path)?;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_went_to_disk_and_what_did_not_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("staging")).unwrap();
        let mut overflow = Overflow::new(&Staging::open(folder.path())).unwrap();
        let mut heaps = Heaps::default();
        let large = "x".repeat(BLOCK);
        for number in 0..1000 {
            heaps.push(&format!("id{number}"), if number % 100 == 0 { &large } else { "{}" }).unwrap();
            if number % 300 == 299 {
                heaps.release(&mut overflow).unwrap();
            }
        }
        let mut read = Vec::new();
        for heap in heaps.into_chunks().into_iter().flatten() {
            heap.read(Some(&overflow), |id, object| read.push((id.to_owned(), object.len()))).unwrap();
        }
        read.sort_unstable();
        let mut expected: Vec<_> =
            (0..1000).map(|number| (format!("id{number}"), if number % 100 == 0 { BLOCK } else { 2 })).collect();
        expected.sort_unstable();
        assert_eq!(read, expected);
    }
}
