//! `muster access --all`: what every user and role may do, and how much of it nobody used.

use std::io::{self, Write};

use clap::ValueEnum;
use muster_effective::aws::reference::{Level, Reference};
use muster_reports::escape;
use rustc_hash::FxHashMap;
use schemars::JsonSchema;
use serde::Serialize;

use super::super::outcome::{Exit, Failure, Outcome};
use super::super::output::{Choice, open, targets};
use super::super::session::Session;
use super::super::tables::{lines, plain_table, right_align};
use super::Arguments;
use crate::access::aws::excess::{Asked, Holder, Services, everybody};
use crate::access::aws::permitted::layers;
use crate::access::aws::ways::{built_in, sources_of};
use crate::check::asked;
use crate::diagnostic::{Diagnostic, visible};

/// Days within which a use counts where nothing else is said: as XPR-001.
const DAYS: u16 = 90;

/// An access level on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LevelName {
    /// Sees that something exists
    List,
    /// Reads what is in it
    Read,
    /// Makes, changes, deletes
    Write,
    /// Changes tags
    Tagging,
    /// Changes who may do what
    PermissionsManagement,
}

impl LevelName {
    const fn level(self) -> Level {
        match self {
            Self::List => Level::List,
            Self::Read => Level::Read,
            Self::Write => Level::Write,
            Self::Tagging => Level::Tagging,
            Self::PermissionsManagement => Level::PermissionsManagement,
        }
    }
}

/// What `muster access --all -o json` prints.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(crate) struct Everybody {
    /// Days before the reading of each principal's uses within which a use counts.
    pub days: u16,
    /// Only actions of this level; null: of all.
    pub level: Option<&'static str>,
    /// Whether services that were used, or are new to their holder, are left out.
    pub only_unused: bool,
    /// The layers of policies that were regarded; what a policy of a resource grants by itself is not among them.
    pub layers: Vec<&'static str>,
    /// Systems whose users and roles are listed.
    pub systems: Vec<String>,
    /// Systems with accounts of which nobody is listed: they have no policies that can be evaluated.
    pub not_evaluated: Vec<String>,
    /// What was not read and may hide more users and roles.
    pub unread: Vec<String>,
    /// What the answers rest on, with version and day.
    pub sources: Vec<String>,
    /// Users and roles, by system and ARN.
    pub principals: Vec<Holder>,
}

const CHOICES: [Choice; 3] = [
    Choice { name: "table", ending: "txt" },
    Choice { name: "json", ending: "json" },
    Choice { name: "csv", ending: "csv" },
];

/// Lists everybody.
///
/// # Errors
/// [`Failure`] when no system has policies, or the snapshot cannot be read.
pub(super) fn run(arguments: &Arguments, session: &Session) -> Result<Outcome, Failure> {
    let targets = targets(&session.global.output, &CHOICES)?;
    let config = session.config()?;
    let store = session.existing_store(&config)?;
    let snapshot = session.snapshot(&store, &arguments.which)?;
    let now = session.now(&config);
    let techniques = config.policy.techniques.clone().unwrap_or_else(built_in);
    let (asked, not_evaluated) = asked::Asked::everybody(&snapshot, arguments.system.as_deref(), &techniques)?;
    if asked.places.is_empty() {
        return Err(Diagnostic::error("CLI001", "no system of this snapshot has policies that can be evaluated")
            .cause("only AWS systems have them today; `muster snapshots show` lists what was read")
            .maybe_fix(arguments.system.as_ref().map(|name| format!("check the name `{name}`, or leave --system out")))
            .into());
    }
    let of = Asked {
        days: arguments.unused.unwrap_or(DAYS),
        level: arguments.level.map(LevelName::level),
        unused: arguments.unused.is_some(),
        detail: targets.iter().any(|(choice, _)| choice.name != "table"),
        now,
    };
    let mut answer = Everybody {
        days: of.days,
        level: of.level.map(Level::as_str),
        only_unused: of.unused,
        layers: layers(),
        systems: asked.places.iter().map(|place| asked.graph.system_name(place.system).to_owned()).collect(),
        not_evaluated,
        unread: Vec::new(),
        sources: sources_of(Reference::builtin()),
        principals: Vec::new(),
    };
    for place in &asked.places {
        answer.principals.extend(everybody(&asked.graph, place, &of));
        answer.unread.extend(place.unread());
    }
    let nodes = answer.principals.iter().map(|row| row.node);
    let people = asked::people_behind(&snapshot, &config, now, &asked.graph, nodes)?;
    for row in &mut answer.principals {
        row.person = people.get(&row.node).cloned();
    }
    for (choice, file) in targets {
        let mut out = open(file.as_deref())?;
        match choice.name {
            "json" => escape::write_json(&mut out, &answer)?,
            "csv" => csv(&answer, &mut out)?,
            _ => table(&answer, &mut out)?,
        }
        out.close()?;
    }
    Ok(outcome(&answer).allowing_partial(session.global.allow_partial))
}

/// Incomplete where somebody, or something of somebody, was not read: a list that lacks it must not pass for a whole one.
fn outcome(answer: &Everybody) -> Outcome {
    let open: Vec<&Holder> = answer.principals.iter().filter(|row| !row.unread.is_empty()).collect();
    let first = open.iter().flat_map(|row| &row.unread).next();
    match (answer.unread.first(), first) {
        (Some(why), _) => Outcome::new(Exit::Incomplete, format!("there may be more users and roles: {why}")),
        (None, None) => Outcome::answered(),
        (None, Some(why)) => Outcome::new(
            Exit::Incomplete,
            format!("{} of {} users and roles were not read to their end: {why}", open.len(), answer.principals.len()),
        ),
    }
}

