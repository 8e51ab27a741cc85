//! `muster explain ARG`: what a diagnostic code means.

use clap::Args;

use super::outcome::{Failure, Outcome};
use super::output::open;
use super::session::Session;
use crate::diagnostic::{CODES, Diagnostic, manual, similar};

/// Arguments of `muster explain`.
#[derive(Debug, Clone, Args)]
pub struct Arguments {
    /// What to explain: a code as `CFG014`
    pub what: String,
}

/// Prints the page of a code.
///
/// # Errors
/// [`Failure`] when there is no such code.
pub fn run(arguments: &Arguments, _session: &Session) -> Result<Outcome, Failure> {
    let code = manual(&arguments.what).ok_or_else(|| {
        let near = similar(&arguments.what.to_ascii_uppercase(), CODES.iter().map(|code| code.code));
        Diagnostic::error("CLI001", format!("there is nothing called `{}` to explain", arguments.what))
            .cause("it was looked for among the diagnostic codes")
            .maybe_fix(near.map(|near| format!("did you mean `{near}`?")))
    })?;
    let mut out = open(None)?;
    writeln!(out, "{}: {}\n\n{}", code.code, code.title, fill(code.text, 100))?;
    out.flush()?;
    Ok(Outcome::answered())
}

/// `text` in lines of at most `width` characters.
fn fill(text: &str, width: usize) -> String {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last().map_or(0, |line| line.chars().count());
        match lines.last_mut() {
            Some(last) if line == 0 => last.push_str(word),
            Some(last) if line + 1 + word.chars().count() <= width => {
                last.push(' ');
                last.push_str(word);
            }
            Some(_) | None => lines.push(word.to_owned()),
        }
    }
    lines.join("\n")
}
