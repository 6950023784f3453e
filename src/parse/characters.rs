//! [`decode`]: text and attribute values as the tokenizer of the standard reads them: line ends are
//! U+000A, NUL is dropped or replaced, character references are decoded (HTML 13.2.5.72 to 13.2.5.80).

use std::borrow::Cow;

use html5ever::data::{C1_REPLACEMENTS, NAMED_ENTITIES};

use super::watch::PIECE_BYTES;

/// Longest name in the standard's table, its semicolon included.
const MAX_NAME_BYTES: usize = 32;

/// Where a text stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Between HTML tags: NUL is dropped.
    Content,
    /// In `title` and `textarea`, and between foreign tags: NUL is replaced.
    Replaceable,
    /// In scripts, styles and CDATA sections: no references, NUL is replaced.
    Raw,
    /// In a CDATA section just below an element whose content is HTML: no references, NUL is dropped.
    RawContent,
    /// In an attribute: a reference without its semicolon counts only before what is no word.
    Attribute,
}

/// The text that is meant. Borrowed when it is as written.
pub(super) fn decode(raw: &str, place: Place) -> Cow<'_, str> {
    let bytes = raw.as_bytes();
    let Some(first) = memchr::memchr3(b'&', b'\r', 0, bytes) else { return Cow::Borrowed(raw) };
    let mut out = String::with_capacity(raw.len());
    let (mut copied, mut next) = (0, Some(first));
    while let Some(at) = next {
        out.push_str(&raw[copied..at]);
        copied = at + 1;
        match bytes[at] {
            0 if matches!(place, Place::Content | Place::RawContent) => {}
            0 => out.push('\u{fffd}'),
            b'\r' => {
                out.push('\n');
                copied += usize::from(bytes.get(copied) == Some(&b'\n'));
            }
            _ if matches!(place, Place::Raw | Place::RawContent) => out.push('&'),
            _ => copied += reference(&raw[copied..], place == Place::Attribute, &mut out),
        }
        next = memchr::memchr3(b'&', b'\r', 0, &bytes[copied..]).map(|found| copied + found);
    }
    out.push_str(&raw[copied..]);
    Cow::Owned(out)
}

/// A text in pieces to be decoded one by one, each with the number of bytes that follow it.
pub(super) fn pieces(text: &str) -> impl Iterator<Item = (&str, usize)> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest.take()?;
        if text.len() <= PIECE_BYTES {
            return Some((text, 0));
        }
        let (piece, more) = text.split_at(piece_len(text));
        rest = Some(more);
        Some((piece, more.len()))
    })
}

/// Where a text longer than [`PIECE_BYTES`] is cut: not in a character, nor in a reference or line end. A reference may be
/// longer than a piece; then the cut is behind it.
fn piece_len(text: &str) -> usize {
    let bytes = text.as_bytes();
    let end = text.floor_char_boundary(PIECE_BYTES);
    let is_inner = |byte: &&u8| byte.is_ascii_alphanumeric() || **byte == b'#';
    let before = end - bytes[..end].iter().rev().take_while(is_inner).count();
    match bytes[..before].last() {
        Some(b'&') if before > 1 => before - 1,
        Some(b'&') => {
            let more = end + bytes[end..].iter().take_while(is_inner).count();
            more + usize::from(bytes.get(more) == Some(&b';'))
        }
        Some(b'\r') if before == end && end > 1 => end - 1,
        _ => end,
    }
}

/// Decodes the reference whose `&` stands before `rest`; bytes of `rest` that belong to it.
fn reference(rest: &str, in_attribute: bool, out: &mut String) -> usize {
    let bytes = rest.as_bytes();
    let len = match bytes {
        [b'#', b'x' | b'X', ..] => numeric(bytes, 2, 16, out),
        [b'#', ..] => numeric(bytes, 1, 10, out),
        _ => named(rest, in_attribute, out),
    };
    if len == 0 {
        out.push('&');
    }
    len
}

fn numeric(bytes: &[u8], start: usize, radix: u32, out: &mut String) -> usize {
    let (mut at, mut number) = (start, 0_u32);
    while let Some(digit) = bytes.get(at).and_then(|&byte| char::from(byte).to_digit(radix)) {
        number = number.saturating_mul(radix).saturating_add(digit);
        at += 1;
    }
    if at == start {
        return 0;
    }
    let replaced = number.checked_sub(0x80).and_then(|c1| C1_REPLACEMENTS.get(c1 as usize).copied().flatten());
    out.push(match number {
        0 => '\u{fffd}',
        _ => replaced.or(char::from_u32(number)).unwrap_or('\u{fffd}'),
    });
    at + usize::from(bytes.get(at) == Some(&b';'))
}

