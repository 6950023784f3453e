//! What a host was promised outlives leases and processes, and every request stands in the ledger.

use sqrawl::model::{CrawlUrl, DelayBy, EndedBy, Host, HostUpdate, Ledger, Outcome, Pace, Pause, Release, RobotsFetch};
use sqrawl::store::{LeaseAsk, Settlement};

use super::backend::Backend;
use super::crawl::{Crawl, named};

const A: &str = "https://a.example/";

pub async fn what_is_known_of_a_host_comes_back_with_its_lease<B: Backend>() {
    let mut crawl = Crawl::<B>::of(&[A]).await;
    let lease = crawl.lease_one().await;
    assert_eq!((lease.asked_ms, lease.pause, lease.pace), (None, None, Pace::default()));
    let pause = Some(Pause { ms: 9_000, by: DelayBy::RetryAfter });
    let pace = Pace { response_ms: Some(1_234), strain: 3 };
    let asked_ms = Some(crawl.now - 5);
    let host = HostUpdate { asked_ms, pause, pace, polite_ms: crawl.now + 9_000, ..crawl.update() };
    crawl.settle(Settlement { hosts: vec![(lease.key, host)], ..Settlement::default() }).await;
    crawl.crash().await;
    crawl.now += 9_000;
    let lease = crawl.lease_one().await;
    assert_eq!((lease.asked_ms, lease.pause, lease.pace), (asked_ms, pause, pace));
    let rested = HostUpdate { asked_ms: None, ..crawl.update() };
    let release = Release { key: lease.key, host: rested };
    crawl.settle(Settlement { releases: vec![release], ..Settlement::default() }).await;
    let lease = crawl.lease_one().await;
    assert_eq!((lease.asked_ms, lease.pause, lease.pace), (asked_ms, None, Pace::default()));
    crawl.check().await;
}

/// Parsing takes its time: a visit may be handed in after one that ended later.
pub async fn the_latest_word_on_a_host_counts<B: Backend>() {
    let crawl = Crawl::<B>::of(&[A]).await;
    let lease = crawl.lease_one().await;
    let early = HostUpdate { order: 1, asked_ms: Some(100), delay_ms: 1, polite_ms: 900, ..HostUpdate::default() };
    let late = HostUpdate { order: 2, asked_ms: Some(200), delay_ms: 2, polite_ms: 500, ..HostUpdate::default() };
    let hosts = vec![(lease.key, late), (lease.key, early)];
    crawl.settle(Settlement { hosts, ..Settlement::default() }).await;
    let row = "SELECT asked_ms, delay_ms, polite_ms FROM host_queue";
    assert_eq!(crawl.rows(row).await, [["200", "2", "900"]], "the longest promise holds");
}

/// Moments are told by two clocks cut to milliseconds: the same one may read as a millisecond earlier
/// the second time. A delay that robots.txt had just asked for was lost so.
pub async fn a_moment_read_twice_does_not_bring_an_old_delay_back<B: Backend>() {
    let crawl = Crawl::<B>::of(&[A]).await;
    let lease = crawl.lease_one().await;
    let before = HostUpdate { order: 1, asked_ms: Some(100), delay_ms: 0, ..HostUpdate::default() };
    let after = HostUpdate { order: 2, asked_ms: Some(99), delay_ms: 3_600_000, ..HostUpdate::default() };
    for hosts in [vec![(lease.key, before), (lease.key, after)], vec![(lease.key, after), (lease.key, before)]] {
        crawl.settle(Settlement { hosts, ..Settlement::default() }).await;
        assert_eq!(crawl.value("SELECT delay_ms FROM host_queue").await, "3600000");
    }
}

/// A page that takes long to parse is settled in a later batch than what its host said meanwhile.
pub async fn a_state_that_comes_batches_late_does_not_bring_an_old_delay_back<B: Backend>() {
    let mut crawl = Crawl::<B>::of(&[A]).await;
    let lease = crawl.lease_one().await;
    let after = HostUpdate {
        order: 2,
        polite_ms: 900,
        asked_ms: Some(100),
        delay_ms: 8_000,
        failures: 1,
        pause: Some(Pause { ms: 800, by: DelayBy::Backoff }),
        pace: Pace { response_ms: Some(7), strain: 3 },
    };
    let before =
        HostUpdate { order: 1, polite_ms: 1_000, asked_ms: Some(50), delay_ms: 1_000, ..HostUpdate::default() };
    let told =
        "SELECT polite_ms, asked_ms, delay_ms, failures, pause_ms, pause_by, response_ms, strain FROM host_queue";
    for (host, polite_ms) in [(after, "900"), (before, "1000")] {
        crawl.settle(Settlement { hosts: vec![(lease.key, host)], ..Settlement::default() }).await;
        assert_eq!(crawl.rows(told).await, [[polite_ms, "100", "8000", "1", "800", "backoff", "7", "3"]]);
    }
    // The next lease counts from the beginning.
    crawl.release(&lease).await;
    crawl.now += 60_000;
    let lease = crawl.lease_one().await;
    crawl.settle(Settlement { hosts: vec![(lease.key, before)], ..Settlement::default() }).await;
    assert_eq!(crawl.value("SELECT delay_ms FROM host_queue").await, "1000");
    crawl.check().await;
}

