//! `muster path FROM TO`: the shortest way from a principal to a group or entitlement, or to another principal of AWS that it can become.

use std::io::Write as _;

use clap::Args;
use serde_json::{Value as Json, json};

use super::Which;
use super::access::named;
use super::names::accounts_called;
use super::outcome::{Failure, Outcome};
use super::output::{Choice, open, targets};
use super::session::Session;
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
    let paths: Vec<(NodeIx, Vec<Step>)> = sources
        .into_iter()
        .filter(|source| reach.reaches(*source))
        .map(|source| (source, reach.path(source)))
        .collect();
    let choices = [Choice { name: "table", ending: "txt" }, Choice { name: "json", ending: "json" }];
    for (choice, file) in targets(&session.global.output, &choices)? {
        let mut out = open(file.as_deref())?;
        if choice.name == "json" {
            let rows: Vec<Json> = paths.iter().map(|(from, steps)| row(&estate.graph, *from, steps)).collect();
            let document = serde_json::to_string_pretty(&rows).map_err(std::io::Error::from)?;
            out.write_all(muster_reports::escape::json(&document).as_bytes())?;
            writeln!(out)?;
        } else {
            for (from, steps) in &paths {
                writeln!(out, "{}", line(&estate.graph, *from, steps))?;
            }
            if paths.is_empty() {
                writeln!(out, "no path from `{}` to `{}` in what was read", arguments.from, arguments.to)?;
            }
        }
        out.close()?;
    }
    Ok(Outcome::answered())
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
            let document = serde_json::to_string_pretty(&rows.collect::<Vec<Json>>()).map_err(std::io::Error::from)?;
            out.write_all(muster_reports::escape::json(&document).as_bytes())?;
            writeln!(out)?;
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

fn line(graph: &Graph, from: NodeIx, steps: &[Step]) -> String {
    let system = graph.system_name(graph.node(from).system);
    let mut text = format!("{}: {}", visible(system), visible(graph.name(from)));
    for step in steps {
        let note = graph.detail(step).note.map(|note| format!(" ({})", visible(graph.text(note))));
        let target = visible(graph.name(step.target)).into_owned();
        text.push_str(&format!(" —{}→ {target}{}", step.relation.as_str(), note.unwrap_or_default()));
    }
    text
}

fn row(graph: &Graph, from: NodeIx, steps: &[Step]) -> Json {
    let steps: Vec<Json> = steps
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
    json!({ "system": graph.system_name(graph.node(from).system), "account": graph.name(from), "steps": steps })
}
