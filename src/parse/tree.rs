//! [`build`]: text to scraper's tree, in bounded time.
//!
//! The [`Tokens`] of the page pass the [`NestingFilter`] on their way to html5ever's tree builder, with the
//! clock asked between them. html5ever's own tokenizer copies every text and value piece by piece and
//! compares each attribute of a tag with all before it; here a text is copied once. Scripts and styles are
//! skipped: nobody reads them, and on the web they are much of a page.

use std::collections::BTreeMap;

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::{Tag as HandedTag, TagKind, Token as Handed};
use html5ever::{Attribute, LocalName, QualName, local_name, ns};
use scraper::Html;

use super::ParseLimits;
use super::characters::{Place, decode, pieces};
use super::doctype::doctype;
use super::names::{Attr, Tag};
use super::nesting::NestingFilter;
use super::structured::is_json_ld;
use super::tokens::{Attributes, RawText, Token, Tokens};
use super::watch::Watch;
use crate::model::ParseCut;

/// Parses a document. Where a cap cuts it short the tree holds what came before, and the first such
/// cap is told.
pub(crate) fn build(
    text: &str,
    xhtml: bool,
    limits: &ParseLimits,
    out_of_time: &mut dyn FnMut() -> bool,
) -> (Html, Option<ParseCut>) {
    let mut reader = Reader {
        tokens: Tokens::new(text, limits.max_attributes),
        filter: NestingFilter::new(*limits, xhtml),
        pending: 0,
        watch: Watch::new(out_of_time),
    };
    if reader.document().is_some() {
        reader.filter.hand(Handed::EOFToken);
    }
    reader.filter.into_tree()
}

/// The page as it is read. Methods give `None` when the parse is over before the text is.
struct Reader<'a, 'c> {
    tokens: Tokens<'a>,
    filter: NestingFilter,
    /// Bytes of a text that was read and is handed on piece by piece.
    pending: usize,
    watch: Watch<'c>,
}

impl<'a> Reader<'a, '_> {
    fn document(&mut self) -> Option<()> {
        while let Some(token) = self.tokens.next(|| self.filter.in_foreign_content()) {
            match token {
                Token::Start { name, self_closing } => self.start_tag(name, self_closing)?,
                Token::End { name } => self.filter.end(end_tag(name, Tag::of(name.as_bytes()))),
                Token::Text(text) => self.content(text, Place::Content)?,
                Token::Cdata(text) => self.content(text, Place::RawContent)?,
                Token::Comment => self.filter.hand(Handed::CommentToken(StrTendril::new())),
                Token::Doctype(declaration) => self.filter.hand(Handed::DoctypeToken(doctype(declaration))),
            }
            self.go_on()?;
        }
        self.note_excess();
        Some(())
    }

    fn start_tag(&mut self, name: &'a str, self_closing: bool) -> Option<()> {
        let tag = Tag::of(name.as_bytes());
        let attributes = self.attributes(tag);
        let Some(kind) = self.filter.start(handed(TagKind::StartTag, name, tag, self_closing, attributes)) else {
            return Some(());
        };
        let is_read = match kind {
            RawText::Script => {
                Attributes(&self.tokens.attributes).get(Attr::Type).is_some_and(|held| is_json_ld(&held))
            }
            RawText::Raw => tag != Tag::Style,
            RawText::Replaceable | RawText::Endless => true,
        };
        let text = self.tokens.raw_text(name, kind);
        if is_read {
            let place = if kind == RawText::Replaceable { Place::Replaceable } else { Place::Raw };
            self.pieces(text, place, 0)?;
        }
        if kind != RawText::Endless {
            self.filter.end_raw_text(end_tag(name, tag));
        }
        Some(())
    }

    /// The attributes that some rule looks at; of several with the same name the first. Formatting elements are compared
    /// with each other by all that they have (HTML 13.2.4.3): what nobody reads is one attribute of theirs.
    fn attributes(&self, tag: Tag) -> Vec<Attribute> {
        let (mut attributes, mut seen, mut unread) = (Vec::new(), 0_u64, BTreeMap::new());
        let named = |name, value: &str| Attribute { name: QualName::new(None, ns!(), name), value: value.into() };
        for held in &self.tokens.attributes {
            match Attr::of(held.name.as_bytes()) {
                Some(name) if seen & name.bit() == 0 => {
                    seen |= name.bit();
                    attributes.push(named(name.atom(), &decode(held.value, Place::Attribute)));
                }
                None if is_formatting(tag) => {
                    let value = decode(held.value, Place::Attribute);
                    unread.entry(held.name.to_ascii_lowercase()).or_insert(value);
                }
                _ => {}
            }
        }
        if !unread.is_empty() {
            let all: Vec<String> = unread.iter().map(|(name, value)| format!("{name}={value}")).collect();
            attributes.push(named(local_name!("class"), &all.join("\0")));
        }
        attributes
    }

    /// Hands a text on between its NULs: what they mean depends on where they stand.
    fn content(&mut self, text: &'a str, place: Place) -> Option<()> {
        let mut rest = text;
        while let Some(nul) = memchr::memchr(0, rest.as_bytes()) {
            let (before, behind) = (&rest[..nul], &rest[nul + 1..]);
            self.pieces(before, place, behind.len())?;
            self.filter.hand(Handed::NullCharacterToken);
            rest = behind;
        }
        self.pieces(rest, place, 0)
    }

    /// Hands a text on in pieces; `behind`: bytes that were read behind it.
    fn pieces(&mut self, text: &'a str, place: Place, behind: usize) -> Option<()> {
        for (piece, left) in pieces(text) {
            self.characters(piece, place);
            self.pending = left + behind;
            self.go_on()?;
        }
        Some(())
    }

    fn characters(&mut self, text: &str, place: Place) {
        if !text.is_empty() {
            self.filter.hand(Handed::CharacterTokens((&*decode(text, place)).into()));
        }
    }

    fn note_excess(&mut self) {
        if self.tokens.excess {
            self.filter.note(ParseCut::Size);
        }
    }

    /// Whether there is room and time for more.
    fn go_on(&mut self) -> Option<()> {
        self.note_excess();
        if self.watch.is_over(self.tokens.read() - self.pending) {
            self.filter.note(ParseCut::Time);
            return None;
        }
        (!self.filter.stopped()).then_some(())
    }
}

fn handed(kind: TagKind, name: &str, tag: Tag, self_closing: bool, attrs: Vec<Attribute>) -> HandedTag {
    HandedTag { kind, name: atom(name, tag), self_closing, attrs, had_duplicate_attributes: false }
}

fn end_tag(name: &str, tag: Tag) -> HandedTag {
    handed(TagKind::EndTag, name, tag, false, Vec::new())
}

/// Elements that the tree builder opens again in other blocks, but for `a`, of which it never holds several.
fn is_formatting(tag: Tag) -> bool {
    use Tag::*;
    matches!(tag, B | Big | Code | Em | Font | I | Nobr | S | Small | Strike | Strong | Tt | U)
}

/// A name as the tokenizer of the standard reads it (HTML 13.2.5.8, 13.2.5.33).
fn atom(name: &str, tag: Tag) -> LocalName {
    tag.atom().unwrap_or_else(|| name.to_ascii_lowercase().replace('\0', "\u{fffd}").into())
}
