//! The read side: queries that cannot write, limits that stop, facts that are right, damage found.

mod beside;
mod doctor;
mod escapes;
mod facts;
mod file;
mod query;
mod reports;
mod runaways;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, SqliteConnection};
use sqrawl::report::{self, Look};
use sqrawl::store::StoreError;
use sqrawl::store::sqlite::read::{
    Cancel, DoctorOptions, Limits, Lookup, QueryEndReason, Reader, RowSink, Rows, Severity, ShowLimits, Value,
};
use sqrawl::store::sqlite::{OpenMode, Repaired, SqliteStore};
use tempfile::TempDir;

/// A crawl of two hosts: a start page, a page with a body, a redirect to it, a missing page, one
/// waiting and one excluded.
const CRAWL: &str = include_str!("read/crawl.sql");

/// A folder with one crawl database.
struct Scratch {
    folder: TempDir,
    path: PathBuf,
}

impl Scratch {
    async fn new() -> Scratch {
        Self::of(CRAWL).await
    }

    async fn of(crawl: &'static str) -> Scratch {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("crawl.db");
        create(&path).await;
        let scratch = Scratch { folder, path };
        scratch.write(crawl).await;
        scratch
    }

    async fn connection(&self) -> SqliteConnection {
        let options = SqliteConnectOptions::new().filename(&self.path).pragma("foreign_keys", "OFF");
        options.connect().await.expect("a connection")
    }

    /// Writes behind the crawl's back.
    async fn write(&self, sql: &'static str) {
        self.write_text(sql.to_owned()).await;
    }

    async fn write_text(&self, sql: String) {
        let mut conn = self.connection().await;
        sqlx::raw_sql(AssertSqlSafe(sql.clone())).execute(&mut conn).await.expect(&sql);
        conn.close().await.expect("closed");
    }

    /// Repairs it as `sqrawl doctor --repair` does; what was changed.
    async fn repair(&self) -> Vec<Repaired> {
        let store = SqliteStore::open(&self.path, OpenMode::AsItIs, false).await.expect("a store");
        let repaired = store.repair(10_000).await.expect("repaired");
        store.close().await.expect("closed");
        repaired
    }

    async fn reader(&self) -> Reader {
        Reader::open(&self.path).await.expect("a crawl database")
    }

    /// Every file of the folder but the log's index, in which readers mark their place.
    fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        files_in(self.folder.path()).into_iter().filter(|(path, _)| !path.ends_with("crawl.db-shm")).collect()
    }
}

fn files_in(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    entries
        .map(|entry| entry.expect("an entry").path())
        .map(|p| (p.clone(), std::fs::read(p).unwrap_or_default()))
        .collect()
}

async fn create(path: &Path) {
    let store = SqliteStore::open(path, OpenMode::CreateOrOpen, false).await.expect("a new file");
    store.close().await.expect("closed");
}

async fn rows(reader: &mut Reader, sql: &str) -> Rows {
    let mut rows = Rows::default();
    reader.query(sql, &[], &Limits::default(), &mut rows).await.expect(sql);
    rows
}

async fn refusal(reader: &mut Reader, sql: &str) -> String {
    let limits = Limits { time: Some(Duration::from_secs(5)), ..Limits::default() };
    match reader.query(sql, &[], &limits, &mut Rows::default()).await {
        Err(StoreError::Query(message)) => message,
        other => panic!("{sql:?} gave {other:?}"),
    }
}

fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}
