//! The ladder: each rung looks at the accounts that no stronger rung has settled. Whom only a login's name part names is weighed
//! again with everything else ([`reweigh`]).

use jiff::Timestamp;
use rayon::prelude::*;
use rustc_hash::FxHashMap;

use super::login::NameKeys;
use super::strategy::{Candidate, Evidence, Strategy, Thresholds};
use super::{Classified, Correlation, People, PersonIx, STRATEGIES, class, fold, likeness, login, reweigh};
use crate::graph::{Graph, NodeIx, SystemIx};

/// Judges every account, rung by rung.
pub(super) fn climb(
    people: &mut People,
    graph: &Graph,
    thresholds: Thresholds,
    now: Timestamp,
) -> (Vec<Correlation>, Vec<Classified>) {
    let classes: Vec<Classified> =
        (0..graph.account_count()).into_par_iter().map(|place| class::classify(graph, node(place))).collect();
    let names = NameKeys::of(people);
    let one_domain = login::is_one_domain(people);
    let mut correlations = vec![Correlation::Nobody; graph.account_count()];
    let mut logins = FxHashMap::default();
    for strategy in STRATEGIES {
        if strategy.name == login::ADMIN_AFFIX.name {
            logins = linked_logins(graph, &correlations);
        }
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
        let open = correlations.par_iter_mut().enumerate().filter(|(_, found)| is_open(strategy, found));
        open.filter(|(place, _)| strategy.any_class || class::may_be_human(classes[*place].class)).for_each(
            |(place, found)| {
                let permitted = people.decided.permit(node(place), (strategy.propose)(&evidence, node(place)));
                let proposed = reweigh::waiting(found);
                let verdict = if proposed.is_empty() {
                    decide(strategy, permitted, thresholds)
                } else {
                    reweigh::combine(proposed, permitted, thresholds)
                };
                if verdict != Correlation::Nobody {
                    *found = verdict;
                }
            },
        );
    }
    (correlations, classes)
}

/// Whether a rung is asked about an account: nobody was named before, or only the login spoke and now all else does.
fn is_open(strategy: &Strategy, before: &Correlation) -> bool {
    *before == Correlation::Nobody || (strategy.name == likeness::STRATEGY.name && !reweigh::waiting(before).is_empty())
}

/// Persons by the everyday logins that administrators' logins are made from, of accounts that are linked so far; of two accounts
/// with one login the one whose rung came last.
fn linked_logins(graph: &Graph, correlations: &[Correlation]) -> FxHashMap<(SystemIx, String), PersonIx> {
    let bases = login::everyday_logins(graph);
    if bases.is_empty() {
        return FxHashMap::default();
    }
    let rung = |name: &str| STRATEGIES.iter().position(|strategy| strategy.name == name).unwrap_or(0);
    let mut linked: Vec<(usize, usize, (SystemIx, String), PersonIx)> = correlations
        .par_iter()
        .enumerate()
        .filter_map(|(place, correlation)| {
            let Correlation::Linked(link) = correlation else { return None };
            let login = graph.account(node(place))?.login?;
            let key = (graph.node(node(place)).system, fold(graph.text(login)));
            bases.contains(&key).then(|| (rung(link.strategy), place, key, link.person))
        })
        .collect();
    linked.sort_unstable();
    linked.into_iter().map(|(_, _, key, person)| (key, person)).collect()
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
