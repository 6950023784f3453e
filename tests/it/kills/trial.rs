//! [`Trial`]: one crawl of the site in many lives, and [`Tally`], what came of it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::life::{Life, Reader, wal_mark};
use super::moments::{AT_THE_END, Moment};
use super::remains::{self, Copy, Remains};
use super::site::{Hit, Hold, Site};
use super::web;

/// The crawler counts in whole ms, so a wait may come out one short at either end.
const GRANULARITY: Duration = Duration::from_millis(2);
/// Visits that the writer may hold: its queue and a batch.
const WRITER_HOLDS: usize = 1024 + 400;
/// Complaints of a kind that are printed.
const MOST_COMPLAINTS: usize = 6;

/// How the program is started.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// `--delay`.
    pub(super) delay: Duration,
    /// `-c`.
    pub(super) concurrency: usize,
}

pub(super) struct Trial {
    site: Arc<Site>,
    pace: Pace,
    reader: Reader,
    folder: tempfile::TempDir,
}

/// The end of a life.
struct Death {
    life: usize,
    moment: Moment,
    remains: Copy,
    /// URLs that the life asked for.
    requested: BTreeSet<String>,
    /// Whether it asked for anything, a robots.txt included.
    asked: bool,
    /// Requests without an answer.
    open: usize,
}

/// What the kills of one crawl came to.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) kills: usize,
    pub(super) urls: usize,
    pub(super) pages: usize,
    /// URLs that were in the file, or that an undisturbed crawl finds, and that are not in it.
    pub(super) lost: BTreeSet<String>,
    /// What was stored and is gone or different, or differs from an undisturbed crawl.
    pub(super) changed: BTreeSet<String>,
    /// Everything else that must not be: damage, impoliteness, requests without excuse.
    pub(super) faults: Vec<String>,
    pub(super) requests: usize,
    /// Requests for a URL that was asked for before, robots.txt left out.
    pub(super) again: usize,
    /// Requests without an answer, at each kill.
    pub(super) unanswered: Vec<usize>,
    /// Requests whose visit was not committed, at each kill.
    pub(super) unsettled: Vec<usize>,
    /// URLs visited in each life, as its death left it.
    pub(super) fresh: Vec<usize>,
    /// Shortest time from an answer to the next request, as a part of what was to be kept.
    pub(super) shortest: Option<(Duration, Duration)>,
    /// Where SIGKILL met lives: before any request, in one, with answers not yet committed, with none.
    pub(super) phases: [usize; 4],
}

impl Tally {
    pub(super) fn is_clean(&self) -> bool {
        self.lost.is_empty() && self.changed.is_empty() && self.faults.is_empty()
    }

    /// What is wrong, a line each, not all of it.
    pub(super) fn complaints(&self) -> Vec<String> {
        let line =
            |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(300).collect::<String>();
        let some = |what: &str, all: Vec<&String>| -> Vec<String> {
            let more = all.len().saturating_sub(MOST_COMPLAINTS);
            let more = (more > 0).then(|| format!("{what}: and {more} more"));
            all.iter().take(MOST_COMPLAINTS).map(|one| format!("{what}: {}", line(one))).chain(more).collect()
        };
        let lost = some("lost", self.lost.iter().collect());
        let changed = some("changed", self.changed.iter().collect());
        [lost, changed, some("fault", self.faults.iter().collect())].concat()
    }
}

impl Trial {
    pub(super) fn new(site: &Arc<Site>, pace: Pace) -> Trial {
        Trial { site: Arc::clone(site), pace, reader: Reader::new(), folder: tempfile::tempdir().unwrap() }
    }

    fn db(&self) -> PathBuf {
        self.folder.path().join("crawl.db")
    }

    fn crawl(&self, life: usize, failpoint: Option<&str>, brisk: usize) -> Life {
        self.site.begin_life(life, brisk);
        let db = self.db().to_string_lossy().into_owned();
        let delay = format!("{}ms", self.pace.delay.as_millis());
        let concurrency = self.pace.concurrency.to_string();
        let flags = ["--db", &db, "--delay", &delay, "-c", &concurrency, "--allow-net", "127.0.0.0/8"];
        let flags = flags.into_iter().chain(["--no-adaptive", "--sitemaps", "--no-progress", "-q"]);
        let args: Vec<String> =
            ["crawl".to_owned()].into_iter().chain(self.site.seeds()).chain(flags.map(str::to_owned)).collect();
        Life::start(self.folder.path(), &args, failpoint)
    }

