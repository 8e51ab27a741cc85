//! Renders what a run found: one [`view::View`], many formats.
//!
//! ```text
//!   View + Population ──► Format ──► bytes
//! ```
//!
//! This crate knows no connector, no graph and no rule. [`FORMATS`] lists what it can write.

pub mod view;

use std::io::{self, Write};

use crate::view::{Population, View};

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
    /// Writes the view.
    pub render: fn(&View, &dyn Population, Look, &mut dyn Write) -> io::Result<()>,
}

impl std::fmt::Debug for Format {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Format").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Every format, sorted by name. One line here registers one.
pub const FORMATS: &[Format] = &[];

/// The format called `name`.
pub fn find(name: &str) -> Option<&'static Format> {
    FORMATS.iter().find(|format| format.name == name)
}
