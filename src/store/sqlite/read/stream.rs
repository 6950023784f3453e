//! Fetches in the order of their ids, for an export of any length: [`Selection`] says which, [`StoredFetch`] is one,
//! [`FetchMark`] tells whether a file still holds the fetch that an earlier export ended at.
//!
//! Ids grow: the one writer gives every fetch the highest one, in the transaction that makes it visible, and no fetch
//! is taken away. So a reader that has seen all fetches up to an id never misses one below it.
//!
//! Each verb is a read transaction of its own and ends before its rows are written anywhere, so that a reader that
//! waits for a full pipe does not keep the write-ahead log of a running crawl from being emptied.

use futures_util::TryStreamExt;
use serde::{Deserialize, Serialize};
use sqlx::{AssertSqlSafe, Connection, Executor, FromRow, SqlSafeStr, SqliteConnection};

use super::body::unpack;
use super::token::{Kind, significant_tokens};

/// Ids that are looked at in one transaction.
const IDS_AT_ONCE: i64 = 32_768;
/// The same where the condition has a query of its own: that is worked out anew in each transaction, which may take as
/// long as all the rest. The ids take 8 MB.
const IDS_OF_A_SUBQUERY: i64 = 1 << 20;
/// Contents whose likenesses are read in one transaction.
pub(super) const CONTENTS_AT_ONCE: usize = 32_768;
/// Most rows in one transaction.
pub(super) const ROWS_AT_ONCE: usize = 256;
/// Bytes of bodies and texts after which a transaction ends, though the last row may be larger.
const BYTES_AT_ONCE: usize = 8 << 20;

/// Which fetches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// The latest good copy of every page: the rows of the view `pages`. And the fetches that found a page gone or leading
    /// elsewhere which was there before [`Selection::lost_since`].
    LatestPages,
    /// The latest good copy of every page that is not known to be gone or to lead elsewhere now.
    LivePages,
    /// Every answer of a server, in every version: pages, confirmations (304), redirects, errors with a status.
    Responses,
}

/// Which fetches, and the condition that they meet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    /// Which.
    pub kept: Kept,
    /// An SQL condition over the columns of `pages`; with [`Kept::Responses`] the pages whose answers are wanted.
    pub condition: Option<String>,
    /// Whoever reads the rows has the pages that were fetched up to here, and is told of those that are no more; 0: has none.
    pub lost_since: i64,
}

impl Selection {
    /// How many ids are looked at in one transaction.
    pub(super) fn ids_at_once(&self) -> i64 {
        let has_query = self.condition.as_ref().is_some_and(|condition| {
            let tokens = significant_tokens(condition).unwrap_or_default();
            let is_select = |text: &str| ["select", "with"].iter().any(|word| text.eq_ignore_ascii_case(word));
            tokens.iter().any(|token| token.kind == Kind::Word && is_select(&condition[token.start..token.end]))
        });
        if has_query { IDS_OF_A_SUBQUERY } else { IDS_AT_ONCE }
    }
}

/// The large columns that are wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Parts {
    /// The plain text.
    pub text: bool,
    /// The body.
    pub body: bool,
}

/// One fetch by which it can be known again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, FromRow)]
pub struct FetchMark {
    /// Its id.
    pub fetch_id: i64,
    /// Its URL.
    pub url: String,
    /// When it started, ISO 8601.
    pub fetched_at: String,
}

/// One fetch with what it gave. Columns mean what they mean in `pages`, `fetches` and `contents` (docs/schema.md).
#[derive(Clone, Debug, Default, FromRow)]
#[allow(missing_docs, reason = "the columns of the schema")]
pub struct StoredFetch {
    pub fetch_id: i64,
    pub url: String,
    pub host: String,
    pub via: Option<String>,
    pub depth: i64,
    pub outcome: String,
    pub status: Option<i64>,
    pub started_ms: i64,
    pub fetched_at: String,
    pub elapsed_ms: i64,
    pub canonical: Option<String>,
    pub noindex: i64,
    pub nofollow: i64,
    pub stale: i64,
    /// Of the latest fetch of the URL.
    pub last_outcome: Option<String>,
    pub last_modified: Option<String>,
    pub address: Option<String>,
    pub session_id: i64,
    /// JSON `[[name, value], …]`.
    pub headers: Option<String>,
    pub content_id: Option<i64>,
    /// Hexadecimal.
    pub hash: Option<String>,
    pub mime: Option<String>,
    pub charset: Option<String>,
    pub size_bytes: Option<i64>,
    pub simhash: Option<i64>,
    pub words: Option<i64>,
    pub lang: Option<String>,
    pub title: Option<String>,
    pub description: Option<String>,
    pub headings: Option<String>,
    pub open_graph: Option<String>,
    pub json_ld: Option<String>,
    pub soft_404: Option<i64>,
    pub text: Option<String>,
    /// Unpacked, where [`Parts::body`] was asked for and it is kept.
    #[sqlx(skip)]
    pub body: Option<Vec<u8>>,
    /// As it is packed, until [`StoredFetch::unpack`].
    pub codec: Option<String>,
    pub body_bytes: Option<i64>,
    pub data: Option<Vec<u8>>,
}

