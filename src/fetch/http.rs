//! [`HttpFetcher`]: the real web. Built once per session, shared by every host worker.
//!
//! There are two clients, because the resolver of a client sees names and no ports: the guarded
//! one for everything, and one without a guard in its resolver for the few origins that were
//! granted. Which one asks is decided by the origin of each request, so a grant never reaches
//! another port, scheme or host. Neither follows redirects, and neither knows a cookie or a
//! credential: `outgoing` puts them on the requests they belong to.

use std::collections::HashSet;
use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use reqwest::{Client, Response};
use tokio::sync::Semaphore;

use super::body::{self, BodyLimit};
use super::client::{Blueprint, FetchSetupError, Trust};
use super::deadline::{Deadline, TimeLimits};
use super::failure::Failure;
use super::guard::AddressGuard;
use super::outgoing::Outgoing;
use super::resolve::{Names, SystemSource, connectable, special_name};
use super::{CookieJar, Fetcher, Reservation, head};
use crate::model::{CrawlSettings, CrawlUrl, Exchange, ExchangeEnd, FailureKind, FetchRequest, Header, Origin, UnixMs};

/// Most name lookups at a time; each holds one of tokio's 512 blocking threads.
const MAX_LOOKUPS: usize = 128;

/// Fetches over HTTP/1.1 and HTTP/2.
#[derive(Debug)]
pub struct HttpFetcher {
    guarded: Client,
    granted: Client,
    grants: RwLock<HashSet<Origin>>,
    guard: AddressGuard,
    names: Arc<Names>,
    outgoing: Outgoing,
    /// The host of the proxy, when there is one: then somebody else connects.
    proxy_host: Option<String>,
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
        let blueprint = Blueprint::of(settings, limits, trust, Arc::clone(&names))?;
        Ok(HttpFetcher {
            guarded: blueprint.client(Some(guard.clone()))?,
            granted: blueprint.client(None)?,
            grants: RwLock::new(grants.iter().cloned().collect()),
            guard,
            names,
            outgoing: Outgoing::of(settings),
            proxy_host: blueprint.proxy_host,
            limits,
            decoding_threads: Semaphore::new(std::thread::available_parallelism().map_or(1, NonZeroUsize::get)),
        })
    }

    /// Lets this very origin (scheme, host and port) be connected wherever it resolves to, from
    /// now on.
    pub fn grant(&self, origin: Origin) {
        self.grants.write().unwrap_or_else(PoisonError::into_inner).insert(origin);
    }

    /// Lets requests to this origin carry the credentials of the settings, from now on. No other
    /// origin ever sees them.
    pub fn confide(&self, origin: Origin) {
        self.outgoing.confide(origin);
    }

    /// With these cookies to begin with, unless the settings want none.
    pub fn with_cookies(mut self, jar: Arc<CookieJar>) -> Self {
        self.outgoing.set_cookies(jar);
        self
    }

    /// The cookies as they are now; `None` when the settings want none.
    pub fn cookies(&self) -> Option<&Arc<CookieJar>> {
        self.outgoing.cookies()
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
        if let Some(proxy) = &self.proxy_host {
            self.check_proxied(url, proxy)?;
        }
        Ok(&self.guarded)
    }

    /// What can be judged of a name that the proxy resolves: what it must mean. The proxy's own
    /// name is let through by the resolver, so no page may make use of it.
    fn check_proxied(&self, url: &CrawlUrl, proxy: &str) -> Result<(), Failure> {
        if let Some(Ok(addresses)) = special_name(url.host_str()) {
            connectable(&addresses, Some(&self.guard))?;
        }
        if url.host_str() == proxy {
            return Err(Failure::new(FailureKind::BlockedAddress, "the proxy is not asked for its own host"));
        }
        Ok(())
    }

    async fn exchange(
        &self,
        request: &FetchRequest,
        reservation: &mut Reservation,
        deadline: &mut Deadline,
        seen: &mut Seen,
    ) -> Result<body::Body, Failure> {
        let get = self.client_for(&request.url)?.get(request.url.as_str());
        let get = self.outgoing.put_on(get, request, now_ms());
        let mut response = deadline.head(get.send()).await?.map_err(Failure::of_head)?;
        seen.head(&response, self.proxy_host.is_some());
        self.outgoing.learn(&request.url, &response, now_ms());
        if body::is_redirect(&response) {
            body::drain(&mut response, &mut seen.wire_bytes).await;
            return Ok(body::Body { bytes: Vec::new(), cut: false });
        }
        let codings = head::codings(response.headers()).map_err(Failure::protocol)?;
        let limit = BodyLimit {
            bytes: usize::try_from(request.max_body_bytes).unwrap_or(usize::MAX),
            overflow: request.overflow,
        };
        let raw = body::read(&mut response, limit, reservation, deadline, &mut seen.wire_bytes).await?;
        seen.read_in = Some(deadline.spent());
        // The connection is free for the next request while this body is decoded.
        drop(response);
        body::decode(raw, &codings, limit, reservation, &self.decoding_threads).await
    }
}

impl Fetcher for HttpFetcher {
    fn trust(&self, origin: Origin, granted: bool) {
        self.confide(origin.clone());
        if granted {
            self.grant(origin);
        }
    }

    fn most_in_flight(&self) -> u32 {
        super::open_files::most_in_flight()
    }

    #[allow(clippy::disallowed_methods, reason = "an adapter measures how long a request really took")]
    async fn fetch(&self, request: FetchRequest, reservation: &mut Reservation) -> Exchange {
        let started_ms = now_ms();
        let mut deadline = Deadline::start(self.limits);
        let mut seen = Seen::default();
        let end = match self.exchange(&request, reservation, &mut deadline, &mut seen).await {
            Ok(body) => ExchangeEnd::Complete { body: body.bytes, truncated: body.cut },
            Err(Failure { kind, detail }) => {
                reservation.shrink(0);
                ExchangeEnd::Failed { kind, detail }
            }
        };
        Exchange {
            started_ms,
            elapsed_ms: u64::try_from(seen.read_in.unwrap_or_else(|| deadline.spent()).as_millis()).unwrap_or(u64::MAX),
            status: seen.status,
            headers: seen.headers,
            end,
            wire_bytes: seen.wire_bytes,
            address: seen.address,
        }
    }

    async fn address_of(&self, url: &CrawlUrl) -> Option<IpAddr> {
        if self.proxy_host.is_some() {
            return None;
        }
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
    url.host().literal()
}

/// What arrived, however it ended.
#[derive(Default)]
struct Seen {
    status: Option<u16>,
    headers: Vec<Header>,
    wire_bytes: u64,
    address: Option<IpAddr>,
    /// When the last byte of the body came; decoding takes its own time.
    read_in: Option<Duration>,
}

impl Seen {
    fn head(&mut self, response: &Response, proxied: bool) {
        self.status = Some(response.status().as_u16());
        self.headers = head::kept(response.headers());
        self.address = response.remote_addr().map(|socket| socket.ip()).filter(|_| !proxied);
    }
}

/// The system clock. Only adapters and the shell may read it.
#[allow(clippy::disallowed_methods, reason = "an adapter says when a request was really made")]
fn now_ms() -> UnixMs {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMs::try_from(since.as_millis()).unwrap_or(UnixMs::MAX)
}
