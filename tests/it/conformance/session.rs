//! Sessions, rounds, and what a crash leaves.

use sqrawl::model::{
    BodyPolicy, CrawlSettings, EndedBy, NextState, Outcome, PatternRule, Release, ScopeKind, SeedSource,
};
use sqrawl::store::{SessionOpen, Settlement, Store, StoredSeed};

use super::backend::Backend;
use super::crawl::{Crawl, DELAY_MS, EPOCH, link, named, seed};

const A: &str = "https://a.example/";

pub async fn a_new_database_holds_no_crawl<B: Backend>() {
    let backend = B::fresh().await;
    let store = backend.open().await;
    assert!(store.stored_crawl().await.expect("readable").is_none());
    drop(store);
    backend.check().await;
}

pub async fn settings_and_seeds_come_back<B: Backend>() {
    let settings = CrawlSettings {
        scope: ScopeKind::Prefix,
        patterns: vec![PatternRule::Exclude("a|b\"'".to_owned()), PatternRule::Include("\u{e9}".to_owned())],
        max_depth: Some(3),
        rate_per_second: Some(0.25),
        max_pages_per_host: None,
        store_body: BodyPolicy::All,
        allow_net: vec!["10.0.0.0/8".parse().expect("a network")],
        ..CrawlSettings::default()
    };
    let mut crawl = Crawl::<B>::with(settings.clone()).await;
    let mut local = seed("http://localhost:8080/");
    (local.given, local.grants_origin, local.source) = ("localhost:8080".to_owned(), true, SeedSource::Stdin);
    crawl.store().admit(&crawl.start, &[seed(A), local], crawl.now).await.expect("admitted");
    crawl.crash().await;
    let stored = crawl.stored().await.expect("a crawl");
    assert_eq!(stored.settings, settings);
    let own = StoredSeed {
        given: A.to_owned(),
        url: A.to_owned(),
        grants_origin: false,
        grants_scope: true,
        is_imported: false,
        widened_to: Vec::new(),
    };
    let local = StoredSeed {
        given: "localhost:8080".to_owned(),
        url: "http://localhost:8080/".to_owned(),
        grants_origin: true,
        ..own.clone()
    };
    let expected = [own, local];
    assert_eq!(stored.seeds, expected);
    assert_eq!((stored.complete, stored.last_ended_by, stored.totals.queued), (false, None, 2));
    crawl.end(EndedBy::Signal).await;
    crawl.check().await;
}

/// The dead process may have asked the host a moment ago.
pub async fn a_crash_frees_hosts_after_their_delay<B: Backend>() {
    let mut crawl = Crawl::<B>::of(&[A, "https://b.example/", "https://c.example/", "https://c.example/2"]).await;
    let leases = crawl.lease(2, 9).await.hosts;
    let mut visit = crawl.page(&leases[1], &leases[1].urls[0]);
    visit.host.delay_ms = 4_000;
    visit.next = NextState::Scheduled { due_ms: crawl.now };
    crawl.settle_visits(vec![visit]).await;
    crawl.now += 100;
    crawl.crash().await;
    assert_eq!(crawl.start.orphaned_hosts, 2);
    let ready = "SELECT h.name, q.polite_ms - 1700000000100 AS wait, q.ready_ms - 1700000000100
                 FROM host_queue q JOIN hosts h ON h.id = q.host_id WHERE q.polite_ms > 0 ORDER BY 1";
    let delay = DELAY_MS.to_string();
    assert_eq!(crawl.rows(ready).await, [["a.example", &delay, &delay], ["b.example", "4000", "4000"]]);
    let grant = crawl.lease(9, 9).await;
    assert_eq!(grant.hosts.len(), 1, "c.example was not in anybody's hands");
    assert_eq!(grant.next_ready_ms, Some(crawl.now + DELAY_MS.cast_signed()));
    crawl.now += 4_000;
    assert_eq!(crawl.lease(9, 9).await.hosts.len(), 2);
    crawl.check().await;
    assert_eq!(crawl.rows("SELECT ended_ms, ended_by FROM sessions ORDER BY id").await, [["-", "-"], ["-", "-"]]);
}

