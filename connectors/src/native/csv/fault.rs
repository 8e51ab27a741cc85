//! What is wrong with a file, a row or a value, before it becomes a [`Gap`] with its place.

use crate::scope::Gap;

/// How much a fault costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reach {
    /// One value: the record is kept without it.
    Value,
    /// One row.
    Row,
    /// Everything from here on; what came before is not relied on either.
    File,
}

/// Something wrong. Every constructor names its code, so that a code has one meaning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) code: &'static str,
    pub(super) reach: Reach,
    pub(super) what: Box<str>,
    pub(super) cause: Option<Box<str>>,
    pub(super) fix: Option<Box<str>>,
    /// Index of the column it stands in.
    pub(super) column: Option<usize>,
    /// Name of the record field it is about.
    pub(super) field: Option<&'static str>,
}

impl Fault {
    fn new(code: &'static str, reach: Reach, what: impl Into<Box<str>>) -> Self {
        Self { code, reach, what: what.into(), cause: None, fix: None, column: None, field: None }
    }

    /// The SHA-256 is not the expected one, or the file changed under the reader.
    pub(super) fn other_file(what: impl Into<Box<str>>) -> Self {
        Self::new("COL101", Reach::File, what)
    }

    /// The bytes are not text of the encoding.
    pub(super) fn encoding(what: impl Into<Box<str>>) -> Self {
        Self::new("COL102", Reach::File, what)
    }

    /// The header lacks a column, has it twice, or is not the expected one.
    pub(super) fn header(what: impl Into<Box<str>>) -> Self {
        Self::new("COL103", Reach::File, what)
    }

    /// A row has another number of fields than the header.
    pub(super) fn width(what: impl Into<Box<str>>) -> Self {
        Self::new("COL104", Reach::Row, what)
    }

    /// A value cannot be read as what its field needs.
    pub(super) fn value(what: impl Into<Box<str>>) -> Self {
        Self::new("COL105", Reach::Value, what)
    }

    /// A value without which there is no record.
    pub(super) fn missing(what: impl Into<Box<str>>) -> Self {
        Self::new("COL106", Reach::Row, what)
    }

    /// Two values of one row contradict each other.
    pub(super) fn contradiction(what: impl Into<Box<str>>) -> Self {
        Self::new("COL107", Reach::Row, what)
    }

    /// Two rows contradict each other about one id.
    pub(super) fn conflict(what: impl Into<Box<str>>) -> Self {
        Self::new("COL108", Reach::Row, what)
    }

    /// A word is none of the known ones.
    pub(super) fn word(what: impl Into<Box<str>>) -> Self {
        Self::new("COL109", Reach::Value, what)
    }

    /// A row is not text.
    pub(super) fn bytes(what: impl Into<Box<str>>) -> Self {
        Self::new("COL110", Reach::Row, what)
    }

    /// Most rows do not fit the header.
    pub(super) fn shifted(what: impl Into<Box<str>>) -> Self {
        Self::new("COL111", Reach::File, what)
    }

    /// The file ends too early.
    pub(super) fn cut_short(what: impl Into<Box<str>>) -> Self {
        Self::new("COL112", Reach::Row, what)
    }

    /// The number of rows is not the expected one.
    pub(super) fn count(what: impl Into<Box<str>>) -> Self {
        Self::new("COL113", Reach::Row, what)
    }

    /// A date could mean two days.
    pub(super) fn date_order(what: impl Into<Box<str>>) -> Self {
        Self::new("COL114", Reach::File, what)
    }

    /// The workbook cannot be opened.
    pub(super) fn workbook(what: impl Into<Box<str>>) -> Self {
        Self::new("COL115", Reach::File, what)
    }

    /// A line is not a JSON object.
    pub(super) fn json(what: impl Into<Box<str>>) -> Self {
        Self::new("COL116", Reach::Row, what)
    }

    /// The file does not hold everybody, and says nothing about it.
    pub(super) fn left_out(what: impl Into<Box<str>>) -> Self {
        Self::new("COL117", Reach::Row, what)
    }

    /// Reading failed half-way.
    pub(super) fn interrupted(error: &std::io::Error) -> Self {
        Self::new("COL100", Reach::File, "reading stopped half-way")
            .cause(error.to_string())
            .fix("check the disk and the quotes of the file, then export it again")
    }

    /// Whether the row has another number of fields than the header.
    pub(super) fn is_misfit(&self) -> bool {
        self.code == "COL104"
    }

    /// Whether two rows contradict each other.
    pub(super) fn is_conflict(&self) -> bool {
        self.code == "COL108"
    }

    #[must_use]
    pub(super) fn cause(mut self, cause: impl Into<Box<str>>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    #[must_use]
    pub(super) fn fix(mut self, fix: impl Into<Box<str>>) -> Self {
        self.fix = Some(fix.into());
        self
    }

    /// The fault, costing no less than `reach`.
    #[must_use]
    pub(super) fn at_least(mut self, reach: Reach) -> Self {
        self.reach = self.reach.max(reach);
        self
    }

    #[must_use]
    pub(super) fn column(mut self, column: usize) -> Self {
        self.column = Some(column);
        self
    }

    #[must_use]
    pub(super) fn field(mut self, field: &'static str) -> Self {
        self.field = Some(field);
        self
    }

    /// The gap of a fault that costs the row with these ids, or a value of it, and nothing else.
    pub(super) fn row_gap(&self, path: &str, line: u64, ids: Vec<String>) -> Gap {
        self.gap(path, Some(line)).only(ids)
    }

    /// The gap, at `path:line:column`; columns count from 1.
    pub(super) fn gap(&self, path: &str, line: Option<u64>) -> Gap {
        let mut gap = Gap::new(self.code, &*self.what);
        gap.cause = self.cause.as_deref().map(str::to_owned);
        gap.fix = self.fix.as_deref().map(str::to_owned);
        gap.at(match (line, self.column) {
            (Some(line), Some(column)) => format!("{path}:{line}:{}", column + 1),
            (Some(line), None) => format!("{path}:{line}"),
            (None, _) => path.to_owned(),
        })
    }
}
