//! Rung 1: what a person has decided and written down.

use jiff::Timestamp;
use rustc_hash::FxHashMap;

use super::strategy::{Candidate, Evidence, Pin, Strategy};
use super::{People, PersonIx, fold};
use crate::graph::{Graph, NodeIx, SystemIx, Text};

/// The rung.
pub(super) static STRATEGY: Strategy = Strategy {
    name: "pin",
    summary: "a decision in policy/pins.toml, with author, reason and expiry",
    propose,
    any_class: true,
};

/// Pins that count at `now`, by account. A pin that names nobody, or no account, ties nothing.
pub(super) fn resolve<'p>(
    pins: &'p [Pin],
    graph: &Graph,
    people: &People,
    now: Timestamp,
) -> FxHashMap<NodeIx, Vec<(PersonIx, &'p Pin)>> {
    let mut resolved: FxHashMap<NodeIx, Vec<(PersonIx, &Pin)>> = FxHashMap::default();
    let live: Vec<&Pin> = pins.iter().filter(|pin| pin.expires.is_none_or(|expires| now < expires)).collect();
    if live.is_empty() {
        return resolved;
    }
    let mut by_name: FxHashMap<(SystemIx, Text), Vec<&Pin>> = FxHashMap::default();
    for pin in live {
        if let (Some(system), Some(name)) = (graph.system(&pin.system), graph.strings().find(&pin.account)) {
            by_name.entry((system, name)).or_default().push(pin);
        }
    }
    for (ix, account) in graph.accounts() {
        let node = graph.node(ix);
        let mut names: Vec<Text> = [Some(node.id), account.login, account.native_name].into_iter().flatten().collect();
        names.sort_unstable();
        names.dedup();
        for pin in names.iter().filter_map(|name| by_name.get(&(node.system, *name))).flatten() {
            let persons = people.find(&fold(&pin.person));
            resolved.entry(ix).or_default().extend(persons.into_iter().map(|person| (person, *pin)));
        }
    }
    resolved
}

fn propose(evidence: &Evidence<'_>, account: NodeIx) -> Vec<Candidate> {
    let pins = evidence.pins.get(&account).map_or(&[][..], Vec::as_slice);
    pins.iter()
        .map(|(person, pin)| Candidate {
            person: *person,
            confidence: 1.0,
            strategy: STRATEGY.name,
            evidence: format!("pinned by {}: {}", pin.author, pin.reason),
            comparisons: Vec::new(),
        })
        .collect()
}
