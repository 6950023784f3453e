//! [`try_seed`]: one world from its first life to its last, and everything that is asked of it.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, LazyLock, Mutex};

use sqrawl::engine::{self, Control, EngineError, Job, Progress, Stop, Summary};
use sqrawl::model::{CrawlSettings, EndedBy, ScopeKind};
use sqrawl::store::Store;
use sqrawl::store::sqlite::{OpenMode, SqliteStore};

use super::super::clock::Chance;
use super::super::store::{SimStore, in_no_time};
use super::judge::{Past, judge};
use super::lives::{Fate, Plan};
use super::rows::{Rows, examine};
use super::server::Server;
use super::store::FaultyStore;
use super::time::{Lane, LifeClock, Timeline};
use super::web::{Web, Wishes};

/// Seeds that share a web: a crawl that nobody disturbs is needed once for all of them.
const SEEDS_OF_A_WEB: u64 = 8;
/// Most lives in which something goes wrong.
const MOST_TROUBLED: u64 = 8;
/// Time in which every session has to come to an end: the longest wait that a host can ask for is a
/// day, and a clock that was set back may make it two.
const LONGEST_LIFE_MS: u64 = 50 * 3_600_000;
/// Time in which a session ends after a signal, slow calls of the store left out: a drain waits ten
/// seconds for requests in flight.
const LONGEST_END_MS: u64 = 20_000;

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Telling {
    Nothing,
    All,
}

/// What happened, in numbers.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    pub seeds: u64,
    pub lives: u64,
    pub deaths: u64,
    pub errors: u64,
    pub signals: u64,
    pub limits: u64,
    pub requests: u64,
    pub faults: u64,
    pub calls: u64,
    pub pages: u64,
    /// A number that is the same for the same history; 0 where there may be several.
    pub history: u64,
}

impl Tally {
    pub fn add(&mut self, other: &Tally) {
        self.seeds += other.seeds;
        self.lives += other.lives;
        self.deaths += other.deaths;
        self.errors += other.errors;
        self.signals += other.signals;
        self.limits += other.limits;
        self.requests += other.requests;
        self.faults += other.faults;
        self.calls += other.calls;
        self.pages += other.pages;
        self.history ^= other.history;
    }
}

/// How a life ended.
enum End {
    Died,
    Failed(String),
    Ended(Box<Summary>),
    /// It was to end and did not.
    Hung(&'static str),
}

/// A machine: its file, its web and its time outlive the processes.
pub struct World {
    web: Arc<Web>,
    time: Arc<Timeline>,
    server: Arc<Server>,
    folder: tempfile::TempDir,
    /// What the file holds after the latest life.
    pub before: Rows,
    past: Vec<Past>,
    tally: Tally,
    telling: Telling,
    /// The machine had a say in what happened.
    open: bool,
}

impl World {
    pub fn new(web: Arc<Web>, seed: u64, chance: Option<&mut Chance>, telling: Telling) -> Self {
        let time = Arc::new(Timeline::new(seed));
        World {
            server: Arc::new(Server::new(Arc::clone(&web), Arc::clone(&time), chance)),
            web,
            time,
            folder: folder(),
            before: Rows::default(),
            past: Vec::new(),
            tally: Tally { seeds: 1, ..Tally::default() },
            telling,
            open: false,
        }
    }

    fn db(&self) -> PathBuf {
        self.folder.path().join("crawl.db")
    }

