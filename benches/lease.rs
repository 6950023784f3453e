//! What a lease costs in the store, by how many hosts and URLs wait: `cargo bench --bench lease`.
//!
//! A lease takes 8 hosts with 50 URLs each, or as many as a host has. Every host is given back before the next,
//! outside of what is measured, so the frontier stays as large as it was; `settle.rs` measures lease and
//! release together. The large one takes some seconds to make up.
//!
//! `SQRAWL_BENCH_CRAWL=FILE cargo bench --bench lease -- a_crawl` measures the same on a crawl that there is, for one
//! that examples/populate made; leases and a session are written into it.

mod made_up;

use std::cell::RefCell;

use divan::Bencher;
use divan::counter::ItemsCount;
use made_up::MadeUp;
use sqrawl::model::{HostLease, Release};
use sqrawl::store::Settlement;

const LEASED_HOSTS: u32 = 8;
const URLS_PER_LEASE: u32 = 50;

fn main() {
    divan::main();
}

struct Frontier {
    crawl: MadeUp,
    leased: Vec<HostLease>,
}

impl Frontier {
    fn lease(&mut self) {
        self.leased = self.crawl.lease(LEASED_HOSTS, URLS_PER_LEASE);
        assert_eq!(self.leased.len(), LEASED_HOSTS as usize);
    }

    fn release(&mut self) {
        let host = self.crawl.host();
        let releases = self.leased.drain(..).map(|lease| Release { key: lease.key, host }).collect();
        self.crawl.settle(&Settlement { releases, ..Settlement::default() });
    }
}

fn lease(bencher: Bencher<'_, '_>, crawl: MadeUp) {
    let frontier = RefCell::new(Frontier { crawl, leased: Vec::new() });
    bencher
        .counter(ItemsCount::new(LEASED_HOSTS as usize))
        .with_inputs(|| frontier.borrow_mut().release())
        .bench_local_values(|()| frontier.borrow_mut().lease());
}

/// Few hosts with many URLs each.
#[divan::bench(args = [1_000, 20_000], sample_count = 50, sample_size = 1)]
fn urls_per_host(bencher: Bencher<'_, '_>, urls: u64) {
    lease(bencher, MadeUp::new(16, urls));
}

/// Many hosts with few URLs each.
#[divan::bench(args = [1_000, 100_000], sample_count = 50, sample_size = 1)]
fn hosts(bencher: Bencher<'_, '_>, hosts: u64) {
    lease(bencher, MadeUp::new(hosts, 3));
}

/// A crawl that there is, if one is named.
#[expect(clippy::disallowed_methods, reason = "no setting of the program")]
#[divan::bench(sample_count = 200, sample_size = 1)]
fn a_crawl(bencher: Bencher<'_, '_>) {
    if let Some(file) = std::env::var_os("SQRAWL_BENCH_CRAWL") {
        lease(bencher, MadeUp::of(file.as_ref()));
    }
}
