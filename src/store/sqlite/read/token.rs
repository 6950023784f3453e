//! [`Token`]: SQL cut where SQLite's tokenizer cuts it (`src/tokenize.c`). What is a statement, a
//! name or a clause is told from the tokens, never from the bare text.

use std::ops::Range;

/// The words of a text that could name a table: identifiers and quoted names, unquoted.
pub(super) fn names_in(sql: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut lexer = Lexer { bytes: sql.as_bytes(), at: 0 };
    while let Some(token) = lexer.next_token() {
        let text = &sql[token.start..token.end];
        match token.kind {
            Kind::Word => names.push(text.to_owned()),
            Kind::Quoted if token.end - token.start >= 2 => {
                names.push(text[1..text.len() - 1].to_owned());
            }
            _ => {}
        }
    }
    names
}

/// Where the parameters of a text stand.
pub(super) fn variables(sql: &str) -> impl Iterator<Item = Range<usize>> {
    let mut lexer = Lexer { bytes: sql.as_bytes(), at: 0 };
    let tokens = std::iter::from_fn(move || lexer.next_token());
    tokens.filter(|token| token.kind == Kind::Variable).map(|token| token.start..token.end)
}

/// The expressions of the `CHECK (…)` clauses in a `CREATE TABLE`.
pub(super) fn check_expressions(create_table: &str) -> Vec<&str> {
    let tokens = significant_tokens(create_table).unwrap_or_default();
    let is = |t: &Token, text: &str| create_table[t.start..t.end].eq_ignore_ascii_case(text);
    let mut expressions = Vec::new();
    for (i, _) in tokens.iter().enumerate().filter(|(_, t)| t.kind == Kind::Word && is(t, "CHECK")) {
        let mut depth = 0;
        for token in &tokens[i + 1..] {
            depth += i32::from(is(token, "(")) - i32::from(is(token, ")"));
            if depth == 0 {
                expressions.extend(create_table.get(tokens[i + 1].end..token.start));
                break;
            }
        }
    }
    expressions
}

