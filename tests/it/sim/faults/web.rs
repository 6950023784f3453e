//! [`Web`]: a few small hosts with everything that a crawl meets. What a URL answers depends on the
//! URL alone, so that every crawl that comes to its end has to find the same.

use std::collections::{BTreeMap, BTreeSet};

use super::super::clock::Chance;

/// What the crawl of a web is asked for; the same in every life.
#[derive(Clone, Debug)]
pub struct Wishes {
    pub any_host: bool,
    pub sitemaps: bool,
    pub delay_ms: u64,
    pub concurrency: u32,
    pub per_host: u32,
    pub adaptive: bool,
}

/// A link of a page.
#[derive(Clone, Debug)]
pub struct Link {
    pub to: String,
    pub how: How,
}

/// How a page names another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum How {
    Plain,
    Nofollow,
    Image,
    Canonical,
}

/// What a URL answers, whoever asks and however often.
#[derive(Clone, Debug)]
pub enum Answer {
    Page(Vec<Link>),
    /// The same bytes as another page.
    CopyOf(String),
    /// A page without any byte.
    Blank,
    /// Text without markup.
    Plain,
    /// A status without a page.
    Status(u16),
    Moved(u16, String),
    /// Never answers.
    Silent,
    /// A certificate that nobody signed.
    Untrusted,
    Sitemap {
        entries: Vec<String>,
        index: bool,
    },
    Robots(String),
    /// The host refuses every connection.
    Refused,
    /// The name does not resolve.
    Unknown,
}

/// Hosts, their pages, and where a crawl begins.
pub struct Web {
    pub wishes: Wishes,
    pub seeds: Vec<String>,
    /// Robots.txt of one host lies on another: that one must never have to wait for long.
    pub shares_robots: bool,
    answers: BTreeMap<String, Answer>,
    dead: BTreeSet<String>,
    slow: BTreeSet<String>,
    /// Hosts whose robots.txt forbids `/private/`.
    strict: BTreeSet<String>,
}

/// `Crawl-delay` of the hosts that ask for one.
pub const CRAWL_DELAY_MS: u64 = 3_000;
/// Where the seed that is redirected leads.
const AWAY: &str = "away.test";

impl Web {
    pub fn new(number: u64) -> Self {
        let mut chance = Chance::new(number ^ 0x0077_6562);
        let chance = &mut chance;
        let hosts: Vec<String> = (0..2 + chance.below(3)).map(|n| format!("h{n}.test")).collect();
        let mut web = Web {
            wishes: wishes(chance),
            seeds: hosts.iter().map(|host| format!("http://{host}/")).collect(),
            shares_robots: false,
            answers: BTreeMap::new(),
            dead: BTreeSet::new(),
            slow: BTreeSet::new(),
            strict: BTreeSet::new(),
        };
        let mut paths: Vec<String> = Vec::new();
        for host in &hosts {
            paths.push(format!("http://{host}/"));
            for n in 0..2 + chance.below(6) {
                let folder = if chance.percent(12) { "private/" } else { "" };
                paths.push(format!("http://{host}/{folder}p{n}"));
            }
        }
        for (n, host) in hosts.iter().enumerate() {
            web.add_host(n, host, &hosts, &paths, chance);
        }
        for (n, url) in paths.iter().enumerate() {
            let answer = web.page(n, url, &paths, chance);
            web.answers.insert(url.clone(), answer);
        }
        if chance.percent(30) {
            web.add_widened(&hosts[0], &paths, chance);
        }
        web
    }

    /// A web of these answers, everything else being 404.
    pub fn of(answers: &[(&str, Answer)], seeds: &[&str]) -> Self {
        Web {
            wishes: Wishes {
                any_host: false,
                sitemaps: true,
                delay_ms: 200,
                concurrency: 8,
                per_host: 1,
                adaptive: false,
            },
            seeds: seeds.iter().map(|url| (*url).to_owned()).collect(),
            shares_robots: false,
            answers: answers.iter().map(|(url, answer)| ((*url).to_owned(), answer.clone())).collect(),
            dead: BTreeSet::new(),
            slow: BTreeSet::new(),
            strict: BTreeSet::new(),
        }
    }

