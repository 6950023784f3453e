//! [`neutralise`]: text from the web made safe to print on a terminal, and visibly so.
//!
//! Harmful are the C0 and C1 controls (escape sequences move the cursor, retitle the window, paste
//! input), and the characters that make text read in another order or on another line than it is
//! stored (bidirectional controls, line separators). Each becomes a mark that can be seen.

use std::borrow::Cow;

/// One line of safe text: line breaks and tabs are marked too.
pub fn neutralise(text: &str) -> Cow<'_, str> {
    replace(text, is_harmful)
}

/// Safe text that keeps its line feeds and tabs.
pub fn neutralise_lines(text: &str) -> Cow<'_, str> {
    replace(text, |c| !matches!(c, '\n' | '\t') && is_harmful(c))
}

/// Whether a terminal might act on the character instead of showing it.
pub fn is_harmful(c: char) -> bool {
    c.is_control()                                  // C0, DEL, C1
        || matches!(c,
            '\u{061c}' | '\u{200e}' | '\u{200f}'    // Arabic letter mark, left-to-right, right-to-left mark
            | '\u{202a}'..='\u{202e}'               // bidirectional embeddings and overrides
            | '\u{2066}'..='\u{2069}'               // bidirectional isolates
            | '\u{2028}' | '\u{2029}'               // line and paragraph separator
            | '\u{fff9}'..='\u{fffb}'               // interlinear annotation
            | '\u{feff}' | '\u{00ad}'               // zero-width no-break space, soft hyphen
            | '\u{e0000}'..='\u{e007f}') // tag characters
}

fn replace(text: &str, harmful: impl Fn(char) -> bool) -> Cow<'_, str> {
    let Some(first) = text.find(&harmful) else { return Cow::Borrowed(text) };
    let mut safe = String::with_capacity(text.len() + 16);
    safe.push_str(&text[..first]);
    for c in text[first..].chars() {
        if harmful(c) {
            mark(c, &mut safe);
        } else {
            safe.push(c);
        }
    }
    Cow::Owned(safe)
}

/// Control pictures (U+2400 block) for ASCII, the code point for the rest.
fn mark(c: char, out: &mut String) {
    match u32::from(c) {
        code @ 0..=0x1f => out.extend(char::from_u32(0x2400 + code)),
        0x7f => out.push('\u{2421}'),
        code => out.push_str(&format!("<U+{code:04X}>")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn marks_what_a_terminal_would_act_on() {
        let cases = [
            ("plain", "plain"),
            ("\x1b[2J", "␛[2J"),
            ("a\nb\tc", "a␊b␉c"),
            ("\u{7f}", "␡"),
            ("\u{9b}31m", "<U+009B>31m"),
            ("abc\u{202e}def", "abc<U+202E>def"),
            ("\u{2066}x\u{2069}", "<U+2066>x<U+2069>"),
            ("\u{2028}", "<U+2028>"),
            ("日本 é 🦀", "日本 é 🦀"),
            ("", ""),
        ];
        for (given, wanted) in cases {
            assert_eq!(neutralise(given), wanted, "{given:?}");
        }
        assert_eq!(neutralise_lines("a\nb\tc\r\x1b"), "a\nb\tc␍␛");
    }

    proptest! {
        #[test]
        fn nothing_harmful_is_left(text in any::<String>()) {
            prop_assert!(!neutralise(&text).chars().any(is_harmful));
            prop_assert!(neutralise_lines(&text).chars().all(|c| c == '\n' || c == '\t' || !is_harmful(c)));
        }

        #[test]
        fn harmless_text_is_left_alone(text in "[a-zA-Z0-9 äöü日本]*") {
            prop_assert_eq!(neutralise(&text), text.as_str());
        }
    }
}
