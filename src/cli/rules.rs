//! `muster rules list|coverage|show`: what is judged, what waits and for what, and how far the last check came.

mod coverage;

use std::collections::BTreeMap;
use std::io::Write as _;

use clap::{Args, Subcommand};
use serde_json::{Value as Json, json};

use super::Which;
use super::outcome::{Failure, Outcome};
use super::output::{Choice, open, targets};
use super::prose::fill;
use super::session::Session;
use super::tables::plain_table;
use crate::check;
use crate::controls;
use crate::diagnostic::{Diagnostic, similar};
use crate::rules::catalogue::{self, Entry, Input};
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
    /// List every rule of the catalogue: built, switched off, or what it waits for
    List(Filter),
    /// Show how far each rule came in each system in the last check
    Coverage {
        /// Which rules.
        #[command(flatten)]
        filter: Filter,
        /// Only this system
        #[arg(long, value_name = "NAME")]
        system: Vec<String>,
        /// Which snapshot.
        #[command(flatten)]
        which: Which,
    },
    /// Show a rule's manual, or what it waits for
    Show {
        /// Id or slug
        rule: String,
    },
}

/// Which rules.
#[derive(Debug, Clone, Default, Args)]
pub struct Filter {
    /// Only rules of this family, as ORP
    #[arg(long, value_name = "FAMILY")]
    pub family: Vec<String>,
    /// Only rules that are built
    #[arg(long)]
    pub built: bool,
    /// Only rules that wait for a source
    #[arg(long, conflicts_with = "built")]
    pub waiting: bool,
}

impl Filter {
    /// Whether a team's own rules are among what is asked for.
    fn has_own(&self) -> bool {
        self.family.is_empty() && !self.waiting
    }

    fn entries(&self) -> Result<Vec<&'static Entry>, Failure> {
        for family in &self.family {
            if !catalogue::entries().iter().any(|entry| entry.family().eq_ignore_ascii_case(family)) {
                let mut families: Vec<&str> = catalogue::entries().iter().map(Entry::family).collect();
                families.dedup();
                return Err(Diagnostic::error("CLI001", format!("there is no family of rules `{family}`"))
                    .fix(format!("the families are {}", families.join(", ")))
                    .into());
            }
        }
        let wanted = |entry: &&Entry| {
            let waits = entry.waits_for.is_some();
            let family = self.family.is_empty() || self.family.iter().any(|f| entry.family().eq_ignore_ascii_case(f));
            family && !(self.built && waits) && (!self.waiting || waits)
        };
        Ok(catalogue::entries().iter().filter(wanted).collect())
    }
}

/// Lists or shows.
///
/// # Errors
/// [`Failure`] when there is no such rule, or the config or check that is asked about cannot be used.
pub fn run(arguments: &Arguments, session: &Session) -> Result<Outcome, Failure> {
    match &arguments.action {
        None => list(&Filter::default(), session),
        Some(Action::List(filter)) => list(filter, session),
        Some(Action::Coverage { filter, system, which }) => coverage::run(filter, system, which, session),
        Some(Action::Show { rule }) => {
            let page = manual(rule).ok_or_else(|| unknown(rule))?;
            let mut out = open(None)?;
            out.write_all(page.as_bytes())?;
            out.close()?;
            Ok(Outcome::answered())
        }
    }
}

fn unknown(name: &str) -> Failure {
    let near = similar(&name.to_ascii_uppercase(), catalogue::entries().iter().map(|entry| entry.id.as_str()))
        .or_else(|| similar(name, RULES.iter().map(|rule| rule.slug)));
    Diagnostic::error("CLI001", format!("there is no rule `{name}`"))
        .maybe_fix(near.map(|near| format!("did you mean `{near}`?")))
        .into()
}

/// Rules that the config switches off, with why; none without a config.
fn switched_off(session: &Session) -> Result<BTreeMap<String, String>, Failure> {
    if !session.config_path().exists() {
        return Ok(BTreeMap::new());
    }
    let options = check::options(&session.config()?).map_err(Failure::Told)?;
    Ok(options.disabled)
}

