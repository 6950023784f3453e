//! [`Web`]: a generated web with faults, what it answers ([`SimFetcher`]), what a perfect crawl of
//! it ends with ([`Web::oracle`]), and the log by which the crawler's manners are judged.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Mutex;
use std::time::Duration;

use sqrawl::fetch::{Fetcher, Reservation};
use sqrawl::model::{CrawlSettings, Exchange, ExchangeEnd, FailureKind, FetchRequest, Header};

use super::clock::Chance;

/// How a page of the simulated web behaves.
#[derive(Clone, Debug, PartialEq)]
enum Manner {
    Fine,
    /// A page without any text, as single-page applications serve it.
    Bare,
    /// A page without any byte.
    Blank,
    NotFound,
    /// Redirects to this URL.
    Moved(String),
    /// Answers 503 this often before it answers.
    Flaky(u32),
    /// 429 with `Retry-After: 9` this often before it answers.
    Limited(u32),
    /// Never answers.
    Silent,
}

/// How a host's robots.txt behaves.
#[derive(Clone, Debug, PartialEq)]
enum Robots {
    Missing,
    /// Disallows `/private/`.
    Private,
    /// Disallows `/private/`, and asks for a delay of three seconds.
    Slow,
    /// Answers 500 once, then as `Private`.
    Fickle,
    /// Lives at another path.
    Moved,
    /// Lives on the first host.
    Elsewhere,
    /// The host refuses every connection.
    Dead,
}

#[derive(Clone, Debug)]
struct SimHost {
    robots: Robots,
    is_seed: bool,
}

#[derive(Clone, Debug)]
struct SimPage {
    manner: Manner,
    links: Vec<String>,
}

/// The whole web.
pub struct Web {
    hosts: BTreeMap<String, SimHost>,
    pages: BTreeMap<String, SimPage>,
}

impl Web {
    pub fn new(seed: u64) -> Self {
        let mut chance = Chance::new(seed);
        let hosts: BTreeMap<String, SimHost> = (0..3 + chance.below(5))
            .map(|n| {
                let robots = match chance.below(14) {
                    _ if n == 0 => Robots::Private,
                    0..3 => Robots::Missing,
                    3..6 => Robots::Private,
                    6..8 => Robots::Slow,
                    8..10 => Robots::Fickle,
                    10 => Robots::Moved,
                    11..13 => Robots::Elsewhere,
                    _ => Robots::Dead,
                };
                (format!("host{n}.test"), SimHost { robots, is_seed: n == 0 || chance.percent(70) })
            })
            .collect();
        let urls = page_urls(&hosts, &mut chance);
        let pages = urls.iter().map(|url| (url.clone(), page(url, &urls, &mut chance))).collect();
        Web { hosts, pages }
    }

    pub fn seeds(&self) -> Vec<String> {
        self.hosts.iter().filter(|(_, host)| host.is_seed).map(|(name, _)| format!("http://{name}/")).collect()
    }

    /// What every URL of a perfect crawl ends as: (state, outcome), the outcome empty when it was
    /// never visited.
    pub fn oracle(&self, settings: &CrawlSettings) -> BTreeMap<String, (String, String)> {
        let mut ends = BTreeMap::new();
        let mut open: Vec<String> = self.seeds();
        while let Some(url) = open.pop() {
            if ends.contains_key(&url) {
                continue;
            }
            let (state, outcome, next) = self.end_of(&url, settings);
            ends.insert(url, (state.to_owned(), outcome.to_owned()));
            open.extend(next);
        }
        ends
    }

    fn end_of(&self, url: &str, settings: &CrawlSettings) -> (&'static str, &'static str, Vec<String>) {
        let (host, path) = split(url);
        let Some(host) = self.hosts.get(host).filter(|host| host.is_seed) else {
            return ("excluded", "", Vec::new());
        };
        match host.robots {
            Robots::Dead => return ("failed", "connect", Vec::new()),
            Robots::Missing => {}
            _ if path.starts_with("/private/") => return ("excluded", "robots", Vec::new()),
            _ => {}
        }
        let Some(page) = self.pages.get(url) else { return ("failed", "gone", Vec::new()) };
        match &page.manner {
            Manner::Fine => ("done", "page", page.links.clone()),
            Manner::Bare | Manner::Blank => ("done", "page", Vec::new()),
            Manner::NotFound => ("failed", "gone", Vec::new()),
            Manner::Moved(to) => ("done", "redirect", vec![to.clone()]),
            Manner::Flaky(times) if *times >= settings.tries => ("failed", "http_error", Vec::new()),
            Manner::Limited(times) if *times >= settings.tries => ("failed", "rate_limited", Vec::new()),
            Manner::Flaky(_) | Manner::Limited(_) => ("done", "page", page.links.clone()),
            Manner::Silent => ("failed", "timeout", Vec::new()),
        }
    }

