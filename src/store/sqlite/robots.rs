//! What is known of the robots.txt of origins: for a lease, and of those asked for by name (`robots_of`), each with
//! a text of up to 500 KiB.

use std::collections::HashMap;

use crate::model::{HostId, LeasedRobots, Origin, RobotsRecord};
use crate::store::StoreError;

use super::encode;
use super::rows::{self, get};
use super::writer::{Tx, sql};

/// Most origins of a host whose results a lease brings or names.
const ORIGINS_BROUGHT: u32 = 8;

/// See [`crate::store::Store::robots_of`].
pub(super) async fn of(tx: &mut Tx<'_>, origins: &[(HostId, Origin)]) -> Result<Vec<Option<RobotsRecord>>, StoreError> {
    let asked: Vec<_> = origins.iter().map(|(host, origin)| (host.0, origin.scheme.as_str(), origin.port)).collect();
    let rows = tx
        .rows(
            sql("SELECT j.key AS nth, h.name, r.scheme, r.port, r.verdict, r.status, r.fetched_ms, r.answered_ms,
                        r.expires_ms, r.failures, r.error, r.body, r.hop_url, r.hops
                 FROM json_each(?1) j
                 CROSS JOIN robots r ON r.host_id = j.value->>0 AND r.scheme = j.value->>1 AND r.port = j.value->>2
                 CROSS JOIN hosts h ON h.id = r.host_id")
            .bind(encode::rows(&asked)),
        )
        .await?;
    let mut found: Vec<Option<RobotsRecord>> = vec![None; origins.len()];
    for row in &rows {
        let nth = usize::try_from(get::<i64>(tx, row, "nth")?).unwrap_or(usize::MAX);
        let record = rows::robots(tx, row)?;
        if let Some(place) = found.get_mut(nth) {
            *place = Some(record);
        }
    }
    Ok(found)
}

/// What a lease of each host brings. Hosts of which nothing is known are left out.
pub(super) async fn of_hosts(tx: &mut Tx<'_>, hosts: &[i64]) -> Result<HashMap<i64, LeasedRobots>, StoreError> {
    // What is longer is not even read.
    let rows = tx
        .rows(
            sql("SELECT r.host_id, h.name, r.scheme, r.port, r.verdict, r.status, r.fetched_ms, r.answered_ms,
                        r.expires_ms, r.failures, r.error, r.hop_url, r.hops, octet_length(r.body) > ?3 AS is_long,
                        CASE WHEN octet_length(r.body) <= ?3 THEN r.body END AS body
                 FROM json_each(?1) j CROSS JOIN hosts h ON h.id = j.value
                 CROSS JOIN json_each((SELECT json_group_array(id) FROM
                     (SELECT id FROM robots WHERE host_id = j.value LIMIT ?2))) k
                 CROSS JOIN robots r ON r.id = k.value")
            .bind(encode::rows(hosts))
            .bind(ORIGINS_BROUGHT + 1)
            .bind(LeasedRobots::SHORT_TEXT_BYTES as i64),
        )
        .await?;
    let mut found: HashMap<i64, LeasedRobots> = HashMap::new();
    for row in &rows {
        let robots = found.entry(get(tx, row, "host_id")?).or_default();
        let record = rows::robots(tx, row)?;
        if robots.short.len() + robots.long.len() >= ORIGINS_BROUGHT as usize {
            robots.more = true;
        } else if get::<Option<bool>>(tx, row, "is_long")? == Some(true) {
            robots.long.push(record.origin);
        } else {
            robots.short.push(record);
        }
    }
    Ok(found)
}
