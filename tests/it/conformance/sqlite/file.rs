//! Opening: ours, nobody's, somebody's. A refused file and its folder stay byte for byte.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};
use sqrawl::model::{CrawlSettings, EndedBy, UrlId, WorkStage};
use sqrawl::store::sqlite::{APPLICATION_ID, OpenMode, SCHEMA_VERSION, SqliteStore};
use sqrawl::store::{SessionOpen, Store, StoreError};
use tempfile::TempDir;

use super::super::backend::{Backend, Sqlite};
use super::super::crawl::Crawl;

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

async fn open(path: &Path) -> Result<SqliteStore, StoreError> {
    SqliteStore::open(path, OpenMode::CreateOrOpen, false).await
}

/// Every file below a folder with its bytes and when it was changed.
fn listing(folder: &Path) -> BTreeMap<PathBuf, (Vec<u8>, std::time::SystemTime)> {
    std::fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| {
            let path = entry.expect("an entry").path();
            let changed = std::fs::metadata(&path).and_then(|about| about.modified()).expect("a time");
            let bytes = if path.is_dir() { Vec::new() } else { std::fs::read(&path).expect("bytes") };
            (path, (bytes, changed))
        })
        .collect()
}

fn names(folder: &Path) -> Vec<String> {
    listing(folder).keys().filter_map(|path| Some(path.file_name()?.to_str()?.to_owned())).collect()
}

/// Makes a database with these statements; `crash`: its log is left behind.
async fn make(path: &Path, sql: &str, crash: bool) {
    let options = SqliteConnectOptions::new().filename(path).create_if_missing(true).journal_mode(if crash {
        SqliteJournalMode::Wal
    } else {
        SqliteJournalMode::Delete
    });
    let mut connection = options.connect().await.expect("a connection");
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await.expect("made");
    if !crash {
        return connection.close().await.expect("closed");
    }
    let kept: Vec<(PathBuf, Vec<u8>)> = ["", "-wal"]
        .iter()
        .map(|suffix| {
            let file = PathBuf::from(format!("{}{suffix}", path.display()));
            let bytes = std::fs::read(&file).expect("bytes");
            (file, bytes)
        })
        .collect();
    connection.close().await.expect("closed");
    for (file, bytes) in kept {
        std::fs::write(file, bytes).expect("written");
    }
}

/// Opens, expects a refusal that `is` the right one, and compares the folder.
async fn refused(path: &Path, is: impl Fn(&StoreError) -> bool) {
    let folder = path.parent().expect("a folder");
    let before = listing(folder);
    for mode in [OpenMode::CreateOrOpen, OpenMode::MustExist] {
        let error = SqliteStore::open(path, mode, false).await.expect_err("refused");
        assert!(is(&error), "{error:?}");
        assert_eq!(listing(folder), before, "{error}");
    }
}

#[tokio::test]
async fn a_foreign_database_is_refused_and_left_alone() {
    for (sql, crash) in [
        ("CREATE TABLE notes (text TEXT); INSERT INTO notes VALUES ('dear diary')", false),
        ("CREATE TABLE notes (text TEXT); INSERT INTO notes VALUES ('dear diary')", true),
        ("PRAGMA application_id = 252006674; CREATE TABLE fossil (x)", false),
    ] {
        let folder = folder();
        let path = folder.path().join("notes.db");
        make(&path, sql, crash).await;
        refused(&path, |error| matches!(error, StoreError::Foreign { .. })).await;
    }
}

#[tokio::test]
async fn what_is_no_database_is_refused_and_left_alone() {
    for bytes in [&b"x"[..], b"SQLite format 2\0and more", &[0; 8192], &b"a letter ".repeat(100)] {
        let folder = folder();
        let path = folder.path().join("letter.txt");
        std::fs::write(&path, bytes).expect("written");
        // A lock file that a killed process left is not touched either.
        std::fs::write(folder.path().join("letter.txt-lock"), "4711\n").expect("written");
        refused(&path, |error| matches!(error, StoreError::NotADatabase { .. })).await;
    }
    let folder = folder();
    std::fs::create_dir(folder.path().join("a.db")).expect("a folder");
    refused(&folder.path().join("a.db"), |error| matches!(error, StoreError::NotADatabase { .. })).await;
}

