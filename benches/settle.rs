//! What a visit costs in the store: `cargo bench --bench settle`.
//!
//! A batch is 400 pages of 8 hosts with 50 links each, 8 of them to URLs that were never seen, in a
//! file that grows with every sample. Times are of a batch; items are visits.

mod made_up;

use divan::Bencher;
use divan::counter::ItemsCount;
use made_up::{MadeUp, candidate};
use sqrawl::model::{Candidate, Content, HostLease, Ledger, LinkKind, NextState, Outcome, Outlink, Release, Visit};
use sqrawl::store::{Settlement, body};

const HOSTS: u64 = 8;
const PAGES_PER_HOST: u32 = 50;
const LINKS: u64 = 50;
const NEW: u64 = 8;
const BODY_BYTES: usize = 40_000;

fn main() {
    divan::main();
}

/// Seeds of each host.
const SEEDS: u64 = 100;

struct Crawl {
    crawl: MadeUp,
    /// URLs named so far, for each host.
    named: [u64; HOSTS as usize],
    visits: u64,
    bodies: bool,
}

impl Crawl {
    fn new(bodies: bool) -> Self {
        Crawl { crawl: MadeUp::new(HOSTS, SEEDS), named: [SEEDS; HOSTS as usize], visits: 0, bodies }
    }

    fn lease(&mut self) -> Vec<HostLease> {
        self.crawl.lease(HOSTS as u32, PAGES_PER_HOST)
    }

    fn batch(&mut self) -> Settlement {
        let leases = self.lease();
        let mut batch = Settlement::default();
        for lease in &leases {
            let host: u64 = lease.host.as_str()[5..].split('.').next().and_then(|n| n.parse().ok()).expect("a host");
            let visits: Vec<Visit> = lease.urls.iter().map(|leased| self.visit(lease, host, leased.id)).collect();
            batch.visits.extend(visits);
            batch.releases.push(Release { key: lease.key, host: self.crawl.host() });
        }
        assert_eq!(batch.visits.len(), (HOSTS as u32 * PAGES_PER_HOST) as usize);
        batch
    }

    fn visit(&mut self, lease: &HostLease, host: u64, url_id: sqrawl::model::UrlId) -> Visit {
        self.visits += 1;
        let named = self.named[host as usize];
        self.named[host as usize] += NEW;
        // Half of the known targets are near the page, half all over the site.
        let known = (0..LINKS - NEW).map(|n| if n % 2 == 0 { n } else { self.visits.wrapping_mul(n * 7919) % named });
        let mut numbers: Vec<u64> = known.chain(named..named + NEW).collect();
        numbers.dedup();
        let candidates: Vec<Candidate> = numbers.iter().map(|n| candidate(host, *n)).collect();
        let links = (0..candidates.len())
            .map(|target| Outlink {
                target,
                kind: LinkKind::A,
                nofollow: false,
                position: target as u32,
                anchor: Some(format!("Link number {target}")),
                entry: None,
            })
            .collect();
        Visit {
            key: lease.key,
            url_id,
            from: sqrawl::model::LeasedFrom::Queued,
            started_ms: self.crawl.now,
            elapsed_ms: 40,
            outcome: Outcome::Page,
            status: Some(200),
            next: NextState::Done,
            attempts: 0,
            content: Some(content(self.visits, self.bodies)),
            candidates,
            links,
            target: None,
            canonical: None,
            discarded: Vec::new(),
            noindex: false,
            nofollow: false,
            ledger: Ledger::default(),
            wire_bytes: Some(9_000),
            etag: Some(format!("\"{:x}\"", self.visits)),
            last_modified: None,
            address: Some("192.0.2.1".to_owned()),
            error: None,
            headers: vec![("content-type".to_owned(), "text/html".to_owned()), ("server".to_owned(), "x".to_owned())],
            host: self.crawl.host(),
            widens: None,
        }
    }
}

fn content(n: u64, bodies: bool) -> Content {
    let mut hash = [0; 16];
    hash[..8].copy_from_slice(&n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes());
    let words = |bytes: usize| -> String {
        (0..).map(|i: u64| format!("word{} ", (i * 31 + n * i * i) % 5000)).take(bytes / 9).collect()
    };
    Content {
        hash,
        mime: "text/html".to_owned(),
        charset: Some("utf-8".to_owned()),
        size_bytes: BODY_BYTES as u64,
        simhash: Some(n),
        meta_robots: None,
        parse_cut: None,
        parser: 1,
        words: Some(600),
        lang: Some("en".to_owned()),
        title: Some(format!("Page {n} of the site")),
        description: None,
        headings: vec![(1, format!("Page {n}"))],
        json_ld: None,
        open_graph: None,
        soft_404: false,
        text: bodies.then(|| words(5_000)),
        body: bodies.then(|| body::pack(words(BODY_BYTES).as_bytes())),
    }
}

#[divan::bench(args = [false, true], sample_count = 40, sample_size = 1)]
fn settle(bencher: Bencher<'_, '_>, bodies: bool) {
    let crawl = std::cell::RefCell::new(Crawl::new(bodies));
    bencher
        .counter(ItemsCount::new(HOSTS * u64::from(PAGES_PER_HOST)))
        .with_inputs(|| crawl.borrow_mut().batch())
        .bench_local_values(|batch| {
            let mut crawl = crawl.borrow_mut();
            crawl.crawl.now += 1;
            let settled = crawl.crawl.settle(&batch);
            assert_eq!(settled.applied, HOSTS * u64::from(PAGES_PER_HOST));
        });
}

#[divan::bench(sample_count = 40, sample_size = 1)]
fn lease_and_release(bencher: Bencher<'_, '_>) {
    let crawl = std::cell::RefCell::new(Crawl::new(false));
    for _ in 0..10 {
        let mut crawl = crawl.borrow_mut();
        let batch = crawl.batch();
        crawl.crawl.settle(&batch);
    }
    bencher.counter(ItemsCount::new(HOSTS * u64::from(PAGES_PER_HOST))).bench_local(|| {
        let mut crawl = crawl.borrow_mut();
        let leases = crawl.lease();
        let host = crawl.crawl.host();
        let releases = leases.iter().map(|lease| Release { key: lease.key, host }).collect();
        crawl.crawl.settle(&Settlement { releases, ..Settlement::default() });
    });
}
