//! `settle`: a batch of visits, robots results and releases becomes rows, all in one transaction.
//!
//! The order matters: which visits still count is read first (their lease's fence, their URL's
//! state); then everything they name gets ids; then contents, fetches, links and states; then the
//! counters, the ends of leases, and who is ready now.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use crate::model::{HostUpdate, Rule, UnixMs, UrlId, Visit};
use crate::store::{SessionStart, Settled, Settlement, StoreError};

use super::encode;
use super::names::{self, Counts, Ids, Names};
use super::rows::{self, get};
use super::suspects;
use super::writer::{Tx, sql};

mod contents;
mod pages;
mod robots;
mod widening;

/// What the store knows of a visited URL.
struct Before {
    /// The latest copy, which an `unchanged` visit confirms.
    page: Option<LastPage>,
}

#[derive(Clone, Debug)]
struct LastPage {
    content_id: Option<i64>,
    canonical_id: Option<i64>,
    etag: Option<String>,
    last_modified: Option<String>,
    noindex: i64,
    nofollow: i64,
    links: Option<i64>,
}

/// A visit that counts.
struct Counted<'a> {
    visit: &'a Visit,
    before: Before,
    /// The numbers of its candidates in [`Names`].
    names: Vec<usize>,
}

/// See [`crate::store::Store::settle`].
pub(super) async fn settle(
    tx: &mut Tx<'_>,
    start: &SessionStart,
    batch: &Settlement,
    now: UnixMs,
) -> Result<Settled, StoreError> {
    let (mut counted, dropped) = count_visits(tx, start, &batch.visits).await?;
    let mut counts = Counts::default();
    let ids = write_names(tx, start, &mut counted, batch, &mut counts, now).await?;
    let contents = contents::write(tx, &counted).await?;
    let links = pages::PageLinks::of(&counted, &ids);
    let fetches = pages::write_fetches(tx, start, &counted, &ids, &contents, &links).await?;
    pages::write_links(tx, &counted, links).await?;
    pages::write_entries(tx, &counted, &ids).await?;
    pages::see_again(tx, start, &counted).await?;
    write_states(tx, &counted, &ids, &fetches, &mut counts).await?;
    robots::write(tx, &batch.robots, &ids).await?;
    robots::write_fetches(tx, start, &batch.robots_fetches).await?;
    widening::write_led(tx, start, &counted, &ids).await?;
    let widened = widening::write_widened(tx, start, &counted, &ids).await?;
    counts.fetches = counted.len() as i64;
    counts.write(tx).await?;
    write_hosts(tx, start, &counted, batch).await?;
    if start.suspects > 0 {
        let visited: Vec<i64> = counted.iter().map(|Counted { visit, .. }| visit.url_id.0).collect();
        suspects::clear(tx, &visited).await?;
    }
    let released: HashSet<i64> = batch.releases.iter().map(|release| release.key.host_id.0).collect();
    let touched: HashSet<i64> =
        counts.hosts.keys().copied().chain(released.iter().copied()).chain(widened.iter().copied()).collect();
    let touched: Vec<i64> = touched.into_iter().collect();
    let woken = names::wake(tx, &touched, now).await?;
    let woken_hosts = woken.iter().filter(|host| !released.contains(host)).count() as u64;
    tx.execute(sql("UPDATE sessions SET alive_ms = ?2 WHERE id = ?1").bind(start.session.0).bind(now)).await?;
    Ok(Settled {
        applied: counted.len() as u64,
        dropped,
        new_urls: ids.urls.new_urls,
        woken_hosts,
        totals: rows::totals(tx).await?,
    })
}

/// The ids of what the batch names, and of the rules.
struct BatchIds {
    urls: Ids,
    rules: HashMap<String, i64>,
}

