//! [`Reader`]: one read-only connection to a crawl database, and its four verbs.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, SqliteConnection};

use super::body::Body;
use super::catalogue::{self, Catalogue};
use super::doctor::{self, Diagnosis, DoctorOptions, code_of};
use super::facts::{Lookup, ShowLimits};
use super::limits::{Limits, STEP_OPS, Stopped, Watch};
use super::query::{self, Failure, QueryEnd};
use super::schema::{self, SchemaObject};
use super::show;
use super::status::{self, Status};
use super::value::{RowSink, Value};
use crate::model::{Totals, UnixMs};
use crate::store::StoreError;
use crate::store::sqlite::copy::{self, Part};
use crate::store::sqlite::fault::store_error;
use crate::store::sqlite::header::{self, Header, SCHEMA_VERSION};
use crate::store::sqlite::migrate::MIGRATOR;
use crate::store::sqlite::open::{self, beside};
use crate::store::sqlite::{APPLICATION_ID, lock};

/// How long to wait while another process holds the whole file, which is rare in WAL mode.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Page cache of an examination, which goes through the whole file and back and forth in it; negative is
/// SQLite's way to say KiB.
const EXAMINED_KIB: i32 = -64 * 1024;
/// Rows that wait between SQLite's thread and the sink: each may hold a body of 10 MB.
const ROWS_AHEAD: usize = 8;

/// Reads a crawl database, also while a crawl writes it. It never takes the crawl's lock, never
/// writes the database, and sees committed states only: each verb reads one of them.
pub struct Reader {
    pub(super) path: PathBuf,
    pub(super) conn: SqliteConnection,
    frozen: bool,
    /// The thread that has the connection is gone; whoever waits for it waits for ever.
    crashed: bool,
}

impl Reader {
    /// Opens a database for reading. Not in a process that has a connection to the file already,
    /// whose locks it would drop (closing any descriptor of a file does): see [`Reader::attach`].
    ///
    /// A file whose folder cannot be written is read as it is when its write-ahead log is absent or
    /// empty: then nothing is missing from it, and nobody writes it from here. With a filled log
    /// SQLite needs to write beside it, and that is an error.
    ///
    /// # Errors
    /// [`StoreError`] when the file is missing, no crawl database, of a later version or unreadable;
    /// it is left unchanged, and its folder too.
    pub async fn open(path: &Path) -> Result<Reader, StoreError> {
        let path = open::absolute(path)?;
        check_header(&path, false)?;
        Self::connect(&path, false).await
    }

    /// As [`Reader::open`], for a copy alone: a file of an earlier version, too.
    ///
    /// # Errors
    /// As for [`Reader::open`].
    pub async fn open_to_copy(path: &Path) -> Result<Reader, StoreError> {
        let path = open::absolute(path)?;
        check_header(&path, true)?;
        Self::connect(&path, true).await
    }

    /// As [`Reader::open`], but leaves it to SQLite to read the file's header: for a process that
    /// crawls into the file, or reads it, already.
    ///
    /// # Errors
    /// As for [`Reader::open`]; a file of another program may be left with SQLite's files beside it.
    pub async fn attach(path: &Path) -> Result<Reader, StoreError> {
        Self::connect(&open::absolute(path)?, false).await
    }

    async fn connect(path: &Path, earlier: bool) -> Result<Reader, StoreError> {
        let path = path.to_owned();
        let (conn, frozen) = match connect(&path, false).await {
            Ok(conn) => (conn, false),
            Err(e) if cannot_open(&e) && log_is_empty(&path) => {
                (connect(&path, true).await.map_err(|e| store_error(&path, "opening", e))?, true)
            }
            Err(e) if cannot_open(&e) => {
                let cause = "its write-ahead log holds changes, and reading them needs write access".to_owned();
                return Err(StoreError::ReadOnly { path, cause });
            }
            Err(e) => return Err(store_error(&path, "opening", e)),
        };
        let mut reader = Reader { path, conn, frozen, crashed: false };
        reader.check_version(earlier).await?;
        Ok(reader)
    }

    /// The database file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it is read as a frozen copy, see [`Reader::open`].
    pub fn is_frozen(&self) -> bool {
        self.frozen
    }

    /// Whether a process crawls into the file now.
    pub fn is_running(&self) -> bool {
        lock::is_held(&self.path)
    }

    /// Bounds the memory that SQLite takes in this process, of all its connections together; a
    /// statement that needs more fails. It can be lowered and not raised, so it is for a process
    /// that does nothing but ask.
    ///
    /// # Errors
    /// [`StoreError`] when the file is at fault.
    pub async fn limit_memory(&mut self, bytes: u64) -> Result<(), StoreError> {
        let sql = AssertSqlSafe(format!("PRAGMA hard_heap_limit = {bytes}"));
        let set = sqlx::query(sql).execute(&mut self.conn).await;
        set.map(drop).map_err(|e| store_error(&self.path, "limiting the memory", e))
    }

