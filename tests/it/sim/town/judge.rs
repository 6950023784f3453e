//! [`judge`]: what the servers of a town have to say about the crawler's manners. It knows the
//! rules and the requests, nothing of the crawler.
//!
//! A process that is killed takes with it what it was told and had not yet written: half a second
//! of answers. What was learned so late is not held against its successor.

use std::collections::{BTreeMap, HashMap};

use sqrawl::model::{CrawlSettings, Exchange, ExchangeEnd, FailureKind, Host, Pace};
use sqrawl::politeness::pace;

use super::server::{Asked, RobotsAnswer, TownServer};

/// How long an answer may wait for its commit, in ms.
const UNWRITTEN_MS: u64 = 600;

/// What was found.
#[derive(Debug, Default)]
pub struct Findings {
    /// Requests that break a rule, in words.
    pub breaches: Vec<String>,
    /// How often each rule had something to say.
    pub checked: BTreeMap<&'static str, u64>,
    /// Most requests at a time: in all, and to one address.
    pub most_in_flight: (usize, usize),
    /// Requests for the robots.txt of each origin, those of redirects left out.
    pub robots_asked: BTreeMap<String, u64>,
}

impl Findings {
    fn check(&mut self, rule: &'static str, kept: bool, what: impl FnOnce() -> String) {
        *self.checked.entry(rule).or_default() += 1;
        if !kept {
            self.breaches.push(format!("{rule}: {}", what()));
        }
    }
}

/// When the crawler died.
struct Deaths(Vec<u64>);

impl Deaths {
    /// Whether what was said at `said` may be forgotten at `now`.
    fn forgave(&self, said: u64, now: u64) -> bool {
        self.0.iter().any(|death| (said..=said + UNWRITTEN_MS).contains(death) && *death <= now)
    }
}

/// What a host knows of the crawler so far.
#[derive(Default)]
struct Known {
    last: Option<Asked>,
    /// (said at, not before)
    later: Vec<(u64, u64)>,
    /// Of this life of the crawler; those before may have died unwritten.
    life: usize,
    failures: u32,
    /// What the crawler may have known of the host's pace at its birth: nothing, or the best.
    paces: [Pace; 2],
}

const BEST: Pace = Pace { response_ms: Some(0), strain: 0 };

/// Judges everything the town was asked.
pub fn judge(server: &TownServer, settings: &CrawlSettings) -> Findings {
    let (log, births, deaths) = (server.log(), server.births(), Deaths(server.deaths()));
    let mut findings = Findings::default();
    let mut robots: HashMap<&str, Vec<(u64, &RobotsAnswer)>> = HashMap::new();
    for asked in log.iter().filter(|asked| asked.answered) {
        if let Some((origin, answer @ (RobotsAnswer::Rules | RobotsAnswer::Absent))) = &asked.robots {
            robots.entry(origin).or_default().push((asked.end, answer));
        }
    }
    let mut hosts: HashMap<usize, Known> = HashMap::new();
    for asked in &log {
        let Some(host) = server.town.hosts.get(asked.host) else { continue };
        // What was said may be known; it must be unless the process that heard it died too soon.
        let said = |origin: &str| {
            robots.get(origin).into_iter().flatten().rev().find(|(at, _)| *at <= asked.start).map(|(_, answer)| *answer)
        };
        let must_know_rules =
            host.origins.iter().filter_map(|origin| robots.get(origin.as_str())).flatten().any(|(at, answer)| {
                **answer == RobotsAnswer::Rules && *at <= asked.start && !deaths.forgave(*at, asked.start)
            });
        let crawl_delay = host.crawl_delay_ms.filter(|_| must_know_rules);
        let known = hosts.entry(asked.host).or_default();
        let life = births.iter().filter(|birth| **birth <= asked.start).count();
        if known.life != life {
            (known.life, known.failures, known.paces) = (life, 0, [Pace::default(), BEST]);
        }
        judge_wait(&mut findings, settings, &host.name, crawl_delay, known, asked, &deaths);
        match &asked.robots {
            Some((origin, _)) if asked.url.ends_with("/robots.txt") => {
                *findings.robots_asked.entry(origin.clone()).or_default() += 1;
            }
            Some(_) => {}
            None => {
                let origin = host.origins.iter().find(|origin| asked.url.starts_with(&format!("{origin}/")));
                let answer = origin.and_then(|origin| said(origin));
                findings.check("robots.txt first", answer.is_some(), || asked.url.clone());
                let forbidden = answer == Some(&RobotsAnswer::Rules) && asked.url.contains("/private/");
                findings.check("robots.txt obeyed", !forbidden, || asked.url.clone());
            }
        }
        known.learn(asked);
    }
    judge_crowds(&mut findings, server, settings, &log);
    findings
}

