//! `muster who-can ACTION [RESOURCE]`: every principal and person who may do it, each with one way.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use clap::Args;
use muster_effective::aws::reference::Reference;
use schemars::JsonSchema;
use serde::Serialize;

use super::Which;
use super::outcome::{Exit, Failure, Outcome};
use super::output::{Choice, open, targets};
use super::session::Session;
use super::tables::{lines, plain_table};
use super::through::GoesThrough;
use crate::access::aws::question::{self, Can, WhoCan, who_can};
use crate::access::aws::ways::{built_in, sources};
use crate::check::asked::{Asked, people_behind};
use crate::diagnostic::{Diagnostic, similar, visible};
use crate::people::fold;

/// Statements and conditions that a table names; JSON has all of them.
const LISTED: usize = 2;

/// Arguments of `muster who-can`.
#[derive(Debug, Clone, Args)]
pub struct Arguments {
    /// An action, as `s3:GetObject`, or several, as `s3:Get*`
    pub action: String,
    /// ARN of a resource; without it, anything at all
    pub resource: Option<String>,
    /// Also who can by becoming somebody else first
    #[arg(long)]
    pub transitive: bool,
    /// Only in this system
    #[arg(long, value_name = "NAME")]
    pub system: Option<String>,
    /// Exit with 1 when somebody can who is not expected: `none`, or a file with one ARN, id or name a line
    #[arg(long, value_name = "none|FILE")]
    pub expect: Option<PathBuf>,
    /// What requests go through.
    #[command(flatten)]
    pub through: GoesThrough,
    /// Which snapshot.
    #[command(flatten)]
    pub which: Which,
}

/// What `muster who-can -o json` prints.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Answers {
    /// The action, or the pattern of several.
    pub action: String,
    /// The resource; `None`: anything at all.
    pub resource: Option<String>,
    /// Whether the reference data knows the action; of one that it does not know nothing but what policies say is known.
    pub known_action: bool,
    /// Whether who becomes somebody else first counts.
    pub transitive: bool,
    /// Who can, or may be able to.
    pub who: Vec<WhoCan>,
    /// What was not read and may hide more of them.
    pub unread: Vec<String>,
    /// What the answers rest on, with version and day.
    pub sources: Vec<String>,
}

/// Lists who can.
///
/// # Errors
/// [`Failure`] when the action is no action, no system has policies, or the snapshot cannot be read.
pub fn run(arguments: &Arguments, session: &Session) -> Result<Outcome, Failure> {
    let expected = arguments.expect.as_deref().map(expected).transpose()?;
    let reference = Reference::builtin();
    let known_action = check_action(&arguments.action, reference, session)?;
    let config = session.config()?;
    let store = session.existing_store(&config)?;
    let snapshot = session.snapshot(&store, &arguments.which)?;
    let techniques = config.policy.techniques.clone().unwrap_or_else(built_in);
    // Who becomes somebody else first may be of any account.
    let about = arguments.resource.as_deref().filter(|_| !arguments.transitive);
    let actions = question::actions(reference, &arguments.action, arguments.resource.as_deref());
    let about: Vec<(&str, Option<&str>)> =
        actions.iter().map(|(action, on)| (action.as_str(), on.as_deref().filter(|_| about.is_some()))).collect();
    let asked = Asked::who_can(&snapshot, arguments.system.as_deref(), &techniques, &about, arguments.transitive)?;
    if asked.places.is_empty() {
        return Err(Diagnostic::error("CLI001", "no system of this snapshot has policies that can be evaluated")
            .cause("only AWS systems have them today; `muster snapshots show` lists what was read")
            .maybe_fix(arguments.system.as_ref().map(|name| format!("check the name `{name}`, or leave --system out")))
            .into());
    }
    let mut answers = Answers {
        action: arguments.action.clone(),
        resource: arguments.resource.clone(),
        known_action,
        transitive: arguments.transitive,
        who: Vec::new(),
        unread: Vec::new(),
        sources: sources(reference, &techniques),
    };
    for place in &asked.places {
        let through = arguments.through.read(place, &arguments.action)?;
        answers.who.extend(who_can(&asked.graph, place, &actions, arguments.transitive, &through));
        answers.unread.extend(place.unread());
    }
    let accounts = answers.who.iter().map(|row| row.node);
    let people = people_behind(&snapshot, &config, session.now(&config), &asked.graph, accounts)?;
    for row in &mut answers.who {
        row.person = people.get(&row.node).cloned();
    }
    write(session, &answers)?;
    // The process ends here: giving back a hundred thousand principals piece by piece would take longer than some of the answer.
    std::mem::forget(asked);
    Ok(match expected {
        None => Outcome::answered(),
        Some(expected) => judge(&answers, &expected, session).allowing_partial(session.global.allow_partial),
    })
}

