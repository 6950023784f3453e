//! `lease`: hands out ready hosts, the longest ready first, and more URLs for held ones.
//!
//! A lease changes one row of its host and no URL: a URL stays queued until its visit is settled.

use std::collections::{HashMap, HashSet};

use crate::model::{
    CrawlUrl, Host, HostId, HostLease, LeaseKey, LeasedFrom, LeasedUrl, Pace, Pause, UnixMs, UrlId, Validators,
};
use crate::store::{LeaseAsk, LeaseGrant, Refill, StoreError};

use super::encode;
use super::names;
use super::robots;
use super::rows::{self, count, get, small};
use super::suspects;
use super::writer::{Tx, sql};

/// A host that is to get URLs.
struct Facts {
    host: Host,
    polite_ms: UnixMs,
    pause: Option<Pause>,
    delay_ms: u64,
    asked_ms: Option<UnixMs>,
    pace: Pace,
    failures: u32,
    /// Before this lease.
    fence: i64,
    leased_by: Option<i64>,
    pages_left: Option<u64>,
}

/// See [`crate::store::Store::lease`].
pub(super) async fn lease(tx: &mut Tx<'_>, ask: &LeaseAsk, now: UnixMs) -> Result<LeaseGrant, StoreError> {
    extend(tx, ask).await?;
    let mut ready = ready_hosts(tx, ask, now).await?;
    let named = named_hosts(tx, ask, &ready, now).await?;
    ready.extend(&named);
    let alone = if ready.is_empty() { suspects::next_alone(tx, ask).await? } else { None };
    let due = alone.filter(|alone| alone.polite_ms <= now);
    ready.extend(due.map(|alone| alone.host_id));
    let facts = read_facts(tx, ask, &ready).await?;
    let held: Vec<&Refill> = ask.refills.iter().filter(|refill| is_held(&facts, refill.key, ask)).collect();
    let open: Vec<&Refill> = held.iter().copied().filter(|refill| !is_full(&facts, refill.key)).collect();
    let mut picked = match ask.only.as_slice() {
        [] => next_urls(tx, &ready, ask.urls_per_host.into(), now).await?,
        only => waiting_urls(tx, &ready, only).await?,
    };
    picked.extend(pick_refills(tx, &open, now).await?);
    picked.extend(due.map(|alone| (alone.host_id, alone.url_id)));
    let mut urls = read_urls(tx, &picked).await?;
    if let Some(alone) = due {
        urls.entry(alone.host_id).or_default().iter_mut().for_each(|url| url.deaths = Some(alone.deaths));
    }
    let refills: Vec<(LeaseKey, Vec<LeasedUrl>)> =
        held.iter().map(|refill| (refill.key, urls.remove(&refill.key.host_id.0).unwrap_or_default())).collect();
    let (working, idle): (Vec<i64>, Vec<i64>) =
        ready.iter().partition(|host| urls.contains_key(host) || named.contains(host));
    mark(tx, ask, &working).await?;
    rest(tx, &idle, now).await?;
    let mut robots = robots::of_hosts(tx, &working).await?;
    let mut grant = LeaseGrant { refills, ..LeaseGrant::default() };
    for host_id in working {
        let Some(facts) = facts.get(&host_id) else { continue };
        let urls = urls.remove(&host_id).unwrap_or_default();
        let list = if named.contains(&host_id) { &mut grant.named } else { &mut grant.hosts };
        list.push(HostLease {
            key: LeaseKey { host_id: HostId(host_id), fence: facts.fence + 1 },
            host: facts.host.clone(),
            polite_ms: facts.polite_ms,
            pause: facts.pause,
            delay_ms: facts.delay_ms,
            asked_ms: facts.asked_ms,
            pace: facts.pace,
            failures: facts.failures,
            pages_left: facts.pages_left,
            robots: robots.remove(&host_id).unwrap_or_default(),
            urls,
        });
    }
    let next_alone = alone.map(|alone| alone.polite_ms).filter(|_| due.is_none());
    grant.next_ready_ms = next_ready(tx).await?.or(next_alone);
    Ok(grant)
}

