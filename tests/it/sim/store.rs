//! [`SimStore`]: the real store, during whose work virtual time stands still.

use std::sync::Arc;

use sqrawl::model::{
    Admission, Applied, CrawlSettings, EndedBy, HostId, Origin, RobotsRecord, Seed, Totals, UnixMs, UrlId,
};
use sqrawl::store::sqlite::SqliteStore;
use sqrawl::store::{
    Admitted, Change, Judged, LeaseAsk, LeaseGrant, SessionOpen, SessionStart, Settled, Settlement, Store, StoreError,
    StoredCrawl, Waiting, WorkSlots,
};

pub struct SimStore {
    inner: SqliteStore,
    /// Settling a page of this title is a defect of the program.
    breaks_at: Option<&'static str>,
}

impl SimStore {
    pub fn new(inner: SqliteStore) -> Self {
        Self::breaking_at(None, inner)
    }

    pub fn breaking_at(breaks_at: Option<&'static str>, inner: SqliteStore) -> Self {
        SimStore { inner, breaks_at }
    }
}

/// SQLite works on a thread of its own, so the runtime looks idle meanwhile and would move its
/// paused clock on. A blocking task, which tokio waits for, keeps it from that.
pub async fn in_no_time<T>(work: impl Future<Output = T>) -> T {
    let (done, wait) = std::sync::mpsc::channel::<()>();
    let standstill = tokio::task::spawn_blocking(move || {
        let _ = wait.recv();
    });
    let result = work.await;
    drop(done);
    let _ = standstill.await;
    result
}

impl Store for SimStore {
    fn work_slots(&self) -> Arc<dyn WorkSlots> {
        self.inner.work_slots()
    }

    async fn stored_crawl(&self) -> Result<Option<StoredCrawl>, StoreError> {
        in_no_time(self.inner.stored_crawl()).await
    }

    async fn begin_session(&self, open: SessionOpen<'_>, now: UnixMs) -> Result<SessionStart, StoreError> {
        in_no_time(self.inner.begin_session(open, now)).await
    }

    async fn admit(&self, start: &SessionStart, seeds: &[Seed], now: UnixMs) -> Result<Admitted, StoreError> {
        in_no_time(self.inner.admit(start, seeds, now)).await
    }

    async fn open_names(&self, after: UrlId, most: u32) -> Result<Vec<Judged>, StoreError> {
        in_no_time(self.inner.open_names(after, most)).await
    }

    async fn rejudge(&self, verdicts: &[(UrlId, Admission)], now: UnixMs) -> Result<u64, StoreError> {
        in_no_time(self.inner.rejudge(verdicts, now)).await
    }

    async fn robots_known(&self, after: i64, most: u32) -> Result<Vec<(i64, RobotsRecord)>, StoreError> {
        in_no_time(self.inner.robots_known(after, most)).await
    }

    async fn robots_of(&self, origins: &[(HostId, Origin)]) -> Result<Vec<Option<RobotsRecord>>, StoreError> {
        in_no_time(self.inner.robots_of(origins)).await
    }

    async fn record_settings(
        &self,
        start: &SessionStart,
        settings: &CrawlSettings,
        now: UnixMs,
    ) -> Result<(), StoreError> {
        in_no_time(self.inner.record_settings(start, settings, now)).await
    }

    async fn lease(&self, ask: LeaseAsk, now: UnixMs) -> Result<LeaseGrant, StoreError> {
        in_no_time(self.inner.lease(ask, now)).await
    }

    async fn left_at_page_limits(&self) -> Result<u64, StoreError> {
        in_no_time(self.inner.left_at_page_limits()).await
    }

    async fn settle(&self, start: &SessionStart, batch: &Settlement, now: UnixMs) -> Result<Settled, StoreError> {
        let titles = batch.visits.iter().filter_map(|visit| visit.content.as_ref()?.title.as_deref());
        assert!(!titles.into_iter().any(|title| Some(title) == self.breaks_at), "a defect");
        in_no_time(self.inner.settle(start, batch, now)).await
    }

    async fn inbox(&self, most: u32) -> Result<Vec<Waiting>, StoreError> {
        in_no_time(self.inner.inbox(most)).await
    }

    async fn apply(&self, id: i64, change: Change<'_>, now: UnixMs) -> Result<Option<Applied>, StoreError> {
        in_no_time(self.inner.apply(id, change, now)).await
    }

    async fn end_session(&self, start: &SessionStart, ended_by: EndedBy, now: UnixMs) -> Result<Totals, StoreError> {
        in_no_time(self.inner.end_session(start, ended_by, now)).await
    }
}
