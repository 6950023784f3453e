//! [`Writer`]: the one connection that writes, and [`Tx`], a transaction on it.
//!
//! A transaction begins IMMEDIATE: a deferred one that reads first and then writes fails at once
//! when another program has written meanwhile, whatever the timeout. After an error that may have
//! rolled back by itself the connection is dropped and never used again. A future that is dropped
//! in the middle leaves its transaction open; the next one rolls it back first.
//!
//! A COMMIT that waits for the disk brings all before it there too, as they are in one log. Of ordinary
//! commits one in [`SYNC_EVERY_MS`] waits, so that a power loss costs no more than that; of a durable crawl all.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::sqlite::{SqliteArguments, SqliteConnection, SqliteRow};
use sqlx::{Arguments, Connection, Executor, Row};
use tokio::sync::{Mutex, MutexGuard};

use crate::failpoint;
use crate::model::UnixMs;
use crate::store::error::named;
use crate::store::{Room, RoomWanted, StoreError};

use super::disk::{self, Hold};
use super::fault::{leaves_connection_usable, store_error};
use super::insert;
use super::mover::Mover;
use super::open::{self, BUSY, LOG_LIMIT_BYTES, beside};
use super::space::Space;

/// How long the last word of a session that failed waits for a lock.
const LAST_PATIENCE: Duration = Duration::from_millis(500);

/// How long after a commit that waited for the disk the next one waits, in ms.
const SYNC_EVERY_MS: u64 = 5_000;

/// A statement with its parameters.
pub(super) struct Statement {
    text: &'static str,
    arguments: Result<SqliteArguments, sqlx::error::BoxDynError>,
}

/// A statement without parameters so far; `?1` is the first that is bound.
pub(super) fn sql(text: &'static str) -> Statement {
    Statement { text, arguments: Ok(SqliteArguments::default()) }
}

impl Statement {
    /// Binds the next parameter.
    pub(super) fn bind<'q, T>(mut self, value: T) -> Self
    where
        T: sqlx::Encode<'q, sqlx::Sqlite> + sqlx::Type<sqlx::Sqlite>,
    {
        self.arguments = self.arguments.and_then(|mut arguments| arguments.add(value).map(|()| arguments));
        self
    }
}

#[derive(Debug)]
pub(super) struct Writer {
    path: PathBuf,
    state: Mutex<State>,
    mover: Mover,
}

#[derive(Debug)]
struct State {
    /// `None` after an error that makes it unfit.
    connection: Option<SqliteConnection>,
    /// A transaction was begun and not ended.
    open: bool,
    /// Every commit waits for the disk.
    durable: bool,
    /// The commits of this connection wait for the disk (`synchronous=FULL`).
    waits: bool,
    /// When the last change that waited was begun.
    waited: Option<UnixMs>,
    /// Size of the log at the last warning; 0 when there is nothing to warn of.
    log_bytes_told: u64,
    /// The time of the last transaction that said its time.
    latest_ms: Option<UnixMs>,
    /// How often each statement was sent.
    sent: BTreeMap<&'static str, u64>,
}

impl Writer {
    /// `durable`: the connection has `synchronous=FULL`.
    pub(super) fn new(path: PathBuf, connection: SqliteConnection, durable: bool) -> Self {
        let state = State {
            connection: Some(connection),
            open: false,
            durable,
            waits: durable,
            waited: None,
            log_bytes_told: 0,
            latest_ms: None,
            sent: BTreeMap::new(),
        };
        let mover = Mover::new(path.clone());
        Writer { path, state: Mutex::new(state), mover }
    }

