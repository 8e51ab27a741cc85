//! The cells of one row, read as the fields of a table.

use std::collections::BTreeMap;
use std::str::FromStr;

use ::csv::StringRecord;
use jiff::Timestamp;
use jiff::civil::Date;

use super::columns::{Column, Shape};
use super::dates::{DateFault, Dates, Moment};
use super::fault::{Fault, Reach};
use super::words;
use crate::record::Fact;

/// Stands before every element of a JSON array in a cell, so that an element may hold the list separator.
pub(super) const ELEMENT: char = '\u{1f}';

/// How the cells of a file are read.
#[derive(Debug)]
pub(super) struct Reading {
    /// How it writes dates.
    pub(super) dates: Dates,
    /// What stands between several values in one cell.
    pub(super) list_separator: String,
}

/// One row, with what was found wrong in it.
#[derive(Debug)]
pub(super) struct Cells<'a> {
    /// The row.
    pub(super) record: &'a StringRecord,
    /// The line or row it stands in.
    pub(super) line: u64,
    /// How to read it.
    pub(super) reading: &'a Reading,
    /// What cost a value; kept from row to row by the caller.
    pub(super) faults: &'a mut Vec<Fault>,
    /// Room for folded words.
    pub(super) folded: &'a mut String,
    /// Whether a time without a zone was met.
    pub(super) local_times: &'a mut bool,
}

impl<'a> Cells<'a> {
    /// The field's text, trimmed; `None` when it is empty or not in the file.
    pub(super) fn text(&mut self, column: &Column) -> Option<String> {
        self.cell(column).map(|(_, text)| text.to_owned())
    }

    /// The field's text, without which there is no record.
    ///
    /// # Errors
    /// A [`Fault`] when it is empty, or holds a line break: a quote is then open that should be closed.
    pub(super) fn need(&mut self, column: &Column) -> Result<String, Fault> {
        match self.cell(column) {
            Some((index, text)) if text.contains(['\n', '\r']) => {
                Err(Fault::width(format!("`{}` spans several lines", column.field.name))
                    .cause("a quote before it is probably never closed")
                    .fix("correct the quotes of this row in the export")
                    .column(index)
                    .field(column.field.name))
            }
            Some((_, text)) => Ok(text.to_owned()),
            None => {
                let fault = Fault::missing(format!("the row has no `{}`", column.field.name))
                    .cause("the cell is empty")
                    .fix("fill it in at the source; a record without it cannot be told from another")
                    .field(column.field.name);
                Err(match column.at.first() {
                    Some(index) => fault.column(*index),
                    None => fault,
                })
            }
        }
    }

    /// The field's texts, in the order of its columns and of the values in each, each once.
    pub(super) fn list(&mut self, column: &Column) -> Vec<String> {
        let mut texts: Vec<String> = Vec::new();
        for index in &column.at {
            let cell = self.record.get(*index).unwrap_or_default();
            let mut keep = |text: &str| {
                let text = text.trim();
                if !text.is_empty() && !texts.iter().any(|known| known == text) {
                    texts.push(text.to_owned());
                }
            };
            match cell.strip_prefix(ELEMENT) {
                Some(elements) => elements.split(ELEMENT).for_each(&mut keep),
                None => cell.split(self.reading.list_separator.as_str()).for_each(&mut keep),
            }
        }
        texts
    }

    /// The texts of columns that are kept as evidence, by heading; those that say nothing are left out.
    pub(super) fn attributes(&self, columns: &[(usize, String)]) -> BTreeMap<String, String> {
        let texts = columns.iter().filter_map(|(index, heading)| {
            let text = self.record.get(*index)?.trim();
            let text = text.strip_prefix(ELEMENT).map_or_else(
                || text.to_owned(),
                |elements| elements.split(ELEMENT).collect::<Vec<_>>().join(&self.reading.list_separator),
            );
            (!text.is_empty()).then(|| (heading.clone(), text))
        });
        texts.collect()
    }

    /// The field's word as a value of our own; `None` when it is empty or, with a fault noted, unknown.
    pub(super) fn word<T: FromStr>(&mut self, column: &Column) -> Option<T> {
        let (index, text) = self.cell(column)?;
        match column.meaning(text, self.folded).map(T::from_str) {
            Some(Ok(value)) => Some(value),
            Some(Err(_)) if column.meaning(text, self.folded) == Some("") => None,
            None if words::NOTHING.contains(&self.folded.as_str()) => None,
            Some(Err(_)) | None => {
                let known = column.field.shape.vocabulary().map(|vocabulary| (vocabulary.known)().join(", "));
                let what = column.field.shape.vocabulary().map_or("value", |vocabulary| vocabulary.what);
                let fault = Fault::word(format!("`{text}` is no known {what}"))
                    .cause(format!("known are {} and common words for them", known.unwrap_or_default()))
                    .fix(format!("say what it means: `values = {{ {} = {{ {text:?} = \"…\" }} }}`", column.field.name));
                self.faults.push(fault.column(index).field(column.field.name));
                None
            }
        }
    }

