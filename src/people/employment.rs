//! Employments: spans of time, the changes they went through, and where they put a person at an instant.
//!
//! HR may give one record for an employment, or one for each change of it (`sequence`). Changes are put in order of the instant
//! from which they count, then of their number; what was taken back leaves; what holds at an instant is the last change that
//! counts by then. So changes may arrive late, out of order or several on one day, and the outcome is the same.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use muster_connectors::record::{EmploymentStatus, WorkerType, compare_sequences};

use super::People;
use crate::graph::{RowState, Strings, Text};

/// A span in which a person has a worker type, a manager and a department.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Employment {
    /// HR system.
    pub system: Text,
    /// Scope it was read in.
    pub scope: Text,
    /// The feed's own key.
    pub id: Text,
    /// Employee id.
    pub employee_id: Option<Text>,
    /// HR's status.
    pub status: EmploymentStatus,
    /// HR's worker type.
    pub worker_type: WorkerType,
    /// First day.
    pub start: Option<Date>,
    /// Last day, inclusive.
    pub end: Option<Date>,
    /// Manager, as HR has it.
    pub manager: Option<Text>,
    /// Department.
    pub department: Option<Text>,
    /// Job title.
    pub title: Option<Text>,
    /// Location.
    pub location: Option<Text>,
    /// IANA zone.
    pub time_zone: Option<Text>,
    /// From when the last change counts.
    pub effective: Option<Timestamp>,
    /// The same as a bare day in the person's own zone.
    pub effective_day: Option<Date>,
    /// When HR wrote it down.
    pub recorded: Option<Timestamp>,
    /// State of the row.
    pub state: RowState,
    /// When the row was true.
    pub collected: Option<Timestamp>,
    /// Its changes in the order in which they count, without those that were taken back; empty where HR gives one record an
    /// employment. The fields above are those of the change that counts at the clock of the correlation.
    pub changes: Vec<Change>,
}

/// What one record says of an employment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// HR's status.
    pub status: EmploymentStatus,
    /// HR's worker type.
    pub worker_type: WorkerType,
    /// First day.
    pub start: Option<Date>,
    /// Last day, inclusive.
    pub end: Option<Date>,
    /// Manager, as HR has it.
    pub manager: Option<Text>,
    /// Department.
    pub department: Option<Text>,
    /// Job title.
    pub title: Option<Text>,
    /// Location.
    pub location: Option<Text>,
    /// IANA zone.
    pub time_zone: Option<Text>,
    /// From when the change counts.
    pub effective: Option<Timestamp>,
    /// The same as a bare day.
    pub effective_day: Option<Date>,
    /// When HR wrote it down.
    pub recorded: Option<Timestamp>,
}

/// A change of an employment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// Its number.
    pub sequence: Text,
    /// What holds from then on.
    pub terms: Terms,
}

/// What says that an employment ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndEvidence {
    /// HR's status says terminated.
    Terminated,
    /// Only the last day lies in the past.
    EndDate,
}

/// Where an employment, or a person, stands at an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Working.
    Employed,
    /// Employed, on leave.
    OnLeave,
    /// Starts later.
    Future {
        /// First day.
        start: Option<Date>,
    },
    /// HR does not say enough.
    Unknown,
    /// Over.
    Ended {
        /// Since when; `None` when HR does not say.
        at: Option<Timestamp>,
        /// What says so.
        evidence: EndEvidence,
        /// Whether the worker was external.
        external: bool,
    },
}

impl Standing {
    /// Lower is better: a person with a running and an ended employment is employed.
    fn rank(&self) -> (u8, std::cmp::Reverse<Option<Timestamp>>) {
        match self {
            Self::Employed => (0, std::cmp::Reverse(None)),
            Self::OnLeave => (1, std::cmp::Reverse(None)),
            Self::Future { .. } => (2, std::cmp::Reverse(None)),
            Self::Unknown => (3, std::cmp::Reverse(None)),
            Self::Ended { at, .. } => (4, std::cmp::Reverse(*at)),
        }
    }

