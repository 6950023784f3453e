//! [`CrawlSettings`]: what one crawl was asked to do, resolved from flags, environment, profile
//! and defaults. It is stored with every session, so that a resume needs no flags; nothing secret
//! is in what is stored.

use std::collections::BTreeSet;
use std::path::PathBuf;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::{CustomHeader, LinkKind, Parser, Proxy, Secret, Trap, UrlRule};

/// Which URLs belong to the crawl, seen from its seeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ScopeKind {
    /// The same host name as a seed, any scheme and port.
    Host,
    /// The same registrable domain as a seed (public suffix list).
    Domain,
    /// The same origin, and a path that starts with the seed's directory.
    Prefix,
    /// Any host.
    Any,
}

/// Which bodies are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BodyPolicy {
    /// HTML and XHTML.
    Html,
    /// Every body.
    All,
    /// None.
    None,
}

/// One `--include` or `--exclude`; the first that matches decides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PatternRule {
    /// Regular expression over the whole URL text, unanchored: a URL it matches belongs to the crawl.
    Include(String),
    /// Regular expression over the whole URL text, unanchored: a URL it matches does not.
    Exclude(String),
}

/// The largest sitemap, before compression (sitemaps.org).
pub const LARGEST_SITEMAP_BYTES: u64 = 50 << 20;

/// What is parsed from a body may hold so much beside it.
const PARSED_BYTES: u64 = 4 << 20;

/// Settings of a crawl, every one with its documented default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CrawlSettings {
    /// Which URLs belong to the crawl.
    pub scope: ScopeKind,
    /// `--include` and `--exclude` in the order given.
    pub patterns: Vec<PatternRule>,
    /// Kinds of links that are followed, in the order of [`LinkKind::ALL`]; the others are recorded only.
    pub follow: Vec<LinkKind>,
    /// Whether the sitemaps that each robots.txt names are read.
    pub sitemaps: bool,
    /// Rules of canonicalisation that are on.
    pub url_rules: BTreeSet<UrlRule>,
    /// Names of query parameters that are dropped, as a URL spells them; a `*` at the end stands for
    /// any rest.
    pub drop_params: Vec<String>,
    /// Kinds of traps that are looked for.
    pub traps: BTreeSet<Trap>,
    /// Most links from a seed; `None`: unlimited.
    pub max_depth: Option<u32>,
    /// Most pages of the crawl, over all its sessions; `None`: unlimited.
    pub max_pages: Option<u64>,
    /// Most pages of a host that is no seed's host; `None`: unlimited.
    pub max_pages_per_host: Option<u64>,
    /// Longest time of the crawl, over all its sessions, in ms; `None`: unlimited.
    pub max_duration_ms: Option<u64>,
    /// Most bytes of a body after decompression.
    pub max_body_bytes: u64,
    /// Most redirects in a row.
    pub max_redirects: u32,
    /// Requests in flight in all.
    pub concurrency: u32,
    /// Requests in flight to one host.
    pub per_host: u32,
    /// Pause between requests to one host, in ms; `None`: 1,000, and 0 for a loopback host.
    pub delay_ms: Option<u64>,
    /// Most requests a second in all; `None`: unlimited.
    pub rate_per_second: Option<f64>,
    /// Requests in flight to one IP address, whatever its hosts; `None`: unlimited.
    pub per_ip: Option<u32>,
    /// A host that answers slowly or with errors is asked more slowly.
    pub adaptive: bool,
    /// `User-Agent`; `None`: the program's own. Its first product token is looked for in robots.txt.
    pub user_agent: Option<String>,
    /// Time for a whole request, in ms.
    pub timeout_ms: u64,
    /// Time to connect, in ms.
    pub connect_timeout_ms: u64,
    /// Longest silence while reading, in ms.
    pub read_timeout_ms: u64,
    /// Tries of a URL in all, the first one included.
    pub tries: u32,
    /// Neither robots.txt nor nofollow is looked at.
    pub ignore_robots: bool,
    /// Which bodies are kept.
    pub store_body: BodyPolicy,
    /// Whether the plain text is kept.
    pub store_text: bool,
    /// How HTML is read.
    pub parser: Parser,
    /// Commits survive a power loss (`synchronous=FULL`).
    pub durable: bool,
    /// Networks beside the public ones that may be connected.
    pub allow_net: Vec<IpNet>,
    /// Headers that the operator adds.
    pub headers: Vec<CustomHeader>,
    /// `USER:PASSWORD` for the origins of the seeds.
    pub basic_auth: Option<Secret>,
    /// Whether cookies are kept and sent back.
    pub cookies: bool,
    /// The file they are read from and written back to.
    pub cookie_jar: Option<PathBuf>,
    /// Whether `Referer` is sent.
    pub referrer: bool,
    /// Who connects in place of this program.
    pub proxy: Option<Proxy>,
    /// PEM file of certificate authorities beside the system's.
    pub ca_file: Option<PathBuf>,
    /// Bytes of bodies held in memory between fetch and commit.
    pub memory_bytes: u64,
    /// Bytes that stay free on the database's disk: a batch that would take of them is not begun.
    pub min_free_bytes: u64,
    /// Bytes of the write-ahead log from which on nothing is committed while somebody's long read
    /// transaction keeps it from being emptied.
    pub max_log_bytes: u64,
}

