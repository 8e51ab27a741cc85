//! `muster access NAME`: what an account or a person holds, each with the shortest way to it, and where an account at an identity
//! provider leads. `muster access --all`: what everybody may do and did not use.

pub(super) mod crossing;
pub(in crate::cli) mod everybody;

use std::io::Write as _;

use clap::Args;
use serde_json::{Value as Json, json};

use self::everybody::LevelName;
use super::Which;
use super::names::{accounts_called, persons};
use super::outcome::{Failure, Outcome};
use super::output::{Choice, open, targets};
use super::session::Session;
use super::tables::plain_table;
use crate::access::applications::Applications;
use crate::access::crossing::{Crossing, Leads, crossings, with_providers};
use crate::access::{Holdings, Privilege, holdings};
use crate::check::Estate;
use crate::config::policy::Policy;
use crate::diagnostic::{Diagnostic, similar, visible};
use crate::graph::{Graph, NodeIx, NodeKind, Relation};
use crate::report::privilege_word;

/// Arguments of `muster access`.
#[derive(Debug, Clone, Args)]
#[command(override_usage = "muster access [OPTIONS] <NAME>\n       muster access [OPTIONS] --all")]
pub struct Arguments {
    /// An account (id, login, e-mail, DN, ARN; `system:id` for one system) or a person (name, employee id, work e-mail)
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    pub name: Option<String>,
    /// Every AWS user and role instead: what it may do, and how many of its services it did not use
    #[arg(long)]
    pub all: bool,
    /// Only in this system
    #[arg(long, value_name = "NAME")]
    pub system: Option<String>,
    /// With --all: only actions of this level
    #[arg(long, value_name = "LEVEL", conflicts_with = "name", requires = "all")]
    pub level: Option<LevelName>,
    /// With --all: only services without a use for this many days, and those of which that is not known; AWS tells of the last 400 days
    #[arg(long, value_name = "DAYS", conflicts_with = "name", requires = "all", value_parser = clap::value_parser!(u16).range(1..=400))]
    pub unused: Option<u16>,
    /// Which snapshot.
    #[command(flatten)]
    pub which: Which,
}

/// Lists what the name holds, or what everybody may do.
///
/// # Errors
/// [`Failure`] when nothing and nobody bears the name, or nothing can be evaluated.
pub fn run(arguments: &Arguments, session: &Session) -> Result<Outcome, Failure> {
    let Some(name) = &arguments.name else { return everybody::run(arguments, session) };
    let config = session.config()?;
    let store = session.existing_store(&config)?;
    let snapshot = session.snapshot(&store, &arguments.which)?;
    let now = session.now(&config);
    let estate = Estate::load(&snapshot, &config, now)?;
    let mut accounts = named(&estate, name)?;
    if let Some(system) = &arguments.system {
        accounts.retain(|ix| estate.graph.system_name(estate.graph.node(*ix).system) == system);
    }
    let applications = Applications::of(&estate.graph, &config.policy);
    // Also from accounts that are not shown: whether an account is let in is told by those at the provider.
    let from = with_providers(&estate.graph, &estate.people, &applications, &accounts);
    let ways = crossings(&estate.graph, &estate.people, &applications, &from);
    let asked = Asked { estate: &estate, policy: &config.policy, applications: &applications, ways: &ways, now };
    let rows: Vec<Json> = accounts.iter().map(|ix| account(&asked, *ix)).collect();
    let choices = [Choice { name: "table", ending: "txt" }, Choice { name: "json", ending: "json" }];
    for (choice, file) in targets(&session.global.output, &choices)? {
        let mut out = open(file.as_deref())?;
        if choice.name == "json" {
            muster_reports::escape::write_json(&mut out, &rows)?;
        } else {
            for row in &rows {
                writeln!(out, "{}", table(row))?;
            }
        }
        out.close()?;
    }
    Ok(Outcome::answered())
}

/// The accounts that a name stands for: accounts of that name, and those of persons of that name.
///
/// # Errors
/// [`Failure`] with names that are spelled alike when there is none.
pub(super) fn named(estate: &Estate, name: &str) -> Result<Vec<NodeIx>, Failure> {
    let mut accounts = accounts_called(estate, name);
    accounts.extend(persons(estate, name).into_iter().flat_map(|person| estate.people.accounts_of(person)));
    accounts.sort_unstable();
    accounts.dedup();
    if accounts.is_empty() {
        let known = estate.people.persons().map(|(ix, _)| estate.people.name(ix));
        let logins = estate.graph.accounts().filter_map(|(_, account)| account.login);
        let near = similar(name, known.chain(logins.map(|login| estate.graph.text(login))));
        return Err(Diagnostic::error(
            "CLI001",
            format!("no account and no person with an account is called `{name}`"),
        )
        .maybe_fix(near.map(|near| format!("did you mean `{near}`?")))
        .into());
    }
    Ok(accounts)
}