/// Whether the reference knows the action.
fn check_action(action: &str, reference: &Reference, session: &Session) -> Result<bool, Failure> {
    let Some((service, name)) = action.split_once(':') else {
        let near =
            similar(action, reference.actions().iter().map(|action| action.name.split(':').nth(1).unwrap_or_default()));
        let named =
            near.and_then(|near| reference.actions().iter().find(|action| action.name.ends_with(&format!(":{near}"))));
        return Err(Diagnostic::error("CLI001", format!("`{action}` is no action"))
            .cause("an action is a service and a name, as `s3:GetObject`")
            .maybe_fix(named.map(|action| format!("did you mean `{}`?", action.name)))
            .into());
    };
    let is_pattern = action.contains(['*', '?']);
    if service.is_empty() || name.is_empty() || service.contains(['*', '?']) {
        return Err(Diagnostic::error("CLI001", format!("`{action}` names no actions of a service"))
            .cause("actions of one service are asked about at a time")
            .fix("name some, as `s3:GetObject` or `s3:Get*`")
            .into());
    }
    if is_pattern {
        if reference.matching(action).iter().all(std::ops::Range::is_empty) {
            return Err(Diagnostic::error(
                "CLI001",
                format!("no action that the reference data knows is a `{action}`"),
            )
            .fix("name one, as `s3:GetObject`, or a pattern, as `s3:Get*`")
            .into());
        }
        return Ok(true);
    }
    if reference.find(action).is_some() {
        return Ok(true);
    }
    let near = similar(action, reference.actions().iter().map(|action| &*action.name));
    session.tell(
        &Diagnostic::warning("CLI005", format!("the reference data does not know the action `{action}`"))
            .effect("policies are matched by its name alone; on which resources it can be limited is not known")
            .maybe_fix(near.map(|near| format!("did you mean `{near}`?"))),
    );
    Ok(false)
}

/// Names that are expected, as written by their folded form; empty for `none`.
fn expected(path: &std::path::Path) -> Result<BTreeMap<String, String>, Failure> {
    if path.as_os_str() == "none" {
        return Ok(BTreeMap::new());
    }
    let text = std::fs::read_to_string(path).map_err(|error| {
        Diagnostic::error("CLI006", format!("cannot read `{}`", path.display()))
            .cause(error.to_string())
            .fix("name a text file with one ARN, id or name a line; lines that begin with # do not count")
    })?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    Ok(lines.map(|line| (fold(line), line.to_owned())).collect())
}

/// The gate: everybody who can must be expected.
fn judge(answers: &Answers, expected: &BTreeMap<String, String>, session: &Session) -> Outcome {
    let is_expected = |one: &WhoCan| {
        let names = [Some(&one.principal), Some(&one.name), one.person.as_ref()];
        names.into_iter().flatten().any(|name| expected.contains_key(&fold(name)))
    };
    let surprises: Vec<&WhoCan> = answers.who.iter().filter(|one| !is_expected(one)).collect();
    let can = surprises.iter().filter(|one| one.can != Can::NotEvaluated).count();
    let open = surprises.len() - can;
    let known: BTreeSet<String> = answers
        .who
        .iter()
        .flat_map(|one| [fold(&one.principal), fold(&one.name), fold(one.person.as_deref().unwrap_or_default())])
        .collect();
    for (_, gone) in expected.iter().filter(|(name, _)| !known.contains(*name)) {
        session.tell(&Diagnostic::note("CLI007", format!("`{gone}` is expected and cannot")));
    }
    let unread = open > 0 || !answers.unread.is_empty();
    match (can, unread) {
        (0, false) => Outcome::new(Exit::Clean, "nobody can who is not expected"),
        (0, true) => {
            let why = answers.unread.first().cloned().unwrap_or_else(|| format!("{open} could not be evaluated"));
            Outcome::new(Exit::Incomplete, format!("nobody is known to can who is not expected, but {why}"))
        }
        (can, false) => Outcome::new(Exit::Findings, format!("{can} can who are not expected")),
        (can, true) => Outcome::new(Exit::Findings, format!("{can} can who are not expected")).worst(Outcome::new(
            Exit::Incomplete,
            format!("{can} can who are not expected, and not everything was read"),
        )),
    }
}

