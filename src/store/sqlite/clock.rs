//! A wall clock that is put back. What waits for a moment of the time before would wait for as long as
//! the clock went back, which may be years: such moments go back with it. A clock that is put forward
//! only ends waits early.

use crate::model::UnixMs;
use crate::store::StoreError;

use super::suspects::HELD_MS;
use super::writer::{Tx, sql};

/// Less is no jump.
const JUMP_MS: i64 = 5_000;
/// Nothing is put off for longer than this by what the web asks for.
pub(super) const FURTHEST_MS: i64 = 24 * 60 * 60 * 1000;

/// To be called with the time of every transaction that hands out or takes in work, before anything of it
/// is written.
pub(super) async fn follow(tx: &mut Tx<'_>, now: UnixMs) -> Result<(), StoreError> {
    let latest = tx.at(now);
    went_back(tx, latest.unwrap_or(now), now).await
}

/// The same for the first transaction of a session: the latest time is what the session before wrote.
pub(super) async fn follow_from(tx: &mut Tx<'_>, latest: UnixMs, now: UnixMs) -> Result<(), StoreError> {
    tx.at(now);
    went_back(tx, latest, now).await?;
    // Where nobody saw the clock go back: a due time further away was written by one that ran ahead.
    bring_near(tx, now).await.map(drop)
}

/// Ends the wait of URLs that wait for longer than anything may be put off. How many.
pub(super) async fn bring_near(tx: &mut Tx<'_>, now: UnixMs) -> Result<u64, StoreError> {
    tx.execute(
        sql("UPDATE urls SET due_ms = ?1 WHERE state = 'scheduled' AND due_ms > ?1 AND due_ms <> ?2")
            .bind(now.saturating_add(FURTHEST_MS))
            .bind(HELD_MS),
    )
    .await
}

async fn went_back(tx: &mut Tx<'_>, latest: UnixMs, now: UnixMs) -> Result<(), StoreError> {
    let by = latest.saturating_sub(now);
    if by < JUMP_MS {
        return Ok(());
    }
    tracing::warn!(seconds = by / 1000, "the clock was put back; hosts and URLs wait no longer than before");
    tx.execute(
        sql("UPDATE urls SET due_ms = max(due_ms - ?1, ?2) WHERE state = 'scheduled' AND due_ms > ?2 AND due_ms < ?3")
            .bind(by)
            .bind(now)
            .bind(HELD_MS),
    )
    .await?;
    tx.execute(
        sql("UPDATE host_queue SET
               polite_ms = CASE WHEN polite_ms > ?2 THEN max(polite_ms - ?1, ?2) ELSE polite_ms END,
               ready_ms = CASE WHEN ready_ms > ?2 THEN max(ready_ms - ?1, ?2) ELSE ready_ms END
             WHERE polite_ms > ?2 OR ready_ms > ?2")
        .bind(by)
        .bind(now),
    )
    .await?;
    Ok(())
}