impl Default for CrawlSettings {
    fn default() -> Self {
        CrawlSettings {
            scope: ScopeKind::Host,
            patterns: Vec::new(),
            follow: LinkKind::FOLLOWED.to_vec(),
            sitemaps: false,
            url_rules: UrlRule::defaults(),
            drop_params: Vec::new(),
            traps: Trap::defaults(),
            max_depth: None,
            max_pages: Some(100_000),
            max_pages_per_host: Some(10_000),
            max_duration_ms: None,
            max_body_bytes: 10_000_000,
            max_redirects: 10,
            concurrency: 64,
            per_host: 1,
            delay_ms: None,
            rate_per_second: None,
            per_ip: None,
            adaptive: true,
            user_agent: None,
            timeout_ms: 30_000,
            connect_timeout_ms: 10_000,
            read_timeout_ms: 15_000,
            tries: 3,
            ignore_robots: false,
            store_body: BodyPolicy::Html,
            store_text: true,
            parser: Parser::Scraper,
            durable: false,
            allow_net: Vec::new(),
            headers: Vec::new(),
            basic_auth: None,
            cookies: true,
            cookie_jar: None,
            referrer: true,
            proxy: None,
            ca_file: None,
            memory_bytes: 128 * 1024 * 1024,
            min_free_bytes: 64 * 1000 * 1000,
            max_log_bytes: 1024 * 1024 * 1024,
        }
    }
}

impl CrawlSettings {
    /// Most bytes of a sitemap after decompression: what its protocol allows, less where `memory_bytes` has no
    /// room for it beside 256 KiB for each request in flight, and never less than of other bodies.
    pub fn sitemap_body_bytes(&self) -> u64 {
        let others = u64::from(self.concurrency) * 256 * 1024;
        let room = (self.memory_bytes.saturating_sub(others) / 2).saturating_sub(PARSED_BYTES);
        LARGEST_SITEMAP_BYTES.min(room).max(self.max_body_bytes)
    }

    /// Bytes that one body and what is parsed from it may hold until they are committed.
    pub fn largest_visit_bytes(&self) -> u64 {
        self.sitemap_body_bytes().saturating_add(PARSED_BYTES)
    }

    /// The least `memory_bytes` with which one largest body leaves the other requests their room:
    /// twice its size while it is unpacked, and 64 KiB for each request in flight.
    pub fn least_memory_bytes(&self) -> u64 {
        let largest = self.max_body_bytes.saturating_add(PARSED_BYTES);
        largest.saturating_mul(2).saturating_add(u64::from(self.concurrency) * 64 * 1024)
    }

    /// The `User-Agent` header that is sent.
    pub fn user_agent(&self) -> String {
        self.user_agent.clone().unwrap_or_else(|| Self::default_user_agent().to_owned())
    }

    /// `sqrawl/VERSION`.
    pub fn default_user_agent() -> &'static str {
        concat!("sqrawl/", env!("CARGO_PKG_VERSION"))
    }

    /// The name looked for in robots.txt and in `meta name=…`: the leading product token of the
    /// user agent, letters, `_` and `-` only (RFC 9309 2.2.1).
    pub fn product_token(&self) -> String {
        self.user_agent().chars().take_while(|c| c.is_ascii_alphabetic() || matches!(c, '_' | '-')).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sitemaps_have_their_room_where_there_is_memory() {
        for (memory, concurrency, max_body, expected) in [
            (128 << 20, 64, 10_000_000, LARGEST_SITEMAP_BYTES),
            (1 << 40, 10_000, 10_000_000, LARGEST_SITEMAP_BYTES),
            (128 << 20, 256, 10_000_000, (28 << 20)),
            (64 << 20, 64, 10_000_000, (20 << 20)),
            (24 << 20, 64, 1_000_000, 1_000_000),
            (1 << 30, 64, 200_000_000, 200_000_000),
        ] {
            let settings = CrawlSettings {
                memory_bytes: memory,
                concurrency,
                max_body_bytes: max_body,
                ..CrawlSettings::default()
            };
            assert_eq!(settings.sitemap_body_bytes(), expected, "{memory} {concurrency} {max_body}");
            let fits = settings.largest_visit_bytes() * 2 + u64::from(concurrency) * 64 * 1024 <= memory;
            assert_eq!(fits, settings.least_memory_bytes() <= memory, "a sitemap needs no more than a body may");
        }
    }
}
