//! How a run ended: the exit code and why it is that.

use std::io;
use std::process::ExitCode;

use crate::config::ConfigErrors;
use crate::diagnostic::Diagnostic;
use crate::snapshot::StoreError;

/// Exit codes, the least grave first: 130 > 2 > 4 > 3 > 1 > 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// Everything asked for was done, and nothing was found.
    Clean,
    /// Findings at or above the gate.
    Findings,
    /// Something that was asked for was not read, or is not believed.
    Incomplete,
    /// A plan is stale, or applying it stopped part-way.
    Stale,
    /// The work could not be done.
    Failed,
    /// Interrupted by a signal.
    Interrupted,
}

impl Exit {
    /// The process's exit code.
    pub const fn code(self) -> u8 {
        match self {
            Self::Clean => 0,
            Self::Findings => 1,
            Self::Failed => 2,
            Self::Incomplete => 3,
            Self::Stale => 4,
            Self::Interrupted => 130,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The exit code.
    pub exit: Exit,
    /// Why it is that, for the last line; `None` where a clean end needs no words (a question was answered).
    pub reason: Option<String>,
}

impl Outcome {
    /// A question was answered.
    pub const fn answered() -> Self {
        Self { exit: Exit::Clean, reason: None }
    }

    /// An end with its reason.
    pub fn new(exit: Exit, reason: impl Into<String>) -> Self {
        Self { exit, reason: Some(reason.into()) }
    }

    /// The graver of two ends, with its own reason.
    #[must_use]
    pub fn worst(self, other: Self) -> Self {
        if other.exit > self.exit { other } else { self }
    }

    /// With `allow`, incompleteness does not count (`--allow-partial`); the reason still says it.
    #[must_use]
    pub fn allowing_partial(self, allow: bool) -> Self {
        if allow && self.exit == Exit::Incomplete {
            return Self {
                exit: Exit::Clean,
                reason: self.reason.map(|reason| format!("{reason}; allowed by --allow-partial")),
            };
        }
        self
    }
}

/// Why a command could not do its work.
#[derive(Debug)]
pub enum Failure {
    /// Told as diagnostics.
    Told(Vec<Diagnostic>),
    /// A signal came.
    Interrupted(String),
    /// Output could not be written. A reader that went away (`head`) is no failure.
    Output(io::Error),
}

impl From<Diagnostic> for Failure {
    fn from(diagnostic: Diagnostic) -> Self {
        Self::Told(vec![diagnostic])
    }
}

impl From<Box<Diagnostic>> for Failure {
    fn from(diagnostic: Box<Diagnostic>) -> Self {
        (*diagnostic).into()
    }
}

impl From<ConfigErrors> for Failure {
    fn from(errors: ConfigErrors) -> Self {
        Self::Told(errors.0)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        store_diagnostic(&error).into()
    }
}

/// The store's error as a person reads it.
pub fn store_diagnostic(error: &StoreError) -> Diagnostic {
    let code = match error {
        StoreError::Locked { .. } => "SNP001",
        StoreError::File { source, .. } if is_full(source) => "SNP003",
        StoreError::NoSnapshot { .. } | StoreError::Pruned { .. } => "SNP004",
        StoreError::Damaged { .. } => "SNP005",
        StoreError::NoColumn { .. } => "QRY001",
        StoreError::File { .. } | StoreError::Newer { .. } | StoreError::Misuse(_) | StoreError::Frame { .. } => {
            "SNP002"
        }
    };
    Diagnostic::error(code, error.to_string()).fix(error.fix())
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gravest_end_wins_and_codes_are_as_published() {
        let order = [Exit::Clean, Exit::Findings, Exit::Incomplete, Exit::Stale, Exit::Failed, Exit::Interrupted];
        assert_eq!(order.map(Exit::code), [0, 1, 3, 4, 2, 130]);
        let findings = Outcome::new(Exit::Findings, "findings");
        let incomplete = Outcome::new(Exit::Incomplete, "gap");
        assert_eq!(findings.clone().worst(incomplete.clone()), incomplete);
        let allowed = incomplete.allowing_partial(true);
        assert_eq!(allowed.reason.as_deref(), Some("gap; allowed by --allow-partial"));
        assert_eq!(allowed.worst(findings.clone()), findings);
    }
}
