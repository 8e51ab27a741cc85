//! `muster snapshots list|show|verify|prune`.

use std::io::Write as _;

use clap::{Args, Subcommand};
use comfy_table::Table;
use serde_json::{Value as Json, json};

use super::Which;
use super::outcome::{Exit, Failure, Outcome};
use super::output::{Choice, open, targets};
use super::session::Session;
use super::tables::{plain_table, right_align};
use crate::collect::is_doubtful;
use crate::diagnostic::{Diagnostic, visible};
use crate::snapshot::{Keep, Manifest, PrunePlan};

/// Arguments of `muster snapshots`.
#[derive(Debug, Clone, Args)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub action: Action,
}

/// What to do.
#[derive(Debug, Clone, Subcommand)]
pub enum Action {
    /// List the chain, oldest first
    List,
    /// Show a snapshot: systems, scopes, states and rows
    Show {
        /// Number, hash, `latest` or `previous`
        #[arg(value_name = "SNAPSHOT", conflicts_with_all = ["snapshot", "as_of"])]
        name: Option<String>,
        /// Which one.
        #[command(flatten)]
        which: Which,
    },
    /// Re-hash everything and follow the chain
    Verify,
    /// Retire the rows of old snapshots; headers stay, so that the chain still verifies
    Prune(PruneArguments),
}

/// What stays. A snapshot stays when any line wants it.
#[derive(Debug, Clone, Args)]
pub struct PruneArguments {
    /// The newest ones
    #[arg(long, value_name = "NUMBER", default_value_t = 7)]
    pub keep_last: usize,
    /// The last one of each of this many days
    #[arg(long, value_name = "NUMBER", default_value_t = 30)]
    pub keep_daily: usize,
    /// The last one of each of this many weeks
    #[arg(long, value_name = "NUMBER", default_value_t = 26)]
    pub keep_weekly: usize,
    /// The last one of each of this many months
    #[arg(long, value_name = "NUMBER", default_value_t = 24)]
    pub keep_monthly: usize,
    /// The last one of each of this many years
    #[arg(long, value_name = "NUMBER", default_value_t = 10)]
    pub keep_yearly: usize,
    /// Say what would go, and do nothing
    #[arg(long)]
    pub dry_run: bool,
}

const CHOICES: [Choice; 2] = [Choice { name: "table", ending: "txt" }, Choice { name: "json", ending: "json" }];

/// Runs the action.
///
/// # Errors
/// [`Failure`] when the store cannot be used.
pub fn run(arguments: &Arguments, session: &Session) -> Result<Outcome, Failure> {
    match &arguments.action {
        Action::List => list(session),
        Action::Show { name, which } => {
            show(session, &Which { snapshot: name.clone().or(which.snapshot.clone()), as_of: which.as_of })
        }
        Action::Verify => verify(session),
        Action::Prune(arguments) => prune(session, arguments),
    }
}

fn list(session: &Session) -> Result<Outcome, Failure> {
    let config = session.config()?;
    let manifests = session.existing_store(&config)?.manifests()?;
    let mut table = plain_table(&["number", "taken", "systems", "records", "incomplete", "id"]);
    for manifest in &manifests {
        let header = &manifest.header;
        let id: String = manifest.id.chars().take(12).collect();
        let cells = if manifest.pruned {
            [header.sequence.to_string(), header.taken.to_string(), "pruned".into(), String::new(), String::new(), id]
        } else {
            let (systems, records) = (manifest.systems.len().to_string(), manifest.records().to_string());
            [header.sequence.to_string(), header.taken.to_string(), systems, records, incomplete(manifest), id]
        };
        table.add_row(cells);
    }
    right_align(&mut table, &[0, 2, 3]);
    let json = manifests.iter().map(|manifest| {
        json!({
            "number": manifest.header.sequence,
            "id": manifest.id,
            "taken": manifest.header.taken,
            "previous": manifest.header.previous,
            "tool": manifest.header.tool,
            "config": manifest.header.config,
            "pruned": manifest.pruned,
            "systems": manifest.systems.len(),
            "records": manifest.records(),
        })
    });
    write(session, &table, &json.collect::<Vec<_>>())
}

/// The systems of which something was asked for and not read or not believed.
fn incomplete(manifest: &Manifest) -> String {
    let mut names: Vec<&str> =
        manifest.kinds().filter(|view| is_doubtful(view.state())).map(|view| view.system).collect();
    names.dedup();
    names.join(", ")
}

