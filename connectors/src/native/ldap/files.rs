//! A directory from its LDIF export.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{Context, SHA256};
use jiff::Timestamp;

use super::attributes::{Attr, Entry};
use super::intake::{Intake, Unresolved};
use super::ldif::{Item, Ldif};
use super::mapping::Reading;
use super::{code, dn, reference_gap};
use crate::scope::{Gap, Probe, SourceFile};
use crate::sink::{Sink, SinkClosed};
use crate::{ConnectorError, Run};

/// Entries between two looks at whether the run was cancelled.
const PULSE: u64 = 256;

/// Exports to read together: members may stand in another file than their group.
#[derive(Debug, Clone)]
pub(super) struct Export {
    /// The folder that relative paths count from.
    pub(super) folder: PathBuf,
    /// Files as configured.
    pub(super) files: Vec<PathBuf>,
    /// Bases as configured; none means the longest name that every entry ends with.
    pub(super) bases: Vec<String>,
    /// Naming contexts that are read elsewhere.
    pub(super) elsewhere: Vec<String>,
    /// When the content was taken from the directory.
    pub(super) collected: Option<Timestamp>,
    /// Entries that the files hold together at least.
    pub(super) expect_entries: Option<u64>,
    /// Whether e-mail addresses count as verified.
    pub(super) emails_verified: bool,
}

impl Export {
    /// Reads every file; runs on a thread of its own.
    pub(super) fn collect(&self, run: &Run, sink: &Sink) -> Result<(), ConnectorError> {
        let bases = if self.bases.is_empty() { vec![self.find_base(run)?] } else { self.bases.clone() };
        let reading = Reading { at: self.collected, emails_verified: self.emails_verified };
        let mut intake = Intake::open(sink, &bases, &self.elsewhere, reading);
        let mut read = 0;
        for file in &self.files {
            read += self.read(file, &mut intake, run)?;
        }
        if let Some(expected) = self.expect_entries.filter(|expected| read < *expected) {
            let gap = Gap::new(code::SHORT, format!("{read} entries were read, `expect_entries` is {expected}"))
                .cause("the export is incomplete, or entries were deleted since the number was written down")
                .fix("export again, or correct `expect_entries`");
            (0..bases.len()).for_each(|base| intake.gap(base, &gap));
        }
        intake.doubt_partial_exports();
        Ok(intake.finish(Unresolved::Dangling)?)
    }

    /// Whether each file can be opened.
    pub(super) fn probe(&self) -> Vec<Probe> {
        let probe = |file: &PathBuf| {
            let opened = File::open(self.folder.join(file));
            let permission = format!("read {}", file.display());
            Probe { permission, granted: Some(opened.is_ok()), detail: opened.err().map(|error| error.to_string()) }
        };
        self.files.iter().map(probe).collect()
    }

    /// The longest name that every entry of every file ends with. Files that cannot be read are left to
    /// [`Export::read`].
    fn find_base(&self, run: &Run) -> Result<String, ConnectorError> {
        let mut base: Option<String> = None;
        for file in &self.files {
            let Ok(input) = File::open(self.folder.join(file)) else { continue };
            let mut ldif = Ldif::new(BufReader::with_capacity(1 << 20, input));
            let mut entries = 0;
            while let Ok(Some((_, item))) = ldif.next_item() {
                let (Item::Entry(entry) | Item::PartOf(entry, ..)) = item else { continue };
                entries += 1;
                stop_when_cancelled(run, entries)?;
                let name = dn::normalise(&entry.dn);
                base = Some(match base {
                    Some(known) => dn::common_base(&known, &name).to_owned(),
                    None => name,
                });
            }
        }
        Ok(base.unwrap_or_default())
    }

