//! The ladder: each rung looks at the accounts that no stronger rung has settled. Whom only a login's name part names is weighed
//! again with everything else ([`reweigh`]).

use jiff::Timestamp;
use rayon::prelude::*;
use rustc_hash::FxHashMap;

use super::strategy::{Candidate, Evidence, Strategy, Thresholds};
use super::{Classified, Correlation, People, STRATEGIES, class, fold, likeness, login, reweigh};
use crate::graph::{Graph, NodeIx};

/// Judges every account, rung by rung.
pub(super) fn climb(
    people: &mut People,
    graph: &Graph,
    thresholds: Thresholds,
    now: Timestamp,
) -> (Vec<Correlation>, Vec<Classified>) {
    let classes: Vec<Classified> =
        (0..graph.account_count()).into_par_iter().map(|place| class::classify(graph, node(place))).collect();
    let names = login::name_keys(people);
    let one_domain = login::is_one_domain(people);
    let mut correlations = vec![Correlation::Nobody; graph.account_count()];
    let bases = login::everyday_logins(graph);
    let mut logins = FxHashMap::default();
    for strategy in STRATEGIES {
        if strategy.name == likeness::STRATEGY.name {
            people.proposals = likeness::weigh(people, graph, &classes, &correlations, thresholds);
        }
        let people = &*people;
        let evidence = Evidence {
            graph,
            people,
            decided: &people.decided,
            logins: &logins,
            names: &names,
            likeness: &people.proposals,
            one_domain,
            now,
        };
        let found: Vec<(usize, Correlation)> = (0..graph.account_count())
            .into_par_iter()
            .filter(|place| is_open(strategy, &correlations[*place]))
            .filter(|place| strategy.any_class || class::may_be_human(classes[*place].class))
            .filter_map(|place| {
                let permitted = people.decided.permit(node(place), (strategy.propose)(&evidence, node(place)));
                let proposed = reweigh::waiting(&correlations[place]);
                let verdict = if proposed.is_empty() {
                    decide(strategy, permitted, thresholds)
                } else {
                    reweigh::combine(proposed, permitted, thresholds)
                };
                (verdict != Correlation::Nobody).then_some((place, verdict))
            })
            .collect();
        for (place, correlation) in found {
            if let (Correlation::Linked(link), Some(account)) = (&correlation, graph.account(node(place)))
                && let Some(login) = account.login
            {
                let key = (graph.node(node(place)).system, fold(graph.text(login)));
                if bases.contains(&key) {
                    logins.insert(key, link.person);
                }
            }
            correlations[place] = correlation;
        }
    }
    (correlations, classes)
}

/// Whether a rung is asked about an account: nobody was named before, or only the login spoke and now all else does.
fn is_open(strategy: &Strategy, before: &Correlation) -> bool {
    *before == Correlation::Nobody || (strategy.name == likeness::STRATEGY.name && !reweigh::waiting(before).is_empty())
}

/// What follows from what a rung proposes.
pub(super) fn decide(strategy: &Strategy, mut candidates: Vec<Candidate>, thresholds: Thresholds) -> Correlation {
    if strategy.name == likeness::STRATEGY.name {
        return likeness::decide(candidates, thresholds);
    }
    candidates.retain(|candidate| candidate.confidence >= thresholds.candidate);
    candidates.sort_by(|a, b| b.confidence.total_cmp(&a.confidence).then(a.person.cmp(&b.person)));
    candidates.dedup_by_key(|candidate| candidate.person);
    let definite = candidates.iter().filter(|candidate| candidate.confidence >= thresholds.definite).count();
    match (definite, candidates.len()) {
        (_, 0) => Correlation::Nobody,
        (1, _) => Correlation::Linked(candidates.swap_remove(0)),
        (0, 1) => Correlation::Proposed(candidates.swap_remove(0)),
        (_, _) => Correlation::Disputed(candidates),
    }
}

/// The account at a place.
pub(super) fn node(place: usize) -> NodeIx {
    NodeIx(u32::try_from(place).unwrap_or(u32::MAX))
}