    fn add_host(&mut self, n: usize, host: &str, hosts: &[String], paths: &[String], chance: &mut Chance) {
        let robots = format!("http://{host}/robots.txt");
        let mut rules = "User-agent: *\nDisallow: /private/\n".to_owned();
        let strict = match chance.below(if n == 0 { 60 } else { 100 }) {
            0..14 => {
                self.answers.insert(robots.clone(), Answer::Status(404));
                false
            }
            14..30 => {
                self.slow.insert(host.to_owned());
                rules += "Crawl-delay: 3\n";
                true
            }
            30..36 => {
                let to = format!("http://{host}/rules/robots.txt");
                self.answers.insert(robots.clone(), Answer::Moved(301, to.clone()));
                self.answers.insert(to, Answer::Robots(rules.clone()));
                true
            }
            // From here on never the first host.
            60..72 => {
                let to = format!("http://{}/rules-of/{host}", hosts[0]);
                self.answers.insert(robots.clone(), Answer::Moved(302, to.clone()));
                self.answers.insert(to, Answer::Robots(rules.clone()));
                self.shares_robots = true;
                true
            }
            72..76 => {
                self.answers.insert(robots.clone(), Answer::Status(500));
                true
            }
            76..80 => {
                self.dead.insert(host.to_owned());
                true
            }
            _ => true,
        };
        if strict {
            self.strict.insert(host.to_owned());
        }
        if self.answers.contains_key(&robots) || self.dead.contains(host) {
            return;
        }
        if self.wishes.sitemaps && chance.percent(60) {
            let on = if chance.percent(20) { &hosts[chance.below(hosts.len() as u64) as usize] } else { host };
            let sitemap = format!("http://{on}/map-of-{host}.xml");
            rules += &format!("Sitemap: {sitemap}\n");
            self.add_sitemap(sitemap, host, paths, chance);
        }
        self.answers.insert(robots, Answer::Robots(rules));
    }

    /// A sitemap of a host, with pages that nothing else names; perhaps in two parts.
    fn add_sitemap(&mut self, at: String, host: &str, paths: &[String], chance: &mut Chance) {
        let mut entries: Vec<String> = (0..2).map(|n| format!("http://{host}/unlinked{n}")).collect();
        for url in &entries {
            self.answers.insert(url.clone(), Answer::Page(Vec::new()));
        }
        entries.extend(paths.iter().filter(|url| url.starts_with(&format!("http://{host}/"))).take(3).cloned());
        if chance.percent(40) {
            let part = at.replace(".xml", "-part.xml");
            self.answers.insert(part.clone(), Answer::Sitemap { entries, index: false });
            self.answers.insert(at, Answer::Sitemap { entries: vec![part], index: true });
        } else {
            self.answers.insert(at, Answer::Sitemap { entries, index: false });
        }
    }

    fn page(&mut self, n: usize, url: &str, paths: &[String], chance: &mut Chance) -> Answer {
        if url.ends_with(".test/") {
            return Answer::Page(self.links(n, url, paths, chance));
        }
        let own = || paths.iter().filter(|to| host_of(to) == host_of(url)).cloned().collect::<Vec<_>>();
        match chance.below(100) {
            0..6 => Answer::Status(404),
            6..8 => Answer::Status(410),
            8..10 => Answer::Status(403),
            10..13 => Answer::Status(500),
            // A chain, a loop, or a redirect to itself: they stay on their host.
            13..22 => {
                let own = own();
                Answer::Moved(
                    if chance.percent(50) { 301 } else { 302 },
                    own[chance.below(own.len() as u64) as usize].clone(),
                )
            }
            22..24 => Answer::Moved(302, format!("http://out.test/from{n}")),
            24..32 => Answer::CopyOf(format!("http://{}/", host_of(url))),
            32..35 => Answer::Blank,
            35..38 => Answer::Plain,
            38..40 => Answer::Untrusted,
            40..42 if host_of(url) != "h0.test" && !self.has_silent(host_of(url)) => Answer::Silent,
            _ => Answer::Page(self.links(n, url, paths, chance)),
        }
    }

    fn has_silent(&self, host: &str) -> bool {
        self.answers.iter().any(|(url, answer)| host_of(url) == host && matches!(answer, Answer::Silent))
    }

    fn links(&self, n: usize, url: &str, paths: &[String], chance: &mut Chance) -> Vec<Link> {
        let any = |chance: &mut Chance| paths[chance.below(paths.len() as u64) as usize].clone();
        let mut links: Vec<Link> = Vec::new();
        for _ in 0..1 + chance.below(6) {
            let (to, how) = match chance.below(100) {
                0..6 => (any(chance), How::Nofollow),
                6..9 => (format!("http://{}/hidden{n}", host_of(url)), How::Nofollow),
                9..13 => (format!("http://{}/picture{n}.png", host_of(url)), How::Image),
                13..16 => (format!("http://out.test/x{}", chance.below(2)), How::Plain),
                16..19 => (any(chance), How::Canonical),
                19..21 => (format!("http://{}/missing{n}", host_of(url)), How::Plain),
                _ => (any(chance), How::Plain),
            };
            let again =
                links.iter().any(|link| link.to == to && (link.how == How::Canonical) == (how == How::Canonical));
            let second = how == How::Canonical && links.iter().any(|link| link.how == How::Canonical);
            if !again && !second {
                links.push(Link { to, how });
            }
        }
        links
    }

