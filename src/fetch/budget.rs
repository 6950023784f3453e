//! [`ByteBudget`]: one bound on the bytes of all bodies between the first byte read and the
//! commit. [`Reservation`] is one body's share and gives it back when dropped.
//!
//! Every fetch reserves a little before its request starts. A body that outgrows its share first
//! takes more from what is free; when nothing is free it takes *the lane*. One body at a time
//! holds the lane, and grows from *the depot*, a part of the budget twice as large as the largest body: while a
//! body is decompressed it exists as it came and as it will be. What is finished moves into the depot too and waits
//! there for its commit.
//!
//! So half-read bodies never wait for each other in a circle: the one in the lane waits for its own server, which the
//! timeouts bound, and for commits, which wait for no body; it gets to its end, is committed, and gives everything
//! back. [`ByteBudget::crowded`] tells the writer that somebody waits for a commit: it is to make one of what it has,
//! however little.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{Mutex, OwnedMutexGuard, OwnedSemaphorePermit, Semaphore, watch};

/// Bytes of one permit. Semaphores count in u32.
const UNIT_BYTES: u64 = 1024;

const NEVER_CLOSED: &str = "the budget's semaphore is never closed";

/// The shared bound. Clones share it.
#[derive(Clone, Debug)]
pub struct ByteBudget {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// Bodies that may be on their way to be finished.
    starts: Arc<Semaphore>,
    free: Arc<Semaphore>,
    depot: Arc<Semaphore>,
    depot_units: u64,
    lane: Arc<Mutex<()>>,
    /// What may still be finished.
    finished: Arc<Semaphore>,
    /// How many wait for a commit.
    crowd: watch::Sender<u32>,
    used_bytes: AtomicU64,
    peak_bytes: AtomicU64,
    limit_bytes: u64,
}

impl ByteBudget {
    /// What a fetch reserves before it starts.
    pub const START_BYTES: u64 = 64 * 1024;

    /// What may be finished and wait for its commit beside what others need to get there: some 200 pages. Twice as much
    /// made a crawl no faster.
    pub const FINISHED_BYTES: u64 = 8 * 1024 * 1024;

    /// A budget of `limit_bytes` in all, of which twice `largest_body_bytes` are the depot, for at most `most_bodies`
    /// that are not finished. At least one fetch can always run: a limit too small for it is raised.
    pub fn new(limit_bytes: u64, largest_body_bytes: u64, most_bodies: usize) -> Self {
        let depot_units = units(largest_body_bytes.saturating_mul(2)).min(u64::from(u32::MAX));
        let depot = depot_units * UNIT_BYTES;
        let common = limit_bytes.saturating_sub(depot).max(Self::START_BYTES);
        let permits = |units: u64| usize::try_from(units).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS);
        ByteBudget {
            shared: Arc::new(Shared {
                starts: Arc::new(Semaphore::new(most_bodies.clamp(1, Semaphore::MAX_PERMITS))),
                free: Arc::new(Semaphore::new(permits(common / UNIT_BYTES))),
                depot: Arc::new(Semaphore::new(permits(depot_units))),
                depot_units,
                finished: Arc::new(Semaphore::new(permits(units(Self::FINISHED_BYTES)))),
                lane: Arc::new(Mutex::new(())),
                crowd: watch::Sender::new(0),
                used_bytes: AtomicU64::new(0),
                peak_bytes: AtomicU64::new(0),
                limit_bytes: common.saturating_add(depot),
            }),
        }
    }

    /// Waits until a fetch may start.
    pub async fn reserve(&self) -> Reservation {
        let start = Arc::clone(&self.shared.starts).acquire_owned().await.expect(NEVER_CLOSED);
        let permit = Arc::clone(&self.shared.free)
            .acquire_many_owned((Self::START_BYTES / UNIT_BYTES) as u32)
            .await
            .expect(NEVER_CLOSED);
        Reservation {
            budget: self.clone(),
            start: Some(start),
            own: Some(permit),
            depot: None,
            finished: None,
            lane: None,
            used: 0,
        }
    }

    /// Waits until finished bodies stand in the way of others: only commits make room.
    pub async fn crowded(&self) {
        let mut crowd = self.shared.crowd.subscribe();
        // The sender lives as long as `self`.
        let _ = crowd.wait_for(|crowd| *crowd > 0).await;
    }

    /// Whether they do.
    pub fn is_crowded(&self) -> bool {
        *self.shared.crowd.borrow() > 0
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

    fn crowding(&self) -> Crowding {
        self.shared.crowd.send_modify(|crowd| *crowd += 1);
        Crowding(self.clone())
    }
}

