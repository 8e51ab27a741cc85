//! `muster exceptions list|unused`: risks that somebody accepted, and what each of them does.

use std::io::Write as _;

use clap::{Args, Subcommand};
use muster_reports::view::ExceptionNote;

use super::Which;
use super::findings::decided_view;
use super::outcome::{Failure, Outcome};
use super::output::{Choice, open, targets};
use super::session::Session;
use super::tables::plain_table;
use crate::diagnostic::visible;

/// Arguments of `muster exceptions`.
#[derive(Debug, Clone, Args)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub action: Option<Action>,
    /// Which snapshot.
    #[command(flatten)]
    pub which: Which,
}

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Subcommand)]
pub enum Action {
    /// List them with their state: in force, expired, not approved, unused, evidence changed, withdrawn
    List,
    /// List those that cover nothing: unused and expired ones, and those whose evidence changed
    Unused,
}

/// Lists.
///
/// # Errors
/// [`Failure`] when the snapshot was never checked.
pub fn run(arguments: &Arguments, session: &Session) -> Result<Outcome, Failure> {
    let config = session.config()?;
    let view = decided_view(session, &config, &arguments.which)?;
    let only_unused = arguments.action == Some(Action::Unused);
    let idle = |note: &&ExceptionNote| !only_unused || (note.covers == 0 && note.state != "withdrawn");
    let notes: Vec<&ExceptionNote> = view.exceptions.iter().filter(idle).collect();
    let choices = [Choice { name: "table", ending: "txt" }, Choice { name: "json", ending: "json" }];
    for (choice, file) in targets(&session.global.output, &choices)? {
        let mut out = open(file.as_deref())?;
        if choice.name == "json" {
            muster_reports::escape::write_json(&mut out, &notes)?;
        } else if !notes.is_empty() {
            let mut table = plain_table(&["id", "state", "expires", "owner", "approver", "covers", "what", "at"]);
            for note in &notes {
                let text = |text: &Option<String>| visible(text.as_deref().unwrap_or("-")).into_owned();
                table.add_row([
                    visible(&note.id).into_owned(),
                    note.state.clone(),
                    text(&note.expires),
                    text(&note.owner),
                    text(&note.approver),
                    note.covers.to_string(),
                    visible(&note.what).into_owned(),
                    visible(&note.at).into_owned(),
                ]);
            }
            writeln!(out, "{}", table.trim_fmt())?;
        }
        out.close()?;
    }
    Ok(Outcome::answered())
}
