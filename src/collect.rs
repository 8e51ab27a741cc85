//! Runs connectors in parallel under budgets and records what was and was not complete.
//!
//! ```text
//!   systems ──► connectors, `jobs` at once ──► records ──► store (staged)
//!                        └──► scope reports ──► completed, judged by the gate ──► commit
//! ```
//!
//! One system's trouble stays its own: an error, a missing credential, a passed deadline or a panic fails the scopes of that
//! system, and the others go on. What failed keeps its former rows, marked stale; what was not asked for is carried. A run
//! that is interrupted commits nothing; systems that it had read completely are not read again by the next one. A scope that
//! an earlier snapshot has and this reading does not name is failed, not gone, until somebody accepts it.

pub mod gate;
mod memory;
pub mod progress;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::stream;
use futures::{StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;
use muster_connectors::memory::{Memory, Verdict};
use muster_connectors::record::RecordKind;
use muster_connectors::scope::{Gap, KindReport, ScopeReport, ScopeState};
use muster_connectors::secret::SecretError;
use muster_connectors::sink::{self, Drain, Sink};
use muster_connectors::{ConnectorError, Run};
use tokio::task::JoinError;
use tokio_util::sync::CancellationToken;

use self::gate::{History, Observed};
use self::progress::{End, OfSystem, Watcher};
use crate::config::{Config, System, show_duration};
use crate::diagnostic::{Diagnostic, similar};
use crate::snapshot::{KindState, Lock, Manifest, StagedSystem, Start, Store, StoreError, SystemEntry, SystemWriter};

/// How long a connector may take to stop when it is told to.
const GRACE: Duration = Duration::from_secs(3);
/// The scope that stands for a system of which not even the scopes are known.
const WHOLE_SYSTEM: &str = "*";
/// Gaps of one code and system that are told word for word.
const GAPS_TOLD: usize = 5;

/// How to collect.
#[derive(Debug, Clone)]
pub struct Options {
    /// The clock of the run.
    pub now: Timestamp,
    /// Systems to read, by name; empty for all. The others are carried.
    pub only: Vec<String>,
    /// What is believed this once, whatever the gate says, and whose missing scopes are let go: systems, or `SYSTEM/SCOPE`.
    pub accept: Vec<String>,
    /// Systems read at once.
    pub jobs: usize,
    /// Reads everything, also what an interrupted run had read completely.
    pub fresh: bool,
    /// Reads every list whole, also those whose changes alone could be asked for.
    pub full: bool,
    /// Cancelled to stop within seconds.
    pub cancel: CancellationToken,
    /// Who is told.
    pub watcher: Arc<dyn Watcher>,
}

/// What a collection came to.
#[derive(Debug)]
pub struct Collected {
    /// The committed snapshot.
    pub manifest: Manifest,
    /// What was not read or is not believed, by system.
    pub diagnostics: Vec<Diagnostic>,
    /// Whether everything that was asked for was read and is believed.
    pub complete: bool,
}

/// Why nothing was committed. The previous snapshot is as it was.
#[derive(Debug, thiserror::Error)]
pub enum CollectError {
    /// The run was told to stop.
    #[error("interrupted; nothing was committed")]
    Interrupted {
        /// Systems that were read completely before; the next run takes them as they are.
        kept: Vec<String>,
    },
    /// The config has no system.
    #[error("the config has no system")]
    NoSystem,
    /// A flag names a system that the config does not have.
    #[error("there is no system `{name}`")]
    UnknownSystem {
        /// The name.
        name: String,
        /// One that is spelled alike.
        similar: Option<String>,
    },
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Reads the systems of `config` into a new snapshot of `store`.
///
/// Systems are read `jobs` at a time, each with its deadline and concurrency; the result does not depend on which one ends
/// first. Needs a multi-threaded tokio runtime.
///
/// # Errors
/// [`CollectError`] when nothing could be committed. A system that cannot be read is no error: see [`Collected`].
pub async fn collect(
    config: &Config,
    store: &Store,
    lock: &Lock,
    options: &Options,
) -> Result<Collected, CollectError> {
    let asked = asked(config, options)?;
    let accepted = accepted(config, &options.accept)?;
    let began = Instant::now();
    let until = config.deadline.value.map(|deadline| began + deadline);
    let manifests = store.manifests()?;
    let start = Start { now: options.now, tool: crate::TOOL.to_owned(), config: config.hash.clone() };
    let mut transaction = store.begin(lock, start)?;

    let mut resumed =
        if options.fresh || options.full { BTreeMap::new() } else { transaction.resume(config.resume_within.value) };
    resumed.retain(|name, _| {
        asked.iter().any(|system| system.name == *name) && !accepted.iter().any(|(of, _)| of == name)
    });
    let mut readings = Vec::new();
    for system in asked.iter().filter(|system| !resumed.contains_key(&system.name)) {
        let writer = transaction.system(&system.name, &system.connector_name)?;
        let memory = memory::of(system, store, manifests.last(), options);
        readings.push(read(system, writer, History::of(&manifests, &system.name), memory, until, options));
    }
    let mut readings: Vec<Reading> = stream::iter(readings).buffer_unordered(options.jobs.max(1)).try_collect().await?;
    readings.sort_by(|a, b| a.system.cmp(&b.system));
    if options.cancel.is_cancelled() {
        let mut whole: Vec<StagedSystem> = resumed.into_values().collect();
        for reading in readings {
            whole.extend(reading.worth_keeping(config, &accepted, options)?);
        }
        return Err(CollectError::Interrupted { kept: transaction.keep(whole)? });
    }

    let mut diagnostics = left_out(config, manifests.last());
    diagnostics.extend(resumed.values().map(told_resumed));
    let mut told = BTreeMap::new();
    let mut run = BTreeMap::new();
    for reading in readings {
        let Some(system) = config.system(&reading.system) else { continue };
        let mut reports = reading.reports;
        let accepts = |scope: &str| {
            accepted.contains(&(system.name.as_str(), None)) || accepted.contains(&(system.name.as_str(), Some(scope)))
        };
        settle(system, &mut reports, reading.problem.as_ref(), &reading.history, &accepts);
        let ahead = ahead(&reports);
        let seconds = reading.took.as_secs_f64();
        run.insert(system.name.clone(), serde_json::json!({ "seconds": seconds, "records": records(&reports) }));
        let staged = reading.writer.finish(reports)?;
        let mut suspicions = gate::judge(system, &staged, &ahead, &reading.observed, &reading.history, options.now);
        suspicions.retain(|suspicion| !accepts(&suspicion.scope));
        diagnostics.extend(memory::told(system, staged.reports()));
        let verdict = memory::verdict(reading.ended, suspicions.is_empty());
        diagnostics.extend(memory::settle(&system.name, &reading.memory, verdict));
        transaction.add(staged)?;
        for suspicion in &suspicions {
            let reason = format!("{} {}", suspicion.gap.code, suspicion.gap.what);
            transaction.suspect(&system.name, &suspicion.scope, suspicion.kind, &reason, suspicion.doubts_content())?;
        }
        told.insert(system.name.clone(), (reading.problem, suspicions));
    }
    let taken: Vec<String> = resumed.keys().cloned().collect();
    for staged in resumed.into_values() {
        transaction.add(staged)?;
    }
    for name in manifests.last().into_iter().flat_map(|manifest| manifest.systems.keys()) {
        if config.system(name).is_none() {
            transaction.forget(name);
            diagnostics.extend(memory::settle(name, &Memory::new(store.memory(name)), Verdict::Forget));
        }
    }
    let summary = serde_json::json!({
        "seconds": began.elapsed().as_secs_f64(),
        "jobs": options.jobs,
        "accepted": options.accept,
        "resumed": taken,
        "systems": run,
    });
    let manifest = transaction.commit(summary)?;
    // The store may have found more (contradicting records), so the committed reports are what is told.
    for (name, (problem, suspicions)) in told {
        let Some((system, entry)) = config.system(&name).zip(manifest.systems.get(&name)) else { continue };
        diagnostics.extend(problem.as_ref().map(|problem| problem.diagnostic.clone()));
        diagnostics.extend(gaps(system, entry, problem.as_ref()));
        diagnostics.extend(told_suspicions(system, &suspicions));
    }
    let complete = !manifest.kinds().any(|view| is_doubtful(view.state()));
    Ok(Collected { manifest, diagnostics, complete })
}

/// Whether something that was asked for was not read, or is not believed.
pub fn is_doubtful(state: KindState) -> bool {
    match state {
        KindState::Failed | KindState::Partial | KindState::Suspect => true,
        KindState::Complete | KindState::Carried => false,
    }
}

/// The systems to read, in file order.
fn asked<'c>(config: &'c Config, options: &Options) -> Result<Vec<&'c System>, CollectError> {
    if config.systems.is_empty() {
        return Err(CollectError::NoSystem);
    }
    known_systems(config, &options.only)?;
    let wanted = |system: &&System| options.only.is_empty() || options.only.contains(&system.name);
    Ok(config.systems.iter().filter(wanted).collect())
}

