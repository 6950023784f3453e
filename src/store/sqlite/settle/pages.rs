//! The fetch rows of a batch, and the links of its pages.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use crate::model::{Candidate, Outcome, Visit};
use crate::store::{SessionStart, StoreError};

use super::super::encode;
use super::super::names::max_id;
use super::super::writer::{Tx, sql};
use super::{BatchIds, Counted};

fn id_of(ids: &BatchIds, visit: &Visit, nth: Option<usize>) -> Option<i64> {
    let candidate: &Candidate = visit.candidates.get(nth?)?;
    ids.urls.urls.get(candidate.url.as_str()).copied()
}

/// Adds one row a visit; their ids, in the order of the visits. A 304 repeats what it confirms.
pub(super) async fn write_fetches(
    tx: &mut Tx<'_>,
    start: &SessionStart,
    counted: &[Counted<'_>],
    ids: &BatchIds,
    contents: &HashMap<[u8; 16], i64>,
    links: &PageLinks<'_>,
) -> Result<Vec<i64>, StoreError> {
    let first = max_id(tx, "SELECT coalesce(max(id), 0) AS id FROM fetches").await? + 1;
    let mut rows = Vec::with_capacity(counted.len());
    let mut fetch_ids = Vec::with_capacity(counted.len());
    for (fetch_id, Counted { visit, before }) in (first..).zip(counted) {
        let confirmed = before.page.as_ref().filter(|_| visit.outcome == Outcome::Unchanged);
        let content = visit.content.as_ref().and_then(|content| contents.get(&content.hash).copied());
        let headers = (!visit.headers.is_empty()).then(|| {
            let clean = visit.headers.iter().map(|(name, value)| (encode::clean(name), encode::clean(value)));
            clean.collect::<Vec<_>>()
        });
        fetch_ids.push(fetch_id);
        rows.push((
            (fetch_id, visit.url_id.0, visit.key.host_id.0, visit.started_ms, encode::iso8601(visit.started_ms)),
            (visit.elapsed_ms, visit.outcome.as_str(), visit.status),
            (
                content.or_else(|| confirmed?.content_id),
                id_of(ids, visit, visit.target),
                id_of(ids, visit, visit.canonical).or_else(|| confirmed?.canonical_id),
                confirmed.map_or(i64::from(visit.noindex), |page| page.noindex),
                confirmed.map_or(i64::from(visit.nofollow), |page| page.nofollow),
            ),
            (
                visit.ledger.asked_ms,
                visit.ledger.asked_by.map(crate::model::DelayBy::as_str),
                visit.ledger.applied_ms,
                visit.wire_bytes,
                links.counts.get(&visit.url_id.0).copied().or_else(|| confirmed?.links),
            ),
            (
                visit.etag.as_deref().or_else(|| confirmed?.etag.as_deref()).map(encode::clean),
                visit.last_modified.as_deref().or_else(|| confirmed?.last_modified.as_deref()).map(encode::clean),
                visit.address.as_deref(),
                visit.error.as_deref().map(encode::clean),
                headers,
            ),
        ));
    }
    tx.execute(
        sql("INSERT INTO fetches(id, url_id, host_id, started_ms, started_at, elapsed_ms, outcome, status, content_id,
               target_id, canonical_id, noindex, nofollow, delay_asked_ms, delay_by, delay_applied_ms, wire_bytes,
               links, etag, last_modified, address, error, headers, round_id, session_id)
             SELECT j.value->0->>0, j.value->0->>1, j.value->0->>2, j.value->0->>3, j.value->0->>4,
                    j.value->1->>0, j.value->1->>1, j.value->1->>2,
                    j.value->2->>0, j.value->2->>1, j.value->2->>2, j.value->2->>3, j.value->2->>4,
                    j.value->3->>0, j.value->3->>1, j.value->3->>2, j.value->3->>3, j.value->3->>4,
                    j.value->4->>0, j.value->4->>1, j.value->4->>2, j.value->4->>3, j.value->4->>4, ?2, ?3
             FROM json_each(?1) j")
        .bind(encode::rows(&rows))
        .bind(start.round.0)
        .bind(start.session.0),
    )
    .await?;
    Ok(fetch_ids)
}

/// A row of `links`: source, target, kind, nofollow, position, anchor.
type LinkRow<'a> = (i64, i64, &'static str, u8, u32, Option<Cow<'a, str>>);

/// The links of the pages of a batch, as they are stored: of several links to one target the first one counts.
pub(super) struct PageLinks<'a> {
    rows: Vec<LinkRow<'a>>,
    /// How many each page has, by URL.
    counts: HashMap<i64, i64>,
}

