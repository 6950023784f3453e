//! Where comments and raw text end, and what is white space in tags.

use super::script::ScriptEscape;

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
