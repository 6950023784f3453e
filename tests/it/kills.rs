//! The real binary, killed for real: SIGKILL at twenty random moments, then resumed to the end. The
//! result has to equal that of a crawl that nobody disturbed, and the server's log has to show that
//! little was asked twice and nothing too soon.
//!
//! Another run of the same moments: `SQRAWL_KILLS_SEED=… cargo test --locked kills`.

mod life;
mod site;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use life::{Life, Reader, wal_mark};
use site::{Hit, Hold, Site};

const KILLS: usize = 20;
/// `--delay`.
const DELAY: Duration = Duration::from_millis(20);
/// The crawler counts in whole ms, so a wait may come out one short at either end.
const GRANULARITY: Duration = Duration::from_millis(2);
/// What one kill may cost in repeated fetches: `-c` requests in flight, and what the writer may
/// hold (1,024 queued and a batch of 400).
const MOST_LOST: usize = 8 + 1024 + 400;

/// When a life is ended.
#[derive(Clone, Copy, Debug)]
enum Moment {
    /// So long after the start; the database may not be there yet.
    AtBirth(Duration),
    /// While the first robots.txt is being fetched: before anything is settled.
    InRobots,
    /// While a page is being fetched.
    InPage,
    /// So long after the first request of this life.
    AfterRequest(Duration),
    /// So long after the first commit of visits of this life.
    AfterCommit(Duration),
    /// At the n-th write to the write-ahead log: in a COMMIT, or right behind it.
    InCommit(u32),
}

/// SplitMix64 (Steele, Lea, Flood 2014).
struct Rng(u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn ms_below(&mut self, bound: u64) -> Duration {
        Duration::from_millis(self.below(bound))
    }
}

/// The moments in order. A URL that is alone in work in three deaths is given up, by design: so no
/// more than two deaths come before there is plenty of other work, and commits come in between.
fn moments(rng: &mut Rng) -> Vec<Moment> {
    let mut moments = vec![
        Moment::AtBirth(rng.ms_below(60)),
        Moment::InRobots,
        Moment::AfterCommit(rng.ms_below(50)),
        Moment::InPage,
        Moment::AtBirth(rng.ms_below(60)),
    ];
    while moments.len() < KILLS {
        moments.push(match moments.len() % 4 {
            0 | 2 => Moment::AfterCommit(rng.ms_below(200)),
            1 => Moment::InCommit(1 + rng.below(8) as u32),
            _ => Moment::AfterRequest(rng.ms_below(300)),
        });
    }
    moments
}

struct Trial {
    site: std::sync::Arc<Site>,
    reader: Reader,
    folder: tempfile::TempDir,
}

impl Trial {
    fn db(&self) -> PathBuf {
        self.folder.path().join("crawl.db")
    }

    fn crawl(&self, life: usize) -> Life {
        self.site.begin_life(life);
        let mut args = vec!["crawl".to_owned()];
        args.extend(self.site.seeds());
        let db = self.db().to_string_lossy().into_owned();
        let delay = format!("{}ms", DELAY.as_millis());
        let flags = ["--db", &db, "--delay", &delay, "-c", "8", "--allow-net", "127.0.0.0/8", "--no-progress", "-q"];
        args.extend(flags.map(str::to_owned));
        Life::start(self.folder.path(), &args)
    }

    fn run_to_the_end(&self, life: usize) {
        let mut crawl = self.crawl(life);
        let status = crawl.wait();
        assert_eq!(status.code(), Some(0), "{}", crawl.said());
        self.site.settle_down();
    }

