//! [`Gate`]: when the next request to one host may start. [`RateGate`]: the same for the whole
//! session (`--rate`).
//!
//! A gate waits for the later of two moments: the delay, counted from the last request, and a
//! *floor*, set by pauses and by what an earlier session promised. It knows who asked for either,
//! which is what the ledger says.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use governor::clock::Clock as GovernorClock;
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};

use crate::model::{DelayBy, HostLease, HostUpdate, Ledger, Pace, Pause, UnixMs};
use crate::verdict::HostEffect;

type Limiter = RateLimiter<NotKeyed, InMemoryState, HandClock, NoOpMiddleware<Duration>>;

/// The longest wait that is taken over from the store: a clock that jumped must not stop a host
/// for years.
const MAX_WAIT_MS: u64 = 24 * 60 * 60 * 1000;

/// By how much two ends of one wait may differ, of which one was told by the wall clock.
const TWO_CLOCKS_MS: u64 = 2;

/// Politeness of one host. All times of the methods are ms of `Clock::elapsed_ms` but where
/// `now` says Unix ms.
#[derive(Debug)]
pub(super) struct Gate {
    /// One request at a time: the delay runs from the end of a response, so that what the server
    /// sees is never closer than the delay. Else from the start of a request.
    one_at_a_time: bool,
    delay_ms: u64,
    delay_by: DelayBy,
    /// What the delay counts from; below zero: before this program began.
    counts_from: Option<i64>,
    floor: u64,
    /// Who asked for the floor, when it was not the delay.
    pause: Option<Pause>,
    pace: Pace,
    failures: u32,
    /// States told so far.
    told: u64,
}

/// A request that was let through.
#[derive(Clone, Copy, Debug)]
pub(super) struct Departure {
    pub(super) ledger: Ledger,
    at: i64,
    /// What the delay counted from before it.
    before: Option<i64>,
}

impl Gate {
    /// The gate of a host as the store knows it.
    pub(super) fn new(lease: &HostLease, one_at_a_time: bool, now: UnixMs, elapsed_ms: u64) -> Self {
        let wait = u64::try_from(lease.polite_ms.saturating_sub(now)).unwrap_or(0);
        Gate {
            one_at_a_time,
            delay_ms: 0,
            delay_by: DelayBy::Setting,
            // A request in the future was made before the clock was set back.
            counts_from: lease.asked_ms.filter(|at| *at <= now).map(|at| signed(elapsed_ms).saturating_sub(now - at)),
            floor: elapsed_ms.saturating_add(wait.min(MAX_WAIT_MS)),
            pause: lease.pause.filter(|_| wait <= MAX_WAIT_MS),
            pace: lease.pace,
            failures: lease.failures,
            told: 0,
        }
    }

    /// Sets the delay in force; it counts from the last request.
    pub(super) fn set_delay(&mut self, (delay_ms, by): (u64, DelayBy)) {
        (self.delay_ms, self.delay_by) = (delay_ms, by);
    }

    fn delay_over_at(&self) -> u64 {
        let over = |from: i64| from.saturating_add(signed(self.delay_ms));
        self.counts_from.map_or(0, |from| u64::try_from(over(from)).unwrap_or(0))
    }

    /// How long to wait before a request may start; 0: now.
    pub(super) fn wait_ms(&self, elapsed_ms: u64) -> u64 {
        self.floor.max(self.delay_over_at()).saturating_sub(elapsed_ms)
    }

    /// Starts a request if it may start now.
    ///
    /// # Errors
    /// The ms that are missing.
    pub(super) fn take(&mut self, elapsed_ms: u64) -> Result<Departure, u64> {
        let missing = self.wait_ms(elapsed_ms);
        if missing > 0 {
            return Err(missing);
        }
        let at = signed(elapsed_ms);
        let binding = self.pause.filter(|_| self.floor > self.delay_over_at());
        let (asked_ms, asked_by) = binding.map_or((self.delay_ms, self.delay_by), |pause| (pause.ms, pause.by));
        let applied_ms = self.counts_from.and_then(|from| u64::try_from(at - from).ok());
        let before = self.counts_from.replace(at);
        self.pause = None;
        let ledger = Ledger { asked_ms: Some(asked_ms), asked_by: Some(asked_by), applied_ms };
        Ok(Departure { ledger, at, before })
    }

    /// Takes in how a request went.
    pub(super) fn observe(&mut self, effect: HostEffect, pace: Pace, elapsed_ms: u64) {
        self.failures = effect.failures;
        self.pace = pace;
        self.rest(elapsed_ms);
        if let Some((ms, by)) = effect.pause_ms {
            self.pause(ms.min(MAX_WAIT_MS), by, elapsed_ms);
        }
    }

