//! The estate's own instant, and instants and days relative to it in the spellings of each export.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};

use super::rng::Rng;

/// The estate's `now`, in the spelling of `muster.toml`.
pub const NOW: &str = "2026-11-02T06:00:00Z";

/// One night later, for the broken sister.
pub const NEXT: &str = "2026-11-03T06:00:00Z";

/// [`NOW`] as an instant.
pub(crate) fn now() -> Timestamp {
    at(NOW)
}

/// An instant written in this source.
pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().expect("instants in this source are RFC 3339")
}

/// A day written in this source.
pub(crate) fn day(text: &str) -> Date {
    text.parse().expect("days in this source are ISO 8601")
}

/// The instant a number of days before [`NOW`].
pub(crate) fn days_ago(days: i64) -> Timestamp {
    now() - SignedDuration::from_hours(days * 24)
}

/// Some working minute between `low` and `high` days before [`NOW`], always on the earlier side of the day given.
pub(crate) fn used_ago(rng: &mut Rng, low: i64, high: i64) -> Timestamp {
    days_ago(rng.between(low, high)) - SignedDuration::from_secs(rng.between(60, 36_000))
}

/// A minute of the day's morning, UTC.
pub(crate) fn morning(rng: &mut Rng, day: Date) -> Timestamp {
    let midnight = day.to_zoned(TimeZone::UTC).expect("every day of this source has a midnight").timestamp();
    midnight + SignedDuration::from_secs(rng.between(6 * 3600, 11 * 3600))
}

/// `day` moved by a number of days.
pub(crate) fn shift(day: Date, days: i64) -> Date {
    day.checked_add(days.days()).expect("the example stays within a lifetime")
}

/// `20260102030405.0Z`: GeneralizedTime as Active Directory writes it.
pub(crate) fn generalized(instant: Timestamp) -> String {
    instant.strftime("%Y%m%d%H%M%S.0Z").to_string()
}

/// Hundreds of nanoseconds since 1601, as Active Directory counts.
pub(crate) fn filetime(instant: Timestamp) -> String {
    const UNIX_EPOCH_SECONDS: i64 = 11_644_473_600;
    ((instant.as_second() + UNIX_EPOCH_SECONDS) * 10_000_000).to_string()
}

/// `2026-01-02T03:04:05+00:00`, as the AWS command line prints instants.
pub(crate) fn aws(instant: Timestamp) -> String {
    instant.strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string()
}

/// `2026-01-02T03:04:05Z`.
pub(crate) fn iso(instant: Timestamp) -> String {
    instant.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// `02.01.2026`.
pub(crate) fn european(day: Date) -> String {
    day.strftime("%d.%m.%Y").to_string()
}
