//! What happens to URLs that are named: queued, improved, excluded, lifted; and when their hosts
//! are ready.

use sqrawl::model::{
    Admission, Candidate, CrawlSettings, EndedBy, Host, NextState, Outcome, Release, Rule, Seed, SeedSource, Trap,
    UrlId,
};
use sqrawl::store::{Admitted, Settlement, Store};

use super::backend::Backend;
use super::crawl::{Crawl, EPOCH, excluded, link, named, seed};

const A: &str = "https://a.example/";
const NEW: &str = "https://a.example/new";

fn at(depth: u32, priority: i32) -> Candidate {
    Candidate { depth, priority, ..named(NEW) }
}

pub async fn two_pages_of_a_batch_name_the_same_new_url<B: Backend>() {
    let crawl = Crawl::<B>::of(&[A, "https://a.example/2", "https://a.example/3"]).await;
    let mut paths = [excluded(NEW, Rule::NOFOLLOW), at(4, 3), at(2, 7)].into_iter();
    let settled = crawl.round_trip(|visit, _| link(visit, paths.next().expect("three visits"))).await;
    assert_eq!(settled.new_urls, 1);
    assert_eq!(
        crawl.rows("SELECT state, priority, rule_id FROM urls WHERE id = 4").await,
        [["queued", "3", "-"]],
        "one acceptable path is enough"
    );
    assert_eq!(crawl.value("SELECT count(*) FROM links WHERE target_id = 4").await, "3");
    crawl.check().await;
}

/// Fault: `DO NOTHING` keeps the longer path.
pub async fn a_shorter_path_lowers_depth_and_priority<B: Backend>() {
    let crawl = Crawl::<B>::of(&[A]).await;
    crawl.round_trip(|visit, _| link(visit, at(5, 50))).await;
    for (path, depth, priority) in [(at(7, 70), "5", "50"), (at(3, 60), "3", "50"), (at(9, 1), "3", "1")] {
        crawl.seed(&["https://b.example/"]).await;
        let lease = lease_host(&crawl, "b.example", "https://b.example/").await;
        let mut visit = crawl.page(&lease, &lease.urls[0]);
        link(&mut visit, path);
        let again = NextState::Scheduled { due_ms: crawl.now };
        visit.next = again;
        let releases = vec![Release { key: lease.key, host: crawl.update() }];
        crawl.settle(Settlement { visits: vec![visit], releases, ..Settlement::default() }).await;
        assert_eq!(
            crawl.rows(&format!("SELECT depth, priority FROM urls WHERE url = '{NEW}'")).await,
            [[depth, priority]]
        );
    }
    crawl.check().await;
}

async fn lease_host<B: Backend>(crawl: &Crawl<B>, host: &str, url: &str) -> sqrawl::model::HostLease {
    let grant = crawl.lease(10, 10).await;
    let (mine, others): (Vec<_>, Vec<_>) = grant.hosts.into_iter().partition(|lease| lease.host.as_str() == host);
    for lease in &others {
        crawl.release(lease).await;
    }
    let lease = mine.into_iter().next().unwrap_or_else(|| panic!("{host} is not ready"));
    assert_eq!(lease.urls[0].url.as_str(), url);
    lease
}

pub async fn a_link_resets_the_hops_of_a_redirect_target<B: Backend>() {
    let crawl = Crawl::<B>::of(&[A, "https://a.example/2"]).await;
    let mut first = true;
    crawl
        .round_trip(|visit, _| {
            if std::mem::take(&mut first) {
                visit.outcome = Outcome::Redirect;
                visit.content = None;
                visit.candidates.push(Candidate { hops: 3, ..named(NEW) });
                visit.target = Some(0);
            }
        })
        .await;
    assert_eq!(crawl.of_url("hops", NEW).await, "3");
    crawl
        .round_trip(|visit, url| {
            assert_eq!(url.hops, 3);
            link(visit, named("https://a.example/x"));
        })
        .await;
    crawl.round_trip(|visit, _| link(visit, named(NEW))).await;
    assert_eq!(crawl.of_url("hops", NEW).await, "0");
    crawl.check().await;
}

