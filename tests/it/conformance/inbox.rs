//! Commands of the operator: applied once, with the counters they change.

use sqrawl::model::{Admission, EndedBy, NextState, Outcome, Retry, Rule, UrlPattern};
use sqrawl::store::{Change, Judged, Store};

use super::backend::Backend;
use super::crawl::{Crawl, link, named, seed};

const A: &str = "https://a.example/";
const X: &str = "https://a.example/x";
const B: &str = "https://b.example/";

async fn post<B: Backend>(crawl: &Crawl<B>, kind: &str, payload: &str) -> i64 {
    let insert = format!("INSERT INTO inbox(made_ms, kind, payload) VALUES (1, '{kind}', '{payload}')");
    crawl.backend.change(&insert).await;
    crawl.value("SELECT max(id) FROM inbox").await.parse().expect("a number")
}

pub async fn a_command_is_applied_once<B: Backend>() {
    let crawl = Crawl::<B>::of(&[A]).await;
    let id = post(&crawl, "add", "[]").await;
    let waiting = crawl.store().inbox(10).await.expect("an inbox");
    assert_eq!(waiting.iter().map(|waiting| waiting.id).collect::<Vec<_>>(), [id]);
    let seeds = [seed(self::B)];
    let change = Change::Add { seeds: &seeds, judge: None };
    let applied = crawl.store().apply(id, change, crawl.now).await.expect("applied").expect("for the first time");
    assert_eq!((applied.new_urls, applied.queued, applied.excluded), (1, 1, 0));
    assert_eq!(crawl.store().apply(id, change, crawl.now + 1).await.expect("asked"), None);
    assert_eq!(crawl.store().inbox(10).await.expect("an inbox"), []);
    assert_eq!(crawl.value("SELECT applied_ms FROM inbox").await, crawl.now.to_string());
    assert_eq!(crawl.value("SELECT count(*) FROM seeds").await, "2");
    crawl.check().await;
    assert_eq!(crawl.lease(9, 9).await.hosts.len(), 2, "the new host is ready");
}

pub async fn what_is_skipped_leaves_the_queue_and_comes_back<B: Backend>() {
    let crawl = Crawl::<B>::of(&[A, X, self::B]).await;
    let lease = crawl.lease(1, 9).await.hosts.remove(0);
    let patterns = [UrlPattern::Url(X.to_owned())];
    let skip = |judged: &Judged| (judged.url.as_str() == X).then_some(Admission::Exclude(Rule::SKIP));
    let id = post(&crawl, "skip", "{}").await;
    let change = Change::Skip { patterns: &patterns, undo: false, judge: &skip };
    let applied = crawl.store().apply(id, change, crawl.now).await.expect("applied").expect("once");
    assert_eq!((applied.queued, applied.excluded), (0, 1));
    assert_eq!(crawl.stored().await.expect("a crawl").skips, patterns);
    crawl.check().await;
    let in_flight = lease.urls.iter().find(|url| url.url.as_str() == X).expect("leased before");
    let settled = crawl.settle_visits(vec![crawl.page(&lease, in_flight)]).await;
    assert_eq!(settled.dropped, [in_flight.id], "its visit changes nothing");
    assert_eq!(crawl.state(X).await, "excluded");

    let back = |judged: &Judged| (judged.rule == Some(Rule::SKIP)).then_some(Admission::Queue);
    let id = post(&crawl, "skip", "{}").await;
    let change = Change::Skip { patterns: &patterns, undo: true, judge: &back };
    let applied = crawl.store().apply(id, change, crawl.now).await.expect("applied").expect("once");
    assert_eq!((applied.queued, applied.excluded), (1, 0));
    assert_eq!(crawl.stored().await.expect("a crawl").skips, []);
    assert_eq!(crawl.state(X).await, "queued");
    crawl.check().await;
}

pub async fn what_failed_is_queued_again<B: Backend>() {
    let mut crawl = Crawl::<B>::of(&[A, X, "https://a.example/gone"]).await;
    crawl
        .round_trip(|visit, url| {
            match url.url.path_and_query() {
                "/x" => (visit.outcome, visit.status, visit.next) = (Outcome::HttpError, Some(503), NextState::Failed),
                "/gone" => (visit.outcome, visit.status, visit.next) = (Outcome::Gone, Some(404), NextState::Failed),
                _ => return link(visit, named("https://a.example/y")),
            }
            visit.content = None;
            visit.attempts = 2;
        })
        .await;
    crawl.round_trip(|_, _| {}).await;
    crawl.end(EndedBy::Complete).await;
    crawl.store().end_session(&crawl.start, EndedBy::Complete, crawl.now).await.expect("ended");
    assert!(crawl.stored().await.expect("a crawl").complete);
    let all = |_: &sqrawl::model::CrawlUrl| true;
    let cases = [
        (Retry { statuses: vec![(500, 599)], ..Retry::default() }, 1),
        (Retry { outcomes: vec!["timeout".to_owned()], ..Retry::default() }, 0),
        (Retry::default(), 1),
        (Retry { patterns: vec![UrlPattern::Url(A.to_owned())], ..Retry::default() }, 1),
        (Retry { outcomes: vec!["page".to_owned()], ..Retry::default() }, 1),
    ];
    for (retry, queued) in cases {
        let id = post(&crawl, "retry", "{}").await;
        let change = Change::Retry { retry: &retry, chosen: &all };
        let applied = crawl.store().apply(id, change, crawl.now).await.expect("applied").expect("once");
        assert_eq!((applied.queued, applied.excluded), (queued, 0), "{retry:?}");
        crawl.recount().await;
    }
    assert_eq!(crawl.value("SELECT count(*) FROM urls WHERE state = 'queued' AND attempts = 0").await, "4");
    assert!(!crawl.stored().await.expect("a crawl").complete, "there is something to do again");
    crawl.check().await;
}

pub async fn what_cannot_be_applied_is_refused<B: Backend>() {
    let crawl = Crawl::<B>::of(&[A]).await;
    for payload in ["{}", "[{\"given\": 1}]", "null"] {
        let id = post(&crawl, "add", payload).await;
        let waiting = crawl.store().inbox(1).await.expect("an inbox").remove(0);
        let why = waiting.command.expect_err("no command");
        let applied = crawl.store().apply(id, Change::Refuse(&why), crawl.now).await.expect("applied").expect("once");
        assert_eq!(applied.refused, Some(why));
    }
    assert_eq!(crawl.store().inbox(1).await.expect("an inbox"), []);
    crawl.check().await;
}