    /// A seed that is redirected to a host which nothing else names: it comes into scope.
    fn add_widened(&mut self, host: &str, paths: &[String], chance: &mut Chance) {
        let seed = format!("http://{host}/start");
        let links = |names: &[&str]| {
            let links = names.iter().map(|name| Link { to: format!("http://{AWAY}/{name}"), how: How::Plain });
            Answer::Page(links.collect())
        };
        self.answers.insert(seed.clone(), Answer::Moved(302, format!("http://{AWAY}/")));
        self.answers.insert(format!("http://{AWAY}/"), links(&["a", "b"]));
        self.answers.insert(format!("http://{AWAY}/a"), links(&["b", "c"]));
        let back = Link { to: paths[chance.below(paths.len() as u64) as usize].clone(), how: How::Plain };
        self.answers.insert(format!("http://{AWAY}/b"), Answer::Page(vec![back]));
        self.answers.insert(format!("http://{AWAY}/robots.txt"), Answer::Status(404));
        self.seeds.push(seed);
    }

    pub fn answer(&self, url: &str) -> Answer {
        let host = host_of(url);
        if host == "out.test" {
            return Answer::Unknown;
        }
        if self.dead.contains(host) {
            return Answer::Refused;
        }
        self.answers.get(url).cloned().unwrap_or(Answer::Status(404))
    }

    /// The body of a page, and the links in it.
    pub fn page_of(&self, url: &str) -> Option<(String, Vec<Link>)> {
        match self.answer(url) {
            Answer::Page(links) => Some((html(url, &links), links)),
            Answer::CopyOf(original) => self.page_of(&original),
            Answer::Blank => Some((String::new(), Vec::new())),
            Answer::Plain => Some((format!("nothing but words at {url}"), Vec::new())),
            Answer::Sitemap { entries, index } => {
                let links = entries.iter().map(|to| Link { to: to.clone(), how: How::Plain }).collect();
                Some((sitemap(&entries, index), links))
            }
            _ => None,
        }
    }

    /// The URL that stands in the title of what this one serves.
    pub fn title_of(&self, url: &str) -> Option<String> {
        match self.answer(url) {
            Answer::Page(_) => Some(url.to_owned()),
            Answer::CopyOf(original) => Some(original),
            _ => None,
        }
    }

    pub fn crawl_delay_ms(&self, host: &str) -> Option<u64> {
        self.slow.contains(host).then_some(CRAWL_DELAY_MS)
    }

    pub fn forbids(&self, url: &str) -> bool {
        self.strict.contains(host_of(url)) && url.contains(".test/private/")
    }

    /// Every URL that answers something, robots.txt among them.
    pub fn urls(&self) -> impl Iterator<Item = &str> {
        self.answers.keys().map(String::as_str)
    }
}

fn wishes(chance: &mut Chance) -> Wishes {
    let pick = |chance: &mut Chance, of: &[u64]| of[chance.below(of.len() as u64) as usize];
    Wishes {
        any_host: chance.percent(25),
        sitemaps: chance.percent(50),
        delay_ms: pick(chance, &[0, 200, 700, 1_000]),
        concurrency: pick(chance, &[1, 2, 8, 64]) as u32,
        per_host: pick(chance, &[1, 1, 1, 3]) as u32,
        adaptive: chance.percent(60),
    }
}

fn html(url: &str, links: &[Link]) -> String {
    let mut body = format!("<title>{url}</title><p>This is {url}</p>\n");
    for (n, Link { to, how }) in links.iter().enumerate() {
        body += &match how {
            How::Plain => format!("<a href=\"{to}\">link {n}</a>\n"),
            How::Nofollow => format!("<a rel=nofollow href=\"{to}\">link {n}</a>\n"),
            How::Image => format!("<img src=\"{to}\">\n"),
            How::Canonical => format!("<link rel=canonical href=\"{to}\">\n"),
        };
    }
    body
}

fn sitemap(entries: &[String], index: bool) -> String {
    let (list, item) = if index { ("sitemapindex", "sitemap") } else { ("urlset", "url") };
    let items: String = entries.iter().map(|to| format!("<{item}><loc>{to}</loc></{item}>")).collect();
    format!("<?xml version=\"1.0\"?><{list} xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\">{items}</{list}>")
}

pub fn host_of(url: &str) -> &str {
    url.strip_prefix("http://").and_then(|rest| rest.split('/').next()).unwrap_or_default()
}