    fn run_to_the_end(&self, life: usize) -> Result<(), String> {
        let mut crawl = self.crawl(life, None, usize::MAX);
        let status = crawl.wait(|| self.site.requests());
        self.site.settle_down();
        if status.success() { Ok(()) } else { Err(format!("the crawl ended ({status}): {}", crawl.said())) }
    }

    /// Lets one life run until its moment, and ends it. `most` committed fetches end it earlier. Requests
    /// that were open then.
    fn end_at(&self, life: usize, moment: &Moment, most: usize) -> Result<usize, String> {
        let db = self.db();
        let committed = self.reader.fetches(&db);
        match moment {
            Moment::InRobots => self.site.hold(Hold::Robots),
            Moment::InSlowPage => self.site.hold(Hold::SlowPages),
            _ => {}
        }
        let failpoint = match moment {
            Moment::Failpoint(failpoint) => Some(failpoint.as_str()),
            Moment::Leaving(failpoint) => Some(*failpoint),
            _ => None,
        };
        let mut crawl = self.crawl(life, failpoint, most.saturating_sub(committed) + 2 * self.site.size.all_hosts());
        let commit = |crawl: &mut Life| crawl.wait_until("a commit", || self.reader.fetches(&db) > committed);
        match moment {
            Moment::AtBirth(after) => pause(&mut crawl, *after, || false)?,
            Moment::InRobots => crawl.wait_until("robots.txt is asked for", || self.site.saw(Hit::is_robots))?,
            Moment::InSlowPage => {
                let is_slow = |hit: &Hit| !hit.is_robots() && !self.site.size.crawl_delay(hit.host).is_zero();
                crawl.wait_until("a page of a slow host is asked for", || self.site.saw(is_slow))?;
            }
            Moment::AfterRequest(after) => {
                crawl.wait_until("the first request", || self.site.saw(|_| true))?;
                pause(&mut crawl, *after, || self.reader.fetches(&db) >= most)?;
            }
            Moment::AfterCommit(after) => {
                commit(&mut crawl)?;
                pause(&mut crawl, *after, || self.reader.fetches(&db) >= most)?;
            }
            Moment::InCommit(nth) => {
                commit(&mut crawl)?;
                for _ in 0..*nth {
                    let before = wal_mark(&db);
                    // Without a pause between looks, so that the kill comes as early as it can.
                    crawl.wait_until("a write to the log", || (0..1000).any(|_| wal_mark(&db) != before))?;
                }
            }
            Moment::Failpoint(_) => crawl.die(|| self.site.requests())?,
            Moment::Leaving(_) => {
                commit(&mut crawl)?;
                crawl.ask_to_leave();
                crawl.die(|| self.site.requests())?;
            }
        }
        let open = self.site.in_flight();
        if failpoint.is_none() {
            crawl.kill()?;
        }
        self.site.settle_down();
        Ok(open)
    }

    /// The crawl that nobody disturbs; its result, held against what the site's maker knows, so that two
    /// crawls cannot be wrong together.
    pub(super) fn calm(&self) -> remains::Result {
        self.run_to_the_end(0).unwrap();
        let result = remains::result(&self.reader, &self.db());
        let found: BTreeMap<&str, (&str, &str)> = result["urls"]
            .iter()
            .map(|row| (row[0].as_str(), (if row[3].is_empty() { &*row[2] } else { &*row[3] }, row[6].as_str())))
            .collect();
        let expected = web::expected(&self.site.pages);
        for (url, (outcome, title)) in &expected {
            let (found_outcome, found_title) = found.get(url.as_str()).unwrap_or_else(|| panic!("{url} is not found"));
            assert_eq!(found_outcome, outcome, "{url}");
            assert!(title.as_ref().is_none_or(|title| title == found_title), "{url}: {title:?}, {found_title}");
        }
        assert_eq!(found.len(), expected.len(), "URLs that no page names");
        let mut tally = Tally::default();
        self.judge_manners(&self.site.take_log(), &BTreeMap::new(), &mut tally);
        assert!(tally.is_clean(), "{:#?}", tally.complaints());
        result
    }

