//! [`SearchIndex`]: brings the full-text index up to date with the contents that there are.
//!
//! Contents are never changed or taken away, and their ids grow; so the id of the last one that was looked at says how far
//! the index is, and stands in the transaction that adds the rows. All versions of a page stay in the index: which one is
//! current is asked when something is searched, so a search never finds what a page has been. One thing comes later: the
//! text of a content that an earlier crawl did not keep (`search_textless`).

use std::path::Path;

use sqlx::SqliteConnection;

use super::beside::Beside;
use crate::model::UnixMs;
use crate::store::StoreError;

/// Contents of one statement.
const CONTENTS: i64 = 64;
/// Bytes of texts after which a statement ends, though the last text may be larger.
const BYTES: i64 = 1 << 20;
/// Statements of a transaction when nobody else writes: fewer commits make fewer, larger parts of the index.
const STATEMENTS: u32 = 64;

/// The index of one file, held for writing beside whoever crawls.
#[derive(Debug)]
pub struct SearchIndex {
    beside: Beside,
}

/// How far it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IndexProgress {
    /// Every content up to this id is in the index.
    pub content_id: i64,
    /// The last id that there is.
    pub last_id: i64,
    /// When there is no other content to add: some in the index have no text, and it has come meanwhile.
    pub late_texts: bool,
}

impl IndexProgress {
    /// Whether nothing is left to do.
    pub fn is_complete(self) -> bool {
        self.content_id >= self.last_id && !self.late_texts
    }
}

/// CASE looks for late texts only where there is no more else to do: it may have to read all of `search_textless`.
const STATE: &str = "SELECT p.content_id, p.last_id,
      CASE WHEN p.content_id < p.last_id OR NOT EXISTS (SELECT 1 FROM texts) THEN 0 ELSE EXISTS (
        SELECT 1 FROM search_textless s CROSS JOIN texts t ON t.content_id = s.content_id) END
    FROM (SELECT content_id, (SELECT coalesce(max(id), 0) FROM contents) AS last_id FROM search_progress WHERE id = 1) p";

/// How far the index is.
pub(super) async fn progress(conn: &mut SqliteConnection) -> Result<IndexProgress, sqlx::Error> {
    let (content_id, last_id, late_texts) = sqlx::query_as(STATE).fetch_one(conn).await?;
    Ok(IndexProgress { content_id, last_id, late_texts })
}

impl SearchIndex {
    /// Opens it; a crawl may run.
    ///
    /// # Errors
    /// [`StoreError`]: missing, no crawl, of another version, not writable.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        Ok(SearchIndex { beside: Beside::open(path).await? })
    }

    /// Adds some of what is missing, in one short transaction; how far the index is then. To be called again until
    /// [`IndexProgress::is_complete`], or as long as it pleases.
    ///
    /// # Errors
    /// [`StoreError`] when the file cannot be written; the index is then what it was.
    pub async fn step(&mut self, now: UnixMs) -> Result<IndexProgress, StoreError> {
        let mut tx = self.beside.begin("indexing").await?;
        let mut done = 0;
        let progress = loop {
            let step = step(tx.conn(), now).await;
            let progress = step.map_err(|error| tx.fault(error))?;
            done += 1;
            if progress.is_complete() || tx.is_long() || done >= STATEMENTS {
                break progress;
            }
        };
        let held = tx.commit().await?;
        if !progress.is_complete() {
            self.beside.give_way(held).await;
        }
        Ok(progress)
    }

    /// Takes everything out of it, in one transaction: [`SearchIndex::step`] makes it anew from the first content on.
    ///
    /// # Errors
    /// [`StoreError`] when the file cannot be written; the index is then what it was.
    pub async fn empty(&mut self) -> Result<(), StoreError> {
        let mut tx = self.beside.begin("emptying the index").await?;
        for sql in [
            "INSERT INTO search(search) VALUES ('delete-all')",
            "DELETE FROM search_textless",
            "UPDATE search_progress SET content_id = 0, updated_ms = NULL WHERE id = 1",
        ] {
            let done = sqlx::query(sql).execute(tx.conn()).await;
            done.map_err(|error| tx.fault(error))?;
        }
        tx.commit().await.map(drop)
    }

    /// How far it is.
    ///
    /// # Errors
    /// [`StoreError`] when the file is at fault.
    pub async fn progress(&mut self) -> Result<IndexProgress, StoreError> {
        self.beside.read("reading the index", async |conn| progress(conn).await).await
    }

    /// Gives the file back.
    ///
    /// # Errors
    /// [`StoreError`] when SQLite could not finish; what was committed is kept.
    pub async fn close(self) -> Result<(), StoreError> {
        self.beside.close().await
    }
}

