//! Who gets which hosts and URLs, and in what order.

use std::collections::HashSet;

use sqrawl::model::{
    Candidate, CrawlUrl, Host, HostUpdate, LeaseKey, LeasedFrom, LeasedRobots, NextState, Origin, Outcome, Release,
    RobotsHop, RobotsRecord, RobotsVerdict, Rule, Scheme, Validators,
};
use sqrawl::store::{LeaseAsk, Refill, Settlement};

use super::backend::Backend;
use super::crawl::{Crawl, excluded, link, named};

const A: &str = "https://a.example/";

fn hosts(grant: &sqrawl::store::LeaseGrant) -> Vec<&str> {
    grant.hosts.iter().map(|lease| lease.host.as_str()).collect()
}

pub async fn hosts_come_longest_ready_first<B: Backend>() {
    let mut crawl = Crawl::<B>::new().await;
    for host in ["c", "a", "b"] {
        crawl.seed(&[&format!("https://{host}.example/")]).await;
        crawl.now += 10;
    }
    let first = crawl.lease(2, 9).await;
    assert_eq!(hosts(&first), ["c.example", "a.example"]);
    assert_eq!(first.next_ready_ms, Some(crawl.now - 10));
    // Given back later, they stand behind the one that waits.
    crawl.now += 10;
    crawl.release(&first.hosts[1]).await;
    crawl.now += 10;
    crawl.release(&first.hosts[0]).await;
    let all = crawl.lease(9, 9).await;
    assert_eq!(hosts(&all), ["b.example", "a.example", "c.example"]);
    assert_eq!(all.next_ready_ms, None);
    crawl.check().await;
}

/// With ready times that begin at 0 an endless supply of new hosts would starve the others.
pub async fn new_hosts_do_not_push_older_ones_back<B: Backend>() {
    let mut crawl = Crawl::<B>::of(&[A, "https://a.example/2", "https://b.example/"]).await;
    let leases = crawl.lease(2, 1).await.hosts;
    let releases = vec![Release { key: leases[0].key, host: crawl.update() }];
    crawl.settle(Settlement { releases, ..Settlement::default() }).await;
    crawl.now += 50;
    let mut visit = crawl.page(&leases[1], &leases[1].urls[0]);
    for n in 0..5 {
        link(&mut visit, named(&format!("https://new-{n}.example/")));
    }
    crawl.settle_visits(vec![visit]).await;
    crawl.now += 50;
    assert_eq!(hosts(&crawl.lease(1, 1).await), ["a.example"]);
    crawl.check().await;
}

pub async fn urls_that_are_due_come_first_then_by_priority<B: Backend>() {
    let mut crawl = Crawl::<B>::of(&[A, "https://a.example/retry-2", "https://a.example/retry-1"]).await;
    let now = crawl.now;
    crawl
        .round_trip(|visit, url| {
            let due_ms = match url.url.path_and_query() {
                "/retry-1" => now + 1,
                "/retry-2" => now + 2,
                _ => {
                    for (name, priority) in [("low", 9), ("high", 1), ("mid", 5), ("mid-too", 5)] {
                        let url = format!("https://a.example/{name}");
                        link(visit, Candidate { priority, ..named(&url) });
                    }
                    return;
                }
            };
            visit.outcome = Outcome::Timeout;
            visit.next = NextState::Scheduled { due_ms };
        })
        .await;
    crawl.now += 1_000;
    let lease = crawl.lease_one().await;
    let got: Vec<_> = lease.urls.iter().map(|url| (url.url.path_and_query(), url.from)).collect();
    let (due, queued) = (LeasedFrom::Scheduled, LeasedFrom::Queued);
    assert_eq!(
        got,
        [
            ("/retry-1", due),
            ("/retry-2", due),
            ("/high", queued),
            ("/mid", queued),
            ("/mid-too", queued),
            ("/low", queued)
        ]
    );
    crawl.release(&lease).await;
    let few = crawl.lease(1, 3).await;
    assert_eq!(few.hosts[0].urls, lease.urls[..3]);
    crawl.check().await;
}