/// Fault: what a long path excluded stays excluded although a short one is found.
pub async fn an_exclusion_is_lifted_by_an_acceptable_path<B: Backend>() {
    for rule in [Rule::DEPTH, Rule::NOFOLLOW, Rule::KIND, Rule::SCOPE, Rule::REDIRECTS, Rule::exclude("x")] {
        let crawl = Crawl::<B>::of(&[A, "https://b.example/"]).await;
        let lease = lease_host(&crawl, "a.example", A).await;
        let mut visit = crawl.page(&lease, &lease.urls[0]);
        link(&mut visit, Candidate { depth: 9, ..excluded(NEW, rule.clone()) });
        let releases = vec![Release { key: lease.key, host: crawl.update() }];
        crawl.settle(Settlement { visits: vec![visit], releases, ..Settlement::default() }).await;
        assert_eq!(crawl.state(NEW).await, "excluded");
        assert_eq!(crawl.value("SELECT ready_ms FROM host_queue WHERE host_id = 1").await, "-");
        let lease = lease_host(&crawl, "b.example", "https://b.example/").await;
        let mut visit = crawl.page(&lease, &lease.urls[0]);
        link(&mut visit, at(2, 5));
        let settled = crawl.settle_visits(vec![visit]).await;
        assert_eq!((settled.new_urls, settled.woken_hosts, settled.totals.excluded), (0, 1, 0), "{rule:?}");
        assert_eq!(
            crawl.rows(&format!("SELECT state, rule_id, depth, priority FROM urls WHERE url = '{NEW}'")).await,
            [["queued", "-", "2", "5"]]
        );
        crawl.check().await;
    }
}

/// What a picture or a nofollow link names may be linked to as well: of several paths those that are
/// followed say how far away the URL lies and what keeps it out, whichever comes first, in one batch or two.
pub async fn the_path_that_comes_furthest_counts<B: Backend>() {
    // From what comes least far to what is queued; each with its depth.
    let paths = [
        (Admission::Exclude(Rule::KIND), 1),
        (Admission::Exclude(Rule::NOFOLLOW), 2),
        (Admission::Exclude(Trap::SameContent.rule()), 3),
        (Admission::Exclude(Rule::DEPTH), 6),
        (Admission::Queue, 7),
    ];
    for (at, less) in paths.iter().enumerate() {
        for more in &paths[at + 1..] {
            for (first, second, batches) in [(less, more, 1), (more, less, 1), (less, more, 2), (more, less, 2)] {
                let crawl = Crawl::<B>::of(&[A, "https://a.example/b"]).await;
                let lease = crawl.lease_one().await;
                let mut visits: Vec<_> = lease.urls.iter().map(|url| crawl.page(&lease, url)).collect();
                for (visit, (admission, depth)) in visits.iter_mut().zip([first, second]) {
                    link(
                        visit,
                        Candidate { admission: admission.clone(), depth: *depth, ..named("https://a.example/x") },
                    );
                }
                let later = visits.split_off(3 - batches);
                crawl.settle_visits(visits).await;
                crawl.settle_visits(later).await;
                let (admission, depth) = more;
                let state = match admission {
                    Admission::Queue => ["queued", "-"],
                    Admission::Exclude(rule) => ["excluded", rule.as_str()],
                };
                // Both of these paths are followed: the shorter one counts.
                let depth = if *depth == 7 && less.1 == 6 { 6 } else { *depth };
                let row = "SELECT u.state, r.name, u.depth FROM urls u LEFT JOIN rules r ON r.id = u.rule_id
                           WHERE u.url = 'https://a.example/x'";
                let expected = [state[0], state[1], &depth.to_string()];
                assert_eq!(crawl.rows(row).await, [expected], "{first:?}, {second:?} in {batches} batches");
                crawl.check().await;
            }
        }
    }
}

pub async fn a_final_exclusion_stays<B: Backend>() {
    for rule in [Rule::ROBOTS, Rule::ADDRESS] {
        let crawl = Crawl::<B>::of(&[A, "https://b.example/"]).await;
        let lease = lease_host(&crawl, "a.example", A).await;
        let visit = crawl.visit(&lease, &lease.urls[0], Outcome::Robots, NextState::Excluded(rule.clone()));
        crawl.settle_visits(vec![visit]).await;
        crawl.release(&lease).await;
        crawl.round_trip(|visit, _| link(visit, named(A))).await;
        assert_eq!(crawl.state(A).await, "excluded", "{rule:?}");
        let known = crawl.seed(&[A]).await;
        assert_eq!((known.new_urls, crawl.state(A).await.as_str()), (0, "excluded"));
        crawl.check().await;
    }
}

