//! Sitemaps and feeds: any bytes give entries within their caps, the same ones packed and not.
//!
//! Input: the first byte chooses the media type (`t`: plain text, `a`: Atom, `j`: JSON feed, `h`:
//! HTML that is called a sitemap, `r`: a gzip file as it is, `o`: time runs out, else XML), the rest
//! is the body.

#![no_main]

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use libfuzzer_sys::fuzz_target;
use sqrawl::model::{CrawlUrl, LinkKind, Page};
use sqrawl::parse::{BodyFacts, ParseLimits, parse};

const FREQUENCIES: [&str; 7] = ["always", "hourly", "daily", "weekly", "monthly", "yearly", "never"];

fuzz_target!(|input: &[u8]| {
    let Some((&mode, body)) = input.split_first() else { return };
    let (content_type, is_sitemap) = match mode {
        b't' => ("text/plain", true),
        b'a' => ("application/atom+xml", false),
        b'j' => ("application/feed+json", false),
        b'h' => ("text/html", true),
        b'r' => ("application/gzip", true),
        _ => ("application/xml", true),
    };
    let page = read(body, content_type, is_sitemap, mode == b'o');
    check(&page);
    let is_packed = body.starts_with(b"\x1f\x8b\x08");
    if content_type == "application/xml" && mode != b'o' && !is_packed {
        let packed = read(&packed(body), content_type, is_sitemap, false);
        assert_eq!(packed.links, page.links, "packed it says something else");
    }
});

fn read(body: &[u8], content_type: &str, is_sitemap: bool, out_of_time: bool) -> Page {
    let url = CrawlUrl::stored("https://example.com/dir/listing").unwrap();
    let facts =
        BodyFacts { url: &url, content_type: Some(content_type), agent: "sqrawl", is_sitemap, truncated: false };
    parse(body, facts, &ParseLimits::default(), &mut || out_of_time)
}

fn packed(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

fn check(page: &Page) {
    assert!(page.links.len() <= 100_000);
    assert!(page.links_cut == 0 || page.cut.is_some(), "links were cut and nothing says so");
    for (at, link) in page.links.iter().enumerate() {
        assert_eq!(link.position as usize, at);
        assert!(!link.href.contains('\0') && link.href.len() <= 16 * 1024);
        assert!(link.anchor.as_deref().is_none_or(|anchor| !anchor.contains('\0') && anchor.chars().count() <= 256));
        let Some(entry) = &link.entry else { continue };
        assert_eq!(link.kind, LinkKind::Sitemap);
        assert!(entry.lastmod.as_deref().is_none_or(|when| !when.contains('\0') && when.chars().count() <= 64));
        assert!(entry.priority.is_none_or(|priority| (0.0..=1.0).contains(&priority)));
        assert!(entry.changefreq.as_deref().is_none_or(|often| FREQUENCIES.contains(&often)));
    }
    for text in [&page.title, &page.description, &page.text, &page.base, &page.lang] {
        assert!(text.as_deref().is_none_or(|text| !text.contains('\0')));
    }
}