#[tokio::test]
async fn a_newer_schema_is_refused_and_left_alone() {
    let newer = i64::from(SCHEMA_VERSION) + 1;
    let sql = format!("PRAGMA application_id = {APPLICATION_ID}; CREATE TABLE t (x); PRAGMA user_version = {newer}");
    // With a log left behind, the file itself does not say yet how new it is.
    for crash in [false, true] {
        let folder = folder();
        let path = folder.path().join("crawl.db");
        make(&path, &sql, crash).await;
        refused(
            &path,
            |error| matches!(error, StoreError::Newer { found, known, .. } if *found == newer && *known == newer - 1),
        )
        .await;
    }
}

#[tokio::test]
async fn a_missing_file_is_not_made_by_resume() {
    let folder = folder();
    for path in ["crawl.db", "no-such-folder/crawl.db"] {
        let path = folder.path().join(path);
        let error = SqliteStore::open(&path, OpenMode::MustExist, false).await.expect_err("refused");
        assert!(matches!(error, StoreError::Missing { .. }), "{error:?}");
    }
    let error = open(&folder.path().join("no-such-folder/crawl.db")).await.expect_err("refused");
    assert!(matches!(&error, StoreError::ReadOnly { cause, .. } if cause.contains("no folder")), "{error:?}");
    assert_eq!(names(folder.path()), [""; 0]);
}

/// A folder that cannot be written, made read-only by its permissions and, where the tests run as
/// root (whom permissions do not stop), by the immutable attribute.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_read_only_file_or_folder_is_refused_and_left_alone() {
    use std::os::unix::fs::PermissionsExt;
    let mode = |path: &Path, mode: u32| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("permissions");
    };
    let attribute = |flag: &str, path: &Path| {
        std::process::Command::new("chattr").arg(flag).arg(path).output().is_ok_and(|run| run.status.success())
    };
    for whole_folder in [true, false] {
        let folder = folder();
        let path = folder.path().join("crawl.db");
        open(&path).await.expect("made").close().await.expect("closed");
        let thing = if whole_folder { folder.path() } else { &path };
        let (closed, opened) = if whole_folder { (0o555, 0o755) } else { (0o444, 0o644) };
        mode(thing, closed);
        let mut immutable = false;
        if rustix_is_root() {
            immutable = attribute("+i", thing);
            if !immutable {
                eprintln!("SKIPPED: root, and no immutable attribute on this file system");
                mode(thing, opened);
                continue;
            }
        }
        let before = listing(folder.path());
        let error = open(&path).await.expect_err("refused");
        let after = listing(folder.path());
        if immutable {
            assert!(attribute("-i", thing));
        }
        mode(thing, opened);
        assert!(matches!(error, StoreError::ReadOnly { .. }), "{error:?}");
        assert_eq!(before, after);
        open(&path).await.expect("writable again");
    }
}

#[cfg(target_os = "linux")]
fn rustix_is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[tokio::test]
async fn a_second_crawl_into_the_same_file_is_refused_at_once() {
    let folder = folder();
    let path = folder.path().join("crawl.db");
    let link = folder.path().join("link.db");
    let first = open(&path).await.expect("a store");
    std::os::unix::fs::symlink(&path, &link).expect("a link");
    let pid = std::process::id().to_string();
    for name in [&path, &link] {
        let error = open(name).await.expect_err("refused");
        assert!(matches!(&error, StoreError::InUse { pid: holder, .. } if *holder == pid), "{error:?}");
    }
    // The refusal took nothing from the one that runs.
    let open_session =
        SessionOpen { settings: &CrawlSettings::default(), version: "1", delay_ms: 0, recrawl: false, judging: false };
    first.begin_session(open_session, 1).await.expect("a session");
    first.close().await.expect("closed");
    let second = open(&link).await.expect("free again");
    assert!(second.stored_crawl().await.expect("readable").is_some());
}

/// A parse that nobody waits for any more is in work still when the session has ended: the lock file stayed.
#[tokio::test]
async fn a_session_that_ended_left_its_lock_file() {
    let folder = folder();
    let store = open(&folder.path().join("crawl.db")).await.expect("a store");
    let open_session =
        SessionOpen { settings: &CrawlSettings::default(), version: "1", delay_ms: 0, recrawl: false, judging: false };
    let start = store.begin_session(open_session, 1).await.expect("a session");
    store.work_slots().set(0, Some((UrlId(1), WorkStage::Parsing)));
    store.end_session(&start, EndedBy::Signal, 2).await.expect("ended");
    store.close().await.expect("closed");
    assert_eq!(names(folder.path()), ["crawl.db"]);
}

