//! [`Walk`]: one pass over the elements and texts of a page, in document order, for everything it
//! says: title, description, language, headings, plain text, base, robots and links. [`walk`] takes
//! them from a tree.
//!
//! The rule behind all choices: the page as a browser without scripting shows it. So `noscript`
//! counts, `template` does not, and text that is never shown (`hidden`, scripts, fallback content of
//! media) is left out while the links in it stay.

mod attributes;

use scraper::{Html, Node};

use super::ParseLimits;
use super::elements::{self, Effect};
use super::flow::{Flow, Room};
use super::names::Element;
use super::references::{MAX_ANCHOR_CHARS, References};
use super::structured::{Blocks, Properties};
use crate::model::{ParseCut, RawLink};

pub(crate) const MAX_TITLE_CHARS: usize = 1024;
pub(crate) const MAX_DESCRIPTION_CHARS: usize = 2048;
const MAX_HEADINGS: usize = 200;
const MAX_HEADING_CHARS: usize = 256;
const MAX_ROBOTS_BYTES: usize = 1024;

/// What a page says.
#[derive(Debug)]
pub(crate) struct Findings {
    pub(crate) title: Option<String>,
    pub(crate) description: Option<String>,
    /// `html lang` as written.
    pub(crate) lang: Option<String>,
    pub(crate) headings: Vec<(u8, String)>,
    pub(crate) text: String,
    pub(crate) base: Option<String>,
    pub(crate) links: Vec<RawLink>,
    pub(crate) links_cut: u32,
    pub(crate) meta_robots: Option<String>,
    /// A JSON array.
    pub(crate) json_ld: Option<String>,
    /// A JSON object.
    pub(crate) open_graph: Option<String>,
    pub(crate) cut: Option<ParseCut>,
}

/// Walks a document.
pub(crate) fn walk(html: &Html, agent: &str, limits: &ParseLimits) -> Findings {
    let mut walk = Walk::new(agent, limits);
    // Depth first by hand: a recursion would follow the page's nesting onto the stack.
    let mut node = html.tree.root();
    loop {
        match node.value() {
            Node::Text(text) => walk.characters(text),
            Node::Element(element) => walk.open_element(element),
            _ => {}
        }
        if let Some(child) = node.first_child() {
            node = child;
            continue;
        }
        loop {
            if node.value().is_element() {
                walk.close();
            }
            if let Some(next) = node.next_sibling() {
                node = next;
                break;
            }
            let Some(parent) = node.parent() else { return walk.finish() };
            node = parent;
        }
    }
}

/// A link whose element is open.
struct OpenLink {
    position: Option<usize>,
    text: Flow,
    alt: Flow,
}

/// What was found so far, and what the open elements do to what follows.
pub(crate) struct Walk<'a> {
    agent: &'a str,
    /// Effects of the open elements, outermost first.
    open: Vec<Effect>,
    inert: usize,
    unseen: usize,
    preformatted: usize,
    links: References,
    open_links: Vec<OpenLink>,
    open_headings: Vec<(u8, Flow)>,
    headings: Vec<(u8, String)>,
    title: Option<Flow>,
    in_title: bool,
    text: Flow,
    description: Option<String>,
    lang: Option<String>,
    xml_lang: Option<String>,
    base: Option<String>,
    robots: Flow,
    json_ld: Blocks,
    open_graph: Properties,
    cut: Option<ParseCut>,
}

impl<'a> Walk<'a> {
    /// A page that has not begun. `agent` is the product token that `meta name` may address.
    pub(crate) fn new(agent: &'a str, limits: &ParseLimits) -> Self {
        Walk {
            agent,
            open: Vec::new(),
            inert: 0,
            unseen: 0,
            preformatted: 0,
            links: References::new(limits.max_links),
            open_links: Vec::new(),
            open_headings: Vec::new(),
            headings: Vec::new(),
            title: None,
            in_title: false,
            text: Flow::new(Room::Bytes(limits.max_text_bytes)),
            description: None,
            lang: None,
            xml_lang: None,
            base: None,
            robots: Flow::new(Room::Bytes(MAX_ROBOTS_BYTES)),
            json_ld: Blocks::default(),
            open_graph: Properties::default(),
            cut: None,
        }
    }

    /// A text, or the next piece of one.
    pub(crate) fn characters(&mut self, text: &str) {
        if self.inert > 0 {
            return;
        }
        if self.in_title
            && let Some(title) = &mut self.title
        {
            title.push(text);
        }
        self.json_ld.push(text);
        if self.unseen > 0 {
            return;
        }
        if self.preformatted > 0 {
            self.text.push_preformatted(text);
        } else {
            self.text.push(text);
        }
        if let Some(link) = self.open_links.last_mut() {
            link.text.push(text);
        }
        if let Some((_, heading)) = self.open_headings.last_mut() {
            heading.push(text);
        }
    }

