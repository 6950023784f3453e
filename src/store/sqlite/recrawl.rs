//! A new round over every URL known: what was visited is to be visited again, with the validators
//! of its last good copy.

use crate::model::UnixMs;
use crate::store::StoreError;

use super::rows::get;
use super::writer::{Tx, sql};

/// Begins a round with the seeds of the one before; its id. Every URL is queued again but for those
/// that settings exclude: what robots.txt or the address guard refused is asked about again.
pub(super) async fn begin(tx: &mut Tx<'_>, now: UnixMs) -> Result<i64, StoreError> {
    tx.execute(sql("UPDATE rounds SET ended_ms = ?1 WHERE ended_ms IS NULL").bind(now)).await?;
    let row = tx
        .row(
            sql("INSERT INTO rounds(started_ms, pages_before) SELECT ?1, n FROM totals WHERE name = 'pages' RETURNING id")
                .bind(now),
        )
        .await?;
    let round: i64 = get(tx, &row, "id")?;
    tx.execute(
        sql("INSERT INTO seeds(round_id, url_id, given, source, grants_origin, grants_scope)
             SELECT ?1, url_id, given, source, grants_origin, grants_scope FROM seeds
             WHERE round_id = (SELECT max(id) FROM rounds WHERE id < ?1) ORDER BY id")
        .bind(round),
    )
    .await?;
    tx.execute(
        sql("INSERT INTO seed_hosts(seed_id, host_id)
             SELECT s.id, w.host_id FROM seeds s
             JOIN seeds before ON before.url_id = s.url_id AND before.round_id = (SELECT max(id) FROM rounds WHERE id < ?1)
             JOIN seed_hosts w ON w.seed_id = before.id WHERE s.round_id = ?1")
        .bind(round),
    )
    .await?;
    tx.execute(
        sql("UPDATE seed_redirects SET seed_id = s.id FROM seeds before JOIN seeds s ON s.url_id = before.url_id AND s.round_id = ?1
             WHERE before.id = seed_redirects.seed_id")
        .bind(round),
    )
    .await?;
    tx.execute(
        sql("UPDATE urls SET seen_round = ?1 WHERE id IN (SELECT url_id FROM seeds WHERE round_id = ?1)").bind(round),
    )
    .await?;
    requeue(tx).await?;
    Ok(round)
}

/// Queues what was visited, and counts anew: once a round every row changes anyway.
async fn requeue(tx: &mut Tx<'_>) -> Result<(), StoreError> {
    tx.execute(sql("UPDATE urls SET state = 'queued', due_ms = NULL, attempts = 0, rule_id = NULL
         WHERE state IN ('scheduled', 'done', 'failed') OR (state = 'excluded'
           AND rule_id IN (SELECT id FROM rules WHERE name IN ('robots', 'address')))"))
        .await?;
    tx.execute(sql(
        "UPDATE host_queue SET pages = 0, failures = 0, scheduled = 0, done = 0, failed = 0, queued = n.queued,
           excluded = n.excluded
         FROM (SELECT host_id, sum(state = 'queued') AS queued, sum(state = 'excluded') AS excluded
               FROM urls GROUP BY host_id) n WHERE n.host_id = host_queue.host_id",
    ))
    .await?;
    tx.execute(sql(
        "UPDATE totals SET n = coalesce((SELECT CASE totals.name WHEN 'queued' THEN sum(queued) WHEN 'excluded' THEN sum(excluded)
           ELSE 0 END FROM host_queue), 0) WHERE name IN ('queued', 'scheduled', 'done', 'failed', 'excluded')",
    ))
    .await?;
    Ok(())
}
