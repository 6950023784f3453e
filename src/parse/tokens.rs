//! [`Tokens`]: start tags, end tags and texts of a page, borrowed from it. The states of the
//! standard's tokenizer (HTML 13.2.5), read as searches for the bytes that end them. Both parsers read
//! them: in one pass, and without comparing attributes with each other.

use std::borrow::Cow;

use super::characters::{Place, decode};
use super::markup::{comment_len, is_space, raw_text_end};
use super::names::Attr;
use super::script::ScriptEscape;

/// An attribute as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Attribute<'a> {
    pub(super) name: &'a str,
    pub(super) value: &'a str,
}

impl Attribute<'_> {
    /// Bytes as written.
    pub(super) fn size(&self) -> usize {
        self.name.len() + self.value.len()
    }
}

/// The attributes of a tag; of several ones with the same name the first counts.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Attributes<'t, 'a>(pub(super) &'t [Attribute<'a>]);

impl<'t, 'a> Attributes<'t, 'a> {
    /// The value of the first attribute of this name, decoded.
    pub(super) fn get(self, name: Attr) -> Option<Cow<'a, str>> {
        let name = name.name();
        let found = self.0.iter().find(|held| held.name.eq_ignore_ascii_case(name))?;
        Some(decode(found.value, Place::Attribute))
    }
}

/// What stands next. The attributes of a start tag are in [`Tokens::attributes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    Start {
        name: &'a str,
        self_closing: bool,
    },
    End {
        name: &'a str,
    },
    Text(&'a str),
    Cdata(&'a str),
    Comment,
    /// What stands after `<!doctype`, with the `>` that ends it where there is one.
    Doctype(&'a str),
}

/// What the content of an element is to the tokenizer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RawText {
    /// `title`, `textarea`: character references count.
    Replaceable,
    /// `style` and others.
    Raw,
    Script,
    /// `plaintext`: the rest of the page.
    Endless,
}

/// Reads a page from its beginning.
pub(super) struct Tokens<'a> {
    text: &'a str,
    at: usize,
    max_attributes: usize,
    pub(super) attributes: Vec<Attribute<'a>>,
    /// Whether a tag had more attributes than the limit.
    pub(super) excess: bool,
}

impl<'a> Tokens<'a> {
    pub(super) fn new(text: &'a str, max_attributes: usize) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        Tokens { text, at: 0, max_attributes, attributes: Vec::new(), excess: false }
    }

    /// Bytes read.
    pub(super) fn read(&self) -> usize {
        self.at
    }

