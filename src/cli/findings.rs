//! `muster findings`: what the last check found, and what people decide about it.

mod decide;
mod show;

use std::io::Write as _;

use clap::{Args, Subcommand};
use jiff::civil::Date;
use muster_reports::view::{Finding, Severity, State, View};

use super::Which;
use super::outcome::{Failure, Outcome};
use super::output::{Choice, open, targets};
use super::session::Session;
use super::tables::plain_table;
use crate::check;
use crate::config::Config;
use crate::diagnostic::{Diagnostic, visible};
use crate::findings::{Book, kept};

pub(super) use decide::signature;
pub(super) use show::page;

/// Arguments of `muster findings`.
#[derive(Debug, Clone, Args)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub action: Option<Action>,
    /// Which of them.
    #[command(flatten)]
    pub filter: Filter,
    /// Which snapshot.
    #[command(flatten)]
    pub which: Which,
}

/// Which findings.
#[derive(Debug, Clone, Default, Args)]
pub struct Filter {
    /// Only findings of this rule
    #[arg(long, value_name = "RULE", global = true)]
    pub rule: Vec<String>,
    /// Only findings about this system
    #[arg(long, value_name = "NAME", global = true)]
    pub system: Vec<String>,
    /// Only findings of at least this severity
    #[arg(long, value_name = "SEVERITY", global = true)]
    pub severity: Option<Severity>,
    /// Only findings in this state: open, regressed, acknowledged, snoozed, accepted, resolved
    #[arg(long, value_name = "STATE", global = true)]
    pub state: Vec<State>,
    /// Only findings that this one has to act on; `nobody` for those without an owner
    #[arg(long, value_name = "NAME", global = true)]
    pub owner: Vec<String>,
    /// Only findings that are new, or true again, since the check before
    #[arg(long, global = true)]
    pub new: bool,
    /// Those left from the day of adoption, too
    #[arg(long, global = true)]
    pub all: bool,
}

/// What to do.
#[derive(Debug, Clone, Subcommand)]
pub enum Action {
    /// List them, gravest first
    List,
    /// Show one with its evidence, its state and its fix
    Show {
        /// Its fingerprint, or a unique start of it
        fingerprint: String,
    },
    /// Somebody knows of them and works on them; they count as before
    Ack {
        /// Which findings, who and why.
        #[command(flatten)]
        decision: Decision,
    },
    /// Put them off: they do not count until the day is over
    Snooze {
        /// Which findings, who and why.
        #[command(flatten)]
        decision: Decision,
        /// The last day, as 2027-03-31
        #[arg(long, value_name = "DATE")]
        until: Date,
    },
    /// Accept their risk until a day: an exception, bound to what proves them today
    Accept {
        /// Which findings, who and why.
        #[command(flatten)]
        decision: Decision,
        /// The last day, as 2027-03-31
        #[arg(long, value_name = "DATE")]
        until: Date,
        /// Who approved it; not who owns the risk
        #[arg(long, value_name = "NAME")]
        approver: String,
        /// Who answers for the risk [default: the author]
        #[arg(long = "risk-owner", value_name = "NAME")]
        risk_owner: Option<String>,
        /// What lessens the risk meanwhile
        #[arg(long, value_name = "TEXT")]
        mitigation: Option<String>,
        /// What to call it [default: the next number, as EX-0007]
        #[arg(long, value_name = "ID")]
        id: Option<String>,
    },
    /// Say who has to act on them, whatever the register says
    Owner {
        /// Which findings, who and why.
        #[command(flatten)]
        decision: Decision,
        /// Who has to act
        #[arg(long, value_name = "NAME")]
        to: String,
    },
    /// Take back what was decided about them
    Reopen {
        /// Which findings, who and why.
        #[command(flatten)]
        decision: Decision,
    },
}

