//! [`NestingFilter`]: stands between tokenizer and tree builder and keeps what the builder does
//! linear in the input.
//!
//! The builder searches its stack of open elements for nearly every tag, so it is quadratic in the
//! depth of nesting (servo/html5ever#788), and it repeats unclosed formatting elements in every new
//! block, so a few kilobytes can ask for millions of nodes. Browsers stop nesting at 512. Here:
//!
//! - a start tag whose parent is `max_depth` deep is dropped, and as many end tags of its name;
//!   elements that hold no elements (void, raw text) pass, and a link passes without its content;
//! - a name is an atom in a table that slows down with the number of different names, so only so many
//!   are let in;
//! - when more elements exist than the tags account for, or more nodes than the limit, the rest of
//!   the page is not read.

use std::collections::{HashMap, HashSet};

use html5ever::tokenizer::states::RawKind;
use html5ever::tokenizer::{Tag, TagKind, Token, TokenSink, TokenSinkResult};
use html5ever::tree_builder::{TreeBuilder, TreeBuilderOpts, TreeSink};
use html5ever::{LocalName, local_name};
use scraper::Html;

use super::ParseLimits;
use super::elements::{holds_no_elements, is_void};
use super::names;
use super::sink::{BoundedSink, NodeId};
use super::tokens::RawText;
use crate::model::ParseCut;

/// Elements that each start tag pays for; ordinary misnesting makes one or two.
const ELEMENTS_PER_TAG: usize = 4;
/// Elements, and attributes, that nobody has to pay for.
const FREE_ELEMENTS: usize = 10_000;
/// Different names of elements that one page may bring.
const MAX_NAMES: usize = 10_000;
/// Names up to this length are kept in the atom itself and cost nothing.
const INLINE_NAME_BYTES: usize = 7;
/// Steps beyond the depth limit after which the depth is no longer counted.
const DEPTH_MARGIN: usize = 8;
/// The tree builder is told of lines for messages that nobody reads.
const LINE: u64 = 1;

/// The filter. Its decisions depend on the tokens alone, so a page gives the same tree every time.
pub(crate) struct NestingFilter {
    builder: TreeBuilder<NodeId, BoundedSink>,
    limits: ParseLimits,
    xhtml: bool,
    /// Start tags handed on, and their attributes.
    tags: usize,
    attributes: usize,
    /// Depth of the current node, and how many elements there were when it was measured.
    depth: usize,
    measured_at: usize,
    /// An end tag was handed on since: the depth may be less.
    maybe_less: bool,
    /// Dropped start tags whose end tag has not come.
    dropped: HashMap<LocalName, usize>,
    /// Names let in, the short ones left out.
    names: HashSet<LocalName>,
    stopped: bool,
    cut: Option<ParseCut>,
}

impl NestingFilter {
    /// A filter over an empty document. In XHTML a self-closing tag closes its element.
    pub(crate) fn new(limits: ParseLimits, xhtml: bool) -> Self {
        let options = TreeBuilderOpts { scripting_enabled: false, ..TreeBuilderOpts::default() };
        NestingFilter {
            builder: TreeBuilder::new(BoundedSink::new(), options),
            limits,
            xhtml,
            tags: 0,
            attributes: 0,
            depth: 0,
            measured_at: 0,
            maybe_less: false,
            dropped: Default::default(),
            names: Default::default(),
            stopped: false,
            cut: None,
        }
    }

    /// Whether the current node is SVG or MathML, where CDATA sections mean something.
    pub(crate) fn in_foreign_content(&self) -> bool {
        self.builder.adjusted_current_node_present_but_not_in_html_namespace()
    }

    /// Whether the node limit was reached: nothing more is taken.
    pub(crate) fn stopped(&self) -> bool {
        self.stopped
    }

    /// Notes that a cap was reached; the first one stays.
    pub(crate) fn note(&mut self, cut: ParseCut) {
        self.cut = self.cut.or(Some(cut));
    }

    /// The tree as built so far, and the first cap that was reached.
    pub(crate) fn into_tree(self) -> (Html, Option<ParseCut>) {
        (self.builder.sink.finish(), self.cut)
    }

    /// Takes a start tag; what its content is when that is no markup.
    pub(crate) fn start(&mut self, tag: Tag) -> Option<RawText> {
        let raw = self.start_tag(tag);
        self.stop_if_exhausted();
        raw
    }

    /// Takes an end tag.
    pub(crate) fn end(&mut self, tag: Tag) {
        if !self.was_dropped(&tag.name) {
            self.end_raw_text(tag);
        }
    }

    /// Takes the end tag of raw text, which is never dropped.
    pub(crate) fn end_raw_text(&mut self, tag: Tag) {
        self.maybe_less = true;
        self.hand(Token::TagToken(tag));
    }

