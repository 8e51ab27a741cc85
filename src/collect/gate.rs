//! The gate: a complete answer that is not believable is *suspect*.
//!
//! ```text
//!   scope reports + what was seen in the records + earlier counts ──► suspicions (scope, kind, why, fix)
//! ```
//!
//! A connector can only say that an answer was complete. Whether 300 of 400 people are all of them, only history can tell.
//! The gate is a pure function, so it can be judged again from a stored snapshot. It never looks at rows of scopes
//! that are partial or failed: those are not believed to begin with.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use muster_connectors::record::{EmploymentStatus, Record, RecordKind};
use muster_connectors::scope::{Gap, ScopeReport, ScopeState};

use crate::config::{Gate, System, show_duration};

/// What the last believable collection of a scope had.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Before {
    /// Rows by kind, for the kinds that were complete and believed.
    pub records: BTreeMap<RecordKind, u64>,
    /// Kinds of which the newest snapshot holds rows.
    pub held: BTreeSet<RecordKind>,
    /// Header fingerprints of its files, by path.
    pub headers: BTreeMap<String, String>,
}

/// Earlier collections of one system.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History {
    /// By scope.
    pub scopes: BTreeMap<String, Before>,
    /// The clock of the newest earlier snapshot.
    pub since: Option<Timestamp>,
}

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

/// What the gate has to know about the records themselves, gathered while they pass by.
#[derive(Debug, Clone, Default)]
pub struct Observed {
    /// Canaries not seen so far, in lower case.
    missing: BTreeSet<String>,
    /// Persons whose employment HR ended in one second, by scope and that second.
    ends: BTreeMap<(String, i64), BTreeSet<String>>,
}

impl Observed {
    /// An observer that looks for the canaries of `system`.
    pub fn new(system: &System) -> Self {
        Self {
            missing: system.canaries.iter().map(|(canary, _)| canary.to_lowercase()).collect(),
            ends: BTreeMap::new(),
        }
    }

    /// Looks at one record of `scope`.
    pub fn see(&mut self, scope: &str, record: &Record) {
        if !self.missing.is_empty() {
            for name in names(record) {
                self.missing.remove(&name.to_lowercase());
            }
        }
        if let Record::Employment(employment) = record
            && employment.status == EmploymentStatus::Terminated
            && let Some(instant) = employment.recorded.or(employment.effective)
        {
            self.ends.entry((scope.to_owned(), instant.as_second())).or_default().insert(employment.person.clone());
        }
    }
}

/// Everything a canary may be called by.
fn names(record: &Record) -> Vec<&str> {
    match record {
        Record::Person(person) => std::iter::once(&person.id)
            .chain(&person.employee_ids)
            .chain(&person.emails)
            .chain(&person.legal_name)
            .chain(&person.preferred_name)
            .map(String::as_str)
            .collect(),
        Record::Account(account) => std::iter::once(&account.id)
            .chain(&account.login)
            .chain(&account.native_name)
            .chain(&account.name)
            .chain(&account.employee_id)
            .chain(&account.emails)
            .map(String::as_str)
            .collect(),
        Record::Group(group) => {
            std::iter::once(&group.id).chain(&group.name).chain(&group.native_name).map(String::as_str).collect()
        }
        Record::Resource(resource) => std::iter::once(&resource.id).chain(&resource.name).map(String::as_str).collect(),
        Record::Entitlement(held) => std::iter::once(&held.id).chain(&held.name).map(String::as_str).collect(),
        Record::Policy(policy) => std::iter::once(&policy.id).chain(&policy.name).map(String::as_str).collect(),
        Record::Employment(_)
        | Record::Membership(_)
        | Record::Grant(_)
        | Record::Credential(_)
        | Record::Federation(_)
        | Record::AuditEvent(_)
        | Record::Approval(_) => Vec::new(),
    }
}

