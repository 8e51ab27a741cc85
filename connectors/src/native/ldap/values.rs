//! LDAP values that are not plain text: ids, times and numbers, as Active Directory and OpenLDAP write them.

use std::fmt::Write as _;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

/// 100-nanosecond steps between 1601-01-01 (FILETIME's zero, [MS-DTYP] 2.3.3) and 1970-01-01.
const FILETIME_TO_UNIX: i64 = 116_444_736_000_000_000;

/// A point in time as Active Directory keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FileTime {
    /// `0`: the attribute is there and was never set.
    Zero,
    /// `0x7FFFFFFFFFFFFFFF`: never happens.
    Forever,
    /// An instant.
    At(Timestamp),
}

/// Reads a FILETIME in decimal; `None` when it is no number or no instant that can be told.
pub(super) fn file_time(text: &str) -> Option<FileTime> {
    match text.trim().parse::<i64>().ok()? {
        0 => Some(FileTime::Zero),
        i64::MAX => Some(FileTime::Forever),
        steps => {
            let nanoseconds = i128::from(steps.checked_sub(FILETIME_TO_UNIX)?) * 100;
            // Some tools write "never" as the last instant of the year 9999 or later.
            match Timestamp::from_nanosecond(nanoseconds) {
                Ok(instant) => Some(FileTime::At(instant)),
                Err(_) if nanoseconds > 0 => Some(FileTime::Forever),
                Err(_) => None,
            }
        }
    }
}

/// Reads a GeneralizedTime (RFC 4517 section 3.3.13): `YYYYMMDDHH[MM[SS]][.f](Z|±HH[MM])`.
pub(super) fn generalized_time(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let number = |from: usize, to: usize| text.get(from..to)?.parse::<i16>().ok();
    let small = |from: usize, to: usize| number(from, to).and_then(|n| i8::try_from(n).ok());
    let (minute, second, unit) = match digits {
        10 => (0, 0, 3_600_000_000_000_i128),
        12 => (small(10, 12)?, 0, 60_000_000_000),
        14 => (small(10, 12)?, small(12, 14)?.min(59), 1_000_000_000), // second 60 is a leap second
        _ => return None,
    };
    let civil = DateTime::new(number(0, 4)?, small(4, 6)?, small(6, 8)?, small(8, 10)?, minute, second, 0).ok()?;
    let (fraction, zone) = split_fraction(&text[digits..]);
    let instant = offset(zone)?.to_timestamp(civil).ok()?;
    let extra = match fraction {
        None => 0,
        Some(fraction) => {
            let kept = &fraction[..fraction.len().min(9)];
            let scale = 10_i128.pow(u32::try_from(kept.len()).ok()?);
            kept.parse::<i128>().ok()? * unit / scale
        }
    };
    Timestamp::from_nanosecond(instant.as_nanosecond() + extra).ok()
}

fn split_fraction(rest: &str) -> (Option<&str>, &str) {
    let Some(rest) = rest.strip_prefix(['.', ',']) else { return (None, rest) };
    let end = rest.bytes().take_while(u8::is_ascii_digit).count();
    (Some(&rest[..end]), &rest[end..])
}

fn offset(zone: &str) -> Option<Offset> {
    let (sign, digits) = match zone.as_bytes().first()? {
        b'Z' if zone.len() == 1 => return Some(Offset::UTC),
        b'+' => (1, &zone[1..]),
        b'-' => (-1, &zone[1..]),
        _ => return None,
    };
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) || !matches!(digits.len(), 2 | 4) {
        return None;
    }
    let hours: i32 = digits[..2].parse().ok()?;
    let minutes: i32 = if digits.len() == 4 { digits[2..].parse().ok()? } else { 0 };
    Offset::from_seconds(sign * (hours * 3600 + minutes * 60)).ok()
}

/// Days since 1970-01-01, as shadow(5) and RFC 2307 count them.
pub(super) fn shadow_day(text: &str) -> Option<i64> {
    text.trim().parse().ok()
}

/// The start of a shadow(5) day.
pub(super) fn day_start(day: i64) -> Option<Timestamp> {
    Timestamp::from_second(day.checked_mul(86_400)?).ok()
}

/// An objectGUID in the byte order of its text form (RFC 4122). Reads the 16 bytes of the wire ([MS-DTYP] 2.3.4.2: the
/// first three groups little-endian) and the text that Samba's own tools export.
pub(super) fn object_guid(value: &[u8]) -> Option<[u8; 16]> {
    if let Ok(bytes) = <[u8; 16]>::try_from(value) {
        let mut guid = bytes;
        guid[..4].reverse();
        guid[4..6].reverse();
        guid[6..8].reverse();
        return Some(guid);
    }
    uuid(std::str::from_utf8(value).ok()?.trim_matches(['{', '}']))
}

