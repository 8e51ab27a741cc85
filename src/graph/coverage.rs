//! What was read and how far, for every system, scope and kind of record.

use std::collections::BTreeMap;

use jiff::Timestamp;
use muster_connectors::record::RecordKind;
use muster_connectors::scope::{Gap, KindReport, NOTHING_BEYOND_READING, Probe, SourceFile};

use crate::collect::gate::accept;
use crate::snapshot::{KindState, KindView, Manifest, RowState};

/// One kind of one scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoverageRow {
    /// System.
    pub system: String,
    /// Connector.
    pub connector: String,
    /// Scope.
    pub scope: String,
    /// Kind.
    pub kind: RecordKind,
    /// How far.
    pub state: KindState,
    /// Whether a missing row means a missing object.
    pub proves_absence: bool,
    /// Whether the gate does not believe what was read, be it complete or in part.
    pub is_doubted: bool,
    /// Whether it is known which records are missing, so that all others can be relied on.
    pub loses_only_rows: bool,
    /// Rows read, or carried where nothing was read.
    pub records: u64,
    /// Why it is not complete, or not believed.
    pub gaps: Vec<Gap>,
    /// Fields that the source withheld, with why.
    pub withheld: BTreeMap<String, String>,
    /// The tenant's own id.
    pub tenant: Option<String>,
    /// Who the credential was.
    pub identity: Option<String>,
    /// What the credential can do beyond reading, as the connector's check found.
    pub excess: Option<String>,
    /// When the rows were true.
    pub collected: Option<Timestamp>,
    /// Files read.
    pub files: Vec<SourceFile>,
}

impl CoverageRow {
    /// Whether the columns of its files are others than last time: what stands in them may be something else, too.
    pub fn columns_moved(&self) -> bool {
        self.gaps.iter().any(|gap| gap.code == "GAT005")
    }

    /// "hr:people (persons) is partial: …": how far it is from complete, for a sentence.
    pub fn shortfall(&self) -> String {
        let why = self.gaps.first().map(|gap| format!(": {}", gap.what)).unwrap_or_default();
        format!("{}:{} ({}) is {}{why}", self.system, self.scope, self.kind, self.state.as_str())
    }
}

/// Everything that was promised, and how it ended; sorted by system, scope and kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Coverage {
    rows: Vec<CoverageRow>,
}

impl Coverage {
    /// Sorts the rows.
    pub fn new(mut rows: Vec<CoverageRow>) -> Self {
        rows.sort_by(|a, b| (&a.system, &a.scope, a.kind).cmp(&(&b.system, &b.scope, b.kind)));
        Self { rows }
    }

    /// What a manifest says.
    pub fn of(manifest: &Manifest) -> Self {
        Self::new(manifest.kinds().map(|view| row(&view)).collect())
    }

    /// Every row.
    pub fn rows(&self) -> &[CoverageRow] {
        &self.rows
    }

    /// Names of the systems, sorted.
    pub fn system_names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.rows.iter().map(|row| row.system.clone()).collect();
        names.dedup();
        names
    }

    /// The rows of a system.
    pub fn of_system<'a>(&'a self, system: &'a str) -> impl Iterator<Item = &'a CoverageRow> {
        let start = self.rows.partition_point(|row| row.system.as_str() < system);
        self.rows[start..].iter().take_while(move |row| row.system == system)
    }

    /// The rows of a scope.
    pub fn of_scope<'a>(&'a self, system: &'a str, scope: &'a str) -> impl Iterator<Item = &'a CoverageRow> {
        let start = self.rows.partition_point(|row| (row.system.as_str(), row.scope.as_str()) < (system, scope));
        self.rows[start..].iter().take_while(move |row| row.system == system && row.scope == scope)
    }

    /// The rows of systems that yield people.
    pub fn of_people(&self) -> impl Iterator<Item = &CoverageRow> {
        self.rows.iter().filter(|row| matches!(row.kind, RecordKind::Person | RecordKind::Employment))
    }

    /// The tenant's own id of a system where the scope names it; else the system's name. Fingerprints use it, so a rename
    /// reopens nothing.
    pub fn tenant_of<'a>(&'a self, system: &'a str, scope: &'a str) -> &'a str {
        self.of_scope(system, scope).find_map(|row| row.tenant.as_deref()).unwrap_or(system)
    }
}

/// What the gate said, which the manifest keeps as `CODE what`.
fn suspicion(system: &str, scope: &str, reason: &str) -> Gap {
    let (code, what) = reason.split_once(' ').filter(|(code, _)| code.starts_with("GAT")).unwrap_or(("GAT001", reason));
    let fix = format!("`muster explain {code}` tells what to check; {}", accept(system, scope));
    Gap::new(code, what).cause("a complete answer that is not believable").fix(fix)
}

/// What a credential can do beyond reading, where a probe says so.
fn excess(probes: &[Probe]) -> Option<String> {
    let probe =
        probes.iter().find(|probe| probe.permission == NOTHING_BEYOND_READING && probe.granted == Some(false))?;
    Some(probe.detail.clone().unwrap_or_else(|| "it can do more than read".to_owned()))
}

fn row(view: &KindView<'_>) -> CoverageRow {
    let report = view.report();
    let state = view.state();
    let mut gaps = report.map(|report| report.gaps.clone()).unwrap_or_default();
    let reasons = view.entry.suspect.iter().flat_map(|reasons| reasons.lines());
    gaps.splice(0..0, reasons.map(|reason| suspicion(view.system, view.scope, reason)));
    let read: u64 = view.entry.parts.iter().filter(|part| part.table == view.kind.as_str()).map(|part| part.rows).sum();
    let carried = view.entry.carried.iter().flat_map(|layer| &layer.parts);
    let carried: u64 = carried.filter(|part| part.table == view.kind.as_str()).map(|part| part.rows).sum();
    // What is carried proves as much as it did when it was read.
    let carried_whole = report.is_some_and(|report| report.gaps.is_empty())
        && view.entry.carried.iter().all(|layer| layer.read == RowState::Complete && !layer.stale);
    CoverageRow {
        system: view.system.to_owned(),
        connector: view.system_entry.connector.clone(),
        scope: view.scope.to_owned(),
        kind: view.kind,
        state,
        proves_absence: match state {
            KindState::Complete => true,
            KindState::Carried => carried_whole,
            KindState::Suspect | KindState::Partial | KindState::Failed => false,
        },
        is_doubted: view.system_entry.asked && view.entry.suspect.is_some(),
        loses_only_rows: state == KindState::Partial
            && view.entry.suspect.is_none()
            && report.is_some_and(KindReport::loses_only_rows),
        records: if state == KindState::Carried { carried } else { read },
        gaps,
        withheld: report.map(|report| report.withheld.clone()).unwrap_or_default(),
        tenant: view.scope_entry.report.tenant.clone(),
        identity: view.scope_entry.report.identity.clone(),
        excess: excess(&view.scope_entry.report.probes),
        collected: view.entry.collected.or_else(|| view.entry.carried.first().and_then(|layer| layer.collected)),
        files: view.scope_entry.report.files.clone(),
    }
}
