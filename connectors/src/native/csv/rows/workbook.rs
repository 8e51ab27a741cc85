//! Excel workbooks (ECMA-376), streamed cell by cell.

use std::fs::File;
use std::io::BufReader;

use calamine::{DataRef, ExcelDateTime, Reader, Xlsx, XlsxCellReader, XlsxError};

use super::super::columns::{Plan, clean};
use super::super::fault::Fault;
use super::{Layout, Row, Rows, Step, is_trailer};

/// Rows among which the header is looked for.
const HEADER_WITHIN: usize = 50;
/// Columns a sheet can have (ECMA-376); a damaged cell reference may name more.
const COLUMNS: u32 = 16_384;
/// Beyond this a number in a cell is no longer exact to the unit (2⁵³), and a long id has lost digits.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Opens a workbook's sheet, finds its header and hands the rows below it to `read`.
pub(super) fn with_sheet<T>(
    file: File,
    layout: &Layout,
    plan: &Plan,
    read: impl FnOnce(&mut dyn Rows) -> T,
) -> Result<T, Fault> {
    let mut book: Xlsx<_> = Xlsx::new(BufReader::new(file)).map_err(|error| unopened(&error))?;
    let sheets = book.sheet_names();
    let wanted = match &layout.sheet {
        Some(name) => sheets.iter().find(|sheet| sheet.trim().eq_ignore_ascii_case(name.trim())).ok_or_else(|| {
            Fault::workbook(format!("the workbook has no sheet `{name}`"))
                .cause(format!("its sheets are: {}", sheets.join(", ")))
                .fix("correct `sheet`")
        })?,
        None => sheets.first().ok_or_else(|| Fault::workbook("the workbook has no sheet"))?,
    };
    let cells = book.worksheet_cells_reader(wanted).map_err(|error| unopened(&error))?;
    let mut sheet = Sheet {
        cells,
        pending: None,
        ended: false,
        header: Vec::new(),
        first: 0,
        trailer: layout.trailer.clone(),
        buffer: Vec::new(),
    };
    sheet.find_header(plan)?;
    Ok(read(&mut sheet))
}

fn unopened(error: &XlsxError) -> Fault {
    let fault = Fault::workbook("the workbook cannot be opened");
    match error {
        XlsxError::Password => fault
            .cause("it is protected by a password, or is an old .xls file")
            .fix("save it as .xlsx without a password, or export CSV"),
        error => fault.cause(error.to_string()).fix("save it again as .xlsx, or export CSV"),
    }
}

/// The rows of a sheet.
struct Sheet<'a> {
    cells: XlsxCellReader<'a, BufReader<File>>,
    /// The first cell of the next row.
    pending: Option<(u32, u32, Content)>,
    ended: bool,
    header: Vec<String>,
    /// Column in which the header begins.
    first: u32,
    trailer: Option<String>,
    buffer: Vec<(u32, Content)>,
}

/// A cell's text, or why it has none.
type Content = Result<String, Fault>;

