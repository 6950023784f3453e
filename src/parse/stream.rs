//! [`extract`]: what a page says, without a tree of it.
//!
//! [`super::tokens`] reads tags and texts that are borrowed from the page, [`super::characters`] decodes what needs it,
//! [`construction`] (with [`modes`], [`body`], [`table`] and [`formatting`]) follows which elements a tree would hold
//! open on its [`stack`], and the walk of [`super::walk`] is told of them as they begin and end. What is kept beside
//! the findings is one entry for each open element: memory does not grow with the page.
//!
//! Where it differs from the tree: `docs/extraction.md`, "Without a tree".

mod body;
mod construction;
mod formatting;
mod modes;
mod stack;
mod start_tag;
mod table;

use std::collections::HashMap;

use self::construction::Construction;
use self::start_tag::StartTag;
use super::ParseLimits;
use super::characters::{Place, decode, pieces};
use super::elements::{holds_no_elements, is_void};
use super::names::{Attr, Namespace, Tag};
use super::tokens::{Attributes, RawText, Token, Tokens};
use super::walk::{Findings, Walk};
use super::watch::Watch;
use crate::model::ParseCut;

/// Different names, and bytes of a name, that dropped start tags are noted with.
const MAX_DROPPED_NAMES: usize = 1000;
const MAX_DROPPED_NAME_BYTES: usize = 64;

/// Reads a document. Where a cap cuts it short the findings are of what came before, and the first such
/// cap is told.
pub(crate) fn extract(
    text: &str,
    xhtml: bool,
    agent: &str,
    limits: &ParseLimits,
    out_of_time: &mut dyn FnMut() -> bool,
) -> (Findings, Option<ParseCut>) {
    let mut reader = Reader {
        tokens: Tokens::new(text, limits.max_attributes),
        construction: Construction::new(Walk::new(agent, limits)),
        xhtml,
        max_depth: limits.max_depth,
        dropped: Dropped::default(),
        pending: 0,
        cut: None,
        watch: Watch::new(out_of_time),
    };
    if reader.document().is_none() {
        reader.note(ParseCut::Time);
    }
    let excess = reader.tokens.excess.then_some(ParseCut::Size);
    let cut = reader.cut.or(excess);
    (reader.construction.finish().finish(), cut)
}

/// Start tags dropped for their depth whose end tag has not come, by name in lower case. Names that no rule knows have
/// room only so far; an end tag of one that was not noted finds nothing to close.
#[derive(Default)]
struct Dropped(HashMap<String, usize>);

impl Dropped {
    fn add(&mut self, name: &str) {
        let name = name.to_ascii_lowercase();
        let has_room = self.0.len() < MAX_DROPPED_NAMES && name.len() <= MAX_DROPPED_NAME_BYTES;
        if has_room || Tag::of(name.as_bytes()) != Tag::Other || self.0.contains_key(&name) {
            *self.0.entry(name).or_default() += 1;
        }
    }

    /// Whether a start tag of this name was dropped; it has its end tag now.
    fn take(&mut self, name: &str) -> bool {
        if self.0.is_empty() || name.len() > MAX_DROPPED_NAME_BYTES {
            return false;
        }
        let name = name.to_ascii_lowercase();
        let Some(count) = self.0.get_mut(&name) else { return false };
        *count -= 1;
        if *count == 0 {
            self.0.remove(&name);
        }
        true
    }
}

/// The page as it is read. Methods give `None` when time is up.
struct Reader<'a, 'w, 'c> {
    tokens: Tokens<'a>,
    construction: Construction<'a, 'w>,
    xhtml: bool,
    max_depth: usize,
    dropped: Dropped,
    /// Bytes of a text that was read and is handed on piece by piece.
    pending: usize,
    cut: Option<ParseCut>,
    watch: Watch<'c>,
}

impl<'a> Reader<'a, '_, '_> {
    fn document(&mut self) -> Option<()> {
        while let Some(token) = self.tokens.next(|| self.construction.in_foreign_content()) {
            match token {
                Token::Start { name, self_closing } => self.start_tag(name, self_closing)?,
                Token::End { name } => self.end_tag(name),
                Token::Text(text) if self.construction.holds_foreign_text() => self.pieces(text, Place::Replaceable)?,
                Token::Text(text) => self.pieces(text, Place::Content)?,
                Token::Cdata(text) if self.construction.holds_foreign_text() => self.pieces(text, Place::Raw)?,
                Token::Cdata(text) => self.pieces(text, Place::RawContent)?,
                Token::Comment => self.construction.ignore_line_break = false,
                Token::Doctype(declaration) => self.construction.doctype(declaration),
            }
            if self.tokens.excess {
                self.note(ParseCut::Size);
            }
            self.ask()?;
        }
        Some(())
    }