    /// Keeps sorts and the like in memory, where [`Reader::limit_memory`] bounds them; else SQLite writes temporary files
    /// of any size.
    ///
    /// # Errors
    /// [`StoreError`] when the file is at fault.
    pub async fn sort_in_memory(&mut self) -> Result<(), StoreError> {
        let set = sqlx::query("PRAGMA temp_store = MEMORY").execute(&mut self.conn).await;
        set.map(drop).map_err(|e| store_error(&self.path, "limiting the memory", e))
    }

    /// Runs one statement that only reads, row by row into `sink`; `params` are the values of its
    /// parameters, in the order of [`ReadStatement::parameters`](super::ReadStatement::parameters).
    ///
    /// Reaching a limit, cancelling and a closed output are ends, not errors: see
    /// [`QueryEnd::reason`]. The rows before them were handed over.
    ///
    /// # Errors
    /// [`StoreError::Query`] when the text is refused, SQLite does not accept it (with the names
    /// that exist), or the sink fails; other variants when the file is at fault.
    pub async fn query(
        &mut self,
        sql: &str,
        params: &[Value],
        limits: &Limits,
        sink: &mut (dyn RowSink + Send),
    ) -> Result<QueryEnd, StoreError> {
        let watch = self.watch(limits).await?;
        let outcome = query::run(&mut self.conn, sql, params, limits, &watch, sink).await;
        match outcome {
            Ok(end) => {
                watch.end();
                Ok(end)
            }
            Err(Failure::Refused(refused)) => Err(StoreError::Query(refused.to_string())),
            Err(Failure::Output(e)) => Err(StoreError::Query(format!(
                "the output cannot be written: {e}; send it elsewhere, or make room for it"
            ))),
            Err(Failure::Crashed) => {
                self.crashed = true;
                Err(query::out_of_memory())
            }
            Err(Failure::Row(too_large)) => Err(StoreError::Query(too_large.to_string())),
            Err(Failure::Sql(e)) => match query::explain(&mut self.conn, &e, sql).await {
                Some(explained) => Err(explained),
                None => Err(store_error(&self.path, "the query", e)),
            },
        }
    }

    /// Whether another query can be asked. After one that ran out of memory while a row was handed over it
    /// cannot: the reader has to be opened anew.
    pub fn is_usable(&self) -> bool {
        !self.crashed
    }

    /// The names that a query can use, for completion and for lists of them.
    ///
    /// # Errors
    /// [`StoreError`] when the file is at fault.
    pub async fn catalogue(&mut self) -> Result<Catalogue, StoreError> {
        self.watch(&Limits::default()).await?;
        catalogue::collect(&mut self.conn).await.map_err(|e| store_error(&self.path, "reading the schema", e))
    }

    /// Counters only; cheap enough for every second.
    ///
    /// # Errors
    /// [`StoreError`] when the file is at fault.
    pub async fn totals(&mut self) -> Result<Totals, StoreError> {
        self.watch(&Limits::default()).await?;
        status::totals(&mut self.conn).await.map_err(|e| store_error(&self.path, "reading the totals", e))
    }

    /// Where the crawl stands at `now`.
    ///
    /// # Errors
    /// [`StoreError`] when the file is at fault.
    pub async fn status(&mut self, now: UnixMs) -> Result<Status, StoreError> {
        let watch = self.watch(&Limits::default()).await?;
        let running = self.is_running();
        let collected = async {
            let mut snapshot = self.conn.begin().await?;
            let status = status::collect(&mut snapshot, &self.path, running, now).await?;
            snapshot.rollback().await?;
            Ok(status)
        };
        collected.await.map_err(|e| stopped_or(&self.path, "reading the status", &watch, e))
    }

    /// Everything known of the page at `url`, which is canonical text as it stands in `urls.url`.
    ///
    /// # Errors
    /// [`StoreError`] when the file is at fault, or `budget` does not suffice. An unknown URL is no
    /// error: see [`Lookup`].
    pub async fn show(&mut self, url: &str, limits: ShowLimits, budget: &Limits) -> Result<Lookup, StoreError> {
        let watch = self.watch(budget).await?;
        let collected = async {
            let mut snapshot = self.conn.begin().await?;
            let lookup = show::collect(&mut snapshot, url, limits).await?;
            snapshot.rollback().await?;
            Ok(lookup)
        };
        let mut lookup = collected.await.map_err(|e| stopped_or(&self.path, "looking the page up", &watch, e))?;
        if let Lookup::Known(facts) = &mut lookup {
            facts.links_in = self.inlinks(facts.url_id, limits, budget).await?;
            if let Some(content) = facts.page.as_ref().and_then(|page| page.content_id) {
                facts.near_copies = self.near_copies(facts.url_id, content, limits, budget).await?;
            } else {
                facts.near_copies.complete = true;
            }
        }
        Ok(lookup)
    }

