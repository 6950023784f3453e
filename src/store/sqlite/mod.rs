//! The crawl in one SQLite file.
//!
//! - [`SqliteStore`] implements [`Store`]; one connection writes, under one lock.
//! - `disk` asks the system about room, limits and locks; `fault` names what went wrong with it.
//! - `open` decides whether a file may be used before anything touches it; `lock` keeps a second
//!   crawl away; `header` reads what a file says of itself, `wal` what its log says.
//! - `migrate` brings a file of an earlier version to this schema.
//! - `clock` notices that the time was put back.
//! - `copy` writes a consistent copy into another file.
//! - `mover` moves the write-ahead log into the file beside the writer.
//! - `writer` is the connection with its transactions; `names` gives URLs their ids; `settle`,
//!   `lease`, `session` are the verbs, SQL beside its method.
//! - `inbox` applies what an operator asks for beside the crawl; [`Inbox`] is where they put it.
//! - `work` is what the process works on, in a place that outlives it; `suspects` are the URLs that
//!   may have killed it.
//! - `beside` is a connection that writes what follows from a crawl beside it; [`SearchIndex`] fills the full-text
//!   index with it, [`RankStore`] keeps ranks.
//! - [`read`] is the read side, used beside a running crawl.
//!
//! No verb sends a statement for each row. What is looked up or changed goes in as one JSON text read by
//! `json_each`, and those statements are as many for one visit as for 400; rows that are added go in by
//! `insert`, so many with each statement.

mod beside;
mod clock;
mod copy;
mod disk;
mod encode;
mod fault;
mod header;
mod inbox;
mod insert;
mod lease;
mod lock;
mod migrate;
mod mover;
mod names;
mod open;
mod post;
mod ranks;
pub mod read;
mod recrawl;
mod rejudge;
mod repair;
mod robots;
mod rows;
mod search_index;
mod seeds;
mod session;
mod settle;
mod space;
mod suspects;
mod wal;
mod work;
mod writer;

pub use header::{APPLICATION_ID, SCHEMA_VERSION};
pub use migrate::Schema;
pub use open::OpenMode;
pub use post::Inbox;
pub use ranks::{RankRun, RankStore};
pub use repair::Repaired;
pub use search_index::{IndexProgress, SearchIndex};

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::model::{
    Admission, Applied, CrawlSettings, EndedBy, HostId, Origin, RobotsRecord, Seed, Totals, UnixMs, UrlId,
};

use super::{
    Admitted, Change, Judged, LeaseAsk, LeaseGrant, Room, RoomWanted, SessionOpen, SessionStart, Settled, Settlement,
    Store, StoreError, StoredCrawl, Waiting, WorkSlots,
};
use writer::Writer;

/// A crawl database, held for writing by this process.
#[derive(Debug)]
pub struct SqliteStore {
    path: PathBuf,
    writer: Writer,
    lock: lock::CrawlLock,
}

impl SqliteStore {
    /// The database file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How often each SQL statement of the verbs was sent, BEGIN and COMMIT left out. For tests
    /// that count them or read their plans.
    pub async fn statements(&self) -> BTreeMap<&'static str, u64> {
        self.writer.sent().await
    }

    /// From now on every commit survives a power loss.
    pub async fn make_durable(&self) {
        self.writer.make_durable().await;
    }

    /// Makes right again what follows from other rows: counters, ready times, indexes, views. What was
    /// changed, in words.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read or written; nothing is changed then.
    pub async fn repair(&self, now: UnixMs) -> Result<Vec<Repaired>, StoreError> {
        let expected = read::expected_schema(&self.path).await?;
        let mut tx = self.writer.begin_change("repairing", now).await?;
        let repaired = repair::repair(&mut tx, &expected, now).await;
        tx.end(repaired).await
    }

    /// Has the next session that crawls judge again what is known: other URLs belong to the crawl than before.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub async fn judge_later(&self, start: &SessionStart, now: UnixMs) -> Result<(), StoreError> {
        let mut tx = self.writer.begin_change("noting what is to be judged again", now).await?;
        let noted = session::judge_later(&mut tx, start).await;
        tx.end(noted).await
    }

    /// Closes the database: the WAL is merged into the file and removed, the lock is given back.
    ///
    /// # Errors
    /// [`StoreError`] when SQLite could not finish; everything committed is kept in the WAL.
    pub async fn close(self) -> Result<(), StoreError> {
        self.writer.close().await
    }
}

impl Store for SqliteStore {
    fn work_slots(&self) -> Arc<dyn WorkSlots> {
        Arc::new(self.lock.work())
    }

