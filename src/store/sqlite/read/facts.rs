//! [`PageFacts`]: everything known of one URL; [`UnknownUrl`] when it is not known at all.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use super::copies::{CopyList, VersionList};
use crate::model::UnixMs;

/// How much of the unbounded parts is listed; the counts are always whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShowLimits {
    /// Links out, and links in. Default 20.
    pub links: u32,
    /// Attempts, the latest first. Default 10.
    pub attempts: u32,
    /// Versions, and copies of either kind. Default 10.
    pub others: u32,
    /// Longest time to read all links, and all contents, where that is needed. Default 10 s each.
    pub scan: Duration,
    /// As things were at this moment; links are always those of the latest version. Default: now.
    pub at_ms: Option<UnixMs>,
}

impl Default for ShowLimits {
    fn default() -> Self {
        ShowLimits { links: 20, attempts: 10, others: 10, scan: Duration::from_secs(10), at_ms: None }
    }
}

/// What looking a URL up gave.
#[derive(Clone, Debug, PartialEq)]
pub enum Lookup {
    /// It is known.
    Known(Box<PageFacts>),
    /// It is not.
    Unknown(UnknownUrl),
}

/// A URL that is not in the database, with those that are and look like it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UnknownUrl {
    /// As asked for.
    pub url: String,
    /// The same but for scheme, `www.`, the last slash or the query; at most ten.
    pub near: Vec<String>,
}

impl fmt::Display for UnknownUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is not in the database", self.url)?;
        match self.near.as_slice() {
            [] => f.write_str("; no page that was read names it, and sqrawl explain says what would become of it"),
            near => write!(f, "; did you mean {}?", near.join(" or ")),
        }
    }
}

/// Everything known of one URL. Times are Unix ms.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PageFacts {
    /// The URL.
    pub url: String,
    /// `urls.id`.
    pub url_id: i64,
    /// Its host.
    pub host: String,
    /// `queued`, `scheduled`, `done`, `failed` or `excluded`.
    pub state: String,
    /// The rule that excluded it.
    pub rule: Option<String>,
    /// Links from a seed, as first seen.
    pub depth: i64,
    /// Clicks from the nearest start, as `sqrawl rank` counted them last; `None`: no links lead there, or it was not ranked.
    pub click_depth: Option<i64>,
    /// Its PageRank, of that computation.
    pub rank: Option<f64>,
    /// When that was finished; `None`: the page was not ranked.
    pub ranked_ms: Option<UnixMs>,
    /// Redirects in a row that led here.
    pub hops: i64,
    /// Lower is earlier.
    pub priority: i64,
    /// Failed tries so far.
    pub attempts: i64,
    /// When it is tried again.
    pub due_ms: Option<UnixMs>,
    /// When it was first named.
    pub discovered_ms: UnixMs,
    /// The page that named it first; `None` for a seed.
    pub via: Option<String>,
    /// As typed, when it is a seed.
    pub seed: Option<String>,
    /// The last good copy.
    pub page: Option<PageVersion>,
    /// Attempts in all.
    pub attempt_count: u64,
    /// The latest attempts, the latest first.
    pub history: Vec<Attempt>,
    /// Where its redirect leads, hop by hop.
    pub redirects: Vec<Hop>,
    /// Response headers of the latest attempt that had any.
    pub headers: Vec<(String, String)>,
    /// The moment that was asked about; `None`: now.
    pub at_ms: Option<UnixMs>,
    /// The contents it has had.
    pub versions: VersionList,
    /// Other URLs with the same content now.
    pub copies: CopyList,
    /// Other URLs with nearly the same text now.
    pub near_copies: CopyList,
    /// Links on the latest version of the page.
    pub links_out: LinkList,
    /// Links to the page from others.
    pub links_in: LinkList,
}

/// The last good copy of a page.
#[derive(Clone, Debug, PartialEq, Serialize, sqlx::FromRow)]
pub struct PageVersion {
    /// `fetches.id` of the attempt that gave or confirmed it.
    pub fetch_id: i64,
    /// `contents.id`.
    pub content_id: Option<i64>,
    /// When, ISO-8601.
    pub fetched_at: String,
    /// HTTP status.
    pub status: Option<i64>,
    /// Whether a later attempt gave no page.
    pub stale: bool,
    /// Media type.
    pub mime: Option<String>,
    /// Encoding name.
    pub charset: Option<String>,
    /// Bytes of the body.
    pub size_bytes: Option<i64>,
    /// Title.
    pub title: Option<String>,
    /// Description.
    pub description: Option<String>,
    /// Language tag.
    pub lang: Option<String>,
    /// Words of plain text.
    pub words: Option<i64>,
    /// What its meta elements say to robots.
    pub meta_robots: Option<String>,
    /// Not to be indexed.
    pub noindex: bool,
    /// Its links are not to be followed.
    pub nofollow: bool,
    /// The canonical URL it claims.
    pub canonical: Option<String>,
    /// The first parse limit it reached.
    pub parse_cut: Option<String>,
    /// Identity of its content, in hex.
    pub hash: Option<String>,
    /// Other URLs with the same content.
    pub duplicates: i64,
    /// (level, text) in order.
    #[sqlx(skip)]
    pub headings: Vec<(u8, String)>,
    /// Whether the body was kept.
    pub has_body: bool,
    /// Whether the plain text was kept.
    pub has_text: bool,
}

/// One attempt.
#[derive(Clone, Debug, PartialEq, Serialize, sqlx::FromRow)]
pub struct Attempt {
    /// `fetches.id`.
    pub fetch_id: i64,
    /// When, ISO-8601.
    pub started_at: String,
    /// How long, in ms.
    pub elapsed_ms: i64,
    /// How it ended.
    pub outcome: String,
    /// HTTP status.
    pub status: Option<i64>,
    /// Body bytes on the wire.
    pub wire_bytes: Option<i64>,
    /// The connected address.
    pub address: Option<String>,
    /// What went wrong, in words.
    pub error: Option<String>,
    /// Where it redirected to.
    pub target: Option<String>,
    /// The content it gave or confirmed.
    pub content_id: Option<i64>,
    /// The delay in force, in ms, and who asked for it.
    pub delay_asked_ms: Option<i64>,
    /// Who asked for it.
    pub delay_by: Option<String>,
    /// The time since the request before it to this host, in ms.
    pub delay_applied_ms: Option<i64>,
}

/// One hop of a redirect.
#[derive(Clone, Debug, PartialEq, Serialize, sqlx::FromRow)]
pub struct Hop {
    /// Where it led.
    pub url: String,
    /// How the latest attempt there ended; `None`: not tried yet.
    pub outcome: Option<String>,
    /// Its HTTP status.
    pub status: Option<i64>,
}

/// Links in one direction.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct LinkList {
    /// How many there are, as far as was looked.
    pub count: u64,
    /// Whether all were counted within the time.
    pub complete: bool,
    /// The first of them.
    pub links: Vec<LinkLine>,
}

/// One link, seen from the page.
#[derive(Clone, Debug, PartialEq, Serialize, sqlx::FromRow)]
pub struct LinkLine {
    /// The other end.
    pub url: String,
    /// `a`, `img` …
    pub kind: String,
    /// Marked nofollow.
    pub nofollow: bool,
    /// Link text.
    pub anchor: Option<String>,
    /// State of the other end.
    pub state: String,
    /// HTTP status of its latest attempt.
    pub status: Option<i64>,
}
