//! What sites publish for programs: [`read`] finds out whether a body is a sitemap or a feed, by its root
//! element, and reads it as a stream.

use std::cell::Cell;
use std::ops::ControlFlow;

use super::feed::{self, Feed, is_json_feed};
use super::mime::BodyKind;
use super::sitemap::{self, Entries, PROLOG_BYTES, Sitemap};
use super::xml::{Piece, TextSource, XmlPieces, is_gzip};
use crate::model::{CrawlUrl, ParseCut};

/// Longest tag or run of text of a sitemap: what is lost to a quote that is never closed.
const SITEMAP_PIECE_BYTES: usize = 64 * 1024;
/// The same of a feed, where the text of an item is one run.
const FEED_PIECE_BYTES: usize = 1 << 20;

/// Types that say nothing, or nothing but "gzip file".
const OPAQUE_TYPES: [&str; 6] = [
    "application/octet-stream",
    "binary/octet-stream",
    "application/gzip",
    "application/x-gzip",
    "application/gzip-compressed",
    "application/x-gunzip",
];

/// A body for programs.
#[derive(Debug)]
pub(crate) enum Listing {
    Sitemap(Entries),
    Feed(feed::Findings),
}

/// What is known of the body.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source<'a> {
    pub(crate) body: &'a [u8],
    pub(crate) kind: BodyKind,
    /// The essence of its media type.
    pub(crate) essence: &'a str,
    /// The charset that its header states.
    pub(crate) label: Option<&'a str>,
    /// Whether robots.txt, an index, the operator or its path calls it a sitemap.
    pub(crate) named: bool,
    /// Whether the body is only the first part of what the server had.
    pub(crate) truncated: bool,
}

/// Whether a path calls itself a sitemap: the word anywhere in it, and `.xml`, `.txt` or `.gz` at its end.
pub fn names_sitemap(url: &CrawlUrl) -> bool {
    let path = url.path().to_ascii_lowercase();
    path.contains("sitemap") && [".xml", ".txt", ".gz"].iter().any(|end| path.ends_with(end))
}

/// Reads a sitemap or a feed; `None` when the body is none.
pub(crate) fn read(source: Source<'_>, max_links: usize, out_of_time: &mut dyn FnMut() -> bool) -> Option<Listing> {
    if !source.may_list() {
        return None;
    }
    let mut text = TextSource::new(source.body, source.label);
    if text.begins_as_markup() {
        return read_xml(text, source, max_links, out_of_time);
    }
    if !source.named {
        return None;
    }
    let text = || TextSource::new(source.body, source.label);
    if !source.is_html() {
        let entries = sitemap::url_list(text(), source.truncated, out_of_time);
        if !entries.links.is_empty() {
            return Some(Listing::Sitemap(entries));
        }
    }
    // Programs print warnings before the file.
    read_xml(text(), source, max_links, out_of_time)
}

/// Reads a JSON feed; `None` when the body is none.
pub(crate) fn read_json(source: Source<'_>, text: &str, max_links: usize) -> Option<Listing> {
    let is_feed = source.kind == BodyKind::Json && is_json_feed(source.essence, source.body);
    is_feed.then(|| Listing::Feed(feed::json_feed(text, max_links)))
}

impl Source<'_> {
    /// Whether the media type leaves it open. HTML is believed, unless the body is called a sitemap.
    fn may_list(&self) -> bool {
        match self.kind {
            BodyKind::Xml => true,
            BodyKind::Prose => self.essence == "text/plain",
            BodyKind::Binary => OPAQUE_TYPES.contains(&self.essence) || (self.named && is_gzip(self.body)),
            BodyKind::Html | BodyKind::Xhtml => self.named,
            BodyKind::Json | BodyKind::Code => false,
        }
    }

    fn is_html(&self) -> bool {
        matches!(self.kind, BodyKind::Html | BodyKind::Xhtml)
    }
}

/// The kind of document that is being read.
enum Reading {
    Undecided,
    Sitemap(Box<Sitemap>),
    Feed(Box<Feed>),
}

fn read_xml(
    text: TextSource<'_>,
    source: Source<'_>,
    max_links: usize,
    out_of_time: &mut dyn FnMut() -> bool,
) -> Option<Listing> {
    let max_piece = Cell::new(SITEMAP_PIECE_BYTES);
    let mut reading = Reading::Undecided;
    let end = XmlPieces::new(text).read(&max_piece, out_of_time, &mut |piece, given| {
        match (&mut reading, &piece) {
            (Reading::Sitemap(sitemap), _) => sitemap.take(&piece),
            (Reading::Feed(feed), _) => feed.take(&piece),
            (Reading::Undecided, Piece::Open(root)) => {
                if let Some(sitemap) = Sitemap::of_root(root.name) {
                    reading = Reading::Sitemap(Box::new(sitemap));
                } else if let Some(feed) = Feed::of_root(root, max_links).filter(|_| !source.is_html()) {
                    max_piece.set(FEED_PIECE_BYTES);
                    reading = Reading::Feed(Box::new(feed));
                } else if !source.named {
                    return ControlFlow::Break(());
                }
            }
            (Reading::Undecided, _) if given > PROLOG_BYTES => return ControlFlow::Break(()),
            (Reading::Undecided, _) => {}
        }
        ControlFlow::Continue(())
    });
    let cut = |own: Option<ParseCut>| own.or(end.cut);
    match reading {
        Reading::Undecided => None,
        Reading::Sitemap(sitemap) => {
            let entries = sitemap.finish();
            Some(Listing::Sitemap(Entries { cut: cut(entries.cut), ..entries }))
        }
        Reading::Feed(feed) => {
            let found = feed.finish();
            Some(Listing::Feed(feed::Findings { cut: cut(found.cut), ..found }))
        }
    }
}
