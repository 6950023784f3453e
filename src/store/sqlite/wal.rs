//! What a write-ahead log says of page 1, read without SQLite. Layout and checksums:
//! <https://www.sqlite.org/fileformat2.html> 4.
//!
//! A process may die in the middle of a COMMIT, and what it had written by then counts for nothing: SQLite takes
//! a log up to its last frame that ends a commit, as long as the checksums of all frames up to there are right.
//! [`committed_page_one`] is what SQLite would find; [`pages_one`] looks quickly whether there is anything to find.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use super::header::{HEADER_BYTES, MAGIC, open_unwaiting};

const LOG_HEADER_BYTES: usize = 32;
const FRAME_HEADER_BYTES: usize = 24;
/// Its lowest bit says how the words that are summed up are read: 1, most significant byte first.
const LOG_MAGIC: u32 = 0x377f_0682;
const LOG_VERSION: u32 = 3_007_000;
/// Read at once.
const BUFFER_BYTES: usize = 256 * 1024;

/// The beginning of page 1.
type PageOne = [u8; HEADER_BYTES];

/// All that stand in the log, the oldest first, whether they were committed or not. Skips what is between them.
pub(super) fn pages_one(path: &Path) -> impl Iterator<Item = PageOne> + use<> {
    let mut log = Log::open(path);
    std::iter::from_fn(move || {
        let log = log.as_mut()?;
        loop {
            let frame = log.frame()?;
            let skipped = if frame.page() == 1 { HEADER_BYTES } else { 0 };
            let mut page = [0; HEADER_BYTES];
            log.file.read_exact(&mut page[..skipped]).ok()?;
            log.file.seek_relative((log.page_bytes - skipped) as i64).ok()?;
            if frame.page() == 1 {
                return Some(page);
            }
        }
    })
}

/// That of the last commit; `None`: no commit that is whole has one.
pub(super) fn committed_page_one(path: &Path) -> Option<PageOne> {
    let mut log = Log::open(path)?;
    let mut page = vec![0; log.page_bytes];
    let (mut written, mut committed) = (None, None);
    while let Some(frame) = log.whole_frame(&mut page) {
        if frame.page() == 1 {
            written = page.first_chunk().copied();
        }
        if frame.ends_commit() {
            committed = written;
        }
    }
    committed.filter(|page: &PageOne| page.starts_with(MAGIC))
}

/// The log as it is read, from its first frame on.
struct Log {
    file: BufReader<File>,
    page_bytes: usize,
    /// Frames of an earlier life of the log have others.
    salts: [u8; 8],
    sum: Sum,
}

impl Log {
    /// `None`: there is none, or none that SQLite would take for one.
    fn open(path: &Path) -> Option<Log> {
        let file = open_unwaiting(path).ok().filter(|file| file.metadata().is_ok_and(|file| file.is_file()))?;
        let mut file = BufReader::with_capacity(BUFFER_BYTES, file);
        let mut head = [0; LOG_HEADER_BYTES];
        file.read_exact(&mut head).ok()?;
        let page_bytes = word(&head, 8);
        let known = word(&head, 0) & !1 == LOG_MAGIC && word(&head, 4) == LOG_VERSION;
        if !known || !page_bytes.is_power_of_two() || !(512..=65_536).contains(&page_bytes) {
            return None;
        }
        let mut sum = Sum { big_endian: word(&head, 0) & 1 == 1, first: 0, second: 0 };
        sum.add(&head[..24]);
        let salts = *head[16..].first_chunk()?;
        sum.is_at(&head, 24).then_some(Log { file, page_bytes: page_bytes as usize, salts, sum })
    }

    /// The header of the next frame.
    fn frame(&mut self) -> Option<Frame> {
        let mut frame = Frame([0; FRAME_HEADER_BYTES]);
        self.file.read_exact(&mut frame.0).ok()?;
        (frame.0[8..16] == self.salts && frame.page() > 0).then_some(frame)
    }

    /// The same, with its page, when the checksum of all up to its end is right.
    fn whole_frame(&mut self, page: &mut [u8]) -> Option<Frame> {
        let frame = self.frame()?;
        self.file.read_exact(page).ok()?;
        self.sum.add(&frame.0[..8]);
        self.sum.add(page);
        self.sum.is_at(&frame.0, 16).then_some(frame)
    }
}

/// What stands before each page.
struct Frame([u8; FRAME_HEADER_BYTES]);

impl Frame {
    /// The number of the page; 0 is none.
    fn page(&self) -> u32 {
        word(&self.0, 0)
    }

