//! What differs between two rounds: [`RoundSpan`]s, the [`Change`]s between them, and [`DiffCounts`].
//!
//! What a round made of a URL is its last fetch in that round. Ids of fetches grow with time and rounds follow one another, so
//! a round is a range of ids, and one pass over the index of fetches by URL finds both fetches of every URL without reading a
//! row of the table.

use std::io;

use serde::Serialize;

use super::limits::Limits;
use super::query::QueryEnd;
use super::reader::Reader;
use super::value::{RowSink, Value};
use crate::model::UnixMs;
use crate::store::StoreError;
use crate::store::sqlite::fault::store_error;

/// A round, and which fetches are its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct RoundSpan {
    /// `rounds.id`.
    pub id: i64,
    /// The operator's label.
    pub name: Option<String>,
    /// When it began.
    pub started_ms: UnixMs,
    /// When nothing was left to do, or the next round began.
    pub ended_ms: Option<UnixMs>,
    /// Whether every URL was visited that its settings admit; else it came to a limit, or was stopped.
    pub complete: bool,
    /// The least id that a fetch of this round, or of a later one, has.
    #[sqlx(skip)]
    pub first_fetch: i64,
    /// No fetch of this round has this id or a larger one.
    #[sqlx(skip)]
    pub end_fetch: i64,
}

/// How a URL differs between two rounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// It gave a page in the later round, and none in the earlier one.
    New,
    /// It gave a page in the earlier round, and none in the later one.
    Gone,
    /// It gave a page, and now redirects to one or to what the crawl does not visit; or what it gave is given by one new URL.
    Moved,
    /// It was visited in both, with another status, content, title, redirect target or number of links.
    Changed,
}

impl Change {
    /// All of them, in the order in which they are listed.
    pub const ALL: [Change; 4] = [Change::New, Change::Gone, Change::Moved, Change::Changed];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Change::New => "new",
            Change::Gone => "gone",
            Change::Moved => "moved",
            Change::Changed => "changed",
        }
    }

    /// Reads the name.
    pub fn from_name(name: &str) -> Option<Change> {
        Self::ALL.into_iter().find(|change| change.as_str() == name)
    }
}

/// How many URLs differ, whatever of them is listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DiffCounts {
    /// [`Change::New`].
    pub new: u64,
    /// [`Change::Gone`].
    pub gone: u64,
    /// [`Change::Moved`].
    pub moved: u64,
    /// [`Change::Changed`].
    pub changed: u64,
    /// Pages of both rounds that are the same.
    pub same: u64,
    /// Pages of the earlier round.
    pub pages_before: u64,
    /// Pages of the later round.
    pub pages_after: u64,
    /// Pages of the earlier round that the later one, which is not complete, has not visited: they are not counted as gone.
    pub not_visited: u64,
}

impl DiffCounts {
    /// How many of one kind.
    pub fn of(&self, change: Change) -> u64 {
        match change {
            Change::New => self.new,
            Change::Gone => self.gone,
            Change::Moved => self.moved,
            Change::Changed => self.changed,
        }
    }
}

/// What is listed of the differences.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiffOptions {
    /// Which kinds.
    pub only: Vec<Change>,
    /// Most rows; `None`: all.
    pub limit: Option<u64>,
}

impl Default for DiffOptions {
    fn default() -> Self {
        DiffOptions { only: Change::ALL.to_vec(), limit: None }
    }
}

/// The counts come first, then the rows. `moved` is looked up by sets and joined from its own side: joined to all that differs,
/// it would be searched row by row.
const SQL: &str = "
WITH latest AS (
  SELECT url_id, max(CASE WHEN id >= :a_first AND id < :a_end THEN id END) AS a,
         max(CASE WHEN id >= :b_first AND id < :b_end THEN id END) AS b
  FROM fetches GROUP BY url_id),
told AS MATERIALIZED (
  SELECT l.url_id, l.a, l.b, x.outcome AS outcome_a, y.outcome AS outcome_b, x.status AS status_a, y.status AS status_b,
         x.content_id AS content_a, y.content_id AS content_b, x.links AS links_a, y.links AS links_b,
         x.target_id AS target_a, y.target_id AS target_b,
         coalesce(x.outcome = 'page' OR x.outcome = 'unchanged', 0) AS page_a,
         coalesce(y.outcome = 'page' OR y.outcome = 'unchanged', 0) AS page_b
  FROM latest l LEFT JOIN fetches x ON x.id = l.a LEFT JOIN fetches y ON y.id = l.b
  WHERE l.a IS NOT NULL OR l.b IS NOT NULL),