/// Tells the visits that count from those whose lease was lost or whose URL has moved on.
async fn count_visits<'a>(
    tx: &mut Tx<'_>,
    start: &SessionStart,
    visits: &'a [Visit],
) -> Result<(Vec<Counted<'a>>, Vec<UrlId>), StoreError> {
    let asked: Vec<_> = visits
        .iter()
        .map(|visit| (visit.url_id.0, visit.key.host_id.0, visit.key.fence, visit.from.as_str()))
        .collect();
    let found = tx
        .rows(
            sql("SELECT j.key AS nth, u.page_fetch_id, f.content_id, f.canonical_id, f.etag, f.last_modified,
                        f.noindex, f.nofollow, f.links
                 FROM jsonb_each(?1) j
                 CROSS JOIN host_queue q ON q.host_id = j.value->>1 AND q.fence = j.value->>2 AND q.lease_session = ?2
                 CROSS JOIN urls u ON u.id = j.value->>0 AND u.state = j.value->>3 AND u.host_id = q.host_id
                 LEFT JOIN fetches f ON f.id = u.page_fetch_id")
            .bind(encode::rows(&asked))
            .bind(start.session.0),
        )
        .await?;
    let mut before: HashMap<usize, Before> = HashMap::with_capacity(found.len());
    for row in &found {
        let nth = usize::try_from(get::<i64>(tx, row, "nth")?).unwrap_or(usize::MAX);
        let page = match get::<Option<i64>>(tx, row, "page_fetch_id")? {
            None => None,
            Some(_) => Some(LastPage {
                content_id: get(tx, row, "content_id")?,
                canonical_id: get(tx, row, "canonical_id")?,
                etag: get(tx, row, "etag")?,
                last_modified: get(tx, row, "last_modified")?,
                noindex: get(tx, row, "noindex")?,
                nofollow: get(tx, row, "nofollow")?,
                links: get(tx, row, "links")?,
            }),
        };
        before.insert(nth, Before { page });
    }
    let (mut counted, mut dropped, mut twice) = (Vec::with_capacity(visits.len()), Vec::new(), HashSet::new());
    for (nth, visit) in visits.iter().enumerate() {
        match before.remove(&nth) {
            Some(before) if twice.insert(visit.url_id) => {
                counted.push(Counted { visit, before, names: Vec::new() });
            }
            _ => dropped.push(visit.url_id),
        }
    }
    Ok((counted, dropped))
}

async fn write_names(
    tx: &mut Tx<'_>,
    start: &SessionStart,
    counted: &mut [Counted<'_>],
    batch: &Settlement,
    counts: &mut Counts,
    now: UnixMs,
) -> Result<BatchIds, StoreError> {
    let mut names = Names::default();
    let mut discarded: Vec<(&Rule, u32)> = Vec::new();
    for Counted { visit, names: numbers, .. } in counted {
        let via = Some(visit.url_id.0);
        numbers.extend(visit.candidates.iter().map(|candidate| names.add(candidate, via)));
        discarded.extend(visit.discarded.iter().map(|(rule, n)| (rule, *n)));
        if let crate::model::NextState::Excluded(rule) = &visit.next {
            discarded.push((rule, 0));
        }
    }
    for sitemap in &batch.sitemaps {
        names.add(sitemap, None);
    }
    for record in &batch.robots {
        names.add_host(record.origin.host.as_str(), None);
    }
    let named = names.rules().map(|rule| (rule, 0)).chain(discarded).map(|(rule, n)| (rule.as_str(), n));
    let rules = names::write_rules(tx, named).await?;
    let urls = names.write(tx, start, &rules, counts, now).await?;
    Ok(BatchIds { urls, rules })
}

/// Moves the visited URLs on.
async fn write_states(
    tx: &mut Tx<'_>,
    counted: &[Counted<'_>],
    ids: &BatchIds,
    fetches: &[i64],
    counts: &mut Counts,
) -> Result<(), StoreError> {
    use crate::model::{NextState, Outcome};
    let mut states = Vec::with_capacity(counted.len());
    for (Counted { visit, .. }, fetch_id) in counted.iter().zip(fetches) {
        let (due, rule) = match &visit.next {
            NextState::Scheduled { due_ms } => (Some(*due_ms), None),
            NextState::Excluded(rule) => (None, ids.rules.get(rule.as_str()).copied()),
            NextState::Done | NextState::Failed => (None, None),
        };
        let page = matches!(visit.outcome, Outcome::Page | Outcome::Unchanged);
        states.push((visit.url_id.0, visit.next.as_str(), due, rule, visit.attempts, fetch_id, page));
        let host = visit.key.host_id.0;
        counts.leave(host, visit.from.as_str());
        counts.enter(host, visit.next.as_str());
        if visit.outcome == Outcome::Page {
            counts.hosts.entry(host).or_default().pages += 1;
        }
    }
    let moved = tx
        .execute(
            sql("UPDATE urls SET state = j.value->>1, due_ms = j.value->>2, rule_id = j.value->>3,
                   attempts = j.value->>4, last_fetch_id = j.value->>5,
                   page_fetch_id = CASE WHEN j.value->>6 THEN j.value->>5 ELSE page_fetch_id END
                 FROM jsonb_each(?1) j WHERE urls.id = j.value->>0")
            .bind(encode::rows(&states)),
        )
        .await?;
    if moved != counted.len() as u64 {
        return Err(tx.corrupt(format!("urls: {} visits moved {moved} rows", counted.len())));
    }
    Ok(())
}

/// What visits and releases say of their hosts. A release under a lost lease says nothing.
async fn write_hosts(
    tx: &mut Tx<'_>,
    start: &SessionStart,
    counted: &[Counted<'_>],
    batch: &Settlement,
) -> Result<(), StoreError> {
    // By lease: a release that comes too late must not stand for the lease of today.
    let mut latest: HashMap<(i64, i64), (HostUpdate, bool)> = HashMap::new();
    let visits = counted.iter().map(|Counted { visit, .. }| (visit.key, visit.host, false));
    let changes = batch.hosts.iter().map(|(key, host)| (*key, *host, false));
    let releases = batch.releases.iter().map(|release| (release.key, release.host, true));
    for (key, host, ends) in visits.chain(changes).chain(releases) {
        match latest.entry((key.host_id.0, key.fence)) {
            Entry::Vacant(entry) => {
                entry.insert((host, ends));
            }
            Entry::Occupied(mut entry) => {
                let (before, ended) = entry.get_mut();
                *before = later(before, host);
                *ended |= ends;
            }
        }
    }
    let rows: Vec<_> = latest
        .iter()
        .map(|(key, (host, ends))| {
            let pause = host.pause.map(|pause| (pause.ms, pause.by.as_str()));
            let (pause_ms, pause_by) = pause.unzip();
            (
                key,
                (host.polite_ms, host.delay_ms, host.failures, ends),
                (host.asked_ms, pause_ms, pause_by, host.pace.response_ms, host.pace.strain),
                host.order,
            )
        })
        .collect();
    tx.execute(
        sql("UPDATE host_queue SET
               polite_ms = max(polite_ms, j.value->1->>0),
               delay_ms = iif(j.value->>3 >= told, j.value->1->>1, delay_ms),
               failures = iif(j.value->>3 >= told, j.value->1->>2, failures),
               asked_ms = iif(j.value->>3 >= told, coalesce(j.value->2->>0, asked_ms), asked_ms),
               pause_ms = iif(j.value->>3 >= told, j.value->2->>1, pause_ms),
               pause_by = iif(j.value->>3 >= told, j.value->2->>2, pause_by),
               response_ms = iif(j.value->>3 >= told, j.value->2->>3, response_ms),
               strain = iif(j.value->>3 >= told, j.value->2->>4, strain),
               told = max(told, j.value->>3),
               lease_session = CASE WHEN j.value->1->>3 THEN NULL ELSE lease_session END,
               lease_until_ms = CASE WHEN j.value->1->>3 THEN NULL ELSE lease_until_ms END
             FROM json_each(?1) j
             WHERE host_queue.host_id = j.value->0->>0 AND host_queue.fence = j.value->0->>1
               AND host_queue.lease_session = ?2")
        .bind(encode::rows(&rows))
        .bind(start.session.0),
    )
    .await?;
    Ok(())
}

/// Of two states of a host under one lease the one that knows more: parsing takes its time, so
/// visits need not stand in the order of their answers, within a batch and from one to the next.
fn later(before: &HostUpdate, host: HostUpdate) -> HostUpdate {
    let latest = if host.order >= before.order { host } else { *before };
    HostUpdate { polite_ms: before.polite_ms.max(host.polite_ms), ..latest }
}
