//! [`Town`]: a web of many hosts, made to be asked politely. Every host has an address that it may
//! share, a robots.txt that may be slow, gone, elsewhere or broken for a while, pages that may fail
//! in every way that concerns manners, and times at which it is not there at all.
//!
//! - [`TownPlan`] says how large a town is and what may happen in it; [`Town`] is one, made of a seed.
//! - `server`: [`TownServer`] answers for it and remembers every request.
//! - `judge`: [`judge`] finds each request that a polite crawler would not have made.

mod judge;
mod server;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use sqrawl::model::FailureKind;

use super::clock::Chance;

pub use judge::{Findings, judge};
pub use server::TownServer;

/// What kind of town.
#[derive(Clone, Copy, Debug)]
pub struct TownPlan {
    pub hosts: u64,
    /// How long things happen, in ms of virtual time.
    pub lasts_ms: u64,
    /// Faults, `Retry-After`, `Crawl-delay`, outages; without them everything works at once.
    pub troubled: bool,
    /// Every host has three origins.
    pub many_origins: bool,
    /// Most pages of an origin.
    pub most_pages: u64,
}

/// A stretch of virtual time, in ms.
pub type Stretch = std::ops::Range<u64>;

/// How an origin's robots.txt comes.
#[derive(Clone, Debug, PartialEq)]
pub enum RobotsManner {
    Here,
    Missing,
    /// Another path of the same host, by so many redirects.
    Moved(u32),
    /// Another host has it.
    Elsewhere(usize),
    /// A redirect to what is no http URL.
    Nowhere,
}

/// What goes wrong with robots.txt for a while.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Outage {
    ServerError,
    /// 503 with `Retry-After` in seconds.
    Unavailable(u64),
    Silence,
}

#[derive(Clone, Debug)]
pub struct TownHost {
    pub name: String,
    pub address: IpAddr,
    pub origins: Vec<String>,
    pub robots: RobotsManner,
    pub robots_outage: Option<(Stretch, Outage)>,
    pub crawl_delay_ms: Option<u64>,
    pub pages: u64,
    /// Usual time of an answer.
    pub latency_ms: u64,
    /// Answers take ten times as long.
    pub slow: Option<Stretch>,
    /// Nobody is there: refused, or the name does not resolve.
    pub gone: Option<(Stretch, FailureKind)>,
    /// Of a hundred answers so many are faults.
    pub faults: u64,
}

/// What one page answers.
#[derive(Clone, Debug, PartialEq)]
pub enum PageAnswer {
    Fine,
    Missing,
    ServerError,
    /// 503 without more.
    Overloaded,
    /// 429 without more.
    TooMany,
    /// (status, seconds): `Retry-After` in seconds.
    Later(u16, u64),
    /// (status, seconds): `Retry-After` as a date so far ahead.
    LaterDate(u16, u64),
    /// To another page, with `Retry-After` where some are given.
    Redirect(String, Option<u64>),
    Broken(FailureKind),
}

pub struct Town {
    pub plan: TownPlan,
    pub hosts: Vec<TownHost>,
    by_name: BTreeMap<String, usize>,
    seed: u64,
}

impl Town {
    pub fn new(seed: u64, plan: TownPlan) -> Self {
        let mut chance = Chance::new(seed);
        let hosts: Vec<TownHost> = (0..plan.hosts).map(|n| host(n, plan, &mut chance)).collect();
        let by_name = hosts.iter().enumerate().map(|(n, host)| (host.name.clone(), n)).collect();
        Town { plan, hosts, by_name, seed }
    }

    pub fn host(&self, name: &str) -> Option<(usize, &TownHost)> {
        self.by_name.get(name).map(|&n| (n, &self.hosts[n]))
    }

    /// One page of every origin.
    pub fn seeds(&self) -> Vec<String> {
        self.hosts.iter().flat_map(|host| &host.origins).map(|origin| format!("{origin}/p0")).collect()
    }

    /// What this one request for a page gets. `times`: how often it was asked before.
    pub fn page(&self, host: &TownHost, url: &str, times: u32) -> PageAnswer {
        let mut chance = Chance::new(hash(url) ^ self.seed ^ (u64::from(times) << 40));
        if !chance.percent(host.faults) {
            return self.sound_page(url);
        }
        // What lasts for a minute may happen often, what lasts longer not.
        let seconds = if chance.percent(90) { 1 + chance.below(20) } else { 30 + chance.below(300) };
        match chance.below(20) {
            0..3 => PageAnswer::ServerError,
            3..5 => PageAnswer::Overloaded,
            5 => PageAnswer::TooMany,
            6..8 => PageAnswer::Later(429, seconds),
            8..10 => PageAnswer::Later(503, seconds),
            10 => PageAnswer::Later(500, seconds),
            11 => PageAnswer::LaterDate(503, seconds),
            12 => PageAnswer::LaterDate(429, seconds),
            13 => PageAnswer::Redirect(format!("{}?moved", url.split('?').next().unwrap_or(url)), Some(seconds)),
            14 => PageAnswer::Broken(FailureKind::Timeout),
            15..17 => PageAnswer::Broken(FailureKind::Connect),
            17 => PageAnswer::Broken(FailureKind::Protocol),
            18 => PageAnswer::Missing,
            _ => PageAnswer::Broken(FailureKind::Dns),
        }
    }

