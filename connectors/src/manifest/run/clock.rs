//! Time and chance of a run, so that tests and recorded fixtures have neither.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::http::{Pace as _, RealPace};

/// Tells the time, waits and rolls the dice.
///
/// The time is this machine's own, not the run's `now`: assertions are signed and limits counted by it.
#[async_trait]
pub trait Clock: Send + Sync + fmt::Debug {
    /// This moment.
    fn now(&self) -> Timestamp;
    /// Waits.
    async fn wait(&self, pause: Duration);
    /// A number in `0.0..1.0`, evenly spread.
    fn jitter(&self) -> f64;
}

/// The machine's own clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "a token or signature that is not of this very moment is refused")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    async fn wait(&self, pause: Duration) {
        tokio::time::sleep(pause).await;
    }

    fn jitter(&self) -> f64 {
        RealPace.jitter()
    }
}

/// A clock that only moves when somebody waits, and a seeded die: the same run twice is the same run.
#[derive(Debug)]
pub struct VirtualClock {
    state: Mutex<VirtualState>,
}

#[derive(Debug)]
struct VirtualState {
    now: Timestamp,
    die: u64,
    waits: Vec<Duration>,
}

impl VirtualClock {
    /// A clock that stands at `now`.
    pub fn new(now: Timestamp, seed: u64) -> Self {
        Self { state: Mutex::new(VirtualState { now, die: seed, waits: Vec::new() }) }
    }

    /// Every pause so far.
    pub fn waits(&self) -> Vec<Duration> {
        self.lock().waits.clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, VirtualState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        self.lock().now
    }

    async fn wait(&self, pause: Duration) {
        let until = {
            let mut state = self.lock();
            state.waits.push(pause);
            state.now.checked_add(pause).unwrap_or(Timestamp::MAX)
        };
        tokio::task::yield_now().await;
        // Those who began to wait at the same moment wake at the same moment.
        let mut state = self.lock();
        state.now = state.now.max(until);
    }

    /// SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014).
    fn jitter(&self) -> f64 {
        let mut state = self.lock();
        state.die = state.die.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = state.die;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn waiting_moves_the_virtual_clock_and_the_die_repeats_itself() {
        let clock = VirtualClock::new(Timestamp::UNIX_EPOCH, 7);
        futures::join!(clock.wait(Duration::from_secs(3)), clock.wait(Duration::from_secs(2)));
        assert_eq!(clock.now().as_second(), 3);
        assert_eq!(clock.waits(), [Duration::from_secs(3), Duration::from_secs(2)]);
        let (a, b) = (VirtualClock::new(Timestamp::UNIX_EPOCH, 7), VirtualClock::new(Timestamp::UNIX_EPOCH, 7));
        for _ in 0..100 {
            let rolled = a.jitter();
            assert!((0.0..1.0).contains(&rolled) && (rolled - b.jitter()).abs() < f64::EPSILON);
        }
    }
}
