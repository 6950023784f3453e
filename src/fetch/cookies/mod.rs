//! [`CookieJar`]: what servers asked to be told again, by the rules of RFC 6265bis
//! (draft-ietf-httpbis-rfc6265bis-20; sections of it are cited as "bis"). It lives in memory for
//! one session; `file` reads and writes it in the format of curl and wget, `set_cookie` and `date`
//! read what servers send.
//!
//! A jar decides by host, path, scheme and time alone. Time is an argument. What servers send can
//! neither fail nor fill it: every count and length has a bound, and the oldest use goes first.

mod date;
mod file;
mod set_cookie;

pub use file::CookieFileError;

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use reqwest::header::HeaderValue;

use self::set_cookie::SetCookie;
use crate::model::{CrawlUrl, Scheme, UnixMs};

/// Most cookies of one domain, as browsers.
const MAX_PER_DOMAIN: usize = 180;
/// Most `Set-Cookie` lines of one response that are looked at, as curl.
const MAX_PER_RESPONSE: usize = 50;
/// Most cookies of one request, as curl.
const MAX_SENT: usize = 150;
/// Longest `Cookie` header, in bytes, as curl: many servers refuse a head beyond 8 KiB.
const MAX_SENT_BYTES: usize = 8190;
/// Most bytes of a whole jar.
const MAX_JAR_BYTES: usize = 8 * 1024 * 1024;
/// What a full jar is emptied to, so that the work is done rarely.
const ROOMY_JAR_BYTES: usize = MAX_JAR_BYTES / 8 * 7;
/// What a cookie is taken to need beside its text, in bytes.
const OVERHEAD_BYTES: usize = 128;
/// Most domains below one that are looked at before it may set a cookie for them over plain http.
const MOST_BELOW: usize = 1000;
/// Longest life of a cookie (bis 5.5): 400 days, in ms.
const LONGEST_LIFE_MS: i64 = 400 * 24 * 60 * 60 * 1000;

/// One stored cookie (bis 5.7); its domain is the key it is stored under.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Cookie {
    name: Vec<u8>,
    value: Vec<u8>,
    /// Begins with `/`.
    path: Vec<u8>,
    /// For this very host, not for the hosts below it.
    host_only: bool,
    /// For https only.
    secure: bool,
    /// Kept for whoever reads the file; nothing here runs scripts.
    http_only: bool,
    /// `None`: until the session ends.
    expires_ms: Option<UnixMs>,
    /// Order of creation and of last use, from the jar's counter.
    created: u64,
    used: u64,
}

impl Cookie {
    fn is_expired(&self, now: UnixMs) -> bool {
        self.expires_ms.is_some_and(|expires| expires <= now)
    }

    fn bytes(&self, domain: &str) -> usize {
        self.name.len() + self.value.len() + self.path.len() + domain.len() + OVERHEAD_BYTES
    }

    fn is_same(&self, other: &Cookie) -> bool {
        self.name == other.name && self.path == other.path && self.host_only == other.host_only
    }

    /// The rules of `__Secure-` and `__Host-` (bis 5.7 steps 20 to 22). A name may not hide in the
    /// value of a nameless cookie either, because `Cookie` would show the same text. `path_said`: its path
    /// is not the default one; that may be `/` too, and makes no promise.
    fn keeps_its_prefix(&self, path_said: bool) -> bool {
        let shown = if self.name.is_empty() { &self.value } else { &self.name };
        let begins =
            |prefix: &str| shown.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix.as_bytes()));
        if self.name.is_empty() {
            return !begins("__secure-") && !begins("__host-");
        }
        if begins("__host-") {
            return self.secure && self.host_only && path_said && self.path == b"/";
        }
        !begins("__secure-") || self.secure
    }
}

/// The cookies of one session, shared by every request.
#[derive(Default)]
pub struct CookieJar {
    jar: Mutex<Jar>,
}

#[derive(Default)]
struct Jar {
    domains: HashMap<String, Vec<Cookie>>,
    /// The same domains, each [`upside_down`]: those below one stand beside it.
    tree: BTreeSet<String>,
    bytes: usize,
    counter: u64,
}

impl fmt::Debug for CookieJar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CookieJar").field("cookies", &self.len()).finish_non_exhaustive()
    }
}

impl CookieJar {
    /// Cookies in it.
    pub fn len(&self) -> usize {
        self.lock().domains.values().map(Vec::len).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.lock().domains.is_empty()
    }