impl StoredFetch {
    fn packed_bytes(&self) -> usize {
        self.data.as_ref().map_or(0, Vec::len) + self.text.as_ref().map_or(0, String::len)
    }

    /// Makes [`StoredFetch::body`] of what is packed.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn unpack(&mut self) -> Result<(), String> {
        if let (Some(codec), Some(size), Some(data)) = (&self.codec, self.body_bytes, self.data.take()) {
            self.body = Some(unpack(codec, size, data)?);
        }
        Ok(())
    }
}

/// What a content is known by when copies of it are told from the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromRow)]
pub struct Likeness {
    /// The content.
    pub content_id: i64,
    /// Fingerprint of its text.
    pub simhash: Option<i64>,
}

/// The id of the latest fetch; 0: there is none.
pub(super) async fn last_id(conn: &mut SqliteConnection) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("SELECT coalesce(max(id), 0) FROM fetches").fetch_one(conn).await
}

/// `None`: there is no such fetch.
pub(super) async fn mark(conn: &mut SqliteConnection, id: i64) -> Result<Option<FetchMark>, sqlx::Error> {
    let sql = "SELECT f.id AS fetch_id, u.url, f.started_at AS fetched_at
               FROM fetches f JOIN urls u ON u.id = f.url_id WHERE f.id = ?";
    sqlx::query_as(sql).bind(id).fetch_optional(conn).await
}

/// What stays the same as long as a crawl lives, and differs between crawls: when its first session began and the
/// first URL that it was given. A copy has it too.
pub(super) async fn identity(conn: &mut SqliteConnection) -> Result<String, sqlx::Error> {
    let sql = "SELECT coalesce((SELECT group_concat(started_ms || ' ' || version, ' ') FROM sessions WHERE id = 1), '')
               || ' ' || coalesce((SELECT discovered_ms || ' ' || url FROM urls WHERE id = 1), '')";
    let facts: String = sqlx::query_scalar(sql).fetch_one(conn).await?;
    Ok(blake3::hash(facts.as_bytes()).to_hex()[..32].to_owned())
}

/// The settings of every session, the oldest first: id, version of the program, JSON.
pub(super) async fn sessions(conn: &mut SqliteConnection) -> Result<Vec<(i64, String, String)>, sqlx::Error> {
    sqlx::query_as("SELECT id, version, config FROM sessions ORDER BY id").fetch_all(conn).await
}

/// Ids of the fetches of the selection that lie after `after`, up to `upto`, in ascending order. The caller keeps the
/// two at most [`Selection::ids_at_once`] apart.
pub(super) async fn ids(
    conn: &mut SqliteConnection,
    selection: &Selection,
    after: i64,
    upto: i64,
) -> Result<Vec<i64>, sqlx::Error> {
    let sql = AssertSqlSafe(ids_sql(selection)).into_sql_str();
    let rows = sqlx::query_scalar(sql).bind(after).bind(upto).persistent(false);
    rows.fetch_all(conn).await
}

