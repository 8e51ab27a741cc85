//! Rung 2: the employee id the system keeps.

use super::folded;
use super::strategy::{Candidate, Evidence, Strategy, persons_by_key};
use crate::graph::NodeIx;

/// The rung.
pub(super) static STRATEGY: Strategy = Strategy {
    name: "employee_id",
    summary: "the account's employee id is one of a person's employee ids",
    propose,
    any_class: true,
};

fn propose(evidence: &Evidence<'_>, account: NodeIx) -> Vec<Candidate> {
    let Some(id) = evidence.graph.account(account).and_then(|account| account.employee_id) else { return Vec::new() };
    let id = folded(evidence.graph.text(id));
    persons_by_key(evidence.people, &id, |person, key| person.employee_ids.contains(&key))
        .into_iter()
        .map(|person| Candidate {
            person,
            confidence: 0.99,
            strategy: STRATEGY.name,
            evidence: format!("employee id `{id}` on both sides"),
            comparisons: Vec::new(),
        })
        .collect()
}