/// Why the complete parts of `reports` should not be believed, sorted by scope, kind and code.
pub fn judge(
    gate: &Gate,
    system: &System,
    reports: &[ScopeReport],
    observed: &Observed,
    history: &History,
    now: Timestamp,
) -> Vec<Suspicion> {
    let mut suspicions = Vec::new();
    for report in reports {
        let before = history.scopes.get(&report.scope);
        let mut whole = Vec::new();
        whole.extend(canaries(system, observed));
        whole.extend(headers(report, before));
        whole.extend(age(system, report, now));
        for (kind, state) in &report.kinds {
            // Other columns put even the rows that were read in doubt; what is partial is not judged beyond that.
            if state.state == ScopeState::Partial {
                suspicions.extend(headers(report, before).into_iter().map(|gap| Suspicion {
                    scope: report.scope.clone(),
                    kind: *kind,
                    gap: accept_hint(gap, &system.name),
                }));
            }
            if state.state != ScopeState::Complete {
                continue;
            }
            let earlier = before.and_then(|before| before.records.get(kind)).copied();
            let amount = amount(gate, system, *kind, report, state.records, earlier);
            let leave = leave(gate, report, *kind, observed, history, now);
            suspicions.extend(whole.iter().cloned().chain(amount).chain(leave).map(|gap| Suspicion {
                scope: report.scope.clone(),
                kind: *kind,
                gap: accept_hint(gap, &system.name),
            }));
        }
    }
    suspicions.sort_by(|a, b| (&a.scope, a.kind, &a.gap.code).cmp(&(&b.scope, b.kind, &b.gap.code)));
    suspicions
}

/// Ends the fix with the way to believe the answer after all.
fn accept_hint(gap: Gap, system: &str) -> Gap {
    let hint = format!("if it is right, run `muster collect --system {system} --accept {system}` once");
    let fix = gap.fix.as_ref().map_or_else(|| hint.clone(), |fix| format!("{fix}; {hint}"));
    gap.fix(fix)
}

/// Whether no row of `kind` is remarkable in a scope that has `rows` rows of all kinds together, and had `earlier` of this one.
///
/// A tenant without groups is ordinary, and so is a region without a bucket or a queue; a scope of principals without
/// anything, or one without accounts or persons, is not.
fn empty_is_remarkable(gate: &Gate, kind: RecordKind, rows: u64, earlier: Option<u64>) -> bool {
    let about = matches!(kind, RecordKind::Person | RecordKind::Employment | RecordKind::Account);
    let things = matches!(kind, RecordKind::Resource | RecordKind::Policy | RecordKind::Federation);
    (rows == 0 && !things) || about || earlier.is_some_and(|earlier| earlier >= u64::from(gate.min_change.max(1)))
}

fn amount(
    gate: &Gate,
    system: &System,
    kind: RecordKind,
    report: &ScopeReport,
    now: u64,
    earlier: Option<u64>,
) -> Option<Gap> {
    if now == 0 {
        let rows = report.kinds.values().map(|kind| kind.records).sum();
        if system.empty_is_normal.covers(kind) || !empty_is_remarkable(gate, kind, rows, earlier) {
            return None;
        }
        return empty(kind, rows, earlier);
    }
    let earlier = earlier.filter(|earlier| *earlier > 0)?;
    if now.abs_diff(earlier) < u64::from(gate.min_change) {
        return None;
    }
    let lost = earlier.saturating_sub(now);
    let gained = now.saturating_sub(earlier);
    if exceeds(lost, earlier, gate.shrink_percent) {
        return Some(
            Gap::new(
                "GAT002",
                format!(
                    "{kind}: {now} rows, the last believed answer had {earlier} ({} % fewer)",
                    lost * 100 / earlier
                ),
            )
            .cause(format!("more than `[gate] shrink_percent` = {} went at once", gate.shrink_percent))
            .fix("check that the export or the credential still covers everything"),
        );
    }
    exceeds(gained, earlier, gate.grow_percent).then(|| {
        Gap::new(
            "GAT003",
            format!("{kind}: {now} rows, the last believed answer had {earlier} ({} % more)", gained * 100 / earlier),
        )
        .cause(format!("more than `[gate] grow_percent` = {} came at once", gate.grow_percent))
        .fix("check for a duplicated feed or a search base that became too wide")
    })
}