/// See [`crate::store::Store::left_at_page_limits`].
pub(super) async fn left_at_page_limits(tx: &mut Tx<'_>) -> Result<u64, StoreError> {
    let row = tx
        .row(sql("SELECT coalesce(sum(iif(pages >= page_limit, queued + scheduled, 0)), 0) AS limited,
                    coalesce(sum(iif(pages >= page_limit, 0, queued + scheduled)), 0) AS stranded FROM host_queue"))
        .await?;
    match count(tx, &row, "stranded")? {
        0 => count(tx, &row, "limited"),
        urls => Err(StoreError::Stranded { path: tx.path().to_owned(), urls }),
    }
}

async fn extend(tx: &mut Tx<'_>, ask: &LeaseAsk) -> Result<(), StoreError> {
    // Only leases that have used up a tenth of their time: else every leasing would write them all.
    tx.execute(
        sql("UPDATE host_queue SET lease_until_ms = ?2 WHERE lease_session = ?1 AND lease_until_ms < ?2 - 60000")
            .bind(ask.session.0)
            .bind(ask.until_ms),
    )
    .await?;
    Ok(())
}

async fn ready_hosts(tx: &mut Tx<'_>, ask: &LeaseAsk, now: UnixMs) -> Result<Vec<i64>, StoreError> {
    let rows = tx
        .rows(
            sql(
                "SELECT host_id FROM host_queue WHERE ready_ms IS NOT NULL AND ready_ms <= ?1 ORDER BY ready_ms LIMIT ?2",
            )
            .bind(now)
            .bind(ask.hosts),
        )
        .await?;
    rows.iter().map(|row| get(tx, row, "host_id")).collect()
}

/// The hosts asked for by name that nobody holds, but for those that are ready anyway. What is not
/// known yet becomes known.
async fn named_hosts(tx: &mut Tx<'_>, ask: &LeaseAsk, ready: &[i64], now: UnixMs) -> Result<Vec<i64>, StoreError> {
    // Redirects to other hosts are rare among leases.
    if ask.named.is_empty() {
        return Ok(Vec::new());
    }
    let hosts: Vec<_> = ask.named.iter().map(|(domain, host)| (host.as_str(), domain.as_deref())).collect();
    let ids: Vec<i64> = match ask.only.is_empty() {
        true => names::write_hosts(tx, ask.session, &hosts, now).await?.into_values().collect(),
        // Where a URL waits its host is known.
        false => known_hosts(tx, &hosts).await?,
    };
    let rows = tx
        .rows(
            sql("SELECT q.host_id FROM json_each(?1) j CROSS JOIN host_queue q ON q.host_id = j.value
                 WHERE q.lease_session IS NULL ORDER BY q.host_id")
            .bind(encode::rows(&ids)),
        )
        .await?;
    let mut free = Vec::with_capacity(rows.len());
    for row in &rows {
        free.push(get::<i64>(tx, row, "host_id")?);
    }
    free.retain(|host| !ready.contains(host));
    Ok(free)
}

async fn known_hosts(tx: &mut Tx<'_>, hosts: &[(&str, Option<&str>)]) -> Result<Vec<i64>, StoreError> {
    let rows = tx
        .rows(
            sql("SELECT h.id FROM json_each(?1) j CROSS JOIN hosts h ON h.name = j.value->>0")
                .bind(encode::rows(hosts)),
        )
        .await?;
    rows.iter().map(|row| get(tx, row, "id")).collect()
}

async fn read_facts(tx: &mut Tx<'_>, ask: &LeaseAsk, ready: &[i64]) -> Result<HashMap<i64, Facts>, StoreError> {
    let all: HashSet<i64> =
        ready.iter().copied().chain(ask.refills.iter().map(|refill| refill.key.host_id.0)).collect();
    let all: Vec<i64> = all.into_iter().collect();
    let rows = tx
        .rows(
            sql("SELECT q.host_id, h.name, q.polite_ms, q.pause_ms, q.pause_by, q.delay_ms, q.asked_ms, q.response_ms, q.strain,
                        q.failures, q.fence, q.lease_session,
                        CASE WHEN q.page_limit IS NULL THEN NULL ELSE max(q.page_limit - q.pages, 0) END AS pages_left
                 FROM json_each(?1) j CROSS JOIN host_queue q ON q.host_id = j.value
                 CROSS JOIN hosts h ON h.id = q.host_id")
            .bind(encode::rows(&all)),
        )
        .await?;
    let mut facts = HashMap::with_capacity(rows.len());
    for row in &rows {
        let pages_left: Option<i64> = get(tx, row, "pages_left")?;
        facts.insert(
            get::<i64>(tx, row, "host_id")?,
            Facts {
                host: Host::new(get::<String>(tx, row, "name")?),
                polite_ms: get(tx, row, "polite_ms")?,
                pause: rows::pause(tx, row)?,
                delay_ms: count(tx, row, "delay_ms")?,
                asked_ms: get(tx, row, "asked_ms")?,
                pace: Pace {
                    response_ms: get::<Option<i64>>(tx, row, "response_ms")?.and_then(|ms| u32::try_from(ms).ok()),
                    strain: u8::try_from(small(tx, row, "strain")?).unwrap_or(u8::MAX),
                },
                failures: small(tx, row, "failures")?,
                fence: get(tx, row, "fence")?,
                leased_by: get(tx, row, "lease_session")?,
                pages_left: pages_left.map(|left| u64::try_from(left).unwrap_or(0)),
            },
        );
    }
    Ok(facts)
}

fn is_held(facts: &HashMap<i64, Facts>, key: LeaseKey, ask: &LeaseAsk) -> bool {
    facts.get(&key.host_id.0).is_some_and(|facts| facts.fence == key.fence && facts.leased_by == Some(ask.session.0))
}

/// Whether the host has given all the pages it may.
fn is_full(facts: &HashMap<i64, Facts>, key: LeaseKey) -> bool {
    facts.get(&key.host_id.0).is_some_and(|facts| facts.pages_left == Some(0))
}

/// More URLs for held hosts, as (host, URL) in order, without those they hold already.
async fn pick_refills(tx: &mut Tx<'_>, refills: &[&Refill], now: UnixMs) -> Result<Vec<(i64, i64)>, StoreError> {
    let hosts: Vec<i64> = refills.iter().map(|refill| refill.key.host_id.0).collect();
    let most = refills.iter().map(|refill| refill.held.len() as u64 + u64::from(refill.want)).max().unwrap_or(0);
    let mut found = next_urls(tx, &hosts, most, now).await?;
    let held: HashSet<(i64, i64)> =
        refills.iter().flat_map(|refill| refill.held.iter().map(|url| (refill.key.host_id.0, url.0))).collect();
    let mut left: HashMap<i64, u32> = refills.iter().map(|refill| (refill.key.host_id.0, refill.want)).collect();
    found.retain(|url| {
        let left = left.entry(url.0).or_default();
        let taken = *left > 0 && !held.contains(url);
        *left -= u32::from(taken);
        taken
    });
    Ok(found)
}

/// The first `most` URLs of each host: those whose due time has come, then the queue in its order.
/// (A LIMIT takes no column, so it is one number for all hosts.)
async fn next_urls(tx: &mut Tx<'_>, hosts: &[i64], most: u64, now: UnixMs) -> Result<Vec<(i64, i64)>, StoreError> {
    let rows = tx
        .rows(
            sql("SELECT j.value AS host_id,
                   (SELECT json_group_array(id) FROM (SELECT u.id FROM urls u
                      WHERE u.host_id = j.value AND u.state = 'scheduled' AND u.due_ms <= ?2
                      ORDER BY u.due_ms LIMIT ?3)) AS due,
                   (SELECT json_group_array(id) FROM (SELECT u.id FROM urls u
                      WHERE u.host_id = j.value AND u.state = 'queued' ORDER BY u.priority, u.id LIMIT ?3)) AS queued
                 FROM json_each(?1) j")
            .bind(encode::rows(hosts))
            .bind(now)
            .bind(i64::try_from(most).unwrap_or(i64::MAX)),
        )
        .await?;
    let mut urls = Vec::new();
    for row in &rows {
        let host_id: i64 = get(tx, row, "host_id")?;
        let found = rows::ids(tx, row, "due")?.into_iter().chain(rows::ids(tx, row, "queued")?);
        urls.extend(found.take(usize::try_from(most).unwrap_or(usize::MAX)).map(|id| (host_id, id)));
    }
    Ok(urls)
}

/// Those of the URLs on these hosts that wait, or that nobody was allowed to ask for.
async fn waiting_urls(tx: &mut Tx<'_>, hosts: &[i64], urls: &[CrawlUrl]) -> Result<Vec<(i64, i64)>, StoreError> {
    let urls: Vec<&str> = urls.iter().map(CrawlUrl::as_str).collect();
    let rows = tx
        .rows(
            sql("SELECT u.host_id, u.id FROM json_each(?1) j CROSS JOIN urls u ON u.url = j.value
                 WHERE u.state IN ('queued', 'scheduled') OR (u.state = 'excluded'
                   AND u.rule_id IN (SELECT r.id FROM rules r WHERE r.name IN ('robots', 'address'))) ORDER BY u.host_id, u.id")
            .bind(encode::rows(&urls)),
        )
        .await?;
    let hosts: HashSet<i64> = hosts.iter().copied().collect();
    let mut found = Vec::with_capacity(rows.len());
    for row in &rows {
        let host = get(tx, row, "host_id")?;
        if hosts.contains(&host) {
            found.push((host, get(tx, row, "id")?));
        }
    }
    Ok(found)
}

async fn read_urls(tx: &mut Tx<'_>, picked: &[(i64, i64)]) -> Result<HashMap<i64, Vec<LeasedUrl>>, StoreError> {
    let rows = tx
        .rows(
            sql("SELECT u.id, u.url, u.depth, u.hops, u.attempts, u.state, f.etag, f.last_modified,
                        EXISTS (SELECT 1 FROM seeds s INDEXED BY seeds_url
                                WHERE s.url_id = u.id AND s.grants_scope AND s.source <> 'archive')
                          OR EXISTS (SELECT 1 FROM seed_redirects r WHERE r.url_id = u.id) AS may_widen,
                        EXISTS (SELECT 1 FROM sitemaps m WHERE m.url_id = u.id) AS is_sitemap, v.url AS via
                 FROM json_each(?1) j CROSS JOIN urls u ON u.id = j.value->>1
                 LEFT JOIN fetches f ON f.id = u.page_fetch_id
                 LEFT JOIN urls v ON v.id = u.via_id")
            .bind(encode::rows(picked)),
        )
        .await?;
    let mut found = HashMap::with_capacity(rows.len());
    for row in &rows {
        let validators = Validators { etag: get(tx, row, "etag")?, last_modified: get(tx, row, "last_modified")? };
        let url = LeasedUrl {
            id: UrlId(get(tx, row, "id")?),
            url: rows::url(tx, row)?,
            depth: small(tx, row, "depth")?,
            hops: small(tx, row, "hops")?,
            attempts: small(tx, row, "attempts")?,
            deaths: None,
            from: match get::<&str>(tx, row, "state")? {
                "scheduled" => LeasedFrom::Scheduled,
                "excluded" => LeasedFrom::Excluded,
                _ => LeasedFrom::Queued,
            },
            may_widen: get(tx, row, "may_widen")?,
            is_sitemap: get(tx, row, "is_sitemap")?,
            referrer: get::<Option<&str>>(tx, row, "via")?
                .and_then(|via| CrawlUrl::stored(via).ok())
                .map(|via| via.origin()),
            validators: (validators != Validators::default()).then_some(validators),
        };
        found.insert(url.id.0, url);
    }
    let mut urls: HashMap<i64, Vec<LeasedUrl>> = HashMap::new();
    for (host_id, url_id) in picked {
        urls.entry(*host_id).or_default().extend(found.remove(url_id));
    }
    Ok(urls)
}

async fn mark(tx: &mut Tx<'_>, ask: &LeaseAsk, hosts: &[i64]) -> Result<(), StoreError> {
    tx.execute(
        sql("UPDATE host_queue SET ready_ms = NULL, lease_session = ?2, lease_until_ms = ?3, fence = fence + 1, told = 0
             WHERE host_id IN (SELECT j.value FROM json_each(?1) j)")
        .bind(encode::rows(hosts))
        .bind(ask.session.0)
        .bind(ask.until_ms),
    )
    .await?;
    Ok(())
}

/// Hosts that seemed ready and have nothing due: they are ready when they say so next.
async fn rest(tx: &mut Tx<'_>, hosts: &[i64], now: UnixMs) -> Result<(), StoreError> {
    tx.execute(
        sql("UPDATE host_queue SET ready_ms = NULL WHERE host_id IN (SELECT j.value FROM json_each(?1) j)")
            .bind(encode::rows(hosts)),
    )
    .await?;
    names::wake(tx, hosts, now).await?;
    Ok(())
}

async fn next_ready(tx: &mut Tx<'_>) -> Result<Option<UnixMs>, StoreError> {
    let row = tx.row(sql("SELECT min(ready_ms) AS ready_ms FROM host_queue WHERE ready_ms IS NOT NULL")).await?;
    get(tx, &row, "ready_ms")
}
