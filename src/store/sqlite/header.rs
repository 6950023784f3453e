//! [`Header`]: what a file says of itself, read without SQLite so that a foreign file stays as it
//! is. Layout: <https://www.sqlite.org/fileformat2.html> 1.3. What the write-ahead log says of it is in `wal`.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

use crate::store::StoreError;

use super::wal;

/// `PRAGMA application_id` of a crawl: `sqrw`.
pub const APPLICATION_ID: u32 = 0x7371_7277;

/// `PRAGMA user_version` this program writes and knows.
pub const SCHEMA_VERSION: u32 = 1;

pub(super) const MAGIC: &[u8; 16] = b"SQLite format 3\0";
pub(super) const HEADER_BYTES: usize = 100;

/// What kind of file it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Header {
    /// There is no file.
    Missing,
    /// An empty file, or a SQLite database without any content.
    Empty,
    /// A crawl with this schema version; 0: its creation was interrupted.
    Crawl(u32),
    /// A SQLite database of another program.
    Foreign,
    /// Something else.
    NoDatabase,
}

/// Whether a program that knows the schema `known` can use a file that has `found`; `earlier`: also one
/// that has less. A file whose creation was interrupted (0) fits.
///
/// # Errors
/// [`StoreError::Newer`], [`StoreError::Older`].
pub(super) fn fits(path: &Path, found: u32, known: u32, earlier: bool) -> Result<(), StoreError> {
    let path = path.to_owned();
    let (found_is, known_is) = (i64::from(found), i64::from(known));
    match found {
        _ if found > known => Err(StoreError::Newer { path, found: found_is, known: known_is }),
        1.. if found < known && !earlier => Err(StoreError::Older { path, found: found_is, known: known_is }),
        _ => Ok(()),
    }
}

/// Reads the header, as of the last commit in the WAL when there is one.
///
/// # Errors
/// [`StoreError`] when the file cannot be read; [`StoreError::LogWithoutFile`].
pub(super) fn read(path: &Path) -> Result<Header, StoreError> {
    let mut main = match open_unwaiting(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            refuse_log_alone(path)?;
            return Ok(Header::Missing);
        }
        Err(error) => return Err(unreadable(path, error)),
    };
    if !main.metadata().map_err(|error| unreadable(path, error))?.is_file() {
        return Ok(Header::NoDatabase);
    }
    let mut bytes = [0u8; HEADER_BYTES];
    let got = read_up_to(&mut main, &mut bytes).map_err(|error| unreadable(path, error))?;
    if got == 0 {
        refuse_log_alone(path)?;
        return Ok(Header::Empty);
    }
    if got < HEADER_BYTES || &bytes[..16] != MAGIC {
        return Ok(Header::NoDatabase);
    }
    let here = classify(&bytes);
    let log = super::open::beside(path, "-wal");
    // The log is long, and seldom says anything else.
    if !wal::pages_one(&log).any(|page| classify(&page) != here) {
        return Ok(here);
    }
    Ok(wal::committed_page_one(&log).map_or(here, |page| classify(&page)))
}

/// SQLite removes the log of a file that has nothing in it, and a file of this program has its first page before it
/// has a log: it was emptied, moved away or lost, and its last commits may stand in the log alone.
fn refuse_log_alone(path: &Path) -> Result<(), StoreError> {
    match std::fs::metadata(super::open::beside(path, "-wal")) {
        Ok(log) if log.len() > 0 => Err(StoreError::LogWithoutFile { path: path.to_owned(), log_bytes: log.len() }),
        _ => Ok(()),
    }
}

fn classify(header: &[u8; HEADER_BYTES]) -> Header {
    let number = |at: usize| u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    let (schema_cookie, user_version, application_id) = (number(40), number(60), number(68));
    match application_id {
        APPLICATION_ID => Header::Crawl(user_version),
        0 if user_version == 0 && schema_cookie == 0 => Header::Empty,
        _ => Header::Foreign,
    }
}

/// Opens what has the name, a pipe too, for which it would wait otherwise.
pub(super) fn open_unwaiting(path: &Path) -> std::io::Result<File> {
    let mut options = File::options();
    options.read(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, rustix::fs::OFlags::NONBLOCK.bits() as i32);
    options.open(path)
}

fn read_up_to(file: &mut File, buffer: &mut [u8]) -> std::io::Result<usize> {
    let mut got = 0;
    while got < buffer.len() {
        match file.read(&mut buffer[got..])? {
            0 => break,
            n => got += n,
        }
    }
    Ok(got)
}

fn unreadable(path: &Path, error: std::io::Error) -> StoreError {
    StoreError::Database {
        path: path.to_owned(),
        what: "reading the file",
        detail: error.to_string(),
        source: Some(Box::new(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_earlier_schemas_are_migrated_and_none_is_read_as_another() {
        let cases =
            [(0, 2, true, true), (1, 2, true, false), (2, 2, true, true), (3, 2, false, false), (1, 1, true, true)];
        for (found, known, to_write, to_read) in cases {
            assert_eq!(fits(Path::new("x.db"), found, known, true).is_ok(), to_write, "{found} {known}");
            assert_eq!(fits(Path::new("x.db"), found, known, false).is_ok(), to_read, "{found} {known}");
        }
        let said = fits(Path::new("x.db"), 1, 2, false).unwrap_err().to_string();
        assert_eq!(
            said,
            "x.db has schema version 1, this sqrawl reads 2; migrate it with: sqrawl resume --db x.db (a copy is kept)"
        );
    }
}
