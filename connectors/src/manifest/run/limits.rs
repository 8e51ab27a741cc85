//! How fast a system may be asked: one limiter a connection, shared by parents and children, by every stream and partition.
//!
//! ```text
//!   request ──► a free slot ──► its buckets have room ──► nobody asked for quiet ──► send
//!                                     ▲                            ▲
//!      cost told by the reply ────────┘     remaining ≤ floor, 429 ┘
//! ```
//!
//! A bucket counts what was sent in the last second or minute, exactly: no burst goes beyond it in any window. A throttled
//! system keeps its own requests waiting and nobody else's.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::clock::Clock;
use super::transport::Reply;
use crate::http::retry_after;
use crate::manifest::model::{Bucket, Limits, ResetKind};

/// What a manifest says about limits, with its defaults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Declared {
    /// Requests under way at once.
    pub(crate) concurrency: usize,
    /// Rates, each for the requests that it counts.
    pub(crate) buckets: Vec<Window>,
    /// Header with what is left of the limit.
    pub(crate) remaining: Option<String>,
    /// Header with the moment at which it is full again.
    pub(crate) reset: Option<(String, ResetKind)>,
    /// What is left for people: at so many remaining requests we wait for the reset.
    pub(crate) floor: u64,
    /// Header with the seconds that a throttled request is to wait, beside `Retry-After`.
    pub(crate) retry_after: Option<String>,
    /// Header with the cost of the request in the units that buckets count.
    pub(crate) units: Option<String>,
    /// Longest that one request waits because the system asked for it.
    pub(crate) max_wait: Duration,
    /// How often a request is tried.
    pub(crate) attempts: u32,
}

impl Default for Declared {
    fn default() -> Self {
        Self {
            concurrency: 4,
            buckets: Vec::new(),
            remaining: None,
            reset: None,
            floor: 0,
            retry_after: None,
            units: None,
            max_wait: Duration::from_mins(5),
            attempts: 5,
        }
    }
}

impl From<&Limits> for Declared {
    fn from(limits: &Limits) -> Self {
        let default = Self::default();
        Self {
            concurrency: limits.concurrency.map_or(default.concurrency, |most| most as usize),
            buckets: limits.bucket.iter().filter_map(Window::of).collect(),
            remaining: limits.remaining.clone(),
            reset: limits.reset.as_ref().map(|reset| (reset.header.clone(), reset.kind.clone())),
            floor: limits.floor.unwrap_or(default.floor),
            retry_after: limits.retry_after.clone(),
            units: limits.units.clone(),
            max_wait: limits.max_wait_s.map_or(default.max_wait, Duration::from_secs),
            attempts: limits.attempts.unwrap_or(default.attempts).max(1),
        }
    }
}

/// A rate as a window: so many requests, or units, in any stretch of this length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Window {
    /// Part of the path of the requests it counts; `None` counts all.
    pub(crate) pattern: Option<String>,
    /// Requests, or units.
    pub(crate) most: u64,
    /// The stretch.
    pub(crate) length: Duration,
}

impl Window {
    /// `burst` requests in the time that the rate gives them.
    fn of(bucket: &Bucket) -> Option<Self> {
        let burst = bucket.burst.unwrap_or(1).max(1);
        let length = Duration::try_from_secs_f64(f64::from(burst) / bucket.per_second()?).ok()?;
        Some(Self { pattern: bucket.matches.clone(), most: burst.into(), length })
    }

    fn counts(&self, path: &str) -> bool {
        self.pattern.as_ref().is_none_or(|part| path.contains(part.as_str()))
    }

    /// What of `tolls` it counts, none more than all of it.
    fn costs<'t>(&'t self, tolls: &'t [Toll<'_>]) -> impl Iterator<Item = u64> + 't {
        tolls.iter().filter(|toll| self.counts(toll.path)).map(|toll| toll.cost.min(self.most))
    }
}

/// What a call counts: where it goes, which decides about its buckets, and what it costs there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Toll<'a> {
    pub(crate) path: &'a str,
    pub(crate) cost: u64,
}

