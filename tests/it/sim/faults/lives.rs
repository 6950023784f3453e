//! [`Plan`]: what is to happen in one life of the crawler. [`Fate`] is the plan while it comes true.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use sqrawl::engine::Stop;
use sqrawl::model::CrawlSettings;
use sqrawl::store::StoreError;
use tokio::sync::Notify;

use super::super::clock::Chance;

/// Who calls the store. Session and writer do so independently of each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Caller {
    Session,
    /// Settles.
    Writer,
    /// The writer too: asks for room.
    Asker,
}

/// What a call of the store comes to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum CallFault {
    /// Fails before anything was done.
    Fails(Trouble),
    /// Is done, and fails all the same: the caller cannot know.
    FailsWhenDone(Trouble),
    /// Fails as soon as anything of it is committed, which has to be all of it.
    FailsAtCommit(Trouble),
    /// The process dies before it.
    DiesBefore,
    /// The process dies as soon as anything of it is committed.
    DiesAtCommit,
    /// The process dies in its transaction. How far that has come, SQLite's own thread decides: such a
    /// seed has more than one history.
    DiesInside(u32),
    /// The process dies when it is committed, before the caller hears of it.
    DiesWhenDone,
}

/// What the store says is wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Trouble {
    Full,
    Locked,
    Io,
    ReadOnly,
}

impl Trouble {
    /// The error, marked so that it is known again.
    fn error(self, mark: &str) -> StoreError {
        let path = PathBuf::from(format!("/{mark}"));
        match self {
            Trouble::Full => StoreError::DiskFull { path },
            Trouble::Locked => StoreError::Locked { path, holders: Vec::new() },
            Trouble::ReadOnly => StoreError::ReadOnly { path, cause: "simulated".to_owned() },
            Trouble::Io => {
                StoreError::Database { path, what: "settling", detail: "disk I/O error".to_owned(), source: None }
            }
        }
    }

    /// Whether the store can be used after it.
    fn passes(self) -> bool {
        self == Trouble::Locked
    }
}

/// One life.
#[derive(Clone, Debug)]
pub struct Plan {
    pub life: usize,
    /// Time in which nobody crawls, before it.
    pub idle_ms: u64,
    /// By how much the machine's clock was set meanwhile.
    pub jump_ms: i64,
    pub settings: CrawlSettings,
    /// How many of the seeds are given; none: those that are stored.
    pub seeds: usize,
    /// By who calls, and the number of the call among its own.
    pub calls: BTreeMap<(Caller, u64), CallFault>,
    /// Longest time that a call takes.
    pub slow_ms: u64,
    pub dies_at_ms: Option<u64>,
    /// At this request, when it ends (true) or starts.
    pub dies_at_request: Option<(u64, bool)>,
    /// While this page is parsed.
    pub dies_at_parse: Option<u64>,
    pub signal: Option<(u64, Stop)>,
    /// From which look at the log on somebody's long read keeps it from being emptied, and for how many.
    pub crowded: Option<(u64, u64)>,
    /// Whether a session that failed can still say so.
    pub can_say: bool,
    /// Whether the settings hold it back from an end.
    pub limited: bool,
}

impl Plan {
    /// A life in which nothing goes wrong.
    pub fn calm(life: usize, settings: CrawlSettings, seeds: usize) -> Self {
        Plan {
            life,
            idle_ms: 0,
            jump_ms: 0,
            settings,
            seeds,
            calls: BTreeMap::new(),
            slow_ms: 4,
            dies_at_ms: None,
            dies_at_request: None,
            dies_at_parse: None,
            signal: None,
            crowded: None,
            can_say: true,
            limited: false,
        }
    }

