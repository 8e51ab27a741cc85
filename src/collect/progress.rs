//! Who is told what happens while systems are read: a terminal's bars, a log, or nobody.

use std::sync::Arc;
use std::time::Duration;

use muster_connectors::sink::Progress;

/// Watches a collection. Calls come from any thread and must be cheap.
pub trait Watcher: Send + Sync + std::fmt::Debug {
    /// Reading of `system` began.
    fn started(&self, system: &str);
    /// `records` more records of `system` were read.
    fn records(&self, system: &str, records: u64);
    /// Something worth knowing: "waiting 12 s as the server asked".
    fn note(&self, system: &str, text: &str);
    /// Reading of `system` ended.
    fn ended(&self, system: &str, end: End);
}

/// How the reading of a system ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End {
    /// Records read.
    pub records: u64,
    /// How long it took.
    pub took: Duration,
    /// Whether every scope was read.
    pub complete: bool,
}

/// Watches nothing.
#[derive(Debug, Clone, Copy)]
pub struct Unwatched;

impl Watcher for Unwatched {
    fn started(&self, _system: &str) {}
    fn records(&self, _system: &str, _records: u64) {}
    fn note(&self, _system: &str, _text: &str) {}
    fn ended(&self, _system: &str, _end: End) {}
}

/// One system's view of the watcher: what its connector talks to.
#[derive(Debug)]
pub(super) struct OfSystem {
    pub(super) system: String,
    pub(super) watcher: Arc<dyn Watcher>,
}

impl Progress for OfSystem {
    fn records(&self, _scope: &str, records: u64) {
        self.watcher.records(&self.system, records);
    }

    fn note(&self, text: &str) {
        tracing::info!(system = self.system, "{text}");
        self.watcher.note(&self.system, text);
    }
}