/// How long to wait from the reply on, as `header` says. Instants are counted from the reply's own `Date` where it has one,
/// so that neither side's clock matters. `None` when the header is missing or written otherwise.
fn pause(header: &str, kind: &ResetKind, reply: &Reply, now: Timestamp) -> Option<Duration> {
    let text = reply.header(header)?.trim();
    let until = match kind {
        ResetKind::Seconds => return Duration::try_from_secs_f64(text.parse().ok()?).ok(),
        ResetKind::EpochSeconds => {
            let seconds: f64 = text.parse().ok()?;
            Timestamp::UNIX_EPOCH.checked_add(SignedDuration::try_from_secs_f64(seconds).ok()?).ok()?
        }
        ResetKind::EpochMillis => Timestamp::from_millisecond(text.parse().ok()?).ok()?,
        ResetKind::Rfc3339 => text.parse().ok()?,
        ResetKind::HttpDate => jiff::fmt::rfc2822::parse(text).ok()?.timestamp(),
        ResetKind::Form(format) => strftime(format, text)?,
    };
    let from = reply.date().unwrap_or(now);
    Some(Duration::try_from(until.duration_since(from)).unwrap_or(Duration::ZERO))
}

/// An instant written as `format`; without an offset in the text it is UTC.
fn strftime(format: &str, text: &str) -> Option<Timestamp> {
    let parsed = jiff::fmt::strtime::parse(format, text).ok()?;
    parsed.to_timestamp().ok().or_else(|| {
        let local = parsed.to_datetime().ok()?;
        Some(local.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp())
    })
}

/// A slot for one request; it is given back when dropped.
#[derive(Debug)]
pub(crate) struct Slot {
    _permit: OwnedSemaphorePermit,
}

/// The limiter of one connection.
#[derive(Debug)]
pub(crate) struct Limiter {
    declared: Declared,
    slots: Arc<Semaphore>,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    buckets: Vec<Level>,
    /// Nothing is sent before, whatever its path.
    quiet_until: Timestamp,
    /// The first reply after a reset was already at the floor: the floor is above the limit and not in force.
    floor_too_high: bool,
    /// A reset was waited for, and no reply came since.
    fresh: bool,
}

/// One bucket at work.
#[derive(Debug)]
struct Level {
    /// What was sent and when, within the window.
    sent: VecDeque<(Timestamp, u64)>,
    sum: u64,
    /// Nothing of this bucket is sent before.
    quiet_until: Timestamp,
}

impl Level {
    fn forget(&mut self, now: Timestamp, window: Duration) {
        while let Some((at, cost)) = self.sent.front().copied() {
            if Duration::try_from(now.duration_since(at)).is_ok_and(|age| age >= window) {
                self.sum -= cost;
                self.sent.pop_front();
            } else {
                break;
            }
        }
    }

    /// When `cost` more fits.
    fn room_at(&self, bucket: &Window, cost: u64, now: Timestamp) -> Timestamp {
        let mut over = (self.sum + cost.min(bucket.most)).saturating_sub(bucket.most);
        let mut at = self.quiet_until.max(now);
        for (sent, of_it) in &self.sent {
            if over == 0 {
                break;
            }
            at = at.max(sent.checked_add(bucket.length).unwrap_or(Timestamp::MAX));
            over = over.saturating_sub(*of_it);
        }
        at
    }
}

impl Limiter {
    /// A limiter at rest. `most` bounds the requests under way beside the manifest.
    pub(crate) fn new(declared: Declared, most: usize, clock: Arc<dyn Clock>) -> Self {
        let level = |_: &Window| Level { sent: VecDeque::new(), sum: 0, quiet_until: Timestamp::MIN };
        let state = State {
            buckets: declared.buckets.iter().map(level).collect(),
            quiet_until: Timestamp::MIN,
            floor_too_high: false,
            fresh: false,
        };
        let slots = Arc::new(Semaphore::new(declared.concurrency.min(most).max(1)));
        Self { declared, slots, clock, state: Mutex::new(state) }
    }

    /// What the manifest says.
    pub(crate) fn declared(&self) -> &Declared {
        &self.declared
    }

