//! References in XML text: [`expanded`] and [`resolve`]. The five of XML, numbers, and the names of
//! HTML, which feeds use without declaring them. Nothing that a document declares is looked at, so
//! no entity can be expanded into more than its two characters.

use std::borrow::Cow;

use html5ever::data::NAMED_ENTITIES;

/// Longest name that is looked up; HTML's longest has 31 letters.
const MAX_NAME_BYTES: usize = 32;

/// What `&name;` stands for; `None` for a name that nobody knows.
pub(crate) fn resolve(name: &str) -> Option<String> {
    if let Some(number) = name.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16),
            None => number.parse(),
        };
        let scalar = char::from_u32(code.ok()?).unwrap_or(char::REPLACEMENT_CHARACTER);
        return Some(if scalar == '\0' { String::new() } else { scalar.to_string() });
    }
    if name.len() > MAX_NAME_BYTES {
        return None;
    }
    let (first, second) = NAMED_ENTITIES.get(&*format!("{name};"))?;
    let text: String = [*first, *second].into_iter().filter(|code| *code > 0).filter_map(char::from_u32).collect();
    Some(text).filter(|text| !text.is_empty())
}

/// The text with its references resolved. An ampersand that begins none stays as it is: in URLs it
/// is the most common mistake of all.
pub(crate) fn expanded(text: &str) -> Cow<'_, str> {
    if !text.contains('&') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut pieces = text.split('&');
    out.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        match piece.split_once(';').and_then(|(name, rest)| Some((resolve(name)?, rest))) {
            Some((value, rest)) => {
                out.push_str(&value);
                out.push_str(rest);
            }
            None => {
                out.push('&');
                out.push_str(piece);
            }
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::expanded;

    #[test]
    fn references() {
        for (text, expected) in [
            ("plain", "plain"),
            ("a&amp;b&lt;&gt;&apos;&quot;", "a&b<>'\""),
            ("&#65;&#x42;&#X43;&#228;&#x1F600;", "ABCä😀"),
            ("&eacute;&nbsp;&hellip;", "é\u{a0}…"),
            ("&NotEqualTilde;", "\u{2242}\u{338}"),
            ("a&b=c&amp;d", "a&b=c&d"),
            ("a&copy=1;b", "a&copy=1;b"),
            ("&amp;amp;", "&amp;"),
            ("&unknown;&;&#;&#x;&#xg;", "&unknown;&;&#;&#x;&#xg;"),
            ("&am;&a;", "&am;&a;"),
            ("&#0;&#xD800;&#x110000;", "\u{fffd}\u{fffd}"),
            ("&#99999999999;", "&#99999999999;"),
            ("&", "&"),
            ("&amp", "&amp"),
        ] {
            assert_eq!(expanded(text), expected, "{text}");
        }
    }
}
