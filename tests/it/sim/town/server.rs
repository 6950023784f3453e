//! [`TownServer`]: what the town answers, and the log of everything it was asked.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Mutex;
use std::time::Duration;

use sqrawl::fetch::{Fetcher, Reservation};
use sqrawl::model::{CrawlUrl, Exchange, ExchangeEnd, FailureKind, FetchRequest, Header};

use super::super::clock::{Chance, DAWN_MS};
use super::{Outage, PageAnswer, RobotsManner, Town, TownHost, hash, host_of};

/// What a robots.txt request came to for the origin that it was made for.
#[derive(Clone, Debug, PartialEq)]
pub enum RobotsAnswer {
    /// It forbids `/private/`.
    Rules,
    Absent,
    Unavailable,
    /// To be asked for elsewhere.
    Redirect,
}

/// One request as the town saw it. Times are ms since the town began.
#[derive(Clone, Debug)]
pub struct Asked {
    pub host: usize,
    pub url: String,
    pub start: u64,
    /// When it was answered, or cut off because the crawler died.
    pub end: u64,
    pub answered: bool,
    pub status: Option<u16>,
    pub failure: Option<FailureKind>,
    /// From when on the host may be asked again, if it said so.
    pub later: Option<u64>,
    /// The origin whose robots.txt this was, and what it came to.
    pub robots: Option<(String, RobotsAnswer)>,
}

/// What is sent back.
struct Answer {
    status: Option<u16>,
    headers: Vec<Header>,
    body: String,
    failure: Option<FailureKind>,
    later: Option<u64>,
    robots: Option<(String, RobotsAnswer)>,
}

impl Answer {
    fn status(status: u16) -> Self {
        Answer {
            status: Some(status),
            headers: Vec::new(),
            body: String::new(),
            failure: None,
            later: None,
            robots: None,
        }
    }

    fn failure(kind: FailureKind) -> Self {
        Answer { status: None, failure: Some(kind), ..Self::status(0) }
    }

    fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push(Header { name: name.to_owned(), value: value.into() });
        self
    }
}

/// Answers for the town, and remembers.
pub struct TownServer {
    pub town: Town,
    start: tokio::time::Instant,
    log: Mutex<Vec<Asked>>,
    times: Mutex<HashMap<String, u32>>,
    /// When processes were killed.
    deaths: Mutex<Vec<u64>>,
    /// When processes began.
    births: Mutex<Vec<u64>>,
}

/// Ends the entry of a request whose crawler dies while it waits.
struct UnderWay<'a> {
    server: &'a TownServer,
    entry: usize,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        let now = self.server.now();
        let mut log = self.server.log.lock().unwrap();
        if !log[self.entry].answered {
            log[self.entry].end = now;
        }
    }
}

impl TownServer {
    pub fn new(town: Town) -> Self {
        TownServer {
            town,
            start: tokio::time::Instant::now(),
            log: Mutex::default(),
            times: Mutex::default(),
            deaths: Mutex::default(),
            births: Mutex::default(),
        }
    }

    pub fn now(&self) -> u64 {
        self.start.elapsed().as_millis() as u64
    }

    pub fn process_starts(&self) {
        self.births.lock().unwrap().push(self.now());
    }

    pub fn process_is_killed(&self) {
        self.deaths.lock().unwrap().push(self.now());
    }

    pub fn births(&self) -> Vec<u64> {
        self.births.lock().unwrap().clone()
    }

    pub fn deaths(&self) -> Vec<u64> {
        self.deaths.lock().unwrap().clone()
    }

    /// Everything that was asked, in the order of its start.
    pub fn log(&self) -> Vec<Asked> {
        self.log.lock().unwrap().clone()
    }