/// Systems that are believed this once, or single scopes of them.
type Accepted<'a> = BTreeSet<(&'a str, Option<&'a str>)>;

/// What is believed this once: a system, or one scope of it. Scopes are separated by `/`, or by `:` as messages write it.
fn accepted<'a>(config: &Config, accept: &'a [String]) -> Result<Accepted<'a>, CollectError> {
    let is_known = |name: &str| config.system(name).is_some();
    let mut accepted = BTreeSet::new();
    for text in accept {
        let mut parts = text.match_indices(['/', ':']).map(|(at, _)| (&text[..at], Some(&text[at + 1..])));
        let named = if is_known(text) { Some((text.as_str(), None)) } else { parts.find(|(name, _)| is_known(name)) };
        let Some(named) = named else {
            let name = text.split(['/', ':']).next().unwrap_or_default();
            return known_systems(config, &[name.to_owned()]).map(|()| accepted);
        };
        accepted.insert(named);
    }
    Ok(accepted)
}

/// Refuses names that are no system of the config.
///
/// # Errors
/// [`CollectError::UnknownSystem`] for the first one.
pub fn known_systems(config: &Config, names: &[String]) -> Result<(), CollectError> {
    let Some(name) = names.iter().find(|name| config.system(name).is_none()) else { return Ok(()) };
    let similar = similar(name, config.systems.iter().map(|system| system.name.as_str())).map(str::to_owned);
    Err(CollectError::UnknownSystem { name: name.clone(), similar })
}

