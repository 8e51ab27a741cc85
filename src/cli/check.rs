//! `muster check`: judge a stored snapshot and keep the findings.

use clap::Args;
use muster_reports::view::{Finding, View};
use muster_reports::{FORMATS, Look};

use super::Which;
use super::findings::signature;
use super::outcome::{Exit, Failure, Outcome};
use super::output::{Choice, Output, open, targets};
use super::session::Session;
use crate::check::{self, Estate, links, persons};
use crate::config::policy::Baseline;
use crate::config::policy::edit::Signature;
use crate::config::{Config, Policy};
use crate::diagnostic::Diagnostic;
use crate::findings::{Book, kept};
use crate::report::{self, Ending, Walk};
use crate::rules::{self, Check};
use crate::snapshot::{CheckRows, Lock, Snapshot, Store};

/// Arguments of `muster check`.
#[derive(Debug, Clone, Default, Args)]
pub struct Arguments {
    /// Which snapshot.
    #[command(flatten)]
    pub which: Which,
    /// Whether today is the first day.
    #[command(flatten)]
    pub adopt: Adopt,
}

/// What makes today the first day.
#[derive(Debug, Clone, Default, Args)]
pub struct Adopt {
    /// Adopt today: what is found now is written to policy/baseline.toml, and later runs show and count only what gets worse
    #[arg(long)]
    pub baseline: bool,
    /// Why it is adopted
    #[arg(long, value_name = "TEXT", requires = "baseline", default_value = "what was there when Muster was adopted")]
    pub reason: String,
    /// Who adopts it [env: MUSTER_AUTHOR]
    #[arg(long, value_name = "NAME", requires = "baseline")]
    pub author: Option<String>,
}

impl Adopt {
    /// Who adopts, where somebody does. A second baseline is refused before any work is done.
    ///
    /// # Errors
    /// Nobody signs, or there is a baseline already.
    pub(super) fn settle(&self, session: &Session, config: &Config) -> Result<Option<Signature>, Failure> {
        if !self.baseline {
            return Ok(None);
        }
        if let Some(baseline) = &config.policy.baseline {
            return Err(Diagnostic::error("FND002", format!("a baseline was adopted on {} already", baseline.adopted))
                .cause("a baseline that grows with every run would hide what gets worse")
                .fix("remove policy/baseline.toml in a review when today is to be the first day again")
                .into());
        }
        signature(session, config, self.author.as_deref()).map(Some)
    }

    /// The policy with what is found now as its baseline, which is written.
    fn adopted(&self, signed: &Signature, config: &Config, checked: &Check, whole: bool) -> Result<Policy, Failure> {
        if !whole {
            return Err(Diagnostic::error("FND002", "what was not read completely cannot be adopted")
                .cause("findings that are not seen today would count as new ones later")
                .fix("repair the reading first, or add --allow-partial")
                .into());
        }
        let adopted: Vec<&Finding> = checked.findings.iter().filter(|finding| finding.is_live()).collect();
        config.policy.write_baseline(&config.policy_folder.value, &adopted, &self.reason, signed)?;
        let findings = adopted.iter().map(|finding| (finding.fingerprint.clone(), finding.severity)).collect();
        let (author, reason) = (signed.author.clone(), self.reason.clone());
        let mut policy = config.policy.clone();
        policy.baseline = Some(Baseline { adopted: signed.on, author, reason, findings });
        Ok(policy)
    }
}

/// Judges, keeps the findings beside the snapshot, and writes the report.
///
/// # Errors
/// [`Failure`] when the snapshot or the config cannot be used.
pub fn run(arguments: &Arguments, session: &Session) -> Result<Outcome, Failure> {
    let config = session.config()?;
    let store = session.existing_store(&config)?;
    let snapshot = session.snapshot(&store, &arguments.which)?;
    judge(session, &config, &store, &snapshot, None, &arguments.adopt)
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
    adopt: &Adopt,
) -> Result<Outcome, Failure> {
    // Outputs are settled first: a misspelt format must not cost a scan.
    let outputs = formats(&session.global.output)?;
    let now = session.now(config);
    let manifest = snapshot.manifest();
    let estate = Estate::load(snapshot, config, now)?;
    let mut history = kept::history(store, manifest.header.sequence)?;
    let churn = links::churn(store, manifest.header.sequence, &estate, now)?;
    if let Some((_, churn)) = &churn {
        history.links.clone_from(&churn.by_system);
    }
    let options = check::options(config).map_err(Failure::Told)?;
    let signed = adopt.settle(session, config)?;
    let mut checked = estate.check(config, &history, now).map_err(Failure::Told)?;
    kept::recall(store, manifest.header.sequence, &mut checked, now)?;
    let adopted = match &signed {
        Some(signed) => {
            let before = Ending::of(&checked, manifest, config.fail_on.value, session.global.allow_partial, now);
            Some(adopt.adopted(signed, config, &checked, before.complete || before.allow_partial)?)
        }
        None => None,
    };
    let book = Book::of(adopted.as_ref().unwrap_or(&config.policy), &options, now);
    if adopted.is_some() {
        book.decide(&mut checked.findings);
        book.decide(&mut checked.unconfirmed);
    }
    let ending = Ending::of(&checked, manifest, config.fail_on.value, session.global.allow_partial, now);
    let safeguards = rules::reviewed(&options, &history);
    drop(history);
    let remembered: Vec<Finding> = checked.resolved.extract_if(.., |finding| finding.resolved != Some(now)).collect();
    for problem in links::decision_problems(&estate).into_iter().chain(persons::decision_problems(&estate, config, now))
    {
        session.tell(&problem);
    }
    let mut view = report::view(&estate, checked, manifest, &ending, &book, now);
    view.people.churn = churn.as_ref().map(|(since, churn)| report::links::churn(*since, churn));
    let summary = kept::summary(&mut view).map_err(std::io::Error::from)?;
    let lock = match lock {
        Some(held) => held,
        None => session.lock(store)?,
    };
    let rows =
        CheckRows { findings: kept::frames(&view, &remembered), links: links::kept_frames(&estate, now), safeguards };
    store.write_check(&lock, manifest.header.sequence, rows, &summary)?;
    drop(remembered);
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