    /// The field's day.
    ///
    /// # Errors
    /// A [`Fault`] that costs the row: an unreadable last day must not look like none.
    pub(super) fn day(&mut self, column: &Column) -> Result<Option<Date>, Fault> {
        let Some((index, text)) = self.cell(column) else { return Ok(None) };
        if may_be_a_word(text) && matches!(column.meaning(text, self.folded), Some("" | "none" | "never")) {
            return Ok(None);
        }
        let moment = self
            .reading
            .dates
            .read(text)
            .map_err(|fault| date_fault(fault, text, index, column).at_least(Reach::Row))?;
        Ok((!moment.is_endless()).then(|| moment.day()))
    }

    /// The field's instant; with a fault noted, `None` for an unreadable one.
    pub(super) fn instant(&mut self, column: &Column) -> Option<Timestamp> {
        self.fact(column).known().copied()
    }

    /// The field's instant or the reason why there is none. Empty cells of a mapped column say "no value".
    pub(super) fn fact(&mut self, column: &Column) -> Fact<Timestamp> {
        if !column.is_mapped() {
            return Fact::Unsupported;
        }
        let (index, text) = self.cell(column).unwrap_or((column.at[0], ""));
        let until = matches!(column.field.shape, Shape::Until);
        if may_be_a_word(text) {
            match column.meaning(text, self.folded) {
                Some("never") if until => return Fact::Absent,
                Some("never") => return Fact::Never,
                Some("unreadable") => return Fact::Unreadable,
                Some(_) => return Fact::Absent,
                None if text.is_empty() => return Fact::Absent,
                None => {}
            }
        }
        let dates = &self.reading.dates;
        let read = dates.read(text).and_then(|moment| {
            *self.local_times |= matches!(moment, Moment::Local(_) | Moment::Day(_));
            if until && moment.is_endless() { Ok(None) } else { dates.instant(moment, until).map(Some) }
        });
        match read {
            Ok(Some(instant)) => Fact::Known(instant),
            Ok(None) => Fact::Absent,
            Err(fault) => {
                let fault = date_fault(fault, text, index, column);
                self.faults.push(fault);
                Fact::Unreadable
            }
        }
    }

    /// The field's instant or, where the cell holds a bare day, that day; with a fault noted, neither for an unreadable one.
    pub(super) fn instant_or_day(&mut self, column: &Column) -> (Option<Timestamp>, Option<Date>) {
        let Some((_, text)) = self.cell(column) else { return (None, None) };
        match self.reading.dates.read(text) {
            Ok(moment @ Moment::Day(day)) => (None, (!moment.is_endless()).then_some(day)),
            Ok(Moment::Local(_) | Moment::Instant(..)) | Err(_) => (self.instant(column), None),
        }
    }

    /// The field's yes or no, or the reason why there is none.
    pub(super) fn yes_no(&mut self, column: &Column) -> Fact<bool> {
        if !column.is_mapped() {
            return Fact::Unsupported;
        }
        if self.cell(column).is_none() {
            return Fact::Absent;
        }
        self.word(column).map_or(Fact::Unreadable, Fact::Known)
    }

    /// The first column of the field that is not empty, trimmed.
    fn cell(&mut self, column: &Column) -> Option<(usize, &'a str)> {
        let record = self.record;
        let (index, text) = column.at.iter().find_map(|index| {
            let text = record.get(*index)?.trim();
            (!text.is_empty()).then_some((*index, text))
        })?;
        match text.strip_prefix(ELEMENT) {
            None => Some((index, text)),
            Some(one) if !one.contains(ELEMENT) => Some((index, one.trim())).filter(|(_, one)| !one.is_empty()),
            Some(_) => {
                let fault = Fault::value(format!("`{}` is a list where one value is expected", column.field.name));
                self.faults.push(fault.column(index).field(column.field.name));
                None
            }
        }
    }
}

/// Whether a text may be a word for no date: such words are short, or begin with no digit.
fn may_be_a_word(text: &str) -> bool {
    text.len() <= 10 || !text.starts_with(|first: char| first.is_ascii_digit())
}

/// A fault about a date: it costs the value, or the file when every other date would be read as blindly.
fn date_fault(fault: DateFault, text: &str, index: usize, column: &Column) -> Fault {
    let field = column.field.name;
    let fault = match fault {
        DateFault::Order(formats) => {
            let formats =
                formats.iter().map(|format| format!("`dates = [\"{format}\"]`")).collect::<Vec<_>>().join(" or ");
            Fault::date_order(format!("`{text}` does not say which number is the day"))
                .cause("day and month are both numbers, and no `dates` is set")
                .fix(format!("set {formats}, whichever the export uses"))
        }
        DateFault::TwoReadings(one, other) => Fault::date_order(format!("`{text}` is {one} or {other}"))
            .cause("two of `dates` fit it and differ")
            .fix("keep only the format that the export uses in `dates`"),
        DateFault::Unreadable(cause) => Fault::value(format!("`{text}` is no date for `{field}`"))
            .cause(cause)
            .fix("correct it at the source, or add its format to `dates`"),
    };
    fault.column(index).field(field)
}
