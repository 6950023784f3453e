//! A consistent copy of a crawl into a new file, by `VACUUM INTO`: [`Part`] is the file while it is
//! written, [`write`] fills it.
//!
//! SQLite's other way, the backup API, begins again whenever another process writes, so beside a crawl
//! it does not end; and it copies free pages too. `VACUUM INTO` reads one state in one transaction,
//! during which the log of a running crawl grows (<https://www.sqlite.org/lang_vacuum.html> 2).
//!
//! Nothing stands under the copy's name before all of it is on the disk.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use sqlx::SqliteConnection;

use crate::store::StoreError;

use super::disk;
use super::fault::{primary_code, store_error, words_of};
use super::header::{self, Header};
use super::lock::is_at;
use super::open::{absolute, beside, folder_of};

/// A copy of a database with unused space may come out smaller; below this part of its size the disk
/// cannot hold it.
const LEAST_PART: (u64, u64) = (3, 4);

/// The name of the unfinished copy in its folder. With the folder it tells a copy from every other file: what
/// SQLite has written of one when it is killed does not, as its first page comes last.
const UNFINISHED: &str = "sqrawl-copy";

/// The file that becomes the copy: `TARGET.part/sqrawl-copy` until [`Part::finish`]. Dropped before, it is
/// gone with its folder.
#[derive(Debug)]
pub(super) struct Part {
    target: PathBuf,
    folder: PathBuf,
    path: PathBuf,
    /// Locked by this process, so that nobody else writes the same copy.
    file: File,
    finished: bool,
}

impl Part {
    /// Makes it. What a killed process left of one is taken over; anything else that has its name stays. `source` is
    /// what will be copied.
    ///
    /// # Errors
    /// [`StoreError::CopyExists`], [`StoreError::Copy`]; nothing was changed.
    pub(super) fn create(source: &Path, target: &Path) -> Result<Part, StoreError> {
        let target = absolute(target)?;
        refuse_existing(&target)?;
        let (folder, path) = unfinished(&target);
        let fault = |error: io::Error| copy_error(&target, format!("{}: {error}", folder.display()));
        match std::fs::create_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => refuse_others(source, &target)?,
            made => made.map_err(fault)?,
        }
        let file = open_unfollowed(&path).map_err(|error| {
            // Only when it is empty.
            let _ = std::fs::remove_dir(&folder);
            fault(error)
        })?;
        file.try_lock().map_err(|error| match error {
            std::fs::TryLockError::WouldBlock => {
                copy_error(&target, format!("another process writes {}", folder.display()))
            }
            std::fs::TryLockError::Error(error) => fault(error),
        })?;
        // Whoever had the lock before may have given the file its name by now.
        if !is_at(&file, &path) {
            return Err(StoreError::CopyExists { found: target.clone(), path: target });
        }
        let part = Part { file, folder: folder.clone(), path, finished: false, target: target.clone() };
        // VACUUM INTO takes an empty file.
        part.file.set_len(0).map_err(fault)?;
        Ok(part)
    }

    /// Has it all on the disk and gives it its name; its size in bytes.
    ///
    /// # Errors
    /// As for [`Part::create`], and [`StoreError::Corrupt`] when what was written is no crawl.
    pub(super) fn finish(mut self) -> Result<u64, StoreError> {
        let fault = |error: io::Error| self.fault(&error);
        match header::read(&self.path)? {
            Header::Crawl(_) => {}
            other => return Err(copy_error(&self.target, format!("what was written is no crawl ({other:?})"))),
        }
        self.file.sync_all().map_err(fault)?;
        let bytes = self.file.metadata().map_err(fault)?.len();
        refuse_existing(&self.target)?;
        rename(&self.path, &self.target).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => {
                StoreError::CopyExists { path: self.target.clone(), found: self.target.clone() }
            }
            _ => self.fault(&error),
        })?;
        self.finished = true;
        let _ = std::fs::remove_dir(&self.folder);
        // The name, too, survives a power loss. Not every file system lets a folder be synced.
        let _ = File::open(folder_of(&self.target)).and_then(|folder| folder.sync_all());
        Ok(bytes)
    }

    fn fault(&self, error: &io::Error) -> StoreError {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                StoreError::CopyFull { path: self.target.clone(), needed_bytes: None }
            }
            _ => copy_error(&self.target, error.to_string()),
        }
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if !self.finished {
            for file in [self.path.clone(), beside(&self.path, "-journal")] {
                let _ = std::fs::remove_file(file);
            }
            let _ = std::fs::remove_dir(&self.folder);
        }
    }
}

/// Where the copy is while it is written: its folder, and the file.
pub(in crate::store::sqlite) fn unfinished(target: &Path) -> (PathBuf, PathBuf) {
    let folder = beside(target, ".part");
    let path = folder.join(UNFINISHED);
    (folder, path)
}

/// What has the name of the unfinished copy is no folder with that alone in it.
fn refuse_others(source: &Path, target: &Path) -> Result<(), StoreError> {
    let (folder, path) = unfinished(target);
    let refuse = |found: PathBuf| StoreError::CopyExists { path: target.to_owned(), found };
    let fault = |error: io::Error| copy_error(target, format!("{}: {error}", folder.display()));
    // Neither follows a link.
    if !folder.symlink_metadata().map_err(fault)?.is_dir() {
        return Err(refuse(folder.clone()));
    }
    let ours = [path.clone(), beside(&path, "-journal")];
    for entry in folder.read_dir().map_err(fault)? {
        let there = entry.map_err(fault)?.path();
        if !ours.contains(&there) || !is_plain_and_alone(&there) || is_same(source, &there) {
            return Err(refuse(there));
        }
    }
    Ok(())
}

