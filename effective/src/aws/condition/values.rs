//! Values of conditions: what each operator reads, and how it compares.
//!
//! Source: IAM User Guide, "IAM JSON policy elements: Condition operators" (reference_policies_elements_condition_operators.html).
//! A value that an operator cannot read makes its statement unusable: what AWS makes of it is not documented.

use std::cmp::Ordering;
use std::net::IpAddr;

use base64::Engine as _;
use ipnet::IpNet;
use jiff::Timestamp;
use jiff::civil::Date;

use crate::aws::document::{Operator, Version};
use crate::aws::pattern::{ArnGlob, Glob};
use crate::aws::variable;

impl Operator {
    /// `Not…`: true where none of the values is met, and where the request has no such key.
    pub const fn is_negated(self) -> bool {
        matches!(
            self,
            Self::StringNotEquals
                | Self::StringNotEqualsIgnoreCase
                | Self::StringNotLike
                | Self::NumericNotEquals
                | Self::DateNotEquals
                | Self::NotIpAddress
                | Self::ArnNotEquals
                | Self::ArnNotLike
        )
    }

    /// Whether policy variables are read in its values: string, ARN and Boolean operators.
    pub const fn reads_variables(self) -> bool {
        matches!(
            self,
            Self::StringEquals
                | Self::StringNotEquals
                | Self::StringEqualsIgnoreCase
                | Self::StringNotEqualsIgnoreCase
                | Self::StringLike
                | Self::StringNotLike
                | Self::ArnEquals
                | Self::ArnNotEquals
                | Self::ArnLike
                | Self::ArnNotLike
                | Self::Bool
        )
    }

    /// Whether `*` and `?` in its values are wildcards.
    pub const fn reads_wildcards(self) -> bool {
        matches!(
            self,
            Self::StringLike
                | Self::StringNotLike
                | Self::ArnEquals
                | Self::ArnNotEquals
                | Self::ArnLike
                | Self::ArnNotLike
        )
    }
}

/// Whether an operator can read a value of a policy.
///
/// # Errors
/// What is wrong with it, as a sentence with the fix.
pub fn well_formed(operator: Operator, value: &str, version: Version) -> Result<(), String> {
    if operator.reads_variables() && version == Version::Of2012 && variable::any(value) {
        return variable::parts(value).map(|_| ());
    }
    let expected = match operator {
        Operator::StringEquals
        | Operator::StringNotEquals
        | Operator::StringEqualsIgnoreCase
        | Operator::StringNotEqualsIgnoreCase
        | Operator::StringLike
        | Operator::StringNotLike => return Ok(()),
        Operator::ArnEquals | Operator::ArnNotEquals | Operator::ArnLike | Operator::ArnNotLike => {
            let arn = value.splitn(6, ':').count() == 6;
            if arn {
                return Ok(());
            }
            "an ARN with its six parts between colons"
        }
        Operator::NumericEquals
        | Operator::NumericNotEquals
        | Operator::NumericLessThan
        | Operator::NumericLessThanEquals
        | Operator::NumericGreaterThan
        | Operator::NumericGreaterThanEquals => match Decimal::read(value) {
            Some(_) => return Ok(()),
            None => "a whole or decimal number",
        },
        Operator::DateEquals
        | Operator::DateNotEquals
        | Operator::DateLessThan
        | Operator::DateLessThanEquals
        | Operator::DateGreaterThan
        | Operator::DateGreaterThanEquals => match instant(value) {
            Some(_) => return Ok(()),
            None => "an instant as `2026-01-31T12:00:00Z`, a date, or seconds since 1970",
        },
        Operator::Bool | Operator::Null => match boolean(value) {
            Some(_) => return Ok(()),
            None => "`true` or `false`",
        },
        Operator::BinaryEquals => match bytes(value) {
            Some(_) => return Ok(()),
            None => "bytes in base64",
        },
        Operator::IpAddress | Operator::NotIpAddress => match network(value) {
            Some(_) => return Ok(()),
            None => "an address or a range as `203.0.113.0/24`",
        },
    };
    let shown: String = value.chars().take(80).collect();
    Err(format!("`{shown}` is nothing that {} reads: write {expected}", operator.as_str()))
}

/// Whether one value of the request meets one value of a policy, as the positive twin of the operator compares; what the
/// request has and cannot be read meets nothing. `Null` compares no values and is never met here.
pub fn meets(operator: Operator, policy: &Glob, request: &str) -> bool {
    let text = || policy_text(policy);
    match operator {
        Operator::StringEquals | Operator::StringNotEquals => text() == request,
        Operator::StringEqualsIgnoreCase | Operator::StringNotEqualsIgnoreCase => {
            text().to_lowercase() == request.to_lowercase()
        }
        Operator::StringLike | Operator::StringNotLike => policy.matches(request),
        Operator::ArnEquals | Operator::ArnNotEquals | Operator::ArnLike | Operator::ArnNotLike => {
            request.splitn(6, ':').count() == 6 && ArnGlob::condition(policy).matches(request)
        }
        Operator::NumericEquals | Operator::NumericNotEquals => ordering(&text(), request) == Some(Ordering::Equal),
        Operator::NumericLessThan => ordering(&text(), request).is_some_and(Ordering::is_gt),
        Operator::NumericLessThanEquals => ordering(&text(), request).is_some_and(Ordering::is_ge),
        Operator::NumericGreaterThan => ordering(&text(), request).is_some_and(Ordering::is_lt),
        Operator::NumericGreaterThanEquals => ordering(&text(), request).is_some_and(Ordering::is_le),
        Operator::DateEquals | Operator::DateNotEquals => in_time(&text(), request) == Some(Ordering::Equal),
        Operator::DateLessThan => in_time(&text(), request).is_some_and(Ordering::is_gt),
        Operator::DateLessThanEquals => in_time(&text(), request).is_some_and(Ordering::is_ge),
        Operator::DateGreaterThan => in_time(&text(), request).is_some_and(Ordering::is_lt),
        Operator::DateGreaterThanEquals => in_time(&text(), request).is_some_and(Ordering::is_le),
        Operator::Bool => boolean(&text()).is_some_and(|value| boolean(request) == Some(value)),
        Operator::BinaryEquals => bytes(&text()).is_some_and(|value| bytes(request) == Some(value)),
        Operator::IpAddress | Operator::NotIpAddress => match (network(&text()), request.trim().parse::<IpAddr>()) {
            (Some(network), Ok(address)) => network.contains(&address),
            _ => false,
        },
        Operator::Null => false,
    }
}

