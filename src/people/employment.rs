//! Employments: spans of time, and where they put a person at an instant.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use muster_connectors::record::{EmploymentStatus, WorkerType};

use super::People;
use crate::graph::{RowState, Text};

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
    /// When HR wrote it down.
    pub recorded: Option<Timestamp>,
    /// State of the row.
    pub state: RowState,
    /// When the row was true.
    pub collected: Option<Timestamp>,
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

impl Employment {
    /// Where it stands at `now`.
    ///
    /// An employment ends at its *effective* instant where HR gives one for a termination, else when its last day is over
    /// in the person's own zone (then the config's, then UTC), daylight saving included.
    pub fn standing(&self, now: Timestamp, people: &People, fallback: Option<&TimeZone>) -> Standing {
        let zone = self
            .time_zone
            .and_then(|name| TimeZone::get(people.text(name)).ok())
            .or_else(|| fallback.cloned())
            .unwrap_or(TimeZone::UTC);
        let last_day_over = self.end.and_then(|end| end_of_day(end, &zone));
        let starts = self.start.and_then(|start| start.to_zoned(zone.clone()).ok()).map(|zoned| zoned.timestamp());
        let terminated = self.status == EmploymentStatus::Terminated;
        let ends = if terminated { self.effective.or(last_day_over) } else { last_day_over };
        let external = self.worker_type.is_external();
        match ends {
            Some(at) if at <= now => {
                let evidence = if terminated { EndEvidence::Terminated } else { EndEvidence::EndDate };
                return Standing::Ended { at: Some(at), evidence, external };
            }
            None if terminated => {
                return Standing::Ended { at: self.recorded, evidence: EndEvidence::Terminated, external };
            }
            Some(_) | None => {}
        }
        if starts.is_some_and(|at| at > now) || (self.status == EmploymentStatus::Future && starts.is_none()) {
            return Standing::Future { start: self.start };
        }
        match self.status {
            EmploymentStatus::Leave => Standing::OnLeave,
            // A notice period: HR says terminated, the last day lies ahead.
            EmploymentStatus::Active | EmploymentStatus::Terminated | EmploymentStatus::Future => Standing::Employed,
            EmploymentStatus::Unknown if self.start.is_some() => Standing::Employed,
            EmploymentStatus::Unknown => Standing::Unknown,
        }
    }
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
    use crate::graph::Strings;

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
            recorded: None,
            state: RowState::Complete,
            collected: None,
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
}
