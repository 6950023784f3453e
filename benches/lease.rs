//! What a lease costs in the store, by how many hosts and URLs wait: `cargo bench --bench lease`.
//!
//! A lease takes 8 hosts with 50 URLs each, or as many as a host has. Every host is given back before the next,
//! outside of what is measured, so the frontier stays as large as it was; `settle.rs` measures lease and
//! release together. The large one takes some seconds to make up.

use std::cell::RefCell;

use divan::Bencher;
use divan::counter::ItemsCount;
use sqrawl::model::{Admission, Candidate, CrawlSettings, CrawlUrl, HostLease, HostUpdate, Release, Seed, SeedSource};
use sqrawl::store::sqlite::{OpenMode, SqliteStore};
use sqrawl::store::{LeaseAsk, SessionOpen, SessionStart, Settlement, Store};
use tokio::runtime::Runtime;

const LEASED_HOSTS: u32 = 8;
const URLS_PER_LEASE: u32 = 50;
/// Seeds of one transaction.
const SEEDS: usize = 10_000;

fn main() {
    divan::main();
}

struct Frontier {
    runtime: Runtime,
    store: SqliteStore,
    start: SessionStart,
    leased: Vec<HostLease>,
    now: i64,
    _folder: tempfile::TempDir,
}

fn seed(host: usize, n: usize) -> Seed {
    let text = format!("https://site-{host}.example/section/{}/a-page-of-this-site-{n}.html", n % 97);
    Seed {
        given: text.clone(),
        source: SeedSource::File,
        grants_origin: false,
        candidate: Candidate {
            url: CrawlUrl::stored(&text).expect("a URL"),
            domain: Some(format!("site-{host}.example")),
            admission: Admission::Queue,
            priority: 1,
            depth: 1,
            hops: 0,
            is_sitemap: false,
        },
    }
}

impl Frontier {
    fn new(hosts: usize, urls_per_host: usize) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("crawl.db");
        let settings = CrawlSettings { delay_ms: Some(0), max_pages_per_host: None, ..CrawlSettings::default() };
        let (store, start) = runtime.block_on(async {
            let store = SqliteStore::open(&path, OpenMode::CreateOrOpen, false).await.expect("a store");
            let open =
                SessionOpen { settings: &settings, version: "bench", delay_ms: 0, recrawl: false, judging: false };
            let start = store.begin_session(open, 1).await.expect("a session");
            let all: Vec<(usize, usize)> =
                (0..hosts).flat_map(|host| (0..urls_per_host).map(move |n| (host, n))).collect();
            for some in all.chunks(SEEDS) {
                let seeds: Vec<Seed> = some.iter().map(|(host, n)| seed(*host, *n)).collect();
                store.admit(&start, &seeds, 1).await.expect("seeds");
            }
            (store, start)
        });
        Frontier { runtime, store, start, leased: Vec::new(), now: 10, _folder: folder }
    }

    fn lease(&mut self) {
        self.now += 1000;
        let ask = LeaseAsk {
            session: self.start.session,
            hosts: LEASED_HOSTS,
            urls_per_host: URLS_PER_LEASE,
            until_ms: self.now + 600_000,
            refills: Vec::new(),
            named: Vec::new(),
            alone: false,
        };
        self.leased = self.runtime.block_on(self.store.lease(ask, self.now)).expect("leases").hosts;
        assert_eq!(self.leased.len(), LEASED_HOSTS as usize);
    }

    fn release(&mut self) {
        let host = HostUpdate { polite_ms: self.now, ..HostUpdate::default() };
        let releases = self.leased.drain(..).map(|lease| Release { key: lease.key, host }).collect();
        let batch = Settlement { releases, ..Settlement::default() };
        self.runtime.block_on(self.store.settle(&self.start, &batch, self.now)).expect("released");
    }
}

fn lease(bencher: Bencher<'_, '_>, hosts: usize, urls_per_host: usize) {
    let frontier = RefCell::new(Frontier::new(hosts, urls_per_host));
    bencher
        .counter(ItemsCount::new(LEASED_HOSTS as usize))
        .with_inputs(|| frontier.borrow_mut().release())
        .bench_local_values(|()| frontier.borrow_mut().lease());
}

/// Few hosts with many URLs each.
#[divan::bench(args = [1_000, 20_000], sample_count = 50, sample_size = 1)]
fn urls_per_host(bencher: Bencher<'_, '_>, urls: usize) {
    lease(bencher, 16, urls);
}

/// Many hosts with few URLs each.
#[divan::bench(args = [1_000, 100_000], sample_count = 50, sample_size = 1)]
fn hosts(bencher: Bencher<'_, '_>, hosts: usize) {
    lease(bencher, hosts, 3);
}
