//! The formats, one file each, and what they must say alike: the verdict, what was not read, the order of findings.
//!
//! Each turns a [`View`] into bytes for one reader and recomputes nothing. INVARIANT: a view that is not complete never
//! reads as a good result in any of them.

pub(crate) mod csv;
pub(crate) mod decided;
pub(crate) mod html;
pub(crate) mod json;
pub(crate) mod links;
pub(crate) mod markdown;
pub(crate) mod table;

use std::cmp::Reverse;
use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use crate::view::{Finding, Fold, Gap, RuleSummary, Severity, View};

/// How a run stands, for colour and emphasis; [`Verdict::headline`] says the same in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Standing {
    /// Everything was read and judged, nothing was found.
    Passed,
    /// There are findings.
    Findings,
    /// Nothing was found, but not everything could be judged.
    Open,
    /// Something that was asked for was not read.
    Incomplete,
}

/// The run in one line.
#[derive(Debug, Serialize)]
pub(crate) struct Verdict {
    pub(crate) standing: Standing,
    pub(crate) headline: String,
}

/// The verdict on the whole run.
pub(crate) fn verdict(view: &View) -> Verdict {
    let findings = view.live().count() as u64;
    let aside = decided::aside(view).map(|aside| format!(" {aside}.")).unwrap_or_default();
    let checks: u64 = view.rules.iter().map(|rule| rule.population).sum();
    let open: u64 = view.rules.iter().map(|rule| rule.not_evaluated).sum();
    let missing = unread(view).iter().filter(|unread| unread.hides_rows()).count() as u64;
    let says_open = format!("{} of {} could not be judged", thousands(open), plural(checks, "check"));

    if is_incomplete(view) {
        let found = if findings == 0 {
            "No finding so far".to_owned()
        } else {
            format!("{} so far ({})", plural(findings, "finding"), by_severity(view))
        };
        let parts = if missing == 0 {
            "not everything that was asked for was read".to_owned()
        } else {
            format!("{} {} not read completely", plural(missing, "part"), if missing == 1 { "was" } else { "were" })
        };
        let headline = format!("INCOMPLETE: {parts}. {found}; what was not read may hide more.{aside}");
        return Verdict { standing: Standing::Incomplete, headline };
    }
    if findings > 0 {
        let rest = if open > 0 { format!(" {says_open}.") } else { String::new() };
        return Verdict {
            standing: Standing::Findings,
            headline: format!("{} ({}).{rest}{aside}", plural(findings, "finding"), by_severity(view)),
        };
    }
    if view.systems.is_empty() || checks == 0 || open > 0 {
        let headline = if view.systems.is_empty() {
            "Nothing was judged: no system was read.".to_owned()
        } else if checks == 0 {
            "Nothing was judged: no rule met a subject.".to_owned()
        } else {
            let none = if aside.is_empty() { "No findings" } else { "No findings to act on" };
            format!("{none}, but {says_open}.{aside}")
        };
        return Verdict { standing: Standing::Open, headline };
    }
    if !aside.is_empty() {
        return Verdict { standing: Standing::Open, headline: format!("No findings to act on.{aside}") };
    }
    let rules = plural(view.rules.len() as u64, "rule");
    let limits = unread(view).len() as u64;
    let read = if limits == 0 {
        "every system was read completely".to_owned()
    } else {
        format!("{} {} read with limits", plural(limits, "part"), if limits == 1 { "was" } else { "were" })
    };
    Verdict {
        standing: Standing::Passed,
        headline: format!("Clean: {rules} made {} and found nothing; {read}.", plural(checks, "check")),
    }
}

/// `1 critical, 3 high`.
fn by_severity(view: &View) -> String {
    let parts: Vec<String> = severities(view)
        .into_iter()
        .filter(|count| count.findings > 0)
        .map(|count| format!("{} {}", thousands(count.findings), count.severity))
        .collect();
    parts.join(", ")
}

/// Findings of one severity.
#[derive(Debug, Serialize)]
pub(crate) struct Count {
    pub(crate) severity: Severity,
    pub(crate) findings: u64,
}

