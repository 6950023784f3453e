//! [`Life`]: one life of the crawler's process, and what its database says from outside.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant, SystemTime};

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection, Row};

/// Nothing here takes this long; a wait that does is a failure, not a delay.
const WATCHDOG: Duration = Duration::from_secs(180);

/// A running crawl. It is killed when dropped.
pub(super) struct Life {
    child: Child,
    stderr: PathBuf,
}

impl Life {
    /// Starts the binary in `folder` with `args`.
    pub(super) fn start(folder: &Path, args: &[String]) -> Life {
        let stderr = folder.join("stderr.txt");
        let child = Command::new(env!("CARGO_BIN_EXE_sqrawl"))
            .args(args)
            .current_dir(folder)
            .env_remove("DATABASE_URL")
            .env_remove("RUST_LOG")
            .stdin(Stdio::null())
            .stdout(File::create(folder.join("stdout.txt")).unwrap())
            .stderr(File::create(&stderr).unwrap())
            .spawn()
            .unwrap();
        Life { child, stderr }
    }

    /// Polls until `seen`; fails when the process ends first.
    pub(super) fn wait_until(&mut self, what: &str, mut seen: impl FnMut() -> bool) {
        let began = Instant::now();
        while !seen() {
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("the crawl ended ({status}) before {what}:\n{}", self.said());
            }
            assert!(began.elapsed() < WATCHDOG, "still waiting: {what}\n{}", self.said());
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Waits for the process to end by itself.
    pub(super) fn wait(&mut self) -> ExitStatus {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(began.elapsed() < WATCHDOG, "the crawl does not end:\n{}", self.said());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// SIGKILL; returns when the process is gone.
    pub(super) fn kill(&mut self) {
        self.child.kill().unwrap();
        let status = self.child.wait().unwrap();
        assert_eq!(status.code(), None, "the crawl ended by itself before the kill:\n{}", self.said());
    }

    /// What it wrote to stderr.
    pub(super) fn said(&self) -> String {
        fs::read_to_string(&self.stderr).unwrap_or_default()
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A reader of the database, as any other program would be.
pub(super) struct Reader {
    runtime: tokio::runtime::Runtime,
}

impl Reader {
    pub(super) fn new() -> Reader {
        Reader { runtime: tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap() }
    }

    /// Rows of a query with every column as text, or `None` while there is no such table.
    pub(super) fn rows(&self, db: &Path, sql: &'static str) -> Option<Vec<Vec<String>>> {
        self.runtime.block_on(async {
            let options = SqliteConnectOptions::new().filename(db).read_only(true).busy_timeout(WATCHDOG);
            let mut connection: SqliteConnection = options.connect().await.ok()?;
            let rows = sqlx::query(sql).fetch_all(&mut connection).await.ok()?;
            connection.close().await.ok()?;
            let text = |row: &sqlx::sqlite::SqliteRow| {
                (0..row.len()).map(|i| row.get_unchecked::<Option<String>, _>(i).unwrap_or_default()).collect()
            };
            Some(rows.iter().map(text).collect())
        })
    }

    fn count(&self, db: &Path, sql: &'static str) -> usize {
        self.rows(db, sql).map_or(0, |rows| rows[0][0].parse().unwrap())
    }

    /// Committed fetches; 0 before there is a database.
    pub(super) fn fetches(&self, db: &Path) -> usize {
        if db.exists() { self.count(db, "SELECT count(1) FROM fetches") } else { 0 }
    }

    /// Checks a copy of what a dead process left (so that its own successor is the first to recover
    /// the original), and returns the URLs whose visit is committed.
    pub(super) fn autopsy(&self, db: &Path) -> BTreeSet<String> {
        if fs::metadata(db).map_or(0, |meta| meta.len()) == 0 {
            return BTreeSet::new();
        }
        let folder = tempfile::tempdir().unwrap();
        let copy = folder.path().join("copy.db");
        fs::copy(db, &copy).unwrap();
        let wal = sidecar(db, "-wal");
        if wal.exists() {
            fs::copy(wal, sidecar(&copy, "-wal")).unwrap();
        }
        let integrity = self.rows(&copy, "PRAGMA integrity_check").expect("the database opens");
        assert_eq!(integrity, [["ok"]]);
        let orphans = self.rows(&copy, "PRAGMA foreign_key_check").expect("the database opens");
        assert!(orphans.is_empty(), "rows that refer to none: {orphans:?}");
        let visited = "SELECT DISTINCT u.url FROM fetches f JOIN urls u ON u.id = f.url_id";
        self.rows(&copy, visited).unwrap_or_default().into_iter().map(|mut row| row.remove(0)).collect()
    }
}

/// `crawl.db-wal` beside `crawl.db`.
pub(super) fn sidecar(db: &Path, suffix: &str) -> PathBuf {
    let mut name = db.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Changes whenever something is written to the write-ahead log.
pub(super) fn wal_mark(db: &Path) -> Option<(u64, SystemTime)> {
    let meta = fs::metadata(sidecar(db, "-wal")).ok()?;
    Some((meta.len(), meta.modified().ok()?))
}

#[test]
fn rows_are_read_as_text_and_no_table_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let db = folder.path().join("x.db");
    let reader = Reader::new();
    assert_eq!((reader.fetches(&db), reader.autopsy(&db)), (0, BTreeSet::new()), "there is no file");
    reader.runtime.block_on(async {
        let mut connection = SqliteConnectOptions::new().filename(&db).create_if_missing(true).connect().await.unwrap();
        sqlx::query("CREATE TABLE t (n INTEGER, s TEXT)").execute(&mut connection).await.unwrap();
        sqlx::query("INSERT INTO t VALUES (-12, 'ü'), (NULL, '')").execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    });
    assert_eq!(reader.rows(&db, "SELECT n, s FROM t").unwrap(), [["-12", "ü"], ["", ""]]);
    assert_eq!(reader.rows(&db, "SELECT 1 FROM fetches"), None);
    assert_eq!(reader.autopsy(&db), BTreeSet::new());
}
