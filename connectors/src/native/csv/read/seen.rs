//! Whether a row's id was there before, and whether the two rows say the same.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasher, Hasher, RandomState};

use super::super::rows::Row;

/// Rows by id, as 64-bit hashes. Two ids with one hash look like a conflict, never like one record.
#[derive(Debug, Default)]
pub(super) struct Seen {
    hasher: RandomState,
    rows: HashMap<u64, (u64, u64)>,
}

pub(super) enum Meeting {
    First,
    Same,
    /// The line of the first row.
    Conflict(u64),
}

impl Seen {
    pub(super) fn meet(&mut self, id: &str, row: &Row, used: &[usize]) -> Meeting {
        let mut content = self.hasher.build_hasher();
        for index in used {
            let cell = row.cells.get(*index).unwrap_or_default().trim();
            content.write(cell.as_bytes());
            content.write_u8(0xFF);
        }
        let content = content.finish();
        match self.rows.entry(self.hasher.hash_one(id)) {
            Entry::Vacant(entry) => {
                entry.insert((content, row.line));
                Meeting::First
            }
            Entry::Occupied(entry) => match entry.get() {
                (known, _) if *known == content => Meeting::Same,
                (_, line) => Meeting::Conflict(*line),
            },
        }
    }
}
