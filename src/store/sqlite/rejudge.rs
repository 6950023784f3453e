//! `open_names`, `robots_known` and `rejudge`: when the settings of a crawl change, what they excluded or admitted
//! is judged again.

use std::collections::HashMap;

use crate::model::{Admission, RobotsRecord, Rule, UnixMs, UrlId};
use crate::store::{Judged, StoreError};

use super::encode;
use super::names::{self, Counts};
use super::rows::{self, get, small};
use super::writer::{Tx, sql};

/// Which of the URLs that are still to be visited or excluded are read.
#[derive(Clone, Debug)]
pub(super) enum Open {
    All,
    /// To be visited.
    Waiting,
    /// Excluded by this rule.
    ExcludedBy(Rule),
}

/// See [`crate::store::Store::open_names`]. A large crawl has many more excluded URLs than waiting ones, so nothing
/// is read that cannot change.
pub(super) async fn open_names(
    tx: &mut Tx<'_>,
    open: &Open,
    after: UrlId,
    most: u32,
) -> Result<Vec<Judged>, StoreError> {
    let rule = match open {
        Open::All => None,
        Open::Waiting => Some(""),
        Open::ExcludedBy(rule) => Some(rule.as_str()),
    };
    let rows = tx
        .rows(
            sql("SELECT u.id, u.url, u.depth, u.hops, r.name AS rule,
                        EXISTS (SELECT 1 FROM seeds s WHERE s.url_id = u.id AND s.grants_scope) AS is_seed,
                        EXISTS (SELECT 1 FROM seeds s WHERE s.url_id = u.id AND NOT s.grants_scope) AS is_given,
                        EXISTS (SELECT 1 FROM sitemaps m WHERE m.url_id = u.id) AS is_sitemap
                 FROM urls u LEFT JOIN rules r ON r.id = u.rule_id
                 WHERE u.id > ?1 AND u.state IN ('queued', 'scheduled', 'excluded')
                   AND (?3 IS NULL OR coalesce(r.name, '') = ?3)
                 ORDER BY u.id LIMIT ?2")
            .bind(after.0)
            .bind(most)
            .bind(rule),
        )
        .await?;
    let mut judged = Vec::with_capacity(rows.len());
    for row in &rows {
        judged.push(Judged {
            id: UrlId(get(tx, row, "id")?),
            url: rows::url(tx, row)?,
            depth: small(tx, row, "depth")?,
            hops: small(tx, row, "hops")?,
            is_seed: get(tx, row, "is_seed")?,
            is_given: get(tx, row, "is_given")?,
            is_sitemap: get(tx, row, "is_sitemap")?,
            rule: get::<Option<String>>(tx, row, "rule")?.map(|rule| Rule(rule.into())),
        });
    }
    Ok(judged)
}

/// See [`crate::store::Store::robots_known`].
pub(super) async fn robots_known(
    tx: &mut Tx<'_>,
    after: i64,
    most: u32,
) -> Result<Vec<(i64, RobotsRecord)>, StoreError> {
    let rows = tx
        .rows(
            sql("SELECT r.id, h.name, r.scheme, r.port, r.verdict, r.status, r.fetched_ms, r.answered_ms,
                        r.expires_ms, r.failures, r.error, r.body, r.hop_url, r.hops
                 FROM robots r CROSS JOIN hosts h ON h.id = r.host_id WHERE r.id > ?1 ORDER BY r.id LIMIT ?2")
            .bind(after)
            .bind(most),
        )
        .await?;
    rows.iter().map(|row| Ok((get(tx, row, "id")?, rows::robots(tx, row)?))).collect()
}

/// See [`crate::store::Store::rejudge`].
pub(super) async fn rejudge(tx: &mut Tx<'_>, verdicts: &[(UrlId, Admission)], now: UnixMs) -> Result<u64, StoreError> {
    let named = verdicts.iter().filter_map(|(_, admission)| match admission {
        Admission::Exclude(rule) => Some((rule.as_str(), 0)),
        Admission::Queue => None,
    });
    let rules = names::write_rules(tx, named).await?;
    let ids: Vec<i64> = verdicts.iter().map(|(id, _)| id.0).collect();
    let rows = tx
        .rows(
            sql("SELECT u.id, u.host_id, u.state FROM json_each(?1) j CROSS JOIN urls u ON u.id = j.value
                 WHERE u.state IN ('queued', 'scheduled', 'excluded')")
            .bind(encode::rows(&ids)),
        )
        .await?;
    let mut before: HashMap<i64, (i64, String)> = HashMap::with_capacity(rows.len());
    for row in &rows {
        before.insert(get(tx, row, "id")?, (get(tx, row, "host_id")?, get(tx, row, "state")?));
    }
    let mut counts = Counts::default();
    let mut moved = Vec::new();
    for (id, admission) in verdicts {
        let Some((host, state)) = before.get(&id.0) else { continue };
        let (to, rule) = match admission {
            Admission::Queue if state == "excluded" => ("queued", None),
            Admission::Queue => continue,
            Admission::Exclude(rule) => ("excluded", rules.get(rule.as_str()).copied()),
        };
        counts.leave(*host, state);
        counts.enter(*host, to);
        moved.push((id.0, to, rule));
    }
    tx.execute(
        sql("UPDATE urls SET state = j.value->>1, rule_id = j.value->>2, due_ms = NULL
             FROM json_each(?1) j WHERE urls.id = j.value->>0")
        .bind(encode::rows(&moved)),
    )
    .await?;
    counts.write(tx).await?;
    let hosts: Vec<i64> = counts.hosts.keys().copied().collect();
    names::wake(tx, &hosts, now).await?;
    Ok(moved.len() as u64)
}
