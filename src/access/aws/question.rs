//! Who may do an action, on a resource or on anything at all: principals and the people behind them, each with one way.

mod anywhere;

use muster_connectors::record::FactState;
use muster_effective::aws::answer::{Answer, Deciding, Verdict};
use muster_effective::aws::escalation::Certainty;
use muster_effective::aws::estate::{PrincipalIx, PrincipalKind};
use muster_effective::aws::evaluate::Evaluate as _;
use muster_effective::aws::literal;
use muster_effective::aws::reference::Reference;
use muster_effective::aws::request::{Attached, Request};
use rayon::prelude::*;
use rustc_hash::FxHashMap;
use schemars::JsonSchema;
use serde::Serialize;

use super::Place;
use super::ways::{self, Hop};
use crate::graph::{Graph, NodeIx, Step};

/// What a request goes through beside the layers that always count.
#[derive(Debug, Clone, Default)]
pub(crate) struct Through {
    /// A policy that the session was made with.
    pub(crate) session: Option<Attached>,
    /// The policy of a VPC endpoint.
    pub(crate) endpoint: Option<Attached>,
    /// Condition keys whose values follow from it, in lower case.
    pub(crate) given: Vec<(String, String)>,
}

impl Through {
    /// Whether there is anything.
    pub(crate) fn is_empty(&self) -> bool {
        self.session.is_none() && self.endpoint.is_none()
    }

    /// The answer to a request with these layers as well. They only limit: whoever is denied without them is denied with them.
    pub(crate) fn decide(&self, place: &Place, request: &Request) -> Answer {
        let given: Vec<(&str, &str)> = self.given.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        let request = request.clone().given(&given);
        let estate = place.compiled.estate();
        let mut layers = estate.layers_by(place.compiled.index(), &request, place.compiled.reference());
        layers.session = self.session.clone().map(|policy| vec![policy]);
        layers.vpc_endpoint = self.endpoint.clone().map(|policy| vec![policy]);
        literal::evaluate(&request, &layers)
    }
}

/// What an answer says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Can {
    /// Allowed, whatever else holds.
    Allowed,
    /// Allowed if conditions hold that the snapshot does not decide.
    AllowedIf,
    /// What would decide was not read.
    NotEvaluated,
}

impl Can {
    /// For a table.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::AllowedIf => "allowed if",
            Self::NotEvaluated => "not evaluated",
        }
    }
}

/// A statement that decides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct StatementAt {
    /// `identity policies`, `resource policy`, `service control policies`…
    pub layer: &'static str,
    /// ARN of a managed policy; for others a name that leads to it.
    pub policy: String,
    /// Its version.
    pub version: Option<String>,
    /// Its `Sid`.
    pub sid: Option<String>,
    /// Which statement of the document, from 1.
    pub statement: u32,
    /// Where it stands in the document's text: first byte, and the byte after the last.
    pub bytes: [u32; 2],
}

impl StatementAt {
    pub(crate) fn of(one: &Deciding) -> Self {
        Self {
            layer: one.layer.as_str(),
            policy: one.policy.to_string(),
            version: one.version.as_deref().map(str::to_owned),
            sid: one.sid.as_deref().map(str::to_owned),
            statement: one.index + 1,
            bytes: [one.span.start, one.span.end],
        }
    }
}

/// One step to another principal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct HopTo {
    /// What is done: a technique's id, or `permission-set`, `member-of`.
    pub by: String,
    /// The same as a sentence.
    pub how: String,
    /// Whom one is afterwards; `None`: an administrator of the account.
    pub to: Option<String>,
    /// What it is about.
    pub about: Option<String>,
    /// The statements that allow it.
    pub statements: Vec<StatementAt>,
}

/// When it was last used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LastUse {
    /// The action, or the service where actions are not told.
    pub of: String,
    /// When; `None`: see `state`.
    pub at: Option<jiff::Timestamp>,
    /// `known`, or `never` in the time that AWS tracks.
    pub state: FactState,
}