/// A file that has no other name, and no link.
#[cfg(unix)]
fn is_plain_and_alone(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    path.symlink_metadata().is_ok_and(|file| file.is_file() && file.nlink() == 1)
}

#[cfg(not(unix))]
fn is_plain_and_alone(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|file| file.is_file())
}

/// Whether two names are of one file, without opening it: closing it would drop SQLite's locks.
#[cfg(unix)]
pub(super) fn is_same(one: &Path, other: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (std::fs::metadata(one), std::fs::metadata(other)) {
        (Ok(one), Ok(other)) => (one.dev(), one.ino()) == (other.dev(), other.ino()),
        _ => false,
    }
}

#[cfg(not(unix))]
pub(super) fn is_same(one: &Path, other: &Path) -> bool {
    matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}

/// Opens the file, or makes it. Neither follows a link nor waits for a pipe that took its name just now.
fn open_unfollowed(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
        options.custom_flags(flags.bits() as i32);
    }
    options.open(path)
}

/// The file, and what SQLite keeps beside one: a log that an older file of this name left behind would be
/// taken for that of the copy.
fn refuse_existing(target: &Path) -> Result<(), StoreError> {
    let names = ["", "-wal", "-journal", "-shm"].map(|suffix| beside(target, suffix));
    match names.into_iter().find(|name| name.symlink_metadata().is_ok()) {
        Some(found) => Err(StoreError::CopyExists { path: target.to_owned(), found }),
        None => Ok(()),
    }
}

/// Never replaces a file, where the system has such a call.
#[cfg(target_os = "linux")]
fn rename(from: &Path, to: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // The file system knows no such rename; a moment ago there was no such file.
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => std::fs::rename(from, to),
        done => Ok(done?),
    }
}

#[cfg(not(target_os = "linux"))]
fn rename(from: &Path, to: &Path) -> io::Result<()> {
    std::fs::rename(from, to)
}

/// About how large a copy will be, in bytes: the pages in use.
pub(super) async fn expected_bytes(connection: &mut SqliteConnection) -> Result<u64, sqlx::Error> {
    let sql = "SELECT (page_count - freelist_count) * page_size
               FROM pragma_page_count, pragma_freelist_count, pragma_page_size";
    let bytes: i64 = sqlx::query_scalar(sql).fetch_one(connection).await?;
    Ok(u64::try_from(bytes).unwrap_or(0))
}

/// Writes the copy. `source` is the file of the connection.
///
/// # Errors
/// The fault of the file that has it; an interrupted statement is [`StoreError::Database`].
pub(super) async fn write(connection: &mut SqliteConnection, source: &Path, part: &Part) -> Result<(), StoreError> {
    let expected = fault_free(source, expected_bytes(connection).await)?;
    let least = expected / LEAST_PART.1 * LEAST_PART.0;
    if disk::free_bytes(&part.target).is_some_and(|free| free < least) {
        return Err(StoreError::CopyFull { path: part.target.clone(), needed_bytes: Some(expected) });
    }
    let name = part.path.to_str().ok_or_else(|| copy_error(&part.target, "its name is not UTF-8".to_owned()))?;
    // It would forbid the copy's file as well; the connection itself stays read-only where it is.
    let query_only = |on: &str| sqlx::AssertSqlSafe(format!("PRAGMA query_only = {on}"));
    let before: bool = fault_free(source, sqlx::query_scalar("PRAGMA query_only").fetch_one(&mut *connection).await)?;
    fault_free(source, sqlx::query(query_only("OFF")).execute(&mut *connection).await)?;
    let copied = sqlx::query("VACUUM INTO ?1").bind(name).execute(&mut *connection).await;
    if before {
        fault_free(source, sqlx::query(query_only("ON")).execute(&mut *connection).await)?;
    }
    copied.map(drop).map_err(|error| fault_of_either(source, part, error))
}

fn fault_free<T>(source: &Path, result: Result<T, sqlx::Error>) -> Result<T, StoreError> {
    result.map_err(|error| store_error(source, "copying", error))
}

/// The source is only read: what cannot be written is the copy.
fn fault_of_either(source: &Path, part: &Part, error: sqlx::Error) -> StoreError {
    const FULL: i32 = 13;
    const WRITES: [i32; 3] = [8, 10, 14]; // READONLY, IOERR, CANTOPEN
    const READ: [&str; 2] = ["266", "522"]; // IOERR_READ, IOERR_SHORT_READ
    let code = error.as_database_error().and_then(|error| error.code()).unwrap_or_default();
    match primary_code(&error) {
        Some(FULL) => StoreError::CopyFull { path: part.target.clone(), needed_bytes: None },
        Some(kind) if WRITES.contains(&kind) && !READ.contains(&&*code) => {
            if disk::is_full(&part.target) {
                return StoreError::CopyFull { path: part.target.clone(), needed_bytes: None };
            }
            match disk::file_size_limit(&part.path) {
                Some(limit_bytes) => StoreError::CopyTooLarge { path: part.target.clone(), limit_bytes },
                None => copy_error(&part.target, words_of(&error)),
            }
        }
        _ => store_error(source, "copying", error),
    }
}

fn copy_error(target: &Path, detail: String) -> StoreError {
    StoreError::Copy { path: target.to_owned(), detail }
}
