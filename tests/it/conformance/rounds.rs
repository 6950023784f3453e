//! Rounds after the first: every URL known is visited again.

use sqrawl::model::{CrawlSettings, EndedBy, NextState, Outcome, Rule};

use super::backend::Backend;
use super::crawl::{Crawl, DELAY_MS, excluded, link, named};

const A: &str = "https://a.example/";
const B1: &str = "https://a.example/b";
const GONE: &str = "https://a.example/gone";

/// A crawl of A, which links to the others and has an etag.
async fn complete<B: Backend>(others: &[&str]) -> Crawl<B> {
    let crawl = Crawl::<B>::of(&[A]).await;
    crawl
        .round_trip(|visit, _| {
            visit.etag = Some("\"v1\"".to_owned());
            others.iter().for_each(|other| link(visit, named(other)));
        })
        .await;
    if !others.is_empty() {
        crawl
            .round_trip(|visit, url| {
                if url.url.as_str() == GONE {
                    (visit.outcome, visit.status, visit.content) = (Outcome::Gone, Some(404), None);
                    visit.next = NextState::Failed;
                }
            })
            .await;
    }
    crawl
}

pub async fn a_recrawl_visits_everything_again_with_validators<B: Backend>() {
    let mut crawl = complete::<B>(&[B1, GONE]).await;
    crawl.now += 10_000;
    crawl.recrawl(Some(EndedBy::Complete)).await;
    assert_eq!(crawl.start.round.0, 2);
    assert_eq!((crawl.start.totals.queued, crawl.start.totals.done, crawl.start.totals.failed), (3, 0, 0));
    crawl.check().await;
    let stored = crawl.stored().await.expect("a crawl");
    assert_eq!(stored.seeds.len(), 1, "the seeds come along");
    let lease = crawl.lease_one().await;
    let urls: Vec<&str> = lease.urls.iter().map(|url| url.url.as_str()).collect();
    assert_eq!(urls, [A, B1, GONE]);
    assert!(lease.urls[0].may_widen);
    assert_eq!(lease.urls[0].validators.as_ref().and_then(|v| v.etag.as_deref()), Some("\"v1\""));
    crawl.settle_visits(vec![crawl.visit(&lease, &lease.urls[0], Outcome::Unchanged, NextState::Done)]).await;
    let rounds = "SELECT round_id, outcome FROM fetches WHERE url_id = 1 ORDER BY id";
    assert_eq!(crawl.rows(rounds).await, [["1", "page"], ["2", "unchanged"]]);
    assert_eq!(crawl.value("SELECT ended_ms IS NOT NULL FROM rounds WHERE id = 1").await, "1");
    crawl.check().await;
}

pub async fn a_recrawl_asks_robots_and_the_guard_again<B: Backend>() {
    let mut crawl = Crawl::<B>::of(&[A]).await;
    let rules = [Rule::ROBOTS, Rule::ADDRESS, Rule::DEPTH, Rule::SCOPE];
    crawl
        .round_trip(|visit, _| {
            for rule in &rules {
                link(visit, excluded(&format!("https://a.example/{}", rule.as_str()), rule.clone()));
            }
        })
        .await;
    crawl.recrawl(Some(EndedBy::Complete)).await;
    for (rule, state) in rules.iter().zip(["queued", "queued", "excluded", "excluded"]) {
        assert_eq!(crawl.state(&format!("https://a.example/{}", rule.as_str())).await, state);
    }
    crawl.check().await;
}

pub async fn a_recrawl_goes_on_with_a_round_that_was_interrupted<B: Backend>() {
    let mut crawl = complete::<B>(&[B1]).await;
    for (ended_by, round) in
        [(Some(EndedBy::Signal), 1), (None, 1), (Some(EndedBy::Limit), 2), (None, 2), (Some(EndedBy::Complete), 3)]
    {
        crawl.recrawl(ended_by).await;
        assert_eq!(crawl.start.round.0, round, "{ended_by:?}");
    }
    crawl.check().await;
}

pub async fn an_unchanged_page_names_what_it_named<B: Backend>() {
    let outside = "https://b.example/";
    let mut crawl = Crawl::<B>::of(&[A]).await;
    crawl.round_trip(|visit, _| link(visit, excluded(outside, Rule::SCOPE))).await;
    crawl.now += 10_000;
    crawl.recrawl(Some(EndedBy::Complete)).await;
    assert_eq!(crawl.of_url("seen_round", outside).await, "1");
    crawl.round_trip(|visit, _| (visit.outcome, visit.content) = (Outcome::Unchanged, None)).await;
    assert_eq!(crawl.of_url("seen_round", outside).await, "2");
    assert_eq!(crawl.value("SELECT count(*) FROM links").await, "1");
    crawl.check().await;
}

pub async fn page_limits_belong_to_a_round<B: Backend>() {
    let settings = CrawlSettings { delay_ms: Some(DELAY_MS), max_pages_per_host: Some(1), ..CrawlSettings::default() };
    let mut crawl = Crawl::<B>::with(settings).await;
    crawl.seed(&[A]).await;
    let other = "https://b.example/";
    crawl.round_trip(|visit, _| link(visit, named(other))).await;
    crawl.round_trip(|_, _| ()).await;
    assert_eq!(crawl.value("SELECT pages FROM host_queue WHERE host_id = 2").await, "1");
    crawl.now += 10_000;
    crawl.recrawl(Some(EndedBy::Complete)).await;
    assert_eq!((crawl.start.round_pages, crawl.start.totals.pages), (0, 2));
    let hosts = crawl.lease(9, 9).await.hosts;
    assert_eq!(hosts.iter().map(|lease| lease.pages_left).collect::<Vec<_>>(), [None, Some(1)]);
    crawl.settle_visits(vec![crawl.page(&hosts[0], &hosts[0].urls[0])]).await;
    crawl.crash().await;
    assert_eq!((crawl.start.round_pages, crawl.start.totals.pages), (1, 3));
    crawl.check().await;
}
