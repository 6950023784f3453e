//! robots.txt files on their way to a worker's book: [`begin`] takes in what a lease brought, [`look_up`] finds
//! what is known of origins, and [`land`] takes in what a request brought. All judge the URLs that wait, at once,
//! and give a [`Reading`].
//!
//! Files may be large, and made to be slow: reading one takes up to 30 ms, judging a URL up to 15. So what
//! is not small is done off the async threads, for two workers at a time.

use std::sync::Arc;

use tokio::sync::{Semaphore, SemaphorePermit, oneshot};

use crate::fetch::{Fetcher, Reservation};
use crate::model::{
    Candidate, Exchange, HostId, LeasedRobots, Origin, Outcome, RobotsRecord, RobotsVerdict, UnixMs, UrlId,
};
use crate::politeness::{self, RobotsCheck};
use crate::verdict;

use super::Clock;
use super::robots::{self, Chase, Entry};
use super::shared::{Ask, Shared};
use super::shelf::Known;
use super::sitemaps;

/// Files being read at a time: each takes its text and, for a moment, ten times as much.
pub(super) const READERS: usize = 2;
/// Most work of judging URLs that is done at once, in bytes of rules and paths that are gone through: a millisecond
/// or two.
const SMALL_WORK: usize = 256 * 1024;
/// A path is brought in order before it is judged: it costs as much as so many times its length of rules.
const WORK_OF_A_PATH_BYTE: usize = 64;

/// A URL that waits for the file of its origin.
#[derive(Clone, Debug)]
pub(super) struct Waiting {
    pub(super) id: UrlId,
    pub(super) origin: Origin,
    /// With the query.
    pub(super) path: String,
}

/// What rules say of URLs.
pub(super) type Checks = Vec<(UrlId, RobotsCheck)>;

/// What a book learns.
#[derive(Debug, Default)]
pub(super) struct Reading {
    /// `None`: nobody has asked for the file yet.
    pub(super) files: Vec<(Origin, Option<Entry>)>,
    pub(super) checks: Checks,
    /// What is to be stored.
    pub(super) news: Option<News>,
}

/// A record with the sitemaps it names; it holds as many bytes of the budget as its text has.
#[derive(Debug)]
pub(super) struct News {
    pub(super) record: Arc<RobotsRecord>,
    pub(super) sitemaps: Vec<Candidate>,
    pub(super) bytes: Reservation,
}

/// What came of a request for robots.txt at `now`.
#[derive(Debug)]
pub(super) struct Landing {
    pub(super) chase: Chase,
    pub(super) arrived: Arrived,
    /// What the book knows of the origin.
    pub(super) known: Option<Entry>,
    pub(super) now: UnixMs,
}

/// See [`super::hops::HopEnd`].
#[derive(Debug)]
pub(super) enum Arrived {
    /// An exchange, with what pays for its body (`None`: it has none).
    Asked { exchange: Exchange, bytes: Option<Reservation>, jitter: f64 },
    /// It has to wait.
    Later { ms: u64, why: String },
}

/// What a lease brings, and names. `None`: the session is ending.
pub(super) async fn begin<F: Fetcher, C: Clock>(
    shared: Arc<Shared<F, C>>,
    host: HostId,
    robots: LeasedRobots,
    waiting: Vec<Waiting>,
) -> Option<Reading> {
    let mut origins = robots.long;
    for record in robots.short {
        if shared.robots.get(&record.origin).is_none() {
            shared.robots.put(Known::read(&record, Outcome::Robots, &shared.agent));
        }
        origins.push(record.origin);
    }
    look_up(shared, host, origins, waiting).await
}

/// What is known of origins of one host. `None`: the session is ending.
pub(super) async fn look_up<F: Fetcher, C: Clock>(
    shared: Arc<Shared<F, C>>,
    host: HostId,
    origins: Vec<Origin>,
    waiting: Vec<Waiting>,
) -> Option<Reading> {
    let mut reading = Reading::default();
    for origin in origins {
        let found = find(&shared, host, &origin, &waiting).await?;
        let (entry, checks) = found.map_or((None, Checks::new()), |(entry, checks)| (Some(entry), checks));
        reading.files.push((origin, entry));
        reading.checks.extend(checks);
    }
    Some(reading)
}

