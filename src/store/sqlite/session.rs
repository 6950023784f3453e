//! Sessions and rounds: `stored_crawl`, `begin_session`, `end_session`.

use crate::model::{CrawlSettings, EndedBy, Host, RoundId, SessionId, Totals, UnixMs};
use crate::store::{SessionOpen, SessionStart, StoreError, StoredCrawl, StoredSeed};

use super::clock::{self, FURTHEST_MS};
use super::inbox;
use super::recrawl;
use super::rows::{self, count, get};
use super::suspects;
use super::work::Left;
use super::writer::{Tx, sql};

/// See [`crate::store::Store::stored_crawl`].
pub(super) async fn stored_crawl(tx: &mut Tx<'_>) -> Result<Option<StoredCrawl>, StoreError> {
    let latest = tx
        .rows(sql("SELECT s.config, s.ended_by, s.round_id, r.ended_ms IS NOT NULL AS complete, s.judging
             FROM sessions s JOIN rounds r ON r.id = s.round_id ORDER BY s.id DESC LIMIT 1"))
        .await?;
    let Some(latest) = latest.first() else { return Ok(None) };
    let config: &str = get(tx, latest, "config")?;
    let settings = serde_json::from_str(config).map_err(|error| tx.corrupt(format!("sessions.config: {error}")))?;
    let round: i64 = get(tx, latest, "round_id")?;
    Ok(Some(StoredCrawl {
        settings,
        complete: get(tx, latest, "complete")?,
        last_ended_by: get(tx, latest, "ended_by")?,
        judging: get(tx, latest, "judging")?,
        seeds: stored_seeds(tx, round).await?,
        skips: inbox::skips(tx).await?,
        totals: rows::totals(tx).await?,
    }))
}

/// Seeds of the round `?1`, in the order given, `?3` of them behind the seed `?2`: as typed, URL, whether it grants its origin
/// and its scope, whether it was imported, hosts as a JSON array, and id. The `+` keeps SQLite off the index of rounds, by which
/// all of them would be sorted again for each part.
pub(super) const SEEDS_SQL: &str =
    "SELECT s.given, u.url, s.grants_origin, s.grants_scope, s.source IN ('import', 'archive') AS is_imported,
        (SELECT json_group_array(h.name ORDER BY h.name)
         FROM seed_hosts w JOIN hosts h ON h.id = w.host_id WHERE w.seed_id = s.id) AS widened_to, s.id
 FROM seeds s JOIN urls u ON u.id = s.url_id WHERE +s.round_id = ?1 AND s.id > ?2 ORDER BY s.id LIMIT ?3";
/// Seeds read at once: a row as SQLite gives it takes several times the memory of what it says.
const SEEDS_AT_ONCE: usize = 4096;

async fn stored_seeds(tx: &mut Tx<'_>, round: i64) -> Result<Vec<StoredSeed>, StoreError> {
    let (mut seeds, mut after) = (Vec::new(), 0_i64);
    loop {
        let rows = tx.rows(sql(SEEDS_SQL).bind(round).bind(after).bind(SEEDS_AT_ONCE as i64)).await?;
        for row in &rows {
            after = get(tx, row, "id")?;
            seeds.push(StoredSeed {
                given: get(tx, row, "given")?,
                url: get(tx, row, "url")?,
                grants_origin: get(tx, row, "grants_origin")?,
                grants_scope: get(tx, row, "grants_scope")?,
                is_imported: get(tx, row, "is_imported")?,
                widened_to: hosts_in(tx, get(tx, row, "widened_to")?)?,
            });
        }
        if rows.len() < SEEDS_AT_ONCE {
            return Ok(seeds);
        }
    }
}

fn hosts_in(tx: &Tx<'_>, json: &str) -> Result<Vec<Host>, StoreError> {
    let names: Vec<String> = serde_json::from_str(json).map_err(|error| tx.corrupt(format!("seed_hosts: {error}")))?;
    Ok(names.into_iter().map(Host::new).collect())
}

/// See [`crate::store::Store::begin_session`].
pub(super) async fn begin(
    tx: &mut Tx<'_>,
    open: &SessionOpen<'_>,
    left: &Left,
    now: UnixMs,
) -> Result<SessionStart, StoreError> {
    let dead = suspects::dead_session(tx).await?;
    let round = match open.recrawl && last_round_is_over(tx).await? {
        true => recrawl::begin(tx, now).await?,
        false => open_round(tx, now).await?,
    };
    let spent = tx
        .row(
            sql("SELECT coalesce(sum(max(coalesce(ended_ms, alive_ms) - started_ms, 0)), 0) AS spent_ms
                 FROM sessions WHERE round_id = ?1")
            .bind(round),
        )
        .await?;
    let spent_ms = count(tx, &spent, "spent_ms")?;
    let last = tx
        .rows(
            sql("SELECT coalesce(ended_ms, ?1) AS quiet_ms, alive_ms FROM sessions ORDER BY id DESC LIMIT 1").bind(now),
        )
        .await?;
    let (quiet_from_ms, alive_ms) = match last.first() {
        Some(row) => (Some(get(tx, row, "quiet_ms")?), get(tx, row, "alive_ms")?),
        None => (None, now),
    };
    clock::follow_from(tx, alive_ms, now).await?;
    let config = encode_settings(tx, open.settings)?;
    let session = tx
        .row(
            sql("INSERT INTO sessions(round_id, started_ms, alive_ms, version, config, judging)
                 VALUES (?1, ?2, ?2, ?3, ?4, ?5) RETURNING id")
            .bind(round)
            .bind(now)
            .bind(open.version)
            .bind(config)
            .bind(open.judging),
        )
        .await?;
    let session = SessionId(get(tx, &session, "id")?);
    let orphaned_hosts = free_leases(tx, open, now).await?;
    let suspects = suspects::take_in(tx, left, dead).await?;
    apply_page_limit(tx, open.settings).await?;
    wake_all(tx, now).await?;
    let totals = rows::totals(tx).await?;
    let before = tx.row(sql("SELECT pages_before FROM rounds WHERE id = ?1").bind(round)).await?;
    Ok(SessionStart {
        session,
        round: RoundId(round),
        spent_ms,
        quiet_from_ms,
        round_pages: totals.pages.saturating_sub(count(tx, &before, "pages_before")?),
        orphaned_hosts,
        suspects,
        totals,
    })
}

/// Whether the latest session left nothing of its round to be done, or came to a limit.
async fn last_round_is_over(tx: &mut Tx<'_>) -> Result<bool, StoreError> {
    Ok(stored_crawl(tx).await?.is_some_and(|stored| stored.round_is_over()))
}

fn encode_settings(tx: &Tx<'_>, settings: &CrawlSettings) -> Result<String, StoreError> {
    serde_json::to_string(settings).map_err(|error| StoreError::Database {
        path: tx.path().to_owned(),
        what: "storing the settings",
        detail: error.to_string(),
        source: Some(Box::new(error)),
    })
}

/// See [`crate::store::Store::record_settings`].
pub(super) async fn record(
    tx: &mut Tx<'_>,
    start: &SessionStart,
    settings: &CrawlSettings,
    now: UnixMs,
) -> Result<(), StoreError> {
    let config = encode_settings(tx, settings)?;
    tx.execute(sql("UPDATE sessions SET config = ?2, judging = 0 WHERE id = ?1").bind(start.session.0).bind(config))
        .await?;
    apply_page_limit(tx, settings).await?;
    wake_all(tx, now).await
}

/// The next session that crawls judges everything again.
pub(super) async fn judge_later(tx: &mut Tx<'_>, start: &SessionStart) -> Result<(), StoreError> {
    tx.execute(sql("UPDATE sessions SET judging = 1 WHERE id = ?1").bind(start.session.0)).await?;
    Ok(())
}

/// The latest round goes on, a complete one too: what is new since then, a seed or a wider limit,
/// belongs to the same pass over the site.
async fn open_round(tx: &mut Tx<'_>, now: UnixMs) -> Result<i64, StoreError> {
    let latest =
        tx.rows(sql("UPDATE rounds SET ended_ms = NULL WHERE id = (SELECT max(id) FROM rounds) RETURNING id")).await?;
    let row = match latest.into_iter().next() {
        Some(row) => row,
        None => tx.row(sql("INSERT INTO rounds(started_ms) VALUES (?1) RETURNING id").bind(now)).await?,
    };
    get(tx, &row, "id")
}

/// Ends the leases a dead process left: their hosts may just have been asked, so each waits its
/// delay from now.
async fn free_leases(tx: &mut Tx<'_>, open: &SessionOpen<'_>, now: UnixMs) -> Result<u64, StoreError> {
    let delay_ms = i64::try_from(open.delay_ms).unwrap_or(i64::MAX).min(FURTHEST_MS);
    tx.execute(
        sql("UPDATE host_queue SET lease_session = NULL, lease_until_ms = NULL, fence = fence + 1,
               polite_ms = max(polite_ms, ?1 + max(delay_ms, ?2))
             WHERE lease_session IS NOT NULL")
        .bind(now)
        .bind(delay_ms),
    )
    .await
}

/// A changed `--max-pages-per-host` holds for every host that has a limit of its own.
async fn apply_page_limit(tx: &mut Tx<'_>, settings: &CrawlSettings) -> Result<(), StoreError> {
    let limit = settings.max_pages_per_host.map(|limit| i64::try_from(limit).unwrap_or(i64::MAX));
    tx.execute(
        sql("UPDATE host_queue SET page_limit = ?1 WHERE page_limit IS NOT ?1 AND host_id NOT IN (
               SELECT u.host_id FROM seeds s JOIN urls u ON u.id = s.url_id WHERE s.grants_scope
               UNION SELECT host_id FROM seed_hosts)")
        .bind(limit),
    )
    .await?;
    Ok(())
}

/// Once a session every host is looked at: limits may have changed, and the clock may have jumped
/// back. A host that was ready already keeps its place.
pub(super) async fn wake_all(tx: &mut Tx<'_>, now: UnixMs) -> Result<(), StoreError> {
    tx.execute(sql("UPDATE host_queue SET polite_ms = ?1 WHERE polite_ms > ?1").bind(now.saturating_add(FURTHEST_MS)))
        .await?;
    tx.execute(
        sql("UPDATE host_queue SET ready_ms = CASE
               WHEN pages >= page_limit THEN NULL
               WHEN queued > 0 THEN min(max(polite_ms, ?1), coalesce(ready_ms, max(polite_ms, ?1)))
               ELSE (SELECT max(min(u.due_ms), host_queue.polite_ms) FROM urls u
                     WHERE u.host_id = host_queue.host_id AND u.state = 'scheduled' AND u.due_ms < ?2) END
             WHERE lease_session IS NULL AND (queued > 0 OR scheduled > 0 OR ready_ms IS NOT NULL)")
        .bind(now)
        .bind(suspects::HELD_MS),
    )
    .await?;
    Ok(())
}

/// See [`crate::store::Store::end_session`].
pub(super) async fn end(
    tx: &mut Tx<'_>,
    start: &SessionStart,
    ended_by: EndedBy,
    now: UnixMs,
) -> Result<Totals, StoreError> {
    tx.execute(
        sql("UPDATE sessions SET ended_ms = ?2, alive_ms = ?2, ended_by = ?3 WHERE id = ?1")
            .bind(start.session.0)
            .bind(now)
            .bind(ended_by.as_str()),
    )
    .await?;
    tx.execute(
        // A request may be under way that nobody will settle.
        sql("UPDATE host_queue SET lease_session = NULL, lease_until_ms = NULL,
               polite_ms = max(polite_ms, ?2 + delay_ms) WHERE lease_session = ?1")
        .bind(start.session.0)
        .bind(now),
    )
    .await?;
    wake_all(tx, now).await?;
    if ended_by == EndedBy::Complete {
        tx.execute(sql("UPDATE rounds SET ended_ms = ?2 WHERE id = ?1").bind(start.round.0).bind(now)).await?;
    }
    rows::totals(tx).await
}

#[cfg(test)]
mod tests {
    use super::super::SqliteStore;
    use super::super::open::{self, OpenMode};
    use super::*;

    /// A crawl of a million seeds took half a minute to begin: for each part all of them were sorted.
    #[tokio::test]
    async fn seeds_were_sorted_again_for_each_part() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("crawl.db");
        SqliteStore::open(&path, OpenMode::CreateOrOpen, false).await.unwrap().close().await.unwrap();
        let mut connection = open::connect(&path, false, false).await.unwrap();
        let plan = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {SEEDS_SQL}"));
        let plan: Vec<(i64, i64, i64, String)> =
            sqlx::query_as(plan).bind(1).bind(0).bind(10).fetch_all(&mut connection).await.unwrap();
        let steps: Vec<&str> = plan.iter().map(|(.., step)| step.as_str()).collect();
        assert_eq!(steps[0], "SEARCH s USING INTEGER PRIMARY KEY (rowid>?)", "{steps:?}");
        assert!(!steps.contains(&"USE TEMP B-TREE FOR ORDER BY"), "{steps:?}");
    }
}