/// One body's share of the budget.
#[derive(Debug)]
pub struct Reservation {
    budget: ByteBudget,
    /// The right to be on its way.
    start: Option<OwnedSemaphorePermit>,
    /// What it has of the common part.
    own: Option<OwnedSemaphorePermit>,
    /// What it has of the depot.
    depot: Option<OwnedSemaphorePermit>,
    /// The right to wait for a commit.
    finished: Option<OwnedSemaphorePermit>,
    lane: Option<OwnedMutexGuard<()>>,
    used: u64,
}

/// Somebody who waits for a commit, as long as it lives.
#[derive(Debug)]
struct Crowding(ByteBudget);

impl Drop for Crowding {
    fn drop(&mut self) {
        self.0.shared.crowd.send_modify(|crowd| *crowd -= 1);
    }
}

impl Reservation {
    /// Makes sure that `bytes` in all are covered, waiting for the lane if nothing else is free.
    /// Call it before the bytes are allocated; the fetcher bounds `bytes` by the body limit.
    pub async fn cover(&mut self, bytes: u64) {
        let missing = units(bytes).saturating_sub(self.units());
        if missing > 0 && (self.lane.is_some() || !self.try_grow(missing)) {
            if self.lane.is_none() {
                self.lane = Some(Arc::clone(&self.budget.shared.lane).lock_owned().await);
            }
            self.grow_in_lane(missing).await;
        }
        self.count(bytes);
    }

    /// Says that only `bytes` are in use any longer, giving the surplus back.
    pub fn shrink(&mut self, bytes: u64) {
        self.keep(bytes.max(ByteBudget::START_BYTES));
        self.count(bytes);
        // Who waits for a parser is better not in the lane.
        if self.depot.is_none() {
            self.lane = None;
        }
    }

    /// Says that `bytes` are in use while it waits for its turn, which may take long: others may be on their way.
    pub async fn park(&mut self, bytes: u64) {
        self.shrink(bytes);
        self.cover(bytes).await;
        self.start = None;
    }

    /// Says that `bytes` are in use, no more to come, until the commit; waits while too many others are.
    /// They move into the depot where it has room.
    pub async fn finish(&mut self, bytes: u64) {
        self.keep(bytes);
        self.cover(bytes).await;
        let shared = Arc::clone(&self.budget.shared);
        let wanted = self.units().min(units(ByteBudget::FINISHED_BYTES));
        self.finished = Some(self.acquire(&shared.finished, wanted).await);
        let own = self.own.as_ref().map_or(0, |own| own.num_permits() as u64);
        if let Some(moved) = take(&shared.depot, own) {
            join(&mut self.depot, moved);
            self.own = None;
        }
        (self.lane, self.start) = (None, None);
    }

    /// Takes what only commits give back, and has the writer told while there is too little of it.
    async fn acquire(&self, from: &Arc<Semaphore>, units: u64) -> OwnedSemaphorePermit {
        if let Some(permit) = take(from, units) {
            return permit;
        }
        let _crowding = self.budget.crowding();
        Arc::clone(from).acquire_many_owned(u32::try_from(units).unwrap_or(u32::MAX)).await.expect(NEVER_CLOSED)
    }

    /// Bytes in use.
    pub fn used_bytes(&self) -> u64 {
        self.used
    }

    fn units(&self) -> u64 {
        [&self.own, &self.depot].into_iter().flatten().map(|permit| permit.num_permits() as u64).sum()
    }

    /// Gives back what `bytes` do not need, first to the depot.
    fn keep(&mut self, bytes: u64) {
        let mut surplus = usize::try_from(self.units().saturating_sub(units(bytes))).unwrap_or(usize::MAX);
        for part in [&mut self.depot, &mut self.own] {
            if let Some(permit) = part {
                let given = surplus.min(permit.num_permits());
                drop(permit.split(given));
                surplus -= given;
                if permit.num_permits() == 0 {
                    *part = None;
                }
            }
        }
    }

    fn try_grow(&mut self, units: u64) -> bool {
        let more = take(&self.budget.shared.free, units);
        more.map(|more| join(&mut self.own, more)).is_some()
    }

