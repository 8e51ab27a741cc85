//! What everybody of a place may do, and how much of it nobody needed: the report of excess privilege.
//!
//! Excess is what was granted and not used. AWS records the use of services by each principal, and of some services which actions; it says nothing of
//! resources. So a service is *used*, *unused*, or its use is *unknown*: where nothing was collected, or no record is about it, nothing is called
//! unused. Of who is younger than the window, what was not used is *new*.

use jiff::{Timestamp, ToSpan as _};
use muster_effective::aws::compiled::{Permission, Permissions};
use muster_effective::aws::escalation::{Certainty, administrators};
use muster_effective::aws::estate::{PrincipalIx, PrincipalKind};
use muster_effective::aws::evaluate::Evaluate as _;
use muster_effective::aws::least_privilege::{Unused, Window, unused};
use muster_effective::aws::reference::Level;
use rustc_hash::{FxHashMap, FxHashSet};
use schemars::JsonSchema;
use serde::Serialize;

use super::Place;
use super::uses::{collected, recorded};
use crate::graph::{Graph, NodeIx, RowState, ScopeIx};

/// What is asked of everybody.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked {
    /// Days back from the reading within which a use counts.
    pub(crate) days: u16,
    /// Only actions of this level.
    pub(crate) level: Option<Level>,
    /// Leave out services that were used or are new to their holder, and who has nothing else.
    pub(crate) unused: bool,
    /// Also by service and level; else only counts.
    pub(crate) detail: bool,
    /// The clock, where no reading says when it was.
    pub(crate) now: Timestamp,
}

/// Whether somebody is an administrator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Administrator {
    /// Is one.
    Yes,
    /// Is one under a condition.
    Conditional,
    /// What would decide was not read.
    NotEvaluated,
    /// Is none; may become one all the same, which other questions answer.
    No,
}

impl Administrator {
    fn of(certainty: Option<Certainty>) -> Self {
        match certainty {
            Some(Certainty::Certain) => Self::Yes,
            Some(Certainty::Conditional) => Self::Conditional,
            Some(Certainty::NotEvaluated) => Self::NotEvaluated,
            None => Self::No,
        }
    }

    /// For a table.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::Conditional => "conditional",
            Self::NotEvaluated => "not evaluated",
            Self::No => "no",
        }
    }
}

/// Whether a service was used in the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Usage {
    /// It was, by some action.
    Used,
    /// The records say that it was not.
    Unused,
    /// The records say that it was not, and its holder is younger than the window.
    New,
    /// No record says anything of it.
    Unknown,
}

impl Usage {
    /// For a table.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Used => "used",
            Self::Unused => "unused",
            Self::New => "new",
            Self::Unknown => "unknown",
        }
    }
}

/// How many services somebody may use.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct Services {
    /// All; the sum of the others.
    pub granted: u32,
    /// Used in the window.
    pub used: u32,
    /// Not used in the window.
    pub unused: u32,
    /// Not used by a principal that is younger than the window.
    pub new: u32,
    /// Of which no record says whether they were.
    pub unknown: u32,
}

/// Actions of one service and one level.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct OfService {
    /// Prefix of the service.
    pub service: String,
    /// `List`, `Read`, `Write`, `Tagging` or `Permissions management`.
    pub level: &'static str,
    /// Actions that are allowed on something, under no condition.
    pub allowed: u32,
    /// Actions that are allowed at most: under a condition, or as far as other layers allow the same resource.
    pub allowed_if: u32,
    /// The widest pattern of resources that grants any of them.
    pub widest: String,
    /// Whether the service was used in the window.
    pub usage: Usage,
    /// When the principal last used the service, in the window or before; null where it never did in the time that AWS tracks, and where
    /// nothing was recorded.
    pub last_use: Option<Timestamp>,
}

/// One user or role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct Holder {
    /// The system.
    pub system: String,
    /// Number of its AWS account.
    pub account: String,
    /// Its ARN.
    pub principal: String,
    /// `user` or `role`.
    pub kind: &'static str,
    /// The name people know it by.
    pub name: String,
    /// The person behind it.
    pub person: Option<String>,
    /// Whether anybody can act as it; null: not known.
    pub can_act: Option<bool>,
    /// Whether it is an administrator.
    pub administrator: Administrator,
    /// The highest level of any of its actions.
    pub level: Option<&'static str>,
    /// Actions that are allowed on something, under no condition.
    pub allowed: u32,
    /// Actions that are allowed at most.
    pub allowed_if: u32,
    /// Services that it may use, by whether it does.
    pub services: Services,
    /// Of services that it used: actions that are granted, and of which a record of their own says that they were not used in the window.
    pub unused_actions: u32,
    /// The last use of anything that it may use.
    pub last_use: Option<Timestamp>,
    /// When its uses were read; they count from the days of the question before this.
    pub until: Timestamp,
    /// By service and access level.
    pub permissions: Vec<OfService>,
    /// Patterns of its policies that match no action of the reference data.
    pub unknown: Vec<String>,
    /// What was not read: it may be more or less. What it may do is not evaluated to its end.
    pub unread: Vec<String>,
    /// The account in the graph.
    #[serde(skip)]
    pub node: NodeIx,
}

