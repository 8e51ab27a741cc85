//! `muster links`: the queue of accounts whose person is not certain, and what people decide about it.
//!
//! Everything is read from the stored snapshot; no system is asked. Decisions are written into the policy folder as text to be
//! reviewed, and count from the next check on.

mod apply;
mod decide;
mod queue;
mod show;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use jiff::Timestamp;
use jiff::civil::Date;

use self::decide::{Desk, Request};
use super::Which;
use super::names;
use super::outcome::{Exit, Failure, Outcome};
use super::session::Session;
use crate::check::Estate;
use crate::config::Config;
use crate::config::policy::Ruling;
use crate::diagnostic::Diagnostic;
use crate::snapshot::Snapshot;

/// Arguments of `muster links`.
#[derive(Debug, Clone, Args)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub action: Action,
    /// Which snapshot.
    #[command(flatten)]
    pub which: Which,
}

/// What to do.
#[derive(Debug, Clone, Subcommand)]
pub enum Action {
    /// List what waits for a decision, what gains most first
    List {
        /// What to list.
        #[command(flatten)]
        filter: Filter,
    },
    /// Show an account beside its candidates, with the evidence
    Show {
        /// The account: id, login or e-mail; `system:id` where several bear it
        account: String,
    },
    /// The candidate is right: link the account to the person
    Accept {
        /// The account; without it, every account of the filter that has one candidate
        account: Option<String>,
        /// The person: employee id, feed id, work e-mail or name; may be left out where there is one candidate
        person: Option<String>,
        /// Which accounts, when none is named.
        #[command(flatten)]
        filter: Filter,
        /// Who, why and until when.
        #[command(flatten)]
        why: Why,
        /// What many decisions need.
        #[command(flatten)]
        bulk: Bulk,
    },
    /// This pair is wrong: the account may still be somebody else's
    Reject {
        /// The account; without it, every candidate of the filter
        account: Option<String>,
        /// The person who it does not belong to; may be left out where there is one candidate
        person: Option<String>,
        /// Which candidates, when no account is named.
        #[command(flatten)]
        filter: Filter,
        /// Who, why and until when.
        #[command(flatten)]
        why: Why,
        /// What many decisions need.
        #[command(flatten)]
        bulk: Bulk,
    },
    /// The account is this person's, whatever the evidence says
    Pin {
        /// The account
        account: String,
        /// The person: employee id, feed id, work e-mail or name
        person: String,
        /// Who, why and until when.
        #[command(flatten)]
        why: Why,
        /// Show what would be written, and write nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Take back what was decided about an account: evidence alone judges it again
    Unpin {
        /// The account
        account: String,
        /// Only what names this person
        person: Option<String>,
        /// Who and why.
        #[command(flatten)]
        why: Signed,
        /// Show what would be taken back, and write nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// The account is nobody's: no evidence links it
    Never {
        /// The account
        account: String,
        /// Who, why and until when.
        #[command(flatten)]
        why: Why,
        /// Show what would be written, and write nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Take the decisions of an edited list: the CSV of `muster links list -o csv` with its `decision` column filled
    Apply {
        /// The file; `-` for standard input
        file: PathBuf,
        /// Who, why where the row does not say it, and until when.
        #[command(flatten)]
        why: Why,
        /// What many decisions need.
        #[command(flatten)]
        bulk: Bulk,
    },
}

/// Which accounts and candidates.
#[derive(Debug, Clone, Default, Args)]
pub struct Filter {
    /// Only accounts of this system
    #[arg(long, value_name = "NAME")]
    pub system: Vec<String>,
    /// Only accounts in this situation (FOUND, AMBIGUOUS …); CONFIRMED and the others are listed only when they are asked for
    #[arg(long, value_name = "SITUATION", ignore_case = true)]
    pub situation: Vec<String>,
    /// Only candidates of at least this confidence, in percent
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    pub min: Option<f32>,
    /// Only candidates of at most this confidence, in percent
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    pub max: Option<f32>,
    /// Only candidates that this strategy names
    #[arg(long, value_name = "NAME")]
    pub strategy: Vec<String>,
    /// Only where the account or the candidate is of this department
    #[arg(long, value_name = "NAME")]
    pub department: Vec<String>,
    /// At most so many accounts
    #[arg(long, value_name = "NUMBER")]
    pub limit: Option<usize>,
}

impl Filter {
    fn is_empty(&self) -> bool {
        let Self { system, situation, min, max, strategy, department, limit } = self;
        system.is_empty()
            && situation.is_empty()
            && min.is_none()
            && max.is_none()
            && strategy.is_empty()
            && department.is_empty()
            && limit.is_none()
    }
}

/// Who decides, and why.
#[derive(Debug, Clone, Args)]
pub struct Signed {
    /// Why; who reviews it must understand it
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    /// Who decides [env: MUSTER_AUTHOR]
    #[arg(long, value_name = "NAME")]
    pub author: Option<String>,
}

/// Who decides, why, and until when.
#[derive(Debug, Clone, Args)]
pub struct Why {
    /// Why; who reviews it must understand it
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// Who decides [env: MUSTER_AUTHOR]
    #[arg(long, value_name = "NAME")]
    pub author: Option<String>,
    /// The last day on which it counts, as 2027-03-31
    #[arg(long, value_name = "DATE")]
    pub expires: Option<Date>,
}

/// What many decisions at once need.
#[derive(Debug, Clone, Default, Args)]
pub struct Bulk {
    /// Show what would be written, and write nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Write, if it is exactly so many decisions
    #[arg(long, value_name = "NUMBER", conflicts_with = "dry_run")]
    pub confirm: Option<usize>,
}

/// `80`, `80%` or `0.8`.
fn percent(text: &str) -> Result<f32, String> {
    let wanted = "write a confidence as 80 (percent) or 0.8";
    let number: f32 = text.trim_end_matches('%').parse().map_err(|_not_a_number| wanted.to_owned())?;
    let share = if number > 1.0 || text.ends_with('%') { number / 100.0 } else { number };
    if (0.0..=1.0).contains(&share) { Ok(share) } else { Err(wanted.to_owned()) }
}

/// What every action looks at.
struct Room<'a> {
    session: &'a Session,
    config: &'a Config,
    estate: Estate,
    now: Timestamp,
}

/// Lists, shows or decides.
///
/// # Errors
/// [`Failure`] when a name is unknown or ambiguous, a decision cannot be taken, or the policy folder cannot be written.
pub fn run(arguments: &Arguments, session: &Session) -> Result<Outcome, Failure> {
    let config = session.config()?;
    let store = session.existing_store(&config)?;
    let snapshot: Snapshot = session.snapshot(&store, &arguments.which)?;
    let now = session.now(&config);
    let estate = Estate::load(&snapshot, &config, now)?;
    let room = Room { session, config: &config, estate, now };
    match &arguments.action {
        Action::List { filter } => queue::list(&room, filter),
        Action::Show { account } => show::show(&room, account),
        Action::Accept { account, person, filter, why, bulk } => {
            let named = Named { account: account.as_deref(), person: person.as_deref() };
            decide_some(&room, Ruling::Accept, &named, filter, why, bulk)
        }
        Action::Reject { account, person, filter, why, bulk } => {
            let named = Named { account: account.as_deref(), person: person.as_deref() };
            decide_some(&room, Ruling::Reject, &named, filter, why, bulk)
        }
        Action::Pin { account, person, why, dry_run } => {
            let named = Named { account: Some(account), person: Some(person) };
            decide_one(&room, Ruling::Pin, &named, why, *dry_run)
        }
        Action::Never { account, why, dry_run } => {
            decide_one(&room, Ruling::Never, &Named { account: Some(account), person: None }, why, *dry_run)
        }
        Action::Unpin { account, person, why, dry_run } => {
            Desk::new(&room, why.author.as_deref())?.unpin(account, person.as_deref(), &why.reason, *dry_run)
        }
        Action::Apply { file, why, bulk } => {
            let desk = Desk::new(&room, why.author.as_deref())?;
            let requests = apply::read(&room, file, why)?;
            let none = "no row of the file has a decision";
            desk.settle(desk.judge(requests)?, 0, bulk, none)
        }
    }
}

/// The account and person that a command names.
struct Named<'a> {
    account: Option<&'a str>,
    person: Option<&'a str>,
}

/// One decision where an account is named, else those of the filter.
fn decide_some(
    room: &Room<'_>,
    ruling: Ruling,
    named: &Named<'_>,
    filter: &Filter,
    why: &Why,
    bulk: &Bulk,
) -> Result<Outcome, Failure> {
    if named.account.is_some() {
        if !filter.is_empty() {
            return Err(Diagnostic::error("CLI001", "an account and a filter do not go together")
                .fix("name the account, or leave it out and filter")
                .into());
        }
        return decide_one(room, ruling, named, why, bulk.dry_run);
    }
    if filter.is_empty() {
        return Err(Diagnostic::error("CLI001", format!("`{}` of what?", ruling.as_str()))
            .cause("neither an account nor a filter is given")
            .fix("name an account, or filter as `muster links list` does (`--system`, `--min` …)")
            .into());
    }
    let desk = Desk::new(room, why.author.as_deref())?;
    let reason = required(why)?;
    let rows = queue::rows(room, filter)?;
    let mut requests = Vec::new();
    let mut left_out = 0;
    for row in rows {
        // Accepting is choosing: where there are several, somebody has to look.
        if ruling == Ruling::Accept && row.candidates.len() != 1 {
            left_out += 1;
            continue;
        }
        requests.extend(row.candidates.iter().map(|candidate| Request {
            line: None,
            ruling,
            account: row.account,
            person: Some(candidate.person),
            reason: reason.clone(),
            expires: why.expires,
        }));
    }
    desk.settle(desk.judge(requests)?, left_out, bulk, "nothing that waits for a decision matches the filter")
}

fn decide_one(
    room: &Room<'_>,
    ruling: Ruling,
    named: &Named<'_>,
    why: &Why,
    dry_run: bool,
) -> Result<Outcome, Failure> {
    let desk = Desk::new(room, why.author.as_deref())?;
    let reason = required(why)?;
    let account = names::account(&room.estate, named.account.unwrap_or_default())?;
    let person = named.person.map(|person| names::person(&room.estate, person)).transpose()?;
    let request = Request { line: None, ruling, account, person, reason, expires: why.expires };
    let judged = desk.judge(vec![request])?;
    let bulk = Bulk { dry_run, confirm: (!dry_run).then_some(judged.len()) };
    desk.settle(judged, 0, &bulk, "this is decided already, in the same words")
}

fn required(why: &Why) -> Result<String, Failure> {
    match why.reason.as_deref().map(str::trim) {
        Some(reason) if !reason.is_empty() => Ok(reason.to_owned()),
        Some(_) | None => Err(Diagnostic::error("CLI001", "a decision needs a reason")
            .fix("add `--reason \"…\"`: who reviews it must understand it")
            .into()),
    }
}

/// A clean end with its sentence.
fn done(sentence: String) -> Outcome {
    Outcome::new(Exit::Clean, sentence)
}