    /// What is more than the whole depot is not counted: no body is so large.
    async fn grow_in_lane(&mut self, units: u64) {
        let held = self.depot.as_ref().map_or(0, |permit| permit.num_permits() as u64);
        let units = units.min(self.budget.shared.depot_units.saturating_sub(held));
        let more = self.acquire(&self.budget.shared.depot, units).await;
        join(&mut self.depot, more);
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

fn units(bytes: u64) -> u64 {
    bytes.div_ceil(UNIT_BYTES)
}

fn take(from: &Arc<Semaphore>, units: u64) -> Option<OwnedSemaphorePermit> {
    Arc::clone(from).try_acquire_many_owned(u32::try_from(units).ok()?).ok()
}

fn join(part: &mut Option<OwnedSemaphorePermit>, more: OwnedSemaphorePermit) {
    match part {
        Some(permit) => permit.merge(more),
        None => *part = Some(more),
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.count(0);
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::Poll;

    use futures_util::poll;

    use super::*;

    trait Ready<T> {
        fn expect_ready(self) -> T;
    }

    impl<T> Ready<T> for Poll<T> {
        fn expect_ready(self) -> T {
            let Poll::Ready(value) = self else { panic!("it waits") };
            value
        }
    }

    #[tokio::test]
    async fn half_read_bodies_never_wait_in_a_circle() {
        let budget = ByteBudget::new(400 * 1024, 100 * 1024, 1000);
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
        let budget = ByteBudget::new(1200 * 1024, 100 * 1024, 1000);
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
        let budget = ByteBudget::new(0, 1024 * 1024, 1000);
        let mut body = budget.reserve().await;
        body.cover(1024 * 1024).await;
        assert!(body.lane.is_some());
        body.shrink(1024);
        assert!(body.lane.is_none(), "others may grow while this one waits for its parser");
        assert_eq!(budget.used_bytes(), 1024);
    }

    /// Finished visits stood in the small part until the next commit, which waited for more of them: of a few
    /// hundred pages one after the other came through the lane, one in each half second.
    #[tokio::test]
    async fn finished_pages_took_the_room_of_others() {
        let budget = ByteBudget::new(64 * 1024 + 2 * 50 * 1024 * 1024, 50 * 1024 * 1024, 1000);
        let mut finished = Vec::new();
        for _ in 0..200 {
            let mut body = poll!(pin!(budget.reserve())).expect_ready();
            body.finish(40 * 1024).await;
            finished.push(body);
            tokio::task::yield_now().await;
        }
        assert_eq!(budget.used_bytes(), 200 * 40 * 1024);
        assert!(poll!(pin!(budget.crowded())).is_pending());
        // The lane's body needs what they have: it waits for a commit, and says so.
        let mut large = budget.reserve().await;
        {
            let mut covered = pin!(large.cover(95 * 1024 * 1024));
            assert!(poll!(covered.as_mut()).is_pending());
            budget.crowded().await;
            finished.truncate(50);
            covered.await;
        }
        assert!(poll!(pin!(budget.crowded())).is_pending());
        assert!(budget.used_bytes() <= budget.limit_bytes());
    }

    /// Hundreds of pages had come and waited for a parser, where a few keep it busy.
    #[tokio::test]
    async fn more_came_than_could_be_parsed() {
        let budget = ByteBudget::new(200 * 1024 * 1024, 50 * 1024 * 1024, 2);
        let (mut first, second) = (budget.reserve().await, budget.reserve().await);
        assert!(poll!(pin!(budget.reserve())).is_pending());
        first.finish(1024).await;
        let mut third = budget.reserve().await;
        assert!(poll!(pin!(budget.reserve())).is_pending());
        third.park(1024).await;
        let fourth = budget.reserve().await;
        assert!(poll!(pin!(budget.reserve())).is_pending());
        drop((second, fourth));
        let _both = (budget.reserve().await, budget.reserve().await);
    }

    #[tokio::test]
    async fn what_is_finished_is_bounded() {
        let budget = ByteBudget::new(200 * 1024 * 1024, 50 * 1024 * 1024, 1000);
        let mut bodies = [budget.reserve().await, budget.reserve().await, budget.reserve().await];
        let [first, second, third] = &mut bodies;
        first.finish(3 * 1024 * 1024).await;
        second.finish(3 * 1024 * 1024).await;
        assert!(poll!(pin!(budget.crowded())).is_pending());
        {
            let mut finished = pin!(third.finish(3 * 1024 * 1024));
            assert!(poll!(finished.as_mut()).is_pending());
            budget.crowded().await;
            drop(std::mem::replace(first, budget.reserve().await));
            finished.await;
        }
        assert!(poll!(pin!(budget.crowded())).is_pending());
    }

    #[tokio::test]
    async fn more_than_the_depot_is_waited_for_by_nobody() {
        let budget = ByteBudget::new(0, 1024, 1000);
        let mut body = budget.reserve().await;
        body.finish(10 * 1024 * 1024).await;
        assert_eq!(budget.used_bytes(), 10 * 1024 * 1024);
    }

    #[tokio::test]
    async fn a_fetch_that_is_dropped_while_it_waits_gives_everything_back() {
        let budget = ByteBudget::new(0, 1024 * 1024, 1000);
        let mut first = budget.reserve().await;
        first.cover(512 * 1024).await;
        {
            let mut waiting = pin!(budget.reserve());
            assert!(poll!(waiting.as_mut()).is_pending());
        }
        drop(first);
        budget.reserve().await.cover(2 * 1024 * 1024).await;
        assert_eq!(budget.used_bytes(), 0);
        assert_eq!(budget.peak_bytes(), 2 * 1024 * 1024);
    }
}
