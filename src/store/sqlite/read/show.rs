//! Looking one URL up: its [`PageFacts`], its body, its text, or the URLs near it.

use std::collections::BTreeSet;

use sqlx::SqliteConnection;

use super::body::{Body, unpack};
use super::copies::{self, CopyList};
use super::facts::{Attempt, Hop, LinkList, Lookup, PageFacts, PageVersion, ShowLimits, UnknownUrl};
use crate::model::UnixMs;

/// Most hops of a redirect chain that are followed.
const MOST_HOPS: i64 = 20;

#[derive(sqlx::FromRow)]
struct UrlRow {
    id: i64,
    host: String,
    state: String,
    rule: Option<String>,
    depth: i64,
    hops: i64,
    priority: i64,
    attempts: i64,
    due_ms: Option<i64>,
    discovered_ms: i64,
    via: Option<String>,
    seed: Option<String>,
    rank: Option<f64>,
    click_depth: Option<i64>,
    ranked_ms: Option<UnixMs>,
    page_fetch_id: Option<i64>,
}

/// Collects the facts inside the caller's transaction.
pub(super) async fn collect(conn: &mut SqliteConnection, url: &str, limits: ShowLimits) -> Result<Lookup, sqlx::Error> {
    let Some(row) = url_row(conn, url).await? else {
        return Ok(Lookup::Unknown(UnknownUrl { url: url.to_owned(), near: near(conn, url).await? }));
    };
    let until = limits.at_ms.unwrap_or(UnixMs::MAX);
    let fetch_id = match limits.at_ms {
        None => row.page_fetch_id,
        Some(_) => last_page_until(conn, row.id, until).await?,
    };
    let page = match fetch_id {
        Some(fetch_id) => page_version(conn, fetch_id, until).await?,
        None => None,
    };
    let content_id = page.as_ref().and_then(|page| page.content_id);
    Ok(Lookup::Known(Box::new(PageFacts {
        page,
        attempt_count: attempt_count(conn, row.id, until).await?,
        history: history(conn, row.id, until, limits.attempts).await?,
        redirects: redirects(conn, row.id).await?,
        headers: headers(conn, row.id, until).await?,
        at_ms: limits.at_ms,
        versions: copies::versions(conn, row.id, until, limits.others).await?,
        copies: copies::exact(conn, row.id, content_id, limits.others).await?,
        near_copies: CopyList::default(),
        links_out: links_out(conn, row.id, limits.links).await?,
        links_in: LinkList::default(),
        url: url.to_owned(),
        url_id: row.id,
        host: row.host,
        state: row.state,
        rule: row.rule,
        depth: row.depth,
        click_depth: row.click_depth,
        rank: row.rank,
        ranked_ms: row.ranked_ms,
        hops: row.hops,
        priority: row.priority,
        attempts: row.attempts,
        due_ms: row.due_ms,
        discovered_ms: row.discovered_ms,
        via: row.via,
        seed: row.seed,
    })))
}

/// The latest fetch up to a moment that gave or confirmed a page.
async fn last_page_until(conn: &mut SqliteConnection, url_id: i64, until: UnixMs) -> Result<Option<i64>, sqlx::Error> {
    let sql = "SELECT id FROM fetches WHERE url_id = ? AND started_ms <= ? AND content_id IS NOT NULL
               ORDER BY started_ms DESC, id DESC LIMIT 1";
    sqlx::query_scalar(sql).bind(url_id).bind(until).fetch_optional(conn).await
}

async fn attempt_count(conn: &mut SqliteConnection, url_id: i64, until: UnixMs) -> Result<u64, sqlx::Error> {
    let sql = "SELECT count(*) FROM fetches WHERE url_id = ? AND started_ms <= ?";
    let n: i64 = sqlx::query_scalar(sql).bind(url_id).bind(until).fetch_one(conn).await?;
    Ok(u64::try_from(n).unwrap_or(0))
}

/// The body of a content.
pub(super) async fn body_of(
    conn: &mut SqliteConnection,
    content: i64,
) -> Result<Option<Result<Body, String>>, sqlx::Error> {
    type Row = (String, Option<String>, String, i64, Vec<u8>);
    let sql = "SELECT c.mime, c.charset, b.codec, b.size_bytes, b.data
               FROM contents c JOIN bodies b ON b.content_id = c.id WHERE c.id = ?";
    let row: Option<Row> = sqlx::query_as(sql).bind(content).fetch_optional(conn).await?;
    Ok(row.map(|(mime, charset, codec, size_bytes, data)| {
        unpack(&codec, size_bytes, data).map(|bytes| Body { mime, charset, bytes })
    }))
}

