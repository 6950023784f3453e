//! [`Mover`]: moves the write-ahead log into the file beside the writer, so that no commit waits for it.
//!
//! SQLite moves the log in the COMMIT that makes it long, and meanwhile nothing is settled or leased: with 64 requests
//! in flight that took half of them away for a tenth of a second, each second. Here another connection does nearly all
//! of it (`PRAGMA wal_checkpoint(PASSIVE)`, which keeps nobody from writing), in passes. A log begins anew when all of it
//! has been moved: that last piece, which others keep adding to, is left to a COMMIT.
//!
//! What goes wrong here is no error: the writer moves what is left, and names the cause.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::sqlite::SqliteConnection;
use sqlx::{Connection, Row};
use tokio::sync::{Mutex, MutexGuard, Notify};
use tokio::task::JoinHandle;

use super::open::{self, CHECKPOINT_PAGES, PAGE_BYTES};

/// Pages in the log, moved or not, from which on every commit is followed by a pass: soon a COMMIT moves the rest.
const NEARLY_FULL_PAGES: u32 = CHECKPOINT_PAGES / 3 * 2;

/// Pages that are worth a pass: each waits twice for the disk.
const PASS_PAGES: u32 = CHECKPOINT_PAGES / 3;

/// Moves the log when it has grown.
#[derive(Debug)]
pub(super) struct Mover {
    shared: Arc<Shared>,
    task: std::sync::Mutex<Option<JoinHandle<()>>>,
}

#[derive(Debug)]
struct Shared {
    path: PathBuf,
    commits: AtomicU32,
    committed: Notify,
    /// Held during a pass. `None`: there was none yet.
    connection: Mutex<Option<SqliteConnection>>,
}

impl Mover {
    pub(super) fn new(path: PathBuf) -> Self {
        let shared =
            Shared { path, commits: AtomicU32::new(0), committed: Notify::new(), connection: Mutex::default() };
        Mover { shared: Arc::new(shared), task: std::sync::Mutex::default() }
    }

    /// To be told of each commit, and how large the file of the log is: one that never was longer than a pass has
    /// nothing worth moving.
    pub(super) fn committed(&self, log_bytes: u64) {
        if log_bytes < u64::from(PASS_PAGES * PAGE_BYTES) {
            return;
        }
        self.shared.commits.fetch_add(1, Ordering::Relaxed);
        let mut task = self.task.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        task.get_or_insert_with(|| tokio::spawn(move_on(Arc::clone(&self.shared))));
        self.shared.committed.notify_one();
    }

    /// Nothing is moved here as long as this is held.
    pub(super) async fn hold(&self) -> impl Sized {
        let held: MutexGuard<'_, Option<SqliteConnection>> = self.shared.connection.lock().await;
        held
    }

    /// Ends it: the connection that is closed last removes the log.
    pub(super) async fn close(&self) {
        self.stop();
        if let Some(connection) = self.shared.connection.lock().await.take() {
            let _ = connection.close().await;
        }
    }

    fn stop(&self) {
        let task = self.task.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        task.inspect(JoinHandle::abort);
    }
}

impl Drop for Mover {
    fn drop(&mut self) {
        self.stop();
    }
}

async fn move_on(shared: Arc<Shared>) {
    let mut pace = Pace::default();
    loop {
        shared.committed.notified().await;
        if !pace.is_due(shared.commits.load(Ordering::Relaxed)) {
            continue;
        }
        let commits = shared.commits.swap(0, Ordering::Relaxed);
        let mut connection = shared.connection.lock().await;
        match pass(&mut connection, &shared.path).await {
            Ok(pages) => pace.passed(commits, pages),
            Err(error) => {
                tracing::debug!(%error, "the write-ahead log could not be moved beside the writer");
                *connection = None;
            }
        }
    }
}

/// Moves what is in the log; how many pages it has.
async fn pass(connection: &mut Option<SqliteConnection>, path: &Path) -> Result<u32, sqlx::Error> {
    let connection = match connection {
        Some(connection) => connection,
        None => connection.insert(open::connect(path, false, false).await?),
    };
    let row = sqlx::query("PRAGMA wal_checkpoint(PASSIVE)").fetch_one(connection).await?;
    // -1 while somebody else moves it.
    Ok(u32::try_from(row.try_get::<i64, _>(1)?).unwrap_or(0))
}

/// When a pass is worth it. How many pages a commit adds is known only from passes.
#[derive(Debug)]
struct Pace {
    log_pages: u32,
    pages_per_commit: u32,
}

impl Default for Pace {
    fn default() -> Self {
        Pace { log_pages: 0, pages_per_commit: PASS_PAGES / 4 }
    }
}

impl Pace {
    /// After so many commits since the last pass.
    fn is_due(&self, commits: u32) -> bool {
        let pages = self.pages_per_commit.saturating_mul(commits);
        pages >= PASS_PAGES || (commits > 0 && self.log_pages.saturating_add(pages) >= NEARLY_FULL_PAGES)
    }

    /// A pass found so many pages in the log, so many commits after the last.
    fn passed(&mut self, commits: u32, log_pages: u32) {
        // One that began anew has fewer.
        let grown = log_pages.checked_sub(self.log_pages).unwrap_or(log_pages);
        self.pages_per_commit = (grown / commits.max(1)).max(1);
        self.log_pages = log_pages;
    }
}

#[cfg(test)]
mod tests {
    use sqlx::Executor;

    use super::*;

    #[test]
    fn passes_come_when_there_is_something_to_move() {
        let mut pace = Pace::default();
        assert!(!pace.is_due(0) && !pace.is_due(3) && pace.is_due(4));
        pace.passed(4, 64);
        assert!(!pace.is_due(PASS_PAGES / 16 - 1) && pace.is_due(PASS_PAGES / 16), "16 pages a commit");
        pace.passed(2, NEARLY_FULL_PAGES);
        assert!(!pace.is_due(0) && pace.is_due(1), "nearly full");
        pace.passed(1, 10);
        assert!(!pace.is_due(1), "it began anew");
        pace.passed(1, 0);
        assert!(!pace.is_due(1) && pace.is_due(u32::MAX));
    }

    /// Half of the requests in flight stopped for a tenth of a second each second, while a COMMIT moved the log.
    #[tokio::test]
    async fn the_log_was_moved_by_the_commit_that_filled_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("crawl.db");
        let mut connection = open::connect(&path, false, true).await.unwrap();
        connection.execute("CREATE TABLE t (x)").await.unwrap();
        let mover = Mover::new(path.clone());
        let before = std::fs::metadata(&path).unwrap().len();
        for _ in 0..8 {
            connection.execute("INSERT INTO t VALUES (zeroblob(5000000))").await.unwrap();
            mover.committed(std::fs::metadata(open::beside(&path, "-wal")).unwrap().len());
        }
        // No commit has moved anything: each would do so beyond 48 MB.
        while std::fs::metadata(&path).unwrap().len() < before + 15_000_000 {
            tokio::task::yield_now().await;
        }
        drop(mover.hold().await);
        mover.close().await;
        connection.close().await.unwrap();
        assert!(!open::beside(&path, "-wal").exists(), "the last connection removes it");
    }
}
