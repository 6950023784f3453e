//! [`Server`]: answers for the web, with faults that pass, and remembers what it was asked.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use sqrawl::fetch::{Fetcher, Reservation};
use sqrawl::model::{Exchange, ExchangeEnd, FailureKind, FetchRequest, Header};

use super::super::clock::Chance;
use super::lives::Fate;
use super::time::{Lane, Timeline};
use super::web::{Answer, Web, host_of};

/// A fault that is gone when the URL is asked again.
#[derive(Clone, Copy, Debug)]
pub enum Passing {
    /// Nothing comes until the time is over.
    Hang,
    /// Reset before a word was said.
    Reset,
    /// The name does not resolve.
    NoName,
    /// The head comes, the body breaks off.
    Truncated,
    Status(u16),
    /// A status with `Retry-After` in seconds, or without.
    Later(u16, Option<u64>),
}

impl Passing {
    /// Whether the whole host is held to be in trouble.
    fn is_of_host(self) -> bool {
        !matches!(self, Passing::Truncated | Passing::Status(_))
    }
}

/// Passing faults of one URL: at its n-th request over all lives. Fewer than the tries it has, and
/// fewer of a host than make it a dead one, so that they change nothing about where the crawl ends.
type Faults = BTreeMap<String, BTreeMap<u32, Passing>>;

/// Requests among which a URL's faults lie.
const EARLY_REQUESTS: u64 = 3;
/// Faults of one host that count against it as a whole. A silent page adds three, eight make it dead.
const MOST_OF_HOST: u32 = 3;

fn faults(web: &Web, chance: &mut Chance) -> Faults {
    let mut faults = Faults::new();
    let mut of_host: HashMap<&str, u32> = HashMap::new();
    let often = [0, 10, 30, 60][chance.below(4) as usize];
    for url in web.urls() {
        let is_robots = url.ends_with("/robots.txt");
        // What a robots.txt is redirected to would add its faults to those of the file itself.
        let is_target = url.contains("/rules");
        if is_target || !chance.percent(often) {
            continue;
        }
        for _ in 0..1 + chance.below(2) {
            let mut fault = passing(chance, web.shares_robots);
            let count = of_host.entry(host_of(url)).or_default();
            if fault.is_of_host() && *count >= MOST_OF_HOST {
                fault = Passing::Status(503);
            }
            *count += u32::from(fault.is_of_host());
            let nth = chance.below(if is_robots { 2 } else { EARLY_REQUESTS }) as u32;
            faults.entry(url.to_owned()).or_default().insert(nth, fault);
        }
    }
    faults
}

fn passing(chance: &mut Chance, short: bool) -> Passing {
    let seconds = if short { 1 + chance.below(9) } else { 1 + chance.below(300) };
    match chance.below(9) {
        0 => Passing::Hang,
        1 => Passing::Reset,
        2 => Passing::NoName,
        3 | 4 => Passing::Truncated,
        5 | 6 => Passing::Status([500, 502, 503, 504][chance.below(4) as usize]),
        7 => Passing::Later(429, chance.percent(70).then_some(seconds)),
        _ => Passing::Later(503, Some(seconds)),
    }
}

/// One request as the web saw it. Times are true ones.
#[derive(Clone, Debug)]
pub struct Asked {
    pub url: String,
    pub life: usize,
    pub start: u64,
    /// When it was answered, or cut off.
    pub end: u64,
    pub answered: bool,
    /// The machine's clock at its start: tells the row that it became.
    pub wall: i64,
    /// From when on the host may be asked again, if it said so.
    pub later: Option<u64>,
    /// Whether it failed for a reason that passes.
    pub passing: bool,
}

impl Asked {
    pub fn is_robots(&self) -> bool {
        self.url.ends_with("/robots.txt") || self.url.contains("/rules")
    }
}

pub struct Server {
    web: Arc<Web>,
    time: Arc<Timeline>,
    faults: Faults,
    latency: u64,
    times: Mutex<HashMap<String, u32>>,
    log: Mutex<Vec<Asked>>,
    fate: Mutex<Option<Arc<Fate>>>,
}

/// Ends the entry of a request whose crawler goes away meanwhile.
struct UnderWay<'a> {
    server: &'a Server,
    entry: usize,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        let now = self.server.time.now();
        let entry = &mut self.server.log.lock().unwrap()[self.entry];
        if !entry.answered {
            entry.end = now;
        }
    }
}

impl Server {
    /// `chance`: which faults there are; `None`: none.
    pub fn new(web: Arc<Web>, time: Arc<Timeline>, chance: Option<&mut Chance>) -> Self {
        let latency = chance.as_ref().map_or(20, |_| 300);
        let faults = chance.map(|chance| faults(&web, chance)).unwrap_or_default();
        Server { web, time, faults, latency, times: Mutex::default(), log: Mutex::default(), fate: Mutex::default() }
    }

