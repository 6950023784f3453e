//! [`ByteBudget`]: one bound on the bytes of all bodies between the first byte read and the
//! commit. [`Reservation`] is one body's share and gives it back when dropped.
//!
//! Every fetch reserves a little before its request starts. A body that outgrows its share first
//! takes more from what is free; when nothing is free it takes *the lane*. One body at a time
//! holds the lane, and its growth is paid from a part of the budget that only the lane may use,
//! twice as large as the largest body: while a body is decompressed it exists as it came and as it
//! will be. So half-read bodies never wait for each other in a circle: the one in the lane waits
//! for nothing but its own server, which the timeouts bound, gets to its end, is committed, and
//! gives everything back.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{Mutex, OwnedMutexGuard, OwnedSemaphorePermit, Semaphore};

/// Bytes of one permit. Semaphores count in u32.
const UNIT_BYTES: u64 = 1024;

/// The shared bound. Clones share it.
#[derive(Clone, Debug)]
pub struct ByteBudget {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    free: Arc<Semaphore>,
    lane: Arc<Mutex<()>>,
    start_units: u32,
    used_bytes: AtomicU64,
    peak_bytes: AtomicU64,
    limit_bytes: u64,
}

impl ByteBudget {
    /// What a fetch reserves before it starts.
    pub const START_BYTES: u64 = 64 * 1024;

    /// A budget of `limit_bytes` in all, of which twice `largest_body_bytes` are the lane's own.
    /// At least one fetch can always run: a limit too small for it is raised.
    pub fn new(limit_bytes: u64, largest_body_bytes: u64) -> Self {
        let lane = largest_body_bytes.saturating_mul(2);
        let common = limit_bytes.saturating_sub(lane).max(Self::START_BYTES);
        let units = usize::try_from(common / UNIT_BYTES).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS);
        ByteBudget {
            shared: Arc::new(Shared {
                free: Arc::new(Semaphore::new(units)),
                lane: Arc::new(Mutex::new(())),
                start_units: (Self::START_BYTES / UNIT_BYTES) as u32,
                used_bytes: AtomicU64::new(0),
                peak_bytes: AtomicU64::new(0),
                limit_bytes: common.saturating_add(lane),
            }),
        }
    }

    /// Waits until a fetch may start.
    pub async fn reserve(&self) -> Reservation {
        let permit = Arc::clone(&self.shared.free)
            .acquire_many_owned(self.shared.start_units)
            .await
            .expect("the budget's semaphore is never closed");
        Reservation { budget: self.clone(), permit, covered: Self::START_BYTES, lane: None, used: 0 }
    }

    /// Bytes in use now.
    pub fn used_bytes(&self) -> u64 {
        self.shared.used_bytes.load(Ordering::Relaxed)
    }

    /// The most bytes ever in use at once.
    pub fn peak_bytes(&self) -> u64 {
        self.shared.peak_bytes.load(Ordering::Relaxed)
    }

    /// The bound, in bytes.
    pub fn limit_bytes(&self) -> u64 {
        self.shared.limit_bytes
    }
}

/// One body's share of the budget.
#[derive(Debug)]
pub struct Reservation {
    budget: ByteBudget,
    permit: OwnedSemaphorePermit,
    /// What `permit` pays for, in bytes. In the lane, `used` may be more.
    covered: u64,
    lane: Option<OwnedMutexGuard<()>>,
    used: u64,
}

impl Reservation {
    /// Makes sure that `bytes` in all are covered, waiting for the lane if nothing else is free.
    /// Call it before the bytes are allocated; the fetcher bounds `bytes` by the body limit.
    pub async fn cover(&mut self, bytes: u64) {
        if bytes > self.covered && self.lane.is_none() && !self.try_grow(bytes - self.covered) {
            self.lane = Some(Arc::clone(&self.budget.shared.lane).lock_owned().await);
        }
        self.count(bytes);
    }