/// Every user and role of a place of which there is something to say, by ARN.
///
/// Cost: one pass over the statements and the recorded uses of each principal, in parallel; a row is small unless details are asked for.
pub(crate) fn everybody(graph: &Graph, place: &Place, asked: &Asked) -> Vec<Holder> {
    let compiled = &place.compiled;
    let mut read: FxHashMap<ScopeIx, Timestamp> = FxHashMap::default();
    for node in &place.nodes {
        read.entry(graph.node(*node).scope).or_insert_with(|| collected(graph, *node).unwrap_or(asked.now));
    }
    let (administrators, holders) = rayon::join(
        || administrators(compiled, compiled.reference()),
        || {
            compiled.actions_of_all(|who, permissions| {
                let node = place.nodes[who as usize];
                let until = read.get(&graph.node(node).scope).copied().unwrap_or(asked.now);
                holder(graph, place, who, permissions, asked, until)
            })
        },
    );
    let told = holders.into_iter().zip(administrators).filter_map(|(holder, certainty)| {
        let mut holder = holder?;
        holder.administrator = Administrator::of(certainty);
        Some(holder)
    });
    let mut all: Vec<Holder> = told.collect();
    all.sort_by(|a, b| a.principal.cmp(&b.principal));
    all
}

/// One row, and whether somebody is an administrator still left open; `None`: nothing of what is asked for.
fn holder(
    graph: &Graph,
    place: &Place,
    who: PrincipalIx,
    mut permissions: Permissions,
    asked: &Asked,
    until: Timestamp,
) -> Option<Holder> {
    let (estate, reference) = (place.compiled.estate(), place.compiled.reference());
    let entry = &estate.principals[who as usize];
    let node = place.nodes[who as usize];
    if let Some(level) = asked.level {
        permissions.by_service.retain(|row| row.level == level);
    }
    // What somebody did since he was last read is not known.
    let uses = if graph.node(node).state == RowState::Stale { Vec::new() } else { recorded(graph, node) };
    let from = until.checked_sub((i64::from(asked.days) * 24).hours()).unwrap_or(Timestamp::MIN);
    let Unused { services, mut actions, not_recorded } = unused(reference, &permissions, &uses, Window { from, until });
    if let Some(level) = asked.level {
        actions.retain(|name| reference.find(name).is_some_and(|at| reference.action(at).level == level));
    }
    let is_new = graph.account(node).and_then(|account| account.created.at()).is_some_and(|created| created > from);
    let idle = if is_new { Usage::New } else { Usage::Unused };
    let mut usages: FxHashMap<&str, Usage> = FxHashMap::default();
    usages.extend(services.iter().map(|one| (&*one.service, idle)));
    usages.extend(not_recorded.iter().map(|service| (&**service, Usage::Unknown)));
    let mut last: FxHashMap<String, Timestamp> = FxHashMap::default();
    for (service, at) in uses.iter().filter_map(|one| Some((one.service.to_ascii_lowercase(), one.last?))) {
        last.entry(service).and_modify(|last| *last = at.max(*last)).or_insert(at);
    }
    let usage = |service: &str| usages.get(service).copied().unwrap_or(Usage::Used);
    if asked.unused {
        let partly: FxHashSet<&str> = actions.iter().filter_map(|name| name.split(':').next()).collect();
        permissions.by_service.retain(|row| match usage(&row.service) {
            Usage::Unused | Usage::Unknown => true,
            Usage::Used => partly.contains(&*row.service),
            Usage::New => false,
        });
    }
    let rows = &permissions.by_service;
    // What was not read, and what the reference does not know, may be what is asked for.
    let is_told = !rows.is_empty() || !permissions.unread.is_empty() || !permissions.unknown.is_empty();
    if (asked.level.is_some() || asked.unused) && !is_told {
        return None;
    }
    let mut counted = Services::default();
    let mut before: Option<&str> = None;
    for row in rows.iter().filter(|row| before.replace(&row.service) != Some(&row.service)) {
        counted.granted += 1;
        match usage(&row.service) {
            Usage::Used => counted.used += 1,
            Usage::Unused => counted.unused += 1,
            Usage::New => counted.new += 1,
            Usage::Unknown => counted.unknown += 1,
        }
    }
    let last_of = |service: &str| last.get(&service.to_ascii_lowercase()).copied();
    let of_service = |row: &Permission| OfService {
        service: row.service.to_string(),
        level: row.level.as_str(),
        allowed: row.allowed,
        allowed_if: row.allowed_if,
        widest: row.widest.to_string(),
        usage: usage(&row.service),
        last_use: last_of(&row.service),
    };
    Some(Holder {
        system: graph.system_name(place.system).to_owned(),
        account: estate.accounts[entry.account as usize].number.to_string(),
        principal: entry.arn.to_string(),
        kind: match entry.kind {
            PrincipalKind::User => "user",
            PrincipalKind::Role => "role",
        },
        name: graph.name(node).to_owned(),
        person: None,
        can_act: entry.can_act,
        administrator: Administrator::NotEvaluated,
        level: rows.iter().map(|row| row.level).max().map(Level::as_str),
        allowed: rows.iter().map(|row| row.allowed).sum(),
        allowed_if: rows.iter().map(|row| row.allowed_if).sum(),
        services: counted,
        unused_actions: u32::try_from(actions.len()).unwrap_or(u32::MAX),
        last_use: rows.iter().filter_map(|row| last_of(&row.service)).max(),
        until,
        permissions: if asked.detail { rows.iter().map(of_service).collect() } else { Vec::new() },
        unknown: permissions.unknown.iter().map(ToString::to_string).collect(),
        unread: permissions.unread.iter().map(ToString::to_string).collect(),
        node,
    })
}