pub async fn a_settled_url_is_not_queued_again<B: Backend>() {
    for next in [NextState::Done, NextState::Failed, NextState::Scheduled { due_ms: EPOCH + 99_000 }] {
        let crawl = Crawl::<B>::of(&[A, "https://b.example/"]).await;
        let lease = lease_host(&crawl, "a.example", A).await;
        crawl.settle_visits(vec![crawl.visit(&lease, &lease.urls[0], Outcome::HttpError, next.clone())]).await;
        crawl.release(&lease).await;
        crawl
            .round_trip(|visit, _| {
                link(visit, named(A));
                link(visit, excluded(A, Rule::DEPTH));
            })
            .await;
        assert_eq!(crawl.state(A).await, next.as_str());
        crawl.check().await;
    }
}

pub async fn a_host_without_work_wakes_when_it_gets_some<B: Backend>() {
    let mut crawl = Crawl::<B>::of(&[A, "https://b.example/"]).await;
    let lease = lease_host(&crawl, "a.example", A).await;
    let mut visit = crawl.page(&lease, &lease.urls[0]);
    visit.host.polite_ms = crawl.now + 30_000;
    crawl.settle_visits(vec![visit]).await;
    let mut update = crawl.update();
    update.polite_ms = crawl.now + 30_000;
    let releases = vec![Release { key: lease.key, host: update }];
    crawl.settle(Settlement { releases, ..Settlement::default() }).await;
    let settled = crawl
        .round_trip(|visit, _| {
            link(visit, named(NEW));
            link(visit, named("https://c.example/"));
        })
        .await;
    assert_eq!(settled.woken_hosts, 2);
    let polite = (crawl.now + 30_000).to_string();
    let now = crawl.now.to_string();
    assert_eq!(
        crawl.rows("SELECT h.name, q.ready_ms FROM host_queue q JOIN hosts h ON h.id = q.host_id ORDER BY 1").await,
        [["a.example", &polite], ["b.example", "-"], ["c.example", &now]]
    );
    let grant = crawl.lease(0, 0).await;
    assert_eq!(grant.next_ready_ms, Some(crawl.now));
    crawl.now += 30_000;
    assert_eq!(crawl.lease(5, 5).await.hosts.len(), 2);
    crawl.check().await;
}

/// A host that only has a retry to wait for must not sit on what another page names meanwhile.
pub async fn a_host_that_waits_for_a_retry_wakes_for_new_work<B: Backend>() {
    let crawl = Crawl::<B>::of(&[A, "https://b.example/"]).await;
    let lease = lease_host(&crawl, "a.example", A).await;
    let due_ms = crawl.now + 3_600_000;
    let retry = crawl.visit(&lease, &lease.urls[0], Outcome::Timeout, NextState::Scheduled { due_ms });
    crawl.settle_visits(vec![retry]).await;
    crawl.release(&lease).await;
    assert_eq!(crawl.value("SELECT ready_ms FROM host_queue WHERE host_id = 1").await, due_ms.to_string());
    let settled = crawl.round_trip(|visit, _| link(visit, named(NEW))).await;
    assert_eq!(settled.woken_hosts, 1);
    let lease = crawl.lease_one().await;
    assert_eq!(lease.urls.iter().map(|url| url.url.as_str()).collect::<Vec<_>>(), [NEW]);
    crawl.check().await;
}

