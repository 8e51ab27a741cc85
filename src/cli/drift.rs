//! `muster drift`: what changed without a reason, type by type, with what would explain it.

use std::io::{self, Write};

use clap::{Args, builder::PossibleValuesParser};
use muster_reports::escape;
use muster_reports::view::Finding;
use serde_json::json;

use super::Which;
use super::outcome::{Exit, Failure, Outcome};
use super::output::{Choice, open, targets};
use super::session::Session;
use super::tables::{plain_table, right_align};
use crate::check::Estate;
use crate::check::drift::{Drift, OfType, asked, only, wanted};
use crate::diagnostic::visible;
use crate::drift::DRIFT_TYPES;
use crate::findings::kept;
use crate::report::Ending;

/// Arguments of `muster drift`.
#[derive(Debug, Clone, Args)]
pub struct Arguments {
    /// Only this type of drift. May be repeated
    #[arg(long = "type", value_name = "TYPE", ignore_case = true, value_parser = PossibleValuesParser::new(DRIFT_TYPES.iter().map(|drift| drift.id)))]
    pub types: Vec<String>,
    /// The earlier snapshot: its number, its hash or a start of it. Default: the one before `--to`
    #[arg(long, value_name = "SNAPSHOT")]
    pub from: Option<String>,
    /// The snapshot that is judged
    #[arg(long, value_name = "SNAPSHOT", default_value = "latest")]
    pub to: String,
    /// Items that the table shows of each type; 0 for all. Files and JSON always have all
    #[arg(long, value_name = "NUMBER", default_value_t = 20)]
    pub limit: usize,
}

const CHOICES: [Choice; 2] = [Choice { name: "table", ending: "txt" }, Choice { name: "json", ending: "json" }];

/// Judges the drift of a snapshot. Ends as `check` does, counting what drifted.
///
/// # Errors
/// [`Failure`] when a snapshot or the config cannot be used.
pub fn run(arguments: &Arguments, session: &Session) -> Result<Outcome, Failure> {
    let config = session.config()?;
    let store = session.existing_store(&config)?;
    let outputs = targets(&session.global.output, &CHOICES)?;
    let open_one = |name: &String| session.snapshot(&store, &Which { snapshot: Some(name.clone()), as_of: None });
    let (from, to) = (arguments.from.as_ref().map(open_one).transpose()?, open_one(&arguments.to)?);
    let now = session.now(&config);
    let mut estate = Estate::load(&to, &config, now)?;
    if let Some(from) = from {
        estate = estate.compared_with(from);
    }
    let types = wanted(&arguments.types);
    let history = kept::history(&store, to.manifest().header.sequence)?;
    let check = estate.check_by(&asked(&types), &config, &history, now).map_err(Failure::Told)?;
    let check = only(check, &types);
    let ending = Ending::of(&check, to.manifest(), config.fail_on.value, session.global.allow_partial, now);
    let twice =
        config.policy.declared.iter().filter_map(|source| source.state.as_ref().ok()).map(|things| things.joint);
    let past = &estate.since()?.past;
    let drift = Drift::of(&estate, past, &check, &types, twice.sum());
    let header = &to.manifest().header;
    let answer = Answer { drift: &drift, before: past.before(), after: (header.sequence, header.taken) };
    for (choice, file) in outputs {
        let mut out = open(file.as_deref())?;
        match choice.name {
            "json" => answer.json(&mut out)?,
            _ => answer.table(if file.is_some() { 0 } else { arguments.limit }, &mut out)?,
        }
        out.close()?;
    }
    let exit = match ending.code() {
        0 => Exit::Clean,
        1 => Exit::Findings,
        _ => Exit::Incomplete,
    };
    Ok(Outcome::new(exit, format!("{} things drifted: {}", drift.drifted(), ending.reason(check.findings.len()))))
}

/// An answer, ready to be told.
struct Answer<'a> {
    drift: &'a Drift,
    before: Option<(u64, jiff::Timestamp)>,
    after: (u64, jiff::Timestamp),
}