    fn sound_page(&self, url: &str) -> PageAnswer {
        let mut chance = Chance::new(hash(url) ^ self.seed);
        match chance.below(100) {
            0..4 if !url.ends_with("/p0") => PageAnswer::Redirect(self.any_page(&mut chance), None),
            4..7 if !url.ends_with("/p0") => PageAnswer::Missing,
            _ => PageAnswer::Fine,
        }
    }

    /// What a page links to: the next of its own, one somewhere else, one that robots.txt forbids.
    pub fn links(&self, origin: &str, url: &str) -> Vec<String> {
        let mut chance = Chance::new(hash(url) ^ self.seed ^ 1);
        let Some((_, host)) = host_of(url).and_then(|name| self.host(name)) else { return Vec::new() };
        let mut links: Vec<String> = (0..4).map(|_| format!("{origin}/p{}", chance.below(host.pages))).collect();
        links.push(self.any_page(&mut chance));
        links.push(format!("{origin}/private/p{}", chance.below(3)));
        links
    }

    fn any_page(&self, chance: &mut Chance) -> String {
        let host = &self.hosts[chance.below(self.plan.hosts) as usize];
        let origin = &host.origins[chance.below(host.origins.len() as u64) as usize];
        format!("{origin}/p{}", chance.below(host.pages))
    }
}

fn host(n: u64, plan: TownPlan, chance: &mut Chance) -> TownHost {
    let name = format!("h{n}.test");
    let scheme = if chance.percent(50) { "https" } else { "http" };
    let origins = match plan.many_origins {
        true => vec![format!("http://{name}"), format!("https://{name}"), format!("http://{name}:8080")],
        false => vec![format!("{scheme}://{name}")],
    };
    // A third of the hosts stand on two crowded servers, the others on servers of a few.
    let server = if chance.percent(33) { chance.below(2) } else { 2 + chance.below(plan.hosts / 2 + 1) };
    let address = IpAddr::V4(Ipv4Addr::from(0xc633_6400 + server as u32));
    let other = chance.below(plan.hosts) as usize;
    let robots = match chance.below(20) {
        0..3 => RobotsManner::Missing,
        3..5 => RobotsManner::Moved(1 + chance.below(4) as u32),
        5 => RobotsManner::Moved(9),
        6..10 => RobotsManner::Elsewhere(other),
        10 => RobotsManner::Elsewhere(0),
        11 => RobotsManner::Nowhere,
        _ => RobotsManner::Here,
    };
    let lasts = plan.lasts_ms;
    let stretch = |chance: &mut Chance, most: u64| {
        let from = chance.below(lasts);
        from..from + 10_000 + chance.below(most)
    };
    let troubled = |chance: &mut Chance, percent: u64| plan.troubled && chance.percent(percent);
    let robots_outage = troubled(chance, 15).then(|| {
        let outage = match chance.below(3) {
            0 => Outage::ServerError,
            1 => Outage::Unavailable(1 + chance.below(90)),
            _ => Outage::Silence,
        };
        // Most begin before the crawl, so that no copy is known.
        let at = if chance.percent(70) { 0..20_000 + chance.below(lasts / 4) } else { stretch(chance, lasts / 4) };
        (at, outage)
    });
    let most_latency = if troubled(chance, 10) { 3_000 } else { 300 };
    TownHost {
        crawl_delay_ms: troubled(chance, 12).then(|| [1_500, 2_000, 5_000, 12_000, 30_000][chance.below(5) as usize]),
        pages: 3 + chance.below(plan.most_pages),
        latency_ms: 15 + chance.below(most_latency),
        slow: troubled(chance, 15).then(|| stretch(chance, lasts / 3)),
        gone: troubled(chance, 6).then(|| {
            let kind = if chance.percent(60) { FailureKind::Connect } else { FailureKind::Dns };
            (stretch(chance, lasts / 3), kind)
        }),
        faults: if plan.troubled { [0, 2, 5, 5, 10, 30][chance.below(6) as usize] } else { 0 },
        name,
        address,
        origins,
        robots,
        robots_outage,
    }
}

/// The host in a URL.
pub fn host_of(url: &str) -> Option<&str> {
    let rest = url.split_once("://")?.1;
    rest.split(['/', ':']).next()
}

/// FNV-1a: the same everywhere.
pub fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}
