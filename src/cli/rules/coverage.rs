//! `muster rules coverage`: rule × system of one check. What is not judged stands beside what is.

use std::collections::BTreeMap;
use std::io::Write as _;

use muster_reports::view::{Reason, RuleSummary, RuleSystem, State, View};
use serde_json::{Value as Json, json};

use super::{Filter, targets};
use crate::cli::Which;
use crate::cli::outcome::{Exit, Failure, Outcome};
use crate::cli::output::{Choice, open};
use crate::cli::session::Session;
use crate::cli::tables::{plain_table, right_align};
use crate::diagnostic::{Diagnostic, visible};
use crate::findings::kept;
use crate::rules::catalogue::{self, Entry};

/// One line: a rule in a system, or a rule that waits.
#[derive(Debug, Default)]
struct Line {
    rule: String,
    system: Option<String>,
    population: u64,
    pass: u64,
    fail: u64,
    excepted: u64,
    not_evaluated: u64,
    reasons: Vec<Reason>,
}

/// Prints the table of one check.
///
/// # Errors
/// [`Failure`] when the snapshot was not checked by this version.
pub(super) fn run(filter: &Filter, systems: &[String], which: &Which, session: &Session) -> Result<Outcome, Failure> {
    let entries = filter.entries()?;
    let config = session.config()?;
    let store = session.existing_store(&config)?;
    let sequence = session.snapshot(&store, which)?.manifest().header.sequence;
    let unchecked = || {
        Diagnostic::error("CHK001", format!("snapshot {sequence} has not been checked by this version"))
            .fix(format!("run `muster check --snapshot {sequence}`"))
    };
    let view = kept::view(&store, sequence)?.ok_or_else(unchecked)?;
    let excepted = excepted(&view);
    // What is judged by system has subjects in one; an older version counted none.
    if view.rules.iter().all(|rule| rule.systems.is_empty()) {
        return Err(unchecked().into());
    }
    let waits_for = |entry: &&'static Entry| (entry.id.as_str(), entry.waits_for.as_deref());
    // A team's own rules are in no catalogue: they are there because they were judged.
    let is_own = |rule: &&RuleSummary| catalogue::entries().iter().all(|entry| entry.id != rule.rule);
    let own = view.rules.iter().filter(|rule| filter.has_own() && is_own(rule)).map(|rule| (rule.rule.as_str(), None));
    let lines: Vec<Line> = entries
        .iter()
        .map(waits_for)
        .chain(own)
        .flat_map(|(rule, waits_for)| lines(rule, waits_for, &view, &excepted))
        .filter(|line| systems.is_empty() || line.system.as_ref().is_some_and(|system| systems.contains(system)))
        .collect();
    write(&lines, session)?;
    let judged = lines.iter().filter(|line| line.pass + line.fail > 0).count();
    let open = lines.iter().filter(|line| line.not_evaluated > 0).count();
    let waiting = entries.iter().filter(|entry| entry.waits_for.is_some()).count();
    let what =
        format!("{judged} of rule and system judged, {open} not or not wholly; {waiting} rules wait for a source");
    Ok(Outcome::new(Exit::Clean, what))
}

/// Findings that somebody accepted for a time, by rule and system.
fn excepted(view: &View) -> BTreeMap<(String, String), u64> {
    let mut counts = BTreeMap::new();
    for finding in view.findings.iter().filter(|finding| finding.state == State::Accepted) {
        let system = finding.subject.system.clone().unwrap_or_default();
        *counts.entry((finding.rule.clone(), system)).or_default() += 1;
    }
    counts
}

/// The lines of one rule: one a system that it has subjects in, else one that says why there is none.
fn lines(id: &str, waits_for: Option<&str>, view: &View, excepted: &BTreeMap<(String, String), u64>) -> Vec<Line> {
    let alone = |cause: String| {
        let reasons = vec![Reason { cause, subjects: 0 }];
        vec![Line { rule: id.to_owned(), reasons, ..Line::default() }]
    };
    if let Some(what) = waits_for {
        return alone(format!("no source supplies {what}"));
    }
    let Some(rule) = view.rules.iter().find(|rule| rule.rule == id) else {
        return alone("the check is older than the rule".to_owned());
    };
    // Accepted risks, safeguards and the like belong to no system.
    if rule.systems.is_empty() {
        let RuleSummary { population, pass, fail, not_evaluated, .. } = *rule;
        let reasons = rule.reasons.clone();
        return vec![Line { rule: id.to_owned(), population, pass, fail, not_evaluated, reasons, ..Line::default() }];
    }
    let line = |of: &RuleSystem| {
        let key = (id.to_owned(), of.system.clone());
        let excepted = excepted.get(&key).copied().unwrap_or_default();
        Line {
            rule: key.0,
            system: Some(key.1),
            population: of.population,
            pass: of.pass,
            fail: of.fail,
            excepted,
            not_evaluated: of.not_evaluated,
            reasons: of.reasons.clone(),
        }
    };
    rule.systems.iter().map(line).collect()
}

impl Line {
    /// Why subjects were not evaluated: the first cause, and how many more there are.
    fn why(&self) -> String {
        match self.reasons.as_slice() {
            [] if self.population == 0 => "nothing that it is about".to_owned(),
            [] => String::new(),
            [one] => one.cause.clone(),
            [first, rest @ ..] => format!("{} ({}), and {} more", first.cause, first.subjects, rest.len()),
        }
    }

    fn json(&self) -> Json {
        json!({
            "rule": self.rule,
            "system": self.system,
            "population": self.population,
            "pass": self.pass,
            "fail": self.fail,
            "excepted": self.excepted,
            "not_evaluated": self.not_evaluated,
            "reasons": self.reasons,
        })
    }
}

fn write(lines: &[Line], session: &Session) -> Result<(), Failure> {
    let choices = [Choice { name: "table", ending: "txt" }, Choice { name: "json", ending: "json" }];
    for (choice, file) in targets(&session.global.output, &choices)? {
        let mut out = open(file.as_deref())?;
        if choice.name == "json" {
            let rows: Vec<Json> = lines.iter().map(Line::json).collect();
            muster_reports::escape::write_json(&mut out, &rows)?;
        } else {
            let header = ["rule", "system", "population", "pass", "failed", "excepted", "not evaluated", "why"];
            let mut table = plain_table(&header);
            right_align(&mut table, &[2, 3, 4, 5, 6]);
            for line in lines {
                table.add_row([
                    line.rule.clone(),
                    visible(line.system.as_deref().unwrap_or("-")).into_owned(),
                    line.population.to_string(),
                    line.pass.to_string(),
                    line.fail.to_string(),
                    line.excepted.to_string(),
                    line.not_evaluated.to_string(),
                    visible(&line.why()).into_owned(),
                ]);
            }
            writeln!(out, "{}", table.trim_fmt())?;
        }
        out.close()?;
    }
    Ok(())
}
