//! [`Gate`]: when the next request to one host may start. [`RateGate`]: the same for the whole
//! session (`--rate`).
//!
//! Both wait on governor limiters read against the engine's own clock. A host's gate adds what a
//! limiter cannot hold: pauses asked for by the host, and what an earlier session promised.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use governor::clock::Clock as GovernorClock;
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};

use crate::model::{DelayBy, HostUpdate, Ledger, UnixMs};
use crate::verdict::HostEffect;

type Limiter = RateLimiter<NotKeyed, InMemoryState, HandClock, NoOpMiddleware<Duration>>;

/// The longest wait that is taken over from the store: a clock that jumped must not stop a host
/// for years.
const MAX_WAIT_MS: u64 = 24 * 60 * 60 * 1000;

/// A clock for governor that shows what it was last set to.
#[derive(Clone, Debug, Default)]
struct HandClock(Arc<AtomicU64>);

impl HandClock {
    fn set(&self, elapsed_ms: u64) {
        self.0.fetch_max(elapsed_ms, Ordering::Relaxed);
    }
}

impl GovernorClock for HandClock {
    type Instant = Duration;

    fn now(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::Relaxed))
    }
}

fn limiter(period: Duration, clock: &HandClock) -> Option<Limiter> {
    let quota = Quota::with_period(period)?.allow_burst(NonZeroU32::MIN);
    Some(RateLimiter::direct_with_clock(quota, clock.clone()))
}

/// Takes a cell, or says how many ms are missing.
fn check(limiter: &Limiter, clock: &HandClock, elapsed_ms: u64) -> Result<(), u64> {
    clock.set(elapsed_ms);
    limiter.check().map_err(|not_until| {
        let wait = not_until.wait_time_from(clock.now());
        u64::try_from(wait.as_micros().div_ceil(1000)).unwrap_or(u64::MAX).max(1)
    })
}

/// Politeness of one host. All times of the methods are ms of `Clock::elapsed_ms` but where
/// `now` says Unix ms.
#[derive(Debug)]
pub(super) struct Gate {
    clock: HandClock,
    limiter: Option<Limiter>,
    delay_ms: u64,
    delay_by: DelayBy,
    /// One request at a time: the delay runs from the end of a response, so that what the server
    /// sees is never closer than the delay.
    one_at_a_time: bool,
    not_before: u64,
    /// Who asked for `not_before`, when it was not the delay.
    paused_by: Option<(u64, DelayBy)>,
    last_start: Option<u64>,
    /// What the delay counts from: the start of the last request, or its end with one at a time.
    counts_from: Option<u64>,
    failures: u32,
}

impl Gate {
    /// A gate for a host that may be asked from `polite_ms` (Unix ms) on.
    pub(super) fn new(polite_ms: UnixMs, failures: u32, one_at_a_time: bool, now: UnixMs, elapsed_ms: u64) -> Self {
        let wait = u64::try_from(polite_ms.saturating_sub(now)).unwrap_or(0).min(MAX_WAIT_MS);
        Gate {
            clock: HandClock::default(),
            limiter: None,
            delay_ms: 0,
            delay_by: DelayBy::Setting,
            one_at_a_time,
            not_before: elapsed_ms.saturating_add(wait),
            paused_by: None,
            last_start: None,
            counts_from: None,
            failures,
        }
    }

    /// Sets the delay in force. A new limiter knows nothing of the request before, so the gate
    /// itself keeps the distance to it.
    pub(super) fn set_delay(&mut self, (delay_ms, by): (u64, DelayBy)) {
        self.delay_by = by;
        if delay_ms == self.delay_ms {
            return;
        }
        self.delay_ms = delay_ms;
        self.limiter = limiter(Duration::from_millis(delay_ms), &self.clock);
        if let Some(last) = self.counts_from {
            self.not_before = self.not_before.max(last.saturating_add(delay_ms));
        }
    }