    /// Says that only `bytes` are in use any longer, giving the surplus back.
    pub fn shrink(&mut self, bytes: u64) {
        self.count(bytes);
        let keep = bytes.max(ByteBudget::START_BYTES);
        let surplus_units = (self.covered.saturating_sub(keep) / UNIT_BYTES) as usize;
        if let Some(surplus) = self.permit.split(surplus_units) {
            drop(surplus);
            self.covered -= surplus_units as u64 * UNIT_BYTES;
        }
        // A finished body may wait a while for its commit: better not in the lane.
        if self.lane.is_some() && (bytes <= self.covered || self.try_grow(bytes - self.covered)) {
            self.lane = None;
        }
    }

    fn try_grow(&mut self, bytes: u64) -> bool {
        let Ok(units) = u32::try_from(bytes.div_ceil(UNIT_BYTES)) else { return false };
        let Ok(more) = Arc::clone(&self.budget.shared.free).try_acquire_many_owned(units) else { return false };
        self.permit.merge(more);
        self.covered += u64::from(units) * UNIT_BYTES;
        true
    }

    fn count(&mut self, bytes: u64) {
        let shared = &self.budget.shared;
        if bytes >= self.used {
            let now = shared.used_bytes.fetch_add(bytes - self.used, Ordering::Relaxed) + (bytes - self.used);
            shared.peak_bytes.fetch_max(now, Ordering::Relaxed);
        } else {
            shared.used_bytes.fetch_sub(self.used - bytes, Ordering::Relaxed);
        }
        self.used = bytes;
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.count(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn half_read_bodies_never_wait_in_a_circle() {
        let budget = ByteBudget::new(400 * 1024, 100 * 1024);
        let mut bodies = Vec::new();
        for _ in 0..3 {
            bodies.push(budget.reserve().await);
        }
        let tasks = bodies.into_iter().map(|mut body| {
            tokio::spawn(async move {
                for step in 1..=100 {
                    body.cover(step * 1024).await;
                    tokio::task::yield_now().await;
                }
            })
        });
        for task in tasks.collect::<Vec<_>>() {
            task.await.unwrap();
        }
        assert_eq!(budget.used_bytes(), 0);
        assert!(budget.peak_bytes() <= budget.limit_bytes(), "{} > {}", budget.peak_bytes(), budget.limit_bytes());
    }

    #[tokio::test]
    async fn a_share_goes_back_when_dropped_or_shrunk() {
        let budget = ByteBudget::new(1200 * 1024, 100 * 1024);
        let mut body = budget.reserve().await;
        body.cover(500 * 1024).await;
        assert_eq!(budget.used_bytes(), 500 * 1024);
        body.shrink(1024);
        assert_eq!(budget.used_bytes(), 1024);
        let mut other = budget.reserve().await;
        other.cover(700 * 1024).await;
        assert!(other.lane.is_none(), "the surplus was free again");
        drop((body, other));
        assert_eq!(budget.used_bytes(), 0);
    }

    #[tokio::test]
    async fn a_body_that_shrank_leaves_the_lane() {
        let budget = ByteBudget::new(0, 1024 * 1024);
        let mut body = budget.reserve().await;
        body.cover(1024 * 1024).await;
        assert!(body.lane.is_some());
        body.shrink(1024);
        assert!(body.lane.is_none(), "others may grow while this one waits for its commit");
        assert_eq!(budget.used_bytes(), 1024);
    }

    #[tokio::test]
    async fn a_fetch_that_is_dropped_while_it_waits_gives_everything_back() {
        let budget = ByteBudget::new(0, 1024 * 1024);
        let mut first = budget.reserve().await;
        first.cover(512 * 1024).await;
        {
            let mut waiting = std::pin::pin!(budget.reserve());
            assert!(futures_util::poll!(waiting.as_mut()).is_pending());
        }
        drop(first);
        budget.reserve().await.cover(2 * 1024 * 1024).await;
        assert_eq!(budget.used_bytes(), 0);
        assert_eq!(budget.peak_bytes(), 2 * 1024 * 1024);
    }
}
