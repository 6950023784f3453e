//! [`Sitemap`]: the entries of an XML sitemap or of an index (sitemaps.org 0.9), read from a stream
//! of pieces; [`url_list`] reads the plain-text form.
//!
//! Elements count by their local name and the prefix of the root: with a namespace, another one, or
//! none. What other vocabularies add (images, videos, news) has another prefix, or stands deeper.

use std::collections::HashSet;
use std::io::BufRead;

use super::references::{MAX_HREF_BYTES, References};
use super::xml::{Children, Name, Piece, Tag, TextSource};
use crate::model::{LinkKind, ParseCut, RawLink, SitemapEntry};

/// Most entries of one file (sitemaps.org).
pub(crate) const MAX_ENTRIES: usize = 50_000;
/// Most alternates (`xhtml:link`) of one file that it does not name otherwise.
const MAX_ALTERNATES: usize = 50_000;
/// Bytes of all references of one file.
const MAX_REFERENCE_BYTES: usize = 16 << 20;
/// Bytes in which the root element has to begin, or the first address of a text.
pub(crate) const PROLOG_BYTES: u64 = 64 * 1024;
/// Longest value beside the address.
const MAX_VALUE_BYTES: usize = 64;

const FREQUENCIES: [&str; 7] = ["always", "hourly", "daily", "weekly", "monthly", "yearly", "never"];

/// What a file says.
#[derive(Debug)]
pub(crate) struct Entries {
    pub(crate) links: Vec<RawLink>,
    /// Entries and alternates beyond a cap.
    pub(crate) dropped: u32,
    pub(crate) cut: Option<ParseCut>,
}

/// Gathers entries up to the caps.
#[derive(Debug)]
struct Gathered {
    links: References,
    entries: usize,
    alternates: usize,
    /// Hashes of what the file names, so that an alternate is not told once for each of its siblings.
    named: HashSet<[u8; 16]>,
    dropped: u32,
}

impl Gathered {
    fn new() -> Self {
        Gathered {
            links: References::with_room(MAX_ENTRIES + MAX_ALTERNATES, MAX_REFERENCE_BYTES),
            entries: 0,
            alternates: 0,
            named: HashSet::new(),
            dropped: 0,
        }
    }

    fn entry(&mut self, href: &str, entry: SitemapEntry) {
        if href.trim().is_empty() {
            return;
        }
        if self.entries == MAX_ENTRIES {
            self.dropped = self.dropped.saturating_add(1);
        } else if let Some(position) = self.links.add(LinkKind::Sitemap, href, false) {
            self.entries += 1;
            self.named.insert(hash(href));
            self.links.set_entry(position, entry);
        }
    }

    fn alternate(&mut self, href: &str) {
        let hash = hash(href);
        if self.named.contains(&hash) {
            return;
        }
        if self.alternates == MAX_ALTERNATES {
            self.dropped = self.dropped.saturating_add(1);
        } else if self.links.add(LinkKind::Alternate, href, false).is_some() {
            self.alternates += 1;
            self.named.insert(hash);
        }
    }

    fn finish(self) -> Entries {
        Entries {
            dropped: self.dropped.saturating_add(self.links.dropped),
            cut: (self.dropped > 0).then_some(ParseCut::Links).or(self.links.cut),
            links: self.links.finish(),
        }
    }
}

fn hash(href: &str) -> [u8; 16] {
    let hash = blake3::hash(href.trim().as_bytes());
    hash.as_bytes().first_chunk().copied().unwrap_or_default()
}

/// What an entry says beside its alternates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Loc,
    LastMod,
    Priority,
    ChangeFreq,
}

impl Field {
    fn of(name: Name<'_>) -> Option<Field> {
        let fields = [
            ("loc", Field::Loc),
            ("lastmod", Field::LastMod),
            ("priority", Field::Priority),
            ("changefreq", Field::ChangeFreq),
        ];
        fields.into_iter().find(|(local, _)| name.is(local)).map(|(_, field)| field)
    }

    /// Bytes after which a value is longer than any that is kept.
    fn room(self) -> usize {
        if self == Field::Loc { MAX_HREF_BYTES + 1 } else { MAX_VALUE_BYTES + 1 }
    }
}

#[derive(Debug, Default)]
struct Entry {
    loc: Option<String>,
    facts: SitemapEntry,
}

/// A sitemap or an index while it is read.
#[derive(Debug)]
pub(crate) struct Sitemap {
    prefix: String,
    /// The element of an entry: `url` or `sitemap`.
    record: &'static str,
    entry: Option<Entry>,
    children: Children,
    field: Option<(Field, String)>,
    gathered: Gathered,
}

impl Sitemap {
    /// A reader for a document with this root; `None` when it is no sitemap's.
    pub(crate) fn of_root(root: Name<'_>) -> Option<Self> {
        let record = match root.local {
            local if local.eq_ignore_ascii_case("urlset") => "url",
            local if local.eq_ignore_ascii_case("sitemapindex") => "sitemap",
            _ => return None,
        };
        Some(Sitemap {
            prefix: root.prefix.to_owned(),
            record,
            entry: None,
            children: Children::default(),
            field: None,
            gathered: Gathered::new(),
        })
    }

