//! From findings and coverage to the view that every format renders.

pub mod links;

use std::io;

use jiff::Timestamp;
use muster_connectors::record::{AccountClass, PrivilegeLevel};
use muster_reports::view::{
    AccountRow, File, Gap, GrantRow, Kind, LinkChange, Origin, Outcome, Population, Scope, System, VIEW_VERSION, View,
};

use crate::access::Privilege;
use crate::check::Estate;
use crate::config::FailOn;
use crate::graph::{CoverageRow, NodeKind, Relation};
use crate::people::Situation;
use crate::people::churn::Churn;
use crate::rules::Check;
use crate::snapshot::{KindState, Manifest};

/// How a check ends: the exit code before `--allow-partial`, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// Whether every scope that was asked for was read and is believed.
    pub complete: bool,
    /// Findings that count for the exit code.
    pub counted: usize,
    /// Names of the systems with gaps.
    pub doubtful: Vec<String>,
    /// The gate.
    pub fail_on: FailOn,
    /// Whether gaps may be left out of the exit code.
    pub allow_partial: bool,
}

impl Ending {
    /// Counts what matters.
    pub fn of(check: &Check, manifest: &Manifest, fail_on: FailOn, allow_partial: bool, now: Timestamp) -> Self {
        let mut doubtful: Vec<String> = manifest
            .kinds()
            .filter(|view| matches!(view.state(), KindState::Suspect | KindState::Partial | KindState::Failed))
            .map(|view| view.system.to_owned())
            .collect();
        doubtful.dedup();
        let counted = match fail_on {
            FailOn::Never => 0,
            FailOn::AtLeast { severity, only_new } => check
                .findings
                .iter()
                .filter(|finding| finding.severity >= severity && (!only_new || finding.first_seen == now))
                .count(),
        };
        Self { complete: doubtful.is_empty(), counted, doubtful, fail_on, allow_partial }
    }

    /// The exit code.
    pub fn code(&self) -> u8 {
        match (self.complete || self.allow_partial, self.counted) {
            (false, _) => 3,
            (true, 0) => 0,
            (true, _) => 1,
        }
    }

    /// Why it is that.
    pub fn reason(&self, findings: usize) -> String {
        let gate = match self.fail_on {
            FailOn::Never => "the gate is off".to_owned(),
            FailOn::AtLeast { .. } => format!("{} of them at or above the gate `{}`", self.counted, self.fail_on),
        };
        let found = match findings {
            0 => "no findings".to_owned(),
            1 => format!("1 finding, {gate}"),
            more => format!("{more} findings, {gate}"),
        };
        match (self.complete, self.allow_partial) {
            (true, _) => found,
            (false, true) => {
                format!("{found}; not fully read: {} (allowed by --allow-partial)", self.doubtful.join(", "))
            }
            (false, false) => format!("not fully read or not believed: {}; {found}", self.doubtful.join(", ")),
        }
    }
}

/// The view of one check.
pub fn view(estate: &Estate, check: Check, manifest: &Manifest, ending: &Ending, now: Timestamp) -> View {
    let outcome =
        Outcome { code: ending.code(), reason: ending.reason(check.findings.len()), complete: ending.complete };
    View {
        version: VIEW_VERSION,
        origin: Origin {
            tool: crate::TOOL.to_owned(),
            now,
            snapshot: format!("{} {}", manifest.header.sequence, &manifest.id[..12]),
            previous: manifest.header.previous.as_ref().map(|id| id[..12].to_owned()),
            config: manifest.header.config.clone(),
        },
        outcome,
        findings: check.findings,
        rules: check.rules,
        systems: systems(estate.graph.coverage().rows()),
        people: links::people(estate, now),
    }
}

fn systems(rows: &[CoverageRow]) -> Vec<System> {
    let mut systems: Vec<System> = Vec::new();
    for row in rows {
        if systems.last().is_none_or(|system| system.name != row.system) {
            systems.push(System { name: row.system.clone(), connector: row.connector.clone(), scopes: Vec::new() });
        }
        let Some(system) = systems.last_mut() else { continue };
        if system.scopes.last().is_none_or(|scope| scope.name != row.scope) {
            system.scopes.push(Scope {
                name: row.scope.clone(),
                kinds: Vec::new(),
                identity: row.identity.clone(),
                tenant: row.tenant.clone(),
                collected: row.collected,
                files: row.files.iter().map(|f| File { path: f.path.clone(), sha256: f.sha256.clone() }).collect(),
            });
        }
        if let Some(scope) = system.scopes.last_mut() {
            scope.kinds.push(kind(row));
        }
    }
    systems
}