    pub(super) async fn sent(&self) -> BTreeMap<&'static str, u64> {
        self.state.lock().await.sent.clone()
    }

    /// Begins a transaction; `what` is for messages.
    pub(super) async fn begin(&self, what: &'static str) -> Result<Tx<'_>, StoreError> {
        let state = self.state.lock().await;
        let waits = state.durable;
        self.begin_with(state, what, waits).await
    }

    /// The same for one that will change something: its commit waits for the disk when none has done so for
    /// [`SYNC_EVERY_MS`]. One that changes nothing would bring nothing there.
    pub(super) async fn begin_change(&self, what: &'static str, now: UnixMs) -> Result<Tx<'_>, StoreError> {
        let state = self.state.lock().await;
        // However the clock was set in between.
        let due = state.waited.is_none_or(|waited| now.abs_diff(waited) >= SYNC_EVERY_MS);
        let waits = state.durable || due;
        let mut tx = self.begin_with(state, what, waits).await?;
        tx.waits_since = waits.then_some(now);
        Ok(tx)
    }

    async fn begin_with<'w>(
        &'w self,
        state: MutexGuard<'w, State>,
        what: &'static str,
        waits: bool,
    ) -> Result<Tx<'w>, StoreError> {
        let mut tx = Tx { writer: self, state, what, waits_since: None };
        if tx.state.open {
            // Fails when the transaction had in fact ended; then there is nothing to roll back.
            let connection = tx.connection()?;
            let _ = connection.execute("ROLLBACK").await;
        }
        // SQLite changes nothing about it within a transaction.
        if tx.state.waits != waits {
            tx.control(if waits { "PRAGMA synchronous = FULL" } else { "PRAGMA synchronous = NORMAL" }).await?;
            tx.state.waits = waits;
        }
        tx.state.open = true;
        tx.control("BEGIN IMMEDIATE").await?;
        failpoint::reach(what, "begin", "");
        Ok(tx)
    }

    /// Connects anew, with little patience: for a last word after an error, which may have left the
    /// connection unfit. On a full disk there is still room for it where the log has some.
    pub(super) async fn renew(&self) -> Result<(), StoreError> {
        let mut state = self.state.lock().await;
        if let Some(old) = state.connection.take() {
            // Rolls back what it had begun.
            let _ = old.close().await;
        }
        state.open = false;
        let fault = |error| store_error(&self.path, "connecting again", error);
        let mut connection = open::connect(&self.path, state.durable, false).await.map_err(fault)?;
        state.waits = state.durable;
        set_patience(&mut connection, LAST_PATIENCE).await.map_err(fault)?;
        state.connection = Some(connection);
        Ok(())
    }

    /// See [`crate::store::Store::room`].
    pub(super) async fn room(&self, wanted: RoomWanted) -> Result<Room, StoreError> {
        let mut state = self.state.lock().await;
        let mut space = state.space(&self.path).await;
        // An empty log gives its space back, once the file has taken what is in it: in time for that.
        if !(space.holds_twice_the_log(wanted) && space.log_fits(wanted)) && space.can_be_moved(wanted) {
            state.cut_log(&self.mover).await;
            space = state.space(&self.path).await;
        }
        if space.log_fits(wanted) && space.holds(wanted) {
            return Ok(Room::Free);
        }
        if !space.holds(wanted) || !space.can_be_moved(wanted) {
            let (free_bytes, needed_bytes) = (space.free_bytes, space.needed_bytes(wanted));
            return Err(StoreError::LittleSpace { path: self.path.clone(), free_bytes, needed_bytes });
        }
        Ok(Room::Crowded { log_bytes: space.log_bytes, readers: disk::holders(&self.path, Hold::Reading) })
    }

    /// Has every commit wait for the disk from now on.
    pub(super) async fn make_durable(&self) {
        self.state.lock().await.durable = true;
    }

    pub(super) async fn close(self) -> Result<(), StoreError> {
        self.mover.close().await;
        match self.state.into_inner().connection {
            Some(mut connection) => {
                // A reader may keep it from being emptied; the file is whole with its log, too.
                let _ = empty_log(&mut connection).await;
                connection.close().await.map_err(|e| store_error(&self.path, "closing", e))
            }
            None => Ok(()),
        }
    }
}

impl State {
    async fn space(&mut self, path: &Path) -> Space {
        let bytes = |path: &Path| std::fs::metadata(path).map_or(0, |file| file.len());
        let with_log = match self.connection.as_mut() {
            Some(connection) => size_with_log(connection).await,
            None => 0,
        };
        Space {
            free_bytes: disk::free_bytes(path).unwrap_or(u64::MAX),
            log_bytes: bytes(&beside(path, "-wal")),
            growth_bytes: with_log.saturating_sub(bytes(path)),
        }
    }

    /// Whether the log could be moved into the file and emptied.
    async fn cut_log(&mut self, mover: &Mover) -> bool {
        let Some(connection) = self.connection.as_mut() else { return false };
        // Two cannot move it at once.
        let _held = mover.hold().await;
        match empty_log(connection).await {
            Ok(emptied) => emptied,
            // No transaction was open: the next one meets the cause, and names it.
            Err(error) => {
                tracing::warn!(%error, "the write-ahead log could not be emptied");
                false
            }
        }
    }
}

