//! [`Inbox`]: where other processes put what they ask of a crawl, and read what came of it. It takes no lock of the
//! crawl, and writes one row in a transaction of its own.

use std::path::{Path, PathBuf};

use sqlx::sqlite::SqliteConnection;
use sqlx::{Connection, Row};

use crate::model::{Applied, Command, UnixMs};
use crate::store::StoreError;

use super::fault::store_error;
use super::{beside, open};

/// A connection to the inbox of a crawl.
#[derive(Debug)]
pub struct Inbox {
    path: PathBuf,
    connection: SqliteConnection,
}

impl Inbox {
    /// Opens the inbox, beside a crawl that runs or without one. Not in a process that has a connection to the file
    /// already, but for [`Inbox::attach`].
    ///
    /// # Errors
    /// [`StoreError`] when there is no crawl of this version's schema, or it cannot be written.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        let (path, connection) = beside::connect(path).await?;
        Ok(Inbox { path, connection })
    }

    /// As [`Inbox::open`], in a process that has the file open: its header is not read beside SQLite.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be opened.
    pub async fn attach(path: &Path) -> Result<Self, StoreError> {
        let path = open::absolute(path)?;
        let connection = open::connect(&path, false, false).await;
        let connection = connection.map_err(|error| store_error(&path, "opening the inbox", error))?;
        Ok(Inbox { path, connection })
    }

    /// Whether the file holds a crawl.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be read.
    pub async fn has_crawl(&mut self) -> Result<bool, StoreError> {
        self.ask("SELECT EXISTS (SELECT 1 FROM sessions)").await
    }

    /// Whether a command waits.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be read.
    pub async fn waits(&mut self) -> Result<bool, StoreError> {
        self.ask("SELECT EXISTS (SELECT 1 FROM inbox WHERE applied_ms IS NULL)").await
    }

    /// Whether a host of this name is known.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be read.
    pub async fn knows_host(&mut self, name: &str) -> Result<bool, StoreError> {
        let known = sqlx::query("SELECT 1 FROM hosts WHERE name = ?1").bind(name);
        let known = known.fetch_optional(&mut self.connection).await;
        known.map(|row| row.is_some()).map_err(|error| store_error(&self.path, "reading the hosts", error))
    }

    /// Puts a command in; its row.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be written.
    pub async fn post(&mut self, command: &Command, now: UnixMs) -> Result<i64, StoreError> {
        let fault = |error| store_error(&self.path, "writing into the inbox", error);
        // {"add": …}: the kind stands in a column of its own.
        let value = serde_json::to_value(command).map_err(|error| fault(sqlx::Error::Encode(error.into())))?;
        let payload = value.get(command.kind()).map_or_else(|| "null".to_owned(), ToString::to_string);
        let insert = sqlx::query("INSERT INTO inbox(made_ms, kind, payload) VALUES (?1, ?2, ?3) RETURNING id");
        let row = insert.bind(now).bind(command.kind()).bind(payload).fetch_one(&mut self.connection).await;
        row.and_then(|row| row.try_get(0)).map_err(fault)
    }

    /// What came of a command; `None`: it waits.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be read.
    pub async fn result(&mut self, id: i64) -> Result<Option<Applied>, StoreError> {
        let fault = |error| store_error(&self.path, "reading the inbox", error);
        let row = sqlx::query("SELECT result FROM inbox WHERE id = ?1").bind(id);
        let row = row.fetch_one(&mut self.connection).await.map_err(fault)?;
        let text: Option<String> = row.try_get(0).map_err(fault)?;
        Ok(text.map(|text| serde_json::from_str(&text).unwrap_or_default()))
    }

    /// Closes the connection.
    pub async fn close(self) {
        // Everything is committed; what SQLite could not tidy up it does the next time.
        let _ = self.connection.close().await;
    }

    async fn ask(&mut self, sql: &'static str) -> Result<bool, StoreError> {
        let answer = sqlx::query_scalar::<_, bool>(sql).fetch_one(&mut self.connection).await;
        answer.map_err(|error| store_error(&self.path, "reading the inbox", error))
    }
}
