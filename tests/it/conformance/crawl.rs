//! [`Crawl`]: a crawl on a backend, driven by hand, with builders for what the engine would make.

use sqrawl::model::{
    Admission, Candidate, Content, CrawlSettings, CrawlUrl, EndedBy, HostLease, HostUpdate, LeaseKey, LeasedUrl,
    Ledger, LinkKind, NextState, Origin, Outcome, Outlink, Release, RobotsRecord, Rule, Seed, SeedSource, Visit,
};
use sqrawl::store::{
    Admitted, LeaseAsk, LeaseGrant, Refill, SessionOpen, SessionStart, Settled, Settlement, Store, StoredCrawl,
};

use super::backend::Backend;

/// When every crawl of these tests begins.
pub const EPOCH: i64 = 1_700_000_000_000;
/// The delay that sessions are opened with.
pub const DELAY_MS: u64 = 500;

/// A crawl with an open session. Time stands still unless a test moves `now`.
pub struct Crawl<B: Backend> {
    pub backend: B,
    pub store: Option<B::Store>,
    pub start: SessionStart,
    pub settings: CrawlSettings,
    pub now: i64,
}

impl<B: Backend> Crawl<B> {
    pub async fn new() -> Self {
        Self::with(CrawlSettings { delay_ms: Some(DELAY_MS), ..CrawlSettings::default() }).await
    }

    pub async fn with(settings: CrawlSettings) -> Self {
        let backend = B::fresh().await;
        let store = backend.open().await;
        let start = begin(&store, &settings, EPOCH, false).await;
        Crawl { backend, store: Some(store), start, settings, now: EPOCH }
    }

    /// A crawl of these seeds.
    pub async fn of(urls: &[&str]) -> Self {
        let crawl = Self::new().await;
        crawl.seed(urls).await;
        crawl
    }

    pub fn store(&self) -> &B::Store {
        self.store.as_ref().expect("an open store")
    }

    pub async fn seed(&self, urls: &[&str]) -> Admitted {
        let seeds: Vec<Seed> = urls.iter().map(|url| seed(url)).collect();
        self.store().admit(&self.start, &seeds, self.now).await.expect("admitted")
    }

    pub async fn ask(&self, ask: LeaseAsk) -> LeaseGrant {
        self.store().lease(ask, self.now).await.expect("a grant")
    }

    pub async fn lease(&self, hosts: u32, urls_per_host: u32) -> LeaseGrant {
        self.ask(LeaseAsk { hosts, urls_per_host, ..self.empty_ask() }).await
    }

    /// The one host that is ready.
    pub async fn lease_one(&self) -> HostLease {
        let mut grant = self.lease(10, 100).await;
        assert_eq!(grant.hosts.len(), 1, "{:?}", grant.hosts);
        grant.hosts.remove(0)
    }

    pub fn empty_ask(&self) -> LeaseAsk {
        LeaseAsk {
            session: self.start.session,
            hosts: 0,
            urls_per_host: 0,
            until_ms: self.now + 600_000,
            refills: Vec::new(),
            named: Vec::new(),
            only: Vec::new(),
            alone: false,
        }
    }

    pub async fn refill(&self, key: LeaseKey, held: &[LeasedUrl], want: u32) -> Vec<(LeaseKey, Vec<LeasedUrl>)> {
        let refill = Refill { key, held: held.iter().map(|url| url.id).collect(), want };
        self.ask(LeaseAsk { refills: vec![refill], ..self.empty_ask() }).await.refills
    }

    pub async fn robots_of(&self, lease: &HostLease, origins: &[Origin]) -> Vec<Option<RobotsRecord>> {
        let asked: Vec<_> = origins.iter().map(|origin| (lease.key.host_id, origin.clone())).collect();
        self.store().robots_of(&asked).await.expect("robots.txt results")
    }

    pub async fn settle(&self, batch: Settlement) -> Settled {
        self.store().settle(&self.start, &batch, self.now).await.expect("settled")
    }

    pub async fn settle_visits(&self, visits: Vec<Visit>) -> Settled {
        self.settle(Settlement { visits, ..Settlement::default() }).await
    }

    pub async fn release(&self, lease: &HostLease) -> Settled {
        let releases = vec![Release { key: lease.key, host: self.update() }];
        self.settle(Settlement { releases, ..Settlement::default() }).await
    }

    /// Leases the one ready host, lets `make` visit its URLs, and gives the host back.
    pub async fn round_trip(&self, mut make: impl FnMut(&mut Visit, &LeasedUrl)) -> Settled {
        let lease = self.lease_one().await;
        let mut visits = Vec::new();
        for url in &lease.urls {
            let mut visit = self.page(&lease, url);
            make(&mut visit, url);
            visits.push(visit);
        }
        let releases = vec![Release { key: lease.key, host: self.update() }];
        self.settle(Settlement { visits, releases, ..Settlement::default() }).await
    }

