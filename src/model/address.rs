//! [`CrawlUrl`]: a URL that may be stored and asked for; [`Host`]: the politeness key; [`Origin`]:
//! the robots.txt key.

use std::fmt;

use serde::{Deserialize, Serialize};
use url::{Position, Url};

/// `http` or `https`; nothing else is ever fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    /// `http`, default port 80.
    Http,
    /// `https`, default port 443.
    Https,
}

impl Scheme {
    /// The scheme as it stands before `://`.
    pub fn as_str(self) -> &'static str {
        match self {
            Scheme::Http => "http",
            Scheme::Https => "https",
        }
    }

    /// 80 or 443.
    pub fn default_port(self) -> u16 {
        match self {
            Scheme::Http => 80,
            Scheme::Https => 443,
        }
    }
}

/// A host as the WHATWG URL parser prints it: a lower-case (punycode) DNS name, a dotted IPv4
/// address, or an IPv6 address in brackets. It is the politeness and partition key: http and
/// https, and every port, of one name share it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Host(String);

impl Host {
    /// Wraps a name that the URL parser or the store produced.
    pub fn new(name: impl Into<String>) -> Self {
        Host(name.into())
    }

    /// The name; IPv6 addresses keep their brackets.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The address when the host is a literal IPv4 or bracketed IPv6 address.
    pub fn literal(&self) -> Option<std::net::IpAddr> {
        let bare = self.0.strip_prefix('[').and_then(|s| s.strip_suffix(']')).unwrap_or(&self.0);
        bare.parse().ok()
    }

    /// Whether the name can only mean this machine: `localhost`, `*.localhost` (RFC 6761 6.3) or
    /// a loopback literal.
    pub fn is_loopback(&self) -> bool {
        self.0 == "localhost"
            || self.0.ends_with(".localhost")
            || self.literal().is_some_and(|address| address.is_loopback())
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Scheme, host and port: what one robots.txt governs (RFC 9309 2.3).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Origin {
    /// `http` or `https`.
    pub scheme: Scheme,
    /// The host name.
    pub host: Host,
    /// The port, default ports spelled out.
    pub port: u16,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme.as_str(), self.host)?;
        if self.port != self.scheme.default_port() {
            write!(f, ":{}", self.port)?;
        }
        Ok(())
    }
}

/// Why a parsed URL cannot be a [`CrawlUrl`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotCrawlable {
    /// Not http or https (`mailto:`, `javascript:`, `ftp:` …).
    #[error("only http and https are crawled")]
    Scheme,
    /// No host, or an empty one.
    #[error("the URL names no host")]
    Host,
    /// The text is not a URL at all.
    #[error("not a URL")]
    Syntax,
    /// Longer than [`CrawlUrl::MAX_BYTES`].
    #[error("longer than {} bytes", CrawlUrl::MAX_BYTES)]
    TooLong,
}

/// A canonical absolute http or https URL with a host, without fragment and credentials. Made by
/// `scope::canonicalize` from what the web wrote, or by [`CrawlUrl::stored`] from the store.
///
/// It is its text, with the places where its parts meet: a page names dozens, which wait for their commit.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CrawlUrl {
    text: Box<str>,
    host_start: u16,
    host_end: u16,
    path_start: u16,
    /// Of the path.
    path_end: u16,
}

impl CrawlUrl {
    /// The longest URL that is stored, in bytes. Longer ones are counted under the rule `too_long`.
    pub const MAX_BYTES: usize = 2083;