    /// One word for it.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Employed => "employed",
            Self::OnLeave => "on leave",
            Self::Future { .. } => "future",
            Self::Unknown => "unknown",
            Self::Ended { .. } => "ended",
        }
    }

    /// Whether the person is employed at that instant, on leave included.
    pub fn is_employed(&self) -> bool {
        matches!(self, Self::Employed | Self::OnLeave)
    }
}

/// Days between the end of one employment and the first day of the next in which the person counts as staying.
const SEAMLESS_DAYS: i64 = 31;

/// The best of several; [`Standing::Unknown`] of none.
///
/// Somebody who left and is to come back has left, unless the two employments follow each other (a conversion).
pub(super) fn best(standings: impl Iterator<Item = Standing> + Clone) -> Standing {
    let Some(best) = standings.clone().min_by_key(Standing::rank) else { return Standing::Unknown };
    let Standing::Future { start } = best else { return best };
    let ended = standings.filter(|standing| matches!(standing, Standing::Ended { .. })).min_by_key(Standing::rank);
    match (ended, start) {
        (Some(Standing::Ended { at: Some(at), .. }), Some(start)) => {
            let last = at.to_zoned(TimeZone::UTC).date();
            if last.duration_until(start).as_hours() / 24 <= SEAMLESS_DAYS { best } else { ended.unwrap_or(best) }
        }
        (ended, _) => ended.unwrap_or(best),
    }
}

impl Terms {
    fn zone(&self, strings: &Strings, fallback: Option<&TimeZone>) -> TimeZone {
        let own = self.time_zone.and_then(|name| TimeZone::get(strings.get(name)).ok());
        own.or_else(|| fallback.cloned()).unwrap_or(TimeZone::UTC)
    }

    /// From when the change counts: the instant or the beginning of the day HR gives, else when it was written down.
    fn counts_from(&self, zone: &TimeZone) -> Option<Timestamp> {
        self.effective.or_else(|| beginning_of(self.effective_day?, zone)).or(self.recorded)
    }

    /// The instant of an end by record: the minute HR gives, else when the last day is over, else when the effective day is.
    fn terminated_at(&self, zone: &TimeZone) -> Option<Timestamp> {
        self.effective.or_else(|| end_of_day(self.end.or(self.effective_day)?, zone))
    }

    /// Where it puts a person at `now`.
    fn standing(&self, now: Timestamp, zone: &TimeZone) -> Standing {
        let external = self.worker_type.is_external();
        let ended = |at, evidence| Standing::Ended { at, evidence, external };
        match self.status {
            EmploymentStatus::Cancelled => {
                // It never came to be: over since HR wrote so.
                return ended(self.recorded.filter(|at| *at <= now), EndEvidence::Terminated);
            }
            EmploymentStatus::Terminated => match self.terminated_at(zone) {
                Some(at) if at <= now => return ended(Some(at), EndEvidence::Terminated),
                None => return ended(self.recorded, EndEvidence::Terminated),
                // A notice period: HR says terminated, the last day lies ahead.
                Some(_) => {}
            },
            EmploymentStatus::Active
            | EmploymentStatus::Leave
            | EmploymentStatus::Future
            | EmploymentStatus::Unknown => {
                if let Some(at) = self.end.and_then(|end| end_of_day(end, zone)).filter(|at| *at <= now) {
                    return ended(Some(at), EndEvidence::EndDate);
                }
            }
        }
        let starts = self.start.and_then(|start| beginning_of(start, zone));
        if starts.is_some_and(|at| at > now) || (self.status == EmploymentStatus::Future && starts.is_none()) {
            return Standing::Future { start: self.start };
        }
        match self.status {
            EmploymentStatus::Leave => Standing::OnLeave,
            EmploymentStatus::Active
            | EmploymentStatus::Terminated
            | EmploymentStatus::Future
            | EmploymentStatus::Cancelled => Standing::Employed,
            EmploymentStatus::Unknown if self.start.is_some() => Standing::Employed,
            EmploymentStatus::Unknown => Standing::Unknown,
        }
    }
}

