//! [`FaultyStore`]: the real store, any verb of which may fail, take its time, or be the last thing
//! that the process does.

use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;

use sqrawl::model::{
    Admission, Applied, CrawlSettings, EndedBy, HostId, Origin, RobotsRecord, Seed, Totals, UnixMs, UrlId,
};
use sqrawl::store::{
    Admitted, Change, Judged, LeaseAsk, LeaseGrant, Room, RoomWanted, SessionOpen, SessionStart, Settled, Settlement,
    Store, StoreError, StoredCrawl, Waiting, WorkSlots,
};

use super::super::store::SimStore;
use super::lives::{CallFault, Caller, Fate};
use super::time::{Lane, Timeline};

pub struct FaultyStore {
    inner: SimStore,
    fate: Arc<Fate>,
    time: Arc<Timeline>,
    /// The write-ahead log, which grows with every commit.
    log: PathBuf,
}

impl FaultyStore {
    pub fn new(inner: SimStore, fate: Arc<Fate>, time: Arc<Timeline>, log: PathBuf) -> Self {
        FaultyStore { inner, fate, time, log }
    }

    fn log_bytes(&self) -> u64 {
        std::fs::metadata(&self.log).map_or(0, |log| log.len())
    }

    async fn call<T>(
        &self,
        verb: &'static str,
        work: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let (caller, lane) = match verb {
            "settle" | "inbox" | "apply" => (Caller::Writer, Lane::Settle),
            "room" => (Caller::Asker, Lane::Settle),
            _ => (Caller::Session, Lane::OtherCall),
        };
        let (fault, takes_ms) = self.fate.next_call(caller, verb);
        self.time.sleep(takes_ms, lane).await;
        if let Some(error) = self.fate.closed() {
            return Err(error);
        }
        let log_bytes = self.log_bytes();
        match fault {
            None => work.await,
            Some(CallFault::Fails(trouble)) => Err(self.fate.fail(trouble)),
            Some(CallFault::FailsWhenDone(trouble)) => {
                work.await?;
                Err(self.fate.fail(trouble))
            }
            Some(CallFault::FailsAtCommit(trouble)) => {
                cut_off(work, || self.log_bytes() > log_bytes).await;
                Err(self.fate.fail(trouble))
            }
            Some(CallFault::DiesBefore) => self.fate.die().await,
            Some(CallFault::DiesAtCommit) => {
                cut_off(work, || self.log_bytes() > log_bytes).await;
                self.fate.die().await
            }
            Some(CallFault::DiesInside(mut steps)) => {
                let mut no_more = || {
                    steps -= 1;
                    steps == 0
                };
                cut_off(work, &mut no_more).await;
                self.fate.die().await
            }
            Some(CallFault::DiesWhenDone) => {
                work.await?;
                self.fate.die().await
            }
        }
    }
}

/// Drops a transaction where it stands as soon as it is `over`, which is asked before each of its steps.
/// (It may be done by then.)
async fn cut_off<T>(work: impl Future<Output = T>, mut over: impl FnMut() -> bool) {
    let mut work = pin!(work);
    std::future::poll_fn(|context| if over() { Poll::Ready(()) } else { work.as_mut().poll(context).map(drop) }).await;
}

impl Store for FaultyStore {
    fn work_slots(&self) -> Arc<dyn WorkSlots> {
        self.inner.work_slots()
    }

    async fn stored_crawl(&self) -> Result<Option<StoredCrawl>, StoreError> {
        self.call("stored_crawl", self.inner.stored_crawl()).await
    }

    async fn begin_session(&self, open: SessionOpen<'_>, now: UnixMs) -> Result<SessionStart, StoreError> {
        self.call("begin_session", self.inner.begin_session(open, now)).await
    }

    async fn admit(&self, start: &SessionStart, seeds: &[Seed], now: UnixMs) -> Result<Admitted, StoreError> {
        self.call("admit", self.inner.admit(start, seeds, now)).await
    }

    async fn open_names(&self, after: UrlId, most: u32) -> Result<Vec<Judged>, StoreError> {
        // A few at a time, so that there is something between two of them.
        self.call("open_names", self.inner.open_names(after, most.min(7))).await
    }

    async fn rejudge(&self, verdicts: &[(UrlId, Admission)], now: UnixMs) -> Result<u64, StoreError> {
        self.call("rejudge", self.inner.rejudge(verdicts, now)).await
    }

    async fn robots_known(&self, after: i64, most: u32) -> Result<Vec<(i64, RobotsRecord)>, StoreError> {
        self.call("robots_known", self.inner.robots_known(after, most.min(1))).await
    }

    async fn robots_of(&self, origins: &[(HostId, Origin)]) -> Result<Vec<Option<RobotsRecord>>, StoreError> {
        self.call("robots_of", self.inner.robots_of(origins)).await
    }

    async fn record_settings(
        &self,
        start: &SessionStart,
        settings: &CrawlSettings,
        now: UnixMs,
    ) -> Result<(), StoreError> {
        self.call("record_settings", self.inner.record_settings(start, settings, now)).await
    }

    async fn lease(&self, ask: LeaseAsk, now: UnixMs) -> Result<LeaseGrant, StoreError> {
        self.call("lease", self.inner.lease(ask, now)).await
    }

    async fn left_at_page_limits(&self) -> Result<u64, StoreError> {
        self.call("left_at_page_limits", self.inner.left_at_page_limits()).await
    }

    async fn settle(&self, start: &SessionStart, batch: &Settlement, now: UnixMs) -> Result<Settled, StoreError> {
        let work = async {
            let visits = batch.visits.len() as u64;
            self.fate.cut_off.store(visits, Ordering::Relaxed);
            let settled = self.inner.settle(start, batch, now).await?;
            self.fate.cut_off.store(0, Ordering::Relaxed);
            self.fate.committed.fetch_add(settled.applied, Ordering::Relaxed);
            Ok(settled)
        };
        self.call("settle", work).await
    }

    async fn inbox(&self, most: u32) -> Result<Vec<Waiting>, StoreError> {
        self.call("inbox", self.inner.inbox(most)).await
    }

    async fn apply(&self, id: i64, change: Change<'_>, now: UnixMs) -> Result<Option<Applied>, StoreError> {
        self.call("apply", self.inner.apply(id, change, now)).await
    }

    async fn room(&self, _: RoomWanted) -> Result<Room, StoreError> {
        let room = match self.fate.is_crowded() {
            true => Room::Crowded { log_bytes: 1 << 40, readers: vec!["somebody".to_owned()] },
            false => Room::Free,
        };
        self.call("room", async { Ok(room) }).await
    }

    async fn end_session(&self, start: &SessionStart, ended_by: EndedBy, now: UnixMs) -> Result<Totals, StoreError> {
        if ended_by == EndedBy::Error {
            self.fate.reopen();
        }
        self.call("end_session", self.inner.end_session(start, ended_by, now)).await
    }
}
