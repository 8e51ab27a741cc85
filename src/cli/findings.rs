//! `muster findings list|show`: what the last check found.

use std::io::Write as _;

use clap::{Args, Subcommand};
use muster_reports::view::{Finding, Severity, View};

use super::Which;
use super::outcome::{Failure, Outcome};
use super::output::{Choice, open, targets};
use super::session::Session;
use super::tables::plain_table;
use crate::check;
use crate::diagnostic::{Diagnostic, visible};

/// Arguments of `muster findings`.
#[derive(Debug, Clone, Args)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub action: Option<Action>,
    /// Only findings of this rule
    #[arg(long, value_name = "RULE", global = true)]
    pub rule: Vec<String>,
    /// Only findings about this system
    #[arg(long, value_name = "NAME", global = true)]
    pub system: Vec<String>,
    /// Only findings of at least this severity
    #[arg(long, value_name = "SEVERITY", global = true)]
    pub severity: Option<Severity>,
    /// Which snapshot.
    #[command(flatten)]
    pub which: Which,
}

/// What to do.
#[derive(Debug, Clone, Subcommand)]
pub enum Action {
    /// List them, gravest first
    List,
    /// Show one with its evidence and its fix
    Show {
        /// Its fingerprint, or a unique start of it
        fingerprint: String,
    },
}

/// Lists or shows.
///
/// # Errors
/// [`Failure`] when the snapshot was never checked, or there is no such finding.
pub fn run(arguments: &Arguments, session: &Session) -> Result<Outcome, Failure> {
    let view = last_view(session, &arguments.which)?;
    match &arguments.action {
        None | Some(Action::List) => list(arguments, session, &view),
        Some(Action::Show { fingerprint }) => {
            let finding = find(&view, fingerprint)?;
            let mut out = open(None)?;
            out.write_all(page(finding).as_bytes())?;
            out.close()?;
            Ok(Outcome::answered())
        }
    }
}

/// The view of the last check of the snapshot that is asked about.
///
/// # Errors
/// [`Failure`] when it was never checked.
pub(super) fn last_view(session: &Session, which: &Which) -> Result<View, Failure> {
    let config = session.config()?;
    let store = session.existing_store(&config)?;
    let sequence = session.snapshot(&store, which)?.manifest().header.sequence;
    check::stored_view(&store, sequence)?.ok_or_else(|| {
        Diagnostic::error("CHK001", format!("snapshot {sequence} has not been checked by this version"))
            .fix(format!("run `muster check --snapshot {sequence}`"))
            .into()
    })
}

/// The finding whose fingerprint starts so.
///
/// # Errors
/// [`Failure`] when there is none, or several.
pub(super) fn find<'v>(view: &'v View, start: &str) -> Result<&'v Finding, Failure> {
    let wanted = start.to_lowercase();
    let mut found = view.findings.iter().filter(|finding| finding.fingerprint.starts_with(&wanted));
    match (found.next(), found.next()) {
        (Some(finding), None) => Ok(finding),
        (None, _) => Err(Diagnostic::error("CHK002", format!("no finding's fingerprint starts with `{start}`"))
            .fix("`muster findings list` shows them")
            .into()),
        (Some(_), Some(_)) => {
            Err(Diagnostic::error("CHK002", format!("several findings' fingerprints start with `{start}`"))
                .fix("write more of it")
                .into())
        }
    }
}

fn list(arguments: &Arguments, session: &Session, view: &View) -> Result<Outcome, Failure> {
    let wanted = |finding: &&Finding| {
        let rule = arguments.rule.is_empty()
            || arguments.rule.iter().any(|rule| finding.rule.eq_ignore_ascii_case(rule) || finding.slug == *rule);
        let system = arguments.system.is_empty()
            || finding.subject.system.as_ref().is_some_and(|system| arguments.system.contains(system));
        rule && system && arguments.severity.is_none_or(|severity| finding.severity >= severity)
    };
    let findings: Vec<&Finding> = view.findings.iter().filter(wanted).collect();
    let choices = [Choice { name: "table", ending: "txt" }, Choice { name: "json", ending: "json" }];
    for (choice, file) in targets(&session.global.output, &choices)? {
        let mut out = open(file.as_deref())?;
        if choice.name == "json" {
            let document = serde_json::to_string_pretty(&findings).map_err(std::io::Error::from)?;
            out.write_all(muster_reports::escape::json(&document).as_bytes())?;
            writeln!(out)?;
        } else {
            let mut table = plain_table(&["fingerprint", "severity", "rule", "system", "what"]);
            for finding in &findings {
                table.add_row([
                    finding.fingerprint[..12].to_owned(),
                    finding.severity.to_string(),
                    finding.rule.clone(),
                    visible(finding.subject.system.as_deref().unwrap_or("-")).into_owned(),
                    visible(&finding.message).into_owned(),
                ]);
            }
            if !findings.is_empty() {
                writeln!(out, "{}", table.trim_fmt())?;
            }
        }
        out.close()?;
    }
    if !view.outcome.complete {
        let note = Diagnostic::warning("CHK003", "the snapshot is incomplete: what was not read has no findings")
            .fix("`muster snapshots show` names what is missing");
        session.tell(&note);
    }
    Ok(Outcome::answered())
}

/// A finding in full, for a terminal.
pub(super) fn page(finding: &Finding) -> String {
    let mut lines = vec![
        format!("{}: {} ({})", finding.rule, finding.title, finding.severity),
        String::new(),
        visible(&finding.message).into_owned(),
    ];
    if let Some(reason) = &finding.severity_reason {
        lines.push(format!("Severity {}: {}", finding.severity, visible(reason)));
    }
    if !finding.path.is_empty() {
        lines.push(String::new());
        lines.push("Path".to_owned());
        for step in &finding.path {
            let condition = step.condition.as_ref().map(|text| format!(" ({})", visible(text))).unwrap_or_default();
            lines.push(format!("  {} {} {}{condition}", visible(&step.from), step.relation, visible(&step.to)));
        }
    }
    lines.push(String::new());
    lines.push("Evidence".to_owned());
    for row in &finding.evidence {
        let collected = row.collected.map(|at| format!(", collected {at}")).unwrap_or_default();
        lines.push(format!("  {}.{} {}{collected}", visible(&row.system), row.table, visible(&row.id)));
        for (name, value) in &row.facts {
            lines.push(format!("    {name} = {}", visible(value)));
        }
    }
    lines.push(String::new());
    lines.push(format!("Fix: {}", finding.fix));
    lines.push(format!("Controls: {}", finding.controls.join("; ")));
    lines.push(format!("First seen {}, last seen {}", finding.first_seen, finding.last_seen));
    lines.push(format!("Fingerprint {}", finding.fingerprint));
    lines.push(String::new());
    lines.join("\n")
}