    fn answer(&self, url: &str, at: u64, end: u64) -> Answer {
        let Some((_, host)) = host_of(url).and_then(|name| self.town.host(name)) else {
            return Answer::failure(FailureKind::Dns);
        };
        if let Some((_, kind)) = host.gone.as_ref().filter(|(when, _)| when.contains(&at)) {
            let mut answer = Answer::failure(*kind);
            answer.robots = robots_origin(url).map(|origin| (origin, RobotsAnswer::Unavailable));
            return answer;
        }
        match robots_origin(url) {
            Some(origin) => self.robots(host, url, origin, at, end),
            None => self.page(host, url, end),
        }
    }

    fn robots(&self, host: &TownHost, url: &str, origin: String, at: u64, end: u64) -> Answer {
        let owner = host_of(&origin).and_then(|name| self.town.host(name)).map_or(host, |(_, owner)| owner);
        let hop: u32 = url.rsplit_once("?hop=").and_then(|(_, n)| n.parse().ok()).unwrap_or(0);
        if let Some((_, outage)) = owner.robots_outage.as_ref().filter(|(when, _)| when.contains(&at)) {
            let mut answer = match outage {
                Outage::ServerError => Answer::status(500),
                Outage::Silence => Answer::failure(FailureKind::Timeout),
                Outage::Unavailable(seconds) => later(503, *seconds, end),
            };
            answer.robots = Some((origin, RobotsAnswer::Unavailable));
            return answer;
        }
        let redirect = |to: String| {
            // RFC 9309: what is not found within five redirects counts as missing.
            let found = if hop >= 5 { RobotsAnswer::Absent } else { RobotsAnswer::Redirect };
            Answer { robots: Some((origin.clone(), found)), ..Answer::status(302).header("location", to) }
        };
        let file = |server: &str| format!("{server}/robots-of/{}?hop={}", origin.replace("://", "/"), hop + 1);
        let own = url[..url.find("://").unwrap_or(0) + 3].to_owned() + url.split('/').nth(2).unwrap_or_default();
        match &owner.robots {
            RobotsManner::Missing => Answer { robots: Some((origin, RobotsAnswer::Absent)), ..Answer::status(404) },
            RobotsManner::Nowhere => {
                let robots = Some((origin, RobotsAnswer::Absent));
                Answer { robots, ..Answer::status(301).header("location", "ftp://elsewhere.test/robots.txt") }
            }
            RobotsManner::Moved(hops) if hop < *hops => redirect(file(&own)),
            RobotsManner::Elsewhere(other) if hop == 0 => redirect(file(&self.town.hosts[*other].origins[0])),
            _ => {
                let delay = owner.crawl_delay_ms.map(|ms| format!("Crawl-delay: {}\n", ms as f64 / 1000.0));
                let body = format!("User-agent: *\nDisallow: /private/\n{}", delay.unwrap_or_default());
                Answer { body, robots: Some((origin, RobotsAnswer::Rules)), ..Answer::status(200) }
            }
        }
    }

    fn page(&self, host: &TownHost, url: &str, end: u64) -> Answer {
        let times = self.times.lock().unwrap().get(url).copied().unwrap_or(0);
        match self.town.page(host, url, times) {
            PageAnswer::Fine => {
                let origin =
                    host.origins.iter().rev().find(|origin| url.starts_with(*origin)).unwrap_or(&host.origins[0]);
                let links = self.town.links(origin, url);
                let links: String = links.iter().map(|to| format!("<a href=\"{to}\">to</a>\n")).collect();
                let html = Answer::status(200).header("content-type", "text/html; charset=utf-8");
                Answer { body: format!("<title>{url}</title><p>This is {url}</p>{links}"), ..html }
            }
            PageAnswer::Missing => Answer::status(404),
            PageAnswer::ServerError => Answer::status(500),
            PageAnswer::Overloaded => Answer::status(503),
            PageAnswer::TooMany => Answer::status(429),
            PageAnswer::Later(status, seconds) => later(status, seconds, end),
            PageAnswer::LaterDate(status, seconds) => {
                let at = (DAWN_MS as u64 + end + seconds * 1000) / 1000;
                let date = httpdate::fmt_http_date(std::time::UNIX_EPOCH + Duration::from_secs(at));
                let until = (at * 1000).saturating_sub(DAWN_MS as u64);
                Answer { later: Some(until), ..Answer::status(status).header("retry-after", date) }
            }
            PageAnswer::Redirect(to, None) => Answer::status(302).header("location", to),
            PageAnswer::Redirect(to, Some(seconds)) => {
                // It is about one redirect: a minute of it holds for the host.
                let answer = later(307, seconds, end).header("location", to);
                Answer { later: Some(end + seconds.min(60) * 1000), ..answer }
            }
            PageAnswer::Broken(kind) => {
                Answer { status: (kind == FailureKind::Protocol).then_some(200), ..Answer::failure(kind) }
            }
        }
    }