/// A UUID from its text form.
pub(super) fn uuid(text: &str) -> Option<[u8; 16]> {
    let text = text.as_bytes();
    if text.len() != 36 {
        return None;
    }
    let mut bytes = [0_u8; 16];
    let mut nibbles = 0;
    for (position, byte) in text.iter().enumerate() {
        if matches!(position, 8 | 13 | 18 | 23) {
            if *byte != b'-' {
                return None;
            }
            continue;
        }
        let nibble = u8::try_from(char::from(*byte).to_digit(16)?).ok()?;
        bytes[nibbles / 2] = bytes[nibbles / 2] << 4 | nibble;
        nibbles += 1;
    }
    Some(bytes)
}

/// The text form of a UUID, lower-case.
pub(super) fn uuid_text(bytes: &[u8; 16]) -> String {
    let mut text = String::with_capacity(36);
    for (position, byte) in bytes.iter().enumerate() {
        if matches!(position, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push(char::from(b"0123456789abcdef"[usize::from(byte >> 4)]));
        text.push(char::from(b"0123456789abcdef"[usize::from(byte & 15)]));
    }
    text
}

/// A security identifier in its text form ([MS-DTYP] 2.4.2.1), from the wire's bytes or from text.
pub(super) fn sid(value: &[u8]) -> Option<String> {
    if value.starts_with(b"S-1-") {
        let text = std::str::from_utf8(value).ok()?;
        return text[4..].bytes().all(|byte| byte.is_ascii_digit() || byte == b'-').then(|| text.to_owned());
    }
    let (&[revision, count], rest) = value.split_first_chunk::<2>()?;
    let (authority, parts) = rest.split_first_chunk::<6>()?;
    if revision != 1 || parts.len() != usize::from(count) * 4 {
        return None;
    }
    let authority = authority.iter().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
    let mut text = format!("S-1-{authority}");
    for part in parts.as_chunks::<4>().0 {
        let _infallible = write!(text, "-{}", u32::from_le_bytes(*part));
    }
    Some(text)
}

/// The domain and the relative id of a security identifier: all before and what stands after the last hyphen.
pub(super) fn split_sid(sid: &str) -> Option<(&str, u32)> {
    let (domain, rid) = sid.rsplit_once('-')?;
    Some((domain, rid.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn generalized_times_of_every_shape_are_read() {
        assert_eq!(generalized_time("20260102030405Z"), Some(at("2026-01-02T03:04:05Z")));
        assert_eq!(generalized_time("20260102030405.250Z"), Some(at("2026-01-02T03:04:05.25Z")));
        assert_eq!(generalized_time("2026010203Z"), Some(at("2026-01-02T03:00:00Z")));
        assert_eq!(generalized_time("2026010203.5Z"), Some(at("2026-01-02T03:30:00Z")));
        assert_eq!(generalized_time("202601020304+0130"), Some(at("2026-01-02T01:34:00Z")));
        for bad in ["", "2026", "20261302030405Z", "20260102030405", "20260102030405X", "20260102030405+é", "é"] {
            assert_eq!(generalized_time(bad), None, "{bad}");
        }
    }

    #[test]
    fn file_times_know_zero_and_forever() {
        assert_eq!(file_time("0"), Some(FileTime::Zero));
        assert_eq!(file_time("9223372036854775807"), Some(FileTime::Forever));
        assert_eq!(file_time("116444736000000000"), Some(FileTime::At(Timestamp::UNIX_EPOCH)));
        assert_eq!(file_time("soon"), None);
        assert_eq!(file_time("-9223372036854775808"), None);
    }

    #[test]
    fn ids_have_their_standard_text() {
        let wire: Vec<u8> = (0..16).collect();
        let guid = object_guid(&wire).unwrap();
        assert_eq!(uuid_text(&guid), "03020100-0504-0706-0809-0a0b0c0d0e0f");
        assert_eq!(object_guid(uuid_text(&guid).as_bytes()), Some(guid));
        assert_eq!(object_guid(b"short"), None);
        let administrators = [1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 32, 2, 0, 0];
        assert_eq!(sid(&administrators).as_deref(), Some("S-1-5-32-544"));
        assert_eq!(sid(b"S-1-5-32-544").as_deref(), Some("S-1-5-32-544"));
        assert_eq!(sid(&administrators[..15]), None);
        assert_eq!(split_sid("S-1-5-32-544"), Some(("S-1-5-32", 544)));
    }
}
