//! Days and instants as exports write them.
//!
//! ISO 8601 is always understood, and so is a date whose month is a name or whose year comes first. `03/04/2026` is two
//! different days: it is refused until the config says which (`dates`), and never guessed from its neighbours.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::fmt::strtime::{self, BrokenDownTime};
use jiff::tz::TimeZone;

/// Formats with the month as a name, tried after ISO.
const NAMED_MONTHS: &[&str] =
    &["%d-%b-%Y", "%d %b %Y", "%b %d, %Y", "%b %d %Y", "%d-%B-%Y", "%d %B %Y", "%B %d, %Y", "%d. %B %Y"];
/// From this year on a date means "no end": SAP writes 9999-12-31.
const ENDLESS_YEAR: i16 = 9000;

/// How this file writes dates.
#[derive(Debug, Clone)]
pub(super) struct Dates {
    /// The config's strptime formats, tried first.
    formats: Vec<String>,
    /// The zone of times that name none.
    zone: TimeZone,
}

/// A point in time, as exactly as it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    /// A day.
    Day(Date),
    /// A day and a time of it, in no named zone.
    Local(DateTime),
    /// An instant, and the day as it was written.
    Instant(Timestamp, Date),
}

impl Moment {
    /// The day as it was written: a last day does not move because an export printed it in UTC.
    pub(super) fn day(self) -> Date {
        match self {
            Self::Day(day) | Self::Instant(_, day) => day,
            Self::Local(local) => local.date(),
        }
    }

    /// Whether it stands for "no end".
    pub(super) fn is_endless(self) -> bool {
        self.day().year() >= ENDLESS_YEAR
    }
}

/// Why a text is no date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum DateFault {
    /// Day and month are numbers and nobody said which comes first; the formats that would fit.
    Order(Vec<&'static str>),
    /// Two of the configured formats read it as different days.
    TwoReadings(Date, Date),
    /// No format fits, or there is no such day.
    Unreadable(String),
}

impl Dates {
    /// Dates in `formats` and ISO 8601, with local times in `zone`.
    ///
    /// # Errors
    /// The first format that strptime does not know, with the reason.
    pub(super) fn new(formats: Vec<String>, zone: TimeZone) -> Result<Self, (String, jiff::Error)> {
        for format in &formats {
            let sample = Timestamp::UNIX_EPOCH.to_zoned(TimeZone::UTC);
            if let Err(error) = strtime::format(format.as_str(), &sample) {
                return Err((format.clone(), error));
            }
        }
        Ok(Self { formats, zone })
    }

    /// Reads one value, which is trimmed and not empty.
    pub(super) fn read(&self, text: &str) -> Result<Moment, DateFault> {
        if let Some(moment) = self.configured(text)? {
            return Ok(moment);
        }
        if let Some(iso) = iso(text) {
            return iso.map_err(|error| DateFault::Unreadable(error.to_string()));
        }
        if text.bytes().any(|byte| byte.is_ascii_alphabetic()) {
            return NAMED_MONTHS
                .iter()
                .find_map(|format| Date::strptime(format, text).ok())
                .map(Moment::Day)
                .ok_or_else(|| DateFault::Unreadable("it fits no known way to write a date".to_owned()));
        }
        let fitting = numeric_orders(text);
        if fitting.is_empty() || !self.formats.is_empty() {
            let why = if self.formats.is_empty() {
                "it fits no known way to write a date, or there is no such day"
            } else {
                "it fits none of `dates`, or there is no such day"
            };
            return Err(DateFault::Unreadable(why.to_owned()));
        }
        Err(DateFault::Order(fitting))
    }

    /// The instant at which something begins (a day's first moment) or, with `last`, the last second of the day on which it ends.
    pub(super) fn instant(&self, moment: Moment, last: bool) -> Result<Timestamp, DateFault> {
        let local = match moment {
            Moment::Instant(instant, _) => return Ok(instant),
            Moment::Local(local) => local,
            Moment::Day(day) if last => day.at(23, 59, 59, 0),
            Moment::Day(day) => day.at(0, 0, 0, 0),
        };
        self.zone.to_ambiguous_timestamp(local).compatible().map_err(|error| DateFault::Unreadable(error.to_string()))
    }

    fn configured(&self, text: &str) -> Result<Option<Moment>, DateFault> {
        let mut found: Option<Moment> = None;
        for format in &self.formats {
            let Some(moment) = strtime::parse(format, text).ok().and_then(|parts| broken_down(&parts)) else {
                continue;
            };
            match found {
                Some(other) if other.day() != moment.day() => {
                    return Err(DateFault::TwoReadings(other.day(), moment.day()));
                }
                Some(_) => {}
                None => found = Some(moment),
            }
        }
        Ok(found)
    }
}

fn broken_down(parts: &BrokenDownTime) -> Option<Moment> {
    if let Ok(instant) = parts.to_timestamp() {
        let day = parts.to_date().unwrap_or_else(|_epoch_seconds| instant.to_zoned(TimeZone::UTC).date());
        return Some(Moment::Instant(instant, day));
    }
    if parts.hour().is_some() {
        parts.to_datetime().ok().map(Moment::Local)
    } else {
        parts.to_date().ok().map(Moment::Day)
    }
}

