//! [`Stream`]: an export into one stream that may go on as long as a crawl runs.

use std::io::{self, Write};
use std::path::Path;

use super::Cursor;
use super::contents::Contents;
use super::format::{RefersTo, RowFormat};
use super::job::{self, ExportError, Job};
use super::likeness::Seen;
use super::walk::{Bounds, Sink, seen_until, walk};
use crate::store::sqlite::read::{FetchMark, Reader, StoredFetch};

/// Rows into a stream. Nothing is written twice, however often it is asked for what is new.
pub struct Stream<W> {
    job: Job,
    bounds: Bounds,
    writer: Box<dyn RowFormat>,
    out: W,
    seen: Seen,
    cursor: Cursor,
    rows: u64,
    flushes: bool,
}

impl<W: Write> Stream<W> {
    /// Begins after `after`; `contents`: what was exported before has them ([`Manifest::contents`](super::Manifest)). `now`
    /// is ISO 8601; `flushes`: after each row. `None`: it was stopped before the first row.
    ///
    /// # Errors
    /// [`ExportError`] of the database or of the stream.
    pub async fn begin(
        reader: &mut Reader,
        job: Job,
        (after, contents): (Cursor, Option<&str>),
        now: &str,
        bounds: Bounds,
        flushes: bool,
        mut out: W,
    ) -> Result<Option<Self>, ExportError> {
        let maker = job::maker(reader, now).await?;
        let mut writer = job.writer(maker, false, Path::new("."));
        let contents = contents.and_then(Contents::of_ranges);
        let Some(seen) = seen_until(reader, &job, after, contents.as_ref(), &bounds).await? else { return Ok(None) };
        writer.begin("-", &mut out).map_err(ExportError::Output)?;
        Ok(Some(Stream { job, bounds, writer, out, seen, cursor: after, rows: 0, flushes }))
    }

    /// Writes what the crawl has committed since; false when it was stopped.
    ///
    /// # Errors
    /// [`ExportError`] of the database or of the stream.
    pub async fn catch_up(&mut self, reader: &mut Reader) -> Result<bool, ExportError> {
        let upto = reader.last_fetch_id().await?;
        let mut sink = StreamSink {
            writer: self.writer.as_mut(),
            out: &mut self.out,
            flushes: self.flushes,
            cursor: self.cursor,
            rows: self.rows,
        };
        let ends = (self.cursor, upto);
        let walked = walk(reader, &self.job, ends, &mut self.seen, &self.bounds, &mut sink).await;
        (self.cursor, self.rows) = (sink.cursor, sink.rows);
        if walked? {
            self.cursor = self.cursor.max(upto);
            return Ok(true);
        }
        Ok(false)
    }

    /// What was looked at: an export that begins there has the rest.
    pub fn cursor(&self) -> Cursor {
        self.cursor
    }

    /// Rows written.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Hands on what is held back.
    ///
    /// # Errors
    /// [`ExportError::Output`].
    pub fn flush(&mut self) -> Result<(), ExportError> {
        self.out.flush().map_err(ExportError::Output)
    }

    /// Writes what belongs at the end.
    ///
    /// # Errors
    /// [`ExportError::Output`].
    pub fn finish(mut self) -> Result<(), ExportError> {
        self.writer.end(&mut self.out).map_err(ExportError::Output)?;
        self.flush()
    }
}

struct StreamSink<'a, W> {
    writer: &'a mut dyn RowFormat,
    out: &'a mut W,
    flushes: bool,
    cursor: Cursor,
    rows: u64,
}

impl<W: Write> Sink for StreamSink<'_, W> {
    fn refers_to(&self, row: &StoredFetch) -> RefersTo {
        self.writer.refers_to(row)
    }

    fn row(&mut self, row: &StoredFetch, referred: Option<&FetchMark>) -> Result<bool, ExportError> {
        let write = || -> io::Result<bool> {
            let written = self.writer.row(row, referred, &mut *self.out)?;
            if self.flushes {
                self.out.flush()?;
            }
            Ok(written)
        };
        let written = { write }().map_err(ExportError::Output)?;
        self.cursor = row.fetch_id;
        self.rows += u64::from(written);
        Ok(written)
    }
}