    /// A life in which much goes wrong. `seeds`: how many there are to be given.
    pub fn troubled(
        life: usize,
        settings: &CrawlSettings,
        seeds: usize,
        calm_clock: bool,
        chance: &mut Chance,
    ) -> Self {
        let given = if life > 0 && chance.percent(40) { 0 } else { 1 + chance.below(seeds as u64) as usize };
        let mut plan = Plan::calm(life, settings.clone(), given);
        plan.idle_ms = some_time(chance, 16);
        plan.jump_ms = jump(calm_clock, chance);
        if chance.percent(30) {
            plan.limit(chance);
        }
        if chance.percent(25) {
            plan.slow_ms = 1 << (4 + chance.below(10));
        }
        match chance.below(100) {
            0..35 => {
                plan.calls.insert(some_call(chance), fails(chance));
            }
            35..60 => {
                plan.calls.insert(some_call(chance), dies(chance));
            }
            60..74 => plan.dies_at_ms = Some(some_time(chance, 18)),
            74..80 => plan.dies_at_parse = Some(some_number(chance)),
            80..86 => plan.dies_at_request = Some((some_number(chance), chance.percent(50))),
            _ => {}
        }
        if chance.percent(15) {
            plan.calls.insert(some_call(chance), fails(chance));
        }
        if chance.percent(20) {
            let stop = if chance.percent(50) { Stop::Drain } else { Stop::Now };
            plan.signal = Some((some_time(chance, 17), stop));
        }
        plan.crowded = chance.percent(8).then(|| (some_number(chance), 1 + chance.below(50)));
        plan.can_say = chance.percent(60);
        plan
    }

    /// Whether the machine has a say in what happens.
    pub fn is_open(&self) -> bool {
        self.calls.values().any(|fault| matches!(fault, CallFault::DiesInside(_)))
    }

    fn limit(&mut self, chance: &mut Chance) {
        self.limited = true;
        match chance.below(5) {
            0 => self.settings.max_depth = Some(chance.below(3) as u32),
            1 => self.settings.max_pages = Some(1 + chance.below(12)),
            2 => self.settings.max_pages_per_host = Some(1 + chance.below(3)),
            3 => self.settings.max_duration_ms = Some(some_time(chance, 17)),
            _ => self.settings.sitemaps = false,
        }
    }
}

/// Short times are as likely as long ones; below 2^`most_bits` ms.
fn some_time(chance: &mut Chance, most_bits: u64) -> u64 {
    let below = 1 << (1 + chance.below(most_bits));
    1 + chance.below(below)
}

/// The first calls are those of a session's beginning.
fn some_call(chance: &mut Chance) -> (Caller, u64) {
    let caller = match chance.below(10) {
        0..4 => Caller::Session,
        4..9 => Caller::Writer,
        _ => Caller::Asker,
    };
    (caller, some_number(chance))
}

fn some_number(chance: &mut Chance) -> u64 {
    let below = 1 << (2 + chance.below(5));
    1 + chance.below(below)
}

fn fails(chance: &mut Chance) -> CallFault {
    let trouble = [Trouble::Full, Trouble::Locked, Trouble::Io, Trouble::ReadOnly][chance.below(4) as usize];
    match chance.below(5) {
        0..2 => CallFault::Fails(trouble),
        2..4 => CallFault::FailsAtCommit(trouble),
        _ => CallFault::FailsWhenDone(trouble),
    }
}

fn dies(chance: &mut Chance) -> CallFault {
    match chance.below(10) {
        0..3 => CallFault::DiesBefore,
        3..7 => CallFault::DiesAtCommit,
        7 => CallFault::DiesInside(1 + chance.below(20) as u32),
        _ => CallFault::DiesWhenDone,
    }
}

/// A clock that is set: by seconds most of the time, by hours now and then.
fn jump(calm: bool, chance: &mut Chance) -> i64 {
    let ms = match chance.below(100) {
        0..70 => return 0,
        70..85 => chance.below(10_000),
        _ if calm => chance.below(20_000),
        85..97 => chance.below(15 * 60_000),
        97..99 => chance.below(5 * 3_600_000),
        _ => chance.below(60 * 24 * 3_600_000),
    };
    if chance.percent(50) { ms as i64 } else { -(ms as i64) }
}

