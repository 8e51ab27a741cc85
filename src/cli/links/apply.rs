//! An edited list back to decisions: the CSV of `muster links list -o csv`, whatever a spreadsheet made of it.

use std::collections::HashMap;
use std::io::Read as _;
use std::path::Path;

use jiff::civil::Date;

use super::decide::Request;
use super::{Room, Why};
use crate::cli::names;
use crate::cli::outcome::Failure;
use crate::config::policy::Ruling;
use crate::diagnostic::{Diagnostic, similar};
use crate::graph::{NodeIx, NodeKind};
use crate::people::PersonIx;

/// Columns that decide; the others are for the reader.
const NEEDED: [&str; 3] = ["decision", "system", "account"];

/// Reads the rows that have a decision. Every row that cannot be used is told, with its line.
///
/// # Errors
/// The file cannot be read, its columns are others, or a row cannot be used.
pub(super) fn read(room: &Room<'_>, file: &Path, why: &Why) -> Result<Vec<Request>, Failure> {
    let (name, bytes) = content(file)?;
    let text = String::from_utf8(bytes).map_err(|error| {
        Diagnostic::error("LNK007", format!("`{name}` is not UTF-8"))
            .cause(format!("byte {} is none", error.utf8_error().valid_up_to()))
            .fix("save the list as CSV UTF-8")
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter(text)).flexible(true).from_reader(text.as_bytes());
    let headers = reader.headers().map_err(|error| unusable(&name, &error))?.clone();
    let column: HashMap<String, usize> =
        headers.iter().enumerate().map(|(at, header)| (header.trim().to_lowercase(), at)).collect();
    if let Some(missing) = NEEDED.iter().find(|needed| !column.contains_key(**needed)) {
        return Err(Diagnostic::error("LNK007", format!("`{name}` has no column `{missing}`"))
            .cause(format!("it has {}", headers.iter().collect::<Vec<_>>().join(", ")))
            .fix("start from `muster links list -o csv=queue.csv` and keep its first line")
            .into());
    }
    let (mut requests, mut problems) = (Vec::new(), Vec::new());
    for record in reader.records() {
        let record = record.map_err(|error| unusable(&name, &error))?;
        let line = record.position().map_or(0, csv::Position::line);
        let cell = |key: &str| column.get(key).and_then(|at| record.get(*at)).map(plain).unwrap_or_default();
        let row = Row {
            decision: cell("decision"),
            system: cell("system"),
            account: cell("account"),
            person: cell("person"),
            reason: cell("reason"),
            expires: cell("expires"),
        };
        if row.decision.is_empty() {
            continue;
        }
        match row.request(room, why) {
            Ok(request) => requests.push(Request { line: Some(format!("{name}:{line}")), ..request }),
            Err(problem) => problems.push(Diagnostic { at: Some(format!("{name}:{line}")), ..*problem }),
        }
    }
    if problems.is_empty() { Ok(requests) } else { Err(Failure::Told(problems)) }
}

fn content(file: &Path) -> Result<(String, Vec<u8>), Failure> {
    let mut bytes = Vec::new();
    if file == Path::new("-") {
        std::io::stdin().lock().read_to_end(&mut bytes)?;
        return Ok(("standard input".to_owned(), bytes));
    }
    let name = file.display().to_string();
    bytes = std::fs::read(file).map_err(|error| {
        Diagnostic::error("LNK007", format!("cannot read `{name}`"))
            .cause(error.to_string())
            .fix("name the list that was edited, or `-` for standard input")
    })?;
    Ok((name, bytes))
}

/// Spreadsheets of many countries separate by semicolons or tabs.
fn delimiter(text: &str) -> u8 {
    let header = text.lines().next().unwrap_or_default();
    let count = |delimiter: u8| header.bytes().filter(|byte| *byte == delimiter).count();
    [b',', b';', b'\t'].into_iter().max_by_key(|delimiter| (count(*delimiter), *delimiter == b',')).unwrap_or(b',')
}

/// The text of a cell: the apostrophe that keeps a spreadsheet from calculating is not part of it.
fn plain(cell: &str) -> String {
    let cell = cell.trim();
    let shielded = cell.strip_prefix('\'').filter(|rest| rest.starts_with(['=', '+', '-', '@', '\t', '\r']));
    shielded.unwrap_or(cell).to_owned()
}

fn unusable(name: &str, error: &csv::Error) -> Diagnostic {
    let at = error.position().map(|position| format!("{name}:{}", position.line()));
    let problem = Diagnostic::error("LNK007", format!("`{name}` is not CSV")).cause(error.to_string());
    Diagnostic { at, ..problem.fix("save the list as CSV UTF-8") }
}

struct Row {
    decision: String,
    system: String,
    account: String,
    person: String,
    reason: String,
    expires: String,
}

impl Row {
    fn request(&self, room: &Room<'_>, why: &Why) -> Result<Request, Box<Diagnostic>> {
        let ruling = self.ruling()?;
        let reason = Some(self.reason.trim()).filter(|reason| !reason.is_empty()).or(why.reason.as_deref());
        let Some(reason) = reason.map(str::trim).filter(|reason| !reason.is_empty()) else {
            return Err(Box::new(
                Diagnostic::error("LNK007", "the decision has no reason")
                    .fix("fill the `reason` column, or give one for all rows with --reason"),
            ));
        };
        let expires = match self.expires.as_str() {
            "" => why.expires,
            text => Some(text.parse::<Date>().map_err(|error| {
                Box::new(
                    Diagnostic::error("LNK007", format!("`{text}` is no date"))
                        .cause(error.to_string())
                        .fix("write the last day as 2027-03-31"),
                )
            })?),
        };
        let account = self.account(room)?;
        let person = self.person(room, ruling)?;
        Ok(Request { line: None, ruling, account, person, reason: reason.to_owned(), expires })
    }

    fn ruling(&self) -> Result<Ruling, Box<Diagnostic>> {
        let word = self.decision.to_lowercase();
        Ruling::ALL.into_iter().find(|ruling| ruling.as_str() == word).ok_or_else(|| {
            let near = similar(&word, Ruling::ALL.iter().map(|ruling| ruling.as_str()));
            Box::new(
                Diagnostic::error("LNK007", format!("`{}` is no decision", self.decision))
                    .cause("there are accept, reject, pin and never; an empty cell decides nothing")
                    .maybe_fix(near.map(|near| format!("did you mean `{near}`?"))),
            )
        })
    }

    fn account(&self, room: &Room<'_>) -> Result<NodeIx, Box<Diagnostic>> {
        let graph = &room.estate.graph;
        let Some(system) = graph.system(&self.system) else {
            let near = similar(&self.system, graph.systems().iter().map(String::as_str));
            return Err(Box::new(
                Diagnostic::error("LNK007", format!("there is no system `{}` in the snapshot", self.system))
                    .maybe_fix(near.map(|near| format!("did you mean `{near}`?"))),
            ));
        };
        if let Some(account) = graph.find(system, NodeKind::Account, &self.account) {
            return Ok(account);
        }
        names::account(&room.estate, &format!("{}:{}", self.system, self.account)).map_err(first)
    }

    fn person(&self, room: &Room<'_>, ruling: Ruling) -> Result<Option<PersonIx>, Box<Diagnostic>> {
        if self.person.is_empty() || ruling == Ruling::Never {
            return Ok(None);
        }
        names::person(&room.estate, &self.person).map(Some).map_err(first)
    }
}

/// The one diagnostic of a name that could not be resolved.
fn first(failure: Failure) -> Box<Diagnostic> {
    let told = match failure {
        Failure::Told(diagnostics) => diagnostics.into_iter().next(),
        Failure::Interrupted(_) | Failure::Output(_) => None,
    };
    let problem = told.unwrap_or_else(|| Diagnostic::error("LNK007", "the row cannot be used"));
    Box::new(Diagnostic { code: "LNK007".to_owned(), ..problem })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_spreadsheet_made_of_the_list_is_understood() {
        assert_eq!(delimiter("decision;system;account"), b';');
        assert_eq!(delimiter("decision\tsystem"), b'\t');
        assert_eq!(delimiter("decision"), b',');
        assert_eq!(plain(" '=1+1 "), "=1+1");
        assert_eq!(plain("'tis"), "'tis");
    }
}