fn named(rest: &str, in_attribute: bool, out: &mut String) -> usize {
    for (name, meaning) in [("amp;", '&'), ("lt;", '<'), ("gt;", '>'), ("quot;", '"'), ("nbsp;", '\u{a0}')] {
        if rest.starts_with(name) {
            out.push(meaning);
            return name.len();
        }
    }
    let bytes = rest.as_bytes();
    let word = bytes.iter().take(MAX_NAME_BYTES).take_while(|byte| byte.is_ascii_alphanumeric()).count();
    let ends = (bytes.get(word) == Some(&b';')).then_some(word + 1).into_iter().chain((1..=word).rev());
    for end in ends {
        // The table also holds the beginnings of names, which mean nothing.
        let Some(&(first, second)) = NAMED_ENTITIES.get(&rest[..end]).filter(|(first, _)| *first != 0) else {
            continue;
        };
        let follows = bytes.get(end).is_some_and(|&next| next == b'=' || next.is_ascii_alphanumeric());
        if in_attribute && bytes[end - 1] != b';' && follows {
            return 0;
        }
        out.extend([first, second].into_iter().filter(|&code| code != 0).filter_map(char::from_u32));
        return end;
    }
    0
}

#[cfg(test)]
mod tests {
    use super::{PIECE_BYTES, Place, decode, piece_len};

    #[test]
    fn a_text_is_not_cut_in_a_reference() {
        let a = |n: usize| "a".repeat(n);
        for (text, len) in [
            (a(PIECE_BYTES + 9), PIECE_BYTES),
            (a(PIECE_BYTES - 1) + "&amp;b", PIECE_BYTES - 1),
            (a(PIECE_BYTES - 4) + "&amp;b", PIECE_BYTES - 4),
            (a(PIECE_BYTES - 90) + "&#" + &"0".repeat(100) + "65;b", PIECE_BYTES - 90),
            (a(PIECE_BYTES - 1) + "\r\n", PIECE_BYTES - 1),
            ("&#".to_owned() + &"0".repeat(PIECE_BYTES) + "65;b", PIECE_BYTES + 5),
            (" ".to_owned() + &"ä".repeat(PIECE_BYTES), PIECE_BYTES - 1),
        ] {
            assert_eq!(piece_len(&text), len, "{text:.9} {}", text.len());
        }
    }

    #[test]
    fn references_in_text_and_in_attributes() {
        for (raw, text, attribute) in [
            ("plain", "plain", "plain"),
            ("a &amp; b &lt;&gt;&quot;", "a & b <>\"", "a & b <>\""),
            ("&amp &ampx &amp=", "& &x &=", "& &ampx &amp="),
            ("&not;&notit;&notin;", "¬¬it;∉", "¬&notit;∉"),
            ("&CounterClockwiseContourIntegral;&acE;", "∳∾̳", "∳∾̳"),
            ("&#65;&#x41;&#X41&#65", "AAAA", "AAAA"),
            (
                "&#0;&#x80;&#xd800;&#x110000;&#99999999999;",
                "\u{fffd}€\u{fffd}\u{fffd}\u{fffd}",
                "\u{fffd}€\u{fffd}\u{fffd}\u{fffd}",
            ),
            ("& &; &# &#; &#x &#xg &nosuch; &", "& &; &# &#; &#x &#xg &nosuch; &", "& &; &# &#; &#x &#xg &nosuch; &"),
            ("?a=1&copy=2&b;&lang=x", "?a=1©=2&b;&lang=x", "?a=1&copy=2&b;&lang=x"),
            ("a\r\nb\rc\n", "a\nb\nc\n", "a\nb\nc\n"),
            ("a\0b", "ab", "a\u{fffd}b"),
        ] {
            assert_eq!(decode(raw, Place::Content), text, "{raw}");
            assert_eq!(decode(raw, Place::Attribute), attribute, "{raw}");
        }
        assert_eq!(decode("a\0\r\n&amp;", Place::Raw), "a\u{fffd}\n&amp;");
        assert_eq!(decode("a\0\r\n&amp;", Place::RawContent), "a\n&amp;");
        assert_eq!(decode("a\0&amp;", Place::Replaceable), "a\u{fffd}&");
    }
}
