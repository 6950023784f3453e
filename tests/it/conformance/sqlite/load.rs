//! Under load: as many statements for 400 visits as for one, but for those that add rows by the hundred, each found by an
//! index, and none half done when the caller goes away.

use std::collections::BTreeMap;
use std::time::Duration;

use sqlx::{AssertSqlSafe, Connection, Row};
use sqrawl::model::{CrawlSettings, Host, Origin, Outcome, Release, RobotsRecord, RobotsVerdict, Rule, Scheme};
use sqrawl::store::sqlite::SqliteStore;
use sqrawl::store::{LeaseAsk, Refill, Settlement, Store};

use crate::conformance::backend::{Backend, Sqlite};
use crate::conformance::crawl::{Crawl, excluded, link, named};

type Sent = BTreeMap<&'static str, u64>;

/// What was sent since `before`.
fn since(before: &Sent, after: Sent) -> Sent {
    after
        .into_iter()
        .map(|(text, n)| (text, n - before.get(text).copied().unwrap_or(0)))
        .filter(|(_, n)| *n > 0)
        .collect()
}

/// Leases `hosts` hosts, refills them, settles a visit of every URL with everything a visit can
/// carry, and gives the hosts back; what was sent for the lease and for the settle.
async fn work(crawl: &Crawl<Sqlite>, hosts: u32, urls: u32) -> (Sent, Sent) {
    let store: &SqliteStore = crawl.store();
    let before = store.statements().await;
    let grant = crawl.lease(hosts, urls).await;
    let middle = store.statements().await;
    assert_eq!(grant.hosts.len(), hosts as usize);
    let mut batch = Settlement::default();
    for lease in &grant.hosts {
        for url in &lease.urls {
            let mut visit = crawl.page(lease, url);
            visit.discarded = vec![(Rule::SCHEME, 1)];
            for n in 0..5 {
                link(&mut visit, named(&format!("https://{}/new-{}-{n}", lease.host, url.id.0)));
            }
            link(&mut visit, named(&format!("https://new-{}.example/", url.id.0)));
            link(&mut visit, excluded("https://elsewhere.example/", Rule::SCOPE));
            if url.url.as_str().ends_with("redirect") {
                visit.outcome = Outcome::Redirect;
            }
            batch.visits.push(visit);
        }
        batch.robots.push(robots(lease.host.clone()).into());
        batch.releases.push(Release { key: lease.key, host: crawl.update() });
    }
    crawl.settle(batch).await;
    let after = store.statements().await;
    (since(&before, middle.clone()), since(&middle, after))
}

fn robots(host: Host) -> RobotsRecord {
    RobotsRecord {
        origin: Origin { scheme: Scheme::Https, host, port: 443 },
        verdict: RobotsVerdict::AllowAll,
        status: Some(404),
        fetched_ms: 1,
        answered_ms: Some(1),
        expires_ms: 2,
        failures: 0,
        error: None,
        body: None,
        hop: None,
    }
}

#[tokio::test]
async fn no_statement_is_sent_for_each_visit() {
    let seeds: Vec<String> = (0..1200).map(|n| format!("https://host-{}.example/{n}", n % 40)).collect();
    let crawl = Crawl::<Sqlite>::of(&seeds.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let (lease_one, settle_one) = work(&crawl, 1, 1).await;
    let (lease_many, settle_many) = work(&crawl, 20, 20).await;
    assert_eq!(lease_one, lease_many);
    let (adding_one, others_one): (Sent, Sent) = settle_one.iter().partition(|(text, _)| text.contains("(VALUES (?"));
    let (adding_many, others_many): (Sent, Sent) =
        settle_many.iter().partition(|(text, _)| text.contains("(VALUES (?"));
    assert_eq!(others_one, others_many);
    assert!(adding_one.values().all(|n| *n == 1), "{adding_one:?}");
    // Links: 7 of each visit, 128 with a statement.
    assert!(adding_many.len() == adding_one.len() && adding_many.values().all(|n| *n <= 400 * 7 / 128 + 1));
    let sent = |sent: &Sent| sent.values().sum::<u64>();
    println!("statements of a lease: {}, of a settle: {}", sent(&lease_one), sent(&settle_one));
    assert!(sent(&lease_one) <= 15 && sent(&settle_one) <= 40);
    crawl.check().await;
}

/// 200,000 URLs of 20,000 hosts, three quarters of them waiting, made by a few statements.
const LOAD: &str = "
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
INSERT INTO hosts(name, domain, discovered_ms) SELECT 'h' || i || '.example', 'example', 1 FROM n;
INSERT INTO rules(name) VALUES ('scope');
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200000)
INSERT INTO urls(host_id, state, priority, depth, due_ms, rule_id, discovered_ms, seen_round, url)
SELECT 1 + (i - 1) / 10, CASE i % 8 WHEN 0 THEN 'done' WHEN 1 THEN 'excluded' WHEN 2 THEN 'scheduled' ELSE 'queued' END,
       i % 7, i % 5, CASE i % 8 WHEN 2 THEN 1000 + i END, CASE i % 8 WHEN 1 THEN 1 END, 1, 1,
       'https://h' || (1 + (i - 1) / 10) || '.example/page/' || i FROM n;
