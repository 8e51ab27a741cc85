//! `muster path FROM TO`: the shortest way from a principal to a group or entitlement, over the applications of an identity provider where
//! one leads there, or to another principal of AWS that it can become.

use std::io::Write as _;

use clap::Args;
use serde_json::{Value as Json, json};

use super::Which;
use super::access::crossing::{steps as steps_of, told_by};
use super::access::named;
use super::names::accounts_called;
use super::outcome::{Failure, Outcome};
use super::output::{Choice, open, targets};
use super::session::Session;
use crate::access::applications::Applications;
use crate::access::crossing::{Crossing, Landing, Leads, crossings};
use crate::check::Estate;
use crate::diagnostic::{Diagnostic, similar, visible};
use crate::graph::{Graph, NodeIx, Step};
use crate::people::fold;

/// Arguments of `muster path`.
#[derive(Debug, Clone, Args)]
pub struct Arguments {
    /// An account or a person
    pub from: String,
    /// A group, role, policy or other entitlement, or a user or role of AWS, by name, id or ARN
    pub to: String,
    /// Which snapshot.
    #[command(flatten)]
    pub which: Which,
}

/// Shows one shortest path for every account that reaches the target.
///
/// # Errors
/// [`Failure`] when a name stands for nothing.
pub fn run(arguments: &Arguments, session: &Session) -> Result<Outcome, Failure> {
    let config = session.config()?;
    let store = session.existing_store(&config)?;
    let snapshot = session.snapshot(&store, &arguments.which)?;
    let estate = Estate::load(&snapshot, &config, session.now(&config))?;
    let sources = named(&estate, &arguments.from)?;
    let ends = holdable(&estate.graph, &arguments.to);
    if ends.is_empty() {
        let others = accounts_called(&estate, &arguments.to);
        if others.is_empty() {
            let graph = &estate.graph;
            let held = graph.groups().map(|(ix, _)| ix).chain(graph.entitlements().map(|(ix, _)| ix));
            let near = similar(&arguments.to, held.map(|ix| graph.name(ix)));
            let near = near.map(|near| format!("did you mean `{near}`?"));
            return Err(Diagnostic::error(
                "CLI001",
                format!("no group, entitlement or account is called `{}`", arguments.to),
            )
            .fix(near.unwrap_or_else(|| {
                "`muster query \"select system, id, name from groups\"` lists the groups".to_owned()
            }))
            .into());
        }
        return becoming(session, &estate, arguments, &sources, &others);
    }
    let reach = estate.graph.reaching(&ends, |_| true);
    let applications = Applications::of(&estate.graph, &config.policy);
    let ways = crossings(&estate.graph, &estate.people, &applications, &sources);
    let mut reached: Vec<NodeIx> =
        sources.iter().copied().chain(landings(&ways).map(|(_, landing)| landing.account)).collect();
    reached.sort_unstable();
    reached.dedup();
    let paths: Vec<Found<'_>> = reached
        .into_iter()
        .filter(|account| reach.reaches(*account))
        .map(|account| Found {
            account,
            steps: reach.path(account),
            over: landings(&ways).find(|(_, landing)| landing.account == account),
        })
        .collect();
    let choices = [Choice { name: "table", ending: "txt" }, Choice { name: "json", ending: "json" }];
    for (choice, file) in targets(&session.global.output, &choices)? {
        let mut out = open(file.as_deref())?;
        if choice.name == "json" {
            let rows: Vec<Json> = paths.iter().map(|found| row(&estate.graph, found)).collect();
            muster_reports::escape::write_json(&mut out, &rows)?;
        } else {
            for found in &paths {
                writeln!(out, "{}", line(&estate.graph, found))?;
            }
            if paths.is_empty() {
                writeln!(out, "no path from `{}` to `{}` in what was read", arguments.from, arguments.to)?;
            }
        }
        out.close()?;
    }
    Ok(Outcome::answered())
}

/// A way: the account that holds the target, and what leads to that account where another one is let in to it.
struct Found<'a> {
    account: NodeIx,
    steps: Vec<Step>,
    over: Option<(&'a Crossing, &'a Landing)>,
}

