//! [`fill`]: crawls a [`Web`] into a database without a network, by the program's own parts: leases,
//! parser, verdict, settle. Nothing here knows the schema, so what it makes is what a crawl makes.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use sqrawl::frontier;
use sqrawl::model::{
    Admission, Candidate, CrawlSettings, CrawlUrl, DelayBy, EndedBy, Exchange, ExchangeEnd, Header, HostLease,
    HostUpdate, LeasedUrl, Ledger, Outcome, Pace, Release, RobotsFetch, RobotsRecord, RobotsVerdict, ScopeKind, Seed,
    SeedSource, Totals, UnixMs, Visit,
};
use sqrawl::parse::{self, BodyFacts, ParseLimits};
use sqrawl::scope::{self, Scope};
use sqrawl::store::sqlite::{OpenMode, SqliteStore};
use sqrawl::store::{LeaseAsk, SessionOpen, SessionStart, Settlement, Store, body};
use sqrawl::verdict::{self, Attempt, Policy};

use super::web::Web;

/// When the crawl begins: 2025-01-01. A fixed time, so that a file depends on its seed alone.
const BEGAN_MS: UnixMs = 1_735_689_600_000;
/// Hosts that are visited in one transaction.
const HOSTS_AT_ONCE: u32 = 128;
/// Pages in one transaction, about.
const PAGES_AT_ONCE: u32 = 1_024;
/// Between two requests to a host.
const PAUSE_MS: i64 = 5;
/// A robots.txt is asked for again after a day.
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Settings of the crawl: whatever its pages name is wanted, and it may be served on loopback.
fn settings() -> CrawlSettings {
    CrawlSettings {
        scope: ScopeKind::Any,
        max_pages: None,
        max_pages_per_host: None,
        max_depth: None,
        delay_ms: Some(0),
        allow_net: ["127.0.0.0/8", "::1/128"].iter().filter_map(|net| net.parse().ok()).collect(),
        ..CrawlSettings::default()
    }
}

/// What came of it.
#[derive(Debug)]
pub(super) struct Filled {
    pub(super) totals: Totals,
    /// How long each leasing took.
    pub(super) leases: Vec<Duration>,
    /// How long each commit took.
    pub(super) settles: Vec<Duration>,
}

/// Makes the crawl at `path`: every URL of the web known, `pages` of them visited, all others queued, and the
/// session ended as by Ctrl-C.
///
/// # Errors
/// A file that is there already, numbers that do not fit each other, a disk that fails.
pub(super) async fn fill(path: &Path, web: &Web, pages: u64) -> Result<Filled, Failure> {
    if path.exists() {
        return Err(format!("{} exists", path.display()).into());
    }
    web.new_on(0, pages)?;
    let settings = settings();
    let seeds: Vec<Seed> = web.seeds().map(|number| seed(&web.url(number))).collect::<Result<_, _>>()?;
    let urls: Vec<CrawlUrl> = seeds.iter().map(|seed| seed.candidate.url.clone()).collect();
    let scope = Scope::new(&settings, &urls, &[])?;
    let store = SqliteStore::open(path, OpenMode::CreateOrOpen, false).await?;
    let open = SessionOpen {
        settings: &settings,
        version: env!("CARGO_PKG_VERSION"),
        delay_ms: 0,
        recrawl: false,
        judging: false,
    };
    let start = store.begin_session(open, BEGAN_MS).await?;
    store.admit(&start, &seeds, BEGAN_MS).await?;
    let policy = Policy { settings: &settings, scope: &scope, agent: "sqrawl" };
    let mut crawl = Crawl { web, pages, policy, visited: 0, now: BEGAN_MS, leases: Vec::new(), settles: Vec::new() };
    while crawl.visited < pages {
        crawl.go_on(&store, &start).await?;
    }
    let totals = store.end_session(&start, EndedBy::Signal, crawl.now).await?;
    store.close().await?;
    Ok(Filled { totals, leases: crawl.leases, settles: crawl.settles })
}

fn seed(url: &str) -> Result<Seed, Failure> {
    let url = CrawlUrl::stored(url).map_err(|why| format!("{url}: {why}"))?;
    let candidate = Candidate {
        domain: scope::registrable_domain(&url.host()),
        admission: Admission::Queue,
        priority: frontier::priority(&url, 0),
        depth: 0,
        hops: 0,
        is_sitemap: false,
        url: url.clone(),
    };
    Ok(Seed { given: url.to_string(), source: SeedSource::Argument, grants_origin: false, candidate })
}

struct Crawl<'a> {
    web: &'a Web,
    pages: u64,
    policy: Policy<'a>,
    visited: u64,
    now: UnixMs,
    leases: Vec<Duration>,
    settles: Vec<Duration>,
}

/// One visit that is to be made.
struct Errand<'a> {
    lease: &'a HostLease,
    leased: &'a LeasedUrl,
    /// How many pages were visited before.
    nth: u64,
    started_ms: UnixMs,
    elapsed_ms: u64,
    host: HostUpdate,
    ledger: Ledger,
}

