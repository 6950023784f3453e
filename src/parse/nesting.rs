//! [`NestingFilter`]: stands between tokenizer and tree builder and keeps what the builder does
//! linear in the input.
//!
//! The builder searches its stack of open elements for nearly every tag, so it is quadratic in the
//! depth of nesting (servo/html5ever#788), and it repeats unclosed formatting elements in every new
//! block, so a few kilobytes can ask for millions of nodes. Browsers stop nesting at 512. Here:
//!
//! - a start tag whose parent is `max_depth` deep is dropped, and as many end tags of its name;
//!   elements that hold no elements (void, raw text) pass, and a link passes without its content;
//! - a name is an atom in a table that slows down with the number of different names (10 MB of
//!   attributes, each with a name of its own: half a minute), so only so many are let in;
//! - when more elements exist than the tags account for, or more nodes than the limit, the rest of
//!   the page is not read.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};

use html5ever::tokenizer::{Tag, TagKind, Token, TokenSink, TokenSinkResult};
use html5ever::tree_builder::{TreeBuilder, TreeBuilderOpts, TreeSink};
use html5ever::{LocalName, local_name};
use scraper::Html;

use super::ParseLimits;
use super::sink::{BoundedSink, NodeId};
use crate::model::ParseCut;

/// Elements that each start tag pays for; ordinary misnesting makes one or two.
const ELEMENTS_PER_TAG: usize = 4;
/// Elements, and attributes, that nobody has to pay for.
const FREE_ELEMENTS: usize = 10_000;
/// Different names of elements and attributes that one page may bring.
const MAX_NAMES: usize = 10_000;
/// Names up to this length are kept in the atom itself and cost nothing.
const INLINE_NAME_BYTES: usize = 7;
/// Steps beyond the depth limit after which the depth is no longer counted.
const DEPTH_MARGIN: usize = 8;

/// The filter. Its decisions depend on the tokens alone, so a page gives the same tree every time.
pub(crate) struct NestingFilter {
    builder: TreeBuilder<NodeId, BoundedSink>,
    limits: ParseLimits,
    xhtml: bool,
    /// Start tags handed on, and their attributes.
    tags: Cell<usize>,
    attributes: Cell<usize>,
    /// Depth of the current node, and how many elements there were when it was measured.
    depth: Cell<usize>,
    measured_at: Cell<usize>,
    /// An end tag was handed on since: the depth may be less.
    maybe_less: Cell<bool>,
    /// Dropped start tags whose end tag has not come.
    dropped: RefCell<HashMap<LocalName, usize>>,
    /// Names let in, the short ones left out.
    names: RefCell<HashSet<LocalName>>,
    raw_text: Cell<bool>,
    stopped: Cell<bool>,
    cut: Cell<Option<ParseCut>>,
}

impl NestingFilter {
    /// A filter over an empty document. In XHTML a self-closing tag closes its element.
    pub(crate) fn new(limits: ParseLimits, xhtml: bool) -> Self {
        let options = TreeBuilderOpts { scripting_enabled: false, ..TreeBuilderOpts::default() };
        NestingFilter {
            builder: TreeBuilder::new(BoundedSink::new(limits.max_attributes), options),
            limits,
            xhtml,
            tags: Cell::new(0),
            attributes: Cell::new(0),
            depth: Cell::new(0),
            measured_at: Cell::new(0),
            maybe_less: Cell::new(false),
            dropped: RefCell::default(),
            names: RefCell::default(),
            raw_text: Cell::new(false),
            stopped: Cell::new(false),
            cut: Cell::new(None),
        }
    }

    /// Whether the tokenizer is inside raw text (a script, a style …) or plain text.
    pub(crate) fn in_raw_text(&self) -> bool {
        self.raw_text.get()
    }

    /// Whether the current node is SVG or MathML, where CDATA sections mean something.
    pub(crate) fn in_foreign_content(&self) -> bool {
        self.builder.adjusted_current_node_present_but_not_in_html_namespace()
    }

    /// Whether the node limit was reached: nothing more is taken.
    pub(crate) fn stopped(&self) -> bool {
        self.stopped.get()
    }

    /// Notes that a cap was reached; the first one stays.
    pub(crate) fn note(&self, cut: ParseCut) {
        self.cut.set(self.cut.get().or(Some(cut)));
    }

    /// The tree as built so far, and the first cap that was reached.
    pub(crate) fn into_tree(self) -> (Html, Option<ParseCut>) {
        (self.builder.sink.finish(), self.cut.get())
    }

    fn start_tag(&self, mut tag: Tag, line: u64) -> TokenSinkResult<NodeId> {
        tag.attrs.retain(|attribute| self.admits(&attribute.name.local));
        if !self.admits(&tag.name) {
            return TokenSinkResult::Continue;
        }
        if self.too_deep() && !self.is_leaf(&tag) {
            return self.drop_start(tag, line);
        }
        if self.xhtml && tag.self_closing && !is_void(&tag.name) && !self.in_foreign_content() {
            return self.empty_element(tag, line);
        }
        self.hand_on(tag, line)
    }

    /// Whether the name is known, or there is room for it.
    fn admits(&self, name: &LocalName) -> bool {
        if name.len() <= INLINE_NAME_BYTES {
            return true;
        }
        let mut names = self.names.borrow_mut();
        if names.contains(name) {
            return true;
        }
        let room = names.len() < MAX_NAMES;
        if room {
            names.insert(name.clone());
        } else {
            self.note(ParseCut::Size);
        }
        room
    }

    fn hand_on(&self, tag: Tag, line: u64) -> TokenSinkResult<NodeId> {
        self.tags.set(self.tags.get() + 1);
        self.attributes.set(self.attributes.get() + tag.attrs.len());
        let result = self.builder.process_token(Token::TagToken(tag), line);
        self.raw_text.set(matches!(result, TokenSinkResult::RawData(_) | TokenSinkResult::Plaintext));
        result
    }