/// A transaction. Ended by [`Tx::end`]; dropped without it, it is rolled back.
#[derive(Debug)]
pub(super) struct Tx<'w> {
    writer: &'w Writer,
    state: MutexGuard<'w, State>,
    what: &'static str,
    /// Of a change whose commit waits for the disk: when it was begun.
    waits_since: Option<UnixMs>,
}

impl Tx<'_> {
    pub(super) fn path(&self) -> &Path {
        &self.writer.path
    }

    /// Notes the time; that of the transaction that said it before.
    pub(super) fn at(&mut self, now: UnixMs) -> Option<UnixMs> {
        self.state.latest_ms.replace(now)
    }

    /// Runs a statement; the number of rows it changed.
    pub(super) async fn execute(&mut self, statement: Statement) -> Result<u64, StoreError> {
        let query = self.prepared(statement)?;
        let connection = self.connection()?;
        let result = query.execute(connection).await;
        self.kept(result).map(|done| done.rows_affected())
    }

    /// Inserts rows with a text of [`insert::text`], so many with each statement; none without rows.
    pub(super) async fn insert<R>(
        &mut self,
        text: &'static str,
        rows: &[R],
        bind: impl Fn(Statement, &R) -> Statement,
    ) -> Result<(), StoreError> {
        for some in rows.chunks(insert::ROWS) {
            let statement = some.iter().fold(sql(text), &bind);
            self.execute(statement).await?;
        }
        Ok(())
    }

    /// Runs statements that are not known before: those of a schema.
    pub(super) async fn run_text(&mut self, text: &str) -> Result<(), StoreError> {
        let connection = self.connection()?;
        let result = sqlx::raw_sql(sqlx::AssertSqlSafe(text.to_owned())).execute(connection).await;
        self.kept(result).map(|_| ())
    }

    /// Runs a statement; its rows.
    pub(super) async fn rows(&mut self, statement: Statement) -> Result<Vec<SqliteRow>, StoreError> {
        let query = self.prepared(statement)?;
        let connection = self.connection()?;
        let result = query.fetch_all(connection).await;
        self.kept(result)
    }

    /// Runs a statement; its first row, which must be there.
    pub(super) async fn row(&mut self, statement: Statement) -> Result<SqliteRow, StoreError> {
        let rows = self.rows(statement).await?;
        rows.into_iter().next().ok_or_else(|| self.corrupt("a row that must be there is missing".to_owned()))
    }

    /// Commits what succeeded, rolls back what did not.
    pub(super) async fn end<T>(mut self, result: Result<T, StoreError>) -> Result<T, StoreError> {
        match result {
            Ok(value) => {
                failpoint::reach(self.what, "commit", "");
                self.control("COMMIT").await?;
                failpoint::reach(self.what, "after", "");
                self.state.open = false;
                self.state.waited = self.waits_since.or(self.state.waited);
                self.bound_log().await;
                Ok(value)
            }
            Err(error) => {
                if self.state.connection.is_some() && self.control("ROLLBACK").await.is_ok() {
                    self.state.open = false;
                }
                // Whatever else is under way changes nothing in a damaged file.
                if matches!(error, StoreError::Corrupt { .. }) {
                    self.state.connection = None;
                }
                Err(error)
            }
        }
    }

    /// Cuts a write-ahead log back that has outgrown its limit. As a rule a COMMIT begins it anew before that, unless
    /// somebody reads in one long transaction; then nobody can, and the operator is told why the
    /// disk fills.
    async fn bound_log(&mut self) {
        let path = self.path().to_owned();
        let bytes = std::fs::metadata(beside(&path, "-wal")).map_or(0, |log| log.len());
        self.writer.mover.committed(bytes);
        if bytes <= LOG_LIMIT_BYTES {
            self.state.log_bytes_told = 0;
            return;
        }
        // Each try waits for readers and looks at the whole log: only when it has grown by a half.
        if bytes / 3 * 2 < self.state.log_bytes_told {
            return;
        }
        self.state.log_bytes_told = bytes;
        if self.state.cut_log(&self.writer.mover).await {
            self.state.log_bytes_told = 0;
        } else if self.state.connection.is_some() {
            let readers = named(&disk::holders(&path, Hold::Reading));
            tracing::warn!(
                database = %path.display(),
                log_bytes = bytes,
                "another program{readers} reads the database in one long transaction: its write-ahead log (-wal) grows \
                 until that ends"
            );
        }
    }

    /// The error for a row that this program never wrote.
    pub(super) fn corrupt(&self, detail: String) -> StoreError {
        StoreError::Corrupt { path: self.writer.path.clone(), detail }
    }

    /// Counts the statement and makes it ready to run.
    fn prepared(
        &mut self,
        statement: Statement,
    ) -> Result<sqlx::query::Query<'static, sqlx::Sqlite, SqliteArguments>, StoreError> {
        failpoint::reach(self.what, "statement", statement.text);
        *self.state.sent.entry(statement.text).or_default() += 1;
        let arguments = self.kept(statement.arguments.map_err(sqlx::Error::Encode))?;
        Ok(sqlx::query_with(statement.text, arguments))
    }

    fn connection(&mut self) -> Result<&mut SqliteConnection, StoreError> {
        let path = &self.writer.path;
        self.state.connection.as_mut().ok_or_else(|| StoreError::Closed { path: path.clone() })
    }

    async fn control(&mut self, sql: &'static str) -> Result<(), StoreError> {
        let connection = self.connection()?;
        let result = connection.execute(sql).await;
        self.kept(result).map(|_| ())
    }

    fn kept<T>(&mut self, result: Result<T, sqlx::Error>) -> Result<T, StoreError> {
        result.map_err(|error| {
            if !leaves_connection_usable(&error) {
                self.state.connection = None;
            }
            store_error(&self.writer.path, self.what, error)
        })
    }
}