    /// The stored body of the page at `url`, unpacked; `None` when the URL or its body is not kept.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when it cannot be unpacked.
    pub async fn body(&mut self, url: &str) -> Result<Option<Body>, StoreError> {
        match self.content_of(url).await? {
            Some(content) => self.body_of(content).await,
            None => Ok(None),
        }
    }

    /// The body of a content, unpacked; `None` when it is not kept.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when it cannot be unpacked.
    pub async fn body_of(&mut self, content: i64) -> Result<Option<Body>, StoreError> {
        self.watch(&Limits::default()).await?;
        let body = show::body_of(&mut self.conn, content).await;
        body.map_err(|e| store_error(&self.path, "reading the body", e))?.transpose().map_err(|why| {
            StoreError::Corrupt { path: self.path.clone(), detail: format!("bodies.data of content {content}: {why}") }
        })
    }

    /// The plain text of the page at `url`; `None` when the URL or its text is not kept.
    ///
    /// # Errors
    /// [`StoreError`] when the file is at fault.
    pub async fn text(&mut self, url: &str) -> Result<Option<String>, StoreError> {
        match self.content_of(url).await? {
            Some(content) => self.text_of(content).await,
            None => Ok(None),
        }
    }

    /// The plain text of a content; `None` when it is not kept.
    ///
    /// # Errors
    /// [`StoreError`] when the file is at fault.
    pub async fn text_of(&mut self, content: i64) -> Result<Option<String>, StoreError> {
        self.watch(&Limits::default()).await?;
        show::text_of(&mut self.conn, content).await.map_err(|e| store_error(&self.path, "reading the text", e))
    }

    async fn content_of(&mut self, url: &str) -> Result<Option<i64>, StoreError> {
        self.watch(&Limits::default()).await?;
        show::content_of(&mut self.conn, url).await.map_err(|e| store_error(&self.path, "looking the page up", e))
    }

    /// Checks every promise, within `budget`. What is wrong is in the [`Diagnosis`].
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be examined at all, or `budget` does not suffice.
    pub async fn doctor(&mut self, options: DoctorOptions, budget: &Limits) -> Result<Diagnosis, StoreError> {
        let expected = expected_schema(&self.path).await?;
        let sql = AssertSqlSafe(format!("PRAGMA cache_size = {EXAMINED_KIB}"));
        sqlx::query(sql).execute(&mut self.conn).await.map_err(|e| store_error(&self.path, "opening", e))?;
        let watch = self.watch(budget).await?;
        let running = self.is_running();
        let name = self.path.display().to_string();
        let examined = async {
            let mut snapshot = self.conn.begin().await?;
            let diagnosis = doctor::examine(&mut snapshot, name, options, running, &expected).await?;
            snapshot.rollback().await?;
            Ok(diagnosis)
        };
        examined.await.map_err(|e| stopped_or(&self.path, "the examination", &watch, e))
    }

    /// About how large a copy will be, in bytes.
    ///
    /// # Errors
    /// [`StoreError`] when the file is at fault.
    pub async fn copy_bytes(&mut self) -> Result<u64, StoreError> {
        copy::expected_bytes(&mut self.conn).await.map_err(|e| store_error(&self.path, "copying", e))
    }

    /// Copies the database as it is now into a new file; its size in bytes. What others commit meanwhile
    /// is not in it. The copy is made in `TARGET.part`, and nothing of it stays after an error.
    ///
    /// # Errors
    /// [`StoreError`] of the file or of the copy, or `budget` does not suffice.
    pub async fn copy_into(&mut self, target: &Path, budget: &Limits) -> Result<u64, StoreError> {
        let part = Part::create(&self.path, target)?;
        let watch = self.watch(budget).await?;
        match copy::write(&mut self.conn, &self.path, &part).await {
            Ok(()) => {}
            Err(error) if watch.stopped().is_none() => return Err(error),
            Err(_) => return Err(stopped(&watch, "the copy")),
        }
        let finished = tokio::task::spawn_blocking(move || part.finish()).await;
        finished
            .unwrap_or_else(|failure| Err(StoreError::Copy { path: target.to_owned(), detail: failure.to_string() }))
    }

    /// The file that grows while [`Reader::copy_into`] makes this copy.
    pub fn unfinished_copy(target: &Path) -> PathBuf {
        copy::unfinished(target).1
    }

