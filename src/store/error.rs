//! [`StoreError`]: what can be wrong with a database, each with its remedy in the text.

use std::path::PathBuf;

/// Why the database cannot be used. Every message names the thing and the remedy.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Another process crawls into the same file.
    #[error("{path} is in use by another crawl (process {pid}); wait for it, stop it, or choose another --db", path = path.display())]
    InUse {
        /// The database file.
        path: PathBuf,
        /// Its process id, `unknown` when it cannot be read.
        pid: String,
    },
    /// The file is not there.
    #[error("{path} does not exist; start a crawl with: sqrawl crawl URL --db {path}", path = path.display())]
    Missing {
        /// The database file.
        path: PathBuf,
    },
    /// Not a SQLite file.
    #[error("{path} is not a SQLite database and was left unchanged; choose another --db", path = path.display())]
    NotADatabase {
        /// The file.
        path: PathBuf,
    },
    /// A SQLite file of another program.
    #[error("{path} is a SQLite database of another program and was left unchanged; choose another --db", path = path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// Written by a later version.
    #[error("{path} has schema version {found}, this sqrawl knows {known}; use a newer sqrawl (the file was left unchanged)", path = path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Version in the file.
        found: i64,
        /// Newest version this program knows.
        known: i64,
    },
    /// The file or its folder cannot be written.
    #[error("{path} cannot be written: {cause}; make the file and its folder writable, or choose another --db", path = path.display())]
    ReadOnly {
        /// The file.
        path: PathBuf,
        /// What the system says.
        cause: String,
    },
    /// A file system on which SQLite's locks do not hold.
    #[error("{path} is on a network file system ({kind}), where SQLite cannot lock safely; choose a --db on a local disk", path = path.display())]
    NetworkFileSystem {
        /// The file.
        path: PathBuf,
        /// Its kind.
        kind: String,
    },
    /// No space.
    #[error("no space left for {path}; free some, then: sqrawl resume --db {path} (everything committed is kept)", path = path.display())]
    DiskFull {
        /// The file.
        path: PathBuf,
    },
    /// An earlier error ended the connection; that one is the cause.
    #[error("{path} was closed by an earlier error", path = path.display())]
    Closed {
        /// The file.
        path: PathBuf,
    },
    /// Another tool held a lock for too long.
    #[error("{path} stayed locked by another program; end its write transaction, then: sqrawl resume --db {path}", path = path.display())]
    Locked {
        /// The file.
        path: PathBuf,
    },
    /// SQLite says the file is damaged, or a row holds what was never written.
    #[error("{path} is damaged: {detail}; look at it with: sqrawl doctor --db {path}", path = path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What was found, with table and column.
        detail: String,
    },
    /// Anything else the database or the disk said.
    #[error("{path}: {what} failed: {detail}", path = path.display())]
    Database {
        /// The file.
        path: PathBuf,
        /// What was being done.
        what: &'static str,
        /// What it said.
        detail: String,
        /// The cause, as far as it is known.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// The SQL of a query was refused or failed.
    #[error("{0}")]
    Query(String),
}