    /// Lets one life run until its moment, and ends it. `most` committed fetches end it earlier.
    fn kill_at(&self, life: usize, moment: Moment, most: usize) {
        let db = self.db();
        let committed = self.reader.fetches(&db);
        match moment {
            Moment::InRobots => self.site.hold(Hold::Robots),
            Moment::InPage => self.site.hold(Hold::Pages),
            _ => {}
        }
        let mut crawl = self.crawl(life);
        let asked = || !self.site.hits_of(life).is_empty();
        match moment {
            Moment::AtBirth(after) => pause(&mut crawl, after, || false),
            Moment::InRobots => crawl.wait_until("robots.txt is asked for", || self.saw(life, Hit::is_robots)),
            Moment::InPage => crawl.wait_until("a page is asked for", || self.saw(life, |hit| !hit.is_robots())),
            Moment::AfterRequest(after) => {
                crawl.wait_until("the first request", asked);
                pause(&mut crawl, after, || self.reader.fetches(&db) >= most);
            }
            Moment::AfterCommit(after) => {
                crawl.wait_until("the first commit", || self.reader.fetches(&db) > committed);
                pause(&mut crawl, after, || self.reader.fetches(&db) >= most);
            }
            Moment::InCommit(nth) => {
                crawl.wait_until("the first request", asked);
                for _ in 0..nth {
                    let before = wal_mark(&db);
                    // Without a pause between looks, so that the kill comes as early as it can.
                    crawl.wait_until("a write to the log", || (0..1000).any(|_| wal_mark(&db) != before));
                }
            }
        }
        crawl.kill();
        self.site.settle_down();
    }

    fn saw(&self, life: usize, which: impl Fn(&Hit) -> bool) -> bool {
        self.site.hits_of(life).iter().any(which)
    }
}

/// Lets the crawl go on for a random time; that time is the experiment, nothing waits for it.
fn pause(crawl: &mut Life, time: Duration, enough: impl Fn() -> bool) {
    let until = std::time::Instant::now() + time;
    crawl.wait_until("its time is over", || std::time::Instant::now() >= until || enough());
}

/// Everything that has to be equal, as text.
fn result(reader: &Reader, db: &Path) -> BTreeMap<&'static str, Vec<Vec<String>>> {
    let urls = "SELECT u.url, u.state, r.name, f.outcome, f.status, t.url, c.title, c.mime, hex(c.hash), c.words
        FROM urls u LEFT JOIN rules r ON r.id = u.rule_id LEFT JOIN fetches f ON f.id = u.last_fetch_id
        LEFT JOIN urls t ON t.id = f.target_id LEFT JOIN contents c ON c.id = f.content_id ORDER BY u.url";
    let links = "SELECT s.url, t.url, l.kind, l.nofollow, l.position, l.anchor
        FROM links l JOIN urls s ON s.id = l.source_id JOIN urls t ON t.id = l.target_id ORDER BY 1, 2, 3";
    let bodies = "SELECT hex(c.hash), b.codec, b.size_bytes, length(b.data), length(t.text)
        FROM contents c LEFT JOIN bodies b ON b.content_id = c.id LEFT JOIN texts t ON t.content_id = c.id ORDER BY 1";
    [("urls", urls), ("links", links), ("bodies", bodies)]
        .map(|(name, sql)| (name, reader.rows(db, sql).unwrap_or_else(|| panic!("{name} cannot be read"))))
        .into()
}

/// Compares with what the site's maker knows, so that two crawls cannot be wrong together.
fn check_against_the_site(site: &Site, result: &BTreeMap<&'static str, Vec<Vec<String>>>) {
    let found: BTreeMap<String, (String, String)> = result["urls"]
        .iter()
        .map(|row| {
            let outcome = if row[3].is_empty() { &row[2] } else { &row[3] };
            (row[0].clone(), (outcome.clone(), row[6].clone()))
        })
        .collect();
    for (url, expected) in site.expected() {
        let expected = if expected.0 == "gone" { (expected.0, found[&url].1.clone()) } else { expected };
        assert_eq!(found.get(&url), Some(&expected), "{url}");
    }
    assert_eq!(found.len(), site.expected().len(), "URLs that no page names");
}

