//! Renders what a run found: one [`view::View`], many formats.
//!
//! ```text
//!   View + Population ──► Format ──► bytes
//! ```
//!
//! This crate knows no connector, no graph and no rule. [`FORMATS`] lists what it can write.

pub mod escape;
mod format;
pub mod view;

use std::io::{self, Write};

use crate::format::{csv, html, json, markdown, table};
use crate::view::{Population, View};

pub use crate::format::json::{SCHEMA_ID, schema};

/// How the target looks. Colour only repeats what words say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Whether ANSI colours may be used.
    pub colour: bool,
    /// Columns of the terminal; `None` when it is not one: nothing is then cut or wrapped to fit.
    pub width: Option<u16>,
}

/// A format, registered in [`FORMATS`].
#[derive(Clone, Copy)]
pub struct Format {
    /// Name in `-o name`.
    pub name: &'static str,
    /// File ending, for `-o report.html`.
    pub ending: &'static str,
    /// One line: what it is for.
    pub summary: &'static str,
    /// Writes the view, in small pieces: give it a buffered writer.
    pub render: fn(&View, &dyn Population, Look, &mut dyn Write) -> io::Result<()>,
}

impl std::fmt::Debug for Format {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Format").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Every format, sorted by name. One line here registers one.
#[rustfmt::skip]
pub const FORMATS: &[Format] = &[
    Format { name: "csv", ending: "csv", summary: "findings, one row each, for spreadsheets and scripts", render: csv::findings },
    Format { name: "csv-accounts", ending: "csv", summary: "every account that was read, one row each", render: csv::accounts },
    Format { name: "csv-grants", ending: "csv", summary: "every grant that was read, one row each", render: csv::grants },
    Format { name: "csv-link-changes", ending: "csv", summary: "every link that is not what it was at the check before, one row each", render: csv::link_changes },
    Format { name: "html", ending: "html", summary: "one self-contained page for people and auditors", render: html::render },
    Format { name: "json", ending: "json", summary: "the whole view for programs, with a published schema", render: json::render },
    Format { name: "markdown", ending: "md", summary: "for a ticket or a wiki", render: markdown::render },
    Format { name: "table", ending: "txt", summary: "for the terminal", render: table::render },
];

/// The format called `name`.
pub fn find(name: &str) -> Option<&'static Format> {
    FORMATS.iter().find(|format| format.name == name)
}
