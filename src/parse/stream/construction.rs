//! [`Construction`]: follows the construction of a tree without building one, and tells the walk which
//! elements begin and end.
//!
//! The insertion modes are those of the standard (HTML 13.2.6), split over [`super::modes`],
//! [`super::body`] and [`super::table`]; links and what else a block interrupts are in [`super::formatting`]. What
//! would move nodes that were seen already stays where it is written: content that does not belong into a table, and
//! the content of a link that is closed around an open block.

use html5ever::tokenizer::Doctype;

use super::formatting::Formatting;
use super::stack::{Open, Scope, Stack, ends_foreign_content, has_implied_end, is_special};
use super::start_tag::StartTag;
use crate::parse::doctype::doctype;
use crate::parse::names::{Attr, Namespace, Tag};
use crate::parse::tokens::{Attributes, RawText};
use crate::parse::walk::Walk;

/// The insertion modes (HTML 13.2.4.1). The text in raw elements needs none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Initial,
    BeforeHtml,
    BeforeHead,
    InHead,
    InHeadNoscript,
    AfterHead,
    InBody,
    InTable,
    InCaption,
    InColumnGroup,
    InTableBody,
    InRow,
    InCell,
    InTemplate,
    AfterBody,
    InFrameset,
    AfterFrameset,
    AfterAfterFrameset,
}

/// The state of the construction.
pub(super) struct Construction<'a, 'w> {
    pub(super) walk: Walk<'w>,
    pub(super) stack: Stack<'a>,
    pub(super) mode: Mode,
    pub(super) template_modes: Vec<Mode>,
    pub(super) formatting: Formatting<'a>,
    /// The form that is open outside of templates.
    pub(super) form: Option<u32>,
    pub(super) had_head: bool,
    pub(super) frameset_ok: bool,
    pub(super) quirks: bool,
    /// A line break just after the tag does not count.
    pub(super) ignore_line_break: bool,
    /// What the content of the element just opened is to the tokenizer.
    pub(super) raw_text: Option<RawText>,
    next_id: u32,
}

impl<'a, 'w> Construction<'a, 'w> {
    pub(super) fn new(walk: Walk<'w>) -> Self {
        Construction {
            walk,
            stack: Stack::new(),
            mode: Mode::Initial,
            template_modes: Vec::new(),
            formatting: Formatting::new(),
            form: None,
            had_head: false,
            frameset_ok: true,
            quirks: true,
            ignore_line_break: false,
            raw_text: None,
            next_id: 0,
        }
    }

    /// Whether the current node is SVG or MathML.
    pub(super) fn in_foreign_content(&self) -> bool {
        self.stack.current().is_some_and(|open| open.namespace != Namespace::Html)
    }

    /// Whether text that follows is SVG or MathML.
    pub(super) fn holds_foreign_text(&self) -> bool {
        self.stack
            .current()
            .is_some_and(|open| open.namespace != Namespace::Html && !open.is_mathml_text() && !open.is_svg_html())
    }

    /// A document type: without a modern one in front a table may stand in a paragraph.
    pub(super) fn doctype(&mut self, declaration: &str) {
        if self.mode == Mode::Initial {
            self.quirks = asks_for_quirks(&doctype(declaration));
            self.mode = Mode::BeforeHtml;
        }
    }

    /// A start tag.
    pub(super) fn start(&mut self, token: StartTag<'_, 'a>) {
        let foreign = self.stack.current().filter(|open| open.namespace != Namespace::Html).is_some_and(|open| {
            let html = open.is_svg_html()
                || open.is_mathml_text() && !matches!(token.tag, Tag::Mglyph | Tag::Malignmark)
                || open.tag == Tag::AnnotationXml && open.namespace == Namespace::MathMl && token.tag == Tag::Svg;
            !html
        });
        if foreign {
            self.start_in_foreign_content(token);
        } else {
            self.start_in(self.mode, token);
        }
    }

    fn start_in_foreign_content(&mut self, token: StartTag<'_, 'a>) {
        let font = token.tag == Tag::Font
            && [Attr::Color, Attr::Face, Attr::Size].iter().any(|&name| token.attributes.get(name).is_some());
        if font || ends_foreign_content(token.tag) {
            self.leave_foreign_content();
            return self.start_in(self.mode, token);
        }
        let namespace = self.stack.current().map_or(Namespace::Html, |open| open.namespace);
        self.insert_foreign(StartTag { namespace, ..token });
    }