    /// Takes what is no tag.
    pub(crate) fn hand(&mut self, token: Token) {
        let _ = self.builder.process_token(token, LINE);
        self.stop_if_exhausted();
    }

    fn start_tag(&mut self, tag: Tag) -> Option<RawText> {
        if !self.admits(&tag.name) {
            return None;
        }
        if self.too_deep() && !self.is_leaf(&tag) {
            self.drop_start(tag);
            return None;
        }
        if self.xhtml && tag.self_closing && !is_void(names::Tag::of_atom(&tag.name)) && !self.in_foreign_content() {
            self.empty_element(tag);
            return None;
        }
        self.hand_on(tag)
    }

    /// Whether the name is known, or there is room for it.
    fn admits(&mut self, name: &LocalName) -> bool {
        if name.len() <= INLINE_NAME_BYTES {
            return true;
        }
        if self.names.contains(name) {
            return true;
        }
        let room = self.names.len() < MAX_NAMES;
        if room {
            self.names.insert(name.clone());
        } else {
            self.note(ParseCut::Size);
        }
        room
    }

    fn hand_on(&mut self, tag: Tag) -> Option<RawText> {
        self.tags += 1;
        self.attributes += tag.attrs.len();
        match self.builder.process_token(Token::TagToken(tag), LINE) {
            TokenSinkResult::RawData(RawKind::Rcdata) => Some(RawText::Replaceable),
            TokenSinkResult::RawData(RawKind::Rawtext) => Some(RawText::Raw),
            TokenSinkResult::RawData(RawKind::ScriptData | RawKind::ScriptDataEscaped(_)) => Some(RawText::Script),
            TokenSinkResult::Plaintext => Some(RawText::Endless),
            // A script that ended, or a charset: neither changes anything here.
            TokenSinkResult::Continue | TokenSinkResult::Script(_) | TokenSinkResult::EncodingIndicator(_) => None,
        }
    }

    /// Start and end at once: the page goes on with markup.
    fn empty_element(&mut self, mut tag: Tag) {
        let end = Tag { kind: TagKind::EndTag, self_closing: false, attrs: Vec::new(), ..tag.clone() };
        tag.self_closing = false;
        let _ = self.hand_on(tag);
        self.end_raw_text(end);
    }

    /// The words around a dropped tag stay apart. Links are what a crawl lives on: a dropped one
    /// stays as an empty element.
    fn drop_start(&mut self, tag: Tag) {
        self.note(ParseCut::Depth);
        *self.dropped.entry(tag.name.clone()).or_default() += 1;
        self.hand(Token::CharacterTokens(" ".into()));
        if tag.name == local_name!("a") && tag.attrs.iter().any(|a| a.name.local == local_name!("href")) {
            self.empty_element(tag);
        }
    }

    fn was_dropped(&mut self, name: &LocalName) -> bool {
        if self.dropped.is_empty() || !self.too_deep() {
            return false;
        }
        let Some(count) = self.dropped.get_mut(name) else { return false };
        *count -= 1;
        if *count == 0 {
            self.dropped.remove(name);
        }
        true
    }

    /// Whether the current node is `max_depth` deep. The depth is measured only when enough
    /// elements were made since the last time that it could be.
    fn too_deep(&mut self) -> bool {
        let made = self.builder.sink.elements() - self.measured_at;
        if self.depth + made < self.limits.max_depth {
            return false;
        }
        if made > 0 || self.maybe_less {
            self.measure();
        }
        let deep = self.depth >= self.limits.max_depth;
        if !deep {
            // Whatever was dropped stood inside an element that is closed now.
            self.dropped.clear();
        }
        deep
    }

    fn measure(&mut self) {
        let sink = &self.builder.sink;
        sink.forget_named();
        // The builder keeps its stack to itself, but asks the sink for the current node's name here.
        self.builder.adjusted_current_node_present_but_not_in_html_namespace();
        self.depth = sink.depth_of_named(self.limits.max_depth + DEPTH_MARGIN);
        self.measured_at = sink.elements();
        self.maybe_less = false;
    }

    fn is_leaf(&self, tag: &Tag) -> bool {
        holds_no_elements(names::Tag::of_atom(&tag.name)) || (tag.self_closing && self.in_foreign_content())
    }

    fn stop_if_exhausted(&mut self) {
        let sink = &self.builder.sink;
        let amplified = sink.elements() > ELEMENTS_PER_TAG * self.tags + FREE_ELEMENTS
            || sink.attributes() > ELEMENTS_PER_TAG * self.attributes + FREE_ELEMENTS;
        if amplified || sink.nodes() > self.limits.max_nodes {
            self.stopped = true;
            self.note(ParseCut::Nodes);
        }
    }
}
