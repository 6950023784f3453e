//! The pages of the [`Site`](super::site::Site): a deterministic web, and what a crawl has to make of it.
//!
//! Hosts with pages in a binary tree (a wide frontier from the start) that link to each other, and a few
//! that are small and slow (`Crawl-delay`). Beside pages: redirects and chains of them, missing pages, a
//! part that robots.txt forbids, pages with the same bytes, files that are no HTML, sitemaps with pages
//! that nothing else names, nofollow links and links to a host that is out of scope.

use std::collections::BTreeMap;
use std::time::Duration;

use super::moments::Rng;

/// How large the web is, and how fast.
#[derive(Clone, Copy, Debug)]
pub(super) struct Size {
    pub(super) hosts: usize,
    pub(super) pages_per_host: usize,
    /// Hosts that ask for a `Crawl-delay`.
    pub(super) slow_hosts: usize,
    pub(super) pages_per_slow_host: usize,
    /// Shortest time to an answer, and by how much it may be longer.
    pub(super) answer: (Duration, Duration),
    /// Words of each host's first page.
    pub(super) first_page_words: usize,
    /// The first pages of so many hosts are seeds.
    pub(super) seeds: usize,
}

/// The `Crawl-delay` of a slow host: longer than a start of the crawler takes, so that one that forgot it
/// over a restart is caught.
pub(super) const CRAWL_DELAY: Duration = Duration::from_millis(500);

impl Size {
    pub(super) fn all_hosts(&self) -> usize {
        self.hosts + self.slow_hosts
    }

    pub(super) fn name_of(&self, host: usize) -> String {
        let kind = if host < self.hosts { "h" } else { "slow" };
        format!("{kind}{host}.localhost")
    }

    fn pages_of(&self, host: usize) -> usize {
        if host < self.hosts { self.pages_per_host } else { self.pages_per_slow_host }
    }

    /// The delay that the host asks for in its robots.txt.
    pub(super) fn crawl_delay(&self, host: usize) -> Duration {
        if host < self.hosts { Duration::ZERO } else { CRAWL_DELAY }
    }

