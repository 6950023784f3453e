//! Bodies understood: [`parse`] turns bytes into a [`Page`]; [`directives`] and [`link_header`] read
//! the response headers that speak of the page. All of it is data: no input is an error.
//!
//! In order: [`sniff`] and [`mime`] say what a body is, [`charset`] and [`prescan`] how it is
//! written, [`fingerprint`] gives its identity. HTML goes through [`tree`] ([`tags`], [`nesting`]
//! and [`sink`] keep html5ever linear), or in a [`stream`] without a tree, and one [`walk`] ([`elements`],
//! [`references`], [`flow`]); [`language`] and [`soft_404`] look at the text. `docs/extraction.md` lists what is taken from where.

mod characters;
mod charset;
mod directives;
mod doctype;
mod elements;
mod feed;
mod fingerprint;
mod flow;
mod language;
mod link_header;
mod markdown;
mod markup;
mod mime;
mod names;
mod nesting;
mod prescan;
mod references;
mod script;
mod sink;
mod sitemap;
mod sniff;
mod soft_404;
mod stream;
mod structured;
mod syndication;
#[cfg(test)]
mod tests;
mod tokens;
mod tree;
mod walk;
mod watch;
mod xml;

pub use directives::{Directives, directives};
pub use fingerprint::content_hash;
pub use link_header::{link_header, refresh_header};
pub use markdown::{decoded, markdown};
pub use syndication::names_sitemap;

use std::borrow::Cow;

use encoding_rs::Encoding;

use self::mime::BodyKind;
use crate::model::{CrawlUrl, Page, ParseCut, Parser};

/// What is known of a body beside its bytes.
#[derive(Clone, Copy, Debug)]
pub struct BodyFacts<'a> {
    /// Where it came from.
    pub url: &'a CrawlUrl,
    /// `Content-Type` as received; of several ones with commas between.
    pub content_type: Option<&'a str>,
    /// Product token of this crawler, for `meta name=TOKEN`.
    pub agent: &'a str,
    /// Whether robots.txt, a sitemap index or the operator names it as a sitemap.
    pub is_sitemap: bool,
    /// Whether the body is only the first part of what the server had.
    pub truncated: bool,
}

/// Caps of one parse, and which parser they are put to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseLimits {
    /// How HTML is read.
    pub parser: Parser,
    /// Bytes of a body that is no sitemap and no feed. A larger one is not read: see [`Page::too_big`].
    pub max_page_bytes: u64,
    /// Nested elements.
    pub max_depth: usize,
    /// Nodes of the tree; without a tree there is no such cap.
    pub max_nodes: usize,
    /// Attributes of one tag.
    pub max_attributes: usize,
    /// Links of one page.
    pub max_links: usize,
    /// Bytes of plain text.
    pub max_text_bytes: usize,
}

impl Default for ParseLimits {
    fn default() -> Self {
        ParseLimits {
            parser: Parser::Scraper,
            max_page_bytes: 10_000_000,
            max_depth: 512,
            max_nodes: 500_000,
            max_attributes: 512,
            max_links: 20_000,
            max_text_bytes: 4_000_000,
        }
    }
}

