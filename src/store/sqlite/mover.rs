//! [`Mover`]: moves the write-ahead log into the file beside the writer, so that no commit waits for it.
//!
//! SQLite moves the log in the COMMIT that makes it long, and meanwhile nothing is settled or leased: with 64 requests
//! in flight that took half of them away for a tenth of a second, each second. Here another connection does nearly all
//! of it (`PRAGMA wal_checkpoint(PASSIVE)`, which keeps nobody from writing), in passes. A log begins anew when all of it
//! has been moved: that last piece, which others keep adding to, is left to the COMMIT that makes the log
//! [`CHECKPOINT_PAGES`] long. What there is to move is asked with `NOOP` (SQLite 3.51), which locks nothing.
//!
//! What goes wrong here is no error: the writer moves what is left, and names the cause.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use sqlx::sqlite::SqliteConnection;
use sqlx::{Connection, Row};
use tokio::sync::{Mutex, MutexGuard, Notify};
use tokio::task::JoinHandle;

use crate::failpoint;

use super::open::{self, CHECKPOINT_PAGES, PAGE_BYTES};

/// Pages in the log, moved or not, from which on every commit is followed by a pass: soon a COMMIT moves what is left.
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
    committed: Notify,
    /// Held during a pass. `None`: there was none yet.
    connection: Mutex<Option<SqliteConnection>>,
}

impl Mover {
    pub(super) fn new(path: PathBuf) -> Self {
        let shared = Shared { path, committed: Notify::new(), connection: Mutex::default() };
        Mover { shared: Arc::new(shared), task: std::sync::Mutex::default() }
    }

    /// To be told of each commit, and how large the file of the log is: one that never was longer than a pass has
    /// nothing worth moving.
    pub(super) fn committed(&self, log_bytes: u64) {
        if log_bytes < u64::from(PASS_PAGES * PAGE_BYTES) {
            return;
        }
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
        // What is under way comes to its end first.
        let mut connection = self.shared.connection.lock().await;
        self.stop();
        if let Some(connection) = connection.take() {
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
    loop {
        shared.committed.notified().await;
        let mut connection = shared.connection.lock().await;
        if let Err(error) = pass(&mut connection, &shared.path).await {
            tracing::debug!(%error, "the write-ahead log could not be moved beside the writer");
            *connection = None;
        }
    }
}

/// Moves what is in the log, if that is worth it.
async fn pass(connection: &mut Option<SqliteConnection>, path: &Path) -> Result<(), sqlx::Error> {
    let connection = match connection {
        Some(connection) => connection,
        None => connection.insert(open::connect(path, false, false).await?),
    };
    let row = sqlx::query("PRAGMA wal_checkpoint(NOOP)").fetch_one(&mut *connection).await?;
    if is_due(row.try_get(1)?, row.try_get(2)?) {
        failpoint::reach("moving the log", "begin", "");
        sqlx::query("PRAGMA wal_checkpoint(PASSIVE)").fetch_one(connection).await?;
        failpoint::reach("moving the log", "after", "");
    }
    Ok(())
}

/// Whether a pass is worth it, with so many pages in the log, of which so many have been moved.
fn is_due(log_pages: i64, moved_pages: i64) -> bool {
    let to_move = log_pages - moved_pages;
    // The COMMIT that moves the rest is not to find it locked.
    log_pages < i64::from(CHECKPOINT_PAGES)
        && (to_move >= i64::from(PASS_PAGES) || (log_pages >= i64::from(NEARLY_FULL_PAGES) && to_move > 0))
}

#[cfg(test)]
mod tests {
    use sqlx::Executor;

    use super::*;

    #[test]
    fn passes_come_when_there_is_something_to_move() {
        let [pass, nearly, full] = [PASS_PAGES, NEARLY_FULL_PAGES, CHECKPOINT_PAGES].map(i64::from);
        for (log, moved, expected) in [
            (0, 0, false),
            (pass - 1, 0, false),
            (pass, 0, true),
            (pass + 9, 10, false),
            (pass * 2 - 1, pass, false),
            (nearly, pass, true),
            (nearly + 1, nearly, true),
            (nearly + 1, nearly + 1, false),
            (full, 0, false),
        ] {
            assert_eq!(is_due(log, moved), expected, "{moved} of {log} moved");
        }
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
        let moved = async {
            while std::fs::metadata(&path).unwrap().len() < before + 15_000_000 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(60), moved).await.expect("a pass");
        drop(mover.hold().await);
        mover.close().await;
        connection.close().await.unwrap();
        assert!(!open::beside(&path, "-wal").exists(), "the last connection removes it");
    }
}
