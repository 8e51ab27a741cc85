//! Rung 4: a work e-mail or alias on both sides, never across an employment gap.

use super::folded;
use super::strategy::{Candidate, Evidence, Strategy, persons_by_key};
use crate::graph::NodeIx;

/// The rung.
pub(super) static STRATEGY: Strategy = Strategy {
    name: "email",
    summary: "one of the account's addresses, or its login, is a person's work e-mail",
    propose,
    any_class: false,
};

/// An address that the system verified, or that HR feeds into it.
const VERIFIED: f32 = 0.95;
/// An address that anybody may have typed.
const UNVERIFIED: f32 = 0.91;
/// Either, when it may have been handed on to somebody else.
const ACROSS_A_GAP: f32 = 0.7;

fn propose(evidence: &Evidence<'_>, account: NodeIx) -> Vec<Candidate> {
    let Some(facts) = evidence.graph.account(account) else { return Vec::new() };
    let login = facts.login.map(|login| evidence.graph.text(login)).filter(|login| login.contains('@'));
    let mut candidates = Vec::new();
    for address in evidence.graph.emails_of(facts).chain(login) {
        let address = folded(address);
        for person in persons_by_key(evidence.people, &address, |person, key| person.emails.contains(&key)) {
            let (confidence, note) = match (evidence.survives_gap(account, person), facts.emails_verified) {
                (true, true) => (VERIFIED, ""),
                (true, false) => (UNVERIFIED, ""),
                (false, _) => (ACROSS_A_GAP, ", but the account was not made during the person's present employment"),
            };
            candidates.push(Candidate {
                person,
                confidence,
                strategy: STRATEGY.name,
                evidence: format!("e-mail `{address}` on both sides{note}"),
                comparisons: Vec::new(),
            });
        }
    }
    candidates
}
