//! What the frontier hands to one host worker: [`HostLease`] with its [`LeasedUrl`]s; and
//! [`RobotsRecord`], what is known of an origin's robots.txt.
//!
//! The life of a lease: `lease` marks the host (session, expiry, fence) → the worker visits its
//! URLs, each settled under the lease's fence → `release` ends it and says when the host is ready
//! again. A lease whose process died is ended by the next session's start; its late visits, if
//! any, find another fence and change nothing.

use super::{CrawlUrl, Host, HostId, Origin, Pace, Pause, UnixMs, UrlId, Validators};

/// Which lease a visit belongs to. A visit settles only while the host still has this fence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LeaseKey {
    /// The leased host.
    pub host_id: HostId,
    /// Grows by one with every lease of the host.
    pub fence: i64,
}

/// The queue state a URL was leased from, and must still be in when its visit is settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LeasedFrom {
    /// Never tried, or to be tried at once.
    Queued,
    /// A later try whose due time has come.
    Scheduled,
    /// robots.txt or the address guard kept the crawl from it, and an archive has its answer.
    Excluded,
}

impl LeasedFrom {
    /// The value of `urls.state`.
    pub fn as_str(self) -> &'static str {
        match self {
            LeasedFrom::Queued => "queued",
            LeasedFrom::Scheduled => "scheduled",
            LeasedFrom::Excluded => "excluded",
        }
    }
}

/// How far the work on a URL has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WorkStage {
    /// It is being asked for.
    Asked,
    /// What it sent is being parsed.
    Parsing,
    /// Its visit is being written to the store.
    Settling,
}

impl WorkStage {
    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            WorkStage::Asked => "asked",
            WorkStage::Parsing => "parsing",
            WorkStage::Settling => "settling",
        }
    }

    /// Reads the name back.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Asked, Self::Parsing, Self::Settling].into_iter().find(|stage| stage.as_str() == name)
    }
}

/// Deaths in a row that nobody saw, after which a URL is given up: it was tried for being held back, and the
/// process worked on nothing else. Afterwards a kill looks like a crash, and three kills at the same page
/// happen; but a page at which ten processes in a row did not get on must not be tried for ever.
pub const DEATHS_THAT_PROVE: u32 = 10;

/// One URL to visit.
#[derive(Clone, Debug, PartialEq)]
pub struct LeasedUrl {
    /// Its row.
    pub id: UrlId,
    /// Where to go.
    pub url: CrawlUrl,
    /// Links between a seed and this URL, by the shortest known path; a seed has 0.
    pub depth: u32,
    /// Redirects that led here; 0 for a URL named by a link or a seed.
    pub hops: u32,
    /// Failed tries so far in this run of tries.
    pub attempts: u32,
    /// It was in work when the process died and is tried alone: how often in a row the process has died while
    /// it was tried so. `None`: nothing speaks against it.
    pub deaths: Option<u32>,
    /// The state it was leased from.
    pub from: LeasedFrom,
    /// Whether it may bring the host that it redirects to into scope: a seed that the crawl is of, or what the
    /// redirects of one led to. Not what an archive names: nobody has asked for that.
    pub may_widen: bool,
    /// Whether robots.txt or a sitemap index names it as a sitemap.
    pub is_sitemap: bool,
    /// Origin of the page that named it first; `None` for what no page named.
    pub referrer: Option<Origin>,
    /// Validators of the last good copy, for a conditional request.
    pub validators: Option<Validators>,
}

/// One host with work, held by one worker until released.
#[derive(Clone, Debug, PartialEq)]
pub struct HostLease {
    /// The lease's key.
    pub key: LeaseKey,
    /// The host's name.
    pub host: Host,
    /// No request to the host may start before this moment.
    pub polite_ms: UnixMs,
    /// What `polite_ms` waits for when it is not the delay.
    pub pause: Option<Pause>,
    /// Between two requests, as last asked for, in ms.
    pub delay_ms: u64,
    /// From when the delay counts; `None`: the host was never asked.
    pub asked_ms: Option<UnixMs>,
    /// How strong the host seems.
    pub pace: Pace,
    /// Consecutive host-level failures so far.
    pub failures: u32,
    /// Pages this host may still give before its limit; `None`: no limit of its own.
    pub pages_left: Option<u64>,
    /// What is known of the robots.txt of the host's origins.
    pub robots: LeasedRobots,
    /// URLs in the order to visit them; empty only where the host was leased by its name.
    pub urls: Vec<LeasedUrl>,
}

/// robots.txt results that a lease brings, fresh or stale. A host may have one for each of its ports, of 500 KiB
/// each: it brings the short ones of a few origins, and the rest is asked for by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LeasedRobots {
    /// With texts of at most [`Self::SHORT_TEXT_BYTES`].
    pub short: Vec<RobotsRecord>,
    /// Origins of the same few whose texts are longer.
    pub long: Vec<Origin>,
    /// Whether other origins of the host may have results.
    pub more: bool,
}

impl LeasedRobots {
    /// Longest text that comes with a lease, in bytes. It is read in a millisecond.
    pub const SHORT_TEXT_BYTES: usize = 16 * 1024;
}

/// What an origin's robots.txt came to (RFC 9309 2.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RobotsVerdict {
    /// It was read: its rules apply.
    Rules,
    /// There is none (4xx but 429, or too many redirects): everything is allowed.
    AllowAll,
    /// It could not be had (5xx, 429, unreachable): nothing is allowed until it can.
    DisallowAll,
}

impl RobotsVerdict {
    /// The value of `robots.verdict`.
    pub fn as_str(self) -> &'static str {
        match self {
            RobotsVerdict::Rules => "rules",
            RobotsVerdict::AllowAll => "allow_all",
            RobotsVerdict::DisallowAll => "disallow_all",
        }
    }

    /// Reads the value back.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Rules, Self::AllowAll, Self::DisallowAll].into_iter().find(|v| v.as_str() == name)
    }
}

/// One row of `robots`.
#[derive(Clone, Debug, PartialEq)]
pub struct RobotsRecord {
    /// Whose robots.txt.
    pub origin: Origin,
    /// What it came to.
    pub verdict: RobotsVerdict,
    /// HTTP status of the last attempt, `None` when there was no response.
    pub status: Option<u16>,
    /// When the last attempt ended.
    pub fetched_ms: UnixMs,
    /// When an answer that can be relied on last came: rules, or that there are none. `None`: never.
    pub answered_ms: Option<UnixMs>,
    /// When to ask again.
    pub expires_ms: UnixMs,
    /// Attempts in a row that got no answer to rely on; 0 after a good one.
    pub failures: u32,
    /// Why the last attempt failed, or what it waits for, in words; `None` after a good one.
    pub error: Option<String>,
    /// The text, at most 500 KiB, when the verdict is `Rules`.
    pub body: Option<String>,
    /// Where the last attempt was redirected to, while nobody has asked there yet.
    pub hop: Option<RobotsHop>,
}

/// A step of a robots.txt that is redirected.
#[derive(Clone, Debug, PartialEq)]
pub struct RobotsHop {
    /// Where to ask next.
    pub url: CrawlUrl,
    /// Redirects in a row that led there, at least 1.
    pub hops: u32,
}