/// A value as it was written, for operators that know no wildcards.
fn policy_text(policy: &Glob) -> String {
    use crate::aws::pattern::Atom;
    policy
        .atoms()
        .iter()
        .map(|atom| match atom {
            Atom::Text(text) => text.as_str(),
            Atom::One => "?",
            Atom::Many => "*",
        })
        .collect()
}

fn ordering(policy: &str, request: &str) -> Option<Ordering> {
    Some(Decimal::read(policy)?.cmp(&Decimal::read(request)?))
}

fn in_time(policy: &str, request: &str) -> Option<Ordering> {
    Some(instant(policy)?.cmp(&instant(request)?))
}

/// A decimal number of any length, compared exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Decimal<'a> {
    negative: bool,
    /// Without leading zeros.
    whole: &'a str,
    /// Without trailing zeros.
    fraction: &'a str,
}

impl<'a> Decimal<'a> {
    fn read(text: &'a str) -> Option<Self> {
        let text = text.trim();
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if !all_digits(whole) || !all_digits(fraction) || (whole.is_empty() && fraction.is_empty()) {
            return None;
        }
        let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
        let zero = whole.is_empty() && fraction.is_empty();
        Some(Self { negative: negative && !zero, whole, fraction })
    }
}

impl Ord for Decimal<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        let size = |a: &Self, b: &Self| (a.whole.len(), a.whole, a.fraction).cmp(&(b.whole.len(), b.whole, b.fraction));
        match (self.negative, other.negative) {
            (false, false) => size(self, other),
            (true, true) => size(other, self),
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
        }
    }
}

impl PartialOrd for Decimal<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// W3C's forms of ISO 8601 (year, year and month, date, instant with offset), or seconds since 1970. Four digits are a year.
fn instant(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if digits(text) && text.len() != 4 {
        return Timestamp::from_second(text.parse().ok()?).ok();
    }
    if let Some((seconds, fraction)) = text.split_once('.')
        && digits(seconds)
        && digits(fraction)
    {
        let nanos: i32 = format!("{fraction:0<9}").get(..9)?.parse().ok()?;
        return Timestamp::new(seconds.parse().ok()?, nanos).ok();
    }
    let date: Option<Date> = match text.len() {
        4 if digits(text) => Date::new(text.parse().ok()?, 1, 1).ok(),
        7 => format!("{text}-01").parse().ok(),
        10 => text.parse().ok(),
        _ => None,
    };
    match date {
        Some(date) => date.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|zoned| zoned.timestamp()),
        None => text.parse().ok(),
    }
}

pub(super) fn boolean(text: &str) -> Option<bool> {
    match text.trim() {
        text if text.eq_ignore_ascii_case("true") => Some(true),
        text if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    base64::engine::general_purpose::STANDARD.decode(text.trim()).ok()
}

/// A range, or one address.
fn network(text: &str) -> Option<IpNet> {
    let text = text.trim();
    match text.parse::<IpNet>() {
        Ok(network) => Some(network),
        Err(_) => text.parse::<IpAddr>().ok().map(IpNet::from),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_exact() {
        let order = |a, b| ordering(a, b).unwrap();
        assert_eq!(order("10", "9"), Ordering::Greater);
        assert_eq!(order("-10", "9"), Ordering::Less);
        assert_eq!(order("-10", "-9"), Ordering::Less);
        assert_eq!(order("1.50", "1.5"), Ordering::Equal);
        assert_eq!(order("007", "7.0"), Ordering::Equal);
        assert_eq!(order("-0", "0"), Ordering::Equal);
        assert_eq!(order("9007199254740993", "9007199254740992"), Ordering::Greater);
        assert_eq!(order("0.10", "0.09"), Ordering::Greater);
        assert!(ordering("x", "1").is_none() && ordering("1", "").is_none());
    }

    #[test]
    fn instants_in_every_form() {
        let midnight = instant("2020-01-01T00:00:00Z").unwrap();
        for same in ["2020", "2020-01", "2020-01-01", "1577836800", "2020-01-01T01:00:00+01:00", "1577836800.0"] {
            assert_eq!(instant(same), Some(midnight), "{same}");
        }
        for bad in ["", "soon", "2020-13", "2020-01-01T00:00:00", "99999999999999999999"] {
            assert_eq!(instant(bad), None, "{bad}");
        }
    }

    #[test]
    fn addresses_and_ranges_of_both_families() {
        let within = |range, address| meets(Operator::IpAddress, &Glob::new(range), address);
        assert!(within("203.0.113.0/24", "203.0.113.7") && within("203.0.113.9/24", "203.0.113.7"));
        assert!(within("203.0.113.7", "203.0.113.7") && !within("203.0.113.7", "203.0.113.8"));
        assert!(within("2001:DB8:1234:5678::/64", "2001:db8:1234:5678::1") && !within("::/0", "203.0.113.7"));
    }
}
