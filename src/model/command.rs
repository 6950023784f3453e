//! [`Command`]: what an operator asks of a crawl from outside, as it waits in the inbox.

use serde::{Deserialize, Serialize};

use super::{CrawlUrl, SeedSource};

/// A change of the frontier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Command {
    /// Take these URLs in as seeds.
    Add(Vec<AddedUrl>),
    /// Leave out what these patterns name, now and from now on; or, with `undo`, no longer.
    Skip {
        /// What to leave out.
        patterns: Vec<UrlPattern>,
        /// Take the patterns back.
        #[serde(default)]
        undo: bool,
    },
    /// Visit again what was visited.
    Retry(Retry),
}

impl Command {
    /// The stable name in the database (`inbox.kind`).
    pub fn kind(&self) -> &'static str {
        match self {
            Command::Add(_) => "add",
            Command::Skip { .. } => "skip",
            Command::Retry(_) => "retry",
        }
    }
}

/// A URL to be taken in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddedUrl {
    /// As typed.
    pub given: String,
    /// Where it was given.
    pub source: SeedSource,
    /// Canonical text.
    pub url: String,
    /// Typed as a literal address or `localhost`, which allows its own origin.
    #[serde(default)]
    pub grants_origin: bool,
}

/// Which URLs are meant.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UrlPattern {
    /// Exactly this canonical URL.
    Url(String),
    /// Every URL of this host name, whatever its scheme and port.
    Host(String),
    /// Regular expression over the whole URL text, unanchored.
    Regex(String),
}

impl UrlPattern {
    /// The stable name of its kind (`skips.kind`).
    pub fn kind(&self) -> &'static str {
        match self {
            UrlPattern::Url(_) => "url",
            UrlPattern::Host(_) => "host",
            UrlPattern::Regex(_) => "regex",
        }
    }

    /// Its text.
    pub fn text(&self) -> &str {
        match self {
            UrlPattern::Url(text) | UrlPattern::Host(text) | UrlPattern::Regex(text) => text,
        }
    }

    /// The pattern of a stored kind and text.
    pub fn from_stored(kind: &str, text: &str) -> Option<Self> {
        match kind {
            "url" => Some(UrlPattern::Url(text.to_owned())),
            "host" => Some(UrlPattern::Host(text.to_owned())),
            "regex" => Some(UrlPattern::Regex(text.to_owned())),
            _ => None,
        }
    }
}

/// Which visited URLs are to be visited again: those whose latest attempt ended as said, and of these the ones that a
/// pattern names, where there are patterns. With neither statuses nor outcomes: those that failed, and every URL that a
/// pattern names in full.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Retry {
    /// Ranges of status codes, both ends included.
    pub statuses: Vec<(u16, u16)>,
    /// Values of `fetches.outcome`.
    pub outcomes: Vec<String>,
    /// Which URLs.
    pub patterns: Vec<UrlPattern>,
}

impl Retry {
    /// Whether it says how attempts ended.
    pub fn says_how(&self) -> bool {
        !(self.statuses.is_empty() && self.outcomes.is_empty())
    }

    /// The URLs that are named in full.
    pub fn urls(&self) -> impl Iterator<Item = &str> {
        self.patterns.iter().filter_map(|pattern| match pattern {
            UrlPattern::Url(url) => Some(url.as_str()),
            _ => None,
        })
    }

    /// Whether URLs are to be looked for beside those that are named in full.
    pub fn looks_through_all(&self) -> bool {
        self.patterns.is_empty() || self.patterns.iter().any(|pattern| !matches!(pattern, UrlPattern::Url(_)))
    }
}

/// What came of a command (`inbox.result`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Applied {
    /// URLs that were unknown.
    pub new_urls: u64,
    /// URLs that wait to be visited and did not before.
    pub queued: u64,
    /// URLs that are excluded and were not before.
    pub excluded: u64,
    /// Patterns that are skipped from now on and were not before; with `undo`, the other way round.
    pub patterns: u64,
    /// Why it could not be applied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

impl AddedUrl {
    /// The URL, unless it is none that this program would write.
    pub fn parsed(&self) -> Option<CrawlUrl> {
        CrawlUrl::stored(&self.url).ok()
    }
}
