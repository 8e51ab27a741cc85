//! JSON Lines: one object a line, nested keys joined by dots.
//!
//! Keys may be left out of a line, so the header is the union of all keys, found in a pass of its own. That lets a mapped
//! key that no line has fail the file before a record is read, as a missing column does.

use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek};

use serde_json::{Map, Value};

use super::super::cells::ELEMENT;
use super::super::decode::{self, Metered, ROW_LIMIT};
use super::super::fault::{Fault, Reach};
use super::{Layout, Row, Rows, Step, is_trailer};

/// Distinct keys a file may have; more of them are data, not columns.
const KEYS: usize = 4096;

/// The rows of a JSON Lines file.
pub(super) struct JsonLines {
    lines: Lines,
    header: Vec<String>,
    index: HashMap<String, usize>,
    cells: Vec<String>,
    trailer: Option<String>,
    torn: bool,
}

impl JsonLines {
    /// Opens the file and collects its keys.
    pub(super) fn open(mut file: File, layout: &Layout) -> Result<Self, Fault> {
        let again = file.try_clone().map_err(|error| Fault::interrupted(&error))?;
        let mut keys = BTreeSet::new();
        let mut lines = Lines::open(again, layout)?;
        while let Some(line) = lines.next() {
            let text = match line {
                Ok(text) => text,
                Err(fault) if fault.reach == Reach::File => break,
                Err(_) => continue,
            };
            if let Ok(Value::Object(object)) = serde_json::from_str(text) {
                flatten("", object, &mut |key, _| {
                    if !keys.contains(&key) {
                        keys.insert(key);
                    }
                });
            }
            if keys.len() > KEYS {
                return Err(Fault::header(format!("the objects have more than {KEYS} different keys"))
                    .cause("values are used as keys, or the file is no list of records")
                    .fix("export one object a record, with the same keys in each"));
            }
        }
        file.rewind().map_err(|error| Fault::interrupted(&error))?;
        let header: Vec<String> = keys.into_iter().collect();
        let index = header.iter().enumerate().map(|(index, key)| (key.clone(), index)).collect();
        let cells = vec![String::new(); header.len()];
        Ok(Self {
            lines: Lines::open(file, layout)?,
            header,
            index,
            cells,
            trailer: layout.trailer.clone(),
            torn: false,
        })
    }
}

impl Rows for JsonLines {
    fn header(&self) -> &[String] {
        &self.header
    }

    fn shape(&self) -> Option<String> {
        None
    }

    fn next(&mut self, row: &mut Row) -> Step {
        row.cells.clear();
        let text = match self.lines.next() {
            Some(Ok(text)) => text,
            Some(Err(fault)) => {
                row.line = self.lines.line;
                let stop = fault.reach == Reach::File;
                return if stop { Step::Stop(fault) } else { Step::Bad(fault) };
            }
            None => return Step::End,
        };
        if is_trailer(self.trailer.as_deref(), text) {
            return Step::Trailer(text.to_owned());
        }
        let object = match serde_json::from_str(text) {
            Ok(Value::Object(object)) => object,
            Ok(_) => {
                row.line = self.lines.line;
                return Step::Bad(Fault::json("the line is JSON, but no object").fix("print one object a line"));
            }
            Err(error) => {
                row.line = self.lines.line;
                self.torn = error.is_eof();
                return Step::Bad(
                    Fault::json("the line is no JSON object").cause(error.to_string()).fix("print one object a line"),
                );
            }
        };
        row.line = self.lines.line;
        self.cells.iter_mut().for_each(String::clear);
        let (index, cells) = (&self.index, &mut self.cells);
        flatten("", object, &mut |key, text| {
            if let Some(index) = index.get(&key) {
                cells[*index] = text;
            }
        });
        row.cells.clear();
        row.cells.extend(self.cells.iter());
        Step::Row
    }

    fn end(&self) -> Option<Fault> {
        let torn = self.torn && self.lines.text.meter.ends_inside_a_line();
        torn.then(|| {
            Fault::cut_short("the file ends too early")
                .cause("the last line is an unfinished object")
                .fix("export or copy the file again, to its end")
        })
    }
}

/// The lines of a text that are not blank.
struct Lines {
    text: decode::Text,
    buffer: Vec<u8>,
    line: u64,
}

impl Lines {
    fn open(file: File, layout: &Layout) -> Result<Self, Fault> {
        Ok(Self { text: decode::open(file, layout.encoding)?, buffer: Vec::new(), line: 0 })
    }

    fn next(&mut self) -> Option<Result<&str, Fault>> {
        loop {
            self.buffer.clear();
            let mut limited = Read::take(&mut self.text.reader as &mut BufReader<Metered>, ROW_LIMIT);
            let read = limited.read_until(b'\n', &mut self.buffer);
            self.text.meter.row();
            match read {
                Ok(0) => return None,
                Ok(_) => self.line += 1,
                Err(error) => return Some(Err(Fault::interrupted(&error))),
            }
            if self.buffer.len() as u64 >= ROW_LIMIT {
                return Some(Err(Fault::interrupted(&std::io::Error::other("a line is longer than 16 MiB"))));
            }
            if !self.buffer.trim_ascii().is_empty() {
                break;
            }
        }
        Some(std::str::from_utf8(&self.buffer).map(str::trim).map_err(|error| {
            Fault::bytes(format!("the line is not {} text at its byte {}", self.text.encoding, error.valid_up_to()))
                .cause("JSON is UTF-8")
                .fix("export the file as UTF-8")
        }))
    }
}

/// Calls `put` with every scalar of `object`: its key, joined by dots, and its text. `null` is an empty text.
fn flatten(prefix: &str, object: Map<String, Value>, put: &mut impl FnMut(String, String)) {
    for (key, value) in object {
        let key = if prefix.is_empty() { key } else { format!("{prefix}.{key}") };
        match value {
            Value::Object(inner) => flatten(&key, inner, put),
            Value::Array(elements) => {
                let mut text = String::new();
                for element in elements {
                    text.push(ELEMENT);
                    text.push_str(&scalar(element));
                }
                put(key, text);
            }
            scalar_value => put(key, scalar(scalar_value)),
        }
    }
}

/// A value as a cell shows it; an object inside an array as JSON.
fn scalar(value: Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text,
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}