fn write(session: &Session, answers: &Answers) -> Result<(), Failure> {
    let choices = [Choice { name: "table", ending: "txt" }, Choice { name: "json", ending: "json" }];
    for (choice, file) in targets(&session.global.output, &choices)? {
        let mut out = open(file.as_deref())?;
        if choice.name == "json" {
            muster_reports::escape::write_json(&mut out, answers)?;
        } else {
            table(answers, &mut out)?;
        }
        out.close()?;
    }
    Ok(())
}

fn table(answers: &Answers, out: &mut impl std::io::Write) -> std::io::Result<()> {
    let several = answers.action.contains(['*', '?']);
    let mut table = plain_table(&["can", "account", "who", "person", "on", "last use", "by"]);
    if several {
        table = plain_table(&["can", "account", "who", "person", "action", "on", "last use", "by"]);
    }
    for one in &answers.who {
        let shown = |text: &str| visible(text).into_owned();
        let cannot_act = if one.can_act == Some(false) { " (cannot act)" } else { "" };
        let more = if one.more_resources == 0 { String::new() } else { format!(" and {} more", one.more_resources) };
        let mut row = vec![
            one.can.as_str().to_owned(),
            shown(&one.account),
            format!("{}{cannot_act}", shown(short(&one.principal, &one.name))),
            shown(one.person.as_deref().unwrap_or_default()),
            format!("{}{more}", shown(&one.resource)),
            one.last_use.as_ref().map_or_else(String::new, |last| {
                last.at.map_or_else(|| last.state.to_string(), |at| at.strftime("%Y-%m-%d").to_string())
            }),
            shown(&why(one)),
        ];
        if several {
            row.insert(4, listed(&one.actions));
        }
        table.add_row(row);
    }
    if answers.who.is_empty() {
        writeln!(out, "nobody can, as far as it was read")?;
    } else {
        lines(&table, out)?;
    }
    for unread in &answers.unread {
        writeln!(out, "not read: {}", visible(unread))?;
    }
    writeln!(out, "rests on {}", visible(&answers.sources.join("; ")))
}

/// The first of some actions, and how many there are beside them.
fn listed(actions: &[String]) -> String {
    let first = actions.iter().take(LISTED).map(String::as_str).collect::<Vec<&str>>().join(", ");
    if actions.len() > LISTED { format!("{first} and {} more", actions.len() - LISTED) } else { first }
}

/// Name and kind of a principal without what its account says already.
fn short<'a>(principal: &'a str, name: &'a str) -> &'a str {
    principal.splitn(6, ':').nth(5).unwrap_or(name)
}

/// The way, the statements, the conditions and what was not read, in this order.
fn why(one: &WhoCan) -> String {
    let mut parts: Vec<String> = one
        .through
        .iter()
        .map(|hop| match &hop.to {
            Some(to) => format!("{} → {}", hop.how, short(to, to)),
            None => format!("{} → administrator", hop.how),
        })
        .collect();
    let statements = one.statements.iter().take(LISTED).map(|statement| match &statement.sid {
        Some(sid) => format!("{} ({sid})", statement.policy),
        None => format!("{} (statement {})", statement.policy, statement.statement),
    });
    parts.extend(statements);
    if one.statements.len() > LISTED {
        parts.push(format!("{} more statements", one.statements.len() - LISTED));
    }
    if !one.conditions.is_empty() {
        parts.push(format!("if {}", one.conditions.join(" and ")));
    }
    parts.extend(one.unread.iter().take(LISTED).map(|unread| format!("not read: {unread}")));
    parts.join("; ")
}
