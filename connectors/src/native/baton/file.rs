//! From the packed file to a database that can be asked.

use std::fs::File;
use std::io::{self, Read, Write};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use rusqlite::{Connection, OpenFlags};
use tempfile::NamedTempFile;
use tokio_util::sync::CancellationToken;

use super::code;
use crate::scope::Gap;

/// What a file begins with: the format that is read, and the one after it.
const HEADER: [u8; 5] = *b"C1ZF\0";
const NEWER: [u8; 5] = *b"C1Z3\0";

/// Bytes that a file may unpack to.
const LARGEST: u64 = 32 << 30;

/// Bytes of memory that unpacking may take, as a power of two: Baton's own limit is 128 MiB.
const WINDOW_LOG: u32 = 27;

/// Characters of a path that need no escape in a URI.
const PATH: AsciiSet = NON_ALPHANUMERIC.remove(b'/').remove(b'.').remove(b'-').remove(b'_');

/// An unpacked database. The file goes when it is dropped.
#[derive(Debug)]
pub(super) struct Database {
    pub(super) connection: Connection,
    _unpacked: NamedTempFile,
}

/// Unpacks a file, and opens what is in it for reading alone.
pub(super) fn unpack(mut packed: File, shown: &str, cancel: &CancellationToken) -> Result<Database, Gap> {
    let mut header = [0; HEADER.len()];
    let whole = packed.read_exact(&mut header).is_ok();
    if whole && header == NEWER {
        return Err(Gap::new(code::FORMAT, format!("`{shown}` has the newer format of Baton (C1Z3)"))
            .cause("it holds another kind of database, which is not read")
            .fix("have the connector write the SQLite format, or convert the file with Baton's own tools"));
    }
    if !whole || header != HEADER {
        return Err(Gap::new(code::FORMAT, format!("`{shown}` is no .c1z file"))
            .cause("it does not begin with `C1ZF`")
            .fix("name the file that the connector's `--file` names"));
    }
    let no_room = |error: io::Error| {
        Gap::new(code::FILE, format!("`{shown}` cannot be unpacked"))
            .cause(error.to_string())
            .fix("make room in the folder of temporary files, or name another one in TMPDIR")
    };
    let torn = |error: io::Error| {
        Gap::new(code::DAMAGED, format!("`{shown}` is damaged"))
            .cause(error.to_string())
            .fix("copy it again from where the connector wrote it, or have it collect again")
    };
    let mut unpacked = NamedTempFile::with_prefix("muster-c1z-").map_err(no_room)?;
    let mut reader = zstd::Decoder::new(packed).map_err(torn)?;
    reader.window_log_max(WINDOW_LOG).map_err(torn)?;
    let (mut buffer, mut bytes) = (vec![0; 1 << 20], 0_u64);
    loop {
        let read = match reader.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(torn(error)),
        };
        bytes += read as u64;
        if bytes > LARGEST {
            return Err(Gap::new(code::FILE, format!("`{shown}` unpacks to more than {LARGEST} bytes"))
                .cause("it is far larger than what a connector collects, or made to fill a disk")
                .fix("have the connector collect less into one file"));
        }
        if cancel.is_cancelled() {
            return Err(
                Gap::new(code::FILE, format!("`{shown}` was not unpacked to its end")).cause("the run was stopped")
            );
        }
        unpacked.write_all(&buffer[..read]).map_err(no_room)?;
    }
    unpacked.flush().map_err(no_room)?;
    let connection = open(&unpacked).map_err(|error| damaged(shown, &error))?;
    Ok(Database { connection, _unpacked: unpacked })
}

/// What the database answers with when it is damaged.
pub(super) fn damaged(shown: &str, error: &rusqlite::Error) -> Gap {
    Gap::new(code::DAMAGED, format!("`{shown}` holds no sound database"))
        .cause(error.to_string())
        .fix("copy it again from where the connector wrote it, or have it collect again")
}

/// Opens the database as bytes that nobody changes, so that neither a journal nor a lock is looked for, and sees that its
/// pages hang together.
fn open(unpacked: &NamedTempFile) -> rusqlite::Result<Connection> {
    let path = utf8_percent_encode(&unpacked.path().to_string_lossy(), &PATH).to_string();
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(format!("file:{path}?mode=ro&immutable=1"), flags)?;
    // The schema is a stranger's: nothing that it defines may run.
    connection.pragma_update(None, "trusted_schema", false)?;
    let told: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if told == "ok" {
        Ok(connection)
    } else {
        Err(rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT), Some(told)))
    }
}
