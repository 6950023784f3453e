//! `inbox` and `apply`: what an operator asks for beside a crawl, each command in the transaction that marks it.

use serde_json::json;

use crate::model::{Applied, Command, CrawlUrl, Retry, RoundId, Rule, SessionId, UnixMs, UrlId, UrlPattern};
use crate::store::{Change, Judge, SessionStart, StoreError, Waiting};

use super::encode;
use super::names::{self, Counts};
use super::rejudge::{self, Open};
use super::rows::{self, get};
use super::seeds;
use super::writer::{Tx, sql};

/// URLs looked at by one statement.
const AT_ONCE: u32 = 5_000;

/// See [`crate::store::Store::inbox`].
pub(super) async fn waiting(tx: &mut Tx<'_>, most: u32) -> Result<Vec<Waiting>, StoreError> {
    let rows = tx
        .rows(sql("SELECT id, kind, payload FROM inbox WHERE applied_ms IS NULL ORDER BY id LIMIT ?1").bind(most))
        .await?;
    let mut waiting = Vec::with_capacity(rows.len());
    for row in &rows {
        let (kind, payload): (&str, &str) = (get(tx, row, "kind")?, get(tx, row, "payload")?);
        waiting.push(Waiting { id: get(tx, row, "id")?, command: read(kind, payload) });
    }
    Ok(waiting)
}

/// A row that somebody wrote by hand may say anything.
fn read(kind: &str, payload: &str) -> Result<Command, String> {
    let payload: serde_json::Value = serde_json::from_str(payload).map_err(|error| error.to_string())?;
    serde_json::from_value(json!({ kind: payload })).map_err(|error| format!("{kind}: {error}"))
}

/// What the operator has left out: kind and text of each pattern.
pub(super) const SKIPS_SQL: &str = "SELECT kind, pattern FROM skips ORDER BY id";

/// The same, read.
pub(super) async fn skips(tx: &mut Tx<'_>) -> Result<Vec<UrlPattern>, StoreError> {
    let rows = tx.rows(sql(SKIPS_SQL)).await?;
    let mut skips = Vec::with_capacity(rows.len());
    for row in &rows {
        skips.extend(UrlPattern::from_stored(get(tx, row, "kind")?, get(tx, row, "pattern")?));
    }
    Ok(skips)
}

/// See [`crate::store::Store::apply`].
pub(super) async fn apply(
    tx: &mut Tx<'_>,
    id: i64,
    change: Change<'_>,
    now: UnixMs,
) -> Result<Option<Applied>, StoreError> {
    let waits = tx.rows(sql("SELECT 1 FROM inbox WHERE id = ?1 AND applied_ms IS NULL").bind(id)).await?;
    if waits.is_empty() {
        return Ok(None);
    }
    let before = rows::totals(tx).await?;
    let mut applied = Applied::default();
    match change {
        Change::Add { seeds, judge } => match latest(tx).await? {
            Some(start) => {
                applied.new_urls = seeds::admit(tx, &start, seeds, now).await?.new_urls;
                if let Some(judge) = judge {
                    judge_all(tx, &Open::ExcludedBy(Rule::SCOPE), judge, now).await?;
                }
            }
            None => applied.refused = Some("the file holds no crawl".to_owned()),
        },
        Change::Skip { patterns, undo, judge } => {
            applied.patterns = write_skips(tx, patterns, undo, now).await?;
            let open = if undo { Open::ExcludedBy(Rule::SKIP) } else { Open::Waiting };
            judge_all(tx, &open, judge, now).await?;
        }
        Change::Retry { retry, chosen } => requeue(tx, retry, chosen, now).await?,
        Change::Refuse(why) => applied.refused = Some(why.to_owned()),
    }
    let after = rows::totals(tx).await?;
    applied.queued = after.open().saturating_sub(before.open());
    applied.excluded = after.excluded.saturating_sub(before.excluded);
    if after.open() > 0 {
        // There is something to do again: it belongs to the same pass over the site.
        tx.execute(sql(
            "UPDATE rounds SET ended_ms = NULL WHERE id = (SELECT max(id) FROM rounds) AND ended_ms IS NOT NULL",
        ))
        .await?;
    }
    tx.execute(
        sql("UPDATE inbox SET applied_ms = ?2, result = ?3 WHERE id = ?1")
            .bind(id)
            .bind(now)
            .bind(serde_json::to_string(&applied).unwrap_or_else(|_| "{}".to_owned())),
    )
    .await?;
    Ok(Some(applied))
}

/// The latest session and its round, to which seeds belong; whether it runs or has ended.
async fn latest(tx: &mut Tx<'_>) -> Result<Option<SessionStart>, StoreError> {
    let rows = tx.rows(sql("SELECT id, round_id FROM sessions ORDER BY id DESC LIMIT 1")).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    Ok(Some(SessionStart {
        session: SessionId(get(tx, row, "id")?),
        round: RoundId(get(tx, row, "round_id")?),
        spent_ms: 0,
        quiet_from_ms: None,
        round_pages: 0,
        orphaned_hosts: 0,
        suspects: 0,
        totals: rows::totals(tx).await?,
    }))
}