    /// How long to wait before a request may start; 0: now.
    pub(super) fn wait_ms(&self, elapsed_ms: u64) -> u64 {
        self.not_before.saturating_sub(elapsed_ms)
    }

    /// Starts a request if it may start now.
    ///
    /// # Errors
    /// The ms that are missing.
    pub(super) fn take(&mut self, elapsed_ms: u64) -> Result<Ledger, u64> {
        let missing = self.wait_ms(elapsed_ms);
        if missing > 0 {
            return Err(missing);
        }
        if let Some(limiter) = &self.limiter {
            check(limiter, &self.clock, elapsed_ms)?;
        }
        let (asked_ms, asked_by) = self.paused_by.take().unwrap_or((self.delay_ms, self.delay_by));
        let applied_ms = self.last_start.map(|last| elapsed_ms - last);
        self.last_start = Some(elapsed_ms);
        self.counts_from = Some(elapsed_ms);
        self.not_before = elapsed_ms.saturating_add(self.delay_ms);
        Ok(Ledger { asked_ms: Some(asked_ms), asked_by: Some(asked_by), applied_ms })
    }

    /// Takes in how a request went. `connected` is false when the guard kept it from being made.
    pub(super) fn observe(&mut self, effect: HostEffect, connected: bool, elapsed_ms: u64) {
        self.failures = effect.failures;
        if !connected {
            self.not_before = elapsed_ms;
            self.limiter = limiter(Duration::from_millis(self.delay_ms), &self.clock);
            return;
        }
        if self.one_at_a_time {
            self.counts_from = Some(elapsed_ms);
            self.not_before = self.not_before.max(elapsed_ms.saturating_add(self.delay_ms));
        }
        if let Some((pause_ms, by)) = effect.pause_ms {
            self.pause(pause_ms.min(MAX_WAIT_MS), by, elapsed_ms);
        }
    }

    /// Waits for a turn that somebody else has just had.
    pub(super) fn hold(&mut self, missing_ms: u64, elapsed_ms: u64) {
        self.not_before = self.not_before.max(elapsed_ms.saturating_add(missing_ms));
    }

    /// Leaves the host alone for `pause_ms` from now.
    pub(super) fn pause(&mut self, pause_ms: u64, by: DelayBy, elapsed_ms: u64) {
        let until = elapsed_ms.saturating_add(pause_ms);
        if until > self.not_before {
            self.not_before = until;
            self.paused_by = Some((pause_ms, by));
        }
    }

    /// The delay in force, in ms.
    pub(super) fn delay_ms(&self) -> u64 {
        self.delay_ms
    }

    /// Consecutive host-level failures.
    pub(super) fn failures(&self) -> u32 {
        self.failures
    }

    /// The host's state as it is to be stored.
    pub(super) fn update(&self, now: UnixMs, elapsed_ms: u64) -> HostUpdate {
        HostUpdate {
            polite_ms: now.saturating_add_unsigned(self.wait_ms(elapsed_ms)),
            delay_ms: self.delay_ms,
            failures: self.failures,
        }
    }
}

/// The session's own rate.
#[derive(Debug)]
pub(super) struct RateGate {
    clock: HandClock,
    limiter: Option<Limiter>,
}

impl RateGate {
    /// At most `per_second` requests a second; `None` or a value that is no rate: no limit.
    pub(super) fn new(per_second: Option<f64>) -> Self {
        let clock = HandClock::default();
        let period = per_second.filter(|r| *r > 0.0).and_then(|r| Duration::try_from_secs_f64(1.0 / r).ok());
        RateGate { limiter: period.and_then(|period| limiter(period, &clock)), clock }
    }