    /// A request ended now, however it did.
    pub(super) fn rest(&mut self, elapsed_ms: u64) {
        if self.one_at_a_time {
            self.counts_from = Some(signed(elapsed_ms));
        }
    }

    /// The address guard kept a request from being made: it does not count.
    pub(super) fn take_back(&mut self, departure: &Departure) {
        if self.counts_from == Some(departure.at) {
            self.counts_from = departure.before;
        }
    }

    /// Waits for something that is not of the host's own: no one's delay.
    pub(super) fn hold(&mut self, ms: u64, elapsed_ms: u64) {
        let until = elapsed_ms.saturating_add(ms);
        if until > self.floor {
            self.floor = until;
            self.pause = None;
        }
    }

    /// Leaves the host alone for `ms` from now. Of two pauses that end together the first one is named.
    pub(super) fn pause(&mut self, ms: u64, by: DelayBy, elapsed_ms: u64) {
        let until = elapsed_ms.saturating_add(ms);
        if ms == 0 || until <= self.floor {
            return;
        }
        let together = self.pause.is_some() && until - self.floor <= TWO_CLOCKS_MS;
        self.floor = until;
        if !together {
            self.pause = Some(Pause { ms, by });
        }
    }

    /// Consecutive host-level failures.
    pub(super) fn failures(&self) -> u32 {
        self.failures
    }

    /// The delay in force.
    pub(super) fn delay_ms(&self) -> u64 {
        self.delay_ms
    }

    /// How strong the host seems.
    pub(super) fn pace(&self) -> Pace {
        self.pace
    }

    /// The host's state as it is to be stored.
    pub(super) fn update(&mut self, now: UnixMs, elapsed_ms: u64) -> HostUpdate {
        self.told += 1;
        HostUpdate {
            order: self.told,
            polite_ms: now.saturating_add_unsigned(self.wait_ms(elapsed_ms)),
            delay_ms: self.delay_ms,
            failures: self.failures,
            asked_ms: self.counts_from.map(|from| now.saturating_sub(signed(elapsed_ms).saturating_sub(from))),
            pace: self.pace,
            pause: self.pause.filter(|_| self.floor > self.delay_over_at()),
        }
    }
}

fn signed(ms: u64) -> i64 {
    i64::try_from(ms).unwrap_or(i64::MAX)
}

/// A clock for governor that shows what it was last set to.
#[derive(Clone, Debug, Default)]
struct HandClock(Arc<AtomicU64>);

impl GovernorClock for HandClock {
    type Instant = Duration;

    fn now(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::Relaxed))
    }
}

/// The session's own rate.
#[derive(Debug)]
pub(super) struct RateGate {
    clock: HandClock,
    limiter: Option<Limiter>,
    not_before: u64,
}

impl RateGate {
    /// At most `per_second` requests a second; `None` or a value that is no rate: no limit.
    /// `quiet_ms`: how long ago the session before certainly made no request any more, `None` when
    /// there was none; the rate holds from one session to the next.
    pub(super) fn new(per_second: Option<f64>, quiet_ms: Option<u64>, elapsed_ms: u64) -> Self {
        let clock = HandClock::default();
        let period = per_second.filter(|r| *r > 0.0).and_then(|r| Duration::try_from_secs_f64(1.0 / r).ok());
        let quota = period.and_then(Quota::with_period).map(|quota| quota.allow_burst(NonZeroU32::MIN));
        let limiter = quota.map(|quota| RateLimiter::direct_with_clock(quota, clock.clone()));
        let wait = period.zip(quiet_ms).map_or(0, |(period, quiet)| {
            u64::try_from(period.as_micros().div_ceil(1000)).unwrap_or(u64::MAX).saturating_sub(quiet)
        });
        RateGate { clock, limiter, not_before: elapsed_ms.saturating_add(wait) }
    }

    /// Takes a request's turn.
    ///
    /// # Errors
    /// The ms that are missing.
    pub(super) fn take(&self, elapsed_ms: u64) -> Result<(), u64> {
        let Some(limiter) = &self.limiter else { return Ok(()) };
        if self.not_before > elapsed_ms {
            return Err(self.not_before - elapsed_ms);
        }
        self.clock.0.fetch_max(elapsed_ms, Ordering::Relaxed);
        limiter.check().map_err(|not_until| {
            let wait = not_until.wait_time_from(self.clock.now());
            u64::try_from(wait.as_micros().div_ceil(1000)).unwrap_or(u64::MAX).max(1)
        })
    }
}

#[cfg(test)]
mod tests;