/// What the rows of an answer are made from.
struct Asked<'a> {
    estate: &'a Estate,
    policy: &'a Policy,
    applications: &'a Applications,
    ways: &'a [Crossing],
    now: jiff::Timestamp,
}

fn account(asked: &Asked<'_>, ix: NodeIx) -> Json {
    let Asked { estate, policy, ways, now, .. } = asked;
    let graph = &estate.graph;
    let node = graph.node(ix);
    let privilege = estate.access.privilege(graph, ix);
    let why = match &privilege {
        Privilege::Undecided { why, .. } => Some(why.clone()),
        Privilege::Certain(_) => None,
    };
    let person = estate.people.link(ix).map(|link| estate.people.name(link.person));
    let own = holdings(graph, ix);
    let held: Vec<Json> = own.held().iter().flat_map(|target| holding(graph, &own, *target)).collect();
    let ways: Vec<&Crossing> = ways.iter().filter(|way| way.from == ix).collect();
    let leads = crossing::applications(estate, policy, &ways);
    json!({
        "system": graph.system_name(node.system),
        "account": graph.text(node.id),
        "name": graph.name(ix),
        "lifecycle": graph.account(ix).map(|account| account.lifecycle),
        "class": estate.people.class(ix).class,
        "person": person,
        "situation": estate.people.situation(ix, *now).as_str(),
        "privilege": privilege_word(&privilege),
        "privilege_undecided": why,
        "state": node.state.as_str(),
        "let_in_by": let_in_by(asked, ix),
        "way_to_administration": estate.access.way(graph, ix).unwrap_or_default(),
        "effective": estate.access.effective(graph, ix),
        "holds": held,
        "applications": leads,
        "applications_not_read": crossing::unread(graph, ix).filter(|_| !leads.is_empty() || asked.applications.has_any(node.system)),
    })
}

/// Which application of which provider leads to an account; null for a system that no application is known to be.
fn let_in_by(asked: &Asked<'_>, ix: NodeIx) -> Json {
    let graph = &asked.estate.graph;
    let system = graph.node(ix).system;
    if let Some(why) = asked.applications.undecided(system) {
        return json!({ "undecided": why });
    }
    let mut doors = asked.applications.doors(system).peekable();
    if doors.peek().is_none() {
        return Json::Null;
    }
    let ways: Vec<Json> = asked
        .ways
        .iter()
        .filter(|way| match &way.leads {
            Leads::To { system: to, landings, .. } => {
                *to == system && landings.iter().any(|landing| landing.account == ix)
            }
            Leads::Undecided(..) | Leads::Nowhere => false,
        })
        .map(|way| {
            json!({
                "provider": graph.system_name(graph.node(way.from).system),
                "account": graph.name(way.from),
                "application": graph.name(way.application),
            })
        })
        .collect();
    if !ways.is_empty() {
        return json!({ "applications": ways });
    }
    let providers: Vec<&str> = doors.map(|door| graph.system_name(door.provider)).collect();
    json!({ "applications": ways, "providers": providers })
}

/// What is held, a row for each resource it is held on.
fn holding(graph: &Graph, own: &Holdings, target: NodeIx) -> Vec<Json> {
    let node = graph.node(target);
    let level = match node.kind {
        NodeKind::Group => graph.group(target).and_then(|group| group.privilege),
        NodeKind::Entitlement => graph.entitlement(target).and_then(|entitlement| entitlement.privilege),
        NodeKind::Account | NodeKind::Resource | NodeKind::Unresolved => None,
    };
    let mut seen = rustc_hash::FxHashSet::default();
    let mut rows = Vec::new();
    for path in own.paths(graph, target) {
        let Some(last) = path.last() else { continue };
        let detail = graph.detail(last);
        if last.relation == Relation::Holds && !seen.insert((detail.resource, detail.note)) {
            continue;
        }
        let through: Vec<&str> = path.iter().take(path.len() - 1).map(|step| graph.name(step.target)).collect();
        rows.push(json!({
            "kind": node.kind.as_str(),
            "id": graph.text(node.id),
            "name": graph.name(target),
            "resource": detail.resource.map(|resource| graph.name(resource)),
            "privilege": level,
            "condition": detail.note.map(|note| graph.text(note)),
            "through": through,
        }));
    }
    rows
}

