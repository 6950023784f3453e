//! [`Clock`]: the engine's only source of time and of chance.

use std::future::Future;

use crate::model::UnixMs;

/// Wall time for what is stored, waiting, and jitter.
pub trait Clock: Send + Sync + 'static {
    /// Now, in Unix ms. May jump; the engine never measures with it.
    fn now_ms(&self) -> UnixMs;

    /// Time since some fixed moment, in ms; never goes back.
    fn elapsed_ms(&self) -> u64;

    /// Work that the calling thread has done, in ms; never goes back. A busy machine makes nobody
    /// work more.
    fn worked_ms(&self) -> u64 {
        self.elapsed_ms()
    }

    /// Waits at least `ms`.
    fn sleep_ms(&self, ms: u64) -> impl Future<Output = ()> + Send;

    /// A number in [0, 1), for jitter.
    fn jitter(&self) -> f64;
}

/// The machine's clock.
#[derive(Debug)]
pub struct SystemClock {
    start: std::time::Instant,
    draws: std::sync::atomic::AtomicU64,
}

impl Default for SystemClock {
    fn default() -> Self {
        SystemClock { start: now_instant(), draws: std::sync::atomic::AtomicU64::new(0) }
    }
}

#[allow(clippy::disallowed_methods, reason = "this is the clock the rest of the engine is given")]
fn now_instant() -> std::time::Instant {
    std::time::Instant::now()
}

#[allow(clippy::disallowed_methods, reason = "this is the clock the rest of the engine is given")]
fn now_system() -> std::time::SystemTime {
    std::time::SystemTime::now()
}

impl Clock for SystemClock {
    fn now_ms(&self) -> UnixMs {
        let since = now_system().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        UnixMs::try_from(since.as_millis()).unwrap_or(UnixMs::MAX)
    }

    fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    #[cfg(unix)]
    fn worked_ms(&self) -> u64 {
        let worked = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        u64::try_from(worked.tv_sec * 1000 + worked.tv_nsec / 1_000_000).unwrap_or_default()
    }

    async fn sleep_ms(&self, ms: u64) {
        tokio::time::sleep(std::time::Duration::from_millis(ms)).await;
    }

    fn jitter(&self) -> f64 {
        use std::hash::{BuildHasher, Hasher};
        // RandomState is seeded by the system for each process; a counter tells the draws apart.
        static SEED: std::sync::LazyLock<std::hash::RandomState> =
            std::sync::LazyLock::new(std::hash::RandomState::new);
        let mut hasher = SEED.build_hasher();
        hasher.write_u64(self.draws.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
        (hasher.finish() >> 11) as f64 / (1u64 << 53) as f64
    }
}