/// A system's reading, whatever came of it.
struct Reading {
    system: String,
    writer: SystemWriter,
    reports: Vec<ScopeReport>,
    observed: Observed,
    history: History,
    memory: Memory,
    problem: Option<Problem>,
    /// Whether the connector came to its end by itself.
    ended: bool,
    took: Duration,
}

impl Reading {
    /// The system as the next run may take it over: its connector came to its end, everything was read and is believed, and
    /// no file was, which is as fast to read again and may be newer by then.
    fn worth_keeping(
        mut self,
        config: &Config,
        accepted: &Accepted<'_>,
        options: &Options,
    ) -> Result<Option<StagedSystem>, StoreError> {
        let Some(system) = config.system(&self.system) else { return Ok(None) };
        if !self.ended || accepted.iter().any(|(of, _)| *of == system.name) {
            return Ok(None);
        }
        settle(system, &mut self.reports, None, &self.history, &|_| false);
        let ahead = ahead(&self.reports);
        let staged = self.writer.finish(self.reports)?;
        let doubted = gate::judge(system, &staged, &ahead, &self.observed, &self.history, options.now);
        let is_live = |report: &ScopeReport| report.state() == ScopeState::Complete && report.files.is_empty();
        Ok((doubted.is_empty() && staged.reports().all(is_live)).then_some(staged))
    }
}