fn show(session: &Session, which: &Which) -> Result<Outcome, Failure> {
    let config = session.config()?;
    let snapshot = session.snapshot(&session.existing_store(&config)?, which)?;
    write_scopes(session, snapshot.manifest())
}

/// Refuses what `-o` asks for and these commands cannot write.
///
/// # Errors
/// A format that is none of theirs.
pub(super) fn check_outputs(session: &Session) -> Result<(), Failure> {
    targets(&session.global.output, &CHOICES).map(drop)
}

/// Writes what a snapshot holds of every kind of every scope, and how far it was read.
///
/// # Errors
/// An output cannot be written.
pub(super) fn write_scopes(session: &Session, manifest: &Manifest) -> Result<Outcome, Failure> {
    let mut table = plain_table(&["system", "scope", "kind", "state", "read", "held", "why"]);
    let mut json = Vec::new();
    for view in manifest.kinds() {
        let read =
            view.entry.parts.iter().filter(|part| part.table == view.kind.as_str()).map(|part| part.rows).sum::<u64>();
        let carried = view.entry.carried.iter().flat_map(|layer| &layer.parts);
        let held = read + carried.filter(|part| part.table == view.kind.as_str()).map(|part| part.rows).sum::<u64>();
        let gaps = view.report().map(|report| report.gaps.as_slice()).unwrap_or_default();
        let gap = gaps.first().map(|gap| format!("{} {}", gap.code, gap.what));
        let suspect = view.entry.suspect.as_ref().map(|reasons| reasons.replace('\n', "; "));
        let why = suspect.or(gap).unwrap_or_default();
        let state = view.state().as_str();
        let cells = [view.system, view.scope, view.kind.as_str(), state].map(|text| visible(text).into_owned());
        table.add_row(cells.into_iter().chain([read.to_string(), held.to_string(), visible(&why).into_owned()]));
        json.push(json!({
            "system": view.system, "scope": view.scope, "kind": view.kind, "state": state, "read": read, "held": held,
            "suspect": view.entry.suspect, "gaps": gaps, "collected": view.entry.collected,
        }));
    }
    right_align(&mut table, &[4, 5]);
    write(session, &table, &json)
}

fn verify(session: &Session) -> Result<Outcome, Failure> {
    let config = session.config()?;
    let found = session.existing_store(&config)?.verify()?;
    for damage in &found.damage {
        let mut diagnostic = Diagnostic::error("SNP005", damage.what.clone()).fix(damage.fix.clone());
        diagnostic.at = Some(damage.path.display().to_string());
        session.tell(&if damage.concerns.is_empty() {
            diagnostic
        } else {
            diagnostic.effect(damage.concerns.join("; "))
        });
    }
    let checked = format!(
        "{} snapshots ({} pruned), {} objects, {} bytes",
        found.snapshots, found.pruned, found.objects, found.bytes
    );
    if found.is_sound() {
        return Ok(Outcome::new(Exit::Clean, format!("the store is sound: {checked}")));
    }
    Ok(Outcome::new(Exit::Failed, format!("{} damaged files; checked {checked}", found.damage.len())))
}

fn prune(session: &Session, arguments: &PruneArguments) -> Result<Outcome, Failure> {
    let config = session.config()?;
    let store = session.existing_store(&config)?;
    let keep = Keep {
        last: arguments.keep_last,
        daily: arguments.keep_daily,
        weekly: arguments.keep_weekly,
        monthly: arguments.keep_monthly,
        yearly: arguments.keep_yearly,
    };
    let (plan, done) = if arguments.dry_run {
        (store.plan_prune(keep)?, "would go")
    } else {
        (store.prune(&session.lock(&store)?, keep)?, "went")
    };
    let PrunePlan { go, stay, objects, bytes } = plan;
    let mut out = open(None)?;
    for number in &go {
        writeln!(out, "snapshot {number}")?;
    }
    out.close()?;
    let what = format!(
        "{} snapshots and {} objects ({bytes} bytes) {done}, {} snapshots stay",
        go.len(),
        objects.len(),
        stay.len()
    );
    Ok(Outcome::new(Exit::Clean, what))
}

fn write(session: &Session, table: &Table, json: &[Json]) -> Result<Outcome, Failure> {
    for (choice, file) in targets(&session.global.output, &CHOICES)? {
        let mut out = open(file.as_deref())?;
        if choice.name == "json" {
            writeln!(out, "{:#}", Json::from(json.to_vec()))?;
        } else {
            for line in table.lines() {
                writeln!(out, "{}", line.trim_end())?;
            }
        }
        out.close()?;
    }
    Ok(Outcome::answered())
}