    /// Waits until a request that counts as `tolls` may be sent, and counts it: one toll, or those of all calls that it carries.
    ///
    /// # Errors
    /// The wait that the system asked for, when it is longer than a request waits.
    pub(crate) async fn admit(&self, tolls: &[Toll<'_>]) -> Result<Slot, Duration> {
        let permit = Arc::clone(&self.slots).acquire_owned().await.map_err(|_closed| Duration::MAX)?;
        loop {
            let pause = self.try_admit(tolls)?;
            if pause.is_zero() {
                return Ok(Slot { _permit: permit });
            }
            self.clock.wait(pause).await;
        }
    }

    /// Counts the request when it may be sent now, which is a wait of nothing.
    fn try_admit(&self, tolls: &[Toll<'_>]) -> Result<Duration, Duration> {
        let now = self.clock.now();
        let mut state = self.lock();
        let pause = self.wait_for(&mut state, tolls, now)?;
        if pause.is_zero() {
            for (bucket, level) in self.declared.buckets.iter().zip(&mut state.buckets) {
                for cost in bucket.costs(tolls) {
                    level.sent.push_back((now, cost));
                    level.sum += cost;
                }
            }
        }
        Ok(pause)
    }

    /// How long a request that counts as `tolls` would wait now; it is not counted.
    ///
    /// # Errors
    /// As of [`Limiter::admit`].
    pub(crate) fn room(&self, tolls: &[Toll<'_>]) -> Result<Duration, Duration> {
        self.wait_for(&mut self.lock(), tolls, self.clock.now())
    }

    fn wait_for(&self, state: &mut State, tolls: &[Toll<'_>], now: Timestamp) -> Result<Duration, Duration> {
        let mut at = now;
        let mut quiet = state.quiet_until;
        for (bucket, level) in self.declared.buckets.iter().zip(&mut state.buckets) {
            let (calls, cost) = bucket.costs(tolls).fold((0, 0), |(calls, sum), cost| (calls + 1, sum + cost));
            if calls > 0 {
                level.forget(now, bucket.length);
                at = at.max(level.room_at(bucket, cost, now));
                quiet = quiet.max(level.quiet_until);
            }
            if calls > 1 && cost > bucket.most {
                // What is more than a full bucket together is never sent together.
                at = at.max(now.checked_add(bucket.length).unwrap_or(Timestamp::MAX));
            }
        }
        let asked = Duration::try_from(quiet.duration_since(now)).unwrap_or(Duration::ZERO);
        if asked > self.declared.max_wait {
            return Err(asked);
        }
        Ok(Duration::try_from(at.max(quiet).duration_since(now)).unwrap_or(Duration::ZERO))
    }

    /// Learns from a reply to `path`: what it cost, and how much is left.
    pub(crate) fn learn(&self, path: &str, cost: u64, reply: &Reply) {
        let now = self.clock.now();
        let number = |header: &Option<String>| reply.header(header.as_deref()?)?.trim().parse::<f64>().ok();
        let mut state = self.lock();
        if let Some(units) = number(&self.declared.units) {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count, cut at both ends")]
            let more = (units.clamp(0.0, 1e9) as u64).saturating_sub(cost);
            for (bucket, level) in self.declared.buckets.iter().zip(&mut state.buckets) {
                if bucket.counts(path) && more > 0 {
                    level.sent.push_back((now, more));
                    level.sum += more;
                }
            }
        }
        let Some(remaining) = number(&self.declared.remaining) else { return };
        if remaining > self.declared.floor as f64 {
            state.fresh = false;
            return;
        }
        // A floor above the limit itself would make every request wait for a reset that does not help.
        state.floor_too_high |= std::mem::take(&mut state.fresh) && remaining > 0.0;
        if remaining > 0.0 && state.floor_too_high {
            return;
        }
        let Some(pause) = self.reset(reply, now) else { return };
        state.quiet_until = state.quiet_until.max(now.checked_add(pause).unwrap_or(Timestamp::MAX));
        state.fresh = true;
    }

    /// The pause that a throttling reply asks for, where it says so.
    pub(crate) fn asked(&self, reply: &Reply) -> Option<Duration> {
        let now = self.clock.now();
        let declared =
            self.declared.retry_after.as_ref().and_then(|header| pause(header, &ResetKind::Seconds, reply, now));
        let spent = || {
            let remaining = reply.header(self.declared.remaining.as_deref()?)?.trim().parse::<f64>().ok()?;
            (remaining <= self.declared.floor as f64).then_some(())?;
            self.reset(reply, now)
        };
        let only_reset = || self.declared.remaining.is_none().then(|| self.reset(reply, now)).flatten();
        declared.or_else(|| retry_after(&reply.headers)).or_else(spent).or_else(only_reset)
    }

    /// Keeps everything quiet that shares a limit with `path`: its buckets, or the whole connection when none counts it.
    pub(crate) fn quiet(&self, path: &str, pause: Duration) {
        let until = self.clock.now().checked_add(pause).unwrap_or(Timestamp::MAX);
        let mut state = self.lock();
        let mut bucketed = false;
        for (bucket, level) in self.declared.buckets.iter().zip(&mut state.buckets) {
            if bucket.pattern.is_some() && bucket.counts(path) {
                level.quiet_until = level.quiet_until.max(until);
                bucketed = true;
            }
        }
        if !bucketed {
            state.quiet_until = state.quiet_until.max(until);
        }
    }

    fn reset(&self, reply: &Reply, now: Timestamp) -> Option<Duration> {
        let (header, kind) = self.declared.reset.as_ref()?;
        pause(header, kind, reply, now)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderName, StatusCode};

    use super::super::clock::VirtualClock;
    use super::*;

    const DATE: (&str, &str) = ("date", "Fri, 06 Nov 2026 08:00:00 GMT");

    fn reply(headers: &[(&str, &str)]) -> Reply {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
        }
        Reply {
            request: "GET /x".into(),
            url: "https://h/x".parse().unwrap(),
            status: StatusCode::OK,
            headers: map,
            body: crate::manifest::value::Value::from(()),
            illegible: None,
            bytes: bytes::Bytes::new(),
            token: None,
        }
    }

    fn at_rest(declared: Declared) -> (Limiter, Arc<VirtualClock>) {
        let clock = Arc::new(VirtualClock::new("2026-11-06T08:00:00Z".parse().unwrap(), 1));
        (Limiter::new(declared, 100, clock.clone()), clock)
    }

    fn per_minute(pattern: Option<&str>, most: u64) -> Window {
        Window { pattern: pattern.map(Into::into), most, length: Duration::from_mins(1) }
    }

    #[tokio::test]
    async fn no_window_holds_more_than_the_bucket() {
        let second = Window { pattern: None, most: 3, length: Duration::from_secs(1) };
        let (limiter, clock) = at_rest(Declared { buckets: vec![second, per_minute(None, 10)], ..Declared::default() });
        let mut sent = Vec::new();
        for _ in 0..50 {
            let _slot = limiter.admit(&[Toll { path: "/x", cost: 1 }]).await.unwrap();
            sent.push(clock.now());
        }
        for (most, window) in [(3, 1), (10, 60)] {
            for (position, at) in sent.iter().enumerate().skip(most) {
                assert!(at.duration_since(sent[position - most]).as_secs() >= window);
            }
        }
        assert_eq!(clock.now().as_second() - sent[0].as_second(), 243); // no slower than it must be
    }

    #[tokio::test]
    async fn a_bucket_counts_its_own_requests_and_their_real_cost() {
        let buckets = vec![per_minute(Some("users.list"), 10)];
        let (limiter, clock) = at_rest(Declared { buckets, units: Some("x-units".into()), ..Declared::default() });
        let begun = clock.now();
        drop(limiter.admit(&[Toll { path: "/users.list", cost: 2 }]).await.unwrap());
        limiter.learn("/users.list", 2, &reply(&[("x-units", "9")]));
        drop(limiter.admit(&[Toll { path: "/other", cost: 5 }]).await.unwrap());
        drop(limiter.admit(&[Toll { path: "/users.list", cost: 1 }]).await.unwrap());
        assert_eq!(clock.now(), begun);
        drop(limiter.admit(&[Toll { path: "/users.list", cost: 1 }]).await.unwrap());
        assert_eq!(clock.now().duration_since(begun).as_secs(), 60);
        // What costs more than a whole bucket waits for an empty one, and is not waited for for ever.
        drop(limiter.admit(&[Toll { path: "/users.list", cost: 99 }]).await.unwrap());
        assert_eq!(clock.now().duration_since(begun).as_secs(), 120);
    }

    #[test]
    fn a_reset_is_read_in_every_form() {
        let forms = [
            (ResetKind::EpochSeconds, "1793952030"),
            (ResetKind::EpochMillis, "1793952030000"),
            (ResetKind::Seconds, "30"),
            (ResetKind::Rfc3339, "2026-11-06T09:00:30+01:00"),
            (ResetKind::HttpDate, "Fri, 06 Nov 2026 08:00:30 GMT"),
            (ResetKind::Form("%Y-%m-%d %H:%M:%S %z".into()), "2026-11-06 00:00:30 -0800"),
            (ResetKind::Form("%d/%m/%Y %H:%M:%S".into()), "06/11/2026 08:00:30"),
        ];
        let far = "1999-01-01T00:00:00Z".parse().unwrap(); // our clock does not matter where the server tells its own
        for (form, text) in forms {
            let read = |headers: &[(&str, &str)]| pause("x-reset", &form, &reply(headers), far);
            assert_eq!(read(&[DATE, ("x-reset", text)]), Some(Duration::from_secs(30)), "{form:?}");
            assert_eq!(read(&[DATE, ("x-reset", "soon")]), None);
            assert_eq!(read(&[DATE]), None);
        }
    }

    #[tokio::test]
    async fn the_floor_is_left_for_people() {
        let reset = Some(("x-reset".to_owned(), ResetKind::Seconds));
        let declared = Declared { remaining: Some("x-left".into()), reset, floor: 100, ..Declared::default() };
        let (limiter, clock) = at_rest(declared);
        limiter.learn("/x", 1, &reply(&[("x-left", "101"), ("x-reset", "40")]));
        drop(limiter.admit(&[Toll { path: "/x", cost: 1 }]).await.unwrap());
        assert!(clock.waits().is_empty());
        limiter.learn("/x", 1, &reply(&[("x-left", "100"), ("x-reset", "40")]));
        drop(limiter.admit(&[Toll { path: "/x", cost: 1 }]).await.unwrap());
        assert_eq!(clock.waits(), [Duration::from_secs(40)]);
        // The limit itself is below the floor: no reset helps, until nothing at all is left.
        limiter.learn("/x", 1, &reply(&[("x-left", "59"), ("x-reset", "40")]));
        drop(limiter.admit(&[Toll { path: "/x", cost: 1 }]).await.unwrap());
        assert_eq!(clock.waits().len(), 1);
        limiter.learn("/x", 1, &reply(&[("x-left", "0"), ("x-reset", "41")]));
        drop(limiter.admit(&[Toll { path: "/x", cost: 1 }]).await.unwrap());
        assert_eq!(clock.waits()[1], Duration::from_secs(41));
    }

    #[tokio::test]
    async fn a_throttled_call_keeps_its_own_bucket_quiet() {
        let (limiter, clock) =
            at_rest(Declared { buckets: vec![per_minute(Some("users"), 100)], ..Declared::default() });
        limiter.quiet("/users.list", Duration::from_secs(50));
        drop(limiter.admit(&[Toll { path: "/groups", cost: 1 }]).await.unwrap());
        assert!(clock.waits().is_empty());
        drop(limiter.admit(&[Toll { path: "/users.list", cost: 1 }]).await.unwrap());
        assert_eq!(clock.waits(), [Duration::from_secs(50)]);
        limiter.quiet("/groups", Duration::from_secs(400));
        assert_eq!(
            limiter.admit(&[Toll { path: "/users.list", cost: 1 }]).await.unwrap_err(),
            Duration::from_secs(400)
        );
    }

    #[tokio::test]
    async fn a_pause_is_asked_for_in_the_vendors_own_header_first() {
        let own = Some("x-wait".to_owned());
        let reset = Some(("x-reset".to_owned(), ResetKind::Seconds));
        let (limiter, _) =
            at_rest(Declared { retry_after: own, remaining: Some("x-left".into()), reset, ..Declared::default() });
        let asked = |headers: &[(&str, &str)]| limiter.asked(&reply(headers)).map(|pause| pause.as_secs());
        assert_eq!(asked(&[("x-wait", "1"), ("retry-after", "2")]), Some(1));
        assert_eq!(asked(&[("retry-after", "2"), ("x-left", "0"), ("x-reset", "3")]), Some(2));
        assert_eq!(asked(&[("x-left", "0"), ("x-reset", "3")]), Some(3));
        assert_eq!(asked(&[("x-left", "7"), ("x-reset", "3")]), None); // a secondary limit: the reset is another's
        assert_eq!(asked(&[]), None);
    }

    #[tokio::test]
    async fn slots_are_few_and_given_back() {
        let (limiter, _) = at_rest(Declared { concurrency: 2, ..Declared::default() });
        let (first, _second) = (
            limiter.admit(&[Toll { path: "/a", cost: 1 }]).await.unwrap(),
            limiter.admit(&[Toll { path: "/a", cost: 1 }]).await.unwrap(),
        );
        assert!(
            tokio::time::timeout(Duration::from_millis(20), limiter.admit(&[Toll { path: "/a", cost: 1 }]))
                .await
                .is_err()
        );
        drop(first);
        assert!(limiter.admit(&[Toll { path: "/a", cost: 1 }]).await.is_ok());
    }
}
