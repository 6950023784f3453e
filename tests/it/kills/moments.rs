//! When lives are ended: [`Moment`], and [`plan`], the moments of a whole crawl.

use std::ops::Range;
use std::time::Duration;

use super::web::CRAWL_DELAY;

/// When, and by what, a life is ended.
#[derive(Clone, Debug)]
pub(super) enum Moment {
    /// SIGKILL so long after the start; the database may not be there yet.
    AtBirth(Duration),
    /// SIGKILL while the first robots.txt is being fetched: before anything is settled.
    InRobots,
    /// SIGKILL while a page of a slow host is being fetched. The next life begins at once, before anything is
    /// examined: it has to wait what is left of that host's delay.
    InSlowPage,
    /// SIGKILL so long after the first request of this life.
    AfterRequest(Duration),
    /// SIGKILL so long after the first commit of visits of this life.
    AfterCommit(Duration),
    /// SIGKILL at the n-th write to the write-ahead log after that commit: in a COMMIT, or right behind it.
    InCommit(u32),
    /// By itself, at a failpoint.
    Failpoint(String),
    /// By itself, at a failpoint on the way out: SIGTERM after the first commit of visits of this life.
    Leaving(&'static str),
}

impl Moment {
    /// Whether the next life begins before this death is looked into.
    pub(super) fn is_followed_at_once(&self) -> bool {
        matches!(self, Moment::InSlowPage)
    }

    /// The same where only so many URLs are left: a crawl that ends before its moment dies of nothing.
    pub(super) fn within(&self, left: usize) -> Moment {
        const PARSING: &str = "parsing/page@";
        match self {
            Moment::Failpoint(text) if text.starts_with(PARSING) => {
                let nth: usize = text[PARSING.len()..].parse().expect("a number");
                Moment::Failpoint(format!("{PARSING}{}", nth.min(left / 3).max(1)))
            }
            other => other.clone(),
        }
    }

    /// Whether visits are committed in the life that this moment ends.
    pub(super) fn meets_commits(&self) -> bool {
        match self {
            Moment::AfterCommit(_) | Moment::InCommit(_) | Moment::Leaving(_) => true,
            // A first settling may hold a robots.txt alone.
            Moment::AtBirth(_)
            | Moment::InRobots
            | Moment::InSlowPage
            | Moment::AfterRequest(_)
            | Moment::Failpoint(_) => false,
        }
    }
}

/// SplitMix64 (Steele, Lea, Flood 2014).
pub(super) struct Rng(pub(super) u64);

impl Rng {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    pub(super) fn ms_below(&mut self, bound: u64) -> Duration {
        Duration::from_millis(self.below(bound))
    }
}

/// Deaths while the file is made, in a session's first steps, before anything is settled, and with the first page
/// of a slow host. They come first, in this order.
fn early(rng: &mut Rng) -> Vec<Moment> {
    let mut moments: Vec<Moment> = [
        "migrating/begin",
        "migrating/commit",
        "migrating/after",
        "beginning a session/statement@3",
        "beginning a session/commit",
        "beginning a session/after",
        "admitting seeds/statement@2",
        "leasing/commit",
        "settling/begin",
    ]
    .map(|failpoint| Moment::Failpoint(failpoint.to_owned()))
    .into();
    let beyond = CRAWL_DELAY + Duration::from_millis(200);
    moments.extend([Moment::InRobots, Moment::AtBirth(rng.ms_below(60))]);
    moments.extend([Moment::InSlowPage, Moment::AtBirth(beyond)]);
    moments
}

/// Transactions in the middle of a crawl and the moments around them, with the times that the moment may be
/// met: rarely the first, so that most deaths come after a commit; a detail where it matters which statement it is.
const LATE: [(&str, Range<u64>, &str); 11] = [
    ("settling/begin", 2..8, ""),
    ("settling/statement", 25..90, ""),
    ("settling/statement", 2..6, "=INTO fetches"),
    ("settling/statement", 2..6, "=INTO links"),
    ("settling/statement", 2..6, "=UPDATE urls"),
    ("settling/commit", 2..8, ""),
    ("settling/after", 1..8, ""),
    ("leasing/begin", 1..3, ""),
    ("leasing/commit", 1..3, ""),
    ("leasing/after", 1..3, ""),
    ("parsing/page", 1..60, ""),
];

const ON_THE_WAY_OUT: [&str; 5] = [
    "ending the session/begin",
    "ending the session/commit",
    "ending the session/after",
    "emptying the log/begin",
    "emptying the log/after",
];

/// Deaths of lives that came to the end of the crawl: they follow the plan, and one more life follows them.
pub(super) const AT_THE_END: [&str; 4] =
    ["ending the session/begin", "ending the session/after", "emptying the log/begin", "emptying the log/after"];

/// `kills` moments in order: the early ones, then every kind in turn. A page that is tried alone at ten
/// deaths in a row is given up, by design: so before there is plenty of other work each death is another one's.
pub(super) fn plan(rng: &mut Rng, kills: usize) -> Vec<Moment> {
    let mut moments = early(rng);
    while moments.len() < kills {
        moments.push(match moments.len() % 8 {
            0 => Moment::Leaving(ON_THE_WAY_OUT[rng.below(ON_THE_WAY_OUT.len() as u64) as usize]),
            1 | 4 => Moment::InCommit(1 + rng.below(8) as u32),
            2 | 6 => {
                let (failpoint, times, detail) = &LATE[rng.below(LATE.len() as u64) as usize];
                let nth = times.start + rng.below(times.end - times.start);
                Moment::Failpoint(format!("{failpoint}@{nth}{detail}"))
            }
            _ => Moment::AfterCommit(rng.ms_below(200)),
        });
    }
    moments.truncate(kills);
    moments
}

/// `kills` moments of which all lie within 200 ms of the start, or of the first request.
pub(super) fn quick_plan(rng: &mut Rng, kills: usize, since: fn(Duration) -> Moment) -> Vec<Moment> {
    (0..kills).map(|_| since(rng.ms_below(200))).collect()
}

#[test]
fn a_plan_of_a_seed_holds_every_kind_of_death() {
    let named = |plan: &[Moment]| format!("{plan:?}");
    let moments = plan(&mut Rng(1), 100);
    assert_eq!(moments.len(), 100);
    assert_eq!(named(&moments), named(&plan(&mut Rng(1), 100)));
    assert_ne!(named(&moments), named(&plan(&mut Rng(2), 100)));
    for kind in ["AtBirth", "InRobots", "InSlowPage", "AfterCommit", "InCommit", "Leaving", "settling/", "leasing/"] {
        assert!(named(&moments).contains(kind), "{kind}");
    }
    assert!(moments.iter().filter(|moment| moment.meets_commits()).count() > 50);
}