fn text(value: &Json) -> String {
    match value {
        Json::String(text) => visible(text).into_owned(),
        Json::Null => String::new(),
        Json::Array(values) => {
            let texts: Vec<&str> = values.iter().filter_map(Json::as_str).collect();
            visible(&texts.join(" → ")).into_owned()
        }
        other @ (Json::Bool(_) | Json::Number(_) | Json::Object(_)) => other.to_string(),
    }
}

fn table(row: &Json) -> String {
    let person = match &row["person"] {
        Json::Null => format!("no person ({})", text(&row["situation"])),
        name => format!("{} ({})", text(name), text(&row["situation"])),
    };
    let mut lines = format!(
        "{} {} — {} {} account, {person}, privilege {}\n",
        text(&row["system"]),
        text(&row["name"]),
        text(&row["lifecycle"]),
        text(&row["class"]),
        text(&row["privilege"]),
    );
    if !row["privilege_undecided"].is_null() {
        lines.push_str(&format!("  undecided: {}\n", text(&row["privilege_undecided"])));
    }
    lines.push_str(&let_in(&row["let_in_by"]));
    let mut table = plain_table(&["holds", "name", "on", "privilege", "through"]);
    let held = row["holds"].as_array().map_or(&[][..], Vec::as_slice);
    for one in held {
        table.add_row([
            text(&one["kind"]),
            text(&one["name"]),
            text(&one["resource"]),
            text(&one["privilege"]),
            text(&one["through"]),
        ]);
    }
    if held.is_empty() {
        lines.push_str("  holds nothing that was read\n");
    } else {
        lines.push_str(&format!("{}\n", table.trim_fmt()));
    }
    for step in row["way_to_administration"].as_array().map_or(&[][..], Vec::as_slice) {
        lines.push_str(&format!("  can become an administrator: {}\n", text(step)));
    }
    for (number, effective) in (0..).zip(row["effective"].as_array().map_or(&[][..], Vec::as_slice)) {
        let gap = if number == 0 { "\n" } else { "" };
        lines.push_str(&format!("{gap}  what it really allows as {}:\n", text(&effective["principal"])));
        let mut table = plain_table(&["service", "level", "actions", "allowed if", "on", "last use"]);
        for one in effective["permissions"].as_array().map_or(&[][..], Vec::as_slice) {
            let last = one["last_use"]["at"].as_str().map(|at| at.chars().take(10).collect());
            table.add_row([
                text(&one["service"]),
                text(&one["level"]),
                text(&one["allowed"]),
                text(&one["allowed_if"]),
                text(&one["widest"]),
                last.unwrap_or_else(|| text(&one["last_use"]["state"])),
            ]);
        }
        lines.push_str(&format!("{}\n", table.trim_fmt()));
        let layers: Vec<&str> = effective["layers"].as_array().into_iter().flatten().filter_map(Json::as_str).collect();
        lines.push_str(&format!(
            "  by {}; what a resource lets in by its own policy: muster who-can\n",
            layers.join(", ")
        ));
        for unread in effective["unread"].as_array().map_or(&[][..], Vec::as_slice) {
            lines.push_str(&format!("  not read: {}\n", text(unread)));
        }
    }
    let leads = row["applications"].as_array().map_or(&[][..], Vec::as_slice);
    lines.push_str(&crossing::blocks(leads, &text(&row["system"])));
    if !row["applications_not_read"].is_null() {
        lines.push_str(&format!(
            "\n  there may be more applications in what was not read: {}\n",
            text(&row["applications_not_read"])
        ));
    }
    lines
}

/// How an account is let in, where it is known which application its system is.
fn let_in(row: &Json) -> String {
    if let Json::String(why) = &row["undecided"] {
        return format!("  through which application it is let in is undecided: {}\n", visible(why));
    }
    let ways: Vec<String> = row["applications"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|way| format!("{} ({}, {})", text(&way["application"]), text(&way["provider"]), text(&way["account"])))
        .collect();
    match (ways.is_empty(), &row["providers"]) {
        (false, _) => format!("  let in by {}\n", ways.join(", ")),
        (true, Json::Array(providers)) => {
            let names: Vec<String> = providers.iter().map(text).collect();
            format!("  no assignment at {} that was found leads here\n", names.join(", "))
        }
        (true, _) => String::new(),
    }
}
