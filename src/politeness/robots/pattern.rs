//! [`PathPattern`]: the path of a rule, matched in linear time; [`normal_path`]: a path in the
//! spelling in which patterns are kept.
//!
//! Patterns and paths are brought to one spelling first (RFC 9309 2.2.2): escapes of unreserved
//! characters are decoded, those of others written in upper case, and every octet that may not
//! stand in a URL (or means something in a pattern) is escaped. So `%62` is `b`, `é` is `%c3%a9`,
//! a path's `*` is the pattern's `%2A`, and `%2F` stays apart from `/`.

use crate::model::escape::{escaped_octet, is_unreserved};

/// The path of a rule: `*` stands for any octets, a final `$` for the end of the path, and
/// without it everything that begins so matches (RFC 9309 2.2.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PathPattern {
    /// In the normal spelling; `*` is the wildcard, and never two of them stand together.
    text: String,
    anchored: bool,
    octets: usize,
    /// Octets that a path must have at least.
    literals: usize,
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
        let literals = text.bytes().filter(|&b| b != b'*').count();
        PathPattern { text, anchored, octets, literals }
    }

    /// Length of the normal spelling, wildcards and `$` included: the longest match decides.
    pub(super) fn octets(&self) -> usize {
        self.octets
    }

    /// Whether a path in the normal spelling matches. Every piece between wildcards is looked for
    /// once, at its first place behind the one before: taking the first leaves most to the rest.
    pub(super) fn matches(&self, path: &str) -> bool {
        if self.literals > path.len() {
            return false;
        }
        let (head, tail) = match self.text.split_once('*') {
            Some((head, tail)) => (head, Some(tail)),
            None => (self.text.as_str(), None),
        };
        let Some(rest) = path.strip_prefix(head) else { return false };
        match tail {
            None => rest.is_empty() || !self.anchored,
            Some(tail) => self.matches_tail(tail, rest),
        }
    }

    /// `tail` is the pattern behind its first wildcard.
    fn matches_tail(&self, tail: &str, mut rest: &str) -> bool {
        let (middle, last) = match tail.rsplit_once('*') {
            Some((middle, last)) => (Some(middle), last),
            None => (None, tail),
        };
        for piece in middle.into_iter().flat_map(|middle| middle.split('*')) {
            match rest.find(piece) {
                Some(at) => rest = &rest[at + piece.len()..],
                None => return false,
            }
        }
        if self.anchored { rest.ends_with(last) } else { rest.contains(last) }
    }
}

/// Path and query in the normal spelling, without fragment, from the root.
pub(super) fn normal_path(path_and_query: &str) -> String {
    let path = path_and_query.split('#').next().unwrap_or_default();
    let mut out = String::with_capacity(path.len() + 1);
    if !path.starts_with('/') {
        out.push('/');
    }
    push_normal(&mut out, path);
    out
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
                if is_unreserved(octet) { out.push(char::from(octet)) } else { push_escape(out, octet) }
            }
            None if first == b'%' || stands_for_itself(first) => out.push(char::from(first)),
            None => push_escape(out, first),
        }
    }
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