/// Which findings, who decides, and why.
#[derive(Debug, Clone, Args)]
pub struct Decision {
    /// Fingerprints, or unique starts of them; the key of a fold means all that it holds
    #[arg(required = true, value_name = "FINGERPRINT")]
    pub fingerprints: Vec<String>,
    /// Why; who reviews it must understand it
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// Who decides [env: MUSTER_AUTHOR]
    #[arg(long, value_name = "NAME")]
    pub author: Option<String>,
    /// Show what would be written, and write nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// Lists, shows or decides.
///
/// # Errors
/// [`Failure`] when the snapshot was never checked, there is no such finding, or the decision cannot be taken.
pub fn run(arguments: &Arguments, session: &Session) -> Result<Outcome, Failure> {
    let config = session.config()?;
    let view = decided_view(session, &config, &arguments.which)?;
    match &arguments.action {
        None | Some(Action::List) => list(arguments, session, &config, &view),
        Some(Action::Show { fingerprint }) => {
            let finding = find(&view, fingerprint)?;
            let mut out = open(None)?;
            out.write_all(page(finding).as_bytes())?;
            out.close()?;
            Ok(Outcome::answered())
        }
        Some(action) => decide::run(action, session, &config, &view),
    }
}

/// The view of the last check of the snapshot that is asked about, with what is decided by now.
///
/// # Errors
/// [`Failure`] when it was never checked.
pub(super) fn decided_view(session: &Session, config: &Config, which: &Which) -> Result<View, Failure> {
    let store = session.existing_store(config)?;
    let sequence = session.snapshot(&store, which)?.manifest().header.sequence;
    let mut view = kept::view(&store, sequence)?.ok_or_else(|| {
        Diagnostic::error("CHK001", format!("snapshot {sequence} has not been checked by this version"))
            .fix(format!("run `muster check --snapshot {sequence}`"))
    })?;
    let options = check::options(config).map_err(Failure::Told)?;
    let book = Book::of(&config.policy, &options, session.now(config));
    book.decide(&mut view.findings);
    book.decide(&mut view.unconfirmed);
    view.exceptions = book.exceptions(&view.findings);
    Ok(view)
}

/// Everything that a view tells of: found, not confirmed, resolved by its check.
fn everything(view: &View) -> impl Iterator<Item = &Finding> {
    view.findings.iter().chain(&view.unconfirmed).chain(&view.resolved)
}

/// The finding whose fingerprint starts so.
///
/// # Errors
/// [`Failure`] when there is none, or several.
pub(super) fn find<'v>(view: &'v View, start: &str) -> Result<&'v Finding, Failure> {
    let wanted = start.to_lowercase();
    let mut found = everything(view).filter(|finding| finding.fingerprint.starts_with(&wanted));
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

impl Filter {
    fn wants(&self, finding: &Finding, view: &View) -> bool {
        let rule = self.rule.is_empty()
            || self.rule.iter().any(|rule| finding.rule.eq_ignore_ascii_case(rule) || finding.slug == *rule);
        let system = self.system.is_empty()
            || finding.subject.system.as_ref().is_some_and(|system| self.system.contains(system));
        let owner = finding.owner.as_ref().map_or("nobody", |owner| owner.name.as_str());
        rule && system
            && self.severity.is_none_or(|severity| finding.severity >= severity)
            && (self.state.is_empty() || self.state.contains(&finding.state))
            && (self.owner.is_empty() || self.owner.iter().any(|name| name.to_lowercase() == owner.to_lowercase()))
            && (!self.new || finding.is_new(view.origin.now))
            && (self.all || !finding.baseline)
    }
}

fn list(arguments: &Arguments, session: &Session, config: &Config, view: &View) -> Result<Outcome, Failure> {
    let filter = &arguments.filter;
    // What earlier checks resolved is kept with the check, not with its report.
    let resolved = if filter.state.contains(&State::Resolved) {
        let store = session.existing_store(config)?;
        let sequence = session.snapshot(&store, &arguments.which)?.manifest().header.sequence;
        let frame = store.findings_of(sequence, |column| column != kept::WHOLE)?;
        let frame = frame.map(|frame| kept::findings(&frame)).transpose()?;
        frame.unwrap_or_default().into_iter().filter(|finding| finding.state == State::Resolved).collect()
    } else {
        Vec::new()
    };
    let all = view.findings.iter().chain(&view.unconfirmed).chain(&resolved);
    let findings: Vec<&Finding> = all.filter(|finding| filter.wants(finding, view)).collect();
    let choices = [Choice { name: "table", ending: "txt" }, Choice { name: "json", ending: "json" }];
    for (choice, file) in targets(&session.global.output, &choices)? {
        let mut out = open(file.as_deref())?;
        if choice.name == "json" {
            muster_reports::escape::write_json(&mut out, &findings)?;
        } else {
            let mut table = plain_table(&["fingerprint", "severity", "state", "rule", "system", "owner", "what"]);
            for finding in &findings {
                table.add_row([
                    finding.fingerprint[..12].to_owned(),
                    finding.severity.to_string(),
                    show::state(finding),
                    finding.rule.clone(),
                    visible(finding.subject.system.as_deref().unwrap_or("-")).into_owned(),
                    visible(finding.owner.as_ref().map_or("-", |owner| &owner.name)).into_owned(),
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