    fn leave_foreign_content(&mut self) {
        while self.holds_foreign_text() {
            self.pop();
        }
    }

    /// Opens an element of another vocabulary; a slash closes it.
    pub(super) fn insert_foreign(&mut self, token: StartTag<'_, 'a>) {
        self.insert(token);
        if token.self_closing {
            self.pop();
        }
    }

    /// An end tag.
    pub(super) fn end(&mut self, name: &'a str) {
        let tag = Tag::of(name.as_bytes());
        if self.in_foreign_content() {
            if matches!(tag, Tag::Br | Tag::P) {
                self.leave_foreign_content();
                return self.end_in(self.mode, tag, name);
            }
            let end = self.stack.inwards().find(|(place, open)| {
                *place == 0 || open.namespace == Namespace::Html || open.name.eq_ignore_ascii_case(name)
            });
            match end {
                None | Some((0, _)) => return,
                Some((place, open)) if open.namespace != Namespace::Html => return self.truncate(place),
                Some(_) => {}
            }
        }
        self.end_in(self.mode, tag, name);
    }

    /// Text between tags or in a raw element, character references decoded; whole or in pieces.
    pub(super) fn characters(&mut self, text: &str) {
        let text =
            if std::mem::take(&mut self.ignore_line_break) { text.strip_prefix('\n').unwrap_or(text) } else { text };
        if text.is_empty() {
            return;
        }
        if self.raw_text.is_some() {
            return self.walk.characters(text);
        }
        if self.holds_foreign_text() {
            self.frameset_ok &= is_white(text);
            self.walk.characters(text);
        } else {
            self.characters_in(text);
        }
    }

    fn characters_in(&mut self, text: &str) {
        match self.mode {
            Mode::InBody | Mode::InCaption | Mode::InCell | Mode::InTemplate => self.shown(text),
            Mode::InTable | Mode::InTableBody | Mode::InRow => {
                let in_table = self.stack.current_is_one_of(|tag| {
                    matches!(tag, Tag::Table | Tag::Tbody | Tag::Tfoot | Tag::Thead | Tag::Tr)
                });
                if in_table && is_white(text) {
                    self.walk.characters(text);
                } else {
                    self.shown(text);
                }
            }
            _ => self.characters_outside(text),
        }
    }

    fn shown(&mut self, text: &str) {
        self.reconstruct();
        self.frameset_ok = self.frameset_ok && is_white(text);
        self.walk.characters(text);
    }

    /// Text where there should be none: white space is passed over, the rest opens what is missing.
    fn characters_outside(&mut self, text: &str) {
        let rest = text.trim_start_matches(is_space);
        let white = &text[..text.len() - rest.len()];
        match self.mode {
            Mode::Initial | Mode::BeforeHtml | Mode::BeforeHead => {}
            _ => self.walk.characters(white),
        }
        if rest.is_empty() {
            return;
        }
        match self.mode {
            Mode::InFrameset | Mode::AfterFrameset | Mode::AfterAfterFrameset => return,
            Mode::InColumnGroup if !self.stack.current_is(Tag::Colgroup) => return,
            _ => self.make_way(),
        }
        self.characters(rest);
    }

    /// What anything that does not belong into the current mode does to it.
    pub(super) fn make_way(&mut self) {
        match self.mode {
            Mode::Initial => self.mode = Mode::BeforeHtml,
            Mode::BeforeHtml => {
                self.insert_implied(Tag::Html);
                self.mode = Mode::BeforeHead;
            }
            Mode::BeforeHead => {
                self.insert_implied(Tag::Head);
                self.had_head = true;
                self.mode = Mode::InHead;
            }
            Mode::InHead => {
                self.pop();
                self.mode = Mode::AfterHead;
            }
            Mode::InHeadNoscript => {
                self.pop();
                self.mode = Mode::InHead;
            }
            Mode::AfterHead => {
                self.insert_implied(Tag::Body);
                self.mode = Mode::InBody;
            }
            Mode::InColumnGroup => {
                self.pop();
                self.mode = Mode::InTable;
            }
            _ => self.mode = Mode::InBody,
        }
    }

    /// The end of a raw element.
    pub(super) fn end_raw_text(&mut self) {
        self.raw_text = None;
        self.ignore_line_break = false;
        self.pop();
    }