/// The next contents, or the next late texts when there are no more.
async fn step(conn: &mut SqliteConnection, now: UnixMs) -> Result<IndexProgress, sqlx::Error> {
    let before = progress(conn).await?;
    if before.content_id < before.last_id {
        add(conn, before.content_id, now).await?;
    } else if before.late_texts {
        add_late_texts(conn).await?;
    }
    progress(conn).await
}

/// What is indexed: what has words or says something of itself.
pub(super) const INDEXED: &str =
    "(c.words IS NOT NULL OR c.title IS NOT NULL OR c.description IS NOT NULL OR c.headings IS NOT NULL)";

async fn add(conn: &mut SqliteConnection, after: i64, now: UnixMs) -> Result<(), sqlx::Error> {
    let upto = end_of_step(conn, after).await?;
    let rows = format!(
        "INSERT INTO search(rowid, title, headings, description, text)
         SELECT d.rowid, d.title, d.headings, d.description, d.text FROM contents c CROSS JOIN documents d ON d.rowid = c.id
         WHERE c.id > ?1 AND c.id <= ?2 AND {INDEXED}"
    );
    sqlx::query(sqlx::AssertSqlSafe(rows)).bind(after).bind(upto).execute(&mut *conn).await?;
    let textless = format!(
        "INSERT OR IGNORE INTO search_textless(content_id)
         SELECT c.id FROM contents c WHERE c.id > ?1 AND c.id <= ?2 AND {INDEXED} AND c.words > 0
           AND NOT EXISTS (SELECT 1 FROM texts t WHERE t.content_id = c.id)"
    );
    sqlx::query(sqlx::AssertSqlSafe(textless)).bind(after).bind(upto).execute(&mut *conn).await?;
    let position = "UPDATE search_progress SET content_id = ?1, updated_ms = ?2 WHERE id = 1";
    sqlx::query(position).bind(upto).bind(now).execute(conn).await.map(drop)
}

/// The last content of a step: so many, and so many bytes of text.
async fn end_of_step(conn: &mut SqliteConnection, after: i64) -> Result<i64, sqlx::Error> {
    // The length in bytes stands before a text; to count characters it would be read.
    let sql = "WITH next AS (SELECT c.id, coalesce(octet_length(t.text), 0) AS bytes
                             FROM contents c LEFT JOIN texts t ON t.content_id = c.id
                             WHERE c.id > ?1 ORDER BY c.id LIMIT ?2),
                    summed AS (SELECT id, sum(bytes) OVER (ORDER BY id) - bytes AS before FROM next)
               SELECT coalesce(max(id), ?1) FROM summed WHERE before < ?3";
    sqlx::query_scalar(sql).bind(after).bind(CONTENTS).bind(BYTES).fetch_one(conn).await
}

/// FTS5 takes a row out only when it is told what stood in it.
async fn add_late_texts(conn: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    let sql = "SELECT s.content_id FROM search_textless s CROSS JOIN texts t ON t.content_id = s.content_id LIMIT ?";
    let late: Vec<i64> = sqlx::query_scalar(sql).bind(CONTENTS).fetch_all(&mut *conn).await?;
    let late = serde_json::Value::from(late).to_string();
    for sql in [
        "INSERT INTO search(search, rowid, title, headings, description, text)
         SELECT 'delete', d.rowid, d.title, d.headings, d.description, NULL
         FROM json_each(?1) j CROSS JOIN documents d ON d.rowid = j.value",
        "INSERT INTO search(rowid, title, headings, description, text)
         SELECT d.rowid, d.title, d.headings, d.description, d.text
         FROM json_each(?1) j CROSS JOIN documents d ON d.rowid = j.value",
        "DELETE FROM search_textless WHERE content_id IN (SELECT value FROM json_each(?1))",
    ] {
        sqlx::query(sql).bind(&late).execute(&mut *conn).await?;
    }
    Ok(())
}
