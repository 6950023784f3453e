//! CDXJ, the index by which replay tools find records: [`line`] is one entry, [`Index`] sorts those of a file.
//!
//! A line is the URL as a sortable key (SURT), a time of 14 digits and JSON (pywb's and OpenWayback's CDXJ). Lines are
//! sorted in pieces that are spilled to an unnamed file and merged, so that an index of any length takes little memory.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde_json::json;

use super::surt::surt;

/// Bytes of lines that are sorted in memory.
const MOST_BYTES: usize = 8 << 20;

/// Where a record stands and what it holds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry<'a> {
    pub(crate) url: &'a str,
    /// ISO 8601.
    pub(crate) date: &'a str,
    pub(crate) mime: &'a str,
    pub(crate) status: u16,
    /// Base32 sha1 of the payload; `None`: it is not known.
    pub(crate) digest: Option<&'a str>,
    pub(crate) length: u64,
    pub(crate) offset: u64,
    pub(crate) file: &'a str,
}

/// One line, with its end.
pub(crate) fn line(entry: &Entry<'_>) -> String {
    let time: String = entry.date.chars().filter(char::is_ascii_digit).take(14).collect();
    let json = json!({
        "url": entry.url, "mime": entry.mime, "status": entry.status.to_string(), "digest": entry.digest.unwrap_or("-"),
        "length": entry.length.to_string(), "offset": entry.offset.to_string(), "filename": entry.file,
    });
    format!("{} {time} {json}\n", surt(entry.url))
}

/// Lines that come in any order.
#[derive(Debug)]
pub(crate) struct Index {
    folder: PathBuf,
    lines: Vec<String>,
    bytes: usize,
    /// Sorted pieces, one after the other, and where each ends.
    spilled: Option<(File, Vec<u64>)>,
}

impl Index {
    /// Spills into the folder when it has to.
    pub(crate) fn new(folder: &Path) -> Self {
        Index { folder: folder.to_owned(), lines: Vec::new(), bytes: 0, spilled: None }
    }

    /// Takes a line, with its end.
    pub(crate) fn add(&mut self, line: String) -> io::Result<()> {
        self.bytes += line.len() + size_of::<String>();
        self.lines.push(line);
        if self.bytes > MOST_BYTES { self.spill() } else { Ok(()) }
    }

    fn spill(&mut self) -> io::Result<()> {
        self.lines.sort_unstable();
        if self.spilled.is_none() {
            self.spilled = Some((unnamed_file(&self.folder)?, Vec::new()));
        }
        let Some((file, ends)) = &mut self.spilled else { return Ok(()) };
        let mut out = BufWriter::new(&mut *file);
        for line in self.lines.drain(..) {
            out.write_all(line.as_bytes())?;
        }
        out.flush()?;
        drop(out);
        ends.push(file.stream_position()?);
        self.bytes = 0;
        Ok(())
    }

    /// Writes all lines in order and begins anew.
    pub(crate) fn write(&mut self, out: &mut dyn Write) -> io::Result<()> {
        if self.spilled.is_some() {
            self.spill()?;
        }
        self.bytes = 0;
        let Some((file, ends)) = self.spilled.take() else {
            self.lines.sort_unstable();
            return self.lines.drain(..).try_for_each(|line| out.write_all(line.as_bytes()));
        };
        let mut pieces = Vec::new();
        let mut begin = 0;
        for end in ends {
            pieces.push(BufReader::with_capacity(64 * 1024, Piece { file: file.try_clone()?, at: begin, end }));
            begin = end;
        }
        let mut heads = BinaryHeap::new();
        for (at, piece) in pieces.iter_mut().enumerate() {
            heads.extend(next_line(piece)?.map(|line| Reverse((line, at))));
        }
        while let Some(Reverse((line, at))) = heads.pop() {
            out.write_all(line.as_bytes())?;
            heads.extend(next_line(&mut pieces[at])?.map(|line| Reverse((line, at))));
        }
        Ok(())
    }
}

fn next_line(piece: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut line = String::new();
    Ok((piece.read_line(&mut line)? > 0).then_some(line))
}

/// A file that is gone when it is closed, or when the process dies.
fn unnamed_file(folder: &Path) -> io::Result<File> {
    let path = folder.join(format!(".sqrawl-index-{}.part", std::process::id()));
    let file = File::options().read(true).write(true).create_new(true).open(&path)?;
    std::fs::remove_file(&path)?;
    Ok(file)
}

/// A part of a file. The handles share one position, so each read goes where it belongs first.
#[derive(Debug)]
struct Piece {
    file: File,
    at: u64,
    end: u64,
}

impl Read for Piece {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end - self.at).unwrap_or(usize::MAX).min(buffer.len());
        self.file.seek(SeekFrom::Start(self.at))?;
        let read = self.file.read(&mut buffer[..left])?;
        self.at += read as u64;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_what_replay_asks_for() {
        let entry = Entry {
            url: "https://example.org/a",
            date: "2025-01-31T12:00:01.250Z",
            mime: "text/html",
            status: 200,
            digest: Some("ABC"),
            length: 10,
            offset: 99,
            file: "x.warc.gz",
        };
        assert_eq!(
            line(&entry),
            "org,example)/a 20250131120001 {\"url\":\"https://example.org/a\",\"mime\":\"text/html\",\"status\":\"200\",\
             \"digest\":\"ABC\",\"length\":\"10\",\"offset\":\"99\",\"filename\":\"x.warc.gz\"}\n"
        );
    }

    #[test]
    fn many_lines_are_sorted_over_pieces() {
        let folder = tempfile::tempdir().unwrap();
        let mut index = Index::new(folder.path());
        let line = |n: u32| format!("{:08}{}\n", n.wrapping_mul(2_654_435_761) % 100_000_000, "x".repeat(2_000));
        let mut wanted: Vec<String> = (0..10_000).map(line).collect();
        for line in &wanted {
            index.add(line.clone()).unwrap();
        }
        let pieces = index.spilled.as_ref().map(|(_, ends)| ends.len());
        assert!(pieces.is_some_and(|n| n >= 2), "{pieces:?}");
        let mut out = Vec::new();
        index.write(&mut out).unwrap();
        wanted.sort_unstable();
        assert!(out == wanted.concat().into_bytes());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        index.add("b\n".to_owned()).unwrap();
        index.add("a\n".to_owned()).unwrap();
        let mut out = Vec::new();
        index.write(&mut out).unwrap();
        assert_eq!(out, b"a\nb\n");
    }
}