/// Takes in what a request brought. `None`: the session is ending.
pub(super) async fn land<F: Fetcher, C: Clock>(
    shared: Arc<Shared<F, C>>,
    host: HostId,
    landing: Landing,
    waiting: Vec<Waiting>,
) -> Option<Reading> {
    let Landing { chase, arrived, known, now } = landing;
    let (arrived, bytes) = match arrived {
        Arrived::Asked { exchange, bytes, jitter } => (Ok((exchange, jitter)), bytes),
        Arrived::Later { ms, why } => (Err((ms, why)), None),
    };
    let mut bytes = match bytes {
        Some(bytes) => bytes,
        None => shared.budget.reserve().await,
    };
    let before = known.as_ref().map_or(Outcome::Robots, |entry| entry.outcome);
    let known = match known.map(|entry| entry.record) {
        Some(known) if known.verdict == RobotsVerdict::Rules => {
            // The text may have to rule on. It is paid for before it is read; whoever has a turn waits for no bytes.
            bytes.cover(2 * robots::MAX_BYTES).await;
            let _turn = turn(&shared.readers).await;
            record_of(&shared, host, &chase.origin).await?
        }
        known => known.map(Arc::new),
    };
    let (record, outcome) = match (arrived, known.as_deref()) {
        (Ok((exchange, jitter)), known) => {
            (robots::landed(&chase, &exchange, known, now, jitter), verdict::classify(&exchange, false))
        }
        (Err((ms, why)), Some(known)) => (politeness::robots_put_off(known, ms, why, now), before),
        (Err(_), None) => return Some(Reading::default()),
    };
    let record = Arc::new(record);
    drop(known);
    bytes.park(text_bytes(&record) as u64).await;
    shared.robots.send(&record);
    let read = {
        let (shared, record) = (Arc::clone(&shared), Arc::clone(&record));
        move || (Known::read(&record, outcome, &shared.agent), sitemaps::of_robots(&shared, &record))
    };
    let (entry, checks, sitemaps) = if is_small(&record) {
        let (known, sitemaps) = read();
        shared.robots.put(known);
        let (entry, checks) = find(&shared, host, &chase.origin, &waiting).await??;
        (entry, checks, sitemaps)
    } else {
        let _turn = turn(&shared.readers).await;
        let (known, sitemaps) = off_the_async_threads(read).await?;
        let known = shared.robots.put(known);
        (Entry::of(&known), judge(known, &waiting).await?, sitemaps)
    };
    // Only now: whoever is finished waits for the writer alone, and others for it.
    bytes.finish(text_bytes(&record) as u64).await;
    let files = vec![(chase.origin, Some(entry))];
    Some(Reading { files, checks, news: Some(News { record, sitemaps, bytes }) })
}

/// What is known of an origin, and says of the URLs that wait for it: at once where that is easy, else when it
/// is this worker's turn. Nobody holds a file while it waits. `Some(None)`: nobody has asked for it.
async fn find<F: Fetcher, C: Clock>(
    shared: &Shared<F, C>,
    host: HostId,
    origin: &Origin,
    waiting: &[Waiting],
) -> Option<Option<(Entry, Checks)>> {
    if let Some(known) = shared.robots.get(origin)
        && let Some(checks) = judge_at_once(&known, waiting)
    {
        return Some(Some((Entry::of(&known), checks)));
    }
    let _turn = turn(&shared.readers).await;
    let known = match shared.robots.get(origin) {
        Some(known) => known,
        None => {
            let Some(record) = record_of(shared, host, origin).await? else { return Some(None) };
            let (small, agent) = (is_small(&record), Arc::clone(&shared.agent));
            let read = move || Known::read(&record, Outcome::Robots, &agent);
            shared.robots.put(if small { read() } else { off_the_async_threads(read).await? })
        }
    };
    let entry = Entry::of(&known);
    let checks = match judge_at_once(&known, waiting) {
        Some(checks) => checks,
        None => judge(known, waiting).await?,
    };
    Some(Some((entry, checks)))
}