impl Sheet<'_> {
    /// Skips titles and group headings until the row that the plan can read.
    fn find_header(&mut self, plan: &Plan) -> Result<(), Fault> {
        let mut widest: Option<(usize, Fault)> = None;
        for _ in 0..HEADER_WITHIN {
            if self.read_row()?.is_none() {
                break;
            }
            let headings = self.headings();
            match plan.resolve(&headings) {
                Ok(_) => {
                    self.first = self.buffer.first().map_or(0, |(column, _)| *column);
                    self.header = headings;
                    return Ok(());
                }
                Err(fault) => {
                    let filled = headings.iter().filter(|heading| !heading.is_empty()).count();
                    if widest.as_ref().is_none_or(|(width, _)| filled > *width) {
                        widest = Some((filled, fault));
                    }
                }
            }
        }
        widest.map_or(Ok(()), |(_, fault)| Err(fault))
    }

    /// The row in the buffer as headings, from its first column to its last.
    fn headings(&self) -> Vec<String> {
        let (Some((first, _)), Some((last, _))) = (self.buffer.first(), self.buffer.last()) else { return Vec::new() };
        let mut headings = vec![String::new(); (last - first + 1) as usize];
        for (column, content) in &self.buffer {
            headings[(column - first) as usize] = content.as_deref().map(clean).unwrap_or_default();
        }
        headings
    }

    /// Reads the next row that is not empty into the buffer, and says which it is, from 1.
    fn read_row(&mut self) -> Result<Option<u64>, Fault> {
        self.buffer.clear();
        let mut row = None;
        if let Some((at, column, content)) = self.pending.take() {
            row = Some(at);
            self.buffer.push((column, content));
        }
        while !self.ended {
            let Some(cell) = self.cells.next_cell().map_err(|error| unopened(&error))? else {
                self.ended = true;
                break;
            };
            let (at, column) = cell.get_position();
            if column >= COLUMNS {
                continue;
            }
            let content = content(cell.get_value());
            if content.as_deref().is_ok_and(|text| text.trim().is_empty()) {
                continue;
            }
            if row.is_some_and(|row| row != at) {
                self.pending = Some((at, column, content));
                break;
            }
            row = Some(at);
            self.buffer.push((column, content));
        }
        self.buffer.sort_by_key(|(column, _)| *column);
        Ok(row.map(|row| u64::from(row) + 1))
    }
}

impl Rows for Sheet<'_> {
    fn header(&self) -> &[String] {
        &self.header
    }

    fn shape(&self) -> Option<String> {
        Some("xlsx".to_owned())
    }

    fn next(&mut self, row: &mut Row) -> Step {
        loop {
            row.line = match self.read_row() {
                Ok(Some(line)) => line,
                Ok(None) => return Step::End,
                Err(fault) => return Step::Stop(fault),
            };
            if let Some((_, Ok(text))) = self.buffer.first()
                && is_trailer(self.trailer.as_deref(), text)
            {
                let texts: Vec<&str> = self.buffer.iter().filter_map(|(_, text)| text.as_deref().ok()).collect();
                return Step::Trailer(texts.join(" "));
            }
            row.cells.clear();
            let mut cells = std::mem::take(&mut self.buffer).into_iter().peekable();
            let mut any = false;
            for index in 0..self.header.len() {
                let column = self.first + u32::try_from(index).unwrap_or(u32::MAX);
                while cells.next_if(|(at, _)| *at < column).is_some() {}
                match cells.next_if(|(at, _)| *at == column) {
                    Some((_, Ok(text))) => {
                        any = true;
                        row.cells.push_field(&text);
                    }
                    Some((_, Err(fault))) => return Step::Bad(fault.column(index)),
                    None => row.cells.push_field(""),
                }
            }
            if any {
                return Step::Row;
            }
        }
    }

    fn end(&self) -> Option<Fault> {
        None
    }
}

/// A cell as a CSV export would show it, with dates as ISO 8601.
fn content(value: &DataRef<'_>) -> Content {
    match value {
        DataRef::Empty => Ok(String::new()),
        DataRef::String(text) | DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => Ok(text.clone()),
        DataRef::SharedString(text) => Ok((*text).to_owned()),
        DataRef::Bool(yes) => Ok(yes.to_string()),
        DataRef::Int(number) => Ok(number.to_string()),
        DataRef::Float(number) if number.abs() >= EXACT => {
            Err(Fault::bytes(format!("the cell holds the number {number}, which Excel rounds after 15 digits"))
                .fix("format the column as text before the ids are pasted into it"))
        }
        DataRef::Float(number) => Ok(number.to_string()),
        DataRef::DateTime(date) => Ok(iso(date)),
        DataRef::Error(error) => {
            Err(Fault::bytes(format!("the cell holds the error `{error}`")).fix("correct its formula"))
        }
    }
}

fn iso(date: &ExcelDateTime) -> String {
    if date.is_duration() {
        return date.as_f64().to_string();
    }
    let (year, month, day, hour, minute, second, _milli) = date.to_ymd_hms_milli();
    if (hour, minute, second) == (0, 0, 0) {
        format!("{year:04}-{month:02}-{day:02}")
    } else {
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")
    }
}