/// Somebody who can.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct WhoCan {
    /// The system.
    pub system: String,
    /// Number of the AWS account whose principal it is.
    pub account: String,
    /// ARN of the user or role; of a person of Identity Center the user's name.
    pub principal: String,
    /// `user`, `role` or `person` (of Identity Center).
    pub kind: &'static str,
    /// The name people know it by.
    pub name: String,
    /// The person behind it.
    pub person: Option<String>,
    /// The actions that all the rest is true of, in order; one where one was asked about.
    pub actions: Vec<String>,
    /// What the answer says.
    pub can: Can,
    /// Conditions that it rests on.
    pub conditions: Vec<String>,
    /// What was not read and could change it.
    pub unread: Vec<String>,
    /// On what: the resource that was asked about, or a pattern on which it is allowed.
    pub resource: String,
    /// Further patterns on which it is allowed as well; of many, those among the first that were tried.
    pub more_resources: usize,
    /// The way, where another principal is reached first.
    pub through: Vec<HopTo>,
    /// The statements that allow it.
    pub statements: Vec<StatementAt>,
    /// When the principal last did so; `None`: not collected.
    pub last_use: Option<LastUse>,
    /// Whether it can act at all; `None`: not known.
    pub can_act: Option<bool>,
    /// The node, for links to people.
    #[serde(skip)]
    pub(crate) node: NodeIx,
}

/// One principal's answer.
struct Found {
    who: PrincipalIx,
    resource: String,
    more: usize,
    answer: Answer,
}

/// Everybody of one system who can do any of some actions, each on its resource, or of whom it is not known; by account and name. What
/// differs in nothing but the action is one row. People are left to the caller.
///
/// Cost: for each action of the evaluator's `who_can`; where no resource is asked about, once for each pattern of who is not allowed
/// everywhere; with `transitive`, a search.
pub(crate) fn who_can(
    graph: &Graph,
    place: &Place,
    actions: &[(String, Option<String>)],
    transitive: bool,
    through: &Through,
) -> Vec<WhoCan> {
    let mut rows: Vec<WhoCan> = Vec::new();
    let mut of_node: FxHashMap<NodeIx, Vec<usize>> = FxHashMap::default();
    for (action, resource) in actions {
        for mut row in who_can_do(graph, place, action, resource.as_deref(), transitive, through) {
            let alike = of_node.entry(row.node).or_default();
            if let Some(same) = alike.iter().find(|at| rows[**at].differs_in_actions_only(&row)) {
                rows[*same].actions.append(&mut row.actions);
            } else {
                alike.push(rows.len());
                rows.push(row);
            }
        }
    }
    rows.sort_by(|a, b| a.order().cmp(&b.order()));
    rows
}

impl WhoCan {
    fn differs_in_actions_only(&self, other: &Self) -> bool {
        // Everything is named, so that a new field is not forgotten.
        let Self {
            system,
            account,
            principal,
            kind,
            name,
            person,
            actions: _,
            can,
            conditions,
            unread,
            resource,
            more_resources,
            through,
            statements,
            last_use,
            can_act,
            node,
        } = self;
        (can, node, more_resources, resource, statements)
            == (&other.can, &other.node, &other.more_resources, &other.resource, &other.statements)
            && (unread, conditions, through, last_use)
                == (&other.unread, &other.conditions, &other.through, &other.last_use)
            && (system, account, principal, kind) == (&other.system, &other.account, &other.principal, &other.kind)
            && (name, person, can_act) == (&other.name, &other.person, &other.can_act)
    }

    fn order(&self) -> impl Ord {
        (self.can, self.through.len(), &self.account, self.kind, &self.principal, &self.actions)
    }
}

/// The rows of one action, in no order.
fn who_can_do(
    graph: &Graph,
    place: &Place,
    action: &str,
    resource: Option<&str>,
    transitive: bool,
    through: &Through,
) -> Vec<WhoCan> {
    let mut found: Vec<Found> = match resource {
        Some(resource) => {
            let answers = place.compiled.who_can(action, resource).into_iter();
            answers.map(|(who, answer)| Found { who, resource: resource.to_owned(), more: 0, answer }).collect()
        }
        None => anywhere::anywhere(place, action),
    };
    if !through.is_empty() {
        let limited = |mut one: Found| {
            let request = place.compiled.estate().request(place.compiled.index(), one.who, action, &one.resource);
            one.answer = through.decide(place, &request);
            (!ways::is_denied(&one.answer)).then_some(one)
        };
        found = found.into_par_iter().filter_map(limited).collect();
    }
    let mut rows: Vec<WhoCan> = found
        .par_iter()
        .flat_map_iter(|found| {
            let own = row(graph, place, found, action);
            let assignees = place.assignees(graph, found.who).into_iter();
            let mut all: Vec<WhoCan> = assignees.map(|(account, path)| assigned(graph, &own, account, &path)).collect();
            all.push(own);
            all
        })
        .collect();
    if transitive {
        rows.extend(reaching(graph, place, &found, action, resource));
    }
    rows
}