differs AS MATERIALIZED (
  SELECT url_id, a, b, content_a, content_b, outcome_b, target_b, page_a AND page_b AS both,
         CASE WHEN page_b AND NOT page_a THEN 'new' WHEN page_a AND NOT page_b THEN 'gone' ELSE 'changed' END AS change
  FROM told
  WHERE CASE WHEN page_a AND b IS NULL THEN :b_complete
             WHEN page_a <> page_b THEN 1
             WHEN page_a THEN content_a IS NOT content_b OR links_a IS NOT links_b
                           OR (outcome_a = 'page' AND outcome_b = 'page' AND status_a IS NOT status_b)
             WHEN a IS NULL OR b IS NULL THEN 0
             ELSE status_a IS NOT status_b OR outcome_a <> outcome_b OR target_a IS NOT target_b END),
hop(url_id, a, b, at, n) AS (
  SELECT url_id, a, b, target_b, 1 FROM differs WHERE change = 'gone' AND outcome_b = 'redirect' AND target_b IS NOT NULL
  UNION ALL
  SELECT h.url_id, h.a, h.b, f.target_id, h.n + 1
  FROM hop h CROSS JOIN fetches f
    ON f.id = (SELECT max(g.id) FROM fetches g WHERE g.url_id = h.at AND g.id >= :b_first AND g.id < :b_end)
  WHERE f.outcome = 'redirect' AND f.target_id IS NOT NULL AND h.n < 20),
led AS (SELECT url_id, a, b, at, max(n) FROM hop GROUP BY url_id),
redirected AS (
  SELECT e.url_id, e.a, e.b, e.at
  FROM led e LEFT JOIN fetches f
    ON f.id = (SELECT max(g.id) FROM fetches g WHERE g.url_id = e.at AND g.id >= :b_first AND g.id < :b_end)
  WHERE f.id IS NULL OR f.outcome = 'page' OR f.outcome = 'unchanged'),
left_behind AS (
  SELECT content_a AS content, min(url_id) AS url_id, min(a) AS a, min(b) AS b FROM differs
  WHERE change = 'gone' AND content_a IS NOT NULL AND outcome_b IS NOT 'redirect' GROUP BY content_a HAVING count(*) = 1),
found_anew AS (
  SELECT content_b AS content, min(url_id) AS url_id FROM differs
  WHERE change = 'new' AND content_b IS NOT NULL GROUP BY content_b HAVING count(*) = 1),
moved AS MATERIALIZED (
  SELECT url_id, a, b, at FROM redirected
  UNION ALL SELECT g.url_id, g.a, g.b, n.url_id FROM left_behind g JOIN found_anew n ON n.content = g.content),
changes AS MATERIALIZED (
  SELECT change, url_id, a, b, both, NULL AS moved_to FROM differs
  WHERE url_id NOT IN (SELECT url_id FROM moved) AND (change <> 'new' OR url_id NOT IN (SELECT at FROM moved))
  UNION ALL SELECT 'moved', url_id, a, b, 0, at FROM moved)
SELECT 1 AS counts, change, count(*) AS url, sum(both) AS what, NULL AS moved_to, NULL AS outcome_before, NULL AS outcome_after,
       NULL AS status_before, NULL AS status_after, NULL AS title_before, NULL AS title_after, NULL AS links_before,
       NULL AS links_after, NULL AS fetch_before, NULL AS fetch_after
FROM changes GROUP BY change
UNION ALL
SELECT 1, 'pages', sum(page_a), sum(page_b), sum(page_a AND page_b), sum(page_a AND b IS NULL AND NOT :b_complete),
       NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL FROM told
UNION ALL
SELECT * FROM (
  SELECT 0, c.change, u.url,
         CASE WHEN c.change = 'changed' THEN substr(
           CASE WHEN x.outcome <> y.outcome AND NOT c.both THEN ',outcome' ELSE '' END ||
           CASE WHEN x.status IS NOT y.status AND x.outcome <> 'unchanged' AND y.outcome <> 'unchanged' THEN ',status' ELSE '' END ||
           CASE WHEN c.both AND p.title IS NOT q.title THEN ',title' ELSE '' END ||
           CASE WHEN c.both AND x.content_id IS NOT y.content_id THEN ',content' ELSE '' END ||
           CASE WHEN c.both AND x.links IS NOT y.links THEN ',links' ELSE '' END ||
           CASE WHEN x.target_id IS NOT y.target_id THEN ',target' ELSE '' END, 2) END,
         v.url, x.outcome, y.outcome, x.status, y.status, p.title, q.title, x.links, y.links, c.a, c.b
  FROM changes c CROSS JOIN urls u ON u.id = c.url_id
  LEFT JOIN fetches x ON x.id = c.a LEFT JOIN fetches y ON y.id = c.b
  LEFT JOIN contents p ON p.id = x.content_id LEFT JOIN contents q ON q.id = y.content_id
  LEFT JOIN urls v ON v.id = coalesce(c.moved_to, CASE WHEN c.change <> 'new' THEN y.target_id END)
  WHERE c.change IN (SELECT value FROM json_each(:only))
  ORDER BY CASE c.change WHEN 'new' THEN 1 WHEN 'gone' THEN 2 WHEN 'moved' THEN 3 ELSE 4 END, u.url LIMIT :limit)";