fn empty(kind: RecordKind, rows: u64, earlier: Option<u64>) -> Option<Gap> {
    match earlier {
        Some(0) => None,
        Some(earlier) => Some(
            Gap::new("GAT001", format!("{kind}: the answer is empty, the last believed one had {earlier} rows"))
                .cause(
                    "a lost permission, a moved search base and a cut file are answered in the same way: successfully",
                )
                .fix("compare the credential's permissions and the place it reads with the last good run"),
        ),
        // The same words for every kind of an empty scope, so that they are told once.
        None => Some(
            Gap::new(
                "GAT008",
                if rows == 0 {
                    "the first answer is empty".to_owned()
                } else {
                    format!("{kind}: the first answer is empty")
                },
            )
            .cause("a credential that may see nothing is answered in the same way")
            .fix("check what the credential may read; where empty is normal, write `empty_is_normal`"),
        ),
    }
}

/// Whether `part` is more than `percent` of `whole`.
fn exceeds(part: u64, whole: u64, percent: u32) -> bool {
    u128::from(part) * 100 > u128::from(whole) * u128::from(percent)
}

fn canaries(system: &System, observed: &Observed) -> Vec<Gap> {
    let missing = system.canaries.iter().filter(|(canary, _)| observed.missing.contains(&canary.to_lowercase()));
    missing
        .map(|(canary, place)| {
            Gap::new("GAT004", format!("the canary `{canary}` was not seen"))
                .cause("the config says that it is there whenever the system is read as a whole")
                .fix("check what the credential may see, or correct `canaries`")
                .at(place.to_string())
        })
        .collect()
}

fn headers(report: &ScopeReport, before: Option<&Before>) -> Vec<Gap> {
    let changed = report.files.iter().filter(|file| {
        let earlier = before.and_then(|before| before.headers.get(&file.path));
        matches!((earlier, &file.header), (Some(earlier), Some(header)) if earlier != header)
    });
    changed
        .map(|file| {
            Gap::new("GAT005", format!("the header or encoding of `{}` is not that of the last collection", file.path))
                .cause("columns that moved or changed their meaning would be read as changes of people or accounts")
                .fix("compare the file with the last one and correct `columns`")
        })
        .collect()
}

fn age(system: &System, report: &ScopeReport, now: Timestamp) -> Vec<Gap> {
    let Some(max_age) = system.max_age else { return Vec::new() };
    let too_old = report.files.iter().filter_map(|file| {
        let age = now.duration_since(file.collected?);
        (age.unsigned_abs() > max_age && age.is_positive()).then_some((file, age))
    });
    too_old
        .map(|(file, age)| {
            Gap::new("GAT006", format!("`{}` was taken {} hours ago", file.path, age.as_hours()))
                .cause(format!(
                    "the oldest that is believed is {}: what happened since is not in it",
                    show_duration(max_age)
                ))
                .fix("deliver a fresh file, or raise `max_age` of the system")
        })
        .collect()
}

/// How far back instants of leaving count on a first collection: an old migration is not today's accident.
const FIRST_LOOK: jiff::SignedDuration = jiff::SignedDuration::from_hours(7 * 24);

fn leave(
    gate: &Gate,
    report: &ScopeReport,
    kind: RecordKind,
    observed: &Observed,
    history: &History,
    now: Timestamp,
) -> Option<Gap> {
    if !matches!(kind, RecordKind::Person | RecordKind::Employment) {
        return None;
    }
    let persons = report.kinds.get(&RecordKind::Person).map_or(0, |kind| kind.records);
    let limit = (persons * u64::from(gate.mass_leave_percent) / 100).max(gate.mass_leave.into());
    let since = history.since.unwrap_or_else(|| now.saturating_sub(FIRST_LOOK).unwrap_or(Timestamp::MIN)).as_second();
    let (second, left) = observed
        .ends
        .range((report.scope.clone(), since)..)
        .take_while(|((scope, _), _)| *scope == report.scope)
        .map(|((_, second), left)| (*second, left.len() as u64))
        .max_by_key(|(second, left)| (*left, -second))?;
    let instant = Timestamp::from_second(second).map(|instant| instant.to_string()).unwrap_or_default();
    (left > limit).then(|| {
        Gap::new("GAT007", format!("{left} of {persons} persons were ended by records of the same second ({instant})"))
            .cause(format!("more than {limit} at once look like a failed import, not like people who left"))
            .fix("ask HR about that second")
    })
}
