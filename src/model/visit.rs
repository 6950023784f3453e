//! [`Visit`]: everything that one fetch changes, handed to the store and settled in one
//! transaction; with [`Outcome`], [`NextState`], [`Candidate`] and [`Content`].
//!
//! The life of a URL (`urls.state`):
//!
//! ```text
//!            admit                      settle
//!  (unknown) ─────> queued ───────────────────────────> done | failed
//!        │            ▲  │ try again later       ▲
//!        │            │  └────────> scheduled ────┘   (leased again once it is due)
//!        └────> excluded(rule)
//!                     │ named again by an acceptable path
//!                     └────────> queued
//! ```

use std::borrow::Cow;
use std::sync::Arc;

use super::{
    CrawlUrl, Host, HostUpdate, LeaseKey, LeasedFrom, Ledger, LinkKind, ParseCut, SitemapEntry, Trap, UnixMs, UrlId,
};

/// How a visit ended; a closed set with stable names (`fetches.outcome`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// A body was received whole and recorded.
    Page,
    /// 304: the stored copy is current.
    Unchanged,
    /// 3xx with a target.
    Redirect,
    /// 404 or 410.
    Gone,
    /// Any other status that gives no page.
    HttpError,
    /// 429, or 503 with `Retry-After`.
    RateLimited,
    /// Time ran out.
    Timeout,
    /// The name did not resolve.
    Dns,
    /// No connection.
    Connect,
    /// The TLS handshake or certificate failed.
    Tls,
    /// Broken HTTP.
    Protocol,
    /// The address guard refused.
    BlockedAddress,
    /// robots.txt forbids it; no request was made.
    Robots,
    /// Body or headers over the limit.
    TooBig,
    /// Given up: the process died while this URL alone was in work.
    Crashed,
}

impl Outcome {
    /// All outcomes.
    pub const ALL: [Outcome; 15] = [
        Self::Page,
        Self::Unchanged,
        Self::Redirect,
        Self::Gone,
        Self::HttpError,
        Self::RateLimited,
        Self::Timeout,
        Self::Dns,
        Self::Connect,
        Self::Tls,
        Self::Protocol,
        Self::BlockedAddress,
        Self::Robots,
        Self::TooBig,
        Self::Crashed,
    ];

    /// The stable name in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Unchanged => "unchanged",
            Self::Redirect => "redirect",
            Self::Gone => "gone",
            Self::HttpError => "http_error",
            Self::RateLimited => "rate_limited",
            Self::Timeout => "timeout",
            Self::Dns => "dns",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Protocol => "protocol",
            Self::BlockedAddress => "blocked_address",
            Self::Robots => "robots",
            Self::TooBig => "too_big",
            Self::Crashed => "crashed",
        }
    }
}

/// Why a URL is not crawled; the value of `rules.name`. The set is closed, but for the operator's
/// own patterns, which are named by their text; [`Trap`](super::Trap)s name theirs.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Rule(pub Cow<'static, str>);

impl Rule {
    /// Not in the host, domain or prefix of a seed.
    pub const SCOPE: Rule = Rule(Cow::Borrowed("scope"));
    /// Matches none of the `--include` patterns.
    pub const NOT_INCLUDED: Rule = Rule(Cow::Borrowed("not_included"));
    /// Further from the seeds than `--max-depth`.
    pub const DEPTH: Rule = Rule(Cow::Borrowed("max_depth"));
    /// More redirects in a row than `--max-redirects`.
    pub const REDIRECTS: Rule = Rule(Cow::Borrowed("max_redirects"));
    /// Further from a robots.txt than five indexes and redirects of sitemaps.
    pub const SITEMAP_STEPS: Rule = Rule(Cow::Borrowed("sitemap_steps"));
    /// Named only by a kind of link that is recorded and not followed (images, scripts …).
    pub const KIND: Rule = Rule(Cow::Borrowed("not_followed_kind"));
    /// Named only by links marked nofollow, or on pages marked nofollow.
    pub const NOFOLLOW: Rule = Rule(Cow::Borrowed("nofollow"));
    /// robots.txt forbids it.
    pub const ROBOTS: Rule = Rule(Cow::Borrowed("robots"));
    /// The address guard refused the host's address.
    pub const ADDRESS: Rule = Rule(Cow::Borrowed("address"));
    /// The operator had it left out (`sqrawl skip`).
    pub const SKIP: Rule = Rule(Cow::Borrowed("skip"));
    /// Not http or https. Counted in `rules.discarded`, not stored.
    pub const SCHEME: Rule = Rule(Cow::Borrowed("scheme"));
    /// Not a URL. Counted in `rules.discarded`, not stored.
    pub const SYNTAX: Rule = Rule(Cow::Borrowed("syntax"));
    /// Longer than 2,083 bytes. Counted in `rules.discarded`, not stored.
    pub const TOO_LONG: Rule = Rule(Cow::Borrowed("too_long"));