    fn latency(&self, host: Option<&TownHost>, url: &str, at: u64) -> u64 {
        let Some(host) = host else { return 5 };
        let mut chance = Chance::new(hash(url) ^ at);
        let usual = host.latency_ms / 2 + chance.below(host.latency_ms);
        let slow = host.slow.as_ref().is_some_and(|when| when.contains(&at));
        5 + if slow { usual * 10 } else { usual }
    }
}

fn later(status: u16, seconds: u64, end: u64) -> Answer {
    Answer { later: Some(end + seconds * 1000), ..Answer::status(status).header("retry-after", seconds.to_string()) }
}

/// The origin whose robots.txt a URL stands for.
fn robots_origin(url: &str) -> Option<String> {
    if let Some(origin) = url.strip_suffix("/robots.txt") {
        return Some(origin.to_owned());
    }
    let rest = url.split_once("/robots-of/")?.1.split('?').next()?;
    let (scheme, host) = rest.split_once('/')?;
    Some(format!("{scheme}://{host}"))
}

impl Fetcher for TownServer {
    async fn fetch(&self, request: FetchRequest, reservation: &mut Reservation) -> Exchange {
        let url = request.url.as_str().to_owned();
        let at = self.now();
        let host = host_of(&url).and_then(|name| self.town.host(name));
        let mut latency = self.latency(host.map(|(_, host)| host), &url, at);
        let mut answer = self.answer(&url, at, at + latency);
        if answer.failure == Some(FailureKind::Timeout) {
            latency = 30_000;
            answer = self.answer(&url, at, at + latency);
        }
        *self.times.lock().unwrap().entry(url.clone()).or_insert(0) += 1;
        let asked = Asked {
            host: host.map_or(usize::MAX, |(n, _)| n),
            url,
            start: at,
            end: u64::MAX,
            answered: false,
            status: answer.status,
            failure: answer.failure,
            later: answer.later,
            robots: answer.robots,
        };
        let entry = {
            let mut log = self.log.lock().unwrap();
            log.push(asked);
            log.len() - 1
        };
        let under_way = UnderWay { server: self, entry };
        tokio::time::sleep(Duration::from_millis(latency)).await;
        {
            let mut log = self.log.lock().unwrap();
            log[entry].end = self.now();
            log[entry].answered = true;
        }
        drop(under_way);
        reservation.cover(answer.body.len() as u64).await;
        let connected = !matches!(answer.failure, Some(FailureKind::Dns | FailureKind::Connect));
        Exchange {
            started_ms: DAWN_MS + at as i64,
            elapsed_ms: latency,
            status: answer.status,
            headers: answer.headers,
            wire_bytes: answer.body.len() as u64,
            end: match answer.failure {
                Some(kind) => ExchangeEnd::Failed { kind, detail: format!("simulated {kind:?}") },
                None => ExchangeEnd::Complete { body: answer.body.into_bytes(), truncated: false },
            },
            address: host.filter(|_| connected).map(|(_, host)| host.address),
        }
    }

    async fn address_of(&self, url: &CrawlUrl) -> Option<IpAddr> {
        self.town.host(url.host_str()).map(|(_, host)| host.address)
    }
}