impl Answer<'_> {
    fn json(&self, out: &mut impl Write) -> io::Result<()> {
        let header = |(number, taken): (u64, jiff::Timestamp)| json!({ "number": number, "taken": taken });
        let document = json!({
            "version": 1,
            "before": self.before.map(header),
            "after": header(self.after),
            "identities": self.drift.identities,
            "types": self.drift.types,
            "noise": self.drift.noise,
        });
        escape::write_json(out, &document)
    }

    fn table(&self, limit: usize, out: &mut impl Write) -> io::Result<()> {
        match self.before {
            Some((number, taken)) => writeln!(out, "from  snapshot {number}, taken {taken}")?,
            None => writeln!(out, "from  nothing: there is no earlier snapshot")?,
        }
        writeln!(out, "to    snapshot {}, taken {}", self.after.0, self.after.1)?;
        writeln!(out, "      {} accounts in scopes that were read completely\n", self.drift.identities)?;
        let mut table = plain_table(&["type", "name", "drifted", "rate", "not comparable"]);
        right_align(&mut table, &[2, 3, 4]);
        for of in &self.drift.types {
            let cells = match &of.not_evaluated {
                Some(_) => ["-".to_owned(), "-".to_owned(), "not evaluated".to_owned()],
                None => [of.drifted.to_string(), percent(of.rate), percent(of.not_comparable_share)],
            };
            let [drifted, rate, open] = cells;
            table.add_row([of.id.to_owned(), of.name.to_owned(), drifted, rate, open]);
        }
        table.lines().try_for_each(|line| writeln!(out, "{}", line.trim_end()))?;
        for of in self.drift.types.iter().filter(|of| !of.items.is_empty()) {
            section(of, limit, out)?;
        }
        self.left_open(out)?;
        if !self.drift.noise.is_empty() {
            writeln!(out, "\nONLY LOOKS LIKE DRIFT")?;
            for step in &self.drift.noise {
                writeln!(out, "  {}: {}, {}", step.step, step.count, step.about)?;
            }
        }
        Ok(())
    }

    fn left_open(&self, out: &mut impl Write) -> io::Result<()> {
        let is_open = |of: &&OfType| of.not_evaluated.is_some() || !of.reasons.is_empty() || !of.waiting.is_empty();
        if !self.drift.types.iter().any(|of| is_open(&of)) {
            return Ok(());
        }
        writeln!(out, "\nNOT EVALUATED")?;
        for of in self.drift.types.iter().filter(is_open) {
            if let Some(why) = &of.not_evaluated {
                writeln!(out, "  {} {}: {why}", of.id, of.name)?;
                continue;
            }
            for reason in &of.reasons {
                writeln!(
                    out,
                    "  {} {}: {} of {}: {}",
                    of.id,
                    of.name,
                    reason.subjects,
                    of.population,
                    visible(&reason.cause)
                )?;
            }
            for one in &of.waiting {
                writeln!(out, "  {} {}: {} waits: no source supplies {}", of.id, of.name, one.rule, one.waits_for)?;
            }
        }
        Ok(())
    }
}

/// The items of one type, and what would explain them.
fn section(of: &OfType, limit: usize, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "\n{} {}: {}", of.id, of.name, of.compares)?;
    let shown = if limit == 0 { of.items.len() } else { limit };
    let mut table = plain_table(&[]);
    table.set_header(Vec::<String>::new());
    for item in of.items.iter().take(shown) {
        let Finding { severity, rule, message, .. } = item;
        table.add_row([format!("  {severity}"), rule.clone(), visible(message).into_owned()]);
    }
    table.lines().try_for_each(|line| writeln!(out, "{}", line.trim_end()))?;
    if of.items.len() > shown {
        writeln!(out, "  … {} more; `--limit 0` or `-o json` show all", of.items.len() - shown)?;
    }
    writeln!(out, "  would be explained by {}", of.explained_by)
}

fn percent(share: Option<f64>) -> String {
    share.map_or_else(|| "-".to_owned(), |share| format!("{:.2} %", share * 100.0))
}
