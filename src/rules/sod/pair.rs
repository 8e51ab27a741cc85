//! Two functions in one hand: what the rules about conflicts tell in the same words.

use muster_reports::view::Severity;

use crate::config::policy::{Conflict, Mitigation};
use crate::graph::{NodeIx, Step};
use crate::rules::duties::Control;
use crate::rules::{Facts, Failure};

/// A conflict that somebody has.
pub(super) struct Hit<'a> {
    /// Place in the matrix.
    pub(super) place: usize,
    /// The conflict.
    pub(super) conflict: &'a Conflict,
    /// The two functions.
    pub(super) pair: (usize, usize),
    /// The mitigation that ran out.
    pub(super) expired: Option<&'a Mitigation>,
}

impl<'a> Hit<'a> {
    /// A conflict that nothing makes tolerable; `None` when something does.
    pub(super) fn unless_mitigated(
        place: usize,
        conflict: &'a Conflict,
        pair: (usize, usize),
        control: Control<'a>,
    ) -> Option<Self> {
        match control {
            Control::Mitigated(_) => None,
            Control::None => Some(Self { place, conflict, pair, expired: None }),
            Control::Expired(mitigation) => Some(Self { place, conflict, pair, expired: Some(mitigation) }),
        }
    }
}

/// A function's title, in quotation marks for a sentence.
pub(super) fn title(facts: &Facts<'_>, function: usize) -> String {
    facts.duties.function(function).map_or_else(String::new, |function| format!("\u{201c}{}\u{201d}", function.title))
}

/// "“order” and “pay” (order-pay: pays what was never ordered)", for each hit once.
pub(super) fn told(facts: &Facts<'_>, hits: &[Hit<'_>]) -> String {
    let told = hits.iter().map(|hit| {
        let (a, b) = (title(facts, hit.pair.0), title(facts, hit.pair.1));
        let ended = hit.expired.map_or_else(String::new, |mitigation| {
            format!("; its mitigation, {}, ran out on {}", mitigation.control, mitigation.expires)
        });
        format!("{a} and {b} ({}: {}{ended})", hit.conflict.id, hit.conflict.risk)
    });
    told.collect::<Vec<_>>().join("; ")
}

/// Adds the ways to both functions of each hit as rows, those of the first as path, and the gravest severity.
pub(super) fn proved(
    facts: &Facts<'_>,
    mut failure: Failure,
    own: Severity,
    hits: &[Hit<'_>],
    accounts: &[NodeIx],
) -> Failure {
    let mut path: Vec<Step> = Vec::new();
    for (number, hit) in hits.iter().enumerate() {
        for function in [hit.pair.0, hit.pair.1] {
            let way = facts.duties.way(facts, function, accounts);
            if let Some(last) = way.last() {
                let mut row = facts.edge_row(last);
                row.facts.insert(
                    "function".to_owned(),
                    facts.duties.function(function).map_or_else(String::new, |f| f.id.clone()),
                );
                if !failure.evidence.contains(&row) {
                    failure = failure.row(row);
                }
            }
            if number == 0 {
                path.extend(way);
            }
        }
    }
    let gravest = hits.iter().max_by_key(|hit| (hit.conflict.severity, std::cmp::Reverse(hit.place)));
    if let Some(hit) = gravest.filter(|hit| hit.conflict.severity != own) {
        failure = failure.severity(hit.conflict.severity, format!("the matrix grades {} so", hit.conflict.id));
    }
    failure.path(path)
}
