//! [`HttpFetcher`]: the real web. Built once per session, shared by every host worker.
//!
//! There are two clients, because the resolver of a client sees names and no ports: the guarded
//! one for everything, and one without a guard in its resolver for the few origins that were
//! granted. Which one asks is decided by the origin of each request, so a grant never reaches
//! another port, scheme or host. Neither follows redirects.

use std::collections::HashSet;
use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use reqwest::header::HeaderValue;
use reqwest::{Certificate, Client, ClientBuilder, Response};
use tokio::sync::Semaphore;

use super::body::{self, BodyLimit};
use super::deadline::{Deadline, TimeLimits};
use super::failure::{self, Failure};
use super::guard::AddressGuard;
use super::resolve::{NameResolver, Names, SystemSource, connectable};
use super::{Fetcher, Reservation, head};
use crate::model::{CrawlSettings, CrawlUrl, Exchange, ExchangeEnd, FetchRequest, Header, Origin, UnixMs};

/// Idle connections kept per host, for the next request of the same lease.
const IDLE_PER_HOST: usize = 2;

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

/// Most name lookups at a time; each holds one of tokio's 512 blocking threads.
const MAX_LOOKUPS: usize = 128;

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
    /// Certificates that were given cannot be read.
    #[error("the given CA certificates are not PEM")]
    Roots(#[source] reqwest::Error),
    /// The HTTP client cannot be built.
    #[error("the HTTP client cannot be set up")]
    Client(#[source] reqwest::Error),
}

/// Fetches over HTTP/1.1 and HTTP/2.
#[derive(Debug)]
pub struct HttpFetcher {
    guarded: Client,
    granted: Client,
    grants: RwLock<HashSet<Origin>>,
    guard: AddressGuard,
    names: Arc<Names>,
    limits: TimeLimits,
    decoding_threads: Semaphore,
}

impl HttpFetcher {
    /// A fetcher with the limits, the user agent and the allowed networks of `settings`; `grants`
    /// are origins that may be connected wherever they resolve to.
    ///
    /// # Errors
    /// [`FetchSetupError`] names what is missing, and the remedy.
    pub fn new(settings: &CrawlSettings, grants: &[Origin]) -> Result<Self, FetchSetupError> {
        Self::with_trust(settings, grants, Trust::System)
    }

    /// [`new`](Self::new), with certificate authorities of one's own.
    ///
    /// # Errors
    /// [`FetchSetupError`] names what is missing, and the remedy.
    pub fn with_trust(settings: &CrawlSettings, grants: &[Origin], trust: Trust) -> Result<Self, FetchSetupError> {
        let limits = TimeLimits::of(settings);
        let guard = AddressGuard::new(settings.allow_net.clone());
        let lookups = (settings.concurrency as usize).clamp(16, MAX_LOOKUPS);
        let names = Names::new(SystemSource, lookups, limits.connect);
        let agent = user_agent(settings)?;
        let roots = match trust {
            Trust::System => None,
            Trust::Only(pem) => Some(Certificate::from_pem_bundle(&pem).map_err(FetchSetupError::Roots)?),
        };
        let client = |guard| {
            let builder = builder(limits, agent.clone()).dns_resolver(NameResolver::new(Arc::clone(&names), guard));
            build(builder, roots.clone())
        };
        Ok(HttpFetcher {
            guarded: client(Some(guard.clone()))?,
            granted: client(None)?,
            grants: RwLock::new(grants.iter().cloned().collect()),
            guard,
            names,
            limits,
            decoding_threads: Semaphore::new(std::thread::available_parallelism().map_or(1, NonZeroUsize::get)),
        })
    }

    /// Lets this very origin (scheme, host and port) be connected wherever it resolves to, from
    /// now on.
    pub fn grant(&self, origin: Origin) {
        self.grants.write().unwrap_or_else(PoisonError::into_inner).insert(origin);
    }

    fn is_granted(&self, url: &CrawlUrl) -> bool {
        self.grants.read().unwrap_or_else(PoisonError::into_inner).contains(&url.origin())
    }

    /// The client that may ask for the URL.
    fn client_for(&self, url: &CrawlUrl) -> Result<&Client, Failure> {
        if self.is_granted(url) {
            return Ok(&self.granted);
        }
        // A literal address never reaches the resolver: it is judged here or not at all.
        if let Some(address) = literal(url) {
            self.guard.check(address)?;
        }
        Ok(&self.guarded)
    }

    async fn exchange(
        &self,
        request: &FetchRequest,
        reservation: &mut Reservation,
        seen: &mut Seen,
    ) -> Result<body::Body, Failure> {
        let get = self.client_for(&request.url)?.get(request.url.as_url().clone());
        let get = get.headers(head::conditional(request.validators.as_ref()));
        let mut deadline = Deadline::start(self.limits);
        let mut response = deadline.head(get.send()).await?.map_err(Failure::of_head)?;
        seen.head(&response);
        if body::is_redirect(&response) {
            body::drain(&mut response, &mut seen.wire_bytes).await;
            return Ok(body::Body { bytes: Vec::new(), cut: false });
        }
        let codings = head::codings(response.headers()).map_err(Failure::protocol)?;
        let limit = BodyLimit {
            bytes: usize::try_from(request.max_body_bytes).unwrap_or(usize::MAX),
            overflow: request.overflow,
        };
        let raw = body::read(&mut response, limit, reservation, &mut deadline, &mut seen.wire_bytes).await?;
        // The connection is free for the next request while this body is decoded.
        drop(response);
        body::decode(raw, &codings, limit, reservation, &self.decoding_threads).await
    }
}

impl Fetcher for HttpFetcher {
    #[allow(clippy::disallowed_methods, reason = "an adapter measures how long a request really took")]
    async fn fetch(&self, request: FetchRequest, reservation: &mut Reservation) -> Exchange {
        let started_ms = now_ms();
        let started = Instant::now();
        let mut seen = Seen::default();
        let end = match self.exchange(&request, reservation, &mut seen).await {
            Ok(body) => ExchangeEnd::Complete { body: body.bytes, truncated: body.cut },
            Err(Failure { kind, detail }) => {
                reservation.shrink(0);
                ExchangeEnd::Failed { kind, detail }
            }
        };
        Exchange {
            started_ms,
            elapsed_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
            status: seen.status,
            headers: seen.headers,
            end,
            wire_bytes: seen.wire_bytes,
            address: seen.address,
        }
    }

    async fn address_of(&self, url: &CrawlUrl) -> Option<IpAddr> {
        let guard = (!self.is_granted(url)).then_some(&self.guard);
        if let Some(address) = literal(url) {
            return guard.is_none_or(|guard| guard.allowed(address)).then_some(address);
        }
        let addresses = self.names.addresses(url.host_str()).await.ok()?;
        connectable(&addresses, guard).ok()?.first().copied()
    }
}

/// The address that stands in the URL itself.
fn literal(url: &CrawlUrl) -> Option<IpAddr> {
    match url.as_url().host() {
        Some(url::Host::Ipv4(address)) => Some(IpAddr::V4(address)),
        Some(url::Host::Ipv6(address)) => Some(IpAddr::V6(address)),
        Some(url::Host::Domain(_)) | None => None,
    }
}

/// What arrived, however it ended.
#[derive(Default)]
struct Seen {
    status: Option<u16>,
    headers: Vec<Header>,
    wire_bytes: u64,
    address: Option<IpAddr>,
}

impl Seen {
    fn head(&mut self, response: &Response) {
        self.status = Some(response.status().as_u16());
        self.headers = head::kept(response.headers());
        self.address = response.remote_addr().map(|socket| socket.ip());
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
fn builder(limits: TimeLimits, agent: HeaderValue) -> ClientBuilder {
    Client::builder()
        .user_agent(agent)
        .default_headers(head::of_every_request())
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .connect_timeout(limits.connect)
        .pool_max_idle_per_host(IDLE_PER_HOST)
        .pool_idle_timeout(IDLE_TIME)
        .http1_max_headers(MAX_HEADERS)
        .http1_ignore_invalid_headers_in_responses(true)
        .http1_allow_obsolete_multiline_headers_in_responses(true)
        .http1_allow_spaces_after_header_name_in_responses(true)
        .http2_max_header_list_size(MAX_HTTP2_HEAD_BYTES)
        .http2_initial_stream_window_size(HTTP2_STREAM_WINDOW_BYTES)
        .http2_initial_connection_window_size(HTTP2_CONNECTION_WINDOW_BYTES)
}

fn build(builder: ClientBuilder, roots: Option<Vec<Certificate>>) -> Result<Client, FetchSetupError> {
    let system = roots.is_none();
    let builder = match roots {
        Some(roots) => builder.tls_certs_only(roots),
        None => builder,
    };
    builder.build().map_err(|error| {
        let tls = failure::causes(&error).any(|cause| cause.is::<rustls::Error>());
        if system && tls { FetchSetupError::NoRoots(error) } else { FetchSetupError::Client(error) }
    })
}

/// The system clock. Only adapters and the shell may read it.
#[allow(clippy::disallowed_methods, reason = "an adapter says when a request was really made")]
fn now_ms() -> UnixMs {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMs::try_from(since.as_millis()).unwrap_or(UnixMs::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

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