/// A second Ctrl-C gives up requests that are under way: the next session may begin at once.
pub async fn an_end_with_requests_under_way_keeps_the_delay<B: Backend>() {
    let mut crawl = Crawl::<B>::of(&[A]).await;
    crawl.lease_one().await;
    crawl.now += 5;
    crawl.end(EndedBy::Signal).await;
    assert_eq!(crawl.start.orphaned_hosts, 0);
    let grant = crawl.lease(9, 9).await;
    assert_eq!((grant.hosts.len(), grant.next_ready_ms), (0, Some(crawl.now + DELAY_MS.cast_signed())));
    crawl.now += DELAY_MS.cast_signed();
    crawl.lease_one().await;
    crawl.check().await;
}

pub async fn a_clock_that_jumped_back_stops_no_host<B: Backend>() {
    let mut crawl = Crawl::<B>::of(&[A]).await;
    let lease = crawl.lease_one().await;
    let year_ms = 365 * 24 * 3_600_000;
    let mut update = crawl.update();
    update.polite_ms = crawl.now + year_ms;
    let releases = vec![Release { key: lease.key, host: update }];
    crawl.settle(Settlement { releases, ..Settlement::default() }).await;
    assert_eq!(crawl.lease(1, 1).await.next_ready_ms, Some(crawl.now + year_ms));
    crawl.crash().await;
    let day_ms = 24 * 3_600_000;
    assert_eq!(crawl.lease(1, 1).await.next_ready_ms, Some(crawl.now + day_ms));
    crawl.now += day_ms;
    crawl.lease_one().await;
    crawl.check().await;
}

/// A host that waits, a URL that is to be tried again, and one whose time had come: in a session, and between two.
pub async fn what_waits_goes_back_with_the_clock<B: Backend>() {
    const YEAR_MS: i64 = 365 * 24 * 3_600_000;
    for restart in [false, true] {
        let mut crawl = Crawl::<B>::of(&[A, "https://b.example/", "https://c.example/"]).await;
        // The clock runs a year ahead while all this is written.
        crawl.now += YEAR_MS;
        let hosts = crawl.lease(3, 1).await.hosts;
        let mut batch = Settlement::default();
        for (lease, wait_ms) in hosts.iter().zip([60_000, 90_000, -90_000]) {
            let next = NextState::Scheduled { due_ms: crawl.now + wait_ms };
            batch.visits.push(crawl.visit(lease, &lease.urls[0], Outcome::Timeout, next));
            batch.releases.push(Release { key: lease.key, host: crawl.update() });
        }
        crawl.settle(batch).await;
        crawl.now -= YEAR_MS;
        if restart {
            crawl.crash().await;
        }
        let (now, from) = (crawl.now, hosts.len() - 1);
        let grant = crawl.lease(3, 1).await;
        let got: Vec<_> = grant.hosts.iter().map(|lease| lease.host.clone()).collect();
        assert_eq!(got, [hosts[from].host.clone()], "the one whose time had come; restart {restart}");
        assert_eq!(grant.next_ready_ms, Some(now + 60_000), "restart {restart}");
        crawl.now += 90_000;
        assert_eq!(crawl.lease(3, 1).await.hosts.len(), 2, "restart {restart}");
        crawl.check().await;
    }
}

pub async fn time_spent_adds_up_over_crashes<B: Backend>() {
    let mut crawl = Crawl::<B>::of(&[A]).await;
    assert_eq!(crawl.start.spent_ms, 0);
    crawl.now += 1_000;
    crawl.settle(Settlement::default()).await;
    crawl.now += 70_000;
    crawl.crash().await;
    assert_eq!(crawl.start.spent_ms, 1_000, "up to the last settle");
    crawl.now += 500;
    crawl.end(EndedBy::Limit).await;
    assert_eq!(crawl.start.spent_ms, 1_500);
    // A clock that goes back takes nothing away.
    crawl.now -= 400_000;
    crawl.end(EndedBy::Signal).await;
    assert_eq!(crawl.start.spent_ms, 1_500);
    assert_eq!(crawl.rows("SELECT DISTINCT round_id FROM sessions").await, [["1"]]);
}

