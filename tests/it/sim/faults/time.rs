//! [`Timeline`]: one virtual time over all lives, in which no two things ever happen in the same
//! millisecond, and nothing is parsed before all others have done what there is to do. So nothing depends
//! on which of two threads is quicker, and a seed repeats its whole history. [`LifeClock`] is what the
//! engine is told of it.

use std::collections::HashSet;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use sqrawl::engine::Clock;
use sqrawl::model::UnixMs;

use super::super::clock::{Chance, DAWN_MS};
use super::lives::Fate;

/// Who waits. Each has milliseconds of its own: two who begin to wait in the same one do so in an order
/// that the machine decides.
#[derive(Clone, Copy, Debug)]
pub enum Lane {
    Settle,
    OtherCall,
    Request,
    Fate,
    /// The engine; its parts wait for different times.
    Clock,
}

const LANES: u64 = 8;

impl Lane {
    fn number(self, ms: u64) -> u64 {
        match self {
            Lane::Settle => 0,
            Lane::OtherCall => 1,
            Lane::Request => 2,
            Lane::Fate => 3,
            Lane::Clock => 4 + ms % (LANES - 4),
        }
    }
}

/// Times are ms since the world began; only the engine's clock may be wrong.
pub struct Timeline {
    /// When this life began.
    born: AtomicU64,
    /// The same moment as tokio has it.
    start: Mutex<Option<tokio::time::Instant>>,
    /// How far the machine's clock is off.
    off_ms: AtomicI64,
    /// Milliseconds of this life in which something happens.
    taken: Mutex<HashSet<u64>>,
    chance: Mutex<Chance>,
    /// Whether the engine's own thread has nothing to do now.
    idle: Mutex<bool>,
    idle_changed: Condvar,
}

impl Timeline {
    pub fn new(seed: u64) -> Self {
        Timeline {
            born: AtomicU64::new(0),
            start: Mutex::new(None),
            off_ms: AtomicI64::new(0),
            taken: Mutex::default(),
            chance: Mutex::new(Chance::new(seed ^ 0x0063_6c6b)),
            idle: Mutex::new(true),
            idle_changed: Condvar::new(),
        }
    }

    /// A life begins on this runtime, its machine's clock set by so much.
    pub fn begin(&self, jump_ms: i64) {
        self.off_ms.fetch_add(jump_ms, Ordering::Relaxed);
        *self.start.lock().unwrap() = Some(tokio::time::Instant::now());
        self.is_idle(false);
    }

    /// The engine's own thread has nothing to do any more, or has something again.
    pub fn is_idle(&self, idle: bool) {
        *self.idle.lock().unwrap() = idle;
        self.idle_changed.notify_all();
    }

    /// Blocks another thread until the engine's own has nothing to do, or the life is over.
    fn wait_for_idle(&self) {
        let idle = self.idle.lock().unwrap();
        drop(self.idle_changed.wait_while(idle, |idle| !*idle && self.start.lock().unwrap().is_some()).unwrap());
    }

    /// Blocks another thread until the life is over.
    fn wait_for_end(&self) {
        let idle = self.idle.lock().unwrap();
        drop(self.idle_changed.wait_while(idle, |_| self.start.lock().unwrap().is_some()).unwrap());
    }

    /// Its last word.
    pub fn end(&self) {
        self.born.store(self.now(), Ordering::Relaxed);
        *self.start.lock().unwrap() = None;
        self.is_idle(true);
        self.taken.lock().unwrap().clear();
    }

    /// Nobody crawls for a while.
    pub fn pass(&self, ms: u64) {
        self.born.fetch_add(ms, Ordering::Relaxed);
    }

    pub fn now(&self) -> u64 {
        self.born.load(Ordering::Relaxed) + self.elapsed()
    }

    fn elapsed(&self) -> u64 {
        self.start.lock().unwrap().map_or(0, |start| start.elapsed().as_millis() as u64)
    }

    /// What the machine believes.
    pub fn wall(&self) -> UnixMs {
        DAWN_MS + self.now() as i64 + self.off_ms.load(Ordering::Relaxed)
    }

    /// Waits for so long, and a little more where something else happens then.
    pub async fn sleep(&self, ms: u64, lane: Lane) {
        let start = self.start.lock().unwrap().expect("a life");
        let mut at = self.elapsed().saturating_add(ms.max(1));
        at += (LANES + lane.number(ms) - at % LANES) % LANES;
        {
            let mut taken = self.taken.lock().unwrap();
            while !taken.insert(at) {
                at += LANES;
            }
        }
        tokio::time::sleep_until(start + Duration::from_millis(at)).await;
    }
}

/// The clock of a machine that the engine runs on.
pub struct LifeClock(pub Arc<Timeline>, pub Arc<Fate>);

impl Clock for LifeClock {
    fn now_ms(&self) -> UnixMs {
        self.0.wall()
    }

    fn elapsed_ms(&self) -> u64 {
        self.0.elapsed()
    }

    /// Asked for by those who parse, on threads of their own.
    fn worked_ms(&self) -> u64 {
        self.0.wait_for_idle();
        if self.1.dies_of_parse() {
            self.0.wait_for_end();
        }
        0
    }

    async fn sleep_ms(&self, ms: u64) {
        self.0.sleep(ms, Lane::Clock).await;
    }

    fn jitter(&self) -> f64 {
        self.0.chance.lock().unwrap().below(1000) as f64 / 1000.0
    }
}
