//! The command line: arguments, one file per command, and how a command's outcome becomes an exit code.
//!
//! A command is a thin call into the engine. Adding one: a file in `cli/` with `Arguments` and `run`, one variant in
//! [`Command`], one arm in [`dispatch`]. Data goes to standard output; diagnostics, progress, logs and the last line, which
//! says why the exit code is what it is, go to standard error.

pub mod access;
pub mod answers;
pub mod bars;
pub mod check;
pub mod collect;
pub mod completions;
pub mod config;
pub mod connectors;
pub mod diff;
pub mod doctor;
pub mod drift;
pub mod exceptions;
pub mod explain;
pub mod findings;
mod gains;
pub mod init;
pub mod interrupt;
pub mod links;
pub mod man;
pub mod metrics;
mod names;
pub mod outcome;
pub mod output;
pub mod path;
pub mod policy;
mod prose;
pub mod query;
pub mod report;
pub mod rules;
pub mod scan;
pub mod session;
pub mod snapshots;
mod tables;
pub mod through;
pub mod who_can;

use std::panic::{self, AssertUnwindSafe};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use jiff::Timestamp;
use muster_connectors::secret::Environment;

use crate::config::FailOn;
use outcome::{Exit, Failure, Outcome};
use output::Output;
use session::Session;

/// Who still has access, and why: snapshots the accounts and grants of every system, lays them beside HR, and says which
/// access has no owner, which changed without a reason and which goes too far.
#[derive(Debug, Parser)]
#[command(name = "muster", version, propagate_version = true, max_term_width = 120)]
#[command(
    after_help = "Exit codes: 0 clean, 1 findings, 2 could not do the work, 3 incomplete, 4 plan stale or stopped part-way, 130 interrupted."
)]
pub struct Arguments {
    /// Flags of every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Flags of every command. They beat the environment, which beats the config.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// Config file [env: MUSTER_CONFIG] [default: muster.toml]
    #[arg(short, long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Folder of the snapshots [env: MUSTER_STORE] [default: .muster beside the config]
    #[arg(long, global = true, value_name = "FOLDER")]
    pub store: Option<PathBuf>,
    /// The clock to use instead of the real one, as 2026-11-01T08:00:00Z [env: MUSTER_NOW]
    #[arg(long, global = true, value_name = "INSTANT", value_parser = crate::config::instant)]
    pub now: Option<Timestamp>,
    /// Format of the output, and a file to write it to: `table`, `json=out.json`, `out.csv`. May be repeated
    #[arg(short, long, global = true, value_name = "FORMAT[=FILE]")]
    pub output: Vec<Output>,
    /// When to use colour
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: Color,
    /// No progress and no notes
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// More of the log on standard error: -v, -vv
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,
    /// Shape of the log on standard error
    #[arg(long, global = true, value_name = "SHAPE", default_value = "text")]
    pub log: LogShape,
    /// Systems to collect at once [env: MUSTER_JOBS] [default: 4]
    #[arg(long, global = true, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..))]
    pub jobs: Option<u16>,
    /// Exit with 0 or 1 although something was not read; the report still says so
    #[arg(long, global = true)]
    pub allow_partial: bool,
    /// Findings that turn the exit code to 1: a severity, `new:` before it for new ones only, or `never` [env: MUSTER_FAIL_ON] [default: high]
    #[arg(long, global = true, value_name = "SEVERITY")]
    pub fail_on: Option<FailOn>,
    /// Wait for another muster that is writing
    #[arg(long, global = true)]
    pub wait: bool,
}

/// When to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Shape of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum LogShape {
    /// Lines for people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Which snapshot a question is about.
#[derive(Debug, Clone, Default, Args)]
pub struct Which {
    /// The snapshot: its number, its hash or a start of it, `latest` or `previous`
    #[arg(long, value_name = "SNAPSHOT", conflicts_with = "as_of")]
    pub snapshot: Option<String>,
    /// The last snapshot taken at or before this instant
    #[arg(long, value_name = "INSTANT", value_parser = crate::config::instant)]
    pub as_of: Option<Timestamp>,
}

