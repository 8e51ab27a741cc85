//! `muster check`: judge a stored snapshot and keep the findings.

use clap::Args;
use muster_reports::view::View;
use muster_reports::{FORMATS, Look};

use super::Which;
use super::outcome::{Exit, Failure, Outcome};
use super::output::{Choice, Output, open, targets};
use super::session::Session;
use crate::check::{self, Estate, links, persons};
use crate::config::Config;
use crate::report::{self, Ending, Walk};
use crate::snapshot::{CheckRows, Lock, Snapshot, Store};

/// Arguments of `muster check`.
#[derive(Debug, Clone, Default, Args)]
pub struct Arguments {
    /// Which snapshot.
    #[command(flatten)]
    pub which: Which,
}

/// Judges, keeps the findings beside the snapshot, and writes the report.
///
/// # Errors
/// [`Failure`] when the snapshot or the config cannot be used.
pub fn run(arguments: &Arguments, session: &Session) -> Result<Outcome, Failure> {
    let config = session.config()?;
    let store = session.existing_store(&config)?;
    let snapshot = session.snapshot(&store, &arguments.which)?;
    judge(session, &config, &store, &snapshot, None)
}

/// Judges `snapshot`, keeps the findings and writes what `-o` asks for.
///
/// # Errors
/// [`Failure`] when the snapshot, the config or an output cannot be used.
pub(super) fn judge(
    session: &Session,
    config: &Config,
    store: &Store,
    snapshot: &Snapshot,
    lock: Option<Lock>,
) -> Result<Outcome, Failure> {
    // Outputs are settled first: a misspelt format must not cost a scan.
    let outputs = formats(&session.global.output)?;
    let now = session.now(config);
    let manifest = snapshot.manifest();
    let estate = Estate::load(snapshot, config, now)?;
    let history = check::history(store, manifest.header.sequence)?;
    let checked = estate.check(config, &history, now).map_err(Failure::Told)?;
    let ending = Ending::of(&checked, manifest, config.fail_on.value, session.global.allow_partial, now);
    let rows = CheckRows { findings: check::findings_frame(&checked), links: links::kept_frame(&estate, now) };
    let churn = links::churn(store, manifest.header.sequence, &estate, now)?;
    for problem in links::decision_problems(&estate).into_iter().chain(persons::decision_problems(&estate, config, now))
    {
        session.tell(&problem);
    }
    let mut view = report::view(&estate, checked, manifest, &ending, now);
    view.people.churn = churn.as_ref().map(|(since, churn)| report::links::churn(*since, churn));
    let json = serde_json::to_value(&view).map_err(std::io::Error::from)?;
    let lock = match lock {
        Some(held) => held,
        None => session.lock(store)?,
    };
    store.write_check(&lock, manifest.header.sequence, rows, &json)?;
    drop(lock);
    write(session, &view, &Walk { estate: &estate, churn: churn.as_ref().map(|(_, churn)| churn), now }, &outputs)?;
    Ok(outcome(&view))
}

/// How a view ends the process.
pub(super) fn outcome(view: &View) -> Outcome {
    let exit = match view.outcome.code {
        0 => Exit::Clean,
        1 => Exit::Findings,
        _ => Exit::Incomplete,
    };
    Outcome::new(exit, view.outcome.reason.clone())
}

/// A format and where it goes.
pub(super) type Target = (&'static muster_reports::Format, Option<std::path::PathBuf>);

/// The formats that `-o` asks for; a table when it asks for none.
///
/// # Errors
/// A format that is none.
pub(super) fn formats(outputs: &[Output]) -> Result<Vec<Target>, Failure> {
    let mut choices: Vec<Choice> =
        FORMATS.iter().map(|format| Choice { name: format.name, ending: format.ending }).collect();
    // The first one is the default.
    choices.sort_by_key(|choice| choice.name != "table");
    let chosen = targets(outputs, &choices)?;
    Ok(chosen.into_iter().filter_map(|(choice, file)| Some((muster_reports::find(choice.name)?, file))).collect())
}

/// Writes a view in every format that was asked for.
///
/// # Errors
/// An output cannot be written.
pub(super) fn write(session: &Session, view: &View, population: &Walk<'_>, outputs: &[Target]) -> Result<(), Failure> {
    for (format, file) in outputs {
        let look = match file {
            Some(_) => Look { colour: false, width: None },
            None => Look { colour: session.colour_on_stdout(), width: session.width() },
        };
        let mut out = open(file.as_deref())?;
        (format.render)(view, population, look, &mut out)?;
        out.close()?;
    }
    Ok(())
}
