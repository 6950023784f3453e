//! [`Backend`]: a database made for one test, and a way to look at it past the store.

use std::path::PathBuf;

use sqlx::sqlite::{SqliteConnectOptions, SqliteRow};
use sqlx::{AssertSqlSafe, Column, ConnectOptions, Connection, Row, SqliteConnection, TypeInfo, ValueRef};
use sqrawl::store::Store;
use sqrawl::store::sqlite::read::{DoctorOptions, Limits, Reader, Severity};
use sqrawl::store::sqlite::{OpenMode, SqliteStore};
use tempfile::TempDir;

/// One database. The cases write SQL that every backend understands.
pub trait Backend: Sized {
    type Store: Store;

    /// An empty database.
    async fn fresh() -> Self;

    /// Opens it as a new process would. The store that was open before is gone by then.
    async fn open(&self) -> Self::Store;

    /// The process that has the store dies: nothing is tidied up.
    fn die(&self, store: Self::Store);

    /// Rows of a query; numbers as decimal text, blobs as hexadecimal text, NULL as `-`.
    async fn rows(&self, sql: &str) -> Vec<Vec<String>>;

    /// Changes rows behind the store's back, as another program would.
    async fn change(&self, sql: &str);

    /// Panics when the database finds fault with itself.
    async fn check(&self);
}

/// Promises that the engine keeps and not the store, which writes down what it is told.
const OF_THE_ENGINE: [&str; 4] = ["url_state", "redirect_without_target", "seeds", "round_end"];

/// A SQLite file in a folder of its own.
pub struct Sqlite {
    folder: TempDir,
}

impl Sqlite {
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("crawl.db")
    }

    pub async fn connection(&self) -> SqliteConnection {
        let options = SqliteConnectOptions::new().filename(self.path()).foreign_keys(true);
        options.connect().await.expect("a connection")
    }
}

impl Backend for Sqlite {
    type Store = SqliteStore;

    async fn fresh() -> Self {
        Sqlite { folder: tempfile::tempdir().expect("a folder") }
    }

    async fn open(&self) -> SqliteStore {
        SqliteStore::open(&self.path(), OpenMode::CreateOrOpen, false).await.expect("a store")
    }

    fn die(&self, store: SqliteStore) {
        let lock = self.folder.path().join("crawl.db-lock");
        let left = std::fs::read(&lock).expect("a lock file");
        drop(store);
        std::fs::write(lock, left).expect("written");
    }

    async fn rows(&self, sql: &str) -> Vec<Vec<String>> {
        let mut connection = self.connection().await;
        let rows = sqlx::query(AssertSqlSafe(sql.to_owned())).fetch_all(&mut connection).await;
        connection.close().await.expect("closed");
        rows.unwrap_or_else(|error| panic!("{sql}: {error}")).iter().map(row_text).collect()
    }

    async fn change(&self, sql: &str) {
        let mut connection = self.connection().await;
        let changed = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await;
        connection.close().await.expect("closed");
        changed.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    async fn check(&self) {
        assert_eq!(self.rows("PRAGMA foreign_key_check").await, Vec::<Vec<String>>::new());
        assert_eq!(self.rows("PRAGMA integrity_check").await, [["ok"]]);
        let mut reader = Reader::open(&self.path()).await.expect("a crawl");
        let diagnosis = reader.doctor(DoctorOptions::default(), &Limits::default()).await.expect("a diagnosis");
        reader.close().await;
        let damage = diagnosis.findings.iter().filter(|finding| finding.severity == Severity::Damage);
        let damage: Vec<_> = damage.filter(|finding| !OF_THE_ENGINE.contains(&finding.check)).collect();
        assert!(damage.is_empty(), "{damage:#?}");
    }
}

fn row_text(row: &SqliteRow) -> Vec<String> {
    row.columns().iter().map(|column| value_text(row, column.ordinal())).collect()
}

fn value_text(row: &SqliteRow, at: usize) -> String {
    let value = row.try_get_raw(at).expect("a column");
    if value.is_null() {
        return "-".to_owned();
    }
    match value.type_info().name() {
        "INTEGER" => row.get::<i64, _>(at).to_string(),
        "REAL" => row.get::<f64, _>(at).to_string(),
        "BLOB" => row.get::<Vec<u8>, _>(at).iter().map(|byte| format!("{byte:02x}")).collect(),
        _ => row.get::<String, _>(at),
    }
}
