//! Which URLs belong to the crawl.

use url::Url;

use crate::model::{Admission, CrawlSettings, CrawlUrl, Host, NotCrawlable};

/// Turns a reference into a canonical URL.
///
/// # Errors
/// [`NotCrawlable`] when it is none.
pub fn canonicalize(_raw: &str, _base: Option<&Url>, _charset: Option<&str>) -> Result<CrawlUrl, NotCrawlable> {
    todo!()
}

/// The registrable domain of a host (public suffix list); `None` for addresses and single labels.
pub fn registrable_domain(_host: &Host) -> Option<String> {
    todo!()
}

/// What an operator typed as a seed.
#[derive(Clone, Debug, PartialEq)]
pub struct SeedUrl {
    /// The canonical URL.
    pub url: CrawlUrl,
    /// Typed as a literal address or `localhost`.
    pub grants_origin: bool,
}

/// Reads a seed as typed: without a scheme it gets https (http for localhost and addresses).
///
/// # Errors
/// [`NotCrawlable`] when it is none.
pub fn seed_url(_given: &str) -> Result<SeedUrl, NotCrawlable> {
    todo!()
}

/// The path by which a URL was named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NamedBy {
    /// Links from a seed.
    pub depth: u32,
    /// Redirects in a row.
    pub hops: u32,
    /// Whether this kind of link is followed.
    pub followed: bool,
    /// Whether the link, or its page, says nofollow (and that is obeyed).
    pub nofollow: bool,
    /// Whether the operator typed it.
    pub seed: bool,
}

/// A pattern that is no regular expression, or too large a one.
#[derive(Debug, thiserror::Error)]
#[error("{flag} {pattern:?} is not a usable regular expression: {detail}")]
pub struct PatternError {
    /// `--include` or `--exclude`.
    pub flag: &'static str,
    /// As typed.
    pub pattern: String,
    /// What is wrong.
    pub detail: String,
}

/// The scope of a crawl: an ordered list of named rules.
#[derive(Clone, Debug)]
pub struct Scope {}

impl Scope {
    /// Builds the scope.
    ///
    /// # Errors
    /// [`PatternError`] names the pattern.
    pub fn new(_settings: &CrawlSettings, _seeds: &[CrawlUrl], _widened: &[Host]) -> Result<Self, PatternError> {
        todo!()
    }

    /// Brings another host into scope.
    pub fn widen(&mut self, _host: Host) {
        todo!()
    }

    /// Accepts a URL, or names the rule that rejects it.
    pub fn judge(&self, _url: &CrawlUrl, _by: NamedBy) -> Admission {
        todo!()
    }
}
