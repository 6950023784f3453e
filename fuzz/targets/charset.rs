//! Detection of media type and encoding: every text gets an encoding that exists, and what is
//! decoded with it holds no NUL.
//!
//! Input: the first line is the `Content-Type` (none when empty), the rest the body.

#![no_main]

use encoding_rs::Encoding;
use libfuzzer_sys::fuzz_target;
use sqrawl::model::{CrawlUrl, Page};
use sqrawl::parse::{BodyFacts, ParseLimits, content_hash, parse};

fuzz_target!(|input: &[u8]| {
    let end = input.iter().position(|&b| b == b'\n').unwrap_or(input.len());
    let content_type = String::from_utf8_lossy(&input[..end]);
    let body = input.get(end + 1..).unwrap_or_default();
    let url = CrawlUrl::stored("https://example.jp/").unwrap();
    let facts = BodyFacts {
        url: &url,
        content_type: (!content_type.is_empty()).then_some(&content_type),
        agent: "sqrawl",
        is_sitemap: false,
        truncated: false,
    };
    let page = parse(body, facts, &ParseLimits::default(), &mut || false);

    assert!(!page.mime.is_empty() && page.mime.bytes().all(|b| b.is_ascii_graphic() && !b.is_ascii_uppercase()));
    assert_eq!(page.hash, content_hash(&page.mime, page.charset.as_deref(), body));
    if let Some(label) = &page.charset {
        let encoding = Encoding::for_label(label.as_bytes()).unwrap_or_else(|| panic!("{label:?} is no encoding"));
        assert_eq!(encoding.name().to_ascii_lowercase(), *label);
        if let Some((mark, _)) = Encoding::for_bom(body) {
            assert_eq!(encoding, mark, "a byte order mark decides");
        }
        // A plain text may turn out to be a sitemap or a feed, which has no text.
        if let Some(text) = page.text.as_deref().filter(|_| page.mime == "text/plain") {
            let decoded = encoding.decode_with_bom_removal(body).0.replace('\0', "");
            assert_eq!(text, decoded);
        }
    }
    assert!(strings(&page).all(|text| !text.contains('\0')));
});

fn strings(page: &Page) -> impl Iterator<Item = &str> {
    let one = [&page.title, &page.description, &page.text, &page.base, &page.lang, &page.meta_robots];
    let links = page.links.iter().flat_map(|link| [Some(link.href.as_str()), link.anchor.as_deref()]);
    let headings = page.headings.iter().map(|(_, text)| text.as_str());
    one.into_iter().flat_map(|text| text.as_deref()).chain(links.flatten()).chain(headings)
}
