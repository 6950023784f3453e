//! Opening: decides what a file is before anything touches it, takes the lock, and only then
//! lets SQLite in.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::ConnectOptions;
use sqlx::sqlite::{SqliteAutoVacuum, SqliteConnectOptions, SqliteConnection, SqliteSynchronous};

use crate::store::StoreError;

use super::SqliteStore;
use super::fault::store_error;
use super::header::{self, APPLICATION_ID, Header};
use super::lock::CrawlLock;
use super::migrate::{self, Schema};
use super::writer::Writer;

/// Page size of a new file, in bytes.
pub(super) const PAGE_BYTES: u32 = 8192;
/// How long a write waits for another program's lock.
pub(super) const BUSY: Duration = Duration::from_secs(10);
/// Pages in the WAL before a COMMIT merges what is not merged yet into the file: 48 MB. Most of it has been by then.
pub(super) const CHECKPOINT_PAGES: u32 = 6144;
/// What stays of the WAL on disk after it was merged, and from where on it is cut back: 64 MB.
pub(super) const LOG_LIMIT_BYTES: u64 = 64 * 1024 * 1024;
/// Page cache in KiB; negative is SQLite's way to say KiB. Neither 32 nor 128 MB made a crawl faster.
const CACHE_KIB: i32 = -16 * 1024;
/// Whether SQLite looks up what each new row names. That is a sixth of what a visit costs, two look-ups for each link,
/// and cannot fail: every id that is written was read or made in the same transaction, and nothing that others name is ever
/// deleted. All tests run with it; what users run leaves it to `doctor`, which looks at the whole file.
pub(super) const FOREIGN_KEYS: bool = cfg!(debug_assertions);

/// Whether a file may be created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenMode {
    /// A missing or empty file becomes a new crawl.
    CreateOrOpen,
    /// There must be a crawl.
    MustExist,
    /// There must be a crawl of this version's schema: nothing is migrated, nor looked at whether it was, and a schema of
    /// which only the beginning was made is not finished.
    AsItIs,
}

impl SqliteStore {
    /// Opens a crawl for writing. `durable`: commits survive a power loss (`synchronous=FULL`).
    ///
    /// # Errors
    /// [`StoreError`]: in use, missing, no database, another program's, newer, not writable, on a
    /// network file system. The file and its folder are then as they were. A file of an earlier
    /// version that cannot be migrated stays what it is; the copy that was made first stays, too.
    pub async fn open(path: &Path, mode: OpenMode, durable: bool) -> Result<Self, StoreError> {
        Self::open_with(path, mode, durable, Schema::THIS).await
    }

    /// As [`SqliteStore::open`], with another schema: for tests of migrations.
    ///
    /// # Errors
    /// As there.
    pub async fn open_with(path: &Path, mode: OpenMode, durable: bool, schema: Schema<'_>) -> Result<Self, StoreError> {
        let path = absolute(path)?;
        // A crawl that runs is found out first, and without opening its database.
        let early = CrawlLock::take(&path, false)?;
        check(&path, mode, schema)?;
        let mut lock = match early {
            Some(lock) => lock,
            None => CrawlLock::take(&path, true)?
                .ok_or_else(|| StoreError::ReadOnly { path: path.clone(), cause: "no lock file".to_owned() })?,
        };
        lock.sign();
        // Another process may have made it, used it and left before the lock was ours.
        let new = !matches!(check(&path, mode, schema)?, Header::Crawl(1..));
        let mut connection = connect(&path, durable, new).await.map_err(|e| store_error(&path, "opening", e))?;
        // SQLite has taken the log in by now: what it says is what the file is.
        let found = migrate::version(&mut connection, &path).await?;
        header::fits(&path, found, schema.version(), mode != OpenMode::AsItIs)?;
        if mode != OpenMode::AsItIs {
            migrate::migrate(&mut connection, &path, found, schema).await?;
        }
        Ok(SqliteStore { writer: Writer::new(path.clone(), connection, durable), path, lock })
    }
}

/// Refuses what must not be touched. Opens nothing for writing but what it closes again unwritten.
pub(super) fn check(path: &Path, mode: OpenMode, schema: Schema<'_>) -> Result<Header, StoreError> {
    let header = header::read(path)?;
    let owned = path.to_owned();
    match header {
        Header::NoDatabase => return Err(StoreError::NotADatabase { path: owned }),
        Header::Foreign => return Err(StoreError::Foreign { path: owned }),
        Header::Crawl(0) if mode == OpenMode::AsItIs => return Err(StoreError::Missing { path: owned }),
        Header::Crawl(found) => header::fits(path, found, schema.version(), mode != OpenMode::AsItIs)?,
        Header::Missing | Header::Empty if mode != OpenMode::CreateOrOpen => {
            return Err(StoreError::Missing { path: owned });
        }
        Header::Missing | Header::Empty => {}
    }
    let folder = folder_of(path);
    if !folder.is_dir() {
        let cause = format!("there is no folder {}", folder.display());
        return Err(StoreError::ReadOnly { path: owned, cause });
    }
    if let Some(kind) = network_file_system(folder) {
        return Err(StoreError::NetworkFileSystem { path: owned, kind: kind.to_owned() });
    }
    writable(path, folder, header)?;
    Ok(header)
}

