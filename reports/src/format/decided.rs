//! What people decided about findings, and what became of earlier ones, in words that every format for people shares.

use serde::Serialize;

use super::{plural, thousands};
use crate::view::{Finding, OwnerCount, State, View};

/// Findings of one standing that nobody has to act on, or that could not be judged.
#[derive(Debug, Serialize)]
pub(crate) struct Section<'a> {
    /// What they have in common.
    pub(crate) title: &'static str,
    /// Each with why it stands here.
    pub(crate) lines: Vec<Line<'a>>,
}

/// One of them.
#[derive(Debug, Serialize)]
pub(crate) struct Line<'a> {
    pub(crate) finding: &'a Finding,
    pub(crate) why: String,
}

/// `3 accepted, 1 snoozed, 40 in the baseline, 2 not confirmed`; nothing where there is none.
pub(crate) fn aside(view: &View) -> Option<String> {
    let count = |wanted: &dyn Fn(&Finding) -> bool| view.findings.iter().filter(|one| wanted(one)).count() as u64;
    let counts = [
        (count(&|one| one.state == State::Accepted), "accepted"),
        (count(&|one| one.state == State::Snoozed), "snoozed"),
        (count(&|one| one.baseline && !one.state.is_aside()), "in the baseline"),
        (view.unconfirmed.len() as u64, "not confirmed"),
    ];
    let told: Vec<String> = counts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{} {what}", thousands(*count)))
        .collect();
    (!told.is_empty()).then(|| told.join(", "))
}

/// Everything that stands beside the findings to act on; sections without a finding are left out.
pub(crate) fn sections(view: &View) -> Vec<Section<'_>> {
    let decided = |state: State| {
        let of = view.findings.iter().filter(move |finding| finding.state == state);
        of.map(|finding| Line { finding, why: finding.state_reason.clone().unwrap_or_default() }).collect()
    };
    let unconfirmed = view.unconfirmed.iter().map(|finding| {
        let cause = finding.unconfirmed.clone().unwrap_or_default();
        Line { finding, why: cause }
    });
    let resolved = view.resolved.iter().map(|finding| Line { finding, why: String::new() });
    let sections = [
        Section { title: "Not confirmed", lines: unconfirmed.collect() },
        Section { title: "Accepted", lines: decided(State::Accepted) },
        Section { title: "Snoozed", lines: decided(State::Snoozed) },
        Section { title: "Resolved since the check before", lines: resolved.collect() },
    ];
    sections.into_iter().filter(|section| !section.lines.is_empty()).collect()
}

/// `of 40 findings of 2026-11-21 12 are resolved, 27 left, 1 worse`; nothing without a baseline.
pub(crate) fn baseline(view: &View) -> Option<String> {
    let baseline = view.baseline.as_ref()?;
    Some(format!(
        "Of {} that were there on {} {} are resolved, {} are left and {} got worse. What is left is counted and not listed here.",
        plural(baseline.findings, "finding"),
        baseline.adopted,
        thousands(baseline.resolved),
        thousands(baseline.left),
        thousands(baseline.worse),
    ))
}

/// `3 high, 1 low`, gravest first.
pub(crate) fn severities(count: &OwnerCount) -> String {
    let of = |severity: &crate::view::Severity| {
        count.severities.get(severity.as_str()).map(|number| format!("{} {severity}", thousands(*number)))
    };
    crate::view::Severity::ALL.iter().rev().filter_map(of).collect::<Vec<_>>().join(", ")
}

/// State and why, for a line under a finding; nothing for an open one.
pub(crate) fn state(finding: &Finding) -> Option<String> {
    match (&finding.state_reason, finding.state) {
        (None, State::Open) => None,
        (None, state) => Some(state.to_string()),
        (Some(why), state) => Some(format!("{state}: {why}")),
    }
}
