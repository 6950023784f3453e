//! Whole bodies through [`super::parse`], and the tree builder against plain scraper.

mod encodings;
mod feeds;
mod hostile;
mod links;
mod pages;
mod sitemaps;
mod streams;
mod trees;

use super::{BodyFacts, ParseLimits, parse};
use crate::model::{CrawlUrl, Page, Parser};

/// Parses with a clock that never runs out. Where no limit cuts a page the stream says the same.
fn parsed(body: &[u8], content_type: Option<&str>, limits: &ParseLimits) -> Page {
    let page = parsed_by(Parser::Scraper, body, content_type, limits);
    if page.cut.is_none() {
        let streamed = parsed_by(Parser::Stream, body, content_type, limits);
        assert_eq!(streamed, page, "{:.200}", String::from_utf8_lossy(body));
    }
    page
}

/// Parses with one parser.
fn parsed_by(parser: Parser, body: &[u8], content_type: Option<&str>, limits: &ParseLimits) -> Page {
    let url = CrawlUrl::stored("https://example.com/dir/page").expect("a canonical URL");
    let facts = BodyFacts { url: &url, content_type, agent: "sqrawl", is_sitemap: false, truncated: false };
    parse(body, facts, &ParseLimits { parser, ..*limits }, &mut || false)
}

/// Parses UTF-8 HTML under the default limits.
fn html(body: &str) -> Page {
    parsed(body.as_bytes(), Some("text/html; charset=utf-8"), &ParseLimits::default())
}
