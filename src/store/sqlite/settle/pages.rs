//! The fetch rows of a batch, and the links of its pages.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use crate::model::{Outcome, Visit};
use crate::store::{SessionStart, StoreError};

use super::super::encode;
use super::super::insert::{self, int};
use super::super::names::max_id;
use super::super::writer::{Tx, sql};
use super::{BatchIds, Counted};

/// The id of a candidate of a visit.
fn id_of(ids: &BatchIds, counted: &Counted<'_>, nth: Option<usize>) -> Option<i64> {
    ids.urls.urls.get(*counted.names.get(nth?)?).copied()
}

static INSERT_FETCHES: LazyLock<String> = LazyLock::new(|| {
    let into = "fetches(id, url_id, host_id, round_id, session_id, started_ms, started_at, elapsed_ms, outcome, status, \
                content_id, target_id, canonical_id, noindex, nofollow, delay_asked_ms, delay_by, delay_applied_ms, \
                wire_bytes, links, etag, last_modified, address, error, headers)";
    insert::text(into, "")
});
static INSERT_LINKS: LazyLock<String> = LazyLock::new(|| {
    let into = "links(source_id, target_id, kind, nofollow, position, anchor)";
    let tail = "ON CONFLICT(source_id, target_id, kind) DO UPDATE SET nofollow = excluded.nofollow,
               position = excluded.position, anchor = excluded.anchor
             WHERE (nofollow, position, anchor) IS NOT (excluded.nofollow, excluded.position, excluded.anchor)";
    insert::text(into, tail)
});

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
    let rows: Vec<(i64, &Counted<'_>)> = (first..).zip(counted).collect();
    tx.insert(&INSERT_FETCHES, &rows, |statement, (fetch_id, counted)| {
        let visit = counted.visit;
        let confirmed = counted.before.page.as_ref().filter(|_| visit.outcome == Outcome::Unchanged);
        let content = visit.content.as_ref().and_then(|content| contents.get(&content.hash).copied());
        let canonical = id_of(ids, counted, visit.canonical).or_else(|| confirmed?.canonical_id);
        let links = links.counts.get(&visit.url_id.0).copied().or_else(|| confirmed?.links);
        let etag = visit.etag.as_deref().or_else(|| confirmed?.etag.as_deref());
        let last_modified = visit.last_modified.as_deref().or_else(|| confirmed?.last_modified.as_deref());
        let statement = statement.bind(*fetch_id).bind(visit.url_id.0).bind(visit.key.host_id.0);
        let statement = statement.bind(start.round.0).bind(start.session.0);
        let statement = statement.bind(visit.started_ms).bind(encode::iso8601(visit.started_ms));
        let statement = statement.bind(int(visit.elapsed_ms)).bind(visit.outcome.as_str()).bind(visit.status);
        let statement = statement.bind(content.or_else(|| confirmed?.content_id));
        let statement = statement.bind(id_of(ids, counted, visit.target)).bind(canonical);
        let statement = statement.bind(confirmed.map_or(i64::from(visit.noindex), |page| page.noindex));
        let statement = statement.bind(confirmed.map_or(i64::from(visit.nofollow), |page| page.nofollow));
        let statement = statement.bind(visit.ledger.asked_ms.map(int));
        let statement = statement.bind(visit.ledger.asked_by.map(crate::model::DelayBy::as_str));
        let statement = statement.bind(visit.ledger.applied_ms.map(int)).bind(visit.wire_bytes.map(int)).bind(links);
        let statement = statement.bind(etag.map(encode::clean)).bind(last_modified.map(encode::clean));
        let statement = statement.bind(visit.address.as_deref()).bind(visit.error.as_deref().map(encode::clean));
        statement.bind(headers(visit))
    })
    .await?;
    Ok(rows.into_iter().map(|(id, _)| id).collect())
}

/// The headers of an answer as JSON, `None` without any.
fn headers(visit: &Visit) -> Option<String> {
    let clean = visit.headers.iter().map(|(name, value)| (encode::clean(name), encode::clean(value)));
    (!visit.headers.is_empty()).then(|| encode::rows(&clean.collect::<Vec<_>>()))
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
        let mut pages: Vec<_> = counted.iter().filter(|counted| counted.visit.outcome == Outcome::Page).collect();
        // In the order of the table.
        pages.sort_unstable_by_key(|page| page.visit.url_id);
        for page in pages {
            let source = page.visit.url_id.0;
            let mut of_page: Vec<LinkRow<'_>> = Vec::with_capacity(page.visit.links.len());
            of_page.extend(page.visit.links.iter().filter_map(|link| {
                let target = id_of(ids, page, Some(link.target))?;
                let anchor = link.anchor.as_deref().map(encode::clean);
                Some((source, target, link.kind.as_str(), u8::from(link.nofollow), link.position, anchor))
            }));
            // Stable: of equals the first stays, and one that may be followed is enough.
            of_page.sort_by(|a, b| (a.1, a.2).cmp(&(b.1, b.2)));
            of_page.dedup_by(|b, a| {
                let is_same = (a.1, a.2) == (b.1, b.2);
                if is_same {
                    a.3 &= b.3;
                }
                is_same
            });
            counts.insert(source, i64::try_from(of_page.len()).unwrap_or(i64::MAX));
            rows.append(&mut of_page);
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
    let PageLinks { rows, .. } = links;
    let fetched = counted.iter().filter(|counted| counted.visit.outcome == Outcome::Page);
    let again: HashSet<i64> =
        fetched.filter(|page| page.before.page.is_some()).map(|page| page.visit.url_id.0).collect();
    if !again.is_empty() {
        let kept = rows.iter().filter(|row| again.contains(&row.0)).map(|row| (row.0, row.1, row.2));
        tx.execute(
            sql("DELETE FROM links WHERE source_id IN (SELECT j.value FROM json_each(?1) j)
                 AND (source_id, target_id, kind) NOT IN
                   (SELECT k.value->>0, k.value->>1, k.value->>2 FROM jsonb_each(?2) k)")
            .bind(encode::rows(&again.iter().collect::<Vec<_>>()))
            .bind(encode::rows(&kept.collect::<Vec<_>>())),
        )
        .await?;
    }
    tx.insert(&INSERT_LINKS, &rows, |statement, (source, target, kind, nofollow, position, anchor)| {
        let statement = statement.bind(*source).bind(*target).bind(*kind);
        statement.bind(*nofollow).bind(*position).bind(anchor.as_deref())
    })
    .await
}

/// Replaces what each sitemap says of its entries.
pub(super) async fn write_entries(tx: &mut Tx<'_>, counted: &[Counted<'_>], ids: &BatchIds) -> Result<(), StoreError> {
    let (mut rows, mut sources) = (Vec::new(), Vec::new());
    for page in counted.iter().filter(|counted| counted.visit.outcome == Outcome::Page) {
        let visit = page.visit;
        if page.before.page.is_some() {
            sources.push(visit.url_id.0);
        }
        for link in &visit.links {
            let (Some(entry), Some(target)) = (&link.entry, id_of(ids, page, Some(link.target))) else { continue };
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
