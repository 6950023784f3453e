//! [`Blueprint`]: how an HTTP client is made from the settings: who vouches for servers ([`Trust`]),
//! through which proxy, with which limits. [`FetchSetupError`] says why it cannot be made.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::HeaderValue;
use reqwest::{Certificate, Client, ClientBuilder};

use super::deadline::TimeLimits;
use super::guard::AddressGuard;
use super::resolve::{NameResolver, Names};
use super::{failure, head, open_files};
use crate::model::{self, CrawlSettings};

/// Idle connections kept per host, at least, for the next request of the same lease.
const IDLE_PER_HOST: usize = 2;

/// The same at most.
const MOST_IDLE_PER_HOST: usize = 64;

/// As many as the host may have in flight at a time: with fewer, most requests of a host that is asked by many at once would
/// begin with a handshake. Where few files may be open, hosts that were asked before must leave some to the others.
fn idle_per_host(per_host: u32, most_in_flight: u32) -> usize {
    let most = (most_in_flight as usize / 4).clamp(IDLE_PER_HOST, MOST_IDLE_PER_HOST);
    (per_host as usize).clamp(IDLE_PER_HOST, most)
}

/// How long they are kept: shorter than the keep-alive of common servers (Apache: 5 s), so that
/// a request rarely meets a connection that is just being closed.
const IDLE_TIME: Duration = Duration::from_secs(4);

/// Most response headers over HTTP/1.
const MAX_HEADERS: usize = 256;

/// Most bytes of response headers over HTTP/2, as browsers.
const MAX_HTTP2_HEAD_BYTES: u32 = 256 * 1024;

/// What an HTTP/2 server may send before it is read: per body, and per connection. They lie
/// outside the byte budget, so they are small.
const HTTP2_STREAM_WINDOW_BYTES: u32 = 256 * 1024;
const HTTP2_CONNECTION_WINDOW_BYTES: u32 = 512 * 1024;

/// Which certificate authorities vouch for https servers.
#[derive(Clone, Debug)]
pub enum Trust {
    /// Those of the operating system, or of `SSL_CERT_FILE` and `SSL_CERT_DIR` where they are set.
    System,
    /// Those in this PEM text alone. Empty: none, every https request fails, and no certificate
    /// need be installed.
    Only(Vec<u8>),
}

