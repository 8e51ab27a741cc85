//! The gate: a complete answer that is not believable is *suspect*.
//!
//! ```text
//!   scope reports, profiles + what was seen in the records + earlier collections ──► suspicions (scope, kind, why, fix)
//! ```
//!
//! A connector can only say that an answer was complete. Whether 300 of 400 people are all of them, only history can tell.
//! The gate is a pure function, so it can be judged again from a stored snapshot. It never looks at rows of scopes
//! that failed or of which an unknown part is missing: those are not believed to begin with. One question a file:
//! [`amount`] how many, [`content`] what is in the rows, [`leave`] who left, [`files`] what the files say of themselves.

mod amount;
mod content;
mod files;
mod history;
mod leave;
mod observed;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use muster_connectors::record::RecordKind;
use muster_connectors::scope::{Gap, KindReport, ScopeReport, ScopeState};

use crate::config::{Gate, System};
use crate::snapshot::{Profile, StagedSystem};

pub use history::{Before, FileBefore, History};
pub use observed::Observed;

/// A reason not to believe one kind of one scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suspicion {
    /// Scope.
    pub scope: String,
    /// Kind.
    pub kind: RecordKind,
    /// Why, with its fix.
    pub gap: Gap,
}

impl Suspicion {
    /// Whether the rows that came are doubted, and not only whether they are all: then what was known before is the better
    /// source, also for those who are in today's rows.
    pub fn doubts_content(&self) -> bool {
        const OF_CONTENT: [&str; 8] = ["GAT005", "GAT006", "GAT007", "GAT009", "GAT011", "GAT013", "GAT014", "GAT015"];
        OF_CONTENT.contains(&self.gap.code.as_str())
    }
}

/// What the gate asks about one kind of one scope.
struct Question<'a> {
    gate: &'a Gate,
    system: &'a System,
    scope: &'a ScopeReport,
    kind: RecordKind,
    report: &'a KindReport,
    /// Rows held after equal ones became one.
    rows: u64,
    profile: &'a Profile,
    before: Option<&'a Before>,
    history: &'a History,
    observed: &'a Observed,
    now: Timestamp,
}

impl Question<'_> {
    /// Whether the kind tells of people.
    fn is_about_people(&self) -> bool {
        matches!(self.kind, RecordKind::Person | RecordKind::Employment)
    }

    /// What the newest believed collection of the kind looked like.
    fn profile_before(&self) -> Option<&Profile> {
        self.before?.profiles.get(&self.kind)
    }
}

/// Why the believed parts of what was read of `system` should not be believed, sorted by scope, kind and code.
///
/// `ahead` has the seconds by which the clock of a scope's system is ahead of ours, where its answers say so.
pub fn judge(
    system: &System,
    staged: &StagedSystem,
    ahead: &BTreeMap<String, i64>,
    observed: &Observed,
    history: &History,
    now: Timestamp,
) -> Vec<Suspicion> {
    let mut suspicions = Vec::new();
    let nothing = Profile::default();
    for scope in staged.reports() {
        let before = history.scopes.get(&scope.scope);
        let mut whole = observed.missing_canaries(system);
        whole.extend(files::doubts(system, scope, before, now));
        whole.extend(files::clock(&system.gate, ahead.get(&scope.scope).copied()));
        for (kind, report) in &scope.kinds {
            let question = Question {
                gate: &system.gate,
                system,
                scope,
                kind: *kind,
                report,
                rows: staged.rows(&scope.scope, *kind),
                profile: staged.profile(&scope.scope, *kind).unwrap_or(&nothing),
                before,
                history,
                observed,
                now,
            };
            let doubts: Vec<Gap> = if report.state == ScopeState::Complete || report.loses_only_rows() {
                // One accident is told once: a feed that shrank lost blocks of rows, many new endings are new instants.
                let mut own = amount::doubts(&question);
                own.extend(leave::doubts(&question));
                own.extend(content::doubts(&question, &own));
                whole.iter().cloned().chain(own).collect()
            } else if report.state == ScopeState::Partial {
                // Other columns put even the rows that were read in doubt; what is partial is not judged beyond that.
                files::headers(scope, before)
            } else {
                Vec::new()
            };
            suspicions.extend(doubts.into_iter().map(|gap| Suspicion {
                scope: scope.scope.clone(),
                kind: *kind,
                gap: accept_hint(gap, &system.name, &scope.scope),
            }));
        }
    }
    excuse(&mut suspicions, staged, history);
    suspicions.sort_by(|a, b| (&a.scope, a.kind, &a.gap.code).cmp(&(&b.scope, b.kind, &b.gap.code)));
    suspicions
}

/// Takes back the doubts about first answers without anything, where the connector says that they are ordinary, what is read beside
/// them stands, and nothing of the scope was ever held.
///
/// A scope stands when it is whole, nothing of it is doubted, and it has rows, or is itself one that may have none: whatever hangs on
/// that is looked at again, until nothing changes.
fn excuse(suspicions: &mut Vec<Suspicion>, staged: &StagedSystem, history: &History) {
    let reports: BTreeMap<&str, &ScopeReport> =
        staged.reports().map(|report| (report.scope.as_str(), report)).collect();
    loop {
        let before = suspicions.len();
        let doubted: BTreeSet<String> = suspicions.iter().map(|suspicion| suspicion.scope.clone()).collect();
        let stands = |scope: &String| {
            reports.get(scope.as_str()).is_some_and(|report| {
                let has_rows = report.kinds.values().any(|kind| kind.records > 0);
                let whole = report.state() == ScopeState::Complete && !doubted.contains(scope);
                whole && (has_rows || report.may_be_empty.is_some())
            })
        };
        suspicions.retain(|suspicion| {
            let report = reports.get(suspicion.scope.as_str()).filter(|report| report.state() == ScopeState::Complete);
            let excused = report.and_then(|report| report.may_be_empty.as_ref()).is_some_and(|may| {
                let held = history.scopes.get(&suspicion.scope).is_some_and(|before| !before.held.is_empty());
                !held && !may.beside.is_empty() && may.beside.iter().all(stands)
            });
            !(excused && suspicion.gap.code == FIRST_IS_EMPTY)
        });
        if suspicions.len() == before {
            return;
        }
    }
}

/// The code of a first answer without anything.
const FIRST_IS_EMPTY: &str = "GAT008";

/// Ends the fix with the way to believe the answer after all.
fn accept_hint(gap: Gap, system: &str, scope: &str) -> Gap {
    let hint = accept(system, scope);
    let fix = gap.fix.as_ref().map_or_else(|| hint.clone(), |fix| format!("{fix}; {hint}"));
    gap.fix(fix)
}

/// How to believe the answer of a scope this once.
pub fn accept(system: &str, scope: &str) -> String {
    let quoted = if scope.contains([' ', '\'', '"', '*', '$', '\\', '(', ')', ';', '&', '|']) {
        format!("'{system}/{}'", scope.replace('\'', "'\\''"))
    } else {
        format!("{system}/{scope}")
    };
    format!("if it is right, run `muster collect --system {system} --accept {quoted}` once")
}

/// Whether `part` is more than `percent` of `whole`.
fn exceeds(part: u64, whole: u64, percent: u32) -> bool {
    u128::from(part) * 100 > u128::from(whole) * u128::from(percent)
}