/// How many findings to act on each severity has, gravest first, zeros included.
pub(crate) fn severities(view: &View) -> Vec<Count> {
    let of = |severity| view.live().filter(|finding| finding.severity == severity).count() as u64;
    Severity::ALL.into_iter().rev().map(|severity| Count { severity, findings: of(severity) }).collect()
}

/// Whether something that was asked for was not read, be it that the outcome or only a scope says so.
pub(crate) fn is_incomplete(view: &View) -> bool {
    !view.outcome.complete || unread(view).iter().any(Unread::hides_rows)
}

/// One record kind of one scope that was not read as it should be.
#[derive(Debug, Serialize)]
pub(crate) struct Unread<'a> {
    pub(crate) system: &'a str,
    pub(crate) scope: &'a str,
    pub(crate) kind: &'a str,
    pub(crate) state: &'a str,
    /// What the state means for a reader.
    pub(crate) means: &'static str,
    pub(crate) records: u64,
    pub(crate) gaps: &'a [Gap],
    pub(crate) withheld: &'a [String],
}

impl Unread<'_> {
    /// Whether rows may be missing: rows that were kept on purpose and fields that were withheld do not count.
    pub(crate) fn hides_rows(&self) -> bool {
        !matches!(self.state, "complete" | "carried")
    }

    /// `okta / people / accounts`.
    pub(crate) fn place(&self) -> String {
        [self.system, self.scope, self.kind].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" / ")
    }

    /// `61 records: some rows are missing`.
    pub(crate) fn extent(&self) -> String {
        format!("{}: {}", plural(self.records, "record"), self.means)
    }
}

/// Everything that was not read as it should be, in the order of the systems; a system without scopes is one of them.
pub(crate) fn unread(view: &View) -> Vec<Unread<'_>> {
    let mut all = Vec::new();
    for system in &view.systems {
        for scope in &system.scopes {
            all.extend(scope.kinds.iter().map(|kind| Unread {
                system: &system.name,
                scope: &scope.name,
                kind: &kind.name,
                state: &kind.state,
                means: means(&kind.state),
                records: kind.records,
                gaps: &kind.gaps,
                withheld: &kind.withheld,
            }));
        }
        if system.scopes.iter().all(|scope| scope.kinds.is_empty()) {
            let means = "nothing was read from it";
            let system = &system.name;
            all.push(Unread {
                system,
                scope: "",
                kind: "",
                state: "failed",
                means,
                records: 0,
                gaps: &[],
                withheld: &[],
            });
        }
    }
    all.retain(|unread| unread.state != "complete" || !unread.gaps.is_empty() || !unread.withheld.is_empty());
    all
}

/// What a state means for a reader.
fn means(state: &str) -> &'static str {
    match state {
        "complete" => "read completely",
        "partial" => "some rows are missing",
        "failed" => "it could not be read",
        "suspect" => "it was read, but differs too much from before to be trusted",
        "carried" => "it was not asked for; these rows were collected earlier",
        _ => "its state is unknown",
    }
}

/// The findings to act on of one rule at one severity.
#[derive(Debug, Serialize)]
pub(crate) struct Group<'a> {
    pub(crate) severity: Severity,
    pub(crate) rule: &'a str,
    pub(crate) slug: &'a str,
    pub(crate) title: &'a str,
    /// Findings, those of a fold each by itself.
    pub(crate) findings: u64,
    pub(crate) entries: Vec<Entry<'a>>,
    /// Why all of them have their severity, where it is one reason.
    pub(crate) why: Option<&'a str>,
}

/// What is shown as one: a finding, or all that have one root.
#[derive(Debug, Serialize)]
pub(crate) struct Entry<'a> {
    /// The finding, or the first one of the fold.
    pub(crate) finding: &'a Finding,
    /// What they have in common.
    pub(crate) fold: Option<&'a Fold>,
    /// All of them, the first one included; of a single finding it alone.
    pub(crate) members: Vec<&'a Finding>,
}

