//! `repair`: makes right again what follows from other rows. Nothing that was crawled is changed or removed:
//! what no row speaks of any more may be the only copy.
//!
//! Rows of `urls`, `fetches`, `contents` and `links` are what was seen; counters, the latest attempt of a
//! URL, ready times, indexes and views follow from them and are made anew. A URL that claims a visit of
//! which there is no trace is queued again.

use crate::model::UnixMs;
use crate::store::StoreError;

use super::read::{INDEX_ROWS, SchemaObject};
use super::rows::get;
use super::writer::{Tx, sql};
use super::{clock, session, suspects};

mod schema;

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
         WHERE (last_fetch_id IS NOT NULL OR page_fetch_id IS NOT NULL)
           AND page_fetch_id IS NOT (SELECT max(f.id) FROM fetches f
                                     WHERE f.url_id = urls.id AND f.outcome IN ('page', 'unchanged'))",
    ),
    (
        "URLs queued again that no attempt speaks of",
        "UPDATE urls SET state = 'queued', due_ms = NULL, attempts = 0
         WHERE state IN ('done', 'failed') AND last_fetch_id IS NULL",
    ),
    (
        "URLs that are done, as their latest attempt gave a page",
        "UPDATE urls SET state = 'done' WHERE state = 'failed' AND EXISTS (
           SELECT 1 FROM fetches f WHERE f.id = urls.last_fetch_id AND f.outcome IN ('page', 'unchanged'))",
    ),
    (
        "URLs queued again, as their latest attempt had failed",
        "UPDATE urls SET state = 'queued', attempts = 0 WHERE state = 'done' AND EXISTS (
           SELECT 1 FROM fetches f WHERE f.id = urls.last_fetch_id
             AND f.outcome NOT IN ('page', 'unchanged', 'redirect'))",
    ),
    (
        "rounds in which URLs were named",
        "UPDATE urls SET seen_round = coalesce((SELECT f.round_id FROM fetches f WHERE f.id = urls.last_fetch_id), 1)
         WHERE seen_round NOT BETWEEN 1 AND (SELECT max(id) FROM rounds)",
    ),
    (
        "moments of attempts, as text",
        "UPDATE fetches SET started_at = strftime('%Y-%m-%dT%H:%M:%S', started_ms / 1000, 'unixepoch')
                                         || printf('.%03dZ', started_ms % 1000)
         WHERE started_ms >= 0 AND started_at IS NOT
           strftime('%Y-%m-%dT%H:%M:%S', started_ms / 1000, 'unixepoch') || printf('.%03dZ', started_ms % 1000)",
    ),
    (
        "robots.txt without their text, to be asked for again; nothing is allowed until then",
        "UPDATE robots SET verdict = 'disallow_all', expires_ms = fetched_ms WHERE verdict = 'rules' AND body IS NULL",
    ),
    (
        "suspects that were visited since, forgotten",
        "DELETE FROM suspects WHERE url_id IN (SELECT id FROM urls WHERE state IN ('done', 'failed'))",
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
    (
        "ends of rounds",
        "UPDATE rounds SET ended_ms = CASE WHEN id < (SELECT max(id) FROM rounds)
           THEN (SELECT min(n.started_ms) FROM rounds n WHERE n.id > rounds.id) END
         WHERE (ended_ms IS NULL AND id < (SELECT max(id) FROM rounds))
            OR (ended_ms IS NOT NULL AND id = (SELECT max(id) FROM rounds)
                AND EXISTS (SELECT 1 FROM host_queue WHERE queued + scheduled > 0))",
    ),
];

/// Makes right what follows from other rows, in the caller's transaction. `expected`: the schema of a new
/// database of this version.
pub(super) async fn repair(
    tx: &mut Tx<'_>,
    expected: &[SchemaObject],
    now: UnixMs,
) -> Result<Vec<Repaired>, StoreError> {
    let found = schema::objects(tx).await?;
    let mut repaired = vec![
        schema::make_again(tx, &found, expected).await?,
        schema::note_migrations(tx, &found, expected).await?,
        rebuild_indexes(tx).await?,
        Repaired { what: "due times of URLs, brought near", count: clock::bring_near(tx, now).await? },
    ];
    for (what, text) in STEPS {
        repaired.push(Repaired { what, count: tx.execute(sql(text)).await? });
    }
    suspects::move_to_their_places(tx).await?;
    session::wake_all(tx, now).await?;
    repaired.retain(|step| step.count > 0);
    Ok(repaired)
}

/// Builds the indexes anew when one of them differs from its table.
async fn rebuild_indexes(tx: &mut Tx<'_>) -> Result<Repaired, StoreError> {
    let rows = tx.rows(sql("PRAGMA integrity_check(100)")).await?;
    let mut count = 0;
    for row in &rows {
        let line: &str = get(tx, row, "integrity_check")?;
        count += u64::from(line.contains("index"));
    }
    count += tx.rows(sql(INDEX_ROWS)).await?.len() as u64;
    if count > 0 {
        tx.execute(sql("REINDEX")).await?;
    }
    Ok(Repaired { what: "rows that an index had wrong; all indexes were built anew", count })
}
