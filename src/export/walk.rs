//! [`walk`]: the fetches of a job in the order of their ids, a few at a time, handed to a [`Sink`].

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Cursor;
use super::contents::Contents;
use super::format::RefersTo;
use super::job::{ExportError, Job};
use super::likeness::Seen;
use crate::store::StoreError;
use crate::store::sqlite::read::{
    Cancel, FetchMark, Kept, Likeness, Limits, Reader, Rows, Selection, StoredFetch, Value,
};

/// Contents that are asked for at once.
const CONTENTS_AT_ONCE: usize = 32_768;

/// How far an export is, for who shows it.
#[derive(Debug, Default)]
pub struct Progress {
    /// Rows written.
    pub rows: AtomicU64,
}

/// What stops an export, and who is told how far it is.
#[derive(Clone, Debug, Default)]
pub struct Bounds {
    /// Stops it when set.
    pub cancel: Cancel,
    /// Is told.
    pub progress: Arc<Progress>,
}

impl Bounds {
    /// A transaction takes as long as the condition in it; all of them can be stopped.
    pub(crate) fn limits(&self) -> Limits {
        Limits { rows: None, time: None, row_bytes: None, cancel: self.cancel.clone() }
    }
}

/// Where rows go.
pub(crate) trait Sink {
    /// Which other fetch has to be known to write this one.
    fn refers_to(&self, row: &StoredFetch) -> RefersTo;

    /// Whether the row was written.
    fn row(&mut self, row: &StoredFetch, referred: Option<&FetchMark>) -> Result<bool, ExportError>;

    /// The page that had this content was told to be no more.
    fn release(&mut self, _content: u32) {}
}

/// Hands over the rows after `after`, up to `upto`; false when it was stopped before.
pub(crate) async fn walk(
    reader: &mut Reader,
    job: &Job,
    (after, upto): (Cursor, Cursor),
    seen: &mut Seen,
    bounds: &Bounds,
    sink: &mut dyn Sink,
) -> Result<bool, ExportError> {
    let (selection, parts, limits) = (job.selection(after), job.parts(), bounds.limits());
    let mut at = after;
    while at < upto {
        let range = stopped_is_none(reader.fetch_ids(&selection, at, upto, &limits).await, bounds)?;
        let Some(range) = range else { return Ok(false) };
        let mut left = &range.ids[..];
        while !left.is_empty() {
            if bounds.cancel.is_cancelled() {
                return Ok(false);
            }
            let Some(rows) = stopped_is_none(reader.fetch_rows(left, parts, &limits).await, bounds)? else {
                return Ok(false);
            };
            // What is not there any more is passed over.
            let asked = left.len().min(Reader::ROWS_AT_ONCE);
            let read = rows.last().map_or(asked, |last| left.partition_point(|id| *id <= last.fetch_id));
            left = &left[read..];
            for row in rows {
                one(reader, row, seen, bounds, sink).await?;
            }
        }
        at = range.upto;
    }
    Ok(true)
}

async fn one(
    reader: &mut Reader,
    mut row: StoredFetch,
    seen: &mut Seen,
    bounds: &Bounds,
    sink: &mut dyn Sink,
) -> Result<(), ExportError> {
    if seen.is_copy(row.content_id, row.simhash) {
        return Ok(());
    }
    row.unpack().map_err(|why| {
        let detail = format!("bodies.data of {}: {why}", row.url);
        StoreError::Corrupt { path: reader.path().to_owned(), detail }
    })?;
    let referred = match sink.refers_to(&row) {
        RefersTo::Nothing => None,
        RefersTo::Fetch(id) => reader.fetch_mark(id).await?,
        RefersTo::Confirmed => reader.confirmed_fetch(row.fetch_id).await?,
    };
    if sink.row(&row, referred.as_ref())? {
        bounds.progress.rows.fetch_add(1, Ordering::Relaxed);
    }
    if seen.is_asked() && matches!(row.outcome.as_str(), "gone" | "redirect") {
        let lost = lost_content(reader, &row.url).await?;
        if let Some((content, simhash)) = lost {
            seen.release(content, simhash);
            sink.release(content);
        }
    }
    Ok(())
}

/// The content that a page had before it was lost, and its fingerprint. It is one row by its URL: not worth stopping.
async fn lost_content(reader: &mut Reader, url: &str) -> Result<Option<(u32, Option<i64>)>, ExportError> {
    let sql = "SELECT c.id, c.simhash FROM urls u JOIN fetches f ON f.id = u.page_fetch_id
               JOIN contents c ON c.id = f.content_id WHERE u.url = ?";
    let limits = Limits { rows: None, time: None, row_bytes: None, cancel: Cancel::default() };
    let mut found = Rows::default();
    reader.query(sql, &[Value::Text(url.to_owned())], &limits, &mut found).await?;
    Ok(found.rows.first().and_then(|row| match row[..] {
        [Value::Integer(id), ref simhash] => {
            let simhash = if let Value::Integer(print) = simhash { Some(*print) } else { None };
            Some((u32::try_from(id).ok()?, simhash))
        }
        _ => None,
    }))
}

/// A statement that was stopped because the export was is no failure.
fn stopped_is_none<T>(result: Result<T, StoreError>, bounds: &Bounds) -> Result<Option<T>, ExportError> {
    match result {
        Err(StoreError::Query(_)) if bounds.cancel.is_cancelled() => Ok(None),
        other => Ok(Some(other?)),
    }
}

/// What was met up to the cursor, so that copies of it are told: the contents that earlier files have, or, where nobody
/// noted them, all that were fetched until then. `None`: it was stopped before.
pub(crate) async fn seen_until(
    reader: &mut Reader,
    job: &Job,
    cursor: Cursor,
    written: Option<&Contents>,
    bounds: &Bounds,
) -> Result<Option<Seen>, ExportError> {
    let mut seen = Seen::new(job.dedupe);
    if !seen.is_asked() {
        return Ok(Some(seen));
    }
    let limits = bounds.limits();
    let each = &mut |like: Likeness| seen.remember(like.content_id, like.simhash);
    match written {
        Some(written) => {
            let mut left = written.ids().map(i64::from).peekable();
            while left.peek().is_some() {
                let ids: Vec<i64> = left.by_ref().take(CONTENTS_AT_ONCE).collect();
                if stopped_is_none(reader.likenesses_of(&ids, &limits, each).await, bounds)?.is_none() {
                    return Ok(None);
                }
            }
        }
        None if cursor > 0 => {
            let fetched = Selection { kept: Kept::Responses, ..job.selection(0) };
            if stopped_is_none(reader.likenesses(&fetched, cursor, &limits, each).await, bounds)?.is_none() {
                return Ok(None);
            }
        }
        None => {}
    }
    Ok(Some(seen))
}
