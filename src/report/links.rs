//! People and links in numbers, for the view: who corresponds to whom, how surely, and what changed.

use std::collections::BTreeMap;

use jiff::Timestamp;
use muster_reports::view::{Bucket, DecisionNote, LinkChange, LinkChurn, LinkCoverage, LinkEnd, PeopleSummary};

use crate::check::Estate;
use crate::check::links::{candidates, decision_problems};
use crate::diagnostic::Diagnostic;
use crate::people::churn::{Change, Changed, Churn, End, percent};

/// Changes of a kind that loses nothing which a view lists; the others are counted.
const LISTED: u64 = 1000;
/// Width of a bucket of confidences, in percent.
const BUCKET: u8 = 5;

/// People and links of an estate.
pub fn people(estate: &Estate, now: Timestamp) -> PeopleSummary {
    let people = &estate.people;
    let mut summary = PeopleSummary {
        persons: people.persons().len() as u64,
        employed: people.persons().filter(|(ix, _)| people.standing(*ix, now).is_employed()).count() as u64,
        accounts: estate.graph.account_count() as u64,
        linked: people.links_by_strategy().into_iter().map(|(name, count)| (name.to_owned(), count)).collect(),
        decisions: decision_problems(estate).iter().map(note).collect(),
        ..PeopleSummary::default()
    };
    let mut situations: BTreeMap<&str, u64> = BTreeMap::new();
    let mut confidences: BTreeMap<u8, (u64, u64)> = BTreeMap::new();
    for (ix, _) in estate.graph.accounts() {
        let situation = people.situation(ix, now).as_str();
        *situations.entry(situation).or_default() += 1;
        *summary.classes.entry(people.class(ix).class.to_string()).or_default() += 1;
        let affiliation = people.affiliation(&estate.graph, ix, now).affiliation;
        *summary
            .affiliations
            .entry(affiliation.map_or_else(|| "unknown".to_owned(), |affiliation| affiliation.to_string()))
            .or_default() += 1;
        let link = people.link(ix);
        if let Some(best) = candidates(estate, ix).1.first() {
            let (linked, proposed) = confidences.entry(percent(best.confidence) / BUCKET * BUCKET).or_default();
            *(if link.is_some() { linked } else { proposed }) += 1;
        }
        if people.is_human(ix) {
            let system = estate.graph.system_name(estate.graph.node(ix).system);
            if summary.coverage.last().is_none_or(|coverage| coverage.system != system) {
                summary.coverage.push(LinkCoverage { system: system.to_owned(), ..LinkCoverage::default() });
            }
            if let Some(coverage) = summary.coverage.last_mut() {
                coverage.accounts += 1;
                *coverage.situations.entry(situation.to_owned()).or_default() += 1;
                if let Some(link) = link {
                    *coverage.linked.entry(link.strategy.to_owned()).or_default() += 1;
                }
            }
        }
    }
    summary.situations = situations.into_iter().map(|(name, count)| (name.to_owned(), count)).collect();
    summary.confidence = buckets(&confidences);
    summary
}

/// Buckets without a hole from the lowest that has an account to certainty.
fn buckets(counts: &BTreeMap<u8, (u64, u64)>) -> Vec<Bucket> {
    let Some(lowest) = counts.keys().next() else { return Vec::new() };
    let starts = (*lowest..=100).step_by(usize::from(BUCKET));
    let bucket = |from: u8| {
        let (linked, candidates) = counts.get(&from).copied().unwrap_or_default();
        Bucket { from, to: from.saturating_add(BUCKET - 1).min(if from == 100 { 100 } else { 99 }), linked, candidates }
    };
    starts.map(bucket).collect()
}

/// What became of the links since the check of snapshot `since`.
pub fn churn(since: u64, churn: &Churn) -> LinkChurn {
    let count = |change| churn.count(change);
    let mut summary = LinkChurn {
        since,
        unchanged: churn.unchanged,
        moved: count(Change::Moved),
        lost: count(Change::Lost),
        gone: count(Change::Gone),
        new: count(Change::New),
        ..LinkChurn::default()
    };
    let mut listed: BTreeMap<Change, u64> = BTreeMap::new();
    for changed in &churn.changes {
        let number = listed.entry(changed.change).or_default();
        *number += 1;
        let may_be_left_out = match changed.change {
            Change::Moved | Change::Lost => false,
            Change::Gone | Change::New => true,
        };
        if may_be_left_out && *number > LISTED {
            summary.left_out += 1;
        } else {
            summary.changes.push(change(changed.clone()));
        }
    }
    summary
}

/// A change as the view has it.
pub(super) fn change(changed: Changed) -> LinkChange {
    let Changed { change, system, account, name, before, after, cause } = changed;
    let (before, after) = (before.map(end), after.map(end));
    LinkChange { change: change.as_str().to_owned(), system, account, name, before, after, cause }
}

fn end(end: End) -> LinkEnd {
    let End { person, name, strategy, confidence } = end;
    LinkEnd { person, name, strategy, confidence }
}

fn note(problem: &Diagnostic) -> DecisionNote {
    DecisionNote {
        code: problem.code.clone(),
        what: problem.what.clone(),
        cause: problem.cause.clone(),
        fix: problem.fix.clone(),
        at: problem.place.as_ref().map(ToString::to_string).or_else(|| problem.at.clone()),
    }
}
