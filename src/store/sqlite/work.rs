//! [`WorkFile`]: what the process works on, in the lock file, where it outlives the process.
//!
//! The first line holds the process id, the second `session ID`, and each further one a slot of that session:
//! `URL-ID STAGE`, or blanks. Lines are [`LINE`] bytes long, so a slot is written in place by one small write
//! into the system's page cache: the process may die at the next instant, and a power loss may take it. It
//! is advice. What a session wrote stays until another one has committed that it took it in.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::sync::Arc;

use crate::model::{SessionId, UrlId, WorkStage};
use crate::store::WorkSlots;

/// Bytes of a line, the line end included.
const LINE: usize = 32;
/// Lines before the slots.
const HEAD_LINES: u64 = 2;
/// Slots that are read: more requests are never in flight.
const MOST_SLOTS: usize = 1 << 16;

/// The lock file as a place to write slots to.
#[derive(Debug)]
pub(super) struct WorkFile(pub(super) Arc<File>);

impl WorkSlots for WorkFile {
    fn set(&self, slot: u32, work: Option<(UrlId, WorkStage)>) {
        let text = work.map_or_else(String::new, |(url, stage)| format!("{} {}", url.0, stage.as_str()));
        // Advice: a disk that is full shows itself elsewhere.
        let _ = write_at(&self.0, &line(&text), (u64::from(slot) + HEAD_LINES) * LINE as u64);
    }
}

/// The first line: the process that has the lock.
pub(super) fn sign(file: &File, pid: u32) -> std::io::Result<()> {
    write_at(file, &line(&pid.to_string()), 0)
}

/// From now on the slots are those of this session.
pub(super) fn begin(file: &File, session: SessionId) -> std::io::Result<()> {
    file.set_len(LINE as u64)?;
    write_at(file, &line(&format!("session {}", session.0)), LINE as u64)
}

/// What a session worked on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Left {
    /// `None`: no session ever noted anything.
    pub(super) session: Option<SessionId>,
    pub(super) work: Vec<(UrlId, WorkStage)>,
}

/// What the session that wrote the file last has in work, or had when its process died.
pub(super) fn read(mut file: &File) -> Left {
    let mut bytes = Vec::new();
    let read = file
        .seek(SeekFrom::Start(LINE as u64))
        .and_then(|_| file.take((LINE * (MOST_SLOTS + 1)) as u64).read_to_end(&mut bytes));
    if read.is_err() {
        return Left::default();
    }
    let mut lines = bytes.chunks(LINE).map(|line| pair(std::str::from_utf8(line).unwrap_or_default()));
    let session = lines.next().flatten().filter(|(name, _)| *name == "session");
    let session = session.and_then(|(_, id)| Some(SessionId(id.parse().ok()?)));
    let slot = |(id, stage): (&str, &str)| Some((UrlId(id.parse().ok()?), WorkStage::from_name(stage)?));
    Left { session, work: lines.filter_map(|line| slot(line?)).collect() }
}

fn pair(line: &str) -> Option<(&str, &str)> {
    line.trim_matches(|c: char| c.is_whitespace() || c == '\0').split_once(' ')
}

fn line(text: &str) -> [u8; LINE] {
    let mut line = [b' '; LINE];
    line[LINE - 1] = b'\n';
    line[..text.len()].copy_from_slice(text.as_bytes());
    line
}

#[cfg(unix)]
fn write_at(file: &File, bytes: &[u8], at: u64) -> std::io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, at)
}

#[cfg(windows)]
fn write_at(file: &File, bytes: &[u8], at: u64) -> std::io::Result<()> {
    std::os::windows::fs::FileExt::seek_write(file, bytes, at).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_work_is_read_back() {
        let file = tempfile::tempfile().unwrap();
        let work = WorkFile(Arc::new(file));
        assert_eq!(read(&work.0), Left::default());
        sign(&work.0, u32::MAX).unwrap();
        begin(&work.0, SessionId(i64::MAX)).unwrap();
        work.set(0, Some((UrlId(7), WorkStage::Asked)));
        work.set(3, Some((UrlId(i64::MAX), WorkStage::Parsing)));
        work.set(5, Some((UrlId(9), WorkStage::Parsing)));
        work.set(5, None);
        let left = vec![(UrlId(7), WorkStage::Asked), (UrlId(i64::MAX), WorkStage::Parsing)];
        let left = Left { session: Some(SessionId(i64::MAX)), work: left };
        assert_eq!(read(&work.0), left);
        sign(&work.0, 1).unwrap();
        assert_eq!(read(&work.0), left, "another process that is no session");
        begin(&work.0, SessionId(8)).unwrap();
        assert_eq!(read(&work.0), Left { session: Some(SessionId(8)), work: Vec::new() });
    }

    #[test]
    fn another_text_is_no_work() {
        for text in ["", "4711\n", "4711\n12 reading\nx parsing\n12\n\u{fffd}"] {
            let file = tempfile::tempfile().unwrap();
            write_at(&file, text.as_bytes(), 0).unwrap();
            assert_eq!(read(&file), Left::default(), "{text:?}");
        }
    }
}
