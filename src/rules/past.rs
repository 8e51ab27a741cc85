//! What earlier checks found: handed in, compared with what is found now, handed on.
//!
//! ```text
//!   earlier ──► found again        ──► first seen stays; regressed where it had been resolved
//!           ──► judged, in order   ──► resolved
//!           ──► gone, and the reading proves it ──► resolved
//!           ──► anything else      ──► not confirmed: still open, with the cause
//! ```

use std::collections::BTreeMap;

use jiff::Timestamp;
use muster_connectors::record::RecordKind;
use muster_reports::view::{Finding, State};
use rustc_hash::{FxHashMap, FxHashSet};

use super::evaluate::{Check, SWITCHED_OFF};
use super::{Facts, Verdict};
use crate::people::fold;

/// For how long a resolved finding is remembered, so that it can be told that it is true again: a year and a month of audits.
const REMEMBER: jiff::SignedDuration = jiff::SignedDuration::from_hours(24 * 400);

/// What earlier checks found.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// Findings as they were last seen, by fingerprint; those that were in order since have [`State::Resolved`].
    pub earlier: FxHashMap<String, Finding>,
    /// Whether a snapshot before was checked.
    pub checked: bool,
    /// Settings that keep a check honest, as they were last reviewed; `None` where no check before kept them.
    pub safeguards: Option<BTreeMap<String, String>>,
}

impl History {
    /// What the check of the next snapshot has to know.
    pub fn after(check: &Check, safeguards: BTreeMap<String, String>) -> Self {
        let all = check.findings.iter().chain(&check.unconfirmed).chain(&check.resolved);
        let earlier = all.map(|finding| (finding.fingerprint.clone(), finding.clone())).collect();
        Self { earlier, checked: true, safeguards: Some(safeguards) }
    }
}

/// A finding that was resolved once, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recurring {
    /// As it was last seen.
    pub finding: Finding,
    /// What is true now.
    pub now: Recurrence,
}

/// What became of a finding that was resolved once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recurrence {
    /// It still is in order.
    InOrder,
    /// It is true again, with the rule's sentence.
    Back(String),
    /// It could not be judged, and why.
    Unjudged(String),
}

/// Which subjects of one rule were found before.
#[derive(Debug, Default)]
pub(super) struct Asked {
    clues: FxHashSet<String>,
    fingerprints: FxHashSet<String>,
}

impl Asked {
    /// Those of `rule`.
    pub(super) fn of(rule: &str, history: &History) -> Self {
        let mut asked = Self::default();
        for (fingerprint, finding) in history.earlier.iter().filter(|(_, finding)| finding.rule == rule) {
            asked.fingerprints.insert(fingerprint.clone());
            let subject = &finding.subject;
            match subject.kind.as_str() {
                "person" => {
                    asked.clues.insert(fold(&subject.id));
                }
                // The id of an edge begins with its holder's; which of the bars ends that is not known.
                "grant" | "membership" => {
                    let ends = subject.id.match_indices('|').map(|(end, _)| subject.id[..end].to_owned());
                    asked.clues.extend(ends);
                }
                _ => {
                    asked.clues.insert(subject.id.clone());
                }
            }
        }
        asked
    }

    /// Whether a subject may be one of them.
    pub(super) fn may_hold(&self, clue: &str) -> bool {
        self.clues.contains(clue)
    }

    /// Whether one with this fingerprint is.
    pub(super) fn holds(&self, fingerprint: &str) -> bool {
        self.fingerprints.contains(fingerprint)
    }

    /// Whether nothing was found before.
    pub(super) fn is_empty(&self) -> bool {
        self.clues.is_empty()
    }
}

/// What is left of earlier findings, beside those that were found again.
#[derive(Debug, Default)]
pub(super) struct Left {
    pub(super) unconfirmed: Vec<Finding>,
    pub(super) resolved: Vec<Finding>,
    /// Those that were resolved once, by rule, system and id.
    pub(super) recurring: Vec<Recurring>,
}

/// Whether nobody gave an access back: findings about the checks, about HR's own records and about regressions themselves.
fn is_no_access(rule: &str) -> bool {
    rule.starts_with("CTL-") || rule.starts_with("DQ-") || rule == "DRF-011"
}

