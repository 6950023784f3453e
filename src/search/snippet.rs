//! [`marked`]: the parts of a snippet.

/// Stands before what was found. No text of a page reaches a terminal with it.
pub const FOUND: char = '\u{2}';
/// Stands after it.
pub const FOUND_END: char = '\u{3}';

/// Parts of a snippet in their order; `true`: it was found.
pub fn marked(snippet: &str) -> Vec<(bool, &str)> {
    let mut parts = Vec::new();
    for (at, piece) in snippet.split(FOUND).enumerate() {
        let (found, rest) = match piece.split_once(FOUND_END) {
            Some((found, rest)) if at > 0 => (found, rest),
            _ => ("", piece),
        };
        parts.extend([(true, found), (false, rest)].into_iter().filter(|(_, text)| !text.is_empty()));
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snippet_falls_into_its_parts() {
        let cases: [(&str, &[(bool, &str)]); 5] = [
            ("plain", &[(false, "plain")]),
            ("a \u{2}b\u{3} c \u{2}d\u{3}", &[(false, "a "), (true, "b"), (false, " c "), (true, "d")]),
            ("\u{2}a", &[(false, "a")]),
            ("a\u{3}b", &[(false, "a\u{3}b")]),
            ("", &[]),
        ];
        for (snippet, wanted) in cases {
            assert_eq!(marked(snippet), wanted, "{snippet:?}");
        }
    }
}