/// A life while it lasts.
pub struct Fate {
    pub life: usize,
    plan: Plan,
    calls: [AtomicU64; 3],
    requests: AtomicU64,
    parses: AtomicU64,
    looks: AtomicU64,
    death: Notify,
    closed: AtomicBool,
    /// Marks of the errors that the engine was told, in order.
    told: Mutex<Vec<String>>,
    /// Visits whose commit was done.
    pub committed: AtomicU64,
    /// Visits that may be committed or not: their process died in the transaction.
    pub cut_off: AtomicU64,
    /// Every call of the store, in order.
    pub calls_made: Mutex<Vec<&'static str>>,
}

impl Fate {
    pub fn new(plan: &Plan) -> Self {
        Fate {
            life: plan.life,
            plan: plan.clone(),
            calls: Default::default(),
            requests: AtomicU64::new(0),
            parses: AtomicU64::new(0),
            looks: AtomicU64::new(0),
            death: Notify::new(),
            closed: AtomicBool::new(false),
            told: Mutex::default(),
            committed: AtomicU64::new(0),
            cut_off: AtomicU64::new(0),
            calls_made: Mutex::default(),
        }
    }

    /// What the next call of the store comes to, and how long it takes.
    pub fn next_call(&self, caller: Caller, verb: &'static str) -> (Option<CallFault>, u64) {
        let nth = self.calls[caller as usize].fetch_add(1, Ordering::Relaxed) + 1;
        self.calls_made.lock().unwrap().push(verb);
        let draw = nth ^ (caller as u64) << 31 ^ (self.life as u64) << 32;
        (self.plan.calls.get(&(caller, nth)).copied(), 1 + Chance::new(draw).below(self.plan.slow_ms))
    }

    /// The error that the engine is told from now on, if the store is unfit.
    pub fn closed(&self) -> Option<StoreError> {
        self.closed.load(Ordering::Relaxed).then(|| StoreError::Closed { path: PathBuf::from("/closed") })
    }

    /// A session that failed tries to say so.
    pub fn reopen(&self) {
        self.closed.fetch_and(!self.plan.can_say, Ordering::Relaxed);
    }

    /// Whether the log is larger than it may get, at this look.
    pub fn is_crowded(&self) -> bool {
        let look = self.looks.fetch_add(1, Ordering::Relaxed) + 1;
        self.plan.crowded.is_some_and(|(from, looks)| (from..from + looks).contains(&look))
    }

    /// Whether the process dies of this look at a page that is parsed.
    pub fn dies_of_parse(&self) -> bool {
        let nth = self.parses.fetch_add(1, Ordering::Relaxed) + 1;
        let dies = self.plan.dies_at_parse == Some(nth);
        if dies {
            self.death.notify_one();
        }
        dies
    }

    pub fn fail(&self, trouble: Trouble) -> StoreError {
        let mut told = self.told.lock().unwrap();
        let mark = format!("simulated-{}-{}", self.life, told.len());
        told.push(mark.clone());
        self.closed.fetch_or(!trouble.passes(), Ordering::Relaxed);
        trouble.error(&mark)
    }

    pub fn told(&self) -> Vec<String> {
        self.told.lock().unwrap().clone()
    }

    /// The process is gone, and so is everyone who would go on from here.
    pub async fn die<T>(&self) -> T {
        self.death.notify_one();
        std::future::pending().await
    }

    pub async fn death(&self) {
        self.death.notified().await;
    }

    pub async fn request_starts(&self) {
        let nth = self.requests.fetch_add(1, Ordering::Relaxed) + 1;
        if self.plan.dies_at_request == Some((nth, false)) {
            self.die::<()>().await;
        }
    }

    pub async fn request_ends(&self) {
        if self.plan.dies_at_request.is_some_and(|(nth, end)| end && self.requests.load(Ordering::Relaxed) >= nth) {
            self.die::<()>().await;
        }
    }
}
