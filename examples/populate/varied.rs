//! [`Varied`]: what is not as it should be on a [`Web`]. A URL redirects, is gone, fails, is forbidden, or is a page
//! with a copy, without a title, slow, large, in another language …, in shares as sites have them; and what a page
//! says may be another thing in the next round. All of it is computed from the number of the URL.

use std::fmt::Write;
use std::ops::Range;

use sqrawl::model::FailureKind;

use super::web::{PARTS, SYLLABLES, WORDS, Web, mixed};

/// What every host's robots.txt says: a hundredth of its URLs is forbidden.
pub(super) const ROBOTS: &str = "User-agent: *\nDisallow: /part-96/\n";
/// Line and number of what forbids.
pub(super) const ROBOTS_LINE: (u32, &str) = (2, "Disallow: /part-96/");
/// So many times as fast as pages are visited they name what is not known: a site is known long before it is read,
/// and few pages are deep.
pub(super) const HASTE: u64 = 20;
/// Most URLs in a sitemap.
const MOST_LISTED: usize = 20_000;
/// Of consecutive numbers the copies are copies of each other.
const FAMILY: u64 = 100;
/// Links of a page to others of the web, beside those that it names first.
const LINKS: u64 = 8;
/// Pages in a chain.
const CHAIN: u64 = 8;
/// Other sites that pages link to, as a power of two.
const SITES_BITS: u64 = 12;
/// Words are drawn from so many, as a power of two; the n-th most frequent one about in proportion to 1 / n.
const VOCABULARY_BITS: u64 = 16;

/// A web with everything that reports look for.
#[derive(Debug)]
pub(super) struct Varied<'a> {
    web: &'a Web,
    /// Of each host the URLs in its sitemap.
    listed: Vec<Vec<u64>>,
}

/// What a URL answers with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Page,
    /// The very bytes of others of its family.
    Copy,
    /// But for a word what others of its family say.
    NearCopy,
    /// Says that it was not found, with status 200.
    SoftNotFound,
    Pdf,
    Plain,
    Moved(u64),
    Status(u16),
    Failure(FailureKind),
    /// robots.txt forbids it.
    Forbidden,
}

/// One answer; without a status there was none.
#[derive(Debug, Default)]
pub(super) struct Answer {
    pub(super) status: Option<u16>,
    pub(super) failure: Option<FailureKind>,
    pub(super) content_type: &'static str,
    /// Headers beside the type.
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Vec<u8>,
}

impl<'a> Varied<'a> {
    pub(super) fn new(web: &'a Web) -> Self {
        let mut listed = vec![Vec::new(); usize::try_from(web.hosts()).unwrap_or(0)];
        let varied = Varied { web, listed: Vec::new() };
        for number in web.hosts()..web.urls {
            let list: &mut Vec<u64> = &mut listed[web.host(number)];
            if varied.is_chained(number) {
                continue;
            }
            if list.len() < MOST_LISTED && (varied.is_orphan(number) || varied.roll("listed", number).is_multiple_of(3))
            {
                list.push(number);
            }
        }
        Varied { web, listed }
    }

    /// A number that belongs to a URL in one respect.
    fn roll(&self, respect: &str, number: u64) -> u64 {
        mixed(respect.bytes().fold(self.web.seed, |seed, byte| mixed(seed, u64::from(byte))), number)
    }

    /// Whether only the sitemap names it.
    fn is_orphan(&self, number: u64) -> bool {
        number >= self.web.hosts() && self.roll("orphan", number).is_multiple_of(100)
    }

    /// Whether the page before it alone names it: so do pages of a gallery, or of an archive by day.
    fn is_chained(&self, number: u64) -> bool {
        number >= self.web.hosts()
            && !number.is_multiple_of(CHAIN)
            && self.roll("chain", number / CHAIN).is_multiple_of(30)
    }

    /// What a URL answers with in every round.
    pub(super) fn fate(&self, number: u64) -> Fate {
        if number < self.web.hosts() {
            return Fate::Page;
        }
        if number % PARTS == PARTS - 1 {
            return Fate::Forbidden;
        }
        if self.roll("loop", number / 2).is_multiple_of(400) && (number ^ 1) % PARTS != PARTS - 1 {
            return Fate::Moved(number ^ 1);
        }
        match self.roll("fate", number) % 1000 {
            0..25 => Fate::Moved(self.roll("target", number) % number),
            25..42 => Fate::Status(404),
            42..45 => Fate::Status(410),
            45..48 => Fate::Status(500),
            48..51 => Fate::Status(403),
            51..53 => Fate::Failure(FailureKind::Timeout),
            53 => Fate::Failure(FailureKind::Connect),
            54..74 => Fate::Pdf,
            74..84 => Fate::Plain,
            84..114 => Fate::Copy,
            114..134 => Fate::NearCopy,
            134..136 => Fate::SoftNotFound,
            _ => Fate::Page,
        }
    }