    /// A session id was taken out of a reference. Counted in `rules.discarded`; the URL is crawled.
    pub const SESSION_IDS: Rule = Rule(Cow::Borrowed("session_ids"));
    /// A parameter of `--drop-param` was taken out of a reference. Counted in `rules.discarded`; the
    /// URL is crawled.
    pub const DROP_PARAM: Rule = Rule(Cow::Borrowed("drop_param"));
    /// Beyond the most links of one page. Counted in `rules.discarded`, not stored.
    pub const LINKS_CUT: Rule = Rule(Cow::Borrowed("links_cut"));

    /// The rule of one `--exclude` pattern.
    pub fn exclude(pattern: &str) -> Rule {
        Rule(Cow::Owned(format!("exclude:{pattern}")))
    }

    /// The stable name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a URL excluded by this rule stays excluded when a later link names it by an
    /// acceptable path. True where the verdict came from a visit and not from the path to it.
    pub fn is_final(&self) -> bool {
        matches!(self.as_str(), "robots" | "address")
    }

    /// How far a path comes that this rule ends; 4 where it is followed, and where the rule objects to
    /// the URL or to how far away it lies, which other settings may allow. Less where the path is none
    /// that is followed at all. Of two paths to a URL the one that comes further counts: what a picture
    /// names may be linked to as well.
    pub fn reached(&self) -> u8 {
        match self.as_str() {
            "not_followed_kind" => 0,
            "sitemap_steps" => 1,
            "nofollow" => 2,
            _ if Trap::of_rule(self).is_some_and(Trap::is_of_page) => 3,
            _ => Self::FOLLOWED,
        }
    }

    /// What [`Rule::reached`] says of a path that is followed.
    pub const FOLLOWED: u8 = 4;
}

/// What the scope said of a URL that a page names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admission {
    /// To be visited.
    Queue,
    /// Not to be visited, by this rule.
    Exclude(Rule),
}

impl Admission {
    /// How far the path comes that it speaks of, see [`Rule::reached`].
    pub fn reached(&self) -> u8 {
        match self {
            Admission::Queue => Rule::FOLLOWED,
            Admission::Exclude(rule) => rule.reached(),
        }
    }
}

/// A URL that a visit or the operator names. Known already: its depth and priority are lowered
/// where this path is shorter, and an exclusion that this path overcomes is lifted (unless
/// [`Rule::is_final`]). A path that is not followed ([`Rule::reached`]) says nothing where one that is
/// leads there as well.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// The URL.
    pub url: CrawlUrl,
    /// Registrable domain of its host; `None` for addresses and single labels.
    pub domain: Option<Arc<str>>,
    /// What the scope said.
    pub admission: Admission,
    /// Lower first.
    pub priority: i32,
    /// Links from a seed by this path.
    pub depth: u32,
    /// Redirects in a row that led here by this path; 0 unless a redirect names it.
    pub hops: u32,
    /// Whether it is named as a sitemap.
    pub is_sitemap: bool,
}

/// Where a seed came from; the value of `seeds.source`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SeedSource {
    /// The command line.
    Argument,
    /// `-i FILE`.
    File,
    /// `-`.
    Stdin,
    /// A list or a sitemap that was imported.
    Import,
    /// An archive that was imported.
    Archive,
}

impl SeedSource {
    /// The stable name in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Argument => "argument",
            Self::File => "file",
            Self::Stdin => "stdin",
            Self::Import => "import",
            Self::Archive => "archive",
        }
    }
}

/// A URL the operator asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Seed {
    /// As typed.
    pub given: String,
    /// Where it was given.
    pub source: SeedSource,
    /// Whether it was typed as a literal address or `localhost`, which allows its own origin.
    pub grants_origin: bool,
    /// Whether the crawl is of it: what lies near it belongs to the crawl, and its host has no page limit. Not where
    /// it was imported into a crawl that has its scope.
    pub grants_scope: bool,
    /// The URL with what the scope said: a seed can be excluded, by a pattern for instance.
    pub candidate: Candidate,
}

/// Where a URL goes from here.
#[derive(Clone, Debug, PartialEq)]
pub enum NextState {
    /// Settled for this round.
    Done,
    /// Given up for this round.
    Failed,
    /// To be tried again, not before this moment.
    Scheduled {
        /// When it may be leased again.
        due_ms: UnixMs,
    },
    /// Never to be visited, by this rule.
    Excluded(Rule),
}

impl NextState {
    /// The value of `urls.state`.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Scheduled { .. } => "scheduled",
            Self::Excluded(_) => "excluded",
        }
    }
}

/// How `bodies.data` is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    /// As it is.
    Raw,
    /// zlib stream (RFC 1950), the `sqlar` convention.
    Zlib,
}

impl Codec {
    /// The stable name in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Zlib => "zlib",
        }
    }
}

/// A body ready to be stored.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredBody {
    /// How `data` is packed.
    pub codec: Codec,
    /// Bytes before packing.
    pub size_bytes: u64,
    /// The packed bytes.
    pub data: Vec<u8>,
}