    /// Takes in the `Set-Cookie` lines of a response from `url`.
    pub(super) fn take_in<'a>(&self, url: &CrawlUrl, lines: impl Iterator<Item = &'a [u8]>, now: UnixMs) {
        let mut lines = lines.take(MAX_PER_RESPONSE).filter_map(SetCookie::parse).peekable();
        if lines.peek().is_none() {
            return;
        }
        let mut jar = self.lock();
        for said in lines {
            jar.take_in(url, said, now);
        }
    }

    /// The `Cookie` header of a request to `url`; `taken`: names that something else sends.
    pub(super) fn header(&self, url: &CrawlUrl, taken: &[&[u8]], now: UnixMs) -> Option<HeaderValue> {
        let text = self.lock().header(url, taken, now);
        let mut value = HeaderValue::from_bytes(&text).ok().filter(|_| !text.is_empty())?;
        value.set_sensitive(true);
        Some(value)
    }

    fn lock(&self) -> MutexGuard<'_, Jar> {
        self.jar.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Jar {
    /// bis 5.7, without the steps that are about scripts and frames.
    fn take_in(&mut self, url: &CrawlUrl, said: SetCookie, now: UnixMs) {
        let secure_origin = url.scheme() == Scheme::Https;
        let Some((domain, host_only)) = domain_of(url.host_str(), said.domain.as_deref()) else { return };
        let path_said = said.path.is_some();
        let cookie = Cookie {
            host_only,
            path: said.path.unwrap_or_else(|| default_path(url).to_vec()),
            name: said.name,
            value: said.value,
            secure: said.secure,
            http_only: said.http_only,
            expires_ms: said.expires.moment(now),
            created: 0,
            used: 0,
        };
        if (cookie.secure && !secure_origin) || !cookie.keeps_its_prefix(path_said) {
            return;
        }
        if !secure_origin && self.hides_a_secure_one(&domain, &cookie) {
            return;
        }
        self.put(domain, cookie, now);
    }

    /// Whether a cookie set over plain http would stand in for one that only https may set: one of
    /// this name that is kept for the host or above it, or below it where this one reaches.
    fn hides_a_secure_one(&self, domain: &str, cookie: &Cookie) -> bool {
        let is_hidden =
            |kept: &Cookie| kept.secure && kept.name == cookie.name && path_matches(&cookie.path, &kept.path);
        let above = host_and_parents(domain).filter_map(|above| self.domains.get(above));
        if above.flatten().any(is_hidden) {
            return true;
        }
        if cookie.host_only {
            return false;
        }
        let stem = format!("{}.", upside_down(domain));
        let below = self.tree.range(stem.clone()..).take_while(|name| name.starts_with(&stem));
        // Whoever makes up names without end could make this look through all of them at every answer.
        below.enumerate().any(|(nth, name)| {
            nth == MOST_BELOW || self.domains.get(&upside_down(name)).into_iter().flatten().any(is_hidden)
        })
    }

    /// Stores a cookie, replacing the one it is a new version of; an expired one takes it away.
    fn put(&mut self, domain: String, mut cookie: Cookie, now: UnixMs) {
        self.counter += 1;
        (cookie.created, cookie.used) = (self.counter, self.counter);
        let kept = self.domains.entry(domain.clone()).or_default();
        if let Some(at) = kept.iter().position(|kept| kept.is_same(&cookie)) {
            let old = kept.swap_remove(at);
            self.bytes -= old.bytes(&domain);
            cookie.created = old.created;
        }
        if !cookie.is_expired(now) {
            self.bytes += cookie.bytes(&domain);
            kept.push(cookie);
        }
        if kept.len() > MAX_PER_DOMAIN {
            self.bytes -= make_room(kept, &domain, now);
        }
        if kept.is_empty() {
            self.forget(&domain);
        } else {
            self.tree.insert(upside_down(&domain));
        }
        if self.bytes > MAX_JAR_BYTES {
            self.drop_oldest_domains();
        }
    }

    fn forget(&mut self, domain: &str) -> Vec<Cookie> {
        self.tree.remove(&upside_down(domain));
        self.domains.remove(domain).unwrap_or_default()
    }

    fn drop_oldest_domains(&mut self) {
        let last_use = |kept: &[Cookie]| kept.iter().map(|cookie| cookie.used).max().unwrap_or_default();
        let mut by_use: Vec<(u64, String)> =
            self.domains.iter().map(|(domain, kept)| (last_use(kept), domain.clone())).collect();
        by_use.sort();
        for (_, domain) in by_use {
            if self.bytes <= ROOMY_JAR_BYTES {
                break;
            }
            let gone = self.forget(&domain);
            self.bytes -= gone.iter().map(|cookie| cookie.bytes(&domain)).sum::<usize>();
        }
    }

    /// bis 5.8.3: longer paths first, then the older cookie.
    fn header(&mut self, url: &CrawlUrl, taken: &[&[u8]], now: UnixMs) -> Vec<u8> {
        let (host, path, secure) = (url.host_str(), url.path().as_bytes(), url.scheme() == Scheme::Https);
        self.counter += 1;
        let used = self.counter;
        let mut found: Vec<(std::cmp::Reverse<usize>, u64, Vec<u8>)> = Vec::new();
        for domain in host_and_parents(host) {
            for cookie in self.domains.get_mut(domain).into_iter().flatten() {
                let sent = (domain == host || !cookie.host_only)
                    && (secure || !cookie.secure)
                    && !cookie.is_expired(now)
                    && path_matches(path, &cookie.path)
                    && !taken.contains(&cookie.name.as_slice());
                if sent {
                    cookie.used = used;
                    found.push((std::cmp::Reverse(cookie.path.len()), cookie.created, pair(cookie)));
                }
            }
        }
        found.sort();
        let mut header = Vec::new();
        for (_, _, pair) in found.into_iter().take(MAX_SENT) {
            if header.len() + 2 + pair.len() > MAX_SENT_BYTES {
                break;
            }
            if !header.is_empty() {
                header.extend(b"; ");
            }
            header.extend(pair);
        }
        header
    }
}

