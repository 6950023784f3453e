//! [`Explanation`] and its parts. Times are Unix ms.

use serde::Serialize;

use crate::model::UnixMs;
use crate::scope::SpellingStep;
use crate::store::sqlite::read::{Attempt, Hop, HostRecord};

/// All that decides about one URL.
#[derive(Clone, Debug, Serialize)]
pub struct Explanation {
    /// As typed, without credentials.
    pub given: String,
    /// The URL that is explained: as it is known, else its canonical form.
    pub url: String,
    /// When this was true.
    pub at_ms: UnixMs,
    /// As the crawl spells it.
    pub canonical: String,
    /// The rules that made that of what was typed.
    pub spelling: Vec<SpellingStep>,
    /// Whether the database knows it.
    pub is_known: bool,
    /// Who named it first.
    pub first_named: Option<FirstNamed>,
    /// Where it stands.
    pub state: Option<StateWord>,
    /// Whether it belongs to the crawl; `None`: no crawl was begun.
    pub scope: Option<ScopeWord>,
    /// What robots.txt says.
    pub robots: RobotsWord,
    /// Its host; `None`: not known.
    pub host: Option<HostWord>,
    /// The limits that keep it from being visited now.
    pub limits_reached: Vec<LimitWord>,
    /// Attempts in all.
    pub attempt_count: u64,
    /// The latest of them, the latest first.
    pub attempts: Vec<Attempt>,
    /// When it is visited next.
    pub due: Due,
    /// Where its redirect leads, hop by hop.
    pub redirects: Vec<Hop>,
    /// What is known of the deaths that it is suspected of.
    pub last_words: Option<LastWords>,
    /// Known URLs that look like it.
    pub near: Vec<String>,
}

/// Who named a URL first.
#[derive(Clone, Debug, Serialize)]
pub struct FirstNamed {
    /// `seed`, `link`, `redirect`, `sitemap`, `robots` (as a sitemap), `former_link` (its page has other links by now) or
    /// `import`.
    pub by: &'static str,
    /// When.
    pub at_ms: UnixMs,
    /// The page.
    pub page: Option<String>,
    /// The kind of link.
    pub kind: Option<String>,
    /// Its text.
    pub anchor: Option<String>,
    /// Marked nofollow.
    pub nofollow: bool,
    /// As typed, when it is a seed.
    pub seed: Option<String>,
    /// The value of `seeds.source`.
    pub seed_source: Option<String>,
}

/// Where a URL stands.
#[derive(Clone, Debug, Serialize)]
pub struct StateWord {
    /// `queued`, `scheduled`, `done`, `failed` or `excluded`.
    pub state: String,
    /// The rule that excluded it.
    pub rule: Option<String>,
    /// Links from a seed, as first seen.
    pub depth: u32,
    /// Clicks from the nearest start, as `sqrawl rank` counted them last; `None`: no links lead there, or it was not ranked.
    pub click_depth: Option<i64>,
    /// When it did; `None`: the page was not ranked.
    pub ranked_ms: Option<UnixMs>,
    /// The most of them.
    pub max_depth: Option<u32>,
    /// Redirects in a row that led to it.
    pub hops: u32,
    /// The most of them.
    pub max_redirects: u32,
    /// Failed tries in this run of tries.
    pub failed_tries: u32,
    /// The most of them.
    pub most_tries: u32,
    /// Lower is earlier.
    pub priority: i64,
    /// The last round in which something named it.
    pub seen_round: i64,
    /// URLs of its host before it in the queue, 100,000 at most.
    pub ahead: Option<i64>,
}

/// Whether a URL belongs to the crawl.
#[derive(Clone, Debug, Serialize)]
pub struct ScopeWord {
    /// It does.
    pub accepted: bool,
    /// The rule that says no.
    pub rule: Option<String>,
    /// The same in words, with the setting.
    pub reason: String,
    /// The pattern that matches first.
    pub pattern: Option<String>,
    /// Of a URL that is not known: it is taken to be so many links from a seed, on a link that is followed.
    pub assumed_depth: Option<u32>,
    /// Whether it would belong to the crawl as a seed.
    pub accepted_as_seed: bool,
}

/// What the stored robots.txt says of a URL.
#[derive(Clone, Debug, Serialize)]
pub struct RobotsWord {
    /// Whose robots.txt.
    pub origin: String,
    /// The name looked for in it.
    pub agent: String,
    /// Nobody looks at it (`--ignore-robots`).
    pub is_ignored: bool,
    /// `rules`, `allow_all`, `disallow_all`; `None`: it was never asked for.
    pub verdict: Option<&'static str>,
    /// Whether the URL may be fetched; `None`: not known.
    pub allowed: Option<bool>,
    /// The number of the deciding line.
    pub line: Option<u32>,
    /// Its text.
    pub text: Option<String>,
    /// HTTP status of the last attempt.
    pub status: Option<u16>,
    /// When that was.
    pub fetched_ms: Option<UnixMs>,
    /// How long ago.
    pub age_ms: Option<i64>,
    /// When it is asked for again.
    pub expires_ms: Option<UnixMs>,
    /// Whether it still holds.
    pub is_fresh: bool,
    /// Why the last attempt failed.
    pub error: Option<String>,
}

/// How its host is treated.
#[derive(Clone, Debug, Serialize)]
pub struct HostWord {
    /// A worker has it.
    pub is_leased: bool,
    /// The delay between two requests now.
    pub delay_ms: u64,
    /// Who asked for it: `setting`, `robots`, `response_time` or `errors`.
    pub delay_by: &'static str,
    /// `Crawl-delay` of its robots.txt.
    pub crawl_delay_ms: Option<u64>,
    /// `--delay`.
    pub delay_setting_ms: Option<u64>,
    /// Until when it is left alone for more than the delay.
    pub paused_until_ms: Option<UnixMs>,
    /// As stored.
    pub host: HostRecord,
}

/// A limit that is reached.
#[derive(Clone, Debug, Serialize)]
pub struct LimitWord {
    /// Its flag.
    pub flag: &'static str,
    /// Pages, or ms.
    pub limit: u64,
    /// How many there are.
    pub now: u64,
}

/// When a URL is visited next.
#[derive(Clone, Debug, Serialize)]
pub struct Due {
    /// Not before; `None`: not as things are.
    pub at_ms: Option<UnixMs>,
    /// Why then, or why not.
    pub why: String,
}

/// A URL with which a process died.
#[derive(Clone, Debug, Serialize)]
pub struct LastWords {
    /// It is held back, to be tried alone after all others.
    pub is_held: bool,
    /// Deaths in a row while it was tried alone.
    pub deaths: u64,
    /// The session that died.
    pub session: Option<i64>,
    /// Why it was given up.
    pub words: Option<String>,
}
