//! `muster rules list|show`: what is judged.

use std::io::Write as _;

use clap::{Args, Subcommand};
use serde_json::{Value as Json, json};

use super::outcome::{Failure, Outcome};
use super::output::{Choice, open, targets};
use super::prose::fill;
use super::session::Session;
use super::tables::plain_table;
use crate::controls;
use crate::diagnostic::{Diagnostic, similar};
use crate::rules::{self, RULES, Rule};

/// Arguments of `muster rules`.
#[derive(Debug, Clone, Args)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub action: Option<Action>,
}

/// What to do.
#[derive(Debug, Clone, Subcommand)]
pub enum Action {
    /// List the rules
    List,
    /// Show a rule's manual
    Show {
        /// Id or slug
        rule: String,
    },
}

/// Lists or shows.
///
/// # Errors
/// [`Failure`] when there is no such rule.
pub fn run(arguments: &Arguments, session: &Session) -> Result<Outcome, Failure> {
    match &arguments.action {
        None | Some(Action::List) => list(session),
        Some(Action::Show { rule }) => {
            let found = rules::find(rule).ok_or_else(|| unknown(rule))?;
            let mut out = open(None)?;
            out.write_all(page(found).as_bytes())?;
            out.close()?;
            Ok(Outcome::answered())
        }
    }
}

fn unknown(name: &str) -> Failure {
    let near = similar(&name.to_ascii_uppercase(), RULES.iter().map(|rule| rule.id))
        .or_else(|| similar(name, RULES.iter().map(|rule| rule.slug)));
    Diagnostic::error("CLI001", format!("there is no rule `{name}`"))
        .maybe_fix(near.map(|near| format!("did you mean `{near}`?")))
        .into()
}

fn list(session: &Session) -> Result<Outcome, Failure> {
    let choices = [Choice { name: "table", ending: "txt" }, Choice { name: "json", ending: "json" }];
    for (choice, file) in targets(&session.global.output, &choices)? {
        let mut out = open(file.as_deref())?;
        if choice.name == "json" {
            let rows: Vec<Json> = RULES.iter().map(|rule| row(rule)).collect();
            let document = serde_json::to_string_pretty(&rows).map_err(std::io::Error::from)?;
            out.write_all(muster_reports::escape::json(&document).as_bytes())?;
            writeln!(out)?;
        } else {
            let mut table = plain_table(&["rule", "severity", "judges", "finds"]);
            for rule in RULES {
                table.add_row([rule.id, rule.severity.as_str(), rule.population.as_str(), rule.title]);
            }
            writeln!(out, "{}", table.trim_fmt())?;
        }
        out.close()?;
    }
    Ok(Outcome::answered())
}

fn row(rule: &Rule) -> Json {
    json!({
        "id": rule.id,
        "slug": rule.slug,
        "title": rule.title,
        "severity": rule.severity,
        "judges": rule.population.as_str(),
        "controls": controls::controls(rule.controls),
        "options": rule.options.iter().map(|o| json!({"name": o.name, "default": o.default, "about": o.about})).collect::<Vec<_>>(),
    })
}

/// A rule's manual, for a terminal.
pub(super) fn page(rule: &Rule) -> String {
    let mut text = format!("{} {}: {} ({})\n", rule.id, rule.slug, rule.title, rule.severity);
    let manual = &rule.manual;
    let sections = [
        ("What it finds", manual.finds),
        ("Why it matters", manual.matters),
        ("Evidence", manual.evidence),
        ("How to fix", manual.fix),
        ("Known limits", manual.limits),
    ];
    for (heading, body) in sections {
        text.push_str(&format!("\n{heading}\n{}\n", fill(body, 100)));
    }
    if !rule.options.is_empty() {
        text.push_str(&format!("\nOptions, in [rules.{}]\n", rule.id));
        for option in rule.options {
            text.push_str(&format!("{} = {}: {}\n", option.name, option.default, option.about));
        }
    }
    text.push_str(&format!("\nControls\n{}\n", fill(&controls::controls(rule.controls).join("; "), 100)));
    text
}
