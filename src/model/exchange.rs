//! [`FetchRequest`] and [`Exchange`]: one HTTP request and how it ended. What the web does is
//! data here, never an error.

use std::net::IpAddr;

use super::{CrawlUrl, Origin, UnixMs};

/// Validators of a stored copy (RFC 9110 8.8), sent back as `If-None-Match` and
/// `If-Modified-Since`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Validators {
    /// The `ETag` as received, quotes included.
    pub etag: Option<String>,
    /// The `Last-Modified` as received.
    pub last_modified: Option<String>,
}

impl Validators {
    /// Longest validator that is kept and sent back, in bytes.
    pub const MAX_BYTES: usize = 1024;

    /// Whether a validator can stand in a request. One that cannot is not kept either, so that a
    /// 304 is believed only where something was asked.
    pub fn can_be_sent(text: &str) -> bool {
        !text.is_empty() && text.len() <= Self::MAX_BYTES && text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
    }
}

/// What to do with a body longer than the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overflow {
    /// The exchange fails as [`FailureKind::TooBig`]; no part is kept.
    Fail,
    /// The first `max_body_bytes` are kept (robots.txt, RFC 9309 2.5).
    Truncate,
}

/// One GET.
#[derive(Clone, Debug, PartialEq)]
pub struct FetchRequest {
    /// Where to.
    pub url: CrawlUrl,
    /// For a conditional request.
    pub validators: Option<Validators>,
    /// Origin of the page that names the URL, for `Referer`.
    pub referrer: Option<Origin>,
    /// Most bytes of body, after decompression.
    pub max_body_bytes: u64,
    /// What happens beyond them.
    pub overflow: Overflow,
}

/// A response header: lower-case name, value with bytes that are not UTF-8 replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Lower-case name.
    pub name: String,
    /// The value.
    pub value: String,
}

/// Why an exchange has no usable response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FailureKind {
    /// Connect, read or total time ran out.
    Timeout,
    /// The name has no address, or the resolver failed.
    Dns,
    /// No connection: refused, reset before a response, unreachable.
    Connect,
    /// The TLS handshake or the certificate failed.
    Tls,
    /// Not HTTP, or broken HTTP: bad framing, early close, undecodable body.
    Protocol,
    /// The address guard refused the address; nothing was connected.
    BlockedAddress,
    /// The body or the headers passed their limit.
    TooBig,
}

/// How the exchange ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExchangeEnd {
    /// The response was read to its end (or cut where [`Overflow::Truncate`] said so).
    Complete {
        /// The body after decompression; empty when there is none.
        body: Vec<u8>,
        /// Whether [`Overflow::Truncate`] cut it.
        truncated: bool,
    },
    /// There is no usable body. A head may have arrived all the same.
    Failed {
        /// The kind of failure.
        kind: FailureKind,
        /// What happened, in words for the operator; at most 512 bytes.
        detail: String,
    },
}

/// One request as it went.
#[derive(Clone, Debug, PartialEq)]
pub struct Exchange {
    /// When the request was handed to the network.
    pub started_ms: UnixMs,
    /// From then to the last byte or the failure, in ms; waiting for memory of our own left out.
    pub elapsed_ms: u64,
    /// HTTP status, when a head arrived.
    pub status: Option<u16>,
    /// Response headers in order, when a head arrived; redirects are not followed.
    pub headers: Vec<Header>,
    /// How it ended.
    pub end: ExchangeEnd,
    /// Body bytes that crossed the wire, before decompression.
    pub wire_bytes: u64,
    /// The address that was connected, when known.
    pub address: Option<IpAddr>,
}

impl Exchange {
    /// The exchange without headers and body.
    pub fn without_content(&self) -> Exchange {
        Exchange {
            started_ms: self.started_ms,
            elapsed_ms: self.elapsed_ms,
            status: self.status,
            headers: Vec::new(),
            end: ExchangeEnd::Complete { body: Vec::new(), truncated: false },
            wire_bytes: self.wire_bytes,
            address: self.address,
        }
    }

    /// The first value of a header; `name` in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|h| h.name == name).map(|h| h.value.as_str())
    }

    /// Every value of a header, in order; `name` in lower case.
    pub fn headers_named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers.iter().filter(move |h| h.name == name).map(|h| h.value.as_str())
    }

    /// All that is said of the body's type, as one list (RFC 9110 5.3); `None`: nothing is.
    pub fn content_type(&self) -> Option<String> {
        let said = self.headers_named("content-type").collect::<Vec<_>>().join(", ");
        (!said.is_empty()).then_some(said)
    }
}