/// What is known of an origin, with the text: on its way to the database, or there.
async fn record_of<F: Fetcher, C: Clock>(
    shared: &Shared<F, C>,
    host: HostId,
    origin: &Origin,
) -> Option<Option<Arc<RobotsRecord>>> {
    if let Some(record) = shared.robots.sent(origin) {
        return Some(Some(record));
    }
    let (reply, answer) = oneshot::channel();
    shared.desk.send(Ask::Robots { host, origin: origin.clone(), reply }).ok()?;
    answer.await.ok().map(|record| record.map(Arc::new))
}

/// What a file says of those URLs that wait for it; `None`: that takes a while.
fn judge_at_once(known: &Known, waiting: &[Waiting]) -> Option<Checks> {
    if known.record.verdict != RobotsVerdict::Rules {
        return Some(Checks::new());
    }
    let work = of_origin(known, waiting).map(|url| known.rules.bytes() + url.path.len() * WORK_OF_A_PATH_BYTE);
    let check = |url: &Waiting| (url.id, known.rules.check(&url.path));
    (work.sum::<usize>() <= SMALL_WORK).then(|| of_origin(known, waiting).map(check).collect())
}

/// The same, however long it takes.
async fn judge(known: Arc<Known>, waiting: &[Waiting]) -> Option<Checks> {
    let urls: Vec<Waiting> = of_origin(&known, waiting).cloned().collect();
    off_the_async_threads(move || urls.into_iter().map(|url| (url.id, known.rules.check(&url.path))).collect()).await
}

fn of_origin<'w>(known: &Known, waiting: &'w [Waiting]) -> impl Iterator<Item = &'w Waiting> {
    waiting.iter().filter(|url| url.origin == known.record.origin)
}

fn is_small(record: &RobotsRecord) -> bool {
    text_bytes(record) <= LeasedRobots::SHORT_TEXT_BYTES
}

fn text_bytes(record: &RobotsRecord) -> usize {
    record.body.as_ref().map_or(0, String::len)
}

/// Whoever has one waits for nothing but the database and the processor.
async fn turn(readers: &Semaphore) -> SemaphorePermit<'_> {
    readers.acquire().await.expect("the readers' semaphore is never closed")
}

/// `None`: the program is ending.
async fn off_the_async_threads<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => Some(result),
        // A defect of this program: as if it had happened here.
        Err(failure) if failure.is_panic() => std::panic::resume_unwind(failure.into_panic()),
        Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::shelf::tests::record;
    use super::*;
    use crate::model::CrawlUrl;

    fn known(rules: usize) -> Arc<Known> {
        let rules: String = (0..rules).map(|n| format!("Allow: *{n}z\n")).collect();
        let record = record("a.test", &format!("User-agent: *\n{rules}Disallow: /x"));
        Arc::new(Known::read(&record, Outcome::Robots, "a"))
    }

    fn waiting(urls: usize, octets: usize) -> Vec<Waiting> {
        let url = |n| {
            let url = CrawlUrl::stored(&format!("https://{}.test/x{}", ["a", "b"][n % 2], "y".repeat(octets))).unwrap();
            Waiting { id: UrlId(n as i64), origin: url.origin(), path: url.path_and_query().to_owned() }
        };
        (0..urls).map(url).collect()
    }

    /// Two hosts with such files held both threads of a crawl, half a second at a time.
    #[tokio::test]
    async fn files_that_are_slow_to_ask_held_the_async_threads() {
        for (name, rules, urls, octets, expected) in [
            ("an ordinary file", 100, 32, 60, true),
            ("many rules", 30_000, 2, 60, false),
            ("many rules and URLs", 2_000, 32, 60, false),
            ("long URLs", 1, 32, 2_000, false),
        ] {
            let (known, waiting) = (known(rules), waiting(urls, octets));
            let at_once = judge_at_once(&known, &waiting);
            assert_eq!(at_once.is_some(), expected, "{name}");
            let checks = judge(known, &waiting).await.unwrap();
            assert!(at_once.is_none_or(|at_once| at_once == checks), "{name}");
            let refused = checks.iter().filter(|(_, check)| !check.allowed).count();
            assert_eq!((checks.len(), refused), (urls / 2, urls / 2), "{name}: those of the origin");
        }
    }
}