    /// The answer of a URL in a round, from 1. `known`: the request names the copy of the round before.
    pub(super) fn answer(&self, number: u64, round: u64, known: bool, new: Range<u64>) -> Answer {
        let changed = (round > 1).then(|| self.roll("change", number ^ (round << 48)) % 100);
        match (self.fate(number), changed) {
            (Fate::Page, Some(0)) => status(404),
            (Fate::Page, Some(1..10)) | (_, None) => self.first_answer(number, round, new),
            (Fate::Page | Fate::Copy | Fate::NearCopy | Fate::SoftNotFound | Fate::Pdf | Fate::Plain, _) if known => {
                status(304)
            }
            _ => self.first_answer(number, round, new),
        }
    }

    /// How long a URL takes to answer in a round, in ms; one of fifty is slow.
    pub(super) fn elapsed_ms(&self, number: u64, round: u64) -> u64 {
        match self.roll("time", number ^ (round << 48)) {
            roll if roll.is_multiple_of(50) => 1001 + (roll >> 32) % 4000,
            roll => 20 + (roll >> 32) % 300,
        }
    }

    fn first_answer(&self, number: u64, round: u64, new: Range<u64>) -> Answer {
        let family = number / FAMILY;
        let (content_type, body) = match self.fate(number) {
            Fate::Page => ("text/html; charset=utf-8", self.page(number, round, new).into_bytes()),
            Fate::Copy => ("text/html", self.copy(&format!("Page that is printed in family {family}"), family, family)),
            Fate::NearCopy => ("text/html", self.copy(&format!("Page that is edited by {number}"), !family, number)),
            Fate::SoftNotFound => {
                let html =
                    format!("<!doctype html><html lang=en><title>Page not found</title><h1>Sorry: {number}</h1>");
                ("text/html", html.into_bytes())
            }
            Fate::Pdf => ("application/pdf", self.pdf(number)),
            Fate::Plain => {
                let mut text = String::new();
                self.words(&mut text, self.roll("text", number), 100, "\n\n");
                ("text/plain; charset=utf-8", text.into_bytes())
            }
            Fate::Moved(target) => {
                let code = if self.roll("code", number).is_multiple_of(4) { 302 } else { 301 };
                return Answer { headers: vec![("location", self.web.url(target))], ..status(code) };
            }
            Fate::Status(code) => return status(code),
            Fate::Failure(kind) => return Answer { failure: Some(kind), ..Answer::default() },
            Fate::Forbidden => return Answer::default(),
        };
        let headers = vec![
            ("server", "made-up".to_owned()),
            ("etag", format!("\"{number:x}-{round}\"")),
            ("cache-control", "max-age=600".to_owned()),
        ];
        Answer { status: Some(200), content_type, headers, body, ..Answer::default() }
    }

    /// The sitemap of a host.
    pub(super) fn sitemap(&self, host: u64) -> Answer {
        let mut xml =
            "<?xml version=\"1.0\"?>\n<urlset xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\">\n".to_owned();
        for number in self.listed.get(host as usize).into_iter().flatten() {
            let day = 1 + number % 28;
            let _ = writeln!(xml, "<url><loc>{}</loc><lastmod>2024-12-{day:02}</lastmod></url>", self.web.url(*number));
        }
        let body = (xml + "</urlset>\n").into_bytes();
        Answer { status: Some(200), content_type: "application/xml", body, ..Answer::default() }
    }

    /// The host whose sitemap a URL is.
    pub(super) fn host_of_sitemap(&self, url: &str) -> Option<u64> {
        let (host, path) = url.strip_prefix(&self.web.before)?.split_once(&self.web.after)?;
        (path == "sitemap.xml").then(|| host.parse().ok())?
    }

    fn page(&self, number: u64, round: u64, new: Range<u64>) -> String {
        let own = self.roll("page", number);
        let mut html = self.head(number, own, round);
        self.words(&mut html, own, WORDS / 2, ".</p>\n<p>");
        // What a later round says otherwise stands in the second half.
        self.words(&mut html, mixed(own, round), WORDS / 2, ".</p>\n<p>");
        self.assets(&mut html, own);
        for target in new {
            self.link(&mut html, target);
        }
        if self.is_chained(number + 1) {
            let _ = writeln!(html, "<a href=\"{}\">further</a>", self.web.url(number + 1));
        }
        self.links(&mut html, own);
        if own >> 8 & 3 != 0 {
            let site = skewed(mixed(own, 70), SITES_BITS);
            let rel = if own >> 10 & 7 == 0 { " rel=\"nofollow\"" } else { "" };
            let document = skewed(mixed(own, 71), 16);
            let _ = writeln!(html, "<a href=\"https://partner-{site}.test/doc/{document}\"{rel}>our partner</a>");
        }
        html + "</html>\n"
    }