    /// The crawl that is ended at each of `moments`, then several times at its end, and then let be.
    pub(super) fn wild(&self, calm: &remains::Result, moments: &[Moment]) -> Tally {
        let mut tally = Tally::default();
        let mut excuses = BTreeMap::new();
        if let Err(fault) = self.live(calm, moments, &mut excuses, &mut tally) {
            tally.faults.push(fault);
        }
        self.site.settle_down();
        self.compare(calm, &mut tally);
        self.judge_manners(&self.site.take_log(), &excuses, &mut tally);
        self.judge_sessions(&mut tally);
        tally
    }

    fn live(
        &self,
        calm: &remains::Result,
        moments: &[Moment],
        excuses: &mut BTreeMap<String, usize>,
        tally: &mut Tally,
    ) -> Result<(), String> {
        let all = count_of(calm, "fetches");
        let mut before = Remains::default();
        let mut deaths = Vec::new();
        for (life, moment) in moments.iter().enumerate() {
            let moment = &moment.within(all.saturating_sub(self.reader.fetches(&self.db())));
            match self.death(life, moment, all * (life + 1) / (moments.len() + 2)) {
                Ok(death) => deaths.push(death),
                // A machine that is busy elsewhere may let a life outlast its moment, and the last ones have little to do.
                Err(_) if life * 4 >= moments.len() * 3 && self.is_complete() => {
                    println!("{life} {moment:?}: the crawl was complete before");
                    self.site.settle_down();
                    // There is no end left at which it could die.
                    self.autopsy(&Copy::of(&self.db()), &before, "the end", tally);
                    return Ok(());
                }
                Err(fault) => return Err(fault),
            }
            if moment.is_followed_at_once() {
                continue;
            }
            for death in deaths.drain(..) {
                before = self.count_death(&death, &before, excuses, tally);
            }
        }
        for failpoint in AT_THE_END {
            let death = self.death(tally.kills, &Moment::Failpoint(failpoint.to_owned()), usize::MAX / 2)?;
            before = self.count_death(&death, &before, excuses, tally);
        }
        self.run_to_the_end(tally.kills)?;
        self.autopsy(&Copy::of(&self.db()), &before, "the end", tally);
        Ok(())
    }

    fn death(&self, life: usize, moment: &Moment, most: usize) -> Result<Death, String> {
        let open = self.end_at(life, moment, most)?;
        let (requested, asked) = (self.site.requested(), self.site.saw(|_| true));
        Ok(Death { life, moment: moment.clone(), remains: Copy::of(&self.db()), requested, asked, open })
    }

    fn is_complete(&self) -> bool {
        self.reader.rows(&self.db(), "SELECT 1 FROM rounds WHERE ended_ms IS NULL").is_some_and(|open| open.is_empty())
    }

    /// Compares what is left with what was left `before`.
    fn autopsy(&self, copy: &Copy, before: &Remains, when: &str, tally: &mut Tally) -> Remains {
        let mut faults = Vec::new();
        let now = remains::examine(&self.reader, copy, &mut faults);
        tally.faults.extend(faults.into_iter().map(|fault| format!("after {when}: {fault}")));
        let (lost, changed) = now.lost_since(before);
        tally.lost.extend(lost);
        tally.changed.extend(changed);
        now
    }

