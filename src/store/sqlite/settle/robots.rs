//! robots.txt: what it came to, and the requests that were made for it.

use std::sync::Arc;

use crate::model::{RobotsFetch, RobotsRecord};
use crate::store::{SessionStart, StoreError};

use super::super::encode::{self, Blobs};
use super::super::writer::{Tx, sql};
use super::BatchIds;

/// The latest record of each origin. Texts travel as one blob, as bodies do: in JSON a control character takes six
/// bytes.
pub(super) async fn write(tx: &mut Tx<'_>, robots: &[Arc<RobotsRecord>], ids: &BatchIds) -> Result<(), StoreError> {
    // Of several results for an origin the last one counts: json_each keeps the order.
    let mut texts = Blobs::default();
    let rows: Vec<_> = robots
        .iter()
        .map(|record| {
            let origin = &record.origin;
            let text = record.body.as_deref().map(|text| texts.add(encode::clean(text).as_bytes()));
            (
                (ids.urls.hosts.get(origin.host.as_str()), origin.scheme.as_str(), origin.port),
                (record.verdict.as_str(), record.status, record.failures),
                (record.fetched_ms, record.answered_ms, record.expires_ms),
                (record.error.as_deref().map(encode::clean), text),
                (record.hop.as_ref().map(|hop| hop.url.as_str()), record.hop.as_ref().map(|hop| hop.hops)),
            )
        })
        .collect();
    tx.execute(
        sql("INSERT INTO robots(host_id, scheme, port, verdict, status, failures, fetched_ms, answered_ms, expires_ms,
               error, body, hop_url, hops)
             SELECT j.value->0->>0, j.value->0->>1, j.value->0->>2, j.value->1->>0, j.value->1->>1, j.value->1->>2,
                    j.value->2->>0, j.value->2->>1, j.value->2->>2, j.value->3->>0,
                    CASE WHEN j.value->3->>1 IS NOT NULL
                         THEN coalesce(CAST(substr(?2, j.value->3->1->>0, j.value->3->1->>1) AS TEXT), '') END,
                    j.value->4->>0, j.value->4->>1
             FROM json_each(?1) j WHERE true
             ON CONFLICT(host_id, scheme, port) DO UPDATE SET verdict = excluded.verdict, status = excluded.status,
               failures = excluded.failures, fetched_ms = excluded.fetched_ms, answered_ms = excluded.answered_ms,
               expires_ms = excluded.expires_ms, error = excluded.error, body = excluded.body,
               hop_url = excluded.hop_url, hops = excluded.hops")
        .bind(encode::rows(&rows))
        .bind(texts.bytes),
    )
    .await?;
    Ok(())
}

/// One row a request. They are written whatever became of the lease: the host was asked.
pub(super) async fn write_fetches(
    tx: &mut Tx<'_>,
    start: &SessionStart,
    fetches: &[RobotsFetch],
) -> Result<(), StoreError> {
    // Most batches have none: an origin is asked once a day.
    if fetches.is_empty() {
        return Ok(());
    }
    let rows: Vec<_> = fetches
        .iter()
        .map(|fetch| {
            (
                (fetch.key.host_id.0, fetch.started_ms, fetch.elapsed_ms, fetch.outcome.as_str(), fetch.status),
                (fetch.ledger.asked_ms, fetch.ledger.asked_by.map(crate::model::DelayBy::as_str)),
                (fetch.ledger.applied_ms, fetch.wire_bytes, fetch.hops),
                (
                    fetch.retry_after.as_deref().map(encode::clean),
                    fetch.address.as_deref(),
                    fetch.error.as_deref().map(encode::clean),
                    fetch.origin.to_string(),
                    fetch.url.as_str(),
                ),
            )
        })
        .collect();
    tx.execute(
        sql("INSERT INTO robots_fetches(host_id, started_ms, elapsed_ms, outcome, status, delay_asked_ms, delay_by,
               delay_applied_ms, wire_bytes, hops, retry_after, address, error, origin, url, session_id)
             SELECT j.value->0->>0, j.value->0->>1, j.value->0->>2, j.value->0->>3, j.value->0->>4,
                    j.value->1->>0, j.value->1->>1, j.value->2->>0, j.value->2->>1, j.value->2->>2,
                    j.value->3->>0, j.value->3->>1, j.value->3->>2, j.value->3->>3, j.value->3->>4, ?2
             FROM json_each(?1) j")
        .bind(encode::rows(&rows))
        .bind(start.session.0),
    )
    .await?;
    Ok(())
}