    /// The process dies, and another begins where it was.
    pub async fn crash(&mut self) {
        let store = self.store.take().expect("an open store");
        self.backend.die(store);
        self.begin_again(false).await;
    }

    async fn begin_again(&mut self, recrawl: bool) {
        drop(self.store.take());
        let store = self.backend.open().await;
        self.start = begin(&store, &self.settings, self.now, recrawl).await;
        self.store = Some(store);
    }

    /// The session ends so (`None`: the process dies), and a recrawl begins.
    pub async fn recrawl(&mut self, ended_by: Option<EndedBy>) {
        if let Some(ended_by) = ended_by {
            self.store().end_session(&self.start, ended_by, self.now).await.expect("ended");
        }
        self.begin_again(true).await;
    }

    /// The session ends in good order, and another begins.
    pub async fn end(&mut self, ended_by: EndedBy) {
        self.store().end_session(&self.start, ended_by, self.now).await.expect("ended");
        self.crash().await;
    }

    pub async fn stored(&self) -> Option<StoredCrawl> {
        self.store().stored_crawl().await.expect("readable")
    }

    pub async fn rows(&self, sql: &str) -> Vec<Vec<String>> {
        self.backend.rows(sql).await
    }

    /// The one value of a query.
    pub async fn value(&self, sql: &str) -> String {
        let rows = self.rows(sql).await;
        assert_eq!((rows.len(), rows.first().map(Vec::len)), (1, Some(1)), "{sql}: {rows:?}");
        rows[0][0].clone()
    }

    /// A column of a URL's row.
    pub async fn of_url(&self, column: &str, url: &str) -> String {
        self.value(&format!("SELECT {column} FROM urls WHERE url = '{url}'")).await
    }

    /// The state of a URL.
    pub async fn state(&self, url: &str) -> String {
        self.of_url("state", url).await
    }

    pub fn update(&self) -> HostUpdate {
        HostUpdate { polite_ms: self.now, delay_ms: DELAY_MS, ..HostUpdate::default() }
    }

    /// A visit that found a page without links.
    pub fn page(&self, lease: &HostLease, url: &LeasedUrl) -> Visit {
        let mut visit = self.visit(lease, url, Outcome::Page, NextState::Done);
        visit.status = Some(200);
        visit.content = Some(content(url.url.as_str()));
        visit
    }

    pub fn visit(&self, lease: &HostLease, url: &LeasedUrl, outcome: Outcome, next: NextState) -> Visit {
        Visit {
            key: lease.key,
            url_id: url.id,
            from: url.from,
            started_ms: self.now,
            elapsed_ms: 20,
            outcome,
            status: None,
            attempts: u32::from(matches!(next, NextState::Scheduled { .. })),
            next,
            content: None,
            candidates: Vec::new(),
            links: Vec::new(),
            target: None,
            canonical: None,
            discarded: Vec::new(),
            noindex: false,
            nofollow: false,
            ledger: Ledger::default(),
            wire_bytes: None,
            etag: None,
            last_modified: None,
            address: None,
            error: None,
            headers: Vec::new(),
            host: self.update(),
            widens: None,
        }
    }

    /// Every promise about counters, leases and ready times that one look at the tables can judge.
    pub async fn recount(&self) {
        for (what, sql) in RECOUNTS {
            let wrong = self.rows(sql).await;
            assert!(wrong.is_empty(), "{what}: {} rows, {:?}", wrong.len(), &wrong[..wrong.len().min(3)]);
        }
    }

    /// The recount, and whether the database is sound.
    pub async fn check(&self) {
        self.recount().await;
        self.backend.check().await;
    }
}

async fn begin<S: Store>(store: &S, settings: &CrawlSettings, now: i64, recrawl: bool) -> SessionStart {
    let open = SessionOpen { settings, version: "1.2.3", delay_ms: DELAY_MS, recrawl, judging: false };
    store.begin_session(open, now).await.expect("a session")
}

