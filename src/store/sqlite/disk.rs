//! What the system says of the disk under a database: room, limits, and who holds its locks.
//!
//! SQLite reports a full disk as such only while it writes the file or its log; the same cause
//! makes its index (-shm) an I/O error. And it never says who else has the file.

use std::path::Path;

use super::open::{beside, folder_of};

/// Less than this is no room: the index of the log alone takes 32 KiB.
const NO_ROOM_BYTES: u64 = 64 * 1024;
/// So near to the limit on the size of files, that limit is the cause.
const NEAR_LIMIT_BYTES: u64 = 1024 * 1024;

/// Bytes that this user may still write on the disk; `None`: unknown.
#[cfg(unix)]
pub(super) fn free_bytes(database: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(folder_of(database)).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

#[cfg(not(unix))]
pub(super) fn free_bytes(_database: &Path) -> Option<u64> {
    None
}

/// Whether the disk has no room for a file to grow, or no inode for a new one.
#[cfg(unix)]
pub(super) fn is_full(database: &Path) -> bool {
    rustix::fs::statvfs(folder_of(database)).is_ok_and(|disk| {
        let no_inode = disk.f_files > 0 && disk.f_favail == 0;
        no_inode || disk.f_bavail.saturating_mul(disk.f_frsize) < NO_ROOM_BYTES
    })
}

#[cfg(not(unix))]
pub(super) fn is_full(_database: &Path) -> bool {
    false
}

/// The limit on the size of files, when one of the database's is about that large.
#[cfg(unix)]
pub(super) fn file_size_limit(database: &Path) -> Option<u64> {
    use rustix::process::{Resource, getrlimit};
    let limit = getrlimit(Resource::Fsize).current?;
    let near =
        |path: &Path| std::fs::metadata(path).is_ok_and(|file| file.len().saturating_add(NEAR_LIMIT_BYTES) >= limit);
    (near(database) || near(&beside(database, "-wal"))).then_some(limit)
}

#[cfg(not(unix))]
pub(super) fn file_size_limit(_database: &Path) -> Option<u64> {
    None
}

/// What a process does with the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hold {
    /// It reads in a transaction: the log cannot be emptied.
    Reading,
    /// It writes in a transaction: nobody else can.
    Writing,
}

impl Hold {
    /// The bytes of the index that are locked for it: `WAL_WRITE_LOCK` and `WAL_READ_LOCK(0)` to
    /// `(4)`, <https://www.sqlite.org/walformat.html> 2.2.
    fn bytes(self) -> std::ops::RangeInclusive<u64> {
        match self {
            Hold::Writing => 120..=120,
            Hold::Reading => 123..=127,
        }
    }

    fn kind(self) -> &'static str {
        match self {
            Hold::Writing => "WRITE",
            Hold::Reading => "READ",
        }
    }
}

/// The other processes that hold the file so, as `process 17, sqlite3`. Linux tells; elsewhere none.
#[cfg(target_os = "linux")]
pub(super) fn holders(database: &Path, hold: Hold) -> Vec<String> {
    use std::os::unix::fs::MetadataExt;
    let Ok(index) = std::fs::metadata(beside(database, "-shm")) else { return Vec::new() };
    let Ok(locks) = std::fs::read_to_string("/proc/locks") else { return Vec::new() };
    let own = std::process::id();
    let mut pids: Vec<u32> = locks.lines().filter_map(|line| holder(line, index.ino(), hold)).collect();
    pids.sort_unstable();
    pids.dedup();
    pids.retain(|pid| *pid != own);
    pids.into_iter().map(named).collect()
}

#[cfg(not(target_os = "linux"))]
pub(super) fn holders(_database: &Path, _hold: Hold) -> Vec<String> {
    Vec::new()
}

/// The process of a line of `/proc/locks` (proc_locks(5)) that holds this file so:
/// `1: POSIX  ADVISORY  READ 17 fe:00:4711 123 123`. File systems may show another device than the
/// file has, so the inode alone is compared.
#[cfg(target_os = "linux")]
fn holder(line: &str, inode: u64, hold: Hold) -> Option<u32> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [_, "POSIX" | "OFDLCK", _, kind, pid, place, first, last] = words[..] else { return None };
    let same_file = place.rsplit(':').next()?.parse() == Ok(inode);
    let (first, last): (u64, u64) = (first.parse().ok()?, last.parse().ok()?);
    let same_bytes = first <= *hold.bytes().end() && last >= *hold.bytes().start();
    (kind == hold.kind() && same_file && same_bytes).then(|| pid.parse().ok()).flatten().filter(|pid| *pid > 0)
}

#[cfg(target_os = "linux")]
fn named(pid: u32) -> String {
    let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    let name: String = name.trim().chars().filter(|c| !c.is_control()).collect();
    if name.is_empty() { format!("process {pid}") } else { format!("process {pid}, {name}") }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn locks_of_the_index_name_their_process() {
        let cases = [
            ("1: POSIX  ADVISORY  READ 17 fe:00:4711 123 123", Hold::Reading, Some(17)),
            ("1: POSIX  ADVISORY  READ 17 fe:00:4711 127 127", Hold::Reading, Some(17)),
            ("1: POSIX  ADVISORY  READ 17 fe:00:4711 128 128", Hold::Reading, None),
            ("1: POSIX  ADVISORY  READ 17 fe:00:4712 123 123", Hold::Reading, None),
            ("1: POSIX  ADVISORY  WRITE 17 fe:00:4711 120 120", Hold::Writing, Some(17)),
            ("1: POSIX  ADVISORY  WRITE 17 fe:00:4711 120 120", Hold::Reading, None),
            ("1: FLOCK  ADVISORY  WRITE 17 fe:00:4711 0 EOF", Hold::Writing, None),
            ("1: POSIX  ADVISORY  WRITE 0 fe:00:4711 120 120", Hold::Writing, None),
            ("1: -> POSIX  ADVISORY  WRITE 17 fe:00:4711 120 120", Hold::Writing, None),
            ("", Hold::Writing, None),
        ];
        for (line, hold, wanted) in cases {
            assert_eq!(holder(line, 4711, hold), wanted, "{line} {hold:?}");
        }
    }
}
