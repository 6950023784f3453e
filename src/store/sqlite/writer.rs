//! [`Writer`]: the one connection that writes, and [`Tx`], a transaction on it.
//!
//! A transaction begins IMMEDIATE: a deferred one that reads first and then writes fails at once
//! when another program has written meanwhile, whatever the timeout. After an error that may have
//! rolled back by itself the connection is dropped and never used again. A future that is dropped
//! in the middle leaves its transaction open; the next one rolls it back first.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use sqlx::sqlite::{SqliteArguments, SqliteConnection, SqliteRow};
use sqlx::{Connection, Executor};
use tokio::sync::{Mutex, MutexGuard};

use crate::store::StoreError;

use super::fault::{leaves_connection_usable, store_error};

/// A statement with its parameters.
pub(super) type Statement<'q> = sqlx::query::Query<'q, sqlx::Sqlite, SqliteArguments>;

#[derive(Debug)]
pub(super) struct Writer {
    path: PathBuf,
    state: Mutex<State>,
    statements: AtomicU64,
}

#[derive(Debug)]
struct State {
    /// `None` after an error that makes it unfit.
    connection: Option<SqliteConnection>,
    /// A transaction was begun and not ended.
    open: bool,
}

impl Writer {
    pub(super) fn new(path: PathBuf, connection: SqliteConnection) -> Self {
        let state = State { connection: Some(connection), open: false };
        Writer { path, state: Mutex::new(state), statements: AtomicU64::new(0) }
    }

    pub(super) fn statements(&self) -> u64 {
        self.statements.load(Ordering::Relaxed)
    }

    /// Begins a transaction; `what` is for messages.
    pub(super) async fn begin(&self, what: &'static str) -> Result<Tx<'_>, StoreError> {
        let state = self.state.lock().await;
        let mut tx = Tx { writer: self, state, what };
        if tx.state.open {
            // Fails when the transaction had in fact ended; then there is nothing to roll back.
            let connection = tx.connection()?;
            let _ = connection.execute("ROLLBACK").await;
        }
        tx.state.open = true;
        tx.control("BEGIN IMMEDIATE").await?;
        Ok(tx)
    }

    pub(super) async fn close(self) -> Result<(), StoreError> {
        match self.state.into_inner().connection {
            Some(connection) => connection.close().await.map_err(|e| store_error(&self.path, "closing", e)),
            None => Ok(()),
        }
    }
}

/// A transaction. Ended by [`Tx::end`]; dropped without it, it is rolled back.
#[derive(Debug)]
pub(super) struct Tx<'w> {
    writer: &'w Writer,
    state: MutexGuard<'w, State>,
    what: &'static str,
}

impl Tx<'_> {
    pub(super) fn path(&self) -> &Path {
        &self.writer.path
    }

    /// Runs a statement; the number of rows it changed.
    pub(super) async fn execute(&mut self, statement: Statement<'_>) -> Result<u64, StoreError> {
        self.writer.statements.fetch_add(1, Ordering::Relaxed);
        let connection = self.connection()?;
        let result = statement.execute(connection).await;
        self.kept(result).map(|done| done.rows_affected())
    }

    /// Runs a statement; its rows.
    pub(super) async fn rows(&mut self, statement: Statement<'_>) -> Result<Vec<SqliteRow>, StoreError> {
        self.writer.statements.fetch_add(1, Ordering::Relaxed);
        let connection = self.connection()?;
        let result = statement.fetch_all(connection).await;
        self.kept(result)
    }

    /// Runs a statement; its first row, which must be there.
    pub(super) async fn row(&mut self, statement: Statement<'_>) -> Result<SqliteRow, StoreError> {
        let rows = self.rows(statement).await?;
        rows.into_iter().next().ok_or_else(|| self.corrupt("a row that must be there is missing".to_owned()))
    }

    /// Commits what succeeded, rolls back what did not.
    pub(super) async fn end<T>(mut self, result: Result<T, StoreError>) -> Result<T, StoreError> {
        match result {
            Ok(value) => {
                self.control("COMMIT").await?;
                self.state.open = false;
                Ok(value)
            }
            Err(error) => {
                if self.state.connection.is_some() && self.control("ROLLBACK").await.is_ok() {
                    self.state.open = false;
                }
                Err(error)
            }
        }
    }

    /// The error for a row that this program never wrote.
    pub(super) fn corrupt(&self, detail: String) -> StoreError {
        StoreError::Corrupt { path: self.writer.path.clone(), detail }
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
