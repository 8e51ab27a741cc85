//! `muster policy check|test|diff|suggest`: what the policy folder says, before it counts.

mod diff;
pub(in crate::cli) mod least_privilege;
pub(in crate::cli) mod simulate;
pub(in crate::cli) mod what_if;

use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};

use super::Which;
use super::outcome::{Exit, Failure, Outcome};
use super::output::{Choice, open, targets};
use super::session::Session;
use super::tables::{plain_table, right_align};
use crate::check::cases::{self, Placed};
use crate::check::{Estate, policy_lint};
use crate::config::{Config, Policy};
use crate::diagnostic::{Diagnostic, Level, visible};
use crate::suggest::{self, Name, Proposal, Settings};

/// Arguments of `muster policy`.
#[derive(Debug, Clone, Args)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub action: Action,
}

/// What to do.
#[derive(Debug, Clone, Subcommand)]
pub enum Action {
    /// Read every file of the policy folder and look for what is wrong, with its place
    Check {
        /// Another folder than the config's
        folder: Option<PathBuf>,
        /// Which snapshot's names count.
        #[command(flatten)]
        which: Which,
    },
    /// Run test cases: one JSON object a line, or TOML; stops at the first disagreement
    Test {
        /// The file
        file: PathBuf,
    },
    /// Which findings another policy folder adds and removes, on a stored snapshot
    Diff {
        /// The folder as it is
        old: PathBuf,
        /// The folder as it is to be
        new: PathBuf,
        /// Which snapshot.
        #[command(flatten)]
        which: Which,
    },
    /// Whether a user, a role or a service may do something, and which statements decide
    Simulate(simulate::Arguments),
    /// Who would gain and who would lose what by another policy, service control policy, membership or detachment
    WhatIf(what_if::Arguments),
    /// Propose policy from what people hold today
    Suggest {
        /// What to propose
        what: Suggested,
        /// For least-privilege: a user or role, by ARN, id or name
        principal: Option<String>,
        /// For least-privilege: days back within which a use counts; AWS tells of the last 400
        #[arg(long, value_name = "NUMBER", default_value_t = 90, value_parser = clap::value_parser!(u16).range(1..=400))]
        days: u16,
        /// Limits.
        #[command(flatten)]
        limits: Limits,
        /// Which snapshot.
        #[command(flatten)]
        which: Which,
    },
}

/// What can be proposed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Suggested {
    /// The smallest policies with which a principal can still do what it did.
    LeastPrivilege,
    /// Birthrights by attributes, and add-ons.
    Roles,
}

/// What counts as a role.
#[derive(Debug, Clone, Args)]
pub struct Limits {
    /// Fewest people whom a role is for
    #[arg(long, value_name = "NUMBER", default_value_t = 10, value_parser = clap::value_parser!(u32).range(4..))]
    pub min_people: u32,
    /// Smallest share of them who hold what it gives, in percent
    #[arg(long, value_name = "PERCENT", default_value_t = 90, value_parser = clap::value_parser!(u8).range(50..=100))]
    pub min_confidence: u8,
    /// How many times as often as everybody they have to hold it
    #[arg(long, value_name = "TIMES", default_value_t = 1.2)]
    pub min_lift: f64,
    /// Most attributes that a condition combines
    #[arg(long, value_name = "NUMBER", default_value_t = 2, value_parser = clap::value_parser!(u8).range(0..=5))]
    pub max_attributes: u8,
}

/// Checks, tests, compares or proposes.
///
/// # Errors
/// [`Failure`] when the config, a folder, a file or the snapshot cannot be used.
pub fn run(arguments: &Arguments, session: &Session) -> Result<Outcome, Failure> {
    match &arguments.action {
        Action::Check { folder, which } => {
            let mut config = session.config()?;
            if let Some(folder) = folder {
                config.policy = read(folder, &config)?;
            }
            check(session, &config, which)
        }
        Action::Test { file } => test(session, file),
        Action::Diff { old, new, which } => diff::run(session, session.config()?, old, new, which),
        Action::WhatIf(arguments) => what_if::run(session, arguments),
        Action::Simulate(arguments) => simulate::run(session, arguments),
        Action::Suggest { what: Suggested::Roles, limits, which, principal: None, days: _ } => {
            suggest_roles(session, &session.config()?, limits, which)
        }
        Action::Suggest { what: Suggested::Roles, principal: Some(name), .. } => {
            Err(Diagnostic::error("CLI001", format!("`{name}` is a principal, and roles are proposed for everybody"))
                .fix("leave it out, or write `muster policy suggest least-privilege NAME`")
                .into())
        }
        Action::Suggest { what: Suggested::LeastPrivilege, principal: Some(name), days, which, .. } => {
            least_privilege::run(session, name, *days, which)
        }
        Action::Suggest { what: Suggested::LeastPrivilege, principal: None, .. } => {
            Err(Diagnostic::error("CLI001", "least-privilege needs the principal that it is for")
                .fix("write `muster policy suggest least-privilege NAME`")
                .into())
        }
    }
}

/// A policy folder that the config does not name.
fn read(folder: &Path, config: &Config) -> Result<Policy, Failure> {
    if !folder.is_dir() {
        return Err(Diagnostic::error("CFG010", format!("the policy folder `{}` does not exist", folder.display()))
            .fix("name a folder with files such as roles.toml and sod.toml")
            .into());
    }
    let systems: Vec<String> = config.systems.iter().map(|system| system.name.clone()).collect();
    Policy::read(folder, &systems).map_err(Failure::Told)
}

