//! Versions of a page over time, other URLs with the same or nearly the same content, and the links that lead to it.
//!
//! The last two may have to read every content or every link of the crawl. They get a time of their own and say when it was
//! not enough.

use futures_util::TryStreamExt;
use serde::Serialize;
use sqlx::SqliteConnection;

use super::facts::{LinkLine, LinkList, ShowLimits};
use super::limits::{Limits, Stopped};
use super::reader::Reader;
use crate::model::UnixMs;
use crate::store::StoreError;
use crate::store::sqlite::fault::store_error;

/// Fetches of one URL that are looked at for its versions, the latest.
const MOST_FETCHES: u32 = 10_000;
/// Contents that are looked up for being near.
const MOST_NEAR: u32 = 1_000;

/// The contents that a URL has had.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct VersionList {
    /// How many there are: one more whenever the content was another than before.
    pub count: u64,
    /// The latest of them, the latest first.
    pub versions: Vec<VersionLine>,
}

/// A content, for as long as the URL had it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct VersionLine {
    /// When it was first seen, Unix ms.
    pub first_ms: UnixMs,
    /// When it was last seen or confirmed.
    pub last_ms: UnixMs,
    /// How many fetches gave or confirmed it.
    pub fetches: u64,
    /// `fetches.id` of the first of them.
    pub fetch_id: i64,
    /// `contents.id`.
    pub content_id: i64,
    /// Bytes of the body.
    pub size_bytes: Option<i64>,
    /// Words of plain text.
    pub words: Option<i64>,
    /// Title.
    pub title: Option<String>,
    /// Whether the body was kept.
    pub has_body: bool,
    /// Whether the plain text was kept.
    pub has_text: bool,
}

/// Other URLs whose page is a copy of this one.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct CopyList {
    /// How many there are, as far as was looked.
    pub count: u64,
    /// Whether all were looked for within the time.
    pub complete: bool,
    /// The first of them.
    pub copies: Vec<CopyLine>,
}

/// A page with the same or nearly the same content.
#[derive(Clone, Debug, PartialEq, Serialize, sqlx::FromRow)]
pub struct CopyLine {
    /// Where.
    pub url: String,
    /// Its title.
    pub title: Option<String>,
    /// Bits of 64 in which the fingerprints of the texts differ; 0 for the same content.
    pub distance: i64,
}

/// The versions up to `until`.
pub(super) async fn versions(
    conn: &mut SqliteConnection,
    url_id: i64,
    until: UnixMs,
    most: u32,
) -> Result<VersionList, sqlx::Error> {
    let sql = "SELECT id, started_ms, content_id FROM fetches
               WHERE url_id = ? AND content_id IS NOT NULL AND started_ms <= ? ORDER BY started_ms DESC, id DESC LIMIT ?";
    let fetches: Vec<(i64, UnixMs, i64)> =
        sqlx::query_as(sql).bind(url_id).bind(until).bind(MOST_FETCHES).fetch_all(&mut *conn).await?;
    let runs: Vec<&[(i64, UnixMs, i64)]> = fetches.chunk_by(|one, other| one.2 == other.2).collect();
    let mut list = VersionList { count: runs.len() as u64, versions: Vec::new() };
    for run in runs.iter().take(most as usize) {
        let (Some(latest), Some(first)) = (run.first(), run.last()) else { continue };
        type Facts = (Option<i64>, Option<i64>, Option<String>, bool, bool);
        let sql = "SELECT c.size_bytes, c.words, c.title, EXISTS (SELECT 1 FROM bodies b WHERE b.content_id = c.id),
                          EXISTS (SELECT 1 FROM texts t WHERE t.content_id = c.id) FROM contents c WHERE c.id = ?";
        let facts: Option<Facts> = sqlx::query_as(sql).bind(first.2).fetch_optional(&mut *conn).await?;
        let (size_bytes, words, title, has_body, has_text) = facts.unwrap_or_default();
        list.versions.push(VersionLine {
            first_ms: first.1,
            last_ms: latest.1,
            fetches: run.len() as u64,
            fetch_id: first.0,
            content_id: first.2,
            size_bytes,
            words,
            title,
            has_body,
            has_text,
        });
    }
    Ok(list)
}

/// Other URLs that have this content now.
pub(super) async fn exact(
    conn: &mut SqliteConnection,
    url_id: i64,
    content_id: Option<i64>,
    most: u32,
) -> Result<CopyList, sqlx::Error> {
    let count = "SELECT count(*) FROM fetches f JOIN current_pages u ON u.id = f.url_id AND u.page_fetch_id = f.id
                 WHERE f.content_id = ? AND f.url_id <> ?";
    let count: i64 = sqlx::query_scalar(count).bind(content_id).bind(url_id).fetch_one(&mut *conn).await?;
    let sql =
        "SELECT u.url, c.title, 0 AS distance FROM fetches f JOIN current_pages u ON u.id = f.url_id AND u.page_fetch_id = f.id
               JOIN contents c ON c.id = f.content_id WHERE f.content_id = ? AND f.url_id <> ? ORDER BY f.id LIMIT ?";
    let copies = sqlx::query_as(sql).bind(content_id).bind(url_id).bind(most).fetch_all(conn).await?;
    Ok(CopyList { count: u64::try_from(count).unwrap_or(0), complete: true, copies })
}

