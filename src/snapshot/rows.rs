//! A frame's columns by type, read row by row.
//!
//! Columns are looked up once; a row costs no allocation. A name or type that does not fit is a mistake of the program
//! and is reported as such.

use jiff::Timestamp;
use jiff::civil::Date;
use polars::prelude::{
    BooleanChunked, DataFrame, Int32Chunked, Int64Chunked, ListChunked, StringChunked, UInt32Chunked,
};

use super::StoreError;

/// Microseconds of a day, and days from the epoch.
const EPOCH: Date = jiff::civil::date(1970, 1, 1);

/// Columns of one frame.
#[derive(Debug)]
pub(crate) struct Rows<'a> {
    frame: &'a DataFrame,
    table: &'static str,
}

/// A text column.
#[derive(Debug)]
pub(crate) struct Texts<'a>(&'a StringChunked);

/// A column of instants.
#[derive(Debug)]
pub(crate) struct Instants<'a>(&'a Int64Chunked);

/// A column of days.
#[derive(Debug)]
pub(crate) struct Days<'a>(&'a Int32Chunked);

/// A column of small numbers.
#[derive(Debug)]
pub(crate) struct Numbers<'a>(&'a UInt32Chunked);

/// A column of truth values.
#[derive(Debug)]
pub(crate) struct Flags<'a>(&'a BooleanChunked);

impl<'a> Rows<'a> {
    /// Looks at `frame`, which holds rows of `table`.
    pub(crate) fn of(frame: &'a DataFrame, table: &'static str) -> Self {
        Self { frame, table }
    }

    /// Number of rows.
    pub(crate) fn len(&self) -> usize {
        self.frame.height()
    }

    /// A text column.
    pub(crate) fn texts(&self, name: &str) -> Result<Texts<'a>, StoreError> {
        let column = self.frame.column(name).and_then(|column| column.str());
        column.map(Texts).map_err(StoreError::frame("read", self.table))
    }

    /// A column of instants.
    pub(crate) fn instants(&self, name: &str) -> Result<Instants<'a>, StoreError> {
        let column = self.frame.column(name).and_then(|column| column.datetime());
        column.map(|column| Instants(&column.phys)).map_err(StoreError::frame("read", self.table))
    }

    /// A column of days.
    pub(crate) fn days(&self, name: &str) -> Result<Days<'a>, StoreError> {
        let column = self.frame.column(name).and_then(|column| column.date());
        column.map(|column| Days(&column.phys)).map_err(StoreError::frame("read", self.table))
    }

    /// A column of small numbers.
    pub(crate) fn numbers(&self, name: &str) -> Result<Numbers<'a>, StoreError> {
        let column = self.frame.column(name).and_then(|column| column.u32());
        column.map(Numbers).map_err(StoreError::frame("read", self.table))
    }

    /// A column of truth values.
    pub(crate) fn flags(&self, name: &str) -> Result<Flags<'a>, StoreError> {
        let column = self.frame.column(name).and_then(|column| column.bool());
        column.map(Flags).map_err(StoreError::frame("read", self.table))
    }

    /// Calls `visit` with the row and each text of a list column, in order.
    pub(crate) fn lists(&self, name: &str, mut visit: impl FnMut(usize, &str)) -> Result<(), StoreError> {
        let failed = StoreError::frame("read", self.table);
        let lists: &ListChunked = match self.frame.column(name).and_then(|column| column.list()) {
            Ok(lists) => lists,
            Err(error) => return Err(failed(error)),
        };
        for (row, list) in lists.amortized_iter().enumerate() {
            let Some(list) = list else { continue };
            let texts = match list.as_ref().str() {
                Ok(texts) => texts,
                Err(error) => return Err(failed(error)),
            };
            for text in texts.iter().flatten() {
                visit(row, text);
            }
        }
        Ok(())
    }
}

impl<'a> Texts<'a> {
    /// The text of a row.
    pub(crate) fn get(&self, row: usize) -> Option<&'a str> {
        self.0.get(row)
    }

    /// Whether no row has a text.
    pub(crate) fn are_all_null(&self) -> bool {
        self.0.null_count() == self.0.len()
    }

    /// The text of a row that is never null.
    pub(crate) fn text(&self, row: usize) -> &'a str {
        self.0.get(row).unwrap_or_default()
    }

    /// The text of a row as one of our enums; a spelling of a newer version counts as missing.
    pub(crate) fn name<T: std::str::FromStr>(&self, row: usize) -> Option<T> {
        self.0.get(row)?.parse().ok()
    }
}

impl Instants<'_> {
    /// Microseconds since 1970.
    pub(crate) fn micros(&self, row: usize) -> Option<i64> {
        self.0.get(row)
    }

    /// The instant.
    pub(crate) fn at(&self, row: usize) -> Option<Timestamp> {
        Timestamp::from_microsecond(self.0.get(row)?).ok()
    }
}

impl Days<'_> {
    /// The day.
    pub(crate) fn day(&self, row: usize) -> Option<Date> {
        EPOCH.checked_add(jiff::Span::new().try_days(self.0.get(row)?).ok()?).ok()
    }
}

impl Numbers<'_> {
    /// The number.
    pub(crate) fn get(&self, row: usize) -> Option<u32> {
        self.0.get(row)
    }
}

impl Flags<'_> {
    /// The truth value.
    pub(crate) fn get(&self, row: usize) -> Option<bool> {
        self.0.get(row)
    }
}