/// A condition stands in parentheses on lines of its own, so that a comment at its end ends there.
fn ids_sql(selection: &Selection) -> String {
    let kept = match selection.kept {
        Kept::LatestPages => format!(
            "(u.page_fetch_id = f.id
              OR (u.last_fetch_id = f.id AND f.outcome IN {LOST} AND u.page_fetch_id <= {}))",
            selection.lost_since
        ),
        Kept::LivePages => format!(
            "u.page_fetch_id = f.id AND (u.last_fetch_id = f.id
              OR NOT EXISTS (SELECT 1 FROM fetches l WHERE l.id = u.last_fetch_id AND l.outcome IN {LOST}))"
        ),
        Kept::Responses => RESPONSES.to_owned(),
    };
    let matching = selection.condition.as_ref().map_or_else(String::new, |condition| {
        format!(
            "AND f.url_id IN (SELECT url_id FROM pages
               WHERE url_id IN (SELECT url_id FROM fetches WHERE id > ?1 AND id <= ?2) AND (\n{condition}\n))"
        )
    });
    // CROSS JOIN: the fetches are the outer loop, whose order the ids have.
    format!(
        "SELECT f.id FROM fetches f CROSS JOIN urls u ON u.id = f.url_id
         WHERE f.id > ?1 AND f.id <= ?2 AND {kept} {matching} ORDER BY f.id"
    )
}

/// Outcomes that say that a page is not there any more; others, such as a timeout, say nothing of it.
const LOST: &str = "('gone', 'redirect')";

const RESPONSES: &str = "f.status IS NOT NULL
    AND f.outcome IN ('page', 'unchanged', 'redirect', 'gone', 'http_error', 'rate_limited')";

/// The fetches with these ids, in their order: as many of the first ones as fit into one transaction.
pub(super) async fn rows(
    conn: &mut SqliteConnection,
    ids: &[i64],
    parts: Parts,
) -> Result<Vec<StoredFetch>, sqlx::Error> {
    // CROSS JOIN: the ids are the outer loop, whose order the rows have.
    let sql =
        "SELECT f.id AS fetch_id, u.url, h.name AS host, v.url AS via, u.depth, f.outcome, f.status, f.started_ms,
                      f.started_at AS fetched_at, f.elapsed_ms, k.url AS canonical, f.noindex, f.nofollow,
                      u.page_fetch_id IS NOT u.last_fetch_id AS stale, l.outcome AS last_outcome, f.last_modified, f.address, f.session_id, f.headers,
                      f.content_id, lower(hex(c.hash)) AS hash, c.mime, c.charset, c.size_bytes, c.simhash, c.words,
                      c.lang, c.title, c.description, c.headings, c.open_graph, c.json_ld, c.soft_404, t.text,
                      b.codec, b.size_bytes AS body_bytes, b.data
               FROM json_each(?1) j
               CROSS JOIN fetches f ON f.id = j.value
               CROSS JOIN urls u ON u.id = f.url_id
               CROSS JOIN hosts h ON h.id = f.host_id
               LEFT JOIN fetches l ON l.id = u.last_fetch_id
               LEFT JOIN urls v ON v.id = u.via_id
               LEFT JOIN urls k ON k.id = f.canonical_id
               LEFT JOIN contents c ON c.id = f.content_id
               LEFT JOIN texts t ON ?2 AND t.content_id = f.content_id
               LEFT JOIN bodies b ON ?3 AND b.content_id = f.content_id";
    let wanted = serde_json::Value::from(&ids[..ids.len().min(ROWS_AT_ONCE)]).to_string();
    let mut snapshot = conn.begin().await?;
    let mut found = Vec::new();
    let mut bytes = 0;
    {
        let mut stream = sqlx::query_as(sql).bind(wanted).bind(parts.text).bind(parts.body).fetch(&mut *snapshot);
        while bytes < BYTES_AT_ONCE {
            let Some(row): Option<StoredFetch> = stream.try_next().await? else { break };
            bytes += row.packed_bytes();
            found.push(row);
        }
    }
    snapshot.rollback().await?;
    Ok(found)
}

/// The likenesses of the latest pages with a fetch after `after`, up to `upto`.
pub(super) async fn likenesses(
    conn: &mut SqliteConnection,
    selection: &Selection,
    after: i64,
    upto: i64,
) -> Result<Vec<Likeness>, sqlx::Error> {
    let sql = format!(
        "SELECT f.content_id, c.simhash FROM fetches f JOIN contents c ON c.id = f.content_id
         WHERE f.id IN ({}) ORDER BY f.id",
        ids_sql(selection)
    );
    let rows = sqlx::query_as(AssertSqlSafe(sql).into_sql_str()).bind(after).bind(upto).persistent(false);
    rows.fetch_all(conn).await
}