pub async fn a_refill_skips_what_is_held<B: Backend>() {
    let seeds: Vec<String> = (0..10).map(|n| format!("https://a.example/{n}")).collect();
    let crawl = Crawl::<B>::of(&seeds.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let grant = crawl.lease(1, 4).await;
    let lease = &grant.hosts[0];
    let refills = crawl.refill(lease.key, &lease.urls, 3).await;
    let (key, more) = &refills[0];
    assert_eq!((*key, more.len()), (lease.key, 3));
    let all: HashSet<_> = lease.urls.iter().chain(more).map(|url| url.id).collect();
    assert_eq!(all.len(), 7);
    // What was settled meanwhile is neither held nor handed out again.
    crawl.settle_visits(vec![crawl.page(lease, &lease.urls[0])]).await;
    let held: Vec<_> = lease.urls[1..].iter().chain(more).cloned().collect();
    let rest = crawl.refill(lease.key, &held, 100).await;
    assert_eq!(rest[0].1.len(), 3);
    assert!(rest[0].1.iter().all(|url| !all.contains(&url.id)));
    let held: Vec<_> = held.into_iter().chain(rest[0].1.clone()).collect();
    assert_eq!(crawl.refill(lease.key, &held, 5).await, [(lease.key, Vec::new())], "nothing is due");
    crawl.release(lease).await;
    crawl.check().await;
}

pub async fn a_refill_of_a_lost_lease_gives_nothing<B: Backend>() {
    let crawl = Crawl::<B>::of(&[A, "https://a.example/2", "https://b.example/", "https://b.example/2"]).await;
    let leases = crawl.lease(2, 1).await.hosts;
    crawl.release(&leases[0]).await;
    let refill = |key: LeaseKey| Refill { key, held: Vec::new(), want: 5 };
    let wrong_fence = LeaseKey { fence: leases[1].key.fence + 1, ..leases[1].key };
    // The lost host is ready again: it is leased anew, with each URL once.
    let grant = crawl
        .ask(LeaseAsk {
            hosts: 5,
            urls_per_host: 5,
            refills: vec![refill(leases[0].key), refill(wrong_fence), refill(leases[1].key)],
            ..crawl.empty_ask()
        })
        .await;
    assert_eq!(grant.refills.iter().map(|(key, urls)| (*key, urls.len())).collect::<Vec<_>>(), [(leases[1].key, 2)]);
    assert_eq!(grant.hosts.len(), 1);
    assert_eq!(grant.hosts[0].urls.len(), 2);
    crawl.check().await;
}

pub async fn a_host_is_leased_once<B: Backend>() {
    let mut crawl = Crawl::<B>::of(&[A, "https://a.example/2"]).await;
    let lease = crawl.lease(5, 1).await.hosts.remove(0);
    assert_eq!(crawl.lease(5, 5).await.hosts, []);
    // New URLs do not make a leased host ready, and a lease that ran out is still this session's.
    let mut visit = crawl.page(&lease, &lease.urls[0]);
    link(&mut visit, named("https://a.example/3"));
    crawl.settle_visits(vec![visit]).await;
    crawl.now += 3_600_000;
    assert_eq!(crawl.lease(5, 5).await.hosts, []);
    let settled = crawl.release(&lease).await;
    assert_eq!(settled.woken_hosts, 0, "its worker knows");
    let again = crawl.lease_one().await;
    assert_eq!((again.key.host_id, again.key.fence), (lease.key.host_id, lease.key.fence + 1));
    assert_eq!(again.urls.len(), 2);
    crawl.check().await;
}

pub async fn a_host_with_nothing_due_is_not_leased<B: Backend>() {
    let mut crawl = Crawl::<B>::of(&[A]).await;
    let due_ms = crawl.now + 60_000;
    crawl
        .round_trip(|visit, _| {
            visit.outcome = Outcome::Timeout;
            visit.next = NextState::Scheduled { due_ms };
        })
        .await;
    let grant = crawl.lease(5, 5).await;
    assert_eq!((grant.hosts.len(), grant.next_ready_ms), (0, Some(due_ms)));
    // A ready time that is wrong is put right.
    crawl.backend.change("UPDATE host_queue SET ready_ms = 5").await;
    let grant = crawl.lease(5, 5).await;
    assert_eq!((grant.hosts.len(), grant.next_ready_ms), (0, Some(due_ms)));
    crawl.check().await;
    crawl.now = due_ms - 1;
    assert_eq!(crawl.lease(5, 5).await.hosts, []);
    crawl.now = due_ms;
    assert_eq!(crawl.lease_one().await.urls.len(), 1);
}

pub async fn a_lease_carries_what_the_worker_needs<B: Backend>() {
    let mut crawl = Crawl::<B>::of(&[A]).await;
    let due_ms = crawl.now + 5;
    let polite_ms = crawl.now + 3;
    crawl
        .round_trip(|visit, url| {
            assert!(url.may_widen && url.validators.is_none());
            visit.last_modified = Some("then".to_owned());
            visit.next = NextState::Scheduled { due_ms };
            link(visit, Candidate { depth: 4, ..named("https://a.example/deep") });
            (visit.host.polite_ms, visit.host.failures) = (polite_ms, 2);
        })
        .await;
    let record = RobotsRecord {
        origin: Origin { scheme: Scheme::Http, host: Host::new("a.example"), port: 8080 },
        verdict: RobotsVerdict::Rules,
        status: Some(200),
        fetched_ms: 1,
        answered_ms: Some(1),
        expires_ms: 2,
        failures: 0,
        error: None,
        body: Some("User-agent: *".to_owned()),
        hop: Some(RobotsHop { url: CrawlUrl::stored("https://b.example/robots.txt").unwrap(), hops: 2 }),
    };
    crawl.settle(Settlement { robots: vec![record.clone().into()], ..Settlement::default() }).await;
    crawl.now += 100;
    let lease = crawl.lease_one().await;
    assert_eq!((lease.host.as_str(), lease.polite_ms, lease.pages_left), ("a.example", polite_ms, None));
    assert_eq!(lease.failures, 0, "the release came last");
    let brought = LeasedRobots { short: vec![record.clone()], long: Vec::new(), more: false };
    assert_eq!(lease.robots, brought);
    let elsewhere = Origin { port: 8081, ..record.origin.clone() };
    assert_eq!(crawl.robots_of(&lease, &[elsewhere, record.origin.clone()]).await, [None, Some(record)]);
    let (again, deep) = (&lease.urls[0], &lease.urls[1]);
    assert_eq!(again.url.as_str(), A);
    assert_eq!(again.validators, Some(Validators { etag: None, last_modified: Some("then".to_owned()) }));
    assert_eq!((deep.depth, deep.hops, deep.attempts, deep.may_widen), (4, 0, 0, false));
    assert_eq!(deep.validators, None);
    crawl.check().await;
}

/// A host may have a robots.txt of 500 KiB for each of its ports, and a lease brought them all.
pub async fn a_lease_brought_every_robots_txt_of_a_host<B: Backend>() {
    let mut crawl = Crawl::<B>::of(&[A, "https://b.example/"]).await;
    // Every other one is a byte too long to come with the lease.
    let text = |port: u16| "é\u{1}\"".repeat(LeasedRobots::SHORT_TEXT_BYTES / 4) + &"#".repeat(usize::from(port % 2));
    let record = |host, port| RobotsRecord {
        origin: Origin { scheme: Scheme::Http, host: Host::new(host), port },
        verdict: RobotsVerdict::Rules,
        status: Some(200),
        fetched_ms: i64::from(port),
        answered_ms: None,
        expires_ms: 2,
        failures: 0,
        error: None,
        hop: None,
        body: Some(text(port)),
    };
    let all: Vec<RobotsRecord> = (1..=60).map(|port| record("a.example", port)).collect();
    let few = (1..=8).map(|port| record("b.example", port));
    let robots = all.iter().cloned().chain(few).map(Into::into).collect();
    crawl.settle(Settlement { robots, ..Settlement::default() }).await;
    crawl.now += 1;
    let leases = crawl.lease(2, 1).await.hosts;
    for lease in &leases {
        let LeasedRobots { short, long, more } = &lease.robots;
        assert_eq!((short.len() + long.len(), *more), (8, lease.host.as_str() == "a.example"));
        assert!(!short.is_empty() && long.iter().all(|origin| origin.port % 2 == 1), "{long:?}");
        assert!(
            short.iter().all(|known| *known == record(lease.host.as_str(), known.origin.port)),
            "short as they are"
        );
        assert!(short.iter().all(|known| known.origin.port % 2 == 0), "and only those");
    }
    let lease = leases.iter().find(|lease| lease.host.as_str() == "a.example").expect("leased");
    let asked: Vec<Origin> = all.iter().rev().map(|record| record.origin.clone()).collect();
    let found = crawl.robots_of(lease, &asked).await;
    assert!(found.into_iter().eq(all.into_iter().rev().map(Some)), "in the order asked");
    crawl.check().await;
}

pub async fn leasing_extends_every_lease_of_the_session<B: Backend>() {
    let mut crawl = Crawl::<B>::of(&[A]).await;
    crawl.lease_one().await;
    crawl.now += 3_600_000;
    crawl.lease(1, 1).await;
    let until = (crawl.now + 600_000).to_string();
    assert_eq!(crawl.value("SELECT lease_until_ms FROM host_queue").await, until);
}

/// Those that were named and wait, or that nobody was allowed to ask for; an archive has their answers.
pub async fn a_lease_of_named_urls_brings_what_was_never_asked_for<B: Backend>() {
    let urls = ["wait", "late", "done", "robots", "scope"].map(|name| format!("https://a.example/{name}"));
    let urls: Vec<&str> = urls.iter().map(String::as_str).collect();
    let crawl = Crawl::<B>::of(&urls[..4]).await;
    let due_ms = crawl.now + 60_000;
    let lease = crawl.lease_one().await;
    let asked = lease.urls.iter().filter(|url| url.url.path() != "/wait");
    let visits = asked.map(|url| {
        let mut visit = crawl.page(&lease, url);
        (visit.outcome, visit.next) = match url.url.path() {
            "/late" => (Outcome::Timeout, NextState::Scheduled { due_ms }),
            "/robots" => (Outcome::Robots, NextState::Excluded(Rule::ROBOTS)),
            _ => (Outcome::Page, NextState::Done),
        };
        link(&mut visit, excluded("https://a.example/scope", Rule::SCOPE));
        visit.host.delay_ms = 7_000;
        visit
    });
    crawl.settle_visits(visits.collect()).await;
    let host = HostUpdate { delay_ms: 7_000, ..crawl.update() };
    crawl.settle(Settlement { releases: vec![Release { key: lease.key, host }], ..Settlement::default() }).await;
    let only = urls.iter().map(|url| CrawlUrl::stored(url).unwrap()).collect();
    let named = vec![(None, Host::new("a.example"))];
    let grant = crawl.ask(LeaseAsk { only, named, ..crawl.empty_ask() }).await;
    let told: Vec<_> = grant.named[0].urls.iter().map(|url| (url.url.path(), url.from)).collect();
    let wanted = [("/late", LeasedFrom::Scheduled), ("/robots", LeasedFrom::Excluded), ("/wait", LeasedFrom::Queued)];
    assert_eq!((told.as_slice(), grant.named[0].delay_ms), (&wanted[..], 7_000));
    let visits = grant.named[0].urls.iter().map(|url| crawl.page(&grant.named[0], url)).collect();
    assert_eq!(crawl.settle_visits(visits).await.applied, 3);
    assert_eq!(crawl.value("SELECT count(*) FROM urls WHERE state = 'done' AND rule_id IS NULL").await, "4");
    crawl.check().await;
}
