//! Links in words and numbers, the same in every format: how far accounts are accounted for, how surely, and what changed.

use serde::Serialize;

use super::thousands;
use crate::view::{Bucket, LinkChange, LinkChurn, LinkCoverage, LinkEnd, PeopleSummary};

/// One system's accounts of a human class.
#[derive(Debug, Serialize)]
pub(crate) struct Line<'a> {
    pub(crate) system: &'a str,
    pub(crate) accounts: u64,
    pub(crate) linked: u64,
    /// With candidates only: the queue.
    pub(crate) waiting: u64,
    /// Nobody's.
    pub(crate) nobody: u64,
    /// About which nothing can be said.
    pub(crate) unsaid: u64,
    /// Share of each rung among the linked ones.
    pub(crate) by: String,
}

/// The systems, and how far their accounts are accounted for.
pub(crate) fn coverage(people: &PeopleSummary) -> Vec<Line<'_>> {
    people.coverage.iter().map(line).collect()
}

fn line(coverage: &LinkCoverage) -> Line<'_> {
    let of = |names: &[&str]| names.iter().filter_map(|name| coverage.situations.get(*name)).sum::<u64>();
    let linked: u64 = coverage.linked.values().sum();
    let shares = coverage.linked.iter().map(|(name, count)| format!("{name} {}", share(*count, linked)));
    Line {
        system: &coverage.system,
        accounts: coverage.accounts,
        linked,
        waiting: of(&["FOUND", "AMBIGUOUS", "FOUND_ALREADY_LINKED"]),
        nobody: of(&["UNASSIGNED"]),
        unsaid: of(&["INDETERMINATE"]),
        by: shares.collect::<Vec<_>>().join(", "),
    }
}

/// `98 %`; what is not everything never reads as everything, what is something never as nothing.
pub(crate) fn share(part: u64, whole: u64) -> String {
    if whole == 0 || part == 0 {
        return "0 %".to_owned();
    }
    let percent = u128::from(part) * 100 / u128::from(whole);
    match percent {
        0 => "< 1 %".to_owned(),
        _ => format!("{percent} %"),
    }
}

/// `75–79 %`.
pub(crate) fn span(bucket: &Bucket) -> String {
    if bucket.from == bucket.to { format!("{} %", bucket.from) } else { format!("{}–{} %", bucket.from, bucket.to) }
}

/// Buckets that hold an account, in one line.
pub(crate) fn histogram(people: &PeopleSummary) -> String {
    let some = people.confidence.iter().filter(|bucket| bucket.linked + bucket.candidates > 0);
    let parts = some.map(|bucket| match (bucket.linked, bucket.candidates) {
        (linked, 0) => format!("{}: {} linked", span(bucket), thousands(linked)),
        (0, candidates) => format!("{}: {} waiting", span(bucket), thousands(candidates)),
        (linked, candidates) => {
            format!("{}: {} linked, {} waiting", span(bucket), thousands(linked), thousands(candidates))
        }
    });
    parts.collect::<Vec<_>>().join("; ")
}

/// What became of the links, in one line.
pub(crate) fn headline(churn: &LinkChurn) -> String {
    let parts = [
        (churn.moved, "moved to another person"),
        (churn.lost, "lost while the account stands"),
        (churn.gone, "gone with their account"),
        (churn.new, "new"),
    ];
    let changed: Vec<String> = parts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{} {what}", thousands(*count)))
        .collect();
    let changed = if changed.is_empty() { "nothing changed".to_owned() } else { changed.join(", ") };
    format!("since the check of snapshot {}: {changed}, {} as before", churn.since, thousands(churn.unchanged))
}

/// One change, ready to be written.
#[derive(Debug, Serialize)]
pub(crate) struct Changed<'a> {
    pub(crate) change: &'a str,
    /// `crm:c-7 (ada)`.
    pub(crate) account: String,
    /// `Ada (E7), by email 95 %`, or `nobody`.
    pub(crate) before: String,
    pub(crate) after: String,
    pub(crate) cause: &'a str,
}

/// The changes that a view lists.
pub(crate) fn changes(churn: &LinkChurn) -> Vec<Changed<'_>> {
    let changed = |one: &'_ LinkChange| (account(one), end(one.before.as_ref()), end(one.after.as_ref()));
    churn
        .changes
        .iter()
        .map(|one| {
            let (account, before, after) = changed(one);
            Changed { change: &one.change, account, before, after, cause: &one.cause }
        })
        .collect()
}

fn end(end: Option<&LinkEnd>) -> String {
    match end {
        Some(end) => format!("{} ({}), by {} {} %", end.name, end.person, end.strategy, end.confidence),
        None => "nobody".to_owned(),
    }
}

fn account(change: &LinkChange) -> String {
    if change.name == change.account {
        format!("{}:{}", change.system, change.account)
    } else {
        format!("{}:{} ({})", change.system, change.account, change.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_neither_everything_nor_nothing_unless_it_is() {
        assert_eq!(share(999, 1000), "99 %");
        assert_eq!(share(1, 1000), "< 1 %");
        assert_eq!(share(7, 7), "100 %");
        assert_eq!(share(0, 0), "0 %");
    }
}