fn check(session: &Session, config: &Config, which: &Which) -> Result<Outcome, Failure> {
    let now = session.now(config);
    let problems = if config.store.value.exists() {
        let snapshot = session.snapshot(&session.store(config)?, which)?;
        policy_lint::with_snapshot(&Estate::load(&snapshot, config, now)?, config, now)
    } else {
        session.tell(
            &Diagnostic::note("SNP004", "there is no snapshot yet")
                .effect("whether the names in the policy mean anything is not checked"),
        );
        policy_lint::without_snapshot(&config.policy, now)
    };
    for problem in &problems {
        session.tell(problem);
    }
    let found = problems.iter().filter(|problem| problem.level > Level::Note).count();
    let policy = &config.policy;
    let roles = policy.roles.as_ref().map_or(0, |catalogue| catalogue.roles.len());
    let conflicts = policy.sod.as_ref().map_or(0, |matrix| matrix.conflicts.len());
    let read = format!("{roles} roles, {conflicts} conflicts, {} decisions about links", policy.decisions().count());
    Ok(match found {
        0 => Outcome::new(Exit::Clean, format!("the policy is right: {read}")),
        1 => Outcome::new(Exit::Findings, format!("one problem in the policy, see above ({read})")),
        several => Outcome::new(Exit::Findings, format!("{several} problems in the policy, see above ({read})")),
    })
}

/// Cases about requests to AWS bring their policies along; only those about roles and duties need the config's.
fn test(session: &Session, file: &Path) -> Result<Outcome, Failure> {
    let text = std::fs::read_to_string(file).map_err(|error| {
        Failure::from(
            Diagnostic::error("POL006", format!("cannot read `{}`", file.display()))
                .cause(error.to_string())
                .fix("name a readable UTF-8 file of cases"),
        )
    })?;
    let (cases, notes) = cases::read(file, text).map_err(Failure::Told)?;
    for note in &notes {
        session.tell(note);
    }
    let config = if cases.iter().any(Placed::needs_policy) { Some(session.config()?) } else { None };
    let judged = config.as_ref().map(|config| (&config.policy, session.now(config)));
    for (number, case) in cases.iter().enumerate() {
        let disagreement = case.disagreement(judged)?;
        if !disagreement.is_empty() {
            let mut out = open(None)?;
            writeln!(out, "{}: case {}", case.place(), visible(case.id()))?;
            for line in disagreement.lines() {
                writeln!(out, "  {}", visible(line))?;
            }
            out.close()?;
            let what = format!("the policy disagrees with case `{}`, after {number} that agree", case.id());
            return Ok(Outcome::new(Exit::Findings, what));
        }
    }
    Ok(Outcome::new(Exit::Clean, format!("the policy agrees with all {} cases", cases.len())))
}

const CHOICES: [Choice; 3] = [
    Choice { name: "toml", ending: "toml" },
    Choice { name: "json", ending: "json" },
    Choice { name: "table", ending: "txt" },
];

fn suggest_roles(session: &Session, config: &Config, limits: &Limits, which: &Which) -> Result<Outcome, Failure> {
    let outputs = targets(&session.global.output, &CHOICES)?;
    let store = session.existing_store(config)?;
    let now = session.now(config);
    let estate = Estate::load(&session.snapshot(&store, which)?, config, now)?;
    let settings = Settings {
        min_people: limits.min_people as usize,
        min_confidence: f64::from(limits.min_confidence) / 100.0,
        min_lift: limits.min_lift,
        max_attributes: usize::from(limits.max_attributes),
        ..Settings::default()
    };
    let proposal = suggest::propose(&estate, now, &settings);
    for (choice, file) in outputs {
        let mut out = open(file.as_deref())?;
        match choice.name {
            "json" => {
                muster_reports::escape::write_json(&mut out, &proposal)?;
            }
            "table" => writeln!(out, "{}", table(&proposal))?,
            _ => suggest::write_toml(&proposal, &settings, &mut out)?,
        }
        out.close()?;
    }
    let unread = estate.graph.coverage().rows().iter().find(|row| !row.proves_absence);
    let told = format!(
        "{} birthrights and {} add-ons proposed for {} people at work",
        proposal.birthrights.len(),
        proposal.add_ons.len(),
        proposal.people
    );
    Ok(match unread {
        None => Outcome::new(Exit::Clean, told),
        Some(row) => {
            Outcome::new(Exit::Incomplete, format!("{told}, though not everything was read: {}", row.shortfall()))
                .allowing_partial(session.global.allow_partial)
        }
    })
}

fn table(proposal: &Proposal) -> String {
    let mut table = plain_table(&["role", "for", "people", "gives", "support", "confidence", "lift"]);
    right_align(&mut table, &[2, 4, 5, 6]);
    let name = |name: &Name| visible(&format!("{}:{}", name.system, name.name)).into_owned();
    for role in &proposal.birthrights {
        let when = role.when.iter().map(|(field, value)| format!("{field} {value}")).collect::<Vec<_>>().join(", ");
        let when = if when.is_empty() { "everybody".to_owned() } else { when };
        for given in &role.contains {
            table.add_row([
                role.id.clone(),
                visible(&when).into_owned(),
                role.people.to_string(),
                name(&given.name),
                given.support.to_string(),
                format!("{:.1} %", given.confidence * 100.0),
                format!("{:.2}", given.lift),
            ]);
        }
    }
    for role in &proposal.add_ons {
        let when =
            role.department.as_ref().map_or_else(|| "on request".to_owned(), |name| format!("on request, {name}"));
        for item in &role.contains {
            table.add_row([
                role.id.clone(),
                visible(&when).into_owned(),
                role.support.to_string(),
                name(item),
                role.support.to_string(),
                format!("{:.1} %", role.cohesion * 100.0),
                String::new(),
            ]);
        }
    }
    table.trim_fmt()
}
