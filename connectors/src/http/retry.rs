//! When to ask again: exponential backoff with full jitter, and the server's own word in `Retry-After`.

use std::fmt;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::time::Duration;

use async_trait::async_trait;
use http::HeaderMap;
use http::header::{DATE, RETRY_AFTER};
use jiff::fmt::rfc2822;

use super::Limits;

/// Waits and rolls the dice, so that tests can do neither.
#[async_trait]
pub trait Pace: Send + Sync + fmt::Debug {
    /// Waits.
    async fn wait(&self, pause: Duration);
    /// A number in `0.0..1.0`, evenly spread.
    fn jitter(&self) -> f64;
}

/// Waits for as long as it says.
#[derive(Debug, Clone, Copy, Default)]
pub struct RealPace;

#[async_trait]
impl Pace for RealPace {
    async fn wait(&self, pause: Duration) {
        tokio::time::sleep(pause).await;
    }

    fn jitter(&self) -> f64 {
        // Every `RandomState` has keys of its own: enough to keep clients apart, and no generator to seed.
        let bits = RandomState::new().build_hasher().finish() >> 11;
        bits as f64 / (1_u64 << 53) as f64
    }
}

/// What to do after a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Retry {
    /// Another attempt would fail alike.
    Never,
    /// After a pause of our own choice.
    Soon,
    /// After the pause that the server asked for.
    After(Duration),
}

/// The pause after the `attempt`-th attempt (from 1): anything from nothing to the exponential bound.
///
/// Source: AWS Architecture Blog, "Exponential Backoff And Jitter" (2015), "full jitter".
pub(super) fn backoff(limits: &Limits, attempt: u32, jitter: f64) -> Duration {
    let doubled = limits.backoff.saturating_mul(1_u32.checked_shl(attempt.saturating_sub(1)).unwrap_or(u32::MAX));
    doubled.min(limits.backoff_max).mul_f64(jitter.clamp(0.0, 1.0))
}

/// `Retry-After` (RFC 9110, section 10.2.3) in seconds or as a date.
///
/// A date is counted from the reply's own `Date`, so that neither side's clock matters; without one it is not used, and
/// neither are the two obsolete date formats, which no server of the last decades sends.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let asked = text(RETRY_AFTER)?;
    if let Ok(seconds) = asked.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let until = rfc2822::parse(asked).ok()?.timestamp();
    let from = rfc2822::parse(text(DATE)?).ok()?.timestamp();
    Some(Duration::try_from(until.duration_since(from)).unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(retry: &str, date: Option<&str>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, retry.parse().unwrap());
        if let Some(date) = date {
            headers.insert(DATE, date.parse().unwrap());
        }
        headers
    }

    #[test]
    fn retry_after_is_seconds_or_a_date_relative_to_the_servers_clock() {
        let date = Some("Fri, 06 Nov 2026 08:49:37 GMT");
        assert_eq!(retry_after(&headers("7", None)), Some(Duration::from_secs(7)));
        assert_eq!(retry_after(&headers("Fri, 06 Nov 2026 08:50:07 GMT", date)), Some(Duration::from_secs(30)));
        assert_eq!(retry_after(&headers("Fri, 06 Nov 2026 08:40:00 GMT", date)), Some(Duration::ZERO));
        assert_eq!(retry_after(&headers("Fri, 06 Nov 2026 08:50:07 GMT", None)), None);
        assert_eq!(retry_after(&headers("soon", date)), None);
        assert_eq!(retry_after(&headers("99999999999999999999999", date)), None);
    }

    #[test]
    fn backoff_doubles_up_to_its_cap_and_never_overflows() {
        let limits = Limits::default();
        assert_eq!(backoff(&limits, 1, 1.0), Duration::from_secs(1));
        assert_eq!(backoff(&limits, 3, 0.5), Duration::from_secs(2));
        assert_eq!(backoff(&limits, 40, 1.0), limits.backoff_max);
        assert_eq!(backoff(&limits, u32::MAX, 0.0), Duration::ZERO);
    }

    #[test]
    fn jitter_stays_in_its_range() {
        assert!((0..1000).map(|_| RealPace.jitter()).all(|jitter| (0.0..1.0).contains(&jitter)));
    }
}
