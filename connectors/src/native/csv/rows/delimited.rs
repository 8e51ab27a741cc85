//! CSV and TSV (RFC 4180), streamed.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::rc::Rc;

use ::csv::{ByteRecord, Reader, ReaderBuilder, StringRecord};

use super::super::columns::clean;
use super::super::decode::{self, Meter, Metered};
use super::super::fault::Fault;
use super::quotes::{Quotes, Seen};
use super::{Format, Layout, Row, Rows, Step, is_trailer};

/// Delimiters that are looked for, the first one winning a tie.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// The rows of a delimited file.
pub(super) struct Delimited {
    reader: Reader<Quotes<BufReader<Metered>>>,
    quotes: Rc<Seen>,
    header: Vec<String>,
    bytes: ByteRecord,
    meter: Rc<Meter>,
    delimiter: u8,
    encoding: &'static str,
    offset: u64,
    /// Lines before the reader's first.
    lines_before: u64,
    trailer: Option<String>,
    /// Whether the last row that was read fitted the header.
    last_fits: bool,
}

impl Delimited {
    /// Opens the file and reads its header.
    pub(super) fn open(file: File, layout: &Layout) -> Result<Self, Fault> {
        let mut text = decode::open(file, layout.encoding)?;
        let separator = separator_line(&mut text.reader)?;
        let named = separator.map(|(delimiter, _)| delimiter);
        let usual = (layout.format == Format::Tsv).then_some(b'\t');
        let delimiter = match layout.delimiter.or(named).or(usual) {
            Some(delimiter) => delimiter,
            None => likely_delimiter(text.reader.fill_buf().map_err(|error| Fault::interrupted(&error))?),
        };
        let quotes = Rc::new(Seen::default());
        let watched = Quotes { text: text.reader, delimiter, seen: Rc::clone(&quotes) };
        let reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(delimiter)
            .buffer_capacity(1 << 16)
            .from_reader(watched);
        let mut rows = Self {
            reader,
            quotes,
            header: Vec::new(),
            bytes: ByteRecord::new(),
            meter: text.meter,
            delimiter,
            encoding: text.encoding,
            offset: text.offset + separator.map_or(0, |(_, bytes)| bytes),
            lines_before: u64::from(separator.is_some()),
            trailer: layout.trailer.clone(),
            last_fits: true,
        };
        rows.read_header()?;
        Ok(rows)
    }

    fn read_header(&mut self) -> Result<(), Fault> {
        loop {
            let more = self.reader.read_byte_record(&mut self.bytes).map_err(stopped)?;
            self.meter.row();
            if !more {
                return Ok(());
            }
            if self.bytes.iter().all(<[u8]>::is_empty) {
                continue;
            }
            let cells = StringRecord::from_byte_record(std::mem::take(&mut self.bytes)).map_err(|error| {
                let index = error.utf8_error().field();
                let start = self.offset + place(&error.into_byte_record(), index);
                Fault::encoding(format!("the header is not {} text at byte {start}", self.encoding))
                    .cause("the bytes are of another encoding")
                    .fix("name it, for example `encoding = \"windows-1252\"`, or export the file as UTF-8")
                    .column(index)
            })?;
            if is_trailer(self.trailer.as_deref(), &cells[0]) {
                return Err(Fault::header("the file begins with its trailer").fix("export it with its header"));
            }
            self.header = cells.iter().map(clean).collect();
            return Ok(());
        }
    }

    /// Whether the row in `self.bytes` has as many fields as the header; surplus ones that are empty do not count.
    fn fits(&mut self) -> bool {
        let (found, wanted) = (self.bytes.len(), self.header.len());
        if found > wanted && (wanted..found).all(|index| self.bytes[index].trim_ascii().is_empty()) {
            self.bytes.truncate(wanted);
        }
        self.bytes.len() == wanted
    }

    fn misfit(&self, lines: u64) -> Fault {
        let (found, wanted) = (self.bytes.len(), self.header.len());
        let fault = Fault::width(format!("the row has {found} fields, the header has {wanted}"));
        if lines > 1 {
            let cause = format!("it spans {lines} lines: a quote is probably never closed");
            return fault.cause(cause).fix("correct the quotes of this row in the export");
        }
        let cause = if found > wanted {
            format!("a value probably holds `{}` without quotes", char::from(self.delimiter).escape_default())
        } else {
            "the row was cut, or a value holds a line break without quotes".to_owned()
        };
        fault.cause(cause).fix("export the file with quoted values")
    }
}

impl Rows for Delimited {
    fn header(&self) -> &[String] {
        &self.header
    }

    fn shape(&self) -> Option<String> {
        Some(format!("{}\u{1f}{}", char::from(self.delimiter), self.encoding))
    }

