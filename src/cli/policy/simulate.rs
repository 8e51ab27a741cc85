//! `muster policy simulate`: one request against a stored snapshot, with the statements that decide.

use std::collections::BTreeMap;
use std::io::Write as _;

use clap::Args;
use muster_effective::aws::answer::{Answer, Deciding};
use muster_effective::aws::evaluate::Evaluate as _;
use muster_effective::aws::request::{Mode, Principal, Request};
use schemars::JsonSchema;
use serde::Serialize;

use super::super::Which;
use super::super::outcome::{Failure, Outcome};
use super::super::output::{Choice, open, targets};
use super::super::session::Session;
use super::super::through::GoesThrough;
use crate::access::aws::Place;
use crate::access::aws::question::{StatementAt, Through};
use crate::access::aws::ways::sources;
use crate::check::Estate;
use crate::diagnostic::{Diagnostic, similar, visible};
use crate::graph::Graph;
use crate::people::fold;

/// Arguments of `muster policy simulate`.
#[derive(Debug, Clone, Args)]
pub struct Arguments {
    /// Who asks: ARN, id or name of a user or role, `anonymous`, or a service such as `lambda.amazonaws.com`
    pub principal: String,
    /// The action, as `s3:GetObject`
    pub action: String,
    /// ARN of the resource
    #[arg(default_value = "*")]
    pub resource: String,
    /// A condition key of the request, as `aws:SourceIp=10.1.2.3`; may be repeated, also for one key
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_value)]
    pub context: Vec<(String, String)>,
    /// A key that is not given is not in the request; without this it may have any value, and the answer says which it needs
    #[arg(long)]
    pub strict: bool,
    /// Only in this system
    #[arg(long, value_name = "NAME")]
    pub system: Option<String>,
    /// What the request goes through.
    #[command(flatten)]
    pub through: GoesThrough,
    /// Which snapshot.
    #[command(flatten)]
    pub which: Which,
}

fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_ascii_lowercase(), value.to_owned())),
        Some(_) | None => Err("write KEY=VALUE, as aws:SourceIp=10.1.2.3".to_owned()),
    }
}

/// What `muster policy simulate -o json` prints.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(crate) struct Simulated {
    /// The system.
    pub system: String,
    /// Who asked.
    pub principal: String,
    /// What.
    pub action: String,
    /// On what.
    pub resource: String,
    /// Keys of the request, in lower case: those that were given and those that the snapshot tells.
    pub context: BTreeMap<String, Vec<String>>,
    /// `Allowed`, `ExplicitlyDenied`, `ImplicitlyDenied` or `NotEvaluated`.
    pub verdict: &'static str,
    /// Conditions that an *Allowed* rests on.
    pub assumed: Vec<String>,
    /// The statements that decide.
    pub statements: Vec<Decided>,
    /// Of an implicit denial: the layer that allows nothing of the kind, and the level of the organisation.
    pub missing: Option<Missing>,
    /// What was not read and could change the verdict.
    pub unread: Vec<String>,
    /// What the answer rests on, with version and day.
    pub sources: Vec<String>,
}

/// A statement that decides, with its text.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(crate) struct Decided {
    /// Where it stands.
    #[serde(flatten)]
    pub at: StatementAt,
    /// As it is written; `None`: a document of the platform's own.
    pub text: Option<String>,
}

/// The layer that allows nothing of the kind.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(crate) struct Missing {
    /// The layer.
    pub layer: &'static str,
    /// `r-…`, `ou-…` or an account's number.
    pub level: Option<String>,
}

/// Answers one request.
///
/// # Errors
/// [`Failure`] when nobody of that name can ask, or the snapshot cannot be read.
pub(super) fn run(session: &Session, arguments: &Arguments) -> Result<Outcome, Failure> {
    let config = session.config()?;
    let store = session.existing_store(&config)?;
    let snapshot = session.snapshot(&store, &arguments.which)?;
    let estate = Estate::load(&snapshot, &config, session.now(&config))?;
    let graph = &estate.graph;
    let wanted = |place: &&Place| arguments.system.as_ref().is_none_or(|name| graph.system_name(place.system) == name);
    let places: Vec<&Place> = estate.access.places(graph).iter().filter(wanted).collect();
    let (place, mut request) = asked(graph, &places, arguments)?;
    for (key, _) in &arguments.context {
        request.context.remove(key);
    }
    for (key, value) in &arguments.context {
        request.context.entry(key.clone()).or_default().push(value.clone());
    }
    if arguments.strict {
        request.mode = Mode::Strict;
    }
    let through = arguments.through.read(place, &arguments.action)?;
    let answer = if through.is_empty() {
        place.compiled.decide(&request)
    } else {
        for (key, value) in &through.given {
            request.context.entry(key.clone()).or_insert_with(|| vec![value.clone()]);
        }
        Through { given: Vec::new(), ..through }.decide(place, &request)
    };
    let simulated = simulated(graph, place, &request, &answer);
    write(session, &simulated)?;
    Ok(Outcome::answered())
}

