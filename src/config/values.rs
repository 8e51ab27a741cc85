//! Values with their origin: a flag beats the environment, which beats the file, which beats the default.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::Timestamp;
use muster_reports::view::Severity;

/// Who said what a setting is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A flag of the command line.
    Flag(&'static str),
    /// An environment variable.
    Environment(&'static str),
    /// `muster.toml:LINE`.
    File(String),
    /// Nobody.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) => write!(f, "{name}"),
            Self::Environment(name) => write!(f, "environment {name}"),
            Self::File(at) => f.write_str(at),
            Self::Default => f.write_str("default"),
        }
    }
}

/// A setting and who set it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value<T> {
    /// The setting.
    pub value: T,
    /// Who set it.
    pub origin: Origin,
}

/// Which findings turn the exit code to 1: `high`, or `new:high` for new ones only, or `never`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailOn {
    /// No finding does.
    Never,
    /// Findings of at least this severity.
    AtLeast {
        /// The severity.
        severity: Severity,
        /// Whether findings that an earlier check had do not count.
        only_new: bool,
    },
}

impl fmt::Display for FailOn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Never => f.write_str("never"),
            Self::AtLeast { severity, only_new: false } => write!(f, "{severity}"),
            Self::AtLeast { severity, only_new: true } => write!(f, "new:{severity}"),
        }
    }
}

impl FromStr for FailOn {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "never" {
            return Ok(Self::Never);
        }
        let (only_new, word) = text.strip_prefix("new:").map_or((false, text), |word| (true, word));
        let severity =
            word.parse::<Severity>().map_err(|error| format!("{error}; or `new:` before one, or `never`"))?;
        Ok(Self::AtLeast { severity, only_new })
    }
}

/// A positive span of time: `90s`, `10m`, `1h 30m`.
///
/// # Errors
/// What was expected, when it is none.
pub fn duration(text: &str) -> Result<Duration, String> {
    let expected = || format!("`{text}` is no span of time; write it as `90s`, `10m` or `1h 30m`");
    let parsed: jiff::SignedDuration = text.parse().map_err(|_unparsable| expected())?;
    match Duration::try_from(parsed) {
        Ok(duration) if !duration.is_zero() => Ok(duration),
        Ok(_) | Err(_) => Err(expected()),
    }
}

/// A span of time as it is written in the config.
pub fn show_duration(duration: Duration) -> String {
    jiff::SignedDuration::try_from(duration)
        .map_or_else(|_out_of_range| format!("{}s", duration.as_secs()), |d| format!("{d:#}"))
}

/// An instant with its zone: `2026-11-01T08:00:00Z`, `2026-11-01T09:00:00+01:00`.
///
/// # Errors
/// What was expected, when it is none.
pub fn instant(text: &str) -> Result<Timestamp, String> {
    text.parse()
        .map_err(|_unparsable| format!("`{text}` is no instant; write it with its zone, as `2026-11-01T08:00:00Z`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_of_time_have_units_and_are_positive() {
        assert_eq!(duration("10m").unwrap(), Duration::from_mins(10));
        assert_eq!(duration("1h 30m").unwrap(), Duration::from_mins(90));
        assert_eq!(show_duration(Duration::from_mins(90)), "1h 30m");
        for wrong in ["10", "0s", "-5m", "soon", ""] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn fail_on_reads_what_it_writes() {
        for text in ["never", "high", "new:critical"] {
            assert_eq!(text.parse::<FailOn>().unwrap().to_string(), text);
        }
        assert!("new:grave".parse::<FailOn>().unwrap_err().contains("info, low"));
    }
}