/// Those who can by becoming somebody who can.
fn reaching(graph: &Graph, place: &Place, found: &[Found], action: &str, resource: Option<&str>) -> Vec<WhoCan> {
    let estate = place.compiled.estate();
    let mut goals: Vec<Option<Certainty>> = vec![None; estate.principals.len()];
    for one in found {
        goals[one.who as usize] = Some(match can(&one.answer) {
            Can::Allowed => Certainty::Certain,
            Can::AllowedIf => Certainty::Conditional,
            Can::NotEvaluated => Certainty::NotEvaluated,
        });
    }
    let ends: FxHashMap<PrincipalIx, &Found> = found.iter().map(|one| (one.who, one)).collect();
    let mut rows = Vec::new();
    let account = resource.and_then(|resource| {
        let owner = estate.owner_of(place.compiled.index(), resource)?;
        place.compiled.index().account(&owner)
    });
    for (who, hops) in (0..).zip(ways::steps_towards(place, &goals, account)) {
        let Some(last) = hops.last() else { continue };
        let end = last.to.and_then(|to| ends.get(&to));
        let here = Found {
            who,
            resource: end.map_or_else(|| resource.unwrap_or("*").to_owned(), |end| end.resource.clone()),
            more: end.map_or(0, |end| end.more),
            answer: end.map_or_else(granted_itself, |end| end.answer.clone()),
        };
        let mut one = row(graph, place, &here, action);
        one.through = hops.iter().map(|hop| hop_to(place, hop)).collect();
        one.conditions.extend(hops.iter().flat_map(|hop| hop.assumed.iter().cloned()));
        one.unread.extend(hops.iter().flat_map(|hop| hop.unread.iter().cloned()));
        for list in [&mut one.conditions, &mut one.unread] {
            list.sort();
            list.dedup();
        }
        one.last_use = None;
        one.can = match () {
            () if !one.unread.is_empty() => Can::NotEvaluated,
            () if !one.conditions.is_empty() => one.can.max(Can::AllowedIf),
            () => one.can,
        };
        for (account, path) in place.assignees(graph, who) {
            rows.push(assigned(graph, &one, account, &path));
        }
        rows.push(one);
    }
    rows
}

/// Who became an administrator gives itself what was asked about.
fn granted_itself() -> Answer {
    Answer { verdict: Verdict::Allowed, assumed: Vec::new(), deciding: Vec::new(), missing: None, unread: Vec::new() }
}

/// The actions that a pattern stands for, each with the resource to ask about: those that can be limited to the resource, and of a bucket those
/// on its objects. Without a resource all of them. An action that the reference does not know stands for itself.
pub(crate) fn actions(reference: &Reference, pattern: &str, resource: Option<&str>) -> Vec<(String, Option<String>)> {
    if !pattern.contains(['*', '?']) {
        return vec![(pattern.to_owned(), resource.map(str::to_owned))];
    }
    let matching = reference.matching(pattern).into_iter().flatten().map(|at| reference.action(at));
    let Some(resource) = resource else {
        return matching.map(|action| (action.name.to_string(), None)).collect();
    };
    let within = format!("{resource}/*");
    let about = matching.filter_map(|action| {
        let arns: Vec<&str> = reference.resource_types(action).filter_map(|of| of.arn.as_deref()).collect();
        let on = [resource, &within].into_iter().find(|on| arns.iter().any(|arn| is_of_type(arn, on)))?;
        Some((action.name.to_string(), Some(on.to_owned())))
    });
    about.collect()
}

