//! [`Feed`]: what RSS (0.9x, 1.0, 2.0) and Atom (RFC 4287) feeds link to, read from a stream of pieces;
//! [`json_feed`] reads JSON Feed 1.0 and 1.1.

mod json;

pub(crate) use json::{is_json_feed, json_feed};

use super::flow::{Flow, Room};
use super::references::{MAX_ANCHOR_CHARS, MAX_HREF_BYTES, References};
use super::walk::{MAX_DESCRIPTION_CHARS, MAX_TITLE_CHARS};
use super::xml::{Children, Name, Piece, Tag};
use crate::model::{LinkKind, ParseCut, RawLink};

/// Bytes of one value that are kept while it is read.
const MAX_VALUE_BYTES: usize = 32 * 1024;

/// What a feed says.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) title: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) lang: Option<String>,
    pub(crate) base: Option<String>,
    pub(crate) links: Vec<RawLink>,
    pub(crate) links_cut: u32,
    pub(crate) cut: Option<ParseCut>,
}

/// An element whose text says something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Title,
    Description,
    Language,
    /// An address in the text: RSS `link`, `comments`.
    Address,
    /// RSS `guid` that does not say that it is no address.
    Guid,
}

/// A feed while it is read.
#[derive(Debug)]
pub(crate) struct Feed {
    /// Whether an item is open; else values are the feed's own.
    in_item: bool,
    children: Children,
    field: Option<(Field, String)>,
    links: References,
    /// Where the links of the open item begin.
    item_from: usize,
    item_title: Option<String>,
    found: Findings,
}

impl Feed {
    /// A reader for a document with this root; `None` when it is no feed's.
    pub(crate) fn of_root(root: &Tag<'_>, max_links: usize) -> Option<Self> {
        if !["rss", "rdf", "feed"].iter().any(|local| root.name.is(local)) {
            return None;
        }
        let base = root.attribute("xml:base");
        let cut = base.as_ref().filter(|base| base.len() > MAX_HREF_BYTES).map(|_| ParseCut::Size);
        let base = base.filter(|_| cut.is_none());
        let found = Findings { lang: root.attribute("xml:lang"), base, cut, ..Findings::default() };
        Some(Feed {
            in_item: false,
            children: Children::default(),
            field: None,
            links: References::new(max_links),
            item_from: 0,
            item_title: None,
            found,
        })
    }

    /// Takes in the next piece.
    pub(crate) fn take(&mut self, piece: &Piece<'_>) {
        match piece {
            Piece::Open(tag) => self.open(tag),
            Piece::Close(name) => self.close(*name),
            Piece::Text(text) => {
                if let Some((_, value)) = &mut self.field {
                    let room = MAX_VALUE_BYTES.saturating_sub(value.len());
                    value.push_str(&text[..text.floor_char_boundary(room)]);
                }
            }
            Piece::Gap => self.field = None,
        }
    }

    fn open(&mut self, tag: &Tag<'_>) {
        if is_item(tag.name) {
            self.end_item();
            self.in_item = true;
        } else if tag.name.is("channel") && !self.in_item {
            self.children.leave_all();
        } else if self.children.open(tag.name) {
            self.child(tag);
        }
    }

