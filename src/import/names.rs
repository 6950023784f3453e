//! [`Found`]: what a file is, by its first bytes. [`names`]: the URLs of a list or a sitemap.

use crate::model::{CrawlUrl, LinkKind};
use crate::parse::{self, BodyFacts, ParseLimits};
use crate::scope::{UrlRules, seed_url};

/// Longest line of a list, in bytes.
const MOST_LINE_BYTES: usize = 64 * 1024;
/// Where a sitemap has the end tag of its root.
const TAIL_BYTES: usize = 256;
/// Lines that are no URLs and are named; the rest are counted.
const MOST_NAMED: usize = 10;

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// Records of WARC.
    Warc,
    /// XML: a sitemap, or an index of them.
    Sitemap,
    /// URLs, a line each.
    List,
}

impl Found {
    /// By the first bytes, unpacked; `None`: it is no text at all.
    pub fn of(start: &[u8]) -> Option<Found> {
        let start = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start).trim_ascii_start();
        match start {
            [b'<', ..] => Some(Found::Sitemap),
            _ if start.starts_with(b"WARC/") => Some(Found::Warc),
            _ => (!start.contains(&0)).then_some(Found::List),
        }
    }
}

/// The URLs of a file.
#[derive(Debug, Default)]
pub struct Names {
    /// Each as it was given, and as it is crawled.
    pub urls: Vec<(String, CrawlUrl)>,
    /// What is no URL: the first ones with place and reason.
    pub wrong: Vec<String>,
    /// How many of these there are in all.
    pub wrong_count: u64,
}

/// Reads the URLs of a list or a sitemap, in the spelling that `rules` give them; at most `most`.
pub fn names(found: Found, bytes: &[u8], rules: &UrlRules, most: usize) -> Names {
    let mut names = Names::default();
    if found == Found::Sitemap {
        sitemap(bytes, rules, most, &mut names);
        return names;
    }
    for (number, line) in (1_u64..).zip(bytes.split(|byte| *byte == b'\n')) {
        let line = if number == 1 { line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line) } else { line };
        let line = line.trim_ascii();
        if line.is_empty() || line.starts_with(b"#") {
            continue;
        }
        let place = format!("line {number}");
        match std::str::from_utf8(line) {
            _ if line.len() > MOST_LINE_BYTES => names.refuse(&place, "too long"),
            _ if names.urls.len() >= most => names.refuse(&place, "too many"),
            Ok(text) => names.take(&place, text, rules),
            Err(_) => names.refuse(&place, "not UTF-8"),
        }
    }
    names
}

fn sitemap(bytes: &[u8], rules: &UrlRules, most: usize, names: &mut Names) {
    // Entries are absolute; what is not has no base here.
    let Ok(base) = CrawlUrl::stored("https://sitemap.invalid/") else { return };
    let facts = BodyFacts {
        url: &base,
        content_type: Some("application/xml"),
        agent: "sqrawl",
        is_sitemap: true,
        truncated: false,
    };
    let limits = ParseLimits { max_links: most, ..ParseLimits::default() };
    let page = parse::parse(bytes, facts, &limits, &mut || false);
    for (number, link) in (1_u64..).zip(page.links.iter().filter(|link| link.kind == LinkKind::Sitemap)) {
        let place = format!("entry {number}");
        match names.urls.len() < most {
            true => names.take(&place, &link.href, rules),
            false => names.refuse(&place, "too many"),
        }
    }
    let tail = &bytes[bytes.len().saturating_sub(TAIL_BYTES)..];
    let tail = &tail[memchr::memmem::rfind(tail, b"</").unwrap_or(tail.len())..];
    let is_closed = ["urlset", "sitemapindex"].iter().any(|root| memchr::memmem::find(tail, root.as_bytes()).is_some());
    if !names.urls.is_empty() && !is_closed {
        names.refuse("its end", "missing, as of a file that was cut off; what stands before is taken");
    }
    for _ in 0..page.links_cut {
        names.refuse("an entry", "too many");
    }
    if names.urls.is_empty() && names.wrong_count == 0 {
        names.refuse("it", "XML without entries of a sitemap");
    }
}

impl Names {
    fn take(&mut self, place: &str, text: &str, rules: &UrlRules) {
        match seed_url(text, rules) {
            Ok(seed) => self.urls.push((text.to_owned(), seed.url)),
            Err(why) => self.refuse(place, &why.to_string()),
        }
    }

    fn refuse(&mut self, place: &str, why: &str) {
        self.wrong_count += 1;
        if self.wrong.len() < MOST_NAMED {
            self.wrong.push(format!("{place}: {why}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_known_by_its_beginning() {
        let cases: [(&[u8], Option<Found>); 6] = [
            (b"WARC/1.0\r\n", Some(Found::Warc)),
            (b"\xef\xbb\xbf <?xml", Some(Found::Sitemap)),
            (b"https://a.example/", Some(Found::List)),
            (b"", Some(Found::List)),
            (b"# <x>", Some(Found::List)),
            (b"\x7fELF\x02\0\0", None),
        ];
        for (start, wanted) in cases {
            assert_eq!(Found::of(start), wanted, "{start:?}");
        }
    }

    #[test]
    fn lists_and_sitemaps_give_their_urls() {
        let rules = UrlRules::none();
        let urls = |names: &Names| names.urls.iter().map(|(_, url)| url.as_str().to_owned()).collect::<Vec<_>>();
        let list = names(Found::List, b"# c\n\nhttps://a.example/x\r\nb.example\nmailto:x\n\xff\n", &rules, 9);
        assert_eq!(urls(&list), ["https://a.example/x", "https://b.example/"]);
        assert_eq!((list.wrong_count, list.wrong[1].as_str()), (2, "line 6: not UTF-8"));
        let xml =
            b"<urlset><url><loc>https://a.example/1</loc></url><url><loc>https://a.example/2</loc></url></urlset>";
        assert_eq!(urls(&names(Found::Sitemap, xml, &rules, 9)), ["https://a.example/1", "https://a.example/2"]);
        let one = names(Found::Sitemap, xml, &rules, 1);
        assert_eq!((urls(&one).len(), one.wrong_count), (1, 1));
        assert_eq!(names(Found::Sitemap, b"<html></html>", &rules, 9).wrong_count, 1);
        let cut = names(Found::Sitemap, &xml[..xml.len() - 20], &rules, 9);
        assert_eq!((urls(&cut).len(), cut.wrong_count), (1, 1), "{:?}", cut.wrong);
    }
}