impl Employment {
    /// Where it stands at `now`.
    ///
    /// An employment ends at its *effective* instant where HR gives one for a termination, else when its last day is over
    /// in the person's own zone (then the config's, then UTC), daylight saving included.
    pub fn standing(&self, now: Timestamp, people: &People, fallback: Option<&TimeZone>) -> Standing {
        let terms = self.terms_at(now, &people.strings, fallback);
        terms.standing(now, &terms.zone(&people.strings, fallback))
    }

    /// The instant from which HR counts the change that holds now, in the person's own zone; for a termination, its end.
    pub fn counts_from(&self, people: &People, fallback: Option<&TimeZone>) -> Option<Timestamp> {
        let terms = self.terms();
        let zone = terms.zone(&people.strings, fallback);
        match self.status {
            EmploymentStatus::Terminated => terms.terminated_at(&zone),
            EmploymentStatus::Active
            | EmploymentStatus::Leave
            | EmploymentStatus::Future
            | EmploymentStatus::Cancelled
            | EmploymentStatus::Unknown => self.effective.or_else(|| beginning_of(self.effective_day?, &zone)),
        }
    }

    /// The beginning of its first day, in the person's own zone; `None` when HR names none.
    pub fn started(&self, people: &People, fallback: Option<&TimeZone>) -> Option<Timestamp> {
        beginning_of(self.start?, &self.terms().zone(&people.strings, fallback))
    }

    /// What its own fields say.
    pub fn terms(&self) -> Terms {
        Terms {
            status: self.status,
            worker_type: self.worker_type,
            start: self.start,
            end: self.end,
            manager: self.manager,
            department: self.department,
            title: self.title,
            location: self.location,
            time_zone: self.time_zone,
            effective: self.effective,
            effective_day: self.effective_day,
            recorded: self.recorded,
        }
    }

    /// What holds at `now`: the last change that counts by then. A termination that is on record but still to come gives the
    /// last day.
    pub(super) fn terms_at(&self, now: Timestamp, strings: &Strings, fallback: Option<&TimeZone>) -> Terms {
        let Some(first) = self.changes.first() else { return self.terms() };
        let counts = |change: &Change| change.terms.counts_from(&change.terms.zone(strings, fallback));
        let begun = self.changes.partition_point(|change| counts(change) <= Some(now));
        let mut terms = match begun {
            0 => {
                let zone = first.terms.zone(strings, fallback);
                let begins = counts(first).map(|at| at.to_zoned(zone).date());
                Terms { start: first.terms.start.or(begins), ..first.terms }
            }
            begun => self.changes[begun - 1].terms,
        };
        let ends = |change: &&Change| change.terms.status == EmploymentStatus::Terminated;
        if terms.status != EmploymentStatus::Terminated
            && let Some(coming) = self.changes[begun..].iter().find(ends)
        {
            let zone = coming.terms.zone(strings, fallback);
            let day = coming.terms.effective.map(|at| at.to_zoned(zone).date());
            terms.end = coming.terms.end.or(coming.terms.effective_day).or(day).or(terms.end);
        }
        terms
    }

