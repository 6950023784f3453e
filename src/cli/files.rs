//! Database files as the verbs open them: [`CrawlFile`] is one that a crawl goes into. [`held_by_database`]: outputs that would
//! replace one.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;

use crate::engine::{self, Clock, SystemClock};
use crate::store::sqlite::{OpenMode, SqliteStore};
use crate::store::{Store, StoreError, StoredCrawl};

/// A file that was looked at, and is held by this process when it holds a crawl already. No other
/// crawl can get in between the look and the session.
#[derive(Debug)]
pub(super) struct CrawlFile {
    path: PathBuf,
    held: Option<SqliteStore>,
    /// What it holds; `None`: nothing yet.
    pub(super) stored: Option<StoredCrawl>,
}

impl CrawlFile {
    /// Looks into the file, and applies what was asked of its crawl meanwhile; a missing or empty one is not touched.
    ///
    /// # Errors
    /// [`StoreError`] when it is in use, no database of this program, or cannot be used.
    pub(super) async fn look(path: &Path) -> anyhow::Result<Self> {
        Self::look_as(path, OpenMode::MustExist).await
    }

    /// As [`CrawlFile::look`], but migrates nothing.
    ///
    /// # Errors
    /// As there, and [`StoreError::Older`].
    pub(super) async fn look_only(path: &Path) -> anyhow::Result<Self> {
        Self::look_as(path, OpenMode::AsItIs).await
    }

    async fn look_as(path: &Path, mode: OpenMode) -> anyhow::Result<Self> {
        let path = path.to_owned();
        match SqliteStore::open(&path, mode, false).await {
            Ok(store) => {
                // Only a crawl that is only looked at leaves what was asked of it where it is.
                if mode != OpenMode::AsItIs {
                    engine::apply_waiting(&store, SystemClock::default().now_ms()).await?;
                }
                let stored = store.stored_crawl().await?;
                Ok(CrawlFile { path, held: Some(store), stored })
            }
            Err(StoreError::Missing { .. }) => Ok(CrawlFile { path, held: None, stored: None }),
            Err(error) => Err(error.into()),
        }
    }

    /// The store to crawl into, created where there was none.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be used.
    pub(super) async fn open(self, durable: bool) -> Result<(Arc<SqliteStore>, Option<StoredCrawl>), StoreError> {
        match self.held {
            Some(store) => {
                // Not closed and opened again: nobody gets in between.
                if durable {
                    store.make_durable().await;
                }
                Ok((Arc::new(store), self.stored))
            }
            None => {
                let store = SqliteStore::open(&self.path, OpenMode::CreateOrOpen, durable).await?;
                // Somebody may have been here in between.
                let stored = store.stored_crawl().await?;
                Ok((Arc::new(store), stored))
            }
        }
    }

    /// Lets go of the file.
    ///
    /// # Errors
    /// [`StoreError`] when SQLite cannot close it.
    pub(super) async fn close(self) -> Result<(), StoreError> {
        match self.held {
            Some(store) => store.close().await,
            None => Ok(()),
        }
    }

    /// Removes the file with what SQLite keeps beside it. The lock file stays: it is held.
    ///
    /// # Errors
    /// What the system says.
    pub(super) async fn remove(self) -> anyhow::Result<()> {
        let path = self.path.clone();
        self.close().await?;
        for suffix in ["", "-wal", "-shm"] {
            let mut name = OsString::from(&path);
            name.push(suffix);
            match std::fs::remove_file(&name) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(error).with_context(|| format!("{} cannot be removed", Path::new(&name).display()));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// Closes the store once the session let go of it: the write-ahead log goes back into the file.
pub(super) async fn close(store: Arc<SqliteStore>) {
    let Some(store) = Arc::into_inner(store) else {
        tracing::debug!("a task still holds the database; its log is merged when it is next opened");
        return;
    };
    if let Err(error) = store.close().await {
        tracing::warn!(%error, "the database was not closed cleanly; everything committed is kept");
    }
}

/// What stands in the place of an output that it must not replace, even where it may replace files: the crawl that is
/// read, or any database.
pub(super) fn held_by_database(output: &Path, database: &Path) -> Option<&'static str> {
    let real = fs::canonicalize(output).unwrap_or_else(|_| output.to_owned());
    let is_of_crawl = ["", "-wal", "-shm", "-lock"].into_iter().any(|suffix| {
        let mut beside = database.as_os_str().to_owned();
        beside.push(suffix);
        let beside = PathBuf::from(beside);
        beside == output || fs::canonicalize(&beside).is_ok_and(|beside| beside == real)
    });
    match is_of_crawl {
        true => Some("the crawl itself"),
        false => is_database(output).then_some("a database, which is not overwritten"),
    }
}

fn is_database(file: &Path) -> bool {
    let mut head = [0; 16];
    fs::File::open(file).and_then(|mut file| std::io::Read::read_exact(&mut file, &mut head)).is_ok()
        && head == *b"SQLite format 3\0"
}
