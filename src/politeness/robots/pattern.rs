//! [`Pattern`]: the path of a rule; [`Path`]: what it is matched with.
//!
//! Patterns and paths are brought to one spelling first (RFC 9309 2.2.2): escapes of characters
//! that mean the same without are decoded, those of others written in upper case, and every octet
//! that may not stand in a URL (or means something in a pattern) is escaped. So `%62` is `b`, `é` is
//! `%c3%a9`, `[` is `%5B`, a path's `*` is the pattern's `%2A`, and `%2F` stays apart from `/`.
//!
//! But not in a query: there `/` and `?` separate nothing (RFC 3986 3.4), and the RFC's own example
//! has `?baz=https://foo.bar` match `?baz=https%3A%2F%2Ffoo.bar`. Where a pattern's query begins
//! cannot be told when a wildcard stands for its `?`, so there are two spellings: as written, and
//! with these two decoded behind the first `?`. A rule matches in either.
//!
//! A file may have fifty thousand patterns with wildcards, all to be looked for in one path of two
//! thousand bytes. So a path is indexed once (a suffix array, Manber and Myers 1990): the places of a
//! piece are then found by halving, however long the path and whatever it is made of. Of pieces that
//! stand in many places, of which there are few, the places are kept in order.

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;

use crate::model::escape::{escaped_octet, is_unreserved};

/// A part of a text that holds many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    start: u32,
    len: u32,
}

impl Span {
    /// Appends `part`. (What robots.txt files of 500 KiB come to has less than 4 GiB.)
    pub(super) fn push(text: &mut String, part: &str) -> Self {
        let start = text.len();
        text.push_str(part);
        Span::between(start, text.len())
    }

    fn between(start: usize, end: usize) -> Self {
        Span { start: start as u32, len: (end - start) as u32 }
    }

    pub(super) fn of(self, text: &str) -> &str {
        &text[self.start as usize..][..self.len as usize]
    }
}

/// The path of a rule: `*` stands for any octets, a final `$` for the end of the path, and
/// without it everything that begins so matches (RFC 9309 2.2.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    /// In the normal spelling; `*` is the wildcard, and never two of them stand together.
    written: Span,
    /// With an open query; empty when that is the same.
    open: Span,
    anchored: bool,
}

/// Path and query of a URL, in the normal spelling, without fragment, from the root.
#[derive(Debug)]
pub(super) struct Path {
    written: Indexed,
    /// With an open query, when that differs.
    open: Option<Indexed>,
}

/// A text and the places in it.
#[derive(Debug)]
struct Indexed {
    text: String,
    /// In the order of what begins there; made for the first wildcard.
    by_text: OnceCell<Vec<u32>>,
    /// Pieces with [`MANY`] places and these in their own order.
    frequent: RefCell<HashMap<Box<[u8]>, Vec<u32>>>,
}

/// Places of a piece from which on they are put in order, to be looked up by halving too.
const MANY: usize = 16;

impl Pattern {
    /// Appends the normal spelling of `value` to `text`. Its length, wildcards and `$` included, comes
    /// with it: the longest match decides.
    pub(super) fn push(text: &mut String, value: &str) -> (Self, u32) {
        let (body, anchored) = match value.strip_suffix('$') {
            Some(body) => (body, true),
            None => (value, false),
        };
        let start = text.len();
        let mut octets = usize::from(anchored);
        for (index, piece) in body.split('*').enumerate() {
            if index > 0 {
                octets += 1;
                if !text[start..].ends_with('*') {
                    text.push('*');
                }
            }
            let before = text.len();
            push_normal(text, piece);
            octets += text.len() - before;
        }
        let written = Span::between(start, text.len());
        let open = with_open_query(written.of(text)).unwrap_or_default();
        let open = Span::push(text, &open);
        (Pattern { written, open, anchored }, octets as u32)
    }

    pub(super) fn is_anchored(&self) -> bool {
        self.anchored
    }

    pub(super) fn written<'t>(&self, text: &'t str) -> &'t str {
        self.written.of(text)
    }

    /// Bytes that it takes of a text.
    pub(super) fn bytes(&self) -> usize {
        self.written.len as usize + self.open.len as usize
    }

    /// The same pattern in another text.
    pub(super) fn copied(&self, from: &str, to: &mut String) -> Self {
        let written = Span::push(to, self.written.of(from));
        Pattern { written, open: Span::push(to, self.open.of(from)), anchored: self.anchored }
    }

    /// Whether a path matches; the pattern stands in `text`.
    pub(super) fn matches(&self, text: &str, path: &Path) -> bool {
        let written = self.written.of(text);
        if path.written.matches(written, self.anchored) {
            return true;
        }
        let open = if self.open.len > 0 { self.open.of(text) } else { written };
        match &path.open {
            Some(path) => path.matches(open, self.anchored),
            None => self.open.len > 0 && path.written.matches(open, self.anchored),
        }
    }
}

impl Path {
    pub(super) fn new(path_and_query: &str) -> Self {
        let path = path_and_query.split('#').next().unwrap_or_default();
        let mut out = String::with_capacity(path.len() + 1);
        if !path.starts_with('/') {
            out.push('/');
        }
        push_normal(&mut out, path);
        Path { open: with_open_query(&out).map(Indexed::new), written: Indexed::new(out) }
    }

