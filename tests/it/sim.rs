//! The production engine on a simulated web: generated sites with faults, a virtual clock, the
//! real SQLite store. An oracle that knows the whole web says what must come out; a failure prints
//! the seed that repeats it (`SQRAWL_SIM_SEED=n`), `SQRAWL_SIM_SEEDS=n` tries more of them.

pub(crate) mod clock;
mod crowd;
mod defects;
mod faults;
mod hour;
mod moved;
mod rules;
mod store;
mod town;
mod traps;
mod web;

use std::collections::BTreeMap;
use std::sync::Arc;

use sqrawl::engine::{self, Control, Job, Progress, Summary};
use sqrawl::fetch::Fetcher;
use sqrawl::model::{CrawlSettings, EndedBy, Seed, SeedSource};
use sqrawl::store::sqlite::{OpenMode, SqliteStore};
use sqrawl::store::{Store, StoreError};

use clock::{Chance, SimClock};
use store::{SimStore, in_no_time};
use web::{SimFetcher, Web};

/// Seeds of the ordinary run.
const SEEDS: u64 = 24;

fn settings() -> CrawlSettings {
    CrawlSettings { delay_ms: Some(700), concurrency: 8, ..CrawlSettings::default() }
}

fn seeds(given: &[String]) -> Vec<Seed> {
    given
        .iter()
        .map(|given| {
            let url = sqrawl::scope::seed_url(given, &sqrawl::scope::UrlRules::default()).unwrap().url;
            Seed {
                candidate: sqrawl::model::Candidate {
                    domain: sqrawl::scope::registrable_domain(&url.host()),
                    admission: sqrawl::model::Admission::Queue,
                    priority: sqrawl::frontier::priority(&url, 0),
                    depth: 0,
                    hops: 0,
                    is_sitemap: false,
                    url,
                },
                given: given.clone(),
                source: SeedSource::Argument,
                grants_origin: false,
                grants_scope: true,
            }
        })
        .collect()
}

/// A virtual machine: one file, one web, one clock that outlive the processes.
struct World<F> {
    folder: tempfile::TempDir,
    fetcher: Arc<F>,
    clock: Arc<SimClock>,
    seeds: Vec<String>,
}

impl<F: Fetcher> World<F> {
    fn of(seed: u64, fetcher: F, seeds: Vec<String>) -> Self {
        World {
            folder: tempfile::tempdir().unwrap(),
            fetcher: Arc::new(fetcher),
            clock: Arc::new(SimClock::new(seed)),
            seeds,
        }
    }

    fn db(&self) -> std::path::PathBuf {
        self.folder.path().join("crawl.db")
    }

    /// Opens the file as soon as the process before has let go of it.
    async fn open(&self) -> SqliteStore {
        loop {
            match in_no_time(SqliteStore::open(&self.db(), OpenMode::CreateOrOpen, false)).await {
                Err(StoreError::InUse { .. }) => tokio::task::yield_now().await,
                other => return other.unwrap(),
            }
        }
    }

    /// One process.
    async fn run(&self, settings: CrawlSettings, control: Control) -> Summary {
        let store = Arc::new(SimStore::new(self.open().await));
        let stored = store.stored_crawl().await.unwrap();
        let job =
            Job { settings, seeds: seeds(&self.seeds), recrawl: false, stored, rehearsal: None, parse_threads: 0 };
        let (fetcher, clock) = (Arc::clone(&self.fetcher), Arc::clone(&self.clock));
        engine::run(store, fetcher, clock, job, control, Arc::new(Progress::default())).await.unwrap()
    }

    /// (state, outcome) of every URL, from the file.
    async fn states(&self) -> BTreeMap<String, (String, Option<String>)> {
        let mut file = super::open_raw(&self.db()).await;
        let rows: Vec<(String, String, Option<String>)> = sqlx::query_as(
            "SELECT u.url, u.state, f.outcome FROM urls u LEFT JOIN fetches f ON f.id = u.last_fetch_id",
        )
        .fetch_all(&mut file)
        .await
        .unwrap();
        rows.into_iter().map(|(url, state, outcome)| (url, (state, outcome))).collect()
    }
}

impl World<SimFetcher> {
    fn new(seed: u64) -> Self {
        let web = Web::new(seed);
        let seeds = web.seeds();
        World::of(seed, SimFetcher::new(web), seeds)
    }

    /// One process, ended after `lifetime_ms` of virtual time if it lives that long.
    async fn process(&self, settings: CrawlSettings, lifetime_ms: Option<u64>) -> Option<Summary> {
        self.fetcher.process_starts();
        let run = self.run(settings, Control::default());
        match lifetime_ms {
            None => Some(run.await),
            Some(ms) => tokio::time::timeout(std::time::Duration::from_millis(ms), run).await.ok(),
        }
    }
}

/// Runs `body` for each seed on a runtime whose clock stands still while anything works.
fn for_each_seed<Fut: Future<Output = ()>>(body: impl Fn(u64) -> Fut) {
    let number = |name: &str| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    let seeds = match number("SQRAWL_SIM_SEED") {
        Some(one) => one..one + 1,
        None => 0..number("SQRAWL_SIM_SEEDS").unwrap_or(SEEDS),
    };
    for seed in seeds {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| runtime.block_on(body(seed))));
        runtime.shutdown_timeout(std::time::Duration::from_secs(5));
        if let Err(panic) = outcome {
            eprintln!("failed with SQRAWL_SIM_SEED={seed}");
            std::panic::resume_unwind(panic);
        }
    }
}