/// The plain text of a content.
pub(super) async fn text_of(conn: &mut SqliteConnection, content: i64) -> Result<Option<String>, sqlx::Error> {
    sqlx::query_scalar("SELECT text FROM texts WHERE content_id = ?").bind(content).fetch_optional(conn).await
}

/// The content of the last good copy.
pub(super) async fn content_of(conn: &mut SqliteConnection, url: &str) -> Result<Option<i64>, sqlx::Error> {
    let sql = "SELECT f.content_id FROM urls u JOIN fetches f ON f.id = u.page_fetch_id WHERE u.url = ?";
    Ok(sqlx::query_scalar::<_, Option<i64>>(sql).bind(url).fetch_optional(conn).await?.flatten())
}

async fn url_row(conn: &mut SqliteConnection, url: &str) -> Result<Option<UrlRow>, sqlx::Error> {
    let sql = "SELECT u.id, h.name AS host, u.state, r.name AS rule, u.depth, u.hops, u.priority, u.attempts, u.due_ms,
                      u.discovered_ms, v.url AS via, u.page_fetch_id,
                      (SELECT given FROM seeds s WHERE s.url_id = u.id ORDER BY s.round_id DESC LIMIT 1) AS seed,
                      k.rank, k.depth AS click_depth,
                      CASE WHEN k.url_id IS NOT NULL THEN (SELECT max(w.finished_ms) FROM rank_runs w) END AS ranked_ms
               FROM urls u JOIN hosts h ON h.id = u.host_id LEFT JOIN current_ranks k ON k.url_id = u.id LEFT JOIN rules r ON r.id = u.rule_id
               LEFT JOIN urls v ON v.id = u.via_id WHERE u.url = ?";
    sqlx::query_as(sql).bind(url).fetch_optional(conn).await
}

async fn page_version(
    conn: &mut SqliteConnection,
    fetch_id: i64,
    until: UnixMs,
) -> Result<Option<PageVersion>, sqlx::Error> {
    let sql = "SELECT f.id AS fetch_id, f.content_id, f.started_at AS fetched_at, f.status,
                      EXISTS (SELECT 1 FROM fetches g WHERE g.url_id = f.url_id AND g.id > f.id AND g.started_ms <= ?2) AS stale, c.mime, c.charset, c.size_bytes, c.title, c.description, c.lang,
                      c.words, c.meta_robots, f.noindex, f.nofollow, k.url AS canonical, c.parse_cut,
                      lower(hex(c.hash)) AS hash,
                      (SELECT count(DISTINCT o.url_id) FROM fetches o JOIN current_pages ou ON ou.id = o.url_id AND ou.page_fetch_id = o.id
                       WHERE o.content_id = f.content_id AND o.url_id <> f.url_id) AS duplicates,
                      EXISTS (SELECT 1 FROM bodies b WHERE b.content_id = f.content_id) AS has_body,
                      EXISTS (SELECT 1 FROM texts t WHERE t.content_id = f.content_id) AS has_text
               FROM fetches f JOIN urls u ON u.id = f.url_id LEFT JOIN contents c ON c.id = f.content_id
               LEFT JOIN urls k ON k.id = f.canonical_id WHERE f.id = ?1";
    let page: Option<PageVersion> = sqlx::query_as(sql).bind(fetch_id).bind(until).fetch_optional(&mut *conn).await?;
    let Some(mut page) = page else { return Ok(None) };
    let headings: Option<Option<String>> = sqlx::query_scalar("SELECT headings FROM contents WHERE id = ?")
        .bind(page.content_id)
        .fetch_optional(conn)
        .await?;
    page.headings = headings.flatten().and_then(|json| serde_json::from_str(&json).ok()).unwrap_or_default();
    Ok(Some(page))
}

pub(super) async fn history(
    conn: &mut SqliteConnection,
    url_id: i64,
    until: UnixMs,
    most: u32,
) -> Result<Vec<Attempt>, sqlx::Error> {
    let sql =
        "SELECT f.id AS fetch_id, f.started_at, f.elapsed_ms, f.outcome, f.status, f.wire_bytes, f.address, f.error,
                      t.url AS target, f.content_id, f.delay_asked_ms, f.delay_by, f.delay_applied_ms
               FROM fetches f LEFT JOIN urls t ON t.id = f.target_id
               WHERE f.url_id = ? AND f.started_ms <= ? ORDER BY f.started_ms DESC, f.id DESC LIMIT ?";
    sqlx::query_as(sql).bind(url_id).bind(until).bind(most).fetch_all(conn).await
}