/// Why there can be no fetcher on this machine or with these settings.
#[derive(Debug, thiserror::Error)]
pub enum FetchSetupError {
    /// The user agent is not a header value.
    #[error(
        "user agent {given:?} cannot be sent: use printable ASCII characters, as in `name/1.0 (+https://example.org/)`"
    )]
    UserAgent {
        /// As given.
        given: String,
    },
    /// No certificate authorities.
    #[error(
        "no https server could be trusted, because no CA certificates were found: \
         install the `ca-certificates` package, or let SSL_CERT_FILE name a PEM file"
    )]
    NoRoots(#[source] reqwest::Error),
    /// The file of certificate authorities cannot be used.
    #[error("--ca-file {path} {problem}; it is to hold certificates in PEM (-----BEGIN CERTIFICATE-----)", path = .path.display())]
    CaFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The proxy cannot be used.
    #[error("the proxy {url} cannot be used")]
    Proxy {
        /// Without credentials.
        url: String,
    },
    /// Certificates that were given cannot be read.
    #[error("the given CA certificates are not PEM")]
    Roots(#[source] reqwest::Error),
    /// The HTTP client cannot be built.
    #[error("the HTTP client cannot be set up")]
    Client(#[source] reqwest::Error),
}

impl FetchSetupError {
    /// Whether a setting is at fault, not the machine.
    pub fn is_usage(&self) -> bool {
        matches!(self, Self::UserAgent { .. } | Self::CaFile { .. } | Self::Proxy { .. })
    }
}

/// What every client of a session has in common. The values are checked.
pub(super) struct Blueprint {
    limits: TimeLimits,
    agent: HeaderValue,
    roots: Roots,
    proxy: Option<reqwest::Proxy>,
    /// The proxy's host name.
    pub(super) proxy_host: Option<String>,
    names: Arc<Names>,
    idle_per_host: usize,
}

impl Blueprint {
    pub(super) fn of(
        settings: &CrawlSettings,
        limits: TimeLimits,
        trust: Trust,
        names: Arc<Names>,
    ) -> Result<Self, FetchSetupError> {
        Ok(Blueprint {
            limits,
            agent: user_agent(settings)?,
            idle_per_host: idle_per_host(settings.per_host, open_files::most_in_flight()),
            roots: Roots::of(trust, settings.ca_file.as_deref())?,
            proxy: settings.proxy.as_ref().map(proxy).transpose()?,
            proxy_host: settings.proxy.as_ref().and_then(proxy_host),
            names,
        })
    }

    /// A client whose resolver asks `guard`.
    pub(super) fn client(&self, guard: Option<AddressGuard>) -> Result<Client, FetchSetupError> {
        let resolver = NameResolver::new(Arc::clone(&self.names), guard, self.proxy_host.clone());
        let builder = builder(self.limits, self.agent.clone(), self.idle_per_host).dns_resolver(resolver);
        let builder = self.proxy.clone().into_iter().fold(builder, ClientBuilder::proxy);
        build(builder, self.roots.clone())
    }
}

fn user_agent(settings: &CrawlSettings) -> Result<HeaderValue, FetchSetupError> {
    let given = settings.user_agent();
    let printable = given.bytes().all(|byte| matches!(byte, b' '..=b'~')) && !given.trim().is_empty();
    match HeaderValue::from_str(&given) {
        Ok(value) if printable => Ok(value),
        _ => Err(FetchSetupError::UserAgent { given }),
    }
}

/// Everything that makes the client a crawler's. Read and total time are kept by [`Deadline`];
/// decoding is done by `body`, so none of the client's own decoders is compiled in.
fn builder(limits: TimeLimits, agent: HeaderValue, idle_per_host: usize) -> ClientBuilder {
    Client::builder()
        .user_agent(agent)
        .default_headers(head::of_every_request())
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .connect_timeout(limits.connect)
        .pool_max_idle_per_host(idle_per_host)
        .pool_idle_timeout(IDLE_TIME)
        .http1_max_headers(MAX_HEADERS)
        .http1_ignore_invalid_headers_in_responses(true)
        .http1_allow_obsolete_multiline_headers_in_responses(true)
        .http1_allow_spaces_after_header_name_in_responses(true)
        .http2_max_header_list_size(MAX_HTTP2_HEAD_BYTES)
        .http2_initial_stream_window_size(HTTP2_STREAM_WINDOW_BYTES)
        .http2_initial_connection_window_size(HTTP2_CONNECTION_WINDOW_BYTES)
}

/// Who vouches for https servers, read.
#[derive(Clone)]
struct Roots {
    system: bool,
    more: Vec<Certificate>,
}

impl Roots {
    fn of(trust: Trust, file: Option<&Path>) -> Result<Self, FetchSetupError> {
        let (system, mut more) = match trust {
            Trust::System => (true, Vec::new()),
            Trust::Only(pem) => (false, Certificate::from_pem_bundle(&pem).map_err(FetchSetupError::Roots)?),
        };
        if let Some(path) = file {
            more.extend(ca_file(path)?);
        }
        Ok(Roots { system, more })
    }
}

fn ca_file(path: &Path) -> Result<Vec<Certificate>, FetchSetupError> {
    let failed = |problem: String| FetchSetupError::CaFile { path: path.to_owned(), problem };
    let broken = |error: reqwest::Error| {
        let cause = failure::causes(&error).last().map_or_else(String::new, |cause| format!(": {cause}"));
        failed(format!("is broken{cause}"))
    };
    let pem = std::fs::read(path).map_err(|error| failed(format!("cannot be read: {error}")))?;
    let certificates = Certificate::from_pem_bundle(&pem).map_err(broken)?;
    if certificates.is_empty() {
        return Err(failed("holds no certificate".to_owned()));
    }
    // What is inside the certificates is looked at no sooner than this.
    Client::builder().no_proxy().tls_certs_only(certificates.clone()).build().map_err(broken)?;
    Ok(certificates)
}

fn proxy(proxy: &model::Proxy) -> Result<reqwest::Proxy, FetchSetupError> {
    let failed = || FetchSetupError::Proxy { url: proxy.url.clone() };
    let (scheme, host) = proxy.url.split_once("://").ok_or_else(failed)?;
    let url = match proxy.credentials.as_ref().and_then(|secret| secret.reveal()) {
        Some(credentials) => format!("{scheme}://{credentials}@{host}"),
        None => proxy.url.clone(),
    };
    reqwest::Proxy::all(url).map_err(|_| failed())
}

/// The proxy's name, which the operator gave and no guard judges.
fn proxy_host(proxy: &model::Proxy) -> Option<String> {
    url::Url::parse(&proxy.url).ok()?.host_str().map(str::to_ascii_lowercase)
}

fn build(builder: ClientBuilder, Roots { system, more }: Roots) -> Result<Client, FetchSetupError> {
    let builder = match (system, more.is_empty()) {
        (false, _) => builder.tls_certs_only(more),
        (true, false) => builder.tls_certs_merge(more),
        (true, true) => builder,
    };
    builder.build().map_err(|error| {
        let tls = failure::causes(&error).any(|cause| cause.is::<rustls::Error>());
        if system && tls { FetchSetupError::NoRoots(error) } else { FetchSetupError::Client(error) }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fetch::HttpFetcher;

    #[test]
    fn a_user_agent_is_checked_before_anything_is_sent() {
        for (given, fine) in [
            (None, true),
            (Some("bot/1.0 (+https://example.org/)"), true),
            (Some(""), false),
            (Some("  "), false),
            (Some("a\r\nCookie: b"), false),
            (Some("böt/1.0"), false),
        ] {
            let settings = CrawlSettings { user_agent: given.map(str::to_owned), ..CrawlSettings::default() };
            let made = HttpFetcher::with_trust(&settings, &[], Trust::Only(Vec::new()));
            assert_eq!(made.is_ok(), fine, "{given:?}: {:?}", made.err());
        }
    }
}