fn pair(cookie: &Cookie) -> Vec<u8> {
    if cookie.name.is_empty() {
        return cookie.value.clone();
    }
    [&cookie.name, b"=".as_slice(), &cookie.value].concat()
}

/// Makes room in a full domain (bis 5.7): what is expired, else what any listener may read and was
/// not used for longest. Returns the bytes that are gone.
fn make_room(kept: &mut Vec<Cookie>, domain: &str, now: UnixMs) -> usize {
    let before: usize = kept.iter().map(|cookie| cookie.bytes(domain)).sum();
    kept.retain(|cookie| !cookie.is_expired(now));
    while kept.len() > MAX_PER_DOMAIN {
        let oldest = kept.iter().enumerate().min_by_key(|(_, cookie)| (cookie.secure, cookie.used));
        let Some((at, _)) = oldest else { break };
        kept.swap_remove(at);
    }
    before - kept.iter().map(|cookie| cookie.bytes(domain)).sum::<usize>()
}

/// The domain a cookie is stored under, and whether it is for that host alone; `None` when the
/// host may not set a cookie for the domain it names (bis 5.7 steps 8 to 10).
fn domain_of(host: &str, named: Option<&str>) -> Option<(String, bool)> {
    let Some(named) = named.filter(|named| !named.is_empty()) else { return Some((host.to_owned(), true)) };
    if is_public_suffix(named) {
        return (named == host).then(|| (host.to_owned(), true));
    }
    domain_matches(host, named).then(|| (named.to_owned(), false))
}

/// Whether whoever registers a name registers it below this one (`com`, `co.uk`, `github.io`), so
/// that a cookie for it would reach strangers. A suffix that the list does not know counts as one
/// label.
fn is_public_suffix(domain: &str) -> bool {
    let unicode = url::quirks::domain_to_unicode(domain);
    // A name that cannot be spelled in Unicode, or ends with a dot, is nobody's domain.
    unicode.is_empty() || unicode.ends_with('.') || psl::suffix_str(&unicode).is_none_or(|suffix| suffix == unicode)
}

/// bis 5.1.3.
fn domain_matches(host: &str, domain: &str) -> bool {
    if host == domain {
        return true;
    }
    let parent = host.strip_suffix(domain).is_some_and(|front| front.ends_with('.'));
    parent && !is_address(host)
}

/// bis 5.1.4.
fn path_matches(path: &[u8], cookie_path: &[u8]) -> bool {
    path.strip_prefix(cookie_path)
        .is_some_and(|rest| rest.is_empty() || cookie_path.ends_with(b"/") || rest.starts_with(b"/"))
}

/// bis 5.1.4: the folder of the URL.
fn default_path(url: &CrawlUrl) -> &[u8] {
    let path = url.path().as_bytes();
    match path.iter().rposition(|&byte| byte == b'/') {
        None | Some(0) => b"/",
        Some(end) => &path[..end],
    }
}

fn is_address(host: &str) -> bool {
    host.starts_with('[') || host.parse::<IpAddr>().is_ok()
}

/// The labels of a name in the other order: `com.example.www`.
fn upside_down(domain: &str) -> String {
    domain.rsplit('.').collect::<Vec<_>>().join(".")
}

/// The host, then the names above it.
fn host_and_parents(host: &str) -> impl Iterator<Item = &str> {
    let parents = if is_address(host) { "" } else { host };
    let dots = parents.match_indices('.').map(|(at, _)| &parents[at + 1..]);
    std::iter::once(host).chain(dots.filter(|parent| !parent.is_empty()))
}

#[cfg(test)]
mod tests;
