//! [`SimClock`]: virtual time, and [`Chance`]: repeatable draws.

use std::sync::Mutex;

use sqrawl::engine::Clock;
use sqrawl::model::UnixMs;

/// When the simulated world begins.
pub const DAWN_MS: UnixMs = 1_700_000_000_000;

/// tokio's paused clock as the engine's.
pub struct SimClock {
    start: tokio::time::Instant,
    chance: Mutex<Chance>,
}

impl SimClock {
    pub fn new(seed: u64) -> Self {
        SimClock { start: tokio::time::Instant::now(), chance: Mutex::new(Chance::new(seed)) }
    }
}

impl Clock for SimClock {
    fn now_ms(&self) -> UnixMs {
        DAWN_MS + self.elapsed_ms() as UnixMs
    }

    fn elapsed_ms(&self) -> u64 {
        self.start.elapsed().as_millis() as u64
    }

    async fn sleep_ms(&self, ms: u64) {
        tokio::time::sleep(std::time::Duration::from_millis(ms)).await;
    }

    fn jitter(&self) -> f64 {
        self.chance.lock().unwrap().below(1000) as f64 / 1000.0
    }
}

/// SplitMix64 (Steele, Lea, Flood 2014): small, seeded, the same everywhere.
pub struct Chance(u64);

impl Chance {
    pub fn new(seed: u64) -> Self {
        Chance(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }

    pub fn percent(&mut self, of_hundred: u64) -> bool {
        self.below(100) < of_hundred
    }
}