fn judge_wait(
    findings: &mut Findings,
    settings: &CrawlSettings,
    name: &str,
    crawl_delay: Option<u64>,
    known: &Known,
    asked: &Asked,
    deaths: &Deaths,
) {
    let Some(last) = &known.last else { return };
    let say = |want: u64| {
        let (before, gap) = (&last.url, asked.start as i64 - last.end as i64);
        format!("{} at {}, {gap} ms after {before}; {want} wanted", asked.url, asked.start)
    };
    let one_at_a_time = settings.per_host == 1;
    if one_at_a_time {
        findings.check("one at a time", asked.start >= last.end, || say(0));
    }
    let from = if one_at_a_time { last.end } else { last.start };
    let delay = settings.delay_ms.unwrap_or(1_000);
    findings.check("delay", asked.start >= from + delay, || say(delay));
    if let Some(ms) = crawl_delay {
        findings.check("Crawl-delay", asked.start >= from + ms, || say(ms));
    }
    for (said, until) in &known.later {
        if *said <= asked.start && !deaths.forgave(*said, asked.start) {
            findings.check("Retry-After", asked.start >= *until, || format!("{}; said at {said}", say(until - said)));
        }
    }
    if !one_at_a_time {
        return;
    }
    let wait = backoff(last, known.failures);
    if wait > 0 && !deaths.forgave(last.end, asked.start) {
        findings.check("backoff", asked.start >= last.end + wait, || say(wait));
    }
    let host = Host::new(name);
    let paced = known.paces.map(|pace| pace::paced_delay(settings, &host, crawl_delay, pace).0);
    let least = paced.into_iter().min().unwrap_or(0);
    if least > delay.max(crawl_delay.unwrap_or(0)) {
        findings.check("adaptive pace", asked.start >= last.end + least, || say(least));
    }
}

/// The least wait after so many failures in a row, the last one like this, in ms.
fn backoff(last: &Asked, failures: u32) -> u64 {
    let patience = match (last.failure, last.status) {
        (Some(FailureKind::Dns), _) => 1,
        (Some(FailureKind::Connect | FailureKind::Timeout), None) => 3,
        (None, Some(429)) if last.later.is_none() => 1,
        _ => return 0,
    };
    if failures < patience { 0 } else { (2_000 * 4u64.pow((failures - patience).min(6))).min(3_600_000) * 3 / 4 }
}

impl Known {
    fn learn(&mut self, asked: &Asked) {
        self.later.retain(|(_, until)| *until > asked.start);
        self.last = Some(asked.clone());
        if !asked.answered {
            return;
        }
        self.later.extend(asked.later.map(|until| (asked.end, until)));
        let fails = matches!(
            (asked.failure, asked.status),
            (Some(FailureKind::Dns | FailureKind::Connect | FailureKind::Timeout), None) | (None, Some(429))
        ) || (asked.status == Some(503) && asked.later.is_some());
        self.failures = if fails { self.failures + 1 } else { 0 };
        let exchange = Exchange {
            started_ms: 0,
            elapsed_ms: asked.end - asked.start,
            status: asked.status,
            headers: Vec::new(),
            end: match asked.failure {
                Some(kind) => ExchangeEnd::Failed { kind, detail: String::new() },
                None => ExchangeEnd::Complete { body: Vec::new(), truncated: false },
            },
            wire_bytes: 0,
            address: None,
        };
        self.paces = self.paces.map(|pace| pace::learn(pace, &exchange));
    }
}

/// What concerns all hosts together: addresses, the session's rate and its concurrency.
fn judge_crowds(findings: &mut Findings, server: &TownServer, settings: &CrawlSettings, log: &[Asked]) {
    let mut moments: Vec<(u64, bool, usize)> = Vec::with_capacity(log.len() * 2);
    for (n, asked) in log.iter().enumerate() {
        moments.extend([(asked.start, true, n), (asked.end, false, n)]);
    }
    // What ends at a moment makes room for what begins then.
    moments.sort_unstable();
    let (mut in_flight, mut by_address, mut by_host) = (0usize, HashMap::new(), HashMap::new());
    for (_, begins, n) in moments {
        let asked = &log[n];
        let address = server.town.hosts.get(asked.host).map(|host| host.address);
        let (at_address, at_host) =
            (by_address.entry(address).or_insert(0usize), by_host.entry(asked.host).or_insert(0u32));
        if !begins {
            (in_flight, *at_address, *at_host) = (in_flight - 1, *at_address - 1, *at_host - 1);
            continue;
        }
        (in_flight, *at_address, *at_host) = (in_flight + 1, *at_address + 1, *at_host + 1);
        findings.most_in_flight.0 = findings.most_in_flight.0.max(in_flight);
        findings.check("--concurrency", in_flight <= settings.concurrency as usize, || asked.url.clone());
        findings.check("--per-host", *at_host <= settings.per_host, || format!("{} at {}", asked.url, asked.start));
        if address.is_some() {
            findings.most_in_flight.1 = findings.most_in_flight.1.max(*at_address);
            if let Some(most) = settings.per_ip {
                findings
                    .check("--per-ip", *at_address <= most as usize, || format!("{} at {}", asked.url, asked.start));
            }
        }
    }
    let Some(rate) = settings.rate_per_second else { return };
    for pair in log.windows(2) {
        let gap = pair[1].start - pair[0].start;
        findings.check("--rate", gap as f64 >= (1000.0 / rate).floor(), || format!("{} after {gap} ms", pair[1].url));
    }
}