/// The bits in which fingerprints differ are counted in parallel, as in the view `report_near_duplicates`.
const NEAR: &str = "
WITH apart AS (SELECT id, (simhash | ?1) - (simhash & ?1) AS x FROM contents WHERE simhash IS NOT NULL AND id <> ?2),
twos AS (SELECT id, x, (x & 9223372036854775807) - ((x >> 1) & 1537228672809129301) AS v FROM apart),
fours AS (SELECT id, x, (v & 3689348814741910323) + ((v >> 2) & 3689348814741910323) AS v FROM twos),
near AS MATERIALIZED (
  SELECT id, ((v + (v >> 4)) & 1085102592571150095) % 255 + (x < 0) AS distance FROM fours
  WHERE ((v + (v >> 4)) & 1085102592571150095) % 255 + (x < 0) <= 3 LIMIT ?3)
SELECT u.url, c.title, n.distance
FROM near n CROSS JOIN fetches f ON f.content_id = n.id CROSS JOIN current_pages u ON u.id = f.url_id AND u.page_fetch_id = f.id
CROSS JOIN contents c ON c.id = n.id WHERE f.url_id <> ?4 ORDER BY n.distance, f.id LIMIT ?5";

/// Links to the page from others that are pages now, in the order of their sources.
const INLINKS: &str = "SELECT l.source_id, l.kind, l.nofollow, l.anchor FROM links l CROSS JOIN current_pages s
    WHERE l.target_id = ?1 AND l.source_id <> ?1 AND s.id = l.source_id";

impl Reader {
    /// Pages whose text is nearly that of a content, within the time for a scan.
    ///
    /// # Errors
    /// [`StoreError`] when the file is at fault. Too little time is none: see [`CopyList::complete`].
    pub async fn near_copies(
        &mut self,
        url_id: i64,
        content_id: i64,
        limits: ShowLimits,
        budget: &Limits,
    ) -> Result<CopyList, StoreError> {
        let watch = self.watch(&Limits { time: Some(limits.scan), ..budget.clone() }).await?;
        let found = async {
            let sql = "SELECT simhash FROM contents WHERE id = ?";
            let print: Option<Option<i64>> =
                sqlx::query_scalar(sql).bind(content_id).fetch_optional(&mut self.conn).await?;
            let Some(print) = print.flatten() else { return Ok(CopyList { complete: true, ..CopyList::default() }) };
            let near = sqlx::query_as(NEAR).bind(print).bind(content_id).bind(MOST_NEAR).bind(url_id).bind(MOST_NEAR);
            let mut copies: Vec<CopyLine> = near.fetch_all(&mut self.conn).await?;
            let count = copies.len() as u64;
            copies.truncate(limits.others as usize);
            Ok(CopyList { count, complete: count < u64::from(MOST_NEAR), copies })
        };
        match found.await {
            Err(_) if watch.stopped() == Some(Stopped::Time) => Ok(CopyList::default()),
            found => found.map_err(|e: sqlx::Error| store_error(&self.path, "looking for copies", e)),
        }
    }

    /// Links to a page from others, within the time for a scan: without an index of links by target all of them are read.
    ///
    /// # Errors
    /// [`StoreError`] when the file is at fault. Too little time is none: see [`LinkList::complete`].
    pub async fn inlinks(&mut self, url_id: i64, limits: ShowLimits, budget: &Limits) -> Result<LinkList, StoreError> {
        type Link = (i64, String, bool, Option<String>);
        let watch = self.watch(&Limits { time: Some(limits.scan), ..budget.clone() }).await?;
        let (mut count, mut first) = (0, Vec::<Link>::new());
        let read = async {
            let mut rows = sqlx::query_as::<_, Link>(INLINKS).bind(url_id).fetch(&mut self.conn);
            while let Some(link) = rows.try_next().await? {
                count += 1;
                if first.len() < limits.links as usize {
                    first.push(link);
                }
            }
            Ok::<(), sqlx::Error>(())
        };
        let complete = match read.await {
            Ok(()) => true,
            Err(_) if watch.stopped() == Some(Stopped::Time) => false,
            Err(e) => return Err(store_error(&self.path, "reading the links", e)),
        };
        self.watch(budget).await?;
        let mut list = LinkList { count, complete, links: Vec::new() };
        for (source, kind, nofollow, anchor) in first {
            let sql = "SELECT u.url, u.state, f.status FROM urls u LEFT JOIN fetches f ON f.id = u.last_fetch_id WHERE u.id = ?";
            let found: Result<(String, String, Option<i64>), _> =
                sqlx::query_as(sql).bind(source).fetch_one(&mut self.conn).await;
            let (url, state, status) = found.map_err(|e| store_error(&self.path, "reading the links", e))?;
            list.links.push(LinkLine { url, kind, nofollow, anchor, state, status });
        }
        Ok(list)
    }
}
