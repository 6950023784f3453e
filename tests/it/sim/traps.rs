//! Endless sites beside an ordinary one: each trap ends by its rule, and none slows another host.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use sqrawl::engine::{self, Control, Job, Progress, Summary};
use sqrawl::fetch::{Fetcher, Reservation};
use sqrawl::model::{
    Admission, Candidate, CrawlSettings, EndedBy, Exchange, ExchangeEnd, FetchRequest, Header, Named, ScopeKind, Seed,
    SeedSource, Trap,
};
use sqrawl::store::sqlite::{OpenMode, SqliteStore};

use super::clock::SimClock;
use super::store::SimStore;

const PLAIN: &str = "http://plain.test/";
const PLAIN_PAGES: u32 = 40;
/// The year in which the simulated world begins.
const THIS_YEAR: i32 = 2023;

/// The address of the endless site of this kind.
fn endless(trap: Trap) -> String {
    format!("http://{}.trap.test/", trap.as_str().replace('_', "-"))
}

/// What the endless site answers at a path with its query. `nth` counts its requests.
fn answer(trap: Trap, target: &str, nth: u32) -> String {
    let page = |links: &[String]| {
        let links: String = links.iter().map(|link| format!("<a href=\"{link}\">more</a>")).collect();
        format!("<title>Page {nth}</title><p>The {nth}th page.</p>{links}")
    };
    match trap {
        Trap::PathRepeats => page(&["shop/item/".to_owned()]),
        Trap::PathDepth => page(&[format!("level{}/", target.matches('/').count())]),
        Trap::QueryGrowth => {
            let sign = if target.contains('?') { '&' } else { '?' };
            page(&[format!("{target}{sign}filter{nth}=1")])
        }
        Trap::Calendar => {
            let year = target.split("date=").nth(1).map_or(THIS_YEAR, |date| date[..4].parse().expect("a year"));
            page(&[year - 1, year + 1].map(|year| format!("/day?date={year}-06-01")))
        }
        Trap::SessionId => page(&[1, 2].map(|page| format!("/{page}?mysid={nth:08x}a7c3e95d01b2f846{nth:08x}"))),
        Trap::SelfLink => page(&[format!("{}page/", endless(trap).strip_prefix("http://").expect("http"))]),
        Trap::Soft404 if target == "/" => page(&["/gone".to_owned()]),
        Trap::Soft404 => format!("<title>Page not found</title><p>Try <a href=\"/other{nth}\">this</a>."),
        Trap::SameContent => "<title>The same</title><p>Again.<a href=\"1/\">1</a><a href=\"2/\">2</a>".to_owned(),
    }
}

/// A site of forty pages; the first one links to the endless site.
fn plain(path: &str, trap: Trap) -> Option<String> {
    let n: u32 = if path == "/" { 0 } else { path[1..].parse().ok()? };
    let next = [n * 3 + 1, n * 3 + 2, n * 3 + 3];
    let links: String = next.iter().filter(|n| **n < PLAIN_PAGES).map(|n| format!("<a href=\"/{n}\">on</a>")).collect();
    Some(format!("<title>Plain {n}</title><a href=\"{}\">there</a>{links}", endless(trap)))
}

/// Answers for both, and remembers when it was asked for what.
struct TwoSites {
    trap: Trap,
    start: tokio::time::Instant,
    log: Mutex<Vec<(u64, String)>>,
}

impl TwoSites {
    fn asked(&self, site: &str) -> Vec<(u64, String)> {
        self.log.lock().unwrap().iter().filter(|(_, url)| url.starts_with(site)).cloned().collect()
    }
}

impl Fetcher for TwoSites {
    async fn fetch(&self, request: FetchRequest, reservation: &mut Reservation) -> Exchange {
        let url = request.url.as_str().to_owned();
        let at_ms = self.start.elapsed().as_millis() as u64;
        self.log.lock().unwrap().push((at_ms, url.clone()));
        let target = request.url.path_and_query();
        let nth = self.asked(&endless(self.trap)).len() as u32;
        let body = match target {
            "/robots.txt" => None,
            _ if url.starts_with(PLAIN) => plain(target, self.trap),
            _ => Some(answer(self.trap, target, nth)),
        };
        let latency = 20 + url.len() as u64;
        tokio::time::sleep(Duration::from_millis(latency)).await;
        let status = if body.is_some() { 200 } else { 404 };
        let body = body.unwrap_or_default().into_bytes();
        reservation.cover(body.len() as u64).await;
        Exchange {
            started_ms: 1_700_000_000_000 + at_ms as i64,
            elapsed_ms: latency,
            status: Some(status),
            headers: vec![Header { name: "content-type".to_owned(), value: "text/html; charset=utf-8".to_owned() }],
            wire_bytes: body.len() as u64,
            end: ExchangeEnd::Complete { body, truncated: false },
            address: None,
        }
    }
}

/// A finished crawl of both sites.
struct Crawled {
    summary: Summary,
    sites: Arc<TwoSites>,
    folder: tempfile::TempDir,
}