    /// Reads a file; its number of entries.
    fn read(&self, file: &Path, intake: &mut Intake, run: &Run) -> Result<u64, ConnectorError> {
        let shown = file.display().to_string();
        let input = match File::open(self.folder.join(file)) {
            Ok(input) => input,
            Err(error) => {
                let gap = Gap::new(code::FILE, format!("cannot open `{shown}`"))
                    .cause(error.to_string())
                    .fix("check `file`; relative paths count from the folder of the config");
                intake.fail_all(&gap);
                return Ok(0);
            }
        };
        let mut ldif = Ldif::new(BufReader::with_capacity(1 << 20, Hashing::new(input)));
        let mut reader =
            Reader { shown, elsewhere: &self.elsewhere, intake, entries: 0, declared: None, outside: None };
        match ldif.peek_encoding() {
            Ok(true) => {}
            Ok(false) => {
                reader.fail(
                    Gap::new(code::FILE, format!("`{}` is UTF-16, LDIF is UTF-8", reader.shown))
                        .cause("it begins with the byte order mark of UTF-16")
                        .fix("export without ldifde's option `-u`, or convert it: `iconv -f UTF-16 -t UTF-8`"),
                );
                return Ok(0);
            }
            Err(error) => {
                reader.broken(&error, 0);
                return Ok(0);
            }
        }
        loop {
            match ldif.next_item() {
                Ok(None) => break,
                Ok(Some((line, item))) => {
                    if !reader.take(line, item)? {
                        break;
                    }
                }
                Err(error) => {
                    reader.broken(&error, ldif.line());
                    break;
                }
            }
            stop_when_cancelled(run, reader.entries)?;
        }
        reader.conclude();
        let entries = reader.entries;
        match ldif.into_input().into_inner().finish() {
            Ok((bytes, sha256)) => {
                if bytes == 0 {
                    let gap = Gap::new(code::FILE, format!("`{}` is empty", file.display()))
                        .cause("even an empty directory's export holds its base or a comment: the export failed")
                        .fix("export again");
                    intake.fail_all(&gap);
                }
                let path = file.display().to_string();
                intake.file(&SourceFile { path, sha256, bytes, collected: self.collected, header: None });
            }
            Err(error) => {
                let gap = Gap::new(code::FILE, format!("cannot read `{}`", file.display()))
                    .cause(error.to_string())
                    .fix("check the file and its disk");
                intake.fail_all(&gap);
            }
        }
        intake.each(crate::sink::Scope::page);
        Ok(entries)
    }
}

fn stop_when_cancelled(run: &Run, entries: u64) -> Result<(), ConnectorError> {
    if entries.is_multiple_of(PULSE) && run.cancel.is_cancelled() { Err(ConnectorError::Stopped) } else { Ok(()) }
}

/// Takes the items of one file.
struct Reader<'a> {
    shown: String,
    elsewhere: &'a [String],
    intake: &'a mut Intake,
    entries: u64,
    declared: Option<u64>,
    outside: Option<(u64, String)>,
}