    /// Puts the changes in order and drops what was taken back.
    pub(super) fn settle(&mut self, strings: &Strings, fallback: Option<&TimeZone>) {
        if self.changes.is_empty() {
            return;
        }
        let mut changes: Vec<(Option<Timestamp>, Change)> = std::mem::take(&mut self.changes)
            .into_iter()
            .map(|change| (change.terms.counts_from(&change.terms.zone(strings, fallback)), change))
            .collect();
        changes.sort_by(|(from, a), (other, b)| {
            from.cmp(other).then_with(|| compare_sequences(strings.get(a.sequence), strings.get(b.sequence)))
        });
        let last = changes.last().map(|(_, change)| change.terms);
        let kept = without_cancelled(changes);
        match (kept.last(), last) {
            (Some(latest), _) => self.hold(latest.terms),
            // Every change was taken back: the employment never came to be.
            (None, Some(last)) => self.hold(last),
            (None, None) => {}
        }
        self.changes = if kept.len() > 1 { kept } else { Vec::new() };
    }

    /// Takes over what holds.
    pub(super) fn hold(&mut self, terms: Terms) {
        let Terms {
            status,
            worker_type,
            start,
            end,
            manager,
            department,
            title,
            location,
            time_zone,
            effective,
            effective_day,
            recorded,
        } = terms;
        (self.status, self.worker_type, self.start, self.end) = (status, worker_type, start, end);
        (self.manager, self.department, self.time_zone) = (manager, department, time_zone);
        (self.title, self.location) = (title, location);
        (self.effective, self.effective_day, self.recorded) = (effective, effective_day, recorded);
    }
}

/// The changes that stand. A cancelled one takes back those that count from the same instant; one without an instant of its
/// own takes back the change before it.
fn without_cancelled(changes: Vec<(Option<Timestamp>, Change)>) -> Vec<Change> {
    let mut kept: Vec<(Option<Timestamp>, Change)> = Vec::with_capacity(changes.len());
    for (from, change) in changes {
        if change.terms.status != EmploymentStatus::Cancelled {
            kept.push((from, change));
        } else if change.terms.effective.is_some() || change.terms.effective_day.is_some() {
            while kept.last().is_some_and(|(known, _)| *known == from) {
                kept.pop();
            }
        } else {
            kept.pop();
        }
    }
    kept.into_iter().map(|(_, change)| change).collect()
}

/// The first instant of `day` in `zone`.
fn beginning_of(day: Date, zone: &TimeZone) -> Option<Timestamp> {
    Some(day.to_zoned(zone.clone()).ok()?.timestamp())
}