/// Follows the latest attempts from redirect to redirect; a loop ends where it closes.
pub(super) async fn redirects(conn: &mut SqliteConnection, url_id: i64) -> Result<Vec<Hop>, sqlx::Error> {
    let sql = "WITH RECURSIVE hop(n, id, path) AS (
                 SELECT 1, f.target_id, ',' || u.id || ',' FROM urls u JOIN fetches f ON f.id = u.last_fetch_id
                 WHERE u.id = ? AND f.outcome = 'redirect' AND f.target_id IS NOT NULL
                 UNION ALL
                 SELECT n + 1, f.target_id, path || u.id || ',' FROM hop JOIN urls u ON u.id = hop.id
                 JOIN fetches f ON f.id = u.last_fetch_id
                 WHERE f.outcome = 'redirect' AND f.target_id IS NOT NULL AND n < ?
                   AND instr(path, ',' || u.id || ',') = 0)
               SELECT u.url, f.outcome, f.status FROM hop JOIN urls u ON u.id = hop.id
               LEFT JOIN fetches f ON f.id = u.last_fetch_id ORDER BY n";
    sqlx::query_as(sql).bind(url_id).bind(MOST_HOPS).fetch_all(conn).await
}

async fn headers(
    conn: &mut SqliteConnection,
    url_id: i64,
    until: UnixMs,
) -> Result<Vec<(String, String)>, sqlx::Error> {
    let sql = "SELECT headers FROM fetches WHERE url_id = ? AND headers IS NOT NULL
               AND started_ms <= ? ORDER BY started_ms DESC, id DESC LIMIT 1";
    let json: Option<String> = sqlx::query_scalar(sql).bind(url_id).bind(until).fetch_optional(conn).await?;
    Ok(json.and_then(|json| serde_json::from_str(&json).ok()).unwrap_or_default())
}

async fn links_out(conn: &mut SqliteConnection, url_id: i64, most: u32) -> Result<LinkList, sqlx::Error> {
    let sql =
        "SELECT o.url, l.kind, l.nofollow, l.anchor, o.state, f.status FROM links l JOIN urls o ON o.id = l.target_id
               LEFT JOIN fetches f ON f.id = o.last_fetch_id WHERE l.source_id = ? ORDER BY l.position LIMIT ?";
    Ok(LinkList {
        count: count(conn, "SELECT count(*) FROM links WHERE source_id = ?", url_id).await?,
        complete: true,
        links: sqlx::query_as(sql).bind(url_id).bind(most).fetch_all(conn).await?,
    })
}

pub(super) async fn count(conn: &mut SqliteConnection, sql: &'static str, id: i64) -> Result<u64, sqlx::Error> {
    let n: i64 = sqlx::query_scalar(sql).bind(id).fetch_one(conn).await?;
    Ok(u64::try_from(n).unwrap_or(0))
}

/// The known ones among the URLs that people mean when they type this one.
pub(super) async fn near(conn: &mut SqliteConnection, url: &str) -> Result<Vec<String>, sqlx::Error> {
    let candidates: Vec<String> = variants(url).into_iter().filter(|v| v != url).collect();
    let json = serde_json::Value::from(candidates).to_string();
    let sql = "SELECT u.url FROM json_each(?) j JOIN urls u ON u.url = j.value ORDER BY u.id LIMIT 10";
    sqlx::query_scalar(sql).bind(json).fetch_all(conn).await
}

/// The URL under both schemes, with and without `www.`, the last slash and the query.
fn variants(url: &str) -> BTreeSet<String> {
    let Some((_, rest)) = url.split_once("://") else { return BTreeSet::new() };
    let bare = rest.strip_prefix("www.").unwrap_or(rest);
    let mut paths = BTreeSet::from([bare.to_owned()]);
    if let Some((path, _query)) = bare.split_once('?') {
        paths.insert(path.to_owned());
    }
    let slashed: Vec<String> = paths
        .iter()
        .filter(|p| !p.contains('?'))
        .map(|p| p.strip_suffix('/').map_or_else(|| format!("{p}/"), str::to_owned))
        .collect();
    paths.extend(slashed);
    let with = |scheme: &'static str, www: &'static str| paths.iter().map(move |p| format!("{scheme}://{www}{p}"));
    ["http", "https"].into_iter().flat_map(|s| with(s, "").chain(with(s, "www."))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varies_scheme_www_slash_and_query() {
        let all = variants("https://www.example.org/a?b=c");
        for wanted in [
            "http://example.org/a?b=c",
            "https://example.org/a",
            "http://www.example.org/a/",
            "https://www.example.org/a?b=c",
        ] {
            assert!(all.contains(wanted), "{wanted} in {all:?}");
        }
        assert!(variants("nonsense").is_empty());
    }
}