#[tokio::test]
async fn a_crawl_that_was_closed_is_one_file() {
    let folder = folder();
    let path = folder.path().join("crawl.db");
    let store = open(&path).await.expect("a store");
    assert_eq!(names(folder.path()), ["crawl.db", "crawl.db-lock", "crawl.db-shm", "crawl.db-wal"]);
    store.close().await.expect("closed");
    assert_eq!(names(folder.path()), ["crawl.db"]);
    let bytes = std::fs::read(&path).expect("bytes");
    let word = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().expect("4 bytes"));
    assert_eq!((word(60), word(68)), (SCHEMA_VERSION, APPLICATION_ID));
    assert_eq!(u16::from_be_bytes([bytes[16], bytes[17]]), 8192, "page size");
    assert!(word(52) > 0 && word(64) > 0, "incremental auto-vacuum");
}

/// The process may die at any step of making the file.
#[tokio::test]
async fn a_creation_that_was_cut_short_is_taken_up() {
    let mark = format!("PRAGMA page_size = 8192; PRAGMA auto_vacuum = 2; PRAGMA application_id = {APPLICATION_ID}");
    let log = format!("{mark}; PRAGMA journal_mode = WAL");
    let table = "CREATE TABLE _sqlx_migrations (version BIGINT PRIMARY KEY, description TEXT NOT NULL,
      installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, success BOOLEAN NOT NULL, checksum BLOB NOT NULL,
      execution_time BIGINT NOT NULL)";
    let steps = [None, Some((mark, false)), Some((log.clone(), false)), Some((format!("{log}; {table}"), true))];
    for step in steps {
        let folder = folder();
        let path = folder.path().join("crawl.db");
        match &step {
            None => std::fs::write(&path, b"").expect("written"),
            Some((sql, crash)) => make(&path, sql, *crash).await,
        }
        let store = open(&path).await.unwrap_or_else(|error| panic!("{step:?}: {error}"));
        assert!(store.stored_crawl().await.expect("readable").is_none());
        store.close().await.expect("closed");
        open(&path).await.expect("opens again");
    }
}

#[tokio::test]
async fn a_schema_that_is_not_what_it_says_is_called_damaged() {
    for damage in ["UPDATE _sqlx_migrations SET checksum = x'00'", "UPDATE _sqlx_migrations SET success = 0"] {
        let folder = folder();
        let path = folder.path().join("crawl.db");
        open(&path).await.expect("made").close().await.expect("closed");
        make(&path, damage, false).await;
        let error = open(&path).await.expect_err("refused");
        assert!(
            matches!(&error, StoreError::Corrupt { detail, .. } if detail.contains("_sqlx_migrations")),
            "{error:?}"
        );
    }
}

/// Other tasks of the session may still have something to write when one of them meets damage.
#[tokio::test]
async fn a_store_that_found_damage_changes_nothing_more() {
    let crawl = Crawl::<Sqlite>::of(&["https://a.example/"]).await;
    crawl.backend.change("UPDATE sessions SET config = '{\"scope\": 3}'").await;
    let found = crawl.store().stored_crawl().await;
    assert!(matches!(found, Err(StoreError::Corrupt { .. })), "{found:?}");
    let ended = crawl.store().end_session(&crawl.start, EndedBy::Signal, crawl.now).await;
    assert!(matches!(ended, Err(StoreError::Closed { .. })), "{ended:?}");
    assert_eq!(crawl.rows("SELECT ended_by FROM sessions").await, [["-"]]);
}

#[tokio::test]
async fn names_that_sqlite_reads_as_something_else_are_files() {
    let folder = folder();
    for name in ["file:x.db?mode=memory", ":memory:", "a b%20c.db", "\u{e9}.db"] {
        let path = folder.path().join(name);
        open(&path).await.expect("made").close().await.expect("closed");
        assert!(path.is_file(), "{name}");
    }
}

/// Somebody else's write transaction is waited for, then named.
#[tokio::test]
async fn a_foreign_write_lock_is_named_and_leaves_the_store_usable() {
    let folder = folder();
    let path = folder.path().join("crawl.db");
    let store = open(&path).await.expect("a store");
    let mut other = SqliteConnectOptions::new().filename(&path).connect().await.expect("a connection");
    sqlx::query("BEGIN IMMEDIATE").execute(&mut other).await.expect("a lock");
    let error = store.stored_crawl().await.expect_err("locked");
    assert!(matches!(error, StoreError::Locked { .. }), "{error:?}");
    sqlx::query("ROLLBACK").execute(&mut other).await.expect("released");
    assert!(store.stored_crawl().await.expect("readable").is_none());
}
