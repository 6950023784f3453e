//! [`Web`]: a web without end to its pages, the same for the same seed. URLs are numbers; everything else
//! about them is computed from the number.

use std::fmt::Write;
use std::ops::Range;

use sqrawl::model::CrawlUrl;

/// First pages of hosts that are seeds.
const SEEDS: u64 = 10;
/// Links of a page to URLs that are known already.
const OLD_LINKS: u64 = 8;
/// Folders of a host.
pub(super) const PARTS: u64 = 97;
/// Words of a page beside its links.
pub(super) const WORDS: u64 = 200;
/// Most new URLs on a page: half of what a page may link to.
const MOST_NEW_LINKS: u64 = 10_000;

/// The web of `hosts` hosts with `urls` URLs: the first ones are the hosts' first pages, the others are
/// spread over the hosts as Zipf has it (host n gets a share in proportion to 1 / n).
#[derive(Debug)]
pub(super) struct Web {
    pub(super) before: String,
    pub(super) after: String,
    pub(super) urls: u64,
    pub(super) seed: u64,
    /// Share of the hosts up to each one.
    shares: Vec<f64>,
}

impl Web {
    /// `base` is the first page of every host, with `{n}` for its number.
    ///
    /// # Errors
    /// What does not fit, in words.
    pub(super) fn new(base: &str, hosts: u64, urls: u64, seed: u64) -> Result<Web, String> {
        let (before, after) =
            base.split_once("{n}").ok_or(format!("{base} has no {{n}} for the number of the host"))?;
        if hosts == 0 || hosts > urls {
            return Err(format!("{urls} URLs cannot be spread over {hosts} hosts: at least one each"));
        }
        let first = CrawlUrl::stored(&base.replace("{n}", "1")).map_err(|why| format!("{base}: {why}"))?;
        if first.path_and_query() != "/" {
            return Err(format!("{base} is to be the first page of a host, with the path /"));
        }
        let mut sum = 0.0;
        let mut shares: Vec<f64> = (1..=hosts).map(|n| (sum += 1.0 / n as f64, sum).1).collect();
        shares.iter_mut().for_each(|share| *share /= sum);
        Ok(Web { before: before.to_owned(), after: after.to_owned(), urls, seed, shares })
    }

    /// Hosts.
    pub(super) fn hosts(&self) -> u64 {
        self.shares.len() as u64
    }

    /// URLs that are seeds: the first ones.
    pub(super) fn seeds(&self) -> Range<u64> {
        0..self.hosts().min(SEEDS)
    }

    /// The URLs that the `nth` of `pages` visited pages is the first to name.
    ///
    /// # Errors
    /// More than a page may name.
    pub(super) fn new_on(&self, nth: u64, pages: u64) -> Result<Range<u64>, String> {
        let seeds = self.seeds().end;
        let left = self.urls - seeds;
        if left / pages.max(1) >= MOST_NEW_LINKS {
            return Err(format!("{pages} pages cannot name {left} URLs; at most {MOST_NEW_LINKS} each"));
        }
        // Numbers far below 2^32 each.
        Ok(seeds + nth * left / pages..seeds + (nth + 1) * left / pages)
    }

    /// The URL with a number.
    pub(super) fn url(&self, number: u64) -> String {
        let Web { before, after, .. } = self;
        if number < self.hosts() {
            return format!("{before}{number}{after}");
        }
        let part = number % PARTS;
        format!("{before}{}{after}part-{part}/page-{number}.html", self.host(number))
    }

    /// The host of a URL that is no first page.
    pub(super) fn host(&self, number: u64) -> usize {
        let host = self.shares.partition_point(|share| *share <= fraction(mixed(self.seed, number)));
        host.min(self.shares.len() - 1)
    }

    /// The number of a URL.
    pub(super) fn number(&self, url: &str) -> Option<u64> {
        let (host, path) = url.strip_prefix(&self.before)?.split_once(&self.after)?;
        match path.rsplit_once("page-") {
            Some((_, page)) => page.strip_suffix(".html")?.parse().ok(),
            None => host.parse().ok(),
        }
    }

    /// What a page says of itself. Some say what others say, or nothing, so that reports find something.
    fn head(&self, number: u64, own: u64) -> String {
        let lang = ["en", "en", "en", "de", "fr", "ja"][(own >> 16) as usize % 6];
        let title = match own % 40 {
            0 => "<title></title>".to_owned(),
            1 => format!("<title>Part {} of the made-up web</title>", number % PARTS),
            _ => format!("<title>Page {number} of the made-up web</title>"),
        };
        let description = match (own >> 8) % 20 {
            0 => String::new(),
            1 => "<meta name=\"description\" content=\"What stands on many pages\">".to_owned(),
            _ => format!("<meta name=\"description\" content=\"What stands on page {number}\">"),
        };
        let canonical = match (own >> 24) % 50 {
            0 => format!("<link rel=\"canonical\" href=\"{}\">", self.url(number / 2)),
            _ => String::new(),
        };
        format!("<!doctype html><html lang=\"{lang}\">{title}\n{description}{canonical}\n<h1>Page {number}</h1>\n<p>")
    }

    /// A page that names `new` URLs, and some of those that are known since.
    pub(super) fn html(&self, number: u64, new: Range<u64>) -> String {
        let own = mixed(self.seed, number ^ 0x5bd1_e995);
        let mut html = self.head(number, own);
        for nth in 0..WORDS {
            let word = mixed(own, nth);
            let end = if nth % 20 == 19 { ".</p>\n<p>" } else { " " };
            let _ = write!(html, "{}{}{end}", SYLLABLES[word as usize % 16], SYLLABLES[(word >> 8) as usize % 16]);
        }
        let old = (0..OLD_LINKS).map(|nth| mixed(own, WORDS + nth) % new.start.max(1));
        for target in new.clone().chain(old) {
            let _ = writeln!(html, "<a href=\"{}\">to page {target}</a>", self.url(target));
        }
        html + "</html>\n"
    }
}

pub(super) const SYLLABLES: [&str; 16] =
    ["ba", "lo", "ter", "ni", "gra", "mo", "sel", "ka", "dru", "fi", "pan", "ve", "tol", "ri", "qua", "zu"];

/// Two numbers well mixed (splitmix64, Steele et al. 2014).
pub(super) fn mixed(seed: u64, number: u64) -> u64 {
    let mut z = seed.wrapping_add(number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A number in [0, 1).
fn fraction(bits: u64) -> f64 {
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}