INSERT INTO host_queue(host_id, ready_ms, delay_ms, queued, scheduled, done, excluded)
SELECT host_id, CASE WHEN sum(state = 'queued') > 0 THEN host_id ELSE min(due_ms) END, 1000, sum(state = 'queued'),
       sum(state = 'scheduled'), sum(state = 'done'), sum(state = 'excluded') FROM urls GROUP BY host_id;
INSERT INTO fetches(url_id, host_id, round_id, session_id, started_ms, started_at, elapsed_ms, outcome)
SELECT id, host_id, 1, 1, 1, '', 1, 'page' FROM urls WHERE state = 'done';
UPDATE urls SET page_fetch_id = f.id, last_fetch_id = f.id FROM fetches f WHERE f.url_id = urls.id;
UPDATE host_queue SET pages = done;
INSERT INTO links(source_id, target_id, kind, position)
SELECT u.id, 1 + (u.id * 7 + n.value) % 200000, 'a', n.value FROM urls u, json_each('[1,2,3,4]') n WHERE u.state = 'done';
UPDATE totals SET n = (SELECT count(*) FROM urls WHERE state = totals.name) WHERE name NOT IN ('fetches', 'pages');
UPDATE totals SET n = (SELECT count(*) FROM fetches) WHERE name IN ('fetches', 'pages');";