/// Sorts what earlier checks found by what is true now. `met` are the verdicts on subjects that were found before and do not fail.
pub(super) fn left(
    facts: &Facts<'_>,
    history: &History,
    wanted: impl Fn(&Finding) -> bool,
    found: &[Finding],
    met: &FxHashMap<String, Verdict>,
) -> Left {
    let found: FxHashMap<&str, &Finding> =
        found.iter().map(|finding| (finding.fingerprint.as_str(), finding)).collect();
    let mut earlier: Vec<&Finding> = history.earlier.values().filter(|finding| wanted(finding)).collect();
    earlier.sort_by(|a, b| order(a).cmp(&order(b)));
    let mut left = Left::default();
    for finding in earlier {
        let was_resolved = finding.state == State::Resolved;
        let once_resolved = (was_resolved || finding.regressed.is_some()) && !is_no_access(&finding.rule);
        let mut recurs = |now| {
            if once_resolved {
                left.recurring.push(Recurring { finding: finding.clone(), now });
            }
        };
        if let Some(again) = found.get(finding.fingerprint.as_str()) {
            recurs(Recurrence::Back(again.message.clone()));
            continue;
        }
        let verdict = met.get(&finding.fingerprint).cloned().unwrap_or_else(|| missing(facts, finding));
        let cause = match verdict {
            Verdict::NotEvaluated(cause) => Some(cause),
            Verdict::Pass | Verdict::NotApplicable | Verdict::Fail(_) => None,
        };
        recurs(cause.clone().map_or(Recurrence::InOrder, Recurrence::Unjudged));
        if was_resolved {
            let forgotten = finding.resolved.is_none_or(|at| facts.now.duration_since(at) > REMEMBER);
            if !forgotten {
                left.resolved.push(finding.clone());
            }
        } else if let Some(cause) = cause {
            left.unconfirmed.push(Finding { unconfirmed: Some(cause), ..finding.clone() });
        } else {
            left.resolved.push(resolved(finding, facts.now));
        }
    }
    left
}

fn resolved(finding: &Finding, now: Timestamp) -> Finding {
    Finding {
        state: State::Resolved,
        state_reason: None,
        exception: None,
        fold: None,
        baseline: false,
        resolved: Some(now),
        regressed: None,
        unconfirmed: None,
        ..finding.clone()
    }
}

/// The order in which findings stand.
pub(super) fn order(finding: &Finding) -> impl Ord + '_ {
    let subject = &finding.subject;
    (
        std::cmp::Reverse(finding.severity),
        finding.rule.as_str(),
        subject.system.as_deref(),
        subject.id.as_str(),
        subject.kind.as_str(),
        finding.fingerprint.as_str(),
    )
}

/// What can be said of a subject that was found before and is not there: gone for good only where the reading proves it.
fn missing(facts: &Facts<'_>, finding: &Finding) -> Verdict {
    let subject = &finding.subject;
    let is_own = || facts.policy.rules.iter().any(|rule| rule.id == finding.rule);
    if super::find(&finding.rule).is_none() && !is_own() {
        return Verdict::NotEvaluated(format!("there is no rule {} any more", finding.rule));
    }
    if let Some(why) = facts.options.disabled.get(&finding.rule) {
        return Verdict::NotEvaluated(format!("{SWITCHED_OFF}: {why}"));
    }
    let kind = match subject.kind.as_str() {
        "account" => RecordKind::Account,
        "group" => RecordKind::Group,
        "entitlement" => RecordKind::Entitlement,
        "resource" => RecordKind::Resource,
        "credential" => RecordKind::Credential,
        "grant" => RecordKind::Grant,
        "membership" => RecordKind::Membership,
        "person" => {
            return if facts.people.hr_complete() {
                Verdict::Pass
            } else {
                Verdict::NotEvaluated("the person is not there, and HR was not read completely".to_owned())
            };
        }
        // A scope, a system, a setting or a decision is there or not because somebody wrote it.
        _ => return Verdict::Pass,
    };
    let system = subject.system.as_deref().unwrap_or_default();
    let mut rows = facts.graph.coverage().of_system(system).filter(|row| row.kind == kind).peekable();
    if rows.peek().is_none() {
        return Verdict::NotEvaluated(format!("{system} was not read, or tells of no {kind} any more"));
    }
    match rows.find(|row| !row.proves_absence) {
        Some(row) => Verdict::NotEvaluated(format!("it is not there, and {}", row.shortfall())),
        None => Verdict::Pass,
    }
}