pub async fn a_host_at_its_page_limit_is_never_ready<B: Backend>() {
    let settings = CrawlSettings { max_pages_per_host: Some(2), delay_ms: Some(0), ..CrawlSettings::default() };
    let mut crawl = Crawl::<B>::with(settings).await;
    crawl.seed(&[A]).await;
    crawl
        .round_trip(|visit, _| {
            for n in 0..4 {
                link(visit, named(&format!("https://b.example/{n}")));
                link(visit, named(&format!("https://a.example/{n}")));
            }
        })
        .await;
    let leases = crawl.lease(10, 3).await.hosts;
    let (own, other): (Vec<_>, Vec<_>) = leases.into_iter().partition(|lease| lease.host.as_str() == "a.example");
    let (own, other) = (&own[0], &other[0]);
    assert_eq!((own.pages_left, other.pages_left), (None, Some(2)), "a seed's host has no limit");
    let visits = other.urls[..2].iter().map(|url| crawl.page(other, url)).collect();
    crawl.settle_visits(visits).await;
    assert_eq!(crawl.refill(other.key, &other.urls[2..], 5).await, [(other.key, Vec::new())]);
    crawl.release(other).await;
    crawl.release(own).await;
    assert_eq!(crawl.lease_one().await.host, own.host);
    crawl.check().await;
    // Work that comes later does not wake it.
    crawl.settings.max_pages_per_host = Some(2);
    crawl.crash().await;
    crawl.now += 5_000;
    assert_eq!(crawl.lease_one().await.host, own.host);
    assert_eq!(crawl.value("SELECT queued FROM host_queue WHERE pages = 2").await, "2");
    crawl.check().await;
}

pub async fn a_seeds_redirect_widens_the_crawl<B: Backend>() {
    let settings = CrawlSettings { max_pages_per_host: Some(1), ..CrawlSettings::default() };
    let mut crawl = Crawl::<B>::with(settings).await;
    crawl.seed(&["http://a.example/"]).await;
    let redirect = |target: &'static str, widens: Option<&'static str>| {
        move |visit: &mut sqrawl::model::Visit, _: &sqrawl::model::LeasedUrl| {
            visit.outcome = Outcome::Redirect;
            visit.content = None;
            visit.candidates.push(Candidate { depth: 0, hops: 1, ..named(target) });
            visit.target = Some(0);
            visit.widens = widens.map(Host::new);
        }
    };
    crawl.round_trip(redirect("https://a.example/", None)).await;
    crawl.round_trip(redirect("https://www.a.example/", Some("www.a.example"))).await;
    let stored = crawl.stored().await.expect("a crawl");
    assert_eq!(stored.seeds.len(), 1);
    assert_eq!(stored.seeds[0].widened_to, [Host::new("www.a.example")], "two redirects from its seed");
    crawl.round_trip(redirect("https://b.example/", Some("b.example"))).await;
    let stored = crawl.stored().await.expect("a crawl");
    assert_eq!(
        stored.seeds[0].widened_to,
        [Host::new("b.example"), Host::new("www.a.example")],
        "every host on its way"
    );
    assert_eq!(crawl.lease_one().await.pages_left, None);
    crawl.crash().await;
    assert_eq!(crawl.value("SELECT count(page_limit) FROM host_queue").await, "0");
    // The seeds of the next round lead there.
    crawl.recrawl(Some(EndedBy::Limit)).await;
    let rounds = "SELECT group_concat(s.round_id) FROM seed_redirects r JOIN seeds s ON s.id = r.seed_id";
    assert_eq!(crawl.value(rounds).await, "2,2,2");
    assert_eq!(crawl.stored().await.expect("a crawl").seeds[0].widened_to.len(), 2);
    crawl.check().await;
}

/// Where a link had named the end of a seed's redirect first, it led back to that page and to no seed: the hosts that it
/// brought into scope were lost with the process.
pub async fn a_seeds_redirect_leads_back_to_it_whatever_named_its_target<B: Backend>() {
    let end = "https://a.example/";
    for at_once in [false, true] {
        let crawl = Crawl::<B>::of(&["http://a.example/docs", "http://a.example/"]).await;
        let lease = crawl.lease_one().await;
        let (root, docs) = (&lease.urls[0], &lease.urls[1]);
        let mut page = crawl.page(&lease, docs);
        link(&mut page, named(end));
        let mut redirect = crawl.page(&lease, root);
        (redirect.outcome, redirect.content, redirect.target) = (Outcome::Redirect, None, Some(0));
        redirect.candidates.push(Candidate { depth: 0, hops: 1, ..named(end) });
        let batches = if at_once { vec![vec![page, redirect]] } else { vec![vec![page], vec![redirect]] };
        for visits in batches {
            crawl.settle_visits(visits).await;
        }
        crawl.release(&lease).await;
        crawl
            .round_trip(|visit, url| {
                assert_eq!((url.url.as_str(), url.may_widen), (end, true));
                (visit.outcome, visit.content, visit.target) = (Outcome::Redirect, None, Some(0));
                visit.candidates.push(Candidate { depth: 0, hops: 2, ..named("https://www.a.example/") });
                visit.widens = Some(Host::new("www.a.example"));
            })
            .await;
        let seeds = crawl.stored().await.expect("a crawl").seeds;
        let hosts: Vec<_> = seeds.into_iter().map(|seed| (seed.url, seed.widened_to)).collect();
        let wanted = [
            ("http://a.example/docs".to_owned(), vec![]),
            ("http://a.example/".to_owned(), vec![Host::new("www.a.example")]),
        ];
        assert_eq!(hosts, wanted, "at once: {at_once}");
        crawl.check().await;
    }
}

