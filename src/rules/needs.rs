//! What must have been read before a rule may judge.

use muster_connectors::record::RecordKind;

use crate::graph::{Coverage, CoverageRow};
use crate::snapshot::KindState;

/// Where an input lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum From {
    /// Every system that yields people.
    Hr,
    /// The scope the subject was read in; the whole system where that scope does not promise the kind.
    Own,
}

/// One input of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Need {
    /// Where.
    pub from: From,
    /// What.
    pub kind: RecordKind,
    /// A field that must not have been withheld.
    pub field: Option<&'static str>,
    /// Whether the rule concludes something from a record not being there.
    pub absence: bool,
}

impl Need {
    /// People and their employments, all of them: a person who is not in the feed must really not be there.
    pub const ALL_PERSONS: Self = Self { from: From::Hr, kind: RecordKind::Person, field: None, absence: true };
    /// Every employment: one that is missing may be the one that runs.
    pub const ALL_EMPLOYMENTS: Self = Self { from: From::Hr, kind: RecordKind::Employment, field: None, absence: true };
    /// The subject's own account row, as read today.
    pub const ACCOUNT: Self = Self { from: From::Own, kind: RecordKind::Account, field: None, absence: false };
    /// The subject's own credential row, as read today.
    pub const CREDENTIAL: Self = Self { from: From::Own, kind: RecordKind::Credential, field: None, absence: false };

    /// Why the need is not met for a subject of this system and scope; `None` when it is.
    pub fn unmet(&self, coverage: &Coverage, system: &str, scope: &str) -> Option<String> {
        let rows: Vec<&CoverageRow> = match self.from {
            From::Hr => coverage.rows().iter().filter(|row| row.kind == self.kind).collect(),
            From::Own => {
                let kind: Vec<&CoverageRow> = coverage.of_system(system).filter(|row| row.kind == self.kind).collect();
                let own: Vec<&CoverageRow> = kind.iter().copied().filter(|row| row.scope == scope).collect();
                if own.is_empty() { kind } else { own }
            }
        };
        if rows.is_empty() {
            return Some(match self.from {
                From::Hr => "no HR system was collected".to_owned(),
                From::Own => format!("{system} yields no {}", self.kind),
            });
        }
        rows.iter().find_map(|row| self.unmet_by(row))
    }

    fn unmet_by(&self, row: &CoverageRow) -> Option<String> {
        // Where it is known which people are missing, each subject is asked on its own whether it is about one of them.
        let known = self.from == From::Hr && row.loses_only_rows;
        let enough = if self.absence { row.proves_absence || known } else { row.state != KindState::Failed };
        if !enough {
            return Some(row.shortfall());
        }
        let field = self.field?;
        let why = row.withheld.get(field)?;
        Some(format!("{}:{} withholds `{field}` of its {}: {why}", row.system, row.scope, row.kind))
    }
}