/// Each selects what is wrong.
pub const RECOUNTS: [(&str, &str); 10] = [
    (
        "host_queue counters",
        "SELECT q.* FROM host_queue q LEFT JOIN (SELECT host_id, sum(CASE state WHEN 'queued' THEN 1 ELSE 0 END) AS queued,
           sum(CASE state WHEN 'scheduled' THEN 1 ELSE 0 END) AS scheduled, sum(CASE state WHEN 'done' THEN 1 ELSE 0 END) AS done,
           sum(CASE state WHEN 'failed' THEN 1 ELSE 0 END) AS failed, sum(CASE state WHEN 'excluded' THEN 1 ELSE 0 END) AS excluded
           FROM urls GROUP BY host_id) u ON u.host_id = q.host_id
         WHERE q.queued <> coalesce(u.queued, 0) OR q.scheduled <> coalesce(u.scheduled, 0) OR q.done <> coalesce(u.done, 0)
            OR q.failed <> coalesce(u.failed, 0) OR q.excluded <> coalesce(u.excluded, 0)",
    ),
    (
        "host_queue.pages",
        "SELECT q.host_id, q.pages FROM host_queue q WHERE q.pages <>
           (SELECT count(*) FROM fetches f WHERE f.host_id = q.host_id AND f.outcome = 'page'
             AND f.round_id = (SELECT max(id) FROM rounds))",
    ),
    (
        "totals",
        "SELECT t.name, t.n FROM totals t WHERE t.n <> CASE t.name
           WHEN 'fetches' THEN (SELECT count(*) FROM fetches)
           WHEN 'pages' THEN (SELECT count(*) FROM fetches WHERE outcome = 'page')
           ELSE (SELECT count(*) FROM urls u WHERE u.state = t.name) END",
    ),
    ("every host has its queue row", "SELECT id FROM hosts WHERE id NOT IN (SELECT host_id FROM host_queue)"),
    (
        "a free host is ready exactly when it has work and room for pages",
        "SELECT * FROM host_queue q WHERE lease_session IS NULL AND (ready_ms IS NOT NULL) <>
           (queued + scheduled > (SELECT count(*) FROM urls u WHERE u.host_id = q.host_id AND u.state = 'scheduled' AND u.due_ms = 253402300799000)
            AND (page_limit IS NULL OR pages < page_limit))",
    ),
    ("a leased host is not ready", "SELECT * FROM host_queue WHERE lease_session IS NOT NULL AND ready_ms IS NOT NULL"),
    (
        "a host that only waits is ready with its first due time",
        "SELECT * FROM host_queue q WHERE lease_session IS NULL AND queued = 0 AND ready_ms IS NOT NULL AND ready_ms <
           (SELECT min(due_ms) FROM urls u WHERE u.host_id = q.host_id AND u.state = 'scheduled')",
    ),
    (
        "last_fetch_id is the latest fetch",
        "SELECT id FROM urls u WHERE last_fetch_id <> (SELECT max(f.id) FROM fetches f WHERE f.url_id = u.id)
            OR (last_fetch_id IS NULL) <> NOT EXISTS (SELECT 1 FROM fetches f WHERE f.url_id = u.id)",
    ),
    (
        "page_fetch_id is a fetch of the URL that gave a page",
        "SELECT u.id FROM urls u LEFT JOIN fetches f ON f.id = u.page_fetch_id AND f.url_id = u.id
           AND f.outcome IN ('page', 'unchanged') WHERE u.page_fetch_id IS NOT NULL AND f.id IS NULL",
    ),
    (
        "what is held back is known, and nothing wakes for it",
        "SELECT u.id FROM urls u LEFT JOIN suspects s ON s.url_id = u.id AND s.held
           WHERE u.due_ms = 253402300799000 AND s.url_id IS NULL
         UNION ALL SELECT host_id FROM host_queue WHERE ready_ms >= 253402300799000",
    ),
];

pub fn crawl_url(text: &str) -> CrawlUrl {
    CrawlUrl::stored(text).expect("a canonical URL")
}

/// A URL named by a link one step from a seed, accepted.
pub fn named(url: &str) -> Candidate {
    let url = crawl_url(url);
    let domain = Some("example".into());
    Candidate { url, domain, admission: Admission::Queue, priority: 10, depth: 1, hops: 0, is_sitemap: false }
}

pub fn excluded(url: &str, rule: Rule) -> Candidate {
    Candidate { admission: Admission::Exclude(rule), ..named(url) }
}

pub fn seed(url: &str) -> Seed {
    let candidate = Candidate { depth: 0, priority: 0, ..named(url) };
    Seed { given: url.to_owned(), source: SeedSource::Argument, grants_origin: false, grants_scope: true, candidate }
}

/// Adds a link and what it names.
pub fn link(visit: &mut Visit, candidate: Candidate) {
    let target = visit.candidates.iter().position(|known| known.url == candidate.url).unwrap_or_else(|| {
        visit.candidates.push(candidate);
        visit.candidates.len() - 1
    });
    let position = visit.links.len() as u32;
    let anchor = Some(format!("link {position}"));
    visit.links.push(Outlink { target, kind: LinkKind::A, nofollow: false, position, anchor, entry: None });
}

/// A content that only this text has.
pub fn content(text: &str) -> Content {
    let body = format!("<title>{text}</title>");
    let hash = blake3::hash(body.as_bytes());
    Content {
        hash: hash.as_bytes()[..16].try_into().expect("16 bytes"),
        mime: "text/html".to_owned(),
        charset: Some("utf-8".to_owned()),
        size_bytes: body.len() as u64,
        simhash: None,
        meta_robots: None,
        parse_cut: None,
        parser: 1,
        words: Some(1),
        lang: None,
        title: Some(text.to_owned()),
        description: None,
        headings: Vec::new(),
        json_ld: None,
        open_graph: None,
        soft_404: false,
        text: Some(text.to_owned()),
        body: Some(sqrawl::store::body::pack(body.as_bytes())),
    }
}