pub async fn a_round_ends_when_complete_and_goes_on_with_new_seeds<B: Backend>() {
    let mut crawl = Crawl::<B>::of(&[A]).await;
    crawl.round_trip(|_, _| ()).await;
    let totals = crawl.store().end_session(&crawl.start, EndedBy::Complete, EPOCH + 9).await.expect("ended");
    assert_eq!((totals.done, totals.open()), (1, 0));
    let stored = crawl.stored().await.expect("a crawl");
    assert_eq!((stored.complete, stored.last_ended_by.as_deref()), (true, Some("complete")));
    assert_eq!(crawl.rows("SELECT ended_ms FROM rounds").await, [[(EPOCH + 9).to_string()]]);
    crawl.crash().await;
    crawl.seed(&["https://b.example/"]).await;
    let stored = crawl.stored().await.expect("a crawl");
    assert_eq!((stored.complete, stored.seeds.len()), (false, 2), "the old seeds still say what belongs to the crawl");
    for (ended_by, complete) in [(EndedBy::Limit, false), (EndedBy::Error, false), (EndedBy::Complete, true)] {
        crawl.store().end_session(&crawl.start, ended_by, crawl.now).await.expect("ended");
        let stored = crawl.stored().await.expect("a crawl");
        assert_eq!((stored.complete, stored.last_ended_by.as_deref()), (complete, Some(ended_by.as_str())));
    }
    crawl.check().await;
}

pub async fn a_changed_page_limit_holds_from_the_next_session<B: Backend>() {
    let settings = CrawlSettings { max_pages_per_host: Some(1), delay_ms: Some(0), ..CrawlSettings::default() };
    let mut crawl = Crawl::<B>::with(settings).await;
    crawl.seed(&[A]).await;
    crawl
        .round_trip(|visit, _| {
            for n in 0..3 {
                link(visit, named(&format!("https://b.example/{n}")));
            }
        })
        .await;
    let lease = crawl.lease(1, 1).await.hosts.remove(0);
    crawl.settle_visits(vec![crawl.page(&lease, &lease.urls[0])]).await;
    crawl.release(&lease).await;
    assert_eq!(crawl.lease(9, 9).await.next_ready_ms, None);
    for (limit, left) in [(Some(2), Some(1)), (None, None)] {
        crawl.settings.max_pages_per_host = limit;
        crawl.end(EndedBy::Limit).await;
        crawl.check().await;
        let lease = crawl.lease_one().await;
        assert_eq!((lease.host.as_str(), lease.pages_left), ("b.example", left));
        crawl.release(&lease).await;
    }
    crawl.settings.max_pages_per_host = Some(1);
    crawl.crash().await;
    assert_eq!(crawl.lease(9, 9).await.hosts, []);
    crawl.check().await;
}

/// A process that was killed before its first commit had every URL judged again at the next start: 6 s of a
/// million, where there was nothing to judge.
pub async fn only_a_death_while_urls_were_judged_has_them_judged_again<B: Backend>() {
    let mut crawl = Crawl::<B>::of(&[A]).await;
    crawl.crash().await;
    assert!(!crawl.stored().await.expect("a crawl").judging, "it died before it asked for anything");
    let settings = CrawlSettings { max_depth: Some(1), ..CrawlSettings::default() };
    let before = CrawlSettings::default();
    let open = SessionOpen { settings: &before, version: "1", delay_ms: 0, recrawl: false, judging: true };
    crawl.start = crawl.store().begin_session(open, crawl.now).await.expect("a session");
    assert!(crawl.stored().await.expect("a crawl").judging);
    crawl.store().end_session(&crawl.start, EndedBy::Error, crawl.now).await.expect("ended");
    let stored = crawl.stored().await.expect("a crawl");
    assert!(stored.judging && stored.settings == before, "{stored:?}");
    crawl.store().record_settings(&crawl.start, &settings, crawl.now).await.expect("recorded");
    let stored = crawl.stored().await.expect("a crawl");
    assert!(!stored.judging && stored.settings == settings, "{stored:?}");
    crawl.end(EndedBy::Signal).await;
    crawl.check().await;
}
