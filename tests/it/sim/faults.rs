//! The production engine among faults: a generated web, a store of which any verb may fail before or
//! after its work, requests that hang or break off, processes that die at any moment, signals,
//! settings that change, a clock that is set. One number decides everything.
//!
//! The crawl is begun again on the same file until nothing goes wrong any more. Then it has to be
//! complete and equal to one that nobody disturbed; between two lives every promise of the file is
//! checked, and at the end the servers judge the manners of all lives together. `docs/durability.md`
//! explains what is compared.
//!
//! - `web`, `server`: what is crawled, and the faults of the network.
//! - `lives`: what goes wrong in one life; `store`: how the store comes to fail.
//! - `time`: virtual time over all lives.
//! - `trial`: one seed from the first life to the last; `rows`, `judge`: what is checked.
//! - `found`: what went wrong once, by hand.
//!
//! A failure names its seed: `SQRAWL_SIM_SEED=n cargo test --locked sim::faults` runs it alone,
//! `SQRAWL_SIM_SEEDS=n` runs so many of them, and `--nocapture` tells their story.

mod found;
mod judge;
mod lives;
mod rows;
mod server;
mod store;
mod time;
mod trial;
mod web;

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use trial::{Tally, Telling, try_seed};

/// Seeds of the ordinary run.
const SEEDS: u64 = 100;
/// Seeds that are run twice.
const REPEATED: u64 = 8;
/// Failing seeds after which no more are tried.
const ENOUGH: usize = 20;
/// Tries of a URL.
const TRIES: u32 = 3;

/// The seeds to try, and whether one was asked for by its number.
fn wanted(ordinary: u64) -> (std::ops::Range<u64>, bool) {
    let number = |name: &str| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    match number("SQRAWL_SIM_SEED") {
        Some(one) => (one..one + 1, true),
        None => (0..number("SQRAWL_SIM_SEEDS").unwrap_or(ordinary), false),
    }
}

/// Tries every seed, on all cores. What went wrong, by seed.
fn try_all(seeds: std::ops::Range<u64>, tell: bool) -> (Vec<(u64, String)>, Tally) {
    let next = AtomicU64::new(seeds.start);
    let found = Mutex::new((Vec::new(), Tally::default()));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end || found.lock().unwrap().0.len() >= ENOUGH {
                        return;
                    }
                    let telling = if tell { Telling::All } else { Telling::Nothing };
                    let outcome = std::panic::catch_unwind(|| try_seed(seed, telling));
                    let mut found = found.lock().unwrap();
                    match outcome {
                        Ok(Ok(tally)) => found.1.add(&tally),
                        Ok(Err(what)) => found.0.push((seed, what)),
                        Err(_) => found.0.push((seed, "a panic".to_owned())),
                    }
                }
            });
        }
    });
    let (mut wrong, tally) = found.into_inner().unwrap();
    wrong.sort_unstable();
    (wrong, tally)
}

#[test]
fn whatever_fails_the_crawl_ends_as_if_undisturbed() {
    let (seeds, alone) = wanted(SEEDS);
    let many = seeds.end - seeds.start;
    let (wrong, tally) = try_all(seeds, alone);
    println!("{tally:?}");
    let list: String = wrong
        .iter()
        .map(|(seed, what)| format!("SQRAWL_SIM_SEED={seed} cargo test --locked sim::faults -- --nocapture\n{what}\n"))
        .collect();
    assert!(wrong.is_empty(), "{} of {many} seeds failed:\n{list}", wrong.len());
}

/// The same number, the same history: what a failure prints can be looked at again.
#[test]
fn a_seed_repeats_its_history() {
    let (seeds, _) = wanted(REPEATED);
    let other: Vec<u64> = seeds
        .filter(|seed| {
            let told = [(); 2].map(|()| try_seed(*seed, Telling::Nothing).map(|tally| tally.history));
            told[0] != told[1]
        })
        .collect();
    assert!(other.is_empty(), "another history the second time: {other:?}");
}
