//! Operations of provisioning logs: what was tried, how the first attempt at each ended, and whether a later one succeeded.

use std::collections::BTreeMap;

use jiff::Timestamp;
use muster_connectors::record::EventOutcome;

use super::Events;

/// One operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Operation {
    /// When it was first tried.
    pub at: Timestamp,
    /// How the first attempt ended.
    pub first: EventOutcome,
    /// Whether a later attempt succeeded where the first did not.
    pub is_retried: bool,
    /// Attempts that were refused because there had been too many.
    pub throttled: u32,
    /// All attempts.
    pub attempts: u32,
}

impl Events {
    /// Operations that a system's log tells the end of, tried first at or after `from`, in order of time.
    ///
    /// Entries that share an operation's id are attempts at it, in order of time; one without is an operation of its own.
    pub fn operations(&self, system: &str, from: Timestamp) -> Vec<Operation> {
        let mut attempts: BTreeMap<&str, Vec<(Timestamp, &str, EventOutcome)>> = BTreeMap::new();
        for entry in self.ended(system) {
            let Some(outcome) = entry.outcome else { continue };
            let id = entry.operation.map_or_else(|| self.text(entry.id), |operation| self.text(operation.folded));
            attempts.entry(id).or_default().push((entry.at, self.text(entry.id), outcome));
        }
        let mut operations: Vec<Operation> = attempts
            .into_values()
            .filter_map(|mut attempts| {
                attempts.sort_unstable_by_key(|(at, id, _)| (*at, *id));
                let (at, _, first) = *attempts.first()?;
                let throttled = attempts.iter().filter(|(.., outcome)| *outcome == EventOutcome::Throttled).count();
                let succeeded = attempts[1..].iter().any(|(.., outcome)| *outcome == EventOutcome::Success);
                Some(Operation {
                    at,
                    first,
                    is_retried: first != EventOutcome::Success && succeeded,
                    throttled: u32::try_from(throttled).unwrap_or(u32::MAX),
                    attempts: u32::try_from(attempts.len()).unwrap_or(u32::MAX),
                })
            })
            .filter(|operation| operation.at >= from)
            .collect();
        operations.sort_by_key(|operation| operation.at);
        operations
    }
}
