//! [`Tag`]: where a tag ends and which of its attributes are beyond the limit, found before the
//! tokenizer sees it.
//!
//! The tokenizer compares every attribute with all before it and hands nothing out until the tag
//! ends: 80,000 attributes in one tag cost seconds. So the tag is measured here first, in one pass
//! that follows the tokenizer's attribute states (HTML 13.2.5.32 to 13.2.5.40).

use super::script::ScriptEscape;

/// A tag, start or end, measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tag {
    /// Where its name ends.
    pub(crate) name_end: usize,
    /// Just after its `>`; the end of the input when there is none.
    pub(crate) end: usize,
    /// What to leave out: from the first attribute beyond the limit to the `>` or `/>`, or to the
    /// end of the input.
    pub(crate) excess: Option<(usize, usize)>,
}

/// Measures the tag whose name begins at `name`.
pub(crate) fn measure(bytes: &[u8], name: usize, max_attributes: usize) -> Tag {
    let mut scan = Scan { bytes, at: name };
    scan.skip_until(|b| is_space(b) || b == b'/' || b == b'>');
    let name_end = scan.at;
    let (mut attributes, mut first_excess) = (0, None);
    let close = loop {
        let slash = scan.skip_separators();
        match scan.byte() {
            None => break scan.at,
            Some(b'>') => break scan.at - usize::from(slash),
            Some(_) => {}
        }
        attributes += 1;
        if attributes == max_attributes + 1 {
            first_excess = Some(scan.at);
        }
        scan.attribute();
    };
    let excess = first_excess.map(|start| (start, close));
    Tag { name_end, end: bytes.len().min(scan.at + 1), excess }
}

struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Scan<'_> {
    fn byte(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn skip_until(&mut self, stop: impl Fn(u8) -> bool) {
        let rest = &self.bytes[self.at..];
        self.at += rest.iter().position(|&b| stop(b)).unwrap_or(rest.len());
    }

    /// Skips white space and slashes between attributes; whether a slash came last.
    fn skip_separators(&mut self) -> bool {
        let start = self.at;
        self.skip_until(|b| !is_space(b) && b != b'/');
        self.at > start && self.bytes[self.at - 1] == b'/'
    }

    /// Skips one attribute. A `=` may begin its name.
    fn attribute(&mut self) {
        self.at += 1;
        self.skip_until(|b| is_space(b) || matches!(b, b'/' | b'>' | b'='));
        self.skip_until(|b| !is_space(b));
        if self.byte() != Some(b'=') {
            return;
        }
        self.at += 1;
        self.skip_until(|b| !is_space(b));
        match self.byte() {
            Some(quote @ (b'"' | b'\'')) => {
                self.at += 1;
                self.skip_until(|b| b == quote);
                self.at = self.bytes.len().min(self.at + 1);
            }
            _ => self.skip_until(|b| is_space(b) || b == b'>'),
        }
    }
}

/// Bytes of a comment after its `<!--`, its end included (HTML 13.2.5.43 to 13.2.5.51).
pub(crate) fn comment_len(rest: &[u8]) -> usize {
    if rest.starts_with(b">") {
        return 1;
    }
    if rest.starts_with(b"->") {
        return 2;
    }
    let mut at = 0;
    while let Some(dashes) = memchr::memmem::find(&rest[at..], b"--") {
        let end = at + dashes + 2;
        match &rest[end..] {
            [b'>', ..] => return end + 1,
            [b'!', b'>', ..] => return end + 2,
            _ => at = end - 1,
        }
    }
    rest.len()
}

/// Where the raw text of an element begins to end, from `from` on: at the first end tag of its name, given in any case. Inside
/// a comment inside a `script` it does not, so the search goes on behind it.
pub(crate) fn raw_text_end(
    bytes: &[u8],
    from: usize,
    element: &str,
    mut script: Option<&mut ScriptEscape>,
) -> Option<usize> {
    let mut at = from;
    loop {
        let end = at + memchr::memmem::find(bytes.get(at..)?, b"</")?;
        at = end + "</".len();
        let after = at + element.len();
        let named = bytes.get(at..after).is_some_and(|name| name.eq_ignore_ascii_case(element.as_bytes()))
            && bytes.get(after).is_some_and(|&byte| is_space(byte) || byte == b'/' || byte == b'>');
        if named && !script.as_mut().is_some_and(|script| script.swallows(bytes, end)) {
            return Some(end);
        }
    }
}

/// White space inside tags.
pub(crate) fn is_space(byte: u8) -> bool {
    matches!(byte, b'\t' | b'\n' | 0x0c | b'\r' | b' ')
}

#[cfg(test)]
mod tests {
    use super::measure;

    /// `{` and `}` mark the excess in `marked`, `|` the end of the name, the tag ends at `^`.
    fn check(marked: &str) {
        let at = |mark: char| {
            let before = marked.split(mark).next().filter(|before| before.len() < marked.len())?;
            Some(before.chars().filter(|c| !"{}|^".contains(*c)).count())
        };
        let input: String = marked.chars().filter(|c| !"{}|^".contains(*c)).collect();
        let tag = measure(input.as_bytes(), 1, 2);
        assert_eq!(Some(tag.name_end), at('|'), "name of {marked}");
        assert_eq!(Some(tag.end), at('^'), "end of {marked}");
        assert_eq!(tag.excess, at('{').zip(at('}')), "excess of {marked}");
    }

    #[test]
    fn tags_end_where_the_tokenizer_ends_them() {
        check("<a|>^ b>");
        check("<a| b c>^d");
        check("<a| b='>' c=\">\">^");
        check("<a| b=>^ c>");
        check("<a| b=c/>^");
        check("<a|/>^");
        check("<a| b='x>^");
        check("<a| b^");
        check("<a|^");
    }

    #[test]
    fn attributes_beyond_the_limit_are_found() {
        check("<a| b c {d e=\"x>y\"}>^ f");
        check("<a| b c {d }/>^");
        check("<a| b c {d=e/}>^");
        check("<a| b=''c=''{d=''}>^");
        check("<a|/b/c/{d}>^");
        check("<a| =x/=y/{=z}>^");
        check("<a| b = c d = 'e' {f = g}>^");
        check("<a| b c {d e='x>}^");
    }
}