impl Crawled {
    async fn rows(&self, sql: &str) -> Vec<(String, i64)> {
        let mut file = crate::open_raw(&self.folder.path().join("crawl.db")).await;
        sqlx::query_as(sqlx::AssertSqlSafe(sql.to_owned())).fetch_all(&mut file).await.unwrap()
    }
}

fn crawl(trap: Trap, settings: CrawlSettings) -> Crawled {
    crawl_from(&[PLAIN], trap, settings)
}

fn crawl_from(seeds: &[&str], trap: Trap, settings: CrawlSettings) -> Crawled {
    let seeds: Vec<Seed> = seeds.iter().map(|given| seed(given)).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let crawled = runtime.block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let start = tokio::time::Instant::now();
        let sites = Arc::new(TwoSites { trap, start, log: Mutex::default() });
        let store = SqliteStore::open(&folder.path().join("crawl.db"), OpenMode::CreateOrOpen, false).await.unwrap();
        let job = Job { settings, seeds, stored: None, recrawl: false, rehearsal: None, parse_threads: 0 };
        let (store, clock) = (Arc::new(SimStore::new(store)), Arc::new(SimClock::new(1)));
        let progress = Arc::new(Progress::default());
        let run = engine::run(store, Arc::clone(&sites), clock, job, Control::default(), progress);
        Crawled { summary: run.await.unwrap(), sites, folder }
    });
    runtime.shutdown_timeout(Duration::from_secs(5));
    crawled
}

fn seed(given: &str) -> Seed {
    let url = sqrawl::scope::seed_url(given, &sqrawl::scope::UrlRules::default()).unwrap().url;
    Seed {
        given: given.to_owned(),
        source: SeedSource::Argument,
        grants_origin: false,
        grants_scope: true,
        candidate: Candidate {
            domain: None,
            admission: Admission::Queue,
            priority: 0,
            depth: 0,
            hops: 0,
            is_sitemap: false,
            url,
        },
    }
}

fn settings() -> CrawlSettings {
    CrawlSettings { delay_ms: Some(1_000), concurrency: 8, scope: ScopeKind::Any, ..CrawlSettings::default() }
}

fn read(crawled: &Crawled, sql: &str) -> Vec<(String, i64)> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(crawled.rows(sql))
}

#[test]
fn each_trap_ends_by_its_own_rule_alone() {
    for trap in Trap::ALL.iter().copied() {
        let crawled = crawl(trap, CrawlSettings { traps: [trap].into(), ..settings() });
        assert_eq!(crawled.summary.ended_by, EndedBy::Complete, "{trap:?}");
        let pages = crawled.sites.asked(&endless(trap)).len() - 1;
        let most = match trap {
            Trap::PathDepth | Trap::QueryGrowth => 51,
            Trap::Calendar => 1 + 200 + 3 + 1,
            // Copies of the first eight were in flight when the ninth was seen.
            Trap::SameContent => 20,
            _ => 8,
        };
        assert!((1..=most).contains(&pages), "{trap:?}: {pages} pages");
        let excluded = read(&crawled, "SELECT rule, urls FROM report_excluded WHERE rule LIKE 'trap:%'");
        assert_eq!(excluded.len(), 1, "{excluded:?}");
        assert!(excluded[0].0 == trap.rule().as_str() && excluded[0].1 > 0, "{trap:?}: {excluded:?}");
    }
}

#[test]
fn an_endless_site_slows_no_other() {
    for trap in Trap::ALL.iter().copied() {
        let alone = crawl(trap, CrawlSettings { scope: ScopeKind::Host, ..settings() });
        assert_eq!(alone.summary.ended_by, EndedBy::Complete);
        let wanted = alone.sites.asked(PLAIN);
        assert_eq!(wanted.len(), PLAIN_PAGES as usize + 1, "every page and robots.txt");
        assert_eq!(alone.sites.asked(&endless(trap)), []);

        let unguarded = CrawlSettings { traps: [].into(), max_pages_per_host: Some(60), ..settings() };
        let beside = crawl(trap, unguarded);
        // And robots.txt, which is no page.
        assert_eq!(beside.sites.asked(&endless(trap)).len(), 61, "{trap:?} goes on until its limit");
        assert_eq!(beside.summary.ended_by, EndedBy::Limit, "{trap:?}");
        assert_eq!(beside.sites.asked(PLAIN), wanted, "{trap:?}");
        let open = "SELECT h.name, q.queued + q.scheduled FROM host_queue q JOIN hosts h ON h.id = q.host_id
                    WHERE h.name = 'plain.test'";
        assert_eq!(read(&beside, open), [("plain.test".to_owned(), 0)]);
    }
}

#[test]
fn the_limit_of_all_pages_ends_an_endless_seed() {
    let unguarded = CrawlSettings { traps: [].into(), max_pages: Some(120), scope: ScopeKind::Host, ..settings() };
    let crawled = crawl_from(&[PLAIN, &endless(Trap::PathDepth)], Trap::PathDepth, unguarded);
    assert_eq!((crawled.summary.ended_by, crawled.summary.totals.pages), (EndedBy::Limit, 120));
    assert_eq!(crawled.sites.asked(PLAIN).len(), PLAIN_PAGES as usize + 1, "the ordinary seed came out whole");
}
