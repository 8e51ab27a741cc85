//! What was read and how far, for every system, scope and kind of record.

use std::collections::BTreeMap;

use jiff::Timestamp;
use muster_connectors::record::RecordKind;
use muster_connectors::scope::{Gap, SourceFile};

/// State of the rows something was read from, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RowState {
    /// Read whole, today.
    Complete,
    /// From an earlier snapshot: the system was not asked this time.
    Carried,
    /// Read whole, but not believable.
    Suspect,
    /// Read in part, today.
    Partial,
    /// From an earlier snapshot, because today's reading failed.
    Stale,
    /// Not read.
    Failed,
}

impl RowState {
    /// Every state, best first.
    pub const ALL: [Self; 6] = [Self::Complete, Self::Carried, Self::Suspect, Self::Partial, Self::Stale, Self::Failed];

    /// The one spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Carried => "carried",
            Self::Suspect => "suspect",
            Self::Partial => "partial",
            Self::Stale => "stale",
            Self::Failed => "failed",
        }
    }

    /// Whether a missing row means a missing object. Carried rows were complete when they were read, and the scan did not
    /// claim to read them again.
    pub const fn proves_absence(self) -> bool {
        match self {
            Self::Complete | Self::Carried => true,
            Self::Suspect | Self::Partial | Self::Stale | Self::Failed => false,
        }
    }

    /// Whether a row that is there can be relied on as it stands.
    pub const fn proves_presence(self) -> bool {
        match self {
            Self::Complete | Self::Carried | Self::Suspect | Self::Partial => true,
            Self::Stale | Self::Failed => false,
        }
    }
}

impl std::str::FromStr for RowState {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|state| state.as_str() == text).ok_or_else(|| format!("`{text}` is no row state"))
    }
}

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
    pub state: RowState,
    /// Rows.
    pub records: u64,
    /// Why it is not complete.
    pub gaps: Vec<Gap>,
    /// Fields that the source withheld, with why.
    pub withheld: BTreeMap<String, String>,
    /// The tenant's own id.
    pub tenant: Option<String>,
    /// Who the credential was.
    pub identity: Option<String>,
    /// When the rows were true.
    pub collected: Option<Timestamp>,
    /// Files read.
    pub files: Vec<SourceFile>,
}

/// Everything that was promised, and how it ended; sorted by system, scope and kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Coverage {
    rows: Vec<CoverageRow>,
}

impl Coverage {
    /// Sorts the rows.
    pub fn new(mut rows: Vec<CoverageRow>) -> Self {
        rows.sort_by(|a, b| (&a.system, &a.scope, a.kind, a.state).cmp(&(&b.system, &b.scope, b.kind, b.state)));
        Self { rows }
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
        self.rows.iter().filter(move |row| row.system == system)
    }

    /// The rows of systems that yield people.
    pub fn of_people(&self) -> impl Iterator<Item = &CoverageRow> {
        self.rows.iter().filter(|row| matches!(row.kind, RecordKind::Person | RecordKind::Employment))
    }

    /// The tenant's own id of a system where one scope names it; else the system's name. Fingerprints use it, so a rename
    /// reopens nothing.
    pub fn tenant_of<'a>(&'a self, system: &'a str, scope: &str) -> &'a str {
        let mut rows = self.of_system(system).filter(|row| row.scope == scope);
        rows.find_map(|row| row.tenant.as_deref()).unwrap_or(system)
    }
}