/// Parses a body. `out_of_time` is asked between pieces of 16 kB; true cuts the parse.
pub fn parse(body: &[u8], facts: BodyFacts<'_>, limits: &ParseLimits, out_of_time: &mut dyn FnMut() -> bool) -> Page {
    let mime = sniff::computed_type(facts.content_type, body);
    let kind = BodyKind::of(&mime.essence);
    let encoding = (kind != BodyKind::Binary)
        .then(|| charset::encoding_of(kind, mime.charset.as_deref(), body, facts.url.host_str()));
    let charset = encoding.map(|encoding| encoding.name().to_ascii_lowercase());
    let hash = fingerprint::content_hash(&mime.essence, charset.as_deref(), body);
    let source = syndication::Source {
        body,
        kind,
        essence: &mime.essence,
        label: mime.charset.as_deref(),
        named: facts.is_sitemap || syndication::names_sitemap(facts.url),
        truncated: facts.truncated,
    };
    let listing = syndication::read(source, limits.max_links, out_of_time);
    let mut page = Page { size_bytes: body.len() as u64, charset, hash, ..Page::default() };
    if let Some(listing) = listing {
        take_listing(&mut page, listing);
    } else if facts.truncated || page.size_bytes > limits.max_page_bytes {
        page.too_big = true;
    } else if let Some(encoding) = encoding {
        let text = || decode(encoding, body);
        match kind {
            BodyKind::Html | BodyKind::Xhtml => {
                let (found, cut) = html(&text(), kind == BodyKind::Xhtml, facts.agent, limits, out_of_time);
                page.cut = cut;
                take_findings(&mut page, found);
            }
            BodyKind::Prose => {
                let (text, cut) = prose(&text(), limits.max_text_bytes);
                page.cut = cut.then_some(ParseCut::Size);
                take_text(&mut page, text, None);
            }
            BodyKind::Json => {
                let feed = syndication::read_json(source, &text(), limits.max_links);
                feed.into_iter().for_each(|feed| take_listing(&mut page, feed));
            }
            BodyKind::Xml | BodyKind::Code | BodyKind::Binary => {}
        }
    }
    page.mime = mime.essence;
    page
}

/// What a document says, and the first cap that cut it short.
fn html(
    text: &str,
    xhtml: bool,
    agent: &str,
    limits: &ParseLimits,
    out_of_time: &mut dyn FnMut() -> bool,
) -> (walk::Findings, Option<ParseCut>) {
    match limits.parser {
        Parser::Scraper => {
            let (html, cut) = tree::build(text, xhtml, limits, out_of_time);
            (walk::walk(&html, agent, limits), cut)
        }
        Parser::Stream => stream::extract(text, xhtml, agent, limits, out_of_time),
    }
}

/// The text of a body without its byte order mark; what cannot be decoded becomes U+FFFD. Borrowed
/// when it is UTF-8 already.
fn decode<'a>(encoding: &'static Encoding, body: &'a [u8]) -> Cow<'a, str> {
    encoding.decode_with_bom_removal(body).0
}

/// A plain text as it is, without NUL and up to `max_bytes`; whether it was longer.
fn prose(text: &str, max_bytes: usize) -> (String, bool) {
    let kept = &text[..text.floor_char_boundary(max_bytes)];
    (kept.replace('\0', ""), kept.len() < text.len())
}

fn take_listing(page: &mut Page, listing: syndication::Listing) {
    match listing {
        syndication::Listing::Sitemap(entries) => {
            page.links = entries.links;
            page.links_cut = entries.dropped;
            page.cut = entries.cut;
        }
        syndication::Listing::Feed(feed) => {
            page.title = feed.title;
            page.description = feed.description;
            page.lang = language::language(feed.lang.as_deref(), "");
            page.base = feed.base;
            page.links = feed.links;
            page.links_cut = feed.links_cut;
            page.cut = feed.cut;
        }
    }
}

fn take_findings(page: &mut Page, found: walk::Findings) {
    page.title = found.title;
    page.description = found.description;
    page.headings = found.headings;
    page.base = found.base;
    page.links = found.links;
    page.links_cut = found.links_cut;
    page.meta_robots = found.meta_robots;
    page.json_ld = found.json_ld;
    page.open_graph = found.open_graph;
    page.cut = page.cut.or(found.cut);
    page.soft_404 = soft_404::is_soft_404(page.title.as_deref(), &page.headings, &found.text);
    take_text(page, found.text, found.lang.as_deref());
}

fn take_text(page: &mut Page, mut text: String, stated_language: Option<&str>) {
    text.shrink_to_fit();
    page.lang = language::language(stated_language, &text);
    page.simhash = fingerprint::simhash(&text);
    page.words = Some(u32::try_from(flow::words(&text)).unwrap_or(u32::MAX));
    page.text = Some(text);
}