    fn next(&mut self, row: &mut Row) -> Step {
        self.bytes = std::mem::take(&mut row.cells).into_byte_record();
        loop {
            match self.reader.read_byte_record(&mut self.bytes) {
                Ok(true) => {}
                Ok(false) => return Step::End,
                Err(error) => return Step::Stop(stopped(error)),
            }
            self.meter.row();
            let (line, start) = self.bytes.position().map_or((0, 0), |position| (position.line(), position.byte()));
            row.line = line + self.lines_before;
            if self.bytes.iter().all(|cell| cell.trim_ascii().is_empty()) {
                continue;
            }
            let lines = self.bytes.as_slice().split(|byte| *byte == b'\n').count() as u64;
            let trailer = self.trailer.is_some()
                && std::str::from_utf8(&self.bytes[0]).is_ok_and(|first| is_trailer(self.trailer.as_deref(), first));
            if trailer {
                self.last_fits = true;
                let fields: Vec<_> = self.bytes.iter().map(String::from_utf8_lossy).collect();
                return Step::Trailer(fields.join(" "));
            }
            self.last_fits = self.fits();
            if self.quotes.misplaced_before(self.reader.position().byte()) {
                return Step::Bad(misplaced(row.line, lines));
            }
            if !self.last_fits {
                return Step::Bad(self.misfit(lines));
            }
            if self.quotes.cut_off_at(self.reader.position().byte()) {
                return Step::Bad(
                    Fault::width("the file ends inside a value of this row")
                        .cause("the file was cut")
                        .fix("export or copy the file again, to its end"),
                );
            }
            return match StringRecord::from_byte_record(std::mem::take(&mut self.bytes)) {
                Ok(cells) => {
                    row.cells = cells;
                    Step::Row
                }
                Err(error) => {
                    let index = error.utf8_error().field();
                    let inside = error.utf8_error().valid_up_to() as u64;
                    let bytes = error.into_byte_record();
                    row.cells.extend(bytes.iter().map(String::from_utf8_lossy));
                    let at = self.offset + start + place(&bytes, index) + inside;
                    let what = if self.encoding == "UTF-8" {
                        format!("the row is not UTF-8 text at byte {at} of the file")
                    } else {
                        format!("the row is not {} text", self.encoding)
                    };
                    Step::Bad(
                        Fault::bytes(what)
                            .cause("the bytes are of another encoding, or damaged")
                            .fix("name the encoding, for example `encoding = \"windows-1252\"`, or export the file as UTF-8")
                            .column(index),
                    )
                }
            };
        }
    }

    fn end(&self) -> Option<Fault> {
        let torn = !self.last_fits && self.meter.ends_inside_a_line();
        let open = self.quotes.ends_inside_a_value();
        (torn || open).then(|| {
            let cause = if open {
                "the file ends inside a quoted value"
            } else {
                "the last row is short and its line has no end"
            };
            Fault::cut_short("the file ends too early").cause(cause).fix("export or copy the file again, to its end")
        })
    }
}

fn misplaced(line: u64, lines: u64) -> Fault {
    let fault = if lines > 1 {
        Fault::width(format!("the quotes of lines {line} to {} do not close where a value ends", line + lines - 1))
            .cause("a quote among them is never closed, and the rows behind it became part of a value")
    } else {
        Fault::width("a quote closes in the middle of a value").cause("quotes inside a value are not doubled")
    };
    fault.fix("export the file again with quotes doubled inside values")
}

/// Where field `index` begins in its row, if no field before it is quoted.
fn place(row: &ByteRecord, index: usize) -> u64 {
    row.iter().take(index).map(|cell| cell.len() as u64 + 1).sum()
}

fn stopped(error: ::csv::Error) -> Fault {
    match error.into_kind() {
        ::csv::ErrorKind::Io(error) => Fault::interrupted(&error),
        other => Fault::interrupted(&std::io::Error::other(format!("{other:?}"))),
    }
}

/// Takes Excel's `sep=;` line, where there is one: the delimiter and the number of bytes taken.
fn separator_line(text: &mut BufReader<Metered>) -> Result<Option<(u8, u64)>, Fault> {
    let head = text.fill_buf().map_err(|error| Fault::interrupted(&error))?;
    let Some(rest) = head.strip_prefix(b"sep=") else { return Ok(None) };
    let (delimiter, length) = match rest {
        [delimiter, b'\r', b'\n', ..] => (*delimiter, 7),
        [delimiter, b'\n', ..] => (*delimiter, 6),
        _ => return Ok(None),
    };
    text.consume(length);
    Ok(Some((delimiter, length as u64)))
}

/// The delimiter that the first line has most of, outside quotes.
fn likely_delimiter(head: &[u8]) -> u8 {
    let mut counts = [0_usize; DELIMITERS.len()];
    let mut quoted = false;
    let line = head.iter().skip_while(|byte| matches!(byte, b'\r' | b'\n'));
    for byte in line {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' | b'\r' if !quoted => break,
            byte if !quoted => {
                if let Some(index) = DELIMITERS.iter().position(|delimiter| delimiter == byte) {
                    counts[index] += 1;
                }
            }
            _ => {}
        }
    }
    let most = counts.iter().max().copied().unwrap_or_default();
    let index = counts.iter().position(|count| *count == most).unwrap_or_default();
    DELIMITERS[index]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delimiter_is_the_one_the_header_has_most_of_outside_quotes() {
        assert_eq!(likely_delimiter(b"id;name, first;mail\n"), b';');
        assert_eq!(likely_delimiter(b"\"a;b;c;d\",e\n1|2|3|4|5"), b',');
        assert_eq!(likely_delimiter(b"a\tb"), b'\t');
        assert_eq!(likely_delimiter(b"a|b|c"), b'|');
        assert_eq!(likely_delimiter(b"one"), b',');
        assert_eq!(likely_delimiter(b""), b',');
    }
}