    pub fn begin(&self, fate: Arc<Fate>) {
        *self.fate.lock().unwrap() = Some(fate);
    }

    pub fn log(&self) -> Vec<Asked> {
        self.log.lock().unwrap().clone()
    }

    /// The faults that were met.
    pub fn met(&self) -> usize {
        self.log.lock().unwrap().iter().filter(|asked| asked.passing).count()
    }

    fn reply(&self, url: &str, fault: Option<Passing>, end: u64) -> Reply {
        if let Some(fault) = fault {
            return match fault {
                Passing::Hang => Reply::failed(FailureKind::Timeout),
                Passing::Reset => Reply::failed(FailureKind::Connect),
                Passing::NoName => Reply::failed(FailureKind::Dns),
                Passing::Truncated => Reply { status: Some(200), ..Reply::failed(FailureKind::Protocol) },
                Passing::Status(status) => Reply::status(status),
                Passing::Later(status, None) => Reply::status(status),
                Passing::Later(status, Some(seconds)) => {
                    let reply = Reply { later: Some(end + seconds * 1000), ..Reply::status(status) };
                    reply.header("retry-after", &seconds.to_string())
                }
            };
        }
        let text = |mime: &str, body: String| Reply { body, ..Reply::status(200) }.header("content-type", mime);
        let page = self.web.page_of(url).map(|(body, _)| body).unwrap_or_default();
        match self.web.answer(url) {
            Answer::Page(_) | Answer::CopyOf(_) | Answer::Blank => text("text/html; charset=utf-8", page),
            Answer::Plain => text("text/plain; charset=utf-8", page),
            Answer::Sitemap { .. } => text("application/xml", page),
            Answer::Robots(rules) => text("text/plain", rules),
            Answer::Status(status) => Reply::status(status),
            Answer::Moved(status, to) => Reply::status(status).header("location", &to),
            Answer::Silent => Reply::failed(FailureKind::Timeout),
            Answer::Untrusted => Reply::failed(FailureKind::Tls),
            Answer::Refused => Reply::failed(FailureKind::Connect),
            Answer::Unknown => Reply::failed(FailureKind::Dns),
        }
    }
}

/// What is sent back.
struct Reply {
    status: Option<u16>,
    headers: Vec<Header>,
    body: String,
    failure: Option<FailureKind>,
    later: Option<u64>,
}

impl Reply {
    fn status(status: u16) -> Self {
        Reply { status: Some(status), headers: Vec::new(), body: String::new(), failure: None, later: None }
    }

    fn failed(kind: FailureKind) -> Self {
        Reply { status: None, failure: Some(kind), ..Self::status(0) }
    }

    fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push(Header { name: name.to_owned(), value: value.to_owned() });
        self
    }
}

/// FNV-1a (Fowler, Noll, Vo).
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

impl Fetcher for Server {
    async fn fetch(&self, request: FetchRequest, reservation: &mut Reservation) -> Exchange {
        let url = request.url.as_str().to_owned();
        let fate = self.fate.lock().unwrap().clone().expect("a life");
        let nth = {
            let mut times = self.times.lock().unwrap();
            let times = times.entry(url.clone()).or_default();
            *times += 1;
            *times - 1
        };
        let fault = self.faults.get(&url).and_then(|faults| faults.get(&nth)).copied();
        let (start, wall) = (self.time.now(), self.time.wall());
        let entry = {
            let mut log = self.log.lock().unwrap();
            let (url, passing) = (url.clone(), fault.is_some());
            log.push(Asked { url, life: fate.life, start, end: start, answered: false, wall, later: None, passing });
            log.len() - 1
        };
        let under_way = UnderWay { server: self, entry };
        fate.request_starts().await;
        let hangs = self.reply(&url, fault, 0).failure == Some(FailureKind::Timeout);
        let latency = match hangs {
            true => 30_000,
            false => 2 + Chance::new(hash(&url) ^ u64::from(nth)).below(self.latency),
        };
        self.time.sleep(latency, Lane::Request).await;
        let end = self.time.now();
        let reply = self.reply(&url, fault, end);
        {
            let mut log = self.log.lock().unwrap();
            (log[entry].end, log[entry].answered, log[entry].later) = (end, true, reply.later);
        }
        drop(under_way);
        fate.request_ends().await;
        reservation.cover(reply.body.len() as u64).await;
        Exchange {
            started_ms: wall,
            elapsed_ms: end - start,
            status: reply.status,
            headers: reply.headers,
            wire_bytes: reply.body.len() as u64,
            end: match reply.failure {
                Some(kind) => ExchangeEnd::Failed { kind, detail: format!("simulated {kind:?}") },
                None => ExchangeEnd::Complete { body: reply.body.into_bytes(), truncated: false },
            },
            address: None,
        }
    }
}