    async fn stored_crawl(&self) -> Result<Option<StoredCrawl>, StoreError> {
        let mut tx = self.writer.begin("reading the crawl").await?;
        let stored = session::stored_crawl(&mut tx).await;
        tx.end(stored).await
    }

    async fn begin_session(&self, open: SessionOpen<'_>, now: UnixMs) -> Result<SessionStart, StoreError> {
        let mut tx = self.writer.begin_change("beginning a session", now).await?;
        let start = session::begin(&mut tx, &open, &self.lock.left(), now).await;
        let start = tx.end(start).await?;
        self.lock.begin(start.session);
        Ok(start)
    }

    async fn admit(&self, start: &SessionStart, seeds: &[Seed], now: UnixMs) -> Result<Admitted, StoreError> {
        let mut tx = self.writer.begin_change("admitting seeds", now).await?;
        let admitted = seeds::admit(&mut tx, start, seeds, now).await;
        tx.end(admitted).await
    }

    async fn open_names(&self, after: UrlId, most: u32) -> Result<Vec<Judged>, StoreError> {
        let mut tx = self.writer.begin("reading the frontier").await?;
        let judged = rejudge::open_names(&mut tx, &rejudge::Open::All, after, most).await;
        tx.end(judged).await
    }

    async fn rejudge(&self, verdicts: &[(UrlId, Admission)], now: UnixMs) -> Result<u64, StoreError> {
        let mut tx = self.writer.begin_change("judging again", now).await?;
        let moved = rejudge::rejudge(&mut tx, verdicts, now).await;
        tx.end(moved).await
    }

    async fn record_settings(
        &self,
        start: &SessionStart,
        settings: &CrawlSettings,
        now: UnixMs,
    ) -> Result<(), StoreError> {
        let mut tx = self.writer.begin_change("recording the settings", now).await?;
        let recorded = session::record(&mut tx, start, settings, now).await;
        tx.end(recorded).await
    }

    async fn robots_known(&self, after: i64, most: u32) -> Result<Vec<(i64, RobotsRecord)>, StoreError> {
        let mut tx = self.writer.begin("reading robots.txt results").await?;
        let known = rejudge::robots_known(&mut tx, after, most).await;
        tx.end(known).await
    }

    async fn robots_of(&self, origins: &[(HostId, Origin)]) -> Result<Vec<Option<RobotsRecord>>, StoreError> {
        let mut tx = self.writer.begin("reading robots.txt results").await?;
        let known = robots::of(&mut tx, origins).await;
        tx.end(known).await
    }

    async fn lease(&self, ask: LeaseAsk, now: UnixMs) -> Result<LeaseGrant, StoreError> {
        let mut tx = self.writer.begin("leasing").await?;
        let grant = async {
            clock::follow(&mut tx, now).await?;
            lease::lease(&mut tx, &ask, now).await
        };
        let grant = grant.await;
        tx.end(grant).await
    }

    async fn left_at_page_limits(&self) -> Result<u64, StoreError> {
        let mut tx = self.writer.begin("looking for what is left").await?;
        let left = lease::left_at_page_limits(&mut tx).await;
        tx.end(left).await
    }

    async fn settle(&self, start: &SessionStart, batch: &Settlement, now: UnixMs) -> Result<Settled, StoreError> {
        let mut tx = self.writer.begin_change("settling", now).await?;
        let settled = async {
            clock::follow(&mut tx, now).await?;
            settle::settle(&mut tx, start, batch, now).await
        };
        let settled = settled.await;
        tx.end(settled).await
    }

    async fn inbox(&self, most: u32) -> Result<Vec<Waiting>, StoreError> {
        let mut tx = self.writer.begin("reading the inbox").await?;
        let waiting = inbox::waiting(&mut tx, most).await;
        tx.end(waiting).await
    }

    async fn apply(&self, id: i64, change: Change<'_>, now: UnixMs) -> Result<Option<Applied>, StoreError> {
        let mut tx = self.writer.begin_change("applying a command", now).await?;
        let applied = inbox::apply(&mut tx, id, change, now).await;
        tx.end(applied).await
    }

    async fn room(&self, wanted: RoomWanted) -> Result<Room, StoreError> {
        self.writer.room(wanted).await
    }

    async fn end_session(&self, start: &SessionStart, ended_by: EndedBy, now: UnixMs) -> Result<Totals, StoreError> {
        if ended_by == EndedBy::Error {
            self.writer.renew().await?;
        }
        let mut tx = self.writer.begin_change("ending the session", now).await?;
        let totals = session::end(&mut tx, start, ended_by, now).await;
        let totals = tx.end(totals).await?;
        // A parse may still be under way that nobody waits for.
        self.lock.begin(start.session);
        Ok(totals)
    }
}
