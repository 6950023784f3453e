//! [`CrawlUrl`]: a URL that may be stored and asked for; [`Host`]: the politeness key; [`Origin`]:
//! the robots.txt key.

use std::fmt;

use serde::{Deserialize, Serialize};
use url::Url;

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
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CrawlUrl {
    url: Url,
}

impl CrawlUrl {
    /// The longest URL that is stored, in bytes. Longer ones are counted under the rule `too_long`.
    pub const MAX_BYTES: usize = 2083;

    /// Accepts a URL that is canonical already. Only `scope::canonicalize` should need it.
    ///
    /// # Errors
    /// [`NotCrawlable`] names what is wrong with it.
    pub fn from_canonical(url: Url) -> Result<Self, NotCrawlable> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(NotCrawlable::Scheme);
        }
        if url.host_str().is_none_or(str::is_empty) {
            return Err(NotCrawlable::Host);
        }
        if url.as_str().len() > Self::MAX_BYTES {
            return Err(NotCrawlable::TooLong);
        }
        Ok(CrawlUrl { url })
    }

    /// Reads a URL back that the store holds.
    ///
    /// # Errors
    /// [`NotCrawlable`] when the text was never written by this program.
    pub fn stored(text: &str) -> Result<Self, NotCrawlable> {
        Self::from_canonical(Url::parse(text).map_err(|_| NotCrawlable::Syntax)?)
    }

    /// The canonical text, as it stands in `urls.url`.
    pub fn as_str(&self) -> &str {
        self.url.as_str()
    }

    /// The parsed form, for resolving references against.
    pub fn as_url(&self) -> &Url {
        &self.url
    }

    /// The scheme.
    pub fn scheme(&self) -> Scheme {
        if self.url.scheme() == "https" { Scheme::Https } else { Scheme::Http }
    }

    /// The host name; the politeness key.
    pub fn host_str(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    /// The host as an owned key.
    pub fn host(&self) -> Host {
        Host::new(self.host_str())
    }

    /// The port, default ports spelled out.
    pub fn port(&self) -> u16 {
        self.url.port().unwrap_or_else(|| self.scheme().default_port())
    }

    /// Scheme, host and port.
    pub fn origin(&self) -> Origin {
        Origin { scheme: self.scheme(), host: self.host(), port: self.port() }
    }

    /// Path with `?query` when there is one: what robots.txt rules match (RFC 9309 2.2.2).
    pub fn path_and_query(&self) -> &str {
        &self.url[url::Position::BeforePath..url::Position::AfterQuery]
    }
}

impl fmt::Display for CrawlUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
