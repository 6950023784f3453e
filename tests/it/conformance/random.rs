//! Crawls of chance: leases, visits of every kind, crashes, seeds and lost leases in any order, with
//! every counter recounted after every step. A failure prints the seed that repeats it.

use std::collections::HashMap;

use sqrawl::model::{
    Admission, Candidate, CrawlSettings, EndedBy, HostLease, LeasedUrl, NextState, Outcome, Release, Rule, UrlId, Visit,
};
use sqrawl::store::Settlement;

use super::backend::Backend;
use super::crawl::{Crawl, content, link, named};

const SEEDS: u64 = 8;
const STEPS: usize = 40;

/// SplitMix64 (Steele, Lea, Flood 2014).
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % bound
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    fn pick<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize].clone()
    }
}

/// A host in a worker's hands.
struct Held {
    lease: HostLease,
    urls: Vec<LeasedUrl>,
}

pub async fn counters_equal_their_recount_after_every_step<B: Backend>() {
    for seed in 0..SEEDS {
        println!("seed {seed}");
        play::<B>(Chance(seed)).await;
    }
}

async fn play<B: Backend>(mut chance: Chance) {
    let limit = chance.one_in(2).then_some(4);
    let settings = CrawlSettings { max_pages_per_host: limit, delay_ms: Some(100), ..CrawlSettings::default() };
    let mut crawl = Crawl::<B>::with(settings).await;
    crawl.seed(&["https://h0.example/0"]).await;
    let mut held: Vec<Held> = Vec::new();
    let mut lost: Vec<Held> = Vec::new();
    for _ in 0..STEPS {
        crawl.now += chance.below(400).cast_signed();
        match chance.below(12) {
            0..4 => lease(&crawl, &mut chance, &mut held).await,
            4..9 => settle(&crawl, &mut chance, &mut held, &mut lost).await,
            9 => {
                crawl.seed(&[&format!("https://h{}.example/{}", chance.below(6), chance.below(9))]).await;
            }
            10 => {
                lost.append(&mut held);
                crawl.crash().await;
            }
            _ => {
                held.clear();
                lost.clear();
                crawl.end(EndedBy::Signal).await;
            }
        }
        crawl.recount().await;
    }
    crawl.check().await;
}

async fn lease<B: Backend>(crawl: &Crawl<B>, chance: &mut Chance, held: &mut Vec<Held>) {
    for lease in crawl.lease(1 + chance.below(3) as u32, 1 + chance.below(4) as u32).await.hosts {
        assert!(held.iter().all(|other| other.lease.key.host_id != lease.key.host_id), "leased twice");
        held.push(Held { urls: lease.urls.clone(), lease });
    }
    if let Some(one) = held.first_mut() {
        let more = crawl.refill(one.lease.key, &one.urls, 2).await;
        one.urls.extend(more.into_iter().flat_map(|(_, urls)| urls));
    }
    let mut ids: HashMap<UrlId, usize> = HashMap::new();
    held.iter().flat_map(|held| &held.urls).for_each(|url| *ids.entry(url.id).or_default() += 1);
    assert!(ids.values().all(|n| *n == 1), "a URL in two hands");
}

async fn settle<B: Backend>(crawl: &Crawl<B>, chance: &mut Chance, held: &mut Vec<Held>, lost: &mut [Held]) {
    let mut batch = Settlement::default();
    let mut expected = 0;
    for one in held.iter_mut() {
        for _ in 0..chance.below(4) {
            let Some(url) = one.urls.pop() else { break };
            let visit = visit(crawl, chance, &one.lease, &url);
            if chance.one_in(6) {
                batch.visits.push(visit.clone());
            }
            batch.visits.push(visit);
            expected += 1;
        }
    }
    for one in lost.iter_mut() {
        if let Some(url) = one.urls.pop() {
            batch.visits.push(visit(crawl, chance, &one.lease, &url));
            batch.releases.push(Release { key: one.lease.key, host: crawl.update() });
        }
    }
    let mut index = 0;
    held.retain(|one| {
        index += 1;
        let ends = chance.one_in(3);
        if ends {
            batch.releases.push(Release { key: one.lease.key, host: crawl.update() });
        }
        !ends
    });
    let sent = batch.visits.len() as u64;
    let settled = crawl.settle(batch).await;
    assert_eq!((settled.applied, settled.dropped.len() as u64), (expected, sent - expected));
}

fn visit<B: Backend>(crawl: &Crawl<B>, chance: &mut Chance, lease: &HostLease, url: &LeasedUrl) -> Visit {
    let outcome = chance.pick(&[Outcome::Page, Outcome::Page, Outcome::Page, Outcome::Redirect, Outcome::Timeout]);
    let next = match chance.below(8) {
        0..5 => NextState::Done,
        5 => NextState::Failed,
        6 => NextState::Scheduled { due_ms: crawl.now + chance.below(3_000).cast_signed() },
        _ => NextState::Excluded(chance.pick(&[Rule::ROBOTS, Rule::DEPTH])),
    };
    let mut visit = crawl.visit(lease, url, outcome, next);
    visit.host.polite_ms += chance.below(500).cast_signed();
    match outcome {
        Outcome::Page => {
            visit.content = Some(content(&chance.below(20).to_string()));
            for _ in 0..chance.below(6) {
                link(&mut visit, candidate(chance));
            }
        }
        Outcome::Redirect => {
            visit.candidates.push(candidate(chance));
            visit.target = Some(0);
        }
        _ => {}
    }
    visit.discarded = vec![(Rule::SCHEME, chance.below(3) as u32)];
    visit
}

fn candidate(chance: &mut Chance) -> Candidate {
    let url = format!("https://h{}.example/{}", chance.below(6), chance.below(30));
    let admission = match chance.below(4) {
        0 => Admission::Exclude(chance.pick(&[Rule::SCOPE, Rule::DEPTH, Rule::NOFOLLOW])),
        _ => Admission::Queue,
    };
    let (depth, priority, hops) = (chance.below(5) as u32, chance.below(5) as i32, chance.below(3) as u32);
    Candidate { admission, depth, priority, hops, ..named(&url) }
}