    /// An element begins. It holds what follows until [`Walk::close`].
    pub(crate) fn open_element(&mut self, element: &impl Element) {
        let effect = elements::effect(element);
        self.open.push(effect);
        self.inert += usize::from(effect.inert);
        if self.inert > 0 {
            return;
        }
        self.unseen += usize::from(effect.unseen);
        self.preformatted += usize::from(effect.preformatted);
        self.edge(effect);
        if let Some(level) = effect.heading {
            self.open_headings.push((level, Flow::new(Room::Chars(MAX_HEADING_CHARS))));
        }
        if effect.title && self.title.is_none() {
            self.title = Some(Flow::new(Room::Chars(MAX_TITLE_CHARS)));
            self.in_title = true;
        }
        let position = self.references(element);
        if effect.link {
            let (text, alt) = (Flow::new(Room::Chars(MAX_ANCHOR_CHARS)), Flow::new(Room::Chars(MAX_ANCHOR_CHARS)));
            self.open_links.push(OpenLink { position, text, alt });
        }
    }

    /// The innermost element ends.
    pub(crate) fn close(&mut self) {
        let Some(effect) = self.open.pop() else { return };
        if self.inert > 0 {
            self.inert -= usize::from(effect.inert);
            return;
        }
        self.in_title &= !effect.title;
        // A script holds nothing but its text.
        self.json_ld.end();
        self.edge(effect);
        self.unseen -= usize::from(effect.unseen);
        self.preformatted -= usize::from(effect.preformatted);
        if effect.heading.is_some() {
            self.close_heading();
        }
        if effect.link {
            self.close_link();
        }
    }

    /// The start or end of an element separates what stands around it.
    fn edge(&mut self, effect: Effect) {
        if self.unseen > 0 || !(effect.line || effect.cell) {
            return;
        }
        if effect.line {
            self.text.line();
        } else {
            self.text.cell();
        }
        if let Some(link) = self.open_links.last_mut() {
            link.text.gap();
        }
        if let Some((_, heading)) = self.open_headings.last_mut() {
            heading.gap();
        }
    }

    fn close_heading(&mut self) {
        let Some((level, text)) = self.open_headings.pop() else { return };
        if self.headings.len() < MAX_HEADINGS {
            self.headings.extend(text.finish_some().map(|text| (level, text)));
        }
    }

    fn close_link(&mut self) {
        if let Some(link) = self.open_links.pop() {
            self.name_link(link);
        }
    }

    fn name_link(&mut self, link: OpenLink) {
        let anchor = link.text.finish_some().or_else(|| link.alt.finish_some());
        if let Some(position) = link.position {
            self.links.set_anchor(position, anchor);
        }
    }

    /// A second `html` tag: what it says counts where the first said nothing.
    pub(crate) fn late_html(&mut self, element: &impl Element) {
        self.language(element);
    }

    /// A link that does not fit any more.
    pub(crate) fn drop_link(&mut self) {
        self.links.drop_one();
    }

    /// The element at `place` (0 is the outermost) ends, those in it do not.
    pub(crate) fn end_early(&mut self, place: usize) {
        let effect = self.open.remove(place);
        if self.inert > 0 {
            return;
        }
        self.unseen -= usize::from(effect.unseen);
        self.preformatted -= usize::from(effect.preformatted);
        if effect.link {
            let link = self.open[..place].iter().filter(|outer| outer.link).count();
            let link = self.open_links.remove(link);
            self.name_link(link);
        }
    }

    fn note_size(&mut self, cut: bool) {
        if cut {
            self.cut = self.cut.or(Some(ParseCut::Size));
        }
    }

    /// What was found.
    pub(crate) fn finish(mut self) -> Findings {
        let title_full = self.title.as_ref().is_some_and(Flow::full);
        self.note_size(title_full || self.text.full() || self.robots.full());
        self.note_size(self.json_ld.full || self.open_graph.full);
        Findings {
            title: self.title.and_then(Flow::finish_some),
            description: self.description,
            lang: self.lang.or(self.xml_lang),
            headings: self.headings,
            text: self.text.finish(),
            base: self.base,
            links_cut: self.links.dropped,
            cut: self.links.cut.or(self.cut),
            links: self.links.finish(),
            meta_robots: self.robots.finish_some(),
            json_ld: self.json_ld.finish(),
            open_graph: self.open_graph.finish(),
        }
    }
}
