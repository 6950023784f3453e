//! [`Life`]: one life of the crawler's process; [`Reader`]: its database, seen from outside.

use std::fs::{self, File};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant, SystemTime};

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection, Row};

/// Nothing here takes this long; a wait that does is a failure, not a delay.
pub(super) const WATCHDOG: Duration = Duration::from_secs(180);

/// The program under test: that of this build, or `SQRAWL_KILLS_BIN`. It hears of no setting but those
/// that are given as flags.
pub(super) fn program(folder: &Path) -> Command {
    let file = std::env::var_os("SQRAWL_KILLS_BIN").unwrap_or_else(|| env!("CARGO_BIN_EXE_sqrawl").into());
    let mut command = Command::new(file);
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("SQRAWL_")) {
        command.env_remove(name);
    }
    command.current_dir(folder).env_remove("DATABASE_URL").env_remove("RUST_LOG").stdin(Stdio::null());
    command
}

/// A running crawl. It is killed when dropped.
pub(super) struct Life {
    child: Child,
    stderr: PathBuf,
}

impl Life {
    /// Starts the program in `folder` with `args`; it is to die at `failpoint`.
    pub(super) fn start(folder: &Path, args: &[String], failpoint: Option<&str>) -> Life {
        let stderr = folder.join("stderr.txt");
        let child = program(folder)
            .args(args)
            .envs(failpoint.map(|failpoint| ("SQRAWL_FAILPOINT", failpoint)))
            .stdout(File::create(folder.join("stdout.txt")).unwrap())
            .stderr(File::create(&stderr).unwrap())
            .spawn()
            .unwrap();
        Life { child, stderr }
    }

    /// Polls until `seen`.
    ///
    /// # Errors
    /// The process ended first.
    pub(super) fn wait_until(&mut self, what: &str, mut seen: impl FnMut() -> bool) -> Result<(), String> {
        let began = Instant::now();
        while !seen() {
            if let Some(status) = self.child.try_wait().unwrap() {
                return Err(format!("the crawl ended ({status}) before {what}: {}", self.said()));
            }
            assert!(began.elapsed() < WATCHDOG, "still waiting: {what}\n{}", self.said());
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    /// Waits for the process to end by itself, as long as `progress` grows.
    pub(super) fn wait(&mut self, progress: impl Fn() -> usize) -> ExitStatus {
        let (mut since, mut before) = (Instant::now(), progress());
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            let now = progress();
            if now != before {
                (since, before) = (Instant::now(), now);
            }
            assert!(since.elapsed() < WATCHDOG, "the crawl neither goes on nor ends:\n{}", self.said());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// SIGKILL; returns when the process is gone.
    ///
    /// # Errors
    /// It ended by itself before.
    pub(super) fn kill(&mut self) -> Result<(), String> {
        self.child.kill().unwrap();
        let status = self.child.wait().unwrap();
        match status.code() {
            None => Ok(()),
            Some(_) => Err(format!("the crawl ended ({status}) before the kill: {}", self.said())),
        }
    }

    /// SIGTERM; returns at once.
    pub(super) fn ask_to_leave(&self) {
        let id = rustix::process::Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
    }

    /// Waits for the death at the failpoint that was given.
    ///
    /// # Errors
    /// It ended otherwise.
    pub(super) fn die(&mut self, progress: impl Fn() -> usize) -> Result<(), String> {
        let status = self.wait(progress);
        let said = self.said();
        let is_death = status.signal() == Some(rustix::process::Signal::ABORT.as_raw()) && said.contains("failpoint ");
        if is_death { Ok(()) } else { Err(format!("the crawl ended ({status}) and not at its failpoint: {said}")) }
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

/// `sqrawl doctor` on a file.
pub(super) fn doctor(db: &Path) -> Output {
    program(db.parent().unwrap()).arg("doctor").arg("--db").arg(db).output().unwrap()
}

/// A reader of the database, as any other program would be.
pub(super) struct Reader {
    pub(super) runtime: tokio::runtime::Runtime,
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

    /// Committed fetches; 0 before there is a database.
    pub(super) fn fetches(&self, db: &Path) -> usize {
        let counted = db.exists().then(|| self.rows(db, "SELECT n FROM totals WHERE name = 'fetches'")).flatten();
        counted.map_or(0, |rows| rows[0][0].parse().unwrap())
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
    assert_eq!(reader.fetches(&db), 0, "there is no file");
    reader.runtime.block_on(async {
        let mut connection = SqliteConnectOptions::new().filename(&db).create_if_missing(true).connect().await.unwrap();
        sqlx::query("CREATE TABLE t (n INTEGER, s TEXT)").execute(&mut connection).await.unwrap();
        sqlx::query("INSERT INTO t VALUES (-12, 'ü'), (NULL, '')").execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    });
    assert_eq!(reader.rows(&db, "SELECT n, s FROM t").unwrap(), [["-12", "ü"], ["", ""]]);
    assert_eq!(reader.rows(&db, "SELECT 1 FROM fetches"), None);
    assert_eq!(reader.fetches(&db), 0);
}