/// Every command.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write a commented muster.toml and a policy folder to start from
    Init(init::Arguments),
    /// Check config, store and every system's connection and permissions
    Doctor(doctor::Arguments),
    /// Read the systems into a new snapshot
    Collect(collect::Arguments),
    /// Collect, check and report: the nightly job
    Scan(scan::Arguments),
    /// Judge a stored snapshot and keep the findings
    Check(check::Arguments),
    /// Write the report of the last check again, in any format
    Report(report::Arguments),
    /// What came, went and changed between two snapshots
    Diff(diff::Arguments),
    /// What changed without a reason, by type of drift
    Drift(drift::Arguments),
    /// What the last check found, and what people decide about it
    Findings(findings::Arguments),
    /// Risks that somebody accepted, and what each of them does
    Exceptions(exceptions::Arguments),
    /// Whose account is whose: the queue of candidates, and what people decide about it
    Links(links::Arguments),
    /// Who may do an action on a resource, every layer of policies regarded
    WhoCan(who_can::Arguments),
    /// What an account or person holds, and by which way
    Access(access::Arguments),
    /// The shortest way from an account or person to a group or entitlement
    Path(path::Arguments),
    /// List the rules and show their manuals
    Rules(rules::Arguments),
    /// Check, test, compare and propose what the policy folder says
    Policy(policy::Arguments),
    /// Service levels of access control, for people, Prometheus and OpenTelemetry
    Metrics(metrics::Arguments),
    /// Ask the tables with SQL
    Query(query::Arguments),
    /// List, show, verify and retire snapshots
    Snapshots(snapshots::Arguments),
    /// What can be read: connectors, their settings and the permissions they need
    Connectors(connectors::Arguments),
    /// Show and check the configuration
    Config(config::Arguments),
    /// Explain a rule, a code, a finding, an account, a person or a link
    Explain(explain::Arguments),
    /// Print a completion script for a shell
    Completions(completions::Arguments),
    /// Print the manual page, or write one page per command
    Man(man::Arguments),
}

/// Runs the command that the arguments name.
///
/// # Errors
/// [`Failure`] when the work could not be done.
fn dispatch(command: Command, session: &Session) -> Result<Outcome, Failure> {
    match command {
        Command::Init(arguments) => init::run(&arguments, session),
        Command::Doctor(arguments) => doctor::run(&arguments, session),
        Command::Collect(arguments) => collect::run(&arguments, session),
        Command::Scan(arguments) => scan::run(&arguments, session),
        Command::Check(arguments) => check::run(&arguments, session),
        Command::Report(arguments) => report::run(&arguments, session),
        Command::Diff(arguments) => diff::run(&arguments, session),
        Command::Drift(arguments) => drift::run(&arguments, session),
        Command::Findings(arguments) => findings::run(&arguments, session),
        Command::Exceptions(arguments) => exceptions::run(&arguments, session),
        Command::Links(arguments) => links::run(&arguments, session),
        Command::WhoCan(arguments) => who_can::run(&arguments, session),
        Command::Access(arguments) => access::run(&arguments, session),
        Command::Path(arguments) => path::run(&arguments, session),
        Command::Rules(arguments) => rules::run(&arguments, session),
        Command::Policy(arguments) => policy::run(&arguments, session),
        Command::Metrics(arguments) => metrics::run(&arguments, session),
        Command::Query(arguments) => query::run(&arguments, session),
        Command::Snapshots(arguments) => snapshots::run(&arguments, session),
        Command::Connectors(arguments) => connectors::run(&arguments, session),
        Command::Config(arguments) => config::run(&arguments, session),
        Command::Explain(arguments) => explain::run(&arguments, session),
        Command::Completions(arguments) => completions::run(&arguments, session),
        Command::Man(arguments) => man::run(&arguments, session),
    }
}

/// Runs one command from arguments to exit code. `environment` and `wall_clock` are the process's, read once.
pub fn run(arguments: Arguments, environment: Environment, wall_clock: Timestamp) -> ExitCode {
    let session = Session::new(arguments.global, Arc::new(environment), wall_clock);
    session.start_log();
    // A panic has told its message already; what is left is to end with a code that means something.
    let ended = panic::catch_unwind(AssertUnwindSafe(|| dispatch(arguments.command, &session)));
    let outcome = match ended {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(failure)) => session.fail(failure),
        Err(_panic) => {
            Outcome::new(Exit::Failed, "an internal error: this is a bug in muster, please report the message above")
        }
    };
    session.last_line(&outcome);
    outcome.exit.into()
}
