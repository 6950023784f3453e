//! Text from pages inside HTML: [`text`] for what is read, [`link`] for URLs.

use crate::report::neutralise;

/// Characters of a cell that are shown.
pub(super) const MOST_CHARS: usize = 300;
/// A longer URL is shown and not linked.
const MOST_LINK_BYTES: usize = 2_000;

/// Safe between tags and inside a quoted attribute; control characters become marks.
pub(super) fn text(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for c in neutralise(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// The beginning of a long text.
pub(super) fn cut(text: &str) -> String {
    match text.char_indices().nth(MOST_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// A link that tells its target nothing, for http and https; anything else is text.
pub(super) fn link(url: &str) -> String {
    let shown = text(&cut(url));
    let is_web = url.starts_with("http://") || url.starts_with("https://");
    if !is_web || url.len() > MOST_LINK_BYTES || url.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return shown;
    }
    format!("<a href=\"{}\" rel=\"noopener nofollow noreferrer\">{shown}</a>", text(url))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_a_page_says_stays_text() {
        let title = "</td><script>alert(1)</script> \"x\" 'y' &amp; \u{202e}";
        let wanted =
            "&lt;/td&gt;&lt;script&gt;alert(1)&lt;/script&gt; &quot;x&quot; &#39;y&#39; &amp;amp; &lt;U+202E&gt;";
        assert_eq!(text(title), wanted);
    }

    #[test]
    fn only_the_web_is_linked() {
        let rel = "rel=\"noopener nofollow noreferrer\"";
        assert_eq!(
            link("https://a.test/?a&b"),
            format!("<a href=\"https://a.test/?a&amp;b\" {rel}>https://a.test/?a&amp;b</a>")
        );
        for url in [
            "javascript:alert(1)",
            "JAVASCRIPT:alert(1)",
            "data:text/html,x",
            " https://a.test/",
            "https://a.test/\nx",
            "https//a.test",
            "",
            &format!("https://a.test/{}", "x".repeat(3_000)),
        ] {
            assert!(!link(url).contains("<a"), "{url}");
        }
        let quoted = link("https://a.test/\"onmouseover=\"alert(1)");
        assert!(quoted.contains("href=\"https://a.test/&quot;onmouseover=&quot;alert(1)\""), "{quoted}");
    }

    proptest! {
        #[test]
        fn no_markup_survives(given in any::<String>()) {
            prop_assert!(!text(&given).contains(['<', '>', '"', '\'']));
            prop_assert!(!link(&given).contains('<'));
        }
    }
}