/// Why a system as a whole could not be read: as a person reads it, and as its scopes remember it.
#[derive(Debug, Clone)]
struct Problem {
    diagnostic: Diagnostic,
    gap: Gap,
}

impl Problem {
    fn new(system: &System, gap: Gap) -> Self {
        let diagnostic = Diagnostic::from_gap(&system.name, &gap).place(system.place.clone());
        Self { diagnostic, gap }
    }
}

async fn read(
    system: &System,
    writer: SystemWriter,
    history: History,
    memory: Memory,
    until: Option<Instant>,
    options: &Options,
) -> Result<Reading, StoreError> {
    let began = Instant::now();
    tracing::info!(system = system.name, connector = system.connector_name, "reading");
    options.watcher.started(&system.name);
    let watched = OfSystem { system: system.name.clone(), watcher: Arc::clone(&options.watcher) };
    let (sink, drain) = sink::channel(Arc::new(watched), wall_clock);
    let abandoned = CancellationToken::new();
    let taking = {
        let (abandoned, observed, runtime) =
            (abandoned.clone(), Observed::new(system, options.now), tokio::runtime::Handle::current());
        tokio::task::spawn_blocking(move || runtime.block_on(take(drain, writer, observed, abandoned)))
    };
    let (problem, ended) = match run(system, sink, memory.clone(), until, options).await {
        Ended::Itself => (None, true),
        Ended::Interrupted => (None, false),
        Ended::With(problem) => (Some(*problem), false),
    };
    if options.cancel.is_cancelled() || problem.is_some() {
        // A connector that does not stop may hold its sink for ever; what was pushed so far is taken, then it is left alone.
        abandoned.cancel();
    }
    let (writer, reports, observed) =
        taking.await.map_err(|panic| StoreError::Misuse(format!("the writer stopped: {panic}")))??;
    let took = began.elapsed();
    let complete = ended && reports.iter().all(|report| report.state() == ScopeState::Complete);
    tracing::info!(system = system.name, records = records(&reports), seconds = took.as_secs_f64(), complete, "read");
    options.watcher.ended(&system.name, End { records: records(&reports), took, complete });
    Ok(Reading { system: system.name.clone(), writer, reports, observed, history, memory, problem, ended, took })
}

/// Takes batches until every sink is gone, or until `abandoned` and nothing is waiting.
async fn take(
    mut drain: Drain,
    mut writer: SystemWriter,
    mut observed: Observed,
    abandoned: CancellationToken,
) -> Result<(SystemWriter, Vec<ScopeReport>, Observed), StoreError> {
    loop {
        let batch = tokio::select! {
            biased;
            batch = drain.next() => batch,
            () = abandoned.cancelled() => None,
        };
        let Some(batch) = batch else { break };
        for record in &batch.records {
            observed.see(&batch.scope, record);
        }
        writer.write(batch)?;
    }
    Ok((writer, drain.into_reports(), observed))
}

/// How a connector came to its end.
enum Ended {
    Itself,
    Interrupted,
    With(Box<Problem>),
}

