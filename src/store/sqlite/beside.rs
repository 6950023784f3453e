//! [`Beside`]: a connection that writes what follows from a crawl, also while one runs: it does not take the crawl's lock.
//!
//! SQLite has one writer at a time. So that a running crawl is never kept waiting, a transaction is short, and after each
//! one the file is left to it for longer than it looks for its turn. And the write-ahead log, which only grows while
//! somebody reads in one transaction, is bounded here as a crawl bounds it.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use sqlx::{Connection, Row, SqliteConnection};

use super::disk::{self, Hold};
use super::fault::store_error;
use super::header;
use super::open::{self, OpenMode};
use super::{Schema, lock, writer};
use crate::failpoint;
use crate::store::StoreError;

/// A transaction beside a crawl is to take about so long.
const SHORT: Duration = Duration::from_millis(100);
/// Least time between two of them. SQLite looks for a lock that it waits for once in a tenth of a second.
const TURN: Duration = Duration::from_millis(150);

/// A longer log is to be emptied first: the default of `--max-log`, which a crawl keeps to.
const MAX_LOG_BYTES: u64 = 1024 * 1024 * 1024;
/// That is tried for so long.
const LOG_PATIENCE: Duration = Duration::from_secs(2);

/// The connection.
#[derive(Debug)]
pub(super) struct Beside {
    path: PathBuf,
    conn: SqliteConnection,
    max_log_bytes: u64,
}

/// A transaction, with the moment at which it began to hold the lock.
pub(super) struct BesideTx<'a> {
    path: &'a Path,
    what: &'static str,
    tx: sqlx::Transaction<'a, sqlx::Sqlite>,
    began: Instant,
}

impl Beside {
    /// Opens a crawl of this version's schema.
    ///
    /// # Errors
    /// [`StoreError`], as for [`SqliteStore::open`](super::SqliteStore::open) but that a crawl may run.
    pub(super) async fn open(path: &Path) -> Result<Beside, StoreError> {
        let (path, conn) = connect(path).await?;
        Ok(Beside { path, conn, max_log_bytes: MAX_LOG_BYTES })
    }

    /// Begins a transaction that writes; waits for its turn.
    ///
    /// # Errors
    /// [`StoreError::LongLog`], or what SQLite says.
    pub(super) async fn begin(&mut self, what: &'static str) -> Result<BesideTx<'_>, StoreError> {
        self.bound_log(what).await?;
        let tx = self.conn.begin_with("BEGIN IMMEDIATE").await.map_err(|e| store_error(&self.path, what, e))?;
        failpoint::reach(what, "begin", "");
        Ok(BesideTx { path: &self.path, what, tx, began: clock() })
    }

    /// Empties a log that is too long.
    async fn bound_log(&mut self, what: &'static str) -> Result<(), StoreError> {
        let log = open::beside(&self.path, "-wal");
        let log_bytes = || std::fs::metadata(&log).map_or(0, |log| log.len());
        let since = clock();
        while log_bytes() > self.max_log_bytes {
            let emptied = self.empty_log().await.map_err(|e| store_error(&self.path, what, e))?;
            if emptied {
                break;
            }
            if since.elapsed() >= LOG_PATIENCE {
                let holders = [Hold::Reading, Hold::Writing].map(|hold| disk::holders(&self.path, hold));
                let holders = holders.into_iter().find(|holders| !holders.is_empty()).unwrap_or_default();
                return Err(StoreError::LongLog { path: self.path.clone(), log_bytes: log_bytes(), holders });
            }
            tokio::time::sleep(TURN).await;
        }
        Ok(())
    }

    /// Moves the log into the file while others write, and empties it once little is left to move. Whether it could.
    async fn empty_log(&mut self) -> Result<bool, sqlx::Error> {
        let row = sqlx::query("PRAGMA wal_checkpoint(PASSIVE)").fetch_one(&mut self.conn).await?;
        let (log, moved): (i64, i64) = (row.try_get(1)?, row.try_get(2)?);
        if log - moved > i64::from(open::CHECKPOINT_PAGES) {
            return Ok(false);
        }
        writer::empty_log(&mut self.conn).await
    }

    /// Reads.
    pub(super) async fn read<T>(
        &mut self,
        what: &'static str,
        read: impl AsyncFnOnce(&mut SqliteConnection) -> Result<T, sqlx::Error>,
    ) -> Result<T, StoreError> {
        read(&mut self.conn).await.map_err(|e| store_error(&self.path, what, e))
    }

    /// Leaves the file to a crawl that runs, after a transaction that held it so long.
    pub(super) async fn give_way(&self, held: Duration) {
        if lock::is_held(&self.path) {
            tokio::time::sleep(TURN.max(held * 2)).await;
        }
    }

    /// Gives the file back.
    pub(super) async fn close(self) -> Result<(), StoreError> {
        let path = self.path;
        self.conn.close().await.map_err(|e| store_error(&path, "closing", e))
    }
}

impl BesideTx<'_> {
    /// Whether it has held the file for as long as it should.
    pub(super) fn is_long(&self) -> bool {
        self.began.elapsed() >= SHORT
    }