impl Reader<'_> {
    fn gap(&mut self, gap: Gap) {
        (0..self.intake.bases()).for_each(|base| self.intake.gap(base, &gap));
    }

    fn fail(&mut self, gap: Gap) {
        self.intake.fail_all(&gap);
    }

    fn broken(&mut self, error: &io::Error, line: u64) {
        let gap = Gap::new(code::CUT, format!("`{}` could not be read to its end", self.shown))
            .cause(error.to_string())
            .fix("export again")
            .at(format!("{}:{line}", self.shown));
        if line == 0 { self.fail(gap) } else { self.gap(gap) }
    }

    /// Takes an item; false when the file must not be read further.
    fn take(&mut self, line: u64, item: Item) -> Result<bool, SinkClosed> {
        let at = format_args!("{}:{line}", self.shown).to_string();
        match item {
            Item::Entry(entry) => self.entry(&entry)?,
            Item::PartOf(entry, attr, range) => self.part(&entry, attr, range.low, at)?,
            Item::Reference(url) => {
                for base in 0..self.intake.bases() {
                    if let Some(gap) = reference_gap(&url, self.intake.base_dn(base), self.elsewhere) {
                        self.intake.gap(base, &gap.at(at.clone()));
                    }
                }
            }
            Item::Result(0, _) => {}
            Item::Result(code, text) => self.gap(
                Gap::new(code::LIMIT, format!("the search that wrote `{}` ended with {text} ({code})", self.shown))
                    .cause("the server did not return every entry")
                    .fix("export again with paging (`ldapsearch -E pr=1000/noprompt`) and a bind DN without limits")
                    .at(at),
            ),
            // Printed once a page by some versions: the largest is the whole.
            Item::Entries(number) => self.declared = self.declared.max(Some(number)),
            Item::Bad(what) => self.gap(
                Gap::new(code::LINE, what)
                    .cause("the line is not LDIF as RFC 2849 has it; the rest of its entry was read")
                    .fix("export again, or correct the line")
                    .at(at),
            ),
            Item::Change => {
                self.fail(
                    Gap::new(code::CHANGES, format!("`{}` holds change records (`changetype:`)", self.shown))
                        .cause("they say what to do to a directory, not what it holds")
                        .fix("export the content: `slapcat`, `ldapsearch` or `ldifde -f`")
                        .at(at),
                );
                return Ok(false);
            }
            Item::Cut => self.gap(
                Gap::new(code::CUT, format!("`{}` ends inside an entry", self.shown))
                    .cause("every LDIF tool ends an entry with an empty line; without it, nothing says that the file is whole")
                    .fix("export again; when the file is whole, add an empty line at its end")
                    .at(at),
            ),
        }
        Ok(true)
    }

    fn entry(&mut self, entry: &Entry) -> Result<(), SinkClosed> {
        self.entries += 1;
        match self.intake.base_of(&entry.dn) {
            Some(base) => self.intake.entry(base, entry)?,
            None => self.outside.get_or_insert_with(|| (0, entry.dn.clone())).0 += 1,
        }
        Ok(())
    }

    fn part(&mut self, entry: &Entry, attr: Attr, low: u64, at: String) -> Result<(), SinkClosed> {
        if let Some(base) = self.intake.base_of(&entry.dn) {
            let count = entry.values(attr).len();
            let gap = Gap::new(
                code::RANGE,
                format!("`{}` shows only {count} values of `{}`, from {low}", entry.dn, attr.name()),
            )
            .cause("Active Directory returns long attributes in parts, and the export asked only for one")
            .fix("read this system live, or export with `ldbsearch` or `Get-ADObject`, which fetch every part")
            .at(at);
            self.intake.membership_gap(base, gap);
        }
        self.entry(entry)
    }

    /// What the whole file shows.
    fn conclude(&mut self) {
        if let Some(declared) = self.declared.filter(|declared| self.entries < *declared) {
            let gap = Gap::new(
                code::SHORT,
                format!("`{}` declares {declared} entries and holds {}", self.shown, self.entries),
            )
            .cause("entries were removed from the file")
            .fix("export again");
            self.gap(gap);
        }
        if let Some((number, first)) = self.outside.take() {
            let gap = Gap::new(
                code::OUTSIDE,
                format!("{number} entries of `{}` lie outside every `base`, first `{first}`", self.shown),
            )
            .cause("they belong to no scope and were not kept")
            .fix("add their base to `base`, or leave `base` out");
            self.gap(gap);
        }
    }
}

/// Hashes what passes through.
#[derive(Debug)]
struct Hashing<R> {
    input: R,
    hash: HashState,
    bytes: u64,
}

/// [`Context`] has no `Debug`.
struct HashState(Context);

impl std::fmt::Debug for HashState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HashState")
    }
}

impl<R: Read> Hashing<R> {
    fn new(input: R) -> Self {
        Self { input, hash: HashState(Context::new(&SHA256)), bytes: 0 }
    }

    /// Reads what is left; bytes and SHA-256 of all.
    fn finish(mut self) -> io::Result<(u64, String)> {
        io::copy(&mut self, &mut io::sink())?;
        let digest = self.hash.0.finish();
        let hex = digest.as_ref().iter().flat_map(|byte| [byte >> 4, byte & 15]);
        Ok((self.bytes, hex.map(|nibble| char::from(b"0123456789abcdef"[usize::from(nibble)])).collect()))
    }
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        self.hash.0.update(&buffer[..read]);
        self.bytes += read as u64;
        Ok(read)
    }
}

impl<R: BufRead> Ldif<R> {
    /// Whether the file can be UTF-8: UTF-16 begins with a byte order mark.
    fn peek_encoding(&mut self) -> io::Result<bool> {
        let start = self.input_mut().fill_buf()?;
        Ok(!start.starts_with(&[0xff, 0xfe]) && !start.starts_with(&[0xfe, 0xff]))
    }
}
