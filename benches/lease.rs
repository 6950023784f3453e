//! What a lease costs in the store, by how many hosts and URLs wait: `cargo bench --bench lease`.
//!
//! A lease takes 8 hosts with 50 URLs each, or as many as a host has. Every host is given back before the next,
//! outside of what is measured, so the frontier stays as large as it was; `settle.rs` measures lease and
//! release together. The large one takes some seconds to make up.

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

fn lease(bencher: Bencher<'_, '_>, hosts: u64, urls_per_host: u64) {
    let frontier = RefCell::new(Frontier { crawl: MadeUp::new(hosts, urls_per_host), leased: Vec::new() });
    bencher
        .counter(ItemsCount::new(LEASED_HOSTS as usize))
        .with_inputs(|| frontier.borrow_mut().release())
        .bench_local_values(|()| frontier.borrow_mut().lease());
}

/// Few hosts with many URLs each.
#[divan::bench(args = [1_000, 20_000], sample_count = 50, sample_size = 1)]
fn urls_per_host(bencher: Bencher<'_, '_>, urls: u64) {
    lease(bencher, 16, urls);
}

/// Many hosts with few URLs each.
#[divan::bench(args = [1_000, 100_000], sample_count = 50, sample_size = 1)]
fn hosts(bencher: Bencher<'_, '_>, hosts: u64) {
    lease(bencher, hosts, 3);
}
