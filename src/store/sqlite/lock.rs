//! [`CrawlLock`]: one crawl per file, by an OS lock on a file beside it. Never a lock on the
//! database itself: closing any descriptor of it would drop SQLite's own locks.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::model::SessionId;
use crate::store::StoreError;

use super::work::{self, Left, WorkFile};

/// Held as long as this process crawls into the file. The system gives it back when the process
/// dies, however it dies; the file then stays, and is nobody's.
#[derive(Debug)]
pub(super) struct CrawlLock {
    file: Arc<File>,
    path: PathBuf,
    signed: bool,
}

impl CrawlLock {
    /// Takes the lock, creating its file when `create`; `None` when there is no file and none is
    /// to be created.
    ///
    /// # Errors
    /// [`StoreError::InUse`] names the process that holds it.
    pub(super) fn take(database: &Path, create: bool) -> Result<Option<Self>, StoreError> {
        let path = super::open::beside(database, "-lock");
        // Whoever lets go removes the file: one that was opened before that and locked after it is
        // no longer the lock.
        for _ in 0..10 {
            let mut file = match OpenOptions::new().read(true).write(true).create(create).truncate(false).open(&path) {
                Ok(file) => file,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound && !create => return Ok(None),
                Err(error) => {
                    let cause = format!("{}: {error}", path.display());
                    return Err(StoreError::ReadOnly { path: database.to_owned(), cause });
                }
            };
            match try_lock_patiently(&file) {
                Ok(()) if is_at(&file, &path) => {
                    return Ok(Some(CrawlLock { file: Arc::new(file), path, signed: false }));
                }
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
        }
        Err(StoreError::InUse { path: database.to_owned(), pid: "unknown".to_owned() })
    }

    /// Makes the lock file this process's own: its id goes in, and the file goes with the lock. Not
    /// before the database was found fit: a folder is left as it was when it is refused. What a process
    /// that died had in work stays in it: this may be no session.
    pub(super) fn sign(&mut self) {
        self.signed = true;
        // Only a hint for the message of a second process: without it the lock holds all the same.
        let _ = work::sign(&self.file, std::process::id());
    }

    /// What a session had in work when its process died.
    pub(super) fn left(&self) -> Left {
        work::read(&self.file)
    }

    /// A session has begun, and committed that it took in what was left.
    pub(super) fn begin(&self, session: SessionId) {
        // Without it the slots count as those of a session that is long over, and are passed over.
        let _ = work::begin(&self.file, session);
    }

    /// Where to write what this process works on.
    pub(super) fn work(&self) -> WorkFile {
        WorkFile(Arc::clone(&self.file))
    }
}

impl Drop for CrawlLock {
    fn drop(&mut self) {
        // What is still in work, or was when a process died, is for the next session.
        if self.signed && self.left().work.is_empty() {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

#[cfg(unix)]
pub(super) fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (file.metadata(), std::fs::metadata(path)) {
        (Ok(ours), Ok(there)) => (ours.dev(), ours.ino()) == (there.dev(), there.ino()),
        _ => false,
    }
}

#[cfg(not(unix))]
pub(super) fn is_at(_file: &File, path: &Path) -> bool {
    path.exists()
}

/// Tries for 50 ms: whoever asks [`is_held`] holds the lock for an instant.
fn try_lock_patiently(file: &File) -> Result<(), TryLockError> {
    for _ in 0..10 {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(5)),
            other => return other,
        }
    }
    file.try_lock()
}

/// Whether a process crawls into the database now. There is no way to ask a lock that does not take
/// it: it is shared for an instant when nobody holds it, which [`CrawlLock::take`] waits out.
pub(super) fn is_held(database: &Path) -> bool {
    let Ok(file) = super::header::open_unwaiting(&super::open::beside(database, "-lock")) else { return false };
    matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
}

fn holder(file: &mut File) -> String {
    let mut text = String::new();
    let _ = file.take(32).read_to_string(&mut text);
    let pid = text.trim();
    if pid.is_empty() || !pid.bytes().all(|b| b.is_ascii_digit()) { "unknown".to_owned() } else { pid.to_owned() }
}