    /// Closes the connection and waits until the file is released.
    pub async fn close(self) {
        // Nothing was written: a failing close loses nothing.
        if !self.crashed {
            let _ = self.conn.close().await;
        }
    }

    async fn check_version(&mut self, earlier: bool) -> Result<(), StoreError> {
        let sql = "SELECT application_id, user_version FROM pragma_application_id, pragma_user_version";
        let (application, version): (i64, i64) =
            sqlx::query_as(sql).fetch_one(&mut self.conn).await.map_err(|e| store_error(&self.path, "opening", e))?;
        let path = self.path.clone();
        match version {
            _ if application != i64::from(APPLICATION_ID) => Err(StoreError::Foreign { path }),
            0 => Err(StoreError::Missing { path }),
            found => header::fits(&path, u32::try_from(found).unwrap_or(u32::MAX), SCHEMA_VERSION, earlier),
        }
    }

    /// Puts limits on every statement until the next call: SQLite asks the watch as it works.
    pub(super) async fn watch(&mut self, limits: &Limits) -> Result<Watch, StoreError> {
        let watch = Watch::start(limits);
        let asked = watch.clone();
        let path = self.path.clone();
        let mut handle = self.conn.lock_handle().await.map_err(|e| store_error(&path, "opening", e))?;
        handle.set_progress_handler(STEP_OPS, move || asked.go_on());
        Ok(watch)
    }
}

async fn connect(path: &Path, frozen: bool) -> Result<SqliteConnection, sqlx::Error> {
    let mut conn = SqliteConnectOptions::new()
        .filename(plain_path(path))
        .read_only(true)
        .immutable(frozen)
        .busy_timeout(BUSY_TIMEOUT)
        .statement_cache_capacity(32)
        .row_buffer_size(ROWS_AHEAD)
        .pragma("query_only", "ON")
        // A file that came from elsewhere may hold views that call functions with side effects.
        .pragma("trusted_schema", "OFF")
        .disable_statement_logging()
        .connect()
        .await?;
    // SQLite opens the log and its index only with the first read.
    sqlx::query("SELECT count(*) FROM sqlite_schema").fetch_one(&mut conn).await?;
    Ok(conn)
}

/// SQLite takes a name that starts with `file:` for a URI with options of its own.
fn plain_path(path: &Path) -> PathBuf {
    if path.is_absolute() { path.to_owned() } else { Path::new(".").join(path) }
}

/// A database whose creation was cut short counts as missing, as it does for a crawl.
fn check_header(path: &Path, earlier: bool) -> Result<(), StoreError> {
    let owned = path.to_owned();
    match header::read(path)? {
        Header::Missing | Header::Empty | Header::Crawl(0) => Err(StoreError::Missing { path: owned }),
        Header::NoDatabase => Err(StoreError::NotADatabase { path: owned }),
        Header::Foreign => Err(StoreError::Foreign { path: owned }),
        Header::Crawl(found) => header::fits(path, found, SCHEMA_VERSION, earlier),
    }
}

/// The schema that the migrations make, read off an empty database in memory.
pub(in crate::store::sqlite) async fn expected_schema(path: &Path) -> Result<Vec<SchemaObject>, StoreError> {
    let fault = |e| store_error(path, "building the schema to compare with", e);
    let mut empty = SqliteConnectOptions::new().in_memory(true).connect().await.map_err(fault)?;
    MIGRATOR.run_direct(None, &mut empty, false).await.map_err(|e| fault(sqlx::Error::Migrate(Box::new(e))))?;
    let objects = schema::objects(&mut empty).await.map_err(fault)?;
    empty.close().await.map_err(fault)?;
    Ok(objects)
}

/// `SQLITE_CANTOPEN` or a kind of `SQLITE_READONLY`: no access to the log or its index.
fn cannot_open(error: &sqlx::Error) -> bool {
    matches!(code_of(error), Some(8 | 14))
}

fn log_is_empty(path: &Path) -> bool {
    std::fs::metadata(beside(path, "-wal")).map_or(true, |m| m.len() == 0)
}

pub(super) fn stopped_or(path: &Path, what: &'static str, watch: &Watch, error: sqlx::Error) -> StoreError {
    match watch.stopped() {
        Some(_) => stopped(watch, what),
        None => store_error(path, what, error),
    }
}

fn stopped(watch: &Watch, what: &'static str) -> StoreError {
    match watch.stopped() {
        Some(Stopped::Time) => StoreError::Query(format!("{what} took longer than its time limit")),
        Some(Stopped::Cancelled) | None => StoreError::Query(format!("{what} was stopped")),
    }
}
