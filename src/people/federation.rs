//! Rung 3: an immutable id at another issuer that is a person's key in HR (SCIM `externalId`, SAML NameID).

use super::folded;
use super::strategy::{Candidate, Evidence, Strategy, persons_by_key};
use crate::graph::NodeIx;

/// The rung.
pub(super) static STRATEGY: Strategy = Strategy {
    name: "federated_id",
    summary: "the account's id at another issuer is a person's employee id or work e-mail",
    propose,
    any_class: true,
};

fn propose(evidence: &Evidence<'_>, account: NodeIx) -> Vec<Candidate> {
    let Some(facts) = evidence.graph.account(account) else { return Vec::new() };
    let mut candidates = Vec::new();
    for federated in evidence.graph.federated_of(facts) {
        let (issuer, subject) = federated.split_once(' ').unwrap_or(("", federated));
        let key = folded(subject);
        let by_id =
            persons_by_key(evidence.people, &key, |person, key| person.employee_ids.contains(&key) || person.id == key);
        candidates.extend(by_id.into_iter().map(|person| candidate(person, 0.98, issuer, subject)));
        let by_email = persons_by_key(evidence.people, &key, |person, key| person.emails.contains(&key));
        candidates.extend(by_email.into_iter().map(|person| {
            let confidence = if evidence.survives_gap(account, person) { 0.94 } else { 0.7 };
            candidate(person, confidence, issuer, subject)
        }));
    }
    candidates
}

fn candidate(person: super::PersonIx, confidence: f32, issuer: &str, subject: &str) -> Candidate {
    Candidate {
        person,
        confidence,
        strategy: STRATEGY.name,
        evidence: format!("`{subject}` at {issuer} is the person's key in HR"),
        comparisons: Vec::new(),
    }
}