    /// One process, and everything that has to hold when it is gone. Whether nothing is left to do.
    pub fn live(&mut self, plan: &Plan) -> Result<bool, String> {
        self.time.pass(plan.idle_ms);
        self.open |= plan.is_open();
        let fate = Arc::new(Fate::new(plan));
        self.server.begin(Arc::clone(&fate));
        let end = self.run(plan, &fate);
        self.closed();
        let now = wait_for(Rows::read(&self.db()))?;
        self.tell(|| format!("{plan:?}\n  {}, {} open of {}", said(&end), now.open(), now.urls.len()));
        self.tell(|| format!("  calls: {}", fate.calls_made.lock().unwrap().join(" ")));
        self.note(plan, &fate, &end, &now);
        judge_end(plan, &fate, &end, &now)?;
        now.assert_follows(&self.before)?;
        now.assert_whole(&self.web)?;
        let (was, is) = (self.before.fetches.len() as u64, now.fetches.len() as u64);
        let committed = fate.committed.load(Ordering::Relaxed);
        let cut_off = fate.cut_off.load(Ordering::Relaxed);
        if !(was + committed..=was + committed + cut_off).contains(&is) {
            return Err(format!("{was} visits were stored and {committed} committed; there are {is}"));
        }
        self.before = now;
        Ok(matches!(end, End::Ended(summary) if summary.ended_by == EndedBy::Complete) && !plan.limited)
    }

    fn run(&self, plan: &Plan, fate: &Arc<Fate>) -> End {
        // One thread for blocking work: what is parsed first is done first.
        let (parks, unparks) = (Arc::clone(&self.time), Arc::clone(&self.time));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .on_thread_park(move || parks.is_idle(true))
            .on_thread_unpark(move || unparks.is_idle(false))
            .enable_time()
            .start_paused(true)
            .max_blocking_threads(1)
            .build()
            .unwrap();
        // What the process worked on when it died is not tidied up.
        let lock = self.folder.path().join("crawl.db-lock");
        let (end, left) = runtime.block_on(async {
            let end = self.process(plan, fate).await;
            let left = std::fs::read(&lock).ok().filter(|_| matches!(end, End::Died));
            self.time.end();
            (end, left)
        });
        // Everything in memory is gone.
        drop(runtime);
        if let Some(left) = left {
            std::fs::write(lock, left).unwrap();
        }
        end
    }