/// Such a seed, and what it redirects to, brought hosts into scope, and its host lost its page limit.
pub async fn what_is_imported_into_a_crawl_changes_none_of_its_limits<B: Backend>() {
    let settings = CrawlSettings { max_pages_per_host: Some(9), ..CrawlSettings::default() };
    let mut crawl = Crawl::<B>::with(settings).await;
    let import = |url: &str| Seed { source: SeedSource::Import, grants_scope: false, ..seed(url) };
    let (given, archived) = (import("http://a.example/"), import("http://a.example/archived"));
    let archived = Seed { source: SeedSource::Archive, grants_scope: true, ..archived };
    crawl.store().admit(&crawl.start, std::slice::from_ref(&given), crawl.now).await.expect("admitted");
    let limit = "SELECT coalesce(page_limit, 'none') FROM host_queue";
    assert_eq!(crawl.value(limit).await, "9");
    crawl
        .round_trip(|visit, url| {
            assert!(!url.may_widen);
            (visit.outcome, visit.content, visit.target) = (Outcome::Redirect, None, Some(0));
            visit.candidates.push(Candidate { depth: 0, hops: 1, ..named("https://a.example/") });
        })
        .await;
    crawl
        .round_trip(|visit, url| {
            assert_eq!((url.depth, url.hops, url.may_widen), (0, 1, false), "the end of a redirect of it");
            // Nobody else says so, and no seed is at fault.
            visit.widens = Some(Host::new("a.example"));
        })
        .await;
    assert_eq!(crawl.value("SELECT count(*) FROM seed_hosts").await, "0");
    crawl.crash().await;
    crawl.now += 5_000;
    crawl.backend.change("UPDATE host_queue SET page_limit = 9").await;
    crawl.crash().await;
    crawl.now += 5_000;
    assert_eq!(crawl.value(limit).await, "9", "nor does a later session lift it");
    let told: Vec<_> =
        crawl.stored().await.expect("a crawl").seeds.iter().map(|s| (s.grants_scope, s.is_imported)).collect();
    assert_eq!(told, [(false, true)]);
    // An archive that the crawl is of is part of its scope, but a redirect in it is nobody's wish.
    crawl.store().admit(&crawl.start, &[archived], crawl.now).await.expect("admitted");
    assert_eq!(crawl.value(limit).await, "none");
    let lease = crawl.lease_one().await;
    assert_eq!((lease.urls.len(), lease.urls[0].may_widen), (1, false));
    crawl.release(&lease).await;
    // The operator names the same himself.
    let own = Seed { source: SeedSource::Argument, grants_scope: true, ..given.clone() };
    assert_eq!(crawl.store().admit(&crawl.start, &[own], crawl.now).await.expect("admitted").new_seeds, 1);
    assert_eq!(crawl.store().admit(&crawl.start, &[given], crawl.now).await.expect("admitted").new_seeds, 0);
    let told: Vec<_> =
        crawl.stored().await.expect("a crawl").seeds.iter().map(|s| (s.grants_scope, s.is_imported)).collect();
    assert_eq!(told, [(true, false), (true, true)]);
    crawl.check().await;
}

/// New seeds, new URLs, and URLs to be visited from then on.
async fn admitted<B: Backend>(crawl: &Crawl<B>, urls: &[&str]) -> (u64, u64, u64) {
    let Admitted { new_seeds, new_urls, totals } = crawl.seed(urls).await;
    (new_seeds, new_urls, totals.open())
}