/// The first instant after `day` in `zone`.
fn end_of_day(day: Date, zone: &TimeZone) -> Option<Timestamp> {
    let next = day.checked_add(1.day()).ok()?;
    Some(next.to_zoned(zone.clone()).ok()?.timestamp())
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn employment(strings: &mut Strings) -> Employment {
        Employment {
            system: strings.add("hr"),
            scope: strings.add("people"),
            id: strings.add("1"),
            employee_id: None,
            status: EmploymentStatus::Active,
            worker_type: WorkerType::Employee,
            start: Some(date(2020, 1, 1)),
            end: None,
            manager: None,
            department: None,
            title: None,
            location: None,
            time_zone: Some(strings.add("America/New_York")),
            effective: None,
            effective_day: None,
            recorded: None,
            state: RowState::Complete,
            collected: None,
            changes: Vec::new(),
        }
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn the_last_day_ends_in_the_persons_own_zone_across_daylight_saving() {
        let mut people = People::default();
        let mut employment = employment(&mut people.strings);
        // Clocks go back in New York on 2026-11-01: that day has 25 hours and ends at 05:00 UTC.
        employment.end = Some(date(2026, 11, 1));
        assert!(employment.standing(at("2026-11-02T04:59:59Z"), &people, None).is_employed());
        assert!(matches!(
            employment.standing(at("2026-11-02T05:00:00Z"), &people, None),
            Standing::Ended { evidence: EndEvidence::EndDate, .. }
        ));
    }

    #[test]
    fn an_immediate_termination_counts_from_its_effective_instant() {
        let mut people = People::default();
        let mut employment = employment(&mut people.strings);
        employment.status = EmploymentStatus::Terminated;
        employment.end = Some(date(2026, 11, 1));
        employment.effective = Some(at("2026-11-01T15:00:00Z"));
        assert!(matches!(employment.standing(at("2026-11-01T15:00:00Z"), &people, None), Standing::Ended { .. }));
        employment.effective = None;
        assert!(employment.standing(at("2026-11-01T15:00:00Z"), &people, None).is_employed(), "a notice period");
    }

    #[test]
    fn a_running_employment_outweighs_an_ended_one() {
        let ended = Standing::Ended { at: None, evidence: EndEvidence::Terminated, external: false };
        assert_eq!(best([ended, Standing::Employed].into_iter()), Standing::Employed);
        assert_eq!(best(std::iter::empty()), Standing::Unknown);
    }

    /// Changes as (number, status, effective, last day).
    fn changed(changes: &[(&str, EmploymentStatus, &str, Option<Date>)]) -> (People, Employment) {
        let mut people = People::default();
        let mut employment = employment(&mut people.strings);
        for (number, status, effective, end) in changes {
            let sequence = people.strings.add(number);
            let terms = Terms { status: *status, effective: Some(at(effective)), end: *end, ..employment.terms() };
            employment.changes.push(Change { sequence, terms });
        }
        employment.settle(&people.strings, None);
        (people, employment)
    }

    #[test]
    fn changes_count_by_effective_instant_then_number_in_whatever_order_they_arrive() {
        use EmploymentStatus::{Active, Leave, Terminated};
        let day = "2026-06-15T08:00:00Z";
        // The tenth change was made after the ninth, both for the same morning.
        let changes = [
            ("10", Active, day, None),
            ("1", Active, "2020-01-01T05:00:00Z", None),
            ("11", Terminated, "2026-07-31T22:00:00Z", Some(date(2026, 7, 31))),
            ("9", Leave, day, None),
        ];
        let (people, employment) = changed(&changes);
        let standing = |now: &str| employment.standing(at(now), &people, None);
        assert_eq!(standing("2026-06-15T07:59:59Z"), Standing::Employed);
        assert_eq!(standing("2026-06-15T08:00:00Z"), Standing::Employed, "the leave was changed back the same day");
        let coming = employment.terms_at(at("2026-06-20T00:00:00Z"), &people.strings, None);
        assert_eq!((coming.status, coming.end), (Active, Some(date(2026, 7, 31))), "the end is on record already");
        assert!(matches!(standing("2026-07-31T22:00:00Z"), Standing::Ended { evidence: EndEvidence::Terminated, .. }));
    }

    #[test]
    fn a_cancelled_termination_never_was_and_a_cancelled_hire_never_came() {
        use EmploymentStatus::{Active, Cancelled, Terminated};
        let end = Some(date(2026, 5, 31));
        let left = ("2", Terminated, "2026-06-01T04:00:00Z", end);
        let hired = ("1", Active, "2020-01-01T05:00:00Z", None);
        let (people, employment) = changed(&[("3", Cancelled, "2026-06-01T04:00:00Z", end), left, hired]);
        assert_eq!(employment.standing(at("2026-06-15T00:00:00Z"), &people, None), Standing::Employed);
        assert_eq!(employment.end, None, "the last day went with the termination");

        let (people, employment) = changed(&[("2", Cancelled, "2020-01-01T05:00:00Z", None), hired]);
        assert!(matches!(employment.standing(at("2026-06-15T00:00:00Z"), &people, None), Standing::Ended { .. }));
    }

    #[test]
    fn a_bare_day_of_termination_is_the_last_one_worked() {
        let mut people = People::default();
        let mut employment = employment(&mut people.strings);
        employment.status = EmploymentStatus::Terminated;
        employment.effective_day = Some(date(2026, 6, 30));
        assert!(employment.standing(at("2026-07-01T03:59:59Z"), &people, None).is_employed());
        assert!(!employment.standing(at("2026-07-01T04:00:00Z"), &people, None).is_employed(), "midnight in New York");
    }
}
