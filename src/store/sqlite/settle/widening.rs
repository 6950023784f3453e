//! What redirects of seeds do to the crawl: where they lead ([`write_led`]), and the hosts that they bring into scope
//! ([`write_widened`]).

use std::sync::LazyLock;

use crate::store::{SessionStart, StoreError};

use super::super::encode;
use super::super::writer::{Tx, sql};
use super::{BatchIds, Counted};

/// The seed of this round that a URL is, or that redirects led from to it.
const SEED_OF: &str = "coalesce(
  (SELECT s.id FROM seeds s WHERE s.url_id = p.url_id AND s.round_id = ?2 AND s.grants_scope AND s.source <> 'archive'),
  (SELECT r.seed_id FROM seed_redirects r WHERE r.url_id = p.url_id))";

static LEAD_ON: LazyLock<String> = LazyLock::new(|| {
    format!(
        "WITH RECURSIVE pairs(url_id, target_id) AS MATERIALIZED (
           SELECT j.value->>0, j.value->>1 FROM json_each(?1) j),
         led(url_id, seed_id, n) AS (
           SELECT p.target_id, {SEED_OF}, 0 FROM pairs p
           UNION
           SELECT p.target_id, led.seed_id, n + 1 FROM led JOIN pairs p ON p.url_id = led.url_id
           WHERE led.seed_id IS NOT NULL AND n < 20)
         INSERT OR IGNORE INTO seed_redirects(url_id, seed_id)
         SELECT url_id, seed_id FROM led WHERE seed_id IS NOT NULL ORDER BY n"
    )
});

/// Where redirects of seeds lead.
pub(super) async fn write_led(
    tx: &mut Tx<'_>,
    start: &SessionStart,
    counted: &[Counted<'_>],
    ids: &BatchIds,
) -> Result<(), StoreError> {
    let redirects = counted.iter().filter_map(|Counted { visit, names, .. }| {
        let target = visit.target?;
        // It keeps the depth of what redirects to it, and seeds have none.
        (visit.candidates.get(target)?.depth == 0).then_some((visit.url_id.0, ids.urls.urls[*names.get(target)?]))
    });
    let redirects: Vec<_> = redirects.collect();
    // Some transactions do without this statement: a seed is redirected once in its life.
    if !redirects.is_empty() {
        tx.execute(sql(LEAD_ON.as_str()).bind(encode::rows(&redirects)).bind(start.round.0)).await?;
    }
    Ok(())
}

static WIDEN: LazyLock<String> = LazyLock::new(|| {
    format!(
        "INSERT OR IGNORE INTO seed_hosts(seed_id, host_id)
         SELECT w.seed_id, w.host_id FROM (
           SELECT {SEED_OF} AS seed_id, p.host_id
           FROM (SELECT j.value->>0 AS url_id, j.value->>1 AS host_id FROM json_each(?1) j) p) w
         WHERE w.seed_id IS NOT NULL"
    )
});

/// A seed's redirect brought a host into scope: noted with the seed, which may stand some
/// redirects before the visited URL. The host is let off the page limit of hosts that are no
/// seed's. A seed may widen the scope more than once: every redirect on its way may.
pub(super) async fn write_widened(
    tx: &mut Tx<'_>,
    start: &SessionStart,
    counted: &[Counted<'_>],
    ids: &BatchIds,
) -> Result<Vec<i64>, StoreError> {
    let widened: Vec<_> = counted
        .iter()
        .filter_map(|Counted { visit, .. }| {
            let host = visit.widens.as_ref()?;
            Some((visit.url_id.0, *ids.urls.hosts.get(host.as_str())?))
        })
        .collect();
    if widened.is_empty() {
        return Ok(Vec::new());
    }
    let json = encode::rows(&widened);
    tx.execute(sql(WIDEN.as_str()).bind(&json).bind(start.round.0)).await?;
    tx.execute(
        sql("UPDATE host_queue SET page_limit = NULL WHERE host_id IN (SELECT j.value->>1 FROM json_each(?1) j)")
            .bind(&json),
    )
    .await?;
    Ok(widened.iter().map(|(_, host)| *host).collect())
}