    /// How many URLs give a page in a perfect crawl.
    pub fn pages(&self, settings: &CrawlSettings) -> u64 {
        self.oracle(settings).values().filter(|(_, outcome)| outcome == "page").count() as u64
    }

    /// URLs whose end depends on how often they were asked: a try that was lost in a crash was
    /// made all the same.
    pub fn fickle(&self) -> BTreeSet<String> {
        let fickle = |page: &SimPage| matches!(page.manner, Manner::Flaky(_) | Manner::Limited(_));
        self.pages.iter().filter(|(_, page)| fickle(page)).map(|(url, _)| url.clone()).collect()
    }
}

fn page_urls(hosts: &BTreeMap<String, SimHost>, chance: &mut Chance) -> Vec<String> {
    let mut urls = Vec::new();
    for host in hosts.keys() {
        urls.push(format!("http://{host}/"));
        for n in 0..4 + chance.below(14) {
            let folder = if chance.percent(15) { "private/" } else { "" };
            urls.push(format!("http://{host}/{folder}p{n}"));
        }
    }
    urls
}

fn page(url: &str, urls: &[String], chance: &mut Chance) -> SimPage {
    let any = |chance: &mut Chance| urls[chance.below(urls.len() as u64) as usize].clone();
    let manner = match chance.below(100) {
        _ if url.ends_with(".test/") => Manner::Fine,
        0..8 => Manner::NotFound,
        8..18 => {
            // Redirects stay on their host: a chain would else reach another site's limits.
            let (host, _) = split(url);
            let own: Vec<&String> = urls.iter().filter(|to| split(to).0 == host).collect();
            Manner::Moved(own[chance.below(own.len() as u64) as usize].clone())
        }
        18..24 => Manner::Flaky(1 + chance.below(4) as u32),
        24..28 => Manner::Limited(1 + chance.below(2) as u32),
        28..30 => Manner::Silent,
        30..33 => Manner::Bare,
        33..36 => Manner::Blank,
        _ => Manner::Fine,
    };
    let links = (0..1 + chance.below(9)).map(|_| any(chance)).collect();
    SimPage { manner, links }
}

/// (host, path)
fn split(url: &str) -> (&str, &str) {
    let rest = url.strip_prefix("http://").unwrap();
    rest.split_at(rest.find('/').unwrap())
}

/// One request as the web saw it.
#[derive(Clone, Debug)]
struct Asked {
    at_ms: u64,
    url: String,
    answered: bool,
}

/// Answers for the web, and remembers.
pub struct SimFetcher {
    pub web: Web,
    start: tokio::time::Instant,
    log: Mutex<Vec<Asked>>,
    times: Mutex<HashMap<String, u32>>,
    /// When processes started.
    births: Mutex<Vec<u64>>,
}

impl SimFetcher {
    pub fn new(web: Web) -> Self {
        SimFetcher {
            web,
            start: tokio::time::Instant::now(),
            log: Mutex::default(),
            times: Mutex::default(),
            births: Mutex::default(),
        }
    }

    /// Notes that a new process starts now.
    pub fn process_starts(&self) {
        self.births.lock().unwrap().push(self.start.elapsed().as_millis() as u64);
    }

    fn answer(&self, url: &str, times: u32) -> (u16, Vec<Header>, String, Option<FailureKind>) {
        let (host, path) = split(url);
        let header = |name: &str, value: &str| Header { name: name.to_owned(), value: value.to_owned() };
        let html = vec![header("content-type", "text/html; charset=utf-8")];
        let Some(site) = self.web.hosts.get(host) else {
            return (0, Vec::new(), String::new(), Some(FailureKind::Dns));
        };
        let rules = match site.robots {
            Robots::Dead => return (0, Vec::new(), String::new(), Some(FailureKind::Connect)),
            Robots::Slow => "User-agent: *\nCrawl-delay: 3\nDisallow: /private/\n",
            _ => "User-agent: *\nDisallow: /private/\n",
        };
        match (path, &site.robots) {
            ("/robots.txt", Robots::Missing) => return (404, html, String::new(), None),
            ("/robots.txt", Robots::Fickle) if times == 0 => return (500, html, String::new(), None),
            ("/robots.txt", Robots::Moved) => {
                return (301, vec![header("location", "/elsewhere.txt")], String::new(), None);
            }
            ("/robots.txt", Robots::Elsewhere) => {
                return (302, vec![header("location", "http://host0.test/elsewhere.txt")], String::new(), None);
            }
            ("/robots.txt" | "/elsewhere.txt", _) => return (200, Vec::new(), rules.to_owned(), None),
            _ => {}
        }
        let Some(page) = self.web.pages.get(url) else { return (404, html, String::new(), None) };
        let good = || {
            let links: String = page.links.iter().map(|to| format!("<a href=\"{to}\">to</a>\n")).collect();
            (200, html.clone(), format!("<title>{url}</title><p>This is {url}</p>{links}"), None)
        };
        match &page.manner {
            Manner::Bare => (200, html, "<div id=app></div>".to_owned(), None),
            Manner::Blank => (200, html, String::new(), None),
            Manner::NotFound => (404, html, String::new(), None),
            Manner::Moved(to) => (302, vec![header("location", to)], String::new(), None),
            Manner::Flaky(n) if times < *n => (503, html, String::new(), None),
            Manner::Limited(n) if times < *n => (429, vec![header("retry-after", "9")], String::new(), None),
            Manner::Silent => (0, Vec::new(), String::new(), Some(FailureKind::Timeout)),
            _ => good(),
        }
    }