/// No request to a host came sooner after the one before than the delay then in force. The crawler
/// asks a host one at a time and counts from the end of the answer; the server's clock stops when
/// it has read a request and before it answers, so no scheduling can make a gap look shorter.
fn check_politeness(log: &[Hit]) {
    let mut last: BTreeMap<&str, &Hit> = BTreeMap::new();
    for hit in log {
        // Before the first robots.txt is committed nobody can know what it asks for.
        let delay = if hit.is_robots() { DELAY } else { DELAY.max(Site::crawl_delay(&hit.host)) };
        if let Some(before) = last.insert(&hit.host, hit) {
            let gap = hit.at.saturating_sub(before.at);
            assert!(gap + GRANULARITY >= delay, "{gap:?} instead of {delay:?} between {before:?} and {hit:?}");
        }
    }
}

fn check_sessions(reader: &Reader, db: &Path, lives_that_asked: usize) {
    let sessions = reader.rows(db, "SELECT ended_ms IS NULL, ended_by FROM sessions ORDER BY id").unwrap();
    let (last, crashed) = sessions.split_last().expect("sessions");
    assert_eq!(last, &["0", "complete"], "the last session tells how it ended");
    assert!(crashed.iter().all(|row| row == &["1", ""]), "a killed session has no end: {crashed:?}");
    let range = lives_that_asked..=KILLS;
    assert!(range.contains(&crashed.len()), "{} crashed sessions, not {range:?}", crashed.len());
    let rounds = reader.rows(db, "SELECT ended_ms IS NULL FROM rounds").unwrap();
    assert_eq!(rounds, [["0"]], "one round, and it is complete");
}

#[test]
fn killed_twenty_times_the_crawl_ends_as_if_undisturbed() {
    let clock = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64;
    let seed = std::env::var("SQRAWL_KILLS_SEED").map_or(clock, |seed| seed.parse().expect("a number"));
    println!("SQRAWL_KILLS_SEED={seed}");
    let site = Site::open();
    let trial = |site| Trial { site, reader: Reader::new(), folder: tempfile::tempdir().unwrap() };

    let calm = trial(std::sync::Arc::clone(&site));
    calm.run_to_the_end(0);
    let undisturbed = result(&calm.reader, &calm.db());
    check_against_the_site(&site, &undisturbed);
    check_politeness(&site.take_log());

    let wild = trial(std::sync::Arc::clone(&site));
    let all = calm.reader.fetches(&calm.db());
    let mut lost: BTreeMap<String, usize> = BTreeMap::new();
    for (life, moment) in moments(&mut Rng(seed)).into_iter().enumerate() {
        wild.kill_at(life, moment, all * (life + 1) / (KILLS + 2));
        let committed = wild.reader.autopsy(&wild.db());
        let unsettled: Vec<String> = site.requested().difference(&committed).cloned().collect();
        println!("kill {life} {moment:?}: {} committed, {} requests lost", committed.len(), unsettled.len());
        assert!(unsettled.len() <= MOST_LOST, "{} requests were lost", unsettled.len());
        for url in unsettled {
            *lost.entry(url).or_default() += 1;
        }
    }
    wild.run_to_the_end(KILLS);
    wild.reader.autopsy(&wild.db());
    let log = site.take_log();

    let disturbed = result(&wild.reader, &wild.db());
    for (name, rows) in &undisturbed {
        assert_eq!(rows.len(), disturbed[name].len(), "{name}");
        for (calm, wild) in rows.iter().zip(&disturbed[name]) {
            assert_eq!(calm, wild, "{name}");
        }
    }
    check_politeness(&log);
    let mut asked: BTreeMap<String, usize> = BTreeMap::new();
    for hit in log.iter().filter(|hit| !hit.is_robots()) {
        *asked.entry(site.url_of(hit)).or_default() += 1;
    }
    for (url, times) in &asked {
        let excuses = lost.get(url).copied().unwrap_or(0);
        assert!(*times <= 1 + excuses, "{url} was asked for {times} times, and lost in {excuses} kills");
    }
    let lives_that_asked = (0..KILLS).filter(|life| log.iter().any(|hit| hit.life == *life)).count();
    check_sessions(&wild.reader, &wild.db(), lives_that_asked);
    println!("{} requests, {} of them again", log.len(), asked.values().map(|times| times - 1).sum::<usize>());
}
