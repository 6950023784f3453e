//! [`CrawlLock`]: one crawl per file, by an OS lock on a file beside it. Never a lock on the
//! database itself: closing any descriptor of it would drop SQLite's own locks.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::path::Path;

use crate::store::StoreError;

/// Held as long as this process crawls into the file. The system gives it back when the process
/// dies, however it dies; the file stays.
#[derive(Debug)]
pub(super) struct CrawlLock {
    _file: File,
}

impl CrawlLock {
    /// Takes the lock, creating its file when `create`; `None` when there is no file and none is
    /// to be created.
    ///
    /// # Errors
    /// [`StoreError::InUse`] names the process that holds it.
    pub(super) fn take(database: &Path, create: bool) -> Result<Option<Self>, StoreError> {
        let path = super::open::beside(database, "-lock");
        let mut file = match OpenOptions::new().read(true).write(true).create(create).truncate(false).open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && !create => return Ok(None),
            Err(error) => {
                return Err(StoreError::ReadOnly {
                    path: database.to_owned(),
                    cause: format!("{}: {error}", path.display()),
                });
            }
        };
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(StoreError::InUse { path: database.to_owned(), pid: holder(&mut file) });
            }
            Err(TryLockError::Error(error)) => {
                return Err(StoreError::Database {
                    path: database.to_owned(),
                    what: "locking",
                    detail: format!("{}: {error}", path.display()),
                    source: Some(Box::new(error)),
                });
            }
        }
        // Only a hint for the message of a second process: without it the lock holds all the same.
        let _ = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
        Ok(Some(CrawlLock { _file: file }))
    }
}

fn holder(file: &mut File) -> String {
    let mut text = String::new();
    let _ = file.take(32).read_to_string(&mut text);
    let pid = text.trim();
    if pid.is_empty() || !pid.bytes().all(|b| b.is_ascii_digit()) { "unknown".to_owned() } else { pid.to_owned() }
}