    /// Start and end at once: the tokenizer hears nothing of raw text.
    fn empty_element(&self, mut tag: Tag, line: u64) -> TokenSinkResult<NodeId> {
        let end = Tag { kind: TagKind::EndTag, self_closing: false, attrs: Vec::new(), ..tag.clone() };
        tag.self_closing = false;
        let _ = self.hand_on(tag, line);
        self.raw_text.set(false);
        self.maybe_less.set(true);
        let _ = self.builder.process_token(Token::TagToken(end), line);
        TokenSinkResult::Continue
    }

    /// The words around a dropped tag stay apart. Links are what a crawl lives on: a dropped one
    /// stays as an empty element.
    fn drop_start(&self, tag: Tag, line: u64) -> TokenSinkResult<NodeId> {
        self.note(ParseCut::Depth);
        *self.dropped.borrow_mut().entry(tag.name.clone()).or_default() += 1;
        let _ = self.builder.process_token(Token::CharacterTokens(" ".into()), line);
        if tag.name == local_name!("a") && tag.attrs.iter().any(|a| a.name.local == local_name!("href")) {
            return self.empty_element(tag, line);
        }
        TokenSinkResult::Continue
    }

    fn end_tag(&self, tag: Tag, line: u64) -> TokenSinkResult<NodeId> {
        if self.was_dropped(&tag.name) {
            return TokenSinkResult::Continue;
        }
        self.raw_text.set(false);
        self.maybe_less.set(true);
        self.builder.process_token(Token::TagToken(tag), line)
    }

    fn was_dropped(&self, name: &LocalName) -> bool {
        if self.dropped.borrow().is_empty() || !self.too_deep() {
            return false;
        }
        let mut dropped = self.dropped.borrow_mut();
        let Some(count) = dropped.get_mut(name) else { return false };
        *count -= 1;
        if *count == 0 {
            dropped.remove(name);
        }
        true
    }

    /// Whether the current node is `max_depth` deep. The depth is measured only when enough
    /// elements were made since the last time that it could be.
    fn too_deep(&self) -> bool {
        let made = self.builder.sink.elements() - self.measured_at.get();
        if self.depth.get() + made < self.limits.max_depth {
            return false;
        }
        if made > 0 || self.maybe_less.get() {
            self.measure();
        }
        let deep = self.depth.get() >= self.limits.max_depth;
        if !deep {
            // Whatever was dropped stood inside an element that is closed now.
            self.dropped.borrow_mut().clear();
        }
        deep
    }

    fn measure(&self) {
        let sink = &self.builder.sink;
        sink.forget_named();
        // The builder keeps its stack to itself, but asks the sink for the current node's name here.
        self.builder.adjusted_current_node_present_but_not_in_html_namespace();
        self.depth.set(sink.depth_of_named(self.limits.max_depth + DEPTH_MARGIN));
        self.measured_at.set(sink.elements());
        self.maybe_less.set(false);
    }

    fn is_leaf(&self, tag: &Tag) -> bool {
        is_void(&tag.name) || is_raw_text(&tag.name) || (tag.self_closing && self.in_foreign_content())
    }

    fn stop_if_exhausted(&self) {
        let sink = &self.builder.sink;
        let amplified = sink.elements() > ELEMENTS_PER_TAG * self.tags.get() + FREE_ELEMENTS
            || sink.attributes() > ELEMENTS_PER_TAG * self.attributes.get() + FREE_ELEMENTS;
        if amplified || sink.nodes() > self.limits.max_nodes {
            self.stopped.set(true);
            self.note(ParseCut::Nodes);
        }
    }
}

impl TokenSink for NestingFilter {
    type Handle = NodeId;

    fn process_token(&self, token: Token, line: u64) -> TokenSinkResult<NodeId> {
        if self.stopped.get() {
            return TokenSinkResult::Continue;
        }
        let result = match token {
            Token::TagToken(tag) if tag.kind == TagKind::StartTag => self.start_tag(tag, line),
            Token::TagToken(tag) => self.end_tag(tag, line),
            other => self.builder.process_token(other, line),
        };
        self.stop_if_exhausted();
        result
    }

    fn end(&self) {
        self.builder.end();
    }

    fn adjusted_current_node_present_but_not_in_html_namespace(&self) -> bool {
        self.in_foreign_content()
    }
}

/// Void elements (HTML 13.1.2) and their retired kin: never on the stack.
fn is_void(name: &LocalName) -> bool {
    matches!(
        *name,
        local_name!("area")
            | local_name!("base")
            | local_name!("basefont")
            | local_name!("bgsound")
            | local_name!("br")
            | local_name!("col")
            | local_name!("embed")
            | local_name!("frame")
            | local_name!("hr")
            | local_name!("img")
            | local_name!("image")
            | local_name!("input")
            | local_name!("keygen")
            | local_name!("link")
            | local_name!("meta")
            | local_name!("param")
            | local_name!("source")
            | local_name!("track")
            | local_name!("wbr")
    )
}

/// Elements whose content is text to the tokenizer: dropping their start tag would turn the
/// content into tags. `html`, `head` and `body` are here because they never nest.
pub(crate) fn is_raw_text(name: &LocalName) -> bool {
    matches!(
        *name,
        local_name!("html")
            | local_name!("head")
            | local_name!("body")
            | local_name!("iframe")
            | local_name!("noembed")
            | local_name!("noframes")
            | local_name!("plaintext")
            | local_name!("script")
            | local_name!("style")
            | local_name!("textarea")
            | local_name!("title")
            | local_name!("xmp")
    )
}