    /// How long a path takes to be answered, the same every time.
    pub(super) fn answer_time(&self, host: usize, path: &str) -> Duration {
        let seed = path.bytes().fold(host as u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
        let (least, more) = self.answer;
        least + more * (Rng(seed).below(1000) as u32) / 1000
    }
}

#[derive(Clone, Debug)]
pub(super) enum Answer {
    Html(String),
    Xml(String),
    File(Vec<u8>),
    MovedTo(String),
    Missing,
    Forbidden,
}

pub(super) fn origin(size: &Size, host: usize, ports: &[u16]) -> String {
    format!("http://{}:{}", size.name_of(host), ports[host])
}

pub(super) fn robots_txt(size: &Size, host: usize) -> String {
    let delay = size.crawl_delay(host);
    let delay = if delay.is_zero() { String::new() } else { format!("Crawl-delay: {}\n", delay.as_secs_f64()) };
    format!("User-agent: *\n{delay}Disallow: /private/\nSitemap: /sitemap.xml\n")
}

/// What a crawl has to make of each URL: the outcome of its visit, or the rule that keeps it out, with the
/// title of a page; `None` where the title is not given.
pub(super) fn expected(pages: &BTreeMap<String, Answer>) -> BTreeMap<String, (&'static str, Option<String>)> {
    let expect = |(url, answer): (&String, &Answer)| {
        let (outcome, title) = match answer {
            Answer::Html(html) => {
                ("page", Some(html.split(['>', '<']).nth(4).unwrap_or_default().replace("&amp;", "&")))
            }
            Answer::Xml(_) | Answer::File(_) => ("page", Some(String::new())),
            Answer::MovedTo(_) => ("redirect", Some(String::new())),
            Answer::Missing => ("gone", None),
            Answer::Forbidden if url.contains("/private/") => ("robots", Some(String::new())),
            Answer::Forbidden if url.contains("/quiet/") => ("nofollow", Some(String::new())),
            Answer::Forbidden => ("scope", Some(String::new())),
        };
        (url.clone(), (outcome, title))
    };
    pages.iter().map(expect).collect()
}

/// Every URL that the web names, with its answer.
pub(super) fn pages(size: &Size, ports: &[u16]) -> BTreeMap<String, Answer> {
    let mut answers = BTreeMap::new();
    for host in 0..size.all_hosts() {
        let (here, count) = (origin(size, host, ports), size.pages_of(host));
        let mut entries = Vec::new();
        for page in 0..count {
            let mut links: Vec<String> = (2 * page + 1..=2 * page + 2).filter(|p| *p < count).map(page_path).collect();
            links.push(page_path(page / 3));
            let mut extra = |path: String, answer: Answer| {
                answers.insert(format!("{here}{path}"), answer);
                links.push(path);
            };
            if page.is_multiple_of(10) {
                extra(format!("/old/{page}"), Answer::MovedTo(page_path((page + 1) % count)));
            }
            if page % 15 == 1 {
                extra(format!("/missing/{page}"), Answer::Missing);
            }
            if page % 12 == 2 {
                extra(format!("/private/{page}"), Answer::Forbidden);
            }
            if page % 30 == 3 {
                extra(format!("/quiet/{page}"), Answer::Forbidden);
            }
            if page % 9 == 4 {
                let html = "<html><title>The same everywhere</title><a href=\"/\">home</a></html>";
                extra(format!("/copy/{page}"), Answer::Html(html.to_owned()));
            }
            if page % 20 == 5 {
                extra(format!("/file/{page}.bin"), Answer::File(noise(page, 3000)));
            }
            if page == 6 {
                for hop in 1..=3 {
                    extra(format!("/hop/{hop}"), Answer::MovedTo(format!("/hop/{}", hop + 1)));
                }
                extra("/hop/4".to_owned(), Answer::MovedTo("/".to_owned()));
            }
            if page % 25 == 7 {
                let url = format!("http://elsewhere.test/{page}");
                answers.insert(url.clone(), Answer::Forbidden);
                links.push(url);
            }
            if page % 16 == 8 {
                let only = format!("{here}/only/{page}");
                answers.insert(only.clone(), Answer::Html(html(size, host, page + count, &["/".to_owned()])));
                entries.push(only);
            }
            if page.is_multiple_of(3) {
                let other = (host + 1) % size.seeds;
                links.push(format!("{}{}", origin(size, other, ports), page_path(page % size.pages_of(other))));
            }
            answers.insert(format!("{here}{}", page_path(page)), Answer::Html(html(size, host, page, &links)));
        }
        entries.push(format!("{here}/"));
        answers.insert(format!("{here}/sitemap.xml"), Answer::Xml(sitemap(&entries)));
    }
    answers
}

fn page_path(page: usize) -> String {
    if page == 0 { "/".to_owned() } else { format!("/p/{page}") }
}

fn sitemap(entries: &[String]) -> String {
    let entry =
        |url: &String| format!("<url><loc>{url}</loc><lastmod>2026-10-31</lastmod><priority>0.7</priority></url>\n");
    let entries: String = entries.iter().map(entry).collect();
    format!("<urlset xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\">\n{entries}</urlset>\n")
}

fn html(size: &Size, host: usize, page: usize, links: &[String]) -> String {
    let name = size.name_of(host);
    let mut html = format!("<html><title>Page {page} of {name} &amp; Grüße</title><h1>Page {page}</h1>\n");
    for (i, link) in links.iter().enumerate() {
        let rel = if link.starts_with("/quiet/") { " rel=\"nofollow\"" } else { "" };
        html.push_str(&format!("<p><a{rel} href=\"{link}\">link {i} of {page}</a>\n"));
    }
    let words = match page {
        0 => size.first_page_words,
        // Every 40th page is large, so that commits differ in size.
        page if page.is_multiple_of(40) => 8000,
        page => 100 + page % 200,
    };
    for (i, byte) in noise(1000 * page + host, words).into_iter().enumerate() {
        html.push_str(&format!("w{byte}{}", if i % 12 == 11 { ".\n<p>" } else { " " }));
    }
    html + "</html>\n"
}

/// `count` bytes that depend on `seed` alone.
fn noise(seed: usize, count: usize) -> Vec<u8> {
    let mut rng = Rng(seed as u64);
    (0..count).map(|_| rng.below(256) as u8).collect()
}