    fn note(&mut self, cut: ParseCut) {
        self.cut = self.cut.or(Some(cut));
    }

    fn ask(&mut self) -> Option<()> {
        (!self.watch.is_over(self.tokens.read() - self.pending)).then_some(())
    }

    /// Hands a text on in pieces.
    fn pieces(&mut self, text: &'a str, place: Place) -> Option<()> {
        for (piece, left) in pieces(text) {
            self.construction.characters(&decode(piece, place));
            self.pending = left;
            self.ask()?;
        }
        Some(())
    }

    fn start_tag(&mut self, name: &'a str, self_closing: bool) -> Option<()> {
        let attributes = std::mem::take(&mut self.tokens.attributes);
        let token = StartTag {
            name,
            tag: Tag::of(name.as_bytes()),
            namespace: Namespace::Html,
            self_closing,
            attributes: Attributes(&attributes),
        };
        self.construction.ignore_line_break = false;
        let foreign = self.construction.in_foreign_content();
        if self.too_deep() && !holds_no_elements(token.tag) && !(self_closing && foreign) {
            self.drop_start(token);
        } else if self.xhtml && self_closing && !is_void(token.tag) && !foreign {
            self.empty_element(token);
        } else {
            self.construction.start(token);
        }
        self.tokens.attributes = attributes;
        match self.construction.raw_text {
            Some(kind) => self.raw_text(name, kind),
            None => Some(()),
        }
    }

    /// The content of an element that holds no markup, and its end.
    fn raw_text(&mut self, name: &'a str, kind: RawText) -> Option<()> {
        let text = self.tokens.raw_text(name, kind);
        let place = if kind == RawText::Replaceable { Place::Replaceable } else { Place::Raw };
        self.pieces(text, place)?;
        self.construction.end_raw_text();
        Some(())
    }

    fn end_tag(&mut self, name: &'a str) {
        self.construction.ignore_line_break = false;
        if !self.was_dropped(name) {
            self.construction.end(name);
        }
    }

    /// Start and end at once.
    fn empty_element(&mut self, token: StartTag<'_, 'a>) {
        self.construction.start(StartTag { self_closing: false, ..token });
        if self.construction.raw_text.is_some() {
            self.construction.end_raw_text();
        } else {
            self.construction.ignore_line_break = false;
            self.construction.end(token.name);
        }
    }

    /// The words around a dropped tag stay apart. Links are what a crawl lives on: a dropped one stays
    /// as an empty element.
    fn drop_start(&mut self, token: StartTag<'_, 'a>) {
        self.note(ParseCut::Depth);
        self.dropped.add(token.name);
        self.construction.characters(" ");
        if token.tag == Tag::A && token.attributes.get(Attr::Href).is_some() {
            self.empty_element(token);
        }
    }

    fn was_dropped(&mut self, name: &str) -> bool {
        self.too_deep() && self.dropped.take(name)
    }

    fn too_deep(&mut self) -> bool {
        let deep = self.construction.stack.len() >= self.max_depth;
        if !deep {
            // Whatever was dropped stood inside an element that is closed now.
            self.dropped.0.clear();
        }
        deep
    }
}

#[cfg(test)]
mod tests {
    use super::{Dropped, MAX_DROPPED_NAMES};

    #[test]
    fn names_of_dropped_tags_take_bounded_room() {
        let mut dropped = Dropped::default();
        (0..10 * MAX_DROPPED_NAMES).for_each(|i| dropped.add(&format!("x-{i}")));
        dropped.add(&"x".repeat(1000));
        assert_eq!(dropped.0.len(), MAX_DROPPED_NAMES);
        dropped.add("DIV");
        dropped.add("x-7");
        for (name, taken) in [("div", true), ("div", false), ("x-7", true), ("X-7", true), ("x-7", false)] {
            assert_eq!(dropped.take(name), taken, "{name}");
        }
    }
}
