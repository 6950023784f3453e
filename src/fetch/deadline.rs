//! [`Deadline`]: the time one request may take. The server's time counts; waiting for memory of
//! our own does not.

use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::failure::Failure;
use crate::model::{CrawlSettings, FailureKind};

/// Longest limit, a day: a moment further away than the clock can name would be a panic.
const LONGEST_MS: u64 = 24 * 60 * 60 * 1000;

/// How long to wait for what.
#[derive(Clone, Copy, Debug)]
pub(super) struct TimeLimits {
    /// Name, connection and TLS handshake together.
    pub(super) connect: Duration,
    /// Longest silence of a connection that stands.
    pub(super) read: Duration,
    /// Everything.
    pub(super) total: Duration,
}

impl TimeLimits {
    pub(super) fn of(settings: &CrawlSettings) -> Self {
        let limit = |ms: u64| Duration::from_millis(ms.min(LONGEST_MS));
        TimeLimits {
            connect: limit(settings.connect_timeout_ms),
            read: limit(settings.read_timeout_ms),
            total: limit(settings.timeout_ms),
        }
    }
}

/// One request's clock. A server that sends a byte now and then escapes the read limit, never
/// the total one.
#[derive(Debug)]
pub(super) struct Deadline {
    limits: TimeLimits,
    at: Instant,
}

impl Deadline {
    pub(super) fn start(limits: TimeLimits) -> Self {
        Deadline { limits, at: Instant::now() + limits.total }
    }

    /// Waits for the response head: connecting and then the first silence.
    pub(super) async fn head<T>(&self, head: impl Future<Output = T>) -> Result<T, Failure> {
        self.within(self.limits.connect.saturating_add(self.limits.read), "no response head", head).await
    }

    /// Waits for the next piece of the body.
    pub(super) async fn piece<T>(&self, piece: impl Future<Output = T>) -> Result<T, Failure> {
        self.within(self.limits.read, "no more of the body", piece).await
    }

    /// Waits for something that is not the server's fault: the clock stands meanwhile.
    pub(super) async fn paused<T>(&mut self, wait: impl Future<Output = T>) -> T {
        let started = Instant::now();
        let outcome = wait.await;
        self.at += started.elapsed();
        outcome
    }

    /// How long the server has taken so far: what was [`paused`](Self::paused) does not count.
    pub(super) fn spent(&self) -> Duration {
        (Instant::now() + self.limits.total).saturating_duration_since(self.at)
    }

    async fn within<T>(&self, silence: Duration, what: &str, wait: impl Future<Output = T>) -> Result<T, Failure> {
        let silent_at = Instant::now() + silence;
        let total =
            || Failure::new(FailureKind::Timeout, format_args!("not done within {} ms", self.limits.total.as_millis()));
        // `timeout_at` asks its future first: one that is always ready would never time out.
        if self.at <= Instant::now() {
            return Err(total());
        }
        timeout_at(silent_at.min(self.at), wait).await.map_err(|_| {
            if self.at <= silent_at {
                return total();
            }
            Failure::new(FailureKind::Timeout, format_args!("{what} within {} ms", silence.as_millis()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::sleep;

    const LIMITS: TimeLimits = TimeLimits {
        connect: Duration::from_millis(100),
        read: Duration::from_millis(1_000),
        total: Duration::from_millis(3_000),
    };

    fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    #[tokio::test(start_paused = true)]
    async fn endless_limits_are_a_day() {
        let endless = u64::MAX;
        let limits = TimeLimits::of(&CrawlSettings {
            timeout_ms: endless,
            connect_timeout_ms: endless,
            read_timeout_ms: endless,
            ..CrawlSettings::default()
        });
        let deadline = Deadline::start(limits);
        assert_eq!(deadline.head(sleep(ms(3_600_000))).await, Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn silence_and_total_are_told_apart() {
        let deadline = Deadline::start(LIMITS);
        let silent = deadline.piece(sleep(ms(2_000))).await.unwrap_err();
        assert_eq!(silent, Failure::new(FailureKind::Timeout, "no more of the body within 1000 ms"));
        for _ in 0..2 {
            deadline.piece(sleep(ms(900))).await.unwrap();
        }
        let late = deadline.piece(sleep(ms(900))).await.unwrap_err();
        assert_eq!(late, Failure::new(FailureKind::Timeout, "not done within 3000 ms"));
        assert_eq!(deadline.piece(async {}).await.unwrap_err().kind, FailureKind::Timeout, "ready, but too late");
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_may_take_connecting_and_silence() {
        let deadline = Deadline::start(LIMITS);
        deadline.head(sleep(ms(1_050))).await.unwrap();
        let silent = deadline.head(sleep(ms(1_200))).await.unwrap_err();
        assert_eq!(silent.detail, "no response head within 1100 ms");
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_for_memory_does_not_count() {
        let mut deadline = Deadline::start(LIMITS);
        deadline.paused(sleep(ms(60_000))).await;
        deadline.piece(sleep(ms(900))).await.unwrap();
        assert_eq!(deadline.spent(), ms(900));
    }
}