    /// No two requests to a host closer than its delay, and none that robots.txt forbids.
    pub fn assert_polite(&self, settings: &CrawlSettings) {
        let mut last: HashMap<String, (u64, bool)> = HashMap::new();
        let births = self.births.lock().unwrap().clone();
        let mut known: BTreeSet<String> = BTreeSet::new();
        for asked in self.log.lock().unwrap().iter() {
            let (host, path) = split(&asked.url);
            let site = &self.web.hosts[host];
            let mut delay = settings.delay_ms.unwrap();
            let is_robots = path.ends_with(".txt");
            let before = last.insert(host.to_owned(), (asked.at_ms, is_robots));
            // A process that died with the only copy of robots.txt in its hands leaves a successor
            // that cannot know what it asked for. The copy is answered and committed by then.
            let commit_ms = 1_600;
            let forgot = before.is_some_and(|(at, robots): (u64, bool)| {
                robots && births.iter().any(|birth| (at..=at + commit_ms).contains(birth))
            });
            if site.robots == Robots::Slow && known.contains(host) && !forgot {
                delay = delay.max(3_000);
            }
            if let Some((before, _)) = before {
                let gap = asked.at_ms - before;
                assert!(gap >= delay, "{} asked {gap} ms after the request before, delay {delay} ms", asked.url);
            }
            if is_robots {
                known.insert(host.to_owned());
            } else {
                assert!(known.contains(host), "{} asked before robots.txt", asked.url);
                let forbidden = path.starts_with("/private/") && site.robots != Robots::Missing;
                assert!(!forbidden, "{} is forbidden", asked.url);
            }
        }
    }

    /// robots.txt of each host once; twice where it failed once. A dead host is asked again when a
    /// later page names it.
    pub fn assert_robots_asked_once(&self) {
        for (name, host) in &self.web.hosts {
            let times = self.times.lock().unwrap().get(&format!("http://{name}/robots.txt")).copied().unwrap_or(0);
            let most = match host.robots {
                Robots::Fickle => 2,
                Robots::Dead => u32::MAX,
                _ => 1,
            };
            assert!(times <= most, "robots.txt of {name} asked {times} times");
            assert_eq!(times > 0, host.is_seed, "robots.txt of {name} asked {times} times");
        }
    }

    /// URLs that got an answer, robots.txt aside.
    pub fn answered_urls(&self) -> BTreeSet<String> {
        let log = self.log.lock().unwrap();
        log.iter().filter(|a| a.answered && !a.url.ends_with(".txt")).map(|a| a.url.clone()).collect()
    }
}

impl Fetcher for SimFetcher {
    async fn fetch(&self, request: FetchRequest, reservation: &mut Reservation) -> Exchange {
        let url = request.url.as_str().to_owned();
        let at_ms = self.start.elapsed().as_millis() as u64;
        let times = {
            let mut times = self.times.lock().unwrap();
            let times = times.entry(url.clone()).or_insert(0);
            *times += 1;
            *times - 1
        };
        let entry = {
            let mut log = self.log.lock().unwrap();
            log.push(Asked { at_ms, url: url.clone(), answered: false });
            log.len() - 1
        };
        let (status, headers, body, failure) = self.answer(&url, times);
        let latency = Chance::new(at_ms ^ url.len() as u64).below(900) + 20;
        let latency = if failure == Some(FailureKind::Timeout) { 30_000 } else { latency };
        tokio::time::sleep(Duration::from_millis(latency)).await;
        self.log.lock().unwrap()[entry].answered = failure.is_none();
        reservation.cover(body.len() as u64).await;
        Exchange {
            started_ms: 1_700_000_000_000 + at_ms as i64,
            elapsed_ms: latency,
            status: (status > 0).then_some(status),
            headers,
            wire_bytes: body.len() as u64,
            end: match failure {
                Some(kind) => ExchangeEnd::Failed { kind, detail: format!("simulated {kind:?}") },
                None => ExchangeEnd::Complete { body: body.into_bytes(), truncated: false },
            },
            address: None,
        }
    }
}