    fn count_death(
        &self,
        death: &Death,
        before: &Remains,
        excuses: &mut BTreeMap<String, usize>,
        tally: &mut Tally,
    ) -> Remains {
        let Death { life, moment, open, .. } = death;
        let now = self.autopsy(&death.remains, before, &format!("life {life} ({moment:?})"), tally);
        let vain: Vec<&String> = death.requested.difference(&now.visited).collect();
        let fresh = now.visited.len().saturating_sub(before.visited.len());
        println!("{life} {moment:?}: {fresh} new visits, {open} requests open, {} not committed", vain.len());
        tally.kills += 1;
        tally.unanswered.push(*open);
        tally.unsettled.push(vain.len());
        tally.fresh.push(fresh);
        if moment.meets_commits() && fresh == 0 {
            tally.faults.push(format!("life {life} committed nothing new"));
        }
        let most = self.pace.concurrency + WRITER_HOLDS;
        if vain.len() > most {
            tally.faults.push(format!("{} requests were lost in a kill, and at most {most} may be", vain.len()));
        }
        let phase = match (death.asked, open, vain.len()) {
            (false, ..) => 0,
            (true, 1.., _) => 1,
            (true, 0, 1..) => 2,
            (true, 0, 0) => 3,
        };
        tally.phases[phase] += usize::from(!matches!(moment, Moment::Failpoint(_)));
        for url in vain {
            *excuses.entry(url.clone()).or_default() += 1;
        }
        now
    }

    fn compare(&self, calm: &remains::Result, tally: &mut Tally) {
        let wild = remains::result(&self.reader, &self.db());
        let (lost, other) = remains::differences(calm, &wild);
        tally.lost.extend(lost);
        tally.changed.extend(other);
        tally.urls = wild["urls"].len();
        tally.pages = count_of(&wild, "pages");
    }

    /// No request to a host came sooner after the answer to the one before than the delay then in force,
    /// over deaths too; and none was made twice but for those that a death had made vain.
    fn judge_manners(&self, log: &[Hit], excuses: &BTreeMap<String, usize>, tally: &mut Tally) {
        let mut last: BTreeMap<usize, &Hit> = BTreeMap::new();
        let mut asked: BTreeMap<String, usize> = BTreeMap::new();
        for hit in log {
            // Before the robots.txt of a host is read nobody can know what it asks for.
            let crawl_delay = if hit.is_robots() { Duration::ZERO } else { self.site.size.crawl_delay(hit.host) };
            let delay = self.pace.delay.max(crawl_delay);
            if let Some(before) = last.insert(hit.host, hit) {
                let kept = hit.at.saturating_sub(before.answered.unwrap_or(before.at));
                if kept + GRANULARITY < delay {
                    tally.faults.push(format!("{kept:?} instead of {delay:?} between {before:?} and {hit:?}"));
                }
                if delay == self.pace.delay {
                    tally.shortest = Some(tally.shortest.map_or((kept, delay), |shortest| shortest.min((kept, delay))));
                }
            }
            if !hit.is_robots() {
                *asked.entry(self.site.url_of(hit)).or_default() += 1;
            }
        }
        for (url, times) in &asked {
            let excuses = excuses.get(url).copied().unwrap_or(0);
            if *times > 1 + excuses {
                tally.faults.push(format!("{url} was asked for {times} times, and lost in {excuses} kills"));
            }
        }
        tally.requests = log.len();
        tally.again = asked.values().map(|times| times - 1).sum();
    }

    /// One round; a session that was killed has no end, the last one tells how it ended.
    fn judge_sessions(&self, tally: &mut Tally) {
        let db = self.db();
        let sessions = self.reader.rows(&db, "SELECT coalesce(ended_by, 'killed') FROM sessions ORDER BY id").unwrap();
        if sessions.last().is_none_or(|row| row[0] != "complete") {
            tally.faults.push(format!("the last session has no end: {sessions:?}"));
        }
        if sessions.len() > tally.kills + 1 {
            tally.faults.push(format!("{} sessions in {} lives", sessions.len(), tally.kills + 1));
        }
        let rounds = self.reader.rows(&db, "SELECT ended_ms IS NULL FROM rounds").unwrap();
        if rounds != [["0"]] {
            tally.faults.push(format!("not one complete round: {rounds:?}"));
        }
    }
}

fn count_of(result: &remains::Result, name: &str) -> usize {
    result["counts"].iter().find(|row| row[0] == name).map_or(0, |row| row[1].parse().unwrap())
}

/// Lets the crawl go on for a random time; that time is the experiment, nothing waits for it.
fn pause(crawl: &mut Life, time: Duration, enough: impl Fn() -> bool) -> Result<(), String> {
    let until = Instant::now() + time;
    crawl.wait_until("its time is over", || Instant::now() >= until || enough())
}
