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
use crate::model::{CrawlUrl, Page};

/// Parses with a clock that never runs out.
fn parsed(body: &[u8], content_type: Option<&str>, limits: &ParseLimits) -> Page {
    let url = CrawlUrl::stored("https://example.com/dir/page").expect("a canonical URL");
    parse(
        body,
        BodyFacts { url: &url, content_type, agent: "sqrawl", is_sitemap: false, truncated: false },
        limits,
        &mut || false,
    )
}

/// Parses UTF-8 HTML under the default limits.
fn html(body: &str) -> Page {
    parsed(body.as_bytes(), Some("text/html; charset=utf-8"), &ParseLimits::default())
}