/// `2026-03-01`, `2026/03/01`, `20260301`, and these followed by a time with or without an offset. `None`: another shape.
fn iso(text: &str) -> Option<Result<Moment, jiff::Error>> {
    let bytes = text.as_bytes();
    let all_digits = |range: &[u8]| range.iter().all(u8::is_ascii_digit);
    if bytes.len() == 8 && all_digits(bytes) {
        return Some(text.parse().map(Moment::Day));
    }
    let separator = *bytes.get(4)?;
    let year_first = bytes.len() >= 10 && all_digits(&bytes[..4]) && bytes[7] == separator;
    if !year_first || !matches!(separator, b'-' | b'/' | b'.') {
        return None;
    }
    let day = text.get(..10)?;
    let day =
        if separator == b'-' { day.parse::<Date>() } else { day.replace(char::from(separator), "-").parse::<Date>() };
    let day = match day {
        Ok(day) => day,
        Err(error) => return Some(Err(error)),
    };
    let time = text.get(10..)?.trim_start_matches(['T', 't', ' ']).trim_end();
    // XML Schema writes days with an offset: the day is the one that is written.
    let offset = time.strip_prefix(['+', '-']).filter(|offset| offset.len() == 5 && offset.as_bytes()[2] == b':');
    if time.is_empty() || offset.is_some() {
        return Some(Ok(Moment::Day(day)));
    }
    let zulu = time.strip_suffix("UTC").or_else(|| time.strip_suffix("GMT")).map(str::trim_end);
    if zulu.is_some() || time.ends_with(['Z', 'z']) || time.contains(['+', '-', '\u{2212}']) {
        let time = zulu.map_or_else(|| time.replace(' ', ""), |time| format!("{time}Z"));
        return Some(format!("{day}T{time}").parse().map(|instant| Moment::Instant(instant, day)));
    }
    Some(format!("{day}T{time}").parse().map(Moment::Local))
}

/// The orders of day and month that make `text` a day.
fn numeric_orders(text: &str) -> Vec<&'static str> {
    let day = text.split_whitespace().next().unwrap_or_default();
    ["%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%m.%d.%Y", "%d-%m-%Y", "%m-%d-%Y", "%d/%m/%y", "%m/%d/%y", "%d.%m.%y"]
        .into_iter()
        .filter(|format| {
            let long_year = day.rsplit(['/', '.', '-']).next().is_some_and(|year| year.len() == 4);
            format.ends_with('Y') == long_year && Date::strptime(format, day).is_ok()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn dates(formats: &[&str]) -> Dates {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        Dates::new(formats.iter().map(|format| (*format).to_owned()).collect(), zone).unwrap()
    }

    #[test]
    fn what_can_mean_only_one_day_is_read_without_being_told() {
        for text in [
            "2026-03-04",
            "20260304",
            "2026/03/04",
            "04-Mar-2026",
            "4 March 2026",
            "Mar 4, 2026",
            "2026-03-04T23:30:00Z",
        ] {
            assert_eq!(dates(&[]).read(text).unwrap().day(), date(2026, 3, 4), "{text}");
        }
    }

    #[test]
    fn day_and_month_as_numbers_are_never_guessed() {
        assert_eq!(dates(&[]).read("03/04/2026"), Err(DateFault::Order(vec!["%d/%m/%Y", "%m/%d/%Y"])));
        assert_eq!(dates(&[]).read("25/12/2026"), Err(DateFault::Order(vec!["%d/%m/%Y"])));
        assert_eq!(dates(&["%m/%d/%Y"]).read("03/04/2026").unwrap().day(), date(2026, 3, 4));
        assert!(matches!(dates(&["%m/%d/%Y", "%d/%m/%Y"]).read("03/04/2026"), Err(DateFault::TwoReadings(..))));
        assert!(matches!(dates(&["%m/%d/%Y"]).read("25/12/2026"), Err(DateFault::Unreadable(_))));
    }

    #[test]
    fn impossible_days_are_refused() {
        for text in
            ["2026-02-30", "20261301", "2026/13/01", "31/31/2026", "soon", "2026-03-04T25:00:00Z", "12", "é2026-03-04"]
        {
            assert!(matches!(dates(&[]).read(text), Err(DateFault::Unreadable(_))), "{text}");
        }
    }

    #[test]
    fn local_times_are_of_the_configured_zone_and_a_last_day_ends_at_its_end() {
        let dates = dates(&["%d.%m.%Y %H:%M"]);
        let local = dates.read("04.03.2026 08:15").unwrap();
        assert_eq!(dates.instant(local, false).unwrap().to_string(), "2026-03-04T07:15:00Z");
        let day = dates.read("2026-03-04").unwrap();
        assert_eq!(dates.instant(day, true).unwrap().to_string(), "2026-03-04T22:59:59Z");
        let offset = dates.read("2026-03-04 08:15:00 +0200").unwrap();
        assert_eq!(dates.instant(offset, false).unwrap().to_string(), "2026-03-04T06:15:00Z");
        assert_eq!(dates.read("2026-03-04 08:15:00 UTC").unwrap().day(), date(2026, 3, 4));
        let west = dates.read("2026-03-04 08:15:00.000 -0800").unwrap();
        assert_eq!(dates.instant(west, false).unwrap().to_string(), "2026-03-04T16:15:00Z");
        assert_eq!(dates.read("2026-03-04-08:00").unwrap(), Moment::Day(date(2026, 3, 4)));
    }

    #[test]
    fn a_format_that_strptime_does_not_know_is_refused() {
        assert!(Dates::new(vec!["%!".to_owned()], TimeZone::UTC).is_err());
    }
}