    async fn process(&self, plan: &Plan, fate: &Arc<Fate>) -> End {
        self.time.begin(plan.jump_ms);
        let control = Control::default();
        let signal = async {
            let Some((at_ms, stop)) = plan.signal else { return std::future::pending().await };
            self.time.sleep(at_ms, Lane::Fate).await;
            match stop {
                Stop::Now => control.stop_now(),
                _ => control.drain(),
            };
            // Of all calls that may come now each takes its time.
            self.time.sleep(LONGEST_END_MS + 40 * plan.slow_ms, Lane::Fate).await;
            End::Hung("after a signal")
        };
        let dies = async {
            match plan.dies_at_ms {
                Some(ms) => self.time.sleep(ms, Lane::Fate).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = fate.death() => End::Died,
            () = dies => End::Died,
            hung = signal => hung,
            () = self.time.sleep(LONGEST_LIFE_MS, Lane::Fate) => End::Hung("for two days"),
            end = self.session(plan, fate, control.clone()) => match end {
                Ok(summary) => End::Ended(Box::new(summary)),
                Err(error) => End::Failed(error.to_string()),
            },
        }
    }

    async fn session(&self, plan: &Plan, fate: &Arc<Fate>, control: Control) -> Result<Summary, EngineError> {
        let store = in_no_time(SqliteStore::open(&self.db(), OpenMode::CreateOrOpen, false)).await?;
        let log = self.folder.path().join("crawl.db-wal");
        let store = FaultyStore::new(SimStore::new(store), Arc::clone(fate), Arc::clone(&self.time), log);
        let stored = store.stored_crawl().await?;
        // A crawl that has no seeds yet needs some.
        let has_seeds = stored.as_ref().is_some_and(|stored| !stored.seeds.is_empty());
        let seeds = if has_seeds { plan.seeds } else { plan.seeds.max(1) };
        let seeds = super::super::seeds(&self.web.seeds[..seeds]);
        let job =
            Job { settings: plan.settings.clone(), seeds, recrawl: false, stored, rehearsal: None, parse_threads: 0 };
        let clock = Arc::new(LifeClock(Arc::clone(&self.time), Arc::clone(fate)));
        let (server, progress) = (Arc::clone(&self.server), Arc::new(Progress::default()));
        engine::run(Arc::new(store), server, clock, job, control, progress).await
    }

    /// SQLite closes the file on a thread of its own; the process is gone when it has.
    fn closed(&self) {
        let index = self.folder.path().join("crawl.db-shm");
        while index.exists() {
            std::thread::yield_now();
        }
    }

    fn note(&mut self, plan: &Plan, fate: &Fate, end: &End, now: &Rows) {
        let complete = matches!(end, End::Ended(summary) if summary.ended_by == EndedBy::Complete);
        let rows = now.fetches.values().filter(|fetch| fetch.requested);
        let settled = self.before.urls.iter().filter(|(_, row)| matches!(row.state.as_str(), "done" | "failed"));
        self.past.push(Past {
            forward_ms: u64::try_from(plan.jump_ms).unwrap_or(0),
            written: rows
                .map(|fetch| (fetch.url.clone(), fetch.started_ms))
                .chain(now.robots_fetches.iter().cloned())
                .collect(),
            ruled: self.before.ruled.clone(),
            settled: settled.map(|(url, _)| url.clone()).collect(),
            broke_off: !complete,
        });
        self.tally.lives += 1;
        self.tally.calls += fate.calls_made.lock().unwrap().len() as u64;
        match end {
            End::Died => self.tally.deaths += 1,
            End::Failed(_) => self.tally.errors += 1,
            End::Ended(summary) if summary.ended_by == EndedBy::Signal => self.tally.signals += 1,
            End::Ended(summary) if summary.ended_by == EndedBy::Limit => self.tally.limits += 1,
            _ => {}
        }
    }

    fn tell(&self, what: impl FnOnce() -> String) {
        if self.telling == Telling::All {
            println!("{}", what());
        }
    }

    /// The judgement of all lives.
    fn assert_polite(&self) -> Result<(), String> {
        let log = self.server.log();
        if self.telling == Telling::All {
            for asked in &log {
                println!("  {asked:?}");
            }
        }
        judge(&self.web, &self.past, &log)
    }
}

fn said(end: &End) -> String {
    match end {
        End::Died => "died".to_owned(),
        End::Failed(error) => format!("failed: {error}"),
        End::Ended(summary) => format!("ended: {:?} {:?}", summary.ended_by, summary.limit),
        End::Hung(how) => format!("hung {how}"),
    }
}

/// Whether a life may have ended so.
fn judge_end(plan: &Plan, fate: &Fate, end: &End, now: &Rows) -> Result<(), String> {
    let told = fate.told();
    let summary = match end {
        End::Died => return Ok(()),
        End::Hung(how) => return Err(format!("life {} hung {how}", plan.life)),
        End::Failed(error) => {
            return match told.first() {
                Some(first) if error.contains(&format!("/{first}")) => Ok(()),
                Some(first) => Err(format!("the store said {first}, the session ended with: {error}")),
                None => Err(format!("nothing was wrong, and the session ended with: {error}")),
            };
        }
        End::Ended(summary) => summary,
    };
    if let Some(first) = told.first() {
        return Err(format!("the store said {first}, and the session ended by {:?}", summary.ended_by));
    }
    let ended = (summary.ended_by.as_str().to_owned(), summary.ended_by == EndedBy::Complete);
    if now.ended.as_ref() != Some(&ended) {
        return Err(format!("the session ended by {:?}, the file has {:?}", summary.ended_by, now.ended));
    }
    let open = now.open();
    match summary.ended_by {
        EndedBy::Complete if open == 0 => Ok(()),
        EndedBy::Signal if plan.signal.is_some() => Ok(()),
        EndedBy::Limit if plan.limited => Ok(()),
        ended_by => Err(format!("ended by {ended_by:?} with {open} URLs open")),
    }
}

pub fn settings(wishes: &Wishes) -> CrawlSettings {
    CrawlSettings {
        scope: if wishes.any_host { ScopeKind::Any } else { ScopeKind::Host },
        sitemaps: wishes.sitemaps,
        delay_ms: Some(wishes.delay_ms),
        concurrency: wishes.concurrency,
        per_host: wishes.per_host,
        adaptive: wishes.adaptive,
        tries: super::TRIES,
        max_pages: None,
        max_pages_per_host: None,
        ..CrawlSettings::default()
    }
}

/// In memory where there is such a folder.
fn folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory).unwrap() } else { tempfile::tempdir().unwrap() }
}

