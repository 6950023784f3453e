//! [`Header`]: what a file says of itself, read without SQLite so that a foreign file stays as it
//! is. Layout: <https://www.sqlite.org/fileformat2.html> 1.3 (header) and 4 (WAL).

use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;

use crate::store::StoreError;

/// `PRAGMA application_id` of a crawl: `sqrw`.
pub const APPLICATION_ID: u32 = 0x7371_7277;

/// `PRAGMA user_version` this program writes and knows.
pub const SCHEMA_VERSION: u32 = 1;

const MAGIC: &[u8; 16] = b"SQLite format 3\0";
const HEADER_BYTES: usize = 100;
/// Frames of a WAL that are looked through for page 1; a longer WAL has had its checkpoint.
const MAX_WAL_FRAMES: usize = 1_000_000;

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

/// Reads the header, as of the last change in the WAL when there is one.
///
/// # Errors
/// [`StoreError`] when the file cannot be read.
pub(super) fn read(path: &Path) -> Result<Header, StoreError> {
    let mut main = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Header::Missing),
        Err(error) => return Err(unreadable(path, error)),
    };
    if main.metadata().map_err(|error| unreadable(path, error))?.is_dir() {
        return Ok(Header::NoDatabase);
    }
    let mut bytes = [0u8; HEADER_BYTES];
    let got = read_up_to(&mut main, &mut bytes).map_err(|error| unreadable(path, error))?;
    let from_wal = page_one_in_wal(&super::open::beside(path, "-wal"));
    if got == 0 && from_wal.is_none() {
        return Ok(Header::Empty);
    }
    if got > 0 && (got < HEADER_BYTES || &bytes[..16] != MAGIC) {
        return Ok(Header::NoDatabase);
    }
    Ok(classify(&from_wal.unwrap_or(bytes)))
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

/// The latest header among the WAL's frames of page 1. Frames of an earlier life of the WAL have
/// other salts.
fn page_one_in_wal(path: &Path) -> Option<[u8; HEADER_BYTES]> {
    let mut wal = File::open(path).ok()?;
    let mut head = [0u8; 32];
    if read_up_to(&mut wal, &mut head).ok()? < head.len() {
        return None;
    }
    let page_bytes = i64::from(u32::from_be_bytes([head[8], head[9], head[10], head[11]]));
    if !(512..=65_536).contains(&page_bytes) {
        return None;
    }
    let mut latest = None;
    for _ in 0..MAX_WAL_FRAMES {
        let mut frame = [0u8; 24];
        if read_up_to(&mut wal, &mut frame).ok()? < frame.len() || frame[8..16] != head[16..24] {
            break;
        }
        if frame[..4] != [0, 0, 0, 1] {
            wal.seek(SeekFrom::Current(page_bytes)).ok()?;
            continue;
        }
        let mut page = [0u8; HEADER_BYTES];
        if read_up_to(&mut wal, &mut page).ok()? < page.len() {
            break;
        }
        latest = Some(page);
        wal.seek(SeekFrom::Current(page_bytes - HEADER_BYTES as i64)).ok()?;
    }
    latest.filter(|page| &page[..16] == MAGIC)
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