/// The request, and the system that it is made in.
fn asked<'e>(graph: &Graph, places: &[&'e Place], arguments: &Arguments) -> Result<(&'e Place, Request), Failure> {
    let key = fold(&arguments.principal);
    for place in places {
        let estate = place.compiled.estate();
        let bears = |at: usize| {
            let node = place.nodes[at];
            let names = [&*estate.principals[at].arn, graph.text(graph.node(node).id), graph.name(node)];
            names.iter().any(|name| fold(name) == key)
        };
        let found: Vec<usize> = (0..estate.principals.len()).filter(|at| bears(*at)).collect();
        match found.as_slice() {
            [] => {}
            [one] => {
                let who = u32::try_from(*one).unwrap_or(u32::MAX);
                let request = estate.request(place.compiled.index(), who, &arguments.action, &arguments.resource);
                return Ok((place, request));
            }
            several => {
                let arns: Vec<String> =
                    several.iter().map(|at| format!("`{}`", visible(&estate.principals[*at].arn))).collect();
                return Err(Diagnostic::error(
                    "CLI001",
                    format!("`{}` names {} principals", arguments.principal, several.len()),
                )
                .cause(format!("they are {}", arns.join(", ")))
                .fix("give the ARN")
                .into());
            }
        }
    }
    let other = match arguments.principal.as_str() {
        "anonymous" | "*" => Some(Principal::Anonymous),
        name if name.ends_with(".amazonaws.com") => Some(Principal::Service { name: name.to_owned() }),
        arn => Principal::from_arn(arn),
    };
    let (Some(principal), Some(place)) = (other, places.first()) else {
        let known = places.iter().flat_map(|place| place.nodes.iter()).map(|node| graph.name(*node));
        let near = similar(&arguments.principal, known);
        return Err(Diagnostic::error("CLI001", format!("no user and no role is called `{}`", arguments.principal))
            .cause("it was looked for among ARNs, ids and names of the principals whose policies were read")
            .maybe_fix(near.map(|near| format!("did you mean `{near}`?")))
            .into());
    };
    let owner = place.compiled.estate().owner_of(place.compiled.index(), &arguments.resource);
    let request = Request {
        principal,
        action: arguments.action.clone(),
        resource: arguments.resource.clone(),
        resource_account: owner.map(|owner| owner.to_string()),
        context: BTreeMap::new(),
        mode: Mode::Open,
    };
    Ok((place, request))
}

fn simulated(graph: &Graph, place: &Place, request: &Request, answer: &Answer) -> Simulated {
    Simulated {
        system: graph.system_name(place.system).to_owned(),
        principal: name_of(&request.principal),
        action: request.action.clone(),
        resource: request.resource.clone(),
        context: request.context.clone(),
        verdict: answer.verdict.as_str(),
        assumed: answer.assumed.iter().map(|assumed| assumed.text.to_string()).collect(),
        statements: answer
            .deciding
            .iter()
            .map(|one| Decided { at: StatementAt::of(one), text: text_of(graph, place, one) })
            .collect(),
        missing: answer
            .missing
            .as_ref()
            .map(|(layer, level)| Missing { layer: layer.as_str(), level: level.as_ref().map(ToString::to_string) }),
        unread: answer.unread.clone(),
        sources: sources(place.compiled.reference(), &place.techniques),
    }
}

fn name_of(principal: &Principal) -> String {
    match principal {
        Principal::Root { account } => format!("root user of account {account}"),
        Principal::User { arn } | Principal::FederatedUser { arn, .. } => arn.clone(),
        Principal::Session { role, session } if session.is_empty() => role.clone(),
        Principal::Session { role, session } => format!("{role} (session {session})"),
        Principal::Federated { provider } => provider.clone(),
        Principal::Service { name } => name.clone(),
        Principal::Anonymous => "anonymous".to_owned(),
    }
}

/// The statement as its document has it.
fn text_of(graph: &Graph, place: &Place, one: &Deciding) -> Option<String> {
    let at = place
        .compiled
        .estate()
        .policies
        .iter()
        .position(|policy| policy.name == one.policy && policy.version == one.version)?;
    let text = graph.text(place.texts[at]?);
    text.get(one.span.start as usize..one.span.end as usize).map(str::to_owned)
}

fn write(session: &Session, simulated: &Simulated) -> Result<(), Failure> {
    let choices = [Choice { name: "table", ending: "txt" }, Choice { name: "json", ending: "json" }];
    for (choice, file) in targets(&session.global.output, &choices)? {
        let mut out = open(file.as_deref())?;
        if choice.name == "json" {
            muster_reports::escape::write_json(&mut out, simulated)?;
        } else {
            out.write_all(table(simulated).as_bytes())?;
        }
        out.close()?;
    }
    Ok(())
}

fn table(simulated: &Simulated) -> String {
    let line = |text: &str| visible(text).into_owned();
    let mut text = format!(
        "{}: {} {} on {}\n",
        simulated.verdict,
        line(&simulated.principal),
        line(&simulated.action),
        line(&simulated.resource)
    );
    for assumed in &simulated.assumed {
        text.push_str(&format!("  if {}\n", line(assumed)));
    }
    if let Some(missing) = &simulated.missing {
        let level = missing.level.as_ref().map(|level| format!(" at {level}")).unwrap_or_default();
        text.push_str(&format!("  {}{} do not allow it\n", missing.layer, line(&level)));
    }
    for Decided { at, text: written } in &simulated.statements {
        let version = at.version.as_ref().map(|version| format!(" {version}")).unwrap_or_default();
        let sid = at.sid.as_ref().map(|sid| format!(" `{sid}`")).unwrap_or_default();
        text.push_str(&format!(
            "  {}: {}{}, statement {}{}, bytes {} to {}\n",
            at.layer,
            line(&at.policy),
            line(&version),
            at.statement,
            line(&sid),
            at.bytes[0],
            at.bytes[1]
        ));
        if let Some(written) = written {
            text.push_str(&format!("    {}\n", line(&written.split_whitespace().collect::<Vec<_>>().join(" "))));
        }
    }
    for unread in &simulated.unread {
        text.push_str(&format!("  not read: {}\n", line(unread)));
    }
    text.push_str(&format!("rests on {}\n", line(&simulated.sources.join("; "))));
    text
}