/// The findings to act on by severity, gravest first, then by rule; inside a group the view's order stays, and what has one root
/// stands where the first of it stood.
pub(crate) fn groups(view: &View) -> Vec<Group<'_>> {
    let mut sorted: Vec<&Finding> = view.live().collect();
    sorted.sort_by_key(|finding| (Reverse(finding.severity), finding.rule.as_str()));
    sorted
        .chunk_by(|a, b| a.severity == b.severity && a.rule == b.rule)
        .map(|findings| {
            let first = findings[0];
            let why = first.why_severity();
            Group {
                severity: first.severity,
                rule: &first.rule,
                slug: &first.slug,
                title: &first.title,
                findings: findings.len() as u64,
                entries: entries(findings),
                why: findings.iter().all(|other| other.why_severity() == why).then_some(why),
            }
        })
        .collect()
}

fn entries<'a>(findings: &[&'a Finding]) -> Vec<Entry<'a>> {
    let mut entries: Vec<Entry<'a>> = Vec::new();
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    for finding in findings.iter().copied() {
        let Some(fold) = &finding.fold else {
            entries.push(Entry { finding, fold: None, members: vec![finding] });
            continue;
        };
        if let Some(place) = places.get(fold.key.as_str()) {
            entries[*place].members.push(finding);
        } else {
            places.insert(&fold.key, entries.len());
            entries.push(Entry { finding, fold: Some(fold), members: vec![finding] });
        }
    }
    // The others of the fold stand elsewhere, at another severity or put aside.
    for entry in entries.iter_mut().filter(|entry| entry.members.len() == 1) {
        entry.fold = None;
    }
    entries
}

/// `12 of 40 not evaluated: HR feed incomplete (9); no id (3)`; nothing where everything was judged.
pub(crate) fn not_evaluated(rule: &RuleSummary) -> Option<String> {
    let causes: Vec<String> =
        rule.reasons.iter().map(|reason| format!("{} ({})", reason.cause, thousands(reason.subjects))).collect();
    let why = if causes.is_empty() { "no reason was given".to_owned() } else { causes.join("; ") };
    (rule.not_evaluated > 0)
        .then(|| format!("{} of {} not evaluated: {why}", thousands(rule.not_evaluated), thousands(rule.population)))
}

/// A sentence of ours cut at its backticks, so that every second part is a quoted value; whole where they do not pair up.
pub(crate) fn quoted(sentence: &str) -> Vec<&str> {
    let parts: Vec<&str> = sentence.split('`').collect();
    // Only the ends may be empty: two quoted values never touch.
    let inside = parts.get(1..parts.len() - 1).unwrap_or_default();
    if parts.len() % 2 == 1 && inside.iter().all(|part| !part.is_empty()) { parts } else { vec![sentence] }
}

/// `1,204`.
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// `1 finding`, `2 findings`: for nouns whose plural takes an s.
pub(crate) fn plural(number: u64, noun: &str) -> String {
    format!("{} {noun}{}", thousands(number), if number == 1 { "" } else { "s" })
}

/// An instant to the minute, UTC: `2026-03-01 04:30 UTC`.
pub(crate) fn minute(instant: Timestamp) -> String {
    instant.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// The start of a fingerprint, long enough to name a finding among millions.
pub(crate) fn short(fingerprint: &str) -> &str {
    fingerprint.char_indices().nth(12).map_or(fingerprint, |(end, _)| &fingerprint[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paired_backticks_quote() {
        assert_eq!(quoted("give `a b` to `c`"), ["give ", "a b", " to ", "c", ""]);
        assert_eq!(quoted("plain"), ["plain"]);
        assert_eq!(quoted(""), [""]);
        for text in ["one ` alone", "```", "a``b", "`a``b`", "``"] {
            assert_eq!(quoted(text), [text]);
        }
    }

    #[test]
    fn numbers_are_grouped() {
        assert_eq!([0, 999, 1000, 1_234_567].map(thousands), ["0", "999", "1,000", "1,234,567"]);
    }
}
