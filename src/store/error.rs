//! [`StoreError`]: what can be wrong with a database, each with its remedy in the text.

use std::path::PathBuf;

/// A size as people read it.
fn size(bytes: u64) -> String {
    bytesize::ByteSize(bytes).display().si().to_string()
}

/// ` (process 17, sqlite3)`, or nothing when nobody is known.
pub(super) fn named(holders: &[String]) -> String {
    if holders.is_empty() { String::new() } else { format!(" ({})", holders.join("; ")) }
}

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
    /// The file is not there or has nothing in it, but its log has: SQLite would remove that.
    #[error("{path} is missing or empty, but its write-ahead log {path}-wal holds {size}, which would be lost; put the file back beside its log, or move the log away to begin anew (nothing was touched)",
        size = size(*log_bytes), path = path.display())]
    LogWithoutFile {
        /// The database file.
        path: PathBuf,
        /// Size of the log.
        log_bytes: u64,
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
    /// Written by an earlier version; nobody migrates it while it is only read.
    #[error("{path} has schema version {found}, this sqrawl reads {known}; migrate it with: sqrawl resume --db {path} (a copy is kept)", path = path.display())]
    Older {
        /// The file.
        path: PathBuf,
        /// Version in the file.
        found: i64,
        /// The version this program reads.
        known: i64,
    },
    /// Written by an earlier version, and the copy that is kept before a migration cannot be made.
    #[error("{path} has schema version {found}, and before it is migrated to {known} a copy is kept: {cause}; or make one elsewhere (sqrawl backup) and put it, or a link to it, at {copy}",
        path = path.display(), copy = copy.display())]
    NotMigrated {
        /// The file.
        path: PathBuf,
        /// Version in the file.
        found: i64,
        /// The version of this program.
        known: i64,
        /// Where the copy is to be.
        copy: PathBuf,
        /// Why it cannot be made.
        cause: Box<StoreError>,
    },
    /// No space.
    #[error("no space left for {path}; free some, then: sqrawl resume --db {path} (everything committed is kept)", path = path.display())]
    DiskFull {
        /// The file.
        path: PathBuf,
    },
    /// Less space than is to stay free.
    #[error("only {free} left on the disk of {path}, and the next commit needs {needed} (--min-free and the commit itself); free some, then: sqrawl resume --db {path} (everything committed is kept)",
        free = size(*free_bytes), needed = size(*needed_bytes), path = path.display())]
    LittleSpace {
        /// The file.
        path: PathBuf,
        /// What is free.
        free_bytes: u64,
        /// What is to stay free, and what the next commit takes.
        needed_bytes: u64,
    },
    /// The limit that a shell sets on the size of files.
    #[error("{path} has reached the largest size that a file may have here, {limit} (`ulimit -f`); raise that, then: sqrawl resume --db {path} (everything committed is kept)",
        limit = size(*limit_bytes), path = path.display())]
    FileSizeLimit {
        /// The file.
        path: PathBuf,
        /// The limit.
        limit_bytes: u64,
    },
    /// The disk, or what stands for one, does not do what it is asked for.
    #[error("{path}: {what} failed: {detail}; look at the disk and its quota (`dmesg`, `df`, `quota`), then: sqrawl resume --db {path} (everything committed is kept)", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What was being done.
        what: &'static str,
        /// What SQLite said.
        detail: String,
    },
    /// A file beside the database cannot be opened or made.
    #[error("{path} cannot be opened: {detail}; look at the permissions of its folder and of the files beside it (-wal, -shm), and at `ulimit -n`", path = path.display())]
    CannotOpen {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        detail: String,
    },
    /// A copy is never written over a file.
    #[error("{found} exists and is not overwritten; choose another name than {path}, or move it away", found = found.display(), path = path.display())]
    CopyExists {
        /// The copy.
        path: PathBuf,
        /// What is there: the file, or what SQLite keeps beside one.
        found: PathBuf,
    },
    /// No space for a copy.
    #[error("no space for the copy {path}{needed}; free some or choose another disk (nothing of it was left behind)",
        needed = needed_bytes.map(|bytes| format!(", which takes about {}", size(bytes))).unwrap_or_default(), path = path.display())]
    CopyFull {
        /// The copy.
        path: PathBuf,
        /// What it would take, about.
        needed_bytes: Option<u64>,
    },
    /// A copy would be larger than the shell lets a file be.
    #[error("the copy {path} would be larger than a file may be here, {limit} (`ulimit -f`); raise that and begin again (nothing of it was left behind)",
        limit = size(*limit_bytes), path = path.display())]
    CopyTooLarge {
        /// The copy.
        path: PathBuf,
        /// The limit.
        limit_bytes: u64,
    },
    /// A copy cannot be written.
    #[error("the copy {path} cannot be written: {detail}; make its folder writable, or choose another place (nothing of it was left behind)", path = path.display())]
    Copy {
        /// The copy.
        path: PathBuf,
        /// What the system says.
        detail: String,
    },
    /// An earlier error ended the connection; that one is the cause.
    #[error("{path} was closed by an earlier error", path = path.display())]
    Closed {
        /// The file.
        path: PathBuf,
    },
    /// Another tool held a lock for too long.
    #[error("{path} stayed locked by another program{by}; end its write transaction, then: sqrawl resume --db {path}", by = named(holders), path = path.display())]
    Locked {
        /// The file.
        path: PathBuf,
        /// The programs that hold it, as far as the system tells.
        holders: Vec<String>,
    },
    /// Somebody has a long transaction open, so that the log only grows.
    #[error("the write-ahead log of {path} has grown to {size} and cannot be emptied while another program{by} reads or writes in one long transaction; end that, then try again (what is committed is kept)",
        by = named(holders), size = size(*log_bytes), path = path.display())]
    LongLog {
        /// The file.
        path: PathBuf,
        /// Size of the log.
        log_bytes: u64,
        /// Those programs, as far as the system tells.
        holders: Vec<String>,
    },
    /// SQLite says the file is damaged, or a row holds what was never written.
    #[error("{path} is damaged: {detail}; look at it with: sqrawl doctor --db {path}", path = path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What was found, with table and column.
        detail: String,
    },
    /// URLs are to be visited, and no host that has them can be leased: an index, a ready time or a counter is
    /// not what the rows say.
    #[error("{path} has {urls} URLs to visit that nothing in it leads to: an index, a ready time or a counter is wrong; put it right with: sqrawl doctor --repair --db {path}, then: sqrawl resume --db {path} (everything committed is kept)", path = path.display())]
    Stranded {
        /// The file.
        path: PathBuf,
        /// How many, by the counters of their hosts.
        urls: u64,
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