    fn head(&self, number: u64, own: u64, round: u64) -> String {
        let lang = ["en", "en", "en", "de", "fr", "ja"][(own >> 16) as usize % 6];
        let edition = if round > 1 && own >> 44 & 7 == 0 { format!(", edition {round}") } else { String::new() };
        let title = match own % 40 {
            0 => String::new(),
            1 => format!("<title>Part {} of the made-up web</title>", number % PARTS),
            2 => format!("<title>P. {}</title>", number % 1000),
            3 => format!(
                "<title>Page {number} of the made-up web, whose title says more than anybody wants to read</title>"
            ),
            _ => format!("<title>Page {number} of the made-up web{edition}</title>"),
        };
        let description = match (own >> 8) % 20 {
            0 => String::new(),
            1 => "<meta name=\"description\" content=\"What stands on many pages\">".to_owned(),
            2 => format!(
                "<meta name=\"description\" content=\"What stands on page {number}{}\">",
                ", at length".repeat(15)
            ),
            _ => format!("<meta name=\"description\" content=\"What stands on page {number}\">"),
        };
        let canonical = match (own >> 24) % 100 {
            0..2 => format!("<link rel=\"canonical\" href=\"{}\">", self.web.url(number / 2)),
            2 => format!(
                "<link rel=\"canonical\" href=\"{}\"><link rel=\"canonical\" href=\"{}\">",
                self.web.url(number),
                self.web.url(number / 3)
            ),
            3..30 => format!("<link rel=\"canonical\" href=\"{}\">", self.web.url(number)),
            _ => String::new(),
        };
        let robots = if (own >> 34).is_multiple_of(100) { "<meta name=\"robots\" content=\"noindex\">" } else { "" };
        format!(
            "<!doctype html><html lang=\"{lang}\">{title}\n{description}{canonical}{robots}\n<link rel=\"stylesheet\" href=\"/style.css\">\
             <script src=\"/app.js\"></script>\n<h1>Page {number}</h1>\n<p>"
        )
    }

    fn assets(&self, html: &mut String, own: u64) {
        let image = (own >> 40) % 50;
        let _ = writeln!(html, "<img src=\"/images/{image}.png\" alt=\"\">");
        if (own >> 20).is_multiple_of(100) {
            let _ = writeln!(html, "<img src=\"http://images.test/{image}.png\" alt=\"\">");
        }
    }

    /// Links to the first page of the host, to anything, and to what everybody links to.
    fn links(&self, html: &mut String, own: u64) {
        html.push_str("<a href=\"/\">Home</a>\n");
        for nth in 0..LINKS {
            let roll = mixed(own, 50 + nth);
            let target = if nth % 2 == 0 { roll % self.web.urls } else { skewed(roll, 20) % self.web.urls };
            self.link(html, target);
        }
    }

    fn link(&self, html: &mut String, target: u64) {
        if self.is_orphan(target) || self.is_chained(target) {
            return;
        }
        let anchor = if target.is_multiple_of(20) { "more".to_owned() } else { format!("to page {target}") };
        let _ = writeln!(html, "<a href=\"{}\">{anchor}</a>", self.web.url(target));
    }

    /// A page that says what `text` says, but for its title and its last word.
    fn copy(&self, title: &str, text: u64, last: u64) -> Vec<u8> {
        let own = self.roll("copy", text);
        let mut html =
            format!("<!doctype html><html lang=\"en\"><title>{title}</title>\n<h1>What is said again</h1>\n<p>");
        self.words(&mut html, own, WORDS, ".</p>\n<p>");
        self.words(&mut html, self.roll("last", last), 1, "");
        self.links(&mut html, own);
        (html + "</html>\n").into_bytes()
    }

    /// One of twenty is large.
    fn pdf(&self, number: u64) -> Vec<u8> {
        let roll = self.roll("pdf", number);
        let size =
            if roll.is_multiple_of(20) { 1_100_000 + (roll >> 32) % 500_000 } else { 8_000 + (roll >> 32) % 20_000 };
        let mut pdf = format!("%PDF-1.4\n% {number}\n").into_bytes();
        pdf.resize(size as usize, b' ');
        pdf
    }

    fn words(&self, html: &mut String, own: u64, words: u64, stop: &str) {
        for nth in 0..words {
            let mut word = skewed(mixed(own, 1000 + nth), VOCABULARY_BITS);
            loop {
                html.push_str(SYLLABLES[word as usize % SYLLABLES.len()]);
                word /= SYLLABLES.len() as u64;
                if word == 0 {
                    break;
                }
            }
            html.push_str(if nth % 20 == 19 { stop } else { " " });
        }
    }
}

fn status(code: u16) -> Answer {
    Answer { status: Some(code), content_type: "text/html", ..Answer::default() }
}

/// A number below 2^bits, about in proportion to 1 / number: as many below 2 as from 2 to 4, or from 4 to 8.
fn skewed(roll: u64, bits: u64) -> u64 {
    let octave = roll % bits;
    (1 << octave) - 1 + (roll >> 32) % (1 << octave)
}