/// One row for each principal, service and level; one without a service for who may do nothing that is known.
fn csv(answer: &Everybody, out: &mut impl Write) -> io::Result<()> {
    let mut writer = csv::Writer::from_writer(out);
    writer.write_record([
        "system",
        "account",
        "principal",
        "kind",
        "name",
        "person",
        "can_act",
        "administrator",
        "service",
        "level",
        "allowed",
        "allowed_if",
        "widest",
        "usage",
        "last_use",
        "not_read",
        "unknown_actions",
    ])?;
    for row in &answer.principals {
        let who = [
            harmless(&row.system),
            row.account.clone(),
            harmless(&row.principal),
            row.kind.to_owned(),
            harmless(&row.name),
            harmless(row.person.as_deref().unwrap_or_default()),
            row.can_act.map(|can| can.to_string()).unwrap_or_default(),
            row.administrator.as_str().to_owned(),
        ];
        let unread = harmless(&row.unread.join("; "));
        let unknown = harmless(&row.unknown.join(" "));
        for one in &row.permissions {
            let what = [
                one.service.clone(),
                one.level.to_owned(),
                one.allowed.to_string(),
                one.allowed_if.to_string(),
                harmless(&one.widest),
                one.usage.as_str().to_owned(),
                one.last_use.map(|at| at.to_string()).unwrap_or_default(),
                unread.clone(),
                unknown.clone(),
            ];
            writer.write_record(who.iter().chain(&what))?;
        }
        if row.permissions.is_empty() {
            let what = ["", "", "0", "0", "", "", "", &unread, &unknown];
            writer.write_record(who.iter().map(String::as_str).chain(what))?;
        }
    }
    writer.flush()
}

/// Nothing that a spreadsheet calculates, nothing that a terminal obeys.
fn harmless(text: &str) -> String {
    escape::visible(&escape::formula_safe(text)).into_owned()
}

fn table(answer: &Everybody, out: &mut impl Write) -> io::Result<()> {
    let header = [
        "account",
        "who",
        "person",
        "administrator",
        "highest level",
        "actions",
        "allowed if",
        "services",
        "not used",
        "last use",
        "not read",
    ];
    let mut table = plain_table(&header);
    right_align(&mut table, &[5, 6, 7]);
    let mut notes = Notes::default();
    for row in &answer.principals {
        let shown = |text: &str| visible(text).into_owned();
        let cannot_act = if row.can_act == Some(false) { " (cannot act)" } else { "" };
        let who = row.principal.splitn(6, ':').nth(5).unwrap_or(&row.name);
        table.add_row([
            row.account.clone(),
            format!("{}{cannot_act}", shown(who)),
            shown(row.person.as_deref().unwrap_or_default()),
            row.administrator.as_str().to_owned(),
            row.level.unwrap_or_default().to_owned(),
            actions(row),
            row.allowed_if.to_string(),
            row.services.granted.to_string(),
            not_used(&row.services),
            row.last_use.map_or_else(String::new, |at| at.strftime("%Y-%m-%d").to_string()),
            notes.of(&row.unread),
        ]);
    }
    if answer.principals.is_empty() {
        writeln!(out, "nobody of {}, as far as it was read", visible(&answer.systems.join(", ")))?;
    } else {
        lines(&table, out)?;
    }
    for (number, why) in (1..).zip(&notes.reasons) {
        writeln!(out, "[{number}] not read: {}", visible(why))?;
    }
    for unread in &answer.unread {
        writeln!(out, "not read, and there may be more of them: {}", visible(unread))?;
    }
    writeln!(
        out,
        "not used: services without a use in the {} days before they were read, as AWS tells; by {}",
        answer.days,
        answer.layers.join(", ")
    )?;
    if !answer.not_evaluated.is_empty() {
        writeln!(out, "nobody is listed of {}", visible(&answer.not_evaluated.join(", ")))?;
    }
    writeln!(out, "rests on {}", visible(&answer.sources.join("; ")))
}

/// How many actions are allowed, and whether there are some that the reference does not know.
fn actions(row: &Holder) -> String {
    let unknown = row.unknown.len();
    if unknown == 0 { row.allowed.to_string() } else { format!("{} and {unknown} unknown", row.allowed) }
}

/// How many services were not used, and of how many that is not known.
fn not_used(services: &Services) -> String {
    let Services { granted, unused, new, unknown, .. } = *services;
    if granted > 0 && unknown == granted {
        return "unknown".to_owned();
    }
    let more = [(new, "new"), (unknown, "unknown")].into_iter().filter(|(count, _)| *count > 0);
    more.fold(unused.to_string(), |text, (count, what)| format!("{text}, {count} {what}"))
}

/// Reasons that many share, each told once.
#[derive(Debug, Default)]
struct Notes {
    reasons: Vec<String>,
    numbers: FxHashMap<String, usize>,
}

impl Notes {
    fn of(&mut self, unread: &[String]) -> String {
        let mut marks = String::new();
        for why in unread {
            let number = *self.numbers.entry(why.clone()).or_insert_with(|| {
                self.reasons.push(why.clone());
                self.reasons.len()
            });
            marks.push_str(&format!("[{number}]"));
        }
        marks
    }
}
