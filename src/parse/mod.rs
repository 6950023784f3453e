//! Bodies understood.

use crate::model::{CrawlUrl, Page, RawLink};

/// Version of the extractor, stored with each content.
pub const PARSER_VERSION: i64 = 1;

/// What is known of a body beside its bytes.
#[derive(Clone, Copy, Debug)]
pub struct BodyFacts<'a> {
    /// Where it came from.
    pub url: &'a CrawlUrl,
    /// `Content-Type` as received.
    pub content_type: Option<&'a str>,
    /// Product token of this crawler, for `meta name=TOKEN`.
    pub agent: &'a str,
}

/// Caps of one parse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseLimits {
    /// Nested elements.
    pub max_depth: usize,
    /// Nodes of the tree.
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
            max_depth: 512,
            max_nodes: 1_000_000,
            max_attributes: 512,
            max_links: 20_000,
            max_text_bytes: 4_000_000,
        }
    }
}

/// Parses a body. `out_of_time` is asked between chunks; true cuts the parse.
pub fn parse(
    _body: &[u8],
    _facts: BodyFacts<'_>,
    _limits: &ParseLimits,
    _out_of_time: &mut dyn FnMut() -> bool,
) -> Page {
    todo!()
}

/// Effective directives for this crawler.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Directives {
    /// Not to be indexed.
    pub noindex: bool,
    /// Links not to be followed.
    pub nofollow: bool,
}

/// Joins what `meta robots` and `X-Robots-Tag` values say to `agent`.
pub fn directives<'a>(_meta: Option<&str>, _x_robots_tag: impl Iterator<Item = &'a str>, _agent: &str) -> Directives {
    todo!()
}

/// References in a `Link` header (RFC 8288): canonical, next, prev, alternate.
pub fn link_header(_value: &str) -> Vec<RawLink> {
    todo!()
}
