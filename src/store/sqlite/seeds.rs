//! `admit`: takes seeds in.

use std::collections::HashMap;

use crate::model::{Seed, UnixMs};
use crate::store::{Admitted, SessionStart, StoreError};

use super::encode;
use super::names::{self, Counts, Names};
use super::rows;
use super::writer::{Tx, sql};

/// See [`crate::store::Store::admit`].
pub(super) async fn admit(
    tx: &mut Tx<'_>,
    start: &SessionStart,
    seeds: &[Seed],
    now: UnixMs,
) -> Result<Admitted, StoreError> {
    if seeds.is_empty() {
        return Ok(Admitted { totals: rows::totals(tx).await?, ..Admitted::default() });
    }
    let mut names = Names::default();
    let numbers: Vec<usize> = seeds.iter().map(|seed| names.add(&seed.candidate, None)).collect();
    let rules = names::write_rules(tx, names.rules().map(|rule| (rule.as_str(), 0))).await?;
    let mut counts = Counts::default();
    let ids = names.write(tx, start, &rules, &mut counts, now).await?;
    counts.write(tx).await?;
    let mut rows = Vec::with_capacity(seeds.len());
    // Whether it is the crawl's own.
    let mut hosts: HashMap<i64, bool> = HashMap::new();
    for (seed, number) in seeds.iter().zip(numbers) {
        let url = &seed.candidate.url;
        let Some(host_id) = ids.hosts.get(url.host_str()) else {
            return Err(tx.corrupt(format!("hosts has no row for {url}")));
        };
        *hosts.entry(*host_id).or_default() |= seed.grants_scope;
        let grants = (u8::from(seed.grants_origin), u8::from(seed.grants_scope));
        rows.push((ids.urls[number], encode::clean(&seed.given), seed.source.as_str(), grants));
    }
    let new_seeds = tx
        .execute(
            // What an import brought and the operator names himself is his from then on, and what an archive has and a list
            // names is the list's.
            sql("INSERT INTO seeds(round_id, url_id, given, source, grants_origin, grants_scope)
                 SELECT ?2, j.value->>0, j.value->>1, j.value->>2, j.value->3->>0, j.value->3->>1
                 FROM json_each(?1) j WHERE true
                 ON CONFLICT(round_id, url_id) DO UPDATE SET given = excluded.given, source = excluded.source,
                   grants_origin = excluded.grants_origin, grants_scope = excluded.grants_scope
                 WHERE CASE excluded.source WHEN 'archive' THEN false WHEN 'import' THEN source = 'archive'
                   ELSE source IN ('import', 'archive') END AND excluded.grants_scope >= grants_scope")
            .bind(encode::rows(&rows))
            .bind(start.round.0),
        )
        .await?;
    // A host that the crawl is of has no page limit.
    let own: Vec<i64> = hosts.iter().filter_map(|(host, own)| own.then_some(*host)).collect();
    tx.execute(
        sql("UPDATE host_queue SET page_limit = NULL WHERE host_id IN (SELECT j.value FROM json_each(?1) j)")
            .bind(encode::rows(&own)),
    )
    .await?;
    let hosts: Vec<i64> = hosts.into_keys().collect();
    names::wake(tx, &hosts, now).await?;
    Ok(Admitted { new_seeds, new_urls: ids.new_urls, totals: rows::totals(tx).await? })
}