impl Reader {
    /// The rounds of the crawl, the first one first.
    ///
    /// # Errors
    /// [`StoreError`] when the file is at fault.
    pub async fn rounds(&mut self) -> Result<Vec<RoundSpan>, StoreError> {
        let _watch = self.watch(&Limits::default()).await?;
        let sql = "SELECT r.id, r.name, r.started_ms, r.ended_ms,
                          coalesce((SELECT s.ended_by = 'complete' FROM sessions s WHERE s.round_id = r.id
                                    ORDER BY s.id DESC LIMIT 1), 0) AS complete
                   FROM rounds r ORDER BY r.id";
        let fault = |path: &std::path::Path, e| store_error(path, "reading the rounds", e);
        let mut rounds: Vec<RoundSpan> =
            sqlx::query_as(sql).fetch_all(&mut self.conn).await.map_err(|e| fault(&self.path, e))?;
        let mut after = self.last_fetch_id().await?.saturating_add(1);
        for round in rounds.iter_mut().rev() {
            round.end_fetch = after;
            round.first_fetch = self.first_fetch_from(round.id, after).await.map_err(|e| fault(&self.path, e))?;
            after = round.first_fetch;
        }
        Ok(rounds)
    }

    /// The least id below `end` of a fetch of this round or a later one, or `end`: no index knows, but ids and rounds grow
    /// together.
    async fn first_fetch_from(&mut self, round: i64, end: i64) -> Result<i64, sqlx::Error> {
        let (mut low, mut high) = (1, end);
        while low < high {
            let middle = low + (high - low) / 2;
            let sql = "SELECT id, round_id FROM fetches WHERE id >= ? ORDER BY id LIMIT 1";
            let found: Option<(i64, i64)> = sqlx::query_as(sql).bind(middle).fetch_optional(&mut self.conn).await?;
            match found {
                Some((id, of)) if of < round => low = id + 1,
                _ => high = middle,
            }
        }
        Ok(low)
    }

    /// Compares two rounds: hands the rows to `sink` and gives the counts, within `limits`. The columns: `change`, `url`,
    /// `what` (of what is changed: `outcome`, `status`, `title`, `content`, `links`, `target`, with commas between), `moved_to`
    /// (or where it redirects to), then `outcome`, `status`, `title`, `links` (their number) and `fetch` (`fetches.id`), each
    /// `_before` and `_after`.
    ///
    /// # Errors
    /// As for [`Reader::query`].
    pub async fn diff(
        &mut self,
        before: &RoundSpan,
        after: &RoundSpan,
        options: &DiffOptions,
        limits: &Limits,
        sink: &mut (dyn RowSink + Send),
    ) -> Result<(QueryEnd, DiffCounts), StoreError> {
        let only = serde_json::Value::from(options.only.iter().map(|change| change.as_str()).collect::<Vec<_>>());
        let limit = options.limit.map_or(-1, |most| i64::try_from(most).unwrap_or(i64::MAX));
        // In the order in which they first stand in the statement.
        let params = [
            Value::Integer(before.first_fetch),
            Value::Integer(before.end_fetch),
            Value::Integer(after.first_fetch),
            Value::Integer(after.end_fetch),
            Value::Integer(i64::from(after.complete)),
            Value::Text(only.to_string()),
            Value::Integer(limit),
        ];
        let mut parting = Parting { counts: DiffCounts::default(), sink };
        let limits = Limits { rows: None, ..limits.clone() };
        let end = self.query(SQL, &params, &limits, &mut parting).await?;
        Ok((end, parting.counts))
    }
}

/// Parts the counts from the rows.
struct Parting<'a> {
    counts: DiffCounts,
    sink: &'a mut (dyn RowSink + Send),
}

impl RowSink for Parting<'_> {
    fn columns(&mut self, names: &[String]) -> io::Result<()> {
        self.sink.columns(names.get(1..).unwrap_or_default())
    }

    fn row(&mut self, mut values: Vec<Value>) -> io::Result<()> {
        let is_count = values.remove(0) == Value::Integer(1);
        if !is_count {
            return self.sink.row(values);
        }
        let number = |at: usize| match values.get(at) {
            Some(Value::Integer(n)) => u64::try_from(*n).unwrap_or(0),
            _ => 0,
        };
        let counts = &mut self.counts;
        match values.first() {
            Some(Value::Text(name)) if name == "pages" => {
                (counts.pages_before, counts.pages_after) = (number(1), number(2));
                (counts.same, counts.not_visited) = (number(3).saturating_sub(counts.same), number(4));
            }
            Some(Value::Text(name)) => match Change::from_name(name) {
                Some(Change::New) => counts.new = number(1),
                Some(Change::Gone) => counts.gone = number(1),
                Some(Change::Moved) => counts.moved = number(1),
                // Those of them that gave a page twice, until it is known how many did.
                Some(Change::Changed) => (counts.changed, counts.same) = (number(1), number(2)),
                None => {}
            },
            _ => {}
        }
        Ok(())
    }
}