fn writable(path: &Path, folder: &Path, header: Header) -> Result<(), StoreError> {
    let refuse = |what: &Path, error: std::io::Error| StoreError::ReadOnly {
        path: path.to_owned(),
        cause: format!("{}: {error}", what.display()),
    };
    rustix::fs::access(folder, rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK)
        .map_err(|error| refuse(folder, error.into()))?;
    if header == Header::Missing {
        return Ok(());
    }
    for file in [path.to_owned(), beside(path, "-wal"), beside(path, "-shm")] {
        // Of a pipe or a device SQLite would make what it can.
        if std::fs::metadata(&file).is_ok_and(|there| !there.is_file()) {
            return Err(refuse(&file, std::io::Error::other("it is no file")));
        }
        match std::fs::OpenOptions::new().write(true).open(&file) {
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(refuse(&file, error)),
        }
    }
    Ok(())
}

/// The kind of network file system the folder is on, where SQLite's locks and shared memory do
/// not hold (<https://www.sqlite.org/wal.html> 1). Magic numbers: statfs(2).
#[cfg(target_os = "linux")]
fn network_file_system(folder: &Path) -> Option<&'static str> {
    let kinds: [(u32, &str); 8] = [
        (0x6969, "NFS"),
        (0x517B, "SMB"),
        (0xFF53_4D42, "CIFS"),
        (0xFE53_4D42, "SMB2"),
        (0x5346_414F, "AFS"),
        (0x7375_7245, "Coda"),
        (0x564C, "NCP"),
        (0x00C3_6400, "Ceph"),
    ];
    let found = rustix::fs::statfs(folder).ok()?.f_type as u32;
    kinds.iter().find(|(magic, _)| *magic == found).map(|(_, kind)| *kind)
}

#[cfg(not(target_os = "linux"))]
fn network_file_system(_folder: &Path) -> Option<&'static str> {
    None
}

/// Connects. A file without tables yet gets what cannot be changed later. The process may die
/// after each step, and what is left opens again: an empty file; a first page with our id, written
/// in rollback mode so that it stands in the file itself; the same in WAL mode; the schema, whose
/// last word is `user_version`.
pub(super) async fn connect(path: &Path, durable: bool, new: bool) -> Result<SqliteConnection, sqlx::Error> {
    let synchronous = if durable { SqliteSynchronous::Full } else { SqliteSynchronous::Normal };
    let mut options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(new)
        .synchronous(synchronous)
        .foreign_keys(FOREIGN_KEYS)
        .busy_timeout(BUSY)
        .pragma("wal_autocheckpoint", CHECKPOINT_PAGES.to_string())
        .pragma("journal_size_limit", LOG_LIMIT_BYTES.to_string())
        .pragma("cache_size", CACHE_KIB.to_string())
        .pragma("temp_store", "MEMORY");
    if new {
        options = options.page_size(PAGE_BYTES).auto_vacuum(SqliteAutoVacuum::Incremental);
    }
    let mut connection = options.disable_statement_logging().connect().await?;
    if new {
        let mark = sqlx::AssertSqlSafe(format!("PRAGMA application_id = {APPLICATION_ID}"));
        sqlx::query(mark).execute(&mut connection).await?;
    }
    sqlx::query("PRAGMA journal_mode = WAL").execute(&mut connection).await?;
    Ok(connection)
}

/// The file's path with something put behind its name, as SQLite does for `-wal`.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path.as_os_str());
    name.push(suffix);
    name.into()
}

pub(super) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Follows symbolic links, so that a link and its target share one lock, one WAL, one crawl.
pub(super) fn absolute(path: &Path) -> Result<PathBuf, StoreError> {
    if let Ok(real) = path.canonicalize() {
        return Ok(real);
    }
    match (folder_of(path).canonicalize(), path.file_name()) {
        (Ok(folder), Some(name)) => Ok(folder.join(name)),
        _ => Ok(path.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use sqlx::Connection;

    use super::*;

    /// What a release leaves out, the tests must not.
    #[tokio::test]
    async fn a_build_with_debug_assertions_looks_up_what_a_row_names() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("crawl.db");
        SqliteStore::open(&path, OpenMode::CreateOrOpen, false).await.unwrap();
        let mut connection = connect(&path, false, false).await.unwrap();
        let orphan = "INSERT INTO links(source_id, target_id, kind, position) VALUES (1, 2, 'a', 0)";
        let inserted = sqlx::query(orphan).execute(&mut connection).await;
        assert_eq!(inserted.is_err(), cfg!(debug_assertions), "{inserted:?}");
        connection.close().await.unwrap();
    }
}
