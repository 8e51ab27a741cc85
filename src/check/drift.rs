//! One answer over the types of drift: what drifted, against how many identities, and what could not be compared.
//!
//! An item is what a rule of the type found; a type none of whose rules is built says what no source supplies. The rate is per
//! identity in scopes that were read completely, and never stands alone: beside it is the share that could not be compared.

use std::collections::BTreeSet;

use muster_connectors::record::RecordKind;
use muster_reports::view::{Finding, Reason, RuleSummary};
use serde::Serialize;

use super::Estate;
use crate::drift::{DRIFT_TYPES, DriftType, Noise, Past};
use crate::graph::CoverageRow;
use crate::rules::{Check, Population, RULES, Rule, catalogue};

/// The whole answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Drift {
    /// Accounts in scopes that were read completely.
    pub identities: u64,
    /// Every type that was asked for.
    pub types: Vec<OfType>,
    /// What only looks like drift, by step.
    pub noise: Vec<Step>,
}

/// What is known of one type.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OfType {
    /// `DT-1`.
    pub id: &'static str,
    /// Name.
    pub name: &'static str,
    /// The two sides.
    pub compares: &'static str,
    /// What would explain an item.
    pub explained_by: &'static str,
    /// Why nothing of it is computed; `None` when something is.
    pub not_evaluated: Option<String>,
    /// Things that drifted, each once.
    pub drifted: u64,
    /// Drifted things per identity; `None` where there are none, or nothing is computed.
    pub rate: Option<f64>,
    /// Things looked at, each as often as a rule did.
    pub population: u64,
    /// Those of them that could not be compared.
    pub not_comparable: u64,
    /// Their share; `None` where nothing was looked at.
    pub not_comparable_share: Option<f64>,
    /// Why, most frequent first.
    pub reasons: Vec<Reason>,
    /// Rules of the type that are not built, with what no source supplies.
    pub waiting: Vec<Waiting>,
    /// What was found, gravest first.
    pub items: Vec<Finding>,
}

/// A rule that is not built.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Waiting {
    /// Its id.
    pub rule: &'static str,
    /// What no source supplies.
    pub waits_for: String,
}

/// A step that tells noise from drift.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// Its name.
    pub step: &'static str,
    /// What it is.
    pub about: &'static str,
    /// What it explained.
    pub count: u64,
}

/// The rules that have to be asked for some types: those of the types, and every one where it matters what is true again.
pub fn asked(types: &[&'static DriftType]) -> Vec<&'static Rule> {
    let wanted: Vec<&Rule> = RULES.iter().copied().filter(|rule| is_of(types, rule.id)).collect();
    if wanted.iter().any(|rule| rule.population == Population::Resolved) { RULES.to_vec() } else { wanted }
}

/// What the rules of some types said.
#[must_use]
pub fn only(mut check: Check, types: &[&'static DriftType]) -> Check {
    for findings in [&mut check.findings, &mut check.unconfirmed, &mut check.resolved] {
        findings.retain(|finding| is_of(types, &finding.rule));
    }
    check.rules.retain(|rule| is_of(types, &rule.rule));
    check
}

fn is_of(types: &[&'static DriftType], rule: &str) -> bool {
    types.iter().any(|drift| drift.rules.contains(&rule))
}

impl Drift {
    /// Sorts what the rules of `types` found by type.
    pub fn of(estate: &Estate, past: &Past, check: &Check, types: &[&'static DriftType], declared_twice: u64) -> Self {
        let explained = past.noise();
        let identities = identities(estate);
        let mut noise: Vec<Step> = Noise::ALL
            .iter()
            .filter_map(|step| {
                let count = explained.get(step).copied()?;
                Some(Step { step: step.as_str(), about: step.about(), count })
            })
            .collect();
        for (step, about, count) in [
            ("list_order", "rows that differ only in the order within a list", past.reordered()),
            (
                "joint_attachment",
                "attachments that a joint resource declares a second time, counted at the other one",
                declared_twice,
            ),
        ] {
            if count > 0 {
                noise.push(Step { step, about, count });
            }
        }
        Self { identities, types: types.iter().map(|drift| of_type(drift, check, identities)).collect(), noise }
    }

    /// Things that drifted, over all types.
    pub fn drifted(&self) -> u64 {
        self.types.iter().map(|of| of.drifted).sum()
    }
}

/// Every type, or those with these ids.
pub fn wanted(ids: &[String]) -> Vec<&'static DriftType> {
    let is_wanted = |drift: &&DriftType| ids.is_empty() || ids.iter().any(|id| id.eq_ignore_ascii_case(drift.id));
    DRIFT_TYPES.iter().filter(is_wanted).collect()
}

fn of_type(drift: &'static DriftType, check: &Check, identities: u64) -> OfType {
    let summaries: Vec<&RuleSummary> =
        check.rules.iter().filter(|rule| drift.rules.contains(&rule.rule.as_str())).collect();
    let waiting = drift.rules.iter().filter(|id| summaries.iter().all(|rule| rule.rule != **id));
    let waiting: Vec<Waiting> = waiting
        .filter_map(|id| {
            let entry = catalogue::entries().iter().find(|entry| entry.id == *id)?;
            Some(Waiting { rule: id, waits_for: entry.waits_for.clone().unwrap_or_default() })
        })
        .collect();
    let items: Vec<Finding> =
        check.findings.iter().filter(|finding| drift.rules.contains(&finding.rule.as_str())).cloned().collect();
    let things: BTreeSet<(&str, &str, &str)> = items
        .iter()
        .map(|item| {
            (item.subject.system.as_deref().unwrap_or_default(), item.subject.kind.as_str(), item.subject.id.as_str())
        })
        .collect();
    let drifted = things.len() as u64;
    let population = summaries.iter().map(|rule| rule.population).sum();
    let not_comparable = summaries.iter().map(|rule| rule.not_evaluated).sum();
    let not_evaluated = summaries.is_empty().then(|| {
        let missing: Vec<&str> = waiting.iter().map(|one| one.waits_for.as_str()).collect();
        format!("no source supplies {}", missing.join("; "))
    });
    OfType {
        id: drift.id,
        name: drift.name,
        compares: drift.compares,
        explained_by: drift.explained_by,
        rate: share(drifted, identities).filter(|_| not_evaluated.is_none()),
        not_evaluated,
        drifted,
        population,
        not_comparable,
        not_comparable_share: share(not_comparable, population),
        reasons: reasons(&summaries),
        waiting,
        items,
    }
}

/// Causes of several rules together, most frequent first.
fn reasons(summaries: &[&RuleSummary]) -> Vec<Reason> {
    let mut reasons: Vec<Reason> = Vec::new();
    for reason in summaries.iter().flat_map(|rule| &rule.reasons) {
        match reasons.iter_mut().find(|known| known.cause == reason.cause) {
            Some(known) => known.subjects += reason.subjects,
            None => reasons.push(reason.clone()),
        }
    }
    reasons.sort_by(|a, b| (b.subjects, &a.cause).cmp(&(a.subjects, &b.cause)));
    reasons
}

#[expect(clippy::cast_precision_loss, reason = "a share of counts far below 2^52")]
fn share(part: u64, of: u64) -> Option<f64> {
    (of > 0).then(|| part as f64 / of as f64)
}

fn identities(estate: &Estate) -> u64 {
    let rows = estate.graph.coverage().rows().iter();
    let complete: Vec<&CoverageRow> =
        rows.filter(|row| row.kind == RecordKind::Account && row.proves_absence).collect();
    complete.iter().map(|row| row.records).sum()
}