fn kind(row: &CoverageRow) -> Kind {
    Kind {
        name: row.kind.to_string(),
        state: row.state.as_str().to_owned(),
        records: row.records,
        gaps: row
            .gaps
            .iter()
            .map(|gap| Gap {
                code: gap.code.clone(),
                what: gap.what.clone(),
                cause: gap.cause.clone(),
                fix: gap.fix.clone(),
                at: gap.at.as_deref().map(str::to_owned),
            })
            .collect(),
        withheld: row.withheld.iter().map(|(field, why)| format!("{field}: {why}")).collect(),
    }
}

/// The population of an estate, walked row by row.
#[derive(Debug)]
pub struct Walk<'a> {
    /// What is walked.
    pub estate: &'a Estate,
    /// What became of the links since the check before, where there was one.
    pub churn: Option<&'a Churn>,
    /// The clock.
    pub now: Timestamp,
}

impl Walk<'_> {
    fn situation(&self, ix: crate::graph::NodeIx) -> Situation {
        self.estate.people.situation(ix, self.now)
    }
}

/// A level with the doubt that hangs on it.
pub(crate) fn privilege_word(privilege: &Privilege) -> String {
    match privilege {
        Privilege::Certain(level) => level.to_string(),
        Privilege::Undecided { at_most, .. } => format!("{at_most} if"),
    }
}

impl Population for Walk<'_> {
    fn accounts(&self, visit: &mut dyn FnMut(AccountRow) -> io::Result<()>) -> io::Result<()> {
        let Estate { graph, people, access, .. } = self.estate;
        for (ix, account) in graph.accounts() {
            let node = graph.node(ix);
            let class: AccountClass = people.class(ix).class;
            let person = people.link(ix).map(|link| people.person(link.person));
            visit(AccountRow {
                system: graph.system_name(node.system).to_owned(),
                id: graph.text(node.id).to_owned(),
                login: graph.text_or_empty(account.login).to_owned(),
                name: graph.text_or_empty(node.name).to_owned(),
                class: class.to_string(),
                lifecycle: account.lifecycle.to_string(),
                person: person.map(|person| people.text(person.key).to_owned()).unwrap_or_default(),
                situation: self.situation(ix).as_str().to_owned(),
                privilege: privilege_word(&access.privilege(graph, ix)),
                last_activity: account.last_activity.to_string(),
                scope_state: node.state.as_str().to_owned(),
            })?;
        }
        Ok(())
    }

    fn grants(&self, visit: &mut dyn FnMut(GrantRow) -> io::Result<()>) -> io::Result<()> {
        let graph = &self.estate.graph;
        for place in 0..graph.node_count() {
            let source = crate::graph::NodeIx(u32::try_from(place).unwrap_or(u32::MAX));
            for edge in graph.edges_from(source).filter(|edge| edge.relation == Relation::Holds) {
                let (from, to) = (graph.node(edge.source), graph.node(edge.target));
                let level = graph.entitlement(edge.target).and_then(|entitlement| entitlement.privilege);
                let resource = graph.detail(&edge).resource;
                visit(GrantRow {
                    system: graph.system_name(to.system).to_owned(),
                    principal: graph.text(from.id).to_owned(),
                    principal_name: graph.name(edge.source).to_owned(),
                    principal_kind: match from.kind {
                        NodeKind::Account | NodeKind::Group => from.kind.as_str().to_owned(),
                        NodeKind::Entitlement | NodeKind::Resource | NodeKind::Unresolved => "unknown".to_owned(),
                    },
                    entitlement: graph.text(to.id).to_owned(),
                    entitlement_name: graph.name(edge.target).to_owned(),
                    resource: resource.map(|ix| graph.text(graph.node(ix).id).to_owned()).unwrap_or_default(),
                    privilege: level.map(|level: PrivilegeLevel| level.to_string()).unwrap_or_default(),
                })?;
            }
        }
        Ok(())
    }

    fn link_changes(&self, visit: &mut dyn FnMut(LinkChange) -> io::Result<()>) -> io::Result<()> {
        let changes = self.churn.into_iter().flat_map(|churn| &churn.changes);
        changes.cloned().map(links::change).try_for_each(visit)
    }
}