fn wait_for<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

/// Rows of many tables, as texts.
type Found = Arc<BTreeSet<Vec<String>>>;

/// What a crawl finds that nobody disturbs.
fn undisturbed(number: u64) -> Result<Found, String> {
    static KNOWN: LazyLock<Mutex<HashMap<u64, Found>>> = LazyLock::new(Mutex::default);
    if let Some(known) = KNOWN.lock().unwrap().get(&number) {
        return Ok(Arc::clone(known));
    }
    let web = Arc::new(Web::new(number));
    let mut world = World::new(Arc::clone(&web), number, None, Telling::Nothing);
    let plan = Plan::calm(0, settings(&web.wishes), web.seeds.len());
    if !world.live(&plan)? {
        return Err("a crawl that nobody disturbs is not complete".to_owned());
    }
    world.assert_polite()?;
    let found = Arc::new(world.before.determined());
    KNOWN.lock().unwrap().insert(number, Arc::clone(&found));
    Ok(found)
}

/// Everything that one number decides.
///
/// # Errors
/// The first promise that was broken, in words.
pub fn try_seed(seed: u64, telling: Telling) -> Result<Tally, String> {
    let number = seed / SEEDS_OF_A_WEB;
    let expected = undisturbed(number).map_err(|what| format!("undisturbed: {what}"))?;
    let mut chance = Chance::new(seed ^ 0x0066_6174);
    let web = Arc::new(Web::new(number));
    let (full, seeds) = (settings(&web.wishes), web.seeds.len());
    let mut world = World::new(Arc::clone(&web), seed, Some(&mut chance), telling);
    let troubled = 1 + chance.below(MOST_TROUBLED) as usize;
    for life in 0..troubled {
        let plan = Plan::troubled(life, &full, seeds, web.shares_robots, &mut chance);
        world.live(&plan).map_err(|what| format!("life {life}: {what}"))?;
    }
    let calm = Plan::calm(troubled, full, seeds);
    if !world.live(&calm).map_err(|what| format!("the last life: {what}"))? {
        return Err("the last life left something to do".to_owned());
    }
    world.assert_polite()?;
    wait_for(examine(&world.db()))?;
    let found = world.before.determined();
    let missing: Vec<_> = expected.difference(&found).take(8).collect();
    let invented: Vec<_> = found.difference(&expected).take(8).collect();
    if !(missing.is_empty() && invented.is_empty()) {
        return Err(format!("missing: {missing:#?}\ninvented: {invented:#?}"));
    }
    Ok(world.tallied())
}

impl World {
    fn tallied(self) -> Tally {
        let log = self.server.log();
        let history = log.iter().fold(0xcbf2_9ce4_8422_2325u64, |history, asked| {
            let text = format!("{} {} {} {}", asked.url, asked.start, asked.end, asked.life);
            text.bytes().fold(history, |history, byte| (history ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
        });
        Tally {
            requests: log.len() as u64,
            faults: self.server.met() as u64,
            pages: self.before.urls.values().filter(|url| url.page_fetch != "-").count() as u64,
            history: if self.open { 0 } else { history },
            ..self.tally
        }
    }
}