    /// Its connection.
    pub(super) fn conn(&mut self) -> &mut SqliteConnection {
        &mut self.tx
    }

    /// What SQLite said of a statement.
    pub(super) fn fault(&self, error: sqlx::Error) -> StoreError {
        store_error(self.path, self.what, error)
    }

    /// Makes it so; for how long it held the file.
    pub(super) async fn commit(self) -> Result<Duration, StoreError> {
        failpoint::reach(self.what, "commit", "");
        self.tx.commit().await.map_err(|e| store_error(self.path, self.what, e))?;
        failpoint::reach(self.what, "after", "");
        Ok(self.began.elapsed())
    }
}

/// Connects to a crawl of this version's schema without its lock.
///
/// # Errors
/// As for [`Beside::open`].
pub(super) async fn connect(path: &Path) -> Result<(PathBuf, SqliteConnection), StoreError> {
    let path = open::absolute(path)?;
    open::check(&path, OpenMode::AsItIs, Schema::THIS)?;
    let mut conn = open::connect(&path, false, false).await.map_err(|e| store_error(&path, "opening", e))?;
    let found = super::migrate::version(&mut conn, &path).await?;
    header::fits(&path, found, Schema::THIS.version(), false)?;
    Ok((path, conn))
}

#[expect(
    clippy::disallowed_methods,
    reason = "how long others were kept waiting; nothing is decided by what time it is"
)]
fn clock() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use sqlx::Executor;

    use super::super::SqliteStore;
    use super::*;

    /// A search that made its index beside a long reader wrote 5.9 GB of log for a million pages.
    #[tokio::test]
    async fn the_log_of_an_index_grew_without_bound_beside_a_reader() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("crawl.db");
        SqliteStore::open(&path, OpenMode::CreateOrOpen, false).await.unwrap().close().await.unwrap();
        let mut reader = open::connect(&path, false, false).await.unwrap();
        reader.execute("BEGIN; SELECT count(*) FROM urls").await.unwrap();

        let mut beside = Beside { max_log_bytes: 1_000_000, ..Beside::open(&path).await.unwrap() };
        let mut written = 0;
        let refused = loop {
            match beside.begin("testing").await {
                Ok(mut tx) => {
                    let row = "CREATE TABLE IF NOT EXISTS t (x); INSERT INTO t VALUES (zeroblob(200000))";
                    tx.conn().execute(row).await.unwrap();
                    tx.commit().await.unwrap();
                }
                Err(error) => break error,
            }
            written += 1;
            assert!(written < 50, "nothing bounds the log");
        };
        assert!(written > 1, "{written}");
        assert!(matches!(refused, StoreError::LongLog { log_bytes: 1_000_000..2_000_000, .. }), "{refused}");

        reader.execute("ROLLBACK").await.unwrap();
        beside.begin("testing").await.unwrap().commit().await.unwrap();
        let log = std::fs::metadata(open::beside(&path, "-wal")).unwrap().len();
        assert!(log < 100_000, "{log}");
        beside.close().await.unwrap();
    }
}