    /// A direct child of the item, or of the feed itself.
    fn child(&mut self, tag: &Tag<'_>) {
        let plain = tag.name.prefix.is_empty() || tag.name.prefix.eq_ignore_ascii_case("atom");
        let local = tag.name.local.to_ascii_lowercase();
        let field = match local.as_str() {
            "link" if plain => match tag.attribute("href") {
                Some(href) => return self.atom_link(tag, &href),
                None => Some(Field::Address),
            },
            "comments" if plain => Some(Field::Address),
            "guid" if plain => {
                let is_address = tag.attribute("isPermaLink").is_none_or(|says| !says.eq_ignore_ascii_case("false"));
                is_address.then_some(Field::Guid)
            }
            "enclosure" | "content" => {
                let place = tag.attribute("url");
                // Atom content out of line is a document; RSS enclosures and Media RSS are media.
                let (kind, place) = if local == "content" && plain {
                    (LinkKind::Link, tag.attribute("src"))
                } else {
                    (LinkKind::Media, place)
                };
                self.add(kind, place.as_deref().unwrap_or_default());
                None
            }
            "title" if plain => Some(Field::Title),
            "description" | "subtitle" | "tagline" if plain && !self.in_item => Some(Field::Description),
            "language" if !self.in_item => Some(Field::Language),
            _ => None,
        };
        self.field = field.map(|field| (field, String::new()));
    }

    /// RFC 4287 4.2.7 and RFC 5005: `self`, `edit`, `hub` and the like lead to nothing new.
    fn atom_link(&mut self, tag: &Tag<'_>, href: &str) {
        let rel = tag.attribute("rel").unwrap_or_default().to_ascii_lowercase();
        let kind = match rel.trim() {
            "" | "alternate" => LinkKind::Feed,
            "enclosure" => LinkKind::Media,
            "next" | "next-archive" => LinkKind::Next,
            "previous" | "prev" | "prev-archive" => LinkKind::Prev,
            "related" | "via" | "replies" | "payment" | "license" => LinkKind::Link,
            _ => return,
        };
        self.add(kind, href);
    }

    fn add(&mut self, kind: LinkKind, href: &str) {
        if !href.trim().is_empty() {
            self.links.add(kind, href, false);
        }
    }

    fn close(&mut self, name: Name<'_>) {
        if is_item(name) {
            self.end_item();
        } else if name.is("channel") {
            self.children.leave_all();
            self.field = None;
        } else if self.children.close(name) {
            self.end_field();
        }
    }

    fn end_field(&mut self) {
        let Some((field, value)) = self.field.take() else { return };
        match field {
            Field::Title if self.in_item => {
                let title = Flow::fold(&value, Room::Chars(MAX_ANCHOR_CHARS)).finish_some();
                self.item_title = self.item_title.take().or(title);
            }
            Field::Title => set(&mut self.found.title, &value, MAX_TITLE_CHARS),
            Field::Description => set(&mut self.found.description, &value, MAX_DESCRIPTION_CHARS),
            Field::Language => set(&mut self.found.lang, &value, 64),
            Field::Address => self.address(value.trim()),
            Field::Guid if is_absolute(value.trim()) => self.address(value.trim()),
            Field::Guid => {}
        }
    }

    /// An address, unless the item named it already: `guid` mostly repeats `link`.
    fn address(&mut self, value: &str) {
        if !self.links.names_lately(self.item_from, value) {
            self.add(LinkKind::Feed, value);
        }
    }

    /// The item's title is the text of its links.
    fn end_item(&mut self) {
        self.field = None;
        self.children.leave_all();
        let title = self.item_title.take();
        if self.in_item && title.is_some() {
            for position in self.item_from..self.links.count() {
                self.links.set_anchor(position, title.clone());
            }
        }
        self.item_from = self.links.count();
        self.in_item = false;
    }

    /// What the feed says.
    pub(crate) fn finish(mut self) -> Findings {
        self.end_item();
        let cut = self.found.cut.or(self.links.cut);
        Findings { links_cut: self.links.dropped, cut, links: self.links.finish(), ..self.found }
    }
}

fn is_absolute(value: &str) -> bool {
    let begins = |scheme: &str| value.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
    begins("http://") || begins("https://")
}

fn is_item(name: Name<'_>) -> bool {
    name.is("item") || name.is("entry")
}

/// Keeps the first value, white space folded.
fn set(place: &mut Option<String>, value: &str, max_chars: usize) {
    if place.is_none() {
        *place = Flow::fold(value, Room::Chars(max_chars)).finish_some();
    }
}