impl<'a> PageLinks<'a> {
    pub(super) fn of(counted: &[Counted<'a>], ids: &BatchIds) -> Self {
        let (mut rows, mut counts) = (Vec::new(), HashMap::new());
        for Counted { visit, .. } in counted.iter().filter(|counted| counted.visit.outcome == Outcome::Page) {
            let mut first = HashSet::with_capacity(visit.links.len());
            for link in &visit.links {
                let Some(target) = id_of(ids, visit, Some(link.target)) else { continue };
                if first.insert((target, link.kind)) {
                    let anchor = link.anchor.as_deref().map(encode::clean);
                    let nofollow = u8::from(link.nofollow);
                    rows.push((visit.url_id.0, target, link.kind.as_str(), nofollow, link.position, anchor));
                }
            }
            counts.insert(visit.url_id.0, i64::try_from(first.len()).unwrap_or(i64::MAX));
        }
        PageLinks { rows, counts }
    }
}

/// Replaces the links of each page by difference: a link that stays is not written again.
pub(super) async fn write_links(
    tx: &mut Tx<'_>,
    counted: &[Counted<'_>],
    links: PageLinks<'_>,
) -> Result<(), StoreError> {
    let PageLinks { mut rows, .. } = links;
    let fetched = counted.iter().filter(|counted| counted.visit.outcome == Outcome::Page);
    let again: Vec<i64> = fetched.filter(|page| page.before.page.is_some()).map(|page| page.visit.url_id.0).collect();
    rows.sort_unstable_by(|a, b| (a.0, a.1, a.2).cmp(&(b.0, b.1, b.2)));
    let json = encode::rows(&rows);
    tx.execute(
        sql(
            "DELETE FROM links WHERE source_id IN (SELECT j.value FROM json_each(?1) j)
             AND (source_id, target_id, kind) NOT IN
               (SELECT k.value->>0, k.value->>1, k.value->>2 FROM json_each(CASE ?1 WHEN '[]' THEN '[]' ELSE ?2 END) k)",
        )
        .bind(encode::rows(&again))
        .bind(&json),
    )
    .await?;
    tx.execute(
        sql("INSERT INTO links(source_id, target_id, kind, nofollow, position, anchor)
             SELECT j.value->>0, j.value->>1, j.value->>2, j.value->>3, j.value->>4, j.value->>5
             FROM json_each(?1) j WHERE true
             ON CONFLICT(source_id, target_id, kind) DO UPDATE SET nofollow = excluded.nofollow,
               position = excluded.position, anchor = excluded.anchor
             WHERE (nofollow, position, anchor) IS NOT (excluded.nofollow, excluded.position, excluded.anchor)")
        .bind(json),
    )
    .await?;
    Ok(())
}

/// Replaces what each sitemap says of its entries.
pub(super) async fn write_entries(tx: &mut Tx<'_>, counted: &[Counted<'_>], ids: &BatchIds) -> Result<(), StoreError> {
    let (mut rows, mut sources) = (Vec::new(), Vec::new());
    for Counted { visit, before } in counted.iter().filter(|counted| counted.visit.outcome == Outcome::Page) {
        if before.page.is_some() {
            sources.push(visit.url_id.0);
        }
        for link in &visit.links {
            let (Some(entry), Some(target)) = (&link.entry, id_of(ids, visit, Some(link.target))) else { continue };
            let (lastmod, changefreq) = (entry.lastmod.as_deref(), entry.changefreq.as_deref());
            let clean = |text: Option<&str>| text.map(encode::clean).map(std::borrow::Cow::into_owned);
            rows.push((visit.url_id.0, target, clean(lastmod), entry.priority, clean(changefreq)));
        }
    }
    // Most batches hold neither a sitemap nor a page that was one.
    if rows.is_empty() && sources.is_empty() {
        return Ok(());
    }
    tx.execute(
        sql("DELETE FROM sitemap_entries WHERE source_id IN (SELECT j.value FROM json_each(?1) j)")
            .bind(encode::rows(&sources)),
    )
    .await?;
    tx.execute(
        sql("INSERT INTO sitemap_entries(source_id, target_id, lastmod, priority, changefreq)
             SELECT j.value->>0, j.value->>1, j.value->>2, j.value->>3, j.value->>4 FROM json_each(?1) j WHERE true
             ON CONFLICT(source_id, target_id) DO NOTHING")
        .bind(encode::rows(&rows)),
    )
    .await?;
    Ok(())
}

/// A page that has not changed names what it named before.
pub(super) async fn see_again(
    tx: &mut Tx<'_>,
    start: &SessionStart,
    counted: &[Counted<'_>],
) -> Result<(), StoreError> {
    let unchanged = counted.iter().filter(|counted| counted.visit.outcome == Outcome::Unchanged);
    let unchanged: Vec<i64> = unchanged.map(|counted| counted.visit.url_id.0).collect();
    if unchanged.is_empty() {
        return Ok(());
    }
    tx.execute(
        sql("UPDATE urls SET seen_round = ?2 WHERE seen_round <> ?2 AND id IN (
               SELECT l.target_id FROM json_each(?1) j CROSS JOIN links l ON l.source_id = j.value)")
        .bind(encode::rows(&unchanged))
        .bind(start.round.0),
    )
    .await?;
    Ok(())
}
