//! [`MadeUp`]: a crawl of sites that do not exist, in a file of its own, as the benches of the store use it.

use std::path::Path;

use sqrawl::model::{Admission, Candidate, CrawlSettings, CrawlUrl, HostLease, HostUpdate, Seed, SeedSource};
use sqrawl::store::sqlite::{OpenMode, SqliteStore};
use sqrawl::store::{LeaseAsk, SessionOpen, SessionStart, Settled, Settlement, Store};
use tokio::runtime::Runtime;

/// Seeds of one transaction.
const SEEDS_AT_ONCE: usize = 10_000;

/// A session that has begun.
pub(crate) struct MadeUp {
    runtime: Runtime,
    store: SqliteStore,
    start: SessionStart,
    /// Unix ms.
    pub(crate) now: i64,
    _folder: Option<tempfile::TempDir>,
}

/// When every host of a crawl may be asked again, Unix ms.
const LONG_AFTER_MS: i64 = 4_000_000_000_000;

async fn begin(path: &Path, now: i64) -> (SqliteStore, SessionStart) {
    let settings = CrawlSettings { delay_ms: Some(0), max_pages_per_host: None, ..CrawlSettings::default() };
    let store = SqliteStore::open(path, OpenMode::CreateOrOpen, false).await.expect("a store");
    let open = SessionOpen { settings: &settings, version: "bench", delay_ms: 0, recrawl: false, judging: false };
    let start = store.begin_session(open, now).await.expect("a session");
    (store, start)
}

/// Page `n` of a host.
pub(crate) fn candidate(host: u64, n: u64) -> Candidate {
    let text = format!("https://site-{host}.example/section/{}/a-page-of-this-site-{n}.html", n % 97);
    Candidate {
        url: CrawlUrl::stored(&text).expect("a URL"),
        domain: Some(format!("site-{host}.example").into()),
        admission: Admission::Queue,
        priority: 1,
        depth: 1,
        hops: 0,
        is_sitemap: false,
    }
}

fn seed(host: u64, n: u64) -> Seed {
    let candidate = candidate(host, n);
    Seed {
        given: candidate.url.to_string(),
        source: SeedSource::File,
        grants_origin: false,
        grants_scope: true,
        candidate,
    }
}

impl MadeUp {
    /// So many hosts, each with so many URLs in its queue.
    pub(crate) fn new(hosts: u64, urls_per_host: u64) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("crawl.db");
        let (store, start) = runtime.block_on(async {
            let (store, start) = begin(&path, 1).await;
            let all: Vec<(u64, u64)> = (0..hosts).flat_map(|host| (0..urls_per_host).map(move |n| (host, n))).collect();
            for some in all.chunks(SEEDS_AT_ONCE) {
                let seeds: Vec<Seed> = some.iter().map(|(host, n)| seed(*host, *n)).collect();
                store.admit(&start, &seeds, 1).await.expect("seeds");
            }
            (store, start)
        });
        MadeUp { runtime, store, start, now: 10, _folder: Some(folder) }
    }

    /// A crawl that there is, as examples/populate makes them. It is gone on with in the file itself.
    #[allow(dead_code, reason = "only leases are measured in one")]
    pub(crate) fn of(path: &Path) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let (store, start) = runtime.block_on(begin(path, LONG_AFTER_MS));
        MadeUp { runtime, store, start, now: LONG_AFTER_MS, _folder: None }
    }

    /// Leases hosts, a second later.
    pub(crate) fn lease(&mut self, hosts: u32, urls_per_host: u32) -> Vec<HostLease> {
        self.now += 1000;
        let ask = LeaseAsk {
            session: self.start.session,
            hosts,
            urls_per_host,
            until_ms: self.now + 600_000,
            refills: Vec::new(),
            named: Vec::new(),
            only: Vec::new(),
            alone: false,
        };
        self.runtime.block_on(self.store.lease(ask, self.now)).expect("leases").hosts
    }

    /// Settles a batch.
    pub(crate) fn settle(&self, batch: &Settlement) -> Settled {
        self.runtime.block_on(self.store.settle(&self.start, batch, self.now)).expect("settled")
    }

    /// The state of a host that was just asked.
    pub(crate) fn host(&self) -> HostUpdate {
        HostUpdate { polite_ms: self.now, ..HostUpdate::default() }
    }
}