/// A session that knows a dead host only from the sessions before says `robots` and not how the
/// connection failed.
fn outcome_of((state, outcome): &(String, Option<String>)) -> (String, String) {
    match (state.as_str(), outcome.as_deref()) {
        ("failed", Some("robots")) => (state.clone(), "connect".to_owned()),
        (_, outcome) => (state.clone(), outcome.unwrap_or_default().to_owned()),
    }
}

fn assert_as_the_oracle_says(world: &World<SimFetcher>, states: &BTreeMap<String, (String, Option<String>)>) {
    let expected = world.fetcher.web.oracle(&settings());
    for (url, want) in &expected {
        let got = states.get(url).unwrap_or_else(|| panic!("{url} was never stored, expected {want:?}"));
        assert_eq!(&outcome_of(got), want, "{url}");
    }
    let invented: Vec<_> = states.keys().filter(|url| !expected.contains_key(*url)).collect();
    assert!(invented.is_empty(), "invented: {invented:?}");
}

#[test]
fn the_crawl_ends_as_the_oracle_says() {
    for_each_seed(|seed| async move {
        let world = World::new(seed);
        let summary = world.process(settings(), None).await.unwrap();
        assert_eq!(summary.ended_by, EndedBy::Complete);
        assert_as_the_oracle_says(&world, &world.states().await);
        world.fetcher.assert_polite(&settings());
        world.fetcher.assert_robots_asked_once();
        assert_eq!(summary.totals.open(), 0);
    });
}

#[test]
fn a_crawl_that_dies_again_and_again_ends_as_the_oracle_says() {
    for_each_seed(|seed| async move {
        let world = World::new(seed);
        let mut chance = Chance::new(seed ^ 0xdead);
        for _ in 0..6 {
            let lifetime = 200 + chance.below(40_000);
            if world.process(settings(), Some(lifetime)).await.is_some() {
                break;
            }
        }
        let summary = world.process(settings(), None).await.unwrap();
        assert_eq!(summary.ended_by, EndedBy::Complete);
        let states = world.states().await;
        let fickle = world.fetcher.web.fickle();
        let expected = world.fetcher.web.oracle(&settings());
        // A try that was lost was seen by the server: a page that gives up its refusal after many
        // tries may be reached, and what it links to with it.
        let patient = world.fetcher.web.oracle(&CrawlSettings { tries: 100, ..settings() });
        let missing: Vec<_> = expected.keys().filter(|url| !states.contains_key(*url)).collect();
        let invented: Vec<_> = states.keys().filter(|url| !patient.contains_key(*url)).collect();
        assert!(missing.is_empty() && invented.is_empty(), "missing: {missing:?}, invented: {invented:?}");
        for (url, want) in expected.iter().filter(|(url, _)| !fickle.contains(*url)) {
            let got = &states[url];
            assert_eq!(&outcome_of(got), want, "{url}");
        }
        world.fetcher.assert_polite(&settings());
    });
}

#[test]
fn max_pages_is_exact_and_holds_over_sessions() {
    for_each_seed(|seed| async move {
        let world = World::new(seed);
        if world.fetcher.web.pages(&settings()) <= 7 {
            return;
        }
        let few = CrawlSettings { max_pages: Some(7), ..settings() };
        let summary = world.process(few.clone(), None).await.unwrap();
        assert_eq!((summary.ended_by, summary.totals.pages), (EndedBy::Limit, 7));
        let again = world.process(few, None).await.unwrap();
        assert_eq!((again.ended_by, again.totals.pages), (EndedBy::Limit, 7));
        let more = CrawlSettings { max_pages: None, ..settings() };
        let summary = world.process(more, None).await.unwrap();
        assert_eq!(summary.ended_by, EndedBy::Complete);
        assert_as_the_oracle_says(&world, &world.states().await);
    });
}

#[test]
fn a_drained_session_settles_what_it_asked_for() {
    for_each_seed(|seed| async move {
        let world = World::new(seed);
        let control = Control::default();
        let handle = control.clone();
        tokio::spawn(async move {
            tokio::time::sleep(std::time::Duration::from_millis(9_000)).await;
            handle.drain();
        });
        let summary = world.run(settings(), control).await;
        assert!(matches!(summary.ended_by, EndedBy::Signal | EndedBy::Complete));
        // Every answer the web gave, robots.txt aside, is a row.
        let settled = world.fetcher.answered_urls();
        let states = world.states().await;
        let lost: Vec<_> = settled.iter().filter(|url| states.get(*url).is_none_or(|s| s.1.is_none())).collect();
        assert!(lost.is_empty(), "answered and not settled: {lost:?}");
        let summary = world.process(settings(), None).await.unwrap();
        assert_eq!(summary.ended_by, EndedBy::Complete);
        assert_as_the_oracle_says(&world, &world.states().await);
        world.fetcher.assert_polite(&settings());
    });
}

#[test]
fn a_complete_crawl_goes_on_when_its_depth_is_raised() {
    for_each_seed(|seed| async move {
        let world = World::new(seed);
        let shallow = CrawlSettings { max_depth: Some(1), ..settings() };
        let summary = world.process(shallow, None).await.unwrap();
        assert_eq!(summary.ended_by, EndedBy::Complete);
        let summary = world.process(settings(), None).await.unwrap();
        assert_eq!(summary.ended_by, EndedBy::Complete);
        assert_as_the_oracle_says(&world, &world.states().await);
    });
}