impl Crawl<'_> {
    /// Visits some pages of some hosts.
    async fn go_on(&mut self, store: &SqliteStore, start: &SessionStart) -> Result<(), Failure> {
        let hosts = HOSTS_AT_ONCE.min(u32::try_from(self.web.hosts()).unwrap_or(u32::MAX));
        let ask = LeaseAsk {
            session: start.session,
            hosts,
            urls_per_host: PAGES_AT_ONCE / hosts,
            until_ms: self.now + DAY_MS,
            refills: Vec::new(),
            named: Vec::new(),
            alone: false,
        };
        let began = Instant::now();
        let leases = store.lease(ask, self.now).await?.hosts;
        self.leases.push(began.elapsed());
        let mut batch = Settlement::default();
        let mut errands = Vec::new();
        let mut latest = self.now;
        for lease in &leases {
            let end = self.plan(lease, &mut batch, &mut errands);
            latest = latest.max(end);
        }
        batch.visits = self.visit_all(&errands)?;
        self.visited += errands.len() as u64;
        self.now = latest + 1;
        let began = Instant::now();
        let settled = store.settle(start, &batch, self.now).await?;
        self.settles.push(began.elapsed());
        if settled.applied != errands.len() as u64 {
            return Err("a visit was dropped".into());
        }
        Ok(())
    }

    /// The visits of a host, one after the other; when the last one ends.
    fn plan<'l>(&self, lease: &'l HostLease, batch: &mut Settlement, errands: &mut Vec<Errand<'l>>) -> UnixMs {
        let mut host = HostUpdate { asked_ms: lease.asked_ms, pace: lease.pace, ..HostUpdate::default() };
        let mut at = self.now;
        if lease.robots.short.is_empty()
            && let Some(first) = lease.urls.first()
        {
            ask_robots(lease, &first.url, at, batch);
            (at, host.asked_ms) = (at + 1, Some(at + 1));
        }
        for leased in &lease.urls {
            let nth = self.visited + errands.len() as u64;
            if nth >= self.pages {
                break;
            }
            let elapsed_ms = 20 + nth % 50;
            let started_ms = at + PAUSE_MS;
            let applied_ms = host.asked_ms.map(|asked| u64::try_from(started_ms - asked).unwrap_or(0));
            at = started_ms + elapsed_ms as i64;
            host.order += 1;
            (host.polite_ms, host.asked_ms) = (at, Some(at));
            host.pace = Pace { response_ms: Some(40), strain: 0 };
            let ledger = Ledger { asked_ms: Some(0), asked_by: Some(DelayBy::Setting), applied_ms };
            errands.push(Errand { lease, leased, nth, started_ms, elapsed_ms, host, ledger });
        }
        host.order += 1;
        batch.releases.push(Release { key: lease.key, host });
        at
    }

    /// The visits in their order, on all cores.
    fn visit_all(&self, errands: &[Errand<'_>]) -> Result<Vec<Visit>, Failure> {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let share = errands.len().div_ceil(cores).max(1);
        let shares = thread::scope(|scope| {
            let shares: Vec<_> = errands
                .chunks(share)
                .map(|share| {
                    scope.spawn(|| share.iter().map(|errand| self.visit(errand)).collect::<Result<Vec<_>, _>>())
                })
                .collect();
            shares.into_iter().map(|share| share.join().map_err(|_| "a visit panicked")).collect::<Result<Vec<_>, _>>()
        })?;
        Ok(shares.into_iter().collect::<Result<Vec<_>, Failure>>()?.into_iter().flatten().collect())
    }

    fn visit(&self, errand: &Errand<'_>) -> Result<Visit, Failure> {
        let url = &errand.leased.url;
        let number = self.web.number(url.as_str()).ok_or_else(|| format!("{url} is none of this web"))?;
        let html = self.web.html(number, self.web.new_on(errand.nth, self.pages)?).into_bytes();
        let content_type = "text/html; charset=utf-8";
        let facts = BodyFacts {
            url,
            content_type: Some(content_type),
            agent: self.policy.agent,
            is_sitemap: false,
            truncated: false,
        };
        let page = parse::parse(&html, facts, &ParseLimits::default(), &mut || false);
        let packed = verdict::keeps_body(self.policy.settings.store_body, &page.mime).then(|| body::pack(&html));
        let header = |name: &str, value: &str| Header { name: name.to_owned(), value: value.to_owned() };
        let exchange = Exchange {
            started_ms: errand.started_ms,
            elapsed_ms: errand.elapsed_ms,
            status: Some(200),
            headers: vec![
                header("content-type", content_type),
                header("server", "made-up"),
                header("etag", &format!("\"{number:x}\"")),
            ],
            wire_bytes: html.len() as u64,
            end: ExchangeEnd::Complete { body: Vec::new(), truncated: false },
            address: Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        };
        let attempt = Attempt {
            key: errand.lease.key,
            leased: errand.leased,
            ledger: errand.ledger,
            host: errand.host,
            one_copy_more: false,
            now: errand.started_ms,
            jitter: 0.5,
        };
        Ok(verdict::after_exchange(&self.policy, &attempt, &exchange, Some((page, packed)), &mut || false))
    }
}

/// The host has no robots.txt.
fn ask_robots(lease: &HostLease, first: &CrawlUrl, at: UnixMs, batch: &mut Settlement) {
    let origin = first.origin();
    let Ok(url) = CrawlUrl::stored(&format!("{origin}/robots.txt")) else { return };
    batch.robots_fetches.push(RobotsFetch {
        key: lease.key,
        origin: origin.clone(),
        url,
        hops: 0,
        started_ms: at,
        elapsed_ms: 1,
        outcome: Outcome::Gone,
        status: Some(404),
        retry_after: None,
        ledger: Ledger { asked_ms: Some(0), asked_by: Some(DelayBy::Setting), applied_ms: None },
        wire_bytes: 0,
        address: Some(Ipv4Addr::LOCALHOST.to_string()),
        error: None,
    });
    batch.robots.push(Arc::new(RobotsRecord {
        origin,
        verdict: RobotsVerdict::AllowAll,
        status: Some(404),
        fetched_ms: at + 1,
        answered_ms: Some(at + 1),
        expires_ms: at + DAY_MS,
        failures: 0,
        error: None,
        body: None,
        hop: None,
    }));
}
