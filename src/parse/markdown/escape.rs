//! What would be markup in a text, and is none.

/// Whether a block is an item of a list.
pub(super) fn is_item(line: &str) -> bool {
    line.starts_with("- ") || line.split_once(". ").is_some_and(|(number, _)| number.parse::<u64>().is_ok())
}

/// Characters that would be markup, `_` only where it could be: not inside a word.
pub(super) fn escape(word: &str, out: &mut String) {
    let mut before = ' ';
    let mut rest = word.chars().peekable();
    while let Some(c) = rest.next() {
        let inside = before.is_alphanumeric() && rest.peek().is_some_and(|next| next.is_alphanumeric());
        if matches!(c, '*' | '`' | '[' | ']' | '<' | '\\') || (c == '_' && !inside) {
            out.push('\\');
        }
        out.push(c);
        before = c;
    }
}

/// A backslash where a paragraph would begin like a heading, an item or a quote.
pub(super) fn needs_guard(text: &str) -> &'static str {
    let first = text.split(' ').next().unwrap_or_default();
    let is_mark = matches!(first, "-" | "+") || first.starts_with('>') || first.bytes().all(|b| b == b'#');
    let is_rule = text.bytes().all(|b| matches!(b, b'-' | b'=' | b' '));
    if is_mark || is_rule { "\\" } else { "" }
}