pub async fn admitting_seeds_again_changes_nothing<B: Backend>() {
    let crawl = Crawl::<B>::new().await;
    assert_eq!(admitted(&crawl, &[A, "https://b.example/", A]).await, (2, 2, 2));
    crawl.check().await;
    assert_eq!(admitted(&crawl, &[A, "https://b.example/"]).await, (0, 0, 2));
    assert_eq!(admitted(&crawl, &[]).await, (0, 0, 2));
    // A URL that a page had named from afar becomes a seed.
    let grant = crawl.lease(1, 1).await;
    let mut visit = crawl.page(&grant.hosts[0], &grant.hosts[0].urls[0]);
    link(&mut visit, excluded("https://c.example/", Rule::SCOPE));
    crawl.settle_visits(vec![visit]).await;
    assert_eq!(admitted(&crawl, &["https://c.example/"]).await, (1, 0, 2));
    assert_eq!(crawl.rows("SELECT state, depth FROM urls WHERE url = 'https://c.example/'").await, [["queued", "0"]]);
    let mut refused = super::crawl::seed("https://d.example/");
    refused.candidate.admission = Admission::Exclude(Rule::exclude("d"));
    crawl.store().admit_one(&crawl.start, refused, crawl.now).await;
    assert_eq!(crawl.state("https://d.example/").await, "excluded");
    crawl.check().await;
}

/// Shorthand.
trait AdmitOne {
    async fn admit_one(&self, start: &sqrawl::store::SessionStart, seed: sqrawl::model::Seed, now: i64);
}

impl<S: sqrawl::store::Store> AdmitOne for S {
    async fn admit_one(&self, start: &sqrawl::store::SessionStart, seed: sqrawl::model::Seed, now: i64) {
        self.admit(start, &[seed], now).await.expect("admitted");
    }
}

/// Settings that change are applied to what they had admitted or excluded.
pub async fn what_is_open_can_be_judged_again<B: Backend>() {
    let crawl = Crawl::<B>::of(&[A, "https://a.example/late"]).await;
    let due_ms = crawl.now + 60_000;
    crawl
        .round_trip(|visit, url| {
            if url.url.as_str() != A {
                visit.next = NextState::Scheduled { due_ms };
                return;
            }
            link(visit, Candidate { depth: 3, hops: 2, ..excluded("https://b.example/deep", Rule::DEPTH) });
            link(visit, excluded("https://b.example/out", Rule::SCOPE));
            link(visit, named("https://c.example/in"));
        })
        .await;
    let open = crawl.store().open_names(UrlId(0), 100).await.expect("names");
    let told: Vec<_> = open.iter().map(|name| (name.url.as_str(), name.depth, name.hops, name.is_seed)).collect();
    assert_eq!(
        told,
        [
            ("https://a.example/late", 0, 0, true),
            ("https://b.example/deep", 3, 2, false),
            ("https://b.example/out", 1, 0, false),
            ("https://c.example/in", 1, 0, false),
        ]
    );
    let rules: Vec<_> = open.iter().map(|name| name.rule.clone()).collect();
    assert_eq!(rules, [None, Some(Rule::DEPTH), Some(Rule::SCOPE), None]);
    let after = crawl.store().open_names(open[1].id, 1).await.expect("names");
    assert_eq!(after, open[2..3]);
    let verdicts = [
        (open[0].id, Admission::Exclude(Rule::exclude("late"))),
        (open[1].id, Admission::Queue),
        (open[2].id, Admission::Exclude(Rule::NOFOLLOW)),
        (open[3].id, Admission::Queue),
        (UrlId(1), Admission::Exclude(Rule::SCOPE)),
    ];
    let moved = crawl.store().rejudge(&verdicts, crawl.now).await.expect("judged");
    assert_eq!(moved, 3, "what is queued already and what is done stay");
    let states = "SELECT u.url, u.state, r.name FROM urls u LEFT JOIN rules r ON r.id = u.rule_id ORDER BY u.id";
    assert_eq!(
        crawl.rows(states).await,
        [
            [A, "done", "-"],
            ["https://a.example/late", "excluded", "exclude:late"],
            ["https://b.example/deep", "queued", "-"],
            ["https://b.example/out", "excluded", "nofollow"],
            ["https://c.example/in", "queued", "-"],
        ]
    );
    crawl.check().await;
    assert_eq!(crawl.lease(9, 9).await.hosts.len(), 2);
}