/// Accounts behind applications, each with the way there.
fn landings(ways: &[Crossing]) -> impl Iterator<Item = (&Crossing, &Landing)> {
    ways.iter().flat_map(|way| match &way.leads {
        Leads::To { landings, .. } => landings.iter().map(|landing| (way, landing)).collect::<Vec<_>>(),
        Leads::Undecided(..) | Leads::Nowhere => Vec::new(),
    })
}

/// Shows how the sources become other accounts.
fn becoming(
    session: &Session,
    estate: &Estate,
    arguments: &Arguments,
    sources: &[NodeIx],
    to: &[NodeIx],
) -> Result<Outcome, Failure> {
    let graph = &estate.graph;
    let found = estate.access.becoming(graph, sources, to);
    let choices = [Choice { name: "table", ending: "txt" }, Choice { name: "json", ending: "json" }];
    for (choice, file) in targets(&session.global.output, &choices)? {
        let mut out = open(file.as_deref())?;
        if choice.name == "json" {
            let rows = found.iter().map(|(from, steps)| {
                json!({ "system": graph.system_name(graph.node(*from).system), "account": graph.name(*from), "becomes": steps })
            });
            muster_reports::escape::write_json(&mut out, &rows.collect::<Vec<Json>>())?;
        } else {
            for (from, steps) in &found {
                writeln!(
                    out,
                    "{}: {}",
                    visible(graph.system_name(graph.node(*from).system)),
                    visible(graph.name(*from))
                )?;
                for step in steps {
                    writeln!(out, "  {}", visible(step))?;
                }
            }
            if found.is_empty() {
                writeln!(out, "`{}` cannot become `{}`, as far as it was read", arguments.from, arguments.to)?;
            }
        }
        out.close()?;
    }
    Ok(Outcome::answered())
}

/// Groups and entitlements of a name or id.
fn holdable(graph: &Graph, name: &str) -> Vec<NodeIx> {
    let key = fold(name);
    let bears = |ix: &NodeIx| {
        let node = graph.node(*ix);
        let native = graph.group(*ix).and_then(|group| group.native_name);
        [Some(node.id), node.name, native].into_iter().flatten().any(|text| fold(graph.text(text)) == key)
    };
    let groups = graph.groups().map(|(ix, _)| ix);
    groups.chain(graph.entitlements().map(|(ix, _)| ix)).filter(bears).collect()
}

fn line(graph: &Graph, found: &Found<'_>) -> String {
    let place = |account: NodeIx| {
        format!("{}: {}", visible(graph.system_name(graph.node(account).system)), visible(graph.name(account)))
    };
    let walked = |mut text: String, steps: &[Step]| {
        for step in steps {
            let detail = graph.detail(step);
            let note = detail.note.map(|note| format!(" ({})", visible(graph.text(note))));
            let target = visible(graph.name(step.target)).into_owned();
            text.push_str(&format!(" —{}→ {target}{}", step.relation.as_str(), note.unwrap_or_default()));
        }
        text
    };
    let own = walked(place(found.account), &found.steps);
    let Some((way, _)) = found.over else { return own };
    let stale = if way.is_stale { ", as an earlier snapshot says" } else { "" };
    let application = visible(graph.name(way.application)).into_owned();
    format!("{} on {application}{stale} —is let in to→ {own}", walked(place(way.from), &way.path))
}

fn row(graph: &Graph, found: &Found<'_>) -> Json {
    let over = found.over.map(|(way, landing)| {
        let told = match &way.leads {
            Leads::To { told, .. } => Some(told_by(told)),
            Leads::Undecided(..) | Leads::Nowhere => None,
        };
        json!({
            "system": graph.system_name(graph.node(way.from).system),
            "account": graph.name(way.from),
            "application": graph.name(way.application),
            "steps": steps_of(graph, &way.path),
            "told_by": told,
            "same_because": landing.evidence,
            "carried_over": way.is_stale,
        })
    });
    let steps: Vec<Json> = found
        .steps
        .iter()
        .map(|step| {
            json!({
                "from": graph.name(step.source),
                "relation": step.relation.as_str(),
                "to": graph.name(step.target),
                "condition": graph.detail(step).note.map(|note| graph.text(note)),
            })
        })
        .collect();
    let system = graph.system_name(graph.node(found.account).system);
    json!({ "system": system, "account": graph.name(found.account), "let_in_by": over, "steps": steps })
}
