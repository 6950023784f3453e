//! [`fill`]: crawls a [`Web`] into a database without a network, by the program's own parts: leases,
//! parser, verdict, settle. Nothing here knows the schema, so what it makes is what a crawl makes.

use std::net::{IpAddr, Ipv4Addr};
use std::ops::Range;
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

use super::varied::{Answer, Fate, HASTE, ROBOTS, ROBOTS_LINE, Varied};
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
/// Between two rounds.
const WEEK_MS: i64 = 7 * DAY_MS;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Settings of the crawl: whatever its pages name is wanted, and it may be served on loopback. A varied web has
/// other sites beside it, and sitemaps.
fn settings(varied: bool) -> CrawlSettings {
    CrawlSettings {
        scope: if varied { ScopeKind::Domain } else { ScopeKind::Any },
        sitemaps: varied,
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
/// session ended as by Ctrl-C. A `varied` web is visited as often as there are `rounds`.
///
/// # Errors
/// A file that is there already, numbers that do not fit each other, a disk that fails.
pub(super) async fn fill(path: &Path, web: &Web, pages: u64, varied: bool, rounds: u64) -> Result<Filled, Failure> {
    if path.exists() {
        return Err(format!("{} exists", path.display()).into());
    }
    web.new_on(0, pages)?;
    let settings = settings(varied);
    let seeds: Vec<Seed> = web.seeds().map(|number| seed(&web.url(number))).collect::<Result<_, _>>()?;
    let urls: Vec<CrawlUrl> = seeds.iter().map(|seed| seed.candidate.url.clone()).collect();
    let scope = Scope::new(&settings, &urls, &[])?;
    let store = SqliteStore::open(path, OpenMode::CreateOrOpen, false).await?;
    let policy = Policy { settings: &settings, scope: &scope, agent: "sqrawl" };
    let varied = varied.then(|| Varied::new(web));
    let (mut now, mut totals, mut leases, mut settles) = (BEGAN_MS, Totals::default(), Vec::new(), Vec::new());
    for round in 1..=rounds {
        let open = SessionOpen {
            settings: &settings,
            version: env!("CARGO_PKG_VERSION"),
            delay_ms: 0,
            recrawl: round > 1,
            judging: false,
        };
        let start = store.begin_session(open, now).await?;
        if round == 1 {
            store.admit(&start, &seeds, now).await?;
        }
        let named = if round == 1 { web.seeds().end } else { web.urls };
        let varied = varied.as_ref();
        let times = (Vec::new(), Vec::new());
        let mut crawl = Crawl { web, varied, pages, policy, round, visited: 0, named, now, times };
        while crawl.visited < pages {
            crawl.go_on(&store, &start).await?;
        }
        let ended_by = if round < rounds { EndedBy::Limit } else { EndedBy::Signal };
        totals = store.end_session(&start, ended_by, crawl.now).await?;
        now = crawl.now + WEEK_MS;
        leases.append(&mut crawl.times.0);
        settles.append(&mut crawl.times.1);
    }
    store.close().await?;
    Ok(Filled { totals, leases, settles })
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
    Ok(Seed {
        given: url.to_string(),
        source: SeedSource::Argument,
        grants_origin: false,
        grants_scope: true,
        candidate,
    })
}

struct Crawl<'a> {
    web: &'a Web,
    varied: Option<&'a Varied<'a>>,
    pages: u64,
    policy: Policy<'a>,
    round: u64,
    visited: u64,
    /// URLs below this number are named already.
    named: u64,
    now: UnixMs,
    /// Of leasings and of commits.
    times: (Vec<Duration>, Vec<Duration>),
}

/// One visit that is to be made.
struct Errand<'a> {
    lease: &'a HostLease,
    leased: &'a LeasedUrl,
    /// The URLs that it is the first to name.
    new: Range<u64>,
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
            only: Vec::new(),
            alone: false,
        };
        let began = Instant::now();
        let leases = store.lease(ask, self.now).await?.hosts;
        self.times.0.push(began.elapsed());
        if leases.is_empty() {
            return Err("nothing is left to visit".into());
        }
        let mut batch = Settlement::default();
        let mut errands = Vec::new();
        let mut latest = self.now;
        for lease in &leases {
            let end = self.plan(lease, &mut batch, &mut errands)?;
            latest = latest.max(end);
        }
        batch.visits = self.visit_all(&errands)?;
        self.visited += errands.len() as u64;
        self.now = latest + 1;
        let began = Instant::now();
        let settled = store.settle(start, &batch, self.now).await?;
        self.times.1.push(began.elapsed());
        if settled.applied != errands.len() as u64 {
            return Err("a visit was dropped".into());
        }
        Ok(())
    }

    /// The visits of a host, one after the other; when the last one ends.
    fn plan<'l>(
        &mut self,
        lease: &'l HostLease,
        batch: &mut Settlement,
        errands: &mut Vec<Errand<'l>>,
    ) -> Result<UnixMs, Failure> {
        let mut host = HostUpdate { asked_ms: lease.asked_ms, pace: lease.pace, ..HostUpdate::default() };
        let mut at = self.now;
        if lease.robots.short.iter().all(|robots| robots.expires_ms <= at)
            && let Some(first) = lease.urls.first()
        {
            self.ask_robots(lease, &first.url, at, batch);
            (at, host.asked_ms) = (at + 1, Some(at + 1));
        }
        for leased in &lease.urls {
            let nth = self.visited + errands.len() as u64;
            if nth >= self.pages {
                break;
            }
            let elapsed_ms = self.elapsed_ms(leased, nth)?;
            let started_ms = at + PAUSE_MS;
            let applied_ms = host.asked_ms.map(|asked| u64::try_from(started_ms - asked).unwrap_or(0));
            at = started_ms + elapsed_ms as i64;
            host.order += 1;
            (host.polite_ms, host.asked_ms) = (at, Some(at));
            host.pace = Pace { response_ms: Some(40), strain: 0 };
            let ledger = Ledger { asked_ms: Some(0), asked_by: Some(DelayBy::Setting), applied_ms };
            let new = self.new_on(leased, nth)?;
            errands.push(Errand { lease, leased, new, started_ms, elapsed_ms, host, ledger });
        }
        host.order += 1;
        batch.releases.push(Release { key: lease.key, host });
        Ok(at)
    }

    /// The URLs that a visit is the first to name: none where it gives no page.
    fn new_on(&mut self, leased: &LeasedUrl, nth: u64) -> Result<Range<u64>, Failure> {
        let nth = match self.varied {
            Some(_) if leased.is_sitemap => return Ok(0..0),
            Some(varied) if varied.fate(self.number(&leased.url)?) != Fate::Page => return Ok(0..0),
            Some(_) => (nth * HASTE).min(self.pages - 1),
            None => nth,
        };
        let new = self.named..self.web.new_on(nth, self.pages)?.end.max(self.named);
        self.named = new.end;
        Ok(new)
    }

    fn elapsed_ms(&self, leased: &LeasedUrl, nth: u64) -> Result<u64, Failure> {
        match self.varied {
            Some(varied) if !leased.is_sitemap => Ok(varied.elapsed_ms(self.number(&leased.url)?, self.round)),
            _ => Ok(20 + nth % 50),
        }
    }

    fn number(&self, url: &CrawlUrl) -> Result<u64, Failure> {
        Ok(self.web.number(url.as_str()).ok_or_else(|| format!("{url} is none of this web"))?)
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
        let attempt = Attempt {
            key: errand.lease.key,
            leased: errand.leased,
            ledger: errand.ledger,
            host: errand.host,
            one_copy_more: false,
            now: errand.started_ms,
            jitter: 0.5,
        };
        let Some(answer) = self.answer(errand)? else {
            let line = (ROBOTS_LINE.0, ROBOTS_LINE.1.to_owned());
            return Ok(verdict::after_robots_refusal(&attempt, Some(line)));
        };
        let is_page = answer.status == Some(200);
        let page = is_page.then(|| {
            let facts = BodyFacts {
                url: &errand.leased.url,
                content_type: Some(answer.content_type),
                agent: self.policy.agent,
                is_sitemap: errand.leased.is_sitemap,
                truncated: false,
            };
            let page = parse::parse(&answer.body, facts, &ParseLimits::default(), &mut || false);
            let keeps = verdict::keeps_body(self.policy.settings.store_body, &page.mime);
            (page, keeps.then(|| body::pack(&answer.body)))
        });
        let exchange = exchange(errand, answer);
        Ok(verdict::after_exchange(&self.policy, &attempt, &exchange, page, &mut || false))
    }

    /// `None`: robots.txt forbids it.
    fn answer(&self, errand: &Errand<'_>) -> Result<Option<Answer>, Failure> {
        let url = &errand.leased.url;
        let Some(varied) = self.varied else {
            let number = self.number(url)?;
            let body = self.web.html(number, errand.new.clone()).into_bytes();
            let headers = vec![("server", "made-up".to_owned()), ("etag", format!("\"{number:x}\""))];
            let content_type = "text/html; charset=utf-8";
            return Ok(Some(Answer { status: Some(200), content_type, headers, body, failure: None }));
        };
        if let Some(host) = varied.host_of_sitemap(url.as_str()) {
            return Ok(Some(varied.sitemap(host)));
        }
        let (number, known) = (self.number(url)?, errand.leased.validators.is_some());
        let forbidden = varied.fate(number) == Fate::Forbidden;
        Ok((!forbidden).then(|| varied.answer(number, self.round, known, errand.new.clone())))
    }

    /// A varied web has a robots.txt with a rule, a plain one has none.
    fn ask_robots(&self, lease: &HostLease, first: &CrawlUrl, at: UnixMs, batch: &mut Settlement) {
        let origin = first.origin();
        let Ok(url) = CrawlUrl::stored(&format!("{origin}/robots.txt")) else { return };
        let (outcome, verdict, status, body) = match self.varied {
            Some(_) => (Outcome::Page, RobotsVerdict::Rules, 200, Some(ROBOTS.to_owned())),
            None => (Outcome::Gone, RobotsVerdict::AllowAll, 404, None),
        };
        batch.robots_fetches.push(RobotsFetch {
            key: lease.key,
            origin: origin.clone(),
            url,
            hops: 0,
            started_ms: at,
            elapsed_ms: 1,
            outcome,
            status: Some(status),
            retry_after: None,
            ledger: Ledger { asked_ms: Some(0), asked_by: Some(DelayBy::Setting), applied_ms: None },
            wire_bytes: 0,
            address: Some(Ipv4Addr::LOCALHOST.to_string()),
            error: None,
        });
        let record = RobotsRecord {
            origin,
            verdict,
            status: Some(status),
            fetched_ms: at + 1,
            answered_ms: Some(at + 1),
            expires_ms: at + DAY_MS,
            failures: 0,
            error: None,
            body,
            hop: None,
        };
        if self.varied.is_some() {
            batch.sitemaps.extend(verdict::sitemaps_of(&self.policy, &record));
        }
        batch.robots.push(Arc::new(record));
    }
}

fn exchange(errand: &Errand<'_>, answer: Answer) -> Exchange {
    let typed = [("content-type", answer.content_type.to_owned())];
    let headers = typed.into_iter().chain(answer.headers);
    let end = match answer.failure {
        Some(kind) => ExchangeEnd::Failed { kind, detail: "the made-up server did not answer".to_owned() },
        None => ExchangeEnd::Complete { body: Vec::new(), truncated: false },
    };
    Exchange {
        started_ms: errand.started_ms,
        elapsed_ms: errand.elapsed_ms,
        status: answer.status,
        headers: headers.map(|(name, value)| Header { name: name.to_owned(), value }).collect(),
        wire_bytes: answer.body.len() as u64,
        end,
        address: Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
    }
}
