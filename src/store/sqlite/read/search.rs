//! [`Hits`]: the statement of a search, for [`Reader::query`]; [`Reader::index_progress`].

use super::reader::Reader;
use super::value::Value;
use crate::store::StoreError;
use crate::store::sqlite::fault::store_error;
use crate::store::sqlite::search_index::{self, IndexProgress};

/// What is searched for, and where.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Hits {
    /// An expression of FTS5.
    pub expression: String,
    /// Pages of this host alone.
    pub host: Option<String>,
    /// And of those below it.
    pub subdomains: bool,
    /// Pages whose copy was fetched, or confirmed, at this time or later, Unix ms.
    pub since_ms: Option<i64>,
    /// Pages in this language, or one of its kinds: `en` is `en-US` too. Lower case.
    pub lang: Option<String>,
    /// What stands before and after what was found in the snippet.
    pub marks: [String; 2],
    /// Words of a snippet.
    pub snippet_words: u32,
    /// Most rows; `None`: all.
    pub most: Option<u64>,
}

/// `snippet` compares each match with all others of its page: 15,000 of them take eight seconds. In a text of more words the
/// snippet begins with the first match instead, which `highlight` finds in a tenth of that; it marks with characters that no text of
/// a page has, and they are replaced where others are wanted.
///
/// The index is the outer loop and gives its rows by rank, so that what is asked of each, and its snippet, is asked only of
/// as many as are wanted. A content stands for all URLs that serve it: its URL is the one nearest to a seed of those that
/// name no other as canonical. A page that is gone, or redirects now, is none any more; one that gave an error keeps its
/// last good copy.
const HITS: &str = "SELECT u.url, c.title,
    replace(CASE WHEN coalesce(c.words, 0) <= 20000
       THEN coalesce(nullif(snippet(search, 3, :before, :after, '…', :words), ''),
                     nullif(snippet(search, 2, :before, :after, '…', :words), ''),
                     snippet(search, 1, :before, :after, '…', :words))
       ELSE coalesce('…' || replace(replace(substr(highlight(search, 3, char(2), char(3)),
                         nullif(instr(highlight(search, 3, char(2), char(3)), char(2)), 0), 9 * :words),
                         char(2), :before), char(3), :after) || '…', c.description, '')
       END, char(10), ' ') AS snippet,
    h.name AS host, c.lang, f.started_at AS fetched_at, u.last_fetch_id <> f.id AS stale,
    (SELECT count(1) FROM fetches e CROSS JOIN current_pages v ON v.id = e.url_id AND v.page_fetch_id = e.id
     WHERE e.content_id = s.rowid) AS urls,
    round(-s.rank, 3) AS score
FROM search s
CROSS JOIN urls u ON u.id = (
    SELECT v.id FROM fetches e CROSS JOIN current_pages v ON v.id = e.url_id AND v.page_fetch_id = e.id
    CROSS JOIN hosts g ON g.id = v.host_id
    WHERE e.content_id = s.rowid
      AND (:host IS NULL OR g.name = :host OR (:subdomains AND g.name LIKE '%.' || :host))
      AND (:since IS NULL OR e.started_ms >= :since)
    ORDER BY coalesce(e.canonical_id, v.id) <> v.id, v.depth, v.id LIMIT 1)
CROSS JOIN fetches f ON f.id = u.page_fetch_id
CROSS JOIN hosts h ON h.id = u.host_id
CROSS JOIN contents c ON c.id = s.rowid
WHERE search MATCH :expression AND (:lang IS NULL OR lower(c.lang) = :lang OR lower(c.lang) LIKE :lang || '-%')
ORDER BY s.rank LIMIT :most";

impl Hits {
    /// The statement.
    pub fn sql() -> &'static str {
        HITS
    }

    /// The values of its parameters, in the order in which the statement names them first.
    pub fn values(&self) -> Vec<Value> {
        let text = |text: &Option<String>| text.clone().map_or(Value::Null, Value::Text);
        let most = self.most.map_or(-1, |most| i64::try_from(most).unwrap_or(i64::MAX));
        vec![
            Value::Text(self.marks[0].clone()),
            Value::Text(self.marks[1].clone()),
            Value::Integer(self.snippet_words.into()),
            text(&self.host),
            Value::Integer(self.subdomains.into()),
            self.since_ms.map_or(Value::Null, Value::Integer),
            Value::Text(self.expression.clone()),
            text(&self.lang),
            Value::Integer(most),
        ]
    }
}

impl Reader {
    /// How far the full-text index is.
    ///
    /// # Errors
    /// [`StoreError`] when the file is at fault.
    pub async fn index_progress(&mut self) -> Result<IndexProgress, StoreError> {
        self.watch(&super::Limits::default()).await?;
        search_index::progress(&mut self.conn).await.map_err(|e| store_error(&self.path, "reading the index", e))
    }

    /// Whether the crawl keeps the texts of its pages: false when there are contents and not one text.
    ///
    /// # Errors
    /// As for [`Reader::index_progress`].
    pub async fn has_texts(&mut self) -> Result<bool, StoreError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM texts) OR NOT EXISTS (SELECT 1 FROM contents)";
        let found = sqlx::query_scalar(sql).fetch_one(&mut self.conn).await;
        found.map_err(|e| store_error(&self.path, "reading the texts", e))
    }
}