    pub(super) fn is_robots_txt(&self) -> bool {
        self.written.text == "/robots.txt"
    }
}

/// The text with `%2F` and `%3F` behind the first `?` decoded, when there are any.
fn with_open_query(written: &str) -> Option<String> {
    let (path, query) = written.split_once('?')?;
    // In the normal spelling the digits are in upper case.
    let escaped = query.contains("%2F") || query.contains("%3F");
    escaped.then(|| format!("{path}?{}", query.replace("%2F", "/").replace("%3F", "?")))
}

impl Indexed {
    fn new(text: String) -> Self {
        Indexed { text, by_text: OnceCell::new(), frequent: RefCell::default() }
    }

    /// Whether `pattern`, in the same spelling, matches. Every piece between wildcards is looked for
    /// once, at its first place behind the one before: taking the first leaves most to the rest.
    fn matches(&self, pattern: &str, anchored: bool) -> bool {
        counted(1);
        let mut pieces = pattern.split('*');
        let head = pieces.next().unwrap_or_default();
        if !self.text.starts_with(head) {
            return false;
        }
        let mut end = head.len();
        let Some(last) = pieces.next_back() else { return end == self.text.len() || !anchored };
        for piece in pieces {
            match self.first_place(piece, end) {
                Some(place) => end = place + piece.len(),
                None => return false,
            }
        }
        if anchored { self.text[end..].ends_with(last) } else { self.first_place(last, end).is_some() }
    }

    /// Where `piece` stands first, not before `from`.
    fn first_place(&self, piece: &str, from: usize) -> Option<usize> {
        if piece.is_empty() {
            return Some(from);
        }
        let piece = piece.as_bytes();
        let mut frequent = self.frequent.borrow_mut();
        if let Some(places) = frequent.get(piece) {
            let at = places.partition_point(|place| {
                counted(1);
                (*place as usize) < from
            });
            return places.get(at).map(|place| *place as usize);
        }
        let places = self.places(piece);
        counted(places.len());
        if places.len() >= MANY {
            let mut ordered = places.to_vec();
            ordered.sort_unstable();
            frequent.insert(piece.into(), ordered);
        }
        places.iter().map(|place| *place as usize).filter(|place| *place >= from).min()
    }

    /// All places of `piece`, in the order of what follows it.
    fn places(&self, piece: &[u8]) -> &[u32] {
        let text = self.text.as_bytes();
        let places = self.by_text.get_or_init(|| places_in_order(text));
        let behind = |place: &u32| {
            counted(1);
            &text[*place as usize..]
        };
        let start = places.partition_point(|place| behind(place) < piece);
        let count = places[start..].partition_point(|place| behind(place).starts_with(piece));
        &places[start..][..count]
    }
}

fn places_in_order(text: &[u8]) -> Vec<u32> {
    let mut places: Vec<u32> = (0..text.len() as u32).collect();
    places.sort_unstable_by(|a, b| {
        counted(1);
        text[*a as usize..].cmp(&text[*b as usize..])
    });
    places
}

/// Notes steps of a match: tests count them instead of time.
#[cfg(not(test))]
fn counted(_steps: usize) {}
#[cfg(test)]
use steps::counted;

/// Appends `text` in the normal spelling; it holds no wildcards. A `%` that starts no escape
/// stays as it is.
fn push_normal(out: &mut String, text: &str) {
    let mut bytes = text.as_bytes();
    while let Some((&first, rest)) = bytes.split_first() {
        bytes = rest;
        let escaped = (first == b'%').then(|| escaped_octet(rest)).flatten();
        match escaped {
            Some(octet) => {
                bytes = &rest[2..];
                if means_itself(octet) { out.push(char::from(octet)) } else { push_escape(out, octet) }
            }
            None if first == b'%' || stands_for_itself(first) => out.push(char::from(first)),
            None => push_escape(out, first),
        }
    }
}

/// What an escape may be replaced by: unreserved characters, and the reserved ones that separate
/// nothing in a path or a query (RFC 3986 3.3, 3.4; brackets belong to addresses).
fn means_itself(octet: u8) -> bool {
    is_unreserved(octet) || b":@[]".contains(&octet)
}

/// Unreserved and reserved characters (RFC 3986 2.2, 2.3), but for those with a meaning in
/// patterns and for `'`, which browsers escape in queries and not in paths.
fn stands_for_itself(octet: u8) -> bool {
    is_unreserved(octet) || b":/?#[]@!&()+,;=".contains(&octet)
}

fn push_escape(out: &mut String, octet: u8) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    out.push('%');
    out.push(char::from(DIGITS[usize::from(octet >> 4)]));
    out.push(char::from(DIGITS[usize::from(octet & 15)]));
}

#[cfg(test)]
pub(super) mod steps {
    use std::cell::Cell;

    thread_local! {
        static STEPS: Cell<usize> = const { Cell::new(0) };
    }

    pub(super) fn counted(steps: usize) {
        STEPS.set(STEPS.get() + steps);
    }

    /// What `work` gives, with the steps it takes.
    pub(in crate::politeness::robots) fn of<T>(work: impl FnOnce() -> T) -> (T, usize) {
        let before = STEPS.get();
        let result = work();
        (result, STEPS.get() - before)
    }
}