    /// Takes in the next piece.
    pub(crate) fn take(&mut self, piece: &Piece<'_>) {
        match piece {
            Piece::Open(tag) => self.open(tag),
            Piece::Close(name) => self.close(*name),
            Piece::Text(text) => {
                if let Some((field, value)) = &mut self.field {
                    let room = field.room().saturating_sub(value.len());
                    value.push_str(&text[..text.floor_char_boundary(room)]);
                }
            }
            // What is left of the value is not what was meant.
            Piece::Gap => self.field = None,
        }
    }

    fn open(&mut self, tag: &Tag<'_>) {
        let own = tag.name.prefix == self.prefix;
        if own && tag.name.is(self.record) {
            self.end_entry();
            self.entry = Some(Entry::default());
            return;
        }
        if self.entry.is_none() {
            return;
        }
        let field = Field::of(tag.name).filter(|_| own);
        if field.is_some() && self.field.is_some() {
            // The value before was never closed.
            self.end_field();
            self.children.leave_all();
        }
        if !self.children.open(tag.name) {
            return;
        }
        if let Some(field) = field {
            self.field = Some((field, String::new()));
        } else if tag.name.is("link") && tag.attribute("rel").is_some_and(|rel| rel.eq_ignore_ascii_case("alternate")) {
            let href = tag.attribute("href").unwrap_or_default();
            self.gathered.alternate(&href);
        }
    }

    fn close(&mut self, name: Name<'_>) {
        if name.prefix == self.prefix && name.is(self.record) {
            self.end_field();
            self.end_entry();
        } else if self.children.close(name) {
            self.end_field();
        }
    }

    fn end_field(&mut self) {
        let (Some((field, value)), Some(entry)) = (self.field.take(), &mut self.entry) else { return };
        let value = value.trim();
        match field {
            Field::Loc => entry.loc = entry.loc.take().or_else(|| Some(value.to_owned())),
            Field::LastMod => entry.facts.lastmod = Some(value).filter(|v| is_date(v)).map(str::to_owned),
            Field::Priority => entry.facts.priority = value.parse().ok().filter(|p| (0.0..=1.0).contains(p)),
            Field::ChangeFreq => entry.facts.changefreq = frequency(value),
        }
    }

    fn end_entry(&mut self) {
        self.field = None;
        self.children.leave_all();
        let Some(Entry { loc: Some(loc), facts }) = self.entry.take() else { return };
        let is_sitemap = self.record == "sitemap";
        self.gathered.entry(&loc, SitemapEntry { is_sitemap, ..facts });
    }

    /// The entries. One that was cut off counts when its address was whole.
    pub(crate) fn finish(mut self) -> Entries {
        self.end_entry();
        self.gathered.finish()
    }
}

/// A W3C date by its look: a year, then digits and what stands between them.
fn is_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    (4..=MAX_VALUE_BYTES).contains(&bytes.len())
        && bytes[..4].iter().all(u8::is_ascii_digit)
        && bytes[4..].iter().all(|byte| byte.is_ascii_digit() || b"-:.+TZtz ".contains(byte))
}

fn frequency(text: &str) -> Option<String> {
    FREQUENCIES.iter().find(|known| known.eq_ignore_ascii_case(text)).map(|known| (*known).to_owned())
}

/// A text sitemap: an address with its scheme on each line. Other lines are passed over; a text that
/// begins with too much of them is none. `truncated`: the body goes on where it ends.
pub(crate) fn url_list(mut source: TextSource<'_>, truncated: bool, out_of_time: &mut dyn FnMut() -> bool) -> Entries {
    let mut gathered = Gathered::new();
    let mut line = Vec::new();
    let mut lines = 0_u32;
    let mut late = false;
    loop {
        line.clear();
        source.allow(MAX_HREF_BYTES * 2);
        let read = source.read_until(b'\n', &mut line);
        let noise = gathered.entries == 0 && source.given() > PROLOG_BYTES;
        if matches!(read, Ok(0)) || late || noise {
            break;
        }
        // An address that was cut off is another address.
        let whole = read.is_ok() && (line.ends_with(b"\n") || !(truncated || source.is_part()));
        if let Ok(text) = std::str::from_utf8(&line)
            && whole
            && is_address(text.trim())
        {
            gathered.entry(text.trim(), SitemapEntry::default());
        }
        lines = lines.wrapping_add(1);
        late = lines.is_multiple_of(256) && out_of_time();
    }
    let entries = gathered.finish();
    let cut = if late { Some(ParseCut::Time) } else { source.cut() };
    Entries { cut: entries.cut.or(cut), ..entries }
}

/// `http://` or `https://` and no white space.
fn is_address(line: &str) -> bool {
    let begins = |scheme: &str| line.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
    (begins("http://") || begins("https://")) && !line.contains(char::is_whitespace)
}