/// Where a rule stands, in the words of a table.
fn state(entry: &Entry, off: &BTreeMap<String, String>) -> String {
    match (&entry.waits_for, off.get(&entry.id)) {
        (Some(what), _) => format!("waits for {what}"),
        (None, Some(why)) if why.is_empty() => "off".to_owned(),
        (None, Some(why)) => format!("off: {why}"),
        (None, None) => "on".to_owned(),
    }
}

fn list(filter: &Filter, session: &Session) -> Result<Outcome, Failure> {
    let entries = filter.entries()?;
    let off = switched_off(session)?;
    let choices = [Choice { name: "table", ending: "txt" }, Choice { name: "json", ending: "json" }];
    for (choice, file) in targets(&session.global.output, &choices)? {
        let mut out = open(file.as_deref())?;
        if choice.name == "json" {
            let rows: Vec<Json> = entries.iter().map(|entry| row(entry, &off)).collect();
            muster_reports::escape::write_json(&mut out, &rows)?;
        } else {
            let mut table = plain_table(&["rule", "priority", "severity", "judges", "finds", "inputs", "state"]);
            for entry in &entries {
                table.add_row([
                    entry.id.clone(),
                    format!("P{}", entry.priority),
                    entry.severity.to_string(),
                    entry.rule().map_or("-", |rule| rule.population.as_str()).to_owned(),
                    entry.title.clone(),
                    inputs(entry),
                    crate::diagnostic::visible(&state(entry, &off)).into_owned(),
                ]);
            }
            writeln!(out, "{}", table.trim_fmt())?;
        }
        out.close()?;
    }
    let waiting = entries.iter().filter(|entry| entry.waits_for.is_some()).count();
    let off = entries.iter().filter(|entry| off.contains_key(&entry.id)).count();
    let built = entries.len() - waiting;
    Ok(Outcome::new(
        super::outcome::Exit::Clean,
        format!("{} rules: {built} built, {off} of them switched off, {waiting} waiting for a source", entries.len()),
    ))
}

fn inputs(entry: &Entry) -> String {
    entry.inputs.iter().map(|input| Input::as_str(*input)).collect::<Vec<_>>().join(", ")
}

fn row(entry: &Entry, off: &BTreeMap<String, String>) -> Json {
    let state = match (&entry.waits_for, off.get(&entry.id)) {
        (Some(_), _) => "waiting",
        (None, Some(_)) => "off",
        (None, None) => "on",
    };
    let mut row = json!({
        "id": entry.id,
        "title": entry.title,
        "priority": entry.priority,
        "severity": entry.severity,
        "inputs": entry.inputs,
        "state": state,
    });
    if let Some(what) = &entry.waits_for {
        row["waits_for"] = json!(what);
    }
    if let Some(why) = off.get(&entry.id) {
        row["reason"] = json!(why);
    }
    if let Some(rule) = entry.rule() {
        row["slug"] = json!(rule.slug);
        row["judges"] = json!(rule.population.as_str());
        row["controls"] = json!(controls::controls(rule.controls));
        row["options"] =
            rule.options.iter().map(|o| json!({"name": o.name, "default": o.default, "about": o.about})).collect();
    }
    row
}

/// The page of a rule that is built, or of one that waits; `None` when there is no such rule.
pub(super) fn manual(name: &str) -> Option<String> {
    if let Some(rule) = rules::find(name) {
        return Some(page(rule));
    }
    let entry = catalogue::entries().iter().find(|entry| entry.id.eq_ignore_ascii_case(name))?;
    let what = entry.waits_for.as_deref()?;
    let why = format!(
        "Every subject is not evaluated: no source supplies {what}. The rule is in the catalogue so that what is not judged is seen; it rests on {}.",
        inputs(entry),
    );
    Some(format!("{}: {} ({}, P{})\n\n{}\n", entry.id, entry.title, entry.severity, entry.priority, fill(&why, 100)))
}

/// A rule's manual, for a terminal.
fn page(rule: &Rule) -> String {
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
