//! A hostile web, crawled whole by the real binary: every behaviour alone, and all of them together
//! beside an ordinary site. docs/hostile.md lists them; a test keeps that list true.
//!
//! - [`behaviour`]: [`Behaviour`], what a server does and what the crawl must make of it.
//! - [`place`]: [`Place`], the servers. [`run`]: [`Run`], a crawl watched from outside.
//! - [`facts`]: what the database says, compared with what it must.
//! - [`alone`], [`together`], [`terminal`], [`large`], [`ports`]: the tests. [`listed`]: the page about them.
//! - the shelves: [`heads`], [`bodies`], [`codings`], [`types`], [`html`], [`soup`], [`redirects`],
//!   [`robots`], [`polite`], [`traps`], [`maps`], [`urls`], [`secure`].

mod alone;
mod behaviour;
mod bodies;
mod codings;
mod facts;
mod heads;
mod html;
mod large;
mod listed;
mod maps;
mod ordinary;
mod place;
mod polite;
mod ports;
mod redirects;
mod robots;
mod run;
mod secure;
mod soup;
mod terminal;
mod together;
mod traps;
mod types;
mod urls;

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use self::behaviour::{At, Behaviour};
use self::facts::{Reader, ask, compare};
use self::place::Place;
use self::run::Run;

type Shelf = fn(&At) -> Vec<Behaviour>;

/// Every shelf with the name of the test that crawls its behaviours one by one.
const SHELVES: [(&str, &str, Shelf); 13] = [
    ("Status lines and headers", "heads", heads::shelf),
    ("Bodies", "bodies", bodies::shelf),
    ("Content codings", "codings", codings::shelf),
    ("Types and charsets", "types", types::shelf),
    ("HTML: links and what pages say of themselves", "html", html::shelf),
    ("HTML: shapes", "soup", soup::shelf),
    ("Redirects", "redirects", redirects::shelf),
    ("robots.txt", "robots", robots::shelf),
    ("Politeness", "polite", polite::shelf),
    ("Traps", "traps", traps::shelf),
    ("Sitemaps and feeds", "maps", maps::shelf),
    ("URLs and addresses", "urls", urls::shelf),
    ("TLS", "secure", secure::shelf),
];

/// Crawls at a time. They mostly wait.
const AT_ONCE: usize = 3;

/// No crawl of one behaviour is limited to more: twelve requests, each with its longest time.
const MOST_TIME: Duration = Duration::from_secs(180);

const EVERY: [&str; 6] = ["--scope", "any", "--max-body", "3MB", "--max-depth", "60"];
/// Timeouts that no honest answer meets, however busy the machine.
const PATIENT: [&str; 6] = ["--timeout", "120s", "--connect-timeout", "60s", "--read-timeout", "60s"];
/// Timeouts that are waited for.
const SHORT: [&str; 6] = ["--timeout", "3s", "--connect-timeout", "1s", "--read-timeout", "1s"];

fn arguments(parts: &[&[&str]], seeds: impl IntoIterator<Item = String>) -> Vec<String> {
    parts.concat().into_iter().map(str::to_owned).chain(seeds).collect()
}

fn seeds(behaviour: &Behaviour) -> Vec<String> {
    std::iter::once(behaviour.url("/")).chain(behaviour.seeds.iter().cloned()).collect()
}

/// Whether the crawl of one behaviour did what it must.
fn check(behaviour: &Behaviour, reader: &Reader, db: &Path) -> Result<(), String> {
    let facts = reader.facts(db).ok_or("no crawl in the database")?;
    compare(behaviour, &facts, true)?;
    ask(behaviour, reader, db)
}

/// Crawls one behaviour and nothing else.
fn crawl_alone(behaviour: &Behaviour, reader: &Reader, parser: &str) -> Result<(), String> {
    let timeouts = if behaviour.slow { &SHORT } else { &PATIENT };
    let retries: &[&str] = if behaviour.flags.contains(&"--retries") { &[] } else { &["--retries", "0"] };
    let parts: [&[&str]; 5] = [&EVERY, timeouts, retries, &behaviour.flags, &["--parser", parser]];
    let args = arguments(&parts, seeds(behaviour));
    let mut run = Run::start(behaviour.name, MOST_TIME, &args);
    run.finish(behaviour.exit, |db| match behaviour.waits() {
        true => check(behaviour, reader, db),
        false => Err("it must end by itself".to_owned()),
    });
    let (time, bytes) = run.figures();
    println!("{:>6} ms {:>4} MB {}", time.as_millis(), bytes / 1_000_000, behaviour.name);
    let found = check(behaviour, reader, &run.db());
    found.map_err(|wrong| format!("{wrong}\n{}", run.said()))
}

/// Crawls every behaviour of a shelf alone, a few at a time.
fn one_by_one(shelf: Shelf) {
    one_by_one_with(shelf, "scraper");
}

fn one_by_one_with(shelf: Shelf, parser: &str) {
    let only = std::env::var("SQRAWL_HOSTILE").ok();
    let place = Place::open(&[shelf]);
    let is_chosen = |behaviour: &&Behaviour| only.as_ref().is_none_or(|name| name == behaviour.name);
    let behaviours: Vec<&Behaviour> = place.behaviours.iter().filter(is_chosen).collect();
    let next = AtomicUsize::new(0);
    let wrong = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                let reader = Reader::new();
                while let Some(behaviour) = behaviours.get(next.fetch_add(1, Ordering::SeqCst)) {
                    let found = crawl_alone(behaviour, &reader, parser).and_then(|()| place.check_requests(behaviour));
                    if let Err(what) = found {
                        wrong.lock().unwrap().push(what);
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n\n"));
    assert_eq!(place.forbidden_connections(), 0, "an address was connected that nobody allowed");
}
