//! HTML: any bytes give a page within its caps, without NUL, the same one again, from either parser.
//!
//! Input: the first byte chooses the limits (`0`: tight, `x`: XHTML, `t`: time runs out, else the
//! defaults), the rest is the document.

#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use sqrawl::model::{CrawlUrl, Page, ParseCut, Parser};
use sqrawl::parse::{BodyFacts, ParseLimits, parse};

const TIGHT: ParseLimits = ParseLimits {
    parser: Parser::Scraper,
    max_page_bytes: 1 << 20,
    max_depth: 8,
    max_nodes: 64,
    max_attributes: 4,
    max_links: 3,
    max_text_bytes: 40,
};

fuzz_target!(|input: &[u8]| {
    let Some((&mode, body)) = input.split_first() else { return };
    for parser in [Parser::Scraper, Parser::Stream] {
        let limits = if mode == b'0' { TIGHT } else { ParseLimits::default() };
        one(mode, body, &ParseLimits { parser, ..limits });
    }
});

fn one(mode: u8, body: &[u8], limits: &ParseLimits) {
    let content_type = if mode == b'x' { "application/xhtml+xml; charset=utf-8" } else { "text/html; charset=utf-8" };
    let url = CrawlUrl::stored("https://example.com/dir/page?q").unwrap();
    let facts =
        BodyFacts { url: &url, content_type: Some(content_type), agent: "sqrawl", is_sitemap: false, truncated: false };
    let read = || {
        let mut asked = 0;
        parse(body, facts, limits, &mut || {
            asked += 1;
            mode == b't' && asked > 1
        })
    };
    let page = read();
    check(&page, limits, body.len());
    if mode == b'0' {
        assert_eq!(page, read(), "the same document within the same caps, another page");
    }
}

/// SQLite ends a text at a NUL, also at one that JSON spells.
fn check_json(value: &Value) {
    match value {
        Value::String(text) => assert!(!text.contains('\0')),
        Value::Array(items) => items.iter().for_each(check_json),
        Value::Object(fields) => fields.iter().for_each(|(name, value)| {
            assert!(!name.contains('\0'));
            check_json(value);
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn check(page: &Page, limits: &ParseLimits, bytes: usize) {
    assert!(page.links.len() <= limits.max_links, "{} links", page.links.len());
    assert!(page.links_cut == 0 || page.links.len() == limits.max_links);
    assert!(page.links_cut == 0 || page.cut.is_some(), "links were cut and nothing says so");
    let text = page.text.as_deref().unwrap_or_default();
    assert!(text.len() <= limits.max_text_bytes, "{} bytes of text", text.len());
    // Text is not made up: what a page shows is no longer than what it holds.
    assert!(text.len() <= 4 * bytes + 16, "{} bytes of text from {bytes}", text.len());
    for (at, link) in page.links.iter().enumerate() {
        assert_eq!(link.position as usize, at);
        assert!(!link.href.contains('\0'));
        assert!(link.anchor.as_deref().is_none_or(|anchor| !anchor.contains('\0') && anchor.chars().count() <= 256));
    }
    for text in [&page.title, &page.description, &page.text, &page.base, &page.lang, &page.meta_robots] {
        assert!(text.as_deref().is_none_or(|text| !text.contains('\0')));
    }
    for json in [&page.json_ld, &page.open_graph].into_iter().flatten() {
        check_json(&serde_json::from_str(json).expect("JSON"));
    }
    assert!(page.headings.iter().all(|(level, text)| (1..=6).contains(level) && !text.contains('\0')));
    assert_eq!(page.words.unwrap_or_default() as usize, text.split_whitespace().count());
    assert_ne!(page.cut, Some(ParseCut::Time).filter(|_| bytes < 16 * 1024), "time is asked between pieces of 16 kB");
}