    /// Closes everything: the page ends.
    pub(super) fn finish(mut self) -> Walk<'w> {
        self.truncate(0);
        self.walk
    }

    // --- elements ---

    /// Opens an element.
    pub(super) fn insert(&mut self, token: StartTag<'_, 'a>) {
        self.next_id = self.next_id.wrapping_add(1);
        let StartTag { tag, namespace, name, .. } = token;
        self.walk.open_element(&token);
        self.stack.push(Open { tag, namespace, name, id: self.next_id, gone: false });
    }

    /// Opens an element that is not written.
    pub(super) fn insert_implied(&mut self, tag: Tag) {
        let attributes = Attributes::default();
        self.insert(StartTag { name: "", tag, namespace: Namespace::Html, self_closing: false, attributes });
    }

    /// An element without content.
    pub(super) fn insert_void(&mut self, token: StartTag<'_, 'a>) {
        self.insert(token);
        self.pop();
    }

    /// An element whose content is no markup.
    pub(super) fn insert_raw(&mut self, token: StartTag<'_, 'a>, kind: RawText) {
        self.insert(token);
        self.raw_text = Some(kind);
    }

    /// The id of the element that was opened last.
    pub(super) fn last_id(&self) -> u32 {
        self.next_id
    }

    pub(super) fn pop(&mut self) -> Option<Open<'a>> {
        let open = self.stack.pop()?;
        self.walk.close();
        while self.stack.current().is_some_and(|open| open.gone) {
            self.stack.pop();
            self.walk.close();
        }
        Some(open)
    }

    /// Closes the element at `place` and all in it.
    pub(super) fn truncate(&mut self, place: usize) {
        while self.stack.len() > place {
            self.pop();
        }
    }

    /// Closes up to the innermost HTML element of the set, and that one.
    pub(super) fn pop_through(&mut self, set: impl Fn(Tag) -> bool) {
        while let Some(open) = self.pop() {
            if open.is_one_of(&set) {
                break;
            }
        }
    }

    /// Closes up to the innermost HTML element of the set, which stays open.
    pub(super) fn pop_to(&mut self, set: impl Fn(Tag) -> bool) {
        while self.stack.current().is_some_and(|open| !open.is_one_of(&set)) {
            self.pop();
        }
    }

    /// Closes elements that need no end tag.
    pub(super) fn imply_ends(&mut self, except: Option<Tag>) {
        while self.stack.current_is_one_of(|tag| has_implied_end(tag) && Some(tag) != except) {
            self.pop();
        }
    }

    /// Closes an element that is in scope, and what is open in it.
    pub(super) fn close(&mut self, tag: Tag) {
        self.imply_ends(Some(tag));
        self.pop_through(|held| held == tag);
    }

    pub(super) fn close_p(&mut self) {
        if self.stack.in_scope(Scope::Button, Tag::P) {
            self.close(Tag::P);
        }
    }

    /// An end tag without rules of its own.
    pub(super) fn end_other(&mut self, tag: Tag, name: &str) {
        if !self.stack.has(tag) {
            return;
        }
        let same = |open: &Open<'_>| open.is(tag) && (tag != Tag::Other || open.name.eq_ignore_ascii_case(name));
        let found = self.stack.inwards().find(|(_, open)| same(open) || open.is_one_of(is_special));
        if let Some((place, _)) = found.filter(|(_, open)| same(open)) {
            self.imply_ends(Some(tag));
            self.truncate(place);
        }
    }
}

/// Whether a document type is one of the old ones (HTML 13.2.6.4.1), of which those are told apart that pages
/// still have: HTML up to 3.2, and transitional and frameset HTML 4 without an address.
fn asks_for_quirks(declared: &Doctype) -> bool {
    let old = [
        "-//w3c//dtd html 3",
        "-//ietf//dtd html",
        "-//w3c//dtd html 4.0 transitional",
        "-//w3c//dtd html 4.0 frameset",
    ];
    let loose = ["-//w3c//dtd html 4.01 transitional", "-//w3c//dtd html 4.01 frameset"];
    let public_id = declared.public_id.as_deref().unwrap_or_default().to_ascii_lowercase();
    let is_one_of = |ids: &[&str]| ids.iter().any(|id| public_id.starts_with(id));
    declared.force_quirks
        || declared.name.as_deref() != Some("html")
        || is_one_of(&old)
        || is_one_of(&loose) && declared.system_id.is_none()
}

/// White space as the construction of a tree knows it.
pub(super) fn is_space(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\u{c}' | '\r' | ' ')
}

pub(super) fn is_white(text: &str) -> bool {
    text.bytes().all(|byte| is_space(char::from(byte)))
}
