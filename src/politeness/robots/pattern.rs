//! [`PathPattern`]: the path of a rule, matched in linear time; [`Path`]: what it is matched with.
//!
//! Patterns and paths are brought to one spelling first (RFC 9309 2.2.2): escapes of characters
//! that mean the same without are decoded, those of others written in upper case, and every octet
//! that may not stand in a URL (or means something in a pattern) is escaped. So `%62` is `b`, `é` is
//! `%c3%a9`, `[` is `%5B`, a path's `*` is the pattern's `%2A`, and `%2F` stays apart from `/`.
//!
//! But not in a query: there `/` and `?` separate nothing (RFC 3986 3.4), and the RFC's own example
//! has `?baz=https://foo.bar` match `?baz=https%3A%2F%2Ffoo.bar`. Where a pattern's query begins
//! cannot be told when a wildcard stands for its `?`, so there are two [`Spelling`]s: as written,
//! and with these two decoded behind the first `?`. A rule matches in either.

use crate::model::escape::{escaped_octet, is_unreserved};

/// The path of a rule: `*` stands for any octets, a final `$` for the end of the path, and
/// without it everything that begins so matches (RFC 9309 2.2.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PathPattern {
    /// In the normal spelling; `*` is the wildcard, and never two of them stand together.
    text: Spelling,
    anchored: bool,
    octets: usize,
}

/// Path and query of a URL, in the normal spelling, without fragment, from the root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Path(Spelling);

/// A text in the normal spelling.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Spelling {
    written: String,
    /// With `%2F` and `%3F` behind the first `?` decoded, when there are any.
    open_query: Option<String>,
}

impl PathPattern {
    pub(super) fn new(value: &str) -> Self {
        let (body, anchored) = match value.strip_suffix('$') {
            Some(body) => (body, true),
            None => (value, false),
        };
        let mut text = String::with_capacity(body.len());
        let mut octets = usize::from(anchored);
        for (index, piece) in body.split('*').enumerate() {
            if index > 0 {
                octets += 1;
                if !text.ends_with('*') {
                    text.push('*');
                }
            }
            let before = text.len();
            push_normal(&mut text, piece);
            octets += text.len() - before;
        }
        PathPattern { text: Spelling::new(text), anchored, octets }
    }

    /// Length of the normal spelling, wildcards and `$` included: the longest match decides.
    pub(super) fn octets(&self) -> usize {
        self.octets
    }

    /// Whether a path matches.
    pub(super) fn matches(&self, Path(path): &Path) -> bool {
        let differs = self.text.open_query.is_some() || path.open_query.is_some();
        matches(&self.text.written, self.anchored, &path.written)
            || (differs && matches(self.text.with_open_query(), self.anchored, path.with_open_query()))
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
        Path(Spelling::new(out))
    }

    pub(super) fn is_robots_txt(&self) -> bool {
        self.0.written == "/robots.txt"
    }
}

impl Spelling {
    fn new(written: String) -> Self {
        let open_query = written.split_once('?').and_then(|(path, query)| {
            // In the normal spelling the digits are in upper case.
            let escaped = query.contains("%2F") || query.contains("%3F");
            escaped.then(|| format!("{path}?{}", query.replace("%2F", "/").replace("%3F", "?")))
        });
        Spelling { written, open_query }
    }

    fn with_open_query(&self) -> &str {
        self.open_query.as_deref().unwrap_or(&self.written)
    }
}

/// Whether `pattern` matches `path`, both in the same spelling. Every piece between wildcards is
/// looked for once, at its first place behind the one before: taking the first leaves most to the
/// rest.
fn matches(pattern: &str, anchored: bool, path: &str) -> bool {
    let mut pieces = pattern.split('*');
    let head = pieces.next().unwrap_or_default();
    let Some(mut rest) = path.strip_prefix(head) else { return false };
    let Some(last) = pieces.next_back() else { return rest.is_empty() || !anchored };
    for piece in pieces {
        match rest.find(piece) {
            Some(at) => rest = &rest[at + piece.len()..],
            None => return false,
        }
    }
    if anchored { rest.ends_with(last) } else { rest.contains(last) }
}

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