/// A version of a page's content, shared by every URL that serves it.
#[derive(Clone, Debug, PartialEq)]
pub struct Content {
    /// blake3-128 of (mime, charset, body).
    pub hash: [u8; 16],
    /// Media type essence.
    pub mime: String,
    /// Encoding name.
    pub charset: Option<String>,
    /// Bytes of the body after decompression of the transfer.
    pub size_bytes: u64,
    /// 64-bit simhash.
    pub simhash: Option<u64>,
    /// What the page's own meta elements say.
    pub meta_robots: Option<String>,
    /// The first parse cap that was reached.
    pub parse_cut: Option<ParseCut>,
    /// Version of the extraction.
    pub parser: i64,
    /// Words of plain text.
    pub words: Option<u32>,
    /// Language tag.
    pub lang: Option<String>,
    /// Title.
    pub title: Option<String>,
    /// Description.
    pub description: Option<String>,
    /// (level, text).
    pub headings: Vec<(u8, String)>,
    /// JSON-LD blocks as one JSON array.
    pub json_ld: Option<String>,
    /// Open Graph properties as one JSON object.
    pub open_graph: Option<String>,
    /// The page says that it was not found.
    pub soft_404: bool,
    /// Plain text, when it is to be kept.
    pub text: Option<String>,
    /// The body, when it is to be kept.
    pub body: Option<StoredBody>,
}

/// One edge from the visited page.
#[derive(Clone, Debug, PartialEq)]
pub struct Outlink {
    /// Index into [`Visit::candidates`].
    pub target: usize,
    /// Where it stood.
    pub kind: LinkKind,
    /// Marked nofollow.
    pub nofollow: bool,
    /// Order on the page.
    pub position: u32,
    /// Link text.
    pub anchor: Option<String>,
    /// What the sitemap says of the target, for [`LinkKind::Sitemap`].
    pub entry: Option<Box<SitemapEntry>>,
}

/// One settled fetch.
#[derive(Clone, Debug, PartialEq)]
pub struct Visit {
    /// The lease it was made under.
    pub key: LeaseKey,
    /// Which URL.
    pub url_id: UrlId,
    /// The state it was leased from; the visit is dropped when it is no longer in that state.
    pub from: LeasedFrom,
    /// When the request started.
    pub started_ms: UnixMs,
    /// How long it took.
    pub elapsed_ms: u64,
    /// How it ended.
    pub outcome: Outcome,
    /// HTTP status.
    pub status: Option<u16>,
    /// Where the URL goes.
    pub next: NextState,
    /// Failed tries in this run of tries, after this visit; 0 unless `next` is `Scheduled`.
    pub attempts: u32,
    /// The content, for [`Outcome::Page`] only.
    pub content: Option<Content>,
    /// Every URL this visit names, each once: link targets, redirect target, canonical.
    pub candidates: Vec<Candidate>,
    /// The page's links, replacing those of its earlier version; empty unless
    /// [`Outcome::Page`].
    pub links: Vec<Outlink>,
    /// Index into `candidates`: the redirect's target.
    pub target: Option<usize>,
    /// Index into `candidates`: the canonical URL the page claims.
    pub canonical: Option<usize>,
    /// References that are no crawlable URL, by rule.
    pub discarded: Vec<(Rule, u32)>,
    /// Effective noindex: meta robots and `X-Robots-Tag`.
    pub noindex: bool,
    /// Effective nofollow.
    pub nofollow: bool,
    /// Politeness ledger; all `None` when no request was made.
    pub ledger: Ledger,
    /// Body bytes on the wire.
    pub wire_bytes: Option<u64>,
    /// `ETag`.
    pub etag: Option<String>,
    /// `Last-Modified`.
    pub last_modified: Option<String>,
    /// The connected address.
    pub address: Option<String>,
    /// What went wrong, or the robots.txt line that forbids, in words.
    pub error: Option<String>,
    /// Response headers as stored: bounded, in order.
    pub headers: Vec<(String, String)>,
    /// What changes about the host.
    pub host: HostUpdate,
    /// The host that this seed's redirect brings into scope.
    pub widens: Option<Host>,
}

/// Counters of the whole crawl, kept in the transaction that changes the rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Totals {
    /// URLs waiting.
    pub queued: u64,
    /// URLs waiting for a due time.
    pub scheduled: u64,
    /// URLs settled.
    pub done: u64,
    /// URLs given up.
    pub failed: u64,
    /// URLs not to be visited.
    pub excluded: u64,
    /// Rows in `fetches`.
    pub fetches: u64,
    /// Fetches that gave a page.
    pub pages: u64,
}

impl Totals {
    /// URLs still to visit.
    pub fn open(&self) -> u64 {
        self.queued + self.scheduled
    }
}

/// Why a session ended; the value of `sessions.ended_by`. A crash leaves it NULL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EndedBy {
    /// Nothing is left to do.
    Complete,
    /// A limit of the crawl was reached.
    Limit,
    /// The operator asked.
    Signal,
    /// Something else failed.
    Error,
    /// It took in files, and they came to their end; nothing was asked for.
    Import,
}

impl EndedBy {
    /// The stable name in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Limit => "limit",
            Self::Signal => "signal",
            Self::Error => "error",
            Self::Import => "import",
        }
    }
}