/// Lets the connector read, and says what stopped it.
async fn run(system: &System, sink: Sink, memory: Memory, until: Option<Instant>, options: &Options) -> Ended {
    let now = Instant::now();
    let deadline = system.deadline.map(|deadline| now + deadline).into_iter().chain(until).min();
    let run = Run {
        now: options.now,
        cancel: CancellationToken::new(),
        concurrency: system.concurrency,
        memory: Some(memory),
    };
    let cancel = run.cancel.clone();
    let connector = Arc::clone(&system.connector);
    let mut task = tokio::spawn(async move { connector.collect(&run, &sink).await });
    let passed = async {
        match deadline {
            Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        biased;
        () = options.cancel.cancelled() => {
            stop(&cancel, task).await;
            Ended::Interrupted
        }
        ended = &mut task => failure(system, ended).map_or(Ended::Itself, |problem| Ended::With(Box::new(problem))),
        () = passed => {
            stop(&cancel, task).await;
            let allowed = deadline.map_or(Duration::ZERO, |deadline| deadline.saturating_duration_since(now));
            let gap = Gap::new("COL003", format!("not read within its deadline of {}", show_duration(round(allowed))))
                .cause("the system answered too slowly, or holds more than fits into the time")
                .fix("raise `deadline` or `concurrency` of the system, or `[muster] deadline`");
            Ended::With(Box::new(Problem::new(system, gap)))
        }
    }
}

/// Whole seconds, at least one: nobody wants to read nanoseconds.
fn round(duration: Duration) -> Duration {
    Duration::from_secs(duration.as_secs().max(1))
}

/// Tells a connector to stop, and stops it when it does not.
async fn stop<T>(cancel: &CancellationToken, mut task: tokio::task::JoinHandle<T>) {
    cancel.cancel();
    if tokio::time::timeout(GRACE, &mut task).await.is_err() {
        task.abort();
        // An aborted task drops its scopes, which then report themselves; one that blocks its thread is not waited for.
        let _ = tokio::time::timeout(Duration::from_millis(200), task).await;
    }
}

/// What a connector's end means.
fn failure(system: &System, ended: Result<Result<(), ConnectorError>, JoinError>) -> Option<Problem> {
    match ended {
        Ok(Ok(())) => None,
        Ok(Err(ConnectorError::Failed(gap))) => Some(Problem::new(system, gap)),
        Ok(Err(ConnectorError::Secret(error))) => Some(no_credential(system, &error)),
        Ok(Err(ConnectorError::Stopped)) => {
            let gap = Gap::new("COL001", "the connector stopped before it had read everything")
                .fix("see the other messages of this run, then collect the system again");
            Some(Problem::new(system, gap))
        }
        Err(error) => {
            let cause = match error.try_into_panic() {
                Ok(panic) => panic_text(panic.as_ref()),
                Err(error) => error.to_string(),
            };
            let gap =
                Gap::new("COL002", format!("the connector `{}` stopped with an internal error", system.connector_name))
                    .cause(cause)
                    .fix("this is a bug in muster: please report it; the other systems are not affected");
            Some(Problem::new(system, gap))
        }
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned()).or_else(|| panic.downcast_ref().cloned());
    text.unwrap_or_else(|| "it gave no reason".to_owned())
}

/// A secret that is not there: the message points at the `credential` of the config.
fn no_credential(system: &System, error: &SecretError) -> Problem {
    let fix = secret_fix(error);
    let gap = Gap::new("CFG014", "no credential").cause(error.to_string()).fix(fix.clone());
    let place = system.credential.clone().unwrap_or_else(|| system.place.clone()).label(error.to_string());
    let diagnostic = Diagnostic::warning("CFG014", format!("system `{}` has no credential", system.name))
        .place(place)
        .cause("a live system needs one; nothing was collected from it")
        .effect("its former rows are kept and marked as stale; the other systems are collected")
        .fix(fix);
    Problem { diagnostic, gap }
}

/// What to do about a secret that is not there.
pub fn secret_fix(error: &SecretError) -> String {
    match error {
        SecretError::NoVariable { similar: Some(name), .. } => format!("did you mean `{name}`?"),
        SecretError::NoVariable { name, similar: None } => format!("set `{name}` in the environment of muster"),
        SecretError::File { .. } => "create the file, or make it readable for the user who runs muster".to_owned(),
        SecretError::Empty(_) => "put the secret into its first line".to_owned(),
        SecretError::Command { .. } => "install the program, or give its full path".to_owned(),
        SecretError::CommandFailed { .. } => "run the program by hand and see what it wants".to_owned(),
    }
}

/// Makes the reports say everything that is known: scopes that were not finished name the system's problem, expected scopes
/// that were not named are failed, and a system that could not be read has at least one failed scope.
fn settle(
    system: &System,
    reports: &mut Vec<ScopeReport>,
    problem: Option<&Problem>,
    history: &History,
    accepts: &dyn Fn(&str) -> bool,
) {
    if let Some(problem) = problem {
        for kind in reports.iter_mut().flat_map(|report| report.kinds.values_mut()) {
            if kind.state == ScopeState::Failed && kind.gaps.iter().any(|gap| gap.code == "COL022") {
                kind.gaps.insert(0, problem.gap.clone());
            }
        }
    }
    let gone = |scope: &str| {
        Gap::new("COL005", "the scope was there before, and this reading does not name it")
            .cause("it was removed or renamed, or the credential cannot see it any more")
            .fix(gate::accept(&system.name, scope))
    };
    for (scope, before) in &history.scopes {
        let named = reports.iter_mut().find(|report| report.scope == *scope);
        let said =
            named.as_ref().map(|report| report.kinds.keys().copied().collect::<BTreeSet<_>>()).unwrap_or_default();
        let missing: Vec<RecordKind> = before.held.difference(&said).copied().collect();
        if missing.is_empty() || (accepts(scope) && problem.is_none()) {
            continue;
        }
        let gap = problem.map_or_else(|| gone(scope), |problem| problem.gap.clone());
        let lost = failed(scope, missing, &gap);
        match named {
            Some(report) => report.kinds.extend(lost.kinds),
            None => reports.push(lost),
        }
    }
    let silent = Gap::new("COL006", "the connector said nothing about what it covered")
        .fix("this is a bug in muster: please report it");
    let unsaid = problem.map(|problem| &problem.gap).or_else(|| reports.is_empty().then_some(&silent));
    if let Some(gap) = unsaid
        && !reports.iter().any(|report| report.state() == ScopeState::Failed)
    {
        reports.push(failed(WHOLE_SYSTEM, system.connector.kinds(), gap));
    }
    reports.sort_by(|a, b| a.scope.cmp(&b.scope));
}

/// By how many seconds the clocks of the systems behind the scopes are ahead of ours, where they say so.
fn ahead(reports: &[ScopeReport]) -> BTreeMap<String, i64> {
    reports.iter().filter_map(|report| Some((report.scope.clone(), report.clock_ahead?))).collect()
}

/// The report of a scope of which nothing was read.
fn failed(scope: &str, kinds: Vec<RecordKind>, gap: &Gap) -> ScopeReport {
    let report = KindReport { state: ScopeState::Failed, gaps: vec![gap.clone()], ..KindReport::default() };
    ScopeReport {
        scope: scope.to_owned(),
        kinds: kinds.into_iter().map(|kind| (kind, report.clone())).collect(),
        ..ScopeReport::default()
    }
}

fn records(reports: &[ScopeReport]) -> u64 {
    reports.iter().flat_map(|report| report.kinds.values()).map(|kind| kind.records).sum()
}

/// A gap of a scope, with the kinds that share it and how they ended.
type Shared<'a> = (&'a str, &'a Gap, Vec<(RecordKind, ScopeState)>);

/// The gaps of a system as warnings: one gap that several kinds share is told once, and the many of one code are counted.
fn gaps(system: &System, entry: &SystemEntry, problem: Option<&Problem>) -> Vec<Diagnostic> {
    let mut told: Vec<Shared<'_>> = Vec::new();
    for report in entry.scopes.values().map(|scope| &scope.report) {
        for (kind, state) in &report.kinds {
            for gap in &state.gaps {
                if problem.is_some_and(|problem| problem.gap == *gap || gap.code == "COL022") {
                    continue;
                }
                let same = told.iter_mut().find(|(scope, known, _)| *scope == report.scope && *known == gap);
                match same {
                    Some((_, _, kinds)) => kinds.push((*kind, state.state)),
                    None => told.push((&report.scope, gap, vec![(*kind, state.state)])),
                }
            }
        }
    }
    let mut count: BTreeMap<&str, usize> = BTreeMap::new();
    let mut diagnostics = Vec::new();
    for (scope, gap, kinds) in &told {
        let number = count.entry(&gap.code).or_default();
        *number += 1;
        if *number <= GAPS_TOLD {
            let of_kinds = kinds.iter().map(|(kind, _)| *kind);
            let effect = match gap.only {
                Some(_) => only_effect(of_kinds),
                None => effect(of_kinds, kinds.iter().map(|(_, state)| *state).max()),
            };
            diagnostics.push(Diagnostic::from_gap(&place(system, scope), gap).effect(effect));
        }
    }
    for (code, number) in count.into_iter().filter(|(_, number)| *number > GAPS_TOLD) {
        let what = format!("{} — {} more of {code} are in the snapshot", system.name, number - GAPS_TOLD);
        diagnostics
            .push(Diagnostic::warning("COL021", what).fix("`muster query \"select * from gaps\"` lists them all"));
    }
    diagnostics
}

fn told_suspicions(system: &System, suspicions: &[gate::Suspicion]) -> Vec<Diagnostic> {
    let mut told: Vec<(&str, &Gap, Vec<RecordKind>)> = Vec::new();
    for suspicion in suspicions {
        let same = told.iter_mut().find(|(scope, gap, _)| *scope == suspicion.scope && **gap == suspicion.gap);
        match same {
            Some((_, _, kinds)) => kinds.push(suspicion.kind),
            None => told.push((&suspicion.scope, &suspicion.gap, vec![suspicion.kind])),
        }
    }
    let tell = |(scope, gap, kinds): (&str, &Gap, Vec<RecordKind>)| {
        let kinds = kinds.iter().map(|kind| kind.as_str()).collect::<Vec<_>>().join(", ");
        Diagnostic::from_gap(&place(system, scope), gap).effect(format!(
            "{kinds}: suspect; nothing is concluded from what is missing, and the former rows are kept beside the new ones"
        ))
    };
    told.into_iter().map(tell).collect()
}

fn place(system: &System, scope: &str) -> String {
    if scope == WHOLE_SYSTEM { system.name.clone() } else { format!("{}:{scope}", system.name) }
}

fn only_effect(kinds: impl Iterator<Item = RecordKind>) -> String {
    let kinds = kinds.map(RecordKind::as_str).collect::<Vec<_>>().join(", ");
    format!(
        "{kinds}: this record alone is doubted; what was known of it is kept, and nothing is concluded about whom it may be about"
    )
}

fn effect(kinds: impl Iterator<Item = RecordKind>, worst: Option<ScopeState>) -> String {
    let kinds = kinds.map(RecordKind::as_str).collect::<Vec<_>>().join(", ");
    match worst {
        Some(ScopeState::Failed) => {
            format!("{kinds}: failed; former rows are kept as stale, rules that need them report \"not evaluated\"")
        }
        Some(ScopeState::Partial | ScopeState::Complete) | None => {
            format!("{kinds}: partial; rules that need all of them report \"not evaluated\"")
        }
    }
}

/// Systems that the last snapshot has and the config has not: said, because their rows end here.
fn left_out(config: &Config, last: Option<&Manifest>) -> Vec<Diagnostic> {
    let systems = last.into_iter().flat_map(|manifest| manifest.systems.keys());
    systems
        .filter(|name| config.system(name).is_none())
        .map(|name| {
            Diagnostic::note(
                "COL007",
                format!("system `{name}` is in the last snapshot and not in the config any more"),
            )
            .effect("the new snapshot does not have it")
            .fix("if that is a mistake, put it back under its name")
        })
        .collect()
}

/// A system that is not read again: said, because its rows are older than the snapshot.
fn told_resumed(staged: &StagedSystem) -> Diagnostic {
    let read = staged.read().map_or(String::new(), |read| format!(" at {read}"));
    Diagnostic::note("COL008", format!("system `{}` was read by an interrupted run{read}", staged.system()))
        .effect("it is not read again; its rows say when they were true")
        .fix("`--fresh` reads everything again")
}

/// Stamps when scopes began and ended; these instants stay out of everything that is compared or hashed.
#[expect(clippy::disallowed_methods, reason = "facts about the run itself, not input of any judgement")]
fn wall_clock() -> Timestamp {
    Timestamp::now()
}
