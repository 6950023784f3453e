//! [`Found`]: what a file is, by its first bytes. [`sitemap`]: the URLs of a sitemap or a feed.

use encoding_rs::Encoding;

use super::capture::given_of;
use super::list::not_a_list;
use crate::model::{CrawlUrl, LinkKind};
use crate::parse::{self, BodyFacts, ParseLimits};
use crate::scope::{UrlRules, seed_url, without_credentials};

/// Entries that are no URLs and are named; the rest are counted.
const MOST_NAMED: usize = 10;
/// Where a sitemap has the end tag of its root.
const TAIL_BYTES: usize = 256;

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// Records of WARC.
    Warc,
    /// XML: a sitemap, an index of them, or a feed.
    Sitemap,
    /// URLs, a line each.
    List,
}

impl Found {
    /// By the first bytes, unpacked.
    ///
    /// # Errors
    /// What it is instead.
    pub fn of(start: &[u8]) -> Result<Found, &'static str> {
        let text = match Encoding::for_bom(start) {
            Some((encoding, _)) => encoding.decode(start).0.into_owned(),
            None => String::from_utf8_lossy(start).into_owned(),
        };
        match text.trim_start() {
            text if text.starts_with("WARC/") => Ok(Found::Warc),
            text if text.starts_with('<') => Ok(Found::Sitemap),
            _ => not_a_list(start).map_or(Ok(Found::List), Err),
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

/// Reads the URLs of a sitemap or a feed, in the spelling that `rules` give them; at most `most`.
pub fn sitemap(bytes: &[u8], rules: &UrlRules, most: usize) -> Names {
    let mut names = Names::default();
    // Entries are absolute; what is not has no base here.
    let Ok(base) = CrawlUrl::stored("https://sitemap.invalid/") else { return names };
    let facts = BodyFacts {
        url: &base,
        content_type: Some("application/xml"),
        agent: "sqrawl",
        is_sitemap: true,
        truncated: false,
    };
    let limits = ParseLimits { max_links: most, ..ParseLimits::default() };
    let page = parse::parse(bytes, facts, &limits, &mut || false);
    let is_entry = |kind| matches!(kind, LinkKind::Sitemap | LinkKind::Feed);
    for (number, link) in (1_u64..).zip(page.links.iter().filter(|link| is_entry(link.kind))) {
        let place = format!("entry {number}");
        match names.urls.len() < most {
            true => names.take(&place, &link.href, rules),
            false => names.refuse(&place, "too many"),
        }
    }
    for _ in 0..page.links_cut {
        names.refuse("an entry", "too many");
    }
    if names.urls.is_empty() && names.wrong_count == 0 {
        names.refuse("it", "neither a sitemap nor a feed (RSS, Atom) with an entry; a list has a URL a line");
    } else if !is_closed(bytes) {
        names.refuse("its end", "missing, as of a file that was cut off; what stands before is taken");
    }
    names
}

/// Whether the last end tag is that of a root.
fn is_closed(bytes: &[u8]) -> bool {
    let tail: Vec<u8> = bytes[bytes.len().saturating_sub(TAIL_BYTES)..].iter().copied().filter(|b| *b != 0).collect();
    let tail = String::from_utf8_lossy(&tail).to_ascii_lowercase();
    let name = tail.rsplit_once("</").and_then(|(_, rest)| rest.split_once('>')).map_or("", |(name, _)| name.trim());
    ["urlset", "sitemapindex", "rss", "rdf", "feed"].contains(&name.rsplit(':').next().unwrap_or_default())
}

impl Names {
    fn take(&mut self, place: &str, text: &str, rules: &UrlRules) {
        match seed_url(text, rules) {
            Ok(seed) => self.urls.push((given_of(text, &seed.url), seed.url)),
            Err(why) => self.refuse(place, &format!("{}: {why}", without_credentials(text))),
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

    fn utf_16(text: &str) -> Vec<u8> {
        "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
    }

    #[test]
    fn a_file_is_known_by_its_beginning() {
        let cases: [(&[u8], Result<Found, &str>); 8] = [
            (b"WARC/1.0\r\n", Ok(Found::Warc)),
            (b"\xef\xbb\xbf <?xml", Ok(Found::Sitemap)),
            (b"https://a.example/", Ok(Found::List)),
            (b"", Ok(Found::List)),
            (b"# <x>", Ok(Found::List)),
            (&utf_16("<?xml"), Ok(Found::Sitemap)),
            (&utf_16("https://a.example/"), Ok(Found::List)),
            (b"PK\x03\x04", Err("a zip file")),
        ];
        for (start, wanted) in cases {
            let found = Found::of(start);
            let is_so = match (found, wanted) {
                (Err(why), Err(words)) => why.contains(words),
                (found, wanted) => found == wanted,
            };
            assert!(is_so, "{start:?}: {found:?}");
        }
    }

    const XML: &str =
        "<urlset><url><loc>https://a.example/1</loc></url><url><loc>https://me:s3cret@a.example/2</loc></url></urlset>";

    fn given(bytes: &[u8]) -> (Vec<String>, Vec<String>) {
        let names = sitemap(bytes, &UrlRules::none(), 9);
        (names.urls.into_iter().map(|(given, _)| given).collect(), names.wrong)
    }

    #[test]
    fn sitemaps_and_feeds_give_their_urls() {
        let both = vec!["https://a.example/1".to_owned(), "https://a.example/2".to_owned()];
        assert_eq!(given(XML.as_bytes()), (both.clone(), Vec::new()));
        assert_eq!(given(&utf_16(XML)), (both, Vec::new()));
        let one = sitemap(XML.as_bytes(), &UrlRules::none(), 1);
        assert_eq!((one.urls.len(), one.wrong_count), (1, 1));
        let rss = "<rss version='2.0'><channel><item><link>https://a.example/n</link></item></channel></rss>";
        assert_eq!(given(rss.as_bytes()), (vec!["https://a.example/n".to_owned()], Vec::new()));
        let cut = given(&XML.as_bytes()[..XML.len() - 9]);
        assert_eq!((cut.0.len(), cut.1.len()), (2, 1), "{cut:?}");
        let html = given(b"<html><a href=https://a.example/>x</a></html>");
        assert!(html.0.is_empty() && html.1[0].contains("neither a sitemap nor a feed"), "{html:?}");
    }
}