/// How many were not so before.
async fn write_skips(tx: &mut Tx<'_>, patterns: &[UrlPattern], undo: bool, now: UnixMs) -> Result<u64, StoreError> {
    let rows: Vec<_> = patterns.iter().map(|pattern| (pattern.kind(), encode::clean(pattern.text()))).collect();
    let rows = encode::rows(&rows);
    let statement = match undo {
        true => sql("DELETE FROM skips WHERE id IN (
                       SELECT s.id FROM json_each(?1) j JOIN skips s ON s.kind = j.value->>0 AND s.pattern = j.value->>1)")
        .bind(rows),
        false => sql("INSERT INTO skips(kind, pattern, added_ms)
                      SELECT j.value->>0, j.value->>1, ?2 FROM json_each(?1) j WHERE true ON CONFLICT DO NOTHING")
        .bind(rows)
        .bind(now),
    };
    tx.execute(statement).await
}

/// Judges every URL of a kind.
async fn judge_all(tx: &mut Tx<'_>, open: &Open, judge: Judge<'_>, now: UnixMs) -> Result<(), StoreError> {
    let mut after = UrlId(0);
    loop {
        let names = rejudge::open_names(tx, open, after, AT_ONCE).await?;
        let Some(last) = names.last() else { return Ok(()) };
        after = last.id;
        let verdicts: Vec<_> = names.iter().filter_map(|name| Some((name.id, judge(name)?))).collect();
        if !verdicts.is_empty() {
            rejudge::rejudge(tx, &verdicts, now).await?;
        }
    }
}

/// Queues visited URLs again, those that robots.txt or the address guard refused too.
async fn requeue(
    tx: &mut Tx<'_>,
    retry: &Retry,
    chosen: &(dyn Fn(&CrawlUrl) -> bool + Send + Sync),
    now: UnixMs,
) -> Result<(), StoreError> {
    let named: Vec<&str> = retry.urls().collect();
    if !named.is_empty() {
        let found = tx
            .rows(
                sql(
                    "SELECT u.id, u.host_id, u.state, u.url FROM json_each(?1) j CROSS JOIN urls u ON u.url = j.value
                     JOIN fetches f ON f.id = +u.last_fetch_id
                     WHERE (u.state IN ('done', 'failed') OR (u.state = 'excluded'
                       AND u.rule_id IN (SELECT r.id FROM rules r WHERE r.name IN ('robots', 'address'))))
                       AND (?2 OR f.outcome IN (SELECT o.value FROM json_each(?3) o)
                         OR EXISTS (SELECT 1 FROM json_each(?4) s WHERE f.status BETWEEN s.value->>0 AND s.value->>1))",
                )
                .bind(encode::rows(&named))
                .bind(!retry.says_how())
                .bind(encode::rows(&retry.outcomes))
                .bind(encode::rows(&retry.statuses)),
            )
            .await?;
        queue(tx, &found, chosen, now).await?;
    }
    let mut after = 0;
    while retry.looks_through_all() {
        let found = tx
            .rows(
                sql("SELECT u.id, u.host_id, u.state, u.url FROM urls u JOIN fetches f ON f.id = +u.last_fetch_id
                     WHERE u.id > ?1 AND (u.state IN ('done', 'failed') OR (u.state = 'excluded'
                       AND u.rule_id IN (SELECT r.id FROM rules r WHERE r.name IN ('robots', 'address'))))
                       AND CASE WHEN ?2 THEN u.state = 'failed' ELSE f.outcome IN (SELECT o.value FROM json_each(?3) o)
                         OR EXISTS (SELECT 1 FROM json_each(?4) s WHERE f.status BETWEEN s.value->>0 AND s.value->>1) END
                     ORDER BY u.id LIMIT ?5")
                .bind(after)
                .bind(!retry.says_how())
                .bind(encode::rows(&retry.outcomes))
                .bind(encode::rows(&retry.statuses))
                .bind(AT_ONCE),
            )
            .await?;
        let Some(last) = found.last() else { break };
        after = get(tx, last, "id")?;
        queue(tx, &found, chosen, now).await?;
    }
    Ok(())
}

async fn queue(
    tx: &mut Tx<'_>,
    found: &[sqlx::sqlite::SqliteRow],
    chosen: &(dyn Fn(&CrawlUrl) -> bool + Send + Sync),
    now: UnixMs,
) -> Result<(), StoreError> {
    let mut counts = Counts::default();
    let mut ids: Vec<i64> = Vec::with_capacity(found.len());
    for row in found {
        if chosen(&rows::url(tx, row)?) {
            let host: i64 = get(tx, row, "host_id")?;
            counts.leave(host, get(tx, row, "state")?);
            counts.enter(host, "queued");
            ids.push(get(tx, row, "id")?);
        }
    }
    if ids.is_empty() {
        return Ok(());
    }
    tx.execute(
        sql("UPDATE urls SET state = 'queued', due_ms = NULL, attempts = 0, rule_id = NULL
             WHERE id IN (SELECT j.value FROM json_each(?1) j)")
        .bind(encode::rows(&ids)),
    )
    .await?;
    counts.write(tx).await?;
    let hosts: Vec<i64> = counts.hosts.keys().copied().collect();
    forgive(tx, &hosts, now).await?;
    names::wake(tx, &hosts, now).await?;
    Ok(())
}

/// Forgets that the robots.txt of hosts could not be had: what is known of that would give up again what an operator wants
/// to be tried, without a request. What the hosts themselves were promised stays.
async fn forgive(tx: &mut Tx<'_>, hosts: &[i64], now: UnixMs) -> Result<(), StoreError> {
    tx.execute(
        sql("UPDATE robots SET failures = 0, expires_ms = min(expires_ms, ?2)
             WHERE host_id IN (SELECT j.value FROM json_each(?1) j) AND failures > 0")
        .bind(encode::rows(hosts))
        .bind(now),
    )
    .await
    .map(drop)
}