pub async fn requests_for_robots_stand_in_the_ledger<B: Backend>() {
    let crawl = Crawl::<B>::of(&[A]).await;
    let lease = crawl.lease_one().await;
    let mut fetch = RobotsFetch {
        key: lease.key,
        origin: CrawlUrl::stored("http://b.example/").unwrap().origin(),
        url: CrawlUrl::stored("https://a.example/b/robots.txt").unwrap(),
        hops: 2,
        started_ms: 70,
        elapsed_ms: 30,
        outcome: Outcome::RateLimited,
        status: Some(429),
        retry_after: Some("9\0".to_owned()),
        ledger: Ledger { asked_ms: Some(20), asked_by: Some(DelayBy::Errors), applied_ms: Some(25) },
        wire_bytes: 7,
        address: Some("192.0.2.1".to_owned()),
        error: None,
    };
    crawl.settle(Settlement { robots_fetches: vec![fetch.clone()], ..Settlement::default() }).await;
    // A lost lease changes nothing about the host; that it was asked remains true.
    fetch.key.fence -= 1;
    crawl.settle(Settlement { robots_fetches: vec![fetch], ..Settlement::default() }).await;
    let rows = crawl
        .rows("SELECT origin, url, hops, started_ms, elapsed_ms, outcome, status, retry_after, wire_bytes, session_id FROM robots_fetches")
        .await;
    let row = "http://b.example https://a.example/b/robots.txt 2 70 30 rate_limited 429 9 7 1";
    assert_eq!(rows, [row.split(' ').collect::<Vec<_>>(), row.split(' ').collect()]);
    let ledger = "SELECT host, ended_ms, delay_asked_ms, delay_by, delay_applied_ms, address, is_robots FROM requests";
    assert_eq!(crawl.rows(ledger).await[0], ["a.example", "100", "20", "errors", "25", "192.0.2.1", "1"]);
    assert_eq!(crawl.value("SELECT count(*) FROM fetches").await, "0");
    crawl.check().await;
}

pub async fn the_ledger_holds_requests_alone<B: Backend>() {
    let crawl = Crawl::<B>::of(&[A, "https://a.example/refused"]).await;
    crawl
        .round_trip(|visit, url| {
            if url.url.as_str() == A {
                visit.ledger = Ledger { asked_ms: Some(8), asked_by: Some(DelayBy::ResponseTime), applied_ms: Some(7) };
            } else {
                (visit.outcome, visit.content) = (Outcome::Robots, None);
            }
        })
        .await;
    assert_eq!(crawl.rows("SELECT url, is_robots FROM requests").await, [[A, "0"]]);
    let report = "SELECT delay_by, requests, longest_asked_ms, shortest_applied_ms, breaches FROM report_politeness";
    assert_eq!(crawl.rows(report).await, [["response_time", "1", "8", "7", "1"]]);
}

pub async fn a_host_can_be_leased_by_its_name<B: Backend>() {
    let mut crawl = Crawl::<B>::of(&[A]).await;
    let ask = |crawl: &Crawl<B>, names: &[&str]| LeaseAsk {
        named: names.iter().map(|name| (Some("example".to_owned()), Host::new(*name))).collect(),
        urls_per_host: 5,
        ..crawl.empty_ask()
    };
    let grant = crawl.ask(ask(&crawl, &["new.example", "a.example"])).await;
    let given = |grant: &sqrawl::store::LeaseGrant| -> Vec<(String, usize)> {
        grant.named.iter().map(|lease| (lease.host.to_string(), lease.urls.len())).collect()
    };
    assert_eq!(given(&grant), [("a.example".to_owned(), 1), ("new.example".to_owned(), 0)]);
    assert_eq!(crawl.rows("SELECT domain FROM hosts WHERE name = 'new.example'").await, [["example"]]);
    let again = crawl.ask(ask(&crawl, &["new.example"])).await;
    assert!(again.named.is_empty() && again.hosts.is_empty(), "it is held");
    // One that has been promised rest is leased all the same: its worker knows how to wait.
    let new = &grant.named[1];
    let release = Release { key: new.key, host: HostUpdate { polite_ms: crawl.now + 5_000, ..crawl.update() } };
    crawl.settle(Settlement { releases: vec![release], ..Settlement::default() }).await;
    let leased = crawl.ask(ask(&crawl, &["new.example"])).await.named;
    assert_eq!((leased.len(), leased[0].polite_ms), (1, crawl.now + 5_000));
    crawl.crash().await;
    assert_eq!(crawl.value("SELECT count(*) FROM host_queue WHERE lease_session IS NOT NULL").await, "0");
    crawl.check().await;
}

pub async fn a_ready_host_that_is_named_is_leased_once<B: Backend>() {
    let crawl = Crawl::<B>::of(&[A]).await;
    let named_too = vec![(None, Host::new("a.example"))];
    let ask = LeaseAsk { named: named_too, hosts: 3, urls_per_host: 5, ..crawl.empty_ask() };
    let grant = crawl.ask(ask).await;
    assert_eq!((grant.hosts.len(), grant.named.len()), (1, 0));
    let settled = crawl.settle_visits(vec![{
        let mut visit = crawl.page(&grant.hosts[0], &grant.hosts[0].urls[0]);
        super::crawl::link(&mut visit, named("https://a.example/more"));
        visit
    }]);
    assert_eq!(settled.await.new_urls, 1);
    crawl.check().await;
}

pub async fn a_session_knows_since_when_it_was_quiet<B: Backend>() {
    let mut crawl = Crawl::<B>::of(&[A]).await;
    assert_eq!(crawl.start.quiet_from_ms, None);
    let ended = crawl.now;
    crawl.end(EndedBy::Signal).await;
    assert_eq!(crawl.start.quiet_from_ms, Some(ended));
    crawl.now += 70;
    crawl.crash().await;
    assert_eq!(crawl.start.quiet_from_ms, Some(crawl.now), "it died at some moment until now");
}
