//! The rows of a file, whatever its format: a header, then texts.
//!
//! A workbook's dates become ISO 8601 and its whole numbers digits, a JSON array's elements stand behind
//! [`super::cells::ELEMENT`], so that the same table read from CSV, XLSX and JSON Lines gives the same records.

mod delimited;
mod json_lines;
mod quotes;
mod workbook;

use std::fs::File;

use ::csv::StringRecord;
use encoding_rs::Encoding;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::columns::Plan;
use super::fault::Fault;

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Format {
    /// Separated by commas, semicolons, tabs or bars (RFC 4180).
    Csv,
    /// Separated by tabs.
    Tsv,
    /// An Excel workbook.
    Xlsx,
    /// One JSON object a line.
    Jsonl,
}

/// How to read one file's rows.
#[derive(Debug)]
pub(super) struct Layout {
    /// Its format.
    pub(super) format: Format,
    /// What separates fields; found out when nobody says.
    pub(super) delimiter: Option<u8>,
    /// Its encoding, where it has no byte-order mark.
    pub(super) encoding: Option<&'static Encoding>,
    /// The sheet of a workbook; the first when nobody says.
    pub(super) sheet: Option<String>,
    /// What the first cell of the trailer begins with.
    pub(super) trailer: Option<String>,
}

/// One row.
#[derive(Debug, Default)]
pub(super) struct Row {
    /// Its cells, one for each heading.
    pub(super) cells: StringRecord,
    /// The line or row it begins in, from 1.
    pub(super) line: u64,
}

/// What comes next.
#[derive(Debug)]
pub(super) enum Step {
    /// A row.
    Row,
    /// A row that cannot be used; its line stands in [`Row::line`], and in [`Row::cells`] those cells that can be read, or none
    /// where it is not known which is which.
    Bad(Fault),
    /// The trailer, as text.
    Trailer(String),
    /// Reading cannot go on; what came before is sound.
    Stop(Fault),
    /// The end.
    End,
}

/// A file's rows.
pub(super) trait Rows {
    /// The headings; empty when the file is.
    fn header(&self) -> &[String];

    /// What else makes two files of one shape: delimiter and encoding. `None` when the header is not written down.
    fn shape(&self) -> Option<String>;

    /// Reads the next row into `row`.
    fn next(&mut self, row: &mut Row) -> Step;

    /// What is wrong with the end of the file, once it is reached.
    fn end(&self) -> Option<Fault>;
}

/// Opens the rows of `file` and hands them to `read`. The plan is what a header row is known by in a workbook.
///
/// # Errors
/// A [`Fault`] that costs the file when it is not what `layout` says.
pub(super) fn with_rows<T>(
    file: File,
    layout: &Layout,
    plan: &Plan,
    read: impl FnOnce(&mut dyn Rows) -> T,
) -> Result<T, Fault> {
    match layout.format {
        Format::Csv | Format::Tsv => Ok(read(&mut delimited::Delimited::open(file, layout)?)),
        Format::Jsonl => Ok(read(&mut json_lines::JsonLines::open(file, layout)?)),
        Format::Xlsx => workbook::with_sheet(file, layout, plan, read),
    }
}

/// Whether a row is the trailer.
fn is_trailer(prefix: Option<&str>, first: &str) -> bool {
    prefix.is_some_and(|prefix| first.trim_start().starts_with(prefix))
}