/// The likenesses of the contents with these ids, in their order.
pub(super) async fn likenesses_of(conn: &mut SqliteConnection, ids: &[i64]) -> Result<Vec<Likeness>, sqlx::Error> {
    let sql = "SELECT c.id AS content_id, c.simhash FROM json_each(?1) j CROSS JOIN contents c ON c.id = j.value";
    sqlx::query_as(sql).bind(serde_json::Value::from(ids).to_string()).fetch_all(conn).await
}

/// The fetch whose answer a confirmation (304) confirms: the latest one before it that gave this content.
pub(super) async fn confirmed(
    conn: &mut SqliteConnection,
    confirmation: i64,
) -> Result<Option<FetchMark>, sqlx::Error> {
    let sql = "SELECT o.id AS fetch_id, u.url, o.started_at AS fetched_at
               FROM fetches f JOIN fetches o ON o.url_id = f.url_id AND o.content_id = f.content_id
               JOIN urls u ON u.id = o.url_id
               WHERE f.id = ? AND o.outcome = 'page' AND o.id < f.id ORDER BY o.id DESC LIMIT 1";
    sqlx::query_as(sql).bind(confirmation).fetch_optional(conn).await
}

/// Has SQLite compile a condition, which is not run.
pub(super) async fn compile(conn: &mut SqliteConnection, condition: &str) -> Result<(), (sqlx::Error, String)> {
    let sql = format!("SELECT 1 FROM pages WHERE (\n{condition}\n)");
    let compiled = conn.prepare(AssertSqlSafe(sql.clone()).into_sql_str()).await.map(drop);
    compiled.map_err(|error| (error, sql))
}

/// Why a condition is none, looked at as text: it has to be one expression, which can neither end the statement that
/// it stands in nor leave its parentheses. An expression only reads.
pub(super) fn refuse(condition: &str) -> Option<String> {
    if condition.contains('\0') {
        return Some("it contains a NUL character".to_owned());
    }
    let tokens = match significant_tokens(condition) {
        Ok(tokens) if tokens.is_empty() => return Some("it is empty".to_owned()),
        Ok(tokens) => tokens,
        Err(open) => return Some(format!("it has an opening {open} that is never closed")),
    };
    let mut depth = 0;
    for token in &tokens {
        let text = &condition[token.start..token.end];
        match (token.kind, text) {
            (Kind::Separator, _) => return Some("it is one expression, and has no ';'".to_owned()),
            (Kind::Variable, name) => return Some(format!("{name} cannot be given a value; write the value")),
            (_, "(") => depth += 1,
            (_, ")") => depth -= 1,
            _ => {}
        }
        if depth < 0 {
            return Some("it has a ')' too many".to_owned());
        }
    }
    (depth > 0).then(|| "it has a '(' too many".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_with_a_query_is_worked_out_less_often() {
        let ids = |condition: &str| {
            Selection { kept: Kept::LatestPages, condition: Some(condition.to_owned()), lost_since: 0 }.ids_at_once()
        };
        assert_eq!(ids("title = 'select' AND \"with\" = 1"), IDS_AT_ONCE);
        assert_eq!(ids("url_id IN (Select 1)"), IDS_OF_A_SUBQUERY);
    }

    #[test]
    fn a_condition_cannot_leave_its_place() {
        let fine = [
            "lang = 'en' AND words > 100",
            "url LIKE '%;%' -- why",
            "(status = 200)",
            "title IN ('(', \")\")",
            "1 /* ) */",
            "url_id IN (SELECT source_id FROM links)",
        ];
        for condition in fine {
            assert_eq!(refuse(condition), None, "{condition}");
        }
        let bad = [
            ("", "empty"),
            (" -- nothing", "empty"),
            ("1; DELETE FROM urls", "';'"),
            ("1) UNION SELECT (1", "')' too many"),
            ("(1", "'(' too many"),
            ("title = 'x", "never closed"),
            ("url = ?", "cannot be given"),
            ("url = :a", "cannot be given"),
            ("a\0", "NUL"),
        ];
        for (condition, words) in bad {
            let why = refuse(condition).unwrap_or_default();
            assert!(why.contains(words), "{condition}: {why}");
        }
    }
}