    /// The next token. CDATA sections are such in foreign content alone.
    pub(super) fn next(&mut self, in_foreign_content: impl Fn() -> bool) -> Option<Token<'a>> {
        let bytes = self.text.as_bytes();
        loop {
            let start = self.at;
            match bytes.get(start..)? {
                [] => return None,
                [b'<', b'!', b'-', b'-', rest @ ..] => {
                    self.at += 4 + comment_len(rest);
                    return Some(Token::Comment);
                }
                [b'<', b'!', b'[', b'C', b'D', b'A', b'T', b'A', b'[', ..] if in_foreign_content() => {
                    return Some(Token::Cdata(self.cdata()));
                }
                [b'<', b'!', rest @ ..] => {
                    self.bogus();
                    let is_doctype = rest.get(..7).is_some_and(|name| name.eq_ignore_ascii_case(b"doctype"));
                    return Some(match is_doctype {
                        true => Token::Doctype(&self.text[start + "<!doctype".len()..self.at]),
                        false => Token::Comment,
                    });
                }
                [b'<', b'/', b'>', ..] => self.at += 3,
                [b'<', b'/', c, ..] if c.is_ascii_alphabetic() => {
                    let (name, _) = self.tag(start + 2)?;
                    return Some(Token::End { name });
                }
                [b'<', b'?', ..] | [b'<', b'/', _, ..] => {
                    self.bogus();
                    return Some(Token::Comment);
                }
                [b'<', c, ..] if c.is_ascii_alphabetic() => {
                    let (name, self_closing) = self.tag(start + 1)?;
                    return Some(Token::Start { name, self_closing });
                }
                // A text, which may begin with a `<` that means nothing.
                [_, rest @ ..] => {
                    self.at = memchr::memchr(b'<', rest).map_or(bytes.len(), |found| start + 1 + found);
                    return Some(Token::Text(&self.text[start..self.at]));
                }
            }
        }
    }

    /// Past the next `>`: of a bogus comment, or of a document type, which ends there even in quotes.
    fn bogus(&mut self) {
        let rest = &self.text.as_bytes()[self.at..];
        self.at += memchr::memchr(b'>', rest).map_or(rest.len(), |found| found + 1);
    }

    fn cdata(&mut self) -> &'a str {
        let rest = &self.text[self.at + "<![CDATA[".len()..];
        let end = memchr::memmem::find(rest.as_bytes(), b"]]>");
        self.at = end.map_or(self.text.len(), |end| self.text.len() - rest.len() + end + 3);
        &rest[..end.unwrap_or(rest.len())]
    }

    /// Reads the tag whose name begins at `start`: its name, and whether it closes itself. `None` when the
    /// text ends in it.
    fn tag(&mut self, start: usize) -> Option<(&'a str, bool)> {
        let bytes = self.text.as_bytes();
        self.attributes.clear();
        self.at = start;
        self.skip_until(|b| is_space(b) || b == b'/' || b == b'>');
        let name = &self.text[start..self.at];
        loop {
            let from = self.at;
            self.skip_until(|b| !is_space(b) && b != b'/');
            match bytes.get(self.at) {
                None => return None,
                Some(b'>') => {
                    let self_closing = self.at > from && bytes[self.at - 1] == b'/';
                    self.at += 1;
                    return Some((name, self_closing));
                }
                Some(_) => self.attribute()?,
            }
        }
    }

    /// Reads one attribute. A `=` may begin its name.
    fn attribute(&mut self) -> Option<()> {
        let bytes = self.text.as_bytes();
        let start = self.at;
        self.at += 1;
        self.skip_until(|b| is_space(b) || matches!(b, b'/' | b'>' | b'='));
        let name = self.text.get(start..self.at).unwrap_or_default();
        self.skip_until(|b| !is_space(b));
        let mut value = "";
        if bytes.get(self.at) == Some(&b'=') {
            self.at += 1;
            self.skip_until(|b| !is_space(b));
            match *bytes.get(self.at)? {
                quote @ (b'"' | b'\'') => {
                    let rest = &self.text[self.at + 1..];
                    let end = memchr::memchr(quote, rest.as_bytes());
                    value = &rest[..end.unwrap_or(rest.len())];
                    self.at += value.len() + 1 + usize::from(end.is_some());
                }
                _ => {
                    let from = self.at;
                    self.skip_until(|b| is_space(b) || b == b'>');
                    value = &self.text[from..self.at];
                }
            }
        }
        if self.attributes.len() < self.max_attributes {
            self.attributes.push(Attribute { name, value });
        } else {
            self.excess = true;
        }
        Some(())
    }

    fn skip_until(&mut self, stop: impl Fn(u8) -> bool) {
        let rest = &self.text.as_bytes()[self.at..];
        self.at += rest.iter().position(|&b| stop(b)).unwrap_or(rest.len());
    }

    /// The content of the element `name`, and past its end tag.
    pub(super) fn raw_text(&mut self, name: &str, kind: RawText) -> &'a str {
        let start = self.at;
        let end = if kind == RawText::Endless { None } else { self.end_of_raw_text(name, kind) };
        let end = end.unwrap_or(self.text.len());
        self.at = end;
        let content = &self.text[start..end];
        if end < self.text.len() {
            // Only attributes of the end tag and its `>` are left; the text may end in them.
            let _ = self.tag(end + "</".len());
        }
        content
    }

    fn end_of_raw_text(&self, name: &str, kind: RawText) -> Option<usize> {
        let mut script = (kind == RawText::Script).then(|| ScriptEscape::new(self.at));
        raw_text_end(self.text.as_bytes(), self.at, name, script.as_mut())
    }
}