/// Size of the file when the log has been moved into it, in bytes; 0 when that cannot be read: the next
/// transaction meets the cause, and names it.
async fn size_with_log(connection: &mut SqliteConnection) -> u64 {
    let sql = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size";
    let bytes: Result<i64, sqlx::Error> = sqlx::query_scalar(sql).fetch_one(connection).await;
    bytes.ok().and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or(0)
}

/// Moves the write-ahead log into the file and empties it, not waiting long for readers. Whether it
/// could.
pub(super) async fn empty_log(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    set_patience(connection, Duration::from_millis(50)).await?;
    failpoint::reach("emptying the log", "begin", "");
    let row = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(&mut *connection).await;
    failpoint::reach("emptying the log", "after", "");
    set_patience(connection, BUSY).await?;
    Ok(row?.try_get::<i64, _>(0)? == 0)
}

/// How long the connection waits for a lock.
async fn set_patience(connection: &mut SqliteConnection, patience: Duration) -> Result<(), sqlx::Error> {
    let sql = sqlx::AssertSqlSafe(format!("PRAGMA busy_timeout = {}", patience.as_millis()));
    connection.execute(sql).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NORMAL: i64 = 1;
    const FULL: i64 = 2;

    async fn commit(tx: Result<Tx<'_>, StoreError>) -> i64 {
        let mut tx = tx.unwrap();
        let row = tx.row(sql("PRAGMA synchronous")).await.unwrap();
        tx.end(Ok(row.get(0))).await.unwrap()
    }

    /// Before the first checkpoint a power loss could take a whole crawl, its schema included.
    #[tokio::test]
    async fn commits_of_five_seconds_waited_for_no_disk_but_that_of_the_checkpoint() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("crawl.db");
        let connection = open::connect(&path, false, true).await.unwrap();
        let writer = Writer::new(path, connection, false);
        assert_eq!(commit(writer.begin("leasing").await).await, NORMAL, "it may change nothing");
        for (what, now, expected) in [
            ("nothing has waited yet", 10_000, FULL),
            ("one has just waited", 14_999, NORMAL),
            ("the last was five seconds ago", 15_000, FULL),
            ("the clock was put back a little", 14_000, NORMAL),
            ("the clock was put back", 1_000, FULL),
        ] {
            assert_eq!(commit(writer.begin_change("settling", now).await).await, expected, "{what}");
        }
        writer.make_durable().await;
        assert_eq!(commit(writer.begin("leasing").await).await, FULL);
        writer.renew().await.unwrap();
        assert_eq!(commit(writer.begin("ending the session").await).await, FULL, "after an error too");
    }
}
