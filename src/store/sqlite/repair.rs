//! `repair`: makes right again what follows from other rows. Nothing that was crawled is changed or removed:
//! what no row speaks of any more may be the only copy.
//!
//! Rows of `urls`, `fetches`, `contents` and `links` are what was seen; counters, the latest attempt of a
//! URL, ready times, indexes and views follow from them and are made anew. A URL that claims a visit of
//! which there is no trace is queued again.

use crate::model::UnixMs;
use crate::store::StoreError;

use super::read::SchemaObject;
use super::rows::get;
use super::writer::{Tx, sql};
use super::{session, suspects};

/// What was made right.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Repaired {
    /// In words.
    pub what: &'static str,
    /// Rows that changed, or objects that were made.
    pub count: u64,
}

/// One thing that follows from other rows: what it is, and the statement that makes it right where it is
/// wrong. In this order: later ones build on earlier ones.
const STEPS: &[(&str, &str)] = &[
    (
        "queues of hosts that had none",
        "INSERT INTO host_queue(host_id, delay_ms)
         SELECT h.id, 1000 FROM hosts h WHERE h.id NOT IN (SELECT host_id FROM host_queue)",
    ),
    (
        "latest attempts of URLs",
        "UPDATE urls SET last_fetch_id = (SELECT max(f.id) FROM fetches f WHERE f.url_id = urls.id)
         WHERE last_fetch_id IS NOT (SELECT max(f.id) FROM fetches f WHERE f.url_id = urls.id)",
    ),
    (
        "last good copies of URLs",
        "UPDATE urls SET page_fetch_id = (SELECT max(f.id) FROM fetches f
                                          WHERE f.url_id = urls.id AND f.outcome IN ('page', 'unchanged'))
         WHERE page_fetch_id IS NOT NULL AND NOT EXISTS (
           SELECT 1 FROM fetches f WHERE f.id = urls.page_fetch_id AND f.url_id = urls.id
             AND f.outcome IN ('page', 'unchanged'))",
    ),
    (
        "URLs queued again that no attempt speaks of",
        "UPDATE urls SET state = 'queued', due_ms = NULL, attempts = 0
         WHERE state IN ('done', 'failed') AND last_fetch_id IS NULL",
    ),
    (
        "hosts under which attempts are filed",
        "UPDATE fetches SET host_id = u.host_id FROM urls u WHERE u.id = fetches.url_id AND fetches.host_id <> u.host_id",
    ),
    (
        "redirect targets of attempts that were no redirects",
        "UPDATE fetches SET target_id = NULL WHERE target_id IS NOT NULL AND outcome <> 'redirect'",
    ),
    (
        "leases without a holder or an end",
        "UPDATE host_queue SET lease_session = NULL, lease_until_ms = NULL, fence = fence + 1
         WHERE (lease_session IS NULL) <> (lease_until_ms IS NULL)",
    ),
    (
        "counters of hosts",
        "WITH real AS (
           SELECT host_id, sum(state = 'queued') q, sum(state = 'scheduled') s, sum(state = 'done') d,
                  sum(state = 'failed') f, sum(state = 'excluded') e FROM urls GROUP BY host_id),
         wrong AS (
           SELECT k.host_id, coalesce(q, 0) q, coalesce(s, 0) s, coalesce(d, 0) d, coalesce(f, 0) f, coalesce(e, 0) e
           FROM host_queue k LEFT JOIN real r ON r.host_id = k.host_id
           WHERE (k.queued, k.scheduled, k.done, k.failed, k.excluded)
                 IS NOT (coalesce(q, 0), coalesce(s, 0), coalesce(d, 0), coalesce(f, 0), coalesce(e, 0)))
         UPDATE host_queue SET queued = q, scheduled = s, done = d, failed = f, excluded = e
         FROM wrong WHERE wrong.host_id = host_queue.host_id",
    ),
    (
        "pages of hosts in this round",
        "WITH real AS (SELECT host_id, count(*) n FROM fetches
                       WHERE outcome = 'page' AND round_id = (SELECT max(id) FROM rounds) GROUP BY host_id),
         wrong AS (SELECT k.host_id, coalesce(n, 0) n FROM host_queue k LEFT JOIN real r ON r.host_id = k.host_id
                   WHERE k.pages <> coalesce(n, 0))
         UPDATE host_queue SET pages = n FROM wrong WHERE wrong.host_id = host_queue.host_id",
    ),
    (
        "counters of the crawl",
        "WITH real(name, n) AS (
           SELECT state, count(*) FROM urls GROUP BY state
           UNION ALL SELECT 'fetches', count(*) FROM fetches
           UNION ALL SELECT 'pages', count(*) FROM fetches WHERE outcome = 'page'),
         names(name) AS (VALUES ('queued'), ('scheduled'), ('done'), ('failed'), ('excluded'), ('fetches'), ('pages'))
         INSERT INTO totals(name, n)
         SELECT names.name, coalesce(real.n, 0) FROM names LEFT JOIN real ON real.name = names.name
         WHERE NOT EXISTS (SELECT 1 FROM totals t WHERE t.name = names.name AND t.n = coalesce(real.n, 0))
         ON CONFLICT(name) DO UPDATE SET n = excluded.n",
    ),
];

/// Makes right what follows from other rows, in the caller's transaction. `expected`: the schema of a new
/// database of this version.
pub(super) async fn repair(
    tx: &mut Tx<'_>,
    expected: &[SchemaObject],
    now: UnixMs,
) -> Result<Vec<Repaired>, StoreError> {
    let mut repaired = vec![make_missing(tx, expected).await?, rebuild_indexes(tx).await?];
    for (what, text) in STEPS {
        repaired.push(Repaired { what, count: tx.execute(sql(text)).await? });
    }
    suspects::move_to_their_places(tx).await?;
    session::wake_all(tx, now).await?;
    repaired.retain(|step| step.count > 0);
    Ok(repaired)
}

/// Makes the indexes and views that are missing. A table that is missing held rows: nothing makes those.
async fn make_missing(tx: &mut Tx<'_>, expected: &[SchemaObject]) -> Result<Repaired, StoreError> {
    let rows = tx.rows(sql("SELECT type || ' ' || name AS object FROM sqlite_schema")).await?;
    let mut found = Vec::with_capacity(rows.len());
    for row in &rows {
        found.push(get::<String>(tx, row, "object")?);
    }
    let mut count = 0;
    for object in expected.iter().filter(|object| matches!(object.kind.as_str(), "index" | "view")) {
        let Some(text) = object.sql.as_deref() else { continue };
        if !found.contains(&format!("{} {}", object.kind, object.name)) {
            tx.run_text(text).await?;
            count += 1;
        }
    }
    Ok(Repaired { what: "indexes and views that were missing", count })
}

/// Builds the indexes anew when one of them differs from its table.
async fn rebuild_indexes(tx: &mut Tx<'_>) -> Result<Repaired, StoreError> {
    let rows = tx.rows(sql("PRAGMA integrity_check(100)")).await?;
    let mut count = 0;
    for row in &rows {
        let line: &str = get(tx, row, "integrity_check")?;
        count += u64::from(line.contains("index"));
    }
    if count > 0 {
        tx.execute(sql("REINDEX")).await?;
    }
    Ok(Repaired { what: "rows that an index had wrong; all indexes were built anew", count })
}
