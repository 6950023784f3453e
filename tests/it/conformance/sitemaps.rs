//! Sitemaps: who is one, and what they say of their entries.

use sqrawl::model::{LinkKind, Outlink, SitemapEntry, Visit};
use sqrawl::store::Settlement;

use super::backend::Backend;
use super::crawl::{Crawl, link, named};

const A: &str = "https://a.example/";
const MAP: &str = "https://a.example/sitemap.xml";

fn sitemap(url: &str) -> sqrawl::model::Candidate {
    sqrawl::model::Candidate { is_sitemap: true, ..named(url) }
}

fn entry(visit: &mut Visit, url: &str, entry: SitemapEntry) {
    let target = visit.candidates.len();
    let candidate = if entry.is_sitemap { sitemap(url) } else { named(url) };
    visit.candidates.push(candidate);
    let position = target as u32;
    let entry = Some(Box::new(entry));
    visit.links.push(Outlink { target, kind: LinkKind::Sitemap, nofollow: false, position, anchor: None, entry });
}

/// A crawl whose robots.txt names one sitemap.
async fn mapped<B: Backend>() -> Crawl<B> {
    let crawl = Crawl::<B>::new().await;
    crawl.settle(Settlement { sitemaps: vec![sitemap(MAP)], ..Settlement::default() }).await;
    crawl
}

pub async fn robots_names_sitemaps<B: Backend>() {
    let crawl = Crawl::<B>::of(&[A]).await;
    let settled = crawl.settle(Settlement { sitemaps: vec![sitemap(MAP)], ..Settlement::default() }).await;
    assert_eq!((settled.new_urls, settled.totals.queued), (1, 2));
    let again = crawl.settle(Settlement { sitemaps: vec![sitemap(MAP)], ..Settlement::default() }).await;
    assert_eq!(again.new_urls, 0);
    let lease = crawl.lease_one().await;
    let known: Vec<_> = lease.urls.iter().map(|url| (url.url.as_str(), url.is_sitemap)).collect();
    assert_eq!(known, [(A, false), (MAP, true)]);
    assert_eq!(crawl.of_url("via_id", MAP).await, "-");
    crawl.check().await;
}

pub async fn entries_are_kept_and_replaced<B: Backend>() {
    let mut crawl = mapped::<B>().await;
    let full = SitemapEntry {
        lastmod: Some("2026-11-01".to_owned()),
        priority: Some(0.75),
        changefreq: Some("daily".to_owned()),
        is_sitemap: false,
    };
    crawl
        .round_trip(|visit, _| {
            entry(visit, "https://a.example/1", full.clone());
            entry(visit, "https://a.example/2", SitemapEntry::default());
        })
        .await;
    let entries = "SELECT t.url, e.lastmod, e.priority, e.changefreq FROM sitemap_entries e
                   JOIN urls t ON t.id = e.target_id ORDER BY t.url";
    assert_eq!(
        crawl.rows(entries).await,
        [["https://a.example/1", "2026-11-01", "0.75", "daily"], ["https://a.example/2", "-", "-", "-"]]
    );
    assert_eq!(crawl.rows("SELECT kind FROM links").await, [["sitemap"], ["sitemap"]]);
    crawl.now += 10_000;
    crawl.recrawl(Some(sqrawl::model::EndedBy::Limit)).await;
    crawl
        .round_trip(|visit, url| {
            if url.is_sitemap {
                entry(visit, "https://a.example/2", full.clone());
            }
        })
        .await;
    assert_eq!(crawl.rows(entries).await, [["https://a.example/2", "2026-11-01", "0.75", "daily"]]);
    crawl.check().await;
}

pub async fn an_index_names_sitemaps<B: Backend>() {
    let crawl = mapped::<B>().await;
    let part = SitemapEntry { is_sitemap: true, ..SitemapEntry::default() };
    crawl.round_trip(|visit, _| entry(visit, "https://a.example/part.xml.gz", part.clone())).await;
    let lease = crawl.lease_one().await;
    assert!(lease.urls[0].is_sitemap);
    assert_eq!(lease.urls[0].url.as_str(), "https://a.example/part.xml.gz");
    crawl.check().await;
}

pub async fn a_url_knows_who_named_it_first<B: Backend>() {
    let crawl = Crawl::<B>::of(&["https://a.example:8443/x/y?z"]).await;
    let seed = crawl.lease_one().await;
    assert_eq!(seed.urls[0].referrer, None);
    let mut visit = crawl.page(&seed, &seed.urls[0]);
    link(&mut visit, named("https://b.example/"));
    crawl.settle_visits(vec![visit]).await;
    let named = crawl.lease_one().await;
    let referrer = named.urls[0].referrer.as_ref().map(ToString::to_string);
    assert_eq!(referrer.as_deref(), Some("https://a.example:8443"));
    crawl.check().await;
}