/// Every token but white space and comments.
///
/// # Errors
/// The first character of a quoted token without an end.
pub(super) fn significant_tokens(sql: &str) -> Result<Vec<Token>, char> {
    let mut lexer = Lexer { bytes: sql.as_bytes(), at: 0 };
    let mut tokens = Vec::new();
    while let Some(token) = lexer.next_token() {
        match token.kind {
            Kind::Space => {}
            Kind::Unclosed => return Err(char::from(sql.as_bytes()[token.start])),
            _ => tokens.push(token),
        }
    }
    Ok(tokens)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// White space and comments.
    Space,
    /// `;`
    Separator,
    /// Identifier, keyword or number.
    Word,
    /// `'…'`, `"…"`, `` `…` `` or `[…]`.
    Quoted,
    /// `?`, `?1`, `:name`, `@name`, `$name`, `#name`.
    Variable,
    /// One of the quoted kinds without its end.
    Unclosed,
    /// Anything else.
    Other,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// SQLite's tokenizer as far as the ends of tokens go. Every token starts and ends on a character
/// boundary: a token begins with an ASCII byte or takes the whole run of bytes ≥ 0x80.
struct Lexer<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Lexer<'_> {
    fn next_token(&mut self) -> Option<Token> {
        let start = self.at;
        let first = *self.bytes.get(start)?;
        let kind = match first {
            b' ' | b'\t' | b'\n' | 0x0c | b'\r' => self.run(Kind::Space, |b| matches!(b, b' ' | 0x09..=0x0d)),
            b'-' if self.peek(1) == b'-' => self.line_comment(),
            // A '/*' at the very end of the text is a slash and a star to SQLite.
            b'/' if self.peek(1) == b'*' && self.bytes.len() > start + 2 => self.block_comment(),
            b'\'' | b'"' | b'`' => self.quoted(first),
            b'[' => self.bracketed(),
            b';' => self.single(Kind::Separator),
            b'?' => {
                self.at += 1;
                self.run(Kind::Variable, |b| b.is_ascii_digit())
            }
            b'$' | b'@' | b':' | b'#' => self.variable(),
            0xef if self.bytes[start..].starts_with(b"\xef\xbb\xbf") => {
                self.at += 3;
                Kind::Space
            }
            b if is_id_byte(b) => self.run(Kind::Word, is_id_byte),
            _ => self.single(Kind::Other),
        };
        Some(Token { kind, start, end: self.at })
    }

    /// The byte `ahead` of here; 0 after the end, where SQLite sees its NUL.
    fn peek(&self, ahead: usize) -> u8 {
        self.bytes.get(self.at + ahead).copied().unwrap_or(0)
    }

    fn single(&mut self, kind: Kind) -> Kind {
        self.at += 1;
        kind
    }

    fn run(&mut self, kind: Kind, belongs: impl Fn(u8) -> bool) -> Kind {
        while self.bytes.get(self.at).is_some_and(|&b| belongs(b)) {
            self.at += 1;
        }
        kind
    }

    fn line_comment(&mut self) -> Kind {
        self.run(Kind::Space, |b| b != b'\n')
    }

    /// Comments do not nest in SQLite; one without an end runs to the end of the text.
    fn block_comment(&mut self) -> Kind {
        let inside = self.at + 2;
        let end = self.bytes[inside..].windows(2).position(|w| w == b"*/");
        self.at = end.map_or(self.bytes.len(), |n| inside + n + 2);
        Kind::Space
    }

    /// A doubled delimiter stands for itself.
    fn quoted(&mut self, delimiter: u8) -> Kind {
        self.at += 1;
        while let Some(&b) = self.bytes.get(self.at) {
            self.at += 1;
            if b == delimiter {
                if self.peek(0) != delimiter {
                    return Kind::Quoted;
                }
                self.at += 1;
            }
        }
        Kind::Unclosed
    }

    /// Ends at the first `]`; there is no escape.
    fn bracketed(&mut self) -> Kind {
        let end = self.bytes[self.at..].iter().position(|&b| b == b']');
        self.at = end.map_or(self.bytes.len(), |n| self.at + n + 1);
        if end.is_some() { Kind::Quoted } else { Kind::Unclosed }
    }

    /// `$name`, and the Tcl form `$name::part(anything but space)`, whose parentheses may hold
    /// quotes and semicolons that mean nothing.
    fn variable(&mut self) -> Kind {
        self.at += 1;
        let mut named = false;
        loop {
            match self.peek(0) {
                b if is_id_byte(b) => {
                    named = true;
                    self.at += 1;
                }
                b'(' if named => {
                    self.run(Kind::Variable, |b| b != b')' && !matches!(b, b' ' | 0x09..=0x0d));
                    if self.peek(0) == b')' {
                        self.at += 1;
                    }
                    return Kind::Variable;
                }
                b':' if self.peek(1) == b':' => self.at += 2,
                _ => return Kind::Variable,
            }
        }
    }
}

/// SQLite's `IdChar`: letters, digits, `_`, `$` and every byte above ASCII.
fn is_id_byte(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'_' | b'$') || b >= 0x80
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn finds_check_clauses() {
        let sql = "CREATE TABLE t(a TEXT CHECK (a IN ('x)', 'y')), -- CHECK (no)\n b, check((a = 'x') = (b IS NULL)))";
        assert_eq!(check_expressions(sql), ["a IN ('x)', 'y')", "(a = 'x') = (b IS NULL)"]);
        assert!(check_expressions("CREATE TABLE t(\"check\" CHECK").is_empty());
    }

    proptest! {
        #[test]
        fn tokens_cover_the_text_without_gaps(text in "[ -~\n'\"`\\[\\];/*$:()é]{0,80}") {
            let mut lexer = Lexer { bytes: text.as_bytes(), at: 0 };
            let mut end = 0;
            while let Some(token) = lexer.next_token() {
                prop_assert_eq!(token.start, end);
                prop_assert!(token.end > token.start && text.is_char_boundary(token.end));
                end = token.end;
            }
            prop_assert_eq!(end, text.len());
        }
    }
}
