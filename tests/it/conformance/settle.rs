//! What settling a visit leaves behind.

use sqrawl::model::{
    DelayBy, HostId, LeaseKey, LeasedFrom, LinkKind, NextState, Origin, Outcome, Outlink, ParseCut, Release,
    RobotsRecord, RobotsVerdict, Rule, Scheme, UrlId,
};
use sqrawl::store::Settlement;

use super::backend::Backend;
use super::crawl::{Crawl, content, crawl_url, excluded, link, named};

const A: &str = "https://a.example/";
const OTHER: &str = "https://b.example/";

pub async fn a_page_becomes_rows<B: Backend>() {
    let crawl = Crawl::<B>::of(&[A]).await;
    let settled = crawl
        .round_trip(|visit, _| {
            link(visit, named("https://a.example/one"));
            link(visit, excluded("https://other.example/", Rule::SCOPE));
            visit.wire_bytes = Some(77);
            visit.etag = Some("\"v1\"".to_owned());
            visit.address = Some("192.0.2.7".to_owned());
            visit.headers = vec![("server".to_owned(), "x \"y\"".to_owned())];
            let content = visit.content.as_mut().expect("a content");
            content.headings = vec![(1, "Head \u{1F600}".to_owned()), (2, "Two".to_owned())];
            content.simhash = Some(u64::MAX);
            content.parse_cut = Some(ParseCut::Depth);
        })
        .await;
    assert_eq!((settled.applied, settled.dropped.len(), settled.new_urls), (1, 0, 2));
    let totals = settled.totals;
    assert_eq!((totals.done, totals.queued, totals.excluded, totals.fetches, totals.pages), (1, 1, 1, 1, 1));
    assert_eq!(
        crawl.rows("SELECT url, state, depth, hops, via_id, due_ms FROM urls ORDER BY url").await,
        [
            [A, "done", "0", "0", "-", "-"],
            ["https://a.example/one", "queued", "1", "0", "1", "-"],
            ["https://other.example/", "excluded", "1", "0", "1", "-"],
        ]
    );
    assert_eq!(
        crawl
            .rows("SELECT outcome, status, started_ms, started_at, elapsed_ms, wire_bytes, etag, address, headers FROM fetches")
            .await,
        [["page", "200", "1700000000000", "2023-11-14T22:13:20.000Z", "20", "77", "\"v1\"", "192.0.2.7",
          r#"[["server","x \"y\""]]"#]]
    );
    assert_eq!(
        crawl.rows("SELECT title, headings, simhash, parse_cut, mime FROM contents").await,
        [[A, "[[1,\"Head \u{1F600}\"],[2,\"Two\"]]", "-1", "depth", "text/html"]]
    );
    assert_eq!(
        crawl.rows("SELECT target, kind, position, anchor FROM page_links ORDER BY position").await,
        [["https://a.example/one", "a", "0", "link 0"], ["https://other.example/", "a", "1", "link 1"]]
    );
    assert_eq!(crawl.rows("SELECT url, title, stale FROM pages").await, [[A, A, "0"]]);
    assert_eq!(crawl.value("SELECT text FROM texts").await, A);
    assert_eq!(crawl.value("SELECT rule FROM report_excluded").await, "scope");
    crawl.check().await;
}

/// Fault: statements that match `state = 'queued'` only leave such a URL scheduled for ever.
pub async fn a_url_leased_when_due_leaves_its_schedule<B: Backend>() {
    let mut crawl = Crawl::<B>::of(&[A]).await;
    let due_ms = crawl.now + 60_000;
    crawl
        .round_trip(|visit, _| {
            visit.outcome = Outcome::Timeout;
            visit.content = None;
            visit.next = NextState::Scheduled { due_ms };
            visit.attempts = 1;
        })
        .await;
    assert_eq!(crawl.rows("SELECT state, due_ms, attempts FROM urls").await, [["scheduled", &due_ms.to_string(), "1"]]);
    crawl.check().await;
    crawl.now = due_ms;
    let settled = crawl
        .round_trip(|visit, url| {
            assert_eq!((url.from, url.attempts), (LeasedFrom::Scheduled, 1));
            visit.attempts = 0;
        })
        .await;
    assert_eq!((settled.applied, settled.totals.scheduled, settled.totals.done), (1, 0, 1));
    assert_eq!(crawl.rows("SELECT state, due_ms, attempts FROM urls").await, [["done", "-", "0"]]);
    crawl.check().await;
}

/// Fault: without a look at the fence, a late visit settles under somebody else's lease.
pub async fn a_visit_under_a_lost_lease_changes_nothing<B: Backend>() {
    let mut crawl = Crawl::<B>::of(&[A]).await;
    let lost = crawl.lease_one().await;
    crawl.crash().await;
    crawl.now += 60_000;
    let held = crawl.lease_one().await;
    assert!(held.key.fence > lost.key.fence);
    let before = everything(&crawl).await;
    let mut late = crawl.page(&lost, &lost.urls[0]);
    link(&mut late, named("https://new.example/"));
    late.discarded = vec![(Rule::SYNTAX, 3)];
    late.host.polite_ms += 9_000_000;
    let release = Release { key: lost.key, host: late.host };
    let settled =
        crawl.settle(Settlement { visits: vec![late], releases: vec![release], ..Settlement::default() }).await;
    assert_eq!((settled.applied, settled.new_urls), (0, 0));
    assert_eq!(settled.dropped, [lost.urls[0].id]);
    assert_eq!(everything(&crawl).await, before);
    // A stale visit beside a good one of the same host takes nothing from it.
    let (stale, good) = (crawl.page(&lost, &lost.urls[0]), crawl.page(&held, &held.urls[0]));
    let settled = crawl.settle_visits(vec![good, stale]).await;
    assert_eq!((settled.applied, settled.dropped.len()), (1, 1));
    crawl.check().await;
}

pub async fn a_visit_after_its_release_changes_nothing<B: Backend>() {
    let crawl = Crawl::<B>::of(&[A]).await;
    let lease = crawl.lease_one().await;
    crawl.release(&lease).await;
    let before = everything(&crawl).await;
    let settled = crawl.settle_visits(vec![crawl.page(&lease, &lease.urls[0])]).await;
    assert_eq!((settled.applied, settled.dropped), (0, vec![lease.urls[0].id]));
    assert_eq!(everything(&crawl).await, before);
    crawl.check().await;
}

/// Everything that a dropped visit must not change.
async fn everything<B: Backend>(crawl: &Crawl<B>) -> Vec<Vec<Vec<String>>> {
    let tables = ["urls", "hosts", "host_queue", "fetches", "contents", "links", "totals", "rules", "suspects"];
    let mut all = Vec::new();
    for table in tables {
        all.push(crawl.rows(&format!("SELECT * FROM {table}")).await);
    }
    all
}

/// Fault: a 304 that writes NULL forgets the copy it confirms.
pub async fn an_unchanged_page_repeats_what_it_confirms<B: Backend>() {
    let mut crawl = Crawl::<B>::of(&[A]).await;
    let due_ms = crawl.now + 1000;
    crawl
        .round_trip(|visit, _| {
            visit.etag = Some("\"v1\"".to_owned());
            visit.last_modified = Some("yesterday".to_owned());
            visit.noindex = true;
            visit.nofollow = true;
            link(visit, named("https://a.example/canonical"));
            visit.canonical = Some(0);
            visit.next = NextState::Scheduled { due_ms };
        })
        .await;
    crawl.now = due_ms + 60_000;
    crawl
        .round_trip(|visit, url| {
            if url.url.as_str() != A {
                return;
            }
            let validators = url.validators.as_ref().expect("validators");
            assert_eq!(validators.etag.as_deref(), Some("\"v1\""));
            assert_eq!(validators.last_modified.as_deref(), Some("yesterday"));
            visit.outcome = Outcome::Unchanged;
            visit.status = Some(304);
            visit.content = None;
            visit.etag = Some("\"v1\", again".to_owned());
        })
        .await;
    let told = "SELECT f.outcome, f.content_id, f.canonical_id, f.etag, f.last_modified, f.noindex, f.nofollow, f.links
                FROM fetches f JOIN urls u ON u.id = f.url_id WHERE u.url = 'https://a.example/' ORDER BY f.id";
    assert_eq!(
        crawl.rows(told).await,
        [
            ["page", "1", "2", "\"v1\"", "yesterday", "1", "1", "1"],
            ["unchanged", "1", "2", "\"v1\", again", "yesterday", "1", "1", "1"],
        ]
    );
    assert_eq!(crawl.value("SELECT page_fetch_id = last_fetch_id FROM urls WHERE id = 1").await, "1");
    assert_eq!(crawl.value("SELECT count(*) FROM links WHERE source_id = 1").await, "1");
    assert_eq!(crawl.value("SELECT n FROM totals WHERE name = 'pages'").await, "2");
    crawl.check().await;
}

/// `skip` may have taken the URL out of the frontier while it was being fetched.
pub async fn a_visit_to_a_url_that_moved_on_is_dropped<B: Backend>() {
    let crawl = Crawl::<B>::of(&[A, "https://a.example/other"]).await;
    let lease = crawl.lease_one().await;
    crawl
        .backend
        .change(
            "INSERT INTO rules(name) VALUES ('skip');
             UPDATE urls SET state = 'excluded', rule_id = (SELECT id FROM rules) WHERE id = 1;
             UPDATE host_queue SET queued = queued - 1, excluded = excluded + 1;
             UPDATE totals SET n = n - 1 WHERE name = 'queued'; UPDATE totals SET n = n + 1 WHERE name = 'excluded';",
        )
        .await;
    let visits = lease
        .urls
        .iter()
        .map(|url| {
            let mut visit = crawl.page(&lease, url);
            link(&mut visit, named(&format!("https://a.example/from-{}", url.id.0)));
            visit
        })
        .collect();
    let settled = crawl.settle_visits(visits).await;
    assert_eq!((settled.applied, settled.dropped, settled.new_urls), (1, vec![UrlId(1)], 1));
    assert_eq!(crawl.state(A).await, "excluded");
    assert_eq!(crawl.value("SELECT count(*) FROM urls WHERE url LIKE '%from-1'").await, "0");
    assert_eq!(crawl.value("SELECT count(*) FROM contents").await, "1");
    crawl.release(&lease).await;
    crawl.check().await;
}

pub async fn a_url_visited_twice_in_a_batch_counts_once<B: Backend>() {
    let crawl = Crawl::<B>::of(&[A]).await;
    let lease = crawl.lease_one().await;
    let visit = crawl.page(&lease, &lease.urls[0]);
    let settled = crawl.settle_visits(vec![visit.clone(), visit.clone(), visit]).await;
    assert_eq!((settled.applied, settled.dropped.len(), settled.totals.pages), (1, 2, 1));
    crawl.check().await;
}

fn robots(host: &str, port: u16, verdict: RobotsVerdict) -> RobotsRecord {
    RobotsRecord {
        origin: Origin { scheme: Scheme::Https, host: sqrawl::model::Host::new(host), port },
        verdict,
        status: Some(200),
        fetched_ms: 5,
        answered_ms: Some(4),
        expires_ms: 50,
        failures: 0,
        error: None,
        body: Some("User-agent: *\nDisallow: /x".to_owned()),
        hop: None,
    }
}

/// Fault: a robots.txt that becomes a URL is counted, exported and visited as a page.
pub async fn robots_results_never_become_urls<B: Backend>() {
    let crawl = Crawl::<B>::of(&[A]).await;
    let unreachable = RobotsRecord {
        status: None,
        failures: 2,
        error: Some("timed out".to_owned()),
        body: None,
        ..robots("a.example", 443, RobotsVerdict::DisallowAll)
    };
    let first = robots("a.example", 443, RobotsVerdict::Rules);
    let other = robots("unheard-of.example", 8443, RobotsVerdict::AllowAll);
    let batch = vec![first.into(), other.into(), unreachable.clone().into()];
    crawl.settle(Settlement { robots: batch, ..Settlement::default() }).await;
    let all = "SELECT h.name, r.scheme, r.port, r.verdict, r.status, r.expires_ms, r.failures, r.error, r.body
               FROM robots r JOIN hosts h ON h.id = r.host_id ORDER BY h.name";
    assert_eq!(
        crawl.rows(all).await,
        [
            ["a.example", "https", "443", "disallow_all", "-", "50", "2", "timed out", "-"],
            ["unheard-of.example", "https", "8443", "allow_all", "200", "50", "0", "-", "User-agent: *\nDisallow: /x"],
        ]
    );
    assert_eq!(crawl.rows("SELECT url FROM urls").await, [[A]]);
    assert_eq!(crawl.value("SELECT count(*) FROM fetches").await, "0");
    let lease = crawl.lease_one().await;
    let origin = unreachable.origin.clone();
    assert_eq!(lease.robots.short, std::slice::from_ref(&unreachable));
    assert_eq!(crawl.robots_of(&lease, &[origin]).await, [Some(unreachable)]);
    crawl.check().await;
}

/// What robots.txt asks for has to outlive the process before the first page is settled.
pub async fn a_host_can_change_without_a_visit<B: Backend>() {
    let mut crawl = Crawl::<B>::of(&[A]).await;
    let lease = crawl.lease_one().await;
    let lost = LeaseKey { fence: lease.key.fence - 1, ..lease.key };
    let (mut slow, mut stale) = (crawl.update(), crawl.update());
    (slow.delay_ms, stale.delay_ms) = (9_000, 77);
    crawl.settle(Settlement { hosts: vec![(lease.key, slow), (lost, stale)], ..Settlement::default() }).await;
    assert_eq!(crawl.rows("SELECT delay_ms, lease_session FROM host_queue").await, [["9000", "1"]]);
    crawl.crash().await;
    assert_eq!(crawl.lease(1, 1).await.next_ready_ms, Some(crawl.now + 9_000));
    crawl.check().await;
}

/// Fault: hops, ledger and directives were not staged at all.
pub async fn hops_ledger_and_directives_are_kept<B: Backend>() {
    let crawl = Crawl::<B>::of(&[A]).await;
    crawl
        .round_trip(|visit, _| {
            visit.outcome = Outcome::Redirect;
            visit.status = Some(301);
            visit.content = None;
            let mut target = named(OTHER);
            (target.hops, target.depth) = (1, 0);
            visit.candidates.push(target);
            visit.target = Some(0);
            visit.noindex = true;
            visit.ledger.asked_ms = Some(1500);
            visit.ledger.asked_by = Some(DelayBy::Robots);
            visit.ledger.applied_ms = Some(1600);
            visit.error = Some("words".to_owned());
        })
        .await;
    assert_eq!(crawl.rows("SELECT depth, hops, via_id FROM urls WHERE id = 2").await, [["0", "1", "1"]]);
    assert_eq!(
        crawl
            .rows("SELECT outcome, target_id, noindex, nofollow, delay_asked_ms, delay_by, delay_applied_ms, error FROM fetches")
            .await,
        [["redirect", "2", "1", "0", "1500", "robots", "1600", "words"]]
    );
    assert_eq!(crawl.rows("SELECT source, target FROM report_redirects").await, [[A, OTHER]]);
    assert_eq!(crawl.value("SELECT count(*) FROM links").await, "0");
    crawl.check().await;
}

pub async fn the_same_content_is_stored_once<B: Backend>() {
    let crawl = Crawl::<B>::of(&[A, "https://a.example/copy", "https://a.example/own"]).await;
    crawl
        .round_trip(|visit, url| {
            let own = url.url.as_str().ends_with("own");
            visit.content = Some(content(if own { "own" } else { "shared" }));
        })
        .await;
    assert_eq!(crawl.rows("SELECT count(*) FROM contents UNION ALL SELECT count(*) FROM bodies").await, [["2"], ["2"]]);
    assert_eq!(crawl.rows("SELECT urls, title FROM report_duplicates").await, [["2", "shared"]]);
    crawl.seed(&[OTHER]).await;
    crawl.round_trip(|visit, _| visit.content = Some(content("shared"))).await;
    assert_eq!(crawl.rows("SELECT urls, title FROM report_duplicates").await, [["3", "shared"]]);
    crawl.check().await;
}

/// The policy may have been `none` when the content was seen first.
pub async fn a_known_content_gets_the_body_it_lacks<B: Backend>() {
    let crawl = Crawl::<B>::of(&[A]).await;
    let mut bare = content("page");
    (bare.body, bare.text) = (None, None);
    crawl.round_trip(|visit, _| visit.content = Some(bare.clone())).await;
    assert_eq!(crawl.value("SELECT count(*) FROM bodies").await, "0");
    crawl.seed(&[OTHER, "https://b.example/2"]).await;
    crawl.round_trip(|visit, _| visit.content = Some(content("page"))).await;
    assert_eq!(crawl.rows("SELECT content_id FROM bodies").await, [["1"]]);
    assert_eq!(crawl.rows("SELECT content_id, text FROM texts").await, [["1", "page"]]);
    crawl.check().await;
}

pub async fn links_are_replaced_by_difference<B: Backend>() {
    let mut crawl = Crawl::<B>::of(&[A, "https://a.example/bystander"]).await;
    let due_ms = crawl.now + 1;
    crawl
        .round_trip(|visit, url| {
            for target in ["stays", "goes", "changes"] {
                link(visit, named(&format!("https://a.example/{target}")));
            }
            if url.url.as_str() == A {
                visit.next = NextState::Scheduled { due_ms };
            }
        })
        .await;
    crawl.backend.change(LINK_LOG).await;
    crawl.now += 60_000;
    crawl
        .round_trip(|visit, url| {
            if url.url.as_str() == A {
                for target in ["stays", "new", "changes"] {
                    link(visit, named(&format!("https://a.example/{target}")));
                }
                visit.links[2].nofollow = true;
            }
        })
        .await;
    assert_eq!(
        crawl.rows("SELECT target, nofollow, position FROM page_links WHERE source_id = 1 ORDER BY position").await,
        [
            ["https://a.example/stays", "0", "0"],
            ["https://a.example/new", "0", "1"],
            ["https://a.example/changes", "1", "2"],
        ]
    );
    assert_eq!(crawl.value("SELECT count(*) FROM links WHERE source_id = 2").await, "3");
    assert_eq!(
        crawl.rows("SELECT what, u.url FROM link_log JOIN urls u ON u.id = target_id ORDER BY what").await,
        [
            ["deleted", "https://a.example/goes"],
            ["inserted", "https://a.example/new"],
            ["updated", "https://a.example/changes"],
        ],
        "a link that stays is not written again"
    );
    crawl.check().await;
}

const LINK_LOG: &str = "CREATE TABLE link_log (what TEXT, target_id INTEGER);
  CREATE TRIGGER log_insert AFTER INSERT ON links BEGIN INSERT INTO link_log VALUES ('inserted', new.target_id); END;
  CREATE TRIGGER log_update AFTER UPDATE ON links BEGIN INSERT INTO link_log VALUES ('updated', new.target_id); END;
  CREATE TRIGGER log_delete AFTER DELETE ON links BEGIN INSERT INTO link_log VALUES ('deleted', old.target_id); END;";

pub async fn a_link_named_twice_on_a_page_is_kept_once<B: Backend>() {
    let crawl = Crawl::<B>::of(&[A]).await;
    crawl
        .round_trip(|visit, _| {
            for _ in 0..3 {
                link(visit, named("https://a.example/one"));
            }
            visit.links.push(Outlink { kind: LinkKind::Img, ..visit.links[2].clone() });
        })
        .await;
    assert_eq!(crawl.rows("SELECT kind, position FROM links ORDER BY kind").await, [["a", "0"], ["img", "2"]]);
    crawl.check().await;
}

pub async fn a_page_may_link_to_itself_and_redirect_to_itself<B: Backend>() {
    let crawl = Crawl::<B>::of(&[A, "https://a.example/loop"]).await;
    crawl
        .round_trip(|visit, url| {
            let mut own = named(url.url.as_str());
            if url.url.as_str() == A {
                return link(visit, own);
            }
            visit.outcome = Outcome::Redirect;
            visit.content = None;
            (own.depth, own.hops) = (0, 1);
            visit.candidates.push(own);
            visit.target = Some(0);
        })
        .await;
    assert_eq!(crawl.rows("SELECT source_id = target_id FROM links").await, [["1"]]);
    assert_eq!(crawl.rows("SELECT url_id = target_id FROM fetches WHERE outcome = 'redirect'").await, [["1"]]);
    assert_eq!(crawl.rows("SELECT state, depth, hops FROM urls").await, [["done", "0", "0"], ["done", "0", "0"]]);
    crawl.check().await;
}

pub async fn discarded_references_are_counted_by_rule<B: Backend>() {
    let crawl = Crawl::<B>::of(&[A, "https://a.example/two"]).await;
    crawl.round_trip(|visit, _| visit.discarded = vec![(Rule::SCHEME, 2), (Rule::TOO_LONG, 1)]).await;
    assert_eq!(
        crawl.rows("SELECT name, discarded FROM rules ORDER BY name").await,
        [["scheme", "4"], ["too_long", "2"]]
    );
    crawl.check().await;
}

/// SQLite's JSON ends a text at NUL, PostgreSQL refuses it: a crawl must not stop for either.
pub async fn no_text_holds_nul<B: Backend>() {
    let crawl = Crawl::<B>::of(&[A]).await;
    let dirty = || Some("be\0fore and after".to_owned());
    crawl
        .round_trip(|visit, _| {
            link(visit, named("https://a.example/one"));
            visit.links[0].anchor = dirty();
            (visit.etag, visit.last_modified, visit.error) = (dirty(), dirty(), dirty());
            visit.headers = vec![("x\0".to_owned(), "\0y".to_owned())];
            let content = visit.content.as_mut().expect("a content");
            (content.title, content.description, content.lang, content.text) = (dirty(), dirty(), dirty(), dirty());
            (content.charset, content.meta_robots) = (dirty(), dirty());
            content.headings = vec![(1, "\0h".to_owned())];
        })
        .await;
    let clean = "before and after";
    assert_eq!(
        crawl.rows("SELECT title, description, lang, charset, meta_robots, headings FROM contents").await,
        [[clean, clean, clean, clean, clean, "[[1,\"h\"]]"]]
    );
    assert_eq!(
        crawl.rows("SELECT etag, last_modified, error, headers FROM fetches").await,
        [[clean, clean, clean, "[[\"x\",\"y\"]]"]]
    );
    assert_eq!(crawl.value("SELECT anchor FROM links").await, clean);
    assert_eq!(crawl.value("SELECT text FROM texts").await, clean);
    crawl.check().await;
}

/// The closed sets of the schema and of the model are the same.
pub async fn every_name_of_the_model_is_accepted<B: Backend>() {
    let seeds: Vec<String> = (0..Outcome::ALL.len()).map(|n| format!("https://a.example/{n}")).collect();
    let crawl = Crawl::<B>::of(&seeds.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let cuts = [ParseCut::Depth, ParseCut::Nodes, ParseCut::Links, ParseCut::Time, ParseCut::Size];
    let delays = [DelayBy::Setting, DelayBy::Robots, DelayBy::RetryAfter, DelayBy::Backoff];
    let mut nth = 0;
    crawl
        .round_trip(|visit, url| {
            visit.outcome = Outcome::ALL[nth];
            let content = visit.content.as_mut().expect("a content");
            content.parse_cut = cuts.get(nth).copied();
            visit.ledger.asked_by = delays.get(nth).copied();
            visit.next =
                if visit.outcome == Outcome::Robots { NextState::Excluded(Rule::ROBOTS) } else { NextState::Failed };
            if visit.outcome == Outcome::Page {
                for kind in LinkKind::ALL {
                    link(visit, named(url.url.as_str()));
                    visit.links.last_mut().expect("a link").kind = kind;
                }
            }
            nth += 1;
        })
        .await;
    let found: Vec<String> =
        crawl.rows("SELECT outcome FROM fetches ORDER BY id").await.into_iter().map(|row| row[0].clone()).collect();
    assert_eq!(found, Outcome::ALL.map(Outcome::as_str));
    assert_eq!(crawl.value("SELECT count(DISTINCT kind) FROM links").await, LinkKind::ALL.len().to_string());
    assert_eq!(crawl.value("SELECT count(DISTINCT parse_cut) FROM contents").await, cuts.len().to_string());
    assert_eq!(crawl.value("SELECT count(DISTINCT delay_by) FROM fetches").await, delays.len().to_string());
    crawl.check().await;
}

pub async fn a_wide_batch_is_settled_whole<B: Backend>() {
    let seeds: Vec<String> = (0..400).map(|n| format!("https://host-{}.example/{n}", n % 20)).collect();
    let crawl = Crawl::<B>::of(&seeds.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let grant = crawl.lease(100, 100).await;
    assert_eq!(grant.hosts.len(), 20);
    let mut batch = Settlement::default();
    for lease in &grant.hosts {
        for url in &lease.urls {
            let mut visit = crawl.page(lease, url);
            for n in 0..30 {
                link(&mut visit, named(&format!("https://host-{}.example/new-{}", n % 25, (url.id.0 + n) % 150)));
            }
            batch.visits.push(visit);
        }
        batch.releases.push(Release { key: lease.key, host: crawl.update() });
    }
    let settled = crawl.settle(batch).await;
    assert_eq!((settled.applied, settled.totals.done), (400, 400));
    assert_eq!(settled.totals.queued, settled.new_urls);
    assert_eq!(settled.woken_hosts, 5, "hosts that had no work before");
    assert_eq!(crawl.value("SELECT count(*) FROM links").await, (400 * 30).to_string());
    let unknown = LeaseKey { host_id: HostId(99_999), fence: 1 };
    let stray = Release { key: unknown, host: crawl.update() };
    crawl.settle(Settlement { releases: vec![stray], ..Settlement::default() }).await;
    assert_eq!(crawl_url(&seeds[0]).as_str(), seeds[0]);
    crawl.check().await;
}