    /// Takes a request's turn.
    ///
    /// # Errors
    /// The ms that are missing.
    pub(super) fn take(&self, elapsed_ms: u64) -> Result<(), u64> {
        self.limiter.as_ref().map_or(Ok(()), |limiter| check(limiter, &self.clock, elapsed_ms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FINE: HostEffect = HostEffect { failures: 0, pause_ms: None };

    fn gate(one_at_a_time: bool, delay_ms: u64) -> Gate {
        let mut gate = Gate::new(0, 0, one_at_a_time, 1_000, 0);
        gate.set_delay((delay_ms, DelayBy::Setting));
        gate
    }

    #[test]
    fn starts_are_a_delay_apart() {
        let mut gate = gate(false, 1000);
        assert_eq!(gate.take(0).map(|l| l.applied_ms), Ok(None));
        assert_eq!(gate.take(1), Err(999));
        assert_eq!(gate.take(1000).map(|l| l.applied_ms), Ok(Some(1000)));
        assert_eq!(gate.take(1999), Err(1));
        assert_eq!(gate.take(5000).map(|l| l.applied_ms), Ok(Some(4000)));
        assert_eq!(gate.take(5500), Err(500), "nothing is saved up");
    }

    #[test]
    fn one_at_a_time_counts_from_the_end() {
        let mut gate = gate(true, 1000);
        assert!(gate.take(0).is_ok());
        gate.observe(FINE, true, 700);
        assert_eq!(gate.take(1000), Err(700));
        assert!(gate.take(1700).is_ok());
    }

    #[test]
    fn a_longer_delay_counts_from_the_request_before() {
        let mut gate = gate(false, 0);
        assert!(gate.take(100).is_ok());
        gate.set_delay((2000, DelayBy::Robots));
        assert_eq!(gate.take(200), Err(1900));
        let ledger = gate.take(2100).unwrap();
        assert_eq!(
            (ledger.asked_ms, ledger.asked_by, ledger.applied_ms),
            (Some(2000), Some(DelayBy::Robots), Some(2000))
        );
    }

    #[test]
    fn a_longer_delay_counts_from_the_end_with_one_at_a_time() {
        let mut gate = gate(true, 20);
        assert!(gate.take(0).is_ok());
        gate.observe(FINE, true, 30);
        gate.set_delay((100, DelayBy::Robots));
        assert_eq!(gate.take(129), Err(1), "robots.txt came at 30 and asks for 100 ms");
        assert!(gate.take(130).is_ok());
    }

    #[test]
    fn pauses_are_kept_and_named() {
        let mut gate = gate(false, 10);
        assert!(gate.take(0).is_ok());
        gate.observe(HostEffect { failures: 1, pause_ms: Some((5000, DelayBy::RetryAfter)) }, true, 50);
        assert_eq!(gate.wait_ms(50), 5000);
        assert_eq!(gate.update(1_000_000, 50).polite_ms, 1_005_000);
        let ledger = gate.take(5050).unwrap();
        assert_eq!((ledger.asked_ms, ledger.asked_by), (Some(5000), Some(DelayBy::RetryAfter)));
    }

    #[test]
    fn an_earlier_promise_is_kept_but_not_for_years() {
        let gate = Gate::new(61_000, 0, true, 1_000, 500);
        assert_eq!(gate.wait_ms(500), 60_000);
        let gate = Gate::new(i64::MAX, 0, true, 1_000, 0);
        assert_eq!(gate.wait_ms(0), MAX_WAIT_MS);
    }

    #[test]
    fn a_request_that_was_never_made_costs_no_delay() {
        let mut gate = gate(true, 1000);
        assert!(gate.take(0).is_ok());
        gate.observe(FINE, false, 1);
        assert!(gate.take(1).is_ok());
    }

    #[test]
    fn no_delay_means_no_limiter() {
        let mut gate = gate(false, 0);
        for _ in 0..100 {
            assert!(gate.take(7).is_ok());
        }
        let rate = RateGate::new(None);
        assert!((0..100).all(|_| rate.take(7).is_ok()));
    }

    #[test]
    fn the_rate_holds_for_all() {
        let rate = RateGate::new(Some(2.0));
        assert_eq!(rate.take(0), Ok(()));
        assert_eq!(rate.take(0), Err(500));
        assert_eq!(rate.take(499), Err(1));
        assert_eq!(rate.take(500), Ok(()));
    }
}