/// Whether an ARN is of the type whose ARNs look like `template`. Only names of objects and paths have slashes in them.
fn is_of_type(template: &str, arn: &str) -> bool {
    let Some((before, rest)) = template.split_once("${") else { return template == arn };
    let Some(arn) = arn.strip_prefix(before) else { return false };
    let (name, after) = rest.split_once('}').unwrap_or((rest, ""));
    let free = name.contains("Object") || name.contains("Path");
    let ends = arn.char_indices().map(|(at, _)| at).chain([arn.len()]);
    let mut ends = ends.skip(usize::from(name != "Region" && name != "Account"));
    ends.any(|end| {
        let (value, after_value) = arn.split_at(end);
        (free || !value.contains(['/', ':'])) && is_of_type(after, after_value)
    })
}

fn can(answer: &Answer) -> Can {
    match answer.verdict {
        Verdict::Allowed if answer.assumed.is_empty() => Can::Allowed,
        Verdict::Allowed => Can::AllowedIf,
        Verdict::NotEvaluated | Verdict::ExplicitlyDenied | Verdict::ImplicitlyDenied => Can::NotEvaluated,
    }
}

fn row(graph: &Graph, place: &Place, found: &Found, action: &str) -> WhoCan {
    let estate = place.compiled.estate();
    let entry = &estate.principals[found.who as usize];
    let node = place.nodes[found.who as usize];
    WhoCan {
        system: graph.system_name(place.system).to_owned(),
        account: estate.accounts[entry.account as usize].number.to_string(),
        principal: entry.arn.to_string(),
        kind: match entry.kind {
            PrincipalKind::User => "user",
            PrincipalKind::Role => "role",
        },
        name: graph.name(node).to_owned(),
        person: None,
        actions: vec![action.to_owned()],
        can: can(&found.answer),
        conditions: found.answer.assumed.iter().map(|assumed| assumed.text.to_string()).collect(),
        unread: found.answer.unread.clone(),
        resource: found.resource.clone(),
        more_resources: found.more,
        through: Vec::new(),
        statements: found.answer.deciding.iter().map(StatementAt::of).collect(),
        last_use: last_use(graph, node, action),
        can_act: entry.can_act,
        node,
    }
}

/// The row of somebody of Identity Center who has a role.
fn assigned(graph: &Graph, role: &WhoCan, account: NodeIx, path: &[Step]) -> WhoCan {
    let mut hops: Vec<HopTo> = path
        .iter()
        .map(|step| HopTo {
            by: if graph.group(step.target).is_some() { "member-of" } else { "permission-set" }.to_owned(),
            how: format!("{} {}", step.relation.as_str(), graph.name(step.target)),
            to: Some(if graph.group(step.target).is_some() {
                graph.name(step.target).to_owned()
            } else {
                role.principal.clone()
            }),
            about: None,
            statements: Vec::new(),
        })
        .collect();
    hops.extend(role.through.iter().cloned());
    WhoCan {
        principal: graph.text(graph.node(account).id).to_owned(),
        kind: "person",
        name: graph.name(account).to_owned(),
        through: hops,
        can_act: graph.account(account).map(|account| account.lifecycle.is_active()),
        node: account,
        ..role.clone()
    }
}

fn hop_to(place: &Place, hop: &Hop) -> HopTo {
    let estate = place.compiled.estate();
    HopTo {
        by: hop.technique.0.clone(),
        how: hop.technique.1.clone(),
        to: hop.to.map(|to| estate.principals[to as usize].arn.to_string()),
        about: hop.about.clone(),
        statements: hop.needs.iter().flat_map(|(_, _, statements)| statements).map(StatementAt::of).collect(),
    }
}

/// When a principal last did an action; of a service whose actions AWS does not track, when it last used the service.
pub(super) fn last_use(graph: &Graph, node: NodeIx, action: &str) -> Option<LastUse> {
    let used = graph.used_by(node);
    let service = action.split(':').next().unwrap_or_default();
    let named = |name: &str| used.iter().find(|(what, _)| what.eq_ignore_ascii_case(name));
    let (of, at) = named(action).or_else(|| named(service))?;
    Some(LastUse { of: of.to_string(), at: at.at(), state: at.state() })
}