    /// Accepts a URL that is canonical already. Only `scope::canonicalize` should need it.
    ///
    /// # Errors
    /// [`NotCrawlable`] names what is wrong with it.
    pub fn from_canonical(mut url: Url) -> Result<Self, NotCrawlable> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(NotCrawlable::Scheme);
        }
        if url.host_str().is_none_or(str::is_empty) {
            return Err(NotCrawlable::Host);
        }
        url.set_fragment(None);
        let end_of = |part: Position| u16::try_from(url[..part].len()).map_err(|_| NotCrawlable::TooLong);
        let (host_start, host_end) = (end_of(Position::BeforeHost)?, end_of(Position::AfterHost)?);
        let (path_start, path_end) = (end_of(Position::BeforePath)?, end_of(Position::AfterPath)?);
        if url.as_str().len() > Self::MAX_BYTES {
            return Err(NotCrawlable::TooLong);
        }
        Ok(CrawlUrl { text: String::from(url).into_boxed_str(), host_start, host_end, path_start, path_end })
    }

    /// Reads a URL back that the store holds.
    ///
    /// # Errors
    /// [`NotCrawlable`] when the text was never written by this program.
    pub fn stored(text: &str) -> Result<Self, NotCrawlable> {
        Self::from_canonical(Url::parse(text).map_err(|_| NotCrawlable::Syntax)?)
    }

    /// The URL of the same origin with this path, a folder (from `/` to `/`) and what lies in it, and this
    /// query, all as the URL parser would write them.
    ///
    /// # Errors
    /// [`NotCrawlable::TooLong`].
    pub fn with_path(&self, folder: &str, rest: &str, query: Option<&str>) -> Result<Self, NotCrawlable> {
        let origin = self.origin_str();
        let path_end = origin.len() + folder.len() + rest.len();
        let len = path_end + query.map_or(0, |query| 1 + query.len());
        if len > Self::MAX_BYTES {
            return Err(NotCrawlable::TooLong);
        }
        let mut text = String::with_capacity(len);
        text.push_str(origin);
        text.push_str(folder);
        text.push_str(rest);
        if let Some(query) = query {
            text.push('?');
            text.push_str(query);
        }
        let path_end = u16::try_from(path_end).map_err(|_| NotCrawlable::TooLong)?;
        Ok(CrawlUrl { text: text.into_boxed_str(), path_end, ..*self })
    }

    /// The canonical text, as it stands in `urls.url`.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The parsed form, for resolving references against. The text is the parser's own, so there is one.
    pub fn to_url(&self) -> Option<Url> {
        Url::parse(&self.text).ok()
    }

    /// The scheme.
    pub fn scheme(&self) -> Scheme {
        if self.text.starts_with("https:") { Scheme::Https } else { Scheme::Http }
    }

    /// The host name; the politeness key.
    pub fn host_str(&self) -> &str {
        self.part(self.host_start, self.host_end)
    }

    /// The host as an owned key.
    pub fn host(&self) -> Host {
        Host::new(self.host_str())
    }

    /// The port, default ports spelled out.
    pub fn port(&self) -> u16 {
        let written = self.part(self.host_end, self.path_start).strip_prefix(':').and_then(|port| port.parse().ok());
        written.unwrap_or_else(|| self.scheme().default_port())
    }

    /// Scheme, host and port.
    pub fn origin(&self) -> Origin {
        Origin { scheme: self.scheme(), host: self.host(), port: self.port() }
    }

    /// Scheme, host and port as text, a default port left out: what stands before the path.
    pub fn origin_str(&self) -> &str {
        self.part(0, self.path_start)
    }

    /// The path; it begins with `/`.
    pub fn path(&self) -> &str {
        self.part(self.path_start, self.path_end)
    }

    /// What stands behind `?`, when there is one.
    pub fn query(&self) -> Option<&str> {
        self.text.get(usize::from(self.path_end) + 1..)
    }

    /// Path with `?query` when there is one: what robots.txt rules match (RFC 9309 2.2.2).
    pub fn path_and_query(&self) -> &str {
        self.text.get(usize::from(self.path_start)..).unwrap_or_default()
    }

    fn part(&self, from: u16, to: u16) -> &str {
        self.text.get(usize::from(from)..usize::from(to)).unwrap_or_default()
    }
}

impl fmt::Display for CrawlUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