    /// The last frame of a commit has the size of the database.
    fn ends_commit(&self) -> bool {
        word(&self.0, 4) > 0
    }
}

/// The checksum of a log up to a place in it (4.2).
struct Sum {
    big_endian: bool,
    first: u32,
    second: u32,
}

impl Sum {
    /// Takes in some more, in pairs of words.
    fn add(&mut self, bytes: &[u8]) {
        let read = if self.big_endian { u32::from_be_bytes } else { u32::from_le_bytes };
        for pair in bytes.as_chunks::<8>().0 {
            let [a, b, c, d, e, f, g, h] = *pair;
            self.first = self.first.wrapping_add(read([a, b, c, d])).wrapping_add(self.second);
            self.second = self.second.wrapping_add(read([e, f, g, h])).wrapping_add(self.first);
        }
    }

    fn is_at(&self, bytes: &[u8], at: usize) -> bool {
        (self.first, self.second) == (word(bytes, at), word(bytes, at + 4))
    }
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

#[cfg(test)]
mod tests {
    use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode};
    use sqlx::{ConnectOptions, Connection, Executor};

    use super::super::header::{APPLICATION_ID, Header, read};
    use super::*;

    async fn connect(path: &Path) -> SqliteConnection {
        let options = SqliteConnectOptions::new().filename(path).create_if_missing(true).page_size(512);
        options.journal_mode(SqliteJournalMode::Wal).pragma("wal_autocheckpoint", "0").connect().await.unwrap()
    }

    /// A file of version 1, and a log with a commit to it and a migration to version 2.
    async fn migrated(folder: &Path) -> (Vec<u8>, Vec<u8>) {
        let path = folder.join("made.db");
        let mut connection = connect(&path).await;
        let first = format!(
            "PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = 1; CREATE TABLE t (x); PRAGMA wal_checkpoint(TRUNCATE)"
        );
        connection.execute(sqlx::AssertSqlSafe(first)).await.unwrap();
        let main = std::fs::read(&path).unwrap();
        connection.execute("INSERT INTO t VALUES (zeroblob(1000))").await.unwrap();
        let migration =
            "BEGIN; CREATE TABLE u (x); INSERT INTO u VALUES (zeroblob(3000)); PRAGMA user_version = 2; COMMIT";
        connection.execute(migration).await.unwrap();
        let log = std::fs::read(folder.join("made.db-wal")).unwrap();
        connection.close().await.unwrap();
        (main, log)
    }

    /// What the header says and, where asked for, SQLite.
    async fn versions(folder: &Path, main: &[u8], log: &[u8], ask: bool) -> (Header, Option<i64>) {
        let path = folder.join("cut.db");
        std::fs::write(&path, main).unwrap();
        std::fs::write(folder.join("cut.db-wal"), log).unwrap();
        let header = read(&path).unwrap();
        if !ask {
            return (header, None);
        }
        let mut connection = connect(&path).await;
        let version = sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        (header, Some(version))
    }

    #[tokio::test]
    async fn a_migration_whose_commit_was_cut_anywhere_never_was() {
        let folder = tempfile::TempDir::new().unwrap();
        let (main, log) = migrated(folder.path()).await;
        let frame = FRAME_HEADER_BYTES + 512;
        assert!(log.len() > LOG_HEADER_BYTES + 8 * frame, "{}", log.len());
        let near_an_edge = |cut: usize| (cut + frame + 1 - LOG_HEADER_BYTES) % frame < 3;
        for cut in (0..=log.len()).filter(|cut| cut % 29 == 0 || near_an_edge(*cut)) {
            let wanted = if cut == log.len() { 2 } else { 1 };
            let (header, version) = versions(folder.path(), &main, &log[..cut], near_an_edge(cut)).await;
            assert_eq!(header, Header::Crawl(wanted), "cut at {cut}");
            assert!(version.is_none_or(|version| version == i64::from(wanted)), "cut at {cut}: {version:?}");
        }
    }

    /// A block that the disk never got, in the middle of the log or in a header.
    #[tokio::test]
    async fn frames_behind_a_wrong_checksum_count_for_nothing() {
        let folder = tempfile::TempDir::new().unwrap();
        let (main, log) = migrated(folder.path()).await;
        for at in (0..log.len()).step_by(101) {
            let mut scribbled = log.clone();
            scribbled[at] ^= 0x10;
            let (header, version) = versions(folder.path(), &main, &scribbled, true).await;
            let version = u32::try_from(version.unwrap()).unwrap();
            assert_eq!(header, Header::Crawl(version), "byte {at}");
            assert_eq!(version, 1, "byte {at}");
        }
    }
}
