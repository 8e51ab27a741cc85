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
use super::{Facts, Subject, Verdict};
use crate::graph::Text;
use crate::people::PersonIx;
use crate::people::churn::Tally;

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
    /// What became of the links of the check before, by system; empty where no check before kept them.
    pub links: BTreeMap<String, Tally>,
}

impl History {
    /// What the check of the next snapshot has to know.
    pub fn after(check: &Check, safeguards: BTreeMap<String, String>) -> Self {
        let all = check.findings.iter().chain(&check.unconfirmed).chain(&check.resolved);
        let earlier = all.map(|finding| (finding.fingerprint.clone(), finding.clone())).collect();
        Self { earlier, checked: true, safeguards: Some(safeguards), links: BTreeMap::new() }
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

/// What earlier checks found, by rule.
pub(super) type Earlier<'h> = FxHashMap<&'h str, Vec<&'h Finding>>;

impl History {
    /// Earlier findings by rule.
    pub(super) fn by_rule(&self) -> Earlier<'_> {
        let mut rules = Earlier::default();
        for finding in self.earlier.values() {
            rules.entry(finding.rule.as_str()).or_default().push(finding);
        }
        rules
    }
}

/// Which subjects of one rule were found before: by what tells them apart cheaply, and then by fingerprint.
#[derive(Debug, Default)]
pub(super) struct Asked<'h> {
    /// Ids in the graph; of grants and memberships the holder's.
    ids: FxHashSet<Text>,
    persons: FxHashSet<PersonIx>,
    /// Ids of what is neither in the graph nor a person.
    others: FxHashSet<&'h str>,
    fingerprints: FxHashSet<&'h str>,
}

impl<'h> Asked<'h> {
    /// The subjects of one rule's earlier findings.
    pub(super) fn of(found: &[&'h Finding], facts: &Facts<'_>) -> Self {
        let mut asked = Self::default();
        let text = |id: &str| facts.graph.strings().find(id);
        for finding in found {
            asked.fingerprints.insert(&finding.fingerprint);
            let id = finding.subject.id.as_str();
            match finding.subject.kind.as_str() {
                "person" => asked.persons.extend(facts.people.find(id)),
                // The id of an edge begins with its holder's; which of the bars ends that is not known.
                "grant" | "membership" => {
                    let starts = || id.match_indices('|').map(|(end, _)| &id[..end]);
                    asked.ids.extend(starts().filter_map(text));
                    asked.others.extend(starts());
                }
                _ => {
                    asked.ids.extend(text(id));
                    asked.others.insert(id);
                }
            }
        }
        asked
    }

    /// Whether a subject may be one of them.
    pub(super) fn may_hold(&self, facts: &Facts<'_>, subject: Subject) -> bool {
        let graph = facts.graph;
        match subject {
            Subject::Account(ix) | Subject::Object(ix) => self.ids.contains(&graph.node(ix).id),
            Subject::Credential(ix) => self.ids.contains(&graph.credential(ix).id),
            Subject::Edge(edge) => self.ids.contains(&graph.node(edge.source).id),
            Subject::Person(ix) => self.persons.contains(&ix),
            Subject::Change(_)
            | Subject::Approval(_)
            | Subject::Declared(_)
            | Subject::Application(_)
            | Subject::System(_)
            | Subject::Scope(_)
            | Subject::Exception(_)
            | Subject::Safeguard(_)
            | Subject::Review(_)
            | Subject::Reviewer(_)
            | Subject::Resolved(_) => self.others.contains(subject.view(facts).id.as_str()),
        }
    }

    /// Whether one with this fingerprint is.
    pub(super) fn holds(&self, fingerprint: &str) -> bool {
        self.fingerprints.contains(fingerprint)
    }

    /// Whether nothing was found before.
    pub(super) fn is_empty(&self) -> bool {
        self.fingerprints.is_empty()
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