#[tokio::test]
async fn no_hot_statement_scans_or_sorts_a_large_table() {
    let settings = CrawlSettings { delay_ms: Some(0), ..CrawlSettings::default() };
    let crawl = Crawl::<Sqlite>::with(settings).await;
    crawl.backend.change(LOAD).await;
    let before = crawl.store().statements().await;
    crawl.seed(&["https://h5.example/seed", "https://seed.example/"]).await;
    work(&crawl, 20, 20).await;
    let leases = crawl.lease(4, 2).await.hosts;
    let refills = leases.iter().map(|lease| Refill { key: lease.key, held: vec![lease.urls[0].id], want: 3 }).collect();
    crawl.ask(LeaseAsk { refills, hosts: 2, urls_per_host: 2, ..crawl.empty_ask() }).await;
    crawl.robots_of(&leases[0], &[robots(leases[0].host.clone()).origin]).await;
    let sent = since(&before, crawl.store().statements().await);
    assert!(sent.len() > 30, "{}", sent.len());
    let mut wrong = Vec::new();
    for analyzed in [false, true] {
        if analyzed {
            crawl.backend.change("ANALYZE").await;
        }
        let mut connection = crawl.backend.connection().await;
        // With foreign keys on, the plan of an INSERT names every child table. Those scans run only
        // while a violation is open (`OP_FkIfZero`), and none ever is.
        sqlx::query("PRAGMA foreign_keys = OFF").execute(&mut connection).await.expect("off");
        for text in sent.keys() {
            let plan = sqlx::query(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {text}")));
            let plan = plan.fetch_all(&mut connection).await.unwrap_or_else(|error| panic!("{text}: {error}"));
            for step in &plan {
                let step: String = step.get("detail");
                if is_costly(&step) {
                    wrong.push(format!("analyzed {analyzed}: {step}\n{text}"));
                }
            }
        }
        connection.close().await.expect("closed");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    crawl.recount().await;
}

/// Of a million queued URLs a start reads none but those it leases: what it looks through are hosts, sessions,
/// and URLs that wait for a due time.
#[tokio::test]
async fn a_resume_looks_through_neither_urls_nor_fetches() {
    let mut crawl = Crawl::<Sqlite>::with(CrawlSettings::default()).await;
    crawl.backend.change(LOAD).await;
    crawl.crash().await;
    crawl.stored().await.expect("a crawl");
    let sent = crawl.store().statements().await;
    assert!(sent.len() > 12, "{}", sent.len());
    let mut connection = crawl.backend.connection().await;
    sqlx::query("PRAGMA foreign_keys = OFF").execute(&mut connection).await.expect("off");
    let mut wrong = Vec::new();
    for text in sent.keys() {
        let plan = sqlx::query(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {text}"))).fetch_all(&mut connection).await;
        for step in &plan.unwrap_or_else(|error| panic!("{text}: {error}")) {
            let step: String = step.get("detail");
            let scanned = step.strip_prefix("SCAN ").and_then(|what| what.split(' ').next()).unwrap_or("");
            let is_large = ["urls", "u", "fetches", "f", "links", "l", "contents", "c"].contains(&scanned);
            // One row from the end, or those alone that wait for a due time.
            let is_part = text.contains("ORDER BY f.id DESC LIMIT 1") || step.contains("INDEX urls_schedule");
            if is_large && !is_part {
                wrong.push(format!("{step}\n{text}"));
            }
        }
    }
    connection.close().await.expect("closed");
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// Whether a step of a plan grows with a table. Parameters are as large as their batch; `rules` and
/// `totals` hold a few dozen rows.
fn is_costly(step: &str) -> bool {
    let small = [
        "j",
        "k",
        "n",
        "back",
        "rules",
        "totals",
        "sessions",
        "r LEFT-JOIN",
        "CONSTANT ROW",
        "128-ROW VALUES",
        "(subquery-1)",
        "(subquery-3)",
    ];
    let is_small = |what: &str| small.iter().any(|name| what == *name || what.starts_with(&format!("{name} ")));
    let scans = step.strip_prefix("SCAN ").is_some_and(|what| !is_small(what));
    scans || (step.contains("TEMP B-TREE") && !step.contains("FOR LAST TERM")) || step.contains("AUTOMATIC")
}

/// A caller that goes away must not leave half a batch, nor a connection nobody can use.
#[tokio::test]
async fn a_settle_whose_caller_goes_away_is_done_or_not_done() {
    let seeds: Vec<String> = (0..200).map(|n| format!("https://a.example/{n}")).collect();
    let crawl = Crawl::<Sqlite>::of(&seeds.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let lease = crawl.lease(1, 200).await.hosts.remove(0);
    let mut done = 0;
    for (nth, urls) in lease.urls.chunks(10).enumerate() {
        let visits: Vec<_> = urls
            .iter()
            .map(|url| {
                let mut visit = crawl.page(&lease, url);
                for n in 0..20 {
                    link(&mut visit, named(&format!("https://a.example/{}/{n}", url.id.0)));
                }
                visit
            })
            .collect();
        let batch = Settlement { visits, ..Settlement::default() };
        let settle = crawl.store().settle(&crawl.start, &batch, crawl.now);
        // Not a wait for anything: it moves the moment at which the caller goes away.
        let patience = Duration::from_micros(300 * nth as u64);
        let _ = tokio::time::timeout(patience, settle).await;
        let settled = crawl.store().stored_crawl().await.expect("usable").expect("a crawl").totals.done;
        assert!(settled == done || settled == done + 10, "{settled} after {done}");
        done = settled;
        crawl.recount().await;
    }
    println!("{done} of 200 settled");
    let again = crawl.refill(lease.key, &[], 500).await;
    assert!(again[0].1.iter().filter(|url| url.depth == 0).count() as u64 == 200 - done);
    crawl.check().await;
}

/// A reader in one long transaction lets the log grow; once it is gone, the log is cut back.
#[tokio::test]
async fn the_log_is_cut_back_when_a_long_reader_is_gone() {
    let crawl = Crawl::<Sqlite>::of(&["https://a.example/"]).await;
    let log = || std::fs::metadata(format!("{}-wal", crawl.backend.path().display())).map_or(0, |about| about.len());
    let mut reader = crawl.backend.connection().await;
    sqlx::query("BEGIN").execute(&mut reader).await.expect("a transaction");
    sqlx::query("SELECT count(*) FROM urls").fetch_one(&mut reader).await.expect("a snapshot");
    let body = |n: u32| RobotsRecord { body: Some(n.to_string().repeat(1_500_000)), ..robots(Host::new("a.example")) };
    for n in 100_000..100_009 {
        crawl.settle(Settlement { robots: vec![body(n).into()], ..Settlement::default() }).await;
    }
    assert!(log() > 64 << 20, "{}", log());
    assert_eq!(crawl.value("SELECT count(*) FROM robots").await, "1");
    sqlx::query("ROLLBACK").execute(&mut reader).await.expect("ended");
    for n in 100_010..100_018 {
        crawl.settle(Settlement { robots: vec![body(n).into()], ..Settlement::default() }).await;
    }
    assert!(log() <= 64 << 20, "{}", log());
    crawl.check().await;
}
